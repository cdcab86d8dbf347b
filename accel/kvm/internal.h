/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share. */
#ifndef ACCEL_KVM_INTERNAL_H
#define ACCEL_KVM_INTERNAL_H

#include "tandem/base.h"

#include <linux/kvm.h>

#include "accel/kvm.h"
#include "softmmu/memory/hint.h"

typedef struct KvmVcpu KvmVcpu;

/* A piece of RAM that the kernel maps for the guest. */
typedef struct KvmSlot {
    hwaddr addr;
    uint64_t size; /* bytes; 0: the slot is free */
    uint8_t *host;
    RamBlock *block;
    ram_addr_t offset; /* of the slot's first byte in @block */
    bool readonly, log;
} KvmSlot;

/* What a GSI sends; .type 0: nothing. */
typedef struct KvmRoute {
    struct kvm_irq_routing_entry entry;
    bool taken, bound; /* bound: an eventfd writes to it */
} KvmRoute;

typedef struct KvmPending {
    FlatRange range;
} KvmPending;

struct KvmVm {
    struct AccelState;
    /* options */
    int irqchip_option; /* KvmIrqchip */
    uint32_t ring_pages;
    char *device;
    /* constant after machine_init */
    int sys_fd, vm_fd;
    size_t run_size; /* bytes of the vCPUs' shared page and what follows it */
    unsigned max_slots, max_vcpus, max_routes;
    unsigned coalesced_page; /* of the ring in a vCPU's mapping; 0: none */
    bool coalesced_ports;
    const KvmCpuOps *cpu_ops;
    bool started; /* machine_init came through: free undoes it */
    KvmIrqchip irqchip;
    MemoryListener memory, io;
    Notifier on_state, on_reset;
    /* machine lock */
    GArray *slots;            /* KvmSlot, by slot number */
    GArray *dels, *adds;      /* FlatRange, of the transaction under way */
    GArray *zones;            /* whose writes are coalesced; coalesced.c */
    _Atomic unsigned n_zones; /* their number, read without the lock */
    uint64_t n_coalesced;     /* writes that were */
    uint64_t *log;            /* scratch for dirty bitmaps */
    size_t log_bytes;
    void *target;
    GArray *routes;      /* KvmRoute, by GSI */
    GArray *chip_routes; /* struct kvm_irq_routing_entry, to controllers */
    bool routes_changed, msi_devid;
    unsigned irqfds;         /* bound ones */
    uint64_t n_lines;        /* levels told to the kernel */
    _Atomic uint64_t n_msis; /* sent by an ioctl; any thread */
    GHashTable *breaks;      /* hwaddr of an insn of ours -> KvmBreak *;
                                vCPUs read while they run */
    GPtrArray *vcpus;        /* KvmVcpu *; index is the CPU's */
    uint64_t exits_gone;     /* of vCPUs that are gone */
    /* any thread */
    _Atomic int hold; /* nobody enters the guest while it is not 0 */
    Lock hold_lock;
    Cond hold_cond; /* .hold fell, or some vCPU left the guest */
    Lock ring_lock; /* over harvesting the vCPUs' dirty rings */
};

struct KvmVcpu {
    /* constant while the thread runs */
    KvmVm *vm;
    CPUState *cpu;
    int fd;       /* its ioctls wait until KVM_RUN is over (api.rst 2) */
    int stats_fd; /* -1: the host's KVM has none */
    struct kvm_run *run;
    const KvmCpuOps *ops;
    struct kvm_dirty_gfn *ring; /* NULL: dirty pages are logged by slot */
    AddressSpace *io, *memory;
    /* any thread */
    _Atomic bool kicked;   /* a request is waiting */
    _Atomic bool in_guest; /* in KVM_RUN, or about to */
    _Atomic bool thread_up;
    /* the owner of env */
    uint32_t valid;  /* REGS_* groups that env holds as the kernel does */
    bool io_pending; /* the last exit is completed by the next KVM_RUN */
    bool insns;      /* some breakpoint is an insn in memory */
    unsigned n_points;
    KvmPoint points[KVM_MAX_POINTS]; /* in the CPU's debug registers */
    _Atomic uint64_t exits;          /* written by its thread alone */
    uint64_t runs;     /* of KVM_RUN, with those that a signal ended */
    MemoryHints hints; /* its thread */
    /* ring_lock */
    uint32_t ring_at;
    bool ring_overran; /* once: gaps may stand before dirty entries */
};

static inline KvmVcpu *kvm_vcpu(CPUState *cpu)
{
    return cpu->engine;
}

/* Errors as -errno; restarted when a signal came. */
int kvm_ioctl(int fd, unsigned long request, void *arg);

/* vcpu.c */
bool kvm_vcpu_create(AccelState *a, CPUState *cpu, Error **errp);
void kvm_vcpu_destroy(AccelState *a, CPUState *cpu);
void kvm_vcpu_kick(CPUState *cpu);
void kvm_regs_pull(CPUState *cpu, uint32_t groups);
bool kvm_regs_push(CPUState *cpu, uint32_t groups, Error **errp);
void kvm_signal_init(void);
/* Keep all vCPUs out of the guest; nests. Machine lock, which is kept: a
 * vCPU on its way through a device is out already. */
void kvm_hold(KvmVm *vm);
void kvm_release(KvmVm *vm);

/* memory.c */
bool kvm_memory_init(KvmVm *vm, Error **errp);
void kvm_memory_free(KvmVm *vm);
void kvm_dirty_sync(AccelState *a);
/* Take what @v's ring holds. Machine lock. */
void kvm_ring_harvest(KvmVcpu *v);

/* coalesced.c */
void kvm_coalesced_init(KvmVm *vm);
void kvm_coalesced_free(KvmVm *vm);
/* A range came or goes; those of other regions are none of its business.
 * Machine lock. */
void kvm_coalesced_add(KvmVm *vm, const FlatRange *r, bool port);
void kvm_coalesced_del(KvmVm *vm, const FlatRange *r, bool port);
/* Have queued writes reach their devices: @v's thread, no lock. */
void kvm_coalesced_flush(KvmVcpu *v);
/* The same under the machine lock. */
void kvm_coalesced_flush_vm(AccelState *a);

/* irq.c */
bool kvm_msi_send(AccelState *a, uint64_t addr, uint32_t data);
void kvm_irq_init(KvmVm *vm);
void kvm_irq_free(KvmVm *vm);
int kvm_msi_route_new(AccelState *a);
bool kvm_msi_route_bind(AccelState *a, int gsi, int fd, const AccelMsi *msi);
void kvm_msi_route_unbind(AccelState *a, int gsi, int fd);
void kvm_msi_route_free(AccelState *a, int gsi);

/* debug.c */
bool kvm_debug_changed(CPUState *cpu, Error **errp);
bool kvm_debug_can(CPUState *cpu, const CpuWatchpoint *w);
void kvm_debug_init(KvmVm *vm);
void kvm_debug_free(KvmVm *vm);
/* KVM_EXIT_DEBUG. */
KvmNext kvm_debug_exit(KvmVcpu *v);

/* stats.c */
/* A vCPU's statistics, for read(); -1: this KVM has none. Before it runs. */
int kvm_stats_open(CPUState *cpu);
bool kvm_stats(AccelState *a, CPUState *cpu, AccelStatFn *put, void *opaque,
               Error **errp);
char *kvm_statistics(AccelState *a);

#endif
