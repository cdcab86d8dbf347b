/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Polynomials by fused multiply-add, double and single; continued fractions. */
#include "bench.h"

static double poly(const double *c, int n, double x)
{
    double r = c[n - 1];
    for (int i = n - 2; i >= 0; i--) {
        r = __builtin_fma(r, x, c[i]);
    }
    return r;
}

static float polyf(const float *c, int n, float x)
{
    float r = c[n - 1], s = c[n - 2];
    for (int i = n - 3; i >= 1; i -= 2) {
        r = __builtin_fmaf(r, x, c[i]);
        s = __builtin_fmaf(s, -x, -c[i - 1]);
    }
    return r + s;
}

static uint64_t unit(void)
{
    double c[16];
    float f[16];
    uint64_t sum = 0;

    for (int i = 0; i < 16; i++) {
        c[i] = (i & 1 ? -1.0 : 1.0) / (i + 1);
        f[i] = c[i];
    }
    for (int i = 0; i < 3000; i++) {
        double x = (i % 200) * 0.009 - 0.9;
        double tail = 1;
        for (int k = 6; k > 0; k--) {
            tail = 1 + k * x * x / (2 * k + 1 + tail);
        }
        sum = mix_double(sum, poly(c, 16, x) + tail);
        sum = mix_double(sum, polyf(f, 16, (float)x));
    }
    return sum;
}

BENCH("horner", 300, 0x417d6879c1a8a836)
