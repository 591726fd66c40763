/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view: look at the machine, see verify.h. */
#include "tests/model/verify.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "qmp/mem.h"

/* The last component; also of QEMU's way to say it: json:{… "filename": "/a/b"}}. */
static void copy_name(char to[IMAGE_NAME], const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    snprintf(to, IMAGE_NAME, "%s", slash ? slash + 1 : path ? path : "");
    to[strcspn(to, "\"")] = '\0';
}

void view_done(struct view *v)
{
    json_decref(v->list);
    json_decref(v->sidecar);
    v->list = v->sidecar = NULL;
}

static char *take_list(struct view *v, struct rig *rig)
{
    struct qmp_error err;

    v->list = qrw_list(rig->vm, &err);
    return v->list ? NULL : mem_printf("list: %s: %s", err.context, err.desc);
}

static char *take_sidecar(struct view *v, const struct rig *rig)
{
    auto_free char *pattern = mem_printf("%s/*.qrewind.json", rig->home->folder);
    char *why = NULL;
    glob_t g;

    if (glob(pattern, 0, NULL, &g))
        return NULL;
    if (g.gl_pathc > 1)
        why = mem_printf("two sidecars: %s and %s", g.gl_pathv[0], g.gl_pathv[1]);
    else if (!(v->sidecar = json_load_file(g.gl_pathv[0], 0, NULL)))
        why = mem_printf("%s is not JSON", g.gl_pathv[0]);
    globfree(&g);
    return why;
}

/* The files that the snapshots hold, in the order of the list. */
static void take_held(struct view *v, const struct rig *rig)
{
    const json_t *all = json_object_get(v->list, "snapshots"), *s;
    size_t i;

    json_array_foreach(all, i, s)
        for (int d = 0; d < rig->kind.disks && i < MODEL_SNAPSHOTS; d++) {
            const json_t *held = json_object_get(json_object_get(s, "disks"), rig_disk(rig, d));

            copy_name(v->layout.held[i][d], json_string_value(json_object_get(held, "file")));
        }
}

static void take_undo(struct view *v, const struct rig *rig)
{
    const json_t *disks = json_object_get(json_object_get(v->sidecar, "undo"), "disks");
    const json_t *layers = json_object_get(v->sidecar, "layers");

    for (int d = 0; d < rig->kind.disks; d++) {
        const json_t *held = json_object_get(disks, rig_disk(rig, d));
        const char *layer = json_string_value(
            json_object_get(held, json_object_get(held, "tag") ? "inside" : "layer"));

        copy_name(v->layout.undo[d],
                  layer ? json_string_value(json_object_get(json_object_get(layers, layer), "file"))
                        : NULL);
    }
}

static char *take_active(struct view *v, struct rig *rig)
{
    json_auto_t *blocks = lab_qmp(rig->lab, "query-block", NULL);

    if ((int)json_array_size(blocks) != rig->kind.disks)
        return mem_printf("QEMU has %zu disks", json_array_size(blocks));
    for (int d = 0; d < rig->kind.disks; d++) {
        const json_t *inserted = json_object_get(json_array_get(blocks, (size_t)d), "inserted");

        copy_name(v->layout.active[d], json_string_value(json_object_get(inserted, "file")));
        if (!images_find(&v->images, v->layout.active[d]))
            return mem_printf("disk%d runs on '%s', which is not there", d, v->layout.active[d]);
    }
    return NULL;
}

static bool was_held(const struct view *v, const char *file)
{
    for (int i = 0; i < v->nonce; i++)
        if (!strcmp(v->once_held[i], file))
            return true;
    return false;
}

static void note_held(struct view *v, const char *file)
{
    if (*file && !was_held(v, file) && v->nonce < IMAGES_MOST)
        strcpy(v->once_held[v->nonce++], file);
}

/* An internal snapshot pins no layer. */
static bool is_inside(const struct view *v, int i)
{
    const json_t *all = json_object_get(v->list, "snapshots");
    const char *kind = json_string_value(json_object_get(json_array_get(all, (size_t)i), "kind"));

    return kind && !strcmp(kind, "internal");
}

static bool is_active(const struct view *v, const char *file)
{
    for (int d = 0; d < MODEL_DISKS; d++)
        if (!strcmp(v->layout.active[d], file))
            return true;
    return false;
}

/*
 * Was a layer that no snapshot ever held merged into @file? Then @file is that layer now: what
 * builds on it built on the other, which is gone.
 */
static bool is_replaced(const struct view *v, const char *file)
{
    const struct image *chain[IMAGES_MOST];

    for (int i = 0; i < v->images.n; i++) {
        int n = strcmp(v->images.list[i].backing, file)
                    ? 0
                    : images_chain(&v->before, v->images.list[i].name, chain);

        for (int k = 1; k < n && strcmp(chain[k]->name, file); k++)
            if (!images_find(&v->images, chain[k]->name) && !was_held(v, chain[k]->name))
                return true;
    }
    return false;
}

/* A name that is used again is another file; so is one that what is active was merged into. */
static void forget_gone(struct view *v)
{
    char held[IMAGES_MOST][IMAGE_NAME];
    int kept = 0;

    for (int i = 0; i < v->nonce; i++) {
        const char *file = v->once_held[i];

        if (images_find(&v->images, file) && !is_active(v, file) && !is_replaced(v, file))
            strcpy(held[kept++], file);
    }
    memcpy(v->once_held, held, sizeof(held));
    v->nonce = kept;
}

char *view_take(struct view *v, struct rig *rig, const struct model *m)
{
    char *why;

    view_done(v);
    v->before = v->images;
    memset(&v->layout, 0, sizeof(v->layout));
    v->layout.images = &v->images;
    if ((why = images_read(&v->images, rig->home->folder)) || (why = take_list(v, rig)) ||
        (why = take_sidecar(v, rig)) || (why = take_active(v, rig)))
        return why;
    take_held(v, rig);
    take_undo(v, rig);
    forget_gone(v);
    for (int i = 0; i < MODEL_SNAPSHOTS; i++)
        for (int d = 0; d < m->ndisks; d++)
            if (!is_inside(v, i))
                note_held(v, v->layout.held[i][d]);
    return NULL;
}
