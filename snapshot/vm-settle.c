/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-settle: the end of an operation, and what becomes of one whose client died.
 *
 *   steps ──> conclude: verify, clean up, record
 *     │
 *     └─ pending is found later: finish, attach or undo (recover.h)
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/doubt.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image.h"
#include "snapshot/job.h"
#include "snapshot/member.h"
#include "snapshot/plan-check.h"
#include "snapshot/plan-delete.h"
#include "snapshot/plan-merge.h"
#include "snapshot/recover.h"
#include "snapshot/unload.h"
#include "snapshot/vm-private.h"

/* What there is now: the disks, and what became of the jobs where there were any. */
static int observe_end(struct qrw_vm *vm, const struct runner *r, const struct plan *p,
                       struct qmp_error *err)
{
    if (plan_takes_tags(p))
        return vm_observe(vm, GRAPH_NODES, err); /* QEMU deletes those of a node */
    return plan_promises_job(p, NULL) ? vm_observe(vm, GRAPH_DISKS, err)
                                      : vm_observe_disks(vm, r->disks_asked, err);
}

void vm_note_kept(struct qrw_vm *vm, const json_t *result)
{
    const json_t *kept;
    size_t i;

    json_array_foreach(json_object_get(result, "kept"), i, kept)
        vm_note(vm, 0, "kept %s: %s", text(kept, "name"), text(kept, "why"));
}

void vm_tell(struct qrw_vm *vm, const json_t *result, size_t from)
{
    const json_t *notes = json_object_get(result, "notes");

    for (size_t i = from; i < json_array_size(notes); i++)
        vm_note(vm, 0, "%s", json_string_value(json_array_get(notes, i)));
}

/* While QEMU closes what is not needed any more, there is time to see who else needs the files. */
static int clean_up(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                    struct qmp_error *err)
{
    struct ask *closing = runner_close(r, p);

    journal_let_go(j);
    vm_spare_shared(vm, p, j);
    vm->stale |= plan_takes_tags(p);
    return runner_cleanup(r, p, closing, &vm->graph, err);
}

/* Whoever records a memory that QEMU has written to a stream makes sure that it is on the disk:
 * unlike an image, QEMU does not sync that, and whoever began it may have died meanwhile. */
static int keep_saved(const struct plan *p, struct qmp_error *err)
{
    const char *file = plan_promised_file(p);

    if (file)
        image_trim(file);
    return file ? image_flush(file, err) : 0;
}

static int holds(const struct qrw_vm *vm, const struct runner *r, struct plan *p,
                 struct qmp_error *err)
{
    if (r->ran)
        plan_pass_unplugged(p, &vm->graph);
    return plan_holds(p, &vm->graph, err);
}

int vm_conclude(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                struct qmp_error *err)
{
    struct qmp_error why = {0};

    if ((plan_acts(p) && observe_end(vm, r, p, &why)) ||
        vm_observe_migration(vm, plan_promised_file(p), &why) || holds(vm, r, p, &why) ||
        keep_saved(p, &why) || vm_check_headers(vm, p, &why) || clean_up(vm, j, r, p, &why)) {
        journal_stands(&why);
        if (err)
            *err = why;
        return -1;
    }
    fingerprints_take(&p->after);
    if (journal_end(j, vm, p, true, &why)) {
        if (plan_acts(p)) {
            journal_stands(&why);
            qmp_error_wrap(&why, "it is done, but could not be recorded");
            vm_note_kept(vm, p->result);
        }
        if (err)
            *err = why;
        return -1;
    }
    if (plan_promises_job(p, NULL))
        runner_dismiss(r, p);
    return 0;
}

struct runner vm_runner(struct qrw_vm *vm, bool no_wait)
{
    return (struct runner){.client = vm->client,
                           .stop = &vm->stop,
                           .no_wait = no_wait && !vm->offline,
                           .offline = vm->offline,
                           .wait_ms = vm->wait_ms,
                           .files_reachable = vm->files_reachable,
                           .pid = vm->pid,
                           .owner = vm->owner,
                           .options = &vm->options,
                           .look = vm_look_again,
                           .graph_arg = vm,
                           .workspace = -1,
                           .jobs = json_array()};
}

/* ---- what an earlier client left behind ---- */

/* A copy that was finished, not switched to, changes no chain. */
static int forget(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                  struct qmp_error *err)
{
    runner_dismiss(r, p);
    runner_close_nodes(r, p);
    return journal_end(j, vm, p, false, err);
}

/*
 * The answers of one look are not of one instant: a job may end between that about the
 * chains and that about the jobs. What gives something up is decided by a second look.
 */
static int decide(struct qrw_vm *vm, struct plan *p, enum recover_verdict *verdict,
                  struct qmp_error *err)
{
    if (vm_observe_migration(vm, plan_promised_file(p), err))
        return -1;
    *verdict = recover_decide(p, &vm->graph);
    if (*verdict != RECOVER_FORGET && *verdict != RECOVER_UNDO && *verdict != RECOVER_DROP)
        return 0;
    if (vm_observe(vm, vm->graph.level, err) ||
        vm_observe_migration(vm, plan_promised_file(p), err))
        return -1;
    *verdict = recover_decide(p, &vm->graph);
    if (*verdict == RECOVER_UNDO && vm->files_reachable &&
        (unload_cut_to_cleanup(p, &vm->graph) || runner_has_rebased(p)))
        *verdict = RECOVER_FINISH;
    return 0;
}

/* The disks have switched, but the memory will not be there: the snapshot is deleted again. The
 * merges that are due then are done as after every delete. */
static int drop(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                struct qmp_error *err)
{
    const char *name = text(p->result, "snapshot");

    if (!vm->graph.running && !vm->offline)
        runner_again(r, p, &vm->graph, NULL);
    if (chain_snapshot(&p->after, name))
        plan_drop_snapshot(p, name, false);
    plan_collect(p, false);
    return runner_cleanup(r, p, runner_close(r, p), &vm->graph, err)
               ? -1
               : journal_end(j, vm, p, true, err);
}

bool vm_give_up(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p)
{
    enum recover_verdict verdict;

    if (!plan_promised_file(p) || vm_observe(vm, GRAPH_NODES, NULL) ||
        decide(vm, p, &verdict, NULL))
        return false;
    return verdict == RECOVER_DROP && !drop(vm, j, r, p, NULL);
}

static int attach(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                  const char *decision, enum settled *how, struct qmp_error *err)
{
    struct qmp_error why = {0};
    int rc;

    if (decision) {
        plan_decide(p, decision);
        if (journal_begin(j, vm, p, err)) {
            *how = SETTLED_NOTHING; /* the job goes on as it did */
            return -1;
        }
    }
    rc = runner_run(r, p, true, &why);
    if (rc < 0 && why.kind == QRW_ERR_UNKNOWN && vm_give_up(vm, j, r, p)) {
        *how = SETTLED_UNDONE;
        return 0;
    }
    if (rc < 0) {
        if (why.kind == QRW_ERR_FAILED)
            journal_undone(j, vm, p, &why);
        if (err)
            *err = why;
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

/* Is it our turn? Steps come after the jobs, and the guest may stand still until they are done;
 * or a job waits for our word to end. */
static bool goes_on(const struct plan *p, const struct graph *g)
{
    const size_t n = json_array_size(p->steps);
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step) {
        const char *id = text(json_object_get(step, "arguments"), "job-id"), *word;

        if (job_command(job_phase(graph_job(g, id)), job_then(text(step, "then")), &word))
            return true;
    }
    return n && !same(text(json_array_get(p->steps, n - 1), "step"), "job");
}

/* Nothing is under way: an ended job with our name was left between the record of its
 * operation and its dismissal, or the sidecar before it had followed its images. */
static int sweep(struct qrw_vm *vm, struct journal *j, struct qmp_error *err)
{
    const struct graph *g = &vm->graph;
    bool found = false;

    if (journal_follow(j, vm, err))
        return -1;
    for (size_t i = 0; i < g->njobs; i++) {
        if (!graph_job_is_left(&g->jobs[i]))
            continue;
        json_decref(ask_one(vm->client, &vm->stop, "job-dismiss",
                            json_pack("{s:s}", "id", g->jobs[i].id), NULL));
        found = true;
    }
    return found ? vm_observe(vm, g->level, err) : 0;
}

bool vm_is_another(const struct qrw_vm *vm, const struct chain *c, bool *is_same)
{
    const char *qemu = text(chain_pending(c), "qemu");
    bool known = qemu && vm->process && !vm->offline, equal = known && !strcmp(qemu, vm->process);

    if (is_same)
        *is_same = equal;
    return known && !equal;
}

/* QEMU died before it had saved the memory, and was started on the overlays that were made. */
static int drop_unsaved_memory(const struct qrw_vm *vm, struct plan *p, const struct chain *before,
                               struct qmp_error *err)
{
    struct qmp_error why;
    json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(&p->after), i, s) {
        const json_t *memory = json_object_get(s, "memory");
        auto_free char *file = chain_memory_file(&p->after, memory);

        if (!file || !text(memory, "tag") || !vm->files_reachable ||
            chain_memory_is_live(memory) || /* the promise says of that whether it is saved */
            chain_snapshot(before, text(s, "name")) ||
            !image_has_snapshot(file, text(memory, "tag"), &why))
            continue;
        if (why.kind != QRW_ERR_NOT_FOUND) {
            if (err)
                *err = why;
            return -1;
        }
        json_object_set_new(s, "memory", json_null());
        plan_cleanup_file(p, file);
        plan_note(p, "%s has no memory: QEMU ended before it was saved", text(s, "name"));
    }
    return 0;
}

/* What the plan had to say of what would be, the first @n notes, is not to be said. */
static void forget_notes(json_t *result, size_t n)
{
    while (n--)
        json_array_remove(json_object_get(result, "notes"), 0);
}

int vm_settle(struct qrw_vm *vm, struct journal *j, const char *decision, bool follow,
              enum settled *how, json_t **result, struct qmp_error *err)
{
    enum recover_verdict verdict;
    struct plan p;
    int rc = 0, patience;

    *how = SETTLED_NOTHING;
    if (!chain_pending(&j->chain))
        return sweep(vm, j, err);
    if (plan_from_json(&p, chain_pending(&j->chain), j->chain.folder, err))
        return plan_no_pending(j->file, err);
    struct runner r = vm_runner(vm, false);
    journal_listen(j, &r);

    const size_t notes = json_array_size(json_object_get(p.result, "notes"));
    vm->stale = true;
    bool another = vm_is_another(vm, &j->chain, &r.same);
    runner_thaw_left(&r, &p);
    if (vm_check_journal(vm, j, &p, err) || decide(vm, &p, &verdict, err)) {
        json_decref(r.jobs);
        plan_done(&p);
        return -1;
    }
    patience = qmp_client_be_patient(vm->client);
    /* the QEMU that it was begun with has switched by itself: somebody told it to */
    if (verdict == RECOVER_DOUBT && (!another || vm_believe(j, &p)))
        verdict = RECOVER_FINISH;
    switch (verdict) {
    case RECOVER_FINISH:
        *how = SETTLED_FINISHED;
        rc = drop_unsaved_memory(vm, &p, &j->chain, err);
        if (!rc && !vm->graph.running && !vm->offline)
            rc = runner_again(&r, &p, &vm->graph, err);
        if (!rc)
            rc = vm_conclude(vm, j, &r, &p, err);
        break;
    case RECOVER_FORGET:
        *how = SETTLED_FINISHED;
        rc = forget(vm, j, &r, &p, err);
        break;
    case RECOVER_DROP:
        *how = SETTLED_UNDONE;
        rc = drop(vm, j, &r, &p, err);
        break;
    case RECOVER_UNDO:
        *how = SETTLED_UNDONE;
        rc = vm_take_back(vm, j, &r, &p, err);
        break;
    case RECOVER_REPEAT:
        *how = SETTLED_FINISHED;
        rc = vm_untag_rest(vm, j, &r, &p, how, err);
        break;
    case RECOVER_DOUBT:
        rc = doubt_unfilled(&p, err);
        break;
    case RECOVER_ATTACH:
        *how = SETTLED_RUNNING;
        json_decref(r.jobs);
        r.jobs = plan_job_list(&p, &vm->graph);
        if (follow || decision || goes_on(&p, &vm->graph))
            rc = attach(vm, j, &r, &p, decision, how, err);
        break;
    }
    if (!rc && result) {
        *result = json_deep_copy(p.result);
        if (*how == SETTLED_UNDONE)
            forget_notes(*result, notes);
        json_object_set_new(*result, "operation", json_string(p.operation));
        json_object_set(*result, "jobs", r.jobs);
    }
    qmp_client_set_patience(vm->client, patience);
    json_decref(r.jobs);
    if (rc)
        vm_tell(vm, p.result, notes);
    plan_done(&p);
    if (rc && err && *how != SETTLED_NOTHING &&
        (err->kind == QMP_ERR_SYSTEM || err->kind == QMP_ERR_COMMAND ||
         err->kind == QMP_ERR_CANCELLED))
        journal_stands(err);
    return rc;
}
