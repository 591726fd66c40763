/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-quiesce: see plan-quiesce.h. */
#include "snapshot/plan-quiesce.h"

#include "snapshot/error.h"

/* A guest that is frozen for longer begins to break. */
#define MAX_TIMEOUT_MS 600000
#define DEFAULT_TIMEOUT_MS 10000

/* Why it cannot be, or makes no sense. */
static int check(const struct scene *s, const struct qrw_create_args *args, struct qmp_error *err)
{
    if (args->memory) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "with the memory nothing may be frozen: the guest would come back frozen");
        return qmp_error_hint(err, "the memory alone makes the snapshot consistent: leave "
                                   "--quiesce out");
    }
    if (graph_is_off(s->graph)) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "there is no guest whose file systems could be "
                      "frozen: the VM does not run");
        return qmp_error_hint(err, "leave --quiesce out; what a guest that was shut down left is "
                                   "consistent");
    }
    if (!s->graph->running) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "the guest is paused: its file systems cannot be frozen");
        return qmp_error_hint(err, "let it go on first, or take what there is: --quiesce=try");
    }
    if (s->agent)
        return 0;
    if (err)
        *err = *s->no_agent;
    if (err && err->kind != QMP_ERR_CANCELLED)
        err->kind = QMP_ERR_CONNECT; /* whatever it was, nobody is reached */
    return -1;
}

int plan_quiesce(struct plan *p, const struct scene *s, const struct qrw_create_args *args,
                 bool *freeze, struct qmp_error *err)
{
    struct qmp_error why;

    *freeze = false;
    if (args->quiesce == QRW_QUIESCE_NO) {
        if (args->freeze_mountpoints || args->freeze_timeout_ms)
            return qmp_error_set(err, QMP_ERR_USAGE,
                                 "--freeze-mountpoints and --freeze-timeout need --quiesce");
        return 0;
    }
    if (args->freeze_timeout_ms < 0 || args->freeze_timeout_ms > MAX_TIMEOUT_MS)
        return qmp_error_set(err, QMP_ERR_USAGE, "--freeze-timeout: at most %d seconds",
                             MAX_TIMEOUT_MS / 1000);
    json_object_set_new(p->result, "quiesced", json_false());
    if (!check(s, args, &why)) {
        *freeze = true;
        return 0;
    }
    if (args->quiesce == QRW_QUIESCE_TRY) {
        plan_note(p, "not quiesced: %s", why.desc);
        return 0;
    }
    if (err)
        *err = why;
    return -1;
}

void plan_freeze(struct plan *p, const struct scene *s, const struct qrw_create_args *args)
{
    int ms = args->freeze_timeout_ms ? args->freeze_timeout_ms : DEFAULT_TIMEOUT_MS;
    json_t *mountpoints = args->freeze_mountpoints ? json_array() : NULL;

    for (size_t i = 0; mountpoints && args->freeze_mountpoints[i]; i++)
        json_array_append_new(mountpoints, json_string(args->freeze_mountpoints[i]));
    plan_step(p, json_pack("{s:s, s:s, s:b, s:i, s:o*}", "step", "freeze", "agent", s->agent,
                           "require", args->quiesce == QRW_QUIESCE_REQUIRE, "timeout_ms", ms,
                           "mountpoints", mountpoints));
}

void plan_thaw(struct plan *p, const struct qrw_create_args *args)
{
    plan_step(p, json_pack("{s:s, s:b}", "step", "thaw", "require",
                           args->quiesce == QRW_QUIESCE_REQUIRE));
    if (args->halt) {
        plan_qmp(p, "stop", NULL, NULL);
        plan_optional(p); /* the snapshot is taken, whatever becomes of this */
    }
}
