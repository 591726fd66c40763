/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A memory, and disks that sit elsewhere when QEMU is started again: the guest would write to one
 * what belongs on the other.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

/* The images of two disks: a.qcow2 and b.qcow2 first, which are called %a and %b here. */
#define DRIVES                                                                                     \
    "-drive if=none,id=dra,format=qcow2,file=%a -drive if=none,id=drb,format=qcow2,file=%b "
#define NODES                                                                                      \
    "-blockdev qcow2,node-name=na,file.driver=file,file.filename=%a "                              \
    "-blockdev qcow2,node-name=nb,file.driver=file,file.filename=%b "

/* clang-format off */
static const struct {
    const char *then, *now;
    const char *words; /* NULL: it fits */
} cases[] = {
    {DRIVES "-device virtio-blk-pci,drive=dra,id=da,addr=5 -device virtio-blk-pci,drive=drb,id=db,addr=6",
     DRIVES "-device virtio-blk-pci,drive=dra,id=da,addr=6 -device virtio-blk-pci,drive=drb,id=db,addr=5",
     "disk da sat at pci.0 addr 05.0, and is at pci.0 addr 06.0 now"},
    /* no addresses, and the other way round */
    {DRIVES "-device virtio-blk-pci,drive=dra,id=da -device virtio-blk-pci,drive=drb,id=db",
     DRIVES "-device virtio-blk-pci,drive=drb,id=db -device virtio-blk-pci,drive=dra,id=da",
     "disk da sat at pci.0 addr 02.0, and is at pci.0 addr 03.0 now"},
    /* no ids */
    {"-drive if=virtio,format=qcow2,file=%a -drive if=virtio,format=qcow2,file=%b",
     "-drive if=virtio,format=qcow2,file=%b -drive if=virtio,format=qcow2,file=%a",
     "disk virtio0 sat at pci.0 addr 03.0, and is at pci.0 addr 02.0 now"},
    {NODES "-device virtio-blk-pci,drive=na,addr=5 -device virtio-blk-pci,drive=nb,addr=6",
     NODES "-device virtio-blk-pci,drive=na,addr=6 -device virtio-blk-pci,drive=nb,addr=5",
     " sat at pci.0 addr 05.0, and is at pci.0 addr 06.0 now"},
    /* the same places, in another order or by other names */
    {DRIVES "-device virtio-blk-pci,drive=dra,addr=5 -device virtio-blk-pci,drive=drb,addr=6",
     DRIVES "-device virtio-blk-pci,drive=drb,addr=6 -device virtio-blk-pci,drive=dra,addr=5", NULL},
    {DRIVES "-device virtio-blk-pci,drive=dra,id=da,addr=5 -device virtio-blk-pci,drive=drb,id=db,addr=6",
     DRIVES "-device virtio-blk-pci,drive=dra,id=xa,addr=5 -device virtio-blk-pci,drive=drb,id=xb,addr=6", NULL},
    {DRIVES "-device virtio-blk-pci,drive=dra,id=da,addr=5 -device virtio-blk-pci,drive=drb,id=db,addr=6",
     NODES "-device virtio-blk-pci,drive=na,addr=5 -device virtio-blk-pci,drive=nb,addr=6", NULL},
    /* addresses that the memory knows nothing of */
    {DRIVES "-device virtio-blk-pci,drive=dra,id=da,addr=5 -device virtio-blk-pci,drive=drb,id=db,addr=6",
     DRIVES "-device virtio-blk-pci,drive=dra,id=da,addr=5 -device virtio-blk-pci,drive=drb,id=db,addr=9",
     "disk db sat at pci.0 addr 06.0, and is at pci.0 addr 09.0 now"},
    {"-device virtio-rng-pci,id=r,addr=8 " DRIVES
     "-device virtio-blk-pci,drive=dra,id=da,addr=5 -device virtio-blk-pci,drive=drb,id=db,addr=6",
     "-device virtio-rng-pci,id=r,addr=9 " DRIVES
     "-device virtio-blk-pci,drive=dra,id=da,addr=5 -device virtio-blk-pci,drive=drb,id=db,addr=6",
     "the VM had a device that is elsewhere now: virtio-rng-pci at pci.0 addr 08.0"},
    /* behind bridges */
    {"-M q35 -device pcie-root-port,id=rp1,chassis=1,addr=4 -device pcie-root-port,id=rp2,chassis=2,addr=5 "
     DRIVES "-device virtio-blk-pci,drive=dra,id=da,bus=rp1 -device virtio-blk-pci,drive=drb,id=db,bus=rp2",
     "-M q35 -device pcie-root-port,id=rp1,chassis=1,addr=4 -device pcie-root-port,id=rp2,chassis=2,addr=5 "
     DRIVES "-device virtio-blk-pci,drive=dra,id=da,bus=rp2 -device virtio-blk-pci,drive=drb,id=db,bus=rp1",
     "disk da sat at pcie.0 addr 04.0 addr 00.0, and is at pcie.0 addr 05.0 addr 00.0 now"},
    {"-M q35 -device pcie-root-port,id=rp1,chassis=1,addr=4 -device pcie-root-port,id=rp2,chassis=2,addr=5 "
     DRIVES "-device virtio-blk-pci,drive=dra,id=da,bus=rp1 -device virtio-blk-pci,drive=drb,id=db,bus=rp2",
     "-M q35 -device pcie-root-port,id=xp1,chassis=1,addr=4 -device pcie-root-port,id=xp2,chassis=2,addr=5 "
     DRIVES "-device virtio-blk-pci,drive=dra,id=xa,bus=xp1 -device virtio-blk-pci,drive=drb,id=xb,bus=xp2", NULL},
    /* on other buses */
    {"-device virtio-scsi-pci,id=hba " DRIVES
     "-device scsi-hd,drive=dra,id=da -device scsi-hd,drive=drb,id=db",
     "-device virtio-scsi-pci,id=hba " DRIVES
     "-device scsi-hd,drive=drb,id=db -device scsi-hd,drive=dra,id=da",
     "disk da sat at pci.0 addr 02.0 channel 0 scsi-id 0 lun 0, and is at pci.0 addr 02.0 channel 0 scsi-id 1 lun 0 now"},
    {"-drive if=ide,format=qcow2,file=%a -drive if=ide,format=qcow2,file=%b",
     "-drive if=ide,format=qcow2,file=%b -drive if=ide,format=qcow2,file=%a",
     "disk ide0-hd0 sat at pci.0 addr 01.1 ide.0 unit 1, and is at pci.0 addr 01.1 ide.0 unit 0 now"},
    {"-M q35 " DRIVES "-device ide-hd,drive=dra,id=da,bus=ide.0 -device ide-hd,drive=drb,id=db,bus=ide.1",
     "-M q35 " DRIVES "-device ide-hd,drive=dra,id=da,bus=ide.1 -device ide-hd,drive=drb,id=db,bus=ide.0",
     "disk da sat at pcie.0 addr 1f.2 ide.0 unit 0, and is at pcie.0 addr 1f.2 ide.1 unit 0 now"},
    {"-device piix3-usb-uhci,id=u " DRIVES "-device usb-storage,drive=dra,id=da -device usb-storage,drive=drb,id=db",
     "-device piix3-usb-uhci,id=u " DRIVES "-device usb-storage,drive=drb,id=db -device usb-storage,drive=dra,id=da",
     "disk da sat at pci.0 addr 02.0 port 1 channel 0 scsi-id 0 lun 0, and is at pci.0 addr 02.0 port 2"},
};
/* clang-format on */

enum { MAX_WORDS = 24 };

/* Start QEMU with @line on FOLDER/a@suffix and b@suffix. */
static struct lab *start(const char *line, const char *folder, const char *suffix)
{
    auto_free char *copy = mem_strdup(line);
    char *words[MAX_WORDS] = {0};
    size_t n = 0;

    for (char *save, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        const char *image = strchr(w, '%');

        cr_assert_lt(n, MAX_WORDS - 1);
        words[n++] = image ? mem_printf("%.*s%s/%c%s%s", (int)(image - w), w, folder, image[1],
                                        suffix, image + 2)
                           : mem_strdup(w);
    }
    struct lab *lab = lab_start(&(struct lab_options){.args = (const char *const *)words});
    for (size_t i = 0; i < n; i++)
        free(words[i]);
    return lab;
}

static void make_image(const char *folder, const char *name)
{
    auto_free char *file = mem_printf("%s/%s.qcow2", folder, name);

    lab_image(file, "qcow2", "16M", NULL, NULL);
}

static void remove_folder(const char *folder)
{
    auto_result struct lab_result r = lab_exec(NULL, WORDS("rm", "-rf", folder));

    cr_expect_eq(r.status, 0, "%s", r.err);
}

/* @then, until it has a memory in @folder, on what then are *.m1.qcow2; internal: *.qcow2. */
static bool save(const char *then, const char *folder, const char *how)
{
    make_image(folder, "a");
    make_image(folder, "b");
    struct lab *lab = start(then, folder, ".qcow2");
    bool can = number(lab->greeting, "QMP.version.qemu.major") >= 6 || !strcmp(how, "--internal");

    if (can)
        does(lab, "create", "m1", "--memory", how);
    turn_off(lab);
    lab_stop(lab);
    return can;
}

static void try(size_t i)
{
    auto_free char *folder = lab_new_folder();

    if (!save(cases[i].then, folder, "--description=x")) {
        remove_folder(folder);
        return;
    }
    struct lab *lab = start(cases[i].now, folder, ".m1.qcow2");
    if (cases[i].words) {
        auto_free char *state = state_of(lab);
        json_auto_t *error = refuses(lab, 7, "revert", "m1");

        cr_expect(strstr(text(error, "desc"), cases[i].words), "case %zu: %s", i,
                  text(error, "desc"));
        unchanged(lab, state);
    } else {
        does(lab, "revert", "m1");
    }
    lab_stop(lab);
    remove_folder(folder);
}

Test(places, of_disks_are_those_of_the_memory_or_it_is_not_loaded)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        try(i);
}

Test(places, are_compared_for_a_memory_inside_of_the_images_too)
{
    auto_free char *folder = lab_new_folder();

    save(cases[0].then, folder, "--internal");
    struct lab *lab = start(cases[0].now, folder, ".qcow2");
    json_auto_t *error = refuses(lab, 7, "revert", "m1");
    says(error, "desc", cases[0].words);
    auto_result struct lab_result check = lab_run(lab, "check", NULL);
    cr_expect(strstr(check.out, cases[0].words), "%s", check.out);
    lab_stop(lab);
    lab = start(cases[0].then, folder, ".qcow2");
    does(lab, "revert", "m1", "--discard");
    lab_stop(lab);
    remove_folder(folder);
}

/* Exported, imported: where the disks sat goes along. */
Test(places, go_with_an_exported_memory)
{
    static const char then[] = DRIVES "-device virtio-blk-pci,drive=dra,id=a,addr=5 "
                                      "-device virtio-blk-pci,drive=drb,id=b,addr=6",
                      now[] = DRIVES "-device virtio-blk-pci,drive=dra,id=a,addr=6 "
                                     "-device virtio-blk-pci,drive=drb,id=b,addr=5";
    auto_free char *folder = lab_new_folder(), *copy = mem_printf("%s/copy", folder),
                   *back = mem_printf("%s/back", folder);

    if (save(then, folder, "--description=x")) {
        struct lab *lab = start(then, folder, ".m1.qcow2");
        does(lab, "export", "m1", copy);
        lab_stop(lab);
        auto_result struct lab_result r =
            lab_exec(NULL, WORDS("qrewind", "import", copy, "--to", back));
        cr_assert_eq(r.status, 0, "%s", r.err);
        lab = start(now, back, ".m1.qcow2");
        json_auto_t *error = refuses(lab, 7, "revert", "m1");
        says(error, "desc", "disk a sat at pci.0 addr 05.0, and is at pci.0 addr 06.0 now");
        lab_stop(lab);
        lab = start(then, back, ".m1.qcow2");
        does(lab, "revert", "m1");
        lab_stop(lab);
    }
    remove_folder(folder);
}
