/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-repair: what was interrupted is settled, then what check finds is mended.
 *
 *   nodes of no disk ──> pending, ended jobs, merges that are due ──> vm_mend(), in vm-check.c
 *
 * A merge that needs what is to be mended, or is due by that, comes after it.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/check.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/plan-tidy.h"
#include "snapshot/vm-offline.h"
#include "snapshot/vm-private.h"

static json_t *settled_result(const char *how, json_t *result)
{
    if (!result)
        result = json_object();
    json_object_set_new(result, "settled", json_string(how));
    return result;
}

/* Where nothing is pending: they are dismissed before all else, and told as what was mended. */
static json_t *ended_jobs(const struct qrw_vm *vm, const struct journal *j)
{
    const struct graph *g = &vm->graph;
    json_t *ended = json_array();

    for (size_t i = 0; i < g->njobs && !chain_pending(&j->chain); i++)
        if (graph_job_is_left(&g->jobs[i])) {
            json_t *f = check_finding("ended-job", g->jobs[i].id, "the job had ended");

            json_object_set_new(f, "repair", json_string("dismiss it"));
            json_object_del(f, "mend");
            json_array_append_new(ended, f);
        }
    return ended;
}

/* Those that QEMU does not have any more. */
static void set_dismissed(const struct qrw_vm *vm, json_t *result, const json_t *ended)
{
    json_t *mended = json_array(), *f;
    size_t i;

    json_array_foreach(ended, i, f)
        if (!graph_job(&vm->graph, json_string_value(json_object_get(f, "subject"))))
            json_array_append(mended, f);
    json_object_set_new(result, "mended", mended);
}

bool vm_believe(const struct journal *j, struct plan *p)
{
    for (size_t i = j->believed ? json_array_size(p->cleanup) : 0; i-- > 0;) {
        const json_t *step = json_array_get(p->cleanup, i);

        if (!same(text(step, "step"), "unlink"))
            continue;
        plan_kept(p, text(step, "file"),
                  "if the job was not completed, what the guest had is there");
        json_array_remove(p->cleanup, i);
    }
    return j->believed;
}

/* Offline that needs an engine. QRW_ERR_INVALID, QRW_ERR_REFUSED: the images are not as they should
 * be. */
static int get_ready(struct qrw_vm *vm, struct journal *j, struct qmp_error *err)
{
    const int moved = vm_follow_move(vm, j, err);

    return moved < 0 || (moved && vm_observe(vm, GRAPH_NODES, err)) ||
                   vm_check_mixed(vm, &j->chain, j->file, false, err) || vm_start(vm, err) ||
                   vm_observe(vm, GRAPH_NODES, err)
               ? -1
               : 0;
}

/* May the merges be done that are due? What was interrupted in this very file somebody has asked
 * for. */
static bool may_merge(const struct qrw_vm *vm, const struct journal *j, unsigned flags)
{
    return flags & QRW_YES || chain_pending(&j->chain) || vm_may_merge_unasked(vm, &j->chain);
}

/* What is pending, and the merges that an operation had still to do, unless they are @late. */
static json_t *settle_all(struct qrw_vm *vm, struct journal *j, unsigned flags, bool *late,
                          struct qmp_error *err)
{
    static const char *const words[] = {"nothing", "finished", "undone", "running", "partly"};
    json_auto_t *ended = ended_jobs(vm, j);
    struct qmp_error why = {0};
    const bool merges = may_merge(vm, j, flags);
    json_t *result = NULL;
    enum settled how;

    if ((chain_pending(&j->chain) || tidy_is_due(&j->chain)) && get_ready(vm, j, &why)) {
        *late = !chain_pending(&j->chain) &&
                (why.kind == QRW_ERR_INVALID || why.kind == QRW_ERR_REFUSED);
        if (!*late && err)
            *err = why;
        if (!*late)
            return NULL;
    }
    if (vm_settle(vm, j, NULL, false, &how, &result, err))
        return NULL;
    result = settled_result(words[how], result);
    set_dismissed(vm, result, ended);
    if (*late || !merges || !vm_tidy(vm, j, result, 0, err))
        return result;
    json_decref(result);
    return NULL;
}

/* A file that nothing records is found by what it builds on; where the VM has merged that, it is
 * told for the last time. */
static void tell_orphans(json_t *result, const json_t *now)
{
    json_t *kept = json_object_get(result, "kept"), *f;
    size_t i;

    json_array_foreach(json_object_get(result, "findings"), i, f) {
        const char *file = text(f, "subject");

        if (kept && same(text(f, "code"), "orphan-file") && !check_is_told(now, file) &&
            image_is_there(file))
            json_array_append_new(
                kept, json_pack("{s:s, s:O}", "name", file, "why", json_object_get(f, "text")));
    }
}

/* The merges that could not be done before, or what was mended has made due; and what is found
 * then. Takes @result. */
static json_t *merge_late(struct qrw_vm *vm, struct journal *j, qrw_strings only, unsigned flags,
                          json_t *result, struct qmp_error *err)
{
    json_auto_t *rest = NULL;
    struct qmp_error why = {0};

    if (!tidy_is_due(&j->chain))
        return result;
    if (get_ready(vm, j, &why)) {
        vm_note(vm, 0, "a layer is not merged yet: %s", why.desc);
        return result;
    }
    if (!vm_tidy(vm, j, result, 0, err) && !vm_stay(vm, err))
        rest = vm_mend(vm, j, only, flags, err);
    if (!rest) {
        json_decref(result);
        return NULL;
    }
    tell_orphans(result, json_object_get(rest, "findings"));
    json_array_extend(json_object_get(result, "mended"), json_object_get(rest, "mended"));
    json_object_set(result, "findings", json_object_get(rest, "findings"));
    json_object_set(result, "sidecar", json_object_get(rest, "sidecar"));
    return result;
}

/* What QEMU holds open for no disk may be in the way of a merge: close that first, if it is to be
 * closed at all (@only). Returns what was mended; new reference, NULL: nothing. */
static json_t *close_first(struct qrw_vm *vm, struct journal *j, qrw_strings only, unsigned flags)
{
    static const char *const nodes[] = {"leaked-node", NULL};
    bool wanted = !only;

    for (; only && *only; only++)
        wanted = wanted || !strcmp(*only, nodes[0]);
    if (!wanted || vm->offline || chain_pending(&j->chain) || !tidy_is_due(&j->chain))
        return NULL;
    json_auto_t *result = vm_mend(vm, j, nodes, flags, NULL);
    return json_incref(json_object_get(result, "mended"));
}

static int check_codes(qrw_strings only, struct qmp_error *err)
{
    for (; only && *only; only++)
        if (!check_knows(*only)) {
            qmp_error_set(err, QMP_ERR_USAGE, "no finding has the code '%s'", *only);
            return qmp_error_hint(err, "qrewind(1), FINDINGS, has the codes");
        }
    return 0;
}

json_t *qrw_repair(struct qrw_vm *vm, const struct qrw_repair_args *args, unsigned flags,
                   struct qmp_error *err)
{
    qrw_strings only = args ? args->only : NULL;
    json_auto_t *settled = NULL, *closed = NULL;
    json_t *result = NULL;
    struct journal j;
    bool late = false;

    if (check_codes(only, err) || vm_observe(vm, GRAPH_NODES, err))
        return NULL;
    const enum journal_use use = flags & QRW_DRY_RUN ? JOURNAL_LOOK : JOURNAL_WRITE;
    if (!journal_open(&j, vm, use, err) && !vm_check_theirs(vm, &j.chain, j.file, err)) {
        if (flags & QRW_YES) /* its user has seen what there is */
            j.chain.copied = false;
        j.believed = flags & QRW_YES;
        if (!(flags & QRW_DRY_RUN)) {
            closed = close_first(vm, &j, only, flags);
            settled = settle_all(vm, &j, flags, &late, err);
        }
        late = late || (settled && !tidy_is_due(&j.chain));
        if (settled && chain_pending(&j.chain))
            result = json_incref(settled);
        else if (flags & QRW_DRY_RUN || (settled && !vm_stay(vm, err)))
            result = vm_mend(vm, &j, only, flags, err);
        if (result && settled) {
            json_array_extend(json_object_get(result, "mended"),
                              json_object_get(settled, "mended"));
            json_array_extend(json_object_get(result, "mended"), closed);
            json_object_update_missing(result, settled);
        }
        if (result && late && !chain_pending(&j.chain) && may_merge(vm, &j, flags))
            result = merge_late(vm, &j, only, flags, result, err);
    }
    journal_close(&j, vm);
    return result;
}
