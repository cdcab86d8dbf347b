/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one ISA program in the harness.
 *
 *   harness [-j] [-1] [-s] [-d] rv64|rv32 PROGRAM.elf
 *     -j JIT, -1 one instruction a unit, -s soft float, -d IR on stderr
 * Exit status: the program's (sifive_test), 124 when it does not end.
 */
#include "harness.h"

int main(int argc, char **argv)
{
    unsigned flags = 0, limit = 64;
    int i = 1;
    unsigned vlen = 128;
    int status;
    Hart *h;

    for (; i < argc && argv[i][0] == '-'; i++) {
        flags |= argv[i][1] == 'j'   ? HART_JIT
                 : argv[i][1] == 's' ? HART_SOFT_FP
                 : argv[i][1] == 'd' ? HART_DUMP
                 : argv[i][1] == '2' ? HART_NO_AVX512
                 : argv[i][1] == '3' ? HART_NO_AVX512 | HART_NO_AVX2
                                     : 0;
        limit = argv[i][1] == '1' ? 1 : limit;
    }
    if (i < argc && strstr(argv[i], ",vlen=") != NULL) {
        vlen = atoi(strstr(argv[i], "=") + 1);
    }
    if (argc - i != 2) {
        fprintf(stderr,
                "usage: harness [-j1sd23] rv64|rv32[,vlen=N] PROGRAM\n");
        return 1;
    }
    h = hart_new(g_str_has_prefix(argv[i], "rv32") ? 32 : 64, flags, vlen);
    if (!hart_load_elf(h, argv[i + 1])) {
        fprintf(stderr, "harness: cannot load %s\n", argv[i + 1]);
        return 1;
    }
    hart_run(h, limit, 400000000);
    if (!h->finished) {
        fprintf(stderr, "harness: no end; pc 0x%" PRIx64 "\n", h->env->pc);
        return 124;
    }
    if (h->status != 0) {
        fprintf(stderr,
                "harness: code %u; mcause %" PRIx64 " mepc %" PRIx64
                " mtval %" PRIx64 "\n",
                h->status, h->env->mcause, h->env->mepc, h->env->mtval);
    }
    status = MIN(h->status, 255);
    hart_free(h);
    return status;
}
