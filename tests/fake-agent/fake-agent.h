/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-agent: a guest agent for tests, on a libevent loop. It behaves well until it is
 * told otherwise.
 *
 *     struct fake_agent *f = fake_agent_new(base);
 *     fake_agent_answer(f, "guest-fsfreeze-freeze", "! GenericError hook failed");
 *     struct agent *a = agent_open(base, fake_agent_address(f), 1000, &err);
 *     ...
 *     fake_agent_free(f);
 *
 * An answer is lines, parted by newlines; "" is silence:
 *
 *     ok               do what is asked, and answer as a good agent does
 *     act              do it without answering
 *     = VALUE          send {"return": VALUE}; $id is the number of the last guest-sync
 *     ! CLASS DESC     send an error
 *     < TEXT           send TEXT as it is and a line end
 *     mark             send a byte 0xFF
 *     flood HEX N      send the byte HEX, N times
 *     close            hang up
 *     expire           thaw without being asked
 *     freeze           freeze without being asked
 *
 * As with QEMU, one client is served at a time; others wait unanswered.
 */
#ifndef TESTS_FAKE_AGENT_H
#define TESTS_FAKE_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

struct event_base;
struct fake_agent;

struct fake_agent *fake_agent_new(struct event_base *base);
void fake_agent_free(struct fake_agent *f);

/* For agent_open() and --agent; it is no file. */
const char *fake_agent_address(const struct fake_agent *f);

/* From now on answer @command with @lines (both borrowed); NULL: well-behaved again. */
void fake_agent_answer(struct fake_agent *f, const char *command, const char *lines);

/* Do one line now. */
void fake_agent_do(struct fake_agent *f, const char *line);

/* Called for every command that comes, before it is answered. */
typedef void fake_agent_fn(struct fake_agent *f, const char *command, void *arg);
void fake_agent_watch(struct fake_agent *f, fake_agent_fn *fn, void *arg);

/* All commands that came, without the guest-sync-delimited, each followed by a space;
 * "+" stands for a new connection. */
const char *fake_agent_log(const struct fake_agent *f);
bool fake_agent_frozen(const struct fake_agent *f);

/* The process that is connected. */
pid_t fake_agent_peer(const struct fake_agent *f);

/* Run the loop until the client has hung up. */
void fake_agent_await_end(struct fake_agent *f);

/* Run the loop until @word has come @times times in the log. */
void fake_agent_await(struct fake_agent *f, const char *word, int times);

#endif
