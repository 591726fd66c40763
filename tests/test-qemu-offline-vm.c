/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-offline-vm: without a VM, beside one, and before and after one. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_offline_vm, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* ---- beside a VM ---- */

Test(qemu_offline_vm, an_image_in_use_is_refused_with_whom_by_and_stays_as_it_is)
{
    struct lab *lab = lab_start(
        &(struct lab_options){.disks = 1, .args = (const char *const[]){"-name", "web1", NULL}});
    auto_free char *image = lab_path(lab, "vda.qcow2");
    auto_free char *who = mem_printf("in use by pid %d (", (int)lab->pid);
    struct stat before, after;

    auto_result struct lab_result made = lab_run(lab, "create", "s1", NULL);
    cr_assert_eq(made.status, 0, "%s", made.err);
    cr_assert(!stat(image, &before));
    offline_fails(8, who, "qrewind -i %s create s2", image);
    offline_fails(8, "-name web1)", "qrewind -i %s delete s1", image);
    offline_fails(8, who, "qrewind -i %s --dry-run revert s1", image);
    cr_assert(!stat(image, &after));
    cr_expect_eq(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    cr_expect_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    /* looking asks for no lock */
    static const char *const looks[] = {"list", "show s1", "chain",  "disks",
                                        "info", "jobs",    "current"};
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        auto_result struct lab_result r = offline_run("qrewind -i %s %s", image, looks[i]);

        cr_expect_eq(r.status, 0, "%s: %s", looks[i], r.err);
        cr_expect(!strstr(r.err, "lock") && !strstr(r.err, "use"), "%s: %s", looks[i], r.err);
    }
    lab_stop(lab);
}

Test(qemu_offline_vm, who_writes_without_locks_is_found_too)
{
    offline_image("a.qcow2", "1M", NULL);
    struct lab_process writer =
        lab_spawn(NULL, (const char *[]){"sh", "-c", "exec 7<>a.qcow2; echo; read x", NULL});
    char ready;

    cr_assert_eq(read(writer.out, &ready, 1), 1);
    offline_fails(8, "a.qcow2 is in use by pid", "qrewind -i a.qcow2 create s1");
    struct lab_result end = lab_finish(&writer);
    lab_result_done(&end);
    offline_ok("qrewind -i a.qcow2 create s1");
}

/* A lock on @file of a descriptor that is on its way from one end of @ends to the other: no process
 * has it open, as with one that is about to be gone. */
static void lock_unseen(const char *file, int ends[2])
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 200};
    char control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec byte = {.iov_base = control, .iov_len = 1};
    struct msghdr m = {.msg_iov = &byte,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};
    auto_close int fd = open(file, O_RDWR | O_CLOEXEC);

    cr_assert_geq(fd, 0);
    cr_assert_eq(fcntl(fd, F_OFD_SETLK, &range), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *CMSG_FIRSTHDR(&m) = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
    cr_assert_eq(sendmsg(ends[0], &m, 0), 1);
}

Test(qemu_offline_vm, a_lock_of_somebody_unseen_is_waited_for_unless_it_stays)
{
    int ends[2];

    offline_image("a.qcow2", "1M", NULL);
    lock_unseen("a.qcow2", ends);
    offline_fails(8, "a.qcow2 is in use by somebody whom we cannot see",
                  "qrewind -i a.qcow2 create s1");
    pid_t keeper = fork();
    if (!keeper) {
        poll(NULL, 0, 300);
        _exit(0);
    }
    close(ends[0]);
    close(ends[1]);
    offline_ok("qrewind -i a.qcow2 create s1");
    cr_assert_eq(waitpid(keeper, NULL, 0), keeper);
}

/* base <- s1, and a VM elsewhere that builds on the same base. */
static struct lab *shared_base(void)
{
    struct lab *lab = lab_start(&(struct lab_options){0});
    auto_free char *overlay = lab_path(lab, "other.qcow2");

    offline_image("a.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_write("a.s1.qcow2", 7, "0", "4k");
    auto_free char *base = realpath("a.qcow2", NULL);
    lab_image(overlay, "qcow2", NULL, base, "qcow2");
    json_decref(lab_qmp(lab, "blockdev-add", "{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2",
                        "node-name", "other", "file", "driver", "file", "filename", overlay));
    return lab;
}

Test(qemu_offline_vm, what_a_vm_elsewhere_builds_on_is_merged_upwards)
{
    struct lab *lab = shared_base();

    offline_fails(8, "a.qcow2 is in use by pid", "qrewind -i a.qcow2 commit a --force");
    offline_ok("qrewind -i a.qcow2 delete s1");
    auto_free char *active = offline_active("-i a.s1.qcow2", 0);
    cr_expect(strstr(active, "/a.s1.qcow2"), "%s", active);
    offline_reads(active, 7, "0", "4k");
    json_auto_t *chain = offline_json(0, "qrewind -i a.s1.qcow2 chain");
    json_t *disk = json_array_get(json_object_get(chain, "disks"), 0);
    cr_expect_eq(json_array_size(json_object_get(disk, "layers")), 1);
    lab_stop(lab);
}

/* The merge downwards is only refused when the job has begun. */
Test(qemu_offline_vm, so_is_what_lies_in_the_middle)
{
    struct lab *lab = shared_base();

    offline_ok("qrewind -i a.qcow2 create s2");
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 delete s1");
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.err, "a.qcow2 any more: name "), "%s", r.err);
    auto_free char *active = offline_active("-i a.s2.qcow2", 0);
    cr_expect(strstr(active, "/a.s2.qcow2"), "%s", active);
    offline_reads(active, 7, "0", "4k");
    offline_ok("qrewind -i a.s2.qcow2 delete s2");
    lab_stop(lab);
}

/* What keeps it from beginning is no monitor that is not reached. */
Test(qemu_offline_vm, an_engine_that_cannot_begin_says_why)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_fails(1, "Too many open files", "prlimit --nofile=12 %s -i a.qcow2 create s1",
                  getenv("QREWIND"));
    setenv("QREWIND_QEMU", "/bin/false", 1);
    offline_fails(1, "the engine ended with 1", "qrewind -i a.qcow2 create s1");
    unsetenv("QREWIND_QEMU");
    offline_files("a.qcow2");
}

/* ---- a monitor that is dead, and one that is not ---- */

Test(qemu_offline_vm, a_dead_monitor_leads_offline_where_images_are_named)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_fails(4, "--image FILE", "qrewind -s none.sock -t 0.2 list");
    int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "left.sock"};
    cr_assert_eq(bind(left, (const struct sockaddr *)&un, sizeof(un)), 0);
    close(left);
    offline_fails(4, "--image FILE", "qrewind -s left.sock -t 0.2 list");
    offline_fails(0, "working offline", "qrewind -s none.sock -i a.qcow2 create s1");
    offline_fails(0, "working offline", "qrewind -s none.sock -S a.qcow2.qrewind.json list");
    setenv("QREWIND_SOCKET", "none.sock", 1);
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 list");
    cr_expect_eq(r.status, 0);
    cr_expect_str_empty(r.err, "%s", r.err);
    unsetenv("QREWIND_SOCKET");
}

Test(qemu_offline_vm, a_vm_that_runs_is_asked_although_images_are_named)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *image = lab_path(lab, "vda.qcow2");

    auto_result struct lab_result r = lab_run(lab, "--image", image, "create", "s1", NULL);
    cr_expect_eq(r.status, 0, "%s", r.err);
    cr_expect_str_empty(r.err);
    lab_halt(lab);
    /* silent is not dead */
    auto_result struct lab_result silent =
        lab_run(lab, "--image", image, "-t", "0.3", "create", "s2", NULL);
    cr_expect_eq(silent.status, 4, "%s", silent.err);
    kill(lab->pid, SIGCONT);
    lab_stop(lab);
}

/* ---- names of disks ---- */

/* The disks of @snapshot, in the order of their images, as one text. The caller frees. */
static char *disks_of(const char *snapshot)
{
    json_auto_t *doc = offline_json(0, "qrewind -i a.qcow2 show %s", snapshot);
    json_t *disks = json_object_get(json_object_get(doc, "snapshot"), "disks"), *held;
    const char *first = NULL, *second = NULL, *id;

    json_object_foreach(disks, id, held) {
        const char *file = json_string_value(json_object_get(held, "file"));

        if (strstr(file, "/a."))
            first = id;
        else if (strstr(file, "/b."))
            second = id;
    }
    return mem_printf("%s %s", first, second);
}

/* A VM whose disks are called as @names say, on what the images a and b have become. */
static struct lab *start(const char *format, const char *const names[2])
{
    auto_free char *a = offline_active("-i a.qcow2", 0), *b = offline_active("-i a.qcow2", 1);
    bool swapped = strstr(a, "/b.");
    auto_free char *first = mem_printf(format, names[0], swapped ? b : a, names[0]);
    auto_free char *second = mem_printf(format, names[1], swapped ? a : b, names[1]);
    const char *argv[32] = {0};
    size_t n = 0;

    for (char *save, *w = strtok_r(first, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    for (char *save, *w = strtok_r(second, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    return lab_start(&(struct lab_options){.args = argv});
}

/* Offline, with the VM, offline again: the same disks all the time, whatever they are called. */
static void back_and_forth(const char *format, const char *const names[2], const char *expected)
{
    offline_image("a.qcow2", "16M", NULL);
    offline_image("b.qcow2", "16M", NULL);
    offline_write("a.qcow2", 1, "0", "64k");
    offline_write("b.qcow2", 2, "0", "64k");
    offline_ok("qrewind -i a.qcow2 -i b.qcow2 create o1");
    auto_free char *first = disks_of("o1");
    cr_expect_str_eq(first, "a b");

    struct lab *lab = start(format, names);
    auto_result struct lab_result live = lab_run(lab, "create", "l1", NULL);
    cr_assert_eq(live.status, 0, "%s", live.err);
    lab_stop(lab);

    offline_ok("qrewind -i a.qcow2 create o2");
    lab = start(format, names);
    auto_result struct lab_result again = lab_run(lab, "create", "l2", NULL);
    cr_assert_eq(again.status, 0, "%s", again.err);
    lab_stop(lab);

    static const char *const all[] = {"o1", "l1", "o2", "l2"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        auto_free char *disks = disks_of(all[i]);

        cr_expect(!expected || !strcmp(disks, expected), "%s: %s", all[i], disks);
        cr_expect(!strstr(disks, "(null)"), "%s: %s", all[i], disks);
    }
    offline_ok("qrewind -i a.qcow2 revert o1");
    for (size_t i = 0; i < 2; i++) {
        auto_free char *active = offline_active("-i a.qcow2", i);

        offline_reads(active, strstr(active, "/a.") ? 1 : 2, "0", "64k");
    }
}

#define DRIVE "-drive if=none,id=%s,format=qcow2,file=%s"

Test(qemu_offline_vm, disks_stay_the_same_where_the_vm_calls_them_by_their_drives)
{
    back_and_forth(DRIVE " -device virtio-blk-pci,drive=%s", (const char *const[]){"vda", "vdb"},
                   "vda vdb");
}

Test(qemu_offline_vm, disks_stay_the_same_where_the_vm_has_their_names_exchanged)
{
    back_and_forth(DRIVE " -device virtio-blk-pci,drive=%s", (const char *const[]){"b", "a"},
                   "b a");
}

Test(qemu_offline_vm, disks_stay_the_same_where_the_vm_has_no_names_for_them)
{
    back_and_forth("-blockdev driver=qcow2,node-name=%s,file.driver=file,file.filename=%s "
                   "-device virtio-blk-pci,drive=%s",
                   (const char *const[]){"n0", "n1"}, "a b");
}

/* The command line of ever: the guest would write into what s1 holds, and be let by another name.
 */
Test(qemu_offline_vm, a_vm_that_is_started_on_an_old_image_is_refused_whatever_it_calls_the_disk)
{
    offline_image("a.qcow2", "16M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    auto_free char *image = realpath("a.qcow2", NULL);
    auto_free char *drive = mem_printf("if=virtio,format=qcow2,id=root,file=%s", image);
    struct lab *lab =
        lab_start(&(struct lab_options){.args = (const char *const[]){"-drive", drive, NULL}});

    json_auto_t *error = refuses(lab, 1, "create", "s2");
    says(error, "desc", "which holds snapshot s1");
    auto_result struct lab_result found = lab_run(lab, "check", NULL);
    cr_expect_eq(found.status, 9);
    cr_expect(strstr(found.out, "wrong-active"), "%s", found.out);
    lab_stop(lab);
}

/* The sidecar calls the disk by its image, QEMU by its drive and by its device. */
Test(qemu_offline_vm, what_is_put_on_top_of_a_disk_with_two_names_is_found)
{
    offline_image("a.qcow2", "16M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    auto_free char *image = realpath("a.s1.qcow2", NULL);
    auto_free char *foreign =
        mem_printf("snapshot-file=%.*s/foreign.qcow2", (int)(strrchr(image, '/') - image), image);
    auto_free char *drive = mem_printf("if=none,format=qcow2,id=a,file=%s", image);
    struct lab *lab = lab_start(&(struct lab_options){
        .args = (const char *const[]){"-drive", drive, "-device", "virtio-blk-pci,drive=a,id=a-dev",
                                      NULL}});

    does(lab, "qmp", "blockdev-snapshot-sync", "device=a", foreign, "format=qcow2");
    auto_result struct lab_result found = lab_run(lab, "check", NULL);
    cr_expect_eq(found.status, 9);
    cr_expect(strstr(found.out, "foreign-layer"), "%s", found.out);
    does(lab, "repair");
    does(lab, "revert", "s1");
    lab_stop(lab);
}

/* What QEMU's place in the machine was is not forgotten offline. */
Test(qemu_offline_vm, a_disk_that_was_known_by_its_place_is_still)
{
    offline_image("a.qcow2", "16M", NULL);
    auto_free char *image = realpath("a.qcow2", NULL);
    auto_free char *blockdev = mem_printf("driver=qcow2,node-name=n0,file.driver=file,"
                                          "file.filename=%s",
                                          image);
    struct lab *lab = lab_start(
        &(struct lab_options){.args = (const char *const[]){"-blockdev", blockdev, "-device",
                                                            "virtio-blk-pci,drive=n0", NULL}});
    auto_result struct lab_result live = lab_run(lab, "create", "l1", NULL);
    cr_assert_eq(live.status, 0, "%s", live.err);
    lab_stop(lab);
    json_auto_t *before = json_load_file("a.qcow2.qrewind.json", 0, NULL);
    offline_ok("qrewind -i a.qcow2 create o1");
    json_auto_t *after = json_load_file("a.qcow2.qrewind.json", 0, NULL);
    json_t *was = json_object_get(json_object_get(before, "disks"), "n0");
    json_t *is = json_object_get(json_object_get(after, "disks"), "n0");
    cr_expect(json_object_get(was, "qdev"));
    cr_expect(json_equal(json_object_get(was, "qdev"), json_object_get(is, "qdev")));
}
