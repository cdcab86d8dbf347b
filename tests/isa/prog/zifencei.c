/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Self-modifying code and fence.i (Unprivileged 5), fences and hints. */
#include "isa.h"

static uint32_t code[1024] __attribute__((aligned(4096)));

enum { RET = 0x00008067 };

/* li a0, n; ret */
static void write_code(uint32_t *at, int n)
{
    at[0] = (uint32_t)n << 20 | 0x513;
    at[1] = RET;
}

static int run(uint32_t *at)
{
    return ((int (*)(void))at)();
}

int main(void)
{
    for (int i = 0; i < 50; i++) {
        write_code(code, i);
        asm volatile("fence.i" ::: "memory");
        check(run(code) == i);
        /* elsewhere in the page, code and data together */
        write_code(code + 100 + i, -i);
        code[500]++;
        asm volatile("fence.i" ::: "memory");
        check(run(code + 100 + i) == -i);
        check(run(code) == i);
    }
    check(code[500] == 50);
    /* a store into the loop that runs: addi a0, a0, 1 becomes 2 */
    xlen_t sum;
    asm volatile("   la a2, 2f; li a3, 0x00250513; li a0, 0; li a1, 4\n"
                 "1: .option push; .option norvc\n"
                 "2: addi a0, a0, 1\n"
                 "   .option pop\n"
                 "   sw a3, 0(a2); fence.i; addi a1, a1, -1; bnez a1, 1b\n"
                 "   mv %0, a0"
                 : "=r"(sum)::"a0", "a1", "a2", "a3", "memory");
    check(sum == 7);
    asm volatile("fence; fence rw, w; fence.tso; fence r, r; fence i, o;"
                 ".insn 4, 0x0100000f; .insn 4, 0x0000100f");
    /* reserved fields of fence and fence.i are ignored (2.7, 5) */
    asm volatile(".insn 4, 0x0ff5858f; .insn 4, 0xfff5958f" ::: "a1");
    return 0;
}
