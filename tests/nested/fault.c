/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into an emulator: makes one return of KVM_RUN say what
 * TANDEM_FAULT asks for, "AFTER REASON" (numbers: exits that go through first,
 * run->exit_reason) or "AFTER -ERRNO" (ioctl() fails). For exits that no guest
 * of ours can bring about. TANDEM_NO_CAPABILITY: the number of a capability
 * that KVM then seems to lack. TANDEM_INT3: a KVM that interprets guests may
 * end at INT3 with an emulation failure; that becomes what a processor does: an
 * exit to a debugger that wants it (KVM_GUESTDBG_USE_SW_BP), else the guest's
 * exception.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, sections 4.87 and 5.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Only vCPU 0 of one process is ever at fault: its thread counts. */
static struct kvm_run *run_of(int fd)
{
    static struct kvm_run *run;

    if (!run) {
        run = mmap(NULL, (size_t)getpagesize(), PROT_READ | PROT_WRITE,
                   MAP_SHARED, fd, 0);
    }
    return run;
}

static int fault(int fd, int result)
{
    static int left = -1, what;
    const char *text = getenv("TANDEM_FAULT");

    if (left < 0) {
        if (!text || sscanf(text, "%d %d", &left, &what) != 2) {
            abort();
        }
    } else if (left == 0) {
        return result; /* it has been */
    }
    if (result < 0 || --left > 0) {
        return result;
    }
    if (what < 0) {
        errno = -what;
        return -1;
    }
    run_of(fd)->exit_reason = (unsigned)what;
    if (what == KVM_EXIT_FAIL_ENTRY) {
        run_of(fd)->fail_entry.hardware_entry_failure_reason = 0x80000021;
    } else if (what == KVM_EXIT_INTERNAL_ERROR) {
        run_of(fd)->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
        run_of(fd)->internal.ndata = 1;
        run_of(fd)->internal.data[0] = 0x1234;
    } else if (what == KVM_EXIT_SYSTEM_EVENT) {
        run_of(fd)->system_event.type = KVM_SYSTEM_EVENT_CRASH;
    }
    return result;
}

typedef int (*Ioctl)(int, unsigned long, ...);

/* INJECT_BP: to the kernel INT3 is an exception like others, which does not
 * step over its insn. */
static void skip_int3(Ioctl next, int fd)
{
    struct kvm_regs regs;

    if (next(fd, KVM_GET_REGS, &regs) == 0) {
        regs.rip++;
        next(fd, KVM_SET_REGS, &regs);
    }
}

/* True: run it again. */
static int int3(Ioctl next, int fd, struct kvm_guest_debug dbg)
{
    struct kvm_run *run = run_of(fd);
    struct kvm_sregs sregs;
    struct kvm_regs regs;

    if (run->exit_reason != KVM_EXIT_INTERNAL_ERROR ||
        run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION ||
        run->emulation_failure.insn_bytes[0] != 0xcc) {
        return 0;
    }
    if (!(dbg.control & KVM_GUESTDBG_USE_SW_BP)) {
        skip_int3(next, fd);
        dbg.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP;
        return next(fd, KVM_SET_GUEST_DEBUG, &dbg) == 0;
    }
    next(fd, KVM_GET_REGS, &regs);
    next(fd, KVM_GET_SREGS, &sregs);
    run->exit_reason = KVM_EXIT_DEBUG;
    run->debug.arch =
        (struct kvm_debug_exit_arch){ .exception = 3,
                                      .pc = sregs.cs.base + regs.rip };
    return 0;
}

static int with_int3(Ioctl next, int fd, unsigned long request, void *arg)
{
    static struct kvm_guest_debug dbg; /* of vCPU 0, as in run_of() */
    int r;

    if (request == KVM_SET_GUEST_DEBUG) {
        dbg = *(struct kvm_guest_debug *)arg;
        if (dbg.control & KVM_GUESTDBG_INJECT_BP) {
            skip_int3(next, fd);
        }
        dbg.control &= ~(uint32_t)KVM_GUESTDBG_INJECT_BP;
    }
    do {
        r = next(fd, request, arg);
    } while (request == KVM_RUN && r == 0 && int3(next, fd, dbg));
    return r;
}

int ioctl(int fd, unsigned long request, ...)
{
    static Ioctl next;
    va_list ap;
    void *arg;
    int r;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (!next) {
        next = (Ioctl)dlsym(RTLD_NEXT, "ioctl");
    }
    if (request == KVM_CHECK_EXTENSION && getenv("TANDEM_NO_CAPABILITY") &&
        (intptr_t)arg == atoi(getenv("TANDEM_NO_CAPABILITY"))) {
        return 0;
    }
    if (getenv("TANDEM_INT3")) {
        return with_int3(next, fd, request, arg);
    }
    r = next(fd, request, arg);
    return request == KVM_RUN && getenv("TANDEM_FAULT") ? fault(fd, r) : r;
}
