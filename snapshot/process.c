/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process: see process.h.
 *
 *     spawn ──> hear stdout and stderr ──both have ended──> reap
 *                       └─stop─> SIGTERM, and wait all the same
 */
#include "snapshot/process.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/child.h"

#define TICK_MS 250

/* One of its outputs, as far as the line that is being written. */
struct output {
    int fd; /* -1: it has ended */
    struct event *event;
    char line[512];
    size_t n;
};

struct run {
    const struct process *p;
    struct output out, words;
    char last[512]; /* line of its stderr */
    char *said;     /* on stdout, of which @room bytes are wanted yet */
    size_t nsaid, room;
};

static void end_line(struct run *run, struct output *o)
{
    o->line[o->n] = '\0';
    if (o->n && o == &run->words)
        memcpy(run->last, o->line, o->n + 1);
    else if (o->n && run->p->heard)
        run->p->heard(o->line, run->p->arg);
    o->n = 0;
}

static void keep(struct run *run, const char *bytes, size_t n)
{
    n = n < run->room ? n : run->room;
    if (!n)
        return;
    run->said = mem_grow(run->said, run->nsaid + n + 1, 1);
    memcpy(run->said + run->nsaid, bytes, n);
    run->nsaid += n;
    run->room -= n;
    run->said[run->nsaid] = '\0';
}

/* What does not fit into a line is dropped. */
static void feed(struct run *run, struct output *o)
{
    char buf[4096];
    ssize_t got = read(o->fd, buf, sizeof(buf));

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0 && o == &run->out)
        keep(run, buf, (size_t)got);
    for (ssize_t i = 0; i < got; i++) {
        if (buf[i] == '\n' || buf[i] == '\r')
            end_line(run, o);
        else if (o->n + 1 < sizeof(o->line))
            o->line[o->n++] = buf[i];
    }
    if (got > 0)
        return;
    end_line(run, o);
    event_free(o->event);
    close(o->fd);
    o->fd = -1;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct run *run = arg;

    feed(run, fd == run->out.fd ? &run->out : &run->words);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    const struct process *p = arg;

    if (p->tick)
        p->tick(p->arg);
}

/* Returns 0, or the errno of what went wrong. The child tells why it cannot execute the program;
 * the line for that closes when it does. */
static int spawn(const struct process *p, pid_t *pid, int out, int words)
{
    int line[2], rc = 0;

    if (pipe2(line, O_CLOEXEC))
        return errno;
    line[1] = child_high(line[1]);
    *pid = child_fork((const int[]){p->input, out, words}, false);
    if (*pid == 0) {
        execvp(p->argv[0], (char *const *)p->argv);
        rc = errno;
        _exit(write(line[1], &rc, sizeof(rc)) != sizeof(rc));
    }
    if (*pid < 0)
        rc = errno;
    close(line[1]);
    while (*pid > 0 && read(line[0], &rc, sizeof(rc)) < 0 && errno == EINTR)
        ;
    close(line[0]);
    while (*pid > 0 && rc && waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

static void watch(struct run *run, struct output *o)
{
    fcntl(o->fd, F_SETFL, O_NONBLOCK);
    o->event = event_new(run->p->base, o->fd, EV_READ | EV_PERSIST, on_readable, run);
    if (!o->event || event_add(o->event, NULL))
        abort();
}

/* Until it has closed both outputs. Returns true if it was told to end. */
static bool hear(struct run *run, pid_t pid)
{
    static const struct timeval often = {0, TICK_MS * 1000};
    struct event *tick = event_new(run->p->base, -1, EV_PERSIST, on_tick, (void *)run->p);
    bool stopped = false;

    if (!tick || event_add(tick, &often))
        abort();
    watch(run, &run->out);
    watch(run, &run->words);
    while (run->out.fd >= 0 || run->words.fd >= 0) {
        if (!stopped && run->p->stop && *run->p->stop) {
            stopped = true;
            kill(pid, SIGTERM);
        }
        event_base_loop(run->p->base, EVLOOP_ONCE);
    }
    event_free(tick);
    return stopped;
}

static int run_to_end(struct run *run, struct qmp_error *err)
{
    const struct process *p = run->p;
    int out[2], words[2], status = 0;
    pid_t pid = -1;

    if (pipe2(out, O_CLOEXEC))
        return qmp_error_set(err, QMP_ERR_SYSTEM, "pipe: %s", strerror(errno));
    if (pipe2(words, O_CLOEXEC)) {
        qmp_error_set(err, QMP_ERR_SYSTEM, "pipe: %s", strerror(errno));
        close(out[0]);
        close(out[1]);
        return -1;
    }
    int rc = spawn(p, &pid, out[1], words[1]);
    close(out[1]);
    close(words[1]);
    if (rc) {
        close(out[0]);
        close(words[0]);
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED, "cannot run %s: %s", p->argv[0],
                             strerror(rc));
    }
    run->out.fd = out[0];
    run->words.fd = words[0];
    bool stopped = hear(run, pid);
    while ((rc = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    if (rc == pid && !status && !(p->is_strict && run->last[0] && !strstr(run->last, "warning:")))
        return 0;
    /* Ctrl-C goes to all who have the terminal, and we may hear of it last */
    if (stopped || (rc == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT))
        return qmp_error_set(err, QMP_ERR_CANCELLED, "interrupted");
    if (rc == pid && WIFSIGNALED(status))
        return qmp_error_set(err, QRW_ERR_FAILED, "%s was ended by signal %d", p->argv[0],
                             WTERMSIG(status));
    return qmp_error_set(err, QRW_ERR_FAILED, "%s", run->last[0] ? run->last : "failed");
}

int process_run(const struct process *p, struct qmp_error *err)
{
    return run_to_end(&(struct run){.p = p}, err);
}

int process_read(const struct process *p, size_t max, char **said, struct qmp_error *err)
{
    struct run run = {.p = p, .said = mem_strdup(""), .room = max};
    int rc = run_to_end(&run, err);

    *said = run.said;
    return rc;
}
