/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a record remembers of an image that its disk has left. */
#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "snapshot/chain.h"
#include "tests/scene/picture.h"

/* The disk of @line leaves the layer @id; what it has left then. The caller frees. */
static char *leave(const char *line, const char *id, struct chain *after)
{
    struct picture *p = picture_new(line);

    chain_copy(after, &p->chain);
    chain_set_backing(after, "L2", NULL);
    chain_drop_snapshot(after, "s1");
    chain_drop_layer(after, id);
    chain_leave(after, &p->chain);
    picture_free(p);
    return chain_left(after, "disk0");
}

Test(chain_left, the_image_that_a_disk_is_called_after)
{
    struct chain after;
    auto_free char *left = leave("disk0: base* <- a", "L1", &after);

    cr_expect_str_eq(left, "/vm/base.qcow2");
    cr_expect_str_eq(chain_left_by(&after, "/vm/base.qcow2"), "disk0");
    cr_expect_null(chain_left_by(&after, "/vm/a.qcow2"));
    chain_move(&after, "/else");
    auto_free char *moved = chain_left(&after, "disk0");
    cr_expect_str_eq(moved, "/vm/base.qcow2");
    chain_add_layer(&after, "/vm/base.qcow2", "qcow2", 1, NULL, false);
    cr_expect_null(chain_left_by(&after, "/vm/base.qcow2"), "it is back");
    chain_done(&after);
}

Test(chain_left, nothing_else)
{
    struct picture *p = picture_new("disk0: base* <- a <- b");
    struct chain after;

    chain_copy(&after, &p->chain);
    chain_leave(&after, &p->chain);
    cr_expect_null(chain_left(&after, "disk0"), "all is there");
    chain_set_backing(&after, "L3", "L1");
    chain_drop_layer(&after, "L2");
    chain_leave(&after, &p->chain);
    cr_expect_null(chain_left(&after, "disk0"), "that was ours");
    json_object_set_new(json_object_get(json_object_get(p->chain.doc, "disks"), "disk0"), "stem",
                        json_string("other"));
    chain_set_backing(&after, "L3", NULL);
    chain_drop_layer(&after, "L1");
    chain_leave(&after, &p->chain);
    cr_expect_null(chain_left(&after, "disk0"), "it is not called after that");
    chain_done(&after);
    picture_free(p);
}

Test(chain_left, what_others_write_there_is_no_file)
{
    static const char *const lies[] = {"{}", "[\"x\"]", "7", "\"nbd://host/x\"", "null"};
    struct picture *p = picture_new("disk0: base* <- a");
    json_t *disk = json_object_get(json_object_get(p->chain.doc, "disks"), "disk0");

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        json_object_set_new(disk, "left", json_loads(lies[i], JSON_DECODE_ANY, NULL));
        cr_expect_null(chain_left(&p->chain, "disk0"), "%s", lies[i]);
        cr_expect_null(chain_left_by(&p->chain, "/vm/x"), "%s", lies[i]);
        chain_move(&p->chain, "/vm");
    }
    picture_free(p);
}
