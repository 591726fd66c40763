/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-needs: what must be true of the host before anything is changed; see plan.h. */
#include "snapshot/plan.h"

#include <stdlib.h>

static void add(struct plan *p, json_t *need)
{
    if (json_array_append_new(p->needs, need))
        abort();
}

static void need(struct plan *p, const char *what, const char *file)
{
    add(p, json_pack("{s:s, s:s}", "need", what, "file", file));
}

void plan_need_absent(struct plan *p, const char *file)
{
    need(p, "absent", file);
}

void plan_need_free(struct plan *p, const char *file)
{
    add(p, json_pack("{s:s, s:s, s:b}", "need", "absent", "file", file, "chosen", 1));
}

void plan_need_absent_for_qemu(struct plan *p, const char *file)
{
    need(p, "absent-for-qemu", file);
}

void plan_need_unshared(struct plan *p, const char *file)
{
    need(p, "unshared", file);
}

void plan_need_state(struct plan *p, const char *file, const char *tag)
{
    add(p, json_pack("{s:s, s:s, s:s}", "need", "state", "file", file, "tag", tag));
}

void plan_need_stream(struct plan *p, const char *file)
{
    need(p, "stream", file);
}

void plan_need_space(struct plan *p, const char *file, int64_t bytes)
{
    add(p, json_pack("{s:s, s:s, s:I}", "need", "space", "file", file, "bytes", (json_int_t)bytes));
}

void plan_need_told(struct plan *p, const char *what, const char *hint)
{
    json_t *last = json_array_get(p->needs, json_array_size(p->needs) - 1);

    json_object_set_new(last, "what", json_string(what));
    if (hint)
        json_object_set_new(last, "hint", json_string(hint));
}

void plan_need_vacant(struct plan *p, const char *folder)
{
    need(p, "vacant", folder);
}

void plan_need_makeable(struct plan *p, const char *folder)
{
    need(p, "makeable", folder);
}

void plan_need_size(struct plan *p, const char *file, int64_t bytes)
{
    add(p, json_pack("{s:s, s:s, s:I}", "need", "size", "file", file, "bytes", (json_int_t)bytes));
}

void plan_need_room(struct plan *p, const char *file, json_t *images)
{
    add(p, json_pack("{s:s, s:s, s:O}", "need", "room", "file", file, "images", images));
}

void plan_need_closed(struct plan *p, const char *file)
{
    need(p, "closed", file);
}

void plan_need_backing(struct plan *p, const char *file, const char *backing)
{
    add(p, json_pack("{s:s, s:s, s:s?}", "need", "backing", "file", file, "backing", backing));
}
