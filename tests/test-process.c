/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-process: programs that we wait for on the loop; and for the end of one without it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/engine.h"
#include "snapshot/process.h"
#include "tests/scratch/scratch.h"

struct fixture {
    struct event_base *base;
    struct qmp_error err;
    char heard[256]; /* its lines, each with a '|' behind it */
    bool stop;
};

static void hear(const char *line, void *arg)
{
    struct fixture *f = arg;

    strncat(f->heard, line, 8);
    strcat(f->heard, "|");
}

static int run_with(struct fixture *f, int input, const char *const *argv)
{
    struct process p = {.argv = argv,
                        .input = input,
                        .base = f->base = event_base_new(),
                        .stop = &f->stop,
                        .heard = hear,
                        .arg = f};
    int rc = process_run(&p, &f->err);

    event_base_free(f->base);
    return rc;
}

static int sh(struct fixture *f, const char *script)
{
    return run_with(f, -1, (const char *[]){"sh", "-c", script, NULL});
}

Test(process, what_it_says_comes_in_lines_that_end_either_way)
{
    struct fixture f = {0};

    cr_assert_eq(sh(&f, "printf ' (1/100%%)\\r\\n\\nlast'"), 0);
    cr_assert_str_eq(f.heard, " (1/100%|last|");
}

Test(process, a_line_without_end_is_cut_and_read_to_its_end)
{
    struct fixture f = {0};

    cr_assert_eq(sh(&f, "head -c 300000 /dev/zero | tr '\\0' x; echo; echo end"), 0);
    cr_assert_str_eq(f.heard, "xxxxxxxx|end|");
}

Test(process, all_that_it_says_is_had_up_to_a_limit)
{
    static const struct {
        const char *script, *said;
        int rc;
    } cases[] = {
        {"echo '{'; echo ' }'", "{\n }\n", 0},
        {"printf '1234567890'", "12345678", 0},
        {"printf 12345678; printf 9", "12345678", 0},
        {"echo lost >&2; echo said; exit 2", "said\n", -1},
        {"true", "", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event_base *base = event_base_new();
        struct process p = {
            .argv = (const char *[]){"sh", "-c", cases[i].script, NULL}, .input = -1, .base = base};
        auto_free char *said = NULL;

        cr_expect_eq(process_read(&p, 8, &said, NULL), cases[i].rc, "%s", cases[i].script);
        cr_expect_str_eq(said, cases[i].said);
        event_base_free(base);
    }
}

Test(process, failure_has_the_last_words)
{
    struct fixture f = {0};

    cr_assert_eq(sh(&f, "echo warning >&2; echo 'no room' >&2; exit 3"), -1);
    cr_assert_eq(f.err.kind, QRW_ERR_FAILED);
    cr_assert_str_eq(f.err.desc, "no room");
    cr_assert_eq(sh(&f, "kill -KILL $$"), -1);
    cr_assert_str_eq(f.err.desc, "sh was ended by signal 9");
    cr_assert_eq(sh(&f, "kill -INT $$"), -1);
    cr_assert_eq(f.err.kind, QMP_ERR_CANCELLED);
}

Test(process, one_that_is_not_there_is_no_failure_of_its_own)
{
    struct fixture f = {0};

    cr_assert_eq(run_with(&f, -1, (const char *[]){"qrewind-no-such-program", NULL}), -1);
    cr_assert_eq(f.err.kind, QRW_ERR_UNSUPPORTED);
    cr_assert(strstr(f.err.desc, "qrewind-no-such-program"));
}

static void pass_on(const char *line, void *arg)
{
    const pid_t pid = atoi(line);

    cr_assert_eq(write(*(int *)arg, &pid, sizeof(pid)), sizeof(pid));
}

Test(process, one_whose_caller_is_killed_is_killed_too)
{
    const char *const argv[] = {"sh", "-c", "trap '' TERM HUP INT; echo $$; exec sleep 600", NULL};
    int told[2];
    pid_t pid;

    cr_assert_eq(pipe2(told, O_CLOEXEC), 0);
    pid_t caller = fork();
    if (caller == 0) {
        struct process p = {
            .argv = argv, .input = -1, .base = event_base_new(), .heard = pass_on, .arg = &told[1]};
        _exit(process_run(&p, NULL) != 0);
    }
    cr_assert_eq(read(told[0], &pid, sizeof(pid)), sizeof(pid));
    cr_expect_not(engine_await(pid, 20));
    kill(caller, SIGKILL);
    cr_expect(engine_await(pid, 10000));
    cr_assert_eq(waitpid(caller, NULL, 0), caller);
    close(told[0]);
    close(told[1]);
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
    *(bool *)arg = true;
}

Test(process, one_that_is_not_wanted_any_more_is_ended)
{
    struct fixture f = {.base = event_base_new()};
    const char *const argv[] = {"sleep", "600", NULL};
    struct process p = {.argv = argv, .input = -1, .base = f.base, .stop = &f.stop};
    struct event *soon = event_new(f.base, -1, 0, stop, &f.stop);

    event_add(soon, &(struct timeval){0, 1000});
    cr_assert_eq(process_run(&p, &f.err), -1);
    cr_assert_eq(f.err.kind, QMP_ERR_CANCELLED);
    event_free(soon);
    event_base_free(f.base);
}

Test(process, it_reads_what_it_is_given_and_nothing_else, .init = scratch_enter,
     .fini = scratch_leave)
{
    struct fixture f = {0};

    scratch_write("given", "words\n", 6);
    auto_close int fd = open("given", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(run_with(&f, fd, (const char *[]){"cat", NULL}), 0);
    cr_assert_str_eq(f.heard, "words|");
    f.heard[0] = '\0';
    cr_assert_eq(run_with(&f, -1, (const char *[]){"cat", NULL}), 0);
    cr_assert_str_eq(f.heard, "");
}

/* ---- the end of one, without the loop ---- */

/* As before Linux 5.3. */
static void forbid_pidfd_open(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog all = {sizeof(rules) / sizeof(rules[0]), rules};

    cr_assert(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all))
        cr_skip_test("no filter for system calls here");
}

/* It ends when it hears something. */
static void awaits_the_end(void)
{
    int in[2];
    char byte;

    cr_assert_eq(pipe(in), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(read(in[0], &byte, 1) != 1);
    cr_expect_not(engine_await(pid, 20));
    cr_assert_eq(write(in[1], "", 1), 1);
    cr_expect(engine_await(pid, 0));
    cr_expect_eq(waitpid(pid, NULL, 0), pid, "it is left to be waited for");
    cr_expect(engine_await(pid, 0), "it is gone");
    close(in[0]);
    close(in[1]);
}

Test(process, the_end_of_one_is_awaited)
{
    awaits_the_end();
}

Test(process, the_end_of_one_is_awaited_where_nobody_tells_of_it)
{
    forbid_pidfd_open();
    awaits_the_end();
}
