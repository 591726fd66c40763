/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * picture: all that can be seen of a machine, as text that is the same for the same state:
 * snapshots, contents, chains; and what is wrong whatever the state is.
 */
#ifndef TESTS_FAULTS_PICTURE_H
#define TESTS_FAULTS_PICTURE_H

#include "tests/faults/rows.h"

/*
 * Look at @m. The last line, "guest: STATUS", is left out without @status: a QEMU that was started
 * again does not run. *@why: what is wrong (left-over files, jobs, nodes, `pending`, a guest that
 * reads something else than its files hold), NULL: nothing. The caller frees both.
 */
char *picture(struct machine *m, bool status, char **why);

/* Revert to each snapshot sN in turn: it must hold generation N. Returns what is wrong, NULL:
 * nothing; the caller frees. */
char *picture_prove(struct machine *m);

/* The sidecar's document, wherever it lies; NULL: there is none. New reference. */
json_t *picture_sidecar(const struct machine *m);

#endif
