/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fw_cfg by its registers and by DMA requests in RAM. */
#include "tests/fuzz/mmio.h"

#include "hw/nvram/fw_cfg.h"

static void written(void *opaque, size_t off, size_t len)
{
    g_assert_true(range_fits(off, len, 64));
}

static const FwCfgFileOps file_ops = { NULL, written };

/* All three regions lie in the window, as on boards. */
static void add_regions(MmioFuzz *f)
{
    for (int i = 0; i < 2; i++) {
        uint8_t bytes[64] = { 1, 2, 3 };
        FwCfg *s = object_cast(f->dev[i], &fw_cfg_mem_type);

        device_map(f->dev[i], 1, f->base[i] + 8);
        device_map(f->dev[i], 2, f->base[i] + 16);
        fw_cfg_add_file(s, "opt/r", "read only", 9, NULL, NULL, NULL);
        fw_cfg_add_file(s, "opt/w", bytes, 64, &file_ops, NULL, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t offsets[] = { 0, 4, 8, 16, 20 };
    static MmioFuzz f;

    if (f.t == NULL) {
        f = mmio_new(&fw_cfg_mem_type, 32, offsets, ARRAY_SIZE(offsets), NULL);
        add_regions(&f);
        machine_cont(f.t->m);
    }
    mmio_run(&f, data, size);
    return 0;
}
