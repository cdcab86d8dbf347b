/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zfh: arithmetic in half precision; Unprivileged 24. */
#include "isa.h"

enum { NX = 1, UF = 2, OF = 4, DZ = 8, NV = 16 };

static xlen_t flags;

#define OP2(name, insn)                                                        \
    static uint16_t name(uint16_t a, uint16_t b)                               \
    {                                                                          \
        xlen_t r;                                                              \
                                                                               \
        asm volatile("fsflags x0; fmv.h.x fa0, %2; fmv.h.x fa1, %3;" insn      \
                     " fa0, fa0, fa1; fmv.x.h %0, fa0; frflags %1"             \
                     : "=&r"(r), "=r"(flags)                                   \
                     : "r"((xlen_t)a), "r"((xlen_t)b)                          \
                     : "fa0", "fa1");                                          \
        return r;                                                              \
    }
OP2(add, "fadd.h")
OP2(sub, "fsub.h")
OP2(mul, "fmul.h")
OP2(quot, "fdiv.h")
OP2(min, "fmin.h")
OP2(max, "fmax.h")
OP2(sgnj, "fsgnj.h")
OP2(sgnjn, "fsgnjn.h")
OP2(sgnjx, "fsgnjx.h")

#define CMP(name, insn)                                                        \
    static xlen_t name(uint16_t a, uint16_t b)                                 \
    {                                                                          \
        xlen_t r;                                                              \
                                                                               \
        asm volatile("fsflags x0; fmv.h.x fa0, %2; fmv.h.x fa1, %3;" insn      \
                     " %0, fa0, fa1; frflags %1"                               \
                     : "=&r"(r), "=r"(flags)                                   \
                     : "r"((xlen_t)a), "r"((xlen_t)b)                          \
                     : "fa0", "fa1");                                          \
        return r;                                                              \
    }
CMP(eq, "feq.h")
CMP(lt, "flt.h")
CMP(le, "fle.h")

#define FMA(name, insn)                                                        \
    static uint16_t name(uint16_t a, uint16_t b, uint16_t c)                   \
    {                                                                          \
        xlen_t r;                                                              \
                                                                               \
        asm volatile("fsflags x0; fmv.h.x fa0, %2; fmv.h.x fa1, %3;"           \
                     "fmv.h.x fa2, %4;" insn                                   \
                     " fa0, fa0, fa1, fa2; fmv.x.h %0, fa0; frflags %1"        \
                     : "=&r"(r), "=r"(flags)                                   \
                     : "r"((xlen_t)a), "r"((xlen_t)b), "r"((xlen_t)c)          \
                     : "fa0", "fa1", "fa2");                                   \
        return r;                                                              \
    }
FMA(madd, "fmadd.h")
FMA(msub, "fmsub.h")
FMA(nmsub, "fnmsub.h")
FMA(nmadd, "fnmadd.h")

enum { ONE = 0x3c00, TWO = 0x4000, INF = 0x7c00, NAN = 0x7e00 };

static void arithmetic(void)
{
    check(add(ONE, ONE) == TWO && flags == 0);
    check(add(0x7bff, 0x7bff) == INF && flags == (OF | NX));
    check(add(INF, 0xfc00) == NAN && flags == NV);
    check(sub(ONE, 0x3bff) == 0x1000 && flags == 0);
    check(mul(0x0400, 0x3800) == 0x0200 && flags == 0); /* exact subnormal */
    check(mul(0x0401, 0x3800) == 0x0200 && flags == (UF | NX));
    check(mul(0x3555, 0x4200) == 0x3c00 && flags == NX); /* 1/3 * 3 */
    check(quot(ONE, 0x4200) == 0x3555 && flags == NX);
    check(quot(ONE, 0x8000) == 0xfc00 && flags == DZ);
    check(min(0x8000, 0) == 0x8000 && max(0x8000, 0) == 0);
    check(min(0x7c01, ONE) == ONE && flags == NV);
    check(max(NAN, NAN) == NAN && flags == 0);
    check(sgnj(ONE, 0x8001) == 0xbc00 && sgnjn(ONE, 0x8001) == ONE);
    check(sgnjx(0xbc00, 0x8001) == ONE);
    check(eq(0, 0x8000) == 1 && lt(0x8000, 0) == 0 && le(0x8000, 0) == 1);
    check(eq(NAN, ONE) == 0 && flags == 0);
    check(lt(NAN, ONE) == 0 && flags == NV);
    /* one rounding: 1.0009765625^2 - 1.001953125 is 2^-20 */
    check(madd(0x3c01, 0x3c01, 0xbc02) == 0x0010 && flags == 0);
    check(msub(TWO, TWO, ONE) == 0x4200);
    check(nmsub(TWO, TWO, ONE) == 0xc200);
    check(nmadd(TWO, TWO, ONE) == 0xc500);
    check(madd(INF, 0, NAN) == NAN && flags == NV);
}

/* Square root, classes, conversions. */
static void of_one_operand(void)
{
    xlen_t x;

    asm volatile("fsflags x0; fmv.h.x fa0, %1; fsqrt.h fa0, fa0;"
                 "fmv.x.h %0, fa0"
                 : "=r"(x)
                 : "r"((xlen_t)TWO)
                 : "fa0");
    check((uint16_t)x == 0x3da8);
    asm volatile("fmv.h.x fa0, %1; fclass.h %0, fa0"
                 : "=r"(x)
                 : "r"((xlen_t)0x8001)
                 : "fa0");
    check(x == 1 << 2);
    asm volatile("fmv.h.x fa0, %1; fcvt.w.h %0, fa0, rtz"
                 : "=r"(x)
                 : "r"((xlen_t)0xc780)
                 : "fa0"); /* -7.5 */
    check(x == (xlen_t)-7);
    asm volatile("fmv.h.x fa0, %1; fcvt.wu.h %0, fa0, rtz"
                 : "=r"(x)
                 : "r"((xlen_t)INF)
                 : "fa0");
    check(x == (xlen_t)-1);
    asm volatile("fcvt.h.w fa0, %1; fmv.x.h %0, fa0"
                 : "=r"(x)
                 : "r"((xlen_t)-2049)
                 : "fa0");
    check((uint16_t)x == 0xe800);
    asm volatile("fcvt.h.wu fa0, %1; fmv.x.h %0, fa0"
                 : "=r"(x)
                 : "r"((xlen_t)-1)
                 : "fa0");
    check((uint16_t)x == INF);
    /* not boxed: reads as the NaN */
    asm volatile("fmv.w.x fa0, %1; fadd.h fa0, fa0, fa0; fmv.x.h %0, fa0"
                 : "=r"(x)
                 : "r"((xlen_t)ONE)
                 : "fa0");
    check((uint16_t)x == NAN);
}

int main(void)
{
    arithmetic();
    of_one_operand();
    return 0;
}
