/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same table by rows and by columns; transposing; a permutation. */
#include "bench.h"

#define N 4096

typedef struct Row {
    int32_t id, age;
    int64_t pay;
    uint16_t dept, flags;
    uint32_t next;
} Row;

static Row row[N];
static int32_t age[N];
static int64_t pay[N];
static uint16_t dept[N];
static uint32_t order[N], grid[2][64][64];

static uint64_t unit(void)
{
    uint32_t seed = 63;
    uint64_t sum = 0;
    int64_t each[16] = { 0 };

    for (int i = 0; i < N; i++) {
        row[i] = (Row){
            i,     rng(&seed) % 80,      rng(&seed) % 9000, rng(&seed) & 15,
            i & 3, (i * 5 + 1) & (N - 1)
        };
        order[i] = (i * 1229u) & (N - 1);
    }
    for (int i = 0; i < N; i++) {
        age[i] = row[i].age;
        pay[i] = row[i].pay;
        dept[i] = row[i].dept;
    }
    for (int i = 0; i < N; i++) {
        each[dept[i]] += age[i] > 40 ? pay[i] : -pay[i];
        row[i].pay += row[row[i].next].age;
    }
    for (int i = 0; i < N; i++) {
        sum += row[order[i]].pay * (row[order[i]].flags + 1);
        grid[0][i >> 6][i & 63] = sum;
    }
    for (int t = 0; t < 4; t++) {
        for (int y = 0; y < 64; y++) {
            for (int x = 0; x < 64; x++) {
                grid[~t & 1][x][y] = grid[t & 1][y][x] + x;
            }
        }
    }
    for (int i = 0; i < 16; i++) {
        sum = mix(sum, each[i]);
    }
    return mix(sum, grid[0][9][60]);
}

BENCH("fields", 1110, 0xf0072ed123397ab9)
