/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI against PCI 3.0, the bridge specification 1.2 and PCI Express 4.0;
 * offsets and bits are the specifications'. */
#include "hw-test.h"

#include <sys/eventfd.h>

#include "hw/pci/ecam.h"
#include "hw/virtio/pci.h"

enum { ECAM = 0x30000000, MMIO = 0x40000000, PIO = 0x3000000, RAM = 1 << 20 };

/* --- a device to look at --- */

typedef struct Probe {
    PciDevice parent;
    MemoryRegion mem, io;
    uint64_t last; /* written to a BAR */
} Probe;

static MemResult probe_read(void *opaque, hwaddr off, unsigned size,
                            uint64_t *value, MemAttrs attrs)
{
    *value = 0x50 + off;
    return MEM_OK;
}

static MemResult probe_write(void *opaque, hwaddr off, unsigned size,
                             uint64_t value, MemAttrs attrs)
{
    ((Probe *)opaque)->last = value;
    return MEM_OK;
}

static const MemoryOps probe_ops = { .read = probe_read, .write = probe_write };

static bool probe_realize(PciDevice *d, Error **errp)
{
    Probe *p = (Probe *)d;

    memory_region_init_io(&p->mem, d, &probe_ops, p, "mem", 0x4000);
    memory_region_init_io(&p->io, d, &probe_ops, p, "io", 0x20);
    pci_register_bar(d, 0, PCI_BAR_64, &p->mem);
    pci_register_bar(d, 2, PCI_BAR_IO, &p->io);
    d->config[0x3d] = 1;
    pci_add_pm(d);
    return msi_init(d, 4, errp) && msix_init_exclusive(d, 4, 4, errp);
}

static void probe_unrealize(PciDevice *d)
{
    Probe *p = (Probe *)d;

    msix_uninit(d);
    memory_region_destroy(&p->mem);
    memory_region_destroy(&p->io);
}

static const PciDeviceType probe_type = {
    .name = "probe",
    .parent = TYPE(pci_device_type),
    .size = sizeof(Probe),
    .hotpluggable = true,
    .vendor_id = 0x1234,
    .device_id = 0x5678,
    .class_id = 0xff00,
    .subsystem_vendor_id = 0xaaaa,
    .subsystem_id = 0xbbbb,
    .pci_realize = probe_realize,
    .pci_unrealize = probe_unrealize,
};

/* --- the machine --- */

typedef struct Rig {
    TestMachine *t;
    DeviceState *host;
    TestWires w;
    struct {
        uint64_t addr;
        uint32_t data;
        uint16_t requester;
    } sent[8];
    unsigned n_sent;
    /* an engine with one route for messages */
    AccelOps ops;
    AccelMsi route;
    int bound_fd; /* -1: none */
    bool refuses;
} Rig;

static void take_msi(Machine *m, uint32_t requester, uint64_t addr,
                     uint32_t data)
{
    Rig *r = m->msi_opaque;

    g_assert_cmpuint(r->n_sent, <, ARRAY_SIZE(r->sent));
    r->sent[r->n_sent].addr = addr;
    r->sent[r->n_sent].requester = (uint16_t)requester;
    r->sent[r->n_sent++].data = data;
}

static Rig *rig_new(void)
{
    Rig *r = g_new0(Rig, 1);

    r->t = test_machine(RAM);
    r->t->m->msi_send = take_msi;
    r->t->m->msi_opaque = r;
    if (r->t->m->ram && !r->t->m->ram->parent) {
        memory_region_add(&r->t->m->system, 0, r->t->m->ram);
    }
    r->host = device_new_board(r->t->m, &ecam_host_type);
    test_place(r->host, ECAM, &r->w);
    ecam_map_memory(r->host, MMIO, 0x40000000);
    ecam_map_io(r->host, PIO);
    return r;
}

static void rig_free(Rig *r)
{
    test_machine_free(r->t);
    g_free(r);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

static PciDevice *add(Rig *r, const void *type, PciBus *bus, const char *addr,
                      bool hot)
{
    DevicePlace place = { .bus = &bus->parent, .user = true };
    Error *err = NULL;
    DeviceState *dev = device_new(r->t->m, type, &place, &err);

    g_assert_nonnull(dev);
    dev->hotplugged = hot;
    if (addr) {
        object_set_str(dev, "addr", addr);
    }
    if (!device_realize(dev, &err)) {
        g_error("%s", error_text(err));
    }
    return (PciDevice *)dev;
}

static PciDevice *probe(Rig *r, const char *addr)
{
    return add(r, &probe_type, ecam_root(r->host), addr, false);
}

/* Configuration space of bus.slot.0. */
static uint64_t cfg(unsigned bus, unsigned slot, unsigned off)
{
    return ECAM + (bus << 20) + (slot << 15) + off;
}

static void wr(Rig *r, unsigned slot, unsigned off, unsigned size, uint64_t v)
{
    test_wr(r->t, cfg(0, slot, off), size, v);
}

static uint64_t rd(Rig *r, unsigned slot, unsigned off, unsigned size)
{
    return test_rd(r->t, cfg(0, slot, off), size);
}

/* The capability @id of 0.slot; 0: none. */
static unsigned find_cap(Rig *r, unsigned bus, unsigned slot, unsigned id)
{
    unsigned off = (unsigned)test_rd(r->t, cfg(bus, slot, 0x34), 1);

    for (int n = 0; off && n < 48; n++) {
        if (test_rd(r->t, cfg(bus, slot, off), 1) == id) {
            return off;
        }
        off = (unsigned)test_rd(r->t, cfg(bus, slot, off + 1), 1);
    }
    return 0;
}

/* --- tests --- */

static void identity_is_read_only_and_absent_reads_ones(void)
{
    g_autoptr(Rig) r = rig_new();

    probe(r, "3");
    g_assert_cmphex(rd(r, 0, 0, 4), ==, 0x00081b36); /* the host itself */
    g_assert_cmphex(rd(r, 3, 0, 4), ==, 0x56781234);
    g_assert_cmphex(rd(r, 3, 0x2c, 4), ==, 0xbbbbaaaa);
    wr(r, 3, 0, 4, 0);
    g_assert_cmphex(rd(r, 3, 0, 4), ==, 0x56781234);
    g_assert_cmphex(rd(r, 4, 0, 4), ==, 0xffffffff);
    g_assert_cmphex(test_rd(r->t, cfg(7, 3, 0), 2), ==, 0xffff);
    wr(r, 4, 4, 2, 7); /* nobody there: ignored */
    g_assert_cmphex(rd(r, 3, 0x100, 4), ==, 0xffffffff); /* conventional */
}

static void bars_size_and_decode(void)
{
    g_autoptr(Rig) r = rig_new();
    Probe *p = (Probe *)probe(r, "1");
    uint64_t v;

    wr(r, 1, 0x10, 4, 0xffffffff);
    wr(r, 1, 0x14, 4, 0xffffffff);
    wr(r, 1, 0x18, 4, 0xffffffff);
    g_assert_cmphex(rd(r, 1, 0x10, 4), ==, 0xffffc004); /* 16 KiB, 64-bit */
    g_assert_cmphex(rd(r, 1, 0x14, 4), ==, 0xffffffff);
    g_assert_cmphex(rd(r, 1, 0x18, 4), ==, 0xffffffe1); /* 32 bytes of I/O */
    wr(r, 1, 0x10, 4, MMIO + 0x8000);
    wr(r, 1, 0x14, 4, 0);
    wr(r, 1, 0x18, 4, 0x1040);
    g_assert_cmpint(address_space_ld(&r->t->m->memory, MMIO + 0x8000, 4,
                                     MEM_LITTLE, &v, MEM_ATTRS_CPU),
                    ==, MEM_DECODE_ERROR); /* memory space is off */
    wr(r, 1, 4, 2, 3);
    g_assert_cmphex(test_rd(r->t, MMIO + 0x8008, 1), ==, 0x58);
    test_wr(r->t, PIO + 0x1044, 1, 0x7e);
    g_assert_cmphex(p->last, ==, 0x7e);
    wr(r, 1, 0x10, 4, MMIO + 0x10000); /* moves while it decodes */
    g_assert_cmphex(test_rd(r->t, MMIO + 0x10004, 1), ==, 0x54);
    wr(r, 1, find_cap(r, 0, 1, 1) + 4, 2, 3); /* D3hot decodes nothing */
    g_assert_cmpint(address_space_ld(&r->t->m->memory, MMIO + 0x10000, 4,
                                     MEM_LITTLE, &v, MEM_ATTRS_CPU),
                    ==, MEM_DECODE_ERROR);
    device_reset(&p->parent.parent);
    g_assert_cmphex(rd(r, 1, 0x10, 4), ==, 4);
    g_assert_cmphex(rd(r, 1, 4, 2), ==, 0);
}

static void pins_turn_with_the_slot_and_are_shared(void)
{
    g_autoptr(Rig) r = rig_new();
    PciDevice *a = probe(r, "1");
    PciDevice *b = probe(r, "5");

    pci_set_intx(a, true);
    g_assert_true(r->w.level[1]);
    g_assert_cmphex(rd(r, 1, 6, 2) & 8, ==, 8);
    pci_set_intx(b, true);
    pci_set_intx(a, false);
    g_assert_true(r->w.level[1]); /* 5 mod 4 is 1 too */
    wr(r, 5, 4, 2, 0x400);        /* interrupt disable */
    g_assert_false(r->w.level[1]);
    g_assert_cmphex(rd(r, 5, 6, 2) & 8, ==, 8); /* still pending */
    wr(r, 5, 4, 2, 0);
    g_assert_true(r->w.level[1]);
    device_unplug(&b->parent);
    g_assert_false(r->w.level[1]);
}

static void dma_wants_bus_master(void)
{
    g_autoptr(Rig) r = rig_new();
    PciDevice *d = probe(r, "1");
    uint32_t v = 0;

    test_wr(r->t, 0x100, 4, 0x12345678);
    g_assert_cmpint(dma_read(&d->dma, 0x100, &v, 4, pci_attrs(d)), !=, MEM_OK);
    wr(r, 1, 4, 2, 4);
    g_assert_cmpint(dma_read(&d->dma, 0x100, &v, 4, pci_attrs(d)), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x12345678);
    g_assert_cmphex(pci_requester(d), ==, 0x0008);
}

static void msix_masks_and_sends_later(void)
{
    g_autoptr(Rig) r = rig_new();
    PciDevice *d = probe(r, "1");
    unsigned cap = find_cap(r, 0, 1, 0x11);
    uint64_t table = MMIO + 0x1000;

    g_assert_cmphex(rd(r, 1, cap + 2, 2), ==, 3); /* 4 vectors */
    g_assert_cmphex(rd(r, 1, cap + 4, 4) & 7, ==, 4);
    wr(r, 1, 0x20, 4, table);
    wr(r, 1, 4, 2, 6);
    g_assert_cmphex(test_rd(r->t, table + 16 + 12, 4), ==, 1); /* masked */
    test_wr(r->t, table + 16, 8, 0xfee00004);
    test_wr(r->t, table + 24, 4, 0x41);
    wr(r, 1, cap + 2, 2, 0x8000);
    msix_notify(d, 1);
    g_assert_cmpuint(r->n_sent, ==, 0);
    g_assert_cmphex(test_rd(r->t, table + (rd(r, 1, cap + 8, 4) & ~7ull), 8),
                    ==, 2);
    test_wr(r->t, table + 28, 4, 0);
    g_assert_cmpuint(r->n_sent, ==, 1);
    g_assert_cmphex(r->sent[0].addr, ==, 0xfee00004);
    g_assert_cmphex(r->sent[0].data, ==, 0x41);
    g_assert_cmphex(r->sent[0].requester, ==, 8);
    wr(r, 1, cap + 2, 2, 0xc000); /* the whole function */
    msix_notify(d, 1);
    g_assert_cmpuint(r->n_sent, ==, 1);
    wr(r, 1, cap + 2, 2, 0x8000);
    g_assert_cmpuint(r->n_sent, ==, 2);
    wr(r, 1, 4, 2, 2); /* no bus master, no message */
    msix_notify(d, 1);
    msix_notify(d, 99);
    g_assert_cmpuint(r->n_sent, ==, 2);
}

/* --- descriptors in place of msix_notify() --- */

static Rig *rig_of(AccelState *a)
{
    return a->machine->msi_opaque;
}

static int route_new(AccelState *a)
{
    return 7;
}

static bool route_bind(AccelState *a, int route, int fd, const AccelMsi *msi)
{
    Rig *r = rig_of(a);

    g_assert_cmpint(route, ==, 7);
    r->route = *msi;
    r->bound_fd = r->refuses ? -1 : fd;
    return !r->refuses;
}

static void route_unbind(AccelState *a, int route, int fd)
{
    g_assert_cmpint(rig_of(a)->bound_fd, ==, fd);
    rig_of(a)->bound_fd = -1;
}

static void route_free(AccelState *a, int route)
{
    g_assert_cmpint(rig_of(a)->bound_fd, ==, -1);
}

/* Vector 1 of device 1, unmasked, by descriptor; its table at MMIO + 0x1000. */
static int by_descriptor(Rig *r, PciDevice *d)
{
    unsigned cap = find_cap(r, 0, 1, 0x11);
    uint64_t table = MMIO + 0x1000;

    r->bound_fd = -1;
    r->ops = test_accel_type;
    r->ops.msi_route_new = route_new;
    r->ops.msi_route_bind = route_bind;
    r->ops.msi_route_unbind = route_unbind;
    r->ops.msi_route_free = route_free;
    r->t->m->accel->ops = &r->ops;
    machine_cont(r->t->m);
    wr(r, 1, 0x20, 4, table);
    wr(r, 1, 4, 2, 6);
    test_wr(r->t, table + 16, 8, 0xfee00004);
    test_wr(r->t, table + 24, 4, 0x41);
    test_wr(r->t, table + 28, 4, 0);
    wr(r, 1, cap + 2, 2, 0x8000);
    return msix_fd(d, 1);
}

static uint64_t pending_bits(Rig *r)
{
    unsigned cap = find_cap(r, 0, 1, 0x11);

    return test_rd(r->t, MMIO + 0x1000 + (rd(r, 1, cap + 8, 4) & ~7ull), 8);
}

static void descriptors_are_bound_while_messages_may_go(void)
{
    g_autoptr(Rig) r = rig_new();
    PciDevice *d = probe(r, "1");
    uint64_t entry = MMIO + 0x1010;
    int fd = by_descriptor(r, d);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(r->bound_fd, ==, fd);
    g_assert_cmphex(r->route.addr, ==, 0xfee00004);
    g_assert_cmphex(r->route.data, ==, 0x41);
    g_assert_cmphex(r->route.requester, ==, 8);
    g_assert_cmpint(msix_fd(d, 1), ==, fd); /* one a vector */
    test_wr(r->t, entry + 8, 4, 0x42);
    g_assert_cmphex(r->route.data, ==, 0x42);
    test_wr(r->t, entry + 12, 4, 1);
    g_assert_cmpint(r->bound_fd, ==, -1);
    g_assert_cmphex(pending_bits(r), ==, 0);
    eventfd_write(fd, 1);
    eventfd_write(fd, 1);
    g_assert_cmphex(pending_bits(r), ==, 2);
    g_assert_cmpuint(r->n_sent, ==, 0);
    test_wr(r->t, entry + 12, 4, 0);
    g_assert_cmpuint(r->n_sent, ==, 1);
    g_assert_cmphex(r->sent[0].data, ==, 0x42);
    g_assert_cmpint(r->bound_fd, ==, fd);
    g_assert_cmphex(pending_bits(r), ==, 0);
    wr(r, 1, 4, 2, 2); /* no bus master */
    g_assert_cmpint(r->bound_fd, ==, -1);
    wr(r, 1, 4, 2, 6);
    g_assert_cmpint(r->bound_fd, ==, fd);
    device_reset(&d->parent);
    g_assert_cmpint(r->bound_fd, ==, -1);
    machine_stop(r->t->m, RUN_STATE_PAUSED);
}

static void what_is_written_while_the_machine_stands_is_saved(void)
{
    g_autoptr(Rig) r = rig_new();
    PciDevice *d = probe(r, "1");
    g_autoptr(GByteArray) saved = g_byte_array_new();
    int fd = by_descriptor(r, d);
    Error *err = NULL;

    machine_stop(r->t->m, RUN_STATE_PAUSED);
    g_assert_cmpint(r->bound_fd, ==, -1);
    eventfd_write(fd, 1);
    vmstate_save(pci_device_type.vmstate, d, saved);
    device_reset(&d->parent);
    g_assert_true(vmstate_load(pci_device_type.vmstate, d, 1, saved->data,
                               saved->len, &err));
    g_assert_cmphex(pending_bits(r), ==, 2);
    g_assert_cmpuint(r->n_sent, ==, 0);
    machine_cont(r->t->m);
    g_assert_cmpuint(r->n_sent, ==, 1);
    g_assert_cmphex(r->sent[0].data, ==, 0x41);
    g_assert_cmpint(r->bound_fd, ==, fd);
    machine_stop(r->t->m, RUN_STATE_PAUSED);
}

static void the_loop_sends_when_the_engine_does_not(void)
{
    g_autoptr(Rig) r = rig_new();
    PciDevice *d = probe(r, "1");
    int fd;

    r->refuses = true;
    fd = by_descriptor(r, d);
    eventfd_write(fd, 1);
    test_loop(r->t);
    g_assert_cmpuint(r->n_sent, ==, 1);
    machine_stop(r->t->m, RUN_STATE_PAUSED);
    eventfd_write(fd, 1);
    test_loop(r->t);
    g_assert_cmpuint(r->n_sent, ==, 1);
    machine_cont(r->t->m);
    g_assert_cmpuint(r->n_sent, ==, 2);
    machine_stop(r->t->m, RUN_STATE_PAUSED);
}

static void msi_uses_what_was_allotted(void)
{
    g_autoptr(Rig) r = rig_new();
    PciDevice *d = probe(r, "1");
    unsigned cap = find_cap(r, 0, 1, 5);

    g_assert_cmphex(rd(r, 1, cap + 2, 2), ==, 0x184); /* 4, 64-bit, masks */
    wr(r, 1, 4, 2, 4);
    wr(r, 1, cap + 4, 4, 0x1003);
    wr(r, 1, cap + 12, 2, 0x70);
    wr(r, 1, cap + 2, 2, 0x11); /* two of four */
    msi_notify(d, 3);
    g_assert_cmpuint(r->n_sent, ==, 1);
    g_assert_cmphex(r->sent[0].addr, ==, 0x1000);
    g_assert_cmphex(r->sent[0].data, ==, 0x71);
    wr(r, 1, cap + 16, 4, 1);
    msi_notify(d, 0);
    g_assert_cmphex(rd(r, 1, cap + 20, 4), ==, 1);
    wr(r, 1, cap + 16, 4, 0);
    g_assert_cmphex(r->sent[1].data, ==, 0x70);
}

static PciBridge *root_port(Rig *r)
{
    const PciDeviceType *type = (const PciDeviceType *)type_find(
        (TypeView){ r->t->reg, "riscv64" }, "pcie-root-port");

    return (PciBridge *)add(r, type, ecam_root(r->host), "2", false);
}

static void bridges_forward_by_number_and_window(void)
{
    g_autoptr(Rig) r = rig_new();
    PciBridge *b = root_port(r);
    PciDevice *d = add(r, &probe_type, &b->bus, NULL, false);
    uint64_t v;

    device_reset(&b->parent.parent);
    g_assert_cmphex(test_rd(r->t, cfg(1, 0, 0), 4), ==, 0xffffffff);
    wr(r, 2, 0x18, 4, 0x00020100); /* 0, 1, 2 */
    g_assert_cmphex(test_rd(r->t, cfg(1, 0, 0), 4), ==, 0x56781234);
    g_assert_cmphex(test_rd(r->t, cfg(2, 0, 0), 4), ==, 0xffffffff);
    g_assert_cmphex(pci_requester(d), ==, 0x0100);
    test_wr(r->t, cfg(1, 0, 0x10), 4, MMIO + 0x100000);
    test_wr(r->t, cfg(1, 0, 4), 2, 2);
    g_assert_cmpint(address_space_ld(&r->t->m->memory, MMIO + 0x100000, 4,
                                     MEM_LITTLE, &v, MEM_ATTRS_CPU),
                    ==, MEM_DECODE_ERROR); /* no window yet */
    wr(r, 2, 0x20, 4, 0x40104010);
    wr(r, 2, 4, 2, 2);
    g_assert_cmphex(test_rd(r->t, MMIO + 0x100001, 1), ==, 0x51);
    wr(r, 2, 0x20, 4, 0x40104020); /* base above limit: closed */
    g_assert_cmpint(address_space_ld(&r->t->m->memory, MMIO + 0x100000, 4,
                                     MEM_LITTLE, &v, MEM_ATTRS_CPU),
                    ==, MEM_DECODE_ERROR);
    pci_set_intx(d, true); /* slot 0 behind slot 2 */
    g_assert_true(r->w.level[2]);
    wr(r, 2, 0x3e, 2, 0x40); /* secondary bus reset */
    g_assert_false(r->w.level[2]);
    g_assert_cmphex(test_rd(r->t, cfg(1, 0, 0x10), 4), ==, 4);
}

static void slot_tells_of_cards_and_lets_them_go(void)
{
    g_autoptr(Rig) r = rig_new();
    PciBridge *b = root_port(r);
    unsigned cap = find_cap(r, 0, 2, 0x10);
    Error *err = NULL;
    PciDevice *d;

    g_assert_cmphex(rd(r, 2, cap + 0x14, 4) & 0x5b, ==, 0x5b);
    g_assert_cmphex(rd(r, 2, cap + 0x1a, 2) & 0x40, ==, 0); /* empty */
    g_assert_cmphex(rd(r, 2, cap + 0x18, 2) & 0x400, ==, 0x400);
    wr(r, 2, 0x18, 4, 0x00010100);
    wr(r, 2, cap + 0x18, 2, 0x1429 | 0x3c0); /* interrupts on */
    wr(r, 2, cap + 0x1a, 2, 0x11f);
    g_assert_false(r->w.level[2]);
    d = add(r, &probe_type, &b->bus, NULL, true);
    g_assert_cmphex(rd(r, 2, cap + 0x1a, 2), ==, 0x48); /* present, changed */
    g_assert_true(r->w.level[2]);
    g_assert_cmphex(test_rd(r->t, cfg(1, 0, 0), 4), ==, 0xffffffff);
    wr(r, 2, cap + 0x1a, 2, 0x8);
    g_assert_false(r->w.level[2]);
    wr(r, 2, cap + 0x18, 2, 0x1129 | 0xc0); /* power and indicator on */
    g_assert_cmphex(rd(r, 2, cap + 0x12, 2) & 0x2000, ==, 0x2000);
    g_assert_cmphex(rd(r, 2, cap + 0x1a, 2), ==, 0x150); /* link, command */
    g_assert_cmphex(test_rd(r->t, cfg(1, 0, 0), 4), ==, 0x56781234);
    wr(r, 2, cap + 0x1a, 2, 0x110);

    g_assert_true(device_unplug_request(&d->parent, &err));
    g_assert_cmphex(rd(r, 2, cap + 0x1a, 2), ==, 0x41); /* the button */
    g_assert_false(device_unplug_request(&d->parent, &err));
    error_free(err);
    wr(r, 2, cap + 0x1a, 2, 1);
    wr(r, 2, cap + 0x18, 2, 0x1229 | 0xc0); /* blinking */
    test_loop(r->t);
    g_assert_cmphex(test_rd(r->t, cfg(1, 0, 0), 4), ==, 0x56781234);
    wr(r, 2, cap + 0x18, 2, 0x1629 | 0xc0); /* power off */
    wr(r, 2, cap + 0x18, 2, 0x1729 | 0xc0); /* and indicator */
    test_loop(r->t);
    g_assert_cmpuint(b->bus.parent.devices->len, ==, 0);
    g_assert_cmphex(rd(r, 2, cap + 0x1a, 2) & 0x48, ==, 0x08);
}

static void places_are_checked(void)
{
    static const struct {
        const char *addr;
        bool good;
    } cases[] = { { "1", false },   { "1.1", false }, { "20", false },
                  { "2.8", false }, { "x", false },   { "1f.7", true } };
    g_autoptr(Rig) r = rig_new();

    probe(r, NULL); /* takes slot 1 */
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        DevicePlace place = { .bus = &ecam_root(r->host)->parent };
        Error *err = NULL;
        DeviceState *dev = device_new(r->t->m, &probe_type, &place, &err);
        bool good = object_set_text(dev, "addr", cases[i].addr, &err) &&
                    device_realize(dev, &err);

        g_assert_cmpint(good, ==, cases[i].good);
        device_unplug(dev);
        if (err) {
            error_free(err);
        }
    }
}

static void saved_state_is_taken_and_strangers_refused(void)
{
    g_autoptr(Rig) r = rig_new();
    PciDevice *a = probe(r, "1");
    PciDevice *b = probe(r, "2");
    const VmState *st = pci_device_type.vmstate;
    g_autoptr(GByteArray) data = g_byte_array_new();
    Error *err = NULL;

    wr(r, 1, 4, 2, 2);
    wr(r, 1, 0x10, 4, MMIO + 0x20000);
    pci_set_intx(a, true);
    vmstate_save(st, a, data);
    if (!vmstate_load(st, b, 1, data->data, data->len, &err)) {
        g_error("%s", error_text(err));
    }
    g_assert_cmphex(rd(r, 2, 0x10, 4), ==, MMIO + 0x20004);
    g_assert_true(r->w.level[2]);
    data->data[0] ^= 1; /* vendor */
    g_assert_false(vmstate_load(st, b, 1, data->data, data->len, &err));
    error_free(err);
}

static void any_config_writes_leave_the_machine_sane(void)
{
    g_autoptr(Rig) r = rig_new();
    PciBridge *b = root_port(r);
    GRand *rand = g_rand_new_with_seed(1);

    probe(r, "1");
    add(r, &probe_type, &b->bus, NULL, false);
    device_reset(&b->parent.parent);
    for (int i = 0; i < 20000; i++) {
        unsigned size = 1u << g_rand_int_range(rand, 0, 3);
        unsigned bus = (unsigned)g_rand_int_range(rand, 0, 3);
        unsigned slot = (unsigned)g_rand_int_range(rand, 0, 4);
        unsigned off = (unsigned)g_rand_int_range(rand, 0, 0x100) & -size;

        r->n_sent = 0;
        test_wr(r->t, cfg(bus, slot, off), size, g_rand_int(rand));
        test_rd(r->t, cfg(bus, slot, off), size);
        if (i % 64 == 0) {
            test_loop(r->t); /* the slot may throw its card out */
        }
    }
    g_assert_cmphex(rd(r, 0, 0, 4), ==, 0x00081b36);
    g_assert_cmphex(rd(r, 1, 0, 4), ==, 0x56781234);
    g_assert_cmphex(rd(r, 2, 0, 4), ==, 0x000c1b36);
    g_rand_free(rand);
}

static void virtio_identity_follows_the_mode(void)
{
    static const struct {
        const char *type;
        uint32_t id, revision;
        bool io;
    } cases[] = {
        { "virtio-rng", 0x10051af4, 0, true },
        { "virtio-rng-pci-transitional", 0x10051af4, 0, true },
        { "virtio-rng-pci-non-transitional", 0x10441af4, 1, false },
    };
    g_autoptr(Rig) r = rig_new();
    TypeView view = { r->t->reg, "riscv64" };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        PciDevice *d = add(r, type_find(view, cases[i].type),
                           ecam_root(r->host), "4", false);

        g_assert_nonnull(object_child(d, "virtio-backend"));
        g_assert_cmphex(rd(r, 4, 0, 4), ==, cases[i].id);
        g_assert_cmphex(rd(r, 4, 8, 1), ==, cases[i].revision);
        g_assert_cmpint(rd(r, 4, 0x10, 4) & 1, ==, cases[i].io);
        g_assert_cmphex(rd(r, 4, 0x20, 4) & 0xf, ==, 0xc);
        device_unplug(&d->parent);
    }
}

/* The window of VIRTIO 4.1.4.9 reaches the same registers as the BAR. */
static void virtio_window_reaches_the_registers(void)
{
    g_autoptr(Rig) r = rig_new();
    TypeView view = { r->t->reg, "riscv64" };
    unsigned cap;

    add(r, type_find(view, "virtio-rng-pci"), ecam_root(r->host), "4", false);
    wr(r, 4, 0x20, 4, MMIO);
    wr(r, 4, 4, 2, 6);
    for (cap = (unsigned)rd(r, 4, 0x34, 1);
         rd(r, 4, cap, 1) != 9 || rd(r, 4, cap + 3, 1) != 5;
         cap = (unsigned)rd(r, 4, cap + 1, 1)) {
        g_assert_cmpuint(cap, !=, 0);
    }
    test_wr(r->t, MMIO + 0x14, 1, 3); /* ACKNOWLEDGE, DRIVER */
    wr(r, 4, cap + 4, 1, 4);
    wr(r, 4, cap + 8, 4, 0x14);
    wr(r, 4, cap + 12, 4, 1);
    g_assert_cmphex(rd(r, 4, cap + 16, 1), ==, 3);
    wr(r, 4, cap + 16, 1, 0);
    g_assert_cmphex(test_rd(r->t, MMIO + 0x14, 1), ==, 0);
    wr(r, 4, cap + 8, 4, 0xfffffffc); /* outside: nothing happens */
    wr(r, 4, cap + 16, 1, 1);
    g_assert_cmphex(test_rd(r->t, MMIO + 0x12, 2), ==, 1); /* one queue */
}

#define ADD(fn) g_test_add_func("/pci/" #fn, fn)
int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(identity_is_read_only_and_absent_reads_ones);
    ADD(bars_size_and_decode);
    ADD(pins_turn_with_the_slot_and_are_shared);
    ADD(dma_wants_bus_master);
    ADD(msix_masks_and_sends_later);
    ADD(descriptors_are_bound_while_messages_may_go);
    ADD(what_is_written_while_the_machine_stands_is_saved);
    ADD(the_loop_sends_when_the_engine_does_not);
    ADD(msi_uses_what_was_allotted);
    ADD(bridges_forward_by_number_and_window);
    ADD(slot_tells_of_cards_and_lets_them_go);
    ADD(places_are_checked);
    ADD(saved_state_is_taken_and_strangers_refused);
    ADD(any_config_writes_leave_the_machine_sane);
    ADD(virtio_identity_follows_the_mode);
    ADD(virtio_window_reaches_the_registers);
    return g_test_run();
}
