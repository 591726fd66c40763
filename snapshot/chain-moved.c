/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chain-moved: a plan names files whole; what is pending follows a folder that was moved. So does
 * what lies in other folders. */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/chain.h"
#include "snapshot/member.h"

/* What @value becomes: the same, if it does not lie below @from. New reference. */
static json_t *moved(const json_t *value, const char *from, const char *to)
{
    const char *name = json_string_value(value), *key;
    const size_t n = strlen(from);
    json_t *made, *part;
    size_t i;

    if (name && !strncmp(name, from, n) && name[n] == '/') {
        auto_free char *there = mem_printf("%s%s", to, name + n);

        return json_string(there);
    }
    if (json_is_array(value)) {
        made = json_array();
        json_array_foreach(value, i, part)
            json_array_append_new(made, moved(part, from, to));
        return made;
    }
    if (json_is_object(value)) {
        made = json_object();
        json_object_foreach((json_t *)value, key, part)
            json_object_set_new(made, key, moved(part, from, to));
        return made;
    }
    return json_incref((json_t *)value);
}

void chain_follow_folder(struct chain *c)
{
    json_t *pending = chain_pending(c);
    const char *from = text(pending, "folder");

    if (!from || !strcmp(from, c->folder) || from[0] != '/' || !from[1])
        return;
    json_t *was = json_incref(json_object_get(pending, "was")), *now;
    if (!json_is_array(was)) {
        json_decref(was);
        was = json_array();
    }
    json_array_append_new(was, json_string(from));
    json_object_del(pending, "was");
    now = moved(pending, from, c->folder);
    json_object_set_new(now, "folder", json_string(c->folder));
    json_object_set_new(now, "was", was);
    json_object_set_new(c->doc, "pending", now);
}

/* The member @key of @obj. */
static void move_member(json_t *obj, const char *key, const char *from, const char *to)
{
    if (json_object_get(obj, key))
        json_object_set_new(obj, key, moved(json_object_get(obj, key), from, to));
}

void chain_move_folder(struct chain *c, const char *from, const char *to)
{
    json_auto_t *folder = json_incref(json_object_get(chain_pending(c), "folder"));
    json_t *snapshot;
    size_t i;

    if (!from[1])
        return;
    move_member(c->doc, "layers", from, to);
    move_member(c->doc, "pending", from, to);
    if (folder)
        json_object_set(chain_pending(c), "folder", folder);
    json_array_foreach(chain_snapshots(c), i, snapshot)
        move_member(snapshot, "memory", from, to);
}

char *chain_where_it_was(const struct chain *c, const char *file)
{
    const json_t *was = json_object_get(chain_pending(c), "was"), *from;
    size_t i;

    json_array_foreach(was, i, from) {
        json_auto_t *name = json_string(file), *now = NULL;

        now = json_is_string(from) ? moved(name, json_string_value(from), c->folder) : NULL;
        if (now && !json_equal(now, name))
            return mem_strdup(json_string_value(now));
    }
    return NULL;
}
