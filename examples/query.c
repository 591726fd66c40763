/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query: ask a running QEMU one thing and wait for the answer, with no loop in sight.
 *
 *   query SOCKET                              query-status
 *   query SOCKET query-block
 *   query SOCKET job-pause '{"id": "job0"}'
 */
#include <stdio.h>
#include <stdlib.h>

#include "qmp/client.h"

static int fail(const struct qmp_error *err)
{
    char text[1024];

    fprintf(stderr, "query: %s\n", qmp_error_text(err, text, sizeof(text)));
    if (err->hint[0])
        fprintf(stderr, "query: hint: %s\n", err->hint);
    return 1;
}

static int query(struct qmp_client *client, char **argv)
{
    const char *command = argv[2] ? argv[2] : "query-status";
    json_t *args = argv[2] && argv[3] ? json_loads(argv[3], 0, NULL) : NULL;
    struct qmp_error err;

    if (qmp_connect(client, argv[1], 5000, &err))
        return fail(&err);
    json_t *answer = qmp_call(client, command, args, 0, &err);
    if (!answer)
        return fail(&err);
    json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(answer);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: query SOCKET [COMMAND [ARGUMENTS]]\n");
        return 2;
    }
    struct qmp_client *client = qmp_client_new(NULL, NULL);
    int rc = query(client, argv);
    qmp_client_free(client);
    return rc;
}
