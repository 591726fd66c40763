/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hunt: see hunt.h. */
#include "tests/model/hunt.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/model/verify.h"

enum { STEPS_MOST = 512, STEP_SECONDS = 60, SHRINKS_MOST = 400 };

/* One run: what is to be done, and what became of it. Shared with the process that does it. */
struct run {
    uint64_t seed;
    int steps; /* how many; with @invent they are made up on the way */
    bool invent;
    struct rig_kind kind;
    struct step step[STEPS_MOST];
    int done;
    char why[4096]; /* "": all went well */
};

static void fail(struct run *run, char *why)
{
    snprintf(run->why, sizeof(run->why), "%s", why);
    free(why);
}

/* ---- in the process of the run ---- */

static bool may_refuse(const struct qmp_error *err)
{
    return err->kind == QRW_ERR_REFUSED || err->kind == QMP_ERR_USAGE ||
           err->kind == QRW_ERR_NOT_FOUND || err->kind == QRW_ERR_UNSUPPORTED;
}

/* Do the step to both. What comes back is wrong. */
static char *do_step(struct rig *rig, struct view *v, struct model *m, const struct step *step)
{
    struct model after = *m;
    const bool must_work = model_apply(&after, &v->layout, step);
    struct qmp_error err = {0};
    const bool works = !rig_do(rig, step, v->layout.active, &err);
    char *why;

    if (works != must_work)
        return works ? mem_strdup("done, but it must be refused")
                     : mem_printf("refused: %s: %s", err.context, err.desc);
    if (!works && !may_refuse(&err))
        return mem_printf("it must be refused, but it failed: %s: %s", err.context, err.desc);
    if (works)
        *m = after;
    if (works && step->flags & STEP_FINISH && (why = verify_copy(v, m, step)))
        return why;
    why = view_take(v, rig, m);
    if (!why && works && step->max_depth)
        why = verify_pruned(v, m, step->max_depth);
    return why ? why : verify(v, rig, m);
}

static struct step invent(struct run *run, const struct rig *rig, const struct model *m,
                          const struct view *v)
{
    struct step s = step_next(&run->seed, run->done, m, &v->layout);

    if (!rig->can_memory && s.verb == STEP_CREATE)
        s.flags &= ~(unsigned)(STEP_MEMORY | STEP_INTERNAL);
    if (!rig->can_memory && s.verb == STEP_MIRROR && rig->kind.bus == LAB_VIRTIO_IOTHREAD)
        s.sync = "full"; /* QEMU 5.2 dies of the others */
    return s;
}

/* A tag that an image has keeps its name when the snapshot is called another. */
static bool is_tag(const char *name, const struct view *v)
{
    for (int i = 0; i < v->images.n; i++)
        if (images_tag(&v->images.list[i], name, true) || v->images.list[i].ntags == TAGS_MOST)
            return true;
    return false;
}

/* Can the step be tried at all? Copies have names of their own, models have an end. */
static bool makes_sense(const struct step *s, const struct model *m, const struct view *v)
{
    if (s->verb == STEP_MIRROR && images_find(&v->images, s->file))
        return false;
    if (is_tag(s->verb == STEP_CREATE ? s->name[0] : s->fresh, v))
        return false;
    return m->n < MODEL_SNAPSHOTS - 1 || (s->verb != STEP_CREATE && !s->fresh[0]);
}

/* The end of what QEMU printed. New string. */
static char *last_words(const struct rig *rig)
{
    auto_close int log = open(rig->lab->log, O_RDONLY | O_CLOEXEC);
    char words[300] = "";
    off_t end = lseek(log, 0, SEEK_END);
    off_t from = end >= (off_t)sizeof(words) ? end - (off_t)sizeof(words) + 1 : 0;

    return mem_strdup(pread(log, words, sizeof(words) - 1, from) > 0 ? words : "nothing");
}

/* @why, and what the operation and a QEMU that is gone had to say. */
static char *with_words(char *why, const struct rig *rig)
{
    auto_free char *last = strstr(why, "closed the connection") ? last_words(rig) : NULL;
    char *all = mem_printf("%s%s%s%s%s", why, rig->note[0] ? "; the operation said: " : "",
                           rig->note, last ? "; QEMU printed: " : "", last ? last : "");

    free(why);
    return all;
}

static void run_steps(struct run *run, struct rig *rig)
{
    struct model m = {.ndisks = run->kind.disks, .running = run->kind.running};
    struct view v = {0};
    char *why;

    for (int d = 0; d < m.ndisks; d++)
        m.now[d].held = true;
    why = view_take(&v, rig, &m);
    for (run->done = 0; !why && run->done < run->steps; run->done++) {
        struct step *s = &run->step[run->done];

        alarm(STEP_SECONDS);
        if (run->invent)
            *s = invent(run, rig, &m, &v);
        if (makes_sense(s, &m, &v) && (why = do_step(rig, &v, &m, s)))
            break;
    }
    if (!why) {
        rig_quit(rig);
        why = verify_off(&v, rig, &m);
    }
    if (why)
        fail(run, with_words(why, rig));
    view_done(&v);
}

static void be_the_run(struct run *run, int words)
{
    struct rig rig;

    dup2(words, 2);
    rig_start(&rig, &run->kind);
    run_steps(run, &rig);
    rig_stop(&rig);
    exit(0);
}

/* ---- outside ---- */

/* The end of what it printed: why it, or QEMU, gave up. */
static void add_words(struct run *run, int status, int words)
{
    char tail[512] = "";
    off_t end = lseek(words, 0, SEEK_END);
    off_t from = end >= (off_t)sizeof(tail) ? end - (off_t)sizeof(tail) + 1 : 0;
    size_t n = strlen(run->why);

    if (pread(words, tail, sizeof(tail) - 1, from) < 0)
        tail[0] = '\0';
    snprintf(run->why + n, sizeof(run->why) - n, "%s%s %d%s%s", n ? "; " : "",
             WIFSIGNALED(status) ? "ended by signal" : "ended with status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
             WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ", it hangs: " : ": ", tail);
}

static void carry_out(struct run *run)
{
    auto_close int words = memfd_create("words", MFD_CLOEXEC);
    int status = 0;
    pid_t pid;

    run->why[0] = '\0';
    run->done = 0;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        be_the_run(run, words);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        status = 1;
    if (status)
        add_words(run, status, words);
}

/* Take away @n steps at @from, if it then still fails. */
static bool fails_without(struct run *run, struct run *trial, int from, int n)
{
    *trial = *run;
    memmove(trial->step + from, trial->step + from + n,
            (size_t)(trial->steps - from - n) * sizeof(trial->step[0]));
    trial->steps -= n;
    carry_out(trial);
    if (!trial->why[0])
        return false;
    if (trial->done < trial->steps)
        trial->steps = trial->done + 1; /* what came after it was not done */
    *run = *trial;
    return true;
}

static void shrink(struct run *run, struct run *trial)
{
    int tries = 0;

    run->invent = false;
    if (run->done < run->steps)
        run->steps = run->done + 1;
    for (int n = run->steps / 2; n > 0; n = n > 1 ? n / 2 : 0)
        for (int from = run->steps - n; from >= 0 && tries < SHRINKS_MOST; tries++) {
            fails_without(run, trial, from, n);
            from = from < run->steps ? from : run->steps;
            from -= n;
        }
    for (int from = run->steps - 1; from >= 0 && tries < SHRINKS_MOST; from--, tries++)
        fails_without(run, trial, from, 1);
}

static char *report(const struct run *run, uint64_t seed, const char *first)
{
    char kind[RIG_TEXT], text[STEP_TEXT];
    char *all = mem_printf("QRW_SEED=%llu: %s\n  %s\n", (unsigned long long)seed, first,
                           rig_text(&run->kind, kind));

    for (int i = 0; i < run->steps; i++) {
        char *more = mem_printf("%s  %2d  %s\n", all, i + 1, step_text(&run->step[i], text));

        free(all);
        all = more;
    }
    char *whole = mem_printf("%s  ==> %s\n", all, run->why);
    free(all);
    return whole;
}

char *hunt(uint64_t seed, int steps, int *done)
{
    const size_t size = 2 * sizeof(struct run);
    struct run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *what = NULL;

    if (run == MAP_FAILED)
        abort();
    run->seed = seed;
    run->steps = steps < STEPS_MOST ? steps : STEPS_MOST;
    run->invent = true;
    run->kind = rig_kind(&run->seed);
    carry_out(run);
    *done = run->done;
    if (run->why[0]) {
        auto_free char *first = mem_printf("step %d: %s", run->done + 1, run->why);

        if (!getenv("QRW_NO_SHRINK"))
            shrink(run, run + 1);
        what = report(run, seed, first);
    }
    munmap(run, size);
    return what;
}
