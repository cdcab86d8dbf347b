/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Start of a RISC-V board: see boot.h.
 *
 * Every hart leaves reset in the ROM at 0x1000 with
 *     a0 = its id, a1 = the device tree, a2 = struct fw_dynamic_info
 * and jumps to the firmware, or to the kernel where there is none.
 */
#include "tandem/base.h"

#include <elf.h>

#include "boot.h"
#include "hw/intc/aclint.h"
#include "hw/nvram/fw_cfg.h"

enum {
    FDT_ALIGN = 2 * MiB,
    KERNEL_ALIGN_64 = 2 * MiB, /* one large page: arch/riscv/boot.rst */
    KERNEL_ALIGN_32 = 4 * MiB,
};

void riscv_boot_init(RiscvBoot *b, Machine *m, hwaddr ram_base)
{
    *b = (RiscvBoot){
        .m = m,
        .is32 = riscv_is_32bit(m),
        .ram_base = ram_base,
        .ram_size = m->config.ram_size,
        .start = ram_base,
        .fw_end = ram_base,
    };
}

bool riscv_is_32bit(Machine *m)
{
    return strcmp(m->view.arch, "riscv32") == 0;
}

bool riscv_make_rom(Machine *m, MemoryRegion *rom, const char *name,
                    Error **errp)
{
    if (!memory_region_init_rom(rom, m, m->ms, name, RISCV_ROM_SIZE, errp)) {
        return false;
    }
    memory_region_add(&m->system, RISCV_ROM_BASE, rom);
    return true;
}

void riscv_free_rom(MemoryRegion *rom)
{
    if (rom->name) { /* machine_free() has taken it out of the map */
        memory_region_destroy(rom);
    }
}

bool riscv_make_cpus(Machine *m, DeviceState *mtimer, Error **errp)
{
    for (unsigned i = 0; i < m->config.cpus; i++) {
        CPUState *cpu = machine_new_cpu(m, (int)i, errp);

        if (cpu == NULL) {
            return false;
        }
        object_set_u64(cpu, "resetvec", RISCV_ROM_BASE);
        object_set_link(cpu, "time-source", aclint_mtimer_time_source(mtimer));
        if (!device_realize(&cpu->parent, errp)) {
            return false;
        }
    }
    return true;
}

/* --- the CLINT --- */

enum { CLINT_SIZE = 0x10000 };

DeviceState *riscv_make_mtimer(Machine *m, hwaddr clint, uint32_t timebase_hz,
                               Error **errp)
{
    DeviceState *dev = device_new_board(m, &aclint_mtimer_type);

    object_set_u64(dev, "num-harts", m->config.cpus);
    object_set_u64(dev, "timebase-freq", timebase_hz);
    if (!device_realize(dev, errp)) {
        return NULL;
    }
    device_map(dev, 0, clint + ACLINT_SWI_SIZE);
    return dev;
}

void riscv_wire_to_harts(Machine *m, DeviceState *dev, int input)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        device_connect_fn(dev, (int)i, cpu_irq_handler,
                          g_ptr_array_index(m->cpus, i), input);
    }
}

bool riscv_make_swi(Machine *m, bool sswi, hwaddr base, Error **errp)
{
    DeviceState *dev = device_new_board(m, &aclint_swi_type);

    object_set_u64(dev, "num-harts", m->config.cpus);
    object_set_bool(dev, "sswi", sswi);
    if (!device_realize(dev, errp)) {
        return false;
    }
    device_map(dev, 0, base);
    riscv_wire_to_harts(m, dev, sswi ? HART_SSI : HART_MSI);
    return true;
}

Chardev *riscv_serial(Machine *m, unsigned n)
{
    return n < m->config.serial->len ? g_ptr_array_index(m->config.serial, n)
                                     : NULL;
}

/* --- files --- */

/* The OpenSBI that -bios default means; NULL with an error. */
static char *default_firmware(RiscvBoot *b, Error **errp)
{
    const char *names[] = {
        b->is32 ? "opensbi-riscv32-generic-fw_dynamic.bin"
                : "opensbi-riscv64-generic-fw_dynamic.bin",
        b->is32 ? "/usr/lib/riscv32-linux-gnu/opensbi/generic/fw_dynamic.bin"
                : "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *path = machine_find_firmware(b->m, names[i]);

        if (path) {
            return path;
        }
    }
    error_set(errp, "-bios: no OpenSBI firmware '%s' found", names[0]);
    error_hint(errp, "install the package 'opensbi', or name a firmware with "
                     "-bios, or use -bios none");
    return NULL;
}

static const char *const htif_symbols[] = { "tohost", "fromhost", NULL };

bool riscv_load_firmware(RiscvBoot *b, Error **errp)
{
    const char *bios = b->m->config.bios;
    g_autofree char *path = NULL;
    LoadedImage image;
    LoadRequest req = {
        .what = "firmware",
        .formats = LOAD_ELF | LOAD_GZIP | LOAD_RAW,
        .addr = b->ram_base,
        .max_size = b->ram_size,
        .machine = EM_RISCV,
        .symbols = htif_symbols,
        .values = b->htif,
    };

    if (bios && strcmp(bios, "none") == 0) {
        return true;
    }
    if (bios == NULL || strcmp(bios, "default") == 0) {
        path = default_firmware(b, errp);
    } else {
        path = machine_find_firmware(b->m, bios);
        if (path == NULL) {
            error_set(errp, "Unable to find the RISC-V BIOS \"%s\"", bios);
        }
    }
    if (path == NULL) {
        return false;
    }
    req.file = path;
    if (!loader_load(b->m, &req, &image, errp)) {
        return false;
    }
    b->start = image.entry;
    b->fw_end = image.high;
    return true;
}

/* Half of memory above the kernel, at most 512 MiB: room for a kernel that
 * unpacks itself, and still below the tree at the top. */
static bool load_initrd(RiscvBoot *b, Error **errp)
{
    LoadedImage image;
    hwaddr addr = b->kernel.low + MIN(b->ram_size / 2, 512 * MiB);
    LoadRequest req = {
        .file = b->m->config.initrd,
        .what = "initrd",
        .formats = LOAD_RAW,
        .addr = MAX(addr, align_up(b->kernel.high, 4096)),
    };

    if (!loader_load(b->m, &req, &image, errp)) {
        return false;
    }
    b->initrd_start = image.low;
    b->initrd_end = image.high;
    return true;
}

/* A file as items {size, data}; firmware in flash loads it by itself. */
static bool fw_cfg_file(RiscvBoot *b, const char *file, const char *what,
                        uint16_t size_key, uint16_t data_key, Error **errp)
{
    g_autoptr(GBytes) bytes = loader_read_file(file, what, INT32_MAX, errp);

    if (bytes == NULL) {
        return false;
    }
    fw_cfg_set_u32(b->m->fw_cfg, size_key, (uint32_t)g_bytes_get_size(bytes));
    fw_cfg_set_gbytes(b->m->fw_cfg, data_key, bytes);
    return true;
}

static bool kernel_to_fw_cfg(RiscvBoot *b, Error **errp)
{
    const MachineConfig *c = &b->m->config;

    if (!fw_cfg_file(b, c->kernel, "kernel", FW_CFG_KERNEL_SIZE,
                     FW_CFG_KERNEL_DATA, errp)) {
        return false;
    }
    if (c->append) {
        fw_cfg_set_u32(b->m->fw_cfg, FW_CFG_CMDLINE_SIZE,
                       (uint32_t)strlen(c->append) + 1);
        fw_cfg_set_string(b->m->fw_cfg, FW_CFG_CMDLINE_DATA, c->append);
    }
    return c->initrd == NULL ||
           fw_cfg_file(b, c->initrd, "initrd", FW_CFG_INITRD_SIZE,
                       FW_CFG_INITRD_DATA, errp);
}

bool riscv_load_kernel(RiscvBoot *b, Error **errp)
{
    const MachineConfig *c = &b->m->config;
    bool have_fw = b->fw_end > b->ram_base;
    uint64_t symbols[2];
    LoadRequest req = {
        .file = c->kernel,
        .what = "kernel",
        .formats = LOAD_ANY,
        .addr = have_fw ? align_up(b->fw_end,
                                   b->is32 ? KERNEL_ALIGN_32 : KERNEL_ALIGN_64)
                        : b->ram_base,
        .machine = EM_RISCV,
        .symbols = htif_symbols,
        .values = symbols,
    };

    if (b->flash) {
        *(have_fw ? &b->next : &b->start) = b->flash;
        if (have_fw && c->kernel) {
            return kernel_to_fw_cfg(b, errp);
        }
    }
    if (c->kernel == NULL) {
        if (c->initrd || c->append) {
            error_set(errp, "%s only allowed with -kernel option",
                      c->initrd ? "-initrd" : "-append");
            return false;
        }
        return true;
    }
    if (!loader_load(b->m, &req, &b->kernel, errp)) {
        return false;
    }
    if (symbols[0]) {
        memcpy(b->htif, symbols, sizeof(symbols));
    }
    b->next = b->kernel.entry;
    if (!have_fw && !b->flash) {
        b->start = b->kernel.entry;
    }
    return c->initrd == NULL || load_initrd(b, errp);
}

/* --- device tree --- */

void riscv_fdt_root(Dtb *dtb, const char *compatible, const char *model)
{
    dtb_set_str(dtb, "/", "model", model);
    dtb_set_str(dtb, "/", "compatible", compatible);
    dtb_set_u32(dtb, "/", "#size-cells", 2);
    dtb_set_u32(dtb, "/", "#address-cells", 2);
    dtb_add_node(dtb, "/soc");
    dtb_set_empty(dtb, "/soc", "ranges");
    dtb_set_str(dtb, "/soc", "compatible", "simple-bus");
    dtb_set_u32(dtb, "/soc", "#size-cells", 2);
    dtb_set_u32(dtb, "/soc", "#address-cells", 2);
}

void riscv_fdt_clint(Dtb *dtb, hwaddr base, const uint32_t *phandles,
                     unsigned n_harts)
{
    static const char *const names[] = { "sifive,clint0", "riscv,clint0",
                                         NULL };
    g_autofree char *path = g_strdup_printf("/soc/clint@%" PRIx64, base);

    dtb_add_node(dtb, path);
    dtb_set_strs(dtb, path, "compatible", names);
    dtb_set_reg(dtb, path, (const uint64_t[]){ base, CLINT_SIZE }, 1);
    riscv_fdt_hart_irqs(dtb, path, phandles, n_harts,
                        (const uint32_t[]){ HART_MSI, HART_MTI }, 2);
}

static void fdt_cpu(Dtb *dtb, CPUState *cpu, uint32_t *intc_phandle)
{
    g_autofree char *path = g_strdup_printf("/cpus/cpu@%u", cpu->id);
    g_autofree char *intc = g_strdup_printf("%s/interrupt-controller", path);
    g_autofree char *core =
        g_strdup_printf("/cpus/cpu-map/cluster0/core%d", cpu->index);

    dtb_add_node(dtb, path);
    dtb_set_str(dtb, path, "compatible", "riscv");
    dtb_set_str(dtb, path, "status", "okay");
    dtb_set_u32(dtb, path, "reg", cpu->id);
    dtb_set_str(dtb, path, "device_type", "cpu");
    dtb_reserve(dtb, 16 * KiB); /* the CPU writes with plain libfdt */
    if (cpu->type->fdt_node) {
        cpu->type->fdt_node(cpu, dtb->blob, path);
    }
    dtb_add_node(dtb, core);
    dtb_set_u32(dtb, core, "cpu", dtb_give_phandle(dtb, path));

    dtb_add_node(dtb, intc);
    *intc_phandle = dtb_give_phandle(dtb, intc);
    dtb_set_str(dtb, intc, "compatible", "riscv,cpu-intc");
    dtb_set_empty(dtb, intc, "interrupt-controller");
    dtb_set_u32(dtb, intc, "#interrupt-cells", 1);
}

/* libfdt puts a new node before its siblings: last hart first. */
void riscv_fdt_cpus(Dtb *dtb, Machine *m, uint32_t timebase_hz,
                    uint32_t *intc_phandles)
{
    dtb_add_node(dtb, "/cpus");
    dtb_set_u32(dtb, "/cpus", "timebase-frequency", timebase_hz);
    dtb_set_u32(dtb, "/cpus", "#size-cells", 0);
    dtb_set_u32(dtb, "/cpus", "#address-cells", 1);
    dtb_add_node(dtb, "/cpus/cpu-map");
    dtb_add_node(dtb, "/cpus/cpu-map/cluster0");
    for (guint i = m->cpus->len; i-- > 0;) {
        fdt_cpu(dtb, g_ptr_array_index(m->cpus, i), &intc_phandles[i]);
    }
}

void riscv_fdt_memory(Dtb *dtb, hwaddr base, uint64_t size)
{
    g_autofree char *path = g_strdup_printf("/memory@%" PRIx64, base);

    dtb_add_node(dtb, path);
    dtb_set_reg(dtb, path, (const uint64_t[]){ base, size }, 1);
    dtb_set_str(dtb, path, "device_type", "memory");
}

void riscv_fdt_hart_irqs(Dtb *dtb, const char *path, const uint32_t *phandles,
                         unsigned n_harts, const uint32_t *irqs,
                         unsigned n_irqs)
{
    g_autoptr(GArray) cells = g_array_new(FALSE, FALSE, sizeof(uint32_t));

    for (unsigned h = 0; h < n_harts; h++) {
        for (unsigned i = 0; i < n_irqs; i++) {
            uint32_t pair[2] = { phandles[h], irqs[i] };

            g_array_append_vals(cells, pair, 2);
        }
    }
    dtb_set_cells(dtb, path, "interrupts-extended", (uint32_t *)cells->data,
                  cells->len);
}

static void fdt_seed(Dtb *dtb, Machine *m)
{
    uint8_t seed[32];

    event_random(m->gate, seed, sizeof(seed));
    dtb_set(dtb, "/chosen", "rng-seed", seed, sizeof(seed));
}

void riscv_fdt_chosen(Dtb *dtb, RiscvBoot *b)
{
    const MachineConfig *c = &b->m->config;

    dtb_add_node(dtb, "/chosen");
    fdt_seed(dtb, b->m);
    if (b->initrd_end) {
        dtb_set_u64(dtb, "/chosen", "linux,initrd-start", b->initrd_start);
        dtb_set_u64(dtb, "/chosen", "linux,initrd-end", b->initrd_end);
    }
    if (c->append) {
        dtb_set_str(dtb, "/chosen", "bootargs", c->append);
    }
}

/* --- the ROM --- */

/* Words of the ROM; offsets in the code below depend on this order. */
enum {
    ROM_CODE = 0,  /* 6 insns */
    ROM_START = 6, /* two words: where to jump */
    ROM_FDT = 8,   /* two words: address of the tree */
    ROM_INFO = 10, /* struct fw_dynamic_info */
};

enum {
    FW_DYNAMIC_MAGIC = 0x4942534f, /* "OSBI" */
    FW_DYNAMIC_VERSION = 2,
    FW_DYNAMIC_S_MODE = 1,
};

static bool add_rom(RiscvBoot *b, Error **errp)
{
    const uint32_t code[] = {
        0x00000297,                        /* auipc t0, 0 */
        0x02828613,                        /* addi  a2, t0, ROM_INFO * 4 */
        0xf1402573,                        /* csrr  a0, mhartid */
        b->is32 ? 0x0202a583 : 0x0202b583, /* l{w,d} a1, ROM_FDT * 4(t0) */
        b->is32 ? 0x0182a283 : 0x0182b283, /* l{w,d} t0, ROM_START * 4(t0) */
        0x00028067,                        /* jr    t0 */
    };
    /* magic, version, next_addr, next_mode, options, boot_hart */
    const uint64_t info[] = {
        FW_DYNAMIC_MAGIC, FW_DYNAMIC_VERSION, b->next, FW_DYNAMIC_S_MODE, 0, 0
    };
    size_t word = b->is32 ? 4 : 8;
    uint8_t rom[ROM_INFO * 4 + sizeof(info)] = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(code); i++) {
        st32_le(rom + 4 * i, code[i]);
    }
    st64_le(rom + ROM_START * 4, b->start);
    st64_le(rom + ROM_FDT * 4, b->fdt_addr);
    for (size_t i = 0; i < ARRAY_SIZE(info); i++) {
        uint8_t *p = rom + ROM_INFO * 4 + i * word;

        if (b->is32) {
            st32_le(p, (uint32_t)info[i]);
        } else {
            st64_le(p, info[i]);
        }
    }
    return loader_add_bytes(b->m, NULL, "mrom.reset", RISCV_ROM_BASE, rom,
                            ROM_INFO * 4 + ARRAY_SIZE(info) * word, errp);
}

/* Two MiB aligned at the top of memory; RV32 kernels map only what lies low,
 * so there it stays below 3 GiB (arch/riscv/boot.rst: directly mapped). */
static bool add_fdt(RiscvBoot *b, Dtb *dtb, Error **errp)
{
    hwaddr end = b->ram_base + b->ram_size;
    uint32_t len;
    const void *data = dtb_pack(dtb, &len);

    if (b->is32) {
        end = MIN(end, 3 * GiB);
    }
    if (len > end - b->ram_base) {
        error_set(errp, "not enough memory for the device tree");
        return false;
    }
    b->fdt_addr = align_down(end - len, FDT_ALIGN);
    if (b->fdt_addr < b->ram_base) {
        b->fdt_addr = align_down(end - len, 16);
    }
    return loader_add_bytes(b->m, NULL, "fdt", b->fdt_addr, data, len, errp);
}

bool riscv_finish_boot(RiscvBoot *b, Dtb *dtb, Error **errp)
{
    const char *dump = b->m->config.dumpdtb;

    if (dump) {
        if (!dtb_write_file(dtb, dump, errp)) {
            return false;
        }
        machine_request_shutdown(b->m, CAUSE_HOST_QMP_QUIT, 0);
    }
    return add_fdt(b, dtb, errp) && add_rom(b, errp);
}

void riscv_boot_reset(RiscvBoot *b, Dtb *dtb)
{
    const void *data;
    uint32_t len;

    fdt_seed(dtb, b->m);
    data = dtb_pack(dtb, &len);
    loader_update_bytes(b->m, "fdt", data, len);
}
