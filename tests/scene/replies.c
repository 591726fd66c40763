/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replies: what QEMU would answer if it had what the picture shows. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/internal.h"

/* Layer @i of @disk, from the active one down. */
static const json_t *layer(const json_t *disk, size_t i)
{
    const json_t *layers = json_object_get(disk, "layers");
    size_t n = json_array_size(layers);

    return i < n ? json_array_get(layers, n - 1 - i) : NULL;
}

static char *node_name(const json_t *l, bool of_file)
{
    if (picture_flag(l, "named"))
        return mem_printf("%s-%s", picture_text(l, "name"), of_file ? "file" : "fmt");
    return mem_printf("#%s%s", picture_text(l, "name"), of_file ? ".f" : "");
}

/* What QEMU calls the file, as its protocol node and as its format node. */
static char *spelling(const json_t *l, const char *folder, bool as_format)
{
    const char *file = picture_text(l, "file");

    if (picture_flag(l, "relative"))
        file += strlen(folder) + 1;
    if (as_format && picture_flag(l, "json"))
        return mem_printf("json:{\"driver\": \"qcow2\", \"file\": {\"driver\": \"file\", "
                          "\"filename\": \"%s\"}}",
                          file);
    return mem_strdup(file);
}

static json_t *tags(const json_t *l)
{
    const json_t *list = json_object_get(l, "tags"), *tag;
    json_t *all = json_array();
    size_t i;

    json_array_foreach(list, i, tag) {
        auto_free char *id = mem_printf("%zu", i + 1);

        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i}", "id", id, "name",
                                        picture_text(tag, "name"), "vm-state-size",
                                        json_is_true(json_object_get(tag, "memory")) ? 1 << 20 : 0,
                                        "date-sec", 1795251600 + (int)i, "date-nsec", 0,
                                        "vm-clock-sec", 0, "vm-clock-nsec", 0));
    }
    if (json_array_size(all))
        return all;
    json_decref(all);
    return NULL;
}

static json_t *image(const json_t *disk, size_t i, const char *folder)
{
    const json_t *l = layer(disk, i);

    if (!l)
        return NULL;
    auto_free char *file = spelling(l, folder, true);
    auto_free char *below = layer(disk, i + 1) ? spelling(layer(disk, i + 1), folder, true) : NULL;

    return json_pack("{s:s, s:s, s:I, s:O, s:i, s:b, s:s*, s:o*, s:o*, s:o*}", "filename", file,
                     "format", picture_text(l, "format"), "virtual-size", (json_int_t)PICTURE_SIZE,
                     "actual-size", json_object_get(l, "allocated"), "cluster-size", 65536,
                     "dirty-flag", 0, "backing-filename", below, "backing-image",
                     image(disk, i + 1, folder), "snapshots", tags(l), "format-specific",
                     picture_flag(l, "corrupt")
                         ? json_pack("{s:s, s:{s:b}}", "type", "qcow2", "data", "corrupt", 1)
                         : NULL);
}

static json_t *inserted(const json_t *disk, const char *folder)
{
    const json_t *top = layer(disk, 0);

    if (!top)
        return NULL;
    auto_free char *node = picture_flag(disk, "nodeless") ? NULL : node_name(top, false);
    auto_free char *file = spelling(top, folder, true);

    return json_pack(
        "{s:s*, s:s, s:b, s:b, s:s, s:s, s:{s:b, s:b, s:b}, s:o*, s:o}", "node-name", node, "file",
        file, "ro", picture_flag(disk, "read-only"), "encrypted", picture_flag(disk, "encrypted"),
        "drv", picture_flag(disk, "filter") ? "throttle" : picture_text(top, "format"),
        "detect_zeroes", picture_flag(disk, "zeroes") ? "unmap" : "off", "cache", "writeback", 1,
        "direct", picture_flag(disk, "direct"), "no-flush", picture_flag(disk, "no-flush"),
        "dirty-bitmaps", picture_flag(disk, "bitmaps") ? json_pack("[{s:s}]", "name", "b") : NULL,
        "image", image(disk, 0, folder));
}

static char *qdev(const json_t *disk)
{
    if (picture_flag(disk, "legacy"))
        return mem_strdup("/machine/peripheral-anon/device[0]/virtio-backend");
    return mem_printf("/machine/peripheral/%s/virtio-backend", picture_text(disk, "id"));
}

static json_t *block(const json_t *disk, const char *folder)
{
    auto_free char *path = qdev(disk);

    const bool cd = picture_flag(disk, "cd");

    return json_pack("{s:s, s:s, s:b, s:b, s:s, s:o*, s:o*}", "device",
                     picture_flag(disk, "legacy") ? picture_text(disk, "id") : "", "qdev", path,
                     "removable", cd || picture_flag(disk, "removable"), "locked", 0, "type",
                     "unknown", "tray_open", cd ? json_false() : NULL, "inserted",
                     inserted(disk, folder));
}

static void add_nodes(json_t *nodes, const json_t *disk, const char *folder)
{
    const json_t *l;

    for (size_t i = 0; (l = layer(disk, i)); i++) {
        auto_free char *format_node = node_name(l, false), *file_node = node_name(l, true);
        auto_free char *format_file = spelling(l, folder, true);
        auto_free char *file = spelling(l, folder, false);
        bool frozen = i > 0 || picture_flag(disk, "read-only");

        json_array_append_new(nodes, json_pack("{s:s, s:s, s:s, s:b}", "node-name", format_node,
                                               "drv", picture_text(l, "format"), "file",
                                               format_file, "ro", frozen));
        json_array_append_new(nodes, json_pack("{s:s, s:s, s:s, s:b}", "node-name", file_node,
                                               "drv", picture_flag(l, "remote") ? "nbd" : "file",
                                               "file", file, "ro", frozen));
    }
}

static json_t *stats(const json_t *disk, size_t i)
{
    const json_t *l = layer(disk, i);

    if (!l)
        return NULL;
    auto_free char *format_node = node_name(l, false), *file_node = node_name(l, true);

    return json_pack("{s:s*, s:{}, s:{s:s*, s:{}}, s:o*}", "node-name",
                     picture_flag(disk, "nodeless") ? NULL : format_node, "stats", "parent",
                     "node-name", file_node, "stats", "backing", stats(disk, i + 1));
}

json_t *picture_replies(const json_t *parsed, const char *folder)
{
    const json_t *words = json_object_get(parsed, "words");
    const char *status = json_object_get(words, "paused")      ? "paused"
                         : json_object_get(words, "inmigrate") ? "inmigrate"
                                                               : "running";
    json_t *blocks = json_array(), *nodes = json_array(), *all_stats = json_array();
    const json_t *disk;
    size_t i;

    json_array_foreach(json_object_get(parsed, "disks"), i, disk) {
        auto_free char *path = qdev(disk);
        json_t *of_disk = stats(disk, 0);

        json_array_append_new(blocks, block(disk, folder));
        add_nodes(nodes, disk, folder);
        if (of_disk) {
            json_object_set_new(of_disk, "qdev", json_string(path));
            json_array_append_new(all_stats, of_disk);
        }
    }
    return json_pack("{s:{s:s, s:b}, s:o, s:O, s:o, s:o}", "query-status", "status", status,
                     "running", !strcmp(status, "running"), "query-block", blocks, "query-jobs",
                     json_object_get(parsed, "jobs"), "query-named-block-nodes", nodes,
                     "query-blockstats", all_stats);
}
