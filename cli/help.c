/* SPDX-License-Identifier: GPL-2.0-or-later */
/* help: see help.h. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN = 28 }; /* where the meanings begin */

/* The meaning of what was just printed, @used columns wide. */
static void meaning(int used, const char *help)
{
    if (used >= COLUMN)
        printf("\n%*s%s\n", COLUMN, "", help);
    else
        printf("%*s%s\n", COLUMN - used, "", help);
}

static int put_value(const struct opt *o)
{
    int used = 0;

    if (!o->words || o->value)
        return printf("%s", o->value ? o->value : "VALUE");
    for (size_t i = 0; o->words[i]; i++)
        used += printf("%s%s", i ? "|" : "", o->words[i]);
    return used;
}

static void put_option(const struct opt *o)
{
    int used =
        o->letter ? printf("  -%c, --%s", o->letter, o->name) : printf("      --%s", o->name);

    if (o->type != OPT_FLAG) {
        used += printf(o->bare ? "[=" : " ");
        used += put_value(o);
        if (o->bare)
            used += printf("]");
    }
    meaning(used, o->help);
}

static void put_argument(const struct opt *o)
{
    printf(o->place == OPT_MAY ? " [" : " ");
    if (o->words)
        put_value(o);
    else
        printf("%s", o->value ? o->value : o->name);
    if (o->type == OPT_STRINGS && !o->value)
        printf("...");
    if (o->place == OPT_MAY)
        printf("]");
}

static bool any_option(const struct opt *o)
{
    while (o->name && o->place != OPT_OPTION)
        o++;
    return o->name;
}

static void put_indented(const char *lines)
{
    while (*lines) {
        int len = (int)strcspn(lines, "\n");

        printf("  %.*s\n", len, lines);
        lines += len + (lines[len] == '\n');
    }
}

/* Which VM it is about. */
static const char *whose(const struct verb *v)
{
    if (!(v->globals & GLOBAL_SOCKET))
        return "";
    return v->globals & GLOBAL_IMAGE ? " -s ADDRESS|-i FILE" : " -s ADDRESS";
}

void help_verb(const struct verb *v)
{
    bool options = any_option(v->opts);

    printf("Usage: qrewind%s %s%s", whose(v), v->name, options ? " [OPTIONS]" : "");
    for (const struct opt *o = v->opts; o->name; o++)
        if (o->place != OPT_OPTION)
            put_argument(o);
    printf("\n\n%s.\n", v->summary);
    if (v->details)
        printf("%s\n", v->details);

    bool first = true;
    for (const struct opt *o = v->opts; o->name; o++) {
        if (o->place == OPT_OPTION)
            continue;
        if (first)
            printf("\n");
        first = false;
        meaning(printf("  %s", o->name), o->help);
    }
    if (options)
        printf("\nOptions:\n");
    for (const struct opt *o = v->opts; o->name; o++)
        if (o->place == OPT_OPTION)
            put_option(o);
    printf("\nGlobal options:\n");
    for (const struct opt *o = globals_opts; o->name; o++)
        if (!o->id || o->id & v->globals)
            put_option(o);
    if (v->examples) {
        printf("\nExamples:\n");
        put_indented(v->examples);
    }
}

void help_program(void)
{
    unsigned taken = 0;

    printf("Usage: qrewind [GLOBAL OPTIONS] VERB [OPTIONS] [ARGUMENTS]\n\n"
           "Snapshots, rollback and block jobs for bare QEMU, straight through its monitor.\n\n"
           "Verbs:\n");
    for (size_t i = 0; commands[i]; i++) {
        meaning(printf("  %s", commands[i]->name), commands[i]->summary);
        taken |= commands[i]->globals;
    }
    printf("\nGlobal options:\n");
    for (const struct opt *o = globals_opts; o->name; o++)
        if (!o->id || o->id & taken)
            put_option(o);
    printf("\nExamples:\n");
    put_indented("qemu-system-x86_64 … -qmp unix:/tmp/vm.sock,server=on,wait=off\n"
                 "qrewind -s /tmp/vm.sock create before-upgrade\n"
                 "qrewind -s /tmp/vm.sock list --tree\n"
                 "qrewind -i disk.qcow2 revert before-upgrade");
    printf("\n'qrewind help VERB' tells more.\n");
}
