/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power button's edge, at pin 9 of the I/O APIC, and an NMI: the program
 * ends with the sum of what the command line expects, 1 and 2, when all of that
 * has come.
 */
#include "guest.h"

enum { IOAPIC = 0xfec00000, LAPIC = 0xfee00000, PIN = 9, VECTOR = 0x40 };

static Gate idt[256];
static volatile uint32_t seen;

static __attribute__((interrupt)) void nmi(Frame *f)
{
    (void)f;
    seen |= 2;
}

static __attribute__((interrupt)) void button(Frame *f)
{
    (void)f;
    seen |= 1;
    mmio_write(LAPIC + 0xb0, 0);
}

void guest_other(void)
{
}

void guest_main(const char *command_line)
{
    const Table t = { sizeof(idt) - 1, (uint64_t)idt };
    uint32_t wanted = number(&command_line);

    set_gate(idt, 2, nmi);
    set_gate(idt, VECTOR, button);
    __asm__ volatile("lidt %0" : : "m"(t));
    mmio_write(LAPIC + 0xf0, 0x1ff);
    mmio_write(LAPIC + 0x360, 0x400); /* LINT1 */
    mmio_write(IOAPIC, 0x10 + 2 * PIN);
    mmio_write(IOAPIC + 0x10, VECTOR);
    __asm__ volatile("sti");
    put("S");
    while ((seen & wanted) != wanted) {
        __asm__ volatile("pause");
    }
    finish(wanted);
}
