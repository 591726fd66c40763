/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manual tells of all that the program's own help tells of. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/lab/lab.h"

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = mem_alloc(1 << 20);

    cr_assert(f, "%s is not there", path);
    cr_assert_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
    fclose(f);
    return text;
}

static char *help(const char *verb)
{
    struct lab_result r = lab_exec(NULL, (const char *[]){"qrewind", "help", verb, NULL});

    cr_assert_eq(r.status, 0, "%s", r.err);
    free(r.err);
    return r.out;
}

/* The text from @heading to the next heading of its kind, or all of the rest. New string. */
static char *section(const char *text, const char *heading, const char *next)
{
    const char *at = strstr(text, heading);
    const char *end = at ? strstr(at + strlen(heading), next) : NULL;

    cr_assert(at, "there is no '%s'", heading);
    return end ? mem_printf("%.*s", (int)(end - at), at) : mem_strdup(at);
}

/* "  -j, --json …" and "      --tree …" are options; they must be in @manual. */
static void expect_options(const char *told, const char *manual, const char *where)
{
    for (const char *line = strchr(told, '\n'); line; line = strchr(line + 1, '\n')) {
        const char *at = line + 1 + strspn(line + 1, " ");
        char name[32];

        if (at[0] == '-' && at[1] != '-')
            at += strlen("-j, ");
        if (sscanf(at, "--%31[a-z-]", name) != 1)
            continue;
        auto_free char *flag = mem_printf("Fl -%s", name);
        auto_free char *with_letter = mem_printf(", -%s", name);
        cr_expect(strstr(manual, flag) || strstr(manual, with_letter),
                  "%s: the manual does not tell of --%s", where, name);
    }
}

static void check_verb(const char *manual, const char *verb)
{
    auto_free char *told = help(verb);
    auto_free char *alone = mem_printf("\n.It Cm %s\n", verb);
    auto_free char *takes = mem_printf("\n.It Cm %s ", verb);
    auto_free char *entry = section(manual, strstr(manual, alone) ? alone : takes, "\n.It Cm ");
    auto_free char *own = section(told, "Usage:", "\nGlobal options:");

    expect_options(own, entry, verb);
}

Test(manual, every_verb_and_every_option_is_told_of)
{
    auto_free char *manual = read_file("doc/qrewind.1");
    auto_free char *verbs_told = section(manual, ".Sh VERBS", "\n.Sh ");
    auto_free char *told = help(NULL);
    auto_free char *verbs = section(told, "\nVerbs:\n", "\n\n");
    auto_free char *globals = section(told, "\nGlobal options:\n", "\nExamples:");
    auto_free char *globals_told = section(manual, ".Sh GLOBAL OPTIONS", "\n.Sh ");
    int n = 0;

    for (char *line = strtok(verbs, "\n"); line; line = strtok(NULL, "\n")) {
        char name[32];

        if (sscanf(line, "  %31[a-z]", name) == 1 && ++n)
            check_verb(verbs_told, name);
    }
    cr_assert_gt(n, 10);
    expect_options(globals, globals_told, "global options");
}

/* mandoc is not everywhere; groff's macros are the same language. */
Test(manual, both_pages_are_clean_mdoc)
{
    static const char words[] =
        "mandoc -T lint -W style doc/qrewind.1 doc/qrewind-sidecar.5 2>/dev/null |"
        " grep -v 'referenced manual not found' || :";
    auto_result struct lab_result there =
        lab_exec(NULL, (const char *[]){"sh", "-c", "command -v mandoc", NULL});

    if (there.status)
        cr_skip_test("mandoc is not installed");
    auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"sh", "-c", words, NULL});
    cr_assert_str_empty(r.out);
}

/* The codes are the table in snapshot/check.c: {"WORD", "error"}. */
Test(manual, every_finding_is_told_of)
{
    auto_free char *manual = read_file("doc/qrewind.1"), *source = read_file("snapshot/check.c");
    auto_free char *told = section(manual, ".Sh FINDINGS", "\n.Sh ");
    auto_free char *table = section(source, "} codes[] = {", "\n};");
    int n = 0;

    for (char *at = table; (at = strstr(at, "{\"")); at++) {
        char code[32], item[40];

        cr_assert_eq(sscanf(at, "{\"%31[a-z-]\"", code), 1);
        snprintf(item, sizeof(item), "\n.It %s\n", code);
        cr_expect(strstr(told, item), "the manual does not tell of %s", code);
        n++;
    }
    cr_assert_gt(n, 20);
}
