/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linked lists: shuffled walk, reversal, removal. */
#include "bench.h"

#define COUNT 8192
typedef struct Item {
    struct Item *next;
    uint64_t key, pad[2];
} Item;
static Item items[COUNT];

static uint64_t unit(void)
{
    static uint32_t order[COUNT];
    uint32_t seed = 5;
    uint64_t sum = 0;
    Item *head = NULL;

    for (int i = 0; i < COUNT; i++) {
        order[i] = i;
    }
    for (int i = COUNT - 1; i > 0; i--) {
        uint32_t j = rng(&seed) % (i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (int i = 0; i < COUNT; i++) {
        items[order[i]] = (Item){ head, i * 7, { 0 } };
        head = &items[order[i]];
    }
    for (int round = 0; round < 8; round++) {
        Item *rev = NULL;
        while (head) {
            Item *n = head->next;
            sum += head->key;
            head->next = rev;
            rev = head;
            head = n;
        }
        head = rev;
    }
    for (Item **p = &head; *p;) {
        if ((*p)->key & 1) {
            *p = (*p)->next;
        } else {
            sum ^= (*p)->key;
            p = &(*p)->next;
        }
    }
    return sum;
}

BENCH("listwalk", 60, 0x000000006ffc6000)
