/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Firmware configuration device: see include/hw/nvram/fw_cfg.h.
 *
 * Spec:  QEMU documentation, docs/specs/fw_cfg: register layout, keys, file
 *        directory, struct FWCfgDmaAccess.
 * Guest: data (reads take the next bytes of the selected item), selector
 *        (big-endian, 16 bits), DMA address (big-endian, 64 bits; the low
 *        half starts it).
 * Locks: every function runs under the machine lock. A DMA request starts
 *        from a bottom half, and a long one goes on in pieces, between which
 *        others have the lock; none does while the machine stands. The guest
 *        sees its control word change at the end.
 */
#include "tandem/base.h"

#include "hw/nvram/fw_cfg.h"
#include "softmmu/machine/boot.h"
#include "trace_hw_nvram.h"

enum { ID_TRADITIONAL = 1u << 0, ID_DMA = 1u << 1 };
enum { /* FWCfgDmaAccess.control */
       DMA_ERROR = 1u << 0,
       DMA_READ = 1u << 1,
       DMA_SKIP = 1u << 2,
       DMA_SELECT = 1u << 3,
       DMA_WRITE = 1u << 4,
};
enum { DMA_STRUCT = 16, KEY_INVALID = 0xffff };
enum { DMA_PIECE = 64 << 10 }; /* registers may be there instead of RAM */
enum { FILE_BYTES_MAX = INT32_MAX };

#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */

typedef struct FwCfgItem {
    uint16_t key; /* of a file: its place in the directory, at use */
    char *name;   /* NULL: no file */
    GBytes *bytes;
    uint8_t *data; /* in .bytes; written for files with .written only */
    uint32_t len;
    const FwCfgFileOps *ops; /* NULL: none */
    void *opaque;
} FwCfgItem;

typedef struct FwCfgNotifier {
    Notifier notifier;
    FwCfg *device;
} FwCfgNotifier;

struct FwCfg {
    DeviceState parent;
    /* properties */
    bool dma_enabled;
    /* constant after the machine is built */
    GPtrArray *items;      /* FwCfgItem *, no files */
    GPtrArray *files;      /* FwCfgItem *, by name: key is FILE_FIRST + index */
    GByteArray *directory; /* of the files as they are now */
    /* guest state: saved */
    uint16_t selected;
    uint32_t offset;
    uint64_t dma_addr;
    bool dma_busy; /* the request at dma_addr waits for its start */
    /* of a READ under way: its request, and what is still to be filled */
    bool dma_reading;
    uint64_t dma_request, dma_to;
    uint32_t dma_left;
    /* wiring */
    MemoryRegion data_mmio, ctl_mmio, dma_mmio;
    BottomHalf *bh;
    bool in_dma; /* dma_run() is up the stack */
    FwCfgNotifier on_state;
};

/* --- items --- */

static void item_free(void *opaque)
{
    FwCfgItem *item = opaque;

    g_bytes_unref(item->bytes);
    g_free(item->name);
    g_free(item);
}

/* Takes over the reference. */
static FwCfgItem *item_new(GBytes *bytes)
{
    FwCfgItem *item = g_new0(FwCfgItem, 1);
    gsize len;

    item->bytes = bytes;
    item->data = (uint8_t *)g_bytes_get_data(bytes, &len);
    item->len = (uint32_t)len;
    return item;
}

static FwCfgItem *plain_find(FwCfg *s, uint16_t key)
{
    for (guint i = 0; i < s->items->len; i++) {
        FwCfgItem *item = g_ptr_array_index(s->items, i);

        if (item->key == key) {
            return item;
        }
    }
    return NULL;
}

/* The item that @key selects, or NULL: reads of it give zeros. */
static FwCfgItem *item_find(FwCfg *s, uint16_t key)
{
    unsigned file = (unsigned)key - FW_CFG_FILE_FIRST;

    if (key >= FW_CFG_FILE_FIRST && file < s->files->len) {
        return g_ptr_array_index(s->files, file);
    }
    return plain_find(s, key);
}

void fw_cfg_set_gbytes(FwCfg *s, uint16_t key, GBytes *bytes)
{
    FwCfgItem *item = plain_find(s, key);

    assert(key < FW_CFG_FILE_FIRST || key >= FW_CFG_ARCH_LOCAL);
    assert(g_bytes_get_size(bytes) <= FILE_BYTES_MAX);
    if (item) {
        g_ptr_array_remove(s->items, item);
    }
    item = item_new(g_bytes_ref(bytes));
    item->key = key;
    g_ptr_array_add(s->items, item);
}

void fw_cfg_set_bytes(FwCfg *s, uint16_t key, const void *data, size_t len)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, len);

    fw_cfg_set_gbytes(s, key, bytes);
}

void fw_cfg_set_u16(FwCfg *s, uint16_t key, uint16_t value)
{
    value = GUINT16_TO_LE(value);
    fw_cfg_set_bytes(s, key, &value, sizeof(value));
}

void fw_cfg_set_u32(FwCfg *s, uint16_t key, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    fw_cfg_set_bytes(s, key, &value, sizeof(value));
}

void fw_cfg_set_u64(FwCfg *s, uint16_t key, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    fw_cfg_set_bytes(s, key, &value, sizeof(value));
}

void fw_cfg_set_string(FwCfg *s, uint16_t key, const char *text)
{
    fw_cfg_set_bytes(s, key, text, strlen(text) + 1);
}

/* --- files --- */

/* struct FWCfgFiles: count, then {size, select, reserved, name[56]}, all
 * numbers big-endian. */
static void directory_build(FwCfg *s)
{
    uint8_t count[4];

    g_byte_array_set_size(s->directory, 0);
    st32_be(count, s->files->len);
    g_byte_array_append(s->directory, count, sizeof(count));
    for (guint i = 0; i < s->files->len; i++) {
        FwCfgItem *file = g_ptr_array_index(s->files, i);
        uint8_t entry[8 + FW_CFG_NAME_SIZE] = { 0 };

        file->key = (uint16_t)(FW_CFG_FILE_FIRST + i);
        st32_be(entry, file->len);
        st16_be(entry + 4, file->key);
        memcpy(entry + 8, file->name, strlen(file->name));
        g_byte_array_append(s->directory, entry, sizeof(entry));
    }
    fw_cfg_set_bytes(s, FW_CFG_FILE_DIR, s->directory->data, s->directory->len);
}

static FwCfgItem *file_find(FwCfg *s, const char *name)
{
    for (guint i = 0; i < s->files->len; i++) {
        FwCfgItem *file = g_ptr_array_index(s->files, i);

        if (strcmp(file->name, name) == 0) {
            return file;
        }
    }
    return NULL;
}

bool fw_cfg_add_file(FwCfg *s, const char *name, const void *data, size_t len,
                     const FwCfgFileOps *ops, void *opaque, Error **errp)
{
    FwCfgItem *file;
    guint at = 0;

    if (name[0] == '\0' || strlen(name) >= FW_CFG_NAME_SIZE) {
        error_set(errp, "fw_cfg file name '%s' must have 1 to %d characters",
                  name, FW_CFG_NAME_SIZE - 1);
        return false;
    }
    if (file_find(s, name)) {
        error_set(errp, "fw_cfg file '%s' exists already", name);
        return false;
    }
    if (s->files->len >= FW_CFG_MAX_FILES || len > FILE_BYTES_MAX) {
        error_set(errp, "fw_cfg has no room for file '%s'", name);
        return false;
    }
    file = item_new(g_bytes_new(data, len));
    file->name = g_strdup(name);
    file->ops = ops;
    file->opaque = opaque;
    while (at < s->files->len &&
           strcmp(((FwCfgItem *)g_ptr_array_index(s->files, at))->name, name) <
               0) {
        at++;
    }
    g_ptr_array_insert(s->files, (gint)at, file);
    directory_build(s);
    return true;
}

void fw_cfg_replace_file(FwCfg *s, const char *name, const void *data,
                         size_t len)
{
    FwCfgItem *file = file_find(s, name);

    if (file) {
        g_ptr_array_remove(s->files, file);
        directory_build(s);
    }
    if (data) { /* names are ours, and short lists */
        bool ok = fw_cfg_add_file(s, name, data, len, NULL, NULL, NULL);

        assert(ok);
    }
}

uint8_t *fw_cfg_file_data(FwCfg *s, const char *name, size_t *len)
{
    FwCfgItem *file = file_find(s, name);

    *len = file ? file->len : 0;
    return file ? file->data : NULL;
}

bool fw_cfg_add_option(FwCfg *s, const char *name, const char *file,
                       const char *text, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    g_autofree char *data = NULL;
    gsize len;

    if (name == NULL || !file == !text) {
        error_set(errp, "name and exactly one of file and string must be "
                        "given");
        return false;
    }
    if (file && !g_file_get_contents(file, &data, &len, &gerr)) {
        error_set(errp, "can't load %s: %s", file, gerr->message);
        return false;
    }
    if (strncmp(name, "opt/", 4) != 0) {
        warn_report("externally provided fw_cfg item names should be prefixed "
                    "with \"opt/\"");
    }
    return fw_cfg_add_file(s, name, file ? data : text,
                           file ? len : strlen(text), NULL, NULL, errp);
}

/* --- the selected item --- */

static void fw_cfg_select(FwCfg *s, uint16_t key)
{
    FwCfgItem *item = item_find(s, key);

    trace_fw_cfg_select(key, item != NULL);
    s->selected = item ? key : KEY_INVALID;
    s->offset = 0;
    if (item && item->ops && item->ops->selected) {
        item->ops->selected(item->opaque);
    }
}

/* Bytes that are left of it; 0 when none is selected. */
static uint32_t fw_cfg_left(const FwCfg *s, const FwCfgItem *item)
{
    return item && s->offset < item->len ? item->len - s->offset : 0;
}

/* --- data and selector registers --- */

/* Bytes in order of address, zeros past the end: big-endian assembles them. */
static MemResult data_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    FwCfg *s = opaque;
    FwCfgItem *item = item_find(s, s->selected);
    uint32_t at = s->offset;

    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = item && at < item->len ? item->data[at++] : 0;

        *value = *value << 8 | byte;
    }
    if (!attrs.debug) {
        s->offset = at;
    }
    return MEM_OK;
}

/* Only DMA writes items; the data register is read-only. */
static MemResult data_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    FwCfg *s = opaque;

    guest_error(&s->parent, "write of the data register");
    return MEM_OK;
}

static const MemoryOps data_ops = {
    .read = data_read,
    .write = data_write,
    .endian = MEM_BIG,
    .valid_min = 1,
    .valid_max = 8,
};

static MemResult ctl_read(void *opaque, hwaddr off, unsigned size,
                          uint64_t *value, MemAttrs attrs)
{
    *value = 0; /* write-only */
    return MEM_OK;
}

static MemResult ctl_write(void *opaque, hwaddr off, unsigned size,
                           uint64_t value, MemAttrs attrs)
{
    fw_cfg_select(opaque, (uint16_t)value);
    return MEM_OK;
}

static const MemoryOps ctl_ops = {
    .read = ctl_read,
    .write = ctl_write,
    .endian = MEM_BIG,
    .valid_min = 2,
    .valid_max = 2,
};

/* --- DMA --- */

static const MemAttrs dma_attrs = { .device = true };

/* At most a piece of @len bytes: the item's, zeros past its end. */
static bool dma_do_read(FwCfg *s, hwaddr addr, uint32_t len)
{
    static const uint8_t zeros[DMA_PIECE];
    AddressSpace *as = &s->parent.machine->memory;
    FwCfgItem *item = item_find(s, s->selected);
    uint32_t n = MIN(len, fw_cfg_left(s, item));

    if (n &&
        dma_write(as, addr, item->data + s->offset, n, dma_attrs) != MEM_OK) {
        return false;
    }
    s->offset += n;
    return len == n ||
           dma_write(as, addr + n, zeros, len - n, dma_attrs) == MEM_OK;
}

/* Whole or not at all: a write past the end is an error. */
static bool dma_do_write(FwCfg *s, FwCfgItem *item, hwaddr addr, uint32_t len)
{
    size_t off = s->offset;

    if (item == NULL || item->ops == NULL || item->ops->written == NULL ||
        len > fw_cfg_left(s, item) ||
        dma_read(&s->parent.machine->memory, addr, item->data + off, len,
                 dma_attrs) != MEM_OK) {
        return false;
    }
    s->offset += len;
    item->ops->written(item->opaque, off, len);
    return true;
}

static void dma_end(FwCfg *s, bool ok)
{
    uint8_t control[4];

    s->dma_reading = false;
    trace_fw_cfg_dma_end(s->dma_request, ok);
    st32_be(control, ok ? 0 : DMA_ERROR);
    dma_write(&s->parent.machine->memory, s->dma_request, control,
              sizeof(control), dma_attrs);
}

/* READ goes before WRITE goes before SKIP when a guest sets several. Only the
 * first can be longer than its item. */
static void dma_carry_out(FwCfg *s, uint32_t control, uint32_t len, hwaddr addr)
{
    FwCfgItem *item;
    bool ok = true;

    if (control & DMA_SELECT) {
        fw_cfg_select(s, (uint16_t)(control >> 16));
    }
    item = item_find(s, s->selected);
    if (control & DMA_READ) {
        s->dma_reading = true;
        s->dma_to = addr;
        s->dma_left = len;
        return;
    }
    if (control & DMA_WRITE) {
        ok = dma_do_write(s, item, addr, len);
    } else if (control & DMA_SKIP) {
        s->offset += MIN(len, fw_cfg_left(s, item));
    }
    dma_end(s, ok);
}

/* Fetch the FWCfgDmaAccess that waits. */
static void dma_start(FwCfg *s)
{
    uint8_t req[DMA_STRUCT];

    s->dma_busy = false;
    s->dma_request = s->dma_addr;
    s->dma_addr = 0;
    if (dma_read(&s->parent.machine->memory, s->dma_request, req, sizeof(req),
                 dma_attrs) != MEM_OK) {
        guest_error(&s->parent, "no DMA request at 0x%" PRIx64, s->dma_request);
        dma_end(s, false);
        return;
    }
    trace_fw_cfg_dma(ld32_be(req), ld32_be(req + 4), ld64_be(req + 8));
    dma_carry_out(s, ld32_be(req), ld32_be(req + 4), ld64_be(req + 8));
}

static void dma_go_on(FwCfg *s)
{
    uint32_t n = MIN(s->dma_left, DMA_PIECE);
    bool ok = dma_do_read(s, s->dma_to, n);

    s->dma_to += n;
    s->dma_left -= n;
    if (!ok || s->dma_left == 0) {
        dma_end(s, ok);
    }
}

/* One step, so that a request of 4 GiB keeps nobody waiting. */
static void dma_run(void *opaque)
{
    FwCfg *s = opaque;

    if (!machine_running(s->parent.machine)) {
        return; /* memory may be on its way to another side */
    }
    s->in_dma = true;
    if (s->dma_busy && !s->dma_reading) {
        dma_start(s);
    }
    if (s->dma_reading) {
        dma_go_on(s);
    }
    s->in_dma = false;
    if (s->dma_busy || s->dma_reading) {
        bh_schedule(s->bh);
    }
}

static void state_changed(Notifier *n, void *data)
{
    FwCfg *s = container_of(n, FwCfgNotifier, notifier)->device;

    bh_schedule(s->bh);
}

static MemResult dma_reg_read(void *opaque, hwaddr off, unsigned size,
                              uint64_t *value, MemAttrs attrs)
{
    *value = bits_get(DMA_SIGNATURE, (8 - (unsigned)off - size) * 8, size * 8);
    return MEM_OK;
}

/* The whole address, or its halves: the low one starts the request. A driver
 * cannot know when one at an address without memory is over: the next one is
 * not lost, it waits for that. One more while a long one is under way is the
 * driver's mistake, which should wait for its control word. */
static MemResult dma_reg_write(void *opaque, hwaddr off, unsigned size,
                               uint64_t value, MemAttrs attrs)
{
    FwCfg *s = opaque;

    if (s->dma_busy && !s->in_dma) {
        dma_run(s);
    }
    if (s->dma_busy) {
        guest_error(&s->parent, "DMA requests before others are over");
        return MEM_OK;
    }
    if (size == 8) {
        s->dma_addr = value;
    } else {
        s->dma_addr = bits_set(s->dma_addr, off == 0 ? 32 : 0, 32, value);
    }
    if (size == 8 || off == 4) {
        s->dma_busy = true;
        bh_schedule(s->bh);
    }
    return MEM_OK;
}

static const MemoryOps dma_ops = {
    .read = dma_reg_read,
    .write = dma_reg_write,
    .endian = MEM_BIG,
    .valid_min = 4,
    .valid_max = 8,
};

/* --- reset, saved state, realize --- */

/* The order may have changed by hot plug; -boot once= is for one start. */
static void update_boot_order(FwCfg *s, Machine *m)
{
    MachineConfig *c = &m->config;
    g_autofree char *text = machine_boot_order(m);
    const char *order = c->boot_once ? c->boot_once : c->boot_order;

    fw_cfg_replace_file(s, "bootorder", text, text ? strlen(text) + 1 : 0);
    if (order) {
        fw_cfg_set_u16(s, FW_CFG_BOOT_DEVICE, (uint8_t)order[0]);
    }
    g_clear_pointer(&c->boot_once, g_free);
}

static void fw_cfg_reset_enter(DeviceState *dev)
{
    FwCfg *s = object_cast(dev, &fw_cfg_mem_type);

    bh_cancel(s->bh);
    s->selected = FW_CFG_SIGNATURE;
    s->offset = 0;
    s->dma_addr = 0;
    s->dma_busy = false;
    s->dma_reading = false;
    if (dev->machine->fw_cfg == s) {
        update_boot_order(s, dev->machine);
    }
}

/* An offset past the end reads zeros, so any is good; a key that is not
 * there on this side does so too. What is under way goes on by itself. */
static bool fw_cfg_post_load(void *obj, int version, Error **errp)
{
    bh_schedule(((FwCfg *)obj)->bh);
    return true;
}

static void reading_pre_load(void *obj)
{
    ((FwCfg *)obj)->dma_reading = false;
}

static bool reading_needed(void *obj)
{
    return ((FwCfg *)obj)->dma_reading;
}

static const VmField reading_fields[] = {
    VM_BOOL(FwCfg, dma_reading),
    VM_U64(FwCfg, dma_request),
    VM_U64(FwCfg, dma_to),
    VM_U32(FwCfg, dma_left),
    { 0 },
};
static const VmState reading_vmstate = {
    .name = "fw_cfg/reading",
    .version = 1,
    .fields = reading_fields,
    .pre_load = reading_pre_load,
    .needed = reading_needed,
};
static const VmState *const fw_cfg_subsections[] = { &reading_vmstate, NULL };
static const VmField fw_cfg_fields[] = {
    VM_U16(FwCfg, selected),
    VM_U32(FwCfg, offset),
    VM_U64(FwCfg, dma_addr),
    VM_BOOL(FwCfg, dma_busy),
    { 0 },
};
static const VmState fw_cfg_vmstate = {
    .name = "fw_cfg",
    .version = 1,
    .fields = fw_cfg_fields,
    .post_load = fw_cfg_post_load,
    .subsections = fw_cfg_subsections,
};

static const Property fw_cfg_props[] = {
    PROP(bool, FwCfg, dma_enabled, "dma_enabled", "on",
         "offer the DMA interface"),
    { 0 },
};

static void fw_cfg_init(Object *obj)
{
    FwCfg *s = object_cast(obj, &fw_cfg_mem_type);

    s->items = g_ptr_array_new_with_free_func(item_free);
    s->files = g_ptr_array_new_with_free_func(item_free);
    s->directory = g_byte_array_new();
    directory_build(s);
}

static void fw_cfg_finalize(Object *obj)
{
    FwCfg *s = object_cast(obj, &fw_cfg_mem_type);

    g_ptr_array_unref(s->items);
    g_ptr_array_unref(s->files);
    g_byte_array_unref(s->directory);
}

static void standard_registers(FwCfg *s)
{
    DeviceState *dev = &s->parent;

    s->bh = bh_new(dev->machine->loop, dma_run, s);
    s->on_state = (FwCfgNotifier){ { state_changed }, s };
    notifier_add(dev->machine->on_state, &s->on_state.notifier);
    if (s->dma_enabled) {
        memory_region_init_io(&s->dma_mmio, dev, &dma_ops, s, "fwcfg.dma", 8);
        device_add_mmio(dev, &s->dma_mmio);
    }
    fw_cfg_set_bytes(s, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_set_u32(s, FW_CFG_ID,
                   ID_TRADITIONAL | (s->dma_enabled ? ID_DMA : 0));
}

static bool fw_cfg_realize(DeviceState *dev, Error **errp)
{
    FwCfg *s = object_cast(dev, &fw_cfg_mem_type);

    memory_region_init_io(&s->data_mmio, dev, &data_ops, s, "fwcfg.data", 8);
    memory_region_init_io(&s->ctl_mmio, dev, &ctl_ops, s, "fwcfg.ctl", 2);
    device_add_mmio(dev, &s->data_mmio);
    device_add_mmio(dev, &s->ctl_mmio);
    standard_registers(s);
    return true;
}

/* --- on I/O ports: the selector, little-endian, and data over its upper
 * half --- */

static MemResult port_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    if (size != 1) {
        *value = 0; /* the selector is write-only */
        return MEM_OK;
    }
    return data_read(opaque, 0, 1, value, attrs);
}

static MemResult port_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    FwCfg *s = opaque;

    if (size == 2) {
        fw_cfg_select(s, (uint16_t)value);
    } else {
        guest_error(&s->parent, "write of the data register");
    }
    return MEM_OK;
}

static const MemoryOps port_ops = {
    .read = port_read,
    .write = port_write,
    .endian = MEM_LITTLE,
    .valid_min = 1,
    .valid_max = 2,
};

static bool fw_cfg_io_realize(DeviceState *dev, Error **errp)
{
    FwCfg *s = object_cast(dev, &fw_cfg_mem_type);

    memory_region_init_io(&s->ctl_mmio, dev, &port_ops, s, "fwcfg", 2);
    memory_region_set_coalesced(&s->ctl_mmio); /* what is selected is read */
    device_add_mmio(dev, &s->ctl_mmio);
    standard_registers(s);
    return true;
}

static void fw_cfg_unrealize(DeviceState *dev)
{
    FwCfg *s = object_cast(dev, &fw_cfg_mem_type);

    notifier_remove(dev->machine->on_state, &s->on_state.notifier);
    g_clear_pointer(&s->bh, bh_free);
    if (s->data_mmio.name) { /* the one on ports has none */
        memory_region_destroy(&s->data_mmio);
    }
    memory_region_destroy(&s->ctl_mmio);
    if (s->dma_enabled) {
        memory_region_destroy(&s->dma_mmio);
    }
    if (dev->machine->fw_cfg == s) {
        dev->machine->fw_cfg = NULL;
    }
}

const DeviceType fw_cfg_mem_type = {
    .name = "fw_cfg_mem",
    .parent = TYPE(device_type),
    .description = "firmware configuration device behind MMIO",
    .size = sizeof(FwCfg),
    .props = fw_cfg_props,
    .init = fw_cfg_init,
    .finalize = fw_cfg_finalize,
    .realize = fw_cfg_realize,
    .unrealize = fw_cfg_unrealize,
    .reset_enter = fw_cfg_reset_enter,
    .vmstate = &fw_cfg_vmstate,
};

const DeviceType fw_cfg_io_type = {
    .name = "fw_cfg_io",
    .parent = TYPE(fw_cfg_mem_type),
    .description = "firmware configuration device on I/O ports",
    .size = sizeof(FwCfg),
    .realize = fw_cfg_io_realize,
    .unrealize = fw_cfg_unrealize,
};

/* --- boards --- */

static void standard_items(FwCfg *s, const MachineConfig *c)
{
    fw_cfg_set_bytes(s, FW_CFG_UUID, c->uuid, sizeof(c->uuid));
    fw_cfg_set_u64(s, FW_CFG_RAM_SIZE, c->ram_size);
    fw_cfg_set_u16(s, FW_CFG_NOGRAPHIC, 1);
    fw_cfg_set_u16(s, FW_CFG_NB_CPUS, (uint16_t)c->cpus);
    fw_cfg_set_u16(s, FW_CFG_MAX_CPUS, (uint16_t)c->max_cpus);
    fw_cfg_set_u16(s, FW_CFG_BOOT_MENU, c->boot_menu);
}

/* -boot splash=: a picture, named by what it is. */
static bool add_splash(FwCfg *s, const char *path, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    g_autofree char *data = NULL;
    const char *name;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, &gerr)) {
        error_set(errp, "-boot splash: %s", gerr->message);
        return false;
    }
    if (len > 2 && memcmp(data, "\xff\xd8", 2) == 0) {
        name = "bootsplash.jpg";
    } else if (len > 2 && memcmp(data, "BM", 2) == 0) {
        name = "bootsplash.bmp";
    } else {
        error_set(errp, "-boot splash: '%s' is neither JPEG nor BMP", path);
        return false;
    }
    return fw_cfg_add_file(s, name, data, len, NULL, NULL, errp);
}

/* What firmware is told about waiting: names and sizes as in the QEMU
 * documentation, "-boot" and docs/specs/fw_cfg. */
static bool boot_files(FwCfg *s, const MachineConfig *c, Error **errp)
{
    uint8_t word[4];

    st32_le(word, (uint32_t)c->boot_timeout_ms);
    if (c->boot_timeout_ms >= -1 &&
        !fw_cfg_add_file(s, "etc/boot-fail-wait", word, 4, NULL, NULL, errp)) {
        return false;
    }
    st16_le(word, (uint16_t)c->boot_splash_ms);
    if (c->boot_splash_ms >= 0 &&
        !fw_cfg_add_file(s, "etc/boot-menu-wait", word, 2, NULL, NULL, errp)) {
        return false;
    }
    return c->boot_splash == NULL || add_splash(s, c->boot_splash, errp);
}

FwCfg *fw_cfg_mem_map(Machine *m, hwaddr base, Error **errp)
{
    DeviceState *dev = device_new_board(m, &fw_cfg_mem_type);
    FwCfg *s = object_cast(dev, &fw_cfg_mem_type);

    if (!device_realize(dev, errp)) {
        return NULL;
    }
    device_map(dev, 0, base);
    device_map(dev, 1, base + 8);
    if (s->dma_enabled) {
        device_map(dev, 2, base + 16);
    }
    standard_items(s, &m->config);
    if (!boot_files(s, &m->config, errp)) {
        return NULL;
    }
    m->fw_cfg = s;
    return s;
}

FwCfg *fw_cfg_io_map(Machine *m, uint16_t port, Error **errp)
{
    DeviceState *dev = device_new_board(m, &fw_cfg_io_type);
    FwCfg *s = object_cast(dev, &fw_cfg_mem_type);

    if (!device_realize(dev, errp)) {
        return NULL;
    }
    memory_region_add(&m->io, port, &s->ctl_mmio);
    if (s->dma_enabled) {
        memory_region_add(&m->io, (hwaddr)port + 4, &s->dma_mmio);
    }
    standard_items(s, &m->config);
    m->fw_cfg = s;
    return s;
}
