/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest's CPUID says: a model's features, changed by properties,
 * cut to what the engine has, and the leaves around them.
 *
 * Spec: Intel SDM 2A, CPUID; AMD APM 3, appendix E; Linux
 *       Documentation/virt/kvm/x86/cpuid.rst.
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

    if (p->msr) {
        return (uint32_t)host->arch_caps;
    }
    return l ? l->reg[p->reg] : 0;
}

X86Leaf *x86_add_leaf(X86Cpu *cpu, uint32_t leaf, int subleaf, uint32_t a,
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

    return l ? x86_add_leaf(cpu, leaf, subleaf, l->reg[0], l->reg[1], l->reg[2],
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
    { X86_7_0_EDX, 29, X86_ARCH_CAPS, UINT32_MAX }, /* arch-capabilities */
};

static void drop_dependents(uint32_t *words)
{
    for (size_t i = 0; i < ARRAY_SIZE(dependents); i++) {
        if (!(words[dependents[i].of_word] >> dependents[i].of_bit & 1)) {
            words[dependents[i].word] &= ~dependents[i].bits;
        }
    }
}

/* The engine's paravirtual features that a model has unasked: kvmclock in both
 * forms, nopiodelay, asyncpf, steal-time, pv-eoi, kvmclock-stable-bit. */
enum { PV_DEFAULT = 0x0100007b, PV_EXT_DEST = 1u << 15 };

/* What every model of its own has under an engine, over its table. */
static uint32_t engine_extra(const X86Cpu *cpu, const X86Host *host, X86Word w)
{
    uint32_t has = x86_host_word(host, w);

    if (!x86_model(cpu)->host && x86_model(cpu)->family == 0) {
        return 0; /* "base": what is asked for */
    }
    switch (w) {
    case X86_1_ECX: /* x2apic: in the kernel, cheap; hypervisor */
        return (uint32_t)(BIT(31) | (has & BIT(21)));
    case X86_KVM_EAX:
        return !cpu->pv ? 0 : x86_model(cpu)->host ? has : has & PV_DEFAULT;
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

static uint32_t named_bits(X86Word w)
{
    uint32_t mask = 0;

    for (unsigned b = 0; b < 32; b++) {
        mask |= x86_feature_name(w, b) ? (uint32_t)BIT(b) : 0;
    }
    return mask;
}

/* The words of `host` and `max`: all but MONITOR, topology extensions that
 * tell of the host's cores, and, where the guest may be moved, what this
 * program has no name for and a time-stamp counter that never changes pace. */
static uint32_t host_default(const X86Cpu *cpu, X86Word w, uint32_t has)
{
    if (cpu->migratable) {
        has &= named_bits(w);
        has &= w == X86_8_7_EDX ? ~(uint32_t)BIT(8) : UINT32_MAX;
    }
    return has & ~(w == X86_1_ECX     ? (uint32_t)BIT(3)
                   : w == X86_8_1_ECX ? (uint32_t)BIT(22)
                                      : 0);
}

/* The words are the peer's, which libvirt and people look for. */
static void report_missing(const X86Cpu *cpu)
{
    static const char *const regs[] = { "EAX", "EBX", "ECX", "EDX" };

    for (X86Word w = 0; w < X86_WORDS; w++) {
        for (unsigned b = 0; b < 32; b++) {
            const X86WordPlace *p = &x86_words[w];
            const char *name = x86_feature_name(w, b);
            char place[24];

            if (!(cpu->filtered[w] >> b & 1)) {
                continue;
            }
            if (p->msr) {
                snprintf(place, sizeof(place), "MSR(%XH)", p->msr);
            } else {
                snprintf(place, sizeof(place), "CPUID.%02XH:%s", p->leaf,
                         regs[p->reg]);
            }
            warn_report("host doesn't support requested feature: "
                        "%s%s%s [bit %u]",
                        place, name ? "." : "", name ? name : "", b);
        }
    }
}

/* What can be had: the engine's, and what is ours to say. */
static uint32_t available(const X86Host *host, X86Word w)
{
    uint32_t has = x86_host_word(host, w);

    switch (w) {
    case X86_1_ECX:
        return has | (uint32_t)BIT(31); /* hypervisor */
    case X86_1_EDX:
        return has | (uint32_t)BIT(28); /* ht: leaf 1 counts threads */
    case X86_8_1_ECX: /* cmp-legacy, topoext: topology is ours */
        return has | (uint32_t)(BIT(1) | BIT(22));
    case X86_KVM_EAX: /* 15-bit APIC ids in messages are not understood */
        return has & ~PV_EXT_DEST;
    case X86_KVM_EDX:
        return has | 1; /* a hint to the guest */
    default:
        return has;
    }
}

/* What the model has under this engine before anybody asks for more. */
static void default_words(const X86Cpu *cpu, const X86Host *host,
                          uint32_t *words)
{
    const X86Model *m = x86_model(cpu);

    for (X86Word w = 0; w < X86_WORDS; w++) {
        uint32_t model = m->host ? host_default(cpu, w, x86_host_word(host, w))
                                 : m->words[w] & ~not_by_default(w);

        if (w == X86_KVM_EAX || w == X86_KVM_EDX) {
            model = 0; /* the engine's, not the model's */
        }
        words[w] = model | (engine_extra(cpu, host, w) & available(host, w));
    }
}

void x86_settle_words(X86Cpu *cpu, const X86Host *host)
{
    default_words(cpu, host, cpu->wanted);
    for (X86Word w = 0; w < X86_WORDS; w++) {
        cpu->wanted[w] &= ~cpu->minus[w];
    }
    drop_dependents(cpu->wanted); /* but what the user wants is not dropped */
    for (X86Word w = 0; w < X86_WORDS; w++) {
        uint32_t has = available(host, w);

        cpu->wanted[w] |= cpu->plus[w];
        cpu->words[w] = cpu->wanted[w] & has;
        cpu->filtered[w] = cpu->wanted[w] & ~has;
    }
    drop_dependents(cpu->words);
    cpu->settled = true;
}

static bool check_words(X86Cpu *cpu, const X86Host *host, Error **errp)
{
    uint32_t missing = 0;

    x86_settle_words(cpu, host);
    for (X86Word w = 0; w < X86_WORDS; w++) {
        missing |= cpu->filtered[w];
    }
    if (missing && cpu->parent.index == 0 && (cpu->check || cpu->enforce)) {
        report_missing(cpu);
    }
    if (missing && cpu->enforce) {
        error_set(errp, "Host doesn't support requested features");
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

/* EBX, EDX, ECX of leaf 0. The host's, whatever the model: SYSCALL, SYSENTER
 * and nested virtualization follow the CPU that executes them. */
static void vendor_words(const X86Cpu *cpu, const X86Host *host,
                         uint32_t out[3])
{
    const X86Leaf *l = find_leaf(host->leaves, host->n, 0, 0);

    if (cpu->vendor || !l) {
        pack_text(cpu->vendor ? cpu->vendor : "AuthenticAMD", out, 3);
    } else {
        out[0] = l->reg[X86_EBX];
        out[1] = l->reg[X86_EDX];
        out[2] = l->reg[X86_ECX];
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

/* Family, model and stepping of a signature (SDM 2A, CPUID leaf 01H). */
static void split_signature(uint32_t sig, X86Identity *id)
{
    id->family = bits_get(sig, 8, 4);
    id->model = bits_get(sig, 4, 4);
    id->stepping = bits_get(sig, 0, 4);
    if (id->family == 6 || id->family == 15) {
        id->model |= bits_get(sig, 16, 4) << 4;
    }
    if (id->family == 15) {
        id->family += bits_get(sig, 20, 8);
    }
}

static void host_text(const X86Host *host, char text[49])
{
    for (unsigned i = 0; i < 12; i++) {
        const X86Leaf *l =
            find_leaf(host->leaves, host->n, 0x80000002 + i / 4, 0);

        st32_le(text + 4 * i, l ? l->reg[i % 4] : 0);
    }
}

X86Identity x86_identity(const X86Cpu *cpu, const X86Host *host)
{
    const X86Model *m = x86_model(cpu);
    const X86Leaf *zero = find_leaf(host->leaves, host->n, 0, 0);
    const X86Leaf *one = find_leaf(host->leaves, host->n, 1, 0);
    const X86Leaf *ext = find_leaf(host->leaves, host->n, 0x80000000, 0);
    X86Identity id = { .family = m->family,
                       .model = m->model,
                       .stepping = m->stepping,
                       .level = m->level,
                       .xlevel = m->xlevel };
    const char *vendor = cpu->vendor ? cpu->vendor : zero ? NULL : m->vendor;
    const char *text = cpu->text ? cpu->text : m->text;

    if (m->host && one) {
        split_signature(one->reg[X86_EAX], &id);
    }
    if (m->host) {
        id.level = zero ? zero->reg[X86_EAX] : 0xd;
        id.xlevel = ext ? ext->reg[X86_EAX] : 0x80000008;
    }
    if (vendor) {
        g_strlcpy(id.vendor, vendor, sizeof(id.vendor));
    } else if (zero) {
        st32_le(id.vendor, zero->reg[X86_EBX]);
        st32_le(id.vendor + 4, zero->reg[X86_EDX]);
        st32_le(id.vendor + 8, zero->reg[X86_ECX]);
    }
    if (text) {
        g_strlcpy(id.text, text, sizeof(id.text));
    } else {
        host_text(host, id.text);
    }
    id.family = cpu->family >= 0 ? (uint32_t)cpu->family : id.family;
    id.model = cpu->model >= 0 ? (uint32_t)cpu->model : id.model;
    id.stepping = cpu->stepping >= 0 ? (uint32_t)cpu->stepping : id.stepping;
    return id;
}

/* EAX of leaf 1. */
static uint32_t signature(const X86Cpu *cpu, const X86Host *host)
{
    X86Identity id = x86_identity(cpu, host);

    return id.stepping | (id.model & 15) << 4 | MIN(id.family, 15) << 8 |
           (id.model >> 4) << 16 | (id.family > 15 ? id.family - 15 : 0) << 20;
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
    x86_add_leaf(cpu, 0, -1, 0, vendor[0], vendor[2], vendor[1]);
    if (logical > 1) {
        edx |= (uint32_t)BIT(28); /* HTT: EBX 23:16 counts */
    }
    x86_add_leaf(cpu, 1, -1, signature(cpu, host),
                 cpu->parent.id << 24 |
                     (logical > 1 ? MIN(logical, 255) << 16 : 0) | 8 << 8,
                 cpu->words[X86_1_ECX], edx);
}

typedef struct Cache {
    uint32_t type, level, ways, sets, flags;
    bool shared; /* by all cores of a socket */
} Cache;
enum { CACHES = 4 };

/* SDM 2A, leaf 04H: 32 KiB L1s, 2 MiB L2, 16 MiB L3 that holds what they
 * hold; WBINVD writes back no more than each. */
static const Cache intel_caches[CACHES] = {
    { 1, 1, 8, 64, 1, false },
    { 2, 1, 8, 64, 1, false },
    { 3, 2, 16, 2048, 1, false },
    { 3, 3, 16, 16384, 2, true },
};
/* APM 3 E.4.15, leaf 8000_001DH: 32 and 64 KiB L1s, 512 KiB L2, 8 MiB L3. */
static const Cache amd_caches[CACHES] = {
    { 1, 1, 8, 64, 1, false },
    { 2, 1, 4, 256, 1, false },
    { 3, 2, 8, 1024, 0, false },
    { 3, 3, 16, 8192, 2, true },
};

/* One leaf a cache, and one of type 0 that ends them. */
static void cache_leaves(X86Cpu *cpu, uint32_t leaf, const Cache *caches,
                         Topology t, uint32_t high)
{
    unsigned n = cpu->l3_cache ? CACHES : CACHES - 1;

    for (unsigned i = 0; i < n; i++) {
        const Cache *c = &caches[i];
        uint32_t sharing =
            (1u << (t.thread_bits + (c->shared ? t.core_bits : 0))) - 1;

        x86_add_leaf(cpu, leaf, (int)i,
                     c->type | c->level << 5 | 1 << 8 |
                         (sharing & 0xfff) << 14 | high,
                     63 | (c->ways - 1) << 22, c->sets - 1, c->flags);
    }
    x86_add_leaf(cpu, leaf, (int)n, 0, 0, 0, 0);
}

static void leaves_cache(X86Cpu *cpu, Topology t)
{
    uint32_t core_ids = (1u << t.core_bits) - 1;

    x86_add_leaf(cpu, 2, -1, 1, 0, cpu->l3_cache ? 0x4d : 0, 0x2c307d);
    cache_leaves(cpu, 4, intel_caches, t, (core_ids & 0x3f) << 26);
}

static void leaves_features(X86Cpu *cpu, const X86Host *host)
{
    const uint32_t *w = cpu->words;
    bool sub2 = w[X86_7_2_EDX] != 0, sub1 = w[X86_7_1_EAX] || w[X86_7_1_EDX];

    x86_add_leaf(cpu, 5, -1, 0, 0, 3, 0); /* MONITOR: hints may be left out */
    x86_add_leaf(cpu, 6, -1, w[X86_6_EAX], 0, 0, 0);
    x86_add_leaf(cpu, 7, 0, sub2 ? 2 : sub1, w[X86_7_0_EBX], w[X86_7_0_ECX],
                 w[X86_7_0_EDX]);
    if (sub1 || sub2) {
        x86_add_leaf(cpu, 7, 1, w[X86_7_1_EAX], 0, 0, w[X86_7_1_EDX]);
    }
    if (sub2) {
        x86_add_leaf(cpu, 7, 2, 0, 0, 0, w[X86_7_2_EDX]);
    }
    if (!cpu->pmu || !copy_leaf(cpu, host, 0xa, -1)) {
        x86_add_leaf(cpu, 0xa, -1, 0, 0, 0, 0); /* no performance counters */
    }
    if (w[X86_7_1_EDX] >> 19 & 1) { /* AVX10: version and vector lengths */
        const X86Leaf *l = find_leaf(host->leaves, host->n, 0x24, 0);

        x86_add_leaf(cpu, 0x24, 0, 0,
                     w[X86_24_0_EBX] | (l ? l->reg[X86_EBX] & 0xff : 1), 0, 0);
    }
}

/* SDM 2A, leaf 0BH: how the APIC id is made. */
static void leaves_topology(X86Cpu *cpu, Topology t)
{
    uint32_t id = cpu->parent.id;

    x86_add_leaf(cpu, 0xb, 0, t.thread_bits, t.threads, 1 << 8, id);
    x86_add_leaf(cpu, 0xb, 1, t.thread_bits + t.core_bits, t.threads * t.cores,
                 1 | 2 << 8, id);
    x86_add_leaf(cpu, 0xb, 2, 0, 0, 2, id);
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
        x86_add_leaf(cpu, 0xd, 0, 0, 0, 0, 0);
        x86_add_leaf(cpu, 0xd, 1, 0, 0, 0, 0);
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
    x86_add_leaf(cpu, 0xd, 1, cpu->words[X86_D_1_EAX], zero->reg[X86_EBX], 0,
                 0);
    if (cpu->words[X86_7_0_EDX] >> 24 & 1) { /* AMX tiles */
        copy_leaf(cpu, host, 0x1d, 0);
        copy_leaf(cpu, host, 0x1d, 1);
        copy_leaf(cpu, host, 0x1e, 0);
    }
}

static void leaves_engine(X86Cpu *cpu, const X86Host *host)
{
    bool hv = x86_hv_leaves(cpu, host);
    uint32_t name[3], base = hv ? 0x40000100 : 0x40000000;
    /* the pace of clocks, where it is known not to change */
    bool timing = !hv && (cpu->tsc_hz || (cpu->words[X86_8_7_EDX] & BIT(8)));

    if (!cpu->pv) {
        return;
    }
    pack_text("KVMKVMKVM", name, 3);
    x86_add_leaf(cpu, base, -1, base + (timing ? 0x10 : 1), name[0], name[1],
                 name[2]);
    x86_add_leaf(cpu, base + 1, -1, cpu->words[X86_KVM_EAX], 0, 0,
                 cpu->words[X86_KVM_EDX]);
    if (timing) { /* kHz of the TSC and of the local APIC's bus */
        x86_add_leaf(cpu, base + 0x10, -1,
                     cpu->tsc_hz ? (uint32_t)(cpu->tsc_hz / 1000)
                                 : host->tsc_khz,
                     1000000, 0, 0);
    }
}

static void leaves_names(X86Cpu *cpu, const X86Host *host)
{
    X86Identity id = x86_identity(cpu, host);
    uint32_t w[12];

    pack_text(id.text, w, ARRAY_SIZE(w));
    for (uint32_t i = 0; i < 3; i++) {
        x86_add_leaf(cpu, 0x80000002 + i, -1, w[4 * i], w[4 * i + 1],
                     w[4 * i + 2], w[4 * i + 3]);
    }
}

static uint32_t host_phys_bits(const X86Host *host)
{
    const X86Leaf *l = find_leaf(host->leaves, host->n, 0x80000008, 0);

    return l ? l->reg[X86_EAX] & 0xff : 40;
}

static uint32_t address_bits(const X86Cpu *cpu, const X86Host *host)
{
    uint32_t phys = host_phys_bits(host);
    uint32_t virt = cpu->words[X86_7_0_ECX] >> 16 & 1 ? 57 : 48; /* la57 */

    if (cpu->phys_bits && !cpu->host_phys_bits) {
        phys = cpu->phys_bits;
    } else if (cpu->phys_limit) {
        phys = MIN(phys, cpu->phys_limit);
    }
    return phys | virt << 8;
}

static void leaves_extended(X86Cpu *cpu, const X86Host *host, Topology t,
                            bool amd)
{
    const uint32_t *w = cpu->words;
    uint32_t vendor[3], logical = t.threads * t.cores, ecx = w[X86_8_1_ECX];
    uint32_t edx = w[X86_8_1_EDX], id = cpu->parent.id;

    vendor_words(cpu, host, vendor);
    x86_add_leaf(cpu, 0x80000000, -1, 0, vendor[0], vendor[2], vendor[1]);
    if (amd) { /* AMD shows leaf 1's again (APM 3 E.4.2) */
        edx = (edx & ~0x0183f3ffu) | (w[X86_1_EDX] & 0x0183f3ff);
        ecx |= logical > 1 ? (uint32_t)BIT(1) : 0; /* CmpLegacy */
    } else {
        edx &= ~0x0183f3ffu;
    }
    x86_add_leaf(cpu, 0x80000001, -1, signature(cpu, host), 0, ecx, edx);
    leaves_names(cpu, host);
    x86_add_leaf(cpu, 0x80000005, -1, 0x01ff01ff, 0x01ff01ff, 0x20080140,
                 0x40040140); /* as amd_caches */
    x86_add_leaf(cpu, 0x80000006, -1, 0, 0x42004200,
                 amd ? 0x02006140 : 0x02008140,
                 !cpu->l3_cache ? 0
                 : amd          ? 0x00408140
                                : 0x00808140);
    x86_add_leaf(cpu, 0x80000007, -1, 0, w[X86_8_7_EBX], 0, w[X86_8_7_EDX]);
    x86_add_leaf(
        cpu, 0x80000008, -1, address_bits(cpu, host), w[X86_8_8_EBX],
        logical > 1 ? (logical - 1) | (t.thread_bits + t.core_bits) << 12 : 0,
        0);
    if (w[X86_8_1_ECX] & BIT(2)) {
        x86_add_leaf(cpu, 0x8000000a, -1, 1, 16, 0, w[X86_8_A_EDX]);
    }
    if (amd || (w[X86_8_1_ECX] & BIT(22))) {
        cache_leaves(cpu, 0x8000001d, amd_caches, t, 0);
    }
    if (w[X86_8_1_ECX] & BIT(22)) { /* topoext: APM 3 E.4.16 */
        x86_add_leaf(cpu, 0x8000001e, -1, id,
                     id >> t.thread_bits | (t.threads - 1) << 8, 0, 0);
    }
    x86_add_leaf(cpu, 0x80000021, -1, w[X86_8_21_EAX], 0, 0, 0);
}

/* --- all of it --- */

/* The highest leaf of a range that the features need, @least at least. */
static uint32_t highest(const X86Cpu *cpu, uint32_t from, uint32_t least)
{
    uint32_t most = MAX(least, from);

    for (unsigned i = 0; i < cpu->n_leaves; i++) {
        const X86Leaf *l = &cpu->leaves[i];

        /* a leaf of zeros needs nobody to look at it */
        if (l->leaf >= from && l->leaf - from < 0x10000000 &&
            (l->reg[0] | l->reg[1] | l->reg[2] | l->reg[3])) {
            most = MAX(most, l->leaf);
        }
    }
    return most;
}

/* What a model of few leaves must have more than they say: leaves that its
 * features are in; caches and topology do not count. */
static uint32_t needed_level(const X86Cpu *cpu, uint32_t level)
{
    for (X86Word w = 0; w < X86_WORDS; w++) {
        if (cpu->words[w] && x86_words[w].leaf < 0x40000000) {
            level = MAX(level, x86_words[w].leaf);
        }
    }
    return cpu->words[X86_1_ECX] & BIT(26) ? MAX(level, 0xd) : level;
}

static uint32_t needed_xlevel(const X86Cpu *cpu, uint32_t xlevel)
{
    for (X86Word w = 0; w < X86_WORDS; w++) {
        if (cpu->words[w] && x86_words[w].leaf >= 0x80000000 &&
            x86_words[w].leaf < 0xc0000000) {
            xlevel = MAX(xlevel, x86_words[w].leaf);
        }
    }
    return cpu->words[X86_8_1_ECX] & BIT(22) ? MAX(xlevel, 0x8000001e) : xlevel;
}

/* The highest leaves, which leaf 0 and 0x80000000 name. */
static void set_limits(X86Cpu *cpu, const X86Host *host)
{
    bool of_host = x86_model(cpu)->host;
    X86Identity id = x86_identity(cpu, host);

    for (unsigned i = 0; i < cpu->n_leaves; i++) {
        X86Leaf *l = &cpu->leaves[i];

        if (l->leaf == 0) {
            uint32_t most = of_host ? highest(cpu, 0, id.level)
                                    : needed_level(cpu, id.level);

            l->reg[X86_EAX] =
                cpu->level ? cpu->level : MAX(most, cpu->min_level);
        } else if (l->leaf == 0x80000000) {
            uint32_t most = of_host ? highest(cpu, 0x80000000, id.xlevel)
                                    : needed_xlevel(cpu, id.xlevel);

            l->reg[X86_EAX] =
                cpu->xlevel ? cpu->xlevel : MAX(most, cpu->min_xlevel);
        }
    }
}

static bool check_texts(X86Cpu *cpu, const X86Host *host, Error **errp)
{
    uint32_t bits = host_phys_bits(host);

    if (cpu->vendor && strlen(cpu->vendor) != 12) {
        error_set(errp, "value of property 'vendor' must consist of exactly 12 "
                        "characters");
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
    if (cpu->phys_limit && cpu->phys_limit < 32) {
        error_set(errp, "host-phys-bits-limit must be 32 or more");
        return false;
    }
    if (cpu->phys_bits && cpu->phys_bits != bits && cpu->parent.index == 0) {
        warn_report("Host physical bits (%u) does not match phys-bits "
                    "property (%u)",
                    bits, cpu->phys_bits);
    }
    if (cpu->family > 0xff + 0xf || cpu->model > 0xff || cpu->stepping > 15) {
        error_set(errp, "family, model or stepping is too large for CPUID: at "
                        "most 270, 255 and 15");
        return false;
    }
    if (cpu->hv_vendor && strlen(cpu->hv_vendor) > 12) {
        if (cpu->parent.index == 0) {
            warn_report("hv-vendor-id truncated to 12 characters");
        }
        cpu->hv_vendor[12] = '\0';
    }
    return true;
}

bool x86_cpuid_build(X86Cpu *cpu, const X86Host *host, Error **errp)
{
    Topology t = topology_of(cpu);
    uint32_t vendor[3];
    bool amd;

    if (!check_texts(cpu, host, errp) || !x86_hv_check(cpu, host, errp) ||
        !check_words(cpu, host, errp)) {
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
    leaves_engine(cpu, host);
    leaves_extended(cpu, host, t, amd);
    set_limits(cpu, host);
    return true;
}

void x86_cpuid_free(X86Cpu *cpu)
{
    g_clear_pointer(&cpu->leaves, g_free);
    cpu->n_leaves = 0;
}
