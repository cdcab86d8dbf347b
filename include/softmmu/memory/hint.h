/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses of devices that remember what answered at an address, so that the
 * next access there takes no look-up. For a vCPU's exits.
 */
#ifndef SOFTMMU_MEMORY_HINT_H
#define SOFTMMU_MEMORY_HINT_H

#include "softmmu/memory/memory.h"

struct Lock;

typedef struct MemoryHint {
    hwaddr addr;
    AddressSpace *as;
    MemoryRegion *mr;  /* to be used only while .generation is current */
    struct Lock *lock; /* NULL: the region is lockless */
    hwaddr offset;
    uint64_t generation;
    uint8_t size; /* bytes; 0: the hint is free */
    bool read, write;
} MemoryHint;

enum { MEMORY_HINTS = 16 };

/* One thread's; zero at first. */
typedef struct MemoryHints {
    MemoryHint slot[MEMORY_HINTS];
} MemoryHints;

/* As address_space_ld() and _st() with MEM_LITTLE and MEM_ATTRS_CPU. */
MemResult address_space_ld_hint(AddressSpace *as, MemoryHints *hints,
                                hwaddr addr, unsigned size, uint64_t *value);
MemResult address_space_st_hint(AddressSpace *as, MemoryHints *hints,
                                hwaddr addr, unsigned size, uint64_t value);

#endif
