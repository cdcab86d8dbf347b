/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models: lists of extensions (DECISIONS 10, 44). What these need, and
 * what follows from them, features.c adds.
 *
 * Spec: RISC-V Profiles 1.0 (RVA22S64).
 */
#include "tandem/base.h"

#include "target/riscv/csr.h"
#include "target/riscv/features.h"

#define X(id) RISCV_EXT_##id
/* The general-purpose machine that firmware and kernels expect on `virt`. */
#define GENERIC                                                                \
    X(M), X(A), X(F), X(D), X(C), X(S), X(U), X(ZICSR), X(ZIFENCEI),           \
        X(ZICNTR), X(ZIHPM), X(ZICBOM), X(ZICBOP), X(ZICBOZ), X(ZIHINTNTL),    \
        X(ZIHINTPAUSE), X(ZAWRS), X(ZBA), X(ZBB), X(ZBC), X(ZBS), X(SDTRIG),   \
        X(SSTC), X(SVADU), X(SVVPTC)

static const uint8_t ext_generic[] = { GENERIC, 0 };

/* All that is implemented, but Svade: it and Svadu are alternatives, and the
 * choice is firmware's where both are listed (Svadu 1). */
static const uint8_t ext_max[] = {
    GENERIC, X(B),   X(ZICOND),    X(ZACAS),   X(ZFH),     X(V),      X(ZVFH),
    X(ZCB),  X(ZKT), X(SMSTATEEN), X(SVINVAL), X(SVNAPOT), X(SVPBMT), 0,
};

/* Mandatory ones of RVA22U64 and RVA22S64; the rest of these is AUTO. */
static const uint8_t ext_rva22s64[] = {
    X(M),      X(A),      X(F),           X(D),      X(C),      X(B),
    X(S),      X(U),      X(ZICSR),       X(ZICNTR), X(ZIHPM),  X(ZICBOM),
    X(ZICBOP), X(ZICBOZ), X(ZIHINTPAUSE), X(ZBA),    X(ZBB),    X(ZBS),
    X(ZFHMIN), X(ZKT),    X(ZIFENCEI),    X(SVADE),  X(SVPBMT), X(SVINVAL),
    X(SDTRIG), 0,
};
#undef X
#undef GENERIC

const RiscvModel riscv_model_rv32 = { "rv32", 32, SATP_SV32, ext_generic };
const RiscvModel riscv_model_rv64 = { "rv64", 64, SATP_SV57, ext_generic };
const RiscvModel riscv_model_max32 = { "max32", 32, SATP_SV32, ext_max };
const RiscvModel riscv_model_max = { "max", 64, SATP_SV57, ext_max };
const RiscvModel riscv_model_rva22s64 = { "rva22s64", 64, SATP_SV39,
                                          ext_rva22s64 };
