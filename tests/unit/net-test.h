/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of the network have in common: a NIC that the test plays, on a
 * machine of nothing else, and frames for it. */
#ifndef TESTS_UNIT_NET_TEST_H
#define TESTS_UNIT_NET_TEST_H

#include "bare-machine.h"
#include "softmmu/backend/chardev.h"
#include "softmmu/backend/net.h"
#include "softmmu/base/keyval.h"
#include "softmmu/machine/create.h"

/* --- a NIC --- */

typedef struct TestNic {
    DeviceState parent;
    NicConf conf;
    Nic nic;
    bool full;        /* no room */
    GPtrArray *got;   /* GBytes * */
    unsigned sent;    /* calls of sent() */
    unsigned changes; /* of the link */
} TestNic;

static bool nic_can_receive(void *opaque, unsigned queue)
{
    return !((TestNic *)opaque)->full;
}

static bool nic_receive(void *opaque, unsigned queue, const uint8_t *data,
                        size_t len)
{
    g_ptr_array_add(((TestNic *)opaque)->got, g_bytes_new(data, len));
    return true;
}

static void nic_sent(void *opaque, unsigned queue)
{
    ((TestNic *)opaque)->sent++;
}

static void nic_link_changed(void *opaque)
{
    ((TestNic *)opaque)->changes++;
}

static const NicHandlers handlers = {
    .can_receive = nic_can_receive,
    .receive = nic_receive,
    .sent = nic_sent,
    .link_changed = nic_link_changed,
};

static bool test_nic_realize(DeviceState *dev, Error **errp)
{
    TestNic *s = (TestNic *)dev;

    s->got = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    return nic_attach(&s->nic, &s->conf, dev, 1, &handlers, s, errp);
}

static void test_nic_unrealize(DeviceState *dev)
{
    nic_detach(&((TestNic *)dev)->nic);
}

static void test_nic_finalize(Object *obj)
{
    g_clear_pointer(&((TestNic *)obj)->got, g_ptr_array_unref);
}

static const Property test_nic_props[] = { PROPS_NIC(TestNic, conf), { 0 } };
static const DeviceType test_nic_type = {
    .name = "test-nic",
    .parent = TYPE(device_type),
    .size = sizeof(TestNic),
    .props = test_nic_props,
    .user_creatable = true,
    .finalize = test_nic_finalize,
    .realize = test_nic_realize,
    .unrealize = test_nic_unrealize,
};

/* --- a machine --- */

static const ObjectType *const bare_types[] = { TYPE(bare_type),
                                                TYPE(test_nic_type), NULL };
static const ObjectType *const *const lists[] = {
    machine_types, net_types, chardev_types, bare_types, NULL,
};

static Bare *setup(void)
{
    Bare *f = g_new0(Bare, 1);

    bare_init(f, lists);
    f->m->state = RUN_STATE_RUNNING; /* no engine is needed for packets */
    clocks_set_running(f->m->clocks, true);
    return f;
}

static void teardown(Bare *f)
{
    f->m->state = RUN_STATE_PRELAUNCH;
    bare_destroy(f);
    g_free(f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bare, teardown)

static inline void netdev(Bare *f, const char *text)
{
    g_autoptr(Error) err = NULL;

    netdev_from_text(f->m, text, &err);
    g_assert_cmpstr(err ? error_text(err) : "", ==, "");
}

static inline void assert_refused(Bare *f, const char *text,
                                  const char *sentence)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(netdev_from_text(f->m, text, &err));
    g_assert_cmpstr(error_text(err), ==, sentence);
    g_assert_null(netdev_find(f->m, "x"));
}

static inline TestNic *nic_on(Bare *f, const char *options)
{
    g_autoptr(Error) err = NULL;
    json_object *o = keyval_parse(options, "driver", NULL);
    DeviceState *dev = device_add(f->m, o, &err);

    json_object_put(o);
    g_assert_cmpstr(err ? error_text(err) : "", ==, "");
    return (TestNic *)dev;
}

static inline bool send_frame(TestNic *n, const void *data, size_t len)
{
    struct iovec iov = { (void *)data, len };

    return nic_send(&n->nic, 0, &iov, 1);
}

/* Turn the loop once, without waiting. */
static inline void turn_loop(Bare *f)
{
    machine_unlock(f->m);
    loop_poll(f->m->loop, false);
    machine_lock(f->m);
}

/* Turn the loop until @n has @count frames; the runner ends what hangs. */
static inline void wait_for(Bare *f, TestNic *n, guint count)
{
    for (int i = 0; n->got->len < count; i++) {
        turn_loop(f);
        g_usleep(i < 100 ? 10 : 1000);
    }
}

static inline const uint8_t *frame(TestNic *n, guint i, gsize *len)
{
    return g_bytes_get_data(g_ptr_array_index(n->got, i), len);
}

/* --- frames --- */

/* RFC 826: who has 10.0.2.@target? from 52:54:00:12:34:56, 10.0.2.15 */
static inline void make_arp(uint8_t f[42], uint8_t target)
{
    static const uint8_t head[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00, 0x12, 0x34,
        0x56, 0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,
        0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 10,   0,    2,    15,   0,
        0,    0,    0,    0,    0,    10,   0,    2,
    };

    memcpy(f, head, sizeof(head));
    f[41] = target;
}

/* RFC 1071: the checksum of @len bytes at @p and of @sum, which is not negated
 * yet. */
static inline uint16_t sum_of(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i & 1 ? p[i] : p[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

/* A frame of 60 bytes, numbered @tag. */
static inline void make_frame(uint8_t p[60], uint8_t tag)
{
    memset(p, 0, 60);
    memset(p, 0xff, 6);
    p[12] = 0x88;
    p[13] = 0xb5; /* local experiments, IEEE 802 */
    p[59] = tag;
}

/* Two NICs on one hub. */
static inline void pair(Bare *f, TestNic **a, TestNic **b)
{
    netdev(f, "hubport,id=p0,hubid=3");
    netdev(f, "hubport,id=p1,hubid=3");
    *a = nic_on(f, "test-nic,netdev=p0,id=a");
    *b = nic_on(f, "test-nic,netdev=p1,id=b");
}

/* A port of this host that is free, and is not @other. */
static inline uint16_t free_port(uint16_t other)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, len), ==, 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    close(fd);
    return ntohs(a.sin_port) == other ? free_port(other) : ntohs(a.sin_port);
}

#endif
