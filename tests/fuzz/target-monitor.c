/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole session with a monitor that says whatever it likes: the first byte chooses what we
 * want of it, the rest are its lines. No operation is begun that could write a file.
 */
#include <event2/event.h>
#include <jansson.h>

#include "qmp/mem.h"
#include "snapshot/vm.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    fuzz_must(name && json_is_object(event));
}

static void on_note(int level, const char *text, void *arg)
{
    fuzz_must(text[0]);
}

static json_t *chain(struct qrw_vm *vm, struct qmp_error *err)
{
    return qrw_chain(vm, NULL, err);
}

static json_t *show(struct qrw_vm *vm, struct qmp_error *err)
{
    return qrw_show(vm, "s1", err);
}

static json_t *cancel(struct qrw_vm *vm, struct qmp_error *err)
{
    return qrw_job_action(vm, "cancel", "qrw-commit-vda", 0, err);
}

static json_t *(*const verbs[])(struct qrw_vm *vm, struct qmp_error *err) = {
    qrw_info, qrw_disks, chain, qrw_list, show, qrw_jobs, cancel,
};

void fuzz_monitor(const uint8_t *bytes, size_t n)
{
    if (!n)
        return;
    struct event_base *base = peer_loop();
    struct peer *p = peer_new(base, bytes + 1, n - 1);
    struct qrw_options o = {.socket = peer_address(p), .base = base, .note = on_note};
    struct qmp_error err = {0};
    struct qrw_vm *vm = qrw_open(&o, &err);

    fuzz_must(vm);
    qmp_client_subscribe(qrw_client(vm), NULL, on_event, NULL);
    json_t *doc = verbs[bytes[0] % (sizeof(verbs) / sizeof(verbs[0]))](vm, &err);
    fuzz_must((doc != NULL) != (err.kind != QMP_ERR_NONE && err.desc[0]));
    if (doc) {
        auto_free char *text = json_dumps(doc, 0);

        fuzz_must(text);
    }
    json_decref(doc);
    qrw_close(vm);
    peer_free(p);
    event_base_free(base);
}
