/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hart as an object: what is not architectural state. */
#ifndef TARGET_RISCV_CPU_OBJECT_H
#define TARGET_RISCV_CPU_OBJECT_H

#include "hw/intc/aclint.h"
#include "softmmu/machine/cpu.h"
#include "target/riscv/cpu.h"
#include "target/semihost.h"

/* What the user said of a feature. */
enum { EXT_UNSET, EXT_ON, EXT_OFF };

struct RiscvCpu {
    CPUState parent;
    /* properties: set before realize, constant after */
    uint8_t ext[RISCV_EXT_COUNT]; /* EXT_x */
    uint8_t sv39, sv48, sv57;     /* EXT_x */
    bool mmu, pmp;
    uint32_t pmp_regions; /* 0 (none), 16 or 64 */
    uint32_t pmu_mask;    /* mhpmcounters, bits 3..31 */
    uint16_t cbom_blocksize, cbop_blocksize, cboz_blocksize;
    uint64_t mvendorid, marchid, mimpid, resetvec;
    AclintTimeSource *time; /* link "time-source"; NULL: no `time` */
    /* constant after realize */
    RiscvConfig cfg;
    SemihostFn *semihost;
    void *semihost_opaque;
    /* wiring: looks at stimecmp again; its deadline follows from env */
    Timer stimer;
    AclintJump jump;
    bool jump_added;
};

static inline RiscvEnv *riscv_env(const CPUState *cpu)
{
    return cpu->env;
}

static inline RiscvCpu *riscv_cpu(CPUState *cpu)
{
    return (RiscvCpu *)cpu; /* env and ops reach no other type */
}

extern const CpuType *const riscv_cpu_models[]; /* NULL-terminated */
extern const CpuType riscv_cpu_type;            /* "riscv-cpu", abstract */
extern const TcgCpuOps riscv_tcg_ops;
extern const RiscvHooks riscv_tcg_hooks;
extern const GdbFeature riscv_gdb_features[];

unsigned riscv_gdb_read(CPUState *cpu, const GdbFeature *f, unsigned n,
                        GByteArray *out);
unsigned riscv_gdb_write(CPUState *cpu, const GdbFeature *f, unsigned n,
                         const uint8_t *bytes, unsigned avail);

/* Arm or disarm the timer after stimecmp, STCE or mtime changed. Any thread
 * that owns env. */
void riscv_stimer_update(RiscvCpu *cpu);

#endif
