/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine for tests of single devices: type "none", no engine, a virtual
 * clock that stands still unless moved, character back ends that tests read
 * and feed. Everything runs under the machine lock in the test's thread.
 */
#ifndef TESTS_UNIT_HW_TEST_H
#define TESTS_UNIT_HW_TEST_H

#include "tandem/base.h"

#include "accel/accel.h"
#include "hw/core/none.h"
#include "hw/types.h"
#include "softmmu/backend/block.h"
#include "softmmu/backend/chardev/internal.h"
#include "softmmu/backend/net.h"
#include "softmmu/machine/machine.h"
#include "softmmu/memory/backend.h"

/* --- an engine that runs nothing --- */

static bool test_accel_init(AccelState *a, Error **errp)
{
    return true;
}

static void *test_env_alloc(AccelState *a, CPUState *cpu, size_t size)
{
    return g_malloc0(align_up(size, 64));
}

static void test_env_free(AccelState *a, CPUState *cpu)
{
    g_free(cpu->env);
}

static bool test_vcpu_create(AccelState *a, CPUState *cpu, Error **errp)
{
    cpu->parked = true;
    return true;
}

static void test_vcpu_nothing(CPUState *cpu)
{
}

static void test_vcpu_destroy(AccelState *a, CPUState *cpu)
{
}

static void test_regs_nothing(CPUState *cpu, uint32_t groups)
{
}

static bool test_regs_taken(CPUState *cpu, uint32_t groups, Error **errp)
{
    return true;
}

static void test_accel_nothing(AccelState *a)
{
}

static const AccelOps test_accel_type = {
    .name = "test-accel",
    .parent = TYPE(accel_type),
    .size = sizeof(AccelState),
    .accel_name = "test",
    .machine_init = test_accel_init,
    .machine_free = test_accel_nothing,
    .env_alloc = test_env_alloc,
    .env_free = test_env_free,
    .vcpu_create = test_vcpu_create,
    .vcpu_destroy = test_vcpu_destroy,
    .vcpu_kick = test_vcpu_nothing,
    .vcpu_env_changed = test_vcpu_nothing,
    .regs_pull = test_regs_nothing,
    .regs_push = test_regs_taken,
    .dirty_start = test_accel_nothing,
    .dirty_sync = test_accel_nothing,
    .dirty_stop = test_accel_nothing,
};

/* --- a character back end --- */

typedef struct TestChardev {
    Chardev parent;
    GString *out; /* what the device wrote */
    size_t room;  /* bytes that writes may still take */
    GString *in;  /* waits for the device to take it */
    int breaks;   /* of send_break: on */
    CharSerialParams params;
} TestChardev;

static size_t test_chr_write(Chardev *chr, const uint8_t *data, size_t len)
{
    TestChardev *t = (TestChardev *)chr;
    size_t n = MIN(len, t->room);

    g_string_append_len(t->out, (const char *)data, (gssize)n);
    t->room -= n;
    return n;
}

/* Feed what fits; called again by char_accept_input. */
static void test_chr_push(Chardev *chr)
{
    TestChardev *t = (TestChardev *)chr;
    int n = MIN(chardev_can_receive(chr), (int)t->in->len);

    if (n > 0) {
        g_autofree char *data = g_strndup(t->in->str, (gsize)n);

        g_string_erase(t->in, 0, n);
        chardev_receive(chr, (uint8_t *)data, n);
    }
}

static void test_chr_params(Chardev *chr, const CharSerialParams *p)
{
    ((TestChardev *)chr)->params = *p;
}

static void test_chr_break(Chardev *chr, bool on)
{
    ((TestChardev *)chr)->breaks += on;
}

static void test_chr_init(Object *obj)
{
    TestChardev *t = (TestChardev *)obj;

    t->out = g_string_new(NULL);
    t->in = g_string_new(NULL);
    t->room = SIZE_MAX;
    t->parent.log_fd = -1;
    t->parent.connected = true;
}

static void test_chr_finalize(Object *obj)
{
    TestChardev *t = (TestChardev *)obj;

    g_string_free(t->out, TRUE);
    g_string_free(t->in, TRUE);
}

static bool test_chr_open(Chardev *chr, Error **errp)
{
    return true;
}

static const ChardevType test_chardev_type = {
    .name = "chardev-test",
    .parent = TYPE(chardev_type),
    .driver = "test",
    .size = sizeof(TestChardev),
    .init = test_chr_init,
    .finalize = test_chr_finalize,
    .open = test_chr_open,
    .write = test_chr_write,
    .accept_input = test_chr_push,
    .set_params = test_chr_params,
    .send_break = test_chr_break,
};

/* --- the machine --- */

extern const ObjectType *const machine_types[], *const chardev_types[];

static const ObjectType *const test_types[] = {
    TYPE(test_accel_type),
    TYPE(test_chardev_type),
    NULL,
};

typedef struct TestMachine {
    Machine *m;
    TypeRegistry *reg;
    int64_t now_ns; /* of CLOCK_VIRTUAL */
} TestMachine;

static int64_t test_clock(void *opaque)
{
    return ((TestMachine *)opaque)->now_ns;
}

/* A machine of @type for @arch, not built; @more (may be NULL) are further
 * types. The machine lock is taken until test_machine_free(). */
static inline TestMachine *test_machine_new(const char *type, const char *arch,
                                            const ObjectType *const *more)
{
    const ObjectType *const *lists[] = {
        machine_types,  chardev_types,
        memory_types,   test_types,
        hw_core_types,  hw_char_types,
        hw_intc_types,  hw_timer_types,
        hw_misc_types,  hw_riscv_types,
        hw_block_types, hw_nvram_types,
        hw_pci_types,   hw_virtio_pci_types,
        block_types,    net_types,
        more,           NULL,
    };
    TestMachine *t = g_new0(TestMachine, 1);
    TypeView view;

    t->reg = type_registry_new(lists);
    view = (TypeView){ t->reg, arch };
    t->m = machine_new((const MachineType *)type_find(view, type), view);
    clocks_set_virtual_source(t->m->clocks, test_clock, t);
    machine_lock(t->m);
    t->m->accel = (AccelState *)object_new(&test_accel_type);
    t->m->accel->ops = &test_accel_type;
    t->m->accel->machine = t->m;
    return t;
}

/* "none", built and finished, with @ram bytes of RAM at 0. */
static inline TestMachine *test_machine(uint64_t ram)
{
    TestMachine *t = test_machine_new("none-machine", "riscv64", NULL);
    Error *err = NULL;

    t->m->config.ram_size = ram;
    if (!machine_build(t->m, &err) || !machine_finish(t->m, &err)) {
        g_error("%s", error_text(err));
    }
    return t;
}

static inline void test_machine_free(TestMachine *t)
{
    machine_unlock(t->m);
    machine_free(t->m); /* the engine too */
    type_registry_free(t->reg);
    g_free(t);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestMachine, test_machine_free)

/* Move the virtual clock and run what is due. */
static inline void test_clock_step(TestMachine *t, int64_t ns)
{
    t->now_ns += ns;
    loop_run_timers(t->m->loop, CLOCK_VIRTUAL);
}

/* Run bottom halves and posted calls. */
static inline void test_loop(TestMachine *t)
{
    machine_unlock(t->m);
    while (loop_poll(t->m->loop, false)) {
    }
    machine_lock(t->m);
}

static inline TestChardev *test_chardev(TestMachine *t, const char *id)
{
    Error *err = NULL;
    json_object *none = json_object_new_object();
    Chardev *chr = chardev_new(t->m, id, "test", none, &err);

    json_object_put(none);
    if (!chr) {
        g_error("%s", error_text(err));
    }
    return (TestChardev *)chr;
}

/* The other side types @text. */
static inline void test_type(TestChardev *c, const char *text)
{
    g_string_append(c->in, text);
    while (c->in->len && chardev_can_receive(&c->parent)) {
        test_chr_push(&c->parent);
    }
}

/* --- accesses, as a CPU makes them --- */

static inline uint64_t test_rd(TestMachine *t, hwaddr addr, unsigned size)
{
    uint64_t v = 0;

    g_assert_cmpint(address_space_ld(&t->m->memory, addr, size, MEM_LITTLE, &v,
                                     MEM_ATTRS_CPU),
                    ==, MEM_OK);
    return v;
}

static inline void test_wr(TestMachine *t, hwaddr addr, unsigned size,
                           uint64_t v)
{
    g_assert_cmpint(address_space_st(&t->m->memory, addr, size, MEM_LITTLE, v,
                                     MEM_ATTRS_CPU),
                    ==, MEM_OK);
}

/* --- wires --- */

/* Levels seen at the ends of lines, and how often each rose. */
typedef struct TestWires {
    bool level[64];
    int rises[64];
} TestWires;

static void test_wire(void *opaque, int n, bool level)
{
    TestWires *w = opaque;

    w->rises[n] += level && !w->level[n];
    w->level[n] = level;
}

/* Realize, map region 0 at @addr, connect all output lines to @w. */
static inline void test_place(DeviceState *dev, hwaddr addr, TestWires *w)
{
    Error *err = NULL;

    if (!device_realize(dev, &err)) {
        g_error("%s", error_text(err));
    }
    if (dev->mmio) {
        device_map(dev, 0, addr);
    }
    for (guint i = 0; w && dev->irqs_out && i < dev->irqs_out->len; i++) {
        device_connect_fn(dev, (int)i, test_wire, w, (int)i);
    }
    device_reset(dev);
}

/* --- saved state --- */

/* What @from saves, @to (of the same type and properties) loads; both then
 * save the same bytes. */
static inline void test_migrate(DeviceState *from, DeviceState *to)
{
    const DeviceType *type = (const DeviceType *)from->parent.type;
    g_autoptr(GByteArray) a = g_byte_array_new();
    g_autoptr(GByteArray) b = g_byte_array_new();
    Error *err = NULL;

    vmstate_save(type->vmstate, from, a);
    if (!vmstate_load(type->vmstate, to, type->vmstate->version, a->data,
                      a->len, &err)) {
        g_error("%s", error_text(err));
    }
    vmstate_save(type->vmstate, to, b);
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    /* Cut short anywhere, it is refused. */
    for (size_t len = 0; len < a->len; len += 1 + a->len / 7) {
        g_assert_false(vmstate_load(type->vmstate, to, type->vmstate->version,
                                    a->data, len, &err));
        g_clear_pointer(&err, error_free);
    }
    if (!vmstate_load(type->vmstate, to, type->vmstate->version, a->data,
                      a->len, &err)) {
        g_error("%s", error_text(err));
    }
}

#endif
