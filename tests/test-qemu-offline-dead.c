/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-offline-dead: a monitor on a port of this host: is somebody there? */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/offline/offline.h"

TestSuite(qemu_offline_dead, .init = offline_enter, .fini = offline_leave, .timeout = 60);

/* Somebody who listens on a port of this host, and says nothing. */
static int listener(int *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    cr_assert(!bind(fd, (struct sockaddr *)&in, sizeof(in)) && !listen(fd, 8));
    cr_assert(!getsockname(fd, (struct sockaddr *)&in, &size));
    *port = ntohs(in.sin_port);
    return fd;
}

static int connections(int fd)
{
    int n = 0;

    for (int one; (one = accept(fd, NULL, NULL)) >= 0; n++)
        close(one);
    cr_assert_eq(errno, EAGAIN);
    return n;
}

Test(qemu_offline_dead, a_port_that_nobody_has_leads_offline)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "", "127.0.0.2"};
    int port, fd = listener(&port);

    close(fd);
    offline_image("a.qcow2", "1M", NULL);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        offline_fails(0, "nobody listens on", "qrewind -s tcp:%s:%d -i a.qcow2 list", hosts[i],
                      port);
    offline_ok("qrewind -s tcp:127.0.0.1:%d -i a.qcow2 create s1", port);
    offline_ok("qrewind -s tcp:127.0.0.1:%d -S a.qcow2.qrewind.json show s1", port);
    offline_fails(4, "--image FILE", "qrewind -s tcp:127.0.0.1:%d list", port);
}

Test(qemu_offline_dead, who_listens_is_there_and_is_not_disturbed)
{
    int port, fd = listener(&port);

    offline_image("a.qcow2", "1M", NULL);
    offline_fails(4, "", "qrewind -s tcp:127.0.0.1:%d -t 0.2 -i a.qcow2 list", port);
    cr_expect_eq(connections(fd), 1, "the question was a connection, too");
    close(fd);
}

Test(qemu_offline_dead, another_host_is_never_taken_for_dead)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_fails(2, "is not on this host", "qrewind -s tcp:192.0.2.1:1 -t 0.2 -i a.qcow2 list");
}
