/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* survey-deep: the part of survey.h that reads whole files. */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/survey.h"
#include "snapshot/tool.h"

/* What it finds is in its report; no report: somebody writes to the image. */
static int check(const struct runner *r, const char *file, json_t *entry, struct qmp_error *err)
{
    struct qmp_error why = {0};
    json_auto_t *doc = tool_report(r, "check", file, "qcow2", &why);

    if (!doc && why.kind != QRW_ERR_FAILED) {
        if (err)
            *err = why;
        return -1;
    }
    json_int_t bad = json_integer_value(json_object_get(doc, "corruptions")) +
                     json_integer_value(json_object_get(doc, "check-errors"));
    if (bad)
        json_object_set_new(entry, "damage",
                            json_sprintf("qemu-img check finds %lld errors", (long long)bad));
    json_object_set_new(entry, "sound", json_boolean(doc && !bad));
    if (json_object_get(doc, "leaks"))
        json_object_set(entry, "leaks", json_object_get(doc, "leaks"));
    return 0;
}

/* Of the file itself, not of a link to it. */
static int hash(const struct runner *r, const char *file, json_t *entry, struct qmp_error *err)
{
    auto_free char *real = realpath(file, NULL);
    char sum[65];

    if (tool_checksum(r, real ? real : file, sum, err))
        return -1;
    json_object_set_new(entry, "sha256", json_string(sum));
    return 0;
}

static int hash_data(const struct runner *r, json_t *files, const json_t *entry,
                     struct qmp_error *err)
{
    const char *data = text(entry, "data");
    json_t *there = data ? json_object_get(files, data) : NULL;

    return there && !text(there, "sha256") ? hash(r, data, there, err) : 0;
}

/* A fifo is waited for, and a character device has no end; what is wrong with it is told. */
static bool is_file(const char *file, const json_t *entry)
{
    struct image_stat st;

    return entry && !image_stat(file, &st, NULL) && (st.regular || st.block_device);
}

int survey_deepen(json_t *survey, const struct chain *c, const struct runner *r,
                  struct qmp_error *err)
{
    json_t *files = json_object_get(survey, "files"), *layer;
    const char *id;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(c, id);
        json_t *entry = json_object_get(files, file);

        if (!is_file(file, entry))
            continue;
        if (!chain_is_active(c, id) &&
            (hash(r, file, entry, err) || hash_data(r, files, entry, err)))
            return -1;
        if (same(text(layer, "format"), "qcow2") && check(r, file, entry, err))
            return -1;
    }
    return 0;
}
