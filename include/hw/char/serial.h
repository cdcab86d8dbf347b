/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550A UART: the chip itself, for any bus. A device embeds a Serial16550,
 * maps its 8 registers and owns its line.
 *
 * Spec: National Semiconductor PC16550D data sheet (June 1995).
 */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "softmmu/backend/chardev.h"
#include "softmmu/machine/device.h"

enum { SERIAL_FIFO = 16 };

/* Machine lock throughout. */
typedef struct Serial16550 {
    /* constant after serial_realize() */
    DeviceState *dev;  /* who owns it */
    uint32_t baudbase; /* input clock / 16, in Hz */
    CharFrontend fe;
    /* guest state: saved */
    uint8_t ier, fcr, lcr, mcr, msr, lsr, scr;
    uint16_t divisor;
    uint8_t rx[SERIAL_FIFO], rx_error[SERIAL_FIFO]; /* LSR bits BI, FE, PE */
    uint8_t rx_head, rx_count;
    uint8_t tx[SERIAL_FIFO]; /* holds what the host does not take yet */
    uint8_t tx_head, tx_count;
    bool thre_pending; /* THRE interrupt not yet acknowledged */
    bool timeout;      /* character time-out indication */
    Timer timeout_timer;
    /* wiring */
    IrqLine irq;
} Serial16550;

/* Attach the chardev in s->fe.chr; @dev's realize. */
bool serial_realize(Serial16550 *s, DeviceState *dev, Error **errp);
void serial_unrealize(Serial16550 *s);
void serial_reset_enter(Serial16550 *s);
void serial_reset_hold(Serial16550 *s);
/* Registers 0..7, 8 bits each. */
uint8_t serial_read(Serial16550 *s, unsigned reg, bool debug);
void serial_write(Serial16550 *s, unsigned reg, uint8_t value);
extern const struct VmState serial_vmstate; /* for VM_STRUCT */

/* "serial-mm": the chip behind MMIO. Properties chardev, regshift,
 * baudbase; region 0 is 8 << regshift bytes, line 0 its interrupt. */
extern const DeviceType serial_mm_type;

#endif
