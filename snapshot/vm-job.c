/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-job: the jobs that QEMU has, ours and others': list, wait, act. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/job.h"
#include "snapshot/plan-disk.h"
#include "snapshot/vm-private.h"

static json_t *job_document(const struct graph *g, const struct graph_job *job, json_t *speeds)
{
    const char *disk = NULL;
    json_t *speed = json_object_get(speeds, job->id);

    for (size_t i = 0; i < g->ndisks && !disk; i++)
        if (plan_disk_job(g, &g->disks[i]) == job || graph_job_is_below(job, &g->disks[i]))
            disk = g->disks[i].id;
    return json_pack("{s:s, s:s?, s:s?, s:s, s:I, s:I, s:O?, s:s?}", "id", job->id, "type",
                     job->type, "disk", disk, "status", job->status, "offset",
                     (json_int_t)job->offset, "length", (json_int_t)job->length, "speed", speed,
                     "error", job->error);
}

/* Only query-block-jobs tells the speed limit, and it knows only block jobs. */
static int take_speeds(void *to, const json_t *reply, struct qmp_error *err)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(reply, i, entry) {
        const char *id = json_string_value(json_object_get(entry, "device"));

        if (id)
            json_object_set(to, id, json_object_get(entry, "speed"));
    }
    return 0;
}

json_t *qrw_jobs(struct qrw_vm *vm, struct qmp_error *err)
{
    json_auto_t *speeds = json_object();
    json_t *list = json_array();
    int rc = vm_observe(vm, GRAPH_DISKS, err);

    if (!rc && vm->client) {
        struct ask *a = ask_new(vm->client, &vm->stop);

        ask_add(a, "query-block-jobs", NULL, take_speeds, speeds);
        rc = ask_finish(a, err);
    }
    if (rc) {
        json_decref(list);
        return NULL;
    }
    for (size_t i = 0; i < vm->graph.njobs; i++)
        json_array_append_new(list, job_document(&vm->graph, &vm->graph.jobs[i], speeds));
    return json_pack("{s:o}", "jobs", list);
}

static int find_job(struct qrw_vm *vm, const char *id, struct qmp_error *err)
{
    if (vm_observe(vm, GRAPH_NODES, err))
        return -1;
    if (graph_job(&vm->graph, id))
        return 0;
    qmp_error_set(err, QRW_ERR_NOT_FOUND, "no job '%s'", id);
    return qmp_error_hint(err, "qrewind jobs lists the jobs that QEMU has");
}

/* ---- wait ---- */

/* Is @id a job of the operation that the sidecar has pending? */
static bool is_pending(const struct journal *j, const char *id)
{
    struct plan p;
    const json_t *job;
    bool found = false;
    size_t i;

    if (!chain_pending(&j->chain) ||
        plan_from_json(&p, chain_pending(&j->chain), j->chain.folder, NULL))
        return false;
    json_auto_t *ids = plan_job_ids(&p);
    json_array_foreach(ids, i, job)
        if (!strcmp(json_string_value(job), id))
            found = true;
    plan_done(&p);
    return found;
}

/* Wait for the end of a job, or with @then "hold" until it is ready; leave it as it is. */
static int wait_foreign(struct qrw_vm *vm, const char *id, const char *then, struct qmp_error *err)
{
    json_auto_t *step = json_pack("{s:s, s:s, s:{s:s}, s:s*}", "step", "job", "disk", id,
                                  "arguments", "job-id", id, "then", then);
    struct runner r = vm_runner(vm, false);
    int patience = qmp_client_be_patient(vm->client);
    int rc = runner_jobs(&r, (const json_t *const[]){step}, 1, true, err);

    qmp_client_set_patience(vm->client, patience);
    json_decref(r.jobs);
    return rc < 0 ? -1 : 0;
}

json_t *qrw_job_wait(struct qrw_vm *vm, const char *id, int timeout_ms, struct qmp_error *err)
{
    json_t *result = NULL;
    enum settled how;
    struct journal j;
    int rc;

    vm->wait_ms = timeout_ms;
    if (find_job(vm, id, err))
        return NULL;
    json_auto_t *job = job_document(&vm->graph, graph_job(&vm->graph, id), NULL);
    rc = journal_open(&j, vm, JOURNAL_WRITE, err);
    if (!rc && is_pending(&j, id))
        rc = vm_settle(vm, &j, NULL, true, &how, &result, err);
    else if (!rc)
        rc = wait_foreign(vm, id, "hold", err);
    journal_close(&j, vm);
    if (rc)
        return NULL;
    if (!result)
        result = json_object();
    if (!vm_observe(vm, GRAPH_DISKS, NULL) && graph_job(&vm->graph, id)) {
        json_decref(job);
        job = job_document(&vm->graph, graph_job(&vm->graph, id), NULL);
    } else {
        json_object_set_new(job, "status", json_string("concluded"));
    }
    json_object_set_new(result, "jobs", json_pack("[O]", job));
    return result;
}

/* ---- act ---- */

/* A job of an operation that did not wait is over: take back what that had begun, as nobody else is
 * there to do it; or he has the lock. */
static void settle_cancelled(struct qrw_vm *vm, const char *id)
{
    json_auto_t *result = NULL;
    struct qmp_error why = {0};
    enum settled how;
    struct journal j;

    if (vm_observe(vm, GRAPH_NODES, NULL))
        return;
    if (!journal_open(&j, vm, JOURNAL_WRITE, NULL) && is_pending(&j, id)) {
        if (vm_settle(vm, &j, NULL, false, &how, &result, &why))
            vm_note(vm, 0, "what it had begun is still there (%s): qrewind repair", why.desc);
        vm_tell(vm, result, 0);
    }
    journal_close(&j, vm);
}

/* A job of ours that switches: whoever finds QEMU dead has to know that it was told to. The steps
 * of its operation would have that recorded, and so is it here. */
static json_t *complete(struct qrw_vm *vm, const char *id, json_t *args, struct qmp_error *err)
{
    struct qmp_error why = {0};
    json_t *reply = NULL;
    struct journal j;

    if (!journal_open(&j, vm, JOURNAL_WRITE, &why)) {
        const bool ours = is_pending(&j, id);

        if (!ours || !journal_switch(&j, true, &why))
            reply = ask_one(vm->client, &vm->stop, "job-complete", json_incref(args), &why);
        if (!reply && ours && why.kind == QMP_ERR_COMMAND)
            journal_switch(&j, false, NULL);
    }
    journal_close(&j, vm);
    json_decref(args);
    if (!reply && err)
        *err = why;
    return reply;
}

json_t *qrw_job_action(struct qrw_vm *vm, const char *action, const char *id, int64_t speed,
                       struct qmp_error *err)
{
    static const struct {
        const char *action, *command, *argument;
    } actions[] = {
        // clang-format off
        {"pause",    "job-pause",    "id"}, {"resume",   "job-resume",   "id"},
        {"complete", "job-complete", "id"}, {"cancel",   "job-cancel",   "id"},
        {"finalize", "job-finalize", "id"}, {"dismiss",  "job-dismiss",  "id"},
        {"speed",    "block-job-set-speed", "device"},
        // clang-format on
    };

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].action, action))
            continue;
        if (find_job(vm, id, err))
            return NULL;
        json_t *args = json_pack("{s:s}", actions[i].argument, id);
        if (!strcmp(action, "speed"))
            json_object_set_new(args, "speed", json_integer(speed));
        json_auto_t *reply = !strcmp(action, "complete") && !strncmp(id, "qrw-", 4)
                                 ? complete(vm, id, args, err)
                                 : ask_one(vm->client, &vm->stop, actions[i].command, args, err);
        /* QEMU only begins to cancel; that the job then ends with an error is what was wanted */
        if (reply && !strcmp(action, "cancel")) {
            wait_foreign(vm, id, NULL, NULL);
            settle_cancelled(vm, id);
        }
        return reply ? qrw_jobs(vm, err) : NULL;
    }
    qmp_error_set(err, QMP_ERR_USAGE, "no such action: %s", action);
    return NULL;
}
