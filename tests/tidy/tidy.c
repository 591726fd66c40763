/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tidy: see tidy.h. */
#include "tests/tidy/tidy.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "tests/cases/cases.h"

/* The name of a file, of which QEMU may speak as "json:{…}". New string. */
static char *plain_name(const char *file)
{
    json_auto_t *pseudo = strncmp(file, "json:", 5) ? NULL : json_loads(file + 5, 0, NULL);
    const char *inner = pseudo ? text(pseudo, "file.filename") : NULL;

    if (pseudo && !inner)
        inner = text(pseudo, "filename");
    return mem_strdup(path_name(inner ? inner : file));
}

static void add(json_t *names, const char *file)
{
    auto_free char *name = plain_name(file);

    json_object_set_new(names, name,
                        json_integer(1 + json_integer_value(json_object_get(names, name))));
}

/* ---- files ---- */

static json_t *files_recorded(const json_t *sidecar)
{
    json_t *names = json_object(), *entry;
    const char *id, *memory;
    size_t i;

    json_object_foreach(json_object_get(sidecar, "layers"), id, entry)
        add(names, text(entry, "file"));
    json_array_foreach(json_object_get(sidecar, "snapshots"), i, entry)
        if ((memory = text(entry, "memory.file")))
            add(names, memory);
    return names;
}

static bool is_image(const char *name)
{
    const char *end = strrchr(name, '.');

    return end && (!strcmp(end, ".qcow2") || !strcmp(end, ".raw") || !strcmp(end, ".vmstate")) &&
           strncmp(name, "keep-", 5);
}

/* A disk's own image, which may be in no snapshot: "vda.qcow2". */
static bool is_first(const char *name)
{
    return !strncmp(name, "vd", 2) && name[2] && name[3] == '.' && strchr(name + 4, '.') == NULL;
}

static json_t *files_there(struct lab *lab)
{
    json_t *names = json_object();
    DIR *dir = opendir(lab->folder);
    struct dirent *e;

    while (dir && (e = readdir(dir)))
        if (is_image(e->d_name))
            add(names, e->d_name);
    closedir(dir);
    return names;
}

static void check_files(struct lab *lab, int line, const json_t *sidecar)
{
    json_auto_t *recorded = files_recorded(sidecar), *there = files_there(lab);
    const char *name;
    json_t *n;

    json_object_foreach(there, name, n)
        cr_assert(json_object_get(recorded, name) || is_first(name), "line %d: %s is left over",
                  line, name);
    json_object_foreach(recorded, name, n)
        cr_assert(json_object_get(there, name), "line %d: %s has gone", line, name);
}

/* ---- nodes ---- */

static json_t *layers_of_disks(struct lab *lab)
{
    json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);
    json_t *names = json_object();
    const json_t *block, *image;
    size_t i;

    json_array_foreach(blocks, i, block)
        for (image = at(block, "inserted.image"); image; image = at(image, "backing-image"))
            add(names, text(image, "filename"));
    return names;
}

static void check_nodes(struct lab *lab, int line)
{
    json_auto_t *nodes = lab_qmp(lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    json_auto_t *layers = layers_of_disks(lab), *counted = json_object();
    const json_t *node;
    const char *name;
    json_t *n;
    size_t i;

    json_array_foreach(nodes, i, node)
        add(counted, text(node, "file"));
    json_object_foreach(counted, name, n)
        cr_assert_eq(json_integer_value(n), 2 * json_integer_value(json_object_get(layers, name)),
                     "line %d: %s has %lld nodes, and is %lld times in a chain", line, name,
                     (long long)json_integer_value(n),
                     (long long)json_integer_value(json_object_get(layers, name)));
}

void tidy_check(struct lab *lab, int line)
{
    json_auto_t *chain = tells(lab, "chain");
    const char *file = text(chain, "sidecar");
    json_auto_t *sidecar = file ? json_load_file(file, 0, NULL) : NULL;
    json_auto_t *jobs = lab_qmp(lab, "query-jobs", NULL);

    cr_assert_eq(json_array_size(jobs), 0, "line %d: a job is left", line);
    cr_assert(!json_is_object(at(sidecar, "pending")), "line %d: something is pending", line);
    check_files(lab, line, sidecar);
    check_nodes(lab, line);
}

void tidy_check_on(const struct lab *lab, const struct lab *old, int line)
{
    struct lab seen = *lab;

    seen.folder = old->folder;
    tidy_check(&seen, line);
}
