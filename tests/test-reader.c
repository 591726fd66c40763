/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-reader: byte streams in, messages out. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "qmp/reader.h"

/* What comes out is written down as messages parted by "|"; an error ends it as "E:text". */
static char *read_all(const char *bytes, size_t n, size_t piece, size_t max, unsigned depth)
{
    struct reader r;
    struct reader_message m;
    struct qmp_error err;
    char *out = mem_strdup("");
    int rc = 0;

    reader_init(&r, max, depth);
    for (size_t at = 0; at < n && rc >= 0; at += piece) {
        /* a copy of its own, so that a read past it is seen */
        size_t part = n - at < piece ? n - at : piece;
        auto_free char *copy = mem_alloc(part);

        memcpy(copy, bytes + at, part);
        reader_feed(&r, copy, part);
        while ((rc = reader_next(&r, &m, &err)) > 0) {
            auto_free char *before = out, *text = json_dumps(m.json, JSON_COMPACT);

            out = mem_printf("%s%s%s", before, *before ? "|" : "", text);
            json_decref(m.json);
        }
    }
    if (rc < 0) {
        auto_free char *before = out;

        cr_assert_eq(err.kind, QMP_ERR_PROTOCOL);
        out = mem_printf("%s%sE:%s", before, *before ? "|" : "", err.desc);
    }
    reader_done(&r);
    return out;
}

/* clang-format off */
static const struct {
    const char *what, *bytes, *want; /* want: up to where it ends, for errors */
    size_t max;
    unsigned depth;
} table[] = {
    {"nothing", "", "", 0, 0},
    {"one line", "{\"a\":1}\r\n", "{\"a\":1}", 0, 0},
    {"no line end at all", "{\"a\":1}{\"b\":2}{}", "{\"a\":1}|{\"b\":2}|{}", 0, 0},
    {"pretty=on", "{\r\n    \"return\": [\r\n        {\r\n        }\r\n    ]\r\n}\r\n", "{\"return\":[{}]}", 0, 0},
    {"space of every kind between", " \t\r\n{}\n\n\n\t {}  ", "{}|{}", 0, 0},
    {"half a message is none", "{\"a\":{}", "", 0, 0},
    {"braces in strings", "{\"a\":\"}{]\"}{\"b\":\"[[[\"}", "{\"a\":\"}{]\"}|{\"b\":\"[[[\"}", 0, 0},
    {"quotes in strings", "{\"a\":\"\\\"}\",\"b\":\"\\\\\"}{}", "{\"a\":\"\\\"}\",\"b\":\"\\\\\"}|{}", 0, 0},
    {"NUL in a string", "{\"a\":\"x\\u0000y\"}", "{\"a\":\"x\\u0000y\"}", 0, 0},
    {"the largest integer", "{\"a\":9223372036854775807}", "{\"a\":9223372036854775807}", 0, 0},
    {"one more loses nothing", "{\"a\":9223372036854775808,\"id\":7}", "{\"a\":9.2233720368547758e18,\"id\":7.0}", 0, 0},
    {"a huge number of digits", "{\"a\":-99999999999999999999999999}{}", "{\"a\":-1e26}|{}", 0, 0},
    {"a real too large", "{\"a\":1e999}", "E:bad JSON (real number overflow", 0, 0},
    {"not JSON", "HTTP/1.1 400 Bad Request\r\n", "E:not a JSON object: \"H", 0, 0},
    {"an array at the top", "[1]", "E:not a JSON object: \"[", 0, 0},
    {"a string at the top", "\"x\"", "E:not a JSON object: \"\"", 0, 0},
    {"a closing brace at the top", "{}}", "{}|E:not a JSON object: \"}", 0, 0},
    {"control bytes are not shown raw", "\033[2J", "E:not a JSON object: \"\\x1b", 0, 0},
    {"a NUL between messages", "{}\0", "{}|E:not a JSON object: \"\\x00", 0, 0},
    {"brackets that do not match", "{\"a\":[}]", "E:bad JSON (", 0, 0},
    {"a word that is none", "{\"a\":nul}", "E:bad JSON (", 0, 0},
    {"bytes that are not UTF-8", "{\"a\":\"\xff\xfe\"}", "E:bad JSON (", 0, 0},
    {"a raw newline in a string", "{\"a\":\"\n\"}", "E:bad JSON (", 0, 0},
    {"exactly as long as allowed", "{\"a\":123}  {\"a\":12}", "{\"a\":123}|{\"a\":12}", 9, 0},
    {"longer than allowed", "{\"a\":1234}", "E:a message is too long: \"{", 9, 0},
    {"longer than allowed, inside a string", "{\"a\":\"xxxxxx", "E:a message is too long: \"{", 9, 0},
    {"exactly as deep as allowed", "{\"a\":[{}]}", "{\"a\":[{}]}", 0, 3},
    {"deeper than allowed", "{\"a\":[{\"b\":[]}]}", "E:a message is nested too deeply: \"{", 0, 3},
    {"depth counts from each message anew", "{\"a\":{}}{\"a\":{}}", "{\"a\":{}}|{\"a\":{}}", 0, 2},
};
/* clang-format on */

static void check_table(size_t piece)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        size_t n = strlen(table[i].bytes) + !strcmp(table[i].what, "a NUL between messages");
        auto_free char *got = read_all(table[i].bytes, n, piece, table[i].max, table[i].depth);
        const char *error = strstr(table[i].want, "E:");

        if (error)
            cr_expect(!strncmp(got, table[i].want, strlen(table[i].want)), "%s: %s", table[i].what,
                      got);
        else
            cr_expect_str_eq(got, table[i].want, "%s: %s", table[i].what, got);
    }
}

Test(reader, messages_are_cut_out_of_a_stream)
{
    check_table(1 << 20);
}

Test(reader, it_does_not_matter_in_which_pieces_the_bytes_come)
{
    check_table(1);
    check_table(2);
    check_table(7);
}

Test(reader, an_error_quotes_the_first_bytes_and_stays)
{
    struct reader r;
    struct reader_message m;
    struct qmp_error err;

    reader_init(&r, 0, 0);
    reader_feed(
        &r, "SSH-2.0-OpenSSH_9.2 and a lot of words that come after it, up to the last of them\r\n",
        83);
    cr_assert_eq(reader_next(&r, &m, &err), -1);
    cr_expect_str_eq(err.desc,
                     "not a JSON object: \"SSH-2.0-OpenSSH_9.2 and a lot of words that come "
                     "after it, up to the las...\"");
    memset(&err, 0, sizeof(err));
    reader_feed(&r, "{}", 2);
    cr_assert_eq(reader_next(&r, &m, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_PROTOCOL);
    cr_assert_eq(reader_next(&r, &m, NULL), -1);
    reader_done(&r);
}

Test(reader, the_monitor_for_people_is_recognized)
{
    struct reader r;
    struct reader_message m;
    struct qmp_error err;

    reader_init(&r, 0, 0);
    reader_feed(&r, "QEMU 7.2.22 monitor - type 'help'", 33);
    cr_assert_eq(reader_next(&r, &m, &err), -1);
    cr_expect(strstr(err.hint, "-qmp"));
    reader_done(&r);
}

Test(reader, the_raw_text_of_a_message_is_there)
{
    static const char bytes[] = "  {\"a\":  1}\r\n {\"b\"";
    struct reader r;
    struct reader_message m;

    reader_init(&r, 0, 0);
    reader_feed(&r, bytes, sizeof(bytes) - 1);
    cr_assert_eq(reader_next(&r, &m, NULL), 1);
    cr_expect_eq(m.len, 9);
    cr_expect_arr_eq(m.text, "{\"a\":  1}", 9);
    json_decref(m.json);
    reader_done(&r);
}

/* {"a":"xxx…"} of @len bytes, in pieces as a socket gives them. */
static void feed_long(struct reader *r, size_t len)
{
    char piece[4096];

    memset(piece, 'x', sizeof(piece));
    reader_feed(r, "{\"a\":\"", 6);
    for (size_t left = len - 8; left;) {
        size_t n = left < sizeof(piece) ? left : sizeof(piece);
        struct reader_message m;

        reader_feed(r, piece, n);
        cr_assert_eq(reader_next(r, &m, NULL), 0);
        cr_assert_eq(r->scan, r->end, "every byte is looked at once, as it comes");
        left -= n;
    }
    reader_feed(r, "\"}", 2);
}

Test(reader, memory_is_given_back_after_a_huge_message)
{
    struct reader r;
    struct reader_message m;

    reader_init(&r, 0, 0);
    feed_long(&r, 8 << 20);
    reader_feed(&r, "{\"b\"", 4);
    cr_assert_eq(reader_next(&r, &m, NULL), 1);
    cr_expect_eq(m.len, 8 << 20);
    json_decref(m.json);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(reader_next(&r, &m, NULL), 0);
    cr_expect_leq(r.size, 16384);
    reader_feed(&r, ":1}", 3);
    cr_assert_eq(reader_next(&r, &m, NULL), 1);
    cr_expect_eq(json_integer_value(json_object_get(m.json, "b")), 1);
    json_decref(m.json);
    cr_assert_eq(reader_next(&r, &m, NULL), 0);
    cr_expect_null(r.buf, "an idle reader owns no buffer");
    reader_done(&r);
}

Test(reader, a_stream_that_never_stops_needs_no_more_than_its_longest_message)
{
    struct reader r;
    struct reader_message m;
    unsigned count = 0;

    reader_init(&r, 0, 0);
    /* always the beginning of the next message is there too, so the buffer is never empty */
    reader_feed(&r, "{\"a\":\"0123456789\"", 17);
    for (int i = 0; i < 100000; i++) {
        reader_feed(&r, "}{\"a\":\"0123456789\"", 18);
        while (reader_next(&r, &m, NULL) > 0) {
            count++;
            json_decref(m.json);
        }
    }
    cr_expect_eq(count, 100000);
    cr_expect_leq(r.size, 4096);
    reader_done(&r);
}
