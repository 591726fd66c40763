/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text: see text.h. */
#include "cli/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "qmp/mem.h"

/* How many bytes the character at @s has, and which it is; 0: that is no UTF-8. */
static size_t decode(const unsigned char *s, unsigned *cp)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (n < 2) {
        *cp = s[0];
        return n;
    }
    *cp = s[0] & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *cp = *cp << 6 | (s[i] & 0x3f);
    }
    bool surrogate = *cp >= 0xd800 && *cp < 0xe000;
    return s[0] > 0xf4 || *cp < least[n] || *cp > 0x10ffff || surrogate ? 0 : n;
}

/* C0, DEL and C1; marks that turn or split the line. */
static bool dangerous(unsigned cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c || cp == 0x200e || cp == 0x200f ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

static char *escape(const char *s, bool json)
{
    /* the longest: one byte becomes "\x1b" or, in JSON, "\u007f" */
    char *out = mem_alloc(strlen(s) * 6 + 1), *o = out;

    while (*s) {
        unsigned cp;
        size_t n = decode((const unsigned char *)s, &cp);

        if (n && (!dangerous(cp) || (json && cp < 0x20))) {
            memcpy(o, s, n);
            o += n;
        } else if (n > 1 && cp >= 0x100) {
            o += sprintf(o, "\\u%04x", cp);
        } else {
            o += sprintf(o, json ? "\\u%04x" : "\\x%02x", n ? cp : (unsigned char)*s);
        }
        s += n ? n : 1;
    }
    *o = 0;
    return out;
}

char *text_safe(const char *s)
{
    return escape(s ? s : "", false);
}

char *text_safe_json(const char *json)
{
    return escape(json, true);
}

char *text_size(char *buf, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double n = (double)bytes;
    size_t unit = 0;

    if (bytes < 0)
        return strcpy(buf, "-");
    /* what would be rounded to 1024.0 goes up too */
    for (; n >= 1023.95 && unit < 6; unit++)
        n /= 1024;
    int tenths = (int)(n * 10 + 0.5);
    if (tenths % 10)
        snprintf(buf, TEXT_ROOM, "%d.%d %s", tenths / 10, tenths % 10, units[unit]);
    else
        snprintf(buf, TEXT_ROOM, "%d %s", tenths / 10, units[unit]);
    return buf;
}

char *text_ms(char *buf, double ms)
{
    if (ms < 10)
        snprintf(buf, TEXT_ROOM, "%.1f ms", ms);
    else if (ms < 1000)
        snprintf(buf, TEXT_ROOM, "%.0f ms", ms);
    else if (ms < 10000)
        snprintf(buf, TEXT_ROOM, "%.1f s", ms / 1000);
    else if (ms < 120000)
        snprintf(buf, TEXT_ROOM, "%.0f s", ms / 1000);
    else
        snprintf(buf, TEXT_ROOM, "%lld min %lld s", (long long)(ms / 60000),
                 (long long)(ms / 1000) % 60);
    return buf;
}

char *text_time(char *buf, const char *rfc3339)
{
    struct tm tm = {0}, local;
    const char *rest = rfc3339 ? strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

    /* ours are all in UTC: "….123Z" */
    if (!rest || rest[strspn(rest, ".0123456789")] != 'Z')
        return strcpy(buf, "-");
    time_t t = timegm(&tm);
    if (!localtime_r(&t, &local))
        return strcpy(buf, "-");
    strftime(buf, TEXT_ROOM, "%Y-%m-%d %H:%M:%S", &local);
    return buf;
}
