/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The corpus of every fuzz target: real traffic, and what once found a bug. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/fuzz/fuzz.h"

static void corpus(const char *name)
{
    auto_free char *folder = mem_printf("tests/fuzz/corpus/%s", name);
    const struct fuzz_target *t = fuzz_targets;

    while (t->name && strcmp(t->name, name))
        t++;
    cr_assert(t->name);
    cr_assert_gt(fuzz_replay(t, folder), 0, "no inputs in %s", folder);
}

#define CORPUS(name)                                                                               \
    Test(fuzz, the_corpus_of_##name##_holds)                                                       \
    {                                                                                              \
        corpus(#name);                                                                             \
    }

CORPUS(address)
CORPUS(agent)
CORPUS(graph)
CORPUS(job)
CORPUS(manifest)
CORPUS(monitor)
CORPUS(plan)
CORPUS(qcow2)
CORPUS(reader)
CORPUS(session)
CORPUS(sidecar)
