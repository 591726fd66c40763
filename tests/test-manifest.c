/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-manifest: what is said of exported snapshots, and what of it is believed. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/manifest.h"
#include "tests/quoted/quoted.h"

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DISK(name, disk)                                                                           \
    "{'name': '" name "', 'disk': '" disk "', 'format': 'qcow2', 'disk_size': 1024, 'size': 7, "   \
    "'sha256': '" SUM "'}"
#define MEMORY                                                                                     \
    "{'name': 'm.qcow2', 'memory': true, 'format': 'qcow2', 'size': 7, 'sha256': '" SUM "'}"
#define STREAM                                                                                     \
    "{'name': 'm.stream', 'memory': true, 'format': 'stream', 'size': 7, 'sha256': '" SUM "'}"
#define SNAPSHOT "{'name': 's1', 'created': '2026-11-22T00:00:00.000Z'}"
#define WITH_MEMORY "{'name': 's1', 'created': '2026-11-22T00:00:00.000Z', 'memory': {'tag': 's1'}}"
#define WHOLE(snapshot, files)                                                                     \
    "{'format': 'qrewind-export', 'version': 1, 'snapshot': " snapshot ", 'files': " files "}"
#define FILES(files) WHOLE(SNAPSHOT, "[" files "]")

Test(manifest, these_are_taken)
{
    static const char *const good[] = {
        FILES(DISK("a.qcow2", "vda")),
        FILES(DISK("a.qcow2", "vda") ", " DISK("b,c d.qcow2", "/machine/peripheral/x")),
        WHOLE(WITH_MEMORY, "[" MEMORY ", " DISK("a.qcow2", "memory") "]"),
        WHOLE("{'name': 's1', 'created': 'now', 'memory': {'tag': 's1', 'method': 'live'}}",
              "[" STREAM ", " DISK("a.qcow2", "memory") "]"),
        WHOLE("{'name': '\\u00fcber', 'created': 'now', 'description': null, 'more': [1]}",
              "[" DISK("a.qcow2", "vda") "]"),
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        json_auto_t *doc = quoted(good[i]);
        struct qmp_error err = {0};

        cr_expect_eq(manifest_check(doc, &err), 0, "%s: %s", good[i], err.desc);
    }
}

Test(manifest, these_are_refused)
{
    /* clang-format off */
    static const struct {
        const char *words, *doc;
    } bad[] = {
        {"no exported snapshot", "[]"},
        {"no exported snapshot", "{}"},
        {"no exported snapshot", "{'format': 'qrewind', 'version': 1}"},
        {"no exported snapshot", "{'format': 'qrewind-export', 'version': 0}"},
        {"no exported snapshot", "{'format': 'qrewind-export', 'version': '1'}"},
        {"newer", "{'format': 'qrewind-export', 'version': 2}"},
        {"no name", "{'format': 'qrewind-export', 'version': 1}"},
        {"no name", WHOLE("{'name': 's1'}", "[]")},
        {"no '/'", WHOLE("{'name': '../s1', 'created': 'now'}", "[]")},
        {"no '/'", WHOLE("{'name': 's\\u001b[31m', 'created': 'now'}", "[]")},
        {"no name", WHOLE("{'name': 's1', 'created': '\\u001b[31m'}", "[]")},
        {"no text", WHOLE("{'name': 's1', 'created': 'now', 'description': {}}", "[]")},
        {"no tag", WHOLE("{'name': 's1', 'created': 'now', 'memory': true}", "[]")},
        {"no files", FILES("")},
        {"no files", WHOLE(SNAPSHOT, "{}")},
        {"names a file elsewhere", FILES(DISK("../a.qcow2", "vda"))},
        {"names a file elsewhere", FILES(DISK("/etc/passwd", "vda"))},
        {"names a file elsewhere", FILES(DISK("x/a.qcow2", "vda"))},
        {"names a file elsewhere", FILES(DISK("..", "vda"))},
        {"names a file elsewhere", FILES(DISK(".hidden", "vda"))},
        {"names a file elsewhere", FILES(DISK("", "vda"))},
        {"names a file elsewhere", FILES(DISK("a\\n.qcow2", "vda"))},
        {"names a file elsewhere", FILES(DISK("qrewind-export.json", "vda"))},
        {"names a file elsewhere", FILES("17")},
        {"of no disk", FILES(DISK("a.qcow2", ""))},
        {"of no disk", FILES(DISK("a.qcow2", "\\u0007"))},
        {"twice", FILES(DISK("a.qcow2", "vda") ", " DISK("a.qcow2", "vdb"))},
        {"twice", FILES(DISK("a.qcow2", "vda") ", " DISK("b.qcow2", "vda"))},
        {"twice", WHOLE(WITH_MEMORY, "[" MEMORY ", " MEMORY "]")},
        {"told of the memory", FILES(MEMORY ", " DISK("a.qcow2", "vda"))},
        {"something else", WHOLE(WITH_MEMORY, "[" STREAM ", " DISK("a.qcow2", "vda") "]")},
        {"no disk", WHOLE(WITH_MEMORY, "[" MEMORY "]")},
        {"format", FILES("{'name': 'a', 'disk': 'a', 'format': 'vmdk', 'size': 7, 'disk_size': 7, 'sha256': '" SUM "'}")},
        {"checksum", FILES("{'name': 'a', 'disk': 'a', 'format': 'raw', 'size': -7, 'disk_size': 7, 'sha256': '" SUM "'}")},
        {"checksum", FILES("{'name': 'a', 'disk': 'a', 'format': 'raw', 'size': 7, 'disk_size': 7, 'sha256': 'abc'}")},
        {"checksum", FILES("{'name': 'a', 'disk': 'a', 'format': 'raw', 'size': 7, 'disk_size': 7}")},
        {"of no disk", FILES("{'name': 'a', 'disk': 'a', 'format': 'raw', 'size': 7, 'disk_size': 1e3, 'sha256': '" SUM "'}")},
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_auto_t *doc = quoted(bad[i].doc);
        struct qmp_error err = {0};

        cr_expect_eq(manifest_check(doc, &err), -1, "%s", bad[i].doc);
        cr_expect(strstr(err.desc, bad[i].words), "%s: %s", bad[i].doc, err.desc);
    }
}

Test(manifest, too_many_files_are_refused)
{
    json_auto_t *doc = quoted(FILES(DISK("a", "a")));
    json_t *files = json_object_get(doc, "files");
    struct qmp_error err = {0};

    while (json_array_size(files) <= MANIFEST_MAX_FILES) {
        json_t *file = json_deep_copy(json_array_get(files, 0));
        size_t n = json_array_size(files);

        json_object_set_new(file, "name", json_sprintf("f%zu", n));
        json_object_set_new(file, "disk", json_sprintf("d%zu", n));
        json_array_append_new(files, file);
        cr_assert_eq(manifest_check(doc, &err), n + 1 > MANIFEST_MAX_FILES ? -1 : 0, "%zu: %s", n,
                     err.desc);
    }
}

Test(manifest, what_is_made_is_taken)
{
    json_auto_t *snapshot = quoted("{'name': 's1', 'id': 'abc', 'created': 'now', 'pinned': true, "
                                   "'disks': {'vda': {'layer': 'L1'}}, 'parent': 's0', 'memory': "
                                   "{'tag': 's1', 'file': 'x', 'ram': 7}}");
    json_auto_t *files = quoted("[" MEMORY ", " DISK("a", "vda") "]");
    struct qmp_error err = {0};

    for (int memory = 0; memory < 2; memory++) {
        json_auto_t *doc = manifest_new(snapshot, memory, "now");

        json_object_set(doc, "files", files);
        cr_expect_eq(manifest_check(doc, &err), memory ? 0 : -1, "%s", err.desc);
        json_t *told = json_object_get(doc, "snapshot");
        cr_expect_null(json_object_get(told, "disks"));
        cr_expect_null(json_object_get(json_object_get(told, "memory"), "file"));
    }
}
