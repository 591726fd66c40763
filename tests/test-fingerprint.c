/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of a frozen file, where it has no time: as of a block device. */
#include "snapshot/fingerprint.h"

#include <criterion/criterion.h>

#include "tests/scene/picture.h"
#include "tests/scratch/scratch.h"

TestSuite(fingerprint, .init = scratch_enter, .fini = scratch_leave);

Test(fingerprint, without_a_time_tells_of_the_size_alone)
{
    struct picture *p = picture_new_in(scratch_folder(), "disk0: base*(raw) <- a");

    scratch_write("base.raw", "12", 2);
    json_object_set_new(chain_layer(&p->chain, "L1"), "fingerprint", json_pack("{s:i}", "size", 2));
    cr_expect_null(fingerprint_written(&p->chain, "L1"));
    scratch_write("base.raw", "123", 3);
    cr_expect_str_eq(fingerprint_written(&p->chain, "L1"), "it has grown");
    picture_free(p);
}
