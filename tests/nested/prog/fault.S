# SPDX-License-Identifier: GPL-2.0-or-later
# The first byte of the command line says what goes wrong: 't' a triple fault,
# 'x' code where no memory is. 'n': nothing. The number of starts is kept in
# memory that a reset leaves as it is.
#include "guest.inc"
    .code32
    .globl _start
_start:
    cli
    mov %ebx, %esi              # struct hvm_start_info (Xen pvh.pandoc)
    incl 0x300000
    mov 0x300000, %al
    add $'0', %al
    mov $0x3f8, %dx
    out %al, %dx
    mov 24(%esi), %eax          # cmdline_paddr
    mov (%eax), %al
    cmpb $2, 0x300000
    je done
    cmp $'t', %al
    je triple
    cmp $'x', %al
    je nowhere
done:
    putc '\n'
    finish 1
triple:
    lidt none
    ud2
nowhere:
    mov $0xe8000000, %eax
    jmp *%eax
    .balign 4
none: .word 0
      .long 0
