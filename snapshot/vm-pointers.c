/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-pointers: links to the sidecar in all other folders that have layers of the VM.
 *
 *   one/a.qcow2   one/a.qcow2.qrewind.json            the sidecar
 *   two/b.qcow2   two/b.qcow2.qrewind.json ─────^     a link; b.s1.qcow2 builds on b.qcow2
 *
 * Who names but one of those images, where no VM runs that knows the others, is led to the record
 * by them, and does not write into what a snapshot holds. None has a meaning of its own: one that
 * is missing is made when the record is saved next. Where no disk is any more, but snapshots are,
 * they are what says that the record's word for it holds: they follow it wherever it goes.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-private.h"

/* Is it more than what others keep for us, a template? */
bool pointers_held(const struct chain *c, const json_t *pinned, const char *id)
{
    return json_object_get(pinned, id) || chain_is_ours(c, id) || chain_is_active(c, id);
}

/* Is @id the lowest of those that build on each other, of the layers in @folder? */
static bool is_lowest(const struct chain *c, const json_t *pinned, const char *id,
                      const char *folder)
{
    const char *below = text(chain_layer(c, id), "backing");
    auto_free char *image = chain_layer_file(c, below);

    if (!image || !pointers_held(c, pinned, below))
        return true;
    auto_free char *other = path_folder(image);
    return strcmp(other, folder) != 0;
}

/* Does @file lie beside an image of its own? Who has put it elsewhere says each time where. */
bool pointers_beside(const struct chain *c, const char *file)
{
    if (!path_ends(file, SIDECAR_SUFFIX))
        return false;
    auto_free char *image = mem_printf("%.*s", (int)(strlen(file) - strlen(SIDECAR_SUFFIX)), file);
    return chain_layer_by_file(c, image);
}

json_t *pointers_of(const struct chain *c, const char *file)
{
    json_t *all = json_object(), *layer;
    auto_free char *own = path_folder(file);
    const char *id;

    if (!pointers_beside(c, file))
        return all;
    json_auto_t *pinned = chain_pinned(c);
    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        if (!strchr(text(layer, "file"), '/') || !pointers_held(c, pinned, id))
            continue;
        auto_free char *image = chain_layer_file(c, id), *folder = path_folder(image);

        auto_free char *link = mem_printf("%s" SIDECAR_SUFFIX, image);
        if (graph_has_folder(image) && strcmp(folder, own) && is_lowest(c, pinned, id, folder))
            json_object_set_new(all, link, json_true());
    }
    return all;
}

/* Does @link lead to a record that does not have its image? A folder was copied, perhaps. */
static bool is_idle(const char *link)
{
    auto_free char *image = mem_printf("%.*s", (int)(strlen(link) - strlen(SIDECAR_SUFFIX)), link);
    auto_free char *target = realpath(link, NULL); /* names in it are relative to its own folder */
    struct image_stat st;
    struct chain c = {0};

    if (image_stat(link, &st, NULL) || !st.symlink || !target ||
        !path_ends(target, SIDECAR_SUFFIX) || sidecar_load(&c, target, NULL, NULL, NULL))
        return false;
    const bool idle = !chain_pending(&c) && !chain_layer_by_file(&c, image);
    chain_done(&c);
    return idle;
}

/* Has a disk of the VM an image in @folder? Not one that the record alone calls a disk: no link
 * leads another VM's images to a record that was unpacked. */
static bool has_images(const struct graph *g, const char *folder)
{
    for (size_t i = 0; i < g->ndisks; i++)
        for (size_t k = 0; !g->disks[i].told && k < g->disks[i].nlayers; k++) {
            auto_free char *own = path_folder(g->disks[i].layers[k].file);

            if (!strcmp(own, folder))
                return true;
        }
    return false;
}

/* Has the record lain in @folder, at @was, or was it led to from there, by one of @had? */
static bool has_lain(json_t *had, const char *folder, const char *was, const char *file)
{
    auto_free char *old = path_folder(was);
    const char *link;
    json_t *entry;

    json_object_foreach(had, link, entry) {
        auto_free char *own = path_folder(link);

        if (!strcmp(own, folder) && sidecar_has_led(link, was, file))
            return true;
    }
    return !strcmp(old, folder);
}

/* All of @wanted, now that the record, to which @had have led, is not @was but @file. What fails is
 * noted. */
static void make(json_t *wanted, json_t *had, struct qrw_vm *vm, const char *was, const char *file)
{
    const char *link;
    json_t *entry;
    struct qmp_error why;

    json_object_foreach(wanted, link, entry) {
        auto_free char *folder = path_folder(link);

        /* one that was moved is recorded anew before long */
        if (image_is_gone(folder) || !sidecar_may_lie(link, vm->owner) ||
            !(has_images(&vm->graph, folder) || has_lain(had, folder, was, file)))
            continue;
        if (is_idle(link))
            sidecar_unlink(link);
        if (sidecar_point(file, link, &why))
            vm_note(vm, 0, "%s; offline name another disk, too, or --sidecar %s", why.desc, file);
    }
}

void pointers_drop(json_t *had, const json_t *wanted, const char *file)
{
    const char *link;
    json_t *entry;

    json_object_foreach(had, link, entry)
        if (!json_object_get(wanted, link))
            sidecar_unpoint(file, link);
}

/* Who was killed has not dropped the one that lay where the disk is again. */
void pointers_drop_all(const struct journal *j)
{
    json_auto_t *now = pointers_of(&j->chain, j->file);

    pointers_drop(j->pointers, NULL, j->file);
    pointers_drop(now, NULL, j->file);
}

/* Now that it is recorded: where the disks are, and where they are no more. */
void journal_point(struct journal *j, struct qrw_vm *vm, const char *was)
{
    json_t *wanted = pointers_of(&j->chain, j->file);

    if (vm->files_reachable)
        make(wanted, j->pointers, vm, was, j->file);
    pointers_drop(j->pointers, wanted, was);
    json_decref(j->pointers);
    j->pointers = wanted;
}
