/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other ways to the monitor, and a QEMU whose files are not ours: it sees other things
 * under the same names, so it makes the overlays itself.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static const struct lab_options one = {.disks = 1};

/* A snapshot and back again, by way of the monitor @address. */
static void round_trip(struct lab *lab, char *address)
{
    struct lab seen = *lab;

    seen.socket = address;
    write_generation(lab, 0, 1);
    does(&seen, "create", "s1");
    write_generation(lab, 0, 2);
    json_auto_t *list = tells(&seen, "list");
    says(list, "current", "s1");
    does(&seen, "commit", "vda", "--force");
    chain_is(lab, 0, "vda.qcow2");
    holds(lab, 0, 2);
}

Test(reach, by_tcp)
{
    static const char *const args[] = {"-chardev",
                                       "socket,id=tcp,host=127.0.0.1,port=0,server=on,wait=off",
                                       "-mon", "chardev=tcp,mode=control", NULL};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .args = args});
    json_auto_t *devices = lab_qmp(lab, "query-chardev", NULL);
    const char *spelled = "";
    const json_t *device;
    size_t i;

    /* "disconnected:tcp:127.0.0.1:34567,server=on" */
    json_array_foreach(devices, i, device)
        if (!strcmp(text(device, "label"), "tcp"))
            spelled = strstr(text(device, "filename"), "tcp:");
    auto_free char *address = mem_printf("%.*s", (int)strcspn(spelled, ","), spelled);
    round_trip(lab, address);
    lab_stop(lab);
}

/* The sidecar went along, and QEMU does not know. */
Test(reach, a_folder_that_was_renamed_is_missed)
{
    struct lab *lab = lab_start(&one);
    auto_free char *away = mem_printf("%s.away", lab->folder);
    auto_free char *socket = mem_printf("%s/monitor.sock", away);

    does(lab, "create", "s1");
    cr_assert(!rename(lab->folder, away), "%m");
    auto_result struct lab_result list = lab_exec(NULL, WORDS("qrewind", "-s", socket, "list"));
    auto_result struct lab_result made =
        lab_exec(NULL, WORDS("qrewind", "-s", socket, "create", "s2"));
    cr_expect(strstr(list.err, "give it that name back"), "%s", list.err);
    cr_expect_eq(made.status, 1);
    cr_expect(strstr(made.err, "there is no folder"), "%s", made.err);
    cr_assert(!rename(away, lab->folder));
    does(lab, "create", "s2");
    lab_stop(lab);
}

/* An open connection that the program is given, as a service manager would. */
Test(reach, by_a_descriptor)
{
    for (int i = 0; i < 2; i++) {
        struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        int s = socket(AF_UNIX, SOCK_STREAM, 0);
        auto_free char *address = mem_printf("fd:%d", s);
        struct lab seen = *lab;

        strncpy(sa.sun_path, lab->socket, sizeof(sa.sun_path) - 1);
        cr_assert_eq(connect(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
        seen.socket = address;
        does(&seen, "create", "s1");
        close(s);
        chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
        lab_stop(lab);
    }
}

Test(reach, as_qemu_spells_it)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *address = mem_printf("unix:%s,server=on,wait=off", lab->socket);

    round_trip(lab, address);
    lab_stop(lab);
}

/* ---- a QEMU that sees something else ---- */

static char *bin;

/* From now on QEMU starts in a mount namespace of its own: the lab's folder is there what
 * everybody else sees as the folder "inside" in it, and the images are in that. */
static void wrap_qemu(const char *how)
{
    auto_free char *script = NULL, *path = NULL;
    FILE *f;

    if (getuid() != 0)
        cr_skip_test("needs root, for a mount namespace");
    bin = lab_new_folder();
    script = mem_printf("%s/qemu-system-x86_64", bin);
    f = fopen(script, "w");
    fprintf(f,
            "#!/bin/sh\n"
            "exec unshare -m sh -c '\n"
            "    mkdir inside && %s *.qcow2 inside && mount --bind inside \"$PWD\" &&\n"
            "    cd \"$PWD\" && PATH=%s exec qemu-system-x86_64 \"$@\"\n"
            "' sh \"$@\"\n",
            how, getenv("PATH"));
    fclose(f);
    chmod(script, 0755);
    path = mem_printf("%s:%s", bin, getenv("PATH"));
    setenv("PATH", path, 1);
}

static void unwrap_qemu(void)
{
    auto_free char *script = mem_printf("%s/qemu-system-x86_64", bin);

    unlink(script);
    rmdir(bin);
    free(bin);
}

Test(reach, qemu_makes_the_overlays_where_we_cannot)
{
    wrap_qemu("mv");
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});

    write_generation(lab, 0, 1);
    json_auto_t *doc = tells(lab, "create", "s1"), *chain = NULL;
    says(doc, "method", "sync");
    write_generation(lab, 0, 2);
    cr_expect(has_file(lab, "inside/vda.s1.qcow2"));
    cr_expect(!has_file(lab, "vda.s1.qcow2"));
    chain = tells(lab, "chain", "vda");
    says(chain, "disks.0.layers.1.snapshots.0", "s1");
    auto_result struct lab_result said = lab_run(lab, "-v", "create", "s2", NULL);
    cr_expect(strstr(said.err, "out of our reach"), "%s", said.err);
    write_generation(lab, 0, 3);
    holds(lab, 0, 3);
    json_auto_t *commit = tells(lab, "commit", "vda", "--force");
    says(commit, "kept.0.why", "out of reach");
    cr_expect(mentions(at(commit, "notes"), "vda.s1.qcow2 cannot be seen from here"));
    does(lab, "stream", "vdb");
    auto_free char *target = lab_path(lab, "copy.qcow2");
    does(lab, "mirror", "vda", target, "--pivot");
    holds(lab, 0, 3);
    cr_expect(has_file(lab, "inside/copy.qcow2"));
    does(lab, "create", "s3");
    chain_is(lab, 0, "copy.qcow2 <- vda.s3.qcow2");
    lab_stop(lab);
    unwrap_qemu();
}

/* Nothing is made by which it could be seen that QEMU has said so rightly. */
Test(reach, a_first_snapshot_inside_of_what_is_not_here_wants_a_place_for_its_record)
{
    wrap_qemu("mv");
    struct lab *lab = lab_start(&one);
    auto_free char *own = lab_path(lab, "own.json");
    json_auto_t *error = refuses(lab, 1, "create", "i1", "--internal");

    says(error, "desc", "is not there");
    says(error, "hint", "--sidecar FILE");
    json_decref(refuses(lab, 1, "-n", "create", "i1", "--internal"));
    does(lab, "--sidecar", own, "create", "i1", "--internal");
    cr_expect(!has_file(lab, "vda.qcow2.qrewind.json"));
    does(lab, "--sidecar", own, "create", "i2", "--internal");
    json_auto_t *known = tells(lab, "--sidecar", own, "list");
    says(known, "current", "i2");
    lab_stop(lab);
    unwrap_qemu();
}

/* Another VM here has images that are called like those that this one has in a container. */
Test(reach, a_sidecar_beside_files_that_qemu_does_not_have_is_not_its)
{
    wrap_qemu("cp");
    struct lab *lab = lab_start(&one);
    auto_free char *own = lab_path(lab, "own.json");

    json_decref(refuses(lab, 1, "create", "s1"));
    does(lab, "--sidecar", own, "create", "s1");
    json_auto_t *known = tells(lab, "--sidecar", own, "list");
    says(known, "current", "s1");
    cr_expect(has_file(lab, "inside/vda.s1.qcow2") && !has_file(lab, "vda.s1.qcow2"));
    /* as if it were the other's */
    auto_result struct lab_result r =
        lab_exec(lab->folder, WORDS("cp", "own.json", "vda.qcow2.qrewind.json"));
    auto_result struct lab_result list = lab_run(lab, "list", NULL);
    cr_expect(strstr(list.err, "another file than here") && strstr(list.err, "no snapshots"),
              "%s%s", list.out, list.err);
    json_auto_t *error = refuses(lab, 1, "create", "s2");
    says(error, "hint", "--sidecar FILE");
    does(lab, "--sidecar", own, "create", "s2");
    json_auto_t *other = sidecar_of(lab, "vda.qcow2");
    says(other, "current", "s1");
    lab_stop(lab);
    unwrap_qemu();
}

Test(reach, what_qemu_finds_there_is_not_overwritten)
{
    wrap_qemu("mv");
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});
    auto_result struct lab_result r =
        lab_exec(lab->folder, WORDS("sh", "-c", "echo precious >inside/vda.s1.qcow2"));

    cr_assert_eq(r.status, 0, "%s", r.err);
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s1");
    auto_free char *there = lab_path(lab, "vda.s1.qcow2");
    json_auto_t *copy = refuses(lab, 1, "mirror", "vdb", there, "--pivot");
    json_auto_t *forced = refuses(lab, 7, "create", "s1", "--method=snapshot");

    says(error, "desc", "exists already where QEMU runs");
    says(copy, "desc", "exists already where QEMU runs");
    says(forced, "hint", "--method=sync");
    unchanged(lab, state);
    lab_stop(lab);
    unwrap_qemu();
}

/* Where its folder is unknown, what such a name means is unknown, and a new one would go astray. */
Test(reach, names_relative_to_a_folder_that_we_cannot_see)
{
    wrap_qemu("mv");
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .relative = true});
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 7, "--sidecar", "s.json", "create", "s1");

    says(error, "desc", "vda.qcow2");
    says(error, "hint", "absolute file names");
    does(lab, "chain");
    unchanged(lab, state);
    lab_stop(lab);
    unwrap_qemu();
}
