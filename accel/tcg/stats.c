/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters as text for `info jit`, and the lines of -d (DECISIONS 54). */
#include "tandem/base.h"

#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>
#endif

#include "accel/tcg/internal.h"

void stats_add(TcgStats *to, const TcgStats *from)
{
    uint64_t *t = (uint64_t *)to;
    const uint64_t *f = (const uint64_t *)from;

    for (size_t i = 0; i < sizeof(*to) / sizeof(*t); i++) {
        t[i] += __atomic_load_n(&f[i], __ATOMIC_RELAXED);
    }
}

static void sum_stats(TcgAccel *a, TcgStats *sum)
{
    *sum = a->gone;
    for (unsigned i = 0; i < atomic_load(&a->nvcpus); i++) {
        TcgVcpu *v = atomic_load(&a->vcpu[i]);

        if (v) {
            stats_add(sum, &v->stats);
        }
    }
}

static double ratio(uint64_t x, uint64_t y)
{
    return y ? (double)x / y : 0;
}

static void count_cache(TcgAccel *a, GString *out)
{
    CodeCache *c = &a->cache;
    size_t used = 0, units = 0;

    LOCK_GUARD(&c->lock);
    for (unsigned i = 0; i < c->nsegs; i++) {
        units += atomic_load(&c->seg[i].ntbs);
        used += c->seg[i].state == SEG_FREE ? 0 : c->seg_size;
    }
    g_string_append_printf(out,
                           "code cache           %zu segments of %zu KiB, "
                           "%zu KiB in use, %zu units\n",
                           (size_t)c->nsegs, c->seg_size / 1024, used / 1024,
                           units);
}

char *tcg_statistics(AccelState *as)
{
    TcgAccel *a = (TcgAccel *)as;
    GString *out = g_string_new(NULL);
    TcgStats s;

    sum_stats(a, &s);
    g_string_append_printf(out, "engine               %s\n",
                           a->use_jit ? "host code" : "interpreter");
    count_cache(a, out);
    g_string_append_printf(
        out,
        "unit size            %.1f insns, %.1f guest bytes, %.1f host bytes, "
        "%.1f ns an insn\n",
        ratio(s.guest_insns, s.units), ratio(s.guest_bytes, s.units),
        ratio(s.code_bytes, s.units), ratio(s.translate_ns, s.guest_insns));
    g_string_append_printf(out, "units of 1 2 4 ..    ");
    for (unsigned i = 0; i < ARRAY_SIZE(s.unit_size); i++) {
        g_string_append_printf(out, " %" PRIu64, s.unit_size[i]);
    }
    g_string_append_c(out, '\n');
#define S(name, text)                                                          \
    g_string_append_printf(out, "%-20s %" PRIu64 "\n", text, s.name);
    TCG_STATS(S)
#undef S
    return g_string_free(out, FALSE);
}

/* --- -d lines --- */

void log_exec(TcgVcpu *v, const TcgTb *tb)
{
    log_write(LOG_EXEC, "Trace %d: %p [%016" PRIx64 "/%" PRIx64 "/%u]\n",
              v->index, (const void *)tb->entry, tb->pc, tb->flags,
              atomic_load(&v->hot->ctx));
    if (log_on(LOG_CPU) && v->cpu->type->dump) {
        g_autoptr(GString) text = g_string_new(NULL);

        v->cpu->type->dump(v->cpu, text, log_on(LOG_FPU));
        log_write(LOG_CPU, "%s", text->str);
    }
}

void log_dump_pass(void *opaque, const char *pass, const char *text)
{
    log_write(LOG_OP | LOG_OP_OPT, "OP after %s:\n%s\n", pass, text);
}

static void log_guest_code(TcgVcpu *v, const TcgTb *tb, const uint8_t *bytes,
                           unsigned len)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "----------------\nIN: cpu %d\n", v->index);
    for (unsigned at = 0, n; at < len && v->cpu->type->disas; at += n) {
        g_string_append_printf(text, "0x%08" PRIx64 ":  ", tb->pc + at);
        n = v->cpu->type->disas(v->cpu, tb->pc + at, bytes + at, len - at,
                                text);
        g_string_append_c(text, '\n');
        if (n == 0) {
            break;
        }
    }
    log_write(LOG_IN_ASM, "%s\n", text->str);
}

#if defined(CONFIG_CAPSTONE) && defined(__x86_64__)
static void disassemble_host(const TcgTb *tb, GString *text)
{
    csh cs;
    cs_insn *insn;
    size_t n;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK) {
        return;
    }
    n = cs_disasm(cs, tb->code, tb->code_size, (uintptr_t)tb->code, 0, &insn);
    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(text, "0x%08" PRIx64 ":  %-8s %s\n",
                               insn[i].address, insn[i].mnemonic,
                               insn[i].op_str);
    }
    if (n) {
        cs_free(insn, n);
    }
    cs_close(&cs);
}
#else
static void disassemble_host(const TcgTb *tb, GString *text)
{
    for (unsigned i = 0; i < tb->code_size; i++) {
        g_string_append_printf(text, "%02x%c", tb->code[i],
                               i % 32 == 31 ? '\n' : ' ');
    }
    g_string_append_c(text, '\n');
}
#endif

void log_unit(TcgVcpu *v, const TcgTb *tb, const uint8_t *bytes, unsigned len)
{
    if (log_on(LOG_IN_ASM)) {
        log_guest_code(v, tb, bytes, len);
    }
    if (log_on(LOG_OUT_ASM) && tb->code) {
        g_autoptr(GString) text = g_string_new(NULL);

        g_string_append_printf(text, "OUT: [size=%u]\n", tb->code_size);
        disassemble_host(tb, text);
        log_write(LOG_OUT_ASM, "%s\n", text->str);
    }
}
