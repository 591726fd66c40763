/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-lines: the lines of fake-monitor.h that make it say something. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "qmp/mem.h"
#include "tests/fake-monitor/fake-private.h"

static const char greeting[] =
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, "
    "\"package\": \"fake\"}, \"capabilities\": [\"oob\"]}}";

/* Send as much as goes: without blocking, for the reader is on the same loop. */
static void send_out(struct fake *f, size_t n)
{
    ssize_t sent = send(f->fd, f->out, n, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0 && errno != EAGAIN)
        sent = (ssize_t)f->out_len; /* the client left: a test may want that */
    if (sent > 0) {
        f->out_len -= (size_t)sent;
        memmove(f->out, f->out + sent, f->out_len);
    }
}

static void send_rest_later(struct fake *f)
{
    struct timeval soon = {0};

    if (f->out_len && f->slow)
        evtimer_add(f->next_byte, &soon);
    else if (f->out_len)
        event_add(f->can_write, NULL);
}

void fake_on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct fake *f = arg;

    send_out(f, f->slow ? 1 : f->out_len);
    send_rest_later(f);
    fake_proceed(f);
}

static void send_line(struct fake *f, const char *line)
{
    auto_free char *id = json_dumps(f->id, JSON_ENCODE_ANY);
    const char *var = strstr(line, "$id");
    auto_free char *text =
        var ? mem_printf("%.*s%s%s\r\n", (int)(var - line), line, id ? id : "null", var + 3)
            : mem_printf("%s\r\n", line);
    size_t n = strlen(text);

    cr_assert_geq(f->fd, 0, "nobody to send to: %s", line);
    f->out = mem_grow(f->out, f->out_len + n, 1);
    memcpy(f->out + f->out_len, text, n);
    f->out_len += n;
    if (!f->slow)
        send_out(f, f->out_len);
    send_rest_later(f);
}

static void send_error(struct fake *f, const char *text)
{
    auto_free char *class = strndup(text, strcspn(text, " "));
    const char *desc = text + strlen(class);
    json_auto_t *m = json_pack("{s:{s:s,s:s},s:O?}", "error", "class", class, "desc",
                               *desc ? desc + 1 : "", "id", f->id);
    auto_free char *line = json_dumps(m, 0);

    send_line(f, line);
}

static void send_return(struct fake *f, const char *text)
{
    char *value = (char *)text;
    unsigned long n = *text == ' ' ? 0 : strtoul(text, &value, 10);
    json_t *id = n ? json_array_get(f->ids, n - 1) : f->id;
    auto_free char *id_text = json_dumps(id, JSON_ENCODE_ANY);
    auto_free char *line =
        mem_printf("{\"return\":%s, \"id\": %s}", value, id_text ? id_text : "null");

    send_line(f, line);
}

static void send_event(struct fake *f, const char *text)
{
    int n = (int)strcspn(text, " ");
    auto_free char *line = mem_printf("{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, "
                                      "\"event\": \"%.*s\", \"data\": %s}",
                                      n, text, text[n] ? text + n : "{}");

    send_line(f, line);
}

void fake_do(struct fake *f, const char *line)
{
    if (!strcmp(line, "greet"))
        send_line(f, greeting);
    else if (!strcmp(line, "slow"))
        f->slow = true;
    else if (!strcmp(line, "pause"))
        f->paused = true;
    else if (!strcmp(line, "close"))
        fake_hang_up(f);
    else if (line[0] == '<')
        send_line(f, line + 1 + strspn(line + 1, " "));
    else if (line[0] == '=')
        send_return(f, line + 1);
    else if (line[0] == '!')
        send_error(f, line + 1 + strspn(line + 1, " "));
    else if (line[0] == '@')
        send_event(f, line + 1 + strspn(line + 1, " "));
    else
        cr_assert_fail("the fake monitor does not know '%s'", line);
}
