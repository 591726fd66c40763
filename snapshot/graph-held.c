/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph-held: see graph-held.h; and graph-jobs.c, what the answer looks like. */
#include "snapshot/graph-held.h"

#include "snapshot/member.h"

static json_int_t number(const json_t *of, const char *key)
{
    return json_integer_value(json_object_get(of, key));
}

static const json_t *by_name(const json_t *nodes, const char *name)
{
    const json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (same(text(node, "type"), "block-driver") && same(text(node, "name"), name))
            return node;
    return NULL;
}

static const json_t *by_id(const json_t *nodes, json_int_t id)
{
    const json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (same(text(node, "type"), "block-driver") && number(node, "id") == id)
            return node;
    return NULL;
}

/* A node that has the one with @id as its backing. NULL: none has. */
static const json_t *above(const json_t *reply, json_int_t id)
{
    const json_t *edge;
    size_t i;

    json_array_foreach(json_object_get(reply, "edges"), i, edge)
        if (same(text(edge, "name"), "backing") && number(edge, "child") == id)
            return by_id(json_object_get(reply, "nodes"), number(edge, "parent"));
    return NULL;
}

const char *graph_held_by(const json_t *reply, const char *node)
{
    const json_t *nodes = json_object_get(reply, "nodes"), *at = node ? by_name(nodes, node) : NULL;
    const char *top = NULL;

    /* whoever answers may say that it goes round */
    for (size_t left = json_array_size(nodes);
         left > 0 && at && (at = above(reply, number(at, "id"))); left--)
        top = text(at, "name");
    return top;
}
