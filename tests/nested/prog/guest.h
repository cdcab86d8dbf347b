/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs in C use: no library, no FPU insn of the compiler's. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stdint.h>

void guest_main(const char *command_line) __attribute__((noreturn));
void guest_other(void);

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void put(const char *s)
{
    while (*s) {
        outb(0x3f8, (uint8_t)*s++);
    }
}

static inline void put_hex(uint64_t v, int digits)
{
    while (digits-- > 0) {
        outb(0x3f8, (uint8_t) "0123456789abcdef"[v >> (4 * digits) & 15]);
    }
}

/* The number at *s; *s comes to stand behind it and one more character. */
static inline uint32_t number(const char **s)
{
    uint32_t n = 0;

    while (**s >= '0' && **s <= '9') {
        n = n * 10 + (uint32_t)(*(*s)++ - '0');
    }
    *s += **s != 0;
    return n;
}

/* The process ends with 2 * code + 1. */
static inline void __attribute__((noreturn)) finish(uint32_t code)
{
    outl(0xf4, code);
    for (;;) {
        __asm__ volatile("hlt");
    }
}

static inline uint32_t mmio_read(uint64_t addr)
{
    return *(volatile uint32_t *)addr;
}

static inline void mmio_write(uint64_t addr, uint32_t v)
{
    *(volatile uint32_t *)addr = v;
}

/* INIT and a start-up IPI to all others (SDM 3A 8.4.4). */
static inline void start_others(void)
{
    mmio_write(0xfee000f0, 0x1ff);
    mmio_write(0xfee00300, 0xc4500);
    for (volatile int i = 0; i < 20000; i++) {
    }
    mmio_write(0xfee00300, 0xc4608);
}

typedef struct Cpuid {
    uint32_t a, b, c, d;
} Cpuid;

static inline Cpuid cpuid(uint32_t leaf, uint32_t sub)
{
    Cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "a"(leaf), "c"(sub));
    return r;
}

/* --- registers and tables of the system (SDM 3A 2.8, 6.14) --- */

typedef struct Frame {
    uint64_t ip, cs, flags, sp, ss;
} Frame;
typedef struct __attribute__((packed)) Gate {
    uint16_t low, selector, type, mid;
    uint32_t high, zero;
} Gate;
typedef struct __attribute__((packed)) Table {
    uint16_t limit;
    uint64_t base;
} Table;

static inline void set_gate(Gate *idt, unsigned n, void *handler)
{
    uint64_t at = (uint64_t)handler;

    idt[n] = (Gate){ (uint16_t)at,         0x08, 0x8e00, (uint16_t)(at >> 16),
                     (uint32_t)(at >> 32), 0 };
}

/* 0 where a handler steps over it. */
static inline uint64_t rdmsr(uint32_t index)
{
    uint32_t a = 0, d = 0;

    __asm__ volatile("rdmsr" : "+a"(a), "+d"(d) : "c"(index) : "memory");
    return a | (uint64_t)d << 32;
}

static inline void wrmsr(uint32_t index, uint64_t v)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(index), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
                     : "memory");
}

#define GET(reg)                                                               \
    ({                                                                         \
        uint64_t v_;                                                           \
        __asm__ volatile("mov %%" reg ", %0" : "=r"(v_));                      \
        v_;                                                                    \
    })
#define SET(reg, v) __asm__ volatile("mov %0, %%" reg : : "r"((uint64_t)(v)))

#endif
