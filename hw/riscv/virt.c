/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The RISC-V "virt" board.
 *
 * Spec:  QEMU documentation, "virt" generic virtual platform (riscv); device
 *        tree bindings of each node; the memory map and interrupt numbers
 *        are those that OpenSBI, U-Boot, EDK2 and Linux find in the tree.
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "boot.h"
#include "hw/block/pflash.h"
#include "hw/char/serial.h"
#include "hw/intc/aclint.h"
#include "hw/intc/plic.h"
#include "hw/misc/sifive_test.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/ecam.h"
#include "hw/riscv/virt.h"
#include "hw/timer/goldfish_rtc.h"
#include "hw/virtio/mmio.h"
#include "softmmu/backend/block.h"

/* clang-format off */
const VirtRange virt_map[VIRT_SLOTS] = {
    [VIRT_ROM]         = { "rom",         0x00001000, 0xf000 },
    [VIRT_TEST]        = { "test",        0x00100000, 0x1000 },
    [VIRT_RTC]         = { "rtc",         0x00101000, 0x1000 },
    [VIRT_CLINT]       = { "clint",       0x02000000, 0x10000 },
    [VIRT_ACLINT_SSWI] = { "sswi",        0x02f00000, 0x4000 },
    [VIRT_PCIE_PIO]    = { "pcie-pio",    0x03000000, 0x10000 },
    [VIRT_PLIC]        = { "plic",        0x0c000000, 0x600000 },
    [VIRT_UART0]       = { "uart0",       0x10000000, 0x100 },
    [VIRT_VIRTIO]      = { "virtio-mmio", 0x10001000, 0x1000 },
    [VIRT_FW_CFG]      = { "fw-cfg",      0x10100000, 0x18 },
    [VIRT_FLASH]       = { "flash",       0x20000000, 0x4000000 },
    [VIRT_PCIE_ECAM]   = { "pcie-ecam",   0x30000000, 0x10000000 },
    [VIRT_PCIE_MMIO]   = { "pcie-mmio",   0x40000000, 0x40000000 },
    [VIRT_DRAM]        = { "ram",         0x80000000, 0 },
};
/* clang-format on */

enum { FLASH_BLOCK = 256 * KiB };
enum { UART_CLOCK_HZ = 3686400, HIGH_MMIO_SIZE_GIB = 16 };

typedef struct VirtMachine {
    Machine parent;
    /* properties: set before the machine is built */
    bool aclint;
    int acpi; /* ON_OFF_AUTO_x */
    char *aia;
    char *pflash[2]; /* node names; NULL: -drive if=pflash, or none */
    /* constant after build */
    MemoryRegion rom;
    DeviceState *mtimer, *plic;
    bool flash_boot; /* bank 0 has contents: firmware */
    /* constant after finish */
    RiscvBoot boot;
    Dtb *dtb;
} VirtMachine;

static VirtMachine *virt_machine(Machine *m)
{
    return (VirtMachine *)m; /* both types begin with it */
}

VirtRange virt_pcie_high_mmio(Machine *m)
{
    uint64_t size = HIGH_MMIO_SIZE_GIB * GiB;

    return (VirtRange){
        "pcie-mmio-high",
        align_up(virt_map[VIRT_DRAM].base + m->config.ram_size, size), size
    };
}

/* A 32-bit board's physical addresses have 34 bits: too few. */
static bool has_high_mmio(const VirtMachine *v)
{
    return v->parent.type == &virt64_machine_type;
}

/* --- devices --- */

/* Two contexts a hart: M, then S. */
static bool make_plic(VirtMachine *v, Error **errp)
{
    Machine *m = &v->parent;
    g_autoptr(GString) config = g_string_new("MS");

    v->plic = device_new_board(m, &plic_type);
    for (unsigned i = 1; i < m->config.cpus; i++) {
        g_string_append(config, ",MS");
    }
    object_set_str(v->plic, "hart-config", config->str);
    object_set_u64(v->plic, "num-sources", VIRT_PLIC_SOURCES);
    if (!device_realize(v->plic, errp)) {
        return false;
    }
    device_map(v->plic, 0, virt_map[VIRT_PLIC].base);
    for (guint i = 0; i < m->cpus->len; i++) {
        void *cpu = g_ptr_array_index(m->cpus, i);

        device_connect_fn(v->plic, 2 * (int)i, cpu_irq_handler, cpu, HART_MEI);
        device_connect_fn(v->plic, 2 * (int)i + 1, cpu_irq_handler, cpu,
                          HART_SEI);
    }
    return true;
}

static bool make_uart(VirtMachine *v, Error **errp)
{
    DeviceState *dev = device_new_board(&v->parent, &serial_mm_type);
    Chardev *chr = riscv_serial(&v->parent, 0);

    if (chr) {
        object_set_str(dev, "chardev", chardev_id(chr));
    }
    object_set_u64(dev, "baudbase", UART_CLOCK_HZ / 16);
    if (!device_realize(dev, errp)) {
        return false;
    }
    device_map(dev, 0, virt_map[VIRT_UART0].base);
    device_connect(dev, 0, v->plic, VIRT_IRQ_UART0);
    return true;
}

static bool make_test(VirtMachine *v, Error **errp)
{
    DeviceState *dev = device_new_board(&v->parent, &sifive_test_type);

    if (!device_realize(dev, errp)) {
        return false;
    }
    device_map(dev, 0, virt_map[VIRT_TEST].base);
    return true;
}

static bool make_rtc(VirtMachine *v, Error **errp)
{
    DeviceState *dev = device_new_board(&v->parent, &goldfish_rtc_type);

    if (!device_realize(dev, errp)) {
        return false;
    }
    device_map(dev, 0, virt_map[VIRT_RTC].base);
    device_connect(dev, 0, v->plic, VIRT_IRQ_RTC);
    return true;
}

static bool make_fw_cfg(VirtMachine *v, Error **errp)
{
    return fw_cfg_mem_map(&v->parent, virt_map[VIRT_FW_CFG].base, errp) != NULL;
}

/* Contents of bank @i: -machine pflashN=NODE, or -drive if=pflash,unit=N. */
static bool set_flash_drive(VirtMachine *v, DeviceState *dev, int i,
                            Error **errp)
{
    DriveInfo *drive = drive_find(&v->parent, "pflash", i);
    const char *name = v->pflash[i];

    if (name && drive) {
        error_set(errp,
                  "cannot have both -machine pflash%d and -drive "
                  "if=pflash,unit=%d",
                  i, i);
        return false;
    }
    if (drive) {
        drive->used = true;
        name = drive->id;
    }
    v->flash_boot |= i == 0 && name;
    return name == NULL || object_set_text(dev, "drive", name, errp);
}

/* Two banks, each of two 16-bit chips with 128 KiB blocks (28F128J3). */
static bool make_flash(VirtMachine *v, Error **errp)
{
    static const char *const names[] = { "virt.flash0", "virt.flash1" };
    uint64_t size = virt_map[VIRT_FLASH].size / ARRAY_SIZE(names);

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        DeviceState *dev = device_new_board(&v->parent, &pflash_cfi01_type);

        object_set_u64(dev, "num-blocks", size / FLASH_BLOCK);
        object_set_u64(dev, "sector-length", FLASH_BLOCK);
        object_set_u64(dev, "width", 4);
        object_set_u64(dev, "device-width", 2);
        object_set_u64(dev, "id0", 0x89);
        object_set_u64(dev, "id1", 0x18);
        object_set_str(dev, "name", names[i]);
        if (!set_flash_drive(v, dev, (int)i, errp) ||
            !device_realize(dev, errp)) {
            return false;
        }
        device_map(dev, 0, virt_map[VIRT_FLASH].base + i * size);
    }
    return true;
}

/* From the last slot down: -device takes the first free one, and guests and
 * scripts expect the first disk in the highest slot. */
static bool make_virtio(VirtMachine *v, Error **errp)
{
    VirtRange r = virt_map[VIRT_VIRTIO];

    for (unsigned i = VIRT_VIRTIO_COUNT; i-- > 0;) {
        DeviceState *dev = virtio_mmio_new(&v->parent, i, errp);

        if (dev == NULL) {
            return false;
        }
        device_map(dev, 0, r.base + i * r.size);
        device_connect(dev, 0, v->plic, VIRT_IRQ_VIRTIO + (int)i);
    }
    return true;
}

/* Memory windows are where the CPUs see them: PCI addresses are the same. */
static bool make_pcie(VirtMachine *v, Error **errp)
{
    DeviceState *dev = device_new_board(&v->parent, &ecam_host_type);

    if (!device_realize(dev, errp)) {
        return false;
    }
    device_map(dev, 0, virt_map[VIRT_PCIE_ECAM].base);
    ecam_map_memory(dev, virt_map[VIRT_PCIE_MMIO].base,
                    virt_map[VIRT_PCIE_MMIO].size);
    if (has_high_mmio(v)) {
        VirtRange high = virt_pcie_high_mmio(&v->parent);

        ecam_map_memory(dev, high.base, high.size);
    }
    ecam_map_io(dev, virt_map[VIRT_PCIE_PIO].base);
    for (int i = 0; i < PCI_PINS; i++) {
        device_connect(dev, i, v->plic, VIRT_IRQ_PCIE + i);
    }
    return true;
}

/* What else is on the board, in this order; each sees the PLIC. */
static bool (*const virt_devices[])(VirtMachine *v, Error **errp) = {
    make_test,  make_uart,   make_rtc,  make_fw_cfg,
    make_flash, make_virtio, make_pcie,
};

static bool check_properties(VirtMachine *v, Error **errp)
{
    if (v->acpi == ON_OFF_AUTO_ON) {
        error_set(errp, "acpi=on is not available on this machine: it has a "
                        "device tree only");
        return false;
    }
    if (v->aia && strcmp(v->aia, "none") != 0) {
        error_set(errp,
                  "aia=%s is not available: the interrupt controller "
                  "of this machine is a PLIC (aia=none)",
                  v->aia);
        return false;
    }
    return true;
}

static bool virt_build(Machine *m, Error **errp)
{
    VirtMachine *v = virt_machine(m);

    if (!check_properties(v, errp)) {
        return false;
    }
    memory_region_add(&m->system, virt_map[VIRT_DRAM].base, m->ram);
    if (!riscv_make_rom(m, &v->rom, "riscv_virt_board.mrom", errp)) {
        return false;
    }

    v->mtimer =
        riscv_make_mtimer(m, virt_map[VIRT_CLINT].base, VIRT_TIMEBASE_HZ, errp);
    if (v->mtimer == NULL || !riscv_make_cpus(m, v->mtimer, errp)) {
        return false;
    }
    riscv_wire_to_harts(m, v->mtimer, HART_MTI);
    if (!riscv_make_swi(m, false, virt_map[VIRT_CLINT].base, errp) ||
        (v->aclint &&
         !riscv_make_swi(m, true, virt_map[VIRT_ACLINT_SSWI].base, errp)) ||
        !make_plic(v, errp)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(virt_devices); i++) {
        if (!virt_devices[i](v, errp)) {
            return false;
        }
    }
    return true;
}

/* --- device tree --- */

/* Where nodes are being made. */
typedef struct VirtFdt {
    VirtMachine *v;
    Dtb *dtb;
    uint32_t *intc; /* phandles of the harts' controllers */
    uint32_t plic, test;
} VirtFdt;

/* Add "/soc/<node>@<base>" with "reg" and "compatible"; to be freed. */
static char *soc_node(VirtFdt *f, const char *node, VirtRange r,
                      const char *compatible)
{
    char *path = g_strdup_printf("/soc/%s@%" PRIx64, node, r.base);

    dtb_add_node(f->dtb, path);
    dtb_set_str(f->dtb, path, "compatible", compatible);
    dtb_set_reg(f->dtb, path, (const uint64_t[]){ r.base, r.size }, 1);
    return path;
}

static void fdt_irq(VirtFdt *f, const char *path, uint32_t irq)
{
    dtb_set_u32(f->dtb, path, "interrupt-parent", f->plic);
    dtb_set_u32(f->dtb, path, "interrupts", irq);
}

/* One software interrupt node of an ACLINT. */
static void fdt_swi(VirtFdt *f, const char *node, hwaddr base, uint32_t irq,
                    const char *compatible)
{
    g_autofree char *path = soc_node(
        f, node, (VirtRange){ node, base, ACLINT_SWI_SIZE }, compatible);

    riscv_fdt_hart_irqs(f->dtb, path, f->intc, f->v->parent.cpus->len, &irq, 1);
    dtb_set_empty(f->dtb, path, "interrupt-controller");
    dtb_set_u32(f->dtb, path, "#interrupt-cells", 0);
}

/* "riscv,aclint-mtimer": reg is mtime, then mtimecmp. */
static void fdt_aclint(VirtFdt *f)
{
    hwaddr base = virt_map[VIRT_CLINT].base;
    hwaddr timer = base + ACLINT_SWI_SIZE;
    g_autofree char *path = NULL;

    fdt_swi(f, "mswi", base, HART_MSI, "riscv,aclint-mswi");
    path = soc_node(f, "mtimer",
                    (VirtRange){ "mtimer", timer, ACLINT_MTIMER_SIZE },
                    "riscv,aclint-mtimer");
    dtb_set_reg(f->dtb, path,
                (const uint64_t[]){ timer + 0x7ff8, ACLINT_MTIMER_SIZE - 0x7ff8,
                                    timer, 0x7ff8 },
                2);
    riscv_fdt_hart_irqs(f->dtb, path, f->intc, f->v->parent.cpus->len,
                        (const uint32_t[]){ HART_MTI }, 1);
    fdt_swi(f, "sswi", virt_map[VIRT_ACLINT_SSWI].base, HART_SSI,
            "riscv,aclint-sswi");
}

static void fdt_plic(VirtFdt *f)
{
    static const char *const plic[] = { "sifive,plic-1.0.0", "riscv,plic0",
                                        NULL };
    g_autofree char *path =
        soc_node(f, "plic", virt_map[VIRT_PLIC], "riscv,plic0");

    dtb_set_strs(f->dtb, path, "compatible", plic);
    dtb_set_u32(f->dtb, path, "#interrupt-cells", 1);
    dtb_set_u32(f->dtb, path, "#address-cells", 0);
    dtb_set_empty(f->dtb, path, "interrupt-controller");
    riscv_fdt_hart_irqs(f->dtb, path, f->intc, f->v->parent.cpus->len,
                        (const uint32_t[]){ HART_MEI, HART_SEI }, 2);
    dtb_set_u32(f->dtb, path, "riscv,ndev", VIRT_PLIC_SOURCES - 1);
    f->plic = dtb_give_phandle(f->dtb, path);
}

static void fdt_power(VirtFdt *f, const char *node, const char *compatible,
                      uint32_t value)
{
    dtb_add_node(f->dtb, node);
    dtb_set_str(f->dtb, node, "compatible", compatible);
    dtb_set_u32(f->dtb, node, "regmap", f->test);
    dtb_set_u32(f->dtb, node, "offset", 0);
    dtb_set_u32(f->dtb, node, "value", value);
}

static void fdt_test(VirtFdt *f)
{
    static const char *const test[] = { "sifive,test1", "sifive,test0",
                                        "syscon", NULL };
    g_autofree char *path = soc_node(f, "test", virt_map[VIRT_TEST], "syscon");

    dtb_set_strs(f->dtb, path, "compatible", test);
    f->test = dtb_give_phandle(f->dtb, path);
    fdt_power(f, "/reboot", "syscon-reboot", 0x7777);
    fdt_power(f, "/poweroff", "syscon-poweroff", 0x5555);
}

static void fdt_uart(VirtFdt *f)
{
    g_autofree char *path =
        soc_node(f, "serial", virt_map[VIRT_UART0], "ns16550a");

    dtb_set_u32(f->dtb, path, "clock-frequency", UART_CLOCK_HZ);
    fdt_irq(f, path, VIRT_IRQ_UART0);
    dtb_add_node(f->dtb, "/chosen");
    dtb_set_str(f->dtb, "/chosen", "stdout-path", path);
    dtb_add_node(f->dtb, "/aliases");
    dtb_set_str(f->dtb, "/aliases", "serial0", path);
}

static void fdt_rtc(VirtFdt *f)
{
    g_autofree char *path =
        soc_node(f, "rtc", virt_map[VIRT_RTC], "google,goldfish-rtc");

    fdt_irq(f, path, VIRT_IRQ_RTC);
}

static void fdt_fw_cfg(VirtFdt *f)
{
    VirtRange r = virt_map[VIRT_FW_CFG];
    g_autofree char *path = g_strdup_printf("/fw-cfg@%" PRIx64, r.base);

    dtb_add_node(f->dtb, path);
    dtb_set_str(f->dtb, path, "compatible", "qemu,fw-cfg-mmio");
    dtb_set_reg(f->dtb, path, (const uint64_t[]){ r.base, r.size }, 1);
    dtb_set_empty(f->dtb, path, "dma-coherent");
}

static void fdt_flash(VirtFdt *f)
{
    VirtRange r = virt_map[VIRT_FLASH];
    g_autofree char *path = g_strdup_printf("/flash@%" PRIx64, r.base);

    dtb_add_node(f->dtb, path);
    dtb_set_str(f->dtb, path, "compatible", "cfi-flash");
    dtb_set_reg(f->dtb, path,
                (const uint64_t[]){ r.base, r.size / 2, r.base + r.size / 2,
                                    r.size / 2 },
                2);
    dtb_set_u32(f->dtb, path, "bank-width", 4);
}

static void fdt_virtio(VirtFdt *f)
{
    VirtRange r = virt_map[VIRT_VIRTIO];

    for (uint32_t i = 0; i < VIRT_VIRTIO_COUNT; i++) {
        VirtRange slot = { r.name, r.base + i * r.size, r.size };
        g_autofree char *path = soc_node(f, "virtio_mmio", slot, "virtio,mmio");

        fdt_irq(f, path, VIRT_IRQ_VIRTIO + i);
    }
}

/* Which source pin 1 to 4 of slot 0 to 3 is; the rest repeats (PCI Bus
 * Binding to Open Firmware, 4.3). */
static void fdt_pcie_pins(VirtFdt *f, const char *path)
{
    uint32_t map[PCI_PINS * PCI_PINS * 6];
    size_t n = 0;

    for (uint32_t slot = 0; slot < PCI_PINS; slot++) {
        for (uint32_t pin = 0; pin < PCI_PINS; pin++) {
            uint32_t row[] = {
                slot << 11, 0,       0,
                pin + 1,    f->plic, VIRT_IRQ_PCIE + (slot + pin) % PCI_PINS
            };

            memcpy(&map[n], row, sizeof(row));
            n += ARRAY_SIZE(row);
        }
    }
    dtb_set_cells(f->dtb, path, "interrupt-map", map, n);
    DTB_CELLS(f->dtb, path, "interrupt-map-mask", 3u << 11, 0, 0, 7);
}

/* "pci-host-ecam-generic". Spaces: 1 I/O, 2 memory, 3 64-bit memory. */
static void fdt_pcie(VirtFdt *f)
{
    const VirtRange *pio = &virt_map[VIRT_PCIE_PIO];
    const VirtRange *mmio = &virt_map[VIRT_PCIE_MMIO];
    VirtRange high = virt_pcie_high_mmio(&f->v->parent);
    /* clang-format off */
    const uint32_t ranges[] = {
        1u << 24, 0, 0,
        0, (uint32_t)pio->base, 0, (uint32_t)pio->size,
        2u << 24, 0, (uint32_t)mmio->base,
        0, (uint32_t)mmio->base, 0, (uint32_t)mmio->size,
        3u << 24, (uint32_t)(high.base >> 32), (uint32_t)high.base,
        (uint32_t)(high.base >> 32), (uint32_t)high.base,
        (uint32_t)(high.size >> 32), (uint32_t)high.size,
    };
    /* clang-format on */
    g_autofree char *path =
        soc_node(f, "pci", virt_map[VIRT_PCIE_ECAM], "pci-host-ecam-generic");

    dtb_set_u32(f->dtb, path, "#address-cells", 3);
    dtb_set_u32(f->dtb, path, "#interrupt-cells", 1);
    dtb_set_u32(f->dtb, path, "#size-cells", 2);
    dtb_set_str(f->dtb, path, "device_type", "pci");
    dtb_set_u32(f->dtb, path, "linux,pci-domain", 0);
    DTB_CELLS(f->dtb, path, "bus-range", 0, 255);
    dtb_set_empty(f->dtb, path, "dma-coherent");
    dtb_set_cells(f->dtb, path, "ranges", ranges,
                  has_high_mmio(f->v) ? 21 : 14);
    fdt_pcie_pins(f, path);
}

/* Nodes of virt_devices[]. */
static void (*const virt_nodes[])(VirtFdt *f) = {
    fdt_test, fdt_uart, fdt_rtc, fdt_fw_cfg, fdt_flash, fdt_virtio, fdt_pcie,
};

static Dtb *virt_make_fdt(VirtMachine *v)
{
    Machine *m = &v->parent;
    g_autofree uint32_t *intc = g_new0(uint32_t, m->cpus->len);
    VirtFdt f = { .v = v, .dtb = dtb_new(), .intc = intc };

    riscv_fdt_root(f.dtb, "riscv-virtio", "riscv-virtio,qemu");
    riscv_fdt_cpus(f.dtb, m, VIRT_TIMEBASE_HZ, intc);
    riscv_fdt_memory(f.dtb, virt_map[VIRT_DRAM].base, m->config.ram_size);
    if (v->aclint) {
        fdt_aclint(&f);
    } else {
        riscv_fdt_clint(f.dtb, virt_map[VIRT_CLINT].base, f.intc, m->cpus->len);
    }
    fdt_plic(&f);
    for (size_t i = 0; i < ARRAY_SIZE(virt_nodes); i++) {
        virt_nodes[i](&f);
    }
    return f.dtb;
}

static bool virt_finish(Machine *m, Error **errp)
{
    VirtMachine *v = virt_machine(m);

    riscv_boot_init(&v->boot, m, virt_map[VIRT_DRAM].base);
    v->boot.flash = v->flash_boot ? virt_map[VIRT_FLASH].base : 0;
    if (!riscv_load_firmware(&v->boot, errp) ||
        !riscv_load_kernel(&v->boot, errp)) {
        return false;
    }
    v->dtb =
        m->config.dtb ? dtb_from_file(m->config.dtb, errp) : virt_make_fdt(v);
    if (v->dtb == NULL) {
        return false;
    }
    riscv_fdt_chosen(v->dtb, &v->boot);
    return riscv_finish_boot(&v->boot, v->dtb, errp);
}

static void virt_reset(Machine *m)
{
    VirtMachine *v = virt_machine(m);

    riscv_boot_reset(&v->boot, v->dtb);
}

/* --- types --- */

static void virt_finalize(Object *obj)
{
    VirtMachine *v = (VirtMachine *)obj;

    dtb_free(v->dtb);
    riscv_free_rom(&v->rom);
}

static const Property virt_props[] = {
    PROP(bool, VirtMachine, aclint, "aclint", "off",
         "an ACLINT with supervisor software interrupts instead of a CLINT"),
    PROP(onoffauto, VirtMachine, acpi, "acpi", "auto",
         "ACPI tables; not available"),
    PROP(str, VirtMachine, aia, "aia", "none",
         "interrupt controller: none (a PLIC)"),
    PROP(str, VirtMachine, pflash[0], "pflash0", NULL,
         "node name of the contents of flash bank 0: firmware"),
    PROP(str, VirtMachine, pflash[1], "pflash1", NULL,
         "node name of the contents of flash bank 1: its variables"),
    { 0 },
};

static const char *const arch32[] = { "riscv32", NULL };
static const char *const arch64[] = { "riscv64", NULL };

#define VIRT_MACHINE(view, cpu)                                                \
    {                                                                          \
        .name = "virt-machine", .parent = TYPE(machine_type),                  \
        .description = "RISC-V VirtIO board", .size = sizeof(VirtMachine),     \
        .arches = (view), .props = virt_props, .finalize = virt_finalize,      \
        .machine_name = "virt", .max_cpus = VIRT_MAX_CPUS, .default_cpus = 1,  \
        .default_cpu = (cpu), .default_ram_id = "riscv_virt_board.ram",        \
        .default_ram_size = 128 * MiB, .no_parallel = true, .no_floppy = true, \
        .no_cdrom = true, .default_nic = "virtio-net-pci",                     \
        .block_default = "virtio", .build = virt_build, .finish = virt_finish, \
        .reset = virt_reset,                                                   \
    }

const MachineType virt32_machine_type = VIRT_MACHINE(arch32, "rv32");
const MachineType virt64_machine_type = VIRT_MACHINE(arch64, "rv64");
