/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device trees over libfdt: see include/hw/core/dtb.h. */
#include "tandem/base.h"

#include <libfdt.h>

#include "hw/core/dtb.h"

enum { DTB_FIRST_SIZE = 64 * 1024, DTB_MAX_SIZE = 16 << 20 };

/* Every call below either works, or wants room. */
static bool dtb_grew(Dtb *dtb, int err)
{
    if (err != -FDT_ERR_NOSPACE) {
        assert(err >= 0);
        return false;
    }
    dtb_reserve(dtb, dtb->size);
    return true;
}

Dtb *dtb_new(void)
{
    Dtb *dtb = g_new0(Dtb, 1);
    int err;

    dtb->size = DTB_FIRST_SIZE;
    dtb->blob = g_malloc0((size_t)dtb->size);
    dtb->next_phandle = 1;
    err = fdt_create_empty_tree(dtb->blob, dtb->size);
    assert(err == 0);
    return dtb;
}

/* Bytes of the tag at @off of the structure block, padding included; 0 when
 * it is none or goes past @size (Devicetree 0.4, 5.4.1). */
static uint64_t tag_bytes(const uint8_t *block, uint64_t off, uint64_t size)
{
    const uint8_t *name, *end;
    uint64_t bytes = 4;

    if (!range_fits(off, 4, size)) {
        return 0;
    }
    switch (ld32_be(block + off)) {
    case FDT_BEGIN_NODE:
        name = block + off + 4;
        end = memchr(name, 0, size - off - 4);
        bytes = end ? 4 + (uint64_t)(end - name) + 1 : 0;
        break;
    case FDT_PROP:
        if (!range_fits(off, 12, size)) {
            return 0;
        }
        bytes = 12 + (uint64_t)ld32_be(block + off + 4);
        break;
    case FDT_END_NODE:
    case FDT_NOP:
    case FDT_END:
        break;
    default:
        return 0;
    }
    return range_fits(off, bytes, size) ? align_up(bytes, 4) : 0;
}

/* Does the structure block end with FDT_END, with no tag past its end? */
static bool tags_valid(const uint8_t *data)
{
    const uint8_t *block = data + fdt_off_dt_struct(data);
    uint64_t size = fdt_size_dt_struct(data), off = 0, bytes;

    while ((bytes = tag_bytes(block, off, size)) != 0) {
        if (ld32_be(block + off) == FDT_END) {
            return true;
        }
        off += bytes;
    }
    return false;
}

/*
 * May libfdt walk and change it? Its own check crashes on versions below 16,
 * lets a tree without a root node pass, and goes round for ever where a
 * property's length wraps its offsets: so the tags are walked here first.
 * Version 17 is what dtc has made since 2007 (Devicetree 0.4, 5.2).
 */
static bool tree_valid(const void *data, size_t len)
{
    int next;

    return len >= FDT_V17_SIZE && fdt_check_header(data) == 0 &&
           fdt_version(data) >= 17 && fdt_totalsize(data) <= len &&
           range_fits(fdt_off_dt_struct(data), fdt_size_dt_struct(data),
                      fdt_totalsize(data)) &&
           tags_valid(data) && fdt_check_full(data, len) == 0 &&
           fdt_next_tag(data, 0, &next) == FDT_BEGIN_NODE;
}

Dtb *dtb_from_file(const char *file, Error **errp)
{
    g_autofree char *data = NULL;
    g_autoptr(GError) gerr = NULL;
    size_t len;
    Dtb *dtb;

    if (!g_file_get_contents(file, &data, &len, &gerr)) {
        error_set(errp, "could not load device tree '%s': %s", file,
                  gerr->message);
        return NULL;
    }
    if (len > DTB_MAX_SIZE || !tree_valid(data, len)) {
        error_set(errp, "'%s' is not a valid device tree", file);
        return NULL;
    }
    dtb = g_new0(Dtb, 1);
    dtb->size = (int)len + DTB_FIRST_SIZE;
    dtb->blob = g_malloc0((size_t)dtb->size);
    if (fdt_open_into(data, dtb->blob, dtb->size) != 0) {
        error_set(errp, "'%s' is not a valid device tree", file);
        dtb_free(dtb);
        return NULL;
    }
    dtb->next_phandle = fdt_get_max_phandle(dtb->blob) + 1;
    return dtb;
}

void dtb_free(Dtb *dtb)
{
    if (dtb) {
        g_free(dtb->blob);
        g_free(dtb);
    }
}

void dtb_reserve(Dtb *dtb, int bytes)
{
    int used = fdt_off_dt_strings(dtb->blob) + fdt_size_dt_strings(dtb->blob);
    int size = used + bytes;
    void *blob;
    int err;

    if (size <= dtb->size) {
        return;
    }
    blob = g_malloc0((size_t)size);
    err = fdt_open_into(dtb->blob, blob, size);
    assert(err == 0);
    g_free(dtb->blob);
    dtb->blob = blob;
    dtb->size = size;
}

bool dtb_has_node(const Dtb *dtb, const char *path)
{
    return fdt_path_offset(dtb->blob, path) >= 0;
}

void dtb_add_node(Dtb *dtb, const char *path)
{
    const char *name = strrchr(path, '/');
    size_t parent_len = (size_t)(name - path);
    int err;

    if (dtb_has_node(dtb, path)) {
        return;
    }
    do {
        int parent = parent_len ? fdt_path_offset_namelen(dtb->blob, path,
                                                          (int)parent_len)
                                : 0;

        assert(parent >= 0);
        err = fdt_add_subnode(dtb->blob, parent, name + 1);
    } while (dtb_grew(dtb, err));
}

void dtb_add_nodef(Dtb *dtb, const char *fmt, ...)
{
    g_autofree char *path = NULL;
    va_list ap;

    va_start(ap, fmt);
    path = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    dtb_add_node(dtb, path);
}

void dtb_set(Dtb *dtb, const char *path, const char *prop, const void *data,
             int len)
{
    int err;

    do {
        int node = fdt_path_offset(dtb->blob, path);

        assert(node >= 0);
        err = fdt_setprop(dtb->blob, node, prop, data, len);
    } while (dtb_grew(dtb, err));
}

void dtb_set_empty(Dtb *dtb, const char *path, const char *prop)
{
    dtb_set(dtb, path, prop, NULL, 0);
}

void dtb_set_str(Dtb *dtb, const char *path, const char *prop,
                 const char *value)
{
    dtb_set(dtb, path, prop, value, (int)strlen(value) + 1);
}

void dtb_set_strs(Dtb *dtb, const char *path, const char *prop,
                  const char *const *values)
{
    g_autoptr(GByteArray) all = g_byte_array_new();

    for (; *values; values++) {
        g_byte_array_append(all, (const guint8 *)*values,
                            (guint)strlen(*values) + 1);
    }
    dtb_set(dtb, path, prop, all->data, (int)all->len);
}

void dtb_set_cells(Dtb *dtb, const char *path, const char *prop,
                   const uint32_t *cells, size_t n)
{
    g_autofree uint32_t *be = g_new(uint32_t, n);

    for (size_t i = 0; i < n; i++) {
        st32_be(&be[i], cells[i]);
    }
    dtb_set(dtb, path, prop, be, (int)(n * 4));
}

void dtb_set_u32(Dtb *dtb, const char *path, const char *prop, uint32_t value)
{
    dtb_set_cells(dtb, path, prop, &value, 1);
}

void dtb_set_u64(Dtb *dtb, const char *path, const char *prop, uint64_t value)
{
    DTB_CELLS(dtb, path, prop, (uint32_t)(value >> 32), (uint32_t)value);
}

void dtb_set_reg(Dtb *dtb, const char *path, const uint64_t *pairs,
                 size_t n_pairs)
{
    g_autofree uint32_t *cells = g_new(uint32_t, n_pairs * 4);

    for (size_t i = 0; i < n_pairs * 2; i++) {
        cells[2 * i] = (uint32_t)(pairs[i] >> 32);
        cells[2 * i + 1] = (uint32_t)pairs[i];
    }
    dtb_set_cells(dtb, path, "reg", cells, n_pairs * 4);
}

const void *dtb_get(const Dtb *dtb, const char *path, const char *prop,
                    int *len)
{
    int node = fdt_path_offset(dtb->blob, path);

    return node < 0 ? NULL : fdt_getprop(dtb->blob, node, prop, len);
}

uint32_t dtb_new_phandle(Dtb *dtb)
{
    return dtb->next_phandle++;
}

uint32_t dtb_give_phandle(Dtb *dtb, const char *path)
{
    uint32_t phandle = dtb_new_phandle(dtb);

    dtb_set_u32(dtb, path, "phandle", phandle);
    return phandle;
}

const void *dtb_pack(Dtb *dtb, uint32_t *len)
{
    int err = fdt_pack(dtb->blob);

    assert(err == 0);
    *len = fdt_totalsize(dtb->blob);
    /* The next change finds that the buffer is full, and grows it. */
    dtb->size = (int)*len;
    return dtb->blob;
}

bool dtb_write_file(Dtb *dtb, const char *file, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    uint32_t len;
    const void *data = dtb_pack(dtb, &len);

    if (!g_file_set_contents(file, data, len, &gerr)) {
        error_set(errp, "could not write device tree '%s': %s", file,
                  gerr->message);
        return false;
    }
    return true;
}
