/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Feature names, and the CPU models' types from models.def. */
#include "tandem/base.h"

#include "target/types.h"
#include "target/x86/cpu.h"
#include "target/x86/cpu_type.h"

/* clang-format off */
const X86WordPlace x86_words[X86_WORDS] = {
    [X86_1_EDX]    = { 0x00000001, 0, false, X86_EDX },
    [X86_1_ECX]    = { 0x00000001, 0, false, X86_ECX },
    [X86_7_0_EBX]  = { 0x00000007, 0, true,  X86_EBX },
    [X86_7_0_ECX]  = { 0x00000007, 0, true,  X86_ECX },
    [X86_7_0_EDX]  = { 0x00000007, 0, true,  X86_EDX },
    [X86_7_1_EAX]  = { 0x00000007, 1, true,  X86_EAX },
    [X86_7_1_EDX]  = { 0x00000007, 1, true,  X86_EDX },
    [X86_7_2_EDX]  = { 0x00000007, 2, true,  X86_EDX },
    [X86_D_1_EAX]  = { 0x0000000d, 1, true,  X86_EAX },
    [X86_6_EAX]    = { 0x00000006, 0, false, X86_EAX },
    [X86_24_0_EBX] = { 0x00000024, 0, true,  X86_EBX },
    [X86_8_1_EDX]  = { 0x80000001, 0, false, X86_EDX },
    [X86_8_1_ECX]  = { 0x80000001, 0, false, X86_ECX },
    [X86_8_7_EBX]  = { 0x80000007, 0, false, X86_EBX },
    [X86_8_7_EDX]  = { 0x80000007, 0, false, X86_EDX },
    [X86_8_8_EBX]  = { 0x80000008, 0, false, X86_EBX },
    [X86_8_A_EDX]  = { 0x8000000a, 0, false, X86_EDX },
    [X86_8_21_EAX] = { 0x80000021, 0, false, X86_EAX },
    [X86_8_22_EAX] = { 0x80000022, 0, false, X86_EAX },
    [X86_C_1_EDX]  = { 0xc0000001, 0, false, X86_EDX },
    [X86_KVM_EAX]  = { 0x40000001, 0, false, X86_EAX },
    [X86_KVM_EDX]  = { 0x40000001, 0, false, X86_EDX },
    [X86_ARCH_CAPS] = { .msr = 0x10a },
};

const X86Feature x86_features[] = {
#define FEATURE(name, word, bit) { name, X86_##word, bit },
#include "target/x86/features.def"
#undef FEATURE
};
/* clang-format on */
const size_t x86_n_features = ARRAY_SIZE(x86_features);

const char *x86_feature_name(X86Word word, unsigned bit)
{
    for (size_t i = 0; i < x86_n_features; i++) {
        if (x86_features[i].word == word && x86_features[i].bit == bit) {
            return x86_features[i].name;
        }
    }
    return NULL;
}

/* --- the models --- */

/* clang-format off */
#define MODEL(id, ...) MODEL_##id,
#define ALIAS(id, ...)
enum {
#include "target/x86/models.def"
    MODELS,
};
#undef MODEL
#undef ALIAS

#define MODEL(id, name, vendor, family, model, stepping, level, xlevel, text, ...) \
    [MODEL_##id] = { name, vendor, family, model, stepping, level, xlevel, text, \
                     false, { __VA_ARGS__ } },
#define ALIAS(id, ...)
static const X86Model models[MODELS] = {
#include "target/x86/models.def"
};
#undef MODEL
#undef ALIAS

/* All that the engine has; what is not a feature stands in for a host whose
 * leaves do not say. */
static const X86Model host_model = {
    "host", NULL, 0, 0, 0, 0, 0, NULL, true, { 0 },
};

#define MODEL(id, name, ...) static const char name_##id[] = name;
#define ALIAS(id, ...)
#include "target/x86/models.def"
#undef MODEL
#undef ALIAS

static const char *const arches[] = { "x86_64", NULL };

#define MODEL_TYPE(id, text, about, data, ...)                               \
    static const X86CpuType cpu_##id = {                                     \
        .name = text "-x86_64-cpu", .model = text,                           \
        .parent = TYPE(x86_cpu_type), .arches = arches,                      \
        .description = about, .x86 = data,                                   \
        X86_CPU_METHODS, __VA_ARGS__                                         \
    };
#define MODEL(id, name, vendor, family, model, stepping, level, xlevel, text, ...) \
    MODEL_TYPE(id, name, text, &models[MODEL_##id])
#define ALIAS(id, name, of) MODEL_TYPE(id, name, "(alias of " #of ")", &models[MODEL_##of], \
                                   .alias_of = name_##of)
#include "target/x86/models.def"
#undef MODEL
#undef ALIAS
MODEL_TYPE(host, "host", "all that the host's CPU and the engine have", &host_model, .unmovable = true)
MODEL_TYPE(max, "max", "all that the engine has", &host_model, .unmovable = true)

#define MODEL(id, ...) TYPE(cpu_##id),
#define ALIAS(id, ...) TYPE(cpu_##id),
const ObjectType *const x86_cpu_types[] = {
    TYPE(x86_cpu_type), TYPE(cpu_host), TYPE(cpu_max),
#include "target/x86/models.def"
    NULL,
};
#undef MODEL
#undef ALIAS
/* clang-format on */
