/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Four harts at once: atomics, locks, order of memory (RVWMO, Unprivileged 17),
 * interrupts between harts (CLINT), code changed by another hart (5). Runs in
 * the machine alone, with -smp 4.
 */
#include "isa.h"

asm(".include \"riscv-insns.inc\"");

enum { HARTS = 4, ROUNDS = 5000, CODE_ROUNDS = 20 };

#define MSIP(hart) (*(volatile uint32_t *)(0x2000000ul + 4 * (hart)))

struct line {
    volatile uint32_t v;
    uint32_t pad[15];
} __attribute__((aligned(64)));

static struct line arrived, phase;
static struct line sum, sc_sum, lock, locked_sum;
static struct {
    volatile xlen_t word[2];
} pair __attribute__((aligned(64)));
static struct line data, flag, x, y, seen[HARTS];
static struct line ipis[HARTS], failed;
static uint32_t code[16] __attribute__((aligned(4096)));

static uint32_t amoadd(volatile uint32_t *p, uint32_t n)
{
    uint32_t old;

    asm volatile("amoadd.w.aqrl %0, %2, (%1)"
                 : "=&r"(old)
                 : "r"(p), "r"(n)
                 : "memory");
    return old;
}

/* PAUSE: there may be fewer host CPUs than harts. */
static void relax(void)
{
    asm volatile(".4byte 0x0100000f");
}

/* All harts come here before any goes on. */
static void barrier(void)
{
    uint32_t now = phase.v;

    if (amoadd(&arrived.v, 1) == HARTS - 1) {
        arrived.v = 0;
        asm volatile("fence rw, rw" ::: "memory");
        phase.v = now + 1;
    } else {
        while (phase.v == now) {
            relax();
        }
    }
    asm volatile("fence rw, rw" ::: "memory");
}

static void fail_if(bool bad, int line)
{
    if (bad && failed.v == 0) {
        failed.v = line;
    }
}
#define expect(cond) fail_if(!(cond), __LINE__)

static void count_by_lr_sc(volatile uint32_t *p)
{
    uint32_t v, bad;

    asm volatile("1: lr.w %0, (%2); addi %0, %0, 1; sc.w %1, %0, (%2);"
                 "bnez %1, 1b"
                 : "=&r"(v), "=&r"(bad)
                 : "r"(p)
                 : "memory");
}

static void count_under_lock(void)
{
    uint32_t old;

    do {
        relax();
        asm volatile("amoswap.w.aq %0, %2, (%1)"
                     : "=&r"(old)
                     : "r"(&lock.v), "r"(1)
                     : "memory");
    } while (old != 0);
    locked_sum.v++;
    asm volatile("amoswap.w.rl x0, x0, (%0)" ::"r"(&lock.v) : "memory");
}

/* Two words that only ever change together: AMOCAS of twice XLEN (16.1). A
 * torn read or write would part the low word from the high one. */
#if __riscv_xlen == 64
#define CAS_PAIR "amocas.q"
#else
#define CAS_PAIR "amocas.d"
#endif
static void count_by_pair(void)
{
    xlen_t low = pair.word[0], high = pair.word[1];

    for (;;) {
        register xlen_t a0 asm("a0") = low;
        register xlen_t a1 asm("a1") = high;
        register xlen_t a2 asm("a2") = low + 1;
        register xlen_t a3 asm("a3") = high - 1;
        register volatile xlen_t *a4 asm("a4") = pair.word;

        asm volatile(CAS_PAIR " a0, a2, a4"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a4)
                     : "memory");
        xlen_t was_low = a0, was_high = a1;

        expect(was_low + was_high == 0); /* one state of the two words */
        if (was_low == low && was_high == high) {
            return;
        }
        low = was_low;
        high = was_high;
    }
}

static void atomics(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        amoadd(&sum.v, 3);
        count_by_lr_sc(&sc_sum.v);
        count_under_lock();
        count_by_pair();
    }
    barrier();
    expect(pair.word[0] == HARTS * ROUNDS && pair.word[1] == -pair.word[0]);
    expect(sum.v == 3 * HARTS * ROUNDS);
    expect(sc_sum.v == HARTS * ROUNDS);
    expect(locked_sum.v == HARTS * ROUNDS);
    barrier();
}

/* Message passing: who sees the flag sees the data. */
static void messages(xlen_t hart)
{
    if (hart == 0) {
        for (uint32_t i = 1; i <= ROUNDS; i++) {
            data.v = i;
            asm volatile("fence w, w" ::: "memory");
            flag.v = i;
        }
    } else {
        uint32_t f, d;

        do {
            f = flag.v;
            asm volatile("fence r, r" ::: "memory");
            d = data.v;
            expect(d >= f);
        } while (f != ROUNDS && failed.v == 0);
    }
    barrier();
}

/* Store buffering: with full fences, not both read the old value. */
static void store_buffers(xlen_t hart)
{
    for (int i = 0; i < ROUNDS / 50; i++) {
        if (hart == 0) {
            x.v = y.v = 0;
        }
        barrier();
        if (hart < 2) {
            struct line *mine = hart ? &y : &x, *other = hart ? &x : &y;

            mine->v = 1;
            asm volatile("fence rw, rw" ::: "memory");
            seen[hart].v = other->v;
        }
        barrier();
        expect(seen[0].v | seen[1].v);
    }
}

/* Software interrupts wake harts from WFI (Priv 3.1.9, 3.3.3). */
static void interrupts(xlen_t hart)
{
    csr_clear("mstatus", MSTATUS_MIE);
    csr_write("mie", 1 << 3);
    barrier();
    for (uint32_t i = 1; i <= 20; i++) {
        if (hart == 0) {
            for (int k = 1; k < HARTS; k++) {
                MSIP(k) = 1;
            }
            for (int k = 1; k < HARTS; k++) {
                while (ipis[k].v != i) {
                    relax();
                }
            }
        } else {
            while (!(csr_read("mip") & 1 << 3)) {
                asm volatile("wfi");
            }
            MSIP(hart) = 0;
            ipis[hart].v = i;
        }
        barrier();
    }
    csr_write("mie", 0);
}

/* Hart 0 rewrites a function; the others run it after their own fence.i. */
static void changed_code(xlen_t hart)
{
    for (int i = 0; i < CODE_ROUNDS; i++) {
        if (hart == 0) {
            ((volatile uint32_t *)code)[0] = (uint32_t)i << 20 | 0x513;
            ((volatile uint32_t *)code)[1] = 0x8067; /* li a0, i; ret */
        }
        barrier();
        asm volatile("fence.i" ::: "memory");
        expect(((int (*)(void))code)() == i);
        barrier();
    }
}

static void all(xlen_t hart)
{
    barrier();
    atomics();
    messages(hart);
    store_buffers(hart);
    interrupts(hart);
    changed_code(hart);
    barrier();
}

void other_main(xlen_t hart);
void other_main(xlen_t hart)
{
    if (hart < HARTS) {
        all(hart);
    }
    for (;;) {
        asm volatile("wfi");
    }
}

int main(void)
{
    all(0);
    return failed.v;
}
