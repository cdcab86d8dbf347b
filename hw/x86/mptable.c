/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The MultiProcessor table: CPUs, the I/O APICs and their inputs, for kernels
 * that are told nothing by ACPI.
 *
 * Spec:  Intel MultiProcessor Specification 1.4, chapter 4.
 * Locks: machine lock, build time.
 */
#include "tandem/base.h"

#include "hw/intc/ioapic.h"
#include "internal.h"

enum { FLOATING = 16, HEADER = 44, TABLE_MAX = 0x400 * 16 };
enum {
    PROCESSOR = 0,
    BUS = 1,
    IO_APIC = 2,
    IO_INTERRUPT = 3,
    LOCAL_INTERRUPT = 4
};
enum { INT = 0, NMI = 1, EXTINT = 3 };

typedef struct Mp {
    GByteArray *out;
    unsigned entries;
} Mp;

static uint8_t *entry(Mp *mp, uint8_t type, guint size)
{
    guint at = mp->out->len;

    g_byte_array_set_size(mp->out, at + size);
    memset(mp->out->data + at, 0, size);
    mp->out->data[at] = type;
    mp->entries++;
    return mp->out->data + at;
}

static void put_cpus(Mp *mp, GPtrArray *cpus)
{
    for (guint i = 0; i < cpus->len; i++) {
        const CPUState *cpu = g_ptr_array_index(cpus, i);
        uint8_t *e = entry(mp, PROCESSOR, 20);

        e[1] = (uint8_t)cpu->id;
        e[2] = 0x14;                      /* APIC version */
        e[3] = (uint8_t)(i == 0 ? 3 : 1); /* enabled; the first boots */
        st32_le(e + 4, 0x600);
        st32_le(e + 8, 0x201); /* FPU, APIC */
    }
}

static uint8_t apic_number(const MicrovmMachine *v, unsigned i)
{
    return (uint8_t)(v->parent.config.max_cpus + i);
}

static void put_ioapics(Mp *mp, const MicrovmMachine *v)
{
    for (unsigned i = 0; i < 2 && v->ioapic[i]; i++) {
        uint8_t *e = entry(mp, IO_APIC, 8);

        e[1] = apic_number(v, i);
        e[2] = 0x20;
        e[3] = 1;
        st32_le(e + 4, i ? MICROVM_IOAPIC2 : MICROVM_IOAPIC);
    }
}

/* Input n of the first I/O APIC is ISA line n; the inputs of virtio slots are
 * level-triggered, active high. */
static void put_interrupts(Mp *mp, const MicrovmMachine *v)
{
    unsigned n = v->has_ioapic2 ? 2 * IOAPIC_PINS : IOAPIC_PINS;

    for (unsigned gsi = 0; gsi < n; gsi++) {
        uint8_t *e = entry(mp, IO_INTERRUPT, 8);

        e[1] = INT;
        e[2] = gsi < 16 ? 0x05 : 0x0d; /* high; edge or level */
        e[5] = (uint8_t)gsi;
        e[6] = apic_number(v, gsi / IOAPIC_PINS);
        e[7] = (uint8_t)(gsi % IOAPIC_PINS);
    }
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *e = entry(mp, LOCAL_INTERRUPT, 8);

        e[1] = i ? NMI : EXTINT;
        e[6] = 0xff; /* every local APIC */
        e[7] = (uint8_t)i;
    }
}

static uint8_t sum_of(const uint8_t *p, guint n)
{
    uint8_t sum = 0;

    while (n > 0) {
        sum += p[--n];
    }
    return (uint8_t)-sum;
}

bool x86_mptable(MicrovmMachine *v, Error **errp)
{
    uint8_t raw[FLOATING + HEADER] = { 0 };
    Mp mp = { g_byte_array_new(), 0 };
    uint8_t *f, *h, *bus;
    guint len;
    bool ok;

    g_byte_array_append(mp.out, raw, sizeof(raw));
    put_cpus(&mp, v->parent.cpus);
    bus = entry(&mp, BUS, 8);
    memcpy(bus + 2, "ISA   ", 6);
    put_ioapics(&mp, v);
    put_interrupts(&mp, v);

    len = mp.out->len;
    f = mp.out->data;
    h = f + FLOATING;
    memcpy(h, "PCMP", 4);
    st16_le(h + 4, (uint16_t)(len - FLOATING));
    h[6] = 4;
    memcpy(h + 8, "TANDEM  MICROVM     ", 20);
    st16_le(h + 34, (uint16_t)mp.entries);
    st32_le(h + 36, MICROVM_LAPIC);
    h[7] = sum_of(h, len - FLOATING);
    memcpy(f, "_MP_", 4);
    f[8] = 1;
    f[9] = 4;
    /* the pointer is in the last KiB of base memory, the table with it when
     * it fits, else in reserved memory above ACPI's */
    if (len <= 0xa0000 - BOOT_MPTABLE) {
        st32_le(f + 4, BOOT_MPTABLE + FLOATING);
        f[10] = sum_of(f, FLOATING);
        ok = loader_add_bytes(&v->parent, NULL, "MP table", BOOT_MPTABLE, f,
                              len, errp);
    } else {
        hwaddr at = 0xf0000;

        st32_le(f + 4, (uint32_t)at + FLOATING);
        f[10] = sum_of(f, FLOATING);
        ok = loader_add_bytes(&v->parent, NULL, "MP table", at, f, len, errp);
    }
    g_byte_array_unref(mp.out);
    return ok;
}
