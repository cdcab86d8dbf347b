/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 4 MiB read and written at random, and with strides of lines and pages. */
#include "bench.h"

#define WORDS (1u << 19)

static uint64_t *memory;

static uint64_t unit(void)
{
    uint32_t seed = 29;
    uint64_t sum = 0;

    if (!memory) {
        memory = malloc(WORDS * 8);
        require(memory != NULL, "malloc");
    }
    for (uint32_t i = 0; i < WORDS; i++) {
        memory[i] = i * 0x9e3779b97f4a7c15u;
    }
    for (int i = 0; i < 200000; i++) {
        uint32_t at = rng(&seed) & (WORDS - 1);
        sum += memory[at];
        memory[at ^ 5] = sum;
    }
    for (uint32_t stride = 8; stride <= 1024; stride <<= 1) {
        for (uint32_t i = 0; i < WORDS; i += stride) {
            sum += memory[i]++;
        }
    }
    return sum;
}

BENCH("randmem", 12, 0x1f584d07d95010dd)
