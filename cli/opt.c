/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opt: see opt.h. What a word means is decided here, what a value means in value.c. */
#include "cli/opt.h"

#include <stdlib.h>
#include <string.h>

#include "cli/nearest.h"
#include "cli/value.h"

struct parser {
    struct opt_set *sets;
    size_t nsets;
    int argc, at; /* @at: the next word */
    char *const *argv;
    const struct opt *last; /* the argument that takes the next word, in sets[0] */
};

/* The option called @name (@len bytes), or @letter, and where it belongs. */
static const struct opt *find(const struct parser *p, const char *name, size_t len, char letter,
                              struct opt_set **set)
{
    for (size_t i = 0; i < p->nsets; i++) {
        for (const struct opt *o = p->sets[i].opts; o->name; o++) {
            if (o->place != OPT_OPTION)
                continue;
            if (name ? strlen(o->name) == len && !strncmp(o->name, name, len)
                     : o->letter == letter) {
                *set = &p->sets[i];
                return o;
            }
        }
    }
    return NULL;
}

static int unknown(const struct parser *p, const char *name, size_t len, struct qmp_error *err)
{
    struct nearest near = {0};
    char word[40] = "";

    if (len < sizeof(word))
        memcpy(word, name, len);
    for (size_t i = 0; i < p->nsets; i++)
        for (const struct opt *o = p->sets[i].opts; o->name; o++)
            if (o->place == OPT_OPTION)
                nearest_offer(&near, word, o->name);
    qmp_error_set(err, QMP_ERR_USAGE, "unknown option '--%.*s'", (int)len, name);
    return near.word ? qmp_error_hint(err, "did you mean --%s?", near.word) : -1;
}

/* @value NULL: none was joined to the option; the next word may be it. */
static int take(struct parser *p, struct opt_set *set, const struct opt *o, const char *value,
                struct qmp_error *err)
{
    set->seen |= o->id;
    if (o->type == OPT_FLAG) {
        if (value)
            return qmp_error_set(err, QMP_ERR_USAGE, "option '--%s' takes no value", o->name);
        *(bool *)((char *)set->args + o->offset) = true;
        return 0;
    }
    if (!value && o->bare)
        value = o->bare;
    if (!value) {
        if (p->at >= p->argc)
            return qmp_error_set(err, QMP_ERR_USAGE, "option '--%s' needs a value", o->name);
        value = p->argv[p->at++];
    }
    return value_store(o, set->args, value, err);
}

static int long_option(struct parser *p, const char *word, struct qmp_error *err)
{
    const char *value = strchr(word, '=');
    size_t len = value ? (size_t)(value - word) : strlen(word);
    struct opt_set *set;
    const struct opt *o = find(p, word, len, 0, &set);

    if (!o)
        return unknown(p, word, len, err);
    return take(p, set, o, value ? value + 1 : NULL, err);
}

/* "-jq", "-s ADDR", "-sADDR" */
static int short_options(struct parser *p, const char *word, struct qmp_error *err)
{
    for (; *word; word++) {
        struct opt_set *set;
        const struct opt *o = find(p, NULL, 0, *word, &set);

        if (!o)
            return qmp_error_set(err, QMP_ERR_USAGE, "unknown option '-%c'", *word);
        if (o->type != OPT_FLAG)
            return take(p, set, o, word[1] ? word + 1 : NULL, err);
        if (take(p, set, o, NULL, err))
            return -1;
    }
    return 0;
}

/* The first argument of the table from @o on. */
static const struct opt *argument(const struct opt *o)
{
    while (o->name && o->place == OPT_OPTION)
        o++;
    return o;
}

static int word(struct parser *p, const char *value, struct qmp_error *err)
{
    const struct opt *o = p->last;

    if (!o->name)
        return qmp_error_set(err, QMP_ERR_USAGE, "one argument too many: '%s'", value);
    if (value_store(o, p->sets[0].args, value, err))
        return -1;
    if (o->type != OPT_STRINGS)
        p->last = argument(o + 1);
    return 0;
}

/* Did the argument that must be there come? */
static int complete(const struct parser *p, struct qmp_error *err)
{
    const struct opt *o = p->last;
    const struct opt_set *set = &p->sets[0];

    if (!o->name || o->place != OPT_MUST)
        return 0;
    if (o->type == OPT_STRINGS && *(char *const *const *)((char *)set->args + o->offset))
        return 0;
    return qmp_error_set(err, QMP_ERR_USAGE, "%s is missing", o->name);
}

int opt_parse(struct opt_set *sets, size_t n, int argc, char *const *argv, bool words_end,
              struct qmp_error *err)
{
    struct parser p = {sets, n, argc, 0, argv, argument(sets[0].opts)};
    bool ended = false; /* "--" was there */

    while (p.at < argc) {
        const char *w = argv[p.at];
        bool option = !ended && w[0] == '-' && w[1];
        int rc;

        if (!option && words_end)
            return p.at;
        p.at++;
        if (!option)
            rc = word(&p, w, err);
        else if (!strcmp(w, "--"))
            ended = true, rc = 0;
        else if (w[1] == '-')
            rc = long_option(&p, w + 2, err);
        else
            rc = short_options(&p, w + 1, err);
        if (rc)
            return -1;
    }
    if (!words_end && complete(&p, err))
        return -1;
    return p.at;
}

void opt_done(const struct opt_set *set)
{
    for (const struct opt *o = set->opts; o->name; o++)
        if (o->type == OPT_STRINGS)
            free(*(void **)((char *)set->args + o->offset));
}
