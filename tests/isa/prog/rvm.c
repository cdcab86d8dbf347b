/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiplication and division against schoolbook sums: Unprivileged 13. */
#include "isa.h"

#define OP(insn, x, y)                                                         \
    ({                                                                         \
        xlen_t r_;                                                             \
        asm volatile(insn " %0, %1, %2" : "=r"(r_) : "r"(x), "r"(y));          \
        r_;                                                                    \
    })

typedef long sxlen_t;
enum { XLEN = __riscv_xlen };
#define MIN ((xlen_t)1 << (XLEN - 1))

static const xlen_t values[] = {
    0,
    1,
    2,
    3,
    7,
    10,
    100,
    0x7fff,
    0x8000,
    0xffff,
    65536,
    0x12345678,
    MIN,
    MIN - 1,
    MIN + 1,
    -1ul,
    -2ul,
    -3ul,
    -10ul,
    -100ul,
    0x55555555,
    -65536ul,
    ~0x12345678ul,
    0x7fffffff,
    0x80000000,
    0xffffffff,
};
enum { COUNT = sizeof(values) / sizeof(values[0]) };

/* x * y by shift and add: low and high XLEN bits. */
static void product(xlen_t x, xlen_t y, xlen_t *low, xlen_t *high)
{
    xlen_t lo = 0, hi = 0;

    for (int i = XLEN - 1; i >= 0; i--) {
        hi = hi << 1 | lo >> (XLEN - 1);
        lo <<= 1;
        if (y >> i & 1) {
            lo += x;
            hi += lo < x;
        }
    }
    *low = lo;
    *high = hi;
}

/* Long division, y != 0. */
static void quotient(xlen_t x, xlen_t y, xlen_t *q, xlen_t *r)
{
    xlen_t quo = 0, rem = 0;

    for (int i = XLEN - 1; i >= 0; i--) {
        xlen_t carry = rem >> (XLEN - 1);

        rem = rem << 1 | (x >> i & 1);
        quo <<= 1;
        if (carry || rem >= y) {
            rem -= y;
            quo |= 1;
        }
    }
    *q = quo;
    *r = rem;
}

static void check_mul(xlen_t x, xlen_t y)
{
    xlen_t low, high, high_ss, high_su;

    product(x, y, &low, &high);
    high_su = high - ((sxlen_t)x < 0 ? y : 0);
    high_ss = high_su - ((sxlen_t)y < 0 ? x : 0);
    check(OP("mul", x, y) == low);
    check(OP("mulhu", x, y) == high);
    check(OP("mulhsu", x, y) == high_su);
    check(OP("mulh", x, y) == high_ss);
#if __riscv_xlen == 64
    check(OP("mulw", x, y) == (xlen_t)(int32_t)low);
#endif
}

static void check_div(xlen_t x, xlen_t y)
{
    xlen_t q, r;
    xlen_t ax = (sxlen_t)x < 0 ? -x : x, ay = (sxlen_t)y < 0 ? -y : y;

    if (y == 0) { /* table 11 */
        check(OP("divu", x, y) == -1ul);
        check(OP("remu", x, y) == x);
        check(OP("div", x, y) == -1ul);
        check(OP("rem", x, y) == x);
        return;
    }
    quotient(x, y, &q, &r);
    check(OP("divu", x, y) == q);
    check(OP("remu", x, y) == r);
    quotient(ax, ay, &q, &r); /* MIN / -1: MIN, remainder 0 */
    if (((sxlen_t)x < 0) != ((sxlen_t)y < 0)) {
        q = -q;
    }
    check(OP("div", x, y) == q);
    check(OP("rem", x, y) == ((sxlen_t)x < 0 ? -r : r));
}

#if __riscv_xlen == 64
static void check_div_w(xlen_t x, xlen_t y)
{
    uint32_t ux = x, uy = y;
    int64_t sx = (int32_t)x, sy = (int32_t)y;

    if (uy == 0) {
        check(OP("divuw", x, y) == -1ul);
        check(OP("remuw", x, y) == (xlen_t)sx);
        check(OP("divw", x, y) == -1ul);
        check(OP("remw", x, y) == (xlen_t)sx);
        return;
    }
    xlen_t q, r;
    quotient(ux, uy, &q, &r);
    check(OP("divuw", x, y) == (xlen_t)(int32_t)q);
    check(OP("remuw", x, y) == (xlen_t)(int32_t)r);
    quotient(sx < 0 ? -sx : sx, sy < 0 ? -sy : sy, &q, &r);
    if ((sx < 0) != (sy < 0)) {
        q = -q;
    }
    check(OP("divw", x, y) == (xlen_t)(int32_t)q);
    check(OP("remw", x, y) == (xlen_t)(int32_t)(sx < 0 ? -r : r));
}
#endif

int main(void)
{
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < COUNT; k++) {
            check_mul(values[i], values[k]);
            check_div(values[i], values[k]);
#if __riscv_xlen == 64
            check_div_w(values[i], values[k]);
            check_div_w(values[i] << 32 | values[k], values[k]);
#endif
        }
    }
    /* literals, so that a common mistake of both sides shows */
    check(OP("mulhu", -1ul, -1ul) == -2ul);
    check(OP("mulh", -1ul, -1ul) == 0);
    check(OP("mulhsu", -1ul, -1ul) == -1ul);
    check(OP("div", 20ul, -6ul) == -3ul);
    check(OP("rem", -20ul, 6ul) == -2ul);
    check(OP("div", MIN, -1ul) == MIN);
    check(OP("rem", MIN, -1ul) == 0);
    return 0;
}
