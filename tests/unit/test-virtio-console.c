/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console device against VIRTIO 1.2, 5.3. */
#include "virtio-test.h"

enum { MULTIPORT = 2, EMERG_WRITE = 4 };
enum { READY, ADD, REMOVE, PORT_READY, CONSOLE, RESIZE, OPEN, NAME };
enum { CONTROL_IN = 2, CONTROL_OUT = 3, SIZE = 16 };

typedef struct Con {
    Rig *r;
    TestChardev *chr[2];
    DeviceState *port[2]; /* a console, a port */
} Con;

static void four_ports(Rig *r)
{
    object_set_u64(r->v, "max_ports", 4);
}

static DeviceState *new_port(Rig *r, const char *type, const char *name,
                             const char *chr, Error **errp)
{
    Bus *bus = g_ptr_array_index(r->v->parent.buses, 0);
    DeviceState *port =
        device_new(r->t->m, type_find(r->t->m->view, type),
                   &(DevicePlace){ .bus = bus, .user = true }, errp);

    if (chr) {
        object_set_str(port, "chardev", chr);
    }
    object_set_str(port, "name", name);
    if (!device_realize(port, errp)) {
        device_unplug(port);
        return NULL;
    }
    return port;
}

static Con *con_new(void)
{
    Con *c = g_new0(Con, 1);

    c->r = rig_new(&virtio_serial_type, four_ports);
    c->chr[0] = test_chardev(c->r->t, "c0");
    c->chr[1] = test_chardev(c->r->t, "c1");
    c->port[0] = new_port(c->r, "virtconsole", "con", "c0", NULL);
    c->port[1] = new_port(c->r, "virtserialport", "port", "c1", NULL);
    g_assert_nonnull(c->port[0]);
    g_assert_nonnull(c->port[1]);
    return c;
}

static void con_free(Con *c)
{
    rig_free(c->r);
    g_free(c);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Con, con_free)

/* Buffers for control messages: one descriptor each, 32 bytes. */
static void offer_control(Rig *r, unsigned n)
{
    TestQueue *q = &r->q[CONTROL_IN];

    for (unsigned i = 0; i < n; i++) {
        unsigned slot = q->avail_idx % SIZE;

        split_desc(r, q->desc, slot, T_TABLE + 64 * slot, 64, D_WRITE, 0);
        split_avail(r, q, (uint16_t)slot);
    }
    rig_kick(r, CONTROL_IN);
}

static void tell(Rig *r, uint32_t port, uint16_t event, uint16_t value)
{
    uint8_t m[8];
    TestUsed u;

    st32_le(m, port);
    st16_le(m + 4, event);
    st16_le(m + 6, value);
    rig_send(r, &r->q[CONTROL_OUT], m, sizeof(m), 0);
    g_assert_true(rig_used(r, &r->q[CONTROL_OUT], 1, &u));
}

/* The next control message is this one, followed by @text. */
static void hears(Rig *r, uint32_t port, uint16_t event, uint16_t value,
                  const char *text)
{
    uint8_t m[65] = { 0 };
    TestUsed u;

    g_assert_true(rig_used(r, &r->q[CONTROL_IN], 1, &u));
    g_assert_cmpuint(u.len, ==, 8 + (text ? strlen(text) : 0));
    rig_get(r, T_TABLE + 64 * u.id, m, 64);
    g_assert_cmpuint(ld32_le(m), ==, port);
    g_assert_cmpuint(ld16_le(m + 4), ==, event);
    g_assert_cmpuint(ld16_le(m + 6), ==, value);
    if (text) {
        g_assert_cmpstr((char *)m + 8, ==, text);
    }
}

static void hears_no_more(Rig *r)
{
    TestUsed u;

    g_assert_false(rig_used(r, &r->q[CONTROL_IN], 1, &u));
}

/* Up to open ports. */
static void set_up(Con *c)
{
    Rig *r = c->r;

    rig_start(r, MULTIPORT, 8, SIZE);
    offer_control(r, SIZE);
    tell(r, 0, READY, 1);
    hears(r, 0, ADD, 1, NULL);
    hears(r, 1, ADD, 1, NULL);
    tell(r, 0, PORT_READY, 1);
    hears(r, 0, CONSOLE, 1, NULL);
    hears(r, 0, NAME, 1, "con");
    hears(r, 0, OPEN, 1, NULL);
    tell(r, 1, PORT_READY, 1);
    hears(r, 1, NAME, 1, "port");
    hears(r, 1, OPEN, 1, NULL);
    hears_no_more(r);
    tell(r, 0, OPEN, 1);
    tell(r, 1, OPEN, 1);
}

static void messages_wait_for_buffers(void)
{
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;

    rig_start(r, MULTIPORT, 8, SIZE);
    tell(r, 0, READY, 1);
    offer_control(r, 1);
    hears(r, 0, ADD, 1, NULL);
    hears_no_more(r);
    offer_control(r, 1);
    hears(r, 1, ADD, 1, NULL);
}

/* Queues 0, 1 are port 0's, 4 and 5 port 1's (5.3.2). */
static void bytes_go_both_ways(void)
{
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;

    set_up(c);
    for (unsigned i = 0; i < 2; i++) {
        unsigned rx = i ? 4 : 0;
        uint8_t back[8] = "";
        TestUsed u;

        rig_send(r, &r->q[rx + 1], "out", 3, 0);
        g_assert_true(rig_used(r, &r->q[rx + 1], 1, &u));
        g_assert_cmpuint(u.len, ==, 0);
        g_assert_cmpstr(c->chr[i]->out->str, ==, "out");
        test_type(c->chr[i], "input");
        g_assert_cmpuint(c->chr[i]->in->len, ==, 5); /* no buffer: it waits */
        rig_send(r, &r->q[rx], NULL, 0, 2);
        g_assert_true(rig_used(r, &r->q[rx], 1, &u));
        g_assert_cmpuint(u.len, ==, 2);
        rig_send(r, &r->q[rx], NULL, 0, 8);
        g_assert_true(rig_used(r, &r->q[rx], 1, &u));
        g_assert_cmpuint(u.len, ==, 3);
        rig_get(r, T_DATA + 0x10000, back, 3);
        g_assert_cmpmem(back, 3, "put", 3);
        g_assert_cmpuint(c->chr[i]->in->len, ==, 0);
    }
}

static void closed_ports_get_nothing(void)
{
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;
    TestUsed u;

    set_up(c);
    tell(r, 1, OPEN, 0);
    rig_send(r, &r->q[4], NULL, 0, 8);
    test_type(c->chr[1], "x");
    g_assert_false(rig_used(r, &r->q[4], 1, &u));
    tell(r, 1, OPEN, 1);
    g_assert_true(rig_used(r, &r->q[4], 1, &u));
    g_assert_cmpuint(u.len, ==, 1);
}

static void a_slow_reader_holds_the_buffer(void)
{
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;
    TestUsed u;

    set_up(c);
    c->chr[1]->room = 4;
    rig_send(r, &r->q[5], "slowly", 6, 0);
    g_assert_cmpstr(c->chr[1]->out->str, ==, "slow");
    g_assert_false(rig_used(r, &r->q[5], 1, &u));
    c->chr[1]->room = SIZE_MAX;
    chardev_writable(&c->chr[1]->parent);
    test_loop(r->t);
    g_assert_true(rig_used(r, &r->q[5], 1, &u));
    g_assert_cmpstr(c->chr[1]->out->str, ==, "slowly");
    c->chr[1]->room = 1; /* nobody there any more: discarded */
    rig_send(r, &r->q[5], "lost", 4, 0);
    chardev_event(&c->chr[1]->parent, CHAR_CLOSED);
    test_loop(r->t);
    g_assert_true(rig_used(r, &r->q[5], 1, &u));
    hears(r, 1, OPEN, 0, NULL);
    chardev_event(&c->chr[1]->parent, CHAR_OPENED);
    test_loop(r->t);
    hears(r, 1, OPEN, 1, NULL);
}

static void without_multiport_port_0_is_open(void)
{
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;
    TestUsed u;

    rig_start(r, 0, 2, SIZE);
    rig_send(r, &r->q[0], NULL, 0, 8);
    test_type(c->chr[0], "hi");
    g_assert_true(rig_used(r, &r->q[0], 1, &u));
    g_assert_cmpuint(u.len, ==, 2);
}

static void emergency_bytes_pass_without_a_driver(void)
{
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;

    g_assert_cmpuint(test_rd(r->t, T_MMIO + 0x104, 4), ==, 4);
    test_wr(r->t, T_MMIO + 0x108, 4, '!');
    g_assert_cmpstr(c->chr[0]->out->str, ==, "!");
    test_wr(r->t, T_MMIO + 0x104, 4, 99); /* read-only */
    g_assert_cmpuint(test_rd(r->t, T_MMIO + 0x104, 4), ==, 4);
    g_assert_cmpuint(test_rd(r->t, T_MMIO + 0x108, 4), ==, 0);
}

/* 5.3.6.2: columns, then rows; port 0's are in the configuration too. */
static void sizes_are_told(void)
{
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;
    TestUsed u;

    set_up(c);
    object_set_u64(c->port[0], "cols", 0x4241);
    test_loop(r->t);
    g_assert_true(rig_used(r, &r->q[CONTROL_IN], 1, &u));
    g_assert_cmpuint(u.len, ==, 12);
    object_set_u64(c->port[0], "rows", 0x4443);
    test_loop(r->t);
    hears(r, 0, RESIZE, 0, "ABCD");
    g_assert_cmphex(test_rd(r->t, T_MMIO + 0x100, 4), ==, 0x44434241);
}

static void ports_come_and_go(void)
{
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;
    Error *err = NULL;

    set_up(c);
    for (int i = 0; i < 3; i++) {
        DeviceState *p = new_port(r, "virtserialport", "hot", NULL, &err);

        g_assert_nonnull(p);
        test_loop(r->t);
        hears(r, 2, ADD, 1, NULL);
        rig_send(r, &r->q[7], "gone", 4, 0);
        g_assert_true(device_unplug_request(p, &err));
        test_loop(r->t);
        hears(r, 2, REMOVE, 1, NULL);
        offer_control(r, 2);
    }
}

static void numbers_and_names_are_single(void)
{
    g_autoptr(Con) c = con_new();
    static const char *const types[] = { "virtserialport", "virtconsole" };
    Error *err = NULL;

    g_assert_null(new_port(c->r, types[0], "port", NULL, &err));
    g_assert_nonnull(err);
    g_clear_pointer(&err, error_free);
    g_assert_nonnull(new_port(c->r, types[1], "second", NULL, &err));
    g_assert_nonnull(new_port(c->r, types[0], "third", NULL, &err));
    g_assert_null(new_port(c->r, types[0], "fourth", NULL, &err));
    g_assert_cmpstr(error_text(err), ==,
                    "virtio-serial-bus: Maximum port limit for this device "
                    "reached");
    g_clear_pointer(&err, error_free);
}

static void hostile_messages_are_ignored(void)
{
    static const uint16_t events[] = { 1, 2, 4, 5, 7, 8, 0xffff };
    g_autoptr(Con) c = con_new();
    Rig *r = c->r;

    set_up(c);
    tell(r, 99, OPEN, 1);
    tell(r, UINT32_MAX, PORT_READY, 1);
    tell(r, 3, OPEN, 1); /* no such port */
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        tell(r, 1, events[i], 1);
    }
    rig_send(r, &r->q[CONTROL_OUT], "short", 5, 0);
    hears_no_more(r);
    for (int i = 0; i < 3000; i++) { /* answers pile up, up to a point */
        tell(r, 0, PORT_READY, 1);
    }
    g_assert_cmphex(rig_status(r), ==, 15);
}

static void reset_closes_all(void)
{
    g_autoptr(Con) c = con_new();
    TestUsed u;

    set_up(c);
    c->chr[1]->room = 0;
    rig_send(c->r, &c->r->q[5], "stuck", 5, 0);
    rig_wr(c->r, 0x70, 0);
    c->chr[1]->room = SIZE_MAX;
    chardev_writable(&c->chr[1]->parent);
    set_up(c);
    g_assert_cmpuint(c->chr[1]->out->len, ==, 0);
    rig_send(c->r, &c->r->q[5], "on", 2, 0);
    g_assert_true(rig_used(c->r, &c->r->q[5], 1, &u));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/virtio-console/" #fn, fn)
    TEST(messages_wait_for_buffers);
    TEST(bytes_go_both_ways);
    TEST(closed_ports_get_nothing);
    TEST(a_slow_reader_holds_the_buffer);
    TEST(without_multiport_port_0_is_open);
    TEST(emergency_bytes_pass_without_a_driver);
    TEST(sizes_are_told);
    TEST(ports_come_and_go);
    TEST(numbers_and_names_are_single);
    TEST(hostile_messages_are_ignored);
    TEST(reset_closes_all);
    return g_test_run();
}
