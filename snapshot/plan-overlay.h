/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-overlay: the fresh overlays of an operation: their files, names and nodes.  PURE */
#ifndef SNAPSHOT_PLAN_OVERLAY_H
#define SNAPSHOT_PLAN_OVERLAY_H

#include "snapshot/plan.h"

/* blockdev-reopen; older ones have it as x-blockdev-reopen, for one node at a time. */
#define OLDEST_WITH_REOPEN 60100

struct overlay {
    const struct graph_disk *disk;
    char *file;   /* absolute; NULL until it has a name */
    char *node;   /* "qrw-TOKEN-N" */
    int64_t size; /* bytes, of one that goes on another layer than the active one */
    bool made;    /* the file is there, also where QEMU makes the others */
};

struct overlays {
    struct overlay *list;
    size_t n;
};

void overlays_done(struct overlays *o);
#define auto_overlays __attribute__((cleanup(overlays_done)))

void overlays_add(struct overlays *o, const struct scene *s, const struct graph_disk *d);
/* Does one go on @d? Devices that share a node go where it goes. */
bool overlays_have(const struct overlays *o, const struct graph_disk *d);
/* Note which disks of the VM stay as they are while those of @o go back to @snapshot. */
void overlays_note_others(struct plan *p, const struct scene *s, const struct overlays *o,
                          const char *snapshot);

/* QRW_ERR_REFUSED: an overlay before @at goes on the same image. */
int overlays_check_alone(const struct overlays *o, size_t at, struct qmp_error *err);

/* Name the file of overlay @at by rule: beside the active layer, "disk.NAME.qcow2". */
void overlays_name(struct overlays *o, size_t at, const struct scene *s, const char *name);

/* The file of overlay @at is @file. QRW_ERR_REFUSED: it is a layer already. */
int overlays_place(struct overlays *o, size_t at, const struct scene *s, const char *file,
                   struct qmp_error *err);

/*
 * What blockdev-add takes for @o: without a backing file, and behaving as the present
 * active layer does. @file_node: the name of its protocol node, NULL: it needs none.
 */
json_t *overlay_options(const struct overlay *o, const char *file_node);

/* {"execute": "blockdev-del", …}: the undo of adding @node. */
json_t *overlay_undo(const char *node);

/* The step after which layer @l of @d, which backs on @below (NULL: nothing), is @writable or not.
 * New reference. NULL: QEMU does not name it. */
json_t *plan_reopen(const struct scene *s, const struct graph_disk *d, const struct graph_layer *l,
                    const struct graph_layer *below, bool writable);

/* The same of @node for whatever QEMU, in the words of the human monitor. New reference. */
json_t *plan_reopen_node(const char *node, bool writable);

/*
 * Layer @l of @d, which will back on @below (NULL: nothing), is not written to any more: see
 * that QEMU does not hold it open for writing at the end, as it does after some jobs. Else
 * nobody else could read the layers that build on it.
 */
void plan_end_writing(struct plan *p, const struct scene *s, const struct graph_disk *d,
                      const struct graph_layer *l, const struct graph_layer *below);

/*
 * Put every overlay on top of its disk's active layer, all at one instant. @sync: QEMU
 * makes and opens the files too. Takes @undo (NULL: it cannot be taken back).
 */
void overlays_switch(struct plan *p, const struct overlays *o, bool sync, json_t *undo);

/* The disks go back without the memory: say of flash devices that the guest does not see it. */
void overlays_note_flash(struct plan *p, const struct overlays *o);

#endif
