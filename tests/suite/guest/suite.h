/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the device suite share: one freestanding program for every
 * architecture. board_*.c and start_*.S know the machine; nothing else does.
 *
 * Output is the transcript that the test compares between engines: "+ PART
 * NAME = VALUE" for a value that is right or has no right one, "- PART NAME =
 * VALUE, not VALUE" for one that is wrong, "? REQUEST" for what the host shall
 * do, which it answers with '!'. Values may not depend on time, addresses or
 * the architecture.
 */
#ifndef SUITE_H
#define SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- the board: board_*.c --- */

typedef struct Board {
    uint64_t slots; /* virtio-mmio */
    uint64_t slot_step;
    unsigned slot_count;
    unsigned slot_irq; /* of the first */
    uint64_t ecam;
    uint64_t pci_memory; /* for BARs */
    unsigned pci_irq[4]; /* of device 0's pins; swizzled by the device */
    unsigned serial_irq;
    uint64_t nowhere; /* no memory and no device is there */
} Board;
extern const Board board;

uint8_t serial_in(unsigned reg);
void serial_out(unsigned reg, uint8_t value);
void fw_select(uint16_t key);
uint8_t fw_data(void);
void fw_dma(uint64_t address);

/* One interrupt at a time. irq_begin() waits until @line's has
 * reached the CPU and is taken; irq_end() says that it is served. */
void irq_init(void);
void irq_enable(unsigned line);
bool irq_pending(unsigned line);
void irq_begin(unsigned line);
void irq_end(unsigned line);

void finish(void) __attribute__((noreturn));

/* --- accesses to devices: any address, one access of that size --- */

#define ACCESSORS(bits)                                                        \
    static inline uint##bits##_t get##bits(uint64_t at)                        \
    {                                                                          \
        return *(volatile uint##bits##_t *)(uintptr_t)at;                      \
    }                                                                          \
    static inline void put##bits(uint64_t at, uint##bits##_t value)            \
    {                                                                          \
        *(volatile uint##bits##_t *)(uintptr_t)at = value;                     \
    }
ACCESSORS(8)
ACCESSORS(16)
ACCESSORS(32)
#undef ACCESSORS

static inline void barrier(void)
{
    __sync_synchronize();
}

/* Between the CPU's byte order and big-endian; no call of libgcc. */
static inline uint32_t big32(uint32_t v)
{
    return v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
}

static inline uint64_t big64(uint64_t v)
{
    return (uint64_t)big32((uint32_t)v) << 32 | big32((uint32_t)(v >> 32));
}

/* --- text: text.c --- */

void say(const char *text);
void part(const char *name, const char *more); /* what the next lines are of */
void note(const char *name, uint64_t value);
void check(const char *name, uint64_t value, uint64_t right);
void ask_host(const char *request); /* returns when it is done */

void *memset(void *to, int byte, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* --- the parts --- */

void suite_serial(void);
/* Whether the balloon, of which a machine has one, is on PCI: what the host
 * wrote into the file. */
bool suite_fw_cfg(void);
void suite_panic(void);
void suite_blk(bool pci);
void suite_rng(bool pci);
void suite_console(bool pci);
void suite_balloon(bool pci);
void suite_net(void);
void suite_queues(bool pci);
void suite_hostile(bool pci);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
