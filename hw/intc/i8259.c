/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A PC's two 8259A interrupt controllers, the second on input 2 of the first.
 *
 * Spec:  Intel 8259A data sheet (231468), "Programming the 8259A"; the
 *        edge/level control registers: ICH9 data sheet 13.4.
 * Guest: ports 0x20 and 0xa0 (two each), ELCR at 0x4d0 and 0x4d1.
 * Omits: MCS-80 mode, a single chip, level mode by ICW1 (a PC has the ELCR),
 *        and an edge stays latched when its line falls before it is served.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "hw/intc/i8259.h"
#include "hw/isa/isa.h"
#include "softmmu/machine/machine.h"

enum { MASTER, SLAVE, CHIPS, CASCADE = 2, NONE = -1 };
enum { ICW1 = 0x10, ICW1_IC4 = 1, ICW1_SNGL = 2, ICW1_LTIM = 8 };
enum { ICW4_UPM = 1, ICW4_AEOI = 2, ICW4_SFNM = 16 };
enum {
    OCW3 = 8,
    OCW3_RIS = 1,
    OCW3_RR = 2,
    OCW3_P = 4,
    OCW3_SMM = 32,
    OCW3_ESMM = 64
};
/* OCW2's R, SL, EOI; figure "OCW2". */
enum {
    ROTATE_AUTO_CLEAR = 0,
    EOI = 1,
    EOI_SPECIFIC = 3,
    ROTATE_AUTO_SET = 4,
    ROTATE_EOI = 5,
    SET_PRIORITY = 6,
    ROTATE_SPECIFIC = 7
};

typedef struct I8259 I8259;
typedef struct Window {
    I8259 *pic;
    unsigned chip;
    MemoryRegion ports;
} Window;

struct I8259 {
    DeviceState parent;
    /* guest state: saved; when the engine holds it, as of the last get */
    I8259Chip chip[CHIPS];
    /* constant after realize */
    const I8259Engine *engine; /* NULL: it takes no part */
    Window window[CHIPS];
    MemoryRegion elcr;
    IrqLine intr, line[I8259_LINES];
};

static const uint8_t elcr_mask[CHIPS] = { 0xf8, 0xde };

static I8259 *pic_of(DeviceState *dev)
{
    return object_cast(dev, &i8259_type);
}

static bool engine_holds(const I8259 *s)
{
    return s->engine && s->engine->get;
}

/* --- priorities --- */

/* How far below the highest priority the first of @inputs is; 8: none. */
static unsigned rank_of(const I8259Chip *c, uint8_t inputs)
{
    unsigned rank = 0;

    while (rank < 8 && !(inputs >> ((rank + c->highest) & 7) & 1)) {
        rank++;
    }
    return rank;
}

/* The input that asks for service now, or NONE. */
static int asking(const I8259 *s, unsigned n)
{
    const I8259Chip *c = &s->chip[n];
    unsigned rank = rank_of(c, c->irr & ~c->imr), limit;
    int input = (int)((rank + c->highest) & 7);
    uint8_t served = c->isr;

    if (c->special_mask) {
        served &= ~c->imr;
    }
    limit = rank_of(c, served);
    if (c->nested && n == MASTER && input == CASCADE && limit < 8) {
        limit++; /* the slave in service may ask again, lower inputs not */
    }
    return rank < limit ? input : NONE;
}

static void set_chip_line(I8259Chip *c, unsigned n, bool level)
{
    uint8_t bit = (uint8_t)(1u << n);

    if (c->elcr & bit) {
        c->irr = level ? c->irr | bit : c->irr & ~bit;
    } else if (level && !(c->lines & bit)) {
        c->irr |= bit;
    }
    c->lines = level ? c->lines | bit : c->lines & ~bit;
}

/* The slave's output into the master, and the master's. */
static void pic_update(DeviceState *dev)
{
    I8259 *s = pic_of(dev);
    bool intr;

    if (engine_holds(s)) {
        return;
    }
    set_chip_line(&s->chip[MASTER], CASCADE, asking(s, SLAVE) != NONE);
    intr = asking(s, MASTER) != NONE;
    if (s->engine && s->engine->intr) {
        s->engine->intr(dev, intr);
    } else {
        irq_set(&s->intr, intr);
    }
}

bool i8259_intr(DeviceState *dev)
{
    return asking(pic_of(dev), MASTER) != NONE;
}

static void serve(I8259Chip *c, int n)
{
    uint8_t bit = (uint8_t)(1u << n);

    if (!(c->elcr & bit)) {
        c->irr &= ~bit;
    }
    if (!c->auto_eoi) {
        c->isr |= bit;
    } else if (c->rotate_auto) {
        c->highest = (uint8_t)((n + 1) & 7);
    }
}

/* Without a request any more, input 7 is given and not in service. */
static uint8_t acknowledge_chip(I8259 *s, unsigned n, int *input)
{
    *input = asking(s, n);
    if (*input == NONE) {
        return s->chip[n].base + 7;
    }
    serve(&s->chip[n], *input);
    return (uint8_t)(s->chip[n].base + *input);
}

uint8_t i8259_acknowledge(DeviceState *dev)
{
    I8259 *s = pic_of(dev);
    int input;
    uint8_t vector = acknowledge_chip(s, MASTER, &input);

    if (input == CASCADE) {
        vector = acknowledge_chip(s, SLAVE, &input);
        set_chip_line(&s->chip[MASTER], CASCADE, false); /* an edge again */
    }
    pic_update(dev);
    return vector;
}

static void set_input(void *opaque, int n, bool level)
{
    I8259 *s = opaque;

    if (!engine_holds(s) && n != CASCADE) {
        set_chip_line(&s->chip[n / 8], (unsigned)n % 8, level);
        pic_update(&s->parent);
    }
    irq_set(&s->line[n], level);
}

/* --- commands --- */

static void icw1_write(I8259 *s, I8259Chip *c, uint8_t value)
{
    if (value & (ICW1_SNGL | ICW1_LTIM)) {
        guest_error(&s->parent, "ICW1 0x%02x: no such mode", value);
    }
    *c = (I8259Chip){ .lines = c->lines,
                      .elcr = c->elcr,
                      .irr = c->lines & c->elcr,
                      .base = c->base,
                      .init = 1,
                      .icw4 = value & ICW1_IC4 };
}

static void ocw2_write(I8259Chip *c, uint8_t value)
{
    unsigned command = value >> 5, n = value & 7, rank;

    switch (command) {
    case ROTATE_AUTO_CLEAR:
    case ROTATE_AUTO_SET:
        c->rotate_auto = command == ROTATE_AUTO_SET;
        return;
    case EOI:
    case ROTATE_EOI:
        rank = rank_of(c, c->isr);
        if (rank == 8) {
            return;
        }
        n = (rank + c->highest) & 7;
        break;
    case SET_PRIORITY:
        c->highest = (uint8_t)((n + 1) & 7);
        return;
    case EOI_SPECIFIC:
    case ROTATE_SPECIFIC:
        break;
    default:
        return; /* no operation */
    }
    c->isr &= (uint8_t) ~(1u << n);
    if (command == ROTATE_EOI || command == ROTATE_SPECIFIC) {
        c->highest = (uint8_t)((n + 1) & 7);
    }
}

static void ocw3_write(I8259Chip *c, uint8_t value)
{
    if (value & OCW3_P) {
        c->poll = 1;
    } else if (value & OCW3_RR) {
        c->read_isr = value & OCW3_RIS;
    }
    if (value & OCW3_ESMM) {
        c->special_mask = (value & OCW3_SMM) != 0;
    }
}

/* A0 is 1: the mask, or the ICW that is due. */
static void data_write(I8259 *s, I8259Chip *c, uint8_t value)
{
    switch (c->init) {
    case 1:
        c->base = value & 0xf8;
        c->init = 2;
        break;
    case 2: /* ICW3: how the chips are wired is not the guest's choice */
        c->init = c->icw4 ? 3 : 0;
        break;
    case 3:
        if (!(value & ICW4_UPM)) {
            guest_error(&s->parent, "ICW4 0x%02x: no such mode", value);
        }
        c->auto_eoi = (value & ICW4_AEOI) != 0;
        c->nested = (value & ICW4_SFNM) != 0;
        c->init = 0;
        break;
    default:
        c->imr = value;
        break;
    }
}

static MemResult ports_write(void *opaque, hwaddr off, unsigned size,
                             uint64_t value, MemAttrs attrs)
{
    const Window *w = opaque;
    I8259Chip *c = &w->pic->chip[w->chip];

    if (off) {
        data_write(w->pic, c, (uint8_t)value);
    } else if (value & ICW1) {
        icw1_write(w->pic, c, (uint8_t)value);
    } else if (value & OCW3) {
        ocw3_write(c, (uint8_t)value);
    } else {
        ocw2_write(c, (uint8_t)value);
    }
    pic_update(&w->pic->parent);
    return MEM_OK;
}

/* The read after a poll command is an acknowledge ("The poll command"). */
static uint8_t poll_read(I8259 *s, unsigned n)
{
    int input;

    s->chip[n].poll = 0;
    acknowledge_chip(s, n, &input);
    pic_update(&s->parent);
    return input == NONE ? 0 : (uint8_t)(0x80 | input);
}

static MemResult ports_read(void *opaque, hwaddr off, unsigned size,
                            uint64_t *value, MemAttrs attrs)
{
    const Window *w = opaque;
    const I8259Chip *c = &w->pic->chip[w->chip];

    if (c->poll && !attrs.debug) {
        *value = poll_read(w->pic, w->chip);
    } else if (off) {
        *value = c->imr;
    } else {
        *value = c->read_isr ? c->isr : c->irr;
    }
    return MEM_OK;
}

static MemResult elcr_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    *value = ((I8259 *)opaque)->chip[off].elcr;
    return MEM_OK;
}

static MemResult elcr_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    I8259 *s = opaque;
    I8259Chip *c = &s->chip[off];

    c->elcr = (uint8_t)value & elcr_mask[off];
    c->irr = (c->irr & ~c->elcr) | (c->lines & c->elcr);
    pic_update(&s->parent);
    return MEM_OK;
}

#define BYTE_OPS(prefix)                                                       \
    {                                                                          \
        .read = prefix##_read, .write = prefix##_write, .endian = MEM_LITTLE,  \
        .valid_min = 1, .valid_max = 2, .impl_min = 1, .impl_max = 1,          \
    }
static const MemoryOps ports_ops = BYTE_OPS(ports);
static const MemoryOps elcr_ops = BYTE_OPS(elcr);

/* --- reset, state, type --- */

static void pic_reset_enter(DeviceState *dev)
{
    I8259 *s = pic_of(dev);

    for (unsigned i = 0; i < CHIPS; i++) {
        s->chip[i] = (I8259Chip){ .lines = s->chip[i].lines };
    }
}

static void pic_reset_hold(DeviceState *dev)
{
    I8259 *s = pic_of(dev);

    if (engine_holds(s)) {
        s->engine->put(dev, s->chip);
    }
    pic_update(dev);
}

void i8259_mask_all(DeviceState *dev)
{
    I8259 *s = pic_of(dev);

    s->chip[MASTER].imr = s->chip[SLAVE].imr = 0xff;
    pic_reset_hold(dev);
}

static void pic_pre_save(void *obj)
{
    I8259 *s = obj;

    if (engine_holds(s)) {
        s->engine->get(&s->parent, s->chip);
    }
}

static bool pic_post_load(void *obj, int version, Error **errp)
{
    I8259 *s = obj;

    for (unsigned i = 0; i < CHIPS; i++) {
        I8259Chip *c = &s->chip[i];

        c->highest &= 7;
        c->init &= 3;
        c->base &= 0xf8;
        c->elcr &= elcr_mask[i];
    }
    pic_reset_hold(&s->parent);
    return true;
}

static const VmField chip_fields[] = {
    VM_U8(I8259Chip, irr),      VM_U8(I8259Chip, imr),
    VM_U8(I8259Chip, isr),      VM_U8(I8259Chip, lines),
    VM_U8(I8259Chip, highest),  VM_U8(I8259Chip, base),
    VM_U8(I8259Chip, init),     VM_U8(I8259Chip, icw4),
    VM_U8(I8259Chip, auto_eoi), VM_U8(I8259Chip, rotate_auto),
    VM_U8(I8259Chip, nested),   VM_U8(I8259Chip, read_isr),
    VM_U8(I8259Chip, poll),     VM_U8(I8259Chip, special_mask),
    VM_U8(I8259Chip, elcr),     { 0 },
};
static const VmState chip_vmstate = { "i8259_chip", 1, chip_fields };
static const VmField pic_fields[] = {
    VM_STRUCT_ARRAY(I8259, chip, chip_vmstate),
    { 0 },
};
static const VmState pic_vmstate = {
    .name = "i8259",
    .version = 1,
    .fields = pic_fields,
    .pre_save = pic_pre_save,
    .post_load = pic_post_load,
};

static void map_ports(I8259 *s)
{
    static const uint16_t at[CHIPS] = { 0x20, 0xa0 };

    for (unsigned i = 0; i < CHIPS; i++) {
        Window *w = &s->window[i];

        w->pic = s;
        w->chip = i;
        memory_region_init_io(&w->ports, s, &ports_ops, w, "pic", 2);
        isa_map(&s->parent, &w->ports, at[i]);
    }
    memory_region_init_io(&s->elcr, s, &elcr_ops, s, "elcr", CHIPS);
    isa_map(&s->parent, &s->elcr, 0x4d0);
}

static bool pic_realize(DeviceState *dev, Error **errp)
{
    I8259 *s = pic_of(dev);
    const AccelOps *ops = accel_ops(dev->machine);
    const void *engine = NULL;

    if (ops->attach_intc &&
        ops->attach_intc(dev->machine->accel, "i8259", dev, &engine)) {
        s->engine = engine;
    }
    if (!engine_holds(s)) {
        map_ports(s);
    }
    device_add_irq_inputs(dev, set_input, I8259_LINES);
    device_add_irq(dev, &s->intr);
    for (unsigned i = 0; i < I8259_LINES; i++) {
        device_add_irq(dev, &s->line[i]);
    }
    return true;
}

static void pic_unrealize(DeviceState *dev)
{
    I8259 *s = pic_of(dev);

    if (!engine_holds(s)) {
        isa_unmap(&s->window[MASTER].ports);
        isa_unmap(&s->window[SLAVE].ports);
        isa_unmap(&s->elcr);
    }
}

static void pic_describe(DeviceState *dev, GString *out)
{
    I8259 *s = pic_of(dev);

    pic_pre_save(s); /* as the engine has it */
    for (int i = CHIPS - 1; i >= 0; i--) {
        const I8259Chip *c = &s->chip[i];

        g_string_append_printf(out,
                               "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d "
                               "irq_base=%02x rr_sel=%d elcr=%02x fnm=%d\n",
                               i, c->irr, c->imr, c->isr, c->highest, c->base,
                               c->read_isr, c->elcr, c->nested);
    }
}

const DeviceType i8259_type = {
    .name = "isa-i8259",
    .parent = TYPE(device_type),
    .description = "two 8259A interrupt controllers",
    .size = sizeof(I8259),
    .realize = pic_realize,
    .unrealize = pic_unrealize,
    .reset_enter = pic_reset_enter,
    .reset_hold = pic_reset_hold,
    .vmstate = &pic_vmstate,
    .describe = pic_describe,
};
