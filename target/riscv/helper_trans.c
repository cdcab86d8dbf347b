/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Helpers behind the short forms of trans_*.c, and AMOCAS.Q.
 *
 * Spec: Unprivileged ISA 20240411, 16.1 (AMOCAS.Q); Priv 3.1.6.
 */
#include "tandem/base.h"

#include "target/riscv/cpu.h"
#include "target/riscv/csr.h"
#include "target/riscv/helper.h"
#include "target/riscv/trap.h"
#include "target/tcg_ops.h"

/* A CSR that is storage only: as riscv_helper_csr, but no context, mapping or
 * interrupt follows from it, so that the unit goes on. */
static uint64_t do_csr_plain(RiscvEnv *env, uint32_t insn, uint64_t value)
{
    uintptr_t ra = tcg_ra();
    unsigned rd = bits_get(insn, 7, 5), op = bits_get(insn, 12, 2);
    uint64_t old = 0, mask = UINT64_MAX;

    if (op != 1) { /* CSRRS, CSRRC */
        mask = value;
        value = op == 2 ? UINT64_MAX : 0;
    }
    if (!riscv_csr_access(env, bits_get(insn, 20, 12),
                          op == 1 && rd == 0 ? NULL : &old, true, value,
                          mask)) {
        riscv_record(env, EXC_ILLEGAL_INSN, insn);
        tcg_raise(tcg_env_cpu(env), ra);
    }
    return bits_sext(old, env->xlen);
}

static void do_fflags(RiscvEnv *env, uint32_t flags)
{
    env->hooks->fflags_sync(env); /* none is left elsewhere */
    env->fflags = flags;
}

static void do_ctx_changed(RiscvEnv *env)
{
    env->hooks->ctx_changed(env);
}

static void do_irq_changed(RiscvEnv *env)
{
    env->hooks->irq_changed(env);
}

static void G_GNUC_NORETURN raise_store(RiscvEnv *env, uint32_t cause,
                                        uint64_t addr, uintptr_t ra)
{
    riscv_record(env, cause, addr);
    tcg_raise(tcg_env_cpu(env), ra);
}

static unsigned __int128 read_pair(const RiscvEnv *env, unsigned r)
{
    return r == 0 ? 0 : (unsigned __int128)env->gpr[r + 1] << 64 | env->gpr[r];
}

/* 16 bytes at once; @host is aligned. Baseline of supported hosts (TCG.md
 * 3.10). */
#ifdef __x86_64__
__attribute__((target("cx16")))
#endif
static unsigned __int128
cas16(unsigned __int128 *host, unsigned __int128 expected,
      unsigned __int128 desired)
{
    return __sync_val_compare_and_swap(host, expected, desired);
}

/* Pairs start at an even register; x0 reads as a pair of zeros and drops the
 * result. All of it or nothing: a device or unaligned address faults. */
static void do_amocas_q(RiscvEnv *env, uint32_t insn, uint64_t addr,
                        uint32_t mmu)
{
    uintptr_t ra = tcg_ra();
    CPUState *cpu = tcg_env_cpu(env);
    unsigned rd = bits_get(insn, 7, 5), rs2 = bits_get(insn, 20, 5);
    unsigned __int128 expected, old, desired, *host;

    if (addr & 15) {
        raise_store(env, EXC_STORE_MISALIGNED, addr, ra);
    }
    host = tcg_probe(cpu, addr, 16, MMU_STORE, mmu, ra);
    if (host == NULL) {
        raise_store(env, EXC_STORE_ACCESS, addr, ra);
    }
    expected = read_pair(env, rd);
    desired = read_pair(env, rs2);
    old = cas16(host, expected, desired);
    tcg_page_written(cpu, host, 16);
    if (rd != 0) {
        env->gpr[rd] = (uint64_t)old;
        env->gpr[rd + 1] = (uint64_t)(old >> 64);
    }
}

const TcgHelper riscv_helper_csr_plain = {
    .name = "riscv_csr_plain",
    .fn = do_csr_plain,
    .ret = TCG_I64,
    .nargs = 2,
    .arg = { TCG_I32, TCG_I64 },
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};
const TcgHelper riscv_helper_fflags = {
    .name = "riscv_fflags",
    .fn = do_fflags,
    .ret = TCG_NONE,
    .nargs = 1,
    .arg = { TCG_I32 },
    .flags = TCG_H_NOFAULT | TCG_H_HOST_FP,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};
const TcgHelper riscv_helper_ctx_changed = {
    .name = "riscv_ctx_changed",
    .fn = do_ctx_changed,
    .ret = TCG_NONE,
    .flags = TCG_H_NOFAULT | TCG_H_ENDS_TB,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};
const TcgHelper riscv_helper_irq_changed = {
    .name = "riscv_irq_changed",
    .fn = do_irq_changed,
    .ret = TCG_NONE,
    .flags = TCG_H_NOFAULT | TCG_H_ENDS_TB,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};
/* Which registers it touches is in the insn: all slots. */
const TcgHelper riscv_helper_amocas_q = {
    .name = "riscv_amocas_q",
    .fn = do_amocas_q,
    .ret = TCG_NONE,
    .nargs = 3,
    .arg = { TCG_I32, TCG_I64, TCG_I32 },
    .flags = TCG_H_MAY_INVALIDATE,
};
