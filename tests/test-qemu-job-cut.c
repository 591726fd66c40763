/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU ends while a job runs that would switch. What was recorded of it is all that there is: of
 * one that was left to itself it can always be looked at, and what check shows settles it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(job_cut, .timeout = 120);

static bool is_switched(struct lab *lab)
{
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2");

    cr_assert(json_is_boolean(at(doc, "pending.switched")));
    return json_is_true(at(doc, "pending.switched"));
}

static void looks_and_is_settled(struct lab *lab)
{
    static const char *const looks[] = {"list",    "chain",   "disks",           "info",
                                        "show s1", "current", "--dry-run repair"};
    auto_free char *image = lab_path(lab, "vda.qcow2");

    lab_kill(lab);
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        auto_result struct lab_result r = offline_run("qrewind -i %s %s", image, looks[i]);

        cr_expect_eq(r.status, 0, "%s: %d: %s", looks[i], r.status, r.err);
        cr_expect(i == 6 || strstr(r.err, "cannot be told"), "%s: %s", looks[i], r.err);
    }
    offline_fails(1, "cannot be told", "qrewind -i %s create s3", image);
    json_auto_t *check = offline_json(9, "qrewind -i %s check", image);
    says(check, "findings.0.code", "pending");
    cure_works(NULL, text(check, "findings.0.text"), "qrewind -i");
    offline_ok("qrewind -i %s check", image);
    auto_free char *option = mem_printf("-i %s", image), *active = offline_active(option, 0);
    cr_expect(strstr(active, "/vda.s2.qcow2"), "%s", active);
}

Test(job_cut, a_copy_that_was_not_filled)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    does(lab, "mirror", "vda", "../copy.qcow2", "--no-wait", "--speed", "64K");
    cr_expect(!is_switched(lab));
    looks_and_is_settled(lab);
    cr_expect(!has_file(lab, "copy.qcow2"));
    lab_stop(lab);
}

Test(job_cut, a_commit_that_is_only_ready)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    does(lab, "delete", "s2", "--metadata");
    write_generation(lab, 0, 4);
    does(lab, "commit", "vda", "--no-wait");
    wait_for_job(lab, "qrw-commit-vda", "ready");
    looks_and_is_settled(lab);
    lab_stop(lab);
}

/* Then the copy is what the guest has, and the old one is not shown as the way. */
Test(job_cut, one_that_was_told_to_switch_is_known_to_be)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 1), *again;

    does(lab, "mirror", "vda", "../copy.qcow2", "--no-wait");
    wait_for_job(lab, "qrw-mirror-vda", "ready");
    cr_expect(!is_switched(lab));
    does(lab, "job", "complete", "qrw-mirror-vda");
    cr_expect(is_switched(lab));
    wait_for_job(lab, "qrw-mirror-vda", "concluded");
    write_generation(lab, 0, 3);
    turn_off(lab);
    auto_free char *image = lab_path(lab, "copy.qcow2");
    auto_result struct lab_result r = offline_run("qrewind -i %s list", image);
    cr_expect(strstr(r.err, "if it was the first"), "%s", r.err);
    again = start_again(lab, WORDS("copy.qcow2"));
    json_auto_t *repair = tells(again, "repair");
    says(repair, "settled", "finished");
    chain_is(again, 0, "copy.qcow2");
    holds(again, 0, 3);
    lab_stop(again);
    lab_stop(lab);
}

/* As a plain monitor can do: no record has it, and its user knows. */
static void somebody_else_completes(struct lab *lab, const char *job, const char *file,
                                    const char *chain)
{
    wait_for_job(lab, job, "ready");
    json_decref(lab_qmp(lab, "block-job-complete", "{s:s}", "device", job));
    wait_for_job(lab, job, "concluded");
    write_generation(lab, 0, 4);
    turn_off(lab);
    auto_free char *image = lab_path(lab, "vda.qcow2");
    auto_result struct lab_result r = offline_run("qrewind -i %s list", image);
    cr_expect(strstr(r.err, "start the VM on the second, and run qrewind repair --yes there"), "%s",
              r.err);

    struct lab *on = start_again(lab, (const char *const[]){file, NULL});
    json_auto_t *why = refuses(on, 5, "repair");
    cure_works(on, text(why, "hint"), "qrewind repair --yes");
    chain_is(on, 0, chain);
    holds(on, 0, 4);
    cr_expect(has_file(lab, "vda.s2.qcow2"), "what the guest had before");
    does(on, "create", "s9");
    lab_stop(on);
    lab_stop(lab);
}

Test(job_cut, a_copy_that_somebody_else_switched_to)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    does(lab, "mirror", "vda", "../copy.qcow2", "--no-wait");
    somebody_else_completes(lab, "qrw-mirror-vda", "copy.qcow2", "copy.qcow2");
}

Test(job_cut, a_commit_that_somebody_else_completed)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    does(lab, "commit", "vda", "--force", "--no-wait");
    somebody_else_completes(lab, "qrw-commit-vda", "vda.s1.qcow2", "vda.qcow2 <- vda.s1.qcow2");
}

/* It was not cut at all: the QEMU that has the images knows, and is named. */
static void is_said_to_be_there(struct lab *lab)
{
    static const char *const images[] = {"vda.qcow2", "vda.s1.qcow2", "copy.qcow2"};

    for (size_t i = 0; i < 3; i++) {
        auto_free char *image = lab_path(lab, images[i]);
        json_auto_t *check = offline_json(9, "qrewind -i %s check", image);

        says(check, "findings.0.code", "pending");
        says(check, "findings.0.text", "the images are in use by pid");
        cr_expect(json_is_null(at(check, "findings.0.repair")));
        offline_fails(0, "the images are in use by pid", "qrewind -i %s list", image);
        offline_fails(8, "in use by pid", "qrewind -i %s create s9", image);
        offline_fails(8, "in use by pid", "qrewind -i %s repair", image);
    }
}

Test(job_cut, what_goes_on_in_a_qemu_that_was_not_asked)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 1);

    does(lab, "mirror", "vda", "../copy.qcow2", "--no-wait");
    wait_for_job(lab, "qrw-mirror-vda", "ready");
    is_said_to_be_there(lab);
    json_decref(lab_qmp(lab, "block-job-complete", "{s:s}", "device", "qrw-mirror-vda"));
    wait_for_job(lab, "qrw-mirror-vda", "concluded");
    is_said_to_be_there(lab);
    does(lab, "repair");
    chain_is(lab, 0, "copy.qcow2");
    lab_stop(lab);
}

/* What QEMU refuses was not told. */
Test(job_cut, one_that_is_not_ready_is_not)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 1);

    does(lab, "mirror", "vda", "../copy.qcow2", "--no-wait", "--speed", "64K");
    json_decref(refuses(lab, 1, "job", "complete", "qrw-mirror-vda"));
    cr_expect(!is_switched(lab));
    lab_stop(lab);
}

/* The power fails while @p waits for @job: nobody has told that to switch. */
static void is_undone_by_itself(struct lab *lab, struct lab_process *p, const char *job)
{
    auto_free char *base = lab_path(lab, "vda.qcow2");
    auto_free char *option = mem_printf("-i %s", base);

    wait_for_job(lab, job, "running");
    cr_expect(!is_switched(lab));
    kill(p->pid, SIGKILL);
    lab_kill(lab);
    auto_result struct lab_result r = lab_finish(p);
    cr_expect_eq(r.status, 128 + SIGKILL, "%d: %s", r.status, r.err);
    json_auto_t *repair = offline_json(0, "qrewind %s repair", option);
    says(repair, "settled", "undone");
    auto_free char *active = offline_active(option, 0);
    cr_expect(strstr(active, "/vda.s2.qcow2"), "%s", active);
    offline_ok("qrewind %s create s9", option);
    offline_ok("qrewind %s check", option);
    lab_stop(lab);
}

Test(job_cut, a_copy_that_is_waited_for)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);
    struct lab_process p =
        lab_begin(lab, "mirror", "vda", "../copy.qcow2", "--pivot", "--speed", "64K", NULL);

    is_undone_by_itself(lab, &p, "qrw-mirror-vda");
}

Test(job_cut, a_commit_that_is_waited_for)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    does(lab, "delete", "s2", "--metadata");
    lab_write(lab, 0, 5, "4M", "8M");
    struct lab_process p = lab_begin(lab, "commit", "vda", "--speed", "64K", NULL);
    is_undone_by_itself(lab, &p, "qrw-commit-vda");
}
