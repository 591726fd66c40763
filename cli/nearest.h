/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearest: which of the words that exist did the user mean?             PURE */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* The best so far; starts out zeroed. */
struct nearest {
    const char *word; /* NULL: nothing is near */
    size_t distance;
};

/* Is @candidate nearer to @word than what was offered before? */
void nearest_offer(struct nearest *n, const char *word, const char *candidate);

#endif
