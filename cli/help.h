/* SPDX-License-Identifier: GPL-2.0-or-later */
/* help: texts on stdout, made from the tables of options and verbs. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/commands.h"

void help_program(void);
void help_verb(const struct verb *v);

#endif
