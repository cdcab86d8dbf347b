/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What trans_v.c and trans_vmem.c share. */
#ifndef TARGET_RISCV_TRANSLATE_V_H
#define TARGET_RISCV_TRANSLATE_V_H

#include "target/riscv/translate_fp.h"
#include "target/riscv/vec_helper.h"

/* Is there vector state now (mstatus.VS)? Else illegal. */
bool v_on(const DisasContext *dc);
/* VS becomes Dirty first where it is not: false, the unit ended and the
 * instruction comes again. */
bool v_go(DisasContext *dc);
/* Behind the operation: where vstart was not 0 the context changed. True. */
bool v_done(DisasContext *dc);

/* Register @r in a VecDesc. */
VecDesc v_reg(const DisasContext *dc, unsigned field, int r);

/* Is @emul (log2) in range, and @r the first of such a group? */
bool v_group(int r, int emul);
bool v_overlap(int a, int a_emul, int b, int b_emul);
/* The rule for a result and a source of other width (31.5.2). */
bool v_may_overlap(int d, int d_eew, int d_emul, int s, int s_eew, int s_emul);

#endif
