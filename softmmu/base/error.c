/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

struct Error {
    ErrorClass cls;
    char *text;
    GString *hints;
};

/* Set once by main before any thread exists, constant after. */
static const char *program = "tandem";

void error_set_program(const char *name)
{
    program = name;
}

const char *error_program(void)
{
    return program;
}

static void error_vset(Error **errp, ErrorClass cls, int err, const char *fmt,
                       va_list ap)
{
    Error *e;

    if (errp == NULL) {
        return;
    }
    assert(*errp == NULL);
    e = g_new0(Error, 1);
    e->cls = cls;
    e->text = g_strdup_vprintf(fmt, ap);
    if (err != 0) {
        char *full = g_strdup_printf("%s: %s", e->text, g_strerror(err));

        g_free(e->text);
        e->text = full;
    }
    *errp = e;
}

void error_set(Error **errp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vset(errp, ERROR_GENERIC_ERROR, 0, fmt, ap);
    va_end(ap);
}

void error_set_class(Error **errp, ErrorClass cls, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vset(errp, cls, 0, fmt, ap);
    va_end(ap);
}

void error_set_errno(Error **errp, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vset(errp, ERROR_GENERIC_ERROR, err, fmt, ap);
    va_end(ap);
}

void error_hint(Error **errp, const char *fmt, ...)
{
    va_list ap;

    if (errp == NULL || *errp == NULL) {
        return;
    }
    if ((*errp)->hints == NULL) {
        (*errp)->hints = g_string_new(NULL);
    }
    va_start(ap, fmt);
    g_string_append_vprintf((*errp)->hints, fmt, ap);
    va_end(ap);
    g_string_append_c((*errp)->hints, '\n');
}

void error_prefix(Error **errp, const char *fmt, ...)
{
    g_autofree char *prefix = NULL;
    char *full;
    va_list ap;

    if (errp == NULL || *errp == NULL) {
        return;
    }
    va_start(ap, fmt);
    prefix = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    full = g_strconcat(prefix, (*errp)->text, NULL);
    g_free((*errp)->text);
    (*errp)->text = full;
}

void error_move(Error **dst, Error *src)
{
    if (dst == NULL || *dst != NULL) {
        error_free(src);
    } else {
        *dst = src;
    }
}

const char *error_text(const Error *err)
{
    return err->text;
}

const char *error_hints(const Error *err)
{
    return err->hints ? err->hints->str : "";
}

ErrorClass error_class(const Error *err)
{
    return err->cls;
}

const char *error_class_name(ErrorClass cls)
{
    static const char *const names[ERROR_CLASS_COUNT] = {
        [ERROR_GENERIC_ERROR] = "GenericError",
        [ERROR_COMMAND_NOT_FOUND] = "CommandNotFound",
        [ERROR_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
        [ERROR_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [ERROR_KVM_MISSING_CAP] = "KVMMissingCap",
    };

    return names[cls];
}

void error_free(Error *err)
{
    if (err == NULL) {
        return;
    }
    g_free(err->text);
    if (err->hints) {
        g_string_free(err->hints, TRUE);
    }
    g_free(err);
}

/* -msg; set once at start. */
static bool with_timestamp;
static char *guest_name;

void error_set_format(bool timestamp, const char *name)
{
    with_timestamp = timestamp;
    g_free(guest_name);
    guest_name = g_strdup(name);
}

/* What stands before the sentence. */
static char *line_start(void)
{
    g_autofree char *stamp = NULL;

    if (with_timestamp) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();

        stamp = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ ");
    }
    return g_strdup_printf("%s%s%s%s: ", stamp ? stamp : "",
                           guest_name ? guest_name : "", guest_name ? " " : "",
                           program);
}

void error_report(const Error *err)
{
    g_autofree char *start = line_start();
    g_autofree char *text =
        g_strdup_printf("%s%s\n%s", start, err->text, error_hints(err));

    fputs(text, stderr); /* one call: whole among other writers' lines */
}

void warn_report(const char *fmt, ...)
{
    g_autofree char *body = NULL;
    g_autofree char *line = NULL;
    g_autofree char *start = line_start();
    va_list ap;

    va_start(ap, fmt);
    body = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    line = g_strdup_printf("%swarning: %s\n", start, body);
    fputs(line, stderr);
}

/* Levenshtein distance, for names of at most 63 bytes; else SIZE_MAX. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[64], na = strlen(a), nb = strlen(b);

    if (na >= ARRAY_SIZE(row) || nb >= ARRAY_SIZE(row)) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= nb; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t above = row[j];
            size_t change = diagonal + (a[i - 1] != b[j - 1]);

            row[j] = MIN(change, MIN(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[nb];
}

void error_suggest(Error **errp, const char *given, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = strlen(given) / 3 + 2; /* further is noise */

    for (; *names != NULL; names++) {
        size_t d = edit_distance(given, *names);

        if (d < best_distance) {
            best_distance = d;
            best = *names;
        }
    }
    if (best) {
        error_hint(errp, "did you mean '%s'?", best);
    }
}
