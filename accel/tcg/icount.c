/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counted time (TCG.md 3.13, DECISIONS 33). */
#include "tandem/base.h"

#include "accel/tcg/internal.h"
#include "softmmu/machine/machine.h"

bool icount_init(TcgAccel *a, Error **errp)
{
    if (a->opt.icount_shift >= 0) {
        error_set(errp, "icount is not available in this build");
        return false;
    }
    return true;
}

void icount_free(TcgAccel *a)
{
}

void icount_begin_slice(TcgVcpu *v)
{
}

void icount_end_slice(TcgVcpu *v)
{
}

/* Without icount nobody counts: one insn a nanosecond of virtual time. */
uint64_t tcg_insn_count(CPUState *cpu)
{
    return event_clock_ns(cpu->parent.machine->gate, CLOCK_VIRTUAL);
}
