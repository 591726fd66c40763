/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab: the test's own monitor. Blocking and simple, and on purpose not the client
 * that is under test.
 */
#include "tests/lab/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"

struct lab_input {
    char *text; /* received, not yet taken */
    size_t len;
};

static bool fill_address(struct sockaddr_un *sa, const char *folder, const char *name)
{
    sa->sun_family = AF_UNIX;
    return snprintf(sa->sun_path, sizeof(sa->sun_path), "%s/%s", folder, name) <
           (int)sizeof(sa->sun_path);
}

void lab_listen(const char *folder, const char *name, int fd)
{
    struct sockaddr_un sa;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    if (!fill_address(&sa, folder, name) || s < 0 || dup2(s, fd) < 0 ||
        bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 4)) {
        fprintf(stderr, "%s/%s: %m\n", folder, name);
        _exit(127);
    }
    if (s != fd)
        close(s);
}

/* The log tells best why QEMU went away. */
static void fail_with_log(struct lab *lab, const char *what)
{
    FILE *f = fopen(lab->log, "r");
    char text[4096];
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    lab_fail("%s; QEMU printed: %s", what, text);
}

/* The next message, whatever it is. */
static json_t *receive(struct lab *lab)
{
    struct lab_input *in = lab->input;

    for (;;) {
        char *end = in->len ? memchr(in->text, '\n', in->len) : NULL;
        struct pollfd p = {.fd = lab->monitor, .events = POLLIN};
        ssize_t n;

        if (end) {
            size_t used = (size_t)(end + 1 - in->text);
            json_t *message = json_loadb(in->text, used, 0, NULL);

            in->len -= used;
            memmove(in->text, end + 1, in->len);
            if (!message)
                fail_with_log(lab, "not JSON on the monitor");
            return message;
        }
        if (poll(&p, 1, LAB_PATIENCE_MS) == 0)
            fail_with_log(lab, "QEMU is silent");
        in->text = mem_grow(in->text, in->len + 65536, 1);
        n = read(lab->monitor, in->text + in->len, 65536);
        if (n <= 0)
            fail_with_log(lab, n ? strerror(errno) : "QEMU hung up");
        in->len += (size_t)n;
    }
}

/* The next message that is no event; the events are kept. QEMU now and then greets twice. */
static json_t *receive_reply(struct lab *lab)
{
    for (;;) {
        json_t *message = receive(lab);

        if (json_object_get(message, "event"))
            json_array_append_new(lab->events, message);
        else if (json_object_get(message, "QMP"))
            json_decref(message);
        else
            return message;
    }
}

void lab_monitor_open(struct lab *lab)
{
    struct sockaddr_un sa;

    lab->input = mem_alloc(sizeof(*lab->input));
    lab->monitor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!fill_address(&sa, lab->folder, "test.sock"))
        lab_fail("%s: too long for a socket's folder", lab->folder);
    if (connect(lab->monitor, (struct sockaddr *)&sa, sizeof(sa)))
        fail_with_log(lab, "no monitor");
    lab->greeting = receive(lab);
    json_decref(lab_qmp(lab, "qmp_capabilities", NULL));
}

void lab_monitor_close(struct lab *lab)
{
    if (lab->monitor >= 0)
        close(lab->monitor);
    lab->monitor = -1;
    if (lab->input)
        free(lab->input->text);
    free(lab->input);
    lab->input = NULL;
}

static json_t *ask(struct lab *lab, const char *command, const char *fmt, va_list ap)
{
    json_t *args = fmt ? json_vpack_ex(NULL, 0, fmt, ap) : json_object();
    json_t *message = json_pack("{s:s, s:o}", "execute", command, "arguments", args);
    char *text = json_dumps(message, JSON_COMPACT);

    if (!text)
        lab_fail("%s: bad arguments", command);
    if (send(lab->monitor, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        lab_fail("send %s: %m", command);
    free(text);
    json_decref(message);
    return receive_reply(lab);
}

json_t *lab_ask(struct lab *lab, const char *command, const char *fmt, ...)
{
    va_list ap;
    json_t *reply;

    va_start(ap, fmt);
    reply = ask(lab, command, fmt, ap);
    va_end(ap);
    return reply;
}

json_t *lab_qmp(struct lab *lab, const char *command, const char *fmt, ...)
{
    va_list ap;
    json_t *reply, *ret;

    va_start(ap, fmt);
    reply = ask(lab, command, fmt, ap);
    va_end(ap);
    ret = json_incref(json_object_get(reply, "return"));
    if (!ret)
        lab_fail("%s: %s", command, json_dumps(reply, JSON_COMPACT));
    json_decref(reply);
    return ret;
}

json_t *lab_event(struct lab *lab, const char *name)
{
    for (size_t i = 0;; i++) {
        json_t *event;

        if (i == json_array_size(lab->events))
            json_array_append_new(lab->events, receive(lab));
        event = json_array_get(lab->events, i);
        if (!strcmp(json_string_value(json_object_get(event, "event")), name)) {
            json_incref(event);
            json_array_remove(lab->events, i);
            return event;
        }
    }
}

char *lab_human(struct lab *lab, const char *fmt, ...)
{
    auto_free char *line = NULL;
    json_auto_t *ret = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&line, fmt, ap) < 0)
        abort();
    va_end(ap);
    ret = lab_qmp(lab, "human-monitor-command", "{s:s}", "command-line", line);
    return mem_strdup(json_string_value(ret));
}

/* How qemu-io calls the disk: its drive, or "-d" and the device's path. */
static char *name_for_io(struct lab *lab, int disk)
{
    json_auto_t *blocks = NULL;
    auto_free char *id = NULL;
    json_t *block;
    size_t i;

    if (!lab->modern)
        return mem_printf("vd%c", 'a' + disk);
    blocks = lab_qmp(lab, "query-block", NULL);
    id = mem_printf("disk%d", disk);
    json_array_foreach(blocks, i, block) {
        const char *qdev = json_string_value(json_object_get(block, "qdev"));
        const char *at = qdev ? strstr(qdev, id) : NULL;

        if (at && (at[strlen(id)] == '/' || !at[strlen(id)]))
            return mem_printf("-d %s", qdev);
    }
    lab_fail("no disk %d", disk);
}

/* Run a qemu-io command. It reports on QEMU's stdout: return what it printed. */
static char *io(struct lab *lab, int disk, const char *command)
{
    auto_free char *name = name_for_io(lab, disk);
    auto_free char *error = NULL;
    FILE *log = fopen(lab->log, "r");
    char *text = mem_alloc(4096);

    if (!log || fseek(log, 0, SEEK_END))
        lab_fail("%s: %m", lab->log);
    error = lab_human(lab, "qemu-io %s \"%s\"", name, command);
    if (*error)
        lab_fail("qemu-io %s %s: %s", name, command, error);
    text[fread(text, 1, 4095, log)] = '\0';
    fclose(log);
    return text;
}

void lab_write(struct lab *lab, int disk, int pattern, const char *offset, const char *length)
{
    auto_free char *command = mem_printf("write -P %d %s %s", pattern, offset, length);
    auto_free char *text = io(lab, disk, command);

    if (!strstr(text, "wrote"))
        lab_fail("%s on disk %d: %s", command, disk, text);
}

bool lab_reads(struct lab *lab, int disk, int pattern, const char *offset, const char *length)
{
    auto_free char *command = mem_printf("read -P %d %s %s", pattern, offset, length);
    auto_free char *text = io(lab, disk, command);

    if (!strstr(text, "read "))
        lab_fail("%s on disk %d: %s", command, disk, text);
    return !strstr(text, "verification failed");
}
