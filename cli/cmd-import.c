/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import: an exported snapshot, or an image of another format, becomes a chain. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/text.h"

#define A(member) offsetof(struct qrw_import_args, member)

static const char *const formats[] = {"raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc", "qcow", NULL};

/* clang-format off */
static const struct opt opts[] = {
    {"FROM", OPT_STRING, A(from), .place = OPT_MUST,
     .help = "what export has made; with --format an image"},
    {"to", OPT_STRING, A(to), .value = "FOLDER",
     .help = "a folder that is made for it; default: called like the snapshot"},
    {"name", OPT_STRING, A(name), .value = "NEW", .help = "call the snapshot so"},
    {"format", OPT_STRING, A(format), .words = formats, .help = "FROM is an image of this format"},
    {"disk", OPT_STRING, A(disk), .value = "D", .help = "call the disk of the image so"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct qrw_import_args *args = arguments;
    struct qrw_vm *vm;

    if (args->disk && !args->format) {
        qmp_error_set(err, QMP_ERR_USAGE, "--disk is for an image, with --format");
        return NULL;
    }
    vm = app_vm(app, err);
    return vm ? qrw_import(vm, args, app->globals->dry_run ? QRW_DRY_RUN : 0, err) : NULL;
}

static void print(const json_t *doc, const void *arguments)
{
    const json_t *option;
    char took[TEXT_ROOM];
    size_t i;

    out_line(stdout, "%s: imported to %s, took %s", doc_dash(doc, "snapshot"), doc_dash(doc, "to"),
             text_ms(took, doc_number(doc, "took_ms")));
    out_line(stdout, "start QEMU with:");
    json_array_foreach(json_object_get(doc, "start"), i, option)
        out_line(stdout, "  %s", json_string_value(option));
    if (!doc_text(doc, "memory"))
        return;
    out_line(stdout, "to go on where the guest was: with the machine that it had, and %s; then",
             doc_text(doc, "memory"));
    out_line(stdout, "  qrewind revert %s --running", doc_dash(doc, "snapshot"));
}

const struct verb cmd_import = {
    .name = "import",
    .summary = "Make a chain of an exported snapshot, or of an image of another format",
    .details =
        "Everything is checked: names, sizes, checksums, and the images themselves. QEMU is\n"
        "then started on the overlays; what was imported stays as a snapshot below.",
    .examples = "qrewind import /backup/s1 --to /vm/web1\n"
                "qrewind import appliance.vmdk --format vmdk --to /vm/appliance --disk root",
    .opts = opts,
    .args_size = sizeof(struct qrw_import_args),
    .globals = GLOBAL_DRY_RUN,
    .run = run,
    .print = print,
};
