/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases: disks, their data and chains; see cases.h. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/stat.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

enum { LENGTH_KIB = 64 };

/* Where generation @n has its own place, in KiB. New string. */
static char *place(int n)
{
    return mem_printf("%dk", n * LENGTH_KIB);
}

void write_generation(struct lab *lab, int disk, int generation)
{
    auto_free char *own = place(generation);

    lab_write(lab, disk, generation, "0", "64k");
    lab_write(lab, disk, generation, own, "64k");
}

void cases_holds(struct lab *lab, int line, int disk, int generation)
{
    cr_assert(lab_reads(lab, disk, generation, "0", "64k"),
              "line %d: disk %d: generation %d is not the newest", line, disk, generation);
    for (int n = 1; n <= generation + 1; n++) {
        auto_free char *own = place(n);

        cr_assert(lab_reads(lab, disk, n > generation ? 0 : n, own, "64k"),
                  "line %d: disk %d does not hold generation %d (of %d)", line, disk, n,
                  generation);
    }
}

void cases_image_holds(int line, const char *folder, const char *file, const char *format,
                       int generation)
{
    const char *argv[220] = {"qemu-io", "-r", "-U", "-f", format};
    char *commands[102] = {0};
    auto_result struct lab_result r = {0};
    int n = 5;

    for (int k = 0; k <= generation + 1; k++) {
        int value = k == 0 ? generation : k > generation ? 0 : k;

        commands[k] = mem_printf("read -P %d %dk 64k", value, k * LENGTH_KIB);
        argv[n++] = "-c";
        argv[n++] = commands[k];
    }
    argv[n] = file;
    r = lab_exec(folder, argv);
    for (int k = 0; k <= generation + 1; k++)
        free(commands[k]);
    cr_assert(!r.status && !strstr(r.out, "verification failed"),
              "line %d: %s does not hold generation %d: %s%s", line, file, generation, r.out,
              r.err);
}

struct lab *tower(const struct lab_options *options, int snapshots)
{
    struct lab *lab = lab_start(options);

    write_generation(lab, 0, 1);
    for (int i = 1; i <= snapshots; i++) {
        auto_free char *name = mem_printf("s%d", i);

        does(lab, "create", name, "--disk", first_disk(lab));
        write_generation(lab, 0, i + 1);
    }
    return lab;
}

void cases_every_disk(void (*try)(const struct lab_options *o))
{
    static const struct lab_options shapes[] = {
        {.disks = 2},
        {.disks = 2, .bus = LAB_VIRTIO_IOTHREAD},
        {.disks = 2, .bus = LAB_SCSI},
        {.disks = 2, .bus = LAB_IDE},
        {.disks = 1, .format = "raw"},
        {.disks = 1, .relative = true},
    };

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (int modern = 0; modern < 2; modern++) {
            struct lab_options o = shapes[i];

            o.modern = modern;
            o.running = true;
            try(&o);
        }
}

const char *first_disk(const struct lab *lab)
{
    return lab->modern ? "disk0" : "vda";
}

/* ---- chains ---- */

/* Put the last component of @file before the picture @chain, which is freed. New string. */
static char *on(char *chain, const char *file)
{
    json_auto_t *pseudo = strncmp(file, "json:", 5) ? NULL : json_loads(file + 5, 0, NULL);
    const char *name = pseudo ? text(pseudo, "file.filename") : file;
    const char *slash = strrchr(name, '/');
    char *longer =
        mem_printf("%s%s%s", slash ? slash + 1 : name, chain ? " <- " : "", chain ? chain : "");

    free(chain);
    return longer;
}

void cases_chain_is(struct lab *lab, int line, int disk, const char *expected)
{
    json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);
    auto_free char *chain = NULL;
    const json_t *image = at(json_array_get(blocks, (size_t)disk), "inserted.image");

    for (; image; image = at(image, "backing-image"))
        chain = on(chain, text(image, "filename"));
    cr_assert(chain && !strcmp(chain, expected), "line %d: disk %d is %s, not %s", line, disk,
              chain, expected);
}

void cases_headers_are(struct lab *lab, int line, const char *file, const char *expected)
{
    auto_result struct lab_result r = lab_exec(
        lab->folder, WORDS("qemu-img", "info", "-U", "--backing-chain", "--output=json", file));
    json_auto_t *infos = json_loads(r.out, 0, NULL);
    auto_free char *chain = NULL;
    const json_t *info;
    size_t i;

    cr_assert(r.status == 0 && infos, "line %d: %s: %s", line, file, r.err);
    json_array_foreach(infos, i, info)
        chain = on(chain, text(info, "filename"));
    cr_assert(chain && !strcmp(chain, expected), "line %d: the headers say %s, not %s", line, chain,
              expected);
}

bool has_file(struct lab *lab, const char *name)
{
    auto_free char *path = lab_path(lab, name);
    struct stat st;

    return !lstat(path, &st);
}

/* ---- the whole state ---- */

/* The folder, without what is always being written to. */
static char *listing(struct lab *lab)
{
    /* a sidecar is replaced when what was begun is undone */
    static const char find[] = "{ find . -type f ! -name qemu.log ! -name '*.qrewind.json' "
                               "-printf '%p %i %m %u %s\\n'; find . -name '*.qrewind.json' "
                               "-printf '%p %m %u\\n'; } | sort";
    auto_result struct lab_result r = lab_exec(lab->folder, WORDS("sh", "-c", find));

    return mem_strdup(r.out);
}

static char *nodes(struct lab *lab)
{
    json_auto_t *all = lab_qmp(lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    char *list = mem_strdup("");
    const json_t *node;
    size_t i;

    json_array_foreach(all, i, node) {
        char *longer = mem_printf("%s%s %s %s %s\n", list, text(node, "node-name"),
                                  json_is_true(at(node, "ro")) ? "ro" : "rw", text(node, "drv"),
                                  text(node, "file"));
        free(list);
        list = longer;
    }
    return list;
}

char *state_of(struct lab *lab)
{
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);
    json_auto_t *jobs = lab_qmp(lab, "query-jobs", NULL);
    json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);
    auto_free char *files = listing(lab), *list = nodes(lab);
    auto_free char *working = json_dumps(jobs, JSON_SORT_KEYS);
    auto_free char *tops = mem_strdup("");
    const json_t *block;
    size_t i;

    json_array_foreach(blocks, i, block) {
        char *longer = mem_printf("%s%s\n", tops, text(block, "inserted.node-name"));

        free(tops);
        tops = longer;
    }
    return mem_printf("%s\n%s\n%s\n%s\n%s", text(status, "status"), working, tops, list, files);
}

void cases_unchanged(struct lab *lab, int line, const char *before)
{
    auto_free char *now = state_of(lab);

    cr_assert(!strcmp(now, before), "line %d: it was\n%s\nand is now\n%s", line, before, now);
}

/* ---- QEMU ends ---- */

void turn_off(struct lab *lab)
{
    static const char check[] = "find . -name '*.qcow2' -type f -print | while read -r f; do "
                                "qemu-img check -q -f qcow2 \"$f\" || echo \"$f\"; done";

    json_decref(lab_ask(lab, "quit", NULL));
    waitpid(lab->pid, NULL, 0);
    lab->pid = 0;
    auto_result struct lab_result r = lab_exec(lab->folder, WORDS("sh", "-c", check));

    cr_assert_str_empty(r.out, "qemu-img check: %s%s", r.out, r.err);
}

static struct lab *start_on(struct lab *old, const char *const *files, bool waiting)
{
    const char *args[64] = {0};
    int n = 0;

    for (int i = 0; files[i]; i++) {
        args[n++] = "-drive";
        args[n++] =
            mem_printf("if=none,id=vd%c,format=qcow2,file=%s/%s", 'a' + i, old->folder, files[i]);
        args[n++] = "-device";
        args[n++] = mem_printf("virtio-blk-pci,drive=vd%c", 'a' + i);
    }
    args[n] = waiting ? "-incoming" : NULL;
    args[n + 1] = waiting ? "defer" : NULL;
    struct lab *lab = lab_start(&(struct lab_options){.args = args, .running = waiting});
    for (int i = 1; i < n; i += 2)
        free((char *)args[i]);
    return lab;
}

struct lab *start_again(struct lab *old, const char *const *files)
{
    return start_on(old, files, false);
}

struct lab *start_waiting(struct lab *old, const char *const *files)
{
    return start_on(old, files, true);
}
