/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors as values. A function that can fail on the host's side takes
 * `Error **errp` last and returns false or NULL exactly when it set it.
 * One sentence without full stop; hints are further lines for a terminal
 * (DECISIONS 15). Any thread; an Error belongs to one owner.
 */
#ifndef SOFTMMU_BASE_ERROR_H
#define SOFTMMU_BASE_ERROR_H

#include <glib.h>
#include <stdbool.h>

typedef struct Error Error;

/* QMP error classes, by their wire names in error_class_name(). */
typedef enum ErrorClass {
    ERROR_GENERIC_ERROR,
    ERROR_COMMAND_NOT_FOUND,
    ERROR_DEVICE_NOT_ACTIVE,
    ERROR_DEVICE_NOT_FOUND,
    ERROR_KVM_MISSING_CAP,
    ERROR_CLASS_COUNT,
} ErrorClass;

/*
 * error_set: make a GenericError. @errp may be NULL (the caller does not
 * care); *errp must be NULL: a second error over a first is our own bug.
 */
void error_set(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void error_set_class(Error **errp, ErrorClass cls, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
/* The text is followed by ": " and strerror(@err); @err is positive. */
void error_set_errno(Error **errp, int err, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* Add one line for the terminal; nothing when @errp or *errp is NULL. */
void error_hint(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Put text before the sentence, such as "-device nosuch: ". */
void error_prefix(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Move @src to *@dst, or free it when @dst is NULL or already set. */
void error_move(Error **dst, Error *src);

const char *error_text(const Error *err);
/* All hint lines, each ended by a newline; "" when there is none. */
const char *error_hints(const Error *err);
ErrorClass error_class(const Error *err);
const char *error_class_name(ErrorClass cls);
void error_free(Error *err);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Error, error_free)

/*
 * The two lines that reach stderr, with the program's name in front:
 * "<program>: <sentence>" and hints; "<program>: warning: <sentence>".
 */
void error_report(const Error *err);
void warn_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* -msg: a time in front of each line, and the guest's name (NULL: none). */
void error_set_format(bool timestamp, const char *guest_name);
/* "<program>: info: ..." is not a thing: what is not asked for is not said. */

/* The name in front; main sets it once, before any thread exists. */
void error_set_program(const char *name);
const char *error_program(void);

/*
 * error_suggest: add the hint "did you mean 'x'?" for the closest of @names
 * (NULL-terminated) to @given; nothing when none is close.
 */
void error_suggest(Error **errp, const char *given, const char *const *names);

#endif
