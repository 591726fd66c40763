/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-graph-files: what there is without a QEMU, from the images' headers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/graph-files.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "tests/scratch/scratch.h"

TestSuite(graph_files, .init = scratch_enter, .fini = scratch_leave);

static void image(const char *path, const char *backing, const char *format)
{
    struct qcow2_options o = {1 << 20, 65536, backing, format};
    struct qmp_error err;

    cr_assert_eq(image_create_overlay(path, &o, NULL, &err), 0, "%s", err.desc);
}

/* The chain of the disk @file as one line: "b qcow2 <- a raw guessed". The caller frees. */
static char *chain_of(const char *file, const char *format, const struct chain *c)
{
    auto_free char *full = mem_printf("%s/%s", scratch_folder(), file);
    struct graph g = {0};
    char *line = mem_strdup("");

    graph_files_add(&g, "vda", full, format, c);
    cr_assert_eq(g.ndisks, 1);
    cr_assert_str_eq(g.disks[0].id, "vda");
    for (size_t i = 0; i < g.disks[0].nlayers; i++) {
        const struct graph_layer *l = &g.disks[0].layers[i];
        char *more = mem_printf("%s%s%s %s%s%s%s%s", line, i ? " <- " : "", path_name(l->file),
                                l->format, l->guessed ? " guessed" : "", l->remote ? " remote" : "",
                                l->trouble ? ": " : "", l->trouble ? l->trouble : "");
        free(line);
        line = more;
    }
    graph_done(&g);
    return line;
}

static void expect(const char *file, const char *format, const char *expected)
{
    auto_free char *line = chain_of(file, format, NULL);

    cr_expect_str_eq(line, expected, "'%s', not '%s'", line, expected);
}

Test(graph_files, a_chain_is_followed_by_what_its_headers_say)
{
    auto_free char *absolute = mem_printf("%s/c.qcow2", scratch_folder());

    scratch_write("base.img", "guest data", 10);
    image("a.qcow2", "base.img", "raw");
    image("b.qcow2", "./a.qcow2", "qcow2");
    image("c.qcow2",
          "json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":"
          "\"b.qcow2\"}}",
          "qcow2");
    image("d.qcow2", absolute, "qcow2");
    cr_assert(!symlink("d.qcow2", "link"));
    expect("link", "qcow2",
           "d.qcow2 qcow2 <- c.qcow2 qcow2 <- b.qcow2 qcow2 <- a.qcow2 qcow2 <- base.img raw");
}

Test(graph_files, sizes_and_internal_snapshots_are_told)
{
    struct graph g = {0};
    auto_free char *file = mem_printf("%s/a.qcow2", scratch_folder());
    char command[256];

    image("a.qcow2", NULL, NULL);
    snprintf(command, sizeof(command), "qemu-img snapshot -c 'one two' a.qcow2");
    cr_assert_eq(system(command), 0);
    graph_files_add(&g, "vda", file, "qcow2", NULL);
    const struct graph_layer *l = graph_active(&g.disks[0]);
    cr_expect_eq(l->size, 1 << 20);
    cr_expect_eq(l->cluster_size, 65536);
    cr_expect_gt(l->allocated, 0);
    cr_expect_null(l->node);
    cr_assert_eq(l->ntags, 1);
    cr_expect_str_eq(l->tags[0].name, "one two");
    cr_expect_gt(l->tags[0].sec, 1700000000);
    cr_expect_null(graph_trouble(&g.disks[0]));
    graph_done(&g);
}

Test(graph_files, a_format_that_nobody_recorded_is_marked)
{
    scratch_write("base.img", "guest data", 10);
    image("a.qcow2", "base.img", "raw");
    expect("a.qcow2", NULL, "a.qcow2 qcow2 guessed <- base.img raw");
    expect("base.img", NULL, "base.img raw guessed");
    expect("a.qcow2", "raw", "a.qcow2 raw");
}

Test(graph_files, the_document_knows_formats_that_headers_leave_out)
{
    struct chain c = {0};

    scratch_write("base.img", "guest data", 10);
    chain_init(&c, scratch_folder(), NULL, NULL);
    auto_free char *file = mem_printf("%s/base.img", scratch_folder());
    chain_add_layer(&c, file, "raw", 512, NULL, false);
    auto_free char *line = chain_of("base.img", NULL, &c);
    cr_expect_str_eq(line, "base.img raw");
    chain_done(&c);
}

Test(graph_files, what_is_missing_or_broken_ends_the_chain_with_a_reason)
{
    const char *f = scratch_folder();
    auto_free char *missing = mem_printf("a.qcow2 qcow2 <- gone qcow2: %s/gone: there is no such "
                                         "file",
                                         f);
    auto_free char *loop = mem_printf("x.qcow2 qcow2 <- y.qcow2 qcow2 <- x.qcow2 qcow2: "
                                      "%s/x.qcow2: the chain of backing files is a loop",
                                      f);

    image("a.qcow2", "gone", "qcow2");
    expect("a.qcow2", "qcow2", missing);
    image("x.qcow2", "y.qcow2", "qcow2");
    image("y.qcow2", "x.qcow2", "qcow2");
    expect("x.qcow2", "qcow2", loop);
    image("n.qcow2", "nbd://host/x", "raw");
    expect("n.qcow2", "qcow2", "n.qcow2 qcow2 <- x raw remote");
    scratch_write("broken", "no qcow2 at all", 15);
    auto_free char *line = chain_of("broken", "qcow2", NULL);
    cr_expect(strstr(line, "broken qcow2: "), "%s", line);
}

Test(graph_files, what_QEMU_has_marked_as_damaged_is_known)
{
    static const unsigned char mark = 2;
    struct graph g = {0};

    image("a.qcow2", NULL, NULL);
    image("b.qcow2", "a.qcow2", "qcow2");
    FILE *f = fopen("a.qcow2", "r+");
    cr_assert(f && !fseek(f, 79, SEEK_SET) && fwrite(&mark, 1, 1, f) == 1 && !fclose(f));
    auto_free char *file = mem_printf("%s/b.qcow2", scratch_folder());
    graph_files_add(&g, "vda", file, "qcow2", NULL);
    cr_assert_eq(g.disks[0].nlayers, 2);
    cr_expect_not(g.disks[0].layers[0].corrupt);
    cr_expect(g.disks[0].layers[1].corrupt);
    graph_done(&g);
}
