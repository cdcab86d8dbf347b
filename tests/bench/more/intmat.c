/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer matrices and dynamic programming. */
#include "bench.h"

#define N 64
static int32_t a[N][N], b[N][N], c[N][N], lcs[512][512];

static uint64_t unit(void)
{
    uint32_t seed = 13;
    uint64_t sum = 0;
    uint8_t s[512], t[512];

    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = rng(&seed) % 100;
            b[i][j] = rng(&seed) % 100;
        }
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            int32_t x = 0;
            for (int k = 0; k < N; k++) {
                x += a[i][k] * b[k][j];
            }
            sum = mix(sum, c[i][j] = x);
        }
    }
    for (int i = 0; i < 512; i++) {
        s[i] = rng(&seed) & 3;
        t[i] = rng(&seed) & 3;
    }
    for (int i = 1; i < 512; i++) {
        for (int j = 1; j < 512; j++) {
            int32_t up = lcs[i - 1][j], left = lcs[i][j - 1];
            lcs[i][j] =
                s[i] == t[j] ? lcs[i - 1][j - 1] + 1 : (up > left ? up : left);
        }
    }
    return sum + lcs[511][511];
}

BENCH("intmat", 60, 0x9175d799f52d51e0)
