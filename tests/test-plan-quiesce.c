/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps that create --quiesce makes of a scene, and what it says where it makes none.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/operations.h"
#include "tests/scene/picture.h"

#define TRY QRW_QUIESCE_TRY
#define REQUIRE QRW_QUIESCE_REQUIRE

/* "overlay sync … freeze blockdev-snapshot thaw". */
static char *draw(const struct plan *plan)
{
    char *line = mem_strdup("");
    const json_t *step;
    size_t i;

    json_array_foreach(plan->steps, i, step) {
        auto_free char *before = line;
        const char *command = json_string_value(json_object_get(step, "execute"));

        line = mem_printf("%s%s%s", before, i ? " " : "",
                          command ? command : json_string_value(json_object_get(step, "step")));
    }
    return line;
}

#define BEFORE "overlay blockdev-add sync flush "

static const struct {
    const char *what, *picture, *steps, *note;
    struct qrw_create_args args;
} plans[] = {
    /* clang-format off */
    {"everything is ready before the freeze", "disk0: a",
     BEFORE "freeze blockdev-snapshot thaw", NULL, {.quiesce = REQUIRE}},
    {"the same when it is tried", "disk0: a",
     BEFORE "freeze blockdev-snapshot thaw", NULL, {.quiesce = TRY}},
    {"not asked for", "disk0: a", BEFORE "blockdev-snapshot", NULL, {0}},
    {"several disks", "disk0: a; disk1: b",
     "overlay blockdev-add overlay blockdev-add sync flush flush freeze transaction thaw", NULL,
     {.quiesce = REQUIRE}},
    {"QEMU makes the overlays", "disk0: a",
     "expect freeze blockdev-snapshot-sync thaw", NULL,
     {.quiesce = REQUIRE, .method = QRW_METHOD_SYNC}},
    {"inside the image", "disk0: a", "freeze blockdev-snapshot-internal-sync thaw", NULL,
     {.quiesce = REQUIRE, .internal = true}},
    {"a stopped guest cannot thaw", "disk0: a", BEFORE "freeze blockdev-snapshot thaw stop", NULL,
     {.quiesce = REQUIRE, .halt = true}},
    {"inside the image, and it cannot thaw", "disk0: a",
     "freeze blockdev-snapshot-internal-sync thaw stop", NULL,
     {.quiesce = REQUIRE, .internal = true, .halt = true}},
    {"a paused guest", "disk0: a; paused", BEFORE "blockdev-snapshot", "the guest is paused",
     {.quiesce = TRY}},
    {"the memory comes back as it was", "disk0: a",
     BEFORE "image sync blockdev-add stop snapshot-save blockdev-snapshot cont",
     "the guest would come back frozen", {.quiesce = TRY, .memory = true}},
    /* clang-format on */
};

Test(plan_quiesce, freezes_for_one_command_only)
{
    struct qmp_error err = {0};

    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        struct picture *p = picture_new(plans[i].picture);
        struct qrw_create_args args = plans[i].args;
        struct plan plan;

        args.name = "s1";
        p->scene.agent = "/vm/agent.sock";
        plan_init(&plan, "create", &p->scene);
        cr_assert_eq(qrw_create.plan(&plan, &p->scene, &args, &err), 0, "%s: %s", plans[i].what,
                     err.desc);
        auto_free char *steps = draw(&plan);
        auto_free char *notes = json_dumps(json_object_get(plan.result, "notes"), 0);
        cr_expect_str_eq(steps, plans[i].steps, "%s: %s", plans[i].what, steps);
        cr_expect(plans[i].note ? strstr(notes, plans[i].note) != NULL : !strcmp(notes, "[]"),
                  "%s: %s", plans[i].what, notes);
        /* only the one who has frozen it may say so */
        cr_expect(json_is_false(json_object_get(chain_snapshot(&plan.after, "s1"), "quiesced")));
        plan_done(&plan);
        picture_free(p);
    }
}

static const struct {
    const char *what, *picture, *words;
    struct qrw_create_args args;
    int kind;
    bool agent;
} refusals[] = {
    /* clang-format off */
    {"a paused guest", "disk0: a; paused", "the guest is paused", {.quiesce = REQUIRE},
     QRW_ERR_REFUSED, true},
    {"the memory", "disk0: a", "come back frozen", {.quiesce = REQUIRE, .memory = true},
     QRW_ERR_REFUSED, true},
    {"no agent", "disk0: a", "nobody home", {.quiesce = REQUIRE}, QMP_ERR_CONNECT, false},
    {"a deadline without a freeze", "disk0: a", "need --quiesce", {.freeze_timeout_ms = 1},
     QMP_ERR_USAGE, true},
    {"too long", "disk0: a", "at most 600", {.quiesce = TRY, .freeze_timeout_ms = 600001},
     QMP_ERR_USAGE, true},
    {"before it has begun", "disk0: a", "at most 600", {.quiesce = TRY, .freeze_timeout_ms = -1},
     QMP_ERR_USAGE, true},
    /* clang-format on */
};

Test(plan_quiesce, is_refused_where_it_is_required_and_cannot_be)
{
    struct qmp_error nobody = {.kind = QMP_ERR_CONNECT, .desc = "nobody home"}, err;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct picture *p = picture_new(refusals[i].picture);
        struct qrw_create_args args = refusals[i].args;
        struct plan plan;

        args.name = "s1";
        p->scene.agent = refusals[i].agent ? "/vm/agent.sock" : NULL;
        p->scene.no_agent = &nobody;
        plan_init(&plan, "create", &p->scene);
        cr_assert_eq(qrw_create.plan(&plan, &p->scene, &args, &err), -1, "%s", refusals[i].what);
        cr_expect_eq(err.kind, refusals[i].kind, "%s: %s", refusals[i].what, err.desc);
        cr_expect(strstr(err.desc, refusals[i].words), "%s: %s", refusals[i].what, err.desc);
        plan_done(&plan);
        picture_free(p);
    }
}

Test(plan_quiesce, tells_the_agent_what_and_how_long)
{
    static const char *const mountpoints[] = {"/", "/srv", NULL};
    struct qrw_create_args args = {.name = "s1",
                                   .quiesce = REQUIRE,
                                   .freeze_timeout_ms = 1500,
                                   .freeze_mountpoints = mountpoints};
    struct picture *p = picture_new("disk0: a");
    json_auto_t *wanted =
        json_pack("{s:s, s:s, s:b, s:i, s:[s, s]}", "step", "freeze", "agent", "/vm/agent.sock",
                  "require", 1, "timeout_ms", 1500, "mountpoints", "/", "/srv");
    struct plan plan;

    p->scene.agent = "/vm/agent.sock";
    plan_init(&plan, "create", &p->scene);
    cr_assert_eq(qrw_create.plan(&plan, &p->scene, &args, NULL), 0);
    auto_free char *step = json_dumps(json_array_get(plan.steps, 4), 0);
    cr_expect(json_equal(json_array_get(plan.steps, 4), wanted), "%s", step);
    plan_done(&plan);
    picture_free(p);
}
