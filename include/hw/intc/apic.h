/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APICs in user space, those of all CPUs of a machine: for engines that
 * have none of their own (DECISIONS 37, 39).
 *
 * Spec: Intel SDM 3A, chapter "Advanced Programmable Interrupt Controller".
 */
#ifndef HW_INTC_APIC_H
#define HW_INTC_APIC_H

#include "softmmu/machine/device.h"

enum { APIC_PAGE_BYTES = 1024 }; /* of the page, those that have registers */

/*
 * What a local APIC tells its CPU; machine lock, any thread. .intr: there is,
 * or is no more, an interrupt that apic_acknowledge() would give. .init: stop
 * and become as after INIT; .sipi matters to a CPU that waits for it alone.
 * .tsc_ns: when, in ns of CLOCK_VIRTUAL, the CPU's TSC reaches @tsc; NULL: the
 * CPU has no TSC-deadline timer.
 */
typedef struct ApicCpuOps {
    void (*intr)(void *cpu, bool level);
    void (*nmi)(void *cpu);
    void (*init)(void *cpu);
    void (*sipi)(void *cpu, uint8_t vector);
    int64_t (*tsc_ns)(void *cpu, uint64_t tsc);
} ApicCpuOps;

/* "apic": property cpus; region 0 is the page, which shows each CPU its own
 * (and CPU 0's to who is no CPU); input 0 is LINT0, 1 is LINT1, of all. */
extern const DeviceType apic_type;

/* For the CPU @index, with the APIC id @id. Before it runs; and with @ops NULL
 * when it goes. Machine lock. */
void apic_connect_cpu(DeviceState *dev, unsigned index, uint8_t id,
                      const ApicCpuOps *ops, void *cpu);
/* For boards: whom the end of a level-triggered interrupt is told, and who
 * gives the vector of an ExtINT. */
void apic_add_ioapic(DeviceState *dev, DeviceState *ioapic);
void apic_set_pic(DeviceState *dev, DeviceState *pic);

/* --- machine lock --- */

/* A message-signalled interrupt (SDM 3A 10.11). */
void apic_msi(DeviceState *dev, uint64_t addr, uint32_t data);
/* The CPU takes an interrupt: its vector; -1: there is none after all. */
int apic_acknowledge(DeviceState *dev, unsigned cpu);
/* IA32_APIC_BASE and, where .tsc_ns is, IA32_TSC_DEADLINE. */
uint64_t apic_base(DeviceState *dev, unsigned cpu);
void apic_set_base(DeviceState *dev, unsigned cpu, uint64_t base);
uint64_t apic_deadline(DeviceState *dev, unsigned cpu);
/* Pulse LINT1 of all CPUs. Machine lock. */
void apic_press_nmi(DeviceState *dev);
void apic_set_deadline(DeviceState *dev, unsigned cpu, uint64_t tsc);
/* What its registers read as, at their offsets; no side effect. Machine
 * lock. */
void apic_page(DeviceState *dev, unsigned cpu, uint8_t page[APIC_PAGE_BYTES]);
/* The task priority; CR8 is its high half. Reading needs no lock for the CPU
 * itself. */
uint8_t apic_tpr(DeviceState *dev, unsigned cpu);
void apic_set_tpr(DeviceState *dev, unsigned cpu, uint8_t tpr);

#endif
