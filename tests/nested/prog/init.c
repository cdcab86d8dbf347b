/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INIT and start-up IPIs to a CPU in the midst of accesses to a device, again
 * and again: each time it starts anew, with no task priority, as if the access
 * had not been (SDM 3A 8.4.4, 10.8.6). The command line: how often. At last it
 * is taken out of the handler of an NMI, and takes another one afterwards.
 */
#include "guest.h"

enum { IOAPIC = 0xfec00000, STACK = 8192, READS = 3 };
extern volatile uint32_t ap_stack;
static volatile uint32_t starts, reads, wrong, nmis;
static Gate idt[3];

/* There is no way back but INIT. */
static __attribute__((interrupt)) void nmi(Frame *f)
{
    (void)f;
    nmis++;
    for (;;) {
        __asm__ volatile("pause");
    }
}

void guest_other(void)
{
    const Table t = { sizeof(idt) - 1, (uint64_t)idt };
    uint64_t priority;

    __asm__ volatile("lidt %0" : : "m"(t));
    __asm__ volatile("mov %%cr8, %0" : "=r"(priority));
    wrong += priority != 0;
    __asm__ volatile("mov %0, %%cr8" : : "r"(5ull));
    for (starts++;; reads++) {
        wrong += mmio_read(IOAPIC) != 1;
    }
}

static void wait_beyond(const volatile uint32_t *counter, uint32_t n)
{
    while (*counter <= n) {
        __asm__ volatile("pause");
    }
}

void guest_main(const char *command_line)
{
    uint32_t rounds = number(&command_line);

    set_gate(idt, 2, nmi);
    mmio_write(IOAPIC, 1);
    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t n = reads;

        ap_stack = STACK;
        start_others();
        wait_beyond(&starts, i);
        wait_beyond(&reads, n + READS);
    }
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t n = starts;

        ap_stack = STACK;
        start_others();
        wait_beyond(&starts, n);
        mmio_write(0xfee00300, 0xc4400); /* NMI to all others */
        wait_beyond(&nmis, i);
    }
    put("starts ");
    put_hex(starts, 4);
    put(wrong ? " wrong\n" : " right\n");
    finish(wrong != 0);
}
