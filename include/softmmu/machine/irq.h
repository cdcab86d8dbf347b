/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines: levels on wires (DECISIONS 28). A device owns its output
 * lines; a board connects each to an input. All under the machine lock, but
 * for the inputs of a CPU, which any thread may set (cpu_set_irq).
 */
#ifndef SOFTMMU_MACHINE_IRQ_H
#define SOFTMMU_MACHINE_IRQ_H

#include "tandem/base.h"

typedef struct DeviceState DeviceState;

/* Input @n of the device that @opaque is saw @level. */
typedef void IrqHandler(void *opaque, int n, bool level);

typedef struct IrqLine {
    IrqHandler *fn; /* NULL: not connected */
    void *opaque;
    int n;
    bool level; /* as last driven; the driver's state saves what it needs */
} IrqLine;

/*
 * A level that any thread may raise, by a descriptor: writes to .fd raise the
 * line by themselves while .bound is set, which who takes the line sees to
 * (device_irq_fd()); else .drive is called in the main loop for a write.
 */
typedef struct IrqFd {
    /* the source's: constant while it is attached */
    int fd; /* an eventfd, non-blocking; written when .up turned true */
    /* Machine lock: is up what writes to .fd tell of? At the end of an
     * interrupt that still is raises the line again. */
    bool (*up)(void *opaque);
    /* Machine lock: irq_set() as the source's state and .bound are now: what
     * .fd tells of is part of the level only when it is not bound. */
    void (*drive)(void *opaque);
    void *opaque;
    /* the other end's: machine lock */
    bool bound;
    DeviceState *to; /* NULL: attached to nobody */
    int n;           /* its input */
} IrqFd;

static inline void irq_connect(IrqLine *line, IrqHandler *fn, void *opaque,
                               int n)
{
    *line = (IrqLine){ fn, opaque, n, false };
}

/* Drive @line; the other end hears of changes only. */
static inline void irq_set(IrqLine *line, bool level)
{
    if (line->level != level) {
        line->level = level;
        if (line->fn) {
            line->fn(line->opaque, line->n, level);
        }
    }
}

/* For edge-like sources only. */
static inline void irq_pulse(IrqLine *line)
{
    irq_set(line, true);
    irq_set(line, false);
}

/* After load, or when raised once more: tell the other end the level again,
 * changed or not. */
static inline void irq_resend(IrqLine *line, bool level)
{
    line->level = level;
    if (line->fn) {
        line->fn(line->opaque, line->n, level);
    }
}

#endif
