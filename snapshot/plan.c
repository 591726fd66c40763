/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan: see plan.h. */
#include "snapshot/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/media.h"
#include "snapshot/member.h"
#include "snapshot/plan-check.h"
#include "snapshot/plan-spelling.h"
#include "snapshot/qcow2.h"
#include "snapshot/utf8.h"

void plan_init(struct plan *p, const char *operation, const struct scene *s)
{
    *p = (struct plan){.offline = graph_is_off(s->graph)};
    p->operation = mem_strdup(operation);
    p->token = mem_strdup(s->token);
    p->needs = json_array();
    p->steps = json_array();
    p->promise = json_array();
    p->cleanup = json_array();
    p->result = json_pack("{s:[]}", "notes");
    chain_copy(&p->after, s->chain);
}

void plan_done(struct plan *p)
{
    free(p->operation);
    free(p->token);
    json_decref(p->needs);
    json_decref(p->steps);
    json_decref(p->promise);
    json_decref(p->cleanup);
    json_decref(p->result);
    chain_done(&p->after);
    memset(p, 0, sizeof(*p));
}

static void add(json_t *list, json_t *entry)
{
    if (json_array_append_new(list, entry))
        abort();
}

/* ---- steps ---- */

void plan_step(struct plan *p, json_t *step)
{
    add(p->steps, step);
}

void plan_overlay(struct plan *p, const char *file, const struct graph_layer *base)
{
    const char *backing = base->spelling[0] == '/' ? base->spelling : base->file;
    auto_free char *named = plan_base_name(file, base);

    add(p->steps, json_pack("{s:s, s:s, s:s, s:s*, s:s, s:I}", "step", "overlay", "file", file,
                            "backing", backing, "named", strcmp(named, backing) ? named : NULL,
                            "backing_format", base->format, "size", (json_int_t)base->size));
}

void plan_reserve(struct plan *p, const char *file, const char *like)
{
    add(p->steps, json_pack("{s:s, s:s, s:s*}", "step", "reserve", "file", file, "like", like));
}

void plan_stream(struct plan *p, const char *file, const char *like, int64_t room)
{
    add(p->steps, json_pack("{s:s, s:s, s:s*, s:I}", "step", "stream", "file", file, "like", like,
                            "room", (json_int_t)room));
}

void plan_image(struct plan *p, const char *file, const char *like)
{
    add(p->steps, json_pack("{s:s, s:s, s:s*, s:i}", "step", "image", "file", file, "like", like,
                            "size", QCOW2_MEMORY_SIZE));
}

void plan_rebase(struct plan *p, struct plan_base image, struct plan_base from,
                 struct plan_base backing)
{
    add(p->steps,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s*}", "step", "rebase", "file", image.file,
                  "format", image.format, "from", from.file, "from_format", from.format, "backing",
                  backing.file, "backing_format", backing.format));
}

void plan_copy(struct plan *p, const char *file, const struct graph_layer *source, const char *tag,
               const struct graph_layer *backing)
{
    auto_free char *part = mem_printf("%s.qrw-%s", file, p->token);

    add(p->steps,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s*, s:s*}", "step", "copy", "file", file,
                  "part", part, "source", source->file, "tag", tag, "like", source->file, "size",
                  (json_int_t)source->size, "backing", backing ? backing->file : NULL,
                  "backing_format", backing ? backing->format : NULL));
}

void plan_untag(struct plan *p, const char *file, const char *tag)
{
    add(p->steps, json_pack("{s:s, s:s, s:s}", "step", "untag", "file", file, "tag", tag));
}

void plan_expect(struct plan *p, const char *file)
{
    add(p->steps, json_pack("{s:s, s:s}", "step", "expect", "file", file));
}

static json_t *last_step(struct plan *p)
{
    return json_array_get(p->steps, json_array_size(p->steps) - 1);
}

void plan_sync(struct plan *p, const char *file)
{
    if (!same(text(last_step(p), "step"), "sync"))
        add(p->steps, json_pack("{s:s, s:[]}", "step", "sync", "files"));
    add(json_object_get(last_step(p), "files"), json_string(file));
}

void plan_flush(struct plan *p, const char *file)
{
    add(p->steps, json_pack("{s:s, s:s}", "step", "flush", "file", file));
}

void plan_qmp(struct plan *p, const char *execute, json_t *arguments, json_t *undo)
{
    add(p->steps, json_pack("{s:s, s:s, s:o*, s:o*}", "step", "qmp", "execute", execute,
                            "arguments", arguments, "undo", undo));
}

void plan_again(struct plan *p)
{
    json_object_set_new(last_step(p), "again", json_true());
}

void plan_undo(struct plan *p, json_t *undo)
{
    json_object_set_new(last_step(p), "undo", undo);
}

void plan_try(struct plan *p, const char *hint)
{
    json_object_set_new(last_step(p), "try", json_string(hint));
}

void plan_settle(struct plan *p)
{
    json_object_set_new(last_step(p), "settle", json_true());
}

void plan_optional(struct plan *p)
{
    json_object_set_new(last_step(p), "optional", json_true());
}

void plan_undo_if_active(struct plan *p, json_t *files)
{
    json_object_set(last_step(p), "undo_if_active", files);
}

void plan_job(struct plan *p, const char *execute, json_t *arguments, const char *disk,
              const char *then)
{
    if (disk && !then && !strncmp(execute, "block-", 6)) {
        json_object_set_new(arguments, "auto-finalize", json_false());
        then = "finalize";
    }
    add(p->steps, json_pack("{s:s, s:s, s:o, s:s*, s:s*}", "step", "job", "execute", execute,
                            "arguments", arguments, "disk", disk, "then", then));
}

void plan_migration(struct plan *p, const char *execute, json_t *arguments, const char *file)
{
    add(p->steps, json_pack("{s:s, s:s, s:o, s:s}", "step", "migration", "execute", execute,
                            "arguments", arguments, "file", file));
}

json_t *plan_job_ids(const struct plan *p)
{
    json_t *ids = json_array();
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "step"), "job"))
            json_array_append(ids, json_object_get(json_object_get(step, "arguments"), "job-id"));
    return ids;
}

json_t *plan_job_document(const json_t *step, const struct graph *g)
{
    const json_t *args = json_object_get(step, "arguments");
    const char *id = text(args, "job-id");
    const struct graph_job *job = graph_job(g, id);
    json_t *speed = json_object_get(args, "speed");

    return json_pack(
        "{s:s, s:s?, s:s?, s:s, s:I, s:I, s:o, s:s?}", "id", id, "type", job ? job->type : NULL,
        "disk", text(step, "disk"), "status", job ? job->status : "null", "offset",
        (json_int_t)(job ? job->offset : 0), "length", (json_int_t)(job ? job->length : 0), "speed",
        speed ? json_incref(speed) : json_integer(0), "error", job ? job->error : NULL);
}

json_t *plan_job_list(const struct plan *p, const struct graph *g)
{
    json_t *list = json_array();
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "step"), "job"))
            add(list, plan_job_document(step, g));
    return list;
}

void plan_decide(struct plan *p, const char *then)
{
    json_t *step;
    size_t i;

    p->fills = p->fills && same(then, "complete");
    json_array_foreach(p->steps, i, step)
        if (same(text(step, "then"), "hold"))
            json_object_set_new(step, "then", json_string(then));
}

bool plan_acts(const struct plan *p)
{
    return json_array_size(p->steps) || json_array_size(p->cleanup);
}

bool plan_is_idle(const struct plan *p, const struct chain *before)
{
    return !plan_acts(p) && json_equal(p->after.doc, before->doc);
}

/* ---- what follows ---- */

void plan_cleanup_qmp(struct plan *p, const char *execute, json_t *arguments)
{
    add(p->cleanup,
        json_pack("{s:s, s:s, s:o}", "step", "qmp", "execute", execute, "arguments", arguments));
}

void plan_cleanup_node(struct plan *p, const char *node)
{
    if (node && node[0] != '#')
        plan_cleanup_qmp(p, "blockdev-del", json_pack("{s:s}", "node-name", node));
}

void plan_cleanup_nodes(struct plan *p, const struct graph_layer *l)
{
    plan_cleanup_node(p, l->node);
    /* what we opened goes with the node above it */
    if (l->file_node && strncmp(l->file_node, "qrw-", 4))
        plan_cleanup_node(p, l->file_node);
}

void plan_cleanup_backing(struct plan *p, const char *node, const char *backing)
{
    plan_cleanup_qmp(p, "change-backing-file",
                     json_pack("{s:s, s:s, s:s}", "device", node, "image-node-name", node,
                               "backing-file", backing));
}

void plan_cleanup_file(struct plan *p, const char *file)
{
    add(p->cleanup, json_pack("{s:s, s:s}", "step", "unlink", "file", file));
}

void plan_cleanup_layer(struct plan *p, const char *file)
{
    add(p->cleanup, json_pack("{s:s, s:s, s:b}", "step", "unlink", "file", file, "layer", 1));
}

void plan_cleanup_untag(struct plan *p, const char *file, const char *tag)
{
    add(p->cleanup, json_pack("{s:s, s:s, s:s}", "step", "untag", "file", file, "tag", tag));
}

void plan_cleaned(const struct plan *p, json_t *files)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->cleanup, i, step)
        if (text(step, "file"))
            json_array_append(files, json_object_get(step, "file"));
}

bool plan_takes_tags(const struct plan *p)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->cleanup, i, step)
        if (same(text(step, "step"), "untag"))
            return true;
    return false;
}

/* Append @entry to the list @key of the result, which is made when it is first needed. */
static void add_result(struct plan *p, const char *key, json_t *entry)
{
    if (!json_object_get(p->result, key))
        json_object_set_new(p->result, key, json_array());
    add(json_object_get(p->result, key), entry);
}

void plan_removed(struct plan *p, const char *file)
{
    add_result(p, "removed", json_string(file));
}

void plan_kept(struct plan *p, const char *name, const char *why)
{
    add_result(p, "kept", json_pack("{s:s, s:o}", "name", name, "why", utf8_words(why)));
}

void plan_note(struct plan *p, const char *fmt, ...)
{
    va_list ap;
    char words[768];

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    add(json_object_get(p->result, "notes"), utf8_words(words));
}

/* ---- as JSON ---- */

json_t *plan_to_json(const struct plan *p)
{
    return json_pack("{s:s, s:s, s:o*, s:o*, s:o*, s:O, s:O, s:O, s:O, s:O}", "operation",
                     p->operation, "token", p->token, "offline", p->offline ? json_true() : NULL,
                     "switched", p->fills ? json_boolean(p->switched) : NULL, "followed",
                     p->fills && p->followed ? json_true() : NULL, "steps", p->steps, "promise",
                     p->promise, "cleanup", p->cleanup, "result", p->result, "after", p->after.doc);
}

int plan_from_json(struct plan *p, const json_t *doc, const char *folder, struct qmp_error *err)
{
    struct chain after = {0};

    if (plan_check(doc, err) || chain_take(&after, folder, json_object_get(doc, "after"), err))
        return -1;
    *p = (struct plan){.offline = json_is_true(json_object_get(doc, "offline"))};
    p->operation = mem_strdup(text(doc, "operation"));
    p->token = mem_strdup(text(doc, "token"));
    p->fills = json_is_boolean(json_object_get(doc, "switched"));
    p->switched = json_is_true(json_object_get(doc, "switched"));
    p->followed = json_is_true(json_object_get(doc, "followed"));
    p->needs = json_array();
    p->steps = json_deep_copy(json_object_get(doc, "steps"));
    p->promise = json_deep_copy(json_object_get(doc, "promise"));
    p->cleanup = json_deep_copy(json_object_get(doc, "cleanup"));
    p->after = after;
    p->result = json_deep_copy(json_object_get(doc, "result"));
    if (!json_is_object(p->result) || !json_is_array(json_object_get(p->result, "notes"))) {
        json_decref(p->result);
        p->result = json_pack("{s:[]}", "notes");
    }
    return 0;
}

json_t *plan_preview(const struct plan *p)
{
    json_t *all = json_copy(p->steps);

    json_array_extend(all, p->cleanup);
    return all;
}

void plan_record(struct plan *p, const struct scene *s, const char *name, const char *kind,
                 const char *description, json_t *disks, json_t *memory)
{
    if (memory) {
        machine_record(s->machine, s->graph, disks, memory);
        media_record(s->graph, disks, memory);
    }
    chain_add_snapshot(&p->after, chain_record(&(struct chain_record){
                                      .name = name,
                                      .id = s->token,
                                      .parent = chain_current(s->chain),
                                      .created = s->now,
                                      .description = description,
                                      .kind = kind,
                                      .state = graph_state(s->graph),
                                      .disks = disks,
                                      .memory = memory,
                                  }));
}
