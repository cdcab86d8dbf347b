/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scalar floating point.
 */
#include "tandem/base.h"

#include "backend.h"

EmitFn *const x86_emit_fp[TCG_OP_COUNT] = {
#define E(op) [TCG_OP_##op] = x86_emit_soft,
    E(fadd) E(fsub) E(fmul) E(fdiv) E(fsqrt) E(fma) E(fmin) E(fmax) E(fcmp)
        E(fround) E(fcvt_ff) E(fcvt_fs) E(fcvt_fu) E(fcvt_sf) E(fcvt_uf)
            E(fcvt_hs) E(fcvt_sh) E(fneg) E(fabs) E(fcpysgn) E(fbox) E(funbox)
                E(bits_fi) E(bits_if) E(fp_flags)
#undef E
};
