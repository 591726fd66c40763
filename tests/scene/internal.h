/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of tests/scene share: a picture, taken apart.
 *
 *   {"disks": [{"id": "disk0", "flags": {"legacy": ""}, "layers": [LAYER, ...],
 *               "more": [[LAYER, ...], ...]}],
 *    "jobs": [{"id": ..., as in query-jobs}], "inside": ["t1"], "words": {"paused": true}}
 *   LAYER = {"name", "file", "format", "allocated", "pins": ["s1"],
 *            "tags": [{"name": "t1", "memory": false}], "flags": {"named": ""}}
 *
 * A flag without a value has the value "".
 */
#ifndef TESTS_SCENE_INTERNAL_H
#define TESTS_SCENE_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

enum { PICTURE_SIZE = 64 << 20 };

/* New reference. */
json_t *picture_parse(const char *folder, const char *line);

/* What QEMU would answer: {"query-status": ..., "query-block": ..., ...}. New reference. */
json_t *picture_replies(const json_t *parsed, const char *folder);

const char *picture_text(const json_t *obj, const char *key);

/* Has the disk or layer @flag? */
bool picture_flag(const json_t *thing, const char *flag);

#endif
