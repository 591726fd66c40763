/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Size: chains of 256 layers, 32 disks, 1,000 snapshots, 50 MB of sidecar. All is right, and what
 * goes over the monitor grows as what there is. What is computed is counted in test-scale.c.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

/* ---- many layers ---- */

static void overlay(const char *folder, const char *name, const char *below)
{
    auto_free char *file = mem_printf("%s/%s", folder, name);
    struct qcow2_options o = {16 << 20, 0, below, below ? "qcow2" : NULL};
    struct qmp_error err;

    cr_assert_eq(image_create_overlay(file, &o, NULL, &err), 0, "%s", err.desc);
}

/* l000.qcow2 <- l001.qcow2 <- … <- vda.qcow2, *@arg of them. */
static void make_layers(const char *folder, void *arg)
{
    char name[32], below[32];

    for (int i = 0; i < *(int *)arg; i++) {
        snprintf(name, sizeof(name), i + 1 < *(int *)arg ? "l%03d.qcow2" : "vda.qcow2", i);
        overlay(folder, name, i ? below : NULL);
        strcpy(below, name);
    }
}

static struct lab *deep(int layers)
{
    return lab_start(
        &(struct lab_options){.disks = 1, .prepare = make_layers, .prepare_arg = &layers});
}

static size_t depth(struct lab *lab)
{
    json_auto_t *doc = tells(lab, "chain");

    return json_array_size(at(doc, "disks.0.layers"));
}

Test(qemu_scale, a_live_chain_of_256_layers_is_handled_like_any_other, .timeout = 120)
{
    struct lab *lab = deep(256);

    write_generation(lab, 0, 1);
    cr_assert_eq(depth(lab), 256);
    does(lab, "create", "s1");
    write_generation(lab, 0, 2);
    cr_expect_eq(depth(lab), 257);
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 1);
    does(lab, "check");
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    does(lab, "undo", "--discard");
    holds(lab, 0, 2);
    does(lab, "delete", "s1");
    cr_expect_eq(depth(lab), 256);
    holds(lab, 0, 2);
    lab_stop(lab); /* qemu-img check opens the chain below each of the 256 images: half a minute */
}

struct wire {
    size_t sent, received; /* bytes */
};

static struct wire wire_of(struct lab *lab, const char *verb, const char *word)
{
    auto_free char *trace = lab_path(lab, "trace");
    auto_result struct lab_result r = lab_run(lab, "--trace", trace, verb, word, NULL);
    FILE *f = fopen(trace, "r");
    struct wire w = {0};
    json_t *line;

    cr_assert_eq(r.status, 0, "%s: %s", verb, r.err);
    while ((line = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL))) {
        w.sent += json_dumpb(json_object_get(line, "sent"), NULL, 0, JSON_COMPACT);
        w.received += json_dumpb(json_object_get(line, "received"), NULL, 0, JSON_COMPACT);
        json_decref(line);
    }
    fclose(f);
    unlink(trace);
    return w;
}

Test(qemu_scale, twice_the_layers_cost_twice_the_answer_and_no_more_questions, .timeout = 120)
{
    static const char *const words[][2] = {
        {"list", NULL}, {"chain", NULL}, {"create", "s1"}, {"revert", "s1"}, {"create", "s2"}};
    struct lab *small = deep(128), *large = deep(256);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct wire one = wire_of(small, words[i][0], words[i][1]);
        struct wire two = wire_of(large, words[i][0], words[i][1]);

        cr_expect_gt(one.sent, 0);
        cr_expect_leq(two.sent, one.sent + 32, "%s sends %zu, then %zu", words[i][0], one.sent,
                      two.sent);
        cr_expect_leq(two.received * 10, one.received * 22, "%s reads %zu, then %zu", words[i][0],
                      one.received, two.received);
    }
    lab_stop(small);
    lab_stop(large);
}

/* ---- many disks ---- */

enum { LETTERS = 26, DISKS = 32 };

static void make_more(const char *folder, void *arg)
{
    for (int i = LETTERS; i < DISKS; i++) {
        auto_free char *name = mem_printf("x%d.qcow2", i);

        overlay(folder, name, NULL);
    }
}

static size_t on_overlays(struct lab *lab, const char *mark)
{
    json_auto_t *doc = tells(lab, "disks");
    const json_t *disk;
    size_t i, n = 0;

    cr_assert_eq(json_array_size(at(doc, "disks")), DISKS);
    json_array_foreach(at(doc, "disks"), i, disk)
        n += strstr(text(disk, "layers.0.file"), mark) != NULL;
    return n;
}

Test(qemu_scale, thirty_two_disks_are_taken_at_one_instant, .timeout = 120)
{
    char words[4 * (DISKS - LETTERS)][64];
    const char *args[4 * (DISKS - LETTERS) + 1] = {0};

    for (int i = LETTERS, n = 0; i < DISKS; i++, n += 4) {
        strcpy(words[n], "-drive");
        snprintf(words[n + 1], 64, "if=none,id=x%d,format=qcow2,file=x%d.qcow2", i, i);
        strcpy(words[n + 2], "-device");
        snprintf(words[n + 3], 64, "scsi-hd,drive=x%d", i);
        for (int k = n; k < n + 4; k++)
            args[k] = words[k];
    }
    struct lab *lab = lab_start(&(struct lab_options){
        .disks = LETTERS, .bus = LAB_SCSI, .args = args, .prepare = make_more});

    write_generation(lab, 0, 1);
    write_generation(lab, 25, 1);
    json_auto_t *plan = tells(lab, "--dry-run", "create", "s1");
    json_t *step;
    size_t i, switches = 0;
    json_array_foreach(at(plan, "plan"), i, step)
        if (text(step, "execute") && !strcmp(text(step, "execute"), "transaction")) {
            cr_expect_eq(json_array_size(at(step, "arguments.actions")), DISKS);
            switches++;
        }
    cr_expect_eq(switches, 1);
    does(lab, "create", "s1");
    cr_expect_eq(on_overlays(lab, ".s1"), DISKS);
    write_generation(lab, 0, 2);
    write_generation(lab, 25, 2);
    does(lab, "revert", "s1", "--discard");
    holds(lab, 0, 1);
    holds(lab, 25, 1);
    does(lab, "delete", "s1");
    cr_expect_eq(on_overlays(lab, ".s1"), 0);
    holds(lab, 0, 1);
    holds(lab, 25, 1);
    turn_off(lab);
    lab_stop(lab);
}

/* ---- many snapshots, much text ---- */

#define ON "-i base.qcow2"
#define SIDECAR "base.qcow2.qrewind.json"

/* @n snapshots s0, s1, … of base.qcow2, each with @bytes of description. */
static void record(int n, size_t bytes)
{
    auto_free char *words = mem_alloc(bytes + 1);

    offline_image("base.qcow2", "16M", NULL);
    offline_write("base.qcow2", 1, "0", "64k");
    offline_ok("qrewind " ON " create s0");
    json_auto_t *doc = json_load_file(SIDECAR, 0, NULL);
    json_t *snapshots = json_object_get(doc, "snapshots"), *first = json_array_get(snapshots, 0);

    memset(words, 'w', bytes);
    words[bytes] = '\0';
    json_object_set_new(first, "description", json_string(words));
    for (int i = 1; i < n; i++) {
        json_t *s = json_deep_copy(first);

        json_object_set_new(s, "name", json_sprintf("s%d", i));
        json_object_set_new(s, "parent", json_sprintf("s%d", i - 1));
        json_array_append_new(snapshots, s);
    }
    json_object_set_new(doc, "current", json_sprintf("s%d", n - 1));
    cr_assert_eq(json_dump_file(doc, SIDECAR, 0), 0);
    cr_assert_eq(chmod(SIDECAR, 0600), 0);
}

/* The list is @n snapshots, from @first to @last, each the child of the one before. */
static void listed(size_t n, const char *first, const char *last)
{
    json_auto_t *doc = offline_json(0, "qrewind " ON " list");
    const json_t *all = at(doc, "snapshots");

    cr_assert_eq(json_array_size(all), n, "%zu", json_array_size(all));
    cr_expect_str_eq(text(json_array_get(all, 0), "name"), first);
    cr_expect_str_eq(text(json_array_get(all, n - 1), "name"), last);
    for (size_t i = 1; i < n; i++)
        cr_assert_str_eq(text(json_array_get(all, i), "parent"),
                         text(json_array_get(all, i - 1), "name"));
}

TestSuite(qemu_scale_offline, .init = offline_enter, .fini = offline_leave, .timeout = 300);

Test(qemu_scale_offline, a_thousand_snapshots_are_kept_apart)
{
    record(1000, 20);
    listed(1000, "s0", "s999");
    json_auto_t *shown = offline_json(0, "qrewind " ON " show s500");
    cr_expect_str_eq(text(shown, "snapshot.parent"), "s499");
    offline_ok("qrewind " ON " create new");
    offline_ok("qrewind " ON " edit s500 --name middle --description short");
    offline_ok("qrewind " ON " delete s1");
    listed(1000, "s0", "new");
    offline_ok("qrewind " ON " revert middle --discard");
    auto_free char *middle = offline_active(ON, 0);
    offline_reads(middle, 1, "0", "64k");
    offline_ok("qrewind " ON " check");
    offline_ok("qrewind " ON " prune --keep-last 10");
    listed(10, "s991", "new");
    offline_ok("qrewind " ON " delete --children s991");
    json_auto_t *doc = offline_json(0, "qrewind " ON " list");
    cr_expect_eq(json_array_size(at(doc, "snapshots")), 0);
    auto_free char *active = offline_active(ON, 0);
    offline_reads(active, 1, "0", "64k");
}

Test(qemu_scale_offline, a_sidecar_of_50_megabytes_is_only_large)
{
    struct stat st;

    record(50, 1 << 20);
    cr_assert(!stat(SIDECAR, &st) && st.st_size > 50 << 20);
    offline_ok("qrewind " ON " create new");
    cr_assert(!stat(SIDECAR, &st) && st.st_size > 50 << 20);
    listed(51, "s0", "new");
    offline_ok("qrewind " ON " prune --keep-last 10");
    listed(10, "s41", "new");
}
