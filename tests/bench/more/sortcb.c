/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The C library's qsort and bsearch with comparators; maps and folds. */
#include "bench.h"

#define N 1500

typedef struct Row {
    uint32_t key, place;
    char name[8];
} Row;

static Row row[N];
static const Row *at[N];

static int by_key(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_name(const void *a, const void *b)
{
    const Row *x = *(const Row *const *)a, *y = *(const Row *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : (int)x->place - (int)y->place;
}

static uint64_t twice(uint64_t x)
{
    return x * 2;
}

static uint64_t plus(uint64_t x)
{
    return x + 11;
}

static uint64_t turn(uint64_t x)
{
    return x << 7 | x >> 57;
}

static uint64_t (*const volatile step[])(uint64_t) = { twice, plus, turn };

static uint64_t unit(void)
{
    uint32_t seed = 17;
    uint64_t sum = 0;

    for (int i = 0; i < N; i++) {
        row[i].key = rng(&seed) % 5000;
        row[i].place = i;
        snprintf(row[i].name, sizeof(row[i].name), "%x", rng(&seed) & 0xffff);
        at[i] = &row[i];
    }
    qsort(row, N, sizeof(row[0]), by_key);
    qsort(at, N, sizeof(at[0]), by_name);
    for (int i = 0; i < N; i++) {
        Row want = { .key = rng(&seed) % 5000 };
        sum += bsearch(&want, row, N, sizeof(row[0]), by_key) != NULL;
        sum = step[i % 3](sum) ^ at[i]->key;
    }
    return sum;
}

BENCH("sortcb", 120, 0x51ab1955b381d53d)
