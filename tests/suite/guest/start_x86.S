# SPDX-License-Identifier: GPL-2.0-or-later
# PVH entry (Xen docs/misc/pvh.pandoc), then long mode with the first 4 GiB
# mapped onto themselves (Intel SDM 3A 9.8.5, 4.5). IDT: exceptions end the
# program, vector 0x40 + n is input n of the I/O APIC.
    .section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long _start
    .text
    .code32
    .globl _start
_start:
    cli
    movl $(pdpt + 3), pml4
    mov $pdpt, %edi
    mov $(directories + 3), %eax
1:  mov %eax, (%edi)
    add $8, %edi
    add $4096, %eax
    cmp $(pdpt + 32), %edi
    jb 1b
    mov $directories, %edi
    mov $0x83, %eax             # present, writable, 2 MiB
2:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    jnc 2b
    mov $pml4, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x20, %eax              # PAE
    mov %eax, %cr4
    mov $0xc0000080, %ecx       # EFER.LME
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    lgdt gdtr
    ljmp $0x08, $3f
    .code64
3:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $stack_top, %rsp
    mov $idt, %edi
    mov $gates, %ebx
4:  mov %ebx, %eax              # interrupt gate, SDM 3A 6.14.1
    mov %ax, (%rdi)
    movw $0x08, 2(%rdi)
    movw $0x8e00, 4(%rdi)
    shr $16, %eax
    mov %ax, 6(%rdi)
    add $16, %edi
    add $16, %ebx
    cmp $gates_end, %ebx
    jb 4b
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
gdt:
    .quad 0
    .quad 0x00af9b000000ffff    # 08: 64-bit code
    .quad 0x00cf93000000ffff    # 10: data
gdtr:
    .word . - gdt - 1
    .quad gdt
idtr:
    .word 0x58 * 16 - 1
    .quad idt
    .bss
    .balign 4096
pml4: .skip 4096
pdpt: .skip 4096
directories: .skip 4 * 4096
idt: .skip 0x58 * 16
window: .skip 8
    .section .note.GNU-stack, "", @progbits
