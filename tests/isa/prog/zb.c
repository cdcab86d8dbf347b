/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zba, Zbb, Zbc, Zbs against bit-by-bit C: Unprivileged 28. */
#include "isa.h"

enum { XLEN = __riscv_xlen };

#define R1(insn, x)                                                            \
    ({                                                                         \
        xlen_t r_;                                                             \
        asm volatile(insn " %0, %1" : "=r"(r_) : "r"(x));                      \
        r_;                                                                    \
    })
#define R2(insn, x, y)                                                         \
    ({                                                                         \
        xlen_t r_;                                                             \
        asm volatile(insn " %0, %1, %2" : "=r"(r_) : "r"(x), "r"(y));          \
        r_;                                                                    \
    })
#define RI(insn, x, imm)                                                       \
    ({                                                                         \
        xlen_t r_;                                                             \
        asm volatile(insn " %0, %1, %2" : "=r"(r_) : "r"(x), "i"(imm));        \
        r_;                                                                    \
    })

static xlen_t seed = 12345;
static xlen_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static xlen_t bit(xlen_t x, int n)
{
    return x >> n & 1;
}

static xlen_t rotr(xlen_t x, unsigned n)
{
    n %= XLEN;
    return n ? x >> n | x << (XLEN - n) : x;
}

static int count(xlen_t x, int from, int to, int step)
{
    int n = 0;

    while (from != to && !bit(x, from)) {
        from += step;
        n++;
    }
    return n;
}

static int ones(xlen_t x, int width)
{
    int n = 0;

    for (int i = 0; i < width; i++) {
        n += bit(x, i);
    }
    return n;
}

/* Bit n of the carry-less product. */
static xlen_t clmul_bit(xlen_t x, xlen_t y, int n)
{
    xlen_t r = 0;

    for (int i = 0; i < XLEN; i++) {
        int k = n - i;

        if (k >= 0 && k < XLEN) {
            r ^= bit(x, i) & bit(y, k);
        }
    }
    return r;
}

static xlen_t clmul_from(xlen_t x, xlen_t y, int first)
{
    xlen_t r = 0;

    for (int i = 0; i < XLEN; i++) {
        if (first + i <= 2 * XLEN - 2) {
            r |= clmul_bit(x, y, first + i) << i;
        }
    }
    return r;
}

static void zba(xlen_t x, xlen_t y)
{
    check(R2("sh1add", x, y) == (x << 1) + y);
    check(R2("sh2add", x, y) == (x << 2) + y);
    check(R2("sh3add", x, y) == (x << 3) + y);
#if __riscv_xlen == 64
    xlen_t w = (uint32_t)x;
    check(R2("add.uw", x, y) == w + y);
    check(R2("sh1add.uw", x, y) == (w << 1) + y);
    check(R2("sh2add.uw", x, y) == (w << 2) + y);
    check(R2("sh3add.uw", x, y) == (w << 3) + y);
    check(RI("slli.uw", x, 5) == w << 5);
    check(RI("slli.uw", x, 40) == w << 40);
#endif
}

static void zbb(xlen_t x, xlen_t y)
{
    xlen_t orc = 0, rev = 0;

    check(R2("andn", x, y) == (x & ~y));
    check(R2("orn", x, y) == (x | ~y));
    check(R2("xnor", x, y) == ~(x ^ y));
    check(R1("clz", x) == (xlen_t)count(x, XLEN - 1, -1, -1));
    check(R1("ctz", x) == (xlen_t)count(x, 0, XLEN, 1));
    check(R1("cpop", x) == (xlen_t)ones(x, XLEN));
    check(R1("sext.b", x) == (xlen_t)(int8_t)x);
    check(R1("sext.h", x) == (xlen_t)(int16_t)x);
    check(R1("zext.h", x) == (uint16_t)x);
    check(R2("min", x, y) == ((long)x < (long)y ? x : y));
    check(R2("max", x, y) == ((long)x > (long)y ? x : y));
    check(R2("minu", x, y) == (x < y ? x : y));
    check(R2("maxu", x, y) == (x > y ? x : y));
    check(R2("ror", x, y) == rotr(x, y));
    check(R2("rol", x, y) == rotr(x, XLEN - y % XLEN));
    check(RI("rori", x, 9) == rotr(x, 9));
    check(RI("rori", x, XLEN - 1) == rotr(x, XLEN - 1));
    for (int i = 0; i < XLEN; i += 8) {
        xlen_t byte = x >> i & 0xff;

        orc |= (xlen_t)(byte ? 0xff : 0) << i;
        rev |= byte << (XLEN - 8 - i);
    }
    check(R1("orc.b", x) == orc);
    check(R1("rev8", x) == rev);
#if __riscv_xlen == 64
    uint32_t w = x, n = y & 31;
    check(R1("clzw", x) == (xlen_t)(w ? __builtin_clz(w) : 32));
    check(R1("ctzw", x) == (xlen_t)count(w | 1ul << 32, 0, 32, 1));
    check(R1("cpopw", x) == (xlen_t)ones(w, 32));
    uint32_t right = n ? w >> n | w << (32 - n) : w;
    uint32_t left = n ? w << n | w >> (32 - n) : w;
    check(R2("rorw", x, y) == (xlen_t)(int32_t)right);
    check(R2("rolw", x, y) == (xlen_t)(int32_t)left);
    check(RI("roriw", x, 7) == (xlen_t)(int32_t)(w >> 7 | w << 25));
#endif
}

static void zbc(xlen_t x, xlen_t y)
{
    check(R2("clmul", x, y) == clmul_from(x, y, 0));
    check(R2("clmulh", x, y) == clmul_from(x, y, XLEN));
    check(R2("clmulr", x, y) == clmul_from(x, y, XLEN - 1));
}

static void zbs(xlen_t x, xlen_t y)
{
    xlen_t one = (xlen_t)1 << y % XLEN;

    check(R2("bclr", x, y) == (x & ~one));
    check(R2("bset", x, y) == (x | one));
    check(R2("binv", x, y) == (x ^ one));
    check(R2("bext", x, y) == bit(x, y % XLEN));
    check(RI("bclri", x, XLEN - 1) == (x & ~((xlen_t)1 << (XLEN - 1))));
    check(RI("bseti", x, 31) == (x | (xlen_t)1 << 31));
    check(RI("binvi", x, 0) == (x ^ 1));
    check(RI("bexti", x, 17) == bit(x, 17));
}

int main(void)
{
    static const xlen_t edge[] = {
        0, 1, -1ul, (xlen_t)1 << (XLEN - 1), 0x80, 0xff00, 0x80000000
    };

    for (unsigned i = 0; i < 7; i++) {
        for (unsigned k = 0; k < 7; k++) {
            zba(edge[i], edge[k]);
            zbb(edge[i], edge[k]);
            zbc(edge[i], edge[k]);
            zbs(edge[i], edge[k]);
        }
    }
    for (int i = 0; i < 40; i++) {
        xlen_t x = next(), y = next();

        zba(x, y);
        zbb(x, y);
        zbc(x, y);
        zbs(x, y);
    }
    return 0;
}
