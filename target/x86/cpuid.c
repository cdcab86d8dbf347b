/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest's CPUID says: a model's features, changed by properties,
 * cut to what the engine has, and the leaves around them.
 *
 * Spec: Intel SDM 2A, CPUID; AMD APM 3, appendix E; Linux
 *       Documentation/virt/kvm/x86/cpuid.rst; Hyper-V Top-Level Functional
 *       Specification 6.0, chapter 2.
 */
#include "tandem/base.h"

#include "target/x86/cpu.h"

enum { MAX_LEAVES = 80 };

/* --- leaves --- */

static const X86Leaf *find_leaf(const X86Leaf *leaves, unsigned n,
                                uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < n; i++) {
        const X86Leaf *l = &leaves[i];

        if (l->leaf == leaf && (!l->has_subleaf || l->subleaf == subleaf)) {
            return l;
        }
    }
    return NULL;
}

uint32_t x86_host_word(const X86Host *host, X86Word word)
{
    const X86WordPlace *p = &x86_words[word];
    const X86Leaf *l = find_leaf(host->leaves, host->n, p->leaf, p->subleaf);

    return l ? l->reg[p->reg] : 0;
}

static X86Leaf *add_leaf(X86Cpu *cpu, uint32_t leaf, int subleaf, uint32_t a,
                         uint32_t b, uint32_t c, uint32_t d)
{
    X86Leaf *l = &cpu->leaves[cpu->n_leaves++];

    assert(cpu->n_leaves <= MAX_LEAVES);
    *l = (X86Leaf){ .leaf = leaf,
                    .subleaf = subleaf < 0 ? 0 : (uint32_t)subleaf,
                    .has_subleaf = subleaf >= 0,
                    .reg = { a, b, c, d } };
    return l;
}

/* As the host has it; nothing when it has not. */
static X86Leaf *copy_leaf(X86Cpu *cpu, const X86Host *host, uint32_t leaf,
                          int subleaf)
{
    const X86Leaf *l = find_leaf(host->leaves, host->n, leaf,
                                 subleaf < 0 ? 0 : (uint32_t)subleaf);

    return l ? add_leaf(cpu, leaf, subleaf, l->reg[0], l->reg[1], l->reg[2],
                        l->reg[3])
             : NULL;
}

/* --- features --- */

/* Features that depend on another are gone with it (SDM 2A). */
static const struct {
    uint8_t of_word, of_bit, word;
    uint32_t bits;
} dependents[] = {
    { X86_1_ECX, 26, X86_D_1_EAX, UINT32_MAX },                  /* xsave */
    { X86_1_ECX, 26, X86_1_ECX, (uint32_t)BIT(28) },             /* avx */
    { X86_1_ECX, 28, X86_1_ECX, (uint32_t)(BIT(12) | BIT(29)) }, /* fma, f16c */
    { X86_1_ECX, 28, X86_7_0_EBX, (uint32_t)BIT(5) },            /* avx2 */
    { X86_7_0_EBX, 5, X86_7_0_EBX, (uint32_t)BIT(16) },          /* avx512f */
    { X86_8_1_ECX, 2, X86_8_A_EDX, UINT32_MAX },                 /* svm */
};

static void drop_dependents(X86Cpu *cpu)
{
    for (size_t i = 0; i < ARRAY_SIZE(dependents); i++) {
        if (!(cpu->words[dependents[i].of_word] >> dependents[i].of_bit & 1)) {
            cpu->words[dependents[i].word] &= ~dependents[i].bits;
        }
    }
}

/* What every model of its own has under an engine, over its table. */
static uint32_t engine_extra(const X86Cpu *cpu, const X86Host *host, X86Word w)
{
    switch (w) {
    case X86_1_ECX: /* x2apic, tsc-deadline: in the kernel, cheap; hypervisor */
        return (uint32_t)(BIT(31) | (x86_host_word(host, w) & BIT(21)));
    case X86_KVM_EAX:
    case X86_KVM_EDX:
        return cpu->pv ? x86_host_word(host, w) & ~(uint32_t)BIT(15) : 0;
    default:
        return 0;
    }
}

/* What a model's real CPU has, and a guest gets only by asking: nested
 * virtualization, MONITOR and thermal control through ACPI. */
static uint32_t not_by_default(X86Word w)
{
    return w == X86_8_1_ECX ? (uint32_t)BIT(2)  /* svm */
           : w == X86_1_ECX ? (uint32_t)BIT(3)  /* monitor */
           : w == X86_1_EDX ? (uint32_t)BIT(22) /* acpi */
                            : 0;
}

static void report_missing(const X86Cpu *cpu, const X86Host *host)
{
    for (X86Word w = 0; w < X86_WORDS; w++) {
        for (unsigned b = 0; b < 32; b++) {
            const char *name = x86_feature_name(w, b);

            if (cpu->filtered[w] >> b & 1) {
                warn_report("%s has no feature %s (CPUID.%02XH, bit %u)",
                            host->engine, name ? name : "of no name",
                            x86_words[w].leaf, b);
            }
        }
    }
}

static bool settle_words(X86Cpu *cpu, const X86Host *host, Error **errp)
{
    const X86Model *m = x86_model(cpu);
    bool missing = false;

    for (X86Word w = 0; w < X86_WORDS; w++) {
        uint32_t has = x86_host_word(host, w);
        uint32_t model = m->host ? has : m->words[w];
        uint32_t want;

        if (w == X86_KVM_EAX || w == X86_KVM_EDX) {
            model = 0; /* the engine's, not the model's */
        }
        if (!m->host) {
            model &= ~not_by_default(w);
        }
        if (w == X86_1_ECX) {
            has |= (uint32_t)BIT(31); /* hypervisor: ours to say */
        }
        want = (model | engine_extra(cpu, host, w) | cpu->plus[w]) &
               ~cpu->minus[w];
        cpu->words[w] = want & has;
        cpu->filtered[w] = want & ~has;
        missing |= cpu->filtered[w] != 0;
    }
    drop_dependents(cpu);
    if (missing && cpu->parent.index == 0 && (cpu->check || cpu->enforce)) {
        report_missing(cpu, host);
    }
    if (missing && cpu->enforce) {
        error_set(errp, "the host does not support all that the CPU model "
                        "asks for, and enforce=on was given");
        return false;
    }
    return true;
}

/* --- identity --- */

static void pack_text(const char *text, uint32_t *words, size_t n)
{
    char bytes[48] = { 0 };

    memcpy(bytes, text, MIN(strlen(text), sizeof(bytes)));
    for (size_t i = 0; i < n; i++) {
        words[i] = ld32_le(bytes + 4 * i);
    }
}

/* EBX, EDX, ECX of leaf 0. */
static void vendor_words(const X86Cpu *cpu, const X86Host *host,
                         uint32_t out[3])
{
    const X86Model *m = x86_model(cpu);
    const X86Leaf *l = find_leaf(host->leaves, host->n, 0, 0);
    const char *text = cpu->vendor ? cpu->vendor : m->vendor;

    if (text) {
        pack_text(text, out, 3);
    } else if (l) {
        out[0] = l->reg[X86_EBX];
        out[1] = l->reg[X86_EDX];
        out[2] = l->reg[X86_ECX];
    } else {
        pack_text("AuthenticAMD", out, 3);
    }
}

static bool is_amd(const uint32_t vendor[3])
{
    static const char *const names[] = { "AuthenticAMD", "HygonGenuine" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        uint32_t w[3];

        pack_text(names[i], w, 3);
        if (memcmp(w, vendor, sizeof(w)) == 0) {
            return true;
        }
    }
    return false;
}

/* EAX of leaf 1 (SDM 2A figure 3-6). */
static uint32_t signature(const X86Cpu *cpu, const X86Host *host)
{
    const X86Model *m = x86_model(cpu);
    const X86Leaf *l = find_leaf(host->leaves, host->n, 1, 0);
    uint32_t sig = m->host && l ? l->reg[X86_EAX] : 0;
    uint32_t family = m->family, model = m->model, step = m->stepping;

    if (m->host && l) {
        family = bits_get(sig, 8, 4);
        model = bits_get(sig, 4, 4);
        if (family == 15) {
            family += bits_get(sig, 20, 8);
        }
        if (family == 6 || family >= 15) {
            model |= bits_get(sig, 16, 4) << 4;
        }
        step = bits_get(sig, 0, 4);
    }
    family = cpu->family >= 0 ? (uint32_t)cpu->family : family;
    model = cpu->model >= 0 ? (uint32_t)cpu->model : model;
    step = cpu->stepping >= 0 ? (uint32_t)cpu->stepping : step;
    return step | (model & 15) << 4 | MIN(family, 15) << 8 |
           (model >> 4) << 16 | (family > 15 ? family - 15 : 0) << 20;
}

/* --- topology --- */

typedef struct Topology {
    uint32_t threads, cores, sockets; /* threads a core, cores a socket */
    unsigned thread_bits, core_bits;  /* of the APIC id */
} Topology;

static unsigned bits_for(uint32_t n)
{
    unsigned bits = 0;

    while (((uint32_t)1 << bits) < n) {
        bits++;
    }
    return bits;
}

static Topology topology_of(const X86Cpu *cpu)
{
    const MachineConfig *c = &cpu->parent.parent.machine->config;
    Topology t = { MAX(c->threads_per_core, 1), MAX(c->cores, 1), 1, 0, 0 };

    if (!c->cores && !c->sockets) { /* one socket with all of them */
        t.cores = MAX(c->max_cpus / t.threads, 1);
    } else if (!c->cores) {
        t.cores = MAX(c->max_cpus / (t.threads * MAX(c->sockets, 1)), 1);
    }
    t.sockets = MAX(c->max_cpus / (t.threads * t.cores), 1);
    t.thread_bits = bits_for(t.threads);
    t.core_bits = bits_for(t.cores);
    return t;
}

/* --- groups of leaves --- */

static void leaves_basic(X86Cpu *cpu, const X86Host *host, Topology t)
{
    uint32_t vendor[3], logical = t.threads * t.cores;
    uint32_t edx = cpu->words[X86_1_EDX];

    vendor_words(cpu, host, vendor);
    add_leaf(cpu, 0, -1, 0, vendor[0], vendor[2], vendor[1]);
    if (logical > 1) {
        edx |= (uint32_t)BIT(28); /* HTT: EBX 23:16 counts */
    }
    add_leaf(cpu, 1, -1, signature(cpu, host),
             cpu->parent.id << 24 | MIN(logical, 255) << 16 | 8 << 8,
             cpu->words[X86_1_ECX], edx);
}

/* SDM 2A table 3-12: 32 KiB L1s, 2 MiB L2, 16 MiB L3. */
static void leaves_cache(X86Cpu *cpu, Topology t)
{
    static const struct {
        uint32_t type, level, ways, sets;
        bool shared;
    } caches[] = {
        { 1, 1, 8, 64, false },
        { 2, 1, 8, 64, false },
        { 3, 2, 16, 2048, false },
        { 3, 3, 16, 16384, true },
    };
    unsigned n = ARRAY_SIZE(caches);
    uint32_t core_ids = (1u << t.core_bits) - 1;

    add_leaf(cpu, 2, -1, 1, 0, 0x4d, 0x2c307d);
    for (unsigned i = 0; i < n; i++) {
        uint32_t sharing =
            (1u << (t.thread_bits + (caches[i].shared ? t.core_bits : 0))) - 1;

        add_leaf(cpu, 4, (int)i,
                 caches[i].type | caches[i].level << 5 | 1 << 8 |
                     (sharing & 0xfff) << 14 | (core_ids & 0x3f) << 26,
                 63 | (caches[i].ways - 1) << 22, caches[i].sets - 1, 0);
    }
    add_leaf(cpu, 4, (int)n, 0, 0, 0, 0);
}

static void leaves_features(X86Cpu *cpu, const X86Host *host)
{
    const uint32_t *w = cpu->words;
    bool sub2 = w[X86_7_2_EDX] != 0, sub1 = w[X86_7_1_EAX] || w[X86_7_1_EDX];

    add_leaf(cpu, 5, -1, 0, 0, 0, 0);
    add_leaf(cpu, 6, -1, w[X86_6_EAX], 0, 0, 0);
    add_leaf(cpu, 7, 0, sub2 ? 2 : sub1, w[X86_7_0_EBX], w[X86_7_0_ECX],
             w[X86_7_0_EDX]);
    add_leaf(cpu, 7, 1, w[X86_7_1_EAX], 0, 0, w[X86_7_1_EDX]);
    add_leaf(cpu, 7, 2, 0, 0, 0, w[X86_7_2_EDX]);
    add_leaf(cpu, 0xa, -1, 0, 0, 0, 0); /* no performance counters */
}

/* SDM 2A, leaf 0BH: how the APIC id is made. */
static void leaves_topology(X86Cpu *cpu, Topology t)
{
    uint32_t id = cpu->parent.id;

    add_leaf(cpu, 0xb, 0, t.thread_bits, t.threads, 1 << 8, id);
    add_leaf(cpu, 0xb, 1, t.thread_bits + t.core_bits, t.threads * t.cores,
             1 | 2 << 8, id);
    add_leaf(cpu, 0xb, 2, 0, 0, 2, id);
}

/* State components that the features need (SDM 1 13.1). */
static uint64_t xcr0_mask(const X86Cpu *cpu)
{
    static const struct {
        uint8_t word, bit;
        uint32_t components;
    } rows[] = {
        { X86_1_ECX, 28, 1u << 2 },    /* AVX */
        { X86_7_0_EBX, 14, 3u << 3 },  /* MPX */
        { X86_7_0_EBX, 16, 7u << 5 },  /* AVX-512 */
        { X86_7_0_ECX, 3, 1u << 9 },   /* PKRU */
        { X86_7_0_EDX, 24, 3u << 17 }, /* AMX */
    };
    uint64_t mask = 3;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (cpu->words[rows[i].word] >> rows[i].bit & 1) {
            mask |= rows[i].components;
        }
    }
    return mask;
}

static void leaves_xsave(X86Cpu *cpu, const X86Host *host)
{
    uint64_t mask = xcr0_mask(cpu);
    X86Leaf *zero;

    if (!(cpu->words[X86_1_ECX] & BIT(26)) ||
        !(zero = copy_leaf(cpu, host, 0xd, 0))) {
        return;
    }
    zero->reg[X86_EAX] &= (uint32_t)mask;
    zero->reg[X86_EDX] &= (uint32_t)(mask >> 32);
    zero->reg[X86_ECX] = 576;
    for (int i = 2; i < 63; i++) {
        const X86Leaf *l = find_leaf(host->leaves, host->n, 0xd, (uint32_t)i);

        if (!(mask >> i & 1) || !l) {
            continue;
        }
        copy_leaf(cpu, host, 0xd, i);
        zero->reg[X86_ECX] =
            MAX(zero->reg[X86_ECX], l->reg[X86_EAX] + l->reg[X86_EBX]);
    }
    zero->reg[X86_EBX] = zero->reg[X86_ECX];
    add_leaf(cpu, 0xd, 1, cpu->words[X86_D_1_EAX], zero->reg[X86_EBX], 0, 0);
    if (cpu->words[X86_7_0_EDX] >> 24 & 1) { /* AMX tiles */
        copy_leaf(cpu, host, 0x1d, 0);
        copy_leaf(cpu, host, 0x1d, 1);
        copy_leaf(cpu, host, 0x1e, 0);
    }
}

static void leaves_engine(X86Cpu *cpu, const X86Host *host)
{
    uint32_t name[3], base = cpu->hv ? 0x40000100 : 0x40000000;

    if (!cpu->pv) {
        return;
    }
    pack_text("KVMKVMKVM", name, 3);
    add_leaf(cpu, base, -1, base + 1, name[0], name[1], name[2]);
    add_leaf(cpu, base + 1, -1, cpu->words[X86_KVM_EAX], 0, 0,
             cpu->words[X86_KVM_EDX]);
}

static void leaves_names(X86Cpu *cpu, const X86Host *host)
{
    const X86Model *m = x86_model(cpu);
    const char *text = cpu->text ? cpu->text : m->text;
    uint32_t w[12];

    for (int i = 0; i < 3; i++) {
        if (!text && copy_leaf(cpu, host, 0x80000002 + (uint32_t)i, -1)) {
            continue;
        }
        pack_text(text ? text : "Tandem virtual CPU", w, ARRAY_SIZE(w));
        add_leaf(cpu, 0x80000002 + (uint32_t)i, -1, w[4 * i], w[4 * i + 1],
                 w[4 * i + 2], w[4 * i + 3]);
    }
}

static uint32_t address_bits(const X86Cpu *cpu, const X86Host *host)
{
    const X86Leaf *l = find_leaf(host->leaves, host->n, 0x80000008, 0);
    uint32_t phys = l ? l->reg[X86_EAX] & 0xff : 40;
    uint32_t virt = cpu->words[X86_7_0_ECX] >> 16 & 1 ? 57 : 48; /* la57 */

    return (cpu->phys_bits ? cpu->phys_bits : phys) | virt << 8;
}

static void leaves_extended(X86Cpu *cpu, const X86Host *host, Topology t,
                            bool amd)
{
    const uint32_t *w = cpu->words;
    uint32_t vendor[3], logical = t.threads * t.cores, ecx = w[X86_8_1_ECX];
    uint32_t edx = w[X86_8_1_EDX];

    vendor_words(cpu, host, vendor);
    add_leaf(cpu, 0x80000000, -1, 0, amd ? vendor[0] : 0, amd ? vendor[2] : 0,
             amd ? vendor[1] : 0);
    if (amd) { /* AMD shows leaf 1's again (APM 3 E.4.2) */
        edx = (edx & ~0x0183f3ffu) | (w[X86_1_EDX] & 0x0183f3ff);
        ecx |= logical > 1 ? (uint32_t)BIT(1) : 0; /* CmpLegacy */
    }
    add_leaf(cpu, 0x80000001, -1, signature(cpu, host), 0, ecx, edx);
    leaves_names(cpu, host);
    if (amd) {
        add_leaf(cpu, 0x80000005, -1, 0x01ff01ff, 0x01ff01ff, 0x20080140,
                 0x20080140);
    }
    add_leaf(cpu, 0x80000006, -1, 0, 0x42004200, 0x02008140, 0x00808140);
    add_leaf(cpu, 0x80000007, -1, 0, w[X86_8_7_EBX], 0, w[X86_8_7_EDX]);
    add_leaf(cpu, 0x80000008, -1, address_bits(cpu, host), w[X86_8_8_EBX],
             (logical - 1) | (t.thread_bits + t.core_bits) << 12, 0);
    if (w[X86_8_1_ECX] & BIT(2)) {
        add_leaf(cpu, 0x8000000a, -1, 1, 16, 0, w[X86_8_A_EDX]);
    }
    if (amd && (w[X86_8_1_ECX] & BIT(22))) { /* topoext: APM 3 E.4.16 */
        uint32_t id = cpu->parent.id;

        for (int i = 0; i < 5; i++) {
            copy_leaf(cpu, host, 0x8000001d, i);
        }
        add_leaf(cpu, 0x8000001e, -1, id,
                 id >> t.thread_bits | (t.threads - 1) << 8, 0, 0);
    }
    add_leaf(cpu, 0x80000021, -1, w[X86_8_21_EAX], 0, 0, 0);
}

/* --- Hyper-V --- */

/* clang-format off */
enum { HV_RELAXED, HV_VAPIC, HV_VPINDEX, HV_RUNTIME, HV_CRASH, HV_RESET, HV_TIME,
       HV_SYNIC, HV_STIMER, HV_FREQUENCIES, HV_TLBFLUSH, HV_IPI };
const X86Hv x86_hv[] = {
    [HV_RELAXED]     = { "hv-relaxed",     0x40000004, X86_EAX, 5, 0 },
    [HV_VAPIC]       = { "hv-vapic",       0x40000003, X86_EAX, 4, 0 },
    [HV_VPINDEX]     = { "hv-vpindex",     0x40000003, X86_EAX, 6, 0 },
    [HV_RUNTIME]     = { "hv-runtime",     0x40000003, X86_EAX, 0, 0 },
    [HV_CRASH]       = { "hv-crash",       0x40000003, X86_EDX, 10, 0 },
    [HV_RESET]       = { "hv-reset",       0x40000003, X86_EAX, 7, 0 },
    [HV_TIME]        = { "hv-time",        0x40000003, X86_EAX, 1, 0 },
    [HV_SYNIC]       = { "hv-synic",       0x40000003, X86_EAX, 2, 1u << HV_VPINDEX },
    [HV_STIMER]      = { "hv-stimer",      0x40000003, X86_EAX, 3, 1u << HV_SYNIC | 1u << HV_TIME },
    [HV_FREQUENCIES] = { "hv-frequencies", 0x40000003, X86_EAX, 11, 0 },
    [HV_TLBFLUSH]    = { "hv-tlbflush",    0x40000004, X86_EAX, 2, 1u << HV_VPINDEX },
    [HV_IPI]         = { "hv-ipi",         0x40000004, X86_EAX, 10, 1u << HV_VPINDEX },
};
/* clang-format on */
const size_t x86_n_hv = ARRAY_SIZE(x86_hv);

static bool check_hv(const X86Cpu *cpu, const X86Host *host, Error **errp)
{
    for (size_t i = 0; i < x86_n_hv; i++) {
        const X86Hv *h = &x86_hv[i];
        uint32_t lacking = h->needs & ~cpu->hv;

        if (!(cpu->hv >> i & 1)) {
            continue;
        }
        if (lacking) {
            error_set(errp, "%s needs %s", h->name,
                      x86_hv[__builtin_ctz(lacking)].name);
            return false;
        }
        if (!find_leaf(host->leaves, host->n, 0x40000003, 0)) {
            error_set(errp,
                      "the host's %s has no Hyper-V interface: leave "
                      "%s out",
                      host->engine, h->name);
            return false;
        }
    }
    return true;
}

static void leaves_hyperv(X86Cpu *cpu)
{
    uint32_t name[3], sum[2][4] = { { 0 } };

    if (!cpu->hv) {
        return;
    }
    pack_text("Microsoft Hv", name, 3);
    add_leaf(cpu, 0x40000000, -1, 0x40000005, name[0], name[1], name[2]);
    pack_text("Hv#1", name, 1);
    add_leaf(cpu, 0x40000001, -1, name[0], 0, 0, 0);
    add_leaf(cpu, 0x40000002, -1, 0x3839, 0x000a0000, 0, 0); /* version 10.0 */
    sum[0][X86_EAX] = (uint32_t)BIT(5); /* hypercall MSRs: always */
    for (size_t i = 0; i < x86_n_hv; i++) {
        const X86Hv *h = &x86_hv[i];

        if (cpu->hv >> i & 1) {
            sum[h->leaf - 0x40000003][h->reg] |= (uint32_t)BIT(h->bit);
        }
    }
    add_leaf(cpu, 0x40000003, -1, sum[0][0], sum[0][1], sum[0][2], sum[0][3]);
    add_leaf(cpu, 0x40000004, -1, sum[1][0], cpu->hv_spinlocks, 0, 0);
    add_leaf(cpu, 0x40000005, -1, 240, 64, 0, 0); /* most vCPUs, sockets */
}

/* --- all of it --- */

static uint32_t highest(const X86Cpu *cpu, uint32_t from, uint32_t to)
{
    uint32_t most = from;

    for (unsigned i = 0; i < cpu->n_leaves; i++) {
        uint32_t leaf = cpu->leaves[i].leaf;

        if (leaf >= from && leaf < to) {
            most = MAX(most, leaf);
        }
    }
    return most;
}

/* The highest leaves, which leaf 0 and 0x80000000 name. */
static void set_limits(X86Cpu *cpu)
{
    const X86Model *m = x86_model(cpu);

    for (unsigned i = 0; i < cpu->n_leaves; i++) {
        X86Leaf *l = &cpu->leaves[i];

        if (l->leaf == 0) {
            uint32_t most = m->host || m->level >= 7
                                ? highest(cpu, 0, 0x40000000)
                                : m->level;

            l->reg[X86_EAX] = cpu->level ? cpu->level : most;
        } else if (l->leaf == 0x80000000) {
            uint32_t most = highest(cpu, 0x80000000, 0x90000000);

            l->reg[X86_EAX] = cpu->xlevel ? cpu->xlevel : most;
        }
    }
}

static bool check_texts(const X86Cpu *cpu, Error **errp)
{
    if (cpu->vendor && strlen(cpu->vendor) != 12) {
        error_set(errp, "vendor must have 12 characters");
        return false;
    }
    if (cpu->text && strlen(cpu->text) > 48) {
        error_set(errp, "model-id may have at most 48 characters");
        return false;
    }
    if (cpu->phys_bits && (cpu->phys_bits < 32 || cpu->phys_bits > 52)) {
        error_set(errp, "phys-bits must be 32 to 52");
        return false;
    }
    if (cpu->family > 0xff + 0xf || cpu->model > 0xff || cpu->stepping > 15) {
        error_set(errp, "family, model or stepping is too large for CPUID");
        return false;
    }
    return true;
}

bool x86_cpuid_build(X86Cpu *cpu, const X86Host *host, Error **errp)
{
    Topology t = topology_of(cpu);
    uint32_t vendor[3];
    bool amd;

    if (!check_texts(cpu, errp) || !check_hv(cpu, host, errp) ||
        !settle_words(cpu, host, errp)) {
        return false;
    }
    vendor_words(cpu, host, vendor);
    amd = is_amd(vendor);
    cpu->leaves = g_new0(X86Leaf, MAX_LEAVES);
    cpu->n_leaves = 0;
    leaves_basic(cpu, host, t);
    if (!amd) {
        leaves_cache(cpu, t);
    }
    leaves_features(cpu, host);
    leaves_topology(cpu, t);
    leaves_xsave(cpu, host);
    leaves_hyperv(cpu);
    leaves_engine(cpu, host);
    leaves_extended(cpu, host, t, amd);
    set_limits(cpu);
    return true;
}

void x86_cpuid_free(X86Cpu *cpu)
{
    g_clear_pointer(&cpu->leaves, g_free);
    cpu->n_leaves = 0;
}
