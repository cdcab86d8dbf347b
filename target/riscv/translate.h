/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the trans_*.c files share: the context of one unit, access to guest
 * registers in the width of the hart, ways to leave.
 *
 * XLEN is a field of dc: gpr_read() gives an I32 on RV32 and an I64 on RV64,
 * and gpr_write() takes either, so most instructions are written once.
 */
#ifndef TARGET_RISCV_TRANSLATE_H
#define TARGET_RISCV_TRANSLATE_H

#include "tandem/base.h"
#include "tcg/builder.h"
#include "target/tcg_ops.h"
#include "target/riscv/cpu.h"
#include "target/riscv/helper.h"
#include "target/riscv/riscv-decode.h"

struct DisasContext {
    TcgBlock *tb;
    TcgUnit *u;
    const RiscvConfig *cfg;
    bool soft_fp;  /* FP by helpers alone */
    TcgType xtype; /* TCG_I32 or TCG_I64: XLEN */
    /* this instruction */
    vaddr pc;
    vaddr next_pc; /* pc + length */
    uint32_t insn; /* 16 or 32 bits */
    /* taken apart from the context flags */
    uint8_t priv, mmu, frm, fs, cbie;
    bool cbze, cbcfe, trigger;
    /* A branch over simple insns is a choice of values (translate.c): until
     * this pc a register keeps its value if the condition holds. 0: none */
    vaddr skip_until;
    TcgCond skip_cond;
    TcgVal skip_x, skip_y;
    uint8_t vs, vsew;  /* CTX_FS_x; log2 of bytes of SEW */
    int8_t vlmul;      /* log2 of LMUL */
    bool vill, vstart; /* vtype is illegal; vstart is not 0 */
    /* vtype is another than at the unit's head, and nobody has told the
     * engine: no plain exit from here (gen_sync_ctx). */
    bool vtype_off;
};

extern const TcgFrontend riscv_frontend;

/* Members of TcgCpuOps. */
enum { RISCV_MAX_INSN = 4 };
void riscv_unit_begin(TcgUnit *u);
void riscv_unit_end(TcgUnit *u, bool to_loop);
unsigned riscv_translate_insn(TcgUnit *u);

static inline bool is_rv32(const DisasContext *dc)
{
    return dc->xtype == TCG_I32;
}

static inline bool has_ext(const DisasContext *dc, RiscvExt ext)
{
    return riscv_has(dc->cfg, ext);
}

/* A constant in the width of XLEN. */
static inline TcgVal xconst(DisasContext *dc, int64_t value)
{
    return tcg_const_typed(dc->tb, dc->xtype,
                           is_rv32(dc) ? (uint32_t)value : (uint64_t)value);
}

/* x0 reads as the constant 0. */
static inline TcgVal gpr_read64(DisasContext *dc, int r)
{
    return r == 0 ? tcg_const(dc->tb, 0)
                  : tcg_slot_get(dc->tb, RISCV_SLOT_X0 + r);
}

static inline TcgVal gpr_read32(DisasContext *dc, int r)
{
    return tcg_trunc(dc->tb, gpr_read64(dc, r));
}

static inline TcgVal gpr_read(DisasContext *dc, int r)
{
    return is_rv32(dc) ? gpr_read32(dc, r) : gpr_read64(dc, r);
}

/* An I32 is sign-extended: RV32, and the W instructions of RV64. */
static inline void gpr_write(DisasContext *dc, int r, TcgVal v)
{
    if (r != 0) {
        v = v.type == TCG_I32 ? tcg_sext32(dc->tb, v) : v;
        if (dc->skip_until != 0) {
            v = tcg_select(dc->tb, dc->skip_cond, dc->skip_x, dc->skip_y,
                           gpr_read64(dc, r), v);
        }
        tcg_slot_put(dc->tb, RISCV_SLOT_X0 + r, v);
    }
}

/* An XLEN-wide address or pc as I64: RV32 addresses are zero-extended. */
static inline TcgVal to_address(DisasContext *dc, TcgVal v)
{
    return v.type == TCG_I32 ? tcg_zext32(dc->tb, v) : v;
}

/* rs1 + imm as the address of a memory access. */
static inline TcgVal address_of(DisasContext *dc, int rs1, int32_t imm)
{
    return to_address(dc, tcg_addi(dc->tb, gpr_read(dc, rs1), imm));
}

/* A pc inside XLEN. */
static inline vaddr wrap_pc(const DisasContext *dc, vaddr pc)
{
    return is_rv32(dc) ? (uint32_t)pc : pc;
}

/* The address @pc as the value of a gpr. */
TcgVal pc_value(DisasContext *dc, vaddr pc);

/* MemOp of a data access of this unit, plain and in the hart's alignment
 * rules: @size is MO_8 .. MO_64, with MO_SIGN for a signed load. */
MemOp data_memop(const DisasContext *dc, MemOp size);

/* Make the branch to @target, if x cond y, a choice of values when it leads
 * over a few simple instructions. */
bool gen_skip(DisasContext *dc, TcgCond cond, TcgVal x, TcgVal y, vaddr target);

/* Raise @cause; ends the unit. @tval is what xtval becomes. */
void gen_raise(DisasContext *dc, unsigned cause, uint64_t tval);

/* End the unit behind this instruction. */
void gen_end_direct(DisasContext *dc, unsigned exit_flags);
/* ... when context, privilege or mappings may have changed. */
void gen_end_ctx_changed(DisasContext *dc);
/* Before an exit: the context is that of the state if it was not. */
void gen_sync_ctx(DisasContext *dc);

/* Set rd by a jump's link value: the address behind this instruction. */
static inline void gen_link(DisasContext *dc, int rd)
{
    if (rd != 0) {
        gpr_write(dc, rd, pc_value(dc, dc->next_pc));
    }
}

typedef TcgVal BinaryOp(TcgBlock *tb, TcgVal x, TcgVal y);

/* rd = op(rs1, rs2) in XLEN bits. */
static inline bool gen_rr(DisasContext *dc, const ArgsRdRs1Rs2 *a, BinaryOp *op)
{
    gpr_write(dc, a->rd,
              op(dc->tb, gpr_read(dc, a->rs1), gpr_read(dc, a->rs2)));
    return true;
}

/* rd = op(rs1, imm) in XLEN bits. */
static inline bool gen_ri(DisasContext *dc, const ArgsRdRs1Imm *a, BinaryOp *op)
{
    gpr_write(dc, a->rd, op(dc->tb, gpr_read(dc, a->rs1), xconst(dc, a->imm)));
    return true;
}

/* The W forms: 32 bits, sign-extended (4.2). */
static inline bool gen_rr_w(DisasContext *dc, const ArgsRdRs1Rs2 *a,
                            BinaryOp *op)
{
    gpr_write(dc, a->rd,
              op(dc->tb, gpr_read32(dc, a->rs1), gpr_read32(dc, a->rs2)));
    return true;
}

static inline bool gen_ri_w(DisasContext *dc, const ArgsRdRs1Imm *a,
                            BinaryOp *op)
{
    gpr_write(dc, a->rd,
              op(dc->tb, gpr_read32(dc, a->rs1), tcg_const32(dc->tb, a->imm)));
    return true;
}

/* Link registers of the calling convention (Unprivileged table 3). */
static inline bool is_link_reg(int r)
{
    return r == 1 || r == 5;
}

#endif
