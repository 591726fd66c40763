/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* manifest: see manifest.h. */
#include "snapshot/manifest.h"

#include <string.h>

#include "snapshot/chain.h"
#include "snapshot/member.h"

#define FORMAT "qrewind-export"

enum { VERSION = 1, MAX_NAME = 255, MAX_WORDS = 64 << 10 };

/* ---- made ---- */

/* Those members of @from that mean something elsewhere too. New reference. */
static json_t *pick(const json_t *from, const char *const *keys)
{
    json_t *to = json_object(), *value;

    for (; *keys; keys++)
        if ((value = json_object_get(from, *keys)))
            json_object_set_new(to, *keys, json_deep_copy(value));
    return to;
}

json_t *manifest_new(const json_t *snapshot, bool memory, const char *now)
{
    static const char *const keys[] = {"name",  "id",       "created", "description",
                                       "state", "quiesced", NULL};
    static const char *const needs[] = {"tag",  "method",  "qemu",   "machine", "ram",
                                        "cpus", "devices", "places", NULL};
    json_t *record = pick(snapshot, keys);

    if (memory)
        json_object_set_new(record, "memory", pick(json_object_get(snapshot, "memory"), needs));
    return json_pack("{s:s, s:i, s:s, s:o}", "format", FORMAT, "version", VERSION, "exported", now,
                     "snapshot", record);
}

json_t *manifest_file(const json_t *files, const char *name)
{
    json_t *file;
    size_t i;

    json_array_foreach(files, i, file)
        if (same(text(file, "name"), name))
            return file;
    return NULL;
}

/* ---- taken in ---- */

static int bad(struct qmp_error *err, const char *what)
{
    return qmp_error_set(err, QRW_ERR_INVALID, MANIFEST_NAME ": %s", what);
}

/* A text without control characters of at most @max bytes? */
static bool is_plain(const char *s, size_t max)
{
    if (!s || !*s || strlen(s) > max)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

/* The name of a file in the folder, and of no other: it leads nowhere. */
static bool is_file_name(const char *s)
{
    return is_plain(s, MAX_NAME) && s[0] != '.' && !strchr(s, '/') && !same(s, MANIFEST_NAME);
}

static bool is_sum(const char *s)
{
    return s && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static bool is_size(const json_t *n)
{
    return json_is_integer(n) && json_integer_value(n) > 0;
}

static bool is_memory(const json_t *file)
{
    return json_is_true(json_object_get(file, "memory"));
}

static const char *wrong_with(const json_t *file)
{
    bool memory = is_memory(file);

    if (!is_file_name(text(file, "name")))
        return "it names a file elsewhere, not one in its folder, or none";
    if (!same(text(file, "format"), "qcow2") &&
        !same(text(file, "format"), memory ? MANIFEST_STREAM : "raw"))
        return "a file has a format that none is exported in";
    if (!is_size(json_object_get(file, "size")) || !is_sum(text(file, "sha256")))
        return "a file has no size or no checksum";
    if (!memory &&
        (!is_plain(text(file, "disk"), MAX_NAME) || !is_size(json_object_get(file, "disk_size"))))
        return "a file is of no disk and of no memory";
    return NULL;
}

/* Is there another one before @n that is of the same disk, or the memory too, or called so? */
static bool is_twice(const json_t *files, size_t n)
{
    const json_t *file = json_array_get(files, n);

    for (size_t i = 0; i < n; i++) {
        const json_t *other = json_array_get(files, i);

        if (same(text(file, "name"), text(other, "name")) ||
            (is_memory(file) ? is_memory(other)
                             : !is_memory(other) && same(text(file, "disk"), text(other, "disk"))))
            return true;
    }
    return false;
}

static int check_files(const json_t *files, const json_t *memory, struct qmp_error *err)
{
    size_t n = json_array_size(files), disks = 0;

    if (!n || n > MANIFEST_MAX_FILES)
        return bad(err, "no files, or too many");
    for (size_t i = 0; i < n; i++) {
        const json_t *file = json_array_get(files, i);
        const char *wrong = wrong_with(file);

        if (wrong || is_twice(files, i))
            return bad(err, wrong ? wrong : "a file, disk or memory is there twice");
        if (is_memory(file) && (!memory || chain_memory_is_live(memory) !=
                                               same(text(file, "format"), MANIFEST_STREAM)))
            return bad(err, "nothing is told of the memory, or something else");
        disks += !is_memory(file);
    }
    return disks ? 0 : bad(err, "no disk");
}

static bool is_text_if_there(const json_t *obj, const char *key)
{
    const json_t *value = json_object_get(obj, key);

    return !value || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) <= MAX_WORDS);
}

static int check_snapshot(const json_t *snapshot, struct qmp_error *err)
{
    const json_t *memory = json_object_get(snapshot, "memory");

    if (!text(snapshot, "name") || !is_plain(text(snapshot, "created"), 40))
        return bad(err, "the snapshot has no name, or no time");
    if (chain_check_name(text(snapshot, "name"), err))
        return -1;
    if (!is_text_if_there(snapshot, "description") || !is_text_if_there(snapshot, "state") ||
        !is_text_if_there(snapshot, "id"))
        return bad(err, "what is told of the snapshot is no text");
    if (memory && (!is_plain(text(memory, "tag"), MAX_NAME) || !is_text_if_there(memory, "qemu") ||
                   !is_text_if_there(memory, "machine")))
        return bad(err, "the memory has no tag");
    return 0;
}

int manifest_check(const json_t *manifest, struct qmp_error *err)
{
    const json_t *snapshot = json_object_get(manifest, "snapshot");
    const json_t *version = json_object_get(manifest, "version");

    if (!same(text(manifest, "format"), FORMAT) || !is_size(version))
        return bad(err, "this is no exported snapshot");
    if (json_integer_value(version) > VERSION)
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                             MANIFEST_NAME ": written by a newer qrewind (version %lld)",
                             (long long)json_integer_value(version));
    if (check_snapshot(snapshot, err))
        return -1;
    return check_files(json_object_get(manifest, "files"), json_object_get(snapshot, "memory"),
                       err);
}
