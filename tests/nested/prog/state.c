/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts a known value into every piece of a CPU's state, says so ("S"), and
 * waits for a byte at COM1, in the handler of a non-maskable interrupt and
 * with another one pending. Then it looks at all of them: '!' and a name for
 * each that has changed, '-' and a name for each that this KVM does not take.
 *
 * CPU 1 sleeps in HLT meanwhile and CPU 2 has not been started: both must
 * answer afterwards. Intel SDM 3A, chapters 2, 6, 8 and 10; 4, chapter 2.
 */
#include "guest.h"

static Gate idt[256];
static uint64_t gdt[6];
static uint32_t tss[32];
static uint8_t fx[512] __attribute__((aligned(16)));
static uint8_t fx_was[512] __attribute__((aligned(16)));
static uint8_t pv[256] __attribute__((aligned(64)));
static volatile uint32_t nmis, interrupts, awake, started, bad;
static volatile bool faulted;
static volatile unsigned step = 2; /* bytes of an insn that may fault */

/* RDMSR and WRMSR of what is not there: step over. */
static __attribute__((interrupt)) void fault(Frame *f, uint64_t error)
{
    (void)error;
    faulted = true;
    f->ip += step;
}

static void complain(char kind, const char *name, uint64_t is)
{
    const char text[] = { kind, '\0' };

    put(text);
    put(name);
    put("=");
    put_hex(is, 16);
    put("\n");
    bad += kind == '!';
}

/* --- registers of the system --- */

typedef struct Msr {
    const char *name;
    uint32_t index;
    uint64_t value;
    bool takes; /* it read back what was written */
} Msr;

enum { PAGE_FAULTS = 0x305000 };

static Msr msrs[] = {
    { "sysenter_cs", 0x174, 0x28, false },
    { "sysenter_esp", 0x175, 0x123450, false },
    { "sysenter_eip", 0x176, 0x234560, false },
    { "star", 0xc0000081, 0x0023001000000000, false },
    { "lstar", 0xc0000082, 0x345670, false },
    { "cstar", 0xc0000083, 0x456780, false },
    { "sfmask", 0xc0000084, 0x47700, false },
    { "fs_base", 0xc0000100, 0x1122334455, false },
    { "gs_base", 0xc0000101, 0x2233445566, false },
    { "kernel_gs_base", 0xc0000102, 0x3344556677, false },
    { "tsc_aux", 0xc0000103, 0x77, false },
    { "pat", 0x277, 0x0007010600070406, false },
    { "tsc_adjust", 0x3b, 0x100000, false },
    { "mtrr_def_type", 0x2ff, 0xc06, false },
    { "mtrr_fix_64k", 0x250, 0x0606060606060606, false },
    { "mtrr_fix_4k", 0x268, 0x0505050505050505, false },
    { "mtrr_base_0", 0x200, 0xc0000000, false },
    { "mtrr_mask_0", 0x201, 0xffc0000800, false },
    { "mtrr_base_7", 0x20e, 0xd0000006, false },
    { "mcg_status", 0x17a, 5, false },
    { "mc0_ctl", 0x400, ~0ull, false },
    { "mc3_status", 0x40d, 0, false },
    { "misc_enable", 0x1a0, 1, false },
    { "wall_clock", 0x4b564d00, 0x306000, false },
    { "async_pf_int", 0x4b564d06, 0x46, false },
    { "async_pf_en", 0x4b564d02, PAGE_FAULTS | 9, false },
    { "poll_control", 0x4b564d05, 0, false },
    { "migration_control", 0x4b564d08, 1, false },
    { "xss", 0xda0, 0, false },
    { "hv_guest_os_id", 0x40000000, 0x8100000000000001, false },
    { "hv_hypercall", 0x40000001, 0x300001, false },
    { "hv_reference_tsc", 0x40000021, 0x301001, false },
    { "hv_vp_assist", 0x40000073, 0x302001, false },
    { "hv_scontrol", 0x40000080, 1, false },
    { "hv_siefp", 0x40000082, 0x303001, false },
    { "hv_simp", 0x40000083, 0x304001, false },
    { "hv_sint3", 0x40000093, 0x10055, false },
    { "hv_stimer2_config", 0x400000b4, 0x30002, false },
    { "tsc_deadline", 0x6e0, 0x7000000000000000, false },
};
enum { N_MSRS = sizeof(msrs) / sizeof(msrs[0]) };

static void set_msrs(void)
{
    for (unsigned i = 0; i < N_MSRS; i++) {
        faulted = false;
        wrmsr(msrs[i].index, msrs[i].value);
        msrs[i].takes = rdmsr(msrs[i].index) == msrs[i].value && !faulted;
    }
}

static void check_msrs(void)
{
    for (unsigned i = 0; i < N_MSRS; i++) {
        uint64_t is = msrs[i].takes ? rdmsr(msrs[i].index) : 0;

        if (!msrs[i].takes) {
            complain('-', msrs[i].name, 0);
        } else if (is != msrs[i].value) {
            complain('!', msrs[i].name, is);
        }
    }
}

static uint64_t cr0, cr3, cr4, efer;

static void set_system(void)
{
    SET("cr2", 0xdeadbeef);
    SET("cr4", GET("cr4") | 0x8); /* DE */
    SET("cr8", 5);
    SET("dr0", 0x11111110);
    SET("dr1", 0x22222220);
    SET("dr2", 0x33333330);
    SET("dr3", 0x44444440);
    SET("dr6", 0xffff0ff1);
    SET("dr7", 0x402); /* G0: an address where no code is */
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 1); /* SCE */
    cr0 = GET("cr0");
    cr3 = GET("cr3");
    cr4 = GET("cr4");
    efer = rdmsr(0xc0000080);
}

static void check(const char *name, uint64_t is, uint64_t want)
{
    if (is != want) {
        complain('!', name, is);
    }
}

static void check_tables(void)
{
    Table t;
    uint16_t sel;

    __asm__ volatile("sidt %0" : "=m"(t));
    check("idt", t.base, (uint64_t)idt);
    check("idt_limit", t.limit, sizeof(idt) - 1);
    __asm__ volatile("sgdt %0" : "=m"(t));
    check("gdt", t.base, (uint64_t)gdt);
    __asm__ volatile("str %0" : "=r"(sel));
    check("tr", sel, 0x20);
    __asm__ volatile("mov %%fs, %0" : "=r"(sel));
    check("fs", sel, 0x18);
}

static void check_system(void)
{
    check("cr0", GET("cr0"), cr0);
    check("cr2", GET("cr2"), 0xdeadbeef);
    check("cr3", GET("cr3"), cr3);
    check("cr4", GET("cr4"), cr4);
    check("cr8", GET("cr8"), 5);
    check("efer", rdmsr(0xc0000080), efer);
    check("dr0", GET("dr0"), 0x11111110);
    check("dr1", GET("dr1"), 0x22222220);
    check("dr2", GET("dr2"), 0x33333330);
    check("dr3", GET("dr3"), 0x44444440);
    check("dr6", GET("dr6"), 0xffff0ff1);
    check("dr7", GET("dr7"), 0x402);
    check_tables();
}

/* --- FPU --- */

/* Eight x87 registers and XMM0 to 15 (SDM 1 10.5.1). */
static void set_fpu(void)
{
    __asm__ volatile("fxsave %0" : "=m"(fx));
    for (unsigned i = 32; i < 416; i++) {
        bool reserved = i < 160 && i % 16 >= 10;

        fx[i] = reserved ? 0 : (uint8_t)(i * 7 + 1);
    }
    *(uint16_t *)fx = 0x27f;         /* FCW: 53 bits */
    fx[4] = 0xff;                    /* FTW: all in use */
    *(uint32_t *)(fx + 24) = 0x3f80; /* MXCSR: round down */
    __asm__ volatile("fxrstor %1; fxsave %0" : "=m"(fx_was) : "m"(fx));
}

static void check_fpu(void)
{
    __asm__ volatile("fxsave %0" : "=m"(fx));
    for (unsigned i = 0; i < 416; i++) {
        if (fx[i] != fx_was[i]) {
            complain('!', "fxsave", i);
            return;
        }
    }
}

/* --- what XSAVE adds: one row a state component (SDM 1 13.1, 13.4) --- */

enum {
    XSAVE_HEADER = 512,
    XSAVE_MAX = 12288,
    PKE = 1 << 22,
    OSXSAVE = 1 << 18
};
static uint8_t xs[XSAVE_MAX] __attribute__((aligned(64)));
static uint8_t xs_was[XSAVE_MAX] __attribute__((aligned(64)));
static uint64_t xcr0;

/* AMX's tiles need a configuration that is valid, so they are not here. */
static struct {
    const char *name;
    uint8_t bit;
    uint64_t writable; /* of each 8 bytes */
    uint32_t size, offset;
} components[] = {
    { "ymm_high", 2, ~0ull, 0, 0 },        { "bndregs", 3, ~0ull, 0, 0 },
    { "bndcsr", 4, 0x7ffffffff003, 0, 0 }, { "opmask", 5, ~0ull, 0, 0 },
    { "zmm_high", 6, ~0ull, 0, 0 },        { "zmm16_31", 7, ~0ull, 0, 0 },
    { "pkru", 9, 0xffffffff, 0, 0 },
};
enum { COMPONENTS = sizeof(components) / sizeof(components[0]) };

static uint64_t xgetbv(void)
{
    uint32_t a, d;

    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return a | (uint64_t)d << 32;
}

static void xsave(uint8_t *area)
{
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(area), "a"(~0u), "d"(~0u)
                     : "memory");
}

/* Those that CPUID shows; what XCR0 is to be, 0: no XSAVE is here. */
static uint64_t find_components(void)
{
    uint64_t all = 3;

    if (!(cpuid(1, 0).c >> 26 & 1) || cpuid(0, 0).a < 0xd) {
        return 0;
    }
    for (unsigned i = 0; i < COMPONENTS; i++) {
        Cpuid c = cpuid(0xd, components[i].bit);

        if ((cpuid(0xd, 0).a >> components[i].bit & 1) && c.a && !(c.a % 8) &&
            c.b >= XSAVE_HEADER + 64 && c.b + c.a <= XSAVE_MAX) {
            components[i].size = c.a;
            components[i].offset = c.b;
            all |= 1ull << components[i].bit;
        }
    }
    return all == 3 ? 0 : all;
}

/* In the image of all that the CPU has, these components get values. */
static void fill_components(uint8_t *area)
{
    for (unsigned i = 0; i < COMPONENTS; i++) {
        for (unsigned at = 0; at < components[i].size; at += 8) {
            uint64_t v = 0x0123456789abcdefull * (at + 2 * i + 3);

            *(uint64_t *)(area + components[i].offset + at) =
                v & components[i].writable;
        }
    }
    *(uint64_t *)(area + XSAVE_HEADER) = xcr0; /* XSTATE_BV: all in use */
}

static void set_extended(void)
{
    xcr0 = find_components();
    if (!xcr0) {
        return;
    }
    SET("cr4", GET("cr4") | OSXSAVE | (cpuid(7, 0).c >> 3 & 1 ? PKE : 0));
    cr4 = GET("cr4");
    step = 3;
    faulted = false;
    __asm__ volatile("xsetbv"
                     :
                     : "a"((uint32_t)xcr0), "d"((uint32_t)(xcr0 >> 32)), "c"(0)
                     : "memory");
    step = 2;
    check("xsetbv", faulted, false);
    xsave(xs_was);
    fill_components(xs_was);
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(xs_was), "a"(~0u), "d"(~0u)
                     : "memory");
}

static void check_component(unsigned i)
{
    const uint64_t *is = (const uint64_t *)(xs + components[i].offset);
    const uint64_t *was = (const uint64_t *)(xs_was + components[i].offset);

    for (unsigned n = 0; n < components[i].size / 8; n++) {
        if (is[n] != was[n]) {
            complain('!', components[i].name, 8 * n);
            return;
        }
    }
}

static void check_extended(void)
{
    if (xcr0) {
        check("xcr0", xgetbv(), xcr0);
        xsave(xs);
    }
    for (unsigned i = 0; i < COMPONENTS; i++) {
        if (components[i].size) {
            check_component(i);
        } else {
            complain('-', components[i].name, 0);
        }
    }
}

/* --- time --- */

static volatile struct {
    uint32_t version, pad;
    uint64_t tsc, ns;
    uint32_t mul;
    int8_t shift;
    uint8_t flags, pad2[2];
} clock __attribute__((aligned(64)));
static uint64_t tsc_was, ns_was;

static uint64_t rdtsc(void)
{
    uint32_t a, d;

    __asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
    return a | (uint64_t)d << 32;
}

/* Linux Documentation/virt/kvm/x86/msr.rst, MSR_KVM_SYSTEM_TIME_NEW. */
static uint64_t clock_ns(void)
{
    uint64_t delta = rdtsc() - clock.tsc;

    delta = clock.shift < 0 ? delta >> -clock.shift : delta << clock.shift;
    return clock.ns + (uint64_t)((__uint128_t)delta * clock.mul >> 32);
}

static void set_time(void)
{
    wrmsr(0x4b564d01, (uint64_t)&clock | 1);
    wrmsr(0x4b564d03, (uint64_t)&pv[64] | 1); /* steal time */
    wrmsr(0x4b564d04, (uint64_t)&pv[0] | 1);  /* EOI */
    __asm__ volatile("pause");
    tsc_was = rdtsc();
    ns_was = clock.version ? clock_ns() : 0;
}

static void check_time(void)
{
    uint64_t tsc = rdtsc(), ns = clock.version ? clock_ns() : 0;

    check("kvmclock", rdmsr(0x4b564d01), (uint64_t)&clock | 1);
    check("steal_time", rdmsr(0x4b564d03), (uint64_t)&pv[64] | 1);
    check("pv_eoi", rdmsr(0x4b564d04), (uint64_t)&pv[0] | 1);
    if (tsc < tsc_was || tsc - tsc_was > 1ull << 45) {
        complain('!', "tsc", tsc - tsc_was);
    }
    if (!clock.version) {
        complain('-', "clock", 0);
    } else if (ns < ns_was || ns - ns_was > 1ull << 42) {
        complain('!', "clock", ns - ns_was); /* back, or over an hour on */
    }
}

/* --- local APIC --- */

static const struct {
    const char *name;
    uint32_t offset, value;
} lapic[] = {
    { "lvt_lint0", 0x350, 0x10041 },     { "lvt_lint1", 0x360, 0x10042 },
    { "lvt_error", 0x370, 0x10043 },     { "lvt_timer", 0x320, 0x40044 },
    { "spurious", 0xf0, 0x1ff },         { "divide", 0x3e0, 0xb },
    { "dest_format", 0xe0, 0xffffffff }, { "logical_dest", 0xd0, 0x2000000 },
};

static void set_lapic(void)
{
    for (unsigned i = 0; i < sizeof(lapic) / sizeof(lapic[0]); i++) {
        mmio_write(0xfee00000 + lapic[i].offset, lapic[i].value);
    }
}

static void check_lapic(void)
{
    for (unsigned i = 0; i < sizeof(lapic) / sizeof(lapic[0]); i++) {
        check(lapic[i].name, mmio_read(0xfee00000 + lapic[i].offset),
              lapic[i].value);
    }
    /* what came while interrupts were off is still to come */
    check("irr", mmio_read(0xfee00200 + 0x10 * (0x85 / 32)), 1u << 0x85 % 32);
}

static void ipi(uint32_t dest, uint32_t command)
{
    mmio_write(0xfee00310, dest << 24);
    mmio_write(0xfee00300, command);
}

static __attribute__((interrupt)) void arrived(Frame *f)
{
    (void)f;
    interrupts++;
    mmio_write(0xfee000b0, 0);
}

/* An asynchronous page fault is over: at once when they are switched on, as
 * all are told then, and again after a load (Linux Documentation/virt/kvm/x86/
 * msr.rst, MSR_KVM_ASYNC_PF_EN, _ACK). */
static __attribute__((interrupt)) void page_ready(Frame *f)
{
    (void)f;
    ((volatile uint32_t *)PAGE_FAULTS)[1] = 0;
    wrmsr(0x4b564d07, 1);
    mmio_write(0xfee000b0, 0);
}

/* --- the wait --- */

/* All general registers but RSP have a value meanwhile; the first whose value
 * is gone, or 0. */
uint64_t wait_with_registers(void);
__asm__(".text\nwait_with_registers:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov $0x1b, %ebx; mov $0x1c, %ecx; mov $0x1e, %esi; mov $0x1f, %edi\n"
        "mov $0x20, %ebp\n"
        "movabs $0x0808080808080808, %r8; movabs $0x0909090909090909, %r9\n"
        "movabs $0x1010101010101010, %r10; movabs $0x1111111111111111, %r11\n"
        "movabs $0x1212121212121212, %r12; movabs $0x1313131313131313, %r13\n"
        "movabs $0x1414141414141414, %r14; movabs $0x1515151515151515, %r15\n"
        "mov $0x3f8, %edx; mov $'S', %al; out %al, %dx; mov $0x3fd, %edx\n"
        "1: in %dx, %al; test $1, %al; jz 1b\n"
        "mov %rbx, %rax; cmp $0x1b, %rax; jne 2f\n"
        "mov %rcx, %rax; cmp $0x1c, %rax; jne 2f\n"
        "mov %rsi, %rax; cmp $0x1e, %rax; jne 2f\n"
        "mov %rdi, %rax; cmp $0x1f, %rax; jne 2f\n"
        "mov %rbp, %rax; cmp $0x20, %rax; jne 2f\n"
        "mov %rdx, %rax; cmp $0x3fd, %rax; jne 2f\n"
        "movabs $0x0808080808080808, %rax; cmp %r8, %rax; jne 2f\n"
        "movabs $0x0909090909090909, %rax; cmp %r9, %rax; jne 2f\n"
        "movabs $0x1010101010101010, %rax; cmp %r10, %rax; jne 2f\n"
        "movabs $0x1111111111111111, %rax; cmp %r11, %rax; jne 2f\n"
        "movabs $0x1212121212121212, %rax; cmp %r12, %rax; jne 2f\n"
        "movabs $0x1313131313131313, %rax; cmp %r13, %rax; jne 2f\n"
        "movabs $0x1414141414141414, %rax; cmp %r14, %rax; jne 2f\n"
        "movabs $0x1515151515151515, %rax; cmp %r15, %rax; jne 2f\n"
        "xor %eax, %eax\n"
        "2: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static void wait_and_check(void)
{
    uint64_t lost = wait_with_registers();

    put("\n");
    check("gpr", lost, 0);
    check_time();
    check_fpu();
    check_extended();
    check_system();
    check_msrs();
    check_lapic();
}

/* The first comes; the second is held back until this one returns. */
static __attribute__((interrupt)) void nmi(Frame *f)
{
    (void)f;
    if (++nmis == 1) {
        ipi(0, 0x44400); /* to itself */
        wait_and_check();
        check("nmi_masked", nmis, 1);
    }
}

static void load_tables(void)
{
    Table g = { sizeof(gdt) - 1, (uint64_t)gdt };
    Table i = { sizeof(idt) - 1, (uint64_t)idt };
    uint64_t base = (uint64_t)tss;

    gdt[1] = 0x00af9b000000ffff;
    gdt[2] = 0x00cf93000000ffff;
    gdt[4] = 0x0000890000000067 | (base & 0xffffff) << 16 |
             (base >> 24 & 0xff) << 56;
    set_gate(idt, 2, nmi);
    set_gate(idt, 13, fault);
    set_gate(idt, 0x45, arrived);
    set_gate(idt, 0x46, page_ready);
    set_gate(idt, 0x85, arrived);
    __asm__ volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(g), "m"(i), "r"(0x20));
}

void guest_other(void)
{
    Table i = { sizeof(idt) - 1, (uint64_t)idt };

    __asm__ volatile("lidt %0" : : "m"(i));
    mmio_write(0xfee000f0, 0x1ff);
    started++;
    __asm__ volatile("sti; hlt; cli");
    awake++;
    for (;;) {
        __asm__ volatile("hlt");
    }
}

/* INIT and a start-up IPI to one (SDM 3A 8.4.4.1). */
static void start(uint32_t id, uint32_t expected)
{
    ipi(id, 0x4500);
    for (volatile int i = 0; i < 20000; i++) {
    }
    ipi(id, 0x4608);
    while (started < expected) {
        __asm__ volatile("pause");
    }
}

static void check_others(void)
{
    start(2, 2);    /* it had not been: MP state */
    ipi(1, 0x4045); /* it slept */
    while (awake < 1) {
        __asm__ volatile("pause");
    }
}

void guest_main(const char *command_line)
{
    (void)command_line;
    load_tables();
    mmio_write(0xfee000f0, 0x1ff);
    start(1, 1);
    set_lapic();
    set_msrs(); /* the deadline needs the timer's mode */
    __asm__ volatile("sti; nop; nop; cli"); /* what they brought */
    set_time();
    set_system();
    set_fpu();
    set_extended();
    ipi(0, 0x4085);  /* pending, as interrupts are off */
    ipi(0, 0x44400); /* NMI: goes on in nmi() */
    while (nmis < 2) {
        __asm__ volatile("pause");
    }
    interrupts = 0;
    mmio_write(0xfee00080, 0); /* TPR; CR8 would do as well on real CPUs */
    __asm__ volatile("sti");
    for (unsigned i = 0; i < 1000000 && !interrupts; i++) {
        __asm__ volatile("pause");
    }
    __asm__ volatile("cli");
    check("interrupt", interrupts, 1);
    check_others();
    put(bad ? "BAD\n" : "ALL\n");
    finish(bad ? 2 : 1);
}
