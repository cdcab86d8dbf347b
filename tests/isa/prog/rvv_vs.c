/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mstatus.VS and SD (Priv 3.1.6.6; Unpriv 31.3.2): what a kernel that saves
 * vectors lazily relies on. Off: each vector instruction and CSR is illegal.
 * Initial or Clean: whatever writes a vector register or CSR leaves Dirty.
 * Then vector accesses under translation, with a page that is not there in
 * the middle: the fault's address, vstart, and that the access goes on once
 * the page came.
 */
#include "isa.h"

#define MSTATUS_VS (3ul << 9)
#define VS_INITIAL (1ul << 9)
#define VS_CLEAN   (2ul << 9)
#define PAGE       4096ul
#define VA         0x40000000ul
#define TABLE      __attribute__((aligned(4096)))

static uint8_t buf[2048] __attribute__((aligned(64)));
static volatile xlen_t root[1024] TABLE, mid[1024] TABLE, low[1024] TABLE;
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

enum {
    V = 1,
    R = 2,
    W = 4,
    U = 16,
    A = 64,
    D = 128,
    ALL = V | R | W | U | A | D
};

static void map(unsigned n, xlen_t flags)
{
    low[n] = (xlen_t)page[n] >> 12 << 10 | flags;
    asm volatile("sfence.vma" ::: "memory");
}

static void translate(void)
{
#if __riscv_xlen == 32
    root[VA >> 22] = (xlen_t)low >> 12 << 10 | V;
    csr_write("satp", 1ul << 31 | (xlen_t)root >> 12);
#else
    root[VA >> 30] = (xlen_t)mid >> 12 << 10 | V;
    mid[0] = (xlen_t)low >> 12 << 10 | V;
    csr_write("satp", 8ul << 60 | (xlen_t)root >> 12);
#endif
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

static void restarts(void)
{
    static uint8_t got[3 * 16] __attribute__((aligned(16)));
    const uint8_t *flat = (const uint8_t *)page;
    xlen_t end = VA + PAGE;

    for (unsigned i = 0; i < sizeof(page); i++) {
        page[i / PAGE][i % PAGE] = i * 7 + i / 256;
    }
    map(0, ALL);
    translate();
    asm volatile("vsetivli x0, 8, e16, m1, ta, ma");
    /* unit stride: three elements fit, or one in part */
    RESTARTS("vle16.v v4, (a0)", end - 6, 0, EXC_LOAD_PAGE, end, 3);
    asm volatile("vse16.v v4, (%0)" ::"r"(got) : "memory");
    for (unsigned i = 0; i < 16; i++) {
        check(got[i] == flat[PAGE - 6 + i]);
    }
    RESTARTS("vle16.v v4, (a0)", end - 7, 0, EXC_LOAD_PAGE, end, 3);
    asm volatile("vse16.v v4, (%0)" ::"r"(got) : "memory");
    for (unsigned i = 0; i < 16; i++) {
        check(got[i] == flat[PAGE - 7 + i]);
    }
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
    asm volatile("vse16.v v4, (%0)" ::"r"(got) : "memory");
    for (unsigned i = 0; i < 16; i++) {
        check(got[i] == flat[PAGE - 9 + i]);
    }
    /* fault-only-first: fewer elements, no trap */
    map(1, 0);
    USER("vle16ff.v v4, (a0)", end - 6, 0);
    check(csr_read("vl") == 3 && csr_read("vstart") == 0);
    asm volatile("vsetivli x0, 8, e16, m1, ta, ma");
    USER("vlseg2e16ff.v v4, (a0)", end - 10, 0);
    check(csr_read("vl") == 2);
    asm volatile("vsetivli x0, 8, e16, m1, ta, ma");
    TRAPS(USER("vle16ff.v v4, (a0)", end, 0), EXC_LOAD_PAGE);
    check(csr_read("vl") == 8 && csr_read("vstart") == 0);
    /* stores, on a page without D as well; whole registers by bytes */
    asm volatile("vid.v v4; vadd.vi v4, v4, 9");
    RESTARTS("vse16.v v4, (a0)", end - 6, 0, EXC_STORE_PAGE, end, 3);
    for (unsigned i = 0; i < 8; i++) {
        check(half(flat + PAGE - 6 + 2 * i) == i + 9);
    }
    RESTARTS("vsseg2e16.v v4, (a0)", end - 12, 0, EXC_STORE_PAGE, end, 3);
    csr_write("vstart", 0);
    /* inactive elements reach no page */
    map(1, 0);
    asm volatile("vmv.v.i v0, 7");
    USER("vle16.v v4, (a0), v0.t", end - 6, 0);
    check(csr_read("vstart") == 0);
    USER("vse16.v v4, (a0), v0.t", end - 6, 0);
    csr_write("satp", 0);
}

int main(void)
{
    csr_set("mstatus", MSTATUS_VS | MSTATUS_FS);
    states();
    float_flags();
    restarts();
    return 0;
}
