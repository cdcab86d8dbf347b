/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For a debugger: places to stop, step and watch at, each with a name. The
 * first CPU says 'S' and then goes round `idle`; a second one, if there is
 * one, round `other`. The debugger sends a CPU to a place by its registers;
 * each place ends in `idle`. `seen` counts the exceptions that the guest's
 * handlers got, by vector; the last debug exception's DR6 and address are in
 * `debug_dr6` and `debug_rip`.
 */
#include "guest.h"

volatile uint64_t seen[32], debug_dr6, debug_rip;
volatile uint32_t turns, other_turns;
volatile uint64_t words[8];
static Gate idt[256];

extern char idle[], other[];

/* Places: reached by the debugger alone. */
__asm__(".text\n"
        ".globl idle, idle_on\n"
        "idle: incl turns(%rip)\n"
        "idle_on: pause\n jmp idle\n"
        ".globl other, other_on\n"
        "other: incl other_turns(%rip)\n"
        "other_on: pause\n jmp other\n"
        /* interrupts are held back for one insn (SDM 3A 6.8.1, 6.8.3) */
        ".globl at_sti\n"
        "at_sti: sti\n nop\n cli\n jmp idle\n"
        ".globl at_ss\n"
        "at_ss: mov %ss, %eax\n mov %eax, %ss\n nop\n nop\n jmp idle\n"
        ".globl at_hlt, hlt_on\n"
        "at_hlt: hlt\n"
        "hlt_on: nop\n cli\n jmp idle\n"
        ".globl at_in\n" /* dx: the port */
        "at_in: in %dx, %al\n nop\n jmp idle\n"
        ".globl at_mmio\n" /* rdi: a device's register */
        "at_mmio: mov (%rdi), %eax\n nop\n jmp idle\n"
        ".globl at_rep\n" /* rcx, rdi */
        "at_rep: rep stosb\n nop\n jmp idle\n"
        ".globl at_insb\n" /* rcx, dx, rdi */
        "at_insb: rep insb\n nop\n jmp idle\n"
        ".globl at_cpuid, at_store, at_store1, at_store2, at_store8, at_load\n"
        "at_cpuid: xor %eax, %eax\n cpuid\n nop\n jmp idle\n"
        /* rdi: where */
        "at_store: movl $7, (%rdi)\n nop\n jmp idle\n"
        "at_store1: movb $7, (%rdi)\n nop\n jmp idle\n"
        "at_store2: movw $7, (%rdi)\n nop\n jmp idle\n"
        "at_store8: movq $7, (%rdi)\n nop\n jmp idle\n"
        "at_load: mov (%rdi), %rax\n nop\n jmp idle\n"
        /* the guest's own exceptions */
        ".globl at_int, at_int3, at_ud, at_popf, at_iret\n"
        "at_int: int $0x80\n nop\n jmp idle\n"
        "at_int3: int3\n nop\n jmp idle\n"
        "at_ud: ud2\n nop\n jmp idle\n"
        "at_popf: pushf\n orl $0x100, (%rsp)\n popf\n nop\n nop\n jmp idle\n"
        "at_iret: mov %rsp, %rax\n push $0x10\n push %rax\n pushf\n push $8\n"
        " lea 1f(%rip), %rax\n push %rax\n iretq\n 1: nop\n jmp idle\n"
        /* its own debug registers: an insn, a write of 4 bytes to words[7] */
        ".globl at_dr, at_dr_insn, at_dr_data\n"
        "at_dr: lea at_dr_insn(%rip), %rax\n mov %rax, %dr0\n"
        " lea words + 56(%rip), %rax\n mov %rax, %dr1\n"
        " mov $0xd0060a, %eax\n mov %rax, %dr7\n"
        "at_dr_insn: nop\n movl $1, words + 56(%rip)\n"
        "at_dr_data: nop\n mov $0x400, %eax\n mov %rax, %dr7\n jmp idle\n"
        /* an insn that the guest writes over itself: al: the byte */
        ".globl at_patch, patched\n"
        "at_patch: mov %al, patched(%rip)\n cpuid\n nop\n"
        "patched: nop\n nop\n jmp idle\n"
        ".globl at_call, callee\n"
        "at_call: call callee\n nop\n jmp idle\n"
        "callee: nop\n ret\n");

static __attribute__((interrupt)) void on_debug(Frame *f)
{
    seen[1]++;
    debug_dr6 = GET("dr6");
    debug_rip = f->ip;
    f->flags &= ~0x100ull;
    f->flags |= 0x10000; /* RF: past an insn's own breakpoint */
    SET("dr6", 0xffff0ff0);
}

static __attribute__((interrupt)) void on_nmi(Frame *f)
{
    seen[2] += f->cs == 8;
}

static __attribute__((interrupt)) void on_int3(Frame *f)
{
    seen[3]++;
    debug_rip = f->ip;
}

static __attribute__((interrupt)) void on_ud(Frame *f)
{
    seen[6]++;
    f->ip += 2;
}

static __attribute__((interrupt)) void on_int80(Frame *f)
{
    seen[8] += f->cs == 8;
}

static void load_idt(void)
{
    Table table = { sizeof(idt) - 1, (uint64_t)idt };

    __asm__ volatile("lidt %0" : : "m"(table));
}

void guest_other(void)
{
    load_idt();
    __asm__ volatile("jmp other");
}

/* The command line: 1: start the other CPU, 0: do not. */
void guest_main(const char *command_line)
{
    set_gate(idt, 1, on_debug);
    set_gate(idt, 2, on_nmi);
    set_gate(idt, 3, on_int3);
    set_gate(idt, 6, on_ud);
    set_gate(idt, 0x80, on_int80);
    load_idt();
    mmio_write(0xfee000f0, 0x1ff);
    mmio_write(0xfee00360, 0x400); /* LINT1: NMI (SDM 3A 10.5.1) */
    if (number(&command_line)) {
        start_others();
    }
    put("S");
    __asm__ volatile("jmp idle");
    __builtin_unreachable();
}
