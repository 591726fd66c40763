/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every command that we send, held against what four releases of QEMU said they take.
 *
 * The commands of plans come out of plans; the others are listed here, and the sources are
 * searched so that none can be forgotten: a string in them that is the name of a command is
 * either in a plan or in the list.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/quoted/quoted.h"
#include "tests/scene/operation.h"
#include "tests/schema/schema.h"

/* clang-format off */

/* What is sent beside plans, with all that we ever say in it; ' for ". */
static const char *const sent[] = {
    "{'execute': 'qmp_capabilities', 'arguments': {'enable': ['oob']}}",
    "{'execute': 'query-status'}",
    "{'execute': 'query-block'}",
    "{'execute': 'query-jobs'}",
    "{'execute': 'query-blockstats'}",
    "{'execute': 'x-debug-query-block-graph'}",
    "{'execute': 'query-block-jobs'}",
    "{'execute': 'query-name'}",
    "{'execute': 'query-uuid'}",
    "{'execute': 'query-commands'}",
    "{'execute': 'query-qmp-schema'}",
    "{'execute': 'query-chardev'}",
    "{'execute': 'query-migrate'}",
    "{'execute': 'query-migrate-capabilities'}",
    "{'execute': 'query-migrate-parameters'}",
    "{'execute': 'getfd', 'arguments': {'fdname': 'f'}}",
    "{'execute': 'query-memory-size-summary'}",
    "{'execute': 'query-cpus-fast'}",
    "{'execute': 'qom-get', 'arguments': {'path': '/machine', 'property': 'type'}}",
    "{'execute': 'qom-list', 'arguments': {'path': '/machine/peripheral'}}",
    ("{'execute': 'blockdev-add',"
     " 'arguments': {'driver': 'file', 'node-name': 'n', 'filename': 'f', 'read-only': true}}"),
    "{'execute': 'blockdev-del', 'arguments': {'node-name': 'n'}}",
    "{'execute': 'job-pause', 'arguments': {'id': 'j'}}",
    "{'execute': 'job-resume', 'arguments': {'id': 'j'}}",
    "{'execute': 'job-complete', 'arguments': {'id': 'j'}}",
    "{'execute': 'job-cancel', 'arguments': {'id': 'j'}}",
    "{'execute': 'job-finalize', 'arguments': {'id': 'j'}}",
    "{'execute': 'job-dismiss', 'arguments': {'id': 'j'}}",
    "{'execute': 'block-job-set-speed', 'arguments': {'device': 'j', 'speed': 0}}",
    "{'execute': 'block_resize', 'arguments': {'node-name': 'n', 'size': 512}}",
    "{'execute': 'block-job-cancel', 'arguments': {'device': 'j'}}",
    "{'execute': 'block-job-cancel', 'arguments': {'device': 'j', 'force': true}}",
    "{'execute': 'query-kvm'}",
    "{'execute': 'query-accelerators'}",
    "{'execute': 'human-monitor-command', 'arguments': {'command-line': 'info qtree'}}",
    "{'execute': 'set-action', 'arguments': {'reboot': 'reset'}}",
};

/* Those are sent to some releases only, or it does not matter that it fails. */
static const struct {
    const char *command, *not_to;
} exceptions[] = {
    {"set-action", "5.2"},         {"query-kvm", "11.1"},          {"query-accelerators", "5.2"},
    {"query-accelerators", "7.2"}, {"query-accelerators", "10.0"},
};

/* Operations that together use every command that a planner knows. */
static const struct {
    const char *picture, *command;
    bool memory; /* the snapshot s1 has one */
} plans[] = {
    {"disk0: a; disk1: b", "create s1 --halt", false},
    {"disk0: a; disk1: b", "create s1 --method sync", false},
    {"disk0: a", "create s1 --memory", false},
    {"disk0: a", "create s1 --memory=live", false},
    {"disk0: base* <- a; live s1; inmigrate", "revert s1", false},
    {"disk0: a; disk1: b", "create s1 --internal", false},
    {"disk0: a; disk1: b", "create s1 --internal --memory", false},
    {"disk0: base* <- a", "revert s1", true},
    {"disk0: base* <- a", "revert s1 --no-memory --paused", false},
    {"disk0: base* <- a; + base <- old~", "undo", false},
    {"disk0: a^i1^i2; inside i1; inside i2", "revert i1", false},
    {"disk0: a^i1^i2; inside i1; inside i2", "delete i1", false},
    {"disk0: a*^i1(named) <- b; inside i1", "delete i1", false},
    {"disk0: base <- a(named) <- b", "commit disk0 --top a-fmt --speed 1", false},
    {"disk0: base(relative) <- a <- b", "commit disk0 --top #a", false},
    {"disk0: base(relative) <- a <- b", "stream disk0 --base #base --speed 1", false},
    {"disk0: base <- a", "mirror disk0 /vm/c.qcow2 --speed 1", false},
    {"disk0: base(relative) <- a", "mirror disk0 /vm/c.qcow2 --sync top --pivot", false},
};
/* clang-format on */

static bool known(const char *command)
{
    for (const char *const *release = schema_releases; *release; release++)
        if (schema_has(*release, command))
            return true;
    return false;
}

static void add(json_t *set, const char *name)
{
    json_object_set_new(set, name, json_true());
}

/* ---- what is sent ---- */

static void add_actions(json_t *names, const json_t *command)
{
    json_t *arguments = json_object_get(command, "arguments");
    const json_t *action;
    size_t i;

    json_array_foreach(json_object_get(arguments, "actions"), i, action)
        add(names, json_string_value(json_object_get(action, "type")));
}

static void give_memory(struct picture *p)
{
    json_t *memory = json_pack("{s:s, s:s, s:s, s:i}", "file", "m.qcow2", "tag", "s1", "machine",
                               "pc-q35-7.2", "ram", 128 << 20);

    json_object_set_new(chain_snapshot(&p->chain, "s1"), "memory", memory);
    json_object_set_new(chain_snapshot(&p->chain, "s1"), "state", json_string("running"));
}

/* The names of all commands in the plan, as for @release; none when it cannot do that. */
static void add_plan(json_t *names, size_t i, const char *release)
{
    auto_free char *line = mem_printf("%s; QEMU %s.0", plans[i].picture, release);
    struct picture *p = picture_new(line);
    const json_t *command;
    struct plan plan;
    size_t k;

    if (plans[i].memory)
        give_memory(p);
    auto_free char *text = picture_plan(p, plans[i].command); /* checks the schema */
    if (strncmp(text, "unsupported", strlen("unsupported"))) {
        picture_plan_as(&plan, p, plans[i].command);
        json_auto_t *commands = picture_commands(&plan);
        json_array_foreach(commands, k, command) {
            add(names, json_string_value(json_object_get(command, "execute")));
            add_actions(names, command);
        }
        plan_done(&plan);
    }
    picture_free(p);
}

static json_t *names_in_plans(void)
{
    json_t *names = json_object();

    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
        for (const char *const *release = schema_releases; *release; release++)
            add_plan(names, i, *release);
    return names;
}

static json_t *names_in_list(void)
{
    json_t *names = json_object();

    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        json_auto_t *command = quoted(sent[i]);

        add(names, json_string_value(json_object_get(command, "execute")));
    }
    return names;
}

/* ---- what the sources say ---- */

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = mem_alloc(1 << 20);

    cr_assert(in, "%s", path);
    text[fread(text, 1, (1 << 20) - 1, in)] = '\0';
    cr_assert(feof(in), "%s is too long", path);
    fclose(in);
    return text;
}

/* The next string literal from *@at on; *@at is then behind it. NULL: there is none. */
static char *next_literal(const char **at)
{
    const char *begin = strchr(*at, '"'), *end;

    if (!begin)
        return NULL;
    for (end = begin + 1; *end && *end != '"'; end++)
        if (*end == '\\' && end[1])
            end++;
    *at = *end ? end + 1 : end;
    return mem_printf("%.*s", (int)(end - begin - 1), begin + 1);
}

/* Every literal that is the name of a command. */
static void search_names(json_t *names, const char *text)
{
    char *literal;

    for (const char *at = text; (literal = next_literal(&at)); free(literal))
        if (known(literal))
            add(names, literal);
}

/* A literal that is an argument of the call whose arguments begin at @at, NULL: there is none. */
static char *literal_argument(const char *at)
{
    for (int depth = 1; *at && *at != ';' && depth > 0;) {
        char *literal = *at == '"' ? next_literal(&at) : NULL;

        if (literal && depth == 1)
            return literal;
        if (!literal)
            depth += (*at == '(') - (*at == ')');
        at += !literal;
        free(literal);
    }
    return NULL;
}

/* Where @function is called with a name, that is a command. */
static void check_calls(const char *path, const char *text, const char *function)
{
    for (const char *at = text; (at = strstr(at, function));) {
        at += strlen(function);
        auto_free char *name = literal_argument(at);

        if (name)
            cr_expect(known(name), "%s: no release of QEMU has the command '%s'", path, name);
    }
}

static json_t *names_in_sources(void)
{
    static const char *const functions[] = {"ask_add(",         "ask_one(",  "qmp_call(",
                                            "qmp_client_call(", "plan_qmp(", "plan_job("};
    json_t *names = json_object();
    glob_t files = {0};

    cr_assert(!glob("snapshot/*.c", 0, NULL, &files) &&
              !glob("qmp/*.c", GLOB_APPEND, NULL, &files) &&
              !glob("cli/*.c", GLOB_APPEND, NULL, &files));
    for (size_t i = 0; i < files.gl_pathc; i++) {
        auto_free char *text = read_file(files.gl_pathv[i]);

        search_names(names, text);
        for (size_t k = 0; k < sizeof(functions) / sizeof(functions[0]); k++)
            check_calls(files.gl_pathv[i], text, functions[k]);
    }
    globfree(&files);
    return names;
}

/* ---- */

static bool is_sent(const json_t *command, const char *release)
{
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
        if (!strcmp(exceptions[i].command,
                    json_string_value(json_object_get(command, "execute"))) &&
            !strcmp(exceptions[i].not_to, release))
            return false;
    return true;
}

Test(commands, are_known_to_every_release_that_they_are_sent_to)
{
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        json_auto_t *command = quoted(sent[i]);

        for (const char *const *release = schema_releases; *release; release++) {
            auto_free char *wrong =
                is_sent(command, *release) ? schema_check(*release, command) : NULL;

            cr_expect(!wrong, "%s: %s", *release, wrong);
        }
    }
}

Test(commands, of_the_sources_are_all_checked)
{
    json_auto_t *sources = names_in_sources();
    json_auto_t *list = names_in_list(), *in_plans = names_in_plans();
    const char *name;
    json_t *value;

    json_object_foreach(sources, name, value)
        cr_expect(json_object_get(in_plans, name) || json_object_get(list, name),
                  "%s is in the sources: put it into the list, or a plan that has it", name);
    json_object_foreach(list, name, value)
        cr_expect(json_object_get(sources, name), "%s is in no source any more", name);
    json_object_foreach(in_plans, name, value)
        cr_expect(json_object_get(sources, name), "%s was not found in the sources", name);
}

/* ---- how much is sent ---- */

/* QEMU reads its monitor a byte at a time, 3.5 us each, and does nothing else meanwhile. Steps
 * and cleanup, with images in a folder of the usual length; without what is observed. */
static size_t bytes_of(const char *picture, const char *command)
{
    struct picture *p = picture_new_in("/var/lib/images", picture);
    struct plan plan;
    const json_t *step;
    size_t i, sum = 0;

    picture_plan_as(&plan, p, command);
    json_auto_t *steps = plan_preview(&plan);
    json_array_foreach(steps, i, step) {
        json_auto_t *message =
            json_pack("{s:O?, s:O*, s:i}", "execute", json_object_get(step, "execute"), "arguments",
                      json_object_get(step, "arguments"), "id", 10);
        auto_free char *line = json_dumps(message, JSON_COMPACT);

        if (json_object_get(step, "execute"))
            sum += strlen(line) + 1;
    }
    plan_done(&plan);
    picture_free(p);
    return sum;
}

/* "disk0: web0; disk1: web1; ..." */
static char *disks(int n)
{
    char *line = mem_strdup("disk0: web0");

    for (int i = 1; i < n; i++) {
        auto_free char *before = line;

        line = mem_printf("%s; disk%d: web%d", before, i, i);
    }
    return line;
}

Test(commands, of_an_operation_are_few_bytes)
{
    auto_free char *one = disks(1), *four = disks(4), *sixteen = disks(16);
    const struct {
        const char *picture, *command;
        size_t most;
    } cases[] = {
        {one, "create s1", 300},
        {four, "create s1", 1200},
        {sixteen, "create s1", 4700},
        {one, "create s1 --memory", 750},
        {"disk0: web0* <- web0.s1", "revert s1", 600},
        {"disk0: web0 <- web0.s1", "commit disk0", 150},
        {"disk0: web0 <- web0.s1 <- web0.s2", "commit disk0 --top #web0.s1", 190},
        {"disk0: web0 <- web0.s1 <- web0.s2", "stream disk0", 145},
        {one, "mirror disk0 /var/lib/images/copy.qcow2 --pivot", 215},
        {four, "create s1 --internal", 400},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t bytes = bytes_of(cases[i].picture, cases[i].command);

        cr_expect_leq(bytes, cases[i].most, "%s, %s: %zu bytes", cases[i].picture, cases[i].command,
                      bytes);
    }
}
