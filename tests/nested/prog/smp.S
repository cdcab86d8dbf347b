# SPDX-License-Identifier: GPL-2.0-or-later
# INIT, then a start-up IPI to all others (SDM 3A 8.4.4), who count themselves
# in real mode at 0x8000; the first CPU says how many came.
#include "guest.inc"
    .code32
    .globl _start
_start:
    cli
    mov $ap_start, %esi
    mov $0x8000, %edi
    mov $(ap_end - ap_start), %ecx
    rep movsb
    movl $0, 0x7f00
    movl $0x1ff, 0xfee000f0
    movl $0xc4500, 0xfee00300   # INIT to all but self
    mov $100000, %ecx
1:  loop 1b
    movl $0xc4608, 0xfee00300   # SIPI, vector 8
    mov $40000000, %ecx
2:  mov 0x7f00, %eax
    cmp $3, %eax
    je 3f
    pause
    loop 2b
3:  add $'0', %al
    mov $0x3f8, %dx
    out %al, %dx
    putc '\n'
    finish 5
    .code16
ap_start:
    xor %ax, %ax
    mov %ax, %ds
    lock incl 0x7f00
4:  hlt
    jmp 4b
ap_end:
