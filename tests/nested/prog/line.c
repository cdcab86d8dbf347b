/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver of virtio-rng or virtio-blk over MMIO (VIRTIO 1.2, 4.2.2, 5.2.6)
 * and its level interrupt through the I/O APIC. The command line is how many
 * requests with an interrupt each come first: 'N', and behind it l when L is
 * wanted. Then:
 *
 * M: one while the entry is masked comes when it is unmasked.
 * L: one that is ended and not acknowledged comes again.
 * P: one that is polled for and acknowledged while the CPU takes none is none
 *    when the entry was masked, or is spurious: its status is 0.
 * S: one is up while the program waits for a byte at COM1; it comes then: T.
 */
#include "guest.h"

enum {
    SLOTS = 0xfeb00000,
    GSI = 16,
    IOAPIC = 0xfec00000,
    LAPIC = 0xfee00000,
    VECTOR = 0x40,
    LEVEL = 1 << 15,
    MASKED = 1 << 16,
    QUEUE_NOTIFY = 0x50,
    INTERRUPT_STATUS = 0x60,
    INTERRUPT_ACK = 0x64,
};

static struct {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} table[4];
static volatile uint16_t avail[8], used[32] __attribute__((aligned(8)));
static uint32_t header[4];
static uint8_t buffer[513];
static Gate idt[256];
static volatile uint32_t interrupts, late;
static uint64_t device;
static uint32_t pin;

/* Acknowledges all but .late ones. One that the device had no part in says
 * nothing: an I/O APIC may send a level that fell meanwhile. */
static __attribute__((interrupt)) void arrived(Frame *f)
{
    uint32_t status = mmio_read(device + INTERRUPT_STATUS);

    (void)f;
    if (status && late) {
        late--;
    } else if (status) {
        mmio_write(device + INTERRUPT_ACK, status);
    }
    interrupts += status != 0;
    mmio_write(LAPIC + 0xb0, 0);
}

static void entry(uint32_t low)
{
    mmio_write(IOAPIC, 0x10 + 2 * pin);
    mmio_write(IOAPIC + 0x10, low);
}

static void interrupts_on(void)
{
    Table idtr = { sizeof(idt) - 1, (uint64_t)idt };

    set_gate(idt, VECTOR, (void *)arrived);
    __asm__ volatile("lidt %0" : : "m"(idtr));
    mmio_write(LAPIC + 0xf0, 0x1ff);
    mmio_write(LAPIC + 0x80, 0);
    mmio_write(IOAPIC, 0x11 + 2 * pin);
    mmio_write(IOAPIC + 0x10, 0);
    entry(VECTOR | LEVEL);
}

static void device_on(void)
{
    uint32_t id;

    for (device = SLOTS;; device += 512, pin++) {
        id = mmio_read(device + 8);
        if (id == 2 || id == 4) {
            break;
        }
    }
    pin += GSI;
    table[0].addr = (uint64_t)header; /* read sector 0 */
    table[0].len = 16;
    table[0].flags = 1;
    table[0].next = 1;
    table[1].addr = (uint64_t)buffer;
    table[1].len = id == 2 ? 513 : 64;
    table[1].flags = 2;
    for (unsigned i = 0; id == 4 && i < 4; i++) {
        avail[2 + i] = 1; /* the buffer alone */
    }
    mmio_write(device + 0x70, 0);
    mmio_write(device + 0x70, 3);
    mmio_write(device + 0x24, 1);
    mmio_write(device + 0x20, 1); /* VIRTIO_F_VERSION_1 */
    mmio_write(device + 0x24, 0);
    mmio_write(device + 0x20, 0);
    mmio_write(device + 0x70, 11);
    mmio_write(device + 0x30, 0);
    mmio_write(device + 0x38, 4);
    mmio_write(device + 0x80, (uint32_t)(uint64_t)table);
    mmio_write(device + 0x90, (uint32_t)(uint64_t)avail);
    mmio_write(device + 0xa0, (uint32_t)(uint64_t)used);
    mmio_write(device + 0x44, 1);
    mmio_write(device + 0x70, 15);
}

static void request(void)
{
    __asm__ volatile("" : : : "memory");
    avail[1]++;
    mmio_write(device + QUEUE_NOTIFY, 0);
}

/* CLI holds until it is behind HLT. */
static void await(uint32_t n)
{
    while (interrupts < n) {
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    }
}

static void poll(void)
{
    while (!(mmio_read(device + INTERRUPT_STATUS) & 1)) {
        __asm__ volatile("pause");
    }
}

static void breathe(void)
{
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
}

void guest_other(void)
{
}

void guest_main(const char *command_line)
{
    uint32_t count = number(&command_line), n = 0;

    device_on();
    interrupts_on();
    while (n < count) {
        request();
        await(++n);
    }
    put("N");

    entry(VECTOR | LEVEL | MASKED);
    request();
    poll();
    breathe();
    put(interrupts == n ? "M" : "m");
    entry(VECTOR | LEVEL);
    await(++n);

    if (*command_line == 'l') {
        late = 1;
        request();
        await(n += 2);
        put("L");
    }

    entry(VECTOR | LEVEL | MASKED);
    request();
    poll();
    mmio_write(device + INTERRUPT_ACK, 1);
    entry(VECTOR | LEVEL);
    breathe();
    put(interrupts == n ? "P" : "p");

    request();
    poll();
    put("S\n");
    while (!(inb(0x3fd) & 1)) {
        __asm__ volatile("pause");
    }
    await(++n);
    put(interrupts == n && used[1] == avail[1] ? "T\n" : "t\n");
    finish(22);
}
