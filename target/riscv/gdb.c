/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers as gdb names and numbers them.
 *
 * Spec: GDB manual, "RISC-V Features": org.gnu.gdb.riscv.cpu, .fpu, .csr,
 *       .virtual, .vector. Values are little-endian in the register's own
 * width.
 */
#include "tandem/base.h"

#include "target/riscv/cpu-object.h"
#include "target/riscv/csr.h"
#include "target/riscv/disas.h"

enum {
    FEATURE_CPU,
    FEATURE_FPU,
    FEATURE_CSR,
    FEATURE_VIRTUAL,
    FEATURE_VECTOR,
};
enum { CPU_REGS = 33, FPU_REGS = 35, FPU_CSRS = 32, CSR_NUMBERS = 4096 };

/* fflags, frm and fcsr are in the fpu feature. */
static bool is_listed_csr(const RiscvEnv *env, unsigned csr)
{
    char buf[24];

    return csr > CSR_FCSR && riscv_csr_name(env, csr, buf) != NULL;
}

static unsigned count_cpu(CPUState *cpu)
{
    return CPU_REGS;
}

static unsigned count_fpu(CPUState *cpu)
{
    return riscv_has(riscv_env(cpu)->cfg, RISCV_EXT_F) ? FPU_REGS : 0;
}

static unsigned count_csr(CPUState *cpu)
{
    unsigned n = 0;

    for (unsigned csr = 0; csr < CSR_NUMBERS; csr++) {
        n += is_listed_csr(riscv_env(cpu), csr);
    }
    return n;
}

static unsigned count_virtual(CPUState *cpu)
{
    return 1;
}

static unsigned count_vector(CPUState *cpu)
{
    return riscv_env(cpu)->cfg->vlenb != 0 ? 32 : 0;
}

/* Number of the @n-th CSR that this hart has; CSR_NUMBERS: none. */
static unsigned nth_csr(const RiscvEnv *env, unsigned n)
{
    for (unsigned csr = 0; csr < CSR_NUMBERS; csr++) {
        if (is_listed_csr(env, csr) && n-- == 0) {
            return csr;
        }
    }
    return CSR_NUMBERS;
}

/* --- descriptions --- */

static GString *xml_begin(const char *feature)
{
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n"
                              "<!DOCTYPE feature SYSTEM \"gdb-target.dtd\">\n");

    g_string_append_printf(s, "<feature name=\"%s\">\n", feature);
    return s;
}

static char *xml_end(GString *s)
{
    g_string_append(s, "</feature>\n");
    return g_string_free(s, FALSE);
}

static void xml_reg(GString *s, const char *name, unsigned bits,
                    const char *type, const char *group)
{
    g_string_append_printf(s, "  <reg name=\"%s\" bitsize=\"%u\" type=\"%s\"",
                           name, bits, type);
    if (group != NULL) {
        g_string_append_printf(s, " group=\"%s\"", group);
    }
    g_string_append(s, "/>\n");
}

static char *xml_cpu(CPUState *cpu)
{
    unsigned xlen = riscv_env(cpu)->xlen;
    GString *s = xml_begin("org.gnu.gdb.riscv.cpu");

    for (unsigned i = 0; i < 32; i++) {
        /* gdb's own name for x8 is fp */
        const char *name = i == 8 ? "fp" : riscv_gpr_names[i];
        bool data = i == 2 || i == 3 || i == 4 || i == 8;

        xml_reg(s, name, xlen,
                i == 1 ? "code_ptr"
                : data ? "data_ptr"
                       : "int",
                NULL);
    }
    xml_reg(s, "pc", xlen, "code_ptr", NULL);
    return xml_end(s);
}

static char *xml_fpu(CPUState *cpu)
{
    bool d = riscv_has(riscv_env(cpu)->cfg, RISCV_EXT_D);
    GString *s = xml_begin("org.gnu.gdb.riscv.fpu");

    if (d) {
        g_string_append(s, "  <union id=\"riscv_double\">\n"
                           "    <field name=\"float\" type=\"ieee_single\"/>\n"
                           "    <field name=\"double\" type=\"ieee_double\"/>\n"
                           "  </union>\n");
    }
    for (unsigned i = 0; i < 32; i++) {
        xml_reg(s, riscv_fpr_names[i], d ? 64 : 32,
                d ? "riscv_double" : "ieee_single", NULL);
    }
    xml_reg(s, "fflags", 32, "int", "float");
    xml_reg(s, "frm", 32, "int", "float");
    xml_reg(s, "fcsr", 32, "int", "float");
    return xml_end(s);
}

static char *xml_csr(CPUState *cpu)
{
    const RiscvEnv *env = riscv_env(cpu);
    GString *s = xml_begin("org.gnu.gdb.riscv.csr");

    for (unsigned csr = 0; csr < CSR_NUMBERS; csr++) {
        char buf[24];

        if (is_listed_csr(env, csr)) {
            xml_reg(s, riscv_csr_name(env, csr, buf), env->xlen, "int", NULL);
        }
    }
    return xml_end(s);
}

static char *xml_virtual(CPUState *cpu)
{
    GString *s = xml_begin("org.gnu.gdb.riscv.virtual");

    xml_reg(s, "priv", riscv_env(cpu)->xlen, "int", NULL);
    return xml_end(s);
}

/* v0 to v31 as vectors of each element type (GDB: union riscv_vector). */
static char *xml_vector(CPUState *cpu)
{
    static const struct {
        const char *id, *type;
        unsigned bytes;
    } types[] = {
        { "quads", "uint128", 16 }, { "longs", "uint64", 8 },
        { "words", "uint32", 4 },   { "shorts", "uint16", 2 },
        { "bytes", "uint8", 1 },
    };
    static const char letters[] = "qlwsb";
    unsigned vlenb = riscv_env(cpu)->cfg->vlenb;
    GString *s = xml_begin("org.gnu.gdb.riscv.vector");

    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        g_string_append_printf(
            s, "  <vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n", types[i].id,
            types[i].type, vlenb / types[i].bytes);
    }
    g_string_append(s, "  <union id=\"riscv_vector\">\n");
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        g_string_append_printf(s, "    <field name=\"%c\" type=\"%s\"/>\n",
                               letters[i], types[i].id);
    }
    g_string_append(s, "  </union>\n");
    for (unsigned i = 0; i < 32; i++) {
        char name[8];

        snprintf(name, sizeof(name), "v%u", i);
        xml_reg(s, name, 8 * vlenb, "riscv_vector", "vector");
    }
    return xml_end(s);
}

const GdbFeature riscv_gdb_features[] = {
    [FEATURE_CPU] = { "org.gnu.gdb.riscv.cpu", "riscv-cpu.xml", xml_cpu,
                      count_cpu },
    [FEATURE_FPU] = { "org.gnu.gdb.riscv.fpu", "riscv-fpu.xml", xml_fpu,
                      count_fpu },
    [FEATURE_CSR] = { "org.gnu.gdb.riscv.csr", "riscv-csr.xml", xml_csr,
                      count_csr },
    [FEATURE_VIRTUAL] = { "org.gnu.gdb.riscv.virtual", "riscv-virtual.xml",
                          xml_virtual, count_virtual },
    [FEATURE_VECTOR] = { "org.gnu.gdb.riscv.vector", "riscv-vector.xml",
                         xml_vector, count_vector },
    { 0 },
};

/* --- values --- */

static unsigned put(GByteArray *out, uint64_t value, unsigned bytes)
{
    uint8_t raw[8];

    st64_le(raw, value);
    g_byte_array_append(out, raw, bytes);
    return bytes;
}

static unsigned fpr_bytes(const RiscvEnv *env)
{
    return riscv_has(env->cfg, RISCV_EXT_D) ? 8 : 4;
}

unsigned riscv_gdb_read(CPUState *cpu, const GdbFeature *f, unsigned n,
                        GByteArray *out)
{
    RiscvEnv *env = riscv_env(cpu);
    unsigned xbytes = env->xlen / 8;
    uint64_t v = 0;

    switch (f - riscv_gdb_features) {
    case FEATURE_CPU:
        return n >= CPU_REGS ? 0
                             : put(out, n < 32 ? env->gpr[n] : env->pc, xbytes);
    case FEATURE_FPU:
        if (n >= count_fpu(cpu)) {
            return 0;
        }
        if (n < FPU_CSRS) {
            return put(out, env->fpr[n], fpr_bytes(env));
        }
        riscv_csr_peek(env, CSR_FFLAGS + n - FPU_CSRS, &v);
        return put(out, v, 4);
    case FEATURE_CSR:
        /* one that cannot be read now (time without a timer) reads 0 */
        n = nth_csr(env, n);
        riscv_csr_peek(env, n, &v);
        return n == CSR_NUMBERS ? 0 : put(out, v, xbytes);
    case FEATURE_VECTOR:
        if (n >= count_vector(cpu)) {
            return 0;
        }
        g_byte_array_append(out, env->vreg + n * env->cfg->vlenb,
                            env->cfg->vlenb);
        return env->cfg->vlenb;
    default:
        return n == 0 ? put(out, env->priv, xbytes) : 0;
    }
}

static void write_fpr(RiscvEnv *env, unsigned n, uint64_t value)
{
    bool d = riscv_has(env->cfg, RISCV_EXT_D);

    env->fpr[n] = d ? value : value | bit_mask(32) << 32;
}

static void write_priv(RiscvEnv *env, uint64_t value)
{
    bool has = value == PRV_M ||
               (value == PRV_S && riscv_has(env->cfg, RISCV_EXT_S)) ||
               (value == PRV_U && riscv_has(env->cfg, RISCV_EXT_U));

    if (has) {
        env->priv = value;
        env->hooks->ctx_changed(env);
    }
}

unsigned riscv_gdb_write(CPUState *cpu, const GdbFeature *f, unsigned n,
                         const uint8_t *bytes, unsigned avail)
{
    RiscvEnv *env = riscv_env(cpu);
    unsigned feature = f - riscv_gdb_features, size = env->xlen / 8;
    uint8_t raw[8] = { 0 };

    if (feature == FEATURE_FPU) {
        size = n < FPU_CSRS ? fpr_bytes(env) : 4;
    }
    if (feature == FEATURE_VECTOR) {
        size = env->cfg->vlenb;
    }
    if (n >= f->count(cpu) || avail < size) {
        return 0;
    }
    if (feature == FEATURE_VECTOR) {
        memcpy(env->vreg + n * size, bytes, size);
        return size;
    }
    memcpy(raw, bytes, size);
    uint64_t v = ld64_le(raw);

    switch (feature) {
    case FEATURE_CPU:
        if (n == 32) {
            env->pc = v;
        } else if (n != 0) {
            env->gpr[n] = bits_sext(v, env->xlen);
        }
        break;
    case FEATURE_FPU:
        if (n < FPU_CSRS) {
            write_fpr(env, n, v);
        } else {
            riscv_csr_poke(env, CSR_FFLAGS + n - FPU_CSRS, v);
        }
        break;
    case FEATURE_CSR:
        riscv_csr_poke(env, nth_csr(env, n), v); /* read-only ones stay */
        break;
    default:
        write_priv(env, v);
        break;
    }
    return size;
}
