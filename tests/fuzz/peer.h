/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer: whoever is at the other end of a connection plays an input, line by line.
 *
 * A line is sent whenever the client's loop has nothing else to do, so no clock is needed:
 * the client heard what came before and said what it wanted to say. After the last line it
 * hangs up. A byte 0x02 in a line is the number that the client sent last (the guest agent's
 * synchronisation).
 */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct peer;

/* A loop on which the peer comes last. */
struct event_base *peer_loop(void);

/* @bytes are borrowed. */
struct peer *peer_new(struct event_base *base, const uint8_t *bytes, size_t n);
void peer_free(struct peer *p);

/* "fd:N" for the client. */
const char *peer_address(const struct peer *p);

#endif
