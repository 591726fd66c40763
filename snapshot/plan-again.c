/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-again: see plan-again.h. */
#include "snapshot/plan-again.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/plan-tidy.h"

static const char member[] = "deleting", creating[] = "creating";

/* Only what belongs to it comes between. */
static void mark_created(struct plan *p)
{
    json_t *follows = json_object_get(p->result, "prunes");

    if (follows)
        json_object_set_new(p->after.doc, creating,
                            json_pack("{s:s, s:O, s:O*, s:O*, s:O}", "operation", p->operation,
                                      "snapshot", json_object_get(p->result, "snapshot"),
                                      "overlays", json_object_get(p->result, "overlays"), "disks",
                                      json_object_get(p->result, "disks"), "prunes", follows));
    else if (strcmp(p->operation, qrw_prune.name) && strcmp(p->operation, plan_tidy.name))
        json_object_del(p->after.doc, creating);
}

bool again_ended(struct chain *c, const char *spare)
{
    return spare && same(text(json_object_get(c->doc, creating), "snapshot"), spare) &&
           !json_object_del(c->doc, creating);
}

void again_mark(struct plan *p, bool tidies)
{
    const json_t *deleted = json_object_get(p->result, "deleted"),
                 *undo = json_object_get(p->result, "undo");

    mark_created(p);
    if (!tidies)
        return;
    if (!tidy_is_due(&p->after))
        json_object_del(p->after.doc, member);
    else if (!strcmp(p->operation, qrw_delete.name))
        json_object_set_new(p->after.doc, member,
                            json_pack("{s:s, s:O, s:O*}", "operation", p->operation, "deleted",
                                      deleted, "undo", undo));
}

json_t *again_marked(const struct chain *c, const char *operation)
{
    return json_object_get(c->doc, same(operation, qrw_create.name) ? creating : member);
}

static bool has(const json_t *names, const char *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(names, i, entry)
        if (same(json_string_value(entry), name))
            return true;
    return false;
}

static json_t *told(json_t *result, json_t *note)
{
    json_object_set_new(result, "notes", json_pack("[o]", note));
    return result;
}

json_t *again_deleted(const void *arguments, const json_t *earlier, const struct chain *c)
{
    const struct qrw_delete_args *args = arguments;
    const json_t *deleted = json_object_get(earlier, "deleted");
    json_auto_t *known = chain_by_name(c), *names = json_array();

    for (size_t i = 0; args->names && args->names[i]; i++) {
        if (json_object_get(known, args->names[i]) || !has(deleted, args->names[i]))
            return NULL;
        json_array_append_new(names, json_string(args->names[i]));
    }
    if (args->undo ? chain_undo(c) || !json_is_false(json_object_get(earlier, "undo"))
                   : !json_array_size(names))
        return NULL;
    return told(json_pack("{s:O, s:O*}", "deleted", json_is_array(deleted) ? deleted : names,
                          "removed", json_object_get(earlier, "removed")),
                json_string("an earlier command has deleted that, and did not come to its end"));
}

json_t *again_created(const void *arguments, const json_t *earlier, const struct chain *c)
{
    const struct qrw_create_args *args = arguments;
    const json_t *s = args->name ? chain_snapshot(c, args->name) : NULL;

    if (!s || !same(text(earlier, "snapshot"), args->name) || args->internal != internal_is(s) ||
        (args->memory && !json_is_object(json_object_get(s, "memory"))) ||
        (json_is_true(json_object_get(earlier, "prunes")) && !args->prunes))
        return NULL;
    json_auto_t *unknown = json_pack("{s:n, s:n}", "pause_ms", "frozen_ms");
    json_t *result = json_deep_copy(earlier);
    json_object_update_missing(result, unknown);
    return told(result, json_sprintf("%s was taken by the interrupted command, at %s", args->name,
                                     text(s, "created")));
}
