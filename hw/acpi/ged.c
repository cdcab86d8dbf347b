/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Generic event device and the sleep and reset registers: see
 * include/hw/acpi/ged.h.
 *
 * Guest: a 32-bit word of events, cleared by reading; three byte registers.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/acpi/ged.h"
#include "softmmu/machine/machine.h"

enum { SLP_EN = 1 << 5, SLP_TYP_SHIFT = 2 };

typedef struct Ged {
    DeviceState parent;
    /* guest state: saved */
    uint32_t events;
    /* wiring */
    MemoryRegion selector, regs;
    IrqLine irq;
    Notifier on_powerdown;
} Ged;

static Ged *ged_of(DeviceState *dev)
{
    return object_cast(dev, &acpi_ged_type);
}

static MemResult events_read(void *opaque, hwaddr off, unsigned size,
                             uint64_t *value, MemAttrs attrs)
{
    Ged *s = opaque;

    *value = s->events;
    if (!attrs.debug) {
        s->events = 0;
    }
    return MEM_OK;
}

static MemResult events_write(void *opaque, hwaddr off, unsigned size,
                              uint64_t value, MemAttrs attrs)
{
    guest_error(&((Ged *)opaque)->parent, "write of the events");
    return MEM_OK;
}

static const MemoryOps events_ops = {
    .read = events_read,
    .write = events_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 4,
    .impl_min = 4,
    .impl_max = 4,
};

static MemResult regs_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    *value = 0; /* awake: WAK_STS is for a return from sleep */
    return MEM_OK;
}

static MemResult regs_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    Ged *s = opaque;
    Machine *m = s->parent.machine;

    if (off == GED_SLEEP_CONTROL && (value & SLP_EN)) {
        if ((value >> SLP_TYP_SHIFT & 7) == GED_S5) {
            machine_request_shutdown(m, CAUSE_GUEST_SHUTDOWN, 0);
        } else {
            guest_error(&s->parent, "sleep type %u is not there",
                        (unsigned)(value >> SLP_TYP_SHIFT & 7));
        }
    } else if (off == GED_RESET && value == GED_RESET_VALUE) {
        machine_request_reset(m, CAUSE_GUEST_RESET);
    }
    return MEM_OK;
}

static const MemoryOps regs_ops = {
    .read = regs_read,
    .write = regs_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 1,
};

static void powerdown(Notifier *n, void *data)
{
    Ged *s = container_of(n, Ged, on_powerdown);

    s->events |= GED_POWER_BUTTON;
    irq_pulse(&s->irq);
}

static void ged_reset_enter(DeviceState *dev)
{
    ged_of(dev)->events = 0;
}

static const VmField ged_fields[] = {
    VM_U32(Ged, events),
    { 0 },
};
static const VmState ged_vmstate = { "acpi-ged", 1, ged_fields };

static bool ged_realize(DeviceState *dev, Error **errp)
{
    Ged *s = ged_of(dev);

    memory_region_init_io(&s->selector, dev, &events_ops, s, "acpi-ged", 4);
    memory_region_init_io(&s->regs, dev, &regs_ops, s, "acpi-ged-regs", 3);
    device_add_mmio(dev, &s->selector);
    device_add_mmio(dev, &s->regs);
    device_add_irq(dev, &s->irq);
    s->on_powerdown.fn = powerdown;
    notifier_add(dev->machine->on_powerdown, &s->on_powerdown);
    return true;
}

static void ged_unrealize(DeviceState *dev)
{
    Ged *s = ged_of(dev);

    notifier_remove(dev->machine->on_powerdown, &s->on_powerdown);
    memory_region_destroy(&s->selector);
    memory_region_destroy(&s->regs);
}

const DeviceType acpi_ged_type = {
    .name = "acpi-ged",
    .parent = TYPE(device_type),
    .description = "ACPI generic event device",
    .size = sizeof(Ged),
    .realize = ged_realize,
    .unrealize = ged_unrealize,
    .reset_enter = ged_reset_enter,
    .vmstate = &ged_vmstate,
};
