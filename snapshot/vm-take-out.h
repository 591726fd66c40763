/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-take-out: what is dropped goes from inside of the images, too. */
#ifndef SNAPSHOT_VM_TAKE_OUT_H
#define SNAPSHOT_VM_TAKE_OUT_H

#include <jansson.h>

struct chain;
struct qrw_vm;

/* Take what @inside names ("file" and "tag" each; of a mend, may be NULL) out of images of the VM
 * of @c, which has dropped it already, and is not saved yet. What stays there is noted. */
void vm_take_out(struct qrw_vm *vm, const struct chain *c, const json_t *inside);

#endif
