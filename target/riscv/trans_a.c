/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomics: Zalrsc, Zaamo, Zacas, Zawrs.
 *
 * Spec: Unprivileged ISA 20240411, chapters 14, 15, 16. A misaligned address
 *       raises, LR as a load, SC and AMO as a store. TCG.md 3.10.
 */
#include "target/riscv/translate.h"
#include "target/riscv/riscv-trans-rva.h"

static MemOp atomic_memop(const DisasContext *dc, MemOp size)
{
    return size | MO_SIGN | MO_ALIGN | MO_ATOM_ALIGNED | MO_SEQ |
           MO_MMU(dc->mmu);
}

static TcgType type_of(MemOp size)
{
    return size == MO_32 ? TCG_I32 : TCG_I64;
}

static TcgVal read_sized(DisasContext *dc, int r, MemOp size)
{
    return size == MO_32 ? gpr_read32(dc, r) : gpr_read64(dc, r);
}

/* ---- load-reserved, store-conditional (14.2) ---- */

static bool gen_lr(DisasContext *dc, const ArgsRdRs1AqRl *a, MemOp size)
{
    TcgVal addr = address_of(dc, a->rs1, 0), v;
    MemOp mo = size | MO_SIGN | MO_ALIGN | MO_ATOM_ALIGNED | MO_MMU(dc->mmu) |
               (a->aq ? MO_ACQUIRE : MO_PLAIN);

    if (a->rl) { /* earlier stores are seen before this load */
        tcg_fence(dc->tb, TCG_FENCE_ALL);
    }
    v = tcg_ld(dc->tb, type_of(size), addr, mo);
    tcg_env_st(dc->tb, offsetof(RiscvEnv, resv_addr), addr, MO_64);
    tcg_env_st(dc->tb, offsetof(RiscvEnv, resv_value),
               size == MO_32 ? tcg_zext32(dc->tb, v) : v, MO_64);
    tcg_env_st(dc->tb, offsetof(RiscvEnv, resv_size),
               tcg_const32(dc->tb, 1 << size), MO_32);
    gpr_write(dc, a->rd, v);
    return true;
}

/* Every SC ends the reservation, a failing one too; access is checked in
 * either case. */
static bool gen_sc(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a, MemOp size)
{
    TcgVal addr = address_of(dc, a->rs1, 0);
    TcgVal at =
        tcg_env_ld(dc->tb, TCG_I64, offsetof(RiscvEnv, resv_addr), MO_64);
    TcgVal bytes =
        tcg_env_ld(dc->tb, TCG_I32, offsetof(RiscvEnv, resv_size), MO_32);
    TcgVal seen =
        tcg_env_ld(dc->tb, TCG_I64, offsetof(RiscvEnv, resv_value), MO_64);
    TcgVal holds = tcg_and(dc->tb, tcg_setcc(dc->tb, TCG_I32, TCG_EQ, at, addr),
                           tcg_setcc(dc->tb, TCG_I32, TCG_EQ, bytes,
                                     tcg_const32(dc->tb, 1 << size)));
    TcgVal failed = tcg_atomic_sc(
        dc->tb, addr, size == MO_32 ? tcg_trunc(dc->tb, seen) : seen,
        read_sized(dc, a->rs2, size), holds, atomic_memop(dc, size));

    tcg_env_st(dc->tb, offsetof(RiscvEnv, resv_addr),
               tcg_const(dc->tb, (int64_t)RESV_NONE), MO_64);
    gpr_write(dc, a->rd, failed);
    return true;
}

static bool trans_lr_w(DisasContext *dc, const ArgsRdRs1AqRl *a)
{
    return gen_lr(dc, a, MO_32);
}

static bool trans_lr_d(DisasContext *dc, const ArgsRdRs1AqRl *a)
{
    return gen_lr(dc, a, MO_64);
}

static bool trans_sc_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_sc(dc, a, MO_32);
}

static bool trans_sc_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_sc(dc, a, MO_64);
}

/* ---- atomic memory operations (14.4) ---- */

static bool gen_amo(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a, MemOp size,
                    TcgOp op)
{
    TcgVal addr = address_of(dc, a->rs1, 0);
    TcgVal v = read_sized(dc, a->rs2, size);

    gpr_write(dc, a->rd,
              tcg_atomic_rmw(dc->tb, op, addr, v, atomic_memop(dc, size)));
    return true;
}

static bool trans_amoswap_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_xchg);
}

static bool trans_amoswap_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_xchg);
}

static bool trans_amoadd_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_add);
}

static bool trans_amoadd_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_add);
}

static bool trans_amoxor_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_xor);
}

static bool trans_amoxor_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_xor);
}

static bool trans_amoand_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_and);
}

static bool trans_amoand_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_and);
}

static bool trans_amoor_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_or);
}

static bool trans_amoor_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_or);
}

static bool trans_amomin_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_smin);
}

static bool trans_amomin_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_smin);
}

static bool trans_amomax_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_smax);
}

static bool trans_amomax_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_smax);
}

static bool trans_amominu_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_umin);
}

static bool trans_amominu_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_umin);
}

static bool trans_amomaxu_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_32, TCG_OP_at_umax);
}

static bool trans_amomaxu_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_amo(dc, a, MO_64, TCG_OP_at_umax);
}

/* ---- compare and swap (16.1) ---- */

static bool gen_cas(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a, MemOp size)
{
    TcgVal addr = address_of(dc, a->rs1, 0);

    gpr_write(dc, a->rd,
              tcg_atomic_cas(dc->tb, addr, read_sized(dc, a->rd, size),
                             read_sized(dc, a->rs2, size),
                             atomic_memop(dc, size)));
    return true;
}

/* A register pair as one I64 (RV32); x0 stands for a pair of zeros. */
static TcgVal read_pair(DisasContext *dc, int r)
{
    TcgVal low, high;

    if (r == 0) {
        return tcg_const(dc->tb, 0);
    }
    low = tcg_zext32(dc->tb, gpr_read32(dc, r));
    high = tcg_zext32(dc->tb, gpr_read32(dc, r + 1));
    return tcg_or(dc->tb, low, tcg_shli(dc->tb, high, 32));
}

static bool gen_cas_pair(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    TcgVal addr = address_of(dc, a->rs1, 0);
    TcgVal old = tcg_atomic_cas(dc->tb, addr, read_pair(dc, a->rd),
                                read_pair(dc, a->rs2), atomic_memop(dc, MO_64));

    if (a->rd != 0) {
        gpr_write(dc, a->rd, tcg_trunc(dc->tb, old));
        gpr_write(dc, a->rd + 1, tcg_trunc(dc->tb, tcg_shri(dc->tb, old, 32)));
    }
    return true;
}

static bool trans_amocas_w(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return gen_cas(dc, a, MO_32);
}

static bool trans_amocas_d(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    return is_rv32(dc) ? gen_cas_pair(dc, a) : gen_cas(dc, a, MO_64);
}

static bool trans_amocas_q(DisasContext *dc, const ArgsRdRs1Rs2AqRl *a)
{
    tcg_call_args(dc->tb, &riscv_helper_amocas_q, tcg_const32(dc->tb, dc->insn),
                  address_of(dc, a->rs1, 0), tcg_const32(dc->tb, dc->mmu));
    return true;
}

/* ---- waiting on a reservation (15): returns after a bounded time ---- */

static bool gen_wrs(DisasContext *dc)
{
    tcg_call_args(dc->tb, &riscv_helper_wrs, tcg_const32(dc->tb, dc->insn));
    gen_end_direct(dc, TCG_EXIT_TO_LOOP);
    return true;
}

static bool trans_wrs_nto(DisasContext *dc, const ArgsNone *a)
{
    return gen_wrs(dc);
}

static bool trans_wrs_sto(DisasContext *dc, const ArgsNone *a)
{
    return gen_wrs(dc);
}
