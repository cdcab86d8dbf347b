/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions and interrupts between M, S and U: Priv 3.1, 3.3, 10.1. */
#include "isa.h"

enum { SSI = 1, STI = 5 };
#define IRQ(n) ((xlen_t)1 << (__riscv_xlen - 1) | (n))

static xlen_t do_ecall(xlen_t expected)
{
    TRAPS(asm volatile("li a7, 0; ecall" ::: "a7"), expected);
    return 1;
}

static void causes(void)
{
    TRAPS(asm volatile("li a7, 0; ecall" ::: "a7"), EXC_ECALL_M);
    check(trap.tval == 0);
    check(call_in(PRV_S, do_ecall, EXC_ECALL_S) == 1);
    check((trap.status & MSTATUS_MPP) >> 11 == PRV_S);
    check(call_in(PRV_U, do_ecall, EXC_ECALL_U) == 1);
    check((trap.status & MSTATUS_MPP) >> 11 == PRV_U);
    TRAPS(asm volatile(".4byte 0xffffffff"), EXC_ILLEGAL);
    check(trap.tval == 0xffffffff || trap.tval == -1ul);
    TRAPS(asm volatile(".insn 2, 0"), EXC_ILLEGAL);
    check(trap.tval == 0);
    xlen_t pc;
    TRAPS(asm volatile("la %0, 1f; 1: ebreak" : "=r"(pc)), EXC_BREAKPOINT);
    check(trap.epc == pc && (trap.tval == pc || trap.tval == 0));
    /* state is precise: the instructions before are done, none after is */
    xlen_t x = 1, y = 1;
    TRAPS(asm volatile("addi %0, %0, 1; .4byte 0xffffffff; addi %1, %1, 1"
                       : "+r"(x), "+r"(y)),
          EXC_ILLEGAL);
    check(x == 2 && y == 2);
}

/* MPIE, MPP, MIE through a trap and MRET (3.1.6.1). */
static void stacks(void)
{
    csr_clear("mie", -1ul);
    csr_set("mstatus", MSTATUS_MIE);
    TRAPS(asm volatile("li a7, 0; ecall" ::: "a7"), EXC_ECALL_M);
    check((trap.status & MSTATUS_MPIE) && !(trap.status & MSTATUS_MIE));
    check(csr_read("mstatus") & MSTATUS_MIE);
    csr_clear("mstatus", MSTATUS_MIE);
    TRAPS(asm volatile("li a7, 0; ecall" ::: "a7"), EXC_ECALL_M);
    check(!(trap.status & MSTATUS_MPIE));
    check(!(csr_read("mstatus") & MSTATUS_MIE));
    check(csr_read("mstatus") & MSTATUS_MPIE);       /* set by MRET */
    check((csr_read("mstatus") & MSTATUS_MPP) == 0); /* least mode */
    /* MRET to a lesser mode clears MPRV, to M it does not */
    csr_set("mstatus", MSTATUS_MPP | MSTATUS_MPRV);
    asm volatile("la t0, 1f; csrw mepc, t0; mret; .balign 4; 1:" ::: "t0");
    check(csr_read("mstatus") & MSTATUS_MPRV);
    csr_set("mstatus", MSTATUS_MPP);
    check(call_in(PRV_S, do_ecall, EXC_ECALL_S) == 1);
    check(!(csr_read("mstatus") & MSTATUS_MPRV));
}

/* The ecall that leaves this function is not delegated. */
static xlen_t user_delegated(xlen_t unused)
{
    STRAPS(asm volatile("ebreak"), EXC_BREAKPOINT);
    check(!(strap.status & MSTATUS_SPP));
    STRAPS(asm volatile(".4byte 0xffffffff"), EXC_ILLEGAL);
    check(!(strap.status & MSTATUS_SPP));
    return 5;
}

static xlen_t supervisor_delegated(xlen_t unused)
{
    csr_set("sstatus", MSTATUS_SIE);
    STRAPS(asm volatile("ebreak"), EXC_BREAKPOINT);
    check(strap.status & MSTATUS_SPP);
    check((strap.status & MSTATUS_SPIE) && !(strap.status & MSTATUS_SIE));
    check(csr_read("sstatus") & MSTATUS_SIE);
    STRAPS(asm volatile(".4byte 0xffffffff"), EXC_ILLEGAL);
    check(strap.tval == (xlen_t)0xffffffff);
    return 6;
}

static void delegation(void)
{
    csr_write("medeleg", 1ul << EXC_BREAKPOINT | 1ul << EXC_ILLEGAL);
    csr_write("stvec", (xlen_t)strap_entry);
    /* never downwards: M's own go to M */
    TRAPS(asm volatile("ebreak"), EXC_BREAKPOINT);
    check(call_in(PRV_S, supervisor_delegated, 0) == 6);
    check(call_in(PRV_U, user_delegated, 0) == 5);
    csr_write("medeleg", 1ul << EXC_BREAKPOINT);
    check(call_in(PRV_S, do_ecall, EXC_ECALL_S) == 1);
    csr_write("medeleg", 0);
}

static xlen_t spin(xlen_t unused)
{
    xlen_t n = trap.count + strap.count;

    for (int i = 0; i < 1000; i++) {
        if (trap.count + strap.count != n) {
            return i;
        }
    }
    return 9999;
}

/* Software interrupts: enabling, delegation, priority (3.1.9). */
static void interrupts(void)
{
    csr_clear("mstatus", MSTATUS_MIE);
    csr_write("mie", 0);
    csr_set("mip", 1 << SSI);
    check(csr_read("mip") & 1 << SSI);
    csr_write("mie", 1 << SSI);
    check(spin(0) == 9999); /* MIE is clear */
    trap.cause = 0;
    csr_set("mstatus", MSTATUS_MIE);
    spin(0);
    check(trap.cause == IRQ(SSI));
    csr_clear("mstatus", MSTATUS_MIE);
    /* below M, M's interrupts are on whatever MIE says */
    csr_write("mie", 1 << SSI);
    trap.cause = 0;
    call_in(PRV_U, spin, 0);
    check(trap.cause == IRQ(SSI));
    /* delegated: not in M ... */
    csr_write("mideleg", 1 << SSI);
    csr_write("stvec", (xlen_t)strap_entry);
    csr_write("mie", 1 << SSI);
    csr_set("mstatus", MSTATUS_MIE);
    check(spin(0) == 9999);
    csr_clear("mstatus", MSTATUS_MIE);
    /* ... in S only with SIE, in U always */
    csr_clear("mstatus", MSTATUS_SIE);
    check(call_in(PRV_S, spin, 0) == 9999);
    csr_set("mstatus", MSTATUS_SIE);
    csr_set("mstatus", MSTATUS_SPIE);
    strap.cause = 0;
    call_in(PRV_S, spin, 0);
    check(strap.cause == IRQ(SSI));
    csr_clear("mstatus", MSTATUS_SIE);
    csr_write("mie", 1 << SSI);
    strap.cause = 0;
    call_in(PRV_U, spin, 0);
    check(strap.cause == IRQ(SSI));
    /* two at once: SSI before STI */
    csr_write("mideleg", 0);
    csr_set("mip", 1 << STI | 1 << SSI);
    csr_write("mie", 1 << STI | 1 << SSI);
    trap.cause = 0;
    xlen_t n = trap.count;
    csr_set("mstatus", MSTATUS_MIE);
    while (trap.count == n) {
    }
    csr_clear("mstatus", MSTATUS_MIE);
    check(csr_read("mie") == 0);   /* both came */
    check(trap.cause == IRQ(STI)); /* SSI first, STI last */
    csr_clear("mip", 1 << STI | 1 << SSI);
}

/* WFI ends when an enabled interrupt is pending, whatever MIE says (3.3.3). */
static void wfi(void)
{
    csr_clear("mstatus", MSTATUS_MIE);
    csr_set("mip", 1 << SSI);
    csr_write("mie", 1 << SSI);
    trap.cause = 0;
    asm volatile("wfi");
    check(trap.cause == 0);
    csr_write("mie", 0);
    csr_clear("mip", 1 << SSI);
}

/* Vectored mode: interrupts go to base + 4 * cause, exceptions to base. */
extern char vectors[];
asm("    .balign 256\n"
    "    .option push\n"
    "    .option norvc\n"
    "vectors:\n"
    "    j trap_entry\n"
    "    j vector_ssi\n"
    "    .option pop\n"
    "vector_ssi:\n"
    "    csrci mie, 2\n"
    "    li s2, 1234\n"
    "    mret\n");

static void vectored(void)
{
    xlen_t old = csr_read("mtvec");
    xlen_t seen;

    csr_write("mtvec", (xlen_t)vectors | 1);
    csr_write("mie", 1 << SSI);
    asm volatile("li s2, 0; csrsi mip, 2; csrsi mstatus, 8; nop; nop;"
                 "csrci mstatus, 8; csrci mip, 2; mv %0, s2"
                 : "=r"(seen)::"s2", "memory");
    check(seen == 1234);
    TRAPS(asm volatile("ebreak"), EXC_BREAKPOINT);
    csr_write("mtvec", old);
}

int main(void)
{
    causes();
    stacks();
    delegation();
    interrupts();
    wfi();
    vectored();
    return 0;
}
