/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ask: see ask.h. */
#include "snapshot/ask.h"

#include <stdlib.h>

#include "qmp/mem.h"

struct answer {
    struct ask *ask;
    ask_take_fn *take;
    void *to;
    bool optional;
    json_t *reply; /* owned; NULL: failed or not answered */
    struct qmp_error err;
};

struct ask {
    struct qmp_client *client;
    const bool *stop;
    struct answer **answers; /* each at a fixed address: callbacks hold it */
    size_t n, left;
    bool abandoned; /* freed by its owner, alive for the callbacks still to come */
};

struct ask *ask_new(struct qmp_client *c, const bool *stop)
{
    struct ask *a = mem_alloc(sizeof(*a));

    a->client = c;
    a->stop = stop;
    return a;
}

static void release(struct ask *a)
{
    for (size_t i = 0; i < a->n; i++) {
        json_decref(a->answers[i]->reply);
        free(a->answers[i]);
    }
    free(a->answers);
    free(a);
}

void ask_free(struct ask *a)
{
    if (!a)
        return;
    a->abandoned = true;
    if (!a->left)
        release(a);
}

static void on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    struct answer *answer = arg;
    struct ask *a = answer->ask;

    a->left--;
    if (err)
        answer->err = *err;
    else if (!answer->take || a->abandoned)
        answer->reply = json_incref(ret);
    else if (!answer->take(answer->to, ret, &answer->err))
        answer->reply = json_null();
    if (a->abandoned && !a->left)
        release(a);
}

size_t ask_add(struct ask *a, const char *name, json_t *args, ask_take_fn *take, void *to)
{
    struct answer *answer = mem_alloc(sizeof(*answer));

    answer->ask = a;
    answer->take = take;
    answer->to = to;
    a->answers = mem_grow(a->answers, a->n + 1, sizeof(struct answer *));
    a->answers[a->n] = answer;
    a->left++;
    qmp_client_call(a->client, name, args, 0, on_reply, answer);
    return a->n++;
}

void ask_optional(struct ask *a, size_t i)
{
    a->answers[i]->optional = true;
}

static bool settled(void *arg)
{
    const struct ask *a = arg;

    return !a->left || (a->stop && *a->stop);
}

void ask_send(struct ask *a)
{
    qmp_client_send(a->client);
}

int ask_run(struct ask *a, struct qmp_error *err)
{
    if (qmp_client_run(a->client, settled, a, 0, err))
        return -1;
    if (a->left)
        return qmp_error_set(err, QMP_ERR_CANCELLED, "interrupted");
    /* every call was ended by the connection's end: that is the news, not the calls */
    const struct qmp_error *broken = qmp_client_broken(a->client);
    if (broken) {
        if (err)
            *err = *broken;
        return -1;
    }
    return 0;
}

void ask_insist(struct ask *a)
{
    a->stop = NULL;
}

json_t *ask_reply(const struct ask *a, size_t i, struct qmp_error *err)
{
    if (!a->answers[i]->reply && err)
        *err = a->answers[i]->err;
    return a->answers[i]->reply;
}

int ask_failed(const struct ask *a, struct qmp_error *err)
{
    for (size_t i = 0; i < a->n; i++)
        if (!a->answers[i]->optional && !ask_reply(a, i, err))
            return -1;
    return 0;
}

int ask_finish(struct ask *a, struct qmp_error *err)
{
    int rc = ask_run(a, err) || ask_failed(a, err) ? -1 : 0;

    ask_free(a);
    return rc;
}

json_t *ask_one(struct qmp_client *c, const bool *stop, const char *name, json_t *args,
                struct qmp_error *err)
{
    struct ask *a = ask_new(c, stop);
    json_t *reply = NULL;

    ask_add(a, name, args, NULL, NULL);
    if (!ask_run(a, err))
        reply = json_incref(ask_reply(a, 0, err));
    ask_free(a);
    return reply;
}
