/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace events. Each folder's `trace-events` lists lines such as
 *
 *     pl011_tx(uint8_t byte) "byte 0x%02x"
 *
 * from which scripts/trace.py makes "trace_<folder>.h" (hw/char gives
 * "trace_hw_char.h") with an inline trace_pl011_tx(byte). An event that is
 * off costs one load and a predictable branch (DECISIONS 54). Any thread.
 */
#ifndef SOFTMMU_BASE_TRACE_H
#define SOFTMMU_BASE_TRACE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Error Error;

typedef struct TraceEvent {
    const char *name;
    const char *args; /* as in the trace-events file */
    _Atomic uint8_t on;
} TraceEvent;

/* Every event of the program, NULL-terminated; made by scripts/trace.py. */
extern TraceEvent *const trace_events_all[];

/* Write one line; called by generated code when the event is on. */
void trace_write(const TraceEvent *ev, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* Set events that match the glob @pattern, "-pattern" clears; error if none
 * matches. The mask of log classes is the caller's to set. */
bool trace_enable(const char *pattern, Error **errp);

#endif
