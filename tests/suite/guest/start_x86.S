# SPDX-License-Identifier: GPL-2.0-or-later
# Long mode, as in tests/nested/prog; then an IDT: exceptions end the program,
# vector 0x40 + n is input n of the I/O APIC.
#include "long.inc"
    .code32
    .globl _start
_start:
    cli
    map_4_gib
    long_mode
    mov $stack_top, %rsp
    mov $idt, %edi
    mov $gates, %ebx
1:  mov %ebx, %eax              # interrupt gate, SDM 3A 6.14.1
    mov %ax, (%rdi)
    movw $0x08, 2(%rdi)
    movw $0x8e00, 4(%rdi)
    shr $16, %eax
    mov %ax, 6(%rdi)
    add $16, %edi
    add $16, %ebx
    cmp $gates_end, %ebx
    jb 1b
    lidt idtr
    call main

# A gate of 16 bytes for each of the vectors 0 to 0x57.
    .balign 16
gates:
    .set vector, 0
    .rept 0x58
    .balign 16
    mov $vector, %edi
    jmp entered
    .set vector, vector + 1
    .endr
    .balign 16
gates_end:
entered:
    sub $0x40, %edi
    js 5f
    mov %edi, %eax              # back from irq_window() with the line; no
    mov window, %rsp            # IRET, which a software KVM may lack
    jmp 6f
5:  add $0x40, %edi
    mov (%rsp), %rsi
    mov 8(%rsp), %rdx
    call fault

# int irq_window(void): wait for an interrupt; its line.
    .globl irq_window
irq_window:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, window
1:  sti
    hlt                         # woken by what is or becomes pending
    cli
    jmp 1b
6:  pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .data
    .balign 8
idtr:
    .word 0x58 * 16 - 1
    .quad idt
    .bss
    .balign 4096
idt: .skip 0x58 * 16
window: .skip 8
    .section .note.GNU-stack, "", @progbits
