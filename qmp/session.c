/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session: see session.h. Here: what comes in. What goes out is in session-out.c. */
#include "qmp/session.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "qmp/session-private.h"

/* One more than ever seen in the wild. */
#define MAX_GREETINGS 3

void session_init(struct session *s, size_t max_message, unsigned max_depth, bool want_oob)
{
    *s = (struct session){.want_oob = want_oob, .free_slot = SLOT_NONE};
    reader_init(&s->reader, max_message, max_depth);
}

void session_done(struct session *s)
{
    reader_done(&s->reader);
    json_decref(s->greeting);
    free(s->out);
    free(s->fds);
    free(s->slots);
    free(s->broken);
    *s = (struct session){0};
}

char *session_room(struct session *s, size_t *size)
{
    return reader_room(&s->reader, size);
}

void session_filled(struct session *s, size_t n)
{
    reader_filled(&s->reader, n);
}

void session_error(json_t *error, struct qmp_error *err)
{
    const char *class = json_string_value(json_object_get(error, "class"));
    const char *desc = json_string_value(json_object_get(error, "desc"));

    qmp_error_set(err, QMP_ERR_COMMAND, "%s", desc ? desc : "an error without words");
    strncpy(err->class, class ? class : "GenericError", sizeof(err->class) - 1);
}

static int poison(struct session *s, const struct qmp_error *why)
{
    s->broken = mem_alloc(sizeof(*s->broken));
    *s->broken = *why;
    return -1;
}

static bool offers_oob(json_t *greeting)
{
    size_t i;
    json_t *cap;

    json_array_foreach(json_object_get(greeting, "capabilities"), i, cap)
        if (json_is_string(cap) && !strcmp(json_string_value(cap), "oob"))
            return true;
    return false;
}

/*
 * Usually the first message. A second one instead of the answer to qmp_capabilities
 * is a monitor that began again (a client before us left too fast): so do we.
 */
static int on_greeting(struct session *s, json_t *greeting, struct qmp_error *err)
{
    if (!json_is_object(greeting))
        return qmp_error_set(err, QMP_ERR_PROTOCOL, "a greeting without an object in it");
    if (s->state == SESSION_READY || s->greetings == MAX_GREETINGS)
        return qmp_error_set(err, QMP_ERR_PROTOCOL,
                             "the monitor began again in the middle of the session");
    s->greetings++;
    json_decref(s->greeting);
    s->greeting = json_incref(greeting);
    s->oob = s->want_oob && offers_oob(greeting);
    s->state = SESSION_NEGOTIATING;
    session_negotiate(s);
    return 0;
}

static const char lost[] = "the monitor began again while commands were on their way to it; "
                           "their outcome is unknown";

static bool any_slot(const struct session *s, enum slot_use use, unsigned before)
{
    for (unsigned i = 0; i < s->nslots; i++)
        if (s->slots[i].use == use && s->slots[i].negotiation < before)
            return true;
    return false;
}

/* The answer to our @nth qmp_capabilities. */
static int on_negotiated(struct session *s, unsigned nth, struct session_item *item,
                         struct qmp_error *err)
{
    if (s->state == SESSION_READY)
        return 0; /* we asked twice, and the first one counted after all */
    if (item->error) {
        if (any_slot(s, SLOT_NEGOTIATION, s->greetings + 1))
            return 0;
        session_error(item->error, err);
        err->kind = QMP_ERR_CONNECT;
        return qmp_error_wrap(err, "qmp_capabilities");
    }
    /* answers come in order: what was sent before this and is not answered was lost */
    if (any_slot(s, SLOT_CALL, nth))
        return qmp_error_set(err, QMP_ERR_PROTOCOL, "%s", lost);
    s->state = SESSION_READY;
    item->kind = SESSION_ITEM_READY;
    return 0;
}

/* The slot that a reply's id names, or NULL. An id is a real in a message with huge integers. */
static struct session_slot *find(struct session *s, json_t *id)
{
    double n = json_is_number(id) ? json_number_value(id) : -1;

    if (!(n >= 0 && n < s->nslots) || n != (unsigned)n)
        return NULL;
    return &s->slots[(unsigned)n];
}

static int on_reply(struct session *s, struct session_item *item, struct qmp_error *err)
{
    json_t *id = json_object_get(item->message, "id");
    struct session_slot *slot = find(s, id);

    if (item->error && !id && s->state != SESSION_GREETING) {
        session_error(item->error, err);
        err->kind = QMP_ERR_PROTOCOL;
        return qmp_error_wrap(err, "QEMU could not read what was sent");
    }
    if (!slot || slot->use == SLOT_FREE || slot->use == SLOT_FORGOTTEN) {
        s->dropped++;
        if (slot && slot->use == SLOT_FORGOTTEN)
            session_release(s, slot);
        return 0;
    }

    /* Answers come in order, so this is none to us: a client before us was gone before its
     * answer came, and its ids were small integers, too. */
    if (slot->use == SLOT_CALL && s->state != SESSION_READY && s->greetings < 2) {
        s->dropped++;
        return 0;
    }

    struct session_slot was = *slot;
    session_release(s, slot);
    if (was.use == SLOT_NEGOTIATION)
        return on_negotiated(s, was.negotiation, item, err);
    if (s->state == SESSION_NEGOTIATING && s->greetings > 1)
        return qmp_error_set(err, QMP_ERR_PROTOCOL, "%s", lost);
    item->kind = SESSION_ITEM_REPLY;
    item->call = was.call;
    return 0;
}

static int classify(struct session *s, struct session_item *item, struct qmp_error *err)
{
    json_t *m = item->message, *v;

    if ((v = json_object_get(m, "event"))) {
        if (!json_is_string(v))
            return qmp_error_set(err, QMP_ERR_PROTOCOL, "an event whose name is not a string");
        item->kind = SESSION_ITEM_EVENT;
        item->name = json_string_value(v);
        return 0;
    }
    item->ret = json_object_get(m, "return");
    item->error = item->ret ? NULL : json_object_get(m, "error");
    if (item->ret || item->error)
        return on_reply(s, item, err);
    if ((v = json_object_get(m, "QMP")))
        return on_greeting(s, v, err);
    if (s->state == SESSION_GREETING)
        return qmp_error_set(err, QMP_ERR_PROTOCOL, "what answers sends JSON, but no QMP greeting");
    s->dropped++;
    return 0;
}

int session_next(struct session *s, struct session_item *item, struct qmp_error *err)
{
    struct reader_message m;
    struct qmp_error why;

    if (s->broken) {
        if (err)
            *err = *s->broken;
        return -1;
    }
    int rc = reader_next(&s->reader, &m, &why);
    if (rc > 0) {
        *item = (struct session_item){.message = m.json, .text = m.text, .len = m.len};
        if (!classify(s, item, &why))
            return 1;
        json_decref(m.json);
        rc = -1;
    }
    if (rc < 0) {
        poison(s, &why);
        if (err)
            *err = why;
    }
    return rc;
}
