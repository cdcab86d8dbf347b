# SPDX-License-Identifier: GPL-2.0-or-later
# Exits for measuring: 4096 reads of port 0x3fd (LSR), a mark, 4096 reads of
# the I/O APIC's index register, a mark. The host times the marks.
#include "guest.inc"
    .code32
    .globl _start
_start:
    mov $0x511, %dx
    putc '0'
    mov $4096, %ecx
    mov $0x3fd, %dx
1:  in %dx, %al
    loop 1b
    putc '1'
    mov $4096, %ecx
2:  mov 0xfec00000, %eax
    loop 2b
    putc '2'
    finish 0
