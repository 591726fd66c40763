/* SPDX-License-Identifier: GPL-2.0-or-later */
/* value: see value.h. */
#include "cli/value.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/nearest.h"
#include "qmp/mem.h"

/* A day and a bit: more is a mistake. */
enum { MAX_SECONDS = 100000 };

static int invalid(const struct opt *o, const char *text, const char *wanted, struct qmp_error *err)
{
    return qmp_error_set(err, QMP_ERR_USAGE, "%s%s: '%s' is not %s",
                         o->place == OPT_OPTION ? "--" : "", o->name, text, wanted);
}

int64_t value_size(const char *text)
{
    static const char units[] = "KMGT";
    const char *unit;
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -1;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno)
        return -1;
    if (!*end)
        return n;
    unit = strchr(units, toupper((unsigned char)*end));
    if (!unit || (end[1] && strcmp(end + 1, "iB")))
        return -1;
    unsigned shift = 10 * (unsigned)(unit - units + 1);
    return n > INT64_MAX >> shift ? -1 : n << shift;
}

/* -1: none. */
static int index_of(const char *const *words, const char *text)
{
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], text))
            return i;
    return -1;
}

static int not_a_word(const struct opt *o, const char *text, struct qmp_error *err)
{
    char wanted[200] = "one of ";
    struct nearest near = {0};

    for (size_t i = 0; o->words[i]; i++) {
        strncat(wanted, i ? ", " : "", sizeof(wanted) - strlen(wanted) - 1);
        strncat(wanted, o->words[i], sizeof(wanted) - strlen(wanted) - 1);
        nearest_offer(&near, text, o->words[i]);
    }
    invalid(o, text, wanted, err);
    return near.word ? qmp_error_hint(err, "did you mean %s?", near.word) : -1;
}

static void append(const char ***list, const char *text)
{
    size_t n = 0;

    while (*list && (*list)[n])
        n++;
    *list = mem_grow(*list, n + 2, sizeof(**list));
    (*list)[n] = text;
    (*list)[n + 1] = NULL;
}

static int seconds(const struct opt *o, int *ms, const char *text, struct qmp_error *err)
{
    char *end;
    double s = strtod(text, &end);

    if (!isdigit((unsigned char)text[0]) || *end || !(s >= 0 && s <= MAX_SECONDS))
        return invalid(o, text, "a number of seconds", err);
    *ms = (int)(s * 1000 + 0.5);
    return 0;
}

int value_store(const struct opt *o, void *args, const char *text, struct qmp_error *err)
{
    void *member = (char *)args + o->offset;
    int choice = o->words ? index_of(o->words, text) : 0;
    json_auto_t *utf8 = json_string(text);

    if (choice < 0)
        return not_a_word(o, text, err);
    if (!utf8)
        return invalid(o, text, "UTF-8", err);
    switch (o->type) {
    case OPT_FLAG:
        break; /* has no value */
    case OPT_STRING:
        *(const char **)member = text;
        break;
    case OPT_STRINGS:
        append(member, text);
        break;
    case OPT_CHOICE:
        *(int *)member = choice;
        break;
    case OPT_SIZE:
        *(int64_t *)member = value_size(text);
        if (*(int64_t *)member < 0)
            return invalid(o, text, "a size like 512k, 10M or 1G", err);
        break;
    case OPT_COUNT:
    case OPT_LIMIT:
        *(int64_t *)member = text[strspn(text, "0123456789")] ? -1 : value_size(text);
        if (*(int64_t *)member < (o->type == OPT_LIMIT))
            return invalid(o, text, o->type == OPT_LIMIT ? "a number above 0" : "a number", err);
        break;
    case OPT_SECONDS:
        return seconds(o, member, text, err);
    }
    return 0;
}
