/* SPDX-License-Identifier: GPL-2.0-or-later */
/* content: see content.h. */
#include "tests/offline/content.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

enum { LAYERS = 4 };

static const char *const stems[] = {"a", "b"};

/* ---- what there is before: base <- s1 <- s2 [i1], and after @more ---- */

static void write_layer(const char *tag, int k)
{
    for (int d = 0; d < 2; d++) {
        auto_free char *file = mem_printf("%s%s%s.qcow2", stems[d], *tag ? "." : "", tag);
        auto_free char *place = mem_printf("%dM", 8 * k);

        offline_write(file, 10 * (d + 1) + k, place, "64k");
    }
}

void content_prepare(const char *more)
{
    offline_image("a.qcow2", "32M", NULL);
    offline_image("b.qcow2", "32M", NULL);
    write_layer("", 0);
    offline_ok("qrewind -i a.qcow2 -i b.qcow2 create s1");
    write_layer("s1", 1);
    offline_ok("qrewind -i a.qcow2 create s2");
    write_layer("s2", 2);
    offline_ok("qrewind -i a.qcow2 create --internal i1");
    write_layer("s2", 3);
    if (more)
        offline_ok("qrewind -i a.qcow2 %s", more);
}

/* ---- what there is afterwards ---- */

int content_shows(const char *file, int d)
{
    auto_free char *line = mem_printf("qemu-img convert -O raw %s ../raw.%d", file, (int)getpid());
    auto_free char *raw = mem_printf("../raw.%d", (int)getpid());
    unsigned char byte;
    int mask = 0;

    auto_result struct lab_result r = offline_run("%s", line);
    if (r.status)
        return -1;
    auto_close int fd = open(raw, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    unlink(raw);
    for (int k = 0; k < LAYERS; k++) {
        if (pread(fd, &byte, 1, (off_t)8 * k << 20) != 1)
            return -1; /* it is shorter */
        if (byte && byte != 10 * (d + 1) + k)
            return -1;
        mask |= byte ? 1 << k : 0;
    }
    return mask;
}

static int disk_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash[1] == 'b';
}

/* The sidecar tells; it is gone when there is nothing left to record. */
static char *active(const char *original, size_t disk)
{
    json_auto_t *info = offline_json(0, "qrewind -i a.qcow2 info");

    return json_is_null(json_object_get(info, "sidecar")) ? realpath(original, NULL)
                                                          : offline_active("-i a.qcow2", disk);
}

int content_check(const char *where)
{
    json_auto_t *list = offline_json(0, "qrewind -i a.qcow2 list");
    bool good = true;
    json_t *s, *held;
    const char *id;
    size_t i;

    json_array_foreach(json_object_get(list, "snapshots"), i, s)
        json_object_foreach(json_object_get(s, "disks"), id, held) {
            const char *file = json_string_value(json_object_get(held, "file"));
            const char *name = json_string_value(json_object_get(s, "name"));

            if (json_object_get(held, "tag") || (strcmp(name, "s1") && strcmp(name, "s2")))
                continue;
            int shown = content_shows(file, disk_of(file));
            bool right = shown == (name[1] == '1' ? 1 : 3);
            cr_expect(right, "%s: %s: %s shows %d", where, name, file, shown);
            good &= right;
        }
    auto_free char *a = active("a.qcow2", 0), *b = active("b.qcow2", 1);
    int one = content_shows(a, disk_of(a)), other = content_shows(b, disk_of(b));
    cr_expect_eq(one, other, "%s: one disk shows %d, the other %d", where, one, other);
    return good && one == other ? one : -1;
}

bool content_check_files(const char *where)
{
    auto_result struct lab_result ls = offline_run("ls");
    json_auto_t *info = offline_json(0, "qrewind -i a.qcow2 info");
    const char *sidecar = json_string_value(json_object_get(info, "sidecar")), *id;
    json_auto_t *doc = sidecar ? json_load_file(sidecar, 0, NULL) : NULL;
    json_t *layer;
    bool good;

    if (!doc) {
        good = !strcmp(ls.out, "a.qcow2\nb.qcow2\n");
        cr_expect(good, "%s: nothing is recorded, and there is %s", where, ls.out);
        return good;
    }
    good = json_is_null(json_object_get(doc, "pending"));
    cr_expect(good, "%s: pending", where);
    for (char *save, *f = strtok_r(ls.out, "\n", &save); f; f = strtok_r(NULL, "\n", &save)) {
        /* what we did not make is never removed */
        bool known = strstr(sidecar, f) || !strcmp(f, "a.qcow2") || !strcmp(f, "b.qcow2");

        json_object_foreach(json_object_get(doc, "layers"), id, layer)
            known |= !strcmp(json_string_value(json_object_get(layer, "file")), f);
        cr_expect(known, "%s: nobody knows %s", where, f);
        good &= known;
    }
    return good;
}
