/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block device (VirtIO 1.2, 5.2): a disk of 64 sectors, each of which begins
 * with its number, serial "suite". */
#include "virtio.h"

enum { SECTOR = 512, SECTORS = 64 };
enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13 };
enum { OK = 0, IOERR = 1, UNSUPP = 2 };
#define F_FLUSH   (1ull << 9)
#define F_DISCARD (1ull << 13)
#define F_ZEROES  (1ull << 14)

static struct {
    uint32_t type, reserved;
    uint64_t sector;
} head;
static volatile uint8_t status;
static uint8_t data[4 * SECTOR];
static Virtio v;

/* One request with up to three buffers between header and status. */
static uint8_t request(uint32_t type, uint64_t sector, const Buf *bufs,
                       unsigned n, uint32_t *len)
{
    Buf all[5] = { { &head, sizeof(head), 0 } };

    head.type = type;
    head.reserved = 0;
    head.sector = sector;
    status = 0xee;
    for (unsigned i = 0; i < n; i++) {
        all[1 + i] = bufs[i];
    }
    all[1 + n] = (Buf){ &status, 1, DESC_WRITE };
    *len = ring_do(&v, 0, all, n + 2);
    return status;
}

static uint8_t one(uint32_t type, uint64_t sector, uint32_t size)
{
    Buf buf = { data, size, type == IN || type == GET_ID ? DESC_WRITE : 0 };
    uint32_t len;

    return request(type, sector, &buf, 1, &len);
}

static void reads(void)
{
    Buf three[] = { { data, 100, DESC_WRITE },
                    { data + 100, 412, DESC_WRITE },
                    { data + 512, 1024, DESC_WRITE } };
    Buf buf = { data, SECTOR, DESC_WRITE };
    uint32_t len;

    check("read", request(IN, 5, &buf, 1, &len), OK);
    check("bytes written with the status", len, SECTOR + 1);
    check("number of sector 5", data[0], 5);
    check("read into three buffers", request(IN, 60, three, 3, &len), OK);
    check("their bytes", len, 3 * SECTOR + 1);
    check("number of sector 62", data[1024], 62);
}

static void writes(void)
{
    uint32_t len;

    memset(data, 0x5a, SECTOR);
    check("write", one(OUT, 7, SECTOR), OK);
    memset(data, 0, SECTOR);
    check("flush", request(FLUSH, 0, NULL, 0, &len), OK);
    check("read back", one(IN, 7, SECTOR), OK);
    check("what was written", data[0] << 8 | data[SECTOR - 1], 0x5a5a);
}

static void identity(void)
{
    memset(data, 0xff, 20);
    check("get id", one(GET_ID, 0, 20), OK);
    check("serial, first", data[0], 's');
    check("serial, behind its end", data[5], 0);
}

static void range(uint64_t sector, uint32_t count, uint32_t flags)
{
    memcpy(data, &sector, 8);
    memcpy(data + 8, &count, 4);
    memcpy(data + 12, &flags, 4);
}

static void zeroes(void)
{
    range(8, 2, 0);
    check("write zeroes", one(ZEROES, 0, 16), OK);
    data[0] = 1;
    one(IN, 9, SECTOR);
    check("sector 9 is zero", data[0], 0);
    one(IN, 10, SECTOR);
    check("sector 10 is not", data[0], 10);
    range(11, 1, 0);
    check("discard", one(DISCARD, 0, 16), OK);
    range(63, 2, 0);
    check("zeroes beyond the end", one(ZEROES, 0, 16), IOERR);
    range(11, 1, 0xfe);
    check("flags that nobody knows", one(ZEROES, 0, 16), UNSUPP);
}

static void hostile(void)
{
    check("read beyond the end", one(IN, SECTORS, SECTOR), IOERR);
    check("read over the end", one(IN, SECTORS - 1, 2 * SECTOR), IOERR);
    check("read at the last number there is", one(IN, ~0ull, SECTOR), IOERR);
    check("read of half a sector", one(IN, 0, SECTOR / 2), IOERR);
    check("write beyond the end", one(OUT, 1ull << 55, SECTOR), IOERR);
    check("a type that nobody knows", one(0x7777, 0, SECTOR), UNSUPP);
    check("a read after all that", one(IN, 6, SECTOR), OK);
    check("number of sector 6", data[0], 6);
}

/* A table of descriptors elsewhere (2.7.5.3). */
static void indirect(void)
{
    static Desc table[3];
    Buf buf = { table, sizeof(table), DESC_INDIRECT };
    uint32_t len;

    head.type = IN;
    head.sector = 3;
    status = 0xee;
    table[0] = (Desc){ (uintptr_t)&head, sizeof(head), DESC_NEXT, 1 };
    table[1] = (Desc){ (uintptr_t)data, SECTOR, DESC_NEXT | DESC_WRITE, 2 };
    table[2] = (Desc){ (uintptr_t)&status, 1, DESC_WRITE, 0 };
    len = ring_do(&v, 0, &buf, 1);
    check("indirect read", status, OK);
    check("its bytes", len, SECTOR + 1);
    check("number of sector 3", data[0], 3);
}

void suite_blk(bool pci)
{
    uint64_t features;

    part("blk", pci ? "-pci" : "-mmio");
    v = virtio_find(pci, ID_BLK);
    features = virtio_features(&v);
    note("features", features);
    virtio_start(&v, features & (F_FLUSH | F_DISCARD | F_ZEROES | F_INDIRECT),
                 1);
    check("sectors", virtio_config32(&v, 0), SECTORS);
    check("sectors, high half", virtio_config32(&v, 4), 0);
    note("block size", virtio_config32(&v, 20));
    reads();
    writes();
    identity();
    zeroes();
    indirect();
    hostile();
    virtio_set_status(&v, 0);
}
