/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host CPU features. Spec: Intel SDM volume 2, CPUID; volume 1, 14.3. */
#include "tandem/base.h"

#include <cpuid.h>

#include "features.h"

static bool os_saves(uint32_t state)
{
    uint32_t lo, hi;

    asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (lo & state) == state;
}

/* XCR0 (SDM 1, 13.3): SSE and AVX; with opmask, ZMM_Hi256, Hi16_ZMM */
enum { STATE_YMM = 0x06, STATE_ZMM = 0xe6 };

X86Features x86_features_detect(void)
{
    X86Features f = { 0 };
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d)) {
        return f;
    }
    f.baseline = (c & bit_SSE4_2) && (c & bit_POPCNT) && (c & bit_CMPXCHG16B);
    f.pclmul = c & bit_PCLMUL;
    f.movbe = c & bit_MOVBE;
    f.avx = (c & bit_AVX) && (c & bit_OSXSAVE) && os_saves(STATE_YMM);
    f.fma = f.avx && (c & bit_FMA);
    f.f16c = f.avx && (c & bit_F16C);
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        /* VEX-encoded general instructions fault without OS support too. */
        f.bmi1 = f.avx && (b & bit_BMI);
        f.bmi2 = f.avx && (b & bit_BMI2);
        f.avx2 = f.avx && (b & bit_AVX2);
        f.avx512 = f.avx2 && f.fma && os_saves(STATE_ZMM) &&
                   (b & bit_AVX512F) && (b & bit_AVX512BW) &&
                   (b & bit_AVX512DQ) && (b & bit_AVX512VL);
        f.vbmi = f.avx512 && (c & bit_AVX512VBMI) && (c & bit_AVX512VBMI2);
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        f.lzcnt = c & bit_LZCNT;
    }
    return f;
}

X86Features x86_features_baseline(void)
{
    return (X86Features){ .baseline = true };
}
