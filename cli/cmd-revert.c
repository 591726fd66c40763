/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revert, undo: go back to a snapshot, and to what there was before. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/text.h"

#include <string.h>

#define A(member) offsetof(struct qrw_revert_args, member)

/* clang-format off */
#define WHAT_IS_LEFT                                                                              \
    {"discard", OPT_FLAG, A(discard), .help = "keep nothing of the present state"},              \
    {"keep", OPT_STRING, A(keep), .value = "NEW", .help = "make the present state a snapshot"}
#define HOW_IT_GOES_ON                                                                            \
    {"no-reset", OPT_FLAG, A(no_reset),                                                           \
     .help = "do not reset the guest; only where it does not use the disks now"},               \
    {"paused", OPT_FLAG, A(paused), .help = "leave the guest stopped"},                           \
    {"running", OPT_FLAG, A(running), .help = "let the guest run, whatever it did before"}

static const struct opt revert_opts[] = {
    {"NAME", OPT_STRING, A(name), .place = OPT_MUST, .help = "the snapshot"},
    WHAT_IS_LEFT,
    {"no-memory", OPT_FLAG, A(no_memory), .help = "the disks alone; the guest restarts"},
    HOW_IT_GOES_ON,
    {0},
};

static const struct opt undo_opts[] = {WHAT_IS_LEFT, HOW_IT_GOES_ON, {0}};
/* clang-format on */

static json_t *run_revert(struct app *app, void *args, struct qmp_error *err)
{
    return app_run(app, &qrw_revert, args, 0, err);
}

static json_t *run_undo(struct app *app, void *args, struct qmp_error *err)
{
    return app_run(app, &qrw_undo, args, 0, err);
}

static bool is_undo(const json_t *doc)
{
    const char *to = doc_text(doc, "snapshot");

    return !to || !strcmp(to, "undo");
}

/* What the guest does now; nothing is said of one that did not notice, or is not there. */
static const char *guest(const json_t *doc)
{
    bool runs = json_is_true(json_object_get(doc, "running"));

    if (doc_says(doc, "method", "memory"))
        return runs ? ": the guest goes on from that instant"
                    : ": the guest is stopped at that instant";
    if (!doc_says(doc, "method", "reset"))
        return "";
    return runs ? ": the guest restarts" : ": the guest was reset, and is stopped";
}

static void print(const json_t *doc, const void *args)
{
    double paused = doc_number(doc, "pause_ms");
    char pause[TEXT_ROOM], took[TEXT_ROOM];

    out_line(stdout, "back at %s%s%s%s%s, took %s",
             is_undo(doc) ? "what was before" : doc_dash(doc, "snapshot"), guest(doc),
             paused > 0 ? ", " : "", paused > 0 ? text_ms(pause, paused) : "",
             paused > 0 ? " pause" : "", text_ms(took, doc_number(doc, "took_ms")));
    print_kept(doc);
    if (json_is_true(json_object_get(doc, "undo")))
        out_line(stdout, "qrewind undo goes %s, the disks only",
                 is_undo(doc) ? "forward again" : "back to what was before");
}

const struct verb cmd_revert = {
    .name = "revert",
    .summary = "Go back to a snapshot, in the running QEMU",
    .details =
        "With memory the guest goes on from that instant; without, it is reset. What it had\n"
        "until now is the undo point: qrewind undo goes back to it.",
    .examples = "qrewind -s vm.sock revert before-upgrade\n"
                "qrewind -s vm.sock revert before-upgrade --keep broken",
    .opts = revert_opts,
    .args_size = sizeof(struct qrw_revert_args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run_revert,
    .print = print,
};

const struct verb cmd_undo = {
    .name = "undo",
    .summary = "Go back to what there was before the last revert",
    .details = "Holds the disks only: the guest is reset. Undo again goes forward.",
    .examples = "qrewind -s vm.sock undo",
    .opts = undo_opts,
    .args_size = sizeof(struct qrw_revert_args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run_undo,
    .print = print,
};
