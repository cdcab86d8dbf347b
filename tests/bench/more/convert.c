/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole numbers to floating point and back, double to single, fixed point. */
#include "bench.h"

static int16_t samples[2048];
static uint8_t level[2048];

static uint64_t unit(void)
{
    uint32_t seed = 77;
    uint64_t sum = 0;
    double gain = 1;

    for (int i = 0; i < 2048; i++) {
        samples[i] = (int16_t)rng(&seed);
    }
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 2048; i++) {
            float v = samples[i] * (1.0f / 32768.0f) * (float)gain;
            int64_t wide = (int64_t)((double)v * 1e12);
            uint32_t part = (uint32_t)((v + 1.0f) * 127.5f);
            level[i] = part > 255 ? 255 : part;
            samples[i] = (int16_t)(v * 32767.0f);
            sum += (uint64_t)wide ^ (uint64_t)(double)(uint32_t)wide;
        }
        gain *= 0.97;
        for (int i = 0; i < 2048; i++) {
            double d = (double)(sum >> (i & 31));
            sum += (uint64_t)(d * 0.5) + (uint32_t)(int)(level[i] * 0.299);
            long near = __builtin_lrint(d * 1e-9);
            sum = mix(sum, near);
        }
    }
    return sum;
}

BENCH("convert", 370, 0xc19e2fec864445ad)
