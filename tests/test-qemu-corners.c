/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes, changes of the machine, and company: what is rare, and happens. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static void make(const char *folder, void *command)
{
    auto_result struct lab_result r = lab_exec(folder, WORDS("sh", "-c", command));

    cr_assert_eq(r.status, 0, "%s: %s", (const char *)command, r.err);
}

/* Nobody else holds the monitor. */
Test(corners, a_qemu_that_somebody_has_stopped)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *way = mem_printf("kill -CONT %d", (int)lab->pid);

    lab_halt(lab);
    json_auto_t *error = refuses(lab, 4, "-t", "0.3", "list");
    says(error, "hint", way);
    kill(lab->pid, SIGCONT);
    does(lab, "create", "s1");
    lab_stop(lab);
}

/* It has no disks yet. */
Test(corners, a_machine_that_is_still_to_be_configured)
{
    static const char *const args[] = {"-preconfig", NULL};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .args = args});
    json_auto_t *error = refuses(lab, 7, "create", "s1");

    says(error, "desc", "no machine yet (-preconfig)");
    says(error, "hint", "x-exit-preconfig");
    does(lab, "qmp", "x-exit-preconfig");
    does(lab, "create", "s1");
    lab_stop(lab);
}

Test(corners, sizes_and_clusters_of_any_kind)
{
    static const struct {
        const char *format, *command;
    } images[] = {
        {"qcow2", "qemu-img create -q -f qcow2 -o cluster_size=512 vda.qcow2 16777729"},
        {"qcow2", "qemu-img create -q -f qcow2 -o cluster_size=4k vda.qcow2 16M"},
        {"qcow2", "qemu-img create -q -f qcow2 -o cluster_size=2M vda.qcow2 16M"},
        {"qcow2", "qemu-img create -q -f qcow2 -o compat=0.10 vda.qcow2 16M"},
        {"qcow2", "qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=64k vda.qcow2 16M ||"
                  "qemu-img create -q -f qcow2 vda.qcow2 16M"}, /* since 5.2 */
        {"qcow2", "qemu-img create -q -f qcow2 -o data_file=data,data_file_raw=on vda.qcow2 16M"},
        {"qcow2", "qemu-img create -q -f qcow2 vda.qcow2 30T"},
        {"raw", "truncate -s 1000001 vda.raw"},
        {"raw", "truncate -s 3T vda.raw"},
        {"raw", "truncate -s 16777216 x && cp x vda.raw"},
    };

    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        struct lab *lab =
            lab_start(&(struct lab_options){.disks = 1,
                                            .format = images[i].format,
                                            .prepare = make,
                                            .prepare_arg = (void *)images[i].command});
        json_auto_t *was = tells(lab, "disks"), *is = NULL;

        write_generation(lab, 0, 1);
        does(lab, "create", "s1");
        is = tells(lab, "disks");
        cr_expect_eq(number(was, "disks.0.size"), number(is, "disks.0.size"), "%s",
                     images[i].command);
        write_generation(lab, 0, 2);
        does(lab, "create", "s2");
        write_generation(lab, 0, 3);
        does(lab, "commit", "vda", "--base", "s2", "--force");
        holds(lab, 0, 3);
        turn_off(lab);
        image_holds(lab, "vda.s1.qcow2", "qcow2", 3);
        lab_stop(lab);
    }
}

Test(corners, a_disk_that_is_plugged_in_later)
{
    struct lab *lab = lab_start(
        &(struct lab_options){.disks = 1,
                              .prepare = make,
                              .prepare_arg = (void *)"qemu-img create -q -f qcow2 x.qcow2 16M"});

    does(lab, "create", "s1");
    json_decref(lab_qmp(lab, "blockdev-add", "{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2",
                        "node-name", "x", "file", "driver", "file", "filename", "x.qcow2"));
    json_decref(lab_qmp(lab, "device_add", "{s:s, s:s, s:s}", "driver", "virtio-blk-pci", "drive",
                        "x", "id", "late"));
    does(lab, "create", "s2");
    json_auto_t *list = tells(lab, "list"), *chain = tells(lab, "chain", "late");
    cr_expect_eq(json_object_size(at(list, "snapshots.0.disks")), 1);
    cr_expect_eq(json_object_size(at(list, "snapshots.1.disks")), 2);
    says(chain, "disks.0.layers.0.file", "/x.s2.qcow2");
    lab_stop(lab);
}

/* The same images, another command line: "vda" is "disk0" from now on. */
Test(corners, a_machine_that_is_started_in_the_other_style)
{
    struct lab *old = tower(&(struct lab_options){.disks = 1}, 2), *lab = NULL;
    auto_free char *file =
        mem_printf("driver=file,node-name=f,filename=%s/vda.s2.qcow2", old->folder);

    turn_off(old);
    lab = lab_start(&(struct lab_options){
        .modern = true,
        .args = WORDS("-blockdev", file, "-blockdev", "driver=qcow2,node-name=q,file=f", "-device",
                      "virtio-blk-pci,drive=q,id=disk0")});
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.0.disks.disk0.file", "/vda.qcow2");
    does(lab, "create", "s3");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2 <- vda.s3.qcow2");
    does(lab, "commit", "disk0", "--base", "vda.s1.qcow2", "--force");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
    cr_expect(!has_file(old, "vda.s2.qcow2"));
    holds(lab, 0, 3);
    lab_stop(lab);
    lab_stop(old);
}

Test(corners, a_job_of_another_kind_that_has_our_name)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 1);

    json_decref(lab_qmp(lab, "blockdev-create", "{s:s, s:{s:s, s:s, s:i}}", "job-id",
                        "qrw-stream-vda", "options", "driver", "file", "filename", "new", "size",
                        512));
    wait_for_job(lab, "qrw-stream-vda", "concluded");
    auto_result struct lab_result r = lab_run(lab, "stream", "vda", NULL);
    cr_assert(r.status == 0 || r.status == 1, "%s", r.err);
    chain_is(lab, 0, r.status ? "vda.qcow2 <- vda.s1.qcow2" : "vda.s1.qcow2");
    holds(lab, 0, 2);
    lab_stop(lab);
}

Test(corners, many_at_the_same_time)
{
    static const char *const second[] = {SECOND_MONITOR, NULL};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .args = second});
    auto_free struct lab *other = by_second_monitor(lab);
    int done = 0;

    for (int i = 0; i < 10; i++) {
        struct lab_process a = lab_begin(lab, "create", NULL);
        struct lab_process b = lab_begin(other, "create", NULL);
        auto_result struct lab_result ra = lab_finish(&a), rb = lab_finish(&b);

        cr_assert(ra.status == 0 || ra.status == 8, "%d %s", ra.status, ra.err);
        cr_assert(rb.status == 0 || rb.status == 8, "%d %s", rb.status, rb.err);
        done += (ra.status == 0) + (rb.status == 0);
    }
    json_auto_t *list = tells(lab, "list"), *chain = tells(lab, "chain", "vda");
    cr_expect_gt(done, 0);
    cr_expect_eq((int)json_array_size(at(list, "snapshots")), done);
    cr_expect_eq((int)json_array_size(at(chain, "disks.0.layers")), done + 1);
    lab_stop(lab);
}

static struct lab *encrypted(void)
{
    static const char *const args[] = {
        "-object", "secret,id=key,data=secret",
        "-drive",  "if=none,id=vda,format=qcow2,file=a.qcow2,encrypt.key-secret=key",
        "-device", "virtio-blk-pci,drive=vda",
        NULL};
    /* qemu-img gives up where a loaded machine makes it hard to measure time */
    static const char command[] =
        "for i in 1 2 3 4 5 6 7 8 9 10; do qemu-img create -q -f qcow2 --object "
        "secret,id=key,data=secret -o encrypt.format=luks,encrypt.key-secret=key,"
        "encrypt.iter-time=10 a.qcow2 16M && exit; done";

    return lab_start(
        &(struct lab_options){.args = args, .prepare = make, .prepare_arg = (void *)command});
}

/* What the guest has entrusted to an encrypted image must not appear beside it in clear. */
Test(corners, an_encrypted_disk)
{
    struct lab *lab = encrypted();
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s1");

    says(error, "desc", "disk vda is encrypted");
    json_decref(refuses(lab, 7, "create", "s1", "--internal", "--memory"));
    unchanged(lab, state);
    write_generation(lab, 0, 1);
    does(lab, "create", "s1", "--overlay", "vda=../clear.qcow2");
    write_generation(lab, 0, 2);
    does(lab, "commit", "vda", "--force");
    holds(lab, 0, 2);
    json_auto_t *copy = tells(lab, "mirror", "vda", "../copy.qcow2", "--pivot");
    cr_expect(mentions(at(copy, "notes"), "disk vda is encrypted"));
    holds(lab, 0, 2);
    lab_stop(lab);
}

/* Nobody but QEMU can read it. */
Test(corners, an_encrypted_image_below_a_clear_one)
{
    struct lab *lab = encrypted();

    does(lab, "create", "i1", "--internal");
    does(lab, "create", "s1", "--overlay", "vda=../clear.qcow2");
    json_auto_t *back = refuses(lab, 7, "revert", "i1"),
                *out = refuses(lab, 7, "export", "s1", "../out");
    says(back, "desc", "encrypted: it cannot be copied out");
    says(back, "hint", "qrewind delete s1");
    says(out, "desc", "a.qcow2 is encrypted");
    auto_result struct lab_result check = lab_run(lab, "check", NULL);
    cr_expect(check.status == 9 && strstr(check.out, "cannot-revert"), "%s", check.out);
    lab_stop(lab);
}
