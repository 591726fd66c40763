/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of tests/hostile share. */
#ifndef TESTS_HOSTILE_INTERNAL_H
#define TESTS_HOSTILE_INTERNAL_H

#include "tests/hostile/hostile.h"

/* What the monitor did, in memory that both processes see. */
struct hostile_account {
    size_t sent;
    unsigned messages;
};

/* Serve one client after the other on the socket @listener, for ever. */
void hostile_serve(int listener, const struct hostile *h, struct hostile_account *account)
    __attribute__((noreturn));

/* Why @text may not go to a terminal; NULL: it may. */
const char *hostile_steers(const char *text);

/* All that can be seen of the folder @path, so that any change shows. New string. */
char *hostile_inventory(const char *path);

#endif
