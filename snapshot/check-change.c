/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-change: is a frozen layer's file what it was?                   PURE
 *
 * It is known again by size and time of its last change, to the nanosecond: a copy that kept
 * both is the same file, wherever it lies. Where the sidecar has a hash of the content too,
 * that decides; of a block device, which keeps no time, nothing else does. An image's external data
 * file is a part of it.
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
    json_auto_t *needing = lost_needed_by(k->c, id);
    const size_t n = json_array_size(needing);
    char *names = NULL;

    for (size_t i = 0; i < n && i < NAMES; i++) {
        auto_free char *before = names;

        names = mem_printf("%s%s%s", before ? before : "", before ? ", " : "",
                           text(json_array_get(needing, i), "name"));
    }
    auto_free char *all = names;
    if (n > NAMES)
        return mem_printf(" (%s and %zu more need it)", all, n - NAMES);
    return names ? mem_printf(" (%s need%s it)", all, n > 1 ? "" : "s") : mem_strdup("");
}

bool check_has_time(const json_t *layer)
{
    return json_object_get(json_object_get(layer, "fingerprint"), "mtime_ns");
}

bool check_fits(const json_t *layer, const json_t *entry)
{
    const json_t *was = json_object_get(layer, "fingerprint");

    return check_has_time(layer) && number(entry, "size") == number(was, "size") &&
           number(entry, "mtime_ns") == number(was, "mtime_ns");
}

/* The image itself, or its data file. */
struct part {
    const json_t *was, *is; /* {"size", "mtime_ns"}; NULL: nothing is known of it */
    const char *hash_was, *hash_is;
    const char *shorter, *longer, *other, *touched;
};

static const char *differs(const struct part *p)
{
    if (!p->was || !p->is)
        return NULL;
    if (number(p->is, "size") < number(p->was, "size"))
        return p->shorter;
    if (p->hash_was && p->hash_is && strcmp(p->hash_was, p->hash_is))
        return p->other;
    if (number(p->is, "size") > number(p->was, "size"))
        return p->longer;
    return json_object_get(p->was, "mtime_ns") &&
                   number(p->is, "mtime_ns") != number(p->was, "mtime_ns")
               ? p->touched
               : NULL;
}

/* What of @id has changed, into *@p: rather a part of which it is not known that it holds the same.
 * Returns the words, NULL: nothing has. */
static const char *find_change(const struct check *k, const char *id, const json_t *entry,
                               struct part *p)
{
    const json_t *layer = chain_layer(k->c, id), *was = json_object_get(layer, "fingerprint");
    const json_t *data = check_file(k, text(entry, "data")), *had = json_object_get(was, "data");
    const struct part image = {was,
                               entry,
                               text(layer, "sha256"),
                               text(entry, "sha256"),
                               "it has become shorter",
                               "it has grown",
                               "its content has changed",
                               "its time has changed"};
    const struct part beside = {had,
                                data,
                                text(had, "sha256"),
                                text(data, "sha256"),
                                "its data file has become shorter",
                                "its data file has grown",
                                "the content of its data file has changed",
                                "the time of its data file has changed"};

    *p = image;
    if (chain_is_active(k->c, id))
        return NULL;
    if (differs(&beside) && (!differs(&image) || same(image.hash_was, image.hash_is)))
        *p = beside;
    return differs(p);
}

const char *check_change(const struct check *k, const char *id, const json_t *entry)
{
    struct part p;

    return find_change(k, id, entry, &p);
}

/* Is the file worse than another: cut, or no sound image? To take that as it is now would hide
 * that data is lost, and make the good copy that is put back a stranger. NULL: no. An image that is
 * whole, as qemu-img finds, was not cut, but made anew. */
static const char *is_broken(const struct check *k, const char *id, const json_t *entry,
                             const struct part *p)
{
    const bool qcow2 = same(text(chain_layer(k->c, id), "format"), "qcow2");
    const json_t *sound = qcow2 && p->is == entry ? json_object_get(entry, "sound") : json_false();

    if (number(p->is, "size") < number(p->was, "size") && !json_is_true(sound))
        return sound ? "what lay behind its end is lost"
                     : "what lay behind its end is lost, unless it was made anew, as by qemu-img "
                       "convert, which qrewind check --deep tells";
    return qcow2 && (text(entry, "problem") || text(entry, "damage") ||
                     json_is_true(json_object_get(entry, "corrupt")))
               ? "it is damaged"
               : NULL;
}

/* What speaks for it, for a file of the same size: nobody knows whether it was written to. */
static const char *advice(const struct part *p)
{
    if (number(p->is, "size") != number(p->was, "size") || (p->hash_was && p->hash_is))
        return "what builds on it may be damaged";
    return p->hash_was ? "qrewind check --deep tells whether its content has, too"
                       : "if somebody has written to it, what builds on it may be damaged";
}

char *check_give_up(const struct check *k, const char *id, const json_t *entry)
{
    auto_free char *words =
        lost_give_up(k->c, id, k->live, entry && check_how_changed(k, id, entry) != CHANGED_NOT);

    return words ? mem_printf("; %s", words) : mem_strdup("");
}

enum check_how check_how_changed(const struct check *k, const char *id, const json_t *entry)
{
    struct part p;
    const char *what = find_change(k, id, entry, &p);

    if (!what || same(p.hash_was, p.hash_is))
        return CHANGED_NOT;
    if (is_broken(k, id, entry, &p))
        return CHANGED_BROKEN;
    return what == p.touched ? CHANGED_TIME : CHANGED_CONTENT;
}

void check_changed(struct check *k, const char *id, const char *file, const json_t *entry)
{
    struct part p;
    const char *what = find_change(k, id, entry, &p);

    if (!what || (check_explains(k, id) && check_how_changed(k, id, entry) != CHANGED_BROKEN))
        return;
    const char *broken = is_broken(k, id, entry, &p);
    bool harmless = same(p.hash_was, p.hash_is);
    if (broken && !harmless) {
        auto_free char *who = check_needed_by(k, id), *more = check_give_up(k, id, entry);
        auto_free char *lost = lost_delete(k->c, id, k->live);

        check_add(k, &(struct finding){.code = "changed-base", .subject = file},
                  "%s since it was frozen, and %s%s: get it back from a copy%s%s%s", what, broken,
                  who, lost ? "; " : "", lost ? lost : "", more);
        return;
    }
    if (check_tell_skipped(k, id, file, what))
        return;
    if (check_is_beneath(k, id)) { /* to take it would hide what has happened */
        check_add(k, &(struct finding){.code = "changed-base", .subject = file},
                  "%s since it was frozen, and a disk runs on it: what builds on it may be damaged",
                  what);
        return;
    }
    check_add(k,
              &(struct finding){harmless ? "touched-base" : "changed-base", file,
                                harmless ? "record its time" : "take it as it is now",
                                json_pack("{s:s, s:s}", "do", "touch", "layer", id), !harmless},
              harmless ? "its time is not what it was, but its content is"
                       : "%s since it was frozen: %s",
              what, advice(&p));
}
