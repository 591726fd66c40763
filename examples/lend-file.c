/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lend-file: open a file here and make it a block node of QEMU, which may not be able to
 * open it itself (another user, a sandbox, a container).
 *
 *   lend-file SOCKET FILE NODE
 *
 * Two commands leave together: add-fd carries the descriptor, blockdev-add uses it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qmp/client.h"

struct state {
    int answers, errors;
};

static void on_answer(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    struct state *state = arg;
    char text[1024];

    state->answers++;
    if (!err)
        return;
    state->errors++;
    fprintf(stderr, "lend-file: %s\n", qmp_error_text(err, text, sizeof(text)));
}

static bool both_came(void *arg)
{
    const struct state *state = arg;

    return state->answers == 2;
}

static int lend(struct qmp_client *client, char **argv, int fd)
{
    struct qmp_call_options opts = {.timeout_ms = 5000, .fd = fd, .send_fd = true};
    struct state state = {0};
    struct qmp_error err;

    if (qmp_connect(client, argv[1], 5000, &err)) {
        fprintf(stderr, "lend-file: %s\n", err.desc);
        return 1;
    }
    qmp_client_call_with(client, "add-fd", json_pack("{s:i}", "fdset-id", 4711), &opts, on_answer,
                         &state);
    qmp_client_call(client, "blockdev-add",
                    json_pack("{s:s, s:s, s:s, s:b}", "driver", "file", "node-name", argv[3],
                              "filename", "/dev/fdset/4711", "read-only", 1),
                    5000, on_answer, &state);
    qmp_client_run(client, both_came, &state, 0, NULL); /* the calls have their deadlines */
    return state.errors > 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: lend-file SOCKET FILE NODE\n");
        return 2;
    }
    int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "lend-file: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    struct qmp_client *client = qmp_client_new(NULL, NULL);
    int rc = lend(client, argv, fd);
    qmp_client_free(client);
    close(fd);
    return rc;
}
