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

enum { LAYERS = 5 };

static const char *const stems[] = {"a", "b"};

/* ---- what there is before: base <- s1 <- s2 [i1] <- m1, and after @more ---- */

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
    offline_image("a.qcow2", "40M", NULL);
    offline_image("b.qcow2", "40M", NULL);
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

struct lab *content_run(const char *tag)
{
    auto_free char *folder = realpath(".", NULL);
    auto_free char *a = mem_printf("if=none,id=a,format=qcow2,file=%s/a.%s.qcow2", folder, tag);
    auto_free char *b = mem_printf("if=none,id=b,format=qcow2,file=%s/b.%s.qcow2", folder, tag);

    return lab_start(&(struct lab_options){
        .running = true,
        .args = (const char *[]){"-drive", a, "-device", "virtio-blk-pci,drive=a", "-drive", b,
                                 "-device", "virtio-blk-pci,drive=b", NULL}});
}

void content_keep_memory(void)
{
    cr_assert_eq(system("n=$(ls .. | grep -c memory.); for m in a.m1.vmstate*; do "
                        "test ! -e $m || cp $m ../memory.$n; done"),
                 0);
}

bool content_prepare_memory(const char *more)
{
    content_prepare(NULL);
    struct lab *lab = content_run("s2");
    auto_result struct lab_result r = lab_run(lab, "create", "m1", "--memory", NULL);

    lab_stop(lab);
    if (r.status == 7)
        return false;
    cr_assert_eq(r.status, 0, "%s", r.err);
    content_keep_memory();
    write_layer("m1", 4);
    auto_free char *lines = mem_strdup(more ? more : "");
    for (char *save, *line = strtok_r(lines, ";", &save); line; line = strtok_r(NULL, ";", &save))
        offline_ok("qrewind -i a.qcow2 %s", line);
    return true;
}

/* ---- what there is afterwards ---- */

bool content_is_memory(const char *file)
{
    auto_free char *line =
        mem_printf("for m in ../memory.*; do cmp -s '%s' $m && exit 0; done; exit 1", file);

    return !system(line);
}

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

/* What the snapshot @name shows; 0: nobody has said that. */
static int known(const char *name)
{
    static const struct {
        const char *name;
        int shows;
    } all[] = {{"s1", 1}, {"s2", 3}, {"m1", 15}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!strcmp(all[i].name, name))
            return all[i].shows;
    return 0;
}

int content_check(const char *where)
{
    json_auto_t *list = offline_json(0, "qrewind -i a.qcow2 list");
    bool good = true;
    json_t *s, *held;
    const char *id;
    size_t i;

    json_array_foreach(json_object_get(list, "snapshots"), i, s) {
        const char *name = json_string_value(json_object_get(s, "name"));
        const char *memory =
            json_string_value(json_object_get(json_object_get(s, "memory"), "file"));
        bool whole = !memory || content_is_memory(memory);

        cr_expect(whole, "%s: %s: %s is not whole", where, name, memory);
        good &= whole;
        json_object_foreach(json_object_get(s, "disks"), id, held) {
            const char *file = json_string_value(json_object_get(held, "file"));

            if (json_object_get(held, "tag") || !known(name))
                continue;
            int shown = content_shows(file, disk_of(file));
            bool right = shown == known(name);
            cr_expect(right, "%s: %s: %s shows %d", where, name, file, shown);
            good &= right;
        }
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
    json_t *layer, *s;
    size_t i;
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
        bool is_known = strstr(sidecar, f) || !strcmp(f, "a.qcow2") || !strcmp(f, "b.qcow2");

        json_object_foreach(json_object_get(doc, "layers"), id, layer)
            is_known |= !strcmp(json_string_value(json_object_get(layer, "file")), f);
        json_array_foreach(json_object_get(doc, "snapshots"), i, s) {
            const json_t *memory = json_object_get(json_object_get(s, "memory"), "file");

            is_known |= memory && !strcmp(json_string_value(memory), f);
        }
        cr_expect(is_known, "%s: nobody knows %s", where, f);
        good &= is_known;
    }
    return good;
}
