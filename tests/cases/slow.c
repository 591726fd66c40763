/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slow: see slow.h. */
#include "tests/cases/slow.h"

#include <stdlib.h>
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"

/* clang-format off */
const struct slow_job slow_jobs[SLOW_JOBS] = {
    [SLOW_COMMIT] = {
        .id = "qrw-commit-vda", .words = {"commit", "vda", "--force"},
        .chain = "vda.qcow2 <- vda.s1.qcow2", .lost = "s2", .files = {"vda.s2.qcow2"}},
    [SLOW_COMMIT_BELOW] = {
        .id = "qrw-commit-vda",
        .words = {"commit", "vda", "--top", "s2", "--base", "s1", "--force"},
        .chain = "vda.qcow2 <- vda.s2.qcow2", .lost = "s1", .files = {"vda.s1.qcow2"}},
    [SLOW_STREAM] = {
        .id = "qrw-stream-vda", .words = {"stream", "vda"}, .chain = "vda.s2.qcow2"},
    [SLOW_MIRROR] = {
        .id = "qrw-mirror-vda", .words = {"mirror", "vda", "../copy.qcow2", "--pivot"},
        .chain = "copy.qcow2", .files = {"vda.s2.qcow2"}},
};
/* clang-format on */

static const char before[] = "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2";

struct lab *slow_lab(void)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .size = "96M"});

    write_generation(lab, 0, 1);
    does(lab, "create", "s1");
    write_generation(lab, 0, 2);
    lab_write(lab, 0, 201, "16M", "16M");
    does(lab, "create", "s2");
    write_generation(lab, 0, 3);
    lab_write(lab, 0, 202, "40M", "48M");
    chain_is(lab, 0, before);
    /* what the guest has not flushed may go with QEMU */
    free(lab_human(lab, "qemu-io vda flush"));
    return lab;
}

static void holds_all(struct lab *lab, int line)
{
    cases_holds(lab, line, 0, 3);
    cr_assert(lab_reads(lab, 0, 201, "16M", "16M"), "line %d: the lower layer's data", line);
    cr_assert(lab_reads(lab, 0, 202, "40M", "48M"), "line %d: the upper layer's data", line);
}

/* @job's words with "--speed 128k" and @more. */
static void words_of(const struct slow_job *job, const char *more, const char *words[12])
{
    int n = 0;

    while (job->words[n]) {
        words[n] = job->words[n];
        n++;
    }
    words[n++] = "--speed";
    words[n++] = "128k";
    words[n++] = more;
    words[n] = NULL;
}

/* Until it has copied something: what it overwrites is lost from then on. */
static void await_progress(struct lab *lab)
{
    long copied = 0;

    while (!copied) {
        json_auto_t *jobs = lab_qmp(lab, "query-block-jobs", NULL);

        cr_assert_eq(json_array_size(jobs), 1);
        copied = (long)number(jobs, "0.offset");
    }
}

struct lab_process slow_begin(struct lab *lab, const struct slow_job *job)
{
    const char *words[12];

    words_of(job, NULL, words);
    struct lab_process p = cases_begin(lab, job->id, words);
    await_progress(lab);
    return p;
}

void slow_start(struct lab *lab, const struct slow_job *job)
{
    const char *words[12];

    words_of(job, "--no-wait", words);
    json_decref(cases_run(lab, __LINE__, 0, words));
    await_progress(lab);
}

/* Does the list have @name? */
static bool listed(struct lab *lab, const char *name)
{
    json_auto_t *list = tells(lab, "list");
    const json_t *s;
    size_t i;

    json_array_foreach(at(list, "snapshots"), i, s)
        if (!strcmp(text(s, "name"), name))
            return true;
    return false;
}

/* No job, nothing pending, and the next snapshot works. */
static void is_settled(struct lab *lab, int line)
{
    json_auto_t *jobs = tells(lab, "jobs"), *info = tells(lab, "info");

    cr_assert_eq(json_array_size(at(jobs, "jobs")), 0, "line %d", line);
    cr_assert(json_is_null(at(info, "pending")), "line %d", line);
    does(lab, "create", "next");
    holds_all(lab, line);
}

void cases_slow_is_done(struct lab *lab, int line, const struct slow_job *job)
{
    cases_chain_is(lab, line, 0, job->chain);
    holds_all(lab, line);
    for (size_t i = 0; job->files[i]; i++)
        cr_assert(!has_file(lab, job->files[i]), "line %d: %s", line, job->files[i]);
    cr_assert(!job->lost || !listed(lab, job->lost), "line %d: %s is still there", line, job->lost);
    is_settled(lab, line);
}

/* A snapshot that is listed has its content; only what a commit writes to may be gone. */
static void keeps_snapshot(struct lab *lab, int line, const struct slow_job *job, const char *name,
                           int generation)
{
    if (listed(lab, name)) {
        json_auto_t *show = tells(lab, "show", name);

        cases_image_holds(line, lab->folder, text(show, "snapshot.disks.vda.file"), "qcow2",
                          generation);
    } else {
        cr_assert(job->lost && !strcmp(job->lost, name), "line %d: %s is gone", line, name);
    }
}

void cases_slow_is_undone(struct lab *lab, int line, const struct slow_job *job)
{
    cases_chain_is(lab, line, 0, before);
    holds_all(lab, line);
    keeps_snapshot(lab, line, job, "s1", 1);
    keeps_snapshot(lab, line, job, "s2", 2);
    is_settled(lab, line);
}
