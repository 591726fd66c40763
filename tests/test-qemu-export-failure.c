/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in the way of an export, and what interrupts it: nothing is ever overwritten, nothing
 * that is not whole has the name of what is, and the next attempt gets through.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/engine.h"
#include "tests/cases/cases.h"
#include "tests/cases/stand-in.h"
#include "tests/tidy/tidy.h"

static struct lab *start(void)
{
    return tower(&(struct lab_options){.disks = 1}, 2);
}

static void the_next_one_works(struct lab *lab)
{
    is_tidy(lab);
    does(lab, "export", "s2", "out");
    image_holds(lab, "client/out/vda.qcow2", "qcow2", 2);
    cr_expect(!has_file(lab, "client/out.part"));
}

static void nothing_is_left(struct lab *lab)
{
    cr_expect(!has_file(lab, "client/out"));
    cr_expect(!has_file(lab, "client/out.part"));
    the_next_one_works(lab);
}

/* ---- in the way ---- */

Test(export_failure, nothing_is_overwritten)
{
    struct lab *lab = start();
    auto_free char *file = lab_path(lab, "client/file.raw"), *link = lab_path(lab, "client/link"),
                   *full = lab_path(lab, "client/full"), *inside = lab_path(lab, "client/full/x"),
                   *part = lab_path(lab, "client/new.part"), *empty = lab_path(lab, "client/empty");
    static const char *const targets[] = {"file.raw", "file.raw/", "link", "full", "new"};

    cr_assert_eq(mkdir(full, 0700) || mkdir(inside, 0700) || mkdir(empty, 0700), 0);
    cr_assert_eq(symlink("empty", link) || symlink("empty", part), 0);
    lab_image(file, "raw", "1M", NULL, NULL);
    auto_free char *before = state_of(lab);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        json_decref(refuses(lab, 1, "export", "s1", targets[i]));
    json_decref(refuses(lab, 1, "export", "s1", "no/such/folder"));
    unchanged(lab, before);
    cr_expect_eq(rmdir(empty), 0, "something is in it");
    lab_stop(lab);
}

Test(export_failure, a_folder_that_holds_other_things_is_left_alone)
{
    struct lab *lab = start();
    auto_free char *part = lab_path(lab, "client/out.part"),
                   *theirs = lab_path(lab, "client/out.part/letter");

    cr_assert_eq(mkdir(part, 0700), 0);
    lab_image(theirs, "raw", "1M", NULL, NULL);
    json_auto_t *error = refuses(lab, 1, "export", "s1", "out");
    says(error, "desc", "other files");
    cr_expect(has_file(lab, "client/out.part/letter"));
    lab_stop(lab);
}

/* ---- what fails ---- */

Test(export_failure, what_fails_leaves_nothing)
{
    static const struct {
        const char *program, *script, *words;
        int status;
    } cases[] = {
        {"qemu-img", "echo 'qemu-img: error while writing: No space left on device' >&2; exit 1",
         "No space left on device", 1},
        {"qemu-img", "for last; do :; done; echo junk >$last; kill -SEGV $$", "signal 11", 1},
        {"qemu-img", "exec 2>&-; exit 1", "failed", 1},
        {"sha256sum", "echo sorry; exit 0", "said something else", 1},
        {"sha256sum", "echo 'sha256sum: Input/output error' >&2; exit 1", "Input/output", 1},
    };
    struct lab *lab = start();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        stand_in(lab, cases[i].program, cases[i].script);
        json_auto_t *error = refuses(lab, cases[i].status, "export", "s2", "out");
        says(error, "desc", cases[i].words);
        cr_expect(!has_file(lab, "client/out") && !has_file(lab, "client/out.part"));
        stand_in_leave();
        stand_in(lab, cases[i].program, "exec $REAL \"$@\"");
    }
    nothing_is_left(lab);
    lab_stop(lab);
}

/* As a full disk does, but without one. */
Test(export_failure, no_more_can_be_written)
{
    struct lab *lab = start();
    struct rlimit before, little = {300 << 10, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before) || setrlimit(RLIMIT_FSIZE, &little), 0);
    json_auto_t *error = refuses(lab, 1, "export", "s2", "out");
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    says(error, "kind", "failed");
    says(error, "desc", "File too large");
    nothing_is_left(lab);
    lab_stop(lab);
}

/* The temporary folder may go away, and its file may be replaced by a folder. */
Test(export_failure, somebody_meddles)
{
    struct lab *lab = start();

    stand_in(lab, "qemu-img", "for last; do :; done; rm -rf ${last%/*}; exit 0");
    json_decref(refuses(lab, 1, "export", "s2", "out"));
    stand_in(lab, "qemu-img", "for last; do :; done; mkdir -p ${last%/*}/../out/x; $REAL \"$@\"");
    json_auto_t *error = refuses(lab, 1, "export", "s2", "out");
    says(error, "desc", "not empty");
    cr_expect(!has_file(lab, "client/out.part"));
    stand_in_leave();
    lab_stop(lab);
}

/* ---- interrupted ---- */

/* The program has begun, and stands still in the middle. Returns who makes it stand still. */
static pid_t begin(struct lab *lab, const char *program, struct lab_process *p)
{
    stand_in(lab, program, "[ \"$1\" = convert ] && $REAL \"$@\"; $STOP");
    *p = lab_begin(lab, "export", "s2", "out", NULL);
    return stand_in_stopped(lab);
}

static const char *const programs[] = {"qemu-img", "sha256sum"};

Test(export_failure, interrupted_it_leaves_nothing)
{
    for (int i = 0; i < 2; i++) {
        struct lab *lab = start();
        struct lab_process p;

        begin(lab, programs[i], &p);
        kill(p.pid, SIGINT);
        auto_result struct lab_result r = lab_finish(&p);
        cr_expect_eq(r.status, 1, "%d: %s", r.status, r.err);
        cr_expect(strstr(r.err, "interrupted"), "%s", r.err);
        stand_in_leave();
        nothing_is_left(lab);
        lab_stop(lab);
    }
}

Test(export_failure, killed_it_leaves_what_the_next_one_clears_away)
{
    for (int i = 0; i < 2; i++) {
        struct lab *lab = start();
        struct lab_process p;
        pid_t worker = begin(lab, programs[i], &p);

        kill(p.pid, SIGKILL);
        auto_result struct lab_result r = lab_finish(&p);
        stand_in_leave();
        cr_expect(!has_file(lab, "client/out"));
        cr_expect(has_file(lab, "client/out.part"));
        cr_expect(engine_await(worker, 10000), "nobody wants any more what it does");
        the_next_one_works(lab);
        lab_stop(lab);
    }
}

Test(export_failure, nobody_takes_the_folder_from_who_is_at_work_in_it)
{
    struct lab *lab = start();
    auto_free char *folder = lab_path(lab, "client/out.part");
    auto_free char *us = mem_printf("out.part is being written by pid %d (", (int)getpid());

    cr_assert_eq(mkdir(folder, 0700), 0);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(fd >= 0 && !flock(fd, LOCK_EX));
    json_auto_t *error = refuses(lab, 8, "export", "s2", "out");
    says(error, "desc", us);
    close(fd);
    the_next_one_works(lab);
    lab_stop(lab);
}

static struct lab_process import(struct lab *lab)
{
    auto_free char *client = lab_path(lab, "client");

    return lab_spawn(client, (const char *[]){"qrewind", "import", "out", "--to", "vm", NULL});
}

Test(export_failure, an_import_is_interrupted_and_killed_alike)
{
    struct lab *lab = start();

    does(lab, "export", "s2", "out");
    for (int i = 0; i < 4; i++) {
        int number = i < 2 ? SIGTERM : SIGKILL;

        stand_in(lab, programs[i % 2], "[ \"$1\" = convert ] && $REAL \"$@\"; $STOP");
        struct lab_process p = import(lab);
        pid_t worker = stand_in_stopped(lab);
        kill(p.pid, number);
        auto_result struct lab_result r = lab_finish(&p);
        cr_expect_eq(r.status, i < 2 ? 1 : 128 + SIGKILL, "%d: %s", r.status, r.err);
        cr_expect(engine_await(worker, 10000));
        cr_expect(!has_file(lab, "client/vm"));
        cr_expect_eq(has_file(lab, "client/vm.part"), i >= 2);
        stand_in(lab, programs[i % 2], "exec $REAL \"$@\"");
    }
    stand_in_leave();
    struct lab_process p = import(lab);
    auto_result struct lab_result r = lab_finish(&p);
    cr_assert_eq(r.status, 0, "%s", r.err);
    image_holds(lab, "client/vm/vda.s2.qcow2", "qcow2", 2);
    cr_expect(!has_file(lab, "client/vm.part"));
    lab_stop(lab);
}

Test(export_failure, QEMU_may_go_meanwhile)
{
    struct lab *lab = start();
    struct lab_process p;

    stand_in(lab, "sha256sum", "echo $$ >stopped; read line <stopped; exec $REAL");
    p = lab_begin(lab, "export", "s2", "out", NULL);
    stand_in_stopped(lab);
    lab_kill(lab);
    auto_free char *go = lab_path(lab, "client/stopped");
    auto_result struct lab_result said =
        lab_exec(NULL, (const char *[]){"sh", "-c", "echo >\"$0\"", go, NULL});
    auto_result struct lab_result r = lab_finish(&p);
    stand_in_leave();
    cr_assert_eq(r.status, 0, "%s", r.err);
    image_holds(lab, "client/out/vda.qcow2", "qcow2", 2);
    lab_stop(lab);
}
