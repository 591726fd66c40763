/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-commands: what a journalled plan may have QEMU do. PURE.
 *
 * A sidecar comes with a folder that somebody else may have filled, and whoever works on the
 * folder next sends QEMU what is pending in it. So it is no more than what planners write.
 */
#include <string.h>

#include "snapshot/error.h"
#include "snapshot/member.h"
#include "snapshot/plan-check.h"

static bool begins(const char *words, const char *with)
{
    return words && !strncmp(words, with, strlen(with));
}

/* A node that we have named. */
static bool is_our_node(const json_t *arguments)
{
    return begins(text(arguments, "node-name"), "qrw-");
}

/* No program, and no other host. */
static bool is_our_stream(const json_t *arguments)
{
    const char *uri = text(arguments, "uri");

    return begins(uri, "file:") || begins(uri, "fd:");
}

static bool is_our_line(const json_t *arguments)
{
    const char *line = text(arguments, "command-line");

    return begins(line, "savevm \"") || begins(line, "loadvm \"") ||
           (begins(line, "qemu-io ") && strstr(line, " \"reopen -"));
}

/* @late: it is sent by a client that finds it pending, not only by the one that planned it. */
static const struct {
    const char *name;
    bool late;
    bool (*is_ours)(const json_t *arguments);
} commands[] = {
    {"announce-self", true, NULL},
    {"block-commit", true, NULL},
    {"block-stream", false, NULL},
    {"block_resize", true, is_our_node},
    {"blockdev-add", true, is_our_node},
    {"blockdev-del", true, NULL},
    {"blockdev-mirror", false, NULL},
    {"blockdev-reopen", true, NULL},
    {"blockdev-snapshot", false, NULL},
    {"blockdev-snapshot-delete-internal-sync", true, NULL},
    {"blockdev-snapshot-internal-sync", false, NULL},
    {"blockdev-snapshot-sync", false, NULL},
    {"change-backing-file", true, NULL},
    {"closefd", true, NULL},
    {"cont", true, NULL},
    {"drive-mirror", false, NULL},
    {"human-monitor-command", true, is_our_line},
    {"migrate", true, is_our_stream},
    {"migrate-incoming", true, is_our_stream},
    {"migrate-set-capabilities", true, NULL},
    {"migrate-set-parameters", true, NULL},
    {"snapshot-delete", true, NULL},
    {"snapshot-load", true, NULL},
    {"snapshot-save", true, NULL},
    {"stop", true, NULL},
    {"system_reset", true, NULL},
    {"transaction", false, NULL},
    {"x-blockdev-reopen", true, NULL},
};

int plan_check_command(const json_t *command, bool late, struct qmp_error *err)
{
    const json_t *arguments = json_object_get(command, "arguments");

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (same(text(command, "execute"), commands[i].name) && (commands[i].late || !late) &&
            (!commands[i].is_ours || commands[i].is_ours(arguments)))
            return 0;
    qmp_error_set(err, QRW_ERR_INVALID, "pending: no plan of qrewind's has this %s",
                  text(command, "execute"));
    return qmp_error_hint(err, "somebody else has written the sidecar: see what is in it; qrewind "
                               "forget drops it");
}
