/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Images in guest memory: see include/hw/core/loader.h.
 *
 * The pieces belong to one internal device, /machine/roms, whose reset puts
 * them into memory, so they are there again after every reset.
 */
#include "tandem/base.h"

#include <sys/mman.h>

#include "hw/core/image.h"
#include "hw/core/loader.h"
#include "trace_hw_core.h"

typedef struct Blob {
    char *name;
    AddressSpace *as;
    hwaddr addr;
    uint64_t mem_len;    /* bytes beyond the data are zero */
    const uint8_t *data; /* in .bytes */
    uint64_t len;
    GBytes *bytes;
    bool mapped; /* bytes are a private mapping of a file */
} Blob;

typedef struct LoaderRoms {
    DeviceState parent;
    GPtrArray *blobs; /* Blob *; machine lock */
} LoaderRoms;

/* --- the pieces --- */

static void blob_free(void *opaque)
{
    Blob *b = opaque;

    g_free(b->name);
    g_bytes_unref(b->bytes);
    g_free(b);
}

static void zero_memory(AddressSpace *as, hwaddr addr, uint64_t len)
{
    static const uint8_t zeros[4096];
    MemAttrs attrs = { .debug = true };

    while (len) {
        uint64_t n = MIN(len, sizeof(zeros));

        address_space_write(as, addr, attrs, zeros, n);
        addr += n;
        len -= n;
    }
}

/* ROM takes it too: attrs.debug. The mapping's pages are given back: a kernel
 * of tens of MiB would count as ours otherwise. */
static void blob_write(const Blob *b)
{
    MemAttrs attrs = { .debug = true };

    trace_loader_blob(b->name, b->addr, b->mem_len);
    address_space_write(b->as, b->addr, attrs, b->data, b->len);
    zero_memory(b->as, b->addr + b->len, b->mem_len - b->len);
    if (b->mapped) {
        size_t size;
        const uint8_t *p = g_bytes_get_data(b->bytes, &size);

        madvise((void *)p, size, MADV_DONTNEED);
    }
}

static void loader_roms_reset_hold(DeviceState *dev)
{
    LoaderRoms *s = object_cast(dev, &loader_roms_type);

    for (guint i = 0; i < s->blobs->len; i++) {
        blob_write(g_ptr_array_index(s->blobs, i));
    }
}

static void loader_roms_init(Object *obj)
{
    LoaderRoms *s = object_cast(obj, &loader_roms_type);

    s->blobs = g_ptr_array_new_with_free_func(blob_free);
}

static void loader_roms_finalize(Object *obj)
{
    LoaderRoms *s = object_cast(obj, &loader_roms_type);

    g_ptr_array_unref(s->blobs);
}

static bool loader_roms_realize(DeviceState *dev, Error **errp)
{
    return true;
}

/* No saved state: guest RAM is saved by itself. */
const DeviceType loader_roms_type = {
    .name = "loader-roms",
    .parent = TYPE(device_type),
    .description = "images that each reset puts into memory",
    .size = sizeof(LoaderRoms),
    .init = loader_roms_init,
    .finalize = loader_roms_finalize,
    .realize = loader_roms_realize,
    .reset_hold = loader_roms_reset_hold,
};

static LoaderRoms *loader_roms(Machine *m)
{
    Object *obj = object_child(m, "roms");
    DeviceState *dev;

    if (obj) {
        return object_cast(obj, &loader_roms_type);
    }
    dev = device_new_child(m, "roms", &loader_roms_type);
    device_realize(dev, NULL); /* cannot fail */
    return object_cast(dev, &loader_roms_type);
}

/* Is all of [addr, addr + len) memory that keeps what is written? */
static bool range_is_memory(AddressSpace *as, hwaddr addr, uint64_t len)
{
    bool ok = true;

    rcu_lock();
    const FlatView *view = address_space_view(as);

    while (len && ok) {
        const FlatRange *r = flat_view_find(view, addr);
        uint64_t left;

        ok = r && r->mr->kind != MEMORY_IO && r->mr->kind != MEMORY_IOMMU;
        if (ok) {
            left = r->size - (addr - r->addr);
            addr += MIN(left, len);
            len -= MIN(left, len);
        }
    }
    rcu_unlock();
    return ok;
}

/* Take over @b, or free it. */
static bool blob_add(Machine *m, Blob *b, Error **errp)
{
    LoaderRoms *s = loader_roms(m);

    if (b->as == NULL) {
        b->as = &m->memory;
    }
    if (!range_is_memory(b->as, b->addr, b->mem_len)) {
        error_set(errp,
                  "%s of 0x%" PRIx64 " bytes does not fit into memory "
                  "at 0x%" PRIx64,
                  b->name, b->mem_len, b->addr);
        blob_free(b);
        return false;
    }
    for (guint i = 0; i < s->blobs->len && b->mem_len; i++) {
        const Blob *o = g_ptr_array_index(s->blobs, i);

        if (o->as == b->as && o->mem_len &&
            range_overlaps(o->addr, o->mem_len, b->addr, b->mem_len)) {
            error_set(errp, "%s at 0x%" PRIx64 " overlaps %s at 0x%" PRIx64,
                      b->name, b->addr, o->name, o->addr);
            blob_free(b);
            return false;
        }
    }
    g_ptr_array_add(s->blobs, b);
    return true;
}

bool loader_add_bytes(Machine *m, AddressSpace *as, const char *name,
                      hwaddr addr, const void *data, uint64_t len, Error **errp)
{
    Blob *b = g_new0(Blob, 1);

    b->name = g_strdup(name);
    b->as = as;
    b->addr = addr;
    b->bytes = g_bytes_new(data, len);
    b->data = g_bytes_get_data(b->bytes, NULL);
    b->len = b->mem_len = len;
    return blob_add(m, b, errp);
}

void loader_update_bytes(Machine *m, const char *name, const void *data,
                         uint64_t len)
{
    LoaderRoms *s = loader_roms(m);

    for (guint i = 0; i < s->blobs->len; i++) {
        Blob *b = g_ptr_array_index(s->blobs, i);

        if (strcmp(b->name, name) == 0) {
            assert(b->len == len);
            g_bytes_unref(b->bytes);
            b->bytes = g_bytes_new(data, len);
            b->data = g_bytes_get_data(b->bytes, NULL);
            b->mapped = false;
            blob_write(b);
            return;
        }
    }
    assert(!"no such piece");
}

/* The end of the first piece at or above @from, which begins at *start. */
static hwaddr next_piece(LoaderRoms *s, hwaddr from, hwaddr *start)
{
    hwaddr end = *start;

    for (guint i = 0; i < s->blobs->len; i++) {
        const Blob *b = g_ptr_array_index(s->blobs, i);

        if (b->addr + b->mem_len > from && b->addr < *start) {
            *start = b->addr;
            end = b->addr + b->mem_len;
        }
    }
    return end;
}

void loader_largest_gap(Machine *m, hwaddr *low, hwaddr *high)
{
    LoaderRoms *s = loader_roms(m);
    hwaddr from = *low, best_low = *low, best_high = *low;

    while (from < *high) {
        hwaddr start = *high, end = next_piece(s, from, &start);

        if (start > from && start - from > best_high - best_low) {
            best_low = from;
            best_high = start;
        }
        from = MAX(end, from + 1);
    }
    *low = best_low;
    *high = best_high;
}

char *loader_text(Machine *m)
{
    LoaderRoms *s = loader_roms(m);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < s->blobs->len; i++) {
        const Blob *b = g_ptr_array_index(s->blobs, i);

        g_string_append_printf(text,
                               "addr=%016" PRIx64 " size=0x%06" PRIx64
                               " mem=ram name=\"%s\"\n",
                               b->addr, b->mem_len, b->name);
    }
    return g_string_free(text, FALSE);
}

/* --- files --- */

GBytes *loader_read_file(const char *file, const char *what, uint64_t max,
                         Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    g_autoptr(GMappedFile) map = g_mapped_file_new(file, FALSE, &gerr);
    g_autoptr(GBytes) bytes = NULL;

    if (map == NULL) {
        error_set(errp, "could not load %s '%s': %s", what, file,
                  g_error_matches(gerr, G_FILE_ERROR, G_FILE_ERROR_NOENT)
                      ? "No such file or directory"
                      : gerr->message);
        return NULL;
    }
    bytes = g_mapped_file_get_bytes(map);
    if (g_bytes_get_size(bytes) > max) {
        error_set(errp, "%s '%s' is too large", what, file);
        return NULL;
    }
    return g_steal_pointer(&bytes);
}

/* A file on its way into memory. */
typedef struct Load {
    Machine *m;
    const LoadRequest *req;
    LoadedImage *out;
    GBytes *bytes;
    const uint8_t *data;
    size_t len;
    bool mapped;
} Load;

static bool load_piece(Load *l, const ImageSegment *seg, Error **errp)
{
    Blob *b = g_new0(Blob, 1);

    b->name = g_strdup(l->req->file);
    b->as = l->req->as;
    b->addr = seg->addr;
    b->data = seg->data;
    b->len = seg->len;
    b->mem_len = seg->mem_len;
    b->bytes = g_bytes_ref(l->bytes);
    b->mapped = l->mapped;
    return blob_add(l->m, b, errp);
}

/*
 * Linkers put the ELF header into the first segment, a page before the code:
 * where that page is no memory, what is only header and padding is left out.
 */
static void drop_elf_header(Load *l, uint64_t header_len, ImageSegment *seg)
{
    AddressSpace *as = l->req->as ? l->req->as : &l->m->memory;
    uint64_t skip = align_up(seg->addr + 1, 4096) - seg->addr;

    if (seg->data != l->data || skip > seg->len || skip < header_len ||
        range_is_memory(as, seg->addr, 1)) {
        return;
    }
    for (uint64_t i = header_len; i < skip; i++) {
        if (seg->data[i] != 0) {
            return;
        }
    }
    seg->addr += skip;
    seg->data += skip;
    seg->len -= skip;
    seg->mem_len -= skip;
}

static void load_symbols(Load *l)
{
    for (size_t i = 0; l->req->symbols && l->req->symbols[i]; i++) {
        l->req->values[i] = 0;
        elf_symbol(l->data, l->len, l->req->symbols[i], &l->req->values[i]);
    }
}

static bool load_elf(Load *l, Error **errp)
{
    LoadedImage *out = l->out;
    ElfImage elf = { 0 };
    bool ok = true;

    if (!elf_parse(&elf, l->req->file, l->data, l->len, errp)) {
        return false;
    }
    if (l->req->machine && elf.machine != l->req->machine) {
        error_set(errp,
                  "'%s' is an ELF file for another architecture "
                  "(e_machine %u)",
                  l->req->file, elf.machine);
        ok = false;
    }
    *out = (LoadedImage){ LOAD_ELF, elf.entry, UINT64_MAX, 0, 0 };
    for (guint i = 0; ok && i < elf.segments->len; i++) {
        ImageSegment *seg = &g_array_index(elf.segments, ImageSegment, i);

        drop_elf_header(l, elf.header_len, seg);
        out->low = MIN(out->low, seg->addr);
        out->high = MAX(out->high, seg->addr + seg->mem_len);
        out->file_size += seg->len;
        ok = load_piece(l, seg, errp);
    }
    if (ok && elf.segments->len == 0) {
        error_set(errp, "'%s' is an ELF file with nothing to load",
                  l->req->file);
        ok = false;
    }
    g_array_unref(elf.segments);
    if (ok) {
        load_symbols(l);
        trace_loader_elf(l->req->file, out->entry, out->low, out->high);
    }
    return ok;
}

/* Raw bytes at req->addr; what takes @mem_len of memory once it runs. */
static bool load_flat(Load *l, unsigned format, uint64_t mem_len, Error **errp)
{
    ImageSegment seg = { l->req->addr, l->data, l->len, l->len };

    if (l->req->max_size && l->len > l->req->max_size) {
        error_set(errp,
                  "%s '%s' is too large: there are 0x%" PRIx64
                  " bytes for it at 0x%" PRIx64,
                  l->req->what ? l->req->what : "file", l->req->file,
                  l->req->max_size, l->req->addr);
        return false;
    }
    if (mem_len > UINT64_MAX - l->req->addr) {
        mem_len = l->len; /* the header lies */
    }
    *l->out =
        (LoadedImage){ format, seg.addr, seg.addr, seg.addr + mem_len, l->len };
    return load_piece(l, &seg, errp);
}

static bool load_by_format(Load *l, Error **errp)
{
    unsigned formats = l->req->formats;
    uint64_t mem_len;

    for (size_t i = 0; l->req->symbols && l->req->symbols[i]; i++) {
        l->req->values[i] = 0;
    }
    if ((formats & LOAD_ELF) && image_is_elf(l->data, l->len)) {
        return load_elf(l, errp);
    }
    if ((formats & LOAD_IMAGE) &&
        image_kernel_header(l->data, l->len, &mem_len)) {
        return load_flat(l, LOAD_IMAGE, mem_len, errp);
    }
    if (formats & LOAD_RAW) {
        return load_flat(l, LOAD_RAW, l->len, errp);
    }
    error_set(errp, "%s '%s' has no format that can be loaded",
              l->req->what ? l->req->what : "file", l->req->file);
    return false;
}

bool loader_load(Machine *m, const LoadRequest *req, LoadedImage *out,
                 Error **errp)
{
    const char *what = req->what ? req->what : "file";
    Load l = { .m = m, .req = req, .out = out, .mapped = true };
    bool ok;

    l.bytes = loader_read_file(req->file, what, UINT64_MAX, errp);
    if (l.bytes == NULL) {
        return false;
    }
    l.data = g_bytes_get_data(l.bytes, &l.len);
    if ((req->formats & LOAD_GZIP) && image_is_gzip(l.data, l.len)) {
        uint64_t max = req->max_size ? req->max_size : m->config.ram_size;
        GBytes *plain = image_gunzip(req->file, l.data, l.len, max, errp);

        g_bytes_unref(l.bytes);
        if (plain == NULL) {
            return false;
        }
        l.bytes = plain;
        l.mapped = false;
        l.data = g_bytes_get_data(l.bytes, &l.len);
    }
    ok = load_by_format(&l, errp);
    g_bytes_unref(l.bytes);
    return ok;
}
