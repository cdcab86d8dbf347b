/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector kernels for any host of the architecture. */
#define VEC_TABLE vec_kernels_base
#include "vec_kernels.inc"
