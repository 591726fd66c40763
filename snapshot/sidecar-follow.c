/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sidecar-follow: the files of other folders, where all of them were moved, or copied.
 *
 *     /x/one/a.qcow2.qrewind.json   names  /x/two/b.qcow2      and notes that it lies in /x/one
 *     /y/one/a.qcow2.qrewind.json          /y/two/b.qcow2      is meant there
 *
 * In a folder that was moved: the old one is not there any more. In one that was copied: the
 * sidecar still lies in the old one, too. The file has to be there under its new name.
 */
#include <string.h>
#include <sys/stat.h>

#include "qmp/mem.h"
#include "snapshot/chain-check.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"

/* The names of layers and memories that are whole: the keys of an object. */
static json_t *whole_names(const json_t *doc)
{
    json_t *names = json_object(), *entry;
    const char *id, *name;
    size_t i;

    json_object_foreach(json_object_get(doc, "layers"), id, entry)
        if ((name = text(entry, "file")) && *name == '/' && graph_has_folder(name))
            json_object_set_new(names, name, json_true());
    json_array_foreach(json_object_get(doc, "snapshots"), i, entry)
        if ((name = text(json_object_get(entry, "memory"), "file")) && *name == '/')
            json_object_set_new(names, name, json_true());
    return names;
}

void sidecar_note_folder(json_t *doc, const char *file)
{
    json_auto_t *names = whole_names(doc);
    auto_free char *folder = path_folder(file);

    if (json_object_size(names))
        json_object_set_new(doc, "folder", json_string(folder));
    else
        json_object_del(doc, "folder");
}

/* Does the sidecar, which is @file here, still lie in @folder, too? */
static bool is_copy(const char *file, const char *folder)
{
    auto_free char *old = mem_printf("%s/%s", folder, path_name(file));
    struct stat one, other;

    return !stat(file, &one) && !lstat(old, &other) && S_ISREG(other.st_mode) &&
           (one.st_dev != other.st_dev || one.st_ino != other.st_ino);
}

/* What @name, seen from the folder @from, is called from @to. New string, NULL: as it was. */
static char *seen_from(const char *name, const char *from, const char *to)
{
    auto_free char *way = path_across(from, name);

    if (!way || strncmp(way, "../", 3) != 0)
        return NULL;
    auto_free char *there = path_join(to, way);
    return path_climb(there);
}

void sidecar_follow(struct chain *c, const char *file)
{
    const char *from = text(c->doc, "folder"), *name;
    json_t *entry;

    if (!from || *from != '/' || !strcmp(from, c->folder))
        return;
    const bool copied = is_copy(file, from);
    json_auto_t *names = whole_names(c->doc);
    struct chain now = {0};
    chain_copy(&now, c);
    json_object_foreach(names, name, entry) {
        auto_free char *there = seen_from(name, from, c->folder), *old = path_folder(name);
        auto_free char *folder = there ? path_folder(there) : NULL;

        if (there && strcmp(old, folder) != 0 && image_is_there(there) &&
            (copied || image_is_gone(old)))
            chain_move_folder(&now, old, folder);
    }
    if (chain_check(now.folder, now.doc, NULL)) {
        chain_done(&now);
        return;
    }
    chain_done(c);
    *c = now;
}
