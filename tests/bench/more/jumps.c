/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setjmp and longjmp out of nested calls; a state machine of functions. */
#include <setjmp.h>

#include "bench.h"

static jmp_buf out;

static __attribute__((noinline)) int parse(const char **s, int depth)
{
    int value = 0;

    if (depth > 12) {
        longjmp(out, 2);
    }
    while (**s && **s != ')') {
        char c = *(*s)++;
        if (c == '(') {
            value = value * 3 + parse(s, depth + 1);
            if (*(*s)++ != ')') {
                longjmp(out, 1);
            }
        } else {
            value = value * 10 + (c - '0');
        }
    }
    return value;
}

typedef struct Machine Machine;
typedef void State(Machine *m, uint8_t c);
struct Machine {
    State *next;
    uint32_t words, digits, other, run;
};
static State blank, word, digit;

static void blank(Machine *m, uint8_t c)
{
    m->run = 0;
    m->next = c >= 160 ? word : c >= 80 ? digit : blank;
}

static void word(Machine *m, uint8_t c)
{
    m->words += ++m->run == 1;
    m->next = c >= 60 ? word : blank;
}

static void digit(Machine *m, uint8_t c)
{
    m->digits += c & 15;
    m->next = c < 40 ? blank : c > 200 ? word : digit;
}

static __attribute__((noinline)) int try(const char *s)
{
    int why = setjmp(out);
    return why ? -why : parse(&s, 0);
}

static uint64_t unit(void)
{
    static const char *const text[] = {
        "12(34(5)6)7",
        "1(2(3(4(5(6(7(8(9",
        "((((((((((((((((1",
        "9(8)7(6)5(4)3",
    };
    Machine m = { .next = blank };
    uint32_t seed = 8;
    uint64_t sum = 0;

    for (int i = 0; i < 2000; i++) {
        sum = mix(sum, try(text[i & 3]));
    }
    for (int i = 0; i < 20000; i++) {
        m.next(&m, rng(&seed) >> 9);
    }
    return mix(mix(sum, m.words), m.digits);
}

BENCH("jumps", 330, 0x80a9f5906af5c8e9)
