/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The register by which a guest says that it panicked: "pvpanic" is a port of
 * the ISA bus, "pvpanic-pci" a function with the register in its memory BAR.
 *
 * Spec:  QEMU documentation, docs/specs/pvpanic: a read gives the events that
 *        may be written: bit 0 panicked, bit 1 crash kernel loaded, bit 2
 *        shutdown.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/isa/isa.h"
#include "hw/misc/pvpanic.h"
#include "softmmu/machine/machine.h"

enum {
    EVENT_PANICKED = 1,
    EVENT_CRASH_LOADED = 2,
    EVENT_SHUTDOWN = 4,
    EVENTS = EVENT_PANICKED | EVENT_CRASH_LOADED | EVENT_SHUTDOWN
};

typedef struct Panic {
    DeviceState *dev;
    uint8_t events; /* property */
    MemoryRegion reg;
} Panic;

typedef struct IsaPanic {
    DeviceState parent;
    uint16_t ioport; /* property */
    Panic panic;
} IsaPanic;

typedef struct PciPanic {
    PciDevice parent;
    Panic panic;
} PciPanic;

/* --- the register --- */

static MemResult panic_read(void *opaque, hwaddr off, unsigned size,
                            uint64_t *value, MemAttrs attrs)
{
    *value = ((Panic *)opaque)->events & EVENTS;
    return MEM_OK;
}

static MemResult panic_write(void *opaque, hwaddr off, unsigned size,
                             uint64_t value, MemAttrs attrs)
{
    Panic *s = opaque;
    Machine *m = s->dev->machine;
    json_object *data;

    if (value & ~(uint64_t)(s->events & EVENTS)) {
        guest_error(s->dev, "event 0x%" PRIx64 " is unknown", value);
    }
    value &= s->events;
    if (value & EVENT_PANICKED) {
        machine_guest_panicked(m);
    } else if (value & EVENT_CRASH_LOADED) {
        data = json_object_new_object();
        json_object_object_add(data, "action", json_object_new_string("run"));
        machine_event(m, "GUEST_CRASHLOADED", data);
    } else if (value & EVENT_SHUTDOWN) {
        machine_request_shutdown(m, CAUSE_GUEST_SHUTDOWN, 0);
    }
    return MEM_OK;
}

static const MemoryOps panic_ops = {
    .read = panic_read,
    .write = panic_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 1,
};

static void panic_init(Panic *s, DeviceState *dev, uint64_t size)
{
    s->dev = dev;
    memory_region_init_io(&s->reg, dev, &panic_ops, s, "pvpanic", size);
}

/* It has no state. */
static const VmField panic_fields[] = { { 0 } };
static const VmState panic_vmstate = { "pvpanic", 1, panic_fields };

/* --- ISA --- */

static const Property isa_props[] = {
    PROP(u16, IsaPanic, ioport, "ioport", "0x505", "the port"),
    PROP(u8, IsaPanic, panic.events, "events", "7", "events that it takes"),
    { 0 },
};

static bool isa_panic_realize(DeviceState *dev, Error **errp)
{
    IsaPanic *s = object_cast(dev, &pvpanic_isa_type);

    panic_init(&s->panic, dev, 1);
    isa_map(dev, &s->panic.reg, s->ioport);
    return true;
}

static void isa_panic_unrealize(DeviceState *dev)
{
    isa_unmap(&((IsaPanic *)object_cast(dev, &pvpanic_isa_type))->panic.reg);
}

const DeviceType pvpanic_isa_type = {
    .name = "pvpanic",
    .parent = TYPE(device_type),
    .description = "the guest says that it panicked",
    .size = sizeof(IsaPanic),
    .bus = &isa_bus_type,
    .user_creatable = true,
    .props = isa_props,
    .realize = isa_panic_realize,
    .unrealize = isa_panic_unrealize,
    .vmstate = &panic_vmstate,
};

/* --- PCI --- */

static const Property pci_props[] = {
    PROP(u8, PciPanic, panic.events, "events", "7", "events that it takes"),
    { 0 },
};

static bool pci_panic_realize(PciDevice *d, Error **errp)
{
    PciPanic *s = object_cast(d, &pvpanic_pci_type);

    panic_init(&s->panic, &d->parent, 16); /* the smallest BAR */
    pci_register_bar(d, 0, 0, &s->panic.reg);
    return true;
}

static void pci_panic_unrealize(PciDevice *d)
{
    PciPanic *s = object_cast(d, &pvpanic_pci_type);

    memory_region_destroy(&s->panic.reg);
}

const PciDeviceType pvpanic_pci_type = {
    .name = "pvpanic-pci",
    .parent = TYPE(pci_device_type),
    .description = "the guest says that it panicked",
    .size = sizeof(PciPanic),
    .user_creatable = true,
    .vendor_id = 0x1b36,
    .device_id = 0x0011,
    .class_id = 0x0880, /* other system peripheral */
    .props = pci_props,
    .pci_realize = pci_panic_realize,
    .pci_unrealize = pci_panic_unrealize,
};
