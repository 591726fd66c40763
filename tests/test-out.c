/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text, out, progress: what people and programs read, as tables.
 *
 * The program's objects are in no library: what is under test is included.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.c"
#include "cli/progress-text.c"
#include "cli/text.c"

Test(text, nothing_that_steers_a_terminal_passes)
{
    static const struct {
        const char *in, *want;
    } table[] = {
        {NULL, ""},
        {"", ""},
        {"plain text, \"quoted\" \\ too", "plain text, \"quoted\" \\ too"},
        {"Größe → 日本 🙂", "Größe → 日本 🙂"},
        {"\033[31mred", "\\x1b[31mred"},
        {"a\nb\tc\rd\x7f", "a\\x0ab\\x09c\\x0dd\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\x9b31m"}, /* C1: CSI in one character */
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\\x80\\x9f\xc2\xa0"},
        {"a\xe2\x80\xae"
         "b",
         "a\\u202eb"}, /* right to left from here on */
        {"\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069"},
        {"\xe2\x80\x8f\xd8\x9c", "\\u200f\\u061c"},
        {"\xe2\x80\xa8", "\\u2028"},
        {"\x9b"
         "31m",
         "\\x9b31m"}, /* bytes that are no UTF-8 */
        {"\xff\xfe", "\\xff\\xfe"},
        {"\xc3", "\\xc3"},
        {"\xe2\x80", "\\xe2\\x80"},
        {"\xc0\x9b", "\\xc0\\x9b"}, /* more bytes than it takes */
        {"\xe0\x82\x9b", "\\xe0\\x82\\x9b"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* half of a pair */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        auto_free char *got = text_safe(table[i].in);

        cr_expect_str_eq(got, table[i].want, "%zu: %s", i, got);
    }
}

Test(text, json_stays_the_same_document)
{
    json_auto_t *doc =
        json_pack("{s:s, s:[i, s]}", "a\x1b\x7f", "\xc2\x9b \xe2\x80\xae ü\n", "n", 1, "\"\\");
    auto_free char *plain = json_dumps(doc, JSON_INDENT(2));
    auto_free char *safe = text_safe_json(plain);
    json_auto_t *again = json_loads(safe, 0, NULL);

    cr_expect(json_equal(doc, again), "%s", safe);
    cr_expect_null(strstr(safe, "\x7f"));
    cr_expect_null(strstr(safe, "\xc2\x9b"));
    cr_expect_null(strstr(safe, "\xe2\x80\xae"));
    cr_expect_not_null(strstr(safe, "ü"));
    cr_expect_not_null(strstr(safe, "\n"), "the line breaks between tokens stay");
}

Test(text, sizes_are_iec_with_at_most_one_digit_behind_the_point)
{
    static const struct {
        int64_t bytes;
        const char *want;
    } table[] = {
        {-1, "-"},
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1536, "1.5 KiB"},
        {13107200, "12.5 MiB"},
        {1048575, "1 MiB"}, /* not 1024 KiB */
        {(int64_t)10 << 30, "10 GiB"},
        {(int64_t)3 << 40, "3 TiB"},
        {INT64_MAX, "8 EiB"},
    };
    char buf[TEXT_ROOM];

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        cr_expect_str_eq(text_size(buf, table[i].bytes), table[i].want, "%s", buf);
}

Test(text, durations)
{
    static const struct {
        double ms;
        const char *want;
    } table[] = {
        {0, "0.0 ms"},   {0.744, "0.7 ms"}, {12.4, "12 ms"},       {1234, "1.2 s"},
        {34567, "35 s"}, {119000, "119 s"}, {125000, "2 min 5 s"}, {7200000, "120 min 0 s"},
    };
    char buf[TEXT_ROOM];

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        cr_expect_str_eq(text_ms(buf, table[i].ms), table[i].want, "%s", buf);
}

Test(text, times_are_local_and_nonsense_is_a_dash)
{
    char buf[TEXT_ROOM];

    setenv("TZ", "XYZ-2", 1);
    tzset();
    cr_expect_str_eq(text_time(buf, "2026-11-21T23:30:00.123Z"), "2026-11-22 01:30:00");
    cr_expect_str_eq(text_time(buf, "2026-11-21T23:30:00Z"), "2026-11-22 01:30:00");
    cr_expect_str_eq(text_time(buf, "2026-11-21"), "-");
    cr_expect_str_eq(text_time(buf, "2026-13-41T99:30:00Z"), "-");
    cr_expect_str_eq(text_time(buf, "\033[31m"), "-");
    cr_expect_str_eq(text_time(buf, ""), "-");
    cr_expect_str_eq(text_time(buf, NULL), "-");
}

Test(out, every_kind_of_error_has_its_exit_code)
{
    /* design.md §7; no kind may be without one */
    static const int codes[] = {
        [QMP_ERR_NONE] = 0,    [QMP_ERR_USAGE] = 2,     [QMP_ERR_SYSTEM] = 1,
        [QMP_ERR_CONNECT] = 4, [QMP_ERR_PROTOCOL] = 4,  [QMP_ERR_CLOSED] = 4,
        [QMP_ERR_TIMEOUT] = 6, [QMP_ERR_CANCELLED] = 6, [QMP_ERR_COMMAND] = 1,
        [QRW_ERR_REFUSED] = 1, [QRW_ERR_NOT_FOUND] = 3, [QRW_ERR_UNSUPPORTED] = 7,
        [QRW_ERR_LOCKED] = 8,  [QRW_ERR_INVALID] = 1,   [QRW_ERR_FAILED] = 1,
        [QRW_ERR_UNKNOWN] = 5, [QRW_ERR_WAITING] = 6,
    };

    for (int kind = 0; kind < (int)(sizeof(codes) / sizeof(codes[0])); kind++)
        if (qrw_error_kind_name(kind))
            cr_expect_eq(out_exit_code(kind), codes[kind], "%s", qrw_error_kind_name(kind));
    cr_expect_null(qrw_error_kind_name((int)(sizeof(codes) / sizeof(codes[0]))),
                   "a new kind needs an exit code");
}

/* What @print writes. The caller frees. */
static char *written(void (*print)(FILE *f))
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    print(f);
    fclose(f);
    return text;
}

static void print_lines(FILE *f)
{
    json_auto_t *doc = json_pack("{s:f, s:s}", "ms", 0.74, "name", "a\xc2\x9b");

    out_line(f, "%s: %d", "a\nb\033", 3);
    out_json(f, doc);
}

Test(out, a_line_is_one_line_and_numbers_are_short)
{
    auto_free char *text = written(print_lines);

    cr_expect_str_eq(text, "a\\x0ab\\x1b: 3\n{\"ms\":0.74,\"name\":\"a\\u009b\"}\n");
}

/* ---- progress ---- */

static struct progress begin(void)
{
    return (struct progress){.rate = -1, .sample_ms = -1};
}

static void feed(struct progress *p, const char *job, int64_t offset, int64_t length, int64_t ms)
{
    progress_feed(p, &(struct qrw_progress){.job = job,
                                            .disk = job,
                                            .operation = "commit",
                                            .status = "running",
                                            .offset = offset,
                                            .length = length,
                                            .elapsed_ms = ms});
}

static const int64_t MIB = 1 << 20;

Test(progress, a_line_has_percent_rate_and_the_time_that_is_left)
{
    struct progress p = begin();
    char text[200];

    feed(&p, "vda", 10 * MIB, 100 * MIB, 0);
    progress_text(&p, false, 100, text, sizeof(text));
    cr_expect_str_eq(text, "commit vda   10%", "no rate is known: %s", text);
    feed(&p, "vda", 20 * MIB, 100 * MIB, 1000);
    progress_text(&p, false, 100, text, sizeof(text));
    cr_expect_str_eq(text, "commit vda   20%  10 MiB/s  0:08 left", "%s", text);
}

Test(progress, jobs_that_run_together_are_one)
{
    struct progress p = begin();
    char text[200];

    feed(&p, "vda", 100 * MIB, 100 * MIB, 0);
    feed(&p, "vdb", 0, 100 * MIB, 0);
    progress_text(&p, false, 100, text, sizeof(text));
    cr_expect_str_eq(text, "commit 2 disks   50%", "%s", text);
}

Test(progress, a_bar_fits_any_width)
{
    struct progress p = begin();
    char text[300];

    feed(&p, "vda", 0, 100 * MIB, 0);
    feed(&p, "vda", 50 * MIB, 100 * MIB, 1000);
    progress_text(&p, true, 79, text, sizeof(text));
    cr_expect_str_eq(text,
                     "commit vda  [===============>               ]   50%  50 MiB/s  0:01 left",
                     "%s", text);
    for (size_t width = 1; width < 200; width++) {
        progress_text(&p, true, width, text, sizeof(text));
        cr_expect_leq(strlen(text), width);
    }
}

Test(progress, numbers_that_make_no_sense_do_no_harm)
{
    static const int64_t odd[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    struct progress p = begin();
    char text[200], id[8];

    for (int i = 0; i < 3 * PROGRESS_JOBS; i++) {
        snprintf(id, sizeof(id), "%d", i);
        feed(&p, id, odd[i % 5], odd[i / 5 % 5], i % 7 * 1000);
        progress_text(&p, true, 79, text, sizeof(text));
        cr_expect_leq(strlen(text), 79);
    }
}

Test(progress, a_disk_cannot_steer_the_terminal)
{
    struct progress p = begin();
    char text[200];

    feed(&p, "\033[2J\xc3\xbc", 0, 1, 0);
    progress_text(&p, false, 100, text, sizeof(text));
    cr_expect_str_eq(text, "commit \\x1b[2J??    0%", "%s", text);
}
