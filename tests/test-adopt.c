/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What adopt makes of chains that others made: pictures in, documents out. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/adopt.h"
#include "tests/scene/picture.h"

/* clang-format off */
static const struct {
    const char *title, *picture, *document;
} cases[] = {
    {"one image is no snapshot", "disk0: a", "disk0: a"},
    {"an overlay is called after its snapshot", "disk0: a <- a.s1 <- a.s2",
     "disk0: a*s1 <- a.s1*s2 <- a.s2"},
    {"with other signs between", "disk0: a <- a-s1 <- a_s2", "disk0: a*s1 <- a-s1*s2 <- a_s2"},
    {"any name", "disk0: base <- one <- two", "disk0: base*one <- one*two <- two"},
    {"disks whose overlays are called alike", "disk0: a <- a.s1 <- a.s2; disk1: b <- b.s1 <- b.s2",
     "disk0: a*s1 <- a.s1*s2 <- a.s2; disk1: b*s1 <- b.s1*s2 <- b.s2"},
    {"one has fewer", "disk0: a <- a.s1 <- a.s2; disk1: b <- b.s2",
     "disk0: a*s1 <- a.s1*s2 <- a.s2; disk1: b*s2 <- b.s2"},
    {"one has more", "disk0: a <- a.s2; disk1: b <- b.s1 <- b.s2",
     "disk0: a*s2 <- a.s2; disk1: b*s1 <- b.s1*s2 <- b.s2"},
    {"in another order they are others", "disk0: a <- a.s1 <- a.s2; disk1: b <- b.s2 <- b.s1",
     "disk0: a*s1 <- a.s1*s2 <- a.s2; disk1: b*s2 <- b.s2*s1-2 <- b.s1"},
    {"twice the same name", "disk0: a <- a.s1 <- b.s1 <- a.s1.s1",
     "disk0: a*s1 <- a.s1*b.s1 <- b.s1*s1.s1 <- a.s1.s1"},
    {"inside the images", "disk0: a^t1^t2; disk1: b^t1", "disk0: a; disk1: b; inside t1: disk0 disk1; inside t2: disk0"},
    {"and inside those below", "disk0: a^t1 <- a.s1^t2", "disk0: a*s1 <- a.s1; inside t2: disk0; inside t1: disk0"},
};
/* clang-format on */

Test(adopt, snapshots_are_called_after_the_files)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *p = picture_new(cases[i].picture);
        struct chain c = {0}, again = {0};
        struct qmp_error err = {0};

        chain_init(&c, "/vm", NULL, NULL);
        adopt(&c, &p->graph, NULL, "abc");
        auto_free char *document = picture_draw(&c);
        cr_expect_str_eq(document, cases[i].document, "%s: %s", cases[i].title, document);
        cr_expect_eq(chain_take(&again, "/vm", c.doc, &err), 0, "%s: %s", cases[i].title, err.desc);
        chain_done(&again);
        chain_done(&c);
        picture_free(p);
    }
}

static struct graph_layer layer(const char *file)
{
    return (struct graph_layer){.file = (char *)file, .format = (char *)"qcow2", .allocated = -1};
}

static char *adopted(const char *const *files, size_t n)
{
    struct graph_layer layers[8];
    struct graph_disk d = {.id = (char *)"vda", .layers = layers, .nlayers = n};
    const struct graph g = {.disks = &d, .ndisks = 1};
    struct chain c = {0};

    for (size_t i = 0; i < n; i++)
        layers[i] = layer(files[i]);
    chain_init(&c, "/vm", NULL, NULL);
    adopt(&c, &g, NULL, "abc");
    char *names = mem_strdup("");
    const json_t *s;
    size_t i;
    json_array_foreach(chain_snapshots(&c), i, s) {
        auto_free char *before = names;

        names = mem_printf("%s%s%s", before, i ? " " : "",
                           json_string_value(json_object_get(s, "name")));
    }
    auto_free char *active = chain_layer_file(&c, chain_active(&c, "vda"));
    cr_expect_str_eq(active, files[0]);
    chain_done(&c);
    return names;
}
#define ADOPTED(...)                                                                               \
    adopted((const char *const[]){__VA_ARGS__},                                                    \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(adopt, as_proxmox_names_them)
{
    auto_free char *names = ADOPTED("/vm/vm-100-disk-0.qcow2", "/vm/snap-b-2-vm-100-disk-0.qcow2",
                                    "/vm/snap-a-vm-100-disk-0.qcow2");

    auto_free char *on_lvm =
        ADOPTED("/dev/vg/vm-100-disk-0.qcow2", "/dev/vg/snap_vm-100-disk-0_after_2.qcow2",
                "/dev/vg/snap_vm-100-disk-0_before.qcow2");

    cr_expect_str_eq(names, "a b-2");
    cr_expect_str_eq(on_lvm, "before after_2");
}

Test(adopt, on_a_base_of_another_format)
{
    auto_free char *names = ADOPTED("/vm/disk.s1.qcow2", "/vm/disk.vmdk");

    cr_expect_str_eq(names, "s1");
}

Test(adopt, as_libvirt_names_them)
{
    auto_free char *names = ADOPTED("/vm/disk.tuesday", "/vm/disk.monday", "/vm/disk.img");

    cr_expect_str_eq(names, "monday tuesday");
}

Test(adopt, a_template_is_no_snapshot)
{
    auto_free char *alone = ADOPTED("/vm/disk.qcow2", "/images/debian.qcow2");
    auto_free char *more = ADOPTED("/vm/disk.s1.qcow2", "/vm/disk.qcow2", "/images/debian.qcow2");

    cr_expect_str_eq(alone, "");
    cr_expect_str_eq(more, "s1");
}

Test(adopt, a_name_that_no_snapshot_can_have)
{
    auto_free char *names = ADOPTED("/vm/a.\x1b[2J", "/vm/a.\n", "/vm/a.qcow2");

    cr_expect_str_eq(names, "adopted adopted-2");
}
