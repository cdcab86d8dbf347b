/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parallel flash by its bus. */
#include "tests/fuzz/mmio.h"

#include "hw/block/pflash.h"

static void setup(DeviceState *dev, int which)
{
    object_set_u64(dev, "num-blocks", 4);
    object_set_u64(dev, "sector-length", 0x1000);
    object_set_u64(dev, "width", 4);
    object_set_u64(dev, "device-width", 2);
    object_set_str(dev, "name", which ? "twin" : "flash");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t offsets[] = { 0,      4,      8,      0x40,   0x154,
                                        0xffc,  0x1000, 0x1004, 0x1ffc, 0x3ffc,
                                        0x3fff, 0x2a8,  0x7fc,  0x800 };
    static MmioFuzz f;

    if (f.t == NULL) {
        f = mmio_new(&pflash_cfi01_type, 0x4000, offsets, ARRAY_SIZE(offsets),
                     setup);
    }
    for (int i = 0; i < 2; i++) {
        memset(memory_region_ram_ptr(device_mmio(f.dev[i], 0)), 0, 0x4000);
    }
    mmio_run(&f, data, size);
    return 0;
}
