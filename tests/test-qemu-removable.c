/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be taken out of its drive: an SD card, the system disk of many a board, a floppy, a
 * stick. What the guest can write to is a disk as others are, as long as it is in; a CD is none.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/inside.h"

static void more_images(const char *folder, void *arg)
{
    auto_result struct lab_result r =
        lab_exec(folder, WORDS("sh", "-c",
                               "qemu-img create -q -f qcow2 vdb.qcow2 16M && "
                               "qemu-img create -q -f qcow2 other.qcow2 16M && "
                               "qemu-img create -q -f qcow2 fd.qcow2 1440k && "
                               "truncate -s 1M cd.raw"));

    cr_assert_eq(r.status, 0, "%s", r.err);
}

static struct lab *with(int disks, const char *const *args)
{
    return lab_start(&(struct lab_options){.disks = disks, .args = args, .prepare = more_images});
}

/* clang-format off */
#define CARD                                                                                      \
    "-device", "sdhci-pci", "-drive", "if=none,id=vdb,file=vdb.qcow2,format=qcow2",               \
    "-device", "sd-card,id=card,drive=vdb"
static const char *const card[] = {CARD, NULL};
static const char *const others[] = {
    "-drive", "if=none,id=fd,file=fd.qcow2,format=qcow2",
    "-device", "isa-fdc,id=fdc", "-device", "floppy,id=flop,bus=fdc.0,drive=fd",
    "-device", "virtio-scsi-pci,id=hba",
    "-drive", "if=none,id=st,file=vdb.qcow2,format=qcow2",
    "-device", "scsi-hd,bus=hba.0,drive=st,removable=on,id=stick",
    "-drive", "if=none,id=c0,file=cd.raw,format=raw,file.locking=off",
    "-device", "scsi-cd,bus=hba.0,drive=c0,id=scsicd",
    "-drive", "if=none,id=c1,file=cd.raw,format=raw,file.locking=off",
    "-device", "ide-cd,drive=c1,id=idecd",
    "-drive", "if=none,id=none,file=other.qcow2,format=qcow2",
    NULL};
/* clang-format on */

Test(removable, a_card_goes_back_with_the_memory)
{
    struct lab *lab = with(1, card);
    const bool loads = has_snapshot_jobs(lab);

    write_both(lab, 1);
    json_auto_t *doc = loads ? tells(lab, "create", "s1", "--memory") : tells(lab, "create", "s1");
    cr_expect_eq(json_array_size(at(doc, "notes")), 0);
    cr_expect_eq(json_object_size(at(doc, "overlays")), 2);
    write_both(lab, 2);
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    holds(lab, 1, 1);
    does(lab, "undo");
    holds(lab, 1, 2);
    does(lab, "delete", "s1", "--undo");
    holds(lab, 1, 2);
    does(lab, "check");
    does(lab, "create", "i1", "--internal");
    write_both(lab, 3);
    if (loads)
        does(lab, "revert", "i1");
    holds(lab, 1, loads ? 2 : 3);
    lab_stop(lab);
}

Test(removable, is_a_disk_but_for_what_is_in_a_cd_drive)
{
    struct lab *lab = with(0, others);
    json_auto_t *disks = tells(lab, "disks"), *doc = tells(lab, "create", "s1");

    cr_expect_eq(json_object_size(at(doc, "overlays")), 2);
    cr_expect(text(doc, "overlays.flop") && text(doc, "overlays.stick"));
    cr_expect(mentions(at(doc, "notes"), "scsicd is left out: it is a CD"));
    cr_expect(mentions(at(doc, "notes"), "idecd is left out: it is a CD"));
    cr_expect(mentions(at(doc, "notes"), "none is left out: it is of no device"));
    cr_expect_eq(json_array_size(at(disks, "disks")), 5);
    lab_stop(lab);
}

Test(removable, is_asked_for_by_name)
{
    struct lab *lab = with(1, card);
    json_auto_t *doc = tells(lab, "create", "s1", "--disk", "card");

    cr_expect_eq(json_object_size(at(doc, "overlays")), 1);
    lab_stop(lab);
}

/* The record would be gone with it. */
Test(removable, has_the_record_beside_it_only_where_nothing_else_is)
{
    static const char *const first[] = {CARD,
                                        "-drive",
                                        "if=none,id=vdc,file=other.qcow2,format=qcow2",
                                        "-device",
                                        "virtio-blk-pci,drive=vdc",
                                        NULL};
    struct lab *lab = with(0, first), *alone = with(0, card);

    does(lab, "create", "s1");
    cr_expect(has_file(lab, "other.qcow2.qrewind.json"));
    cr_expect(!has_file(lab, "vdb.qcow2.qrewind.json"));
    does(alone, "create", "s1");
    cr_expect(has_file(alone, "vdb.qcow2.qrewind.json"));
    lab_stop(lab);
    lab_stop(alone);
}

static void puts_in(struct lab *lab, const char *file)
{
    auto_free char *path = lab_path(lab, file);

    json_decref(lab_qmp(lab, "blockdev-change-medium", "{s:s, s:s, s:s}", "id", "card", "filename",
                        path, "format", "qcow2"));
}

/* A disk without its medium, or with another one, is as good as unplugged: snapshots of it cannot
 * be gone back to, and can be deleted; until it is in again. */
Test(removable, is_wanted_back_when_it_is_out)
{
    struct lab *lab = with(1, card);

    for (int i = 1; i <= 3; i++) {
        auto_free char *name = mem_printf("s%d", i);

        write_both(lab, i);
        does(lab, "create", name);
    }
    for (int other = 0; other < 2; other++) {
        if (other)
            puts_in(lab, "other.qcow2");
        else
            json_decref(lab_qmp(lab, "eject", "{s:s}", "id", "card"));
        json_auto_t *error = refuses(lab, 1, "revert", "s3");
        says(error, "hint", "vdb.s3.qcow2 in again (blockdev-change-medium)");
        does(lab, "repair", "--only", "leaked-node");
        does(lab, "delete", other ? "s2" : "s1");
    }
    puts_in(lab, "vdb.s3.qcow2");
    does(lab, "check");
    hold_both(lab, 3);
    write_both(lab, 4);
    does(lab, "revert", "s3");
    hold_both(lab, 3);
    lab_stop(lab);
}

/* The memory remembers what was in it. */
Test(removable, a_cd_that_was_changed_is_told_of)
{
    static const char *const args[] = {
        "-drive",  "if=none,id=c0,media=cdrom,file=cd.raw,format=raw",
        "-device", "ide-cd,drive=c0,id=cd",
        "-device", "ide-cd,id=tray",
        NULL};
    struct lab *lab = with(1, args);

    if (has_snapshot_jobs(lab)) {
        does(lab, "create", "i", "--internal", "--memory");
        json_auto_t *same = tells(lab, "revert", "i");
        cr_expect(!mentions(at(same, "notes"), "in it when"));
        json_decref(lab_qmp(lab, "eject", "{s:s, s:b}", "id", "cd", "force", 1));
        json_auto_t *inside = tells(lab, "revert", "i");
        cr_expect(mentions(at(inside, "notes"), "cd.raw in it when i was taken"));

        does(lab, "create", "m", "--memory");
        json_decref(lab_qmp(lab, "blockdev-change-medium", "{s:s, s:s, s:s}", "id", "cd",
                            "filename", "cd.raw", "format", "raw"));
        json_auto_t *above = tells(lab, "revert", "m");
        cr_expect(mentions(at(above, "notes"), "drive cd had nothing in it when m was taken"));
        cr_expect(!mentions(at(above, "notes"), "tray"));
    }
    lab_stop(lab);
}
