/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * operations: what qrw_run() can do, and the arguments of each.       PURE, PUBLIC
 *
 * Strings are borrowed for the time of the call; a member that is zero means what its
 * comment says.
 */
#ifndef SNAPSHOT_OPERATIONS_H
#define SNAPSHOT_OPERATIONS_H

#include <stdbool.h>
#include <stdint.h>

struct qrw_operation;

/* A NULL-terminated list, or NULL for none. */
typedef const char *const *qrw_strings;

enum qrw_method { QRW_METHOD_AUTO, QRW_METHOD_SNAPSHOT, QRW_METHOD_SYNC };
/* STOP: the guest stands still while its memory is saved, which any VM can load in place.
 * LIVE: it goes on after some milliseconds; only a QEMU started with -incoming defer loads it. */
enum qrw_memory { QRW_MEMORY_NO, QRW_MEMORY_STOP, QRW_MEMORY_LIVE };
enum qrw_quiesce { QRW_QUIESCE_NO, QRW_QUIESCE_TRY, QRW_QUIESCE_REQUIRE };

struct qrw_create_args {
    const char *name;        /* NULL: the time, 20261121-100000 */
    const char *description; /* NULL: "" */
    qrw_strings disks;       /* NULL: all writable ones */
    qrw_strings exclude;
    qrw_strings overlays; /* "DISK=FILE" */
    enum qrw_method method;
    enum qrw_memory memory; /* the guest's memory too: it can go on from this instant later */
    bool internal;          /* inside the images, which must be qcow2; no overlays are made */
    bool halt;              /* leave the guest stopped */
    bool prunes;            /* qrw_prune follows, with .spare: before that, it is not done */

    /* Freeze the guest's file systems, through its agent, for the time of the snapshot.
     * REQUIRE: it is quiesced or not taken; TRY: a note says why it is not. */
    enum qrw_quiesce quiesce;
    int freeze_timeout_ms;          /* how long it may take and last; 0: 10 s */
    qrw_strings freeze_mountpoints; /* NULL: every file system */
};
extern const struct qrw_operation qrw_create;

/*
 * Back to a snapshot, in place. The guest is stopped meanwhile; with memory it goes on
 * from the instant of the snapshot, without it is reset. What it had is the undo point.
 * QEMU: 6.1 (blockdev-reopen) for disks, 5.2 through its unstable x- form; 6.0 for memory, 5.2 for
 * one inside of the images, and then only to @discard what there is.
 */
struct qrw_revert_args {
    const char *name;     /* qrw_undo: not used */
    const char *keep;     /* make the present state this snapshot; NULL: the undo point */
    bool discard;         /* keep nothing of the present state */
    bool no_memory;       /* the disks alone */
    bool no_reset;        /* leave the guest's memory as it is: it must not use the disks */
    bool paused, running; /* the guest's state afterwards; neither: as it was */
};
extern const struct qrw_operation qrw_revert;
/* Back to what the last revert left; and again: forward. */
extern const struct qrw_operation qrw_undo;

struct qrw_delete_args {
    qrw_strings names;
    bool children; /* and everything that descends from them */
    bool undo;     /* and the undo point that the last revert left */
    bool metadata; /* the record only: no file is touched, nothing is merged */
};
/* Layers that nothing keeps are removed or merged, live, one merge after the other. */
extern const struct qrw_operation qrw_delete;

struct qrw_edit_args {
    const char *name;
    const char *new_name;    /* NULL: stays */
    const char *description; /* NULL: stays */
    bool pin, unpin;         /* a pinned snapshot is neither deleted nor pruned */
};
extern const struct qrw_operation qrw_edit;

/*
 * Delete the snapshots that no rule keeps. Each rule counts over the snapshots that there
 * are, not over the calendar: a gap costs nothing. 0: the rule is not used.
 */
struct qrw_prune_args {
    int64_t last;                                   /* the newest ones */
    int64_t hourly, daily, weekly, monthly, yearly; /* the newest of each of the last N hours, … */
    int64_t max_depth; /* layers of the active chains; 0: any. The oldest go first */
    const char *spare; /* the one that does not go for that: it was just taken; NULL: none */
};
extern const struct qrw_operation qrw_prune;

struct qrw_commit_args {
    const char *disk;
    const char *base, *top; /* file, node or snapshot; NULL: the layer below top; the active one */
    int64_t speed;          /* bytes per second, 0: unlimited */
    bool keep_files, force;
};
extern const struct qrw_operation qrw_commit;

/* The same members: base NULL: none, the layer becomes independent. */
extern const struct qrw_operation qrw_stream;

struct qrw_mirror_args {
    const char *disk;
    const char *file;   /* NULL: go on with the copy that is under way */
    const char *sync;   /* "full", "top", "none" */
    const char *format; /* NULL: "qcow2" */
    int64_t speed;
    bool pivot, finish, keep_files;
};
extern const struct qrw_operation qrw_mirror;

/*
 * Copy a snapshot out of the chain: a flat image per disk, which needs no other file, the memory,
 * and a manifest (doc/export.md). The guest goes on; nothing of the VM changes. It rests on
 * qemu-img and sha256sum, which run as our children. Nothing that is there is overwritten.
 */
struct qrw_export_args {
    const char *name;
    /* A folder that is made; called *.qcow2, *.raw or *.img: one image alone, without manifest. */
    const char *to;
    qrw_strings disks;  /* NULL: all of the snapshot, with its memory */
    const char *format; /* "qcow2", "raw"; NULL: "qcow2" */
    bool compress;      /* qcow2 only */
    bool no_memory;
};
extern const struct qrw_operation qrw_export;

/* For qrw_repair() of vm.h. */
struct qrw_repair_args {
    qrw_strings only; /* codes of findings, no others are mended; NULL: all are */
};

/* For qrw_import() of vm.h. */
struct qrw_import_args {
    const char *from;   /* an exported folder; with @format an image */
    const char *to;     /* the folder that is made; NULL: called like the snapshot */
    const char *name;   /* of the snapshot; NULL: as it was, of an image "imported" */
    const char *format; /* what @from is: "raw", "vmdk", …; NULL: a folder */
    const char *disk;   /* what the disk of an image is called; NULL: like the file */
};

#endif
