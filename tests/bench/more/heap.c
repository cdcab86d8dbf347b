/* SPDX-License-Identifier: GPL-2.0-or-later */
/* brk, malloc and free of many sizes, madvise, pages copied on write. */
#include "bench.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 64, PAGES = 24 };

static uint64_t unit(void)
{
    static char *shared;
    void *slot[SLOTS] = { 0 };
    uint32_t seed = 71;
    uint64_t sum = 0;
    int status;

    for (int i = 0; i < 1500; i++) {
        int at = rng(&seed) % SLOTS;
        size_t size = 16u << rng(&seed) % 10;
        free(slot[at]);
        slot[at] = malloc(size);
        require(slot[at] != NULL, "malloc");
        memset(slot[at], i, 16);
        sum += size;
    }
    for (int i = 0; i < SLOTS; i++) {
        free(slot[i]);
    }
    for (int i = 0; i < 10; i++) {
        char *top = sbrk(16 * 4096);
        require(top != (char *)-1, "sbrk");
        for (int k = 0; k < 16; k++) {
            top[k * 4096] = k;
        }
        require(sbrk(-16 * 4096) != (char *)-1, "sbrk");
    }
    if (!shared) {
        shared = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        require(shared != MAP_FAILED, "mmap");
    }
    for (int i = 0; i < PAGES; i++) {
        shared[i * 4096] = i;
    }
    pid_t pid = fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        for (int i = 0; i < PAGES; i++) {
            shared[i * 4096]++;
        }
        _exit(shared[4096]);
    }
    require(waitpid(pid, &status, 0) == pid, "wait");
    madvise(shared, PAGES * 4096, MADV_DONTNEED);
    return sum * 7 + WEXITSTATUS(status) + shared[0];
}

BENCH("heap", 20, 0x00000000010959c2)
