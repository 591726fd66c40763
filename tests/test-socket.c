/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may be at the other end of a socket, and who else may use it. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/socket.c"
#include "qmp/agent.h"
#include "qmp/loopback.h"
#include "tests/lab/lab.h"
#include "tests/scratch/scratch.h"

TestSuite(socket, .init = scratch_enter, .fini = scratch_leave);

/* ---- other hosts ---- */

static int check(const char *text, bool insecure)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct qmp_error err = {0};

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        loopback_check((struct sockaddr *)&in, text, insecure, &err);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        loopback_check((struct sockaddr *)&in6, text, insecure, &err);
    else
        cr_assert_fail("%s", text);
    return err.kind;
}

Test(socket, only_the_loopback_is_this_host)
{
    static const char *const here[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
    static const char *const elsewhere[] = {
        "0.0.0.0", "10.0.0.1", "128.0.0.1", "::", "fe80::1", "::ffff:10.0.0.1", "::127.0.0.1",
    };

    for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
        cr_expect_eq(check(here[i], false), 0, "%s", here[i]);
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        cr_expect_eq(check(elsewhere[i], false), QMP_ERR_USAGE, "%s", elsewhere[i]);
        cr_expect_eq(check(elsewhere[i], true), 0, "%s", elsewhere[i]);
    }
}

/* 192.0.2.0/24 is for documentation: nobody is there. */
Test(socket, another_host_is_refused_before_it_is_called)
{
    struct qmp_error err;
    struct lab_result r =
        lab_exec(NULL, (const char *[]){"qrewind", "-s", "tcp:192.0.2.1:4444", "list", NULL});

    cr_expect_eq(r.status, 2);
    cr_expect(strstr(r.err, "--insecure"), "%s", r.err);
    lab_result_done(&r);
    cr_expect_null(agent_open(NULL, "tcp:192.0.2.1:4444", false, 1000, &err));
    cr_expect_eq(err.kind, QMP_ERR_USAGE, "%s", err.desc);

    r = lab_exec(NULL, (const char *[]){"qrewind", "-s", "tcp:192.0.2.1:4444", "-t", "0.01",
                                        "--insecure", "list", NULL});
    cr_expect_eq(r.status, 4, "%s", r.err);
    lab_result_done(&r);
}

/* ---- other users ---- */

static void make_socket(mode_t folder, mode_t mode)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "m"};
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    unlink("m");
    cr_assert(!bind(fd, (struct sockaddr *)&un, sizeof(un)) && !chmod("m", mode));
    cr_assert(!chmod(".", folder));
}

Test(socket, others_may_use_what_they_can_reach_and_write_to)
{
    static const struct {
        mode_t folder, mode;
        const char *who;
    } cases[] = {
        {0755, 0755, NULL},        {0755, 0700, NULL},        {0755, 0775, "its group"},
        {0755, 0777, "everybody"}, {0755, 0702, "everybody"}, {0700, 0777, NULL},
        {0750, 0777, "its group"}, {0711, 0775, "its group"}, {0700, 0775, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_socket(cases[i].folder, cases[i].mode);
        const char *who = socket_open_to("unix:m,server=on");
        cr_expect_eq(!who, !cases[i].who, "%o %o: %s", cases[i].folder, cases[i].mode, who);
        if (who && cases[i].who)
            cr_expect_str_eq(who, cases[i].who, "%o %o", cases[i].folder, cases[i].mode);
    }
    cr_expect_null(socket_open_to("fd:0"));
    cr_expect_null(socket_open_to("tcp::1"));
    cr_expect_null(socket_open_to("nothing-here"));
    cr_expect_null(socket_open_to("unix:name,abstract=on"));
}

Test(socket, the_user_is_told_of_them_unless_quiet)
{
    static const char note[] = "everybody may connect to m, and do all that QEMU may do\n";
    const char *words[] = {"qrewind", "-s", "m", "-t", "0.01", "list", NULL, NULL};
    struct lab_result r;

    make_socket(0755, 0777);
    r = lab_exec(scratch_folder(), words);
    cr_expect(!strncmp(r.err, note, strlen(note)), "%s", r.err);
    lab_result_done(&r);
    words[6] = "-q";
    r = lab_exec(scratch_folder(), words);
    cr_expect(!strstr(r.err, "everybody"), "%s", r.err);
    lab_result_done(&r);
}
