/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check-document: the sidecar itself: what is pending, who holds it, who may write it, and
 * what other sidecars say of the same images.                           PURE */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/doubt.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-check.h"
#include "snapshot/plan-tidy.h"
#include "snapshot/recover.h"

static bool is_gone(const char *file, const void *arg)
{
    const struct check *k = arg;

    return k->files && !check_file(k, file);
}

/* Would repair go on from where the VM runs? Else it says what @why says. */
static bool can_settle(const struct check *k, enum recover_verdict verdict, struct qmp_error *why)
{
    if (verdict == RECOVER_DOUBT && json_is_true(json_object_get(k->survey, "restarted")))
        return !doubt_unfilled(k->pending, why);
    return verdict != RECOVER_UNDO ||
           !doubt_way_back(k->c, k->pending, k->s->graph, is_gone, k, why);
}

static void check_pending(struct check *k)
{
    const json_t *pending = chain_pending(k->c);
    const char *operation = text(pending, "operation"), *holder = text(k->survey, "holder");
    struct qmp_error why = {0};

    if (!pending)
        return;
    if (plan_from_json(&k->plan, pending, k->c->folder, &why)) {
        check_add(k, &(struct finding){.code = "pending", .subject = operation},
                  "what it was about to do makes no sense: %s; " PLAN_GIVE_UP, why.desc);
        return;
    }
    k->pending = &k->plan;
    json_auto_t *jobs = plan_job_ids(k->pending);
    const enum recover_verdict verdict = recover_decide(k->pending, k->s->graph);
    if (verdict == RECOVER_ATTACH)
        check_add(k, &(struct finding){.code = "pending", .subject = operation},
                  "it is under way: job %s", json_string_value(json_array_get(jobs, 0)));
    else if (holder)
        check_add(k, &(struct finding){.code = "pending", .subject = operation},
                  "it is under way: %s works on it", holder);
    else if (text(k->survey, "doubt"))
        check_add(k, &(struct finding){.code = "pending", .subject = operation}, "%s",
                  text(k->survey, "doubt"));
    else if (!can_settle(k, verdict, &why) && verdict == RECOVER_DOUBT)
        check_add(k,
                  &(struct finding){"pending", operation,
                                    "take the job as completed, and keep the files that it left",
                                    json_pack("{s:s}", "do", "settle"), true},
                  "%s; %s", why.desc, why.hint);
    else if (why.kind)
        check_add(k, &(struct finding){.code = "pending", .subject = operation}, "%s; %s", why.desc,
                  why.hint);
    else
        check_add(k,
                  &(struct finding){"pending", operation, "finish or undo it",
                                    json_pack("{s:s, s:o}", "do", "settle", "steps",
                                              recover_steps(k->pending, verdict)),
                                    k->c->copied},
                  "it has ended or was interrupted, and is not settled%s",
                  k->c->copied ? "; it was not begun in this file: the sidecar is a copy" : "");
    k->undone = verdict == RECOVER_UNDO && !why.kind;
}

/* An image of others that builds on the layer @file. NULL: none is known. */
static const char *find_theirs(const struct check *k, const char *file)
{
    const char *name;
    json_t *entry;

    json_object_foreach((json_t *)k->files, name, entry)
        if (same(text(entry, "leads"), file) && !chain_layer_by_file(k->c, name))
            return name;
    return NULL;
}

/* What an operation had still to do, and could not. */
static void check_due(struct check *k)
{
    const char *child, *layer = chain_pending(k->c) ? NULL : tidy_next(k->c, &child);
    auto_free char *lower = chain_layer_file(k->c, layer);

    if (!layer || text(k->survey, "holder"))
        return;
    auto_free char *upper = chain_layer_file(k->c, child);
    const bool damaged = json_is_true(json_object_get(check_file(k, lower), "corrupt")) ||
                         json_is_true(json_object_get(check_file(k, upper), "corrupt"));
    /* of what lies on the lower one alone nobody has to know: that is only read then */
    const char *theirs = find_theirs(k, upper);
    auto_free char *why = damaged  ? mem_strdup(", and cannot be while one of them is damaged")
                          : theirs ? mem_printf(", and cannot be while %s builds on that", theirs)
                                   : mem_strdup("");
    check_add(k,
              &(struct finding){"due-merge", lower, why[0] ? NULL : "merge it",
                                why[0] ? NULL : json_pack("{s:s}", "do", "settle"), false},
              "no snapshot needs it any more, but it is not merged with %s yet%s", path_name(upper),
              why);
}

static void check_access(struct check *k)
{
    const char *file = text(k->survey, "sidecar"), *holder = text(k->survey, "holder");
    json_int_t mode = json_integer_value(json_object_get(k->survey, "mode"));

    if (holder)
        check_add(k, &(struct finding){.code = "locked", .subject = file}, "%s works on this VM",
                  holder);
    if (mode & 077)
        check_add(k,
                  &(struct finding){"open-permissions", file, "chmod 600",
                                    json_pack("{s:s, s:s, s:i}", "do", "chmod", "file", file,
                                              "mode", (int)mode & 0600),
                                    false},
                  "others than its owner may read it");
}

/* Of a VM that has no other record: it lacks the disk that this one lies beside, perhaps. */
static void found_elsewhere(struct check *k, const char *other, const char *file, const char *says)
{
    auto_free char *sidecar = path_quote(other);

    check_add(k, &(struct finding){.code = "sidecar-conflict", .subject = file},
              "%s is about it%s; if that is of this VM, which lacks a disk, name it: --sidecar %s; "
              "if it is of another one, only one of the two may run",
              path_name(other), says, sidecar);
}

/* Either may be the one with the names: an older one that was put back beside a newer one. */
static void found_beside(struct check *k, const char *other, const char *file, const char *says)
{
    const char *own = text(k->survey, "sidecar");
    const json_t *theirs = json_object_get(json_object_get(k->survey, "names"), other);
    auto_free char *sidecar = path_quote(other), *ours = path_quote(own);

    check_add(
        k, &(struct finding){.code = "sidecar-conflict", .subject = file},
        "%s is about it too%s; if both are of one VM: to keep its names (%lld snapshots): "
        "qrewind --sidecar %s forget; to keep those of %s (%zu): qrewind --sidecar %s forget; "
        "what is newer than the one that is kept, check tells then, and repair records it",
        path_name(other), says, (long long)json_integer_value(theirs), ours, path_name(own),
        json_array_size(chain_snapshots(k->c)), sidecar);
}

/* One image that two sidecars hold to be theirs. A base that both only read is shared. */
static void check_conflict(struct check *k, const char *other, const char *file,
                           const json_t *theirs)
{
    const char *id = chain_layer_by_file(k->c, file);
    bool active = json_is_true(json_object_get(theirs, "active"));

    if (id && (active || chain_is_active(k->c, id) ||
               (chain_is_ours(k->c, id) && json_is_true(json_object_get(theirs, "ours")))))
        (json_is_true(json_object_get(k->survey, "unrecorded")) ? found_elsewhere : found_beside)(
            k, other, file, active ? ", and says that a guest writes to it" : "");
}

void check_document(struct check *k)
{
    const json_t *others = json_object_get(k->survey, "sidecars");
    const char *other, *file;
    json_t *layers, *theirs;

    check_pending(k);
    check_due(k);
    check_access(k);
    json_object_foreach((json_t *)others, other, layers)
        json_object_foreach(layers, file, theirs)
            check_conflict(k, other, file, theirs);
}
