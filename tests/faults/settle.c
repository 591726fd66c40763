/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settle: see settle.h. */
#include "tests/faults/settle.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"

static const char other[] = "create other";

/* ---- the states that may be ---- */

static bool works(struct machine *m, const char *words)
{
    auto_result struct lab_result r = fault_free(m->lab, words);

    return !r.status;
}

static char *must_look(struct machine *m)
{
    char *why, *text = picture(m, true, &why);

    if (why)
        lab_fail("%s: undisturbed, and yet: %s\n%s", m->row->title, why, text);
    return text;
}

static void must_work(struct machine *m, const char *words)
{
    auto_result struct lab_result r = fault_free(m->lab, words);

    if (r.status)
        lab_fail("%s: undisturbed, and yet: %s: exit %d: %s%s", m->row->title, words, r.status,
                 r.out, r.err);
}

/* The picture of one of the ends that need a machine of their own; NULL: there is no such. */
static char *end_of(const struct row *row, enum settle_end end)
{
    struct machine m;
    char *text = NULL;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m), *part = machine_part(&m);
    if (part || end < END_PART) {
        if (end != END_BEFORE_OTHER)
            must_work(&m, end == END_AFTER_OTHER ? words : part);
        if (end != END_PART)
            must_work(&m, other);
        text = must_look(&m);
    }
    machine_stop(&m);
    return text;
}

bool ends_record(struct ends *ends, const struct row *row)
{
    struct machine m;
    auto_free char *words = NULL;
    bool can;

    *ends = (struct ends){0};
    machine_start(&m, row);
    can = machine_can(&m);
    if (can) {
        words = machine_words(&m);
        ends->picture[END_BEFORE] = must_look(&m);
        ends->calls = fault_count(m.lab, "change", words);
        ends->picture[END_AFTER] = must_look(&m);
        ends->again = works(&m, words);
        ends->picture[END_TWICE] = must_look(&m);
    }
    machine_stop(&m);
    for (int i = END_BEFORE_OTHER; can && i < ENDS; i++)
        ends->picture[i] = end_of(row, i);
    return can;
}

void ends_done(struct ends *ends)
{
    for (int i = 0; i < ENDS; i++)
        free(ends->picture[i]);
}

/* But for the last line, if it was @restarted. */
static bool same(const char *a, const char *b, bool restarted)
{
    const char *guest = strstr(a, "guest: ");

    return restarted ? !strncmp(a, b, (size_t)(guest - a)) : !strcmp(a, b);
}

static bool keeps_undo(const struct machine *m)
{
    auto_result struct lab_result r =
        lab_exec(m->home->folder,
                 (const char *const[]){"qemu-img", "snapshot", "-U", "-l", "vda.qcow2", NULL});

    return strstr(r.out, "qrw-undo-");
}

char *ends_judge(const struct ends *ends, struct machine *m, unsigned allowed, bool restarted)
{
    char *why;
    auto_free char *is = picture(m, true, &why);

    if (why)
        return why;
    /* whether QEMU had loaded an internal snapshot when it died nobody knows: what there was before
     * stays, by the name of its tag */
    if (restarted && keeps_undo(m))
        return NULL;
    for (int i = 0; i < ENDS; i++)
        if (allowed & 1u << i && ends->picture[i] && same(is, ends->picture[i], restarted))
            return NULL;
    return mem_printf("it is\n%s      and before it was\n%s", is, ends->picture[END_BEFORE]);
}

/* ---- what is done about it ---- */

enum { TRIES = 200 };

/* Until no job of what was begun runs any more: looked at again whenever one has changed its
 * state. News from before only make for a look too many. */
static char *run_until_settled(struct machine *m, const char *words, int *status)
{
    for (int i = 0; i < TRIES; i++) {
        auto_result struct lab_result r = fault_free(m->lab, words);

        *status = r.status;
        if (r.status != 8 && !strstr(r.out, "\"settled\": \"running\""))
            return r.status == 0 || r.status == 1 || r.status == 3
                       ? NULL
                       : mem_printf("%s: exit %d: %s%s", words, r.status, r.out, r.err);
        json_decref(lab_event(m->lab, "JOB_STATUS_CHANGE"));
    }
    return mem_printf("%s: still under way", words);
}

static char *repair(struct machine *m)
{
    int status;
    char *why = run_until_settled(m, "repair", &status);

    return why || !status ? why : mem_printf("repair: exit %d", status);
}

char *settle(const struct ends *ends, struct machine *m, enum settle_by how, bool restarted,
             int number)
{
    static const unsigned allowed[] = {
        [SETTLE_REPAIR] = 1 << END_BEFORE | 1 << END_AFTER | 1 << END_PART,
        [SETTLE_AGAIN] = 1 << END_AFTER | 1 << END_TWICE | 1 << END_PART,
        [SETTLE_OTHER] = 1 << END_BEFORE_OTHER | 1 << END_AFTER_OTHER | 1 << END_PART_OTHER,
        [SETTLE_DISTURBED] = 1 << END_BEFORE | 1 << END_AFTER | 1 << END_PART,
    };
    /* memory is only given up where QEMU is gone, and it with it */
    const unsigned parts = restarted || !m->row->memory ? 0 : 1 << END_PART | 1 << END_PART_OTHER;
    auto_free char *words = machine_words(m);
    char *why = NULL;
    int status = 0;

    if (how == SETTLE_AGAIN) {
        why = run_until_settled(m, words, &status);
        if (!why && status && ends->again)
            why = mem_printf("the same again: exit %d", status);
    } else if (how == SETTLE_OTHER) {
        why = run_until_settled(m, other, &status);
        if (!why && status)
            why = mem_printf("another command: exit %d", status);
    } else if (how == SETTLE_DISTURBED) {
        struct fault f = {.what = "kill", .at = 2 + number % 24, .set = "change"};
        auto_result struct lab_result r = fault_run(m->lab, &f, "repair");
    }
    if (!why)
        why = repair(m); /* of merges that are still due it reminds, too */
    if (!why)
        why = ends_judge(ends, m, allowed[how] & ~parts, restarted);
    return why ? why : picture_prove(m);
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
        files[d] = active_in(newer ? after : doc, d);
        if (files[d] && !is_image(m, files[d])) {
            free(files[d]);
            files[d] = active_in(after, d); /* the old one is merged, and gone */
        }
        if (!files[d])
            files[d] = mem_printf("vd%c.qcow2", 'a' + d);
    }
    machine_restart(m, files);
    for (int d = 0; d < m->row->disks; d++)
        free(files[d]);
}
