/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * places: where the devices of a machine sit, from what `info qtree` prints.      PURE
 *
 * What the guest has behind an address is what its memory says. By ids and types alone two disks
 * that were exchanged on the command line look the same, and the guest would write to one what
 * belongs on the other. A place is spelled in QEMU's words, from the outermost bus down:
 *
 *     pci.0 addr 05.0        pcie.0 addr 01.0 addr 00.0        pci.0 addr 01.1 ide.0 unit 1
 *     pci.0 addr 03.0 channel 0 scsi-id 2 lun 0                virtio-mmio-bus.31
 *
 * No command of QMP tells it of SCSI, of IDE, or of devices that have no id.
 */
#ifndef SNAPSHOT_PLACES_H
#define SNAPSHOT_PLACES_H

#include <jansson.h>

#include "snapshot/graph.h"

/* All devices that sit somewhere: [{"type", "at", "drive"}], the last where it has one. New
 * reference; NULL: @qtree is nothing that we understand. */
json_t *places_read(const char *qtree);

/*
 * What is to be recorded of @tree, as read: {"disks": {ID: PLACE}, "devices": ["TYPE at PLACE"]}:
 * the disks of @g that are keys of @disks, and the devices of the types that the user has added,
 * @devices ("ID: TYPE"). New reference.
 */
json_t *places_record(const json_t *tree, const json_t *devices, const struct graph *g,
                      const json_t *disks);

#endif
