/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runner-files: the steps that only touch files, and their undo. */
#include "snapshot/runner.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/export.h"
#include "snapshot/image.h"
#include "snapshot/import.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-check.h"
#include "snapshot/tool.h"

static int make(const json_t *step, const char *file, struct qmp_error *err)
{
    struct qcow2_options o = {
        .size = (uint64_t)json_integer_value(json_object_get(step, "size")),
        .backing = text(step, "backing"),
        .backing_format = text(step, "backing_format"),
    };
    const char *like = text(step, "like") ? text(step, "like") : o.backing;

    if (like && !graph_is_path(like))
        like = NULL;
    if (text(step, "named"))
        o.backing = text(step, "named");
    return image_create_overlay(file, &o, like, err);
}

static int make_overlay(struct runner *r, const json_t *step, struct qmp_error *err)
{
    return make(step, text(step, "file"), err);
}

static int fill(struct runner *r, const json_t *step, const char *part, struct qmp_error *err)
{
    const char *source = text(step, "source"), *tag = text(step, "tag"),
               *backing = text(step, "backing");

    if (!image_resized_since(source, tag))
        return tool_copy_snapshot(r, part, source, tag, backing, err);
    if (tool_scratch(r, source, tag, part, err) || tool_untag_all(part, err))
        return -1;
    return backing ? image_name_backing(part, "qcow2", backing, text(step, "backing_format"), err)
                   : 0;
}

/* What has its name is whole. */
static int copy(struct runner *r, const json_t *step, struct qmp_error *err)
{
    const char *part = text(step, "part");

    if (make(step, part, err))
        return -1;
    if (!fill(r, step, part, err) && !image_flush(part, err) &&
        !image_move(part, text(step, "file"), err))
        return 0;
    runner_file_undo(r, NULL, step, NULL);
    return -1;
}

static int untag(struct runner *r, const json_t *step, struct qmp_error *err)
{
    return image_untag(text(step, "file"), text(step, "tag"), err);
}

static int reserve(struct runner *r, const json_t *step, struct qmp_error *err)
{
    const char *like = text(step, "like");

    /* it may have been deleted, and this is the copy that saves what was in it */
    if (like && image_is_gone(like))
        like = NULL;
    return image_create_reserved(text(step, "file"), like, err);
}

static int make_stream(struct runner *r, const json_t *step, struct qmp_error *err)
{
    int64_t room = json_integer_value(json_object_get(step, "room"));

    return image_create_stream(text(step, "file"), text(step, "like"), room, err);
}

static int expect(struct runner *r, const json_t *step, struct qmp_error *err)
{
    return 0;
}

int runner_sync_folders(const json_t *files, struct qmp_error *err)
{
    auto_free char *synced = NULL;
    const json_t *file;
    size_t i;

    json_array_foreach(files, i, file) {
        auto_free char *folder = path_folder(json_string_value(file));

        if (synced && !strcmp(synced, folder))
            continue;
        if (image_sync_folder(json_string_value(file), err))
            return -1;
        free(synced);
        synced = mem_strdup(folder);
    }
    return 0;
}

/* All the files first, then each folder once: what was begun together ends together. */
static int sync_files(struct runner *r, const json_t *step, struct qmp_error *err)
{
    const json_t *files = json_object_get(step, "files"), *file;
    size_t i;

    json_array_foreach(files, i, file)
        if (image_flush(json_string_value(file), err))
            return -1;
    return runner_sync_folders(files, err);
}

/* The guest waits for QEMU's own flush; what is written out before costs it nothing. */
static int flush(struct runner *r, const json_t *step, struct qmp_error *err)
{
    struct qmp_error why;

    if (image_flush(text(step, "file"), &why) && r->options && r->options->note) {
        char words[sizeof(why.context) + sizeof(why.desc)];

        r->options->note(1, qmp_error_text(&why, words, sizeof(words)), r->options->arg);
    }
    return 0;
}

static const struct {
    const char *step;
    int (*run)(struct runner *r, const json_t *step, struct qmp_error *err);
    bool disposable; /* nothing that it holds is of use without the rest of the operation */
    void (*undo)(struct runner *r, const json_t *step, json_t *notes); /* NULL: by the above */
} kinds[] = {
    // clang-format off
    {"overlay",   make_overlay,     false, NULL},
    {"image",     make_overlay,     true,  NULL},
    {"copy",      copy,             true,  NULL},
    {"untag",     untag,            false, NULL},
    {"reserve",   reserve,          false, NULL},
    {"stream",    make_stream,      true,  NULL},
    {"expect",    expect,           false, NULL},
    {"sync",      sync_files,       false, NULL},
    {"rebase",    runner_rebase,    false, NULL},
    {"flush",     flush,            false, NULL},
    {"workspace", export_workspace, false, export_undo},
    {"convert",   export_convert,   false, NULL},
    {"seal",      export_seal,      false, NULL},
    {"publish",   export_publish,   false, NULL},
    {"verify",    import_verify,    false, NULL},
    {"document",  import_document,  false, NULL},
    // clang-format on
};

static int find(const json_t *step)
{
    const char *kind = text(step, "step");

    for (size_t i = 0; kind && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kinds[i].step, kind))
            return (int)i;
    return -1;
}

int runner_file_step(struct runner *r, const json_t *step, struct qmp_error *err)
{
    int kind = find(step);

    if (kind < 0)
        return qmp_error_set(err, QMP_ERR_USAGE, "no such step: %s", text(step, "step"));
    return kinds[kind].run(r, step, err);
}

/* Nobody's data: an overlay that nothing was written to, or a name that was only kept. QEMU hears
 * of an overlay when it was synced: one that is not whole was nobody's. */
static bool holds_nothing(const json_t *step, const char *file, const struct image_stat *st)
{
    bool empty = false;

    return st->size == 0 || (!image_is_empty_overlay(file, &empty, NULL) && empty) ||
           (same(text(step, "step"), "overlay") && image_is_unwritten(file));
}

/* A copy that was never switched to, of what is still there. */
static bool is_unfinished(const struct plan *p)
{
    return p->fills && !p->switched;
}

/* Whatever was taken back: what QEMU has open may be what the guest writes to. */
static bool is_used(const struct runner *r, const char *file, const struct image_stat *st,
                    const struct graph *g)
{
    return (g && graph_disk_with(g, file)) || image_open_in(r->pid, st);
}

static void take_away(struct runner *r, struct plan *p, const json_t *step, const char *file,
                      const struct graph *g)
{
    struct qmp_error why = {0};
    struct image_stat st;
    const char *kept = NULL;

    if (image_stat(file, &st, &why))
        kept = why.desc;
    else if (!st.exists)
        return;
    else if (is_used(r, file, &st, g))
        kept = "QEMU uses it";
    else if (image_is_foreign(&st, r->owner))
        kept = "it belongs to another user than the sidecar";
    else if (g && !kinds[find(step)].disposable && !is_unfinished(p) &&
             !holds_nothing(step, file, &st))
        kept = "it holds data; remove it when you are sure that nobody needs it";
    else if (image_unlink_if(file, &st, &why))
        kept = why.desc;
    if (kept && p)
        plan_note(p, "%s stays: %s", file, kept);
}

void runner_file_undo(struct runner *r, struct plan *p, const json_t *step, const struct graph *g)
{
    int kind = find(step);

    /* what none but its own client takes back is in no journal */
    if (kind >= 0 && kinds[kind].undo && p && !g)
        kinds[kind].undo(r, step, json_object_get(p->result, "notes"));
    if (!plan_makes_file(step) || !r->files_reachable)
        return;
    if (text(step, "file"))
        take_away(r, p, step, text(step, "file"), g);
    if (text(step, "part"))
        take_away(r, p, step, text(step, "part"), g);
}

void runner_sync_undone(const struct runner *r, const struct plan *p)
{
    json_auto_t *files = json_array();
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (plan_makes_file(step) && text(step, "file"))
            json_array_append(files, json_object_get(step, "file"));
    if (r->files_reachable)
        runner_sync_folders(files, NULL);
}
