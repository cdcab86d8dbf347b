/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual CPU as the machine and both engines know it (DECISIONS 26, 36).
 *
 * All architectural state is in one `env`, a struct of the target's. The
 * engine allocates it, as it may want memory of its own just below it.
 */
#ifndef SOFTMMU_MACHINE_CPU_H
#define SOFTMMU_MACHINE_CPU_H

#include "softmmu/machine/machine.h"

typedef struct TcgCpuOps TcgCpuOps;
typedef struct KvmCpuOps KvmCpuOps;
typedef struct GdbFeature GdbFeature;

/* What regs_pull/regs_push move. */
enum {
    REGS_GENERAL = 1u << 0,
    REGS_FP = 1u << 1,
    REGS_SYSTEM = 1u << 2,
    REGS_EVENTS = 1u << 3,
    REGS_ALL = 15,
};

/*
 * One semihosting call: operation @op with parameter @arg (a number or the
 * virtual address of a block of words of @word bytes).
 */
typedef struct SemihostCall {
    uint64_t op, arg;
    unsigned word;
    uint64_t result; /* what goes back to the guest */
} SemihostCall;
/*
 * Serve @call. False: it must wait; the vCPU serves requests to itself and
 * makes the call again. vCPU thread, no lock held; guest memory is reached
 * through cpu_debug_rw().
 */
typedef bool SemihostFn(void *opaque, CPUState *cpu, SemihostCall *call);

/* A stretch of mapped virtual addresses, as page tables have it. */
typedef struct CpuMapping {
    vaddr va;
    hwaddr pa;
    uint64_t size;   /* bytes */
    char rights[12]; /* the target's letters, "rwxugad" with "-" for none */
} CpuMapping;
/* False: no more, please. */
typedef bool CpuMappingFn(void *opaque, const CpuMapping *map);

typedef struct CpuType {
    struct DeviceType;
    const char *model;    /* "rv64": what -cpu takes */
    unsigned page_bits;   /* smallest guest page: 12 */
    size_t env_size;      /* bytes */
    bool insn_words;      /* insns of 2 and 4 bytes are shown as numbers */
    const TcgCpuOps *tcg; /* NULL: this CPU has no translator */
    const KvmCpuOps *kvm;
    const GdbFeature *gdb; /* ended by a NULL name; the first is the core */
    const char *gdb_arch;  /* what gdb calls it; NULL: the registers tell */
    unsigned n_irqs;       /* input lines: cpu_set_irq */
    bool plus_minus;       /* -cpu takes "+feature" and "-feature" */
    const char *alias_of;  /* another model's name; NULL: its own */
    bool unmovable;        /* what it is depends on the host */

    vaddr (*pc_get)(CPUState *cpu);
    void (*pc_set)(CPUState *cpu, vaddr pc);
    /* Would it leave its halted state now? Any thread: reads atomics only. */
    bool (*has_work)(CPUState *cpu);
    /* Input line @n changed (any thread): keep it in an atomic of the env;
     * cpu_set_irq kicks afterwards. */
    void (*irq_input)(CPUState *cpu, int n, bool level);
    /* Somebody pressed the NMI button. Machine lock; NULL: it has none. */
    void (*nmi)(CPUState *cpu);
    /* Of a CPU that is not realized: names of features that its model wants
     * and @m's engine has not, NULL-terminated, to be freed by g_strfreev;
     * NULL: not known. */
    char **(*unavailable)(CPUState *cpu, Machine *m);
    /* Of such a CPU, too: properties that make it what it is, on top of model
     * "base" when @as_static; NULL: its boolean properties are. */
    json_object *(*expand)(CPUState *cpu, Machine *m, bool as_static);
    /* Virtual to physical with no side effect; false: not mapped. */
    bool (*debug_translate)(CPUState *cpu, vaddr va, hwaddr *pa,
                            MemAttrs *attrs);
    /* All that its page tables map, by rising address: in stretches, with
     * the rights of all levels together; or, with @pages, each entry that maps
     * by itself with the letters of its own bits. False: translation is off,
     * nothing was called. Guest tables may be anything: it ends after a
     * bounded number of entries. NULL: not known. */
    bool (*each_mapping)(CPUState *cpu, bool pages, CpuMappingFn *fn,
                         void *opaque);
    /* The state of its own interrupt controller as text. Machine lock, parked,
     * registers pulled. False: its engine shows none. NULL: it has none. */
    bool (*local_intc)(CPUState *cpu, GString *out);
    /* Registers as text, for `info registers` and -d cpu. */
    void (*dump)(CPUState *cpu, GString *out, bool fpu);
    /* One instruction at @pc from @bytes, by the mode that the CPU is in;
     * appends text, returns its length in bytes, 0 when @avail is too short.
     * NULL: this build has no disassembler. */
    unsigned (*disas)(CPUState *cpu, vaddr pc, const uint8_t *bytes,
                      unsigned avail, GString *out);
    /* Put what a device tree says of this CPU into node @path of @fdt. */
    void (*fdt_node)(CPUState *cpu, void *fdt, const char *path);
    /* Value of gdb register @n of feature @f: appends raw little-endian
     * bytes; write returns the bytes taken, 0: no such. */
    unsigned (*gdb_read)(CPUState *cpu, const GdbFeature *f, unsigned n,
                         GByteArray *out);
    unsigned (*gdb_write)(CPUState *cpu, const GdbFeature *f, unsigned n,
                          const uint8_t *bytes, unsigned avail);
    /* Boot protocol: pc and two arguments (riscv a0, a1), after reset. */
    void (*boot)(CPUState *cpu, vaddr pc, uint64_t arg0, uint64_t arg1);
    /* Serve its semihosting calls by @fn, those of user mode only with @user;
     * @fn NULL (the start) leaves them to the guest's own handlers. Before the
     * CPU runs; machine lock. NULL: it has no such calls. */
    void (*set_semihost)(CPUState *cpu, SemihostFn *fn, void *opaque,
                         bool user);
} CpuType;
extern const CpuType cpu_type; /* "cpu", abstract */

/* A register file of the gdb target description. */
struct GdbFeature {
    const char *name; /* "org.gnu.gdb.riscv.cpu" */
    const char *file; /* "riscv-64bit-cpu.xml" */
    /* The XML text for this CPU; freed by the caller. */
    char *(*xml)(CPUState *cpu);
    /* Registers in it, for this CPU; 0: leave the feature out. */
    unsigned (*count)(CPUState *cpu);
};

typedef struct CpuWork CpuWork;

struct CPUState {
    DeviceState parent;
    /* constant after realize */
    int index; /* in machine->cpus */
    const CpuType *type;
    void *env;    /* architectural state; owner: the vCPU thread while
                     it runs, else the machine lock's holder */
    void *engine; /* the engine's part of it */
    AddressSpace *memory;
    Thread thread;
    _Atomic int thread_id; /* the host's, 0: not running yet */
    uint32_t id;           /* architectural id: hart id, MPIDR, APIC id */
    /* any thread, atomic */
    _Atomic bool stop_requested; /* park at the next safe point */
    _Atomic bool halted;         /* WFI, HLT: written by the owner; cleared by
                                    it when has_work */
    /* It asked for a stop or a reset itself and must not go on before that is
     * served: until machine_cont() or machine_reset(). */
    _Atomic bool awaits_stop;
    _Atomic bool unplug;
    _Atomic int hold; /* others run alone, or gdb lets others run alone: stay at
                         the safe point. Changed under .lock */
    /* under .lock */
    Lock lock;    /* the vCPU lock: work queue and sleeping */
    Cond wake;    /* of the vCPU thread */
    Cond settled; /* parked, in_wait or a work item changed */
    CpuWork *work_head, *work_tail;
    bool in_wait;     /* at a safe point, not running guest code */
    bool parked;      /* it sits in its loop; env may be used by others */
    bool powered_off; /* not started yet: PSCI, SBI HSM by hardware */
    /* machine lock, vCPU parked */
    GArray *breakpoints; /* CpuBreakpoint */
    GArray *watchpoints; /* CpuWatchpoint */
    int single_step;     /* CPU_STEP_* bits, for gdb */
    int debug_hit;       /* why RUN_STATE_DEBUG: see gdb stub */
    vaddr watch_hit_addr;
};

typedef struct CpuBreakpoint {
    vaddr pc;
    int owner; /* CPU_BP_* */
    bool hw;   /* in a debug register or nowhere, where an engine has both */
} CpuBreakpoint;
enum { CPU_BP_GDB = 1, CPU_BP_CPU = 2 };
enum { CPU_STEP_ON = 1, CPU_STEP_NOIRQ = 2, CPU_STEP_NOTIMER = 4 };
enum { CPU_HIT_NONE, CPU_HIT_BREAK, CPU_HIT_STEP, CPU_HIT_WATCH };

typedef struct CpuWatchpoint {
    vaddr addr;
    uint64_t len;
    bool on_read, on_write;
    int owner; /* CPU_BP_* */
} CpuWatchpoint;

/* --- any thread --- */

/* Drive input line @n: the one exception to "levels belong to the machine
 * lock" (DECISIONS 28). */
void cpu_set_irq(CPUState *cpu, int n, bool level);
/* An IrqHandler: @opaque is the CPUState. */
void cpu_irq_handler(void *cpu, int n, bool level);
/* Make it look at its requests soon, asleep or running. Async-signal-safe
 * for the engine's part. */
void cpu_kick(CPUState *cpu);
/* Queue @fn to run on the vCPU's thread at a safe point, machine lock not
 * held; cpu_run_on waits for it (and must not hold what @fn takes; the
 * machine lock is dropped while waiting, and retaken). */
void cpu_post(CPUState *cpu, void (*fn)(CPUState *cpu, void *data), void *data);
void cpu_run_on(CPUState *cpu, void (*fn)(CPUState *cpu, void *data),
                void *data);

/* Does it sit in its loop, with nothing queued before, or have no thread? It
 * stays so, and its env is the caller's, while the machine lock is held; any
 * thread. What is posted to it meanwhile would meet the lock's holder there. */
bool cpu_is_parked(CPUState *cpu);
/* All vCPUs leave their units and park, without a wait for them. Machine
 * lock, any thread. cpus_resume_all() ends it. */
void cpus_stop_soon(Machine *m);

/* --- main thread, machine lock (which is dropped while they wait) --- */

void cpus_pause_all(Machine *m);
/* All but those with .awaits_stop. */
void cpus_resume_all(Machine *m);

/* --- vCPU thread --- */

/* The generic part of a vCPU's loop: run queued work, sleep while there is
 * nothing to do. Returns true when the engine should run guest code, false
 * when the thread must end. No lock held. */
bool cpu_wait_for_work(CPUState *cpu);
/* A debug stop: request RUN_STATE_DEBUG with @hit (CPU_HIT_*). */
void cpu_debug_stop(CPUState *cpu, int hit, vaddr addr);
/* Hold all other vCPUs at safe points while @fn runs (this vCPU's thread, no
 * lock held). */
void cpu_exclusive(CPUState *cpu, void (*fn)(CPUState *cpu, void *data),
                   void *data);

/* --- debug access: vCPU parked or own thread --- */

/* Read or write through the CPU's present translation; no side effects but
 * the bytes. False: some page is not mapped. */
bool cpu_debug_rw(CPUState *cpu, vaddr addr, void *buf, uint64_t len,
                  bool write);
/* Machine lock, all vCPUs parked. Adding needs the engine's word. */
bool cpu_breakpoint_add(CPUState *cpu, const CpuBreakpoint *b, Error **errp);
bool cpu_breakpoint_del(CPUState *cpu, const CpuBreakpoint *b);
bool cpu_watchpoint_add(CPUState *cpu, const CpuWatchpoint *w, Error **errp);
bool cpu_watchpoint_del(CPUState *cpu, const CpuWatchpoint *w);

/*
 * The common end of a CPU type's realize, which calls it last (it is
 * cpu_type's own realize): the engine takes the CPU. And of its unrealize.
 */
bool cpu_realize(DeviceState *dev, Error **errp);
void cpu_unrealize(DeviceState *dev);

/* env came from outside (reset, load, gdb, a monitor): the engine takes it all
 * and forgets what it derived from the old one. Machine lock, vCPU parked. */
void cpu_env_changed(CPUState *cpu);
/* The same of a loaded state, which an engine may refuse. */
bool cpu_env_loaded(CPUState *cpu, Error **errp);

CPUState *cpu_by_index(Machine *m, int index);
/* The CPU whose thread this is, or NULL; the engine's thread says so. */
CPUState *cpu_current(void);
void cpu_set_current(CPUState *cpu);

#endif
