/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the tree, on pictures (tests/scene/picture.h). What comes in from outside is
 * checked in test-chain-check.c.
 */
#include "snapshot/chain.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/picture.h"

static const char *layer_id(const struct chain *c, const char *name)
{
    auto_free char *file = mem_printf("/vm/%s.qcow2", name);

    return chain_layer_by_file(c, file);
}

/* ---- looking ---- */

Test(chain, a_layer_lives_while_it_is_active_pinned_shared_or_can_be_undone)
{
    static const struct {
        const char *picture, *layer, *why;
    } cases[] = {
        {"disk0: base* <- a", "base", "pinned by s1"},
        {"disk0: base* <- a", "a", "active"},
        {"disk0: base*x*y <- a", "base", "pinned by x, y"},
        {"disk0: base <- a <- b*", "a", NULL},
        {"disk0: base <- a; + base <- b*", "base", "shared by 2 layers"},
        {"disk0: base <- a; + base <- b*; + base <- c*", "base", "shared by 3 layers"},
        {"disk0: base* <- a; + base <- old~", "old", "undo"},
        {"disk0: base* <- a; disk1: other", "other", "active"},
        {"disk0: base* <- a; disk1: base <- b", "base", "pinned by s1"},
        {"disk0: base* <- a", "unheard of", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *p = picture_new(cases[i].picture);
        auto_free char *why = chain_keeps(&p->chain, layer_id(&p->chain, cases[i].layer));

        cr_expect(why && cases[i].why ? !strcmp(why, cases[i].why) : why == cases[i].why,
                  "%s: %s: %s", cases[i].picture, cases[i].layer, why);
        picture_free(p);
    }
}

Test(chain, who_pins_and_who_builds_on_a_layer_is_told)
{
    struct picture *p = picture_new("disk0: base*x*y <- a <- b; + base <- old; + a <- older*");
    const struct chain *c = &p->chain;
    auto_free char *pins = chain_pins(c, layer_id(c, "base"));
    auto_free char *none = chain_pins(c, layer_id(c, "a"));
    auto_free char *other = chain_other_child(c, layer_id(c, "base"), layer_id(c, "a"));
    auto_free char *only = chain_other_child(c, layer_id(c, "b"), NULL);

    cr_expect_str_eq(pins, "x, y");
    cr_expect_null(none);
    cr_expect_str_eq(chain_pinned_by(c, layer_id(c, "base")), "x");
    cr_expect_null(chain_pinned_by(c, layer_id(c, "a")));
    cr_expect_str_eq(other, "/vm/old.qcow2");
    cr_expect_null(only);
    cr_expect(chain_is_ours(c, layer_id(c, "a")) && !chain_is_ours(c, layer_id(c, "base")));
    cr_expect(chain_is_below(c, layer_id(c, "base"), layer_id(c, "b")));
    cr_expect(chain_is_below(c, layer_id(c, "b"), layer_id(c, "b")));
    cr_expect(!chain_is_below(c, layer_id(c, "b"), layer_id(c, "base")));
    cr_expect(!chain_is_below(c, layer_id(c, "old"), layer_id(c, "b")));
    picture_free(p);
}

Test(chain, a_vm_that_runs_on_another_image_is_refused)
{
    static const struct {
        const char *picture, *words, *hint;
    } cases[] = {
        {"disk0: base* <- a", NULL, NULL},
        {"disk0: base <- a", NULL, NULL},
        {"disk0: base* <- a; disk1: other", NULL, NULL},
        {"disk0[active=top]: base*; + base <- top",
         "disk disk0 runs on /vm/base.qcow2, which holds snapshot s1",
         "start it with /vm/top.qcow2; if another tool has merged that into this one, never"},
        {"disk0[active=top]: base* <- x*; + base <- top",
         "disk disk0 runs on /vm/x.qcow2, which holds snapshot s2",
         "old image: stop it and start it with /vm/top.qcow2"},
        {"disk0[active=a]: base* <- a <- b(unknown)",
         "disk disk0 runs on /vm/b.qcow2, the sidecar says /vm/a.qcow2", "qrewind repair"},
        {"disk0[active=a]: base; + base <- a*",
         "disk disk0 runs on /vm/base.qcow2, the sidecar says /vm/a.qcow2",
         "start it with /vm/a.qcow2; if another tool has merged that"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *p = picture_new(cases[i].picture);
        struct qmp_error err = {0};
        int rc = chain_agrees(&p->chain, &p->graph.disks[0], &err);

        cr_expect_eq(rc, cases[i].words ? -1 : 0, "%s: %s", cases[i].picture, err.desc);
        if (rc && cases[i].words) {
            cr_expect_eq(err.kind, QRW_ERR_REFUSED);
            cr_expect_str_eq(err.desc, cases[i].words);
            cr_expect(strstr(err.hint, cases[i].hint), "%s", err.hint);
        }
        picture_free(p);
    }
}

Test(chain, names_of_snapshots_are_short_printable_and_no_paths)
{
    static const struct {
        const char *name;
        bool good;
    } cases[] = {
        {"s1", true},      {"before the upgrade", true},
        {"Ünïcode", true}, {"..", true},
        {"-n", true},      {"", false},
        {"a/b", false},    {"a\nb", false},
        {"\x7f", false},   {"\xff", false},
    };
    char longest[130];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(chain_check_name(cases[i].name, NULL), cases[i].good ? 0 : -1, "'%s'",
                     cases[i].name);
    memset(longest, 'x', sizeof(longest));
    longest[128] = '\0';
    cr_expect_eq(chain_check_name(longest, NULL), 0);
    longest[128] = 'x';
    longest[129] = '\0';
    cr_expect_eq(chain_check_name(longest, NULL), -1);
}

/* ---- files ---- */

Test(chain, files_are_kept_relative_where_they_lie_beside_the_sidecar)
{
    static const struct {
        const char *file, *kept;
    } cases[] = {
        {"/vm/a.qcow2", "a.qcow2"},       {"/vm/deeper/a.qcow2", "deeper/a.qcow2"},
        {"/vmx/a.qcow2", "/vmx/a.qcow2"}, {"/other/a.qcow2", "/other/a.qcow2"},
        {"nbd://host/a", "nbd://host/a"}, {"/vm/a:b.qcow2", "./a:b.qcow2"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct chain c;

        chain_init(&c, "/vm", NULL, NULL);
        const char *id = chain_add_layer(&c, cases[i].file, "qcow2", 1, NULL, false);
        cr_assert(id, "%s", cases[i].file);
        auto_free char *file = chain_layer_file(&c, id);
        cr_expect_str_eq(json_string_value(json_object_get(chain_layer(&c, id), "file")),
                         cases[i].kept);
        cr_expect_str_eq(file, cases[i].file);
        cr_expect_eq(chain_layer_by_file(&c, cases[i].file), id);
        chain_done(&c);
    }
}

Test(chain, a_document_that_moves_means_the_same_files)
{
    struct picture *p = picture_new("disk0: base* <- /vm/deeper/a <- /other/b <- c(remote)");

    chain_move(&p->chain, "/other");
    auto_free char *picture = picture_draw(&p->chain);
    cr_expect_str_eq(picture, "disk0: /vm/base*s1 <- /vm/deeper/a <- b <- nbd://host/c");
    chain_move(&p->chain, "/vm");
    auto_free char *back = picture_draw(&p->chain);
    cr_expect_str_eq(back, "disk0: base*s1 <- deeper/a <- /other/b <- nbd://host/c");
    picture_free(p);
}

Test(chain, new_files_are_called_after_the_image_that_was_there_first)
{
    struct picture *known = picture_new("disk0: base* <- a"), *fresh = picture_new("disk0: x.y");
    auto_free char *first = chain_stem(&known->chain, &known->graph.disks[0]);
    auto_free char *present = chain_stem(&fresh->chain, &fresh->graph.disks[0]);

    cr_expect_str_eq(first, "base");
    cr_expect_str_eq(present, "x.y");
    picture_free(known);
    picture_free(fresh);
}

/* ---- changing ---- */

Test(chain, follows_what_qemu_has)
{
    static const struct {
        const char *title, *picture, *after;
    } cases[] = {
        {"nothing known", "disk0: base <- a", "disk0: base <- a"},
        {"all known", "disk0: base* <- a", "disk0: base*s1 <- a"},
        {"a new top", "disk0[active=a]: base* <- a <- b(unknown)", "disk0: base*s1 <- a <- b"},
        {"a new layer in between", "disk0: base* <- a(unknown) <- b", "disk0: base*s1 <- a <- b"},
        {"a layer that went", "disk0[active=b]: base* <- b; + base <- a <- b",
         "disk0: base*s1 <- b; + base*s1 <- a"},
        {"two disks of one base", "disk0: base <- a; disk1: base <- b",
         "disk0: base <- a; disk1: base <- b"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *p = picture_new(cases[i].picture);

        for (size_t k = 0; k < p->graph.ndisks; k++)
            chain_follow(&p->chain, &p->graph.disks[k]);
        auto_free char *after = picture_draw(&p->chain);
        cr_expect_str_eq(after, cases[i].after, "%s: %s", cases[i].title, after);
        cr_expect_eq(chain_layer_size(&p->chain, layer_id(&p->chain, "base")), 64 << 20);
        picture_free(p);
    }
}

/* "s1 s2<s1; s2": every snapshot with its parent, and the current one. */
static char *descent(const struct chain *c)
{
    const char *current = chain_current(c);
    char *words = mem_strdup("");
    const json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s) {
        const char *parent = json_string_value(json_object_get(s, "parent"));
        auto_free char *before = words;

        words = mem_printf("%s%s%s%s%s", before, i ? " " : "",
                           json_string_value(json_object_get(s, "name")), parent ? "<" : "",
                           parent ? parent : "");
    }
    auto_free char *before = words;
    return mem_printf("%s; %s", before, current ? current : "none");
}

Test(chain, the_children_of_a_dropped_snapshot_become_its_parents)
{
    static const struct {
        const char *picture, *drop, *after;
    } cases[] = {
        {"disk0: a* <- b* <- c* <- d", "", "s1 s2<s1 s3<s2; s3"},
        {"disk0: a* <- b* <- c* <- d", "s2", "s1 s3<s1; s3"},
        {"disk0: a* <- b* <- c* <- d", "s1", "s2 s3<s2; s3"},
        {"disk0: a* <- b* <- c* <- d", "s3", "s1 s2<s1; s2"},
        {"disk0: a* <- b", "s1", "; none"},
        {"disk0: a* <- b* <- c; + a <- d* <- e", "s1", "s2 s3; s2"},
        {"disk0: a* <- b", "s9", "s1; s1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *p = picture_new(cases[i].picture);

        chain_drop_snapshot(&p->chain, cases[i].drop);
        auto_free char *after = descent(&p->chain);
        cr_expect_str_eq(after, cases[i].after, "%s, drop %s: %s", cases[i].picture, cases[i].drop,
                         after);
        picture_free(p);
    }
}

/* The document as it is can be taken in again. */
static void expect_sound(const struct chain *c)
{
    struct qmp_error err = {0};
    struct chain again = {0};

    cr_expect_eq(chain_take(&again, "/vm", c->doc, &err), 0, "%s", err.desc);
    chain_done(&again);
}

Test(chain, nothing_names_a_dropped_snapshot_any_more)
{
    struct picture *p = picture_new("disk0: a* <- b* <- c; + b <- old~");
    struct chain *c = &p->chain;

    json_object_set_new(chain_undo(c), "current", json_string("s2"));
    json_object_del(chain_snapshot(c, "s1"), "parent"); /* null and nothing mean the same */
    chain_drop_snapshot(c, "s2");
    expect_sound(c);
    cr_expect_str_eq(json_string_value(json_object_get(chain_undo(c), "current")), "s1");
    chain_drop_snapshot(c, "s1");
    expect_sound(c);
    cr_expect_null(chain_current(c));
    picture_free(p);
}

Test(chain, a_renamed_snapshot_is_meant_by_its_new_name_everywhere)
{
    struct picture *p = picture_new("disk0: a* <- b* <- c; + b <- old~");
    struct chain *c = &p->chain;

    json_object_set_new(chain_undo(c), "current", json_string("s1"));
    chain_rename_snapshot(c, "s1", "first");
    chain_rename_snapshot(c, chain_current(c), "second");
    auto_free char *after = descent(c);
    cr_expect_str_eq(after, "first second<first; second");
    cr_expect_str_eq(json_string_value(json_object_get(chain_undo(c), "current")), "first");
    expect_sound(c);
    picture_free(p);
}

Test(chain, pins_move_with_the_content)
{
    struct picture *p = picture_new("disk0: base <- a*x*y <- b*z; disk1: base <- other*x");

    chain_move_pins(&p->chain, layer_id(&p->chain, "a"), layer_id(&p->chain, "base"));
    auto_free char *after = picture_draw(&p->chain);
    cr_expect_str_eq(after, "disk0: base*x*y <- a <- b*z; disk1: base*x*y <- other*x");
    picture_free(p);
}

Test(chain, a_new_layer_has_an_id_that_no_other_has)
{
    static const char *const taken[] = {"L2", "L9223372036854775807", "L-3", "Lx", "", "L07"};
    struct chain c;

    chain_init(&c, "/vm", NULL, NULL);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        json_object_set_new(json_object_get(c.doc, "layers"), taken[i],
                            json_pack("{s:s, s:s}", "file", taken[i], "format", "raw"));
    for (int i = 0; i < 20; i++) {
        auto_free char *file = mem_printf("/vm/%d.qcow2", i);

        cr_assert(chain_add_layer(&c, file, "qcow2", 1, NULL, true));
    }
    cr_expect_eq(json_object_size(json_object_get(c.doc, "layers")),
                 sizeof(taken) / sizeof(taken[0]) + 20);
    expect_sound(&c);
    chain_done(&c);
}

Test(chain, what_we_do_not_know_survives)
{
    struct picture *p = picture_new("disk0: base* <- a* <- b");
    struct chain *c = &p->chain, other = {0};

    json_object_set_new(c->doc, "later", json_pack("{s:[i]}", "x", 1));
    json_object_set_new(chain_layer(c, layer_id(c, "a")), "later", json_true());
    json_object_set_new(chain_snapshot(c, "s2"), "later", json_true());
    cr_assert_eq(chain_take(&other, "/vm", c->doc, NULL), 0);
    chain_follow(&other, &p->graph.disks[0]);
    chain_set_backing(&other, layer_id(&other, "a"), NULL);
    chain_touch(&other, layer_id(&other, "a"));
    chain_drop_snapshot(&other, "s1");
    chain_move(&other, "/vm/deeper");

    cr_expect(json_equal(json_object_get(other.doc, "later"), json_object_get(c->doc, "later")));
    cr_expect(json_is_true(json_object_get(chain_layer(&other, layer_id(&other, "a")), "later")));
    cr_expect(json_is_true(json_object_get(chain_snapshot(&other, "s2"), "later")));
    chain_done(&other);
    picture_free(p);
}
