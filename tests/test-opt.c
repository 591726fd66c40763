/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opt, value, nearest, json-args: what a command line means, as tables.
 *
 * The program's objects are in no library: what is under test is included.
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json-args.c"
#include "cli/nearest.c"
#include "cli/opt.c"
#include "cli/value.c"

struct args {
    bool tree, all;
    const char *name, *format;
    const char *const *disks;
    const char *const *rest;
    int method, ms;
    int64_t speed;
};

#define A(member) offsetof(struct args, member)

static const char *const words[] = {"auto", "snapshot", "sync", NULL};

static const struct opt opts[] = {
    {"NAME", OPT_STRING, A(name), .place = OPT_MUST},
    {"tree", OPT_FLAG, A(tree), 't', .id = 1},
    {"all", OPT_FLAG, A(all), 'a', .id = 2},
    {"format", OPT_STRING, A(format), 'f', .help = ""},
    {"disk", OPT_STRINGS, A(disks), 'd', .id = 4},
    {"method", OPT_CHOICE, A(method), .words = words, .bare = "sync"},
    {"wait", OPT_SECONDS, A(ms), .help = ""},
    {"speed", OPT_SIZE, A(speed), .help = ""},
    {"limit", OPT_LIMIT, A(speed), .help = ""},
    {"REST", OPT_STRINGS, A(rest), .place = OPT_MAY},
    {0},
};

enum { MOST = 16 };

/* Split @line at its spaces into @argv; returns how many words there are. */
static int split(char *line, char **argv)
{
    int n = 0;

    for (char *save, *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    return n;
}

/* What @line gives, as text. */
static char *parsed(const char *line)
{
    struct args a = {.ms = 7};
    struct opt_set set = {opts, &a, 0};
    struct qmp_error err = {0};
    char *argv[MOST], *out;
    auto_free char *copy = mem_strdup(line);
    int argc = split(copy, argv), taken = opt_parse(&set, 1, argc, argv, false, &err);

    if (taken < 0) {
        cr_expect_eq(err.kind, QMP_ERR_USAGE);
        out = mem_printf("%s%s%s", err.desc, err.hint[0] ? "; " : "", err.hint);
    } else {
        cr_expect_eq(taken, argc);
        out = mem_printf(
            "%s tree=%d all=%d format=%s disks=%s,%s rest=%s,%s method=%d ms=%d speed=%lld", a.name,
            a.tree, a.all, a.format ? a.format : "-", a.disks ? a.disks[0] : "-",
            a.disks && a.disks[0] && a.disks[1] ? a.disks[1] : "-", a.rest ? a.rest[0] : "-",
            a.rest && a.rest[0] && a.rest[1] ? a.rest[1] : "-", a.method, a.ms, (long long)a.speed);
    }
    opt_done(&set);
    return out;
}

Test(opt, every_way_to_write_an_option_means_the_same)
{
    static const struct {
        const char *line, *want;
    } table[] = {
        {"x", "x tree=0 all=0 format=- disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"--format=a x", "x tree=0 all=0 format=a disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"--format a x", "x tree=0 all=0 format=a disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"-f a x", "x tree=0 all=0 format=a disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"-fa x", "x tree=0 all=0 format=a disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"x -tafa", "x tree=1 all=1 format=a disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"--format= x", "x tree=0 all=0 format= disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"--format --tree x",
         "x tree=0 all=0 format=--tree disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"-d a --disk=b x", "x tree=0 all=0 format=- disks=a,b rest=-,- method=0 ms=7 speed=0"},
        {"x y --tree z", "x tree=1 all=0 format=- disks=-,- rest=y,z method=0 ms=7 speed=0"},
        {"-- --tree -f", "--tree tree=0 all=0 format=- disks=-,- rest=-f,- method=0 ms=7 speed=0"},
        {"-", "- tree=0 all=0 format=- disks=-,- rest=-,- method=0 ms=7 speed=0"},
        {"--method x", "x tree=0 all=0 format=- disks=-,- rest=-,- method=2 ms=7 speed=0"},
        {"--method=snapshot x", "x tree=0 all=0 format=- disks=-,- rest=-,- method=1 ms=7 speed=0"},
        {"--wait 1.5 x", "x tree=0 all=0 format=- disks=-,- rest=-,- method=0 ms=1500 speed=0"},
        {"--wait 0 x", "x tree=0 all=0 format=- disks=-,- rest=-,- method=0 ms=0 speed=0"},
        {"--speed 10M x",
         "x tree=0 all=0 format=- disks=-,- rest=-,- method=0 ms=7 speed=10485760"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        auto_free char *got = parsed(table[i].line);

        cr_expect_str_eq(got, table[i].want, "%s: %s", table[i].line, got);
    }
}

Test(opt, every_misuse_is_named)
{
    static const struct {
        const char *line, *want;
    } table[] = {
        {"", "NAME is missing"},
        {"--tree", "NAME is missing"},
        {"x --tere", "unknown option '--tere'; did you mean --tree?"},
        {"x --form=a", "unknown option '--form'; did you mean --format?"},
        {"x --zzzzz", "unknown option '--zzzzz'"},
        {"x --NAME=1", "unknown option '--NAME'"},
        {"x -tz", "unknown option '-z'"},
        {"x --tree=1", "option '--tree' takes no value"},
        {"x --format", "option '--format' needs a value"},
        {"x -f", "option '--format' needs a value"},
        {"x --method=snyc",
         "--method: 'snyc' is not one of auto, snapshot, sync; did you mean sync?"},
        {"x --speed 1q", "--speed: '1q' is not a size like 512k, 10M or 1G"},
        {"x --limit 0", "--limit: '0' is not a number above 0"},
        {"x --wait soon", "--wait: 'soon' is not a number of seconds"},
        {"x --wait -1", "--wait: '-1' is not a number of seconds"},
        {"x --wait 1e9", "--wait: '1e9' is not a number of seconds"},
        {"x\xff", "NAME: 'x\xff' is not UTF-8"},
        {"x --format=\xc3", "--format: '\xc3' is not UTF-8"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        auto_free char *got = parsed(table[i].line);

        cr_expect_str_eq(got, table[i].want, "%s: %s", table[i].line, got);
    }
}

Test(opt, one_argument_too_many_is_refused)
{
    static const struct opt one[] = {{"NAME", OPT_STRING, A(name), .place = OPT_MAY}, {0}};
    struct args a = {0};
    struct opt_set set = {one, &a, 0};
    struct qmp_error err = {0};
    char *argv[] = {(char *)"x", (char *)"y"};

    cr_assert_eq(opt_parse(&set, 1, 2, argv, false, &err), -1);
    cr_expect_str_eq(err.desc, "one argument too many: 'y'");
}

Test(opt, globals_end_at_the_verb_and_go_on_behind_it)
{
    static const struct opt verb[] = {{"force", OPT_FLAG, A(all), .help = ""}, {0}};
    struct args globals = {0}, a = {0};
    struct opt_set sets[] = {{opts, &globals, 0}, {opts, &globals, 0}};
    char *argv[] = {(char *)"--tree", (char *)"list", (char *)"--force", (char *)"-d", (char *)"x"};

    cr_assert_eq(opt_parse(sets, 1, 5, argv, true, NULL), 1);
    cr_expect(globals.tree);
    cr_expect_eq(sets[0].seen, 1);
    sets[0] = (struct opt_set){verb, &a, 0};
    cr_assert_eq(opt_parse(sets, 2, 3, argv + 2, false, NULL), 3);
    cr_expect(a.all);
    cr_expect_str_eq(globals.disks[0], "x");
    cr_expect_eq(sets[1].seen, 4);
    opt_done(&sets[1]);
}

Test(value, sizes)
{
    static const struct {
        const char *text;
        int64_t want;
    } table[] = {
        {"0", 0},
        {"512", 512},
        {"4k", 4096},
        {"4K", 4096},
        {"10M", 10 << 20},
        {"10MiB", 10 << 20},
        {"1G", 1 << 30},
        {"2T", (int64_t)2 << 40},
        {"9223372036854775807", INT64_MAX},
        {"8388607T", (int64_t)8388607 << 40},
        {"8388608T", -1},
        {"9223372036854775808", -1},
        {"99999999999999999999G", -1},
        {"", -1},
        {"k", -1},
        {"-1", -1},
        {"+1", -1},
        {" 1", -1},
        {"1.5M", -1},
        {"1MB", -1},
        {"1MiBs", -1},
        {"1 M", -1},
        {"0x10", -1},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        cr_expect_eq(value_size(table[i].text), table[i].want, "'%s'", table[i].text);
}

Test(nearest, finds_what_was_meant_and_nothing_far_off)
{
    static const char *const verbs[] = {"create", "list", "show", "commit", "stream", "chain"};
    static const struct {
        const char *word, *want;
    } table[] = {
        {"craete", "create"}, {"creat", "create"}, {"crate", "create"}, {"lsit", "list"},
        {"ls", NULL},         {"com", "commit"},   {"strem", "stream"}, {"shwo", "show"},
        {"blow", NULL},       {"banana", NULL},    {"", NULL},          {"x", NULL},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct nearest near = {0};

        for (size_t k = 0; k < sizeof(verbs) / sizeof(verbs[0]); k++)
            nearest_offer(&near, table[i].word, verbs[k]);
        cr_expect((near.word && table[i].want) ? !strcmp(near.word, table[i].want)
                                               : near.word == table[i].want,
                  "%s: %s", table[i].word, near.word ? near.word : "nothing");
    }
}

Test(nearest, words_longer_than_any_option_are_no_trouble)
{
    struct nearest near = {0};
    char word[300];

    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = 0;
    nearest_offer(&near, word, "create");
    nearest_offer(&near, "create", word);
    cr_expect_null(near.word);
}

Test(json_args, words_become_typed_and_nested_arguments)
{
    static const struct {
        const char *line, *want;
    } table[] = {
        {"", "{}"},
        {"a=b", "{\"a\":\"b\"}"},
        {"a=", "{\"a\":\"\"}"},
        {"a=1 b=-2 c=1.5", "{\"a\":1,\"b\":-2,\"c\":1.5}"},
        {"a=true b=false c=null", "{\"a\":true,\"b\":false,\"c\":null}"},
        {"a=007 b=10M c=truely", "{\"a\":\"007\",\"b\":\"10M\",\"c\":\"truely\"}"},
        {"a=\"1\"", "{\"a\":\"1\"}"},
        {"a=[1,\"x\"] b={\"c\":2}", "{\"a\":[1,\"x\"],\"b\":{\"c\":2}}"},
        {"a.b=1 a.c.d=x", "{\"a\":{\"b\":1,\"c\":{\"d\":\"x\"}}}"},
        {"a=b=c", "{\"a\":\"b=c\"}"},
        {"{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        auto_free char *copy = mem_strdup(table[i].line);
        char *argv[MOST] = {0};
        struct qmp_error err = {0};

        split(copy, argv);
        json_auto_t *got = json_args((const char *const *)argv, &err);
        json_auto_t *want = json_loads(table[i].want, 0, NULL);
        cr_expect(want && json_equal(got, want), "%s %s", table[i].line, err.desc);
    }
}

Test(json_args, what_cannot_be_arguments_is_refused)
{
    static const char *const table[] = {
        "a",    "=b",  "a=1 a=2",  "a=1 a.b=2",         "a.b=1 a=2",     "a.=1",
        "a=[1", "a={", "{\"a\":1", "{\"a\":1,\"a\":2}", "{\"a\":1} b=2", "a=\xff",
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        auto_free char *copy = mem_strdup(table[i]);
        char *argv[MOST] = {0};
        struct qmp_error err = {0};

        split(copy, argv);
        cr_expect_null(json_args((const char *const *)argv, &err), "%s", table[i]);
        cr_expect_eq(err.kind, QMP_ERR_USAGE);
    }
}
