/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firmware: see firmware.h. */
#include "tests/model/firmware.h"

#include <poll.h>
#include <string.h>

#include "qmp/mem.h"

/* Some 150 ms are usual. */
enum { PATIENCE_MS = 3000, PAUSE_MS = 10 };

/* It has nothing to boot: when all is started it halts, and never before. (x-query-virtio-status
 * would tell, too, but 5.2 does not know it, and 11.1 dies of it.) */
static bool is_starting(struct lab *lab)
{
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);

    if (!json_is_true(json_object_get(status, "running")))
        return false;
    auto_free char *registers = lab_human(lab, "info registers");
    return !strstr(registers, "HLT=1");
}

void firmware_wait(struct lab *lab)
{
    for (int ms = 0; ms < PATIENCE_MS && is_starting(lab); ms += PAUSE_MS)
        poll(NULL, 0, PAUSE_MS);
}
