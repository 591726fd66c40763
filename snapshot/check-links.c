/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-links: links beside images that lead to a sidecar which is not there.    PURE
 *
 *   the record is here, and needs one there    it is led to that
 *   the record is here                         of a place where it was once: removed, if told to
 *   there is no record                         that is the record: nobody but the user removes it
 *
 * And folders of the record that are not there.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* Does a disk have @image, or the record? */
static bool is_ours(const struct check *k, const char *image)
{
    return chain_layer_by_file(k->c, image) || graph_disk_with(k->s->graph, image);
}

static char *image_of(const char *link)
{
    return mem_printf("%.*s", (int)(strlen(link) - strlen(SIDECAR_SUFFIX)), link);
}

bool check_is_away(const struct check *k, const char *file)
{
    auto_free char *folder = file ? path_folder(file) : NULL;

    return folder && json_is_true(json_object_get(json_object_get(k->survey, "gone"), folder));
}

bool check_is_link_of_others(const struct check *k, const char *link)
{
    if (!link || !path_ends(link, SIDECAR_SUFFIX))
        return false;
    auto_free char *image = image_of(link);
    return check_file(k, image) && !is_ours(k, image);
}

static void unrecorded(struct check *k, const char *link, const char *away)
{
    auto_free char *quoted = path_quote(link);

    check_add(k, &(struct finding){.code = "broken-sidecar", .subject = link},
              "the record of these images is %s, which is not there: mount what it lies on, or say "
              "where it is now (--sidecar); if it is gone for good: rm %s",
              away, quoted);
}

bool check_is_record_away(const struct check *k)
{
    const char *link;
    json_t *away;

    if (text(k->survey, "sidecar"))
        return false;
    json_object_foreach(json_object_get(k->survey, "away"), link, away) {
        auto_free char *image = image_of(link);

        if (is_ours(k, image))
            return true;
    }
    return false;
}

static void look(struct check *k, const char *link, const char *away)
{
    const char *own = text(k->survey, "sidecar");

    if (!own)
        unrecorded(k, link, away);
    else if (json_object_get(json_object_get(k->survey, "pointers"), link))
        check_add(k,
                  &(struct finding){
                      "orphan-file", link, "have it lead to the record",
                      json_pack("{s:s, s:s, s:s}", "do", "lead", "file", link, "to", own), false},
                  "it leads to %s, which is not there", away);
    else
        check_add(k,
                  &(struct finding){"orphan-file", link, "remove it",
                                    json_pack("{s:s, s:s}", "do", "unlink", "file", link), true},
                  "it leads to %s, which is not there", away);
}

void check_links(struct check *k)
{
    const char *link;
    json_t *away;

    json_object_foreach(json_object_get(k->survey, "away"), link, away) {
        auto_free char *image = image_of(link);

        if (is_ours(k, image))
            look(k, link, json_string_value(away));
    }
}
