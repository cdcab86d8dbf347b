/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zfhmin: Unprivileged 24. */
#include "isa.h"

enum { NX = 1, UF = 2, OF = 4, NV = 16 };

static uint16_t h;
static uint32_t s;
static uint64_t d;
static xlen_t flags;

static uint32_t to_single(uint16_t v)
{
    h = v;
    asm volatile("fsflags x0; flh fa0, 0(%1); fcvt.s.h fa0, fa0;"
                 "fsw fa0, 0(%2); frflags %0"
                 : "=r"(flags)
                 : "r"(&h), "r"(&s)
                 : "fa0", "memory");
    return s;
}

static uint16_t of_single(uint32_t v)
{
    s = v;
    asm volatile("fsflags x0; flw fa0, 0(%1); fcvt.h.s fa0, fa0;"
                 "fsh fa0, 0(%2); frflags %0"
                 : "=r"(flags)
                 : "r"(&s), "r"(&h)
                 : "fa0", "memory");
    return h;
}

static uint64_t to_double(uint16_t v)
{
    h = v;
    asm volatile("fsflags x0; flh fa0, 0(%1); fcvt.d.h fa0, fa0;"
                 "fsd fa0, 0(%2); frflags %0"
                 : "=r"(flags)
                 : "r"(&h), "r"(&d)
                 : "fa0", "memory");
    return d;
}

static uint16_t of_double(uint64_t v)
{
    d = v;
    asm volatile("fsflags x0; fld fa0, 0(%1); fcvt.h.d fa0, fa0;"
                 "fsh fa0, 0(%2); frflags %0"
                 : "=r"(flags)
                 : "r"(&d), "r"(&h)
                 : "fa0", "memory");
    return h;
}

int main(void)
{
    xlen_t x;

    check(to_single(0x3c00) == 0x3f800000 && flags == 0);
    check(to_single(0xc000) == 0xc0000000 && flags == 0);
    check(to_single(0x0001) == 0x33800000 && flags == 0); /* subnormal */
    check(to_single(0x7bff) == 0x477fe000 && flags == 0);
    check(to_single(0xfc00) == 0xff800000 && flags == 0);
    check(to_single(0xfe01) == 0x7fc00000 && flags == 0);
    check(to_single(0x7c01) == 0x7fc00000 && flags == NV);
    check(of_single(0x3f800000) == 0x3c00 && flags == 0);
    check(of_single(0x47800000) == 0x7c00 && flags == (OF | NX));
    check(of_single(0x3f801000) == 0x3c00 && flags == NX); /* tie to even */
    check(of_single(0x3f803000) == 0x3c02 && flags == NX);
    check(of_single(0x33000000) == 0 && flags == (UF | NX));
    check(of_single(0x7f800001) == 0x7e00 && flags == NV);
    check(to_double(0x3c00) == 0x3ff0000000000000ull && flags == 0);
    check(to_double(0x8001) == 0xbe70000000000000ull && flags == 0);
    check(of_double(0x4000000000000000ull) == 0x4000 && flags == 0);
    /* one rounding, not two: by way of single it would be 0x3c00 */
    check(of_double(0x3ff0020000000001ull) == 0x3c01 && flags == NX);
    /* boxing: flh, fmv.h.x fill with ones, a bad box reads as NaN */
    h = 0x1234;
    asm volatile("flh fa0, 0(%0); fsd fa0, 0(%1)" ::"r"(&h), "r"(&d)
                 : "fa0", "memory");
    check(d == 0xffffffffffff1234ull);
    asm volatile("fmv.h.x fa0, %1; fsd fa0, 0(%0)" ::"r"(&d), "r"(0x98765ul)
                 : "fa0", "memory");
    check(d == 0xffffffffffff8765ull);
    asm volatile("fmv.x.h %0, fa0" : "=r"(x));
    check(x == (xlen_t)(int16_t)0x8765);
    d = 0xffffffff00003c00ull;
    asm volatile("fld fa0, 0(%0); fcvt.s.h fa0, fa0; fsw fa0, 0(%1)" ::"r"(&d),
                 "r"(&s)
                 : "fa0", "memory");
    check(s == 0x7fc00000);
    return 0;
}
