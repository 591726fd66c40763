/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-astray: images that seem to build on a layer of ours, but name another place.   PURE
 *
 *     /here/a.qcow2 (ours)      /here/x.qcow2: "my backing file is /there/a.qcow2", which is not
 *
 * The folder was moved, or QEMU saw it at another place. Nobody knows of such an image, and the
 * layer is neither written to nor removed (image-users.c): so it is said, and what would mend it.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* The layer of ours that lies beside @file, and is called as @lost is. NULL: none. */
static const char *meant(const struct check *k, const char *file, const char *lost)
{
    auto_free char *folder = path_folder(file);
    auto_free char *here = mem_printf("%s/%s", strcmp(folder, "/") ? folder : "", path_name(lost));

    return check_file(k, here) ? chain_layer_by_file(k->c, here) : NULL;
}

/* Is it what a layer was moved to, or another sidecar's? */
static bool is_known(const struct check *k, const char *file)
{
    const char *key;
    json_t *value;

    if (chain_layer_by_file(k->c, file) || check_live(k, file, NULL))
        return true;
    json_object_foreach(k->moved, key, value)
        if (same(text(value, "file"), file))
            return true;
    json_object_foreach(json_object_get(k->survey, "sidecars"), key, value)
        if (json_object_get(value, file))
            return true;
    return false;
}

void check_astray(struct check *k)
{
    const char *file;
    json_t *entry;

    if (chain_pending(k->c) || json_object_get(k->survey, "unread"))
        return;
    json_object_foreach((json_t *)k->files, file, entry) {
        const char *lost = text(entry, "leads"), *id;

        if (!lost || check_file(k, lost) || is_known(k, file) || !(id = meant(k, file, lost)))
            continue;
        auto_free char *quoted = path_quote(file), *base = path_quote(path_name(lost));
        check_add(k, &(struct finding){.code = "wrong-backing", .subject = file},
                  "its header names %s, which is not there; if %s beside it is meant, which is "
                  "kept until then: qemu-img rebase -u -f qcow2 -F %s -b %s %s",
                  lost, path_name(lost), text(chain_layer(k->c, id), "format"), base, quoted);
    }
}
