/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dot: see dot.h.
 *
 *     disk ──> active layer ──> its backing file ──> …
 *
 * A layer is a node called after its file, so layers that disks share are drawn once.
 */
#include "cli/dot.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doc.h"
#include "cli/print.h"
#include "cli/text.h"
#include "qmp/mem.h"

/*
 * Between quotes: '"' and '\' are written so that they stay themselves, also in a
 * label, where graphviz has escapes of its own.
 */
static void put(const char *text)
{
    auto_free char *safe = text_safe(text);

    for (const char *c = safe; *c; c++) {
        if (*c == '"' || *c == '\\')
            putchar('\\');
        putchar(*c);
    }
}

static void put_id(const char *kind, const char *name)
{
    printf("\"%s:", kind);
    put(name);
    printf("\"");
}

static void put_layer(const json_t *layer)
{
    auto_free char *pins = print_join(json_object_get(layer, "snapshots"));
    char size[TEXT_ROOM];

    printf("  ");
    put_id("layer", doc_dash(layer, "file"));
    printf(" [label=\"");
    put(doc_dash(layer, "file"));
    printf("\\n");
    put(doc_dash(layer, "format"));
    printf(", %s", text_size(size, doc_int(layer, "allocated")));
    if (*pins) {
        printf("\\n");
        put(pins);
    }
    printf("\"%s];\n", json_is_true(json_object_get(layer, "active")) ? ", style=bold" : "");
}

static void put_disk(const json_t *disk)
{
    const json_t *layers = json_object_get(disk, "layers"), *layer;
    size_t i;

    json_array_foreach(layers, i, layer)
        put_layer(layer);
    printf("  ");
    put_id("disk", doc_dash(disk, "id"));
    printf(" [shape=cylinder, label=\"");
    put(doc_dash(disk, "id"));
    printf("\"];\n  ");
    put_id("disk", doc_dash(disk, "id"));
    json_array_foreach(layers, i, layer) {
        printf(" -> ");
        put_id("layer", doc_dash(layer, "file"));
    }
    printf(";\n");
}

void dot_print(const json_t *disks)
{
    const json_t *disk;
    size_t i;

    printf("digraph chain {\n  node [shape=box];\n");
    json_array_foreach(disks, i, disk)
        put_disk(disk);
    printf("}\n");
}
