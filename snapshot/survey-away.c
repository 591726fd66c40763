/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* survey-away: folders of the record that are not there, or empty: on a disk that is not mounted,
 * perhaps. What is missing there is not lost. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/survey.h"

static bool is_away(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *e;
    int n = 0;

    if (!d)
        return errno == ENOENT;
    while (n < 3 && (e = readdir(d)))
        n++;
    closedir(d);
    return n < 3; /* "." and ".." */
}

static void look(json_t *gone, const char *file)
{
    auto_free char *folder = file && graph_has_folder(file) ? path_folder(file) : NULL;

    if (folder && !json_object_get(gone, folder))
        json_object_set_new(gone, folder, json_boolean(is_away(folder)));
}

void survey_away(json_t *survey, const struct chain *c)
{
    json_t *gone = json_object(), *entry;
    const char *id;
    size_t i;

    json_object_foreach(json_object_get(c->doc, "layers"), id, entry) {
        auto_free char *file = chain_layer_file(c, id);

        look(gone, file);
    }
    json_array_foreach(chain_snapshots(c), i, entry) {
        auto_free char *file = chain_memory_file(c, json_object_get(entry, "memory"));

        look(gone, file);
    }
    json_object_set_new(survey, "gone", gone);
}
