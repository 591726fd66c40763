/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU goes away at each command in turn, on a stage (tests/scene/stage.h). Whatever the client
 * had done by then, the next one brings it to one of two ends: as before, or as it was meant.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"
#include "tests/scene/stage.h"
#include "tests/scratch/scratch.h"

TestSuite(run_lost, .init = scratch_enter, .fini = scratch_leave, .timeout = 60);

static const struct qrw_create_args create = {.name = "s1"};
static const struct qrw_create_args halted = {.name = "s1", .halt = true};
static const struct qrw_commit_args merge = {.disk = "disk0", .base = "#a.s1"};
static const struct qrw_mirror_args copy = {.disk = "disk0", .file = "copy.qcow2", .pivot = true};

#define LAYERS "disk0: base* <- a.s1 <- a.s2"
#define JOB(id, status) "@ JOB_STATUS_CHANGE {\"id\": \"" id "\", \"status\": \"" status "\"}"

/* clang-format off */
static const struct {
    const char *title;
    const struct qrw_operation *op;
    const void *args;
    const char *before; /* what QEMU has; with stars or +, what the sidecar knows too */
    struct stage_act acts[4];
    struct {
        const char *beside, *sidecar, *files;
    } ends[2];  /* as before, as it was meant */
    bool fails; /* also where QEMU stays */
} cases[] = {
    {"a snapshot of two disks", &qrw_create, &create, "disk0: a; disk1: b",
     {{"transaction", NULL, "disk0: a <- a.s1; disk1: b <- b.s1"}},
     {{"a", "no sidecar", "a.qcow2 b.qcow2"},
      {"a", "disk0: a*s1 <- a.s1; disk1: b*s1 <- b.s1",
       "a.qcow2 a.qcow2.qrewind.json a.s1.qcow2 b.qcow2 b.s1.qcow2"}}, false},

    {"a snapshot that stops the guest", &qrw_create, &halted, "disk0: a",
     {{"stop", NULL, "disk0: a; paused"}, {"blockdev-snapshot", NULL, "disk0: a <- a.s1; paused"}},
     {{"a", "no sidecar", "a.qcow2"},
      {"a", "disk0: a*s1 <- a.s1", "a.qcow2 a.qcow2.qrewind.json a.s1.qcow2"}}, false},

    {"a commit", &qrw_commit, &merge, LAYERS,
     {{"block-commit", "= {}\n" JOB("qrw-commit-disk0", "ready"),
       LAYERS "; job qrw-commit-disk0 commit ready"},
      {"job-complete", "= {}\n" JOB("qrw-commit-disk0", "concluded"),
       "disk0: base <- a.s1; job qrw-commit-disk0 commit concluded"}},
     {{"base", "disk0: base*s1 <- a.s1 <- a.s2",
       "a.s1.qcow2 a.s2.qcow2 base.qcow2 base.qcow2.qrewind.json"},
      {"base", "disk0: base*s1 <- a.s1",
       "a.s1.qcow2 base.qcow2 base.qcow2.qrewind.json"}}, false},

    {"a commit that is done, and fails", &qrw_commit, &merge, LAYERS,
     {{"block-commit", "= {}\n" JOB("qrw-commit-disk0", "ready"),
       LAYERS "; job qrw-commit-disk0 commit ready"},
      {"job-complete", "= {}\n" JOB("qrw-commit-disk0", "concluded"),
       "disk0: base <- a.s1; job qrw-commit-disk0 commit concluded Input/output error"}},
     {{"base", "disk0: base*s1 <- a.s1 <- a.s2",
       "a.s1.qcow2 a.s2.qcow2 base.qcow2 base.qcow2.qrewind.json"},
      {"base", "disk0: base*s1 <- a.s1",
       "a.s1.qcow2 base.qcow2 base.qcow2.qrewind.json"}}, true},

    {"a copy that is switched to", &qrw_mirror, &copy, "disk0: a",
     {{"drive-mirror", "= {}\n" JOB("qrw-mirror-disk0", "ready"),
       "disk0: a; job qrw-mirror-disk0 mirror ready"},
      {"job-complete", "= {}\n" JOB("qrw-mirror-disk0", "concluded"),
       "disk0: copy; job qrw-mirror-disk0 mirror concluded"}},
     {{"a", "no sidecar", "a.qcow2"},
      {"copy", "disk0: copy", "a.qcow2 copy.qcow2 copy.qcow2.qrewind.json"}}, false},

    {"a copy that is switched to, and fails", &qrw_mirror, &copy, "disk0: a",
     {{"drive-mirror", "= {}\n" JOB("qrw-mirror-disk0", "ready"),
       "disk0: a; job qrw-mirror-disk0 mirror ready"},
      {"job-complete", "= {}\n" JOB("qrw-mirror-disk0", "concluded"),
       "disk0: copy; job qrw-mirror-disk0 mirror concluded Operation not permitted"}},
     {{"a", "no sidecar", "a.qcow2"},
      {"copy", "disk0: copy", "a.qcow2 copy.qcow2 copy.qcow2.qrewind.json"}}, true},
};
/* clang-format on */

static void clean_folder(void)
{
    DIR *dir = opendir(".");

    cr_assert(dir);
    for (const struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.')
            cr_assert_eq(unlink(e->d_name), 0, "%s", e->d_name);
    closedir(dir);
}

/* The stage at the beginning of case @i, with the sidecar that there is then. */
static void begin(struct stage *s, size_t i)
{
    struct picture *p = picture_new_in(scratch_folder(), cases[i].before);
    auto_free char *file = mem_printf("%s.qcow2" SIDECAR_SUFFIX, cases[i].ends[0].beside);

    clean_folder();
    if (json_object_size(json_object_get(p->chain.doc, "layers")))
        cr_assert_eq(sidecar_save(file, p->chain.doc, NULL, NULL), 0);
    picture_free(p);
    stage_open(s, cases[i].before, cases[i].acts);
}

/* What the next clients do: settle, and go on with the job if there is one. */
static void settle(struct stage *s, size_t i)
{
    struct qmp_error err = {0};

    stage_again(s, NULL, cases[i].acts);
    if (cases[i].fails) { /* now, or has before */
        json_auto_t *repaired = qrw_repair(s->vm, NULL, 0, &err);
        cr_expect(repaired || err.kind == QRW_ERR_UNKNOWN, "%s: %s", cases[i].title, err.desc);
    }
    if (strcmp(stage_repair(s), "running"))
        return;
    const char *id = s->now->graph.jobs[0].id;
    json_auto_t *result = qrw_job_wait(s->vm, id, 0, &err);
    cr_expect(result, "%s: %s: %s", cases[i].title, id, err.desc);
}

/* Did the disk switch, while the picture began with @image? */
static bool switched(const struct stage *s, const char *image)
{
    return strcmp(s->now->graph.disks[0].layers[0].file, image) != 0;
}

/* Run case @i with a QEMU that goes at command @n. False: it came to its end before. */
static bool lose_at(size_t i, int n)
{
    struct qmp_error err = {0};
    struct stage s;

    begin(&s, i);
    auto_free char *image = mem_strdup(s.now->graph.disks[0].layers[0].file);
    s.hang_up_at = n;
    json_auto_t *result = qrw_run(s.vm, cases[i].op, cases[i].args, 0, &err);
    bool lost = s.hang_up_at == 0;
    size_t end = switched(&s, image);
    cr_expect(lost || !result == cases[i].fails, "%s: %s", cases[i].title, err.desc);
    cr_expect(result || !end || err.kind == QRW_ERR_UNKNOWN, "%s: lost at %d: %s: %s",
              cases[i].title, n, qrw_error_kind_name(err.kind), err.desc);
    s.hang_up_at = 0;
    if (!result)
        settle(&s, i);

    end = switched(&s, image);
    stage_expect_sidecar(cases[i].ends[end].beside, cases[i].ends[end].sidecar);
    stage_expect_files(cases[i].ends[end].files);
    stage_close(&s);
    return lost;
}

Test(run_lost, whenever_qemu_goes_the_next_client_brings_it_to_one_of_two_ends)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int n = 1;

        while (lose_at(i, n))
            n++;
        cr_expect_gt(n, 8, "%s: it was lost at %d commands", cases[i].title, n - 1);
    }
}
