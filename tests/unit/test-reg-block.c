/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register blocks: masks, reset, hooks, gaps, sizes; unimplemented ranges. */
#include "hw-test.h"

#include "hw/core/reg_block.h"
#include "hw/misc/unimp.h"

enum { BASE = 0x10000, BASE2 = 0x20000, SIZE = 0x100 };
enum { R_A, R_RO, R_GAP, R_W1C, R_LIVE, R_COUNT };

typedef struct Toy {
    DeviceState parent;
    uint32_t reg[R_COUNT];
    uint32_t seen; /* by w1c_written */
    int updates;
    RegBlock block;
} Toy;

static const DeviceType toy_type;

static void w1c_written(DeviceState *dev, uint32_t value)
{
    Toy *s = object_cast(dev, &toy_type);

    s->seen = value;
    s->reg[R_W1C] &= ~value;
}

static uint32_t live_read(DeviceState *dev)
{
    return 0x11111111;
}

static void toy_update(DeviceState *dev)
{
    ((Toy *)object_cast(dev, &toy_type))->updates++;
}

static const RegDesc toy_regs[R_COUNT] = {
    [R_A] = { "A", 0x12, 0xff00ff00, NULL, NULL },
    [R_RO] = { "RO", 0xabcd, 0, NULL, NULL },
    [R_W1C] = { "W1C", 0xff, 0, NULL, w1c_written },
    [R_LIVE] = { "LIVE", 0, 0, live_read, NULL },
};

static bool toy_realize(DeviceState *dev, Error **errp)
{
    Toy *s = object_cast(dev, &toy_type);

    reg_block_init(&s->block, dev, toy_regs, s->reg, R_COUNT, SIZE, toy_update);
    device_add_mmio(dev, &s->block.mmio);
    return true;
}

static void toy_unrealize(DeviceState *dev)
{
    reg_block_destroy(&((Toy *)object_cast(dev, &toy_type))->block);
}

static void toy_reset(DeviceState *dev)
{
    reg_block_reset(&((Toy *)object_cast(dev, &toy_type))->block);
}

static const DeviceType toy_type = {
    .name = "toy",
    .parent = TYPE(device_type),
    .size = sizeof(Toy),
    .realize = toy_realize,
    .unrealize = toy_unrealize,
    .reset_enter = toy_reset,
};

static Toy *toy(TestMachine *t, hwaddr base)
{
    DeviceState *dev = device_new_board(t->m, &toy_type);

    test_place(dev, base, NULL);
    return object_cast(dev, &toy_type);
}

static void every_register_resets_and_keeps_its_writable_bits(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    Toy *s = toy(t, BASE), *other = toy(t, BASE2);

    for (unsigned i = 0; i < R_COUNT; i++) {
        const RegDesc *d = &toy_regs[i];

        if (d->name == NULL || d->read || d->written) {
            continue;
        }
        g_assert_cmphex(test_rd(t, BASE + 4 * i, 4), ==, d->reset);
        test_wr(t, BASE + 4 * i, 4, 0xffffffff);
        g_assert_cmphex(test_rd(t, BASE + 4 * i, 4), ==,
                        d->reset | d->writable);
        test_wr(t, BASE + 4 * i, 4, 0);
        g_assert_cmphex(test_rd(t, BASE + 4 * i, 4), ==,
                        d->reset & ~d->writable);
    }
    g_assert_cmpint(s->updates, ==, 4);
    g_assert_cmpint(other->updates, ==, 0);
    g_assert_cmphex(other->reg[R_A], ==, 0x12);
    device_reset(&s->parent);
    g_assert_cmphex(test_rd(t, BASE, 4), ==, 0x12);
}

static void hooks_see_what_was_written(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    Toy *s = toy(t, BASE);

    test_wr(t, BASE + 12, 4, 0x0f);
    g_assert_cmphex(s->seen, ==, 0x0f);
    g_assert_cmphex(test_rd(t, BASE + 12, 4), ==, 0xf0);
    g_assert_cmphex(test_rd(t, BASE + 16, 4), ==, 0x11111111);
}

static void gaps_read_zero_and_other_sizes_fault(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    uint64_t v;

    toy(t, BASE);
    test_wr(t, BASE + 8, 4, 0xffffffff);
    g_assert_cmphex(test_rd(t, BASE + 8, 4), ==, 0);
    test_wr(t, BASE + SIZE - 4, 4, 1);
    g_assert_cmphex(test_rd(t, BASE + SIZE - 4, 4), ==, 0);
    g_assert_cmpint(
        address_space_ld(&t->m->memory, BASE, 2, MEM_LITTLE, &v, MEM_ATTRS_CPU),
        !=, MEM_OK);
    g_assert_cmpint(address_space_ld(&t->m->memory, BASE + 2, 4, MEM_LITTLE, &v,
                                     MEM_ATTRS_CPU),
                    !=, MEM_OK);
}

static void unimplemented_ranges_lie_below_devices(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    Error *err = NULL;

    g_assert_true(unimp_map(t->m, "soc", BASE, 0x20000, &err));
    toy(t, BASE2);
    test_wr(t, BASE + 1, 1, 0x55);
    g_assert_cmphex(test_rd(t, BASE + 1, 8), ==, 0);
    g_assert_cmphex(test_rd(t, BASE2, 4), ==, 0x12);
    g_assert_false(unimp_map(t->m, "none", BASE, 0, &err));
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/reg-block/" #f, f)
    T(every_register_resets_and_keeps_its_writable_bits);
    T(hooks_see_what_was_written);
    T(gaps_read_zero_and_other_sizes_fault);
    T(unimplemented_ranges_lie_below_devices);
    return g_test_run();
}
