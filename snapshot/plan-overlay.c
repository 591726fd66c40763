/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-overlay: see plan-overlay.h. */
#include "snapshot/plan-overlay.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"

void overlays_done(struct overlays *o)
{
    for (size_t i = 0; i < o->n; i++) {
        mem_free_cleanup(&o->list[i].file);
        mem_free_cleanup(&o->list[i].node);
    }
    mem_free_cleanup(&o->list);
}

void overlays_add(struct overlays *o, const struct scene *s, const struct graph_disk *d)
{
    o->list = mem_grow(o->list, o->n + 1, sizeof(*o->list));
    o->list[o->n] = (struct overlay){.disk = d, .node = mem_printf("qrw-%s-%zu", s->token, o->n)};
    o->n++;
}

bool overlays_have(const struct overlays *o, const struct graph_disk *d)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->list[i].disk == d || same(o->list[i].disk->node, d->node))
            return true;
    return false;
}

void overlays_note_others(struct plan *p, const struct scene *s, const struct overlays *o,
                          const char *snapshot)
{
    for (size_t i = 0; i < s->graph->ndisks; i++) {
        const struct graph_disk *d = &s->graph->disks[i];

        if (!overlays_have(o, d) && !graph_skip_reason(d))
            plan_note(p, "disk %s is no part of %s: it stays as it is", d->id, snapshot);
    }
}

int overlays_check_alone(const struct overlays *o, size_t at, struct qmp_error *err)
{
    const struct graph_disk *d = o->list[at].disk;

    for (size_t i = 0; i < at; i++) {
        const struct graph_disk *other = o->list[i].disk;

        if (!same(other->layers[0].file, d->layers[0].file))
            continue;
        qmp_error_set(err, QRW_ERR_REFUSED, "disks %s and %s share the image %s", other->id, d->id,
                      d->layers[0].file);
        if (same(other->node, d->node)) /* else that one would go on in what is frozen */
            qmp_error_hint(err, "it is under both: --exclude %s", d->id);
        return -1;
    }
    return 0;
}

static bool has_file(const struct overlays *o, const char *file)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->list[i].file && !strcmp(o->list[i].file, file))
            return true;
    return false;
}

static bool taken(const struct overlays *o, const struct scene *s, const char *file)
{
    return has_file(o, file) || plan_knows_file(s, file) || json_object_get(s->taken, file);
}

void overlays_name(struct overlays *o, size_t at, const struct scene *s, const char *name)
{
    const struct graph_disk *d = o->list[at].disk;
    auto_free char *folder = path_folder(d->layers[0].file);
    auto_free char *stem = chain_stem(s->chain, d);
    auto_free char *safe = plan_safe_name(name);

    for (int k = 1; !o->list[at].file; k++) {
        auto_free char *file = k == 1 ? mem_printf("%s/%s.%s.qcow2", folder, stem, safe)
                                      : mem_printf("%s/%s.%s-%d.qcow2", folder, stem, safe, k);

        if (!taken(o, s, file))
            o->list[at].file = mem_strdup(file);
    }
}

int overlays_place(struct overlays *o, size_t at, const struct scene *s, const char *file,
                   struct qmp_error *err)
{
    auto_free char *absolute = plan_file(s, file);

    if (has_file(o, absolute))
        return qmp_error_set(err, QRW_ERR_REFUSED, "%s cannot be the overlay of two disks",
                             absolute);
    if (taken(o, s, absolute))
        return qmp_error_set(err, QRW_ERR_REFUSED, "%s is a layer already", absolute);
    o->list[at].file = mem_strdup(absolute);
    return 0;
}

/* What is not said is QEMU's default, so only what differs is said. */
static json_t *cache_options(const struct graph_disk *d)
{
    json_t *cache = json_object();

    if (d->cache_direct)
        json_object_set_new(cache, "direct", json_true());
    if (d->cache_no_flush)
        json_object_set_new(cache, "no-flush", json_true());
    return cache;
}

/* The file takes over how its node is cached, and discards by itself. */
json_t *overlay_options(const struct overlay *o, const char *file_node)
{
    const struct graph_disk *d = o->disk;
    json_t *cache = cache_options(d);
    json_t *node = json_pack("{s:s, s:s, s:n, s:s, s:{s:s, s:s*, s:s}}", "driver", "qcow2",
                             "node-name", o->node, "backing", "discard", "unmap", "file", "driver",
                             "file", "node-name", file_node, "filename", o->file);

    if (json_object_size(cache))
        json_object_set(node, "cache", cache);
    json_decref(cache);
    if (d->detect_zeroes && strcmp(d->detect_zeroes, "off"))
        json_object_set_new(node, "detect-zeroes", json_string(d->detect_zeroes));
    return node;
}

json_t *overlay_undo(const char *node)
{
    return json_pack("{s:s, s:{s:s}}", "execute", "blockdev-del", "arguments", "node-name", node);
}

static json_t *snapshot_action(const struct overlay *o, bool sync)
{
    if (sync)
        return json_pack("{s:s, s:s, s:s, s:s*}", "node-name", o->disk->node, "snapshot-file",
                         o->file, "snapshot-node-name", o->node, "mode",
                         o->made ? "existing" : NULL);
    return json_pack("{s:s, s:s}", "node", o->disk->node, "overlay", o->node);
}

void overlays_switch(struct plan *p, const struct overlays *o, bool sync, json_t *undo)
{
    const char *command = sync ? "blockdev-snapshot-sync" : "blockdev-snapshot";

    if (o->n == 1) {
        plan_qmp(p, command, snapshot_action(&o->list[0], sync), undo);
        return;
    }
    json_t *actions = json_array();
    for (size_t i = 0; i < o->n; i++)
        json_array_append_new(actions, json_pack("{s:s, s:o}", "type", command, "data",
                                                 snapshot_action(&o->list[i], sync)));
    plan_qmp(p, "transaction", json_pack("{s:o}", "actions", actions), undo);
}

json_t *plan_reopen_node(const char *node, bool writable)
{
    auto_free char *line = mem_printf("qemu-io %s \"reopen -%c\"", node, writable ? 'w' : 'r');

    return json_pack("{s:s, s:s, s:{s:s}}", "step", "qmp", "execute", "human-monitor-command",
                     "arguments", "command-line", line);
}

json_t *plan_reopen(const struct scene *s, const struct graph_disk *d, const struct graph_layer *l,
                    const struct graph_layer *below, bool writable)
{
    const struct overlay o = {.disk = d, .file = l->file, .node = l->node};

    if (!l->node)
        return NULL;
    /* nodes that QEMU named itself are no concern of blockdev-reopen */
    if (s->version < OLDEST_WITH_REOPEN || l->node[0] == '#' || !l->file_node)
        return plan_reopen_node(l->node, writable);
    json_t *options = overlay_options(&o, NULL);
    json_object_set_new(options, "driver", json_string(l->format));
    json_object_set_new(options, "file", json_string(l->file_node));
    if (below)
        json_object_set_new(options, "backing", json_string(below->node));
    else if (!strcmp(l->format, "raw"))
        json_object_del(options, "backing");
    json_object_set_new(options, "read-only", json_boolean(!writable));
    return json_pack("{s:s, s:s, s:{s:[o]}}", "step", "qmp", "execute", "blockdev-reopen",
                     "arguments", "options", options);
}

void plan_end_writing(struct plan *p, const struct scene *s, const struct graph_disk *d,
                      const struct graph_layer *l, const struct graph_layer *below)
{
    json_t *step = plan_reopen(s, d, l, below, false);

    if (step)
        json_array_append_new(p->cleanup, step);
}

/* Such a device keeps its content in memory: only loading that shows the guest another. */
void overlays_note_flash(struct plan *p, const struct overlays *o)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct graph_disk *d = o->list[i].disk;

        if (graph_is_flash(d))
            plan_note(p,
                      "%s is flash (UEFI variables): the guest sees what it holds now only after "
                      "QEMU restarts",
                      d->id);
    }
}
