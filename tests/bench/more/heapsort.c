/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heap sort and binary search. */
#include "bench.h"

#define COUNT 16384
static uint32_t heap[COUNT];

static void sift(uint32_t *a, int i, int n)
{
    uint32_t v = a[i];
    for (int c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && a[c + 1] > a[c]) {
            c++;
        }
        if (a[c] <= v) {
            break;
        }
        a[i] = a[c];
    }
    a[i] = v;
}

static uint64_t unit(void)
{
    uint32_t seed = 11;
    uint64_t sum = 0;

    for (int i = 0; i < COUNT; i++) {
        heap[i] = rng(&seed);
    }
    for (int i = COUNT / 2; i-- > 0;) {
        sift(heap, i, COUNT);
    }
    for (int n = COUNT; --n > 0;) {
        uint32_t t = heap[0];
        heap[0] = heap[n];
        heap[n] = t;
        sift(heap, 0, n);
    }
    for (int i = 0; i < COUNT; i++) {
        uint32_t key = rng(&seed);
        int lo = 0, hi = COUNT;
        while (lo < hi) {
            int mid = (lo + hi) / 2;
            if (heap[mid] < key) {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        sum += lo;
    }
    return sum;
}

BENCH("heapsort", 40, 0x0000000007f7370b)
