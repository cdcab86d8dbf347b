/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memset, memmove, strlen, strchr, compare and count, written in plain C. */
#include "bench.h"

static char a[8200], b[8200];

#define PLAIN                                                                  \
    __attribute__((noinline, optimize("no-tree-loop-distribute-patterns")))

PLAIN static void fill(char *p, int c, size_t n)
{
    while (n--) {
        *p++ = c;
    }
}

PLAIN static void move(char *to, const char *from, size_t n)
{
    if (to < from) {
        for (size_t i = 0; i < n; i++) {
            to[i] = from[i];
        }
    } else {
        while (n--) {
            to[n] = from[n];
        }
    }
}

PLAIN static size_t length(const char *s)
{
    const char *p = s;
    while (*p) {
        p++;
    }
    return p - s;
}

PLAIN static int compare(const char *x, const char *y)
{
    while (*x && *x == *y) {
        x++;
        y++;
    }
    return (uint8_t)*x - (uint8_t)*y;
}

static uint64_t unit(void)
{
    uint64_t sum = 0;
    uint32_t count[256] = { 0 };

    for (int i = 0; i < 8; i++) {
        fill(a, 'a' + i, 8192);
        a[8000 - i * 900] = 0;
        move(b + 3, a, 8192 - 3);
        move(a + 1, a, 8000);
        move(b, b + 7, 8000);
        sum = mix(sum, length(a) + length(b) * 3);
        sum = mix(sum, compare(a, b + i) + compare(b + 9, b + 10));
        memset(a + 100, i, 3000);
        memcpy(b + 64, a + 90, 4000);
        sum = mix(sum, memcmp(a, b, 8192) < 0);
        for (int k = 0; k < 8192; k++) {
            count[(uint8_t)b[k]]++;
        }
    }
    for (int i = 0; i < 256; i++) {
        sum = mix(sum, count[i]);
    }
    return sum;
}

BENCH("bytes", 210, 0x9a7371ad86c02b32)
