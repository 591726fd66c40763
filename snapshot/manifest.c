/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* manifest: see manifest.h. */
#include "snapshot/manifest.h"

#include "snapshot/member.h"

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
    static const char *const needs[] = {"tag", "qemu", "machine", "ram", "devices", NULL};
    json_t *record = pick(snapshot, keys);

    if (memory)
        json_object_set_new(record, "memory", pick(json_object_get(snapshot, "memory"), needs));
    return json_pack("{s:s, s:i, s:s, s:o}", "format", "qrewind-export", "version", 1, "exported",
                     now, "snapshot", record);
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
