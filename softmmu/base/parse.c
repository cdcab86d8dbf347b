/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "softmmu/base/parse.h"

/* Digits from @text on; false when there is none or they do not fit. */
static bool parse_digits(const char *text, const char **end, uint64_t *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *stop;

    text += hex ? 2 : 0;
    if (!(hex ? g_ascii_isxdigit(text[0]) : g_ascii_isdigit(text[0]))) {
        return false; /* strtoull would take blanks and signs */
    }
    errno = 0;
    *value = strtoull(text, &stop, hex ? 16 : 10);
    *end = stop;
    return errno == 0;
}

bool parse_u64(const char *text, uint64_t *value)
{
    const char *end;
    uint64_t v;

    if (!parse_digits(text, &end, &v) || *end != '\0') {
        return false;
    }
    *value = v;
    return true;
}

bool parse_i64(const char *text, int64_t *value)
{
    bool minus = text[0] == '-';
    uint64_t v;

    if (!parse_u64(text + minus, &v) || v > (uint64_t)INT64_MAX + minus) {
        return false;
    }
    *value = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* The fraction "." digits at @text in units of @unit; false when it is not a
 * whole number of bytes or has more digits than we can hold. */
static bool parse_fraction(const char *text, const char **end, uint64_t *num,
                           uint64_t *den)
{
    *num = 0;
    *den = 1;
    if (*text == '.') {
        if (!g_ascii_isdigit(*++text)) {
            return false;
        }
        for (; g_ascii_isdigit(*text); text++) {
            if (*den > UINT64_C(100000000000000000)) {
                return false;
            }
            *num = *num * 10 + (*text - '0');
            *den *= 10;
        }
    }
    *end = text;
    return true;
}

/* The factor of a suffix; 0: not one. */
static uint64_t suffix_unit(const char *text, uint64_t unit)
{
    static const char letters[] = "BKMGTPE";
    const char *found;

    if (*text == '\0') {
        return unit;
    }
    found = strchr(letters, g_ascii_toupper(*text));
    return found && text[1] == '\0' ? UINT64_C(1) << (10 * (found - letters))
                                    : 0;
}

bool parse_size(const char *text, uint64_t unit, uint64_t *bytes)
{
    uint64_t whole, num, den;
    unsigned __int128 total, part;
    const char *end;

    if (!parse_digits(text, &end, &whole) ||
        !parse_fraction(end, &end, &num, &den)) {
        return false;
    }
    unit = suffix_unit(end, unit);
    part = (unsigned __int128)num * unit;
    total = (unsigned __int128)whole * unit + part / den;
    if (unit == 0 || (unit == 1 && num != 0) || total > UINT64_MAX) {
        return false;
    }
    *bytes = total;
    return true;
}

bool parse_bool(const char *text, bool *value)
{
    static const char *const words[] = { "off",   "on",   "no", "yes",
                                         "false", "true", "n",  "y" };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *value = i & 1;
            return true;
        }
    }
    return false;
}
