/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-copied: a disk that another tool has moved to a copy (a mirror, virsh blockcopy).   PURE
 *
 *   recorded   base* <- s1* <- a      QEMU runs on c, flat or on s1, and the record does not know c
 *
 * Or the VM was started with an image that is none of it: nothing tells the one from the other, so
 * it is recorded only when asked to. No file goes with that.
 */
#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* Is one of its images one that the record knows by another name? Then it was renamed. */
static bool is_renamed(const struct check *k, const struct graph_disk *d)
{
    const char *id;
    json_t *moved;

    json_object_foreach(k->moved, id, moved)
        if (graph_layer(d, text(moved, "file")))
            return true;
    return false;
}

bool check_tell_copied(struct check *k, const struct graph_disk *d, const char *why)
{
    const char *top = d->layers[0].file;
    auto_free char *active = chain_layer_file(k->c, chain_active(k->c, d->id));

    if (!k->live || !k->files || !active || d->removable || chain_layer_by_file(k->c, top) ||
        chain_outdated_by(k->c, top) || chain_pending(k->c) || graph_works(k->s->graph) ||
        is_renamed(k, d))
        return false;
    auto_free char *repair = mem_printf("record that the disk is on %s, and no more on %s",
                                        path_name(top), path_name(active));
    check_add(k,
              &(struct finding){"wrong-active", top, repair,
                                json_pack("{s:s, s:s}", "do", "copied", "disk", d->id), true},
              "%s; if another tool has moved the disk to it (a mirror), never start the VM with %s "
              "again: what was written since is not in that; else start it with that, or remove "
              "the sidecar if it is of another VM",
              why, path_name(active));
    return true;
}
