/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LU factorisation and a stencil, in double precision. */
#include "bench.h"

#define N 48
static double m[N][N], g[2][64][64];

static uint64_t unit(void)
{
    uint32_t seed = 29;
    uint64_t sum = 0;

    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            m[i][j] = (rng(&seed) & 1023) / 64.0 + (i == j ? 900 : 0);
        }
    }
    for (int k = 0; k < N; k++) {
        for (int i = k + 1; i < N; i++) {
            double f = m[i][k] /= m[k][k];
            for (int j = k + 1; j < N; j++) {
                m[i][j] -= f * m[k][j];
            }
        }
    }
    for (int i = 0; i < N; i++) {
        sum = mix_double(sum, m[i][i]);
    }
    memset(g, 0, sizeof(g));
    g[0][31][31] = 1000;
    for (int t = 0; t < 10; t++) {
        for (int i = 1; i < 63; i++) {
            for (int j = 1; j < 63; j++) {
                g[~t & 1][i][j] =
                    0.25 * (g[t & 1][i - 1][j] + g[t & 1][i + 1][j] +
                            g[t & 1][i][j - 1] + g[t & 1][i][j + 1]);
            }
        }
    }
    return mix_double(sum, g[0][28][30]);
}

BENCH("lufact", 40, 0xc4aba52fd75db286)
