/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A matcher of patterns by recursion over text, and a trie of words. */
#include "bench.h"

static int match_here(const char *p, const char *s);

static int match_star(char c, const char *p, const char *s)
{
    do {
        if (match_here(p, s)) {
            return 1;
        }
    } while (*s && (*s++ == c || c == '.'));
    return 0;
}

static int match_here(const char *p, const char *s)
{
    if (!p[0]) {
        return 1;
    }
    if (p[1] == '*') {
        return match_star(p[0], p + 2, s);
    }
    if (p[0] == '$' && !p[1]) {
        return !*s;
    }
    return *s && (p[0] == '.' || p[0] == *s) ? match_here(p + 1, s + 1) : 0;
}

static int match(const char *p, const char *s)
{
    if (p[0] == '^') {
        return match_here(p + 1, s);
    }
    do {
        if (match_here(p, s)) {
            return 1;
        }
    } while (*s++);
    return 0;
}

static uint16_t child[8000][6];
static uint16_t visits[8000];

static uint64_t unit(void)
{
    static const char *const pattern[] = { "ab*c",     "^a.*f$", "c.e*a", "fed",
                                           "a*b*c*d$", "^[^",    "e.e.e" };
    uint32_t seed = 51;
    uint64_t sum = 0;
    unsigned nodes = 1;

    memset(child, 0, sizeof(child));
    memset(visits, 0, sizeof(visits));
    for (int i = 0; i < 400; i++) {
        char text[41];
        for (int k = 0; k < 40; k++) {
            text[k] = 'a' + rng(&seed) % 6;
        }
        text[40] = 0;
        for (int k = 0; k < 7; k++) {
            sum = sum * 2 + match(pattern[k], text);
        }
        for (int from = 0; from < 36; from += 4) {
            unsigned n = 0;
            for (int k = from; k < from + 6 && k < 40; k++) {
                uint16_t *to = &child[n][text[k] - 'a'];
                if (!*to && nodes < 8000) {
                    *to = nodes++;
                }
                n = *to;
                visits[n]++;
            }
        }
        sum = mix(sum, nodes);
    }
    return mix(sum, visits[5]);
}

BENCH("regex", 60, 0x6bcf17c953dbfc0f)
