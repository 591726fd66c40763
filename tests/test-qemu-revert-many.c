/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many reverts leave as much behind as one: no node, file, descriptor or memory, neither QEMU's
 * nor ours, which are those of this process: the library is called here. A real guest goes back
 * many times in test-qemu-guest-many.c.
 *
 * REVERTS=200 make check TEST=qemu-revert-many    a longer run; the figures are printed
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/vm.h"
#include "tests/cases/inside.h"
#include "tests/tidy/tidy.h"

enum { FEW = 20, SETTLE = 5 };

/* QEMU's heap comes and goes by this much; ours is counted, with what malloc keeps at hand. The
 * guest stands still: code that it runs is translated, and that is memory of QEMU's too. */
enum { QEMU_SLACK_KIB = 4096, OUR_SLACK_KIB = 256 };

static int reverts(void)
{
    const char *wanted = getenv("REVERTS");

    return wanted ? atoi(wanted) : FEW;
}

static void run(struct qrw_vm *vm, const struct qrw_operation *op, const void *args)
{
    struct qmp_error err;
    json_auto_t *result = qrw_run(vm, op, args, 0, &err);

    cr_assert(result, "%s: %s", err.context, err.desc);
}

static const struct qrw_revert_args to_s1 = {.name = "s1"};

/* Go back to s1 with @args, many times; or with @op undo, back and forth. */
static void many(const char *what, const struct qrw_create_args *create,
                 const struct qrw_operation *op, const struct qrw_revert_args *args, bool modern)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = modern});
    struct qrw_options options = {.socket = lab->socket, .timeout_ms = LAB_PATIENCE_MS};
    struct tidy_weight once[2], now[2];
    struct qmp_error err;
    struct qrw_vm *vm = qrw_open(&options, &err);

    cr_assert(vm, "%s", err.desc);
    write_both(lab, 1);
    run(vm, &qrw_create, create);
    run(vm, &qrw_revert, &to_s1);
    for (int i = 0; i < SETTLE + reverts(); i++) {
        if (i == SETTLE) {
            once[0] = tidy_weigh(lab);
            once[1] = tidy_weigh_ours(lab);
        }
        run(vm, op, args);
        json_decref(lab_qmp(lab, "query-status", NULL)); /* so that events do not pile up */
    }
    now[0] = tidy_weigh(lab);
    now[1] = tidy_weigh_ours(lab);
    tidy_level(what, "QEMU", &once[0], &now[0], QEMU_SLACK_KIB);
    tidy_level(what, "we", &once[1], &now[1], OUR_SLACK_KIB);
    qrw_close(vm);
    is_tidy(lab);
    lab_stop(lab);
}

static bool can_load_memory(void)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 0});
    bool can = has_snapshot_jobs(lab);

    lab_stop(lab);
    return can;
}

Test(revert_many, to_layers, .timeout = 0)
{
    for (int modern = 0; modern < 2; modern++)
        many(modern ? "layers, -blockdev" : "layers, -drive",
             &(struct qrw_create_args){.name = "s1"}, &qrw_revert, &to_s1, modern);
}

Test(revert_many, back_and_forth, .timeout = 0)
{
    many("undo", &(struct qrw_create_args){.name = "s1"}, &qrw_undo,
         &(struct qrw_revert_args){.name = NULL}, true);
}

Test(revert_many, with_memory, .timeout = 0)
{
    if (can_load_memory())
        many("with memory", &(struct qrw_create_args){.name = "s1", .memory = true}, &qrw_revert,
             &to_s1, true);
}

Test(revert_many, inside_the_images, .timeout = 0)
{
    const struct qrw_create_args disks = {.name = "s1", .internal = true},
                                 whole = {.name = "s1", .internal = true, .memory = true};

    if (!can_load_memory())
        return;
    many("inside, the disks alone", &disks, &qrw_revert, &to_s1, false);
    many("inside, with memory", &whole, &qrw_revert, &to_s1, true);
}
