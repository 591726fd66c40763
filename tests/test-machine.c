/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine: where a saved memory can be loaded; test-qemu-memory.c asks a QEMU. */
#include "snapshot/machine.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"

static const struct graph nothing;

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

/* What was recorded of one machine, compared with another; NULL in a row: as it was. */
Test(machine, the_difference_to_what_a_memory_was_saved_on_is_named)
{
    static const struct {
        const char *type;
        int64_t mib;
        size_t cpus;
        const char *device, *words;
    } rows[] = {
        {"pc-q35-7.2", 128, 2, "vda", NULL},
        {"pc-q35-8.0", 128, 2, "vda", "saved on machine type pc-q35-7.2, this is pc-q35-8.0"},
        {"pc-q35-7.2", 256, 2, "vda", "saved with 128 MiB of RAM, this VM has 256 MiB"},
        {"pc-q35-7.2", 128, 1, "vda", "saved with 2 CPUs, this VM has 1"},
        {"pc-q35-7.2", 128, 0, "vda", NULL}, /* not told */
        {"pc-q35-7.2", 128, 2, "vdb", "a device that is missing now: vda: virtio-blk-pci"},
    };
    json_auto_t *memory = json_object();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct machine m = {.ram = rows[i].mib << 20, .cpus = rows[i].cpus};
        json_auto_t *reply =
            json_pack("[{s:s, s:s}]", "name", rows[i].device, "type", "child<virtio-blk-pci>");
        struct qmp_error err = {0};

        m.type = mem_strdup(rows[i].type);
        machine_take_devices(&m, reply, NULL);
        if (i == 0)
            machine_record(&m, &nothing, NULL, memory);
        cr_expect_eq(!machine_fits(&m, &nothing, "7.2.22", memory, &err), !rows[i].words, "row %zu",
                     i);
        if (rows[i].words)
            cr_expect(strstr(err.desc, rows[i].words), "row %zu: %s", i, err.desc);
        machine_done(&m);
    }

    /* an older qrewind did not count them */
    struct machine many = {.cpus = 4};
    struct qmp_error err;

    json_object_del(memory, "cpus");
    json_object_del(memory, "devices");
    cr_expect_eq(machine_fits(&many, &nothing, "7.2.22", memory, &err), 0);
}

Test(machine, an_older_qemu_than_the_one_that_saved_is_refused)
{
    static const struct {
        const char *saved_by, *qemu;
        bool fits;
    } rows[] = {
        {"7.2.22", "7.2.22", true}, {"7.2.22", "7.2.0", true},  {"7.2.22", "10.0.3", true},
        {"7.2.22", "7.1.0", false}, {"10.0.3", "9.2.0", false}, {"11.1.3", "7.2.22", false},
        {NULL, "7.2.22", true},     {"?", "7.2.22", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_auto_t *memory = json_pack("{s:s?}", "qemu", rows[i].saved_by);
        struct machine m = {0};
        struct qmp_error err;

        cr_expect_eq(!machine_fits(&m, &nothing, rows[i].qemu, memory, &err), rows[i].fits,
                     "row %zu", i);
        if (!rows[i].fits)
            cr_expect(strstr(err.desc, rows[i].saved_by) && strstr(err.desc, rows[i].qemu), "%s",
                      err.desc);
    }
}
