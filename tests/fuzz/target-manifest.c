/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An exported snapshot's manifest: one that is taken makes a plan that reads nothing but files of
 * its folder, makes nothing but files in the new one, each once, and a document that is sound.
 */
#include <jansson.h>
#include <string.h>

#include "snapshot/manifest.h"
#include "snapshot/member.h"
#include "snapshot/plan-import.h"
#include "tests/fuzz/fuzz.h"

#define FROM "/from"
#define WORK "/vm/new.part"

/* Does @file lie in @folder itself? */
static bool lies_in(const char *file, const char *folder)
{
    size_t n = strlen(folder);

    return !strncmp(file, folder, n) && file[n] == '/' && file[n + 1] &&
           !strchr(file + n + 1, '/') && strcmp(file + n + 1, ".") && strcmp(file + n + 1, "..");
}

static void check_step(const json_t *step, json_t *made)
{
    const json_t *layer = json_array_get(json_object_get(step, "layers"), 0);
    const char *file = text(step, "file");

    if (same(text(step, "step"), "publish")) {
        fuzz_must(same(file, "/vm/new") && same(text(step, "from"), WORK));
        return;
    }
    fuzz_must(!file || lies_in(file, WORK));
    fuzz_must(!layer || lies_in(text(layer, "file"), FROM));
    if (same(text(step, "step"), "convert") || same(text(step, "step"), "overlay") ||
        same(text(step, "step"), "document")) {
        fuzz_must(!json_object_get(made, file));
        json_object_set_new(made, file, json_true());
    }
    if (same(text(step, "step"), "document")) {
        struct chain c = {0};

        fuzz_must(!chain_take(&c, "/vm/new", json_object_get(step, "document"), NULL));
        chain_done(&c);
    }
}

static void check_plan(const json_t *manifest)
{
    struct graph g = {0};
    struct chain none = {0};
    struct scene s = {.graph = &g, .chain = &none, .now = "now", .token = "t", .cwd = "/"};
    struct import_args args = {manifest, FROM, "/vm/new",
                               text(json_object_get(manifest, "snapshot"), "name")};
    json_auto_t *made = json_object();
    const json_t *step;
    struct plan p;
    size_t i;

    chain_init(&none, "/vm/new", NULL, NULL);
    plan_init(&p, "import", &s);
    fuzz_must(!plan_import.plan(&p, &s, &args, NULL));
    json_array_foreach(p.steps, i, step)
        check_step(step, made);
    fuzz_must(json_object_size(made) > 2);
    plan_done(&p);
    chain_done(&none);
}

void fuzz_manifest(const uint8_t *bytes, size_t n)
{
    json_auto_t *doc = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
    struct qmp_error err = {0};

    if (!doc)
        return;
    if (manifest_check(doc, &err))
        fuzz_must(err.kind != QMP_ERR_NONE && err.desc[0]);
    else
        check_plan(doc);
}
