/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * RISC-V ACLINT: MTIMER, MSWI and SSWI.
 *
 * Spec:  RISC-V Advanced Core Local Interruptor 1.0-rc4, chapters 3 to 5.
 * Guest: MTIMER one window with mtimecmp[] and mtime at offsets the board
 *        chooses, one level line (MTIP) a hart; SWI one window of 32-bit
 *        registers, one line (MSIP or SSIP) a hart.
 * Locks: registers and timers under the machine lock; the time source is
 *        read by any thread, its only variable is an atomic.
 */
#include "tandem/base.h"

#include "hw/intc/aclint.h"
#include "softmmu/machine/machine.h"
#include "trace_hw_intc.h"

#define NS_PER_S 1000000000ll

/* --- MTIMER --- */

typedef struct AclintMtimer AclintMtimer;

typedef struct MtimerHart {
    AclintMtimer *owner;
    Timer timer;
    IrqLine mtip;
} MtimerHart;

struct AclintMtimer {
    DeviceState parent;
    /* properties */
    uint32_t hartid_base, num_harts;
    uint32_t timecmp_base, time_base; /* offsets in the window */
    uint32_t aperture_size;           /* bytes */
    uint32_t timebase_freq;           /* Hz */
    /* guest state: saved; under the machine lock */
    uint64_t *timecmp; /* [num_harts] */
    uint64_t saved_delta;
    /* mtime - ticks of CLOCK_VIRTUAL; written under the machine lock, read
     * by aclint_mtimer_now() in any thread */
    _Atomic uint64_t delta;
    /* wiring */
    MemoryRegion mmio;
    MtimerHart *harts; /* [num_harts] */
    AclintTimeSource source;
};

const ObjectType aclint_time_source_type = {
    .name = "riscv.aclint.time-source",
    .parent = &object_type,
    .size = sizeof(AclintTimeSource),
};

static uint64_t ticks_of_ns(const AclintMtimer *s, int64_t ns)
{
    uint64_t t = ns < 0 ? 0 : (uint64_t)ns;

    if (NS_PER_S % s->timebase_freq == 0) {
        return t / (NS_PER_S / s->timebase_freq);
    }
    return (uint64_t)((unsigned __int128)t * s->timebase_freq / NS_PER_S);
}

static uint64_t aclint_mtimer_now(DeviceState *dev)
{
    AclintMtimer *s = (AclintMtimer *)dev; /* hot: the board checked it */

    return ticks_of_ns(s, event_clock_ns(dev->machine->gate, CLOCK_VIRTUAL)) +
           atomic_load_explicit(&s->delta, memory_order_relaxed);
}

static int64_t aclint_mtimer_deadline_ns(DeviceState *dev, uint64_t ticks)
{
    AclintMtimer *s = (AclintMtimer *)dev;
    int64_t now_ns = event_clock_ns(dev->machine->gate, CLOCK_VIRTUAL);
    uint64_t counter = ticks_of_ns(s, now_ns);
    uint64_t mtime =
        counter + atomic_load_explicit(&s->delta, memory_order_relaxed);
    unsigned __int128 ns;

    if (ticks <= mtime) {
        return 0;
    }
    /* The counter below mtime starts at 0; its sum with what is left may
     * pass 2^64 ticks. Rounded up: never early. */
    ns = (unsigned __int128)counter + (ticks - mtime);
    ns = (ns * NS_PER_S + s->timebase_freq - 1) / s->timebase_freq;
    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

static const AclintTimeOps aclint_time_ops = {
    .time = aclint_mtimer_now,
    .deadline_ns = aclint_mtimer_deadline_ns,
};

AclintTimeSource *aclint_mtimer_time_source(DeviceState *mtimer)
{
    AclintMtimer *s = object_cast(mtimer, &aclint_mtimer_type);

    return &s->source;
}

/* MTIP is mtime >= mtimecmp (ACLINT 3.4); else wake when that comes true. */
static void mtimer_update_hart(AclintMtimer *s, unsigned i)
{
    uint64_t cmp = s->timecmp[i];
    bool due = aclint_mtimer_now(&s->parent) >= cmp;
    int64_t deadline;

    irq_set(&s->harts[i].mtip, due);
    if (due) {
        timer_cancel(&s->harts[i].timer);
        return;
    }
    deadline = aclint_mtimer_deadline_ns(&s->parent, cmp);
    if (deadline == INT64_MAX) {
        timer_cancel(&s->harts[i].timer);
    } else {
        timer_set(&s->harts[i].timer, deadline);
    }
}

static void mtimer_fired(void *opaque)
{
    MtimerHart *h = opaque;

    mtimer_update_hart(h->owner, (unsigned)(h - h->owner->harts));
}

static void mtimer_jumped(AclintMtimer *s)
{
    for (unsigned i = 0; i < s->num_harts; i++) {
        mtimer_update_hart(s, i);
    }
    for (guint i = 0; i < s->source.on_jump->len; i++) {
        AclintJump *j = g_ptr_array_index(s->source.on_jump, i);

        j->fn(j->opaque);
    }
}

static void mtimer_set_now(AclintMtimer *s, uint64_t mtime)
{
    uint64_t delta = atomic_load_explicit(&s->delta, memory_order_relaxed);
    uint64_t ticks = aclint_mtimer_now(&s->parent) - delta;

    atomic_store_explicit(&s->delta, mtime - ticks, memory_order_relaxed);
}

/* What an access of @off touches: a hart's mtimecmp, mtime, or nothing. */
typedef struct MtimerReg {
    enum { MTIMER_NONE, MTIMER_CMP, MTIMER_TIME } kind;
    unsigned hart;
    bool high; /* upper half of the 64-bit register */
} MtimerReg;

static MtimerReg mtimer_decode(const AclintMtimer *s, hwaddr off)
{
    hwaddr cmp_off = off - s->timecmp_base, time_off = off - s->time_base;

    if (time_off < 8) {
        return (MtimerReg){ MTIMER_TIME, 0, time_off >= 4 };
    }
    if (cmp_off < 8ull * s->num_harts) {
        return (MtimerReg){ MTIMER_CMP, (unsigned)(cmp_off / 8),
                            (cmp_off & 4) != 0 };
    }
    return (MtimerReg){ MTIMER_NONE, 0, false };
}

static MemResult mtimer_read(void *opaque, hwaddr off, unsigned size,
                             uint64_t *value, MemAttrs attrs)
{
    AclintMtimer *s = opaque;
    MtimerReg r = mtimer_decode(s, off);
    uint64_t v;

    switch (r.kind) {
    case MTIMER_TIME:
        v = aclint_mtimer_now(&s->parent);
        break;
    case MTIMER_CMP:
        v = s->timecmp[r.hart];
        break;
    default:
        guest_error(&s->parent, "read of no register at 0x%" PRIx64, off);
        v = 0;
        break;
    }
    if (size == 4) {
        v = r.high ? v >> 32 : v & UINT32_MAX;
    }
    trace_aclint_mtimer_read(off, v);
    *value = v;
    return MEM_OK;
}

/* @old with the accessed part replaced. */
static uint64_t mtimer_merge(uint64_t old, uint64_t value, unsigned size,
                             bool high)
{
    return size == 8 ? value : bits_set(old, high ? 32 : 0, 32, value);
}

static MemResult mtimer_write(void *opaque, hwaddr off, unsigned size,
                              uint64_t value, MemAttrs attrs)
{
    AclintMtimer *s = opaque;
    MtimerReg r = mtimer_decode(s, off);

    trace_aclint_mtimer_write(off, value);
    switch (r.kind) {
    case MTIMER_TIME:
        mtimer_set_now(s, mtimer_merge(aclint_mtimer_now(&s->parent), value,
                                       size, r.high));
        mtimer_jumped(s);
        break;
    case MTIMER_CMP:
        s->timecmp[r.hart] =
            mtimer_merge(s->timecmp[r.hart], value, size, r.high);
        mtimer_update_hart(s, r.hart);
        break;
    default:
        guest_error(&s->parent, "write of no register at 0x%" PRIx64, off);
        break;
    }
    return MEM_OK;
}

static const MemoryOps mtimer_ops = {
    .read = mtimer_read,
    .write = mtimer_write,
    .endian = MEM_LITTLE,
    .valid_min = 4,
    .valid_max = 8,
};

static void mtimer_reset_enter(DeviceState *dev)
{
    AclintMtimer *s = object_cast(dev, &aclint_mtimer_type);

    mtimer_set_now(s, 0); /* ACLINT 3.2 */
    for (unsigned i = 0; i < s->num_harts; i++) {
        s->timecmp[i] = UINT64_MAX; /* unspecified by ACLINT 3.3: no IRQ */
    }
}

static void mtimer_reset_hold(DeviceState *dev)
{
    mtimer_jumped(object_cast(dev, &aclint_mtimer_type));
}

static void mtimer_pre_save(void *obj)
{
    AclintMtimer *s = obj;

    s->saved_delta = atomic_load_explicit(&s->delta, memory_order_relaxed);
}

/* The virtual clock is restored by the machine, before devices. */
static bool mtimer_post_load(void *obj, int version, Error **errp)
{
    AclintMtimer *s = obj;

    atomic_store_explicit(&s->delta, s->saved_delta, memory_order_relaxed);
    mtimer_jumped(s);
    return true;
}

static const VmField mtimer_fields[] = {
    VM_U64(AclintMtimer, saved_delta),
    VM_VARRAY(AclintMtimer, timecmp, num_harts, ACLINT_MAX_HARTS),
    { 0 },
};

static const VmState mtimer_vmstate = {
    .name = "riscv.aclint.mtimer",
    .version = 1,
    .fields = mtimer_fields,
    .pre_save = mtimer_pre_save,
    .post_load = mtimer_post_load,
};

static const Property mtimer_props[] = {
    PROP(u32, AclintMtimer, hartid_base, "hartid-base", "0",
         "hart id of the first hart"),
    PROP(u32, AclintMtimer, num_harts, "num-harts", "1", "harts served"),
    PROP(u32, AclintMtimer, timecmp_base, "timecmp-base", "0",
         "offset of mtimecmp[0]"),
    PROP(u32, AclintMtimer, time_base, "time-base", "0x7ff8",
         "offset of mtime"),
    PROP(u32, AclintMtimer, aperture_size, "aperture-size", "0x8000",
         "size of the window in bytes"),
    PROP(u32, AclintMtimer, timebase_freq, "timebase-freq", "10000000",
         "ticks of mtime a second"),
    { 0 },
};

static bool mtimer_check(const AclintMtimer *s, Error **errp)
{
    uint64_t cmp_size = 8ull * s->num_harts;

    if (s->num_harts == 0 || s->num_harts > ACLINT_MAX_HARTS) {
        error_set(errp, "num-harts must be 1 to %d", ACLINT_MAX_HARTS);
        return false;
    }
    if (s->timebase_freq == 0) {
        error_set(errp, "timebase-freq must not be 0");
        return false;
    }
    if (s->timecmp_base % 8 || s->time_base % 8 ||
        !range_fits(s->timecmp_base, cmp_size, s->aperture_size) ||
        !range_fits(s->time_base, 8, s->aperture_size) ||
        range_overlaps(s->timecmp_base, cmp_size, s->time_base, 8)) {
        error_set(errp, "timecmp-base and time-base do not fit in the "
                        "aperture");
        return false;
    }
    return true;
}

static bool mtimer_realize(DeviceState *dev, Error **errp)
{
    AclintMtimer *s = object_cast(dev, &aclint_mtimer_type);

    if (!mtimer_check(s, errp)) {
        return false;
    }
    s->timecmp = g_new(uint64_t, s->num_harts);
    s->harts = g_new0(MtimerHart, s->num_harts);
    memory_region_init_io(&s->mmio, dev, &mtimer_ops, s, "riscv.aclint.mtimer",
                          s->aperture_size);
    device_add_mmio(dev, &s->mmio);
    for (unsigned i = 0; i < s->num_harts; i++) {
        s->timecmp[i] = UINT64_MAX;
        s->harts[i].owner = s;
        timer_init(&s->harts[i].timer, dev->machine->loop, CLOCK_VIRTUAL,
                   mtimer_fired, &s->harts[i]);
        device_add_irq(dev, &s->harts[i].mtip);
    }
    s->source.ops = &aclint_time_ops;
    s->source.dev = dev;
    s->source.timebase_hz = s->timebase_freq;
    return true;
}

static void mtimer_unrealize(DeviceState *dev)
{
    AclintMtimer *s = object_cast(dev, &aclint_mtimer_type);

    for (unsigned i = 0; i < s->num_harts; i++) {
        timer_cancel(&s->harts[i].timer);
    }
    memory_region_destroy(&s->mmio);
    g_clear_pointer(&s->harts, g_free);
    g_clear_pointer(&s->timecmp, g_free);
}

static void mtimer_init(Object *obj)
{
    AclintMtimer *s = object_cast(obj, &aclint_mtimer_type);

    object_init_inline(&s->source, &aclint_time_source_type);
    object_add_child(obj, "time-source", &s->source, NULL);
    s->source.on_jump = g_ptr_array_new();
}

static void mtimer_finalize(Object *obj)
{
    AclintMtimer *s = object_cast(obj, &aclint_mtimer_type);

    g_ptr_array_free(s->source.on_jump, TRUE);
}

const DeviceType aclint_mtimer_type = {
    .name = "riscv.aclint.mtimer",
    .parent = TYPE(device_type),
    .description = "RISC-V ACLINT machine timer",
    .size = sizeof(AclintMtimer),
    .props = mtimer_props,
    .init = mtimer_init,
    .finalize = mtimer_finalize,
    .realize = mtimer_realize,
    .unrealize = mtimer_unrealize,
    .reset_enter = mtimer_reset_enter,
    .reset_hold = mtimer_reset_hold,
    .vmstate = &mtimer_vmstate,
};

/* --- MSWI, SSWI --- */

typedef struct AclintSwi {
    DeviceState parent;
    /* properties */
    uint32_t hartid_base, num_harts;
    bool sswi;
    /* guest state: saved; under the machine lock. 0 always for SSWI. */
    bool *pending; /* [num_harts] */
    /* wiring */
    MemoryRegion mmio;
    IrqLine *irq; /* [num_harts] */
} AclintSwi;

static MemResult swi_read(void *opaque, hwaddr off, unsigned size,
                          uint64_t *value, MemAttrs attrs)
{
    AclintSwi *s = opaque;
    hwaddr i = off / 4;

    *value = 0;
    if (i >= s->num_harts) {
        guest_error(&s->parent, "read for no hart at 0x%" PRIx64, off);
    } else {
        *value = s->pending[i]; /* SETSSIP reads 0: ACLINT 5.3 */
    }
    return MEM_OK;
}

static MemResult swi_write(void *opaque, hwaddr off, unsigned size,
                           uint64_t value, MemAttrs attrs)
{
    AclintSwi *s = opaque;
    hwaddr i = off / 4;

    trace_aclint_swi_write(s->sswi, off, value);
    if (i >= s->num_harts) {
        guest_error(&s->parent, "write for no hart at 0x%" PRIx64, off);
    } else if (!s->sswi) {
        s->pending[i] = value & 1; /* other bits are 0: ACLINT 4.2 */
        if (s->pending[i]) {
            irq_resend(&s->irq[i], true); /* each write is one IPI: it wakes */
        } else {
            irq_set(&s->irq[i], false);
        }
    } else if (value & 1) {
        irq_pulse(&s->irq[i]); /* the hart latches mip.SSIP: ACLINT 5.3 */
    }
    return MEM_OK;
}

static const MemoryOps swi_ops = {
    .read = swi_read,
    .write = swi_write,
    .endian = MEM_LITTLE,
    .valid_min = 4,
    .valid_max = 4,
};

static void swi_update(AclintSwi *s)
{
    for (unsigned i = 0; i < s->num_harts; i++) {
        irq_set(&s->irq[i], s->pending[i]);
    }
}

static void swi_reset_enter(DeviceState *dev)
{
    AclintSwi *s = object_cast(dev, &aclint_swi_type);

    memset(s->pending, 0, s->num_harts * sizeof(*s->pending));
}

static void swi_reset_hold(DeviceState *dev)
{
    swi_update(object_cast(dev, &aclint_swi_type));
}

static bool swi_post_load(void *obj, int version, Error **errp)
{
    AclintSwi *s = obj;

    for (unsigned i = 0; s->sswi && i < s->num_harts; i++) {
        if (s->pending[i]) {
            error_set(errp, "riscv.aclint.swi: an SSWI has no pending bits");
            return false;
        }
    }
    swi_update(s);
    return true;
}

static const VmField swi_fields[] = {
    { .name = "pending",
      .offset = offsetof(AclintSwi, pending),
      .kind = VM_KIND_BOOL,
      .size = sizeof(bool),
      .count = ACLINT_MAX_HARTS,
      .count_offset = offsetof(AclintSwi, num_harts) + 1,
      .pointer = true },
    { 0 },
};

static const VmState swi_vmstate = {
    .name = "riscv.aclint.swi",
    .version = 1,
    .fields = swi_fields,
    .post_load = swi_post_load,
};

static const Property swi_props[] = {
    PROP(u32, AclintSwi, hartid_base, "hartid-base", "0",
         "hart id of the first hart"),
    PROP(u32, AclintSwi, num_harts, "num-harts", "1", "harts served"),
    PROP(bool, AclintSwi, sswi, "sswi", "off",
         "supervisor level: SETSSIP registers"),
    { 0 },
};

static bool swi_realize(DeviceState *dev, Error **errp)
{
    AclintSwi *s = object_cast(dev, &aclint_swi_type);

    if (s->num_harts == 0 || s->num_harts > ACLINT_MAX_HARTS) {
        error_set(errp, "num-harts must be 1 to %d", ACLINT_MAX_HARTS);
        return false;
    }
    s->pending = g_new0(bool, s->num_harts);
    s->irq = g_new0(IrqLine, s->num_harts);
    memory_region_init_io(&s->mmio, dev, &swi_ops, s, "riscv.aclint.swi",
                          ACLINT_SWI_SIZE);
    device_add_mmio(dev, &s->mmio);
    for (unsigned i = 0; i < s->num_harts; i++) {
        device_add_irq(dev, &s->irq[i]);
    }
    return true;
}

static void swi_unrealize(DeviceState *dev)
{
    AclintSwi *s = object_cast(dev, &aclint_swi_type);

    memory_region_destroy(&s->mmio);
    g_clear_pointer(&s->irq, g_free);
    g_clear_pointer(&s->pending, g_free);
}

const DeviceType aclint_swi_type = {
    .name = "riscv.aclint.swi",
    .parent = TYPE(device_type),
    .description = "RISC-V ACLINT software interrupts",
    .size = sizeof(AclintSwi),
    .props = swi_props,
    .realize = swi_realize,
    .unrealize = swi_unrealize,
    .reset_enter = swi_reset_enter,
    .reset_hold = swi_reset_hold,
    .vmstate = &swi_vmstate,
};
