/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz: what takes input from outside, each as a function of some bytes.
 *
 *     tests/fuzz/target-NAME.c      fuzz_NAME(): what must hold for whatever bytes
 *     tests/fuzz/corpus/NAME/       inputs: real traffic, and what found a bug once
 *
 * A target touches nothing but memory, and aborts when something does not hold. The same
 * functions are driven by libFuzzer (make fuzz), by test-fuzz, which runs the corpus in every
 * make check, and by the program "fuzz", which runs single inputs:
 *
 *     build/plain/tests/fuzz reader tests/fuzz/corpus/reader/...
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

typedef void fuzz_fn(const uint8_t *bytes, size_t n);

fuzz_fn fuzz_address, fuzz_agent, fuzz_graph, fuzz_job, fuzz_manifest, fuzz_monitor, fuzz_plan,
    fuzz_qcow2, fuzz_reader, fuzz_session, fuzz_sidecar;

struct fuzz_target {
    const char *name;
    fuzz_fn *run;
};

/* Ended by a NULL name. */
extern const struct fuzz_target fuzz_targets[];

/* Abort, with words, unless @what is true. */
#define fuzz_must(what) ((what) ? (void)0 : fuzz_broken(#what, __FILE__, __LINE__))
void fuzz_broken(const char *what, const char *file, int line) __attribute__((noreturn));

/* The NUL-terminated copy of some bytes. New string. */
char *fuzz_string(const uint8_t *bytes, size_t n);

/* Run the input in @file, or those in the folder @file. Returns how many. */
unsigned fuzz_replay(const struct fuzz_target *target, const char *file);

#endif
