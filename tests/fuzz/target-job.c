/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs as a peer tells of them: two disks committed together, from their start, through
 * events and looks, to their end; and single ones as query-jobs shows them.
 */
#include "snapshot/job.h"

#include <event2/event.h>

#include "qmp/mem.h"
#include "snapshot/runner.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

static void on_progress(const struct qrw_progress *p, void *arg)
{
    fuzz_must(p->job && p->status && p->elapsed_ms >= 0);
}

static void on_ready(struct qmp_client *c, const struct qmp_error *err, void *arg)
{
}

static json_t *step(const char *disk, const char *then)
{
    auto_free char *id = mem_printf("qrw-commit-%s", disk);

    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s*}", "step", "job", "execute",
                     "block-commit", "arguments", "job-id", id, "device", disk, "disk", disk,
                     "then", then);
}

static void follow(struct qmp_client *client, uint8_t how)
{
    static const char *const then[] = {NULL, "complete", "finish", "hold"};
    const struct qrw_options options = {.progress = on_progress};
    const bool stop = how & 8;
    struct runner r = {.client = client,
                       .stop = &stop,
                       .no_wait = how & 16,
                       .options = &options,
                       .jobs = json_array()};
    json_auto_t *vda = step("vda", then[how & 3]), *vdb = step("vdb", then[how & 3]);
    struct qmp_error err = {0};
    int rc = runner_jobs(&r, (const json_t *const[]){vda, vdb}, 2, how & 4, &err);

    fuzz_must(rc == RUN_DONE || rc == RUN_LEFT || (rc < 0 && err.desc[0]));
    fuzz_must(json_array_size(r.jobs) == 2);
    json_decref(r.jobs);
}

/* The first byte chooses what is to become of them, and where we come in. */
void fuzz_job(const uint8_t *bytes, size_t n)
{
    if (!n)
        return;
    struct event_base *base = peer_loop();
    struct peer *p = peer_new(base, bytes + 1, n - 1);
    struct qmp_client *client = qmp_client_new(base, NULL);

    fuzz_must(!qmp_client_connect(client, peer_address(p), 0, on_ready, NULL, NULL));
    follow(client, bytes[0]);
    qmp_client_free(client);
    peer_free(p);
    event_base_free(base);
}
