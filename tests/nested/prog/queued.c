/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers whose writes may be queued: the index of the clock's memory (ports
 * 0x70, 0x71), that of the I/O APIC, fw_cfg's selector. The command line is
 * the program's letter and how often.
 *
 * r: writes of the index, each followed by a read of the data: 'R' when the
 *    values are right.
 * w: writes of the index alone, then one read: 'W'.
 * m: the same of the I/O APIC: 'M'.
 * o: two CPUs, in turn: one writes the index, the other reads: 'O'.
 * s: the index is written and the CPU loops, without an exit: 'S' before.
 * f: the selector, then two bytes of the signature: 'F'.
 */
#include "guest.h"

enum { FIRST = 0x40, CELLS = 0x40 }; /* of the clock's memory */

static volatile uint32_t turn;
static uint32_t count;

static void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static void cell(uint32_t i)
{
    outb(0x70, (uint8_t)(FIRST + i % CELLS));
}

static bool cell_is_right(uint32_t i)
{
    return inb(0x71) == (uint8_t)(i % CELLS * 3 + 1);
}

/* Every cell has a value of its own. */
static void fill(void)
{
    for (uint32_t i = 0; i < CELLS; i++) {
        cell(i);
        outb(0x71, (uint8_t)(i * 3 + 1));
    }
}

static bool reads(void)
{
    bool right = true;

    for (uint32_t i = 0; i < count; i++) {
        cell(i);
        right &= cell_is_right(i);
    }
    return right;
}

static bool writes(void)
{
    for (uint32_t i = 0; i < count; i++) {
        cell(i);
    }
    return count == 0 || cell_is_right(count - 1);
}

static bool ioapic(void)
{
    for (uint32_t i = 0; i < count; i++) {
        mmio_write(0xfec00000, 0x10 + i % 8); /* entries' halves */
    }
    mmio_write(0xfec00000, 1);                         /* version */
    return (mmio_read(0xfec00010) >> 16 & 0xff) == 23; /* pins, less one */
}

/* Odd turns are the other CPU's: it writes. */
void guest_other(void)
{
    for (uint32_t i = 0; i < count; i++) {
        while (turn != 2 * i + 1) {
        }
        cell(i * 7);
        turn = 2 * i + 2;
    }
}

static bool others(void)
{
    bool right = true;

    start_others();
    for (uint32_t i = 0; i < count; i++) {
        turn = 2 * i + 1;
        while (turn != 2 * i + 2) {
        }
        right &= cell_is_right(i * 7);
    }
    return right;
}

static bool selector(void)
{
    for (uint32_t i = 0; i < count; i++) {
        outw(0x510, 5);
    }
    outw(0x510, 0);
    return inb(0x511) == 'Q' && inb(0x511) == 'E';
}

static bool stands(void)
{
    put("S\n");
    cell(5);
    while (turn == 0) {
        *(volatile uint32_t *)0x200000 = 1;
    }
    return false;
}

void guest_main(const char *command_line)
{
    static const struct {
        char letter;
        bool (*run)(void);
    } rows[] = { { 'r', reads },  { 'w', writes },   { 'm', ioapic },
                 { 'o', others }, { 'f', selector }, { 's', stands } };
    char letter = *command_line++;

    count = number(&command_line);
    fill();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].letter == letter && rows[i].run()) {
            outb(0x3f8, (uint8_t)(letter - 'a' + 'A'));
        }
    }
    put("\n");
    finish(20);
}
