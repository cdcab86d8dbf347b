/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * 8254 programmable interval timer.
 *
 * Spec:  Intel 8254 data sheet (231164-005), "Programming the 8254", "Mode
 *        definitions".
 * Omits: in modes 2 and 3 a new count begins at once, not when the period ends,
 *        and in modes 1 and 5 it does not wait for the next trigger; in mode 0
 *        the first byte of a new count does not stop the old one.
 * Guest: counters at ports 0x40 to 0x42, control word at 0x43, at 1.193182
 *        MHz of virtual time; counter 0's output is ISA line 0.
 * Locks: every function runs under the machine lock and none blocks.
 *
 * Nothing counts: a counter knows when it was loaded, and its value and output
 * follow from the clock. A timer runs to the next edge of counter 0 only.
 */
#include "tandem/base.h"

#include "hw/isa/isa.h"
#include "hw/timer/i8254.h"
#include "softmmu/machine/machine.h"

enum { PORTS = 0x40, CONTROL = 3, LINE = 0 };
#define NS_PER_S 1000000000ll

/* The control word: SC, RW, M, BCD (figure 7). */
enum { READ_BACK = 3, RW_LATCH = 0, RW_LSB = 1, RW_MSB = 2, RW_BOTH = 3 };
enum { NOT_COUNT = 0x20, NOT_STATUS = 0x10 }; /* read-back, figure 10 */
enum { STATUS_OUT = 0x80, STATUS_NULL = 0x40 };

typedef struct Counter {
    uint8_t control;  /* RW, M, BCD as written */
    uint16_t reload;  /* 0: 65536, or 10000 in BCD */
    int64_t start_ns; /* when it was loaded, or its gate's last edge */
    int64_t left;     /* while the gate stops it: the count; else -1 */
    bool loaded;      /* false: a control word, and no count since */
    bool gate, triggered;
    uint8_t low; /* LSB written, MSB awaited */
    bool write_msb, read_msb;
    uint16_t latch;
    bool latched, status_latched;
    uint8_t status;
} Counter;

typedef struct I8254 {
    DeviceState parent;
    /* guest state: saved */
    Counter counter[PIT_COUNTERS];
    /* wiring */
    Timer timer; /* counter 0's next edge */
    IsaPorts ports;
    IrqLine irq;
} I8254;

static I8254 *pit_of(DeviceState *dev)
{
    return object_cast(dev, &i8254_type);
}

/* --- one counter, as a function of time --- */

static int64_t now_ns(const I8254 *s)
{
    return event_clock_ns(s->parent.machine->gate, CLOCK_VIRTUAL);
}

static unsigned mode_of(const Counter *c)
{
    unsigned m = c->control >> 1 & 7;

    return m > 5 ? m - 4 : m; /* 6 and 7 are 2 and 3 */
}

static bool is_bcd(const Counter *c)
{
    return c->control & 1;
}

static unsigned from_bcd(unsigned v)
{
    return (v >> 12 & 15) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 +
           (v & 15);
}

static unsigned to_bcd(unsigned v)
{
    return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

static int64_t modulus(const Counter *c)
{
    return is_bcd(c) ? 10000 : 65536;
}

/* The count it was loaded with, 1 to 65536. */
static int64_t initial(const Counter *c)
{
    int64_t n = is_bcd(c) ? (int64_t)from_bcd(c->reload) : c->reload;

    return n ? n : modulus(c);
}

static bool is_periodic(const Counter *c)
{
    return mode_of(c) == 2 || mode_of(c) == 3;
}

/* Modes 1 and 5 start with the gate's edge; the others count while it is
 * high. */
static bool by_trigger(const Counter *c)
{
    return mode_of(c) == 1 || mode_of(c) == 5;
}

static bool counts(const Counter *c)
{
    return c->loaded && (by_trigger(c) ? c->triggered : c->gate);
}

/* Pulses of the clock since the count began. */
static int64_t elapsed(const Counter *c, int64_t now)
{
    if (!counts(c)) {
        return c->left >= 0 ? initial(c) - c->left : 0;
    }
    return (int64_t)((__int128)MAX(now - c->start_ns, 0) * PIT_HZ / NS_PER_S);
}

static int64_t ns_of(int64_t pulses)
{
    return (int64_t)(((__int128)pulses * NS_PER_S + PIT_HZ - 1) / PIT_HZ);
}

static bool out_at(const Counter *c, int64_t now)
{
    int64_t d = elapsed(c, now), n = initial(c);

    switch (mode_of(c)) {
    case 0:
        return c->loaded && d >= n;
    case 1:
        return !c->loaded || !c->triggered || d >= n;
    case 2:
        return !counts(c) || d % n != n - 1;
    case 3:
        return !counts(c) || d % n < (n + 1) / 2;
    default: /* 4 and 5: low for one pulse at the end */
        return !counts(c) || d != n;
    }
}

static unsigned count_at(const Counter *c, int64_t now)
{
    int64_t d = elapsed(c, now), n = initial(c), m = modulus(c), v;

    if (mode_of(c) == 3) {
        v = n - 2 * (d % n) % n; /* by twos, twice in a period */
        v -= n & 1 ? v & 1 : 0;
    } else if (is_periodic(c)) {
        v = n - d % n;
    } else {
        v = ((n - d) % m + m) % m;
    }
    v %= m;
    return is_bcd(c) ? to_bcd((unsigned)v) : (unsigned)v;
}

/* When the output changes next; INT64_MAX: never by itself. */
static int64_t next_edge(const Counter *c, int64_t now)
{
    int64_t d = elapsed(c, now), n = initial(c), at;

    if (!counts(c) || (is_periodic(c) && n == 1)) {
        return INT64_MAX; /* a period of 1 has no edges: it is illegal */
    }
    switch (mode_of(c)) {
    case 2:
        at = d % n < n - 1 ? d - d % n + n - 1 : d - d % n + n;
        break;
    case 3:
        at = d - d % n + (d % n < (n + 1) / 2 ? (n + 1) / 2 : n);
        break;
    case 4:
    case 5:
        at = d < n ? n : n + 1;
        break;
    default:
        at = n;
        break;
    }
    return at > d ? c->start_ns + ns_of(at) : INT64_MAX;
}

/* --- outputs --- */

static void pit_update(DeviceState *dev)
{
    I8254 *s = pit_of(dev);
    int64_t now = now_ns(s), next = next_edge(&s->counter[0], now);

    irq_set(&s->irq, out_at(&s->counter[0], now));
    if (next == INT64_MAX) {
        timer_cancel(&s->timer);
    } else {
        timer_set(&s->timer, next);
    }
}

/*
 * A late timer may have passed whole periods; each that ended has a rising
 * edge, of which the controller latches one.
 */
static void pit_fired(void *opaque)
{
    I8254 *s = opaque;
    Counter *c = &s->counter[0];

    if (is_periodic(c) && out_at(c, now_ns(s))) {
        irq_set(&s->irq, false);
    }
    pit_update(&s->parent);
}

bool i8254_out(DeviceState *dev, unsigned counter)
{
    I8254 *s = pit_of(dev);

    return counter < PIT_COUNTERS && out_at(&s->counter[counter], now_ns(s));
}

static void gate_changed(void *opaque, int n, bool level)
{
    I8254 *s = opaque;
    Counter *c = &s->counter[n];
    int64_t now = now_ns(s);

    if (level == c->gate) {
        return;
    }
    if (!by_trigger(c) && c->gate && c->loaded && !is_periodic(c)) {
        c->left = initial(c) - elapsed(c, now); /* it stands: modes 0, 4 */
    }
    c->gate = level;
    if (level && by_trigger(c)) {
        c->triggered = c->loaded;
        c->start_ns = now;
    } else if (level) { /* on from there, or a period anew */
        c->start_ns = now;
        if (c->left >= 0) {
            c->start_ns -= ns_of(initial(c) - c->left);
        }
        c->left = -1;
    }
    pit_update(&s->parent);
}

/* --- ports --- */

static void load(I8254 *s, Counter *c, uint16_t value)
{
    c->reload = value;
    c->loaded = true;
    c->left = -1;
    if (!by_trigger(c)) {
        c->start_ns = now_ns(s);
        if (!c->gate) {
            c->left = initial(c);
        }
    }
    pit_update(&s->parent);
}

static void counter_write(I8254 *s, Counter *c, uint8_t value)
{
    switch (c->control >> 4 & 3) {
    case RW_LSB:
        load(s, c, value);
        break;
    case RW_MSB:
        load(s, c, (uint16_t)(value << 8));
        break;
    default:
        if (!c->write_msb) {
            c->low = value;
        } else {
            load(s, c, (uint16_t)(value << 8 | c->low));
        }
        c->write_msb = !c->write_msb;
        break;
    }
}

static void latch_count(const I8254 *s, Counter *c)
{
    if (!c->latched) { /* the first stands until it is read */
        c->latch = (uint16_t)count_at(c, now_ns(s));
        c->latched = true;
    }
}

static void latch_status(const I8254 *s, Counter *c)
{
    if (!c->status_latched) {
        c->status = (uint8_t)((c->control & 0x3f) |
                              (out_at(c, now_ns(s)) ? STATUS_OUT : 0) |
                              (c->loaded ? 0 : STATUS_NULL));
        c->status_latched = true;
    }
}

static void read_back(I8254 *s, uint8_t value)
{
    for (unsigned i = 0; i < PIT_COUNTERS; i++) {
        if (value >> (i + 1) & 1) {
            if (!(value & NOT_COUNT)) {
                latch_count(s, &s->counter[i]);
            }
            if (!(value & NOT_STATUS)) {
                latch_status(s, &s->counter[i]);
            }
        }
    }
}

static void control_write(I8254 *s, uint8_t value)
{
    Counter *c;

    if (value >> 6 == READ_BACK) {
        read_back(s, value);
        return;
    }
    c = &s->counter[value >> 6];
    if ((value >> 4 & 3) == RW_LATCH) {
        latch_count(s, c);
        return;
    }
    *c = (Counter){ .control = value & 0x3f, .left = -1, .gate = c->gate };
    pit_update(&s->parent);
}

static uint8_t counter_read(const I8254 *s, Counter *c)
{
    unsigned rw = c->control >> 4 & 3, value;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    value = c->latched ? c->latch : count_at(c, now_ns(s));
    if (rw == RW_BOTH) {
        c->read_msb = !c->read_msb;
        c->latched = c->latched && c->read_msb;
        return (uint8_t)(c->read_msb ? value : value >> 8);
    }
    c->latched = false;
    return (uint8_t)(rw == RW_MSB ? value >> 8 : value);
}

static uint8_t ports_read(DeviceState *dev, unsigned port, bool debug)
{
    I8254 *s = pit_of(dev);
    Counter copy;

    if (port == CONTROL) {
        return 0xff; /* it cannot be read */
    }
    copy = s->counter[port];
    return counter_read(s, debug ? &copy : &s->counter[port]);
}

static void ports_write(DeviceState *dev, unsigned port, uint8_t value)
{
    I8254 *s = pit_of(dev);

    if (port == CONTROL) {
        control_write(s, value);
    } else {
        counter_write(s, &s->counter[port], value);
    }
}

static const IsaPortOps ports_ops = { ports_read, ports_write };

/* --- reset, state, type --- */

static void pit_reset_enter(DeviceState *dev)
{
    I8254 *s = pit_of(dev);

    for (unsigned i = 0; i < PIT_COUNTERS; i++) {
        s->counter[i] = (Counter){ .control = RW_BOTH << 4 | 3 << 1,
                                   .left = -1,
                                   .gate = i != 2 };
    }
}

static bool pit_post_load(void *obj, int version, Error **errp)
{
    I8254 *s = obj;

    for (unsigned i = 0; i < PIT_COUNTERS; i++) {
        Counter *c = &s->counter[i];

        c->control &= 0x3f;
        if (c->start_ns < 0 || c->start_ns > INT64_MAX / 2 || c->left < -1 ||
            c->left > 65536) {
            error_set(errp, "i8254: counter %u is out of range", i);
            return false;
        }
    }
    pit_update(&s->parent);
    return true;
}

static const VmField counter_fields[] = {
    VM_U8(Counter, control),
    VM_U16(Counter, reload),
    VM_I64(Counter, start_ns),
    VM_I64(Counter, left),
    VM_BOOL(Counter, loaded),
    VM_BOOL(Counter, gate),
    VM_BOOL(Counter, triggered),
    VM_U8(Counter, low),
    VM_BOOL(Counter, write_msb),
    VM_BOOL(Counter, read_msb),
    VM_U16(Counter, latch),
    VM_BOOL(Counter, latched),
    VM_BOOL(Counter, status_latched),
    VM_U8(Counter, status),
    { 0 },
};
static const VmState counter_vmstate = { "i8254_counter", 1, counter_fields };
static const VmField pit_fields[] = {
    VM_STRUCT_ARRAY(I8254, counter, counter_vmstate),
    { 0 },
};
static const VmState pit_vmstate = {
    .name = "i8254",
    .version = 1,
    .fields = pit_fields,
    .post_load = pit_post_load,
};

static bool pit_realize(DeviceState *dev, Error **errp)
{
    I8254 *s = pit_of(dev);

    if (!isa_connect(dev, &s->irq, LINE, errp)) {
        return false;
    }
    timer_init(&s->timer, dev->machine->loop, CLOCK_VIRTUAL, pit_fired, s);
    device_add_irq_inputs(dev, gate_changed, PIT_COUNTERS);
    isa_map_ports(&s->ports, dev, &ports_ops, "pit", PORTS, 4);
    return true;
}

static void pit_unrealize(DeviceState *dev)
{
    I8254 *s = pit_of(dev);

    timer_cancel(&s->timer);
    isa_unmap_ports(&s->ports);
}

const DeviceType i8254_type = {
    .name = "isa-pit",
    .parent = TYPE(device_type),
    .description = "8254 interval timer",
    .size = sizeof(I8254),
    .bus = &isa_bus_type,
    .realize = pit_realize,
    .unrealize = pit_unrealize,
    .reset_enter = pit_reset_enter,
    .reset_hold = pit_update,
    .vmstate = &pit_vmstate,
};
