/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list: the snapshots that there are, oldest first. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/text.h"
#include "qmp/mem.h"

struct args {
    bool tree;
};

static const struct opt opts[] = {
    {"tree", OPT_FLAG, offsetof(struct args, tree), .help = "show which one was taken on which"},
    {0},
};

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm_to_look(app, err);

    return vm ? qrw_list(vm, err) : NULL;
}

/* The names of its disks. New string. */
static char *disks_of(json_t *snapshot)
{
    json_auto_t *names = json_array();
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(snapshot, "disks"), name, value)
        json_array_append_new(names, json_string(name));
    return print_join(names);
}

static const char *memory_of(const json_t *snapshot)
{
    const json_t *memory = json_object_get(snapshot, "memory");

    if (!json_is_object(memory))
        return "";
    return doc_says(memory, "method", "live") ? " + live memory" : " + memory";
}

static struct table_line *add(struct table *t, struct table_line *parent, json_t *snapshot)
{
    auto_free char *disks = disks_of(snapshot);
    auto_free char *kind =
        mem_printf("%s%s%s", doc_dash(snapshot, "kind"), memory_of(snapshot),
                   json_is_true(json_object_get(snapshot, "pinned")) ? ", pinned" : "");
    auto_free char *state =
        mem_printf("%s%s", doc_dash(snapshot, "state"),
                   json_is_true(json_object_get(snapshot, "quiesced")) ? ", quiesced" : "");
    char created[TEXT_ROOM];

    return table_line(t, parent,
                      (const char *[]){
                          json_is_true(json_object_get(snapshot, "current")) ? "*" : "",
                          doc_dash(snapshot, "name"),
                          text_time(created, doc_text(snapshot, "created")),
                          kind,
                          state,
                          disks,
                          doc_text(snapshot, "description"),
                      });
}

static void print_table(const json_t *snapshots, size_t n, bool tree)
{
    struct table *t = table_new((const struct table_column[]){{" ", 0},
                                                              {"NAME", tree ? TABLE_TREE : 0},
                                                              {"CREATED", 0},
                                                              {"KIND", 0},
                                                              {"STATE", 0},
                                                              {"DISKS", 0},
                                                              {"DESCRIPTION", 0},
                                                              {NULL, 0}});
    auto_free struct table_line **lines = mem_alloc(n * sizeof(struct table_line *));
    json_auto_t *places = json_object(); /* name -> index: a parent is older */
    for (size_t i = 0; i < n; i++) {
        json_t *snapshot = json_array_get(snapshots, i);
        const char *parent = tree ? doc_text(snapshot, "parent") : NULL;
        const json_t *place = parent ? json_object_get(places, parent) : NULL;

        lines[i] = add(t, place ? lines[json_integer_value(place)] : NULL, snapshot);
        json_object_set_new(places, doc_dash(snapshot, "name"), json_integer((json_int_t)i));
    }
    table_print(t);
}

static void print(const json_t *doc, const void *arguments)
{
    const struct args *args = arguments;
    const json_t *snapshots = json_object_get(doc, "snapshots");
    size_t n = json_array_size(snapshots);
    auto_free char *undo = print_undo(doc);

    if (n)
        print_table(snapshots, n, args->tree);
    else
        out_line(stderr, "no snapshots");
    if (undo)
        out_line(stdout, "undo: %s", undo);
}

const struct verb cmd_list = {
    .name = "list",
    .summary = "List the snapshots, oldest first; * marks the current one",
    .examples = "qrewind -s vm.sock list --tree\n"
                "qrewind -s vm.sock --json list",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM,
    .run = run,
    .print = print,
};
