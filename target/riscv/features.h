/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extensions by name: what they need, what the guest reads of them, and which
 * a model has (DECISIONS 10, 44). Pure functions.
 */
#ifndef TARGET_RISCV_FEATURES_H
#define TARGET_RISCV_FEATURES_H

#include "target/riscv/cpu.h"

enum {
    FEATURE_FIXED = 1 << 0,       /* always on */
    FEATURE_UNAVAILABLE = 1 << 1, /* a model may not have it yet */
    FEATURE_HIDDEN = 1 << 2,      /* not in the ISA string */
    FEATURE_AUTO = 1 << 3,        /* follows from its needs; no property */
    FEATURE_RV32 = 1 << 4,        /* exists on RV32 only */
    FEATURE_RV64 = 1 << 5,
};

typedef struct RiscvFeature {
    const char *name; /* of the property, and in the ISA string */
    uint8_t flags;    /* FEATURE_x */
    uint8_t needs[3]; /* RiscvExt; 0 (I, which all have) fills up */
} RiscvFeature;

extern const RiscvFeature riscv_features[RISCV_EXT_COUNT];

/* What -cpu said of a feature. */
enum { EXT_UNSET, EXT_ON, EXT_OFF };

/* A CPU model: the extensions it starts from and its widest translation. */
typedef struct RiscvModel {
    const char *name;
    uint8_t xlen;
    uint8_t satp_mode;  /* SATP_x: this and the narrower ones */
    const uint8_t *ext; /* RiscvExt, ended by 0 (I) */
} RiscvModel;
extern const RiscvModel riscv_model_rv32, riscv_model_rv64, riscv_model_max32,
    riscv_model_max, riscv_model_rva22s64;

/*
 * riscv_features_resolve: cfg->ext from @model and the user's choices
 * user[RISCV_EXT_COUNT] (EXT_x). A feature that needs one which is off goes
 * off with it, unless the user turned it on: then it is an error, as is
 * turning on what this build or XLEN has not. cfg's block sizes are set.
 */
bool riscv_features_resolve(RiscvConfig *cfg, const RiscvModel *model,
                            const uint8_t *user, Error **errp);

/* cfg->satp_modes: the modes up to @widest; the user's sv39, sv48, sv57 (all
 * EXT_x) narrow or widen it. No S-mode or no @mmu: Bare alone. */
bool riscv_satp_resolve(RiscvConfig *cfg, uint8_t widest, bool mmu,
                        const uint8_t user[3], Error **errp);

/* "rv64imafdc_zicsr_...", freed by the caller; and its parts joined by NUL
 * bytes, as the device tree's riscv,isa-extensions wants them. */
char *riscv_isa_string(const RiscvConfig *cfg);
GByteArray *riscv_isa_extensions(const RiscvConfig *cfg);
/* "riscv,sv57", "riscv,none": the device tree's mmu-type. */
const char *riscv_mmu_type(const RiscvConfig *cfg);

#endif
