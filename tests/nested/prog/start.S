# SPDX-License-Identifier: GPL-2.0-or-later
# Under programs in C: long mode for the first CPU (guest_main) and for those
# that a start-up IPI of vector 8 brings here (guest_other).
#include "long.inc"
    .code32
    .globl _start
_start:
    cli
    mov 24(%ebx), %esi          # cmdline_paddr
    mov %esi, command_line
    mov $ap_start, %esi
    mov $0x8000, %edi
    mov $(ap_end - ap_start), %ecx
    rep movsb
    map_4_gib
    mov $stacks, %esp
    xor %ebp, %ebp
enter_long:
    long_mode 0x600             # OSFXSR, OSXMMEXCPT
    lea 8192(%rsp), %rsp
    fninit
    test %ebp, %ebp
    jnz 2f
    mov command_line, %edi
    call guest_main
2:  call guest_other
3:  hlt
    jmp 3b

    .code16
ap_start:
    xor %ax, %ax
    mov %ax, %ds
    lgdtl 0x8000 + ap_gdtr - ap_start
    mov %cr0, %eax
    or $1, %eax
    mov %eax, %cr0
    ljmpl $0x18, $ap_protected
ap_gdtr:
    .word gdtr - gdt - 1
    .long gdt
ap_end:
    .code32
ap_protected:
    mov $0x10, %eax
    mov %eax, %ds
    mov $8192, %ebp             # a stack of its own
    lock xadd %ebp, ap_stack
    lea stacks(%ebp), %esp
    jmp enter_long

    .data
    .balign 8
    .globl command_line
command_line: .quad 0
    .globl ap_stack
ap_stack: .long 8192
    .bss
    .balign 4096
stacks: .skip 17 * 8192
