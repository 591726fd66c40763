/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socket: who else may use the monitor? */
#ifndef CLI_SOCKET_H
#define CLI_SOCKET_H

/*
 * Who besides its owner may connect to the unix socket @address: "everybody", "its group", NULL:
 * nobody, or that cannot be told. Connecting takes the right to write to it, and to enter the
 * folders above.
 */
const char *socket_open_to(const char *address);

#endif
