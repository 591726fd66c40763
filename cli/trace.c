/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace: see trace.h.
 *
 *     {"time":"2026-11-21T10:00:00.123456Z","sent":{"execute":"query-status","id":1}}
 *     {"time":"…","received":{"return":{…},"id":1}}
 */
#include "cli/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/out.h"
#include "qmp/mem.h"

struct trace {
    FILE *f;
};

/* Is it a link that we or root made, as /dev/stderr? Others' may lead anywhere. */
static bool is_link_of_ours(const char *file)
{
    struct stat st;

    return !lstat(file, &st) && S_ISLNK(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid());
}

struct trace *trace_open(const char *file, struct qmp_error *err)
{
    int follow = is_link_of_ours(file) ? 0 : O_NOFOLLOW;
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | follow, 0600);

    if (fd < 0) {
        qmp_error_set(err, QMP_ERR_SYSTEM, "--trace %s: %s", file, strerror(errno));
        return NULL;
    }
    struct trace *t = mem_alloc(sizeof(*t));
    t->f = fdopen(fd, "a");
    if (!t->f)
        abort();
    return t;
}

void trace_close(struct trace *t)
{
    if (!t)
        return;
    fclose(t->f);
    free(t);
}

static void stamp(char *buf, size_t size)
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, size - n, ".%06ldZ", now.tv_nsec / 1000);
}

void trace_line(bool sent, const char *text, size_t len, void *arg)
{
    struct trace *t = arg;
    char now[64];
    json_t *message = json_loadb(text, len, JSON_DECODE_ANY, NULL);

    /* what is no JSON for us is kept byte by byte */
    if (!message)
        message = json_stringn(text, len);
    if (!message)
        message = json_string("(neither JSON nor UTF-8)");
    stamp(now, sizeof(now));
    json_auto_t *line = json_pack("{s:s, s:o}", "time", now, sent ? "sent" : "received", message);
    out_json(t->f, line);
    fflush(t->f); /* the trace is wanted most when we do not get to the end */
}
