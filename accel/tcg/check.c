/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check=N: of N runs of units one is done twice, in the interpreter on a copy
 * of the state with a log of its stores, then in host code, and the results
 * are compared: env, floating-point flags, exit, memory written, fault
 * (TCG.md 3.14). Units that call helpers with effects outside env, or reach
 * devices, run once. Only one vCPU runs at a time meanwhile (thread=single);
 * a device that writes what the unit read is noticed and excused.
 */
#include "tandem/base.h"

#include "accel/tcg/internal.h"
#include "tcg/helper.h"

enum { LOG_MAX = 4096, PAGE_MASK = PAGE_SIZE - 1 };

typedef struct LogByte {
    uint8_t *host;
    uint8_t value;
} LogByte;

struct TcgCheck {
    size_t env_size;
    uint8_t *before, *after; /* env as it was, and after the logged run */
    uint32_t mxcsr_before, mxcsr_after;
    unsigned exit_after;
    int left_by; /* of the logged run: 0 it came back, else LEAVE_* */
    TcgTb *tb;   /* being checked in host code; NULL: none */
    LogByte wrote[LOG_MAX], read[LOG_MAX];
    unsigned nwrote, nread;
};

static void give_up(TcgVcpu *v) G_GNUC_NORETURN;
static void give_up(TcgVcpu *v)
{
    vcpu_leave(v, LEAVE_CHECK_GIVE_UP);
}

static void faulted(TcgVcpu *v) G_GNUC_NORETURN;
static void faulted(TcgVcpu *v)
{
    vcpu_restore(v);
    vcpu_leave(v, LEAVE_CHECK);
}

/* --- the logged run's memory --- */

static LogByte *find_written(TcgCheck *c, const uint8_t *host)
{
    for (unsigned i = c->nwrote; i-- > 0;) {
        if (c->wrote[i].host == host) {
            return &c->wrote[i];
        }
    }
    return NULL;
}

static uint8_t *logged_host(TcgVcpu *v, vaddr va, uint32_t mo, MmuAccess access)
{
    TlbEntry local;
    const TlbEntry *e;

    e = tlb_get(v, va, 1, access, memop_mmu(mo), false, &local);
    if (!e) {
        faulted(v);
    }
    if (!e->host || (access == MMU_STORE && !e->ram_write) || !e->whole) {
        give_up(v);
    }
    return e->host + (va & PAGE_MASK);
}

static uint8_t logged_read(TcgVcpu *v, uint8_t *host)
{
    TcgCheck *c = v->check;
    const LogByte *w = find_written(c, host);
    uint8_t value;

    if (w) {
        return w->value;
    }
    if (c->nread == LOG_MAX) {
        give_up(v);
    }
    value = __atomic_load_n(host, __ATOMIC_RELAXED);
    c->read[c->nread++] = (LogByte){ host, value };
    return value;
}

static void logged_write(TcgVcpu *v, uint8_t *host, uint8_t value)
{
    TcgCheck *c = v->check;
    LogByte *w = find_written(c, host);

    if (w) {
        w->value = value;
        return;
    }
    if (c->nwrote == LOG_MAX) {
        give_up(v);
    }
    c->wrote[c->nwrote++] = (LogByte){ host, value };
}

static void check_align(TcgVcpu *v, uint64_t addr, uint32_t mo,
                        MmuAccess access)
{
    if (addr & (memop_align(mo) - 1)) {
        v->ops->align_fault(v->cpu, addr, access, memop_mmu(mo));
        faulted(v);
    }
    if (v->have_watch) {
        give_up(v);
    }
}

static uint64_t swap_if(uint64_t value, uint32_t mo)
{
    unsigned bits = memop_size(mo) * 8;

    return mo & MO_SWAP ? __builtin_bswap64(value) >> (64 - bits) : value;
}

/* Both pages of a crossing access fault before anything happens, with the
 * address of the part that faults. */
static void logged_probe(TcgVcpu *v, uint64_t addr, uint32_t mo,
                         MmuAccess access)
{
    unsigned size = memop_size(mo);

    logged_host(v, addr, mo, access);
    if ((addr & PAGE_MASK) + size > PAGE_SIZE) {
        logged_host(v, (addr | PAGE_MASK) + 1, mo, access);
    }
}

static uint64_t logged_ld(void *env, uint64_t addr, uint32_t mo)
{
    TcgVcpu *v = env_vcpu(env);
    uint64_t value = 0;

    check_align(v, addr, mo, MMU_LOAD);
    logged_probe(v, addr, mo, MMU_LOAD);
    for (unsigned i = 0; i < memop_size(mo); i++) {
        uint8_t *host = logged_host(v, addr + i, mo, MMU_LOAD);

        value |= (uint64_t)logged_read(v, host) << (8 * i);
    }
    return swap_if(value, mo);
}

static void logged_st(void *env, uint64_t addr, uint64_t value, uint32_t mo)
{
    TcgVcpu *v = env_vcpu(env);

    check_align(v, addr, mo, MMU_STORE);
    logged_probe(v, addr, mo, MMU_STORE);
    value = swap_if(value & bit_mask(8 * memop_size(mo)), mo);
    for (unsigned i = 0; i < memop_size(mo); i++) {
        logged_write(v, logged_host(v, addr + i, mo, MMU_STORE),
                     value >> (8 * i));
    }
}

static uint64_t logged_atomic(void *env, uint64_t addr, uint64_t val,
                              uint64_t cmp, uint32_t mo,
                              uint32_t kind_and_holds)
{
    give_up(env_vcpu(env)); /* atomics have tests of their own */
}

static const void *logged_lookup(void *env, uint64_t pc)
{
    return NULL;
}

static void logged_trap(void *env, uint32_t code)
{
    TcgVcpu *v = env_vcpu(env);

    if (code == TRAP_BREAKPOINT) {
        give_up(v);
    }
    vcpu_restore(v);
    v->ops->trap(v->cpu, code);
    vcpu_leave(v, LEAVE_CHECK);
}

static const TcgRuntimeOps logged_ops = {
    .ld = logged_ld,
    .st = logged_st,
    .atomic = logged_atomic,
    .lookup = logged_lookup,
    .trap = logged_trap,
};

/* --- comparing --- */

static bool disturbed(const TcgCheck *c)
{
    for (unsigned i = 0; i < c->nread; i++) {
        const LogByte *r = &c->read[i];

        if (!find_written((TcgCheck *)c, r->host) &&
            __atomic_load_n(r->host, __ATOMIC_RELAXED) != r->value) {
            return true;
        }
    }
    return false;
}

static void differs(TcgVcpu *v, const TcgTb *tb, const char *what,
                    uint64_t where, uint64_t interp, uint64_t jit)
{
    g_autofree char *text = tcg_dump(tb->block);

    warn_report("check: unit at pc 0x%" PRIx64 ": %s 0x%" PRIx64
                ": interpreter 0x%" PRIx64 ", host code 0x%" PRIx64,
                tb->pc, what, where, interp, jit);
    fputs(text, stderr);
    abort(); /* the engine is wrong: nothing after this can be trusted */
}

/* May another thread write this word of env? */
static bool is_shared(const TcgVcpu *v, size_t offset)
{
    const uint32_t *p = v->ops->shared_env;

    while (p && *p != 0 && *p != offset) {
        p++;
    }
    return p && *p == offset;
}

static void put_env_back(TcgVcpu *v)
{
    uint8_t *env = v->env;
    const uint8_t *before = v->check->before;

    for (size_t i = 0; i + 8 <= v->check->env_size; i += 8) {
        if (ld64_le(env + i) != ld64_le(before + i) && !is_shared(v, i)) {
            memcpy(env + i, before + i, 8);
        }
    }
}

static void compare_env(TcgVcpu *v, const TcgTb *tb)
{
    TcgCheck *c = v->check;
    const uint8_t *now = v->env;

    for (size_t i = 0; i + 8 <= c->env_size; i += 8) {
        if (ld64_le(now + i) != ld64_le(c->after + i) && !is_shared(v, i)) {
            differs(v, tb, "env offset", i, ld64_le(c->after + i),
                    ld64_le(now + i));
        }
    }
}

static void compare_memory(TcgVcpu *v, const TcgTb *tb)
{
    TcgCheck *c = v->check;

    for (unsigned i = 0; i < c->nwrote; i++) {
        uint8_t now = __atomic_load_n(c->wrote[i].host, __ATOMIC_RELAXED);

        if (now != c->wrote[i].value) {
            differs(v, tb, "memory", (uintptr_t)c->wrote[i].host,
                    c->wrote[i].value, now);
        }
    }
}

static void compare(TcgVcpu *v, int left_by)
{
    TcgCheck *c = v->check;
    const TcgTb *tb = c->tb;

    c->tb = NULL;
    if (disturbed(c)) {
        return;
    }
    STAT(v, checks);
    if (c->left_by != left_by) {
        differs(v, tb, "left by", 0, c->left_by, left_by);
    }
    compare_env(v, tb);
    if (left_by == 0) {
        compare_memory(v, tb);
    }
    if ((c->mxcsr_after & 0x3d) != (v->hot->mxcsr_guest & 0x3d)) {
        differs(v, tb, "mxcsr", 0, c->mxcsr_after, v->hot->mxcsr_guest);
    }
}

/* --- running --- */

bool check_block_allowed(const TcgBlock *tb)
{
    for (unsigned i = 0; i < tb->nhelper; i++) {
        uint32_t f = tb->helper[i]->flags;

        if (!(f & (TCG_H_PURE | TCG_H_NOFAULT)) ||
            (f & (TCG_H_FLUSHES_TLB | TCG_H_ENDS_TB | TCG_H_MAY_INVALIDATE |
                  TCG_H_HOST_FP))) {
            return false;
        }
    }
    return true;
}

bool check_wanted(TcgVcpu *v, const TcgTb *tb)
{
    return tb->checkable && vcpu_random(v) % v->accel->opt.check == 0;
}

/* Interpret; how it left. The state is put back. */
static int logged_run(TcgVcpu *v, TcgTb *tb)
{
    TcgCheck *c = v->check;
    jmp_buf outer;
    int64_t icount = v->hot->icount;
    int why;

    memcpy(&outer, &v->leave, sizeof(outer));
    memcpy(c->before, v->env, c->env_size);
    c->mxcsr_before = v->hot->mxcsr_guest;
    c->nwrote = c->nread = 0;
    v->hot->ops = &logged_ops;
    l1_clear(v, UINT32_MAX); /* so that every access is logged */
    why = setjmp(v->leave);
    if (why == 0) {
        tcg_interp_run(tb->block, v->env, v->values);
    }
    c = v->check;
    v->hot->interp = NULL;
    v->hot->ops = &tcg_runtime_ops;
    memcpy(&v->leave, &outer, sizeof(outer));
    memcpy(c->after, v->env, c->env_size);
    c->mxcsr_after = v->hot->mxcsr_guest;
    c->exit_after = v->hot->leave_exit;
    put_env_back(v);
    v->hot->mxcsr_guest = c->mxcsr_before;
    v->hot->icount = icount;
    return why;
}

TcgLeave check_run(TcgVcpu *v, TcgTb *tb)
{
    TcgCheck *c = v->check;
    TcgLeave why;

    c->left_by = logged_run(v, tb);
    c->tb = c->left_by == LEAVE_CHECK_GIVE_UP ? NULL : tb;
    why = v->accel->thunks.enter(v->env, tb->entry);
    v->hot->ret_pc = 0;
    if (c->tb) {
        compare(v, 0);
    }
    return why;
}

void check_walk_writes(TcgVcpu *v)
{
    if (v->check && v->hot->ops == &logged_ops) {
        give_up(v);
    }
}

void check_faulted(TcgVcpu *v)
{
    if (v->check && v->check->tb) {
        compare(v, LEAVE_CHECK);
    }
}

void check_init(TcgVcpu *v)
{
    if (v->accel->opt.check != 0) {
        v->check = g_new0(TcgCheck, 1);
        v->check->env_size = v->cpu->type->env_size;
        v->check->before = g_malloc(v->check->env_size);
        v->check->after = g_malloc(v->check->env_size);
    }
}

void check_free(TcgVcpu *v)
{
    if (v->check) {
        g_free(v->check->before);
        g_free(v->check->after);
        g_free(v->check);
        v->check = NULL;
    }
}
