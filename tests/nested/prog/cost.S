# SPDX-License-Identifier: GPL-2.0-or-later
# What an exit costs, by the time-stamp counter: BATCHES times EXITS reads of
# port 0x3fd (line status), then as many of the I/O APIC's index register. A
# text line for each batch: 'P' or 'M' and its ticks in hexadecimal.
#include "guest.inc"
    .set EXITS, 16
    .set BATCHES, 500
    .code32
    .globl _start
_start:
    mov $stack, %esp
    mov $times, %edi
    mov $BATCHES, %esi
1:  mov $0x3fd, %dx
    mov $EXITS, %ecx
    call now
2:  in %dx, %al
    dec %ecx
    jnz 2b
    call took
    jnz 1b
    mov $BATCHES, %esi
3:  mov $EXITS, %ecx
    call now
4:  mov 0xfec00000, %eax
    dec %ecx
    jnz 4b
    call took
    jnz 3b

    mov $times, %esi
5:  mov $'P', %al
    cmp $times + 4 * BATCHES, %esi
    jb 6f
    mov $'M', %al
6:  call say
    mov (%esi), %ebx
    mov $8, %ecx
7:  rol $4, %ebx
    mov %bl, %al
    and $15, %al
    add $'0', %al
    cmp $'9', %al
    jbe 8f
    add $('a' - '9' - 1), %al
8:  call say
    dec %ecx
    jnz 7b
    mov $'\n', %al
    call say
    add $4, %esi
    cmp $times + 8 * BATCHES, %esi
    jb 5b
    finish 0

say:
    mov $0x3f8, %dx
    out %al, %dx
    ret

now:                            # EBX: low half of the counter; EDX stays
    push %edx
    rdtsc
    mov %eax, %ebx
    pop %edx
    ret

took:                           # store ticks since EBX; Z: last batch
    mov %ebx, %ebp
    call now
    sub %ebp, %ebx
    mov %ebx, (%edi)
    add $4, %edi
    dec %esi
    ret
    .bss
    .balign 4
times: .skip 8 * BATCHES
    .skip 256
stack:
