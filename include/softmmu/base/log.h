/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of `-d` and `-D`. One per process: the mask is the only state, it
 * is atomic, and a line is written whole (DECISIONS 54). Any thread.
 */
#ifndef SOFTMMU_BASE_LOG_H
#define SOFTMMU_BASE_LOG_H

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Error Error;

/* Names and help of the classes: log_classes(). */
typedef enum LogClass {
    LOG_IN_ASM = 1u << 0,
    LOG_OP = 1u << 1,
    LOG_OP_OPT = 1u << 2,
    LOG_OUT_ASM = 1u << 3,
    LOG_INT = 1u << 4,
    LOG_EXEC = 1u << 5,
    LOG_CPU = 1u << 6,
    LOG_MMU = 1u << 7,
    LOG_GUEST_ERRORS = 1u << 8,
    LOG_UNIMP = 1u << 9,
    LOG_PAGE = 1u << 10,
    LOG_PCALL = 1u << 11,
    LOG_CPU_RESET = 1u << 12,
    LOG_NOCHAIN = 1u << 13,
    LOG_FPU = 1u << 14,
    LOG_STRACE = 1u << 15,
    LOG_TRACE = 1u << 16, /* lines of trace events */
} LogClass;

typedef struct LogClassInfo {
    LogClass bit;
    const char *name;
    const char *help;
} LogClassInfo;

/* All classes, ended by a NULL name. */
const LogClassInfo *log_classes(void);

extern _Atomic uint32_t log_mask; /* written by log_set_mask only */

static inline bool log_on(LogClass classes)
{
    return (atomic_load_explicit(&log_mask, memory_order_relaxed) & classes) !=
           0;
}

void log_set_mask(uint32_t classes);
/* Parse "-d" text, e.g. "int,mmu,trace:pl011_*"; "help" is for the caller. */
bool log_parse(const char *text, uint32_t *classes, Error **errp);
/* Log to @path from now on, NULL for stderr; "%d" in it is the thread id. */
bool log_open(const char *path, Error **errp);

/* Write when one of @classes is on. The text ends with its own newline. */
void log_write(LogClass classes, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/*
 * log_guest_error: the guest did what its hardware does not define. Class
 * guest_errors, limited to 100 lines a second a process (STYLE 8).
 */
void log_guest_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

#endif
