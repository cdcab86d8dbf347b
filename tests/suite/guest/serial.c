/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550A (National Semiconductor PC16550D, section 8) in loopback, so that
 * the console sees nothing of it; what was seen is told afterwards. */
#include "suite.h"

enum {
    DATA = 0,
    IER = 1,
    IIR = 2,
    FCR = 2,
    LCR = 3,
    MCR = 4,
    LSR = 5,
    MSR = 6,
    SCRATCH = 7
};

static void registers(void)
{
    uint8_t low, high;

    serial_out(SCRATCH, 0xa5);
    check("scratch", serial_in(SCRATCH), 0xa5);
    serial_out(IER, 0xff);
    check("IER has four bits", serial_in(IER), 0x0f);
    serial_out(IER, 0);
    serial_out(LCR, 0x83);
    low = serial_in(DATA);
    high = serial_in(IER);
    serial_out(DATA, 0x34);
    serial_out(IER, 0x12);
    check("divisor", serial_in(DATA) | serial_in(IER) << 8, 0x1234);
    serial_out(DATA, low);
    serial_out(IER, high);
    serial_out(LCR, 0x03);
    check("LCR", serial_in(LCR), 0x03);
    serial_out(FCR, 0);
    check("IIR without FIFOs", serial_in(IIR), 0x01);
    serial_out(FCR, 7);
    check("IIR with FIFOs", serial_in(IIR), 0xc1);
}

/* 8.6.7: MCR's outputs arrive as MSR's inputs. */
static void modem_lines(void)
{
    uint8_t seen[2];

    serial_out(MCR, 0x1f);
    seen[0] = serial_in(MSR);
    serial_out(MCR, 0x12);
    serial_in(MSR);
    seen[1] = serial_in(MSR);
    serial_out(MCR, 0);
    check("MSR, all lines", seen[0] & 0xf0, 0xf0);
    check("MSR, RTS alone", seen[1], 0x10);
}

static void fifo(void)
{
    uint8_t first[4], last, lsr, over, empty;

    serial_out(FCR, 7);
    serial_out(MCR, 0x10);
    for (unsigned i = 0; i < 16; i++) {
        serial_out(DATA, (uint8_t)(0x40 + i));
    }
    lsr = serial_in(LSR);
    serial_out(DATA, 0x7f); /* one too many */
    over = serial_in(LSR);
    for (unsigned i = 0; i < 4; i++) {
        first[i] = serial_in(DATA);
    }
    for (unsigned i = 0; i < 11; i++) {
        serial_in(DATA);
    }
    last = serial_in(DATA);
    empty = serial_in(LSR);
    serial_out(MCR, 0);
    check("LSR with sixteen", lsr, 0x61);
    check("LSR with one too many", over, 0x63);
    check("the first four",
          first[0] | first[1] << 8 | first[2] << 16 | (uint32_t)first[3] << 24,
          0x43424140);
    check("the last", last, 0x4f);
    check("LSR, empty", empty, 0x60);
}

/* An interrupt each for "transmitter empty" and for a byte. */
static void interrupts(void)
{
    uint8_t transmit, receive, data, none;

    irq_enable(board.serial_irq);
    serial_out(FCR, 7);
    serial_out(MCR, 0x18); /* loopback, OUT2 */
    serial_out(IER, 2);
    irq_begin(board.serial_irq);
    transmit = serial_in(IIR);
    serial_out(IER, 0);
    irq_end(board.serial_irq);
    serial_out(IER, 1);
    serial_out(DATA, 'x');
    irq_begin(board.serial_irq);
    receive = serial_in(IIR);
    data = serial_in(DATA);
    irq_end(board.serial_irq);
    none = serial_in(IIR);
    serial_out(IER, 0);
    serial_out(MCR, 0);
    check("IIR, transmitter empty", transmit, 0xc2);
    check("IIR, a byte", receive, 0xc4);
    check("the byte", data, 'x');
    check("IIR after that", none, 0xc1);
    check("interrupts left", irq_pending(board.serial_irq), 0);
}

void suite_serial(void)
{
    part("serial", "");
    registers();
    modem_lines();
    fifo();
    interrupts();
}
