/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab: QEMU's command line.
 */
#include "tests/lab/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "qmp/mem.h"

/* The controller that a bus needs, and the device on it. */
static const struct bus {
    const char *controller;
    const char *device;
} buses[] = {
    [LAB_VIRTIO] = {NULL, "virtio-blk-pci"},
    [LAB_VIRTIO_IOTHREAD] = {NULL, "virtio-blk-pci,iothread=io"},
    [LAB_SCSI] = {"virtio-scsi-pci", "scsi-hd"},
    [LAB_IDE] = {NULL, "ide-hd"},
    [LAB_NVME] = {NULL, "nvme"},
};

void lab_add(struct lab_args *args, const char *fmt, ...)
{
    va_list ap;

    args->v = mem_grow(args->v, args->n + 2, sizeof(*args->v));
    va_start(ap, fmt);
    if (vasprintf(&args->v[args->n++], fmt, ap) < 0)
        abort();
    va_end(ap);
    args->v[args->n] = NULL;
}

void lab_args_done(struct lab_args *args)
{
    for (size_t i = 0; i < args->n; i++)
        free(args->v[i]);
    free(args->v);
}

static void add_option(struct lab_args *args, const char *option, const char *value)
{
    lab_add(args, "%s", option);
    lab_add(args, "%s", value);
}

static void add_monitor(struct lab_args *args, const char *id, int fd)
{
    lab_add(args, "-chardev");
    lab_add(args, "socket,id=%s,fd=%d,server=on,wait=off", id, fd);
    lab_add(args, "-mon");
    lab_add(args, "chardev=%s,mode=control", id);
}

void lab_add_machine(struct lab_args *args, const char *mib)
{
    lab_add(args, "qemu-system-x86_64");
    add_option(args, "-M", "pc");
    /* A guest that boots again and again would make it keep a GiB of what it has translated. */
    add_option(args, "-accel", "tcg,tb-size=64");
    add_option(args, "-m", mib);
    add_option(args, "-display", "none");
    lab_add(args, "-nodefaults");
    add_monitor(args, "program", LAB_PROGRAM_FD);
    add_monitor(args, "test", LAB_TEST_FD);
}

static void add_disk(struct lab_args *args, int n, const char *file, const struct lab_options *o)
{
    const char *format = o->format ? o->format : "qcow2";
    const char letter = 'a' + n;
    auto_free char *unit = NULL, *id = NULL;

    if (o->modern) {
        lab_add(args, "-blockdev");
        lab_add(args, "driver=file,node-name=vd%c-file,filename=%s", letter, file);
        lab_add(args, "-blockdev");
        lab_add(args, "driver=%s,node-name=vd%c-fmt,file=vd%c-file", format, letter, letter);
    } else {
        lab_add(args, "-drive");
        lab_add(args, "if=none,id=vd%c,format=%s,file=%s", letter, format, file);
    }
    if (o->bus == LAB_IDE)
        unit = mem_printf(",bus=ide.%d,unit=%d", n / 2, n % 2);
    else if (o->bus == LAB_NVME)
        unit = mem_printf(",serial=nvme%d", n);
    if (o->modern)
        id = mem_printf(",id=disk%d", n);
    lab_add(args, "-device");
    lab_add(args, "%s,drive=vd%c%s%s%s", buses[o->bus].device, letter, o->modern ? "-fmt" : "",
            unit ? unit : "", id ? id : "");
}

void lab_add_disks(struct lab_args *args, const char *folder, const struct lab_options *o)
{
    const char *format = o->format ? o->format : "qcow2";

    if (o->bus == LAB_VIRTIO_IOTHREAD)
        add_option(args, "-object", "iothread,id=io");
    if (buses[o->bus].controller)
        add_option(args, "-device", buses[o->bus].controller);
    for (int n = 0; n < o->disks; n++) {
        auto_free char *name = mem_printf("vd%c.%s", 'a' + n, format);
        auto_free char *path = mem_printf("%s/%s", folder, name);

        if (access(path, F_OK))
            lab_image(path, format, o->size ? o->size : "16M", NULL, NULL);
        add_disk(args, n, o->relative ? name : path, o);
    }
}

void lab_image(const char *path, const char *format, const char *size, const char *backing,
               const char *backing_format)
{
    const char *argv[12] = {"qemu-img", "create", "-q", "-f", format};
    int n = 5;
    struct lab_result r;

    if (backing) {
        argv[n++] = "-b";
        argv[n++] = backing;
        argv[n++] = "-F";
        argv[n++] = backing_format;
    }
    argv[n++] = path;
    argv[n++] = size;
    r = lab_exec(NULL, argv);
    if (r.status)
        lab_fail("qemu-img create %s: %s", path, r.err);
    lab_result_done(&r);
}
