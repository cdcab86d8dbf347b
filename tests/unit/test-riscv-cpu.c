/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hart as an object, and small programs on it in every engine: what CSRs,
 * traps and walks do when translated code reaches them.
 */
#include "tandem/base.h"

#include <libfdt.h>

#include "softmmu/base/rcu.h"
#include "target/semihost.h"
#include "target/types.h"
#include "tests/unit/riscv-machine.h"

/* clang-format off */
static const uint32_t prog_add[] = {
    0x02800513, /* addi a0,zero,40 */
    0x00250513, /* addi a0,a0,2 */
    0x00100fb7, /* lui t6,0x100 */
    0x00afa023, /* sw a0,0(t6) */
    0x0000006f, /* jal zero,+0 */
};

static const uint32_t prog_fp[] = {
    0x000062b7, /* lui t0,0x6 */
    0x30029073, /* csrrw zero,mstatus,t0 */
    0x00100513, /* addi a0,zero,1 */
    0x00300593, /* addi a1,zero,3 */
    0xd2257553, /* fcvt.d.l fa0,a0 */
    0xd225f5d3, /* fcvt.d.l fa1,a1 */
    0x00305073, /* csrrwi zero,fcsr,0 */
    0x1ab57653, /* fdiv.d fa2,fa0,fa1 */
    0x00102673, /* csrrs a2,fflags,zero */
    0x0021d073, /* csrrwi zero,frm,3 */
    0x1ab576d3, /* fdiv.d fa3,fa0,fa1 */
    0xe20606d3, /* fmv.x.d a3,fa2 */
    0xe2068753, /* fmv.x.d a4,fa3 */
    0x40d70733, /* sub a4,a4,a3 */
    0x00871713, /* slli a4,a4,0x8 */
    0x00e66533, /* or a0,a2,a4 */
    0x0aa57753, /* fsub.d fa4,fa0,fa0 */
    0x1ae777d3, /* fdiv.d fa5,fa4,fa4 */
    0x00102673, /* csrrs a2,fflags,zero */
    0x01061613, /* slli a2,a2,0x10 */
    0x00c56533, /* or a0,a0,a2 */
    0x00100fb7, /* lui t6,0x100 */
    0x00afa023, /* sw a0,0(t6) */
    0x0000006f, /* jal zero,+0 */
};

static const uint32_t prog_semi[] = {
    0x00000297, /* auipc t0,0x0 */
    0x02c28293, /* addi t0,t0,44 */
    0x30529073, /* csrrw zero,mtvec,t0 */
    0x01800513, /* addi a0,zero,24 */
    0x00700593, /* addi a1,zero,7 */
    0x01f01013, /* slli zero,zero,0x1f */
    0x00100073, /* ebreak  */
    0x40705013, /* srai zero,zero,0x7 */
    0x00100fb7, /* lui t6,0x100 */
    0x00afa023, /* sw a0,0(t6) */
    0x0000006f, /* jal zero,+0 */
    0xfff00513, /* addi a0,zero,-1 */
    0x00100fb7, /* lui t6,0x100 */
    0x00afa023, /* sw a0,0(t6) */
    0x0000006f, /* jal zero,+0 */
};

static const uint32_t prog_sv39[] = {
    0x00000297, /* auipc t0,0x0 */
    0x06428293, /* addi t0,t0,100 */
    0x30529073, /* csrrw zero,mtvec,t0 */
    0xfff00293, /* addi t0,zero,-1 */
    0x3b029073, /* csrrw zero,pmpaddr0,t0 */
    0x01f00293, /* addi t0,zero,31 */
    0x3a029073, /* csrrw zero,pmpcfg0,t0 */
    0x800082b7, /* lui t0,0x80008 */
    0x02029293, /* slli t0,t0,0x20 */
    0x0202d293, /* srli t0,t0,0x20 */
    0x0002b303, /* ld t1,0(t0) */
    0x18031073, /* csrrw zero,satp,t1 */
    0x000012b7, /* lui t0,0x1 */
    0x8002829b, /* addiw t0,t0,-2048 */
    0x30029073, /* csrrw zero,mstatus,t0 */
    0x00000297, /* auipc t0,0x0 */
    0x01028293, /* addi t0,t0,16 */
    0x34129073, /* csrrw zero,mepc,t0 */
    0x30200073, /* mret  */
    0x400002b7, /* lui t0,0x40000 */
    0x0002b583, /* ld a1,0(t0) */
    0x00b2b423, /* sd a1,8(t0) */
    0x7fc28293, /* addi t0,t0,2044 */
    0x7fc28293, /* addi t0,t0,2044 */
    0x0042b603, /* ld a2,4(t0) */
    0x34202573, /* csrrs a0,mcause,zero */
    0x343026f3, /* csrrs a3,mtval,zero */
    0x0046d693, /* srli a3,a3,0x4 */
    0x00d50533, /* add a0,a0,a3 */
    0x00b50533, /* add a0,a0,a1 */
    0x00100fb7, /* lui t6,0x100 */
    0x00afa023, /* sw a0,0(t6) */
    0x0000006f, /* jal zero,+0 */
};

static const uint32_t prog_timer[] = {
    0x00000297, /* auipc t0,0x0 */
    0x04028293, /* addi t0,t0,64 */
    0x30529073, /* csrrw zero,mtvec,t0 */
    0x00100293, /* addi t0,zero,1 */
    0x03f29293, /* slli t0,t0,0x3f */
    0x30a29073, /* csrrw zero,0x30a,t0 */
    0xc01022f3, /* csrrs t0,time,zero */
    0x00005337, /* lui t1,0x5 */
    0xe203031b, /* addiw t1,t1,-480 */
    0x006282b3, /* add t0,t0,t1 */
    0x14d29073, /* csrrw zero,stimecmp,t0 */
    0x02000313, /* addi t1,zero,32 */
    0x30431073, /* csrrw zero,mie,t1 */
    0x30046073, /* csrrsi zero,mstatus,8 */
    0x10500073, /* wfi  */
    0xffdff06f, /* jal zero,-4 */
    0xc0102373, /* csrrs t1,time,zero */
    0x34202573, /* csrrs a0,mcause,zero */
    0x00533333, /* sltu t1,t1,t0 */
    0x00831313, /* slli t1,t1,0x8 */
    0x00656533, /* or a0,a0,t1 */
    0x00100fb7, /* lui t6,0x100 */
    0x00afa023, /* sw a0,0(t6) */
    0x0000006f, /* jal zero,+0 */
};

static const uint32_t prog_trigger[] = {
    0x00000297, /* auipc t0,0x0 */
    0x07028293, /* addi t0,t0,112 */
    0x30529073, /* csrrw zero,mtvec,t0 */
    0x30046073, /* csrrsi zero,mstatus,8 */
    0x00000317, /* auipc t1,0x0 */
    0x04830313, /* addi t1,t1,72 */
    0x7a005073, /* csrrwi zero,tselect,0 */
    0x7a231073, /* csrrw zero,tdata2,t1 */
    0x00600293, /* addi t0,zero,6 */
    0x03c29293, /* slli t0,t0,0x3c */
    0x0442e313, /* ori t1,t0,68 */
    0x7a131073, /* csrrw zero,tdata1,t1 */
    0x7a00d073, /* csrrwi zero,tselect,1 */
    0x80009337, /* lui t1,0x80009 */
    0x02031313, /* slli t1,t1,0x20 */
    0x02035313, /* srli t1,t1,0x20 */
    0x7a231073, /* csrrw zero,tdata2,t1 */
    0x0412e393, /* ori t2,t0,65 */
    0x7a139073, /* csrrw zero,tdata1,t2 */
    0x00000413, /* addi s0,zero,0 */
    0x00432e03, /* lw t3,4(t1) */
    0x00140413, /* addi s0,s0,1 */
    0x01040413, /* addi s0,s0,16 */
    0x00032e03, /* lw t3,0(t1) */
    0x10040413, /* addi s0,s0,256 */
    0x00100fb7, /* lui t6,0x100 */
    0x008fa023, /* sw s0,0(t6) */
    0x0000006f, /* jal zero,+0 */
    0x342025f3, /* csrrs a1,mcause,zero */
    0x00300613, /* addi a2,zero,3 */
    0x02c59a63, /* bne a1,a2,+52 */
    0x40040413, /* addi s0,s0,1024 */
    0x343026f3, /* csrrs a3,mtval,zero */
    0x34102773, /* csrrs a4,mepc,zero */
    0x40e687b3, /* sub a5,a3,a4 */
    0x00078663, /* beq a5,zero,+12 */
    0x7ff00793, /* addi a5,zero,2047 */
    0x00f40433, /* add s0,s0,a5 */
    0x00470713, /* addi a4,a4,4 */
    0x34171073, /* csrrw zero,mepc,a4 */
    0x08000793, /* addi a5,zero,128 */
    0x3007a073, /* csrrs zero,mstatus,a5 */
    0x30200073, /* mret  */
    0xfff00413, /* addi s0,zero,-1 */
    0x00100fb7, /* lui t6,0x100 */
    0x008fa023, /* sw s0,0(t6) */
    0x0000006f, /* jal zero,+0 */
};

/* clang-format on */

static TestMachine *machine(const char *engine, const char *cpu)
{
    Error *err = NULL;
    TestMachine *t = test_machine_new(engine, cpu, &err);

    if (t == NULL) {
        g_error("%s", error_text(err));
    }
    return t;
}

static void assert_refused(const char *cpu, const char *want)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(test_machine_new("qtest", cpu, &err));
    g_assert_cmpstr(error_text(err), ==, want);
}

static void assert_bool(TestMachine *t, const char *name, bool want)
{
    json_object *v = object_get(test_cpu(t), name, NULL);

    g_assert_nonnull(v);
    g_assert_cmpint(json_object_get_boolean(v), ==, want);
    json_object_put(v);
}

static void properties_choose_extensions(void)
{
    TestMachine *t = machine("qtest", "rv64,zba=off,svnapot=on,h=off,zvbb=off");

    assert_bool(t, "zba", false);
    assert_bool(t, "zbb", true);
    assert_bool(t, "svnapot", true);
    assert_bool(t, "h", false);
    assert_bool(t, "sv57", true);
    assert_bool(t, "g", true);
    test_machine_free(t);
}

static void bad_choices_are_refused(void)
{
    assert_refused("rv64,v=on,f=off,d=off",
                   "extension 'v' needs 'f', which is off");
    assert_refused("rv64,v=on,vlen=100",
                   "vlen must be a power of two from 128 to 1024");
    assert_refused("rv64,zvbb=on", "extension 'zvbb' is not available");
    assert_refused("rv64,d=on,f=off", "extension 'd' needs 'f', which is off");
    assert_refused("rv64,cboz_blocksize=48",
                   "cboz_blocksize must be a power of two from 8 to 4096");
    assert_refused("rv65", "unable to find CPU model 'rv65'");
}

static void device_tree_node_describes_the_hart(void)
{
    TestMachine *t = machine("qtest", "rv64,sv57=off");
    CPUState *cpu = test_cpu(t);
    g_autofree void *fdt = g_malloc0(8192);
    int len;

    g_assert_cmpint(fdt_create_empty_tree(fdt, 8192), ==, 0);
    g_assert_cmpint(fdt_add_subnode(fdt, 0, "cpu"), >=, 0);
    cpu->type->fdt_node(cpu, fdt, "/cpu");
    int node = fdt_path_offset(fdt, "/cpu");
    g_assert_cmpstr(fdt_getprop(fdt, node, "mmu-type", NULL), ==, "riscv,sv48");
    g_assert_cmpstr(fdt_getprop(fdt, node, "riscv,isa-base", NULL), ==,
                    "rv64i");
    const char *isa = fdt_getprop(fdt, node, "riscv,isa", &len);
    g_assert_true(g_str_has_prefix(isa, "rv64imafdc_zic64b_"));
    test_machine_free(t);
}

/* Feature @f by its gdb name. */
static const GdbFeature *gdb_feature(CPUState *cpu, const char *name)
{
    for (const GdbFeature *f = cpu->type->gdb; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static void gdb_reads_and_writes_by_number(void)
{
    TestMachine *t = machine("qtest", "rv64");
    CPUState *cpu = test_cpu(t);
    const GdbFeature *core = gdb_feature(cpu, "org.gnu.gdb.riscv.cpu");
    const GdbFeature *csr = gdb_feature(cpu, "org.gnu.gdb.riscv.csr");
    g_autoptr(GByteArray) out = g_byte_array_new();
    const uint8_t value[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    g_assert_cmpuint(core->count(cpu), ==, 33);
    g_assert_cmpuint(cpu->type->gdb_write(cpu, core, 10, value, 8), ==, 8);
    g_assert_cmpuint(cpu->type->gdb_read(cpu, core, 10, out), ==, 8);
    g_assert_cmpmem(out->data, out->len, value, 8);
    g_assert_cmpuint(cpu->type->gdb_write(cpu, core, 0, value, 8), ==, 8);
    g_byte_array_set_size(out, 0);
    cpu->type->gdb_read(cpu, core, 0, out); /* x0 stays 0 */
    g_assert_cmphex(ld64_le(out->data), ==, 0);
    g_assert_cmpuint(cpu->type->gdb_write(cpu, core, 33, value, 8), ==, 0);
    g_assert_cmpuint(cpu->type->gdb_write(cpu, core, 1, value, 7), ==, 0);
    /* each CSR of the description reads as its name says: find mhartid last */
    g_autofree char *xml = csr->xml(cpu);
    g_assert_nonnull(strstr(xml, "name=\"pmpaddr15\" bitsize=\"64\""));
    g_assert_null(strstr(xml, "name=\"mstatush\""));
    g_byte_array_set_size(out, 0);
    g_assert_cmpuint(cpu->type->gdb_read(cpu, csr, csr->count(cpu) - 1, out),
                     ==, 8);
    g_assert_cmpuint(cpu->type->gdb_read(cpu, csr, csr->count(cpu), out), ==,
                     0);
    test_machine_free(t);
}

/* Every register has another value, travels, and is the same again. */
static void state_survives_a_round_trip(void)
{
    TestMachine *t = machine("qtest", "max");
    CPUState *cpu = test_cpu(t);
    const VmState *vms = ((const DeviceType *)cpu->type->parent)->vmstate;
    g_autoptr(GByteArray) first = g_byte_array_new();
    g_autoptr(GByteArray) again = g_byte_array_new();
    const GdbFeature *core = gdb_feature(cpu, "org.gnu.gdb.riscv.cpu");
    const GdbFeature *csr = gdb_feature(cpu, "org.gnu.gdb.riscv.csr");
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    Error *err = NULL;

    for (unsigned i = 0; i < csr->count(cpu) + 33; i++) {
        uint8_t raw[8];

        st32_le(raw, g_rand_int(rand));
        st32_le(raw + 4, g_rand_int(rand));
        cpu->type->gdb_write(cpu, i < 33 ? core : csr, i < 33 ? i : i - 33, raw,
                             8);
    }
    vmstate_save(vms, cpu, first);
    device_reset(&cpu->parent);
    vmstate_save(vms, cpu, again);
    g_assert_true(again->len == first->len &&
                  memcmp(again->data, first->data, first->len) != 0);
    g_assert_true(
        vmstate_load(vms, cpu, vms->version, first->data, first->len, &err));
    g_byte_array_set_size(again, 0);
    vmstate_save(vms, cpu, again);
    g_assert_cmpmem(again->data, again->len, first->data, first->len);
    test_machine_free(t);
}

static void hostile_state_is_refused(void)
{
    TestMachine *t = machine("qtest", "rv64");
    CPUState *cpu = test_cpu(t);
    const VmState *vms = ((const DeviceType *)cpu->type->parent)->vmstate;
    g_autoptr(GByteArray) good = g_byte_array_new();
    unsigned refused = 0;

    vmstate_save(vms, cpu, good);
    for (unsigned i = 0; i < good->len; i++) {
        g_autofree uint8_t *bad = g_memdup2(good->data, good->len);
        g_autoptr(Error) err = NULL;

        bad[i] ^= 0xff;
        if (!vmstate_load(vms, cpu, vms->version, bad, good->len, &err)) {
            g_assert_nonnull(err);
            refused++;
        }
    }
    /* features, xlen, x0, priv, virt, frm, fflags, satp mode, ... */
    g_assert_cmpuint(refused, >, 30);
    g_assert_true(
        vmstate_load(vms, cpu, vms->version, good->data, good->len, NULL));
    test_machine_free(t);
}

static void dump_names_registers(void)
{
    TestMachine *t = machine("qtest", "rv64");
    CPUState *cpu = test_cpu(t);
    g_autoptr(GString) text = g_string_new(NULL);

    cpu->type->boot(cpu, 0x80000000, 3, 0x1234);
    cpu->type->dump(cpu, text, true);
    g_assert_nonnull(strstr(text->str, " pc       0000000080000000\n"));
    g_assert_nonnull(strstr(text->str, " x11/a1   0000000000001234"));
    g_assert_nonnull(strstr(text->str, " mstatus  0000000a00000000\n"));
    g_assert_nonnull(strstr(text->str, " f31/ft11 0000000000000000\n"));
    test_machine_free(t);
}

/* --- programs --- */

static const char *const engines[] = { "tcg,interp=on", "tcg" };

#define RUN(t, words) test_machine_run((t), TEST_RAM, words, ARRAY_SIZE(words))

static void runs_to_its_end(const void *engine)
{
    TestMachine *t = machine(engine, "rv64");

    g_assert_cmpuint(RUN(t, prog_add), ==, 42);
    test_machine_free(t);
}

static void stimecmp_interrupts_wfi(const void *engine)
{
    TestMachine *t = machine(engine, "rv64");

    /* cause 5, and time was not below stimecmp in the handler */
    g_assert_cmphex(RUN(t, prog_timer), ==, 5);
    test_machine_free(t);
}

/* mtime to the far future, by somebody else while the hart sleeps. */
static void move_mtime(void *opaque)
{
    TestMachine *t = opaque;
    uint8_t raw[8];

    st64_le(raw, (uint64_t)1 << 40);
    address_space_write(&t->parent.memory, TEST_CLINT + 0xbff8, MEM_ATTRS_CPU,
                        raw, 8);
}

static void mtime_jump_wakes_wfi(const void *engine)
{
    TestMachine *t = machine(engine, "rv64");
    uint32_t far[ARRAY_SIZE(prog_timer)];
    Machine *m = &t->parent;
    Timer jump;

    memcpy(far, prog_timer, sizeof(far));
    g_assert_cmphex(far[7], ==, 0x00005337);
    far[7] = 0x7ffff337; /* lui t1,0x7ffff: 214 s, beyond the test's limit */
    timer_init(&jump, m->loop, CLOCK_VIRTUAL, move_mtime, t);
    timer_set(&jump, clock_now_ns(m->clocks, CLOCK_VIRTUAL) + 100000000);
    g_assert_cmphex(RUN(t, far), ==, 5);
    timer_cancel(&jump);
    test_machine_free(t);
}

static void fp_rounds_and_flags(const void *engine)
{
    TestMachine *t = machine(engine, "rv64");

    g_assert_cmphex(RUN(t, prog_fp), ==, 0x110101);
    test_machine_free(t);
}

static void put64(TestMachine *t, hwaddr at, uint64_t v)
{
    uint8_t raw[8];

    st64_le(raw, v);
    address_space_write(&t->parent.memory, at, MEM_ATTRS_CPU, raw, 8);
}

/* A load that begins in a mapped page faults with the next page's address. */
static void sv39_fault_names_the_second_page(const void *engine)
{
    TestMachine *t = machine(engine, "rv64");

    put64(t, 0x80008000, (uint64_t)8 << 60 | 0x80010);
    put64(t, 0x80010010, 0x80000000 >> 2 | 0xcf); /* 1 GiB, RWX A D */
    put64(t, 0x80010008, 0x80011000 >> 2 | 1);
    put64(t, 0x80011000, 0x80012000 >> 2 | 1);
    put64(t, 0x80012000, 0x80020000 >> 2 | 7); /* RW; A, D by Svadu */
    put64(t, 0x80020000, 0x100);
    g_assert_cmphex(RUN(t, prog_sv39), ==, 0x40001000 / 16 + 13 + 0x100);
    uint8_t pte;
    address_space_read(&t->parent.memory, 0x80012000, MEM_ATTRS_CPU, &pte, 1);
    g_assert_cmphex(pte, ==, 0xc7);
    test_machine_free(t);
}

static void triggers_break_on_fetch_and_load(const void *engine)
{
    TestMachine *t = machine(engine, "rv64");

    g_assert_cmpuint(RUN(t, prog_trigger), ==, 1 + 1024 + 1024 + 2047 + 256);
    test_machine_free(t);
}

/* Is to be made again the first two times. */
static bool semihost(void *opaque, CPUState *cpu, SemihostCall *call)
{
    uint64_t *op = opaque;

    call->result = call->arg * 2;
    *op += call->op;
    return *op == 3 * call->op;
}

static void semihosting_is_a_sequence(const void *engine)
{
    TestMachine *t = machine(engine, "rv64");
    uint64_t op = 0;

    g_assert_cmphex(RUN(t, prog_semi), ==, UINT32_MAX); /* its own handler */
    riscv_cpu_set_semihost(test_cpu(t), semihost, &op, false);
    g_assert_cmphex(RUN(t, prog_semi), ==, 14);
    g_assert_cmphex(op, ==, 3 * 0x18);
    test_machine_free(t);
}

static void add_program(const char *name, void (*fn)(const void *engine))
{
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
        g_autofree char *path =
            g_strdup_printf("/program/%s/%s", name, engines[i]);

        g_test_add_data_func(path, engines[i], fn);
    }
}

int main(int argc, char **argv)
{
    rcu_thread_register();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/properties", properties_choose_extensions);
    g_test_add_func("/cpu/refused", bad_choices_are_refused);
    g_test_add_func("/cpu/fdt", device_tree_node_describes_the_hart);
    g_test_add_func("/cpu/gdb", gdb_reads_and_writes_by_number);
    g_test_add_func("/cpu/state", state_survives_a_round_trip);
    g_test_add_func("/cpu/hostile-state", hostile_state_is_refused);
    g_test_add_func("/cpu/dump", dump_names_registers);
    add_program("add", runs_to_its_end);
    add_program("stimecmp", stimecmp_interrupts_wfi);
    add_program("mtime-jump", mtime_jump_wakes_wfi);
    add_program("fp", fp_rounds_and_flags);
    add_program("sv39", sv39_fault_names_the_second_page);
    add_program("triggers", triggers_break_on_fetch_and_load);
    add_program("semihosting", semihosting_is_a_sequence);
    return g_test_run();
}
