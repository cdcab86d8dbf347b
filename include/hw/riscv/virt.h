/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RISC-V "virt" board: its map and its interrupts, for the files of
 * hw/riscv that fill it and for tests.
 */
#ifndef HW_RISCV_VIRT_H
#define HW_RISCV_VIRT_H

#include "softmmu/machine/machine.h"

typedef enum VirtSlot {
    VIRT_ROM,
    VIRT_TEST,
    VIRT_RTC,
    VIRT_CLINT, /* MSWI, then MTIMER */
    VIRT_ACLINT_SSWI,
    VIRT_PCIE_PIO,
    VIRT_PLIC,
    VIRT_UART0,
    VIRT_VIRTIO, /* the first of VIRT_VIRTIO_COUNT, .size apart */
    VIRT_FW_CFG,
    VIRT_FLASH, /* both banks */
    VIRT_PCIE_ECAM,
    VIRT_PCIE_MMIO,
    VIRT_DRAM, /* .size 0: as much as -m says */
    VIRT_SLOTS,
} VirtSlot;

typedef struct VirtRange {
    const char *name;
    hwaddr base;
    uint64_t size;
} VirtRange;
extern const VirtRange virt_map[VIRT_SLOTS];

/* Sources of the PLIC. */
enum {
    VIRT_IRQ_VIRTIO = 1, /* 1 to 8 */
    VIRT_IRQ_UART0 = 10,
    VIRT_IRQ_RTC = 11,
    VIRT_IRQ_PCIE = 32, /* INTA to INTD: 32 to 35 */
};

enum {
    VIRT_VIRTIO_COUNT = 8,
    VIRT_PLIC_SOURCES = 96,
    VIRT_TIMEBASE_HZ = 10000000,
    VIRT_MAX_CPUS = 512,
};

/* PCIe's window above 4 GiB of a 64-bit board: 16 GiB, aligned to its size,
 * above all RAM. */
VirtRange virt_pcie_high_mmio(Machine *m);

extern const MachineType virt32_machine_type, virt64_machine_type;

#endif
