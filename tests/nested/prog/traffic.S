# SPDX-License-Identifier: GPL-2.0-or-later
# Random port and MMIO traffic: the command line is "SEED COUNT", eight
# hexadecimal digits each. Sizes 1, 2 and 4, both directions, string I/O too;
# addresses lie in the board's windows, the rest anywhere. The port that ends
# the program and the power register are left out; a device may still write
# over us, and then the guest dies in its own way.
#include "guest.inc"
    .set STATUS_PORT, 0xf4
    .code32
    .globl _start
_start:
    cli
    mov $stack, %esp
    mov 24(%ebx), %esi          # cmdline_paddr
    call hex
    mov %ebx, state
    inc %esi
    call hex
    mov %ebx, left
    putc 'F'
again:
    call random
    mov %eax, %ebp              # kind: bits 0 port, 1 write, 2..3 size, 4 string
    test $1, %ebp
    jz mmio

    call random
    mov %eax, %edx
    test $2, %ah                # half of them at devices that are there
    jz 1f
    and $15, %edx
    movzwl ports(,%edx,2), %ecx
    shr $8, %eax
    and $7, %eax
    add %eax, %ecx
    mov %ecx, %edx
1:  movzwl %dx, %edx
    mov %edx, %eax
    and $~7, %eax
    cmp $(STATUS_PORT & ~7), %eax
    je next
    call random
    mov $buffer, %edi
    mov $buffer, %esi
    mov $9, %ecx
    mov %ebp, %ebx
    shr $2, %ebx
    and $3, %ebx
    test $16, %ebp
    jz 2f
    add $4, %ebx
2:  test $2, %ebp
    jz 3f
    add $8, %ebx
3:  jmp *port_kinds(,%ebx,4)
in1: in %dx, %al
    jmp next
in2: in %dx, %ax
    jmp next
in4: in %dx, %eax
    jmp next
ins1: rep insb
    jmp next
ins2: rep insw
    jmp next
ins4: rep insl
    jmp next
out1: out %al, %dx
    jmp next
out2: out %ax, %dx
    jmp next
out4: out %eax, %dx
    jmp next
outs1: rep outsb
    jmp next
outs2: rep outsw
    jmp next
outs4: rep outsl
    jmp next

mmio:
    call random
    mov %eax, %edx
    and $7, %edx
    mov windows(,%edx,8), %edi
    mov masks(,%edx,8), %ecx
    shr $3, %eax
    and %ecx, %eax
    add %eax, %edi
    test $0xc0, %bh
    jz 1f
    and $~3, %edi               # mostly aligned
1:  cmp $0xfea00200, %edi       # the generic event device's power register
    jb 2f
    cmp $0xfea00210, %edi
    jb next
2:  call random
    mov %ebp, %ebx
    shr $2, %ebx
    and $3, %ebx
    test $2, %ebp
    jz 3f
    add $4, %ebx
3:  jmp *mmio_kinds(,%ebx,4)
rd1: movb (%edi), %al
    jmp next
rd2: movw (%edi), %ax
    jmp next
rd4: movl (%edi), %eax
    jmp next
wr1: movb %al, (%edi)
    jmp next
wr2: movw %ax, (%edi)
    jmp next
wr4: movl %eax, (%edi)
next:
    decl left
    jnz again
    finish 4

random:                         # xorshift32 into EAX; EBX: the same
    mov state, %eax
    mov %eax, %ebx
    shl $13, %ebx
    xor %ebx, %eax
    mov %eax, %ebx
    shr $17, %ebx
    xor %ebx, %eax
    mov %eax, %ebx
    shl $5, %ebx
    xor %ebx, %eax
    mov %eax, state
    mov %eax, %ebx
    ret

hex:                            # eight digits at ESI into EBX
    xor %ebx, %ebx
    mov $8, %ecx
1:  shl $4, %ebx
    movzbl (%esi), %eax
    inc %esi
    sub $'0', %eax
    cmp $9, %eax
    jbe 2f
    sub $('a' - '9' - 1), %eax
2:  or %eax, %ebx
    dec %ecx
    jnz 1b
    ret
    .data
    .balign 4
state: .long 1
left: .long 1
ports: .word 0x3f8, 0x3f8, 0x2f8, 0x510, 0x514, 0x402, 0x505, 0x70
    .word 0x60, 0x64, 0x20, 0xa0, 0x40, 0xcf8, 0x600, 0x3f8
port_kinds: .long in1, in2, in4, in4, ins1, ins2, ins4, ins1
    .long out1, out2, out4, out4, outs1, outs2, outs4, outs1
mmio_kinds: .long rd1, rd2, rd4, rd4, wr1, wr2, wr4, wr4
windows: .long 0xfeb00000       # each with its mask
masks: .long 0x1fff
    .long 0xfeb00000, 0x1ff
    .long 0xfec00000, 0xff
    .long 0xfea00000, 0xfff
    .long 0xe0000000, 0xfffff
    .long 0xc0000000, 0xffffff
    .long 0xfee00000, 0x3ff
    .long 0x08000000, 0xf7ffffff
    .bss
    .balign 16
buffer: .skip 64
    .skip 1024
stack:
