/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The saved stream: what is damaged or does not fit is refused, and leaves a
 * machine that a reset makes whole. */
#include "hw-test.h"

#include "hw/char/serial.h"
#include "softmmu/backend/net.h"
#include "softmmu/migration/migration.h"

enum { UART = 0x10000000, SCRATCH = 7 };

typedef struct Pair {
    TestMachine *t;
    DeviceState *dev;
} Pair;

/* A machine with one UART at @base. */
static Pair machine_with_uart(void)
{
    Pair p = { .t = test_machine(0) };
    Error *err = NULL;

    p.dev = device_new_board(p.t->m, &serial_mm_type);
    if (!device_realize(p.dev, &err)) {
        g_error("%s", error_text(err));
    }
    device_map(p.dev, 0, UART);
    return p;
}

static void set_scratch(Pair *p, uint8_t value)
{
    g_assert_cmpint(address_space_st(&p->t->m->memory, UART + SCRATCH, 1,
                                     MEM_LITTLE, value, MEM_ATTRS_CPU),
                    ==, MEM_OK);
}

static uint8_t scratch(Pair *p)
{
    uint64_t value;

    g_assert_cmpint(address_space_ld(&p->t->m->memory, UART + SCRATCH, 1,
                                     MEM_LITTLE, &value, MEM_ATTRS_CPU),
                    ==, MEM_OK);
    return value;
}

static GByteArray *saved(uint8_t value)
{
    Pair p = machine_with_uart();
    GByteArray *data;

    set_scratch(&p, value);
    data = migration_save_devices(p.t->m);
    test_machine_free(p.t);
    return data;
}

static void state_comes_back_in_another_machine(void)
{
    g_autoptr(GByteArray) data = saved(0x5a);
    g_autoptr(Error) err = NULL;
    Pair p = machine_with_uart();

    g_assert_true(migration_load_devices(p.t->m, data->data, data->len, &err));
    g_assert_cmphex(scratch(&p), ==, 0x5a);
    test_machine_free(p.t);
}

static void every_truncation_is_refused(void)
{
    g_autoptr(GByteArray) data = saved(1);
    Pair p = machine_with_uart();

    for (guint len = 0; len < data->len; len++) {
        g_autofree uint8_t *cut = g_memdup2(data->data, len);
        g_autoptr(Error) err = NULL;

        g_assert_false(migration_load_devices(p.t->m, cut, len, &err));
        g_assert_nonnull(err);
    }
    test_machine_free(p.t);
}

static void every_flipped_bit_is_refused(void)
{
    g_autoptr(GByteArray) data = saved(1);
    Pair p = machine_with_uart();

    for (guint bit = 0; bit < data->len * 8; bit++) {
        g_autofree uint8_t *copy = g_memdup2(data->data, data->len);
        g_autoptr(Error) err = NULL;

        copy[bit / 8] ^= 1 << (bit % 8);
        g_assert_false(migration_load_devices(p.t->m, copy, data->len, &err));
        g_assert_nonnull(err);
    }
    test_machine_free(p.t);
}

static void a_missing_device_is_named(void)
{
    g_autoptr(GByteArray) data = saved(1);
    g_autoptr(Error) err = NULL;
    TestMachine *t = test_machine(0);

    g_assert_false(migration_load_devices(t->m, data->data, data->len, &err));
    g_assert_nonnull(strstr(error_text(err), "this machine has no"));
    test_machine_free(t);
}

static void a_device_without_state_is_named(void)
{
    TestMachine *empty = test_machine(0);
    g_autoptr(GByteArray) data = migration_save_devices(empty->m);
    g_autoptr(Error) err = NULL;
    Pair p = machine_with_uart();

    set_scratch(&p, 9);
    g_assert_false(migration_load_devices(p.t->m, data->data, data->len, &err));
    g_assert_nonnull(strstr(error_text(err), "the stream has no"));
    g_assert_cmphex(scratch(&p), ==, 9); /* nothing was changed */
    test_machine_free(p.t);
    test_machine_free(empty);
}

static TestMachine *machine_with_net(void)
{
    TestMachine *t = test_machine_new("none-machine", "riscv64", net_types);

    g_assert_true(machine_build(t->m, NULL));
    g_assert_true(machine_finish(t->m, NULL));
    return t;
}

/* A back end's state is dropped where another stands, or none: packets are
 * lost on the way of any network. */
static void state_of_a_netdev_may_be_left_out(void)
{
    g_autoptr(Error) err = NULL;
    TestMachine *with = machine_with_net(), *without = machine_with_net();
    g_autoptr(GByteArray) data = NULL;
    g_autoptr(GByteArray) none = migration_save_devices(without->m);

    if (!netdev_from_text(with->m, "user,id=n0", &err)) {
        g_test_skip("this build has no libslirp");
    } else {
        data = migration_save_devices(with->m);
        g_assert_cmpuint(data->len, >, none->len);
        g_assert_true(
            migration_load_devices(without->m, data->data, data->len, &err));
        g_assert_true(
            migration_load_devices(with->m, none->data, none->len, &err));
        g_assert_true(
            migration_load_devices(with->m, data->data, data->len, &err));
    }
    test_machine_free(without);
    test_machine_free(with);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/migration/" #fn, fn)
    ADD(state_comes_back_in_another_machine);
    ADD(every_truncation_is_refused);
    ADD(every_flipped_bit_is_refused);
    ADD(a_missing_device_is_named);
    ADD(a_device_without_state_is_named);
    ADD(state_of_a_netdev_may_be_left_out);
#undef ADD
    return g_test_run();
}
