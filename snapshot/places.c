/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * places: see places.h.
 *
 *     bus: main-system-bus
 *       dev: i440FX-pcihost, id ""
 *         bus: pci.0
 *           dev: virtio-scsi-pci, id "hba"           an address is a place on the bus that it is on
 *             addr = 03.0
 *             bus: virtio-bus
 *               dev: virtio-scsi-device, id ""
 *                 bus: hba.0
 *                   dev: scsi-hd, id "da"
 *                     drive = "drive-a"
 *                     scsi-id = 2 (0x2)
 *
 * What is printed of a device comes before its buses.
 */
#include "snapshot/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"

/* A machine that has more, or in more words, does not exist. */
enum { MAX_DEPTH = 32, MAX_NODES = 16384, MAX_VALUE = 64, MAX_PLACE = 256 };

struct node {
    int indent;
    size_t above; /* an index, its own: nothing is above */
    bool is_bus;
    const char *name; /* of a bus; of a device its type */
    const char *id, *drive;
    char *at;     /* where on its bus it sits: "addr 05.0"; owned, NULL: not told */
    size_t buses; /* of a device */
};

struct tree {
    struct node *nodes;
    size_t n;
    size_t way[MAX_DEPTH]; /* to the last one */
    size_t depth;
};

/* ---- the lines ---- */

/* What follows @prefix in @line, NULL: it begins with something else. */
static char *after(char *line, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(line, prefix, n) ? NULL : line + n;
}

/* Cut what is quoted at @s out of it. */
static const char *unquoted(char *s)
{
    if (*s == '"')
        s++;
    s[strcspn(s, "\"")] = '\0';
    return s;
}

static void add(struct tree *t, int indent, bool is_bus, char *words)
{
    char *id = is_bus ? NULL : strstr(words, ", id ");

    while (t->depth && t->nodes[t->way[t->depth - 1]].indent >= indent)
        t->depth--;
    /* devices sit on buses, and buses hang on devices but for the first one */
    if (t->depth == MAX_DEPTH || t->n == MAX_NODES ||
        (t->depth ? t->nodes[t->way[t->depth - 1]].is_bus == is_bus : !is_bus))
        return;
    t->nodes = mem_grow(t->nodes, t->n + 1, sizeof(struct node));
    struct node *node = &t->nodes[t->n];
    *node = (struct node){.indent = indent, .above = t->n, .is_bus = is_bus, .name = words};
    if (t->depth)
        node->above = t->way[t->depth - 1];
    if (is_bus)
        t->nodes[node->above].buses++;
    if (id) {
        *id = '\0';
        node->id = unquoted(id + strlen(", id "));
    }
    t->way[t->depth++] = t->n++;
}

static void say_where(struct node *dev, const char *key, const char *value)
{
    char *was = dev->at;

    if (was && strlen(was) > MAX_PLACE)
        return;
    dev->at = mem_printf("%s%s%s %.*s", was ? was : "", was ? " " : "", key, MAX_VALUE, value);
    free(was);
}

/* "scsi-id = 2 (0x2)", "addr = 05.0", "drive = \"a\"" */
static void take_property(struct node *dev, char *key, char *value)
{
    static const char *const keys[] = {"addr", "channel", "scsi-id", "lun",
                                       "unit", "nsid",    "dev_id"};

    if (same(key, "drive"))
        dev->drive = unquoted(value);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (same(key, keys[i])) {
            value[strcspn(value, "(")] = '\0';
            for (size_t n = strlen(value); n && value[n - 1] == ' '; n--)
                value[n - 1] = '\0';
            say_where(dev, key, unquoted(value));
        }
}

/* On USB: "addr 0.1, port 2, speed 480, …"; the port that QEMU has chosen is no property. */
static void take_port(struct node *dev, char *words)
{
    char *port = strstr(words, ", port ");

    if (!port)
        return;
    port += strlen(", port ");
    port[strcspn(port, ",")] = '\0';
    say_where(dev, "port", port);
}

static void take_line(struct tree *t, char *line)
{
    int indent = (int)strspn(line, " ");
    char *words = line + indent, *rest, *equals;

    if ((rest = after(words, "bus: ")) || (rest = after(words, "dev: "))) {
        add(t, indent, *words == 'b', rest);
        return;
    }
    struct node *dev = t->depth ? &t->nodes[t->way[t->depth - 1]] : NULL;
    if (!dev || dev->is_bus || dev->indent + 2 != indent)
        return;
    if ((equals = strstr(words, " = "))) {
        *equals = '\0';
        take_property(dev, words, equals + strlen(" = "));
    } else if (after(words, "addr ")) {
        take_port(dev, words);
    }
}

/* ---- the places ---- */

/* The bus that hangs on @dev, where that has several, or where every machine has it by that name.
 * The id of @dev is no part of a place. */
static const char *bus_name(const struct tree *t, const struct node *bus, const struct node *dev)
{
    size_t n = dev->id ? strlen(dev->id) : 0;
    bool is_outermost = t->nodes[dev->above].above == dev->above;

    if (dev->buses < 2 && !is_outermost)
        return "";
    return n && !strncmp(bus->name, dev->id, n) ? bus->name + n + (bus->name[n] == '.') : bus->name;
}

/* New string, empty: that is not told. */
static char *place_of(const struct tree *t, const struct node *dev)
{
    const struct node *bus = &t->nodes[dev->above], *owner = &t->nodes[bus->above];

    if (owner == bus)
        return mem_strdup(""); /* on the outermost bus */
    auto_free char *up = place_of(t, owner);
    const char *name = bus_name(t, bus, owner), *at = dev->at ? dev->at : "";

    return mem_printf("%.*s%s%.*s%s%s", MAX_PLACE, up, *up && *name ? " " : "", MAX_PLACE, name,
                      (*up || *name) && *at ? " " : "", at);
}

static json_t *devices_of(const struct tree *t)
{
    json_t *devices = json_array();

    for (size_t i = 0; i < t->n; i++) {
        const struct node *dev = &t->nodes[i];

        if (dev->is_bus)
            continue;
        auto_free char *at = place_of(t, dev);
        if (*at)
            json_array_append_new(
                devices, json_pack("{s:s, s:s, s:s*}", "type", dev->name, "at", at, "drive",
                                   dev->drive && *dev->drive ? dev->drive : NULL));
    }
    return devices;
}

json_t *places_read(const char *qtree)
{
    auto_free char *copy = mem_strdup(qtree ? qtree : "");
    struct tree t = {0};

    for (char *line = copy, *next; line; line = next) {
        if ((next = strchr(line, '\n')))
            *next++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        take_line(&t, line);
    }
    json_t *devices = devices_of(&t);
    for (size_t i = 0; i < t.n; i++)
        free(t.nodes[i].at);
    free(t.nodes);
    if (json_array_size(devices))
        return devices;
    json_decref(devices);
    return NULL;
}

/* ---- recorded, and compared ---- */

/* Where the disk @d sits, NULL: that is not told. QEMU calls it as its drive, or its root node. */
static const char *disk_place(const json_t *tree, const struct graph_disk *d)
{
    const json_t *dev;
    size_t i;

    json_array_foreach(tree, i, dev)
        if (same(text(dev, "drive"), d->drive) || same(text(dev, "drive"), d->node))
            return text(dev, "at");
    return NULL;
}

/* The types of @devices ("ID: TYPE"): the keys of an object. */
static json_t *types_of(const json_t *devices)
{
    json_t *types = json_object();
    const json_t *entry;
    size_t i;

    json_array_foreach(devices, i, entry) {
        const char *words = strstr(json_string_value(entry), ": ");

        if (words)
            json_object_set_new(types, words + strlen(": "), json_true());
    }
    return types;
}

json_t *places_record(const json_t *tree, const json_t *devices, const struct graph *g,
                      const json_t *disks)
{
    json_auto_t *added = types_of(devices);
    json_t *at = json_object(), *all = json_array();
    const json_t *dev;
    const char *id;
    json_t *held;
    size_t i;

    json_object_foreach((json_t *)disks, id, held) {
        const struct graph_disk *d = graph_disk(g, id);
        const char *place = d ? disk_place(tree, d) : NULL;

        if (place)
            json_object_set_new(at, id, json_string(place));
    }
    json_array_foreach(tree, i, dev)
        if (json_object_get(added, text(dev, "type")))
            json_array_append_new(all,
                                  json_sprintf("%s at %s", text(dev, "type"), text(dev, "at")));
    return json_pack("{s:o, s:o}", "disks", at, "devices", all);
}
