/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Option ROM by which a PC BIOS starts -kernel: it takes the boot interrupt,
 * fetches set-up code, command line, kernel and initrd from fw_cfg by DMA, and
 * enters the set-up code. It is data here: 16-bit code for the guest.
 *
 * Spec:  BIOS Boot Specification 1.01, chapter 2 and appendix C (INT 19h of
 *        ROMs without a PnP header); QEMU documentation, docs/specs/fw_cfg
 *        (DMA); Linux Documentation/arch/x86/boot.rst, 1.11.
 */
    .section .rodata
    .globl x86_linuxboot_rom, x86_linuxboot_size
    .set ROM_SIZE, 512
    .set DESC, 0x7e00           /* the DMA descriptor, 16 bytes, big-endian */
    .set WORD, 0x7e10           /* a number fetched */
    .set STACK, 0x7c00
    .set SETUP_ADDR, 0x16
    .set HEAP_END, 0xe000
    .code16
x86_linuxboot_rom:
    .byte 0x55, 0xaa
    .byte ROM_SIZE / 512
    /* entered by a far call while option ROMs are set up */
    push %ax
    push %ds
    xor %ax, %ax
    mov %ax, %ds
    movw $(start - x86_linuxboot_rom), 0x19 * 4
    mov %cs, 0x19 * 4 + 2
    pop %ds
    pop %ax
    lret

start:
    cli
    cld
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $STACK, %sp
    mov $(items - x86_linuxboot_rom), %si
1:  movzwl %cs:(%si), %eax
    call word
    mov %eax, %edi
    movzwl %cs:2(%si), %eax
    call word
    mov %eax, %ecx
    jecxz 2f
    mov %edi, %ebx
    movzwl %cs:4(%si), %eax
    call fetch
2:  add $6, %si
    cmp $(items_end - x86_linuxboot_rom), %si
    jb 1b

    mov $SETUP_ADDR, %eax
    call word
    shr $4, %eax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %fs
    mov %ax, %gs
    mov %ax, %ss
    mov $HEAP_END, %sp
    add $0x20, %ax
    push %ax
    push $0
    lret

/* %eax: key of a 32-bit number; %eax: the number. Clobbers what fetch does. */
word:
    mov $4, %ecx
    mov $WORD, %ebx
    call fetch
    mov WORD, %eax
    ret

/* Item %eax, %ecx bytes of it, to address %ebx. Clobbers these and %dx. */
fetch:
    shl $16, %eax
    or $0x0a, %eax              /* select, read */
    bswap %eax
    mov %eax, DESC
    bswap %ecx
    mov %ecx, DESC + 4
    movl $0, DESC + 8
    bswap %ebx
    mov %ebx, DESC + 12
    mov $0x514, %dx
    xor %eax, %eax
    out %eax, %dx
    mov $0x518, %dx
    mov $DESC, %eax
    bswap %eax
    out %eax, %dx
1:  pause
    mov DESC, %eax
    test %eax, %eax
    jz 2f
    bswap %eax
    test $1, %al                /* error: as a device that does not boot */
    jz 1b
    int $0x18
2:  ret

/* keys of address, size and data: docs/specs/fw_cfg; the set-up code last, as
 * all before may lie anywhere */
items:
    .word 0x13, 0x14, 0x15      /* command line */
    .word 0x07, 0x08, 0x11      /* kernel */
    .word 0x0a, 0x0b, 0x12      /* initrd */
    .word 0x16, 0x17, 0x18      /* set-up code */
items_end:
    .org x86_linuxboot_rom + ROM_SIZE
x86_linuxboot_size:
    .long ROM_SIZE
    .section .note.GNU-stack, "", @progbits
