/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-change: is a frozen layer's file what it was?                   PURE
 *
 * It is known again by size and time of its last change, to the nanosecond: a copy that kept
 * both is the same file, wherever it lies. Where the sidecar has a hash of the content too,
 * that decides.
 */
#include "snapshot/check-rules.h"
#include "snapshot/member.h"

static json_int_t number(const json_t *obj, const char *key)
{
    return json_integer_value(json_object_get(obj, key));
}

bool check_fits(const json_t *layer, const json_t *entry)
{
    const json_t *fingerprint = json_object_get(layer, "fingerprint");

    return fingerprint && number(entry, "size") == number(fingerprint, "size") &&
           number(entry, "mtime_ns") == number(fingerprint, "mtime_ns");
}

const char *check_change(const struct check *k, const char *id, const json_t *entry)
{
    const json_t *layer = chain_layer(k->c, id);
    const json_t *fingerprint = json_object_get(layer, "fingerprint");
    const char *was = text(layer, "sha256"), *is = text(entry, "sha256");

    if (chain_is_active(k->c, id) || !fingerprint)
        return NULL;
    if (was && is && strcmp(was, is))
        return "its content is not what it was";
    if (number(entry, "size") != number(fingerprint, "size"))
        return "its size is not what it was";
    return number(entry, "mtime_ns") != number(fingerprint, "mtime_ns")
               ? "somebody has written to it"
               : NULL;
}

void check_changed(struct check *k, const char *id, const char *file, const json_t *entry)
{
    const char *was = text(chain_layer(k->c, id), "sha256");
    const char *what = check_change(k, id, entry);
    bool harmless = same(was, text(entry, "sha256"));

    if (!what)
        return;
    check_add(k,
              &(struct finding){harmless ? "touched-base" : "changed-base", file,
                                harmless ? "record its time" : "take it as it is now",
                                json_pack("{s:s, s:s}", "do", "touch", "layer", id), !harmless},
              harmless ? "its time is not what it was, but its content is"
                       : "%s since it was frozen: what builds on it may be damaged",
              what);
}
