/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command: see command.h. */
#include "tests/scene/command.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

enum kind { TEXT, NUMBER, METHOD, LIST, SWITCH, STOP, LIVE }; /* the last three take no value */

/* What of a command line goes where. A word without dashes takes the next option without. */
struct option {
    const char *verb, *name;
    enum kind kind;
    size_t offset;
};

#define AT(field) offsetof(struct command, args.field)

/* clang-format off */
static const struct option options[] = {
    {"create", "",              TEXT,   AT(create.name)},
    {"create", "--description", TEXT,   AT(create.description)},
    {"create", "--disk",        LIST,   AT(create.disks)},
    {"create", "--exclude",     LIST,   AT(create.exclude)},
    {"create", "--overlay",     LIST,   AT(create.overlays)},
    {"create", "--method",      METHOD, AT(create.method)},
    {"create", "--internal",    SWITCH, AT(create.internal)},
    {"create", "--memory",      STOP,   AT(create.memory)},
    {"create", "--memory=live", LIVE,   AT(create.memory)},
    {"create", "--halt",        SWITCH, AT(create.halt)},

    {"revert",      "",            TEXT,   AT(revert.name)},
    {"revert undo", "--keep",      TEXT,   AT(revert.keep)},
    {"revert undo", "--discard",   SWITCH, AT(revert.discard)},
    {"revert",      "--no-memory", SWITCH, AT(revert.no_memory)},
    {"revert undo", "--no-reset",  SWITCH, AT(revert.no_reset)},
    {"revert undo", "--paused",    SWITCH, AT(revert.paused)},
    {"revert undo", "--running",   SWITCH, AT(revert.running)},

    {"delete", "",           LIST,   AT(delete.names)},
    {"delete", "--children", SWITCH, AT(delete.children)},
    {"delete", "--undo",     SWITCH, AT(delete.undo)},
    {"delete", "--metadata", SWITCH, AT(delete.metadata)},

    {"edit", "",              TEXT,   AT(edit.name)},
    {"edit", "--name",        TEXT,   AT(edit.new_name)},
    {"edit", "--description", TEXT,   AT(edit.description)},
    {"edit", "--pin",         SWITCH, AT(edit.pin)},
    {"edit", "--unpin",       SWITCH, AT(edit.unpin)},

    {"prune", "--keep-last",    NUMBER, AT(prune.last)},
    {"prune", "--keep-hourly",  NUMBER, AT(prune.hourly)},
    {"prune", "--keep-daily",   NUMBER, AT(prune.daily)},
    {"prune", "--keep-weekly",  NUMBER, AT(prune.weekly)},
    {"prune", "--keep-monthly", NUMBER, AT(prune.monthly)},
    {"prune", "--keep-yearly",  NUMBER, AT(prune.yearly)},
    {"prune", "--max-depth",    NUMBER, AT(prune.max_depth)},

    {"commit stream", "",             TEXT,   AT(commit.disk)},
    {"commit stream", "--base",       TEXT,   AT(commit.base)},
    {"commit stream", "--top",        TEXT,   AT(commit.top)},
    {"commit stream", "--speed",      NUMBER, AT(commit.speed)},
    {"commit stream", "--keep-files", SWITCH, AT(commit.keep_files)},
    {"commit",        "--force",      SWITCH, AT(commit.force)},

    {"mirror", "",             TEXT,   AT(mirror.disk)},
    {"mirror", "",             TEXT,   AT(mirror.file)},
    {"mirror", "--sync",       TEXT,   AT(mirror.sync)},
    {"mirror", "--format",     TEXT,   AT(mirror.format)},
    {"mirror", "--speed",      NUMBER, AT(mirror.speed)},
    {"mirror", "--pivot",      SWITCH, AT(mirror.pivot)},
    {"mirror", "--finish",     SWITCH, AT(mirror.finish)},
    {"mirror", "--keep-files", SWITCH, AT(mirror.keep_files)},

    {"export", "",            TEXT,   AT(export.name)},
    {"export", "",            TEXT,   AT(export.to)},
    {"export", "--disk",      LIST,   AT(export.disks)},
    {"export", "--format",    TEXT,   AT(export.format)},
    {"export", "--compress",  SWITCH, AT(export.compress)},
    {"export", "--no-memory", SWITCH, AT(export.no_memory)},
};
/* clang-format on */

static const struct qrw_operation *operation(const char *verb)
{
    static const struct qrw_operation *const all[] = {
        &qrw_create, &qrw_revert, &qrw_undo,   &qrw_delete, &qrw_edit,
        &qrw_prune,  &qrw_commit, &qrw_stream, &qrw_mirror, &qrw_export};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!strcmp(all[i]->name, verb))
            return all[i];
    cr_assert_fail("no operation '%s'", verb);
    return NULL;
}

/* The @skip'th option of @verb that is called @name. */
static const struct option *find(const char *verb, const char *name, size_t skip)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (strstr(options[i].verb, verb) && !strcmp(options[i].name, name) && !skip--)
            return &options[i];
    cr_assert_fail("%s has no option '%s'", verb, name);
    return NULL;
}

static enum qrw_method method(const char *word)
{
    return !strcmp(word, "sync")       ? QRW_METHOD_SYNC
           : !strcmp(word, "snapshot") ? QRW_METHOD_SNAPSHOT
                                       : QRW_METHOD_AUTO;
}

static void add_to_list(struct command *c, qrw_strings *field, const char *value)
{
    size_t which = 0, n = 0;

    while (c->lists[which][0] && *field != c->lists[which])
        which++;
    while (c->lists[which][n])
        n++;
    c->lists[which][n] = value;
    *field = c->lists[which];
}

static void set(struct command *c, const struct option *o, const char *value)
{
    void *field = (char *)c + o->offset;

    switch (o->kind) {
    case TEXT:
        *(const char **)field = value;
        break;
    case SWITCH:
        *(bool *)field = true;
        break;
    case NUMBER:
        *(int64_t *)field = atoll(value);
        break;
    case METHOD:
        *(enum qrw_method *)field = method(value);
        break;
    case STOP:
        *(enum qrw_memory *)field = QRW_MEMORY_STOP;
        break;
    case LIVE:
        *(enum qrw_memory *)field = QRW_MEMORY_LIVE;
        break;
    case LIST:
        add_to_list(c, field, value);
        break;
    }
}

void command_parse(struct command *c, const char *line)
{
    size_t plain = 0;
    char *rest;

    memset(c, 0, sizeof(*c));
    c->words = rest = mem_strdup(line);
    const char *verb = strsep(&rest, " ");
    c->op = operation(verb);
    for (char *word; (word = strsep(&rest, " "));) {
        bool dashes = !strncmp(word, "--", 2);
        const struct option *o = find(verb, dashes ? word : "", dashes ? 0 : plain);

        if (!dashes && o->kind != LIST)
            plain++;

        if (dashes && o->kind < SWITCH)
            word = strsep(&rest, " ");
        cr_assert(word, "%s: a value is missing", line);
        set(c, o, word);
    }
}

void command_done(struct command *c)
{
    free(c->words);
}
