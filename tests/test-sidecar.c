/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sidecar as a file: found, locked, loaded, replaced; torn, foreign and left-over ones. */
#include "snapshot/sidecar.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/scene/picture.h"
#include "tests/scratch/scratch.h"

TestSuite(sidecar, .init = scratch_enter, .fini = scratch_leave);

static const char name[] = "a.qcow2.qrewind.json";

static struct picture *draw(const char *line)
{
    return picture_new_in(scratch_folder(), line);
}

static char *here(const char *file)
{
    return mem_printf("%s/%s", scratch_folder(), file);
}

/* Write the document of the picture as the sidecar @file. */
static void lay(const char *file, const char *line)
{
    struct picture *p = draw(line);
    struct qmp_error err = {0};

    cr_assert_eq(sidecar_save(file, p->chain.doc, NULL, &err), 0, "%s", err.desc);
    picture_free(p);
}

static mode_t mode_of(const char *file)
{
    struct stat st;

    cr_assert_eq(stat(file, &st), 0);
    return st.st_mode & 07777;
}

/* ---- save and load ---- */

Test(sidecar, comes_back_as_it_was_saved_one_generation_on)
{
    struct picture *p = draw("disk0: base* <- a* <- b; + base <- old~");
    auto_free char *file = here(name);
    struct chain c = {0};

    json_object_set_new(p->chain.doc, "later", json_string("kept"));
    for (int i = 1; i <= 3; i++)
        cr_assert_eq(sidecar_save(file, p->chain.doc, NULL, NULL), 0);
    cr_assert_eq(sidecar_load(&c, file, NULL, NULL, NULL), 0);
    cr_expect(json_equal(c.doc, p->chain.doc));
    cr_expect_eq(json_integer_value(json_object_get(c.doc, "generation")), 3);
    auto_free char *picture = picture_draw(&c);
    cr_expect_str_eq(picture, "disk0: base*s1 <- a*s2 <- b; + base*s1 <- old~");
    cr_expect_str_eq(c.folder, scratch_folder());
    cr_expect_neq(access("a.qcow2.qrewind.json.new", F_OK), 0, "nothing is left behind");
    chain_done(&c);
    picture_free(p);
}

/* The journal closes what was replaced when there is time. */
Test(sidecar, that_was_replaced_stays_with_whoever_asked_for_it)
{
    struct picture *p = draw("disk0: a");
    struct stat before, held;
    int old = -2;

    cr_assert_eq(sidecar_prepare(name, p->chain.doc, NULL, true, NULL), 0);
    cr_assert_eq(sidecar_replace(name, &old, NULL), 0);
    cr_expect_eq(old, -1, "there was none");
    cr_assert_eq(stat(name, &before), 0);
    cr_assert_eq(sidecar_prepare(name, p->chain.doc, NULL, true, NULL), 0);
    cr_assert_eq(sidecar_replace(name, &old, NULL), 0);
    cr_assert_eq(fstat(old, &held), 0);
    cr_expect_eq(held.st_ino, before.st_ino);
    cr_expect_eq(held.st_nlink, 0);
    close(old);
    picture_free(p);
}

/* A tick of the clock that the system stamps files by takes some milliseconds. */
Test(sidecar, that_was_written_since_is_newer_within_one_tick_too)
{
    struct picture *p = draw("disk0: a");
    struct timespec now;

    for (int i = 0; i < 20; i++) {
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_eq(sidecar_save(name, p->chain.doc, NULL, NULL), 0);
        cr_expect(sidecar_is_newer(name, &now));
        clock_gettime(CLOCK_REALTIME, &now);
        cr_expect_not(sidecar_is_newer(name, &now));
    }
    picture_free(p);
}

Test(sidecar, that_does_not_exist_is_an_empty_document_of_the_vm)
{
    struct chain c = {0};

    cr_assert_eq(sidecar_load(&c, name, "web1", "0-1", NULL), 0);
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(c.doc, "vm"), "name")),
                     "web1");
    cr_expect_eq(json_array_size(chain_snapshots(&c)), 0);
    chain_done(&c);
}

Test(sidecar, is_read_by_nobody_else_and_never_more_open_than_the_image)
{
    static const struct {
        mode_t image, sidecar;
    } cases[] = {{0666, 0600}, {0640, 0600}, {0600, 0600}, {0444, 0400}, {0400, 0400}};

    umask(0);
    scratch_write("image", "", 0);
    lay("alone", "disk0: base* <- a");
    cr_expect_eq(mode_of("alone"), 0600);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *p = draw("disk0: base* <- a");

        cr_assert_eq(chmod("image", cases[i].image), 0);
        cr_assert_eq(sidecar_save(name, p->chain.doc, "image", NULL), 0);
        cr_expect_eq(mode_of(name), cases[i].sidecar, "%o: %o", cases[i].image, mode_of(name));
        picture_free(p);
    }
}

Test(sidecar, what_a_dead_client_left_half_written_is_replaced)
{
    struct chain c = {0};

    scratch_write("a.qcow2.qrewind.json.new", "{\"format\": \"qre", 14);
    lay(name, "disk0: base* <- a");
    cr_expect_eq(sidecar_load(&c, name, NULL, NULL, NULL), 0);
    cr_expect_neq(access("a.qcow2.qrewind.json.new", F_OK), 0);
    chain_done(&c);
}

Test(sidecar, a_link_in_the_way_of_the_new_one_is_not_followed)
{
    scratch_write("precious", "data", 4);
    cr_assert_eq(symlink("precious", "a.qcow2.qrewind.json.new"), 0);
    lay(name, "disk0: base* <- a");
    struct stat st;
    cr_expect(!stat("precious", &st) && st.st_size == 4);
}

Test(sidecar, that_cannot_be_saved_leaves_the_old_one)
{
    struct picture *p = draw("disk0: base* <- a* <- b");
    struct qmp_error err = {0};
    struct chain c = {0};

    lay(name, "disk0: base* <- a");
    cr_assert_eq(mkdir("a.qcow2.qrewind.json.new", 0700), 0);
    cr_expect_eq(sidecar_save(name, p->chain.doc, NULL, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_SYSTEM);
    cr_assert_eq(sidecar_load(&c, name, NULL, NULL, NULL), 0);
    auto_free char *picture = picture_draw(&c);
    cr_expect_str_eq(picture, "disk0: base*s1 <- a");
    chain_done(&c);
    picture_free(p);
}

Test(sidecar, that_could_not_be_read_again_leaves_the_old_one)
{
    struct picture *p = draw("disk0: base* <- a");
    auto_free char *file = here(name);
    struct qmp_error err = {0};
    struct chain c = {0};

    lay(name, "disk0: base* <- a* <- b");
    json_object_set_new(chain_layer(&p->chain, "L2"), "file", json_string("./base.qcow2"));
    cr_expect_neq(sidecar_save(file, p->chain.doc, NULL, &err), 0);
    cr_expect_eq(err.kind, QRW_ERR_INVALID);
    cr_expect(strstr(err.context, "stays as it was"), "%s", err.context);
    cr_expect_str_eq(err.desc, "two layers have this file: ./base.qcow2");
    cr_assert_eq(sidecar_load(&c, file, NULL, NULL, NULL), 0);
    auto_free char *picture = picture_draw(&c);
    cr_expect_str_eq(picture, "disk0: base*s1 <- a*s2 <- b");
    cr_expect_neq(access("a.qcow2.qrewind.json.new", F_OK), 0);
    chain_done(&c);
    picture_free(p);
}

Test(sidecar, in_a_folder_that_is_not_there_says_so)
{
    struct picture *p = draw("disk0: base* <- a");
    struct qmp_error err = {0};

    cr_expect_eq(sidecar_save("gone/x", p->chain.doc, NULL, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_SYSTEM);
    cr_expect(strstr(err.desc, "No such file or directory"), "%s", err.desc);
    cr_expect_eq(sidecar_lock("gone/x", &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_SYSTEM);
    picture_free(p);
}

static int without_permission(void)
{
    struct qmp_error err = {0};
    struct chain c = {0};

    if (sidecar_lock("folder/x", &err) >= 0 || err.kind != QMP_ERR_SYSTEM)
        return 1;
    if (!strstr(err.hint, "--sidecar FILE"))
        return 2;
    if (sidecar_load(&c, "secret", NULL, NULL, &err) != -1 || err.kind != QMP_ERR_SYSTEM)
        return 3;
    return strstr(err.hint, "it is user 0's") ? 0 : 4;
}

Test(sidecar, without_permission_says_what_would_help)
{
    scratch_needs_root();
    cr_assert_eq(mkdir("folder", 0755), 0);
    lay("secret", "disk0: base* <- a");
    cr_expect_eq(scratch_child_as(4711, 4711, without_permission), 0);
}

Test(sidecar, torn_and_strange_files_are_refused_and_stay)
{
    static const struct {
        const char *bytes, *words;
    } cases[] = {
        {"", "line 1"},
        {"{", "line 1"},
        {"{\"format\": \"qrewind\",\n \"version\": 1, \"gener", "line 2"},
        {"\0\0\0\0", "line 1"},
        {"[]", "not a JSON object"},
        {"5", "line 1"},
        {"{}", "not a qrewind sidecar"},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"{\"format\": \"qrewind\", \"version\": 1}", "generation"},
        {"QFI\xfb", "line 1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = i == 3 ? 4 : strlen(cases[i].bytes);
        struct qmp_error err = {0};
        struct chain c = {0};
        char words[1024];

        scratch_write(name, cases[i].bytes, n);
        cr_expect_eq(sidecar_load(&c, name, NULL, NULL, &err), -1, "%s", cases[i].bytes);
        cr_expect_eq(err.kind, QRW_ERR_INVALID);
        qmp_error_text(&err, words, sizeof(words));
        cr_expect(strstr(words, cases[i].words) && strstr(words, name), "%s", words);
        cr_expect_eq(access(name, F_OK), 0);
    }
}

Test(sidecar, is_a_file_not_anything_else)
{
    struct qmp_error err = {0};
    struct chain c = {0};

    cr_assert(!mkdir("folder", 0700) && !mkfifo("fifo", 0600) && !symlink("nowhere", "link"));
    cr_expect_eq(sidecar_load(&c, "folder", NULL, NULL, &err), -1);
    cr_expect_eq(err.kind, QRW_ERR_INVALID);
    cr_expect_eq(sidecar_load(&c, "fifo", NULL, NULL, &err), -1, "and without waiting for it");
    cr_expect_eq(err.kind, QRW_ERR_INVALID);
    cr_expect_eq(sidecar_load(&c, "/dev/zero", NULL, NULL, &err), -1);
    cr_expect_eq(err.kind, QRW_ERR_INVALID);
    scratch_write("huge", "", 0);
    cr_assert_eq(truncate("huge", (off_t)1 << 40), 0);
    cr_expect_eq(sidecar_load(&c, "huge", NULL, NULL, &err), -1);
    cr_expect_eq(err.kind, QRW_ERR_INVALID);
}

/* ---- finding ---- */

/* What is found for the picture, without the folder; "" nothing, "(x)" the foreign one. */
static char *find(const char *line)
{
    struct picture *p = draw(line);
    auto_free char *foreign = NULL;
    auto_free char *file = NULL;
    cr_assert_eq(sidecar_find(&p->graph, &file, &foreign, NULL), 0);
    size_t folder = strlen(scratch_folder()) + 1;

    picture_free(p);
    return mem_printf("%s%s%s%s", file ? file + folder : "", foreign ? "(" : "",
                      foreign ? foreign + folder : "", foreign ? ")" : "");
}

static void expect_found(const char *line, const char *wanted)
{
    auto_free char *found = find(line);

    cr_expect_str_eq(found, wanted, "%s: %s", line, found);
}

Test(sidecar, lies_beside_the_layer_that_was_active_when_it_was_made)
{
    expect_found("disk0: base <- a", "");
    lay("base.qcow2.qrewind.json", "disk0: base* <- a* <- b");
    expect_found("disk0: base", "base.qcow2.qrewind.json");
    expect_found("disk0: base <- a", "base.qcow2.qrewind.json");
    expect_found("disk0: base <- a <- b", "base.qcow2.qrewind.json");
    expect_found("disk1[removable,empty]:; disk0: base <- a", "base.qcow2.qrewind.json");
    expect_found("disk1: other; disk0: base <- a <- b", "base.qcow2.qrewind.json");
}

Test(sidecar, of_somebody_else_who_shares_the_base_is_passed_over)
{
    lay("base.qcow2.qrewind.json", "disk0: base* <- a");
    expect_found("disk0: base <- mine", "(base.qcow2.qrewind.json)");
    lay("mine.qcow2.qrewind.json", "disk0: base <- mine* <- top");
    expect_found("disk0: base <- mine", "mine.qcow2.qrewind.json");
    expect_found("disk0: base <- mine <- top", "mine.qcow2.qrewind.json");
}

Test(sidecar, knows_the_vm_again_when_another_tool_has_put_a_layer_on_top)
{
    lay("base.qcow2.qrewind.json", "disk0: base* <- a");
    expect_found("disk0: base <- a <- theirs", "base.qcow2.qrewind.json");
}

Test(sidecar, that_is_broken_is_found_so_that_it_can_be_said)
{
    scratch_write("base.qcow2.qrewind.json", "{", 1);
    expect_found("disk0: base <- a", "base.qcow2.qrewind.json");
}

Test(sidecar, knows_the_layers_that_are_still_being_made)
{
    struct picture *now = draw("disk0: base* <- a"),
                   *then = draw("disk0: base* <- new; + base <- a");

    json_object_set_new(now->chain.doc, "pending", json_pack("{s:O}", "after", then->chain.doc));
    cr_assert_eq(sidecar_save("base.qcow2.qrewind.json", now->chain.doc, NULL, NULL), 0);
    expect_found("disk0: base <- new", "base.qcow2.qrewind.json");
    expect_found("disk0: base <- other", "(base.qcow2.qrewind.json)");
    picture_free(now);
    picture_free(then);
}

Test(sidecar, is_found_through_a_link_while_it_moves)
{
    auto_free char *file = here("base.qcow2.qrewind.json"), *link = here("copy.qcow2.qrewind.json");
    struct qmp_error err = {0};

    lay(file, "disk0: base* <- copy");
    cr_expect_eq(sidecar_link(file, link, NULL), 0);
    cr_expect_eq(sidecar_link(file, link, NULL), 0, "again");
    expect_found("disk0: copy", "base.qcow2.qrewind.json");
    sidecar_unlink(link);
    expect_found("disk0: copy", "");

    scratch_write(link, "{}", 2);
    cr_expect_eq(sidecar_link(file, link, &err), -1);
    cr_expect_eq(err.kind, QRW_ERR_REFUSED);
    sidecar_unlink(link);
    cr_expect(sidecar_exists(link), "what is no link stays");
    cr_expect_eq(sidecar_remove(link, NULL), 0);
    cr_expect(!sidecar_exists(link));
}

Test(sidecar, a_new_one_goes_beside_the_first_disk_that_a_snapshot_takes)
{
    static const struct {
        const char *line, *place;
    } cases[] = {
        {"disk0: base <- a; disk1: b", "a.qcow2"},
        {"cd[removable,empty]:; ro[read-only]: x; disk1: b", "b.qcow2"},
        {"net: x(remote); disk1: b", "b.qcow2"},
        {"card[removable]: x; disk1: b", "b.qcow2"},
        {"card[removable]: x", "x.qcow2"},
        {"net: x(remote)", NULL},
        {"ro[read-only]: x", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *p = draw(cases[i].line);
        auto_free char *place = sidecar_place(&p->graph);
        auto_free char *wanted =
            cases[i].place ? mem_printf("%s/%s" SIDECAR_SUFFIX, scratch_folder(), cases[i].place)
                           : NULL;

        cr_expect(place && wanted ? !strcmp(place, wanted) : place == wanted, "%s: %s",
                  cases[i].line, place);
        cr_expect_eq(place && sidecar_is_beside(&p->graph, place), wanted != NULL);
        picture_free(p);
    }
}
