/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host CPU offers. The baseline is SSE4.2 with popcnt and cx16
 * (x86-64-v2); everything here is used only when present.
 */
#ifndef TCG_HOST_X86_64_FEATURES_H
#define TCG_HOST_X86_64_FEATURES_H

#include <stdbool.h>

typedef struct X86Features {
    bool baseline; /* SSE4.2, popcnt, cmpxchg16b: without it no translator */
    bool avx, avx2, fma, f16c, bmi1, bmi2, lzcnt, movbe, pclmul;
    bool avx512; /* F, BW, DQ, VL */
    bool vbmi;   /* VBMI and VBMI2 */
} X86Features;

/* Ask CPUID and XGETBV (SDM 1, 14.3; SDM 2, CPUID). Pure. */
X86Features x86_features_detect(void);

/* Only what the baseline promises: for tests, and to reproduce bugs. */
X86Features x86_features_baseline(void);

#endif
