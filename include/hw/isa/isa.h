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

/* Ports of a chip with an 8-bit bus: an access of 2 or 4 bytes comes to it as
 * as many of one byte, the lowest port first. */
typedef struct IsaPortOps {
    /* @port counts from the first; @debug: change nothing. */
    uint8_t (*read)(DeviceState *dev, unsigned port, bool debug);
    void (*write)(DeviceState *dev, unsigned port, uint8_t value);
} IsaPortOps;
typedef struct IsaPorts {
    MemoryRegion mr;
    DeviceState *dev;
    const IsaPortOps *ops;
} IsaPorts;
/* In realize: @count ports from @first. */
void isa_map_ports(IsaPorts *p, DeviceState *dev, const IsaPortOps *ops,
                   const char *name, uint16_t first, unsigned count);
/* One port that only keeps what is written to it: see
 * memory_region_set_coalesced(). */
void isa_map_latch(IsaPorts *p, DeviceState *dev, const IsaPortOps *ops,
                   const char *name, uint16_t port);
/* In unrealize, both. */
void isa_unmap_ports(IsaPorts *p);
/* In realize: @line drives line @n; false: there is no such line. */
bool isa_connect(DeviceState *dev, IrqLine *line, unsigned n, Error **errp);

#endif
