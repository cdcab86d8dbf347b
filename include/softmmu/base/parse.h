/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, sizes and switches as text. Pure functions; each takes the whole
 * of @text, and leaves the result alone when it returns false. */
#ifndef SOFTMMU_BASE_PARSE_H
#define SOFTMMU_BASE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal, or with 0x in front hexadecimal; parse_i64 takes one "-". */
bool parse_u64(const char *text, uint64_t *value);
bool parse_i64(const char *text, int64_t *value);
/* Bytes: a number, also with a fraction, and one of the suffixes b k K M G T
 * P E; without a suffix it counts @unit bytes. The result is whole bytes. */
bool parse_size(const char *text, uint64_t unit, uint64_t *bytes);
/* on yes true y, off no false n */
bool parse_bool(const char *text, bool *value);

#endif
