/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-settle: the journal of an operation, and what becomes of one whose client died.
 *
 *   begin: document + pending ──> steps ──> conclude: verify, clean up, record
 *                    │
 *                    └─ found later: finish, attach or undo (recover.h)
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "snapshot/recover.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-private.h"

int journal_open(struct journal *j, struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *foreign = NULL;
    bool exists;

    memset(j, 0, sizeof(*j));
    j->lock = -1;
    j->given = vm->sidecar_option != NULL;
    j->file = vm_sidecar_file(vm, &exists, &foreign);
    if (!j->file) {
        qmp_error_set(err, QRW_ERR_REFUSED, "there is no image file to put the sidecar beside");
        return qmp_error_hint(err, "say where it goes: --sidecar FILE");
    }
    if (!exists && foreign)
        vm_note(vm, 1, "%s is of another VM: it does not know the active image", foreign);
    j->lock = sidecar_lock(j->file, err);
    if (j->lock < 0)
        return -1;
    j->like = sidecar_place(&vm->graph);
    if (j->like)
        j->like[strlen(j->like) - strlen(SIDECAR_SUFFIX)] = '\0';
    return vm_load(vm, j->file, &j->chain, err);
}

/*
 * The image that the sidecar lies beside may have left every chain (a stream, a copy
 * that was switched to): nobody would find it any more. Then it moves beside the image
 * that is active now.
 */
static int follow_images(struct journal *j, const struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *place = sidecar_place(&vm->graph);

    if (j->given || !place || sidecar_is_beside(&vm->graph, j->file))
        return 0;
    auto_free char *folder = path_folder(place);
    chain_move(&j->chain, folder);
    if (sidecar_save(place, j->chain.doc, j->like, true, err))
        return -1;
    unlink(j->file);
    return 0;
}

void journal_close(struct journal *j)
{
    if (j->lock >= 0)
        sidecar_unlock(j->file, j->lock);
    free(j->file);
    free(j->like);
    chain_done(&j->chain);
}

int journal_begin(struct journal *j, const struct plan *p, struct qmp_error *err)
{
    json_object_set_new(j->chain.doc, "pending", plan_to_json(p));
    if (sidecar_save(j->file, j->chain.doc, j->like, true, err))
        return qmp_error_wrap(err, "sidecar");
    return 0;
}

/* A document that holds nothing worth keeping: no snapshot, no file that we made. */
static bool is_bare(const struct chain *c)
{
    const char *id;
    json_t *layer;

    if (json_array_size(chain_snapshots(c)) || chain_pending(c) ||
        json_is_object(json_object_get(c->doc, "undo")))
        return false;
    json_object_foreach(json_object_get(c->doc, "layers"), id, layer)
        if (chain_is_ours(c, id))
            return false;
    return true;
}

int journal_end(struct journal *j, struct qrw_vm *vm, const struct plan *p, bool after,
                struct qmp_error *err)
{
    json_t *generation = json_incref(json_object_get(j->chain.doc, "generation"));

    if (after) {
        json_decref(j->chain.doc);
        j->chain.doc = json_deep_copy(p->after.doc);
    }
    json_object_set_new(j->chain.doc, "generation", generation);
    json_object_set_new(j->chain.doc, "pending", json_null());
    if (is_bare(&j->chain)) {
        unlink(j->file);
        return 0;
    }
    /* not made durable: after a power cut the journal is found again, and settled */
    if (sidecar_save(j->file, j->chain.doc, j->like, false, err))
        return -1;
    return follow_images(j, vm, err);
}

/* Remember what the frozen files look like: a base that changes under its overlays can
 * be told from one that did not. */
static void take_fingerprints(struct chain *c)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *keeps = chain_keeps(c, id);
        auto_free char *file = chain_layer_file(c, id);
        struct image_stat st;

        if ((keeps && !strcmp(keeps, "active")) || json_object_get(layer, "fingerprint"))
            continue;
        if (!graph_is_path(file) || image_stat(file, &st, NULL) || !st.exists)
            continue;
        json_object_set_new(layer, "fingerprint",
                            json_pack("{s:I, s:I, s:I}", "size", (json_int_t)st.size, "mtime_ns",
                                      (json_int_t)st.mtime_ns, "inode", (json_int_t)st.ino));
    }
}

int vm_conclude(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                struct qmp_error *err)
{
    struct qmp_error why = {0};

    if (vm_observe(vm, GRAPH_DISKS, &why) || plan_holds(p, &vm->graph, &why) ||
        runner_cleanup(r, p, &why)) {
        why.kind = QRW_ERR_UNKNOWN;
        qmp_error_hint(&why, "the sidecar keeps a note of it; qrewind repair settles it");
        if (err)
            *err = why;
        return -1;
    }
    vm_check_headers(vm, p);
    take_fingerprints(&p->after);
    if (journal_end(j, vm, p, true, err))
        return qmp_error_wrap(err, "it is done, but could not be recorded");
    return 0;
}

struct runner vm_runner(struct qrw_vm *vm, bool no_wait)
{
    return (struct runner){.client = vm->client,
                           .stop = &vm->stop,
                           .no_wait = no_wait,
                           .wait_ms = vm->wait_ms,
                           .files_reachable = vm->files_reachable,
                           .pid = vm->pid,
                           .options = &vm->options,
                           .jobs = json_array()};
}

/* ---- what an earlier client left behind ---- */

static int undo(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                struct qmp_error *err)
{
    if (runner_undo(r, p, &vm->graph, err))
        return -1;
    return journal_end(j, vm, p, false, err);
}

/* A copy that was finished, not switched to, changes no chain. */
static int forget(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                  struct qmp_error *err)
{
    runner_dismiss(r, p);
    return journal_end(j, vm, p, false, err);
}

static int attach(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                  const char *decision, enum settled *how, struct qmp_error *err)
{
    int rc;

    if (decision) {
        plan_decide(p, decision);
        if (journal_begin(j, p, err))
            return -1;
    }
    rc = runner_run(r, p, true, err);
    if (rc < 0) {
        if (err->kind == QRW_ERR_FAILED)
            journal_end(j, vm, p, false, NULL);
        return -1;
    }
    *how = rc == RUN_LEFT ? SETTLED_RUNNING : SETTLED_FINISHED;
    if (rc == RUN_LEFT)
        return 0;
    if (vm_observe(vm, GRAPH_DISKS, err))
        return -1;
    if (recover_decide(p, &vm->graph) == RECOVER_FORGET)
        return forget(vm, j, r, p, err);
    return vm_conclude(vm, j, r, p, err);
}

int vm_settle(struct qrw_vm *vm, struct journal *j, const char *decision, bool follow,
              enum settled *how, json_t **result, struct qmp_error *err)
{
    struct plan p;
    int rc = 0;

    *how = SETTLED_NOTHING;
    if (!chain_pending(&j->chain))
        return 0;
    if (plan_from_json(&p, chain_pending(&j->chain), j->chain.folder, err))
        return qmp_error_wrap(err, "%s", j->file);
    struct runner r = vm_runner(vm, false);

    switch (recover_decide(&p, &vm->graph)) {
    case RECOVER_FINISH:
        *how = SETTLED_FINISHED;
        rc = vm->graph.running ? 0 : runner_again(&r, &p, err);
        if (!rc)
            rc = vm_conclude(vm, j, &r, &p, err);
        break;
    case RECOVER_FORGET:
        *how = SETTLED_FINISHED;
        rc = forget(vm, j, &r, &p, err);
        break;
    case RECOVER_UNDO:
        *how = SETTLED_UNDONE;
        rc = undo(vm, j, &r, &p, err);
        break;
    case RECOVER_ATTACH:
        *how = SETTLED_RUNNING;
        json_decref(r.jobs);
        r.jobs = plan_job_list(&p, &vm->graph);
        if (follow || decision)
            rc = attach(vm, j, &r, &p, decision, how, err);
        break;
    }
    if (!rc && result) {
        *result = json_deep_copy(p.result);
        json_object_set_new(*result, "operation", json_string(p.operation));
        json_object_set(*result, "jobs", r.jobs);
    }
    json_decref(r.jobs);
    plan_done(&p);
    return rc;
}
