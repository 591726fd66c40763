/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client-events: who wants to hear of which events. */
#include <stdlib.h>
#include <string.h>

#include "qmp/client-private.h"
#include "qmp/mem.h"

static void drop(struct qmp_client *c, struct subscriber *s)
{
    TAILQ_REMOVE(&c->subscribers, s, link);
    free(s->name);
    free(s);
}

void client_event(struct qmp_client *c, const struct session_item *item)
{
    unsigned last = c->last_handle; /* later ones came after this event */
    struct subscriber *s, *next;

    TAILQ_FOREACH(s, &c->subscribers, link) {
        if (c->freed || s->handle > last)
            break;
        if (s->fn && (!s->name || !strcmp(s->name, item->name)))
            s->fn(c, item->name, item->message, s->arg);
    }
    for (s = TAILQ_FIRST(&c->subscribers); s; s = next) {
        next = TAILQ_NEXT(s, link);
        if (!s->fn)
            drop(c, s);
    }
}

unsigned qmp_client_subscribe(struct qmp_client *c, const char *name, qmp_event_fn *fn, void *arg)
{
    struct subscriber *s = mem_alloc(sizeof(*s));

    *s = (struct subscriber){.handle = ++c->last_handle, .fn = fn, .arg = arg};
    s->name = mem_strdup(name);
    TAILQ_INSERT_TAIL(&c->subscribers, s, link);
    return s->handle;
}

/* It may be the one that is being called: the next event sweeps it away. */
void qmp_client_unsubscribe(struct qmp_client *c, unsigned handle)
{
    struct subscriber *s;

    TAILQ_FOREACH(s, &c->subscribers, link)
        if (s->handle == handle)
            s->fn = NULL;
}

void client_drop_subscribers(struct qmp_client *c)
{
    while (!TAILQ_EMPTY(&c->subscribers))
        drop(c, TAILQ_FIRST(&c->subscribers));
}
