/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The RISC-V "spike" board: harts, a CLINT and HTIF.
 *
 * Spec:  device tree of the RISC-V ISA simulator as OpenSBI reads it (CLINT
 *        0x2000000, RAM 0x80000000, node "ucb,htif0").
 * Guest: HTIF lies where the ELF's symbols tohost and fromhost say, of
 *        whatever size, over RAM; for flat firmware at 0x1000000, fromhost
 *        first (DECISIONS 60).
 * Locks: machine lock.
 */
#include "tandem/base.h"

#include "boot.h"
#include "hw/char/htif.h"
#include "hw/riscv/spike.h"

enum {
    SPIKE_HTIF = 0x01000000, /* and its node's size */
    SPIKE_HTIF_SIZE = 0x1000,
    SPIKE_CLINT = 0x02000000,
    SPIKE_TIMEBASE_HZ = 10000000,
    SPIKE_MAX_CPUS = 8,
};
#define SPIKE_RAM 0x80000000ull

typedef struct SpikeMachine {
    Machine parent;
    /* constant after build */
    MemoryRegion rom;
    DeviceState *mtimer, *htif;
    /* constant after finish */
    RiscvBoot boot;
    Dtb *dtb;
} SpikeMachine;

static bool make_htif(SpikeMachine *s, Error **errp)
{
    Chardev *chr = riscv_serial(&s->parent, 0);

    s->htif = device_new_board(&s->parent, &htif_type);
    if (chr) {
        object_set_str(s->htif, "chardev", chardev_id(chr));
    }
    return device_realize(s->htif, errp);
}

static bool spike_build(Machine *m, Error **errp)
{
    SpikeMachine *s = (SpikeMachine *)m;

    memory_region_add(&m->system, SPIKE_RAM, m->ram);
    if (!riscv_make_rom(m, &s->rom, "riscv.spike.mrom", errp)) {
        return false;
    }
    s->mtimer = riscv_make_mtimer(m, SPIKE_CLINT, SPIKE_TIMEBASE_HZ, errp);
    if (s->mtimer == NULL || !riscv_make_cpus(m, s->mtimer, errp)) {
        return false;
    }
    riscv_wire_to_harts(m, s->mtimer, HART_MTI);
    return riscv_make_swi(m, false, SPIKE_CLINT, errp) && make_htif(s, errp);
}

/* Over RAM at the symbols, or at the node's address. */
static bool map_htif(SpikeMachine *s, Error **errp)
{
    uint64_t tohost = s->boot.htif[0], fromhost = s->boot.htif[1];

    if (tohost == 0) {
        tohost = SPIKE_HTIF + 8;
        fromhost = SPIKE_HTIF;
    } else if (fromhost == 0) {
        fromhost = tohost + 8; /* exit status alone needs none */
    }
    if (tohost % 8 || fromhost % 8 || range_overlaps(tohost, 8, fromhost, 8)) {
        error_set(errp,
                  "symbols tohost and fromhost at 0x%" PRIx64 " and 0x%" PRIx64
                  " are no two 64-bit words",
                  tohost, fromhost);
        return false;
    }
    memory_region_add_overlap(&s->parent.system, tohost,
                              device_mmio(s->htif, 0), 1);
    memory_region_add_overlap(&s->parent.system, fromhost,
                              device_mmio(s->htif, 1), 1);
    return true;
}

static Dtb *spike_make_fdt(SpikeMachine *s)
{
    Machine *m = &s->parent;
    g_autofree uint32_t *intc = g_new0(uint32_t, m->cpus->len);
    Dtb *dtb = dtb_new();

    riscv_fdt_root(dtb, "ucbbar,spike-bare-dev", "ucbbar,spike-bare,qemu");
    dtb_add_node(dtb, "/htif");
    dtb_set_str(dtb, "/htif", "compatible", "ucb,htif0");
    if (s->boot.htif[0] == 0) { /* else firmware has the symbols */
        dtb_set_reg(dtb, "/htif",
                    (const uint64_t[]){ SPIKE_HTIF, SPIKE_HTIF_SIZE }, 1);
    }
    riscv_fdt_cpus(dtb, m, SPIKE_TIMEBASE_HZ, intc);
    riscv_fdt_memory(dtb, SPIKE_RAM, m->config.ram_size);
    riscv_fdt_clint(dtb, SPIKE_CLINT, intc, m->cpus->len);
    dtb_add_node(dtb, "/chosen");
    dtb_set_str(dtb, "/chosen", "stdout-path", "/htif");
    return dtb;
}

static bool spike_finish(Machine *m, Error **errp)
{
    SpikeMachine *s = (SpikeMachine *)m;

    riscv_boot_init(&s->boot, m, SPIKE_RAM);
    if (!riscv_load_firmware(&s->boot, errp) ||
        !riscv_load_kernel(&s->boot, errp)) {
        return false;
    }
    s->dtb =
        m->config.dtb ? dtb_from_file(m->config.dtb, errp) : spike_make_fdt(s);
    if (s->dtb == NULL) {
        return false;
    }
    riscv_fdt_chosen(s->dtb, &s->boot);
    return riscv_finish_boot(&s->boot, s->dtb, errp) && map_htif(s, errp);
}

static void spike_reset(Machine *m)
{
    SpikeMachine *s = (SpikeMachine *)m;

    riscv_boot_reset(&s->boot, s->dtb);
}

static void spike_finalize(Object *obj)
{
    SpikeMachine *s = (SpikeMachine *)obj;

    dtb_free(s->dtb);
    riscv_free_rom(&s->rom);
}

static const char *const arch32[] = { "riscv32", NULL };
static const char *const arch64[] = { "riscv64", NULL };

/* The default machine of both architectures, as clients of it expect. */
#define SPIKE_MACHINE(view, cpu)                                               \
    {                                                                          \
        .name = "spike-machine", .parent = TYPE(machine_type),                 \
        .description = "RISC-V Spike board", .size = sizeof(SpikeMachine),     \
        .arches = (view), .finalize = spike_finalize, .machine_name = "spike", \
        .is_default = true, .max_cpus = SPIKE_MAX_CPUS, .default_cpus = 1,     \
        .default_cpu = (cpu), .default_ram_id = "riscv.spike.ram",             \
        .default_ram_size = 128 * MiB, .no_parallel = true, .no_floppy = true, \
        .no_cdrom = true, .build = spike_build, .finish = spike_finish,        \
        .reset = spike_reset,                                                  \
    }

const MachineType spike32_machine_type = SPIKE_MACHINE(arch32, "rv32");
const MachineType spike64_machine_type = SPIKE_MACHINE(arch64, "rv64");
