/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opt: a table of options and arguments -> the members of a struct.     PURE
 *
 * One table says it all: what the parser takes, where the value goes, and what
 * help.h prints. A table ends with an entry without a name:
 *
 *     static const struct opt opts[] = {
 *         {"NAME", OPT_STRING, offsetof(struct args, name), .place = OPT_MAY, .help = "…"},
 *         {"speed", OPT_SIZE, offsetof(struct args, speed), .value = "N", .help = "…"},
 *         {0},
 *     };
 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stddef.h>

#include "qmp/error.h"

enum opt_type {
    OPT_FLAG,    /* bool */
    OPT_STRING,  /* const char *; one of `words`, if there are any */
    OPT_STRINGS, /* const char *const *: a list that ends with NULL, longer with each use */
    OPT_CHOICE,  /* int: the index in `words` */
    OPT_SIZE,    /* int64_t: a number not below 0, with k, M, G or T: times 1024, … */
    OPT_COUNT,   /* int64_t: a number not below 0 */
    OPT_LIMIT,   /* int64_t: a number above 0 */
    OPT_SECONDS, /* int: milliseconds; given in seconds, fractions allowed */
};

enum opt_place {
    OPT_OPTION = 0, /* --name */
    OPT_MUST,       /* an argument that must be there */
    OPT_MAY,        /* an argument that may be there; OPT_STRINGS takes all that are left */
};

struct opt {
    const char *name; /* "speed"; of an argument: "NAME" */
    enum opt_type type;
    size_t offset; /* of the member */
    char letter;   /* the short option, 0: none */
    enum opt_place place;
    const char *const *words; /* the values that it takes, ends with NULL */
    const char *value;        /* what help calls the value: "FILE" */
    const char *bare;         /* the value of `--name` alone; others only as --name=VALUE */
    const char *help;         /* one line */
    unsigned id;              /* free for the owner of the table */
};

/* A table and the struct that it fills in, which starts out with the defaults. */
struct opt_set {
    const struct opt *opts;
    void *args;
    unsigned seen; /* out: the ids of the options that were given, ORed */
};

/*
 * Parse @argv[0..@argc) with all of the @n @sets; the first that knows a name has it.
 * Arguments go to the first set. With @words_end parsing stops at the first word that
 * is no option. Values stay where they are in @argv.
 *
 * Returns how many of @argv were taken; -1 with QMP_ERR_USAGE.
 */
int opt_parse(struct opt_set *sets, size_t n, int argc, char *const *argv, bool words_end,
              struct qmp_error *err);

/* Free the lists. */
void opt_done(const struct opt_set *set);

#endif
