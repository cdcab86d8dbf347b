/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC, 24 inputs, for any engine (DECISIONS 37, 39).
 *
 * Spec: Intel 82093AA data sheet (290566), chapter 3.
 */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "softmmu/machine/device.h"

enum { IOAPIC_PINS = 24 };

typedef struct IoapicState {
    uint32_t id, select;
    uint32_t irr; /* lines that are up, or edges not yet sent */
    uint64_t redirect[IOAPIC_PINS];
} IoapicState;

/*
 * What an engine that took part gives (accel attach_intc "ioapic"). Machine
 * lock. With .get the engine holds the controller: lines go to it, state
 * comes from it. Else the device works, and tells the engine what its pins
 * send, so that the end of a level-triggered interrupt comes back through
 * ioapic_eoi().
 */
typedef struct IoapicEngine {
    void (*route)(DeviceState *dev, unsigned gsi, uint64_t addr, uint32_t data);
    void (*routed)(DeviceState *dev); /* after the last of some route() */
    void (*set_line)(DeviceState *dev, unsigned gsi, bool level);
    void (*get)(DeviceState *dev, IoapicState *s);
    void (*put)(DeviceState *dev, const IoapicState *s);
    /* Writes to @fd raise pin @gsi; NULL: there is no such thing. With .get
     * the pin falls at the end of the interrupt, and @ended is written; else
     * each sends the route's message. unbind: what was written before has
     * been served. */
    bool (*bind)(DeviceState *dev, unsigned gsi, int fd, int ended);
    void (*unbind)(DeviceState *dev, unsigned gsi, int fd);
} IoapicEngine;

/* "ioapic": property gsi-base; region 0 is its page, inputs 0 to 23. */
extern const DeviceType ioapic_type;
/* A CPU ended interrupt @vector. Machine lock. */
void ioapic_eoi(DeviceState *dev, uint8_t vector);
/* The first of its GSIs. */
unsigned ioapic_gsi_base(DeviceState *dev);

#endif
