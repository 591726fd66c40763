/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* utf8: see utf8.h. */
#include "snapshot/utf8.h"

#include "qmp/mem.h"

bool utf8_is(const char *text)
{
    json_auto_t *string = json_string(text);

    return string;
}

json_t *utf8_words(const char *words)
{
    json_t *string = json_string(words);

    if (string)
        return string;
    auto_free char *plain = mem_strdup(words);
    for (char *at = plain; *at; at++)
        if (*at & 0x80)
            *at = '?';
    return json_string(plain);
}
