/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dirty bitmaps of nodes: see block_bitmap.h.
 *
 * A node marks what is about to change as requests pass it (node.c), whoever
 * sends them. While a job copies by a bitmap, the marks go to a second set of
 * bits; when it ends the two become one as the job's outcome wants it.
 *
 * Locks: node->bitmap_lock guards the node's list and all bits; only a
 *        CopyMap's lock is taken inside. The list changes only in the main
 *        thread, under the machine lock.
 */
#include "tandem/base.h"

#include "bitmap.h"
#include "softmmu/backend/drive.h"

enum { NAME_MAX_LEN = 1023, GRANULARITY = 64 * KiB };
#define BITS_MAX (UINT64_C(8) << 30) /* a gigabyte of them */

struct BlockBitmap {
    /* constant */
    BlockNode *node; /* which is there as long as a job holds the bitmap */
    char *name;
    unsigned shift; /* log2 of the granularity in bytes */
    /* machine lock */
    int refs;    /* the node's list, a job, a transaction */
    bool undone; /* the job that has it was taken back with its transaction */
    /* the node's lock */
    uint64_t n; /* how many bits */
    uint64_t *bits;
    uint64_t *next; /* those since a job took it; NULL: none has */
    bool recording;
};

/* --- bits --- */

static size_t words(uint64_t n)
{
    return (size_t)((n + 63) / 64);
}

static uint64_t bits_for(uint64_t length, unsigned shift)
{
    return length ? ((length - 1) >> shift) + 1 : 0;
}

/* NULL with *errp: too many, or there is no memory for them. */
static uint64_t *bits_new(uint64_t n, Error **errp)
{
    uint64_t *bits = n <= BITS_MAX ? g_try_new0(uint64_t, words(n) + 1) : NULL;

    if (!bits) {
        error_set(errp,
                  "no memory for a bitmap of %" PRIu64 " bits; a larger "
                  "granularity needs fewer",
                  n);
    }
    return bits;
}

static void set_bits(uint64_t *bits, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last;) {
        if (i % 64 == 0 && last - i >= 63) {
            bits[i / 64] = UINT64_MAX;
            i += 64;
        } else {
            bits[i / 64] |= BIT(i % 64);
            i++;
        }
    }
}

static void merge_bits(uint64_t *to, const uint64_t *from, uint64_t n)
{
    for (size_t i = 0; i < words(n); i++) {
        to[i] |= from[i];
    }
}

/* @n bits as those of a node of another size were; what is new is clean. */
static uint64_t *bits_resized(const uint64_t *bits, uint64_t old, uint64_t n)
{
    uint64_t *fresh = bits_new(n, NULL);

    if (fresh) {
        memcpy(fresh, bits, words(MIN(old, n)) * sizeof(*bits));
    }
    if (fresh && n % 64) {
        fresh[n / 64] &= BIT(n % 64) - 1; /* those of a larger node */
    }
    return fresh;
}

/* Call @fn for each run of dirty bytes. The lock is held. */
static void each_run_locked(const BlockBitmap *b,
                            void (*fn)(void *opaque, uint64_t offset,
                                       uint64_t bytes),
                            void *opaque)
{
    for (uint64_t i = 0; i < b->n; i++) {
        uint64_t first = i;

        if (i % 64 == 0 && b->bits[i / 64] == 0) {
            i += 63;
            continue;
        }
        while (i < b->n && (b->bits[i / 64] & BIT(i % 64))) {
            i++;
        }
        if (i > first) {
            fn(opaque, first << b->shift, (i - first) << b->shift);
        }
    }
}

/* --- life --- */

void block_bitmaps_init(BlockNode *node)
{
    lock_init(&node->bitmap_lock);
    node->bitmaps = g_ptr_array_new();
}

static void bitmap_unref(BlockBitmap *b)
{
    if (--b->refs == 0) {
        g_free(b->bits);
        g_free(b->next);
        g_free(b->name);
        g_free(b);
    }
}

/* Change what the node has, under its lock. */
static void list_add(BlockNode *node, BlockBitmap *b)
{
    LOCK_GUARD(&node->bitmap_lock);
    b->refs++;
    g_ptr_array_add(node->bitmaps, b);
    atomic_store(&node->has_bitmaps, true);
}

static void list_remove(BlockNode *node, BlockBitmap *b)
{
    lock_acquire(&node->bitmap_lock);
    g_ptr_array_remove(node->bitmaps, b);
    atomic_store(&node->has_bitmaps, node->bitmaps->len > 0);
    lock_release(&node->bitmap_lock);
    bitmap_unref(b);
}

void block_bitmaps_destroy(BlockNode *node)
{
    while (node->bitmaps->len > 0) {
        list_remove(node, g_ptr_array_index(node->bitmaps, 0));
    }
    g_ptr_array_unref(node->bitmaps);
    lock_destroy(&node->bitmap_lock);
}

static BlockBitmap *find_in(BlockNode *node, const char *name)
{
    for (guint i = 0; i < node->bitmaps->len; i++) {
        BlockBitmap *b = g_ptr_array_index(node->bitmaps, i);

        if (strcmp(b->name, name) == 0) {
            return b;
        }
    }
    return NULL;
}

static bool is_free(const BlockBitmap *b, Error **errp)
{
    if (b->next) {
        error_set(errp,
                  "Bitmap '%s' is currently in use by another operation and "
                  "cannot be used",
                  b->name);
    }
    return !b->next;
}

/* One that no job has. */
static BlockBitmap *find_free(Machine *m, const BlockBitmapName *name,
                              Error **errp)
{
    BlockNode *node = block_find_root(m, name->node, errp);
    BlockBitmap *b;

    if (!node) {
        return NULL;
    }
    b = find_in(node, name->name);
    if (!b) {
        error_set(errp, "Dirty bitmap '%s' not found", name->name);
        return NULL;
    }
    return is_free(b, errp) ? b : NULL;
}

/* --- marking --- */

void block_bitmaps_mark(BlockNode *node, uint64_t offset, uint64_t bytes)
{
    if (!atomic_load(&node->has_bitmaps) || bytes == 0) {
        return;
    }
    LOCK_GUARD(&node->bitmap_lock);
    for (guint i = 0; i < node->bitmaps->len; i++) {
        BlockBitmap *b = g_ptr_array_index(node->bitmaps, i);

        if (b->recording && offset >> b->shift < b->n) {
            set_bits(b->next ? b->next : b->bits, offset >> b->shift,
                     MIN((offset + bytes - 1) >> b->shift, b->n - 1));
        }
    }
}

/* --- commands --- */

static bool check_new(BlockNode *node, const char *name, uint32_t granularity,
                      bool persistent, Error **errp)
{
    if (name[0] == '\0') {
        error_set(errp, "Bitmap name cannot be empty");
    } else if (strlen(name) > NAME_MAX_LEN) {
        error_set(errp, "Bitmap name too long: %s", name);
    } else if (granularity &&
               (granularity < 512 || !is_power_of_2(granularity))) {
        error_set(errp, "Granularity must be power of 2 and at least 512");
    } else if (persistent) {
        error_set(errp,
                  "Can't store persistent bitmaps to %s: Operation not "
                  "supported",
                  node->name);
    } else if (find_in(node, name)) {
        error_set(errp, "Bitmap already exists: %s", name);
    } else {
        return true;
    }
    return false;
}

bool block_bitmap_add(Machine *m, const BlockBitmapName *name,
                      uint32_t granularity, bool persistent, bool recording,
                      Error **errp)
{
    BlockNode *node = block_find_root(m, name->node, errp);
    BlockBitmap *b;
    uint64_t *bits;
    uint64_t n;
    unsigned shift;

    if (!node || !check_new(node, name->name, granularity, persistent, errp)) {
        return false;
    }
    shift = (unsigned)__builtin_ctz(granularity ? granularity : GRANULARITY);
    n = bits_for(block_node_length(node), shift);
    bits = bits_new(n, errp);
    if (!bits) {
        return false;
    }
    b = g_new(BlockBitmap, 1);
    *b = (BlockBitmap){ .node = node,
                        .name = g_strdup(name->name),
                        .shift = shift,
                        .n = n,
                        .bits = bits,
                        .recording = recording };
    list_add(node, b);
    return true;
}

bool block_bitmap_remove(Machine *m, const BlockBitmapName *name, Error **errp)
{
    BlockBitmap *b = find_free(m, name, errp);

    if (b) {
        list_remove(b->node, b);
    }
    return b != NULL;
}

bool block_bitmap_clear(Machine *m, const BlockBitmapName *name, Error **errp)
{
    BlockBitmap *b = find_free(m, name, errp);

    if (!b) {
        return false;
    }
    block_drained_begin(m); /* what is under way counts as written before */
    lock_acquire(&b->node->bitmap_lock);
    memset(b->bits, 0, words(b->n) * sizeof(*b->bits));
    lock_release(&b->node->bitmap_lock);
    block_drained_end(m);
    return true;
}

bool block_bitmap_record(Machine *m, const BlockBitmapName *name, bool on,
                         Error **errp)
{
    BlockBitmap *b = find_free(m, name, errp);

    if (!b) {
        return false;
    }
    block_drained_begin(m);
    lock_acquire(&b->node->bitmap_lock);
    b->recording = on;
    lock_release(&b->node->bitmap_lock);
    block_drained_end(m);
    return true;
}

typedef struct MergeRun {
    uint64_t *bits;
    uint64_t n;
    unsigned shift;
} MergeRun;

static void merge_run(void *opaque, uint64_t offset, uint64_t bytes)
{
    MergeRun *to = opaque;

    set_bits(to->bits, offset >> to->shift,
             MIN((offset + bytes - 1) >> to->shift, to->n - 1));
}

static bool merge_one(Machine *m, BlockBitmap *target, MergeRun *to,
                      const BlockBitmapName *source, Error **errp)
{
    BlockBitmap *from = find_free(m, source, errp);
    uint64_t target_size = block_node_length(target->node), source_size;

    if (!from) {
        return false;
    }
    source_size = block_node_length(from->node);
    if (source_size != target_size) {
        error_set(errp,
                  "Bitmaps are of different sizes (destination size is "
                  "%" PRIu64 ", source size is %" PRIu64
                  ") and can't be merged",
                  target_size, source_size);
        return false;
    }
    LOCK_GUARD(&from->node->bitmap_lock);
    each_run_locked(from, merge_run, to);
    return true;
}

bool block_bitmap_merge(Machine *m, const BlockBitmapName *target,
                        const BlockBitmapName *sources, size_t n, Error **errp)
{
    BlockBitmap *b = find_free(m, target, errp);
    g_autofree uint64_t *sum = b ? bits_new(b->n, errp) : NULL;
    MergeRun to;

    if (!sum) {
        return false;
    }
    to = (MergeRun){ sum, b->n, b->shift };
    for (size_t i = 0; i < n; i++) {
        if (!merge_one(m, b, &to, &sources[i], errp)) {
            return false;
        }
    }
    LOCK_GUARD(&b->node->bitmap_lock);
    merge_bits(b->bits, sum, b->n);
    return true;
}

/* --- looking --- */

static uint64_t count_locked(const BlockBitmap *b, const uint64_t *bits)
{
    uint64_t set = 0;

    for (size_t i = 0; i < words(b->n); i++) {
        set += (uint64_t)__builtin_popcountll(bits[i]);
    }
    return set << b->shift;
}

static void show(BlockBitmap *b, void (*fn)(const BlockBitmapView *, void *),
                 void *opaque)
{
    BlockBitmapView v = { .name = b->name,
                          .granularity = 1u << b->shift,
                          .recording = b->recording,
                          .busy = b->next != NULL };
    BlockBitmapView next = { .granularity = v.granularity,
                             .recording = v.recording };

    lock_acquire(&b->node->bitmap_lock);
    v.count = count_locked(b, b->bits);
    next.count = b->next ? count_locked(b, b->next) : 0;
    lock_release(&b->node->bitmap_lock);
    fn(&v, opaque);
    if (b->next) {
        fn(&next, opaque);
    }
}

void block_each_bitmap(Machine *m, const char *name,
                       void (*fn)(const BlockBitmapView *v, void *opaque),
                       void *opaque)
{
    BlockNode *node = block_node_find(m, name);

    for (guint i = 0; node && i < node->bitmaps->len; i++) {
        show(g_ptr_array_index(node->bitmaps, i), fn, opaque);
    }
}

/* --- sizes --- */

static void resize_locked(BlockBitmap *b, uint64_t n)
{
    uint64_t *bits = bits_resized(b->bits, b->n, n);
    uint64_t *next = b->next ? bits_resized(b->next, b->n, n) : NULL;

    if (bits && (next || !b->next)) {
        g_free(b->bits);
        g_free(b->next);
        b->bits = bits;
        b->next = next;
        b->n = n;
        return;
    }
    g_free(bits);
    g_free(next);
    b->recording = false; /* it cannot be trusted with the rest */
    warn_report("no memory for a larger bitmap '%s': it does not record",
                b->name);
}

static void resize_all(BlockNode *node, void *opaque)
{
    for (guint i = 0; i < node->bitmaps->len; i++) {
        BlockBitmap *b = g_ptr_array_index(node->bitmaps, i);
        uint64_t n = bits_for(block_node_length(node), b->shift);

        LOCK_GUARD(&node->bitmap_lock);
        if (n != b->n) {
            resize_locked(b, n);
        }
    }
}

void block_bitmaps_resized(Machine *m)
{
    block_node_each(m, resize_all, NULL);
}

/* --- jobs --- */

BlockBitmap *block_bitmap_hold(BlockNode *node, const char *name, Error **errp)
{
    BlockBitmap *b = find_in(node, name);
    uint64_t *next;

    if (!b) {
        error_set(errp, "Bitmap '%s' could not be found", name);
        return NULL;
    }
    next = is_free(b, errp) ? bits_new(b->n, errp) : NULL;
    if (!next) {
        return NULL;
    }
    LOCK_GUARD(&node->bitmap_lock);
    b->next = next;
    b->refs++;
    return b;
}

static void map_run(void *opaque, uint64_t offset, uint64_t bytes)
{
    CopyMap *map = opaque;

    copy_map_set(map, offset, MIN(bytes, map->length - offset));
}

void block_bitmap_to_map(BlockBitmap *b, CopyMap *map)
{
    LOCK_GUARD(&b->node->bitmap_lock);
    each_run_locked(b, map_run, map);
}

/* What is left to copy is dirty. Drained, and the job's thread has ended. */
static void mark_left_locked(BlockBitmap *b, CopyMap *left)
{
    for (uint64_t i = 0; i < left->chunks; i++) {
        if (left->bits[i / 64] & BIT(i % 64)) {
            uint64_t end = MIN((i + 1) * left->chunk, left->length);

            set_bits(b->bits, i * left->chunk >> b->shift,
                     (end - 1) >> b->shift);
        }
    }
}

void block_bitmap_release(BlockBitmap *b, bool keep, CopyMap *left)
{
    lock_acquire(&b->node->bitmap_lock);
    if (keep || b->undone) {
        b->undone = false;
        merge_bits(b->bits, b->next, b->n);
        g_clear_pointer(&b->next, g_free);
    } else {
        g_free(b->bits);
        b->bits = g_steal_pointer(&b->next);
    }
    if (left) {
        mark_left_locked(b, left);
    }
    lock_release(&b->node->bitmap_lock);
    bitmap_unref(b);
}

/* --- transactions --- */

/* One bitmap as it was. */
typedef struct SavedBitmap {
    BlockBitmap *b; /* a reference */
    uint64_t *bits;
    bool recording;
    bool busy;
} SavedBitmap;

struct BlockBitmapsSaved {
    Machine *m;
    GArray *list; /* SavedBitmap */
    Error *err;
};

static void save_node(BlockNode *node, void *opaque)
{
    BlockBitmapsSaved *saved = opaque;

    for (guint i = 0; !saved->err && i < node->bitmaps->len; i++) {
        BlockBitmap *b = g_ptr_array_index(node->bitmaps, i);
        SavedBitmap s = { b, bits_new(b->n, &saved->err), b->recording,
                          b->next != NULL };

        if (s.bits) {
            lock_acquire(&node->bitmap_lock);
            memcpy(s.bits, b->bits, words(b->n) * sizeof(*b->bits));
            lock_release(&node->bitmap_lock);
            b->refs++;
            g_array_append_val(saved->list, s);
        }
    }
}

BlockBitmapsSaved *block_bitmaps_save(Machine *m, Error **errp)
{
    BlockBitmapsSaved *saved = g_new0(BlockBitmapsSaved, 1);

    saved->m = m;
    saved->list = g_array_new(FALSE, FALSE, sizeof(SavedBitmap));
    block_node_each(m, save_node, saved);
    if (saved->err) {
        error_move(errp, g_steal_pointer(&saved->err));
        block_bitmaps_saved_free(saved, false);
        return NULL;
    }
    return saved;
}

static bool was_there(const BlockBitmapsSaved *saved, const BlockBitmap *b)
{
    for (guint i = 0; i < saved->list->len; i++) {
        if (g_array_index(saved->list, SavedBitmap, i).b == b) {
            return true;
        }
    }
    return false;
}

static void remove_new(BlockNode *node, void *opaque)
{
    for (guint i = node->bitmaps->len; i-- > 0;) {
        BlockBitmap *b = g_ptr_array_index(node->bitmaps, i);

        if (!was_there(opaque, b)) {
            list_remove(node, b);
        }
    }
}

static void restore_one(const SavedBitmap *s)
{
    BlockNode *node = s->b->node;

    if (!find_in(node, s->b->name)) {
        list_add(node, s->b);
    }
    s->b->undone = !s->busy && s->b->next;
    LOCK_GUARD(&node->bitmap_lock);
    memcpy(s->b->bits, s->bits, words(s->b->n) * sizeof(*s->bits));
    s->b->recording = s->recording;
}

void block_bitmaps_saved_free(BlockBitmapsSaved *saved, bool restore)
{
    if (restore) {
        block_node_each(saved->m, remove_new, saved);
    }
    for (guint i = 0; i < saved->list->len; i++) {
        SavedBitmap *s = &g_array_index(saved->list, SavedBitmap, i);

        if (restore) {
            restore_one(s);
        }
        g_free(s->bits);
        bitmap_unref(s->b);
    }
    g_array_unref(saved->list);
    g_free(saved);
}
