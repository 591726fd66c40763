/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp-lines: see qmp-lines.h.
 *
 *   stdin ──read──> line ──> command, in flight ──reply──> line on stdout
 *
 * Commands are sent as they come, without waiting for replies. With many of them in
 * flight, reading pauses: a fast writer must not fill our memory.
 */
#include "cli/qmp-lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"
#include "qmp/mem.h"

enum { MANY = 256, CHUNK = 65536, LONGEST = 64 << 20 };

struct lines {
    struct app *app;
    struct qmp_client *client;
    char *text; /* what was read and is no whole line yet */
    size_t len, room;
    unsigned in_flight;
    bool reading, ended;
    bool lost; /* a command will never be answered */
};

struct command {
    struct lines *lines;
    json_t *id; /* the user's, NULL: none */
};

static void on_input(void *arg);

/* Read on or pause, as it fits. */
static void arrange(struct lines *l)
{
    bool want = !l->ended && l->in_flight < MANY;

    if (want && !l->reading)
        app_watch_input(l->app, on_input, l);
    else if (!want && l->reading)
        app_ignore_input(l->app);
    l->reading = want;
}

/* Takes @reply. */
static void answer(json_t *reply, json_t *id)
{
    if (id)
        json_object_set(reply, "id", id);
    out_json(stdout, reply);
    json_decref(reply);
}

static void complain(json_t *id, const char *class, const char *desc)
{
    json_t *text = json_string(desc); /* NULL: cut in the middle of a character */

    answer(json_pack("{s:{s:s, s:o}}", "error", "class", *class ? class : "GenericError", "desc",
                     text ? text : json_string("(not UTF-8)")),
           id);
}

static void on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    struct command *command = arg;
    struct lines *l = command->lines;

    l->in_flight--;
    if (ret)
        answer(json_pack("{s:O}", "return", ret), command->id);
    else if (err->kind == QMP_ERR_COMMAND)
        complain(command->id, err->class, err->desc);
    else
        l->lost = true;
    fflush(stdout);
    json_decref(command->id);
    free(command);
    arrange(l);
}

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    out_json(stdout, event);
    fflush(stdout);
}

static void send(struct lines *l, const char *text, size_t len)
{
    json_error_t why;
    json_auto_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    json_t *id = json_object_get(line, "id"), *args = json_object_get(line, "arguments");
    const char *name = json_string_value(json_object_get(line, "execute"));

    if (!line || !name || (args && !json_is_object(args))) {
        complain(id, "",
                 !line ? why.text
                       : "a line is {\"execute\": NAME, \"arguments\": OBJECT, \"id\": ANY}");
        return;
    }
    struct command *command = mem_alloc(sizeof(*command));
    *command = (struct command){l, json_incref(id)};
    l->in_flight++;
    qmp_client_call(l->client, name, json_incref(args), 0, on_reply, command);
}

static bool blank(const char *text, size_t len)
{
    while (len && strchr(" \t\r", text[len - 1]))
        len--;
    return !len;
}

/* Send every whole line; at the end of input also what is left. */
static void split(struct lines *l)
{
    char *at = l->text, *end = l->text + l->len, *newline;

    while (at < end) {
        newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline && !l->ended)
            break;
        if (!newline)
            newline = end;
        if (!blank(at, (size_t)(newline - at)))
            send(l, at, (size_t)(newline - at));
        at = newline < end ? newline + 1 : end;
    }
    l->len = (size_t)(end - at);
    memmove(l->text, at, l->len);
}

static void on_input(void *arg)
{
    struct lines *l = arg;

    if (l->room - l->len < CHUNK) {
        l->room = l->len + CHUNK;
        l->text = mem_grow(l->text, l->room, 1);
    }
    ssize_t n = read(STDIN_FILENO, l->text + l->len, CHUNK);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    l->ended = n <= 0;
    l->len += n > 0 ? (size_t)n : 0;
    split(l);
    if (l->len > LONGEST) {
        complain(NULL, "", "the line is too long");
        l->len = 0;
        l->ended = true;
    }
    arrange(l);
    fflush(stdout);
}

static bool done(void *arg)
{
    const struct lines *l = arg;

    return (l->ended && !l->in_flight && !l->lost) || ferror(stdout);
}

int qmp_lines(struct app *app, struct qmp_error *err)
{
    struct lines l = {.app = app, .client = app_monitor(app, err)};

    if (!l.client)
        return -1;
    qmp_client_subscribe(l.client, NULL, on_event, NULL);
    arrange(&l);
    int rc = qmp_client_run(l.client, done, &l, 0, err);
    app_ignore_input(app);
    free(l.text);
    return rc;
}
