/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * 16550A UART on I/O ports (a PC's COM port).
 *
 * Spec:  as hw/char/serial.c; input clock 1.8432 MHz (IBM PC/AT Technical
 *        Reference, serial/parallel adapter).
 * Guest: eight ports of 8 bits.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/char/serial.h"
#include "hw/isa/devices.h"

typedef struct IsaSerial {
    DeviceState parent;
    /* properties */
    uint16_t iobase;
    uint32_t irq;
    /* the chip: saved */
    Serial16550 chip;
    /* wiring */
    IsaPorts ports;
} IsaSerial;

static IsaSerial *serial_of(DeviceState *dev)
{
    return object_cast(dev, &isa_serial_type);
}

static uint8_t ports_read(DeviceState *dev, unsigned port, bool debug)
{
    return serial_read(&serial_of(dev)->chip, port, debug);
}

static void ports_write(DeviceState *dev, unsigned port, uint8_t value)
{
    serial_write(&serial_of(dev)->chip, port, value);
}

static const IsaPortOps ports_ops = { ports_read, ports_write };

static const VmField serial_fields[] = {
    VM_STRUCT(IsaSerial, chip, serial_vmstate),
    { 0 },
};
static const VmState isa_serial_vmstate = { "isa-serial", 1, serial_fields };

static const Property serial_props[] = {
    PROP_CHARDEV(IsaSerial, chip.fe),
    PROP(u16, IsaSerial, iobase, "iobase", "0x3f8", "first port"),
    PROP(u32, IsaSerial, irq, "irq", "4", "interrupt line"),
    { 0 },
};

static bool isa_serial_realize(DeviceState *dev, Error **errp)
{
    IsaSerial *s = serial_of(dev);

    s->chip.baudbase = 115200;
    if (!serial_realize(&s->chip, dev, errp)) {
        return false;
    }
    if (!isa_connect(dev, &s->chip.irq, s->irq, errp)) {
        serial_unrealize(&s->chip);
        return false;
    }
    isa_map_ports(&s->ports, dev, &ports_ops, "serial", s->iobase, 8);
    return true;
}

static void isa_serial_unrealize(DeviceState *dev)
{
    IsaSerial *s = serial_of(dev);

    isa_unmap_ports(&s->ports);
    serial_unrealize(&s->chip);
}

static void isa_serial_reset_enter(DeviceState *dev)
{
    serial_reset_enter(&serial_of(dev)->chip);
}

static void isa_serial_reset_hold(DeviceState *dev)
{
    serial_reset_hold(&serial_of(dev)->chip);
}

const DeviceType isa_serial_type = {
    .name = "isa-serial",
    .parent = TYPE(device_type),
    .description = "16550A UART on I/O ports",
    .size = sizeof(IsaSerial),
    .category = DEVICE_INPUT,
    .bus = &isa_bus_type,
    .user_creatable = true,
    .props = serial_props,
    .realize = isa_serial_realize,
    .unrealize = isa_serial_unrealize,
    .reset_enter = isa_serial_reset_enter,
    .reset_hold = isa_serial_reset_hold,
    .vmstate = &isa_serial_vmstate,
};
