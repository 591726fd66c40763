/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: see check.h. The table of codes, and what all rules ask. */
#include "snapshot/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"

static const struct {
    const char *code, *severity;
} codes[] = {
    // clang-format off
    {"broken-sidecar",    "error"},   {"pending",          "warning"}, {"locked",          "notice"},
    {"open-permissions",  "warning"}, {"sidecar-conflict", "error"}, {"due-merge",         "notice"},
    {"wrong-active",      "error"},   {"foreign-layer",    "error"},   {"stale-record",    "error"},
    {"leaked-node",       "warning"}, {"ended-job",        "notice"},
    {"missing-file",      "error"},   {"moved-file",       "error"},   {"unreadable-image", "error"},
    {"corrupt-image",     "error"},   {"changed-base",     "error"},   {"touched-base",    "notice"},
    {"leaked-clusters",   "notice"},
    {"wrong-backing",     "error"},   {"self-backing",     "error"},   {"backing-loop",    "error"},
    {"misleading-backing", "warning"}, {"no-backing-format", "warning"},
    {"wrong-backing-format", "error"},
    {"broken-snapshot",   "error"},   {"missing-memory",   "error"},   {"missing-tag",     "error"},
    {"broken-undo",       "warning"}, {"cannot-revert",    "warning"}, {"cannot-delete",   "warning"},
    {"orphan-file",       "warning"},
    // clang-format on
};

/* NULL: no finding has that code. */
static const char *severity(const char *code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (!strcmp(codes[i].code, code))
            return codes[i].severity;
    return NULL;
}

bool check_knows(const char *code)
{
    return severity(code);
}

bool check_is_told(const json_t *findings, const char *subject)
{
    const json_t *f;
    size_t i;

    json_array_foreach(findings, i, f)
        if (same(text(f, "subject"), subject))
            return true;
    return false;
}

void check_choose(json_t *findings, qrw_strings only)
{
    json_t *f;
    size_t i;

    json_array_foreach(findings, i, f) {
        const json_t *mend = json_object_get(f, "mend");
        const bool named = json_is_true(json_object_get(mend, "named"));
        qrw_strings code = only;

        while (code && *code && strcmp(*code, text(f, "code")))
            code++;
        if (code && *code && named)
            json_object_set(f, "repair", json_object_get(mend, "words"));
        if (code ? !*code && !same(text(mend, "do"), "settle") : named)
            json_object_set_new(f, "mend", json_null());
    }
}

static json_t *document(const struct finding *f, const char *words)
{
    /* names from outside may be no UTF-8: then they are left out of the document */
    return json_pack("{s:s, s:s, s:o, s:o, s:s?, s:b, s:o}", "code", f->code, "severity",
                     severity(f->code), "subject", json_string(f->subject) ?: json_null(), "text",
                     json_string(words) ?: json_string("its name is no UTF-8"), "repair", f->repair,
                     "ask", f->ask, "mend", f->mend ? f->mend : json_null());
}

json_t *check_finding(const char *code, const char *subject, const char *words)
{
    return document(&(struct finding){.code = code, .subject = subject}, words);
}

void check_add(struct check *k, const struct finding *f, const char *fmt, ...)
{
    char words[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    json_array_append_new(k->findings, document(f, words));
}

bool check_has_errors(const struct check *k)
{
    const json_t *f;
    size_t i;

    json_array_foreach(k->findings, i, f)
        if (same(text(f, "severity"), "error"))
            return true;
    return false;
}

const json_t *check_file(const struct check *k, const char *file)
{
    return file ? json_object_get(k->files, file) : NULL;
}

bool check_is_file(const struct check *k, const char *id)
{
    const char *file = text(chain_layer(k->c, id), "file");

    return file && graph_is_path(file);
}

const json_t *check_entry(const struct check *k, const char *id)
{
    auto_free char *file = check_is_file(k, id) ? chain_layer_file(k->c, id) : NULL;

    return check_file(k, file);
}

bool check_is_gone(const struct check *k, const char *id)
{
    return check_is_file(k, id) && !check_entry(k, id) && !json_object_get(k->moved, id);
}

bool check_is_removed(const struct check *k, const char *id)
{
    auto_free char *file = chain_layer_file(k->c, id);

    return check_is_gone(k, id) && !check_is_away(k, file);
}

bool check_same_file(const struct check *k, const char *a, const char *b)
{
    const json_t *one = check_file(k, a), *other = check_file(k, b);

    return one && other && (one == other || same(text(one, "id"), text(other, "id")));
}

const struct chain *check_after(const struct check *k)
{
    return k->pending && !k->undone ? &k->pending->after : NULL;
}

const char *check_missing_below(const struct check *k, const char *id)
{
    const struct chain *after = check_after(k);
    const char *missing = NULL;
    /* without a sidecar the document says what the headers say, and they may go in circles */
    size_t left = json_object_size(json_object_get(k->c->doc, "layers"));

    for (; id && left-- > 0; id = check_builds_on(k, id))
        if (check_is_gone(k, id) && (!after || chain_layer(after, id)))
            missing = id;
    return missing;
}

const struct graph_layer *check_live(const struct check *k, const char *file,
                                     const struct graph_disk **disk)
{
    const struct graph *g = k->s->graph;

    for (size_t i = 0; k->live && file && i < g->ndisks; i++)
        for (size_t n = 0; n < g->disks[i].nlayers; n++)
            if (same(g->disks[i].layers[n].file, file) ||
                check_same_file(k, g->disks[i].layers[n].file, file)) {
                if (disk)
                    *disk = &g->disks[i];
                return &g->disks[i].layers[n];
            }
    return NULL;
}

json_t *check_findings(const struct scene *s, const json_t *survey)
{
    struct check k = {.s = s,
                      .c = s->chain,
                      .survey = survey,
                      .files = json_object_get(survey, "files"),
                      .live = json_is_true(json_object_get(survey, "live")),
                      .moved = json_object(),
                      .merged = json_object(),
                      .between = json_object(),
                      .onto = json_object(),
                      .needed = json_object(),
                      .skipped = json_object(),
                      .findings = json_array()};

    check_document(&k);
    if (k.files) {
        check_moves(&k);
        check_merges(&k);
    }
    check_graph(&k);
    if (k.files) {
        check_layers(&k);
        check_orphans(&k);
        check_links(&k);
        check_astray(&k);
    }
    check_snapshots(&k);
    check_troubles(&k);
    if (k.pending)
        plan_done(k.pending);
    json_decref(k.moved);
    json_decref(k.merged);
    json_decref(k.between);
    json_decref(k.onto);
    json_decref(k.needed);
    json_decref(k.skipped);
    return k.findings;
}
