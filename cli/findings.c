/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * findings: what check found, as text.
 *
 *     error    moved-file        /vm/base.qcow2
 *              it is not there; /vm/old/base.qcow2 has its size and time
 *              repair: record the new name
 */
#include <string.h>

#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"

static void print_finding(const json_t *f)
{
    const char *repair = doc_text(f, "repair"), *failed = doc_text(f, "failed");

    out_line(stdout, "%-8s %-18s %s", doc_dash(f, "severity"), doc_dash(f, "code"),
             doc_dash(f, "subject"));
    out_line(stdout, "         %s", doc_dash(f, "text"));
    if (failed)
        out_line(stdout, "         could not be mended: %s", failed);
    else if (repair)
        out_line(stdout, "         repair%s: %s",
                 json_is_true(json_object_get(f, "ask")) ? " --yes" : "", repair);
}

void print_findings(const json_t *doc)
{
    const json_t *list = json_object_get(doc, "findings"), *f;
    size_t i, safe = 0, asked = 0;

    json_array_foreach(list, i, f) {
        print_finding(f);
        if (doc_text(f, "repair") && !doc_text(f, "failed"))
            json_is_true(json_object_get(f, "ask")) ? asked++ : safe++;
    }
    if (asked)
        out_line(stdout, "%zu found; qrewind repair mends %zu, with --yes %zu more", i, safe,
                 asked);
    else if (i)
        out_line(stdout, "%zu found; qrewind repair mends %zu", i, safe);
}
