/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json-args: see json-args.h. */
#include "cli/json-args.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

static json_t *whole(const char *text, struct qmp_error *err)
{
    json_error_t why;
    json_t *args = json_loads(text, JSON_REJECT_DUPLICATES, &why);

    if (!args)
        qmp_error_set(err, QMP_ERR_USAGE, "the JSON is broken at column %d: %s", why.column,
                      why.text);
    return args;
}

static json_t *value_of(const char *text, const char *key, struct qmp_error *err)
{
    json_error_t why;
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);

    if (value)
        return value;
    if (*text == '{' || *text == '[') {
        qmp_error_set(err, QMP_ERR_USAGE, "%s: the JSON is broken at column %d: %s", key,
                      why.column, why.text);
        return NULL;
    }
    value = json_string(text);
    if (!value)
        qmp_error_set(err, QMP_ERR_USAGE, "%s: the value is not UTF-8", key);
    return value;
}

/* Put @value (taken) where the dotted @key says. */
static int put(json_t *object, char *key, json_t *value, struct qmp_error *err)
{
    char *dot;

    for (; (dot = strchr(key, '.')); key = dot + 1) {
        *dot = 0;
        json_t *inner = json_object_get(object, key);

        if (!inner) {
            inner = json_object();
            if (json_object_set_new(object, key, inner))
                break;
        }
        if (!json_is_object(inner))
            break;
        object = inner;
    }
    if (dot || !*key || json_object_get(object, key)) {
        json_decref(value);
        return qmp_error_set(err, QMP_ERR_USAGE, "'%s' is given twice, or is no key", key);
    }
    if (json_object_set_new(object, key, value))
        return qmp_error_set(err, QMP_ERR_USAGE, "a key is not UTF-8");
    return 0;
}

static int add(json_t *args, const char *word, struct qmp_error *err)
{
    const char *equals = strchr(word, '=');

    if (!equals || equals == word) {
        qmp_error_set(err, QMP_ERR_USAGE, "'%s' is not KEY=VALUE", word);
        return qmp_error_hint(err, "or all arguments as one JSON object: '{\"node-name\":\"a\"}'");
    }
    auto_free char *key = mem_printf("%.*s", (int)(equals - word), word);
    json_t *value = value_of(equals + 1, key, err);

    return value ? put(args, key, value, err) : -1;
}

json_t *json_args(const char *const *words, struct qmp_error *err)
{
    if (words && words[0] && words[0][0] == '{' && !words[1])
        return whole(words[0], err);
    json_t *args = json_object();
    for (size_t i = 0; words && words[i]; i++) {
        if (add(args, words[i], err)) {
            json_decref(args);
            return NULL;
        }
    }
    return args;
}
