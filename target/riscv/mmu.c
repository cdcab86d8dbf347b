/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page table walks: Sv32, Sv39, Sv48, Sv57, Svnapot, Svpbmt, Svade, Svadu.
 *
 * Spec: Priv 10.3.2 (the algorithm, whose steps are named below), 10.4 to
 *       10.6 (formats), 12 (Svnapot), 13 (Svpbmt), 3.7 (PMP on table
 *       accesses), Svadu 1.
 */
#include "tandem/base.h"

#include "target/riscv/csr.h"
#include "target/riscv/mmu.h"

enum {
    PTE_V = 1 << 0,
    PTE_R = 1 << 1,
    PTE_W = 1 << 2,
    PTE_X = 1 << 3,
    PTE_U = 1 << 4,
    PTE_G = 1 << 5,
    PTE_A = 1 << 6,
    PTE_D = 1 << 7,
    PTE_PPN_SHIFT = 10,
};
#define PTE_RESERVED (bit_mask(7) << 54)
#define PTE_PBMT     ((uint64_t)3 << 61)
#define PTE_N        BIT(63)

/* A scheme of satp.MODE. */
typedef struct Scheme {
    uint8_t levels, vpn_bits, pte_size, va_bits, ppn_bits;
} Scheme;

static const Scheme schemes[16] = {
    [SATP_SV32] = { 2, 10, 4, 32, 22 },
    [SATP_SV39] = { 3, 9, 8, 39, 44 },
    [SATP_SV48] = { 4, 9, 8, 48, 44 },
    [SATP_SV57] = { 5, 9, 8, 57, 44 },
};

/* One walk. */
typedef struct Walk {
    RiscvEnv *env;
    const Scheme *scheme;
    vaddr va;
    unsigned access; /* ACC_x; 0 for a debugger: no check, no update */
    unsigned priv;   /* PRV_S or PRV_U */
    bool sum;
    /* result */
    uint64_t pte;
    hwaddr pte_pa;
    unsigned level;
    bool global;
} Walk;

typedef enum WalkResult {
    WALK_OK,
    WALK_PAGE_FAULT,
    WALK_ACCESS_FAULT
} WalkResult;

static uint32_t fault_cause(WalkResult r, unsigned access)
{
    if (r == WALK_PAGE_FAULT) {
        return access == ACC_X   ? EXC_INSN_PAGE
               : access == ACC_W ? EXC_STORE_PAGE
                                 : EXC_LOAD_PAGE;
    }
    return access == ACC_X   ? EXC_INSN_ACCESS
           : access == ACC_W ? EXC_STORE_ACCESS
                             : EXC_LOAD_ACCESS;
}

static bool pbmt_on(const RiscvEnv *env)
{
    return riscv_has(env->cfg, RISCV_EXT_SVPBMT) &&
           (env->menvcfg & ENVCFG_PBMTE) != 0;
}

/* Step 3 and the reserved encodings that later steps name. */
static bool pte_valid(const Walk *w, uint64_t pte, bool leaf)
{
    if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W) {
        return false;
    }
    if (!leaf && (pte & (PTE_A | PTE_D | PTE_U))) {
        return false; /* reserved in a pointer */
    }
    if (w->scheme->pte_size == 4) {
        return true;
    }
    if (pte & PTE_RESERVED) {
        return false;
    }
    if ((pte & PTE_N) &&
        (!leaf || !riscv_has(w->env->cfg, RISCV_EXT_SVNAPOT))) {
        return false;
    }
    if ((pte & PTE_PBMT) &&
        (!leaf || !pbmt_on(w->env) || (pte & PTE_PBMT) == PTE_PBMT)) {
        return false;
    }
    return true;
}

/* A table access is one of S-mode for PMP (Priv 3.7.1). */
static bool table_access(Walk *w, hwaddr pa, unsigned right)
{
    return w->access == 0 ||
           (pmp_check(w->env, pa, w->scheme->pte_size, PRV_S).allowed & right);
}

/* Steps 1 to 4: find the leaf. */
static WalkResult find_leaf(Walk *w)
{
    const Scheme *s = w->scheme;
    uint64_t ppn = satp_ppn(w->env);

    w->global = false;
    for (int level = s->levels - 1; level >= 0; level--) {
        uint64_t vpn = bits_get(w->va, 12 + level * s->vpn_bits, s->vpn_bits);
        hwaddr pa = (ppn << 12) + vpn * s->pte_size;
        uint64_t pte;

        if (!table_access(w, pa, ACC_R) ||
            !w->env->hooks->pte_load(w->env, pa, s->pte_size, &pte)) {
            return WALK_ACCESS_FAULT;
        }
        bool leaf = (pte & (PTE_R | PTE_W | PTE_X)) != 0;
        if (!pte_valid(w, pte, leaf)) {
            return WALK_PAGE_FAULT;
        }
        w->global |= (pte & PTE_G) != 0;
        ppn = bits_get(pte, PTE_PPN_SHIFT, s->ppn_bits);
        if (leaf) {
            w->pte = pte;
            w->pte_pa = pa;
            w->level = level;
            return WALK_OK;
        }
    }
    return WALK_PAGE_FAULT; /* a pointer at level 0 */
}

/* ACC_x that the leaf's R, W, X and U give (step 5). */
static unsigned leaf_rights(const Walk *w)
{
    bool user = (w->pte & PTE_U) != 0;
    unsigned rights = (w->pte & PTE_R ? ACC_R : 0) |
                      (w->pte & PTE_W ? ACC_W : 0) |
                      (w->pte & PTE_X ? ACC_X : 0);

    if ((w->env->mstatus & MSTATUS_MXR) && (rights & ACC_X)) {
        rights |= ACC_R;
    }
    if (w->priv == PRV_U) {
        return user ? rights : 0;
    }
    if (!user) {
        return rights;
    }
    return w->sum ? rights & ~ACC_X : 0; /* never fetched by S */
}

/* Step 6: a superpage must be aligned, a NAPOT page have its pattern. */
static bool leaf_aligned(const Walk *w)
{
    uint64_t ppn = bits_get(w->pte, PTE_PPN_SHIFT, w->scheme->ppn_bits);

    if (ppn & bit_mask(w->level * w->scheme->vpn_bits)) {
        return false;
    }
    /* Svnapot: 64 KiB only, at the last level */
    return w->scheme->pte_size == 4 || !(w->pte & PTE_N) ||
           (w->level == 0 && (ppn & 0xf) == 8);
}

/* Steps 7 and 9: *again when the table changed under us. */
static WalkResult set_accessed(Walk *w, bool *again)
{
    uint64_t want = PTE_A | (w->access == ACC_W ? PTE_D : 0);
    bool done;

    *again = false;
    if ((w->pte & want) == want) {
        return WALK_OK;
    }
    if (!riscv_has(w->env->cfg, RISCV_EXT_SVADU) ||
        !(w->env->menvcfg & ENVCFG_ADUE)) {
        return WALK_PAGE_FAULT; /* Svade */
    }
    if (!table_access(w, w->pte_pa, ACC_W) ||
        !w->env->hooks->pte_cas(w->env, w->pte_pa, w->scheme->pte_size, w->pte,
                                w->pte | want, &done)) {
        return WALK_ACCESS_FAULT;
    }
    *again = !done;
    w->pte |= want;
    return WALK_OK;
}

static WalkResult walk(Walk *w)
{
    bool again = false;

    /* addresses are sign-extended from va_bits (10.4.1, 10.5.1, 10.6.1) */
    if (w->scheme->pte_size == 8 &&
        (uint64_t)bits_sext(w->va, w->scheme->va_bits) != w->va) {
        return WALK_PAGE_FAULT;
    }
    do {
        WalkResult r = find_leaf(w);

        if (r != WALK_OK) {
            return r;
        }
        if (!leaf_aligned(w)) {
            return WALK_PAGE_FAULT;
        }
        if (w->access == 0) {
            return WALK_OK;
        }
        if (!(leaf_rights(w) & w->access)) {
            return WALK_PAGE_FAULT;
        }
        r = set_accessed(w, &again);
        if (r != WALK_OK) {
            return r;
        }
    } while (again);
    return WALK_OK;
}

/* Step 10: the address, and how large the mapping is. */
static void leaf_address(const Walk *w, hwaddr *pa, uint8_t *page_bits)
{
    unsigned bits = 12 + w->level * w->scheme->vpn_bits;
    uint64_t base = bits_get(w->pte, PTE_PPN_SHIFT, w->scheme->ppn_bits) << 12;

    if (w->scheme->pte_size == 8 && (w->pte & PTE_N)) {
        bits = 16;
    }
    *pa = (base & ~bit_mask(bits)) | (w->va & bit_mask(bits));
    *page_bits = bits;
}

static const Scheme *scheme_of(const RiscvEnv *env)
{
    unsigned mode = satp_mode(env);

    return mode == SATP_BARE ? NULL : &schemes[mode];
}

static Walk walk_begin(RiscvEnv *env, vaddr va, unsigned access, unsigned mmu)
{
    return (Walk){
        .env = env,
        .scheme = mmu == RISCV_MMU_M ? NULL : scheme_of(env),
        .va = va & bit_mask(env->xlen),
        .access = access,
        .priv = mmu == RISCV_MMU_U ? PRV_U : PRV_S,
        .sum = mmu == RISCV_MMU_S_SUM,
    };
}

bool riscv_translate(RiscvEnv *env, vaddr va, unsigned size, unsigned access,
                     unsigned mmu, RiscvPage *page, uint32_t *cause)
{
    Walk w = walk_begin(env, va, access, mmu);

    *page = (RiscvPage){ .pa = w.va,
                         .page_bits = 12,
                         .rights = ACC_R | ACC_W | ACC_X };
    if (w.scheme != NULL) {
        WalkResult r = walk(&w);

        if (r != WALK_OK) {
            *cause = fault_cause(r, access);
            return false;
        }
        leaf_address(&w, &page->pa, &page->page_bits);
        page->global = w.global;
        page->rights = leaf_rights(&w);
        if (!(w.pte & PTE_D)) {
            page->rights &= ~ACC_W; /* the first store walks again */
        }
    }
    PmpResult pmp =
        pmp_check(env, page->pa, size, mmu == RISCV_MMU_M ? PRV_M : w.priv);
    if (!(pmp.allowed & access)) {
        *cause = fault_cause(WALK_ACCESS_FAULT, access);
        return false;
    }
    page->rights &= pmp.allowed;
    page->whole = pmp.whole_page;
    return true;
}

bool riscv_debug_translate(RiscvEnv *env, vaddr va, hwaddr *pa)
{
    uint8_t page_bits;
    /* in M-mode with MPRV a debugger still means what the code fetches */
    unsigned mmu = env->priv == PRV_M ? RISCV_MMU_M : RISCV_MMU_S;
    Walk w = walk_begin(env, va, 0, mmu);

    if (w.scheme == NULL) {
        *pa = w.va;
        return true;
    }
    if (walk(&w) != WALK_OK) {
        return false;
    }
    leaf_address(&w, pa, &page_bits);
    return true;
}

/* --- all mappings --- */

enum { ENTRIES_MAX = 8 << 20 }; /* tables may point at themselves */

typedef struct MappingWalk {
    Walk walk;
    CpuMappingFn *fn;
    void *opaque;
    CpuMapping now; /* the stretch so far; .size 0: none */
    unsigned entries;
    bool pages; /* each leaf by itself */
} MappingWalk;

static bool mapping_end(MappingWalk *mw)
{
    bool more = mw->now.size == 0 || mw->fn(mw->opaque, &mw->now);

    mw->now.size = 0;
    return more;
}

/* The leaf in mw->walk goes on with the stretch or begins another. */
static bool mapping_leaf(MappingWalk *mw)
{
    static const char letters[] = "rwxugad"; /* from PTE_R on */
    Walk *w = &mw->walk;
    CpuMapping *now = &mw->now;
    CpuMapping leaf = { 0 };
    uint8_t page_bits;

    leaf_address(w, &leaf.pa, &page_bits);
    leaf.va = w->va;
    leaf.size = BIT(12 + w->level * w->scheme->vpn_bits);
    for (int i = 0; i < 7; i++) {
        leaf.rights[i] = (w->pte >> (i + 1)) & 1 ? letters[i] : '-';
    }
    if (!mw->pages && now->size && leaf.va == now->va + now->size &&
        leaf.pa == now->pa + now->size &&
        strcmp(leaf.rights, now->rights) == 0) {
        now->size += leaf.size;
        return true;
    }
    if (!mapping_end(mw)) {
        return false;
    }
    *now = leaf;
    return true;
}

/* The table of page @ppn, whose entries are for @va and up; false: enough. */
static bool mapping_table(MappingWalk *mw, uint64_t ppn, int level, vaddr va)
{
    Walk *w = &mw->walk;
    const Scheme *s = w->scheme;
    unsigned shift = 12 + level * s->vpn_bits;

    for (uint64_t i = 0; i < BIT(s->vpn_bits); i++) {
        uint64_t next;

        w->va = va | i << shift;
        if (s->pte_size == 8) { /* canonical */
            w->va = (uint64_t)bits_sext(w->va, s->va_bits);
        }
        if (++mw->entries > ENTRIES_MAX) {
            return false;
        }
        if (!w->env->hooks->pte_load(w->env, (ppn << 12) + i * s->pte_size,
                                     s->pte_size, &w->pte)) {
            return true; /* no memory: nothing of this table */
        }
        bool leaf = (w->pte & (PTE_R | PTE_W | PTE_X)) != 0;

        if (!pte_valid(w, w->pte, leaf)) {
            continue;
        }
        w->level = level;
        next = bits_get(w->pte, PTE_PPN_SHIFT, s->ppn_bits);
        if (leaf ? leaf_aligned(w) && !mapping_leaf(mw)
                 : level > 0 && !mapping_table(mw, next, level - 1, w->va)) {
            return false;
        }
    }
    return true;
}

bool riscv_each_mapping(RiscvEnv *env, bool pages, CpuMappingFn *fn,
                        void *opaque)
{
    MappingWalk mw = {
        .walk = walk_begin(env, 0, 0,
                           env->priv == PRV_M ? RISCV_MMU_M : RISCV_MMU_S),
        .fn = fn,
        .opaque = opaque,
        .pages = pages,
    };

    if (!mw.walk.scheme) {
        return false;
    }
    mapping_table(&mw, satp_ppn(env), mw.walk.scheme->levels - 1, 0);
    mapping_end(&mw);
    return true;
}
