# SPDX-License-Identifier: GPL-2.0-or-later
# Counts at 0x200000 and writes page after page from 0x400000 on, 4 MiB, each
# word the pass it belongs to; the host stops, moves and inspects it. A pass
# that reads anything but the last one says 'X'.
#include "guest.inc"
    .code32
    .globl _start
_start:
    putc 'S'
    mov $1, %ebx
pass:
    mov $0x400000, %edi
    lea -1(%ebx), %edx
1:  cmp %edx, (%edi)
    je 2f
    push_x:
    mov %edx, %esi
    putc 'X'
    mov %esi, %edx
2:  mov %ebx, (%edi)
    add $4096, %edi
    cmp $0x800000, %edi
    jb 1b
    mov %ebx, 0x200000
    .globl counted
counted:
    inc %ebx
    jmp pass
