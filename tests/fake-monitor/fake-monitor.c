/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-monitor: see fake-monitor.h. Here: connections, commands that come, the script's course. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/fake-monitor/fake-private.h"

void fake_hang_up(struct fake *f)
{
    if (f->fd < 0)
        return;
    event_free(f->can_read);
    event_free(f->can_write);
    close(f->fd);
    f->fd = -1;
    f->out_len = 0;
    evtimer_del(f->next_byte);
    reader_done(&f->reader);
    event_add(f->can_accept, NULL);
}

static const char *command_name(json_t *command)
{
    const char *name = json_string_value(json_object_get(command, "execute"));

    if (!name)
        name = json_string_value(json_object_get(command, "exec-oob"));
    cr_assert(name, "a message that is no command");
    return name;
}

/* Is the command that waits the one that the line wants? Fails the test when not. */
static void match(struct fake *f, const char *line, json_t *command)
{
    const char *name = command_name(command);
    size_t n = strcspn(line, " ");

    cr_assert(strlen(name) == n && !memcmp(name, line, n), "expected %s, got %s", line, name);
    if (line[n]) {
        json_auto_t *want = json_loads(line + n, 0, NULL);
        json_t *args = json_object_get(command, "arguments");

        cr_assert(want, "bad arguments in the script: %s", line);
        cr_assert(json_equal(want, args), "expected %s, got %s", line,
                  args ? json_dumps(args, 0) : "no arguments");
    }
}

/* Do the script's line. Returns false when it has to wait. */
static bool step(struct fake *f, const char *line)
{
    bool negotiation = !strcmp(line, "negotiate");

    if (!negotiation && line[0] != '>') {
        if (f->fd < 0)
            return false;
        fake_do(f, line);
        return true;
    }
    if (!json_array_size(f->waiting))
        return false;
    json_auto_t *command = json_incref(json_array_get(f->waiting, 0));
    json_array_remove(f->waiting, 0);
    match(f, negotiation ? "qmp_capabilities" : line + 1 + strspn(line + 1, " "), command);
    if (negotiation) {
        f->id = json_object_get(command, "id");
        fake_do(f, "= {}");
        f->id = NULL;
    } else {
        json_array_append(f->ids, json_object_get(command, "id"));
        f->id = json_array_get(f->ids, json_array_size(f->ids) - 1);
    }
    return true;
}

void fake_proceed(struct fake *f)
{
    while (f->script && !f->paused && !f->out_len && f->script[f->at] && step(f, f->script[f->at]))
        f->at++;
}

static const char *look_up(struct fake *f, const char *name, json_t *args)
{
    const char *lines = f->answer ? f->answer(name, args, f->answer_arg) : NULL;

    if (!strcmp(name, "qmp_capabilities"))
        return "= {}";
    for (const struct fake_answer *a = f->table; !lines && a && a->command; a++)
        if (!strcmp(a->command, name))
            lines = a->lines;
    return lines;
}

static void dispatch(struct fake *f, json_t *command)
{
    const char *name = command_name(command);
    const char *found = look_up(f, name, json_object_get(command, "arguments"));
    auto_free char *lines =
        found ? mem_strdup(found)
              : mem_printf("! CommandNotFound The command %s has not been found", name);

    f->id = json_object_get(command, "id");
    for (char *rest = lines, *line; (line = strsep(&rest, "\n"));)
        fake_do(f, line);
    f->id = NULL;
}

static void log_command(struct fake *f, json_t *command)
{
    const char *name = command_name(command);
    json_t *args = json_object_get(command, "arguments");
    auto_free char *text = args ? json_dumps(args, JSON_COMPACT) : NULL;
    auto_free char *before = f->log;

    if (!strcmp(name, "qmp_capabilities"))
        f->log = mem_strdup(before);
    else
        f->log = mem_printf("%s%s%s%s\n", before, name, text ? " " : "", text ? text : "");
}

static ssize_t receive(struct fake *f, char *room, size_t size)
{
    union {
        char buf[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {room, size};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.buf,
                       .msg_controllen = sizeof(control.buf)};
    ssize_t n = recvmsg(f->fd, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

    if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
        cr_assert_eq(h->cmsg_len, CMSG_LEN(sizeof(int)), "one descriptor at a time");
        memcpy(&f->passed_fd, CMSG_DATA(h), sizeof(int));
    }
    return n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct fake *f = arg;
    struct reader_message m;
    char buf[65536];
    ssize_t n = receive(f, buf, sizeof(buf));

    if (n <= 0) {
        fake_hang_up(f);
        return;
    }
    f->bytes += (size_t)n;
    f->reads++;
    reader_feed(&f->reader, buf, (size_t)n);
    int rc;
    while (f->fd >= 0 && (rc = reader_next(&f->reader, &m, NULL))) {
        cr_assert_eq(rc, 1, "the client sent no JSON");
        log_command(f, m.json);
        if (f->script)
            json_array_append(f->waiting, m.json);
        else
            dispatch(f, m.json);
        json_decref(m.json);
    }
    fake_proceed(f);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct fake *f = arg;

    f->fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
    if (f->fd < 0)
        return;
    event_del(f->can_accept);
    reader_init(&f->reader, 0, 0);
    json_array_clear(f->waiting);
    f->can_read = event_new(f->base, f->fd, EV_READ | EV_PERSIST, on_readable, f);
    event_add(f->can_read, NULL);
    f->can_write = event_new(f->base, f->fd, EV_WRITE, fake_on_writable, f);
    if (!f->script)
        fake_do(f, "greet");
    fake_proceed(f);
}

/* ---- life ---- */

static struct fake *new_fake(struct event_base *base)
{
    static unsigned count;
    struct fake *f = mem_alloc(sizeof(*f));
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int n =
        snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "qrewind-fake-%d-%u", getpid(), count++);

    f->base = base;
    f->fd = f->passed_fd = -1;
    f->waiting = json_array();
    f->ids = json_array();
    f->log = mem_strdup("");
    f->address = mem_printf("unix:%s,abstract=on", un.sun_path + 1);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(f->listener, (struct sockaddr *)&un,
                      (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)n),
                 0);
    cr_assert_eq(listen(f->listener, 1), 0);
    f->next_byte = evtimer_new(base, fake_on_writable, f);
    f->can_accept = event_new(base, f->listener, EV_READ | EV_PERSIST, on_accept, f);
    event_add(f->can_accept, NULL);
    return f;
}

struct fake *fake_script(struct event_base *base, ...)
{
    struct fake *f = new_fake(base);
    size_t n = 0;
    va_list ap;

    va_start(ap, base);
    do
        f->script = mem_grow(f->script, n + 1, sizeof(*f->script));
    while ((f->script[n++] = va_arg(ap, const char *)));
    va_end(ap);
    return f;
}

struct fake *fake_dispatch(struct event_base *base, const struct fake_answer *table)
{
    struct fake *f = new_fake(base);

    f->table = table;
    return f;
}

void fake_answer_with(struct fake *f, fake_answer_fn *fn, void *arg)
{
    f->answer = fn;
    f->answer_arg = arg;
}

void fake_free(struct fake *f)
{
    if (!f)
        return;
    fake_hang_up(f);
    event_free(f->can_accept);
    event_free(f->next_byte);
    close(f->listener);
    if (f->passed_fd >= 0)
        close(f->passed_fd);
    json_decref(f->waiting);
    json_decref(f->ids);
    free(f->script);
    free(f->address);
    free(f->log);
    free(f->out);
    free(f);
}

const char *fake_address(const struct fake *f)
{
    return f->address;
}

void fake_go(struct fake *f)
{
    f->paused = false;
    fake_proceed(f);
}

bool fake_finished(const struct fake *f)
{
    return f->script && !f->script[f->at] && !f->out_len;
}

int fake_take_fd(struct fake *f)
{
    int fd = f->passed_fd;

    f->passed_fd = -1;
    return fd;
}

const char *fake_log(const struct fake *f)
{
    return f->log;
}

size_t fake_bytes(const struct fake *f)
{
    return f->bytes;
}

unsigned fake_reads(const struct fake *f)
{
    return f->reads;
}
