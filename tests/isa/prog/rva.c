/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomics: Unprivileged 14. LR/SC rules, every AMO, alignment. */
#include "isa.h"

static volatile xlen_t cell[4] __attribute__((aligned(64)));

#define LR(sz, p)                                                              \
    ({                                                                         \
        xlen_t v_;                                                             \
        asm volatile("lr." sz " %0, (%1)" : "=r"(v_) : "r"(p) : "memory");     \
        v_;                                                                    \
    })
#define SC(sz, p, v)                                                           \
    ({                                                                         \
        xlen_t r_;                                                             \
        asm volatile("sc." sz " %0, %2, (%1)"                                  \
                     : "=&r"(r_)                                               \
                     : "r"(p), "r"((xlen_t)(v))                                \
                     : "memory");                                              \
        r_;                                                                    \
    })
#define AMO(op, p, v)                                                          \
    ({                                                                         \
        xlen_t o_;                                                             \
        asm volatile(op " %0, %2, (%1)"                                        \
                     : "=&r"(o_)                                               \
                     : "r"(p), "r"((xlen_t)(v))                                \
                     : "memory");                                              \
        o_;                                                                    \
    })

#if __riscv_xlen == 64
#define X "d"
#else
#define X "w"
#endif

static void lr_sc(void)
{
    cell[0] = 5;
    check(LR(X, &cell[0]) == 5);
    check(SC(X, &cell[0], 6) == 0);
    check(cell[0] == 6);
    /* the SC ended the reservation */
    check(SC(X, &cell[0], 7) != 0);
    check(cell[0] == 6);
    /* another address */
    LR(X, &cell[0]);
    check(SC(X, &cell[2], 9) != 0);
    check(cell[2] == 0);
    /* a failed SC ended it as well */
    check(SC(X, &cell[0], 9) != 0);
    check(cell[0] == 6);
    /* the value changed between */
    LR(X, &cell[0]);
    cell[0] = 8;
    check(SC(X, &cell[0], 9) != 0);
    check(cell[0] == 8);
    /* a trap ends it (xRET) */
    LR(X, &cell[0]);
    TRAPS(asm volatile("ebreak"), EXC_BREAKPOINT);
    check(SC(X, &cell[0], 9) != 0);
    check(cell[0] == 8);
    /* words are sign-extended */
    *(volatile uint32_t *)&cell[1] = 0x80000001;
    check(LR("w", &cell[1]) == (xlen_t)(int32_t)0x80000001);
    check(SC("w", &cell[1], 0x90000000) == 0);
    check(*(volatile uint32_t *)&cell[1] == 0x90000000);
    /* success with orderings */
    xlen_t v, r;
    asm volatile("1: lr.w.aqrl %0, (%2); addi %0, %0, 1;"
                 "sc.w.rl %1, %0, (%2); bnez %1, 1b"
                 : "=&r"(v), "=&r"(r)
                 : "r"(&cell[1])
                 : "memory");
    check(*(volatile uint32_t *)&cell[1] == 0x90000001);
}

static void amo_w(void)
{
    volatile uint32_t *p = (volatile uint32_t *)&cell[0];

    *p = 0x80000000;
    p[1] = 0xdeadbeef;
    check(AMO("amoswap.w", p, 5) == (xlen_t)(int32_t)0x80000000 && *p == 5);
    check(AMO("amoadd.w", p, -6ul) == 5 && *p == 0xffffffff);
    check(AMO("amoand.w.aq", p, 0xff0) == -1ul && *p == 0xff0);
    check(AMO("amoor.w.rl", p, 0xf) == 0xff0 && *p == 0xfff);
    check(AMO("amoxor.w.aqrl", p, 0xff) == 0xfff && *p == 0xf00);
    check(AMO("amomin.w", p, -3ul) == 0xf00 && *p == (uint32_t)-3);
    check(AMO("amomin.w", p, 3) == -3ul && *p == (uint32_t)-3);
    check(AMO("amomax.w", p, 3) == -3ul && *p == 3);
    check(AMO("amomax.w", p, -3ul) == 3 && *p == 3);
    check(AMO("amominu.w", p, -3ul) == 3 && *p == 3);
    check(AMO("amominu.w", p, 2) == 3 && *p == 2);
    check(AMO("amomaxu.w", p, -3ul) == 2 && *p == (uint32_t)-3);
    check(AMO("amomaxu.w", p, 7) == -3ul && *p == (uint32_t)-3);
    check(p[1] == 0xdeadbeef); /* the neighbour */
    /* rd = x0, rd = rs2 */
    *p = 1;
    asm volatile("amoadd.w x0, %1, (%0)" ::"r"(p), "r"(41ul) : "memory");
    check(*p == 42);
    xlen_t v = 8;
    asm volatile("amoadd.w %0, %0, (%1)" : "+r"(v) : "r"(p) : "memory");
    check(v == 42 && *p == 50);
}

#if __riscv_xlen == 64
static void amo_d(void)
{
    volatile uint64_t *p = (volatile uint64_t *)&cell[0];
    const uint64_t big = 0x123456789abcdef0;

    *p = big;
    check(AMO("amoswap.d", p, -1ul) == big && *p == -1ul);
    check(AMO("amoadd.d", p, 1) == -1ul && *p == 0);
    check(AMO("amoor.d", p, big) == 0 && *p == big);
    check(AMO("amoand.d", p, 0xff00000000) == big && *p == 0x7800000000);
    check(AMO("amoxor.d", p, 0x7800000001) == 0x7800000000 && *p == 1);
    check(AMO("amomin.d", p, -big) == 1 && *p == -big);
    check(AMO("amomax.d", p, 9) == -big && *p == 9);
    check(AMO("amominu.d", p, big) == 9 && *p == 9);
    check(AMO("amomaxu.d", p, big) == 9 && *p == big);
}
#endif

/* LR raises as a load, SC and AMO as a store (14.2, 14.4; Priv 3.1.15). */
static void misaligned(void)
{
    xlen_t bad = (xlen_t)&cell[0] + 2;
    xlen_t before = cell[0];

    TRAPS(LR("w", bad), EXC_LOAD_MISALIGNED);
    check(trap.tval == bad);
    TRAPS(SC("w", bad, 1), EXC_STORE_MISALIGNED);
    check(trap.tval == bad);
    TRAPS(AMO("amoadd.w", bad, 1), EXC_STORE_MISALIGNED);
    check(trap.tval == bad);
#if __riscv_xlen == 64
    TRAPS(AMO("amoswap.d", bad + 2, 1), EXC_STORE_MISALIGNED);
#endif
    check(cell[0] == before);
}

int main(void)
{
    lr_sc();
    amo_w();
#if __riscv_xlen == 64
    amo_d();
#endif
    misaligned();
    return 0;
}
