/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hart as an object: what is not architectural state. */
#ifndef TARGET_RISCV_CPU_OBJECT_H
#define TARGET_RISCV_CPU_OBJECT_H

#include "hw/intc/aclint.h"
#include "softmmu/machine/cpu.h"
#include "target/riscv/cpu.h"
#include "target/riscv/features.h"
#include "target/semihost.h"

/* A model's type. */
typedef struct RiscvCpuType {
    struct CpuType;
    const RiscvModel *riscv;
} RiscvCpuType;

struct RiscvCpu {
    CPUState parent;
    /* properties: set before realize, constant after */
    uint8_t ext[RISCV_EXT_COUNT]; /* EXT_x */
    uint8_t sv[3];                /* EXT_x of sv39, sv48, sv57 */
    bool mmu, pmp;
    bool parsed;          /* scratch of the properties' parser */
    uint32_t pmp_regions; /* 16 or 64 */
    uint32_t pmu_mask;    /* mhpmcounters, bits 3..31 */
    uint16_t vlen, elen;  /* bits */
    uint16_t cbom_blocksize, cbop_blocksize, cboz_blocksize;
    uint64_t mvendorid, marchid, mimpid, resetvec;
    AclintTimeSource *time; /* link "time-source"; NULL: no `time` */
    /* constant after realize */
    RiscvConfig cfg;
    const RiscvConfig *shared_cfg; /* an equal one of an earlier hart: units
                                      translated for one serve all */
    SemihostFn *semihost;
    void *semihost_opaque;
    bool semihost_user; /* user mode too */
    /* wiring: looks at stimecmp again; its deadline follows from env */
    Timer stimer;
    AclintJump jump;
    /* saved state: for comparison with what the stream holds */
    RiscvConfig saved_cfg;
};

static inline RiscvEnv *riscv_env(const CPUState *cpu)
{
    return cpu->env;
}

static inline RiscvCpu *riscv_cpu(CPUState *cpu)
{
    return (RiscvCpu *)cpu; /* env and ops reach no other type */
}

extern const CpuType riscv_cpu_type; /* "riscv-cpu", abstract */
extern const VmState riscv_cpu_vmstate;
extern const TcgCpuOps riscv_tcg_ops;
extern const RiscvHooks riscv_hooks;
extern const GdbFeature riscv_gdb_features[];

unsigned riscv_gdb_read(CPUState *cpu, const GdbFeature *f, unsigned n,
                        GByteArray *out);
unsigned riscv_gdb_write(CPUState *cpu, const GdbFeature *f, unsigned n,
                         const uint8_t *bytes, unsigned avail);

/* Arm or disarm the timer after stimecmp, STCE or mtime changed. Any thread
 * that owns env. */
void riscv_stimer_update(RiscvCpu *cpu);

#endif
