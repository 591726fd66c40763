/* SPDX-License-Identifier: GPL-2.0-or-later */
/* create: snapshot the disks. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/text.h"

#define A(member) offsetof(struct qrw_create_args, member)

/* in the order of enum qrw_method */
static const char *const methods[] = {"auto", "snapshot", "sync", NULL};

/* in the order of enum qrw_quiesce */
static const char *const quiesce[] = {"no", "try", "require", NULL};

/* clang-format off */
static const struct opt opts[] = {
    {"NAME", OPT_STRING, A(name), .place = OPT_MAY,
     .help = "what to call it; default: the time in UTC, 20261121-100000"},
    {"disk", OPT_STRINGS, A(disks), .value = "DISK", .help = "only this disk; repeat for more"},
    {"exclude", OPT_STRINGS, A(exclude), .value = "DISK",
     .help = "not this disk; repeat for more"},
    {"description", OPT_STRING, A(description), .value = "TEXT", .help = "why it was taken"},
    {"overlay", OPT_STRINGS, A(overlays), .value = "DISK=FILE",
     .help = "the file that takes what the guest writes from now on"},
    {"method", OPT_CHOICE, A(method), .words = methods,
     .help = "who makes the overlays: we (snapshot) or QEMU (sync)"},
    {"memory", OPT_FLAG, A(memory),
     .help = "the guest's memory too, so that it can go on from this instant"},
    {"internal", OPT_FLAG, A(internal),
     .help = "inside the images, which must be qcow2; no overlays are made"},
    {"halt", OPT_FLAG, A(halt), .help = "leave the guest stopped"},
    {"quiesce", OPT_CHOICE, A(quiesce), .words = quiesce, .bare = "require",
     .help = "freeze the guest's file systems meanwhile; default: no, alone: require"},
    {"freeze-timeout", OPT_SECONDS, A(freeze_timeout_ms), .value = "SECONDS",
     .help = "how long it may take, and may last; default 10"},
    {"freeze-mountpoints", OPT_STRINGS, A(freeze_mountpoints), .value = "DIR",
     .help = "only the guest's file system at DIR; repeat for more"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    return app_run(app, &qrw_create, args, 0, err);
}

static void print(const json_t *doc, const void *args)
{
    size_t disks = json_object_size(json_object_get(doc, "overlays")) +
                   json_object_size(json_object_get(doc, "disks"));
    double pause = doc_number(doc, "pause_ms");
    bool quiesced = json_is_true(json_object_get(doc, "quiesced"));
    char ms[TEXT_ROOM], frozen[TEXT_ROOM], took[TEXT_ROOM];

    out_line(stdout, "%s: %zu disk%s%s%s%s%s%s, took %s", doc_dash(doc, "snapshot"), disks,
             disks == 1 ? "" : "s", pause > 0 ? ", " : "", pause > 0 ? text_ms(ms, pause) : "",
             pause > 0 ? " pause" : "", quiesced ? ", quiesced: frozen for " : "",
             quiesced ? text_ms(frozen, doc_number(doc, "frozen_ms")) : "",
             text_ms(took, doc_number(doc, "took_ms")));
}

const struct verb cmd_create = {
    .name = "create",
    .summary = "Take a snapshot of all writable disks, at one instant",
    .details =
        "The guest goes on writing into new overlays; what it wrote before stays as it is.\n"
        "\n"
        "--quiesce asks the guest agent to write out and freeze the file systems, for as long\n"
        "as the switch takes. Who writes --quiesce wants a quiesced snapshot or none\n"
        "(require); with --quiesce=try there is always one, and a note when it is not\n"
        "quiesced. The guest is thawed also if qrewind is killed.",
    .examples = "qrewind -s vm.sock create before-upgrade --description 'kernel 6.1'\n"
                "qrewind -s vm.sock create --disk vda --overlay vda=/fast/vda.s1.qcow2 s1\n"
                "qrewind -s vm.sock create --dry-run s2",
    .opts = opts,
    .args_size = sizeof(struct qrw_create_args),
    .globals = TAKES_VM_AND_CHANGES | GLOBAL_AGENT,
    .run = run,
    .print = print,
};
