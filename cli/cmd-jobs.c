/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jobs: what QEMU is working on. */
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/table.h"
#include "cli/text.h"
#include "qmp/mem.h"

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm_to_look(app, err);

    return vm ? qrw_jobs(vm, err) : NULL;
}

/* "54%": only the ratio of the two numbers means something. New string. */
static char *progress(const json_t *job)
{
    int64_t offset = doc_int(job, "offset"), length = doc_int(job, "length");

    if (length <= 0 || offset < 0)
        return mem_strdup("-");
    return mem_printf("%d%%",
                      (int)(offset >= length ? 100 : (double)offset * 100 / (double)length));
}

/* New string. */
static char *speed(const json_t *job)
{
    int64_t n = doc_int(job, "speed");
    char size[TEXT_ROOM];

    return n > 0 ? mem_printf("%s/s", text_size(size, n)) : mem_strdup("-");
}

static void print(const json_t *doc, const void *args)
{
    const json_t *jobs = json_object_get(doc, "jobs"), *job;
    size_t i;

    if (!json_array_size(jobs)) {
        out_line(stderr, "no jobs");
        return;
    }
    struct table *t = table_new((const struct table_column[]){{"ID", 0},
                                                              {"TYPE", 0},
                                                              {"DISK", 0},
                                                              {"STATUS", 0},
                                                              {"DONE", TABLE_RIGHT},
                                                              {"LIMIT", TABLE_RIGHT},
                                                              {"ERROR", 0},
                                                              {NULL, 0}});
    json_array_foreach(jobs, i, job) {
        auto_free char *done = progress(job);
        auto_free char *limit = speed(job);

        table_line(t, NULL,
                   (const char *[]){doc_dash(job, "id"), doc_dash(job, "type"),
                                    doc_dash(job, "disk"), doc_dash(job, "status"), done, limit,
                                    doc_text(job, "error")});
    }
    table_print(t);
}

const struct verb cmd_jobs = {
    .name = "jobs",
    .summary = "List what QEMU is working on",
    .opts = commands_no_opts,
    .globals = TAKES_VM,
    .run = run,
    .print = print,
};
