# SPDX-License-Identifier: GPL-2.0-or-later
# The 8254's counter 0 through the 8259s and LINT0 as ExtINT (SDM 3A 10.5.1,
# 8259A "Programming"). Command line '1': ten interrupts at vector 0x20, 'i',
# and none while the input is masked, 'm'. '0': nobody told of 8259s, and
# whatever counter 0 does, no interrupt comes: 'n'. '2': as '1', 'S', and on
# for ever; 'X' is an interrupt at another vector.
#include "guest.inc"
    .set count, 0x200000        # the host looks there, too
    .macro outb port, value
    mov $\value, %al
    out %al, $\port
    .endm
    .code32
    .globl _start
_start:
    cli
    mov $stack, %esp
    mov 24(%ebx), %esi          # cmdline_paddr
    mov $idt, %edi
1:  movl $stray, %eax
    cmp $idt + 0x20 * 8, %edi
    jne 5f
    movl $handler, %eax
5:
    mov %ax, (%edi)
    movw $0x10, 2(%edi)
    movw $0x8e00, 4(%edi)
    shr $16, %eax
    mov %ax, 6(%edi)
    add $8, %edi
    cmp $idt + 0x30 * 8, %edi
    jb 1b
    lidt idtr
    movl $0x1ff, 0xfee000f0     # local APIC on
    movl $0x10000, 0xfee00320
    movl $0x700, 0xfee00350     # LINT0: ExtINT
    movl $0, 0xfee00080
    cmpb $'0', (%esi)
    je untold
    mov %esi, %ebx

    outb 0x20, 0x11             # ICW1 to ICW4
    outb 0x21, 0x20
    outb 0x21, 4
    outb 0x21, 1
    outb 0xa0, 0x11
    outb 0xa1, 0x28
    outb 0xa1, 2
    outb 0xa1, 1
    outb 0xa1, 0xff
    outb 0x21, 0xfe
    call ticks
    cmpb $'2', (%ebx)
    jne 2f
    putc 'S'
6:  sti
    hlt
    jmp 6b
2:  cli
    cmpl $10, count
    jae 3f
    sti
    hlt
    jmp 2b
3:  outb 0x21, 0xff
    putc 'i'
    mov count, %ebx
    sti
    call wait_out
    cli
    cmp count, %ebx
    jne 4f
    putc 'm'
    jmp 4f

untold:
    call ticks
    sti
    call wait_out
    cli
    cmpl $0, count
    jne 4f
    putc 'n'
4:  putc '\n'
    finish 9

# Counter 0, mode 2, 1 kHz.
ticks:
    outb 0x43, 0x34
    outb 0x40, 0xa9
    outb 0x40, 0x04
    ret

# Until the count was seen to begin anew four times.
wait_out:
    mov $4, %ebp
    mov $0xffff, %ecx
1:  outb 0x43, 0
    in $0x40, %al
    mov %al, %dl
    in $0x40, %al
    mov %al, %dh
    movzwl %dx, %edx
    cmp %ecx, %edx
    mov %edx, %ecx
    jbe 1b
    dec %ebp
    jnz 1b
    ret

stray:
    incl count
    putc 'X'
    hlt

handler:
    push %eax
    incl count
    outb 0x20, 0x20             # EOI
    pop %eax
    leave_handler
    .data
idtr: .word 0x7ff
      .long idt
    .bss
    .balign 16
idt: .skip 2048
    .skip 1024
stack:
