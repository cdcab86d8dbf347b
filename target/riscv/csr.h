/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control and status registers: numbers, fields and access.
 *
 * Spec: Priv chapter 2 (listing, access rules), 3 and 10 (contents); field
 * names are the manual's.
 */
#ifndef TARGET_RISCV_CSR_H
#define TARGET_RISCV_CSR_H

#include "target/riscv/cpu.h"

enum {
    CSR_FFLAGS = 0x001,
    CSR_FRM = 0x002,
    CSR_FCSR = 0x003,
    CSR_VSTART = 0x008,
    CSR_VXSAT = 0x009,
    CSR_VXRM = 0x00a,
    CSR_VCSR = 0x00f,
    CSR_VL = 0xc20,
    CSR_VTYPE = 0xc21,
    CSR_VLENB = 0xc22,
    CSR_CYCLE = 0xc00,
    CSR_TIME = 0xc01,
    CSR_INSTRET = 0xc02,
    CSR_SSTATUS = 0x100,
    CSR_SIE = 0x104,
    CSR_STVEC = 0x105,
    CSR_SCOUNTEREN = 0x106,
    CSR_SENVCFG = 0x10a,
    CSR_SSTATEEN0 = 0x10c,
    CSR_SSCRATCH = 0x140,
    CSR_SEPC = 0x141,
    CSR_SCAUSE = 0x142,
    CSR_STVAL = 0x143,
    CSR_SIP = 0x144,
    CSR_STIMECMP = 0x14d,
    CSR_STIMECMPH = 0x15d,
    CSR_SATP = 0x180,
    CSR_MSTATUS = 0x300,
    CSR_MISA = 0x301,
    CSR_MEDELEG = 0x302,
    CSR_MIDELEG = 0x303,
    CSR_MIE = 0x304,
    CSR_MTVEC = 0x305,
    CSR_MCOUNTEREN = 0x306,
    CSR_MENVCFG = 0x30a,
    CSR_MSTATEEN0 = 0x30c,
    CSR_MSTATUSH = 0x310,
    CSR_MENVCFGH = 0x31a,
    CSR_MSTATEEN0H = 0x31c,
    CSR_MCOUNTINHIBIT = 0x320,
    CSR_MHPMEVENT3 = 0x323,
    CSR_MSCRATCH = 0x340,
    CSR_MEPC = 0x341,
    CSR_MCAUSE = 0x342,
    CSR_MTVAL = 0x343,
    CSR_MIP = 0x344,
    CSR_PMPCFG0 = 0x3a0,
    CSR_PMPADDR0 = 0x3b0,
    CSR_TSELECT = 0x7a0,
    CSR_TDATA1 = 0x7a1,
    CSR_TDATA2 = 0x7a2,
    CSR_TDATA3 = 0x7a3,
    CSR_TINFO = 0x7a4,
    CSR_MCYCLE = 0xb00,
    CSR_MINSTRET = 0xb02,
    CSR_MCYCLEH = 0xb80,
    CSR_CYCLEH = 0xc80,
    CSR_MVENDORID = 0xf11,
    CSR_MARCHID = 0xf12,
    CSR_MIMPID = 0xf13,
    CSR_MHARTID = 0xf14,
    CSR_MCONFIGPTR = 0xf15,
};

/* mstatus (Priv 3.1.6); bits from 32 up are mstatush on RV32. */
#define MSTATUS_SIE  BIT(1)
#define MSTATUS_MIE  BIT(3)
#define MSTATUS_SPIE BIT(5)
#define MSTATUS_UBE  BIT(6)
#define MSTATUS_MPIE BIT(7)
#define MSTATUS_SPP  BIT(8)
#define MSTATUS_VS   (BIT(9) | BIT(10))
#define MSTATUS_MPP  (BIT(11) | BIT(12))
#define MSTATUS_FS   (BIT(13) | BIT(14))
#define MSTATUS_XS   (BIT(15) | BIT(16))
#define MSTATUS_MPRV BIT(17)
#define MSTATUS_SUM  BIT(18)
#define MSTATUS_MXR  BIT(19)
#define MSTATUS_TVM  BIT(20)
#define MSTATUS_TW   BIT(21)
#define MSTATUS_TSR  BIT(22)
#define MSTATUS_UXL  (BIT(32) | BIT(33))
#define MSTATUS_SXL  (BIT(34) | BIT(35))
enum { MSTATUS_MPP_SHIFT = 11, MSTATUS_FS_SHIFT = 13, MSTATUS_VS_SHIFT = 9 };
enum { XSTATUS_OFF = 0, XSTATUS_INITIAL, XSTATUS_CLEAN, XSTATUS_DIRTY };

/* menvcfg (Priv 3.1.18); senvcfg has the low ones. */
#define ENVCFG_FIOM  BIT(0)
#define ENVCFG_CBIE  (BIT(4) | BIT(5))
#define ENVCFG_CBCFE BIT(6)
#define ENVCFG_CBZE  BIT(7)
#define ENVCFG_ADUE  BIT(61)
#define ENVCFG_PBMTE BIT(62)
#define ENVCFG_STCE  BIT(63)
enum { ENVCFG_CBIE_SHIFT = 4 };

#define STATEEN_ENVCFG BIT(62)
#define STATEEN_SE     BIT(63)

/* satp.MODE (Priv 10.1.11) */
enum {
    SATP_BARE = 0,
    SATP_SV32 = 1,
    SATP_SV39 = 8,
    SATP_SV48 = 9,
    SATP_SV57 = 10,
};

static inline unsigned satp_mode(const RiscvEnv *env)
{
    return env->xlen == 32 ? bits_get(env->satp, 31, 1)
                           : bits_get(env->satp, 60, 4);
}
static inline unsigned satp_asid(const RiscvEnv *env)
{
    return env->xlen == 32 ? bits_get(env->satp, 22, 9)
                           : bits_get(env->satp, 44, 16);
}
static inline uint64_t satp_ppn(const RiscvEnv *env)
{
    return env->xlen == 32 ? bits_get(env->satp, 0, 22)
                           : bits_get(env->satp, 0, 44);
}

/* Does FP state exist and is it on (mstatus.FS)? */
static inline bool riscv_fs_on(const RiscvEnv *env)
{
    return (env->mstatus & MSTATUS_FS) != 0;
}

/*
 * riscv_csr_access: one Zicsr instruction (Unpriv 6.1) at env's privilege.
 * @old: where the old value goes, NULL when rd = x0 of CSRRW (no read and no
 *       side effect of one)
 * @write: false for CSRRS and CSRRC with rs1 = x0
 * @value, @mask: new value in the bits of @mask; CSRRW has all of them
 * False: illegal instruction, nothing changed. Values are zero-extended from
 * XLEN; the caller sign-extends for a gpr. vCPU thread.
 */
bool riscv_csr_access(RiscvEnv *env, unsigned csr, uint64_t *old, bool write,
                      uint64_t value, uint64_t mask);

/* For debuggers and the monitor: no privilege or enable check. False: there
 * is no such CSR on this hart, or it is read-only. vCPU quiet. */
bool riscv_csr_peek(RiscvEnv *env, unsigned csr, uint64_t *value);
bool riscv_csr_poke(RiscvEnv *env, unsigned csr, uint64_t value);
/* The manual's name in @buf, or NULL when this hart has no such CSR. */
const char *riscv_csr_name(const RiscvEnv *env, unsigned csr, char buf[24]);

/* All CSRs to their reset values (Priv 3.4); keeps wiring and gprs. */
void riscv_csr_reset(RiscvEnv *env);

/* mip as software reads it: lines, software bits and the stimecmp level. */
uint64_t riscv_mip(RiscvEnv *env);
/* The same for @bits only: STIP asks the clock, which is not free. */
uint64_t riscv_mip_bits(RiscvEnv *env, uint64_t bits);

/* A row of the table in csr.c; ranges have one row. */
typedef struct CsrRow {
    uint16_t first;
    uint8_t count;
    uint8_t index;    /* i of the first: the number in a range's name */
    const char *name; /* "%u" stands for that number in a range */
    /* does this hart have it? @i counts from index; NULL: always */
    bool (*exists)(const RiscvEnv *env, unsigned i);
    /* rules beyond the privilege in the number (Priv 2.1); NULL: none */
    bool (*allowed)(const RiscvEnv *env, unsigned i);
    /* NULL: the uint64_t at @offset of env, written through @mask */
    uint64_t (*read)(RiscvEnv *env, unsigned i);
    void (*write)(RiscvEnv *env, unsigned i, uint64_t value);
    /* instead of write: set the bits of @mask alone. For mip, whose other
     * bits may change meanwhile, and where set and clear see the software bit
     * of SEIP but not the line (Priv 3.1.9) */
    void (*modify)(RiscvEnv *env, uint64_t value, uint64_t mask);
    uint16_t offset;
    uint64_t mask;
} CsrRow;

/* counters.c */
uint64_t counter_read(RiscvEnv *env, unsigned n);
void counter_write(RiscvEnv *env, unsigned n, uint64_t value);
void counter_set_inhibit(RiscvEnv *env, uint32_t inhibit);
void counter_set_event(RiscvEnv *env, unsigned n, uint64_t event);
/* Before an instruction that accesses @csr: true when that is the first use
 * of a counter of instructions. Counting begins, in another context: the
 * instruction must be executed again. Own thread. */
bool counter_first_use(RiscvEnv *env, unsigned csr);
/* After one that wrote @csr: its own retirement comes before the write, so
 * that the next one reads the value written (Unpriv 6.1.1). */
void counter_written(RiscvEnv *env, unsigned csr);
/* Bits of mcounteren and mcountinhibit that exist. */
uint32_t counter_mask(const RiscvEnv *env);
/* Is the Sstc compare level up? (Sstc 2.1: time >= stimecmp, unsigned.) */
bool stimer_pending(RiscvEnv *env);
static inline bool stimer_enabled(const RiscvEnv *env)
{
    return riscv_has(env->cfg, RISCV_EXT_SSTC) &&
           (env->menvcfg & ENVCFG_STCE) != 0;
}

#endif
