/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID features by name and place, and CPU models made of them. */
#ifndef TARGET_X86_FEATURES_H
#define TARGET_X86_FEATURES_H

#include "tandem/base.h"

/* Registers that hold feature bits: of CPUID, and an MSR. */
typedef enum X86Word {
    X86_1_EDX,
    X86_1_ECX,
    X86_7_0_EBX,
    X86_7_0_ECX,
    X86_7_0_EDX,
    X86_7_1_EAX,
    X86_7_1_EDX,
    X86_7_2_EDX,
    X86_D_1_EAX,
    X86_6_EAX,
    X86_24_0_EBX,
    X86_8_1_EDX,
    X86_8_1_ECX,
    X86_8_7_EBX,
    X86_8_7_EDX,
    X86_8_8_EBX,
    X86_8_A_EDX,
    X86_8_21_EAX,
    X86_8_22_EAX,
    X86_C_1_EDX,
    X86_KVM_EAX,
    X86_KVM_EDX,
    X86_CPUID_WORDS,
    X86_ARCH_CAPS = X86_CPUID_WORDS, /* IA32_ARCH_CAPABILITIES 31:0 */
    X86_WORDS,
} X86Word;

typedef enum X86Reg { X86_EAX, X86_EBX, X86_ECX, X86_EDX } X86Reg;

/* Where word X86_x is. */
typedef struct X86WordPlace {
    uint32_t leaf, subleaf;
    bool has_subleaf;
    X86Reg reg;
    uint32_t msr; /* not 0: there, and the rest has no meaning */
} X86WordPlace;
extern const X86WordPlace x86_words[X86_WORDS];

typedef struct X86Feature {
    const char *name;
    uint8_t word, bit;
} X86Feature;
extern const X86Feature x86_features[];
extern const size_t x86_n_features;
/* Name of bit @bit of @word; NULL: it has none. */
const char *x86_feature_name(X86Word word, unsigned bit);

typedef struct X86Model {
    const char *name, *vendor;
    uint32_t family, model, stepping, level, xlevel;
    const char *text; /* leaves 0x80000002 to 4 */
    bool host;        /* all that the engine has */
    uint32_t words[X86_WORDS];
} X86Model;

#endif
