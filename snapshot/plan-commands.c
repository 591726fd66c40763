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

static bool is_named_by_us(const json_t *arguments, bool late)
{
    return begins(text(arguments, "node-name"), "qrw-");
}

/* A node that we name; @late none but that of a memory, on nothing. */
static bool is_our_node(const json_t *arguments, bool late)
{
    const json_t *file = json_object_get(arguments, "file");

    if (!is_named_by_us(arguments, late))
        return false;
    return !late || (json_object_size(arguments) == 3 && same(text(arguments, "driver"), "qcow2") &&
                     json_object_size(file) == 2 && same(text(file, "driver"), "file") &&
                     text(file, "filename"));
}

/* Into a layer that it names; QEMU would take the lowest there is. */
static bool is_our_commit(const json_t *arguments, bool late)
{
    static const char *const others[] = {"base", "top", "backing-file"};

    for (size_t i = 0; late && i < sizeof(others) / sizeof(others[0]); i++)
        if (json_object_get(arguments, others[i]))
            return false;
    return !late || text(arguments, "base-node");
}

/* Of nodes that there are: it names no file. */
static bool is_of_nodes(const json_t *options)
{
    static const char *const children[] = {"file", "backing"};
    const json_t *child;

    for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
        if ((child = json_object_get(options, children[i])) && !json_is_string(child) &&
            !json_is_null(child))
            return false;
    return !json_object_get(options, "filename") && !json_object_get(options, "data-file");
}

static bool is_our_reopening(const json_t *arguments, bool late)
{
    const json_t *list = json_object_get(arguments, "options"), *options;
    size_t i;

    json_array_foreach(list, i, options)
        if (!is_of_nodes(options))
            return false;
    return list || is_of_nodes(arguments);
}

/* No program, and no other host. */
static bool is_our_stream(const json_t *arguments, bool late)
{
    const char *uri = text(arguments, "uri");

    return begins(uri, "file:") || begins(uri, "fd:");
}

/* The name of a node, and nothing that qemu-io would do before. */
static bool is_reopening(const char *words)
{
    const size_t n = strcspn(words, " \"");

    return n && (!strcmp(words + n, " \"reopen -w\"") || !strcmp(words + n, " \"reopen -r\""));
}

static bool is_our_line(const json_t *arguments, bool late)
{
    const char *line = text(arguments, "command-line");

    return begins(line, "savevm \"") || begins(line, "loadvm \"") ||
           (begins(line, "qemu-io ") && is_reopening(line + strlen("qemu-io ")));
}

/* @late: it is sent by a client that finds it pending, not only by the one that planned it. */
static const struct {
    const char *name;
    bool late;
    bool (*is_ours)(const json_t *arguments, bool late);
} commands[] = {
    {"announce-self", true, NULL},
    {"block-commit", true, is_our_commit},
    {"block-stream", false, NULL},
    {"block_resize", true, is_named_by_us},
    {"blockdev-add", true, is_our_node},
    {"blockdev-del", true, NULL},
    {"blockdev-mirror", false, NULL},
    {"blockdev-reopen", true, is_our_reopening},
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
    {"x-blockdev-reopen", true, is_our_reopening},
};

int plan_check_command(const json_t *command, bool late, struct qmp_error *err)
{
    const json_t *arguments = json_object_get(command, "arguments");

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (same(text(command, "execute"), commands[i].name) && (commands[i].late || !late) &&
            (!commands[i].is_ours || commands[i].is_ours(arguments, late)))
            return 0;
    qmp_error_set(err, QRW_ERR_INVALID, "pending: no plan of qrewind's has this %s",
                  text(command, "execute"));
    return qmp_error_hint(err, "somebody else has written the sidecar: see what is in it; moved "
                               "away, nothing of it is done");
}
