/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of accel/tcg share (TCG.md 3.2-3.9, 3.17, appendix B).
 *
 * Words used here: a *unit* is a piece of guest code, a TcgTb its translation.
 * A vCPU is *inside* while it may hold pointers to TcgTbs or run their code,
 * and *outside* in a wait. Passing from one to the other, and the top of its
 * loop, are its *safe points*; there it serves requests (VCPU_REQ_*).
 *
 * Locks, outermost first: machine lock, vCPU lock, tb_lock, safe_lock.
 * Nobody waits for a safe point with one of them held.
 */
#ifndef ACCEL_TCG_INTERNAL_H
#define ACCEL_TCG_INTERNAL_H

#include "tandem/base.h"

#include <setjmp.h>

#include "accel/accel.h"
#include "softmmu/base/lock.h"
#include "target/tcg_ops.h"
#include "tcg/compile.h"
#include "tcg/runtime.h"

typedef struct TcgAccel TcgAccel;
typedef struct TcgVcpu TcgVcpu;
typedef struct TcgTb TcgTb;
typedef struct TbExit TbExit;
typedef struct CodePage CodePage;
typedef struct CodeSegment CodeSegment;

/* --- translations --- */

/* An exit that can be linked. tb_lock. */
struct TbExit {
    TcgTb *to;        /* NULL: not linked */
    TbExit *next_in;  /* in to->in */
    uint32_t jmp_off; /* as in TcgCodeExit; 0: cannot be linked */
    uint32_t pmid_off;
    uint32_t stub_off;
    uint16_t index; /* in its unit's exits[] */
    uint8_t kind;
    uint8_t flags;
};

/* One translation. Lives in its segment's arena and dies with the segment;
 * memory stays valid until every vCPU has passed a safe point. */
struct TcgTb {
    /* key; constant */
    uint64_t pc;
    uint64_t flags;
    ram_addr_t phys;    /* RAM address of the first byte */
    const void *config; /* TcgCpuOps.config() */
    _Atomic(TcgTb *) hash_next;
    /* constant once published */
    const uint8_t *entry; /* RX */
    const uint8_t *code;  /* RX; NULL in the interpreter */
    _Atomic bool dead;    /* invalidated: never entered again */
    bool in_tables;       /* tb_lock */
    uint16_t straddle;    /* bytes at the start of page[1]; 0: one page */
    uint32_t code_size;
    /* up to here a cache line, all that looking up and linking reads */
    TcgBlock *block; /* for the interpreter; NULL when not needed */
    const uint8_t *side;
    uint32_t side_size;
    uint16_t ninsns, nexits;
    bool counted;                 /* takes its insns off hot->icount */
    uint16_t lo, hi;              /* guest bytes [lo, hi) of page[0] */
    uint32_t second_pmid_off;     /* straddling: of page[1]'s id in the entry */
    _Atomic uint32_t second_pmid; /* written under tb_lock */
    bool checkable;               /* check=N may run it twice */
    uint64_t hash; /* keyed hash of the guest bytes (DECISIONS 42) */
    CodePage *page[2];
    /* tb_lock */
    uintptr_t page_next[2]; /* next in page[n]->tbs: TcgTb * | n */
    TbExit *in;             /* exits of others that jump here */
    TbExit exits[];
};

static_assert(offsetof(TcgTb, block) == 64, "what look-ups read");

/* A fetch mapping's name: cross-page links compare it (TCG.md 3.4). */
typedef struct Pmid {
    vaddr page;
    uint32_t mmu;
    uint32_t id;
} Pmid;

/* A 4 KiB page of guest RAM, as code. One array a RAM block. */
struct CodePage {
    _Atomic uint64_t granules; /* 64-byte pieces that hold translated code */
    _Atomic uint32_t code;     /* stores must take the slow path */
    uint32_t pending;          /* tb_lock: translations under way */
    /* Who may hold a matched tag_w, in the low bits: 0 nobody, n + 1 vCPU n,
     * WTLB_MANY; and in which virtual page, above: WTLB_PLACES several. */
    _Atomic uint64_t wtlb;
    /* tb_lock */
    uintptr_t tbs; /* TcgTb * | n: chained by page_next[n] */
    Pmid *pmids;
    uint16_t npmids, next_pmid;
};
enum { WTLB_NONE = 0, WTLB_MANY = 0xfff, PMIDS_MAX = 16 };
#define WTLB_PLACES (~(uint64_t)WTLB_MANY)

static inline unsigned wtlb_who(uint64_t wtlb)
{
    return wtlb & WTLB_MANY;
}

typedef struct CodePages {
    RamBlock *block;
    size_t count;
    CodePage page[];
} CodePages;

/* --- the code cache --- */

typedef enum SegmentState {
    SEG_FREE,
    SEG_OPEN,
    SEG_FULL,
    SEG_EVICT
} SegmentState;

typedef struct ArenaChunk {
    struct ArenaChunk *next;
    size_t used, size;
    alignas(16) uint8_t data[];
} ArenaChunk;

struct CodeSegment {
    /* cache lock */
    SegmentState state;
    uint64_t age;
    /* the owner (while SEG_OPEN) writes, anyone inside reads */
    _Atomic uint32_t ntbs;
    TcgTb **tbs;      /* by code address, at most SEG_MAX_TBS */
    size_t used;      /* bytes of code */
    size_t populated; /* bytes whose pages are there */
    ArenaChunk *arena;
};

typedef struct CodeCache {
    int fd;
    uint8_t *rw;
    const uint8_t *rx;
    size_t size, seg_size;
    unsigned nsegs;
    CodeSegment *seg;
    uint64_t age; /* cache lock */
    Lock lock;
    struct TcgPerf *perf; /* NULL: no perf map, no jitdump */
} CodeCache;

/* --- soft TLB --- */

enum { TLB_R = 1, TLB_W = 2, TLB_X = 4, TLB_GLOBAL = 8 };
enum { L2_SETS = 1024, L2_WAYS = 4 };
enum { PAGE_BITS = 12, PAGE_SIZE = 1 << PAGE_BITS };

/* A translation of one 4 KiB page, in L2. */
typedef struct TlbEntry {
    uint64_t key; /* va of the page | mmu index */
    uint32_t gen; /* 0: empty */
    uint8_t rights;
    uint8_t page_bits;
    bool whole;     /* rights hold for the whole page: cacheable */
    bool ram_write; /* stores go to host memory too */
    uint8_t *host;  /* of the page's start; NULL: not direct memory */
    CodePage *code;
    RamBlock *block;
    MemoryRegion *mr; /* NULL: by address_space_ld/st (part of a page) */
    hwaddr mr_off;    /* of the page's start in @mr */
    hwaddr pa;        /* of the page's start */
    MemAttrs attrs;
} TlbEntry;

/* An address space by its key; slots are reused. */
typedef struct TcgSpace {
    uint64_t key;
    uint32_t gen;      /* of its L2 entries */
    uint32_t exec_gen; /* of its ctx ids */
    uint32_t own_exec; /* mmu indexes that executed non-global pages */
    uint64_t exec_bloom[64];
} TcgSpace;
enum { SPACES = 32 };

/* A page of physical memory that page walks read; valid until the memory map
 * changes. */
typedef struct PhysPage {
    hwaddr page;
    const uint8_t *host; /* NULL: empty, or no RAM */
} PhysPage;
enum { PHYS_PAGES = 64 };

/* Mapping of a page that is executed; valid while hot->itlb has its pmid. */
typedef struct FetchEntry {
    vaddr page;
    uint32_t pmid; /* 0: not cacheable */
    uint32_t mmu;
    uint8_t *host; /* NULL: MMIO */
    CodePage *code;
    ram_addr_t phys; /* RAM address of the page */
} FetchEntry;

/* Which large pages were entered: flushes of one address look here. */
typedef struct LargeSeen {
    uint8_t page_bits; /* 0: unused */
    uint64_t bloom[64];
} LargeSeen;
enum { LARGE_SIZES = 4 };

/* --- counters --- */

#define TCG_STATS(S)                                                           \
    S(units, "units made")                                                     \
    S(guest_insns, "guest insns translated")                                   \
    S(guest_bytes, "guest bytes translated")                                   \
    S(code_bytes, "host code bytes")                                           \
    S(side_bytes, "side table bytes")                                          \
    S(translate_ns, "translation ns")                                          \
    S(retries, "units retried")                                                \
    S(uncached, "units not cached")                                            \
    S(exits_direct, "exits direct")                                            \
    S(exits_poll, "exits poll")                                                \
    S(exits_indirect, "exits indirect")                                        \
    S(exits_cross, "exits cross-page miss")                                    \
    S(links, "links made")                                                     \
    S(links_cross, "links across pages")                                       \
    S(lookups, "jump cache misses")                                            \
    S(lookup_hits, "jump cache misses found")                                  \
    S(lookup_stale, "of these by the jump cache's old entry")                  \
    S(hash_probes, "unit table look-ups")                                      \
    S(itlb_fills, "itlb fills")                                                \
    S(slow_loads, "slow path loads")                                           \
    S(slow_stores, "slow path stores")                                         \
    S(slow_atomics, "slow path atomics")                                       \
    S(mmio, "MMIO accesses")                                                   \
    S(l2_hits, "L2 TLB hits")                                                  \
    S(walks, "page walks")                                                     \
    S(flush_all, "flushes of all")                                             \
    S(flush_asid, "flushes of a space")                                        \
    S(flush_page, "flushes of a page")                                         \
    S(flush_large, "page flushes that hit a large page")                       \
    S(space_switches, "space switches")                                        \
    S(exec_bumps, "ctx generations")                                           \
    S(ctx_ids, "ctx ids given")                                                \
    S(invalidations, "units invalidated")                                      \
    S(code_stores, "stores to code pages")                                     \
    S(evictions, "segments evicted")                                           \
    S(handshakes, "handshakes")                                                \
    S(exceptions, "exceptions")                                                \
    S(interrupts, "interrupts")                                                \
    S(restores, "state restores")                                              \
    S(sleeps, "returns to the loop")                                           \
    S(dozes, "halts in vain that dozed")                                       \
    S(gave_way, "vCPUs that polled and gave way")                              \
    S(checks, "units checked")                                                 \
    S(skips, "branches made choices")                                          \
    S(cell_ops, "memory ops with a page cell")                                 \
    S(cell_fills, "page cells filled")                                         \
    S(spec_ops, "loads that guess the addend")                                 \
    S(spec_misses, "addends guessed wrong")                                    \
    S(group_ops, "memory ops that share a check")                              \
    S(pin_exits, "exits with all pinned registers in place")                   \
    S(pin_moves, "pinned registers moved or loaded at exits")                  \
    S(fp_ops, "FP ops on the host FPU")                                        \
    S(one_slot, "pages that got code by one slot of the soft TLB")             \
    S(vec_ops, "vector ops on host vectors")                                   \
    S(vec_kept, "their operands kept in host registers")                       \
    S(vec_calls, "vector ops done by helpers there")

typedef struct TcgStats {
#define S(name, text) uint64_t name;
    TCG_STATS(S)
#undef S
    uint64_t unit_size[8]; /* histogram: 1, 2, 3-4, 5-8, ... insns */
} TcgStats;

/* Own thread writes, anyone may read. */
#define STAT_ADD(v, field, n)                                                  \
    __atomic_store_n(&(v)->stats.field, (v)->stats.field + (n),                \
                     __ATOMIC_RELAXED)
#define STAT(v, field) STAT_ADD(v, field, 1)
#define STAT_SET(v, field, n)                                                  \
    __atomic_store_n(&(v)->stats.field, (n), __ATOMIC_RELAXED)

/* --- the engine --- */

enum { MAX_VCPUS = 512, DEAD_MAX = 64, CTX_TABLE = 256 };

typedef struct TcgOptions {
    int thread; /* THREAD_MULTI, THREAD_SINGLE */
    uint32_t tb_size_mib;
    bool interp, one_insn;
    int split_wx;   /* ON_OFF_AUTO_* */
    uint32_t check; /* run 1 unit of N twice; 0: none */
    /* stress switches */
    bool stress_restore, stress_tlb, stress_cache, stress_poll;
    bool perf_map, jitdump;
    /* techniques, all on by default: to find which one is at fault */
    bool skips, traps_inline, page_cells, addend_guess, check_groups, vectors;
    bool vec_keep, pinned;
    bool host_fp, cross_links, jump_cache, l2_tlb, page_places;
    bool avx2, avx512; /* off: as on a host without */
    int icount_shift;  /* or ICOUNT_OFF, ICOUNT_AUTO */
    bool icount_align, icount_no_sleep;
} TcgOptions;
enum { THREAD_MULTI, THREAD_SINGLE };
enum { ICOUNT_OFF = -1, ICOUNT_AUTO = -2 };

enum { TB_HASH_BITS = 16 };

struct TcgAccel {
    struct AccelState;
    TcgOptions opt;
    CodeCache cache;
    TcgThunks thunks; /* constant once emitted */
    bool have_thunks; /* machine lock */
    bool use_jit;     /* constant after machine_init */
    /* readers are inside or hold tb_lock; writers hold tb_lock */
    _Atomic(TcgTb *) *hash;
    Lock tb_lock;
    uint64_t hash_key[2];
    uint32_t next_pmid; /* tb_lock */
    /* vCPUs by index; set once each, cleared at their end */
    _Atomic(TcgVcpu *) vcpu[MAX_VCPUS];
    _Atomic unsigned nvcpus; /* highest index + 1 */
    Lock safe_lock;
    Cond safe_cond; /* some vCPU passed a safe point */
    _Atomic unsigned safe_waiters;
    MemoryListener listener;
    GPtrArray *code_pages; /* CodePages *; machine lock */
    TcgStats gone;         /* of vCPUs that are no more; machine lock */
    /* thread=single: who has the baton runs (TCG.md 3.13) */
    Lock baton_lock;
    Cond baton_cond;
    int baton;                /* index of the vCPU whose turn it is, -1: none */
    TcgVcpu *baton_next;      /* who must have it next; NULL: anyone */
    int baton_last;           /* icount: index of whose turn was last, or -1 */
    struct TcgIcount *icount; /* NULL: none */
    uint64_t state_change;    /* machine lock */
};

/* Where a vCPU is; see safe_point_wait. */
typedef enum VcpuPlace { VCPU_OUTSIDE, VCPU_INSIDE, VCPU_BLOCKED } VcpuPlace;

/* Requests to a vCPU, served at its safe points. */
enum {
    VCPU_REQ_UNMATCH_W = 1u << 0, /* no tag_w may stay matched */
    VCPU_REQ_FLUSH_MEM = 1u << 1, /* guest physical memory changed */
    VCPU_REQ_DEAD = 1u << 2,      /* purge v->dead from the jump cache */
    VCPU_REQ_PURGE = 1u << 3,     /* drop all jump cache entries */
    VCPU_REQ_CTX = 1u << 4,       /* breakpoints or step: recompute ctx */
};

/* How a slow path or helper leaves to the loop: values of longjmp. */
enum {
    LEAVE_EXCEPTION = 1, /* recorded in env: deliver it */
    LEAVE_RETRY,         /* go on at pc */
    LEAVE_DEBUG,         /* cpu_debug_stop was called */
    LEAVE_CHECK,         /* check=N: the logged run faulted */
    LEAVE_CHECK_GIVE_UP, /* check=N: it cannot be checked */
};

/* runtime's own bits of the ctx flags word */
#define FLAG_SINGLE BIT(63)
/* trap code of a gdb breakpoint at the unit's head */
#define TRAP_BREAKPOINT UINT32_C(0xffffffff)

typedef struct TcgCheck TcgCheck;

struct TcgVcpu {
    /* constant */
    TcgAccel *accel;
    CPUState *cpu;
    const TcgCpuOps *ops;
    const TcgFrontend *fe;
    const void *config; /* set at create */
    void *env;
    TcgHot *hot;
    int index;
    bool running; /* its thread exists: set and cleared under machine lock */
    /* any thread, atomic */
    _Atomic uint32_t requests;
    _Atomic VcpuPlace place;
    _Atomic uint64_t passes; /* safe points passed */
    _Atomic clockid_t clock; /* of the time its thread has had; 0: none yet */
    _Atomic bool gives_way;  /* waits for others to get on: doze.c */
    bool wants_baton;        /* baton_lock */
    bool asleep;             /* baton_lock; icount: halted since its turn */
    /* tb_lock */
    vaddr dead[DEAD_MAX];
    unsigned ndead;
    /* own thread from here */
    TcgContext *ctx;
    TcgInterpValue *values;
    void *dc;         /* front end's translation state */
    CodeSegment *seg; /* open segment */
    jmp_buf leave;
    uint64_t flags; /* ctx flags with the engine's bits */
    unsigned fetch_mmu;
    TcgSpace *space;
    TcgSpace spaces[SPACES];
    TcgSpace bare;
    uint32_t global_gen, global_exec_gen;
    uint64_t global_bloom[64];
    uint32_t next_gen; /* gens of L2 entries and ctx: unique numbers */
    uint32_t next_ctx;
    struct {
        uint64_t flags;
        uint32_t gen, id;
    } ctx_table[CTX_TABLE];
    uint32_t l1_used; /* mmu indexes filled since their last clear */
    LargeSeen large[LARGE_SIZES];
    bool large_overflow;
    FetchEntry fetch[TCG_ITLB_SIZE];
    PhysPage phys[PHYS_PAGES];
    TlbEntry l2[L2_SETS][L2_WAYS];
    uint8_t l2_victim[L2_SETS];
    vaddr watch_step_pc; /* run this insn with watchpoints off, then stop */
    vaddr watch_hit;
    bool watch_stepping;
    bool have_watch, have_break;
    vaddr break_skip; /* resume over a breakpoint here */
    bool break_skip_on;
    bool step_begun; /* single step: one insn is running */
    uint32_t rng;    /* stress and check sampling */
    bool stress_pass;
    TcgCheck *check;  /* NULL: off */
    uint64_t insns;   /* counted before the present slice */
    int64_t slice;    /* what hot->icount began with; 0: none runs */
    int64_t budget;   /* icount: left before timers and the next turn */
    bool icount_tail; /* icount: insn by insn to the budget's end */
    bool quiet;       /* FP flags are in env */
    bool have_missed; /* rt_lookup just found no unit at pc */
    unsigned pauses;
    unsigned futile_halts; /* since the last interrupt or sleep */
    unsigned look_steps;   /* times it ran since a futile halt */
    TcgStats stats;
};

static inline TcgVcpu *tcg_vcpu(CPUState *cpu)
{
    return cpu->engine;
}

static inline TcgVcpu *env_vcpu(void *env)
{
    return tcg_hot(env)->engine;
}

static inline vaddr vcpu_pc(const TcgVcpu *v)
{
    return *(const uint64_t *)((const char *)v->env + v->fe->pc_offset);
}

static inline void vcpu_set_pc(TcgVcpu *v, vaddr pc)
{
    *(uint64_t *)((char *)v->env + v->fe->pc_offset) = pc;
}

static inline void vcpu_request_exit(TcgVcpu *v)
{
    atomic_store(&v->hot->exit_req, 1);
}

/* xorshift32: for stress switches, not for guests. */
static inline uint32_t vcpu_random(TcgVcpu *v)
{
    v->rng ^= v->rng << 13;
    v->rng ^= v->rng >> 17;
    v->rng ^= v->rng << 5;
    return v->rng;
}

/* --- vcpu.c --- */

void vcpu_thread_start(TcgVcpu *v);
/* Leave C code called from a unit; the guest state has been restored. */
void vcpu_leave(TcgVcpu *v, int why) G_GNUC_NORETURN;
/* Write the guest state at the insn that is running to env. */
void vcpu_restore(TcgVcpu *v);
/* Post @req to @v, or to all but @not; they serve it before they run on. */
void vcpu_post_request(TcgVcpu *v, uint32_t req);
void vcpus_post_request(TcgAccel *a, TcgVcpu * not, uint32_t req);
/*
 * Wait until all vCPUs but @self have passed a safe point or are outside.
 * @self (may be NULL) counts as @state meanwhile, and has served its requests
 * when this returns. VCPU_BLOCKED: it is in a device called from a unit; those
 * that wait with VCPU_BLOCKED or from outside a vCPU do not wait for it, but
 * who wants to free code does. No lock held.
 */
void safe_point_wait(TcgAccel *a, TcgVcpu *self, VcpuPlace state);
void vcpu_serve_requests(TcgVcpu *v);
/* Register value of the guest's MXCSR, for the loop and slow paths. */
void vcpu_swap_to_host_fp(TcgVcpu *v);
void vcpu_swap_to_guest_fp(TcgVcpu *v);

/* --- doze.c: own thread --- */

/* At the top of the loop, outside: doze, or give way, if it polls. */
void vcpu_doze(TcgVcpu *v);
/* It is about to run: does it halt again and again in vain? Then it must come
 * back to the loop soon. */
bool vcpu_looks(TcgVcpu *v);
/* It took an interrupt, or sleeps. */
void vcpu_does_not_poll(TcgVcpu *v);
/* Its state came from outside. It is parked. */
void vcpu_may_have_polled(TcgVcpu *v);

/* --- translate.c --- */

/* Make the unit at @pc, whose page is @f. NULL: state changed while waiting,
 * look everything up again; or *fault: env has the fault of a fetch. With
 * @cached false it is one insn and is entered in no table. */
TcgTb *tb_translate(TcgVcpu *v, vaddr pc, const FetchEntry *f, bool cached,
                    bool *fault);

/* --- tb.c --- */

TcgTb *tb_lookup(TcgVcpu *v, ram_addr_t phys, vaddr pc, uint64_t flags);
/* Is @tb what tb_lookup looks for? */
static inline bool tb_is(const TcgVcpu *v, TcgTb *tb, ram_addr_t phys, vaddr pc,
                         uint64_t flags)
{
    return tb->phys == phys && tb->pc == pc && tb->flags == flags &&
           tb->config == v->config &&
           !atomic_load_explicit(&tb->dead, memory_order_relaxed);
}
/* tb_lock: enter a finished unit in hash and page lists. */
void tb_publish_locked(TcgAccel *a, TcgTb *tb);
/* tb_lock: take it out of everything; @self (may be NULL) purges now. */
void tb_invalidate_locked(TcgAccel *a, TcgTb *tb, TcgVcpu *self);
/* Bytes [off, off + len) of @page were written (store, then this). */
void page_written(TcgAccel *a, CodePage *page, unsigned off, unsigned len,
                  TcgVcpu *self);
/* Take many out of everything; the caller purges all jump caches. */
void tb_remove_many(TcgAccel *a, TcgTb *const *tbs, unsigned n);
void tb_invalidate_all(TcgAccel *a, TcgVcpu *self);
/* Prepare @page for its first unit: false when the caller must start over. */
bool page_protect(TcgVcpu *v, CodePage *page, const uint8_t *host);
void page_unpend_locked(CodePage *page);
/* tb_lock: take all units that are out of the tables off @page's list; the
 * granules become those of the rest. One walk, however many they are. */
void page_sweep_locked(CodePage *page);
CodePage *code_page(const RamBlock *block, ram_addr_t off);
void code_pages_attach(TcgAccel *a, RamBlock *block);
uint64_t granule_mask(unsigned lo, unsigned hi);
uint32_t pmid_get_locked(TcgAccel *a, CodePage *page, vaddr va, unsigned mmu);
uint64_t content_hash(const TcgAccel *a, const uint8_t *p, size_t n,
                      uint64_t seed);

/* --- cache.c --- */

bool cache_init(TcgAccel *a, Error **errp);
void cache_free(TcgAccel *a);
/* Room for a unit in @v's segment; takes a new one, evicting, when the old one
 * is full or @fresh. False: waited for other vCPUs, start over. */
bool cache_reserve(TcgVcpu *v, size_t want, bool fresh, TcgCodeBuf *buf);
/* Bytes used, and the unit that uses them. */
void cache_commit(TcgVcpu *v, TcgTb *tb, size_t code_size);
/* Memory that lives as long as the code in @v's segment; not cleared. */
void *cache_arena(TcgVcpu *v, size_t size, size_t align);
/* The unit that holds the RX address @pc; NULL: none. */
TcgTb *cache_find(TcgAccel *a, uintptr_t pc);
static inline uint8_t *cache_rw(const CodeCache *c, const uint8_t *rx)
{
    return c->rw + (rx - c->rx);
}

/* --- perf.c --- */

struct TcgPerf *perf_open(bool map, bool jitdump, Error **errp);
void perf_close(struct TcgPerf *p);
void perf_unit(struct TcgPerf *p, const TcgTb *tb);
void perf_thunks(struct TcgPerf *p, const void *code, size_t size);

/* --- chain.c --- */

/* Let exit @n of @from jump to @to, which was reached by @pmid. */
/* The entry of straddling unit @tb compares with @pmid from now on. */
void tb_set_second_pmid(TcgVcpu *v, TcgTb *tb, uint32_t pmid);
void tb_link(TcgVcpu *v, TcgTb *from, unsigned n, TcgTb *to, uint32_t pmid);
void tb_unlink_all_locked(TcgAccel *a, TcgTb *tb);
void jc_fill(TcgVcpu *v, vaddr pc, TcgTb *tb);
void jc_purge_pc(TcgVcpu *v, vaddr pc);
/* No entry leads to a unit any more, not even one under another ctx id. */
void jc_clear(TcgVcpu *v);
const void *rt_lookup(void *env, uint64_t pc);

/* --- tlb.c --- */

void tlb_init(TcgVcpu *v);
/* Recompute flags, space and ctx id from env. */
void ctx_update(TcgVcpu *v);
/* New ctx ids for everything: no jump cache or ring entry matches any more. */
void ctx_bump_all(TcgVcpu *v);
void tlb_flush_everything(TcgVcpu *v);
void l1_clear(TcgVcpu *v, uint32_t mmu_mask);
void l1_unmatch_writes(TcgVcpu *v);
/* Unmatch own tag_w entries of the host page @host: @places is the virtual
 * page that has them, or WTLB_PLACES. */
void l1_unmatch_page(TcgVcpu *v, const uint8_t *host, uint64_t places);
/* Translation of @va, from L2 or the walker; NULL: fault recorded (not with
 * @probe). Valid until the next call; @local holds what cannot be cached. */
const TlbEntry *tlb_get(TcgVcpu *v, vaddr va, unsigned size, MmuAccess access,
                        unsigned mmu, bool probe, TlbEntry *local);
/* Host address of a whole page of RAM at physical address @page; NULL: it is
 * none. */
const uint8_t *tlb_phys_page(TcgVcpu *v, hwaddr page);
/* Enter @e for @va in L1, as far as its state allows. */
void l1_fill(TcgVcpu *v, vaddr va, unsigned mmu, const TlbEntry *e,
             MmuAccess access);
/* Mapping of the page of @pc for execution; false: fault recorded. */
bool fetch_get(TcgVcpu *v, vaddr pc, FetchEntry *out);
/* The same when it is known already; false: not known. No side effects. */
bool fetch_cached(TcgVcpu *v, vaddr pc, FetchEntry *out);

/* --- softmmu.c, atomic.c --- */

extern const TcgRuntimeOps tcg_runtime_ops;
uint64_t rt_ld(void *env, uint64_t addr, uint32_t mo);
void rt_st(void *env, uint64_t addr, uint64_t v, uint32_t mo);
uint64_t rt_atomic(void *env, uint64_t addr, uint64_t v, uint64_t cmp,
                   uint32_t mo, uint32_t kind_and_holds);
void rt_raise(TcgVcpu *v) G_GNUC_NORETURN;
/* A store to direct memory at @e + @off is done: dirty bits, code. */
void ram_stored(TcgVcpu *v, const TlbEntry *e, unsigned off, unsigned len);
/* Before anything happens: alignment, stress. */
void rt_check_align(TcgVcpu *v, uint64_t addr, uint32_t mo, MmuAccess access);
void rt_stress_point(TcgVcpu *v);
void rt_check_watch(TcgVcpu *v, vaddr va, unsigned size, bool write);

/* --- stats.c --- */

char *tcg_statistics(AccelState *a);
void stats_add(TcgStats *to, const TcgStats *from);
void log_unit(TcgVcpu *v, const TcgTb *tb, const uint8_t *bytes, unsigned len);
void log_exec(TcgVcpu *v, const TcgTb *tb);
void log_dump_pass(void *opaque, const char *pass, const char *text);

/* --- check.c --- */

void check_init(TcgVcpu *v);
void check_free(TcgVcpu *v);
/* Should this run of @tb be checked? */
bool check_wanted(TcgVcpu *v, const TcgTb *tb);
/* Interpret @tb on a copy, then run it, then compare. */
TcgLeave check_run(TcgVcpu *v, TcgTb *tb);
bool check_block_allowed(const TcgBlock *tb);
/* The checked run ended by a fault: compare what env has now. */
void check_faulted(TcgVcpu *v);
/* A page walk is about to set A or D, which the log does not see: a logged
 * run ends here (does not return), and the unit runs once. No lock held. */
void check_walk_writes(TcgVcpu *v);

/* --- icount.c --- */

bool icount_init(TcgAccel *a, Error **errp);
void icount_free(TcgAccel *a);
/* Give hot->icount its next slice / take back what is left of it. */
void icount_begin_slice(TcgVcpu *v);
void icount_end_slice(TcgVcpu *v);
/* A unit did not fit the budget. */
void icount_tail(TcgVcpu *v);
/* May another vCPU have its turn now? */
bool icount_turn_over(TcgVcpu *v);
/* Would it run, if it had the baton? */
bool icount_can_run(const TcgVcpu *v);
/* AccelOps.vcpu_idle: when all sleep, move virtual time on. */
bool icount_idle(CPUState *cpu);

/* --- baton.c: thread=single --- */

/* False: somebody wants this vCPU in its loop before it got its turn. */
bool baton_take(TcgVcpu *v);
void baton_give(TcgVcpu *v);
/* icount: true when all sleep; nobody runs before the caller ends it. */
bool baton_claim_idle(TcgVcpu *v);
void baton_end_idle(TcgVcpu *v);

#endif
