/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Option text: key=value lists, JSON, numbers and sizes, log classes. Each
 * gives a value or one error, and what was parsed prints as JSON again.
 */
#include "tests/fuzz/fuzz.h"

#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"

static void check(json_object *value, Error *err)
{
    g_assert_true((value == NULL) == (err != NULL));
    if (value) {
        g_assert_nonnull(json_object_to_json_string(value));
        keyval_wants_help(value);
        json_object_put(value);
    } else {
        g_assert_cmpstr(error_text(err), !=, "");
    }
    error_free(err);
}

static void check_json(const char *text, size_t len)
{
    Error *err = NULL;
    json_object *value = json_parse_text(text, len, &err);

    /* JSON null is a value without an object. */
    g_assert_true(value == NULL || err == NULL);
    if (value) {
        json_object_put(value);
    }
    error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    uint64_t u = 7, bytes = 7;
    uint32_t mask;
    int64_t i = 7;
    bool b;
    Error *err = NULL;
    json_object *value = keyval_parse(text, "implied", &err);

    check(value, err);
    err = NULL;
    value = keyval_parse(text, NULL, &err);
    check(value, err);
    check_json((const char *)data, size);
    g_assert_true(parse_u64(text, &u) || u == 7);
    g_assert_true(parse_i64(text, &i) || i == 7);
    g_assert_true(parse_size(text, MiB, &bytes) || bytes == 7);
    parse_bool(text, &b);
    if (strstr(text, "trace:") == NULL) { /* that one switches events on */
        err = NULL;
        g_assert_true(log_parse(text, &mask, &err) == (err == NULL));
        error_free(err);
    }
    return 0;
}
