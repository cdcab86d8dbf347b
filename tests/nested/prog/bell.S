# SPDX-License-Identifier: GPL-2.0-or-later
# A driver of virtio-rng over MMIO (VIRTIO 1.2, 3.1.1, 4.2.2): 'S', one buffer
# and 1000 notifications, 'E', and 'R' when the buffer came back.
#include "guest.inc"
    .set MAGIC_SLOTS, 0xfeb00000
    .macro reg offset, value
    movl $\value, \offset(%ebx)
    .endm
    .code32
    .globl _start
_start:
    mov $MAGIC_SLOTS - 512, %ebx
1:  add $512, %ebx
    cmpl $4, 8(%ebx)            # DeviceID: entropy source
    jne 1b
    reg 0x70, 0
    reg 0x70, 3                 # ACKNOWLEDGE, DRIVER
    reg 0x24, 1
    reg 0x20, 1                 # VIRTIO_F_VERSION_1
    reg 0x24, 0
    reg 0x20, 0
    reg 0x70, 11                # FEATURES_OK
    reg 0x30, 0
    reg 0x38, 4
    reg 0x80, table
    reg 0x84, 0
    reg 0x90, avail
    reg 0x94, 0
    reg 0xa0, used
    reg 0xa4, 0
    reg 0x44, 1
    reg 0x70, 15                # DRIVER_OK
    putc 'S'
    movw $1, avail + 2
    mov $1000, %ecx
2:  reg 0x50, 0
    dec %ecx
    jnz 2b
    putc 'E'
3:  pause
    cmpw $1, used + 2
    jne 3b
    putc 'R'
    putc '\n'
    finish 2
    .data
    .balign 16
table: .long buffer, 0
    .long 8
    .word 2, 0                  # the device writes
avail: .word 0, 0, 0, 0, 0, 0, 0
    .balign 4
used: .skip 64
buffer: .skip 8
