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

/* What is not so already, for who wants to know. */
static void tell_changes(struct plan *p, const struct qrw_edit_args *args, const json_t *snapshot)
{
    json_t *all = json_pack("{s:s}", "snapshot", args->name);

    if (args->new_name && !same(args->new_name, args->name))
        json_object_set_new(all, "name", json_string(args->new_name));
    if (args->description && !same(args->description, text(snapshot, "description")))
        json_object_set_new(all, "description", json_string(args->description));
    if (json_is_true(json_object_get(snapshot, "pinned")) ? args->unpin : args->pin)
        json_object_set_new(all, "pinned", json_boolean(args->pin));
    if (json_object_size(all) > 1)
        json_object_set(p->result, "changes", all);
    json_decref(all);
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
    tell_changes(p, args, snapshot);
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
