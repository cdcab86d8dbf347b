/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Copies to and from scattered buffers; contracts in ring.h. Pure functions.
 */
#include "tandem/base.h"

#include "hw/virtio/ring.h"

typedef enum IovWay { IOV_READ, IOV_WRITE, IOV_FILL } IovWay;

static size_t iov_copy(const struct iovec *iov, unsigned n, uint64_t off,
                       uint8_t *buf, size_t len, IovWay way)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < len; i++) {
        uint8_t *at = iov[i].iov_base;
        size_t part;

        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        part = MIN(len - done, iov[i].iov_len - off);
        if (way == IOV_READ) {
            memcpy(buf + done, at + off, part);
        } else if (way == IOV_WRITE) {
            memcpy(at + off, buf + done, part);
        } else {
            memset(at + off, *buf, part);
        }
        done += part;
        off = 0;
    }
    return done;
}

size_t iov_to_buf(const struct iovec *iov, unsigned n, uint64_t off, void *buf,
                  size_t len)
{
    return iov_copy(iov, n, off, buf, len, IOV_READ);
}

size_t iov_from_buf(const struct iovec *iov, unsigned n, uint64_t off,
                    const void *buf, size_t len)
{
    return iov_copy(iov, n, off, (void *)buf, len, IOV_WRITE);
}

size_t iov_fill(const struct iovec *iov, unsigned n, uint64_t off, uint8_t byte,
                size_t len)
{
    return iov_copy(iov, n, off, &byte, len, IOV_FILL);
}

uint64_t iov_length(const struct iovec *iov, unsigned n)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += iov[i].iov_len;
    }
    return sum;
}

unsigned iov_slice(struct iovec *to, unsigned max, const struct iovec *iov,
                   unsigned n, uint64_t off, uint64_t len)
{
    unsigned used = 0;

    for (unsigned i = 0; i < n && len > 0 && used < max; i++) {
        size_t part;

        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        part = MIN(len, iov[i].iov_len - off);
        to[used++] = (struct iovec){ (char *)iov[i].iov_base + off, part };
        len -= part;
        off = 0;
    }
    return used;
}
