/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Parallel NOR flash, Intel/Sharp extended command set (CFI 0x0001).
 *
 * Spec:  JEDEC JESD68.01, Common Flash Interface; JEP137, command set codes;
 *        Intel StrataFlash 28F128J3 data sheet, chapters 9 to 14 (commands,
 *        status register, CFI tables).
 * Guest: reads are memory until a command turns the bank to status,
 *        identifier or query reads. Chips of the bank get each command
 *        together; commands are taken from the lowest lane.
 * Drive: contents are read at realize; each program and erase is written
 *        back at once, in whole sectors.
 *        Lock bits are non-volatile (J3, 13.0): a reset keeps them; they are
 *        saved with the machine, but no drive has room for them.
 * Omits: programming and erasing take no time, so suspend finds nothing to
 *        suspend.
 * Locks: every function runs under the machine lock; none blocks, but for
 *        the drive, which programs and erases wait for.
 */
#include "tandem/base.h"

#include "hw/block/pflash.h"
#include "softmmu/backend/block.h"
#include "softmmu/machine/machine.h"
#include "trace_hw_block.h"

enum { /* command codes: J3 table 14 */
       CMD_READ_ARRAY = 0xff,
       CMD_READ_ARRAY_AMD =
           0xf0, /* other sets' reset: probing drivers try it */
       CMD_READ_ID = 0x90,
       CMD_QUERY = 0x98,
       CMD_READ_STATUS = 0x70,
       CMD_CLEAR_STATUS = 0x50,
       CMD_WRITE_BUFFER = 0xe8,
       CMD_PROGRAM = 0x40,
       CMD_PROGRAM_ALT = 0x10,
       CMD_ERASE = 0x20,
       CMD_LOCK_SETUP = 0x60,
       CMD_SUSPEND = 0xb0,
       CMD_CONFIRM = 0xd0, /* of erase, buffer, unlock; resume */
       CMD_LOCK = 0x01,    /* after LOCK_SETUP */
};
enum { /* status register: J3 table 17 */
       SR_READY = 0x80,
       SR_ERASE_ERROR = 0x20, /* both: bad command sequence */
       SR_PROGRAM_ERROR = 0x10,
       SR_LOCKED = 0x02,
       SR_SEQUENCE_ERROR = SR_ERASE_ERROR | SR_PROGRAM_ERROR,
};

/* What reads show. */
typedef enum PflashMode {
    MODE_ARRAY,
    MODE_STATUS,
    MODE_ID,
    MODE_QUERY,
    MODES,
} PflashMode;

/* What the next write is. */
typedef enum PflashStep {
    STEP_COMMAND,
    STEP_PROGRAM_DATA,
    STEP_ERASE_CONFIRM,
    STEP_LOCK,
    STEP_BUFFER_COUNT,
    STEP_BUFFER_DATA,
    STEP_BUFFER_CONFIRM,
    STEPS,
} PflashStep;

enum {
    QUERY_FIRST = 0x10,                    /* "QRY": JESD68 table 1 */
    QUERY_COUNT = 0x31 - QUERY_FIRST + 15, /* with the PRI table at 0x31 */
    PRI_TABLE = 0x31,
    CHIP_BUFFER_LOG2 = 10, /* write buffer of a chip: 1 KiB */
    MAX_WIDTH = 8,
    MAX_BUFFER = MAX_WIDTH << CHIP_BUFFER_LOG2,
    MAX_BLOCKS = 65536, /* of one CFI erase region */
};

typedef struct Pflash {
    DeviceState parent;
    /* properties: set before realize, constant after */
    BlockBackend *blk; /* NULL: contents are lost at the end */
    char *name;
    uint32_t num_blocks;
    uint64_t sector_len;                    /* of the bank, bytes */
    uint8_t width;                          /* of the bank, bytes */
    uint8_t device_width, max_device_width; /* of a chip; 0: as .width */
    bool big_endian;
    uint16_t id[4];
    /* derived at realize */
    uint64_t size;
    uint32_t buffer_size; /* of the bank */
    uint8_t query[QUERY_COUNT];
    /* guest state: saved */
    uint8_t mode, step; /* PflashMode, PflashStep */
    uint8_t status;
    uint64_t target;      /* of the command: an offset in its block */
    uint64_t buffer_base; /* of the first byte of .buffer */
    uint32_t buffer_left; /* bytes that are still to come */
    uint32_t buffer_len;  /* bytes of the whole */
    bool buffer_started;
    uint8_t buffer[MAX_BUFFER];
    uint32_t lock_bytes; /* one bit a block: .locked */
    uint8_t *locked;
    /* wiring */
    MemoryRegion mmio;
} Pflash;

/* --- geometry --- */

static uint64_t block_base(const Pflash *s, uint64_t off)
{
    return off - off % s->sector_len;
}

static bool block_locked(const Pflash *s, uint64_t off)
{
    uint64_t block = off / s->sector_len;

    return (s->locked[block / 8] >> (block % 8)) & 1;
}

static void block_set_lock(Pflash *s, uint64_t off, bool on)
{
    uint64_t block = off / s->sector_len;

    s->locked[block / 8] =
        (uint8_t)bits_set(s->locked[block / 8], block % 8, 1, on);
}

/* --- reads that are no memory --- */

/* Word @index of the identifier codes (J3 table 15). */
static uint16_t id_word(const Pflash *s, uint64_t off, uint64_t index)
{
    switch (index % (s->sector_len / s->width)) {
    case 0:
        return s->id[0];
    case 1:
        return s->id[1];
    case 2:
        return block_locked(s, off);
    default:
        return 0;
    }
}

/* What each chip drives at its word that holds bank offset @off. */
static uint16_t chip_word(const Pflash *s, uint64_t off)
{
    /* A chip in a narrower mode than it has repeats its tables. */
    uint64_t index = off / s->width / (s->max_device_width / s->device_width);

    switch (s->mode) {
    case MODE_ID:
        return id_word(s, off, index);
    case MODE_QUERY:
        return index - QUERY_FIRST < QUERY_COUNT ? s->query[index - QUERY_FIRST]
                                                 : 0;
    default:
        return s->status;
    }
}

/* All chips answer alike: lane byte n of the word in every lane. */
static uint8_t lane_byte(const Pflash *s, uint64_t off)
{
    unsigned lane = (unsigned)(off % s->device_width);

    if (s->big_endian) {
        lane = s->device_width - 1 - lane;
    }
    return lane < 2 ? (uint8_t)(chip_word(s, off) >> (8 * lane)) : 0;
}

static const uint8_t *pflash_bytes(const Pflash *s)
{
    return memory_region_ram_ptr(&s->mmio);
}

/* Bytes come in order of address; @value in the region's byte order. */
static unsigned byte_shift(const Pflash *s, unsigned i, unsigned size)
{
    return 8 * (s->big_endian ? size - 1 - i : i);
}

static MemResult pflash_read(void *opaque, hwaddr off, unsigned size,
                             uint64_t *value, MemAttrs attrs)
{
    Pflash *s = opaque;

    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = s->mode == MODE_ARRAY ? pflash_bytes(s)[off + i]
                                             : lane_byte(s, off + i);

        *value |= (uint64_t)byte << byte_shift(s, i, size);
    }
    trace_pflash_read(s->name, off, size, *value);
    return MEM_OK;
}

/* --- changes of the array --- */

enum { DRIVE_SECTOR = 512 };

/* To the engine, and to the drive: whole sectors around what changed. Programs
 * and erases are rare and firmware waits for them, so they are synchronous.
 * @error is the status bit when the drive does not take it. */
static void array_changed(Pflash *s, uint64_t off, uint64_t len, uint8_t error)
{
    uint64_t first = align_down(off, DRIVE_SECTOR);
    uint64_t end = MIN(align_up(off + len, DRIVE_SECTOR), s->size);

    ram_written(s->parent.machine->ms, s->mmio.ram, s->mmio.ram_offset + off,
                len);
    if (s->blk &&
        block_pwrite(s->blk, first, pflash_bytes(s) + first, end - first) < 0) {
        s->status |= error;
    }
}

/* A block that may not change: locked, or on a read-only drive. */
static bool array_protected(const Pflash *s, uint64_t off)
{
    return block_locked(s, off) || (s->blk && block_read_only(s->blk));
}

/* Programming turns ones to zeros only (J3 chapter 10). */
static void array_program(Pflash *s, uint64_t off, const uint8_t *data,
                          uint64_t len)
{
    uint8_t *array = memory_region_ram_ptr(&s->mmio);

    if (array_protected(s, off)) {
        s->status |= SR_PROGRAM_ERROR | SR_LOCKED;
        return;
    }
    for (uint64_t i = 0; i < len; i++) {
        array[off + i] &= data[i];
    }
    array_changed(s, off, len, SR_PROGRAM_ERROR);
}

static void array_erase(Pflash *s, uint64_t off)
{
    uint8_t *array = memory_region_ram_ptr(&s->mmio);
    uint64_t base = block_base(s, off);

    trace_pflash_erase(s->name, base);
    if (array_protected(s, off)) {
        s->status |= SR_ERASE_ERROR | SR_LOCKED;
        return;
    }
    memset(array + base, 0xff, s->sector_len);
    array_changed(s, base, s->sector_len, SR_ERASE_ERROR);
}

/* --- commands --- */

static void sequence_error(Pflash *s, uint64_t value)
{
    guest_error(&s->parent, "0x%" PRIx64 " does not continue the command",
                value);
    s->status |= SR_SEQUENCE_ERROR;
    s->buffer_len = s->buffer_left = 0;
    s->buffer_started = false;
    s->mode = MODE_STATUS;
    s->step = STEP_COMMAND;
}

static void start_command(Pflash *s, uint64_t off, uint8_t command)
{
    static const struct {
        uint8_t command, mode, step;
    } table[] = {
        { CMD_READ_ARRAY, MODE_ARRAY, STEP_COMMAND },
        { CMD_READ_ARRAY_AMD, MODE_ARRAY, STEP_COMMAND },
        { CMD_READ_ID, MODE_ID, STEP_COMMAND },
        { CMD_QUERY, MODE_QUERY, STEP_COMMAND },
        { CMD_READ_STATUS, MODE_STATUS, STEP_COMMAND },
        { CMD_WRITE_BUFFER, MODE_STATUS, STEP_BUFFER_COUNT },
        { CMD_PROGRAM, MODE_STATUS, STEP_PROGRAM_DATA },
        { CMD_PROGRAM_ALT, MODE_STATUS, STEP_PROGRAM_DATA },
        { CMD_ERASE, MODE_STATUS, STEP_ERASE_CONFIRM },
        { CMD_LOCK_SETUP, MODE_STATUS, STEP_LOCK },
        { CMD_SUSPEND, MODE_STATUS, STEP_COMMAND },
        { CMD_CONFIRM, MODE_STATUS, STEP_COMMAND },
    };

    if (command == CMD_CLEAR_STATUS) {
        s->status = SR_READY;
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].command == command) {
            s->mode = table[i].mode;
            s->step = table[i].step;
            s->target = off;
            return;
        }
    }
    guest_error(&s->parent, "unknown command 0x%02x", command);
    s->mode = MODE_ARRAY;
}

static void value_bytes(const Pflash *s, uint64_t value, unsigned size,
                        uint8_t *bytes)
{
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> byte_shift(s, i, size));
    }
}

/* The count of words less one, for each chip. */
static void buffer_count(Pflash *s, uint64_t off, uint64_t value)
{
    uint64_t words = (value & bit_mask(8 * MIN(s->device_width, 2))) + 1;

    if (words * s->width > s->buffer_size) {
        sequence_error(s, value);
        return;
    }
    s->target = off;
    s->buffer_len = s->buffer_left = (uint32_t)(words * s->width);
    s->buffer_started = false;
    s->buffer_base = block_base(s, off);
    memset(s->buffer, 0xff, sizeof(s->buffer));
    s->step = STEP_BUFFER_DATA;
}

/* The first write says where the buffer lies; all is in the one block. */
static void buffer_data(Pflash *s, uint64_t off, uint64_t value, unsigned size)
{
    uint64_t base = s->buffer_started ? s->buffer_base : off;

    if (off < base || !range_fits(off - base, size, s->buffer_len) ||
        !range_fits(base % s->sector_len, s->buffer_len, s->sector_len) ||
        block_base(s, off) != block_base(s, s->target)) {
        sequence_error(s, value);
        return;
    }
    s->buffer_started = true;
    s->buffer_base = base;
    value_bytes(s, value, size, s->buffer + (off - s->buffer_base));
    s->buffer_left -= MIN(size, s->buffer_left);
    if (s->buffer_left == 0) {
        s->step = STEP_BUFFER_CONFIRM;
    }
}

static void buffer_confirm(Pflash *s, uint64_t off, uint8_t command)
{
    if (command != CMD_CONFIRM ||
        block_base(s, off) != block_base(s, s->target)) {
        sequence_error(s, command);
        return;
    }
    array_program(s, s->buffer_base, s->buffer, s->buffer_len);
    s->step = STEP_COMMAND;
}

static void erase_confirm(Pflash *s, uint64_t off, uint8_t command)
{
    if (command != CMD_CONFIRM ||
        block_base(s, off) != block_base(s, s->target)) {
        sequence_error(s, command);
        return;
    }
    array_erase(s, off);
    s->step = STEP_COMMAND;
}

static void lock_command(Pflash *s, uint64_t off, uint8_t command)
{
    if (command != CMD_LOCK && command != CMD_CONFIRM) {
        sequence_error(s, command);
        return;
    }
    block_set_lock(s, off, command == CMD_LOCK);
    s->step = STEP_COMMAND;
}

static MemResult pflash_write(void *opaque, hwaddr off, unsigned size,
                              uint64_t value, MemAttrs attrs)
{
    Pflash *s = opaque;
    uint8_t bytes[8], command = (uint8_t)value;

    trace_pflash_write(s->name, off, size, value, s->step);
    switch (s->step) {
    case STEP_COMMAND:
        start_command(s, off, command);
        break;
    case STEP_PROGRAM_DATA:
        value_bytes(s, value, size, bytes);
        array_program(s, off, bytes, size);
        s->step = STEP_COMMAND;
        break;
    case STEP_ERASE_CONFIRM:
        erase_confirm(s, off, command);
        break;
    case STEP_LOCK:
        lock_command(s, off, command);
        break;
    case STEP_BUFFER_COUNT:
        buffer_count(s, off, value);
        break;
    case STEP_BUFFER_DATA:
        buffer_data(s, off, value, size);
        break;
    case STEP_BUFFER_CONFIRM:
        buffer_confirm(s, off, command);
        break;
    }
    memory_region_set_romd(&s->mmio, s->mode == MODE_ARRAY);
    return MEM_OK;
}

static const MemoryOps pflash_ops[2] = {
    {
        .read = pflash_read,
        .write = pflash_write,
        .endian = MEM_LITTLE,
        .valid_min = 1,
        .valid_max = 8,
        .impl_min = 1,
        .impl_max = 4,
    },
    {
        .read = pflash_read,
        .write = pflash_write,
        .endian = MEM_BIG,
        .valid_min = 1,
        .valid_max = 8,
        .impl_min = 1,
        .impl_max = 4,
    },
};

/* --- CFI tables: JESD68 tables 1 to 6; J3 appendix --- */

static void query_set(Pflash *s, unsigned index, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        s->query[index - QUERY_FIRST + i] = (uint8_t)(value >> (8 * i));
    }
}

/* Sizes are those of one chip. */
static void query_build(Pflash *s)
{
    unsigned chips = s->width / s->device_width;
    uint64_t chip_size = s->size / chips;

    memcpy(s->query, "QRY", 3);
    query_set(s, 0x13, 0x0001, 2); /* Intel/Sharp extended */
    query_set(s, 0x15, PRI_TABLE, 2);
    query_set(s, 0x1b, 0x45, 1); /* Vcc min, 4.5 V in BCD */
    query_set(s, 0x1c, 0x55, 1); /* Vcc max */
    query_set(s, 0x1f, 7, 1);    /* word program: 2^7 us */
    query_set(s, 0x20, 7, 1);    /* buffer */
    query_set(s, 0x21, 10, 1);   /* block erase: 2^10 ms */
    query_set(s, 0x23, 4, 1);    /* at most 2^n times that */
    query_set(s, 0x24, 4, 1);
    query_set(s, 0x25, 4, 1);
    query_set(s, 0x27, (uint64_t)__builtin_ctzll(chip_size), 1);
    query_set(s, 0x28, s->max_device_width == 1 ? 0 : 2, 2); /* x8, x8/x16 */
    query_set(s, 0x2a, CHIP_BUFFER_LOG2, 2);
    query_set(s, 0x2c, 1, 1); /* one erase region */
    query_set(s, 0x2d, s->num_blocks - 1, 2);
    query_set(s, 0x2f, s->sector_len / chips / 256, 2);
    memcpy(&s->query[PRI_TABLE - QUERY_FIRST], "PRI10", 5);
    /* No feature bits: no suspend, no lock at power-up. */
}

/* --- reset, saved state, realize --- */

static void pflash_reset_enter(DeviceState *dev)
{
    Pflash *s = object_cast(dev, &pflash_cfi01_type);

    s->mode = MODE_ARRAY;
    s->step = STEP_COMMAND;
    s->status = SR_READY;
    s->buffer_left = s->buffer_len = 0;
    s->buffer_base = s->target = 0;
    s->buffer_started = false;
    memset(s->buffer, 0xff, sizeof(s->buffer));
}

static void pflash_reset_hold(DeviceState *dev)
{
    Pflash *s = object_cast(dev, &pflash_cfi01_type);

    memory_region_set_romd(&s->mmio, true);
}

static bool pflash_post_load(void *obj, int version, Error **errp)
{
    Pflash *s = obj;

    if (s->mode >= MODES || s->step >= STEPS || s->target >= s->size ||
        s->buffer_len > s->buffer_size || s->buffer_left > s->buffer_len ||
        !range_fits(s->buffer_base, s->buffer_len, s->size) ||
        !range_fits(s->buffer_base % s->sector_len, s->buffer_len,
                    s->sector_len)) {
        error_set(errp, "cfi.pflash01: state is out of range");
        return false;
    }
    memory_region_set_romd(&s->mmio, s->mode == MODE_ARRAY);
    return true;
}

static const VmField pflash_fields[] = {
    VM_U8(Pflash, mode),
    VM_U8(Pflash, step),
    VM_U8(Pflash, status),
    VM_U64(Pflash, target),
    VM_U64(Pflash, buffer_base),
    VM_U32(Pflash, buffer_left),
    VM_U32(Pflash, buffer_len),
    VM_BOOL(Pflash, buffer_started),
    VM_BYTES(Pflash, buffer),
    VM_VARRAY(Pflash, locked, lock_bytes, MAX_BLOCKS / 8),
    { 0 },
};
static const VmState pflash_vmstate = {
    .name = "cfi.pflash01",
    .version = 1,
    .fields = pflash_fields,
    .post_load = pflash_post_load,
};

static const Property pflash_props[] = {
    PROP_DRIVE(Pflash, blk),
    PROP(str, Pflash, name, "name", "pflash", "name of the memory region"),
    PROP(u32, Pflash, num_blocks, "num-blocks", "0", "erase blocks"),
    PROP(u64, Pflash, sector_len, "sector-length", "0",
         "bytes of an erase block of the bank"),
    PROP(u8, Pflash, width, "width", "4", "bytes of the bank's data bus"),
    PROP(u8, Pflash, device_width, "device-width", "0",
         "bytes of one chip's data bus; 0: the bank's"),
    PROP(u8, Pflash, max_device_width, "max-device-width", "0",
         "bytes of the widest bus that a chip has; 0: device-width"),
    PROP(bool, Pflash, big_endian, "big-endian", "off", "byte order"),
    PROP(u16, Pflash, id[0], "id0", "0", "manufacturer code"),
    PROP(u16, Pflash, id[1], "id1", "0", "device code"),
    PROP(u16, Pflash, id[2], "id2", "0", "not used by this command set"),
    PROP(u16, Pflash, id[3], "id3", "0", "not used by this command set"),
    { 0 },
};

static bool pflash_check(Pflash *s, Error **errp)
{
    if (s->device_width == 0) {
        s->device_width = s->width;
    }
    if (s->max_device_width == 0) {
        s->max_device_width = s->device_width;
    }
    if (!is_power_of_2(s->width) || s->width > MAX_WIDTH ||
        !is_power_of_2(s->device_width) || s->device_width > s->width ||
        !is_power_of_2(s->max_device_width) ||
        s->max_device_width < s->device_width ||
        s->max_device_width > MAX_WIDTH) {
        error_set(errp, "width, device-width and max-device-width must be "
                        "1, 2, 4 or 8 bytes and fit each other");
        return false;
    }
    if (s->num_blocks == 0 || s->num_blocks > MAX_BLOCKS ||
        !is_power_of_2(s->sector_len) || s->sector_len > 256 * MiB ||
        s->sector_len < 256 * (s->width / s->device_width) ||
        !is_power_of_2(s->num_blocks)) {
        error_set(errp, "num-blocks and sector-length must be powers of two "
                        "that CFI can describe");
        return false;
    }
    s->size = s->num_blocks * s->sector_len;
    s->buffer_size = (uint32_t)(s->width / s->device_width) << CHIP_BUFFER_LOG2;
    s->buffer_size = (uint32_t)MIN(s->buffer_size, s->sector_len);
    s->lock_bytes = (s->num_blocks + 7) / 8;
    return true;
}

/* Take the drive, which has just the size of the bank, and read it. */
static bool pflash_load(Pflash *s, Error **errp)
{
    g_autofree char *path = device_path(&s->parent);
    int err;

    if (s->blk == NULL) {
        return true;
    }
    if (block_length(s->blk) != s->size) {
        error_set(errp,
                  "%s device '%s' requires %" PRIu64 " bytes, %s block "
                  "backend provides %" PRIu64 " bytes",
                  s->parent.parent.type->name, path, s->size,
                  block_name(s->blk), block_length(s->blk));
        return false;
    }
    if (!block_attach(s->blk, OBJECT(s), !block_read_only(s->blk), NULL, NULL,
                      errp)) {
        return false;
    }
    err = block_pread(s->blk, 0, memory_region_ram_ptr(&s->mmio), s->size);
    if (err < 0) {
        block_detach(s->blk);
        error_set_errno(errp, -err, "could not read the contents of flash");
        return false;
    }
    return true;
}

static bool pflash_realize(DeviceState *dev, Error **errp)
{
    Pflash *s = object_cast(dev, &pflash_cfi01_type);

    if (!pflash_check(s, errp) ||
        !memory_region_init_rom_device(&s->mmio, dev, dev->machine->ms,
                                       &pflash_ops[s->big_endian], s, s->name,
                                       s->size, errp)) {
        return false;
    }
    if (!pflash_load(s, errp)) {
        memory_region_destroy(&s->mmio);
        return false;
    }
    s->locked = g_malloc0(s->lock_bytes);
    query_build(s);
    pflash_reset_enter(dev);
    device_add_mmio(dev, &s->mmio);
    return true;
}

static void pflash_unrealize(DeviceState *dev)
{
    Pflash *s = object_cast(dev, &pflash_cfi01_type);

    if (s->blk) {
        block_detach(s->blk);
    }
    memory_region_destroy(&s->mmio);
    g_clear_pointer(&s->locked, g_free);
}

const DeviceType pflash_cfi01_type = {
    .name = "cfi.pflash01",
    .parent = TYPE(device_type),
    .description = "parallel NOR flash, Intel command set",
    .size = sizeof(Pflash),
    .category = DEVICE_STORAGE,
    .props = pflash_props,
    .realize = pflash_realize,
    .unrealize = pflash_unrealize,
    .reset_enter = pflash_reset_enter,
    .reset_hold = pflash_reset_hold,
    .vmstate = &pflash_vmstate,
};
