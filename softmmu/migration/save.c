/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sending thread: RAM while the guest runs, again what it dirtied, and
 * when little is left the VM stops and the rest goes with all device state.
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "sections.h"
#include "softmmu/backend/block.h"

typedef struct Sender {
    Migration *mig;
    StreamOut out;
    GPtrArray *blocks;           /* RamBlock *, as announced */
    uint64_t **dirty;            /* words of each block's bitmap, as taken */
    uint64_t data_from, data_to; /* its present run of data, in bytes */
    GByteArray *devices;         /* saved in the main loop */
    RamHints hints;              /* of the first pass; main loop */
} Sender;

static void add_block(RamBlock *block, void *opaque)
{
    g_ptr_array_add(opaque, block);
}

static size_t block_words(const RamBlock *block)
{
    return (block->size / STREAM_PAGE + 63) / 64;
}

/* --- in the main loop --- */

static bool main_start(Migration *mig, void *data, Error **errp)
{
    Sender *s = data;
    Machine *m = mig->m;

    ram_block_each(m->ms, add_block, s->blocks);
    s->dirty = g_new0(uint64_t *, s->blocks->len + 1); /* NULL-terminated */
    for (guint i = 0; i < s->blocks->len; i++) {
        s->dirty[i] =
            g_new0(uint64_t, block_words(g_ptr_array_index(s->blocks, i)));
    }
    ram_dirty_start(m->ms, DIRTY_MIGRATION, true);
    accel_ops(m)->dirty_start(m->accel);
    return true;
}

static bool main_sync(Migration *mig, void *data, Error **errp)
{
    accel_ops(mig->m)->dirty_sync(mig->m->accel);
    lock_acquire(&mig->lock);
    mig->dirty_syncs++;
    lock_release(&mig->lock);
    return true;
}

/* A page that was not written since take_dirty(), or is in the log again by
 * now, so that the next pass sends it: this one need not. */
static void skip_pages(void *opaque, RamBlock *block, ram_addr_t offset,
                       uint64_t len)
{
    Sender *s = opaque;
    uint64_t first = (offset + STREAM_PAGE - 1) / STREAM_PAGE;
    uint64_t end = (offset + len) / STREAM_PAGE;
    guint index;

    if (!g_ptr_array_find(s->blocks, block, &index)) {
        return;
    }
    for (uint64_t i = first; i < end; i++) {
        __atomic_fetch_and(&s->dirty[index][i / 64], ~(UINT64_C(1) << (i % 64)),
                           __ATOMIC_RELAXED);
    }
}

static void tell_hints(Sender *s, RamHintsPhase phase)
{
    s->hints = (RamHints){ phase, skip_pages, s };
    notifier_call(s->mig->m->on_migration, &s->hints);
}

static bool main_hints_wanted(Migration *mig, void *data, Error **errp)
{
    tell_hints(data, RAM_HINTS_WANTED);
    return true;
}

static bool main_hints_enough(Migration *mig, void *data, Error **errp)
{
    tell_hints(data, RAM_HINTS_ENOUGH);
    return true;
}

static bool main_stop_vm(Migration *mig, void *data, Error **errp)
{
    mig->was_running = machine_running(mig->m);
    mig->paused = !mig->was_running;
    mig->stop_ms = g_get_monotonic_time() / 1000;
    machine_stop(mig->m, RUN_STATE_FINISH_MIGRATE);
    accel_ops(mig->m)->dirty_sync(mig->m->accel);
    if (mig->caps[MIGRATION_CAPABILITY_PAUSE_BEFORE_SWITCHOVER]) {
        migration_set_status(mig, MIGRATION_STATUS_PRE_SWITCHOVER);
    }
    return true;
}

static bool main_save_devices(Migration *mig, void *data, Error **errp)
{
    Sender *s = data;

    if (mig->caps[MIGRATION_CAPABILITY_PAUSE_BEFORE_SWITCHOVER]) {
        migration_set_status(mig, MIGRATION_STATUS_DEVICE);
    }
    s->devices = migration_save_devices(mig->m);
    /* The other side takes the images once it has the last byte. */
    return block_inactivate_all(mig->m, errp);
}

static bool main_stop_logging(Migration *mig, void *data, Error **errp)
{
    tell_hints(data, RAM_HINTS_OVER);
    accel_ops(mig->m)->dirty_stop(mig->m->accel);
    ram_dirty_stop(mig->m->ms, DIRTY_MIGRATION);
    return true;
}

/* --- RAM --- */

static void put_ram_list(Sender *s)
{
    stream_put_u8(&s->out, STREAM_RAM_LIST);
    stream_put_u32(&s->out, s->blocks->len);
    for (guint i = 0; i < s->blocks->len; i++) {
        RamBlock *b = g_ptr_array_index(s->blocks, i);

        stream_put_text(&s->out, b->id);
        stream_put_u64(&s->out, b->size);
    }
    stream_put_crc(&s->out);
}

static bool page_is_zero(Sender *s, const RamBlock *b, uint64_t page)
{
    static const uint8_t zero[STREAM_PAGE];
    uint64_t offset = page * STREAM_PAGE;

    if (offset >= s->data_to) {
        ram_block_data(b, offset, &s->data_from, &s->data_to);
    }
    return offset < s->data_from ||
           memcmp(b->host + offset, zero, STREAM_PAGE) == 0;
}

/* [first, first + n) are all zero or all not. */
static void put_pages(Sender *s, guint index, uint64_t first, uint32_t n,
                      bool zero)
{
    RamBlock *b = g_ptr_array_index(s->blocks, index);
    uint32_t bytes = zero ? 0 : n * STREAM_PAGE;
    /* The guest may write while we read; sum what is sent. */
    g_autofree uint8_t *copy = g_malloc(MAX(bytes, 1));

    memcpy(copy, b->host + first * STREAM_PAGE, bytes);
    stream_put_u8(&s->out, STREAM_RAM_PAGES);
    stream_put_u16(&s->out, index);
    stream_put_u64(&s->out, first);
    stream_put_u32(&s->out, n);
    stream_put_u8(&s->out, zero ? STREAM_ZERO : STREAM_RAW);
    stream_put_u32(&s->out, bytes);
    stream_put(&s->out, copy, bytes);
    stream_put_crc(&s->out);
}

static void count_pages(Migration *mig, uint32_t n, bool zero, uint64_t sent)
{
    LOCK_GUARD(&mig->lock);
    *(zero ? &mig->zero_pages : &mig->normal_pages) += n;
    mig->sent_bytes = sent;
    mig->remaining_bytes -=
        MIN(mig->remaining_bytes, (uint64_t)n * STREAM_PAGE);
}

/* A word of a bitmap that skip_pages() may clear bits of. */
static uint64_t word_at(const uint64_t *map, uint64_t i)
{
    return __atomic_load_n(&map[i / 64], __ATOMIC_RELAXED);
}

static bool bit_at(const uint64_t *map, uint64_t i)
{
    return (word_at(map, i) >> (i % 64)) & 1;
}

/* Send the dirty pages of one block, in runs of one kind. */
static void send_block(Sender *s, guint index)
{
    RamBlock *b = g_ptr_array_index(s->blocks, index);
    uint64_t pages = b->size / STREAM_PAGE;

    s->data_from = s->data_to = 0;
    for (uint64_t i = 0; i < pages && !s->out.error;) {
        uint64_t first = i;
        bool zero;

        if (!bit_at(s->dirty[index], i)) {
            i += word_at(s->dirty[index], i) == 0 ? 64 - i % 64 : 1;
            continue;
        }
        zero = page_is_zero(s, b, i);
        do {
            i++;
        } while (i < pages && i - first < STREAM_PAGES_MAX &&
                 bit_at(s->dirty[index], i) && page_is_zero(s, b, i) == zero);
        put_pages(s, index, first, i - first, zero);
        count_pages(s->mig, i - first, zero, s->out.bytes);
    }
}

/* Take what is dirty, of all blocks, so that it counts as clean. */
static void take_dirty(Sender *s)
{
    for (guint i = 0; i < s->blocks->len; i++) {
        RamBlock *b = g_ptr_array_index(s->blocks, i);

        memset(s->dirty[i], 0, block_words(b) * sizeof(uint64_t));
        ram_dirty_take(b, DIRTY_MIGRATION, 0, block_words(b), s->dirty[i]);
    }
}

/*
 * One pass over all RAM that is dirty now. Between taking the bits and reading
 * the pages the engine forgets which pages it may write without marking them:
 * a later store then either marks its page again or is read here. Only then
 * may hints begin: what is written afterwards is in the log.
 */
static bool send_ram(Sender *s, bool hints, Error **errp)
{
    Migration *mig = s->mig;

    take_dirty(s);
    if (!migration_in_main(mig, main_sync, s, errp) ||
        (hints && !migration_in_main(mig, main_hints_wanted, s, errp))) {
        return false;
    }
    for (guint i = 0; i < s->blocks->len; i++) {
        send_block(s, i);
    }
    stream_flush(&s->out);
    return !hints || migration_in_main(mig, main_hints_enough, s, errp);
}

/* Bytes dirty at present. */
static uint64_t count_dirty(Sender *s)
{
    uint64_t pages = 0;

    for (guint i = 0; i < s->blocks->len; i++) {
        RamBlock *b = g_ptr_array_index(s->blocks, i);
        const uint64_t *map = atomic_load(&b->dirty[DIRTY_MIGRATION]);

        for (size_t w = 0; map && w < block_words(b); w++) {
            pages += __builtin_popcountll(
                __atomic_load_n(&map[w], __ATOMIC_RELAXED));
        }
    }
    return pages * STREAM_PAGE;
}

/* Would the rest go within the downtime that is allowed? */
static bool little_left(Sender *s, uint64_t left, int64_t pass_us,
                        uint64_t pass_bytes)
{
    Migration *mig = s->mig;
    double rate = pass_us > 0 ? (double)pass_bytes / pass_us : 1e3;

    if (mig->max_bandwidth) {
        rate = MIN(rate, mig->max_bandwidth / 1e6);
    }
    return left <= rate * mig->downtime_limit_ms * 1e3;
}

static bool send_while_running(Sender *s, Error **errp)
{
    Migration *mig = s->mig;
    uint64_t left = 0, before;
    bool first = true;
    int64_t began;

    do {
        began = g_get_monotonic_time();
        before = s->out.bytes;
        if (!send_ram(s, first, errp) || s->out.error) {
            return false;
        }
        first = false;
        left = count_dirty(s);
        lock_acquire(&mig->lock);
        mig->remaining_bytes = left;
        lock_release(&mig->lock);
    } while (!little_left(s, left, g_get_monotonic_time() - began,
                          s->out.bytes - before));
    return true;
}

/* With pause-before-switchover: until `migrate-continue`. */
static void wait_to_go_on(Migration *mig)
{
    if (!mig->caps[MIGRATION_CAPABILITY_PAUSE_BEFORE_SWITCHOVER]) {
        return;
    }
    lock_acquire(&mig->lock);
    while (!mig->go_on && !atomic_load(&mig->cancel)) {
        cond_wait_ns(&mig->wake, &mig->lock, 100000000);
    }
    lock_release(&mig->lock);
}

static bool out_failed(Sender *s, Error **errp)
{
    if (!s->out.error) {
        return false;
    }
    if (errp && !*errp) {
        error_set_errno(errp, s->out.error, "writing the stream failed");
    }
    return true;
}

static bool send_all(Sender *s, Error **errp)
{
    Migration *mig = s->mig;
    bool ok;

    if (!migration_in_main(mig, main_start, s, errp)) {
        return false;
    }
    stream_put_header(&s->out, mig->m->type->machine_name, mig->m->view.arch);
    put_ram_list(s);
    ok = send_while_running(s, errp);
    if (out_failed(s, errp) || !ok ||
        !migration_in_main(mig, main_stop_vm, s, errp)) {
        return false;
    }
    wait_to_go_on(mig);
    s->out.rate = 0; /* the guest waits */
    if (!send_ram(s, false, errp) ||
        !migration_in_main(mig, main_save_devices, s, errp)) {
        return false;
    }
    stream_put(&s->out, s->devices->data, s->devices->len);
    stream_flush(&s->out);
    return !out_failed(s, errp);
}

bool migration_send(Migration *mig, Error **errp)
{
    Sender s = { .mig = mig, .blocks = g_ptr_array_new() };
    bool ok;

    stream_out_init(&s.out, mig->channel.fd);
    s.out.cancel = &mig->cancel;
    s.out.rate = mig->max_bandwidth;
    ok = send_all(&s, errp);
    lock_acquire(&mig->lock);
    mig->sent_bytes = s.out.bytes;
    lock_release(&mig->lock);
    migration_in_main(mig, main_stop_logging, &s, NULL);
    stream_out_free(&s.out);
    g_ptr_array_unref(s.blocks);
    g_strfreev((char **)s.dirty);
    g_clear_pointer(&s.devices, g_byte_array_unref);
    return channel_close(&mig->channel, ok ? errp : NULL) && ok;
}
