/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hart as a device: properties, realize, reset, saved state, what boards
 * and monitors ask of it.
 *
 * Locks: all under the machine lock with the vCPU parked, but irq_input and
 * has_work (cpu.h of softmmu/machine says which thread).
 */
#include "tandem/base.h"

#include <libfdt.h>

#include "target/riscv/cpu-object.h"
#include "target/riscv/csr.h"
#include "target/riscv/disas.h"
#include "target/riscv/mmu.h"
#include "target/riscv/pmp.h"
#include "target/riscv/trap.h"
#include "target/riscv/vector.h"
#include "target/types.h"

/* --- properties --- */

static const RiscvModel *model_of(const RiscvCpu *cpu)
{
    return ((const RiscvCpuType *)((const Object *)cpu)->type)->riscv;
}

/* Parse @value as a bool does; EXT_UNSET on failure. */
static uint8_t parse_choice(Object *obj, const Property *prop,
                            json_object *value, Error **errp)
{
    RiscvCpu *cpu = (RiscvCpu *)obj;
    Property as_bool = *prop;

    as_bool.type = &prop_type_bool;
    as_bool.offset = offsetof(RiscvCpu, parsed);
    if (!prop_type_bool.set(obj, &as_bool, value, errp)) {
        return EXT_UNSET;
    }
    return cpu->parsed ? EXT_ON : EXT_OFF;
}

/* .arg is the feature's row, NULL for one that we do not have. */
static bool ext_set(Object *obj, const Property *prop, json_object *value,
                    Error **errp)
{
    const RiscvFeature *f = prop->arg;
    uint8_t choice = parse_choice(obj, prop, value, errp);

    if (choice == EXT_UNSET) {
        return false;
    }
    if (choice == EXT_ON && (f == NULL || (f->flags & FEATURE_UNAVAILABLE))) {
        error_set(errp, "extension '%s' is not available", prop->name);
        return false;
    }
    if (f != NULL) {
        ((RiscvCpu *)obj)->ext[f - riscv_features] = choice;
    }
    return true;
}

static void init_blocks(const RiscvCpu *cpu, RiscvConfig *cfg)
{
    cfg->cbom_block = cpu->cbom_blocksize;
    cfg->cbop_block = cpu->cbop_blocksize;
    cfg->cboz_block = cpu->cboz_blocksize;
    cfg->misaligned = true;
}

/* What is in effect: realized or not, the choices so far decide. */
static json_object *ext_get(Object *obj, const Property *prop)
{
    const RiscvCpu *cpu = (const RiscvCpu *)obj;
    const RiscvFeature *f = prop->arg;
    RiscvConfig cfg = { 0 };

    init_blocks(cpu, &cfg);
    return json_object_new_boolean(
        f != NULL &&
        riscv_features_resolve(&cfg, model_of(cpu), cpu->ext, NULL) &&
        riscv_has(&cfg, f - riscv_features));
}

static const PropertyType prop_type_ext = { "bool", "bool", ext_set, ext_get,
                                            NULL };

/* .offset is that of the choice's byte */
static bool sv_set(Object *obj, const Property *prop, json_object *value,
                   Error **errp)
{
    uint8_t choice = parse_choice(obj, prop, value, errp);

    if (choice == EXT_UNSET) {
        return false;
    }
    *((uint8_t *)obj + prop->offset) = choice;
    return true;
}

static json_object *sv_get(Object *obj, const Property *prop)
{
    const RiscvCpu *cpu = (const RiscvCpu *)obj;
    RiscvConfig cfg = { 0 };
    unsigned i = prop->offset - offsetof(RiscvCpu, sv);

    init_blocks(cpu, &cfg);
    return json_object_new_boolean(
        riscv_features_resolve(&cfg, model_of(cpu), cpu->ext, NULL) &&
        riscv_satp_resolve(&cfg, model_of(cpu)->satp_mode, cpu->mmu, cpu->sv,
                           NULL) &&
        (cfg.satp_modes & BIT(SATP_SV39 + i)) != 0);
}

static const PropertyType prop_type_sv = { "bool", "bool", sv_set, sv_get,
                                           NULL };

/* The four exts "g" stands for (Unpriv 30.4): one switch for all. */
static bool g_set(Object *obj, const Property *prop, json_object *value,
                  Error **errp)
{
    static const uint8_t parts[] = { RISCV_EXT_M,     RISCV_EXT_A,
                                     RISCV_EXT_F,     RISCV_EXT_D,
                                     RISCV_EXT_ZICSR, RISCV_EXT_ZIFENCEI };
    uint8_t choice = parse_choice(obj, prop, value, errp);

    for (unsigned i = 0; choice == EXT_ON && i < ARRAY_SIZE(parts); i++) {
        ((RiscvCpu *)obj)->ext[parts[i]] = EXT_ON;
    }
    return choice != EXT_UNSET;
}

static json_object *g_get(Object *obj, const Property *prop)
{
    const RiscvCpu *cpu = (const RiscvCpu *)obj;
    RiscvConfig cfg = { 0 };

    init_blocks(cpu, &cfg);
    return json_object_new_boolean(
        riscv_features_resolve(&cfg, model_of(cpu), cpu->ext, NULL) &&
        riscv_has(&cfg, RISCV_EXT_M) && riscv_has(&cfg, RISCV_EXT_A) &&
        riscv_has(&cfg, RISCV_EXT_D) && riscv_has(&cfg, RISCV_EXT_ZIFENCEI));
}

static const PropertyType prop_type_g = { "bool", "bool", g_set, g_get, NULL };

/* clang-format off */
#define FEATURE(id, text, flag_bits, ...)                                    \
    { text, &prop_type_ext, 0, NULL, "extension " text,                      \
      &riscv_features[RISCV_EXT_##id],                                       \
      (flag_bits) & FEATURE_AUTO ? PROP_READ_ONLY | PROP_HIDDEN : 0 },
#define UNAVAILABLE(text)                                                    \
    { text, &prop_type_ext, 0, NULL, "not available: off only", NULL,        \
      PROP_HIDDEN },
static const Property riscv_cpu_props[] = {
#include "target/riscv/features.def"
    { "g", &prop_type_g, 0, NULL, "short for i, m, a, f, d, zicsr, zifencei", NULL, 0 },
    { "sv39", &prop_type_sv, offsetof(RiscvCpu, sv[0]), NULL, "address translation Sv39", NULL, 0 },
    { "sv48", &prop_type_sv, offsetof(RiscvCpu, sv[1]), NULL, "address translation Sv48", NULL, 0 },
    { "sv57", &prop_type_sv, offsetof(RiscvCpu, sv[2]), NULL, "address translation Sv57", NULL, 0 },
    PROP(bool, RiscvCpu, mmu, "mmu", "on", "address translation"),
    PROP(bool, RiscvCpu, pmp, "pmp", "on", "physical memory protection"),
    PROP(u32, RiscvCpu, pmp_regions, "num-pmp-regions", "16", "PMP entries: 16 or 64"),
    PROP(u32, RiscvCpu, pmu_mask, "pmu-mask", "0x7fff8", "bit n: mhpmcounter n counts"),
    PROP(u16, RiscvCpu, vlen, "vlen", "128", "bits of a vector register, 128 to 1024"),
    PROP(u16, RiscvCpu, elen, "elen", "64", "bits of the widest vector element"),
    PROP(u16, RiscvCpu, cbom_blocksize, "cbom_blocksize", "64", "bytes of a cache block, CBO.CLEAN, FLUSH, INVAL"),
    PROP(u16, RiscvCpu, cbop_blocksize, "cbop_blocksize", "64", "bytes of a cache block, prefetches"),
    PROP(u16, RiscvCpu, cboz_blocksize, "cboz_blocksize", "64", "bytes of a cache block, CBO.ZERO"),
    PROP(u64, RiscvCpu, mvendorid, "mvendorid", "0", "CSR mvendorid"),
    PROP(u64, RiscvCpu, marchid, "marchid", "0", "CSR marchid"),
    PROP(u64, RiscvCpu, mimpid, "mimpid", "0", "CSR mimpid"),
    PROP(u64, RiscvCpu, resetvec, "resetvec", "0x1000", "pc after reset"),
    PROP_ARG(link, RiscvCpu, time, "time-source", NULL, "MTIMER that gives `time`", &aclint_time_source_type),
    { 0 },
};
/* clang-format on */
#undef FEATURE
#undef UNAVAILABLE

/* --- life --- */

static bool check_block(const char *name, uint16_t size, Error **errp)
{
    if (size < 8 || size > 4096 || !is_power_of_2(size)) {
        error_set(errp, "%s must be a power of two from 8 to 4096", name);
        return false;
    }
    return true;
}

/* VLEN and ELEN (Unpriv 31.2, 31.18): V wants both at least 128 and 64. */
static bool make_vector_config(const RiscvCpu *cpu, RiscvConfig *cfg,
                               Error **errp)
{
    bool wide = riscv_has(cfg, RISCV_EXT_ZVE64X);

    if (cpu->vlen < 128 || cpu->vlen > 8 * RISCV_MAX_VLENB ||
        !is_power_of_2(cpu->vlen)) {
        error_set(errp, "vlen must be a power of two from 128 to %u",
                  8 * RISCV_MAX_VLENB);
        return false;
    }
    if (cpu->elen != 32 && cpu->elen != 64) {
        error_set(errp, "elen must be 32 or 64");
        return false;
    }
    if (wide && cpu->elen < 64) {
        error_set(errp, "zve64x needs elen=64");
        return false;
    }
    if (riscv_has(cfg, RISCV_EXT_ZVE32X)) {
        cfg->vlenb = cpu->vlen / 8;
        cfg->elen = wide ? 64 : 32;
    }
    return true;
}

static bool make_config(RiscvCpu *cpu, Error **errp)
{
    RiscvConfig *cfg = &cpu->cfg;
    const RiscvModel *model = model_of(cpu);

    if (!check_block("cbom_blocksize", cpu->cbom_blocksize, errp) ||
        !check_block("cbop_blocksize", cpu->cbop_blocksize, errp) ||
        !check_block("cboz_blocksize", cpu->cboz_blocksize, errp)) {
        return false;
    }
    if (cpu->pmp_regions != 16 && cpu->pmp_regions != 64) {
        error_set(errp, "num-pmp-regions must be 16 or 64");
        return false;
    }
    if (cpu->pmu_mask & 7) {
        error_set(errp, "pmu-mask: bits 0 to 2 are the fixed counters");
        return false;
    }
    init_blocks(cpu, cfg);
    if (!riscv_features_resolve(cfg, model, cpu->ext, errp) ||
        !riscv_satp_resolve(cfg, model->satp_mode, cpu->mmu, cpu->sv, errp)) {
        return false;
    }
    if (cpu->resetvec & (riscv_has(cfg, RISCV_EXT_ZCA) ? 1 : 3)) {
        error_set(errp, "resetvec is misaligned");
        return false;
    }
    cfg->pmp_count = cpu->pmp ? cpu->pmp_regions : 0;
    cfg->trigger_count = riscv_has(cfg, RISCV_EXT_SDTRIG) ? 2 : 0;
    cfg->pa_bits = cfg->xlen == 32 ? 34 : 56;
    if (!make_vector_config(cpu, cfg, errp)) {
        return false;
    }
    cfg->hpm_mask = riscv_has(cfg, RISCV_EXT_ZIHPM) ? cpu->pmu_mask : 0;
    cfg->mvendorid = cpu->mvendorid;
    cfg->marchid = cpu->marchid;
    cfg->mimpid = cpu->mimpid;
    cfg->reset_pc = cpu->resetvec & bit_mask(cfg->xlen);
    return true;
}

/* The configuration of the first hart that is like this one. */
static const RiscvConfig *find_shared_config(RiscvCpu *cpu)
{
    GPtrArray *cpus = cpu->parent.parent.machine->cpus;

    for (guint i = 0; i < cpus->len; i++) {
        RiscvCpu *other =
            object_try_cast(g_ptr_array_index(cpus, i), &riscv_cpu_type);

        if (other != NULL && other != cpu && other->parent.parent.realized &&
            memcmp(&other->cfg, &cpu->cfg, sizeof(cpu->cfg)) == 0) {
            return other->shared_cfg;
        }
    }
    return &cpu->cfg;
}

/* stimecmp was reached, or may have been: let the hart look. */
static void stimer_fired(void *opaque)
{
    RiscvEnv *env = riscv_env(opaque);

    atomic_store(&env->stimer_idle, false); /* then the kick */
    cpu_kick(opaque);
}

static void look_at_stimer(CPUState *cpu, void *data)
{
    riscv_stimer_update(riscv_cpu(cpu));
}

/* Perhaps in another hart's thread, which wrote mtime: stimecmp and menvcfg
 * are this one's to read, but not while reset or a loaded state writes them.
 * The queued work wakes it, so it looks at STIP. Machine lock. */
static void time_jumped(void *opaque)
{
    RiscvCpu *cpu = opaque;

    if (cpu_is_parked(&cpu->parent)) {
        riscv_stimer_update(cpu);
    } else {
        cpu_post(&cpu->parent, look_at_stimer, NULL);
    }
}

void riscv_stimer_update(RiscvCpu *cpu)
{
    RiscvEnv *env = riscv_env(&cpu->parent);
    int64_t deadline = INT64_MAX;
    bool wait =
        cpu->time != NULL && stimer_enabled(env) && !stimer_pending(env);

    if (wait) {
        deadline = cpu->time->ops->deadline_ns(cpu->time->dev, env->stimecmp);
    }
    atomic_store(&env->stimer_idle, wait); /* before the timer can fire */
    if (deadline == INT64_MAX) {
        timer_cancel(&cpu->stimer);
    } else {
        timer_set(&cpu->stimer, deadline);
    }
}

static bool riscv_cpu_realize(DeviceState *dev, Error **errp)
{
    RiscvCpu *cpu = (RiscvCpu *)dev;
    RiscvEnv *env = riscv_env(&cpu->parent);

    if (!make_config(cpu, errp)) {
        return false;
    }
    cpu->shared_cfg = find_shared_config(cpu);
    env->cfg = cpu->shared_cfg;
    env->hooks = &riscv_hooks;
    env->vec = vec_kernels_host(UINT32_MAX);
    env->cpu = cpu;
    env->mhartid = cpu->parent.id;
    timer_init(&cpu->stimer, dev->machine->loop, CLOCK_VIRTUAL, stimer_fired,
               cpu);
    riscv_csr_reset(env);
    env->pc = env->cfg->reset_pc;
    if (!cpu_realize(dev, errp)) {
        return false;
    }
    if (cpu->time != NULL) {
        cpu->jump = (AclintJump){ time_jumped, cpu };
        g_ptr_array_add(cpu->time->on_jump, &cpu->jump);
    }
    return true;
}

static void riscv_cpu_unrealize(DeviceState *dev)
{
    RiscvCpu *cpu = (RiscvCpu *)dev;

    if (cpu->time != NULL) {
        g_ptr_array_remove(cpu->time->on_jump, &cpu->jump);
    }
    cpu_unrealize(dev);
    timer_cancel(&cpu->stimer);
}

static void riscv_cpu_reset_enter(DeviceState *dev)
{
    RiscvCpu *cpu = (RiscvCpu *)dev;
    RiscvEnv *env = riscv_env(&cpu->parent);

    cpu_type.reset_enter(dev);
    memset(env->gpr, 0, sizeof(env->gpr));
    memset(env->fpr, 0, sizeof(env->fpr));
    memset(env->vreg, 0, sizeof(env->vreg));
    riscv_csr_reset(env);
    env->pc = env->cfg->reset_pc;
    riscv_stimer_update(cpu);
    if (log_on(LOG_CPU_RESET)) {
        log_write(LOG_CPU_RESET, "CPU Reset (CPU %d)\n", cpu->parent.index);
    }
}

void riscv_cpu_set_semihost(CPUState *cpu, SemihostFn *fn, void *opaque,
                            bool user)
{
    RiscvCpu *hart = riscv_cpu(cpu);

    hart->semihost = fn;
    hart->semihost_opaque = opaque;
    hart->semihost_user = user;
}

/* --- what machine and monitors ask --- */

static vaddr pc_get(CPUState *cpu)
{
    return riscv_env(cpu)->pc;
}

static void pc_set(CPUState *cpu, vaddr pc)
{
    RiscvEnv *env = riscv_env(cpu);

    env->pc = pc & bit_mask(env->xlen);
}

static bool has_work(CPUState *cpu)
{
    return riscv_wfi_over(riscv_env(cpu));
}

/* Inputs are numbered as bits of mip. SSIP takes edges: the ACLINT sets the
 * bit and software clears it (ACLINT 4.1). */
static void irq_input(CPUState *cpu, int n, bool level)
{
    RiscvEnv *env = riscv_env(cpu);

    if (n == IRQ_SSI) {
        atomic_fetch_or(&env->mip_sw, level ? BIT(n) : 0);
    } else if (level) {
        atomic_fetch_or(&env->irq_lines, BIT(n));
    } else {
        atomic_fetch_and(&env->irq_lines, ~BIT(n));
    }
}

static bool debug_translate(CPUState *cpu, vaddr va, hwaddr *pa,
                            MemAttrs *attrs)
{
    *attrs = MEM_ATTRS_CPU;
    return riscv_debug_translate(riscv_env(cpu), va, pa);
}

static bool each_mapping(CPUState *cpu, bool pages, CpuMappingFn *fn,
                         void *opaque)
{
    return riscv_each_mapping(riscv_env(cpu), pages, fn, opaque);
}

static void boot(CPUState *cpu, vaddr pc, uint64_t arg0, uint64_t arg1)
{
    RiscvEnv *env = riscv_env(cpu);

    pc_set(cpu, pc);
    env->gpr[10] = bits_sext(arg0, env->xlen);
    env->gpr[11] = bits_sext(arg1, env->xlen);
}

static unsigned disas(CPUState *cpu, vaddr pc, const uint8_t *bytes,
                      unsigned avail, GString *out)
{
    const RiscvEnv *env = riscv_env(cpu);
    const RiscvDisas d = { env->cfg->ext, env->xlen, riscv_csr_name, env };
    char text[128];
    unsigned len = riscv_disas(&d, pc, bytes, avail, text, sizeof(text));

    if (len != 0) {
        g_string_append(out, text);
    }
    return len;
}

static void dump_csrs(RiscvEnv *env, GString *out, int digits)
{
    static const uint16_t shown[] = {
        CSR_MHARTID,  CSR_MSTATUS,  CSR_MSTATUSH, CSR_MIP,   CSR_MIE,
        CSR_MIDELEG,  CSR_MEDELEG,  CSR_MTVEC,    CSR_STVEC, CSR_MEPC,
        CSR_SEPC,     CSR_MCAUSE,   CSR_SCAUSE,   CSR_MTVAL, CSR_STVAL,
        CSR_MSCRATCH, CSR_SSCRATCH, CSR_SATP,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(shown); i++) {
        char buf[24];
        const char *name = riscv_csr_name(env, shown[i], buf);
        uint64_t v;

        if (name != NULL && riscv_csr_peek(env, shown[i], &v)) {
            g_string_append_printf(out, " %-8s %0*" PRIx64 "\n", name, digits,
                                   v);
        }
    }
}

static void dump_file(GString *out, const uint64_t *reg, char letter,
                      const char *const *names, int digits)
{
    for (unsigned i = 0; i < 32; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%c%u/%s", letter, i, names[i]);
        g_string_append_printf(out, " %-8s %0*" PRIx64 "%s", name, digits,
                               reg[i] & bit_mask(4 * digits),
                               i % 4 == 3 ? "\n" : "");
    }
}

static void dump(CPUState *cpu, GString *out, bool fpu)
{
    RiscvEnv *env = riscv_env(cpu);
    int digits = env->xlen / 4;

    g_string_append_printf(out, " %-8s %0*" PRIx64 "\n", "pc", digits, env->pc);
    dump_csrs(env, out, digits);
    dump_file(out, env->gpr, 'x', riscv_gpr_names, digits);
    if (fpu && riscv_has(env->cfg, RISCV_EXT_F)) {
        uint64_t fcsr = 0;

        riscv_csr_peek(env, CSR_FCSR, &fcsr);
        g_string_append_printf(out, " %-8s %0*" PRIx64 "\n", "fcsr", digits,
                               fcsr);
        dump_file(out, env->fpr, 'f', riscv_fpr_names, 16);
    }
}

/* The "cpu" node but for reg and the interrupt controller, which are the
 * board's. Linux Documentation/devicetree/bindings/riscv: cpus, extensions. */
static void fdt_node(CPUState *cpu, void *fdt, const char *path)
{
    const RiscvConfig *cfg = riscv_env(cpu)->cfg;
    g_autofree char *isa = riscv_isa_string(cfg);
    g_autoptr(GByteArray) list = riscv_isa_extensions(cfg);
    int node = fdt_path_offset(fdt, path);
    int err = node;

    if (node >= 0) {
        err = fdt_setprop_string(fdt, node, "device_type", "cpu");
        err |= fdt_setprop_string(fdt, node, "compatible", "riscv");
        err |= fdt_setprop_string(fdt, node, "status", "okay");
        err |= fdt_setprop_string(fdt, node, "mmu-type", riscv_mmu_type(cfg));
        err |= fdt_setprop_string(fdt, node, "riscv,isa", isa);
        err |= fdt_setprop_string(fdt, node, "riscv,isa-base",
                                  cfg->xlen == 32 ? "rv32i" : "rv64i");
        err |= fdt_setprop(fdt, node, "riscv,isa-extensions", list->data,
                           list->len);
        if (riscv_has(cfg, RISCV_EXT_ZICBOM)) {
            err |= fdt_setprop_u32(fdt, node, "riscv,cbom-block-size",
                                   cfg->cbom_block);
        }
        if (riscv_has(cfg, RISCV_EXT_ZICBOP)) {
            err |= fdt_setprop_u32(fdt, node, "riscv,cbop-block-size",
                                   cfg->cbop_block);
        }
        if (riscv_has(cfg, RISCV_EXT_ZICBOZ)) {
            err |= fdt_setprop_u32(fdt, node, "riscv,cboz-block-size",
                                   cfg->cboz_block);
        }
    }
    assert(err >= 0); /* the board made node and room */
}

/* --- types --- */

/* clang-format off */
/* Methods do not descend in CpuType: each model has them all. */
#define RISCV_CPU_METHODS                                          \
    .size = sizeof(RiscvCpu), .category = DEVICE_CPU,              \
    .realize = riscv_cpu_realize,                                  \
    .unrealize = riscv_cpu_unrealize,                              \
    .reset_enter = riscv_cpu_reset_enter,                          \
    .page_bits = 12, .env_size = sizeof(RiscvEnv),                 \
    .tcg = IF_TCG(&riscv_tcg_ops), .gdb = riscv_gdb_features,      \
    .n_irqs = 16, .pc_get = pc_get, .pc_set = pc_set,              \
    .has_work = has_work, .irq_input = irq_input,                  \
    .debug_translate = debug_translate, .dump = dump,              \
    .each_mapping = each_mapping,                                  \
    .disas = disas, .insn_words = true,                            \
    .fdt_node = fdt_node, .boot = boot,                            \
    .gdb_read = riscv_gdb_read, .gdb_write = riscv_gdb_write,      \
    .set_semihost = riscv_cpu_set_semihost

static const char *const rv64_arches[] = { "riscv64", NULL };
static const char *const rv32_arches[] = { "riscv32", NULL };
static const char *const both_arches[] = { "riscv32", "riscv64", NULL };

const CpuType riscv_cpu_type = {
    .name = "riscv-cpu",
    .parent = TYPE(cpu_type),
    .abstract = true,
    .arches = both_arches,
    .props = riscv_cpu_props,
    .vmstate = &riscv_cpu_vmstate,
    RISCV_CPU_METHODS,
};

#define RISCV_MODEL(id, text, arch_set, riscv_model, about)        \
    static const RiscvCpuType cpu_##id = {                         \
        .name = text "-riscv-cpu", .model = text,                  \
        .parent = TYPE(riscv_cpu_type), .arches = arch_set,        \
        .description = about, .riscv = &riscv_model,               \
        RISCV_CPU_METHODS,                                         \
    };
RISCV_MODEL(rv32, "rv32", both_arches, riscv_model_rv32, "RV32 hart of the usual extensions")
RISCV_MODEL(rv64, "rv64", rv64_arches, riscv_model_rv64, "RV64 hart of the usual extensions")
RISCV_MODEL(max64, "max", rv64_arches, riscv_model_max, "RV64 with all that is implemented")
RISCV_MODEL(max_on_32, "max", rv32_arches, riscv_model_max32, "RV32 with all that is implemented")
RISCV_MODEL(max32, "max32", rv64_arches, riscv_model_max32, "RV32 with all that is implemented")
RISCV_MODEL(rva22s64, "rva22s64", rv64_arches, riscv_model_rva22s64, "profile RVA22S64")
/* clang-format on */

const ObjectType *const riscv_cpu_types[] = {
    TYPE(riscv_cpu_type), TYPE(cpu_rv32),  TYPE(cpu_rv64),     TYPE(cpu_max64),
    TYPE(cpu_max_on_32),  TYPE(cpu_max32), TYPE(cpu_rva22s64), NULL,
};
