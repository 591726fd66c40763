/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lie: see lie.h. */
#include "tests/scene/lie.h"

#include <stdbool.h>

/* What comes in place of a value; NULL: nothing. */
static const char *const lies[] = {NULL, "null", "-1",     "\"\"", "\"json:{\\\"file\\\": []}\"",
                                   "[]", "{}",   "[[{}]]", "1e9",  "true"};

enum { LIES = sizeof(lies) / sizeof(lies[0]) };

static json_t *value_of(const char *lie)
{
    return json_loads(lie, JSON_DECODE_ANY, NULL);
}

/* Replace the @which'th value inside @at, counted in depth; false: there are fewer. */
static bool replace(json_t *at, size_t *which, const char *lie)
{
    const char *key;
    json_t *value;
    void *next;
    size_t i;

    json_object_foreach_safe(at, next, key, value) {
        bool here = !(*which)--;

        if (here && lie)
            json_object_set_new(at, key, value_of(lie));
        else if (here)
            json_object_del(at, key);
        if (here || replace(value, which, lie))
            return true;
    }
    json_array_foreach(at, i, value) {
        bool here = !(*which)--;

        if (here && lie)
            json_array_set_new(at, i, value_of(lie));
        else if (here)
            json_array_remove(at, i);
        if (here || replace(value, which, lie))
            return true;
    }
    return false;
}

json_t *lie_next(const json_t *truth, size_t *at)
{
    json_t *copy = json_deep_copy(truth);
    size_t which = *at / LIES;

    if (replace(copy, &which, lies[(*at)++ % LIES]))
        return copy;
    json_decref(copy);
    return NULL;
}
