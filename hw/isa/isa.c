/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The ISA bus and the bridge that has it.
 *
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/isa/isa.h"
#include "softmmu/machine/machine.h"

typedef struct IsaBridge {
    DeviceState parent;
    IsaBus bus;
} IsaBridge;

static bool bridge_realize(DeviceState *dev, Error **errp)
{
    IsaBridge *b = object_cast(dev, &isa_bridge_type);

    bus_init(&b->bus.parent, &isa_bus_type, dev, "isa.0");
    return true;
}

IsaBus *isa_bus_new(Machine *m, DeviceState *intc, Error **errp)
{
    DeviceState *dev = device_new_board(m, &isa_bridge_type);
    IsaBridge *b = object_cast(dev, &isa_bridge_type);

    if (!device_realize(dev, errp)) {
        return NULL;
    }
    b->bus.intc = intc;
    return &b->bus;
}

void isa_map(DeviceState *dev, MemoryRegion *mr, uint16_t port)
{
    memory_region_add(&dev->machine->io, port, mr);
}

void isa_unmap(MemoryRegion *mr)
{
    if (mr->parent) {
        memory_region_del(mr->parent, mr);
    }
    memory_region_destroy(mr);
}

static MemResult ports_read(void *opaque, hwaddr off, unsigned size,
                            uint64_t *value, MemAttrs attrs)
{
    IsaPorts *p = opaque;

    *value = p->ops->read(p->dev, (unsigned)off, attrs.debug);
    return MEM_OK;
}

static MemResult ports_write(void *opaque, hwaddr off, unsigned size,
                             uint64_t value, MemAttrs attrs)
{
    IsaPorts *p = opaque;

    p->ops->write(p->dev, (unsigned)off, (uint8_t)value);
    return MEM_OK;
}

static const MemoryOps ports_ops = {
    .read = ports_read,
    .write = ports_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 4,
    .impl_min = 1,
    .impl_max = 1,
};

static void ports_init(IsaPorts *p, DeviceState *dev, const IsaPortOps *ops,
                       const char *name, unsigned count)
{
    p->dev = dev;
    p->ops = ops;
    memory_region_init_io(&p->mr, dev, &ports_ops, p, name, count);
}

void isa_map_ports(IsaPorts *p, DeviceState *dev, const IsaPortOps *ops,
                   const char *name, uint16_t first, unsigned count)
{
    ports_init(p, dev, ops, name, count);
    isa_map(dev, &p->mr, first);
}

void isa_map_latch(IsaPorts *p, DeviceState *dev, const IsaPortOps *ops,
                   const char *name, uint16_t port)
{
    ports_init(p, dev, ops, name, 1);
    memory_region_set_coalesced(&p->mr);
    isa_map(dev, &p->mr, port);
}

void isa_unmap_ports(IsaPorts *p)
{
    isa_unmap(&p->mr);
}

bool isa_connect(DeviceState *dev, IrqLine *line, unsigned n, Error **errp)
{
    IsaBus *bus = object_cast(dev->bus, &isa_bus_type);

    if (n >= ISA_IRQS || bus->intc == NULL) {
        error_set(errp, "this bus has no interrupt line %u", n);
        return false;
    }
    device_add_irq(dev, line);
    device_connect(dev, (int)dev->irqs_out->len - 1, bus->intc, (int)n);
    return true;
}

const BusType isa_bus_type = {
    .name = "ISA",
    .parent = TYPE(bus_type),
    .size = sizeof(IsaBus),
};

const DeviceType isa_bridge_type = {
    .name = "isabus-bridge",
    .parent = TYPE(device_type),
    .description = "ISA bus of a board",
    .size = sizeof(IsaBridge),
    .category = DEVICE_BRIDGE,
    .realize = bridge_realize,
};
