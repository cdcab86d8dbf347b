/* SPDX-License-Identifier: GPL-2.0-or-later */
/* F and D: Unprivileged 21, 22. Expected bits are IEEE 754 worked by hand.
 * Built twice: with FMT_D for double precision. */
#include "isa.h"

#ifdef FMT_D
typedef uint64_t bits_t;
#define S          "d"
#define BITS       64
#define ONE        0x3ff0000000000000ull
#define TWO        0x4000000000000000ull
#define THREE      0x4008000000000000ull
#define HALF       0x3fe0000000000000ull
#define THIRD      0x3fd5555555555555ull /* 1/3, to nearest and down */
#define THIRD_UP   0x3fd5555555555556ull
#define INF        0x7ff0000000000000ull
#define QNAN       0x7ff8000000000000ull
#define SNAN       0x7ff0000000000001ull
#define MAX        0x7fefffffffffffffull
#define TINY       1ull /* least subnormal */
#define MIN_NORMAL 0x0010000000000000ull
#define ROOT2      0x3ff6a09e667f3bcdull
#define ONE_EPS    0x3ff0000000000001ull
#define EPS2       0x3ca0000000000000ull /* half an ulp of 1 */
#else
typedef uint32_t bits_t;
#define S          "s"
#define BITS       32
#define ONE        0x3f800000u
#define TWO        0x40000000u
#define THREE      0x40400000u
#define HALF       0x3f000000u
#define THIRD      0x3eaaaaaau /* 1/3 down; to nearest is up */
#define THIRD_UP   0x3eaaaaabu
#define INF        0x7f800000u
#define QNAN       0x7fc00000u
#define SNAN       0x7f800001u
#define MAX        0x7f7fffffu
#define TINY       1u
#define MIN_NORMAL 0x00800000u
#define ROOT2      0x3fb504f3u
#define ONE_EPS    0x3f800001u
#define EPS2       0x33800000u
#endif
#define SIGN ((bits_t)1 << (BITS - 1))

enum { NX = 1, UF = 2, OF = 4, DZ = 8, NV = 16 };
enum { RNE, RTZ, RDN, RUP, RMM };

/* Through memory: RV32 has no fmv.x.d. */
#ifdef FMT_D
#define FL "fld"
#define FS "fsd"
#else
#define FL "flw"
#define FS "fsw"
#endif

static bits_t x_, y_, z_, r_;
static xlen_t flags;

/* One instruction on fa0, fa1, fa2 -> fa0; flags of it alone. */
#define F(insn, x, y, z)                                                       \
    ({                                                                         \
        x_ = (x);                                                              \
        y_ = (y);                                                              \
        z_ = (z);                                                              \
        asm volatile("fsflags x0;" FL " fa0, 0(%1);" FL " fa1, 0(%2);" FL      \
                     " fa2, 0(%3);" insn ";" FS " fa0, 0(%4); frflags %0"      \
                     : "=r"(flags)                                             \
                     : "r"(&x_), "r"(&y_), "r"(&z_), "r"(&r_)                  \
                     : "fa0", "fa1", "fa2", "memory");                         \
        r_;                                                                    \
    })
#define F1(op, x)         F(op "." S " fa0, fa0", x, 0, 0)
#define F2(op, x, y)      F(op "." S " fa0, fa0, fa1", x, y, 0)
#define F2R(op, x, y, rm) F(op "." S " fa0, fa0, fa1, " rm, x, y, 0)
#define F3(op, x, y, z)   F(op "." S " fa0, fa0, fa1, fa2", x, y, z)
#define is(expr, want, f)                                                      \
    do {                                                                       \
        bits_t got_ = (expr);                                                  \
        check(got_ == (want));                                                 \
        check(flags == (f));                                                   \
    } while (0)

/* To an integer register. */
static xlen_t ir_;
#define I(insn, x, y)                                                          \
    ({                                                                         \
        x_ = (x);                                                              \
        y_ = (y);                                                              \
        asm volatile("fsflags x0;" FL " fa0, 0(%2);" FL " fa1, 0(%3);" insn    \
                     "; mv %0, a0; frflags %1"                                 \
                     : "=&r"(ir_), "=&r"(flags)                                \
                     : "r"(&x_), "r"(&y_)                                      \
                     : "a0", "fa0", "fa1", "memory");                          \
        ir_;                                                                   \
    })
#define iis(expr, want, f)                                                     \
    do {                                                                       \
        xlen_t got_ = (expr);                                                  \
        check(got_ == (xlen_t)(want));                                         \
        check(flags == (f));                                                   \
    } while (0)

/* From an integer register. */
#define G(insn, v)                                                             \
    ({                                                                         \
        asm volatile("fsflags x0; mv a0, %1;" insn ";" FS                      \
                     " fa0, 0(%2); frflags %0"                                 \
                     : "=&r"(flags)                                            \
                     : "r"((xlen_t)(v)), "r"(&r_)                              \
                     : "a0", "fa0", "memory");                                 \
        r_;                                                                    \
    })

static void arithmetic(void)
{
    is(F2("fadd", ONE, TWO), THREE, 0);
    is(F2("fsub", THREE, ONE), TWO, 0);
    is(F2("fmul", TWO, HALF), ONE, 0);
    is(F2("fdiv", ONE, TWO), HALF, 0);
    is(F2("fadd", ONE, EPS2), ONE, NX); /* a tie goes to even */
    is(F2("fadd", ONE_EPS, EPS2), ONE_EPS + 1, NX);
    is(F2("fsub", ONE, ONE), 0, 0);
    is(F2R("fsub", ONE, ONE, "rdn"), SIGN, 0); /* -0 */
    is(F2("fadd", SIGN, 0), 0, 0);
    is(F2("fadd", SIGN, SIGN), SIGN, 0);
    is(F2("fadd", INF, ONE), INF, 0);
    is(F2("fsub", INF, INF), QNAN, NV);
    is(F2("fadd", QNAN | SIGN | 3, ONE), QNAN, 0); /* canonical (21.3) */
    is(F2("fadd", ONE, SNAN), QNAN, NV);
    is(F2("fmul", 0, INF), QNAN, NV);
    is(F2("fmul", MAX, TWO), INF, OF | NX);
    is(F2R("fmul", MAX, TWO, "rtz"), MAX, OF | NX);
    is(F2R("fmul", MAX | SIGN, TWO, "rup"), MAX | SIGN, OF | NX);
    is(F2("fmul", TINY, HALF), 0, UF | NX);
    is(F2R("fmul", TINY, HALF, "rup"), TINY, UF | NX);
    is(F2("fmul", MIN_NORMAL, HALF), MIN_NORMAL >> 1, 0); /* exact: no UF */
    is(F2("fdiv", ONE, 0), INF, DZ);
    is(F2("fdiv", ONE | SIGN, 0), INF | SIGN, DZ);
    is(F2("fdiv", 0, 0), QNAN, NV);
    is(F2("fdiv", INF, INF), QNAN, NV);
    is(F2("fdiv", ONE, INF), 0, 0);
    is(F1("fsqrt", TWO), ROOT2, NX);
    is(F1("fsqrt", ONE | SIGN), QNAN, NV);
    is(F1("fsqrt", SIGN), SIGN, 0);
    is(F1("fsqrt", INF), INF, 0);
}

static void rounding(void)
{
    is(F2R("fdiv", ONE, THREE, "rdn"), THIRD, NX);
    is(F2R("fdiv", ONE, THREE, "rtz"), THIRD, NX);
    is(F2R("fdiv", ONE, THREE, "rup"), THIRD_UP, NX);
    is(F2R("fadd", ONE, EPS2, "rmm"), ONE_EPS, NX); /* a tie goes away */
    is(F2R("fadd", ONE | SIGN, EPS2 | SIGN, "rmm"), ONE_EPS | SIGN, NX);
    is(F2R("fadd", ONE, EPS2, "rup"), ONE_EPS, NX);
    is(F2R("fadd", ONE, EPS2, "rtz"), ONE, NX);
    /* the dynamic mode, each value of it */
    static const bits_t third[] = { BITS == 64 ? THIRD : THIRD_UP, THIRD, THIRD,
                                    THIRD_UP, BITS == 64 ? THIRD : THIRD_UP };
    for (int rm = RNE; rm <= RMM; rm++) {
        asm volatile("fsrm %0" ::"r"(rm));
        is(F2("fdiv", ONE, THREE), third[rm], NX);
        /* static wins over dynamic, which stays */
        is(F2R("fdiv", ONE, THREE, "rup"), THIRD_UP, NX);
        is(F2("fdiv", ONE, THREE), third[rm], NX);
    }
    /* reserved modes: when used, not when written (21.2) */
    for (int rm = 5; rm <= 7; rm++) {
        asm volatile("fsrm %0" ::"r"(rm));
        TRAPS(asm volatile("fadd." S " fa0, fa0, fa0" ::: "fa0"), EXC_ILLEGAL);
        asm volatile("fadd." S " fa0, fa0, fa0, rne" ::: "fa0");
        asm volatile("fsgnj." S " fa0, fa0, fa0" ::: "fa0");
    }
    asm volatile("fsrm x0");
    TRAPS(asm volatile(".insn 4, 0x00a57553 & ~0x7000 | 5 << 12" ::
                           : "fa0"),
          EXC_ILLEGAL);
    TRAPS(asm volatile(".insn 4, 0x00a57553 & ~0x7000 | 6 << 12" ::
                           : "fa0"),
          EXC_ILLEGAL);
}

static void fused(void)
{
    is(F3("fmadd", TWO, THREE, ONE),
       BITS == 64 ? 0x401c000000000000ull : 0x40e00000, 0); /* 7 */
    is(F3("fmsub", TWO, ONE, ONE), ONE, 0);
    is(F3("fnmsub", TWO, ONE, THREE), ONE, 0);
    is(F3("fnmadd", TWO, ONE, ONE), THREE | SIGN, 0);
    /* one rounding: (1+e)(1+e) - (1+2e) = e*e */
    is(F3("fmsub", ONE_EPS, ONE_EPS, ONE_EPS + 1),
       BITS == 64 ? 0x3970000000000000ull : 0x28800000, 0);
    is(F3("fmadd", INF, 0, QNAN), QNAN, NV); /* inf * 0 + quiet NaN (21.6) */
    is(F3("fmadd", INF, 0, ONE), QNAN, NV);
    is(F3("fmadd", INF, ONE, INF | SIGN), QNAN, NV);
    is(F3("fmadd", SNAN, ONE, ONE), QNAN, NV);
    is(F3("fmadd", QNAN, ONE, ONE), QNAN, 0);
    is(F3("fmadd", ONE, ONE, ONE | SIGN), 0, 0);
    is(F3("fnmadd", ONE, ONE, ONE | SIGN), 0, 0);
}

static void min_max_sign(void)
{
    is(F2("fmin", ONE, TWO), ONE, 0);
    is(F2("fmax", ONE, TWO), TWO, 0);
    is(F2("fmin", 0, SIGN), SIGN, 0);
    is(F2("fmin", SIGN, 0), SIGN, 0);
    is(F2("fmax", SIGN, 0), 0, 0);
    is(F2("fmax", 0, SIGN), 0, 0);
    is(F2("fmin", QNAN, ONE), ONE, 0);
    is(F2("fmax", ONE, QNAN | SIGN), ONE, 0);
    is(F2("fmin", SNAN, ONE), ONE, NV);
    is(F2("fmax", ONE, SNAN), ONE, NV);
    is(F2("fmin", QNAN | 7, QNAN | 9), QNAN, 0);
    is(F2("fmin", SNAN, QNAN), QNAN, NV);
    is(F2("fmin", INF, INF | SIGN), INF | SIGN, 0);
    is(F2("fsgnj", ONE, TWO | SIGN), ONE | SIGN, 0);
    is(F2("fsgnjn", ONE, TWO | SIGN), ONE, 0);
    is(F2("fsgnjx", ONE | SIGN, TWO | SIGN), ONE, 0);
    is(F2("fsgnjx", ONE, TWO | SIGN), ONE | SIGN, 0);
    is(F2("fsgnj", SNAN, ONE | SIGN), SNAN | SIGN, 0); /* bits alone */
    is(F1("fneg", QNAN), QNAN | SIGN, 0);
    is(F1("fabs", QNAN | SIGN), QNAN, 0);
    is(F1("fmv", SNAN), SNAN, 0);
}

static void compare_class(void)
{
#define CMP(op, x, y) I(op "." S " a0, fa0, fa1", x, y)
    iis(CMP("feq", ONE, ONE), 1, 0);
    iis(CMP("feq", ONE, TWO), 0, 0);
    iis(CMP("feq", 0, SIGN), 1, 0);
    iis(CMP("feq", QNAN, QNAN), 0, 0);
    iis(CMP("feq", SNAN, ONE), 0, NV);
    iis(CMP("flt", ONE, TWO), 1, 0);
    iis(CMP("flt", TWO, ONE), 0, 0);
    iis(CMP("flt", SIGN, 0), 0, 0);
    iis(CMP("flt", QNAN, ONE), 0, NV);
    iis(CMP("fle", ONE, ONE), 1, 0);
    iis(CMP("fle", ONE, INF), 1, 0);
    iis(CMP("fle", ONE, QNAN), 0, NV);
    static const bits_t of_class[10] = {
        INF | SIGN, ONE | SIGN, TINY | SIGN, SIGN, 0,
        TINY,       ONE,        INF,         SNAN, QNAN,
    };
    for (int i = 0; i < 10; i++) {
        iis(I("fclass." S " a0, fa0", of_class[i], 0), 1ul << i, 0);
    }
}

static void conversions(void)
{
    const bits_t one_half_up = BITS == 64 ? 0x3ff8000000000000ull : 0x3fc00000;
    const bits_t big =
        BITS == 64 ? 0x41f0000000000000ull : 0x4f800000; /* 2^32 */

#define CVT(to, rm, x) I("fcvt." to "." S " a0, fa0, " rm, x, 0)
    iis(CVT("w", "rtz", one_half_up), 1, NX);
    iis(CVT("w", "rne", one_half_up), 2, NX);
    iis(CVT("w", "rne", HALF), 0, NX); /* tie to even */
    iis(CVT("w", "rmm", HALF), 1, NX);
    iis(CVT("w", "rup", HALF), 1, NX);
    iis(CVT("w", "rdn", HALF | SIGN), -1, NX);
    iis(CVT("w", "rtz", ONE | SIGN), -1, 0);
    iis(CVT("w", "rtz", big), 0x7fffffff, NV);
    iis(CVT("w", "rtz", big | SIGN), (int32_t)0x80000000, NV);
    iis(CVT("w", "rtz", QNAN | SIGN), 0x7fffffff, NV);
    iis(CVT("w", "rtz", INF | SIGN), (int32_t)0x80000000, NV);
    iis(CVT("wu", "rtz", ONE | SIGN), 0, NV);
    iis(CVT("wu", "rtz", HALF | SIGN), 0, NX); /* rounds to zero */
    iis(CVT("wu", "rdn", HALF | SIGN), 0, NV);
    iis(CVT("wu", "rtz", big), -1ul, NV); /* sign-extended */
    iis(CVT("wu", "rtz", QNAN), -1ul, NV);
    iis(CVT("wu", "rtz", BITS == 64 ? 0x41e0000000000000ull : 0x4f000000),
        (xlen_t)(int32_t)0x80000000, 0);
#define TO(from, v) G("fcvt." S "." from " fa0, a0", v)
    is(TO("w", 1), ONE, 0);
    is(TO("w", -1ul), ONE | SIGN, 0);
    is(TO("w", 0), 0, 0);
    is(TO("wu", -1ul), BITS == 64 ? 0x41efffffffe00000ull : 0x4f800000,
       BITS == 64 ? 0 : NX);
    is(TO("w", 0x7fffffff), BITS == 64 ? 0x41dfffffffc00000ull : 0x4f000000,
       BITS == 64 ? 0 : NX);
#if __riscv_xlen == 64
    iis(CVT("l", "rtz", big), 1ul << 32, 0);
    iis(CVT("l", "rtz", INF), 0x7ffffffffffffffful, NV);
    iis(CVT("lu", "rtz", ONE | SIGN), 0, NV);
    iis(CVT("lu", "rtz", BITS == 64 ? 0x43e0000000000000ull : 0x5f000000),
        1ul << 63, 0);
    iis(CVT("lu", "rtz", INF), -1ul, NV);
    is(TO("l", -1ul), ONE | SIGN, 0);
    is(TO("lu", 1ul << 63), BITS == 64 ? 0x43e0000000000000ull : 0x5f000000, 0);
    is(TO("lu", -1ul), BITS == 64 ? 0x43f0000000000000ull : 0x5f800000, NX);
    is(TO("l", 0x7fffffffffffffff),
       BITS == 64 ? 0x43e0000000000000ull : 0x5f000000, NX);
    is(G("fcvt." S ".l fa0, a0, rtz", 0x7fffffffffffffff),
       BITS == 64 ? 0x43dfffffffffffffull : 0x5effffff, NX);
#endif
}

#ifdef FMT_D
static float single(uint32_t bits)
{
    union {
        uint32_t u;
        float f;
    } v = { bits };
    return v.f;
}

/* Between formats (22.5). */
static void formats(void)
{
    uint32_t s;
    uint64_t d;

#define WIDEN(v)                                                               \
    ({                                                                         \
        asm volatile("fsflags x0; fcvt.d.s fa0, %1; fsd fa0, 0(%2);"           \
                     "frflags %0"                                              \
                     : "=r"(flags)                                             \
                     : "f"(single(v)), "r"(&d)                                 \
                     : "fa0", "memory");                                       \
        d;                                                                     \
    })
#define NARROW(v)                                                              \
    ({                                                                         \
        d = (v);                                                               \
        asm volatile("fsflags x0; fld fa0, 0(%1); fcvt.s.d fa0, fa0;"          \
                     "fsw fa0, 0(%2); frflags %0"                              \
                     : "=r"(flags)                                             \
                     : "r"(&d), "r"(&s)                                        \
                     : "fa0", "memory");                                       \
        s;                                                                     \
    })
    is(WIDEN(0x3f800000), ONE, 0);
    is(WIDEN(0x00000001), 0x36a0000000000000ull, 0);
    is(WIDEN(0xffc12345), QNAN, 0);
    is(WIDEN(0x7f800001), QNAN, NV);
    check(NARROW(ONE) == 0x3f800000 && flags == 0);
    check(NARROW(ROOT2) == 0x3fb504f3 && flags == NX);
    check(NARROW(MAX) == 0x7f800000 && flags == (OF | NX));
    check(NARROW(SNAN | SIGN) == 0x7fc00000 && flags == NV);
    check(NARROW(TINY) == 0 && flags == (UF | NX));
}

/* NaN boxing (22.2). */
static void boxes(void)
{
    uint32_t s;
    uint64_t d;
    xlen_t w;

    /* flw boxes in ones */
    s = 0x12345678;
    asm volatile("flw fa0, 0(%0); fsd fa0, 0(%1)" ::"r"(&s), "r"(&d)
                 : "fa0", "memory");
    check(d == 0xffffffff12345678ull);
    /* what is not boxed reads as the canonical NaN ... */
    d = 0x000000003f800000ull;
    asm volatile("fld fa0, 0(%1); fadd.s fa0, fa0, fa0; fsd fa0, 0(%1);"
                 "fld fa1, 0(%1)"
                 : "+m"(d)
                 : "r"(&d)
                 : "fa0", "fa1");
    check(d == 0xffffffff7fc00000ull);
    d = 0x000000003f800000ull;
    asm volatile("fld fa0, 0(%1); fsgnj.s fa0, fa0, fa0; fsd fa0, 0(%1)"
                 : "+m"(d)
                 : "r"(&d)
                 : "fa0");
    check(d == 0xffffffff7fc00000ull);
    /* ... but fsw and fmv.x.w take the bits as they are */
    d = 0x000000003f800001ull;
    asm volatile("fld fa0, 0(%1); fsw fa0, 0(%2); fmv.x.w %0, fa0"
                 : "=r"(w)
                 : "r"(&d), "r"(&s)
                 : "fa0", "memory");
    check(s == 0x3f800001 && w == 0x3f800001);
    asm volatile("fmv.w.x fa0, %1; fsd fa0, 0(%0)" ::"r"(&d), "r"(0x80000000)
                 : "fa0", "memory");
    check(d == 0xffffffff80000000ull);
    asm volatile("fmv.x.w %0, fa0" : "=r"(w));
    check(w == (xlen_t)(int32_t)0x80000000);
#if __riscv_xlen == 64
    asm volatile("fmv.d.x fa0, %1; fmv.x.d %0, fa0"
                 : "=r"(w)
                 : "r"(0x123456789abcdef0ul)
                 : "fa0");
    check(w == 0x123456789abcdef0ul);
#endif
}
#endif

/* fcsr is one register in three views (21.2). */
static void csrs(void)
{
    xlen_t v;

    asm volatile("fscsr %1; frcsr %0" : "=r"(v) : "r"(-1ul));
    check(v == 0xff);
    asm volatile("frrm %0" : "=r"(v));
    check(v == 7);
    asm volatile("fsflags %0, x0" : "=r"(v));
    check(v == 31);
    asm volatile("frcsr %0" : "=r"(v));
    check(v == 0xe0);
    asm volatile("fscsr x0");
    /* flags accumulate, also those of operations of this same block */
    F2("fdiv", ONE, 0);
    asm volatile("fdiv." S " fa0, %0, %1" ::"f"(1.0f), "f"(3.0f) : "fa0");
    asm volatile("csrrci %0, fflags, 8" : "=r"(v));
    check((v & DZ) == DZ);
    asm volatile("frflags %0" : "=r"(v));
    check((v & DZ) == 0);
    asm volatile("fsflags x0");
}

int main(void)
{
    arithmetic();
    rounding();
    fused();
    min_max_sign();
    compare_class();
    conversions();
#ifdef FMT_D
    formats();
    boxes();
#endif
    csrs();
    return 0;
}
