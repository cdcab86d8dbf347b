/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector floating-point kernels in software, s_OP_SEW: for what a host cannot
 * do, for rounding to nearest away, and as the oracle of the others. */
#ifndef TARGET_RISCV_VEC_SOFT_H
#define TARGET_RISCV_VEC_SOFT_H

#include "target/riscv/vector.h"
#include "target/softfloat/softfloat.h"

/* clang-format off */
#define K(op, N) VecKernel s_##op##_##N;
#define K3(op)  K(op, 16) K(op, 32) K(op, 64)
#define K2(op)  K(op, 16) K(op, 32)
#define K2I(op) K(op, 8) K(op, 16) K(op, 32)
VEC_FP2(K3) VEC_FPQ2(K3) VEC_FP3(K3) VEC_FCMP(K3) VEC_FU(K3)
VEC_FCVT(K3) VEC_FCVTI(K3)
VEC_FW2(K2) VEC_FWW(K2) VEC_FW3(K2) VEC_FWCVT(K2) VEC_FWCVTI(K2I)
K2I(FNCVT_XU_F) K2I(FNCVT_X_F) K2I(FNCVT_RTZ_XU_F) K2I(FNCVT_RTZ_X_F)
K2(FNCVT_F_F) K2(FNCVT_ROD_F_F) VEC_FNCVTI(K2)
K3(FREDOSUM) K3(FREDMIN) K3(FREDMAX) K2(FWREDOSUM)
#undef K
#undef K3
#undef K2
#undef K2I
    /* clang-format on */

    /* @soft with the rounding of MXCSR, its flags ORed into MXCSR's: for a host
     * kernel that meets operands it cannot serve. */
    void vec_fused_soft(VecKernel *soft, void *d, const void *a, const void *b,
                        size_t n, VecCtx *c);

#endif
