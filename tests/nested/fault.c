/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into an emulator: makes one return of KVM_RUN say what
 * TANDEM_FAULT asks for, "AFTER REASON" (numbers: exits that go through first,
 * run->exit_reason) or "AFTER -ERRNO" (ioctl() fails). For exits that no guest
 * of ours can bring about. TANDEM_NO_CAPABILITY: the number of a capability
 * that KVM then seems to lack.
 *
 * Spec: Linux Documentation/virt/kvm/api.rst, section 5.
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
    }
    return result;
}

int ioctl(int fd, unsigned long request, ...)
{
    static int (*next)(int, unsigned long, ...);
    va_list ap;
    void *arg;
    int r;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (!next) {
        next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    }
    if (request == KVM_CHECK_EXTENSION && getenv("TANDEM_NO_CAPABILITY") &&
        (intptr_t)arg == atoi(getenv("TANDEM_NO_CAPABILITY"))) {
        return 0;
    }
    r = next(fd, request, arg);
    return request == KVM_RUN && getenv("TANDEM_FAULT") ? fault(fd, r) : r;
}
