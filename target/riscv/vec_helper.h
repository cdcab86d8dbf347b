/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the vec_*.c files share, and the translator of them. */
#ifndef TARGET_RISCV_VEC_HELPER_H
#define TARGET_RISCV_VEC_HELPER_H

#include "target/riscv/vector.h"
#include "tcg/helper.h"

/* A register of @desc; VD_D, VD_S2, VD_S1. */
static inline uint8_t *vec_reg(RiscvEnv *env, VecDesc desc, unsigned field)
{
    return env->vreg + 16 * bits_get(desc, field, 8);
}

/* VD_OP of riscv_helper_v_carry */
enum { V_CARRY_ADC, V_CARRY_SBC, V_CARRY_MADC, V_CARRY_MSBC };
/* VD_OP of riscv_helper_v_mask */
enum {
    V_MASK_ANDN,
    V_MASK_AND,
    V_MASK_OR,
    V_MASK_XOR,
    V_MASK_ORN,
    V_MASK_NAND,
    V_MASK_NOR,
    V_MASK_XNOR,
    V_MASK_SBF,
    V_MASK_SOF,
    V_MASK_SIF,
    V_MASK_IOTA,
    V_MASK_ID,
};
/* VD_OP of riscv_helper_v_perm */
enum {
    V_PERM_GATHER, /* EEW of indexes in VD_EEW */
    V_PERM_GATHER_X,
    V_PERM_UP,
    V_PERM_DOWN,
    V_PERM_UP1,
    V_PERM_DOWN1,
    V_PERM_COMPRESS,
    V_PERM_MOVE, /* whole registers; VD_EMUL is log2 of how many */
};
/* VD_OP of riscv_helper_v_mem; VD_AUX: V_MEM_STORE */
enum {
    V_MEM_UNIT,
    V_MEM_FF,
    V_MEM_STRIDED,
    V_MEM_INDEXED, /* EEW of indexes in VD_EEW */
    V_MEM_WHOLE,   /* VD_EMUL is log2 of registers; ignores vl */
    V_MEM_MASK,
};
enum { V_MEM_STORE = 1 };

/* log2 of VLMAX of a legal @vtype. */
unsigned vec_vlmax_log(const RiscvConfig *cfg, uint64_t vtype);
bool vec_vtype_legal(const RiscvConfig *cfg, uint64_t vtype);

#endif
