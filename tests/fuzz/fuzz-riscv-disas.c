/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RISC-V decoder and disassembler on any bytes: bounded text, a length
 * that the encoding gives (Unprivileged 1.5), never past what is there.
 * Input: a width, the extension bit map, then code.
 */
#include "tests/fuzz/fuzz.h"

#include "target/riscv/cpu.h"
#include "target/riscv/disas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    uint64_t ext[RISCV_EXT_WORDS];
    RiscvDisas d = { .ext = ext };
    uint64_t pc = 0x80000000;

    d.xlen = fuzz_u8(&in) & 1 ? 64 : 32;
    for (size_t i = 0; i < ARRAY_SIZE(ext); i++) {
        ext[i] = fuzz_u64(&in);
    }
    while (in.left > 0) {
        char text[40];
        /* A small buffer must be cut and ended, a tiny one too. */
        unsigned room = 1 + in.data[0] % sizeof(text);
        unsigned length;

        memset(text, 0x7f, sizeof(text));
        length = riscv_disas(&d, pc, in.data, MIN(in.left, 4), text, room);
        if (length == 0) {
            g_assert_cmpuint(in.left, <, 4);
            break;
        }
        g_assert_nonnull(memchr(text, 0, room));
        g_assert_cmpuint(length, ==, (in.data[0] & 3) == 3 ? 4 : 2);
        g_assert_cmpuint(length, <=, in.left);
        in.data += length;
        in.left -= length;
        pc += length;
    }
    return 0;
}
