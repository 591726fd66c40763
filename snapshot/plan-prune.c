/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * prune: delete the snapshots that no rule keeps, and say of each one why.
 *
 * The rules look at the snapshots from the newest to the oldest. "daily 7" keeps the
 * newest of each of the last seven days on which there is one.
 */
#include <stdio.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/plan-delete.h"
#include "snapshot/plan-merge.h"

/* Days since 1970-01-01 of "2026-11-21…", for counting weeks; Monday begins them. */
static long day_number(const char *created)
{
    int y = 0, m = 1, d = 1;

    if (sscanf(created, "%4d-%2d-%2d", &y, &m, &d) != 3)
        return 0;
    y -= m <= 2;
    long era = y / 400, of_era = y % 400;
    long of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* What two snapshots of one period have in common: the first @length characters of their
 * time, 0: the week. New string. */
static char *period(const char *created, size_t length)
{
    if (length)
        return mem_printf("%.*s", (int)length, created);
    return mem_printf("%ld", (day_number(created) + 3) / 7);
}

/* The length of a period that every snapshot is alone in. */
#define EACH 99

struct rule {
    const char *word;
    int64_t wanted;
    size_t length;
    char *last; /* the period that it kept one of last */
};

/* Does @rule keep @s, the newest that it has not seen yet? */
static bool keeps(struct rule *rule, const json_t *s)
{
    auto_free char *now = period(text(s, "created"), rule->length);

    if (rule->wanted <= 0 || (rule->length != EACH && same(rule->last, now)))
        return false;
    mem_free_cleanup(&rule->last);
    rule->last = mem_strdup(now);
    rule->wanted--;
    return true;
}

/* Every rule looks at @s, so that each counts; the first that keeps it is the reason. */
static const char *reason(struct rule *rules, size_t n, const json_t *s)
{
    const char *why = json_is_true(json_object_get(s, "pinned")) ? "pinned" : NULL;

    for (size_t i = 0; i < n; i++)
        if (keeps(&rules[i], s) && !why)
            why = rules[i].word;
    return why;
}

static void by_age(struct plan *p, const struct qrw_prune_args *args, json_t *names)
{
    struct rule rules[] = {
        // clang-format off
        {"last",    args->last,    EACH, NULL}, {"hourly",  args->hourly,  13, NULL},
        {"daily",   args->daily,   10, NULL}, {"weekly",  args->weekly,  0,  NULL},
        {"monthly", args->monthly, 7,  NULL}, {"yearly",  args->yearly,  4,  NULL},
        // clang-format on
    };
    const size_t n = sizeof(rules) / sizeof(rules[0]);
    const json_t *all = chain_snapshots(&p->after);

    for (size_t i = json_array_size(all); i-- > 0;) {
        const json_t *s = json_array_get(all, i);
        const char *why = reason(rules, n, s);

        if (why)
            plan_kept(p, text(s, "name"), why);
        else
            json_array_append(names, json_object_get(s, "name"));
    }
    for (size_t i = 0; i < n; i++)
        mem_free_cleanup(&rules[i].last);
}

/* Does @snapshot freeze a layer that a disk of the VM runs on now? */
static bool is_below_active(const struct chain *c, const json_t *snapshot)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(snapshot, "disks"), disk, held) {
        const char *active = chain_active(c, disk);

        if (active && text(held, "layer") && chain_is_below(c, text(held, "layer"), active))
            return true;
    }
    return false;
}

/* How many layers the deepest active chain has when what is loose has been merged. */
static int64_t depth_of(const struct chain *c)
{
    json_auto_t *kept = chain_kept(c), *inside = chain_held_inside(c);
    int64_t deepest = 0;
    const char *disk;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), disk, entry) {
        const char *above = NULL;
        int64_t depth = 0;

        for (const char *id = text(entry, "active"); id; id = text(chain_layer(c, id), "backing")) {
            depth += json_object_get(kept, id) || !chain_is_loose(c, id) ||
                     (above && json_object_get(inside, above));
            above = id;
        }
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* It was kept by age, and goes all the same. */
static void take_back(struct plan *p, const char *name)
{
    json_t *kept = json_object_get(p->result, "kept");

    for (size_t i = json_array_size(kept); i-- > 0;)
        if (same(text(json_array_get(kept, i), "name"), name))
            json_array_remove(kept, i);
}

/* Why @snapshot does not go for the sake of the depth, which is still too much or not. */
static const char *exempt(const struct scene *s, const struct qrw_prune_args *args,
                          const json_t *snapshot, bool too_deep)
{
    if (json_is_true(json_object_get(snapshot, "pinned")))
        return "pinned";
    if (same(text(snapshot, "name"), args->spare))
        return "just taken";
    if (!too_deep)
        return "within the depth";
    return is_below_active(s->chain, snapshot) ? NULL : "makes no chain deeper";
}

/* The oldest go until the deepest chain is short enough; what branches share stays. @aged: why the
 * others stay is said already. */
static void by_depth(struct plan *p, const struct scene *s, const struct qrw_prune_args *args,
                     json_t *names, bool aged)
{
    json_auto_t *left = chain_by_name(&p->after);
    int64_t depth = depth_of(&p->after);
    const json_t *snapshot;
    size_t i;

    json_array_foreach(chain_snapshots(s->chain), i, snapshot) {
        const char *name = text(snapshot, "name");
        const char *why = exempt(s, args, snapshot, depth > args->max_depth);

        if (why && !aged)
            plan_kept(p, name, why);
        if (why || !json_object_get(left, name))
            continue;
        json_array_append_new(names, json_string(name));
        take_back(p, name);
        plan_drop_snapshot(p, name, false);
        plan_collect(p, false);
        depth = depth_of(&p->after);
    }
    if (depth > args->max_depth)
        plan_note(p, "the chain stays %lld layers deep: the rest is pinned%s or was there before",
                  (long long)depth, args->spare ? ", just taken," : "");
}

static int plan(struct plan *p, const struct scene *s, const void *arguments, struct qmp_error *err)
{
    const struct qrw_prune_args *args = arguments;
    json_auto_t *names = json_array();
    bool aged =
        args->last || args->hourly || args->daily || args->weekly || args->monthly || args->yearly;

    if (!aged && !args->max_depth) {
        qmp_error_set(err, QMP_ERR_USAGE, "prune needs a rule, or it would delete everything");
        return qmp_error_hint(err, "for example: --keep-last 3 --keep-daily 7");
    }
    if (plan_all_agree(s, err))
        return -1;
    if (args->spare)
        json_object_set_new(p->result, "spared", json_string(args->spare));
    if (aged)
        by_age(p, args, names);
    if (plan_drop_snapshots(p, s, names, false, err))
        return -1;
    if (args->max_depth)
        by_depth(p, s, args, names, aged);
    return 0;
}

const struct qrw_operation qrw_prune = {
    .name = "prune", .level = GRAPH_NODES, .plan = plan, .tidies = true};
