/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-memory: see plan-memory.h. */
#include "snapshot/plan-memory.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-internal.h"

#define OLDEST_WITH_JOBS 60000
#define OLDEST_WITH_SET_ACTION 60000

static char *node_name(const struct scene *s)
{
    return mem_printf("qrw-%s-ram", s->token);
}

/* @way: what can be done there. */
static int check_version(const struct scene *s, const char *way, struct qmp_error *err)
{
    if (s->version >= OLDEST_WITH_JOBS)
        return 0;
    qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                  "QEMU %s cannot save or load memory in place: that needs 6.0 or newer", s->qemu);
    return qmp_error_hint(err, "%s", way);
}

int plan_memory_there(const struct scene *s, struct qmp_error *err)
{
    if (!graph_is_off(s->graph))
        return machine_can_save(s->machine, err)
                   ? qmp_error_hint(err, "a snapshot of the disks alone works: leave --memory out")
                   : 0;
    qmp_error_set(err, QRW_ERR_UNSUPPORTED, "there is no memory to save: the VM does not run");
    return qmp_error_hint(err, "leave --memory out, or start the VM");
}

int plan_memory_check(const struct scene *s, struct qmp_error *err)
{
    if (graph_is_off(s->graph))
        return plan_memory_there(s, err);
    if (check_version(s,
                      "create --internal --memory works there, if every writable disk is qcow2; "
                      "without --memory the disks alone",
                      err))
        return -1;
    if (!s->files_reachable) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the memory needs a file, and QEMU's files are out of our reach");
        return qmp_error_hint(err, PLAN_REACH);
    }
    return plan_memory_there(s, err);
}

static void add_node(struct plan *p, const struct scene *s, const char *file)
{
    auto_free char *node = node_name(s);

    plan_qmp(p, "blockdev-add",
             json_pack("{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2", "node-name", node, "file",
                       "driver", "file", "filename", file),
             overlay_undo(node));
    plan_cleanup_node(p, node);
}

/* "disk.NAME.vmstate.qcow2"; "-2" when a snapshot that has another name now holds that. */
char *plan_memory_name(const struct scene *s, const struct overlays *o, const char *name, bool live)
{
    const char *suffix = live ? ".vmstate" : ".vmstate.qcow2";
    auto_free char *folder = path_folder(o->list[0].file);
    auto_free char *stem = chain_stem(s->chain, o->list[0].disk);
    auto_free char *safe = plan_safe_name(name);
    char *file = mem_printf("%s/%s.%s%s", folder, stem, safe, suffix);

    for (int k = 2; plan_knows_file(s, file); k++) {
        free(file);
        file = mem_printf("%s/%s.%s-%d%s", folder, stem, safe, k, suffix);
    }
    return file;
}

void plan_memory_file(struct plan *p, const struct scene *s, const char *file, const char *like)
{
    plan_need_absent(p, file);
    plan_need_space(p, file, s->machine->ram);
    plan_image(p, file, like);
    plan_sync(p, file);
    add_node(p, s, file);
}

static json_t *job_arguments(const struct scene *s, const char *id, const char *tag)
{
    auto_free char *node = node_name(s);

    return json_pack("{s:s, s:s, s:s, s:[s]}", "job-id", id, "tag", tag, "vmstate", node, "devices",
                     node);
}

void plan_memory_save(struct plan *p, const struct scene *s, const char *tag)
{
    plan_job(p, "snapshot-save", job_arguments(s, "qrw-save", tag), NULL, NULL);
}

json_t *plan_memory_record(const struct plan *p, const struct scene *s, const char *file,
                           const char *tag, bool live)
{
    auto_free char *relative = path_relative(p->after.folder, file);

    return json_pack("{s:s, s:s, s:s, s:s*}", "file", relative, "tag", tag, "qemu", s->qemu,
                     "method", live ? "live" : NULL);
}

bool plan_memory_wanted(struct plan *p, const struct scene *s, const json_t *memory,
                        const char *snapshot)
{
    if (!json_is_object(memory) || !graph_is_off(s->graph))
        return json_is_object(memory);
    auto_free char *name = path_argument(snapshot);
    plan_note(p,
              "the disks are back, the memory needs a QEMU: start it with %s on these disks, and "
              "there qrewind revert %s goes on from that instant",
              chain_memory_is_live(memory) ? "-incoming defer" : "-S", name);
    return false;
}

int plan_memory_fits(const struct scene *s, const json_t *memory, struct qmp_error *err)
{
    if (check_version(s,
                      "--no-memory takes the disks back alone; with the memory it goes on in a "
                      "QEMU 6.0 or newer that is started with -S on these disks",
                      err))
        return -1;
    if (machine_can_load(s->machine, s->graph->status, err))
        return qmp_error_hint(err, "revert in a QEMU that is started with -S on these disks, or "
                                   "the disks alone with --no-memory (the guest restarts)");
    /* one that waits for a memory has had none that failed */
    if (!same(s->graph->status, "inmigrate") && machine_check_failed(s->machine, s->version, err))
        return -1;
    return machine_fits(s->machine, s->graph, s->qemu, memory, err);
}

static void command(struct plan *p, const char *execute, const char *undo)
{
    plan_qmp(p, execute, NULL, json_pack("{s:s}", "execute", undo));
}

/* Whatever it was told: it is told otherwise (runner-reset.c). */
static void reset(struct plan *p, const struct scene *s)
{
    plan_qmp(p, "system_reset", NULL, NULL);
    if (s->reset_ends && s->version >= OLDEST_WITH_SET_ACTION)
        plan_note(p, "QEMU was told to end at a reset (-no-reboot); from now on it resets: qrewind "
                     "qmp set-action reboot=shutdown changes that back");
}

/* Run states that only a reset ends, or out of which a guest that is loaded would not go on. */
static bool is_stuck(const char *status)
{
    static const char *const states[] = {"shutdown", "internal-error", "guest-panicked",
                                         "suspended"};

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (same(status, states[i]))
            return true;
    return false;
}

/* A load that cannot be stops the guest as one that can: machine_keeps_code(). */
static void forget_code(struct plan *p, const struct scene *s)
{
    auto_free char *tag = mem_printf("qrw-%s-none", s->token);

    plan_internal_human(p, "loadvm", tag);
    plan_optional(p);
}

void plan_memory_ready(struct plan *p, const struct scene *s, bool another, bool resets)
{
    const bool flash = graph_has_flash(s->graph);
    const bool stuck = is_stuck(s->graph->status) && resets;
    const bool code = another && machine_keeps_code(s->machine, s->version);
    const bool instant = flash || code; /* it has to run for one */

    if (graph_is_off(s->graph))
        return;
    if (s->graph->running) {
        if (code)
            forget_code(p, s);
        plan_qmp(p, "stop", NULL, json_pack("{s:s}", "execute", "cont"));
        return;
    }
    if (!instant && !stuck)
        return;
    if (resets) {
        reset(p, s);
        plan_optional(p); /* its answer is waited for: the guest must not run before */
    } else {
        plan_note(p, "the guest ran for an instant: QEMU would have crashed if a memory had been "
                     "loaded before, and not run since");
    }
    if (!instant)
        return;
    command(p, "cont", "stop");
    if (code)
        forget_code(p, s);
    command(p, "stop", "stop");
}

void plan_memory_open(struct plan *p, const struct scene *s, const json_t *memory)
{
    auto_free char *file = chain_memory_file(s->chain, memory);

    plan_need_state(p, file, json_string_value(json_object_get(memory, "tag")));
    add_node(p, s, file);
    plan_again(p);
}

void plan_memory_load(struct plan *p, const struct scene *s, const json_t *memory)
{
    const char *tag = json_string_value(json_object_get(memory, "tag"));

    plan_job(p, "snapshot-load", job_arguments(s, "qrw-load", tag), NULL, NULL);
    /* a load that failed half-way leaves a memory that must not run */
    plan_undo(p, json_pack("{s:s}", "execute", "system_reset"));
    plan_again(p);
}

static void announce(struct plan *p)
{
    plan_qmp(p, "announce-self",
             json_pack("{s:i, s:i, s:i, s:i}", "initial", 50, "max", 550, "rounds", 5, "step", 50),
             NULL);
    plan_optional(p);
}

int plan_check_reset(const struct scene *s, struct qmp_error *err)
{
    if (!s->reset_ends || s->version >= OLDEST_WITH_SET_ACTION)
        return 0;
    qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                  "QEMU %s was started with -no-reboot: it would end when the guest is reset",
                  s->qemu);
    return qmp_error_hint(err, "start it without that; --no-reset takes the disks back under the "
                               "guest's feet");
}

void plan_say_running(struct plan *p, const struct scene *s, bool running)
{
    if (!graph_is_off(s->graph))
        json_object_set_new(p->result, "running", json_boolean(running));
}

void plan_go_on(struct plan *p, const struct scene *s, bool resets, bool go, bool loaded)
{
    if (graph_is_off(s->graph))
        return;
    plan_say_running(p, s, go);
    if (resets) {
        reset(p, s);
        plan_again(p);
    }
    if (go) {
        plan_qmp(p, "cont", NULL, NULL);
        plan_again(p);
    }
    if (go && loaded)
        announce(p);
}
