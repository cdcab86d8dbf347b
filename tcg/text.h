/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the text form, for dump.c and parse.c. */
#ifndef TCG_TEXT_H
#define TCG_TEXT_H

#include "tcg/internal.h"

typedef struct TcgFlagName {
    const char *name;
    uint16_t mask, value; /* stands for (v & mask) == value */
} TcgFlagName;

extern const TcgFlagName tcg_memop_flags[];
extern const TcgFlagName tcg_fp_flags_names[];
extern const TcgFlagName tcg_fence_flags[];
extern const TcgFlagName tcg_exit_flags[];
extern const char *const tcg_div_name[];
extern const char *const tcg_exit_name[];

typedef enum TcgAuxKind {
    TCG_AUX_NONE,
    TCG_AUX_COND,
    TCG_AUX_DIV,
    TCG_AUX_FIELD,
    TCG_AUX_SLOT,
    TCG_AUX_MEMOP,
    TCG_AUX_FENCE,
    TCG_AUX_FP,
    TCG_AUX_FCMP,
    TCG_AUX_HELPER,
} TcgAuxKind;

/* What aux of @op means. */
TcgAuxKind tcg_aux_kind(TcgOp op);

#endif
