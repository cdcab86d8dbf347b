/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * 16550A UART behind MMIO ("ns16550a" in a device tree).
 *
 * Spec:  as serial.c; devicetree binding serial/8250.yaml (reg-shift).
 * Guest: 8 registers of 8 bits, each 1 << regshift bytes apart; a wider
 *        access reads and writes the one register at its address.
 */
#include "tandem/base.h"

#include "hw/char/serial.h"

typedef struct SerialMm {
    DeviceState parent;
    /* properties */
    uint8_t regshift;
    /* the chip: saved */
    Serial16550 chip;
    /* wiring */
    MemoryRegion mmio;
} SerialMm;

static MemResult serial_mm_read(void *opaque, hwaddr off, unsigned size,
                                uint64_t *value, MemAttrs attrs)
{
    SerialMm *s = opaque;

    *value = serial_read(&s->chip, (off >> s->regshift) & 7, attrs.debug);
    return MEM_OK;
}

static MemResult serial_mm_write(void *opaque, hwaddr off, unsigned size,
                                 uint64_t value, MemAttrs attrs)
{
    SerialMm *s = opaque;

    serial_write(&s->chip, (off >> s->regshift) & 7, (uint8_t)value);
    return MEM_OK;
}

static const MemoryOps serial_mm_ops = {
    .read = serial_mm_read,
    .write = serial_mm_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 8,
};

static const VmField serial_mm_fields[] = {
    VM_STRUCT(SerialMm, chip, serial_vmstate),
    { 0 },
};
static const VmState serial_mm_vmstate = {
    .name = "serial-mm",
    .version = 1,
    .fields = serial_mm_fields,
};

static const Property serial_mm_props[] = {
    PROP_CHARDEV(SerialMm, chip.fe),
    PROP(u8, SerialMm, regshift, "regshift", "0",
         "log2 of the distance of registers in bytes"),
    PROP(u32, SerialMm, chip.baudbase, "baudbase", "115200",
         "input clock / 16 in Hz"),
    { 0 },
};

static bool serial_mm_realize(DeviceState *dev, Error **errp)
{
    SerialMm *s = object_cast(dev, &serial_mm_type);

    if (s->regshift > 3) {
        error_set(errp, "regshift must be 0 to 3");
        return false;
    }
    if (!serial_realize(&s->chip, dev, errp)) {
        return false;
    }
    memory_region_init_io(&s->mmio, dev, &serial_mm_ops, s, "serial",
                          8ull << s->regshift);
    device_add_mmio(dev, &s->mmio);
    device_add_irq(dev, &s->chip.irq);
    return true;
}

static void serial_mm_unrealize(DeviceState *dev)
{
    SerialMm *s = object_cast(dev, &serial_mm_type);

    serial_unrealize(&s->chip);
    memory_region_destroy(&s->mmio);
}

static void serial_mm_reset_enter(DeviceState *dev)
{
    SerialMm *s = object_cast(dev, &serial_mm_type);

    serial_reset_enter(&s->chip);
}

static void serial_mm_reset_hold(DeviceState *dev)
{
    SerialMm *s = object_cast(dev, &serial_mm_type);

    serial_reset_hold(&s->chip);
}

const DeviceType serial_mm_type = {
    .name = "serial-mm",
    .parent = TYPE(device_type),
    .description = "16550A UART behind MMIO",
    .size = sizeof(SerialMm),
    .props = serial_mm_props,
    .realize = serial_mm_realize,
    .unrealize = serial_mm_unrealize,
    .reset_enter = serial_mm_reset_enter,
    .reset_hold = serial_mm_reset_hold,
    .vmstate = &serial_mm_vmstate,
};
