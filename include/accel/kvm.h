/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine "kvm" as a target sees it (DECISIONS 36, 37). accel/kvm has all
 * that is the same on every architecture; a target fills a KvmCpuOps.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst.
 */
#ifndef ACCEL_KVM_H
#define ACCEL_KVM_H

#include "accel/accel.h"

struct kvm_run;
struct kvm_guest_debug;
typedef struct KvmVm KvmVm;

/* Which interrupt controllers the kernel holds. */
typedef enum KvmIrqchip {
    KVM_IRQCHIP_AUTO,
    KVM_IRQCHIP_MODE_OFF,
    KVM_IRQCHIP_MODE_SPLIT, /* local ones only */
    KVM_IRQCHIP_MODE_ON,
} KvmIrqchip;

/* What became of an exit. */
typedef enum KvmNext {
    KVM_RUN_ON,  /* enter the guest again */
    KVM_LEAVE,   /* something was requested: back to the vCPU's loop */
    KVM_UNKNOWN, /* nobody serves this exit */
} KvmNext;

/* What a debug register stops at; .len 0: the insn at .addr. */
typedef struct KvmPoint {
    vaddr addr;
    uint64_t len; /* bytes */
    bool on_read, on_write;
} KvmPoint;
enum { KVM_MAX_POINTS = 16 };

/* What a vCPU met. */
typedef struct KvmDebugExit {
    vaddr pc;
    bool insn;       /* that of software breakpoints, at .pc */
    bool step;       /* the end of a step */
    unsigned points; /* a bit for each point of the hardware */
    unsigned own;    /* the same of points that the guest has set, which act
                        while the debugger has none there */
    uint64_t arch;   /* the target's own */
} KvmDebugExit;

struct KvmCpuOps {
    /* uname -m of hosts whose KVM runs such a CPU; NULL-terminated. */
    const char *const *hosts;
    /* The VM is there, no vCPU yet: irqchip (@vm's mode is settled here when
     * it is AUTO), fixed addresses. Machine lock. */
    bool (*vm_init)(KvmVm *vm, Error **errp);
    void (*vm_free)(KvmVm *vm);
    /* The vCPU is there and has never run: features. Machine lock. */
    bool (*vcpu_init)(CPUState *cpu, Error **errp);
    void (*vcpu_free)(CPUState *cpu);
    /* Move REGS_* groups; the vCPU does not run. */
    bool (*pull)(CPUState *cpu, uint32_t groups, Error **errp);
    bool (*push)(CPUState *cpu, uint32_t groups, Error **errp);
    /* Before and after KVM_RUN, in the vCPU's thread, no lock; may be NULL. */
    void (*pre_run)(CPUState *cpu, struct kvm_run *run);
    void (*post_run)(CPUState *cpu, struct kvm_run *run);
    /* An exit that is not the same everywhere. vCPU thread, no lock. */
    KvmNext (*handle_exit)(CPUState *cpu, struct kvm_run *run);
    /* Name of an exit reason of its own, for messages; NULL: unknown. */
    const char *(*exit_name)(uint32_t reason);

    /* Guest debugging. The insn that software breakpoints write, and how
     * many points the hardware has (at most KVM_MAX_POINTS). */
    uint8_t breakpoint[4];
    uint8_t breakpoint_len;
    unsigned hw_points;
    /* Can the hardware watch this? */
    bool (*debug_can)(const KvmPoint *p);
    /* Put @n points into @dbg and its control. */
    void (*debug_points)(const KvmPoint *points, unsigned n,
                         struct kvm_guest_debug *dbg);
    /* KVM_EXIT_DEBUG: what was met. vCPU thread, and so the next two. More
     * may be in e->points than was set. */
    void (*debug_exit)(CPUState *cpu, struct kvm_run *run, KvmDebugExit *e);
    /* What is left of @e is the guest's own: hand it over. Returns bits for
     * the control of KVM_SET_GUEST_DEBUG, which follows. */
    uint32_t (*debug_pass)(CPUState *cpu, const KvmDebugExit *e);
    /* A CPU that goes on at a breakpoint meets it again; NULL: it does. */
    void (*debug_again)(CPUState *cpu);

    /* AccelOps.attach_intc, for the VM's irqchip mode. */
    bool (*attach_intc)(KvmVm *vm, const char *kind, DeviceState *dev,
                        const void **ops);
};

/* --- for targets: results are those of ioctl(), or -errno --- */

int kvm_vm_ioctl(KvmVm *vm, unsigned long request, void *arg);
int kvm_vcpu_ioctl(CPUState *cpu, unsigned long request, void *arg);
/* How often the vCPU has been let into the guest: what was true of its
 * registers stays true while this does. Its owner. */
uint64_t kvm_vcpu_runs(CPUState *cpu);
/* Has it left the guest for a device, and not been back to take what that
 * gave? Registers are not whole until then. Its owner. */
bool kvm_vcpu_in_access(CPUState *cpu);
int kvm_system_ioctl(KvmVm *vm, unsigned long request, void *arg);
/* Value of a capability of this VM; 0: not there. */
int kvm_capability(KvmVm *vm, int cap);
/* KVM_ENABLE_CAP with one argument. */
int kvm_enable(KvmVm *vm, uint32_t cap, uint64_t arg);
/* The VM of a machine, or NULL when another engine runs it. */
KvmVm *kvm_vm(Machine *m);
Machine *kvm_machine(KvmVm *vm);
KvmIrqchip kvm_irqchip(const KvmVm *vm);
void kvm_set_irqchip(KvmVm *vm, KvmIrqchip mode);
/* A place for the target's own part; NULL at first. */
void **kvm_target_data(KvmVm *vm);

/* --- GSI routes: machine lock --- */

/* Keep GSIs below @n for the board's pins. False: this kernel has fewer. */
bool kvm_route_reserve(KvmVm *vm, unsigned n, Error **errp);
/* GSI @gsi also drives input @pin of the kernel's controller @chip
 * (KVM_IRQCHIP_x): once for each, before the VM runs. */
void kvm_route_chip(KvmVm *vm, unsigned gsi, unsigned chip, unsigned pin);
/* Pin @gsi sends this message; data 0 and addr 0: nothing. Takes effect at
 * kvm_route_commit(). */
void kvm_route_msi(KvmVm *vm, unsigned gsi, uint64_t addr, uint32_t data);
bool kvm_route_commit(KvmVm *vm);

/* --- lines: machine lock --- */

/* Drive @gsi of the kernel's controllers. */
void kvm_line_set(KvmVm *vm, unsigned gsi, bool level);
/* Writes to @fd raise @gsi; with @ended (>= 0) it falls when the guest ends
 * the interrupt, and @ended is written then. False: this kernel cannot. */
bool kvm_line_bind(KvmVm *vm, unsigned gsi, int fd, int ended);
void kvm_line_unbind(KvmVm *vm, unsigned gsi, int fd);

extern const AccelOps kvm_accel_type;

#endif
