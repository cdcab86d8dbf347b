/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <sys/syscall.h>
#include <time.h>

#include "softmmu/base/lock.h"
#include "softmmu/base/trace.h"

_Atomic uint32_t log_mask;

/* The process's one log file; leaf lock. NULL file: stderr. */
static Lock log_lock = LOCK_INIT;
static FILE *log_file;
static char *log_pattern; /* a path with "%d": one file a thread */
static _Thread_local FILE *log_thread_file;

static const LogClassInfo classes[] = {
    { LOG_IN_ASM, "in_asm", "guest instructions of each translated unit" },
    { LOG_OP, "op", "intermediate code as the front end built it" },
    { LOG_OP_OPT, "op_opt", "intermediate code after the passes" },
    { LOG_OUT_ASM, "out_asm", "host instructions of each unit" },
    { LOG_INT, "int", "interrupts and exceptions taken" },
    { LOG_EXEC, "exec", "each unit before it is entered" },
    { LOG_CPU, "cpu", "registers before each unit is entered" },
    { LOG_MMU, "mmu", "page walks and TLB fills" },
    { LOG_GUEST_ERRORS, "guest_errors", "invalid requests of the guest" },
    { LOG_UNIMP, "unimp", "accesses to what is not modelled" },
    { LOG_PAGE, "page", "guest memory layout changes" },
    { LOG_PCALL, "pcall", "privilege transitions" },
    { LOG_CPU_RESET, "cpu_reset", "registers before each CPU reset" },
    { LOG_NOCHAIN, "nochain", "leave after each unit, so that exec is full" },
    { LOG_FPU, "fpu", "with cpu: floating-point registers too" },
    { LOG_STRACE, "strace", "semihosting calls of the guest" },
    { 0, NULL, NULL },
};

const LogClassInfo *log_classes(void)
{
    return classes;
}

void log_set_mask(uint32_t mask)
{
    atomic_store_explicit(&log_mask, mask, memory_order_relaxed);
}

static bool log_parse_one(const char *word, uint32_t *mask, Error **errp)
{
    const char *names[ARRAY_SIZE(classes)] = { NULL };

    if (g_str_has_prefix(word, "trace:")) {
        *mask |= LOG_TRACE;
        return trace_enable(word + strlen("trace:"), errp);
    }
    if (strcmp(word, "all") == 0) {
        for (const LogClassInfo *c = classes; c->name; c++) {
            *mask |= c->bit;
        }
        return true;
    }
    for (size_t i = 0; classes[i].name; i++) {
        names[i] = classes[i].name;
        if (strcmp(word, classes[i].name) == 0) {
            *mask |= classes[i].bit;
            return true;
        }
    }
    error_set(errp, "'%s' is not a log class", word);
    error_suggest(errp, word, names);
    return false;
}

bool log_parse(const char *text, uint32_t *mask, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);

    *mask = 0;
    for (char **w = words; *w; w++) {
        if (!log_parse_one(*w, mask, errp)) {
            return false;
        }
    }
    return true;
}

/* Is @path free of conversions but at most one %d? */
static bool log_pattern_valid(const char *path)
{
    const char *p = strchr(path, '%');

    return p == NULL || (p[1] == 'd' && strchr(p + 1, '%') == NULL);
}

static FILE *log_open_thread(const char *pattern)
{
    const char *mark = strstr(pattern, "%d");
    g_autofree char *path =
        g_strdup_printf("%.*s%ld%s", (int)(mark - pattern), pattern,
                        (long)syscall(SYS_gettid), mark + 2);

    return fopen(path, "we");
}

bool log_open(const char *path, Error **errp)
{
    FILE *file = NULL;

    if (path && !log_pattern_valid(path)) {
        error_set(errp,
                  "log file name '%s' has a conversion other than one "
                  "%%d",
                  path);
        return false;
    }
    if (path && strchr(path, '%') == NULL) {
        file = fopen(path, "we");
        if (file == NULL) {
            error_set_errno(errp, errno, "cannot open log file '%s'", path);
            return false;
        }
    }
    LOCK_GUARD(&log_lock);
    if (log_file) {
        fclose(log_file);
    }
    log_file = file;
    g_free(log_pattern);
    log_pattern = path && file == NULL ? g_strdup(path) : NULL;
    return true;
}

static void log_put(const char *text)
{
    FILE *out;

    LOCK_GUARD(&log_lock);
    out = log_file ? log_file : stderr;
    if (log_pattern) {
        if (log_thread_file == NULL) {
            log_thread_file = log_open_thread(log_pattern);
        }
        out = log_thread_file ? log_thread_file : stderr;
    }
    fputs(text, out);
    fflush(out);
}

void log_write(LogClass mask, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (!log_on(mask)) {
        return;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_put(text);
}

/* At most 100 lines in each second of the host's clock. */
static bool guest_error_allowed(void)
{
    static _Atomic int64_t second;
    static _Atomic int count;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (atomic_exchange(&second, now.tv_sec) != now.tv_sec) {
        atomic_store(&count, 0);
    }
    return atomic_fetch_add(&count, 1) < 100;
}

void log_guest_error(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (!log_on(LOG_GUEST_ERRORS) || !guest_error_allowed()) {
        return;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_put(text);
}
