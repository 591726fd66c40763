/* SPDX-License-Identifier: GPL-2.0-or-later */
/* planted: see planted.h. */
#include "tests/cases/planted.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"

void plant(const struct lab *lab, json_t *doc, json_t *pending, bool copied)
{
    auto_free char *path = lab_path(lab, "vda.qcow2.qrewind.json");
    json_auto_t *after = json_deep_copy(doc);

    json_object_set_new(after, "pending", json_null());
    json_object_set(pending, "after", after);
    json_object_set_new(doc, "pending", pending);
    if (!copied)
        planted_sign(doc, path);
    cr_assert(!json_dump_file(doc, path, 0));
}

void planted_sign(json_t *doc, const char *path)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

    cr_assert(fd >= 0 && !sidecar_sign(doc, fd));
}

json_t *planted_cleanup(const char *operation, const char *const *files, size_t n)
{
    json_t *pending = json_pack("{s:s, s:s, s:[], s:[], s:[]}", "operation", operation, "token",
                                "0", "steps", "promise", "cleanup");

    for (size_t i = 0; i < n; i++)
        json_array_append_new(json_object_get(pending, "cleanup"),
                              json_pack("{s:s, s:s}", "step", "unlink", "file", files[i]));
    return pending;
}

void give(const struct lab *lab, const char *name)
{
    auto_free char *path = lab_path(lab, name);

    cr_assert_eq(chown(path, 12345, 12345), 0);
}
