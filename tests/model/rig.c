/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig: see rig.h. */
#include "tests/model/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/model/firmware.h"

#define DISK_SIZE "512k" /* MODEL_BLOCKS * MODEL_BLOCK */

/* The oldest that can save and load memory in place. */
enum { OLDEST_WITH_MEMORY = 6 };

/* ---- the machine ---- */

struct rig_kind rig_kind(uint64_t *seed)
{
    static const int buses[] = {LAB_VIRTIO, LAB_VIRTIO_IOTHREAD, LAB_SCSI};

    return (struct rig_kind){.disks = 1 + (int)step_random(seed, MODEL_DISKS),
                             .modern = step_random(seed, 2),
                             .raw = !step_random(seed, 3),
                             .relative = !step_random(seed, 4),
                             .running = !step_random(seed, 4),
                             .bus = buses[step_random(seed, 3)],
                             .reconnects = step_random(seed, 2)};
}

char *rig_text(const struct rig_kind *k, char text[RIG_TEXT])
{
    static const char *const buses[] = {
        [LAB_VIRTIO] = "virtio", [LAB_VIRTIO_IOTHREAD] = "virtio+iothread", [LAB_SCSI] = "scsi"};

    snprintf(text, RIG_TEXT, "%d disk%s, -%s, %s, %s%s%s%s", k->disks, k->disks > 1 ? "s" : "",
             k->modern ? "blockdev" : "drive", k->raw ? "raw" : "qcow2", buses[k->bus],
             k->relative ? ", relative names" : "", k->running ? ", running" : "",
             k->reconnects ? ", a connection for each step" : "");
    return text;
}

static const char *format_of(const char *file)
{
    return images_is_raw(file) ? "raw" : "qcow2";
}

static void connect(struct rig *rig)
{
    struct qrw_options o = {.socket = rig->lab->socket, .timeout_ms = LAB_PATIENCE_MS};
    struct qmp_error err;

    qrw_close(rig->vm);
    rig->vm = qrw_open(&o, &err);
    if (!rig->vm)
        lab_fail("qrw_open: %s: %s", err.context, err.desc);
}

void rig_start(struct rig *rig, const struct rig_kind *kind)
{
    const json_t *major;

    *rig = (struct rig){.kind = *kind};
    rig->home = rig->lab = lab_start(&(struct lab_options){.disks = kind->disks,
                                                           .format = kind->raw ? "raw" : "qcow2",
                                                           .size = DISK_SIZE,
                                                           .bus = (enum lab_bus)kind->bus,
                                                           .modern = kind->modern,
                                                           .relative = kind->relative,
                                                           .running = kind->running});
    major = json_object_get(
        json_object_get(json_object_get(json_object_get(rig->lab->greeting, "QMP"), "version"),
                        "qemu"),
        "major");
    rig->can_memory = json_integer_value(major) >= OLDEST_WITH_MEMORY;
    connect(rig);
}

void rig_stop(struct rig *rig)
{
    qrw_close(rig->vm);
    if (rig->lab != rig->home)
        lab_stop(rig->lab);
    lab_stop(rig->home);
    *rig = (struct rig){0};
}

void rig_quit(struct rig *rig)
{
    qrw_close(rig->vm);
    rig->vm = NULL;
    json_decref(lab_ask(rig->lab, "quit", NULL));
    waitpid(rig->lab->pid, NULL, 0);
    rig->lab->pid = 0;
}

/* The arguments that give disk @n the image @file, as lab_start() gives it the first one. */
static int add_disk(const struct rig *rig, const char **args, int n, const char *file)
{
    const char *device = rig->kind.bus == LAB_SCSI              ? "scsi-hd"
                         : rig->kind.bus == LAB_VIRTIO_IOTHREAD ? "virtio-blk-pci,iothread=io"
                                                                : "virtio-blk-pci";
    const char letter = (char)('a' + n);

    if (rig->kind.modern) {
        args[0] = "-blockdev";
        args[1] = mem_printf("driver=%s,node-name=vd%c-fmt,file.driver=file,file.node-name=vd%c-"
                             "file,file.filename=%s/%s",
                             format_of(file), letter, letter, rig->home->folder, file);
        args[3] = mem_printf("%s,drive=vd%c-fmt,id=disk%d", device, letter, n);
    } else {
        args[0] = "-drive";
        args[1] = mem_printf("if=none,id=vd%c,format=%s,file=%s/%s", letter, format_of(file),
                             rig->home->folder, file);
        args[3] = mem_printf("%s,drive=vd%c", device, letter);
    }
    args[2] = "-device";
    return 4;
}

static void restart(struct rig *rig, const char (*active)[IMAGE_NAME], bool running)
{
    const char *args[4 * MODEL_DISKS + 3] = {0};
    int first = 0, n;

    rig_quit(rig);
    if (rig->lab != rig->home)
        lab_stop(rig->lab);
    if (rig->kind.bus == LAB_SCSI) {
        args[first++] = "-device";
        args[first++] = "virtio-scsi-pci";
    } else if (rig->kind.bus == LAB_VIRTIO_IOTHREAD) {
        args[first++] = "-object";
        args[first++] = "iothread,id=io";
    }
    n = first;
    for (int d = 0; d < rig->kind.disks; d++)
        n += add_disk(rig, args + n, d, active[d]);
    rig->lab = lab_start(
        &(struct lab_options){.modern = rig->kind.modern, .running = running, .args = args});
    for (int i = first + 1; i < n; i += 2)
        free((char *)args[i]);
    connect(rig);
}

const char *rig_disk(const struct rig *rig, int n)
{
    static const char *const legacy[] = {"vda", "vdb", "vdc"};
    static const char *const modern[] = {"disk0", "disk1", "disk2"};

    return rig->kind.modern ? modern[n] : legacy[n];
}

/* ---- steps ---- */

/* How qemu-io calls disk @n: its drive, or "-d" and the path of the device. New string. */
static char *name_for_io(const struct rig *rig, int n)
{
    json_auto_t *blocks = rig->kind.modern ? lab_qmp(rig->lab, "query-block", NULL) : NULL;
    const json_t *block;
    size_t i;

    json_array_foreach(blocks, i, block) {
        const char *device = json_string_value(json_object_get(block, "qdev"));

        if (device && strstr(device, rig_disk(rig, n)))
            return mem_printf("-d %s", device);
    }
    return mem_strdup(rig_disk(rig, n));
}

/* Zeros are clusters of another kind; but QEMU 7.2 dies of "-z" beside an iothread. */
static void write_blocks(struct rig *rig, const struct step *s)
{
    const bool zero = !s->value && rig->kind.bus != LAB_VIRTIO_IOTHREAD;
    auto_free char *name = name_for_io(rig, s->disk);
    auto_free char *what = zero ? mem_strdup("-z") : mem_printf("-P %d", s->value);

    free(lab_human(rig->lab, "qemu-io %s \"write %s %dk %dk\"", name, what,
                   s->from * (MODEL_BLOCK / 1024), s->blocks * (MODEL_BLOCK / 1024)));
}

static json_t *run(struct rig *rig, const struct qrw_operation *op, const void *args,
                   const struct step *s, struct qmp_error *err)
{
    struct qmp_error dry_err;
    json_t *result;

    if (s->flags & STEP_DRY_FIRST) {
        json_auto_t *dry = qrw_run(rig->vm, op, args, QRW_DRY_RUN, &dry_err);

        result = qrw_run(rig->vm, op, args, 0, err);
        if (result && !dry)
            lab_fail("done, although the dry run was refused: %s: %s", dry_err.context,
                     dry_err.desc);
        return result;
    }
    return qrw_run(rig->vm, op, args, 0, err);
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static json_t *operate(struct rig *rig, const struct step *s, struct qmp_error *err)
{
    const char *disk = s->disk == STEP_ALL ? NULL : rig_disk(rig, s->disk);
    const char *names[STEP_NAMES + 1] = {0};
    auto_free char *file = mem_printf("%s/%s", rig->home->folder, s->file);
    const unsigned f = s->flags;

    for (int i = 0; i < STEP_NAMES; i++)
        names[i] = or_null(s->name[i]);
    struct qrw_create_args create = {.name = names[0],
                                     .disks = disk ? (const char *[]){disk, NULL} : NULL,
                                     .memory = f & STEP_MEMORY,
                                     .internal = f & STEP_INTERNAL};
    struct qrw_revert_args revert = {.name = names[0],
                                     .keep = or_null(s->fresh),
                                     .discard = f & STEP_DISCARD,
                                     .no_memory = f & STEP_NO_MEMORY,
                                     .no_reset = f & STEP_NO_RESET,
                                     .paused = f & STEP_PAUSED,
                                     .running = f & STEP_RUNNING};
    struct qrw_delete_args delete = {.names = names, .children = f & STEP_CHILDREN};
    struct qrw_edit_args edit = {.name = names[0],
                                 .new_name = or_null(s->fresh),
                                 .pin = f & STEP_PIN,
                                 .unpin = f & STEP_UNPIN};
    struct qrw_prune_args prune = {.last = s->keep_last, .max_depth = s->max_depth};
    struct qrw_commit_args commit = {.disk = disk,
                                     .base = or_null(s->base),
                                     .top = or_null(s->top),
                                     .force = f & STEP_FORCE,
                                     .keep_files = f & STEP_KEEP_FILES};
    struct qrw_mirror_args mirror = {.disk = disk,
                                     .file = file,
                                     .sync = s->sync,
                                     .format = format_of(s->file),
                                     .pivot = !(f & STEP_FINISH),
                                     .finish = f & STEP_FINISH,
                                     .keep_files = f & STEP_KEEP_FILES};
    const struct {
        const struct qrw_operation *op;
        const void *args;
    } table[STEP_VERBS] = {
        [STEP_CREATE] = {&qrw_create, &create}, [STEP_REVERT] = {&qrw_revert, &revert},
        [STEP_UNDO] = {&qrw_undo, &revert},     [STEP_DELETE] = {&qrw_delete, &delete},
        [STEP_EDIT] = {&qrw_edit, &edit},       [STEP_PRUNE] = {&qrw_prune, &prune},
        [STEP_COMMIT] = {&qrw_commit, &commit}, [STEP_STREAM] = {&qrw_stream, &commit},
        [STEP_MIRROR] = {&qrw_mirror, &mirror},
    };

    return run(rig, table[s->verb].op, table[s->verb].args, s, err);
}

/* The last note of the result, if it has one: merges come last. */
static void note(struct rig *rig, const json_t *result)
{
    const json_t *notes = json_object_get(result, "notes");
    const char *text = json_string_value(json_array_get(notes, json_array_size(notes) - 1));

    snprintf(rig->note, sizeof(rig->note), "%s", text ? text : "");
}

/* Was it kept for the user, or as the base of something that is gone since? */
static bool is_kept_for_user(const char *why)
{
    static const char base[] = "is also the base of ";
    const char *other = strstr(why, base);

    return !strcmp(why, "asked for") || (other && access(other + strlen(base), F_OK));
}

/* What was kept for the user is the user's to remove. */
static void remove_kept(const json_t *result)
{
    const json_t *kept;
    size_t i;

    json_array_foreach(json_object_get(result, "kept"), i, kept) {
        const char *file = json_string_value(json_object_get(kept, "name"));

        if (is_kept_for_user(json_string_value(json_object_get(kept, "why"))) && unlink(file))
            lab_fail("%s was to be kept", file);
    }
}

int rig_do(struct rig *rig, const struct step *s, const char (*active)[IMAGE_NAME],
           struct qmp_error *err)
{
    rig->note[0] = '\0';
    if (rig->kind.bus == LAB_VIRTIO_IOTHREAD)
        firmware_wait(rig->lab);
    switch (s->verb) {
    case STEP_WRITE:
        write_blocks(rig, s);
        return 0;
    case STEP_RUN:
        json_decref(lab_qmp(rig->lab, s->flags & STEP_RUNNING ? "cont" : "stop", NULL));
        return 0;
    case STEP_RESTART:
        restart(rig, active, s->flags & STEP_RUNNING);
        return 0;
    default:
        break;
    }
    if (rig->kind.reconnects)
        connect(rig);
    json_auto_t *result = operate(rig, s, err);
    note(rig, result);
    remove_kept(result);
    return result ? 0 : -1;
}
