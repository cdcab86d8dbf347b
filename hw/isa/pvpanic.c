/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The port by which a guest says that it panicked.
 *
 * Spec:  QEMU documentation, docs/specs/pvpanic: a read gives the events that
 *        may be written: bit 0 panicked, bit 1 crash kernel loaded, bit 2
 *        shutdown.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/isa/devices.h"
#include "softmmu/machine/machine.h"

enum {
    EVENT_PANICKED = 1,
    EVENT_CRASH_LOADED = 2,
    EVENT_SHUTDOWN = 4,
    EVENTS = EVENT_PANICKED | EVENT_CRASH_LOADED | EVENT_SHUTDOWN
};

typedef struct Pvpanic {
    DeviceState parent;
    uint16_t ioport; /* properties */
    uint8_t events;
    MemoryRegion ports;
} Pvpanic;

static MemResult panic_read(void *opaque, hwaddr off, unsigned size,
                            uint64_t *value, MemAttrs attrs)
{
    *value = ((Pvpanic *)opaque)->events & EVENTS;
    return MEM_OK;
}

static MemResult panic_write(void *opaque, hwaddr off, unsigned size,
                             uint64_t value, MemAttrs attrs)
{
    Pvpanic *s = opaque;
    Machine *m = s->parent.machine;
    json_object *data;

    if (value & ~(uint64_t)(s->events & EVENTS)) {
        guest_error(&s->parent, "event 0x%" PRIx64 " is unknown", value);
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

static const Property panic_props[] = {
    PROP(u16, Pvpanic, ioport, "ioport", "0x505", "the port"),
    PROP(u8, Pvpanic, events, "events", "7", "events that it takes"),
    { 0 },
};

static bool panic_realize(DeviceState *dev, Error **errp)
{
    Pvpanic *s = object_cast(dev, &pvpanic_isa_type);

    memory_region_init_io(&s->ports, dev, &panic_ops, s, "pvpanic", 1);
    isa_map(dev, &s->ports, s->ioport);
    return true;
}

static void panic_unrealize(DeviceState *dev)
{
    isa_unmap(&((Pvpanic *)object_cast(dev, &pvpanic_isa_type))->ports);
}

/* It has no state. */
static const VmField panic_fields[] = { { 0 } };
static const VmState panic_vmstate = { "pvpanic", 1, panic_fields };

const DeviceType pvpanic_isa_type = {
    .name = "pvpanic",
    .parent = TYPE(device_type),
    .description = "the guest says that it panicked",
    .size = sizeof(Pvpanic),
    .bus = &isa_bus_type,
    .user_creatable = true,
    .props = panic_props,
    .realize = panic_realize,
    .unrealize = panic_unrealize,
    .vmstate = &panic_vmstate,
};
