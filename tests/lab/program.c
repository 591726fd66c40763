/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab: run programs and collect what they say.
 */
#include "tests/lab/internal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"

void lab_result_done(struct lab_result *r)
{
    free(r->out);
    free(r->err);
    r->out = r->err = NULL;
}

char *lab_program(void)
{
    const char *path = getenv("QREWIND");
    char *absolute = realpath(path ? path : "build/qrewind", NULL);

    if (!absolute)
        lab_fail("%s: %m (is it built?)", path ? path : "build/qrewind");
    return absolute;
}

struct lab_process lab_spawn(const char *cwd, const char *const *argv)
{
    auto_free char *program = strcmp(argv[0], "qrewind") ? mem_strdup(argv[0]) : lab_program();
    struct lab_process p;
    int in[2], out[2], err[2];

    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
        lab_fail("pipe: %m");
    p = (struct lab_process){.in = in[1], .out = out[0], .err = err[0], .pid = fork()};
    if (p.pid < 0)
        lab_fail("fork: %m");
    if (p.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        if (!cwd || !chdir(cwd))
            execvp(program, (char *const *)argv);
        fprintf(stderr, "%s: %m\n", program);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    return p;
}

/* Append what can be read from @fd to @text; false at the end. */
static bool drain(int fd, char **text, size_t *len)
{
    ssize_t n;

    *text = mem_grow(*text, *len + 65536, 1);
    n = read(fd, *text + *len, 65535);
    *len += n > 0 ? (size_t)n : 0;
    (*text)[*len] = '\0';
    return n > 0;
}

void lab_hears(const struct lab_process *p, const char *words)
{
    char said[65536] = "";
    size_t n = 0;

    while (!strstr(said, words)) {
        ssize_t more = read(p->err, said + n, sizeof(said) - 1 - n);

        if (more <= 0)
            lab_fail("a program did not say '%s', but: %s", words, said);
        n += (size_t)more;
        said[n] = '\0';
    }
}

struct lab_result lab_finish(struct lab_process *p)
{
    struct lab_result r = {.out = mem_alloc(1), .err = mem_alloc(1)};
    struct pollfd fds[] = {{.fd = p->out, .events = POLLIN}, {.fd = p->err, .events = POLLIN}};
    size_t out_len = 0, err_len = 0;
    int status;

    close(p->in);
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (poll(fds, 2, 4 * LAB_PATIENCE_MS) == 0) {
            kill(p->pid, SIGKILL);
            lab_fail("a program does not end; it printed: %s%s", r.out, r.err);
        }
        if (fds[0].revents && !drain(p->out, &r.out, &out_len))
            fds[0].fd = -1;
        if (fds[1].revents && !drain(p->err, &r.err, &err_len))
            fds[1].fd = -1;
    }
    close(p->out);
    close(p->err);
    waitpid(p->pid, &status, 0);
    r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return r;
}

struct lab_result lab_exec(const char *cwd, const char *const *argv)
{
    struct lab_process p = lab_spawn(cwd, argv);

    return lab_finish(&p);
}

/* Start qrewind on the lab's monitor with the words in @ap. */
static struct lab_process begin(struct lab *lab, bool json, va_list ap)
{
    const char *argv[64] = {"qrewind", "--socket", lab->socket};
    auto_free char *cwd = lab_path(lab, "client");
    int n = 3;

    if (json)
        argv[n++] = "--json";
    while ((argv[n] = va_arg(ap, const char *)))
        if (++n == 64)
            lab_fail("too many arguments");
    return lab_spawn(cwd, argv);
}

struct lab_process lab_begin(struct lab *lab, ...)
{
    struct lab_process p;
    va_list ap;

    va_start(ap, lab);
    p = begin(lab, false, ap);
    va_end(ap);
    return p;
}

struct lab_result lab_run(struct lab *lab, ...)
{
    struct lab_process p;
    va_list ap;

    va_start(ap, lab);
    p = begin(lab, false, ap);
    va_end(ap);
    return lab_finish(&p);
}

json_t *lab_json(struct lab *lab, int *status, ...)
{
    auto_result struct lab_result r = {0};
    struct lab_process p;
    json_t *document;
    va_list ap;

    va_start(ap, status);
    p = begin(lab, true, ap);
    va_end(ap);
    r = lab_finish(&p);
    document = json_loads(r.out, 0, NULL);
    if (!document)
        lab_fail("not a JSON document (exit %d): '%s' '%s'", r.status, r.out, r.err);
    if (status)
        *status = r.status;
    return document;
}
