/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-preview: see vm-preview.h.
 *
 * One mend may make another one due: a file that is found under another name goes into the record,
 * and the header above then names what is not there any more. So the record is looked at once more
 * as it would be, for headers alone: all else needs a look at files that nobody has touched yet.
 */
#include "snapshot/vm-preview.h"

#include <stdio.h>

#include "snapshot/check.h"
#include "snapshot/member.h"
#include "snapshot/mend-record.h"
#include "snapshot/vm-private.h"

/* Each finding as a step of what repair would do. */
static json_t *steps_of(const json_t *findings, unsigned flags)
{
    json_t *plan = json_array(), *f;
    size_t i;

    json_array_foreach(findings, i, f) {
        json_t *step = json_deep_copy(json_object_get(f, "mend"));

        if (!json_is_object(step) ||
            !(vm_may_mend(f, flags | QRW_YES) || same(text(step, "do"), "settle"))) {
            json_decref(step);
            continue;
        }
        json_auto_t *steps = json_incref(json_object_get(step, "steps"));
        json_object_set(step, "step", json_object_get(step, "do"));
        json_object_del(step, "do");
        json_object_del(step, "steps");
        json_object_del(step, "named");
        json_object_del(step, "words");
        json_object_set(step, "for", json_object_get(f, "code"));
        if (!(flags & QRW_YES) && json_is_true(json_object_get(f, "ask")))
            json_object_set_new(step, "needs", json_string("--yes"));
        json_array_append_new(plan, step);
        json_array_extend(plan, steps);
    }
    return plan;
}

/* Headers that will be wrong once the names of @findings are recorded. */
static void foresee(struct qrw_vm *vm, const struct journal *j, qrw_strings only, unsigned flags,
                    json_t *findings)
{
    json_auto_t *found = NULL, *more = NULL;
    struct chain later = {0};
    bool renamed = false;
    json_t *f;
    size_t i;

    chain_copy(&later, &j->chain);
    json_array_foreach(findings, i, f) {
        const json_t *mend = json_object_get(f, "mend");

        renamed |= same(text(mend, "do"), "rename") && vm_may_mend(f, flags) &&
                   mend_record(&later, &vm->graph, mend);
    }
    if (renamed)
        more = vm_examine(vm, &later, j->file, true, flags, &found, NULL);
    check_choose(more, only);
    json_array_foreach(more, i, f)
        if (same(text(json_object_get(f, "mend"), "do"), "backing") &&
            !check_is_told(findings, text(f, "subject")))
            json_array_append(findings, f);
    chain_done(&later);
}

json_t *vm_preview(struct qrw_vm *vm, const struct journal *j, qrw_strings only, unsigned flags,
                   json_t *findings)
{
    foresee(vm, j, only, flags, findings);
    return steps_of(findings, flags);
}

/* How that ends, and what can be planned then, only settling it tells; and a dry run changes
 * nothing. */
json_t *vm_preview_settling(const struct chain *c)
{
    const char *operation = text(chain_pending(c), "operation");
    char note[120];

    if (!operation)
        return NULL;
    snprintf(note, sizeof(note),
             "an interrupted %s is settled first, and what follows is planned then: qrewind repair",
             operation);
    return json_pack("{s:[{s:s, s:s}], s:[s]}", "plan", "step", "settle", "operation", operation,
                     "notes", note);
}
