/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector kernels for hosts with AVX-512 F, BW, DQ, VL and VBMI. */
#define VEC_TABLE vec_kernels_avx512
#include "vec_kernels.inc"
