/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ISA bus: devices on I/O ports with up to 16 edge or level lines. The
 * board makes one bridge; -device finds its bus as "isa.0".
 *
 * Locks: machine lock.
 */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include "softmmu/machine/device.h"

enum { ISA_IRQS = 16 };

typedef struct IsaBus {
    Bus parent;
    DeviceState *intc; /* whose inputs 0 to 15 are the lines; NULL: none */
} IsaBus;
extern const BusType isa_bus_type;       /* "ISA" */
extern const DeviceType isa_bridge_type; /* "isabus-bridge" */

/* The bus with lines to inputs 0 to 15 of @intc. */
IsaBus *isa_bus_new(Machine *m, DeviceState *intc, Error **errp);
/* In realize: show @mr at @port of the machine's I/O space. */
void isa_map(DeviceState *dev, MemoryRegion *mr, uint16_t port);
/* In unrealize: take it away and destroy it. */
void isa_unmap(MemoryRegion *mr);
/* In realize: @line drives line @n; false: there is no such line. */
bool isa_connect(DeviceState *dev, IrqLine *line, unsigned n, Error **errp);

#endif
