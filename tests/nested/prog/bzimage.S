# SPDX-License-Identifier: GPL-2.0-or-later
# A kernel by Linux's boot protocol (Documentation/arch/x86/boot.rst), version
# 2.10, not relocatable, 32 bits: 1 KiB of set-up code, then what runs at 1 MiB.
# Each right thing that it finds is a letter. From 16 bits: R, then the rest.
#include "guest.inc"
    .text
    .set CODE, protected - 0x100000     # label - CODE is where it runs
    .code16
    .globl _start
_start:
    .org 0x1f1
    .byte 1                     # setup_sects
    .org 0x1fe
    .word 0xaa55
    .byte 0xeb, header_end - magic      # jump; also the header's length
magic:
    .ascii "HdrS"
    .word 0x20a
    .org 0x211
    .byte 1                     # LOADED_HIGH
    .org 0x214
    .long entry - CODE          # code32_start
    .org 0x22c
    .long 0x7fffffff            # initrd_addr_max
    .long 0x1000                # kernel_alignment
    .byte 0, 0                  # not relocatable
    .org 0x238
    .long 255                   # cmdline_size
    .org 0x258
    .quad 0x200000              # pref_address
    .long 0x10000               # init_size
    .org 0x268
header_end:
    # Real mode: CS is 0x20 paragraphs behind the segment of the set-up code.
    cli
    mov %ds, %ax
    putc 'R'
    mov %ds, %ax
    movzx %ax, %esi
    shl $4, %esi                # the parameters, as a linear address
    mov %cs, %ax
    movzx %ax, %eax
    shl $4, %eax
    add $(gdt - 0x200), %eax
    mov %eax, %cs:(gdtr + 2 - 0x200)
    lgdtl %cs:(gdtr - 0x200)
    mov %cr0, %eax
    or $1, %eax
    mov %eax, %cr0
    xor %ebx, %ebx
    xor %ebp, %ebp
    xor %edi, %edi
    mov $0x18, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    ljmpl $0x10, $(entry - CODE)
    .balign 8
gdt:
    .quad 0, 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
gdtr:
    .word . - gdt - 1
    .long 0

    .org 0x400
protected:
    .code32
    finish 1                    # not here: code32_start is further on
    .balign 64
entry:
    mov %ebx, %eax
    or %ebp, %eax
    or %edi, %eax
    jnz 1f
    putc '0'                    # EBX, EBP, EDI
1:  mov %cr0, %eax
    and $0x80000001, %eax
    cmp $1, %eax
    jne 1f
    putc 'P'                    # protected, no paging
1:  cmpl $0x53726448, 0x202(%esi)
    jne 1f
    putc 'H'                    # the header
1:  mov 0x228(%esi), %ecx
    cmpl $0x65746f6e, (%ecx)    # "note": the command line
    jne 1f
    putc 'C'
1:  cmpl $5, 0x21c(%esi)        # an initrd of five bytes
    jne 1f
    mov 0x218(%esi), %ecx
    cmpl $0x6472696e, (%ecx)
    jne 1f
    putc 'I'
1:  putc '\n'
    finish 21
