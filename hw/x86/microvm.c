/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The "microvm" board: CPUs with local APICs, one or two I/O APICs,
 * virtio-mmio slots, a serial port, fw_cfg, a generic event device, and if
 * asked for a real-time clock and PCI Express.
 *
 * Spec:  QEMU documentation, "microvm virtual platform"; the map is in
 *        include/hw/x86/microvm.h.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "hw/acpi/ged.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/isa/devices.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/ecam.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"
#include "hw/virtio/mmio.h"
#include "hw/virtio/virtio.h"
#include "internal.h"
#include "softmmu/backend/chardev.h"

enum { ROM_STEP = 64 * 1024, ROM_MAX = 16 << 20, ISA_BIOS = 128 * 1024 };

static MicrovmMachine *microvm(Machine *m)
{
    return (MicrovmMachine *)m;
}

uint64_t x86_ram_below_4g(const Machine *m)
{
    return MIN(m->config.ram_size, MICROVM_BELOW_4G);
}

unsigned x86_memory_map(const MicrovmMachine *v, E820 *map)
{
    uint64_t low = x86_ram_below_4g(&v->parent);
    uint64_t high = v->parent.config.ram_size - low;
    unsigned n = 0;

    map[n++] = (E820){ 0, BOOT_MPTABLE, E820_RAM };
    map[n++] = (E820){ BOOT_MPTABLE, 0xa0000 - BOOT_MPTABLE, E820_RESERVED };
    map[n++] = (E820){ 0xe0000, 0x20000, E820_RESERVED };
    map[n++] = (E820){ MiB, low - MiB, E820_RAM };
    if (high > 0) {
        map[n++] = (E820){ 4 * GiB, high, E820_RAM };
    }
    if (v->has_pcie) {
        map[n++] = (E820){ MICROVM_PCIE_ECAM, 256 * MiB, E820_RESERVED };
    }
    return n;
}

/* --- devices --- */

static bool make_ram(MicrovmMachine *v, Error **errp)
{
    Machine *m = &v->parent;
    uint64_t low = x86_ram_below_4g(m), high = m->config.ram_size - low;

    if (m->config.ram_size < 2 * MiB) {
        error_set(errp, "this machine needs 2 MiB of memory");
        return false;
    }
    memory_region_init_alias(&v->ram_low, m, "ram-below-4g", m->ram, 0, low);
    memory_region_add(&m->system, 0, &v->ram_low);
    if (high > 0) {
        memory_region_init_alias(&v->ram_high, m, "ram-above-4g", m->ram, low,
                                 high);
        memory_region_add(&m->system, 4 * GiB, &v->ram_high);
    }
    return true;
}

static unsigned bits_for(unsigned n)
{
    unsigned bits = 0;

    while ((1u << bits) < n) {
        bits++;
    }
    return bits;
}

/* APIC ids have a field for each level of the topology (SDM 3A 8.9.1). */
static uint32_t apic_id(const Machine *m, unsigned index)
{
    const MachineConfig *c = &m->config;
    unsigned threads = MAX(c->threads_per_core, 1), cores = MAX(c->cores, 1);
    unsigned core;

    if (!c->cores) {
        cores = MAX(c->max_cpus / (threads * MAX(c->sockets, 1)), 1);
    }
    core = index / threads;
    return index % threads | core % cores << bits_for(threads) |
           core / cores << (bits_for(threads) + bits_for(cores));
}

/* Local APICs, unless the engine has them. */
static bool make_apic(MicrovmMachine *v, Error **errp)
{
    Machine *m = &v->parent;
    const AccelOps *ops = accel_ops(m);
    const void *engine = NULL;

    if (ops->attach_intc && ops->attach_intc(m->accel, "apic", NULL, &engine)) {
        return true;
    }
    v->apic = device_new_board(m, &apic_type);
    object_set_u64(v->apic, "cpus", m->config.cpus);
    if (!device_realize(v->apic, errp)) {
        return false;
    }
    device_map(v->apic, 0, MICROVM_LAPIC);
    return true;
}

static bool make_cpus(MicrovmMachine *v, Error **errp)
{
    Machine *m = &v->parent;

    if (apic_id(m, m->config.max_cpus - 1) >= MICROVM_MAX_CPUS) {
        error_set(errp, "this topology needs an APIC id above %d",
                  MICROVM_MAX_CPUS - 1);
        return false;
    }
    for (unsigned i = 0; i < m->config.cpus; i++) {
        CPUState *cpu = machine_new_cpu(m, (int)i, errp);

        if (!cpu) {
            return false;
        }
        cpu->id = apic_id(m, i);
        if (!device_realize(&cpu->parent, errp)) {
            return false;
        }
    }
    return true;
}

static void msi_send(Machine *m, uint32_t requester, uint64_t addr,
                     uint32_t data)
{
    const MicrovmMachine *v = microvm(m);

    if (v->apic) {
        apic_msi(v->apic, addr, data);
    } else {
        accel_ops(m)->msi_send(m->accel, addr, data);
    }
}

static bool make_ioapics(MicrovmMachine *v, Error **errp)
{
    static const hwaddr at[] = { MICROVM_IOAPIC, MICROVM_IOAPIC2 };

    for (int i = 0; i < (v->has_ioapic2 ? 2 : 1); i++) {
        v->ioapic[i] = device_new_board(&v->parent, &ioapic_type);
        object_set_u64(v->ioapic[i], "gsi-base", (uint64_t)i * IOAPIC_PINS);
        if (!device_realize(v->ioapic[i], errp)) {
            return false;
        }
        device_map(v->ioapic[i], 0, at[i]);
        if (v->apic) {
            apic_add_ioapic(v->apic, v->ioapic[i]);
        }
    }
    v->parent.msi_send = msi_send;
    return true;
}

static void connect_gsi(MicrovmMachine *v, DeviceState *dev, int line,
                        unsigned gsi)
{
    if (v->pic && gsi < I8259_LINES) {
        device_connect(dev, line, v->pic, (int)gsi);
        return;
    }
    device_connect(dev, line, v->ioapic[gsi / IOAPIC_PINS],
                   (int)(gsi % IOAPIC_PINS));
}

/* How much memory there is, where firmware without fw_cfg looks (IBM PC/AT
 * Technical Reference, CMOS 0x15 to 0x18, and what BIOSes added above). */
static void fill_cmos(const Machine *m, DeviceState *rtc)
{
    uint64_t low = x86_ram_below_4g(m), high = m->config.ram_size - low;
    uint64_t kib = MIN((low - MiB) / KiB, 0xffff);
    uint64_t step = low > 16 * MiB ? (low - 16 * MiB) / (64 * KiB) : 0;
    const struct {
        uint8_t index;
        uint64_t value;
        unsigned bytes;
    } rows[] = {
        { 0x15, 640, 2 },
        { 0x17, kib, 2 },
        { 0x30, kib, 2 },
        { 0x34, step, 2 },
        { 0x5b, high / (64 * KiB), 3 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned byte = 0; byte < rows[i].bytes; byte++) {
            mc146818_set_cmos(rtc, (uint8_t)(rows[i].index + byte),
                              (uint8_t)(rows[i].value >> (8 * byte)));
        }
    }
}

/* The clocks that were asked for. */
static bool make_clocks(MicrovmMachine *v, IsaBus *bus, Error **errp)
{
    DevicePlace place = { .bus = (Bus *)bus };
    const struct {
        bool wanted;
        const DeviceType *type;
    } rows[] = { { v->has_rtc, &mc146818_type }, { v->has_pit, &i8254_type } };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        DeviceState *dev = NULL;

        if (!rows[i].wanted) {
            continue;
        }
        dev = device_new(&v->parent, rows[i].type, &place, errp);
        if (!dev || !device_realize(dev, errp)) {
            return false;
        }
        if (rows[i].type == &mc146818_type) {
            fill_cmos(&v->parent, dev);
        }
    }
    return true;
}

/* ISA lines go through the 8259s, if there are any, to the I/O APIC. */
static bool make_pic(MicrovmMachine *v, Error **errp)
{
    if (!v->has_pic) {
        return true;
    }
    v->pic = device_new_board(&v->parent, &i8259_type);
    if (!device_realize(v->pic, errp)) {
        return false;
    }
    for (int i = 0; i < I8259_LINES; i++) {
        device_connect(v->pic, 1 + i, v->ioapic[0], i);
    }
    if (v->apic) {
        device_connect(v->pic, 0, v->apic, 0); /* LINT0 */
        apic_set_pic(v->apic, v->pic);
    }
    return true;
}

static bool make_isa(MicrovmMachine *v, Error **errp)
{
    Machine *m = &v->parent;
    IsaBus *bus = isa_bus_new(m, v->pic ? v->pic : v->ioapic[0], errp);
    GPtrArray *serial = m->config.serial;
    Chardev *chr = serial->len ? g_ptr_array_index(serial, 0) : NULL;
    DevicePlace place = { .bus = (Bus *)bus };
    DeviceState *dev;

    if (!bus || !make_clocks(v, bus, errp)) {
        return false;
    }
    if (!v->isa_serial) {
        return true;
    }
    dev = device_new(m, &isa_serial_type, &place, errp);
    if (!dev) {
        return false;
    }
    if (chr) {
        object_set_str(dev, "chardev", chardev_id(chr));
    }
    return device_realize(dev, errp);
}

static bool make_virtio(MicrovmMachine *v, Error **errp)
{
    for (unsigned i = v->n_virtio; i-- > 0;) {
        v->virtio[i] = virtio_mmio_new(&v->parent, i, errp);
        if (!v->virtio[i]) {
            return false;
        }
        device_map(v->virtio[i], 0, MICROVM_VIRTIO + i * VIRTIO_MMIO_SIZE);
        connect_gsi(v, v->virtio[i], 0, v->virtio_gsi + i);
    }
    return true;
}

static bool make_ged(MicrovmMachine *v, Error **errp)
{
    DeviceState *dev;

    if (!v->has_acpi) {
        return true;
    }
    dev = device_new_board(&v->parent, &acpi_ged_type);
    if (!device_realize(dev, errp)) {
        return false;
    }
    device_map(dev, 0, MICROVM_GED);
    device_map(dev, 1, MICROVM_GED_REGS);
    connect_gsi(v, dev, 0, MICROVM_GSI_GED);
    return true;
}

static bool make_pcie(MicrovmMachine *v, Error **errp)
{
    DeviceState *dev;

    if (!v->has_pcie) {
        return true;
    }
    dev = device_new_board(&v->parent, &ecam_host_type);
    if (!device_realize(dev, errp)) {
        return false;
    }
    device_map(dev, 0, MICROVM_PCIE_ECAM);
    ecam_map_memory(dev, MICROVM_PCIE_MMIO, 512 * MiB);
    for (int i = 0; i < PCI_PINS; i++) {
        connect_gsi(v, dev, i, MICROVM_GSI_PCIE + (unsigned)i);
    }
    return true;
}

static bool make_fw_cfg(MicrovmMachine *v, Error **errp)
{
    E820 map[E820_MAX];
    unsigned n = x86_memory_map(v, map);
    g_autoptr(GByteArray) e820 = g_byte_array_new();

    if (!fw_cfg_io_map(&v->parent, 0x510, errp)) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) { /* docs/specs/fw_cfg: etc/e820 */
        uint8_t raw[20];

        if (map[i].addr < MiB && map[i].type == E820_RESERVED) {
            continue; /* firmware's own business */
        }
        st64_le(raw, map[i].addr);
        st64_le(raw + 8, map[i].size);
        st32_le(raw + 16, map[i].type);
        if (map[i].addr == 0) { /* RAM below 4 GiB as one range */
            st64_le(raw + 8, x86_ram_below_4g(&v->parent));
        } else if (map[i].addr == MiB) {
            continue;
        }
        g_byte_array_append(e820, raw, sizeof(raw));
    }
    return fw_cfg_add_file(v->parent.fw_cfg, "etc/e820", e820->data, e820->len,
                           NULL, NULL, errp);
}

static bool (*const microvm_devices[])(MicrovmMachine *v, Error **errp) = {
    make_ram, make_apic,   make_cpus, make_ioapics, make_pic,
    make_isa, make_virtio, make_ged,  make_pcie,    make_fw_cfg,
};

/* --- build --- */

static bool settle(MicrovmMachine *v, Error **errp)
{
    v->has_rtc = v->rtc == ON_OFF_AUTO_ON;
    v->has_pit = v->pit == ON_OFF_AUTO_ON;
    v->has_pic = v->pic_option == ON_OFF_AUTO_ON;
    v->has_acpi = v->acpi != ON_OFF_AUTO_OFF;
    v->has_pcie = v->pcie == ON_OFF_AUTO_ON;
    v->has_ioapic2 = v->ioapic2 == ON_OFF_AUTO_ON;
    v->n_virtio = v->has_ioapic2 ? MICROVM_VIRTIO_SLOTS : 8;
    v->virtio_gsi = v->has_ioapic2 ? MICROVM_GSI_VIRTIO2 : MICROVM_GSI_VIRTIO;
    if (v->has_pcie && !v->has_acpi) {
        error_set(errp, "pcie=on needs acpi=on: guests find it there");
        return false;
    }
    return true;
}

static bool microvm_build(Machine *m, Error **errp)
{
    MicrovmMachine *v = microvm(m);

    if (!settle(v, errp)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(microvm_devices); i++) {
        if (!microvm_devices[i](v, errp)) {
            return false;
        }
    }
    return true;
}

/* --- firmware and kernel --- */

/* What -bios means; NULL with *errp unset: none is wanted. */
static char *firmware_file(MicrovmMachine *v, Error **errp)
{
    static const char *const known[] = { "bios-microvm.bin", "qboot.rom" };
    const char *bios = v->parent.config.bios;
    char *file = NULL;

    if (bios && strcmp(bios, "none") == 0) {
        return NULL;
    }
    if (bios) {
        file = machine_find_firmware(&v->parent, bios);
        if (!file) {
            error_set(errp, "could not find firmware '%s'", bios);
        }
        return file;
    }
    if (v->parent.config.kernel) {
        return NULL; /* started directly */
    }
    for (size_t i = 0; !file && i < ARRAY_SIZE(known); i++) {
        file = machine_find_firmware(&v->parent, known[i]);
    }
    if (!file) {
        error_set(errp, "no firmware was found: install the package seabios, "
                        "or give -bios or -kernel");
    }
    return file;
}

/* At the top of 4 GiB, its last 128 KiB also below 1 MiB; both can be written,
 * as there is no chip set to shadow them. */
static bool load_firmware(MicrovmMachine *v, const char *file, Error **errp)
{
    Machine *m = &v->parent;
    g_autoptr(GBytes) bytes = loader_read_file(file, "firmware", ROM_MAX, errp);
    gsize size;
    const uint8_t *data;
    uint64_t low;

    if (!bytes) {
        return false;
    }
    data = g_bytes_get_data(bytes, &size);
    if (size == 0 || size % ROM_STEP) {
        error_set(errp, "firmware '%s': its size is no multiple of 64 KiB",
                  file);
        return false;
    }
    if (!memory_region_init_ram_owned(&v->rom, m, m->ms, "pc.bios", size,
                                      errp)) {
        return false;
    }
    low = MIN(size, (gsize)ISA_BIOS);
    memory_region_init_alias(&v->rom_alias, m, "isa-bios", &v->rom, size - low,
                             low);
    v->has_rom = true;
    memory_region_add(&m->system, 4 * GiB - size, &v->rom);
    memory_region_add_overlap(&m->system, MiB - low, &v->rom_alias, 1);
    return loader_add_bytes(m, NULL, "firmware", 4 * GiB - size, data, size,
                            errp);
}

/* "virtio_mmio.device=512@0xfeb00000:16" for each slot in use: how Linux
 * finds them without ACPI (its Documentation/admin-guide/
 * kernel-parameters.rst). */
static char *full_cmdline(const MicrovmMachine *v)
{
    GString *text = g_string_new(v->parent.config.append);

    for (unsigned i = 0; i < v->n_virtio; i++) {
        Bus *bus = g_ptr_array_index(v->virtio[i]->buses, 0);

        if (v->auto_cmdline && !v->has_acpi && bus->devices->len > 0) {
            g_string_append_printf(
                text, " virtio_mmio.device=%d@0x%x:%u", VIRTIO_MMIO_SIZE,
                MICROVM_VIRTIO + i * VIRTIO_MMIO_SIZE, v->virtio_gsi + i);
        }
    }
    return g_string_free(text, FALSE);
}

static bool microvm_finish(Machine *m, Error **errp)
{
    MicrovmMachine *v = microvm(m);
    Error *err = NULL;
    g_autofree char *file = firmware_file(v, &err);
    g_autofree char *cmdline = full_cmdline(v);
    bool direct = !file && m->config.kernel;

    if (err) {
        error_move(errp, err);
        return false;
    }
    if (!m->config.kernel && m->config.initrd) {
        error_set(errp, "-initrd needs -kernel");
        return false;
    }
    if (file && !load_firmware(v, file, errp)) {
        return false;
    }
    if (direct && !x86_direct_boot(v, cmdline, errp)) {
        return false;
    }
    if (file && m->config.kernel && !x86_kernel_to_fw_cfg(v, cmdline, errp)) {
        return false;
    }
    if (v->has_acpi && (direct || file) && !microvm_acpi(v, direct, errp)) {
        return false;
    }
    return !direct || x86_mptable(v, errp);
}

static void microvm_reset(Machine *m)
{
    MicrovmMachine *v = microvm(m);
    CPUState *cpu = cpu_by_index(m, 0);

    if (v->entry) {
        cpu->type->boot(cpu, v->entry, v->info, v->page_tables);
        if (v->pic) { /* a kernel that does not use them relies on it */
            i8259_mask_all(v->pic);
        }
    }
}

static void microvm_finalize(Object *obj)
{
    MicrovmMachine *v = (MicrovmMachine *)obj;

    if (v->has_rom) {
        memory_region_destroy(&v->rom_alias);
        memory_region_destroy(&v->rom);
    }
    if (v->ram_low.name) {
        memory_region_destroy(&v->ram_low);
    }
    if (v->ram_high.name) {
        memory_region_destroy(&v->ram_high);
    }
}

static const Property microvm_props[] = {
    PROP(onoffauto, MicrovmMachine, acpi, "acpi", "auto", "ACPI tables"),
    PROP(onoffauto, MicrovmMachine, pcie, "pcie", "auto", "PCI Express"),
    PROP(onoffauto, MicrovmMachine, rtc, "rtc", "auto",
         "MC146818 real-time clock"),
    PROP(onoffauto, MicrovmMachine, ioapic2, "ioapic2", "auto",
         "a second I/O APIC, and 24 virtio-mmio slots in place of 8"),
    PROP(onoffauto, MicrovmMachine, pit, "pit", "auto", "8254 timer"),
    PROP(onoffauto, MicrovmMachine, pic_option, "pic", "auto",
         "8259 interrupt controllers"),
    PROP(bool, MicrovmMachine, isa_serial, "isa-serial", "on",
         "16550A at port 0x3f8"),
    PROP(bool, MicrovmMachine, auto_cmdline, "auto-kernel-cmdline", "on",
         "name virtio-mmio devices on the kernel command line, without ACPI"),
    PROP(bool, MicrovmMachine, option_roms, "x-option-roms", "on",
         "give a BIOS the option ROM that starts -kernel"),
    { 0 },
};

static const char *const arches[] = { "x86_64", NULL };

const MachineType microvm_machine_type = {
    .name = "microvm-machine",
    .parent = TYPE(machine_type),
    .description = "microvm (x86-64)",
    .size = sizeof(MicrovmMachine),
    .arches = arches,
    .props = microvm_props,
    .finalize = microvm_finalize,
    .machine_name = "microvm",
    .max_cpus = MICROVM_MAX_CPUS,
    .default_cpus = 1,
    .default_cpu = "qemu64",
    .default_ram_id = "microvm.ram",
    .default_ram_size = 128 * MiB,
    .no_parallel = true,
    .no_floppy = true,
    .no_cdrom = true,
    .default_nic = "virtio-net-device",
    .block_default = "virtio",
    .build = microvm_build,
    .finish = microvm_finish,
    .reset = microvm_reset,
};
