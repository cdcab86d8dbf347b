/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LR/SC loops, compare and swap, AMOs, a ticket lock, reference counts. */
#include "bench.h"

#include <stdatomic.h>

static atomic_uint ticket, serving, flags;
static _Atomic uint64_t count, most;
static _Atomic uint8_t narrow[64];
static struct Node {
    struct Node *_Atomic next;
    atomic_int uses;
} node[64], *_Atomic head;

static uint64_t unit(void)
{
    uint32_t seed = 4;
    uint64_t sum = 0;

    atomic_store(&count, 0);
    atomic_store(&most, 0);
    atomic_store(&head, NULL);
    for (int i = 0; i < 8000; i++) {
        uint64_t x = rng(&seed) % 1000, old = atomic_load(&most);
        while (x > old && !atomic_compare_exchange_weak(&most, &old, x)) {
        }
        unsigned mine = atomic_fetch_add(&ticket, 1);
        while (atomic_load_explicit(&serving, memory_order_acquire) != mine) {
        }
        atomic_fetch_xor_explicit(&flags, 1u << (x & 31), memory_order_relaxed);
        atomic_fetch_add_explicit(&serving, 1, memory_order_release);
        struct Node *n = &node[x & 63];
        if (atomic_fetch_add(&n->uses, 1) == 0) {
            struct Node *top = atomic_load(&head);
            do {
                atomic_store_explicit(&n->next, top, memory_order_relaxed);
            } while (!atomic_compare_exchange_weak(&head, &top, n));
            sum++;
        }
        atomic_fetch_add(&narrow[x & 63], 1);
        atomic_fetch_add(&count, x);
    }
    for (int i = 0; i < 64; i++) {
        sum = mix(sum, atomic_exchange(&node[i].uses, 0));
        sum = mix(sum, atomic_exchange(&narrow[i], 0));
    }
    return mix(mix(sum, count), most) + (atomic_exchange(&flags, 0) & 0xffff);
}

BENCH("lrsc", 670, 0x2fc69a1d3f938c00)
