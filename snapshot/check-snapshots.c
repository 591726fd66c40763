/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-snapshots: could each still be gone back to, and deleted?       PURE
 *
 * First what it is made of: layers, memory, tags; of what an operation that is under way drops,
 * or leaves as another, only what it leaves. Where nothing at all is wrong, the
 * planners are asked, dry: what they refuse is what the user would be refused.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/path.h"

static bool has_tag(const json_t *entry, const char *tag)
{
    const json_t *name;
    size_t i;

    json_array_foreach(json_object_get(entry, "tags"), i, name)
        if (same(json_string_value(name), tag))
            return true;
    return false;
}

/* The first layer of @disks (of a snapshot or the undo point) whose file is not there, and the
 * disk that needs it. NULL: all are there. */
static const char *gone(const struct check *k, json_t *disks, const char **disk)
{
    const char *name;
    json_t *held;

    json_object_foreach(disks, name, held) {
        const char *pinned = text(held, "layer");
        const char *layer = pinned ? check_shown_by(k, pinned) : text(held, "inside");
        const char *missing = k->files ? check_missing_below(k, layer) : NULL;

        *disk = name;
        if (missing)
            return missing;
    }
    return NULL;
}

/* The highest of @id and the layers below it that may be whole without what is missing below it.
 * NULL: none is. */
static const char *may_be_whole(const struct check *k, const char *id)
{
    size_t left = json_object_size(json_object_get(k->c->doc, "layers"));

    for (; id && left-- > 0 && !check_is_gone(k, id); id = check_builds_on(k, id))
        if (check_may_be_flat(k, id))
            return id;
    return NULL;
}

/* The same of what a snapshot has on @disk of @disks. */
static const char *perhaps_flat(const struct check *k, json_t *disks, const char *disk)
{
    const json_t *held = json_object_get(disks, disk);
    const char *pinned = text(held, "layer");

    return may_be_whole(k, pinned ? check_shown_by(k, pinned) : text(held, "inside"));
}

/* The first disk whose layer shows something else, since another one was merged into it, or may do
 * so. */
static const char *overwritten(const struct check *k, json_t *disks)
{
    const char *name;
    json_t *held;

    json_object_foreach(disks, name, held)
        if (check_is_overwritten(k, held))
            return name;
    return NULL;
}

/* The first disk of which what lies inside of its layer does not see what is below any more, and
 * the file of that in *@file (new string). NULL: none. */
static const char *cut_off(const struct check *k, json_t *disks, char **file)
{
    const char *name;
    json_t *held;

    json_object_foreach(disks, name, held)
        if ((*file = check_cut_file(k, held)))
            return name;
    return NULL;
}

/* The first disk whose image lacks the tag. NULL: none. */
static const char *untagged(const struct check *k, json_t *disks)
{
    const char *name;
    json_t *held;

    json_object_foreach(disks, name, held) {
        auto_free char *file = chain_layer_file(k->c, text(held, "inside"));
        const json_t *entry = check_file(k, file);

        if (text(held, "tag") && entry && !has_tag(entry, text(held, "tag")))
            return name;
    }
    return NULL;
}

static json_t *drop(const char *what, const char *name)
{
    return json_pack("{s:s, s:s*}", "do", what, "snapshot", name);
}

/* It would come back as what somebody else has made, with what it shows now. */
void check_take_out(const struct check *k, json_t *mend, json_t *disks)
{
    const char *disk;
    json_t *held;

    json_object_foreach(disks, disk, held) {
        const char *layer = text(held, "inside"), *tag = text(held, "tag");
        auto_free char *file = tag ? chain_layer_file(k->c, layer) : NULL;

        if (!file || !has_tag(check_file(k, file), tag))
            continue;
        if (!json_object_get(mend, "inside"))
            json_object_set_new(mend, "inside", json_array());
        json_array_append_new(
            json_object_get(mend, "inside"),
            json_pack("{s:s, s:s, s:s}", "file", file, "tag", tag, "layer", layer));
    }
}

/* What of @disks is dropped, since another layer was merged into one that it shows. */
static void tell_overwritten(struct check *k, const char *code, const char *name, json_t *mend,
                             json_t *disks, const char *words)
{
    const json_t *inside, *at;
    char *repair = mem_strdup(same(code, "broken-undo") ? "drop it" : "drop its record");
    size_t i;

    check_take_out(k, mend, disks);
    inside = json_object_get(mend, "inside");
    json_array_foreach(inside, i, at) {
        auto_free char *before = repair;

        repair = mem_printf("%s%s%s", before, i ? ", " : ", and take it out of ",
                            path_name(text(at, "file")));
    }
    auto_free char *whole = repair;
    check_add(k, &(struct finding){code, name, whole, mend, true}, "%s", words);
}

static void check_memory(struct check *k, const json_t *snapshot)
{
    const json_t *memory = json_object_get(snapshot, "memory");
    const char *name = text(snapshot, "name");

    auto_free char *file = chain_memory_file(k->c, memory);
    const json_t *entry = check_file(k, file);

    bool held = chain_memory_is_live(memory)
                    ? json_integer_value(json_object_get(entry, "size")) > 0 &&
                          !json_object_get(entry, "cut")
                    : entry && has_tag(entry, text(memory, "tag"));
    if (!file || !k->files || held)
        return;
    const bool away = check_is_away(k, file);
    check_add(k,
              &(struct finding){"missing-memory", name,
                                away ? NULL : "keep it with its disks alone",
                                away ? NULL : drop("drop-memory", name), !away},
              "its memory is gone: %s %s", file, entry ? "does not hold it" : "is not there");
}

/* Returns whether it is whole. */
static bool check_parts(struct check *k, const json_t *snapshot)
{
    const struct chain *after = check_after(k);
    const char *name = text(snapshot, "name"), *disk;

    if (after && !(snapshot = chain_snapshot(after, name)))
        return true;
    json_t *disks = json_object_get(snapshot, "disks");
    const char *missing = gone(k, disks, &disk);
    const size_t before = json_array_size(k->findings);
    auto_free char *cut = NULL;

    if (missing) {
        auto_free char *file = chain_layer_file(k->c, missing);
        const bool away = check_is_away(k, file);
        const char *flat = perhaps_flat(k, disks, disk);
        const bool doubtful = away || flat || check_is_doubtful(k, missing);
        const json_t *held = json_object_get(disks, disk);
        /* what lies inside of one that was made flat is not */
        auto_free char *whole = text(held, "layer") ? chain_layer_file(k->c, flat) : NULL;
        auto_free char *unless =
            whole ? mem_printf("; unless %s is whole without it", path_name(whole)) : NULL;

        check_add(k,
                  &(struct finding){"broken-snapshot", name, doubtful ? NULL : "drop its record",
                                    doubtful ? NULL : drop("drop-snapshot", name), !doubtful},
                  "disk %s of it needs %s, which is not there%s%s", disk, file,
                  away ? ", nor is anything else in its folder" : "", unless ? unless : "");
    } else if ((disk = overwritten(k, disks))) {
        auto_free char *words = mem_printf(
            "what disk %s of it showed is no more, if a newer layer was merged into it", disk);

        tell_overwritten(k, "broken-snapshot", name, drop("drop-snapshot", name), disks, words);
    } else if ((disk = cut_off(k, disks, &cut))) {
        check_add(k, &(struct finding){.code = "broken-snapshot", .subject = name},
                  "what disk %s of it shows lies in part below %s, and QEMU has that no more there",
                  disk, path_name(cut));
    } else if ((disk = untagged(k, disks))) {
        check_add(k,
                  &(struct finding){"missing-tag", name, "drop its record",
                                    drop("drop-snapshot", name), true},
                  "disk %s does not hold it any more", disk);
    }
    check_memory(k, snapshot);
    return json_array_size(k->findings) == before;
}

static void check_undo(struct check *k)
{
    const struct chain *after = check_after(k);
    json_t *disks = json_object_get(chain_undo(k->c), "disks");

    if (after && !json_equal(disks, json_object_get(chain_undo(after), "disks")))
        return;
    const char *disk, *missing = gone(k, disks, &disk);
    if (!missing && (disk = overwritten(k, disks))) {
        auto_free char *words =
            mem_printf("what disk %s was is no more, if a newer layer was merged into it", disk);

        tell_overwritten(k, "broken-undo", "undo", drop("drop-undo", NULL), disks, words);
        return;
    }
    auto_free char *cut = NULL;
    if (!missing && (disk = cut_off(k, disks, &cut))) {
        check_add(k, &(struct finding){.code = "broken-undo", .subject = "undo"},
                  "what disk %s was lies in part below %s, and QEMU has that no more there", disk,
                  path_name(cut));
        return;
    }
    if (!missing && !(disk = untagged(k, disks)))
        return;
    auto_free char *file = chain_layer_file(k->c, missing);
    if (missing &&
        (check_is_doubtful(k, missing) || check_is_away(k, file) || perhaps_flat(k, disks, disk)))
        return;
    check_add(k, &(struct finding){"broken-undo", "undo", "drop it", drop("drop-undo", NULL), true},
              "disk %s of the undo point needs %s, which is not there", disk,
              missing ? file : "a snapshot inside of its image");
}

/* ---- the planners, dry ---- */

static void try(struct check *k, const struct qrw_operation *op, const void *args, const char *code,
                const char *name)
{
    struct qmp_error why = {0};
    struct plan p = {0};

    plan_init(&p, op->name, k->s);
    if (op->plan(&p, k->s, args, &why))
        check_add(k, &(struct finding){.code = code, .subject = name}, "%s%s%s", why.desc,
                  why.hint[0] ? "; " : "", why.hint);
    plan_done(&p);
}

static void check_use(struct check *k, const json_t *snapshot)
{
    const char *name = text(snapshot, "name");
    /* that a memory saved live needs another QEMU is no fault of it, and list tells */
    const bool live = chain_memory_is_live(json_object_get(snapshot, "memory"));
    /* whether it can be gone back to at all: that there is an undo point then is not asked */
    const struct qrw_revert_args revert = {.name = name,
                                           .discard = true,
                                           .no_memory =
                                               live && !same(k->s->graph->status, "inmigrate")};
    const struct qrw_delete_args delete = {.names = (const char *const[]){name, NULL}};

    try(k, &qrw_revert, &revert, "cannot-revert", name);
    if (!json_is_true(json_object_get(snapshot, "pinned")))
        try(k, &qrw_delete, &delete, "cannot-delete", name);
}

void check_snapshots(struct check *k)
{
    const json_t *s;
    size_t i;
    bool well = true;

    json_array_foreach(chain_snapshots(k->c), i, s)
        well &= check_parts(k, s);
    check_undo(k);
    /* a job, or an operation that is not settled, refuses all that would work without it */
    if (!well || check_has_errors(k) || !k->live || k->s->graph->njobs || chain_pending(k->c))
        return;
    json_array_foreach(chain_snapshots(k->c), i, s)
        check_use(k, s);
}
