/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * C functions that translated code calls, declared with their effects: that is
 * what lets the builder keep guest state out of memory (TCG.md 3.1).
 *
 * Calling convention: fn(env, args...) with env the guest state pointer, then
 * at most TCG_HELPER_ARGS integer arguments. F32 and F64 values travel as
 * their bits in uint32_t and uint64_t, both ways; no C floating-point types.
 * An I32 argument's upper half is undefined, as the C ABI has it.
 */
#ifndef TCG_HELPER_H
#define TCG_HELPER_H

#include "tcg/ir.h"

enum { TCG_HELPER_ARGS = 5 };

/* No flag set and reads/writes NULL is the safe default: it may fault, it
 * reads and writes every slot, it may call anything. */
enum {
    /* The result depends on the arguments alone, nothing else happens: may be
     * folded together, moved and dropped. env is passed but not looked at. */
    TCG_H_PURE = 1 << 0,
    /* Always returns: no snapshot. */
    TCG_H_NOFAULT = 1 << 1,
    /* May change what guest addresses mean: cached translations die. */
    TCG_H_FLUSHES_TLB = 1 << 2,
    /* May change ctx, privilege, or what the next insn is. The translator
     * ends the unit right after it, with tcg_exit_indirect. */
    TCG_H_ENDS_TB = 1 << 3,
    /* Computes in host floating point, or looks at or changes mxcsr_guest:
     * the thunk puts MXCSR into hot->mxcsr_guest, loads the host's own, and
     * after the call loads hot->mxcsr_guest. */
    TCG_H_HOST_FP = 1 << 4,
    /* May drop translations, this unit's too. */
    TCG_H_MAY_INVALIDATE = 1 << 5,
    /* Never returns: it raises. The translator ends the unit after it. */
    TCG_H_NORETURN = 1 << 6,
};

/* Slot sets for .reads and .writes. */
extern const TcgSlotSet tcg_slots_none; /* no slot at all */
extern const TcgSlotSet tcg_slots_all;

struct TcgHelper {
    const char *name; /* unique; names the op in dumps */
    const void *fn;
    TcgType ret; /* TCG_NONE, I32, I64, F32 or F64 */
    uint8_t nargs;
    uint8_t arg[TCG_HELPER_ARGS]; /* TcgType of each argument after env */
    uint32_t flags;               /* TCG_H_* */
    /* Slots whose values in env the helper looks at, or changes. NULL: all.
     * A pure helper has neither. Other fields of env need no declaration. */
    const TcgSlotSet *reads;
    const TcgSlotSet *writes;
};

static inline bool tcg_helper_may_fault(const TcgHelper *h)
{
    return !(h->flags & (TCG_H_PURE | TCG_H_NOFAULT));
}

#endif
