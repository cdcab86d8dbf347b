/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that a guest can cause as often as it likes reach clients at most
 * once a second: the first at once, of those that follow the last one. */
#include "tandem/base.h"

#include "internal.h"

enum { PERIOD_NS = 1000000000 };

/* Events of one name count together, or by one member of their data. */
static const struct {
    const char *name, *member;
} limited[] = {
    { "BALLOON_CHANGE", NULL }, { "MEMORY_DEVICE_SIZE_CHANGE", "qom-path" },
    { "RTC_CHANGE", NULL },     { "VSERPORT_CHANGE", "id" },
    { "WATCHDOG", NULL },
};

typedef struct Slot {
    EventThrottle *t;
    char *key;
    json_object *waiting; /* to be sent when the period ends; or NULL */
    Timer timer;
} Slot;

struct EventThrottle {
    Machine *m;
    void (*send)(void *opaque, json_object *event);
    void *opaque;
    GHashTable *slots; /* Slot.key -> Slot: those sent in the last period */
};

static void slot_free(gpointer data)
{
    Slot *s = data;

    timer_cancel(&s->timer);
    json_object_put(s->waiting);
    g_free(s->key);
    g_free(s);
}

static void start_period(Slot *s)
{
    timer_set(&s->timer, clock_now_ns(s->t->m->clocks, CLOCK_RT) + PERIOD_NS);
}

static void period_over(void *opaque)
{
    Slot *s = opaque;
    json_object *event = g_steal_pointer(&s->waiting);

    if (event) {
        start_period(s);
        s->t->send(s->t->opaque, event);
        json_object_put(event);
    } else {
        g_hash_table_remove(s->t->slots, s->key);
    }
}

/* What @ev counts with; NULL: it is not limited. */
static char *key_of(const MachineEvent *ev)
{
    json_object *value = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(limited); i++) {
        if (strcmp(ev->name, limited[i].name) == 0) {
            if (limited[i].member) {
                json_object_object_get_ex(ev->data, limited[i].member, &value);
            }
            return g_strdup_printf("%s %s", ev->name,
                                   value ? json_object_get_string(value) : "");
        }
    }
    return NULL;
}

bool event_throttle(EventThrottle *t, const MachineEvent *ev, json_object *json)
{
    g_autofree char *key = key_of(ev);
    Slot *s = key ? g_hash_table_lookup(t->slots, key) : NULL;

    if (!key) {
        return false;
    }
    if (s) {
        json_object_put(s->waiting);
        s->waiting = json_object_get(json);
        return true;
    }
    s = g_new0(Slot, 1);
    s->t = t;
    s->key = g_steal_pointer(&key);
    timer_init(&s->timer, t->m->loop, CLOCK_RT, period_over, s);
    g_hash_table_insert(t->slots, s->key, s);
    start_period(s);
    return false;
}

EventThrottle *
event_throttle_new(Machine *m, void (*send)(void *opaque, json_object *event),
                   void *opaque)
{
    EventThrottle *t = g_new0(EventThrottle, 1);

    *t = (EventThrottle){ m, send, opaque,
                          g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                slot_free) };
    return t;
}

void event_throttle_free(EventThrottle *t)
{
    g_hash_table_unref(t->slots);
    g_free(t);
}
