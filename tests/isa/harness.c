/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hart with flat RAM, a test finisher and no engine: front end, IR and
 * interpreter or back end alone. It takes every slow path, translates every
 * unit anew, and so needs no TLB, no cache and no invalidation: what fails
 * here is the front end or the compiler, not the engine.
 */
#include "harness.h"

#include <elf.h>
#include <sys/mman.h>
#include <xmmintrin.h>

#include "target/riscv/csr.h"
#include "target/riscv/mmu.h"
#include "target/riscv/trap.h"
#include "target/riscv/translate.h"
#include "target/riscv/vector.h"

enum { THUNK_BYTES = 64 << 10, UNIT_BYTES = 1 << 20 }; /* of code */

static Hart *hart_of(void *env)
{
    return (Hart *)((RiscvEnv *)env)->cpu;
}

/* ---- leaving a unit ---- */

/* Guest state at the start of the running instruction; its number. */
static unsigned restore(Hart *h)
{
    unsigned done = 0;

    if (!h->jit) {
        g_assert_true(tcg_interp_restore(h->env, &done));
    } else {
        uint32_t off = h->hot->ret_pc - (uintptr_t)h->unit_buf.rx;

        g_assert_true(tcg_side_restore(&riscv_frontend, h->code.side,
                                       h->code.side_size, h->tb->pc, off,
                                       h->env, &done));
    }
    return done;
}

static void G_GNUC_NORETURN leave_fault(Hart *h)
{
    h->insns += restore(h);
    if (h->jit && _mm_getcsr() != h->hot->mxcsr_host) {
        h->hot->mxcsr_guest = _mm_getcsr();
        _mm_setcsr(h->hot->mxcsr_host);
    }
    longjmp(h->leave, 1);
}

/* ---- memory ---- */

static void *ram_at(Hart *h, hwaddr pa, unsigned size)
{
    return pa >= RAM_BASE && range_fits(pa - RAM_BASE, size, RAM_SIZE)
               ? h->ram + (pa - RAM_BASE)
               : NULL;
}

static void finish(Hart *h, uint32_t value)
{
    h->finished = true;
    h->status = (value & 0xffff) == 0x5555 ? 0 : value >> 16;
    longjmp(h->leave, 2);
}

/* One part, in one page. */
static void access_part(Hart *h, vaddr va, uint8_t *data, unsigned size,
                        MmuAccess access, unsigned mmu)
{
    CPUState *cpu = &h->cpu.parent;
    TcgPage page;
    uint8_t *ram;
    uint64_t mtime = h->insns;

    if (!riscv_tcg_ops.tlb_fill(cpu, va, size, access, mmu, false, &page)) {
        leave_fault(h);
    }
    ram = ram_at(h, page.pa, size);
    if (ram != NULL) {
        memcpy(access == MMU_STORE ? ram : data,
               access == MMU_STORE ? data : ram, size);
    } else if (page.pa == 0x100000 && access == MMU_STORE && size == 4) {
        finish(h, ld32_le(data));
    } else if (page.pa == 0x200bff8 && access == MMU_LOAD) {
        memcpy(data, &mtime, size);
    } else {
        riscv_tcg_ops.bus_fault(cpu, va, access, mmu, MEM_DECODE_ERROR);
        leave_fault(h);
    }
}

static void access_any(Hart *h, vaddr va, void *data, MemOp mo, bool store)
{
    unsigned size = memop_size(mo), first = MIN(size, 4096 - (va & 4095));
    MmuAccess access = store ? MMU_STORE : MMU_LOAD;

    if (va & (memop_align(mo) - 1)) {
        riscv_tcg_ops.align_fault(&h->cpu.parent, va, access, memop_mmu(mo));
        leave_fault(h);
    }
    if (first < size && store) { /* all rights before any byte */
        TcgPage page;
        vaddr next = va + first;

        if (h->env->xlen == 32) {
            next = (uint32_t)next;
        }
        if (riscv_tcg_ops.tlb_fill(&h->cpu.parent, va, first, access,
                                   memop_mmu(mo), true, &page) &&
            !riscv_tcg_ops.tlb_fill(&h->cpu.parent, next, size - first, access,
                                    memop_mmu(mo), false, &page)) {
            leave_fault(h);
        }
    }
    access_part(h, va, data, first, access, memop_mmu(mo));
    if (first < size) {
        va += first;
        access_part(h, h->env->xlen == 32 ? (uint32_t)va : va,
                    (uint8_t *)data + first, size - first, access,
                    memop_mmu(mo));
    }
}

static uint64_t op_ld(void *env, uint64_t addr, uint32_t mo)
{
    uint64_t v = 0;

    access_any(hart_of(env), addr, &v, mo, false);
    return v;
}

static void op_st(void *env, uint64_t addr, uint64_t v, uint32_t mo)
{
    access_any(hart_of(env), addr, &v, mo, true);
}

/* One hart: plain accesses are atomic. */
/* The rights of a store, also for what only reads; it does not come back when
 * they are not there. */
static void want_store(Hart *h, uint64_t addr, uint32_t mo)
{
    TcgPage page;

    if (addr & (memop_size(mo) - 1)) {
        riscv_tcg_ops.align_fault(&h->cpu.parent, addr, MMU_STORE,
                                  memop_mmu(mo));
        leave_fault(h);
    }
    if (!riscv_tcg_ops.tlb_fill(&h->cpu.parent, addr, memop_size(mo), MMU_STORE,
                                memop_mmu(mo), false, &page)) {
        leave_fault(h);
    }
    if (ram_at(h, page.pa, memop_size(mo)) == NULL) { /* no device here */
        riscv_tcg_ops.bus_fault(&h->cpu.parent, addr, MMU_STORE, memop_mmu(mo),
                                MEM_DECODE_ERROR);
        leave_fault(h);
    }
}

static uint64_t op_atomic(void *env, uint64_t addr, uint64_t v, uint64_t cmp,
                          uint32_t mo, uint32_t arg)
{
    Hart *h = hart_of(env);
    uint64_t old = 0, mask = bit_mask(8 * memop_size(mo)), new = v;
    unsigned kind = arg & 0xff, holds = arg >> 8;
    int64_t sv = bits_sext(v & mask, 8 * memop_size(mo)), so;

    want_store(h, addr, mo);
    access_any(h, addr, &old, mo, false);
    so = bits_sext(old, 8 * memop_size(mo));
    v &= mask;
    switch ((TcgAtomic)kind) {
    case TCG_ATOMIC_XCHG:
        break;
    case TCG_ATOMIC_ADD:
        new = old + v;
        break;
    case TCG_ATOMIC_AND:
        new = v &old;
        break;
    case TCG_ATOMIC_OR:
        new = old | v;
        break;
    case TCG_ATOMIC_XOR:
        new = old ^ v;
        break;
    case TCG_ATOMIC_SMIN:
        new = so < sv ? old : v;
        break;
    case TCG_ATOMIC_SMAX:
        new = so > sv ? old : v;
        break;
    case TCG_ATOMIC_UMIN:
        new = MIN(old, v);
        break;
    case TCG_ATOMIC_UMAX:
        new = MAX(old, v);
        break;
    case TCG_ATOMIC_CAS:
        new = old == (cmp & mask) ? v : old;
        break;
    case TCG_ATOMIC_SC:
        if (!holds || old != (cmp & mask)) {
            return 1;
        }
        break;
    }
    access_any(h, addr, &new, mo, true);
    return kind == TCG_ATOMIC_SC ? 0 : old;
}

static const void *op_lookup(void *env, uint64_t pc)
{
    return NULL;
}

static void op_trap(void *env, uint32_t code)
{
    g_assert_not_reached();
}

static const TcgRuntimeOps runtime_ops = {
    .ld = op_ld,
    .st = op_st,
    .atomic = op_atomic,
    .lookup = op_lookup,
    .trap = op_trap,
};

/* ---- services of accel/tcg for helpers: as little as they need ---- */

CPUState *tcg_env_cpu(void *env)
{
    return &hart_of(env)->cpu.parent;
}

void tcg_raise(CPUState *cpu, uintptr_t ra)
{
    leave_fault((Hart *)cpu);
}

/* Semihosting alone waits, and the harness has none. */
void tcg_retry(CPUState *cpu, uintptr_t ra)
{
    leave_fault((Hart *)cpu);
}

/* The unit goes on, or raises: then the state is restored once more. */
void tcg_restore_state(CPUState *cpu, uintptr_t ra)
{
    Hart *h = (Hart *)cpu;
    TcgInterpFrame *frame = h->hot->interp;

    restore(h);
    h->hot->interp = frame;
}

uint64_t tcg_helper_ld(CPUState *cpu, vaddr va, uint32_t oi, uintptr_t ra)
{
    uint64_t v = 0;

    access_any((Hart *)cpu, va, &v, oi, false);
    return memop_extend(oi, v);
}

void tcg_helper_st(CPUState *cpu, vaddr va, uint64_t value, uint32_t oi,
                   uintptr_t ra)
{
    access_any((Hart *)cpu, va, &value, oi, true);
}

void *tcg_probe(CPUState *cpu, vaddr va, unsigned len, MmuAccess access,
                unsigned mmu, uintptr_t ra)
{
    TcgPage page;

    if (!riscv_tcg_ops.tlb_fill(cpu, va, len, access, mmu, false, &page)) {
        leave_fault((Hart *)cpu);
    }
    return ram_at((Hart *)cpu, page.pa, len);
}

bool tcg_counts_always(CPUState *cpu)
{
    return true;
}

uint64_t tcg_insn_count(CPUState *cpu)
{
    Hart *h = (Hart *)cpu;
    RiscvEnv env = *h->env; /* slots stay as the unit keeps them */
    TcgInterpFrame *frame = h->hot->interp;
    unsigned done = restore(h);

    h->hot->interp = frame;
    memcpy(h->env->gpr, env.gpr, sizeof(env.gpr));
    memcpy(h->env->fpr, env.fpr, sizeof(env.fpr));
    h->env->pc = env.pc;
    return h->insns + done;
}

void tcg_ctx_changed(CPUState *cpu)
{
}

void tcg_halt(CPUState *cpu)
{
}

void tcg_yield(CPUState *cpu)
{
}

void tcg_page_written(CPUState *cpu, void *host, unsigned len)
{
}

void tcg_flush_all(CPUState *cpu, uint32_t mmu_mask)
{
}

void tcg_flush_page(CPUState *cpu, vaddr va, uint64_t asid, bool global,
                    uint32_t mmu_mask)
{
}

void tcg_flush_asid(CPUState *cpu, uint64_t asid, bool global,
                    uint32_t mmu_mask)
{
}

void tcg_check_interrupts(CPUState *cpu)
{
}

bool tcg_helper_zero(CPUState *cpu, vaddr va, unsigned len, uint32_t oi)
{
    return false; /* it has no soft TLB */
}

bool tcg_ld_phys(CPUState *cpu, hwaddr pa, unsigned size, uint64_t *value)
{
    return false; /* riscv_hooks are not used here: hook_pte_load */
}

bool tcg_cas_phys(CPUState *cpu, hwaddr pa, unsigned size, uint64_t expected,
                  uint64_t desired, bool *ok)
{
    *ok = false;
    return false;
}

/* ---- the hart's surroundings ---- */

static uint64_t hook_cycles(RiscvEnv *env)
{
    return tcg_insn_count(tcg_env_cpu(env)) + 1000;
}

static uint64_t hook_instructions(RiscvEnv *env)
{
    return tcg_insn_count(tcg_env_cpu(env));
}

static bool hook_time(RiscvEnv *env, uint64_t *value)
{
    *value = hart_of(env)->insns;
    return true;
}

static void hook_nothing(RiscvEnv *env)
{
}

static void hook_flush(RiscvEnv *env, unsigned mask)
{
}

static void hook_irq(RiscvEnv *env)
{
    atomic_store(&hart_of(env)->hot->exit_req, 1);
}

static void hook_fflags(RiscvEnv *env)
{
    TcgHot *hot = tcg_hot(env);

    env->fflags |= tcg_fpflags_of_mxcsr(hot->mxcsr_guest);
    hot->mxcsr_guest &= ~(uint32_t)0x3f;
}

static void hook_frm(RiscvEnv *env)
{
    TcgHot *hot = tcg_hot(env);

    hot->mxcsr_guest =
        (uint32_t)bits_set(hot->mxcsr_guest, 13, 2, 0) | tcg_mxcsr_rc(env->frm);
}

static bool hook_pte_load(RiscvEnv *env, hwaddr pa, unsigned size,
                          uint64_t *pte)
{
    void *p = ram_at(hart_of(env), pa, size);

    *pte = 0;
    if (p != NULL) {
        memcpy(pte, p, size);
    }
    return p != NULL;
}

static bool hook_pte_cas(RiscvEnv *env, hwaddr pa, unsigned size,
                         uint64_t expected, uint64_t desired, bool *done)
{
    void *p = ram_at(hart_of(env), pa, size);

    *done = p != NULL && memcmp(p, &expected, size) == 0;
    if (*done) {
        memcpy(p, &desired, size);
    }
    return p != NULL;
}

static bool hook_counts_always(RiscvEnv *env)
{
    return true;
}

static const RiscvHooks hooks = {
    .cycles = hook_cycles,
    .instructions = hook_instructions,
    .counts_always = hook_counts_always,
    .mtime = hook_time,
    .stimer_changed = hook_irq,
    .irq_changed = hook_irq,
    .ctx_changed = hook_nothing,
    .flush_modes = hook_flush,
    .space_changed = hook_nothing,
    .triggers_changed = hook_nothing,
    .fflags_sync = hook_fflags,
    .frm_changed = hook_frm,
    .pte_load = hook_pte_load,
    .pte_cas = hook_pte_cas,
};

/* ---- units ---- */

/* The bytes at @pc: to the end of its page, or a copy that reaches into the
 * next page for an instruction that straddles. False: a fault is recorded. */
static bool fetch(Hart *h, vaddr pc, bool straddle, TcgUnit *u)
{
    CPUState *cpu = &h->cpu.parent;
    unsigned mmu = riscv_tcg_ops.fetch_mmu(cpu);
    unsigned left = 4096 - (pc & 4095);
    vaddr next = pc + left;
    TcgPage page;
    uint8_t *p;

    if (!riscv_tcg_ops.tlb_fill(cpu, pc, MIN(left, 2), MMU_FETCH, mmu, false,
                                &page)) {
        return false;
    }
    p = ram_at(h, page.pa, left);
    if (p == NULL) {
        riscv_tcg_ops.bus_fault(cpu, pc, MMU_FETCH, mmu, MEM_DECODE_ERROR);
        return false;
    }
    u->bytes = p;
    u->avail = left;
    if (straddle) {
        memcpy(h->straddle, p, 2);
        next = h->env->xlen == 32 ? (uint32_t)next : next;
        if (!riscv_tcg_ops.tlb_fill(cpu, next, 2, MMU_FETCH, mmu, false,
                                    &page)) {
            return false;
        }
        p = ram_at(h, page.pa, 2);
        if (p == NULL) {
            riscv_tcg_ops.bus_fault(cpu, next, MMU_FETCH, mmu,
                                    MEM_DECODE_ERROR);
            return false;
        }
        memcpy(h->straddle + 2, p, 2);
        u->bytes = h->straddle;
        u->avail = 4;
    }
    return true;
}

bool hart_build(Hart *h, vaddr pc, unsigned limit)
{
    CPUState *cpu = &h->cpu.parent;
    TcgUnit u = { .ctx_flags = riscv_tcg_ops.ctx_flags(cpu),
                  .first_pc = pc,
                  .cpu_config = riscv_tcg_ops.config(cpu),
                  .dc = h->dc,
                  .single = limit == 1,
                  .may_skip = limit > 1,
                  .pc = pc };

    memset(h->dc, 0, riscv_tcg_ops.dc_size);
    u.tb = h->tb = tcg_block_begin(h->context, pc, TCG_BLOCK_NO_LOOP);
    riscv_tcg_ops.unit_begin(&u);
    while (!u.done &&
           (u.hold || (u.n_insns < limit && tcg_block_has_room(h->tb)))) {
        vaddr at = u.pc;

        if ((at ^ pc) >> 12 != 0) {
            break;
        }
        if (!fetch(h, at, false, &u)) {
            return false;
        }
        if (riscv_tcg_ops.translate_insn(&u) == 0) {
            if (u.n_insns != 0) {
                break; /* a unit of its own */
            }
            if (!fetch(h, at, true, &u)) {
                return false;
            }
            g_assert_cmpuint(riscv_tcg_ops.translate_insn(&u), ==, 4);
            u.n_insns++;
            break;
        }
        u.n_insns++;
    }
    if (!tcg_block_ended(h->tb)) {
        tcg_exit_direct(h->tb, u.pc, 0);
    }
    tcg_block_finish(h->tb);
    return true;
}

void hart_run_unit(Hart *h)
{
    unsigned last = h->tb->nexit - 1;
    TcgResult r;

    if (!h->jit) {
        tcg_interp_run(h->tb, h->env, h->values);
    } else {
        h->hot->leave_exit = last; /* an indirect one does not set it */
        r = tcg_compile(h->context, h->tb, &h->unit_buf, &h->code);
        g_assert_cmpint(r, ==, TCG_OK);
        tcg_context_thunks(h->context)
            ->enter(h->env, h->unit_buf.rx + h->code.entry_off);
    }
    h->insns += h->tb->exit[h->hot->leave_exit].insns_done;
}

void hart_run(Hart *h, unsigned limit, uint64_t budget)
{
    CPUState *cpu = &h->cpu.parent;
    int why = setjmp(h->leave);

    if (why == 1) {
        riscv_tcg_ops.deliver(cpu);
    }
    while (!h->finished && h->insns < budget) {
        atomic_store(&h->hot->exit_req, 0);
        riscv_tcg_ops.take_interrupt(cpu);
        if (!hart_build(h, h->env->pc, limit)) {
            riscv_tcg_ops.deliver(cpu);
            h->insns++;
            continue;
        }
        hart_run_unit(h);
    }
}

/* ---- set-up ---- */

static void dump_ir(void *opaque, const char *pass, const char *text)
{
    fprintf(stderr, "--- %s\n%s\n", pass, text);
}

static void set_up_jit(Hart *h)
{
    uint8_t *p =
        mmap(NULL, THUNK_BYTES + UNIT_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TcgCodeBuf thunk_buf = { p, p, THUNK_BYTES, NULL };

    g_assert_true(p != MAP_FAILED);
    g_assert_cmpint(tcg_thunks_emit(h->context, &thunk_buf, &h->thunks), ==,
                    TCG_OK);
    tcg_context_set_thunks(h->context, &h->thunks);
    h->unit_buf =
        (TcgCodeBuf){ p + THUNK_BYTES, p + THUNK_BYTES, UNIT_BYTES, NULL };
}

Hart *hart_new(unsigned xlen, unsigned flags, unsigned vlen)
{
    Hart *h = g_new0(Hart, 1);
    size_t size = sizeof(TcgHot) + sizeof(RiscvEnv);
    const RiscvModel *model =
        xlen == 32 ? &riscv_model_max32 : &riscv_model_max;
    uint8_t user[RISCV_EXT_COUNT] = { 0 }, sv[3] = { 0 };
    RiscvConfig *cfg = &h->cpu.cfg;

    h->hot = aligned_alloc(64, align_up(size, 64));
    memset(h->hot, 0, align_up(size, 64));
    for (unsigned i = 0; i < TCG_NB_MMU; i++) {
        tcg_tlb_clear(&h->hot->tlb[i]);
    }
    h->env = tcg_hot_env(h->hot);
    h->hot->ctx = 1;
    h->hot->ops = &runtime_ops;
    h->hot->mxcsr_guest = TCG_MXCSR_RESET;
    h->cpu.parent.env = h->env;
    cfg->xlen = xlen;
    cfg->pmp_count = 16;
    cfg->pa_bits = xlen == 32 ? 34 : 56;
    cfg->cbom_block = cfg->cbop_block = cfg->cboz_block = 64;
    cfg->misaligned = true;
    cfg->vlenb = vlen / 8;
    cfg->elen = 64;
    cfg->soft_fp = flags & HART_SOFT_FP;
    cfg->reset_pc = RAM_BASE;
    g_assert_true(riscv_features_resolve(cfg, model, user, NULL));
    g_assert_true(riscv_satp_resolve(cfg, model->satp_mode, true, sv, NULL));
    h->env->cfg = cfg;
    h->env->cpu = &h->cpu;
    h->env->hooks = &hooks;
    h->hot->host = UINT32_MAX & ~(flags & HART_NO_AVX512 ? TCG_HOST_AVX512 : 0);
    h->hot->host &= ~(flags & HART_NO_AVX2 ? TCG_HOST_AVX2 : 0);
    h->env->vec = vec_kernels_host(h->hot->host);
    h->env->xlen = xlen;
    riscv_csr_reset(h->env);
    h->env->pc = RAM_BASE;
    h->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    h->context = tcg_context_new(
        &riscv_frontend, &runtime_ops,
        &(TcgConfig){ .features = h->hot->host, .pass_mask = UINT32_MAX });
    h->values = g_new(TcgInterpValue, TCG_MAX_INSNS);
    h->dc = g_malloc0(riscv_tcg_ops.dc_size);
    if (flags & HART_DUMP) {
        tcg_context_set_dump(h->context, dump_ir, NULL);
    }
    h->jit = flags & HART_JIT;
    if (h->jit) {
        set_up_jit(h);
    }
    return h;
}

void hart_free(Hart *h)
{
    if (h->jit) {
        munmap(h->unit_buf.rw - THUNK_BYTES, THUNK_BYTES + UNIT_BYTES);
    }
    tcg_context_free(h->context);
    munmap(h->ram, RAM_SIZE);
    g_free(h->values);
    g_free(h->dc);
    free(h->hot);
    g_free(h);
}

bool hart_load_elf(Hart *h, const char *path)
{
    g_autofree char *data = NULL;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, NULL) ||
        len < sizeof(Elf64_Ehdr)) {
        return false;
    }
    if (data[EI_CLASS] == ELFCLASS64) {
        Elf64_Ehdr *e = (Elf64_Ehdr *)data;
        Elf64_Phdr *p = (Elf64_Phdr *)(data + e->e_phoff);

        for (unsigned i = 0; i < e->e_phnum; i++) {
            if (p[i].p_type == PT_LOAD) {
                memcpy(h->ram + (p[i].p_paddr - RAM_BASE), data + p[i].p_offset,
                       p[i].p_filesz);
            }
        }
    } else {
        Elf32_Ehdr *e = (Elf32_Ehdr *)data;
        Elf32_Phdr *p = (Elf32_Phdr *)(data + e->e_phoff);

        for (unsigned i = 0; i < e->e_phnum; i++) {
            if (p[i].p_type == PT_LOAD) {
                memcpy(h->ram + (p[i].p_paddr - RAM_BASE), data + p[i].p_offset,
                       p[i].p_filesz);
            }
        }
    }
    return true;
}
