/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-reset: reset the guest, whatever QEMU was told to do at a reset.
 *
 * Started with -no-reboot, as test rigs are, it ends when the guest is reset, or stands still for
 * ever. It can be told otherwise (set-action, 6.0), and has to be left so: SeaBIOS resets itself
 * once more, some 30 ms after a reset. How it is now no command tells; the command line does.
 */
#include "snapshot/runner.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/image.h"
#include "snapshot/member.h"

/* One of the things between commas. */
static bool has_part(const char *list, const char *part)
{
    const size_t n = strlen(part);

    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (!strncmp(at, part, n) && (!at[n] || at[n] == ','))
            return true;
    return false;
}

bool runner_reset_ends(pid_t pid)
{
    size_t len;
    auto_free char *args = image_arguments(pid, &len);
    bool ends = false;

    for (const char *a = args, *next; a < args + len; a = next) {
        const char *option = a + (a[0] == '-' && a[1] == '-');

        next = a + strlen(a) + 1;
        if (!strcmp(option, "-no-reboot"))
            ends = true;
        else if (!strcmp(option, "-action") &&
                 (has_part(next, "reboot=shutdown") || has_part(next, "reboot=reset")))
            ends = has_part(next, "reboot=shutdown");
    }
    return ends;
}

int runner_reset(struct runner *r, struct qmp_error *err)
{
    struct ask *a = ask_new(r->client, NULL);
    int rc;

    if (runner_reset_ends(r->pid))
        ask_add(a, "set-action", json_pack("{s:s}", "reboot", "reset"), NULL, NULL);
    size_t at = ask_add(a, "system_reset", NULL, NULL, NULL);
    rc = ask_run(a, err) || !ask_reply(a, at, err) ? -1 : 0;
    ask_free(a);
    return rc;
}

int runner_tell(struct runner *r, const char *command, json_t *arguments, struct qmp_error *err)
{
    if (!strcmp(command, "system_reset")) {
        json_decref(arguments);
        return runner_reset(r, err);
    }
    json_auto_t *reply = ask_one(r->client, NULL, command, arguments, err);
    return reply ? 0 : -1;
}

int runner_tell_step(struct runner *r, const json_t *step, struct qmp_error *err)
{
    return runner_tell(r, text(step, "execute"), json_deep_copy(json_object_get(step, "arguments")),
                       err);
}

void runner_ready(struct runner *r, const json_t *step, const struct graph *g)
{
    static const char *const commands[] = {"system_reset", "cont", "stop"};
    const json_t *args = json_object_get(step, "arguments");

    if (!graph_has_flash(g) ||
        (!same(text(step, "execute"), "snapshot-load") && !text(args, "command-line")))
        return;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        runner_tell(r, commands[i], NULL, NULL);
}
