/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-moved: a folder that was moved while something was pending.
 *
 * The headers name files by the folder that was, and nothing can be settled before they are found.
 * What is pending may have changed who builds on whom, so no header is given another meaning:
 * one that names a file that is gone gets the name that this recorded file has now.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/belongs.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/vm-offline.h"

/*
 * What the name @file in the header of the layer @id of @c means now, and is there. Another layer
 * may be called so in another folder: it is the one that lies where @file lay, seen from the folder
 * that was; else the one that is recorded below @id. New string, NULL: none.
 */
static char *found_again(const struct chain *c, const struct chain *moved, const char *id,
                         const char *file)
{
    char *now = chain_where_it_was(moved, file);

    if (!now) {
        auto_free char *below = chain_layer_file(c, text(chain_layer(c, id), "backing"));

        now = below && same(path_name(below), path_name(file)) ? mem_strdup(below) : NULL;
    }
    if (now && chain_layer_by_file(c, now) && image_is_there(now))
        return now;
    free(now);
    return NULL;
}

/* May its header be written to? */
static bool is_ours(const struct qrw_vm *vm, const struct chain *c, const char *file)
{
    struct image_stat st;

    return !image_stat(file, &st, NULL) && !image_is_foreign(&st, c->owner) &&
           belongs(file, false, c, &vm->graph);
}

/* Mend the header of @file, which is a layer of @c, as @moved was. Returns whether it was, or, if
 * we but @look, would be; -1: @err. */
static int follow(const struct qrw_vm *vm, const struct chain *c, const struct chain *moved,
                  const char *id, const char *file, bool look, struct qmp_error *err)
{
    struct qcow2_header h = {0};
    int rc = 0;

    if (!same(text(chain_layer(c, id), "format"), "qcow2") || image_read_header(file, &h, NULL))
        return 0;
    auto_free char *named = h.backing ? image_backing_path(file, h.backing) : NULL;
    auto_free char *now = named && image_is_gone(named) ? found_again(c, moved, id, named) : NULL;
    if (now && h.backing_format && is_ours(vm, c, file)) {
        auto_free char *folder = path_folder(file), *spelled = chain_spell(folder, now);

        rc = !look && (vm_await_file(vm, file, err) ||
                       image_name_backing(file, "qcow2", spelled, h.backing_format, err))
                 ? -1
                 : 1;
    }
    qcow2_header_done(&h);
    return rc;
}

/* Mend all of @c's. Returns how many. */
static int follow_all(const struct qrw_vm *vm, const struct chain *c, const struct chain *moved,
                      struct qmp_error *err)
{
    const char *id;
    json_t *layer;
    int n = 0;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(c, id);
        int rc = follow(vm, c, moved, id, file, false, err);

        if (rc < 0)
            return -1;
        n += rc;
    }
    return n;
}

/* What is remembered of those of @c's that will be written to is forgotten, also in @other. */
static bool forget(const struct qrw_vm *vm, struct chain *c, struct chain *other,
                   const struct chain *moved)
{
    const char *id;
    json_t *layer;
    bool any = false;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(c, id);

        if (follow(vm, c, moved, id, file, true, NULL) <= 0)
            continue;
        chain_touch(c, id);
        if (chain_layer(other, id))
            chain_touch(other, id);
        any = true;
    }
    return any;
}

/* Killed in the middle, what we have written ourselves is not found to be changed. */
static int forget_all(struct qrw_vm *vm, struct journal *j, struct chain *after,
                      struct qmp_error *err)
{
    const bool before = forget(vm, &j->chain, after, &j->chain),
               then = forget(vm, after, &j->chain, &j->chain);

    if (!before && !then)
        return 0;
    json_object_set(chain_pending(&j->chain), "after", after->doc);
    return journal_keep(j, err);
}

int vm_follow_move(struct qrw_vm *vm, struct journal *j, struct qmp_error *err)
{
    struct chain after = {0};
    int before = -1, then = -1;

    if (!vm->offline || !chain_pending(&j->chain) || j->chain.copied)
        return 0;
    if (chain_take(&after, j->chain.folder, json_object_get(chain_pending(&j->chain), "after"),
                   err))
        return -1;
    after.owner = j->chain.owner;
    if (!forget_all(vm, j, &after, err))
        before = follow_all(vm, &j->chain, &j->chain, err);
    if (before >= 0)
        then = follow_all(vm, &after, &j->chain, err);
    if (before + then > 0)
        vm_note(vm, 0, "the folder was moved: %d header(s) name the files in it now",
                before + then);
    chain_done(&after);
    return then < 0 ? -1 : before + then;
}
