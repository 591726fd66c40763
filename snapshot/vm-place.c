/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-place: where the sidecar lies, so that it is found by the images that a VM has. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-private.h"

/* Will @file be the sidecar of a layer of @d when @c holds? */
static bool stays_beside(const struct chain *c, const struct graph_disk *d, const char *file)
{
    const char *id = chain_active(c, d->id);

    if (!id)
        return sidecar_is_beside(&(struct graph){.disks = (struct graph_disk *)d, .ndisks = 1},
                                 file);
    for (; id; id = json_string_value(json_object_get(chain_layer(c, id), "backing"))) {
        auto_free char *image = chain_layer_file(c, id);
        auto_free char *name = mem_printf("%s" SIDECAR_SUFFIX, image);

        if (!strcmp(name, file))
            return true;
    }
    return false;
}

/* What was the sidecar goes, or becomes a link to the one at @place, if layers stay behind. */
static int leave(const struct journal *j, const char *place, struct qmp_error *err)
{
    json_auto_t *wanted = pointers_of(&j->chain, place);

    return json_object_get(wanted, j->file) && sidecar_may_lie(j->file, j->chain.owner)
               ? sidecar_turn(place, j->file, err)
               : sidecar_remove(j->file, err);
}

/* Put the sidecar at @place. In its own folder that is one step: at no time are there two. */
static int move_to(struct journal *j, const char *place, struct qmp_error *err)
{
    auto_free char *folder = path_folder(place), *old = path_folder(j->file);

    if (!strcmp(folder, old)) {
        /* first: nobody would look for it later. Whoever takes it now wants to move, too,
         * and finds the lock of @place held */
        sidecar_unlock(j->file, j->lock);
        j->lock = -1;
        return sidecar_rename(j->file, place, err);
    }
    chain_move(&j->chain, folder);
    if (sidecar_save(place, j->chain.doc, j->like, err))
        return -1;
    if (leave(j, place, err)) {
        sidecar_remove(place, NULL); /* never two */
        return -1;
    }
    sidecar_unlock(j->file, j->lock);
    return 0;
}

/* The VM was started with an old image: nobody looks beside that when it is on the right one. */
static bool is_frozen(const struct chain *c, const char *image)
{
    const char *id = chain_layer_by_file(c, image);

    return id && !chain_is_active(c, id);
}

/* Offline the files tell what the disks have, and may be what is broken: the record says more. So
 * it does where the user has said which one it is. */
static bool is_in_place(const struct journal *j, const struct qrw_vm *vm, const char *place)
{
    const struct graph *g = &vm->graph;
    auto_free char *image =
        mem_printf("%.*s", (int)(strlen(place) - strlen(SIDECAR_SUFFIX)), place);
    bool stays = sidecar_is_beside(g, j->file) || is_frozen(&j->chain, image);

    for (size_t i = 0; (vm->offline || j->given) && i < g->ndisks; i++)
        stays = stays || stays_beside(&j->chain, &g->disks[i], j->file);
    return stays || (vm->offline && image_is_gone(image));
}

/* Beside an image of the VM it is found without being named, and goes on to be; so it is where it
 * was about to go, and a link leads from there. */
bool journal_stays(const struct journal *j, const struct qrw_vm *vm)
{
    if (!j->given || !vm->files_reachable)
        return j->given;
    auto_free char *place = sidecar_place(&vm->graph);
    return !path_ends(j->file, SIDECAR_SUFFIX) ||
           !(pointers_beside(&j->chain, j->file) || sidecar_is_beside(&vm->graph, j->file) ||
             (place && sidecar_leads(place, j->file)));
}

/* It is at @place now, where the user does not know it to be. */
static void tell_place(const struct journal *j, struct qrw_vm *vm)
{
    free(vm->sidecar_option);
    vm->sidecar_option = mem_strdup(j->file);
    vm_note(vm, 0, "the sidecar is %s now, beside the image that disk %s runs on", j->file,
            graph_home(&vm->graph)->id);
}

int journal_follow(struct journal *j, struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *place = sidecar_place(&vm->graph);

    if (j->stays || !place || is_in_place(j, vm, place) || !sidecar_exists(j->file) ||
        !sidecar_may_lie(place, j->chain.owner))
        return 0;
    int lock = sidecar_lock(place, err);
    if (lock < 0)
        return -1;
    if (move_to(j, place, err)) {
        sidecar_unlock(place, lock);
        return -1;
    }
    auto_free char *was = j->file;
    j->lock = lock;
    j->file = place;
    place = NULL;
    journal_point(j, vm, was);
    if (j->given)
        tell_place(j, vm);
    return 0;
}

char *journal_link(const struct journal *j, const struct graph *g, const struct plan *p)
{
    const struct graph_disk *home = j->stays ? NULL : graph_home(g);

    for (size_t i = 0; i < g->ndisks && home; i++)
        if (stays_beside(&p->after, &g->disks[i], j->file))
            return NULL;
    if (!home)
        return NULL;
    auto_free char *active = chain_layer_file(&p->after, chain_active(&p->after, home->id));
    if (active && !graph_has_folder(active))
        return NULL;
    auto_free char *link = mem_printf("%s" SIDECAR_SUFFIX, active ? active : home->layers[0].file);
    return sidecar_may_lie(link, j->chain.owner) ? mem_strdup(link) : NULL;
}
