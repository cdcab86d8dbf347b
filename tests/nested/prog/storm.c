/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random use of every device of the board, by all CPUs at once, without end:
 * accesses of each size and shape at registers that are there, and rings,
 * transfers and interrupts that are plausible enough to be served.
 *
 * It runs in ring 3 with IOPL 3, as a software KVM interprets ring 0, and calls
 * ring 0 by a gate for what that alone may.
 *
 * The command line: a seed. What has to outlive a reset stands at KEPT: random
 * numbers and how much was done, a line for each CPU, which the host reads.
 * Exceptions begin the next round. Devices write to the ARENA, so that mostly
 * the program lives; where it dies, the host resets the machine.
 */
#include "guest.h"

enum {
    KEPT = 0x600000, /* Cpu[CPUS]; not in the ELF file */
    MAGIC = 0x57042301,
    CPUS = 16,
    STACK = 4096,
    RINGS = 8 << 20, /* 64 KiB a queue */
    DATA = 16 << 20,
    DATA_SIZE = 8 << 20,
    RAM_END = 32 << 20,
    VIRTIO = 0xfeb00000,
    GED = 0xfea00000,
    IOAPIC = 0xfec00000,
    LAPIC = 0xfee00000,
    ECAM = 0xe0000000,
    BARS = 0xc0000000,
    MAX_DEVS = 48,
    QUEUES = 4,
};

enum { PRIORITY, BASE, HALT }; /* what is called for */

typedef struct Cpu {
    uint32_t magic, done;
    uint64_t random;
    uint8_t unused[48];
} Cpu;

typedef struct Queue {
    uint32_t size;
    bool packed, wrap;
    uint16_t next;
    uint64_t at; /* descriptors; the driver's area and the device's behind */
} Queue;

typedef struct Dev {
    bool pci;
    uint16_t id;   /* VirtIO's; 0: none */
    uint64_t base; /* MMIO: registers; PCI: configuration space */
    uint64_t common, notify, isr, config, bars;
    uint32_t notify_step;
    Queue queues[QUEUES];
} Dev;

extern volatile uint32_t ap_stack; /* start.S */
static Dev devs[MAX_DEVS];
static volatile uint32_t dev_count;
static uint64_t idt[512] __attribute__((aligned(16)));
static uint64_t gdt[6 + 2 * CPUS] = {
    0,
    0x00af9b000000ffff, /* 08: code */
    0x00cf93000000ffff, /* 10: data */
    0,
    0x00cff3000000ffff, /* 20: data of ring 3 */
    0x00affb000000ffff, /* 28: its code; then two for each TSS */
};
static uint32_t tss[CPUS][26]; /* SDM 3A 8.7 */
uint8_t own_stacks[2 * (CPUS + 1) * STACK] __attribute__((aligned(16), used));
void run(uint64_t id) __attribute__((noreturn, used));
void privileged(uint64_t kind, uint64_t value) __attribute__((used));
void on_exception(void);
void on_interrupt(void);
void on_call(void);

/* An exception drops what was done and starts over on an empty stack, by IRET,
 * so that NMIs are open again. An interrupt ends and goes on. A call has a kind
 * in RDI and a value in RSI. */
__asm__("on_exception:\n"
        "    mov $1, %eax\n"
        "    cpuid\n"
        "    shr $24, %ebx\n"
        "    and $15, %ebx\n"
        "    mov %ebx, %edi\n"
        "    inc %ebx\n"
        "    shl $13, %ebx\n"
        "    lea own_stacks(%rbx), %rax\n"
        "    push $0x23\n"
        "    push %rax\n"
        "    push $0x3002\n"
        "    push $0x2b\n"
        "    push $run\n"
        "    iretq\n"
        "on_interrupt:\n"
        "    push %rax\n"
        "    mov $0xfee000b0, %eax\n"
        "    movl $0, (%rax)\n"
        "    pop %rax\n"
        "    iretq\n"
        "on_call:\n"
        "    call privileged\n"
        "    iretq\n");

/* Calls privileged(), in ring 0. */
static void call(uint64_t kind, uint64_t value)
{
    __asm__ volatile("int $0x80"
                     : "+D"(kind), "+S"(value)
                     :
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
}

/* --- random numbers --- */

static Cpu *cpu(unsigned id)
{
    return (Cpu *)KEPT + id;
}

static bool is_first(const Cpu *c)
{
    return c == cpu(0);
}

static uint64_t rnd(Cpu *c)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return c->random;
}

static uint32_t below(Cpu *c, uint32_t n)
{
    return (uint32_t)(rnd(c) >> 16) % n;
}

static bool once_in(Cpu *c, uint32_t n)
{
    return below(c, n) == 0;
}

/* A number that code compares with something. */
static uint64_t edge(Cpu *c)
{
    static const uint64_t of[] = {
        0,        1,          2,          3,          4,          7,
        8,        15,         16,         255,        256,        511,
        512,      4095,       4096,       65535,      65536,      0x7fffffff,
        1u << 31, 0xffffffff, 1ull << 32, 1ull << 52, 1ull << 63, ~0ull
    };

    return once_in(c, 3) ? rnd(c) : of[below(c, sizeof(of) / sizeof(of[0]))];
}

static const struct Window {
    uint32_t at, size;
} windows[] = {
    { VIRTIO, 0x1000 },     { VIRTIO, 0x3000 },         { IOAPIC, 0x20 },
    { IOAPIC, 0x100 },      { IOAPIC + 0x10000, 0x20 }, { GED, 0x10 },
    { GED + 0x200, 8 },     { LAPIC, 0x400 },           { ECAM, 0x8000 },
    { ECAM, 0x400000 },     { BARS, 0x1000000 },        { BARS, 0x20000000 },
    { 0xb0000000, 0x1000 }, { 0xfff00000, 0x100000 },   { 0xa0000, 0x20000 },
};

/* A register that is somewhere. */
static uint64_t window_address(Cpu *c)
{
    if (dev_count && once_in(c, 2)) { /* a part of a VirtIO device */
        const Dev *d = &devs[below(c, dev_count)];
        uint64_t of[] = { d->common, d->config, d->isr, d->notify, d->base };

        if (!d->pci) {
            return d->base + below(c, 0x140);
        }
        if (once_in(c, 6)) {
            return d->bars + (below(c, 6) << 16) + below(c, 0x1000);
        }
        return of[below(c, 5)] + below(c, 0x40);
    }
    const struct Window *w =
        &windows[below(c, sizeof(windows) / sizeof(windows[0]))];

    return w->at + below(c, w->size);
}

/* Where devices are told to read or write. */
static uint64_t dma_address(Cpu *c)
{
    switch (below(c, 40)) {
    case 0:
        return window_address(c);
    case 1:
        return RAM_END - below(c, 32);
    case 2:
        return 0xb0000000 + below(c, 4096);
    case 3:
        return edge(c);
    case 4:
        return RINGS + below(c, DATA - RINGS);
    case 5:
        return ECAM - below(c, 16);
    default:
        return DATA + (below(c, DATA_SIZE) & ~15u);
    }
}

/* --- accesses --- */

#define ASM(text, ...) __asm__ volatile(text : : __VA_ARGS__ : "memory")

static void string_mmio(Cpu *c, uint64_t at)
{
    uint64_t count = 1 + below(c, once_in(c, 100) ? 600 : 12);
    uint64_t from = DATA + below(c, 4096), to = at;

    switch (below(c, 3)) {
    case 0:
        to = from;
        from = at;
        break;
    case 1:
        from = window_address(c);
        break;
    }
#define REP(insn)                                                              \
    __asm__ volatile("rep " insn                                               \
                     : "+S"(from), "+D"(to), "+c"(count)                       \
                     : "a"(rnd(c))                                             \
                     : "memory")
    switch (below(c, 6)) {
    case 0:
        REP("movsb");
        break;
    case 1:
        REP("movsw");
        break;
    case 2:
        REP("movsl");
        break;
    case 3:
        REP("movsq");
        break;
    case 4:
        REP("stosl");
        break;
    case 5:
        REP("lodsb");
        break;
    }
}

static void mmio(Cpu *c, uint64_t at)
{
    uint64_t v = once_in(c, 2) ? edge(c) : rnd(c);

    if (!once_in(c, 4)) {
        at &= ~3ull;
    } else if (once_in(c, 16)) {
        at = (at | 0xfff) - below(c, 15); /* into the next page */
    }
    switch (below(c, 24)) {
    case 0 ... 1:
        ASM("movb (%0), %%al", "r"(at), "a"(v));
        break;
    case 2 ... 3:
        ASM("movw (%0), %%ax", "r"(at), "a"(v));
        break;
    case 4 ... 6:
        ASM("movl (%0), %%eax", "r"(at), "a"(v));
        break;
    case 7:
        ASM("movq (%0), %%rax", "r"(at), "a"(v));
        break;
    case 8 ... 9:
        ASM("movb %%al, (%0)", "r"(at), "a"(v));
        break;
    case 10 ... 11:
        ASM("movw %%ax, (%0)", "r"(at), "a"(v));
        break;
    case 12 ... 15:
        ASM("movl %%eax, (%0)", "r"(at), "a"(v));
        break;
    case 16 ... 17:
        ASM("movq %%rax, (%0)", "r"(at), "a"(v));
        break;
    case 18:
        __asm__ volatile("xchgl %%eax, (%1)" : "+a"(v) : "r"(at) : "memory");
        break;
    case 19:
        ASM("lock orl %%eax, (%0)", "r"(at), "a"(v));
        break;
    case 20:
        ASM("lock addq %%rax, (%0)", "r"(at), "a"(v));
        break;
    case 21:
        ASM("xorb %%al, (%0)", "r"(at), "a"(v));
        break;
    case 22:
        if (once_in(c, 2)) {
            ASM("movups (%0), %%xmm0", "r"(at));
        } else {
            ASM("movups %%xmm0, (%0)", "r"(at));
        }
        break;
    default:
        string_mmio(c, at);
        break;
    }
}

static const uint16_t ports[] = { 0x3f8, 0x3f8, 0x20,  0xa0,  0x4d0, 0x40,
                                  0x60,  0x70,  0x510, 0x514, 0x402, 0x505,
                                  0xe9,  0xcf8, 0xcfc, 0x80 };

static void port(Cpu *c)
{
    uint32_t p = once_in(c, 3) ? below(c, 65536)
                               : ports[below(c, sizeof(ports) / 2)] +
                                     below(c, once_in(c, 4) ? 8 : 3);
    uint64_t where = DATA + below(c, 8192);
    uint64_t count = 1 + below(c, once_in(c, 200) ? 5000 : 12);
    uint32_t v = (uint32_t)edge(c);

    if (p >= 0xf0 && p < 0xf8 && !once_in(c, 500)) {
        return; /* the port that ends it all */
    }
#define STRING(insn, reg)                                                      \
    __asm__ volatile("rep " insn                                               \
                     : "+" reg(where), "+c"(count)                             \
                     : "d"(p)                                                  \
                     : "memory")
    switch (below(c, 14)) {
    case 0 ... 1:
        __asm__ volatile("inb %%dx, %%al" : "+a"(v) : "d"(p));
        break;
    case 2:
        __asm__ volatile("inw %%dx, %%ax" : "+a"(v) : "d"(p));
        break;
    case 3:
        __asm__ volatile("inl %%dx, %%eax" : "+a"(v) : "d"(p));
        break;
    case 4 ... 5:
        ASM("outb %%al, %%dx", "a"(v), "d"(p));
        break;
    case 6:
        ASM("outw %%ax, %%dx", "a"(v), "d"(p));
        break;
    case 7:
        ASM("outl %%eax, %%dx", "a"(v), "d"(p));
        break;
    case 8:
        STRING("insb", "D");
        break;
    case 9:
        STRING("insw", "D");
        break;
    case 10:
        STRING("insl", "D");
        break;
    case 11:
        STRING("outsb", "S");
        break;
    case 12:
        STRING("outsw", "S");
        break;
    default:
        STRING("outsl", "S");
        break;
    }
}

/* --- VirtIO --- */

static uint8_t get8(uint64_t at)
{
    return *(volatile uint8_t *)at;
}

static void put16(uint64_t at, uint32_t v)
{
    *(volatile uint16_t *)at = (uint16_t)v;
}

static void put64(uint64_t at, uint64_t v)
{
    mmio_write(at, (uint32_t)v);
    mmio_write(at + 4, (uint32_t)(v >> 32));
}

static void set_status(const Dev *d, uint8_t v)
{
    if (d->pci) {
        *(volatile uint8_t *)(d->common + 0x14) = v;
    } else {
        mmio_write(d->base + 0x70, v);
    }
}

/* Up to FEATURES_OK: what is offered, or some of it. Returns the high word. */
static uint32_t negotiate(Cpu *c, const Dev *d)
{
    uint64_t sel = d->pci ? d->common : d->base + 0x14;
    uint64_t get = d->pci ? d->common + 4 : d->base + 0x10;
    uint64_t to = d->pci ? d->common + 8 : d->base + 0x24;
    uint64_t set = d->pci ? d->common + 12 : d->base + 0x20;
    uint32_t v = 0;

    set_status(d, 0);
    set_status(d, 1);
    set_status(d, 3);
    for (uint32_t word = 0; word < 2; word++) {
        mmio_write(sel, word);
        v = mmio_read(get);
        if (once_in(c, 2)) {
            v &= (uint32_t)rnd(c) | word;
        }
        mmio_write(to, word);
        mmio_write(set, v);
    }
    set_status(d, 11);
    return v;
}

static void set_queue(Cpu *c, Dev *d, unsigned n)
{
    Queue *q = &d->queues[n];
    uint64_t desc = q->at, driver = q->at + 0x4000, device = q->at + 0x8000;

    if (once_in(c, 20)) {
        desc = dma_address(c);
    }
    if (once_in(c, 20)) {
        driver = dma_address(c);
    }
    if (once_in(c, 20)) {
        device = dma_address(c);
    }
    if (d->pci) {
        put16(d->common + 0x16, n);
        put16(d->common + 0x18, q->size);
        put16(d->common + 0x1a, below(c, 8)); /* MSI-X vector */
        put64(d->common + 0x20, desc);
        put64(d->common + 0x28, driver);
        put64(d->common + 0x30, device);
        put16(d->common + 0x1c, 1);
        return;
    }
    mmio_write(d->base + 0x30, n);
    mmio_write(d->base + 0x38, q->size);
    if (mmio_read(d->base + 4) == 1) { /* legacy */
        mmio_write(d->base + 0x28, 4096);
        mmio_write(d->base + 0x3c, 4096);
        mmio_write(d->base + 0x40, (uint32_t)(desc >> 12));
        return;
    }
    put64(d->base + 0x80, desc);
    put64(d->base + 0x90, driver);
    put64(d->base + 0xa0, device);
    mmio_write(d->base + 0x44, 1);
}

static void notify(Cpu *c, const Dev *d, unsigned n)
{
    if (!d->pci) {
        mmio_write(d->base + 0x50, once_in(c, 50) ? (uint32_t)rnd(c) : n);
    } else {
        put16(d->notify + (uint64_t)d->notify_step * n, n);
    }
}

static void start(Cpu *c, Dev *d)
{
    uint32_t high = negotiate(c, d);

    for (unsigned n = 0; n < QUEUES; n++) {
        Queue *q = &d->queues[n];

        q->at = RINGS + ((uint64_t)(d - devs) * QUEUES + n) * 0x10000;
        q->packed = high >> 2 & 1;
        q->wrap = true;
        q->next = 0;
        q->size =
            once_in(c, 20) ? (uint32_t)edge(c) & 0xffff : 1u << below(c, 9);
        for (unsigned i = 0; i < 0x10000; i += 0x4000) { /* desc, indices */
            for (unsigned j = 0; j < (i ? 64 : 4096); j += 8) {
                *(volatile uint64_t *)(q->at + i + j) = 0;
            }
        }
        if (!once_in(c, 6)) {
            set_queue(c, d, n);
        }
    }
    set_status(d, once_in(c, 20) ? (uint8_t)rnd(c) : 15);
}

typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t a, b; /* flags, next; packed: id, flags */
} Desc;

/* The first bytes that the device reads: a request of its kind. */
static void fill(Cpu *c, const Dev *d, unsigned queue, uint64_t at)
{
    static const uint8_t block[] = { 0, 0, 1, 1, 4, 8, 11, 13, 14, 5, 16, 99 };
    volatile uint32_t *w = (volatile uint32_t *)at;

    switch (d->id) {
    case 1: /* header, then a packet; or a control command */
        w[0] = queue == 2
                   ? below(c, 8) | below(c, 4) << 8
                   : below(c, 4) | below(c, 6) << 8 | below(c, 100) << 16;
        w[1] = below(c, 1500) | below(c, 100) << 16;
        w[2] = below(c, 70);
        w[3] = once_in(c, 2) ? 0xffffffff : 0x12005452;
        w[6] = 0x45000008;
        break;
    case 2:
        w[0] = block[below(c, sizeof(block))];
        w[2] = once_in(c, 9) ? (uint32_t)edge(c) : below(c, 128);
        w[3] = once_in(c, 20) ? (uint32_t)edge(c) : 0;
        break;
    case 3:
        w[0] = below(c, 4);
        w[1] = below(c, 9) | below(c, 2) << 16;
        break;
    case 5: /* pages of the arena */
        for (unsigned i = 0; i < 8; i++) {
            w[i] = once_in(c, 20) ? (uint32_t)edge(c) | 4096
                                  : (uint32_t)dma_address(c) >> 12 | 4096;
        }
        break;
    }
}

/* Fills @n descriptors of a chain at @at, wrapping at @size; indirect tables
 * have consecutive ones. */
static void chain(Cpu *c, const Dev *d, unsigned queue, Desc *table,
                  uint32_t size, uint32_t first, uint32_t n)
{
    uint32_t readable = d->id == 4 || (d->id == 1 && queue == 0) ? 0 : n - 1;

    if (d->id == 1 && queue == 1) {
        readable = n;
    } else if (once_in(c, 8)) {
        readable = below(c, n + 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        volatile Desc *e = &table[(first + i) % size];
        uint64_t at = dma_address(c);

        if (i == 0 && readable && at >= DATA && at < DATA + DATA_SIZE) {
            fill(c, d, queue, at);
        }
        e->addr = at;
        e->len = i == 0 && d->id == 2                ? 16
                 : i + 1 == n && n > 1 && d->id == 2 ? 1
                 : once_in(c, 20)                    ? (uint32_t)edge(c)
                                                     : 1u << below(c, 13);
        e->a = (uint16_t)((i + 1 < n) | (i >= readable ? 2 : 0));
        e->b = (uint16_t)((first + i + 1) % size);
    }
}

/* The flags and ids of a packed chain, the first last (VirtIO 1.2, 2.8.21). */
static void pack(Cpu *c, Queue *q, Desc *ring, uint32_t size, uint32_t n)
{
    uint16_t first = q->next % size, head = 0;

    for (uint32_t i = 0; i < n; i++) {
        volatile Desc *e = &ring[q->next % size];
        uint16_t flags = (uint16_t)(e->a | (q->wrap ? 0x80 : 0x8000));

        if (once_in(c, 100)) {
            flags ^= (uint16_t)(1u << below(c, 16));
        }
        e->a = (uint16_t)below(c, once_in(c, 30) ? 65536 : size);
        if (i == 0) {
            head = flags;
        } else {
            e->b = flags;
        }
        q->next++;
        if (q->next % size == 0) {
            q->next = 0;
            q->wrap = !q->wrap;
        }
    }
    __sync_synchronize();
    ((volatile Desc *)ring)[first].b = head;
}

static void offer(Cpu *c, Dev *d, unsigned queue)
{
    Queue *q = &d->queues[queue];
    uint32_t size = q->size & 0x1ff, n = 1 + below(c, 4);
    Desc *ring = (Desc *)q->at, *table = (Desc *)(q->at + 0xc000);
    volatile uint16_t *avail = (volatile uint16_t *)(q->at + 0x4000);
    uint32_t first;

    if (!size || q->at < RINGS || q->at >= DATA) {
        return;
    }
    if (d->id == 2) {
        n = n < 3 ? 3 : n;
    }
    first = q->packed ? q->next % size : below(c, size);
    if (once_in(c, 5)) {
        chain(c, d, queue, table, 64, 0, n);
        ring[first].addr = (uintptr_t)table;
        ring[first].len = once_in(c, 20) ? (uint32_t)edge(c) : 16 * n;
        ring[first].a = 4;
        n = 1;
    } else {
        chain(c, d, queue, ring, size, first, n);
    }
    if (q->packed) {
        pack(c, q, ring, size, n);
        avail[0] = (uint16_t)rnd(c); /* event suppression */
        avail[1] = (uint16_t)below(c, 4);
    } else {
        avail[0] = (uint16_t)once_in(c, 4);
        avail[2 + avail[1] % size] =
            (uint16_t)(once_in(c, 100) ? edge(c) : first);
        avail[2 + size] = (uint16_t)(avail[1] - below(c, 4));
        __sync_synchronize();
        avail[1]++;
        if (once_in(c, 200)) {
            avail[1] = (uint16_t)rnd(c);
        }
    }
}

static void virtio(Cpu *c)
{
    Dev *d;
    unsigned queue;

    if (!dev_count) {
        return;
    }
    d = &devs[below(c, dev_count)];
    queue = below(c, once_in(c, 20) ? QUEUES : d->id == 3 ? 4 : 3);
    if (once_in(c, 12)) {
        start(c, d);
    }
    for (unsigned n = 1 + below(c, 3); n > 0; n--) {
        offer(c, d, queue);
    }
    notify(c, d, queue);
    switch (below(c, 40)) {
    case 0: /* one queue is reset and set up again */
        if (d->pci) {
            put16(d->common + 0x16, queue);
            put16(d->common + 0x3a, 1);
        } else {
            mmio_write(d->base + 0x30, queue);
            mmio_write(d->base + 0xc0, 1);
        }
        set_queue(c, d, queue);
        break;
    case 1:
        set_status(d, 0);
        break;
    case 2 ... 4:
        if (d->pci) {
            (void)get8(d->isr);
        } else {
            mmio_write(d->base + 0x64, mmio_read(d->base + 0x60));
        }
        break;
    }
}

/* --- PCI --- */

static void vector_table(Cpu *c, uint64_t table)
{
    uint64_t e = table + below(c, 8) * 16;

    mmio_write(e,
               once_in(c, 20) ? (uint32_t)edge(c) : LAPIC | below(c, 4) << 12);
    mmio_write(e + 4, once_in(c, 40) ? (uint32_t)rnd(c) : 0);
    mmio_write(e + 8, 0x20 + below(c, 0xe0));
    mmio_write(e + 12, once_in(c, 4));
}

/* BARs at their places or elsewhere, capabilities read and written. */
static void configure(Cpu *c, uint64_t config, uint64_t bars)
{
    unsigned cap = get8(config + 0x34);

    switch (below(c, 10)) {
    case 0:
        put16(config + 4, once_in(c, 2) ? 6 : (uint32_t)rnd(c) & 0x7ff);
        break;
    case 1:
        mmio_write(config + 0x10 + 4 * below(c, 6),
                   once_in(c, 2) ? (uint32_t)edge(c)
                                 : BARS + below(c, 1u << 20) * 4096);
        break;
    case 2: /* all back */
        for (unsigned i = 0; i < 6; i++) {
            mmio_write(config + 0x10 + 4 * i,
                       i && (mmio_read(config + 0xc + 4 * i) & 7) == 4
                           ? 0
                           : (uint32_t)(bars + 0x10000 * i));
        }
        put16(config + 4, 6);
        break;
    default:
        for (unsigned n = 0; cap >= 0x40 && n < 16; n++) {
            if (once_in(c, 3)) {
                put16(config + cap + 2 * below(c, 12), (uint32_t)edge(c));
            }
            if (get8(config + cap) == 0x11) { /* MSI-X */
                uint32_t where = mmio_read(config + cap + 4);

                vector_table(c, bars + ((where & 7) << 16) + (where & ~7u));
                put16(config + cap + 2,
                      once_in(c, 4) ? (uint32_t)rnd(c) : 0x8000);
            }
            cap = get8(config + cap + 1);
        }
    }
}

static void pci(Cpu *c)
{
    const Dev *d = dev_count ? &devs[below(c, dev_count)] : 0;

    if (d && d->pci && !once_in(c, 4)) {
        configure(c, d->base, d->bars);
    } else {
        uint32_t slot = below(c, 12), bus = below(c, 3);

        configure(c, ECAM + (bus << 20) + (slot << 15),
                  BARS + (bus << 24) + (slot << 20));
    }
}

static void read_caps(Dev *d)
{
    unsigned cap = get8(d->base + 0x34);

    for (unsigned n = 0; cap >= 0x40 && n < 16; n++) {
        uint64_t at = d->base + cap;
        uint64_t where =
            d->bars + ((uint64_t)get8(at + 4) << 16) + mmio_read(at + 8);

        if (get8(at) == 9) {
            uint64_t *const to[] = { 0, &d->common, &d->notify, &d->isr,
                                     &d->config };
            unsigned type = get8(at + 3);

            if (type >= 1 && type <= 4) {
                *to[type] = where;
                d->notify_step =
                    type == 2 ? mmio_read(at + 16) & 0xff : d->notify_step;
            }
        }
        cap = get8(at + 1);
    }
}

static void find_on(unsigned bus)
{
    for (unsigned slot = 0; slot < 32 && dev_count < MAX_DEVS; slot++) {
        uint64_t config = ECAM + (bus << 20) + (slot << 15);
        uint32_t id = mmio_read(config);
        Dev *d = &devs[dev_count];

        if (id == 0xffffffff) {
            continue;
        }
        if (bus == 0 && (get8(config + 0xe) & 0x7f) == 1) { /* root port */
            static unsigned ports_seen;

            mmio_write(config + 0x18, 0x00000100 * (1 + ports_seen % 2) |
                                          0x00010000 * (1 + ports_seen % 2));
            mmio_write(config + 0x20, 0xdff0c000); /* its window: all */
            put16(config + 4, 6);
            ports_seen++;
            continue;
        }
        *d = (Dev){ .pci = true,
                    .base = config,
                    .bars = BARS + (bus << 24) + (slot << 20) };
        for (unsigned i = 0; i < 6; i++) {
            bool high = i && (mmio_read(config + 0xc + 4 * i) & 7) == 4;

            mmio_write(config + 0x10 + 4 * i,
                       high ? 0 : (uint32_t)(d->bars + 0x10000 * i));
        }
        put16(config + 4, 6);
        if ((id & 0xffff) == 0x1af4) {
            d->id =
                (uint16_t)(id >> 16 >= 0x1040 ? (id >> 16) - 0x1040
                                              : mmio_read(config + 0x2c) >> 16);
            read_caps(d);
            if (d->common) {
                dev_count++;
            }
        }
    }
}

static void find(void)
{
    dev_count = 0;
    for (unsigned i = 0; i < 24; i++) {
        uint64_t at = VIRTIO + 0x200 * i;

        if (mmio_read(at) == 0x74726976 && mmio_read(at + 8)) {
            devs[dev_count] =
                (Dev){ .base = at, .id = (uint16_t)mmio_read(at + 8) };
            dev_count++;
        }
    }
    for (unsigned bus = 0; bus < 3; bus++) {
        find_on(bus);
    }
}

/* --- the rest of the board --- */

static uint32_t swap(uint32_t v)
{
    return __builtin_bswap32(v);
}

static void fw_cfg(Cpu *c)
{
    uint64_t at = DATA + below(c, 1024) * 16;
    volatile uint32_t *w = (volatile uint32_t *)at;
    uint64_t to = dma_address(c);

    w[0] = swap(below(c, 0x40) << 16 | below(c, 32));
    w[1] = swap(once_in(c, 8) ? (uint32_t)edge(c) : below(c, 8192));
    w[2] = swap((uint32_t)(to >> 32));
    w[3] = swap((uint32_t)to);
    if (once_in(c, 30)) {
        at = dma_address(c);
    }
    if (once_in(c, 10)) {
        put16(DATA, below(c, 0x40));
        ASM("outw %%ax, %%dx", "a"(below(c, 0x40)), "d"(0x510));
    }
    outl(0x514, swap((uint32_t)(at >> 32)));
    outl(0x518, swap((uint32_t)at));
}

static void ioapic(Cpu *c)
{
    uint64_t at = IOAPIC + (once_in(c, 3) ? 0x10000 : 0);
    uint32_t pin = below(c, 24);

    mmio_write(at, 0x11 + 2 * pin);
    mmio_write(at + 16, once_in(c, 8) ? (uint32_t)rnd(c) : below(c, 4) << 24);
    mmio_write(at, 0x10 + 2 * pin);
    mmio_write(at + 16, (0x20 + below(c, 0xe0)) | below(c, 2) << 15 |
                            (uint32_t)once_in(c, 5) << 16 |
                            (once_in(c, 8) ? below(c, 8) << 8 : 0));
}

/* No INIT for the first CPU, whose reset vector has nothing; others start
 * where a program is. */
static void command(Cpu *c, uint32_t low)
{
    switch (low >> 8 & 7) {
    case 5:
        low = (low & ~0xc0000u) | 0xc0000;
        if (!is_first(c)) {
            return;
        }
        break;
    case 6:
        low = (low & ~0xffu) | 8;
        break;
    }
    mmio_write(LAPIC + 0x310, below(c, 5) << 24);
    mmio_write(LAPIC + 0x300, low);
}

static void apic(Cpu *c)
{
    static const uint16_t regs[] = { 0x80,  0xb0,  0xd0,  0xe0,  0xf0,  0x320,
                                     0x330, 0x340, 0x350, 0x360, 0x370, 0x380,
                                     0x3e0, 0x280, 0x20,  0x390 };
    uint32_t r = regs[below(c, sizeof(regs) / 2)];

    switch (below(c, 8)) {
    case 0:
        command(c, (uint32_t)rnd(c) & 0xcffff);
        break;
    case 1:
        command(c, 0xc0000 | (0x20 + below(c, 0xe0)));
        break;
    case 2:
        call(PRIORITY, once_in(c, 2) ? below(c, 16) : 0);
        break;
    case 3:
        mmio_write(LAPIC + 0xf0, 0x1ff);
        mmio_write(LAPIC + 0x80, 0);
        break;
    case 4: /* IA32_APIC_BASE: off, on */
        if (once_in(c, 20)) {
            call(BASE, LAPIC | (is_first(c) ? 0x100 : 0));
            call(BASE, LAPIC | 0x800 | (is_first(c) ? 0x100 : 0));
        }
        break;
    case 5:
        mmio_write(LAPIC + r, (0x20 + below(c, 0xe0)) | below(c, 4) << 17);
        break;
    default:
        mmio_write(LAPIC + r, (uint32_t)edge(c));
    }
}

static void legacy(Cpu *c)
{
    uint16_t pic = once_in(c, 2) ? 0x20 : 0xa0;

    switch (below(c, 5)) {
    case 0: /* an initialization, ICW1 to ICW4 */
        outb(pic, 0x11 | (uint8_t)(below(c, 16) & 0xa));
        outb(pic + 1, (uint8_t)(0x20 + 8 * below(c, 20)));
        outb(pic + 1, pic == 0x20 ? 4 : 2);
        outb(pic + 1, (uint8_t)below(c, 32));
        outb(pic + 1, (uint8_t)rnd(c));
        break;
    case 1:
        outb(pic, (uint8_t)(0x20 | below(c, 256)));
        break;
    case 2: /* a channel of the 8254 */
        outb(0x43, (uint8_t)rnd(c));
        outb((uint16_t)(0x40 + below(c, 3)), (uint8_t)rnd(c));
        outb((uint16_t)(0x40 + below(c, 3)), (uint8_t)rnd(c));
        break;
    default: /* a register of the clock */
        outb(0x70, (uint8_t)below(c, once_in(c, 4) ? 256 : 14));
        outb(0x71, (uint8_t)edge(c));
        break;
    }
}

static void window(Cpu *c)
{
    if (once_in(c, 4)) { /* wait for one; the first CPU goes on itself */
        if (!is_first(c)) {
            call(HALT, 0);
        } else {
            command(c, 0xc0030);
        }
    } else {
        __asm__ volatile("sti; nop; nop; cli");
    }
}

static void step(Cpu *c)
{
    static void (*const kinds[])(
        Cpu *) = { fw_cfg, ioapic, apic, legacy, window, pci,    pci,
                   port,   port,   port, virtio, virtio, virtio, virtio };
    uint32_t kind = below(c, 24);

    if (kind < sizeof(kinds) / sizeof(kinds[0])) {
        kinds[kind](c);
    } else {
        mmio(c, window_address(c));
    }
    if (is_first(c) && once_in(c, 5000)) {
        find();
        start_others();
    }
}

void privileged(uint64_t kind, uint64_t value)
{
    switch (kind) {
    case PRIORITY:
        __asm__ volatile("mov %0, %%cr8" : : "r"(value));
        break;
    case BASE: /* IA32_APIC_BASE */
        __asm__ volatile("wrmsr" : : "c"(0x1b), "a"(value), "d"(0));
        break;
    case HALT:
        __asm__ volatile("sti; hlt; cli");
        break;
    }
}

void run(uint64_t id)
{
    Cpu *c = cpu((unsigned)id);

    for (;;) {
        c->done++;
        step(c);
    }
}

static void set_gates(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t to = (uintptr_t)(i < 32 ? on_exception : on_interrupt);

        idt[2 * i] = (to & 0xffff) | 8ull << 16 | 0x8eull << 40 |
                     (to >> 16 & 0xffff) << 48;
        idt[2 * i + 1] = to >> 32;
    }
    idt[256] = (idt[256] & ~0xffffull & ~(0xffffull << 48)) |
               ((uintptr_t)on_call & 0xffff) | 0x60ull << 40 |
               ((uintptr_t)on_call >> 16 & 0xffff) << 48;
    for (unsigned i = 0; i < CPUS; i++) {
        uint64_t at = (uintptr_t)tss[i];

        tss[i][1] = (uint32_t)(uintptr_t)own_stacks + (2 * i + 1) * STACK;
        tss[i][25] = sizeof(tss[i]) << 16; /* no bitmap */
        gdt[6 + 2 * i] = (sizeof(tss[i]) - 1) | (at & 0xffffff) << 16 |
                         0x89ull << 40 | (at >> 24) << 56;
    }
}

/* All pages are ring 3's, too. */
static void open_pages(void)
{
    uint64_t *table;

    __asm__ volatile("mov %%cr3, %0" : "=r"(table));
    table[0] |= 4;
    table = (uint64_t *)(table[0] & ~0xfffull);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t *pages = (uint64_t *)(table[i] & ~0xfffull);

        table[i] |= 4;
        for (unsigned j = 0; j < 512; j++) {
            pages[j] |= 4;
        }
    }
}

void guest_other(void)
{
    Table gdtr = { sizeof(gdt) - 1, (uintptr_t)gdt };
    Table idtr = { sizeof(idt) - 1, (uintptr_t)idt };
    uint16_t task = (uint16_t)(0x30 + 16 * (cpuid(1, 0).b >> 24 & (CPUS - 1)));

    ap_stack = 8192;                /* as often as it likes */
    gdt[task / 8] &= ~(2ull << 40); /* not busy */
    __asm__ volatile("lgdt %0; lidt %1; ltr %2; jmp on_exception"
                     :
                     : "m"(gdtr), "m"(idtr), "r"(task));
    __builtin_unreachable();
}

void guest_main(const char *command_line)
{
    uint64_t seed = number(&command_line);

    open_pages();
    set_gates();
    *(volatile uint16_t *)0x38000 = 0xaa0f; /* RSM, for SMIs */
    for (unsigned i = 0; i < CPUS; i++) {
        Cpu *c = cpu(i);

        if (c->magic != MAGIC) {
            *c = (Cpu){ .magic = MAGIC,
                        .random = (seed + 1) * 0x9e3779b97f4a7c15 + i };
        }
    }
    find();
    start_others();
    guest_other();
    __builtin_unreachable();
}
