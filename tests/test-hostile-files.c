/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real program where file names lie, and where links lie at the places that it writes to. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/hostile/hostile.h"
#include "tests/scratch/scratch.h"

TestSuite(files, .init = hostile_enter, .fini = hostile_leave);

#define PICTURE "disk0: a*s1 <- b"

/* Every string member @h->key of whatever depth is @h->text. */
static void replace(json_t *value, const struct hostile *h)
{
    const char *key;
    json_t *v;
    size_t i;

    json_array_foreach(value, i, v)
        replace(v, h);
    json_object_foreach(value, key, v) {
        if (json_is_string(v) && !strcmp(key, h->key))
            json_object_set_new(value, key, json_string_nocheck(h->text));
        replace(v, h);
    }
}

static json_t *lie(const char *command, json_t *reply, const struct hostile *h)
{
    replace(reply, h);
    return reply;
}

/* What tells of a VM beside its disks, so that there is something to lie about. */
static json_t *lie_of_all(const char *command, json_t *reply, const struct hostile *h)
{
    static const struct {
        const char *command, *reply;
    } more[] = {
        {"query-name", "{\"name\": \"web1\"}"},
        {"query-uuid", "{\"UUID\": \"11111111-1111-1111-1111-111111111111\"}"},
        {"query-jobs", "[{\"id\": \"j\", \"type\": \"commit\", \"status\": \"running\", "
                       "\"error\": \"no\", \"current-progress\": 1, \"total-progress\": 2}]"},
        {"query-block-jobs", "[{\"device\": \"j\", \"speed\": 5}]"},
        {"qom-get", "\"pc-q35-7.2-machine\""},
    };

    for (size_t i = 0; command && i < sizeof(more) / sizeof(more[0]); i++)
        if (!strcmp(command, more[i].command)) {
            json_decref(reply);
            reply = json_loads(more[i].reply, JSON_DECODE_ANY, NULL);
        }
    if (json_is_string(reply))
        json_string_set_nocheck(reply, h->text);
    return lie(command, reply, h);
}

Test(files, names_do_not_steer_the_terminal)
{
    static const char *const keys[] = {
        "device", "qdev",  "node-name", "filename", "format",           "status",  "id",
        "name",   "error", "UUID",      "drv",      "backing-filename", "package", "type",
    };
    static const char *const texts[] = {
        "\x1b]0;owned\x07\x1b[2J\x1b[31m",
        "two\nlines\r\n\ttab",
        "\"quotes'`$(touch outside/x)",
        ("\xc2\x9b"
         "31m C1, \xe2\x80\xae turned, \x7f"),
        "%s%n%p",
        "json:{",
        "",
        "a:b:c",
    };
    static const char *const verbs[][2] = {
        {"info", NULL}, {"disks", NULL}, {"chain", NULL}, {"list", NULL},
        {"jobs", NULL}, {"chain", "-j"}, {"jobs", "-j"},  {"create", "-n"},
    };

    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
            struct hostile h = {.before = PICTURE,
                                .lie = lie_of_all,
                                .key = keys[k],
                                .text = texts[t],
                                .timeout = "5"};

            hostile_set(&h);
            for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
                struct hostile_end end = hostile_run(&h, verbs[v][0], verbs[v][1], NULL);
                hostile_end_done(&end);
            }
        }
    hostile_tell("names with escapes, lines, quotes, colons");
}

/* A NUL in a name: what is after it does not count, or the reply is refused. */
static void nul_in_names(int fd, const char *message, const struct hostile *h)
{
    const char *at = strstr(message, ".qcow2");

    hostile_send(fd, message, at ? (size_t)(at - message) : strlen(message));
    if (at) {
        hostile_send(fd, "\\u0000\\u001b[2J", 13);
        hostile_send(fd, at, strlen(at));
    }
}

Test(files, names_do_not_end_early)
{
    struct hostile h = {.before = PICTURE, .twist = nul_in_names, .timeout = "5"};

    hostile_try_all(&h);
    hostile_tell("NULs in names");
}

Test(files, names_that_lie_lead_nowhere)
{
    const char *const lies[] = {
        "outside/passwd",
        "outside/link",
        "outside",
        "/dev/null",
        "/dev/zero",
        "/dev/tty",
        "/proc/self/mem",
        "fifo",
        "link",
        "",
        "/",
        ".",
        "-f",
        "nbd://127.0.0.1:1/x",
        "fat:rw:outside",
        "file:outside/passwd",
        "a:b",
        "a\nb",
        ("json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"outside/"
         "passwd\"}}"),
        "json:{\"file\":{\"file\":{\"file\":",
        "\"'$(touch outside/x)`touch outside/x`",
    };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct hostile h = {
            .before = PICTURE, .lie = lie, .key = "filename", .text = lies[i], .timeout = "5"};

        cr_assert(!mkfifo("fifo", 0600) || !unlink("fifo"));
        hostile_try_all(&h);
    }
    hostile_tell("file names that lie");
}

/* ---- links ---- */

static const char *const targets[] = {"outside/passwd", "outside/nothing", "outside", "/dev/full"};

Test(files, links_at_the_places_we_write_to_are_not_followed)
{
    static const char *const places[] = {
        "b.qcow2.qrewind.json",
        "b.qcow2.qrewind.json.lock",
        "b.qcow2.qrewind.json.new",
        "a.qcow2.qrewind.json.new",
        "a.s9.qcow2",
        "a.s9.vmstate.qcow2",

    };
    struct hostile h = {.before = PICTURE,
                        .turn = "blockdev-snapshot",
                        .then = "disk0: a <- b <- a.s9",
                        .timeout = "5"};

    hostile_set(&h);
    struct hostile_end plain = hostile_run(&h, "create", "s9", NULL);
    cr_assert_eq(plain.code, 0, "%s", plain.err);
    hostile_end_done(&plain);
    for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++)
        for (size_t t = 0; t < sizeof(targets) / sizeof(targets[0]); t++)
            for (int memory = 0; memory <= 1; memory++) {
                hostile_set(&h);
                cr_assert(!symlink(targets[t], places[p]) || !strstr(places[p], "json.lock"));
                struct hostile_end end =
                    hostile_run(&h, "create", "s9", memory ? "--memory" : NULL, NULL);
                cr_expect(end.code != 5 || memory, "%s: %s", places[p], end.err);
                hostile_end_done(&end);
            }
    hostile_tell("links at the places we write to");
}

Test(files, a_link_of_somebody_else_is_no_trace)
{
    struct hostile h = {.before = PICTURE, .timeout = "5"};

    if (geteuid())
        return;
    hostile_set(&h);
    for (size_t t = 0; t < 2; t++) {
        cr_assert(!symlink(targets[t], "trace") && !lchown("trace", 12345, 12345));
        struct hostile_end end = hostile_run(&h, "list", "--trace", "trace", NULL);
        cr_expect_eq(end.code, 1, "%s", end.err);
        hostile_end_done(&end);
        cr_assert(!unlink("trace"));
    }

    /* a link of our own may be one that was laid on purpose */
    cr_assert(!symlink("our-trace", "trace"));
    struct hostile_end end = hostile_run(&h, "list", "--trace", "trace", NULL);
    cr_expect_eq(end.code, 0, "%s", end.err);
    cr_expect_eq(access("our-trace", F_OK), 0);
    hostile_end_done(&end);
    hostile_tell("links in the place of a trace");
}

Test(files, a_lock_that_is_another_file_is_not_written_to)
{
    struct hostile h = {.before = PICTURE};

    hostile_set(&h);
    cr_assert(!link("outside/passwd", "a.qcow2.qrewind.json.lock"));
    struct hostile_end end = hostile_run(&h, "create", "s9", NULL);
    struct stat st;
    cr_expect(!stat("outside/passwd", &st) && st.st_size == 30);
    hostile_end_done(&end);
}
