/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine "tcg": its options, its place in the machine, and what the
 * machine asks of an engine (AccelOps).
 */
#include "tandem/base.h"

#include <sys/mman.h>

#include "accel/tcg/internal.h"
#include "softmmu/machine/machine.h"

extern const AccelOps tcg_accel_type;

/* --- memory listener --- */

static TcgAccel *listener_accel(MemoryListener *l)
{
    return l->opaque;
}

static void range_add(MemoryListener *l, const FlatRange *r)
{
    if (r->mr->ram) {
        code_pages_attach(listener_accel(l), r->mr->ram);
    }
}

/* Every vCPU drops what it knows of physical memory before it runs on. */
static void map_changed(MemoryListener *l)
{
    vcpus_post_request(listener_accel(l), NULL, VCPU_REQ_FLUSH_MEM);
}

static void log_changed(MemoryListener *l, const FlatRange *r)
{
    vcpus_post_request(listener_accel(l), NULL, VCPU_REQ_UNMATCH_W);
}

static void dma_written(MemoryListener *l, RamBlock *block, ram_addr_t offset,
                        uint64_t len)
{
    TcgAccel *a = listener_accel(l);

    atomic_thread_fence(memory_order_seq_cst); /* store, fence, look */
    while (len > 0) {
        CodePage *page = code_page(block, offset);
        unsigned off = offset & (PAGE_SIZE - 1);
        uint64_t n = MIN(len, PAGE_SIZE - off);

        if (page &&
            atomic_load_explicit(&page->granules, memory_order_relaxed) != 0) {
            page_written(a, page, off, n, NULL);
        }
        offset += n;
        len -= n;
    }
}

/* A vCPU may be in a device with the machine lock wanted: drop it. */
static void wait_unlocked(TcgAccel *a)
{
    CPUState *cpu = cpu_current();
    bool locked = machine_locked(a->machine);

    if (locked) {
        machine_unlock(a->machine);
    }
    safe_point_wait(a, cpu ? tcg_vcpu(cpu) : NULL, VCPU_BLOCKED);
    if (locked) {
        machine_lock(a->machine);
    }
}

static void views_gone(MemoryListener *l)
{
    vcpus_post_request(listener_accel(l), NULL, VCPU_REQ_FLUSH_MEM);
    wait_unlocked(listener_accel(l));
}

/* --- life --- */

static bool tcg_probe_host(Error **errp)
{
    return true; /* the interpreter runs anywhere */
}

static bool check_options(TcgAccel *a, Error **errp)
{
    TcgOptions *o = &a->opt;

    if (o->split_wx == ON_OFF_AUTO_ON && (o->interp || !tcg_have_host())) {
        error_set(errp, "split-wx=on needs code for this host, but units are "
                        "interpreted");
        return false;
    }
    if (o->tb_size_mib > 1024) {
        error_set(errp,
                  "tb-size=%u is more than 1024 MiB: jumps would not "
                  "reach",
                  o->tb_size_mib);
        return false;
    }
    if (o->check && (o->interp || !tcg_have_host())) {
        error_set(errp,
                  "check=%u compares interpreter and host code, but "
                  "units are only interpreted",
                  o->check);
        return false;
    }
    if (o->check) {
        o->thread = THREAD_SINGLE; /* nobody else may write meanwhile */
    }
    return true;
}

static bool tcg_machine_init(AccelState *as, Error **errp)
{
    TcgAccel *a = (TcgAccel *)as;

    if (!check_options(a, errp)) {
        return false;
    }
    a->use_jit = !a->opt.interp && tcg_have_host();
    lock_init(&a->tb_lock);
    lock_init(&a->safe_lock);
    cond_init(&a->safe_cond);
    lock_init(&a->baton_lock);
    cond_init(&a->baton_cond);
    a->baton = -1;
    a->baton_last = -1;
    a->next_pmid = 1;
    a->code_pages = g_ptr_array_new_with_free_func(g_free);
    a->hash = g_malloc0_n((size_t)1 << TB_HASH_BITS, sizeof(a->hash[0]));
    a->hash_key[0] = g_random_int() | (uint64_t)g_random_int() << 32;
    a->hash_key[1] = g_random_int() | (uint64_t)g_random_int() << 32;
    if (!cache_init(a, errp) || !icount_init(a, errp)) {
        return false;
    }
    a->listener = (MemoryListener){
        .as = &a->machine->memory,
        .opaque = a,
        .range_add = range_add,
        .log_changed = log_changed,
        .commit = map_changed,
        .ram_written = dma_written,
        .synchronize = views_gone,
    };
    memory_listener_add(&a->listener);
    return true;
}

static void tcg_machine_free(AccelState *as)
{
    TcgAccel *a = (TcgAccel *)as;

    memory_listener_remove(&a->listener);
    icount_free(a);
    cache_free(a);
    for (guint i = 0; i < a->code_pages->len; i++) {
        CodePages *pages = g_ptr_array_index(a->code_pages, i);

        for (size_t n = 0; n < pages->count; n++) {
            g_free(pages->page[n].pmids);
        }
    }
    g_ptr_array_unref(a->code_pages);
    g_free(a->hash);
    cond_destroy(&a->baton_cond);
    lock_destroy(&a->baton_lock);
    cond_destroy(&a->safe_cond);
    lock_destroy(&a->safe_lock);
    lock_destroy(&a->tb_lock);
}

/* --- vCPUs --- */

static size_t round_line(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* TcgHot lies just below env (tcg/runtime.h). */
static void *tcg_env_alloc(AccelState *as, CPUState *cpu, size_t size)
{
    size_t bytes = sizeof(TcgHot) + round_line(size);
    TcgHot *hot = aligned_alloc(64, bytes);
    TcgVcpu *v = g_new0(TcgVcpu, 1);

    assert(hot); /* as g_malloc */
    memset(hot, 0, bytes);
    for (unsigned i = 0; i < TCG_NB_MMU; i++) {
        tcg_tlb_clear(&hot->tlb[i]);
    }
    hot->engine = v;
    hot->ops = &tcg_runtime_ops;
    hot->mxcsr_guest = hot->mxcsr_host = TCG_MXCSR_RESET;
    v->accel = (TcgAccel *)as;
    v->cpu = cpu;
    v->hot = hot;
    v->env = tcg_hot_env(hot);
    v->quiet = true;
    cpu->engine = v;
    return v->env;
}

static void tcg_env_free(AccelState *as, CPUState *cpu)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    if (v) {
        free(v->hot);
        g_free(v);
        cpu->engine = NULL;
    }
}

/* The first context makes the code all units share; others adopt it. */
static bool setup_thunks(TcgVcpu *v, Error **errp)
{
    TcgAccel *a = v->accel;
    TcgCodeBuf buf;

    if (!a->use_jit) {
        return true;
    }
    if (!a->have_thunks) {
        buf = (TcgCodeBuf){ a->cache.rw, a->cache.rx, a->cache.seg_size, NULL };
        if (tcg_thunks_emit(v->ctx, &buf, &a->thunks) != TCG_OK) {
            error_set(errp, "the code cache is too small for the translator's "
                            "own code");
            return false;
        }
        a->have_thunks = true;
        if (a->cache.perf) {
            perf_thunks(a->cache.perf, a->cache.rx, a->thunks.size);
        }
    }
    tcg_context_set_thunks(v->ctx, &a->thunks);
    return true;
}

/* TcgConfig.flags */
static uint32_t config_flags(const TcgOptions *o)
{
    return (o->page_cells ? 0 : TCG_NO_CELLS) |
           (o->addend_guess ? 0 : TCG_NO_SPEC) |
           (o->check_groups ? 0 : TCG_NO_GROUPS) |
           (o->vectors ? 0 : TCG_NO_VEC) | (o->vec_keep ? 0 : TCG_NO_KEEP) |
           (o->pinned ? 0 : TCG_NO_PIN);
}

/* TcgConfig.features */
static uint32_t host_features(const TcgOptions *o)
{
    return UINT32_MAX & ~(o->avx512 ? 0 : TCG_HOST_AVX512) &
           ~(o->avx2 ? 0 : TCG_HOST_AVX2 | TCG_HOST_AVX512);
}

static bool tcg_vcpu_create(AccelState *as, CPUState *cpu, Error **errp)
{
    TcgAccel *a = (TcgAccel *)as;
    TcgVcpu *v = tcg_vcpu(cpu);
    const TcgCpuOps *ops = cpu->type->tcg;

    if (!ops) {
        error_set(errp, "CPU model %s cannot be translated", cpu->type->model);
        return false;
    }
    if (cpu->index >= MAX_VCPUS) {
        error_set(errp, "accelerator tcg runs at most %d vCPUs", MAX_VCPUS);
        return false;
    }
    v->ops = ops;
    v->fe = ops->frontend;
    v->index = cpu->index;
    tcg_hot(cpu->env)->host = host_features(&a->opt);
    v->config = ops->config(cpu);
    v->ctx = tcg_context_new(v->fe, &tcg_runtime_ops,
                             &(TcgConfig){ .features = host_features(&a->opt),
                                           .flags = config_flags(&a->opt),
                                           .pass_mask = UINT32_MAX });
    v->values = g_new(TcgInterpValue, TCG_MAX_INSNS);
    v->dc = g_malloc0(ops->dc_size);
    v->rng = 0x9e3779b9u ^ (uint32_t)cpu->index;
    if (!setup_thunks(v, errp)) {
        tcg_context_free(v->ctx);
        g_free(v->values);
        g_free(v->dc);
        return false;
    }
    tlb_init(v);
    check_init(v);
    v->running = true;
    atomic_store(&a->vcpu[v->index], v);
    if (atomic_load(&a->nvcpus) <= (unsigned)v->index) {
        atomic_store(&a->nvcpus, v->index + 1);
    }
    vcpu_thread_start(v);
    return true;
}

static void tcg_vcpu_destroy(AccelState *as, CPUState *cpu)
{
    TcgAccel *a = (TcgAccel *)as;
    TcgVcpu *v = tcg_vcpu(cpu);

    if (!v || !v->running) {
        return;
    }
    /* the thread may want the machine lock on its way out of a device */
    machine_unlock(a->machine);
    thread_join(&cpu->thread);
    machine_lock(a->machine);
    v->running = false;
    atomic_store(&a->vcpu[v->index], NULL);
    stats_add(&a->gone, &v->stats);
    check_free(v);
    tcg_context_free(v->ctx);
    g_free(v->values);
    g_free(v->dc);
}

static void tcg_vcpu_kick(CPUState *cpu)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    if (v) {
        vcpu_request_exit(v);
    }
}

/* env came from outside: forget all that was derived from it (TCG.md 3.17).
 * The vCPU is parked, so this thread stands in for its own. */
static void tcg_vcpu_env_changed(CPUState *cpu)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    if (!v || !v->running) {
        return;
    }
    tlb_flush_everything(v);
    ctx_update(v);
    if (v->ops->clear_reservation) {
        v->ops->clear_reservation(cpu);
    }
    v->step_begun = false;
    v->asleep = false; /* halted says what the new state is */
    v->watch_stepping = false;
    vcpu_may_have_polled(v);
}

/* While parked all groups are in env; nothing moves. */
static void tcg_regs_pull(CPUState *cpu, uint32_t groups)
{
}

static bool tcg_regs_push(CPUState *cpu, uint32_t groups, Error **errp)
{
    return true;
}

/* --- dirty pages --- */

/*
 * Stores that found their page dirty run without a look at the bitmap. After
 * bits were cleared this makes all look again, and waits for it: what was
 * stored before is then in memory, what comes later in the bitmap.
 */
static void tcg_dirty_sync(AccelState *as)
{
    TcgAccel *a = (TcgAccel *)as;

    vcpus_post_request(a, NULL, VCPU_REQ_UNMATCH_W);
    wait_unlocked(a);
}

/* --- debugging --- */

static bool tcg_debug_changed(CPUState *cpu, Error **errp)
{
    TcgVcpu *v = tcg_vcpu(cpu);

    v->have_watch = cpu->watchpoints->len > 0;
    v->have_break = cpu->breakpoints->len > 0;
    v->step_begun = false;
    v->asleep = false; /* halted says what the new state is */
    /* Units end before breakpoints, and watched pages are never matched. All
     * vCPUs are parked. */
    tb_invalidate_all(v->accel, v);
    tlb_flush_everything(v);
    vcpu_post_request(v, VCPU_REQ_CTX);
    return true;
}

/* --- the type --- */

static const PropertyEnum thread_values[] = {
    { "multi", THREAD_MULTI },
    { "single", THREAD_SINGLE },
    { NULL },
};

static const Property tcg_props[] = {
    PROP_ARG(enum, TcgAccel, opt.thread, "thread", "multi",
             "one host thread for each vCPU, or one vCPU at a time",
             thread_values),
    PROP(u32, TcgAccel, opt.tb_size_mib, "tb-size", "128",
         "translated code kept, in MiB"),
    PROP(onoffauto, TcgAccel, opt.split_wx, "split-wx", "auto",
         "map code twice, writable and executable apart (auto: yes)"),
    PROP(bool, TcgAccel, opt.interp, "interp", "off",
         "interpret units; the tests' oracle"),
    PROP(bool, TcgAccel, opt.one_insn, "one-insn-per-tb", "off",
         "one insn a unit"),
    PROP(u32, TcgAccel, opt.check, "check", "0",
         "run 1 of N units in interpreter and host code and compare"),
    PROP(bool, TcgAccel, opt.stress_restore, "x-stress-restore", "off",
         "restore guest state at slow paths and start the insn again"),
    PROP(bool, TcgAccel, opt.stress_tlb, "x-stress-tlb", "off",
         "soft TLB of one entry"),
    PROP(bool, TcgAccel, opt.stress_cache, "x-stress-cache", "off",
         "tiny code cache"),
    PROP(bool, TcgAccel, opt.stress_poll, "x-stress-poll", "off",
         "leave at every poll"),
    PROP(bool, TcgAccel, opt.perf_map, "perf-map", "off",
         "write /tmp/perf-PID.map"),
    PROP(bool, TcgAccel, opt.jitdump, "jitdump", "off",
         "write jit-PID.dump for perf inject"),
    PROP(bool, TcgAccel, opt.skips, "x-skips", "on",
         "short forward branches become choices of values"),
    PROP(bool, TcgAccel, opt.traps_inline, "x-traps-inline", "on",
         "system calls of the guest are jumps"),
    PROP(bool, TcgAccel, opt.page_cells, "x-page-cells", "on",
         "memory ops in loops remember their page"),
    PROP(bool, TcgAccel, opt.addend_guess, "x-addend-guess", "on",
         "table look-ups in loops guess the addend"),
    PROP(bool, TcgAccel, opt.check_groups, "x-check-groups", "on",
         "memory ops off one base share a check"),
    PROP(bool, TcgAccel, opt.pinned, "x-pinned", "on",
         "guest registers stay in host registers from unit to unit"),
    PROP(bool, TcgAccel, opt.vectors, "x-vectors", "on",
         "vector instructions in translated code on host vectors"),
    PROP(bool, TcgAccel, opt.vec_keep, "x-vector-keep", "on",
         "vectors stay in host registers from one instruction to the next"),
    PROP(bool, TcgAccel, opt.host_fp, "x-host-fp", "on",
         "scalar floating point in translated code on the host FPU"),
    PROP(bool, TcgAccel, opt.cross_links, "x-cross-links", "on",
         "jumps from page to page are linked"),
    PROP(bool, TcgAccel, opt.jump_cache, "x-jump-cache", "on",
         "indirect jumps find their unit without the loop"),
    PROP(bool, TcgAccel, opt.l2_tlb, "x-l2-tlb", "on",
         "translations are kept behind the soft TLB"),
    PROP(bool, TcgAccel, opt.page_places, "x-page-places", "on",
         "a page knows which slot of the soft TLB may hold stores to it"),
    PROP(bool, TcgAccel, opt.avx512, "x-avx512", "on",
         "AVX-512 where the host has it"),
    PROP(bool, TcgAccel, opt.avx2, "x-avx2", "on",
         "AVX2 and AVX-512 where the host has them"),
    PROP(i32, TcgAccel, opt.icount_shift, "x-icount-shift", "-1",
         "virtual time is insns << N ns; -2: auto, -1: off"),
    PROP(bool, TcgAccel, opt.icount_align, "x-icount-align", "off",
         "keep virtual time from running ahead of real time"),
    PROP(bool, TcgAccel, opt.icount_no_sleep, "x-icount-no-sleep", "off",
         "when all vCPUs sleep, jump to the next timer at once"),
    { 0 },
};

const AccelOps tcg_accel_type = {
    .name = "tcg-accel",
    .parent = TYPE(accel_type),
    .description = "dynamic translator",
    .size = sizeof(TcgAccel),
    .props = tcg_props,
    .accel_name = "tcg",
    .caps = ACCEL_HAS_VCPUS | ACCEL_GUEST_DEBUG,
    .probe = tcg_probe_host,
    .machine_init = tcg_machine_init,
    .machine_free = tcg_machine_free,
    .env_alloc = tcg_env_alloc,
    .env_free = tcg_env_free,
    .vcpu_create = tcg_vcpu_create,
    .vcpu_destroy = tcg_vcpu_destroy,
    .vcpu_kick = tcg_vcpu_kick,
    .vcpu_idle = icount_idle,
    .vcpu_env_changed = tcg_vcpu_env_changed,
    .regs_pull = tcg_regs_pull,
    .regs_push = tcg_regs_push,
    .dirty_start = tcg_dirty_sync,
    .dirty_sync = tcg_dirty_sync,
    .dirty_stop = tcg_dirty_sync,
    .debug_changed = tcg_debug_changed,
    .statistics = tcg_statistics,
};
