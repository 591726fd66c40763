/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main: inputs through one target.
 *
 *   fuzz TARGET FILE|FOLDER...     built with any compiler
 *
 * With FUZZ_TARGET defined it is the entry for libFuzzer instead.
 */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#ifdef FUZZ_TARGET

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    FUZZ_TARGET(bytes, n);
    return 0;
}

#else

int main(int argc, char *argv[])
{
    const struct fuzz_target *target = fuzz_targets;
    unsigned n = 0;

    while (argc > 1 && target->name && strcmp(target->name, argv[1]))
        target++;
    if (argc < 3 || !target->name) {
        fprintf(stderr, "usage: fuzz TARGET FILE|FOLDER...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        n += fuzz_replay(target, argv[i]);
    printf("%u inputs\n", n);
    return n ? 0 : 1;
}

#endif
