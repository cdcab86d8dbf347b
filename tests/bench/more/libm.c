/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The C library's elementary functions: tables, flags, exponents by bits. */
#include <math.h>

#include "bench.h"

static uint64_t unit(void)
{
    double turn = 0, grow = 0, odd = 0;

    for (int i = 1; i < 700; i++) {
        double x = i * 0.0137;
        turn += sin(x) * cos(x * 3) + atan2(x, 2.5);
        grow += exp(-x * 0.1) + log(x) + pow(x, 0.3);
        odd += floor(x * 7.7) - rint(x * 3.3) + fmod(x, 0.7) + cbrt(x) +
               hypot(x, 3);
        odd += tanhf((float)x) + ldexp(x, i & 7) + round(x * 1.1);
    }
    return (uint64_t)(turn * 1e6) * 31 + (uint64_t)(grow * 1e6) * 7 +
           (uint64_t)(odd * 1e6);
}

BENCH("libm", 70, 0x000000272d86d652)
