/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-data-file: images whose data lies in another file, which is a part of them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(qemu_data_file, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define QREWIND "qrewind -i base.qcow2 "

/* base.qcow2, which holds 1 in @data, frozen by s1. */
static void make(const char *data)
{
    offline_ok("qemu-img create -q -f qcow2 -o data_file=%s base.qcow2 4M", data);
    offline_write("base.qcow2", 1, "0", "64k");
    offline_ok(QREWIND "create s1");
}

static void finds(const char *options, const char *expected)
{
    json_auto_t *doc = offline_json(*expected ? 9 : 0, QREWIND "check%s", options);
    auto_free char *found = findings_of(doc);

    cr_expect_str_eq(found, expected, "check%s: '%s', not '%s'", options, found, expected);
}

static void explains(const char *options, const char *words)
{
    json_auto_t *doc = offline_json(9, QREWIND "check%s", options);
    auto_free char *all = json_dumps(doc, 0);

    cr_expect(strstr(all, words), "check%s: '%s' does not say '%s'", options, all, words);
}

Test(qemu_data_file, one_that_is_gone_is_missed)
{
    make("data.raw");
    finds("", "");
    offline_ok("mv data.raw elsewhere");
    finds("", "missing-file data.raw");
    explains("", "what base.qcow2 holds lies in it");
    offline_ok("mv elsewhere data.raw");
    finds("", "");
}

Test(qemu_data_file, one_that_was_written_to_is_noticed)
{
    make("data.raw");
    offline_sh("printf x | dd of=data.raw bs=1 conv=notrunc status=none");
    finds("", "changed-base base.qcow2");
    explains("", "the time of its data file has changed");
    offline_ok(QREWIND "repair --yes");
    finds("", "");
    offline_ok("truncate -s 1k data.raw");
    explains("", "its data file has become shorter");
    offline_ok(QREWIND "repair --yes");
    finds("", "changed-base base.qcow2");
}

Test(qemu_data_file, deep_tells_whether_its_content_has_changed)
{
    make("data.raw");
    finds(" --deep", "");
    offline_ok("touch data.raw");
    finds("", "changed-base base.qcow2");
    finds(" --deep", "touched-base base.qcow2");
    offline_sh("cp -p data.raw old; printf x | dd of=data.raw bs=1 conv=notrunc status=none; "
               "touch -r old data.raw");
    explains(" --deep", "the content of its data file has changed");
}

Test(qemu_data_file, a_commit_into_it_is_no_change)
{
    make("data.raw");
    offline_write("base.s1.qcow2", 2, "1M", "64k");
    offline_ok(QREWIND "create s2");
    finds(" --deep", "");
    offline_ok(QREWIND "delete s1");
    finds(" --deep", "");
    offline_reads("base.s2.qcow2", 1, "0", "64k");
    offline_reads("base.s2.qcow2", 2, "1M", "64k");
}

Test(qemu_data_file, a_relative_name_is_found_here_or_beside_the_image)
{
    static const char *const data[][2] = {{"here", "/here"}, {"beside", "/sub/beside"}};

    offline_sh("mkdir sub; touch here sub/here sub/beside");
    auto_free char *cwd = image_cwd();
    for (size_t i = 0; i < 2; i++) {
        auto_free char *expected = mem_printf("%s%s", cwd, data[i][1]);
        auto_free char *image = mem_printf("%s/sub/image", cwd);
        auto_free char *found = image_data_path(image, data[i][0]);
        cr_expect_str_eq(found, expected, "%s", found);
    }
    auto_free char *nowhere = image_data_path("/sub/image", "nowhere");
    auto_free char *absolute = image_data_path("sub/image", "/nowhere");
    cr_expect_str_eq(nowhere, "nowhere");
    cr_expect_str_eq(absolute, "/nowhere");
    cr_expect_null(image_data_path("sub/image", "nbd://host"));
}

/* Who uses a raw image as another's data file would have it changed under him. */
Test(qemu_data_file, what_is_the_data_of_somebody_else_is_not_written_to)
{
    offline_sh("qemu-img create -q -f raw base 4M; qrewind -i raw:base create s1; "
               "qemu-img create -q -f qcow2 -o data_file=other theirs 4M; rm other; ln base other");
    offline_fails(1, "base is also the base of", "qrewind -i base.s1.qcow2 commit base --force");
}
