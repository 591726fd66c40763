/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify-files: see verify-files.h. */
#include "tests/model/verify-files.h"

#include <dirent.h>
#include <string.h>

#include "qmp/mem.h"

/* The images that the machine was started with are not ours to remove. */
static bool is_original(const char *file)
{
    return !strncmp(file, "vd", 2) && (!strcmp(file + 3, ".qcow2") || !strcmp(file + 3, ".raw"));
}

static bool is_held(const struct view *v, const struct model *m, const char *file)
{
    for (int d = 0; d < m->ndisks; d++) {
        if (!strcmp(v->layout.active[d], file) || !strcmp(v->layout.undo[d], file))
            return true;
        for (int i = 0; i < MODEL_SNAPSHOTS; i++)
            if (!strcmp(v->layout.held[i][d], file))
                return true;
    }
    return false;
}

/* Does @file hold the memory of a snapshot? */
static bool is_memory(const struct view *v, const char *file)
{
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(v->sidecar, "snapshots"), i, s) {
        const char *name = json_string_value(json_object_get(json_object_get(s, "memory"), "file"));

        if (name && !strcmp(name, file))
            return true;
    }
    return false;
}

static bool is_needed(const struct view *v, const struct model *m, const char *file)
{
    return is_held(v, m, file) || is_memory(v, file) || images_children(&v->images, file, NULL) > 1;
}

/* Does an image that builds on @file have internal snapshots? They do as well. */
static bool is_seen_through(const struct view *v, const char *file)
{
    for (int i = 0; i < v->images.n; i++)
        if (!strcmp(v->images.list[i].backing, file) && v->images.list[i].ntags)
            return true;
    return false;
}

static bool is_idle(const struct view *v, const struct model *m, const char *file)
{
    return !is_needed(v, m, file) && images_children(&v->images, file, NULL) == 1;
}

static char *find_orphan(const struct view *v, const struct model *m)
{
    for (int i = 0; i < v->images.n; i++) {
        const char *file = v->images.list[i].name;

        if (!is_needed(v, m, file) && !is_idle(v, m, file) && !is_original(file))
            return mem_printf("%s is left and nothing needs it", file);
    }
    return NULL;
}

/*
 * A layer lives while it is active, held by a snapshot or by undo, or shared by two. One
 * that no snapshot ever held was there before us, or left below by a mirror, and stays.
 */
static char *find_unmerged(const struct view *v, const struct model *m)
{
    for (int i = 0; i < v->nonce; i++)
        if (is_idle(v, m, v->once_held[i]) && !is_seen_through(v, v->once_held[i]))
            return mem_printf("%s is held by nothing, has one child, and is not merged with it",
                              v->once_held[i]);
    return NULL;
}

static char *missing_memory(const struct view *v)
{
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(v->sidecar, "snapshots"), i, s) {
        const char *name = json_string_value(json_object_get(json_object_get(s, "memory"), "file"));

        if (name && !images_find(&v->images, name))
            return mem_printf("the memory %s is gone", name);
    }
    return NULL;
}

/* Sockets, logs, images, one sidecar: nothing else. */
static bool is_expected(const struct view *v, const char *name)
{
    static const char *const others[] = {".",      "..", "monitor.sock", "test.sock", "qemu.log",
                                         "client", NULL};
    const char *sidecar = strstr(name, ".qrewind.json");

    for (int i = 0; others[i]; i++)
        if (!strcmp(others[i], name))
            return true;
    if (sidecar)
        return !strcmp(sidecar, ".qrewind.json") || !strcmp(sidecar, ".qrewind.json.lock");
    return images_find(&v->images, name) != NULL;
}

static char *strangers(const struct view *v, const struct rig *rig)
{
    DIR *dir = opendir(rig->home->folder);
    char *why = NULL;

    for (struct dirent *e; dir && !why && (e = readdir(dir));)
        if (!is_expected(v, e->d_name))
            why = mem_printf("%s is left", e->d_name);
    if (dir)
        closedir(dir);
    return why;
}

char *verify_files(const struct view *v, const struct rig *rig, const struct model *m)
{
    char *why;

    if ((why = missing_memory(v)) || (why = find_orphan(v, m)) || (why = find_unmerged(v, m)))
        return why;
    return strangers(v, rig);
}

/* ---- prune --max-depth ---- */

static bool is_listed(const struct view *v, const char *name)
{
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(v->list, "snapshots"), i, s)
        if (!strcmp(json_string_value(json_object_get(s, "name")), name))
            return true;
    return false;
}

/* The chain is still deep: everything that holds one of its layers must be pinned. */
static char *judge_depth(const struct view *v, const struct model *m, int max_depth)
{
    const struct image *chain[IMAGES_MOST];

    for (int d = 0; d < m->ndisks; d++) {
        int n = images_chain(&v->images, v->layout.active[d], chain);

        for (int k = 0; k < n && n > max_depth; k++)
            for (int i = 0; i < m->n; i++)
                if (!m->snapshots[i].pinned && !m->snapshots[i].tag[0] &&
                    !strcmp(v->layout.held[i][d], chain[k]->name))
                    return mem_printf("disk%d is %d layers deep, and '%s' is still there", d, n,
                                      m->snapshots[i].name);
    }
    return NULL;
}

char *verify_pruned(const struct view *v, struct model *m, int max_depth)
{
    for (int i = m->n; i-- > 0;) {
        if (is_listed(v, m->snapshots[i].name))
            continue;
        if (m->snapshots[i].pinned)
            return mem_printf("'%s' was pinned and is pruned", m->snapshots[i].name);
        model_drop(m, m->snapshots[i].name);
    }
    return judge_depth(v, m, max_depth);
}
