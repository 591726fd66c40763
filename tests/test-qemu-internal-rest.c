/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A deletion of snapshots inside of images that came to some of the disks only, where the disks do
 * not run on all of these images any more: whoever comes next ends it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/inside.h"
#include "tests/cases/stand-in.h"
#include "tests/tidy/tidy.h"

/* Whose images get an overlay above the snapshot. */
enum { FIRST = 1, SECOND = 2, BOTH = FIRST | SECOND, SETS = 4 };

static const char *const bases[] = {"vda.qcow2", "vdb.qcow2"};
static const char *const tops[] = {"vda.s1.qcow2", "vdb.s1.qcow2"};

/* NULL: this QEMU deletes nothing from below. */
static struct lab *lab_below(bool modern, int below)
{
    struct lab *lab = disks_alone(modern);

    json_decref(lab_qmp(lab, "stop", NULL)); /* what was written outlives QEMU */
    if (number(lab->greeting, "QMP.version.qemu.major") <= 6) {
        lab_stop(lab);
        return NULL;
    }
    if (below == BOTH)
        does(lab, "create", "s1");
    else
        does(lab, "create", "s1", "--exclude",
             modern ? (below == FIRST ? "disk1" : "disk0") : (below == FIRST ? "vdb" : "vda"));
    return lab;
}

/* The client dies when all is ready, and nothing is deleted yet. */
static void kill_client(struct lab *lab, int below)
{
    struct between b = {.kill_at = below == BOTH ? 3 : 2};
    auto_result struct lab_result r = between_run(lab, &b, WORDS("delete", "d1"));

    cr_assert_eq(r.status, 128 + SIGKILL, "%s", r.out);
    for (int i = 0; i < 2; i++)
        file_tags_are(lab, bases[i], "d1");
}

/* So does QEMU, and it came to the images @gone. */
static void cut(struct lab *lab, int below, int gone)
{
    kill_client(lab, below);
    lab_kill(lab);
    for (int i = 0; i < 2; i++) {
        if (!(gone & 1 << i))
            continue;
        auto_result struct lab_result r =
            lab_exec(lab->folder, WORDS("qemu-img", "snapshot", "-d", "d1", bases[i]));
        cr_assert_eq(r.status, 0, "%s", r.err);
    }
}

/* A modern one calls the images above now as it called those below before. */
static struct lab *restart(struct lab *old, bool modern, int below)
{
    const char *args[16] = {NULL};
    struct lab *lab;
    int n = 0;

    for (int i = 0; i < 2; i++) {
        const char c = (char)('a' + i), *file = (below & 1 << i ? tops : bases)[i];

        args[n++] = modern ? "-blockdev" : "-drive";
        args[n++] = mem_printf(modern ? "driver=file,node-name=vd%c-file,filename=%s/%s"
                                      : "if=none,id=vd%c,format=qcow2,file=%s/%s",
                               c, old->folder, file);
        if (modern) {
            args[n++] = "-blockdev";
            args[n++] = mem_printf("driver=qcow2,node-name=vd%c-fmt,file=vd%c-file", c, c);
        }
        args[n++] = "-device";
        args[n++] = modern ? mem_printf("virtio-blk-pci,drive=vd%c-fmt,id=disk%d", c, i)
                           : mem_printf("virtio-blk-pci,drive=vd%c", c);
    }
    lab = lab_start(&(struct lab_options){.args = args, .modern = modern});
    for (int i = 1; i < n; i += 2)
        free((char *)args[i]);
    return lab;
}

/* Nobody has d1, and the disks show what they did. */
static void is_gone(struct lab *lab, struct lab *old)
{
    json_auto_t *list = tells(lab, "list");

    for (int i = 0; i < 2; i++)
        file_tags_are(old, bases[i], "");
    cr_expect_str_eq(text(list, "snapshots.0.name"), "s1");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 1);
    hold_both(lab, 2);
    is_tidy_on(lab, old);
}

static void repair(struct lab *lab)
{
    json_auto_t *doc = tells(lab, "repair");

    says(doc, "settled", "finished");
}

static void type_it_again(struct lab *lab)
{
    does(lab, "delete", "d1");
}

static void do_another(struct lab *lab)
{
    does(lab, "edit", "s1", "--pin"); /* it looks at no nodes */
}

/* One of @of; @renamed: the disks have other names then. */
static void cuts(void (*go_on)(struct lab *lab), int of, bool renamed)
{
    for (int n = 0; n < 2 * SETS * 3; n += of) {
        const int modern = n / 12, gone = n / 3 % SETS, below = 1 + n % 3;
        struct lab *old = lab_below(modern, below), *lab;

        if (!old)
            return;
        cut(old, below, gone);
        lab = restart(old, modern != renamed, below);
        go_on(lab);
        is_gone(lab, old);
        turn_off(lab);
        lab_stop(lab);
        lab_stop(old);
    }
}

Test(internal_rest, of_a_deletion_goes_in_another_qemu, .timeout = 300)
{
    cuts(repair, 1, false);
}

Test(internal_rest, goes_when_the_same_is_typed_again, .timeout = 300)
{
    cuts(type_it_again, 5, false);
}

Test(internal_rest, goes_before_anything_else, .timeout = 300)
{
    cuts(do_another, 5, true);
}

Test(internal_rest, goes_without_a_vm, .timeout = 300)
{
    for (int n = 0; n < 3 * SETS; n++) {
        const int below = 1 + n % 3, gone = n / 3;
        struct lab *lab = lab_below(n % 2, below);

        if (!lab)
            return;
        cut(lab, below, gone);
        auto_result struct lab_result r =
            lab_exec(lab->folder, WORDS("qrewind", "-j", "-i", (below & FIRST ? tops : bases)[0],
                                        "-i", (below & SECOND ? tops : bases)[1], "repair"));
        json_auto_t *doc = json_loads(r.out, 0, NULL);
        cr_assert_eq(r.status, 0, "%s%s", r.out, r.err);
        says(doc, "settled", "finished");
        for (int i = 0; i < 2; i++) {
            file_tags_are(lab, bases[i], "");
            image_holds(lab, (below & 1 << i ? tops : bases)[i], "qcow2", 2);
        }
        lab_stop(lab);
    }
}

/* Its images are open for writing yet. */
Test(internal_rest, goes_in_the_same_qemu, .timeout = 300)
{
    for (int n = 0; n < 2 * 3; n++) {
        const int modern = n % 2, below = 1 + n / 2;
        struct lab *lab = lab_below(modern, below);

        if (!lab)
            return;
        kill_client(lab, below);
        repair(lab);
        is_gone(lab, lab);
        turn_off(lab);
        lab_stop(lab);
    }
}

/* The storage is still broken. */
Test(internal_rest, that_cannot_go_is_named_and_can_be_deleted)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *old = lab_below(modern, BOTH), *lab;
        struct between b = {.spoil = "snapshot-delete"};

        if (!old)
            return;
        cut(old, BOTH, FIRST);
        lab = restart(old, modern, BOTH);
        auto_result struct lab_result r = between_run(lab, &b, WORDS("repair"));
        json_auto_t *doc = json_loads(r.out, 0, NULL);
        cr_assert_eq(r.status, 0, "%s", r.out);
        says(doc, "settled", "partly");
        says(doc, "notes.0", "a part of it is done and stays so: disk ");
        says(doc, "notes.0", "still an internal snapshot 'd1' (The command");
        file_tags_are(old, bases[1], "d1");
        does(lab, "delete", "d1");
        is_gone(lab, old);
        turn_off(lab);
        lab_stop(lab);
        lab_stop(old);
    }
}

/* A creation that came to one disk only, and will not come to the other, is taken back. */
Test(internal_rest, of_a_creation_that_was_cut_in_half_nothing_stays)
{
    static const char *const kinds[][5] = {{"create", "i1", "--internal"},
                                           {"create", "i1", "--internal", "--memory"}};

    for (int i = 0; i < 4; i++) {
        struct between b = {.kill_at = 1, .only = i & 1 ? "snapshot-save" : "transaction"};
        struct lab *old = lab_start(&(struct lab_options){.disks = 2}), *lab;

        if (i & 1 && number(old->greeting, "QMP.version.qemu.major") < 6) {
            lab_stop(old);
            continue;
        }
        auto_result struct lab_result killed = between_run(old, &b, kinds[i & 1]);
        cr_assert_eq(killed.status, 128 + SIGKILL, "%s", killed.out);
        lab_kill(old);
        auto_result struct lab_result tag =
            lab_exec(old->folder, WORDS("qemu-img", "snapshot", "-c", "i1", bases[i / 2]));
        cr_assert_eq(tag.status, 0, "%s", tag.err);
        lab = start_again(old, WORDS("vda.qcow2", "vdb.qcow2"));
        json_auto_t *repaired = tells(lab, "repair");
        says(repaired, "settled", "undone");
        for (int disk = 0; disk < 2; disk++)
            file_tags_are(old, bases[disk], "");
        does(lab, "create", "i1", "--internal");
        lab_stop(lab);
        lab_stop(old);
    }
}

static void open_unplugged(struct lab *lab)
{
    auto_free char *file = lab_path(lab, "vdb.qcow2");

    json_decref(lab_qmp(lab, "blockdev-add", "{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2",
                        "node-name", "left", "file", "driver", "file", "filename", file));
}

/* As device_del leaves it. */
Test(internal_rest, in_an_image_that_an_unplugged_disk_has_left_open)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true, .bus = LAB_SCSI});

    does(lab, "create", "i1", "--internal");
    json_decref(lab_qmp(lab, "device_del", "{s:s}", "id", "disk1"));
    json_decref(lab_event(lab, "DEVICE_DELETED"));
    auto_free char *before = state_of(lab);
    json_auto_t *dry = refuses(lab, 8, "-n", "delete", "i1");
    json_auto_t *error = refuses(lab, 8, "delete", "i1");
    says(dry, "desc", "vdb.qcow2 is in use by pid ");
    says(error, "hint", "plug that one in again");
    unchanged(lab, before);

    /* it is begun while the image is closed, and opened again before that is settled */
    json_decref(lab_qmp(lab, "blockdev-del", "{s:s}", "node-name", "vdb-fmt"));
    stand_in(lab, "qemu-img", "case $1 in snapshot) exit 1 ;; esac; $REAL \"$@\"");
    json_decref(refuses(lab, 5, "delete", "i1"));
    stand_in_leave();
    open_unplugged(lab);
    json_auto_t *repair = tells(lab, "repair");
    says(repair, "settled", "partly");
    says(repair, "notes.0", "a part of it is done and stays so: ");
    file_tags_are(lab, "vdb.qcow2", "i1");
    json_decref(lab_qmp(lab, "blockdev-del", "{s:s}", "node-name", "left"));
    does(lab, "delete", "i1");
    file_tags_are(lab, "vda.qcow2", "");
    file_tags_are(lab, "vdb.qcow2", "");
    lab_stop(lab);
}
