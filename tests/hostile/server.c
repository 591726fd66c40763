/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server: the monitor's process; see hostile.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "qmp/reader.h"
#include "tests/hostile/internal.h"

static struct hostile_account *account;
static size_t cut;
static bool turned;

void hostile_send(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n) {
        size_t part = cut && cut - account->sent < n ? cut - account->sent : n;
        ssize_t sent = part ? send(fd, p, part, MSG_NOSIGNAL) : -1;

        if (sent < 0 && part && errno == EINTR)
            continue;
        if (sent < 0)
            _exit(0);
        account->sent += (size_t)sent;
        p += sent;
        n -= (size_t)sent;
    }
}

/* Takes @message. */
static void say(int fd, json_t *message, const struct hostile *h)
{
    auto_free char *text = json_dumps(message, JSON_COMPACT);
    auto_free char *line = mem_printf("%s\r\n", text);

    account->messages++;
    if (h->twist && (!h->at || h->at == (int)account->messages))
        h->twist(fd, line, h);
    else
        hostile_send(fd, line, strlen(line));
    json_decref(message);
}

static json_t *lie(const char *command, json_t *truth, const struct hostile *h)
{
    return h->lie ? h->lie(command, truth, h) : truth;
}

static void greet(int fd, const struct hostile *h)
{
    json_t *truth = json_pack("{s:{s:{s:i, s:i, s:i}, s:s}, s:[s]}", "version", "qemu", "major", 7,
                              "minor", 2, "micro", 22, "package", "hostile", "capabilities", "oob");

    say(fd, json_pack("{s:o}", "QMP", lie(NULL, truth, h)), h);
}

static void answer(int fd, const json_t *command, const struct hostile *h)
{
    const char *name = json_string_value(json_object_get(command, "execute"));
    json_t *reply = json_object_get(h->replies[turned], name);

    if (h->turn && !strcmp(name, h->turn))
        turned = true;
    reply = reply ? json_deep_copy(reply) : json_object();
    say(fd,
        json_pack("{s:o, s:O*}", "return", lie(name, reply, h), "id",
                  json_object_get(command, "id")),
        h);
}

static void serve_one(int fd, const struct hostile *h)
{
    struct reader r;
    struct reader_message m;
    char bytes[4096];
    ssize_t n;

    reader_init(&r, 0, 0);
    greet(fd, h);
    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
        reader_feed(&r, bytes, (size_t)n);
        while (reader_next(&r, &m, NULL) > 0) {
            answer(fd, m.json, h);
            json_decref(m.json);
        }
    }
    reader_done(&r);
}

void hostile_serve(int listener, const struct hostile *h, struct hostile_account *shared)
{
    account = shared;
    cut = h->cut;
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            _exit(0);
        serve_one(fd, h);
        close(fd);
    }
}
