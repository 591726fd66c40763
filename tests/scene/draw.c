/* SPDX-License-Identifier: GPL-2.0-or-later */
/* draw: a document as a picture; see picture.h. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "tests/scene/internal.h"
#include "tests/scene/picture.h"

struct drawing {
    const struct chain *c;
    FILE *out;
    json_t *drawn; /* the ids of the layers that are on the paper */
};

char *picture_short(const char *folder, const char *text)
{
    char *copy = mem_strdup(text), *to = copy;
    size_t n = strlen(folder);

    for (const char *from = copy; *from;) {
        if (!strncmp(from, folder, n) && from[n] == '/')
            from += n + 1;
        else if (!strncmp(from, ".qcow2", 6))
            from += 6;
        else
            *to++ = *from++;
    }
    *to = '\0';
    return copy;
}

static bool is_undo(const struct chain *c, const char *layer)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(json_object_get(c->doc, "undo"), "disks"), disk, held)
        if (same(picture_text(held, "layer"), layer))
            return true;
    return false;
}

static void draw_layer(struct drawing *d, const char *layer)
{
    auto_free char *file = chain_layer_file(d->c, layer);
    auto_free char *name = picture_short(d->c->folder, file);
    const json_t *s;
    size_t i;

    fputs(name, d->out);
    json_array_foreach(chain_snapshots(d->c), i, s) {
        const char *disk;
        json_t *held;

        json_object_foreach(json_object_get((json_t *)s, "disks"), disk, held)
            if (same(picture_text(held, "layer"), layer)) {
                fprintf(d->out, "*%s", picture_text(s, "name"));
                break;
            }
    }
    if (is_undo(d->c, layer))
        fputc('~', d->out);
}

/* The chain of @layer, base first; it ends below where one is met that is drawn already. */
static void draw_chain(struct drawing *d, const char *layer)
{
    const char *below = picture_text(chain_layer(d->c, layer), "backing");
    bool again = json_object_get(d->drawn, layer) != NULL;

    json_object_set_new(d->drawn, layer, json_true());
    if (below && !again) {
        draw_chain(d, below);
        fputs(" <- ", d->out);
    }
    draw_layer(d, layer);
}

static bool has_child(const struct chain *c, const char *layer)
{
    auto_free char *child = chain_other_child(c, layer, NULL);

    return child != NULL;
}

/* "; inside s1 disk0 disk1": an internal snapshot, or the undo point, with its disks. */
static void draw_inside(struct drawing *d, const json_t *s, const char *name)
{
    const char *memory = picture_text(json_object_get(s, "memory"), "disk");
    bool begun = false;
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(s, "disks"), disk, held) {
        const char *tag = picture_text(held, "tag");

        if (!tag)
            continue;
        if (!begun)
            fprintf(d->out, "; inside %s%s%s:", name, strcmp(name, tag) ? " as " : "",
                    strcmp(name, tag) ? tag : "");
        begun = true;
        fprintf(d->out, " %s%s", disk, memory && !strcmp(memory, disk) ? "!" : "");
    }
}

char *picture_draw(const struct chain *c)
{
    char *text = NULL;
    size_t n;
    struct drawing d = {c, open_memstream(&text, &n), json_object()};
    const char *key;
    json_t *value;
    const json_t *s;
    size_t i;

    json_object_foreach(json_object_get(c->doc, "disks"), key, value) {
        fprintf(d.out, "%s%s: ", ftell(d.out) ? "; " : "", key);
        draw_chain(&d, picture_text(value, "active"));
    }
    json_object_foreach(json_object_get(c->doc, "layers"), key, value) {
        if (json_object_get(d.drawn, key) || has_child(c, key))
            continue;
        fputs("; + ", d.out);
        draw_chain(&d, key);
    }
    json_array_foreach(chain_snapshots(c), i, s)
        draw_inside(&d, s, picture_text(s, "name"));
    draw_inside(&d, chain_undo(c), "undo");
    fclose(d.out);
    json_decref(d.drawn);
    if (text[0])
        return text;
    free(text);
    return mem_strdup("nothing");
}
