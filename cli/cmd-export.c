/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export: a snapshot as files that need no others. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/text.h"

#define A(member) offsetof(struct qrw_export_args, member)

static const char *const formats[] = {"qcow2", "raw", NULL};

/* clang-format off */
static const struct opt opts[] = {
    {"NAME", OPT_STRING, A(name), .place = OPT_MUST, .help = "the snapshot"},
    {"TO", OPT_STRING, A(to), .place = OPT_MUST,
     .help = "a folder that is made for it; *.qcow2, *.raw, *.img: the image alone"},
    {"disk", OPT_STRINGS, A(disks), .value = "D", .help = "only this disk; may be repeated"},
    {"format", OPT_STRING, A(format), .words = formats,
     .help = "of the images; default qcow2, of *.raw raw"},
    {"compress", OPT_FLAG, A(compress), .help = "compress the images: smaller, and slower"},
    {"no-memory", OPT_FLAG, A(no_memory), .help = "leave its memory out"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    return app_run(app, &qrw_export, args, 0, err);
}

static void print(const json_t *doc, const void *arguments)
{
    char took[TEXT_ROOM], size[TEXT_ROOM];
    const json_t *file;
    size_t i;

    out_line(stdout, "%s: exported to %s, took %s", doc_dash(doc, "snapshot"), doc_dash(doc, "to"),
             text_ms(took, doc_number(doc, "took_ms")));
    json_array_foreach(json_object_get(doc, "files"), i, file)
        out_line(stdout, "  %-20s %10s  sha256 %s", doc_dash(file, "name"),
                 text_size(size, doc_int(file, "size")), doc_dash(file, "sha256"));
}

const struct verb cmd_export = {
    .name = "export",
    .summary = "Copy a snapshot out: images that need no other files",
    .details = "The guest goes on meanwhile; qemu-img reads what is frozen. TO gets its name when\n"
               "all of it is on the disk; until then it is TO.part.",
    .examples = "qrewind -s vm.sock export s1 /backup/s1\n"
                "qrewind -s vm.sock export s1 /backup/s1.qcow2 --compress\n"
                "qrewind -s vm.sock export s1 /backup/root.raw --disk root",
    .opts = opts,
    .args_size = sizeof(struct qrw_export_args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print,
};
