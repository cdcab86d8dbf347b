/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Kernels started without firmware: bzImage by the 64-bit or 32-bit protocol,
 * ELF with a PVH note, and an uncompressed 64-bit Linux.
 *
 * Spec:  Linux Documentation/arch/x86/boot.rst, 1.1 to 1.14, and
 *        zero-page.rst; Xen docs/misc/pvh.pandoc (hvm_start_info); System V
 *        ABI, ELF notes.
 * Locks: machine lock, build time. The files are data from outside.
 */
#include "tandem/base.h"

#include <elf.h>

#include "hw/nvram/fw_cfg.h"
#include "internal.h"

enum { FILE_MAX = 1 << 30, PAGE = 4096 };

/* Offsets in a bzImage and in struct boot_params (boot.rst 1.3). */
enum {
    H_SETUP_SECTS = 0x1f1,
    H_BOOT_FLAG = 0x1fe,
    H_JUMP = 0x200,
    H_MAGIC = 0x202,
    H_VERSION = 0x206,
    H_LOADER = 0x210,
    H_LOADFLAGS = 0x211,
    H_CODE32 = 0x214,
    H_RAMDISK = 0x218,
    H_RAMDISK_SIZE = 0x21c,
    H_HEAP_END = 0x224,
    H_CMDLINE = 0x228,
    H_INITRD_MAX = 0x22c,
    H_ALIGN = 0x230,
    H_RELOCATABLE = 0x234,
    H_XLOADFLAGS = 0x236,
    H_CMDLINE_SIZE = 0x238,
    H_PREF_ADDR = 0x258,
    H_INIT_SIZE = 0x260,
    H_END = 0x290,
    Z_RSDP = 0x70,
    Z_E820_COUNT = 0x1e8,
    Z_E820 = 0x2d0,
    XLF_KERNEL_64 = 1,
    LOADED_HIGH = 1,
    ENTRY_64 = 0x200,
};

typedef struct Kernel {
    MicrovmMachine *v;
    GBytes *bytes;
    const uint8_t *data;
    gsize size;
    hwaddr end;        /* first byte after what the kernel needs */
    hwaddr initrd_max; /* highest address of the initrd's last byte */
    hwaddr initrd;     /* 0: none */
    uint64_t initrd_size;
} Kernel;

/* --- common pieces --- */

/* Flat code at 0x10 and data at 0x18; code is @long_mode or 32 bits. */
static bool put_gdt(Kernel *k, bool long_mode, Error **errp)
{
    uint64_t gdt[4] = { 0, 0,
                        long_mode ? 0x00af9b000000ffffull
                                  : 0x00cf9b000000ffffull,
                        0x00cf93000000ffffull };
    uint8_t raw[sizeof(gdt)];

    for (int i = 0; i < 4; i++) {
        st64_le(raw + 8 * i, gdt[i]);
    }
    return loader_add_bytes(&k->v->parent, NULL, "GDT", BOOT_GDT, raw,
                            sizeof(raw), errp);
}

/* The first 4 GiB onto themselves, in pages of 2 MiB (SDM 3A 4.5). */
static bool put_page_tables(Kernel *k, Error **errp)
{
    enum { PRESENT_WRITE = 3, LARGE = 0x80 };
    g_autofree uint8_t *t = g_malloc0(6 * PAGE);

    st64_le(t, (BOOT_PML4 + PAGE) | PRESENT_WRITE);
    for (uint64_t i = 0; i < 4; i++) {
        st64_le(t + PAGE + 8 * i, (BOOT_PML4 + (2 + i) * PAGE) | PRESENT_WRITE);
    }
    for (uint64_t i = 0; i < 4 * 512; i++) {
        st64_le(t + 2 * PAGE + 8 * i, i << 21 | PRESENT_WRITE | LARGE);
    }
    k->v->page_tables = BOOT_PML4;
    return loader_add_bytes(&k->v->parent, NULL, "page tables", BOOT_PML4, t,
                            6 * PAGE, errp);
}

static bool put_cmdline(Kernel *k, const char *text, uint64_t most,
                        Error **errp)
{
    size_t len = strlen(text) + 1;

    if (len > MIN(most, BOOT_CMDLINE_MAX)) {
        error_set(errp, "-append: %zu characters are too many for this kernel",
                  len - 1);
        return false;
    }
    return loader_add_bytes(&k->v->parent, NULL, "command line", BOOT_CMDLINE,
                            text, len, errp);
}

/* As high as the kernel takes it, below 4 GiB. */
static bool put_initrd(Kernel *k, Error **errp)
{
    const char *file = k->v->parent.config.initrd;
    uint64_t top = MIN(x86_ram_below_4g(&k->v->parent), k->initrd_max + 1);
    g_autoptr(GBytes) bytes = NULL;
    gsize size;

    if (!file) {
        return true;
    }
    bytes = loader_read_file(file, "initrd", FILE_MAX, errp);
    if (!bytes) {
        return false;
    }
    size = g_bytes_get_size(bytes);
    if (size > top || align_down(top - size, PAGE) < k->end) {
        error_set(errp,
                  "initrd '%s' of %zu bytes does not fit behind the kernel: "
                  "give the guest more memory",
                  file, size);
        return false;
    }
    k->initrd = align_down(top - size, PAGE);
    k->initrd_size = size;
    return loader_add_bytes(&k->v->parent, NULL, "initrd", k->initrd,
                            g_bytes_get_data(bytes, NULL), size, errp);
}

/* --- Linux's own protocols --- */

static void fill_zero_page(Kernel *k, uint8_t *zp)
{
    E820 map[E820_MAX];
    unsigned n = x86_memory_map(k->v, map);

    zp[H_LOADER] = 0xff; /* no loader that has a number */
    zp[H_LOADFLAGS] |= LOADED_HIGH;
    st32_le(zp + H_RAMDISK, (uint32_t)k->initrd);
    st32_le(zp + H_RAMDISK_SIZE, (uint32_t)k->initrd_size);
    st32_le(zp + H_CMDLINE, BOOT_CMDLINE);
    st64_le(zp + Z_RSDP, k->v->has_acpi ? BOOT_ACPI : 0);
    zp[Z_E820_COUNT] = (uint8_t)n;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *e = zp + Z_E820 + 20 * i;

        st64_le(e, map[i].addr);
        st64_le(e + 8, map[i].size);
        st32_le(e + 16, map[i].type);
    }
}

static bool put_zero_page(Kernel *k, uint8_t *zp, Error **errp)
{
    fill_zero_page(k, zp);
    k->v->info = BOOT_PARAMS;
    return loader_add_bytes(&k->v->parent, NULL, "boot parameters", BOOT_PARAMS,
                            zp, PAGE, errp);
}

static bool is_bzimage(const Kernel *k)
{
    return k->size >= H_END && ld16_le(k->data + H_BOOT_FLAG) == 0xaa55 &&
           memcmp(k->data + H_MAGIC, "HdrS", 4) == 0;
}

/* Where a bzImage goes and is entered. */
typedef struct Place {
    hwaddr load, entry32;
} Place;

/*
 * A relocatable kernel is loaded where it prefers to run, another at 1 MiB,
 * from where it moves itself to that place (boot.rst 1.3: pref_address,
 * init_size; 1.6: the layout). False: it does not fit.
 */
static bool place_bzimage(Kernel *k, uint64_t code_size, Place *p, Error **errp)
{
    const uint8_t *h = k->data;
    uint64_t ram = x86_ram_below_4g(&k->v->parent);
    bool placed = ld16_le(h + H_VERSION) >= 0x20a;
    hwaddr run = placed ? ld64_le(h + H_PREF_ADDR) : MiB;
    uint64_t need = placed ? ld32_le(h + H_INIT_SIZE) : 0;
    bool moves = placed && h[H_RELOCATABLE];

    p->load = moves ? run : MiB;
    p->entry32 = moves ? run : ld32_le(h + H_CODE32);
    need = MAX(need, code_size);
    if (run < MiB || !range_fits(run, need, ram) ||
        !range_fits(p->load, code_size, ram)) {
        error_set(errp,
                  "the kernel wants %" PRIu64 " MiB of memory at 0x%" PRIx64
                  ", and the guest has %" PRIu64 " MiB there",
                  need / MiB, run, run < ram ? (ram - run) / MiB : 0);
        return false;
    }
    if (p->entry32 - p->load >= code_size) {
        error_set(errp,
                  "the kernel's entry 0x%" PRIx64 " is outside of the kernel, "
                  "which is loaded at 0x%" PRIx64,
                  p->entry32, p->load);
        return false;
    }
    k->end = MAX(run + need, p->load + code_size);
    return true;
}

/* The 32-bit protocol wants EBX, EBP and EDI clear (boot.rst 1.13); of these
 * the CPU starts with the parameters in EBX, as PVH wants it. */
static bool enter_32(Kernel *k, hwaddr entry, Error **errp)
{
    uint8_t code[] = { 0x31, 0xdb,          /* xor %ebx, %ebx */
                       0xb8, 0,    0, 0, 0, /* mov $entry, %eax */
                       0xff, 0xe0 };        /* jmp *%eax */

    st32_le(code + 3, (uint32_t)entry);
    k->v->entry = BOOT_ENTRY32;
    return loader_add_bytes(&k->v->parent, NULL, "entry", BOOT_ENTRY32, code,
                            sizeof(code), errp);
}

static bool enter_bzimage(Kernel *k, const Place *p, Error **errp)
{
    const uint8_t *h = k->data;
    bool long_mode = ld16_le(h + H_VERSION) >= 0x20c &&
                     (ld16_le(h + H_XLOADFLAGS) & XLF_KERNEL_64);

    if (!put_gdt(k, long_mode, errp)) {
        return false;
    }
    if (!long_mode) {
        return enter_32(k, p->entry32, errp);
    }
    k->v->entry = p->load + ENTRY_64;
    return put_page_tables(k, errp);
}

static bool load_bzimage(Kernel *k, const char *cmdline, Error **errp)
{
    const uint8_t *h = k->data;
    uint64_t setup = ((h[H_SETUP_SECTS] ? h[H_SETUP_SECTS] : 4) + 1ull) * 512;
    unsigned version = ld16_le(h + H_VERSION);
    g_autofree uint8_t *zp = g_malloc0(PAGE);
    gsize header_end = MIN((gsize)H_MAGIC + h[H_JUMP + 1], (gsize)H_END);
    uint64_t room = version >= 0x206 ? ld32_le(h + H_CMDLINE_SIZE) + 1ull : 256;
    Place place;

    if (version < 0x204 || !(h[H_LOADFLAGS] & LOADED_HIGH)) {
        error_set(errp, "the kernel's boot protocol %u.%u is too old",
                  version >> 8, version & 0xff);
        return false;
    }
    if (setup >= k->size) {
        error_set(errp,
                  "the kernel ends within its %" PRIu64 " bytes of set-up code",
                  setup);
        return false;
    }
    if (!place_bzimage(k, k->size - setup, &place, errp)) {
        return false;
    }
    k->initrd_max = ld32_le(h + H_INITRD_MAX);
    memcpy(zp + H_SETUP_SECTS, h + H_SETUP_SECTS,
           MAX(header_end, (gsize)H_MAGIC) - H_SETUP_SECTS);
    return put_initrd(k, errp) && put_cmdline(k, cmdline, room, errp) &&
           put_zero_page(k, zp, errp) && enter_bzimage(k, &place, errp) &&
           loader_add_bytes(&k->v->parent, NULL, "kernel", place.load,
                            k->data + setup, k->size - setup, errp);
}

/* --- ELF --- */

enum { XEN_PHYS32_ENTRY = 18 };

/* The entry that note @p of @len bytes names; 0: it has none. */
static uint32_t pvh_entry_of(const uint8_t *p, uint64_t len, uint64_t align)
{
    uint64_t at = 0;

    while (range_fits(at, 12, len)) {
        uint64_t name = at + 12, n = ld32_le(p + at);
        uint64_t desc = name + align_up(n, align), d = ld32_le(p + at + 4);

        if (!range_fits(name, n, len) || !range_fits(desc, d, len)) {
            return 0;
        }
        if (ld32_le(p + at + 8) == XEN_PHYS32_ENTRY && n == 4 && d >= 4 &&
            memcmp(p + name, "Xen", 4) == 0) {
            return ld32_le(p + desc);
        }
        at = desc + align_up(d, align);
    }
    return 0;
}

/* The PVH entry of an ELF file; 0: it has none. Both classes. */
static uint32_t find_pvh_entry(const Kernel *k)
{
    bool is64 = k->data[EI_CLASS] == ELFCLASS64;
    const Elf64_Ehdr *e64 = (const void *)k->data;
    const Elf32_Ehdr *e32 = (const void *)k->data;
    uint64_t off = is64 ? e64->e_phoff : e32->e_phoff;
    unsigned n = is64 ? e64->e_phnum : e32->e_phnum;
    size_t step = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

    for (unsigned i = 0; i < n && range_fits(off, step, k->size);
         i++, off += step) {
        Elf64_Phdr p64;
        Elf32_Phdr p32;
        uint32_t entry;

        if (is64) {
            memcpy(&p64, k->data + off, sizeof(p64));
        } else {
            memcpy(&p32, k->data + off, sizeof(p32));
            p64 = (Elf64_Phdr){ .p_type = p32.p_type,
                                .p_offset = p32.p_offset,
                                .p_filesz = p32.p_filesz,
                                .p_align = p32.p_align };
        }
        if (p64.p_type != PT_NOTE ||
            !range_fits(p64.p_offset, p64.p_filesz, k->size)) {
            continue;
        }
        entry = pvh_entry_of(k->data + p64.p_offset, p64.p_filesz,
                             p64.p_align == 8 ? 8 : 4);
        if (entry) {
            return entry;
        }
    }
    return 0;
}

/* struct hvm_start_info, version 1, and what it points to. */
static bool put_start_info(Kernel *k, Error **errp)
{
    enum { MODULE = 0x40, MAP = 0x80, MAGIC = 0x336ec578 };
    uint8_t info[MAP + 24 * E820_MAX] = { 0 };
    E820 map[E820_MAX];
    unsigned n = x86_memory_map(k->v, map);

    st32_le(info, MAGIC);
    st32_le(info + 4, 1);
    st32_le(info + 12, k->initrd ? 1 : 0);
    st64_le(info + 16, k->initrd ? BOOT_START_INFO + MODULE : 0);
    st64_le(info + 24, BOOT_CMDLINE);
    st64_le(info + 32, k->v->has_acpi ? BOOT_ACPI : 0);
    st64_le(info + 40, BOOT_START_INFO + MAP);
    st32_le(info + 48, n);
    st64_le(info + MODULE, k->initrd);
    st64_le(info + MODULE + 8, k->initrd_size);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *e = info + MAP + 24 * i;

        st64_le(e, map[i].addr);
        st64_le(e + 8, map[i].size);
        st32_le(e + 16, map[i].type);
    }
    k->v->info = BOOT_START_INFO;
    return loader_add_bytes(&k->v->parent, NULL, "PVH start info",
                            BOOT_START_INFO, info, sizeof(info), errp);
}

static bool load_elf(Kernel *k, const char *cmdline, Error **errp)
{
    MicrovmMachine *v = k->v;
    bool is64 = k->data[EI_CLASS] == ELFCLASS64;
    LoadRequest req = {
        .file = v->parent.config.kernel,
        .what = "kernel",
        .formats = LOAD_ELF,
        .machine = is64 ? EM_X86_64 : EM_386,
    };
    uint32_t pvh = find_pvh_entry(k);
    g_autofree uint8_t *zp = g_malloc0(PAGE);
    LoadedImage image;

    if (!pvh && !is64) {
        error_set(errp, "'%s' is a 32-bit ELF file without a PVH note",
                  req.file);
        return false;
    }
    if (!loader_load(&v->parent, &req, &image, errp)) {
        return false;
    }
    k->end = image.high;
    k->initrd_max = UINT32_MAX;
    v->entry = pvh ? pvh : image.entry;
    if (!put_initrd(k, errp) ||
        !put_cmdline(k, cmdline, BOOT_CMDLINE_MAX, errp) ||
        !put_gdt(k, !pvh, errp)) {
        return false;
    }
    if (pvh) {
        return put_start_info(k, errp);
    }
    /* an uncompressed Linux: boot.rst 1.14, the header made up */
    memcpy(zp + H_MAGIC, "HdrS", 4);
    st16_le(zp + H_BOOT_FLAG, 0xaa55);
    st16_le(zp + H_VERSION, 0x20f);
    st32_le(zp + H_ALIGN, 0x1000000);
    return put_zero_page(k, zp, errp) && put_page_tables(k, errp);
}

/* --- entry points --- */

static bool read_kernel(Kernel *k, Error **errp)
{
    k->bytes =
        loader_read_file(k->v->parent.config.kernel, "kernel", FILE_MAX, errp);
    if (!k->bytes) {
        return false;
    }
    k->data = g_bytes_get_data(k->bytes, &k->size);
    return true;
}

static bool is_elf(const Kernel *k)
{
    return k->size >= sizeof(Elf64_Ehdr) &&
           memcmp(k->data, ELFMAG, SELFMAG) == 0;
}

bool x86_direct_boot(MicrovmMachine *v, const char *cmdline, Error **errp)
{
    Kernel k = { .v = v };
    bool ok = false;

    if (!read_kernel(&k, errp)) {
        return false;
    }
    if (is_elf(&k)) {
        ok = load_elf(&k, cmdline, errp);
    } else if (is_bzimage(&k)) {
        ok = load_bzimage(&k, cmdline, errp);
    } else {
        error_set(errp, "kernel '%s' is neither a bzImage nor an ELF file",
                  v->parent.config.kernel);
    }
    g_bytes_unref(k.bytes);
    return ok;
}

/* --- by firmware --- */

enum { SETUP_ADDR = 0x10000, KERNEL_ADDR = 0x100000, HEAP_END = 0xe000 };
enum {
    FIRMWARE_TOP = 1 << 20, /* what firmware keeps of high RAM, at most */
    CAN_USE_HEAP = 0x80,
    LOADER_NUMBER = 0xb0, /* of those who fetch by fw_cfg */
};

static void give(FwCfg *fw, uint16_t addr_key, uint64_t addr, uint16_t size_key,
                 uint16_t data_key, GBytes *bytes)
{
    fw_cfg_set_u32(fw, addr_key, (uint32_t)addr);
    fw_cfg_set_u32(fw, size_key, (uint32_t)g_bytes_get_size(bytes));
    fw_cfg_set_gbytes(fw, data_key, bytes);
}

static bool give_initrd(Kernel *k, Error **errp)
{
    MicrovmMachine *v = k->v;
    uint64_t top = MIN(x86_ram_below_4g(&v->parent) - FIRMWARE_TOP,
                       ld32_le(k->data + H_INITRD_MAX) + 1ull);
    g_autoptr(GBytes) bytes = NULL;

    if (!v->parent.config.initrd) {
        return true;
    }
    bytes = loader_read_file(v->parent.config.initrd, "initrd", FILE_MAX, errp);
    if (!bytes) {
        return false;
    }
    k->initrd_size = g_bytes_get_size(bytes);
    if (k->initrd_size > top || top - k->initrd_size < k->end) {
        error_set(errp,
                  "initrd '%s' of %" PRIu64 " bytes does not fit behind the "
                  "kernel: give the guest more memory",
                  v->parent.config.initrd, k->initrd_size);
        return false;
    }
    k->initrd = align_down(top - k->initrd_size, PAGE);
    give(v->parent.fw_cfg, FW_CFG_INITRD_ADDR, k->initrd, FW_CFG_INITRD_SIZE,
         FW_CFG_INITRD_DATA, bytes);
    return true;
}

/* The set-up code with what a loader fills in (boot.rst 1.3, 1.11). */
static GBytes *setup_code(const Kernel *k, uint64_t size)
{
    uint8_t *h = g_memdup2(k->data, size);

    h[H_LOADER] = LOADER_NUMBER;
    h[H_LOADFLAGS] |= CAN_USE_HEAP;
    st16_le(h + H_HEAP_END, HEAP_END - 0x200);
    st32_le(h + H_RAMDISK, (uint32_t)k->initrd);
    st32_le(h + H_RAMDISK_SIZE, (uint32_t)k->initrd_size);
    st32_le(h + H_CMDLINE, BOOT_CMDLINE);
    return g_bytes_new_take(h, size);
}

/* linuxboot.S, which a PC BIOS finds as a file; its bytes sum to zero. */
static bool give_option_rom(MicrovmMachine *v, Error **errp)
{
    gsize size = x86_linuxboot_size;
    g_autofree uint8_t *rom = NULL;
    uint8_t sum = 0;

    if (!v->option_roms || size == 0) {
        return true;
    }
    rom = g_memdup2(x86_linuxboot_rom, size);
    for (gsize i = 0; i < size; i++) {
        sum = (uint8_t)(sum + rom[i]);
    }
    rom[size - 1] = (uint8_t)(rom[size - 1] - sum);
    return fw_cfg_add_file(v->parent.fw_cfg, "genroms/linuxboot.bin", rom, size,
                           NULL, NULL, errp);
}

static bool give_kernel(Kernel *k, const char *cmdline, Error **errp)
{
    MicrovmMachine *v = k->v;
    FwCfg *fw = v->parent.fw_cfg;
    uint64_t setup_size =
        ((k->data[H_SETUP_SECTS] ? k->data[H_SETUP_SECTS] : 4) + 1ull) * 512;
    g_autoptr(GBytes) setup = NULL, rest = NULL, text = NULL;

    if (setup_size >= k->size || !(k->data[H_LOADFLAGS] & LOADED_HIGH)) {
        error_set(errp, "kernel '%s' is cut off or too old for firmware",
                  v->parent.config.kernel);
        return false;
    }
    k->end = KERNEL_ADDR + k->size - setup_size;
    if (!give_initrd(k, errp)) {
        return false;
    }
    setup = setup_code(k, setup_size);
    rest = g_bytes_new_from_bytes(k->bytes, setup_size, k->size - setup_size);
    text = g_bytes_new(cmdline, strlen(cmdline) + 1);
    give(fw, FW_CFG_SETUP_ADDR, SETUP_ADDR, FW_CFG_SETUP_SIZE,
         FW_CFG_SETUP_DATA, setup);
    give(fw, FW_CFG_KERNEL_ADDR, KERNEL_ADDR, FW_CFG_KERNEL_SIZE,
         FW_CFG_KERNEL_DATA, rest);
    give(fw, FW_CFG_CMDLINE_ADDR, BOOT_CMDLINE, FW_CFG_CMDLINE_SIZE,
         FW_CFG_CMDLINE_DATA, text);
    return give_option_rom(v, errp);
}

bool x86_kernel_to_fw_cfg(MicrovmMachine *v, const char *cmdline, Error **errp)
{
    Kernel k = { .v = v };
    bool ok = false;

    if (!read_kernel(&k, errp)) {
        return false;
    }
    if (is_bzimage(&k)) {
        ok = give_kernel(&k, cmdline, errp);
    } else {
        error_set(errp, "with firmware the kernel must be a bzImage");
    }
    g_bytes_unref(k.bytes);
    return ok;
}
