/* SPDX-License-Identifier: GPL-2.0-or-later */
/* images: see images.h. */
#include "tests/model/images.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"

/* Offsets in a qcow2 header. */
enum {
    BACKING_AT = 8,
    BACKING_LENGTH = 16,
    CLUSTER_BITS = 20,
    L1_AT = 40,
    TAGS = 60,
    TAGS_AT = 64,
    FEATURES = 72,
};

/* And in an entry of the table of snapshots. */
enum { TAG_ID_LENGTH = 12, TAG_EXTRA = 36, TAG_REST = 40 };

#define OFFSET_MASK 0x00fffffffffffe00ull
#define COMPRESSED (1ull << 62)
#define ALL_ZERO 1ull
#define EXTENDED_L2 (1ull << 4)

static uint64_t big64(int fd, off_t at)
{
    uint64_t v = 0;

    return pread(fd, &v, 8, at) == 8 ? be64toh(v) : 0;
}

static uint32_t big32(int fd, off_t at)
{
    uint32_t v = 0;

    return pread(fd, &v, 4, at) == 4 ? be32toh(v) : 0;
}

static int open_image(const struct images *im, const char *name)
{
    auto_free char *path = mem_printf("%s/%s", im->folder, name);

    return open(path, O_RDONLY | O_CLOEXEC);
}

bool images_is_raw(const char *name)
{
    return path_ends(name, ".raw");
}

static char *read_tags(int fd, struct image *i)
{
    off_t at = (off_t)big64(fd, TAGS_AT);

    i->ntags = (int)big32(fd, TAGS);
    if (i->ntags > TAGS_MOST)
        return mem_printf("%s has %d internal snapshots", i->name, i->ntags);
    for (int k = 0; k < i->ntags; k++) {
        uint32_t id = big32(fd, at + TAG_ID_LENGTH) >> 16;
        uint32_t name = big32(fd, at + TAG_ID_LENGTH) & 0xffff;
        off_t rest = at + TAG_REST + big32(fd, at + TAG_EXTRA);

        i->tag[k].table = big64(fd, at);
        if (name >= sizeof(i->tag[k].name) || pread(fd, i->tag[k].name, name, rest + id) != name)
            return mem_printf("%s: the name of an internal snapshot cannot be read", i->name);
        at = (rest + id + name + 7) & ~(off_t)7;
    }
    return NULL;
}

static char *read_header(const struct images *im, struct image *i)
{
    auto_close int fd = open_image(im, i->name);
    char name[1024] = "";
    uint32_t length;

    if (fd < 0)
        return mem_printf("%s: %m", i->name);
    if (big32(fd, 0) != 0x514649fb || big32(fd, CLUSTER_BITS) != 16 ||
        (big64(fd, FEATURES) & EXTENDED_L2))
        return mem_printf("%s is not a qcow2 image as the tests make them", i->name);
    length = big32(fd, BACKING_LENGTH);
    if (!length)
        return read_tags(fd, i);
    if (length >= sizeof(name) || pread(fd, name, length, (off_t)big64(fd, BACKING_AT)) < 0)
        return mem_printf("%s: the name of its backing file cannot be read", i->name);
    const char *slash = strrchr(name, '/');
    if (slash && (strncmp(name, im->folder, strlen(im->folder)) ||
                  strchr(name + strlen(im->folder) + 1, '/')))
        return mem_printf("%s backs on %s, which is not in the folder", i->name, name);
    const char *last = slash ? slash + 1 : name;
    if (strlen(last) >= IMAGE_NAME)
        return mem_printf("%s backs on %s: too long a name", i->name, last);
    strcpy(i->backing, last);
    return read_tags(fd, i);
}

char *images_read(struct images *im, const char *folder)
{
    DIR *dir = opendir(folder);
    char *why = NULL;

    memset(im, 0, sizeof(*im));
    snprintf(im->folder, sizeof(im->folder), "%s", folder);
    for (struct dirent *e; dir && !why && (e = readdir(dir));) {
        struct image *i = &im->list[im->n];

        if (!path_ends(e->d_name, ".qcow2") && !images_is_raw(e->d_name))
            continue;
        if (im->n == IMAGES_MOST)
            why = mem_printf("more than %d images", IMAGES_MOST);
        else if (strlen(e->d_name) >= IMAGE_NAME)
            why = mem_printf("%s: too long a name", e->d_name);
        if (why)
            break;
        strcpy(i->name, e->d_name);
        im->n++;
        why = images_is_raw(i->name) ? NULL : read_header(im, i);
    }
    if (dir)
        closedir(dir);
    for (int k = 0; k < im->n && !why; k++)
        if (im->list[k].backing[0] && !images_find(im, im->list[k].backing))
            why =
                mem_printf("%s backs on %s, which is gone", im->list[k].name, im->list[k].backing);
    return why;
}

const struct image *images_find(const struct images *im, const char *name)
{
    for (int i = 0; i < im->n; i++)
        if (!strcmp(im->list[i].name, name))
            return &im->list[i];
    return NULL;
}

const struct image_tag *images_tag(const struct image *i, const char *begin, bool whole)
{
    for (int k = 0; i && k < i->ntags; k++)
        if (whole ? !strcmp(i->tag[k].name, begin) : !strncmp(i->tag[k].name, begin, strlen(begin)))
            return &i->tag[k];
    return NULL;
}

int images_children(const struct images *im, const char *name, const char *known)
{
    int n = 0;

    for (int i = 0; i < im->n; i++)
        n += !strcmp(im->list[i].backing, name) && !(known && !strcmp(im->list[i].name, known));
    return n;
}

int images_chain(const struct images *im, const char *top, const struct image *chain[IMAGES_MOST])
{
    int n = 0;

    for (const struct image *i = images_find(im, top); i && n < IMAGES_MOST;
         i = i->backing[0] ? images_find(im, i->backing) : NULL)
        chain[n++] = i;
    return n;
}

/* ---- content ---- */

/* The block at @at of the file: the value that it is full of, -1: of several. */
static int value_at(int fd, off_t at)
{
    static unsigned char data[MODEL_BLOCK];

    if (pread(fd, data, sizeof(data), at) != sizeof(data) ||
        memcmp(data, data + 1, sizeof(data) - 1))
        return -1;
    return data[0];
}

enum { NOT_HERE = -2, MIXED = -1 };

static int value_in(int fd, bool raw, const struct image_tag *tag, int block)
{
    uint64_t entry, table;

    if (raw)
        return value_at(fd, (off_t)block * MODEL_BLOCK);
    table = big64(fd, (off_t)(tag ? tag->table : big64(fd, L1_AT))) & OFFSET_MASK;
    if (!table)
        return NOT_HERE;
    entry = big64(fd, (off_t)table + block * 8);
    if (entry & COMPRESSED)
        return MIXED;
    if (entry & ALL_ZERO)
        return 0;
    return entry & OFFSET_MASK ? value_at(fd, (off_t)(entry & OFFSET_MASK)) : NOT_HERE;
}

char *images_content(const struct images *im, const char *top, const struct image_tag *tag,
                     unsigned char block[MODEL_BLOCKS])
{
    const struct image *chain[IMAGES_MOST];
    int n = images_chain(im, top, chain), missing = MODEL_BLOCKS;
    bool seen[MODEL_BLOCKS] = {false};

    memset(block, 0, MODEL_BLOCKS);
    if (!n)
        return mem_printf("%s is gone", top);
    for (int i = 0; i < n && missing; i++) {
        auto_close int fd = open_image(im, chain[i]->name);

        for (int b = 0; b < MODEL_BLOCKS; b++) {
            int value =
                seen[b] ? NOT_HERE : value_in(fd, images_is_raw(chain[i]->name), i ? NULL : tag, b);

            if (value == MIXED)
                return mem_printf("%s: block %d is not of one value", chain[i]->name, b);
            if (value == NOT_HERE)
                continue;
            block[b] = (unsigned char)value;
            seen[b] = true;
            missing--;
        }
    }
    return NULL;
}
