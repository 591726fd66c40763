/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image-convert: what qemu-img does better than we would; see image.h. */
#include "snapshot/image.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"

extern char **environ;

/* Run qemu-img without a shell; what it says on stderr goes into @words. Returns its exit status,
 * -1: it could not be started. It takes a moment, and what is half done is
 * brought to its end: Ctrl-C is for us, and it outlives us. */
static int run(const char *const *argv, char *words, size_t size)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int ends[2], status = -1;
    size_t n = 0;
    pid_t pid;

    words[0] = '\0';
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* one of its own */
    int rc = posix_spawnp(&pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    for (ssize_t got; !rc && n + 1 < size; n += (size_t)got)
        if ((got = read(ends[0], words + n, size - 1 - n)) <= 0)
            break;
    close(ends[0]);
    words[n] = '\0';
    words[strcspn(words, "\n")] = '\0';
    if (rc) {
        errno = rc;
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The qcow2 image @path without what it builds on, which somebody may be writing to, as a name for
 * qemu-img. New string. */
static char *alone(const char *path)
{
    return image_name(image_options(path, "qcow2", json_null()));
}

/* Who has it locked may be about to end: the engine, or the qemu-img, of a qrewind that was killed.
 */
enum { PATIENCE_MS = 1500, TICK_MS = 20 };

static int run_patiently(const char *const *argv, char *words, size_t size)
{
    int status = run(argv, words, size);

    for (int ms = 0; status > 0 && strstr(words, "Failed to get \"") && ms < PATIENCE_MS;
         ms += TICK_MS) {
        poll(NULL, 0, TICK_MS);
        status = run(argv, words, size);
    }
    return status;
}

/* Run qemu-img on @path, which must not be open elsewhere, to do @what. */
static int convert(const char *const *argv, const char *what, const char *path,
                   struct qmp_error *err)
{
    char words[512];
    int status = run_patiently(argv, words, sizeof(words));

    if (!status)
        return 0;
    if (status < 0) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED, "cannot run qemu-img: %s", strerror(errno));
        return qmp_error_hint(err, "install qemu-utils: what lies in images that the VM does not "
                                   "write to is changed by qemu-img");
    }
    if (image_check_unused(path, err))
        return -1;
    return qmp_error_set(err, QRW_ERR_FAILED, "qemu-img %s %s: %s", what, path,
                         words[0] ? words : "failed");
}

int image_name_backing(const char *path, const char *format, const char *backing,
                       const char *backing_format, struct qmp_error *err)
{
    const char *argv[] = {"qemu-img", "rebase", "-u",           "-f", format, "-b",
                          backing,    "-F",     backing_format, path, NULL};

    return convert(argv, "rebase -u", path, err);
}

int image_free_leaks(const char *path, struct qmp_error *err)
{
    auto_free char *image = alone(path);
    const char *argv[] = {"qemu-img", "check", "-q", "-r", "leaks", image, NULL};

    return convert(argv, "check", path, err);
}

int image_apply(const char *path, const char *tag, struct qmp_error *err)
{
    auto_free char *image = alone(path);
    const char *argv[] = {"qemu-img", "snapshot", "-a", tag, image, NULL};

    return convert(argv, "snapshot -a", path, err);
}

/* What it is about to write counts, too. */
static void await(const char *path)
{
    char who[256];

    for (int ms = 0; image_held(path, who, sizeof(who)) && ms < PATIENCE_MS; ms += TICK_MS)
        poll(NULL, 0, TICK_MS);
}

/* 0: it is not there. Else -1: QMP_ERR_NONE: it is. */
static int find_tag(const char *path, const char *tag, struct qmp_error *why)
{
    *why = (struct qmp_error){0};
    await(path);
    return image_has_snapshot(path, tag, why) && why->kind == QRW_ERR_NOT_FOUND ? 0 : -1;
}

int image_untag(const char *path, const char *tag, struct qmp_error *err)
{
    auto_free char *image = alone(path);
    const char *argv[] = {"qemu-img", "snapshot", "-d", tag, image, NULL};
    struct qmp_error why, failure;

    /* one that is gone already is no failure: an earlier run may have come so far */
    if (!find_tag(path, tag, &why))
        return 0;
    if (!why.kind && !convert(argv, "snapshot -d", path, &failure))
        return 0;
    /* or its qemu-img, which had just begun */
    if (!why.kind && !find_tag(path, tag, &why))
        return 0;
    if (err)
        *err = why.kind ? why : failure;
    return -1;
}
