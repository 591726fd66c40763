/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real guest that writes is taken back again and again, in every way there is: that leaves as
 * much behind as doing it once, of nodes, files, descriptors and memory, QEMU's and ours, which
 * are those of this process: the library is called here. Between two reverts the guest goes on
 * writing; where the disks alone go back, it boots first.
 *
 *   REVERTS=200 make check TEST=qemu-guest-many    a longer run; the figures are printed
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/vm.h"
#include "tests/cases/inside.h"
#include "tests/guest/guest.h"
#include "tests/tidy/tidy.h"

/* With the first ones everything is there that will be. */
enum { SETTLE = 2 };

/* QEMU's has the guest's in it, and where that boots again and again it grows by as much with
 * system_reset and nothing else, until all is used. */
enum { QEMU_SLACK_KIB = 16384, BOOT_SLACK_KIB = 65536, OUR_SLACK_KIB = 256 };

/* How far the guest comes between two reverts at most, on the most loaded machine. */
enum { LINES = 400 };

struct way {
    const char *what;
    struct qrw_create_args create;
    int few; /* in make check: to boot takes seconds */
};

static int reverts(const struct way *way)
{
    const char *wanted = getenv("REVERTS");

    return wanted ? atoi(wanted) : way->few;
}

static void run(struct qrw_vm *vm, const struct qrw_operation *op, const void *args)
{
    struct qmp_error err;
    json_auto_t *result = qrw_run(vm, op, args, 0, &err);

    cr_assert(result, "%s: %s", err.context, err.desc);
}

/* Back, and until the guest writes again. */
static void revert(struct guest *g, struct qrw_vm *vm, const struct way *way, int agent)
{
    static int asked;

    run(vm, &qrw_revert, &(struct qrw_revert_args){.name = "s1"});
    if (way->create.memory)
        guest_agent_answers(agent, ++asked);
    else
        free(guest_wait(g, "guest ready"));
    guest_position(g);
}

/* The file systems of both disks must be clean, the logs without a gap and not further than one
 * life after the snapshot. */
static void check_disks(struct guest *g, long least, long most)
{
    json_auto_t *doc = tells(g->lab, "disks");

    lab_kill(g->lab);
    for (int disk = 0; disk < 2; disk++) {
        const char *path = text(doc, disk ? "disks.1.layers.0.file" : "disks.0.layers.0.file");
        long last = 0;
        auto_free char *wrong = guest_check_disk(path, "qcow2", &last);

        cr_assert_null(wrong, "%s: %s", path, wrong);
        cr_assert(last >= least && last <= most, "%s ends at %ld, not from %ld to %ld", path, last,
                  least, most);
    }
}

static void weigh(struct guest *g, struct tidy_weight w[2])
{
    w[0] = tidy_weigh(g->lab);
    w[1] = tidy_weigh_ours(g->lab);
}

static void many(struct guest *g, const struct way *way)
{
    struct qrw_options options = {.socket = g->lab->socket, .timeout_ms = LAB_PATIENCE_MS};
    struct tidy_weight once[2], now[2];
    struct qmp_error err;
    struct qrw_vm *vm = qrw_open(&options, &err);
    int agent = guest_agent_open(g);
    long at = guest_beyond(g, 20);

    cr_assert(vm, "%s", err.desc);
    run(vm, &qrw_create, &way->create);
    for (int i = 0; i < SETTLE + reverts(way); i++) {
        if (i == SETTLE)
            weigh(g, once);
        revert(g, vm, way, agent);
        json_decref(lab_qmp(g->lab, "query-status", NULL)); /* so that events do not pile up */
    }
    weigh(g, now);
    tidy_level(way->what, "QEMU", &once[0], &now[0],
               way->create.memory ? QEMU_SLACK_KIB : BOOT_SLACK_KIB);
    tidy_level(way->what, "we", &once[1], &now[1], OUR_SLACK_KIB);
    qrw_close(vm);
    close(agent);
    is_tidy(g->lab);
    check_disks(g, at, at + LINES);
}

static void on_a_guest(const struct way *way)
{
    struct guest *g = guest_start(&(struct guest_options){.disks = 2, .modern = true});

    /* 5.2 says what it cannot do: test-qemu-memory.c */
    if (has_snapshot_jobs(g->lab) || (!way->create.memory && !way->create.internal))
        many(g, way);
    guest_stop(g);
}

Test(guest_many, with_memory, .timeout = 0)
{
    on_a_guest(&(struct way){"layers, with memory", {.name = "s1", .memory = true}, 20});
}

Test(guest_many, the_disks_alone, .timeout = 0)
{
    on_a_guest(&(struct way){"layers, the disks alone", {.name = "s1"}, 2});
}

Test(guest_many, inside_the_images_with_memory, .timeout = 0)
{
    on_a_guest(
        &(struct way){"inside, with memory", {.name = "s1", .internal = true, .memory = true}, 20});
}

Test(guest_many, inside_the_images_the_disks_alone, .timeout = 0)
{
    on_a_guest(&(struct way){"inside, the disks alone", {.name = "s1", .internal = true}, 2});
}
