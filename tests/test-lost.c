/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be had where a layer is lost for good. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/lost.h"
#include "tests/scene/picture.h"

#define WORDS                                                                                      \
    "if there is none, what was in it is lost, and an empty one in its place lets you go back to "

/* clang-format off */
static const struct {
    const char *picture, *layer, *words;
} rows[] = {
    {"disk0: base* <- a* <- b", "L3",
     "if there is none, what was in it is lost, and this goes back: qrewind -i /vm/a.qcow2 revert "
     "--discard s2"},
    {"disk0: base*(raw) <- a* <- b", "L2",
     WORDS "s1: qemu-img create -q -f qcow2 -F raw -b base.raw /vm/a.qcow2 67108864; then: "
     "qrewind -i /vm/base.raw revert --discard s1"},
    {"disk0: base* <- a; + base <- old*", "L3",
     WORDS "s1: qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 /vm/old.qcow2 67108864; then: "
     "qrewind -i /vm/base.qcow2 revert --discard s1"},
    {"disk0: base* <- a", "L1", NULL}, /* it builds on nothing */
    {"disk0: base <- a* <- b", "L2", NULL}, /* nothing can do without it */
    {"disk0: base", "L7", NULL},
    {"disk0: base*s1 <- a; disk1: x*s1 <- y*s2 <- z", "L2", /* s2 has nothing of its disk */
     "if there is none, what was in it is lost, and this goes back: qrewind -i /vm/base.qcow2 "
     "revert --discard s1"},
};
/* clang-format on */

Test(lost, an_empty_overlay_in_its_place_where_that_helps)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picture *p = picture_new(rows[i].picture);
        auto_free char *words = lost_cure(&p->chain, rows[i].layer);

        if (rows[i].words)
            cr_expect_str_eq(words, rows[i].words, "%s: %s", rows[i].picture, words);
        else
            cr_expect_null(words, "%s: %s", rows[i].picture, words);
        picture_free(p);
    }
}
