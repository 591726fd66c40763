/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * survey: see survey.h.
 *
 *   document, graph ──> names ──intern()──> files ──their headers──> more names ──> …
 *   their folders   ──> names ──┘
 *
 * Two names of one file (links, folders that are links) become one by device and inode. Headers
 * wait in a queue: a chain of any length is no recursion.
 */
#include "snapshot/survey.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/image-error.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"

enum {
    MAX_FILES = 16384, /* looked at in one survey: folders are anybody's */
    MAX_USERS = 64,    /* files that are looked for in /proc */
};

struct survey {
    const struct chain *c;
    json_t *whole, *files;
    json_t *names;   /* "device:inode": the name in files */
    json_t *todo;    /* names in files whose headers are not read yet */
    json_t *folders; /* those that were listed */
    unsigned asked;  /* how many files were looked for in /proc */
    bool failed;
    struct qmp_error why;
};

/* Something could not be looked at, for a reason that is not its own: who says that it is not there
 * has it mended away. */
static void missed(struct survey *s, const struct qmp_error *why)
{
    if (why->kind != QMP_ERR_SYSTEM || image_is_answer(errno) || s->failed)
        return;
    s->failed = true;
    s->why = *why;
}

static bool looks(struct survey *s, const char *file, struct image_stat *st)
{
    struct qmp_error why;

    if (!image_stat(file, st, &why))
        return true;
    missed(s, &why);
    return false;
}

static void set_text(json_t *entry, const char *key, const char *value)
{
    json_t *string = value ? json_string(value) : NULL;

    if (string)
        json_object_set_new(entry, key, string);
}

/* The one name of @file, which becomes one of the files if it is new. Of a file that is not
 * there: as it is, with the links in its folder followed. Borrowed, NULL: it is no UTF-8, and
 * no record can name it. */
static const char *intern(struct survey *s, const char *file)
{
    auto_free char *place = NULL;
    struct image_stat st;

    if (json_object_get(s->files, file))
        return json_object_iter_key(json_object_iter_at(s->files, file));
    if (!looks(s, file, &st) || !st.exists || json_object_size(s->files) >= MAX_FILES) {
        place = image_place(file);
        json_object_set_new(s->names, place, json_string(place));
        return text(s->names, place);
    }
    auto_free char *id =
        mem_printf("%llx:%llx", (unsigned long long)st.dev, (unsigned long long)st.ino);
    if (text(s->names, id))
        return text(s->names, id);

    json_t *entry = json_pack("{s:s, s:I, s:I, s:I, s:i}", "id", id, "size", (json_int_t)st.size,
                              "mtime_ns", (json_int_t)st.mtime_ns, "inode", (json_int_t)st.ino,
                              "mode", st.regular || st.block_device ? (int)st.mode : 0);
    auto_free char *real = st.symlink ? realpath(file, NULL) : NULL;
    set_text(entry, "link", real);
    if (json_object_set_new(s->files, file, entry))
        return NULL;
    json_object_set_new(s->names, id, json_string(file));
    json_array_append_new(s->todo, json_string(file));
    return text(s->names, id);
}

static void take_tags(json_t *entry, const char *file)
{
    struct qcow2_snapshot *list;
    json_t *tags = json_array();
    size_t n;

    image_snapshots(file, &list, &n, NULL);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(tags, json_string(list[i].name));
    json_object_set_new(entry, "tags", tags);
    qcow2_snapshots_free(list, n);
}

/* Where the backing string leads. */
static void take_backing(struct survey *s, json_t *entry, const char *file, const char *string)
{
    auto_free char *path = image_backing_path(file, string);
    const char *leads = path ? intern(s, path) : NULL;

    set_text(entry, "leads", leads);
}

static void take_data(struct survey *s, json_t *entry, const char *file, const char *string)
{
    auto_free char *path = image_data_path(file, string);

    set_text(entry, "data", path && path[0] == '/' ? intern(s, path) : path);
}

/* Whether what is called as we call a memory is one. */
static void take_memory(json_t *entry, const char *file)
{
    bool live = path_ends(file, ".vmstate");

    if (live || path_ends(file, ".vmstate.qcow2"))
        json_object_set_new(entry, "memory", json_boolean(image_is_memory(file, live)));
    if (live && image_is_cut(file))
        json_object_set_new(entry, "cut", json_true());
}

/* An image of another format: whom it needs. */
static void take_foreign(struct survey *s, json_t *entry, const char *file)
{
    auto_free char *backing = NULL;

    if (!image_read_foreign(file, &backing, NULL) && backing)
        take_backing(s, entry, file, backing);
}

static void take_header(struct survey *s, json_t *entry, const char *file)
{
    struct qcow2_header h = {0};
    struct qmp_error why = {0};
    bool empty = false;

    take_memory(entry, file);
    if (image_read_header(file, &h, &why)) {
        char words[sizeof(why.context) + sizeof(why.desc)];

        if (why.kind == QMP_ERR_SYSTEM && !image_is_answer(errno))
            json_object_set_new(s->whole, "unread", json_true());
        set_text(entry, "problem", qmp_error_text(&why, words, sizeof(words)));
        take_foreign(s, entry, file);
        return;
    }
    json_object_set_new(entry, "virtual", json_integer((json_int_t)h.size));
    json_object_set_new(entry, "corrupt", json_boolean(h.incompatible & QCOW2_CORRUPT));
    json_object_set_new(entry, "empty",
                        json_boolean(!image_is_empty_overlay(file, &empty, NULL) && empty));
    set_text(entry, "backing", h.backing);
    set_text(entry, "backing_format", h.backing_format);
    if (h.nsnapshots)
        take_tags(entry, file);
    if (h.backing)
        take_backing(s, entry, file, h.backing);
    if (h.data_file)
        take_data(s, entry, file, h.data_file);
    qcow2_header_done(&h);
}

/* A header leads to more files, whose headers are read in turn. */
static void take_headers(struct survey *s)
{
    for (size_t i = 0; i < json_array_size(s->todo); i++) {
        const char *file = json_string_value(json_array_get(s->todo, i));

        take_header(s, json_object_get(s->files, file), file);
    }
}

/* ---- what else lies there ---- */

/* What another sidecar, one of @which, says of its images. */
static void take_sidecar(struct survey *s, const char *which, const char *file)
{
    json_t *layers, *entry;
    struct chain other = {0};
    struct qmp_error why;
    const char *id;

    if (json_object_get(json_object_get(s->whole, which), file))
        return;
    if (sidecar_load(&other, file, NULL, NULL, &why)) {
        missed(s, &why);
        return;
    }
    layers = json_object();
    json_object_foreach(json_object_get(other.doc, "layers"), id, entry) {
        auto_free char *image = chain_layer_file(&other, id);
        const char *name = graph_is_path(image) ? intern(s, image) : image;

        json_object_set_new(layers, name,
                            json_pack("{s:b, s:b}", "ours", chain_is_ours(&other, id), "active",
                                      chain_is_active(&other, id)));
    }
    json_object_set_new(json_object_get(s->whole, which), file, layers);
    json_object_set_new(json_object_get(s->whole, "names"), file,
                        json_integer((json_int_t)json_array_size(chain_snapshots(&other))));
    chain_done(&other);
}

/* While an operation is about to switch to an image, a link to the sidecar lies beside that; and a
 * folder may be seen at two places. */
static bool is_sidecar(const struct image_stat *st, const char *sidecar)
{
    struct image_stat own;

    return st->exists && sidecar && !image_stat(sidecar, &own, NULL) && own.exists &&
           image_same(st, &own);
}

/* A link to a sidecar that is not there. */
static void take_link(struct survey *s, const char *link)
{
    auto_free char *away = sidecar_away(link);

    set_text(json_object_get(s->whole, "away"), link, away);
    if (!away)
        json_array_append_new(json_object_get(s->whole, "leftovers"), json_string(link));
}

static void take_entry(struct survey *s, const char *folder, const char *name)
{
    auto_free char *file = mem_printf("%s/%s", strcmp(folder, "/") ? folder : "", name);
    const char *own = text(s->whole, "sidecar");
    auto_free char *fresh = mem_printf("%s.new", own);
    auto_free char *real = path_ends(name, SIDECAR_SUFFIX) ? realpath(file, NULL) : NULL;
    struct image_stat st;

    if (!looks(s, file, &st) || same(file, own) || is_sidecar(&st, own))
        return;
    if (st.symlink && !st.exists && path_ends(name, SIDECAR_SUFFIX))
        take_link(s, file);
    else if (same(file, fresh))
        json_array_append_new(json_object_get(s->whole, "leftovers"), json_string(file));
    else if (st.regular && path_ends(name, SIDECAR_SUFFIX))
        take_sidecar(s, "sidecars", real ? real : file);
    else if (st.regular && sidecar_is_one(file))
        take_sidecar(s, "named", file);
    else if (st.regular)
        intern(s, file);
}

static void list_folder(struct survey *s, const char *folder)
{
    struct dirent *e = NULL;
    struct qmp_error why;
    unsigned n = 0;

    if (json_object_get(s->folders, folder))
        return;
    json_object_set_new(s->folders, folder, json_true());
    DIR *d = opendir(folder);
    while (d && (e = image_next(d)) && n++ < MAX_FILES)
        if (e->d_type == DT_REG || e->d_type == DT_LNK || e->d_type == DT_UNKNOWN)
            take_entry(s, folder, e->d_name);
    if (!e && errno) {
        image_error(&why, "list", folder);
        missed(s, &why);
    }
    if (d)
        closedir(d);
}

/* The age of the active layers that no record names: are they newer than what they lie on? */
static void take_ages(struct survey *s, const struct graph *g)
{
    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_layer *top = graph_active(&g->disks[i]);
        json_t *entry = top ? json_object_get(s->files, top->file) : NULL;

        if (entry && !chain_layer_by_file(s->c, top->file))
            json_object_set_new(entry, "born_ns", json_integer(image_born(top->file)));
    }
}

/* Who has those open that no record names, and that build on something that one does. */
static void take_users(struct survey *s)
{
    const char *file;
    json_t *entry;
    char who[128];
    pid_t pid;

    json_object_foreach(s->files, file, entry) {
        const char *leads = text(entry, "leads");

        if (chain_layer_by_file(s->c, file) || !leads || !chain_layer_by_file(s->c, leads) ||
            s->asked++ >= MAX_USERS || !image_holder(file, &pid, who, sizeof(who)))
            continue;
        set_text(entry, "user", who);
    }
}

/* ---- the sidecar ---- */

static void take_access(struct survey *s, const char *sidecar)
{
    auto_free char *lock = mem_printf("%s.lock", sidecar);
    struct image_stat st;
    char who[128];
    pid_t pid;

    if (image_stat(sidecar, &st, NULL) || !st.exists)
        return;
    json_object_set_new(s->whole, "mode", json_integer(st.mode & 0777));
    if (image_holder(lock, &pid, who, sizeof(who)))
        set_text(s->whole, "holder", who);
}

/* ---- all of it ---- */

/* The files that the document and QEMU name. New reference: an array. */
static json_t *named(const struct chain *c, const struct graph *g)
{
    json_t *names = json_array(), *value;
    const char *id;
    size_t i;

    json_object_foreach(json_object_get(c->doc, "layers"), id, value) {
        auto_free char *file = chain_layer_file(c, id);

        if (graph_is_path(file))
            json_array_append_new(names, json_string(file));
    }
    json_array_foreach(chain_snapshots(c), i, value) {
        auto_free char *file = chain_memory_file(c, json_object_get(value, "memory"));

        if (file)
            json_array_append_new(names, json_string(file));
    }
    for (i = 0; i < g->ndisks; i++)
        for (size_t n = 0; n < g->disks[i].nlayers; n++)
            if (!g->disks[i].layers[n].remote)
                json_array_append_new(names, json_string(g->disks[i].layers[n].file));
    return names;
}

json_t *survey_take(const struct chain *c, const struct graph *g, const char *sidecar,
                    struct qmp_error *err)
{
    json_t *files = json_object();
    struct survey s = {
        .c = c,
        .files = files,
        .whole = json_pack("{s:s?, s:o, s:{}, s:{}, s:{}, s:{}, s:[]}", "sidecar", sidecar, "files",
                           files, "sidecars", "named", "names", "away", "leftovers"),
        .names = json_object(),
        .todo = json_array(),
        .folders = json_object(),
    };
    json_auto_t *places = named(c, g);
    json_t *place;
    size_t i;

    json_array_foreach(places, i, place)
        intern(&s, json_string_value(place));
    if (sidecar) {
        json_array_append_new(places, json_string(sidecar));
        take_access(&s, sidecar);
    }
    json_array_foreach(places, i, place) {
        auto_free char *folder = path_folder(json_string_value(place));

        if (graph_has_folder(json_string_value(place)))
            list_folder(&s, folder);
    }
    take_headers(&s);
    take_users(&s);
    take_ages(&s, g);
    json_decref(s.names);
    json_decref(s.todo);
    json_decref(s.folders);
    if (!s.failed)
        return s.whole;
    if (err)
        *err = s.why;
    json_decref(s.whole);
    return NULL;
}
