/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues: the input is a hostile driver. It builds rings in guest RAM,
 * writes registers and configuration, kicks, resets, and moves the device's
 * state through saving and loading. The first byte says which device, the
 * second which kind of ring.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/virtio-test.h"

#include "softmmu/qmp/monitor.h"

enum { QUEUES = 6, SIZE = 8, ROOM = 4096 };

static void command(TestMachine *t, const char *name, const char *args)
{
    Error *err = NULL;
    json_object *json = json_tokener_parse(args);

    json_object_put(qmp_execute(t->m, name, json, &err));
    json_object_put(json);
    if (err) {
        g_error("%s: %s", name, error_text(err));
    }
}

static void setup_rng(Rig *r)
{
    object_set_u64(r->v, "max-bytes", 4096);
    object_set_u64(r->v, "period", 1);
}

static void setup_blk(Rig *r)
{
    command(r->t, "blockdev-add",
            "{\"driver\": \"null-co\", \"node-name\": \"n0\", "
            "\"size\": 1048576, \"read-zeroes\": true}");
    object_set_str(r->v, "drive", "n0");
}

static void setup_net(Rig *r)
{
    command(r->t, "netdev_add",
            "{\"type\": \"hubport\", \"id\": \"h0\", \"hubid\": 0}");
    object_set_str(r->v, "netdev", "h0");
}

static void setup_serial(Rig *r)
{
    object_set_u64(r->v, "max_ports", 2);
}

static void setup_balloon(Rig *r)
{
    object_set_bool(r->v, "free-page-reporting", true);
    object_set_bool(r->v, "free-page-hint", true);
    object_set_u64(r->v, "guest-stats-polling-interval", 1);
}

static const struct {
    const VirtioDeviceType *type;
    void (*setup)(Rig *r);
} devices[] = {
    { &virtio_rng_type, setup_rng },
    { &virtio_blk_type, setup_blk },
    { &virtio_net_type, setup_net },
    { &virtio_serial_type, setup_serial },
    { &virtio_balloon_type, setup_balloon },
};

/* Two ports for the console, with chardevs that take little. */
static void add_ports(Rig *r, TestChardev **chr)
{
    static const char *const types[] = { "virtconsole", "virtserialport" };
    Bus *bus = g_ptr_array_index(r->v->parent.buses, 0);
    Error *err = NULL;

    for (int i = 0; i < 2; i++) {
        g_autofree char *id = g_strdup_printf("c%d", i);
        DeviceState *port =
            device_new(r->t->m, type_find(r->t->m->view, types[i]),
                       &(DevicePlace){ .bus = bus, .user = true }, &err);

        chr[i] = test_chardev(r->t, id);
        object_set_str(port, "chardev", id);
        object_set_str(port, "name", id);
        if (!device_realize(port, &err)) {
            g_error("%s", error_text(err));
        }
    }
}

typedef struct Fuzz {
    Rig *r;
    TestChardev *chr[2]; /* NULL: no console */
    uint64_t features;
} Fuzz;

/* --- numbers a driver might write --- */

static uint64_t address(FuzzInput *in)
{
    static const uint64_t odd[] = {
        0,
        T_DESC,
        T_AVAIL,
        T_USED,
        T_TABLE,
        T_RAM - 1,
        T_RAM - 16,
        T_RAM,
        T_MMIO,
        T_MMIO + 0x100,
        T_MMIO + 0x50,
        UINT64_MAX,
        UINT64_MAX - 15,
        UINT64_C(1) << 40,
    };
    uint8_t pick = fuzz_u8(in);

    if (pick < 0x40) {
        return odd[pick % ARRAY_SIZE(odd)];
    }
    return pick < 0xf8 ? T_DATA + 16u * fuzz_u16(in) % 0x40000 : fuzz_u64(in);
}

static uint32_t length(FuzzInput *in)
{
    static const uint32_t odd[] = { 0,  1,    8,    10,         12,
                                    16, 17,   4096, 0x10000,    0xffffffff,
                                    32, 0x80, 1536, 0x80000000, 0xfffffff0 };
    uint8_t pick = fuzz_u8(in);

    return pick < 0x60   ? odd[pick % ARRAY_SIZE(odd)]
           : pick < 0xf8 ? pick * 4u
                         : fuzz_u32(in);
}

/* --- what a driver does --- */

static TestQueue *queue(Fuzz *f, FuzzInput *in)
{
    return &f->r->q[fuzz_u8(in) % QUEUES];
}

static void op_descriptor(Fuzz *f, FuzzInput *in)
{
    TestQueue *q = queue(f, in);
    uint8_t slot = fuzz_u8(in);
    hwaddr at = (slot & 0x80 ? T_TABLE : q->desc) + 16 * (slot % (2 * SIZE));
    uint64_t addr = address(in);
    uint32_t len = length(in);

    put_desc(f->r, at, addr, len, fuzz_u16(in), fuzz_u8(in) % (SIZE + 1));
}

static void op_packed(Fuzz *f, FuzzInput *in)
{
    TestQueue *q = queue(f, in);
    uint64_t addr = address(in);
    uint32_t len = length(in);
    uint8_t flags = fuzz_u8(in);

    if (q->size) {
        packed_desc(f->r, q, addr, len, flags >> 4, flags & 7);
    }
}

static void op_publish(Fuzz *f, FuzzInput *in)
{
    TestQueue *q = queue(f, in);

    if (q->size) {
        split_avail(f->r, q, fuzz_u8(in) % (SIZE + 1));
    }
}

static void op_kick(Fuzz *f, FuzzInput *in)
{
    rig_kick(f->r, fuzz_u8(in) % (QUEUES + 2));
}

/* A good request: descriptors of a row with data, published and kicked. */
static void op_request(Fuzz *f, FuzzInput *in)
{
    TestQueue *q = queue(f, in);
    unsigned n = 1 + fuzz_u8(in) % 4, outs = fuzz_u8(in) % 5;

    for (unsigned i = 0; q->size && i < n; i++) {
        uint16_t flags =
            (uint16_t)((i >= outs ? D_WRITE : 0) | (i + 1 < n ? D_NEXT : 0));
        uint64_t addr = T_DATA + 0x1000 * i;
        uint32_t len = i == 0 && outs ? 16 : length(in);

        test_wr(f->r->t, addr, 8, fuzz_u64(in));
        if (q->packed) {
            packed_desc(f->r, q, addr, len, 1, flags);
        } else {
            split_desc(f->r, q->desc, i, addr, len, flags, (uint16_t)(i + 1));
        }
    }
    if (q->size && !q->packed) {
        split_avail(f->r, q, 0);
    }
    rig_kick(f->r, q->index);
}

static void op_register(Fuzz *f, FuzzInput *in)
{
    static const uint8_t offsets[] = {
        0x14, 0x20, 0x24, 0x28, 0x30, 0x34, 0x38, 0x3c, 0x40, 0x44, 0x50, 0x60,
        0x64, 0x70, 0x80, 0x84, 0x90, 0x94, 0xa0, 0xa4, 0xac, 0xb0, 0xc0, 0xfc,
    };
    unsigned reg = offsets[fuzz_u8(in) % sizeof(offsets)];

    rig_wr(f->r, reg, fuzz_u8(in) & 1 ? fuzz_u8(in) : fuzz_u32(in));
    rig_rd(f->r, reg);
}

static void op_config(Fuzz *f, FuzzInput *in)
{
    unsigned size = 1u << fuzz_u8(in) % 3;
    hwaddr at = T_MMIO + 0x100 + (fuzz_u8(in) & 0x7f & ~(size - 1));

    test_wr(f->r->t, at, size, fuzz_take(in, size));
    test_rd(f->r->t, at, size);
}

static void op_memory(Fuzz *f, FuzzInput *in)
{
    hwaddr at = (fuzz_u8(in) & 1 ? T_DATA : T_DESC) + (fuzz_u16(in) & 0xfff8);

    test_wr(f->r->t, at, 8, fuzz_u64(in));
}

static void start(Fuzz *f)
{
    Rig *r = f->r;
    uint64_t offered = virtio_offered(r->v, false);

    rig_wr(r, 0x70, 0);
    rig_wr(r, 0x70, 3);
    for (unsigned i = 0; i < 2; i++) {
        rig_wr(r, 0x24, i);
        rig_wr(r, 0x20,
               (uint32_t)(((f->features & offered) | T_VERSION_1) >> 32 * i));
    }
    rig_wr(r, 0x70, 11);
    for (unsigned i = 0; i < QUEUES; i++) {
        rig_queue(r, i, SIZE, f->features & T_PACKED);
    }
    rig_wr(r, 0x70, 15);
    test_loop(r->t);
}

static void op_restart(Fuzz *f, FuzzInput *in)
{
    f->features ^= UINT64_C(1) << fuzz_u8(in) % 64;
    start(f);
}

static void op_time(Fuzz *f, FuzzInput *in)
{
    test_clock_step(f->r->t, (int64_t)fuzz_u8(in) << 24);
    test_loop(f->r->t);
}

static void op_host(Fuzz *f, FuzzInput *in)
{
    TestChardev *c = f->chr[fuzz_u8(in) & 1];
    uint8_t what = fuzz_u8(in);

    if (c && what & 1) {
        c->room = what * 16u;
        chardev_writable(&c->parent);
    } else if (c && what & 2) {
        test_type(c, "what the other side types");
        g_string_truncate(c->in, 0);
    } else if (c) {
        chardev_event(&c->parent, what & 4 ? CHAR_OPENED : CHAR_CLOSED);
    }
    test_loop(f->r->t);
}

/* Saved and loaded, as on the other side of a migration; base type first. */
static void op_state(Fuzz *f, FuzzInput *in)
{
    Rig *r = f->r;
    const DeviceType *own = (const DeviceType *)r->v->parent.parent.type;
    g_autoptr(GByteArray) base = g_byte_array_new();
    g_autoptr(GByteArray) more = g_byte_array_new();
    Error *err = NULL;

    machine_stop(r->t->m, RUN_STATE_PAUSED);
    vmstate_save(virtio_device_type.vmstate, r->v, base);
    vmstate_save(own->vmstate, r->v, more);
    if (!vmstate_load(virtio_device_type.vmstate, r->v, 1, base->data,
                      base->len, &err) ||
        !vmstate_load(own->vmstate, r->v, own->vmstate->version, more->data,
                      more->len, &err)) {
        g_printerr("%s\n", error_text(err));
        abort();
    }
    machine_cont(r->t->m);
    test_loop(r->t);
}

typedef void Op(Fuzz *f, FuzzInput *in);
static Op *const ops[] = {
    op_request, op_request, op_descriptor, op_packed,   op_publish,
    op_kick,    op_memory,  op_config,     op_register, op_restart,
    op_time,    op_host,    op_state,
};

static size_t device; /* being made */

static void setup_device(Rig *r)
{
    object_set_bool(r->v, "packed", true);
    object_set_bool(r->v, "in_order", true);
    devices[device].setup(r);
}

static void fuzz_new(Fuzz *f, size_t i)
{
    device = i;
    f->r = rig_new(devices[i].type, setup_device);
    if (devices[i].type == &virtio_serial_type) {
        add_ports(f->r, f->chr);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Fuzz all[ARRAY_SIZE(devices)];
    FuzzInput in = { data, size };
    Fuzz *f = &all[fuzz_u8(&in) % ARRAY_SIZE(devices)];
    uint8_t kind = fuzz_u8(&in);

    if (!f->r) {
        fuzz_new(f, (size_t)(f - all));
    }
    for (int i = 0; i < 2 && f->chr[i]; i++) {
        f->chr[i]->room = ROOM;
        g_string_truncate(f->chr[i]->in, 0);
        g_string_truncate(f->chr[i]->out, 0);
        if (!f->chr[i]->parent.connected) {
            chardev_event(&f->chr[i]->parent, CHAR_OPENED);
        }
    }
    rig_zero(f->r);
    f->features = 0xffffff | (kind & 1 ? T_PACKED : 0) |
                  (kind & 2 ? T_INDIRECT : 0) | (kind & 4 ? T_EVENT_IDX : 0) |
                  (kind & 8 ? T_IN_ORDER : 0) | (kind & 16 ? T_RING_RESET : 0);
    start(f);
    while (in.left > 0) {
        ops[fuzz_u8(&in) % ARRAY_SIZE(ops)](f, &in);
    }
    rig_wr(f->r, 0x70, 0);
    test_loop(f->r->t);
    return 0;
}
