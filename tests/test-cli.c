/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program without a QEMU: wrong usage, help, what it says when nobody answers. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/lab/lab.h"

enum { MOST = 16 };

/* Run the words of @line. */
static struct lab_result run(const char *line)
{
    const char *argv[MOST + 1] = {0};
    auto_free char *copy = mem_strdup(line);
    size_t n = 0;

    for (char *save, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    return lab_exec(NULL, argv);
}

Test(cli, wrong_usage_says_what_is_wrong_and_ends_with_2)
{
    static const struct {
        const char *line, *want;
    } table[] = {
        {"qrewind", "qrewind: no verb given\n  'qrewind help' lists the verbs\n"},
        {"qrewind lsit", "qrewind: unknown verb 'lsit'\n  did you mean list?\n"},
        {"qrewind zebra", "qrewind: unknown verb 'zebra'\n  'qrewind help' lists the verbs\n"},
        {"qrewind help zebra",
         "qrewind: help: unknown verb 'zebra'\n  'qrewind help' lists the verbs\n"},
        {"qrewind --sokcet x list",
         "qrewind: unknown option '--sokcet'\n  did you mean --socket?\n"},
        {"qrewind list --tere", "qrewind: list: unknown option '--tere'\n  did you mean --tree?\n"},
        {"qrewind list",
         "qrewind: list: no monitor given\n  --socket ADDRESS or $QREWIND_SOCKET; "
         "QEMU opens one with -qmp unix:/tmp/vm.sock,server=on,wait=off; without a VM: "
         "--image FILE\n"},
        {"qrewind list x",
         "qrewind: list: one argument too many: 'x'\n  see 'qrewind help list'\n"},
        {"qrewind show", "qrewind: show: NAME is missing\n  see 'qrewind help show'\n"},
        {"qrewind commit", "qrewind: commit: DISK is missing\n  see 'qrewind help commit'\n"},
        {"qrewind mirror vda", "qrewind: mirror: FILE is missing, or --pivot or --finish\n"},
        {"qrewind mirror vda f --pivot --finish",
         "qrewind: mirror: --pivot and --finish exclude each other\n"},
        {"qrewind job speed j", "qrewind: job: N is missing\n"},
        {"qrewind job speed j 1x", "qrewind: job: N: '1x' is not a size like 512k, 10M or 1G\n"},
        {"qrewind prune --keep-last 1k",
         "qrewind: prune: --keep-last: '1k' is not a number\n  see 'qrewind help prune'\n"},
        {"qrewind create --max-depth=0 s", "qrewind: create: --max-depth: '0' is not a number "
                                           "above 0\n  see 'qrewind help create'\n"},
        {"qrewind job pause j 1", "qrewind: job: one argument too many: '1'\n"},
        {"qrewind events -i disk.qcow2", "qrewind: events: this verb does not take --image\n"},
        {"qrewind -n list", "qrewind: list: this verb does not take --dry-run\n"},
        {"qrewind -S f events", "qrewind: events: this verb does not take --sidecar\n"},
        {"qrewind qmp - x", "qrewind: qmp: with - the commands come from stdin\n"},
        {"qrewind qmp stop x", "qrewind: qmp: 'x' is not KEY=VALUE\n  or all arguments as one JSON "
                               "object: '{\"node-name\":\"a\"}'\n"},
        {"qrewind -t soon list", "qrewind: --timeout: 'soon' is not a number of seconds\n"},
        {"qrewind \033[2J", "qrewind: unknown verb '\\x1b[2J'\n  'qrewind help' lists the verbs\n"},
    };

    unsetenv("QREWIND_SOCKET");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        auto_result struct lab_result r = run(table[i].line);

        cr_expect_eq(r.status, 2, "%s", table[i].line);
        cr_expect_str_empty(r.out, "%s", table[i].line);
        cr_expect_str_eq(r.err, table[i].want, "%s: %s", table[i].line, r.err);
    }
}

Test(cli, json_makes_a_document_of_every_failure)
{
    static const struct {
        const char *line, *kind;
        int status;
    } table[] = {
        {"qrewind --json list --zebra", "usage", 2},
        {"qrewind list --zebra --json", "usage", 2},
        {"qrewind zebra -j", "usage", 2},
        {"qrewind -j", "usage", 2},
        {"qrewind -j -s /nowhere list", "connect", 4},
    };

    unsetenv("QREWIND_SOCKET");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        auto_result struct lab_result r = run(table[i].line);
        json_auto_t *doc = json_loads(r.out, 0, NULL);
        json_t *error = json_object_get(doc, "error");

        cr_expect_eq(r.status, table[i].status, "%s", table[i].line);
        cr_expect_str_empty(r.err, "%s: %s", table[i].line, r.err);
        cr_assert_not_null(error, "%s: %s", table[i].line, r.out);
        cr_expect(json_is_false(json_object_get(doc, "ok")));
        cr_expect_str_eq(json_string_value(json_object_get(error, "kind")), table[i].kind);
        cr_expect(json_is_string(json_object_get(error, "class")));
        cr_expect(json_is_string(json_object_get(error, "context")));
        cr_expect(json_string_length(json_object_get(error, "desc")) > 0);
    }
}

Test(cli, help_has_a_line_for_every_verb)
{
    static const char *const verbs[] = {"create", "list",   "show",   "current", "disks", "chain",
                                        "info",   "commit", "stream", "mirror",  "jobs",  "job",
                                        "events", "qmp",    "repair", "help"};
    auto_result struct lab_result r = run("qrewind help"), again = run("qrewind --help");

    cr_expect_eq(r.status, 0);
    cr_expect_str_empty(r.err);
    cr_expect_str_eq(r.out, again.out);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        auto_free char *line = mem_printf("\n  %s ", verbs[i]);

        cr_expect_not_null(strstr(r.out, line), "%s", verbs[i]);
    }
}

static void check_help(const char *verb)
{
    auto_free char *line = mem_printf("qrewind help %s", verb);
    auto_free char *other = mem_printf("qrewind %s --help", verb);
    auto_free char *usage = mem_printf(" %s", verb);
    auto_result struct lab_result r = run(line), again = run(other);

    cr_expect_eq(r.status, 0, "%s", line);
    cr_expect_eq(again.status, 0, "%s", other);
    cr_expect_str_empty(r.err, "%s", line);
    cr_expect_str_eq(r.out, again.out, "%s", line);
    cr_expect(!strncmp(r.out, "Usage: qrewind", 14) && strstr(r.out, usage), "%s", r.out);
    for (char *save, *l = strtok_r(r.out, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        cr_expect_leq(strlen(l), 100, "%s: %s", line, l);
}

Test(cli, every_verb_has_help_that_fits_a_terminal)
{
    auto_result struct lab_result r = run("qrewind help");
    char *at = strstr(r.out, "\nVerbs:\n");
    size_t verbs = 0;

    cr_assert_not_null(at);
    for (at += strlen("\nVerbs:\n"); *at == ' '; at += strcspn(at, "\n") + 1, verbs++) {
        auto_free char *verb = mem_printf("%.*s", (int)strcspn(at + 2, " "), at + 2);

        check_help(verb);
    }
    cr_expect_geq(verbs, 16);
}

Test(cli, help_may_be_put_into_any_command_line)
{
    auto_result struct lab_result plain = run("qrewind help create");
    auto_result struct lab_result r = run("qrewind -s /nowhere -n -i a.qcow2 help create");

    cr_expect_eq(r.status, 0, "%s", r.err);
    cr_expect_str_eq(r.out, plain.out);
}

Test(cli, help_tells_only_of_global_options_that_the_verb_takes)
{
    auto_result struct lab_result create = run("qrewind help create");
    auto_result struct lab_result events = run("qrewind help events");

    cr_expect_not_null(strstr(create.out, "--dry-run"));
    cr_expect_not_null(strstr(create.out, "--sidecar"));
    cr_expect_null(strstr(events.out, "--dry-run"));
    cr_expect_null(strstr(events.out, "--sidecar"));
    cr_expect_not_null(strstr(events.out, "--socket"));
}

Test(cli, the_version_is_one_line)
{
    auto_result struct lab_result r = run("qrewind --version");

    cr_expect_eq(r.status, 0);
    cr_expect(!strncmp(r.out, "qrewind ", 8) && strchr(r.out, '\n') == r.out + strlen(r.out) - 1,
              "%s", r.out);
}

Test(cli, a_socket_that_is_not_there_ends_with_4)
{
    auto_result struct lab_result r = run("qrewind -s /nowhere/vm.sock info");

    cr_expect_eq(r.status, 4);
    cr_expect_str_empty(r.out);
    cr_expect_not_null(strstr(r.err, "qrewind: info: "), "%s", r.err);
    cr_expect_not_null(strstr(r.err, "/nowhere/vm.sock"), "%s", r.err);
}

Test(cli, the_socket_may_come_from_the_environment)
{
    setenv("QREWIND_SOCKET", "/nowhere/else.sock", 1);
    auto_result struct lab_result r = run("qrewind info");
    auto_result struct lab_result given = run("qrewind info -s /nowhere/given.sock");

    cr_expect_not_null(strstr(r.err, "/nowhere/else.sock"), "%s", r.err);
    cr_expect_not_null(strstr(given.err, "/nowhere/given.sock"), "%s", given.err);
}

Test(cli, a_result_that_cannot_be_written_is_a_failure)
{
    auto_free char *program =
        realpath(getenv("QREWIND") ? getenv("QREWIND") : "build/qrewind", NULL);
    auto_free char *line = mem_printf("%s help >/dev/full", program);
    auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"sh", "-c", line, NULL});

    cr_expect_eq(r.status, 1);
    cr_expect_str_eq(r.err, "qrewind: the result cannot be written: No space left on device\n");
}
