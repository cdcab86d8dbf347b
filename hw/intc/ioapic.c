/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * I/O APIC: 24 inputs, each of which sends a message to local APICs.
 *
 * Spec:  Intel 82093AA data sheet (290566), chapter 3; Intel SDM 3A 10.11
 *        (the message that a redirection entry makes); version 0x20 with the
 *        EOI register, as later chip sets have it (ICH9 data sheet 13.5.6).
 * Guest: index at 0x00, data at 0x10, EOI at 0x40, in a page.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include <sys/eventfd.h>

#include "accel/accel.h"
#include "hw/intc/ioapic.h"
#include "softmmu/machine/machine.h"

enum { REG_SELECT = 0x00, REG_WINDOW = 0x10, REG_EOI = 0x40 };
enum {
    INDEX_ID = 0,
    INDEX_VERSION = 1,
    INDEX_ARBITRATION = 2,
    INDEX_TABLE = 0x10
};
enum { VERSION = 0x20 | (IOAPIC_PINS - 1) << 16 };

/* Bits of a redirection entry (3.2.4). */
#define RTE_STATUS     BIT(12) /* read-only, as .remote IRR is */
#define RTE_REMOTE_IRR BIT(14)
#define RTE_LEVEL      BIT(15)
#define RTE_MASKED     BIT(16)
#define RTE_READ_ONLY  (RTE_STATUS | RTE_REMOTE_IRR)
#define RTE_RESERVED   (bit_mask(39) << 17)
enum { MODE_EXTINT = 7 };

typedef struct Ioapic Ioapic;

/* A pin whose source raises it by descriptor. */
typedef struct IoapicFd {
    Ioapic *ioapic;
    unsigned pin;
    IrqFd *f;  /* NULL: the pin has none */
    int ended; /* written by the engine at the end of an interrupt; or -1 */
    bool watched;
} IoapicFd;

typedef struct IoapicNotifier {
    Notifier notifier;
    Ioapic *ioapic;
} IoapicNotifier;

struct Ioapic {
    DeviceState parent;
    /* properties */
    uint32_t gsi_base;
    /* guest state: saved; when the engine holds it, as of the last get */
    IoapicState s;
    uint32_t level; /* the inputs, as driven */
    /* constant after realize */
    const IoapicEngine *engine; /* NULL: the engine takes no part */
    MemoryRegion mmio, index;   /* .index over the first bytes of .mmio */
    /* not saved: while the machine stands, lines are as their sources */
    IoapicFd fds[IOAPIC_PINS];
    IoapicNotifier on_state;
};

static Ioapic *ioapic_of(DeviceState *dev)
{
    return object_cast(dev, &ioapic_type);
}

unsigned ioapic_gsi_base(DeviceState *dev)
{
    return ioapic_of(dev)->gsi_base;
}

static bool engine_holds(const Ioapic *s)
{
    return s->engine && s->engine->get;
}

/* --- messages --- */

/* Address and data that entry @e sends (SDM 3A 10.11.1, 10.11.2). Bits 55 to
 * 49 of @e extend the destination to 15 bits; with them clear none do. */
static void rte_message(uint64_t e, uint64_t *addr, uint32_t *data)
{
    *addr = 0xfee00000 | bits_get(e, 56, 8) << 12 | bits_get(e, 11, 1) << 2 |
            bits_get(e, 49, 7) << 5;
    *data = (uint32_t)(bits_get(e, 0, 8) | bits_get(e, 8, 3) << 8 |
                       bits_get(e, 15, 1) << 15 | 1 << 14);
}

static void send_entry(Ioapic *s, unsigned i)
{
    Machine *m = s->parent.machine;
    uint64_t e = s->s.redirect[i], addr;
    uint32_t data;

    if (m->msi_send && bits_get(e, 8, 3) != MODE_EXTINT) {
        rte_message(e, &addr, &data); /* no 8259 would give an ExtINT's */
        m->msi_send(m, 0, addr, data);
    }
}

/* Send what is up and may go: an edge once, a level until it is ended. */
static void service(Ioapic *s)
{
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t *e = &s->s.redirect[i];

        if (!(s->s.irr >> i & 1) || (*e & RTE_MASKED)) {
            continue;
        }
        if (*e & RTE_LEVEL) {
            if (*e & RTE_REMOTE_IRR) {
                continue;
            }
            *e |= RTE_REMOTE_IRR;
        } else {
            s->s.irr &= ~(uint32_t)BIT(i);
        }
        send_entry(s, i);
    }
}

/* --- inputs by descriptor: bound while the machine runs and a message may go
 * out, else watched here --- */

static void fd_written(void *opaque)
{
    IoapicFd *l = opaque;
    eventfd_t n;

    if (eventfd_read(l->f->fd, &n) == 0) {
        l->f->drive(l->f->opaque);
    }
}

static void fd_watch(IoapicFd *l, bool on)
{
    if (l->watched != on) {
        l->watched = on;
        loop_set_fd(l->ioapic->parent.machine->loop, l->f->fd,
                    on ? fd_written : NULL, NULL, l);
    }
}

/* The guest ended an interrupt: what is still up comes again. */
static void fd_ended(IoapicFd *l)
{
    if (l->f && l->f->bound && l->f->up(l->f->opaque)) {
        eventfd_write(l->f->fd, 1);
    }
}

static void engine_ended(void *opaque)
{
    IoapicFd *l = opaque;
    eventfd_t n;

    if (eventfd_read(l->ended, &n) == 0) {
        fd_ended(l);
    }
}

/* The line is driven before the engine's part of it falls, and once more for
 * what came in between. */
static void fd_unbind(IoapicFd *l)
{
    Ioapic *s = l->ioapic;

    if (!l->f->bound) {
        return;
    }
    l->f->bound = false;
    l->f->drive(l->f->opaque);
    s->engine->unbind(&s->parent, s->gsi_base + l->pin, l->f->fd);
    l->f->drive(l->f->opaque);
    fd_watch(l, true);
}

/* From here on the line has what is not told by descriptor; the rest is told
 * by it, unless the message is out: then its end will ask. */
static void fd_bind(IoapicFd *l)
{
    Ioapic *s = l->ioapic;
    bool out = !engine_holds(s) && (s->s.redirect[l->pin] & RTE_REMOTE_IRR);
    eventfd_t n;

    if (l->f->bound) {
        return;
    }
    fd_watch(l, false);
    eventfd_read(l->f->fd, &n);
    l->f->bound =
        s->engine->bind(&s->parent, s->gsi_base + l->pin, l->f->fd, l->ended);
    fd_watch(l, !l->f->bound);
    l->f->drive(l->f->opaque);
    if (!out) {
        fd_ended(l);
    }
}

/* A controller in the engine masks by itself. */
static bool fd_may_send(const Ioapic *s, unsigned pin)
{
    uint64_t e = s->s.redirect[pin];

    return machine_running(s->parent.machine) &&
           (engine_holds(s) ||
            (!(e & RTE_MASKED) && bits_get(e, 8, 3) != MODE_EXTINT));
}

/* Before routes change: no descriptor may write to one that sends nothing. */
static void fds_unbind(Ioapic *s, bool all)
{
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        if (s->fds[i].f && (all || !fd_may_send(s, i))) {
            fd_unbind(&s->fds[i]);
        }
    }
}

static void fds_bind(Ioapic *s)
{
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        if (s->fds[i].f && fd_may_send(s, i)) {
            fd_bind(&s->fds[i]);
        }
    }
}

static void on_state(Notifier *n, void *data)
{
    Ioapic *s = container_of(n, IoapicNotifier, notifier)->ioapic;

    fds_unbind(s, false);
    fds_bind(s);
}

static void fd_detach(IoapicFd *l)
{
    fd_unbind(l);
    fd_watch(l, false);
    if (l->ended >= 0) {
        loop_set_fd(l->ioapic->parent.machine->loop, l->ended, NULL, NULL,
                    NULL);
        close(l->ended);
    }
    l->f = NULL;
}

static bool fd_attach(IoapicFd *l)
{
    Ioapic *s = l->ioapic;

    if (engine_holds(s)) {
        l->ended = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (l->ended < 0) {
            l->f = NULL;
            return false;
        }
        loop_set_fd(s->parent.machine->loop, l->ended, engine_ended, NULL, l);
    }
    fd_watch(l, true);
    if (fd_may_send(s, l->pin)) {
        fd_bind(l);
    }
    return true;
}

static bool ioapic_irq_fd(DeviceState *dev, int n, IrqFd *f, bool on)
{
    Ioapic *s = ioapic_of(dev);
    IoapicFd *l = &s->fds[n];

    if (!on) {
        if (l->f == f) {
            fd_detach(l);
        }
        return true;
    }
    if (l->f || !s->engine || !s->engine->bind) {
        return false;
    }
    *l = (IoapicFd){ s, (unsigned)n, f, -1, false };
    return fd_attach(l);
}

/* An entry that is masked while its interrupt is in service still gets the
 * end of that, which the engine tells of by the route; drivers mask so. */
static bool has_route(uint64_t e)
{
    return !(e & RTE_MASKED) || (e & RTE_REMOTE_IRR);
}

static void tell_engine(Ioapic *s)
{
    if (!s->engine || !s->engine->route) {
        return;
    }
    fds_unbind(s, false);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t addr = 0;
        uint32_t data = 0;

        if (has_route(s->s.redirect[i])) {
            rte_message(s->s.redirect[i], &addr, &data);
        }
        s->engine->route(&s->parent, s->gsi_base + i, addr, data);
    }
    s->engine->routed(&s->parent);
    fds_bind(s);
}

static void set_input(void *opaque, int n, bool level)
{
    Ioapic *s = opaque;
    uint32_t bit = (uint32_t)BIT(n);
    bool rose = level && !(s->level & bit);

    s->level = level ? s->level | bit : s->level & ~bit;
    if (engine_holds(s)) {
        s->engine->set_line(&s->parent, s->gsi_base + (unsigned)n, level);
        return;
    }
    if (s->s.redirect[n] & RTE_LEVEL) {
        s->s.irr = level ? s->s.irr | bit : s->s.irr & ~bit;
    } else if (rose) {
        s->s.irr |= bit;
    }
    service(s);
}

static void end_entry(Ioapic *s, unsigned i)
{
    s->s.redirect[i] &= ~RTE_REMOTE_IRR;
}

/* What was raised by descriptor and still is goes out like the others: this
 * CPU is here anyway. */
static void resend(Ioapic *s, unsigned i)
{
    const IrqFd *f = s->fds[i].f;

    if (f && f->bound && f->up(f->opaque)) {
        send_entry(s, i);
    }
}

void ioapic_eoi(DeviceState *dev, uint8_t vector)
{
    Ioapic *s = ioapic_of(dev);

    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t e = s->s.redirect[i];

        if ((e & RTE_LEVEL) && (uint8_t)e == vector) {
            end_entry(s, i);
            resend(s, i);
        }
    }
    service(s); /* what is still up comes again */
}

/* --- registers --- */

static uint32_t index_read(const Ioapic *s)
{
    unsigned at = s->s.select - INDEX_TABLE;

    switch (s->s.select) {
    case INDEX_ID:
    case INDEX_ARBITRATION:
        return s->s.id << 24;
    case INDEX_VERSION:
        return VERSION;
    default:
        return at < 2 * IOAPIC_PINS
                   ? (uint32_t)(s->s.redirect[at / 2] >> (32 * (at % 2)))
                   : 0;
    }
}

static void entry_write(Ioapic *s, unsigned i, bool high, uint32_t value)
{
    uint64_t *e = &s->s.redirect[i];
    uint64_t now = bits_set(*e, high ? 32 : 0, 32, value) & ~RTE_RESERVED;

    *e = (now & ~RTE_READ_ONLY) | (*e & RTE_READ_ONLY);
    if (!(*e & RTE_LEVEL)) {
        *e &= ~RTE_REMOTE_IRR; /* an edge is never in service */
    } else if (s->level >> i & 1) {
        s->s.irr |= (uint32_t)BIT(i);
    } else {
        s->s.irr &= ~(uint32_t)BIT(i);
    }
    tell_engine(s);
    service(s);
}

static void index_write(Ioapic *s, uint32_t value)
{
    unsigned at = s->s.select - INDEX_TABLE;

    if (s->s.select == INDEX_ID) {
        s->s.id = (uint32_t)bits_get(value, 24, 4);
    } else if (at < 2 * IOAPIC_PINS) {
        entry_write(s, at / 2, at % 2, value);
    } else {
        guest_error(&s->parent, "write of register 0x%x", s->s.select);
    }
}

static MemResult ioapic_read(void *opaque, hwaddr off, unsigned size,
                             uint64_t *value, MemAttrs attrs)
{
    Ioapic *s = opaque;

    *value = off == REG_SELECT   ? s->s.select
             : off == REG_WINDOW ? index_read(s)
                                 : 0;
    return MEM_OK;
}

static MemResult ioapic_write(void *opaque, hwaddr off, unsigned size,
                              uint64_t value, MemAttrs attrs)
{
    Ioapic *s = opaque;

    switch (off) {
    case REG_SELECT:
        s->s.select = (uint8_t)value;
        break;
    case REG_WINDOW:
        index_write(s, (uint32_t)value);
        break;
    case REG_EOI:
        ioapic_eoi(&s->parent, (uint8_t)value);
        break;
    default:
        guest_error(&s->parent, "write at 0x%" PRIx64, off);
        break;
    }
    return MEM_OK;
}

static const MemoryOps ioapic_ops = {
    .read = ioapic_read,
    .write = ioapic_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 8,
    .impl_min = 4,
    .impl_max = 4,
};

/* --- reset, state, type --- */

static void ioapic_reset_enter(DeviceState *dev)
{
    Ioapic *s = ioapic_of(dev);

    s->s = (IoapicState){ 0 };
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        s->s.redirect[i] = RTE_MASKED;
    }
}

static void ioapic_reset_hold(DeviceState *dev)
{
    Ioapic *s = ioapic_of(dev);

    if (engine_holds(s)) {
        fds_unbind(s, true); /* what it keeps of them falls */
        s->engine->put(dev, &s->s);
        fds_bind(s);
    }
    tell_engine(s);
}

static void ioapic_pre_save(void *obj)
{
    Ioapic *s = obj;

    if (engine_holds(s)) {
        s->engine->get(&s->parent, &s->s);
    }
}

static bool ioapic_post_load(void *obj, int version, Error **errp)
{
    Ioapic *s = obj;

    s->s.id &= 15;
    s->s.select &= 0xff;
    s->level &= (uint32_t)bit_mask(IOAPIC_PINS);
    ioapic_reset_hold(&s->parent);
    return true;
}

/* --- as text --- */

static void list_pins(GString *out, const char *name, uint32_t pins)
{
    g_string_append_printf(out, "  %-8s", name);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        if (pins >> i & 1) {
            g_string_append_printf(out, " %u", i);
        }
    }
    g_string_append(out, pins ? "\n" : " (none)\n");
}

static void describe_pin(GString *out, unsigned i, uint64_t e)
{
    static const char *const modes[] = { "fixed", "lowest", "SMI", "...",
                                         "NMI",   "INIT",   "...", "extINT" };

    g_string_append_printf(
        out,
        "  pin %-2u 0x%016" PRIx64 " dest=%" PRIx64 " vec=%-3u active-%s "
        "%-5s %-6s %-6s %s\n",
        i, e, bits_get(e, 56, 8), (uint8_t)e, e & BIT(13) ? "lo" : "hi",
        e & RTE_LEVEL ? "level" : "edge", e & RTE_MASKED ? "masked" : "",
        modes[bits_get(e, 8, 3)], e & BIT(11) ? "logical" : "physical");
}

/* Lines that are up by descriptor wait like those in the register. */
static void ioapic_describe(DeviceState *dev, GString *out)
{
    Ioapic *s = ioapic_of(dev);
    uint32_t waiting, served = 0;

    ioapic_pre_save(s); /* as the engine has it */
    waiting = s->s.irr;
    g_string_append_printf(out, "ioapic%u: ver=0x%x id=0x%02x sel=0x%02x",
                           s->gsi_base / IOAPIC_PINS, VERSION & 0xff, s->s.id,
                           s->s.select);
    if (s->s.select - INDEX_TABLE < 2 * IOAPIC_PINS) {
        g_string_append_printf(out, " (redir[%u])",
                               (s->s.select - INDEX_TABLE) / 2);
    }
    g_string_append_c(out, '\n');
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t e = s->s.redirect[i];
        const IrqFd *f = s->fds[i].f;

        describe_pin(out, i, e);
        served |= e & RTE_REMOTE_IRR ? (uint32_t)BIT(i) : 0;
        waiting |= f && f->bound && f->up(f->opaque) ? (uint32_t)BIT(i) : 0;
    }
    list_pins(out, "IRR", waiting);
    list_pins(out, "Remote IRR", served);
}

static const VmField state_fields[] = {
    VM_U32(IoapicState, id),
    VM_U32(IoapicState, select),
    VM_U32(IoapicState, irr),
    VM_U64_ARRAY(IoapicState, redirect),
    { 0 },
};
static const VmState state_vmstate = { "ioapic_state", 1, state_fields };
static const VmField ioapic_fields[] = {
    VM_STRUCT(Ioapic, s, state_vmstate),
    VM_U32(Ioapic, level),
    { 0 },
};
static const VmState ioapic_vmstate = {
    .name = "ioapic",
    .version = 1,
    .fields = ioapic_fields,
    .pre_save = ioapic_pre_save,
    .post_load = ioapic_post_load,
};

static const Property ioapic_props[] = {
    PROP(u32, Ioapic, gsi_base, "gsi-base", "0",
         "global number of its first input"),
    { 0 },
};

static bool ioapic_realize(DeviceState *dev, Error **errp)
{
    Ioapic *s = ioapic_of(dev);
    const AccelOps *ops = accel_ops(dev->machine);
    const void *engine = NULL;

    if (ops->attach_intc &&
        ops->attach_intc(dev->machine->accel, "ioapic", dev, &engine)) {
        s->engine = engine;
    } else if (engine) {
        error_set(errp, "the engine's interrupt controllers have no second "
                        "I/O APIC: use kernel-irqchip=split");
        return false;
    }
    memory_region_init_io(&s->mmio, dev, &ioapic_ops, s, "ioapic", 0x1000);
    memory_region_init_io(&s->index, dev, &ioapic_ops, s, "ioapic-index", 4);
    if (!engine_holds(s)) { /* else the kernel wants these writes */
        memory_region_set_coalesced(&s->index);
    }
    memory_region_add_overlap(&s->mmio, REG_SELECT, &s->index, 1);
    device_add_mmio(dev, &s->mmio);
    device_add_irq_inputs(dev, set_input, IOAPIC_PINS);
    s->on_state = (IoapicNotifier){ { on_state }, s };
    notifier_add(dev->machine->on_state, &s->on_state.notifier);
    return true;
}

static void ioapic_unrealize(DeviceState *dev)
{
    Ioapic *s = ioapic_of(dev);

    notifier_remove(dev->machine->on_state, &s->on_state.notifier);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        if (s->fds[i].f) {
            device_irq_fd_off(s->fds[i].f);
        }
    }
    memory_region_del(&s->mmio, &s->index);
    memory_region_destroy(&s->index);
    memory_region_destroy(&s->mmio);
}

const DeviceType ioapic_type = {
    .name = "ioapic",
    .parent = TYPE(device_type),
    .description = "I/O APIC",
    .size = sizeof(Ioapic),
    .props = ioapic_props,
    .realize = ioapic_realize,
    .unrealize = ioapic_unrealize,
    .reset_enter = ioapic_reset_enter,
    .reset_hold = ioapic_reset_hold,
    .irq_fd = ioapic_irq_fd,
    .vmstate = &ioapic_vmstate,
    .describe = ioapic_describe,
};
