/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest: its start and its console. Its disks are in disk.c.
 */
#include "tests/guest/guest.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/guest/internal.h"

/* An emulated guest boots in seconds; a loaded machine may need minutes. */
enum { BOOT_PATIENCE_MS = 180000 };

/* What is needed before QEMU starts, and made in its folder. */
struct preparation {
    const struct guest_options *options;
    int listener; /* QEMU connects the serial line to it */
};

static int listen_at(const char *folder, const char *name)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", folder, name);
    if (s < 0 || bind(s, (struct sockaddr *)&sa, sizeof(sa)) || listen(s, 1))
        lab_fail("%s: %m", sa.sun_path);
    return s;
}

/* The image that disk @n of the earlier guest ran on, by a link. */
static void take_over(const struct guest_options *o, int n, const char *path)
{
    auto_free char *name = mem_printf("vd%c%s", 'a' + n, o->suffix);
    auto_free char *image = lab_path(o->after->lab, name);

    if (symlink(image, path))
        lab_fail("%s: %m", path);
}

static void prepare(const char *folder, void *arg)
{
    struct preparation *p = arg;
    const char *format = p->options->format ? p->options->format : "qcow2";

    p->listener = listen_at(folder, "console.sock");
    for (int n = 0; n < p->options->disks; n++) {
        auto_free char *path = mem_printf("%s/vd%c.%s", folder, 'a' + n, format);

        if (p->options->after)
            take_over(p->options, n, path);
        else
            guest_make_disk(path, format);
    }
}

/* The folder that has kernel and initramfs; built when the first test wants it. */
static char *guest_folder(void)
{
    auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"tests/guest/build", NULL});

    if (r.status || !strchr(r.out, '\n'))
        lab_fail("tests/guest/build: %s", r.err);
    return mem_printf("%.*s", (int)strcspn(r.out, "\n"), r.out);
}

struct guest *guest_start(const struct guest_options *o)
{
    struct guest *g = mem_alloc(sizeof(*g));
    struct preparation p = {.options = o};
    auto_free char *folder = guest_folder();
    auto_free char *kernel = mem_printf("%s/kernel", folder);
    auto_free char *initramfs = mem_printf("%s/initramfs", folder);
    /* QEMU's counter of cycles does not go back with the memory: a guest that kept time by it would
     * see an hour pass where it had gone back for an hour, and be busy with that. */
    auto_free char *words =
        mem_printf("console=ttyS0 quiet panic=-1 tsc=unstable mitigations=off disks=%d", o->disks);
    /* clang-format off */
    const char *args[64] = {
        "-m", "192", "-kernel", kernel, "-initrd", initramfs, "-append", words,
        "-chardev", "socket,id=console,path=console.sock,logfile=console.log",
        "-serial", "chardev:console", "-device", "virtio-serial-pci",
        "-chardev", "socket,id=agent,path=agent.sock,server=on,wait=off",
        "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
    };
    /* clang-format on */
    size_t n = 18;

    if (o->after) {
        args[n++] = "-incoming";
        args[n++] = "defer";
    }
    for (const char *const *a = o->args; a && *a && n < 63; a++)
        args[n++] = *a;
    g->lab = lab_start(&(struct lab_options){
        .disks = o->disks,
        .format = o->format,
        .bus = o->bus,
        .modern = o->modern,
        .relative = o->relative,
        .running = true,
        .args = args,
        .prepare = prepare,
        .prepare_arg = &p,
    });
    g->agent = lab_path(g->lab, "agent.sock");
    g->console = accept4(p.listener, NULL, NULL, SOCK_CLOEXEC);
    if (g->console < 0)
        lab_fail("accept: %m");
    close(p.listener);
    if (!o->after)
        free(guest_wait(g, "guest ready"));
    return g;
}

void guest_stop(struct guest *g)
{
    if (!g)
        return;
    lab_stop(g->lab);
    close(g->console);
    free(g->agent);
    free(g->text);
    free(g);
}

/* The next whole line from the console, or NULL when @timeout_ms passes. */
static char *next_line(struct guest *g, int timeout_ms)
{
    for (;;) {
        char *end = g->len ? memchr(g->text, '\n', g->len) : NULL;
        struct pollfd p = {.fd = g->console, .events = POLLIN};
        ssize_t n;

        if (end) {
            size_t used = (size_t)(end + 1 - g->text);
            char *line = mem_printf("%.*s", (int)strcspn(g->text, "\r\n"), g->text);

            g->len -= used;
            memmove(g->text, end + 1, g->len);
            return line;
        }
        if (poll(&p, 1, timeout_ms) <= 0)
            return NULL;
        g->text = mem_grow(g->text, g->len + 4096, 1);
        n = read(g->console, g->text + g->len, 4096);
        if (n <= 0)
            lab_fail("the guest's console ended");
        g->len += (size_t)n;
    }
}

char *guest_wait(struct guest *g, const char *begin)
{
    char *line;

    while ((line = next_line(g, BOOT_PATIENCE_MS))) {
        if (!strncmp(line, begin, strlen(begin)))
            return line;
        free(line);
    }
    lab_fail("the guest does not say '%s'; see %s/console.log", begin, g->lab->folder);
}

long guest_position(struct guest *g)
{
    char *line;
    long at;

    while ((line = next_line(g, 0)))
        free(line);
    line = guest_wait(g, "at ");
    at = atol(line + 3);
    free(line);
    return at;
}

long guest_beyond(struct guest *g, long line)
{
    long at;

    while ((at = guest_position(g)) <= line)
        ;
    return at;
}
