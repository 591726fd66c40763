/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows: the operations that the matrices try, each with the machine that it begins on. */
#ifndef TESTS_FAULTS_ROWS_H
#define TESTS_FAULTS_ROWS_H

#include "tests/lab/lab.h"

enum { ROW_DISKS = 2 };

struct row {
    const char *title;
    int disks;
    bool running;
    bool jobs;         /* needs QEMU 6.0: jobs that save and load internal snapshots */
    const char *setup; /* parted by "; ": "w3" writes generation 3, else a command line */
    /* The operation; "%" stands for the folder of the images. What comes before a "|" may be done
     * without the rest. */
    const char *words;
};

extern const struct row rows[];
extern const int nrows;

/* A machine: the folder is @home's, the QEMU of now @lab's. They may be the same. */
struct machine {
    const struct row *row;
    struct lab *home, *lab;
    char *files[ROW_DISKS]; /* that the disks ran on before the operation, in the folder */
    const char *kept; /* what was said: files that it names with a reason may be left; NULL: none */
};

void machine_start(struct machine *m, const struct row *row);
void machine_stop(struct machine *m);

/* What disk @d runs on, without its folder. New string. */
char *machine_file(const struct machine *m, int d);

/* Another QEMU, as if the host had lost power: the old one is killed where it lives yet. Disk N
 * gets @files[N] of the folder. */
void machine_restart(struct machine *m, char *const files[ROW_DISKS]);

/* Every disk of the machine gets generation @n: the value N in block 0 and in block N. */
void machine_write(struct machine *m, int n);

/* The operation, with names of files as they are here. New string. */
char *machine_words(const struct machine *m);
/* The part of it that may be done alone. New string, NULL: there is none. */
char *machine_part(const struct machine *m);

/* Can this QEMU do it? */
bool machine_can(const struct machine *m);

#endif
