/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last output in memory, read and fed by QMP's ringbuf commands. */
#include "tandem/base.h"

#include "internal.h"

enum { RINGBUF_MAX = 64 << 20 };

typedef struct RingbufChardev {
    Chardev parent;
    uint64_t size; /* property: a power of two */
    uint8_t *data;
    uint64_t head, tail; /* bytes ever written, ever read */
} RingbufChardev;

static bool ringbuf_open(Chardev *chr, Error **errp)
{
    RingbufChardev *s = (RingbufChardev *)chr;

    if (!is_power_of_2(s->size) || s->size > RINGBUF_MAX) {
        error_set(errp, "size of ringbuf chardev must be power of two");
        return false;
    }
    s->data = g_malloc0(s->size);
    chr->connected = true;
    return true;
}

static size_t ringbuf_write(Chardev *chr, const uint8_t *data, size_t len)
{
    RingbufChardev *s = (RingbufChardev *)chr;

    for (size_t i = 0; i < len; i++) {
        s->data[s->head++ & (s->size - 1)] = data[i];
    }
    s->tail = MAX(s->tail, s->head > s->size ? s->head - s->size : 0);
    return len;
}

static RingbufChardev *find_ringbuf(Machine *m, const char *id, Error **errp)
{
    Chardev *chr = chardev_find(m, id);
    RingbufChardev *s = object_try_cast(chr, &chardev_ringbuf_type);

    if (!chr) {
        error_set(errp, "Device '%s' not found", id);
    } else if (!s) {
        error_set(errp, "%s is not a ringbuf device", id);
    }
    return s;
}

GByteArray *chardev_ringbuf_read(Machine *m, const char *id, uint64_t max,
                                 Error **errp)
{
    RingbufChardev *s = find_ringbuf(m, id, errp);
    GByteArray *out;

    if (!s) {
        return NULL;
    }
    out = g_byte_array_new();
    while (s->tail < s->head && out->len < max) {
        g_byte_array_append(out, &s->data[s->tail++ & (s->size - 1)], 1);
    }
    return out;
}

bool chardev_ringbuf_feed(Machine *m, const char *id, const uint8_t *data,
                          size_t len, Error **errp)
{
    RingbufChardev *s = find_ringbuf(m, id, errp);

    if (!s) {
        return false;
    }
    ringbuf_write(&s->parent, data, len);
    return true;
}

static void ringbuf_finalize(Object *obj)
{
    g_free(((RingbufChardev *)obj)->data);
}

static char *ringbuf_filename(const Chardev *chr)
{
    return g_strdup("ringbuf");
}

static const Property ringbuf_props[] = {
    PROP(size, RingbufChardev, size, "size", "64K",
         "bytes kept, a power of two"),
    { 0 },
};

const ChardevType chardev_ringbuf_type = {
    .name = "chardev-ringbuf",
    .parent = TYPE(chardev_type),
    .description = "the last output, kept in memory",
    .size = sizeof(RingbufChardev),
    .finalize = ringbuf_finalize,
    .props = ringbuf_props,
    .driver = "ringbuf",
    .open = ringbuf_open,
    .write = ringbuf_write,
    .filename = ringbuf_filename,
};
