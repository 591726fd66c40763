/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest: its agent, on one connection that stays open. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/guest/guest.h"

int guest_agent_open(const struct guest *g)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(sa.sun_path, g->agent, sizeof(sa.sun_path) - 1);
    cr_assert_eq(connect(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return s;
}

void guest_agent_answers(int s, long id)
{
    auto_free char *command =
        mem_printf("{'execute': 'guest-sync', 'arguments': {'id': %ld}}\n", id);
    auto_free char *expected = mem_printf("{\"return\": %ld}", id);
    char answer[512] = "";
    size_t len = 0;

    cr_assert_eq(write(s, command, strlen(command)), (ssize_t)strlen(command));
    while (len < sizeof(answer) - 1 && !strchr(answer, '\n') && read(s, answer + len, 1) == 1)
        len++;
    cr_assert(strstr(answer, expected), "the agent says '%s', not %s", answer, expected);
}
