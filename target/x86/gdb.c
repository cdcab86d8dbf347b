/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers as gdb names and numbers them.
 *
 * Spec: GDB manual, "i386 Features": org.gnu.gdb.i386.core, .sse, .linux's
 *       segment bases as .segments, and control registers of our own.
 */
#include "tandem/base.h"

#include "target/x86/cpu.h"

enum { FEATURE_CORE, FEATURE_SSE, FEATURE_SEGMENTS, FEATURE_SYSTEM };

/* How a register is kept. */
typedef enum RegKind {
    K_GPR,   /* .at: index */
    K_ENV,   /* .at: offset in X86Env */
    K_SEG,   /* .at: segment */
    K_BASE,  /* .at: segment */
    K_XSAVE, /* .at: offset in the XSAVE area */
    K_FTAG,  /* the abridged tag word, as gdb wants the full one */
    K_CPL,
} RegKind;

typedef struct Reg {
    const char *name, *type;
    uint8_t bits;
    uint8_t kind;
    uint16_t at;
} Reg;

#define GPR(n, i, t)                                                           \
    {                                                                          \
        n, t, 64, K_GPR, i                                                     \
    }
#define SEGREG(n, i)                                                           \
    {                                                                          \
        n, "int32", 32, K_SEG, i                                               \
    }
#define ST(n)                                                                  \
    {                                                                          \
        "st" #n, "i387_ext", 80, K_XSAVE, 32 + 16 * n                          \
    }
#define FPU(n, off)                                                            \
    {                                                                          \
        n, "int", 32, K_XSAVE, off                                             \
    }
#define XMM(n)                                                                 \
    {                                                                          \
        "xmm" #n, "vec128", 128, K_XSAVE, 160 + 16 * n                         \
    }
#define ENV(n, f)                                                              \
    {                                                                          \
        n, "int64", 64, K_ENV, offsetof(X86Env, f)                             \
    }

/* clang-format off */
static const Reg core[] = {
    GPR("rax", R_AX, "int64"), GPR("rbx", R_BX, "int64"), GPR("rcx", R_CX, "int64"),
    GPR("rdx", R_DX, "int64"), GPR("rsi", R_SI, "int64"), GPR("rdi", R_DI, "int64"),
    GPR("rbp", R_BP, "data_ptr"), GPR("rsp", R_SP, "data_ptr"),
    GPR("r8", 8, "int64"), GPR("r9", 9, "int64"), GPR("r10", 10, "int64"),
    GPR("r11", 11, "int64"), GPR("r12", 12, "int64"), GPR("r13", 13, "int64"),
    GPR("r14", 14, "int64"), GPR("r15", 15, "int64"),
    { "rip", "code_ptr", 64, K_ENV, offsetof(X86Env, rip) },
    { "eflags", "i386_eflags", 32, K_ENV, offsetof(X86Env, rflags) },
    SEGREG("cs", SEG_CS), SEGREG("ss", SEG_SS), SEGREG("ds", SEG_DS),
    SEGREG("es", SEG_ES), SEGREG("fs", SEG_FS), SEGREG("gs", SEG_GS),
    ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7),
    /* FXSAVE64 layout: SDM 1 table 10-2 */
    FPU("fctrl", 0), FPU("fstat", 2), { "ftag", "int", 32, K_FTAG, 4 },
    FPU("fiseg", 12), FPU("fioff", 8), FPU("foseg", 20), FPU("fooff", 16),
    FPU("fop", 6),
};
static const Reg sse[] = {
    XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7),
    XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15),
    { "mxcsr", "i386_mxcsr", 32, K_XSAVE, 24 },
};
static const Reg segments[] = {
    { "fs_base", "int", 64, K_BASE, SEG_FS }, { "gs_base", "int", 64, K_BASE, SEG_GS },
};
static const Reg system_regs[] = {
    ENV("cr0", cr0), ENV("cr2", cr2), ENV("cr3", cr3), ENV("cr4", cr4),
    ENV("cr8", cr8), ENV("efer", efer),
};
/* clang-format on */

static const struct {
    const char *feature;
    const Reg *regs;
    unsigned n;
} files[] = {
    [FEATURE_CORE] = { "org.gnu.gdb.i386.core", core, ARRAY_SIZE(core) },
    [FEATURE_SSE] = { "org.gnu.gdb.i386.sse", sse, ARRAY_SIZE(sse) },
    [FEATURE_SEGMENTS] = { "org.gnu.gdb.i386.segments", segments,
                           ARRAY_SIZE(segments) },
    [FEATURE_SYSTEM] = { "org.tandem.x86.system", system_regs,
                         ARRAY_SIZE(system_regs) },
};

/* --- descriptions --- */

static const char core_types[] =
    "  <flags id=\"i386_eflags\" size=\"4\">\n"
    "    <field name=\"CF\" start=\"0\" end=\"0\"/>\n"
    "    <field name=\"PF\" start=\"2\" end=\"2\"/>\n"
    "    <field name=\"AF\" start=\"4\" end=\"4\"/>\n"
    "    <field name=\"ZF\" start=\"6\" end=\"6\"/>\n"
    "    <field name=\"SF\" start=\"7\" end=\"7\"/>\n"
    "    <field name=\"TF\" start=\"8\" end=\"8\"/>\n"
    "    <field name=\"IF\" start=\"9\" end=\"9\"/>\n"
    "    <field name=\"DF\" start=\"10\" end=\"10\"/>\n"
    "    <field name=\"OF\" start=\"11\" end=\"11\"/>\n"
    "  </flags>\n";
static const char sse_types[] =
    "  <vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>\n"
    "  <vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>\n"
    "  <vector id=\"v16i8\" type=\"int8\" count=\"16\"/>\n"
    "  <vector id=\"v8i16\" type=\"int16\" count=\"8\"/>\n"
    "  <vector id=\"v4i32\" type=\"int32\" count=\"4\"/>\n"
    "  <vector id=\"v2i64\" type=\"int64\" count=\"2\"/>\n"
    "  <union id=\"vec128\">\n"
    "    <field name=\"v4_float\" type=\"v4f\"/>\n"
    "    <field name=\"v2_double\" type=\"v2d\"/>\n"
    "    <field name=\"v16_int8\" type=\"v16i8\"/>\n"
    "    <field name=\"v8_int16\" type=\"v8i16\"/>\n"
    "    <field name=\"v4_int32\" type=\"v4i32\"/>\n"
    "    <field name=\"v2_int64\" type=\"v2i64\"/>\n"
    "    <field name=\"uint128\" type=\"uint128\"/>\n"
    "  </union>\n"
    "  <flags id=\"i386_mxcsr\" size=\"4\">\n"
    "    <field name=\"IE\" start=\"0\" end=\"0\"/>\n"
    "    <field name=\"DE\" start=\"1\" end=\"1\"/>\n"
    "    <field name=\"ZE\" start=\"2\" end=\"2\"/>\n"
    "    <field name=\"OE\" start=\"3\" end=\"3\"/>\n"
    "    <field name=\"UE\" start=\"4\" end=\"4\"/>\n"
    "    <field name=\"PE\" start=\"5\" end=\"5\"/>\n"
    "  </flags>\n";

static char *xml_of(unsigned f, const char *types)
{
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n"
                              "<!DOCTYPE feature SYSTEM \"gdb-target.dtd\">\n");

    g_string_append_printf(s, "<feature name=\"%s\">\n%s", files[f].feature,
                           types);
    for (unsigned i = 0; i < files[f].n; i++) {
        const Reg *r = &files[f].regs[i];

        g_string_append_printf(
            s, "  <reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>\n", r->name,
            r->bits, r->type);
    }
    g_string_append(s, "</feature>\n");
    return g_string_free(s, FALSE);
}

#define FILE_FUNCTIONS(id, FEATURE, types)                                     \
    static char *xml_##id(CPUState *cpu)                                       \
    {                                                                          \
        return xml_of(FEATURE, types);                                         \
    }                                                                          \
    static unsigned count_##id(CPUState *cpu)                                  \
    {                                                                          \
        return files[FEATURE].n;                                               \
    }
FILE_FUNCTIONS(core, FEATURE_CORE, core_types)
FILE_FUNCTIONS(sse, FEATURE_SSE, sse_types)
FILE_FUNCTIONS(segments, FEATURE_SEGMENTS, "")
FILE_FUNCTIONS(system, FEATURE_SYSTEM, "")

const GdbFeature x86_gdb_features[] = {
    [FEATURE_CORE] = { "org.gnu.gdb.i386.core", "x86-core.xml", xml_core,
                       count_core },
    [FEATURE_SSE] = { "org.gnu.gdb.i386.sse", "x86-sse.xml", xml_sse,
                      count_sse },
    [FEATURE_SEGMENTS] = { "org.gnu.gdb.i386.segments", "x86-segments.xml",
                           xml_segments, count_segments },
    [FEATURE_SYSTEM] = { "org.tandem.x86.system", "x86-system.xml", xml_system,
                         count_system },
    { 0 },
};

/* --- values --- */

/* 16 bits of two each from one bit each: empty or not (SDM 1 10.5.1.1). */
static uint16_t full_tags(uint8_t abridged)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        tags |= (uint16_t)((abridged >> i & 1 ? 0u : 3u) << (2 * i));
    }
    return tags;
}

static uint8_t abridged_tags(uint16_t tags)
{
    uint8_t bits = 0;

    for (unsigned i = 0; i < 8; i++) {
        bits |= (uint8_t)((tags >> (2 * i) & 3) != 3) << i;
    }
    return bits;
}

/* Where a register's bytes are, and how many of them are its own. */
static uint8_t *bytes_of(X86Env *env, const Reg *r, unsigned *own)
{
    static const uint8_t fpu_own[] = {
        [0] = 2, [2] = 2, [6] = 2, [8] = 4, [12] = 4, [16] = 4, [20] = 4
    };

    *own = r->bits / 8;
    switch ((RegKind)r->kind) {
    case K_GPR:
        return (uint8_t *)&env->gpr[r->at];
    case K_ENV:
        return (uint8_t *)env + r->at;
    case K_SEG:
        *own = 2;
        return (uint8_t *)&env->seg[r->at].selector;
    case K_BASE:
        return (uint8_t *)&env->seg[r->at].base;
    case K_XSAVE:
        if (r->at < ARRAY_SIZE(fpu_own)) {
            *own = fpu_own[r->at];
        }
        return env->xsave + r->at;
    default:
        *own = 1;
        return env->xsave + 4;
    }
}

unsigned x86_gdb_read(CPUState *cpu, const GdbFeature *f, unsigned n,
                      GByteArray *out)
{
    X86Env *env = x86_env(cpu);
    unsigned file = (unsigned)(f - x86_gdb_features), own = 0;
    const uint8_t *from;
    uint8_t raw[16] = { 0 };
    const Reg *r;

    if (n >= files[file].n) {
        return 0;
    }
    r = &files[file].regs[n];
    from = bytes_of(env, r, &own);
    memcpy(raw, from, own);
    if (r->kind == K_FTAG) {
        st16_le(raw, full_tags(raw[0]));
    }
    g_byte_array_append(out, raw, r->bits / 8);
    return r->bits / 8;
}

unsigned x86_gdb_write(CPUState *cpu, const GdbFeature *f, unsigned n,
                       const uint8_t *bytes, unsigned avail)
{
    X86Env *env = x86_env(cpu);
    unsigned file = (unsigned)(f - x86_gdb_features), own, size;
    const Reg *r;
    uint8_t *to;

    if (n >= files[file].n) {
        return 0;
    }
    r = &files[file].regs[n];
    size = r->bits / 8;
    if (avail < size) {
        return 0;
    }
    to = bytes_of(env, r, &own);
    if (r->kind == K_FTAG) {
        *to = abridged_tags(ld16_le(bytes));
    } else if (r->kind != K_SEG) { /* a selector alone loads no descriptor */
        memcpy(to, bytes, own);
    }
    if (r->kind == K_XSAVE) {
        st64_le(env->xsave + 512, ld64_le(env->xsave + 512) | 3);
    }
    return size;
}
