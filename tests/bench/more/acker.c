/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deep recursion: Ackermann's function and Hanoi's towers. */
#include "bench.h"

static __attribute__((noinline)) unsigned acker(unsigned m, unsigned n)
{
    if (m == 0) {
        return n + 1;
    }
    return n == 0 ? acker(m - 1, 1) : acker(m - 1, acker(m, n - 1));
}

static __attribute__((noinline)) unsigned hanoi(unsigned n, unsigned a,
                                                unsigned b, unsigned c)
{
    return n == 0 ? a : hanoi(n - 1, a, c, b) + b * hanoi(n - 1, c, b, a);
}

static uint64_t unit(void)
{
    return acker(2, 200) * 1000003ull + hanoi(13, 1, 2, 3);
}

BENCH("acker", 60, 0x00000000189a4ee9)
