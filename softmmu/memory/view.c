/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flat views: rendering, transactions, listeners (DECISIONS 29).
 *
 * A view is built from the tree by walking it from the highest priority down
 * and filling only what is still free. Address spaces that show the same
 * tree share one view, so a bus with many masters costs one rendering.
 */
#include "softmmu/memory/internal.h"

#include "trace_softmmu_memory.h"

/* --- rendering --- */

typedef struct Render {
    GArray *ranges; /* FlatRange, sorted, no overlaps */
    uint8_t dirty_all;
} Render;

static int128 range_end(const FlatRange *r)
{
    return (int128)r->addr + full_size(r->size);
}

/* Index of the first range that ends after @addr. */
static guint first_after(const GArray *ranges, int128 addr)
{
    guint lo = 0, hi = ranges->len;

    while (lo < hi) {
        guint mid = lo + (hi - lo) / 2;

        if (range_end(&g_array_index(ranges, FlatRange, mid)) > addr) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

static FlatRange make_range(const Render *r, MemoryRegion *mr, int128 start,
                            int128 lo, int128 hi, bool readonly)
{
    int128 size = hi - lo;

    return (FlatRange){
        .addr = lo,
        .size = size > UINT64_MAX ? UINT64_MAX : size,
        .mr = mr,
        .offset = lo - start,
        .readonly = readonly,
        .romd = mr->romd,
        .dirty_clients = mr->dirty_clients | (mr->ram ? r->dirty_all : 0),
    };
}

/* Show @mr, whose first byte is at @start, in the gaps of [lo, hi). */
static void fill_gaps(Render *r, MemoryRegion *mr, int128 start, int128 lo,
                      int128 hi, bool readonly)
{
    guint i = first_after(r->ranges, lo);

    while (lo < hi) {
        int128 gap_end = hi, next = hi;

        if (i < r->ranges->len) {
            const FlatRange *there = &g_array_index(r->ranges, FlatRange, i);

            gap_end = MIN(hi, (int128)there->addr);
            next = range_end(there);
        }
        if (lo < gap_end) {
            FlatRange range = make_range(r, mr, start, lo, gap_end, readonly);

            g_array_insert_val(r->ranges, i, range);
            i++;
        }
        lo = next;
        i++;
    }
}

static void render(Render *r, MemoryRegion *mr, int128 start, int128 lo,
                   int128 hi, bool readonly)
{
    lo = MAX(lo, start);
    hi = MIN(hi, start + full_size(mr->size));
    if (!mr->enabled || lo >= hi) {
        return;
    }
    readonly |= mr->readonly;
    if (mr->kind == MEMORY_ALIAS) {
        render(r, mr->alias, start - mr->alias_offset, lo, hi, readonly);
        return;
    }
    for (guint i = 0; mr->children && i < mr->children->len; i++) {
        MemoryRegion *child = mr->children->pdata[i];

        render(r, child, start + child->addr, lo, hi, readonly);
    }
    if (mr->kind != MEMORY_CONTAINER) {
        fill_gaps(r, mr, start, lo, hi, readonly);
    }
}

static bool range_continues(const FlatRange *a, const FlatRange *b)
{
    return range_end(a) == (int128)b->addr && a->mr == b->mr &&
           (int128)a->offset + full_size(a->size) == (int128)b->offset &&
           a->readonly == b->readonly && a->romd == b->romd &&
           a->dirty_clients == b->dirty_clients;
}

/* Pieces of one region that touch become one range again. */
static void merge_ranges(GArray *ranges)
{
    FlatRange *r = (FlatRange *)ranges->data;
    guint n = 0;

    for (guint i = 0; i < ranges->len; i++) {
        if (n > 0 && range_continues(&r[n - 1], &r[i])) {
            int128 size = range_end(&r[i]) - (int128)r[n - 1].addr;

            r[n - 1].size = size > UINT64_MAX ? UINT64_MAX : size;
        } else {
            r[n++] = r[i];
        }
    }
    g_array_set_size(ranges, n);
}

/* The doorbells that lie in @range, at their address in the space. */
static void collect_bells(GArray *bells, const FlatRange *range)
{
    const struct MemoryDoorbells *d = range->mr->doorbells;

    for (size_t i = 0; d && i < d->n; i++) {
        hwaddr at = d->e[i].addr - range->offset;
        struct ViewBell bell = { range->addr + at, d->e[i] };

        if (d->e[i].addr >= range->offset &&
            range_fits(at, MAX(d->e[i].size, 1), range->size)) {
            g_array_append_val(bells, bell);
        }
    }
}

static View *view_build(MemorySystem *ms, MemoryRegion *root)
{
    Render r = {
        .ranges = g_array_new(FALSE, FALSE, sizeof(FlatRange)),
        .dirty_all = ms->dirty_all,
    };
    GArray *bells = g_array_new(FALSE, FALSE, sizeof(struct ViewBell));
    View *view = g_new0(View, 1);

    render(&r, root, 0, 0, (int128)1 << 64, false);
    merge_ranges(r.ranges);
    for (guint i = 0; i < r.ranges->len; i++) {
        collect_bells(bells, &g_array_index(r.ranges, FlatRange, i));
    }
    atomic_init(&view->flat.refs, 1);
    view->flat.count = r.ranges->len;
    view->flat.ranges = (FlatRange *)g_array_free(r.ranges, FALSE);
    view->n_bells = bells->len;
    view->bells = (struct ViewBell *)g_array_free(bells, FALSE);
    return view;
}

static void view_free(RcuHead *head)
{
    View *view = container_of(head, View, flat.rcu);

    g_free(view->flat.ranges);
    g_free(view->bells);
    g_free(view);
}

static void view_unref(View *view)
{
    if (view && atomic_fetch_sub(&view->flat.refs, 1) == 1) {
        rcu_defer(&view->flat.rcu, view_free);
    }
}

/*
 * The region whose rendering at address 0 is all that @mr shows: a space of
 * one whole alias shows what its target shows. NULL: it shows nothing.
 */
MemoryRegion *view_root(MemoryRegion *mr)
{
    while (mr->enabled) {
        MemoryRegion *only = NULL;

        if (mr->kind == MEMORY_ALIAS && mr->alias_offset == 0 &&
            !mr->readonly && mr->size >= mr->alias->size) {
            mr = mr->alias;
            continue;
        }
        if (mr->kind != MEMORY_CONTAINER || mr->readonly) {
            return mr;
        }
        for (guint i = 0; mr->children && i < mr->children->len; i++) {
            MemoryRegion *child = mr->children->pdata[i];

            if (!child->enabled) {
                continue;
            }
            if (only || child->addr != 0 || mr->size < child->size) {
                return mr;
            }
            only = child;
        }
        if (only == NULL) {
            return NULL;
        }
        mr = only;
    }
    return NULL;
}

/* --- telling listeners --- */

static bool range_same(const FlatRange *a, const FlatRange *b)
{
    return a->addr == b->addr && a->size == b->size && a->mr == b->mr &&
           a->offset == b->offset && a->readonly == b->readonly &&
           a->romd == b->romd;
}

static bool bell_same(const struct ViewBell *a, const struct ViewBell *b)
{
    return a->addr == b->addr && a->e.size == b->e.size &&
           a->e.match == b->e.match && a->e.data == b->e.data &&
           a->e.fd == b->e.fd;
}

static bool view_same(const View *a, const View *b)
{
    if (a->flat.count != b->flat.count || a->n_bells != b->n_bells) {
        return false;
    }
    for (size_t i = 0; i < a->flat.count; i++) {
        const FlatRange *x = &a->flat.ranges[i], *y = &b->flat.ranges[i];

        if (!range_same(x, y) || x->dirty_clients != y->dirty_clients) {
            return false;
        }
    }
    for (size_t i = 0; i < a->n_bells; i++) {
        if (!bell_same(&a->bells[i], &b->bells[i])) {
            return false;
        }
    }
    return true;
}

static const View empty_view;

/* A space made in a transaction has no view until its end. */
static const View *current_view(const AddressSpace *as)
{
    return as->view ? (const View *)as->view : &empty_view;
}

/* Call @fn for the ranges of @from that @to does not have. */
static void ranges_missing(MemoryListener *l, const View *from, const View *to,
                           void (*fn)(MemoryListener *l, const FlatRange *r))
{
    size_t j = 0;

    for (size_t i = 0; fn && i < from->flat.count; i++) {
        const FlatRange *r = &from->flat.ranges[i];

        while (j < to->flat.count && to->flat.ranges[j].addr < r->addr) {
            j++;
        }
        if (j == to->flat.count || !range_same(r, &to->flat.ranges[j])) {
            fn(l, r);
        }
    }
}

static void ranges_log_changed(MemoryListener *l, const View *old,
                               const View *view)
{
    size_t j = 0;

    for (size_t i = 0; l->log_changed && i < view->flat.count; i++) {
        const FlatRange *r = &view->flat.ranges[i];

        while (j < old->flat.count && old->flat.ranges[j].addr < r->addr) {
            j++;
        }
        if (j < old->flat.count && range_same(r, &old->flat.ranges[j]) &&
            r->dirty_clients != old->flat.ranges[j].dirty_clients) {
            l->log_changed(l, r);
        }
    }
}

/* The same for doorbells, which are few and not sorted. */
static void bells_missing(MemoryListener *l, const View *from, const View *to,
                          void (*fn)(MemoryListener *l, hwaddr addr,
                                     const MemoryIoeventfd *e))
{
    for (size_t i = 0; fn && i < from->n_bells; i++) {
        bool found = false;

        for (size_t j = 0; j < to->n_bells && !found; j++) {
            found = bell_same(&from->bells[i], &to->bells[j]);
        }
        if (!found) {
            fn(l, from->bells[i].addr, &from->bells[i].e);
        }
    }
}

static void listener_dels(MemoryListener *l, const View *old, const View *view)
{
    bells_missing(l, old, view, l->ioeventfd_del);
    ranges_missing(l, old, view, l->range_del);
}

static void listener_adds(MemoryListener *l, const View *old, const View *view)
{
    ranges_missing(l, view, old, l->range_add);
    ranges_log_changed(l, old, view);
    bells_missing(l, view, old, l->ioeventfd_add);
}

/* An address space whose view a transaction replaced. */
typedef struct Change {
    AddressSpace *as;
    View *old, *view;
} Change;

static void tell_all(MemorySystem *ms, const Change *change)
{
    const PtrSet *set = ms->listeners;
    size_t n = set ? set->n : 0;
    const View *old = change->old ? change->old : &empty_view;

    for (size_t i = 0; i < n; i++) {
        MemoryListener *l = set->p[i];

        if (l->as == change->as && l->begin) {
            l->begin(l);
        }
    }
    for (size_t i = n; i-- > 0;) {
        MemoryListener *l = set->p[i];

        if (l->as == change->as) {
            listener_dels(l, old, change->view);
        }
    }
    for (size_t i = 0; i < n; i++) {
        MemoryListener *l = set->p[i];

        if (l->as == change->as) {
            listener_adds(l, old, change->view);
            if (l->commit) {
                l->commit(l);
            }
        }
    }
}

/* --- transactions --- */

void memory_begin(MemorySystem *ms)
{
    /* the first address space is made before there is anybody to race with */
    assert(ms->lock == NULL || lock_held(ms->lock) || ms->spaces->len == 0);
    ms->depth++;
}

void memory_touch(MemorySystem *ms)
{
    ms->changed = true;
}

/* Build the view of each distinct tree; publish those that differ. */
static void views_update(MemorySystem *ms)
{
    g_autoptr(GHashTable) built =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)view_unref);
    g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(Change));

    for (guint i = 0; i < ms->spaces->len; i++) {
        AddressSpace *as = ms->spaces->pdata[i];
        MemoryRegion *root = view_root(as->root);
        View *view = g_hash_table_lookup(built, root);
        View *old = (View *)as->view;
        Change change = { as, old, NULL };

        if (view == NULL) {
            /* root NULL: as->root shows nothing, itself rendered */
            view = view_build(ms, root ? root : as->root);
            g_hash_table_insert(built, root, view);
        }
        if (old && view_same(old, view)) {
            atomic_fetch_add(&old->flat.refs, 1);
            g_hash_table_replace(built, root, old); /* for later spaces */
            continue;
        }
        atomic_fetch_add(&view->flat.refs, 1);
        change.view = view;
        rcu_publish(&as->view, &view->flat);
        g_array_append_val(changes, change);
        trace_memory_view_changed(as->name, view->flat.count);
    }
    atomic_fetch_add(&ms->generation, 1);
    for (guint i = 0; i < changes->len; i++) {
        Change *change = &g_array_index(changes, Change, i);

        tell_all(ms, change);
        view_unref(change->old);
    }
}

void memory_commit(MemorySystem *ms)
{
    bool removed;

    assert(ms->depth > 0);
    if (ms->depth == 1 && ms->changed) {
        ms->changed = false; /* a listener's own changes nest below us */
        views_update(ms);
    }
    if (--ms->depth > 0) {
        return;
    }
    removed = ms->removed;
    ms->removed = false;
    if (removed) {
        memory_wait_readers(ms);
    }
}

/*
 * Wait until nobody uses what was taken out: engines first, then RCU readers
 * (iothreads, other threads' accesses). The machine lock is dropped, as a
 * reader may be on its way to it.
 */
void memory_wait_readers(MemorySystem *ms)
{
    bool held = ms->lock && lock_held(ms->lock);

    /* the set may be replaced while a listener has dropped the lock */
    for (size_t i = 0; ms->listeners && i < ms->listeners->n; i++) {
        MemoryListener *l = ms->listeners->p[i];

        if (l->synchronize) {
            l->synchronize(l);
        }
    }
    if (held) {
        lock_release(ms->lock);
    }
    rcu_synchronize_all();
    if (held) {
        lock_acquire(ms->lock);
    }
}

MemorySystem *memory_system_new(struct Lock *lock)
{
    MemorySystem *ms = g_new0(MemorySystem, 1);

    ms->lock = lock;
    ms->spaces = g_ptr_array_new();
    ram_system_init(ms);
    dma_system_init(ms);
    return ms;
}

void memory_system_free(MemorySystem *ms)
{
    assert(ms->spaces->len == 0);
    assert(ms->listeners == NULL || ms->listeners->n == 0);
    g_ptr_array_unref(ms->spaces);
    dma_system_free(ms);
    ram_system_free(ms);
    rcu_drain(); /* views and blocks that wait for their grace period */
    g_free(ms->listeners);
    g_free(ms);
}

void address_space_destroy(AddressSpace *as)
{
    MemorySystem *ms = as->ms;
    View *old = (View *)as->view;

    g_ptr_array_remove(ms->spaces, as);
    rcu_publish(&as->view, NULL);
    memory_wait_readers(ms);
    view_unref(old);
    g_clear_pointer((char **)&as->name, g_free);
}

/* --- looking up --- */

const FlatView *address_space_view(AddressSpace *as)
{
    return rcu_read(&as->view);
}

const FlatRange *flat_view_find(const FlatView *view, hwaddr addr)
{
    size_t lo = 0, hi = view->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const FlatRange *r = &view->ranges[mid];

        if (addr < r->addr) {
            hi = mid;
        } else if (addr - r->addr < r->size || r->size == UINT64_MAX) {
            return r;
        } else {
            lo = mid + 1;
        }
    }
    return NULL;
}

bool flat_range_is_direct(const FlatRange *r, bool write)
{
    switch (r->mr->kind) {
    case MEMORY_RAM:
        return !write || !r->readonly;
    case MEMORY_ROM:
        return !write;
    case MEMORY_ROM_DEVICE:
        return !write && r->romd;
    default:
        return false;
    }
}

/* --- listeners --- */

void memory_listener_add(MemoryListener *l)
{
    MemorySystem *ms = l->as->ms;
    size_t n = ms->listeners ? ms->listeners->n : 0, at = 0;

    while (at < n &&
           ((MemoryListener *)ms->listeners->p[at])->priority <= l->priority) {
        at++;
    }
    ptr_set_insert(&ms->listeners, at, l);
    if (l->begin) {
        l->begin(l);
    }
    listener_adds(l, &empty_view, current_view(l->as));
    if (l->commit) {
        l->commit(l);
    }
}

void memory_listener_remove(MemoryListener *l)
{
    MemorySystem *ms = l->as->ms;

    if (l->begin) {
        l->begin(l);
    }
    listener_dels(l, current_view(l->as), &empty_view);
    if (l->commit) {
        l->commit(l);
    }
    ptr_set_remove(&ms->listeners, l);
    memory_wait_readers(ms); /* ram_written() may be calling it */
}
