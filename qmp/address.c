/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* address: see address.h. */
#include "qmp/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

enum option_use {
    OPTION_IGNORE, /* QEMU's own business */
    OPTION_REFUSE, /* if on: not plain QMP on the wire */
    OPTION_PATH,
    OPTION_HOST,
    OPTION_PORT,
    OPTION_ABSTRACT,
    OPTION_TIGHT,
};

static const struct option {
    const char *name;
    enum option_use use;
} options[] = {
    // clang-format off
    {"server",       OPTION_IGNORE},  {"wait",      OPTION_IGNORE},  {"nowait",     OPTION_IGNORE},
    {"id",           OPTION_IGNORE},  {"nodelay",   OPTION_IGNORE},  {"delay",      OPTION_IGNORE},
    {"reconnect",    OPTION_IGNORE},  {"ipv4",      OPTION_IGNORE},  {"ipv6",       OPTION_IGNORE},
    {"reconnect-ms", OPTION_IGNORE},  {"logfile",   OPTION_IGNORE},  {"logappend",  OPTION_IGNORE},
    {"keep-alive",   OPTION_IGNORE},  {"to",        OPTION_IGNORE},  {"mux",        OPTION_IGNORE},
    {"telnet",       OPTION_REFUSE},  {"tn3270",    OPTION_REFUSE},  {"websocket",  OPTION_REFUSE},
    {"tls-creds",    OPTION_REFUSE},  {"tls-authz", OPTION_REFUSE},
    {"path",         OPTION_PATH},    {"host",      OPTION_HOST},    {"port",       OPTION_PORT},
    {"abstract",     OPTION_ABSTRACT},{"tight",     OPTION_TIGHT},
    // clang-format on
};

static int set_path(struct address *a, const char *path, struct qmp_error *err)
{
    size_t len = strlen(path);

    if (!len)
        return qmp_error_set(err, QMP_ERR_USAGE, "the socket's path is empty");
    if (len >= sizeof(a->path)) {
        qmp_error_set(err, QMP_ERR_USAGE,
                      "the socket's path is %zu bytes long, the system allows %zu: %s", len,
                      sizeof(a->path) - 1, path);
        return qmp_error_hint(err, "go to its folder and name it relative to that, or make a "
                                   "short symbolic link to the folder");
    }
    memcpy(a->path, path, len + 1);
    return 0;
}

static int set_host(struct address *a, const char *host, size_t len, struct qmp_error *err)
{
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len >= sizeof(a->host))
        return qmp_error_set(err, QMP_ERR_USAGE, "the host's name is too long");
    memcpy(a->host, host, len);
    a->host[len] = '\0';
    return 0;
}

static int set_port(struct address *a, const char *port, struct qmp_error *err)
{
    char *end;
    unsigned long n = strtoul(port, &end, 10);

    if (*port < '0' || *port > '9' || *end || n < 1 || n > 65535)
        return qmp_error_set(err, QMP_ERR_USAGE, "'%s' is not a port number", port);
    snprintf(a->port, sizeof(a->port), "%lu", n);
    return 0;
}

/* HOST:PORT, :PORT or [V6]:PORT. */
static int set_host_port(struct address *a, const char *text, struct qmp_error *err)
{
    const char *colon = strrchr(text, ':');

    if (!colon)
        return qmp_error_set(err, QMP_ERR_USAGE, "'%s' has no port (tcp:HOST:PORT)", text);
    if (text[0] != '[' && memchr(text, ':', (size_t)(colon - text)))
        return qmp_error_set(err, QMP_ERR_USAGE, "write an IPv6 address in brackets: tcp:[%.*s]:%s",
                             (int)(colon - text), text, colon + 1);
    if (set_host(a, text, (size_t)(colon - text), err))
        return -1;
    return set_port(a, colon + 1, err);
}

static int set_option(struct address *a, const char *name, const char *value, struct qmp_error *err)
{
    const struct option *o = options, *end = o + sizeof(options) / sizeof(options[0]);
    bool off = value && (!strcmp(value, "off") || !strcmp(value, "no"));

    while (o < end && strcmp(o->name, name))
        o++;
    if (o == end) {
        qmp_error_set(err, QMP_ERR_USAGE, "unknown option '%s'", name);
        return qmp_error_hint(err, "a comma inside of a path is written twice");
    }
    switch (o->use) {
    case OPTION_IGNORE:
        return 0;
    case OPTION_REFUSE:
        if (off)
            return 0;
        return qmp_error_set(err, QMP_ERR_USAGE, "a monitor with '%s' does not speak plain QMP",
                             name);
    case OPTION_PATH:
        return set_path(a, value ? value : "", err);
    case OPTION_HOST:
        a->kind = ADDRESS_TCP;
        return set_host(a, value ? value : "", value ? strlen(value) : 0, err);
    case OPTION_PORT:
        a->kind = ADDRESS_TCP;
        return set_port(a, value ? value : "", err);
    case OPTION_ABSTRACT:
        a->abstract = !off;
        return 0;
    case OPTION_TIGHT:
        a->loose = off;
        return 0;
    }
    return 0;
}

/* Cut the next piece off *@rest at a single comma; two become one. NULL at the end. */
static char *next_piece(char **rest)
{
    char *piece = *rest, *to = piece, *from = piece;

    if (!piece)
        return NULL;
    while (*from && !(from[0] == ',' && from[1] != ',')) {
        from += from[0] == ',';
        *to++ = *from++;
    }
    *rest = *from ? from + 1 : NULL;
    *to = '\0';
    return piece;
}

static int set_options(struct address *a, char *rest, struct qmp_error *err)
{
    char *piece;

    while ((piece = next_piece(&rest))) {
        char *value = strchr(piece, '=');

        if (value)
            *value++ = '\0';
        if (set_option(a, piece, value, err))
            return -1;
    }
    return 0;
}

static int parse_fd(struct address *a, const char *text, struct qmp_error *err)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n > 0x7fffffff)
        return qmp_error_set(err, QMP_ERR_USAGE, "'%s' is not a descriptor's number (fd:N)", text);
    a->kind = ADDRESS_FD;
    a->fd = (int)n;
    return 0;
}

static int parse_chardev(struct address *a, char *rest, struct qmp_error *err)
{
    if (set_options(a, rest, err))
        return -1;
    if (a->kind == ADDRESS_TCP ? a->port[0] : a->path[0])
        return 0;
    return qmp_error_set(err, QMP_ERR_USAGE, "neither path= nor port= says where the socket is");
}

static int parse(struct address *a, const char *text, struct qmp_error *err)
{
    const char *colon = strchr(text, ':'), *slash = strchr(text, '/');
    auto_free char *copy = mem_strdup(text);
    char *rest = copy;

    if (!strncmp(text, "fd:", 3))
        return parse_fd(a, text + 3, err);
    if (!strncmp(text, "socket,", 7)) {
        rest += 7;
        return parse_chardev(a, rest, err);
    }
    if (!strncmp(text, "unix:", 5)) {
        rest += 5;
        if (set_path(a, next_piece(&rest), err) || set_options(a, rest, err))
            return -1;
        if (a->kind != ADDRESS_UNIX)
            return qmp_error_set(err, QMP_ERR_USAGE, "a unix socket has no host= and no port=");
        return 0;
    }
    if (!strncmp(text, "tcp:", 4)) {
        a->kind = ADDRESS_TCP;
        rest += 4;
        if (set_host_port(a, next_piece(&rest), err))
            return -1;
        return set_options(a, rest, err);
    }
    if (colon && (!slash || colon < slash)) {
        qmp_error_set(err, QMP_ERR_USAGE, "unknown kind of address '%.*s:'", (int)(colon - text),
                      text);
        return qmp_error_hint(err, "PATH, unix:PATH, tcp:HOST:PORT or fd:N; a path with a colon "
                                   "begins with ./");
    }
    return set_path(a, text, err);
}

int address_parse(struct address *a, const char *text, struct qmp_error *err)
{
    struct address found = {.kind = ADDRESS_UNIX, .fd = -1};

    if (parse(&found, text, err))
        return -1;
    *a = found;
    return 0;
}
