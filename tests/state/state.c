/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state: see state.h. */
#include "tests/state/state.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/check.h"

static const char *member(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

/* ---- files as the document says ---- */

static json_t *new_entry(const char *name)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i}", "id", name, "size", 1, "mtime_ns", 1, "inode", 1,
                     "mode", 0600);
}

static bool is_active(const struct chain *c, const char *id)
{
    auto_free char *why = chain_keeps(c, id);

    return why && !strcmp(why, "active");
}

static void add_layer(json_t *files, const struct chain *c, const char *id, json_t *layer)
{
    auto_free char *file = chain_layer_file(c, id);
    auto_free char *below = chain_layer_file(c, member(layer, "backing"));
    json_t *entry = new_entry(file);

    json_object_set(entry, "virtual", json_object_get(layer, "size"));
    if (below) {
        json_object_set_new(entry, "backing", json_string(below));
        json_object_set_new(entry, "leads", json_string(below));
        json_object_set(entry, "backing_format",
                        json_object_get(chain_layer(c, member(layer, "backing")), "format"));
    }
    json_object_set_new(files, file, entry);
    if (!is_active(c, id))
        json_object_set_new(layer, "fingerprint",
                            json_pack("{s:i, s:i, s:i}", "size", 1, "mtime_ns", 1, "inode", 1));
}

/* The tags that the document has inside of layers. */
static void add_tags(json_t *files, const struct chain *c, const json_t *snapshot)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(snapshot, "disks"), disk, held) {
        auto_free char *file = chain_layer_file(c, member(held, "inside"));
        json_t *entry = file ? json_object_get(files, file) : NULL;

        if (entry && !json_object_get(entry, "tags"))
            json_object_set_new(entry, "tags", json_array());
        json_array_append(json_object_get(entry, "tags"), json_object_get(held, "tag"));
    }
}

static json_t *survey_of(const struct chain *c)
{
    json_t *files = json_object(), *layer, *snapshot;
    const char *id;
    size_t i;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer)
        add_layer(files, c, id, layer);
    json_array_foreach(chain_snapshots(c), i, snapshot) {
        auto_free char *memory = chain_memory_file(c, json_object_get(snapshot, "memory"));

        add_tags(files, c, snapshot);
        if (!memory)
            continue;
        json_object_set_new(files, memory, new_entry(memory));
        json_object_set_new(
            json_object_get(files, memory), "tags",
            json_pack("[O]", json_object_get(json_object_get(snapshot, "memory"), "tag")));
    }
    return json_pack("{s:b, s:s, s:i, s:{}, s:[], s:[], s:o}", "live", 1, "sidecar",
                     "/vm/base.qcow2.qrewind.json", "mode", 0600, "sidecars", "leftovers", "nodes",
                     "files", files);
}

/* ---- changes ---- */

static char *file_of(const char *name)
{
    return strchr(name, '.') ? mem_printf("/vm/%s", name) : mem_printf("/vm/%s.qcow2", name);
}

static json_t *value_of(const char *word)
{
    if (*word == '@') {
        auto_free char *file = file_of(word + 1);

        return json_string(file);
    }
    json_t *value = json_loads(word, JSON_DECODE_ANY, NULL);
    return value ? value : json_string(word);
}

static void set(json_t *obj, const char *key, const char *word)
{
    json_t *value = value_of(word);

    if (json_is_null(value))
        json_object_del(obj, key);
    if (json_is_null(value))
        json_decref(value);
    else
        json_object_set_new(obj, key, value);
}

/* The object that all but the last part of @path leads to; @path becomes the last part. */
static json_t *inside(json_t *doc, char **path)
{
    char *slash;

    while ((slash = strchr(*path, '/'))) {
        *slash = '\0';
        doc = json_is_array(doc) ? json_array_get(doc, strtoul(*path, NULL, 10))
                                 : json_object_get(doc, *path);
        *path = slash + 1;
    }
    return doc;
}

static void change(struct state *s, char *word)
{
    json_t *files = json_object_get(s->survey, "files");
    char *value = strchr(word, '='), *dot;

    if (!strcmp(word, "offline")) {
        json_object_del(s->survey, "live");
        return;
    }
    if (*word == '-') {
        auto_free char *file = file_of(word + 1);

        cr_assert_eq(json_object_del(files, file), 0, "%s", word);
        return;
    }
    cr_assert(value, "%s", word);
    *value++ = '\0';
    if (*word == '#') {
        char *path = word + 1;
        json_t *obj = inside(s->picture->chain.doc, &path);

        cr_assert(obj, "%s", word);
        set(obj, path, value);
        return;
    }
    dot = strrchr(word, '.');
    cr_assert(dot, "%s", word);
    *dot = '\0';
    if (dot == word) {
        set(s->survey, dot + 1, value);
        return;
    }
    auto_free char *file = file_of(word);
    if (!json_object_get(files, file))
        json_object_set_new(files, file, new_entry(file));
    set(json_object_get(files, file), dot + 1, value);
}

struct state *state_new(const char *picture, const char *changes)
{
    struct state *s = mem_alloc(sizeof(*s));
    auto_free char *words = mem_strdup(changes);

    s->picture = picture_new(picture);
    s->survey = survey_of(&s->picture->chain);
    for (char *word = strtok(words, ";"); word; word = strtok(NULL, ";"))
        change(s, word + strspn(word, " "));
    return s;
}

void state_free(struct state *s)
{
    json_decref(s->survey);
    picture_free(s->picture);
    free(s);
}

/* ---- findings ---- */

static char *drawn(const json_t *f)
{
    const char *what = member(json_object_get(f, "mend"), "do");
    auto_free char *subject = picture_short("/vm", member(f, "subject"));

    cr_expect_eq(what != NULL, member(f, "repair") != NULL, "%s", member(f, "code"));
    if (!what)
        return mem_printf("%s %s", member(f, "code"), subject);
    return mem_printf("%s %s (%s%s)", member(f, "code"), subject, what,
                      json_is_true(json_object_get(f, "ask")) ? "?" : "");
}

char *state_findings(const struct state *s)
{
    json_auto_t *findings = check_findings(&s->picture->scene, s->survey);
    char *all = mem_strdup("");
    const json_t *f;
    size_t i;

    json_array_foreach(findings, i, f) {
        auto_free char *before = all, *one = drawn(f);

        all = mem_printf("%s%s%s", before, i ? ", " : "", one);
    }
    return all;
}

void state_rows(const struct state_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct state *s = state_new(rows[i].picture, rows[i].changes);
        auto_free char *found = state_findings(s);

        cr_expect_str_eq(found, rows[i].findings, "%s:\n  %s\n  %s", rows[i].title, found,
                         rows[i].findings);
        state_free(s);
    }
}
