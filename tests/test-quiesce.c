/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-quiesce: freezing and thawing, with guests that misbehave and with us dying.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/quiesce.h"
#include "tests/fake-agent/fake-agent.h"

#define FREEZE "guest-fsfreeze-freeze"
#define LIST "guest-fsfreeze-freeze-list"
#define THAW "guest-fsfreeze-thaw"
#define STATUS "guest-fsfreeze-status"

/* For what never comes, and for what does on a loaded machine. */
enum { SOON_MS = 300, PATIENCE_MS = 20000 };

static struct event_base *base;
static struct fake_agent *fake;
static struct qmp_error err;
static int64_t frozen_us;

static void setup(void)
{
    base = event_base_new();
    fake = fake_agent_new(base);
    err = (struct qmp_error){0};
}

static void teardown(void)
{
    fake_agent_free(fake);
    event_base_free(base);
}

TestSuite(quiesce, .init = setup, .fini = teardown, .timeout = 60);

static struct quiesce *begin(int timeout_ms)
{
    struct quiesce_options o = {.agent = fake_agent_address(fake), .timeout_ms = timeout_ms};

    return quiesce_begin(base, NULL, &o, &err);
}

static struct quiesce *begin_well(int timeout_ms)
{
    struct quiesce *q = begin(timeout_ms);

    cr_assert(q, "%s", err.desc);
    return q;
}

/* ---- as it should be ---- */

Test(quiesce, freezes_then_thaws_and_asks_whether_that_helped)
{
    struct quiesce *q = begin_well(PATIENCE_MS);

    cr_expect_eq(quiesce_count(q), 3);
    cr_expect(fake_agent_frozen(fake));
    cr_assert_eq(quiesce_end(q, &frozen_us, &err), QUIESCE_HELD, "%s", err.desc);
    cr_expect_not(fake_agent_frozen(fake));
    cr_expect_gt(frozen_us, 0);
    cr_expect_str_eq(fake_agent_log(fake), "+ " STATUS " " FREEZE " " THAW " " STATUS " ");
}

Test(quiesce, freezes_only_the_mountpoints_it_is_given)
{
    json_auto_t *mountpoints = json_pack("[s, s]", "/", "/srv");
    struct quiesce_options o = {fake_agent_address(fake), false, mountpoints, PATIENCE_MS};
    struct quiesce *q = quiesce_begin(base, NULL, &o, &err);

    cr_assert(q, "%s", err.desc);
    quiesce_end(q, &frozen_us, &err);
    cr_expect_str_eq(fake_agent_log(fake), "+ " STATUS " " LIST " " THAW " " STATUS " ");
}

Test(quiesce, names_the_mountpoints_of_which_the_guest_has_none)
{
    json_auto_t *mountpoints = json_pack("[s, s]", "/nosuch", "/nowhere");
    struct quiesce_options o = {fake_agent_address(fake), false, mountpoints, PATIENCE_MS};

    fake_agent_answer(fake, LIST, "= 0");
    cr_assert_null(quiesce_begin(base, NULL, &o, &err));
    cr_expect_eq(err.kind, QRW_ERR_REFUSED);
    cr_expect(strstr(err.desc, "/nosuch, /nowhere"), "%s", err.desc);
    fake_agent_await(fake, THAW " " STATUS, 1);
}

/* ---- freezes that fail ---- */

static const struct {
    const char *what, *lines;
    int timeout_ms, kind;
} failures[] = {
    {"refused", "! GenericError a hook failed", PATIENCE_MS, QMP_ERR_COMMAND},
    {"refused half-way", "act\n! GenericError a hook failed", PATIENCE_MS, QMP_ERR_COMMAND},
    {"no answer", "", SOON_MS, QMP_ERR_TIMEOUT},
    {"done, but no answer", "act", SOON_MS, QMP_ERR_TIMEOUT},
    {"the agent dies", "act\nclose", PATIENCE_MS, QMP_ERR_CLOSED},
    {"nothing to freeze", "= 0", PATIENCE_MS, QRW_ERR_REFUSED},
    {"fewer than nothing", "act\n= -1", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"more than there can be", "act\n= 9223372036854775807", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"no number", "act\n= \"three\"", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"no JSON", "act\n< three", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"a huge answer", "act\n< {\"return\": \"\nflood 41 2000000", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"marks", "act\nflood ff 1000000", PATIENCE_MS, QMP_ERR_PROTOCOL},
};

Test(quiesce, thaws_what_may_be_frozen_when_the_freeze_fails)
{
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        fake_agent_answer(fake, FREEZE, failures[i].lines);
        cr_assert_null(begin(failures[i].timeout_ms), "%s", failures[i].what);
        cr_expect_eq(err.kind, failures[i].kind, "%s: %s", failures[i].what, err.desc);
        /* the keeper goes on by itself; what it does last is to ask for the status */
        fake_agent_await(fake, THAW " " STATUS, (int)i + 1);
        cr_expect_not(fake_agent_frozen(fake), "%s", failures[i].what);
        fake_agent_await_end(fake);
    }
}

Test(quiesce, leaves_a_guest_alone_that_somebody_else_has_frozen)
{
    fake_agent_answer(fake, STATUS, "= \"frozen\"");
    cr_assert_null(begin(PATIENCE_MS));
    cr_expect_eq(err.kind, QRW_ERR_REFUSED, "%s", err.desc);
    cr_expect_str_eq(fake_agent_log(fake), "+ " STATUS " ");
}

Test(quiesce, freezes_nothing_when_the_agent_does_not_answer)
{
    fake_agent_answer(fake, "guest-sync-delimited", "");
    cr_assert_null(begin(SOON_MS));
    cr_expect_eq(err.kind, QMP_ERR_CONNECT, "%s", err.desc);
    cr_expect_str_eq(fake_agent_log(fake), "+ ");
}

static void interrupt(struct fake_agent *f, const char *command, void *arg)
{
    bool *stop = arg;

    *stop = !strcmp(command, FREEZE);
}

Test(quiesce, thaws_when_the_user_gives_up)
{
    bool stop = false;
    struct quiesce_options o = {.agent = fake_agent_address(fake), .timeout_ms = PATIENCE_MS};

    fake_agent_watch(fake, interrupt, &stop);
    fake_agent_answer(fake, FREEZE, "act");
    cr_assert_null(quiesce_begin(base, &stop, &o, &err));
    cr_expect_eq(err.kind, QMP_ERR_CANCELLED, "%s", err.desc);
    fake_agent_do(fake, "= 3");
    fake_agent_await(fake, THAW " " STATUS, 1);
    cr_expect_not(fake_agent_frozen(fake));
}

/* ---- freezes that end badly ---- */

static const struct {
    const char *what, *lines;
    int timeout_ms;
    enum quiesce_outcome outcome;
} ends[] = {
    {"the guest has thawed by itself", "expire\nok", PATIENCE_MS, QUIESCE_EXPIRED},
    {"and says so", "expire\n! GenericError limited up to 10 seconds", PATIENCE_MS,
     QUIESCE_EXPIRED},
    {"refused", "! GenericError a hook failed", PATIENCE_MS, QUIESCE_STUCK},
    {"said, but not done", "= 3", PATIENCE_MS, QUIESCE_STUCK},
    {"no answer", "", 1000, QUIESCE_STUCK},
    {"done, but no answer", "act", 1000, QUIESCE_STUCK},
    {"the agent dies", "close", PATIENCE_MS, QUIESCE_STUCK},
    {"no JSON", "< three", PATIENCE_MS, QUIESCE_STUCK},
};

Test(quiesce, thaws_until_the_guest_is_thawed_and_tells_how_it_went)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct quiesce *q = begin_well(ends[i].timeout_ms);

        fake_agent_answer(fake, THAW, ends[i].lines);
        cr_expect_eq(quiesce_end(q, &frozen_us, &err), ends[i].outcome, "%s", ends[i].what);
        cr_expect(err.desc[0], "%s", ends[i].what);
        fake_agent_answer(fake, THAW, NULL);
        while (fake_agent_frozen(fake))
            event_base_loop(base, EVLOOP_ONCE);
        fake_agent_await_end(fake);
    }
}

Test(quiesce, does_not_last_longer_than_it_may_even_when_we_hang)
{
    struct quiesce *q = begin_well(1000);

    fake_agent_await(fake, THAW " " STATUS, 1);
    cr_expect_not(fake_agent_frozen(fake));
    cr_expect_eq(quiesce_end(q, &frozen_us, &err), QUIESCE_EXPIRED);
    cr_expect_geq(frozen_us, 1000000);
}

/* ---- processes that die ---- */

/* In a child of its own: freeze, say so by ending the silence, and stay. */
static pid_t freeze_in_a_child(int said[2])
{
    pid_t pid = fork();

    if (pid == 0) {
        struct event_base *own = event_base_new();
        struct quiesce_options o = {.agent = fake_agent_address(fake), .timeout_ms = PATIENCE_MS};
        char word = quiesce_begin(own, NULL, &o, &err) ? 'y' : 'n';

        if (write(said[1], &word, 1) == 1)
            pause();
        _exit(1);
    }
    return pid;
}

static void on_said(evutil_socket_t fd, short what, void *arg)
{
    char *word = arg;

    cr_assert_eq(read(fd, word, 1), 1);
}

Test(quiesce, is_thawed_when_we_are_killed)
{
    int said[2];
    char word = 0;

    cr_assert_eq(pipe2(said, O_CLOEXEC), 0);
    pid_t pid = freeze_in_a_child(said);
    struct event *e = event_new(base, said[0], EV_READ, on_said, &word);
    event_add(e, NULL);
    while (!word)
        event_base_loop(base, EVLOOP_ONCE);
    event_free(e);
    cr_assert_eq(word, 'y');
    cr_expect(fake_agent_frozen(fake));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    fake_agent_await(fake, THAW " " STATUS, 1);
    cr_expect_not(fake_agent_frozen(fake));
    close(said[0]);
    close(said[1]);
}

Test(quiesce, is_thawed_by_us_when_the_keeper_is_killed)
{
    struct quiesce *q = begin_well(PATIENCE_MS);

    kill(fake_agent_peer(fake), SIGKILL);
    cr_expect_eq(quiesce_end(q, &frozen_us, &err), QUIESCE_HELD, "%s", err.desc);
    cr_expect_not(fake_agent_frozen(fake));
}

/* ---- the keeper ---- */

/* What descriptor @name of process @pid is. */
static char *descriptor(pid_t pid, const char *name)
{
    auto_free char *path = mem_printf("/proc/%d/fd/%s", (int)pid, name);
    char target[4096] = "";

    cr_assert_gt(readlink(path, target, sizeof(target) - 1), 0);
    return mem_strdup(target);
}

static bool holds(pid_t pid, const char *what)
{
    auto_free char *path = mem_printf("/proc/%d/fd", (int)pid);
    DIR *all = opendir(path);
    const struct dirent *d;
    bool found = false;

    cr_assert(all);
    while ((d = readdir(all))) {
        auto_free char *target = d->d_name[0] == '.' ? NULL : descriptor(pid, d->d_name);

        found = found || (target && !strcmp(target, what));
    }
    closedir(all);
    return found;
}

Test(quiesce, is_kept_by_a_process_that_holds_nothing_of_ours_and_is_no_child)
{
    int pipe_fds[2];

    cr_assert_eq(pipe(pipe_fds), 0);
    auto_free char *name = mem_printf("%d", pipe_fds[1]);
    auto_free char *pipe_end = descriptor(getpid(), name);
    struct quiesce *q = begin_well(PATIENCE_MS);
    pid_t keeper = fake_agent_peer(fake);

    cr_expect(holds(getpid(), pipe_end));
    cr_expect_not(holds(keeper, pipe_end));
    for (int fd = 0; fd < 3; fd++) {
        auto_free char *number = mem_printf("%d", fd);
        auto_free char *standard = descriptor(keeper, number);

        cr_expect_str_eq(standard, "/dev/null");
    }
    cr_expect_neq(getsid(keeper), getsid(0));
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_expect_eq(errno, ECHILD);
    quiesce_end(q, &frozen_us, &err);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

Test(quiesce, is_kept_through_a_descriptor_where_there_is_no_address)
{
    int pair[2];
    struct quiesce_options o = {.timeout_ms = SOON_MS};
    char sent[256];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    auto_free char *address = mem_printf("fd:%d", pair[0]);
    o.agent = address;
    cr_assert_null(quiesce_begin(base, NULL, &o, &err));
    cr_expect_eq(err.kind, QMP_ERR_CONNECT, "%s", err.desc);
    cr_expect_gt(read(pair[1], sent, sizeof(sent)), 0);
    close(pair[0]);
    close(pair[1]);
}

/* ---- what others have left behind ---- */

Test(quiesce, of_a_client_that_died_is_thawed_and_a_thawed_guest_is_left_alone)
{
    cr_expect_eq(quiesce_thaw(base, fake_agent_address(fake), false, PATIENCE_MS, &err), 0);
    cr_expect_str_eq(fake_agent_log(fake), "+ " STATUS " ");

    fake_agent_answer(fake, STATUS, "= \"frozen\"");
    cr_expect_eq(quiesce_thaw(base, fake_agent_address(fake), false, PATIENCE_MS, &err), -1);

    fake_agent_answer(fake, STATUS, NULL);
    fake_agent_do(fake, "freeze");
    cr_expect_eq(quiesce_thaw(base, fake_agent_address(fake), false, PATIENCE_MS, &err), 1, "%s",
                 err.desc);
    cr_expect_not(fake_agent_frozen(fake));
}
