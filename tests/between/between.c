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

/* Room for one descriptor beside the bytes. */
union fd_room {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* One of the two sides: what came from it and is not a whole line yet. */
struct side {
    int fd;
    int lent; /* a descriptor that came along, -1: none */
    char *text;
    size_t len;
};

struct middle {
    struct between *b;
    pid_t pid; /* the program's */
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
    struct iovec part = {side->text + side->len, 65536};
    union fd_room room;
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof(room)};
    ssize_t n = recvmsg(side->fd, &m, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(&side->lent, CMSG_DATA(c), sizeof(side->lent));

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

/* The descriptor goes with the command that it came for. */
static void say_to_qemu(struct middle *m, char *line)
{
    struct iovec part = {line, strlen(line)};
    union fd_room room = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    bool lend = m->client.lent >= 0 && strstr(line, "\"execute\":\"getfd\"");

    if (lend) {
        room.header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&room.header), &m->client.lent, sizeof(int));
        message.msg_control = &room;
        message.msg_controllen = sizeof(room);
    }
    sendmsg(m->qemu.fd, &message, MSG_NOSIGNAL);
    if (!lend)
        return;
    close(m->client.lent);
    m->client.lent = -1;
}

/* A question, or the negotiation, changes nothing. */
static bool counts(const struct between *b, const char *line)
{
    json_auto_t *message = json_loads(line, 0, NULL);
    const char *name = json_string_value(json_object_get(message, "execute"));
    const char *human =
        json_string_value(json_object_get(json_object_get(message, "arguments"), "command-line"));

    if (b->only)
        return name && !strcmp(name, b->only);
    return name && strncmp(name, "query-", 6) && strncmp(name, "qom-", 4) &&
           strcmp(name, "qmp_capabilities") != 0 && !(human && !strncmp(human, "info ", 5));
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
        bool last = counts(b, line) && ++b->commands == b->kill_at;

        if (last && b->interrupt) {
            kill(m->pid, SIGINT);
            last = false;
        }
        if (last && !b->answered)
            return false;
        spoil(b, command);
        say_to_qemu(m, command);
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
    struct middle m = {.b = b, .client.lent = -1};
    int n = 4;

    while ((argv[n] = *words++))
        if (++n == 64)
            lab_fail("too many arguments");
    int listener = socket_at(path, true);
    struct lab_process p = lab_spawn(cwd, argv);

    b->commands = 0;
    m.pid = p.pid;
    m.client.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    m.qemu.fd = socket_at(lab->socket, false);
    pass_all(&m);
    if (b->kill_at && !b->interrupt && b->commands >= b->kill_at)
        kill(p.pid, SIGKILL);
    struct lab_result r = lab_finish(&p);

    close(m.client.fd);
    close(m.qemu.fd);
    close(listener);
    free(m.client.text);
    free(m.qemu.text);
    return r;
}
