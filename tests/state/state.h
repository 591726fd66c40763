/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state: pictures with the files that they show, and what check finds there.
 *
 *     picture   disk0: base* <- a <- b
 *     changes   -base; a.leads=@x; x.size=5
 *     findings  missing-file base, wrong-backing a (backing?)
 *
 * Without changes the files are what the document and the headers say: each has its own id,
 * size 1, time 1, and the fingerprint that is recorded; overlays name their backing file.
 *
 *   -NAME             the file is not there
 *   NAME.KEY=VALUE    a member of its entry in the survey (which is made if it has none): JSON,
 *                     "@NAME" for a file, or else a string; "null" removes it
 *   .KEY=VALUE        of the survey itself
 *   #PATH=VALUE       of the document, PATH with "/": "#layers/L1/sha256=abc"
 *   offline           there is no QEMU
 *
 * After a finding stands what repair does, with ? if it asks first.
 */
#ifndef TESTS_STATE_STATE_H
#define TESTS_STATE_STATE_H

#include "tests/scene/picture.h"

struct state {
    struct picture *picture;
    json_t *survey;
};

struct state *state_new(const char *picture, const char *changes);
void state_free(struct state *s);

/* The findings as above. The caller frees. */
char *state_findings(const struct state *s);

/* What is changed in a picture, and what check then finds. */
struct state_row {
    const char *title, *picture, *changes, *findings;
};
void state_rows(const struct state_row *rows, size_t n);
#define state_rows_hold(rows) state_rows(rows, sizeof(rows) / sizeof(rows[0]))

#endif
