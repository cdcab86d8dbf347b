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
