/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of riscv boards by their registers; the first byte says which. */
#include "tests/fuzz/mmio.h"

#include "hw/char/htif.h"
#include "hw/char/serial.h"
#include "hw/intc/aclint.h"
#include "hw/intc/plic.h"
#include "hw/timer/goldfish_rtc.h"

static void setup_plic(DeviceState *dev, int which)
{
    object_set_str(dev, "hart-config", "MS,M");
    object_set_str(dev, "edge-sources", "5-9,40");
}

static void setup_harts(DeviceState *dev, int which)
{
    object_set_u64(dev, "num-harts", 3);
}

/* A clock that stands still, as the others' does. */
static void setup_rtc(DeviceState *dev, int which)
{
    MachineConfig *c = &dev->machine->config;

    c->rtc_clock = CLOCK_VIRTUAL;
    if (c->rtc_base == NULL) {
        c->rtc_base = g_strdup("1970-01-01");
    }
}

static const uint32_t serial_offsets[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
static const uint32_t plic_offsets[] = {
    4,      20,     28,     160,      0x1000,   0x1004,   0x2000,   0x2004,
    0x2080, 0x2084, 0x2100, 0x200000, 0x200004, 0x201000, 0x201004, 0x202004,
};
static const uint32_t mtimer_offsets[] = { 0,    4,      8,      12,
                                           0x10, 0x7ff8, 0x7ffc, 0x18 };
static const uint32_t swi_offsets[] = { 0, 4, 8, 12, 0x3ffc };
static const uint32_t rtc_offsets[] = { 0,    4,    8,    0xc, 0x10,
                                        0x14, 0x18, 0x1c, 0x20 };
static const uint32_t htif_offsets[] = { 0, 4 };

#define ROW(type, size, offsets, inputs, setup)                                \
    {                                                                          \
        &(type), size, offsets, ARRAY_SIZE(offsets), inputs, setup             \
    }
static const struct {
    const DeviceType *type;
    uint32_t size;
    const uint32_t *offsets;
    unsigned n_offsets, n_inputs;
    void (*setup)(DeviceState *dev, int which);
} devices[] = {
    ROW(serial_mm_type, 8, serial_offsets, 0, NULL),
    ROW(plic_type, 0x600000, plic_offsets, 96, setup_plic),
    ROW(aclint_mtimer_type, 0x8000, mtimer_offsets, 0, setup_harts),
    ROW(aclint_swi_type, 0x4000, swi_offsets, 0, setup_harts),
    ROW(goldfish_rtc_type, 0x24, rtc_offsets, 0, setup_rtc),
    ROW(htif_type, 8, htif_offsets, 0, NULL),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static MmioFuzz f[ARRAY_SIZE(devices)];
    size_t i;

    if (size == 0) {
        return 0;
    }
    i = data[0] % ARRAY_SIZE(devices);
    if (f[i].t == NULL) {
        f[i] = mmio_new(devices[i].type, devices[i].size, devices[i].offsets,
                        devices[i].n_offsets, devices[i].setup);
        f[i].n_inputs = devices[i].n_inputs;
    }
    if (devices[i].type == &goldfish_rtc_type) { /* reset keeps the time */
        for (int n = 0; n < 2; n++) {
            test_wr(f[i].t, f[i].base[n] + 4, 4, 0);
            test_wr(f[i].t, f[i].base[n], 4, 0);
        }
    }
    mmio_run(&f[i], data + 1, size - 1);
    return 0;
}
