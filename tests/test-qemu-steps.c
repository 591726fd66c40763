/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program is killed at every single command that it sends, once before QEMU hears of
 * it and once after QEMU has done it: the next run finishes the operation or undoes it,
 * nothing lies around, and no data is lost.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/relay.h"

/* Random parts of names taken out: "qrw-1a2b3c-0" and "#block123". */
static const char *plain_name(const char *node)
{
    if (node[0] == '#')
        return "#";
    return strncmp(node, "qrw-", 4) ? node : "qrw";
}

/* Nodes and files, sorted, without what differs from run to run. New string. */
static char *picture(struct lab *lab)
{
    json_auto_t *nodes = lab_qmp(lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    char *list = mem_strdup("");
    const json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node) {
        const char *slash = strrchr(text(node, "file"), '/');
        char *longer = mem_printf("%s%s %s %s\n", list, plain_name(text(node, "node-name")),
                                  text(node, "drv"), slash ? slash : text(node, "file"));

        free(list);
        list = longer;
    }
    auto_result struct lab_result sorted = lab_exec(
        lab->folder,
        WORDS("sh", "-c", "printf %s \"$1\" | sort; find . -type f ! -name qemu.log | sort", "sh",
              list));
    free(list);
    return mem_strdup(sorted.out);
}

struct operation {
    const char *words[8];
    const char *before, *after; /* disk 0's chain */
    const char *left;           /* a file that may stay when it is undone */
    const char *first[4];       /* comes before it */
    int holds, then;            /* which generation, before and after */
};

/* clang-format off */
static const char two_snapshots[] = "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2";
static const struct operation
    create = {{"create", "s3"}, two_snapshots,
              "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2 <- vda.s3.qcow2", .holds = 3, .then = 3},
    sync_create = {{"create", "s3", "--method=sync"}, two_snapshots,
              "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2 <- vda.s3.qcow2", .holds = 3, .then = 3},
    commit = {{"commit", "vda", "--force"}, two_snapshots, "vda.qcow2 <- vda.s1.qcow2",
              .holds = 3, .then = 3},
    commit_below = {{"commit", "vda", "--top", "s2", "--base", "s1", "--force"}, two_snapshots,
              "vda.qcow2 <- vda.s2.qcow2", .holds = 3, .then = 3},
    stream = {{"stream", "vda"}, two_snapshots, "vda.s2.qcow2", .holds = 3, .then = 3},
    mirror = {{"mirror", "vda", "../copy.qcow2", "--pivot"}, two_snapshots, "copy.qcow2",
              .holds = 3, .then = 3, .left = "copy.qcow2"},
    finish = {{"mirror", "vda", "../copy.qcow2", "--finish"}, two_snapshots, two_snapshots,
              .holds = 3, .then = 3, .left = "copy.qcow2"},
    revert = {{"revert", "s1"}, two_snapshots, "vda.qcow2 <- vda.s1-2.qcow2",
              .holds = 3, .then = 1},
    /* onto what the disks are on */
    undo = {{"undo"}, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2-2.qcow2",
            two_snapshots,
            .first = {"revert", "s2"}, .holds = 2, .then = 3};
/* clang-format on */

static struct lab *start(const struct operation *o)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});

    for (int i = 1; i <= 2; i++) {
        auto_free char *name = mem_printf("s%d", i);

        write_generation(lab, 0, i);
        write_generation(lab, 1, i);
        /* much in the middle, so that it is clear which way a layer without a pin is merged */
        if (i == 2)
            lab_write(lab, 1, 99, "8M", "1M");
        does(lab, "create", name);
    }
    write_generation(lab, 0, 3);
    write_generation(lab, 1, 3);
    if (o->first[0])
        json_decref(cases_run(lab, __LINE__, 0, o->first));
    return lab;
}

static void both_hold(struct lab *lab, int generation)
{
    holds(lab, 0, generation);
    holds(lab, 1, generation);
}

/* Bring it to its end, whatever was left: once a job has to be waited for. */
static void settle(struct lab *lab)
{
    json_auto_t *repair = tells(lab, "repair");

    if (!strcmp(text(repair, "settled"), "running"))
        does(lab, "job", "wait", text(repair, "jobs.0.id"));
    json_auto_t *again = tells(lab, "repair"), *jobs = tells(lab, "jobs");
    says(again, "settled", "nothing");
    cr_assert_eq(json_array_size(at(jobs, "jobs")), 0);
}

/* Is disk 0's chain @expected, as the program tells it? */
static bool chain_was(struct lab *lab, const char *expected)
{
    json_auto_t *doc = tells(lab, "chain", "vda");
    auto_free char *chain = mem_strdup("");
    const json_t *layer;
    size_t i;

    json_array_foreach(at(doc, "disks.0.layers"), i, layer) {
        char *longer = mem_printf("%s%s%s", strrchr(text(layer, "file"), '/') + 1,
                                  *chain ? " <- " : "", chain);
        free(chain);
        chain = longer;
    }
    return !strcmp(chain, expected);
}

/* One run that is killed; false: it came to its end. */
static bool killed_at(const struct operation *o, enum relay_mode mode, int at_command,
                      const char *before, const char *after)
{
    struct lab *lab = start(o);
    char last[4096];
    int status = relay_run(lab, mode, at_command, last, o->words);
    auto_free char *what = mem_printf("%s killed %s command %d, %.100s", o->words[0],
                                      mode == RELAY_BEFORE ? "before" : "after", at_command, last);
    auto_free char *now = NULL;
    bool done;

    if (status != 128 + SIGKILL) {
        cr_assert_eq(status, 0, "%s: %d", what, status);
        lab_stop(lab);
        return false;
    }
    cr_log_info("%s", what);
    settle(lab);
    done = chain_was(lab, o->after) && (strcmp(o->before, o->after) || has_file(lab, "copy.qcow2"));
    cr_assert(done || chain_was(lab, o->before), "%s: neither done nor undone", what);
    if (!done && o->left) {
        auto_free char *left = lab_path(lab, o->left);
        remove(left);
    }
    now = picture(lab);
    cr_assert_str_eq(now, done ? after : before, "%s, then %s; there is\n%snot\n%s", what,
                     done ? "done" : "undone", now, done ? after : before);
    both_hold(lab, done ? o->then : o->holds);
    does(lab, "create", "next");
    both_hold(lab, done ? o->then : o->holds);
    lab_stop(lab);
    return true;
}

static void at_every_command(const struct operation *o)
{
    auto_free char *before = NULL, *after = NULL;
    struct lab *lab = start(o);

    before = picture(lab);
    chain_is(lab, 0, o->before);
    json_decref(cases_run(lab, __LINE__, 0, o->words));
    chain_is(lab, 0, o->after);
    after = picture(lab);
    lab_stop(lab);
    for (int mode = RELAY_BEFORE; mode <= RELAY_AFTER; mode++)
        for (int n = 1; killed_at(o, mode, n, before, after); n++)
            ;
}

Test(steps, of_create)
{
    at_every_command(&create);
}

Test(steps, of_create_by_qemu)
{
    at_every_command(&sync_create);
}

Test(steps, of_commit)
{
    at_every_command(&commit);
}

Test(steps, of_commit_in_the_middle)
{
    at_every_command(&commit_below);
}

Test(steps, of_stream)
{
    at_every_command(&stream);
}

Test(steps, of_mirror_to_switch)
{
    at_every_command(&mirror);
}

Test(steps, of_mirror_to_keep)
{
    at_every_command(&finish);
}

Test(steps, of_revert)
{
    at_every_command(&revert);
}

Test(steps, of_undo)
{
    at_every_command(&undo);
}

/* QEMU has put the disks on what they go back to, and the program never heard of that. */
static struct lab *switched(void)
{
    for (int n = 1;; n++) {
        struct lab *lab = start(&undo);
        char last[4096];

        cr_assert_eq(relay_run(lab, RELAY_AFTER, n, last, undo.words), 128 + SIGKILL);
        if (strstr(last, "blockdev-reopen"))
            return lab;
        lab_stop(lab);
    }
}

/* Somebody else's job is in the way. */
Test(steps, of_undo_that_cannot_be_taken_back)
{
    struct lab *lab = switched();
    json_auto_t *chain = tells(lab, "chain", "vdb");

    json_decref(lab_qmp(lab, "blockdev-add", "{s:s, s:s, s:I}", "driver", "null-co", "node-name",
                        "nowhere", "size", (json_int_t)number(chain, "disks.0.layers.0.size")));
    json_decref(lab_qmp(lab, "blockdev-backup", "{s:s, s:s, s:s, s:s, s:i, s:b}", "job-id",
                        "theirs", "device", text(chain, "disks.0.layers.0.node"), "target",
                        "nowhere", "sync", "full", "speed", 1, "auto-dismiss", 0));
    json_auto_t *error = refuses(lab, 5, "repair");
    cr_assert(strstr(text(error, "desc"), "disk vdb still runs on"), "%s", text(error, "desc"));

    json_decref(lab_qmp(lab, "block-job-cancel", "{s:s, s:b}", "device", "theirs", "force", 1));
    wait_for_job(lab, "theirs", "concluded");
    json_decref(lab_qmp(lab, "job-dismiss", "{s:s}", "id", "theirs"));
    json_auto_t *repair = tells(lab, "repair");
    says(repair, "settled", "undone");
    chain_is(lab, 0, undo.before);
    both_hold(lab, undo.holds);
    lab_stop(lab);
}
