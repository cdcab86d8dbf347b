/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes to base64 and back, Adler-32, run lengths. */
#include "bench.h"

static uint8_t raw[12000], text[16384], back[12288];

static uint64_t unit(void)
{
    static const char set[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t inverse[256] = { 0 };
    uint32_t seed = 41, a = 1, b = 0, n = 0, m = 0, runs = 0;

    for (int i = 0; i < 64; i++) {
        inverse[(uint8_t)set[i]] = i;
    }
    for (unsigned i = 0; i < sizeof(raw); i++) {
        raw[i] = rng(&seed) >> 11 & 0x3c;
    }
    for (unsigned i = 0; i < sizeof(raw); i += 3) {
        uint32_t w = raw[i] << 16 | raw[i + 1] << 8 | raw[i + 2];
        for (int k = 18; k >= 0; k -= 6) {
            text[n++] = set[w >> k & 63];
        }
    }
    for (unsigned i = 0; i < n; i += 4) {
        uint32_t w = 0;
        for (int k = 0; k < 4; k++) {
            w = w << 6 | inverse[text[i + k]];
        }
        back[m++] = w >> 16;
        back[m++] = w >> 8;
        back[m++] = w;
    }
    for (unsigned i = 0; i < m; i++) {
        a = (a + back[i]) % 65521;
        b = (b + a) % 65521;
        runs += i > 0 && back[i] == back[i - 1];
    }
    return (uint64_t)runs << 48 ^ (uint64_t)b << 16 ^ a;
}

BENCH("base64", 100, 0x02c50000ebbe876c)
