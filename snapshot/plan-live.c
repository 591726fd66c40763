/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-live: see plan-live.h. */
#include "snapshot/plan-live.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-memory.h"

/* Before, it takes an open file; since 11.0 only names. Those that take one hang if the file
 * system is full (see runner-migration.c), so they get room first. */
#define OLDEST_THAT_OPENS_FILES 80200
#define OLDEST_THAT_STAYS 90100

/* Such that nothing but the disk is the limit. */
#define FULL_SPEED ((json_int_t)1 << 50)

int plan_live_check(const struct scene *s, const char *file, struct qmp_error *err)
{
    if (plan_memory_check(s, err))
        return -1;
    if (s->machine->live == MACHINE_LIVE_NEVER) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "this QEMU cannot save the memory of a guest that runs on");
        return qmp_error_hint(err, "--memory works: the guest stands still meanwhile");
    }
    if (machine_check_set(s->machine, MACHINE_SAVES_LIVE, err))
        return -1;
    if (strstr(file, ",offset="))
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                             "QEMU would not write to %s: ',offset=' in "
                             "a name has a meaning for it",
                             file);
    return 0;
}

static json_t *arguments(const struct scene *s, const char *file)
{
    auto_free char *uri = s->version >= OLDEST_THAT_OPENS_FILES ? mem_printf("file:%s", file)
                                                                : mem_printf("fd:qrw-%s", s->token);

    return json_pack("{s:s}", "uri", uri);
}

/* ---- save ---- */

static json_t *capability(bool on)
{
    return json_pack("{s:[{s:s, s:b}]}", "capabilities", "capability", "background-snapshot",
                     "state", on);
}

static json_t *bandwidth(json_int_t limit)
{
    return json_pack("{s:I}", "max-bandwidth", limit);
}

/* Set for the time of the migration: taken back on failure, and by the cleanup. */
static void set(struct plan *p, const char *command, json_t *now, json_t *before)
{
    plan_qmp(p, command, now, json_pack("{s:s, s:O}", "execute", command, "arguments", before));
    plan_cleanup_qmp(p, command, before);
}

void plan_live_begin(struct plan *p, const struct scene *s)
{
    if (s->machine->live == MACHINE_LIVE_OFF) {
        set(p, "migrate-set-capabilities", capability(true), capability(false));
        plan_try(p, "--memory works: the guest stands still meanwhile. Live it needs userfaultfd "
                    "with write protection (Linux 5.7), and that QEMU may use it: sysctl "
                    "vm.unprivileged_userfaultfd=1, or CAP_SYS_PTRACE");
    }
    set(p, "migrate-set-parameters", bandwidth(FULL_SPEED), bandwidth(s->machine->bandwidth));
}

void plan_live_file(struct plan *p, const struct scene *s, const char *file, const char *like)
{
    /* a page has a header, and there are the devices */
    const int64_t most = s->machine->ram + s->machine->ram / 128 + (4 << 20);

    plan_need_absent(p, file);
    plan_need_space(p, file, most);
    plan_stream(p, file, like, s->version < OLDEST_THAT_OPENS_FILES ? most : 0);
    plan_sync(p, file);
}

void plan_live_save(struct plan *p, const struct scene *s, const char *file)
{
    json_t *args = arguments(s, file);
    const char *uri = text(args, "uri");

    /* should it not come to that, QEMU must not keep the file */
    if (!strncmp(uri, "fd:", 3))
        plan_cleanup_qmp(p, "closefd", json_pack("{s:s}", "fdname", uri + 3));
    plan_migration(p, "migrate", args, file);
    plan_again(p);
    plan_promise_saved(p, file);
}

/* ---- load ---- */

int plan_live_awaited(const struct scene *s, const char *name, struct qmp_error *err)
{
    if (same(s->graph->status, "inmigrate"))
        return 0;
    auto_free char *quoted = path_argument(name);
    qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                  "the memory of %s was saved while the guest ran on (--memory=live): only a QEMU "
                  "that was started to load it can",
                  name);
    return qmp_error_hint(err,
                          "end this QEMU and start it as it was, on the images that it has "
                          "now, with -incoming defer appended; then: qrewind revert %s. Or "
                          "take the disks alone back here: --no-memory",
                          quoted);
}

void plan_live_load(struct plan *p, const struct scene *s, const json_t *memory)
{
    auto_free char *file = chain_memory_file(s->chain, memory);
    json_t *args = arguments(s, file);

    if (s->version >= OLDEST_THAT_STAYS)
        json_object_set_new(args, "exit-on-error", json_false());
    plan_need_stream(p, file);
    plan_migration(p, "migrate-incoming", args, file);
    plan_again(p);
}
