/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU documentation, docs/specs/fw_cfg: keys, the directory, DMA. The host
 * gives the files opt/suite, "configured", and opt/balloon, its transport. */
#include "suite.h"

enum { SIGNATURE = 0, ID = 1, DIRECTORY = 0x19, FILES = 0x20 };
enum {
    DMA_ERROR = 1,
    DMA_READ = 2,
    DMA_SKIP = 4,
    DMA_SELECT = 8,
    DMA_WRITE = 16
};

static volatile struct {
    uint32_t control, length;
    uint64_t address;
} dma __attribute__((aligned(16)));
static uint8_t data[32];

static uint32_t read32(void)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        value = value << 8 | fw_data();
    }
    return value;
}

/* The key of file @name, its size in *@size; 0: there is none. */
static uint16_t find(const char *name, size_t len, uint32_t *size)
{
    uint32_t count;

    fw_select(DIRECTORY);
    count = read32();
    for (uint32_t i = 0; i < count && i < 1000; i++) {
        uint32_t key;
        char text[56];

        *size = read32();
        key = read32() >> 16;
        for (size_t j = 0; j < sizeof(text); j++) {
            text[j] = (char)fw_data();
        }
        if (memcmp(text, name, len + 1) == 0) {
            return (uint16_t)key;
        }
    }
    return 0;
}

/* What the control word says at the end. */
static uint32_t transfer(uint32_t control, uint32_t length, uint64_t address)
{
    dma.control = big32(control);
    dma.length = big32(length);
    dma.address = big64(address);
    barrier();
    fw_dma((uintptr_t)&dma);
    while (big32(dma.control) & ~(uint32_t)DMA_ERROR) {
    }
    return big32(dma.control);
}

static void by_dma(uint16_t key)
{
    uint32_t select = (uint32_t)key << 16 | DMA_SELECT;

    memset(data, 0xee, sizeof(data));
    check("DMA read", transfer(select | DMA_READ, 10, (uintptr_t)data), 0);
    check("what was read", memcmp(data, "configured", 10), 0);
    check("nothing behind it", data[10], 0xee);
    check("skip", transfer(select | DMA_SKIP, 3, 0), 0);
    check("read there", transfer(DMA_READ, 4, (uintptr_t)data), 0);
    check("what is there", memcmp(data, "figu", 4), 0);
    check("read over the end", transfer(DMA_READ, 8, (uintptr_t)data), 0);
    check("three bytes, then zeroes", data[2] << 8 | data[3], 'd' << 8);
}

static void hostile(uint16_t key)
{
    uint32_t select = (uint32_t)key << 16 | DMA_SELECT;

    check("read of no key",
          transfer(0x3fffu << 16 | DMA_SELECT | DMA_READ, 4, (uintptr_t)data),
          0);
    check("gives zeroes", data[0] | data[3], 0);
    check("read to where nothing is",
          transfer(select | DMA_READ, 10, board.nowhere), DMA_ERROR);
    check("write to a file", transfer(select | DMA_WRITE, 4, (uintptr_t)data),
          DMA_ERROR);
    fw_dma(board.nowhere);
    check("read after that", transfer(select | DMA_READ, 10, (uintptr_t)data),
          0);
    check("is right", memcmp(data, "configured", 10), 0);
}

bool suite_fw_cfg(void)
{
    uint32_t size = 0;
    uint16_t key;

    part("fw_cfg", "");
    fw_select(SIGNATURE);
    check("signature", read32(), 0x51454d55);
    fw_select(ID);
    check("interfaces", fw_data(), 3);
    key = find("opt/suite", 9, &size);
    check("file in the directory", key >= FILES, 1);
    check("its size", size, 10);
    fw_select(key);
    check("by the data register", fw_data() << 8 | fw_data(), 'c' << 8 | 'o');
    by_dma(key);
    hostile(key);
    fw_select(find("opt/balloon", 11, &size));
    return fw_data() == 'p';
}
