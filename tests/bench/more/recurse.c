/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recursion: Takeuchi's function, queens on a board, towers, deep stacks. */
#include "bench.h"

static __attribute__((noinline)) int tak(int x, int y, int z)
{
    return y >= x ? z
                  : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

static int queens(int n, uint32_t columns, uint32_t left, uint32_t right)
{
    uint32_t all = (1u << n) - 1, open = all & ~(columns | left | right);
    int count = columns == all;

    while (open) {
        uint32_t bit = open & -open;
        open ^= bit;
        count +=
            queens(n, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}

static __attribute__((noinline)) uint64_t deep(int n, uint64_t *link)
{
    uint64_t here[4] = { n, *link, 0, 0 };

    if (n == 0) {
        return here[1];
    }
    here[2] = deep(n - 1, here) + here[0];
    return here[2] ^ *link;
}

static int moves;

static __attribute__((noinline)) void hanoi(int n, int from, int to, int by)
{
    if (n > 0) {
        hanoi(n - 1, from, by, to);
        moves += from * 3 + to;
        hanoi(n - 1, by, to, from);
    }
}

static uint64_t unit(void)
{
    uint64_t start = 7;

    moves = 0;
    hanoi(10, 0, 2, 1);
    return mix(mix(tak(12, 8, 4), queens(7, 0, 0, 0)),
               mix(deep(3000, &start), moves));
}

BENCH("recurse", 2290, 0x07cc054172ef60d5)
