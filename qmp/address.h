/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address: what a user writes for a monitor -> where to connect.          PURE
 *
 *     PATH                                 a unix socket, taken literally
 *     unix:PATH[,OPTION...]                the same, as after QEMU's -qmp
 *     tcp:HOST:PORT[,OPTION...]            tcp:[::1]:4444, tcp::4444 (this host)
 *     socket,path=PATH[,OPTION...]         as after QEMU's -chardev; also host=, port=
 *     fd:N                                 a descriptor that is open already
 *
 * QEMU's options (server=on, wait=off, nowait, id=...) are its own business and are
 * read over; those that change what is spoken on the wire (telnet, websocket, TLS)
 * are refused. As in QEMU, a comma inside a value is written twice.
 */
#ifndef QMP_ADDRESS_H
#define QMP_ADDRESS_H

#include <stdbool.h>
#include <sys/un.h>

#include "qmp/error.h"

#define ADDRESS_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

enum address_kind {
    ADDRESS_UNIX,
    ADDRESS_TCP,
    ADDRESS_FD,
};

struct address {
    enum address_kind kind;
    char path[ADDRESS_PATH_SIZE]; /* unix */
    bool abstract;                /* unix: no file, Linux' abstract namespace */
    bool loose;                   /* abstract, tight=off: the name is filled up with NULs */
    char host[256];               /* tcp; "" is this host */
    char port[6];                 /* tcp; a number */
    int fd;
};

/* Returns 0, or -1 with QMP_ERR_USAGE. */
int address_parse(struct address *a, const char *text, struct qmp_error *err);

#endif
