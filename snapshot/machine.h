/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine: what decides whether a saved memory fits, from query replies.  PURE
 *
 * Memory can only be loaded into a machine of the same type with the same RAM, CPUs
 * and devices in the same places; and it can only be saved when nothing forbids migration.
 */
#ifndef SNAPSHOT_MACHINE_H
#define SNAPSHOT_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "qmp/error.h"
#include "snapshot/graph.h"

enum machine_live { MACHINE_LIVE_NEVER, MACHINE_LIVE_OFF, MACHINE_LIVE_ON };

struct machine {
    char *type;             /* "pc-q35-7.2" */
    int64_t ram;            /* bytes, plugged memory included */
    size_t cpus;            /* plugged ones included, 0: not told */
    json_t *devices;        /* sorted array of "id: type"; ids that QEMU chose are "-" */
    json_t *tree;           /* where they sit: places_read(); NULL: not told */
    json_t *blockers;       /* array of QEMU's words why memory cannot be saved */
    char *migration;        /* "active", … when one runs; else NULL */
    enum machine_live live; /* its capability to save the memory of a guest that runs on */
    json_t *capabilities;   /* array of those of migrations that somebody has set */
    bool failed;            /* the last migration, and QEMU still knows why */
    int64_t bandwidth;      /* of migrations: bytes per second */
    bool translates;        /* the guest's code: machine_keeps_code() */
};

/* Each takes one reply (borrowed). What is missing in it stays empty. */
int machine_take_type(void *machine, const json_t *reply, struct qmp_error *err);
int machine_take_memory(void *machine, const json_t *reply, struct qmp_error *err);
int machine_take_cpus(void *machine, const json_t *reply, struct qmp_error *err);
int machine_take_devices(void *machine, const json_t *reply, struct qmp_error *err);
int machine_take_tree(void *machine, const json_t *reply, struct qmp_error *err);
int machine_take_migration(void *machine, const json_t *reply, struct qmp_error *err);
int machine_take_capabilities(void *machine, const json_t *reply, struct qmp_error *err);
int machine_take_parameters(void *machine, const json_t *reply, struct qmp_error *err);
/* Of query-kvm, or of query-accelerators, which replaces it. */
int machine_take_accelerator(void *machine, const json_t *reply, struct qmp_error *err);
void machine_done(struct machine *m);

/*
 * Does a guest that stands still when its memory is loaded go on with code that was translated
 * (TCG) from what was there before? From 10.2 on, seen in 11.1: QEMU forgets that code only when
 * a load stops the guest.
 */
bool machine_keeps_code(const struct machine *m, int version);
#define OLDEST_THAT_KEEPS_CODE 100200

/* Can memory be saved now? QRW_ERR_UNSUPPORTED or QRW_ERR_REFUSED in QEMU's words. */
int machine_can_save(const struct machine *m, struct qmp_error *err);

/*
 * What somebody has set for migrations holds for our saving and loading, too: some of it makes
 * QEMU die, hang, or leave the RAM out. QRW_ERR_REFUSED names it, and how it is switched off.
 */
enum machine_use { MACHINE_SAVES = 1, MACHINE_LOADS = 2, MACHINE_SAVES_LIVE = 4 };
int machine_check_set(const struct machine *m, enum machine_use use, struct qmp_error *err);

/*
 * Would QEMU of @version fail to load, half-way, only because a migration of it has failed before?
 * QRW_ERR_REFUSED. The next memory that it saves makes that good.
 */
int machine_check_failed(const struct machine *m, int version, struct qmp_error *err);

/*
 * Can memory be loaded into it in the run state @status (query-status)? QRW_ERR_UNSUPPORTED, or
 * QRW_ERR_REFUSED as long as a migration runs: QEMU would begin, and fail half-way. An nvme
 * controller that a guest has used cannot be loaded over: QEMU 11.1 dies with a failed assertion
 * (those before 11 cannot save one). Fresh, with -S, it can.
 */
int machine_can_load(const struct machine *m, const char *status, struct qmp_error *err);

/* What a snapshot of @disks (their ids are keys) records of @m: {"machine", "ram", "cpus",
 * "devices", "places"} go into @memory. */
void machine_record(const struct machine *m, const struct graph *g, const json_t *disks,
                    json_t *memory);

/*
 * Does what was recorded fit @m in QEMU @qemu ("7.2.22")? QRW_ERR_UNSUPPORTED names the
 * difference. A newer QEMU loads what an older one saved, as the machine type has a version for
 * that; the other way round nobody promises it. What devices are called means nothing where it is
 * known where they sit.
 */
int machine_fits(const struct machine *m, const struct graph *g, const char *qemu,
                 const json_t *memory, struct qmp_error *err);

/* "pc-q35-7.2" of the QOM type "pc-q35-7.2-machine". New string. */
char *machine_name(const char *qom_type);

#endif
