/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hart that waits to be started, in a loop around WFI with MSIP pending (so
 * WFI never sleeps: Priv 3.3.3), is told in two stores: first that it shall
 * go, then where to. OpenSBI 1.1 does so. On hardware the second store comes
 * long before a hart has left its loop; here the hart must not see the first
 * and go while the one that starts it has not got on. Runs in the machine
 * alone, with -smp 2 and in host code: WINDOW is a part of what doze.c gives.
 */
#include "isa.h"

enum { ROUNDS = 120, POLLS = 40, STEP = 500, WINDOW = 100000, WARM_UP = 3000 };

#define MSIP(hart) (*(volatile uint32_t *)(0x2000000ul + 4 * (hart)))

static volatile uint32_t go, where, polls, went[ROUNDS + 1];

static __attribute__((noinline)) void work(uint32_t insns)
{
    for (volatile uint32_t n = 0; n < insns / 4; n++) {
    }
}

/* What a hart does between its loop and where it goes. */
static __attribute__((noinline)) void warm_up(void)
{
    for (unsigned i = 0; i < WARM_UP / 100; i++) {
        work(100);
    }
}

/* A handler that ends its interrupt. */
asm(".balign 4\n"
    "on_interrupt:\n"
    "    li t6, 0x2000004\n"
    "    sw zero, 0(t6)\n"
    "    li t5, 1\n"
    "    mret\n");
extern char on_interrupt[];

static void take_interrupt(xlen_t hart)
{
    xlen_t before = csr_read("mtvec");

    csr_write("mtvec", on_interrupt);
    MSIP(hart) = 1;
    asm volatile("li t5, 0\n"
                 "csrsi mstatus, 8\n"
                 "1: beqz t5, 1b\n"
                 "csrci mstatus, 8\n" ::
                     : "t5", "t6", "memory");
    csr_write("mtvec", before);
}

void other_main(xlen_t hart);
void other_main(xlen_t hart)
{
    csr_write("mie", 1 << 3);
    for (uint32_t round = 1; hart == 1 && round <= ROUNDS; round++) {
        take_interrupt(hart); /* it has not polled for long */
        MSIP(hart) = 1;
        for (polls = 0; go != round; polls++) {
            asm volatile("wfi");
        }
        warm_up();
        went[round] = where;
        polls = 0;
        asm volatile("fence w, w" ::: "memory");
        go = 0;
    }
    csr_write("mie", 0);
    for (;;) {
        asm volatile("wfi");
    }
}

int main(void)
{
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        while (polls < POLLS) { /* in vain, for long */
            work(100);
        }
        work(round * STEP); /* so that it looks at any moment */
        go = round;
        work(WINDOW);
        where = round;
        while (go != 0) {
            work(1000);
        }
        check(went[round] == round);
    }
    return 0;
}
