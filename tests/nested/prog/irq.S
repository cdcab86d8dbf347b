# SPDX-License-Identifier: GPL-2.0-or-later
# COM1's "transmitter empty" through the I/O APIC (input 4) to vector 0x40,
# ten times, edge-triggered; then the same pin level-triggered, so that each
# end of interrupt has to come back. 82093AA 3.2.4, SDM 3A 10.8.
#include "guest.inc"
    .code32
    .globl _start
_start:
    cli
    mov $stack, %esp
    movl $handler, %eax
    mov %ax, idt + 0x40 * 8
    movw $0x10, idt + 0x40 * 8 + 2
    movw $0x8e00, idt + 0x40 * 8 + 4
    shr $16, %eax
    mov %ax, idt + 0x40 * 8 + 6
    lidt idtr
    movl $0x1ff, 0xfee000f0     # local APIC on
    movl $0, 0xfee00080
    mov $0x40, %ebx             # edge, fixed, to APIC 0
    call rounds
    mov $0x8040, %ebx           # level
    call rounds
    putc '\n'
    finish 3

# Ten interrupts with the low half of the redirection entry in EBX.
rounds:
    movl $0x18 + 1, 0xfec00000  # entry 4: 0x10 + 2 * 4
    movl $0, 0xfec00010
    movl $0x18, 0xfec00000
    mov %ebx, 0xfec00010
    movl $0, count
1:  cli
    mov $0x3f9, %dx
    mov $2, %al                 # IER: THR empty
    out %al, %dx
    sti
2:  hlt
    mov count, %eax
    cmp %eax, seen
    je 2b
    mov %eax, seen
    cmp $10, %eax
    jb 1b
    cli
    movl $0, seen
    movl $0x18, 0xfec00000
    movl $0x10000, 0xfec00010
    putc 'i'
    ret

handler:
    push %eax
    push %edx
    mov $0x3fa, %dx             # IIR: acknowledges
    in %dx, %al
    mov $0x3f9, %dx
    xor %al, %al
    out %al, %dx
    incl count
    movl $0, 0xfee000b0         # EOI
    pop %edx
    pop %eax
    leave_handler
    .data
idtr: .word 0x7ff
      .long idt
count: .long 0
seen:  .long 0
    .bss
    .balign 16
idt: .skip 2048
    .skip 1024
stack:
