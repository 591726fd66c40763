/* SPDX-License-Identifier: GPL-2.0-or-later */
/* between: see between.h. */
#include "tests/between/between.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"

/* One of the two sides: what came from it and is not a whole line yet. */
struct side {
    int fd;
    char *text;
    size_t len;
};

struct middle {
    struct between *b;
    struct side client, qemu;
    int sent, answers;
};

static int socket_at(const char *path, bool listening)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    if (listening)
        unlink(path);
    if (listening ? bind(s, (struct sockaddr *)&sa, sizeof(sa)) || listen(s, 1)
                  : connect(s, (struct sockaddr *)&sa, sizeof(sa)))
        lab_fail("%s: %m", path);
    return s;
}

/* More from @side, false: it has closed. */
static bool hear(struct side *side)
{
    side->text = mem_grow(side->text, side->len + 65536, 1);
    ssize_t n = read(side->fd, side->text + side->len, 65536);

    side->len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* The next whole line with its end, NULL: there is none yet. New string. */
static char *next_line(struct side *side)
{
    char *end = side->len ? memchr(side->text, '\n', side->len) : NULL;

    if (!end)
        return NULL;
    size_t used = (size_t)(end + 1 - side->text);
    char *line = mem_printf("%.*s", (int)used, side->text);

    side->len -= used;
    memmove(side->text, end + 1, side->len);
    return line;
}

static void say(struct side *side, const char *line)
{
    send(side->fd, line, strlen(line), MSG_NOSIGNAL);
}

/* A question, or the negotiation, changes nothing. */
static bool is_command(const char *line)
{
    json_auto_t *message = json_loads(line, 0, NULL);
    const char *name = json_string_value(json_object_get(message, "execute"));

    return name && strncmp(name, "query-", 6) && strncmp(name, "qom-", 4) &&
           strcmp(name, "qmp_capabilities") != 0;
}

/* Another name, of the same length, for the command that is not to be known. */
static void spoil(const struct between *b, char *line)
{
    auto_free char *name = b->spoil ? mem_printf("\"execute\":\"%s\"", b->spoil) : NULL;
    char *found = name ? strstr(line, name) : NULL;

    if (found)
        found[strlen("\"execute\":\"")] = '-';
}

/* QEMU's lines for the client; returns false when it has closed. */
static bool pass_answers(struct middle *m)
{
    char *line;

    if (!hear(&m->qemu))
        return false;
    while ((line = next_line(&m->qemu))) {
        json_auto_t *message = json_loads(line, 0, NULL);

        m->answers += json_object_get(message, "return") || json_object_get(message, "error");
        say(&m->client, line);
        free(line);
    }
    return true;
}

/* The client's commands for QEMU; returns false when it has closed, or is to die. */
static bool pass_commands(struct middle *m)
{
    struct between *b = m->b;
    char *line;

    if (!hear(&m->client))
        return false;
    while ((line = next_line(&m->client))) {
        auto_free char *command = line;
        bool last = is_command(line) && ++b->commands == b->kill_at;

        if (last && !b->answered)
            return false;
        spoil(b, command);
        say(&m->qemu, command);
        m->sent++;
        if (!last)
            continue;
        while (m->answers < m->sent && pass_answers(m))
            ;
        return false;
    }
    return true;
}

static void pass_all(struct middle *m)
{
    struct pollfd fds[] = {{.fd = m->client.fd, .events = POLLIN},
                           {.fd = m->qemu.fd, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, LAB_PATIENCE_MS) <= 0)
            lab_fail("both are silent, after %d commands", m->b->commands);
        if (fds[0].revents && !pass_commands(m))
            return;
        if (fds[1].revents && !pass_answers(m))
            return;
    }
}

struct lab_result between_run(struct lab *lab, struct between *b, const char *const *words)
{
    auto_free char *path = lab_path(lab, "between.sock"), *cwd = lab_path(lab, "client");
    const char *argv[64] = {"qrewind", "--socket", path, "--json"};
    struct middle m = {.b = b};
    int n = 4;

    while ((argv[n] = *words++))
        if (++n == 64)
            lab_fail("too many arguments");
    int listener = socket_at(path, true);
    struct lab_process p = lab_spawn(cwd, argv);

    b->commands = 0;
    m.client.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    m.qemu.fd = socket_at(lab->socket, false);
    pass_all(&m);
    if (b->kill_at && b->commands >= b->kill_at)
        kill(p.pid, SIGKILL);
    struct lab_result r = lab_finish(&p);

    close(m.client.fd);
    close(m.qemu.fd);
    close(listener);
    free(m.client.text);
    free(m.qemu.text);
    return r;
}
