/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-climb: from the images that the user named, which no record knows, up to those that the guest
 * runs on.
 *
 *   disk (named) <- disk.s1 <- disk.s2     disk.s2 is meant
 *   disk (named) <- a, disk <- b           one of them is: the user has to say which
 *
 * So it is where an overlay is older than what it builds on, which was written to since, or is
 * another user's.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "snapshot/qcow2.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-offline.h"

/* Another name of one that was found. */
static bool is_again(char *const *found, size_t n, const char *file)
{
    struct image_stat a, b;

    for (size_t i = 0; i < n; i++)
        if (!image_stat(found[i], &a, NULL) && !image_stat(file, &b, NULL) && image_same(&a, &b))
            return true;
    return false;
}

/* Leave in @users the images alone, each once. */
static void only_images(struct image_users *users)
{
    size_t n = 0;

    for (size_t i = 0; i < users->n; i++)
        if (path_ends(users->names[i], SIDECAR_SUFFIX) ||
            is_again(users->names, n, users->names[i]))
            free(users->names[i]);
        else
            users->names[n++] = users->names[i];
    users->n = n;
}

static bool goes_on(const char *file, const char *below)
{
    struct image_stat st, base;

    return !image_stat(file, &st, NULL) && !image_stat(below, &base, NULL) &&
           st.mtime_ns >= base.mtime_ns && st.uid == base.uid;
}

char *vm_image_argument(const char *file)
{
    struct qcow2_header h = {0};
    const bool qcow2 = !image_read_header(file, &h, NULL);

    qcow2_header_done(&h);
    return path_image(file, qcow2);
}

static int refuse(const char *file, const struct image_users *users, struct qmp_error *err)
{
    auto_free char *list = NULL;
    auto_free char *first = vm_image_argument(users->names[0]);

    for (size_t i = 0; i < users->n; i++) {
        char *more = mem_printf("%s%s%s", list ? list : "", list ? ", " : "", users->names[i]);

        free(list);
        list = more;
    }
    qmp_error_set(err, QRW_ERR_REFUSED, "on %s %s %s, and %s", file, users->n > 1 ? "lie" : "lies",
                  list,
                  users->n > 1 ? "one of them may be what the guest runs on"
                               : "it is older than that, or another user's");
    return qmp_error_hint(err,
                          "name what the guest runs on: qrewind -i %s adopt; what nobody needs "
                          "any more, move away",
                          first);
}

/* Following the headers from @file, is it reached again? Then nobody is above the others. */
static bool leads_back(const char *file)
{
    char *at = image_backing_file(file);
    bool back = false;

    for (int i = 0; at && !back && i < GRAPH_MAX_LAYERS; i++) {
        char *below = image_backing_file(at);

        back = is_again(&at, 1, file);
        free(at);
        at = below;
    }
    free(at);
    return back;
}

static int refuse_loop(const char *file, struct qmp_error *err)
{
    auto_free char *image = vm_image_argument(file);

    qmp_error_set(err, QRW_ERR_INVALID, "%s: the chain of backing files is a loop", file);
    return qmp_error_hint(err, "qrewind -i %s check tells what ends it", image);
}

char *vm_top(const char *file, struct qmp_error *err)
{
    char *at = mem_strdup(file);
    bool top = false;
    int rc = leads_back(file) ? refuse_loop(file, err) : 0;

    for (int i = 0; !rc && !top; i++) {
        struct image_users users = {0};

        rc = i < GRAPH_MAX_LAYERS
                 ? image_users(at, NULL, &users, err)
                 : qmp_error_set(err, QRW_ERR_REFUSED, "more than %d layers lie on %s", i, file);
        if (i == GRAPH_MAX_LAYERS)
            qmp_error_hint(err, "name the one that the guest runs on");
        only_images(&users);
        if (!rc && (users.n > 1 || (users.n && !goes_on(users.names[0], at))))
            rc = refuse(at, &users, err);
        top = !rc && !users.n;
        if (!rc && !top) {
            free(at);
            at = mem_strdup(users.names[0]);
        }
        image_users_done(&users);
    }
    if (top)
        return at;
    free(at);
    return NULL;
}

/* Is anything that the user named there no more? */
static bool is_named_gone(const struct qrw_vm *vm)
{
    const char *const *images = vm->options.images;

    if (vm->sidecar_option && !sidecar_exists(vm->sidecar_option))
        return true;
    for (; images && *images; images++) {
        auto_free char *full = path_join(vm->cwd, *images);

        if (image_is_gone(full))
            return true;
    }
    return false;
}

int vm_stay(struct qrw_vm *vm, struct qmp_error *err)
{
    const struct graph *g = &vm->graph;

    if (!vm->offline || !vm->engine || vm->climbed || !is_named_gone(vm))
        return 0;
    if (vm_observe(vm, GRAPH_NODES, err))
        return -1;
    vm->climbed = mem_alloc((g->ndisks + 1) * sizeof(*vm->climbed));
    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_layer *l = &g->disks[i].layers[0];

        vm->climbed[i] = mem_printf("%s:%s", l->format, l->file);
    }
    vm->options.images = (const char *const *)vm->climbed;
    return 0;
}

int vm_climb(struct qrw_vm *vm, struct qmp_error *err)
{
    const struct graph *g = &vm->graph;

    vm->climbed = mem_alloc((g->ndisks + 1) * sizeof(*vm->climbed));
    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_layer *l = &g->disks[i].layers[0];
        char *top = vm_top(l->file, err);

        if (!top)
            return -1;
        if (strcmp(top, l->file)) {
            vm_note(vm, 0, "%s lies on %s: the guest runs on that", top, l->file);
        } else if (!l->guessed) {
            free(top);
            top = mem_printf("%s:%s", l->format, l->file);
        }
        vm->climbed[i] = top;
    }
    vm->options.images = (const char *const *)vm->climbed;
    return vm_observe(vm, g->level, err);
}
