/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V ACLINT: machine timer (MTIMER), machine and supervisor software
 * interrupts (MSWI, SSWI), and how a hart reads its `time` (DECISIONS 39).
 *
 * Spec: RISC-V Advanced Core Local Interruptor 1.0-rc4; SiFive CLINT, whose
 *       layout is MSWI at 0x0 and MTIMER at 0x4000 (ACLINT chapter 2).
 */
#ifndef HW_INTC_ACLINT_H
#define HW_INTC_ACLINT_H

#include "softmmu/machine/device.h"

/* Both may be called by any thread, without a lock. */
typedef struct AclintTimeOps {
    /* mtime, in ticks */
    uint64_t (*time)(DeviceState *dev);
    /* When CLOCK_VIRTUAL is at least this, mtime is at least @ticks (until
     * somebody writes mtime); INT64_MAX: not in this machine's life. */
    int64_t (*deadline_ns)(DeviceState *dev, uint64_t ticks);
} AclintTimeOps;

/*
 * What a hart's link property "time-source" (target type
 * aclint_time_source_type) points to: child "time-source" of an MTIMER. The
 * board sets it before it realizes the CPU. A hart without one takes rdtime
 * as an illegal instruction.
 */
typedef struct AclintTimeSource {
    Object parent;
    const AclintTimeOps *ops;
    DeviceState *dev;
    uint32_t timebase_hz;
    /* Called under the machine lock when mtime jumped (it was written, or
     * reset): deadlines must be computed again. Notifier list of the MTIMER;
     * a hart with Sstc adds itself. */
    GPtrArray *on_jump; /* AclintJump * */
} AclintTimeSource;
extern const ObjectType aclint_time_source_type;

typedef struct AclintJump {
    void (*fn)(void *opaque);
    void *opaque;
} AclintJump;

static inline uint64_t aclint_time(const AclintTimeSource *t)
{
    return t->ops->time(t->dev);
}

enum {
    ACLINT_MAX_HARTS = 4095, /* of an MTIMER or MSWI: ACLINT 3.1, 4.1 */
    ACLINT_SWI_SIZE = 0x4000,
    ACLINT_MTIMER_SIZE = 0x8000,
};

/* "riscv.aclint.mtimer": region 0 the registers, lines 0..num-harts-1 MTIP. */
extern const DeviceType aclint_mtimer_type;
/* "riscv.aclint.swi": region 0; lines MSIP, or SSIP pulses with sswi=on. */
extern const DeviceType aclint_swi_type;

/* The time source of a realized MTIMER. */
AclintTimeSource *aclint_mtimer_time_source(DeviceState *mtimer);

#endif
