/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sidecar-room: who has to make room on a full disk needs some for the journal.
 *
 *   | document | kept |     blocks that belong to the file, behind its end: nobody reads them, no
 *              ^ size       copy has them
 *
 * A sidecar is replaced by a whole new one, which lies beside it for a moment. So each keeps the
 * room that its successors take. That is given back only where the new one does not fit otherwise:
 * the old one's bytes are not touched, and a power cut between the two costs what was kept and no
 * more.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"

enum { BLOCK = 512, PLAN = 256 << 10 };

/*
 * Of the journal: the document, as it is and as it will be, and what is to be done; and after that
 * the document again. Some file systems (XFS) make no new name either where there are not so many
 * blocks as it could take.
 */
static off_t wanted(off_t size)
{
    return 4 * size + PLAN;
}

bool sidecar_keep_room(int fd)
{
    struct stat st;

    if (fstat(fd, &st))
        return false;
    /* what there is, if that is not enough; a file system that keeps nothing does as well without
     */
    for (off_t more = wanted(st.st_size); more >= BLOCK; more /= 2) {
        if (st.st_blocks * BLOCK >= st.st_size + more)
            return false;
        if (!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, st.st_size + more))
            return true;
        if (errno != ENOSPC && errno != EDQUOT)
            return false;
    }
    return false;
}

static int open_old(const char *file)
{
    return open(file, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

void sidecar_renew_room(const char *file)
{
    auto_close int fd = open_old(file);

    if (fd >= 0 && sidecar_keep_room(fd) && sidecar_stamp(fd))
        return;
}

bool sidecar_give_room(const char *file)
{
    auto_close int fd = open_old(file);
    struct stat st, now;

    /* not by a hole: ext4 punches none behind the end */
    return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && !ftruncate(fd, st.st_size) &&
           !sidecar_stamp(fd) && !fstat(fd, &now) && now.st_blocks < st.st_blocks;
}
