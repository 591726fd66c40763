/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import: what export made, or another tool, becomes a chain that QEMU starts on; and what is
 * damaged or hostile becomes nothing at all.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/cases/live.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"
#include "tests/tidy/tidy.h"

TestSuite(qemu_import, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* base.qcow2 with two snapshots; "out" is the second, with the value 2 below 1 MiB, 1 from 1 MiB.
 */
static void export_one(const char *more)
{
    offline_image("base.qcow2", "16M", NULL);
    offline_write("base.qcow2", 1, "0", "2M");
    offline_ok("qrewind -i base.qcow2 create s1");
    offline_write("base.s1.qcow2", 2, "0", "1M");
    offline_ok("qrewind -i base.qcow2 create s2 --description mine");
    offline_write("base.s2.qcow2", 3, "0", "2M");
    offline_ok("qrewind -i base.qcow2 export s2 out%s", more);
}

static void shows(const char *image)
{
    offline_reads(image, 2, "0", "1M");
    offline_reads(image, 1, "1M", "1M");
    offline_reads(image, 0, "2M", "1M");
}

static bool is_there(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

/* ---- there and back ---- */

Test(qemu_import, what_was_exported_is_a_chain_again)
{
    export_one("");
    json_auto_t *doc = offline_json(0, "qrewind import out --to vm");
    cr_expect_str_eq(text(doc, "snapshot"), "s2");
    cr_expect(strstr(text(doc, "start.0"), "id=base,file=") &&
              strstr(text(doc, "start.0"), "/vm/base.s2.qcow2"));
    shows("vm/base.s2.qcow2");
    /* all goes on as if it had been taken here */
    json_auto_t *list = offline_json(0, "qrewind -i vm/base.s2.qcow2 list");
    cr_expect_str_eq(text(list, "snapshots.0.name"), "s2");
    cr_expect_str_eq(text(list, "snapshots.0.description"), "mine");
    cr_expect_str_eq(text(list, "current"), "s2");
    offline_write("vm/base.s2.qcow2", 4, "0", "1M");
    offline_ok("qrewind -i vm/base.s2.qcow2 create s3");
    offline_ok("qrewind -i vm/base.s2.qcow2 revert s2 --discard");
    auto_free char *active = offline_active("-i vm/base.qcow2", 0);
    shows(active);
    offline_ok("qrewind -i vm/base.qcow2 export s2 again");
    shows("again/base.qcow2");
}

/* QEMU takes each id once, and none that begins with a digit. */
Test(qemu_import, the_drives_have_ids_that_differ)
{
    static const char *const ids[] = {"id=a_b,file=", "id=a_b-2,file=", "id=disk7,file="};

    offline_sh("for i in a_b a:b 7; do qemu-img create -q -f qcow2 ./$i.qcow2 1M; done; "
               "qrewind -i a_b.qcow2 -i ./a:b.qcow2 -i 7.qcow2 create s1; "
               "qrewind -i a_b.qcow2 export s1 out");
    json_auto_t *doc = offline_json(0, "qrewind import out --to vm");
    auto_free char *start = json_dumps(json_object_get(doc, "start"), 0);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        cr_expect(strstr(start, ids[i]), "%s: %s", ids[i], start);
}

Test(qemu_import, the_folder_can_be_moved)
{
    export_one("");
    offline_ok("qrewind import out --to vm --name first");
    offline_ok("mv vm elsewhere");
    shows("elsewhere/base.first.qcow2");
    offline_ok("qrewind -i elsewhere/base.first.qcow2 show first");
    offline_ok("qrewind -i elsewhere/base.first.qcow2 create s2");
}

Test(qemu_import, raw_and_compressed_images_and_the_default_name)
{
    export_one(" --compress");
    offline_ok("qrewind import out");
    shows("s2/base.s2.qcow2");
    offline_ok("qrewind -i base.qcow2 export s2 raw --format raw");
    offline_ok("qrewind import raw --to vm");
    shows("vm/base.s2.qcow2");
    cr_expect(is_there("vm/base.raw"));
}

Test(qemu_import, a_file_that_ends_within_a_sector)
{
    offline_image("base.qcow2", "16M", NULL);
    offline_ok("qrewind -i base.qcow2 create s1");
    offline_ok("qrewind -i base.qcow2 export s1 out");
    json_auto_t *manifest = json_load_file("out/qrewind-export.json", 0, NULL);
    cr_expect_neq(number(manifest, "files.0.size") % 512, 0, "QEMU makes it whole now");
    offline_ok("qrewind import out --to vm");
}

Test(qemu_import, a_dry_run_makes_nothing)
{
    export_one("");
    json_auto_t *doc = offline_json(0, "qrewind import out --to vm --dry-run");

    cr_expect_gt(json_array_size(at(doc, "plan")), 5);
    cr_expect(!is_there("vm") && !is_there("vm.part"));
}

/* The checkpoint m1 of @lab, exported, imported, and gone back to in another QEMU. */
static void takes_the_memory_along(struct lab *lab, const char *how, bool waiting)
{
    auto_free char *client = lab_path(lab, "client");
    const char *const files[] = {"client/vm/vda.m1.qcow2", "client/vm/vdb.m1.qcow2", NULL};

    for (int generation = 1; generation < 3; generation++) {
        for (int disk = 0; disk < 2; disk++)
            write_generation(lab, disk, generation);
        if (generation == 1)
            does(lab, "create", "m1", how);
    }
    does(lab, "export", "m1", "out");
    turn_off(lab);
    auto_result struct lab_result r =
        lab_exec(client, (const char *[]){"qrewind", "import", "out", "--to", "vm", NULL});
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.out, waiting ? " -incoming defer;" : " -S;"), "%s", r.out);
    cr_expect(strstr(r.out, "qrewind revert m1 --running"), "%s", r.out);

    struct lab *second = waiting ? start_waiting(lab, files) : start_again(lab, files);
    json_auto_t *back = tells(second, "revert", "m1", "--running");
    says(back, "method", "memory");
    holds(second, 0, 1);
    holds(second, 1, 1);
    turn_off(second);
    lab_stop(second);
}

static const struct lab_options two_running = {.disks = 2, .running = true};

Test(qemu_import, a_guest_goes_on_where_its_memory_was_saved, .init = NULL, .fini = NULL)
{
    struct lab *lab = lab_start(&two_running);

    if (number(lab->greeting, "QMP.version.qemu.major") >= 6)
        takes_the_memory_along(lab, "--memory", false);
    lab_stop(lab);
}

Test(qemu_import, and_where_it_was_saved_while_it_ran_on, .init = NULL, .fini = NULL)
{
    struct lab *lab = live_start(two_running);

    if (lab)
        takes_the_memory_along(lab, "--memory=live", true);
    lab_stop(lab);
}

/* ---- images of others ---- */

Test(qemu_import, images_of_every_format)
{
    static const char *const formats[] = {"raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc", "qcow"};

    offline_image("flat.qcow2", "16M", NULL);
    offline_write("flat.qcow2", 1, "0", "2M");
    offline_write("flat.qcow2", 2, "0", "1M");
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        const char *format = formats[i];

        offline_ok("qemu-img convert -f qcow2 -O %s flat.qcow2 theirs.%s", format, format);
        offline_ok("qrewind import theirs.%s --format %s --to %s --disk root", format, format,
                   format);
        auto_free char *active = mem_printf("%s/root.imported.qcow2", format);
        shows(active);
        offline_ok("qrewind -i %s create s1", active);
        offline_ok("qrewind -i %s/root.qcow2 revert imported", format);
    }
}

Test(qemu_import, an_image_in_several_files_stays_out)
{
    static const char *const images[] = {
        "-f qcow2 -b secret -F raw theirs 1M",
        "-f qcow -b secret -F raw theirs 1M",
        "-f vmdk -b base.vmdk -F vmdk theirs",
        "-f vmdk -o subformat=monolithicFlat theirs.vmdk 1M",
        "-f vmdk -o subformat=twoGbMaxExtentSparse theirs.vmdk 1M",
        "-f qcow2 -o data_file=secret theirs 1M",
    };

    offline_ok("qemu-img create -q -f vmdk base.vmdk 1M");
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        const char *name = strstr(images[i], "theirs.vmdk") ? "theirs.vmdk" : "theirs";

        offline_ok("rm -f theirs theirs.vmdk secret");
        offline_ok("qemu-img create -q -f raw secret 1M");
        offline_ok("qemu-img create -q %s", images[i]);
        offline_fails(1, "not all in one file", "qrewind import %s --format %.*s --to vm", name,
                      (int)strcspn(images[i] + 3, " "), images[i] + 3);
        cr_expect(!is_there("vm") && !is_there("vm.part"));
    }
    /* the last one: the cure works as it stands there */
    auto_result struct lab_result r = offline_run("qrewind import theirs --format qcow2 --to vm");
    cure_works(NULL, r.err, "qemu-img convert");
    offline_ok("qrewind import theirs.whole.qcow2 --format qcow2 --to vm");
}

/* ---- damaged, or made to do harm ---- */

Test(qemu_import, nothing_damaged_comes_in)
{
    static const char *const damages[] = {
        "truncate -s -512 out/base.qcow2",
        "dd if=/dev/zero of=out/base.qcow2 bs=1 seek=700000 count=4096 conv=notrunc status=none",
        "rm out/base.qcow2",
        "ln -sf ../base.qcow2 out/base.qcow2",
        "mkfifo out/base.qcow2",
        "rm out/qrewind-export.json",
        "truncate -s 100 out/qrewind-export.json",
        "sed -i s/[0-9]*,/7,/ out/qrewind-export.json",
    };

    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        offline_ok("rm -rf out base.qcow2 base.s1.qcow2 base.s2.qcow2 base.qcow2.qrewind.json");
        export_one("");
        if (strstr(damages[i], "mkfifo"))
            offline_ok("rm out/base.qcow2");
        offline_ok("%s", damages[i]);
        auto_result struct lab_result r = offline_run("qrewind import out --to vm");
        cr_expect(r.status == 1 || r.status == 3, "%s: %d %s", damages[i], r.status, r.out);
        cr_expect(!is_there("vm") && !is_there("vm.part"), "%s", damages[i]);
    }
}

/* The manifest agrees with the image, and the image leads elsewhere. */
static void reseal(const char *image)
{
    auto_result struct lab_result sum = offline_run("sha256sum %s", image);
    json_auto_t *doc = json_load_file("out/qrewind-export.json", 0, NULL);
    json_t *file = at(doc, "files.0");
    struct stat st;

    cr_assert_eq(stat(image, &st), 0);
    json_object_set_new(file, "size", json_integer(st.st_size));
    json_object_set_new(file, "sha256", json_stringn(sum.out, 64));
    cr_assert_eq(json_dump_file(doc, "out/qrewind-export.json", 0), 0);
}

Test(qemu_import, an_image_that_shows_another_file_stays_out)
{
    static const struct {
        const char *make, *words;
    } cases[] = {
        {"qemu-img create -q -f qcow2 -b /etc/passwd -F raw out/base.qcow2 16M", "stand alone"},
        {"qemu-img create -q -f qcow2 -o data_file=x.raw,data_file_raw=on out/base.qcow2 16M",
         "stand alone"},
        {"qemu-img create -q -f qcow2 out/base.qcow2 32M", "another size"},
        {"qemu-img create -q -f raw out/base.qcow2 16M", "not a qcow2"},
    };

    export_one("");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        offline_ok("rm out/base.qcow2");
        auto_result struct lab_result r = offline_run("%s", cases[i].make);
        cr_assert_eq(r.status, 0, "%s", r.err);
        reseal("out/base.qcow2");
        offline_fails(1, cases[i].words, "qrewind import out --to vm");
        cr_expect(!is_there("vm") && !is_there("vm.part"));
    }
}

Test(qemu_import, nothing_is_overwritten)
{
    export_one("");
    offline_ok("mkdir vm vm/sub");
    offline_fails(1, "--to FOLDER", "qrewind import out --to vm");
    offline_ok("rmdir vm/sub");
    offline_ok("qrewind import out --to vm");
    offline_fails(1, "exists", "qrewind import out --to vm");
    offline_fails(3, "no exported snapshot", "qrewind import base.qcow2 --to new");
    offline_fails(3, "there is no folder /", "qrewind import nothere --to new");
    offline_fails(2, "--format", "qrewind import out --disk x");
    offline_ok("mkdir \xff");
    cr_assert_eq(chdir("\xff"), 0);
    offline_fails(2, "not UTF-8", "qrewind import ../out --to vm");
    offline_fails(2, "not UTF-8", "qrewind -i ../base.qcow2 export s1 to");
    cr_assert_eq(chdir(".."), 0);
}
