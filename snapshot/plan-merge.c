/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-merge: see plan-merge.h. */
#include "snapshot/plan-merge.h"

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"

const struct graph_disk *plan_merge_disk(const struct scene *s, const char *name,
                                         struct qmp_error *err)
{
    const struct graph_disk *d = plan_find_disk(s->graph, name, err);

    if (!d)
        return NULL;
    if (!d->nlayers) {
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s is empty", d->id);
        return NULL;
    }
    return plan_check_idle(s->graph, d, err) || chain_agrees(s->chain, d, err) ? NULL : d;
}

json_t *plan_job_arguments(const char *operation, const struct graph_disk *d, const char *node,
                           int64_t speed)
{
    auto_free char *id = plan_job_id(operation, d);
    json_t *args = json_pack("{s:s, s:s, s:b}", "job-id", id, "device", node, "auto-dismiss", 0);

    if (speed)
        json_object_set_new(args, "speed", json_integer(speed));
    return args;
}

int plan_check_inside(const struct graph_disk *d, const struct graph_layer *l,
                      struct qmp_error *err)
{
    if (!l->ntags)
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "disk %s: the internal snapshot '%s' in %s builds on what "
                  "would be merged",
                  d->id, l->tags[0].name, l->file);
    if (internal_is_undo(l->tags[0].name))
        return qmp_error_hint(err, "that is the undo point; drop it first: qrewind delete --undo");
    auto_free char *name = path_argument(l->tags[0].name);
    return qmp_error_hint(err, "delete it first: qrewind delete %s", name);
}

int plan_check_sound(const struct graph_disk *d, size_t from, size_t to, struct qmp_error *err)
{
    for (size_t i = from; i < to; i++) {
        const struct graph_layer *l = &d->layers[i];

        if (!l->corrupt)
            continue;
        auto_free char *file = path_quote(l->file);

        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s: QEMU has marked %s as damaged", d->id,
                      l->file);
        return qmp_error_hint(err,
                              "get it back from a copy, or try, while no QEMU has it open: "
                              "qemu-img check -r all %s",
                              file);
    }
    return 0;
}

int plan_check_ends(const struct graph_disk *d, size_t from, size_t to, struct qmp_error *err)
{
    for (size_t i = from; i < to; i++)
        for (size_t k = i + 1; k < d->nlayers; k++) {
            const struct graph_layer *l = &d->layers[i], *below = &d->layers[k];

            if (l->size <= 0 || l->size >= below->size)
                continue;
            auto_free char *disk = path_argument(d->id);

            qmp_error_set(err, QRW_ERR_REFUSED,
                          "disk %s: %s is shorter than %s: merged, the disk would show again what "
                          "was beyond its end",
                          d->id, path_name(l->file), path_name(below->file));
            return qmp_error_hint(err, "qrewind stream %s pulls all of it up into one image", disk);
        }
    return 0;
}

void plan_need_own(struct plan *p, const struct scene *s, const struct graph_layer *l)
{
    if (l->remote)
        return;
    if (s->files_reachable)
        plan_need_unshared(p, l->file);
    else
        plan_note(p, "who else builds on %s cannot be seen from here", l->file);
}

const char *plan_backing_string(const struct graph_layer *l)
{
    return l->remote || l->spelling[0] == '/' ? NULL : l->file;
}

int64_t plan_data(const struct graph_disk *d, size_t from, size_t to)
{
    int64_t sum = 0;

    for (size_t i = from; i < to && i < d->nlayers; i++)
        sum += d->layers[i].allocated > 0 ? d->layers[i].allocated : 0;
    return sum;
}

void plan_collect(struct plan *p, bool keep_files)
{
    json_auto_t *useless = chain_useless(&p->after);
    const json_t *entry;
    size_t i;

    json_array_foreach(useless, i, entry) {
        const char *id = json_string_value(entry);
        auto_free char *file = chain_layer_file(&p->after, id);
        bool ours = chain_is_ours(&p->after, id);

        if (ours && !keep_files)
            plan_cleanup_layer(p, file);
        else
            plan_kept(p, file, ours ? "asked for" : "not made by qrewind");
        chain_drop_layer(&p->after, id);
    }
}

/* Why a layer that left the chain still lives, for the user. */
static void explain(struct plan *p, const char *file)
{
    const char *id = chain_layer_by_file(&p->after, file);
    auto_free char *why = id ? chain_keeps(&p->after, id) : NULL;
    auto_free char *child = id ? chain_other_child(&p->after, id, NULL) : NULL;

    if (why) {
        plan_kept(p, file, why);
    } else if (child) {
        auto_free char *words = mem_printf("%s builds on it", child);

        plan_kept(p, file, words);
    }
}

void plan_retire(struct plan *p, const struct graph_disk *d, size_t from, size_t to,
                 bool keep_files)
{
    for (size_t i = from; i < to && i < d->nlayers; i++)
        plan_cleanup_nodes(p, &d->layers[i]);
    plan_collect(p, keep_files);
    for (size_t i = from; i < to && i < d->nlayers; i++)
        explain(p, d->layers[i].file);
}
