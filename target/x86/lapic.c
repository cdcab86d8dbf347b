/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A local APIC as text, whoever keeps it: of the registers as the page has
 * them, which is also how KVM_GET_LAPIC gives those of x2APIC mode.
 *
 * Spec: Intel SDM 3A, chapter "Advanced Programmable Interrupt Controller"
 *       (table 10-1, figures 10-8 local vector table, 10-12 ICR, 10-23 SVR;
 *       10.12 x2APIC).
 */
#include "tandem/base.h"

#include "target/x86/cpu.h"

/* Offsets in the page. */
enum {
    TPR = 0x80,
    APR = 0x90,
    PPR = 0xa0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280,
    ICR = 0x300,
    ICR_HIGH = 0x310,
    LVT_TIMER = 0x320,
    LVT_THERMAL = 0x330,
    LVT_PERF = 0x340,
    LVT_LINT0 = 0x350,
    LVT_LINT1 = 0x360,
    LVT_ERROR = 0x370,
    INITIAL_COUNT = 0x380,
    CURRENT_COUNT = 0x390,
    DIVIDE = 0x3e0,
};

#define BASE_X2APIC BIT(10)
#define BASE_ENABLE BIT(11)

enum { MODE_NMI = 4 };

typedef struct Lapic {
    const uint8_t *page;
    bool x2apic, on;
} Lapic;

static uint32_t reg(const Lapic *l, unsigned off)
{
    return ld32_le(l->page + off);
}

static void put_binary(GString *out, uint32_t value, int digits)
{
    while (digits-- > 0) {
        g_string_append_c(out, value >> digits & 1 ? '1' : '0');
    }
}

/* --- local vector table --- */

static void put_entry(const Lapic *l, GString *out, const char *name,
                      unsigned off)
{
    static const char *const modes[] = { "Fixed", "...",  "SMI", "...",
                                         "NMI",   "INIT", "...", "ExtINT" };
    static const char *const timer[] = { "one-shot", "periodic", "tsc-deadline",
                                         "..." };
    uint32_t e = reg(l, off);
    unsigned mode = e >> 8 & 7;

    g_string_append_printf(
        out, "%s\t 0x%08x active-%s %-5s %-6s %-7s %-12s %-6s", name, e,
        e & BIT(13) ? "lo" : "hi", e & BIT(15) ? "level" : "edge",
        e & BIT(16) ? "masked" : "", e & BIT(12) ? "pending" : "",
        off == LVT_TIMER ? timer[e >> 17 & 3] : "", modes[mode]);
    if (mode != MODE_NMI) {
        g_string_append_printf(out, " (vec %u)", (uint8_t)e);
    }
    g_string_append_c(out, '\n');
}

static void put_entries(const Lapic *l, GString *out)
{
    static const struct {
        const char *name;
        unsigned off;
    } entries[] = { { "LVT0", LVT_LINT0 },      { "LVT1", LVT_LINT1 },
                    { "LVTPC", LVT_PERF },      { "LVTERR", LVT_ERROR },
                    { "LVTTHMR", LVT_THERMAL }, { "LVTT", LVT_TIMER } };
    uint32_t code = (reg(l, DIVIDE) & 3) | (reg(l, DIVIDE) >> 1 & 4);

    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        put_entry(l, out, entries[i].name, entries[i].off);
    }
    g_string_append_printf(out,
                           "Timer\t DCR=0x%x (divide by %u) initial_count = %u "
                           "current_count = %u\n",
                           reg(l, DIVIDE), code == 7 ? 1 : 2u << code,
                           reg(l, INITIAL_COUNT), reg(l, CURRENT_COUNT));
}

/* --- interrupt command --- */

/* Of a logical destination: 10.6.2.2, 10.12.10.1. */
static void put_logical(const Lapic *l, GString *out, uint32_t to)
{
    bool cluster = reg(l, DFR) >> 28 == 0;

    if (l->x2apic) {
        g_string_append_printf(out, "cluster %u ", to >> 16);
    } else if (cluster) {
        g_string_append_printf(out, "cluster %u ", to >> 4);
    }
    g_string_append(out, "mask ");
    put_binary(out, to, l->x2apic ? 16 : cluster ? 4 : 8);
}

static void put_command(const Lapic *l, GString *out)
{
    static const char *const shorthands[] = { "no-shorthand", "self",
                                              "all-self", "all" };
    uint32_t icr = reg(l, ICR), high = reg(l, ICR_HIGH);
    uint32_t to = l->x2apic ? high : high >> 24;
    bool logical = (icr & BIT(11)) != 0;

    g_string_append_printf(out, "ICR\t 0x%08x %s %s %s %s\nICR2\t 0x%08x", icr,
                           logical ? "logical" : "physical",
                           icr & BIT(15) ? "level" : "edge",
                           icr & BIT(14) ? "assert" : "de-assert",
                           shorthands[icr >> 18 & 3], high);
    if ((icr >> 18 & 3) == 0) {
        g_string_append_c(out, ' ');
        if (logical) {
            put_logical(l, out, to);
        } else {
            g_string_append_printf(out, "cpu %u", to);
        }
        g_string_append(out, l->x2apic ? " (X2APIC ID)" : " (APIC ID)");
    }
    g_string_append_c(out, '\n');
}

/* --- interrupts --- */

/* The vectors of the 256 bits from @off on. */
static void put_vectors(const Lapic *l, GString *out, const char *name,
                        unsigned off)
{
    bool any = false;

    g_string_append_printf(out, "%s\t ", name);
    for (unsigned v = 0; v < 256; v++) {
        unsigned word = v / 32 * 16;

        if (reg(l, off + word) >> (v % 32) & 1) {
            g_string_append_printf(
                out, "%u%s ", v,
                reg(l, TMR + word) >> (v % 32) & 1 ? "(level)" : "");
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : "(none)\n");
}

static void put_priorities(const Lapic *l, GString *out)
{
    uint32_t ldr = l->x2apic ? reg(l, LDR) : reg(l, LDR) >> 24;

    g_string_append_printf(out, "\nAPR 0x%02x TPR 0x%02x DFR 0x%02x LDR 0x%02x",
                           reg(l, APR), reg(l, TPR), reg(l, DFR) >> 28, ldr);
    if (!l->x2apic && reg(l, DFR) >> 28 == 0) {
        g_string_append_printf(out, "(cluster %u: id %u)", ldr >> 4, ldr & 15);
    }
    g_string_append_printf(out, " PPR 0x%02x\n", reg(l, PPR));
}

void x86_lapic_text(GString *out, const uint8_t page[X86_LAPIC_BYTES],
                    uint64_t base)
{
    Lapic l = { page, (base & BASE_X2APIC) != 0, (base & BASE_ENABLE) != 0 };
    uint32_t svr = reg(&l, SVR);

    put_entries(&l, out);
    g_string_append_printf(out,
                           "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n",
                           svr, l.on && (svr & BIT(8)) ? "enabled" : "disabled",
                           svr & BIT(9) ? "on" : "off", (uint8_t)svr);
    put_command(&l, out);
    g_string_append_printf(out, "ESR\t 0x%08x\n", reg(&l, ESR));
    put_vectors(&l, out, "ISR", ISR);
    put_vectors(&l, out, "IRR", IRR);
    put_priorities(&l, out);
}

bool x86_local_intc(CPUState *cpu, GString *out)
{
    X86Cpu *c = x86_cpu(cpu);
    uint8_t page[X86_LAPIC_BYTES];

    if (!c->engine_lapic || !c->engine_lapic(c, page)) {
        return false;
    }
    g_string_append_printf(out, "local APIC state for CPU %d\n\n", cpu->index);
    x86_lapic_text(out, page, x86_env(cpu)->apic_base);
    return true;
}
