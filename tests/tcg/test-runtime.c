/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translator's runtime (accel/tcg) with the toy guest: chaining, code that
 * changes, eviction, exceptions, wake-ups, atomics of several vCPUs,
 * debugging. Each test runs in the interpreter, in host code, and under the
 * stress switches.
 */
#include "tandem/base.h"

#include "target/tcg_ops.h"
#include "toy.h"

enum { CODE = TOY_RAM + 0x1000, DATA = TOY_RAM + 0x100000 };
/* registers by use */
enum { ZERO = 0, R1 = 1, R2, R3, R4, LINK = 10, EXIT = 14, BASE = 15 };

static ToyMachine *start(const char *engine, unsigned cpus)
{
    ToyMachine *t = toy_machine_new(engine, cpus);

    for (unsigned i = 0; i < cpus; i++) {
        ToyEnv *env = toy_env(t, i);

        env->pc = CODE;
        env->r[EXIT] = TOY_EXIT;
        env->r[BASE] = DATA;
    }
    return t;
}

static void put(ToyMachine *t, uint64_t at, uint32_t insn)
{
    toy_write(t, at, &insn, 1);
}

#define PUT(t, at, ...)                                                        \
    toy_write((t), (at), (const uint32_t[]){ __VA_ARGS__ },                    \
              sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static bool is_jit(const char *engine)
{
    return strstr(engine, "interp=on") == NULL;
}

/* r1 counts to 1000 in a loop of two units in two pages. */
static void loops_across_pages_are_linked(const void *engine)
{
    ToyMachine *t = start(engine, 1);

    toy_env(t, 0)->r[R2] = 1000;
    PUT(t, CODE, toy(TOY_ADDI, R1, R1, 1), toy_jal(LINK, 0x1000 - 4));
    PUT(t, CODE + 0x1000, toy(TOY_BNE, R1, R2, 6), toy(TOY_ST, R1, EXIT, 0),
        toy_jal(LINK, 0), toy_jal(LINK, -0x100c));
    toy_run(t, NULL);
    g_assert_cmpuint(toy_env(t, 0)->r[R1], ==, 1000);
    if (is_jit(engine) && !strchr(engine, 'x')) {
        g_assert_cmpuint(toy_stat(t, "links across pages"), >=, 2);
        g_assert_cmpuint(toy_stat(t, "exits direct"), <, 100);
    }
    toy_machine_free(t);
}

/* A call through a register and back, 500 times. */
static void indirect_jumps_return(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);

    env->r[R2] = 500;
    env->r[R3] = CODE + 0x800;
    PUT(t, CODE, toy_jal(LINK, 0x800), toy(TOY_BNE, R1, R2, -2),
        toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    PUT(t, CODE + 0x800, toy(TOY_ADDI, R1, R1, 1), toy(TOY_JR, LINK, 0, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(env->r[R1], ==, 500);
    toy_machine_free(t);
}

/* The guest replaces an insn it has executed: the new one runs after SYNC. */
static void stores_into_code_take_effect(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);

    env->r[R4] = toy(TOY_ADDI, R1, R1, 7); /* instead of + 1 */
    env->r[R3] = CODE + 0x400;
    PUT(t, CODE, toy_jal(LINK, 0x400), toy(TOY_ST32, R4, R3, 0),
        toy(TOY_SYNC, 0, 0, 0), toy_jal(LINK, 0x400 - 12),
        toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    PUT(t, CODE + 0x400, toy(TOY_ADDI, R1, R1, 1), toy(TOY_JR, LINK, 0, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(env->r[R1], ==, 8);
    toy_machine_free(t);
}

/* A device (here: the loader) writes code between two runs. */
static void dma_into_code_takes_effect(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);

    PUT(t, CODE, toy(TOY_ADDI, R1, R1, 1), toy(TOY_ST, R1, EXIT, 0),
        toy_jal(LINK, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(env->r[R1], ==, 1);
    put(t, CODE, toy(TOY_ADDI, R1, R1, 40));
    env->pc = CODE;
    toy_run(t, NULL);
    g_assert_cmpuint(env->r[R1], ==, 41);
    toy_machine_free(t);
}

/* Data next to code: stores there do not cost the code its translation. */
static void stores_beside_code_keep_it(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);

    env->r[R2] = 200;
    env->r[BASE] = CODE + 0x800;
    PUT(t, CODE, toy(TOY_ADDI, R1, R1, 1), toy(TOY_ST, R1, BASE, 0),
        toy(TOY_BNE, R1, R2, -4), toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(toy_read64(t, CODE + 0x800), ==, 200);
    g_assert_cmpuint(toy_stat(t, "units invalidated"), ==, 0);
    toy_machine_free(t);
}

/* An insn whose last two bytes are in the next page; that page is then mapped
 * elsewhere, so that the same first half goes on with other bytes. */
static void straddling_insn_follows_both_pages(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);
    uint64_t at = CODE + 0xffe;
    uint64_t other = CODE + 0x8000;

    env->r[R3] = CODE + 0x1000;
    env->r[R4] = other;
    PUT(t, CODE, toy_jal(LINK, 0xffe), toy(TOY_REMAP, R3, R4, 0),
        toy_jal(LINK, 0xffe - 8), toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    put(t, at, toy(TOY_ADDI, R1, R1, 1));
    put(t, at + 4, toy(TOY_JR, LINK, 0, 0));
    put(t, other - 2, toy(TOY_ADDI, R1, R1, 100)); /* its half: +100 */
    put(t, other + 2, toy(TOY_JR, LINK, 0, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(env->r[R1], ==, 101);
    toy_machine_free(t);
}

/* A page of code is mapped elsewhere between two calls (TCG.md pitfall 22). */
static void remapped_code_is_not_entered(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);

    env->r[R3] = CODE + 0x1000;
    env->r[R4] = CODE + 0x8000;
    PUT(t, CODE, toy_jal(LINK, 0x1000), toy_jal(LINK, 0x1000 - 4),
        toy(TOY_REMAP, R3, R4, 0), toy_jal(LINK, 0x1000 - 12),
        toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    PUT(t, CODE + 0x1000, toy(TOY_ADDI, R1, R1, 1), toy(TOY_JR, LINK, 0, 0));
    PUT(t, CODE + 0x8000, toy(TOY_ADDI, R1, R1, 64), toy(TOY_JR, LINK, 0, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(env->r[R1], ==, 66);
    toy_machine_free(t);
}

/* More units than a tiny cache holds, executed several times. */
static void eviction_keeps_results(const void *engine)
{
    g_autofree char *tiny = g_strconcat(engine, ",x-stress-cache=on", NULL);
    ToyMachine *t = start(tiny, 1);
    ToyEnv *env = toy_env(t, 0);
    uint64_t at = CODE;
    enum { UNITS = 12000, ROUNDS = 3 };

    env->r[R2] = (uint64_t)UNITS * ROUNDS;
    env->r[R3] = CODE;
    for (unsigned i = 0; i < UNITS; i++, at += 8) {
        PUT(t, at, toy(TOY_ADDI, R1, R1, 1), toy_jal(LINK, 4));
    }
    PUT(t, at, toy(TOY_BNE, R1, R2, 6), toy(TOY_ST, R1, EXIT, 0),
        toy_jal(LINK, 0), toy(TOY_JR, R3, 0, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(env->r[R1], ==, UNITS * ROUNDS);
    g_assert_cmpuint(toy_stat(t, "segments evicted"), >, 0);
    toy_machine_free(t);
}

/* The handler sees the registers as they were before the faulting insn. */
static void faults_are_precise(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);

    env->vec = CODE + 0x200;
    PUT(t, CODE, toy(TOY_ADDI, R1, ZERO, 5), toy(TOY_ADDI, R1, R1, 1),
        toy(TOY_LD, R2, ZERO, 0), toy(TOY_ADDI, R1, R1, 1));
    PUT(t, CODE + 0x200, toy(TOY_ST, R1, BASE, 0), toy(TOY_ST, R1, EXIT, 0),
        toy_jal(LINK, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(toy_read64(t, DATA), ==, 6);
    g_assert_cmpuint(env->epc, ==, CODE + 8);
    g_assert_cmpuint(env->cause, ==, TOY_FAULT_LOAD);
    toy_machine_free(t);
}

/* A jump to nowhere faults there, not at the jump. */
static void fetch_faults_have_the_target(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);

    env->vec = CODE + 0x200;
    env->r[R3] = 0x7000;
    PUT(t, CODE, toy(TOY_JR, R3, 0, 0));
    PUT(t, CODE + 0x200, toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(env->epc, ==, 0x7000);
    g_assert_cmpuint(env->cause, ==, TOY_FAULT_FETCH);
    toy_machine_free(t);
}

/* The guest sleeps, is woken by the line, lowers it, and sleeps again; this
 * thread raises it whenever it is low. A lost wake-up never ends. */
static void raise_line(ToyMachine *t)
{
    if (!atomic_load(&toy_env(t, 0)->line)) {
        cpu_set_irq(cpu_by_index(&t->parent, 0), 0, true);
    }
}

static void no_wakeup_is_lost(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    ToyEnv *env = toy_env(t, 0);

    env->vec = CODE + 0x200;
    env->irq_on = 1;
    env->r[R2] = 2000;
    PUT(t, CODE, toy(TOY_WFI, 0, 0, 0), toy(TOY_BNE, R1, R2, -2),
        toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    /* the last one returns to the store with interrupts still off */
    PUT(t, CODE + 0x200, toy(TOY_ADDI, R1, R1, 1),
        toy(TOY_ST, R1, EXIT, TOY_LOWER), toy(TOY_BNE, R1, R2, 6),
        toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0), toy(TOY_ERET, 0, 0, 0));
    toy_run(t, raise_line);
    g_assert_cmpuint(env->r[R1], ==, 2000);
    toy_machine_free(t);
}

/* One that polled gives way to those that get on. One that a debugger holds
 * does not, and one that waits for it would wait for each unit anew; under
 * icount it has no turn. */
static void nobody_waits_for_who_is_held(const void *engine)
{
    ToyMachine *t = start(engine, 2);
    CPUState *held = cpu_by_index(&t->parent, 1);
    ToyEnv *env = toy_env(t, 0);

    atomic_store(&env->line, 1); /* with interrupts off: no WFI sleeps */
    env->r[R2] = 40;
    env->r[R4] = 1000;
    PUT(t, CODE, toy(TOY_WFI, 0, 0, 0), toy(TOY_ADDI, R1, R1, 1),
        toy(TOY_BNE, R1, R2, -4), toy(TOY_ADDI, R3, R3, 1),
        toy(TOY_BNE, R3, R4, -2), toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    lock_acquire(&held->lock);
    held->hold++;
    lock_release(&held->lock);
    toy_run(t, NULL);
    lock_acquire(&held->lock);
    held->hold--;
    lock_release(&held->lock);
    g_assert_cmpuint(env->r[R3], ==, 1000);
    g_assert_cmpuint(toy_env(t, 1)->pc, ==, CODE);
    toy_machine_free(t);
}

/* A state that was loaded may be that of a CPU that polled: all give way. */
static void loaded_vcpus_give_way(const void *engine)
{
    ToyMachine *t = start(engine, 2);
    bool counted = strstr(engine, "icount") != NULL;

    toy_env(t, 0)->r[R2] = 1000;
    toy_env(t, 1)->pc = CODE + 0x1000;
    PUT(t, CODE, toy(TOY_ADDI, R1, R1, 1), toy(TOY_BNE, R1, R2, -2),
        toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    PUT(t, CODE + 0x1000, toy(TOY_ADDI, R1, R1, 1), toy_jal(LINK, -4));
    toy_run(t, NULL);
    g_assert_cmpuint(toy_env(t, 0)->r[R1], ==, 1000);
    if (counted) {
        g_assert_cmpuint(toy_stat(t, "vCPUs that polled and gave way"), ==, 0);
    } else {
        g_assert_cmpuint(toy_stat(t, "vCPUs that polled and gave way"), >, 0);
    }
    toy_machine_free(t);
}

/* Page tables may lie where a device is, which must not notice a debugger. */
static void debuggers_walk_ram_alone(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    CPUState *cpu = cpu_by_index(&t->parent, 0);
    uint64_t value = 0;

    PUT(t, DATA, 0x12345678, 0x9abcdef0);
    g_assert_true(tcg_ld_phys(cpu, DATA, 8, &value));
    g_assert_cmphex(value, ==, UINT64_C(0x9abcdef012345678));
    g_assert_false(tcg_ld_phys(cpu, TOY_EXIT, 8, &value));
    toy_machine_free(t);
}

/* As a monitor's command does, between a stop's request and its service. */
static void pause_a_moment(ToyMachine *t)
{
    CPUState *cpu = cpu_by_index(&t->parent, 0);

    while (!atomic_load(&cpu->stop_requested)) {
        machine_unlock(&t->parent); /* icount runs timers */
        g_usleep(100);
        machine_lock(&t->parent);
    }
    cpus_pause_all(&t->parent);
    cpus_resume_all(&t->parent);
    g_assert_true(atomic_load(&cpu->stop_requested));
}

static void who_looks_does_not_undo_a_stop(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    CpuBreakpoint b = { CODE + 4, CPU_BP_GDB, false };

    PUT(t, CODE, toy(TOY_ADDI, R1, R1, 1), toy(TOY_ADDI, R1, R1, 1),
        toy(TOY_ADDI, R1, R1, 1), toy_jal(LINK, 0));
    g_assert_true(cpu_breakpoint_add(cpu_by_index(&t->parent, 0), &b, NULL));
    toy_run(t, pause_a_moment);
    g_assert_cmphex(toy_env(t, 0)->pc, ==, CODE + 4);
    toy_machine_free(t);
}

/* Four vCPUs add to one word; every addition counts. */
static void atomics_of_all_vcpus_count(const void *engine)
{
    enum { CPUS = 4, ROUNDS = 20000 };
    ToyMachine *t = start(engine, CPUS);

    for (unsigned i = 0; i < CPUS; i++) {
        ToyEnv *env = toy_env(t, i);

        env->r[R2] = 0;
        env->r[R4] = ROUNDS;
        env->r[11] = CPUS;
    }
    PUT(t, CODE, toy(TOY_ADDI, R1, ZERO, 1), toy(TOY_AMO, R1, BASE, 0),
        toy(TOY_ADDI, R4, R4, -1), toy(TOY_BNE, R4, ZERO, -6),
        /* the last one to come here ends it */
        toy(TOY_ADDI, R3, BASE, 64), toy(TOY_ADDI, R1, ZERO, 1),
        toy(TOY_AMO, R1, R3, 0), toy(TOY_ADDI, R1, R1, 1),
        toy(TOY_BNE, R1, 11, 4), toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(toy_read64(t, DATA), ==, CPUS * ROUNDS);
    toy_machine_free(t);
}

/* Work with all others held, while they run. */
static void add_alone(CPUState *cpu, void *data)
{
    uint64_t *word = data;
    uint64_t seen = *word; /* nobody else is between these two */

    g_usleep(10);
    *word = seen + 1;
}

static void run_alone(CPUState *cpu, void *data)
{
    cpu_exclusive(cpu, add_alone, data);
}

enum { ALONE = 200 };
static void exclusive_sections_exclude(const void *engine)
{
    enum { CPUS = 3 };
    ToyMachine *t = start(engine, CPUS);
    Machine *m = &t->parent;
    uint64_t word = 0, ran = 0;

    PUT(t, CODE, toy(TOY_ADDI, R1, R1, 1), toy_jal(LINK, -4));
    for (unsigned i = 0; i < CPUS; i++) {
        m->accel->ops->vcpu_env_changed(cpu_by_index(m, i));
    }
    machine_cont(m);
    for (unsigned i = 0; i < ALONE * CPUS; i++) {
        cpu_post(cpu_by_index(m, i % CPUS), run_alone, &word);
    }
    for (unsigned i = 0; i < CPUS; i++) { /* after what was posted before */
        cpu_run_on(cpu_by_index(m, i), run_alone, &word);
    }
    machine_stop(m, RUN_STATE_PAUSED);
    g_assert_cmpuint(word, ==, (ALONE + 1) * CPUS);
    for (unsigned i = 0; i < CPUS; i++) {
        ran += toy_env(t, i)->r[R1];
    }
    g_assert_cmpuint(ran, >, 0);
    toy_machine_free(t);
}

/* One vCPU patches a routine that another executes all the time; what the
 * other counts is always one of the two versions' sums, and it ends. */
static void code_changes_under_another_vcpu(const void *engine)
{
    ToyMachine *t = start(engine, 2);
    ToyEnv *runner = toy_env(t, 0), *patcher = toy_env(t, 1);
    uint64_t routine = CODE + 0x2000;

    runner->r[R3] = routine;
    PUT(t, CODE, toy_jal(LINK, 0x2000), toy(TOY_SYNC, 0, 0, 0),
        toy(TOY_BNE, R4, ZERO, 4), toy_jal(11, -12), toy(TOY_ST, R1, EXIT, 0),
        toy_jal(11, 0));
    PUT(t, routine, toy(TOY_ADDI, R1, R1, 1), toy(TOY_JR, LINK, 0, 0));
    patcher->pc = CODE + 0x4000;
    patcher->r[R2] = 3000;
    patcher->r[R3] = routine;
    patcher->r[5] = toy(TOY_ADDI, R1, R1, 2);
    patcher->r[6] = toy(TOY_ADDI, R1, R1, 1);
    patcher->r[7] = toy(TOY_ADDI, R4, R1, 1); /* ends the runner */
    PUT(t, CODE + 0x4000, toy(TOY_ST32, 5, R3, 0), toy(TOY_ST32, 6, R3, 0),
        toy(TOY_ADDI, R1, R1, 1), toy(TOY_BNE, R1, R2, -6),
        toy(TOY_ST32, 7, R3, 0), toy_jal(11, 0));
    toy_run(t, NULL);
    g_assert_cmpuint(runner->r[R4], ==, runner->r[R1] + 1);
    toy_machine_free(t);
}

/* A breakpoint stops before its insn; the step behind it executes one. */
static void breakpoints_and_steps_stop(const void *engine)
{
    ToyMachine *t = start(engine, 1);
    CPUState *cpu = cpu_by_index(&t->parent, 0);
    ToyEnv *env = cpu->env;
    CpuBreakpoint b = { CODE + 8, CPU_BP_GDB, false };

    PUT(t, CODE, toy(TOY_ADDI, R1, R1, 1), toy(TOY_ADDI, R1, R1, 1),
        toy(TOY_ADDI, R1, R1, 1), toy(TOY_ST, R1, EXIT, 0), toy_jal(LINK, 0));
    g_assert_true(cpu_breakpoint_add(cpu, &b, NULL));
    toy_run(t, NULL);
    g_assert_cmpint(cpu->debug_hit, ==, CPU_HIT_BREAK);
    g_assert_cmpuint(env->pc, ==, CODE + 8);
    g_assert_cmpuint(env->r[R1], ==, 2);
    g_assert_true(cpu_breakpoint_del(cpu, &b));
    cpu->single_step = CPU_STEP_ON;
    g_assert_true(t->parent.accel->ops->debug_changed(cpu, NULL));
    toy_run(t, NULL);
    g_assert_cmpint(cpu->debug_hit, ==, CPU_HIT_STEP);
    g_assert_cmpuint(env->pc, ==, CODE + 12);
    g_assert_cmpuint(env->r[R1], ==, 3);
    toy_machine_free(t);
}

typedef struct Case {
    const char *name;
    void (*fn)(const void *engine);
} Case;

static const Case cases[] = {
    { "loops-across-pages-are-linked", loops_across_pages_are_linked },
    { "indirect-jumps-return", indirect_jumps_return },
    { "stores-into-code-take-effect", stores_into_code_take_effect },
    { "dma-into-code-takes-effect", dma_into_code_takes_effect },
    { "stores-beside-code-keep-it", stores_beside_code_keep_it },
    { "straddling-insn-follows-both-pages",
      straddling_insn_follows_both_pages },
    { "remapped-code-is-not-entered", remapped_code_is_not_entered },
    { "eviction-keeps-results", eviction_keeps_results },
    { "faults-are-precise", faults_are_precise },
    { "fetch-faults-have-the-target", fetch_faults_have_the_target },
    { "no-wakeup-is-lost", no_wakeup_is_lost },
    { "nobody-waits-for-who-is-held", nobody_waits_for_who_is_held },
    { "loaded-vcpus-give-way", loaded_vcpus_give_way },
    { "debuggers-walk-ram-alone", debuggers_walk_ram_alone },
    { "who-looks-does-not-undo-a-stop", who_looks_does_not_undo_a_stop },
    { "atomics-of-all-vcpus-count", atomics_of_all_vcpus_count },
    { "exclusive-sections-exclude", exclusive_sections_exclude },
    { "code-changes-under-another-vcpu", code_changes_under_another_vcpu },
    { "breakpoints-and-steps-stop", breakpoints_and_steps_stop },
};

static const char *const engines[] = {
    "tcg",
    "tcg,interp=on",
    "tcg,thread=single",
    "tcg,x-stress-poll=on",
    "tcg,x-stress-tlb=on,x-stress-restore=on",
    "tcg,one-insn-per-tb=on",
    "tcg,x-icount-shift=2",
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rcu_thread_register();
    for (unsigned e = 0; e < G_N_ELEMENTS(engines); e++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
            g_autofree char *path =
                g_strdup_printf("/runtime/%s/%s", engines[e], cases[i].name);

            g_test_add_data_func(path, engines[e], cases[i].fn);
        }
    }
    return g_test_run();
}
