/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-journal: the sidecar while an operation changes something: locked, with the plan in
 * it as `pending` from the first step on, and with the new document at the end.
 *
 *   open ──> begin: document + pending ──> end: the new document, or the old one
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-check.h"
#include "snapshot/plan-tidy.h"
#include "snapshot/recover.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-offline.h"
#include "snapshot/vm-private.h"

/* Somebody else had the lock after we had observed the VM. Now nobody has it but us. */
static int look_again(const struct journal *j, struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *file = NULL, *foreign = NULL;
    bool exists;

    vm_forget_machine(vm);
    if (vm_observe(vm, vm->nodes ? GRAPH_NODES : vm->graph.level, err) ||
        vm_sidecar_file(vm, &file, &exists, &foreign, err))
        return -1;
    if (same(file, j->file))
        return 0;
    qmp_error_set(err, QRW_ERR_LOCKED, "another qrewind has worked on this VM meanwhile");
    return qmp_error_hint(err, "try again");
}

/* A second one would make the first a lie: from then on the disks run on what it does not know. */
static int check_only_one(const struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *other = NULL;

    if (vm->strange)
        return 0;
    if (vm_check_away(vm, err))
        return -1;
    int rc = sidecar_find(&vm->graph, &other, NULL, err);
    for (size_t i = 0; i < vm->graph.ndisks && !rc && !other; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];
        char *found[2] = {NULL, NULL};

        if (graph_skip_reason(d) || !graph_has_folder(d->layers[0].file))
            continue;
        rc = sidecar_search(d->layers[0].file, found, err);
        other = found[0];
        free(found[1]);
    }
    if (rc || !other)
        return rc;
    auto_free char *quoted = path_quote(other);
    qmp_error_set(err, QRW_ERR_REFUSED, "these images have a sidecar already: %s", other);
    return qmp_error_hint(err,
                          "leave out --sidecar, or remove that one first: qrewind --sidecar %s "
                          "forget",
                          quoted);
}

static int take_lock(struct journal *j, struct qrw_vm *vm, enum journal_use use,
                     struct qmp_error *err)
{
    if (use == JOURNAL_LOOK || (use == JOURNAL_READ && !sidecar_is_lockable(j->file)))
        return sidecar_check_unlocked(j->file, err);
    j->lock = sidecar_lock(j->file, err);
    vm->locked = j->lock >= 0;
    return vm->locked ? 0 : -1;
}

int journal_open(struct journal *j, struct qrw_vm *vm, enum journal_use use, struct qmp_error *err)
{
    auto_free char *foreign = NULL;
    bool exists;

    memset(j, 0, sizeof(*j));
    j->lock = j->replaced = -1;
    j->given = vm->sidecar_option != NULL;
    if (vm_sidecar_file(vm, &j->file, &exists, &foreign, err))
        return -1;
    if (!j->file) {
        qmp_error_set(err, QRW_ERR_REFUSED, "there is no image file to put the sidecar beside");
        return qmp_error_hint(err, "say where it goes: --sidecar FILE; later it is found by itself "
                                   "if that is OVERLAY" SIDECAR_SUFFIX);
    }
    j->first = !exists;
    if (!exists && foreign)
        vm_note(vm, 1, "%s is of another VM: it does not know the active image", foreign);
    if (!exists && (j->given ? check_only_one(vm, err) : vm_check_elsewhere(vm, foreign, err)))
        return -1;
    if (take_lock(j, vm, use, err))
        return -1;
    if ((exists || sidecar_exists(j->file)) && sidecar_is_newer(j->file, &vm->observed) &&
        look_again(j, vm, err))
        return -1;
    j->like = sidecar_place(&vm->graph);
    if (j->like)
        j->like[strlen(j->like) - strlen(SIDECAR_SUFFIX)] = '\0';
    if (vm_load(vm, j->file, &j->chain, err))
        return -1;
    vm_adopt_names(vm, &j->chain);
    j->stays = journal_stays(j, vm);
    j->pointers = pointers_of(&j->chain, j->file);
    if (vm->offline)
        vm_begin_active(vm, j);
    return 0;
}

void journal_close(struct journal *j, struct qrw_vm *vm)
{
    if (j->prepared)
        sidecar_discard(j->file);
    journal_let_go(j);
    if (j->saved) /* the one before it lay there, and what is removed by now */
        sidecar_renew_room(j->file);
    if (j->lock >= 0)
        sidecar_unlock(j->file, j->lock);
    vm_tell_active(vm, j);
    if (j->first && j->saved && vm->files_reachable)
        vm_sweep(vm, j->file);
    vm->locked = false;
    free(j->file);
    free(j->like);
    json_decref(j->pointers);
    json_decref(j->pretended);
    chain_done(&j->begun);
    chain_done(&j->chain);
}

void journal_let_go(struct journal *j)
{
    mem_close_cleanup(&j->replaced);
    j->replaced = -1;
}

/* Put what is prepared in place. */
static int replace(struct journal *j, struct qmp_error *err)
{
    j->prepared = false;
    journal_let_go(j);
    if (sidecar_replace(j->file, &j->replaced, err))
        return -1;
    j->saved = true;
    return 0;
}

static int save(struct journal *j, bool spends, struct qmp_error *err)
{
    j->prepared = false;
    if (sidecar_prepare(j->file, j->chain.doc, j->like, spends, err) || replace(j, err))
        return -1;
    j->unsaved = false;
    return 0;
}

/* The room that is kept is for who makes room, and for what is begun: not for new files. */
static bool may_spend(const struct plan *p)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (plan_makes_file(step))
            return false;
    return true;
}

/* What the disks run on that the record does not know yet: @p may put them on other files. New
 * reference, NULL: there are none. */
static json_t *new_disks(const struct journal *j, const struct graph *g, const struct plan *p)
{
    json_t *known = json_object_get(j->chain.doc, "disks"), *all = NULL, *disk;
    const char *id;

    if (chain_pending(&j->chain))
        return json_incref(json_object_get(chain_pending(&j->chain), "new"));
    json_object_foreach(json_object_get(p->after.doc, "disks"), id, disk) {
        const struct graph_disk *d = json_object_get(known, id) ? NULL : graph_disk(g, id);

        if (!d || !d->nlayers)
            continue;
        all = all ? all : json_object();
        json_object_set_new(
            all, id,
            json_pack("{s:s, s:s}", "file", d->layers[0].file, "format", d->layers[0].format));
    }
    return all;
}

int journal_begin(struct journal *j, struct qrw_vm *vm, const struct plan *p, struct qmp_error *err)
{
    const struct graph *g = &vm->graph;
    auto_free char *link = journal_link(j, g, p);
    json_t *fresh = new_disks(j, g, p);
    const bool begun = chain_pending(&j->chain);
    struct qmp_error why = {0};

    json_object_set_new(j->chain.doc, "pending", plan_to_json(p));
    if (fresh)
        json_object_set_new(chain_pending(&j->chain), "new", fresh);
    json_object_set_new(chain_pending(&j->chain), "folder", json_string(j->chain.folder));
    if (vm->process)
        json_object_set_new(chain_pending(&j->chain), "qemu", json_string(vm->process));
    if (save(j, begun || may_spend(p), &why))
        qmp_error_wrap(&why, "sidecar");
    /* after the journal, which knows of it: it would be nobody's if the power failed now */
    else if (!link || !sidecar_link(j->file, link, &why))
        return 0;
    else if (!begun)
        json_object_set_new(j->chain.doc, "pending", json_null());
    if (why.kind != QRW_ERR_UNKNOWN && !chain_pending(&j->chain) && journal_save(j, vm, NULL))
        why.kind = QRW_ERR_UNKNOWN;
    if (err)
        *err = why;
    return -1;
}

static bool can_switch(const struct journal *j)
{
    return json_is_false(json_object_get(chain_pending(&j->chain), "switched"));
}

static void set_switched(struct journal *j, bool switched)
{
    json_object_set_new(chain_pending(&j->chain), "switched", json_boolean(switched));
}

/* There is time now for what the next function will write. It may fail, then that does all. */
static void meanwhile(void *journal, bool switches)
{
    struct journal *j = journal;

    journal_let_go(j);
    if (!switches || !can_switch(j))
        return;
    set_switched(j, true);
    j->prepared = !sidecar_prepare(j->file, j->chain.doc, j->like, true, NULL);
    set_switched(j, false);
}

static int switching(void *journal, struct qmp_error *err)
{
    struct journal *j = journal;

    if (!can_switch(j))
        return 0;
    set_switched(j, true);
    if (!(j->prepared ? replace(j, err) : save(j, true, err)))
        return 0;
    if (err)
        err->kind = QMP_ERR_SYSTEM; /* written or not: it can be taken back yet */
    return -1;
}

int journal_switch(struct journal *j, bool switched, struct qmp_error *err)
{
    if (!json_is_boolean(json_object_get(chain_pending(&j->chain), "switched")) || j->chain.copied)
        return 0;
    set_switched(j, switched);
    return save(j, true, err);
}

void journal_listen(struct journal *j, struct runner *r)
{
    r->meanwhile = meanwhile;
    r->switching = switching;
    r->journal = j;
}

int journal_keep(struct journal *j, struct qmp_error *err)
{
    return save(j, true, err);
}

int journal_save(struct journal *j, struct qrw_vm *vm, struct qmp_error *err)
{
    chain_forget_outdated(&j->chain, image_is_gone);
    const bool bare = chain_is_bare(&j->chain);
    if (bare)
        pointers_drop_all(j);
    if (bare ? sidecar_remove(j->file, err) : save(j, true, err))
        return -1;
    if (bare ? !image_sync_folder(j->file, err) : !journal_follow(j, vm, err)) {
        if (!bare)
            journal_point(j, vm, j->file);
        return 0;
    }
    if (err)
        err->kind = QRW_ERR_UNKNOWN; /* it is recorded, but may be lost, or at the old place */
    return -1;
}

/* What was given up may have overwritten what it was to drop. */
static void drop_lost(struct journal *j, struct qrw_vm *vm, const struct plan *p)
{
    json_auto_t *lost = fingerprints_drop_lost(&j->chain, &p->after);
    const json_t *name;
    size_t i;

    json_array_foreach(lost, i, name)
        vm_note(vm, 0, "snapshot %s is dropped: its content was overwritten in part",
                json_string_value(name));
    j->dropped = json_array_size(lost) > 0;
}

int journal_end(struct journal *j, struct qrw_vm *vm, const struct plan *p, bool after,
                struct qmp_error *err)
{
    json_t *generation = json_incref(json_object_get(j->chain.doc, "generation"));
    auto_free char *link = journal_link(j, &vm->graph, p);

    if (after) {
        struct chain left = {.doc = p->after.doc, .folder = p->after.folder};

        chain_leave(&left, &j->chain);
        json_decref(j->chain.doc);
        j->chain.doc = json_incref(p->after.doc); /* which the plan does not need any more */
    } else {
        drop_lost(j, vm, p);
        fingerprints_forget(&j->chain, &p->after);
    }
    json_object_set_new(j->chain.doc, "generation", generation);
    json_object_set_new(j->chain.doc, "pending", json_null());
    if (j->tidies && !plan_acts(p) && tidy_is_due(&j->chain)) {
        j->unsaved = true; /* journal_begin() of the first merge saves it, or else vm_tidy() */
        return 0;
    }
    if (link && !after)
        sidecar_unlink(link); /* first: after the record nobody would know of it */
    /* to one that is gone it would seem to be out of reach */
    if (link && after && chain_is_bare(&j->chain) && !save(j, true, NULL))
        sidecar_unlink(link);
    if (journal_save(j, vm, err))
        return -1;
    if (link && after)
        sidecar_unlink(link); /* unless the sidecar has taken its place */
    return 0;
}

void journal_stands(struct qmp_error *err)
{
    err->kind = QRW_ERR_UNKNOWN;
    err->hint[0] = '\0'; /* to try the same again is not what is to be done */
    qmp_error_hint(err,
                   "the sidecar keeps a note of what was begun; when nothing is in the way any "
                   "more, qrewind repair settles it");
}

json_t *journal_unbegun(struct qmp_error *err)
{
    if (err && err->kind == QMP_ERR_CANCELLED) {
        err->kind = QRW_ERR_FAILED;
        qmp_error_hint(err, "nothing has changed");
    }
    return NULL;
}

/* What could not be taken back, or needed not: a job may fail when QEMU has merged the layers, or
 * switched, and only an image cannot be told; of several tags some are deleted, the one that failed
 * included. */
static bool has_changed(struct qrw_vm *vm, const struct plan *p)
{
    const bool deaf = vm->deaf;

    if (!json_array_size(p->promise))
        return false;
    vm->deaf = true;
    int rc = vm_observe(vm, GRAPH_DISKS, NULL);
    vm->deaf = deaf;
    if (rc)
        return true; /* for all that we know */
    enum recover_verdict verdict = recover_decide(p, &vm->graph);
    return verdict == RECOVER_FINISH || verdict == RECOVER_DOUBT ||
           (verdict == RECOVER_REPEAT && plan_holds_in_part(p, &vm->graph));
}

void journal_undone(struct journal *j, struct qrw_vm *vm, const struct plan *p,
                    struct qmp_error *why)
{
    struct qmp_error full = {0};

    if (why->kind == QRW_ERR_FAILED && has_changed(vm, p)) {
        journal_stands(why);
        qmp_error_wrap(why, "half done");
        return;
    }
    if (!journal_end(j, vm, p, false, &full))
        return;
    vm_note(vm, 0, "%s", full.desc);
    journal_stands(why);
    qmp_error_wrap(why, "it is undone, but could not be recorded");
}
