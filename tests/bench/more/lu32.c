/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single precision: LU with pivots, FFT of 256 points, a stencil. */
#include "bench.h"

#define N      40
#define POINTS 256

static float lu(uint32_t *seed)
{
    float a[N][N], det = 1;

    for (int i = 0; i < N * N; i++) {
        a[i / N][i % N] = (float)(rng(seed) % 2000) * 0.001f - 1.0f;
    }
    for (int k = 0; k < N; k++) {
        int p = k;
        for (int i = k + 1; i < N; i++) {
            if (__builtin_fabsf(a[i][k]) > __builtin_fabsf(a[p][k])) {
                p = i;
            }
        }
        for (int j = 0; j < N; j++) {
            float t = a[k][j];
            a[k][j] = a[p][j];
            a[p][j] = t;
        }
        det *= a[k][k];
        for (int i = k + 1; i < N; i++) {
            float f = a[i][k] / a[k][k];
            for (int j = k; j < N; j++) {
                a[i][j] -= f * a[k][j];
            }
        }
    }
    return det;
}

static void fft(float *re, float *im)
{
    for (int i = 1, j = 0; i < POINTS; i++) {
        int bit = POINTS >> 1;
        for (; j & bit; bit >>= 1) {
            j ^= bit;
        }
        j ^= bit;
        if (i < j) {
            float t = re[i];
            re[i] = re[j];
            re[j] = t;
        }
    }
    float wr = -1, wi = 0;
    for (int len = 2; len <= POINTS; len <<= 1) {
        for (int i = 0; i < POINTS; i += len) {
            float cr = 1, ci = 0;
            for (int k = 0; k < len / 2; k++) {
                int u = i + k, v = u + len / 2;
                float xr = re[v] * cr - im[v] * ci;
                float xi = re[v] * ci + im[v] * cr;
                re[v] = re[u] - xr;
                im[v] = im[u] - xi;
                re[u] += xr;
                im[u] += xi;
                float t = cr * wr - ci * wi;
                ci = cr * wi + ci * wr;
                cr = t;
            }
        }
        float half = __builtin_sqrtf((1 + wr) * 0.5f);
        wi = len == 2 ? -1 : wi / (2 * half);
        wr = len == 2 ? 0 : half;
    }
}

static uint64_t unit(void)
{
    static float re[POINTS], im[POINTS], grid[2][34][34];
    uint32_t seed = 5;
    uint64_t sum = mix_double(0, lu(&seed));

    for (int i = 0; i < POINTS; i++) {
        re[i] = (float)(rng(&seed) & 1023);
        im[i] = 0;
    }
    fft(re, im);
    for (int i = 0; i < POINTS; i += 17) {
        sum = mix_double(mix_double(sum, re[i]), im[i]);
    }
    for (int i = 0; i < 34 * 34; i++) {
        grid[0][i / 34][i % 34] = (float)(i * 7 % 100);
        grid[1][i / 34][i % 34] = 0;
    }
    for (int t = 0; t < 12; t++) {
        float(*from)[34] = grid[t & 1], (*to)[34] = grid[~t & 1];
        for (int y = 1; y < 33; y++) {
            for (int x = 1; x < 33; x++) {
                to[y][x] =
                    0.2f * (from[y][x] + from[y - 1][x] + from[y + 1][x] +
                            from[y][x - 1] + from[y][x + 1]);
            }
        }
    }
    return mix_double(sum, grid[0][17][13]);
}

BENCH("lu32", 660, 0xb9c92bf2b9ea26c0)
