/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Local APICs in xAPIC mode, of all CPUs of a machine.
 *
 * Spec:  Intel SDM 3A, chapter "Advanced Programmable Interrupt Controller":
 *        10.4 (registers, states), 10.5 (local vector table, timer), 10.6
 *        (IPIs), 10.8 (handling), 10.9 (spurious), 10.11 (messages); numbers
 *        are those of that chapter where it is the tenth.
 * Guest: a page at 0xfee00000 that is each CPU's own; the timer counts at
 *        1 GHz of virtual time, divided.
 * Omits: x2APIC mode, moving the page, the thermal, performance and CMCI
 *        sources (their registers are there), remote read, SMI, EOI-broadcast
 *        suppression; a LINT pin in fixed mode is an edge.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "softmmu/machine/machine.h"

enum { PAGE = 0x1000, CPUS_MAX = 255, LINTS = 2, VECTOR_WORDS = 8 };
/* A flood of timer interrupts is for the host to bear, too. */
enum { MIN_PERIOD_NS = 20000 };
/* The longest count: 2^32 at 128 ns. */
#define MAX_COUNT_NS ((int64_t)128 << 32)

/* Register index = byte offset / 16; table 10-1. */
enum {
    R_ID = 0x02,
    R_VERSION = 0x03,
    R_TPR = 0x08,
    R_APR = 0x09,
    R_PPR = 0x0a,
    R_EOI = 0x0b,
    R_REMOTE = 0x0c,
    R_LDR = 0x0d,
    R_DFR = 0x0e,
    R_SVR = 0x0f,
    R_ISR = 0x10,
    R_TMR = 0x18,
    R_IRR = 0x20,
    R_ESR = 0x28,
    R_LVT_CMCI = 0x2f,
    R_ICR_LOW = 0x30,
    R_ICR_HIGH = 0x31,
    R_LVT_TIMER = 0x32,
    R_LVT_THERMAL = 0x33,
    R_LVT_PERF = 0x34,
    R_LVT_LINT0 = 0x35,
    R_LVT_LINT1 = 0x36,
    R_LVT_ERROR = 0x37,
    R_INITIAL_COUNT = 0x38,
    R_CURRENT_COUNT = 0x39,
    R_DIVIDE = 0x3e,
    R_COUNT = 0x40,
};

#define BASE_BSP    BIT(8)
#define BASE_ENABLE BIT(11)
#define BASE_PAGE   0xfee00000ull

enum { VERSION = 0x14 | 5 << 16 }; /* entries 0 to 5; 10.4.8 */
enum { SVR_ENABLE = 1u << 8, SVR_WRITABLE = 0x3ff };
enum { LVT_MASKED = 1u << 16 };
/* Bits of an LVT entry or of the ICR. */
enum {
    FIXED,
    LOWEST,
    SMI,
    NMI = 4,
    INIT,
    STARTUP,
    EXTINT,
    ICR_LOGICAL = 1u << 11,
    ICR_ASSERT = 1u << 14,
    ICR_LEVEL = 1u << 15,
    ICR_WRITABLE = 0x000ccfff,
};
enum { TO_ONE, TO_SELF, TO_ALL, TO_OTHERS };
enum { ONE_SHOT, PERIODIC, DEADLINE, TIMER_RESERVED };
enum {
    ESR_SEND_VECTOR = 1u << 5,
    ESR_VECTOR = 1u << 6,
    ESR_REGISTER = 1u << 7
};

typedef struct Apic Apic;
typedef struct Unit {
    /* constant once its CPU is connected */
    Apic *apic;
    unsigned index;
    const ApicCpuOps *ops; /* NULL: there is no CPU */
    void *cpu;
    uint32_t initial_id;
    /* guest state: saved */
    uint64_t base;
    uint32_t reg[R_COUNT]; /* R_ID and those that just keep a value */
    _Atomic uint8_t tpr;   /* its CPU reads it without the lock */
    uint32_t isr[VECTOR_WORDS], tmr[VECTOR_WORDS], irr[VECTOR_WORDS];
    uint32_t errors;  /* since the last write of ESR */
    int64_t start_ns; /* when the count began */
    bool fired;       /* one-shot: it came to its end */
    uint64_t deadline;
    bool lint[LINTS]; /* as driven */
    /* derived */
    bool intr;
    Timer timer;
} Unit;

struct Apic {
    DeviceState parent;
    /* properties */
    uint32_t cpus;
    /* guest state: saved */
    Unit *unit; /* [CPUS_MAX]; .cpus are used */
    uint32_t saved;
    /* constant after the board was built */
    GPtrArray *ioapics; /* DeviceState * */
    DeviceState *pic;   /* NULL: none */
    MemoryRegion mmio;
};

static Apic *apic_of(DeviceState *dev)
{
    return object_cast(dev, &apic_type);
}

static Unit *unit_of(DeviceState *dev, unsigned cpu)
{
    Apic *s = apic_of(dev);

    assert(cpu < s->cpus);
    return &s->unit[cpu];
}

/* --- vectors as sets of 256 bits --- */

static bool has(const uint32_t *set, unsigned vector)
{
    return set[vector / 32] >> (vector % 32) & 1;
}

static void put(uint32_t *set, unsigned vector, bool on)
{
    uint32_t bit = 1u << (vector % 32);

    set[vector / 32] = on ? set[vector / 32] | bit : set[vector / 32] & ~bit;
}

/* The highest; -1: the set is empty. */
static int highest(const uint32_t *set)
{
    for (int i = VECTOR_WORDS - 1; i >= 0; i--) {
        if (set[i]) {
            return 32 * i + 31 - __builtin_clz(set[i]);
        }
    }
    return -1;
}

/* --- what the CPU may take --- */

static bool hw_enabled(const Unit *u)
{
    return (u->base & BASE_ENABLE) != 0;
}

static bool enabled(const Unit *u)
{
    return hw_enabled(u) && (u->reg[R_SVR] & SVR_ENABLE);
}

static uint32_t ppr_of(const Unit *u)
{
    int served = MAX(highest(u->isr), 0);

    uint32_t tpr = atomic_load(&u->tpr);

    return (tpr & 0xf0) >= (unsigned)(served & 0xf0)
               ? tpr
               : (uint32_t)(served & 0xf0); /* 10.8.3.1 */
}

static int pending(const Unit *u)
{
    int vector = highest(u->irr);

    return enabled(u) && vector >= 0 &&
                   (unsigned)(vector & 0xf0) > (ppr_of(u) & 0xf0)
               ? vector
               : -1;
}

static unsigned lvt_mode(uint32_t entry)
{
    return entry >> 8 & 7;
}

/* An APIC that is off passes its pins on: LINT0 is INTR (10.4.3). */
static bool extint(const Unit *u)
{
    uint32_t entry = u->reg[R_LVT_LINT0];

    return u->lint[0] && (!hw_enabled(u) ||
                          (!(entry & LVT_MASKED) && lvt_mode(entry) == EXTINT));
}

static void unit_update(Unit *u)
{
    bool intr = pending(u) >= 0 || extint(u);

    if (u->intr != intr) {
        u->intr = intr;
        if (u->ops) {
            u->ops->intr(u->cpu, intr);
        }
    }
}

int apic_acknowledge(DeviceState *dev, unsigned cpu)
{
    Unit *u = unit_of(dev, cpu);
    int vector = pending(u);

    if (vector >= 0) {
        put(u->irr, (unsigned)vector, false);
        put(u->isr, (unsigned)vector, true);
    } else if (extint(u) && u->apic->pic) {
        vector = i8259_acknowledge(u->apic->pic);
    }
    unit_update(u);
    return vector;
}

/* --- sending --- */

static void accept(Unit *u, unsigned mode, uint8_t vector, bool level);

static void error(Unit *u, uint32_t bit)
{
    uint32_t entry = u->reg[R_LVT_ERROR];

    u->errors |= bit;
    if (!(entry & LVT_MASKED) && (uint8_t)entry >= 16) {
        accept(u, FIXED, (uint8_t)entry, false);
    }
}

static void unit_init(Unit *u);

static void accept(Unit *u, unsigned mode, uint8_t vector, bool level)
{
    switch (mode) {
    case FIXED:
    case LOWEST:
        if (!enabled(u)) {
            return;
        }
        if (vector < 16) {
            error(u, ESR_VECTOR);
            return;
        }
        put(u->irr, vector, true);
        put(u->tmr, vector, level);
        unit_update(u);
        break;
    case NMI:
        if (u->ops) {
            u->ops->nmi(u->cpu);
        }
        break;
    case INIT:
        unit_init(u);
        if (u->ops) {
            u->ops->init(u->cpu);
        }
        break;
    case STARTUP:
        if (u->ops) {
            u->ops->sipi(u->cpu, vector);
        }
        break;
    default: /* SMI, ExtINT by message: nobody is there to hear */
        guest_error(&u->apic->parent, "delivery mode %u", mode);
        break;
    }
}

/* 10.6.2.1, 10.6.2.2. One whose APIC is off by IA32_APIC_BASE is on no bus:
 * NMI, INIT and start-up do not reach it either (10.4.3). */
static bool is_meant(const Unit *u, uint8_t to, bool logical)
{
    uint32_t own = u->reg[R_LDR] >> 24;

    if (!hw_enabled(u)) {
        return false;
    }
    if (!logical) {
        return to == 0xff || to == u->reg[R_ID] >> 24;
    }
    if (u->reg[R_DFR] >> 28 == 0xf) {
        return (own & to) != 0;
    }
    return (to >> 4 == 0xf || to >> 4 == own >> 4) && (own & to & 0xf) != 0;
}

typedef struct Message {
    unsigned mode;
    uint8_t vector, to;
    bool logical, level;
} Message;

/* The one whose priority is lowest; 10.6.2.4. */
static void send_to_lowest(Apic *s, const Message *m)
{
    Unit *best = NULL;

    for (unsigned i = 0; i < s->cpus; i++) {
        Unit *u = &s->unit[i];

        if (enabled(u) && is_meant(u, m->to, m->logical) &&
            (!best || ppr_of(u) < ppr_of(best))) {
            best = u;
        }
    }
    if (best) {
        accept(best, m->mode, m->vector, m->level);
    }
}

static void send_message(Apic *s, const Message *m)
{
    if (m->mode == LOWEST) {
        send_to_lowest(s, m);
        return;
    }
    for (unsigned i = 0; i < s->cpus; i++) {
        if (is_meant(&s->unit[i], m->to, m->logical)) {
            accept(&s->unit[i], m->mode, m->vector, m->level);
        }
    }
}

void apic_msi(DeviceState *dev, uint64_t addr, uint32_t data)
{
    Message m = { .mode = (unsigned)bits_get(data, 8, 3),
                  .vector = (uint8_t)data,
                  .to = (uint8_t)bits_get(addr, 12, 8),
                  .logical = bits_get(addr, 2, 1),
                  .level = bits_get(data, 15, 1) };

    if (bits_get(addr, 20, 44) == BASE_PAGE >> 20) {
        send_message(apic_of(dev), &m);
    }
}

static void send_ipi(Unit *u, uint32_t icr)
{
    Apic *s = u->apic;
    Message m = { .mode = lvt_mode(icr),
                  .vector = (uint8_t)icr,
                  .to = (uint8_t)(u->reg[R_ICR_HIGH] >> 24),
                  .logical = icr & ICR_LOGICAL };
    unsigned shorthand = icr >> 18 & 3;

    if (m.mode == INIT && !(icr & ICR_ASSERT)) {
        return; /* level de-assert: only old parts heard it (10.6.1) */
    }
    if (m.mode <= LOWEST && m.vector < 16) {
        error(u, ESR_SEND_VECTOR);
        return;
    }
    if (shorthand == TO_ONE) {
        send_message(s, &m);
        return;
    }
    for (unsigned i = 0; i < s->cpus; i++) {
        Unit *to = &s->unit[i];

        if (hw_enabled(to) && ((to == u && shorthand != TO_OTHERS) ||
                               (to != u && shorthand != TO_SELF))) {
            accept(to, m.mode, m.vector, false);
        }
    }
}

static void end_of_interrupt(Unit *u)
{
    int vector = highest(u->isr);

    if (vector < 0) {
        return;
    }
    put(u->isr, (unsigned)vector, false);
    if (has(u->tmr, (unsigned)vector)) {
        for (guint i = 0; i < u->apic->ioapics->len; i++) {
            ioapic_eoi(g_ptr_array_index(u->apic->ioapics, i), (uint8_t)vector);
        }
    }
    unit_update(u);
}

/* --- timer; 10.5.4 --- */

static int64_t now_ns(const Unit *u)
{
    return event_clock_ns(u->apic->parent.machine->gate, CLOCK_VIRTUAL);
}

static unsigned timer_mode(const Unit *u)
{
    return u->reg[R_LVT_TIMER] >> 17 & 3;
}

/* ns a count: 2 to 128, or 1; figure "Divide Configuration Register". */
static int64_t divisor(const Unit *u)
{
    unsigned code = (u->reg[R_DIVIDE] & 3) | (u->reg[R_DIVIDE] >> 1 & 4);

    return code == 7 ? 1 : 2ll << code;
}

static uint32_t current_count(const Unit *u)
{
    int64_t initial = u->reg[R_INITIAL_COUNT], gone;

    if (initial == 0 || u->fired || timer_mode(u) >= DEADLINE) {
        return 0;
    }
    gone = MAX(now_ns(u) - u->start_ns, 0) / divisor(u);
    if (timer_mode(u) == PERIODIC) {
        return (uint32_t)(initial - gone % initial);
    }
    return (uint32_t)MAX(initial - gone, 0);
}

/* When the timer comes to an end next; INT64_MAX: never. */
static int64_t timer_due(const Unit *u)
{
    int64_t period = u->reg[R_INITIAL_COUNT] * divisor(u), now = now_ns(u);

    if (timer_mode(u) == DEADLINE) {
        return u->deadline && u->ops && u->ops->tsc_ns
                   ? u->ops->tsc_ns(u->cpu, u->deadline)
                   : INT64_MAX;
    }
    if (period == 0 || timer_mode(u) == TIMER_RESERVED || u->fired) {
        return INT64_MAX; /* an ended count begins again when it is written */
    }
    if (timer_mode(u) == ONE_SHOT || now < u->start_ns) {
        return u->start_ns + period;
    }
    return MAX(now + period - (now - u->start_ns) % period,
               now + MIN(period, MIN_PERIOD_NS));
}

static void timer_arm(Unit *u)
{
    int64_t due = timer_due(u);

    if (due == INT64_MAX) {
        timer_cancel(&u->timer);
    } else {
        timer_set(&u->timer, due);
    }
}

static void timer_fired(void *opaque)
{
    Unit *u = opaque;

    u->fired = true;
    u->deadline = 0;
    if (!(u->reg[R_LVT_TIMER] & LVT_MASKED)) {
        accept(u, FIXED, (uint8_t)u->reg[R_LVT_TIMER], false);
    }
    if (timer_mode(u) == PERIODIC) {
        u->fired = false;
        if (u->reg[R_INITIAL_COUNT] * divisor(u) < MIN_PERIOD_NS) {
            timer_set(&u->timer, now_ns(u) + MIN_PERIOD_NS);
            return;
        }
        timer_arm(u);
    }
}

static void timer_start(Unit *u, uint32_t count)
{
    u->reg[R_INITIAL_COUNT] = count;
    u->start_ns = now_ns(u);
    u->fired = false;
    timer_arm(u);
}

/* The count goes on from where it is at another rate. */
static void divide_written(Unit *u, uint32_t value)
{
    int64_t left = current_count(u);

    u->reg[R_DIVIDE] = value & 0xb;
    u->start_ns = now_ns(u) - (u->reg[R_INITIAL_COUNT] - left) * divisor(u);
    timer_arm(u);
}

/* Between the deadline and the other modes the timer is disarmed. */
static void timer_entry_written(Unit *u, uint32_t value)
{
    bool was = timer_mode(u) == DEADLINE;

    u->reg[R_LVT_TIMER] = value;
    if (was != (timer_mode(u) == DEADLINE)) {
        u->deadline = 0;
        u->reg[R_INITIAL_COUNT] = 0;
    }
    timer_arm(u);
}

uint64_t apic_deadline(DeviceState *dev, unsigned cpu)
{
    return unit_of(dev, cpu)->deadline;
}

void apic_set_deadline(DeviceState *dev, unsigned cpu, uint64_t tsc)
{
    Unit *u = unit_of(dev, cpu);

    if (timer_mode(u) == DEADLINE) { /* 10.5.4.1: else ignored */
        u->deadline = tsc;
        timer_arm(u);
    }
}

/* --- pins --- */

static void lint_changed(Unit *u, unsigned n, bool level)
{
    uint32_t entry = u->reg[R_LVT_LINT0 + n];
    bool rose = level && !u->lint[n];

    u->lint[n] = level;
    if (rose && !hw_enabled(u) && n == 1) {
        accept(u, NMI, 0, false);
    } else if (rose && hw_enabled(u) && !(entry & LVT_MASKED) &&
               lvt_mode(entry) != EXTINT) {
        accept(u, lvt_mode(entry), (uint8_t)entry, false);
    }
    unit_update(u);
}

static void set_input(void *opaque, int n, bool level)
{
    Apic *s = opaque;

    for (unsigned i = 0; i < s->cpus; i++) {
        lint_changed(&s->unit[i], (unsigned)n, level);
    }
}

void apic_press_nmi(DeviceState *dev)
{
    set_input(dev, 1, true);
    set_input(dev, 1, false);
}

/* --- registers --- */

static const uint32_t lvt_writable[R_COUNT] = {
    [R_LVT_CMCI] = 0x107ff,  [R_LVT_TIMER] = 0x700ff, [R_LVT_THERMAL] = 0x107ff,
    [R_LVT_PERF] = 0x107ff,  [R_LVT_LINT0] = 0x1a7ff, [R_LVT_LINT1] = 0x1a7ff,
    [R_LVT_ERROR] = 0x100ff,
};

/* A software-disabled APIC keeps all entries masked (10.4.7.2). */
static void mask_entries(Unit *u)
{
    for (unsigned i = 0; i < R_COUNT; i++) {
        if (lvt_writable[i]) {
            u->reg[i] |= LVT_MASKED;
        }
    }
}

static void lvt_written(Unit *u, unsigned r, uint32_t value)
{
    value &= lvt_writable[r];
    if (!(u->reg[R_SVR] & SVR_ENABLE)) {
        value |= LVT_MASKED;
    }
    if (r == R_LVT_TIMER) {
        timer_entry_written(u, value);
    } else {
        u->reg[r] = value;
    }
}

static void svr_written(Unit *u, uint32_t value)
{
    u->reg[R_SVR] = value & SVR_WRITABLE;
    if (!(value & SVR_ENABLE)) {
        mask_entries(u);
    }
}

/* Registers that there are; the addresses between are illegal (table 10-1,
 * 10.5.3). Writes to those that only tell are ignored. */
static bool is_register(unsigned r)
{
    return r == R_ID || r == R_VERSION || (r >= R_TPR && r <= R_REMOTE) ||
           (r >= R_LDR && r <= R_ESR) ||
           (r >= R_LVT_CMCI && r <= R_CURRENT_COUNT) || r == R_DIVIDE;
}

static void reg_write(Unit *u, unsigned r, uint32_t value)
{
    switch (r) {
    case R_ID:
    case R_LDR:
    case R_ICR_HIGH:
        u->reg[r] = value & 0xff000000;
        break;
    case R_DFR:
        u->reg[r] = value | 0x0fffffff;
        break;
    case R_TPR:
        atomic_store(&u->tpr, (uint8_t)value);
        break;
    case R_SVR:
        svr_written(u, value);
        break;
    case R_EOI:
        end_of_interrupt(u);
        break;
    case R_ESR:
        u->reg[r] = u->errors;
        u->errors = 0;
        break;
    case R_ICR_LOW:
        u->reg[r] = value & ICR_WRITABLE;
        send_ipi(u, value);
        break;
    case R_INITIAL_COUNT:
        if (timer_mode(u) < DEADLINE) {
            timer_start(u, value);
        }
        break;
    case R_DIVIDE:
        divide_written(u, value);
        break;
    default:
        if (lvt_writable[r]) {
            lvt_written(u, r, value);
        } else if (!is_register(r)) {
            error(u, ESR_REGISTER);
        }
        break;
    }
    unit_update(u);
}

static uint32_t reg_read(Unit *u, unsigned r)
{
    if (!is_register(r)) {
        error(u, ESR_REGISTER);
        return 0;
    }
    switch (r) {
    case R_VERSION:
        return VERSION;
    case R_TPR:
        return atomic_load(&u->tpr);
    case R_PPR:
    case R_APR: /* as nobody arbitrates by it */
        return ppr_of(u);
    case R_CURRENT_COUNT:
        return current_count(u);
    case R_ISR ... R_ISR + VECTOR_WORDS - 1:
        return u->isr[r - R_ISR];
    case R_TMR ... R_TMR + VECTOR_WORDS - 1:
        return u->tmr[r - R_TMR];
    case R_IRR ... R_IRR + VECTOR_WORDS - 1:
        return u->irr[r - R_IRR];
    default:
        return u->reg[r];
    }
}

void apic_page(DeviceState *dev, unsigned cpu, uint8_t page[APIC_PAGE_BYTES])
{
    Unit *u = unit_of(dev, cpu);

    memset(page, 0, APIC_PAGE_BYTES);
    for (unsigned r = 0; r < R_COUNT; r++) {
        if (is_register(r)) {
            st32_le(page + 16 * (size_t)r, reg_read(u, r));
        }
    }
}

/* The page of whoever asks. */
static Unit *who(Apic *s)
{
    const CPUState *cpu = cpu_current();

    return &s->unit[cpu && (unsigned)cpu->index < s->cpus ? cpu->index : 0];
}

static MemResult page_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    Unit *u = who(opaque);

    *value = !hw_enabled(u)                        ? UINT32_MAX
             : off % 16 == 0 && off / 16 < R_COUNT ? reg_read(u, off / 16)
                                                   : 0;
    return MEM_OK;
}

static MemResult page_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    Unit *u = who(opaque);

    if (hw_enabled(u) && off % 16 == 0 && off / 16 < R_COUNT) {
        reg_write(u, (unsigned)off / 16, (uint32_t)value);
    }
    return MEM_OK;
}

static const MemoryOps page_ops = {
    .read = page_read,
    .write = page_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 8,
    .impl_min = 4,
    .impl_max = 4,
};

/* --- from the CPU --- */

uint64_t apic_base(DeviceState *dev, unsigned cpu)
{
    return unit_of(dev, cpu)->base;
}

void apic_set_base(DeviceState *dev, unsigned cpu, uint64_t base)
{
    Unit *u = unit_of(dev, cpu);
    bool was = hw_enabled(u);

    if ((base & ~(uint64_t)(PAGE - 1)) != BASE_PAGE) {
        guest_error(dev, "the page is not moved to 0x%" PRIx64, base);
    }
    u->base = base;
    if (was && !hw_enabled(u)) {
        unit_init(u); /* on again, it is as after power-up (10.4.3) */
    }
    unit_update(u);
}

uint8_t apic_tpr(DeviceState *dev, unsigned cpu)
{
    return atomic_load(&unit_of(dev, cpu)->tpr);
}

void apic_set_tpr(DeviceState *dev, unsigned cpu, uint8_t tpr)
{
    Unit *u = unit_of(dev, cpu);

    atomic_store(&u->tpr, tpr);
    unit_update(u);
}

void apic_connect_cpu(DeviceState *dev, unsigned index, uint8_t id,
                      const ApicCpuOps *ops, void *cpu)
{
    Unit *u = unit_of(dev, index);

    u->ops = ops;
    u->cpu = cpu;
    u->initial_id = (uint32_t)id << 24;
    u->reg[R_ID] = u->initial_id;
}

void apic_add_ioapic(DeviceState *dev, DeviceState *ioapic)
{
    g_ptr_array_add(apic_of(dev)->ioapics, ioapic);
}

void apic_set_pic(DeviceState *dev, DeviceState *pic)
{
    apic_of(dev)->pic = pic;
}

/* --- reset, state, type --- */

/* 10.4.7.3: as after power-up but for the id, and the base is an MSR. */
static void unit_init(Unit *u)
{
    uint32_t id = u->reg[R_ID];

    timer_cancel(&u->timer);
    memset(u->reg, 0, sizeof(u->reg));
    atomic_store(&u->tpr, 0);
    memset(u->isr, 0, sizeof(u->isr));
    memset(u->tmr, 0, sizeof(u->tmr));
    memset(u->irr, 0, sizeof(u->irr));
    u->errors = 0;
    u->deadline = 0;
    u->fired = false;
    u->reg[R_ID] = id;
    u->reg[R_DFR] = UINT32_MAX;
    u->reg[R_SVR] = 0xff;
    mask_entries(u);
    unit_update(u);
}

static void apic_reset_enter(DeviceState *dev)
{
    Apic *s = apic_of(dev);

    for (unsigned i = 0; i < s->cpus; i++) {
        Unit *u = &s->unit[i];

        u->base = BASE_PAGE | BASE_ENABLE | (i == 0 ? BASE_BSP : 0);
        u->reg[R_ID] = u->initial_id;
        unit_init(u);
    }
}

static bool unit_post_load(void *obj, int version, Error **errp)
{
    Unit *u = obj;

    u->reg[R_SVR] &= SVR_WRITABLE;
    u->reg[R_DIVIDE] &= 0xb;
    for (unsigned i = 0; i < R_COUNT; i++) {
        if (lvt_writable[i]) {
            u->reg[i] &= lvt_writable[i];
        }
    }
    u->irr[0] &= 0xffff0000; /* no vector is below 16 */
    u->isr[0] &= 0xffff0000;
    /* a change of the rate counts the beginning back (divide_written) */
    if (u->start_ns < -MAX_COUNT_NS || u->start_ns > INT64_MAX - MAX_COUNT_NS) {
        error_set(errp, "apic: a timer that began at no time: %" PRId64 " ns",
                  u->start_ns);
        return false;
    }
    return true;
}

static const VmField unit_fields[] = {
    VM_U64(Unit, base),
    VM_U32_ARRAY(Unit, reg),
    VM_U32_ARRAY(Unit, isr),
    VM_U32_ARRAY(Unit, tmr),
    VM_U32_ARRAY(Unit, irr),
    VM_U32(Unit, errors),
    VM_I64(Unit, start_ns),
    VM_BOOL(Unit, fired),
    VM_U64(Unit, deadline),
    { .name = "tpr",
      .offset = offsetof(Unit, tpr),
      .kind = VM_KIND_UINT,
      .size = 1,
      .count = 1 },
    { .name = "lint",
      .offset = offsetof(Unit, lint),
      .kind = VM_KIND_BOOL,
      .size = 1,
      .count = LINTS },
    { 0 },
};
static const VmState unit_vmstate = {
    .name = "apic_unit",
    .version = 1,
    .fields = unit_fields,
    .post_load = unit_post_load,
};

/* CPUs may be loaded before or after: they hear of interrupts in any case. */
static bool apic_post_load(void *obj, int version, Error **errp)
{
    Apic *s = obj;

    if (s->saved != s->cpus) {
        error_set(errp, "apic: saved with %u CPUs, here are %u", s->saved,
                  s->cpus);
        return false;
    }
    for (unsigned i = 0; i < s->cpus; i++) {
        s->unit[i].intr = !(pending(&s->unit[i]) >= 0 || extint(&s->unit[i]));
        unit_update(&s->unit[i]);
        timer_arm(&s->unit[i]);
    }
    return true;
}

static void apic_pre_save(void *obj)
{
    Apic *s = obj;

    s->saved = s->cpus;
}

static const VmField apic_fields[] = {
    VM_U32(Apic, saved),
    VM_STRUCT_VARRAY(Apic, unit, saved, CPUS_MAX, unit_vmstate),
    { 0 },
};
static const VmState apic_vmstate = {
    .name = "apic",
    .version = 1,
    .fields = apic_fields,
    .pre_save = apic_pre_save,
    .post_load = apic_post_load,
};

static const Property apic_props[] = {
    PROP(u32, Apic, cpus, "cpus", "1", "how many CPUs have one here"),
    { 0 },
};

static bool apic_realize(DeviceState *dev, Error **errp)
{
    Apic *s = apic_of(dev);
    const AccelOps *ops = accel_ops(dev->machine);
    const void *engine = NULL;

    if (s->cpus == 0 || s->cpus > CPUS_MAX) {
        error_set(errp, "apic: 1 to %d CPUs, not %u", CPUS_MAX, s->cpus);
        return false;
    }
    s->ioapics = g_ptr_array_new();
    s->unit = g_new0(Unit, CPUS_MAX);
    for (unsigned i = 0; i < s->cpus; i++) {
        Unit *u = &s->unit[i];

        u->apic = s;
        u->index = i;
        u->initial_id = i << 24;
        timer_init(&u->timer, dev->machine->loop, CLOCK_VIRTUAL, timer_fired,
                   u);
    }
    apic_reset_enter(dev);
    memory_region_init_io(&s->mmio, dev, &page_ops, s, "apic", PAGE);
    device_add_mmio(dev, &s->mmio);
    device_add_irq_inputs(dev, set_input, LINTS);
    if (ops->attach_intc) {
        ops->attach_intc(dev->machine->accel, "apic", dev, &engine);
    }
    return true;
}

static void apic_unrealize(DeviceState *dev)
{
    Apic *s = apic_of(dev);

    for (unsigned i = 0; i < s->cpus; i++) {
        timer_cancel(&s->unit[i].timer);
    }
    memory_region_destroy(&s->mmio);
    g_ptr_array_unref(s->ioapics);
    g_clear_pointer(&s->unit, g_free);
}

const DeviceType apic_type = {
    .name = "apic",
    .parent = TYPE(device_type),
    .description = "local APICs of all CPUs",
    .size = sizeof(Apic),
    .props = apic_props,
    .realize = apic_realize,
    .unrealize = apic_unrealize,
    .reset_enter = apic_reset_enter,
    .vmstate = &apic_vmstate,
};
