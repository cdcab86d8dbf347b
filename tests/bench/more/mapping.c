/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmap, touch, mprotect, munmap: page faults and TLB flushes. */
#include "bench.h"

#include <sys/mman.h>

static uint64_t unit(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < 60; i++) {
        size_t size = 32 * 4096;
        uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        require(p != MAP_FAILED, "mmap");
        for (size_t k = 0; k < size; k += 4096) {
            p[k] = k >> 12;
        }
        require(mprotect(p, size, PROT_READ) == 0, "mprotect");
        for (size_t k = 0; k < size; k += 4096) {
            sum += p[k];
        }
        munmap(p, size);
    }
    return sum;
}

BENCH("mapping", 10, 0x0000000000007440)
