/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices of the x86 boards in states that no machine saved: refused, or taken
 * with every number within bounds, so that accesses, lines and time go on, and
 * then saved to what loads again and is the same.
 *
 * Input: which device; how many edits (offset, value) of a good state; then
 * accesses, lines, clock steps and resets.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/hw-test.h"

#include "hw/acpi/ged.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/isa/devices.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"

enum { APIC, IOAPIC, PIC, GED, RTC, PIT, SERIAL, FWCFG, COUNT };
enum { RAM = 0x40000 };

/* Where each answers, and to how much. */
static const struct {
    const DeviceType *type;
    bool io;
    uint32_t at, size;
    unsigned inputs;
} rows[COUNT] = {
    [APIC] = { &apic_type, false, 0xfee00000, 0x400, 1 },
    [IOAPIC] = { &ioapic_type, false, 0xfec00000, 0x20, 24 },
    [PIC] = { &i8259_type, true, 0x20, 2, 16 },
    [GED] = { &acpi_ged_type, false, 0xfea00000, 4, 0 },
    [RTC] = { &mc146818_type, true, 0x70, 2, 0 },
    [PIT] = { &i8254_type, true, 0x40, 4, 0 },
    [SERIAL] = { &isa_serial_type, true, 0x3f8, 8, 0 },
    [FWCFG] = { &fw_cfg_io_type, true, 0x510, 12, 0 },
};

typedef struct Board {
    TestMachine *t;
    DeviceState *dev[COUNT];
    GByteArray *good[COUNT];
    TestWires w[2];
} Board;

/* A derived type may have its parent's table. */
static const VmState *table_of(const DeviceState *dev)
{
    const ObjectType *type = dev->parent.type;

    while (((const DeviceType *)type)->vmstate == NULL) {
        type = type->parent;
    }
    return ((const DeviceType *)type)->vmstate;
}

static GByteArray *save(DeviceState *dev)
{
    GByteArray *out = g_byte_array_new();

    vmstate_save(table_of(dev), dev, out);
    return out;
}

static bool load(DeviceState *dev, const GByteArray *state)
{
    const VmState *table = table_of(dev);
    g_autoptr(Error) err = NULL;
    bool ok =
        vmstate_load(table, dev, table->version, state->data, state->len, &err);

    assert(ok == (err == NULL));
    return ok;
}

static void send_msi(Machine *m, uint32_t requester, uint64_t addr,
                     uint32_t data)
{
}

static DeviceState *on_isa(Board *b, IsaBus *bus, const DeviceType *type)
{
    DevicePlace place = { .bus = (Bus *)bus };
    DeviceState *dev = device_new(b->t->m, type, &place, NULL);

    assert(dev && device_realize(dev, NULL));
    return dev;
}

/* Memory as at first, with requests of fw_cfg: a long read and a skip. */
static void fill_memory(Board *b)
{
    static const uint32_t words[] = { 10, 0x30000, 0, 0x1000, 4, 3, 0, 0 };
    g_autofree uint8_t *bytes = g_malloc0(RAM);

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        st32_be(bytes + 4 * i, words[i]);
    }
    address_space_write(&b->t->m->memory, 0, MEM_ATTRS_CPU, bytes, RAM);
}

/* In the middle of the long read. */
static void begin_reading(Board *b)
{
    uint64_t control = 0;

    device_reset(b->dev[FWCFG]);
    address_space_st(&b->t->m->io_space, rows[FWCFG].at + 8, 4, MEM_LITTLE, 0,
                     MEM_ATTRS_CPU);
    machine_unlock(b->t->m);
    loop_poll(b->t->m->loop, false);
    machine_lock(b->t->m);
    address_space_ld(&b->t->m->memory, 0, 4, MEM_LITTLE, &control,
                     MEM_ATTRS_CPU);
    assert(control != 0); /* not at its end */
}

static void make(Board *b)
{
    IsaBus *bus;

    b->t = test_machine(RAM);
    b->t->m->msi_send = send_msi;
    b->t->m->config.rtc_clock = CLOCK_VIRTUAL; /* stands still */
    b->t->m->config.rtc_base = g_strdup("1970-01-01");
    b->dev[APIC] = device_new_board(b->t->m, &apic_type);
    object_set_u64(b->dev[APIC], "cpus", 2);
    test_place(b->dev[APIC], rows[APIC].at, &b->w[0]);
    b->dev[IOAPIC] = device_new_board(b->t->m, &ioapic_type);
    test_place(b->dev[IOAPIC], rows[IOAPIC].at, NULL);
    b->dev[PIC] = device_new_board(b->t->m, &i8259_type);
    assert(device_realize(b->dev[PIC], NULL));
    b->dev[GED] = device_new_board(b->t->m, &acpi_ged_type);
    test_place(b->dev[GED], rows[GED].at, &b->w[1]);
    bus = isa_bus_new(b->t->m, b->dev[PIC], NULL);
    b->dev[RTC] = on_isa(b, bus, &mc146818_type);
    b->dev[PIT] = on_isa(b, bus, &i8254_type);
    b->dev[SERIAL] = on_isa(b, bus, &isa_serial_type);
    b->dev[FWCFG] = (DeviceState *)fw_cfg_io_map(b->t->m, 0x510, NULL);
    machine_cont(b->t->m);
    for (unsigned i = 0; i < COUNT; i++) {
        device_reset(b->dev[i]);
    }
    fill_memory(b);
    begin_reading(b);
    for (unsigned i = 0; i < COUNT; i++) {
        b->good[i] = save(b->dev[i]);
    }
}

static void access_it(Board *b, unsigned i, FuzzInput *in)
{
    AddressSpace *as = rows[i].io ? &b->t->m->io_space : &b->t->m->memory;
    hwaddr at = rows[i].at + fuzz_u16(in) % rows[i].size;
    unsigned op = fuzz_u8(in), size = 1u << (op & 3) % 3;
    uint64_t v = (uint64_t)fuzz_u16(in) << 16 | fuzz_u16(in);

    if (op & 8) {
        address_space_st(as, at, size, MEM_LITTLE, v, MEM_ATTRS_CPU);
    } else {
        address_space_ld(as, at, size, MEM_LITTLE, &v, MEM_ATTRS_CPU);
    }
}

static void act(Board *b, unsigned i, FuzzInput *in)
{
    switch (fuzz_u8(in) % 8) {
    case 0:
        test_clock_step(b->t, (int64_t)fuzz_u16(in) << (fuzz_u8(in) & 31));
        test_loop(b->t);
        break;
    case 1:
        if (rows[i].inputs) {
            device_irq_in(b->dev[i], fuzz_u8(in) % rows[i].inputs,
                          fuzz_u8(in) & 1);
        }
        break;
    case 2:
        device_reset(b->dev[i]);
        break;
    default:
        access_it(b, i, in);
        break;
    }
}

/* What is saved loads; and is the same, but for what came due meanwhile. */
static void check_saved(DeviceState *dev, bool same)
{
    g_autoptr(GByteArray) once = save(dev);
    g_autoptr(GByteArray) twice = NULL;

    assert(load(dev, once));
    twice = save(dev);
    assert(once->len == twice->len);
    assert(!same || memcmp(once->data, twice->data, once->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Board b;
    FuzzInput in = { data, size };
    g_autoptr(GByteArray) state = g_byte_array_new();
    unsigned i = fuzz_u8(&in) % COUNT;

    if (!b.t) {
        make(&b);
    }
    g_byte_array_append(state, b.good[i]->data, b.good[i]->len);
    for (unsigned n = fuzz_u8(&in) % 16; n > 0; n--) {
        size_t at = fuzz_u16(&in) % state->len;

        state->data[at] = fuzz_u8(&in);
    }
    if (load(b.dev[i], state)) {
        check_saved(b.dev[i], true);
        while (in.left > 0) {
            act(&b, i, &in);
        }
        check_saved(b.dev[i], false);
    }
    device_reset(b.dev[i]);
    b.t->now_ns = 0;
    if (i == FWCFG) {
        fill_memory(&b);
    }
    assert(load(b.dev[i], b.good[i])); /* nothing of it stays */
    return 0;
}
