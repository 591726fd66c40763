/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-import: an exported snapshot, or an image, becomes the chain of a VM that is yet to start. */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/clock.h"
#include "snapshot/image.h"
#include "snapshot/import.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-import.h"
#include "snapshot/vm-private.h"

static json_t *load(struct qrw_vm *vm, const struct qrw_import_args *args, const char *from,
                    struct qmp_error *err)
{
    auto_free char *stem = path_stem(from);
    char now[40];

    if (!args->format)
        return import_manifest(from, err);
    struct runner r = vm_runner(vm, false);
    vm_stamp(now, sizeof(now));
    json_t *manifest =
        import_image(&r, from, args->format, args->disk ? args->disk : stem, now, err);
    json_decref(r.jobs);
    return manifest;
}

/* Absolute, with the links in its folder followed. New string. */
static char *place(const struct qrw_vm *vm, const char *name)
{
    auto_free char *full = path_join(vm->cwd, name);

    return image_place(full);
}

static json_t *run(struct qrw_vm *vm, const struct qrw_import_args *args, unsigned flags,
                   struct qmp_error *err)
{
    auto_free char *from = place(vm, args->from);
    auto_free char *folder = args->format ? path_folder(from) : mem_strdup(from);
    json_auto_t *manifest = plan_check_name(from, err) ? NULL : load(vm, args, from, err);
    const char *was = text(json_object_get(manifest, "snapshot"), "name");
    const char *name = args->name ? args->name : was ? was : "imported";
    struct journal j = {.lock = -1};

    if (!manifest)
        return NULL;
    auto_free char *safe = plan_safe_name(name);
    auto_free char *to = place(vm, args->to ? args->to : safe);
    struct import_args import = {manifest, folder, to, name};
    chain_init(&j.chain, to, NULL, NULL);
    json_t *result = vm_plan_and_run(vm, &j, &plan_import, &import, flags, err);
    journal_close(&j, vm);
    return result;
}

json_t *qrw_import(struct qrw_vm *vm, const struct qrw_import_args *args, unsigned flags,
                   struct qmp_error *err)
{
    struct qmp_client *none = NULL;

    /* only its loop is used, and it is connected to nothing */
    if (!vm->client)
        vm->client = none = qmp_client_new(vm->options.base, &vm->options.client);
    int64_t begun_ms = clock_ms();
    json_t *result = run(vm, args, flags, err);
    if (result && !(flags & QRW_DRY_RUN))
        json_object_set_new(result, "took_ms", json_integer(clock_ms() - begun_ms));
    if (none) {
        qmp_client_free(none);
        vm->client = NULL;
    }
    return result;
}
