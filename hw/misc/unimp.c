/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A range where a board's hardware is not modelled.
 *
 * Guest: reads 0, ignores writes; both are logged with the range's name.
 */
#include "tandem/base.h"

#include "hw/misc/unimp.h"
#include "softmmu/machine/machine.h"

typedef struct Unimp {
    DeviceState parent;
    /* properties */
    char *name;
    uint64_t size;
    /* wiring */
    MemoryRegion mmio;
} Unimp;

static MemResult unimp_read(void *opaque, hwaddr off, unsigned size,
                            uint64_t *value, MemAttrs attrs)
{
    Unimp *s = opaque;

    log_write(LOG_UNIMP,
              "%s: unimplemented read of %u bytes at 0x%" PRIx64 "\n", s->name,
              size, off);
    *value = 0;
    return MEM_OK;
}

static MemResult unimp_write(void *opaque, hwaddr off, unsigned size,
                             uint64_t value, MemAttrs attrs)
{
    Unimp *s = opaque;

    log_write(LOG_UNIMP,
              "%s: unimplemented write of %u bytes at 0x%" PRIx64
              ", value 0x%" PRIx64 "\n",
              s->name, size, off, value);
    return MEM_OK;
}

static const MemoryOps unimp_ops = {
    .read = unimp_read,
    .write = unimp_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 8,
    .valid_unaligned = true,
};

static const Property unimp_props[] = {
    PROP(str, Unimp, name, "name", NULL, "name in the log"),
    PROP(size, Unimp, size, "size", "0", "bytes"),
    { 0 },
};

static bool unimp_realize(DeviceState *dev, Error **errp)
{
    Unimp *s = object_cast(dev, &unimp_type);

    if (s->name == NULL || s->size == 0) {
        error_set(errp, "properties 'name' and 'size' must be set");
        return false;
    }
    memory_region_init_io(&s->mmio, dev, &unimp_ops, s, s->name, s->size);
    device_add_mmio(dev, &s->mmio);
    return true;
}

static void unimp_unrealize(DeviceState *dev)
{
    Unimp *s = object_cast(dev, &unimp_type);

    memory_region_destroy(&s->mmio);
}

const DeviceType unimp_type = {
    .name = "unimplemented-device",
    .parent = TYPE(device_type),
    .description = "range of hardware that is not modelled",
    .size = sizeof(Unimp),
    .props = unimp_props,
    .realize = unimp_realize,
    .unrealize = unimp_unrealize,
};

bool unimp_map(Machine *m, const char *name, hwaddr base, uint64_t size,
               Error **errp)
{
    DeviceState *dev = device_new_board(m, &unimp_type);

    object_set_str(dev, "name", name);
    object_set_u64(dev, "size", size);
    if (!device_realize(dev, errp)) {
        return false;
    }
    memory_region_add_overlap(&m->system, base, device_mmio(dev, 0), -1000);
    return true;
}
