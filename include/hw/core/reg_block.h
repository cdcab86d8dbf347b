/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block of 32-bit registers described by a table (STYLE 3): names, reset
 * values, writable bits and hooks stand once. The block does bounds, access
 * size, masks, reset, tracing by name and the guest error for a gap.
 *
 * Locks: all under the machine lock, as MMIO is.
 */
#ifndef HW_CORE_REG_BLOCK_H
#define HW_CORE_REG_BLOCK_H

#include "softmmu/machine/device.h"

/* One register; a NULL name is a gap that reads 0 and ignores writes. */
typedef struct RegDesc {
    const char *name;  /* as the manual spells it */
    uint32_t reset;    /* value after reset */
    uint32_t writable; /* bits that a write changes */
    /* Value of a read instead of the stored one; NULL: the stored one. */
    uint32_t (*read)(DeviceState *dev);
    /* After the writable bits took @value, which is what was written. */
    void (*written)(DeviceState *dev, uint32_t value);
} RegDesc;

typedef struct RegBlock {
    MemoryRegion mmio;
    DeviceState *dev;
    const RegDesc *desc; /* [count] */
    uint32_t *reg;       /* [count], in the device's struct; it saves them */
    unsigned count;
    /* Derive outputs from state; after each write. May be NULL. */
    void (*update)(DeviceState *dev);
} RegBlock;

/*
 * reg_block_init: make the MMIO region of @size bytes over registers that lie
 * 4 bytes apart from offset 0. Only aligned 32-bit accesses are valid; beyond
 * @count all is a gap. In realize; the caller publishes block->mmio.
 */
void reg_block_init(RegBlock *block, DeviceState *dev, const RegDesc *desc,
                    uint32_t *reg, unsigned count, uint64_t size,
                    void (*update)(DeviceState *dev));
/* In unrealize. */
void reg_block_destroy(RegBlock *block);
/* All registers to their reset values; no hook runs. */
void reg_block_reset(RegBlock *block);

#endif
