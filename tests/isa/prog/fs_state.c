/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mstatus.FS: Priv 3.1.6.6. Off makes every FP instruction illegal; what
 * writes f-registers or flags makes it Dirty. */
#include "isa.h"

static void set_fs(xlen_t v)
{
    csr_clear("mstatus", MSTATUS_FS);
    csr_set("mstatus", v << 13);
}

static xlen_t fs(void)
{
    return csr_read("mstatus") >> 13 & 3;
}

static uint32_t word;

/* Each runs with FS Clean; then FS must be @want. */
#define FS_AFTER(insn, want)                                                   \
    do {                                                                       \
        set_fs(2);                                                             \
        asm volatile(insn ::"r"(&word) : "a0", "fa0", "memory");               \
        check(fs() == (want));                                                 \
    } while (0)
#define OFF(insn)                                                              \
    do {                                                                       \
        set_fs(0);                                                             \
        TRAPS(asm volatile(insn ::"r"(&word)                                   \
                           : "a0", "fa0", "memory"),                           \
              EXC_ILLEGAL);                                                    \
        check(fs() == 0);                                                      \
    } while (0)

int main(void)
{
    FS_AFTER("flw fa0, 0(%0)", 3);
    FS_AFTER("fsw fa0, 0(%0)", 2);
    FS_AFTER("fmv.x.w a0, fa0", 2);
    FS_AFTER("fclass.s a0, fa0", 2);
    FS_AFTER("fadd.s fa0, fa0, fa0", 3);
    FS_AFTER("fmv.w.x fa0, a0", 3);
    FS_AFTER("fsflags x0", 3);
    FS_AFTER("frflags a0", 2);
    /* a compare that raises a flag */
    word = 0x7f800001; /* signalling NaN */
    set_fs(1);
    asm volatile("flw fa0, 0(%0)" ::"r"(&word) : "fa0");
    FS_AFTER("feq.s a0, fa0, fa0", 3);
    FS_AFTER("fcvt.w.s a0, fa0, rtz", 3);
    /* SD sums up (3.1.6.6) */
    set_fs(3);
    check((long)csr_read("mstatus") < 0);
    set_fs(2);
    check((long)csr_read("mstatus") >= 0);

    OFF("flw fa0, 0(%0)");
    OFF("fsw fa0, 0(%0)");
    OFF("fadd.s fa0, fa0, fa0");
    OFF("feq.s a0, fa0, fa0");
    OFF("fmv.x.w a0, fa0");
    OFF("frflags a0");
    OFF("fsrm x0");
    OFF("frcsr a0");
    OFF("fld fa0, 0(%0)");
    return 0;
}
