/* SPDX-License-Identifier: GPL-2.0-or-later */
/* create: snapshot the disks. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/text.h"

#include <stdlib.h>

struct args {
    struct qrw_create_args create;
    int64_t max_depth;
};

#define A(member) offsetof(struct args, create.member)

/* in the order of enum qrw_method */
static const char *const methods[] = {"auto", "snapshot", "sync", NULL};

/* in the order of enum qrw_memory */
static const char *const memories[] = {"no", "stop", "live", NULL};

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
    {"memory", OPT_CHOICE, A(memory), .words = memories, .bare = "stop",
     .help = "the guest's memory too; alone: stop, it stands still meanwhile"},
    {"internal", OPT_FLAG, A(internal),
     .help = "inside the images, which must be qcow2; no overlays are made"},
    {"halt", OPT_FLAG, A(halt), .help = "leave the guest stopped"},
    {"max-depth", OPT_LIMIT, offsetof(struct args, max_depth), .value = "N",
     .help = "then prune: no chain deeper than N layers"},
    {"quiesce", OPT_CHOICE, A(quiesce), .words = quiesce, .bare = "require",
     .help = "freeze the guest's file systems meanwhile; default: no, alone: require"},
    {"freeze-timeout", OPT_SECONDS, A(freeze_timeout_ms), .value = "SECONDS",
     .help = "how long it may take, and may last; default 10"},
    {"freeze-mountpoints", OPT_STRINGS, A(freeze_mountpoints), .value = "DIR",
     .help = "only the guest's file system at DIR; repeat for more"},
    {0},
};
/* clang-format on */

/* The oldest snapshots go, so that the chains do not grow with every new one. */
static int prune(struct app *app, const struct args *args, json_t *result, unsigned flags,
                 struct qmp_error *err)
{
    static const char *const lists[] = {"deleted", "removed", "kept", "jobs"};
    struct qrw_prune_args prune_args = {.max_depth = args->max_depth,
                                        .spare = doc_text(result, "snapshot")};
    json_auto_t *pruned = app_run(app, &qrw_prune, &prune_args, flags, err);

    if (!pruned) {
        /* but one part of it is done */
        if (err && (err->kind == QRW_ERR_FAILED || !err->hint[0])) {
            err->hint[0] = '\0';
            qmp_error_hint(err, "the same again goes on with that");
        }
        return qmp_error_wrap(err, "the snapshot is taken; prune");
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (json_object_get(pruned, lists[i]))
            json_object_set(result, lists[i], json_object_get(pruned, lists[i]));
    json_array_extend(json_object_get(result, "plan"), json_object_get(pruned, "plan"));
    json_array_extend(json_object_get(result, "notes"), json_object_get(pruned, "notes"));
    return 0;
}

/* Of a dry run: whom its depth will cost, and what is merged then. */
static void foretell(struct app *app, const struct args *args, json_t *result)
{
    json_t *notes = json_incref(json_object_get(result, "notes"));

    if (prune(app, args, result, QRW_AFTER, NULL)) {
        json_array_append_new(notes, json_sprintf("then older snapshots are pruned, so that no "
                                                  "chain is deeper than %lld; that is not in "
                                                  "this plan",
                                                  (long long)args->max_depth));
    } else if (json_array_size(json_object_get(result, "deleted"))) {
        char *names = print_join(json_object_get(result, "deleted"));

        json_array_append_new(notes,
                              json_sprintf("then pruned, so that no chain is deeper than %lld: %s",
                                           (long long)args->max_depth, names));
        free(names);
    }
    json_decref(notes);
}

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    struct args *args = arguments;

    args->create.prunes = args->max_depth;
    json_t *result = app_run(app, &qrw_create, &args->create, 0, err);

    if (!result || !args->max_depth)
        return result;
    json_object_del(result, "prunes"); /* as is to be seen */
    if (json_object_get(result, "plan")) {
        foretell(app, args, result);
        return result;
    }
    if (!prune(app, args, result, 0, err))
        return result;
    json_decref(result);
    return NULL;
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
    if (json_array_size(json_object_get(doc, "deleted"))) {
        char *names = print_join(json_object_get(doc, "deleted"));

        out_line(stdout, "pruned %s", names);
        free(names);
    }
}

const struct verb cmd_create = {
    .name = "create",
    .summary = "Take a snapshot of all writable disks, at one instant",
    .details =
        "The guest goes on writing into new overlays; what it wrote before stays as it is.\n"
        "\n"
        "--memory=live pauses the guest for milliseconds, however much memory it has; only a\n"
        "QEMU started with -incoming defer can then revert to that instant.\n"
        "\n"
        "--quiesce asks the guest agent to write out and freeze the file systems, for as long\n"
        "as the switch takes. Who writes --quiesce wants a quiesced snapshot or none\n"
        "(require); with --quiesce=try there is always one, and a note when it is not\n"
        "quiesced. The guest is thawed also if qrewind is killed.",
    .examples = "qrewind -s vm.sock create before-upgrade --description 'kernel 6.1'\n"
                "qrewind -s vm.sock create --disk vda --overlay vda=/fast/vda.s1.qcow2 s1\n"
                "qrewind -s vm.sock create --dry-run s2",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM_AND_CHANGES | GLOBAL_AGENT,
    .run = run,
    .print = print,
};
