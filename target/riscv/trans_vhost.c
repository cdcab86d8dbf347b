/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * V: what an instruction is in terms of host vectors (tcg/vec.h), beside the
 * helper that it calls. All of it is for the plain case: vl = VLMAX, vstart 0.
 *
 * Spec: Unprivileged ISA 20240411, chapter 31.
 */
#include "target/riscv/translate_v.h"

enum {
    AS = TCG_VEC_A_SIGNED,
    BS = TCG_VEC_B_SIGNED,
    SW = TCG_VEC_SWAP,
    BYTES = 1 << 7, /* for bytes computed with twice the width */
};

/* fn, flags */
typedef struct Row {
    uint8_t fn, flags;
} Row;

/* clang-format off */
#define R(op, fn, ...) [VOP_##op] = { TCG_VEC_##fn, __VA_ARGS__ }
static const Row rows[VOP_COUNT] = {
    R(ADD, ADD, 0), R(SUB, SUB, 0), R(RSUB, SUB, SW), R(AND, AND, 0),
    R(OR, OR, 0), R(XOR, XOR, 0), R(SLL, SLL, BYTES), R(SRL, SRL, BYTES),
    R(SRA, SRA, BYTES | AS), R(MINU, MINU, 0), R(MIN, MIN, 0),
    R(MAXU, MAXU, 0), R(MAX, MAX, 0), R(MUL, MUL, BYTES),
    R(SADDU, SADDU, 0), R(SADD, SADD, 0), R(SSUBU, SSUBU, 0),
    R(SSUB, SSUB, 0), R(MACC, MACC, 0), R(NMSAC, NMSAC, 0), R(MADD, MADD, 0),
    R(NMSUB, NMSUB, 0),
    R(MSEQ, CEQ, 0), R(MSNE, CNE, 0), R(MSLTU, CLTU, 0), R(MSLT, CLT, 0),
    R(MSLEU, CLEU, 0), R(MSLE, CLE, 0), R(MSGTU, CGTU, 0), R(MSGT, CGT, 0),
    R(WADDU, ADD, 0), R(WADD, ADD, AS | BS), R(WSUBU, SUB, 0),
    R(WSUB, SUB, AS | BS), R(WMULU, MUL, 0), R(WMUL, MUL, AS | BS),
    R(WMULSU, MUL, AS), R(WADDUW, ADD, 0), R(WADDW, ADD, BS),
    R(WSUBUW, SUB, 0), R(WSUBW, SUB, BS), R(WMACCU, MACC, 0),
    R(WMACC, MACC, AS | BS), R(WMACCUS, MACC, AS), R(WMACCSU, MACC, BS),
    R(NSRL, SRL, 0), R(NSRA, SRA, 0),
    R(ZEXT2, A, 0), R(SEXT2, A, AS), R(ZEXT4, A, 0), R(SEXT4, A, AS),
    R(ZEXT8, A, 0), R(SEXT8, A, AS),
    R(FADD, FADD, 0), R(FSUB, FSUB, 0), R(FRSUB, FSUB, SW), R(FMUL, FMUL, 0),
    R(FDIV, FDIV, 0), R(FRDIV, FDIV, SW), R(FMIN, FMIN, 0), R(FMAX, FMAX, 0),
    R(FSGNJ, FSGNJ, 0), R(FSGNJN, FSGNJN, 0), R(FSGNJX, FSGNJX, 0),
    R(FMACC, FMACC, 0), R(FNMACC, FNMACC, 0), R(FMSAC, FMSAC, 0),
    R(FNMSAC, FNMSAC, 0), R(FMADD, FMADD, 0), R(FNMADD, FNMADD, 0),
    R(FMSUB, FMSUB, 0), R(FNMSUB, FNMSUB, 0),
    R(MFEQ, CFEQ, 0), R(MFNE, CFNE, 0), R(MFLT, CFLT, 0), R(MFLE, CFLE, 0),
    R(MFGT, CFGT, 0), R(MFGE, CFGE, 0),
    R(FSQRT, FSQRT, 0), R(FCVT_X_F, FTOI, 0), R(FCVT_XU_F, FTOU, 0),
    R(FCVT_RTZ_X_F, FTOI_RTZ, 0), R(FCVT_RTZ_XU_F, FTOU_RTZ, 0),
    R(FCVT_F_X, ITOF, 0), R(FCVT_F_XU, UTOF, 0),
    R(FWCVT_F_F, FTOF, 0), R(FNCVT_F_F, FTOF, 0), R(FWCVT_X_F, FTOI, 0),
    R(FWCVT_XU_F, FTOU, 0), R(FWCVT_RTZ_X_F, FTOI_RTZ, 0),
    R(FWCVT_RTZ_XU_F, FTOU_RTZ, 0), R(FWCVT_F_X, ITOF, 0),
    R(FWCVT_F_XU, UTOF, 0), R(FNCVT_X_F, FTOI, 0), R(FNCVT_XU_F, FTOU, 0),
    R(FNCVT_RTZ_X_F, FTOI_RTZ, 0), R(FNCVT_RTZ_XU_F, FTOU_RTZ, 0),
    R(FNCVT_F_X, ITOF, 0), R(FNCVT_F_XU, UTOF, 0),
    R(FWADD, FADD, 0), R(FWSUB, FSUB, 0), R(FWMUL, FMUL, 0),
    R(FWADDW, FADD, 0), R(FWSUBW, FSUB, 0), R(FWMACC, FMACC, 0),
    R(FWNMACC, FNMACC, 0), R(FWMSAC, FMSAC, 0), R(FWNMSAC, FNMSAC, 0),
};
#undef R
/* clang-format on */

/* log2 of bytes of an operand */
static int log_of(const DisasContext *dc, int8_t width)
{
    return dc->vsew + (width >= 0 ? width : width + 1); /* V_HALF is -2 */
}

static uint32_t reg_at(const DisasContext *dc, int r)
{
    return offsetof(RiscvEnv, vreg) + (uint32_t)(r * dc->cfg->vlenb);
}

unsigned v_vlmax(const DisasContext *dc)
{
    return 1u << ((int)__builtin_ctz(dc->cfg->vlenb) + dc->vlmul - dc->vsew);
}

/* Registers of an operation on elements of SEW; -1: none. */
static TcgVecOp plain(const DisasContext *dc, TcgVecFn fn, int vd, int vs2,
                      int vs1, unsigned flags)
{
    uint8_t sew = (uint8_t)dc->vsew;

    return (TcgVecOp){
        .fn = dc->vstart ? TCG_VEC_NONE : fn,
        .flags = (uint8_t)(flags | TCG_VEC_GUARD),
        .lane = sew,
        .dlog = sew,
        .alog = sew,
        .blog = sew,
        .count = (uint16_t)v_vlmax(dc),
        .d = reg_at(dc, vd),
        .a = vs2 >= 0 ? reg_at(dc, vs2) : 0,
        .b = vs1 >= 0 ? reg_at(dc, vs1) : 0,
        .mask = offsetof(RiscvEnv, vreg),
        .guard = offsetof(RiscvEnv, vl),
        .sat = offsetof(RiscvEnv, vxsat),
        .expect = v_vlmax(dc),
    };
}

TcgVecOp v_host_op(const DisasContext *dc, VecOp op, int vd, int vs2, int vs1,
                   bool masked, bool scalar)
{
    const VecShape *s = &vec_shapes[op];
    const Row *r = &rows[op];
    TcgVecOp v = plain(dc, r->fn, vd, vs2, vs1,
                       (r->flags & ~BYTES) | (masked ? TCG_VEC_MASKED : 0) |
                           (scalar ? TCG_VEC_SCALAR : 0));

    v.alog = (uint8_t)log_of(dc, s->a);
    v.blog = s->b == V_NONE ? v.lane : (uint8_t)log_of(dc, s->b);
    if (s->d == V_MASK) {
        v.dlog = v.lane;
        return v;
    }
    v.dlog = (uint8_t)log_of(dc, s->d);
    v.lane = MAX(v.dlog, v.alog);
    if ((r->flags & BYTES) && v.lane == 0) {
        v.lane = 1;
    }
    return v;
}

TcgVecOp v_host_merge(const DisasContext *dc, int vd, int vs2, int vs1)
{
    return plain(dc, TCG_VEC_MERGE, vd, vs2, vs1,
                 TCG_VEC_MASKED | (vs1 < 0 ? TCG_VEC_SCALAR : 0));
}

TcgVecOp v_host_fill(const DisasContext *dc, int vd, int vs1)
{
    return plain(dc, vs1 < 0 ? TCG_VEC_B : TCG_VEC_A, vd, vs1, -1,
                 vs1 < 0 ? TCG_VEC_SCALAR : 0);
}

TcgVecOp v_host_move(const DisasContext *dc, int vd, int vs2, unsigned emul)
{
    TcgVecOp v = plain(dc, TCG_VEC_A, vd, vs2, -1, 0);

    v.flags = 0;
    v.lane = v.dlog = v.alog = v.blog = 3;
    v.count = (uint16_t)(dc->cfg->vlenb << emul >> 3);
    return v;
}

TcgVecOp v_host_perm(const DisasContext *dc, unsigned op, int vd, int vs2,
                     int vs1, bool masked, int imm)
{
    TcgVecOp v = plain(dc, TCG_VEC_NONE, vd, vs2, vs1, 0);

    if (masked || dc->vstart) {
        return v;
    }
    switch (op) {
    case V_PERM_UP:
    case V_PERM_DOWN:
        v.fn = imm >= 0 ? op == V_PERM_UP ? TCG_VEC_UP : TCG_VEC_DOWN
                        : TCG_VEC_NONE;
        v.imm = (uint8_t)imm;
        break;
    case V_PERM_UP1:
    case V_PERM_DOWN1:
        v.fn = op == V_PERM_UP1 ? TCG_VEC_UP : TCG_VEC_DOWN;
        v.imm = 1;
        v.flags |= TCG_VEC_SCALAR;
        break;
    case V_PERM_GATHER:
        v.fn = TCG_VEC_GATHER;
        break;
    case V_PERM_GATHER_X:
        v.fn = imm >= 0 ? TCG_VEC_GATHER : TCG_VEC_NONE;
        v.flags |= TCG_VEC_SCALAR;
        break;
    case V_PERM_COMPRESS:
        v.fn = TCG_VEC_COMPRESS;
        v.flags |= TCG_VEC_MASKED;
        v.mask = v.b;
        break;
    default:
        break;
    }
    return v;
}

TcgVecOp v_host_masks(const DisasContext *dc, unsigned op, int vd, int vs2,
                      int vs1)
{
    static const uint8_t fn[] = {
        [V_MASK_ANDN] = TCG_VEC_MANDN, [V_MASK_AND] = TCG_VEC_MAND,
        [V_MASK_OR] = TCG_VEC_MOR,     [V_MASK_XOR] = TCG_VEC_MXOR,
        [V_MASK_ORN] = TCG_VEC_MORN,   [V_MASK_NAND] = TCG_VEC_MNAND,
        [V_MASK_NOR] = TCG_VEC_MNOR,   [V_MASK_XNOR] = TCG_VEC_MXNOR,
    };
    bool bytes = op < ARRAY_SIZE(fn) && v_vlmax(dc) >= 8;

    return plain(dc, bytes ? fn[op] : TCG_VEC_NONE, vd, vs2, vs1, 0);
}

TcgVecOp v_host_count(const DisasContext *dc, TcgVecFn fn, int vs2, bool masked)
{
    return plain(dc, fn, 0, vs2, -1, masked ? TCG_VEC_MASKED : 0);
}

/* @bytes: all that is moved when vl is VLMAX, by elements of 1 << @log bytes;
 * @always: whatever vl is. */
TcgVecOp v_host_mem(const DisasContext *dc, int vd, unsigned bytes,
                    unsigned log, bool store, bool masked, bool always)
{
    TcgVecOp v = plain(dc, store ? TCG_VEC_ST : TCG_VEC_LD, vd, -1, -1, 0);

    if (!dc->cfg->misaligned || is_rv32(dc)) {
        v.fn = TCG_VEC_NONE;
    }
    if (always) {
        v.flags = 0;
    } else if (masked) {
        v.flags |= TCG_VEC_MASKED;
    }
    v.lane = v.dlog = (uint8_t)log;
    v.count = (uint16_t)bytes;
    v.mo = (uint16_t)(MO_8 | MO_MMU(dc->mmu) | MO_ALIGN_NONE);
    return v;
}
