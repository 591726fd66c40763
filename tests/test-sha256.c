/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hash, against the examples of its standard. */
#include "snapshot/sha256.h"

#include <criterion/criterion.h>
#include <string.h>

/* clang-format off */
static const struct {
    const char *text;
    int times;
    const char *hash;
} cases[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};
/* clang-format on */

Test(sha256, is_that_of_the_standard)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[SHA256_TEXT];
        struct sha256 h;

        sha256_init(&h);
        for (int n = 0; n < cases[i].times; n++)
            sha256_add(&h, cases[i].text, strlen(cases[i].text));
        sha256_end(&h, text);
        cr_expect_str_eq(text, cases[i].hash);
    }
}

Test(sha256, does_not_depend_on_how_the_bytes_come)
{
    char bytes[200], whole[SHA256_TEXT], parts[SHA256_TEXT];
    struct sha256 h;

    memset(bytes, 7, sizeof(bytes));
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        sha256_init(&h);
        sha256_add(&h, bytes, sizeof(bytes));
        sha256_end(&h, whole);
        sha256_init(&h);
        sha256_add(&h, bytes, n);
        sha256_add(&h, bytes + n, sizeof(bytes) - n);
        sha256_end(&h, parts);
        cr_assert_str_eq(whole, parts);
    }
}
