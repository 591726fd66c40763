/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-address: every way to write where the monitor is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "qmp/address.h"
#include "qmp/mem.h"

/* An address as one word; an error as "!text". */
static char *read_address(const char *text)
{
    struct address a;
    struct qmp_error err;

    if (address_parse(&a, text, &err)) {
        cr_expect_eq(err.kind, QMP_ERR_USAGE);
        return mem_printf("!%s", err.desc);
    }
    switch (a.kind) {
    case ADDRESS_UNIX:
        return mem_printf("%s%s%s", a.abstract ? "@" : "", a.path, a.loose ? " loose" : "");
    case ADDRESS_TCP:
        return mem_printf("tcp %s %s", a.host, a.port);
    case ADDRESS_FD:
        break;
    }
    return mem_printf("fd %d", a.fd);
}

/* clang-format off */
static const struct {
    const char *text, *want;
} table[] = {
    {"/tmp/vm.sock", "/tmp/vm.sock"},
    {"vm.sock", "vm.sock"},
    {"./a:b,c", "./a:b,c"},
    {"/run/a:b", "/run/a:b"},
    {"/tmp/vm.sock,server=on", "/tmp/vm.sock,server=on"},
    {"unix:/tmp/vm.sock", "/tmp/vm.sock"},
    {"unix:vm.sock", "vm.sock"},
    {"unix:/p,server=on,wait=off", "/p"},
    {"unix:/p,server,nowait", "/p"},
    {"unix:/a,,b,server=on", "/a,b"},
    {"unix:/a,,,,b,,", "/a,,b,"},
    {"unix:name,abstract=on", "@name"},
    {"unix:name,abstract=on,tight=off", "@name loose"},
    {"unix:name,abstract=off", "name"},
    {"unix:/p,telnet=off", "/p"},
    {"unix:", "!the socket's path is empty"},
    {"", "!the socket's path is empty"},
    {"unix:,server=on", "!the socket's path is empty"},
    {"unix:/a,b", "!unknown option 'b'"},
    {"unix:/a,telnet=on", "!a monitor with 'telnet' does not speak plain QMP"},
    {"unix:/a,websocket", "!a monitor with 'websocket' does not speak plain QMP"},
    {"unix:/a,tls-creds=tls0", "!a monitor with 'tls-creds' does not speak plain QMP"},
    {"tcp:127.0.0.1:4444", "tcp 127.0.0.1 4444"},
    {"tcp:127.0.0.1:4444,server,nowait", "tcp 127.0.0.1 4444"},
    {"tcp:host.example:1,server=on,wait=off,ipv4=on", "tcp host.example 1"},
    {"tcp::4444", "tcp  4444"},
    {"tcp:[::1]:4444", "tcp ::1 4444"},
    {"tcp:[fe80::1%eth0]:65535", "tcp fe80::1%eth0 65535"},
    {"tcp:::1:4444", "!write an IPv6 address in brackets: tcp:[::1]:4444"},
    {"tcp:localhost", "!'localhost' has no port (tcp:HOST:PORT)"},
    {"tcp:localhost:", "!'' is not a port number"},
    {"tcp:localhost:0", "!'0' is not a port number"},
    {"tcp:localhost:65536", "!'65536' is not a port number"},
    {"tcp:localhost:-1", "!'-1' is not a port number"},
    {"tcp:localhost:99999999999999999999", "!'99999999999999999999' is not a port number"},
    {"tcp:localhost:12x", "!'12x' is not a port number"},
    {"socket,path=/p,server=on,wait=off", "/p"},
    {"socket,id=mon0,path=/a,,b,server=on,wait=off", "/a,b"},
    {"socket,id=mon0,host=localhost,port=4444,server=on", "tcp localhost 4444"},
    {"socket,port=4444", "tcp  4444"},
    {"socket,id=mon0", "!neither path= nor port= says where the socket is"},
    {"socket,host=localhost", "!neither path= nor port= says where the socket is"},
    {"socket,path", "!the socket's path is empty"},
    {"unix:/p,host=localhost", "!a unix socket has no host= and no port="},
    {"fd:0", "fd 0"},
    {"fd:17", "fd 17"},
    {"fd:", "!'' is not a descriptor's number (fd:N)"},
    {"fd:-1", "!'-1' is not a descriptor's number (fd:N)"},
    {"fd:3x", "!'3x' is not a descriptor's number (fd:N)"},
    {"fd:99999999999", "!'99999999999' is not a descriptor's number (fd:N)"},
    {"telnet:localhost:23", "!unknown kind of address 'telnet:'"},
    {"localhost:4444", "!unknown kind of address 'localhost:'"},
};
/* clang-format on */

Test(address, every_form_is_understood_or_refused)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        auto_free char *got = read_address(table[i].text);

        cr_expect_str_eq(got, table[i].want, "%s: %s", table[i].text, got);
    }
}

Test(address, the_longest_path_fits_and_one_more_byte_says_so)
{
    char path[120];
    struct qmp_error err;
    struct address a;

    memset(path, 'x', sizeof(path));
    path[107] = '\0';
    cr_assert_eq(address_parse(&a, path, &err), 0);
    cr_expect_str_eq(a.path, path);
    path[107] = 'x';
    path[108] = '\0';
    cr_assert_eq(address_parse(&a, path, &err), -1);
    cr_expect(strstr(err.desc, "108 bytes long, the system allows 107"), "%s", err.desc);
    cr_expect(err.hint[0]);
}

Test(address, a_host_that_is_too_long_is_refused)
{
    char text[300];
    struct qmp_error err;
    struct address a;

    memset(text, 'x', sizeof(text));
    memcpy(text, "tcp:", 4);
    memcpy(text + 290, ":1", 3);
    cr_assert_eq(address_parse(&a, text, &err), -1);
    cr_expect_str_eq(err.desc, "the host's name is too long");
}

Test(address, nothing_is_written_on_failure)
{
    struct address a = {.fd = 42};

    cr_assert_eq(address_parse(&a, "unix:/p,bogus", NULL), -1);
    cr_expect_eq(a.fd, 42);
    cr_expect_str_eq(a.path, "");
}
