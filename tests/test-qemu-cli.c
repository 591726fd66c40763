/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verbs say: their text for people, word by word where it is stable. What they
 * do, and their JSON, is in test-qemu-create.c and its like.
 */
#include <criterion/criterion.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

#define run(lab, ...) lab_run(lab, __VA_ARGS__, NULL)

/* Does @text have the form of the extended regular expression @form, from end to end? */
static void looks_like(int line, const char *text_, const char *form)
{
    auto_free char *whole = mem_printf("^(%s)$", form);
    regex_t re;

    cr_assert_eq(regcomp(&re, whole, REG_EXTENDED | REG_NOSUB), 0, "%s", form);
    cr_expect_eq(regexec(&re, text_, 0, NULL, 0), 0, "line %d: %s", line, text_);
    regfree(&re);
}
#define looks(text_, form) looks_like(__LINE__, text_, form)

static void succeeded(int line, const struct lab_result *r, const char *err)
{
    cr_assert_eq(r->status, 0, "line %d: %d %s", line, r->status, r->err);
    cr_expect_str_eq(r->err, err, "line %d: %s", line, r->err);
}
#define silent(r) succeeded(__LINE__, r, "")

/* ---- looking ---- */

Test(cli, info_is_a_line_for_each_fact)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});
    auto_result struct lab_result r = run(lab, "info");
    auto_free char *pid = mem_printf("pid          %d\n", lab->pid);

    silent(&r);
    cr_expect_not_null(strstr(r.out, "status       prelaunch\n"), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "disks        2\n"), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "jobs         0\n"), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "sidecar      -\n"), "%s", r.out);
    cr_expect_not_null(strstr(r.out, pid), "%s", r.out);
    looks(r.out, "(.|\n)*\nQEMU         [0-9]+\\.[0-9]+\\.[0-9]+\n(.|\n)*");
    lab_stop(lab);
}

Test(cli, disks_is_a_table_that_says_why_one_is_left_out)
{
    static const char *const cd[] = {"-device", "virtio-scsi-pci", "-device", "scsi-cd,id=cd0",
                                     NULL};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .args = cd});
    auto_result struct lab_result r = run(lab, "disks");

    silent(&r);
    looks(r.out, "DISK +DEVICE +NODE +FORMAT +SIZE +LAYERS +FILE +\n"
                 "vda +[^ ]+ +#block[0-9]+ +qcow2 +16 MiB +1 +/[^ ]+/vda\\.qcow2 +\n"
                 "cd0 +cd0 +- +- +0 B +0 +- +left out: empty\n");
    lab_stop(lab);
}

Test(cli, a_vm_without_anything_says_so_on_stderr)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 0});
    static const char *const verbs[][2] = {
        {"disks", "no disks\n"},    {"chain", "no disks\n"},
        {"list", "no snapshots\n"}, {"current", "no current snapshot\n"},
        {"jobs", "no jobs\n"},
    };

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        auto_result struct lab_result r = run(lab, verbs[i][0]);

        succeeded(__LINE__, &r, verbs[i][1]);
        cr_expect_str_empty(r.out);
    }
    lab_stop(lab);
}

/* ---- snapshots ---- */

Test(cli, create_says_how_many_disks_and_how_long)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .running = true});
    auto_result struct lab_result both = run(lab, "create", "s1");
    auto_result struct lab_result one = run(lab, "create", "s2", "--disk", "vdb");

    silent(&both);
    looks(both.out, "s1: 2 disks, [0-9.]+ ms pause, took [0-9.]+ m?s\n");
    silent(&one);
    looks(one.out, "s2: 1 disk, [0-9.]+ ms pause, took [0-9.]+ m?s\n");
    lab_stop(lab);
}

/* Exit code 1 would say that nothing has changed. */
Test(cli, a_create_whose_result_cannot_be_written_is_done_nevertheless)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *program = lab_program();
    auto_result struct lab_result full = lab_exec(
        lab->folder, (const char *[]){"sh", "-c", "exec \"$0\" -s \"$1\" create s1 >/dev/full",
                                      program, lab->socket, NULL});
    auto_result struct lab_result unread =
        lab_exec(lab->folder, (const char *[]){"sh", "-c",
                                               "mkfifo f && exec 4<>f 5>f 4<&- && rm f &&"
                                               " exec \"$0\" -s \"$1\" create s2 >&5",
                                               program, lab->socket, NULL});
    auto_result struct lab_result list = run(lab, "list");

    cr_expect_eq(full.status, 5);
    cr_expect_str_eq(full.err, "qrewind: it is done, but the result cannot be written: "
                               "No space left on device\n");
    silent(&unread);
    cr_expect_not_null(strstr(list.out, "s1"), "%s", list.out);
    cr_expect_not_null(strstr(list.out, "s2"), "%s", list.out);
    lab_stop(lab);
}

Test(cli, notes_go_to_stderr_and_quiet_takes_them_away)
{
    static const char *const cd[] = {"-device", "virtio-scsi-pci", "-device", "scsi-cd,id=cd0",
                                     NULL};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .args = cd});
    auto_result struct lab_result loud = run(lab, "create", "s1");
    auto_result struct lab_result quiet = run(lab, "-q", "create", "s2");

    succeeded(__LINE__, &loud, "note: disk cd0 is left out: it is empty\n");
    silent(&quiet);
    cr_expect_str_not_empty(quiet.out);
    lab_stop(lab);
}

Test(cli, list_marks_the_current_snapshot_and_draws_a_tree)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1", "--description", "before the upgrade");
    does(lab, "create", "s2");
    setenv("LC_ALL", "C.UTF-8", 1);
    auto_result struct lab_result flat = run(lab, "list"), tree = run(lab, "list", "--tree");
    silent(&flat);
    looks(flat.out, " +NAME CREATED +KIND +STATE +DISKS DESCRIPTION\n"
                    "  s1 +[-0-9]{10} [0-9:]{8} external paused vda +before the upgrade\n"
                    "\\* s2 +[-0-9]{10} [0-9:]{8} external paused vda *\n");
    silent(&tree);
    looks(tree.out, " +NAME +CREATED(.|\n)*\n  s1 +(.|\n)*\n\\* └─s2 (.|\n)*\n");
    lab_stop(lab);
}

Test(cli, show_and_current)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1", "--description", "why");
    auto_result struct lab_result show = run(lab, "show", "s1"), current = run(lab, "current");
    silent(&show);
    cr_expect_not_null(strstr(show.out, "name         s1\n"), "%s", show.out);
    cr_expect_not_null(strstr(show.out, "description  why\n"), "%s", show.out);
    cr_expect_not_null(strstr(show.out, "parent       -\n"), "%s", show.out);
    cr_expect_not_null(strstr(show.out, "current      yes\n"), "%s", show.out);
    looks(show.out, "(.|\n)*\ndisk         vda: /[^ ]+/vda\\.qcow2\n");
    silent(&current);
    cr_expect_str_eq(current.out, "s1\n");

    auto_result struct lab_result none = run(lab, "show", "s7");
    cr_expect_eq(none.status, 3);
    cr_expect_str_empty(none.out);
    looks(none.err, "qrewind: show: no snapshot 's7'\n  [^\n]+\n");
    lab_stop(lab);
}

Test(cli, a_name_cannot_steer_the_terminal)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1", "--description",
         "\033[2Jgone\xc2\x9b"
         "31m");
    auto_result struct lab_result list = run(lab, "list"), show = run(lab, "show", "s1");
    cr_expect_not_null(strstr(list.out, "\\x1b[2Jgone"), "%s", list.out);
    cr_expect_not_null(strstr(show.out, "description  \\x1b[2Jgone\\x9b31m\n"), "%s", show.out);
    cr_expect_null(strchr(list.out, '\033'));
    cr_expect_null(strstr(list.out, "\xc2\x9b"));
    lab_stop(lab);
}

Test(cli, tables_keep_names_of_any_script_in_any_locale)
{
    /* accents of no width, characters of two columns, one that nobody has assigned */
    static const char odd[] = "e\xcc\x81 \xe6\x97\xa5\xe6\x9c\xac \xf3\xa0\x82\x80 \xc3\xbc";
    static const char *const locales[] = {"C", "C.UTF-8"};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1", "--description", odd);
    for (size_t i = 0; i < 2; i++) {
        setenv("LC_ALL", locales[i], 1);
        auto_result struct lab_result list = run(lab, "list", "--tree");

        silent(&list);
        cr_expect_not_null(strstr(list.out, "e\xcc\x81 \xe6\x97\xa5\xe6\x9c\xac "), "%s", list.out);
        cr_expect_not_null(strstr(list.out, " \xc3\xbc\n"), "%s", list.out);
    }
    lab_stop(lab);
}

/* ---- layers ---- */

Test(cli, chain_is_a_tree_from_the_active_layer_down)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true});

    does(lab, "create", "s1");
    setenv("LC_ALL", "C.UTF-8", 1);
    auto_result struct lab_result all = run(lab, "chain"), one = run(lab, "chain", "disk1");
    silent(&one);
    looks(one.out, "DISK / LAYER +FORMAT +SIZE +ON DISK +NODE +SNAPSHOTS\n"
                   "disk1 *\n"
                   "├─/[^ ]+/vdb\\.s1\\.qcow2 +qcow2 +16 MiB +[0-9.]+ KiB +qrw-[^ ]+ +active\n"
                   "└─/[^ ]+/vdb\\.qcow2 +qcow2 +16 MiB +[0-9.]+ KiB +vdb-fmt +s1\n");
    silent(&all);
    cr_expect_not_null(strstr(all.out, "\ndisk0 "), "%s", all.out);

    auto_result struct lab_result none = run(lab, "chain", "nope");
    cr_expect_eq(none.status, 3);
    looks(none.err, "qrewind: chain: no disk 'nope'\n  the disks are: disk0, disk1\n");
    lab_stop(lab);
}

Test(cli, chain_as_dot_is_one_graph)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    auto_result struct lab_result r = run(lab, "chain", "--format=dot");
    silent(&r);
    looks(r.out,
          "digraph chain \\{\n"
          "  node \\[shape=box\\];\n"
          "  \"layer:(/[^ ]+)/vda\\.s1\\.qcow2\" \\[label=\"[^\"]+\", style=bold\\];\n"
          "  \"layer:(/[^ ]+)/vda\\.qcow2\" \\[label=\"[^\"]+\\\\ns1\"\\];\n"
          "  \"disk:vda\" \\[shape=cylinder, label=\"vda\"\\];\n"
          "  \"disk:vda\" -> \"layer:[^ ]+vda\\.s1\\.qcow2\" -> \"layer:[^ ]+/vda\\.qcow2\";\n"
          "\\}\n");
    lab_stop(lab);
}

/* ---- jobs ---- */

Test(cli, commit_and_stream_say_what_was_done_removed_and_kept)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    auto_result struct lab_result stream = run(lab, "stream", "vda");
    silent(&stream);
    looks(stream.out,
          "vda: stream done, took [0-9.]+ m?s\nkept /[^ ]+/vda\\.qcow2: pinned by s1\n");

    auto_result struct lab_result nothing = run(lab, "stream", "vda");
    looks(nothing.err, "note: nothing to do: [^\n]+\n");
    cr_expect_eq(nothing.status, 0);

    does(lab, "create", "s2");
    auto_result struct lab_result commit = run(lab, "commit", "vda", "--force");
    cr_expect_eq(commit.status, 0, "%s", commit.err);
    looks(commit.out, "vda: commit done, took [0-9.]+ m?s\nremoved /[^ ]+/vda\\.s2\\.qcow2\n");
    lab_stop(lab);
}

Test(cli, a_refusal_says_why_and_what_to_do)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    auto_free char *before = state_of(lab);
    auto_result struct lab_result r = run(lab, "create", "s1");
    cr_expect_eq(r.status, 1);
    looks(r.err, "qrewind: create: there is a snapshot 's1' already\n  [^\n]+\n");
    unchanged(lab, before);
    lab_stop(lab);
}

Test(cli, a_mirror_says_how_it_goes_on_and_jobs_shows_it)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *copy = lab_path(lab, "copy.qcow2");
    auto_result struct lab_result mirror = run(lab, "mirror", "vda", copy);

    cr_assert_eq(mirror.status, 0, "%s", mirror.err);
    looks(mirror.out, "vda: mirror ready \\(job qrw-mirror-vda\\)\n"
                      "go over to it: qrewind mirror vda --pivot; or keep it: --finish\n");

    auto_result struct lab_result jobs = run(lab, "jobs");
    silent(&jobs);
    looks(jobs.out, "ID +TYPE +DISK +STATUS +DONE +LIMIT +ERROR\n"
                    "qrw-mirror-vda +mirror +vda +ready +(-|100%) +- *\n");

    auto_result struct lab_result pivot = run(lab, "mirror", "vda", "--pivot");
    cr_expect_eq(pivot.status, 0, "%s", pivot.err);
    cr_expect(!strncmp(pivot.out, "vda: mirror done", 16), "%s", pivot.out);
    chain_is(lab, 0, "copy.qcow2");
    lab_stop(lab);
}

Test(cli, job_actions_name_the_job_that_is_not_there)
{
    static const char *const actions[] = {"wait",     "pause",  "resume",
                                          "complete", "cancel", "dismiss"};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        auto_result struct lab_result r = run(lab, "job", actions[i], "zebra");

        cr_expect_eq(r.status, 3, "%s: %s", actions[i], r.err);
        looks(r.err, "qrewind: job: no job 'zebra'\n  [^\n]+\n");
    }
    auto_result struct lab_result speed = run(lab, "job", "speed", "zebra", "1M");
    cr_expect_eq(speed.status, 3, "%s", speed.err);
    lab_stop(lab);
}

/* ---- plans ---- */

Test(cli, a_plan_is_a_step_a_line_with_each_command_whole)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true});
    auto_free char *before = state_of(lab);
    auto_result struct lab_result r = run(lab, "create", "-n", "s1");
    int commands = 0;

    silent(&r);
    for (char *save, *l = strtok_r(r.out, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        looks(l, "[-a-z]+ +[^ ].*");
        if (strncmp(l, "qmp ", 4))
            continue;
        json_error_t why;
        json_auto_t *command = json_loads(strchr(l, '{'), 0, &why);
        cr_expect_not_null(command, "%s: %s", why.text, l);
        cr_expect_not_null(text(command, "execute"), "%s", l);
        commands++;
    }
    cr_expect_eq(commands, 3, "two nodes, one transaction");
    unchanged(lab, before);
    lab_stop(lab);
}

Test(cli, repair_has_nothing_to_do_on_a_sound_vm)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    auto_result struct lab_result r = run(lab, "repair");
    succeeded(__LINE__, &r, "nothing to settle, nothing is wrong\n");
    cr_expect_str_empty(r.out);
    lab_stop(lab);
}
