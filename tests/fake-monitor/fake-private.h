/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-private: what the two halves of the fake monitor share. */
#ifndef TESTS_FAKE_PRIVATE_H
#define TESTS_FAKE_PRIVATE_H

#include <event2/event.h>

#include "qmp/reader.h"
#include "tests/fake-monitor/fake-monitor.h"

struct fake {
    struct event_base *base;
    char *address;
    int listener, fd;
    struct event *can_accept, *can_read, *can_write, *next_byte;
    struct reader reader;

    const char **script; /* NULL: dispatching */
    size_t at;
    bool paused, slow;

    const struct fake_answer *table;
    fake_answer_fn *answer;
    void *answer_arg;

    json_t *waiting; /* commands that came and were not expected yet */
    json_t *ids;     /* of the commands that were expected */
    json_t *id;      /* the last one's; borrowed from ids, or NULL */

    char *log;
    char *out; /* what is not sent yet */
    size_t out_len;
    int passed_fd;
    size_t bytes;
    unsigned reads;
};

/* fake-monitor.c */
void fake_proceed(struct fake *f);
void fake_hang_up(struct fake *f);

/* fake-lines.c */
void fake_on_writable(evutil_socket_t fd, short what, void *arg);

#endif
