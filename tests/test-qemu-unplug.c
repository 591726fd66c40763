/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk that is to be unplugged, and the guest does not answer: nobody can see that, and the reset
 * of a revert carries it out. The disk is gone then, and still called what it was.
 */
#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static void unplug(struct lab *lab, const char *id)
{
    json_decref(lab_qmp(lab, "device_del", "{s:s}", "id", id));
}

static void goes_with_the_reset(bool modern, const char *device, const char *name)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = modern});

    write_generation(lab, 1, 1);
    does(lab, "create", "s1");
    write_generation(lab, 1, 2);
    does(lab, "create", "s2");
    unplug(lab, device);
    json_auto_t *doc = tells(lab, "revert", "s1");
    auto_free char *words = mem_printf("disk %s is gone: it was unplugged", name);
    cr_expect(mentions(at(doc, "notes"), words), "%s", words);

    /* at once, while QEMU has not forgotten the drive yet, and later */
    for (int i = 0; i < 2; i++) {
        json_auto_t *disks = tells(lab, "disks"), *list = tells(lab, "list");
        auto_free char *held = mem_printf("snapshots.%d.disks.%s.layer", i, name);

        cr_expect_eq(json_array_size(at(disks, "disks")), 1);
        cr_expect(text(list, held), "%s", held);
        json_auto_t *error = refuses(lab, 3, "revert", "s2");
        says(error, "desc", name);
        says(error, "hint", "plug it in again");
        says(error, "hint", "vdb.s1-2.qcow2");
    }
    turn_off(lab);
    struct lab *again = start_again(lab, WORDS("vda.s1-2.qcow2", "vdb.s1-2.qcow2"));
    holds(again, 1, 1);
    does(again, "revert", "s2");
    holds(again, 1, 2);
    lab_stop(again);
    lab_stop(lab);
}

Test(unplug, a_disk_with_a_name)
{
    goes_with_the_reset(true, "disk1", "disk1");
}

Test(unplug, a_disk_that_is_called_like_its_drive)
{
    goes_with_the_reset(false, "/machine/peripheral-anon/device[1]", "vdb");
}

/* QEMU itself has its images still open, and nobody else may merge them. */
Test(unplug, the_nodes_go_before_the_merges_are_done)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .bus = LAB_SCSI, .modern = true});

    does(lab, "create", "s1");
    does(lab, "create", "s2");
    unplug(lab, "disk1");
    json_decref(lab_event(lab, "DEVICE_DELETED"));
    json_auto_t *doc = tells(lab, "delete", "s1");
    cr_expect(mentions(at(doc, "notes"), "a layer is not merged yet"));
    json_auto_t *repair = tells(lab, "repair");
    cr_expect_eq(json_array_size(at(repair, "notes")), 0, "%s", text(repair, "notes.0"));
    json_auto_t *again = tells(lab, "repair");
    cr_expect_eq(json_array_size(at(again, "mended")), 0);
    headers_are(lab, "vdb.s2.qcow2", "vdb.s1.qcow2 <- vdb.s2.qcow2");
    lab_stop(lab);
}
