/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qcow2-snapshots: the table of internal snapshots; see qcow2.h. */
#include "snapshot/qcow2.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/qcow2-bytes.h"

/* One entry: these fields, then extra data, id, name; padded to 8 bytes. */
enum {
    AT_TABLE_OFFSET = 0,
    AT_TABLE_ENTRIES = 8,
    AT_ID_SIZE = 12,
    AT_NAME_SIZE = 14,
    AT_DATE_SEC = 16,
    AT_DATE_NSEC = 20,
    AT_VM_CLOCK = 24,
    AT_VM_STATE_SIZE = 32,
    AT_EXTRA_SIZE = 36,
    AT_EXTRA = 40,
    EXTRA_VM_STATE_SIZE = 0, /* 64 bits wide */
    EXTRA_DISK_SIZE = 8,
    EXTRA_ICOUNT = 16,
    MAX_EXTRA = 1024,
};

static int want(size_t n, size_t len, size_t *need, struct qmp_error *err)
{
    if (n <= len)
        return 0;
    if (n > QCOW2_MAX_SNAPSHOT_TABLE)
        return qmp_error_set(err, QRW_ERR_INVALID, "the table of internal snapshots is too large");
    *need = n;
    return qmp_error_set(err, QRW_ERR_INVALID,
                         "the table of internal snapshots needs %zu bytes, there are %zu", n, len);
}

static char *text(const uint8_t *p, size_t len)
{
    return mem_printf("%.*s", (int)len, (const char *)p);
}

static void parse_extra(const uint8_t *extra, size_t n, struct qcow2_snapshot *s)
{
    if (n >= EXTRA_VM_STATE_SIZE + 8)
        s->vm_state_size = get64(extra + EXTRA_VM_STATE_SIZE);
    if (n >= EXTRA_DISK_SIZE + 8)
        s->disk_size = get64(extra + EXTRA_DISK_SIZE);
    if (n >= EXTRA_ICOUNT + 8)
        s->icount = (int64_t)get64(extra + EXTRA_ICOUNT);
}

/* Read the entry at *@at and move *@at behind it. */
static int parse_entry(const uint8_t *bytes, size_t len, size_t *at, struct qcow2_snapshot *s,
                       size_t *need, struct qmp_error *err)
{
    if (want(*at + AT_EXTRA, len, need, err))
        return -1;
    const uint8_t *p = bytes + *at;
    size_t id = get16(p + AT_ID_SIZE), name = get16(p + AT_NAME_SIZE);
    size_t extra = get32(p + AT_EXTRA_SIZE);
    if (extra > MAX_EXTRA)
        return qmp_error_set(err, QRW_ERR_INVALID,
                             "an internal snapshot has %zu bytes of extra data", extra);
    size_t size = AT_EXTRA + extra + id + name;
    if (want(*at + size, len, need, err))
        return -1;

    s->l1_offset = get64(p + AT_TABLE_OFFSET);
    s->l1_entries = get32(p + AT_TABLE_ENTRIES);
    s->vm_state_size = get32(p + AT_VM_STATE_SIZE);
    s->date_sec = get32(p + AT_DATE_SEC);
    s->date_nsec = get32(p + AT_DATE_NSEC);
    s->vm_clock_nsec = get64(p + AT_VM_CLOCK);
    s->icount = -1;
    parse_extra(p + AT_EXTRA, extra, s);
    s->id = text(p + AT_EXTRA + extra, id);
    s->name = text(p + AT_EXTRA + extra + id, name);
    *at += (size + 7) & ~(size_t)7;
    return 0;
}

int qcow2_parse_snapshots(const struct qcow2_header *h, const void *bytes, size_t len,
                          struct qcow2_snapshot **list, size_t *need, struct qmp_error *err)
{
    size_t at = 0;

    *need = 0;
    /* every entry takes at least AT_EXTRA bytes: look before so much is allocated */
    if (want((size_t)h->nsnapshots * AT_EXTRA, len, need, err))
        return -1;
    struct qcow2_snapshot *s = h->nsnapshots ? mem_alloc(h->nsnapshots * sizeof(*s)) : NULL;
    for (size_t i = 0; i < h->nsnapshots; i++) {
        if (parse_entry(bytes, len, &at, &s[i], need, err)) {
            qcow2_snapshots_free(s, h->nsnapshots);
            return -1;
        }
    }
    *list = s;
    return 0;
}

void qcow2_snapshots_free(struct qcow2_snapshot *list, size_t n)
{
    for (size_t i = 0; list && i < n; i++) {
        free(list[i].id);
        free(list[i].name);
    }
    free(list);
}

const struct qcow2_snapshot *qcow2_snapshot_find(const struct qcow2_snapshot *list, size_t n,
                                                 const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name))
            return &list[i];
    return NULL;
}
