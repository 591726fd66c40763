/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rig: the machine that is put beside the model, and how steps are done to it: through the
 * library in this very process, a few milliseconds each.
 */
#ifndef TESTS_MODEL_RIG_H
#define TESTS_MODEL_RIG_H

#include <stdint.h>

#include "snapshot/vm.h"
#include "tests/lab/lab.h"
#include "tests/model/model.h"

enum { RIG_TEXT = 120 };

/* What kind of machine it is, by chance; shrinking leaves it alone. */
struct rig_kind {
    int disks;
    bool modern, raw, relative, running;
    int bus;         /* LAB_VIRTIO, LAB_VIRTIO_IOTHREAD, LAB_SCSI */
    bool reconnects; /* for every step a new connection, as the program does */
};

struct rig {
    struct rig_kind kind;
    struct lab *home; /* has the folder with the images */
    struct lab *lab;  /* has the QEMU of now; the first one is @home too */
    struct qrw_vm *vm;
    bool can_memory;
    char note[1024]; /* what the last step had to say; "": nothing */
};

struct rig_kind rig_kind(uint64_t *seed);
char *rig_text(const struct rig_kind *kind, char text[RIG_TEXT]);

void rig_start(struct rig *rig, const struct rig_kind *kind);
void rig_stop(struct rig *rig);

/* Let QEMU end as after "quit", so that everything is in its images. */
void rig_quit(struct rig *rig);

/* As qrewind calls disk @n. */
const char *rig_disk(const struct rig *rig, int n);

/*
 * Do @step. 0: done; -1: refused or failed, @err has the kind. @active: the files that the
 * disks run on.
 */
int rig_do(struct rig *rig, const struct step *step, const char (*active)[IMAGE_NAME],
           struct qmp_error *err);

#endif
