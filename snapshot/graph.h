/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * graph: what QEMU really has, made from its query replies.             PURE
 *
 *   disk  ──root──> layer (active) ──backing──> layer ──backing──> layer
 *   id, device      file, node, format, size
 *
 * Two depths of looking. query-block alone tells every disk with the files of its
 * chain, but only the root's node name; that is enough to take a snapshot and costs a
 * fraction of a millisecond. query-blockstats adds each layer's nodes. Nobody needs
 * query-named-block-nodes, which costs ten times as much on a long chain, and crashes
 * QEMU 7.2 while a stream job has ended and is not dismissed.
 *
 * Where no QEMU runs, the same is made of the images themselves: graph-files.h.
 *
 * Names are as QEMU gives them, with pseudo-names ("json:{…}") reduced to the file
 * they mean. They are strings from outside: never trusted, never printed raw.
 */
#ifndef SNAPSHOT_GRAPH_H
#define SNAPSHOT_GRAPH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qmp/error.h"
#include "snapshot/graph-tags.h"

/* The status where nothing runs a guest. */
#define GRAPH_OFF "off"

/* Deeper chains do not exist: a reply that claims one is a lie, one of files is a loop. */
enum { GRAPH_MAX_LAYERS = 1024 };

enum graph_level { GRAPH_DISKS, GRAPH_NODES };

struct graph_layer {
    char *file;           /* the image; a path unless `remote`, made canonical where we see it */
    char *spelling;       /* the same as QEMU spells it */
    char *node;           /* the format node; NULL where only query-block was asked */
    char *file_node;      /* the protocol node under it; NULL as above */
    char *format;         /* "qcow2", "raw", … : a format, never a protocol */
    char *backing;        /* the backing string of its header, NULL: none */
    int64_t size;         /* virtual, bytes */
    int64_t allocated;    /* bytes on the host, -1: not told */
    int64_t cluster_size; /* bytes, 0: not told */
    bool read_only;
    bool remote;            /* not a file of the host: nbd, rbd, … */
    bool encrypted;         /* only QEMU has the key */
    bool corrupt;           /* QEMU has marked it as damaged, and opens it only for reading */
    bool lost;              /* the file has gone, and QEMU has it open */
    bool dead;              /* (vm-dead.h) no QEMU has it: the root node is what is below it */
    bool relative;          /* named from a folder of QEMU's that we do not know */
    bool unsaid;            /* (graph-files.h) no header above names its format */
    bool guessed;           /* (graph-files.h) its format is recorded nowhere: a guess */
    char *trouble;          /* (graph-files.h) why the image could not be read, NULL: it could */
    struct graph_tag *tags; /* the internal snapshots in it, oldest first */
    size_t ntags;
};

struct graph_disk {
    char *id;     /* our name for it, unique: qdev id, else drive id, else root node */
    char *qdev;   /* as query-block says: a QOM path or a plain id; NULL: none */
    char *drive;  /* the block backend's name, NULL or "" with -blockdev */
    char *node;   /* the root node */
    char *filter; /* driver of the root when that is a filter (a job's, throttle), else NULL */
    char *detect_zeroes; /* "off", "on", "unmap" */
    bool removable;      /* its medium can be changed: a CD, a floppy, an SD card */
    bool aside;          /* so that it is no disk: in a CD drive, or on no device at all */
    bool read_only, empty;
    bool encrypted; /* its active layer is */
    bool nameless;  /* its id is its root node, which every snapshot changes: chain_disk_names() */
    bool cache_direct, cache_no_flush;
    bool bitmaps;               /* it has dirty bitmaps */
    bool told;                  /* offline: nothing but the sidecar says that the VM has it */
    struct graph_layer *layers; /* active first */
    size_t nlayers;
};

struct graph_job {
    char *id, *type, *status, *error; /* error: NULL, none */
    int64_t offset, length;           /* progress: only their ratio means something */
    json_t *nodes; /* the nodes that it works on, as members; NULL: not asked, or not told */
    json_t *above; /* these, and all that build on them, so; NULL: as above */
};

struct graph {
    char *status; /* query-status: "running", "paused", "prelaunch", …; GRAPH_OFF: no VM */
    bool running;
    char *migration; /* query-migrate: "active", …; NULL: none, or not asked */
    struct graph_disk *disks;
    size_t ndisks;
    struct graph_job *jobs;
    size_t njobs;
    enum graph_level level;
};

/* Each takes one reply (borrowed). QMP_ERR_PROTOCOL for a reply that makes no sense. */
int graph_take_status(struct graph *g, const json_t *reply, struct qmp_error *err);
int graph_take_block(struct graph *g, const json_t *reply, struct qmp_error *err);
int graph_take_jobs(struct graph *g, const json_t *reply, struct qmp_error *err);
/* Only its device's type tells whether @d is a disk: what has a tray may be either. */
bool graph_needs_type(const struct graph_disk *d);
/* Of qom-get; @disk is the struct graph_disk. */
int graph_take_type(void *disk, const json_t *reply, struct qmp_error *err);
/* Of x-debug-query-block-graph; comes after graph_take_jobs. Whatever it says, there is no error.
 */
int graph_take_job_nodes(struct graph *g, const json_t *reply, struct qmp_error *err);
/* As if query-jobs had shown none. */
void graph_forget_jobs(struct graph *g);
int graph_take_migration(struct graph *g, const json_t *reply, struct qmp_error *err);
/* Comes after graph_take_block. */
int graph_take_stats(struct graph *g, const json_t *reply, struct qmp_error *err);

/* One more disk, or one more layer at the bottom of @d, all zero: for who looks at files without
 * a QEMU. Valid until the next one. */
struct graph_disk *graph_add_disk(struct graph *g);
struct graph_layer *graph_add_layer(struct graph_disk *d);

/* No VM is there: the disks are seen in their files, or by the engine. */
void graph_set_off(struct graph *g);
bool graph_is_off(const struct graph *g);

/* Is there an internal snapshot in any layer? */
bool graph_has_tags(const struct graph *g);

/* Is @d a flash device (UEFI variables)? It keeps what it holds in memory. */
bool graph_is_flash(const struct graph_disk *d);
/* Has the VM one that the guest can write to? */
bool graph_has_flash(const struct graph *g);

/* What a snapshot says of the guest's state: "running", "paused", GRAPH_OFF. */
const char *graph_state(const struct graph *g);

/* Call the disk @id from now on. */
void graph_rename(struct graph_disk *d, const char *id);

/* The layers [from, to) of @d are gone, their data is in the layer @into, which is none of them. */
void graph_merge(struct graph_disk *d, size_t from, size_t to, size_t into);

/* Free what is inside; @g is empty afterwards. */
void graph_done(struct graph *g);

/* Borrowed, NULL: none. A disk is found by id, drive id, root node or qdev path. */
const struct graph_disk *graph_disk(const struct graph *g, const char *name);
const struct graph_job *graph_job(const struct graph *g, const char *id);
/* Is there one under way that somebody else began? Its id does not say what it works on. */
bool graph_has_foreign_jobs(const struct graph *g);
/* Does @job say that it works on a node of @d? */
bool graph_job_has(const struct graph_job *job, const struct graph_disk *d);
/* Or of one that @d builds on, whose name QEMU may not tell then? */
bool graph_job_is_below(const struct graph_job *job, const struct graph_disk *d);
/* Is it one of ours that has ended, and that nobody has told QEMU to forget? */
bool graph_job_is_left(const struct graph_job *job);
/* Is there one that is not? */
bool graph_works(const struct graph *g);
const struct graph_layer *graph_active(const struct graph_disk *d);
/* The first layer of @d that could not be read (graph-files.h). NULL: there is none. */
const struct graph_layer *graph_trouble(const struct graph_disk *d);
/* Is the lowest layer of @d one that is above already: do headers lead in a circle? Nothing lies
 * below that then. */
bool graph_is_loop(const struct graph_disk *d);
/* The layer of @d that is @file, or whose node is @file. */
const struct graph_layer *graph_layer(const struct graph_disk *d, const char *file);
/* The first disk that has such a layer. */
const struct graph_disk *graph_disk_with(const struct graph *g, const char *file);

/*
 * The status in a reply to query-migrate; borrowed, NULL: none. What QEMU calls completed is not
 * while it still tidies up, and does not know how long it took: 7.2 crashes when capabilities
 * change and the next migration begins before that is done.
 */
const char *graph_migration(const json_t *reply);

/* Is a migration that has this status (NULL: none) still under way? */
bool graph_migrates(const char *status);

/* Why a snapshot leaves this disk out ("empty", "read-only", "a CD"); NULL: it does not. */
const char *graph_skip_reason(const struct graph_disk *d);

/* The disk beside whose image the record goes, NULL: none has a folder. One that cannot be taken
 * out comes first: the record would be gone with it. */
const struct graph_disk *graph_home(const struct graph *g);

/* What image file a name of QEMU's means ("json:{…}", "file:…"). New string. */
char *graph_file_name(const char *name);

/* Is it a name of a file of the host, not "nbd://…"? */
bool graph_is_path(const char *file);

/* Can other files lie beside it? Not beside a device: /dev is gone with the next boot. */
bool graph_has_folder(const char *file);

#endif
