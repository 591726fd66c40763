/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random sequences of operations against a model (tests/model/model.h).
 *
 *   QRW_SEED=N make check TEST=qemu-model      that sequence again
 *   make soak SECONDS=600                      new ones, as many as fit
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "qmp/mem.h"
#include "tests/model/hunt.h"

enum { STEPS_SHORT = 30, STEPS_LONG = 60 };

/* Above that, seeds stand for long sequences, so that one number tells all. */
#define LONG_SEEDS (1ull << 32)

static uint64_t random_seed(void)
{
    uint32_t seed;

    cr_assert_eq(getrandom(&seed, sizeof(seed), 0), (ssize_t)sizeof(seed));
    return seed;
}

static int follow(uint64_t seed)
{
    int done;
    auto_free char *failure = hunt(seed, seed < LONG_SEEDS ? STEPS_SHORT : STEPS_LONG, &done);

    cr_expect_null(failure, "%s", failure);
    return done;
}

static bool is_told(const char *name, uint64_t *number)
{
    const char *value = getenv(name);

    *number = value ? strtoull(value, NULL, 10) : 0;
    return value && *value;
}

Test(model, known_sequences_show_what_the_model_says)
{
    uint64_t seed;

    if (is_told("QRW_SEED", &seed)) {
        follow(seed);
        return;
    }
    for (seed = 1; seed <= 4; seed++)
        follow(seed);
}

Test(model, and_so_does_a_new_one)
{
    uint64_t seed = random_seed(), told;

    if (is_told("QRW_SEED", &told))
        return;
    fprintf(stderr, "QRW_SEED=%" PRIu64 "\n", seed);
    follow(seed);
}

Test(model, as_many_as_there_is_time_for, .timeout = 0)
{
    uint64_t seconds, seed = LONG_SEEDS + random_seed();
    time_t end;
    int runs = 0, steps = 0;

    if (!is_told("QRW_SOAK", &seconds))
        cr_skip_test("make soak");
    end = time(NULL) + (time_t)seconds;
    for (; time(NULL) < end; seed++, runs++)
        steps += follow(seed);
    fprintf(stderr, "%d runs, %d steps\n", runs, steps);
}
