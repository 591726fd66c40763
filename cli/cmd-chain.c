/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain: each disk's layers, from the active one down, and which snapshots pin them. */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/dot.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/text.h"
#include "qmp/mem.h"

enum { TREE, DOT };

static const char *const formats[] = {"tree", "dot", NULL};

struct args {
    const char *disk;
    int format;
};

/* clang-format off */
static const struct opt opts[] = {
    {"DISK", OPT_STRING, offsetof(struct args, disk), .place = OPT_MAY,
     .help = "only this disk"},
    {"format", OPT_CHOICE, offsetof(struct args, format), .words = formats,
     .help = "a tree for people, or a graph for graphviz"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;
    struct qrw_vm *vm = app_vm_to_look(app, err);

    return vm ? qrw_chain(vm, args->disk, err) : NULL;
}

static void add_layer(struct table *t, struct table_line *disk, const json_t *layer)
{
    bool active = json_is_true(json_object_get(layer, "active"));
    auto_free char *pins = print_join(json_object_get(layer, "snapshots"));
    auto_free char *why =
        mem_printf("%s%s%s", active ? "active" : "", active && *pins ? ", " : "", pins);
    char size[TEXT_ROOM], allocated[TEXT_ROOM];

    table_line(t, disk,
               (const char *[]){
                   doc_dash(layer, "file"),
                   doc_dash(layer, "format"),
                   text_size(size, doc_int(layer, "size")),
                   text_size(allocated, doc_int(layer, "allocated")),
                   doc_dash(layer, "node"),
                   why,
               });
}

static void print_tree(const json_t *disks)
{
    struct table *t = table_new((const struct table_column[]){{"DISK / LAYER", TABLE_TREE},
                                                              {"FORMAT", 0},
                                                              {"SIZE", TABLE_RIGHT},
                                                              {"ON DISK", TABLE_RIGHT},
                                                              {"NODE", 0},
                                                              {"SNAPSHOTS", 0},
                                                              {NULL, 0}});
    const json_t *disk, *layer;
    size_t i, k;

    json_array_foreach(disks, i, disk) {
        struct table_line *line = table_line(
            t, NULL,
            (const char *[]){doc_dash(disk, "id"), "", "", "", "", doc_text(disk, "skipped")});

        json_array_foreach(json_object_get(disk, "layers"), k, layer)
            add_layer(t, line, layer);
    }
    table_print(t);
}

static void print(const json_t *doc, const void *arguments)
{
    const struct args *args = arguments;
    const json_t *disks = json_object_get(doc, "disks");

    if (args->format == DOT)
        dot_print(disks);
    else if (json_array_size(disks))
        print_tree(disks);
    else
        out_line(stderr, "no disks");
}

const struct verb cmd_chain = {
    .name = "chain",
    .summary = "Show each disk's layers, from the active one down, and who pins them",
    .examples = "qrewind -s vm.sock chain vda\n"
                "qrewind -s vm.sock chain --format=dot | dot -Tsvg >chain.svg",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM,
    .run = run,
    .print = print,
};
