/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearest: see nearest.h. */
#include "cli/nearest.h"

#include <string.h>

enum { LONGEST = 32 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* How many letters must be put in, taken out, changed or swapped with the next. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t d[LONGEST + 1][LONGEST + 1];

    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

            d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1, change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1, d[i][j]);
        }
    }
    return d[n][m];
}

void nearest_offer(struct nearest *n, const char *word, const char *candidate)
{
    size_t len = strlen(word), clen = strlen(candidate), far;

    if (!len || len > LONGEST || clen > LONGEST)
        return;
    if (len >= 3 && !strncmp(word, candidate, len))
        far = 1; /* the beginning of it */
    else
        far = distance(word, len, candidate, clen);
    if (far <= 1 + (len - 1) / 4 && (!n->word || far < n->distance)) {
        n->word = candidate;
        n->distance = far;
    }
}
