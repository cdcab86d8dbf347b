/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor is to show: interrupt controllers with something in every
 * register, one interrupt in service and two that wait, and a few pages with
 * attributes of their own at 1 GiB. The command line is 1 for x2APIC mode.
 * Prints s when it finds the interrupt in service, n when it does not (a
 * software KVM).
 */
#include "guest.h"

enum { IOAPIC = 0xfec00000, LAPIC = 0xfee00000, IA32_APIC_BASE = 0x1b };
enum { SERVED = 0x81, WAITING = 0x52, LINT1_ENTRY = 0x360 };
enum { P = 1, RW = 2, US = 4, PWT = 8, PCD = 16, A = 32, D = 64, G = 256 };
enum { CR4_PGE = 1 << 7 };
#define NX (1ull << 63)

static Gate idt[256];
static uint64_t tables[2][512] __attribute__((aligned(4096)));
static bool x2apic;

/* Register @r by the offset that it has in the page. */
static void lapic(uint32_t r, uint32_t v)
{
    if (x2apic) {
        wrmsr(0x800 + r / 16, v);
    } else {
        mmio_write(LAPIC + r, v);
    }
}

static uint32_t lapic_read(uint32_t r)
{
    return x2apic ? (uint32_t)rdmsr(0x800 + r / 16) : mmio_read(LAPIC + r);
}

static void pin(unsigned n, uint32_t low, uint32_t high)
{
    mmio_write(IOAPIC, 0x11 + 2 * n);
    mmio_write(IOAPIC + 0x10, high);
    mmio_write(IOAPIC, 0x10 + 2 * n);
    mmio_write(IOAPIC + 0x10, low);
}

/* Never comes back: no end of interrupt, and none is taken any more. */
static __attribute__((interrupt)) void handler(Frame *f)
{
    (void)f;
    lapic(0x300, 0x40000 | WAITING); /* to itself */
    lapic(0x300, 0x40000 | (WAITING + 1));
    lapic(0x80, 0x20);
    put(lapic_read(0x100 + SERVED / 32 * 16) >> SERVED % 32 & 1 ? "s" : "n");
    put("S");
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

/* 1 GiB: 2 MiB, of which the second are pages. */
static void map_pages(void)
{
    uint64_t *pml4 = (uint64_t *)(GET("cr3") & ~0xfffull);
    uint64_t *pdpt = (uint64_t *)(pml4[0] & ~0xfffull);

    tables[0][0] = 0x200000 | 0x80 | P | RW | PCD | G;
    tables[0][1] = (uint64_t)tables[1] | P | RW | US;
    tables[1][0] = 0x5000 | P | RW | US | PWT;
    tables[1][1] = 0x6000 | P | NX;
    tables[1][3] = 0x7000 | P | A | D | RW;
    pdpt[1] = (uint64_t)tables[0] | P | RW | US;
    SET("cr4", GET("cr4") | CR4_PGE);
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 1 << 11); /* EFER.NXE */
    SET("cr3", GET("cr3"));
    mmio_read(0x40201000);
}

static void set_up_lapic(void)
{
    if (x2apic) {
        wrmsr(IA32_APIC_BASE, rdmsr(IA32_APIC_BASE) | 1 << 10);
    } else {
        lapic(0xd0, 0x02000000); /* LDR */
    }
    lapic(0xf0, 0x1ef);
    lapic(0x320, 0x300ec); /* timer: periodic, masked */
    lapic(0x330, 0x10200);
    lapic(0x340, 0x100ed);
    lapic(0x350, 0x18700);
    lapic(LINT1_ENTRY, 0x2400);
    lapic(0x370, 0xfe);
    lapic(0x3e0, 0xb);
    lapic(0x380, 0x10000000);
}

static void set_up_chips(void)
{
    pin(0, 0x10000, 0);
    pin(5, 0x1a035, 0x03000000); /* level, low, masked */
    pin(9, 0x00839, 0x01000000); /* logical */
    pin(11, 0x00400, 0);         /* NMI */
    for (uint16_t chip = 0x20; chip <= 0xa0; chip += 0x80) {
        outb(chip, 0x11);
        outb(chip + 1, chip == 0x20 ? 0x20 : 0x28);
        outb(chip + 1, chip == 0x20 ? 4 : 2);
        outb(chip + 1, 1);
        outb(chip + 1, chip == 0x20 ? 0xfb : 0xfe);
    }
    outb(0x4d0, 0x20);
}

void guest_other(void)
{
}

void guest_main(const char *command_line)
{
    const Table t = { sizeof(idt) - 1, (uint64_t)idt };

    x2apic = number(&command_line) != 0;
    set_gate(idt, SERVED, handler);
    __asm__ volatile("lidt %0" : : "m"(t));
    map_pages();
    set_up_chips();
    set_up_lapic();
    __asm__ volatile("sti");
    lapic(0x300, 0x40000 | SERVED);
    for (;;) {
        __asm__ volatile("pause");
    }
}
