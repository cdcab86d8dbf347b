/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64's "microvm": its documented map; interrupts by the I/O APIC (Intel
 * 82093AA) and the local APIC (SDM 3A 10).
 */
#include "suite.h"

#define LAPIC  0xfee00000ull
#define IOAPIC 0xfec00000ull

enum { COM1 = 0x3f8, FW_CFG = 0x510, DEBUG_EXIT = 0xf4, VECTOR = 0x40 };

const Board board = {
    .slots = 0xfeb00000,
    .slot_step = 0x200,
    .slot_count = 8,
    .slot_irq = 16,
    .ecam = 0xe0000000,
    .pci_memory = 0xc0000000,
    .pci_irq = { 12, 13, 14, 15 },
    .serial_irq = 4,
    .nowhere = 0xb0000000,
};

static uint8_t in8(uint16_t port)
{
    uint8_t value;

    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static void out8(uint16_t port, uint8_t value)
{
    asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static void out16(uint16_t port, uint16_t value)
{
    asm volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static void out32(uint16_t port, uint32_t value)
{
    asm volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

uint8_t serial_in(unsigned reg)
{
    return in8((uint16_t)(COM1 + reg));
}

void serial_out(unsigned reg, uint8_t value)
{
    out8((uint16_t)(COM1 + reg), value);
}

void fw_select(uint16_t key)
{
    out16(FW_CFG, key);
}

uint8_t fw_data(void)
{
    return in8(FW_CFG + 1);
}

void fw_dma(uint64_t address)
{
    out32(FW_CFG + 4, big32((uint32_t)(address >> 32)));
    out32(FW_CFG + 8, big32((uint32_t)address));
}

void irq_init(void)
{
    put32(LAPIC + 0xf0, 0x1ff); /* enabled */
    put32(LAPIC + 0x80, 0);     /* any priority */
}

/* Edge-triggered: a software KVM may end an interrupt as it delivers it, and
 * what is level-triggered would come again before it is served. */
void irq_enable(unsigned line)
{
    put32(IOAPIC, 0x11 + 2 * line); /* to APIC 0 */
    put32(IOAPIC + 0x10, 0);
    put32(IOAPIC, 0x10 + 2 * line);
    put32(IOAPIC + 0x10, VECTOR + line);
}

/* The local APIC's request register: it waits for the CPU. */
bool irq_pending(unsigned line)
{
    unsigned vector = VECTOR + line;

    return get32(LAPIC + 0x200 + 16 * (vector / 32)) >> vector % 32 & 1;
}

int irq_window(void);

void irq_begin(unsigned line)
{
    int taken = irq_window();

    if (taken != (int)line) {
        note("an interrupt of another line", (uint64_t)taken);
        finish();
    }
}

void irq_end(unsigned line)
{
    (void)line;
    put32(LAPIC + 0xb0, 0);
}

void finish(void)
{
    out32(DEBUG_EXIT, 0);
    for (;;) {
        asm volatile("hlt");
    }
}

void fault(unsigned vector, uint64_t first, uint64_t second);
void fault(unsigned vector, uint64_t first, uint64_t second)
{
    note("an exception, by vector", vector);
    note("on the stack", first);
    note("and", second);
    finish();
}
