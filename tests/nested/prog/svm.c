/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor with one guest (AMD APM 2, chapter 15 and appendix B): says "S"
 * and waits for a byte at COM1 three times: in its guest, in its guest with
 * nested paging, and with the global interrupt flag clear while an NMI and an
 * interrupt are pending. Each time it looks at what must not have changed: '!'
 * and a name for each that has. '-': this CPU has no SVM.
 */
#include "guest.h"

enum {
    MSR_EFER = 0xc0000080,
    MSR_KERNEL_GS_BASE = 0xc0000102,
    MSR_VM_HSAVE_PA = 0xc0010117,
    EFER_SVME = 1 << 12,
    EXIT_VMMCALL = 0x81,
    L2_IDT = 0x5000,
    WINDOW = 0x40000000, /* nested paging shows the first 2 MiB here, too */
};

/* Appendix B: control area, then save area. */
enum {
    MISC1 = 0x00c,
    MISC2 = 0x010,
    ASID = 0x058,
    V_INTR = 0x060,
    EXITCODE = 0x070,
    NP_ENABLE = 0x090,
    N_CR3 = 0x0b0,
    ES = 0x400,
    CS = 0x410,
    SS = 0x420,
    DS = 0x430,
    GDTR = 0x460,
    LDTR = 0x470,
    IDTR = 0x480,
    TR = 0x490,
    EFER = 0x4d0,
    CR4 = 0x548,
    CR3 = 0x550,
    CR0 = 0x558,
    DR7 = 0x560,
    DR6 = 0x568,
    RFLAGS = 0x570,
    RIP = 0x578,
    RSP = 0x5d8,
    RAX = 0x5f8,
    CR2 = 0x640,
    G_PAT = 0x668,
};

#define PAGE __attribute__((aligned(4096)))
static uint8_t vmcb[4096] PAGE, hsave[4096] PAGE;
static uint64_t npt4[512] PAGE, npt3[512] PAGE, npt2[512] PAGE;
static uint8_t l2_stack[8192] __attribute__((aligned(16)));
static Gate idt[256];
static volatile uint32_t nmis, interrupts, bad, mark, paged;

static void check(const char *name, uint64_t is, uint64_t want)
{
    if (is != want) {
        bad++;
        put("!");
        put(name);
        put("=");
        put_hex(is, 16);
        put("\n");
    }
}

static void wait(void)
{
    uint8_t status;

    put("S");
    do {
        __asm__ volatile("inb %1, %0" : "=a"(status) : "Nd"((uint16_t)0x3fd));
    } while (!(status & 1));
    __asm__ volatile("inb %1, %0" : "=a"(status) : "Nd"((uint16_t)0x3f8));
}

/* --- the guest --- */

void guest_of_ours(void);
void guest_of_ours(void)
{
    Table t;

    SET("cr2", 0x1234567);
    wrmsr(MSR_KERNEL_GS_BASE, 0x7654321);
    wait();
    __asm__ volatile("sidt %0" : "=m"(t));
    check("l2_idt", t.base, L2_IDT);
    check("l2_cr2", GET("cr2"), 0x1234567);
    check("l2_dr6", GET("dr6"), 0xffff0ff2);
    check("l2_kernel_gs_base", rdmsr(MSR_KERNEL_GS_BASE), 0x7654321);
    check("l2_rsp", GET("rsp") - (uint64_t)l2_stack < sizeof(l2_stack), 1);
    if (paged) {
        check("l2_page", mmio_read(WINDOW + (uint64_t)&mark), mark);
    }
}

/* RBX and R8 to R15 stay as they are through VMMCALL. */
extern const char guest_entry[];
__asm__(".text\nguest_entry:\n"
        "call guest_of_ours\n"
        "mov $0xabcdef, %eax\n"
        "vmmcall\n"
        "hlt\n");

/* --- the hypervisor --- */

static uint64_t *field(unsigned offset)
{
    return (uint64_t *)(vmcb + offset);
}

/* Selector, attributes (bits 55:52 and 47:40 of a descriptor), limit, base. */
static void segment(unsigned offset, uint16_t selector, uint16_t attr,
                    uint32_t limit, uint64_t base)
{
    *field(offset) = selector | (uint32_t)attr << 16 | (uint64_t)limit << 32;
    *field(offset + 8) = base;
}

static void set_up_guest(bool nested_paging)
{
    Table gdt;

    __asm__ volatile("sgdt %0" : "=m"(gdt));
    for (unsigned i = 0; i < 4096; i += 8) {
        *field(i) = 0;
    }
    *field(MISC1) = 3u | 1u << 24 | 1ull << 32 | 1ull << 33;
    *field(ASID) = 1;
    *field(V_INTR) = 1 << 24; /* V_INTR_MASKING */
    *field(NP_ENABLE) = nested_paging;
    *field(N_CR3) = nested_paging ? (uint64_t)npt4 : 0;
    segment(ES, 0x10, 0xc93, UINT32_MAX, 0);
    segment(CS, 0x08, 0xa9b, UINT32_MAX, 0);
    segment(SS, 0x10, 0xc93, UINT32_MAX, 0);
    segment(DS, 0x10, 0xc93, UINT32_MAX, 0);
    segment(GDTR, 0, 0, gdt.limit, gdt.base);
    segment(LDTR, 0, 0x82, 0, 0);
    segment(IDTR, 0, 0, 0xff, L2_IDT);
    segment(TR, 0, 0x8b, 0x67, 0);
    *field(EFER) = rdmsr(MSR_EFER);
    *field(CR0) = GET("cr0");
    *field(CR3) = GET("cr3");
    *field(CR4) = GET("cr4");
    *field(DR6) = 0xffff0ff2;
    *field(DR7) = 0x400;
    *field(RFLAGS) = 2;
    *field(RIP) = (uint64_t)guest_entry;
    *field(RSP) = (uint64_t)(l2_stack + sizeof(l2_stack));
    *field(G_PAT) = 0x0007040600070406;
}

/* User pages: nested walks count as a user's (APM 2 15.25.5). */
static void set_up_pages(void)
{
    for (uint64_t i = 0; i < 512; i++) {
        npt2[i] = i << 21 | 0x87;
    }
    npt3[0] = npt3[WINDOW >> 30] = (uint64_t)npt2 | 7;
    npt4[0] = (uint64_t)npt3 | 7;
}

/* Until the guest exits; its general registers are not the compiler's. */
static void run(void)
{
    __asm__ volatile("push %%rbp\n vmrun %0\n pop %%rbp"
                     :
                     : "a"(vmcb)
                     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
                       "r11", "r12", "r13", "r14", "r15", "memory", "cc");
}

static void run_guest(bool nested_paging)
{
    uint64_t cr0 = GET("cr0"), cr3 = GET("cr3"), cr4 = GET("cr4");
    uint64_t efer = rdmsr(MSR_EFER);
    Table t;

    paged = nested_paging;
    set_up_guest(nested_paging);
    run();
    check("exit_code", *field(EXITCODE), EXIT_VMMCALL);
    check("l2_rax", *field(RAX), 0xabcdef);
    check("l2_saved_cr2", *field(CR2), 0x1234567);
    check("cr0", GET("cr0"), cr0);
    check("cr3", GET("cr3"), cr3);
    check("cr4", GET("cr4"), cr4);
    check("efer", rdmsr(MSR_EFER), efer);
    check("hsave", rdmsr(MSR_VM_HSAVE_PA), (uint64_t)hsave);
    __asm__ volatile("sidt %0" : "=m"(t));
    check("idt", t.base, (uint64_t)idt);
}

/* --- with the global interrupt flag clear, as an exit leaves it --- */

static __attribute__((interrupt)) void nmi(Frame *f)
{
    (void)f;
    nmis++;
}

static __attribute__((interrupt)) void arrived(Frame *f)
{
    (void)f;
    interrupts++;
    mmio_write(0xfee000b0, 0);
}

static void hold_interrupts(void)
{
    __asm__ volatile("sti");
    mmio_write(0xfee00300, 0x44400); /* to itself: NMI, then vector 0x45 */
    mmio_write(0xfee00300, 0x44045);
    wait();
    check("held_nmi", nmis, 0);
    check("held_interrupt", interrupts, 0);
    __asm__ volatile("stgi; nop; nop; cli");
    check("nmi", nmis, 1);
    check("interrupt", interrupts, 1);
}

void guest_other(void)
{
}

void guest_main(const char *command_line)
{
    Table i = { sizeof(idt) - 1, (uint64_t)idt };

    (void)command_line;
    if (!(cpuid(0x80000001, 0).c >> 2 & 1)) {
        put("-svm\n");
        finish(1);
    }
    set_gate(idt, 2, nmi);
    set_gate(idt, 0x45, arrived);
    __asm__ volatile("lidt %0" : : "m"(i));
    mmio_write(0xfee000f0, 0x1ff);
    mark = 0x5a5a1234;
    set_up_pages();
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, (uint64_t)hsave);
    run_guest(false);
    run_guest(true);
    hold_interrupts();
    put(bad ? "BAD\n" : "ALL\n");
    finish(bad ? 2 : 1);
}
