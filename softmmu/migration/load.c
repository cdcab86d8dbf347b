/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The receiving thread: RAM goes to its place as it comes, device state is
 * kept until all of it is there and has been checked.
 */
#include "tandem/base.h"

#include "sections.h"
#include "softmmu/backend/block.h"
#include "softmmu/memory/memory.h"

typedef struct Receiver {
    Migration *mig;
    StreamIn in;
    GPtrArray *blocks;   /* RamBlock *, by the stream's numbers */
    GPtrArray *sections; /* LoadedSection * */
    bool have_clock;
    int64_t clock_ns;
} Receiver;

/* --- in the main loop --- */

static void block_changed(RamBlock *block, void *opaque)
{
    ram_written(opaque, block, 0, block->size);
}

static bool main_apply(Migration *mig, void *data, Error **errp)
{
    Receiver *r = data;
    Machine *m = mig->m;

    ram_block_each(m->ms, block_changed, m->ms);
    if (!r->have_clock) {
        error_set(errp, "the stream has no clock");
        return false;
    }
    clocks_set_virtual_ns(m->clocks, r->clock_ns);
    if (!block_activate_all(m, errp)) {
        return false;
    }
    if (!sections_apply(m, r->sections, errp)) {
        block_inactivate_all(m, NULL); /* the source may want to go on */
        return false;
    }
    return true;
}

/* --- records --- */

static bool read_ram_list(Receiver *r, Error **errp)
{
    uint32_t n;

    if (!stream_get_u32(&r->in, &n, errp)) {
        return false;
    }
    if (r->blocks->len > 0 || n > UINT16_MAX) {
        error_set(errp, "the stream's list of memory blocks is not valid");
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        g_autofree char *id = stream_get_text(&r->in, errp);
        uint64_t size;
        RamBlock *b;

        if (!id || !stream_get_u64(&r->in, &size, errp)) {
            return false;
        }
        b = ram_block_find(r->mig->m->ms, id);
        if (!b || b->size != size) {
            error_set(errp,
                      "memory block '%s' of %" PRIu64 " bytes was "
                      "saved, this machine has %" PRIu64,
                      id, size, b ? b->size : 0);
            return false;
        }
        g_ptr_array_add(r->blocks, b);
    }
    return true;
}

/* Are these bytes zero? What was never written is, and stays so. To ask takes
 * longer than to look at a few pages. */
static bool is_zero(const RamBlock *b, uint64_t offset, size_t len)
{
    const uint8_t *p = b->host + offset;
    uint64_t from = 0, to;

    if (len >= 16 * STREAM_PAGE) {
        ram_block_data(b, offset, &from, &to);
    }
    return from >= offset + len ||
           (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static bool read_pages(Receiver *r, Error **errp)
{
    uint16_t index;
    uint64_t first;
    uint32_t n, bytes;
    uint8_t coding;
    g_autofree uint8_t *data = NULL;
    RamBlock *b;
    uint8_t *to;

    if (!stream_get_u16(&r->in, &index, errp) ||
        !stream_get_u64(&r->in, &first, errp) ||
        !stream_get_u32(&r->in, &n, errp) ||
        !stream_get_u8(&r->in, &coding, errp) ||
        !stream_get_u32(&r->in, &bytes, errp)) {
        return false;
    }
    if (index >= r->blocks->len) {
        error_set(errp, "pages of memory block %u, which is not listed", index);
        return false;
    }
    b = g_ptr_array_index(r->blocks, index);
    if (n == 0 || n > STREAM_PAGES_MAX || coding > STREAM_ZERO ||
        !range_fits(first, n, b->size / STREAM_PAGE) ||
        bytes != (coding == STREAM_ZERO ? 0 : n * STREAM_PAGE)) {
        error_set(errp, "a record of pages of '%s' is not valid", b->id);
        return false;
    }
    data =
        stream_get_block(&r->in, bytes, STREAM_PAGES_MAX * STREAM_PAGE, errp);
    if (!data) {
        return false;
    }
    to = b->host + first * STREAM_PAGE;
    if (coding == STREAM_RAW) {
        memcpy(to, data, bytes);
    } else if (!is_zero(b, first * STREAM_PAGE, (size_t)n * STREAM_PAGE)) {
        memset(to, 0, (size_t)n * STREAM_PAGE);
    }
    return true;
}

static bool read_clock(Receiver *r, Error **errp)
{
    uint64_t ns;

    if (!stream_get_u64(&r->in, &ns, errp)) {
        return false;
    }
    if (ns > INT64_MAX) {
        error_set(errp, "the saved clock is not valid");
        return false;
    }
    r->clock_ns = ns;
    r->have_clock = true;
    return true;
}

static bool read_device(Receiver *r, Error **errp)
{
    return section_read(&r->in, r->sections, errp);
}

/* The description is for people and tools; its checksum is for us. */
static bool read_end(Receiver *r, Error **errp)
{
    g_autofree uint8_t *text = NULL;
    uint32_t len;

    if (!stream_get_u32(&r->in, &len, errp)) {
        return false;
    }
    text = stream_get_block(&r->in, len, STREAM_DEVICE_MAX, errp);
    return text != NULL;
}

static bool (*const readers[])(Receiver *r, Error **errp) = {
    [STREAM_RAM_LIST] = read_ram_list, [STREAM_RAM_PAGES] = read_pages,
    [STREAM_DEVICE] = read_device,     [STREAM_CLOCK] = read_clock,
    [STREAM_END] = read_end,
};

static bool read_records(Receiver *r, Error **errp)
{
    uint8_t kind;

    do {
        if (!stream_get_u8(&r->in, &kind, errp)) {
            return false;
        }
        if (kind >= ARRAY_SIZE(readers) || !readers[kind]) {
            error_set(errp,
                      "the stream is damaged: record kind %u at byte "
                      "%" PRIu64,
                      kind, r->in.bytes);
            return false;
        }
        if (!readers[kind](r, errp) || !stream_check_crc(&r->in, errp)) {
            return false;
        }
    } while (kind != STREAM_END);
    return true;
}

bool migration_receive(Migration *mig, Error **errp)
{
    Receiver r = { .mig = mig,
                   .blocks = g_ptr_array_new(),
                   .sections = loaded_sections_new() };
    bool ok = channel_accept(&mig->channel, &mig->cancel, errp);

    if (ok) {
        stream_in_init(&r.in, mig->channel.fd);
        r.in.cancel = &mig->cancel;
        ok = stream_get_header(&r.in, mig->m->type->machine_name,
                               mig->m->view.arch, errp) &&
             read_records(&r, errp) &&
             migration_in_main(mig, main_apply, &r, errp);
        stream_in_free(&r.in);
    }
    g_ptr_array_unref(r.sections);
    g_ptr_array_unref(r.blocks);
    channel_close(&mig->channel, NULL);
    return ok;
}

/* --- devices alone --- */

GByteArray *migration_save_devices(Machine *m)
{
    GByteArray *data;
    StreamOut out;

    stream_out_init(&out, -1);
    out.memory = true;
    stream_put_u8(&out, STREAM_CLOCK);
    stream_put_u64(&out, clock_now_ns(m->clocks, CLOCK_VIRTUAL));
    stream_put_crc(&out);
    sections_save(m, &out);
    sections_describe(m, &out);
    data = g_byte_array_ref(out.buf);
    stream_out_free(&out);
    return data;
}

bool migration_load_devices(Machine *m, const uint8_t *data, size_t len,
                            Error **errp)
{
    Migration mig = { .m = m };
    Receiver r = { .mig = &mig,
                   .blocks = g_ptr_array_new(),
                   .sections = loaded_sections_new() };
    bool ok;

    r.in = (StreamIn){
        .fd = -1, .buf = (uint8_t *)data, .len = len, .limit = len
    };
    ok = read_records(&r, errp) && main_apply(&mig, &r, errp);
    g_ptr_array_unref(r.sections);
    g_ptr_array_unref(r.blocks);
    return ok;
}
