/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print: see print.h. */
#include "cli/print.h"

#include <stdlib.h>
#include <string.h>

#include "cli/doc.h"
#include "cli/out.h"
#include "cli/text.h"
#include "qmp/mem.h"

void print_notes(const json_t *doc, bool verbose)
{
    const char *why = doc_text(doc, "method_why");
    const json_t *note;
    size_t i;

    json_array_foreach(json_object_get(doc, "notes"), i, note)
        if (json_is_string(note))
            out_line(stderr, "note: %s", json_string_value(note));
    if (verbose && why)
        out_line(stderr, "note: method %s: %s", doc_dash(doc, "method"), why);
}

void print_field(const char *name, const char *value)
{
    out_line(stdout, "%-12s %s", name, value ? value : "-");
}

char *print_undo(const json_t *doc)
{
    const json_t *undo = json_object_get(doc, "undo");
    char until[TEXT_ROOM];

    return json_is_object(undo) ? mem_printf("what there was until %s, the disks only",
                                             text_time(until, doc_text(undo, "created")))
                                : NULL;
}

char *print_join(const json_t *texts)
{
    char *all = mem_strdup("");
    const json_t *text;
    size_t i;

    json_array_foreach(texts, i, text) {
        auto_free char *before = all;
        const char *s = json_string_value(text);

        all = mem_printf("%s%s%s", before, *before ? ", " : "", s ? s : "?");
    }
    return all;
}

/* ---- a plan ---- */

/* New string. */
static char *value_text(const json_t *value)
{
    return json_is_string(value) ? mem_strdup(json_string_value(value))
                                 : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* What the step is about: its command, whole and as it goes to QEMU, or a file, folder, or
 * snapshot. */
static char *subject(const json_t *step)
{
    json_t *execute = json_object_get(step, "execute"), *place = json_object_get(step, "file");
    json_auto_t *command = json_object();

    if (!place)
        place = json_object_get(step, "folder");
    if (!place)
        place = json_object_get(step, "snapshot");
    if (!execute)
        return place ? value_text(place) : mem_strdup("");
    json_object_set(command, "execute", execute);
    if (json_object_get(step, "arguments"))
        json_object_set(command, "arguments", json_object_get(step, "arguments"));
    return value_text(command);
}

/* Said already; or said only in JSON. */
static bool skip(const char *key)
{
    static const char *const keys[] = {"step",   "execute",  "arguments", "file",
                                       "folder", "snapshot", "undo"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

/* The word for the step, its subject, and whatever else it has to say. */
static void print_step(json_t *step)
{
    auto_free char *about = subject(step);
    char *line = mem_printf("%-12s %s", doc_dash(step, "step"), about);
    const char *key;
    json_t *value;

    json_object_foreach(step, key, value) {
        if (skip(key))
            continue;
        auto_free char *before = line;
        auto_free char *text = value_text(value);
        line = mem_printf("%s  %s=%s", before, key, text);
    }
    out_line(stdout, "%s", line);
    free(line);
}

void print_plan(const json_t *doc)
{
    const json_t *plan = json_object_get(doc, "plan");
    json_t *step;
    size_t i;

    const json_t *deleted = json_object_get(doc, "deleted");

    if (!json_array_size(plan) && !json_array_size(deleted))
        out_line(stderr, "nothing to do");
    json_array_foreach(plan, i, step)
        print_step(step);
    json_array_foreach(deleted, i, step)
        out_line(stdout, "delete %s", json_is_string(step) ? json_string_value(step) : "?");
    json_array_foreach(json_object_get(doc, "kept"), i, step)
        out_line(stdout, "keep %s: %s", doc_dash(step, "name"), doc_dash(step, "why"));
}

/* ---- jobs and files ---- */

/* "vda: commit done, took 1.2 s", "vda: mirror ready (job qrw-mirror-vda)" */
static void print_job(const json_t *job, double took_ms)
{
    const char *error = doc_text(job, "error"), *status = doc_dash(job, "status");
    const char *disk = doc_text(job, "disk") ? doc_text(job, "disk") : doc_dash(job, "id");
    int64_t offset = doc_int(job, "offset"), length = doc_int(job, "length");
    char took[TEXT_ROOM];

    if (error)
        out_line(stdout, "%s: %s %s: %s", disk, doc_dash(job, "type"), status, error);
    else if (!strcmp(status, "concluded"))
        out_line(stdout, "%s: %s done%s%s", disk, doc_dash(job, "type"),
                 took_ms < 0 ? "" : ", took ", took_ms < 0 ? "" : text_ms(took, took_ms));
    else if (offset < length)
        out_line(stdout, "%s: %s %s, %d%% (job %s)", disk, doc_dash(job, "type"), status,
                 (int)((double)offset * 100 / (double)length), doc_dash(job, "id"));
    else
        out_line(stdout, "%s: %s %s (job %s)", disk, doc_dash(job, "type"), status,
                 doc_dash(job, "id"));
}

void print_kept(const json_t *doc)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(doc, "kept"), i, item)
        out_line(stdout, "kept %s: %s", doc_dash(item, "name"), doc_dash(item, "why"));
}

void print_work(const json_t *doc, const void *args)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(doc, "jobs"), i, item)
        print_job(item, doc_number(doc, "took_ms"));
    json_array_foreach(json_object_get(doc, "removed"), i, item)
        out_line(stdout, "removed %s", json_is_string(item) ? json_string_value(item) : "?");
    print_kept(doc);
}
