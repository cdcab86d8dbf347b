/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hyper-V enlightenments: which a guest is shown, and their leaves.
 *
 * Spec: Microsoft Hypervisor Top-Level Functional Specification (TLFS) 6.0,
 *       chapter 2 (feature discovery); Linux Documentation/virt/kvm/api.rst,
 *       4.118 (KVM_GET_SUPPORTED_HV_CPUID).
 */
#include "tandem/base.h"

#include "target/x86/cpu.h"

/* clang-format off */
enum { HV_RELAXED, HV_VAPIC, HV_VPINDEX, HV_RUNTIME, HV_CRASH, HV_RESET, HV_TIME,
       HV_SYNIC, HV_STIMER, HV_STIMER_DIRECT, HV_FREQUENCIES, HV_REENLIGHTENMENT,
       HV_TLBFLUSH, HV_TLBFLUSH_EXT, HV_TLBFLUSH_DIRECT, HV_IPI, HV_AVIC, HV_EVMCS,
       HV_EMSR_BITMAP, HV_XMM_INPUT };
#define NEEDS(x) (1u << HV_##x)
enum { LEAF_3 = 0x40000003, LEAF_4, LEAF_A = 0x4000000a };

/* TLFS 2.4: tables of leaves 0x40000003, 0x40000004 and 0x4000000A. */
const X86Hv x86_hv[] = {
    [HV_RELAXED]         = { "hv-relaxed",         { { LEAF_4, X86_EAX, 1u << 5 } }, 0 },
    [HV_VAPIC]           = { "hv-vapic",           { { LEAF_3, X86_EAX, 1u << 4 }, { LEAF_4, X86_EAX, 1u << 3 } }, 0 },
    [HV_VPINDEX]         = { "hv-vpindex",         { { LEAF_3, X86_EAX, 1u << 6 } }, 0 },
    [HV_RUNTIME]         = { "hv-runtime",         { { LEAF_3, X86_EAX, 1u << 0 } }, 0 },
    [HV_CRASH]           = { "hv-crash",           { { LEAF_3, X86_EDX, 1u << 10 } }, 0 },
    [HV_RESET]           = { "hv-reset",           { { LEAF_3, X86_EAX, 1u << 7 } }, 0 },
    [HV_TIME]            = { "hv-time",            { { LEAF_3, X86_EAX, 1u << 1 | 1u << 9 } }, 0 },
    [HV_SYNIC]           = { "hv-synic",           { { LEAF_3, X86_EAX, 1u << 2 } }, NEEDS(VPINDEX) },
    [HV_STIMER]          = { "hv-stimer",          { { LEAF_3, X86_EAX, 1u << 3 } }, NEEDS(SYNIC) | NEEDS(TIME) },
    [HV_STIMER_DIRECT]   = { "hv-stimer-direct",   { { LEAF_3, X86_EDX, 1u << 19 } }, NEEDS(STIMER) },
    [HV_FREQUENCIES]     = { "hv-frequencies",     { { LEAF_3, X86_EAX, 1u << 11 }, { LEAF_3, X86_EDX, 1u << 8 } }, 0 },
    [HV_REENLIGHTENMENT] = { "hv-reenlightenment", { { LEAF_3, X86_EAX, 1u << 13 } }, 0 },
    [HV_TLBFLUSH]        = { "hv-tlbflush",        { { LEAF_4, X86_EAX, 1u << 2 | 1u << 11 } }, NEEDS(VPINDEX) },
    [HV_TLBFLUSH_EXT]    = { "hv-tlbflush-ext",    { { LEAF_3, X86_EDX, 1u << 14 } }, NEEDS(TLBFLUSH) },
    [HV_TLBFLUSH_DIRECT] = { "hv-tlbflush-direct", { { LEAF_A, X86_EAX, 1u << 17 } }, NEEDS(VAPIC) },
    [HV_IPI]             = { "hv-ipi",             { { LEAF_4, X86_EAX, 1u << 10 | 1u << 11 } }, NEEDS(VPINDEX) },
    [HV_AVIC]            = { "hv-avic",            { { LEAF_4, X86_EAX, 1u << 9 } }, 0 },
    [HV_EVMCS]           = { "hv-evmcs",           { { LEAF_4, X86_EAX, 1u << 14 } }, NEEDS(VAPIC) },
    [HV_EMSR_BITMAP]     = { "hv-emsr-bitmap",     { { LEAF_A, X86_EAX, 1u << 19 } }, NEEDS(EVMCS) },
    [HV_XMM_INPUT]       = { "hv-xmm-input",       { { LEAF_3, X86_EDX, 1u << 4 } }, 0 },
};
/* clang-format on */
const size_t x86_n_hv = ARRAY_SIZE(x86_hv);

bool x86_hv_has(const X86Cpu *cpu, const char *name)
{
    for (size_t i = 0; i < x86_n_hv; i++) {
        if (strcmp(x86_hv[i].name, name) == 0) {
            return cpu->hv >> i & 1;
        }
    }
    return false;
}

bool x86_hv_shown(const X86Cpu *cpu)
{
    return cpu->hv || cpu->hv_spinlocks != UINT32_MAX ||
           cpu->hv_no_sharing == ON_OFF_AUTO_ON;
}

static uint32_t host_word(const X86Host *host, uint32_t leaf, X86Reg reg)
{
    for (unsigned i = 0; i < host->n_hv; i++) {
        if (host->hv[i].leaf == leaf) {
            return host->hv[i].reg[reg];
        }
    }
    return 0;
}

static bool host_has(const X86Host *host, const X86Hv *h)
{
    for (size_t i = 0; i < ARRAY_SIZE(h->bits) && h->bits[i].mask; i++) {
        const X86HvBits *b = &h->bits[i];

        if ((host_word(host, b->leaf, b->reg) & b->mask) != b->mask) {
            return false;
        }
    }
    return true;
}

/* hv-passthrough: all that the host has. */
static void take_all(X86Cpu *cpu, const X86Host *host)
{
    for (size_t i = 0; i < x86_n_hv; i++) {
        cpu->hv |= host_has(host, &x86_hv[i]) ? (uint32_t)BIT(i) : 0;
    }
    for (size_t i = x86_n_hv; i-- > 0;) { /* what lacks its needs goes */
        if (x86_hv[i].needs & ~cpu->hv) {
            cpu->hv &= ~(uint32_t)BIT(i);
        }
    }
}

bool x86_hv_check(X86Cpu *cpu, const X86Host *host, Error **errp)
{
    if (cpu->hv_passthrough && host->n_hv) {
        take_all(cpu, host);
    }
    if ((x86_hv_shown(cpu) || cpu->hv_passthrough) && host->n_hv == 0) {
        error_set(errp,
                  "Hyper-V enlightenments (hv-*) are not supported by the "
                  "host's %s: leave them out",
                  host->engine);
        return false;
    }
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
        if (!host_has(host, h)) {
            error_set(errp, "%s is not supported by the host's %s", h->name,
                      host->engine);
            return false;
        }
    }
    return true;
}

static void sum_bits(const X86Cpu *cpu, uint32_t leaf, uint32_t sum[4])
{
    for (size_t i = 0; i < x86_n_hv; i++) {
        for (size_t b = 0; b < ARRAY_SIZE(x86_hv[i].bits); b++) {
            const X86HvBits *bits = &x86_hv[i].bits[b];

            if ((cpu->hv >> i & 1) && bits->leaf == leaf) {
                sum[bits->reg] |= bits->mask;
            }
        }
    }
}

bool x86_hv_leaves(X86Cpu *cpu, const X86Host *host)
{
    const char *vendor = cpu->hv_vendor ? cpu->hv_vendor : "Microsoft Hv";
    uint32_t name[3] = { 0 }, three[4] = { 0 }, four[4] = { 0 }, a[4] = { 0 };
    bool nested = x86_hv_has(cpu, "hv-evmcs");

    if (!x86_hv_shown(cpu)) {
        return false;
    }
    memcpy(name, vendor, MIN(strlen(vendor), sizeof(name)));
    sum_bits(cpu, LEAF_3, three);
    three[X86_EAX] |= (uint32_t)BIT(5); /* hypercall MSRs: always */
    sum_bits(cpu, LEAF_4, four);
    four[X86_EAX] |=
        cpu->hv_no_sharing == ON_OFF_AUTO_ON ? (uint32_t)BIT(18) : 0;
    sum_bits(cpu, LEAF_A, a);
    if (nested) { /* the versions that the host's KVM knows */
        a[X86_EAX] |= host_word(host, LEAF_A, X86_EAX) & 0xffff;
    }
    nested |= a[X86_EAX] != 0;
    x86_add_leaf(cpu, 0x40000000, -1, nested ? 0x4000000a : 0x40000006, name[0],
                 name[1], name[2]);
    x86_add_leaf(cpu, 0x40000001, -1, ld32_le("Hv#1"), 0, 0, 0);
    x86_add_leaf(cpu, 0x40000002, -1, cpu->hv_build,
                 (uint32_t)cpu->hv_major << 16 | cpu->hv_minor,
                 cpu->hv_service_pack,
                 (uint32_t)cpu->hv_branch << 24 | (cpu->hv_service & 0xffffff));
    x86_add_leaf(cpu, LEAF_3, -1, three[0], three[1], three[2], three[3]);
    x86_add_leaf(cpu, LEAF_4, -1, four[0], cpu->hv_spinlocks, 0, 0);
    x86_add_leaf(cpu, 0x40000005, -1, UINT32_MAX, 64, 0, 0); /* no limit */
    x86_add_leaf(cpu, 0x40000006, -1, 0, 0, 0, 0);
    if (nested) {
        x86_add_leaf(cpu, LEAF_A, -1, a[0], a[1], a[2], a[3]);
    }
    return true;
}
