/* SPDX-License-Identifier: GPL-2.0-or-later */
/* step: see step.h. */
#include "tests/model/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/model/model.h"

/* ---- as text ---- */

static void add(char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(char *text, const char *fmt, ...)
{
    size_t n = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + n, STEP_TEXT - n, fmt, ap);
    va_end(ap);
}

static const char *const words[STEP_VERBS] = {
    "write", "create", "revert", "undo",   "delete", "edit",
    "prune", "commit", "stream", "mirror", "",       "restart QEMU",
};

static const struct {
    unsigned flag;
    const char *word;
} options[] = {
    // clang-format off
    {STEP_MEMORY,   "--memory"},   {STEP_NO_MEMORY, "--no-memory"}, {STEP_DISCARD, "--discard"},
    {STEP_CHILDREN, "--children"}, {STEP_FORCE,     "--force"},     {STEP_PIN,     "--pin"},
    {STEP_UNPIN,    "--unpin"},    {STEP_PAUSED,    "--paused"},    {STEP_RUNNING, "--running"},
    {STEP_INTERNAL, "--internal"}, {STEP_NO_RESET,  "--no-reset"},
    {STEP_KEEP_FILES, "--keep-files"},
    // clang-format on
};

static void add_layers(char *text, const struct step *s)
{
    add(text, " disk%d", s->disk);
    if (s->top[0])
        add(text, " --top %s", s->top);
    if (s->base[0])
        add(text, " --base %s", s->base);
}

char *step_text(const struct step *s, char text[STEP_TEXT])
{
    text[0] = '\0';
    if (s->verb == STEP_RUN) {
        add(text, "(QMP) %s", s->flags & STEP_RUNNING ? "cont" : "stop");
        return text;
    }
    add(text, "%s", words[s->verb]);
    for (int i = 0; i < STEP_NAMES && s->name[i][0]; i++)
        add(text, " '%s'", s->name[i]);
    if (s->verb == STEP_WRITE)
        add(text, " disk%d blocks %d-%d = %d", s->disk, s->from, s->from + s->blocks - 1, s->value);
    else if (s->verb == STEP_COMMIT || s->verb == STEP_STREAM)
        add_layers(text, s);
    else if (s->verb == STEP_MIRROR)
        add(text, " disk%d %s --sync=%s --%s", s->disk, s->file, s->sync,
            s->flags & STEP_FINISH ? "finish" : "pivot");
    else if (s->verb == STEP_CREATE && s->disk != STEP_ALL)
        add(text, " --disk disk%d", s->disk);
    if (s->fresh[0])
        add(text, " %s '%s'", s->verb == STEP_EDIT ? "--name" : "--keep", s->fresh);
    if (s->keep_last)
        add(text, " --keep-last %d", s->keep_last);
    if (s->max_depth)
        add(text, " --max-depth %d", s->max_depth);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (s->flags & options[i].flag)
            add(text, " %s", options[i].word);
    if (s->flags & STEP_DRY_FIRST)
        add(text, "     (after a --dry-run)");
    return text;
}

/* ---- at random ---- */

unsigned step_random(uint64_t *seed, unsigned n)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (unsigned)((z ^ (z >> 31)) % n);
}

static unsigned maybe(uint64_t *seed, unsigned one_in, unsigned flag)
{
    return step_random(seed, one_in) ? 0 : flag;
}

/* Few names, so that they meet: one that is taken, one that was deleted. */
static void any_name(uint64_t *seed, char name[STEP_NAME])
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h:1", "i j"};

    strcpy(name, names[step_random(seed, sizeof(names) / sizeof(names[0]))]);
}

static void some_snapshot(uint64_t *seed, const struct model *m, char name[STEP_NAME])
{
    if (m->n && step_random(seed, 20))
        strcpy(name, m->snapshots[step_random(seed, (unsigned)m->n)].name);
    else
        any_name(seed, name);
}

static void some_layers(uint64_t *seed, const struct layout *l, struct step *s)
{
    const struct image *chain[IMAGES_MOST];
    unsigned n = (unsigned)images_chain(l->images, l->active[s->disk], chain);

    if (step_random(seed, 2))
        strcpy(s->top, chain[step_random(seed, n)]->name);
    if (step_random(seed, 2))
        strcpy(s->base, chain[step_random(seed, n)]->name);
}

static enum verb some_verb(uint64_t *seed)
{
    static const unsigned char weights[STEP_VERBS] = {
        [STEP_WRITE] = 30, [STEP_CREATE] = 18, [STEP_REVERT] = 12, [STEP_UNDO] = 8,
        [STEP_DELETE] = 9, [STEP_EDIT] = 3,    [STEP_PRUNE] = 2,   [STEP_COMMIT] = 6,
        [STEP_STREAM] = 6, [STEP_MIRROR] = 4,  [STEP_RUN] = 2,     [STEP_RESTART] = 2,
    };
    unsigned sum = 0, verb = 0, at;

    for (int i = 0; i < STEP_VERBS; i++)
        sum += weights[i];
    for (at = step_random(seed, sum); at >= weights[verb]; verb++)
        at -= weights[verb];
    return (enum verb)verb;
}

static void choose_way(uint64_t *seed, struct step *s)
{
    s->flags |= maybe(seed, 4, STEP_DISCARD);
    if (!(s->flags & STEP_DISCARD) && !step_random(seed, 4))
        any_name(seed, s->fresh);
    s->flags |= maybe(seed, 8, STEP_NO_RESET);
    s->flags |= maybe(seed, 8, STEP_PAUSED);
    if (!(s->flags & STEP_PAUSED))
        s->flags |= maybe(seed, 8, STEP_RUNNING);
}

struct step step_next(uint64_t *seed, int number, const struct model *m, const struct layout *l)
{
    static const char *const syncs[] = {"full", "top", "none"};
    struct step s = {.verb = some_verb(seed), .disk = (int)step_random(seed, (unsigned)m->ndisks)};

    switch (s.verb) {
    case STEP_WRITE:
        s.from = (int)step_random(seed, MODEL_BLOCKS);
        s.blocks = 1 + (int)step_random(seed, (unsigned)(MODEL_BLOCKS - s.from));
        s.value = step_random(seed, 6) ? 1 + (int)step_random(seed, 255) : 0;
        return s;
    case STEP_CREATE:
        any_name(seed, s.name[0]);
        if (step_random(seed, 3))
            s.disk = STEP_ALL;
        s.flags |= maybe(seed, 3, STEP_MEMORY) | maybe(seed, 3, STEP_INTERNAL);
        break;
    case STEP_REVERT:
        some_snapshot(seed, m, s.name[0]);
        s.flags |= maybe(seed, 6, STEP_NO_MEMORY);
        choose_way(seed, &s);
        break;
    case STEP_UNDO:
        choose_way(seed, &s);
        break;
    case STEP_DELETE:
        for (unsigned i = 0, n = 1 + (step_random(seed, 3) ? 0 : step_random(seed, 3)); i < n; i++)
            some_snapshot(seed, m, s.name[i]);
        s.flags |= maybe(seed, 5, STEP_CHILDREN);
        break;
    case STEP_EDIT:
        some_snapshot(seed, m, s.name[0]);
        if (step_random(seed, 2))
            any_name(seed, s.fresh);
        s.flags |= maybe(seed, 4, STEP_PIN);
        if (!(s.flags & STEP_PIN))
            s.flags |= maybe(seed, 2, STEP_UNPIN);
        break;
    case STEP_PRUNE:
        if (step_random(seed, 2))
            s.keep_last = 2 + (int)step_random(seed, 4);
        else
            s.max_depth = 1 + (int)step_random(seed, 6);
        break;
    case STEP_COMMIT:
        s.flags |= maybe(seed, 3, STEP_FORCE) | maybe(seed, 6, STEP_KEEP_FILES);
        some_layers(seed, l, &s);
        break;
    case STEP_STREAM:
        s.flags |= maybe(seed, 6, STEP_KEEP_FILES);
        some_layers(seed, l, &s);
        break;
    case STEP_MIRROR:
        s.sync = syncs[step_random(seed, 3)];
        s.flags |= maybe(seed, 6, STEP_KEEP_FILES);
        if (strcmp(s.sync, "none")) /* its copy is worth nothing alone */
            s.flags |= maybe(seed, 4, STEP_FINISH);
        snprintf(s.file, sizeof(s.file), "copy%d.%s", number,
                 strcmp(s.sync, "full") || step_random(seed, 3) ? "qcow2" : "raw");
        break;
    case STEP_RUN:
        s.flags |= m->running ? 0 : STEP_RUNNING;
        return s;
    default:
        s.flags |= maybe(seed, 3, STEP_RUNNING);
        return s;
    }
    s.flags |= maybe(seed, 8, STEP_DRY_FIRST);
    return s;
}
