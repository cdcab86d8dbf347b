/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The saved stream of a whole board, damaged on purpose. Checksums are made
 * right again, so that what is behind them is reached: the lists, each
 * device's loader. A stream is refused with a reason, or what it loads can be
 * saved, loads again, and runs on.
 *
 * Input: 0 and the bytes of a stream, or else a list of edits of a good one.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/types.h"

#include "tests/unit/hw-test.h"

#include "softmmu/machine/create.h"
#include "softmmu/migration/migration.h"
#include "softmmu/migration/stream.h"
#include "target/types.h"

extern const ObjectType *const hw_virtio_types[], *const hw_net_types[],
                                                      *const backend_types[];

typedef struct StreamFuzz {
    TestMachine *t;
    GPtrArray *good; /* GByteArray *: its records, without their sums */
} StreamFuzz;

/* --- the board --- */

/* The lists that test_machine_new() does not have, as one. */
static const ObjectType *const *more_types(void)
{
    const ObjectType *const *const lists[] = { riscv_cpu_types, hw_virtio_types,
                                               hw_net_types, backend_types };

    return fuzz_types(lists, ARRAY_SIZE(lists));
}

static void add_device(Machine *m, const char *driver)
{
    json_object *options = json_object_new_object();
    Error *err = NULL;

    json_object_object_add(options, "driver", json_object_new_string(driver));
    if (device_add(m, options, &err) == NULL) {
        g_error("%s: %s", driver, error_text(err));
    }
    json_object_put(options);
}

static TestMachine *board(void)
{
    static const char *const devices[] = { "virtio-rng-device",
                                           "virtio-net-device",
                                           "virtio-rng-pci", "virtio-net-pci",
                                           "pcie-root-port" };
    const ObjectType *const *types = more_types();
    TestMachine *t = test_machine_new("virt-machine", "riscv64", types);
    MachineConfig *c = &t->m->config;
    Error *err = NULL;

    c->ram_size = 2 * MiB;
    c->bios = g_strdup("none");
    c->cpus = c->max_cpus = 2;
    if (!machine_build(t->m, &err)) {
        g_error("%s", error_text(err));
    }
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        add_device(t->m, devices[i]);
    }
    if (!machine_finish(t->m, &err)) {
        g_error("%s", error_text(err));
    }
    machine_reset(t->m, CAUSE_NONE);
    return t;
}

/* --- a good stream, by records --- */

static uint32_t be(const uint8_t *p, int bytes)
{
    uint32_t v = 0;

    for (int i = 0; i < bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

/* Bytes of the record at @p, its sum not counted (softmmu/migration/stream.h
 * has the layout). */
static size_t record_len(const uint8_t *p)
{
    size_t len = 1;

    switch (p[0]) {
    case STREAM_CLOCK:
        return 9;
    case STREAM_DEVICE:
        len += 2 + be(p + len, 2) + 4; /* path, instance */
        len += 2 + be(p + len, 2) + 4; /* name, version */
        break;
    default:
        g_assert_cmpuint(p[0], ==, STREAM_END);
        break;
    }
    return len + 4 + be(p + len, 4);
}

static GPtrArray *records(Machine *m)
{
    g_autoptr(GByteArray) all = migration_save_devices(m);
    GPtrArray *list =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);

    for (size_t pos = 0; pos < all->len;) {
        size_t len = record_len(all->data + pos);
        GByteArray *one = g_byte_array_new();

        g_byte_array_append(one, all->data + pos, len);
        g_ptr_array_add(list, one);
        pos += len + 4;
    }
    return list;
}

static GPtrArray *copy_records(const GPtrArray *from)
{
    GPtrArray *list =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);

    for (guint i = 0; i < from->len; i++) {
        const GByteArray *one = g_ptr_array_index(from, i);
        GByteArray *copy = g_byte_array_new();

        g_byte_array_append(copy, one->data, one->len);
        g_ptr_array_add(list, copy);
    }
    return list;
}

/* --- edits --- */

/* A record whose content the input gives: of memory, mostly. */
static GByteArray *new_record(FuzzInput *in)
{
    GByteArray *r = g_byte_array_new();
    uint8_t kind = fuzz_u8(in) % 7;
    unsigned n = fuzz_u8(in);

    g_byte_array_append(r, &kind, 1);
    if (kind == STREAM_RAM_LIST && n % 2) { /* one that has the right form */
        static const uint8_t ram[] = { 0,   0,   0,   1,   0,   14,  'r',
                                       'i', 's', 'c', 'v', '.', 'v', 'i',
                                       'r', 't', '.', 'r', 'a', 'm' };
        uint64_t size = GUINT64_TO_BE(n & 2 ? 2 * MiB : fuzz_u64(in));

        g_byte_array_append(r, ram, sizeof(ram));
        g_byte_array_append(r, (const uint8_t *)&size, sizeof(size));
    }
    while (n-- > 0) {
        uint8_t byte = fuzz_u8(in);

        g_byte_array_append(r, &byte, 1);
    }
    return r;
}

static void edit(GPtrArray *list, FuzzInput *in)
{
    uint8_t op = fuzz_u8(in) % 8;
    guint i = fuzz_u8(in) % list->len;
    GByteArray *r = g_ptr_array_index(list, i);
    guint at = r->len ? fuzz_u16(in) % r->len : 0;

    switch (op) {
    case 0: /* drop it */
        if (list->len > 1) {
            g_ptr_array_remove_index(list, i);
        }
        break;
    case 1: /* twice */
        g_ptr_array_insert(list, i, g_byte_array_ref(r));
        break;
    case 2: /* cut it */
        g_byte_array_set_size(r, at);
        break;
    case 3:
        g_ptr_array_insert(list, i, new_record(in));
        break;
    default: /* from its end, where a device's fields are: 1 to 4 bytes */
        for (guint n = op - 3; n > 0 && at < r->len; n--, at++) {
            r->data[r->len - 1 - at] = fuzz_u8(in);
        }
        break;
    }
}

/* The stream of @list, with right sums. */
static GByteArray *join(const GPtrArray *list)
{
    GByteArray *all = g_byte_array_new();

    for (guint i = 0; i < list->len; i++) {
        const GByteArray *r = g_ptr_array_index(list, i);
        uint32_t sum = GUINT32_TO_BE(crc32c(0, r->data, r->len));

        g_byte_array_append(all, r->data, r->len);
        g_byte_array_append(all, (const uint8_t *)&sum, sizeof(sum));
    }
    return all;
}

/* --- what must hold --- */

static void load(StreamFuzz *f, const uint8_t *data, size_t len)
{
    Machine *m = f->t->m;
    g_autoptr(GByteArray) again = NULL;
    Error *err = NULL;

    if (!migration_load_devices(m, data, len, &err)) {
        g_assert_nonnull(err);
        error_free(err);
        machine_reset(m, CAUSE_NONE);
        return;
    }
    again = migration_save_devices(m);
    if (!migration_load_devices(m, again->data, again->len, &err)) {
        g_error("saved again, it is refused: %s", error_text(err));
    }
    test_clock_step(f->t, 1000000);
    test_loop(f->t);
    machine_reset(m, CAUSE_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static StreamFuzz f;
    FuzzInput in = { data, size };
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GByteArray) stream = NULL;

    if (f.t == NULL) {
        f.t = board();
        f.good = records(f.t->m);
    }
    if (fuzz_u8(&in) == 0) {
        load(&f, in.data, in.left);
        return 0;
    }
    list = copy_records(f.good);
    while (in.left > 0) {
        edit(list, &in);
    }
    stream = join(list);
    load(&f, stream->data, stream->len);
    return 0;
}
