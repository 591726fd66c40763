/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show: all that is known of one snapshot. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/text.h"

struct args {
    const char *name;
};

static const struct opt opts[] = {
    {"NAME", OPT_STRING, offsetof(struct args, name), .place = OPT_MUST, .help = "the snapshot"},
    {0},
};

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;
    struct qrw_vm *vm = app_vm_to_look(app, err);

    return vm ? qrw_show(vm, args->name, err) : NULL;
}

static const char *yes(const json_t *snapshot, const char *key)
{
    return json_is_true(json_object_get(snapshot, key)) ? "yes" : "no";
}

static void print(const json_t *doc, const void *args)
{
    json_t *s = json_object_get(doc, "snapshot"), *disk;
    const json_t *memory = json_object_get(s, "memory");
    char created[TEXT_ROOM];
    const char *id;

    print_field("name", doc_text(s, "name"));
    print_field("id", doc_text(s, "id"));
    print_field("description", doc_dash(s, "description"));
    print_field("created", text_time(created, doc_text(s, "created")));
    print_field("parent", doc_text(s, "parent"));
    print_field("kind", doc_text(s, "kind"));
    print_field("guest", doc_text(s, "state"));
    print_field("quiesced", yes(s, "quiesced"));
    print_field("current", yes(s, "current"));
    print_field("pinned", yes(s, "pinned"));
    print_field("memory", doc_text(memory, "file"));
    if (json_is_object(memory))
        out_line(stdout, "%-12s QEMU %s, %s", "", doc_dash(memory, "qemu"),
                 doc_dash(memory, "machine"));
    if (doc_says(memory, "method", "live"))
        out_line(stdout, "%-12s saved live: needs a QEMU that is started with -incoming defer", "");
    json_object_foreach(json_object_get(s, "disks"), id, disk) {
        const char *file = doc_text(disk, "file"), *tag = doc_text(disk, "tag");

        out_line(stdout, "%-12s %s: %s", "disk", id, file ? file : tag ? tag : "-");
    }
}

const struct verb cmd_show = {
    .name = "show",
    .summary = "Show all that is known of one snapshot",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM,
    .run = run,
    .print = print,
};
