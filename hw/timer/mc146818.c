/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * MC146818 real-time clock and CMOS memory.
 *
 * Spec:  Motorola MC146818 data sheet (1984), "Address map", "Registers";
 *        IBM PC/AT Technical Reference, "Real-time clock/CMOS RAM" (ports,
 *        century at 0x32).
 * Guest: port 0x70 index, port 0x71 data; one level line, 8.
 * Omits: the square wave (a PC does not wire the pin) and daylight saving; the
 *        day of the week follows from the date.
 * Locks: every function runs under the machine lock and none blocks.
 *
 * Nothing ticks: the divider chain follows the clock of -rtc, the time is its
 * seconds plus an offset, and what has passed since the last look is worked out
 * at the next. Timers run only for interrupts that are enabled.
 */
#include "tandem/base.h"

#include <time.h>

#include "hw/core/rtc.h"
#include "hw/isa/isa.h"
#include "hw/timer/mc146818.h"

enum { INDEX = 0x70, DATA = 0x71, LINE = 8, CMOS = 128 };
enum {
    SECONDS = 0x00,
    SECONDS_ALARM = 0x01,
    MINUTES = 0x02,
    MINUTES_ALARM = 0x03,
    HOURS = 0x04,
    HOURS_ALARM = 0x05,
    WEEKDAY = 0x06, /* 1: Sunday */
    DAY = 0x07,
    MONTH = 0x08,
    YEAR = 0x09,
    REG_A = 0x0a,
    REG_B = 0x0b,
    REG_C = 0x0c,
    REG_D = 0x0d,
    CENTURY = 0x32,
};
enum { A_UIP = 0x80, A_DIVIDER = 0x70, A_RUNNING = 0x20, A_RATE = 0x0f };
enum {
    B_SET = 0x80, /* the time stands and may be written */
    B_PIE = 0x40,
    B_AIE = 0x20,
    B_UIE = 0x10,
    B_SQWE = 0x08,
    B_BINARY = 0x04,
    B_24H = 0x02
};
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10 };
enum { D_VALID = 0x80, PM = 0x80, ANY = 0xc0 };

#define NS_PER_S 1000000000ll
enum { UPDATE_NS = 244000 }; /* UIP precedes an update by this: table 4 */
enum { CRYSTAL = 32768, DAY_S = 86400 };
#define MAX_OFFSET_S (1ll << 48) /* far beyond any year that registers hold */

typedef struct Mc146818 {
    DeviceState parent;
    /* guest state: saved */
    uint8_t cmos[CMOS];
    uint8_t index;
    int64_t offset_s;    /* wall time - chain_ns(), in whole seconds */
    int64_t phase_ns;    /* chain_ns() - rtc_clock_ns(), below a second */
    int64_t seen_s;      /* second of the last look */
    int64_t seen_period; /* period of the last look, of chain_ns() */
    /* wiring */
    Timer timer;
    IsaPorts index_port, data_port;
    IrqLine irq;
} Mc146818;

static Mc146818 *rtc_of(DeviceState *dev)
{
    return object_cast(dev, &mc146818_type);
}

/* --- time --- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* What the divider chain has counted; an update ends each second of it. */
static int64_t chain_ns(const Mc146818 *s)
{
    return rtc_clock_ns(s->parent.machine) + s->phase_ns;
}

/* The second that it is, since 1970. */
static int64_t now_s(const Mc146818 *s)
{
    return s->offset_s + floor_div(chain_ns(s), NS_PER_S);
}

static int64_t next_second_ns(int64_t chain)
{
    return (floor_div(chain, NS_PER_S) + 1) * NS_PER_S;
}

/* The chain counts, and makes periodic interrupts. */
static bool divides(const Mc146818 *s)
{
    return (s->cmos[REG_A] & A_DIVIDER) == A_RUNNING;
}

/* It updates the time, too. */
static bool running(const Mc146818 *s)
{
    return divides(s) && !(s->cmos[REG_B] & B_SET);
}

static uint8_t encode(const Mc146818 *s, unsigned value)
{
    return (uint8_t)(s->cmos[REG_B] & B_BINARY ? value
                                               : value / 10 << 4 | value % 10);
}

static unsigned decode(const Mc146818 *s, uint8_t value)
{
    return s->cmos[REG_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const Mc146818 *s, unsigned hour)
{
    if (s->cmos[REG_B] & B_24H) {
        return encode(s, hour);
    }
    return (uint8_t)(encode(s, hour % 12 ? hour % 12 : 12) |
                     (hour >= 12 ? PM : 0));
}

static unsigned decode_hour(const Mc146818 *s, uint8_t value)
{
    if (s->cmos[REG_B] & B_24H) {
        return decode(s, value);
    }
    return decode(s, value & ~PM) % 12 + (value & PM ? 12 : 0);
}

static void show_time(Mc146818 *s)
{
    time_t t = (time_t)now_s(s);
    struct tm tm;
    unsigned year;

    if (!running(s) || !gmtime_r(&t, &tm)) {
        return; /* the registers hold what was written */
    }
    year = (unsigned)(tm.tm_year + 1900) % 10000;
    s->cmos[SECONDS] = encode(s, (unsigned)tm.tm_sec);
    s->cmos[MINUTES] = encode(s, (unsigned)tm.tm_min);
    s->cmos[HOURS] = encode_hour(s, (unsigned)tm.tm_hour);
    s->cmos[WEEKDAY] = encode(s, (unsigned)tm.tm_wday + 1);
    s->cmos[DAY] = encode(s, (unsigned)tm.tm_mday);
    s->cmos[MONTH] = encode(s, (unsigned)tm.tm_mon + 1);
    s->cmos[YEAR] = encode(s, year % 100);
    s->cmos[CENTURY] = encode(s, year / 100);
}

/* The registers become the time, as when SET is cleared. */
static void take_time(Mc146818 *s)
{
    struct tm tm = {
        .tm_sec = (int)decode(s, s->cmos[SECONDS]),
        .tm_min = (int)decode(s, s->cmos[MINUTES]),
        .tm_hour = (int)decode_hour(s, s->cmos[HOURS]),
        .tm_mday = (int)decode(s, s->cmos[DAY]),
        .tm_mon = (int)decode(s, s->cmos[MONTH]) - 1,
        .tm_year = (int)(decode(s, s->cmos[YEAR]) +
                         decode(s, s->cmos[CENTURY]) * 100) -
                   1900,
    };

    s->offset_s = (int64_t)timegm(&tm) - floor_div(chain_ns(s), NS_PER_S);
    s->seen_s = now_s(s);
}

/* The chain leaves its reset: the first update comes half a second later (data
 * sheet, "Divider stages"). */
static void start_chain(Mc146818 *s)
{
    int64_t phase = NS_PER_S / 2 - rtc_clock_ns(s->parent.machine);

    s->phase_ns = phase - floor_div(phase, NS_PER_S) * NS_PER_S;
}

/* --- interrupts --- */

/* Periods in ticks of the crystal; 0: off (table 5). */
static int64_t period_ticks(const Mc146818 *s)
{
    unsigned rate = s->cmos[REG_A] & A_RATE;

    return rate == 0 ? 0 : 1ll << (rate <= 2 ? rate + 6 : rate - 1);
}

static int64_t period_at(const Mc146818 *s, int64_t chain)
{
    int64_t ticks = period_ticks(s);
    __int128 t = (__int128)chain * CRYSTAL / NS_PER_S;

    return ticks ? (int64_t)(t / ticks) : 0;
}

static bool alarm_matches(const Mc146818 *s, int64_t second)
{
    unsigned of_day = (unsigned)(second - floor_div(second, DAY_S) * DAY_S);
    uint8_t sec = s->cmos[SECONDS_ALARM], min = s->cmos[MINUTES_ALARM];
    uint8_t hour = s->cmos[HOURS_ALARM];

    return ((sec & ANY) == ANY || decode(s, sec) == of_day % 60) &&
           ((min & ANY) == ANY || decode(s, min) == of_day / 60 % 60) &&
           ((hour & ANY) == ANY || decode_hour(s, hour) == of_day / 3600);
}

/* The flags of what happened since the last look. */
static void look(Mc146818 *s)
{
    int64_t second = now_s(s), period = period_at(s, chain_ns(s));

    if (running(s)) {
        int64_t from = MAX(s->seen_s, second - DAY_S);

        s->cmos[REG_C] |= second > s->seen_s ? C_UF : 0;
        while (from < second && !(s->cmos[REG_C] & C_AF)) {
            s->cmos[REG_C] |= alarm_matches(s, ++from) ? C_AF : 0;
        }
    }
    if (divides(s) && period_ticks(s) && period != s->seen_period) {
        s->cmos[REG_C] |= C_PF;
    }
    s->seen_s = second;
    s->seen_period = period;
}

static void arm(Mc146818 *s)
{
    int64_t chain = chain_ns(s), next = INT64_MAX;
    uint8_t wanted = s->cmos[REG_B] & (B_PIE | B_AIE | B_UIE);

    if (s->cmos[REG_C] & wanted) {
        timer_cancel(&s->timer); /* the line is up already */
        return;
    }
    if (running(s) && (wanted & (B_AIE | B_UIE))) {
        next = next_second_ns(chain);
    }
    if (divides(s) && (wanted & B_PIE) && period_ticks(s)) {
        __int128 t = (__int128)(period_at(s, chain) + 1) * period_ticks(s);

        t = (t * NS_PER_S + CRYSTAL - 1) / CRYSTAL;
        next = MIN(next, (int64_t)t);
    }
    if (next == INT64_MAX) {
        timer_cancel(&s->timer);
    } else {
        timer_set(&s->timer, next - s->phase_ns);
    }
}

/* The bits of C and B that go together are the same. */
static void rtc_update(DeviceState *dev)
{
    Mc146818 *s = rtc_of(dev);
    bool up = s->cmos[REG_C] & s->cmos[REG_B] & (B_PIE | B_AIE | B_UIE);

    s->cmos[REG_C] = (uint8_t)((s->cmos[REG_C] & ~C_IRQF) | (up ? C_IRQF : 0));
    irq_set(&s->irq, up);
    arm(s);
}

static void rtc_fired(void *opaque)
{
    look(opaque);
    rtc_update(&((Mc146818 *)opaque)->parent);
}

/* --- ports --- */

static uint8_t rtc_get(Mc146818 *s, bool debug)
{
    uint8_t value;

    look(s);
    switch (s->index) {
    case REG_A: {
        int64_t chain = chain_ns(s), left = next_second_ns(chain) - chain;

        value = s->cmos[REG_A];
        return value | (running(s) && left <= UPDATE_NS ? A_UIP : 0);
    }
    case REG_C:
        rtc_update(&s->parent);
        value = s->cmos[REG_C];
        if (!debug) {
            s->cmos[REG_C] = 0; /* read clears all, and lowers the line */
            rtc_update(&s->parent);
        }
        return value;
    case REG_D:
        return D_VALID;
    default:
        show_time(s);
        return s->cmos[s->index];
    }
}

static bool is_time(uint8_t index)
{
    return index == SECONDS || index == MINUTES || index == HOURS ||
           (index >= WEEKDAY && index <= YEAR) || index == CENTURY;
}

static void rtc_put(Mc146818 *s, uint8_t value)
{
    bool ran = running(s), divided = divides(s);

    look(s);
    show_time(s);
    switch (s->index) {
    case REG_A:
        s->cmos[REG_A] = value & ~A_UIP;
        break;
    case REG_B:
        s->cmos[REG_B] = value & B_SET ? value & ~B_UIE : value;
        break;
    case REG_C:
    case REG_D:
        return; /* read-only */
    default:
        s->cmos[s->index] = value;
        break;
    }
    if (divides(s) && !divided) {
        start_chain(s);
    }
    if (running(s) && (!ran || is_time(s->index))) {
        take_time(s);
    }
    s->seen_period = period_at(s, chain_ns(s));
    rtc_update(&s->parent);
}

static uint8_t index_read(DeviceState *dev, unsigned port, bool debug)
{
    return 0xff;
}

/* Bit 7 of the index port masks NMI, which nothing here raises. */
static void index_write(DeviceState *dev, unsigned port, uint8_t value)
{
    rtc_of(dev)->index = value & (CMOS - 1);
}

static uint8_t data_read(DeviceState *dev, unsigned port, bool debug)
{
    return rtc_get(rtc_of(dev), debug);
}

static void data_write(DeviceState *dev, unsigned port, uint8_t value)
{
    rtc_put(rtc_of(dev), value);
}

static const IsaPortOps index_ops = { index_read, index_write };
static const IsaPortOps data_ops = { data_read, data_write };

void mc146818_set_cmos(DeviceState *dev, uint8_t index, uint8_t value)
{
    assert(index > REG_D && index < CMOS && index != CENTURY);
    rtc_of(dev)->cmos[index] = value;
}

/* --- reset, state, type --- */

/* RESET clears the enables and the flags (data sheet, "RESET"); the time and
 * the memory have a battery. */
static void rtc_reset_enter(DeviceState *dev)
{
    Mc146818 *s = rtc_of(dev);

    s->cmos[REG_B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[REG_C] = 0;
    s->index = 0;
}

static bool rtc_post_load(void *obj, int version, Error **errp)
{
    Mc146818 *s = obj;

    s->index &= CMOS - 1;
    s->cmos[REG_A] &= (uint8_t)~A_UIP;
    if (s->phase_ns < 0 || s->phase_ns >= NS_PER_S) {
        error_set(errp, "mc146818rtc: phase %" PRId64 " ns is out of range",
                  s->phase_ns);
        return false;
    }
    if (s->offset_s < -MAX_OFFSET_S || s->offset_s > MAX_OFFSET_S) {
        error_set(errp, "mc146818rtc: a time %" PRId64 " s from now",
                  s->offset_s);
        return false;
    }
    rtc_update(&s->parent);
    return true;
}

static const VmField rtc_fields[] = {
    VM_U8_ARRAY(Mc146818, cmos),
    VM_U8(Mc146818, index),
    VM_I64(Mc146818, offset_s),
    VM_I64(Mc146818, phase_ns),
    VM_I64(Mc146818, seen_s),
    VM_I64(Mc146818, seen_period),
    { 0 },
};
static const VmState rtc_vmstate = {
    .name = "mc146818rtc",
    .version = 1,
    .fields = rtc_fields,
    .post_load = rtc_post_load,
};

static bool rtc_realize(DeviceState *dev, Error **errp)
{
    Mc146818 *s = rtc_of(dev);
    int64_t offset_ns;

    if (!rtc_start_offset_ns(dev->machine, &offset_ns, errp) ||
        !isa_connect(dev, &s->irq, LINE, errp)) {
        return false;
    }
    s->offset_s = floor_div(offset_ns, NS_PER_S);
    s->phase_ns = offset_ns - s->offset_s * NS_PER_S;
    s->cmos[REG_A] = A_RUNNING | 6; /* 1024 Hz, as a PC's firmware sets it */
    s->cmos[REG_B] = B_24H;
    look(s);
    s->cmos[REG_C] = 0;
    timer_init(&s->timer, dev->machine->loop, dev->machine->config.rtc_clock,
               rtc_fired, s);
    isa_map_latch(&s->index_port, dev, &index_ops, "rtc-index", INDEX);
    isa_map_ports(&s->data_port, dev, &data_ops, "rtc", DATA, 1);
    return true;
}

static void rtc_unrealize(DeviceState *dev)
{
    Mc146818 *s = rtc_of(dev);

    timer_cancel(&s->timer);
    isa_unmap_ports(&s->index_port);
    isa_unmap_ports(&s->data_port);
}

const DeviceType mc146818_type = {
    .name = "mc146818rtc",
    .parent = TYPE(device_type),
    .description = "MC146818 real-time clock",
    .size = sizeof(Mc146818),
    .bus = &isa_bus_type,
    .realize = rtc_realize,
    .unrealize = rtc_unrealize,
    .reset_enter = rtc_reset_enter,
    .reset_hold = rtc_update,
    .vmstate = &rtc_vmstate,
};
