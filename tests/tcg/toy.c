/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include "toy.h"

#include "softmmu/memory/backend.h"
#include "target/tcg_ops.h"
#include "tcg/builder.h"

/* --- translation --- */

#define R(n)                                                                   \
    {                                                                          \
        "r" #n, offsetof(ToyEnv, r[n]), TCG_I64, TCG_SLOT_GPR                  \
    }
static const TcgSlotDesc toy_slots[] = {
    R(0), R(1), R(2),  R(3),  R(4),  R(5),  R(6),  R(7),
    R(8), R(9), R(10), R(11), R(12), R(13), R(14), R(15),
};
static const uint8_t toy_pinned[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
static const TcgFrontend toy_frontend = {
    .name = "toy",
    .slots = toy_slots,
    .nslots = ARRAY_SIZE(toy_slots),
    .pc_offset = offsetof(ToyEnv, pc),
    .page_bits = 12,
    .insn_align = 1,
    .pinned = toy_pinned,
    .npinned = ARRAY_SIZE(toy_pinned),
};

static void do_wfi(void *env)
{
    tcg_halt(tcg_env_cpu(env));
}

static uint64_t do_eret(ToyEnv *env)
{
    env->irq_on = 1;
    tcg_check_interrupts(tcg_env_cpu(env));
    return env->epc;
}

static void do_remap(ToyEnv *env, uint64_t page, uint64_t to)
{
    env->map_page = page;
    env->map_to = to;
    tcg_flush_page(tcg_env_cpu(env), page, UINT64_MAX, true, 1);
}

static const TcgHelper helper_wfi = { "toy_wfi",       do_wfi,
                                      TCG_NONE,        0,
                                      { 0 },           TCG_H_ENDS_TB,
                                      &tcg_slots_none, &tcg_slots_none };
static const TcgHelper helper_eret = { "toy_eret",      do_eret,
                                       TCG_I64,         0,
                                       { 0 },           TCG_H_ENDS_TB,
                                       &tcg_slots_none, &tcg_slots_none };
static const TcgHelper helper_remap = { "toy_remap",
                                        do_remap,
                                        TCG_NONE,
                                        2,
                                        { TCG_I64, TCG_I64 },
                                        TCG_H_ENDS_TB | TCG_H_FLUSHES_TLB,
                                        &tcg_slots_none,
                                        &tcg_slots_none };

static void emit(TcgUnit *u, unsigned op, unsigned a, unsigned b, int8_t c,
                 vaddr pc)
{
    TcgBlock *tb = u->tb;
    TcgVal ra = tcg_slot_get(tb, a & 15);
    TcgVal rb = tcg_slot_get(tb, b & 15);
    MemOp mo = MO_64 | MO_ATOM_ALIGNED;

    switch (op) {
    case TOY_ADDI:
        tcg_slot_put(tb, a & 15, tcg_addi(tb, rb, c));
        break;
    case TOY_LUI:
        tcg_slot_put(tb, a & 15,
                     tcg_const(tb, (int64_t)(b << 8 | (uint8_t)c) << 16));
        break;
    case TOY_LD:
        tcg_slot_put(tb, a & 15, tcg_ld(tb, TCG_I64, tcg_addi(tb, rb, c), mo));
        break;
    case TOY_ST:
        tcg_st(tb, tcg_addi(tb, rb, c), ra, mo);
        break;
    case TOY_ST32:
        tcg_st(tb, tcg_addi(tb, rb, c), ra, MO_32);
        break;
    case TOY_BNE:
        tcg_side_exit(tb, TCG_NE, ra, rb, pc + 2 * c);
        break;
    case TOY_JAL:
        tcg_slot_put(tb, a & 15, tcg_const_pc(tb, pc + 4));
        tcg_exit_direct(tb, pc + 2 * (int16_t)(b << 8 | (uint8_t)c), 0);
        break;
    case TOY_JR:
        tcg_exit_indirect(tb, ra, 0);
        break;
    case TOY_AMO:
        tcg_slot_put(tb, a & 15,
                     tcg_atomic_rmw(tb, TCG_OP_at_add, rb, ra, mo | MO_ALIGN));
        break;
    case TOY_SYNC:
        tcg_exit_indirect(tb, tcg_const_pc(tb, pc + 4), TCG_EXIT_CTX_CHANGED);
        break;
    case TOY_WFI:
        tcg_call0(tb, &helper_wfi);
        tcg_exit_direct(tb, pc + 4, TCG_EXIT_TO_LOOP);
        break;
    case TOY_ERET:
        tcg_exit_indirect(tb, tcg_call0(tb, &helper_eret),
                          TCG_EXIT_CTX_CHANGED);
        break;
    case TOY_REMAP:
        tcg_call_args(tb, &helper_remap, ra, rb);
        tcg_exit_indirect(tb, tcg_const_pc(tb, pc + 4), TCG_EXIT_CTX_CHANGED);
        break;
    }
}

static unsigned translate_insn(TcgUnit *u)
{
    vaddr pc = u->pc;

    if (u->avail < 4) {
        return 0;
    }
    tcg_insn_start(u->tb, pc);
    emit(u, u->bytes[0], u->bytes[1], u->bytes[2], (int8_t)u->bytes[3], pc);
    u->pc = pc + 4;
    u->done = tcg_block_ended(u->tb);
    return 4;
}

/* --- the CPU --- */

static ToyEnv *env_of(CPUState *cpu)
{
    return cpu->env;
}

static const void *config(CPUState *cpu)
{
    return &toy_frontend;
}

static uint64_t no_flags(CPUState *cpu)
{
    return 0;
}

static unsigned fetch_mmu(CPUState *cpu)
{
    return 0;
}

static void unit_begin(TcgUnit *u)
{
}

static bool fault(CPUState *cpu, MmuAccess access, bool probe)
{
    if (!probe) {
        env_of(cpu)->cause = TOY_FAULT_LOAD + access;
    }
    return false;
}

static bool tlb_fill(CPUState *cpu, vaddr va, unsigned size, MmuAccess access,
                     unsigned mmu, bool probe, TcgPage *page)
{
    ToyEnv *env = env_of(cpu);
    vaddr base = va & ~(vaddr)0xfff;

    if (env->map_page != 0 && base == env->map_page) {
        base = env->map_to;
    }
    if (base - TOY_RAM >= TOY_RAM_SIZE && base != TOY_EXIT) {
        return fault(cpu, access, probe);
    }
    *page = (TcgPage){ .pa = base | (va & 0xfff),
                       .page_bits = 12,
                       .read = true,
                       .write = true,
                       .exec = true,
                       .whole = true };
    return true;
}

static void bus_fault(CPUState *cpu, vaddr va, MmuAccess access, unsigned mmu,
                      MemResult why)
{
    fault(cpu, access, false);
}

static void align_fault(CPUState *cpu, vaddr va, MmuAccess access, unsigned mmu)
{
    fault(cpu, access, false);
}

static void deliver(CPUState *cpu)
{
    ToyEnv *env = env_of(cpu);

    env->epc = env->pc;
    env->pc = env->vec;
    env->irq_on = 0;
}

static bool interrupt_ready(CPUState *cpu)
{
    return env_of(cpu)->irq_on && atomic_load(&env_of(cpu)->line);
}

static bool take_interrupt(CPUState *cpu)
{
    if (!interrupt_ready(cpu)) {
        return false;
    }
    env_of(cpu)->cause = TOY_IRQ;
    deliver(cpu);
    return true;
}

static const TcgCpuOps toy_tcg_ops = {
    .frontend = &toy_frontend,
    .dc_size = 8,
    .n_mmu = 1,
    .max_insn = 4,
    .config = config,
    .ctx_flags = no_flags,
    .asid = no_flags,
    .fetch_mmu = fetch_mmu,
    .unit_begin = unit_begin,
    .translate_insn = translate_insn,
    .tlb_fill = tlb_fill,
    .bus_fault = bus_fault,
    .align_fault = align_fault,
    .deliver = deliver,
    .take_interrupt = take_interrupt,
    .interrupt_ready = interrupt_ready,
};

static vaddr pc_get(CPUState *cpu)
{
    return env_of(cpu)->pc;
}

static void pc_set(CPUState *cpu, vaddr pc)
{
    env_of(cpu)->pc = pc;
}

static bool has_work(CPUState *cpu)
{
    return atomic_load(&env_of(cpu)->line) != 0;
}

static void irq_input(CPUState *cpu, int n, bool level)
{
    atomic_store(&env_of(cpu)->line, level);
}

static const CpuType toy_cpu_type = {
    .name = "toy-cpu",
    .parent = TYPE(cpu_type),
    .size = sizeof(CPUState),
    .model = "toy",
    .page_bits = 12,
    .env_size = sizeof(ToyEnv),
    .tcg = &toy_tcg_ops,
    .n_irqs = 1,
    .pc_get = pc_get,
    .pc_set = pc_set,
    .has_work = has_work,
    .irq_input = irq_input,
};

/* --- the machine --- */

static MemResult exit_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    *value = 0;
    return MEM_OK;
}

static MemResult exit_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    if (off == TOY_LOWER) {
        cpu_set_irq(cpu_current(), 0, false);
    } else {
        machine_request_stop(opaque, RUN_STATE_PAUSED);
    }
    return MEM_OK;
}

static const MemoryOps exit_ops = {
    .read = exit_read,
    .write = exit_write,
    .endian = MEM_LITTLE,
};

static bool build(Machine *m, Error **errp)
{
    ToyMachine *t = (ToyMachine *)m;

    if (!memory_region_init_ram_owned(&t->ram, m, m->ms, "ram", TOY_RAM_SIZE,
                                      errp)) {
        return false;
    }
    memory_region_add(&m->system, TOY_RAM, &t->ram);
    memory_region_init_io(&t->exit, m, &exit_ops, t, "exit", 0x1000);
    memory_region_add(&m->system, TOY_EXIT, &t->exit);
    for (unsigned i = 0; i < m->config.cpus; i++) {
        CPUState *cpu = machine_new_cpu(m, i, errp);

        if (!cpu || !device_realize(&cpu->parent, errp)) {
            return false;
        }
    }
    return true;
}

static const MachineType toy_machine_type = {
    .name = "toy-machine",
    .parent = TYPE(machine_type),
    .size = sizeof(ToyMachine),
    .machine_name = "toy",
    .max_cpus = 8,
    .default_cpus = 1,
    .default_cpu = "toy",
    .build = build,
};
static const ObjectType *const toy_types[] = { TYPE(toy_machine_type),
                                               TYPE(toy_cpu_type), NULL };

static json_object *engine_options(char **words)
{
    json_object *options = json_object_new_object();

    for (char **w = words; *w != NULL; w++) {
        char *eq = strchr(*w, '=');

        *eq = '\0';
        json_object_object_add(options, *w, json_object_new_string(eq + 1));
    }
    return options;
}

ToyMachine *toy_machine_new(const char *engine, unsigned cpus)
{
    static const ObjectType *const *const lists[] = {
        object_types, memory_types, machine_types, accel_types, toy_types, NULL,
    };
    TypeRegistry *reg = type_registry_new(lists);
    TypeView view = { reg, "riscv64" };
    Machine *m = machine_new(&toy_machine_type, view);
    g_auto(GStrv) words = g_strsplit(engine, ",", -1);
    AccelChoice choice = { words[0], engine_options(words + 1) };
    Error *err = NULL;
    bool ok;

    m->config.cpus = m->config.max_cpus = cpus;
    machine_lock(m);
    ok = accel_start(m, &choice, 1, &err) && machine_build(m, &err) &&
         machine_finish(m, &err);
    g_assert_null(err ? error_text(err) : NULL);
    g_assert_true(ok);
    json_object_put(choice.options);
    return (ToyMachine *)m;
}

void toy_machine_free(ToyMachine *t)
{
    const TypeRegistry *reg = t->parent.view.reg;

    memory_region_del(&t->parent.system, &t->ram);
    memory_region_destroy(&t->ram);
    memory_region_del(&t->parent.system, &t->exit);
    memory_region_destroy(&t->exit);
    machine_unlock(&t->parent);
    machine_free(&t->parent);
    type_registry_free((TypeRegistry *)reg);
}

void toy_write(ToyMachine *t, uint64_t addr, const uint32_t *insn, size_t n)
{
    address_space_write(&t->parent.memory, addr, MEM_ATTRS_CPU, insn, n * 4);
}

uint64_t toy_read64(ToyMachine *t, uint64_t addr)
{
    uint64_t value = 0;

    address_space_read(&t->parent.memory, addr, MEM_ATTRS_CPU, &value, 8);
    return value;
}

static void nothing(void *opaque)
{
}

void toy_run(ToyMachine *t, void (*idle)(ToyMachine *t))
{
    Machine *m = &t->parent;

    for (guint i = 0; i < m->cpus->len; i++) {
        m->accel->ops->vcpu_env_changed(cpu_by_index(m, i));
    }
    machine_cont(m);
    machine_unlock(m);
    while (machine_running(m)) {
        if (idle) {
            machine_lock(m);
            idle(t);
            machine_unlock(m);
            loop_post(m->loop, nothing, NULL);
        }
        loop_poll(m->loop, true);
    }
    machine_lock(m);
}

uint64_t toy_stat(ToyMachine *t, const char *name)
{
    g_autofree char *text = t->parent.accel->ops->statistics(t->parent.accel);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **l = lines; *l; l++) {
        if (g_str_has_prefix(*l, name)) {
            return g_ascii_strtoull(*l + strcspn(*l, "0123456789"), NULL, 10);
        }
    }
    g_error("no counter '%s'", name);
}
