/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-run: the one flow of every operation.
 *
 *   observe ─> settle what is pending ─> plan ─> (dry run: show it)
 *           ─> check needs ─> journal ─> run ─> verify, clean up, record
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "qmp/mem.h"
#include "snapshot/chain-check.h"
#include "snapshot/clock.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/plan-again.h"
#include "snapshot/plan-tidy.h"
#include "snapshot/vm-offline.h"
#include "snapshot/vm-preview.h"
#include "snapshot/vm-private.h"

void vm_stamp(char *buf, size_t size)
{
    struct timespec t;
    struct tm utc;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &utc);
    n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(buf + n, size - n, ".%03ldZ", t.tv_nsec / 1000000);
}

/* A few hex digits that no other operation has: node names carry them. */
void vm_random_token(char token[static 9])
{
    unsigned value = 0;

    if (getrandom(&value, sizeof(value), 0) != sizeof(value))
        abort();
    snprintf(token, 9, "%06x", value & 0xffffff);
}

/* ---- an earlier client's operation ---- */

static int still_running(const json_t *earlier, struct qmp_error *err)
{
    const char *operation = text(earlier, "operation");
    const char *job = text(json_array_get(json_object_get(earlier, "jobs"), 0), "id");

    qmp_error_set(err, QRW_ERR_LOCKED, "%s is still under way: job %s", operation, job);
    return qmp_error_hint(err,
                          "wait for it (qrewind job wait %s) or end it (qrewind job cancel "
                          "%s)",
                          job, job);
}

/* *@done: what was finished, if something was (the caller's reference). */
static int settle_earlier(struct qrw_vm *vm, struct journal *j, enum graph_level level, bool *any,
                          json_t **done, struct qmp_error *err)
{
    json_auto_t *earlier = NULL;
    enum settled how;

    if (vm_settle(vm, j, NULL, false, &how, &earlier, err))
        return qmp_error_wrap(err, "settling an earlier operation");
    *any = how != SETTLED_NOTHING;
    if (!*any)
        return 0;
    if (how == SETTLED_RUNNING)
        return still_running(earlier, err);
    if (how == SETTLED_FINISHED)
        *done = json_incref(earlier);
    vm_note(vm, 0, "an interrupted %s was %s first", text(earlier, "operation"),
            how == SETTLED_FINISHED ? "finished"
            : how == SETTLED_PARTLY ? "done in part"
                                    : "undone");
    vm_tell(vm, earlier, 0);
    vm_forget_machine(vm);
    return vm_observe(vm, level, err);
}

/* The user decides about a copy that an earlier run left ready. */
static json_t *decide(struct qrw_vm *vm, struct journal *j, const struct qrw_operation *op,
                      const char *decision, unsigned flags, struct qmp_error *err)
{
    const char *operation = text(chain_pending(&j->chain), "operation");
    json_t *result = NULL;
    enum settled how;

    if (!operation || strcmp(operation, op->name)) {
        qmp_error_set(err, QRW_ERR_NOT_FOUND, "no %s is under way", op->name);
        qmp_error_hint(err, "qrewind jobs lists the jobs that QEMU has");
        return NULL;
    }
    if (flags & QRW_DRY_RUN)
        return json_pack("{s:[{s:s, s:s}]}", "plan", "step", "decide", "then", decision);
    if (vm_settle(vm, j, decision, true, &how, &result, err))
        return NULL;
    if (how == SETTLED_UNDONE) {
        json_decref(result);
        qmp_error_set(err, QRW_ERR_FAILED, "the job was gone: what it had begun is undone");
        return NULL;
    }
    return result;
}

/* ---- a new one ---- */

/* What did not run (@ran) was not paused either. */
static json_t *finished(const struct plan *p, const struct runner *r, bool ran)
{
    json_t *result = json_deep_copy(p->result);

    json_object_set_new(result, "pause_ms", json_real(ran ? (double)r->pause_us / 1000 : 0));
    json_object_set_new(result, "frozen_ms", json_real((double)r->frozen_us / 1000));
    if (json_array_size(r->jobs))
        json_object_set(result, "jobs", r->jobs);
    if (r->files)
        json_object_set(result, "files", r->files);
    return result;
}

/* Of runner_run(): the steps are taken back. */
static bool is_undone(int kind)
{
    return kind == QRW_ERR_FAILED || kind == QRW_ERR_UNSUPPORTED || kind == QMP_ERR_CONNECT ||
           kind == QMP_ERR_USAGE;
}

/* What began has failed by @err: say what is true now, and drop the note of what is undone. */
static void fail(struct qrw_vm *vm, struct journal *j, struct plan *p, bool journalled,
                 struct qmp_error *err)
{
    if (is_undone(err->kind) && journalled && !j->gave_up)
        journal_undone(j, vm, p, err);
    if (j->dropped) {
        err->kind = QRW_ERR_UNKNOWN; /* not as if nothing had been */
        err->hint[0] = '\0';
        qmp_error_hint(err, "all is as it was, but for the snapshots that were to be dropped: "
                            "what they held is overwritten in part");
    }
    vm_blame(vm, err);
}

static json_t *carry_out(struct qrw_vm *vm, struct journal *j, const struct qrw_operation *op,
                         struct plan *p, unsigned flags, struct qmp_error *err)
{
    const bool ran = vm->graph.running;
    struct qmp_error why = {0};
    json_t *result = NULL;
    int rc;

    if (vm_check_needs(vm, p, j, err))
        return NULL;
    p->followed = !(flags & QRW_NO_WAIT);
    /* to replace the record is one step, which needs no note of itself */
    if (plan_acts(p) && !op->aside && journal_begin(j, vm, p, &why)) {
        if (why.kind == QRW_ERR_UNKNOWN) {
            why.kind = QMP_ERR_SYSTEM;
            journal_undone(j, vm, p, &why);
        }
        if (err)
            *err = why;
        return NULL;
    }
    vm->stale = vm->stale || plan_acts(p);
    if (vm->offline && flags & QRW_NO_WAIT)
        plan_note(p, "offline there is nobody to leave the job to: it was waited for");
    const size_t notes = json_array_size(json_object_get(p->result, "notes"));
    struct runner r = vm_runner(vm, flags & QRW_NO_WAIT);
    (op->aside ? journal_guard : journal_listen)(j, &r);
    r.ask_disks = vm_ask_disks;
    rc = runner_run(&r, p, false, &why);
    r.ran = rc == RUN_DONE;
    r.ask_disks = NULL; /* what follows works on the graph that there is */
    vm->deaf = true;
    if (rc == RUN_LEFT) {
        /* what will be kept or dropped is only known at the end */
        json_object_del(p->result, "kept");
        result = finished(p, &r, ran);
    } else if (rc == RUN_DONE && (op->aside || !vm_conclude(vm, j, &r, p, &why))) {
        result = finished(p, &r, ran);
    }
    if (r.unquiesced) {
        vm_take_away(vm, j, &r, p, &why);
    } else if (!result && why.kind == QRW_ERR_UNKNOWN && vm_give_up(vm, j, &r, p)) {
        why.kind = QRW_ERR_FAILED;
        why.hint[0] = '\0';
        j->gave_up = true;
    }
    json_decref(r.jobs);
    json_decref(r.files);
    mem_close_cleanup(&r.workspace);
    if (result)
        return result;
    vm_tell(vm, p->result, notes);
    fail(vm, j, p, !op->aside, &why);
    if (err)
        *err = why;
    return NULL;
}

/* What was begun ends badly when QEMU seems dead and only writes: give it time. */
static json_t *patiently(struct qrw_vm *vm, struct journal *j, const struct qrw_operation *op,
                         struct plan *p, unsigned flags, struct qmp_error *err)
{
    int before = qmp_client_be_patient(vm->client);
    json_t *result = carry_out(vm, j, op, p, flags, err);

    vm->deaf = false;
    qmp_client_set_patience(vm->client, before);
    return result;
}

/* What nobody could load again is not journalled: a file that backs itself, as QEMU tells it. */
static int check_document(const struct plan *p, struct qmp_error *err)
{
    if (!chain_check(p->after.folder, p->after.doc, err))
        return 0;
    return qmp_error_wrap(err, "what would have to be recorded makes no sense");
}

/* What would be done. Then it is as if it had been done: for the merges that follow. */
static json_t *preview(struct qrw_vm *vm, struct journal *j, struct plan *p, struct qmp_error *err)
{
    json_t *result;

    if (vm_check_needs(vm, p, j, err))
        return NULL;
    vm_spare_shared(vm, p, j);
    result = json_deep_copy(p->result);
    json_t *plan = plan_preview(p), *changes = json_object_get(result, "changes");
    json_object_set_new(result, "plan", plan);
    if (changes) { /* of the record alone: it is a step to who asks what would be done */
        json_array_append_new(plan, json_pack("{s:s}", "step", "record"));
        json_object_update(json_array_get(plan, json_array_size(plan) - 1), changes);
    }
    if (!plan_is_idle(p, &j->chain) && vm_pretend(vm, j, p)) {
        plan_done(&vm->before);
        vm->before = *p;
        *p = (struct plan){0};
    }
    return result;
}

/* Plan; names that a rule chose and that some file has are told to the planner. */
static int make_plan(struct plan *p, const struct qrw_operation *op, const void *args,
                     struct scene *s, struct qmp_error *err)
{
    json_auto_t *taken = json_object();
    int rc;

    s->taken = taken;
    plan_init(p, op->name, s);
    while (!(rc = op->plan(p, s, args, err)) && s->files_reachable && vm_find_taken(p, taken)) {
        plan_done(p);
        plan_init(p, op->name, s);
    }
    s->taken = NULL;
    return rc;
}

static bool needs_machine(const struct qrw_vm *vm, const struct qrw_operation *op, const void *args)
{
    return !vm->offline && op->needs_machine && op->needs_machine(args, &vm->graph);
}

static bool saves_live(const struct qrw_operation *op, const void *args)
{
    return op->saves_live && op->saves_live(args);
}

json_t *vm_plan_and_run(struct qrw_vm *vm, struct journal *j, const struct qrw_operation *op,
                        const void *args, unsigned flags, struct qmp_error *err)
{
    char now[40], token[9];
    auto_free char *qemu = vm_qemu_version(vm);
    struct plan p = {0};
    json_t *result = NULL;

    vm_stamp(now, sizeof(now));
    vm_random_token(token);
    bool machine = needs_machine(vm, op, args);
    struct scene s = {.graph = &vm->graph,
                      .chain = &j->chain,
                      .now = now,
                      .token = token,
                      .version = qmp_client_version(vm->client),
                      .qemu = qemu,
                      .reset_ends = op->resets && runner_reset_ends(vm->pid),
                      .machine = machine ? &vm->machine : NULL,
                      .cwd = vm->cwd,
                      .files_reachable = vm->files_reachable,
                      .place = image_place,
                      .untouched = image_untouched,
                      .resized_since = image_resized_since,
                      .header = image_base_named};

    if (machine && vm_observe_machine(vm, saves_live(op, args), err))
        return NULL;
    if (!vm->offline && op->needs_agent && op->needs_agent(args)) {
        vm_observe_agent(vm);
        s.agent = vm->agent;
        s.no_agent = &vm->no_agent;
    }
    if (!vm_may_plan(vm, op, err) && !make_plan(&p, op, args, &s, err) &&
        !check_document(&p, err)) {
        if (!op->aside)
            again_mark(&p, op->tidies || op == &plan_tidy);
        if (flags & QRW_DRY_RUN)
            result = preview(vm, j, &p, err);
        else if (plan_is_idle(&p, &j->chain))
            result = json_deep_copy(p.result);
        else
            result = patiently(vm, j, op, &p, flags, err);
    }
    plan_done(&p);
    return result;
}

/* Who reads these lists need not ask whether they are there. */
static void list_all(json_t *result)
{
    json_auto_t *none = json_pack("{s:[], s:[], s:[]}", "removed", "jobs", "kept");

    json_object_update_missing(result, none);
}

/* Who tells the same again may find it done: by @earlier, which was just finished, or all but the
 * merges, as the document had @marked. New reference, NULL: no. */
static json_t *done_already(const struct journal *j, const struct qrw_operation *op,
                            const void *args, unsigned flags, const json_t *earlier,
                            const json_t *marked)
{
    const json_t *const from[] = {earlier, marked};
    json_t *result = NULL;

    for (size_t i = 0; i < 2 && op->again && !result; i++)
        if (same(text(from[i], "operation"), op->name))
            result = op->again(args, from[i], &j->chain);
    if (result && flags & QRW_DRY_RUN)
        json_object_set_new(result, "plan", json_array());
    return result;
}

json_t *qrw_run(struct qrw_vm *vm, const struct qrw_operation *op, const void *args, unsigned flags,
                struct qmp_error *err)
{
    const char *decision = op->decision ? op->decision(args) : NULL;
    const enum graph_level level = op->tidies && flags & QRW_DRY_RUN ? GRAPH_NODES : op->level;
    int64_t begun_us = clock_us();
    json_auto_t *earlier = NULL, *marked = NULL;
    bool settled = false;
    json_t *result = NULL;
    struct journal j;

    if (vm->offline && op->aside && vm_run_aside(vm, op, args, flags, &result, err))
        return result;
    if (vm_start(vm, err) || vm_observe_first(vm, level, err))
        return journal_unbegun(err);
    if (needs_machine(vm, op, args))
        vm_ask_machine(vm, saves_live(op, args));
    if (!journal_open(&j, vm, JOURNAL_WRITE, err) && !vm_observe_nodes(vm, err)) {
        marked = json_incref(again_marked(&j.chain, op->name));
        if (decision)
            result = decide(vm, &j, op, decision, flags, err);
        else if (!vm_check_bases(vm, &j, op, err) &&
                 (flags & QRW_DRY_RUN ? !(result = vm_preview_settling(&j.chain))
                                      : !settle_earlier(vm, &j, level, &settled, &earlier, err)) &&
                 !(result = done_already(&j, op, args, flags, earlier, marked)) &&
                 !(op->freezes && vm_check_above(vm, &j.chain, err)) &&
                 !(flags & QRW_AFTER && vm_pretend_again(vm, &j, err))) {
            j.tidies = op->tidies;
            result = vm_plan_and_run(vm, &j, op, args, flags, err);
            j.tidies = false;
        }
        if (j.gave_up)
            vm_tidy_away(vm, &j, flags, err);
        /* what was killed comes again, and was done but for its merges */
        else if (!result && settled && op->tidies && !(flags & QRW_DRY_RUN))
            vm_tidy_away(vm, &j, flags, NULL);
        if (result && op->tidies && vm_tidy(vm, &j, result, flags, err)) {
            json_decref(result);
            result = NULL;
        }
        if (result && op->tidies)
            list_all(result);
        if (result && !(flags & QRW_DRY_RUN))
            json_object_set_new(result, "took_ms",
                                json_real((double)(clock_us() - begun_us) / 1000));
    }
    journal_close(&j, vm);
    vm_forget_machine(vm);
    return result ? result : journal_unbegun(err);
}
