/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every request that QEMU makes to an image during an operation fails once, or all of its kind from
 * then on: the disk is broken, or full. The exit code says what is true then, as for calls of the
 * program itself (test-qemu-inject.c).
 *
 *   make disk-matrix [OF=1] [QRW_ROW=TEXT]
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"
#include "tests/faults/settle.h"
#include "tests/faults/table.h"

static const struct {
    const char *name;
    int code;
    bool stays;
} failures[] = {
    {"EIO", EIO, false},
    {"EIO", EIO, true},
    {"ENOSPC", ENOSPC, false},
    {"ENOSPC", ENOSPC, true},
};
enum { FAILURES = sizeof(failures) / sizeof(failures[0]), REQUESTS_MOST = 2000 };

/* What the shim in QEMU (tests/faults/shim/disk.c) looks for, and its log. */
struct disk {
    char *file, *log;
};

/* From now on QEMUs have the shim. One row, one process, one of these. */
static struct disk disk_begin(void)
{
    const char *folder = getenv("TMPDIR");
    auto_free char *program = lab_program();
    auto_free char *shim =
        mem_printf("%.*s/tests/disk.so", (int)(strrchr(program, '/') - program), program);
    struct disk d = {.file = mem_printf("%s/qrw-disk-%d", folder ? folder : "/tmp", getpid())};

    d.log = mem_printf("%s.log", d.file);
    setenv("LD_PRELOAD", shim, 1);
    setenv("QRW_DISK", d.file, 1);
    return d;
}

static void disk_end(struct disk *d)
{
    unsetenv("LD_PRELOAD");
    free(d->file);
    free(d->log);
}

static void disk_fails(const struct disk *d, int at, int code, bool stays)
{
    FILE *f = fopen(d->file, "we");

    if (!f || fprintf(f, "%d %d %d", at, code, stays) < 0 || fclose(f))
        lab_fail("%s: %m", d->file);
}

/* It works again. Returns the first letters of the kinds of requests that there were, in order. */
static char *disk_works(const struct disk *d)
{
    char *kinds = mem_alloc(REQUESTS_MOST), name[16];
    FILE *log;

    unlink(d->file);
    log = fopen(d->log, "re");
    for (int n; log && fscanf(log, "%d %15s%*[^\n]", &n, name) == 2;)
        if (n < REQUESTS_MOST)
            kinds[n - 1] = name[0];
    if (log)
        fclose(log);
    unlink(d->log);
    return kinds;
}

/* Of a file that it could not sync QEMU never believes again that it can: another QEMU, on the
 * files that this one runs on. */
static void start_another(struct machine *m)
{
    json_auto_t *blocks = lab_qmp(m->lab, "query-block", NULL);
    char *files[ROW_DISKS];

    for (int d = 0; d < m->row->disks; d++) {
        const json_t *inserted = json_object_get(json_array_get(blocks, (size_t)d), "inserted");
        const char *file = json_string_value(json_object_get(inserted, "file"));

        files[d] = mem_strdup(strrchr(file, '/') + 1);
    }
    machine_restart(m, files);
    for (int d = 0; d < m->row->disks; d++)
        free(files[d]);
}

static void try_point(const struct row *row, const struct ends *ends, const struct disk *d, int at,
                      int failure, struct tally *t)
{
    const bool stays = failures[failure].stays;
    struct machine m;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    disk_fails(d, at, failures[failure].code, stays);
    auto_result struct lab_result r = fault_free(m.lab, words);
    auto_free char *kinds = disk_works(d);
    const bool synced = kinds[at - 1] == 's';
    /* a table of internal snapshots that it could not sync QEMU gives up, and the header names it:
     * what another QEMU finds there is not for us to say */
    if (kinds[at - 1] && !(synced && strstr(row->title, "internal"))) {
        bool dead = lab_has_ended(m.lab);

        if (dead)
            settle_restart(&m, at % 2);
        else if (synced)
            start_another(&m);
        tally_add(t, settle_by_code(ends, &m, &r, stays, dead || synced), "%s%s at request %d, %c",
                  failures[failure].name, stays ? " from then on" : "", at, kinds[at - 1]);
    }
    machine_stop(&m);
}

/* The requests of @row undisturbed, as letters. */
static char *requests_of(const struct row *row, const struct disk *d)
{
    struct machine m;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    disk_fails(d, 0, 0, false);
    auto_result struct lab_result r = fault_free(m.lab, words);
    char *kinds = disk_works(d);
    machine_stop(&m);
    /* what only changes records leaves the images alone */
    if (r.status || (!kinds[0] && !strncmp(words, "create", 6)))
        lab_fail("%s: exit %d, requests '%s': %s%s", words, r.status, kinds, r.out, r.err);
    return kinds;
}

/* The layers below are given up when what came from them is on the disk: that is always tried. */
static bool gives_up_layers(const struct row *row)
{
    return !strncmp(row->words, "stream", 6) || !strncmp(row->words, "commit", 6);
}

static void try_requests(const struct row *row, const struct ends *ends, const struct disk *d,
                         struct tally *t)
{
    enum { SAMPLE = 100 };
    auto_free char *kinds = requests_of(row, d);

    for (int i = 0, n = (int)strlen(kinds); i < n * FAILURES; i++)
        if (table_picks(row, i, SAMPLE) || (!table_is_whole() && gives_up_layers(row) &&
                                            kinds[i / FAILURES] == 's' && i % FAILURES == 0))
            try_point(row, ends, d, 1 + i / FAILURES, i % FAILURES, t);
}

static void try_row(const struct row *row, struct tally *t)
{
    enum { ROWS = 5 };
    struct disk d = disk_begin();
    struct ends ends;

    if ((table_is_whole() || gives_up_layers(row) || table_picks(row, -1, ROWS)) &&
        ends_record(&ends, row)) {
        try_requests(row, &ends, &d, t);
        ends_done(&ends);
    }
    disk_end(&d);
}

Test(disk, whatever_fails_in_qemu_the_exit_code_says_what_is_true, .timeout = 0)
{
    int failed = table_try("a request fails during", try_row);

    cr_assert_eq(failed, 0, "%d points failed", failed);
}
