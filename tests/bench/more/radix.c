/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Histograms of bytes, a radix sort, cells of a game of life. */
#include "bench.h"

#define N 8192

static uint32_t a[N], b[N];
static uint8_t life[2][66][66];

static uint64_t unit(void)
{
    uint32_t seed = 13;
    uint64_t sum = 0;

    for (int i = 0; i < N; i++) {
        a[i] = rng(&seed);
    }
    for (int shift = 0; shift < 32; shift += 8) {
        uint32_t count[256] = { 0 }, at = 0;
        for (int i = 0; i < N; i++) {
            count[a[i] >> shift & 255]++;
        }
        for (int i = 0; i < 256; i++) {
            uint32_t n = count[i];
            count[i] = at;
            at += n;
        }
        for (int i = 0; i < N; i++) {
            b[count[a[i] >> shift & 255]++] = a[i];
        }
        memcpy(a, b, sizeof(a));
    }
    for (int i = 0; i < N; i += 31) {
        sum = mix(sum, a[i]);
    }
    for (int i = 0; i < 64 * 64; i++) {
        life[0][1 + i / 64][1 + i % 64] = rng(&seed) >> 13 & 1;
    }
    for (int t = 0; t < 4; t++) {
        uint8_t(*from)[66] = life[t & 1], (*to)[66] = life[~t & 1];
        for (int y = 1; y <= 64; y++) {
            for (int x = 1; x <= 64; x++) {
                int n = from[y - 1][x - 1] + from[y - 1][x] +
                        from[y - 1][x + 1] + from[y][x - 1] + from[y][x + 1] +
                        from[y + 1][x - 1] + from[y + 1][x] +
                        from[y + 1][x + 1];
                to[y][x] = n == 3 || (n == 2 && from[y][x]);
            }
        }
    }
    for (int i = 0; i < 64 * 64; i++) {
        sum += life[0][1 + i / 64][1 + i % 64] * i;
    }
    return sum;
}

BENCH("radix", 220, 0xb99e5a90f708584d)
