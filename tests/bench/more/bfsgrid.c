/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breadth-first search on a grid, and the game of life. */
#include "bench.h"

#define N 128
static uint8_t cell[N * N], next[N * N];
static uint16_t dist[N * N], queue[N * N];

static uint64_t unit(void)
{
    static const int step[] = { 1, -1, N, -N };
    uint32_t seed = 77;
    uint64_t sum = 0;
    int head = 0, tail = 0;

    for (int i = 0; i < N * N; i++) {
        int x = i % N, y = i / N;
        cell[i] = x == 0 || y == 0 || x == N - 1 || y == N - 1 ||
                  rng(&seed) % 100 < 30;
    }
    memset(dist, 0, sizeof(dist));
    queue[tail++] = N * N / 2 + N / 2;
    dist[queue[0]] = 1;
    while (head < tail) {
        int at = queue[head++];
        for (int k = 0; k < 4; k++) {
            int to = at + step[k];
            if (!cell[to] && !dist[to]) {
                dist[to] = dist[at] + 1;
                sum += dist[to];
                queue[tail++] = to;
            }
        }
    }
    for (int round = 0; round < 4; round++) {
        for (int i = N + 1; i < N * N - N - 1; i++) {
            int n = cell[i - N - 1] + cell[i - N] + cell[i - N + 1] +
                    cell[i - 1] + cell[i + 1] + cell[i + N - 1] + cell[i + N] +
                    cell[i + N + 1];
            next[i] = n == 3 || (n == 2 && cell[i]);
        }
        memcpy(cell, next, sizeof(cell));
    }
    for (int i = 0; i < N * N; i++) {
        sum += cell[i] * i;
    }
    return sum;
}

BENCH("bfsgrid", 60, 0x00000000020d4e63)
