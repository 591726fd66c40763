/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A dry run against what is sent then: the same commands with the same arguments, those of the
 * merges that follow included. Who asks, and who sees jobs to their end, is not in a plan.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/inside.h"

/* What differs each time goes out of @s: the tokens of operations, the numbers of nodes that nobody
 * named. */
static void blur(char *s)
{
    char *to = s;

    for (const char *at = s; *at;) {
        size_t n = 0;

        if (to - s >= 4 && !strncmp(to - 4, "qrw-", 4)) {
            n = strspn(at, "0123456789abcdef");
            n = n >= 6 ? 6 : 0;
        } else if (to - s >= 6 && !strncmp(to - 6, "#block", 6)) {
            n = strspn(at, "0123456789");
        }
        at += n;
        if (*at)
            *to++ = *at++;
    }
    *to = '\0';
}

/* Add @command and its @arguments to the lines @all. */
static char *add(char *all, const char *command, const json_t *arguments)
{
    static const char *const passed[] = {"query-", "qom-", "qmp_capabilities", "job-",
                                         "human-", "quit", "block-job-",       NULL};
    auto_free char *before = all, *text = NULL;

    for (size_t i = 0; passed[i]; i++)
        if (!strncmp(command, passed[i], strlen(passed[i]))) {
            before = NULL;
            return all;
        }
    text = arguments ? json_dumps(arguments, JSON_SORT_KEYS | JSON_COMPACT) : mem_strdup("");
    return mem_printf("%s%s %s\n", all, command, text);
}

static char *planned(const json_t *plan)
{
    char *all = mem_strdup("");
    const json_t *step;
    size_t i;

    json_array_foreach(plan, i, step)
        if (text(step, "execute"))
            all = add(all, text(step, "execute"), at(step, "arguments"));
    blur(all);
    return all;
}

static char *sent(const char *trace)
{
    FILE *f = fopen(trace, "r");
    char *all = mem_strdup(""), *line = NULL;
    size_t size = 0;

    cr_assert_not_null(f, "%s", trace);
    while (getline(&line, &size, f) > 0) {
        json_auto_t *entry = json_loads(line, 0, NULL);

        if (text(entry, "sent.execute"))
            all = add(all, text(entry, "sent.execute"), at(entry, "sent.arguments"));
    }
    free(line);
    fclose(f);
    blur(all);
    return all;
}

/* Do it, as it is foretold. Returns the result of the dry run. */
#define comes_true(lab, ...) comes_true_(lab, __LINE__, WORDS(__VA_ARGS__))
static json_t *comes_true_(struct lab *lab, int line, const char *const *words)
{
    auto_free char *trace = lab_path(lab, "trace");
    const char *dry[20] = {"-n"}, *real[20] = {"--trace", trace};

    for (size_t i = 0; words[i]; i++)
        dry[i + 1] = real[i + 2] = words[i];
    remove(trace);
    json_t *would = cases_run(lab, line, 0, dry);
    json_decref(cases_run(lab, line, 0, real));
    auto_free char *plan = planned(at(would, "plan")), *trail = sent(trace);
    cr_expect_str_eq(plan, trail, "line %d: foretold:\n%ssent:\n%s", line, plan, trail);
    return would;
}

static size_t jobs_in(const json_t *would)
{
    const json_t *step;
    size_t i, n = 0;

    json_array_foreach(at(would, "plan"), i, step)
        n += !strcmp(text(step, "step"), "job");
    return n;
}

/* What the undo point alone kept apart is one when it dies. */
Test(foretold, the_merges_after_the_undo_point_has_died)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});

    write_both(lab, 1);
    does(lab, "create", "p", "--disk", "vda");
    does(lab, "revert", "p");
    write_both(lab, 2);
    does(lab, "delete", "p", "--children");
    does(lab, "create", "q", "--method=sync");
    json_auto_t *would = comes_true(lab, "revert", "q", "--no-reset");
    cr_expect_eq(jobs_in(would), 1);
    hold_both(lab, 2);
    does(lab, "check");
    lab_stop(lab);
}

/* Where the disks go to layers of another branch, which QEMU has not open. */
Test(foretold, the_merges_on_another_branch)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true});

    write_both(lab, 1);
    does(lab, "create", "s1");
    write_both(lab, 2);
    does(lab, "create", "s2");
    does(lab, "create", "s3");
    does(lab, "revert", "s1", "--keep", "end");
    does(lab, "delete", "s2");
    does(lab, "revert", "s3");
    does(lab, "delete", "s1");
    json_decref(comes_true(lab, "undo"));
    json_decref(comes_true(lab, "undo"));
    json_decref(comes_true(lab, "revert", "end", "--discard"));
    hold_both(lab, 2);
    does(lab, "check");
    lab_stop(lab);
}

Test(foretold, the_merges_that_a_depth_costs)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});

    does(lab, "create", "s1");
    write_both(lab, 1);
    does(lab, "create", "s2");
    does(lab, "create", "s3");
    json_auto_t *would = comes_true(lab, "create", "s4", "--max-depth", "2");
    cr_expect_eq(json_array_size(at(would, "deleted")), 3);
    cr_expect_eq(jobs_in(would), 6);
    cr_expect(mentions(at(would, "notes"), "no chain is deeper than 2: s1, s2, s3"));
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 1);
    hold_both(lab, 1);
    if (has_snapshot_jobs(lab)) {
        json_decref(comes_true(lab, "create", "s5", "--memory", "--max-depth", "2"));
        json_decref(comes_true(lab, "revert", "s5"));
        does(lab, "check");
    }
    json_decref(comes_true(lab, "create", "i1", "--internal", "--max-depth", "2"));
    lab_stop(lab);
}
