/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An internal snapshot is taken out of an image by somebody who is about to end: what becomes of it
 * is judged when he has. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot/image.h"
#include "tests/offline/offline.h"

TestSuite(qemu_untag, .init = offline_enter, .fini = offline_leave, .timeout = 60);

/* Lock a.qcow2 as QEMU does, say so on @ready, and let go of it in a while. */
static _Noreturn void hold(int ready)
{
    enum { PERMISSIONS = 100, WHILE_MS = 200 };
    struct flock lock = {.l_type = F_RDLCK, .l_start = PERMISSIONS, .l_len = 2};
    int fd = open("a.qcow2", O_RDWR | O_CLOEXEC);

    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) || write(ready, "", 1) != 1)
        _exit(1);
    poll(NULL, 0, WHILE_MS);
    _exit(mkdir("he-has-ended", 0700) != 0);
}

Test(qemu_untag, who_works_on_the_image_is_waited_for)
{
    int ready[2], status;
    struct qmp_error err;
    char byte;

    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qemu-img snapshot -c s1 a.qcow2");
    for (int pass = 0; pass < 2; pass++) { /* the second time it is gone already */
        cr_assert(!pipe2(ready, O_CLOEXEC));
        pid_t pid = fork();
        if (!pid)
            hold(ready[1]);
        cr_assert_eq(read(ready[0], &byte, 1), 1);
        cr_expect_eq(image_untag("a.qcow2", "s1", &err), 0, "%s", err.desc);
        cr_expect(!access("he-has-ended", F_OK), "it was not waited for");
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0);
        cr_assert(!rmdir("he-has-ended"));
        close(ready[0]);
        close(ready[1]);
    }
}

/* It had just begun, and comes first. */
Test(qemu_untag, who_has_taken_it_out_meanwhile_has_done_what_was_to_be_done)
{
    struct qmp_error err;

    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qemu-img snapshot -c s1 a.qcow2");
    offline_qemu_img("qemu-img \"$@\"; qemu-img \"$@\""); /* the second finds none */
    cr_expect_eq(image_untag("a.qcow2", "s1", &err), 0, "%s", err.desc);
    offline_qemu_img(NULL);
    offline_ok("qemu-img snapshot -c s1 a.qcow2");
    offline_qemu_img("exit 1");
    cr_expect_eq(image_untag("a.qcow2", "s1", &err), -1);
    offline_qemu_img(NULL);
}
