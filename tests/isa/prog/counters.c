/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zicntr, Zihpm: Unprivileged 6.1.1, 7; Priv 3.1.10 to 3.1.12, 10.1.5.
 *
 * Each instruction that retires is counted, and no other: not one that traps,
 * ECALL and EBREAK included (Priv 3.1.10 and 3.3.1), nor one that a branch
 * jumped over.
 */
#include "isa.h"

enum { INSTRET = 1 << 2, HPM3 = 1 << 3, EVENT_CYCLES = 1, EVENT_INSNS = 2 };

/* The count between two reads around @body: the first read is the only other
 * instruction between. t0 to t2 may change. */
#define COUNTED(counter, body)                                                 \
    ({                                                                         \
        xlen_t a_, b_;                                                         \
        asm volatile(".option push\n.option norvc\n"                           \
                     "csrr %0, " counter "\n" body "\ncsrr %1, " counter       \
                     "\n.option pop"                                           \
                     : "=&r"(a_), "=r"(b_)                                     \
                     : "r"(cells)                                              \
                     : "t0", "t1", "t2", "memory");                            \
        b_ - a_ - 1;                                                           \
    })

static volatile xlen_t cells[16] __attribute__((aligned(64)));
static uint32_t code[2100] __attribute__((aligned(4096)));

/* Behind the instruction that trapped, all of 4 bytes: four instructions. */
void skip_trap(void);
asm(".balign 4\n.globl skip_trap\n.option push\n.option norvc\nskip_trap:\n"
    "csrr t0, mepc\naddi t0, t0, 4\ncsrw mepc, t0\nmret\n.option pop");
enum { SKIP_TRAP = 4 };

static void straight(void)
{
    check(COUNTED("minstret", "") == 0);
    check(COUNTED("minstret", "nop") == 1);
    check(COUNTED("minstret", "nop\nnop\nnop\nnop\nnop") == 5);
    check(COUNTED("instret", "li t0, 5\nadd t0, t0, t0\nnop") == 3);
    check(COUNTED("minstret", ".option rvc\nc.nop\nc.nop\n.option norvc") == 2);
    check(COUNTED("minstret", ".rept 150\naddi t0, t0, 1\n.endr") == 150);
    check(COUNTED("minstret", "lw t0, 0(%2)\nsw t0, 4(%2)\nlw t0, 3(%2)") == 3);
    check(COUNTED("minstret", "amoadd.w t0, t0, (%2)\n"
                              "lr.w t0, (%2)\nsc.w t0, t0, (%2)") == 3);
    check(COUNTED("minstret", "csrw mscratch, t0\ncsrr t0, mscratch\n"
                              "csrw mepc, t0\nfence\nfence.i") == 5);
    /* whole changes of context */
    check(COUNTED("minstret", "csrci mstatus, 8\nsfence.vma\nnop") == 3);
}

static void branches(void)
{
    check(COUNTED("minstret", "li t0, 100\n1: addi t0, t0, -1\n"
                              "bnez t0, 1b") == 201);
    check(COUNTED("minstret", "li t0, 70\n1: addi t0, t0, -1\n"
                              "andi t1, t0, 1\nbnez t1, 2f\nnop\n"
                              "2: bnez t0, 1b") == 1 + 70 * 4 + 35);
    /* over a short run: taken, and not */
    check(COUNTED("minstret", "beq x0, x0, 1f\nnop\nnop\n1: nop") == 2);
    check(COUNTED("minstret", "bne x0, x0, 1f\nnop\nnop\n1: nop") == 4);
    check(COUNTED("minstret", "li t0, 1\nbnez t0, 1f\naddi t1, t1, 1\n1:") ==
          2);
    check(COUNTED("minstret", "j 1f\nnop\n1:") == 1);
    check(COUNTED("minstret", "jal t0, 1f\nj 2f\n1: jr t0\n2:") == 3);
    /* a loop within a loop */
    check(COUNTED("minstret", "li t0, 9\n1: li t1, 11\n2: addi t1, t1, -1\n"
                              "bnez t1, 2b\naddi t0, t0, -1\nbnez t0, 1b") ==
          1 + 9 * (1 + 22 + 2));
}

/* Across page ends, and an instruction across one. */
static void pages(void)
{
    unsigned n = 2050;

    for (unsigned i = 0; i < n; i++) {
        code[i] = 0x00128293; /* addi t0, t0, 1 */
    }
    code[n] = 0x00030067; /* jr t1 */
    asm volatile("fence.i" ::: "memory");
    register xlen_t t2 asm("t2") = (xlen_t)code;
    xlen_t a, b;
    asm volatile(".option push\n.option norvc\ncsrr %0, minstret\n"
                 "jalr t1, t2\ncsrr %1, minstret\n.option pop"
                 : "=&r"(a), "=r"(b), "+r"(t2)
                 :
                 : "t0", "t1", "memory");
    check(b - a - 1 == n + 2);
    for (unsigned i = 0; i < n * 2; i++) { /* two bytes further */
        ((volatile uint16_t *)code)[i + 1] = i & 1 ? 0x0012 : 0x8293;
    }
    ((volatile uint16_t *)code)[0] = 1;              /* c.nop */
    ((volatile uint16_t *)code)[2 * n + 1] = 0x8302; /* c.jr t1 */
    asm volatile("fence.i" ::: "memory");
    t2 = (xlen_t)code;
    asm volatile(".option push\n.option norvc\ncsrr %0, minstret\n"
                 "jalr t1, t2\ncsrr %1, minstret\n.option pop"
                 : "=&r"(a), "=r"(b), "+r"(t2)
                 :
                 : "t0", "t1", "memory");
    check(b - a - 1 == n + 3);
}

/* What traps does not retire; its handler does. */
static void traps(void)
{
    xlen_t before = csr_read("mtvec");
    xlen_t n[7];

    csr_write("mtvec", skip_trap);
    n[0] = COUNTED("minstret", "ecall");
    n[1] = COUNTED("minstret", "ebreak");
    n[2] = COUNTED("minstret", "nop\n.4byte 0\nnop");
    n[3] = COUNTED("minstret", "nop\nli t1, 0x70000000\nlw t2, 0(t1)\nnop");
    n[4] = COUNTED("minstret", "nop\naddi t1, %2, 1\namoadd.w t2, t2, (t1)");
    n[5] = COUNTED("minstret", "li t1, 3\n1: ecall\naddi t1, t1, -1\n"
                               "bnez t1, 1b");
    n[6] = COUNTED("minstret", "csrr t1, 0x8ff");
    csr_write("mtvec", before); /* check() needs it */
    check(n[0] == SKIP_TRAP);
    check(n[1] == SKIP_TRAP);
    check(n[2] == SKIP_TRAP + 2);
    check(n[3] == SKIP_TRAP + 3);
    check(n[4] == SKIP_TRAP + 2);
    check(n[5] == 1 + 3 * (SKIP_TRAP + 2));
    check(n[6] == SKIP_TRAP);
}

/* The write comes behind its instruction's own retirement (6.1.1). */
static void writes(void)
{
    xlen_t v;

    asm volatile("csrw minstret, %1\ncsrr %0, minstret"
                 : "=r"(v)
                 : "r"(1000ul));
    check(v == 1000);
    asm volatile("csrw minstret, %1\nnop\nnop\ncsrr %0, instret"
                 : "=r"(v)
                 : "r"(-2ul));
    check(v == 0);
    asm volatile("csrwi mcountinhibit, 4\nnop\ncsrw minstret, %1\nnop\n"
                 "csrr %0, minstret"
                 : "=r"(v)
                 : "r"(77ul));
    check(v == 77);
    check(COUNTED("minstret", "nop") == -1ul); /* it stands */
    csr_write("mcountinhibit", 0);
    check(COUNTED("minstret", "nop") == 1);
    check(csr_read("minstret") - 77 < 20);
#if __riscv_xlen == 32
    csr_write("minstreth", 5);
    csr_write("minstret", -1ul);
    asm volatile("nop" ::: "memory");
    check(csr_read("minstreth") == 6 && csr_read("instreth") == 6);
    csr_write("minstreth", 0);
#endif
}

static void selectors(void)
{
    xlen_t v, w;

    csr_write("mhpmevent3", EVENT_INSNS);
    if (csr_read("mhpmevent3") != EVENT_INSNS) {
        check(csr_read("mhpmevent3") == 0); /* a hart without it */
        return;
    }
    csr_write("mhpmcounter3", 0);
    check(COUNTED("mhpmcounter3", "nop\nnop") == 2);
    check(COUNTED("hpmcounter3", "li t0, 10\n1: addi t0, t0, -1\n"
                                 "bnez t0, 1b") == 21);
    csr_write("mcountinhibit", HPM3);
    v = csr_read("mhpmcounter3");
    check(COUNTED("minstret", "nop") == 1);
    check(csr_read("mhpmcounter3") == v);
    csr_write("mcountinhibit", INSTRET); /* the other stands */
    check(COUNTED("mhpmcounter3", "nop") == 1);
    check(COUNTED("minstret", "nop") == -1ul);
    csr_write("mcountinhibit", 0);
    csr_write("mhpmevent3", 0);
    v = csr_read("mhpmcounter3");
    check(csr_read("mhpmcounter3") == v);
    csr_write("mhpmevent3", EVENT_CYCLES);
    check(csr_read("mhpmcounter3") >= v); /* no jump back */
    csr_write("mhpmevent3", 0x7777);      /* WARL */
    w = csr_read("mhpmevent3");
    check(w <= EVENT_INSNS);
    csr_write("mhpmevent3", 0);
    csr_write("mhpmcounter3", 123);
    check(csr_read("mhpmcounter3") == 123);
}

static xlen_t in_user(xlen_t unused)
{
    check(COUNTED("instret", "nop\nnop\nnop") == 3);
    TRAPS(csr_read("cycle"), EXC_ILLEGAL);
    TRAPS(csr_write("instret", 0), EXC_ILLEGAL);
    return 5;
}

/* Time that a mode spends counts on for the next (Priv 3.1.10). */
static void modes(void)
{
    xlen_t v;

    csr_write("mcounteren", INSTRET);
    csr_write("scounteren", INSTRET);
    v = csr_read("minstret");
    check(call_in(PRV_U, in_user, 0) == 5);
    check(csr_read("minstret") - v > 20);
    csr_write("scounteren", 0);
    csr_write("mcounteren", 0);
}

int main(void)
{
    xlen_t v = csr_read("minstret");

    asm volatile("nop; nop; nop");
    check(csr_read("minstret") - v < 20); /* from the first use on */
    straight();
    branches();
    pages();
    traps();
    writes();
    selectors();
    modes();
    return 0;
}
