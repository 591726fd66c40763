/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify-files: the tree rule, judged by the headers alone. See verify.h. */
#ifndef TESTS_MODEL_VERIFY_FILES_H
#define TESTS_MODEL_VERIFY_FILES_H

#include "tests/model/verify.h"

char *verify_files(const struct view *v, const struct rig *rig, const struct model *m);

#endif
