/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bit fields, alignment, ranges and unaligned endian access. Pure functions. */
#ifndef SOFTMMU_BASE_BITS_H
#define SOFTMMU_BASE_BITS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define KiB ((uint64_t)1 << 10)
#define MiB ((uint64_t)1 << 20)
#define GiB ((uint64_t)1 << 30)

#define BIT(n) ((uint64_t)1 << (n))

/* @n ones from bit 0; 0 <= n <= 64. */
static inline uint64_t bit_mask(unsigned n)
{
    return n >= 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
}

/* Bits [lo, lo + len) of @v, zero-extended; lo < 64, 1 <= len <= 64. */
static inline uint64_t bits_get(uint64_t v, unsigned lo, unsigned len)
{
    return (v >> lo) & bit_mask(len);
}

/* @v with bits [lo, lo + len) replaced by the low bits of @field. */
static inline uint64_t bits_set(uint64_t v, unsigned lo, unsigned len,
                                uint64_t field)
{
    uint64_t mask = bit_mask(len) << lo;

    return (v & ~mask) | ((field << lo) & mask);
}

/* The low @len bits of @v as a signed number; 1 <= len <= 64. */
static inline int64_t bits_sext(uint64_t v, unsigned len)
{
    return (int64_t)(v << (64 - len)) >> (64 - len);
}

static inline bool is_power_of_2(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

/* @align is a power of two; align_up wraps to 0 past the top. */
static inline uint64_t align_down(uint64_t v, uint64_t align)
{
    return v & ~(align - 1);
}

static inline uint64_t align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

/* Does [off, off + len) lie in [0, limit)? No sum that could wrap (STYLE 8). */
static inline bool range_fits(uint64_t off, uint64_t len, uint64_t limit)
{
    return off <= limit && len <= limit - off;
}

/* Do two non-empty ranges share a byte? Neither may wrap. */
static inline bool range_overlaps(uint64_t a, uint64_t alen, uint64_t b,
                                  uint64_t blen)
{
    return a - b < blen || b - a < alen;
}

/* Unaligned loads and stores in a given byte order. */
#define BITS_DEFINE_ACCESS(bits)                                               \
    static inline uint##bits##_t ld##bits##_le(const void *p)                  \
    {                                                                          \
        uint##bits##_t v;                                                      \
        memcpy(&v, p, sizeof(v));                                              \
        return GUINT##bits##_FROM_LE(v);                                       \
    }                                                                          \
    static inline uint##bits##_t ld##bits##_be(const void *p)                  \
    {                                                                          \
        uint##bits##_t v;                                                      \
        memcpy(&v, p, sizeof(v));                                              \
        return GUINT##bits##_FROM_BE(v);                                       \
    }                                                                          \
    static inline void st##bits##_le(void *p, uint##bits##_t v)                \
    {                                                                          \
        v = GUINT##bits##_TO_LE(v);                                            \
        memcpy(p, &v, sizeof(v));                                              \
    }                                                                          \
    static inline void st##bits##_be(void *p, uint##bits##_t v)                \
    {                                                                          \
        v = GUINT##bits##_TO_BE(v);                                            \
        memcpy(p, &v, sizeof(v));                                              \
    }
BITS_DEFINE_ACCESS(16)
BITS_DEFINE_ACCESS(32)
BITS_DEFINE_ACCESS(64)
#undef BITS_DEFINE_ACCESS

/* The integer of 1, 2, 4 or 8 bytes at @p, aligned, in the host's order. */
static inline uint64_t uint_load(const void *p, size_t size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)p;
    case 2:
        return *(const uint16_t *)p;
    case 4:
        return *(const uint32_t *)p;
    default:
        g_assert(size == 8);
        return *(const uint64_t *)p;
    }
}

/* The low @size bytes of @v go there. */
static inline void uint_store(void *p, size_t size, uint64_t v)
{
    switch (size) {
    case 1:
        *(uint8_t *)p = v;
        break;
    case 2:
        *(uint16_t *)p = v;
        break;
    case 4:
        *(uint32_t *)p = v;
        break;
    default:
        g_assert(size == 8);
        *(uint64_t *)p = v;
        break;
    }
}

#endif
