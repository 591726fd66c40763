/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firmware: see firmware.h. */
#include "tests/model/firmware.h"

#include <poll.h>
#include <string.h>

#include "qmp/mem.h"

/* Some 150 ms are usual. A guest that has come to a stop elsewhere starts nothing. */
enum { PATIENCE_MS = 3000, PAUSE_MS = 10 };

static bool has_driver(struct lab *lab, const json_t *device)
{
    json_auto_t *state =
        lab_qmp(lab, "x-query-virtio-status", "{s:O}", "path", json_object_get(device, "path"));
    const json_t *all = json_object_get(json_object_get(state, "status"), "statuses"), *word;
    size_t i;

    json_array_foreach(all, i, word)
        if (strstr(json_string_value(word), "DRIVER_OK"))
            return true;
    return false;
}

static bool is_starting(struct lab *lab)
{
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);
    const json_t *device;
    size_t i;

    if (!json_is_true(json_object_get(status, "running")))
        return false;
    json_auto_t *devices = lab_ask(lab, "x-query-virtio", NULL);
    json_array_foreach(json_object_get(devices, "return"), i, device)
        if (!has_driver(lab, device))
            return true;
    return false;
}

void firmware_wait(struct lab *lab)
{
    for (int ms = 0; ms < PATIENCE_MS && is_starting(lab); ms += PAUSE_MS)
        poll(NULL, 0, PAUSE_MS);
}
