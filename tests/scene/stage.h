/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stage: a VM that plays pictures, for whole operations without a QEMU.
 *
 *     struct stage s;
 *     stage_open(&s, "disk0: a", (const struct stage_act[]){
 *         {"blockdev-snapshot", NULL, "disk0: a <- a.s1"},
 *         {NULL, NULL, NULL}});
 *     result = qrw_run(s.vm, &qrw_create, &args, 0, &err);
 *     stage_close(&s);
 *
 * The images of the picture are made in the scratch folder, and are open as QEMU's would be. The
 * queries are answered with what the present picture shows; other commands succeed, unless
 * an act is for them.
 */
#ifndef TESTS_SCENE_STAGE_H
#define TESTS_SCENE_STAGE_H

#include "snapshot/vm.h"
#include "tests/scene/picture.h"

/*
 * When the command @on comes (the second act for the same command: when it comes again), the
 * fake monitor does @lines (NULL: "= {}"; see fake-monitor.h) and then shows @then (NULL: what
 * it did). A NULL @on ends the list.
 */
struct stage_act {
    const char *on, *lines, *then;
};

struct stage {
    struct event_base *base;
    struct fake *fake;
    struct qrw_vm *vm;
    const struct stage_act *acts;
    struct picture *now; /* what QEMU shows; its document means nothing */
    size_t played;       /* bit i: act i was played */
    char *answer;        /* lines of the last answer */
    int open[64];        /* images that QEMU has open */
    int hang_up_at;      /* at the Nth command QEMU hangs up instead of doing it; 0: never */
    bool interrupt;      /* qrw_interrupt() as soon as there is progress */
    char *notes;         /* what was said beside the results, a line each */
    char settled[32];
};

/* The layers of @d from the base up, as files, those that are not there yet. */
void stage_make_images(const struct graph_disk *d);

void stage_open(struct stage *s, const char *picture, const struct stage_act *acts);
void stage_close(struct stage *s);

/* Another client, as after a crash; QEMU shows @picture (NULL: what it did), and plays @acts. */
void stage_again(struct stage *s, const char *picture, const struct stage_act *acts);

/*
 * Run @op and expect @kind (0: success), and @words (may be NULL) in the error. Returns the
 * result (new reference), NULL after an error.
 */
json_t *stage_run(struct stage *s, const struct qrw_operation *op, const void *args, unsigned flags,
                  int kind, const char *words);

/* Settle what was left: "undone", "finished", ... as qrw_repair() says. Borrowed, until the next.
 */
const char *stage_repair(struct stage *s);

/* The commands that came, without queries, in order, are @names: "blockdev-add stop". */
void stage_expect_commands(const struct stage *s, const char *names);

/* The sidecar beside image @name has @document (as a picture), and ", pending create" after it
 * where that is so; or there is "no sidecar". */
void stage_expect_sidecar(const char *name, const char *document);

/* All files in the folder, sorted, are @names: "a.qcow2 a.s1.qcow2". */
void stage_expect_files(const char *names);

#endif
