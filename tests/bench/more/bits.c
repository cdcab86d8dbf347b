/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer arithmetic: divisions, gcd, bit counts, modular powers. */
#include "bench.h"

static uint64_t power(uint64_t base, uint64_t e, uint64_t m)
{
    uint64_t r = 1;
    for (; e; e >>= 1) {
        if (e & 1) {
            r = r * base % m;
        }
        base = base * base % m;
    }
    return r;
}

static uint64_t unit(void)
{
    uint32_t seed = 19;
    uint64_t sum = 0;

    for (int i = 0; i < 3000; i++) {
        uint32_t x = rng(&seed), y = rng(&seed) | 1;
        uint32_t a = x, b = y;
        while (b) {
            uint32_t t = a % b;
            a = b;
            b = t;
        }
        sum += a;
        for (uint32_t v = x; v; v &= v - 1) {
            sum++;
        }
        sum = mix(sum, x / (y >> 12 | 1));
    }
    for (int i = 0; i < 300; i++) {
        sum = mix(sum, power(rng(&seed), rng(&seed), 1000000007));
    }
    return sum;
}

BENCH("bits", 100, 0x69f48c74d825699d)
