/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create --quiesce with a real guest: its file systems are clean in the snapshot as they
 * are, without a journal to be replayed, and it goes on.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/agent.h"
#include "qmp/mem.h"
#include "snapshot/quiesce.h"
#include "tests/guest/guest.h"

enum { PATIENCE_MS = 60000 };

static struct guest *guest;

static char *freeze_status(void);

static void setup(void)
{
    guest = guest_start(&(struct guest_options){.disks = 2, .modern = true});
    free(freeze_status()); /* it may be ready before its agent is */
}

static void teardown(void)
{
    guest_stop(guest);
}

TestSuite(guest_quiesce, .init = setup, .fini = teardown, .timeout = 300);

/* Does the file system in @image wait for its journal to be replayed? That is the flag
 * "recover" in the superblock of ext4, which is there while it is in use. */
static bool needs_replay(const char *image)
{
    auto_free char *raw = mem_printf("%s.raw", image);
    const char *const convert[] = {"qemu-img", "convert", "-f", "qcow2", "-O",
                                   "raw",      image,     raw,  NULL};
    auto_result struct lab_result r = lab_exec(NULL, convert);
    unsigned char flags[4];

    cr_assert_eq(r.status, 0, "%s", r.err);
    auto_close int fd = open(raw, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(pread(fd, flags, 4, 1024 + 0x60), 4);
    unlink(raw);
    return flags[0] & 4;
}

static json_t *create(const char *name, const char *quiesce)
{
    int status;
    json_t *doc = lab_json(guest->lab, &status, "create", name, quiesce, NULL);
    auto_free char *words = json_dumps(doc, 0);

    cr_assert_eq(status, 0, "%s", words);
    return doc;
}

/* The guest, asked behind the program's back. */
static char *freeze_status(void)
{
    struct qmp_error err;
    struct agent *a = agent_open(NULL, guest->agent, false, PATIENCE_MS, &err);

    cr_assert(a, "%s", err.desc);
    json_auto_t *status = agent_call(a, "guest-fsfreeze-status", NULL, PATIENCE_MS, &err);
    cr_assert(status, "%s", err.desc);
    agent_close(a);
    return mem_strdup(json_string_value(status));
}

static void expect_going_on(void)
{
    long at = guest_position(guest);
    auto_free char *status = freeze_status();

    cr_expect_str_eq(status, "thawed");
    cr_expect_gt(guest_position(guest), at);
}

Test(guest_quiesce, leaves_clean_file_systems_in_the_snapshot_and_a_guest_that_goes_on)
{
    json_auto_t *doc = create("s1", "--quiesce");
    long last = 0;

    json_decref(create("s2", "--quiesce=no"));

    cr_expect(json_is_true(json_object_get(doc, "quiesced")));
    cr_expect_gt(json_number_value(json_object_get(doc, "frozen_ms")), 0);
    expect_going_on();
    lab_kill(guest->lab);
    for (int n = 0; n < 2; n++) {
        auto_free char *name = mem_printf("vd%c.qcow2", 'a' + n);
        auto_free char *path = lab_path(guest->lab, name);
        auto_free char *overlay = mem_printf("vd%c.s1.qcow2", 'a' + n);
        auto_free char *unquiesced = lab_path(guest->lab, overlay);
        auto_free char *wrong = guest_check_disk(path, "qcow2", &last);

        cr_expect_null(wrong, "%s: %s", name, wrong);
        cr_expect_gt(last, 0);
        cr_expect_not(needs_replay(path), "%s", name);
        /* the other one shows that the flag means something */
        cr_expect(needs_replay(unquiesced), "%s", overlay);
    }
}

Test(guest_quiesce, takes_internal_snapshots_the_same_way)
{
    json_auto_t *doc = create("s1", "--quiesce");
    int status;
    json_auto_t *internal =
        lab_json(guest->lab, &status, "create", "--internal", "--quiesce", "i1", NULL);

    cr_expect(json_is_true(json_object_get(doc, "quiesced")));
    cr_assert_eq(status, 0);
    cr_expect(json_is_true(json_object_get(internal, "quiesced")));
    expect_going_on();
}

Test(guest_quiesce, freezes_only_what_is_mounted_where_it_is_told)
{
    int status;
    json_auto_t *doc = lab_json(guest->lab, &status, "create", "s1", "--quiesce",
                                "--freeze-mountpoints=/disks/vda", NULL);

    cr_assert_eq(status, 0);
    cr_expect(json_is_true(json_object_get(doc, "quiesced")));
    expect_going_on();
    lab_kill(guest->lab);
    for (int n = 0; n < 2; n++) {
        auto_free char *name = mem_printf("vd%c.qcow2", 'a' + n);
        auto_free char *path = lab_path(guest->lab, name);

        cr_expect_eq(needs_replay(path), n == 1, "%s", name);
    }
}

Test(guest_quiesce, names_the_mountpoint_that_the_guest_does_not_have)
{
    auto_result struct lab_result r =
        lab_run(guest->lab, "create", "s1", "--quiesce", "--freeze-mountpoints=/nosuch", NULL);

    cr_expect_eq(r.status, 1);
    cr_expect(strstr(r.err, "can freeze: /nosuch"), "%s", r.err);
}

Test(guest_quiesce, says_that_somebody_else_talks_to_the_agent)
{
    struct qmp_error err;
    struct agent *other = agent_open(NULL, guest->agent, false, PATIENCE_MS, &err);
    auto_result struct lab_result r = lab_run(guest->lab, "create", "s1", "--quiesce", NULL);

    cr_assert(other, "%s", err.desc);
    cr_expect_eq(r.status, 4);
    cr_expect(strstr(r.err, "another client"), "%s", r.err);
    agent_close(other);
}

/* Killed in a child of the test, because the program is too quick to be killed in time. */
Test(guest_quiesce, does_not_stay_frozen_when_we_are_killed)
{
    int said[2];
    char word = 0;

    cr_assert_eq(pipe2(said, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct event_base *base = event_base_new();
        struct quiesce_options o = {.agent = guest->agent, .timeout_ms = PATIENCE_MS};
        char frozen = quiesce_begin(base, NULL, &o, NULL) ? 'y' : 'n';

        if (write(said[1], &frozen, 1) == 1)
            pause();
        _exit(1);
    }
    cr_assert_eq(read(said[0], &word, 1), 1);
    cr_expect_eq(word, 'y');
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    expect_going_on();
    close(said[0]);
    close(said[1]);
}

/* Whatever it is that the program waits for: the guest's writes must not wait for ever. */
Test(guest_quiesce, many_times_in_a_row_leaves_a_guest_that_goes_on)
{
    for (int i = 0; i < 10; i++) {
        auto_free char *name = mem_printf("s%d", i);
        json_auto_t *doc = create(name, "--quiesce");

        cr_expect(json_is_true(json_object_get(doc, "quiesced")), "%s", name);
    }
    expect_going_on();
}
