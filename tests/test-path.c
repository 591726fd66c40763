/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File names taken apart and put together, without a file in sight. */
#include "snapshot/path.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"

Test(path, a_word_goes_through_a_shell_as_it_is)
{
    static const char *const cases[][2] = {
        {"before-upgrade", "before-upgrade"},
        {"/vm/disk_1.qcow2", "/vm/disk_1.qcow2"},
        {"before upgrade", "'before upgrade'"},
        {"it's $HOME", "'it'\\''s $HOME'"},
        {"'", "''\\'''"},
        {"", "''"},
        {"naïve", "'naïve'"},
        {"~", "'~'"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *quoted = path_quote(cases[i][0]);

        cr_expect_str_eq(quoted, cases[i][1]);
    }
    auto_free char *plain = path_argument("a b"), *option = path_argument("-n");
    cr_expect_str_eq(plain, "'a b'");
    cr_expect_str_eq(option, "-- -n");
}

Test(path, of_an_image_the_format_is_said_that_its_name_does_not_say)
{
    static const struct {
        const char *file;
        bool qcow2;
        const char *argument;
    } cases[] = {
        {"/vm/disk.qcow2", true, "/vm/disk.qcow2"},
        {"/vm/disk.snap1", true, "qcow2:/vm/disk.snap1"},
        {"/vm/my disk", true, "'qcow2:/vm/my disk'"},
        {"/vm/disk.snap1", false, "/vm/disk.snap1"},
        {"/vm/disk.img", true, "/vm/disk.img"},
        {"/vm/disk.raw", true, "/vm/disk.raw"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *argument = path_image(cases[i].file, cases[i].qcow2);

        cr_expect_str_eq(argument, cases[i].argument);
    }
}

Test(path, a_name_has_a_folder_a_last_part_and_a_stem)
{
    static const struct {
        const char *file, *folder, *name, *stem;
    } cases[] = {
        {"/vm/disk.qcow2", "/vm", "disk.qcow2", "disk"},
        {"/vm/disk.s1.qcow2", "/vm", "disk.s1.qcow2", "disk.s1"},
        {"/vm/disk", "/vm", "disk", "disk"},
        {"/disk.raw", "/", "disk.raw", "disk"},
        {"disk.raw", ".", "disk.raw", "disk"},
        {"./disk.raw", ".", "disk.raw", "disk"},
        {"/vm.d/disk", "/vm.d", "disk", "disk"},
        {"/vm/.hidden", "/vm", ".hidden", ".hidden"},
        {"/vm/.hidden.raw", "/vm", ".hidden.raw", ".hidden"},
        {"/vm/disk.", "/vm", "disk.", "disk"},
        {"/vm/", "/vm", "", ""},
        {"/", "/", "", ""},
        {"", ".", "", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *folder = path_folder(cases[i].file);
        auto_free char *stem = path_stem(cases[i].file);

        cr_expect_str_eq(folder, cases[i].folder, "%s: %s", cases[i].file, folder);
        cr_expect_str_eq(path_name(cases[i].file), cases[i].name, "%s", cases[i].file);
        cr_expect_str_eq(stem, cases[i].stem, "%s: %s", cases[i].file, stem);
    }
}

Test(path, a_joined_name_has_no_empty_parts_and_no_dots_of_one)
{
    static const struct {
        const char *folder, *file, *joined;
    } cases[] = {
        {"/vm", "disk.raw", "/vm/disk.raw"},
        {"/vm", "/other/disk.raw", "/other/disk.raw"},
        {"/vm", "./disk.raw", "/vm/disk.raw"},
        {"/vm", "a/./b//c", "/vm/a/b/c"},
        {"/vm/", "disk", "/vm/disk"},
        {"/", "disk", "/disk"},
        {"/", "", "/"},
        {"/vm", "", "/vm"},
        {"/vm", "/", "/"},
        {"/vm", "//", "/"},
        {"/vm", "/./", "/"},
        {"/vm", "/a/.", "/a"},
        {"/vm", "...", "/vm/..."},
        {"/vm", ".hidden", "/vm/.hidden"},
        /* what ".." means depends on links */
        {"/vm", "../disk", "/vm/../disk"},
        {"/vm", "a/..", "/vm/a/.."},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *joined = path_join(cases[i].folder, cases[i].file);

        cr_expect_str_eq(joined, cases[i].joined, "%s + %s: %s", cases[i].folder, cases[i].file,
                         joined);
    }
}

Test(path, a_relative_name_is_one_inside_the_folder)
{
    static const struct {
        const char *folder, *file, *relative;
    } cases[] = {
        {"/vm", "/vm/disk", "disk"},
        {"/vm", "/vm/a/disk", "a/disk"},
        {"/vm", "/vm2/disk", "/vm2/disk"},
        {"/vm", "/other/disk", "/other/disk"},
        {"/vm", "/vm/", "/vm/"},
        {"/vm", "/vm", "/vm"},
        {"/vm", "nbd://host", "nbd://host"},
        {"/", "/disk", "/disk"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *relative = path_relative(cases[i].folder, cases[i].file);
        auto_free char *back = path_join(cases[i].folder, relative);

        cr_expect_str_eq(relative, cases[i].relative, "%s in %s: %s", cases[i].file,
                         cases[i].folder, relative);
        if (cases[i].file[0] == '/' && cases[i].file[strlen(cases[i].file) - 1] != '/')
            cr_expect_str_eq(back, cases[i].file);
    }
}

Test(path, an_ending_has_something_before_it)
{
    static const struct {
        const char *file, *tail;
        bool ends;
    } cases[] = {
        {"/vm/disk.qcow2", ".qcow2", true},
        {"disk.raw", ".raw", true},
        {"disk.raw", ".img", false},
        {"disk.raw.old", ".raw", false},
        {".raw", ".raw", false},
        {"raw", ".raw", false},
        {"", ".raw", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(path_ends(cases[i].file, cases[i].tail), cases[i].ends, "%s", cases[i].file);
}

Test(path, a_comma_is_doubled_in_an_option)
{
    static const char *const cases[][2] = {
        {"/vm/disk.qcow2", "/vm/disk.qcow2"},
        {"/vm/a,b", "/vm/a,,b"},
        {",,", ",,,,"},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *escaped = path_escape(cases[i][0]);

        cr_expect_str_eq(escaped, cases[i][1], "%s: %s", cases[i][0], escaped);
    }
}

Test(path, from_one_folder_to_another)
{
    static const char *const cases[][3] = {
        {"/vm/two", "/vm/one/a.json", "../one/a.json"},
        {"/vm/two", "/vm/a.json", "../a.json"},
        {"/vm", "/vm/one/a.json", "one/a.json"},
        {"/vm/two/x", "/vm/one/a.json", "../../one/a.json"},
        {"/vm/one", "/vm/one2/a.json", "../one2/a.json"},
        {"/vm", "/fast/a.json", NULL},
        {"/", "/a.json", NULL},
    };
    static const char *const climbs[][2] = {
        {"/vm/two/../one/a", "/vm/one/a"}, {"/../a", "/a"}, {"/vm/..", "/"},
        {"/vm/..a/b", "/vm/..a/b"},        {"/", "/"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *way = path_across(cases[i][0], cases[i][1]);

        cr_expect((!way && !cases[i][2]) || (way && cases[i][2] && !strcmp(way, cases[i][2])),
                  "%s %s: %s", cases[i][0], cases[i][1], way ? way : "none");
    }
    for (size_t i = 0; i < sizeof(climbs) / sizeof(climbs[0]); i++) {
        auto_free char *up = path_climb(climbs[i][0]);

        cr_expect_str_eq(up, climbs[i][1]);
    }
}
