/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify: see verify.h. What files there may be is judged in verify-files.c. */
#include "tests/model/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "tests/model/verify-files.h"

/* ---- the list ---- */

static const char *member(const json_t *obj, const char *key)
{
    const char *s = json_string_value(json_object_get(obj, key));

    return s ? s : "";
}

static char *compare_snapshot(const json_t *listed, const struct model_snapshot *s)
{
    const bool memory = json_is_object(json_object_get(listed, "memory"));
    const bool pinned = json_is_true(json_object_get(listed, "pinned"));

    if (strcmp(member(listed, "name"), s->name))
        return mem_printf("'%s' is listed where '%s' should be", member(listed, "name"), s->name);
    if (strcmp(member(listed, "kind"), s->tag[0] ? "internal" : "external"))
        return mem_printf("'%s' is %s", s->name, member(listed, "kind"));
    if (strcmp(member(listed, "parent"), s->parent))
        return mem_printf("the parent of '%s' is '%s', not '%s'", s->name, member(listed, "parent"),
                          s->parent);
    if (memory != s->memory || pinned != s->pinned)
        return mem_printf("'%s' is listed%s%s", s->name,
                          memory ? " with memory" : " without memory",
                          pinned ? ", pinned" : ", not pinned");
    return NULL;
}

static char *compare_list(const struct view *v, const struct model *m)
{
    const json_t *all = json_object_get(v->list, "snapshots");

    for (int i = 0; i < m->n || i < (int)json_array_size(all); i++) {
        const json_t *listed = json_array_get(all, (size_t)i);
        char *why;

        if (i >= m->n)
            return mem_printf("'%s' is listed", member(listed, "name"));
        if (!listed)
            return mem_printf("'%s' is not listed", m->snapshots[i].name);
        why = compare_snapshot(listed, &m->snapshots[i]);
        if (why)
            return why;
    }
    if (strcmp(member(v->list, "current"), m->current))
        return mem_printf("current is '%s', not '%s'", member(v->list, "current"), m->current);
    return NULL;
}

static char *compare_record(const struct view *v, const struct model *m)
{
    const json_t *undo = json_object_get(v->sidecar, "undo");

    if (json_is_object(json_object_get(v->sidecar, "pending")))
        return mem_printf("%s is still pending",
                          member(json_object_get(v->sidecar, "pending"), "operation"));
    if (json_is_object(undo) != m->has_undo)
        return mem_printf("there is %s undo point", m->has_undo ? "no" : "an");
    if (m->has_undo && strcmp(member(undo, "current"), m->undo_current))
        return mem_printf("the undo point's current is '%s', not '%s'", member(undo, "current"),
                          m->undo_current);
    for (int d = 0; d < m->ndisks; d++)
        if (m->has_undo && m->undo[d].held != (v->layout.undo[d][0] != '\0'))
            return mem_printf("the undo point has %s disk%d", m->undo[d].held ? "no" : "a", d);
    return NULL;
}

/* ---- QEMU ---- */

static char *compare_machine(struct rig *rig, const struct model *m)
{
    json_auto_t *jobs = lab_qmp(rig->lab, "query-jobs", NULL);
    json_auto_t *status = lab_qmp(rig->lab, "query-status", NULL);

    if (json_array_size(jobs))
        return mem_printf("the job %s is left", member(json_array_get(jobs, 0), "id"));
    if (json_is_true(json_object_get(status, "running")) != m->running)
        return mem_printf("the guest is %s", member(status, "status"));
    return NULL;
}

/* Two nodes for each layer, format and protocol, and no others. */
static char *compare_nodes(const struct view *v, struct rig *rig, const struct model *m)
{
    json_auto_t *nodes = lab_qmp(rig->lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    const struct image *chain[IMAGES_MOST];
    size_t expected = 0, i;
    const json_t *node;

    for (int d = 0; d < m->ndisks; d++)
        expected += 2 * (size_t)images_chain(&v->images, v->layout.active[d], chain);
    if (json_array_size(nodes) == expected)
        return NULL;
    char *why = mem_printf("%zu nodes, not %zu:", json_array_size(nodes), expected);
    json_array_foreach(nodes, i, node) {
        const char *file = strrchr(member(node, "file"), '/');
        char *more = mem_printf("%s %s=%s:%s", why, member(node, "node-name"), member(node, "drv"),
                                file ? file + 1 : member(node, "file"));

        mem_free_cleanup(&why);
        why = more;
    }
    return why;
}

/* ---- contents ---- */

static char *show(const unsigned char block[MODEL_BLOCKS])
{
    char *text = mem_strdup("");

    for (int b = 0; b < MODEL_BLOCKS; b++) {
        char *more = mem_printf("%s%s%d", text, b ? " " : "", block[b]);

        mem_free_cleanup(&text);
        text = more;
    }
    return text;
}

/* @tag: it lies inside of @file and is called so there, or begins so; NULL: it is @file itself. */
static char *compare_file(const struct view *v, const char *who, int disk, const char *file,
                          const char *tag, const struct content *expected)
{
    const struct image_tag *inside =
        tag ? images_tag(images_find(&v->images, file), tag, tag[strlen(tag) - 1] != '-') : NULL;
    unsigned char block[MODEL_BLOCKS];
    char *why;

    if (!expected->held)
        return *file ? mem_printf("%s has disk%d", who, disk) : NULL;
    if (tag && !inside)
        return mem_printf("%s is not inside of %s", tag, file);
    why = images_content(&v->images, file, inside, block);
    if (why || !memcmp(block, expected->block, MODEL_BLOCKS))
        return why;
    auto_free char *is = show(block), *must = show(expected->block);
    return mem_printf("%s: %s of disk%d shows %s, not %s", who, file, disk, is, must);
}

static char *compare_files(const struct view *v, const struct model *m)
{
    char *why = NULL;

    for (int d = 0; d < m->ndisks && !why; d++) {
        for (int i = 0; i < m->n && !why; i++)
            why = compare_file(v, m->snapshots[i].name, d, v->layout.held[i][d],
                               m->snapshots[i].tag[0] ? m->snapshots[i].tag : NULL,
                               &m->snapshots[i].disk[d]);
        if (!why && m->has_undo)
            why = compare_file(v, "undo", d, v->layout.undo[d],
                               m->undo_inside ? INTERNAL_UNDO : NULL, &m->undo[d]);
        if (!why)
            why = compare_file(v, "now", d, v->layout.active[d], NULL, &m->now[d]);
    }
    return why;
}

/* What the guest would read. */
static char *compare_guest(struct rig *rig, const struct model *m)
{
    for (int d = 0; d < m->ndisks; d++) {
        const unsigned char *block = m->now[d].block;

        for (int b = 0, end; b < MODEL_BLOCKS; b = end) {
            for (end = b + 1; end < MODEL_BLOCKS && block[end] == block[b];)
                end++;
            auto_free char *at = mem_printf("%dk", b * (MODEL_BLOCK / 1024));
            auto_free char *length = mem_printf("%dk", (end - b) * (MODEL_BLOCK / 1024));

            if (!lab_reads(rig->lab, d, block[b], at, length))
                return mem_printf("the guest does not read %d in blocks %d-%d of disk%d", block[b],
                                  b, end - 1, d);
        }
    }
    return NULL;
}

/* What QEMU writes to but the guest does not: its tables reach the file with a flush. */
static void flush(struct rig *rig)
{
    json_auto_t *nodes = lab_qmp(rig->lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    const json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (!strcmp(member(node, "drv"), "qcow2") && json_is_false(json_object_get(node, "ro")))
            free(lab_human(rig->lab, "qemu-io %s flush", member(node, "node-name")));
}

/* What check finds wrong. That a revert would be refused, the model knows better. */
static char *find_wrong(const struct rig *rig)
{
    struct qmp_error err = {0};
    json_auto_t *doc = qrw_check(rig->vm, QRW_DRY_RUN, &err);
    const json_t *f;
    size_t i;

    if (!doc)
        return mem_printf("check: %s", err.desc);
    json_array_foreach(json_object_get(doc, "findings"), i, f)
        if (strncmp(member(f, "code"), "cannot-", 7))
            return mem_printf("check: %s: %s: %s", member(f, "code"), member(f, "subject"),
                              member(f, "text"));
    return NULL;
}

char *verify(struct view *v, struct rig *rig, const struct model *m)
{
    char *why;

    flush(rig);
    if ((why = compare_list(v, m)) || (why = compare_record(v, m)) ||
        (why = compare_machine(rig, m)) || (why = compare_guest(rig, m)) ||
        (why = compare_files(v, m)) || (why = verify_files(v, rig, m)) ||
        (why = compare_nodes(v, rig, m)))
        return why;
    return find_wrong(rig);
}

/* ---- after QEMU's end ---- */

/* qemu-io reads what our own reader has read. */
static char *read_by_qemu(const struct rig *rig, const char *file, const struct content *c)
{
    const char *argv[8 + 2 * MODEL_BLOCKS] = {"qemu-io", "-r", "-f",
                                              images_is_raw(file) ? "raw" : "qcow2"};
    auto_free char *path = mem_printf("%s/%s", rig->home->folder, file);
    char commands[MODEL_BLOCKS][48];
    int n = 4;

    for (int b = 0; b < MODEL_BLOCKS; b++) {
        snprintf(commands[b], sizeof(commands[b]), "read -P %d %dk 64k", c->block[b], b * 64);
        argv[n++] = "-c";
        argv[n++] = commands[b];
    }
    argv[n] = path;
    auto_result struct lab_result r = lab_exec(NULL, argv);
    return r.status || strstr(r.out, "failed") ? mem_printf("%s: %s%s", file, r.out, r.err) : NULL;
}

static char *check_by_qemu(const struct view *v, const struct rig *rig)
{
    char *why = NULL;

    for (int i = 0; i < v->images.n && !why; i++) {
        auto_free char *path = mem_printf("%s/%s", rig->home->folder, v->images.list[i].name);
        const char *const argv[] = {"qemu-img", "check", "-f", "qcow2", path, NULL};

        if (images_is_raw(path))
            continue;
        auto_result struct lab_result r = lab_exec(NULL, argv);
        if (r.status)
            why = mem_printf("qemu-img check %s: %s%s", v->images.list[i].name, r.out, r.err);
    }
    return why;
}

char *verify_off(const struct view *v, struct rig *rig, const struct model *m)
{
    char *why = compare_files(v, m);

    for (int d = 0; d < m->ndisks && !why; d++) {
        for (int i = 0; i < m->n && !why; i++)
            if (m->snapshots[i].disk[d].held && !m->snapshots[i].tag[0])
                why = read_by_qemu(rig, v->layout.held[i][d], &m->snapshots[i].disk[d]);
        if (!why)
            why = read_by_qemu(rig, v->layout.active[d], &m->now[d]);
    }
    return why ? why : check_by_qemu(v, rig);
}

char *verify_copy(const struct view *v, const struct model *m, const struct step *step)
{
    auto_free char *path = mem_printf("%s/%s", v->images.folder, step->file);
    struct view copy = {0};
    char *why = images_read(&copy.images, v->images.folder);

    if (!why)
        why = compare_file(&copy, "the copy", step->disk, step->file, NULL, &m->now[step->disk]);
    if (!why && unlink(path))
        why = mem_printf("there is no copy %s", step->file);
    return why;
}
