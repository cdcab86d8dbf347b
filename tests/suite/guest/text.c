/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text through the serial port, and the four functions of C that compilers
 * call by themselves. */
#include "suite.h"

enum { RBR = 0, THR = 0, LSR = 5, LSR_DR = 1, LSR_THRE = 1 << 5 };

static const char *part_name, *part_more;

static void say_byte(char c)
{
    while (!(serial_in(LSR) & LSR_THRE)) {
    }
    serial_out(THR, (uint8_t)c);
}

void say(const char *text)
{
    while (*text) {
        say_byte(*text++);
    }
}

static void say_number(uint64_t value)
{
    int shift = 60;

    say("0x");
    while (shift > 0 && !(value >> shift)) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        say_byte("0123456789abcdef"[value >> shift & 15]);
    }
}

void part(const char *name, const char *more)
{
    part_name = name;
    part_more = more;
}

static void say_value(const char *mark, const char *name, uint64_t value)
{
    say(mark);
    say(part_name);
    say(part_more);
    say(" ");
    say(name);
    say(" = ");
    say_number(value);
}

void note(const char *name, uint64_t value)
{
    say_value("+ ", name, value);
    say("\n");
}

void check(const char *name, uint64_t value, uint64_t right)
{
    say_value(value == right ? "+ " : "- ", name, value);
    if (value != right) {
        say(", not ");
        say_number(right);
    }
    say("\n");
}

void ask_host(const char *request)
{
    say("? ");
    say(request);
    say("\n");
    while (!(serial_in(LSR) & LSR_DR)) {
    }
    if (serial_in(RBR) != '!') {
        check("the host's answer", 0, 1);
    }
}

void *memset(void *to, int byte, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((volatile uint8_t *)to)[i] = (uint8_t)byte;
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return 0;
}
