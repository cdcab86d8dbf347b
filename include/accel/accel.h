/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accelerator interface (DESIGN 4): what runs vCPUs. tcg, kvm and qtest
 * implement it; everybody else goes through it and cannot tell which it is.
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include "softmmu/machine/cpu.h"

/* Capabilities. */
enum {
    ACCEL_HAS_VCPUS = 1u << 0,     /* false for qtest */
    ACCEL_HAS_IOEVENTFD = 1u << 1, /* else the memory core emulates it */
    ACCEL_GUEST_DEBUG = 1u << 3,   /* breakpoints, watchpoints, step */
};

/* An engine is also an object: its options are its properties
 * ("-accel tcg,thread=multi"). */
struct AccelState {
    Object parent;
    const AccelOps *ops;
    Machine *machine;
};

/* A message-signalled interrupt, and who sends it (PCI requester id). */
typedef struct AccelMsi {
    uint64_t addr;
    uint32_t data, requester;
} AccelMsi;

/* A counter; enums have the order of QMP's StatsType and StatsUnit. */
typedef enum AccelStatType {
    ACCEL_STAT_CUMULATIVE,
    ACCEL_STAT_INSTANT,
    ACCEL_STAT_PEAK,
    ACCEL_STAT_LINEAR_HISTOGRAM,
    ACCEL_STAT_LOG2_HISTOGRAM,
} AccelStatType;
typedef enum AccelStatUnit {
    ACCEL_UNIT_BYTES,
    ACCEL_UNIT_SECONDS,
    ACCEL_UNIT_CYCLES,
    ACCEL_UNIT_BOOLEAN,
    ACCEL_UNIT_NONE,
} AccelStatUnit;
typedef struct AccelStat {
    const char *name;
    AccelStatType type;
    AccelStatUnit unit;
    int base, exponent;   /* of the unit; base 0: 1 of it */
    uint32_t bucket_size; /* of a linear histogram */
    const uint64_t *values;
    unsigned n; /* 1, or buckets */
} AccelStat;
typedef void AccelStatFn(void *opaque, const AccelStat *stat);

struct AccelOps {
    struct ObjectType;      /* "tcg-accel" */
    const char *accel_name; /* "tcg" */
    uint32_t caps;
    /* Its guests' RAM asks for transparent huge pages: of use where the CPU
     * walks two page tables at a TLB miss. */
    bool huge_pages;
    /* Can it run here? False with one sentence that says why and what to do. */
    bool (*probe)(Error **errp);
    /* Main thread, machine lock; before CPUs exist. */
    bool (*machine_init)(AccelState *a, Error **errp);
    void (*machine_free)(AccelState *a);

    /* Memory for a CPU's env: @size bytes, zero, 64-byte aligned, from cpu
     * creation to its end. May set cpu->engine. Main thread. */
    void *(*env_alloc)(AccelState *a, CPUState *cpu, size_t size);
    void (*env_free)(AccelState *a, CPUState *cpu);
    /* Realize: check the CPU against the engine; start its thread, which
     * waits parked. Unrealize: end and join it. Machine lock. */
    bool (*vcpu_create)(AccelState *a, CPUState *cpu, Error **errp);
    void (*vcpu_destroy)(AccelState *a, CPUState *cpu);
    /* Any thread; async-signal-safe; the reason has been published. */
    void (*vcpu_kick)(CPUState *cpu);
    /* vCPU thread, no lock; the CPU is halted and about to sleep. True: time
     * went on, look again; false: sleep. May be NULL. */
    bool (*vcpu_idle)(CPUState *cpu);
    /* Machine lock, vCPU parked: env changed from outside (reset, load, gdb,
     * monitor): drop everything derived from it. */
    void (*vcpu_env_changed)(CPUState *cpu);
    /* vCPU parked: move REGS_* groups between engine and env. False: the
     * engine refuses what env says. */
    void (*regs_pull)(CPUState *cpu, uint32_t groups);
    bool (*regs_push)(CPUState *cpu, uint32_t groups, Error **errp);

    /* Dirty pages of all RAM, for migration. Machine lock. sync brings what
     * the engine knows into the blocks' bitmaps. */
    void (*dirty_start)(AccelState *a);
    void (*dirty_sync)(AccelState *a);
    void (*dirty_stop)(AccelState *a);

    /* Breakpoints or watchpoints of @cpu, or its single step, changed. */
    bool (*debug_changed)(CPUState *cpu, Error **errp);
    /* Is there such a kind of watchpoint, of this length and place? NULL: any
     * there is. */
    bool (*debug_can)(CPUState *cpu, const CpuWatchpoint *w);

    /* Interrupt controllers and MSI (DECISIONS 37, 38); NULL: none taken. */
    bool (*attach_intc)(AccelState *a, const char *kind, DeviceState *dev,
                        const void **ops);

    /* Machine lock: CPUs' writes that the engine has queued reach their devices
     * (memory_region_set_coalesced()); a VM that stands has none. May be
     * NULL. */
    void (*flush_writes)(AccelState *a);

    /* Any thread: deliver a message-signalled interrupt; NULL: the engine has
     * no place for messages. False: nobody took it. */
    bool (*msi_send)(AccelState *a, uint64_t addr, uint32_t data);

    /*
     * Interrupts by descriptor (irqfd): whoever writes the eventfd sends the
     * message, from any thread and without a lock. Machine lock, all four;
     * all NULL: the engine has none.
     * new: a route that sends nothing yet; -1: none is left, or the host's
     * engine cannot.
     * bind: writes to @fd send @msi from now on, those that nobody has read
     * yet too; may come again with another message. False: not bound.
     * unbind: what was written before has been delivered; what is written
     * from now on stays in the descriptor.
     */
    int (*msi_route_new)(AccelState *a);
    bool (*msi_route_bind)(AccelState *a, int route, int fd,
                           const AccelMsi *msi);
    void (*msi_route_unbind)(AccelState *a, int route, int fd);
    void (*msi_route_free)(AccelState *a, int route);

    /* What the engine counts for @cpu (NULL: for the machine): @put for each.
     * Machine lock; NULL: nothing. False: it cannot tell. */
    bool (*stats)(AccelState *a, CPUState *cpu, AccelStatFn *put, void *opaque,
                  Error **errp);

    /* Text for `info jit` and the like; NULL: nothing to say. */
    char *(*statistics)(AccelState *a);
};
extern const AccelOps accel_type; /* "accel", abstract */

static inline const AccelOps *accel_ops(Machine *m)
{
    return m->accel->ops;
}

/* Try the engines of @names ("kvm:tcg", or one -accel after another, each
 * with its options as JSON) in order; says on stderr what did not run when
 * another follows (DECISIONS 16). */
typedef struct AccelChoice {
    const char *name;     /* "tcg" */
    json_object *options; /* object; may be NULL */
} AccelChoice;
bool accel_start(Machine *m, const AccelChoice *choices, size_t n,
                 Error **errp);

extern const ObjectType *const accel_types[]; /* NULL-terminated */

#endif
