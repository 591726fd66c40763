/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-preview: what repair would do. */
#ifndef SNAPSHOT_VM_PREVIEW_H
#define SNAPSHOT_VM_PREVIEW_H

#include <jansson.h>

#include "snapshot/operations.h"

struct chain;
struct journal;
struct qmp_error;
struct qrw_vm;

/* vm-check.c: the findings in the VM of @c, whose sidecar is @file (@recorded: it is there), and in
 * *@found what they were found in (new references). NULL: @err. */
json_t *vm_examine(struct qrw_vm *vm, struct chain *c, const char *file, bool recorded,
                   unsigned flags, json_t **found, struct qmp_error *err);

/* vm-check.c: would repair with @flags mend the finding @f? */
bool vm_may_mend(const json_t *f, unsigned flags);

/* What would be done about @findings, step by step; what that makes to be mended next is added to
 * them. New reference. */
json_t *vm_preview(struct qrw_vm *vm, const struct journal *j, qrw_strings only, unsigned flags,
                   json_t *findings);

/* What a dry run shows while an operation of @c is pending: that it is settled first. NULL: none
 * is. New reference. */
json_t *vm_preview_settling(const struct chain *c);

#endif
