/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * offline-dead: is a monitor's socket one on which nobody listens? See vm-offline.h.
 *
 * A monitor serves one client at a time, and whoever connects to ask is one: so it is asked in a
 * way that a living one does not hear of.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "qmp/address.h"
#include "qmp/loopback.h"
#include "qmp/mem.h"
#include "snapshot/vm-offline.h"

/* This host answers at once. */
enum { PATIENCE_MS = 500 };

/* Of another type than a monitor's: a living one refuses us by that. */
static bool is_dead_unix(const struct address *where)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    memcpy(to.sun_path, where->path, sizeof(to.sun_path));
    auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
           (errno == ENOENT || errno == ECONNREFUSED);
}

/* The errno of a connect() that has failed, or is on its way. */
static int failure(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int code = errno;
    socklen_t size = sizeof(code);

    if (code == EINPROGRESS && poll(&p, 1, PATIENCE_MS) == 1)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
    return code;
}

/* Nobody has the port, or we could not take it; and nothing else (a firewall, say) leads on to
 * somebody who has. An address that this host does not have (a localhost of IPv6) is nobody's. */
static bool is_refused(const struct addrinfo *to)
{
    const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, on = 1;
    auto_close int taker = socket(to->ai_family, type, 0);
    auto_close int fd = -1;

    if (taker < 0)
        return errno == EAFNOSUPPORT;
    if (setsockopt(taker, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
        return false;
    if (bind(taker, to->ai_addr, to->ai_addrlen))
        return errno == EADDRNOTAVAIL;
    fd = socket(to->ai_family, type, 0);
    return fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) && failure(fd) == ECONNREFUSED;
}

/* Only of this host: the images are here, too. */
static bool is_dead_tcp(const struct address *where)
{
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool dead = true;

    if (getaddrinfo(where->host[0] ? where->host : "localhost", where->port, &want, &found))
        return false;
    for (const struct addrinfo *to = found; to && dead; to = to->ai_next)
        dead = !loopback_check(to->ai_addr, "", false, NULL) && is_refused(to);
    freeaddrinfo(found);
    return dead;
}

bool offline_is_dead(const char *address)
{
    struct address where;

    if (address_parse(&where, address, NULL))
        return false;
    if (where.kind == ADDRESS_TCP)
        return is_dead_tcp(&where);
    return where.kind == ADDRESS_UNIX && !where.abstract && is_dead_unix(&where);
}
