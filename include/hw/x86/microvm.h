/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The "microvm" board: a small x86-64 machine without a chip set.
 *
 * Spec: QEMU documentation, "microvm virtual platform".
 */
#ifndef HW_X86_MICROVM_H
#define HW_X86_MICROVM_H

#include "softmmu/machine/machine.h"

/* The memory map. */
enum {
    MICROVM_MAX_CPUS = 255,
    MICROVM_VIRTIO_SLOTS = 24,
};
#define MICROVM_GED       0xfea00000u /* events: 4 bytes */
#define MICROVM_GED_REGS  0xfea00200u /* sleep control, sleep status, reset */
#define MICROVM_VIRTIO    0xfeb00000u /* slots of 512 bytes */
#define MICROVM_IOAPIC    0xfec00000u
#define MICROVM_IOAPIC2   0xfec10000u
#define MICROVM_LAPIC     0xfee00000u
#define MICROVM_PCIE_MMIO 0xc0000000u
#define MICROVM_PCIE_ECAM 0xe0000000u
#define MICROVM_BELOW_4G  0xc0000000u /* RAM that lies there, at most */

/* Global interrupt numbers. */
enum {
    MICROVM_GSI_PIT = 0,
    MICROVM_GSI_SERIAL = 4,
    MICROVM_GSI_RTC = 8,
    MICROVM_GSI_GED = 9,
    MICROVM_GSI_PCIE = 12,   /* INTA to INTD */
    MICROVM_GSI_VIRTIO = 16, /* with one I/O APIC: 8 slots */
    MICROVM_GSI_VIRTIO2 = 24 /* with two: 24 slots, on the second */
};

extern const MachineType microvm_machine_type;

#endif
