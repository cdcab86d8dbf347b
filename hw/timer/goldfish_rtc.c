/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Goldfish real-time clock: nanoseconds since 1970, with one alarm.
 *
 * Spec:  Android "Goldfish Virtual Hardware", section "Goldfish real-time
 *        clock"; devicetree binding rtc/google,goldfish-rtc.
 * Guest: one window of 32-bit registers; one level line, the alarm.
 * Locks: every function runs under the machine lock and none blocks.
 */
#include "tandem/base.h"

#include "hw/core/reg_block.h"
#include "hw/core/rtc.h"
#include "hw/timer/goldfish_rtc.h"
#include "softmmu/machine/machine.h"

/* Register index = byte offset / 4. */
enum {
    R_TIME_LOW = 0x00 / 4, /* read: latches TIME_HIGH; write: sets */
    R_TIME_HIGH = 0x04 / 4,
    R_ALARM_LOW = 0x08 / 4, /* write: arms, with ALARM_HIGH written before */
    R_ALARM_HIGH = 0x0c / 4,
    R_IRQ_ENABLED = 0x10 / 4,
    R_CLEAR_ALARM = 0x14 / 4,
    R_ALARM_STATUS = 0x18 / 4,
    R_CLEAR_INTERRUPT = 0x1c / 4,
    R_COUNT,
};

enum { WINDOW = 0x24 };

typedef struct GoldfishRtc {
    DeviceState parent;
    /* guest state: saved */
    uint32_t reg[R_COUNT];
    int64_t offset_ns; /* wall time - rtc_clock_ns() */
    uint64_t alarm;    /* as armed: ALARM_HIGH may have changed since */
    bool pending;      /* the alarm went off */
    bool armed;
    /* wiring */
    Timer timer;
    RegBlock block;
    IrqLine irq;
} GoldfishRtc;

static GoldfishRtc *rtc_of(DeviceState *dev)
{
    return object_cast(dev, &goldfish_rtc_type);
}

static void rtc_update(DeviceState *dev)
{
    GoldfishRtc *s = rtc_of(dev);

    irq_set(&s->irq, s->pending && (s->reg[R_IRQ_ENABLED] & 1));
}

/* Both as unsigned 64-bit times: the guest may set any. */
static uint64_t rtc_now(const GoldfishRtc *s)
{
    return (uint64_t)s->offset_ns + (uint64_t)rtc_clock_ns(s->parent.machine);
}

/* An alarm in the past goes off at once, one beyond the clock's end never. */
static void rtc_arm(GoldfishRtc *s)
{
    uint64_t left = s->alarm - rtc_now(s);
    int64_t clock = rtc_clock_ns(s->parent.machine);

    if (!s->armed) {
        timer_cancel(&s->timer);
    } else if (s->alarm <= rtc_now(s)) {
        s->armed = false;
        s->pending = true;
        timer_cancel(&s->timer);
    } else if (left > (uint64_t)(INT64_MAX - MAX(clock, 0))) {
        timer_cancel(&s->timer);
    } else {
        timer_set(&s->timer, clock + (int64_t)left);
    }
}

static void rtc_fired(void *opaque)
{
    GoldfishRtc *s = opaque;

    rtc_arm(s); /* the host's clock may have been set back */
    rtc_update(&s->parent);
}

static uint32_t time_low_read(DeviceState *dev)
{
    GoldfishRtc *s = rtc_of(dev);
    uint64_t now = rtc_now(s);

    s->reg[R_TIME_HIGH] = (uint32_t)(now >> 32);
    return (uint32_t)now;
}

/* High is written first, low takes effect. */
static void time_low_written(DeviceState *dev, uint32_t value)
{
    GoldfishRtc *s = rtc_of(dev);
    uint64_t now = (uint64_t)s->reg[R_TIME_HIGH] << 32 | value;

    s->offset_ns = (int64_t)(now - (uint64_t)rtc_clock_ns(dev->machine));
    rtc_arm(s);
}

static void alarm_low_written(DeviceState *dev, uint32_t value)
{
    GoldfishRtc *s = rtc_of(dev);

    s->alarm = (uint64_t)s->reg[R_ALARM_HIGH] << 32 | value;
    s->armed = true;
    rtc_arm(s);
}

static void clear_alarm_written(DeviceState *dev, uint32_t value)
{
    GoldfishRtc *s = rtc_of(dev);

    s->armed = false;
    rtc_arm(s);
}

static uint32_t alarm_status_read(DeviceState *dev)
{
    return rtc_of(dev)->armed;
}

static void clear_interrupt_written(DeviceState *dev, uint32_t value)
{
    rtc_of(dev)->pending = false;
}

/* clang-format off */
static const RegDesc rtc_regs[R_COUNT] = {
    [R_TIME_LOW]        = { "TIME_LOW", 0, UINT32_MAX, time_low_read,
                            time_low_written },
    [R_TIME_HIGH]       = { "TIME_HIGH", 0, UINT32_MAX, NULL, NULL },
    [R_ALARM_LOW]       = { "ALARM_LOW", 0, UINT32_MAX, NULL,
                            alarm_low_written },
    [R_ALARM_HIGH]      = { "ALARM_HIGH", 0, UINT32_MAX, NULL, NULL },
    [R_IRQ_ENABLED]     = { "IRQ_ENABLED", 0, 1, NULL, NULL },
    [R_CLEAR_ALARM]     = { "CLEAR_ALARM", 0, 0, NULL, clear_alarm_written },
    [R_ALARM_STATUS]    = { "ALARM_STATUS", 0, 0, alarm_status_read, NULL },
    [R_CLEAR_INTERRUPT] = { "CLEAR_INTERRUPT", 0, 0, NULL,
                            clear_interrupt_written },
};
/* clang-format on */

static void rtc_reset_enter(DeviceState *dev)
{
    GoldfishRtc *s = rtc_of(dev);

    reg_block_reset(&s->block); /* the time goes on */
    s->armed = s->pending = false;
    s->alarm = 0;
    timer_cancel(&s->timer);
}

static bool rtc_post_load(void *obj, int version, Error **errp)
{
    GoldfishRtc *s = obj;

    rtc_arm(s);
    rtc_update(&s->parent);
    return true;
}

static const VmField rtc_fields[] = {
    VM_U32_ARRAY(GoldfishRtc, reg), VM_I64(GoldfishRtc, offset_ns),
    VM_U64(GoldfishRtc, alarm),     VM_BOOL(GoldfishRtc, pending),
    VM_BOOL(GoldfishRtc, armed),    { 0 },
};
static const VmState rtc_vmstate = {
    .name = "goldfish_rtc",
    .version = 1,
    .fields = rtc_fields,
    .post_load = rtc_post_load,
};

static bool rtc_realize(DeviceState *dev, Error **errp)
{
    GoldfishRtc *s = rtc_of(dev);

    if (!rtc_start_offset_ns(dev->machine, &s->offset_ns, errp)) {
        return false;
    }
    timer_init(&s->timer, dev->machine->loop, dev->machine->config.rtc_clock,
               rtc_fired, s);
    reg_block_init(&s->block, dev, rtc_regs, s->reg, R_COUNT, WINDOW,
                   rtc_update);
    device_add_mmio(dev, &s->block.mmio);
    device_add_irq(dev, &s->irq);
    return true;
}

static void rtc_unrealize(DeviceState *dev)
{
    GoldfishRtc *s = rtc_of(dev);

    timer_cancel(&s->timer);
    reg_block_destroy(&s->block);
}

const DeviceType goldfish_rtc_type = {
    .name = "goldfish_rtc",
    .parent = TYPE(device_type),
    .description = "Goldfish real-time clock",
    .size = sizeof(GoldfishRtc),
    .realize = rtc_realize,
    .unrealize = rtc_unrealize,
    .reset_enter = rtc_reset_enter,
    .reset_hold = rtc_update,
    .vmstate = &rtc_vmstate,
};
