/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zicsr rules (Unprivileged 6), CSR access and WARL fields (Priv 2, 3). */
#include "isa.h"

static xlen_t in_user(xlen_t unused)
{
    TRAPS(csr_read("mstatus"), EXC_ILLEGAL);
    check(trap.tval != 0);
    TRAPS(csr_read("sscratch"), EXC_ILLEGAL);
    TRAPS(csr_write("mscratch", 0), EXC_ILLEGAL);
    TRAPS(asm volatile("mret"), EXC_ILLEGAL);
    TRAPS(asm volatile("sret"), EXC_ILLEGAL);
    TRAPS(asm volatile("sfence.vma"), EXC_ILLEGAL);
    TRAPS(asm volatile("wfi"), EXC_ILLEGAL);
    TRAPS(csr_read("cycle"), EXC_ILLEGAL); /* mcounteren is 0 */
    return 11;
}

static xlen_t in_supervisor(xlen_t unused)
{
    TRAPS(csr_read("mstatus"), EXC_ILLEGAL);
    TRAPS(asm volatile("mret"), EXC_ILLEGAL);
    csr_write("sscratch", 0x1234);
    check(csr_read("sscratch") == 0x1234);
    csr_set("sstatus", MSTATUS_SUM);
    check(csr_read("sstatus") & MSTATUS_SUM);
    csr_clear("sstatus", MSTATUS_SUM);
    check(!(csr_read("sstatus") & MSTATUS_SUM));
    csr_set("sstatus", MSTATUS_SIE);
    check(csr_read("sstatus") & MSTATUS_SIE);
    csr_clear("sstatus", MSTATUS_SIE);
    check(!(csr_read("sstatus") & MSTATUS_SIE));
    /* the machine's fields are neither seen nor changed */
    csr_set("sstatus", MSTATUS_MIE | MSTATUS_MPP);
    check(!(csr_read("sstatus") & (MSTATUS_MIE | MSTATUS_MPP)));
    csr_read("cycle");
    TRAPS(csr_read("instret"), EXC_ILLEGAL); /* mcounteren.IR is 0 */
    return 22;
}

static xlen_t barred(xlen_t unused)
{
    TRAPS(csr_read("satp"), EXC_ILLEGAL); /* TVM */
    TRAPS(asm volatile("sfence.vma"), EXC_ILLEGAL);
    TRAPS(asm volatile("wfi"), EXC_ILLEGAL);  /* TW */
    TRAPS(asm volatile("sret"), EXC_ILLEGAL); /* TSR */
    return 33;
}

static void reads_and_writes(void)
{
    xlen_t v;

    csr_write("mscratch", 5);
    asm volatile("csrrw %0, mscratch, %1" : "=r"(v) : "r"(7ul));
    check(v == 5);
    asm volatile("csrrs %0, mscratch, %1" : "=r"(v) : "r"(8ul));
    check(v == 7 && csr_read("mscratch") == 15);
    asm volatile("csrrc %0, mscratch, %1" : "=r"(v) : "r"(6ul));
    check(v == 15 && csr_read("mscratch") == 9);
    asm volatile("csrrwi %0, mscratch, 31" : "=r"(v));
    check(v == 9 && csr_read("mscratch") == 31);
    asm volatile("csrrsi %0, mscratch, 0" : "=r"(v));
    check(v == 31);
    asm volatile("csrrci %0, mscratch, 15" : "=r"(v));
    check(v == 31 && csr_read("mscratch") == 16);
    asm volatile("csrrwi x0, mscratch, 3");
    check(csr_read("mscratch") == 3);
    /* rd = rs1 */
    v = 44;
    asm volatile("csrrw %0, mscratch, %0" : "+r"(v));
    check(v == 3 && csr_read("mscratch") == 44);
    v = csr_read("mscratch");
    csr_write("mscratch", -1ul);
    check(csr_read("mscratch") == -1ul);
}

/* Reads with rs1 = x0 pass, any write is illegal. */
static void read_only_ones(void)
{
    csr_read("mhartid");
    csr_read("mvendorid");
    TRAPS(csr_write("mhartid", 1), EXC_ILLEGAL);
    TRAPS(asm volatile("csrrs x0, mhartid, %0" ::"r"(0ul)), EXC_ILLEGAL);
    TRAPS(asm volatile("csrr a0, 0x8ff" ::: "a0"), EXC_ILLEGAL); /* no such */
    TRAPS(asm volatile("csrw 0x5a8, x0"), EXC_ILLEGAL);
}

/* MXL and the letters this program was built with. */
static void misa(void)
{
    xlen_t v = csr_read("misa");
    check(v >> (__riscv_xlen - 2) == (__riscv_xlen == 64 ? 2 : 1));
    check((v & 0x1105) == 0x1105 || (v & 0x1101) == 0x1101); /* A C I M */
}

static void warl_fields(void)
{
    csr_write("mtvec", csr_read("mtvec") | 2); /* reserved mode */
    check((csr_read("mtvec") & 3) < 2);
    csr_write("mepc", 0x08000003);
    check((csr_read("mepc") & 1) == 0);
    csr_set("mstatus", MSTATUS_MPP);
    csr_clear("mstatus", 1ul << 12); /* MPP = 1 */
    check((csr_read("mstatus") & MSTATUS_MPP) == 1ul << 11);
    csr_set("mstatus", 2ul << 11);
    csr_clear("mstatus", 1ul << 11); /* 2 is no mode */
    check((csr_read("mstatus") & MSTATUS_MPP) != 2ul << 11);
    csr_write("medeleg", -1ul);
    check((csr_read("medeleg") & 1 << 11) == 0); /* ecall from M */
    csr_write("medeleg", 0);
    csr_write("mideleg", -1ul);
    check((csr_read("mideleg") & 0x888) == 0);
    csr_write("mideleg", 0);
}

/* Priv 3.1.10, 3.1.12 */
static void counters(void)
{
    xlen_t v, w;

    csr_write("mcountinhibit", 0);
    v = csr_read("mcycle");
    w = csr_read("mcycle");
    check(w > v);
    v = csr_read("minstret");
    asm volatile("nop; nop; nop");
    w = csr_read("minstret");
    check(w - v >= 4); /* exact only where instructions are counted */
    csr_write("mcountinhibit", 5);
    v = csr_read("mcycle");
    w = csr_read("minstret");
    check(csr_read("mcycle") == v && csr_read("minstret") == w);
    csr_write("mcycle", 1000);
    csr_write("minstret", 77);
    check(csr_read("mcycle") == 1000 && csr_read("minstret") == 77);
    csr_write("mcountinhibit", 0);
    check(csr_read("mcycle") >= 1000);
    check(csr_read("cycle") >= 1000); /* M reads its shadow */
#if __riscv_xlen == 32
    csr_write("mcycleh", 3);
    check(csr_read("mcycleh") == 3 && csr_read("cycleh") == 3);
#endif
}

int main(void)
{
    reads_and_writes();
    read_only_ones();
    misa();
    warl_fields();
    counters();
    csr_write("mcounteren", 0);
    check(call_in(PRV_U, in_user, 0) == 11);
    csr_write("mcounteren", 1);
    check(call_in(PRV_S, in_supervisor, 0) == 22);
    csr_set("mstatus", MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR);
    check(call_in(PRV_S, barred, 0) == 33);
    csr_clear("mstatus", MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR);
    return 0;
}
