/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mstatus.VS and SD (Priv 3.1.6.6; Unpriv 31.3.2): what a kernel that saves
 * vectors lazily relies on. Off: each vector instruction and CSR is illegal.
 * Initial or Clean: whatever writes a vector register or CSR leaves Dirty.
 * Then vector accesses under translation, with a page that is not there in
 * the middle: the fault's address, vstart, and that the access goes on once
 * the page came.
 */
#include "mapped.h"

#define MSTATUS_VS (3ul << 9)
#define VS_INITIAL (1ul << 9)
#define VS_CLEAN   (2ul << 9)

static uint8_t buf[2048] __attribute__((aligned(64)));
static volatile uint8_t page[2][PAGE] TABLE;

/* a0: buf, a1: 1 */
#define I(name, text)                                                          \
    static void name(void)                                                     \
    {                                                                          \
        register void *a0 asm("a0") = buf;                                     \
        register xlen_t a1 asm("a1") = 1;                                      \
        asm volatile(text ::"r"(a0), "r"(a1) : "t0", "ft0", "memory");         \
    }
/* clang-format off */
#define WRITERS(I)                                                             \
    I(w_vsetvli, "vsetvli t0, x0, e8, m1, ta, ma")                             \
    I(w_vsetivli, "vsetivli x0, 4, e8, m1, ta, ma")                            \
    I(w_vsetvl, "vsetvl x0, a1, x0")                                           \
    I(w_vxrm, "csrwi vxrm, 2")                                                 \
    I(w_vxsat, "csrwi vxsat, 0")                                               \
    I(w_vcsr, "csrwi vcsr, 1")                                                 \
    I(w_vstart, "csrwi vstart, 0")                                             \
    I(w_add, "vadd.vv v1, v2, v3")                                             \
    I(w_addx, "vadd.vx v1, v2, a1")                                            \
    I(w_masked, "vadd.vi v1, v2, 1, v0.t")                                     \
    I(w_widen, "vwadd.vv v4, v2, v3")                                          \
    I(w_compare, "vmseq.vv v1, v2, v3")                                        \
    I(w_mask, "vmand.mm v1, v2, v3")                                           \
    I(w_sbf, "vmsbf.m v1, v2")                                                 \
    I(w_iota, "viota.m v1, v2")                                                \
    I(w_id, "vid.v v1")                                                        \
    I(w_adc, "vadc.vvm v1, v2, v3, v0")                                        \
    I(w_merge, "vmerge.vvm v1, v2, v3, v0")                                    \
    I(w_fill, "vmv.v.x v1, a1")                                                \
    I(w_first, "vmv.s.x v1, a1")                                               \
    I(w_move, "vmv1r.v v1, v2")                                                \
    I(w_slide, "vslideup.vi v1, v2, 1")                                        \
    I(w_gather, "vrgather.vv v1, v2, v3")                                      \
    I(w_compress, "vcompress.vm v1, v2, v3")                                   \
    I(w_sum, "vredsum.vs v1, v2, v3")                                          \
    I(w_saturate, "vsadd.vv v1, v2, v3")                                       \
    I(w_load, "vle8.v v1, (a0)")                                               \
    I(w_first_fault, "vle8ff.v v1, (a0)")                                      \
    I(w_strided, "vlse8.v v1, (a0), a1")                                       \
    I(w_indexed, "vluxei8.v v1, (a0), v2")                                     \
    I(w_segment, "vlseg2e8.v v2, (a0)")                                        \
    I(w_mask_load, "vlm.v v1, (a0)")                                           \
    I(w_whole, "vl1r.v v1, (a0)")
#define READERS(I)                                                             \
    I(r_store, "vse8.v v1, (a0)")                                              \
    I(r_strided, "vsse8.v v1, (a0), a1")                                       \
    I(r_whole, "vs1r.v v1, (a0)")                                              \
    I(r_move, "vmv.x.s t0, v1")                                                \
    I(r_count, "vcpop.m t0, v1")                                               \
    I(r_find, "vfirst.m t0, v1")                                               \
    I(r_vl, "csrr t0, vl")                                                     \
    I(r_vlenb, "csrr t0, vlenb")                                               \
    I(r_vcsr, "csrr t0, vcsr")
/* clang-format on */
WRITERS(I)
READERS(I)
#define NAME(name, text) name,
static void (*const writers[])(void) = { WRITERS(NAME) };
static void (*const readers[])(void) = { READERS(NAME) };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SD       ((xlen_t)1 << (__riscv_xlen - 1))

static void set_vs(xlen_t vs)
{
    csr_clear("mstatus", MSTATUS_VS | MSTATUS_FS);
    csr_set("mstatus", vs);
    check((csr_read("mstatus") & (MSTATUS_VS | SD)) == vs);
}

static void configure(void)
{
    csr_set("mstatus", MSTATUS_VS);
    asm volatile("vsetivli x0, 8, e8, m1, ta, ma; vmv.v.i v2, 3;"
                 "vmv.v.i v3, 5; vmv.v.i v0, 7");
}

static void states(void)
{
    for (unsigned i = 0; i < COUNT(writers); i++) {
        configure();
        set_vs(0);
        TRAPS(writers[i](), EXC_ILLEGAL);
        check((csr_read("mstatus") & (MSTATUS_VS | SD)) == 0);
        set_vs(VS_INITIAL);
        writers[i]();
        check((csr_read("mstatus") & MSTATUS_VS) == MSTATUS_VS);
        check((csr_read("mstatus") & SD) && (csr_read("sstatus") & SD));
        configure();
        set_vs(VS_CLEAN);
        writers[i]();
        check((csr_read("mstatus") & MSTATUS_VS) == MSTATUS_VS);
    }
    for (unsigned i = 0; i < COUNT(readers); i++) {
        configure();
        set_vs(0);
        TRAPS(readers[i](), EXC_ILLEGAL);
        set_vs(VS_CLEAN);
        readers[i](); /* may leave either */
        check(csr_read("mstatus") & VS_CLEAN);
    }
    csr_set("mstatus", MSTATUS_VS | MSTATUS_FS);
}

/* What fcsr gets is dirt of FS too. */
static void float_flags(void)
{
    asm volatile("vsetivli x0, 2, e32, m1, ta, ma; vmv.v.i v2, 0;"
                 "vmv.v.x v3, %0" ::"r"(0x3f800000));
    csr_write("fcsr", 0);
    csr_clear("mstatus", MSTATUS_VS | MSTATUS_FS);
    csr_set("mstatus", VS_CLEAN | 2ul << 13);
    asm volatile("vfdiv.vv v1, v3, v2"); /* 1 / 0 */
    check((csr_read("mstatus") & (MSTATUS_VS | MSTATUS_FS)) ==
          (MSTATUS_VS | MSTATUS_FS));
    check(csr_read("fflags") == 8);
}

/* --- under translation, by MPRV --- */

enum { ALL = V | R | W | U | A | D };

static void map(unsigned n, xlen_t flags)
{
    map_page(n, page[n], flags);
}

/* One access with U's rights at a0, stride a1. */
#define USER(text, at, stride)                                                 \
    do {                                                                       \
        register xlen_t a0 asm("a0") = (at);                                   \
        register xlen_t a1 asm("a1") = (stride);                               \
        register xlen_t a5 asm("a5") = MSTATUS_MPRV;                           \
        csr_clear("mstatus", MSTATUS_MPP);                                     \
        asm volatile("csrs mstatus, a5\n" text "\ncsrc mstatus, a5" ::"r"(a0), \
                     "r"(a1), "r"(a5)                                          \
                     : "memory");                                              \
    } while (0)

/* The access faults at @addr with @done elements; then page 1 comes, and it
 * goes on from there. */
#define RESTARTS(text, at, stride, cause, addr, done)                          \
    do {                                                                       \
        map(1, 0);                                                             \
        TRAPS(USER(text, at, stride), cause);                                  \
        check(trap.tval == (addr) && csr_read("vstart") == (done));            \
        check(csr_read("vl") == 8);                                            \
        map(1, ALL);                                                           \
        USER(text, at, stride);                                                \
        check(csr_read("vstart") == 0);                                        \
    } while (0)

static uint16_t half(const uint8_t *p)
{
    return p[0] | p[1] << 8;
}

static uint8_t got[3 * 16] __attribute__((aligned(16)));
static const uint8_t *const flat = (const uint8_t *)page;
static const xlen_t end = VA + PAGE;

/* v4 is what 16 bytes from @from on are. */
static void check_loaded(const uint8_t *from)
{
    asm volatile("vse16.v v4, (%0)" ::"r"(got) : "memory");
    for (unsigned i = 0; i < 16; i++) {
        check(got[i] == from[i]);
    }
}

static void loads_restart(void)
{
    /* unit stride: three elements fit, or one in part */
    RESTARTS("vle16.v v4, (a0)", end - 6, 0, EXC_LOAD_PAGE, end, 3);
    check_loaded(flat + PAGE - 6);
    RESTARTS("vle16.v v4, (a0)", end - 7, 0, EXC_LOAD_PAGE, end, 3);
    check_loaded(flat + PAGE - 7);
    /* strides, up and down */
    RESTARTS("vlse16.v v4, (a0), a1", end - 20, 10, EXC_LOAD_PAGE, end, 2);
    asm volatile("vse16.v v4, (%0)" ::"r"(got) : "memory");
    for (unsigned i = 0; i < 8; i++) {
        check(half(got + 2 * i) == half(flat + PAGE - 20 + 10 * i));
    }
    /* segments: of element 1 the second field is not there */
    RESTARTS("vlseg3e16.v v4, (a0)", end - 8, 0, EXC_LOAD_PAGE, end, 1);
    asm volatile(
        "vse16.v v4, (%0)\nvse16.v v5, (%1)\nvse16.v v6, (%2)" ::"r"(got),
        "r"(got + 16), "r"(got + 32)
        : "memory");
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned f = 0; f < 3; f++) {
            check(half(got + 16 * f + 2 * i) ==
                  half(flat + PAGE - 8 + 6 * i + 2 * f));
        }
    }
    /* indexes: 0, 2 ... 14 from the last 9 bytes */
    asm volatile("vid.v v8; vadd.vv v8, v8, v8");
    RESTARTS("vluxei16.v v4, (a0), v8", end - 9, 0, EXC_LOAD_PAGE, end, 4);
    check_loaded(flat + PAGE - 9);
}

/* fault-only-first: fewer elements, no trap */
static void first_faults_alone(void)
{
    map(1, 0);
    USER("vle16ff.v v4, (a0)", end - 6, 0);
    check(csr_read("vl") == 3 && csr_read("vstart") == 0);
    asm volatile("vsetivli x0, 8, e16, m1, ta, ma");
    USER("vlseg2e16ff.v v4, (a0)", end - 10, 0);
    check(csr_read("vl") == 2);
    asm volatile("vsetivli x0, 8, e16, m1, ta, ma");
    TRAPS(USER("vle16ff.v v4, (a0)", end, 0), EXC_LOAD_PAGE);
    check(csr_read("vl") == 8 && csr_read("vstart") == 0);
}

static void stores_restart(void)
{
    asm volatile("vid.v v4; vadd.vi v4, v4, 9");
    RESTARTS("vse16.v v4, (a0)", end - 6, 0, EXC_STORE_PAGE, end, 3);
    for (unsigned i = 0; i < 8; i++) {
        check(half(flat + PAGE - 6 + 2 * i) == i + 9);
    }
    RESTARTS("vsseg2e16.v v4, (a0)", end - 12, 0, EXC_STORE_PAGE, end, 3);
    csr_write("vstart", 0);
}

static void inactive_elements_reach_no_page(void)
{
    map(1, 0);
    asm volatile("vmv.v.i v0, 7");
    USER("vle16.v v4, (a0), v0.t", end - 6, 0);
    check(csr_read("vstart") == 0);
    USER("vse16.v v4, (a0), v0.t", end - 6, 0);
}

static void under_translation(void)
{
    for (unsigned i = 0; i < sizeof(page); i++) {
        page[i / PAGE][i % PAGE] = i * 7 + i / 256;
    }
    map(0, ALL);
    translate();
    asm volatile("vsetivli x0, 8, e16, m1, ta, ma");
    loads_restart();
    first_faults_alone();
    stores_restart();
    inactive_elements_reach_no_page();
    csr_write("satp", 0);
}

int main(void)
{
    csr_set("mstatus", MSTATUS_VS | MSTATUS_FS);
    states();
    float_flags();
    under_translation();
    return 0;
}
