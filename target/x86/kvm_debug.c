/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug registers for a debugger, and debug exceptions that are the guest's.
 *
 * Spec: Intel SDM 3B 17.2 (registers), 17.3 (exceptions); Linux
 *       Documentation/virt/kvm/api.rst, sections 4.31, 4.32 (payload), 4.87.
 */
#include "tandem/base.h"

#include <linux/kvm.h>

#include "target/x86/kvm.h"

enum {
    DR7_EXEC = 0,
    DR7_WRITE = 1,
    DR7_ACCESS = 3,
    DR7_FIXED = 0x600, /* bit 10; LE and GE of those that are exact */
    DR6_BS = 1 << 14,
    /* the bits that are 1 while nothing happened */
    DR6_LOW = 0xffff0ff0,
    VECTOR_DB = 1,
    VECTOR_BP = 3,
};

/* There is no watching of reads alone; an access is either. */
bool x86_kvm_debug_can(const KvmPoint *p)
{
    return p->len <= 8 && is_power_of_2(p->len) && !(p->addr & (p->len - 1)) &&
           p->on_write;
}

void x86_kvm_debug_points(const KvmPoint *points, unsigned n,
                          struct kvm_guest_debug *dbg)
{
    static const uint8_t len_code[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

    dbg->arch.debugreg[7] = DR7_FIXED;
    for (unsigned i = 0; i < n; i++) {
        const KvmPoint *p = &points[i];
        unsigned kind = p->len == 0  ? DR7_EXEC
                        : p->on_read ? DR7_ACCESS
                                     : DR7_WRITE;
        unsigned len = len_code[MAX(p->len, 1)];

        dbg->arch.debugreg[i] = p->addr;
        dbg->arch.debugreg[7] |= 2ull << (2 * i) | (uint64_t)(kind | len << 2)
                                                       << (16 + 4 * i);
    }
    if (n > 0) {
        dbg->control |= KVM_GUESTDBG_USE_HW_BP;
    }
}

void x86_kvm_debug_exit(CPUState *cpu, struct kvm_run *run, KvmDebugExit *e)
{
    const struct kvm_debug_exit_arch *d = &run->debug.arch;
    struct kvm_debugregs own = { 0 };

    *e = (KvmDebugExit){ .pc = d->pc, .insn = d->exception == VECTOR_BP };
    if (e->insn) {
        return;
    }
    e->points = d->dr6 & 15;
    e->step = d->dr6 & DR6_BS;
    e->arch = d->dr6;
    /* bits may be set for what is not enabled (SDM 3B 17.2.3) */
    kvm_vcpu_ioctl(cpu, KVM_GET_DEBUGREGS, &own);
    for (unsigned i = 0; i < 4; i++) {
        if (own.dr7 >> (2 * i) & 3) {
            e->own |= e->points & 1u << i;
        }
    }
}

/* The exception with what becomes of DR6, which KVM_GUESTDBG_INJECT_DB leaves
 * alone; false: this kernel has no payloads. */
static bool pend_debug(CPUState *cpu, uint64_t payload)
{
    struct kvm_vcpu_events e;

    if (kvm_vcpu_ioctl(cpu, KVM_GET_VCPU_EVENTS, &e) < 0 ||
        !(e.flags & KVM_VCPUEVENT_VALID_PAYLOAD)) {
        return false;
    }
    e.flags = KVM_VCPUEVENT_VALID_PAYLOAD; /* NMIs may have come since */
    e.exception.injected = 0;
    e.exception.pending = 1;
    e.exception.nr = VECTOR_DB;
    e.exception.has_error_code = 0;
    e.exception_has_payload = 1;
    e.exception_payload = payload;
    return kvm_vcpu_ioctl(cpu, KVM_SET_VCPU_EVENTS, &e) >= 0;
}

uint32_t x86_kvm_debug_pass(CPUState *cpu, const KvmDebugExit *e)
{
    uint64_t payload = (e->arch ^ DR6_LOW) & ~(uint64_t)(DR6_BS | 15);

    if (e->insn) {
        return KVM_GUESTDBG_INJECT_BP;
    }
    payload |= e->own | (e->step ? DR6_BS : 0);
    return pend_debug(cpu, payload) ? 0 : KVM_GUESTDBG_INJECT_DB;
}

/* RF would let it pass (SDM 3B 17.3.1.1). */
void x86_kvm_debug_again(CPUState *cpu)
{
    const uint64_t rf = BIT(16);
    struct kvm_regs r;

    if (kvm_vcpu_ioctl(cpu, KVM_GET_REGS, &r) >= 0 && (r.rflags & rf)) {
        r.rflags &= ~rf;
        kvm_vcpu_ioctl(cpu, KVM_SET_REGS, &r);
    }
}
