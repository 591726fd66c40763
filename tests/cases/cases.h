/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cases: what the tests of the program on a real QEMU have in common: commands that must
 * work or must fail, data that must survive, chains as pictures, and the proof that
 * nothing has changed.
 *
 *     write_generation(lab, 0, 1);
 *     does(lab, "create", "s1");
 *     chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
 *     holds(lab, 0, 1);
 *     json_auto_t *error = refuses(lab, 3, "show", "s2");
 *
 * Whatever is not as it must be fails the test, and names the line that asked.
 */
#ifndef TESTS_CASES_CASES_H
#define TESTS_CASES_CASES_H

#include <jansson.h>
#include <stdbool.h>

#include "tests/lab/lab.h"

/* ---- the program, with --json ---- */

/* It must end with @status. Returns the document, after a failure its "error" (the
 * caller's reference). */
json_t *cases_run(struct lab *lab, int line, int status, const char *const *words);
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define tells(lab, ...) cases_run(lab, __LINE__, 0, WORDS(__VA_ARGS__))
#define does(lab, ...) json_decref(tells(lab, __VA_ARGS__))
#define refuses(lab, status, ...) cases_run(lab, __LINE__, status, WORDS(__VA_ARGS__))

/* Members of a document by a path: text(doc, "snapshots.0.name"). NULL, -1: not there. */
json_t *at(const json_t *doc, const char *path);
const char *text(const json_t *doc, const char *path);
long long number(const json_t *doc, const char *path);

/* What check found: "code subject, …", the subjects without folder. The caller frees. */
char *findings_of(const json_t *doc);

/* Is @part in one of the strings of the array @list? */
bool mentions(const json_t *list, const char *part);

#define says(doc, path, expected) cases_says(doc, __LINE__, path, expected)
void cases_says(const json_t *doc, int line, const char *path, const char *expected);

/*
 * A monitor serves one client. For another one at the same time: QEMU's arguments for
 * a second monitor, and the lab as seen through it, to be freed with free().
 */
#define SECOND_MONITOR "-qmp", "unix:second.sock,server=on,wait=off"
struct lab *by_second_monitor(const struct lab *lab);

/* Start the program and wait until QEMU runs the job @id. */
struct lab_process cases_begin(struct lab *lab, const char *id, const char *const *words);
#define begins(lab, id, ...) cases_begin(lab, id, WORDS(__VA_ARGS__))

/* Wait until the job @id has @status. */
void wait_for_job(struct lab *lab, const char *id, const char *status);

/* Does the guest run? "running", "stopped". */
const char *status_of(struct lab *lab);

/* ---- data ---- */

/*
 * Generation N (1 … 100) writes the value N to a place of its own and to one that all
 * share. A disk holds generation N when 1 … N are there, N in the shared place, and
 * nothing of N + 1.
 */
void write_generation(struct lab *lab, int disk, int generation);
void cases_holds(struct lab *lab, int line, int disk, int generation);
#define holds(lab, disk, generation) cases_holds(lab, __LINE__, disk, generation)

/* The same of an image that no QEMU writes to. */
void cases_image_holds(int line, const char *folder, const char *file, const char *format,
                       int generation);
#define image_holds(lab, file, format, generation)                                                 \
    cases_image_holds(__LINE__, (lab)->folder, file, format, generation)

/*
 * Generation 1 in the base, snapshot s1, generation 2 above it, s2 … sN, and generation
 * N + 1 in the active layer: vda.qcow2 <- vda.s1.qcow2 <- … of disk 0.
 */
struct lab *tower(const struct lab_options *options, int snapshots);

/* For a running VM with each kind of disks, legacy and modern. */
void cases_every_disk(void (*try)(const struct lab_options *o));

/* The name of disk 0: "vda", or "disk0" where it is modern. */
const char *first_disk(const struct lab *lab);

/* ---- chains, by the last components of their names, the base first ---- */

void cases_chain_is(struct lab *lab, int line, int disk, const char *expected);
#define chain_is(lab, disk, expected) cases_chain_is(lab, __LINE__, disk, expected)

/* As the headers of the files say, in the lab's folder, whoever has them open. */
void cases_headers_are(struct lab *lab, int line, const char *file, const char *expected);
#define headers_are(lab, file, expected) cases_headers_are(lab, __LINE__, file, expected)

/* In its folder, whatever it is. */
bool has_file(struct lab *lab, const char *name);

/* The sidecar's document (new reference), NULL: there is none. */
json_t *sidecar_of(struct lab *lab, const char *image);

/* ---- the whole state ---- */

/* QEMU's graph, its jobs and run state, and every file in its folder: text to compare. */
char *state_of(struct lab *lab);
void cases_unchanged(struct lab *lab, int line, const char *before);
#define unchanged(lab, before) cases_unchanged(lab, __LINE__, before)

/* ---- QEMU ends ---- */

/* Let it quit; then every qcow2 image in its folder must pass qemu-img check. */
void turn_off(struct lab *lab);

/* Another QEMU on files in the folder of @old, legacy, disks vda, vdb, … */
struct lab *start_again(struct lab *old, const char *const *files);
/* The same, started to load a memory: -incoming defer. */
struct lab *start_waiting(struct lab *old, const char *const *files);

#endif
