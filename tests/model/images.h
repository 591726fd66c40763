/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * images: what the files in a folder are and show, read from their own bytes.
 *
 * On purpose neither the library's reader nor qemu-img: the one is under test, the other
 * takes 15 ms a file, and every snapshot is read after each step. It knows what the tests
 * make: qcow2 with 64 KiB clusters, nothing compressed, and raw.
 */
#ifndef TESTS_MODEL_IMAGES_H
#define TESTS_MODEL_IMAGES_H

#include <stdbool.h>
#include <stdint.h>

enum { MODEL_BLOCKS = 8, MODEL_BLOCK = 65536, IMAGE_NAME = 48, IMAGES_MOST = 96, TAGS_MOST = 12 };

/* An internal snapshot. */
struct image_tag {
    char name[24];
    uint64_t table; /* where its first table is */
};

/* Names are without the folder. */
struct image {
    char name[IMAGE_NAME];
    char backing[IMAGE_NAME]; /* as its header says; "": none */
    struct image_tag tag[TAGS_MOST];
    int ntags;
};

struct images {
    char folder[256];
    struct image list[IMAGES_MOST];
    int n;
};

/* Every *.qcow2 and *.raw in @folder. Returns what is wrong with them, NULL: nothing; the
 * caller frees. */
char *images_read(struct images *im, const char *folder);

const struct image *images_find(const struct images *im, const char *name);

/* How many images build on @name, @known (may be NULL) not counted. */
int images_children(const struct images *im, const char *name, const char *known);

/* The chain from @top down: pointers into @im. Returns their number. */
int images_chain(const struct images *im, const char *top, const struct image *chain[IMAGES_MOST]);

/* The internal snapshot of @i whose name begins with @begin, or is it if @whole. NULL: none. */
const struct image_tag *images_tag(const struct image *i, const char *begin, bool whole);

/* What a guest would read from the image @top, as it is or as @tag (may be NULL) has it: the value
 * that each block is full of. */
char *images_content(const struct images *im, const char *top, const struct image_tag *tag,
                     unsigned char block[MODEL_BLOCKS]);

bool images_is_raw(const char *name);

#endif
