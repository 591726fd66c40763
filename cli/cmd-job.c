/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job: wait for a job, or tell it what to do. */
#include <string.h>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/value.h"

struct args {
    const char *action, *id, *speed;
    int wait_ms; /* 0: for ever */
};

#define A(member) offsetof(struct args, member)

static const char *const actions[] = {"wait",   "pause",   "resume", "complete",
                                      "cancel", "dismiss", "speed",  NULL};

/* clang-format off */
static const struct opt opts[] = {
    {"ACTION", OPT_STRING, A(action), .place = OPT_MUST, .words = actions,
     .help = "what is to be done; complete: go over to the copy or base"},
    {"ID", OPT_STRING, A(id), .place = OPT_MUST, .help = "which job, as 'qrewind jobs' shows it"},
    {"N", OPT_STRING, A(speed), .place = OPT_MAY,
     .help = "for speed: at most so many bytes a second; k, M, G; 0: no limit"},
    {"for", OPT_SECONDS, A(wait_ms), .value = "SECONDS",
     .help = "wait: at most so long; the job goes on, and the exit code is 6"},
    {0},
};
/* clang-format on */

static bool check_speed(const struct args *args, bool wanted, struct qmp_error *err)
{
    if (wanted && !args->speed)
        qmp_error_set(err, QMP_ERR_USAGE, "N is missing");
    else if (wanted && value_size(args->speed) < 0)
        qmp_error_set(err, QMP_ERR_USAGE, "N: '%s' is not a size like 512k, 10M or 1G",
                      args->speed);
    else if (!wanted && args->speed)
        qmp_error_set(err, QMP_ERR_USAGE, "one argument too many: '%s'", args->speed);
    else
        return true;
    return false;
}

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;
    bool speed = !strcmp(args->action, "speed");
    struct qrw_vm *vm = check_speed(args, speed, err) ? app_vm(app, err) : NULL;

    if (!vm)
        return NULL;
    if (!strcmp(args->action, "wait"))
        return qrw_job_wait(vm, args->id, args->wait_ms, err);
    return qrw_job_action(vm, args->action, args->id, speed ? value_size(args->speed) : 0, err);
}

const struct verb cmd_job = {
    .name = "job",
    .summary = "Wait for a job, or tell it what to do",
    .details = "A job that only waits for a decision (ready) ends the waiting too.",
    .examples = "qrewind -s vm.sock job wait qrw-commit-vda\n"
                "qrewind -s vm.sock job speed qrw-commit-vda 50M",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM & ~GLOBAL_IMAGE,
    .run = run,
    .print = print_work,
};
