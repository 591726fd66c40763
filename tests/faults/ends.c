/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ends: see ends.h. */
#include "tests/faults/ends.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"
#include "tests/faults/picture.h"

const char ends_other[] = "create other";

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
            must_work(&m, ends_other);
        text = must_look(&m);
    }
    machine_stop(&m);
    return text;
}

/* Where the lines about the disks end, which come first. */
static const char *after_disks(const char *picture)
{
    while (!strncmp(picture, "disk ", 5))
        picture = strchr(picture, '\n') + 1;
    return picture;
}

/* Without the line about the undo point. */
static char *without_undo(const char *before)
{
    const char *undo = strstr(before, "undo:"), *end = undo ? strchr(undo, '\n') + 1 : NULL;

    return undo ? mem_printf("%.*s%s", (int)(undo - before), before, end) : NULL;
}

/* The disks as in @before, the snapshots as in @after. */
static char *dropped(const char *before, const char *after)
{
    return mem_printf("%.*s%s", (int)(after_disks(before) - before), before, after_disks(after));
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
    for (int i = END_BEFORE_OTHER; can && i < END_DROPPED; i++)
        ends->picture[i] = end_of(row, i);
    if (can && !strncmp(row->words, "commit ", 7)) {
        char **is = ends->picture;

        is[END_DROPPED] = dropped(is[END_BEFORE], is[END_AFTER]);
        is[END_DROPPED_OTHER] = dropped(is[END_BEFORE_OTHER], is[END_AFTER_OTHER]);
    } else if (can && !strncmp(row->words, "revert ", 7)) {
        ends->picture[END_DROPPED] = without_undo(ends->picture[END_BEFORE]);
        ends->picture[END_DROPPED_OTHER] = without_undo(ends->picture[END_BEFORE_OTHER]);
    }
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

char *ends_judge(const struct ends *ends, struct machine *m, unsigned allowed, bool restarted)
{
    char *why;
    auto_free char *is = picture(m, true, &why);

    if (why)
        return why;
    for (int i = 0; i < ENDS; i++)
        if (allowed & 1u << i && ends->picture[i] && same(is, ends->picture[i], restarted))
            return NULL;
    return mem_printf("it is\n%s      and before it was\n%s", is, ends->picture[END_BEFORE]);
}
