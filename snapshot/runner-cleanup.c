/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runner-cleanup: what may go once the promise holds: jobs, nodes, files. */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/belongs.h"
#include "snapshot/image.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/plan-check.h"
#include "snapshot/runner.h"

/* ---- ended jobs ---- */

void runner_add_dismissals(struct ask *a, const struct plan *p, bool promised)
{
    json_auto_t *ids = plan_job_ids(p);
    json_t *id;
    size_t i;

    json_array_foreach(ids, i, id)
        if (promised || !plan_promises_job(p, json_string_value(id)))
            ask_add(a, "job-dismiss", json_pack("{s:O}", "id", id), NULL, NULL);
}

void runner_dismiss(struct runner *r, const struct plan *p)
{
    struct ask *a = ask_new(r->client, NULL);

    runner_add_dismissals(a, p, true);
    ask_run(a, NULL);
    ask_free(a);
}

void runner_dismiss_one(struct runner *r, const json_t *job)
{
    const json_t *id = json_object_get(json_object_get(job, "arguments"), "job-id");

    json_decref(ask_one(r->client, NULL, "job-dismiss", json_pack("{s:O}", "id", id), NULL));
}

/* ---- what is not needed any more ---- */

/* What one operation made and removed again is no news. */
static bool made_by(const struct plan *p, const char *file)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "file"), file) && plan_makes_file(step))
            return true;
    return false;
}

static void remove_file(struct runner *r, struct plan *p, const json_t *step, const struct graph *g)
{
    const char *file = text(step, "file");
    struct qmp_error why = {0};
    struct image_stat st;
    char who[256];

    if (!r->files_reachable) {
        plan_kept(p, file, "out of reach: remove it where QEMU runs");
    } else if (image_stat(file, &st, &why)) {
        plan_kept(p, file, why.desc);
    } else if (image_is_foreign(&st, r->owner)) {
        plan_kept(p, file, "it belongs to another user than the sidecar");
    } else if (!belongs(file, json_object_get(step, "layer"), &p->after, g)) {
        plan_kept(p, file, "it does not look like an image of this VM");
    } else if (st.exists && image_open_in(r->pid, &st)) {
        plan_kept(p, file, "QEMU still has it open");
    } else if (st.exists && image_held(file, who, sizeof(who))) {
        auto_free char *words = mem_printf("in use by %s", who);

        plan_kept(p, file, words);
    } else if (st.exists && json_object_get(step, "layer") &&
               image_holds_snapshots(file, INTERNAL_UNDO)) {
        plan_kept(p, file, "there are internal snapshots in it");
    } else if (st.exists && image_unlink_if(file, &st, &why)) {
        plan_kept(p, file, why.desc);
    } else if (st.exists && !made_by(p, file)) {
        plan_removed(p, file);
    }
}

struct ask *runner_close(struct runner *r, const struct plan *p)
{
    struct ask *a = ask_new(r->client, NULL);
    const json_t *step;
    size_t i;

    runner_add_dismissals(a, p, false); /* first: an ended job holds on to nodes */
    json_array_foreach(p->cleanup, i, step)
        if (same(text(step, "step"), "qmp"))
            ask_add(a, text(step, "execute"), json_deep_copy(json_object_get(step, "arguments")),
                    NULL, NULL);
    ask_send(a);
    return a;
}

int runner_cleanup(struct runner *r, struct plan *p, struct ask *closing, const struct graph *g,
                   struct qmp_error *err)
{
    json_auto_t *files = json_array();
    int rc = ask_run(closing, err);
    const json_t *step;
    size_t i;

    ask_free(closing);
    json_array_foreach(p->cleanup, i, step) {
        if (!rc && same(text(step, "step"), "unlink")) {
            remove_file(r, p, step, g);
            json_array_append(files, json_object_get(step, "file"));
        } else if (!rc && same(text(step, "step"), "untag") &&
                   belongs(text(step, "file"), false, &p->after, g)) {
            /* what an undo point left in an image: it harms none */
            runner_untag(r, p, text(step, "file"), text(step, "tag"), g, NULL);
        }
    }
    /* before the record: a file that came back with the power would be nobody's after it */
    if (r->files_reachable)
        runner_sync_folders(files, NULL);
    return rc;
}
