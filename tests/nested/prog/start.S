# SPDX-License-Identifier: GPL-2.0-or-later
# Under programs in C: the PVH note, the way to long mode with the first 4 GiB
# mapped onto themselves, for the first CPU (guest_main) and for those that a
# start-up IPI of vector 8 brings here (guest_other). Intel SDM 3A 9.8.5.
    .section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long _start
    .text
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
    mov $pd, %edi               # 2048 pages of 2 MiB
    mov $0x83, %eax
    mov $2048, %ecx
1:  mov %eax, (%edi)
    movl $0, 4(%edi)
    add $8, %edi
    add $0x200000, %eax
    loop 1b
    movl $(pd + 0x0003), pdpt
    movl $(pd + 0x1003), pdpt + 8
    movl $(pd + 0x2003), pdpt + 16
    movl $(pd + 0x3003), pdpt + 24
    movl $(pdpt + 3), pml4
    mov $stacks, %esp
    xor %ebp, %ebp
enter_long:
    lgdt gdtr
    mov %cr4, %eax
    or $0x620, %eax             # PAE, OSFXSR, OSXMMEXCPT
    mov %eax, %cr4
    mov $pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov $0x80000011, %eax       # PG, ET, PE; caches on
    mov %eax, %cr0
    ljmp $0x08, $1f
    .code64
1:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
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
gdt:
    .quad 0
    .quad 0x00af9b000000ffff    # 08: 64-bit code
    .quad 0x00cf93000000ffff    # 10: data
    .quad 0x00cf9b000000ffff    # 18: 32-bit code
gdtr:
    .word . - gdt - 1
    .quad gdt
    .globl command_line
command_line: .quad 0
    .globl ap_stack
ap_stack: .long 8192
    .bss
    .balign 4096
pml4: .skip 4096
pdpt: .skip 4096
pd:   .skip 4 * 4096
stacks: .skip 17 * 8192
