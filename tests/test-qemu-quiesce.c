/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create --quiesce: the whole program, with a QEMU whose guest is only played by a fake
 * agent. What a real guest makes of it is in test-qemu-guest-quiesce.c.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/fake-agent/fake-agent.h"
#include "tests/lab/lab.h"
#include "tests/tidy/tidy.h"

#define FREEZE "guest-fsfreeze-freeze"
#define THAW "guest-fsfreeze-thaw"
#define STATUS "guest-fsfreeze-status"

static struct event_base *base;
static struct fake_agent *fake;
static struct lab *lab;

static void start(bool running)
{
    base = event_base_new();
    fake = fake_agent_new(base);
    lab = lab_start(&(struct lab_options){.disks = 2, .modern = true, .running = running});
}

static void setup(void)
{
    start(true);
}

static void teardown(void)
{
    lab_stop(lab);
    fake_agent_await_end(fake);
    fake_agent_free(fake);
    event_base_free(base);
}

TestSuite(qemu_quiesce, .init = setup, .fini = teardown, .timeout = 120);

static void on_child(evutil_socket_t number, short what, void *arg)
{
}

/* Let the agent serve until the program has ended. */
static struct lab_result serve(struct lab_process *p)
{
    struct event *e = evsignal_new(base, SIGCHLD, on_child, NULL);
    siginfo_t ended = {0};

    event_add(e, NULL);
    while (!waitid(P_PID, (id_t)p->pid, &ended, WEXITED | WNOHANG | WNOWAIT) && !ended.si_pid)
        event_base_loop(base, EVLOOP_ONCE);
    event_free(e);
    return lab_finish(p);
}

static struct lab_process begin(const char *quiesce, const char *more)
{
    return lab_begin(lab, "--json", "--agent", fake_agent_address(fake), "create", "s1", quiesce,
                     more, NULL);
}

/* Create with @quiesce; returns the document. */
static json_t *create(int status, const char *quiesce, const char *more)
{
    struct lab_process p = begin(quiesce, more);
    auto_result struct lab_result r = serve(&p);
    json_t *doc = json_loads(r.out, 0, NULL);

    cr_assert_eq(r.status, status, "%d: %s%s", r.status, r.out, r.err);
    cr_assert(doc, "%s", r.out);
    return doc;
}

static bool says(const json_t *doc, const char *key)
{
    return json_is_true(json_object_get(doc, key));
}

static bool notes(const json_t *doc, const char *words)
{
    auto_free char *all = json_dumps(json_object_get(doc, "notes"), 0);

    return all && strstr(all, words);
}

/* What the sidecar says of the snapshot. */
static bool recorded_as_quiesced(void)
{
    int status;
    json_auto_t *doc = lab_json(lab, &status, "show", "s1", NULL);

    cr_assert_eq(status, 0);
    return says(json_object_get(doc, "snapshot"), "quiesced");
}

static bool is_taken(void)
{
    auto_free char *overlay = lab_path(lab, "vda.s1.qcow2");

    return !access(overlay, F_OK);
}

/* ---- as it should be ---- */

Test(qemu_quiesce, takes_the_snapshot_between_freeze_and_thaw)
{
    json_auto_t *doc = create(0, "--quiesce", NULL);

    cr_expect(says(doc, "quiesced"));
    cr_expect_gt(json_number_value(json_object_get(doc, "frozen_ms")), 0);
    cr_expect(recorded_as_quiesced());
    cr_expect_str_eq(fake_agent_log(fake), "+ " STATUS " " FREEZE " " THAW " " STATUS " ");
}

Test(qemu_quiesce, takes_internal_snapshots_the_same_way)
{
    json_auto_t *doc = create(0, "--quiesce", "--internal");

    cr_expect(says(doc, "quiesced"));
    cr_expect(recorded_as_quiesced());
}

Test(qemu_quiesce, stops_a_guest_only_when_it_is_thawed)
{
    json_auto_t *doc = create(0, "--quiesce", "--halt");
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);

    cr_expect(says(doc, "quiesced"));
    cr_expect_not(fake_agent_frozen(fake));
    cr_expect_str_eq(json_string_value(json_object_get(status, "status")), "paused");
}

Test(qemu_quiesce, shows_both_steps_and_asks_nothing_in_a_dry_run)
{
    json_auto_t *doc = create(0, "--quiesce=try", "--dry-run");
    const char *last[] = {"freeze", "qmp", "thaw"};
    const json_t *plan = json_object_get(doc, "plan");
    size_t n = json_array_size(plan);

    cr_assert_geq(n, 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect_str_eq(
            json_string_value(json_object_get(json_array_get(plan, n - 3 + i), "step")), last[i]);
    cr_expect_str_eq(fake_agent_log(fake), "");
}

/* ---- guests that do not do what they are asked ---- */

Test(qemu_quiesce, that_is_required_and_refused_changes_nothing)
{
    fake_agent_answer(fake, FREEZE, "! GenericError a hook failed");
    json_auto_t *doc = create(1, "--quiesce=require", NULL);
    auto_free char *words = json_dumps(doc, 0);

    cr_expect(strstr(words, "a hook failed"), "%s", words);
    cr_expect_not(is_taken());
    fake_agent_await(fake, THAW " " STATUS, 1);
    fake_agent_answer(fake, FREEZE, NULL);
    json_decref(create(0, "--quiesce", NULL));
    cr_expect(is_taken());
}

static const struct {
    const char *what, *command, *lines, *note;
} tries[] = {
    {"refused", FREEZE, "! GenericError a hook failed", "not quiesced"},
    {"nothing to freeze", FREEZE, "= 0", "not quiesced"},
    {"no answer", FREEZE, "act", "not quiesced"},
    {"no agent", "guest-sync-delimited", "", "not quiesced"},
    {"the guest thaws by itself", THAW, "expire\n! GenericError limited up to 10 seconds",
     "quiesce expired"},
    {"a thaw that does nothing", THAW, "! GenericError no", "could not be thawed"},
};

Test(qemu_quiesce, that_is_only_tried_is_said_to_have_failed)
{
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        fake_agent_answer(fake, tries[i].command, tries[i].lines);
        json_auto_t *doc = create(0, "--quiesce=try", "--freeze-timeout=1");

        cr_expect(notes(doc, tries[i].note), "%s", tries[i].what);
        cr_expect_not(says(doc, "quiesced"), "%s", tries[i].what);
        cr_expect_not(recorded_as_quiesced(), "%s", tries[i].what);
        cr_expect(is_taken(), "%s", tries[i].what);
        fake_agent_answer(fake, tries[i].command, NULL);
        while (fake_agent_frozen(fake))
            event_base_loop(base, EVLOOP_ONCE);
        teardown();
        setup();
    }
}

static size_t count_snapshots(void)
{
    int status;
    json_auto_t *doc = lab_json(lab, &status, "list", NULL);

    cr_assert_eq(status, 0);
    return json_array_size(json_object_get(doc, "snapshots"));
}

static void is_taken_back(const char *lines, const char *note, const char *more)
{
    fake_agent_answer(fake, THAW, lines);
    json_auto_t *doc = create(1, "--quiesce", more);
    auto_free char *words = json_dumps(doc, 0);
    cr_expect(strstr(words, note), "%s", words);
    cr_expect(strstr(words, "s1 is taken back"), "%s", words);
    cr_expect_not(is_taken(), "%s", words);
    cr_expect_eq(count_snapshots(), 0);
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);
    cr_expect_str_eq(json_string_value(json_object_get(status, "status")), "running");
    is_tidy(lab);

    fake_agent_answer(fake, THAW, NULL);
    while (fake_agent_frozen(fake))
        event_base_loop(base, EVLOOP_ONCE);
    json_decref(create(0, "--quiesce", more));
    cr_expect(recorded_as_quiesced());
}

Test(qemu_quiesce, that_is_required_is_taken_back_where_the_freeze_did_not_hold)
{
    static const char *const more[] = {NULL, "--internal", "--halt"};

    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        is_taken_back("expire\n! GenericError limited up to 10 seconds", "quiesce expired",
                      more[i]);
        teardown();
        setup();
    }
    is_taken_back("! GenericError no", "could not be thawed", NULL);
}

/* Nothing more can be recorded from the thaw on. */
static void block_sidecar(struct fake_agent *f, const char *command, void *arg)
{
    if (!strcmp(command, THAW))
        cr_assert_eq(mkdir(arg, 0700), 0);
}

Test(qemu_quiesce, that_cannot_be_taken_back_is_said_to_be_taken)
{
    auto_free char *blocked = lab_path(lab, "vda.qcow2.qrewind.json.new");

    fake_agent_watch(fake, block_sidecar, blocked);
    fake_agent_answer(fake, THAW, "expire\n! GenericError limited up to 10 seconds");
    json_auto_t *doc = create(5, "--quiesce", NULL);
    auto_free char *words = json_dumps(doc, 0);
    cr_expect(strstr(words, "s1 was taken, but not quiesced: qrewind delete s1"), "%s", words);
    cr_expect(is_taken());
    cr_assert_eq(rmdir(blocked), 0);
    fake_agent_watch(fake, NULL, NULL);

    auto_result struct lab_result gone = lab_run(lab, "delete", "s1", NULL);
    cr_expect_eq(gone.status, 0, "%s", gone.err);
    is_tidy(lab);
}

/* ---- where there is nothing to freeze ---- */

static const struct {
    const char *quiesce, *more, *words;
    int status;
} senseless[] = {
    {"--quiesce=require", "--memory", "nothing may be frozen", 1},
    {"--quiesce=no", "--freeze-timeout=1", "need --quiesce", 2},
    {"--quiesce=no", "--freeze-mountpoints=/", "need --quiesce", 2},
    {"--quiesce=try", "--freeze-timeout=601", "at most 600", 2},
};

Test(qemu_quiesce, that_makes_no_sense_is_not_begun)
{
    for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
        json_auto_t *doc = create(senseless[i].status, senseless[i].quiesce, senseless[i].more);
        auto_free char *words = json_dumps(doc, 0);

        cr_expect(strstr(words, senseless[i].words), "%s", words);
        cr_expect_str_eq(fake_agent_log(fake), "");
    }
}

Test(qemu_quiesce, of_a_paused_guest_is_not_begun)
{
    teardown();
    start(false);
    json_auto_t *refused = create(1, "--quiesce", NULL);
    json_auto_t *doc = create(0, "--quiesce=try", NULL);

    cr_expect_not(json_is_true(json_object_get(refused, "ok")));
    cr_expect(notes(doc, "paused"));
    cr_expect_str_eq(fake_agent_log(fake), "");
}

Test(qemu_quiesce, without_a_line_to_the_agent_says_what_qemu_needs)
{
    auto_result struct lab_result r = lab_run(lab, "create", "s1", "--quiesce", NULL);
    auto_result struct lab_result t = lab_run(lab, "create", "s1", "--quiesce=try", NULL);

    cr_expect_eq(r.status, 4);
    cr_expect(strstr(r.err, "virtserialport"), "%s", r.err);
    cr_expect_eq(t.status, 0, "%s", t.err);
    cr_expect(strstr(t.err, "not quiesced"), "%s", t.err);
}

static const struct {
    const char *agent;
    int status;
} unreached[] = {{"nowhere.sock", 4}, {"vda.qcow2", 4}, {"tcp:nonsense", 2}};

Test(qemu_quiesce, of_an_agent_that_is_not_reached_changes_nothing)
{
    fake_agent_answer(fake, "guest-sync-delimited", "");
    json_decref(create(4, "--quiesce", "--freeze-timeout=0.5"));
    for (size_t i = 0; i < sizeof(unreached) / sizeof(unreached[0]); i++) {
        auto_result struct lab_result r =
            lab_run(lab, "--agent", unreached[i].agent, "create", "s1", "--quiesce", NULL);

        cr_expect_eq(r.status, unreached[i].status, "%s: %d: %s", unreached[i].agent, r.status,
                     r.err);
    }
    cr_expect_not(is_taken());
    is_tidy(lab);
}

/* ---- dying ---- */

static void stop_program(struct fake_agent *f, const char *command, void *arg)
{
    const struct lab_process *p = arg;

    if (!strcmp(command, FREEZE))
        kill(p->pid, SIGSTOP);
}

/* The agent stops the program just before it has frozen: the transaction was not sent. */
Test(qemu_quiesce, thaws_when_the_program_is_killed_while_the_guest_is_frozen)
{
    struct lab_process p = begin("--quiesce", NULL);

    fake_agent_watch(fake, stop_program, &p);
    while (!fake_agent_frozen(fake))
        event_base_loop(base, EVLOOP_ONCE);
    kill(p.pid, SIGKILL);
    auto_result struct lab_result r = serve(&p);
    cr_expect_eq(r.status, 128 + SIGKILL);
    fake_agent_await(fake, THAW " " STATUS, 1);
    cr_expect_not(fake_agent_frozen(fake));

    /* what it had begun is undone by the next one */
    fake_agent_watch(fake, NULL, NULL);
    json_auto_t *doc = create(0, "--quiesce", NULL);
    cr_expect(says(doc, "quiesced"));
}

/* The program does not die, it just does not go on. */
Test(qemu_quiesce, thaws_when_the_program_hangs_while_the_guest_is_frozen)
{
    struct lab_process p = begin("--quiesce=try", "--freeze-timeout=0.5");

    fake_agent_watch(fake, stop_program, &p);
    fake_agent_await(fake, THAW " " STATUS, 1);
    cr_expect_not(fake_agent_frozen(fake));
    kill(p.pid, SIGCONT);
    auto_result struct lab_result r = serve(&p);
    cr_expect_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.out, "quiesce expired"), "%s", r.out);
    cr_expect_not(recorded_as_quiesced());
}

/* With the keeper killed as well, the next command thaws. */
Test(qemu_quiesce, left_behind_by_everybody_is_thawed_by_the_next_command)
{
    struct lab_process p = begin("--quiesce", NULL);

    fake_agent_watch(fake, stop_program, &p);
    while (!fake_agent_frozen(fake))
        event_base_loop(base, EVLOOP_ONCE);
    kill(fake_agent_peer(fake), SIGKILL);
    kill(p.pid, SIGKILL);
    auto_result struct lab_result killed = serve(&p);
    cr_assert(fake_agent_frozen(fake));

    struct lab_process repair = lab_begin(lab, "--agent", fake_agent_address(fake), "repair", NULL);
    auto_result struct lab_result r = serve(&repair);
    cr_expect_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.err, "still frozen"), "%s", r.err);
    cr_expect_not(fake_agent_frozen(fake));
}
