/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bochs's debug console: firmware writes its messages to one port.
 *
 * Spec:  Bochs documentation, port 0xe9 hack; reads give 0xe9, by which a
 *        guest knows that it is there.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/isa/devices.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/machine/machine.h"

typedef struct Debugcon {
    DeviceState parent;
    /* properties */
    uint16_t iobase;
    uint32_t readback;
    CharFrontend fe;
    /* wiring */
    MemoryRegion ports;
} Debugcon;

static MemResult con_read(void *opaque, hwaddr off, unsigned size,
                          uint64_t *value, MemAttrs attrs)
{
    *value = ((Debugcon *)opaque)->readback & 0xff;
    return MEM_OK;
}

static MemResult con_write(void *opaque, hwaddr off, unsigned size,
                           uint64_t value, MemAttrs attrs)
{
    Debugcon *s = opaque;
    uint8_t byte = (uint8_t)value;

    char_write(&s->fe, &byte, 1); /* what does not fit is lost */
    return MEM_OK;
}

static const MemoryOps con_ops = {
    .read = con_read,
    .write = con_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 1,
};

static const CharHandlers con_handlers = { 0 };

static const Property con_props[] = {
    PROP_CHARDEV(Debugcon, fe),
    PROP(u16, Debugcon, iobase, "iobase", "0xe9", "the port"),
    PROP(u32, Debugcon, readback, "readback", "0xe9", "what a read gives"),
    { 0 },
};

static bool con_realize(DeviceState *dev, Error **errp)
{
    Debugcon *s = object_cast(dev, &isa_debugcon_type);

    if (!char_attach(&s->fe, s->fe.chr, dev->machine->gate, dev->machine->loop,
                     "debugcon", &con_handlers, s, errp)) {
        return false;
    }
    memory_region_init_io(&s->ports, dev, &con_ops, s, "isa-debugcon", 1);
    isa_map(dev, &s->ports, s->iobase);
    return true;
}

static void con_unrealize(DeviceState *dev)
{
    Debugcon *s = object_cast(dev, &isa_debugcon_type);

    isa_unmap(&s->ports);
    char_detach(&s->fe);
}

/* It has no state. */
static const VmField con_fields[] = { { 0 } };
static const VmState con_vmstate = { "isa-debugcon", 1, con_fields };

const DeviceType isa_debugcon_type = {
    .name = "isa-debugcon",
    .parent = TYPE(device_type),
    .description = "Bochs debug console",
    .size = sizeof(Debugcon),
    .bus = &isa_bus_type,
    .user_creatable = true,
    .props = con_props,
    .realize = con_realize,
    .unrealize = con_unrealize,
    .vmstate = &con_vmstate,
};
