/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-agent: see fake-agent.h. */
#include "tests/fake-agent/fake-agent.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "qmp/reader.h"

enum { MAX_QUIRKS = 8, FILE_SYSTEMS = 3 };

struct fake_agent {
    struct event_base *base;
    char *address;
    int listener;
    struct event *can_accept;
    struct bufferevent *client;
    struct reader reader;

    struct {
        const char *command, *lines;
    } quirks[MAX_QUIRKS];
    fake_agent_fn *watch;
    void *watch_arg;

    json_int_t id;
    char *command; /* the last one */
    int frozen;    /* file systems */
    char *log;
};

/* ---- what it says ---- */

static void send_text(struct fake_agent *f, const char *text, size_t n)
{
    if (f->client)
        bufferevent_write(f->client, text, n);
}

static void send_line(struct fake_agent *f, const char *line)
{
    send_text(f, line, strlen(line));
    send_text(f, "\n", 1);
}

static void send_return(struct fake_agent *f, const char *value)
{
    const char *var = strstr(value, "$id");
    auto_free char *line = var ? mem_printf("{\"return\": %.*s%lld%s}", (int)(var - value), value,
                                            (long long)f->id, var + 3)
                               : mem_printf("{\"return\": %s}", value);

    send_line(f, line);
}

static void send_error(struct fake_agent *f, const char *text)
{
    int n = (int)strcspn(text, " ");
    auto_free char *line = mem_printf("{\"error\": {\"class\": \"%.*s\", \"desc\": \"%s\"}}", n,
                                      text, text[n] ? text + n + 1 : "");

    send_line(f, line);
}

static void flood(struct fake_agent *f, const char *text)
{
    char *rest;
    int byte = (int)strtol(text, &rest, 16);
    size_t n = strtoul(rest, NULL, 10);
    auto_free char *bytes = mem_alloc(n);

    memset(bytes, byte, n);
    send_text(f, bytes, n);
}

static void hang_up(struct fake_agent *f)
{
    if (!f->client)
        return;
    bufferevent_free(f->client);
    f->client = NULL;
    reader_done(&f->reader);
    event_add(f->can_accept, NULL);
}

/* ---- what it does ---- */

static bool is(const struct fake_agent *f, const char *command)
{
    return !strcmp(f->command, command);
}

/* Returns the answer's value. */
static char *act(struct fake_agent *f)
{
    int before = f->frozen;

    if (is(f, "guest-fsfreeze-status"))
        return mem_strdup(f->frozen ? "\"frozen\"" : "\"thawed\"");
    if (is(f, "guest-fsfreeze-freeze") || is(f, "guest-fsfreeze-freeze-list"))
        return mem_printf("%d", f->frozen = FILE_SYSTEMS);
    if (is(f, "guest-fsfreeze-thaw")) {
        f->frozen = 0;
        return mem_printf("%d", before);
    }
    cr_assert(is(f, "guest-sync-delimited"), "the fake agent does not know '%s'", f->command);
    return mem_strdup("$id");
}

void fake_agent_do(struct fake_agent *f, const char *line)
{
    if (!strcmp(line, "ok")) {
        auto_free char *value = act(f);

        if (is(f, "guest-sync-delimited"))
            send_text(f, "\xff", 1);
        send_return(f, value);
    } else if (!strcmp(line, "act")) {
        free(act(f));
    } else if (!strcmp(line, "mark")) {
        send_text(f, "\xff", 1);
    } else if (!strcmp(line, "close")) {
        hang_up(f);
    } else if (!strcmp(line, "expire")) {
        f->frozen = 0;
    } else if (!strcmp(line, "freeze")) {
        f->frozen = FILE_SYSTEMS;
    } else if (!strncmp(line, "flood ", 6)) {
        flood(f, line + 6);
    } else if (line[0] == '=') {
        send_return(f, line + 2);
    } else if (line[0] == '!') {
        send_error(f, line + 2);
    } else if (line[0] == '<') {
        send_line(f, line + 2);
    } else {
        cr_assert(!*line, "the fake agent does not know '%s'", line);
    }
}

static void note(struct fake_agent *f, const char *word)
{
    auto_free char *before = f->log;

    f->log = mem_printf("%s%s ", before, word);
}

static void answer(struct fake_agent *f, const json_t *command)
{
    const char *lines = "ok";

    free(f->command);
    f->command = mem_strdup(json_string_value(json_object_get(command, "execute")));
    cr_assert(f->command, "a message that is no command");
    if (is(f, "guest-sync-delimited"))
        f->id = json_integer_value(json_object_get(json_object_get(command, "arguments"), "id"));
    else
        note(f, f->command);
    for (size_t i = 0; i < MAX_QUIRKS; i++)
        if (f->quirks[i].lines && is(f, f->quirks[i].command))
            lines = f->quirks[i].lines;
    if (f->watch)
        f->watch(f, f->command, f->watch_arg);

    auto_free char *copy = mem_strdup(lines);
    for (char *rest = copy, *line; (line = strsep(&rest, "\n"));)
        fake_agent_do(f, line);
}

/* ---- the connection ---- */

static void on_readable(struct bufferevent *b, void *arg)
{
    struct fake_agent *f = arg;
    struct reader_message m;
    unsigned char bytes[4096];
    size_t n;

    while (f->client && (n = bufferevent_read(b, bytes, sizeof(bytes))) > 0)
        for (size_t i = 0; i < n; i++)
            if (bytes[i] != 0xff)
                reader_feed(&f->reader, &bytes[i], 1);
    while (f->client && reader_next(&f->reader, &m, NULL) > 0) {
        answer(f, m.json);
        json_decref(m.json);
    }
}

static void on_end(struct bufferevent *b, short what, void *arg)
{
    hang_up(arg);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct fake_agent *f = arg;
    int client = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client < 0)
        return;
    event_del(f->can_accept);
    note(f, "+");
    reader_init(&f->reader, 0, 0);
    f->client = bufferevent_socket_new(f->base, client, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(f->client, on_readable, NULL, on_end, f);
    bufferevent_enable(f->client, EV_READ | EV_WRITE);
}

/* ---- life ---- */

struct fake_agent *fake_agent_new(struct event_base *base)
{
    static unsigned count;
    struct fake_agent *f = mem_alloc(sizeof(*f));
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "qrewind-agent-%d-%u", getpid(),
                     count++);

    signal(SIGPIPE, SIG_IGN); /* of a client that leaves; libevent writes plainly */
    f->base = base;
    f->log = mem_strdup("");
    f->command = mem_strdup("");
    f->address = mem_printf("unix:%s,abstract=on", un.sun_path + 1);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(f->listener, (struct sockaddr *)&un,
                      (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)n),
                 0);
    cr_assert_eq(listen(f->listener, 1), 0);
    f->can_accept = event_new(base, f->listener, EV_READ | EV_PERSIST, on_accept, f);
    event_add(f->can_accept, NULL);
    return f;
}

void fake_agent_free(struct fake_agent *f)
{
    if (!f)
        return;
    hang_up(f);
    event_free(f->can_accept);
    close(f->listener);
    free(f->address);
    free(f->command);
    free(f->log);
    free(f);
}

const char *fake_agent_address(const struct fake_agent *f)
{
    return f->address;
}

void fake_agent_answer(struct fake_agent *f, const char *command, const char *lines)
{
    size_t i = 0;

    while (f->quirks[i].command && strcmp(f->quirks[i].command, command) && i < MAX_QUIRKS - 1)
        i++;
    f->quirks[i].command = command;
    f->quirks[i].lines = lines;
}

void fake_agent_watch(struct fake_agent *f, fake_agent_fn *fn, void *arg)
{
    f->watch = fn;
    f->watch_arg = arg;
}

const char *fake_agent_log(const struct fake_agent *f)
{
    return f->log;
}

bool fake_agent_frozen(const struct fake_agent *f)
{
    return f->frozen > 0;
}

pid_t fake_agent_peer(const struct fake_agent *f)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    cr_assert_eq(getsockopt(bufferevent_getfd(f->client), SOL_SOCKET, SO_PEERCRED, &peer, &size),
                 0);
    return peer.pid;
}

static int occurrences(const char *log, const char *word)
{
    int n = 0;

    while ((log = strstr(log, word))) {
        n++;
        log += strlen(word);
    }
    return n;
}

void fake_agent_await(struct fake_agent *f, const char *word, int times)
{
    while (occurrences(f->log, word) < times)
        event_base_loop(f->base, EVLOOP_ONCE);
}

void fake_agent_await_end(struct fake_agent *f)
{
    while (f->client)
        event_base_loop(f->base, EVLOOP_ONCE);
}
