/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register blocks by table: see include/hw/core/reg_block.h. */
#include "tandem/base.h"

#include "hw/core/reg_block.h"
#include "trace_hw_core.h"

/* The register at byte offset @off, or NULL for a gap. */
static const RegDesc *reg_at(RegBlock *block, hwaddr off)
{
    hwaddr i = off / 4;

    if (i < block->count && block->desc[i].name != NULL) {
        return &block->desc[i];
    }
    return NULL;
}

static MemResult reg_block_read(void *opaque, hwaddr off, unsigned size,
                                uint64_t *value, MemAttrs attrs)
{
    RegBlock *block = opaque;
    const RegDesc *d = reg_at(block, off);

    if (d == NULL) {
        guest_error(block->dev, "read of no register at 0x%" PRIx64, off);
        *value = 0;
        return MEM_OK;
    }
    *value = d->read ? d->read(block->dev) : block->reg[off / 4];
    trace_reg_block_read(block->dev->parent.type->name, d->name,
                         (uint32_t)*value);
    return MEM_OK;
}

static MemResult reg_block_write(void *opaque, hwaddr off, unsigned size,
                                 uint64_t value, MemAttrs attrs)
{
    RegBlock *block = opaque;
    const RegDesc *d = reg_at(block, off);
    uint32_t *reg;

    if (d == NULL) {
        guest_error(block->dev, "write of no register at 0x%" PRIx64, off);
        return MEM_OK;
    }
    trace_reg_block_write(block->dev->parent.type->name, d->name,
                          (uint32_t)value);
    reg = &block->reg[off / 4];
    *reg = (*reg & ~d->writable) | ((uint32_t)value & d->writable);
    if (d->written) {
        d->written(block->dev, (uint32_t)value);
    } else if (d->writable == 0) {
        guest_error(block->dev, "write of read-only %s", d->name);
    }
    if (block->update) {
        block->update(block->dev);
    }
    return MEM_OK;
}

static const MemoryOps reg_block_ops = {
    .read = reg_block_read,
    .write = reg_block_write,
    .endian = MEM_LITTLE,
    .valid_min = 4,
    .valid_max = 4,
};

void reg_block_init(RegBlock *block, DeviceState *dev, const RegDesc *desc,
                    uint32_t *reg, unsigned count, uint64_t size,
                    void (*update)(DeviceState *dev))
{
    assert((uint64_t)count * 4 <= size);
    block->dev = dev;
    block->desc = desc;
    block->reg = reg;
    block->count = count;
    block->update = update;
    memory_region_init_io(&block->mmio, dev, &reg_block_ops, block,
                          dev->parent.type->name, size);
}

void reg_block_destroy(RegBlock *block)
{
    memory_region_destroy(&block->mmio);
}

void reg_block_reset(RegBlock *block)
{
    for (unsigned i = 0; i < block->count; i++) {
        block->reg[i] = block->desc[i].reset;
    }
}
