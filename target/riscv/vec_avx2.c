/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector kernels for hosts with AVX2, FMA and F16C: compiled for them. */
#define VEC_TABLE vec_kernels_avx2
#include "vec_kernels.inc"
