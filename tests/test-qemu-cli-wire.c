/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs that speak QMP as it is: qmp, qmp -, events; and --trace. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

#define run(lab, ...) lab_run(lab, __VA_ARGS__, NULL)

static struct lab *no_disks(void)
{
    return lab_start(&(struct lab_options){.disks = 0});
}

/* The lines of @text_ as an array of documents. */
static json_t *documents(char *text_)
{
    json_t *all = json_array();

    for (char *save, *l = strtok_r(text_, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        json_t *doc = json_loads(l, 0, NULL);

        cr_expect_not_null(doc, "%s", l);
        json_array_append_new(all, doc ? doc : json_null());
    }
    return all;
}

/* Read from @fd until a whole line came. */
static char *read_line(int fd)
{
    char *line = mem_alloc(65536);
    size_t n = 0;

    while (n < 65535 && read(fd, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = 0;
    return line;
}

static void write_all(int fd, const char *words)
{
    cr_assert_eq(write(fd, words, strlen(words)), (ssize_t)strlen(words));
}

/* ---- qmp ---- */

Test(qmp, one_command_prints_what_it_returned)
{
    struct lab *lab = no_disks();
    auto_result struct lab_result r = run(lab, "qmp", "query-status");
    json_auto_t *doc = json_loads(r.out, 0, NULL);

    cr_assert_eq(r.status, 0, "%s", r.err);
    says(doc, "status", "prelaunch");

    json_auto_t *json = tells(lab, "qmp", "query-status");
    says(json, "return.status", "prelaunch");
    lab_stop(lab);
}

Test(qmp, arguments_are_typed_and_nested_or_one_object)
{
    struct lab *lab = no_disks();

    does(lab, "qmp", "blockdev-add", "driver=null-co", "node-name=a", "size=1024",
         "read-zeroes=true");
    does(lab, "qmp", "blockdev-add",
         "{\"driver\":\"null-co\",\"node-name\":\"b\",\"size\":2048,\"read-zeroes\":true}");
    does(lab, "qmp", "blockdev-add", "driver=raw", "node-name=c", "file.driver=null-co",
         "file.node-name=d", "file.read-zeroes=true");
    json_auto_t *nodes = lab_qmp(lab, "query-named-block-nodes", NULL);
    cr_expect_eq(json_array_size(nodes), 4);
    lab_stop(lab);
}

Test(qmp, what_the_human_monitor_says_is_text)
{
    struct lab *lab = no_disks();
    auto_result struct lab_result r =
        run(lab, "qmp", "human-monitor-command", "command-line=info status");

    cr_expect_str_eq(r.out, "VM status: paused (prelaunch)\n");
    lab_stop(lab);
}

Test(qmp, an_error_of_qemus_has_its_words_and_class)
{
    struct lab *lab = no_disks();
    auto_result struct lab_result r = run(lab, "qmp", "zebra");
    json_auto_t *error = refuses(lab, 1, "qmp", "zebra");

    cr_expect_eq(r.status, 1);
    cr_expect_str_eq(
        r.err, "qrewind: qmp: zebra: The command zebra has not been found (CommandNotFound)\n");
    says(error, "kind", "command");
    says(error, "class", "CommandNotFound");
    lab_stop(lab);
}

/* ---- qmp - ---- */

Test(qmp_lines, commands_are_answered_with_their_ids_and_it_ends_with_them)
{
    struct lab *lab = no_disks();
    struct lab_process p = lab_begin(lab, "qmp", "-", NULL);

    write_all(p.in, "{\"execute\":\"query-status\",\"id\":{\"a\":[1,null]}}\n"
                    "\n"
                    "{\"execute\":\"query-name\"}\r\n"
                    "{\"execute\":\"zebra\",\"id\":\"x\"}\n"
                    "{\"execute\":\"query-kvm\",\"arguments\":{},\"id\":null}");
    auto_result struct lab_result r = lab_finish(&p);
    json_auto_t *docs = documents(r.out);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert_eq(json_array_size(docs), 4);
    cr_expect_eq(number(docs, "0.id.a.0"), 1);
    says(docs, "0.return.status", "prelaunch");
    cr_expect_null(at(docs, "1.id"));
    cr_expect_not_null(at(docs, "1.return"));
    says(docs, "2.id", "x");
    says(docs, "2.error.class", "CommandNotFound");
    cr_expect(json_is_null(at(docs, "3.id")));
    lab_stop(lab);
}

Test(qmp_lines, a_broken_line_is_answered_and_the_next_one_works)
{
    struct lab *lab = no_disks();
    struct lab_process p = lab_begin(lab, "qmp", "-", NULL);

    write_all(p.in, "zebra\n[1]\n{\"id\":7}\n{\"execute\":\"x\",\"arguments\":[],\"id\":8}\n"
                    "{\"execute\":\"query-status\",\"id\":9}\n");
    auto_result struct lab_result r = lab_finish(&p);
    json_auto_t *docs = documents(r.out);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert_eq(json_array_size(docs), 5);
    for (size_t i = 0; i < 4; i++)
        cr_expect_not_null(json_object_get(json_array_get(docs, i), "error"), "%zu", i);
    cr_expect_eq(number(docs, "2.id"), 7);
    cr_expect_eq(number(docs, "3.id"), 8);
    cr_expect_eq(number(docs, "4.id"), 9);
    lab_stop(lab);
}

Test(qmp_lines, thousands_of_commands_from_a_file_are_all_answered_in_order)
{
    struct lab *lab = no_disks();
    auto_free char *file = lab_path(lab, "commands");
    FILE *f = fopen(file, "w");

    for (int i = 0; i < 3000; i++)
        fprintf(f, "{\"execute\":\"query-name\",\"id\":%d}\n", i);
    fclose(f);
    auto_free char *program =
        realpath(getenv("QREWIND") ? getenv("QREWIND") : "build/qrewind", NULL);
    auto_free char *line = mem_printf("%s -s %s qmp - <%s", program, lab->socket, file);
    auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"sh", "-c", line, NULL});
    json_auto_t *docs = documents(r.out);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert_eq(json_array_size(docs), 3000);
    for (int i = 0; i < 3000; i++)
        cr_assert_eq(json_integer_value(json_object_get(json_array_get(docs, (size_t)i), "id")), i);
    lab_stop(lab);
}

Test(qmp_lines, no_input_at_all_is_no_failure)
{
    struct lab *lab = no_disks();
    auto_free char *program =
        realpath(getenv("QREWIND") ? getenv("QREWIND") : "build/qrewind", NULL);
    auto_free char *line = mem_printf("%s -s %s qmp - </dev/null", program, lab->socket);
    auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"sh", "-c", line, NULL});

    cr_expect_eq(r.status, 0, "%s", r.err);
    cr_expect_str_empty(r.out);
    cr_expect_str_empty(r.err);
    lab_stop(lab);
}

Test(qmp_lines, qemus_end_is_4)
{
    struct lab *lab = no_disks();
    struct lab_process p = lab_begin(lab, "qmp", "-", NULL);

    write_all(p.in, "{\"execute\":\"query-status\",\"id\":1}\n");
    auto_free char *first = read_line(p.out);
    cr_expect_not_null(strstr(first, "prelaunch"));
    lab_kill(lab);
    auto_free char *end = read_line(p.out); /* while its input is still open */
    cr_expect_str_empty(end);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 4);
    cr_expect_not_null(strstr(r.err, "qrewind: qmp: "), "%s", r.err);
    lab_stop(lab);
}

Test(qmp_lines, a_command_that_is_never_answered_is_a_failure_though_the_input_ended)
{
    struct lab *lab = no_disks();
    struct lab_process p = lab_begin(lab, "qmp", "-", NULL);

    write_all(p.in, "{\"execute\":\"query-status\",\"id\":1}\n");
    auto_free char *first = read_line(p.out);
    cr_expect_not_null(strstr(first, "prelaunch"));
    lab_halt(lab);
    write_all(p.in, "{\"execute\":\"query-status\",\"id\":2}\n");
    close(p.in);
    p.in = -1;
    lab_kill(lab);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 4, "%s", r.out);
    lab_stop(lab);
}

/* ---- events ---- */

/* Start `events`, and be sure that it is connected. */
static struct lab_process listen(struct lab *lab, const char *filter)
{
    struct lab_process p = filter ? lab_begin(lab, "events", "--filter", filter, NULL)
                                  : lab_begin(lab, "events", NULL);

    /* the monitor greets one client at a time: a second one stays without an answer
     * exactly when ours is connected */
    for (int i = 0; i < 100; i++) {
        auto_result struct lab_result r = run(lab, "-t", "0.1", "qmp", "query-name");

        if (r.status == 4)
            return p;
    }
    lab_fail("'events' does not connect");
}

Test(events, are_lines_until_the_interrupt_which_is_no_failure)
{
    static const int signals[] = {SIGINT, SIGTERM};

    for (int i = 0; i < 2; i++) {
        struct lab *lab = no_disks();
        struct lab_process p = listen(lab, NULL);

        json_decref(lab_qmp(lab, "cont", NULL));
        auto_free char *line = read_line(p.out);
        json_auto_t *event = json_loads(line, 0, NULL);
        says(event, "event", "RESUME");
        kill(p.pid, signals[i]);
        auto_result struct lab_result r = lab_finish(&p);
        cr_expect_eq(r.status, 0, "%s", r.err);
        cr_expect_str_empty(r.err);
        lab_stop(lab);
    }
}

Test(events, only_those_that_were_asked_for)
{
    struct lab *lab = no_disks();
    struct lab_process p = listen(lab, "STOP");

    json_decref(lab_qmp(lab, "cont", NULL));
    json_decref(lab_qmp(lab, "stop", NULL));
    auto_free char *line = read_line(p.out);
    json_auto_t *event = json_loads(line, 0, NULL);
    says(event, "event", "STOP");
    kill(p.pid, SIGINT);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 0);
    lab_stop(lab);
}

Test(events, qemus_end_is_4)
{
    struct lab *lab = no_disks();
    struct lab_process p = listen(lab, NULL);

    lab_kill(lab);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 4);
    cr_expect_not_null(strstr(r.err, "qrewind: events: "), "%s", r.err);
    lab_stop(lab);
}

Test(events, a_monitor_that_another_client_holds_is_named_as_such)
{
    struct lab *lab = no_disks();
    struct lab_process p = listen(lab, NULL);
    auto_result struct lab_result r = run(lab, "-t", "0.2", "info");

    cr_expect_eq(r.status, 4);
    cr_expect_not_null(strstr(r.err, "another client"), "%s", r.err);
    kill(p.pid, SIGINT);
    auto_result struct lab_result end = lab_finish(&p);
    cr_expect_eq(end.status, 0);
    lab_stop(lab);
}

/* ---- the trace ---- */

Test(trace, has_every_line_in_both_directions_with_the_time)
{
    struct lab *lab = no_disks();
    auto_free char *file = lab_path(lab, "trace");
    auto_result struct lab_result r = run(lab, "--trace", file, "qmp", "query-status");
    auto_result struct lab_result cat = lab_exec(NULL, (const char *[]){"cat", file, NULL});
    json_auto_t *docs = documents(cat.out);

    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert_eq(json_array_size(docs), 5);
    cr_expect_not_null(at(docs, "0.received.QMP"));
    says(docs, "1.sent.execute", "qmp_capabilities");
    says(docs, "3.sent.execute", "query-status");
    says(docs, "4.received.return.status", "prelaunch");
    for (size_t i = 0; i < 5; i++) {
        const char *time = text(json_array_get(docs, i), "time");

        cr_expect(time && strlen(time) == strlen("2026-11-21T10:00:00.123456Z"), "%s", time);
    }
    lab_stop(lab);
}

Test(trace, is_appended_to_and_never_cuts_a_file_short)
{
    struct lab *lab = no_disks();
    auto_free char *file = lab_path(lab, "trace");
    FILE *f = fopen(file, "w");

    fputs("{\"mine\":1}\n", f);
    fclose(f);
    does(lab, "--trace", file, "qmp", "query-name");
    auto_result struct lab_result cat = lab_exec(NULL, (const char *[]){"cat", file, NULL});
    json_auto_t *docs = documents(cat.out);
    cr_expect_eq(number(docs, "0.mine"), 1);
    cr_expect_eq(json_array_size(docs), 6);
    lab_stop(lab);
}

Test(trace, a_file_that_cannot_be_written_is_said_before_anything_is_done)
{
    struct lab *lab = no_disks();
    auto_result struct lab_result r = run(lab, "--trace", "/nowhere/trace", "qmp", "cont");
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);

    cr_expect_eq(r.status, 1);
    cr_expect_str_eq(r.err, "qrewind: qmp: --trace /nowhere/trace: No such file or directory\n");
    says(status, "status", "prelaunch");
    lab_stop(lab);
}
