/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random walks, an option's price, an integral: a generator and doubles. */
#include "bench.h"

static double uniform(uint64_t *s)
{
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return (double)(*s >> 11) * 0x1p-53;
}

static double normal(uint64_t *s)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += uniform(s);
    }
    return sum;
}

static uint64_t unit(void)
{
    uint64_t s = 12345, sum = 0;
    double paid = 0, area = 0;
    int inside = 0;

    for (int path = 0; path < 60; path++) {
        double price = 100;
        for (int step = 0; step < 20; step++) {
            price += price * (0.0005 + 0.02 * normal(&s));
        }
        paid += price > 102 ? price - 102 : 0;
    }
    for (int i = 0; i < 8000; i++) {
        double x = uniform(&s) * 2 - 1, y = uniform(&s) * 2 - 1;
        inside += x * x + y * y <= 1.0;
        area += 1.0 / (1.0 + x * x);
    }
    sum = mix_double(sum, paid);
    return mix(mix_double(sum, area), inside);
}

BENCH("montecarlo", 1060, 0xdb1dcb48c2d25c51)
