/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine-migration: what earlier migrations have left in QEMU: see machine.h. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/machine.h"
#include "snapshot/member.h"

/* Seen in 10.0 and 11.1, not in 7.2. */
#define OLDEST_THAT_REMEMBERS 80000

/* For a hint that is whole: the rest is named when these are off. */
#define LONGEST_LIST 200

/*
 * What each does to a memory in a snapshot (7.2, 10.0, 11.1). To a live one all the others are
 * refused by QEMU, too, but after the first steps.
 */
static const struct {
    const char *name;
    unsigned breaks; /* enum machine_use */
} settings[] = {
    {"multifd", MACHINE_SAVES | MACHINE_LOADS}, /* QEMU dies */
    {"dirty-bitmaps", MACHINE_SAVES},           /* it writes for ever, and the guest hangs */
    {"x-ignore-shared", MACHINE_SAVES | MACHINE_LOADS}, /* shared RAM is left out */
    {"mapped-ram", MACHINE_SAVES | MACHINE_LOADS},      /* the RAM is garbage, or it fails */
    {"auto-converge", 0},
    {"compress", 0},
    {"late-block-activate", 0},
    {"pause-before-switchover", 0},
    {"postcopy-blocktime", 0},
    {"postcopy-ram", 0},
    {"rdma-pin-all", 0},
    {"release-ram", 0},
    {"return-path", 0},
    {"validate-uuid", 0},
    {"x-colo", 0},
    {"xbzrle", 0},
    {"zero-copy-send", 0},
};

int machine_take_capabilities(void *machine, const json_t *reply, struct qmp_error *err)
{
    struct machine *m = machine;
    const json_t *entry;
    size_t i;

    json_decref(m->capabilities);
    m->capabilities = json_array();
    json_array_foreach(reply, i, entry) {
        const char *name = text(entry, "capability");
        const bool on = json_is_true(json_object_get(entry, "state"));

        if (same(name, "background-snapshot"))
            m->live = on ? MACHINE_LIVE_ON : MACHINE_LIVE_OFF;
        else if (name && on)
            json_array_append_new(m->capabilities, json_string(name));
    }
    return 0;
}

static bool is_set(const struct machine *m, const char *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(m->capabilities, i, entry)
        if (same(json_string_value(entry), name))
            return true;
    return false;
}

int machine_check_set(const struct machine *m, enum machine_use use, struct qmp_error *err)
{
    const char *first = NULL;
    auto_free char *off = NULL;

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if ((use != MACHINE_SAVES_LIVE && !(settings[i].breaks & use)) ||
            !is_set(m, settings[i].name))
            continue;
        if (off && strlen(off) > LONGEST_LIST)
            break;
        char *more = mem_printf("%s%s{\"capability\":\"%s\",\"state\":false}", off ? off : "",
                                off ? "," : "", settings[i].name);

        free(off);
        off = more;
        first = first ? first : settings[i].name;
    }
    if (!first)
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "QEMU's migration capability %s is on, and it does not go with %s", first,
                  use == MACHINE_LOADS   ? "loading a snapshot's memory"
                  : use == MACHINE_SAVES ? "saving the memory in a snapshot"
                                         : "saving the memory of a guest that runs on");
    return qmp_error_hint(err,
                          "switch it off: qrewind qmp migrate-set-capabilities "
                          "'{\"capabilities\":[%s]}'",
                          off);
}

int machine_check_failed(const struct machine *m, int version, struct qmp_error *err)
{
    if (!m || !m->failed || version < OLDEST_THAT_REMEMBERS)
        return 0;
    qmp_error_set(
        err, QRW_ERR_REFUSED,
        "a migration of this QEMU has failed, and until it has saved a memory it can load "
        "none");
    return qmp_error_hint(err, "any one that it saves will do: qrewind create --memory NAME, and "
                               "then again");
}
