/* SPDX-License-Identifier: GPL-2.0-or-later */
/* places: what info qtree prints, read; test-qemu-places.c asks real ones. */
#include "snapshot/places.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/machine.h"
#include "snapshot/member.h"

/* "TYPE at PLACE = DRIVE, …". New string. */
static char *told(const char *qtree)
{
    json_auto_t *devices = places_read(qtree);
    char *all = mem_strdup("");
    const json_t *dev;
    size_t i;

    json_array_foreach(devices, i, dev) {
        const char *drive = text(dev, "drive");
        char *longer = mem_printf("%s%s%s at %s%s%s", all, i ? ", " : "", text(dev, "type"),
                                  text(dev, "at"), drive ? " = " : "", drive ? drive : "");

        free(all);
        all = longer;
    }
    return all;
}

/* clang-format off */
#define ON_PCI(lines) \
    "bus: main-system-bus\n" \
    "  type System\n" \
    "  dev: i440FX-pcihost, id \"\"\n" \
    "    short_root_bus = 0 (0x0)\n" \
    "    bus: pci.0\n" \
    "      type PCI\n" lines

static const struct {
    const char *qtree, *devices;
} rows[] = {
    {ON_PCI("      dev: virtio-blk-pci, id \"da\"\n"
            "        addr = 05.0\n"
            "        class SCSI controller, addr 00:05.0, pci id 1af4:1001 (sub 1af4:0002)\n"
            "        bus: virtio-bus\n"
            "          type virtio-pci-bus\n"
            "          dev: virtio-blk-device, id \"\"\n"
            "            drive = \"drive-a\"\n"),
     "virtio-blk-pci at pci.0 addr 05.0, virtio-blk-device at pci.0 addr 05.0 = drive-a"},
    /* the drive comes before the place, and the values in two bases */
    {ON_PCI("      dev: lsi53c895a, id \"hba\"\n"
            "        addr = \"02.0\"\n"
            "        bus: hba.0\n"
            "          dev: scsi-hd, id \"da\"\n"
            "            drive = \"#block1\"\n"
            "            channel = 0 (0x0)\n"
            "            scsi-id = 12 (0xc)\n"
            "            lun = 0 (0x0)\n"),
     "lsi53c895a at pci.0 addr 02.0, scsi-hd at pci.0 addr 02.0 channel 0 scsi-id 12 lun 0 = #block1"},
    /* one of several buses, whatever their device is called */
    {ON_PCI("      dev: ich9-ahci, id \"ah\"\n"
            "        addr = 04.0\n"
            "        bus: ah.1\n"
            "        bus: ah.0\n"
            "          dev: ide-hd, id \"\"\n"
            "            drive = \"a\"\n"
            "            unit = 0 (0x0)\n"
            "      dev: piix3-ide, id \"\"\n"
            "        addr = 01.1\n"
            "        bus: ide.1\n"
            "          dev: ide-hd, id \"\"\n"
            "            unit = 1 (0x1)\n"
            "        bus: ide.0\n"),
     "ich9-ahci at pci.0 addr 04.0, ide-hd at pci.0 addr 04.0 0 unit 0 = a, "
     "piix3-ide at pci.0 addr 01.1, ide-hd at pci.0 addr 01.1 ide.1 unit 1"},
    /* the port that QEMU has chosen; no drive */
    {ON_PCI("      dev: piix3-usb-uhci, id \"uh\"\n"
            "        addr = 03.0\n"
            "        bus: uh.0\n"
            "          dev: usb-storage, id \"\"\n"
            "            drive = \"\"\n"
            "            port = \"\"\n"
            "            addr 0.0, port 1.2, speed 12, name QEMU USB MSD, attached\n"),
     "piix3-usb-uhci at pci.0 addr 03.0, usb-storage at pci.0 addr 03.0 port 1.2"},
    {"bus: main-system-bus\r\n"
     "  dev: virtio-mmio, id \"\"\r\n"
     "    bus: virtio-mmio-bus.31\r\n"
     "      dev: virtio-blk-device, id \"da\"\r\n"
     "        drive = \"a\"\r\n",
     "virtio-blk-device at virtio-mmio-bus.31 = a"},
    /* a bridge is called as its bus */
    {ON_PCI("      dev: pcie-root-port, id \"rp1\"\n"
            "        addr = 01.0\n"
            "        bus: rp1\n"
            "          dev: nvme, id \"n\"\n"
            "            addr = 00.0\n"),
     "pcie-root-port at pci.0 addr 01.0, nvme at pci.0 addr 01.0 addr 00.0"},
    /* nothing that we understand */
    {"", ""},
    {"unknown command: 'info qtree'\r\n", ""},
    {"dev: a, id \"\"\n  addr = 01.0\n  bus: b\n", ""},
    {"bus: a\n  bus: b\n    dev: c, id \"\n      addr = 01.0\n", ""},
    {"bus: a\n  dev: b, id \"x\n    addr =\n    bus: \n      dev: , id \n       addr = 1\n", ""},
};
/* clang-format on */

Test(places, are_spelled_in_qemus_words_from_the_outermost_bus_down)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        auto_free char *devices = told(rows[i].qtree);

        cr_expect_str_eq(devices, rows[i].devices, "row %zu: %s", i, devices);
    }
    cr_expect_null(places_read(NULL));
}

/* Ever deeper, ever more of them, ever longer: it ends, and soon. */
Test(places, of_a_machine_that_cannot_be_are_not_all_read)
{
    char *words = NULL;
    size_t size;
    FILE *f = open_memstream(&words, &size);

    for (int depth = 0; depth < 500; depth++)
        fprintf(f, "%*s%s\n", depth * 2, "", depth % 2 ? "dev: d, id \"\"" : "bus: bbbbbbbbbbbb");
    for (int n = 0; n < 100000; n++)
        fprintf(f, "  dev: d, id \"\"\n    addr = %d\n    bus: b%d\n      dev: e, id \"\"\n", n, n);
    fprintf(f, "        addr = 0\n");
    for (int n = 0; n < 100000; n++)
        fprintf(f, "        addr = 0\n");
    fclose(f);

    json_auto_t *devices = places_read(words);
    cr_expect(json_array_size(devices) > 5000 && json_array_size(devices) < 20000, "%zu",
              json_array_size(devices));
    free(words);
}

/* ---- recorded, and compared ---- */

#define DISK(id, addr, drive)                                                                      \
    "      dev: virtio-blk-pci, id \"" id "\"\n        addr = " addr "\n        bus: virtio-bus\n" \
    "          dev: virtio-blk-device, id \"\"\n            drive = \"" drive "\"\n"
#define NIC(addr) "      dev: virtio-net-pci, id \"n\"\n        addr = " addr "\n"

static void take(struct machine *m, const char *devices, const char *qtree)
{
    json_auto_t *list = json_loads(devices, 0, NULL), *reply = json_string(qtree);

    cr_assert_not_null(list);
    machine_take_devices(m, list, NULL);
    machine_take_tree(m, reply, NULL);
}

/* Two disks; the root node of the second has no other name. */
static void take_disks(struct graph *g, const char *first, const char *second)
{
    struct graph_disk *d = graph_add_disk(g);

    *d = (struct graph_disk){.id = mem_strdup(first), .drive = mem_strdup("a")};
    d = graph_add_disk(g);
    *d = (struct graph_disk){
        .id = mem_strdup(second), .drive = mem_strdup(""), .node = mem_strdup("#b")};
}

#define TWO                                                                                        \
    "[{\"name\": \"da\", \"type\": \"child<virtio-blk-pci>\"},"                                    \
    " {\"name\": \"db\", \"type\": \"child<virtio-blk-pci>\"},"                                    \
    " {\"name\": \"n\", \"type\": \"child<virtio-net-pci>\"}]"
#define RENAMED                                                                                    \
    "[{\"name\": \"xa\", \"type\": \"child<virtio-blk-pci>\"},"                                    \
    " {\"name\": \"device[1]\", \"type\": \"child<virtio-blk-pci>\"},"                             \
    " {\"name\": \"n\", \"type\": \"child<virtio-net-pci>\"}]"
#define MORE                                                                                       \
    "[{\"name\": \"da\", \"type\": \"child<virtio-blk-pci>\"},"                                    \
    " {\"name\": \"db\", \"type\": \"child<virtio-blk-pci>\"},"                                    \
    " {\"name\": \"dc\", \"type\": \"child<virtio-blk-pci>\"},"                                    \
    " {\"name\": \"n\", \"type\": \"child<virtio-net-pci>\"}]"

Test(places, that_differ_from_those_of_the_memory_are_named)
{
    static const struct {
        const char *devices, *qtree, *words; /* NULL: it fits */
    } cases[] = {
        {TWO, ON_PCI(DISK("da", "05.0", "a") DISK("db", "06.0", "#b") NIC("07.0")), NULL},
        {TWO, ON_PCI(DISK("da", "06.0", "a") DISK("db", "05.0", "#b") NIC("07.0")),
         "disk da sat at pci.0 addr 05.0, and is at pci.0 addr 06.0 now"},
        {TWO, ON_PCI(DISK("da", "05.0", "a") DISK("db", "08.0", "#b") NIC("07.0")),
         "disk db sat at pci.0 addr 06.0, and is at pci.0 addr 08.0 now"},
        {TWO, ON_PCI(DISK("da", "05.0", "a") DISK("db", "06.0", "#b") NIC("08.0")),
         "the VM had a device that is elsewhere now: virtio-net-pci at pci.0 addr 07.0"},
        {RENAMED, ON_PCI(DISK("xa", "05.0", "a") DISK("", "06.0", "#b") NIC("07.0")), NULL},
        {RENAMED, ON_PCI(DISK("xa", "06.0", "a") DISK("", "05.0", "#b") NIC("07.0")),
         "disk da sat at pci.0 addr 05.0, and is at pci.0 addr 06.0 now"},
        {MORE,
         ON_PCI(DISK("dc", "04.0", "c") DISK("da", "05.0", "a") DISK("db", "06.0", "#b")
                    NIC("07.0")),
         "the VM has a device that it had not then: dc: virtio-blk-pci"},
        /* it does not tell: then ids count, as before */
        {TWO, "", NULL},
        {RENAMED, "", "the VM had a device that is missing now: da: virtio-blk-pci"},
    };
    json_auto_t *memory = json_object(), *disks = json_pack("{s:{}, s:{}}", "da", "db");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine m = {0};
        struct graph g = {0};
        struct qmp_error err = {0};

        take(&m, cases[i].devices, cases[i].qtree);
        take_disks(&g, "da", "db");
        if (i == 0)
            machine_record(&m, &g, disks, memory);
        cr_expect_eq(!machine_fits(&m, &g, "7.2.22", memory, &err), !cases[i].words, "case %zu: %s",
                     i, err.desc);
        if (cases[i].words)
            cr_expect_str_eq(err.desc, cases[i].words, "case %zu", i);
        machine_done(&m);
        graph_done(&g);
    }
    json_auto_t *expected =
        json_pack("{s:{s:s, s:s}, s:[s, s, s]}", "disks", "da", "pci.0 addr 05.0", "db",
                  "pci.0 addr 06.0", "devices", "virtio-blk-pci at pci.0 addr 05.0",
                  "virtio-blk-pci at pci.0 addr 06.0", "virtio-net-pci at pci.0 addr 07.0");
    cr_expect(json_equal(json_object_get(memory, "places"), expected));

    /* an older qrewind did not look; a sidecar may say anything */
    static const char *const others[] = {"null", "[]", "{}", "{\"disks\": [], \"devices\": {}}"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct machine m = {0};
        struct graph g = {0};

        take(&m, TWO, cases[0].qtree);
        json_object_set_new(memory, "places", json_loads(others[i], JSON_DECODE_ANY, NULL));
        cr_expect_eq(machine_fits(&m, &g, "7.2.22", memory, NULL), 0, "%s", others[i]);
        machine_done(&m);
    }
}
