/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream's encoding (DECISIONS 45). All numbers big-endian.
 *
 *   header   "TANDEMVM", u32 format version, text program version,
 *            text machine type, text architecture
 *   records  u8 kind, then by kind:
 *     RAM_LIST  u32 n, n x {text id, u64 size}
 *     RAM_PAGES u16 block, u64 first page, u32 n pages, u8 coding, u32 bytes,
 *               the bytes
 *     DEVICE    text object path, u32 flags (SECTION_x), text state name,
 *               u32 version, u32 bytes, the bytes
 *     CLOCK     i64 virtual clock in ns
 *     END       u32 bytes, JSON description of all fields
 *
 * The header and each record end with a u32, the CRC-32C of all their bytes.
 * text: u16 bytes, then as many. A page is 4 KiB.
 */
#ifndef MIGRATION_STREAM_H
#define MIGRATION_STREAM_H

#include "tandem/base.h"

enum {
    STREAM_VERSION = 1,
    STREAM_PAGE = 4096,
    STREAM_TEXT_MAX = 1024,
    STREAM_DEVICE_MAX = 64 << 20, /* bytes of one device's state */
    STREAM_DEVICES_MAX = 65536,   /* sections */
    STREAM_PAGES_MAX = 256,       /* pages in one record */
};
enum { SECTION_OPTIONAL = 1 }; /* may be skipped where it is not known */
#define STREAM_MAGIC "TANDEMVM"

typedef enum StreamKind {
    STREAM_RAM_LIST = 1,
    STREAM_RAM_PAGES,
    STREAM_DEVICE,
    STREAM_CLOCK,
    STREAM_END,
} StreamKind;

typedef enum StreamCoding {
    STREAM_RAW,
    STREAM_ZERO, /* all pages are zero; no bytes follow */
} StreamCoding;

/* Go on with the sum @crc of what came before; 0 at first. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* Buffered writing to a descriptor. The first error sticks. One thread. */
typedef struct StreamOut {
    int fd;
    GByteArray *buf;
    uint64_t bytes;       /* written so far */
    uint32_t crc;         /* of the record so far */
    bool memory;          /* keep all in .buf: nothing is written */
    int error;            /* errno of the first failure, or 0 */
    _Atomic bool *cancel; /* checked while writing; may be NULL */
    uint64_t rate;        /* bytes a second, 0: no limit */
    int64_t started_us;
} StreamOut;
void stream_out_init(StreamOut *s, int fd);
void stream_out_free(StreamOut *s);
void stream_put(StreamOut *s, const void *data, size_t len);
void stream_put_u8(StreamOut *s, uint8_t v);
void stream_put_u16(StreamOut *s, uint16_t v);
void stream_put_u32(StreamOut *s, uint32_t v);
void stream_put_u64(StreamOut *s, uint64_t v);
void stream_put_text(StreamOut *s, const char *text);
/* End a record with its sum. */
void stream_put_crc(StreamOut *s);
void stream_flush(StreamOut *s);
void stream_put_header(StreamOut *s, const char *machine, const char *arch);

/* Reading; a short or broken stream fails with where and why. */
typedef struct StreamIn {
    int fd;
    uint8_t *buf;
    size_t pos, len;
    uint32_t crc;   /* of the record so far */
    uint64_t bytes; /* read so far */
    uint64_t limit; /* bytes the file can still have; UINT64_MAX: unknown */
    _Atomic bool *cancel;
} StreamIn;
void stream_in_init(StreamIn *s, int fd);
void stream_in_free(StreamIn *s);
bool stream_get(StreamIn *s, void *data, size_t len, Error **errp);
bool stream_get_u8(StreamIn *s, uint8_t *v, Error **errp);
bool stream_get_u16(StreamIn *s, uint16_t *v, Error **errp);
bool stream_get_u32(StreamIn *s, uint32_t *v, Error **errp);
bool stream_get_u64(StreamIn *s, uint64_t *v, Error **errp);
/* New text of at most STREAM_TEXT_MAX bytes without NULs, or NULL. */
char *stream_get_text(StreamIn *s, Error **errp);
/* @len bytes, checked against @max and what the file has left; NULL on
 * failure. */
uint8_t *stream_get_block(StreamIn *s, uint32_t len, uint32_t max,
                          Error **errp);
/* The record's end: does its sum fit? */
bool stream_check_crc(StreamIn *s, Error **errp);
bool stream_get_header(StreamIn *s, const char *machine, const char *arch,
                       Error **errp);

#endif
