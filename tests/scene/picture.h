/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * picture: what a planner may know, drawn on one line; documents drawn back.
 *
 *     disk0: base:9M* <- a:1M <- b
 *
 * is a running VM (q35, 128 MiB of RAM, QEMU 7.2.22) with one disk of 64 MiB. QEMU writes to
 * /vm/b.qcow2; the sidecar knows the three layers and a snapshot s1 that pins /vm/base.qcow2. Of
 * base, 9 MiB are allocated.
 *
 *     PICTURE  PART; PART; ...
 *     PART     DISK[FLAG,...]: LAYER <- LAYER ...     a disk of QEMU, the base first
 *              + LAYER <- LAYER ...                   the sidecar knows more of that disk
 *              job ID TYPE STATUS [ERROR]
 *              inside TAG                             the sidecar knows this internal snapshot
 *              QEMU VERSION
 *              live SNAPSHOT                          its memory was saved while the guest ran on
 *              migration STATUS                       as QEMU tells of the last one
 *              paused | inmigrate (started with -incoming) | out of reach (of QEMU's files)
 *     LAYER    NAME[:ALLOCATED][*[SNAPSHOT]]...[^TAG[!]]...[~][(FLAG,...)]
 *
 * A star pins the layer; the first one of a disk means s1, the next s2, unless a name follows.
 * ^ is an internal snapshot in the image, ! one with memory; a tag qrw-undo-... that is inside
 * is the undo point. ~ is an undo point of layers. A picture without star, ~, + and inside has
 * no sidecar.
 *
 * Flags of a disk: removable (an SD card, say), cd (removable, and with a tray), empty,
 * read-only, direct, no-flush, zeroes (detect-zeroes=unmap),
 * filter (throttle), nodeless (QEMU does not tell any node's name), legacy (-drive id=DISK, no
 * device id), bitmaps (dirty ones), encrypted, active=NAME (in the sidecar, where that differs).
 * Flags of a layer: raw; remote (nbd); relative (so spelled by QEMU); json (so named by QEMU);
 * named (its nodes have the user's names, NAME-fmt and NAME-file; else QEMU's own, #NAME and
 * #NAME.f); theirs (not made by us, as the lowest never is); unknown (to the sidecar);
 * corrupt (QEMU has marked it as damaged).
 */
#ifndef TESTS_SCENE_PICTURE_H
#define TESTS_SCENE_PICTURE_H

#include <jansson.h>

#include "snapshot/plan.h"

struct picture {
    json_t *replies;             /* {"query-block": ..., ...}: as QEMU would give them */
    struct graph graph, shallow; /* all nodes; what query-block alone shows */
    struct chain chain;
    struct machine machine;
    char *release;      /* where the picture says one */
    struct scene scene; /* graph and chain, at a fixed time, in /home/me, with the token "t" */
};

/* Files are in @folder, NULL: /vm. Fails the test when the line makes no sense. */
struct picture *picture_new(const char *line);
struct picture *picture_new_in(const char *folder, const char *line);
void picture_free(struct picture *p);

/*
 * The document as a picture: "disk0: base*s1 <- a; + base <- old*s2; inside t1: disk0!" (the disk
 * with the memory has a !), names without folder and .qcow2; pins always with the snapshot's name.
 * "nothing" for an empty one. The caller frees.
 */
char *picture_draw(const struct chain *c);

/* @text with "FOLDER/NAME.qcow2" shortened to "NAME". The caller frees. */
char *picture_short(const char *folder, const char *text);

#endif
