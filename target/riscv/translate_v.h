/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What trans_v.c, trans_vmem.c and trans_vhost.c share. */
#ifndef TARGET_RISCV_TRANSLATE_V_H
#define TARGET_RISCV_TRANSLATE_V_H

#include "target/riscv/translate_fp.h"
#include "tcg/compile.h"
#include "target/riscv/vec_helper.h"

/* Is there vector state now (mstatus.VS)? Else illegal. */
bool v_on(const DisasContext *dc);
/* VS becomes Dirty first where it is not: false, the unit ended and the
 * instruction comes again. */
bool v_go(DisasContext *dc);
/* Behind the operation: where vstart was not 0 the context changed. True. */
bool v_done(DisasContext *dc);

/* Elements of SEW in a group of LMUL; vtype is legal. */
unsigned v_vlmax(const DisasContext *dc);
/* Register @r in a VecDesc. */
VecDesc v_reg(const DisasContext *dc, unsigned field, int r);

/* Is @emul (log2) in range, and @r the first of such a group? */
bool v_group(int r, int emul);
bool v_overlap(int a, int a_emul, int b, int b_emul);
/* The rule for a result and a source of other width (31.5.2). */
bool v_may_overlap(int d, int d_eew, int d_emul, int s, int s_eew, int s_emul);

/* trans_vhost.c: the plain case of an operation on host vectors; fn is
 * TCG_VEC_NONE where there is none. @vs1 -1: none, or the scalar. */
TcgVecOp v_host_op(const DisasContext *dc, VecOp op, int vd, int vs2, int vs1,
                   bool masked, bool scalar);
TcgVecOp v_host_merge(const DisasContext *dc, int vd, int vs2, int vs1);
TcgVecOp v_host_fill(const DisasContext *dc, int vd, int vs1);
TcgVecOp v_host_move(const DisasContext *dc, int vd, int vs2, unsigned emul);
/* V_PERM_x; @imm: the amount, where it is constant, else -1 */
TcgVecOp v_host_perm(const DisasContext *dc, unsigned op, int vd, int vs2,
                     int vs1, bool masked, int imm);
TcgVecOp v_host_masks(const DisasContext *dc, unsigned op, int vd, int vs2,
                      int vs1);
TcgVecOp v_host_count(const DisasContext *dc, TcgVecFn fn, int vs2,
                      bool masked);
TcgVecOp v_host_mem(const DisasContext *dc, int vd, unsigned bytes,
                    unsigned log, bool store, bool masked, bool always);
/* Calls @h, which host vectors may replace. */
#define v_call(dc, h, v, ...)                                                  \
    tcg_call_vec((dc)->tb, (h), (const TcgVal[]){ __VA_ARGS__ },               \
                 sizeof((const TcgVal[]){ __VA_ARGS__ }) / sizeof(TcgVal),     \
                 (v))

#endif
