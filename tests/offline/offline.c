/* SPDX-License-Identifier: GPL-2.0-or-later */
/* offline: see offline.h. */
#include "tests/offline/offline.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "qmp/mem.h"
#include "tests/cases/planted.h"
#include "tests/scratch/scratch.h"

enum { MAX_LINE = 1024, MAX_WORDS = 32 };

void offline_enter(void)
{
    scratch_enter();
    unsetenv("QREWIND_SOCKET");
}

void offline_leave(void)
{
    scratch_leave();
}

static struct lab_result run(char line[static MAX_LINE])
{
    const char *argv[MAX_WORDS] = {0};
    size_t n = 0;

    for (char *save, *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        cr_assert_lt(n, MAX_WORDS - 1);
        argv[n++] = w;
    }
    return lab_exec(NULL, argv);
}

#define FORMAT(line)                                                                               \
    char line[MAX_LINE];                                                                           \
    do {                                                                                           \
        va_list ap;                                                                                \
        va_start(ap, fmt);                                                                         \
        cr_assert_lt(vsnprintf(line, sizeof(line), fmt, ap), (int)sizeof(line));                   \
        va_end(ap);                                                                                \
    } while (0)

struct lab_result offline_run(const char *fmt, ...)
{
    FORMAT(line);
    return run(line);
}

void offline_ok(const char *fmt, ...)
{
    FORMAT(line);
    auto_free char *words = mem_strdup(line);
    auto_result struct lab_result r = run(line);

    cr_assert_eq(r.status, 0, "%s: %d: %s%s", words, r.status, r.out, r.err);
}

void offline_fails(int status, const char *words, const char *fmt, ...)
{
    FORMAT(line);
    auto_free char *said = mem_strdup(line);
    auto_result struct lab_result r = run(line);

    cr_expect_eq(r.status, status, "%s: %d: %s", said, r.status, r.err);
    cr_expect(strstr(r.err, words), "%s: '%s' does not say '%s'", said, r.err, words);
}

json_t *offline_json(int status, const char *fmt, ...)
{
    FORMAT(line);
    auto_free char *said = mem_printf("%s -j", line);
    char again[MAX_LINE];

    cr_assert_lt(snprintf(again, sizeof(again), "%s", said), (int)sizeof(again));
    auto_result struct lab_result r = run(again);
    json_t *doc = json_loads(r.out, 0, NULL);

    cr_assert_eq(r.status, status, "%s: %d: %s%s", said, r.status, r.out, r.err);
    cr_assert(doc, "%s: %s", said, r.out);
    return doc;
}

void offline_image(const char *path, const char *size, const char *backing)
{
    lab_image(path, "qcow2", backing ? NULL : size, backing, backing ? "qcow2" : NULL);
}

static struct lab_result io(const char *path, const char *command)
{
    auto_free char *image = mem_printf("driver=qcow2,file.driver=file,file.filename=%s", path);

    return lab_exec(NULL, (const char *[]){"qemu-io", "--image-opts", "-c", command, image, NULL});
}

void offline_write(const char *path, int pattern, const char *at, const char *length)
{
    auto_free char *command = mem_printf("write -P %d %s %s", pattern, at, length);
    auto_result struct lab_result r = io(path, command);

    cr_assert_eq(r.status, 0, "%s: %s%s", path, r.out, r.err);
}

void offline_reads(const char *path, int pattern, const char *at, const char *length)
{
    auto_free char *command = mem_printf("read -P %d %s %s", pattern, at, length);
    auto_result struct lab_result r = io(path, command);

    cr_assert(r.status == 0 && !strstr(r.out, "verification failed"), "%s: %s: %s%s", path, command,
              r.out, r.err);
}

char *offline_active(const char *options, size_t disk)
{
    json_auto_t *doc = offline_json(0, "qrewind %s disks", options);
    json_t *entry = json_array_get(json_object_get(doc, "disks"), disk);
    json_t *layer = json_array_get(json_object_get(entry, "layers"), 0);

    cr_assert(layer);
    return mem_strdup(json_string_value(json_object_get(layer, "file")));
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

void offline_files(const char *names)
{
    struct dirent **list;
    int n = scandir(".", &list, visible, alphasort);
    char *all = mem_strdup("");

    for (int i = 0; i < n; i++) {
        char *longer = mem_printf("%s%s%s", all, i ? " " : "", list[i]->d_name);

        free(all);
        all = longer;
        free(list[i]);
    }
    free(list);
    cr_expect_str_eq(all, names, "there is '%s', not '%s'", all, names);
    free(all);
}

void offline_sh(const char *commands)
{
    auto_free char *script = mem_printf("qrewind() { \"$QREWIND\" \"$@\"; }; %s", commands);
    auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"sh", "-ec", script, NULL});

    cr_assert_eq(r.status, 0, "%s: %s%s", commands, r.out, r.err);
}

void offline_tower(void)
{
    static const char *const files[] = {"base.qcow2", "base.s1.qcow2", "base.s2.qcow2"};

    offline_image("base.qcow2", "4M", NULL);
    for (int i = 0; i < 3; i++) {
        auto_free char *at = mem_printf("%dM", i);

        offline_write(files[i], i + 1, at, "64k");
        offline_write(files[i], i + 1, "3M", "64k");
        if (i < 2)
            offline_ok("qrewind -i base.qcow2 create s%d", i + 1);
    }
}

void offline_interrupt(const char *sidecar)
{
    json_auto_t *doc = json_load_file(sidecar, 0, NULL), *after = json_deep_copy(doc);
    auto_free char *folder = mem_printf("%s/%s", scratch_folder(), sidecar);

    *strrchr(folder, '/') = '\0';
    json_object_set_new(doc, "pending",
                        json_pack("{s:s, s:s, s:s, s:[], s:[], s:[], s:O}", "operation", "prune",
                                  "token", "0", "folder", folder, "steps", "promise", "cleanup",
                                  "after", after));
    planted_sign(doc, sidecar);
    cr_assert(!json_dump_file(doc, sidecar, 0));
}

void offline_qemu_img(const char *script)
{
    auto_free char *path = mem_strdup(getenv("PATH")), *here = realpath(".", NULL);
    auto_free char *first = mem_printf("%s/bin:", here);
    const bool is_first = !strncmp(path, first, strlen(first));
    auto_free char *changed = mem_printf("%s%s", first, path);

    if (is_first) {
        setenv("PATH", path + strlen(first), 1);
        offline_ok("rm -r bin");
    }
    if (!script)
        return;
    offline_ok("mkdir bin");
    FILE *f = fopen("bin/qemu-img", "w");
    cr_assert(f);
    fprintf(f, "#!/bin/sh\nPATH=${PATH#*:}\n%s\n", script);
    fclose(f);
    offline_ok("chmod +x bin/qemu-img");
    setenv("PATH", is_first ? path : changed, 1);
}
