/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-change: is a frozen layer's file what it was?                   PURE
 *
 * It is known again by size and time of its last change, to the nanosecond: a copy that kept
 * both is the same file, wherever it lies. Where the sidecar has a hash of the content too,
 * that decides.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"

static json_int_t number(const json_t *obj, const char *key)
{
    return json_integer_value(json_object_get(obj, key));
}

char *check_needed_by(const struct check *k, const char *id)
{
    enum { NAMES = 3 };
    char *names = NULL;
    const json_t *s;
    size_t i, n = 0;

    json_array_foreach(chain_snapshots(k->c), i, s) {
        auto_free char *before = names;

        if (!lost_is_needed(k->c, json_object_get(s, "disks"), id) || ++n > NAMES) {
            before = NULL;
            continue;
        }
        names = mem_printf("%s%s%s", before ? before : "", before ? ", " : "", text(s, "name"));
    }
    auto_free char *all = names;
    if (n > NAMES)
        return mem_printf(" (%s and %zu more need it)", all, n - NAMES);
    return names ? mem_printf(" (%s need%s it)", all, n > 1 ? "" : "s") : mem_strdup("");
}

static bool fits_size(const json_t *layer, const json_t *entry)
{
    return number(entry, "size") == number(json_object_get(layer, "fingerprint"), "size");
}

bool check_fits(const json_t *layer, const json_t *entry)
{
    const json_t *fingerprint = json_object_get(layer, "fingerprint");

    return fingerprint && fits_size(layer, entry) &&
           number(entry, "mtime_ns") == number(fingerprint, "mtime_ns");
}

const char *check_change(const struct check *k, const char *id, const json_t *entry)
{
    const json_t *layer = chain_layer(k->c, id);
    const json_t *fingerprint = json_object_get(layer, "fingerprint");
    const char *was = text(layer, "sha256"), *is = text(entry, "sha256");

    if (chain_is_active(k->c, id) || !fingerprint)
        return NULL;
    if (number(entry, "size") < number(fingerprint, "size"))
        return "it has become shorter";
    if (was && is && strcmp(was, is))
        return "its content has changed";
    if (number(entry, "size") > number(fingerprint, "size"))
        return "it has grown";
    return number(entry, "mtime_ns") != number(fingerprint, "mtime_ns") ? "its time has changed"
                                                                        : NULL;
}

/* Is the file worse than another: cut, or no sound image? To take that as it is now would hide
 * that data is lost, and make the good copy that is put back a stranger. NULL: no. */
static const char *is_broken(const struct check *k, const char *id, const json_t *entry)
{
    const json_t *layer = chain_layer(k->c, id);

    if (number(entry, "size") < number(json_object_get(layer, "fingerprint"), "size"))
        return "what lay behind its end is lost";
    return same(text(layer, "format"), "qcow2") &&
                   (text(entry, "problem") || text(entry, "damage") ||
                    json_is_true(json_object_get(entry, "corrupt")))
               ? "it is damaged"
               : NULL;
}

/* What speaks for it, for a file of the same size: nobody knows whether it was written to. */
static const char *advice(const struct check *k, const char *id, const json_t *entry)
{
    const json_t *layer = chain_layer(k->c, id);
    const char *was = text(layer, "sha256");

    if (!fits_size(layer, entry) || (was && text(entry, "sha256")))
        return "what builds on it may be damaged";
    return was ? "qrewind check --deep tells whether its content has, too"
               : "if somebody has written to it, what builds on it may be damaged";
}

void check_changed(struct check *k, const char *id, const char *file, const json_t *entry)
{
    const char *was = text(chain_layer(k->c, id), "sha256");
    const char *what = check_change(k, id, entry);
    const char *broken = is_broken(k, id, entry);
    bool harmless = same(was, text(entry, "sha256"));

    if (!what)
        return;
    if (broken && !harmless) {
        auto_free char *who = check_needed_by(k, id);

        check_add(k, &(struct finding){.code = "changed-base", .subject = file},
                  "%s since it was frozen, and %s%s: get it back from a copy", what, broken, who);
        return;
    }
    check_add(k,
              &(struct finding){harmless ? "touched-base" : "changed-base", file,
                                harmless ? "record its time" : "take it as it is now",
                                json_pack("{s:s, s:s}", "do", "touch", "layer", id), !harmless},
              harmless ? "its time is not what it was, but its content is"
                       : "%s since it was frozen: %s",
              what, advice(k, id, entry));
}
