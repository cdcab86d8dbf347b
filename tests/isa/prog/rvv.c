/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * V: configuration, state, traps in mid access, policies, illegal forms;
 * Unprivileged 31. What operations compute is compared with the peer by
 * random.c.
 */
#include "isa.h"

#define MSTATUS_VS (3ul << 9)
#define RAM_END    0x84000000ul

static uint8_t buf[512] __attribute__((aligned(64)));
static uint8_t out[512] __attribute__((aligned(64)));

#define VSET(avl, type)                                                        \
    ({                                                                         \
        xlen_t vl_;                                                            \
        asm volatile("vsetvli %0, %1, " type                                   \
                     : "=r"(vl_)                                               \
                     : "r"((xlen_t)(avl))                                      \
                     : "memory");                                              \
        vl_;                                                                   \
    })
#define ILLEGAL(insn) TRAPS(asm volatile(insn ::: "memory"), EXC_ILLEGAL)

static void fill(void)
{
    for (unsigned i = 0; i < sizeof(buf); i++) {
        buf[i] = i;
        out[i] = 0xee;
    }
}

static void configuration(void)
{
    xlen_t vlenb = csr_read("vlenb"), vl;

    check(vlenb >= 16);
    check(VSET(3, "e32, m1, ta, ma") == 3);
    check(csr_read("vl") == 3 && csr_read("vtype") == 0xd0);
    check(VSET(-1, "e8, m8, tu, mu") == vlenb * 8);
    check(VSET(-1, "e64, m1, tu, mu") == vlenb / 8);
    check(VSET(-1, "e8, mf8, tu, mu") == vlenb / 8);
    asm volatile("vsetvli x0, x0, e16, mf4, ta, ma");
    check(csr_read("vl") == vlenb / 8); /* the same VLMAX: vl stays */
    asm volatile("vsetivli %0, 2, e16, m2, ta, ma" : "=r"(vl));
    check(vl == 2);
    /* no such configuration: vill, vl = 0 */
    asm volatile("vsetvli %0, x0, e64, mf2, ta, ma" : "=r"(vl));
    check(vl == 0 && (long)csr_read("vtype") < 0 && csr_read("vl") == 0);
    ILLEGAL("vadd.vv v1, v2, v3");
    ILLEGAL("vle8.v v1, (sp)");
    asm volatile("vl1r.v v1, (%0)" ::"r"(buf)); /* needs no vtype */
    asm volatile("vsetvl %0, x0, %1" : "=r"(vl) : "r"(0x12345678ul));
    check(vl == 0 && (long)csr_read("vtype") < 0);
    asm volatile("vsetvl %0, %1, %2" : "=r"(vl) : "r"(1ul), "r"(0x18ul));
    check(vl == 1 && csr_read("vtype") == 0x18);
}

static void state(void)
{
    csr_write("vcsr", 7);
    check(csr_read("vxrm") == 3 && csr_read("vxsat") == 1);
    csr_write("vxrm", 0);
    check(csr_read("vcsr") == 1);
    csr_write("vcsr", 0);
    ILLEGAL("csrw vl, x0");
    csr_clear("mstatus", MSTATUS_VS);
    ILLEGAL("vsetvli x1, x0, e8, m1, ta, ma");
    ILLEGAL("vl1r.v v1, (sp)");
    ILLEGAL("csrr x1, vlenb");
    csr_set("mstatus", 1ul << 9); /* Initial */
    asm volatile("vsetvli x0, x0, e8, m1, ta, ma");
    check((csr_read("mstatus") & MSTATUS_VS) == MSTATUS_VS);
    check((long)csr_read("mstatus") < 0); /* SD */
}

static void illegal_forms(void)
{
    VSET(-1, "e32, m2, ta, ma");
    ILLEGAL("vadd.vv v1, v2, v4"); /* not the first of a group */
    ILLEGAL("vadd.vv v0, v2, v4, v0.t");
    ILLEGAL("vwadd.vv v4, v4, v8");      /* overlap in the low part */
    asm volatile("vwadd.vv v4, v6, v8"); /* in the high part */
    ILLEGAL("vnsrl.wi v6, v4, 1");
    asm volatile("vnsrl.wi v4, v4, 1");
    ILLEGAL("vrgather.vv v4, v4, v8");
    ILLEGAL("vslideup.vi v4, v4, 1");
    asm volatile("vslidedown.vi v4, v4, 1");
    ILLEGAL("vle64.v v2, (sp)"); /* EMUL 4 */
    ILLEGAL("vlseg5e32.v v2, (sp)");
    ILLEGAL("vlseg4e32.v v26, (sp)"); /* beyond v31 */
    VSET(-1, "e64, m8, ta, ma");
    ILLEGAL("vwadd.vv v0, v8, v16");
    ILLEGAL("vzext.vf2 v1, v8");
    VSET(-1, "e8, m1, ta, ma");
    ILLEGAL("vfadd.vv v1, v2, v3");
    ILLEGAL("vzext.vf2 v1, v2");
    csr_write("vstart", 1);
    ILLEGAL("vredsum.vs v1, v2, v3");
    ILLEGAL("vcpop.m x1, v1");
    csr_write("vstart", 0);
    csr_write("frm", 5);
    VSET(-1, "e32, m1, ta, ma");
    ILLEGAL("vfadd.vv v1, v2, v3");
    csr_write("frm", 0);
    csr_clear("mstatus", MSTATUS_FS);
    ILLEGAL("vfadd.vv v1, v2, v3");
    csr_set("mstatus", MSTATUS_FS);
}

/* Tail, prefix before vstart and inactive elements keep their values. */
static void undisturbed(void)
{
    fill();
    VSET(16, "e8, m1, ta, ma");
    asm volatile("vle8.v v1, (%0); vmv.v.i v2, 0; vmv.v.i v0, 5" ::"r"(buf));
    csr_write("vstart", 2);
    asm volatile("vsetvli x0, %0, e8, m1, ta, ma" ::"r"(10ul));
    check(csr_read("vstart") == 0);
    csr_write("vstart", 2);
    asm volatile("vadd.vi v2, v1, 1, v0.t");
    check(csr_read("vstart") == 0);
    VSET(16, "e8, m1, ta, ma");
    asm volatile("vse8.v v2, (%0)" ::"r"(out) : "memory");
    for (unsigned i = 0; i < 16; i++) {
        /* v0 = 05 05: elements 0, 2, 8 and 10 are active */
        check(out[i] == (i == 2 || i == 8 ? i + 1 : 0));
    }
    check(out[16] == 0xee);
}

/* A fault in the middle leaves vstart, and the instruction can go on there. */
static void faults(void)
{
    xlen_t last = RAM_END - 12, vl;

    fill();
    VSET(-1, "e32, m4, ta, ma");
    asm volatile("vmv.v.i v4, -1");
    for (unsigned i = 0; i < 12; i++) {
        ((volatile uint8_t *)last)[i] = 0x10 + i;
    }
    TRAPS(asm volatile("vle32.v v4, (%0)" ::"r"(last)
                       : "memory"),
          EXC_LOAD_ACCESS);
    check(trap.tval == RAM_END && csr_read("vstart") == 3);
    asm volatile("vle32.v v4, (%0)" ::"r"(buf - 12 + 16));
    check(csr_read("vstart") == 0);
    VSET(5, "e32, m4, ta, ma");
    asm volatile("vse32.v v4, (%0)" ::"r"(out) : "memory");
    check(out[0] == 0x10 && out[11] == 0x1b && out[12] == 16 && out[16] == 20);
    TRAPS(asm volatile("vsse32.v v4, (%0), %1" ::"r"(RAM_END - 64), "r"(32ul)
                       : "memory"),
          EXC_STORE_ACCESS);
    check(trap.tval == RAM_END && csr_read("vstart") == 2);
    csr_write("vstart", 0);
    /* fault-only-first: element 0 faults, a later one cuts vl */
    VSET(-1, "e32, m4, ta, ma");
    asm volatile("vle32ff.v v8, (%0)" ::"r"(last) : "memory");
    check(csr_read("vl") == 3 && csr_read("vstart") == 0);
    TRAPS(asm volatile("vle32ff.v v8, (%0)" ::"r"(RAM_END)
                       : "memory"),
          EXC_LOAD_ACCESS);
    check(csr_read("vstart") == 0 && csr_read("vl") == 3);
    /* a masked element does not fault */
    VSET(4, "e32, m1, ta, ma");
    asm volatile("vmv.v.i v0, 7; vle32.v v8, (%0), v0.t" ::"r"(last)
                 : "memory");
    check(csr_read("vstart") == 0);
    /* segments: vstart counts them */
    VSET(4, "e32, m1, ta, ma");
    TRAPS(asm volatile("vlseg2e32.v v8, (%0)" ::"r"(last)
                       : "memory"),
          EXC_LOAD_ACCESS);
    check(trap.tval == RAM_END && csr_read("vstart") == 1);
    csr_write("vstart", 0);
    asm volatile("vsetivli %0, 0, e8, m1, ta, ma; vle8.v v1, (%1)"
                 : "=r"(vl)
                 : "r"(RAM_END)); /* vl = 0: no access */
}

/* Pages: an access that goes across, at every offset. */
static void across_pages(void)
{
    static uint8_t area[3 * 4096] __attribute__((aligned(4096)));

    for (unsigned i = 0; i < sizeof(area); i++) {
        area[i] = i * 7;
    }
    for (unsigned at = 4096 - 40; at < 4096 + 2; at++) {
        VSET(32, "e8, m2, ta, ma");
        asm volatile("vle8.v v2, (%0); vse8.v v2, (%1)" ::"r"(area + at),
                     "r"(area + 8192 - 16)
                     : "memory");
        for (unsigned i = 0; i < 32; i++) {
            check(area[8192 - 16 + i] == (uint8_t)((at + i) * 7));
        }
        VSET(4, "e64, m2, ta, ma");
        asm volatile("vle64.v v2, (%0); vse64.v v2, (%1)" ::"r"(area + at),
                     "r"(out)
                     : "memory");
        for (unsigned i = 0; i < 32; i++) {
            check(out[i] == area[at + i]);
        }
    }
}

static void arithmetic(void)
{
    xlen_t x;

    fill();
    VSET(4, "e32, m1, ta, ma");
    asm volatile("vid.v v1; vadd.vi v1, v1, 3; vmv.s.x v2, x0;"
                 "vredsum.vs v2, v1, v2; vmv.x.s %0, v2"
                 : "=r"(x));
    check(x == 3 + 4 + 5 + 6);
    asm volatile("vmsgt.vi v0, v1, 4; vcpop.m %0, v0" : "=r"(x));
    check(x == 2);
    asm volatile("vfirst.m %0, v0" : "=r"(x));
    check(x == 2);
    csr_write("vxsat", 0);
    VSET(4, "e8, m1, ta, ma");
    asm volatile("vmv.v.i v1, 15; vsll.vi v1, v1, 3; vsadd.vi v1, v1, 15;"
                 "vmv.x.s %0, v1"
                 : "=r"(x));
    check(x == 127 && csr_read("vxsat") == 1);
    /* floating point: rounding from frm, flags to fflags */
    csr_write("fcsr", 2 << 5); /* rdn */
    VSET(2, "e32, m1, ta, ma");
    asm volatile("vmv.v.x v1, %1; vmv.v.x v2, %2; vfadd.vv v3, v1, v2;"
                 "vmv.x.s %0, v3"
                 : "=r"(x)
                 : "r"(0x3f800000ul), "r"(0xb3000000ul)); /* 1 - 2^-25 */
    check((uint32_t)x == 0x3f7fffff && csr_read("fflags") == 1);
    csr_write("fcsr", 4 << 5); /* rmm: in software */
    asm volatile("vmv.v.x v1, %1; vmv.v.x v2, %2; vfadd.vv v3, v1, v2;"
                 "vmv.x.s %0, v3"
                 : "=r"(x)
                 : "r"(0x3f800000ul), "r"(0x33800000ul)); /* 1 + 2^-24 */
    check((uint32_t)x == 0x3f800001 && csr_read("fflags") == 1);
    csr_write("fcsr", 0);
    /* an inactive element raises no flag */
    asm volatile("vmv.v.i v2, 0; vmv.v.i v0, 0; vfdiv.vv v3, v1, v2, v0.t");
    check(csr_read("fflags") == 0);
    asm volatile("vfdiv.vv v3, v1, v2");
    check(csr_read("fflags") == 8);
    csr_write("fcsr", 0);
}

static bool counts(const uint8_t *mask, unsigned i, xlen_t vl)
{
    return i < vl && (mask[i / 8] >> (i % 8) & 1);
}

/* vle@bits and vse@bits under a mask, all elements of m2 or some: what does
 * not count stays, in the register and in memory. The addresses come from
 * memory, so that no translator knows them. */
#define MASKED_ACCESSES(bits)                                                  \
    static void masked_##bits(const uint8_t *mask, xlen_t avl)                 \
    {                                                                          \
        unsigned size = bits / 8;                                              \
        uint8_t *volatile from = buf, *volatile to = out;                      \
        xlen_t vl, all = VSET(-1, "e8, m2, ta, ma");                           \
                                                                               \
        fill();                                                                \
        asm volatile("vmv.v.x v8, %0" ::"r"(0x55ul));                          \
        vl = VSET(-1, "e" #bits ", m2, ta, mu");                               \
        asm volatile("vlm.v v0, (%0)" ::"r"(mask) : "memory");                 \
        vl = VSET(avl, "e" #bits ", m2, ta, mu");                              \
        asm volatile("vle" #bits ".v v8, (%0), v0.t" ::"r"(from) : "memory");  \
        asm volatile("vs2r.v v8, (%0)" ::"r"(out) : "memory");                 \
        for (unsigned i = 0; i < all; i++) {                                   \
            check(out[i] == (counts(mask, i / size, vl) ? buf[i] : 0x55));     \
        }                                                                      \
        fill();                                                                \
        asm volatile("vse" #bits ".v v8, (%0), v0.t" ::"r"(to) : "memory");    \
        for (unsigned i = 0; i < all; i++) {                                   \
            check(out[i] == (counts(mask, i / size, vl) ? buf[i] : 0xee));     \
        }                                                                      \
    }
MASKED_ACCESSES(8)
MASKED_ACCESSES(16)
MASKED_ACCESSES(32)
MASKED_ACCESSES(64)

static void masked_accesses(void)
{
    static uint8_t mask[sizeof(buf) / 8];

    for (unsigned round = 0; round < 4; round++) {
        xlen_t avl = round % 2 == 0 ? -1 : 3 + round;

        for (unsigned i = 0; i < sizeof(mask); i++) {
            mask[i] = 0x35 * (i + 1) ^ round;
        }
        masked_8(mask, avl);
        masked_16(mask, avl);
        masked_32(mask, avl);
        masked_64(mask, avl);
    }
}

int main(void)
{
    csr_set("mstatus", MSTATUS_VS);
    configuration();
    state();
    illegal_forms();
    undisturbed();
    faults();
    across_pages();
    arithmetic();
    masked_accesses();
    return 0;
}
