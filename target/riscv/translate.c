/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V translator: slots, unit set-up, one instruction at a time.
 *
 * Spec: Unprivileged ISA 20240411 chapters 1 and 2; TCG.md 3.2 and 3.12.
 */
#include "target/riscv/translate.h"
#include "target/softfloat/softfloat.h"

/* ---- slots ---- */

#define X(n)                                                                   \
    [RISCV_SLOT_X0 +                                                           \
        n] = { "x" #n, offsetof(RiscvEnv, gpr[n]), TCG_I64, TCG_SLOT_GPR }
#define F(n)                                                                   \
    [RISCV_SLOT_F0 +                                                           \
        n] = { "f" #n, offsetof(RiscvEnv, fpr[n]), TCG_F64, TCG_SLOT_FPR }
/* clang-format off */
static const TcgSlotDesc riscv_slots[] = {
    X(0),  X(1),  X(2),  X(3),  X(4),  X(5),  X(6),  X(7),
    X(8),  X(9),  X(10), X(11), X(12), X(13), X(14), X(15),
    X(16), X(17), X(18), X(19), X(20), X(21), X(22), X(23),
    X(24), X(25), X(26), X(27), X(28), X(29), X(30), X(31),
    F(0),  F(1),  F(2),  F(3),  F(4),  F(5),  F(6),  F(7),
    F(8),  F(9),  F(10), F(11), F(12), F(13), F(14), F(15),
    F(16), F(17), F(18), F(19), F(20), F(21), F(22), F(23),
    F(24), F(25), F(26), F(27), F(28), F(29), F(30), F(31),
};
/* clang-format on */
#undef X
#undef F

/* Best first: how often units use them, by samples of twelve programs. */
static const uint8_t riscv_pinned[] = { 15, 14, 13, 10, 11, 12, 2, 1, 16, 17 };

const TcgFrontend riscv_frontend = {
    .name = "riscv",
    .slots = riscv_slots,
    .nslots = ARRAY_SIZE(riscv_slots),
    .pc_offset = offsetof(RiscvEnv, pc),
    .page_bits = 12,
    .insn_align = 1,
    .pinned = riscv_pinned,
    .npinned = ARRAY_SIZE(riscv_pinned),
};

/* ---- shared emission ---- */

TcgVal pc_value(DisasContext *dc, vaddr pc)
{
    TcgVal v = tcg_const_pc(dc->tb, wrap_pc(dc, pc));

    return is_rv32(dc) ? tcg_trunc(dc->tb, v) : v;
}

MemOp data_memop(const DisasContext *dc, MemOp size)
{
    return size | MO_MMU(dc->mmu) | MO_ATOM_ALIGNED |
           (dc->cfg->misaligned ? MO_ALIGN_NONE : MO_ALIGN);
}

void gen_raise(DisasContext *dc, unsigned cause, uint64_t tval)
{
    tcg_call_args(dc->tb, &riscv_helper_raise, tcg_const32(dc->tb, cause),
                  tcg_const(dc->tb, tval));
    /* never reached: the helper does not return */
    tcg_exit_direct(dc->tb, dc->pc, TCG_EXIT_TO_LOOP);
    dc->u->done = true;
}

void gen_end_direct(DisasContext *dc, unsigned exit_flags)
{
    tcg_exit_direct(dc->tb, wrap_pc(dc, dc->next_pc), exit_flags);
    dc->u->done = true;
}

void gen_end_ctx_changed(DisasContext *dc)
{
    tcg_exit_indirect(dc->tb, tcg_const_pc(dc->tb, wrap_pc(dc, dc->next_pc)),
                      TCG_EXIT_CTX_CHANGED);
    dc->u->done = true;
}

void gen_sync_ctx(DisasContext *dc)
{
    if (dc->vtype_off) {
        tcg_call0(dc->tb, &riscv_helper_ctx_changed);
    }
}

/* ---- short branches ---- */

/* Only registers change, and nothing can fault. */
static bool is_simple(RiscvInsn id)
{
    static const struct {
        RiscvInsn first, last;
    } row[] = {
        { RISCV_INSN_LUI, RISCV_INSN_LUI },
        { RISCV_INSN_ADDI, RISCV_INSN_XORI },
        { RISCV_INSN_ORI, RISCV_INSN_AND },
        { RISCV_INSN_SLLI, RISCV_INSN_SRAW },
        { RISCV_INSN_MUL, RISCV_INSN_MUL },
        { RISCV_INSN_MULW, RISCV_INSN_MULW },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        if (id >= row[i].first && id <= row[i].last) {
            return true;
        }
    }
    return riscv_insn_group[id] == RISCV_GROUP_ZB;
}

/* The same of FP: on the host, in a rounding mode that it has; FS is Dirty.
 * Those with flags get operands that raise none (fp_operand). */
static bool is_simple_fp(const DisasContext *dc, RiscvInsn id, uint32_t insn)
{
    unsigned rm = bits_get(insn, 12, 3), mode = rm == 7 ? dc->frm : rm;
    bool sign = (id >= RISCV_INSN_FSGNJ_S && id <= RISCV_INSN_FSGNJX_S) ||
                (id >= RISCV_INSN_FSGNJ_D && id <= RISCV_INSN_FSGNJX_D);
    bool arith = (id >= RISCV_INSN_FADD_S && id <= RISCV_INSN_FSQRT_S) ||
                 (id >= RISCV_INSN_FADD_D && id <= RISCV_INSN_FSQRT_D);

    return dc->fs == CTX_FS_DIRTY && !dc->soft_fp &&
           (sign || (arith && mode < FLOAT_ROUND_NEAREST_AWAY));
}

static RiscvInsn decode(const DisasContext *dc, const uint8_t *bytes,
                        unsigned len, RiscvArgs *args)
{
    return len == 2 ? riscv_decode16(dc->cfg->ext, dc->cfg->xlen,
                                     ld16_le(bytes), args)
                    : riscv_decode32(dc->cfg->ext, dc->cfg->xlen,
                                     ld32_le(bytes), args);
}

static unsigned insn_length(const uint8_t *bytes)
{
    return (bytes[0] & 3) == 3 ? 4 : 2; /* Unprivileged 1.5 */
}

bool gen_skip(DisasContext *dc, TcgCond cond, TcgVal x, TcgVal y, vaddr target)
{
    enum { MAX_SKIPPED = 3 };
    const TcgUnit *u = dc->u;
    uint64_t at = dc->next_pc - dc->pc, end = target - dc->pc;
    RiscvArgs args;

    if (!u->may_skip || dc->skip_until != 0 || target <= dc->next_pc ||
        end > u->avail || end - at > 4 * MAX_SKIPPED ||
        (target ^ dc->pc) >> riscv_frontend.page_bits != 0) {
        return false;
    }
    for (unsigned n = 0; at < end; n++) {
        const uint8_t *bytes = u->bytes + at;
        unsigned len = insn_length(bytes);
        RiscvInsn id;

        if (n == MAX_SKIPPED || len > end - at) {
            return false;
        }
        id = decode(dc, bytes, len, &args);
        if (!is_simple(id) &&
            !(len == 4 && is_simple_fp(dc, id, ld32_le(bytes)))) {
            return false;
        }
        at += len;
    }
    dc->skip_until = target;
    dc->skip_cond = cond;
    dc->skip_x = x;
    dc->skip_y = y;
    dc->u->hold = true;
    dc->u->n_skips++;
    return true;
}

/* ---- TcgCpuOps ---- */

typedef bool TransFn(DisasContext *dc, RiscvInsn insn, const RiscvArgs *a);

static TransFn *const trans_groups[RISCV_GROUP_COUNT] = {
    [RISCV_GROUP_RVI] = riscv_trans_rvi,
    [RISCV_GROUP_RVM] = riscv_trans_rvm,
    [RISCV_GROUP_RVA] = riscv_trans_rva,
    [RISCV_GROUP_RVF] = riscv_trans_rvf,
    [RISCV_GROUP_RVD] = riscv_trans_rvd,
    [RISCV_GROUP_ZFH] = riscv_trans_zfh,
    [RISCV_GROUP_ZB] = riscv_trans_zb,
    [RISCV_GROUP_ZI] = riscv_trans_zi,
    [RISCV_GROUP_PRIV] = riscv_trans_priv,
    [RISCV_GROUP_RVV] = riscv_trans_rvv,
    [RISCV_GROUP_RVVMEM] = riscv_trans_rvvmem,
};

void riscv_unit_begin(TcgUnit *u)
{
    DisasContext *dc = u->dc;
    uint64_t ctx = u->ctx_flags;

    dc->tb = u->tb;
    dc->u = u;
    dc->cfg = u->cpu_config;
    dc->soft_fp = dc->cfg->soft_fp || u->soft_fp;
    dc->xtype = dc->cfg->xlen == 32 ? TCG_I32 : TCG_I64;
    dc->priv = bits_get(ctx, CTX_PRIV_SHIFT, 2);
    dc->mmu = bits_get(ctx, CTX_MMU_SHIFT, 3);
    dc->frm = bits_get(ctx, CTX_FRM_SHIFT, 3);
    dc->fs = bits_get(ctx, CTX_FS_SHIFT, 2);
    dc->cbze = bits_get(ctx, CTX_CBZE_SHIFT, 1);
    dc->cbcfe = bits_get(ctx, CTX_CBCFE_SHIFT, 1);
    dc->cbie = bits_get(ctx, CTX_CBIE_SHIFT, 2);
    dc->trigger = bits_get(ctx, CTX_TRIGGER_SHIFT, 1);
    dc->vs = bits_get(ctx, CTX_VS_SHIFT, 2);
    dc->vsew = bits_get(ctx, CTX_VSEW_SHIFT, 2);
    dc->vlmul = (int8_t)bits_sext(bits_get(ctx, CTX_VLMUL_SHIFT, 3), 3);
    dc->vill = bits_get(ctx, CTX_VILL_SHIFT, 1);
    dc->vstart = bits_get(ctx, CTX_VSTART_SHIFT, 1);
}

/* May the insn stand where vtype is not that of the unit's context? One that
 * goes on to the next, or that knows what to do. */
static bool may_be_off(RiscvInsn id)
{
    switch (riscv_insn_group[id]) {
    case RISCV_GROUP_RVI:
        return id < RISCV_INSN_PAUSE || id > RISCV_INSN_EBREAK;
    case RISCV_GROUP_RVM:
    case RISCV_GROUP_ZB:
    case RISCV_GROUP_RVF:
    case RISCV_GROUP_RVD:
    case RISCV_GROUP_ZFH:
    case RISCV_GROUP_RVV:
    case RISCV_GROUP_RVVMEM:
        return true;
    default:
        return id == RISCV_INSN_ILLEGAL;
    }
}

void riscv_unit_end(TcgUnit *u, bool to_loop)
{
    DisasContext *dc = u->dc;

    if (dc->vtype_off) {
        gen_sync_ctx(dc);
        tcg_exit_indirect(dc->tb, tcg_const_pc(dc->tb, u->pc),
                          TCG_EXIT_CTX_CHANGED |
                              (to_loop ? TCG_EXIT_TO_LOOP : 0));
    }
}

unsigned riscv_translate_insn(TcgUnit *u)
{
    DisasContext *dc = u->dc;
    RiscvArgs args;
    RiscvInsn id = RISCV_INSN_ILLEGAL;
    unsigned len;

    if (u->avail < 2) {
        return 0;
    }
    len = insn_length(u->bytes);
    if (u->avail < len) {
        return 0;
    }
    id = decode(dc, u->bytes, len, &args);
    if (dc->vtype_off && !may_be_off(id)) {
        return 0;
    }
    dc->pc = u->pc;
    dc->next_pc = wrap_pc(dc, u->pc + len);
    u->pc = dc->next_pc;
    if (dc->pc == dc->skip_until) {
        dc->skip_until = 0;
    }
    tcg_insn_start(dc->tb, dc->pc);
    if (dc->trigger) {
        tcg_call_args(dc->tb, &riscv_helper_trigger, tcg_const(dc->tb, dc->pc));
    }
    dc->insn = len == 2 ? ld16_le(u->bytes) : ld32_le(u->bytes);
    if (id == RISCV_INSN_ILLEGAL ||
        !trans_groups[riscv_insn_group[id]](dc, id, &args)) {
        gen_raise(dc, EXC_ILLEGAL_INSN, dc->insn); /* Priv 3.1.16 */
    }
    if (tcg_block_ended(dc->tb)) {
        u->done = true;
    }
    u->hold = dc->skip_until != 0 && dc->next_pc != dc->skip_until;
    return len;
}
