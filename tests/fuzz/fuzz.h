/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each fuzzer defines, and a reader of its input. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "tandem/base.h"

/* One input; returns 0. A finding is a failed assert or a sanitizer's word. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes numbers off the front of an input; zeros when it is used up. */
typedef struct FuzzInput {
    const uint8_t *data;
    size_t left;
} FuzzInput;

static inline uint64_t fuzz_take(FuzzInput *in, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes && in->left > 0; i++) {
        v |= (uint64_t)*in->data << (8 * i);
        in->data++;
        in->left--;
    }
    return v;
}

static inline uint8_t fuzz_u8(FuzzInput *in)
{
    return (uint8_t)fuzz_take(in, 1);
}

static inline uint16_t fuzz_u16(FuzzInput *in)
{
    return (uint16_t)fuzz_take(in, 2);
}

static inline uint32_t fuzz_u32(FuzzInput *in)
{
    return (uint32_t)fuzz_take(in, 4);
}

static inline uint64_t fuzz_u64(FuzzInput *in)
{
    return fuzz_take(in, 8);
}

#endif
