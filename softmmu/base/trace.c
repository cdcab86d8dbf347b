/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <time.h>

#include "softmmu/base/trace.h"

bool trace_enable(const char *pattern, Error **errp)
{
    bool on = pattern[0] != '-';
    const char *glob = on ? pattern : pattern + 1;
    bool found = false;

    for (TraceEvent *const *ev = trace_events_all; *ev; ev++) {
        if (g_pattern_match_simple(glob, (*ev)->name)) {
            atomic_store_explicit(&(*ev)->on, on, memory_order_relaxed);
            found = true;
        }
    }
    if (!found) {
        error_set(errp, "no trace event matches '%s'", glob);
    }
    return found;
}

void trace_write(const TraceEvent *ev, const char *fmt, ...)
{
    g_autofree char *body = NULL;
    struct timespec now;
    va_list ap;

    va_start(ap, fmt);
    body = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    clock_gettime(CLOCK_REALTIME, &now);
    log_write(LOG_TRACE, "%ld.%06ld %s %s\n", (long)now.tv_sec,
              now.tv_nsec / 1000, ev->name, body);
}
