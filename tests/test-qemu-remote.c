/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that are no files in a folder: on the network, and devices of the host. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "tests/cases/cases.h"

static struct lab_process server;

static void serve(const char *folder, void *arg)
{
    auto_free char *socket = mem_printf("%s/nbd.sock", folder);
    auto_free char *image = mem_printf("%s/far.qcow2", folder);
    struct stat st;

    lab_image(image, "qcow2", "16M", NULL, NULL);
    server =
        lab_spawn(folder, WORDS("qemu-nbd", "-t", "-e", "4", "-f", "qcow2", "-k", socket, image));
    while (stat(socket, &st))
        cr_assert_eq(waitpid(server.pid, NULL, WNOHANG), 0, "qemu-nbd has ended");
}

static struct lab *with_network_disk(void)
{
    static const char *const args[] = {"-drive", "if=none,id=vdb,format=raw,file=nbd:unix:nbd.sock",
                                       "-device", "virtio-blk-pci,drive=vdb", NULL};

    return lab_start(&(struct lab_options){.disks = 1, .args = args, .prepare = serve});
}

static void stop_serving(struct lab *lab)
{
    lab_kill(lab);
    kill(server.pid, SIGTERM);
    struct lab_result r = lab_finish(&server);
    lab_result_done(&r);
    lab_stop(lab);
}

Test(remote, an_overlay_of_a_network_disk_goes_where_the_user_says)
{
    struct lab *lab = with_network_disk();
    auto_free char *before = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s1"), *chain = NULL, *list = NULL;

    says(error, "desc", "disk vdb is not a file in a folder of this host: nbd");
    says(error, "hint", "--overlay vdb=FILE");
    unchanged(lab, before);
    does(lab, "create", "s1", "--overlay", "vdb=../far.s1.qcow2");
    chain = tells(lab, "chain", "vdb");
    list = tells(lab, "list");
    says(chain, "disks.0.layers.1.file", "nbd");
    says(chain, "disks.0.layers.1.format", "raw");
    says(chain, "disks.0.layers.1.snapshots.0", "s1");
    says(list, "snapshots.0.disks.vdb.file", "nbd");
    write_generation(lab, 1, 1);
    holds(lab, 1, 1);
    does(lab, "create", "s2");
    write_generation(lab, 1, 2);
    does(lab, "stream", "vdb");
    holds(lab, 1, 2);
    json_auto_t *alone = tells(lab, "chain", "vdb");
    cr_expect_eq(json_array_size(at(alone, "disks.0.layers")), 1);
    json_auto_t *later = tells(lab, "list");
    cr_expect_eq(json_array_size(at(later, "snapshots")), 2);
    stop_serving(lab);
}

Test(remote, a_network_disk_can_be_left_out)
{
    struct lab *lab = with_network_disk();

    does(lab, "create", "s1", "--exclude", "vdb");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
    stop_serving(lab);
}

Test(remote, a_network_disk_comes_home)
{
    struct lab *lab = with_network_disk();
    write_generation(lab, 1, 1);

    does(lab, "mirror", "vdb", "../home.qcow2", "--pivot");
    json_auto_t *chain = tells(lab, "chain", "vdb");
    says(chain, "disks.0.layers.0.file", "/home.qcow2");
    holds(lab, 1, 1);
    does(lab, "create", "s1");
    json_auto_t *after = tells(lab, "chain", "vdb");
    says(after, "disks.0.layers.1.file", "/home.qcow2");
    says(after, "disks.0.layers.1.snapshots.0", "s1");
    stop_serving(lab);
}

/* The device of the host that shows the file; skips the test where there cannot be one. */
static char *loop_device(const char *file)
{
    auto_result struct lab_result r = lab_exec(NULL, WORDS("losetup", "-f", "--show", file));

    if (r.status)
        cr_skip_test("needs root, and a loop device");
    r.out[strcspn(r.out, "\n")] = '\0';
    return mem_strdup(r.out);
}

Test(remote, nothing_is_put_beside_a_device)
{
    auto_free char *folder = lab_new_folder(), *image = mem_printf("%s/image", folder);
    auto_free char *device = NULL, *drive = NULL, *beside = NULL;

    lab_image(image, "raw", "16M", NULL, NULL);
    device = loop_device(image);
    drive = mem_printf("if=none,id=vda,format=raw,file=%s", device);
    struct lab *lab = lab_start(&(struct lab_options){
        .args = WORDS("-drive", drive, "-device", "virtio-blk-pci,drive=vda")});

    write_generation(lab, 0, 1);
    json_auto_t *sidecar = refuses(lab, 1, "create", "s1", "--overlay", "vda=../o.qcow2");
    says(sidecar, "hint", "--sidecar");
    json_auto_t *overlay = refuses(lab, 1, "--sidecar", "../o.qcow2.qrewind.json", "create", "s1");
    says(overlay, "hint", "--overlay vda=FILE");
    does(lab, "--sidecar", "../o.qcow2.qrewind.json", "create", "s1", "--overlay",
         "vda=../o.qcow2");
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.0.disks.vda.file", device);
    write_generation(lab, 0, 2);
    does(lab, "create", "s2");
    holds(lab, 0, 2);
    does(lab, "commit", "vda", "--base", "s1", "--force");
    holds(lab, 0, 2);
    turn_off(lab);
    image_holds(lab, device, "raw", 2);
    beside = mem_printf("%s.qrewind.json", device);
    cr_expect(access(beside, F_OK));
    lab_stop(lab);
    struct lab_result r = lab_exec(NULL, WORDS("losetup", "-d", device));
    lab_result_done(&r);
    unlink(image);
    rmdir(folder);
}

static void a_window(const char *folder, void *arg)
{
    auto_free char *image = mem_printf("%s/whole.raw", folder);

    lab_image(image, "raw", "16M", NULL, NULL);
}

/* A window of a file has no name but its options. */
Test(remote, what_has_no_file_name_is_called_as_the_disk_is)
{
    static const char *const args[] = {
        "-blockdev",
        "{\"driver\": \"raw\", \"node-name\": \"part\", \"offset\": 1048576, \"size\": 8388608, "
        "\"file\": {\"driver\": \"file\", \"filename\": \"whole.raw\"}}",
        "-device", "virtio-blk-pci,drive=part,id=part", NULL};
    struct lab *lab =
        lab_start(&(struct lab_options){.disks = 1, .args = args, .prepare = a_window});
    json_auto_t *first = tells(lab, "create", "s1", "--overlay", "part=../over.qcow2"),
                *second = tells(lab, "create", "s2");

    cr_expect_eq(json_array_size(at(first, "notes")), 0, "%s", text(first, "notes.0"));
    cr_expect(path_ends(text(second, "overlays.part"), "/part.s2.qcow2"), "%s",
              text(second, "overlays.part"));
    lab_stop(lab);
}
