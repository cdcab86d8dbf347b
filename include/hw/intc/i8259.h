/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pair of 8259A interrupt controllers of a PC, for any engine
 * (DECISIONS 37).
 *
 * Spec: Intel 8259A data sheet (231468).
 */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "softmmu/machine/device.h"

enum { I8259_LINES = 16 };

/* One chip; bits are its inputs. */
typedef struct I8259Chip {
    uint8_t irr, imr, isr;
    uint8_t lines;   /* as driven */
    uint8_t highest; /* input of the highest priority */
    uint8_t base;    /* vector of input 0 */
    uint8_t init;    /* which ICW is awaited: 1 to 3 for ICW2 to 4 */
    uint8_t icw4;    /* ICW1 announced it */
    uint8_t auto_eoi, rotate_auto, nested; /* nested: special fully nested */
    uint8_t read_isr, poll, special_mask;
    uint8_t elcr; /* inputs that are level-triggered */
} I8259Chip;

/* What an engine that took part gives (accel attach_intc "i8259"). Machine
 * lock. With .get the engine holds the chips, and hears of lines through the
 * I/O APIC's. Else .intr, if there, hears of the INT output in place of
 * output 0 of the device. */
typedef struct I8259Engine {
    void (*intr)(DeviceState *dev, bool level);
    void (*get)(DeviceState *dev, I8259Chip chips[2]);
    void (*put)(DeviceState *dev, const I8259Chip chips[2]);
} I8259Engine;

/* "i8259": inputs 0 to 15 are the ISA lines, output 0 is INT, and output 1 + n
 * repeats line n for the I/O APIC. */
extern const DeviceType i8259_type;
/* All inputs masked, as firmware leaves them; for boards that start a kernel
 * without one. After a reset; machine lock. */
void i8259_mask_all(DeviceState *dev);
/* Its INT output. Machine lock. */
bool i8259_intr(DeviceState *dev);
/* A CPU's interrupt acknowledge cycles: the vector. Machine lock. */
uint8_t i8259_acknowledge(DeviceState *dev);

#endif
