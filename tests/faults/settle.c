/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settle: see settle.h. */
#include "tests/faults/settle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"
#include "tests/faults/picture.h"

/* Of the exit codes other than 0 those in the set @fine (1 << CODE) are no failure. */
static char *run_until_settled(struct machine *m, const char *words, unsigned fine, int *status)
{
    auto_result struct lab_result r = fault_settled(m->lab, words);

    *status = r.status;
    if (fault_waits(&r))
        return mem_printf("%s: still under way", words);
    return !r.status || fine >> r.status & 1
               ? NULL
               : mem_printf("%s: exit %d: %s%s", words, r.status, r.out, r.err);
}

/* A copy that QEMU was told to switch to stays where the VM was started on the old image: it may be
 * newer, and is not written over. */
static bool is_in_the_way(struct machine *m)
{
    auto_free char *copy = lab_path(m->home, "copy.qcow2");

    return m->lab != m->home && !access(copy, F_OK);
}

static char *repair(struct machine *m)
{
    int status;

    return run_until_settled(m, "repair", 0, &status);
}

unsigned settle_denied(int status, enum settle_by how)
{
    enum {
        BEFORE = 1 << END_BEFORE | 1 << END_BEFORE_OTHER | 1 << END_PART | 1 << END_PART_OTHER |
                 1 << END_DROPPED | 1 << END_DROPPED_OTHER,
        AFTER = 1 << END_AFTER | 1 << END_AFTER_OTHER,
        TWICE = 1 << END_TWICE
    };

    if (!status)
        return BEFORE;
    return status == 5 ? 0 : how == SETTLE_AGAIN ? TWICE : AFTER;
}

char *settle(const struct ends *ends, struct machine *m, enum settle_by how, bool restarted,
             unsigned never, int number)
{
    enum {
        UNDONE = 1 << END_BEFORE | 1 << END_DROPPED,
        UNDONE_OTHER = 1 << END_BEFORE_OTHER | 1 << END_DROPPED_OTHER
    };
    static const unsigned allowed[] = {
        [SETTLE_REPAIR] = UNDONE | 1 << END_AFTER | 1 << END_PART,
        [SETTLE_AGAIN] = 1 << END_AFTER | 1 << END_TWICE | 1 << END_PART | 1 << END_DROPPED,
        [SETTLE_OTHER] = UNDONE_OTHER | 1 << END_AFTER_OTHER | 1 << END_PART_OTHER,
        [SETTLE_DISTURBED] = UNDONE | 1 << END_AFTER | 1 << END_PART,
    };
    unsigned also = 0;
    auto_free char *words = machine_words(m);
    char *why = NULL;
    int status = 0;

    /* memory is only given up where QEMU is gone, and it with it; so is a commit half way */
    if (!restarted && m->row->jobs)
        never |= 1 << END_PART | 1 << END_PART_OTHER;
    if (!restarted)
        never |= 1 << END_DROPPED | 1 << END_DROPPED_OTHER;
    if (how == SETTLE_AGAIN) {
        why = run_until_settled(m, words, ends->again ? 0 : 1 << 1 | 1 << 3, &status);
        if (status == 1 && is_in_the_way(m))
            also |= 1 << END_BEFORE;
        if (status != 3)
            never |= 1 << END_DROPPED; /* it named the snapshot that was dropped */
    } else if (how == SETTLE_OTHER) {
        why = run_until_settled(m, ends_other, 0, &status);
    } else if (how == SETTLE_DISTURBED) {
        struct fault f = {.what = "kill", .at = 2 + number % 24, .set = "change"};
        auto_result struct lab_result r = fault_run(m->lab, &f, "repair");
    }
    if (!why)
        why = repair(m); /* of merges that are still due it reminds, too */
    if (!why)
        why = ends_judge(ends, m, (allowed[how] | also) & ~never, restarted);
    return why ? why : picture_prove(m);
}

/* ---- a call failed ---- */

static char *judge(const struct ends *ends, struct machine *m, const struct lab_result *r,
                   bool lasting, bool restarted)
{
    enum { DONE = 1 << END_AFTER, UNTOUCHED = 1 << END_BEFORE, PART = 1 << END_PART };

    if (r->status > 8)
        return mem_strdup("no such exit code");
    /* what repair tells of what it cannot mend counts, too */
    const bool half = r->status == 5 || strstr(r->out, "not merged yet");
    auto_result struct lab_result later = {0};
    if (half || !r->status || lasting || strstr(r->out, "cannot lock"))
        later = fault_free(m->lab, "repair");
    auto_free char *said = mem_printf("%s%s", m->kept, later.out ? later.out : "");
    m->kept = said;
    if (lab_has_ended(m->lab)) {
        settle_restart(m, false);
        restarted = true;
    }
    if (strstr(r->err, "is dropped: its content was overwritten"))
        return r->status == 5 ? ends_judge(ends, m, 1 << END_DROPPED, restarted)
                              : mem_strdup("a snapshot is gone");
    /* of an image that it has made flat QEMU does not write so later: that is told */
    if (later.out && strstr(later.out, "\"wrong-backing\""))
        return NULL;
    /* What is half done repair settles; also a merge that was put off, of which a note tells. */
    if (half)
        return settle(ends, m, SETTLE_REPAIR, restarted, 0, 0);
    /* a lock or a file that could not be removed stays, and is named, until somebody can */
    return ends_judge(ends, m, r->status ? UNTOUCHED | PART : DONE, restarted);
}

char *settle_by_code(const struct ends *ends, struct machine *m, const struct lab_result *r,
                     bool lasting, bool restarted)
{
    auto_free char *said = mem_printf("%s%s", r->out, r->err);
    m->kept = said;
    auto_free char *why = judge(ends, m, r, lasting, restarted);
    m->kept = NULL;

    if (!why)
        return picture_prove(m);
    return mem_printf("exit %d: %s%s%s", r->status, r->out, r->err, why);
}

/* ---- QEMU is gone ---- */

/* Does @pending switch to files that are whole: from the first moment, or filled by now? */
static bool switches(const json_t *pending)
{
    static const char *const operations[] = {"create", "revert", "undo"};
    const char *name = json_string_value(json_object_get(pending, "operation"));

    if (json_is_true(json_object_get(pending, "switched")))
        return true;
    for (size_t i = 0; name && i < sizeof(operations) / sizeof(operations[0]); i++)
        if (!strcmp(operations[i], name))
            return true;
    return false;
}

/* The last component of the file that @doc says disk @d runs on. New string, NULL: unknown. */
static char *active_in(const json_t *doc, int d)
{
    const char name[] = {'v', 'd', (char)('a' + d), '\0'};
    const json_t *disk = json_object_get(json_object_get(doc, "disks"), name);
    const char *layer = json_string_value(json_object_get(disk, "active"));
    const json_t *known = layer ? json_object_get(json_object_get(doc, "layers"), layer) : NULL;
    const char *file = json_string_value(json_object_get(known, "file"));
    const char *slash = file ? strrchr(file, '/') : NULL;

    return file ? mem_strdup(slash ? slash + 1 : file) : NULL;
}

static bool is_image(const struct machine *m, const char *file)
{
    auto_result struct lab_result r =
        lab_exec(m->home->folder, (const char *const[]){"qemu-img", "info", "-U", "--backing-chain",
                                                        "-f", "qcow2", file, NULL});

    return !r.status;
}

/* Are the files that the disks are to switch to there, all of them? */
static bool is_made(const struct machine *m, const json_t *after)
{
    for (int d = 0; d < m->row->disks; d++) {
        auto_free char *file = active_in(after, d);

        if (!file || !is_image(m, file))
            return false;
    }
    return true;
}

void settle_restart(struct machine *m, bool newer)
{
    json_auto_t *doc = picture_sidecar(m);
    const json_t *pending = json_object_get(doc, "pending");
    const json_t *after = json_object_get(pending, "after");
    char *files[ROW_DISKS];

    newer = newer && switches(pending) && is_made(m, after);
    for (int d = 0; d < m->row->disks; d++) {
        auto_free char *older = active_in(doc, d);

        newer |= older && !is_image(m, older); /* merged, and gone; all disks go with it */
    }
    for (int d = 0; d < m->row->disks; d++) {
        files[d] = active_in(newer ? after : doc, d);
        if (!files[d])
            files[d] = mem_strdup(m->files[d]);
    }
    machine_restart(m, files);
    for (int d = 0; d < m->row->disks; d++)
        free(files[d]);
}
