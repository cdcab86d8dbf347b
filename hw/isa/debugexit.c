/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A port that ends the process: test programs report through it.
 *
 * Spec:  QEMU documentation, isa-debug-exit: a write of v ends with status
 *        (v << 1) | 1.
 * Guest: iosize ports from iobase; reads give 0.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "hw/isa/devices.h"
#include "softmmu/machine/machine.h"

typedef struct DebugExit {
    DeviceState parent;
    uint16_t iobase, iosize; /* properties */
    MemoryRegion ports;
} DebugExit;

static MemResult exit_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    *value = 0;
    return MEM_OK;
}

static MemResult exit_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    DebugExit *s = opaque;

    machine_request_shutdown(s->parent.machine, CAUSE_GUEST_SHUTDOWN,
                             (int)((uint32_t)value << 1 | 1));
    return MEM_OK;
}

static const MemoryOps exit_ops = {
    .read = exit_read,
    .write = exit_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 4,
};

static const Property exit_props[] = {
    PROP(u16, DebugExit, iobase, "iobase", "0x501", "first port"),
    PROP(u16, DebugExit, iosize, "iosize", "2", "number of ports"),
    { 0 },
};

static bool exit_realize(DeviceState *dev, Error **errp)
{
    DebugExit *s = object_cast(dev, &isa_debug_exit_type);

    if (s->iosize == 0 || s->iosize > UINT16_MAX - s->iobase) {
        error_set(errp, "iosize %u is empty or ends above port 65535",
                  s->iosize);
        return false;
    }
    memory_region_init_io(&s->ports, dev, &exit_ops, s, "isa-debug-exit",
                          s->iosize);
    isa_map(dev, &s->ports, s->iobase);
    return true;
}

static void exit_unrealize(DeviceState *dev)
{
    isa_unmap(&((DebugExit *)object_cast(dev, &isa_debug_exit_type))->ports);
}

/* It has no state. */
static const VmField exit_fields[] = { { 0 } };
static const VmState exit_vmstate = { "isa-debug-exit", 1, exit_fields };

const DeviceType isa_debug_exit_type = {
    .name = "isa-debug-exit",
    .parent = TYPE(device_type),
    .description = "a write ends the process",
    .size = sizeof(DebugExit),
    .bus = &isa_bus_type,
    .user_creatable = true,
    .props = exit_props,
    .realize = exit_realize,
    .unrealize = exit_unrealize,
    .vmstate = &exit_vmstate,
};
