/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image's header and its table of internal snapshots, and what an image of another format
 * builds on. Whatever is asked for in more bytes is bounded; what was read can be composed again
 * and reads the same.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/foreign.h"
#include "snapshot/qcow2.h"
#include "tests/fuzz/fuzz.h"

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* The table is where the header says, or else, as small inputs have it, at their end. */
static void read_snapshots(const struct qcow2_header *h, const uint8_t *bytes, size_t n)
{
    size_t at = h->snapshots_offset < n ? h->snapshots_offset : h->need, need;
    struct qcow2_snapshot *list;

    if (qcow2_parse_snapshots(h, bytes + at, n - at, &list, &need, NULL)) {
        fuzz_must(!need || (need > n - at && need <= QCOW2_MAX_SNAPSHOT_TABLE));
        return;
    }
    for (size_t i = 0; i < h->nsnapshots; i++)
        fuzz_must(list[i].id && list[i].name);
    qcow2_snapshots_free(list, h->nsnapshots);
}

static void compose_again(const struct qcow2_header *h)
{
    struct qcow2_options o = {.size = h->size,
                              .cluster_size = 1U << h->cluster_bits,
                              .backing = h->backing,
                              .backing_format = h->backing_format};
    struct qcow2_layout l;
    struct qcow2_header again;

    if (qcow2_compose(&o, &l, NULL))
        return;
    fuzz_must(!qcow2_parse(l.piece[0].bytes, l.piece[0].len, &again, NULL));
    fuzz_must(again.size >= h->size && again.size - h->size < QCOW2_SECTOR);
    fuzz_must(same_text(again.backing, h->backing));
    fuzz_must(!h->backing || same_text(again.backing_format, h->backing_format));
    qcow2_header_done(&again);
    qcow2_layout_done(&l);
}

void fuzz_qcow2(const uint8_t *bytes, size_t n)
{
    struct qcow2_header h, shorter;

    auto_free char *foreign = foreign_backing(bytes, n);
    fuzz_must(!foreign || (*foreign && strlen(foreign) < n));
    if (qcow2_parse(bytes, n, &h, NULL)) {
        fuzz_must(!h.need || (h.need > n && h.need <= QCOW2_MAX_HEADER));
        return;
    }
    fuzz_must(h.need <= n && h.cluster_bits >= 9 && h.cluster_bits <= 21);

    /* with a byte less than it takes it asks for more, with just these it does not */
    auto_free uint8_t *cut = mem_alloc(h.need);
    memcpy(cut, bytes, h.need);
    fuzz_must(qcow2_parse(cut, h.need - 1, &shorter, NULL) && shorter.need >= h.need - 1);
    fuzz_must(!qcow2_parse(cut, h.need, &shorter, NULL));
    fuzz_must(same_text(shorter.backing, h.backing) && shorter.need == h.need);
    qcow2_header_done(&shorter);

    read_snapshots(&h, bytes, n);
    compose_again(&h);
    qcow2_header_done(&h);
}
