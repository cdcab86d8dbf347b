# SPDX-License-Identifier: GPL-2.0-or-later
# A driver of virtio-rng or virtio-blk over PCI with MSI-X (VIRTIO 1.2, 4.1.4,
# 4.1.5, 5.2.6; PCI 3.0, 6.8.2): ten requests with an interrupt each, 'i'; one while the vector is
# masked shows as pending, 'P'; it comes as another vector when it is unmasked,
# 'U', and is pending no more, 'C'.
#include "guest.inc"
    .set ECAM, 0xe0000000
    .set MSIX, 0xc0000000
    .set ENTRY, MSIX + 16       # of vector 1
    .set COMMON, 0xc0010000
    .set NOTIFY, COMMON + 0x3000
    .macro reg offset, value
    movl $\value, COMMON + \offset
    .endm
    .macro reg16 offset, value
    movw $\value, COMMON + \offset
    .endm
    .macro status value
    movb $\value, COMMON + 0x14
    .endm
    .macro gate vector, handler
    movl $\handler, %eax
    mov %ax, idt + \vector * 8
    movw $0x10, idt + \vector * 8 + 2
    movw $0x8e00, idt + \vector * 8 + 4
    shr $16, %eax
    mov %ax, idt + \vector * 8 + 6
    .endm
    .macro handler counter
    incl \counter
    movl $0, 0xfee000b0         # EOI
    leave_handler
    .endm

    .code32
    .globl _start
_start:
    cli
    mov $stack, %esp
    gate 0x40, first
    gate 0x41, second
    lidt idtr
    movl $0x1ff, 0xfee000f0     # local APIC on
    movl $0, 0xfee00080
    mov $ECAM, %ebx
1:  add $0x8000, %ebx           # the next device's function 0
    cmpw $0x1af4, (%ebx)
    jne 1b
    cmpw $0x1001, 2(%ebx)       # a disk takes the whole chain
    je 7f
    movl $0x10001, avail + 4
    movl $0x10001, avail + 8
7:  movl $MSIX, 0x14(%ebx)
    movl $COMMON, 0x20(%ebx)
    movl $0, 0x24(%ebx)
    orw $6, 4(%ebx)             # command: memory space, bus master
    movzbl 0x34(%ebx), %esi
2:  cmpb $0x11, (%ebx, %esi)    # the capability of MSI-X
    je 3f
    movzbl 1(%ebx, %esi), %esi
    jmp 2b
3:  movl $0xfee00000, ENTRY
    movl $0, ENTRY + 4
    movl $0x40, ENTRY + 8
    movl $0, ENTRY + 12
    orw $0x8000, 2(%ebx, %esi)
    mov 8(%ebx, %esi), %edi     # PBA: its BAR is the table's
    and $~7, %edi
    add $MSIX, %edi

    status 0
    status 3                    # ACKNOWLEDGE, DRIVER
    reg 0x08, 1
    reg 0x0c, 1                 # VIRTIO_F_VERSION_1
    reg 0x08, 0
    reg 0x0c, 0
    status 11                   # FEATURES_OK
    reg16 0x16, 0
    reg16 0x18, 4
    reg16 0x1a, 1               # queue_msix_vector
    reg 0x20, table
    reg 0x24, 0
    reg 0x28, avail
    reg 0x2c, 0
    reg 0x30, used
    reg 0x34, 0
    reg16 0x1c, 1
    status 15                   # DRIVER_OK

    mov $1, %ebp
4:  call buffer_out
    mov $n_first, %edx
    call await
    inc %ebp
    cmp $10, %ebp
    jbe 4b
    putc 'i'

    movl $1, ENTRY + 12
    call buffer_out
5:  pause
    testl $2, (%edi)
    jz 5b
    putc 'P'
    movl $0x41, ENTRY + 8
    movl $0, ENTRY + 12
    mov $1, %ebp
    mov $n_second, %edx
    call await
    cmpl $10, n_first           # the masked one was not lost to this
    jne 6f
    putc 'U'
    testl $2, (%edi)
    jnz 6f
    putc 'C'
6:  putc '\n'
    finish 7

# One more buffer for the device.
buffer_out:
    incw avail + 2
    movw $0, NOTIFY
    ret

# Until the counter at EDX is EBP; STI holds off until behind HLT.
await:
    cli
    cmp %ebp, (%edx)
    je 1f
    sti
    hlt
    jmp await
1:  ret

first:
    handler n_first
second:
    handler n_second
    .data
idtr: .word 0x7ff
      .long idt
n_first: .long 0
n_second: .long 0
    .balign 16
table: .long header, 0
    .long 16
    .word 1, 1                  # next: 1
    .long buffer, 0
    .long 513
    .word 2, 0                  # the device writes
header: .long 0, 0, 0, 0        # read sector 0
avail: .word 0, 0, 0, 0, 0, 0, 0
    .balign 4
used: .skip 64
buffer: .skip 513
    .bss
    .balign 16
idt: .skip 2048
    .skip 1024
stack:
