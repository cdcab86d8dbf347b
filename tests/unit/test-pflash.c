/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NOR flash against the CFI specification and the 28F128J3 data sheet: a bank
 * of two 16-bit chips, as virt has it. */
#include "hw-test.h"

#include "hw/block/pflash.h"

enum { BASE = 0x20000000, BASE2 = 0x22000000, BLOCK = 0x40000, BLOCKS = 8 };

static DeviceState *make(TestMachine *t, hwaddr base, const char *name)
{
    DeviceState *dev = device_new_board(t->m, &pflash_cfi01_type);

    object_set_u64(dev, "num-blocks", BLOCKS);
    object_set_u64(dev, "sector-length", BLOCK);
    object_set_u64(dev, "width", 4);
    object_set_u64(dev, "device-width", 2);
    object_set_u64(dev, "id0", 0x89);
    object_set_u64(dev, "id1", 0x18);
    object_set_str(dev, "name", name);
    test_place(dev, base, NULL);
    return dev;
}

/* A command to both chips. */
static void cmd(TestMachine *t, hwaddr off, unsigned c)
{
    test_wr(t, BASE + off, 4, c * 0x00010001u);
}

static uint32_t rd(TestMachine *t, hwaddr off)
{
    return (uint32_t)test_rd(t, BASE + off, 4);
}

static void erase(TestMachine *t, hwaddr off)
{
    cmd(t, off, 0x20);
    cmd(t, off, 0xd0);
}

static void query_describes_the_chips(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    unsigned table[0x40];

    make(t, BASE, "f0");
    cmd(t, 0x55 * 4, 0x98);
    for (unsigned i = 0; i < 0x40; i++) {
        uint32_t v = rd(t, i * 4);

        g_assert_cmphex(v & 0xffff, ==, v >> 16); /* both chips alike */
        table[i] = v & 0xffff;
    }
    g_assert_cmpint(table[0x10], ==, 'Q');
    g_assert_cmpint(table[0x11], ==, 'R');
    g_assert_cmpint(table[0x12], ==, 'Y');
    g_assert_cmphex(table[0x13], ==, 1); /* Intel extended */
    g_assert_cmphex(table[0x15], ==, 0x31);
    g_assert_cmphex(1u << table[0x27], ==, BLOCK * BLOCKS / 2);
    g_assert_cmphex(table[0x2a], ==, 10);
    g_assert_cmphex(table[0x2c], ==, 1);
    g_assert_cmphex(table[0x2d] | table[0x2e] << 8, ==, BLOCKS - 1);
    g_assert_cmphex((table[0x2f] | table[0x30] << 8) * 256, ==, BLOCK / 2);
    g_assert_cmpint(table[0x31], ==, 'P');
    cmd(t, 0, 0x90);
    g_assert_cmphex(rd(t, 0), ==, 0x00890089);
    g_assert_cmphex(rd(t, 4), ==, 0x00180018);
    g_assert_cmphex(test_rd(t, BASE + 2, 2), ==, 0x89); /* one chip */
    cmd(t, 0, 0xff);
    g_assert_cmphex(rd(t, 0), ==, 0);
}

static void program_clears_bits_and_erase_sets_them(void)
{
    g_autoptr(TestMachine) t = test_machine(0);

    make(t, BASE, "f0");
    erase(t, BLOCK);
    g_assert_cmphex(rd(t, BLOCK), ==, 0x00800080); /* status: ready */
    cmd(t, 0, 0xff);
    g_assert_cmphex(rd(t, BLOCK), ==, UINT32_MAX);
    g_assert_cmphex(rd(t, 2 * BLOCK - 4), ==, UINT32_MAX);
    g_assert_cmphex(rd(t, 2 * BLOCK), ==, 0);
    cmd(t, BLOCK + 8, 0x40);
    test_wr(t, BASE + BLOCK + 8, 4, 0x12345678);
    cmd(t, BLOCK + 8, 0x10);
    test_wr(t, BASE + BLOCK + 8, 4, 0xffff0000);
    cmd(t, 0, 0xff);
    g_assert_cmphex(rd(t, BLOCK + 8), ==, 0x12340000);
}

static void buffer_is_programmed_on_confirm_only(void)
{
    g_autoptr(TestMachine) t = test_machine(0);

    make(t, BASE, "f0");
    erase(t, 0);
    cmd(t, 0x100, 0xe8);
    g_assert_cmphex(rd(t, 0x100) & 0x80, ==, 0x80); /* buffer available */
    cmd(t, 0x100, 3);                               /* four words */
    for (unsigned i = 0; i < 4; i++) {
        test_wr(t, BASE + 0x100 + 4 * i, 4, 0x11111111u * (i + 1));
    }
    cmd(t, 0x100, 0xd0);
    g_assert_cmphex(rd(t, 0), ==, 0x00800080);
    cmd(t, 0, 0xff);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(rd(t, 0x100 + 4 * i), ==, 0x11111111u * (i + 1));
    }
    g_assert_cmphex(rd(t, 0x110), ==, UINT32_MAX);

    cmd(t, 0x200, 0xe8);
    cmd(t, 0x200, 0);
    test_wr(t, BASE + 0x200, 4, 0);
    cmd(t, 0x200, 0xff); /* not confirmed: sequence error */
    g_assert_cmphex(rd(t, 0) & 0xff, ==, 0xb0);
    cmd(t, 0, 0x50);
    cmd(t, 0, 0x70);
    g_assert_cmphex(rd(t, 0) & 0xff, ==, 0x80);
    cmd(t, 0, 0xff);
    g_assert_cmphex(rd(t, 0x200), ==, UINT32_MAX);
}

static void hostile_buffers_are_sequence_errors(void)
{
    static const struct {
        hwaddr start;
        uint32_t count, first, second;
    } bad[] = {
        { 0, 0xffff, 0, 0 },            /* larger than the buffer */
        { 0, 3, BLOCK - 8, BLOCK - 4 }, /* runs over the block */
        { 0, 3, 0x100, 0xfc },          /* goes back */
        { 0, 3, 0x100, 0x110 },         /* beyond its length */
        { 0, 3, BLOCK, BLOCK + 4 },     /* another block */
        { BLOCKS * BLOCK - 4, 3, BLOCKS * BLOCK - 4, 0 }, /* past the end */
    };
    g_autoptr(TestMachine) t = test_machine(0);

    make(t, BASE, "f0");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cmd(t, 0, 0x50);
        cmd(t, bad[i].start, 0xe8);
        cmd(t, bad[i].start, bad[i].count);
        test_wr(t, BASE + bad[i].first, 4, 0x70007000);
        test_wr(t, BASE + bad[i].second, 4, 0x00700070);
        cmd(t, 0, 0x70);
        g_assert_cmphex(rd(t, 0) & 0x30, ==, 0x30);
        cmd(t, 0, 0xff);
        cmd(t, 0, 0xff);
    }
}

static void locked_blocks_refuse_both(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    DeviceState *dev = make(t, BASE, "f0");

    erase(t, 0);
    cmd(t, 0, 0x60);
    cmd(t, 0, 0x01);
    erase(t, 0x10);
    g_assert_cmphex(rd(t, 0) & 0xff, ==, 0xa2);
    cmd(t, 0, 0x50);
    cmd(t, 0, 0x40);
    test_wr(t, BASE, 4, 0);
    g_assert_cmphex(rd(t, 0) & 0xff, ==, 0x92);
    cmd(t, 0, 0x90);
    g_assert_cmphex(rd(t, 8), ==, 0x00010001);
    g_assert_cmphex(rd(t, BLOCK + 8), ==, 0);
    cmd(t, 0, 0xff);
    g_assert_cmphex(rd(t, 0), ==, UINT32_MAX);
    cmd(t, 0, 0x60);
    cmd(t, 0, 0xd0);
    cmd(t, 0, 0x40);
    test_wr(t, BASE, 4, 0x55);
    device_reset(dev);
    g_assert_cmphex(rd(t, 0), ==, 0x55);
}

static void lock_bits_outlive_a_reset(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    DeviceState *dev = make(t, BASE, "f0");

    cmd(t, BLOCK, 0x60);
    cmd(t, BLOCK, 0x01);
    device_reset(dev);
    cmd(t, 0, 0x90);
    g_assert_cmphex(rd(t, 8), ==, 0);
    g_assert_cmphex(rd(t, BLOCK + 8), ==, 0x00010001);
    cmd(t, 0, 0xff);
    erase(t, BLOCK);
    g_assert_cmphex(rd(t, 0) & 0xff, ==, 0xa2);
}

static void state_moves_in_the_middle_of_a_buffer(void)
{
    g_autoptr(TestMachine) t = test_machine(0);
    DeviceState *a = make(t, BASE, "f0"), *b = make(t, BASE2, "f1");
    Error *err = NULL;

    test_wr(t, BASE2, 4, 0x00200020);
    test_wr(t, BASE2, 4, 0x00d000d0);
    cmd(t, 0x40, 0xe8);
    cmd(t, 0x40, 1);
    test_wr(t, BASE + 0x40, 4, 0xaaaaaaaa);
    test_migrate(a, b);
    test_wr(t, BASE2 + 0x44, 4, 0x55555555);
    test_wr(t, BASE2 + 0x40, 4, 0x00d000d0);
    test_wr(t, BASE2, 4, 0x00ff00ff);
    g_assert_cmphex(test_rd(t, BASE2 + 0x40, 8), ==, 0x55555555aaaaaaaa);

    /* A step that does not exist is refused. */
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    const VmState *vm = pflash_cfi01_type.vmstate;

    vmstate_save(vm, a, bytes);
    bytes->data[1] = 99;
    g_assert_false(vmstate_load(vm, b, 1, bytes->data, bytes->len, &err));
    error_free(err);
}

static void bad_geometry_is_refused(void)
{
    static const char *const bad[][2] = {
        { "num-blocks", "0" },      { "num-blocks", "3" },
        { "num-blocks", "131072" }, { "sector-length", "1000" },
        { "width", "3" },           { "width", "16" },
        { "device-width", "8" },    { "max-device-width", "1" },
        { "sector-length", "0" },
    };
    g_autoptr(TestMachine) t = test_machine(0);

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        DeviceState *dev = device_new_board(t->m, &pflash_cfi01_type);
        Error *err = NULL;

        object_set_u64(dev, "num-blocks", BLOCKS);
        object_set_u64(dev, "sector-length", BLOCK);
        object_set_u64(dev, "device-width", 2);
        g_assert_true(object_set_text(dev, bad[i][0], bad[i][1], &err));
        g_assert_false(device_realize(dev, &err));
        error_free(err);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/pflash/" #f, f)
    T(query_describes_the_chips);
    T(program_clears_bits_and_erase_sets_them);
    T(buffer_is_programmed_on_confirm_only);
    T(hostile_buffers_are_sequence_errors);
    T(locked_blocks_refuse_both);
    T(lock_bits_outlive_a_reset);
    T(state_moves_in_the_middle_of_a_buffer);
    T(bad_geometry_is_refused);
    return g_test_run();
}
