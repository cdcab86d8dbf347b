/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fw_cfg as its specification has it: keys, directory, data port, DMA. */
#include "hw-test.h"

#include "hw/nvram/fw_cfg.h"

enum { BASE = 0x10100000, RAM = 0x10000, LONG_RAM = 1 << 20 };
enum { DATA = BASE, SELECTOR = BASE + 8, DMA = BASE + 16 };

/* The selector and DMA are big-endian, the test's accesses little-endian. */
static void select_key(TestMachine *t, uint16_t key)
{
    test_wr(t, SELECTOR, 2, __builtin_bswap16(key));
}

static void read_bytes(TestMachine *t, void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = (uint8_t)test_rd(t, DATA, 1);
    }
}

static FwCfg *make(TestMachine *t)
{
    Error *err = NULL;
    FwCfg *s = fw_cfg_mem_map(t->m, BASE, &err);

    g_assert_nonnull(s);
    machine_cont(t->m); /* DMA goes on while it runs */
    return s;
}

static void add(FwCfg *s, const char *name, const char *text,
                const FwCfgFileOps *ops, void *opaque)
{
    Error *err = NULL;

    g_assert_true(
        fw_cfg_add_file(s, name, text, strlen(text), ops, opaque, &err));
}

/* Begin {control, length, address} at @at. */
static void dma_begin(TestMachine *t, hwaddr at, uint32_t control, uint32_t len,
                      hwaddr to)
{
    uint8_t req[16];

    st32_be(req, control);
    st32_be(req + 4, len);
    st64_be(req + 8, to);
    address_space_write(&t->m->memory, at, MEM_ATTRS_CPU, req, 16);
    test_wr(t, DMA, 4, 0);
    test_wr(t, DMA + 4, 4, __builtin_bswap32((uint32_t)at));
}

static uint32_t control_word(TestMachine *t, hwaddr at)
{
    return __builtin_bswap32((uint32_t)test_rd(t, at, 4));
}

/* One at 0x1000; returns the control word after. */
static uint32_t dma(TestMachine *t, uint32_t control, uint32_t len, hwaddr to)
{
    dma_begin(t, 0x1000, control, len, to);
    test_loop(t);
    return control_word(t, 0x1000);
}

static void signature_id_and_numbers_read_by_key(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);
    char text[4];

    t->m->config.cpus = 3;
    make(t);
    select_key(t, 0);
    read_bytes(t, text, 4);
    g_assert_cmpmem(text, 4, "QEMU", 4);
    g_assert_cmphex(test_rd(t, DATA, 1), ==, 0); /* past the end */
    select_key(t, 1);
    g_assert_cmphex(test_rd(t, DATA, 4), ==, 3); /* traditional, DMA */
    select_key(t, 5);
    g_assert_cmphex(test_rd(t, DATA, 2), ==, 3);
    select_key(t, 3);
    g_assert_cmphex(test_rd(t, DATA, 8), ==, RAM);
    select_key(t, 0x7777); /* none: zeros */
    g_assert_cmphex(test_rd(t, DATA, 8), ==, 0);
}

static void directory_lists_files_by_name(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);
    FwCfg *s = make(t);
    uint8_t dir[4 + 2 * 64], text[5];

    add(s, "opt/zeta", "world", NULL, NULL);
    add(s, "opt/alpha", "hi", NULL, NULL);
    select_key(t, 0x19);
    read_bytes(t, dir, sizeof(dir));
    g_assert_cmpuint(ld32_be(dir), ==, 2);
    g_assert_cmpuint(ld32_be(dir + 4), ==, 2);
    g_assert_cmphex(ld16_be(dir + 8), ==, 0x20);
    g_assert_cmpstr((char *)dir + 12, ==, "opt/alpha");
    g_assert_cmpuint(ld32_be(dir + 68), ==, 5);
    g_assert_cmphex(ld16_be(dir + 72), ==, 0x21);
    g_assert_cmpstr((char *)dir + 76, ==, "opt/zeta");
    select_key(t, 0x21);
    read_bytes(t, text, 5);
    g_assert_cmpmem(text, 5, "world", 5);
}

static void dma_selects_reads_skips_and_fills_with_zeros(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);

    add(make(t), "opt/x", "0123456789", NULL, NULL);
    g_assert_cmphex(test_rd(t, DMA, 8), ==,
                    __builtin_bswap64(0x51454d5520434647));
    test_wr(t, 0x2008, 8, UINT64_MAX);
    g_assert_cmphex(dma(t, 0x20u << 16 | 8 | 4, 2, 0), ==, 0);
    g_assert_cmphex(dma(t, 2, 12, 0x2000), ==, 0); /* 8 there, 4 beyond */
    g_assert_cmphex(test_rd(t, 0x2000, 8), ==, 0x3938373635343332);
    g_assert_cmphex(test_rd(t, 0x2008, 8), ==, 0xffffffff00000000);
}

static void dma_mistakes_set_the_error_bit(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);

    add(make(t), "opt/x", "0123456789", NULL, NULL);
    g_assert_cmphex(dma(t, 0x20u << 16 | 8 | 2, 4, 0x900000000ull), ==, 1);
    g_assert_cmphex(dma(t, 0x20u << 16 | 8 | 16, 4, 0x2000), ==, 1);
    /* A huge length ends at the end of memory. */
    g_assert_cmphex(dma(t, 0x20u << 16 | 8 | 2, UINT32_MAX, 0x2000), ==, 1);
    /* A request that lies nowhere, and one on our own registers. */
    test_wr(t, DMA, 8, __builtin_bswap64(0x900000000ull));
    test_loop(t);
    test_wr(t, DMA, 8, __builtin_bswap64((uint64_t)BASE));
    test_loop(t);
    g_assert_cmphex(dma(t, 0x20u << 16 | 8 | 2, 4, 0x2000), ==, 0);
    /* One right behind another, which tells nobody when it is over. */
    test_wr(t, DMA, 8, __builtin_bswap64(0x900000000ull));
    g_assert_cmphex(dma(t, 0x20u << 16 | 8 | 2, 4, 0x2000), ==, 0);
    test_wr(t, DMA, 8, __builtin_bswap64((uint64_t)DMA - 8));
    test_wr(t, DMA, 8, __builtin_bswap64((uint64_t)DMA - 8));
    g_assert_cmphex(dma(t, 0x20u << 16 | 8 | 2, 4, 0x2000), ==, 0);
}

typedef struct Seen {
    int selected;
    size_t off, len;
} Seen;

static void on_selected(void *opaque)
{
    ((Seen *)opaque)->selected++;
}

static void on_written(void *opaque, size_t off, size_t len)
{
    ((Seen *)opaque)->off = off;
    ((Seen *)opaque)->len = len;
}

static void a_file_with_an_owner_is_written_by_dma(void)
{
    static const FwCfgFileOps ops = { on_selected, on_written };
    g_autoptr(TestMachine) t = test_machine(RAM);
    FwCfg *s = make(t);
    Seen seen = { 0 };
    size_t len;

    add(s, "etc/w", "........", &ops, &seen);
    test_wr(t, 0x2000, 4, 0x44434241);
    g_assert_cmphex(dma(t, 0x20u << 16 | 8 | 4, 2, 0), ==, 0);
    g_assert_cmphex(dma(t, 16, 4, 0x2000), ==, 0);
    g_assert_cmpint(seen.selected, ==, 1);
    g_assert_cmpuint(seen.off, ==, 2);
    g_assert_cmpuint(seen.len, ==, 4);
    g_assert_cmpmem(fw_cfg_file_data(s, "etc/w", &len), 8, "..ABCD..", 8);
    g_assert_cmphex(dma(t, 16, 4, 0x2000), ==, 1); /* two bytes left */
}

static void names_and_options_are_checked(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);
    FwCfg *s = make(t);
    g_autofree char *lengthy = g_strnfill(56, 'n');
    Error *err = NULL;

    add(s, "opt/x", "1", NULL, NULL);
    g_assert_false(fw_cfg_add_option(s, "opt/x", NULL, "2", &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(fw_cfg_add_option(s, lengthy, NULL, "2", &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(fw_cfg_add_option(s, "opt/y", "/no/file", NULL, &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(fw_cfg_add_option(s, "opt/y", "/no/file", "2", &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(fw_cfg_add_option(s, "opt/y", NULL, NULL, &err));
    g_clear_pointer(&err, error_free);
    g_assert_true(fw_cfg_add_option(s, "opt/y", NULL, "2", &err));
}

static void state_moves_between_two_reads_and_with_a_request(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);
    FwCfg *a = make(t);
    DeviceState *b = device_new_board(t->m, &fw_cfg_mem_type);
    uint8_t req[16];

    test_place(b, BASE + 0x1000, NULL);
    add(a, "opt/x", "0123456789", NULL, NULL);
    add((FwCfg *)b, "opt/x", "0123456789", NULL, NULL);
    select_key(t, 0x20);
    g_assert_cmphex(test_rd(t, DATA, 2), ==, 0x3130);
    test_migrate((DeviceState *)a, b);
    g_assert_cmphex(test_rd(t, BASE + 0x1000, 2), ==, 0x3332);

    st32_be(req, 2);
    st32_be(req + 4, 4);
    st64_be(req + 8, 0x2000);
    address_space_write(&t->m->memory, 0x1000, MEM_ATTRS_CPU, req, 16);
    test_wr(t, DMA, 8, __builtin_bswap64(0x1000));
    test_migrate((DeviceState *)a, b); /* before the bottom half */
    device_reset((DeviceState *)a);
    test_loop(t);
    g_assert_cmphex(test_rd(t, 0x2000, 4), ==, 0x35343332);
}

/* --- long requests: of 0x80000 bytes to 0x20000 --- */

enum { TO = 0x20000, LENGTH = 0x80000, READ_FILE = 0x20 << 16 | 8 | 2 };

/* A machine with ones in its memory, and one begun at 0x1000. */
static TestMachine *begin_long(FwCfg **s)
{
    TestMachine *t = test_machine(LONG_RAM);
    g_autofree uint8_t *ones = g_malloc(LONG_RAM);

    memset(ones, 0xff, LONG_RAM);
    address_space_write(&t->m->memory, 0, MEM_ATTRS_CPU, ones, LONG_RAM);
    *s = make(t);
    add(*s, "opt/x", "0123456789", NULL, NULL);
    dma_begin(t, 0x1000, READ_FILE, LENGTH, TO);
    return t;
}

/* What the main loop does once. */
static void one_round(TestMachine *t)
{
    machine_unlock(t->m);
    loop_poll(t->m->loop, false);
    machine_lock(t->m);
}

static void check_filled(TestMachine *t)
{
    g_autofree uint8_t *got = g_malloc(LENGTH), *zeros = g_malloc0(LENGTH);

    g_assert_cmphex(control_word(t, 0x1000), ==, 0);
    address_space_read(&t->m->memory, TO, MEM_ATTRS_CPU, got, LENGTH);
    g_assert_cmpmem(got, 10, "0123456789", 10);
    g_assert_cmpmem(got + 10, LENGTH - 10, zeros, LENGTH - 10);
    g_assert_cmphex(test_rd(t, TO + LENGTH, 8), ==, UINT64_MAX);
    g_assert_cmphex(test_rd(t, TO - 8, 8), ==, UINT64_MAX);
}

static void a_long_request_lets_others_in(void)
{
    FwCfg *s;
    g_autoptr(TestMachine) t = begin_long(&s);
    int rounds;

    for (rounds = 0; control_word(t, 0x1000) != 0; rounds++) {
        g_assert_cmphex(control_word(t, 0x1000), ==, READ_FILE);
        g_assert_cmphex(test_rd(t, TO + LENGTH - 8, 8), ==, UINT64_MAX);
        one_round(t);
    }
    g_assert_cmpint(rounds, >=, 4);
    check_filled(t);
}

static void a_long_request_goes_on_where_it_was_loaded(void)
{
    FwCfg *a;
    g_autoptr(TestMachine) t = begin_long(&a);
    DeviceState *b = device_new_board(t->m, &fw_cfg_mem_type);

    test_place(b, BASE + 0x1000, NULL);
    add((FwCfg *)b, "opt/x", "0123456789", NULL, NULL);
    one_round(t);
    g_assert_cmphex(test_rd(t, TO, 4), ==, 0x33323130);
    test_migrate((DeviceState *)a, b);
    device_reset((DeviceState *)a);
    test_loop(t);
    check_filled(t);
    /* Nothing is under way in what it saves next. */
    test_migrate(b, (DeviceState *)a);
    test_wr(t, 0x1000, 4, 0x12345678);
    test_wr(t, TO + LENGTH - 8, 8, 1);
    test_loop(t);
    g_assert_cmphex(test_rd(t, 0x1000, 4), ==, 0x12345678);
    g_assert_cmphex(test_rd(t, TO + LENGTH - 8, 8), ==, 1);
}

static void a_reset_ends_a_long_request(void)
{
    FwCfg *s;
    g_autoptr(TestMachine) t = begin_long(&s);

    one_round(t);
    device_reset((DeviceState *)s);
    test_loop(t);
    g_assert_cmphex(control_word(t, 0x1000), ==, READ_FILE);
    g_assert_cmphex(test_rd(t, TO + LENGTH - 8, 8), ==, UINT64_MAX);
    g_assert_cmphex(dma(t, READ_FILE, LENGTH, TO), ==, 0);
    check_filled(t);
}

static void a_machine_that_stands_changes_no_memory(void)
{
    FwCfg *s;
    g_autoptr(TestMachine) t = begin_long(&s);

    machine_stop(t->m, RUN_STATE_PAUSED);
    test_loop(t);
    g_assert_cmphex(test_rd(t, TO, 8), ==, UINT64_MAX);
    machine_cont(t->m);
    one_round(t);
    g_assert_cmphex(test_rd(t, TO, 4), ==, 0x33323130);
    machine_stop(t->m, RUN_STATE_PAUSED);
    test_loop(t);
    g_assert_cmphex(control_word(t, 0x1000), ==, READ_FILE);
    machine_cont(t->m);
    test_loop(t);
    check_filled(t);
}

/* The second waits for the first; a third is a mistake that changes neither. */
static void one_request_waits_for_a_long_one(void)
{
    FwCfg *s;
    g_autoptr(TestMachine) t = begin_long(&s);

    dma_begin(t, 0x1100, READ_FILE, 4, 0x2000);
    dma_begin(t, 0x1200, READ_FILE, 4, 0x3000);
    g_assert_cmphex(control_word(t, 0x1100), ==, READ_FILE);
    test_loop(t);
    check_filled(t);
    g_assert_cmphex(control_word(t, 0x1100), ==, 0);
    g_assert_cmphex(test_rd(t, 0x2000, 4), ==, 0x33323130);
    g_assert_cmphex(control_word(t, 0x1200), ==, READ_FILE);
    g_assert_cmphex(test_rd(t, 0x3000, 4), ==, UINT32_MAX);
}

static void a_long_request_ends_where_memory_ends(void)
{
    FwCfg *s;
    g_autoptr(TestMachine) t = begin_long(&s);

    test_loop(t);
    g_assert_cmphex(dma(t, READ_FILE, UINT32_MAX, TO), ==, 1);
    g_assert_cmphex(test_rd(t, LONG_RAM - 0x20000, 8), ==, 0);
    g_assert_cmphex(dma(t, READ_FILE, 4, TO), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/fw-cfg/" #f, f)
    T(signature_id_and_numbers_read_by_key);
    T(directory_lists_files_by_name);
    T(dma_selects_reads_skips_and_fills_with_zeros);
    T(dma_mistakes_set_the_error_bit);
    T(a_file_with_an_owner_is_written_by_dma);
    T(names_and_options_are_checked);
    T(state_moves_between_two_reads_and_with_a_request);
    T(a_long_request_lets_others_in);
    T(a_long_request_goes_on_where_it_was_loaded);
    T(a_reset_ends_a_long_request);
    T(a_machine_that_stands_changes_no_memory);
    T(one_request_waits_for_a_long_one);
    T(a_long_request_ends_where_memory_ends);
    return g_test_run();
}
