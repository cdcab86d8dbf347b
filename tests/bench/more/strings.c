/* SPDX-License-Identifier: GPL-2.0-or-later */
/* String functions of the C library and a naive search. */
#include "bench.h"

static char text[32768], copy[32768];

static unsigned count(const char *hay, const char *needle)
{
    unsigned n = 0, len = strlen(needle);
    for (; *hay; hay++) {
        unsigned k = 0;
        while (k < len && hay[k] == needle[k]) {
            k++;
        }
        n += k == len;
    }
    return n;
}

static uint64_t unit(void)
{
    uint32_t seed = 23;
    uint64_t sum = 0;

    for (unsigned i = 0; i < sizeof(text) - 1; i++) {
        text[i] = "abcd efgh"[rng(&seed) % 9];
    }
    for (int i = 0; i < 4; i++) {
        strcpy(copy, text);
        sum += strlen(copy) + (strcmp(copy, text) == 0);
        sum += (uintptr_t)strchr(copy, 'z') == 0;
        memmove(copy + 5, copy, 20000);
        sum = mix(sum, memcmp(copy, text, 20000) != 0);
    }
    sum += count(text, "abc") * 31 + count(text, "d ef");
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " ")) {
        sum = mix(sum, strlen(w));
    }
    return sum;
}

BENCH("strings", 40, 0xa94b4896b122a8c5)
