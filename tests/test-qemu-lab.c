/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lab itself, on every bus and in both styles: what other tests rely on.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/lab/lab.h"

static const char *const bus_names[] = {"virtio", "virtio-iothread", "scsi", "ide", "nvme"};

static void writes_and_reads(struct lab_options o)
{
    struct lab *lab = lab_start(&o);

    for (int disk = 0; disk < o.disks; disk++) {
        lab_write(lab, disk, 1 + disk, "64k", "64k");
        cr_expect(lab_reads(lab, disk, 1 + disk, "64k", "64k"), "%s", bus_names[o.bus]);
        cr_expect(!lab_reads(lab, disk, 9, "64k", "64k"), "%s", bus_names[o.bus]);
    }
    lab_stop(lab);
}

Test(lab, disks_of_every_bus_and_style_can_be_written_and_read)
{
    for (int bus = LAB_VIRTIO; bus <= LAB_NVME; bus++)
        for (int modern = 0; modern < 2; modern++)
            writes_and_reads((struct lab_options){.disks = 2, .bus = bus, .modern = modern});
}

Test(lab, raw_and_relative_disks_work_too)
{
    writes_and_reads((struct lab_options){.disks = 1, .format = "raw", .relative = true});
    writes_and_reads((struct lab_options){.disks = 1, .format = "raw", .modern = true});
}

Test(lab, relative_names_stay_relative)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .relative = true});
    json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);
    json_t *inserted = json_object_get(json_array_get(blocks, 0), "inserted");

    cr_assert_str_eq(json_string_value(json_object_get(inserted, "file")), "vda.qcow2");
    lab_stop(lab);
}

Test(lab, the_peer_of_the_monitor_is_qemu)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 0});
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t size = sizeof(peer);

    strncpy(sa.sun_path, lab->socket, sizeof(sa.sun_path) - 1);
    cr_assert_eq(connect(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
    cr_assert_eq(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    cr_assert_eq(peer.pid, lab->pid);
    close(s);
    lab_stop(lab);
}

Test(lab, events_are_kept_until_asked_for)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 0});

    json_decref(lab_qmp(lab, "cont", NULL));
    json_decref(lab_qmp(lab, "stop", NULL));
    json_decref(lab_qmp(lab, "query-status", NULL));
    json_decref(lab_event(lab, "STOP"));
    json_decref(lab_event(lab, "RESUME"));
    cr_assert_eq(json_array_size(lab->events), 0);
    lab_stop(lab);
}

Test(lab, a_running_machine_runs)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .running = true});
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);

    cr_assert_str_eq(json_string_value(json_object_get(status, "status")), "running");
    lab_stop(lab);
}

Test(lab, nothing_stays_behind)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *folder = mem_strdup(lab->folder);
    pid_t pid = lab->pid;

    cr_assert_eq(access(folder, F_OK), 0);
    cr_assert_eq(kill(pid, 0), 0);
    lab_stop(lab);
    cr_assert_neq(access(folder, F_OK), 0);
    cr_assert_neq(kill(pid, 0), 0);
}

Test(lab, programs_say_how_they_ended)
{
    auto_result struct lab_result r =
        lab_exec("/", (const char *[]){"sh", "-c", "pwd; echo no >&2; exit 3", NULL});

    cr_assert_eq(r.status, 3);
    cr_assert_str_eq(r.out, "/\n");
    cr_assert_str_eq(r.err, "no\n");
}

Test(lab, a_program_can_be_interrupted)
{
    struct lab_process p = lab_spawn(NULL, (const char *[]){"cat", NULL});
    auto_result struct lab_result r = {0};

    kill(p.pid, SIGINT);
    r = lab_finish(&p);
    cr_assert_eq(r.status, 128 + SIGINT);
}

Test(lab, the_program_finds_the_monitor)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});
    json_auto_t *document = NULL;
    int status;

    document = lab_json(lab, &status, "disks", NULL);
    cr_assert_eq(status, 0);
    cr_assert_eq(json_array_size(json_object_get(document, "disks")), 2);
    lab_stop(lab);
}

Test(lab, sixteen_disks_fit)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 16, .modern = true});
    json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);

    cr_assert_eq(json_array_size(blocks), 16);
    lab_stop(lab);
}
