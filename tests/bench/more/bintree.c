/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binary search trees: random inserts, look-ups, in-order walk. */
#include "bench.h"

#define COUNT 4096
typedef struct Node {
    struct Node *kid[2];
    uint32_t key;
} Node;
static Node pool[COUNT];

static uint64_t walk(const Node *n, uint64_t sum)
{
    return n ? walk(n->kid[1], mix(walk(n->kid[0], sum), n->key)) : sum;
}

static uint64_t unit(void)
{
    Node *root = NULL;
    uint32_t seed = 3;
    uint64_t sum = 0;
    int used = 0;

    for (int i = 0; i < COUNT; i++) {
        uint32_t key = rng(&seed);
        Node **p = &root;
        while (*p && (*p)->key != key) {
            p = &(*p)->kid[key > (*p)->key];
        }
        if (!*p) {
            pool[used] = (Node){ { NULL, NULL }, key };
            *p = &pool[used++];
        }
    }
    seed = 3;
    for (int i = 0; i < COUNT; i++) {
        uint32_t key = rng(&seed) ^ (i & 1);
        const Node *n = root;
        while (n && n->key != key) {
            n = n->kid[key > n->key];
        }
        sum += n != NULL;
    }
    return walk(root, sum);
}

BENCH("bintree", 80, 0x99ad0d2b1bf7e5d8)
