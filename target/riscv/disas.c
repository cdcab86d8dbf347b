/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V disassembler.
 *
 * Spec: Unprivileged ISA chapter 36 (assembly programmer's names); text as
 *       binutils 2.40 prints it, which tests/unit/riscv-disas.c compares.
 */
#include "target/riscv/disas.h"
#include "target/riscv/cpu.h"
#include "target/riscv/riscv-decode.h"

const char *const riscv_gpr_names[32] = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

const char *const riscv_fpr_names[32] = {
    "ft0", "ft1", "ft2",  "ft3",  "ft4", "ft5", "ft6",  "ft7",
    "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
    "fa6", "fa7", "fs2",  "fs3",  "fs4", "fs5", "fs6",  "fs7",
    "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};

typedef struct ShowContext {
    const RiscvDisas *d;
    uint64_t pc;
} ShowContext;

static void show_fence_set(char *out, unsigned size, unsigned set)
{
    snprintf(out, size, "%s%s%s%s%s", set & 8 ? "i" : "", set & 4 ? "o" : "",
             set & 2 ? "r" : "", set & 1 ? "w" : "", set ? "" : "unknown");
}

/* Rounding mode (Unprivileged 21.2): nothing for what goes without saying,
 * "dyn", or "rne" of a conversion that is always exact (kind 'e'). */
static void show_rm(char *out, unsigned size, char kind, unsigned rm)
{
    static const char *const names[8] = { "rne", "rtz",     "rdn",     "rup",
                                          "rmm", "unknown", "unknown", "dyn" };

    snprintf(out, size, "%s", rm == (kind == 'e' ? 0 : 7) ? "" : names[rm & 7]);
}

static void show_csr(char *out, unsigned size, const RiscvDisas *d,
                     unsigned csr)
{
    char buf[24];
    const char *name = d->csr_name ? d->csr_name(d->env, csr, buf) : NULL;

    if (name != NULL) {
        snprintf(out, size, "%s", name);
    } else {
        snprintf(out, size, "0x%x", csr);
    }
}

/* vtype of vsetvli (31.3.4): "e32,m2,ta,ma", or a number when reserved. */
static void show_vtype(char *out, unsigned size, unsigned vtype)
{
    static const char *const lmul[8] = { "m1", "m2",  "m4",  "m8",
                                         NULL, "mf8", "mf4", "mf2" };
    unsigned sew = vtype >> 3 & 7;

    if (vtype >> 8 != 0 || sew > 3 || lmul[vtype & 7] == NULL) {
        snprintf(out, size, "%u", vtype);
    } else {
        snprintf(out, size, "e%u,%s,%s,%s", 8u << sew, lmul[vtype & 7],
                 vtype & 0x40 ? "ta" : "tu", vtype & 0x80 ? "ma" : "mu");
    }
}

static void show(char *out, unsigned size, char kind, const char *field,
                 int32_t value, void *opaque)
{
    const ShowContext *s = opaque;
    uint64_t target = s->pc + (int64_t)value;

    if (kind == 'p') {
        if (s->d->xlen == 32) {
            target = (uint32_t)target;
        }
        snprintf(out, size, "0x%" PRIx64, target);
    } else if (kind == 'u') {
        snprintf(out, size, "0x%x", ((uint32_t)value >> 12) & 0xfffff);
    } else if (kind == 'x') {
        snprintf(out, size, "0x%x", (uint32_t)value);
    } else if (field[0] == 'r' && (field[1] == 'd' || field[1] == 's')) {
        snprintf(out, size, "%s",
                 (kind == 'f' ? riscv_fpr_names : riscv_gpr_names)[value & 31]);
    } else if (field[0] == 'v' && (field[1] == 'd' || field[1] == 's')) {
        snprintf(out, size, "v%d", value & 31);
    } else if (strcmp(field, "vm") == 0) {
        snprintf(out, size, "%s", value & 1 ? "" : "v0.t");
    } else if (strcmp(field, "vtype") == 0) {
        show_vtype(out, size, value);
    } else if (strcmp(field, "rm") == 0) {
        show_rm(out, size, kind, value);
    } else if (strcmp(field, "csr") == 0) {
        show_csr(out, size, s->d, value);
    } else if (strcmp(field, "pred") == 0 || strcmp(field, "succ") == 0) {
        show_fence_set(out, size, value);
    } else {
        snprintf(out, size, "%d", value);
    }
}

/* ".aq", ".rl", ".aqrl" behind the name of an atomic (Unprivileged 14.1). */
static const char *order_suffix(const DecodeInsn *insn, const int32_t *args)
{
    static const char *const suffix[4] = { "", ".rl", ".aq", ".aqrl" };
    unsigned order = 0;

    for (unsigned i = 0; i < insn->nargs; i++) {
        if (strcmp(insn->args[i], "aq") == 0) {
            order |= args[i] ? 2 : 0;
        } else if (strcmp(insn->args[i], "rl") == 0) {
            order |= args[i] ? 1 : 0;
        }
    }
    return suffix[order];
}

unsigned riscv_disas(const RiscvDisas *d, uint64_t pc, const uint8_t *bytes,
                     unsigned avail, char *out, unsigned size)
{
    ShowContext context = { d, pc };
    RiscvArgs args;
    RiscvInsn id;
    uint32_t word;
    unsigned len;

    if (avail < 2) {
        return 0;
    }
    len = (bytes[0] & 3) == 3 ? 4 : 2;
    if (avail < len) {
        return 0;
    }
    word = len == 4 ? ld32_le(bytes) : ld16_le(bytes);
    id = len == 4 ? riscv_decode32(d->ext, d->xlen, word, &args)
                  : riscv_decode16(d->ext, d->xlen, word, &args);
    if (id == RISCV_INSN_ILLEGAL) {
        snprintf(out, size, ".%ubyte\t0x%x", len, word);
        return len;
    }
    decode_text(&riscv_insns[id], (const int32_t *)&args, show, &context,
                order_suffix(&riscv_insns[id], (const int32_t *)&args), out,
                size);
    return len;
}
