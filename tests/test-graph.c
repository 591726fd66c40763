/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What real QEMU answered (tests/scene/record made the files), as a graph. What a liar might
 * answer is in test-graph-odd.c.
 */
#include "snapshot/graph.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/recorded.h"
#include "tests/schema/schema.h"

/* ---- a graph as text: a line per disk and job ---- */

/* QEMU's own node names are different each time. */
static const char *node(const char *name)
{
    return !name ? "-" : name[0] == '#' ? "#" : name;
}

static void draw_layer(FILE *out, const struct graph_layer *l)
{
    fprintf(out, "%s (%s %s/%s%s)", l->file, l->format, node(l->node), node(l->file_node),
            l->remote ? " remote" : "");
}

static void draw_disk(FILE *out, const struct graph_disk *d)
{
    const char *why = graph_skip_reason(d);

    fprintf(out, "%s: drive=%s", d->id, d->drive ? d->drive : "-");
    if (d->filter)
        fprintf(out, " filter=%s", d->filter);
    if (why)
        fprintf(out, " [%s]", why);
    for (size_t i = 0; i < d->nlayers; i++) {
        fputs(i ? " on " : " ", out);
        draw_layer(out, &d->layers[i]);
    }
    fputc('\n', out);
}

static char *draw(const struct graph *g)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; i < g->ndisks; i++)
        draw_disk(out, &g->disks[i]);
    for (size_t i = 0; i < g->njobs; i++)
        fprintf(out, "job %s %s %s %s\n", g->jobs[i].id, g->jobs[i].type, g->jobs[i].status,
                g->jobs[i].error ? g->jobs[i].error : "");
    fclose(out);
    return text;
}

/* ---- recorded replies ---- */

/* clang-format off */
static const struct {
    const char *machine;
    const char *deep, *shallow; /* with all replies; with query-block alone, NULL: not asked here */
} recorded[] = {
    {"legacy",
     "vda: drive=vda /vm/top.qcow2 (qcow2 #/#) on /vm/mid.qcow2 (qcow2 #/#)"
     " on /vm/base.qcow2 (qcow2 #/#)\n"
     "disk1: drive=vdb /vm/plain.raw (raw #/#)\n",
     "vda: drive=vda /vm/top.qcow2 (qcow2 #/-) on /vm/mid.qcow2 (qcow2 -/-)"
     " on /vm/base.qcow2 (qcow2 -/-)\n"
     "disk1: drive=vdb /vm/plain.raw (raw #/-)\n"},
    {"modern",
     "disk0: drive=- /vm/other.qcow2 (qcow2 top-fmt/top-file)"
     " on /vm/base.qcow2 (qcow2 base-fmt/base-file)\n",
     "disk0: drive=- /vm/other.qcow2 (qcow2 top-fmt/-) on /vm/base.qcow2 (qcow2 -/-)\n"},
    {"buses",
     "nv0: drive=drv2 /vm/base.qcow2 (qcow2 #/#)\n"
     "drv3: drive=drv3 /vm/pflash.qcow2 (qcow2 #/#)\n"
     "sda: drive=- /vm/other.qcow2 (qcow2 n0/#)\n"
     "hda: drive=- /vm/plain.raw (raw n1/#)\n",
     NULL},
    {"drives",
     "pflash0: drive=pflash0 [read-only] /vm/code.raw (raw #/#)\n"
     "vars: drive=vars /vm/vars.qcow2 (qcow2 #/#)\n"
     "cd0: drive=empty [empty]\n"
     "cd1: drive=full [read-only] /vm/cd.iso (raw #/#)\n"
     "fd0: drive=fd /vm/floppy.img (raw #/#)\n"
     "disk0: drive=ro [read-only] /vm/other.qcow2 (qcow2 #/#)\n",
     NULL},
    {"names",
     "relative: drive=relative top.qcow2 (qcow2 #/#) on /vm/mid.qcow2 (qcow2 #/#)"
     " on /vm/base.qcow2 (qcow2 #/#)\n"
     "json: drive=json /vm/other.qcow2 (qcow2 #/#)\n"
     "options: drive=options /vm/pflash.qcow2 (qcow2 #/#)\n"
     "null: drive=null json:{\"driver\": \"raw\", \"file\": {\"driver\": \"null-co\","
     " \"size\": \"1M\"}} (raw #/# remote)\n",
     "relative: drive=relative top.qcow2 (qcow2 #/-) on /vm/mid.qcow2 (qcow2 -/-)"
     " on /vm/base.qcow2 (qcow2 -/-)\n"
     "json: drive=json /vm/other.qcow2 (qcow2 #/-)\n"
     "options: drive=options /vm/pflash.qcow2 (qcow2 #/-)\n"
     "null: drive=null json:{\"driver\": \"raw\", \"file\": {\"driver\": \"null-co\","
     " \"size\": \"1M\"}} (raw #/- remote)\n"},
    {"filter",
     "disk0: drive=- filter=throttle /vm/other.qcow2 (qcow2 thr/-)\n",
     NULL},
    {"mirror",
     "vda: drive=vda /vm/top.qcow2 (qcow2 #/#) on /vm/mid.qcow2 (qcow2 #/#)"
     " on /vm/base.qcow2 (qcow2 #/#)\n"
     "job qrw-mirror-vda mirror ready \n",
     NULL},
    {"stream",
     "vda: drive=vda /vm/top.qcow2 (qcow2 #/#) on /vm/mid.qcow2 (qcow2 #/#)"
     " on /vm/base.qcow2 (qcow2 #/#)\n"
     "job qrw-stream-vda stream running \n",
     NULL},
};
/* clang-format on */

static void expect_graph(const char *machine, const char *release, const json_t *document,
                         enum graph_level level, const char *wanted)
{
    struct qmp_error err = {0};
    struct graph g = {0};

    cr_assert_eq(recorded_take(&g, document, level, &err), 0, "%s-%s: %s", machine, release,
                 err.desc);
    auto_free char *text = draw(&g);
    cr_expect_str_eq(text, wanted, "%s-%s:\n%snot\n%s", machine, release, text, wanted);
    graph_done(&g);
}

Test(graph, is_the_same_whatever_the_release_that_drew_it)
{
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        size_t found = 0;

        for (const char *const *release = schema_releases; *release; release++) {
            json_auto_t *document = recorded_load(recorded[i].machine, *release);

            if (!document)
                continue;
            found++;
            expect_graph(recorded[i].machine, *release, document, GRAPH_NODES, recorded[i].deep);
            if (recorded[i].shallow)
                expect_graph(recorded[i].machine, *release, document, GRAPH_DISKS,
                             recorded[i].shallow);
        }
        cr_expect_geq(found, 1, "%s was never recorded", recorded[i].machine);
    }
}

Test(graph, tells_what_an_overlay_needs_to_know_of_its_base)
{
    json_auto_t *document = recorded_load("legacy", "7.2");
    struct graph g = {0};

    cr_assert_eq(recorded_take(&g, document, GRAPH_NODES, NULL), 0);
    const struct graph_layer *top = graph_active(graph_disk(&g, "vda"));
    cr_expect_eq(top->size, 16 << 20);
    cr_expect_eq(top->cluster_size, 65536);
    cr_expect(top->allocated > 0 && top->allocated < 1 << 20);
    cr_expect_str_eq(top->backing, "/vm/mid.qcow2");
    cr_expect_str_eq(top->spelling, top->file);
    cr_expect_str_eq(graph_disk(&g, "vda")->detect_zeroes, "off");
    cr_expect(!graph_disk(&g, "vda")->cache_direct && !g.running);
    cr_expect_str_eq(g.status, "prelaunch");
    graph_done(&g);
}

Test(graph, finds_a_disk_by_each_of_its_names_and_a_layer_by_file_or_node)
{
    json_auto_t *document = recorded_load("modern", "7.2");
    struct graph g = {0};

    cr_assert_eq(recorded_take(&g, document, GRAPH_NODES, NULL), 0);
    const struct graph_disk *d = graph_disk(&g, "disk0");
    cr_expect_eq(graph_disk(&g, "top-fmt"), d);
    cr_expect_eq(graph_disk(&g, "/machine/peripheral/disk0/virtio-backend"), d);
    cr_expect_null(graph_disk(&g, "base-fmt"));
    cr_expect_null(graph_disk(&g, ""));
    cr_expect_eq(graph_layer(d, "/vm/base.qcow2"), &d->layers[1]);
    cr_expect_eq(graph_layer(d, "base-fmt"), &d->layers[1]);
    cr_expect_null(graph_layer(d, "base-file"));
    cr_expect_null(graph_job(&g, "job"));
    graph_done(&g);
}

/* ---- names ---- */

Test(graph, file_names_of_qemu_are_reduced_to_files)
{
    static const struct {
        const char *name, *file;
        bool path;
    } names[] = {
        {"/vm/a.qcow2", "/vm/a.qcow2", true},
        {"a.qcow2", "a.qcow2", true},
        {"file:/vm/a.qcow2", "/vm/a.qcow2", true},
        {"/vm/with:colon", "/vm/with:colon", true},
        {"./with:colon", "./with:colon", true},
        {"nbd://host/a", "nbd://host/a", false},
        {"rbd:pool/a", "rbd:pool/a", false},
        {"json:{\"file\": {\"filename\": \"/vm/a\"}}", "/vm/a", true},
        {"json:{\"file.filename\": \"/vm/a\"}", "/vm/a", true},
        {"json:{\"file\": {\"file\": {\"filename\": \"nbd:x\"}}}", "nbd:x", false},
        {"json:{\"driver\": \"null-co\"}", "json:{\"driver\": \"null-co\"}", false},
        /* a part of a file is not that file */
        {"json:{\"offset\": \"1\", \"file\": {\"filename\": \"/vm/a\"}}",
         "json:{\"offset\": \"1\", \"file\": {\"filename\": \"/vm/a\"}}", false},
        {"json:{\"file\": {\"size\": 9, \"file\": {\"filename\": \"/vm/a\"}}}",
         "json:{\"file\": {\"size\": 9, \"file\": {\"filename\": \"/vm/a\"}}}", false},
        {"json:{\"driver\": \"raw\", \"file\": {\"driver\": \"qcow2\", \"file.filename\": \"/a\"}}",
         "json:{\"driver\": \"raw\", \"file\": {\"driver\": \"qcow2\", \"file.filename\": \"/a\"}}",
         false},
        {"json:{\"file\": 5}", "json:{\"file\": 5}", false},
        {"json:{", "json:{", false},
        {"json:", "json:", false},
        {"", "", true},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        auto_free char *file = graph_file_name(names[i].name);

        cr_expect_str_eq(file, names[i].file, "%s: %s", names[i].name, file);
        cr_expect_eq(graph_is_path(file), names[i].path, "%s", file);
    }
}

static struct graph graph_of(const char *block)
{
    json_auto_t *reply = json_loads(block, 0, NULL);
    struct graph g = {0};

    cr_assert(reply, "%s", block);
    cr_assert_eq(graph_take_block(&g, reply, NULL), 0);
    return g;
}

Test(graph, a_disk_is_called_after_its_device_or_else_its_drive_or_node_and_never_like_another)
{
    static const struct {
        const char *block, *ids;
    } cases[] = {
        {"[{\"qdev\": \"sda\", \"device\": \"drv\"}]", "sda"},
        {"[{\"qdev\": \"/machine/peripheral/disk0/virtio-backend\"}]", "disk0"},
        {"[{\"qdev\": \"/machine/peripheral-anon/device[1]/virtio-backend\", \"device\": \"drv\"}]",
         "drv"},
        {"[{\"qdev\": \"/machine/system.flash0\", \"device\": \"pflash0\"}]", "pflash0"},
        {"[{\"device\": \"\", \"inserted\": {\"node-name\": \"n0\"}}]", "n0"},
        {"[{\"qdev\": \"/machine/odd\"}]", "/machine/odd"},
        {"[{\"qdev\": \"a\"}, {\"qdev\": \"a\", \"device\": \"b\"}]", "a b"},
        {"[{\"device\": \"a\"}, {\"qdev\": \"a\"}, {}]", "a ?1 ?2"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct graph g = graph_of(cases[i].block);
        auto_free char *ids = mem_strdup("");

        for (size_t k = 0; k < g.ndisks; k++) {
            auto_free char *before = ids;

            ids = mem_printf("%s%s%s", before, k ? " " : "", g.disks[k].id);
        }
        cr_expect_str_eq(ids, cases[i].ids, "%s: %s", cases[i].block, ids);
        graph_done(&g);
    }
}

Test(graph, a_protocol_is_no_format)
{
    static const char *const protocols[] = {"file", "nbd", "rbd", "iscsi", "host_device", "ssh"};

    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        auto_free char *block = mem_printf(
            "[{\"device\": \"d\", \"inserted\": {\"image\": {\"format\": \"%s\"}}}]", protocols[i]);
        struct graph g = graph_of(block);

        cr_expect_str_eq(g.disks[0].layers[0].format, "raw", "%s", protocols[i]);
        graph_done(&g);
    }
}
