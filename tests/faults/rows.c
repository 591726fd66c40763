/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows: see rows.h. */
#include "tests/faults/rows.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"

#define TREE "w1; create s1; w2; create s2; w3; create s3; w4"
#define BRANCH "w1; create s1; w2; create s2; w3; revert s1 --discard; w4; create s4; w5"

/* A snapshot sN holds generation N. */
const struct row rows[] = {
    // clang-format off
    {"create, the first",        1, false, false, "w1", "create s1"},
    {"create, two disks",        2, true,  false, "w1; create s1; w2", "create s2"},
    {"create --method=sync",     2, false, false, "w1; create s1; w2", "create s2 --method=sync"},
    {"create --halt",            2, true,  false, "w1", "create s1 --halt"},
    {"create --memory",          2, true,  true,  "w1; create s1; w2", "create s2| --memory"},
    {"create --memory=live",     1, true,  true,  "w1; create s1; w2", "create s2| --memory=live"},
    {"create --internal",        2, false, false, "w1", "create s1 --internal"},
    {"create --internal --memory", 2, true, true, "w1", "create s1 --internal --memory"},
    {"create --max-depth",       1, false, false, TREE, "create s4| --max-depth 3"},
    {"revert",                   2, false, false, "w1; create s1; w2; create s2; w3", "revert s1"},
    {"revert, another branch",   2, true,  false, BRANCH, "revert s2"},
    {"revert --discard",         2, false, false, "w1; create s1; w2; create s2; w3",
     "revert s1 --discard"},
    {"revert --keep",            1, true,  false, "w1; create s1; w2", "revert s1 --keep s2"},
    {"revert, twice",            1, false, false,
     "w1; create s1; w2; create s2; w3; revert s2; w4", "revert s1"},
    {"revert, twice, internal",  1, false, true,
     "w1; create s1; w2; create s2 --internal; w3; revert s2 --no-reset; w4", "revert s1"},
    {"revert, with memory",      2, true,  true,  "w1; create s1 --memory; w2", "revert s1"},
    {"revert, internal",         2, false, true,  "w1; create s1 --internal; w2", "revert s1"},
    {"revert, internal, one disk", 1, false, true, "w1; create s1 --internal; w2", "revert s1"},
    {"revert, internal, --discard", 2, true, true, "w1; create s1 --internal; w2",
     "revert s1 --discard"},
    {"revert, internal, memory", 1, true,  true,  "w1; create s1 --internal --memory; w2",
     "revert s1"},
    {"revert, internal, below",  2, false, false, "w1; create s1 --internal; w2; create s2; w3",
     "revert s1"},
    {"undo",                     2, true,  false, "w1; create s1; w2; revert s1; w3", "undo"},
    {"delete, the first",        2, false, false, TREE, "delete s1"},
    {"delete, merged down",      1, true,  false, TREE, "delete s2"},
    {"delete, the last",         1, false, false, TREE, "delete s3"},
    {"delete, another branch",   1, false, false, BRANCH, "delete s2"},
    {"delete, two branches",     1, false, false, BRANCH, "delete s2 s4"},
    {"delete, with memory",      1, true,  true,  "w1; create s1 --memory; w2; create s2; w3",
     "delete s1"},
    {"delete, internal",         2, false, false, "w1; create s1 --internal; w2", "delete s1"},
    {"delete, internal, below",  2, false, true,  "w1; create s1 --internal; w2; create s2; w3",
     "delete s1"},
    {"delete, of all kinds",     1, false, true,
     "w1; create s1 --internal; w2; create s2; w3; create s3 --internal; w4; revert s2 --no-reset",
     "delete s1 s2 s3"},
    {"delete --children",        1, false, false, TREE, "delete s2 --children"},
    {"commit, the active layer", 1, true,  false, TREE, "commit vda --force"},
    {"commit, in the middle",    1, false, false, TREE, "commit vda --top s3 --base s2 --force"},
    {"stream",                   1, false, false, TREE, "stream vda --base s1 --force"},
    {"stream, all of it",        1, true,  false, "w1; create s1; w2", "stream vda --force"},
    {"mirror --pivot",           1, true,  false, "w1; create s1; w2",
     "mirror vda %/copy.qcow2 --pivot"},
    {"mirror --pivot, the first", 1, false, false, "w1", "mirror vda %/copy.qcow2 --pivot"},
    {"prune --keep-last",        1, false, false, TREE, "prune --keep-last 1"},
    {"prune --max-depth",        2, false, false, TREE, "prune --max-depth 2"},
    {"forget",                   2, false, false, "w1; create s1; w2; create s2; w3", "forget"},
    {"adopt",                    2, true,  false, "w1; create s1; w2; create s2; w3; forget",
     "adopt"},
    {"edit",                     1, false, false, "w1; create s1; w2", "edit s1 --name t1 --pin"},
    // clang-format on
};
const int nrows = sizeof(rows) / sizeof(rows[0]);

static void stop_lab(struct machine *m)
{
    if (m->lab != m->home)
        lab_stop(m->lab);
}

void machine_write(struct machine *m, int n)
{
    auto_free char *own = mem_printf("%dk", 64 * n);

    for (int d = 0; d < m->row->disks; d++) {
        lab_write(m->lab, d, n, "0", "64k");
        lab_write(m->lab, d, n, own, "64k");
        free(lab_human(m->lab, "qemu-io vd%c flush", 'a' + d)); /* it outlives QEMU */
    }
}

static void set_up(struct machine *m, const char *line)
{
    if (line[0] == 'w') {
        machine_write(m, atoi(line + 1));
        return;
    }
    auto_result struct lab_result r = fault_free(m->lab, line);
    if (r.status)
        lab_fail("%s: %s%s", line, r.out, r.err);
}

char *machine_file(const struct machine *m, int d)
{
    json_auto_t *blocks = lab_qmp(m->lab, "query-block", NULL);
    const json_t *inserted = json_object_get(json_array_get(blocks, (size_t)d), "inserted");
    const char *file = json_string_value(json_object_get(inserted, "file"));

    file = file ? strrchr(file, '/') + 1 : "";
    return mem_printf("%.*s", (int)strcspn(file, "\""), file); /* json:{… "filename": "/a/b"}} */
}

void machine_start(struct machine *m, const struct row *row)
{
    auto_free char *lines = mem_strdup(row->setup);
    char *rest = NULL;

    *m = (struct machine){.row = row};
    m->home = m->lab = lab_start(
        &(struct lab_options){.disks = row->disks, .size = "512k", .running = row->running});
    if (!machine_can(m))
        return;
    for (char *line = strtok_r(lines, ";", &rest); line; line = strtok_r(NULL, ";", &rest))
        set_up(m, line + strspn(line, " "));
    for (int d = 0; d < row->disks; d++)
        m->files[d] = machine_file(m, d);
}

void machine_stop(struct machine *m)
{
    stop_lab(m);
    lab_stop(m->home);
    for (int d = 0; d < ROW_DISKS; d++)
        free(m->files[d]);
}

void machine_restart(struct machine *m, char *const files[ROW_DISKS])
{
    const char *args[4 * ROW_DISKS + 1] = {0};
    int n = 0;

    lab_kill(m->lab);
    stop_lab(m);
    for (int d = 0; d < m->row->disks; d++) {
        args[n++] = "-drive";
        args[n++] = mem_printf("if=none,id=vd%c,format=qcow2,file=%s/%s", 'a' + d, m->home->folder,
                               files[d]);
        args[n++] = "-device";
        args[n++] = mem_printf("virtio-blk-pci,drive=vd%c", 'a' + d);
    }
    m->lab = lab_start(&(struct lab_options){.args = args});
    for (int i = 1; i < n; i += 2)
        free((char *)args[i]);
}

char *machine_words(const struct machine *m)
{
    const char *words = m->row->words, *mark = strpbrk(words, "%|");

    if (!mark)
        return mem_strdup(words);
    return mem_printf("%.*s%s%s", (int)(mark - words), words, *mark == '%' ? m->home->folder : "",
                      mark + 1);
}

char *machine_part(const struct machine *m)
{
    const char *end = strchr(m->row->words, '|');

    return end ? mem_printf("%.*s", (int)(end - m->row->words), m->row->words) : NULL;
}

bool machine_can(const struct machine *m)
{
    json_t *qemu = json_object_get(
        json_object_get(json_object_get(m->lab->greeting, "QMP"), "version"), "qemu");

    return !m->row->jobs || json_integer_value(json_object_get(qemu, "major")) >= 6;
}
