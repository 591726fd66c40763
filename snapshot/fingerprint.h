/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fingerprint: what the files of frozen layers looked like: one that changed under its
 * overlays can be told from one that did not.
 */
#ifndef SNAPSHOT_FINGERPRINT_H
#define SNAPSHOT_FINGERPRINT_H

#include "snapshot/chain.h"

/* Remember the files of all layers that are not active and have no fingerprint yet. */
void fingerprints_take(struct chain *c);

/* What tells that the file of @id is not what it was: "it has grown"; NULL: nothing, or that cannot
 * be told. */
const char *fingerprint_changed(const struct chain *c, const char *id);
/* The same where somebody may have written to it: not where it is cut. */
const char *fingerprint_written(const struct chain *c, const char *id);

/* Is the file of @id larger than when it was frozen? @touched: or its time another? */
bool fingerprint_has_grown(const struct chain *c, const char *id, bool touched);

/* Remember the hashes that a deep survey @found of what is frozen and unchanged. Were there new
 * ones? */
bool fingerprints_hash(struct chain *c, const json_t *found);

/* A change of @c into @after was begun and given up: what it has written to, where that is no
 * matter, is remembered no more. QEMU, which has it open yet, writes what it knows of that later:
 * how it looks is taken with the next change. */
void fingerprints_forget(struct chain *c, const struct chain *after);

/*
 * A change of @c into @after was begun and given up. A snapshot that @after does not
 * have, and whose content lies in a file that was to be overwritten and is not as it was,
 * has lost it: forget it. Returns the names, an array (new reference).
 */
json_t *fingerprints_drop_lost(struct chain *c, const struct chain *after);

#endif
