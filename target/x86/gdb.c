/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers as gdb names and numbers them.
 *
 * Spec: GDB manual, "i386 Features": org.gnu.gdb.i386.core, .sse, .segments
 *       (segment bases), and system registers of our own; SDM 3A 3.4 (what
 *       loading a selector does).
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
    K_MSR,   /* .at: index in msrs[] */
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
#define ENV(n, f, t)                                                           \
    {                                                                          \
        n, t, 64, K_ENV, offsetof(X86Env, f)                                   \
    }

enum { M_KERNEL_GS_BASE };
static const uint32_t msrs[] = { [M_KERNEL_GS_BASE] = 0xc0000102 };

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
    { "k_gs_base", "int64", 64, K_MSR, M_KERNEL_GS_BASE },
    ENV("cr0", cr0, "x64_cr0"), ENV("cr2", cr2, "int64"), ENV("cr3", cr3, "int64"),
    ENV("cr4", cr4, "x64_cr4"), ENV("cr8", cr8, "int64"), ENV("efer", efer, "x64_efer"),
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

/* Bits by name, from the lowest; an empty name ends a list. */
typedef struct Flag {
    char name[12];
    uint8_t first, last;
} Flag;

/* clang-format off */
static const Flag eflags_bits[] = {
    { "CF", 0, 0 }, { "PF", 2, 2 }, { "AF", 4, 4 }, { "ZF", 6, 6 },
    { "SF", 7, 7 }, { "TF", 8, 8 }, { "IF", 9, 9 }, { "DF", 10, 10 },
    { "OF", 11, 11 }, { "IOPL", 12, 13 }, { "NT", 14, 14 }, { "RF", 16, 16 },
    { "VM", 17, 17 }, { "AC", 18, 18 }, { "VIF", 19, 19 }, { "VIP", 20, 20 },
    { "ID", 21, 21 }, { "" },
};
static const Flag mxcsr_bits[] = {
    { "IE", 0, 0 }, { "DE", 1, 1 }, { "ZE", 2, 2 }, { "OE", 3, 3 },
    { "UE", 4, 4 }, { "PE", 5, 5 }, { "DAZ", 6, 6 }, { "IM", 7, 7 },
    { "DM", 8, 8 }, { "ZM", 9, 9 }, { "OM", 10, 10 }, { "UM", 11, 11 },
    { "PM", 12, 12 }, { "RC", 13, 14 }, { "FZ", 15, 15 }, { "" },
};
static const Flag cr0_bits[] = { /* SDM 3A 2.5 */
    { "PE", 0, 0 }, { "MP", 1, 1 }, { "EM", 2, 2 }, { "TS", 3, 3 },
    { "ET", 4, 4 }, { "NE", 5, 5 }, { "WP", 16, 16 }, { "AM", 18, 18 },
    { "NW", 29, 29 }, { "CD", 30, 30 }, { "PG", 31, 31 }, { "" },
};
static const Flag cr4_bits[] = {
    { "VME", 0, 0 }, { "PVI", 1, 1 }, { "TSD", 2, 2 }, { "DE", 3, 3 },
    { "PSE", 4, 4 }, { "PAE", 5, 5 }, { "MCE", 6, 6 }, { "PGE", 7, 7 },
    { "PCE", 8, 8 }, { "OSFXSR", 9, 9 }, { "OSXMMEXCPT", 10, 10 },
    { "UMIP", 11, 11 }, { "LA57", 12, 12 }, { "VMXE", 13, 13 },
    { "SMXE", 14, 14 }, { "FSGSBASE", 16, 16 }, { "PCIDE", 17, 17 },
    { "OSXSAVE", 18, 18 }, { "SMEP", 20, 20 }, { "SMAP", 21, 21 },
    { "PKE", 22, 22 }, { "CET", 23, 23 }, { "PKS", 24, 24 }, { "" },
};
static const Flag efer_bits[] = { /* SDM 3A 2.2.1; APM 2 3.1.7 */
    { "SCE", 0, 0 }, { "LME", 8, 8 }, { "LMA", 10, 10 }, { "NXE", 11, 11 },
    { "SVME", 12, 12 }, { "LMSLE", 13, 13 }, { "FFXSR", 14, 14 },
    { "TCE", 15, 15 }, { "" },
};
static const struct {
    unsigned feature, bytes;
    const char *id;
    const Flag *bits;
} flag_types[] = {
    { FEATURE_CORE, 4, "i386_eflags", eflags_bits },
    { FEATURE_SSE, 4, "i386_mxcsr", mxcsr_bits },
    { FEATURE_SYSTEM, 8, "x64_cr0", cr0_bits },
    { FEATURE_SYSTEM, 8, "x64_cr4", cr4_bits },
    { FEATURE_SYSTEM, 8, "x64_efer", efer_bits },
};
/* clang-format on */

static const char vector_types[] =
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
    "  </union>\n";

static void xml_flags(GString *s, unsigned f)
{
    for (size_t i = 0; i < ARRAY_SIZE(flag_types); i++) {
        if (flag_types[i].feature != f) {
            continue;
        }
        g_string_append_printf(s, "  <flags id=\"%s\" size=\"%u\">\n",
                               flag_types[i].id, flag_types[i].bytes);
        for (const Flag *b = flag_types[i].bits; b->name[0]; b++) {
            g_string_append_printf(
                s, "    <field name=\"%s\" start=\"%u\" end=\"%u\"/>\n",
                b->name, b->first, b->last);
        }
        g_string_append(s, "  </flags>\n");
    }
}

static char *xml_of(unsigned f)
{
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n"
                              "<!DOCTYPE feature SYSTEM \"gdb-target.dtd\">\n");

    g_string_append_printf(s, "<feature name=\"%s\">\n", files[f].feature);
    xml_flags(s, f);
    if (f == FEATURE_SSE) {
        g_string_append(s, vector_types);
    }
    for (unsigned i = 0; i < files[f].n; i++) {
        const Reg *r = &files[f].regs[i];

        g_string_append_printf(
            s, "  <reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>\n", r->name,
            r->bits, r->type);
    }
    g_string_append(s, "</feature>\n");
    return g_string_free(s, FALSE);
}

#define FILE_FUNCTIONS(id, FEATURE)                                            \
    static char *xml_##id(CPUState *cpu)                                       \
    {                                                                          \
        return xml_of(FEATURE);                                                \
    }                                                                          \
    static unsigned count_##id(CPUState *cpu)                                  \
    {                                                                          \
        return files[FEATURE].n;                                               \
    }
FILE_FUNCTIONS(core, FEATURE_CORE)
FILE_FUNCTIONS(sse, FEATURE_SSE)
FILE_FUNCTIONS(segments, FEATURE_SEGMENTS)
FILE_FUNCTIONS(system, FEATURE_SYSTEM)

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

/* The value of an MSR that the engine lists; NULL: it does not. */
static uint8_t *msr_bytes(X86Env *env, uint32_t index)
{
    for (uint32_t i = 0; i < env->n_msrs; i++) {
        if (env->msrs[i].index == index) {
            return (uint8_t *)&env->msrs[i].value;
        }
    }
    return NULL;
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
    case K_MSR:
        return msr_bytes(env, msrs[r->at]);
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
    memcpy(raw, from ? from : raw, own);
    if (r->kind == K_FTAG) {
        st16_le(raw, full_tags(raw[0]));
    }
    g_byte_array_append(out, raw, r->bits / 8);
    return r->bits / 8;
}

/* May segment @n have a descriptor of this high word (SDM 3A table 3-1)? */
static bool fits(unsigned n, uint32_t hi)
{
    bool code = hi & BIT(11), second = hi & BIT(9); /* writable, readable */

    return (hi & BIT(15)) && (hi & BIT(12)) &&
           (n == SEG_CS   ? code
            : n == SEG_SS ? !code && second
                          : !code || second);
}

/* What loading a selector does, but for checks of privilege (SDM 3A 3.4.2 to
 * 3.4.5, 20.1.1): the hidden part comes from the descriptor. */
static bool load_segment(CPUState *cpu, unsigned n, uint16_t selector)
{
    enum { TABLE_LDT = 4 };
    X86Env *env = x86_env(cpu);
    X86Seg *s = &env->seg[n];
    bool ldt = selector & TABLE_LDT;
    uint64_t base = ldt ? env->seg[SEG_LDT].base : env->gdt.base, d;
    uint32_t limit = ldt ? env->seg[SEG_LDT].limit : env->gdt.limit;
    uint32_t hi, at = selector & ~7u;
    uint8_t raw[8];

    if (selector == s->selector) {
        return true;
    }
    if (!(env->cr0 & CR0_PE) || (env->rflags & BIT(17) /* VM */)) {
        s->selector = selector;
        s->base = (uint64_t)selector << 4;
        return true;
    }
    if ((selector & ~3u) == 0) {
        if (n == SEG_CS || n == SEG_SS) {
            return false;
        }
        *s = (X86Seg){ .selector = selector };
        return true;
    }
    if (limit < at + 7 || !cpu_debug_rw(cpu, base + at, raw, 8, false)) {
        return false;
    }
    d = ld64_le(raw);
    hi = (uint32_t)(d >> 32);
    if (!fits(n, hi)) {
        return false;
    }
    *s = (X86Seg){ .selector = selector,
                   .attr = (uint16_t)(hi >> 8 & 0xf0ff),
                   .base = (d >> 16 & 0xffffff) | (hi & 0xff000000),
                   .limit = (uint32_t)(d & 0xffff) | (hi & 0xf0000) };
    if (s->attr & ATTR_G) {
        s->limit = s->limit << 12 | 0xfff;
    }
    return true;
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
    if (r->kind == K_SEG) {
        return load_segment(cpu, r->at, ld16_le(bytes)) ? size : 0;
    }
    if (!to) {
        return 0;
    }
    if (r->kind == K_FTAG) {
        *to = abridged_tags(ld16_le(bytes));
    } else {
        memcpy(to, bytes, own);
    }
    if (r->kind == K_XSAVE) {
        st64_le(env->xsave + 512, ld64_le(env->xsave + 512) | 3);
    }
    return size;
}
