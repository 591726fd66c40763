/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-verify: does the file system agree with the plan, before and after? */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/belongs.h"
#include "snapshot/export.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/vm-private.h"
#include "snapshot/vm-written.h"

/* ---- before: the plan's needs ---- */

struct check {
    struct qrw_vm *vm;
    const struct plan *p;
    const struct journal *j;
};

/* What is written beside the images, and replaced without a look. */
static int is_free(const char *file, struct qmp_error *err)
{
    static const char *const ours[] = {SIDECAR_SUFFIX, SIDECAR_SUFFIX ".new",
                                       SIDECAR_SUFFIX ".lock"};

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (path_ends(file, ours[i])) {
            qmp_error_set(err, QRW_ERR_REFUSED, "%s is a name of a sidecar", file);
            return qmp_error_hint(err, "choose another name");
        }
    return 0;
}

static int absent(const struct check *c, const json_t *need, struct qmp_error *err)
{
    struct image_stat st;

    if (is_free(text(need, "file"), err))
        return -1;
    if (image_stat(text(need, "file"), &st, err))
        return -1;
    if (!st.exists && !st.symlink)
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED, "%s exists already", text(need, "file"));
    return qmp_error_hint(err, "choose another name, or move that file away; qrewind never "
                               "overwrites a file that it did not make");
}

/* Where QEMU sees files that we do not, QEMU is asked to open it. */
static int absent_for_qemu(const struct check *c, const json_t *need, struct qmp_error *err)
{
    auto_free char *node = mem_printf("qrw-%s-probe", c->p->token);
    json_t *options = json_pack("{s:s, s:s, s:s, s:b}", "driver", "file", "node-name", node,
                                "filename", text(need, "file"), "read-only", 1);
    json_auto_t *opened = ask_one(c->vm->client, &c->vm->stop, "blockdev-add", options, err);

    if (!opened)
        return qmp_client_broken(c->vm->client) ? -1 : 0;
    json_decref(
        ask_one(c->vm->client, NULL, "blockdev-del", json_pack("{s:s}", "node-name", node), NULL));
    return qmp_error_set(err, QRW_ERR_REFUSED, "%s exists already where QEMU runs",
                         text(need, "file"));
}

static int space(const struct check *c, const json_t *need, struct qmp_error *err)
{
    auto_free char *folder = path_folder(text(need, "file"));
    uint64_t wanted = (uint64_t)json_integer_value(json_object_get(need, "bytes"));
    const char *what = text(need, "what"), *hint = text(need, "hint");
    uint64_t free_bytes;

    if (image_space(folder, &free_bytes, err))
        return -1;
    if (wanted <= free_bytes)
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "%s has %llu MiB free, up to %llu MiB are needed for %s%s%s", folder,
                  (unsigned long long)(free_bytes >> 20), (unsigned long long)(wanted >> 20),
                  path_name(text(need, "file")), what ? ", " : "", what ? what : "");
    return hint ? qmp_error_hint(err, "%s", hint) : -1;
}

static int without(struct qmp_error *err)
{
    return qmp_error_hint(err, "qrewind check tells more; --no-memory does it without");
}

static int state(const struct check *c, const json_t *need, struct qmp_error *err)
{
    return image_has_snapshot(text(need, "file"), text(need, "tag"), err) ? without(err) : 0;
}

static int stream(const struct check *c, const json_t *need, struct qmp_error *err)
{
    struct image_stat st;

    if (image_stat(text(need, "file"), &st, err))
        return -1;
    if (st.exists && st.size && !image_is_cut(text(need, "file")))
        return 0;
    qmp_error_set(err, QRW_ERR_NOT_FOUND, "%s is %s", text(need, "file"),
                  st.exists && st.size ? "cut off, or damaged: QEMU would end of loading it"
                                       : "gone, or empty");
    return without(err);
}

/* The layers of our own document and of the chain at hand may build on it. */
static const char **own_files(const struct check *c, json_t *keep)
{
    const json_t *layers = json_object_get(c->p->after.doc, "layers");
    const char **own = mem_alloc(sizeof(*own));
    const char *id;
    json_t *layer, *name;
    size_t i;

    json_array_append_new(keep, json_string(c->j->file));
    json_object_foreach((json_t *)layers, id, layer) {
        auto_free char *file = chain_layer_file(&c->p->after, id);

        json_array_append_new(keep, json_string(file));
    }
    for (i = 0; i < c->vm->graph.ndisks; i++)
        for (size_t k = 0; k < c->vm->graph.disks[i].nlayers; k++)
            json_array_append_new(keep, json_string(c->vm->graph.disks[i].layers[k].file));
    plan_cleaned(c->p, keep);
    json_array_extend(keep, c->j->pretended);
    own = mem_grow(own, json_array_size(keep) + 1, sizeof(*own));
    json_array_foreach(keep, i, name)
        own[i] = json_string_value(name);
    own[i] = NULL;
    return own;
}

/* An image, if there is one: what a sidecar knows builds on it, too, but perhaps not by itself. */
static void tell_users(const struct image_users *users, const char *called, struct qmp_error *err)
{
    const char *image = NULL;

    for (size_t i = 0; i < users->n && !image; i++)
        image = path_ends(users->names[i], SIDECAR_SUFFIX) ? NULL : users->names[i];
    if (image)
        qmp_error_set(err, QRW_ERR_REFUSED, "%s is also the base of %s%s", called, image,
                      users->n > 1 ? " and others" : "");
    else
        qmp_error_set(err, QRW_ERR_REFUSED, "%s is also a layer of the VM of %s", called,
                      users->names[0]);
}

/* Does no image but those of this VM build on @file? @called: what the error calls it. */
static int ours_alone(const struct check *c, const char *file, const char *called,
                      struct qmp_error *err)
{
    json_auto_t *keep = json_array();
    const char **own = own_files(c, keep);
    struct image_users users = {0};
    int rc = image_users(file, own, &users, err);

    free(own);
    if (!rc && !users.n && users.nastray) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "%s seems to be the base of %s, whose header names it "
                      "at another place",
                      called, users.astray[0]);
        rc = qmp_error_hint(err, "qrewind check says what mends that");
    } else if (!rc && users.n) {
        tell_users(&users, called, err);
        rc = qmp_error_hint(err, "that would be ruined; stream the data up into a layer "
                                 "above instead");
    } else if (!rc && users.unread) {
        qmp_error_set(err, QRW_ERR_REFUSED, "whether others build on %s cannot be told: %s", called,
                      users.unread);
        rc = qmp_error_hint(err, "whoever may read it can do this; or stream the data up into a "
                                 "layer above instead");
    }
    image_users_done(&users);
    return rc;
}

static int unshared(const struct check *c, const json_t *need, struct qmp_error *err)
{
    const char *file = text(need, "file");

    return ours_alone(c, file, file, err);
}

static int vacant(const struct check *c, const json_t *need, struct qmp_error *err)
{
    const char *folder = text(need, "file");
    struct image_stat st;

    if (export_is_empty(folder))
        return 0;
    if (image_stat(folder, &st, err))
        return -1;
    if (!st.exists && !st.symlink)
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED, "%s exists, and is no empty folder", folder);
    return qmp_error_hint(err, "name another place%s; nothing is ever overwritten",
                          strcmp(c->p->operation, "import") ? "" : ": --to FOLDER");
}

static int makeable(const struct check *c, const json_t *need, struct qmp_error *err)
{
    return export_check_makeable(text(need, "file"), err);
}

/* What the images can take up at most: no more than what they are made from. */
static int room(const struct check *c, const json_t *need, struct qmp_error *err)
{
    const json_t *image, *file;
    json_int_t bytes = 0;
    size_t i, k;

    json_array_foreach(json_object_get(need, "images"), i, image) {
        json_int_t size = json_integer_value(json_object_get(image, "size")), held = 0;

        json_array_foreach(json_object_get(image, "files"), k, file) {
            struct image_stat st;

            if (image_stat(json_string_value(file), &st, err))
                return -1;
            held += (json_int_t)(st.block_device ? st.size : st.allocated);
        }
        bytes += size && size < held ? size : held;
    }
    json_auto_t *sum =
        json_pack("{s:O, s:I}", "file", json_object_get(need, "file"), "bytes", bytes);
    return space(c, sum, err);
}

/* Nobody has mended the headers of a folder that was moved: is it the one that is called so? */
static bool named(const char *layer, const char *backing)
{
    auto_free char *file = backing ? image_backing_file(layer) : NULL;

    return file && image_is_gone(file) && same(path_name(file), path_name(backing));
}

static int backing(const struct check *c, const json_t *need, struct qmp_error *err)
{
    const char *file = text(need, "file"), *meant = text(need, "backing");

    if (vm_header_names(file, meant) || named(file, meant))
        return 0;
    qmp_error_set(err, QRW_ERR_INVALID, "%s does not build on %s, as the sidecar says", file,
                  meant ? meant : "nothing");
    return qmp_error_hint(err, "qrewind check says what mends that");
}

static int size(const struct check *c, const json_t *need, struct qmp_error *err)
{
    json_int_t bytes = json_integer_value(json_object_get(need, "bytes"));
    struct image_stat st;

    if (image_stat(text(need, "file"), &st, err))
        return -1;
    if (st.exists && st.regular && !st.symlink && st.size == (uint64_t)bytes)
        return 0;
    return qmp_error_set(err, QRW_ERR_INVALID, "%s %s", text(need, "file"),
                         !st.exists                  ? "is missing"
                         : !st.regular || st.symlink ? "is no file"
                                                     : "is of another size than the manifest says");
}

static int closed(const struct check *c, const json_t *need, struct qmp_error *err)
{
    const char *file = text(need, "file");
    char who[256];

    if (!belongs(file, false, &c->j->chain, &c->vm->graph)) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "%s does not look like an image of this VM: nothing is taken out of it",
                      file);
        return qmp_error_hint(err, "delete --metadata drops what is recorded of it");
    }
    if (!image_held(file, who, sizeof(who)))
        return 0;
    qmp_error_set(err, QRW_ERR_LOCKED, "%s is in use by %s", file, who);
    if (!c->vm->pid || image_locked(file, 0, who, sizeof(who)) != c->vm->pid)
        return -1;
    return qmp_error_hint(err, "no disk of the VM has it, as after device_del: plug that one in "
                               "again (device_add), or close its node (blockdev-del)");
}

static const struct {
    const char *need;
    int (*check)(const struct check *c, const json_t *need, struct qmp_error *err);
} checks[] = {
    {"absent", absent},     {"absent-for-qemu", absent_for_qemu},
    {"space", space},       {"state", state},
    {"unshared", unshared}, {"vacant", vacant},
    {"makeable", makeable}, {"room", room},
    {"backing", backing},   {"size", size},
    {"stream", stream},     {"closed", closed},
};

int vm_check_needs(struct qrw_vm *vm, const struct plan *p, const struct journal *j,
                   struct qmp_error *err)
{
    struct check c = {vm, p, j};
    const json_t *need;
    size_t i;

    json_array_foreach(p->needs, i, need)
        for (size_t k = 0; k < sizeof(checks) / sizeof(checks[0]); k++)
            if (!strcmp(checks[k].need, text(need, "need")) && checks[k].check(&c, need, err))
                return -1;
    /* no new header would contradict it */
    if (j->first && vm_check_there(vm, j, &p->after, err))
        return -1;
    if (vm_check_writes(vm, p->steps, err) || vm_check_writes(vm, p->cleanup, err) ||
        vm_check_owners(vm, p, err) || (vm->files_reachable && vm_check_written(p, &j->chain, err)))
        return -1;
    vm_note_changed(vm, p, &j->chain);
    return 0;
}

bool vm_find_taken(const struct plan *p, json_t *taken)
{
    const size_t before = json_object_size(taken);
    struct image_stat st;
    const json_t *need;
    size_t i;

    json_array_foreach(p->needs, i, need)
        if (json_object_get(need, "chosen") && !image_stat(text(need, "file"), &st, NULL) &&
            (st.exists || st.symlink))
            json_object_set_new(taken, text(need, "file"), json_true());
    return json_object_size(taken) > before;
}

/* ---- after: what would be removed ---- */

void vm_spare_shared(struct qrw_vm *vm, struct plan *p, const struct journal *j)
{
    struct check c = {vm, p, j};

    for (size_t i = vm->files_reachable ? json_array_size(p->cleanup) : 0; i-- > 0;) {
        const json_t *step = json_array_get(p->cleanup, i);
        const char *file = text(step, "file");
        struct qmp_error why;

        if (!same(text(step, "step"), "unlink") || image_is_gone(file) ||
            !ours_alone(&c, file, "it", &why))
            continue;
        plan_kept(p, file, why.desc);
        json_array_remove(p->cleanup, i);
    }
}
