/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spectral norm, Monte Carlo, Newton's roots: divisions and conversions. */
#include "bench.h"

#define N 60

static double entry(int i, int j)
{
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static uint64_t unit(void)
{
    double u[N], v[N], t[N], pi = 0;
    uint32_t seed = 37;
    uint64_t sum = 0;

    for (int i = 0; i < N; i++) {
        u[i] = 1;
    }
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < N; i++) {
            t[i] = 0;
            for (int j = 0; j < N; j++) {
                t[i] += entry(i, j) * u[j];
            }
        }
        for (int i = 0; i < N; i++) {
            v[i] = 0;
            for (int j = 0; j < N; j++) {
                v[i] += entry(j, i) * t[j];
            }
        }
        memcpy(u, v, sizeof(u));
    }
    for (int i = 0; i < 5000; i++) {
        double x = rng(&seed) / 4294967296.0, y = rng(&seed) / 4294967296.0;
        if (x * x + y * y < 1) {
            pi += 1;
        }
        double r = x;
        for (int k = 0; k < 4; k++) {
            r = 0.5 * (r + x / (r + 1e-9));
        }
        sum += (int64_t)(r * 1e6);
    }
    return mix_double(mix_double(sum, u[7]), pi);
}

BENCH("spectral", 40, 0x7ae3e29211cd832c)
