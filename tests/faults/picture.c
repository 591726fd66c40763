/* SPDX-License-Identifier: GPL-2.0-or-later */
/* picture: see picture.h. */
#include "tests/faults/picture.h"

#include <dirent.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "tests/faults/fault.h"
#include "tests/model/images.h"

struct look {
    struct machine *m;
    struct images images;
    json_t *list, *sidecar;
    bool needed[IMAGES_MOST];
    int nodes; /* that the chains of the disks need */
    char *text, *why;
};

static void say(struct look *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct look *l, const char *fmt, ...)
{
    char *longer, *line;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&line, fmt, ap) < 0)
        abort();
    va_end(ap);
    longer = mem_printf("%s%s", l->text, line);
    free(line);
    free(l->text);
    l->text = longer;
}

#define wrong(l, ...)                                                                              \
    do {                                                                                           \
        if (!(l)->why)                                                                             \
            (l)->why = mem_printf(__VA_ARGS__);                                                    \
    } while (0)

static const char *member(const json_t *obj, const char *key)
{
    const char *s = json_string_value(json_object_get(obj, key));

    return s ? s : "-";
}

/* ---- contents ---- */

/* @file and what it builds on are needed. Returns how many files that are. */
static int need(struct look *l, const char *file)
{
    const struct image *chain[IMAGES_MOST];
    int n = images_find(&l->images, file) ? images_chain(&l->images, file, chain) : 0;

    for (int i = 0; i < n; i++)
        l->needed[chain[i] - l->images.list] = true;
    return n;
}

/* " 44123000", or nothing where it is inside of an image. */
static void say_content(struct look *l, const char *file, unsigned char block[MODEL_BLOCKS])
{
    auto_free char *why = images_content(&l->images, file, NULL, block);

    if (why)
        wrong(l, "%s", why);
    say(l, " ");
    for (int b = 0; b < MODEL_BLOCKS && !why; b++)
        say(l, "%d", block[b]);
}

static void say_held(struct look *l, const json_t *disks)
{
    unsigned char block[MODEL_BLOCKS];
    const char *disk;
    json_t *held;

    json_object_foreach((json_t *)disks, disk, held) {
        const char *layer = member(held, json_object_get(held, "tag") ? "inside" : "layer");
        const json_t *known = json_object_get(json_object_get(l->sidecar, "layers"), layer);
        const char *file = member(known ? known : held, "file");

        say(l, " %s", disk);
        need(l, path_name(file));
        if (strcmp(file, "-") && !json_object_get(held, "tag"))
            say_content(l, path_name(file), block);
        else
            say(l, " inside");
    }
}

static void say_snapshots(struct look *l)
{
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(l->list, "snapshots"), i, s) {
        const char *memory = member(json_object_get(s, "memory"), "file");

        say(l, "%s of %s, %s%s%s%s:", member(s, "name"), member(s, "parent"), member(s, "kind"),
            json_is_object(json_object_get(s, "memory")) ? ", memory" : "",
            json_is_true(json_object_get(s, "pinned")) ? ", pinned" : "",
            json_is_true(json_object_get(s, "current")) ? ", current" : "");
        say_held(l, json_object_get(s, "disks"));
        say(l, "\n");
        if (strcmp(memory, "-") && access(memory, F_OK))
            wrong(l, "the memory %s is gone", memory);
        if (strcmp(memory, "-"))
            need(l, path_name(memory));
    }
    if (json_is_object(json_object_get(l->sidecar, "undo"))) {
        say(l, "undo:");
        say_held(l, json_object_get(json_object_get(l->sidecar, "undo"), "disks"));
        say(l, "\n");
    }
}

static void say_disk(struct look *l, int d)
{
    auto_free char *file = machine_file(l->m, d);
    unsigned char is[MODEL_BLOCKS] = {0};

    free(lab_human(l->m->lab, "qemu-io vd%c flush", 'a' + d));
    int n = need(l, file);
    say(l, "disk %d, %d deep:", d, n);
    l->nodes += 2 * n;
    say_content(l, file, is);
    say(l, "\n");
    for (int b = 0; b < MODEL_BLOCKS; b++) {
        auto_free char *at = mem_printf("%dk", 64 * b);

        if (!lab_reads(l->m->lab, d, is[b], at, "64k"))
            wrong(l, "the guest does not read %d in block %d of disk %d", is[b], b, d);
    }
}

/* ---- what must not be ---- */

/* After a call that failed: a file that was said to be kept, and why; or the lock of a sidecar that
 * has been moved away, which nobody looks for any more. */
static bool is_excused(const struct look *l, const char *name)
{
    auto_free char *item = mem_printf("/%s\",\"why\":", name), *note = mem_printf("/%s: ", name);
    auto_free char *stays = mem_printf("/%s stays: ", name);
    auto_free char *sidecar = mem_strdup(name);
    const char *kept = l->m->kept;
    char *suffix = strstr(sidecar, ".lock");

    if (!kept || strstr(kept, item) || strstr(kept, note) || strstr(kept, stays))
        return kept;
    if (!suffix)
        return false;
    *suffix = '\0';
    auto_free char *path = lab_path(l->m->home, sidecar);
    return access(path, F_OK);
}

/* One that was saved while the guest ran is no image. */
static bool is_memory(const struct look *l, const char *name)
{
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(l->list, "snapshots"), i, s)
        if (!strcmp(path_name(member(json_object_get(s, "memory"), "file")), name))
            return true;
    return false;
}

static bool is_expected(const struct look *l, const char *name)
{
    static const char *const others[] = {".",        "..",     "monitor.sock", "test.sock",
                                         "qemu.log", "client", "calls",        "kept"};
    const char *suffix = strstr(name, ".qrewind.json");
    const struct image *image = images_find(&l->images, name);

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (!strcmp(others[i], name))
            return true;
    if (suffix)
        return !strcmp(suffix, ".qrewind.json") || is_excused(l, name);
    /* QEMU died in the moment of the switch, the VM was started on the source: the copy may be
     * newer, and is named */
    if (l->m->lab != l->m->home && !strcmp(name, "copy.qcow2"))
        return true;
    if (is_excused(l, name) || is_memory(l, name))
        return true;
    /* those that the machine was started with are not ours to remove */
    return image && (l->needed[image - l->images.list] || strlen(name) == strlen("vda.qcow2"));
}

static void check_files(struct look *l)
{
    DIR *dir = opendir(l->m->home->folder);

    for (struct dirent *e; dir && (e = readdir(dir));)
        if (!is_expected(l, e->d_name))
            wrong(l, "%s is left", e->d_name);
    if (dir)
        closedir(dir);
}

/* Where calls failed: how many nodes QEMU itself holds on to for ever. Of those we tell. */
static int leaks(const struct machine *m)
{
    auto_result struct lab_result r = {0};
    int n = 0;

    if (!m->kept)
        return 0;
    r = fault_free(m->lab, "check");
    for (const char *at = r.out; (at = strstr(at, "\"leaked-node\"")); at++)
        n++;
    return n;
}

static void check_machine(struct look *l)
{
    json_auto_t *jobs = lab_qmp(l->m->lab, "query-jobs", NULL), *nodes = NULL;

    if (json_array_size(jobs)) {
        wrong(l, "the job %s is left", member(json_array_get(jobs, 0), "id"));
        return;
    }
    nodes = lab_qmp(l->m->lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    if ((int)json_array_size(nodes) != l->nodes + 2 * leaks(l->m))
        wrong(l, "%zu nodes, not %d", json_array_size(nodes), l->nodes);
    if (json_is_object(json_object_get(l->sidecar, "pending")))
        wrong(l, "%s is pending", member(json_object_get(l->sidecar, "pending"), "operation"));
}

json_t *picture_sidecar(const struct machine *m)
{
    auto_free char *pattern = mem_printf("%s/*.qrewind.json", m->home->folder);
    json_t *doc = NULL;
    glob_t g;

    if (glob(pattern, 0, NULL, &g))
        return NULL;
    for (size_t i = 0; i < g.gl_pathc && !doc; i++)
        doc = json_load_file(g.gl_pathv[i], 0, NULL);
    globfree(&g);
    return doc;
}

static void look_around(struct look *l, bool status)
{
    auto_result struct lab_result r = fault_free(l->m->lab, "list");

    l->why = images_read(&l->images, l->m->home->folder);
    l->list = json_loads(r.out, 0, NULL);
    l->sidecar = picture_sidecar(l->m);
    if (r.status)
        wrong(l, "list: exit %d: %s%s", r.status, r.out, r.err);
    if (l->why)
        return;
    for (int d = 0; d < l->m->row->disks; d++)
        say_disk(l, d);
    say_snapshots(l);
    say(l, "current: %s\n", member(l->list, "current"));
    check_machine(l);
    check_files(l);
    if (!status)
        return;
    json_auto_t *now = lab_qmp(l->m->lab, "query-status", NULL);
    say(l, "guest: %s\n", member(now, "status"));
}

char *picture(struct machine *m, bool status, char **why)
{
    struct look l = {.m = m, .text = mem_strdup("")};

    look_around(&l, status);
    json_decref(l.list);
    json_decref(l.sidecar);
    *why = l.why;
    return l.text;
}

/* ---- the proof ---- */

static char *holds(struct machine *m, const char *name, int generation)
{
    for (int d = 0; d < m->row->disks; d++) {
        auto_free char *own = mem_printf("%dk", 64 * generation);

        if (!lab_reads(m->lab, d, generation, "0", "64k") ||
            !lab_reads(m->lab, d, generation, own, "64k"))
            return mem_printf("%s does not hold generation %d on disk %d", name, generation, d);
    }
    return NULL;
}

char *picture_prove(struct machine *m)
{
    auto_result struct lab_result listed = fault_free(m->lab, "list");
    json_auto_t *list = json_loads(listed.out, 0, NULL);
    char *why = NULL;
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(list, "snapshots"), i, s) {
        const char *name = member(s, "name");
        auto_free char *words = mem_printf("revert %s --discard", name);
        auto_result struct lab_result r = {0};

        if (!atoi(name + 1))
            continue;
        r = fault_free(m->lab, words);
        if (r.status == 7)
            continue; /* inside of an image that the disk does not run on now */
        if (r.status)
            return mem_printf("%s: exit %d: %s%s", words, r.status, r.out, r.err);
        if ((why = holds(m, name, atoi(name + 1))))
            return why;
    }
    return NULL;
}
