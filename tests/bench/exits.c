/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bare KVM_RUN loop: the least that any process adds to an exit. Runs the
 * program that `scripts/bench exits` also runs under both emulators
 * (tests/nested/prog/cost.S) with the same interrupt controllers, a split
 * irqchip, and answers its port and MMIO reads with a constant.
 *
 *     exits cost.elf        prints "khz TICKS", then what the guest prints
 *
 * Spec: Linux Documentation/virt/kvm/api.rst; ELF-32.
 */
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RAM = 32 << 20, PINS = 24, PORT_SERIAL = 0x3f8, PORT_END = 0xf4 };

static int ask(int fd, unsigned long request, void *arg, const char *what)
{
    int r = ioctl(fd, request, arg);

    if (r < 0) {
        err(1, "%s", what);
    }
    return r;
}

/* Segments of an ELF-32 file to @ram; the entry. */
static uint32_t load(const char *path, uint8_t *ram)
{
    static uint8_t file[1 << 20];
    const Elf32_Ehdr *h = (const void *)file;
    FILE *f = fopen(path, "rb");

    if (!f || fread(file, 1, sizeof(file), f) < sizeof(*h)) {
        err(1, "%s", path);
    }
    fclose(f);
    for (int i = 0; i < h->e_phnum; i++) {
        const Elf32_Phdr *p =
            (const void *)(file + h->e_phoff + i * sizeof(*p));

        if (p->p_type == PT_LOAD) {
            memcpy(ram + p->p_paddr, file + p->p_offset, p->p_filesz);
        }
    }
    return h->e_entry;
}

static void flat(struct kvm_segment *s, int selector, int type)
{
    *s = (struct kvm_segment){ .limit = 0xffffffff,
                               .selector = selector,
                               .type = type,
                               .present = 1,
                               .db = 1,
                               .s = 1,
                               .g = 1 };
}

static void start_at(int vcpu, uint32_t entry)
{
    struct kvm_regs regs = { .rip = entry, .rflags = 2 };
    struct kvm_sregs sregs;

    ask(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
    flat(&sregs.cs, 8, 11);
    flat(&sregs.ds, 16, 3);
    sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.ds;
    sregs.cr0 |= 1;
    ask(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
    ask(vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

static void run(int vcpu, struct kvm_run *run)
{
    for (;;) {
        uint8_t *data = (uint8_t *)run + run->io.data_offset;

        ask(vcpu, KVM_RUN, NULL, "KVM_RUN");
        data = (uint8_t *)run + run->io.data_offset;
        switch (run->exit_reason) {
        case KVM_EXIT_IO:
            if (run->io.direction == KVM_EXIT_IO_IN) {
                memset(data, 0x60, run->io.size);
            } else if (run->io.port == PORT_SERIAL) {
                putchar(*data);
            } else if (run->io.port == PORT_END) {
                return;
            }
            break;
        case KVM_EXIT_MMIO:
            memset(run->mmio.data, 0, sizeof(run->mmio.data));
            break;
        default:
            errx(1, "exit %u", run->exit_reason);
        }
    }
}

int main(int argc, char **argv)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu;
    struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP,
                                    .args = { PINS } };
    struct kvm_userspace_memory_region slot = { .memory_size = RAM };
    uint8_t *ram;
    void *shared;

    if (argc != 2) {
        errx(1, "usage: exits PROGRAM");
    }
    if (kvm < 0) {
        err(1, "/dev/kvm");
    }
    ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
               -1, 0);
    vm = ask(kvm, KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
    ask(vm, KVM_ENABLE_CAP, &split, "split irqchip");
    slot.userspace_addr = (uintptr_t)ram;
    ask(vm, KVM_SET_USER_MEMORY_REGION, &slot, "memory");
    vcpu = ask(vm, KVM_CREATE_VCPU, NULL, "KVM_CREATE_VCPU");
    shared = mmap(NULL, ask(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "size"),
                  PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (ram == MAP_FAILED || shared == MAP_FAILED) {
        err(1, "mmap");
    }
    start_at(vcpu, load(argv[1], ram));
    printf("khz %d\n", ask(vcpu, KVM_GET_TSC_KHZ, NULL, "KVM_GET_TSC_KHZ"));
    run(vcpu, shared);
    return 0;
}
