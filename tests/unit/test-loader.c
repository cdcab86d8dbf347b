/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images in memory: ELF, gzip, boot headers, -device loader, device trees. */
#include "hw-test.h"

#include <elf.h>
#include <libfdt.h>
#include <zlib.h>

#include "hw/core/dtb.h"
#include "hw/core/loader.h"

enum { RAM = 0x100000 };

static char *temp_file(const void *data, size_t len)
{
    g_autoptr(GError) err = NULL;
    char *path = NULL;
    int fd = g_file_open_tmp("tandem-loader-XXXXXX", &path, &err);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, len), ==, (ssize_t)len);
    close(fd);
    return path;
}

/* Load @data as a file; true with *out, or false with the error's text. */
static bool load(TestMachine *t, const void *data, size_t len, LoadRequest req,
                 LoadedImage *out, char **text)
{
    g_autofree char *path = temp_file(data, len);
    Error *err = NULL;
    bool ok;

    req.file = path;
    ok = loader_load(t->m, &req, out, &err);
    g_assert_cmpint(ok, ==, err == NULL);
    if (text) {
        *text = err ? g_strdup(error_text(err)) : NULL;
    }
    error_free(err);
    unlink(path);
    return ok;
}

/* One segment "CODE" at 0x1000 of 16 bytes, symbols tohost = 0x3000 of any
 * size, entry at virtual 0x80000002. */
typedef struct Elf {
    Elf64_Ehdr eh;
    Elf64_Phdr ph;
    char code[4];
    Elf64_Shdr sh[3];
    Elf64_Sym sym[2];
    char str[16];
} Elf;

static Elf elf_good(void)
{
    Elf e = {
        .eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
                .e_type = ET_EXEC,
                .e_machine = EM_RISCV,
                .e_entry = 0x80000002,
                .e_phoff = offsetof(Elf, ph),
                .e_shoff = offsetof(Elf, sh),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = 1,
                .e_shentsize = sizeof(Elf64_Shdr),
                .e_shnum = 3 },
        .ph = { .p_type = PT_LOAD,
                .p_flags = PF_R | PF_X,
                .p_offset = offsetof(Elf, code),
                .p_vaddr = 0x80000000,
                .p_paddr = 0x1000,
                .p_filesz = 4,
                .p_memsz = 16 },
        .code = "CODE",
        .sh = { [1] = { .sh_type = SHT_SYMTAB,
                        .sh_link = 2,
                        .sh_offset = offsetof(Elf, sym),
                        .sh_size = 2 * sizeof(Elf64_Sym),
                        .sh_entsize = sizeof(Elf64_Sym) },
                [2] = { .sh_type = SHT_STRTAB,
                        .sh_offset = offsetof(Elf, str),
                        .sh_size = 16 } },
        .sym = { [1] = { .st_name = 1,
                         .st_shndx = SHN_ABS,
                         .st_value = 0x3000,
                         .st_size = 64 } },
        .str = "\0tohost",
    };

    return e;
}

static void elf_goes_where_its_physical_addresses_say(void)
{
    static const char *const names[] = { "tohost", "fromhost", NULL };
    g_autoptr(TestMachine) t = test_machine(RAM);
    Elf e = elf_good();
    uint64_t values[2];
    LoadedImage img;
    LoadRequest req = { .formats = LOAD_ANY,
                        .machine = EM_RISCV,
                        .symbols = names,
                        .values = values };

    test_wr(t, 0x1008, 8, UINT64_MAX);
    g_assert_true(load(t, &e, sizeof(e), req, &img, NULL));
    machine_reset(t->m, CAUSE_NONE);
    g_assert_cmphex(test_rd(t, 0x1000, 4), ==, 0x45444f43);
    g_assert_cmphex(test_rd(t, 0x1008, 8), ==, 0); /* bss */
    g_assert_cmphex(img.entry, ==, 0x1002);
    g_assert_cmphex(img.low, ==, 0x1000);
    g_assert_cmphex(img.high, ==, 0x1010);
    g_assert_cmphex(values[0], ==, 0x3000);
    g_assert_cmphex(values[1], ==, 0);
}

/* As GNU ld lays bare-metal programs out: the header's page lies before RAM. */
static void an_elf_header_before_memory_is_left_out(void)
{
    g_autoptr(TestMachine) t =
        test_machine_new("none-machine", "riscv64", NULL);
    struct {
        Elf64_Ehdr eh;
        Elf64_Phdr ph;
        char pad[0x1000 - sizeof(Elf64_Ehdr) - sizeof(Elf64_Phdr)];
        char code[8];
    } file = { .eh = elf_good().eh, .ph = elf_good().ph, .code = "PROGRAM" };
    LoadRequest req = { .formats = LOAD_ELF };
    LoadedImage img;
    Error *err = NULL;
    uint64_t value;

    t->m->config.ram_size = RAM;
    g_assert_true(machine_build(t->m, &err));
    memory_region_set_address(t->m->ram, 0x100000);
    g_assert_true(machine_finish(t->m, &err));
    file.eh.e_shnum = 0;
    file.ph.p_offset = 0;
    file.ph.p_vaddr = file.ph.p_paddr = 0xff000;
    file.ph.p_filesz = file.ph.p_memsz = sizeof(file);
    file.eh.e_entry = 0x100000;
    file.pad[99] = 'x'; /* no padding: it must not vanish */
    g_assert_false(load(t, &file, sizeof(file), req, &img, NULL));
    file.pad[99] = 0;
    g_assert_true(load(t, &file, sizeof(file), req, &img, NULL));
    machine_reset(t->m, CAUSE_NONE);
    g_assert_cmphex(img.low, ==, 0x100000);
    g_assert_cmphex(img.entry, ==, 0x100000);
    value = test_rd(t, 0x100000, 8);
    g_assert_cmpstr((char *)&value, ==, "PROGRAM");
}

static void damaged_elfs_are_refused(void)
{
    static const struct {
        size_t offset;
        unsigned size;
        uint64_t value;
    } damage[] = {
#define F(f, v) { offsetof(Elf, f), sizeof(((Elf *)0)->f), v }
        F(eh.e_type, ET_REL),
        F(eh.e_machine, EM_X86_64),
        F(eh.e_phoff, UINT64_MAX - 8),
        F(eh.e_phnum, 0xffff),
        F(eh.e_phnum, 0),
        F(eh.e_phentsize, 1),
        F(ph.p_offset, UINT64_MAX),
        F(ph.p_filesz, UINT64_MAX),
        F(ph.p_filesz, 17), /* more than p_memsz */
        F(ph.p_memsz, UINT64_MAX),
        F(ph.p_memsz, RAM), /* past the end of memory */
        F(ph.p_paddr, UINT64_MAX - 2),
        F(eh.e_ident[EI_CLASS], 9),
    };

    for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
        g_autoptr(TestMachine) t = test_machine(RAM);
        LoadRequest req = { .formats = LOAD_ANY, .machine = EM_RISCV };
        Elf e = elf_good();
        LoadedImage img;

        memcpy((char *)&e + damage[i].offset, &damage[i].value, damage[i].size);
        g_test_message("damage %zu", i);
        g_assert_false(load(t, &e, sizeof(e), req, &img, NULL));
    }
}

static void damaged_symbol_tables_have_no_symbols(void)
{
    static const struct {
        size_t offset;
        unsigned size;
        uint64_t value;
    } damage[] = {
        F(eh.e_shoff, UINT64_MAX - 4),  F(eh.e_shnum, 0xffff),
        F(sh[1].sh_link, 77),           F(sh[1].sh_size, UINT64_MAX),
        F(sh[1].sh_offset, UINT64_MAX), F(sh[2].sh_size, UINT64_MAX),
        F(sh[2].sh_offset, UINT64_MAX), F(sym[1].st_name, 0xffffffff),
        F(sym[1].st_shndx, SHN_UNDEF),
#undef F
    };
    static const char *const names[] = { "tohost", NULL };

    for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
        g_autoptr(TestMachine) t = test_machine(RAM);
        uint64_t value = 1;
        LoadRequest req = { .formats = LOAD_ELF,
                            .symbols = names,
                            .values = &value };
        Elf e = elf_good();
        LoadedImage img;

        memcpy((char *)&e + damage[i].offset, &damage[i].value, damage[i].size);
        g_assert_true(load(t, &e, sizeof(e), req, &img, NULL));
        g_assert_cmphex(value, ==, 0);
    }
}

static GByteArray *gzip(const void *data, size_t len)
{
    GByteArray *out = g_byte_array_new();
    z_stream z = { .next_in = (Bytef *)data, .avail_in = (uInt)len };

    g_byte_array_set_size(out, (guint)(len + 1024));
    z.next_out = out->data;
    z.avail_out = out->len;
    deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    g_byte_array_set_size(out, (guint)z.total_out);
    deflateEnd(&z);
    return out;
}

static void gzip_is_unpacked_within_bounds(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);
    g_autofree uint8_t *big = g_malloc0(4 * RAM);
    g_autoptr(GByteArray) good = gzip("unpacked kernel", 16);
    g_autoptr(GByteArray) bomb = gzip(big, 4 * RAM);
    LoadRequest req = { .formats = LOAD_ANY, .addr = 0x2000 };
    LoadedImage img;

    g_assert_true(load(t, good->data, good->len, req, &img, NULL));
    machine_reset(t->m, CAUSE_NONE);
    g_assert_cmphex(test_rd(t, 0x2000, 8), ==, 0x64656b6361706e75);
    req.addr = 0x8000;
    g_assert_false(load(t, bomb->data, bomb->len, req, &img, NULL));
    g_assert_false(load(t, good->data, good->len - 9, req, &img, NULL));
    good->data[12] ^= 0xff;
    g_assert_false(load(t, good->data, good->len, req, &img, NULL));
}

static void boot_header_tells_the_size_in_memory(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);
    uint8_t image[64] = { 0 };
    LoadRequest req = { .formats = LOAD_ANY, .addr = 0x2000 };
    LoadedImage img;

    memcpy(image + 56, "RSC\x05", 4);
    st64_le(image + 16, 0x5000);
    g_assert_true(load(t, image, 64, req, &img, NULL));
    g_assert_cmpuint(img.format, ==, LOAD_IMAGE);
    g_assert_cmphex(img.high, ==, 0x7000);
    st64_le(image + 16, UINT64_MAX); /* a lie */
    req.addr = 0x9000;
    g_assert_true(load(t, image, 64, req, &img, NULL));
    g_assert_cmphex(img.high, ==, 0x9040);
}

static void pieces_do_not_overlap_or_leave_memory(void)
{
    g_autoptr(TestMachine) t = test_machine(RAM);
    g_autofree char *text = NULL;
    LoadRequest req = { .formats = LOAD_RAW, .addr = 0x2000 };
    LoadedImage img;
    Error *err = NULL;

    g_assert_true(
        loader_add_bytes(t->m, NULL, "first", 0x2010, "abcd", 4, &err));
    req.max_size = 8;
    g_assert_false(load(t, "0123456789abcdefXYZ", 19, req, &img, &text));
    g_assert_nonnull(strstr(text, "too large"));
    g_clear_pointer(&text, g_free);
    req.max_size = 0;
    g_assert_false(load(t, "0123456789abcdefXYZ", 19, req, &img, &text));
    g_assert_nonnull(strstr(text, "overlaps first"));
    g_assert_true(load(t, "0123456789abcdef", 16, req, &img, NULL));
    req.addr = RAM - 4;
    g_assert_false(load(t, "01234", 5, req, &img, NULL));
    req.addr = UINT64_MAX - 2;
    g_assert_false(load(t, "01234", 5, req, &img, NULL));
}

static DeviceState *loader(TestMachine *t, const char *const *props)
{
    DeviceState *dev = device_new_board(t->m, &generic_loader_type);
    Error *err = NULL;

    for (; *props; props += 2) {
        g_assert_true(object_set_text(dev, props[0], props[1], &err));
    }
    return dev;
}

static void loader_device_stores_values_and_files(void)
{
    static const char *const good[][9] = {
        { "addr", "0x100", "data", "0x1122334455", "data-len", "5", NULL },
        { "addr", "0x200", "data", "0x11223344", "data-len", "4", "data-be",
          "on", NULL },
    };
    static const char *const bad[][9] = {
        { NULL },
        { "addr", "0x100", NULL },
        { "data", "1", "data-len", "9", NULL },
        { "data", "1", NULL },
        { "data", "1", "data-len", "8", "file", "/x", NULL },
        { "file", "/no/such/file", NULL },
        { "addr", "0", "cpu-num", "7", NULL },
        { "addr", "0x7000000", "data", "1", "data-len", "1", NULL },
    };
    TestMachine *t = test_machine_new("none-machine", "riscv64", NULL);
    Error *err = NULL;

    t->m->config.ram_size = RAM;
    g_assert_true(machine_build(t->m, &err));
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        g_assert_true(device_realize(loader(t, good[i]), &err));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_assert_false(device_realize(loader(t, bad[i]), &err));
        g_clear_pointer(&err, error_free);
    }
    g_assert_true(machine_finish(t->m, &err));
    g_assert_cmphex(test_rd(t, 0x100, 8), ==, 0x1122334455);
    g_assert_cmphex(test_rd(t, 0x200, 4), ==, 0x44332211);
    test_wr(t, 0x100, 8, 0);
    machine_reset(t->m, CAUSE_GUEST_RESET);
    g_assert_cmphex(test_rd(t, 0x100, 4), ==, 0x22334455);
    test_machine_free(t);
}

static void device_trees_grow_and_keep_their_values(void)
{
    g_autoptr(Dtb) dtb = dtb_new();
    g_autofree char *big = g_malloc0(100 * KiB);
    uint32_t len;
    const void *blob;

    dtb_add_node(dtb, "/a");
    dtb_add_node(dtb, "/a/b@1");
    dtb_add_node(dtb, "/a"); /* stays */
    dtb_set_reg(dtb, "/a/b@1", (const uint64_t[]){ 0x123456789, 0x10 }, 1);
    dtb_set(dtb, "/a", "big", big, 100 * KiB);
    g_assert_cmpuint(dtb_give_phandle(dtb, "/a"), ==, 1);
    blob = dtb_pack(dtb, &len);
    g_assert_cmpint(fdt_check_full(blob, len), ==, 0);
    dtb_set_str(dtb, "/a", "late", "after the pack");
    for (int i = 0; i < 5000; i++) {
        dtb_add_nodef(dtb, "/a/n%d", i);
    }
    blob = dtb_pack(dtb, &len);
    g_assert_cmpint(fdt_check_full(blob, len), ==, 0);
    g_assert_cmpstr(dtb_get(dtb, "/a", "late", NULL), ==, "after the pack");
    g_assert_cmphex(
        ld32_be((const char *)dtb_get(dtb, "/a/b@1", "reg", NULL) + 4), ==,
        0x23456789);
}

static void device_tree_files_are_checked(void)
{
    g_autoptr(Dtb) dtb = dtb_new();
    Error *err = NULL;
    uint32_t len;

    dtb_add_node(dtb, "/chosen");
    dtb_set_str(dtb, "/chosen", "bootargs", "quiet");
    const uint8_t *blob = dtb_pack(dtb, &len);

    for (uint32_t cut = 0; cut <= len; cut++) {
        g_autofree char *path = temp_file(blob, cut);
        Dtb *read = dtb_from_file(path, &err);

        g_assert_cmpint(read != NULL, ==, cut == len);
        g_assert_cmpint(read == NULL, ==, err != NULL);
        g_clear_pointer(&err, error_free);
        dtb_free(read);
        unlink(path);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/loader/" #f, f)
    T(elf_goes_where_its_physical_addresses_say);
    T(an_elf_header_before_memory_is_left_out);
    T(damaged_elfs_are_refused);
    T(damaged_symbol_tables_have_no_symbols);
    T(gzip_is_unpacked_within_bounds);
    T(boot_header_tells_the_size_in_memory);
    T(pieces_do_not_overlap_or_leave_memory);
    T(loader_device_stores_values_and_files);
    T(device_trees_grow_and_keep_their_values);
    T(device_tree_files_are_checked);
    return g_test_run();
}
