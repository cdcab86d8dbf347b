# SPDX-License-Identifier: GPL-2.0-or-later
# A PCI function's expansion ROM (PCI 3.0, 6.2.5.2) in a read-only slot: 4096
# reads, then as many writes as the digit of the command line says, which
# change nothing. 'R' when its first word is the one that the test wrote.
#include "guest.inc"
    .set ECAM, 0xe0000000
    .set ROM, 0xc0000000
    .code32
    .globl _start
_start:
    mov 24(%ebx), %esi          # cmdline_paddr
    movzbl (%esi), %ebp
    sub $'0', %ebp
    mov $ECAM, %ebx
1:  add $0x8000, %ebx           # the next device's function 0
    cmpw $0x1af4, (%ebx)
    jne 1b
    movl $(ROM + 1), 0x30(%ebx) # expansion ROM base address, enabled
    orw $2, 4(%ebx)             # command: memory space
    mov $ROM, %edi
    mov $4096, %ecx
2:  mov (%edi), %eax
    dec %ecx
    jnz 2b
    test %ebp, %ebp
    jz 4f
3:  movl $0xdeadbeef, (%edi)
    dec %ebp
    jnz 3b
4:  cmpl $0x5aa51234, (%edi)
    jne 5f
    putc 'R'
5:  putc '\n'
    finish 6
