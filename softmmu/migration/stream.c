/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tandem/base.h"

#include <poll.h>
#include <sys/stat.h>

#include "stream.h"

enum { STREAM_BUFFER = 64 * 1024 };

/* CRC-32C (Castagnoli), reflected polynomial 0x82f63b78: RFC 3720, 12.1. */
static uint32_t crc32c_plain(uint32_t crc, const uint8_t *p, size_t len)
{
    while (len-- > 0) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82f63b78 & -(crc & 1));
        }
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse42(uint32_t crc, const uint8_t *p, size_t len)
{
    for (; len >= 8; len -= 8, p += 8) {
        crc = __builtin_ia32_crc32di(crc, ld64_le(p));
    }
    return crc32c_plain(crc, p, len);
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_sse42(~crc, data, len);
    }
#endif
    return ~crc32c_plain(~crc, data, len);
}

/* --- out --- */

void stream_out_init(StreamOut *s, int fd)
{
    *s = (StreamOut){ .fd = fd,
                      .buf = g_byte_array_new(),
                      .started_us = g_get_monotonic_time() };
}

void stream_out_free(StreamOut *s)
{
    g_byte_array_unref(s->buf);
}

static bool cancelled(_Atomic bool *cancel)
{
    return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

/* Wait for @fd, a tenth of a second a time, so that a cancel is seen. */
static void wait_fd(int fd, short events)
{
    struct pollfd p = { fd, events, 0 };

    poll(&p, 1, 100);
}

/* Hold back to the rate asked for, in short naps. */
static void limit_rate(const StreamOut *s)
{
    while (s->rate && !cancelled(s->cancel)) {
        int64_t due = s->started_us + (int64_t)(s->bytes * 1e6 / s->rate);
        int64_t wait = due - g_get_monotonic_time();

        if (wait <= 0) {
            return;
        }
        g_usleep(MIN(wait, 100000));
    }
}

static void write_all(StreamOut *s, const uint8_t *p, size_t len)
{
    while (len > 0 && !s->error) {
        ssize_t n = write(s->fd, p, len);

        if (cancelled(s->cancel)) {
            s->error = ECANCELED;
        } else if (n > 0) {
            p += n;
            len -= n;
            s->bytes += n;
        } else if (n < 0 && errno == EAGAIN) {
            wait_fd(s->fd, POLLOUT);
        } else if (n < 0 && errno != EINTR) {
            s->error = errno;
        }
    }
    limit_rate(s);
}

void stream_flush(StreamOut *s)
{
    write_all(s, s->buf->data, s->buf->len);
    g_byte_array_set_size(s->buf, 0);
}

void stream_put(StreamOut *s, const void *data, size_t len)
{
    s->crc = crc32c(s->crc, data, len);
    g_byte_array_append(s->buf, data, len);
    if (s->buf->len >= STREAM_BUFFER && !s->memory) {
        stream_flush(s);
    }
}

void stream_put_u8(StreamOut *s, uint8_t v)
{
    stream_put(s, &v, 1);
}

void stream_put_u16(StreamOut *s, uint16_t v)
{
    v = GUINT16_TO_BE(v);
    stream_put(s, &v, sizeof(v));
}

void stream_put_u32(StreamOut *s, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    stream_put(s, &v, sizeof(v));
}

void stream_put_u64(StreamOut *s, uint64_t v)
{
    v = GUINT64_TO_BE(v);
    stream_put(s, &v, sizeof(v));
}

void stream_put_crc(StreamOut *s)
{
    stream_put_u32(s, s->crc);
    s->crc = 0;
}

void stream_put_text(StreamOut *s, const char *text)
{
    size_t len = strlen(text);

    assert(len <= STREAM_TEXT_MAX);
    stream_put_u16(s, len);
    stream_put(s, text, len);
}

void stream_put_header(StreamOut *s, const char *machine, const char *arch)
{
    stream_put(s, STREAM_MAGIC, strlen(STREAM_MAGIC));
    stream_put_u32(s, STREAM_VERSION);
    stream_put_text(s, TANDEM_VERSION);
    stream_put_text(s, machine);
    stream_put_text(s, arch);
    stream_put_crc(s);
}

/* --- in --- */

void stream_in_init(StreamIn *s, int fd)
{
    struct stat st;
    off_t at = lseek(fd, 0, SEEK_CUR);

    *s = (StreamIn){ .fd = fd, .buf = g_malloc(STREAM_BUFFER) };
    s->limit = UINT64_MAX;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && at >= 0) {
        s->limit = st.st_size > at ? st.st_size - at : 0;
    }
}

void stream_in_free(StreamIn *s)
{
    g_free(s->buf);
}

static bool fill(StreamIn *s, Error **errp)
{
    for (;;) {
        ssize_t n = s->fd < 0 ? 0 : read(s->fd, s->buf, STREAM_BUFFER);

        if (n > 0) {
            s->pos = 0;
            s->len = n;
            return true;
        }
        if (cancelled(s->cancel)) {
            error_set(errp, "loading was cancelled");
            return false;
        }
        if (n == 0) {
            error_set(errp,
                      "the stream ends after %" PRIu64 " bytes, in the "
                      "middle of a record",
                      s->bytes);
            return false;
        }
        if (errno == EAGAIN) {
            wait_fd(s->fd, POLLIN);
        } else if (errno != EINTR) {
            error_set_errno(errp, errno, "reading the stream failed");
            return false;
        }
    }
}

bool stream_get(StreamIn *s, void *data, size_t len, Error **errp)
{
    uint8_t *out = data;
    size_t wanted = len;

    while (len > 0) {
        size_t n = MIN(len, s->len - s->pos);

        if (n == 0) {
            if (!fill(s, errp)) {
                return false;
            }
            continue;
        }
        memcpy(out, s->buf + s->pos, n);
        s->pos += n;
        s->bytes += n;
        out += n;
        len -= n;
    }
    s->crc = crc32c(s->crc, data, wanted);
    return true;
}

bool stream_check_crc(StreamIn *s, Error **errp)
{
    uint32_t expected = s->crc, crc;

    if (!stream_get_u32(s, &crc, errp)) {
        return false;
    }
    if (crc != expected) {
        error_set(errp,
                  "the stream is damaged: checksum mismatch at byte "
                  "%" PRIu64,
                  s->bytes);
        return false;
    }
    s->crc = 0;
    return true;
}

bool stream_get_u8(StreamIn *s, uint8_t *v, Error **errp)
{
    return stream_get(s, v, 1, errp);
}

bool stream_get_u16(StreamIn *s, uint16_t *v, Error **errp)
{
    bool ok = stream_get(s, v, sizeof(*v), errp);

    *v = GUINT16_FROM_BE(*v);
    return ok;
}

bool stream_get_u32(StreamIn *s, uint32_t *v, Error **errp)
{
    bool ok = stream_get(s, v, sizeof(*v), errp);

    *v = GUINT32_FROM_BE(*v);
    return ok;
}

bool stream_get_u64(StreamIn *s, uint64_t *v, Error **errp)
{
    bool ok = stream_get(s, v, sizeof(*v), errp);

    *v = GUINT64_FROM_BE(*v);
    return ok;
}

char *stream_get_text(StreamIn *s, Error **errp)
{
    g_autofree char *text = NULL;
    uint16_t len;

    if (!stream_get_u16(s, &len, errp)) {
        return NULL;
    }
    if (len > STREAM_TEXT_MAX) {
        error_set(errp, "a name of %u bytes is too long", len);
        return NULL;
    }
    text = g_malloc0(len + 1);
    if (!stream_get(s, text, len, errp)) {
        return NULL;
    }
    if (strlen(text) != len || !g_utf8_validate(text, len, NULL)) {
        error_set(errp, "a name in the stream is not text");
        return NULL;
    }
    return g_steal_pointer(&text);
}

uint8_t *stream_get_block(StreamIn *s, uint32_t len, uint32_t max, Error **errp)
{
    g_autofree uint8_t *data = NULL;

    if (len > max || (s->limit != UINT64_MAX && len > s->limit - s->bytes)) {
        error_set(errp, "a record of %u bytes is larger than it can be", len);
        return NULL;
    }
    data = g_malloc(MAX(len, 1));
    if (!stream_get(s, data, len, errp)) {
        return NULL;
    }
    return g_steal_pointer(&data);
}

bool stream_get_header(StreamIn *s, const char *machine, const char *arch,
                       Error **errp)
{
    char magic[sizeof(STREAM_MAGIC) - 1];
    g_autofree char *program = NULL, *m = NULL, *a = NULL;
    uint32_t version;

    if (!stream_get(s, magic, sizeof(magic), errp)) {
        return false;
    }
    if (memcmp(magic, STREAM_MAGIC, sizeof(magic)) != 0) {
        error_set(errp, "this is not a saved Tandem machine");
        return false;
    }
    if (!stream_get_u32(s, &version, errp)) {
        return false;
    }
    if (version != STREAM_VERSION) {
        error_set(errp, "format version %u is not supported (this is %d)",
                  version, STREAM_VERSION);
        return false;
    }
    if (!(program = stream_get_text(s, errp)) ||
        !(m = stream_get_text(s, errp)) || !(a = stream_get_text(s, errp)) ||
        !stream_check_crc(s, errp)) {
        return false;
    }
    if (strcmp(m, machine) != 0 || strcmp(a, arch) != 0) {
        error_set(errp, "machine '%s' (%s) was saved, this is '%s' (%s)", m, a,
                  machine, arch);
        return false;
    }
    return true;
}
