/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-tidy: the merges that an operation leaves to be done, one plan and one journal for
 * each; and the same in a dry run, where each plan is made for what the one before promises.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/plan-again.h"
#include "snapshot/plan-tidy.h"
#include "snapshot/vm-private.h"

/* What @part did goes into @whole. */
static void add_work(json_t *whole, const json_t *part)
{
    static const char *const lists[] = {"removed", "kept", "jobs", "notes", "plan"};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        json_t *more = json_object_get(part, lists[i]);

        if (!more)
            continue;
        if (!json_object_get(whole, lists[i]))
            json_object_set_new(whole, lists[i], json_array());
        json_array_extend(json_object_get(whole, lists[i]), more);
    }
}

/* In a dry run the graph is what the plans before this one promise. */
static int see_nodes(struct qrw_vm *vm, unsigned flags, struct qmp_error *err)
{
    if (flags & QRW_DRY_RUN || (!vm->stale && vm->graph.level == GRAPH_NODES))
        return 0;
    return vm_observe(vm, GRAPH_NODES, err);
}

static json_t *merge_next(struct qrw_vm *vm, struct journal *j, unsigned flags,
                          struct qmp_error *err)
{
    struct tidy_args args = {false};
    struct qmp_error why = {0};
    json_t *part = vm_plan_and_run(vm, j, &plan_tidy, &args, flags, &why);

    if (!part && (why.kind == QRW_ERR_REFUSED || why.kind == QRW_ERR_LOCKED)) {
        /* the lower layer is somebody else's base too: it is only read then */
        args.up = true;
        if (!see_nodes(vm, flags, &why))
            part = vm_plan_and_run(vm, j, &plan_tidy, &args, flags, &why);
    }
    if (!part && err)
        *err = why;
    return part;
}

/* As a part that did nothing. New reference. */
static json_t *failed(const struct qmp_error *why)
{
    const bool hint = why->hint[0];
    char words[1024];

    return json_pack(
        "{s:[o]}", "notes",
        json_sprintf(
            "a layer is not merged yet: %s%s%s%s; the next change tries again, or qrewind repair",
            qmp_error_text(why, words, sizeof(words)), hint ? " (" : "", why->hint,
            hint ? ")" : ""));
}

/* One merge that is due. False: there is none, or none that can be done now. */
static bool merge(struct qrw_vm *vm, struct journal *j, json_t *result, unsigned flags,
                  struct qmp_error *err)
{
    const json_int_t before = chain_generation(&j->chain);
    struct qmp_error why = {0};
    json_auto_t *part = NULL;

    /* not while a job of ours goes on without us */
    if (chain_pending(&j->chain) || !tidy_is_due(&j->chain))
        return false;
    if (!see_nodes(vm, flags, &why))
        part = merge_next(vm, j, flags & ~(unsigned)QRW_NO_WAIT, &why);
    if (part) {
        add_work(result, part);
        return chain_generation(&j->chain) != before;
    }
    if (why.kind == QRW_ERR_WAITING || why.kind == QRW_ERR_UNKNOWN) {
        *err = why;
    } else {
        part = failed(&why);
        add_work(result, part);
    }
    return false; /* it would fail again, and again */
}

int vm_tidy(struct qrw_vm *vm, struct journal *j, json_t *result, unsigned flags,
            struct qmp_error *err)
{
    struct qmp_error why = {0};

    while (merge(vm, j, result, flags, &why))
        ;
    if (!(flags & QRW_DRY_RUN) && !why.kind && again_ended(&j->chain, text(result, "spared")))
        j->unsaved = true;
    if (j->unsaved)
        journal_save(j, vm, why.kind ? NULL : &why);
    if (!why.kind)
        return 0;
    vm_note_kept(vm, result);
    if (err)
        *err = why;
    return -1;
}
