/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, sizes and switches as text. */
#include "tandem/base.h"

#include "softmmu/base/parse.h"

static void whole_texts_are_numbers_or_nothing(void)
{
    static const char *const bad[] = {
        "",   " 1", "1 ", "+1",  "-1",
        "0x", "1x", "x",  "0xg", "18446744073709551616"
    };
    uint64_t v = 77;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_assert_false(parse_u64(bad[i], &v));
    }
    g_assert_cmpuint(v, ==, 77); /* left alone */
    g_assert_true(parse_u64("18446744073709551615", &v));
    g_assert_cmpuint(v, ==, UINT64_MAX);
    g_assert_true(parse_u64("0XfF", &v));
    g_assert_cmpuint(v, ==, 255);
    g_assert_true(parse_u64("010", &v));
    g_assert_cmpuint(v, ==, 10);
}

static void signed_numbers_keep_to_their_range(void)
{
    int64_t v = 77;

    g_assert_true(parse_i64("-9223372036854775808", &v));
    g_assert_cmpint(v, ==, INT64_MIN);
    g_assert_true(parse_i64("9223372036854775807", &v));
    g_assert_cmpint(v, ==, INT64_MAX);
    g_assert_false(parse_i64("9223372036854775808", &v));
    g_assert_false(parse_i64("-9223372036854775809", &v));
    g_assert_false(parse_i64("--1", &v));
    g_assert_cmpint(v, ==, INT64_MAX);
}

static void sizes_take_suffixes_and_exact_fractions(void)
{
    static const struct {
        const char *text;
        uint64_t unit, bytes;
    } good[] = {
        { "0", 1, 0 },
        { "512", MiB, 512 * MiB },
        { "512", 1, 512 },
        { "4k", MiB, 4096 },
        { "4K", 1, 4096 },
        { "7b", MiB, 7 },
        { "1.5G", 1, 1536 * MiB },
        { "0.25M", 1, 262144 },
        { "0x1000", 1, 4096 },
        { "2.5", MiB, 2621440 },
        { "15E", 1, UINT64_C(15) << 60 },
        { "1T", 1, UINT64_C(1) << 40 },
        { "3P", 1, UINT64_C(3) << 50 },
    };
    static const char *const bad[] = {
        "",    "k",  "-1",   "1.5", "16E", "1.k",
        "4kk", "4q", "1..5", ".5k", "1e3", "4 k"
    };
    uint64_t v = 0;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        g_assert_true(parse_size(good[i].text, good[i].unit, &v));
        g_assert_cmpuint(v, ==, good[i].bytes);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_assert_false(parse_size(bad[i], 1, &v));
    }
}

static void switches_have_eight_words(void)
{
    bool v = false;

    g_assert_true(parse_bool("on", &v) && v);
    g_assert_true(parse_bool("no", &v) && !v);
    g_assert_true(parse_bool("y", &v) && v);
    g_assert_true(parse_bool("false", &v) && !v);
    g_assert_false(parse_bool("ON", &v));
    g_assert_false(parse_bool("1", &v));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/parse/" #f, f)
    T(whole_texts_are_numbers_or_nothing);
    T(signed_numbers_keep_to_their_range);
    T(sizes_take_suffixes_and_exact_fractions);
    T(switches_have_eight_words);
#undef T
    return g_test_run();
}
