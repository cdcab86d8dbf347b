/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating-point compares, least and greatest, absolute values and signs. */
#include "bench.h"

#define N 1024

static double key[N];

static double clamp(double x, double lo, double hi)
{
    return __builtin_fmin(__builtin_fmax(x, lo), hi);
}

static uint64_t unit(void)
{
    uint32_t seed = 3;
    uint64_t sum = 0;
    double least = 1e9, most = -1e9;
    int below = 0, sides = 0;

    for (int i = 0; i < N; i++) {
        key[i] = (double)(int32_t)rng(&seed) / 65536.0;
    }
    for (int k = 2; k <= N; k <<= 1) { /* a bitonic sort */
        for (int j = k >> 1; j > 0; j >>= 1) {
            for (int i = 0; i < N; i++) {
                int o = i ^ j;
                if (o > i) {
                    double a = key[i], b = key[o];
                    double lo = __builtin_fmin(a, b), hi = __builtin_fmax(a, b);
                    key[i] = i & k ? hi : lo;
                    key[o] = i & k ? lo : hi;
                }
            }
        }
    }
    for (int i = 0; i < N; i++) {
        double x = key[i], y = key[(i * 37) & (N - 1)];
        least = __builtin_fmin(least, clamp(x * y, -1e6, 1e6));
        most = __builtin_fmax(most, __builtin_fabs(x) - __builtin_fabs(y));
        below += x < y ? 1 : x == y ? 2 : 3;
        sides += __builtin_copysign(1.0, x) * __builtin_copysign(2.0, -y) > 0;
        sum = mix_double(sum, __builtin_copysign(clamp(x, -9, 9), y));
    }
    return mix(mix_double(mix_double(sum, least), most), below * 65536 + sides);
}

BENCH("clampsort", 50, 0x9af11f28f2369465)
