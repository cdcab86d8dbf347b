/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What translators call to build a block. Every function folds constants and
 * simple identities, and shares equal pure values, so a translator writes the
 * plain meaning of an insn and need not look for shortcuts.
 *
 * Values are never freed; a TcgVal is valid until the block is finished. Types
 * must agree as ops.def says: a mistake is a translator bug and asserts; no
 * guest input may reach one.
 *
 *   TcgBlock *tb = tcg_block_begin(ctx, pc, flags);
 *   while (tcg_block_has_room(tb) && !tcg_block_ended(tb)) {
 *       tcg_insn_start(tb, pc);
 *       ... emission ...
 *   }
 *   if (!tcg_block_ended(tb)) {
 *       tcg_exit_direct(tb, pc, 0);
 *   }
 *   tcg_block_finish(tb);
 *
 * Precise exceptions: an op that can fault (memory, atomics, helpers that are
 * not PURE or NOFAULT, traps) shows env as it was at tcg_insn_start. Slot puts
 * of the same insn before it are undone by the snapshot; env_st, a store that
 * already happened, and slots written by a helper cannot be: the verifier
 * rejects a faulting op after these within one insn, save the case of a second
 * memory op, which the architecture may allow (tcg_insn_partial()).
 */
#ifndef TCG_BUILDER_H
#define TCG_BUILDER_H

#include "tcg/ir.h"
#include "tcg/helper.h"
#include "tcg/vec.h"

/* ---- block ---- */

/**
 * tcg_block_begin: start a unit at guest address @pc in @ctx's own block; the
 * block built before in @ctx is overwritten.
 * @flags: TCG_BLOCK_*.
 */
TcgBlock *tcg_block_begin(TcgContext *ctx, uint64_t pc, uint32_t flags);

/* Is there room for one more guest insn (an eighth of each table)? */
bool tcg_block_has_room(const TcgBlock *tb);

/* Has an op that always leaves been emitted (also by folding a side exit)?
 * What is emitted after it is dropped. */
static inline bool tcg_block_ended(const TcgBlock *tb)
{
    return tb->ended;
}

/* A guest insn begins at @pc; its first op may fault with this pc. */
void tcg_insn_start(TcgBlock *tb, uint64_t pc);

/* The insn under construction may fault after it did something that cannot be
 * undone, and its architecture allows that. */
void tcg_insn_partial(TcgBlock *tb);

/* Close the block and run the passes (tcg_passes). It must have ended. */
void tcg_block_finish(TcgBlock *tb);

/* ---- constants ---- */

TcgVal tcg_const_typed(TcgBlock *tb, TcgType type, uint64_t bits);

static inline TcgVal tcg_const(TcgBlock *tb, int64_t imm) /* I64 */
{
    return tcg_const_typed(tb, TCG_I64, (uint64_t)imm);
}

static inline TcgVal tcg_const32(TcgBlock *tb, int32_t imm) /* I32 */
{
    return tcg_const_typed(tb, TCG_I32, (uint32_t)imm);
}

/* Zero or another number in the type of @like. */
static inline TcgVal tcg_const_like(TcgBlock *tb, TcgVal like, int64_t imm)
{
    return tcg_const_typed(tb, like.type, (uint64_t)imm);
}

/* An I64 that is a guest code address: unit pc + constant, so that units can
 * be keyed by content later. tcg_add of a plain constant keeps the kind. */
TcgVal tcg_const_pc(TcgBlock *tb, uint64_t pc);

/* Is @v a constant? If so its bits (zero-extended) go to *bits, if not NULL. */
static inline bool tcg_val_const(const TcgBlock *tb, TcgVal v, uint64_t *bits)
{
    if (!tcg_ref_is_const(v.ref)) {
        return false;
    }
    if (bits != NULL) {
        *bits = tcg_ref_const(tb, v.ref);
    }
    return true;
}

static inline bool tcg_is_const(const TcgBlock *tb, TcgVal v, uint64_t bits)
{
    return tcg_ref_is_const(v.ref) && tcg_ref_const(tb, v.ref) == bits;
}

/* ---- integers ---- */

/* For the inline functions below: emit with folding and value numbering. */
TcgVal tcg_unary(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux, TcgVal x);
TcgVal tcg_binary(TcgBlock *tb, TcgOp op, TcgType type, unsigned aux, TcgVal x,
                  TcgVal y);

#define TCG_BUILD_BINARY(name)                                                 \
    static inline TcgVal tcg_##name(TcgBlock *tb, TcgVal x, TcgVal y)          \
    {                                                                          \
        return tcg_binary(tb, TCG_OP_##name, x.type, 0, x, y);                 \
    }
#define TCG_BUILD_UNARY(name)                                                  \
    static inline TcgVal tcg_##name(TcgBlock *tb, TcgVal x)                    \
    {                                                                          \
        return tcg_unary(tb, TCG_OP_##name, x.type, 0, x);                     \
    }

/* Operands and result of one type, I32 or I64; meaning in ops.def. */
TCG_BUILD_BINARY(add)
TCG_BUILD_BINARY(sub)
TCG_BUILD_BINARY(mul)
TCG_BUILD_BINARY(mulhs)
TCG_BUILD_BINARY(mulhu)
TCG_BUILD_BINARY(mulhsu)
TCG_BUILD_BINARY(and)
TCG_BUILD_BINARY(or)
TCG_BUILD_BINARY(xor)
TCG_BUILD_BINARY(andn)
TCG_BUILD_BINARY(orn)
TCG_BUILD_BINARY(shl) /* shift counts modulo the width */
TCG_BUILD_BINARY(shr)
TCG_BUILD_BINARY(sar)
TCG_BUILD_BINARY(rotl)
TCG_BUILD_BINARY(rotr)
TCG_BUILD_BINARY(smin)
TCG_BUILD_BINARY(smax)
TCG_BUILD_BINARY(umin)
TCG_BUILD_BINARY(umax)
TCG_BUILD_BINARY(clmul)
TCG_BUILD_BINARY(clmulh)
TCG_BUILD_UNARY(neg)
TCG_BUILD_UNARY(not )
TCG_BUILD_UNARY(clz)
TCG_BUILD_UNARY(ctz)
TCG_BUILD_UNARY(popcnt)
TCG_BUILD_UNARY(bswap)
TCG_BUILD_UNARY(brev8)
TCG_BUILD_UNARY(orcb)
TCG_BUILD_UNARY(sext8)
TCG_BUILD_UNARY(sext16)
TCG_BUILD_UNARY(zext8)
TCG_BUILD_UNARY(zext16)

static inline TcgVal tcg_addi(TcgBlock *tb, TcgVal x, int64_t imm)
{
    return tcg_add(tb, x, tcg_const_like(tb, x, imm));
}

static inline TcgVal tcg_andi(TcgBlock *tb, TcgVal x, int64_t imm)
{
    return tcg_and(tb, x, tcg_const_like(tb, x, imm));
}

static inline TcgVal tcg_ori(TcgBlock *tb, TcgVal x, int64_t imm)
{
    return tcg_or(tb, x, tcg_const_like(tb, x, imm));
}

static inline TcgVal tcg_xori(TcgBlock *tb, TcgVal x, int64_t imm)
{
    return tcg_xor(tb, x, tcg_const_like(tb, x, imm));
}

static inline TcgVal tcg_shli(TcgBlock *tb, TcgVal x, unsigned count)
{
    return tcg_shl(tb, x, tcg_const_like(tb, x, count));
}

static inline TcgVal tcg_shri(TcgBlock *tb, TcgVal x, unsigned count)
{
    return tcg_shr(tb, x, tcg_const_like(tb, x, count));
}

static inline TcgVal tcg_sari(TcgBlock *tb, TcgVal x, unsigned count)
{
    return tcg_sar(tb, x, tcg_const_like(tb, x, count));
}

/* Total division; @rule says what x/0 and MIN/-1 give. */
static inline TcgVal tcg_divs(TcgBlock *tb, TcgDiv rule, TcgVal x, TcgVal y)
{
    return tcg_binary(tb, TCG_OP_divs, x.type, rule, x, y);
}

static inline TcgVal tcg_divu(TcgBlock *tb, TcgDiv rule, TcgVal x, TcgVal y)
{
    return tcg_binary(tb, TCG_OP_divu, x.type, rule, x, y);
}

static inline TcgVal tcg_rems(TcgBlock *tb, TcgDiv rule, TcgVal x, TcgVal y)
{
    return tcg_binary(tb, TCG_OP_rems, x.type, rule, x, y);
}

static inline TcgVal tcg_remu(TcgBlock *tb, TcgDiv rule, TcgVal x, TcgVal y)
{
    return tcg_binary(tb, TCG_OP_remu, x.type, rule, x, y);
}

/* I32 to I64 and back. */
static inline TcgVal tcg_sext32(TcgBlock *tb, TcgVal x)
{
    return tcg_unary(tb, TCG_OP_sext32, TCG_I64, 0, x);
}

static inline TcgVal tcg_zext32(TcgBlock *tb, TcgVal x)
{
    return tcg_unary(tb, TCG_OP_zext32, TCG_I64, 0, x);
}

static inline TcgVal tcg_trunc(TcgBlock *tb, TcgVal x)
{
    return tcg_unary(tb, TCG_OP_trunc, TCG_I32, 0, x);
}

/* Bits [pos, pos + len) of x, zero- or sign-extended; 1 <= len. */
static inline TcgVal tcg_extr(TcgBlock *tb, TcgVal x, unsigned pos,
                              unsigned len)
{
    return tcg_unary(tb, TCG_OP_extr, x.type, TCG_FIELD(pos, len), x);
}

static inline TcgVal tcg_sextr(TcgBlock *tb, TcgVal x, unsigned pos,
                               unsigned len)
{
    return tcg_unary(tb, TCG_OP_sextr, x.type, TCG_FIELD(pos, len), x);
}

/* x with bits [pos, pos + len) replaced by the low bits of y. */
static inline TcgVal tcg_bfi(TcgBlock *tb, TcgVal x, TcgVal y, unsigned pos,
                             unsigned len)
{
    return tcg_binary(tb, TCG_OP_bfi, x.type, TCG_FIELD(pos, len), x, y);
}

/* 1 if cond(x, y), else 0, as a value of @type. */
static inline TcgVal tcg_setcc(TcgBlock *tb, TcgType type, TcgCond cond,
                               TcgVal x, TcgVal y)
{
    return tcg_binary(tb, TCG_OP_setcc, type, cond, x, y);
}

/* cond(x, y) ? t : f; @t and @f of one type, any. */
TcgVal tcg_select(TcgBlock *tb, TcgCond cond, TcgVal x, TcgVal y, TcgVal t,
                  TcgVal f);

/* ---- guest state ---- */

/* The value slot @slot holds now. */
TcgVal tcg_slot_get(TcgBlock *tb, unsigned slot);
/* Slot @slot holds @v from now on; emits no store. */
void tcg_slot_put(TcgBlock *tb, unsigned slot, TcgVal v);

/* Other fields of env, at byte offset @off; @mo: size and sign. Never for a
 * field that is a slot. */
TcgVal tcg_env_ld(TcgBlock *tb, TcgType type, uint32_t off, MemOp mo);
void tcg_env_st(TcgBlock *tb, uint32_t off, TcgVal v, MemOp mo);

/* ---- guest memory ---- */

/* Load at @addr (I64). The result is extended to @type by the MemOp's sign. */
TcgVal tcg_ld(TcgBlock *tb, TcgType type, TcgVal addr, MemOp mo);
void tcg_st(TcgBlock *tb, TcgVal addr, TcgVal v, MemOp mo);

/* TCG_OP_at_xchg ... at_umax; gives the old value, extended by MO_SIGN. */
TcgVal tcg_atomic_rmw(TcgBlock *tb, TcgOp op, TcgVal addr, TcgVal v, MemOp mo);
TcgVal tcg_atomic_cas(TcgBlock *tb, TcgVal addr, TcgVal expected, TcgVal v,
                      MemOp mo);
/* Store-conditional on a value-compare reservation: @holds is I32, non-zero
 * when address and size match the reservation. 0 if stored, else 1; write
 * permission is checked either way. Result in the type of @v. */
TcgVal tcg_atomic_sc(TcgBlock *tb, TcgVal addr, TcgVal expected, TcgVal v,
                     TcgVal holds, MemOp mo);
void tcg_fence(TcgBlock *tb, unsigned mask); /* TcgFence bits */

/* ---- floating point: @contract is TCG_FP_* ---- */

TcgVal tcg_fp1(TcgBlock *tb, TcgOp op, TcgType type, unsigned contract,
               TcgVal x);
TcgVal tcg_fp2(TcgBlock *tb, TcgOp op, TcgType type, unsigned contract,
               TcgVal x, TcgVal y);
TcgVal tcg_fma(TcgBlock *tb, unsigned contract, TcgVal x, TcgVal y, TcgVal z);

#define TCG_BUILD_FP2(name)                                                    \
    static inline TcgVal tcg_##name(TcgBlock *tb, unsigned contract, TcgVal x, \
                                    TcgVal y)                                  \
    {                                                                          \
        return tcg_fp2(tb, TCG_OP_##name, x.type, contract, x, y);             \
    }
TCG_BUILD_FP2(fadd)
TCG_BUILD_FP2(fsub)
TCG_BUILD_FP2(fmul)
TCG_BUILD_FP2(fdiv)
TCG_BUILD_FP2(fmin)
TCG_BUILD_FP2(fmax)
#undef TCG_BUILD_FP2

static inline TcgVal tcg_fsqrt(TcgBlock *tb, unsigned contract, TcgVal x)
{
    return tcg_fp1(tb, TCG_OP_fsqrt, x.type, contract, x);
}

static inline TcgVal tcg_fround(TcgBlock *tb, unsigned contract, TcgVal x)
{
    return tcg_fp1(tb, TCG_OP_fround, x.type, contract, x);
}

/* 1 or 0 in @type. */
static inline TcgVal tcg_fcmp(TcgBlock *tb, TcgType type, unsigned contract,
                              TcgFpCond cond, TcgVal x, TcgVal y)
{
    return tcg_fp2(tb, TCG_OP_fcmp, type, contract | TCG_FP_COND(cond), x, y);
}

/* op: fcvt_ff, fcvt_fs, fcvt_fu, fcvt_sf, fcvt_uf, fcvt_hs, fcvt_sh. */
static inline TcgVal tcg_fcvt(TcgBlock *tb, TcgOp op, TcgType to,
                              unsigned contract, TcgVal x)
{
    return tcg_fp1(tb, op, to, contract, x);
}

TCG_BUILD_UNARY(fneg)
TCG_BUILD_UNARY(fabs)
TCG_BUILD_BINARY(fcpysgn)

/* F32 in the low half of an F64 register with ones above (NaN boxing). */
static inline TcgVal tcg_fbox(TcgBlock *tb, TcgVal x)
{
    return tcg_unary(tb, TCG_OP_fbox, TCG_F64, 0, x);
}

static inline TcgVal tcg_funbox(TcgBlock *tb, TcgVal x)
{
    return tcg_unary(tb, TCG_OP_funbox, TCG_F32, 0, x);
}

/* The same bits as an integer of equal width, and back. */
static inline TcgVal tcg_bits_of_fp(TcgBlock *tb, TcgVal x)
{
    return tcg_unary(tb, TCG_OP_bits_fi, x.type == TCG_F32 ? TCG_I32 : TCG_I64,
                     0, x);
}

static inline TcgVal tcg_fp_of_bits(TcgBlock *tb, TcgVal x)
{
    return tcg_unary(tb, TCG_OP_bits_if, x.type == TCG_I32 ? TCG_F32 : TCG_F64,
                     0, x);
}

/* Sticky flags of the host part of the FP environment, TCG_FPFLAG_*: I32.
 * Architectural flags are these ORed with those kept in env. */
TcgVal tcg_fp_flags(TcgBlock *tb);

#undef TCG_BUILD_UNARY
#undef TCG_BUILD_BINARY

/* ---- helpers ---- */

/* Call @h with env and @nargs values. Slots it reads or writes are stored to
 * env before, those it writes are read again after. Value of type TCG_NONE
 * when it returns nothing. */
TcgVal tcg_call(TcgBlock *tb, const TcgHelper *h, const TcgVal *args,
                unsigned nargs);

/* tcg_call with the arguments written out:
 * tcg_call_args(tb, &helper, x, tcg_const32(tb, 3)); at least one. */
#define tcg_call_args(tb, h, ...)                                              \
    tcg_call((tb), (h), (const TcgVal[]){ __VA_ARGS__ },                       \
             sizeof((const TcgVal[]){ __VA_ARGS__ }) / sizeof(TcgVal))

/* tcg_call that a back end may carry out as @v says; the first argument is for
 * the helper alone. */
TcgVal tcg_call_vec(TcgBlock *tb, const TcgHelper *h, const TcgVal *args,
                    unsigned nargs, const TcgVecOp *v);

static inline TcgVal tcg_call0(TcgBlock *tb, const TcgHelper *h)
{
    return tcg_call(tb, h, NULL, 0);
}

/* ---- leaving ---- */

/*
 * Exits take the state as the slots are now (also puts of this insn). A direct
 * exit whose target is the unit's own head becomes a loop. TCG_EXIT_POLL is
 * set here for indirect exits and for targets at or below the insn's pc.
 */

/* Leave to @target when cond(x, y), else go on. */
void tcg_side_exit(TcgBlock *tb, TcgCond cond, TcgVal x, TcgVal y,
                   uint64_t target);
/* Leave to @target. @flags: TCG_EXIT_*. Ends the block. */
void tcg_exit_direct(TcgBlock *tb, uint64_t target, unsigned flags);
/* Leave to the address in @pc (I64). */
void tcg_exit_indirect(TcgBlock *tb, TcgVal pc, unsigned flags);
/* As the two above for a call that is expected to return to @ret_pc. */
void tcg_exit_call(TcgBlock *tb, uint64_t target, uint64_t ret_pc);
void tcg_exit_call_indirect(TcgBlock *tb, TcgVal pc, uint64_t ret_pc);

/* Raise: the runtime's trap(env, code) with the state at the start of the
 * insn. The first form does so when cond(x, y); the second ends the block. */
void tcg_side_trap(TcgBlock *tb, TcgCond cond, TcgVal x, TcgVal y,
                   uint32_t code);
void tcg_trap(TcgBlock *tb, uint32_t code);

#endif
