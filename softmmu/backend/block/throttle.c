/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits of requests and bytes a second. Back ends and throttle nodes of one
 * group share them. They count the guest's time: while it stands still, and
 * while a graph is drained, nobody waits.
 *
 * Each limit is a bucket that leaks at its rate and that requests fill; one
 * that is full lets nothing in. It holds a tenth of a second of work, or with
 * a burst rate `max` of that, for `max-length` seconds.
 */
#include "tandem/base.h"

#include "softmmu/base/keyval.h"
#include "softmmu/base/parse.h"
#include "throttle.h"

/* By BlockLimit: names in -drive, the old and the new. */
static const struct {
    const char *old, *name;
} names[BLOCK_RATES] = {
    [BLOCK_BPS] = { "bps", "bps-total" },
    [BLOCK_BPS_READ] = { "bps_rd", "bps-read" },
    [BLOCK_BPS_WRITE] = { "bps_wr", "bps-write" },
    [BLOCK_IOPS] = { "iops", "iops-total" },
    [BLOCK_IOPS_READ] = { "iops_rd", "iops-read" },
    [BLOCK_IOPS_WRITE] = { "iops_wr", "iops-write" },
};

/* Virtual time need not pass as the host's does, and a node may get another
 * group: look again. */
enum { WAIT_MAX_NS = 1000000000 };
enum { WAIT_MAX_S = 1000000000 }; /* what a request may ask for, in ns, fits */
enum { RATE_MAX = 1000000000 };   /* iops; bytes a million times that */

bool block_throttle_set(const BlockThrottle *t)
{
    for (int i = 0; i < BLOCK_RATES; i++) {
        if (t->rate[i].average) {
            return true;
        }
    }
    return false;
}

static bool check_rate(const BlockRate *r, Error **errp)
{
    const uint64_t most = (uint64_t)RATE_MAX * 1000000;

    if (r->average > most || r->max > most) {
        error_set(errp, "bps/iops/max values must be within [0, %" PRIu64 "]",
                  most);
    } else if (r->max && !r->average) {
        error_set(errp, "bps_max/iops_max require corresponding bps/iops "
                        "values");
    } else if (r->max && r->max < r->average) {
        error_set(errp, "bps_max/iops_max cannot be lower than bps/iops");
    } else if (r->length > 1 && !r->max) {
        error_set(errp, "burst length set without burst rate");
    } else if (r->max && r->length > most / r->max) {
        error_set(errp,
                  "a burst of %" PRIu64 " a second for %" PRIu64
                  " seconds is too much",
                  r->max, r->length);
    } else {
        return true;
    }
    return false;
}

bool block_throttle_check(const BlockThrottle *t, Error **errp)
{
    bool iops = false;

    for (int i = 0; i < BLOCK_RATES; i++) {
        const BlockRate *r = &t->rate[i];

        if (i % 3 == 0 && (r->average || r->max) &&
            (r[1].average || r[2].average || r[1].max || r[2].max)) {
            error_set(errp, "bps/iops/max total values and read/write values "
                            "cannot be used at the same time");
            return false;
        }
        if (!check_rate(r, errp)) {
            return false;
        }
        iops |= i >= BLOCK_IOPS && r->average;
    }
    if (t->iops_size && !iops) {
        error_set(errp, "iops size requires an iops value to be set");
        return false;
    }
    return true;
}

/* --- options of -drive --- */

static bool take_number(json_object *o, const char *key, uint64_t *out,
                        Error **errp)
{
    bool given = json_object_object_get_ex(o, key, NULL);
    g_autofree char *text = json_take_text(o, key);

    if (given && (!text || !parse_size(text, 1, out))) {
        error_set(errp, "Parameter '%s' expects a number", key);
        return false;
    }
    return true;
}

/* A burst's; 0, as of one that is not given, would be none. */
static bool take_length(json_object *o, const char *key, uint64_t *out,
                        Error **errp)
{
    uint64_t length = MAX(*out, 1);

    if (!take_number(o, key, &length, errp)) {
        return false;
    }
    if (length == 0) {
        error_set(errp, "Parameter '%s' expects 1 or more", key);
        return false;
    }
    *out = length;
    return true;
}

static bool take_rate(json_object *o, const char *name, const char *max,
                      const char *length, BlockRate *r, Error **errp)
{
    g_autofree char *key_max = g_strconcat(name, max, NULL);
    g_autofree char *key_length = g_strconcat(name, length, NULL);

    return take_number(o, name, &r->average, errp) &&
           take_number(o, key_max, &r->max, errp) &&
           take_length(o, key_length, &r->length, errp);
}

bool block_limits_take(BlockThrottle *t, json_object *o, const char *prefix,
                       Error **errp)
{
    for (int i = 0; i < BLOCK_RATES; i++) {
        if (!take_rate(o, names[i].name, "-max", "-max-length", &t->rate[i],
                       errp)) {
            return false;
        }
    }
    return take_number(o, "iops-size", &t->iops_size, errp) &&
           block_options_done(o, prefix, errp);
}

static void show(json_object *o, const char *name, const char *suffix,
                 uint64_t value)
{
    g_autofree char *key = g_strconcat(name, suffix, NULL);

    json_object_object_add(o, key, json_object_new_uint64(value));
}

json_object *block_limits_json(const BlockThrottle *t)
{
    json_object *o = json_object_new_object();

    for (int i = 0; i < BLOCK_RATES; i++) {
        const BlockRate *r = &t->rate[i];

        show(o, names[i].name, "", r->average);
        show(o, names[i].name, "-max", r->max);
        show(o, names[i].name, "-max-length", MAX(r->length, 1));
    }
    show(o, "iops-size", "", t->iops_size);
    return o;
}

bool block_throttle_take(BlockThrottle *t, json_object *o, Error **errp)
{
    json_object *inner = NULL;

    t->group = json_take_text(o, "group");
    if (json_object_object_get_ex(o, "throttling", &inner)) {
        if (!json_object_is_type(inner, json_type_object)) {
            error_set(errp, "Parameter 'throttling' expects an object");
            return false;
        }
        if (!t->group) {
            t->group = json_take_text(inner, "group");
        }
    }
    if (!take_number(o, "iops_size", &t->iops_size, errp)) {
        return false;
    }
    for (int i = 0; i < BLOCK_RATES; i++) {
        if (!take_rate(o, names[i].old, "_max", "_max_length", &t->rate[i],
                       errp)) {
            return false;
        }
    }
    if (inner) {
        if (!block_limits_take(t, inner, "throttling.", errp)) {
            return false;
        }
        json_object_object_del(o, "throttling");
    }
    return block_throttle_check(t, errp);
}

/* --- groups --- */

struct BlockGroup {
    char *name;
    BlockSystem *sys; /* NULL: it has ended */
    int users;        /* machine lock */
    _Atomic int refs; /* all users have one; each that waits */
    Lock lock;        /* a leaf; the rest */
    Cond changed;     /* or lifted */
    BlockThrottle limits;
    double level[BLOCK_RATES], burst[BLOCK_RATES];
    int64_t last_ns;
};

BlockGroup *block_group_find(BlockSystem *sys, const char *name)
{
    for (guint i = 0; i < sys->groups->len; i++) {
        BlockGroup *g = g_ptr_array_index(sys->groups, i);

        if (strcmp(g->name, name) == 0) {
            return g;
        }
    }
    return NULL;
}

BlockGroup *block_group_ref(BlockSystem *sys, const char *name)
{
    BlockGroup *g = block_group_find(sys, name);

    if (g) {
        g->users++;
        return g;
    }
    g = g_new0(BlockGroup, 1);
    g->name = g_strdup(name);
    g->sys = sys;
    g->users = 1;
    g->refs = 1;
    lock_init(&g->lock);
    cond_init(&g->changed);
    g_ptr_array_add(sys->groups, g);
    return g;
}

void block_group_unref(BlockGroup *g)
{
    if (--g->users == 0) {
        if (g->sys) {
            g_ptr_array_remove(g->sys->groups, g);
        }
        block_group_let_go(g);
    }
}

BlockGroup *block_group_hold(BlockGroup *g)
{
    atomic_fetch_add(&g->refs, 1);
    return g;
}

void block_group_let_go(BlockGroup *g)
{
    if (atomic_fetch_add(&g->refs, -1) == 1) {
        cond_destroy(&g->changed);
        lock_destroy(&g->lock);
        g_free(g->name);
        g_free(g);
    }
}

bool block_group_is_shared(const BlockGroup *g)
{
    return g->users > 1;
}

void block_limits_lift(BlockSystem *sys, bool lift)
{
    atomic_fetch_add(&sys->limits_lifted, lift ? 1 : -1);
    for (guint i = 0; lift && i < sys->groups->len; i++) {
        BlockGroup *g = g_ptr_array_index(sys->groups, i);

        LOCK_GUARD(&g->lock);
        cond_broadcast(&g->changed);
    }
}

void block_groups_orphan(BlockSystem *sys)
{
    for (guint i = 0; i < sys->groups->len; i++) {
        ((BlockGroup *)g_ptr_array_index(sys->groups, i))->sys = NULL;
    }
}

void block_group_set(BlockGroup *g, const BlockThrottle *t)
{
    LOCK_GUARD(&g->lock);
    cond_broadcast(&g->changed);
    g->limits = *t;
    g->limits.group = NULL;
    memset(g->level, 0, sizeof(g->level));
    memset(g->burst, 0, sizeof(g->burst));
}

BlockThrottle block_group_get(BlockGroup *g)
{
    BlockThrottle t;

    lock_acquire(&g->lock);
    t = g->limits;
    lock_release(&g->lock);
    t.group = g->name;
    return t;
}

/* --- admission --- */

static void leak_locked(BlockGroup *g, int64_t now_ns)
{
    double seconds = MAX(now_ns - g->last_ns, 0) / 1e9;

    g->last_ns = now_ns;
    for (int i = 0; i < BLOCK_RATES; i++) {
        const BlockRate *r = &g->limits.rate[i];

        g->level[i] = MAX(g->level[i] - r->average * seconds, 0);
        g->burst[i] = MAX(g->burst[i] - r->max * seconds, 0);
    }
}

/* Seconds until limit @i has room again. */
static double wait_locked(const BlockGroup *g, int i)
{
    const BlockRate *r = &g->limits.rate[i];
    double wait, room;

    if (!r->average) {
        return 0;
    }
    room = r->max ? (double)r->max * MAX(r->length, 1) : r->average / 10.0;
    wait = (g->level[i] - room) / r->average;
    if (r->max) {
        wait = MAX(wait, (g->burst[i] - r->max / 10.0) / r->max);
    }
    return MAX(wait, 0);
}

/* What a request counts for limit @i. */
static double units(const BlockThrottle *t, int i, uint64_t bytes)
{
    if (i < BLOCK_IOPS) {
        return bytes;
    }
    return t->iops_size && bytes > t->iops_size ? (double)bytes / t->iops_size
                                                : 1;
}

static int64_t admit_locked(BlockGroup *g, bool write, uint64_t bytes,
                            int64_t now_ns)
{
    int kinds[] = { BLOCK_BPS, BLOCK_BPS_READ + write, BLOCK_IOPS,
                    BLOCK_IOPS_READ + write };
    double wait = 0;

    leak_locked(g, now_ns);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        double one = wait_locked(g, kinds[i]);

        wait = MAX(wait, one);
    }
    if (wait > 0) {
        return (int64_t)(MIN(wait, WAIT_MAX_S) * 1e9) + 1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        double n = units(&g->limits, kinds[i], bytes);

        g->level[kinds[i]] += n;
        g->burst[kinds[i]] += n;
    }
    return 0;
}

int64_t block_group_admit(BlockGroup *g, bool write, uint64_t bytes,
                          int64_t now_ns)
{
    LOCK_GUARD(&g->lock);
    return admit_locked(g, write, bytes, now_ns);
}

bool block_group_wait(BlockGroup *g, bool write, uint64_t bytes)
{
    int64_t now_ns = event_clock_ns(g->sys->m->gate, CLOCK_VIRTUAL), wait;

    LOCK_GUARD(&g->lock);
    if (atomic_load(&g->sys->limits_lifted) > 0) {
        return true;
    }
    wait = admit_locked(g, write, bytes, now_ns);
    if (wait == 0) {
        return true;
    }
    cond_wait_ns(&g->changed, &g->lock, MIN(wait, WAIT_MAX_NS));
    return false;
}
