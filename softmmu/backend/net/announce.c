/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telling the network where a NIC is now, after migration or announce-self:
 * the guest does it itself where it can (VIRTIO 1.2, 5.1.6.5.4), else we send
 * a reverse ARP request in its name (RFC 903), which switches learn from.
 */
#include "tandem/base.h"

#include "internal.h"

enum { RARP_BYTES = 60, ETHERTYPE_RARP = 0x8035 };

struct NetAnnounce {
    Machine *m;
    NetAnnounceParams params;
    unsigned left; /* rounds */
    uint64_t wait_ms;
    Timer timer;
};

/* RFC 903: opcode 3, sender and target are both the NIC itself. */
static void make_rarp(uint8_t f[RARP_BYTES], const uint8_t *mac)
{
    static const uint8_t fixed[] = { 0, 1, 0x08, 0x00, 6, 4, 0, 3 };

    memset(f, 0, RARP_BYTES);
    memset(f, 0xff, NET_MAC_LEN);
    memcpy(f + 6, mac, NET_MAC_LEN);
    st16_be(f + 12, ETHERTYPE_RARP);
    memcpy(f + 14, fixed, sizeof(fixed));
    memcpy(f + 22, mac, NET_MAC_LEN);
    memcpy(f + 32, mac, NET_MAC_LEN);
}

static void announce_one(Nic *nic, void *opaque)
{
    const NetAnnounceParams *p = opaque;
    uint8_t frame[NET_VNET_HDR_MAX + RARP_BYTES] = { 0 };
    struct iovec iov = { frame, nic->vnet_hdr_len + RARP_BYTES };

    if (p->interfaces &&
        !g_strv_contains((const char *const *)p->interfaces, nic->name)) {
        return;
    }
    if (nic->handlers->announce && nic->handlers->announce(nic->opaque)) {
        return;
    }
    make_rarp(frame + nic->vnet_hdr_len, nic->conf->mac);
    nic_send(nic, 0, &iov, 1);
}

static void announce_free(NetAnnounce *a)
{
    timer_cancel(&a->timer);
    g_strfreev(a->params.interfaces);
    g_free(a->params.id);
    g_free(a);
}

void net_announce_stop(NetCore *core)
{
    g_clear_pointer(&core->announcing, g_ptr_array_unref);
}

static void round_due(void *opaque)
{
    NetAnnounce *a = opaque;

    net_each_nic(a->m, announce_one, &a->params);
    if (--a->left == 0) {
        g_ptr_array_remove(net_core(a->m)->announcing, a); /* frees it */
        return;
    }
    timer_set(&a->timer, clock_now_ns(a->m->clocks, CLOCK_VIRTUAL_RT) +
                             (int64_t)a->wait_ms * 1000000);
    a->wait_ms = MIN(a->wait_ms + a->params.step_ms, a->params.max_ms);
}

/* A new one of the same id takes the place of the old. */
static void forget_same(GPtrArray *list, const char *id)
{
    for (guint i = 0; i < list->len; i++) {
        NetAnnounce *a = g_ptr_array_index(list, i);

        if (g_strcmp0(a->params.id, id) == 0) {
            g_ptr_array_remove_index(list, i);
            return;
        }
    }
}

void net_announce_nics(Machine *m, const NetAnnounceParams *params)
{
    NetCore *core = net_core(m);
    NetAnnounce *a;

    if (!core->announcing) {
        core->announcing =
            g_ptr_array_new_with_free_func((GDestroyNotify)announce_free);
    }
    forget_same(core->announcing, params->id);
    if (params->rounds == 0) {
        return;
    }
    a = g_new0(NetAnnounce, 1);
    a->m = m;
    a->params = *params;
    a->params.interfaces = g_strdupv(params->interfaces);
    a->params.id = g_strdup(params->id);
    a->left = params->rounds;
    a->wait_ms = params->initial_ms;
    timer_init(&a->timer, m->loop, CLOCK_VIRTUAL_RT, round_due, a);
    g_ptr_array_add(core->announcing, a);
    timer_set(&a->timer, clock_now_ns(m->clocks, CLOCK_VIRTUAL_RT));
}
