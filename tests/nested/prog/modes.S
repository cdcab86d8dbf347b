# SPDX-License-Identifier: GPL-2.0-or-later
# Protected mode, real mode, protected mode again, long mode: a letter each.
# Intel SDM 3A 9.9 (switching modes), 9.8.5 (IA-32e).
#include "guest.inc"
    .code32
    .globl _start
_start:
    cli
    putc 'P'
    mov $real_start, %esi       # real-mode code runs at 0x8000
    mov $0x8000, %edi
    mov $(real_end - real_start), %ecx
    rep movsb
    lgdt gdtr
    ljmp $0x08, $1f
    .code16
1:  mov $0x20, %ax              # 64 KiB data
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    ljmpl $0x28, $0x8000        # 16-bit code at base 0
    .code32
back:
    mov $0x18, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $stack, %esp
    putc 'p'
    # long mode: one 2 MiB page onto itself
    movl $(pdpt + 3), pml4
    movl $(pd + 3), pdpt
    movl $0x83, pd
    mov $pml4, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $0x30, $long_mode
    .code64
long_mode:
    movabs $0x1122334455667788, %rax
    mov %rax, %r15
    shr $56, %r15
    cmp $0x11, %r15
    jne 2f
    putc 'L'
2:  putc '\n'
    finish 7

    .code16
real_start:
    mov %cr0, %eax
    and $~1, %eax
    mov %eax, %cr0
    ljmp $0, $(0x8000 + real - real_start)
real:
    xor %ax, %ax
    mov %ax, %ds
    putc 'R'
    mov %cr0, %eax
    or $1, %eax
    mov %eax, %cr0
    ljmpl $0x10, $back
real_end:

    .code32
    .balign 8
gdt:
    .quad 0
    .quad 0x008f9b000000ffff    # 08: 16-bit code, 4 GiB
    .quad 0x00cf9b000000ffff    # 10: 32-bit code
    .quad 0x00cf93000000ffff    # 18: data
    .quad 0x000093000000ffff    # 20: 64 KiB data
    .quad 0x00009b000000ffff    # 28: 16-bit code, 64 KiB
    .quad 0x00af9b000000ffff    # 30: 64-bit code
gdtr:
    .word . - gdt - 1
    .long gdt
    .bss
    .balign 4096
pml4: .skip 4096
pdpt: .skip 4096
pd:   .skip 4096
    .skip 256
stack:
