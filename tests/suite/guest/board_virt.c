/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * riscv64's "virt": the map and lines of its device tree. Interrupts by the
 * PLIC's first context, machine mode of hart 0 (RISC-V PLIC specification 1.0).
 */
#include "suite.h"

#define SERIAL  0x10000000ull
#define FW_CFG  0x10100000ull
#define PLIC    0x0c000000ull
#define ENABLE  (PLIC + 0x2000)
#define PENDING (PLIC + 0x1000)
#define CLAIM   (PLIC + 0x200004)
#define TEST    0x00100000ull

const Board board = {
    .slots = 0x10001000,
    .slot_step = 0x1000,
    .slot_count = 8,
    .slot_irq = 1,
    .ecam = 0x30000000,
    .pci_memory = 0x40000000,
    .pci_irq = { 32, 33, 34, 35 },
    .serial_irq = 10,
    .nowhere = 0xb0000000,
};

uint8_t serial_in(unsigned reg)
{
    return get8(SERIAL + reg);
}

void serial_out(unsigned reg, uint8_t value)
{
    put8(SERIAL + reg, value);
}

void fw_select(uint16_t key)
{
    put16(FW_CFG + 8, (uint16_t)(key << 8 | key >> 8));
}

uint8_t fw_data(void)
{
    return get8(FW_CFG);
}

void fw_dma(uint64_t address)
{
    put32(FW_CFG + 16, big32((uint32_t)(address >> 32)));
    put32(FW_CFG + 20, big32((uint32_t)address));
}

void irq_init(void)
{
    put32(PLIC + 0x200000, 0); /* threshold */
    asm volatile("csrw mie, %0" ::"r"(1ul << 11));
}

void irq_enable(unsigned line)
{
    uint64_t at = ENABLE + 4 * (line / 32);

    put32(PLIC + 4 * line, 1); /* priority */
    put32(at, get32(at) | 1u << line % 32);
}

bool irq_pending(unsigned line)
{
    return get32(PENDING + 4 * (line / 32)) >> line % 32 & 1;
}

/* The external interrupt is seen in mip, where the CPU would take it. */
void irq_begin(unsigned line)
{
    for (;;) {
        unsigned long mip;
        uint32_t source;

        asm volatile("csrr %0, mip" : "=r"(mip)::"memory");
        if (!(mip & 1ul << 11)) {
            continue;
        }
        source = get32(CLAIM);
        if (source == line) {
            return;
        }
        note("an interrupt of another line", source);
        finish();
    }
}

void irq_end(unsigned line)
{
    put32(CLAIM, line);
}

void finish(void)
{
    put32(TEST, 0x5555);
    for (;;) {
    }
}

void fault(unsigned long cause, unsigned long pc);
void fault(unsigned long cause, unsigned long pc)
{
    note("a trap, by cause", cause);
    note("at", pc);
    finish();
}
