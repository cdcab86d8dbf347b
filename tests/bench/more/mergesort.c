/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qsort() of the C library over records, by a callback. */
#include "bench.h"

#define COUNT 6000
typedef struct Rec {
    uint32_t key, order;
} Rec;
static Rec recs[COUNT];

static int by_key(const void *a, const void *b)
{
    const Rec *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static uint64_t unit(void)
{
    uint32_t seed = 17;
    uint64_t sum = 0;

    for (int i = 0; i < COUNT; i++) {
        recs[i] = (Rec){ rng(&seed), i };
    }
    qsort(recs, COUNT, sizeof(recs[0]), by_key);
    for (int i = 0; i < COUNT; i++) {
        sum = mix(sum, recs[i].order);
    }
    return sum;
}

BENCH("mergesort", 60, 0xe6627bb067502ff1)
