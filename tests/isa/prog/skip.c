/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Branches over a few instructions, which the translator makes a choice of
 * values: what is skipped changes no register and raises no flag (Unpriv 2.5.2,
 * 21.2). Each is run both ways by the same code.
 */
#include "isa.h"

enum { NX = 1, UF = 2, OF = 4, DZ = 8, NV = 16 };
#define ONE  0x3f800000u
#define TWO  0x40000000u
#define TINY 1u
#define SNAN 0x7f800001u
#define QNAN 0x7fc00000u
#define EPS  0x33000000u

static xlen_t one(xlen_t skip, xlen_t x)
{
    asm volatile("beqz %1, 1f; addi %0, %0, 5\n1:" : "+r"(x) : "r"(!skip));
    return x;
}

/* Later ones use what earlier ones made, and what the condition was made of. */
static xlen_t three(xlen_t a, xlen_t b, xlen_t x)
{
    asm volatile("bltu %1, %2, 1f; add %0, %0, %1; slli %1, %0, 4; xor %0, %0, "
                 "%1\n1: sub %0, %0, %2"
                 : "+r"(x), "+r"(a)
                 : "r"(b));
    return x + a;
}

/* The unit ends right behind; a branch comes into the middle. */
static xlen_t jumped_into(xlen_t a, xlen_t x)
{
    asm volatile("j 2f\n3: bnez %1, 1f; addi %0, %0, 1\n2: addi %0, %0, 16\n"
                 "1: addi %1, %1, -1; bgez %1, 3b"
                 : "+r"(x), "+r"(a));
    return x;
}

static uint32_t r_;
static xlen_t flags_;

#define FP(insn, skip, x, y)                                                   \
    ({                                                                         \
        asm volatile("fsflags x0; fmv.w.x fa0, %2; fmv.w.x fa1, %3; bnez %4, " \
                     "1f; " insn "\n1: fmv.x.w %0, fa0; frflags %1"            \
                     : "=&r"(r_), "=&r"(flags_)                                \
                     : "r"(x), "r"(y), "r"((xlen_t)(skip))                     \
                     : "fa0", "fa1");                                          \
        r_;                                                                    \
    })

static void fp_case(xlen_t skip)
{
    check(FP("fadd.s fa0, fa0, fa1", skip, ONE, EPS) == ONE);
    check(flags_ == (skip ? 0 : NX));
    check(FP("fdiv.s fa0, fa0, fa1", skip, ONE, 0) ==
          (skip ? ONE : 0x7f800000u));
    check(flags_ == (skip ? 0 : DZ));
    check(FP("fmul.s fa0, fa0, fa1", skip, SNAN, ONE) == (skip ? SNAN : QNAN));
    check(flags_ == (skip ? 0 : NV));
    check(FP("fmul.s fa0, fa0, fa1", skip, TINY, EPS) == (skip ? TINY : 0));
    check(flags_ == (skip ? 0 : NX | UF));
    check(FP("fsqrt.s fa0, fa1", skip, ONE, 0xbf800000u) ==
          (skip ? ONE : QNAN));
    check(flags_ == (skip ? 0 : NV));
    check(FP("fsgnjn.s fa0, fa0, fa0", skip, SNAN, 0) ==
          (skip ? SNAN : SNAN | 0x80000000u));
    check(flags_ == 0);
    check(FP("fsub.s fa0, fa1, fa0; fadd.s fa0, fa0, fa0", skip, ONE, TWO) ==
          (skip ? ONE : TWO));
    check(flags_ == 0);
    check(FP("fsub.s fa0, fa0, fa1, rdn", skip, ONE, ONE) ==
          (skip ? ONE : 0x80000000u));
    check(flags_ == 0);
    check(FP("fadd.s fa0, fa0, fa1, rmm", skip, ONE, 0x33800000u) ==
          (skip ? ONE : ONE + 1));
    check(flags_ == (skip ? 0 : NX));
}

int main(void)
{
    for (unsigned round = 0; round < 3; round++) {
        check(one(1, 7) == 7);
        check(one(0, 7) == 12);
        check(three(1, 2, 100) == 100 - 2 + 1);
        check(three(2, 1, 100) == (102 ^ 102 << 4) - 1 + (102 << 4));
        check(jumped_into(3, 0) == 16 + 17);
        fp_case(1);
        fp_case(0);
    }
    return 0;
}
