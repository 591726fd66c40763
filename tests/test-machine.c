/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine: where a saved memory can be loaded. What is recorded and compared: test-qemu-memory.c.
 */
#include "snapshot/machine.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"

Test(machine, memory_is_not_loaded_over_an_nvme_controller_that_a_guest_uses)
{
    static const struct {
        const char *type, *status;
        bool can;
    } rows[] = {
        {"child<nvme>", "running", false},          {"child<nvme>", "paused", false},
        {"child<nvme>", "prelaunch", true},         {"child<nvme-ns>", "running", true},
        {"child<virtio-blk-pci>", "running", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_auto_t *reply = json_pack("[{s:s, s:s}]", "name", "nvme disk0", "type", rows[i].type);
        struct machine m = {0};
        struct qmp_error err;

        machine_take_devices(&m, reply, NULL);
        cr_expect_eq(!machine_can_load(&m, rows[i].status, &err), rows[i].can, "row %zu", i);
        if (!rows[i].can)
            cr_expect_eq(err.kind, QRW_ERR_UNSUPPORTED);
        machine_done(&m);
    }
}
