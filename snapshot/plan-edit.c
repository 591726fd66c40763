/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* edit: change what is recorded of a snapshot. No image and no QEMU is concerned. */
#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/plan-internal.h"

static int check_new_name(const struct chain *c, const struct qrw_edit_args *args,
                          struct qmp_error *err)
{
    if (!args->new_name || same(args->new_name, args->name))
        return 0;
    if (chain_snapshot(c, args->new_name))
        return qmp_error_set(err, QRW_ERR_REFUSED, "there is a snapshot '%s' already",
                             args->new_name);
    return chain_check_name(args->new_name, err);
}

static int plan(struct plan *p, const struct scene *s, const void *arguments, struct qmp_error *err)
{
    const struct qrw_edit_args *args = arguments;
    json_t *snapshot = chain_snapshot(&p->after, args->name);

    if (!snapshot && plan_is_internal(s, args->name))
        return qmp_error_set(err, QRW_ERR_REFUSED,
                             "'%s' was not made by qrewind: there is no record of it to change",
                             args->name);
    if (!snapshot) {
        qmp_error_set(err, QRW_ERR_NOT_FOUND, "no snapshot '%s'", args->name);
        return qmp_error_hint(err, "qrewind list shows the names");
    }
    if (args->pin && args->unpin)
        return qmp_error_set(err, QMP_ERR_USAGE, "--pin and --unpin exclude each other");
    if (!args->new_name && !args->description && !args->pin && !args->unpin)
        return qmp_error_set(err, QMP_ERR_USAGE,
                             "nothing to change: --name, --description, --pin or --unpin");
    if (check_new_name(s->chain, args, err))
        return -1;
    if (args->description)
        json_object_set_new(snapshot, "description", json_string(args->description));
    if (args->pin || args->unpin)
        json_object_set_new(snapshot, "pinned", json_boolean(args->pin));
    if (args->new_name)
        chain_rename_snapshot(&p->after, args->name, args->new_name);
    json_object_set_new(p->result, "snapshot",
                        json_string(args->new_name ? args->new_name : args->name));
    return 0;
}

const struct qrw_operation qrw_edit = {.name = "edit", .level = GRAPH_DISKS, .plan = plan};
