/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What firmware and kernels find on virt and spike. */
#include "hw-test.h"

#include <libfdt.h>

#include "target/types.h"

typedef struct Board {
    TestMachine *t;
    char *dir; /* for files */
    char *fdt; /* dumped tree, then loaded */
    const void *tree;
} Board;

static char *write_file(Board *b, const char *name, const void *data,
                        gssize len)
{
    char *path = g_build_filename(b->dir, name, NULL);

    g_assert_true(g_file_set_contents(path, data, len, NULL));
    return path;
}

static Board *board_new(const char *type, const char *arch)
{
    Board *b = g_new0(Board, 1);

    b->t = test_machine_new(type, arch, riscv_cpu_types);
    b->dir = g_dir_make_tmp("tandem-boards-XXXXXX", NULL);
    b->t->m->config.ram_size = 128 * MiB;
    b->t->m->config.bios = g_strdup("none");
    return b;
}

static bool board_start(Board *b, Error **errp)
{
    Machine *m = b->t->m;

    m->config.max_cpus = m->config.cpus;
    return machine_build(m, errp) && machine_finish(m, errp);
}

/* The tree at the address that the ROM gives to firmware in a1. */
static void board_ok(Board *b)
{
    Error *err = NULL;
    hwaddr addr;
    uint32_t size;

    if (!board_start(b, &err)) {
        g_error("%s", error_text(err));
    }
    addr = test_rd(b->t, 0x1020, 8);
    if (strcmp(b->t->m->view.arch, "riscv32") == 0) {
        addr &= UINT32_MAX;
    }
    size = __builtin_bswap32((uint32_t)test_rd(b->t, addr + 4, 4));
    g_assert_cmpuint(size, <, 65536);
    b->fdt = g_malloc(size);
    g_assert_cmpint(
        address_space_read(&b->t->m->memory, addr, MEM_ATTRS_CPU, b->fdt, size),
        ==, MEM_OK);
    b->tree = b->fdt;
    g_assert_cmpint(fdt_check_full(b->tree, size), ==, 0);
}

static void remove_dir(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        unlink(file);
    }
    g_dir_close(dir);
    rmdir(path);
}

static void board_free(Board *b)
{
    test_machine_free(b->t);
    remove_dir(b->dir);
    g_free(b->dir);
    g_free(b->fdt);
    g_free(b);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Board, board_free)

/* Cell @i of a property, or fail. */
static uint32_t cell(Board *b, const char *path, const char *prop, int i)
{
    int len, node = fdt_path_offset(b->tree, path);
    const void *p;

    g_assert_cmpint(node, >=, 0);
    p = fdt_getprop(b->tree, node, prop, &len);
    g_assert_nonnull(p);
    g_assert_cmpint(len, >=, 4 * (i + 1));
    return ld32_be((const char *)p + 4 * i);
}

static const char *str(Board *b, const char *path, const char *prop)
{
    int node = fdt_path_offset(b->tree, path);

    g_assert_cmpint(node, >=, 0);
    return fdt_getprop(b->tree, node, prop, NULL);
}

static void virt_has_the_documented_nodes(void)
{
    static const struct {
        const char *path, *compatible;
        uint32_t base, size, irq;
    } nodes[] = {
        { "/soc/test@100000", "sifive,test1", 0x100000, 0x1000, 0 },
        { "/soc/rtc@101000", "google,goldfish-rtc", 0x101000, 0x1000, 11 },
        { "/soc/clint@2000000", "sifive,clint0", 0x2000000, 0x10000, 0 },
        { "/soc/plic@c000000", "sifive,plic-1.0.0", 0xc000000, 0x600000, 0 },
        { "/soc/serial@10000000", "ns16550a", 0x10000000, 0x100, 10 },
        { "/memory@80000000", NULL, 0x80000000, 0x8000000, 0 },
    };
    g_autoptr(Board) b = board_new("virt-machine", "riscv64");

    b->t->m->config.cpus = 2;
    board_ok(b);
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        g_test_message("%s", nodes[i].path);
        g_assert_cmphex(cell(b, nodes[i].path, "reg", 1), ==, nodes[i].base);
        g_assert_cmphex(cell(b, nodes[i].path, "reg", 3), ==, nodes[i].size);
        if (nodes[i].compatible) {
            g_assert_cmpstr(str(b, nodes[i].path, "compatible"), ==,
                            nodes[i].compatible);
        }
        if (nodes[i].irq) {
            g_assert_cmpuint(cell(b, nodes[i].path, "interrupts", 0), ==,
                             nodes[i].irq);
        }
    }
    g_assert_cmpstr(str(b, "/", "compatible"), ==, "riscv-virtio");
    g_assert_cmpuint(cell(b, "/cpus", "timebase-frequency", 0), ==, 10000000);
    g_assert_cmpuint(cell(b, "/soc/plic@c000000", "riscv,ndev", 0), ==, 95);
    g_assert_cmpstr(str(b, "/chosen", "stdout-path"), ==,
                    "/soc/serial@10000000");
    g_assert_cmpuint(cell(b, "/reboot", "value", 0), ==, 0x7777);
    g_assert_cmpuint(cell(b, "/poweroff", "value", 0), ==, 0x5555);
    /* Hart 1, context S: second pair of hart 1's two. */
    g_assert_cmpuint(cell(b, "/soc/plic@c000000", "interrupts-extended", 6), ==,
                     cell(b, "/cpus/cpu@1/interrupt-controller", "phandle", 0));
    g_assert_cmpuint(cell(b, "/soc/plic@c000000", "interrupts-extended", 7), ==,
                     9);
    g_assert_nonnull(str(b, "/cpus/cpu@1", "riscv,isa"));
}

static void reset_rom_jumps_with_the_tree_and_dynamic_info(void)
{
    g_autoptr(Board) b = board_new("virt-machine", "riscv64");
    g_autofree char *fw = write_file(b, "fw", "FIRMWARE", 8);
    g_autofree char *kernel = write_file(b, "kernel", "KERNEL!!", 8);
    g_autofree char *initrd = write_file(b, "initrd", "INITRD!!", 8);
    MachineConfig *c = &b->t->m->config;

    g_free(c->bios);
    c->bios = g_strdup(fw);
    c->kernel = g_strdup(kernel);
    c->initrd = g_strdup(initrd);
    c->append = g_strdup("console=ttyS0");
    board_ok(b);
    g_assert_cmphex(test_rd(b->t, 0x1018, 8), ==, 0x80000000);
    g_assert_cmphex(test_rd(b->t, 0x1020, 8), ==, 0x87e00000);
    g_assert_cmphex(test_rd(b->t, 0x1028, 8), ==, 0x4942534f);
    g_assert_cmphex(test_rd(b->t, 0x1030, 8), ==, 2);
    g_assert_cmphex(test_rd(b->t, 0x1038, 8), ==, 0x80200000);
    g_assert_cmphex(test_rd(b->t, 0x1040, 8), ==, 1);
    g_assert_cmphex(test_rd(b->t, 0x80000000, 8), ==, 0x455241574d524946);
    g_assert_cmphex(test_rd(b->t, 0x80200000, 8), ==, 0x21214c454e52454b);
    g_assert_cmphex(cell(b, "/chosen", "linux,initrd-start", 1), ==,
                    0x84200000);
    g_assert_cmphex(cell(b, "/chosen", "linux,initrd-end", 1), ==, 0x84200008);
    g_assert_cmpstr(str(b, "/chosen", "bootargs"), ==, "console=ttyS0");
    /* ROM is ROM, and memory is as before after a reset. */
    test_wr(b->t, 0x80000000, 8, 0);
    machine_reset(b->t->m, CAUSE_HOST_QMP_SYSTEM_RESET);
    g_assert_cmphex(test_rd(b->t, 0x80000000, 8), ==, 0x455241574d524946);
}

static void each_reset_brings_another_seed(void)
{
    g_autoptr(Board) b = board_new("virt-machine", "riscv64");
    uint8_t seed[2][32];

    board_ok(b);
    memcpy(seed[0], str(b, "/chosen", "rng-seed"), 32);
    machine_reset(b->t->m, CAUSE_HOST_QMP_SYSTEM_RESET);
    address_space_read(&b->t->m->memory, 0x87e00000, MEM_ATTRS_CPU, b->fdt,
                       fdt_totalsize(b->tree));
    memcpy(seed[1], str(b, "/chosen", "rng-seed"), 32);
    g_assert_cmpint(memcmp(seed[0], seed[1], 32), !=, 0);
}

static void aclint_on_has_three_nodes_and_an_sswi(void)
{
    g_autoptr(Board) b = board_new("virt-machine", "riscv64");

    object_set_bool(b->t->m, "aclint", true);
    board_ok(b);
    g_assert_cmpint(fdt_path_offset(b->tree, "/soc/clint@2000000"), <, 0);
    g_assert_cmpstr(str(b, "/soc/mswi@2000000", "compatible"), ==,
                    "riscv,aclint-mswi");
    g_assert_cmphex(cell(b, "/soc/mtimer@2004000", "reg", 1), ==, 0x200bff8);
    g_assert_cmphex(cell(b, "/soc/mtimer@2004000", "reg", 5), ==, 0x2004000);
    g_assert_cmpstr(str(b, "/soc/sswi@2f00000", "compatible"), ==,
                    "riscv,aclint-sswi");
    g_assert_cmphex(test_rd(b->t, 0x2f00000, 4), ==, 0);
}

static void rv32_has_a_32_bit_rom(void)
{
    g_autoptr(Board) b = board_new("virt-machine", "riscv32");
    g_autofree char *fw = write_file(b, "fw", "FIRMWARE", 8);
    g_autofree char *kernel = write_file(b, "kernel", "KERNEL!!", 8);
    MachineConfig *c = &b->t->m->config;

    g_free(c->bios);
    c->bios = g_strdup(fw);
    c->kernel = g_strdup(kernel);
    board_ok(b);
    g_assert_cmphex(test_rd(b->t, 0x100c, 4), ==, 0x0202a583);
    g_assert_cmphex(test_rd(b->t, 0x1028, 4), ==, 0x4942534f);
    g_assert_cmphex(test_rd(b->t, 0x1030, 4), ==, 0x80400000);
}

static void spike_finds_htif_at_its_node(void)
{
    g_autoptr(Board) b = board_new("spike-machine", "riscv64");
    TestChardev *chr = test_chardev(b->t, "chr0");

    g_ptr_array_add(b->t->m->config.serial, chr);
    board_ok(b);
    g_assert_cmpstr(str(b, "/htif", "compatible"), ==, "ucb,htif0");
    g_assert_cmphex(cell(b, "/htif", "reg", 1), ==, 0x1000000);
    g_assert_cmpstr(str(b, "/chosen", "stdout-path"), ==, "/htif");
    test_wr(b->t, 0x1000008, 8, 0x0101000000000041);
    g_assert_cmphex(test_rd(b->t, 0x1000008, 8), !=, 0);
    test_loop(b->t);
    g_assert_cmphex(test_rd(b->t, 0x1000008, 8), ==, 0);
    g_assert_cmpstr(chr->out->str, ==, "A");
}

static void mistakes_are_one_clear_sentence(void)
{
    static const struct {
        const char *bios, *kernel, *initrd, *append, *says;
    } bad[] = {
        { "/no/such/fw", NULL, NULL, NULL, "Unable to find" },
        { "none", "/no/such/kernel", NULL, NULL, "No such file" },
        { "none", NULL, "/x", NULL, "-initrd only allowed with -kernel" },
        { "none", NULL, NULL, "x", "-append only allowed with -kernel" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autoptr(Board) b = board_new("virt-machine", "riscv64");
        MachineConfig *c = &b->t->m->config;
        Error *err = NULL;

        g_free(c->bios);
        c->bios = g_strdup(bad[i].bios);
        c->kernel = g_strdup(bad[i].kernel);
        c->initrd = g_strdup(bad[i].initrd);
        c->append = g_strdup(bad[i].append);
        g_assert_false(board_start(b, &err));
        g_assert_nonnull(strstr(error_text(err), bad[i].says));
        error_free(err);
    }
}

static void what_is_not_there_is_refused_not_ignored(void)
{
    static const char *const bad[][2] = { { "acpi", "on" },
                                          { "aia", "aplic" } };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autoptr(Board) b = board_new("virt-machine", "riscv64");
        Error *err = NULL;

        g_assert_true(object_set_text(b->t->m, bad[i][0], bad[i][1], &err));
        g_assert_false(board_start(b, &err));
        error_free(err);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define T(f) g_test_add_func("/riscv-boards/" #f, f)
    T(virt_has_the_documented_nodes);
    T(reset_rom_jumps_with_the_tree_and_dynamic_info);
    T(each_reset_brings_another_seed);
    T(aclint_on_has_three_nodes_and_an_sswi);
    T(rv32_has_a_32_bit_rom);
    T(spike_finds_htif_at_its_node);
    T(mistakes_are_one_clear_sentence);
    T(what_is_not_there_is_refused_not_ignored);
    return g_test_run();
}
