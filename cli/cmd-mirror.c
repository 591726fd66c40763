/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror: copy a disk while the guest runs, and perhaps go over to the copy. */
#include <string.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"

struct args {
    struct qrw_mirror_args mirror;
    bool no_wait;
};

#define A(member) offsetof(struct args, member)

static const char *const syncs[] = {"full", "top", "none", NULL};

/* clang-format off */
static const struct opt opts[] = {
    {"DISK", OPT_STRING, A(mirror.disk), .place = OPT_MUST, .help = "what to copy"},
    {"FILE", OPT_STRING, A(mirror.file), .place = OPT_MAY,
     .help = "the copy; none: go on with the copy that is under way"},
    {"sync", OPT_STRING, A(mirror.sync), .words = syncs,
     .help = "what is copied: all, the active layer, what is written from now on"},
    {"format", OPT_STRING, A(mirror.format), .value = "F",
     .help = "of the copy; default qcow2, of *.raw raw"},
    {"speed", OPT_SIZE, A(mirror.speed), .value = "N",
     .help = "at most so many bytes a second; k, M, G"},
    {"pivot", OPT_FLAG, A(mirror.pivot), .help = "then go over to the copy"},
    {"finish", OPT_FLAG, A(mirror.finish), .help = "then end, and keep the copy as it is"},
    {"no-wait", OPT_FLAG, A(no_wait), .help = "start the job and leave it to itself"},
    {"keep-files", OPT_FLAG, A(mirror.keep_files),
     .help = "after --pivot, do not remove the files that it came from"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;

    if (args->mirror.pivot && args->mirror.finish) {
        qmp_error_set(err, QMP_ERR_USAGE, "--pivot and --finish exclude each other");
        return NULL;
    }
    if (!args->mirror.file && !args->mirror.pivot && !args->mirror.finish) {
        qmp_error_set(err, QMP_ERR_USAGE, "FILE is missing, or --pivot or --finish");
        return NULL;
    }
    return app_run(app, &qrw_mirror, &args->mirror, args->no_wait ? QRW_NO_WAIT : 0, err);
}

/* Is there a copy that now follows the disk and waits to be told what becomes of it? */
static bool is_ready(const json_t *doc)
{
    const char *status = doc_text(json_array_get(json_object_get(doc, "jobs"), 0), "status");

    return status && !strcmp(status, "ready");
}

static void print(const json_t *doc, const void *arguments)
{
    const struct args *args = arguments;

    print_work(doc, arguments);
    if (is_ready(doc))
        out_line(stdout, "go over to it: qrewind mirror %s --pivot; or keep it: --finish",
                 args->mirror.disk);
}

const struct verb cmd_mirror = {
    .name = "mirror",
    .summary = "Copy a disk while the guest runs, and perhaps go over to the copy",
    .details = "Without --pivot and --finish the copy keeps following the disk until one of the\n"
               "two is asked for, without FILE.",
    .examples = "qrewind -s vm.sock mirror vda /new/vda.qcow2 --pivot\n"
                "qrewind -s vm.sock mirror vda /new/vda.qcow2\n"
                "qrewind -s vm.sock mirror vda --finish",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print,
};
