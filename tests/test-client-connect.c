/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client-connect: all that can happen between an address and a ready session. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/client.h"
#include "qmp/mem.h"
#include "tests/fake-monitor/fake-monitor.h"
#include "tests/scratch/scratch.h"

/* A deadline that is meant to pass, with time for what must happen before. */
#define SHORT_MS 100

static struct qmp_client *client;
static struct qmp_error err;

static void setup(void)
{
    scratch_enter();
    client = qmp_client_new(NULL, NULL);
}

static void teardown(void)
{
    qmp_client_free(client);
    scratch_leave();
}

TestSuite(connect, .init = setup, .fini = teardown, .timeout = 60);

static void expect_failure(const char *address, int timeout_ms, int kind, const char *desc)
{
    cr_assert_eq(qmp_connect(client, address, timeout_ms, &err), -1);
    cr_expect_eq(err.kind, kind, "%s: %s", qmp_error_kind_name(err.kind), err.desc);
    cr_expect(strstr(err.desc, desc), "%s", err.desc);
    cr_expect(qmp_client_broken(client));
    cr_expect_eq(qmp_client_fd(client), -1);
}

/* A socket of the file system, @listening or only bound. */
static int make_socket(const char *path, bool listening)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(un.sun_path, path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    if (listening)
        cr_assert_eq(listen(fd, 0), 0);
    return fd;
}

/* ---- who does not let us in ---- */

Test(connect, an_address_that_makes_no_sense_is_told_at_once)
{
    cr_expect_eq(qmp_client_connect(client, "telnet:x:1", 0, NULL, NULL, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE);
    cr_expect_eq(qmp_connect(client, "fd:x", 0, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE);
}

Test(connect, no_socket)
{
    expect_failure("nowhere", 60000, QMP_ERR_CONNECT, "no socket at nowhere");
}

Test(connect, a_file_is_not_a_socket)
{
    scratch_write("file", "x", 1);
    expect_failure("unix:file,server=on,wait=off", 60000, QMP_ERR_CONNECT, "file is not a socket");
}

Test(connect, a_folder_is_not_a_socket)
{
    expect_failure(".", 60000, QMP_ERR_CONNECT, ". is not a socket");
}

Test(connect, a_datagram_socket_is_not_a_monitor)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "dgram"};
    auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    expect_failure("dgram", 60000, QMP_ERR_CONNECT, "dgram is not a stream socket");
}

Test(connect, a_socket_that_nobody_listens_on_any_more)
{
    close(make_socket("old", true));
    expect_failure("old", SHORT_MS, QMP_ERR_CONNECT, "nobody listens on old");
    cr_expect(strstr(err.hint, "left over"), "%s", err.hint);
}

static void start_listening(evutil_socket_t fd, short what, void *arg)
{
    struct event *serve = arg;

    listen(event_get_fd(serve), 1);
    event_add(serve, NULL);
}

static void greet(evutil_socket_t fd, short what, void *arg)
{
    static const char text[] = "{\"QMP\": {}} {\"return\": {}, \"id\": 0}\r\n";
    auto_close int peer = accept(fd, NULL, NULL);

    cr_assert_eq(write(peer, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
}

Test(connect, a_socket_whose_server_still_starts_is_tried_again)
{
    auto_close int fd = make_socket("new", false);
    struct event_base *base = qmp_client_base(client);
    struct timeval soon = {.tv_usec = 5000};
    struct event *serve = event_new(base, fd, EV_READ, greet, NULL);
    struct event *start = evtimer_new(base, start_listening, serve);

    evtimer_add(start, &soon);
    cr_expect_eq(qmp_connect(client, "new", 5000, &err), 0, "%s", err.desc);
    event_free(start);
    event_free(serve);
}

static int connect_forbidden(void)
{
    struct qmp_client *c = qmp_client_new(NULL, NULL);
    int rc = qmp_connect(c, "sock", 0, &err) == -1 && err.kind == QMP_ERR_CONNECT &&
             strstr(err.desc, "sock: Permission denied") &&
             strstr(err.hint, "uid 0, gid 0, mode 0600") && strstr(err.hint, "you are uid 12345");

    qmp_client_free(c);
    return rc ? 0 : 1;
}

Test(connect, a_socket_of_somebody_else_says_whose)
{
    if (geteuid())
        cr_skip("needs root");
    int fd = make_socket("sock", true);
    chmod("sock", 0600);
    chmod(".", 0755);
    cr_expect_eq(scratch_child_as(12345, 12345, connect_forbidden), 0);
    close(fd);
}

Test(connect, a_busy_monitor_accepts_and_stays_silent)
{
    struct fake *f = fake_script(qmp_client_base(client), "pause", NULL);

    expect_failure(fake_address(f), SHORT_MS, QMP_ERR_CONNECT,
                   "accepted the connection but does not answer");
    cr_expect(strstr(err.hint, "one client at a time"), "%s", err.hint);
    cr_expect(strstr(err.hint, "-qmp unix:/other.sock,server=on,wait=off"), "%s", err.hint);
    cr_expect_eq(fake_bytes(f), 0, "it must not find commands of ours later");
    fake_free(f);
}

Test(connect, a_monitor_with_a_line_of_others_before_it)
{
    int others[4];
    int fd = make_socket("busy", true);
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "busy"};

    for (int i = 0; i < 4; i++) {
        others[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connect(others[i], (struct sockaddr *)&un, sizeof(un)))
            close(others[i]);
    }
    expect_failure("busy", SHORT_MS, QMP_ERR_CONNECT, "busy has others waiting in line already");
    cr_expect(strstr(err.hint, "one client at a time"));
    close(fd);
}

Test(connect, a_greeting_and_then_nothing)
{
    struct fake *f = fake_script(qmp_client_base(client), "greet", NULL);

    expect_failure(fake_address(f), SHORT_MS, QMP_ERR_CONNECT, "greeted, but does not answer");
    fake_free(f);
}

/* ---- who is not a monitor ---- */

Test(connect, what_answers_does_not_speak_qmp)
{
    static const struct {
        const char *line, *desc;
    } table[] = {
        {"< HTTP/1.1 400 Bad Request", "not a JSON object: \"HTTP/1.1 400 Bad Request"},
        {"< {\"jsonrpc\": \"2.0\"}", "no QMP greeting"},
        {"< [1, 2]", "not a JSON object: \"[1, 2]"},
        {"< QEMU 7.2.22 monitor - type 'help'", "not a JSON object: \"QEMU"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct fake *f = fake_script(qmp_client_base(client), table[i].line, NULL);

        expect_failure(fake_address(f), 5000, QMP_ERR_PROTOCOL, table[i].desc);
        fake_free(f);
        qmp_client_free(client);
        client = qmp_client_new(NULL, NULL);
    }
}

Test(connect, the_negotiation_may_be_refused)
{
    struct fake *f = fake_script(qmp_client_base(client), "greet", "> qmp_capabilities",
                                 "! GenericError no", NULL);

    expect_failure(fake_address(f), 5000, QMP_ERR_CONNECT, "no");
    cr_expect_str_eq(err.context, "qmp_capabilities");
    fake_free(f);
}

Test(connect, a_second_greeting_means_negotiate_again)
{
    struct fake *f = fake_script(qmp_client_base(client), "greet", "> qmp_capabilities", "greet",
                                 "negotiate", "> a", "= 1", NULL);

    cr_expect_eq(qmp_connect(client, fake_address(f), 5000, &err), 0, "%s", err.desc);
    json_auto_t *ret = qmp_call(client, "a", NULL, 0, &err);
    cr_expect_eq(json_integer_value(ret), 1);
    fake_free(f);
}

/* ---- other roads than a unix socket's path ---- */

Test(connect, a_descriptor_that_is_open_already_stays_the_callers)
{
    int ends[2];
    char text[256], address[16];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    snprintf(address, sizeof(address), "fd:%d", ends[0]);
    cr_assert_gt(write(ends[1], "{\"QMP\": {}}{\"return\": {}, \"id\": 0}", 34), 0);
    cr_assert_eq(qmp_connect(client, address, 5000, &err), 0, "%s", err.desc);
    cr_expect_eq(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0, "others use it as they did");
    qmp_client_free(client);
    client = NULL;
    cr_expect_eq(write(ends[0], "x", 1), 1);
    cr_expect_gt(read(ends[1], text, sizeof(text)), 1);
    close(ends[0]);
    close(ends[1]);
}

Test(connect, a_terminal_will_do)
{
    int ours, theirs;
    char address[16];
    struct termios raw;

    cfmakeraw(&raw);
    cr_assert_eq(openpty(&ours, &theirs, NULL, NULL, NULL), 0);
    cr_assert_eq(tcgetattr(theirs, &raw), 0);
    cfmakeraw(&raw);
    cr_assert_eq(tcsetattr(theirs, TCSANOW, &raw), 0);
    snprintf(address, sizeof(address), "fd:%d", theirs);
    cr_assert_gt(write(ours, "{\"QMP\": {}}{\"return\": {}, \"id\": 0}", 34), 0);
    cr_expect_eq(qmp_connect(client, address, 5000, &err), 0, "%s", err.desc);
    close(ours);
    cr_expect_null(qmp_call(client, "a", NULL, 5000, &err));
    cr_expect_eq(err.kind, QMP_ERR_CLOSED);
    close(theirs);
}

Test(connect, a_broken_pipe_brings_no_signal)
{
    int ends[2];
    char address[16];

    cr_assert_eq(mkfifo("fifo", 0600), 0);
    ends[0] = open("fifo", O_RDONLY | O_NONBLOCK);
    ends[1] = open("fifo", O_WRONLY | O_NONBLOCK);
    close(ends[0]);
    snprintf(address, sizeof(address), "fd:%d", ends[1]);
    expect_failure(address, 5000, QMP_ERR_SYSTEM, "Bad file descriptor");
    close(ends[1]);
}

Test(connect, descriptors_that_cannot_be_a_monitor)
{
    char address[16];
    auto_close int fd = open("/dev/null", O_RDWR);

    snprintf(address, sizeof(address), "fd:%d", fd);
    expect_failure(address, 5000, QMP_ERR_CONNECT, "Operation not permitted");
    qmp_client_free(client);
    client = qmp_client_new(NULL, NULL);
    expect_failure("fd:12345", 5000, QMP_ERR_CONNECT, "fd:12345: Bad file descriptor");
}

static int listen_tcp(char *address, size_t size)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    snprintf(address, size, "tcp:127.0.0.1:%d,server=on,wait=off", ntohs(in.sin_port));
    return fd;
}

Test(connect, tcp)
{
    char address[64];
    auto_close int fd = listen_tcp(address, sizeof(address));
    struct event *serve = event_new(qmp_client_base(client), fd, EV_READ, greet, NULL);

    event_add(serve, NULL);
    cr_expect_eq(qmp_connect(client, address, 5000, &err), 0, "%s", err.desc);
    cr_expect_eq(qmp_client_peer(client), 0);
    event_free(serve);
}

Test(connect, tcp_refused)
{
    char address[64];

    close(listen_tcp(address, sizeof(address)));
    expect_failure(address, 5000, QMP_ERR_CONNECT, "Connection refused");
}

Test(connect, descriptors_do_not_travel_over_tcp)
{
    char address[64];
    auto_close int fd = listen_tcp(address, sizeof(address));
    struct event *serve = event_new(qmp_client_base(client), fd, EV_READ, greet, NULL);
    struct qmp_call_options opts = {.fd = fd, .send_fd = true};

    /* queued before it is known what the connection will be */
    qmp_client_call_with(client, "getfd", NULL, &opts, NULL, NULL);
    event_add(serve, NULL);
    cr_expect_eq(qmp_connect(client, address, 5000, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE, "%s", err.desc);
    event_free(serve);
}

Test(connect, only_once)
{
    struct fake *f = fake_script(qmp_client_base(client), "greet", "negotiate", NULL);

    cr_assert_eq(qmp_connect(client, fake_address(f), 5000, &err), 0);
    cr_expect_eq(qmp_connect(client, fake_address(f), 5000, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE);
    cr_expect_null(qmp_client_broken(client), "the first one lives on");
    fake_free(f);
}
