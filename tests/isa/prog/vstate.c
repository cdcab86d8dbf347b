/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector state that is looked at from outside and moved to another process
 * (run_vstate.py): rounds without end, each with other registers, vtype, vl
 * and vcsr, that stay in the middle of an access (vstart is not 0; Unpriv
 * 31.3.7) for most of the time and go on from there. Prints a '.' a round;
 * ends well when a byte comes.
 */
#include "isa.h"

#define MSTATUS_VS (3ul << 9)
#define RAM_END    0x84000000ul

enum { UART_DATA = 0x10000000, UART_LSR = UART_DATA + 5, LOOPS = 20000 };
enum { MAX_VLENB = 128, FILE_BYTES = 32 * MAX_VLENB };

static uint8_t in[FILE_BYTES] __attribute__((aligned(64)));
static uint8_t out[FILE_BYTES] __attribute__((aligned(64)));

/* v0 to v31 from or to memory. */
static void move_all(void *p, bool load)
{
    xlen_t step = 8 * csr_read("vlenb");

    if (load) {
        asm volatile("vl8re8.v v0, (%0); add %0, %0, %1;"
                     "vl8re8.v v8, (%0); add %0, %0, %1;"
                     "vl8re8.v v16, (%0); add %0, %0, %1;"
                     "vl8re8.v v24, (%0)"
                     : "+r"(p)
                     : "r"(step)
                     : "memory");
    } else {
        asm volatile("vs8r.v v0, (%0); add %0, %0, %1;"
                     "vs8r.v v8, (%0); add %0, %0, %1;"
                     "vs8r.v v16, (%0); add %0, %0, %1;"
                     "vs8r.v v24, (%0)"
                     : "+r"(p)
                     : "r"(step)
                     : "memory");
    }
}

static void wait(void)
{
    for (int i = 0; i < LOOPS; i++) {
        asm volatile("");
    }
}

static void round(xlen_t n)
{
    xlen_t vlenb = csr_read("vlenb"), first = 1 + n % 6, last;
    xlen_t vl = first + 1 + n % (vlenb / 2 - 7), type;

    for (unsigned i = 0; i < 32 * vlenb; i++) {
        in[i] = n * 13 + i * 7 + i / 64;
    }
    move_all(in, true);
    csr_write("vcsr", n % 8);
    asm volatile("vsetvli x0, %0, e16, m1, tu, mu" ::"r"(vl));
    type = csr_read("vtype");
    /* the access ends after `first` elements of v5 */
    last = RAM_END - 2 * first;
    for (unsigned i = 0; i < 2 * first; i++) {
        ((volatile uint8_t *)last)[i] = in[5 * vlenb + i] ^= 0xff;
    }
    TRAPS(asm volatile("vle16.v v5, (%0)" ::"r"(last)
                       : "memory"),
          EXC_LOAD_ACCESS);
    wait();
    check(csr_read("vstart") == first && csr_read("vl") == vl);
    check(csr_read("vtype") == type && csr_read("vcsr") == n % 8);
    check((csr_read("mstatus") & MSTATUS_VS) == MSTATUS_VS);
    for (unsigned i = 2 * first; i < 2 * vl; i++) {
        in[5 * vlenb + i] ^= 0x55;
    }
    asm volatile("vle16.v v5, (%0)" ::"r"(in + 5 * vlenb) : "memory");
    check(csr_read("vstart") == 0);
    wait();
    move_all(out, false);
    for (unsigned i = 0; i < 32 * vlenb; i++) {
        check(out[i] == in[i]);
    }
    check(csr_read("vl") == vl && csr_read("vtype") == type);
}

int main(void)
{
    csr_set("mstatus", MSTATUS_VS);
    for (xlen_t n = 1; !(*(volatile uint8_t *)UART_LSR & 1); n++) {
        round(n);
        *(volatile uint8_t *)UART_DATA = '.';
    }
    return 0;
}
