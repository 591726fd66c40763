/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cannot be done leaves nothing behind: QEMU's graph, its jobs and every file are
 * as before, and the exit status says what is true.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/slow.h"

static struct lab *two_disks(void)
{
    static const char *const second[] = {SECOND_MONITOR, NULL};

    return lab_start(&(struct lab_options){.disks = 2, .args = second});
}

/* The program, which must fail and change nothing. Returns its error (new reference). */
#define fails(lab, status, ...) cases_fails(lab, __LINE__, status, WORDS(__VA_ARGS__))
static json_t *cases_fails(struct lab *lab, int line, int status, const char *const *words)
{
    auto_free char *before = state_of(lab);
    json_t *error = cases_run(lab, line, status, words);

    cases_unchanged(lab, line, before);
    return error;
}

static void run(struct lab *lab, const char *script)
{
    auto_result struct lab_result r = lab_exec(lab->folder, WORDS("sh", "-c", script));

    cr_assert_eq(r.status, 0, "%s: %s", script, r.err);
}

Test(failure, a_name_that_is_taken_in_the_folder)
{
    static const char *const in_the_way[] = {"echo precious >vdb.s1.qcow2", "mkdir vdb.s1.qcow2",
                                             "ln -s nowhere vdb.s1.qcow2", "mkfifo vdb.s1.qcow2"};

    for (size_t i = 0; i < sizeof(in_the_way) / sizeof(in_the_way[0]); i++)
        for (int sync = 0; sync < 2; sync++) {
            struct lab *lab = two_disks();

            run(lab, in_the_way[i]);
            json_auto_t *error =
                fails(lab, 1, "create", "s1", sync ? "--method=sync" : "--method=snapshot");
            says(error, "desc", "/vdb.s1.qcow2 exists already");
            cr_expect(!has_file(lab, "vda.s1.qcow2"));
            lab_stop(lab);
        }
}

Test(failure, a_folder_that_is_not_there)
{
    struct lab *lab = two_disks();
    json_auto_t *ours = fails(lab, 1, "create", "s1", "--overlay", "vdb=../nowhere/x.qcow2");
    json_auto_t *theirs =
        fails(lab, 1, "create", "s1", "--overlay", "vdb=/nowhere/x.qcow2", "--method=sync");

    says(ours, "kind", "failed");
    says(ours, "desc", "/nowhere/x.qcow2");
    says(theirs, "desc", "nowhere");
    lab_stop(lab);
}

/* A file system of @options on the folder @name of the lab, for this test alone. */
static void mount_on(struct lab *lab, const char *name, const char *options, unsigned long flags)
{
    auto_free char *path = lab_path(lab, name);

    cr_assert(!mkdir(path, 0700) && !mount("tmpfs", path, "tmpfs", flags, options), "%s: %m", path);
}

/* Mounts that nobody else sees. Only root may do that. */
static void own_mounts(void)
{
    if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
        cr_skip_test("needs root, to mount a small file system");
}

static void unmount(struct lab *lab, const char *name)
{
    auto_free char *path = lab_path(lab, name);

    cr_assert_eq(umount2(path, MNT_DETACH), 0);
}

Test(failure, no_space_and_no_permission_to_write)
{
    own_mounts();
    struct lab *lab = two_disks();

    mount_on(lab, "full", "size=4k", 0);
    mount_on(lab, "fixed", "size=64k", MS_RDONLY);
    json_auto_t *full = fails(lab, 1, "create", "s1", "--overlay", "vdb=../full/x.qcow2");
    json_auto_t *fixed = fails(lab, 1, "create", "s1", "--overlay", "vdb=../fixed/x.qcow2");
    says(full, "desc", "No space left on device");
    says(full, "hint", "free some space");
    says(fixed, "desc", "Read-only file system");
    unmount(lab, "full");
    unmount(lab, "fixed");
    lab_stop(lab);
}

/* What a job needs may be known before, or only be found when it is too late. */
Test(failure, no_space_for_the_data)
{
    own_mounts();
    struct lab *lab = two_disks();

    lab_write(lab, 0, 1, "0", "4M");
    mount_on(lab, "small", "size=2M", 0);
    json_auto_t *known = fails(lab, 1, "mirror", "vda", "../small/copy.qcow2", "--pivot");
    says(known, "desc", "MiB free");
    does(lab, "create", "s1", "--overlay", "vda=../small/over.qcow2", "--disk", "vda");
    json_auto_t *stream = fails(lab, 1, "stream", "vda");
    says(stream, "desc", "MiB free");
    lab_write(lab, 0, 2, "0", "1M");
    says(stream, "kind", "refused");
    cr_assert(lab_reads(lab, 0, 2, "0", "1M"));
    cr_assert(lab_reads(lab, 0, 1, "1M", "3M"));
    lab_kill(lab);
    unmount(lab, "small");
    lab_stop(lab);
}

static void small_disk(const char *folder, void *arg)
{
    auto_free char *path = mem_printf("%s/small", folder), *file = mem_printf("%s/a", path);

    cr_assert(!mkdir(path, 0700) && !mount("tmpfs", path, "tmpfs", 0, "size=4M"), "%m");
    lab_image(file, "qcow2", "2M", NULL, NULL);
}

/* Inside of images the memory takes room, too; and a file that nobody knows of. */
Test(failure, no_space_for_the_memory)
{
    static const char *const args[] = {"-drive", "if=virtio,format=qcow2,file=small/a", NULL};

    own_mounts();
    struct lab *lab = lab_start(&(struct lab_options){.args = args, .prepare = small_disk});

    if (number(lab->greeting, "QMP.version.qemu.major") >= 6) {
        json_auto_t *memory = fails(lab, 1, "create", "m1", "--internal", "--memory");
        says(memory, "desc", "MiB are needed for a, which takes the guest's memory");
        says(memory, "hint", "leave --memory out");
        does(lab, "create", "d1", "--internal");
        json_auto_t *scratch = fails(lab, 1, "revert", "d1");
        says(scratch, "desc",
             ".scratch.qcow2, where the guest's memory is while its disks go back");
        says(scratch, "hint", "/small/a revert d1");
    }
    lab_kill(lab);
    unmount(lab, "small");
    lab_stop(lab);
}

/* The job @id runs, slowly, into the folder "small": somebody else fills it up. */
static void fills_up(struct lab *lab, const char *id, struct lab_process p)
{
    run(lab, "head -c 100M /dev/zero >small/fill 2>/dev/null; test -s small/fill");
    json_decref(lab_qmp(lab, "block-job-set-speed", "{s:s, s:i}", "device", id, "speed", 0));
    auto_result struct lab_result r = lab_finish(&p);
    json_auto_t *doc = json_loads(r.out, 0, NULL), *jobs = tells(lab, "jobs");
    cr_assert_eq(r.status, 1, "%d %s%s", r.status, r.out, r.err);
    says(doc, "error.kind", "failed");
    says(doc, "error.desc", "No space left on device");
    cr_expect_eq(json_array_size(at(jobs, "jobs")), 0);
    run(lab, "rm small/fill");
}

Test(failure, no_space_in_the_middle_of_a_job)
{
    own_mounts();
    struct lab *lab = slow_lab();

    mount_on(lab, "small", "size=100m", 0);
    fills_up(lab, "qrw-mirror-vda",
             begins(lab, "qrw-mirror-vda", "mirror", "vda", "../small/copy.qcow2", "--pivot",
                    "--speed", "128k"));
    cr_expect(!has_file(lab, "small/copy.qcow2"));
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    does(lab, "create", "s3", "--overlay", "vda=../small/top.qcow2");
    fills_up(lab, "qrw-stream-vda",
             begins(lab, "qrw-stream-vda", "stream", "vda", "--speed", "128k"));
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2 <- top.qcow2");
    cr_expect(lab_reads(lab, 0, 202, "40M", "48M"));
    holds(lab, 0, 3);
    does(lab, "stream", "vda");
    holds(lab, 0, 3);
    lab_kill(lab);
    unmount(lab, "small");
    lab_stop(lab);
}

Test(failure, a_limit_on_the_size_of_files)
{
    struct lab *lab = two_disks();
    auto_free char *state = state_of(lab), *cwd = lab_path(lab, "client");
    auto_result struct lab_result r =
        lab_exec(cwd, WORDS("prlimit", "--fsize=100000", "--", getenv("QREWIND"), "-s", lab->socket,
                            "-j", "create", "s1"));
    json_auto_t *doc = json_loads(r.out, 0, NULL);

    cr_assert_eq(r.status, 1, "%d %s%s", r.status, r.out, r.err);
    says(doc, "error.desc", "File too large");
    unchanged(lab, state);
    lab_stop(lab);
}

/* Leave QEMU @n descriptors that it can still open. */
static void leave_descriptors(struct lab *lab, int n)
{
    struct rlimit limit;
    int fd = 0;

    for (struct stat st; n >= 0; fd++) {
        auto_free char *path = mem_printf("/proc/%d/fd/%d", (int)lab->pid, fd);

        n -= lstat(path, &st) != 0;
    }
    limit.rlim_cur = limit.rlim_max = (rlim_t)fd - 1;
    cr_assert_eq(prlimit(lab->pid, RLIMIT_NOFILE, &limit, NULL), 0, "%m");
}

Test(failure, qemu_cannot_open_the_second_overlay)
{
    struct lab *lab = two_disks();

    leave_descriptors(lab, 2); /* the program's connection, the first overlay */
    json_auto_t *error = fails(lab, 1, "create", "s1");
    says(error, "kind", "failed");
    says(error, "context", "blockdev-add");
    says(error, "desc", "Too many open files");
    lab_stop(lab);
}

/* Nobody can tell by its name which one: QEMU is asked. */
Test(failure, a_job_of_somebody_else_holds_the_disk)
{
    for (int sync = 0; sync < 2; sync++) {
        struct lab *lab = two_disks();
        auto_free char *target = lab_path(lab, "theirs.qcow2");

        json_decref(lab_qmp(lab, "drive-mirror", "{s:s, s:s, s:s, s:s, s:s}", "job-id", "theirs",
                            "device", "vdb", "target", target, "format", "qcow2", "sync", "full"));
        wait_for_job(lab, "theirs", "ready");
        json_auto_t *error =
            fails(lab, 8, "create", "s1", sync ? "--method=sync" : "--method=snapshot");
        says(error, "desc", "busy: the job theirs");
        json_decref(fails(lab, 8, "mirror", "vdb", "../x.qcow2", "--pivot"));
        does(lab, "create", "s1", "--disk", "vda");
        lab_stop(lab);
    }
}

static void shared(const char *folder, void *arg)
{
    auto_free char *path = mem_printf("%s/x.raw", folder);

    lab_image(path, "raw", "16M", NULL, NULL);
}

Test(failure, two_disks_on_one_image)
{
    static const char *const args[] = {
        "-drive",  "if=none,id=one,format=raw,file=x.raw,file.locking=off",
        "-device", "virtio-blk-pci,drive=one,share-rw=on",
        "-drive",  "if=none,id=two,format=raw,file=x.raw,file.locking=off",
        "-device", "virtio-blk-pci,drive=two,share-rw=on",
        NULL};
    struct lab *lab = lab_start(&(struct lab_options){.args = args, .prepare = shared});
    json_auto_t *error = fails(lab, 1, "create", "s1");

    says(error, "desc", "disks one and two share the image");
    lab_stop(lab);
}

Test(failure, wishes_that_make_no_sense)
{
    struct lab *lab = two_disks();

    does(lab, "create", "s1");
    json_auto_t *twice = fails(lab, 1, "create", "s1");
    says(twice, "desc", "there is a snapshot 's1' already");
    json_auto_t *both =
        fails(lab, 1, "create", "s2", "--overlay", "vda=../x", "--overlay", "vdb=../x");
    says(both, "desc", "x");
    json_decref(fails(lab, 1, "create", "s2", "--overlay", "vda=../vdb.qcow2"));
    json_decref(fails(lab, 2, "create", "s2", "--overlay", "vdq=../x"));
    json_decref(fails(lab, 2, "create", "s2", "--disk", "vda", "--overlay", "vdb=../x"));
    json_decref(fails(lab, 3, "create", "s2", "--disk", "vdq"));
    json_decref(fails(lab, 3, "create", "s2", "--exclude", "vdq"));
    json_decref(fails(lab, 1, "create", "s2", "--exclude", "vda", "--exclude", "vdb"));
    json_decref(fails(lab, 3, "show", "nope"));
    lab_stop(lab);
}

/* A machine that waits for its state from elsewhere: its images are not its own yet. */
Test(failure, a_machine_that_is_still_to_come)
{
    static const char *const args[] = {"-incoming", "defer", NULL};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .args = args});
    json_auto_t *error = fails(lab, 1, "create", "s1");

    says(error, "kind", "refused");
    says(error, "desc", "inmigrate");
    lab_stop(lab);
}

Test(failure, as_a_user_who_may_not)
{
    if (getuid() != 0)
        cr_skip_test("needs root, to become somebody else");
    struct lab *lab = two_disks();
    auto_free char *cwd = lab_path(lab, "client"), *state = NULL;

    run(lab, "chmod 755 . client && chmod 666 monitor.sock");
    state = state_of(lab);
    auto_result struct lab_result r =
        lab_exec(cwd, WORDS("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                            getenv("QREWIND"), "-s", lab->socket, "-j", "create", "s1"));
    json_auto_t *doc = json_loads(r.out, 0, NULL);
    cr_assert_eq(r.status, 1, "%d %s%s", r.status, r.out, r.err);
    says(doc, "error.desc", "Permission denied");
    unchanged(lab, state);
    lab_stop(lab);
}
