/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chained hash table: insert, look up, remove. */
#include "bench.h"

#define SLOTS 4096
#define COUNT 12000
typedef struct Ent {
    int32_t next;
    uint32_t key, value;
} Ent;
static int32_t slot[SLOTS];
static Ent ent[COUNT];

static Ent *find(uint32_t key)
{
    for (int32_t i = slot[key * 2654435761u >> 20]; i >= 0; i = ent[i].next) {
        if (ent[i].key == key) {
            return &ent[i];
        }
    }
    return NULL;
}

static uint64_t unit(void)
{
    uint32_t seed = 31;
    uint64_t sum = 0;
    int n = 0;

    memset(slot, 0xff, sizeof(slot));
    for (int i = 0; i < COUNT; i++) {
        uint32_t key = rng(&seed) % 20000;
        Ent *e = find(key);
        if (e) {
            e->value++;
        } else {
            uint32_t h = key * 2654435761u >> 20;
            ent[n] = (Ent){ slot[h], key, 1 };
            slot[h] = n++;
        }
    }
    for (uint32_t key = 0; key < 20000; key++) {
        Ent *e = find(key);
        sum += e ? e->value * key : 1;
    }
    return sum;
}

BENCH("chainhash", 40, 0x00000000071cee41)
