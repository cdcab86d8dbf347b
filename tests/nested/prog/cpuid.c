/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Says all of CPUID, of the CPU whose APIC id is the first word of the command
 * line: a line of leaf, subleaf, EAX to EDX for each that is not all zero; and
 * IA32_ARCH_CAPABILITIES where it is (SDM 4, table 2-2).
 */
#include "guest.h"

/* Leaves with subleaves, and how many are looked at. */
static const struct {
    uint32_t leaf, n;
} with_subleaves[] = {
    { 0x4, 6 },  { 0x7, 3 },  { 0xb, 4 },  { 0xd, 20 },       { 0xf, 2 },
    { 0x10, 2 }, { 0x12, 3 }, { 0x14, 2 }, { 0x18, 2 },       { 0x1d, 2 },
    { 0x1f, 6 }, { 0x24, 2 }, { 0x20, 2 }, { 0x8000001d, 6 }, { 0x80000026, 5 },
};

static volatile uint32_t wanted, done;

static void say(uint32_t leaf, uint32_t sub)
{
    Cpuid r = cpuid(leaf, sub);
    const uint32_t words[] = { leaf, sub, r.a, r.b, r.c, r.d };

    if (!(r.a | r.b | r.c | r.d)) {
        return;
    }
    for (unsigned i = 0; i < 6; i++) {
        put_hex(words[i], i == 1 ? 2 : 8);
        put(i < 5 ? " " : "\n");
    }
}

static void say_range(uint32_t from)
{
    uint32_t to = cpuid(from, 0).a;

    if (to > from + 0x40) {
        to = from + 0x40;
    }
    for (uint32_t leaf = from; leaf <= to; leaf++) {
        uint32_t n = 1;

        for (unsigned i = 0; i < sizeof(with_subleaves) / 8; i++) {
            if (with_subleaves[i].leaf == leaf) {
                n = with_subleaves[i].n;
            }
        }
        for (uint32_t sub = 0; sub < n; sub++) {
            say(leaf, sub);
        }
    }
}

static void say_all(void)
{
    say_range(0);
    if (cpuid(1, 0).c >> 31) { /* a hypervisor's */
        say_range(0x40000000);
        if (cpuid(0x40000100, 0).a >= 0x40000100 &&
            cpuid(0x40000100, 0).a < 0x40000200) {
            say_range(0x40000100);
        }
    }
    say_range(0x80000000);
    if (cpuid(0, 0).a >= 7 && cpuid(7, 0).d >> 29 & 1) {
        put("arch-capabilities ");
        put_hex(rdmsr(0x10a), 16);
        put("\n");
    }
}

void guest_other(void)
{
    if (cpuid(1, 0).b >> 24 == wanted) {
        say_all();
        done = 1;
    }
}

void guest_main(const char *command_line)
{
    wanted = number(&command_line);
    if (wanted == cpuid(1, 0).b >> 24) {
        say_all();
        finish(1);
    }
    start_others();
    while (!done) {
        __asm__ volatile("pause");
    }
    finish(1);
}
