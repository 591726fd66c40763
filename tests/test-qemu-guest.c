/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest itself: what other tests rely on.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/guest/guest.h"

/* Ask the agent one thing; its whole answer, which the caller frees. */
static char *ask_agent(struct guest *g, const char *command)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    char *answer = mem_alloc(1024);
    size_t len = 0;

    strncpy(sa.sun_path, g->agent, sizeof(sa.sun_path) - 1);
    cr_assert_eq(connect(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
    cr_assert_eq(write(s, command, strlen(command)), (ssize_t)strlen(command));
    while (len < 1023 && !strchr(answer, '\n') && read(s, answer + len, 1) == 1)
        len++;
    close(s);
    return answer;
}

static void lives_and_leaves_clean_disks(struct guest_options o)
{
    struct guest *g = guest_start(&o);
    long at = guest_position(g);
    auto_free char *answer = ask_agent(g, "{'execute': 'guest-fsfreeze-status'}\n");

    cr_expect_str_eq(answer, "{\"return\": \"thawed\"}\n");
    cr_expect(guest_position(g) > at);
    lab_kill(g->lab);
    for (int n = 0; n < o.disks; n++) {
        auto_free char *name = mem_printf("vd%c.qcow2", 'a' + n);
        auto_free char *path = lab_path(g->lab, name);
        auto_free char *wrong = NULL;
        long last = 0;

        wrong = guest_check_disk(path, "qcow2", &last);
        cr_expect_null(wrong, "%s: %s", name, wrong);
        cr_expect(last >= at, "%s: the guest said %ld, the disk has %ld", name, at, last);
    }
    guest_stop(g);
}

Test(guest, lives_on_virtio_disks_and_leaves_them_clean)
{
    lives_and_leaves_clean_disks((struct guest_options){.disks = 2, .modern = true});
}

Test(guest, lives_on_scsi_disks_and_leaves_them_clean)
{
    lives_and_leaves_clean_disks((struct guest_options){.disks = 2, .bus = LAB_SCSI});
}
