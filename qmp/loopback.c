/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loopback: see loopback.h. */
#include "qmp/loopback.h"

#include <netinet/in.h>
#include <string.h>

static bool is_loopback(const struct sockaddr *where)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (where->sa_family == AF_INET) {
        memcpy(&in, where, sizeof(in));
        return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (where->sa_family != AF_INET6)
        return false;
    memcpy(&in6, where, sizeof(in6));
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) && in6.sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
}

int loopback_check(const struct sockaddr *where, const char *text, bool insecure,
                   struct qmp_error *err)
{
    if (insecure || is_loopback(where))
        return 0;
    qmp_error_set(err, QMP_ERR_USAGE,
                  "%s is not on this host, and whoever is on the way could read and send commands",
                  text);
    return qmp_error_hint(err, "forward it through ssh -L, or say --insecure if you trust that "
                               "network");
}
