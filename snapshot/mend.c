/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mend: see mend.h. The mends that change files, or QEMU. */
#include "snapshot/mend.h"

#include "snapshot/ask.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/sidecar.h"

static int name_backing(struct qmp_client *client, const json_t *mend, struct qmp_error *err)
{
    return image_name_backing(text(mend, "file"), text(mend, "format"), text(mend, "backing"),
                              text(mend, "backing_format"), err);
}

static int ask_for(struct qmp_client *client, const char *command, json_t *args,
                   struct qmp_error *err)
{
    json_auto_t *reply = ask_one(client, NULL, command, args, err);

    return reply ? 0 : -1;
}

static int name_backing_live(struct qmp_client *client, const json_t *mend, struct qmp_error *err)
{
    return ask_for(client, "change-backing-file",
                   json_pack("{s:s, s:s, s:s}", "device", text(mend, "device"), "image-node-name",
                             text(mend, "node"), "backing-file", text(mend, "backing")),
                   err);
}

/* QEMU refuses for a node that is in use. */
static int close_node(struct qmp_client *client, const json_t *mend, struct qmp_error *err)
{
    return ask_for(client, "blockdev-del", json_pack("{s:s}", "node-name", text(mend, "node")),
                   err);
}

static int free_leaks(struct qmp_client *client, const json_t *mend, struct qmp_error *err)
{
    return image_free_leaks(text(mend, "file"), err);
}

static int change_mode(struct qmp_client *client, const json_t *mend, struct qmp_error *err)
{
    return image_set_mode(text(mend, "file"),
                          (mode_t)json_integer_value(json_object_get(mend, "mode")), err);
}

static int lead(struct qmp_client *client, const json_t *mend, struct qmp_error *err)
{
    return sidecar_point(text(mend, "to"), text(mend, "file"), err);
}

/* It was looked at a moment ago; what has been begun with since then stays. */
static int remove_file(struct qmp_client *client, const json_t *mend, struct qmp_error *err)
{
    const char *file = text(mend, "file");
    struct image_stat st;

    if (image_stat(file, &st, err))
        return -1;
    if (st.symlink && !st.exists) { /* a link that leads nowhere */
        sidecar_unlink(file);
        return 0;
    }
    return image_check_unused(file, err) ? -1 : image_unlink_if(file, &st, err);
}

int mend_outside(struct qmp_client *client, const json_t *mend, struct qmp_error *err)
{
    static const struct {
        const char *what;
        bool of_qemu;
        int (*change)(struct qmp_client *client, const json_t *mend, struct qmp_error *err);
    } mends[] = {
        // clang-format off
        {"backing", false, name_backing}, {"backing-live", true, name_backing_live},
        {"leaks",   false, free_leaks},   {"close",        true, close_node},
        {"chmod",   false, change_mode},  {"unlink",       false, remove_file},
        {"lead",    false, lead},
        // clang-format on
    };

    for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++)
        if (same(text(mend, "do"), mends[i].what) && (client || !mends[i].of_qemu))
            return mends[i].change(client, mend, err);
    return qmp_error_set(err, QMP_ERR_USAGE, "no such mend: %s", text(mend, "do"));
}
