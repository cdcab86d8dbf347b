/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that is patched and run: one immediate, a chain of stubs, closures. */
#include "bench.h"

#include <sys/mman.h>

typedef uint64_t Function(uint64_t x);

enum { STUBS = 32, STUB_WORDS = 8 };

static uint32_t addi(int rd, int rs, int imm)
{
    return (uint32_t)(imm & 0xfff) << 20 | rs << 15 | rd << 7 | 0x13;
}

/* a0 = a0 * 2 + @imm; return */
static void emit(uint32_t *p, int imm)
{
    p[0] = 0x00a50533; /* add a0, a0, a0 */
    p[1] = addi(10, 10, imm);
    p[2] = 0x00555293; /* srli t0, a0, 5: t0 is not used */
    p[3] = 0x00008067; /* ret */
}

static uint64_t unit(void)
{
    static uint32_t *code;
    uint64_t sum = 1;

    if (!code) {
        code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        require(code != MAP_FAILED, "mmap");
    }
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < STUBS; i++) {
            emit(code + i * STUB_WORDS, round + i);
        }
        __asm__ volatile("fence.i" ::: "memory");
        for (int i = 0; i < STUBS * 4; i++) {
            Function *f = (Function *)(code + i % STUBS * STUB_WORDS);
            sum = f(sum);
        }
        code[1] = addi(10, 10, round * 3); /* one word of the first */
        __asm__ volatile("fence.i" ::: "memory");
        sum = mix(sum, ((Function *)code)(sum));
    }
    return sum;
}

BENCH("selfmod", 90, 0xa83751eb6b700d60)
