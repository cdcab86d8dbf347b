/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of a device by its registers: the input is a list of accesses,
 * clock steps, arriving characters, resets, and moves of the state to a twin,
 * with which the run goes on. A device may refuse an access; it may not crash,
 * hang, or save what its twin does not load.
 */
#ifndef TESTS_FUZZ_MMIO_H
#define TESTS_FUZZ_MMIO_H

#include "tests/fuzz/fuzz.h"

#include "tests/unit/hw-test.h"

enum { FUZZ_RAM = 0x10000, FUZZ_BASE = 0x10000000, FUZZ_TWIN = 0x20000000 };

typedef struct MmioFuzz {
    TestMachine *t;
    TestChardev *chr[2]; /* NULL: the device takes none */
    DeviceState *dev[2]; /* the device and its twin */
    hwaddr base[2];
    unsigned n_inputs; /* lines to drive; 0: none */
    /* offsets that inputs favour, and how many */
    const uint32_t *offsets;
    unsigned n_offsets;
    uint32_t size; /* of the window */
} MmioFuzz;

static inline hwaddr mmio_offset(const MmioFuzz *f, FuzzInput *in)
{
    uint64_t pick = fuzz_take(in, 1);

    if (pick < 0xe0 && f->n_offsets) {
        return f->offsets[pick % f->n_offsets];
    }
    return fuzz_take(in, 4) % f->size;
}

static inline void mmio_access(MmioFuzz *f, FuzzInput *in, int which, bool wr)
{
    unsigned size = 1u << (fuzz_take(in, 1) & 3);
    hwaddr addr = f->base[which] + mmio_offset(f, in);
    uint64_t v = wr ? fuzz_take(in, size) : 0;

    if (wr) {
        address_space_st(&f->t->m->memory, addr, size, MEM_LITTLE, v,
                         MEM_ATTRS_CPU);
    } else {
        address_space_ld(&f->t->m->memory, addr, size, MEM_LITTLE, &v,
                         MEM_ATTRS_CPU);
    }
}

/* The twin's other side takes nothing until the states are compared: loading
 * hands on what waits. */
static inline void mmio_move(MmioFuzz *f, int from)
{
    TestChardev *a = f->chr[from], *b = f->chr[1 - from];

    if (b) {
        b->room = 0;
        g_string_truncate(b->in, 0);
    }
    test_migrate(f->dev[from], f->dev[1 - from]);
    if (b) {
        b->room = a->room;
        chardev_writable(&b->parent);
    }
}

/* What is not an access of the device's registers. */
static inline void mmio_other(MmioFuzz *f, FuzzInput *in, int *which)
{
    TestChardev *c = f->chr[*which];
    uint8_t ram[16];
    char text[2] = { 0 };

    switch (fuzz_take(in, 1) % 8) {
    case 0:
        test_clock_step(f->t, (int64_t)fuzz_take(in, 4));
        break;
    case 1:
        test_loop(f->t);
        break;
    case 2:
        device_reset(f->dev[*which]);
        break;
    case 3:
        mmio_move(f, *which);
        *which = 1 - *which;
        break;
    case 4: /* sixteen bytes of RAM: requests that the device fetches */
        for (size_t i = 0; i < sizeof(ram); i++) {
            ram[i] = (uint8_t)fuzz_take(in, 1);
        }
        address_space_write(&f->t->m->memory, fuzz_take(in, 2) & 0xfff0,
                            MEM_ATTRS_CPU, ram, sizeof(ram));
        break;
    case 5:
        if (c) {
            text[0] = (char)(fuzz_take(in, 1) | 1);
            test_type(c, text);
        }
        break;
    case 6:
        if (c) {
            c->room = fuzz_take(in, 1);
            chardev_writable(&c->parent);
        }
        break;
    case 7:
        if (f->n_inputs) {
            unsigned line = (unsigned)fuzz_take(in, 2);

            device_irq_in(f->dev[*which], (int)(line / 2 % f->n_inputs),
                          line & 1);
        }
        break;
    }
}

/* As new, but for what the device keeps over a reset. */
static inline void mmio_reset(MmioFuzz *f)
{
    static const uint8_t zeros[FUZZ_RAM];

    test_loop(f->t);
    for (int i = 0; i < 2; i++) {
        for (unsigned n = 0; n < f->n_inputs; n++) {
            device_irq_in(f->dev[i], (int)n, false);
        }
        if (f->chr[i]) {
            f->chr[i]->room = SIZE_MAX;
            g_string_truncate(f->chr[i]->in, 0);
            g_string_truncate(f->chr[i]->out, 0);
        }
        device_reset(f->dev[i]);
    }
    f->t->now_ns = 0;
    f->t->m->exiting = false;
    f->t->m->exit_code = 0;
    address_space_write(&f->t->m->memory, 0, MEM_ATTRS_CPU, zeros, FUZZ_RAM);
}

/* Run @data over @f, from its reset state. */
static inline void mmio_run(MmioFuzz *f, const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    int which = 0;

    mmio_reset(f);
    while (in.left && !f->t->m->exiting) {
        unsigned op = (unsigned)fuzz_take(&in, 1);

        if (op % 8 == 7) {
            mmio_other(f, &in, &which);
        } else {
            mmio_access(f, &in, which, op % 8 < 4);
        }
    }
    test_loop(f->t);
}

/* A machine with @type twice; @setup sets what realize needs, may be NULL. It
 * is made once a process: making one waits for grace periods. */
static inline MmioFuzz mmio_new(const DeviceType *type, uint32_t size,
                                const uint32_t *offsets, unsigned n_offsets,
                                void (*setup)(DeviceState *dev, int which))
{
    MmioFuzz f = { .t = test_machine(FUZZ_RAM),
                   .base = { FUZZ_BASE, FUZZ_TWIN },
                   .offsets = offsets,
                   .n_offsets = n_offsets,
                   .size = size };

    for (int i = 0; i < 2; i++) {
        const char *id = i ? "chr1" : "chr0";

        f.dev[i] = device_new_board(f.t->m, type);
        if (object_find_property(f.dev[i], "chardev")) {
            f.chr[i] = test_chardev(f.t, id);
            object_set_str(f.dev[i], "chardev", id);
        }
        if (setup) {
            setup(f.dev[i], i);
        }
        test_place(f.dev[i], f.base[i], NULL);
    }
    return f;
}

#endif
