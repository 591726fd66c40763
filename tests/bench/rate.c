// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rate: N times query-status, one after the other, through the library.
 *
 *   rate SOCKET N
 */
#include <err.h>
#include <stdlib.h>

#include "qmp/client.h"

enum { DEADLINE = 10000 /* ms */ };

int main(int argc, char **argv)
{
    struct qmp_client *c = qmp_client_new(NULL, NULL);
    struct qmp_error error;

    if (argc != 3)
        errx(2, "usage: rate SOCKET N");
    if (qmp_connect(c, argv[1], DEADLINE, &error))
        errx(1, "%s", error.desc);
    for (long i = atol(argv[2]); i > 0; i--) {
        json_t *status = qmp_call(c, "query-status", NULL, DEADLINE, &error);

        if (!status)
            errx(1, "%s", error.desc);
        json_decref(status);
    }
    qmp_client_free(c);
    return 0;
}
