/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How late an interrupt is taken (docs/devel/performance.md, Interrupts):
 * never later than the next jump back, counted in instructions, and under
 * -icount (built with ICOUNT_SHIFT) before the very instruction at whose start
 * virtual time has reached the deadline. Without it, how late timers were is
 * printed and not judged: host time is no matter of this program.
 *
 * Handlers change t5 and t6 alone, which the measured code leaves to them.
 */
#include "isa.h"

enum { MSI = 3, STI = 5, RUN = 300 /* instructions without a jump back */ };
#define MSIP (*(volatile uint32_t *)0x2000000ul)
#define UART (*(volatile uint8_t *)0x10000000ul)

/* t5 = time of the trap, t6 = rounds till then; no more interrupts. */
asm(".balign 4\n"
    "on_interrupt:\n"
    "    csrr t5, time\n"
    "    csrw mie, zero\n"
    "    lui t6, 0x2000\n"
    "    sw zero, 0(t6)\n"
    "    mv t6, t0\n"
    "    mret\n");
extern char on_interrupt[];

/* Ways round a loop; each counts its rounds in t0 and ends with t5 set. */
#define STRAIGHT   ".rept 300\n addi t1, t1, 1\n .endr\n"
#define LOOP_LONG  "1: addi t0, t0, 1\n" STRAIGHT "beqz t5, 1b\n"
#define LOOP_TIGHT "1: addi t0, t0, 1\n beqz t5, 1b\n"
#define LOOP_INDIRECT                                                          \
    "la t3, 1f\n 1: addi t0, t0, 1\n" STRAIGHT "bnez t5, 2f\n jr t3\n 2:\n"
#define LOOP_CALLS                                                             \
    "1: addi t0, t0, 1\n jal t4, 3f\n beqz t5, 1b\n j 2f\n"                    \
    "3: " STRAIGHT "jr t4\n 2:\n"
#define LOOP_SLOW                                                              \
    "1: addi t0, t0, 1\n .rept 40\n divu t1, t0, t0\n lw t2, 0(sp)\n"          \
    "sw t2, 0(sp)\n .endr\n beqz t5, 1b\n"

typedef struct Seen {
    xlen_t rounds, at;
} Seen;

/* Write @value to CSR stimecmp or to MSIP, then go round. */
#define DEFINE(name, first, loop)                                              \
    static __attribute__((noinline)) Seen name(xlen_t value)                   \
    {                                                                          \
        xlen_t scratch[2] = { 0 };                                             \
        Seen s;                                                                \
                                                                               \
        asm volatile("li t5, 0\n li t0, 0\n li t1, 0\n" first loop             \
                     "mv %0, t6\n mv %1, t5\n"                                 \
                     : "=&r"(s.rounds), "=&r"(s.at)                            \
                     : "r"(value), "r"(&MSIP), "m"(scratch)                    \
                     : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");    \
        return s;                                                              \
    }
#define TIMER "csrw 0x14d, %2\n"
#define POST  "sw %2, 0(%3)\n"
DEFINE(timer_long, TIMER, LOOP_LONG)
DEFINE(timer_tight, TIMER, LOOP_TIGHT)
DEFINE(timer_indirect, TIMER, LOOP_INDIRECT)
DEFINE(timer_calls, TIMER, LOOP_CALLS)
DEFINE(timer_slow, TIMER, LOOP_SLOW)
DEFINE(post_long, POST, LOOP_LONG)
DEFINE(post_tight, POST, LOOP_TIGHT)
DEFINE(post_indirect, POST, LOOP_INDIRECT)
DEFINE(post_calls, POST, LOOP_CALLS)

static Seen (*const timers[])(xlen_t) = { timer_long, timer_tight,
                                          timer_indirect, timer_calls,
                                          timer_slow };
static Seen (*const posts[])(xlen_t) = { post_long, post_tight, post_indirect,
                                         post_calls };
enum {
    TIMERS = sizeof(timers) / sizeof(timers[0]),
    POSTS = sizeof(posts) / sizeof(posts[0])
};

/* As check(), whose end is a trap. */
#define check_here(cond)                                                       \
    do {                                                                       \
        if (!(cond)) {                                                         \
            csr_write("mtvec", first_mtvec);                                   \
            exit_with(__LINE__);                                               \
        }                                                                      \
    } while (0)
static xlen_t first_mtvec;

static uint64_t late_by(unsigned way, unsigned ticks)
{
    uint64_t deadline;
    Seen s;

    csr_write("mie", 1 << STI);
    deadline = csr_read("time") + ticks;
    s = timers[way](deadline);
    csr_write("0x14d", -1);
    check_here(s.at >= deadline); /* and never early */
    return s.at - deadline;
}

#ifdef ICOUNT_SHIFT
/* An instruction takes 2^shift ns, a tick of time 100: so the trap and its
 * first instruction lie within one instruction of the deadline, and reading
 * rounds down. */
static void timers_are_exact(void)
{
    enum { INSN_TICKS = ((1 << ICOUNT_SHIFT) + 99) / 100 };

    for (unsigned n = 0; n < 40; n++) {
        check_here(late_by(n % TIMERS, 2000 + n * 777) <= INSN_TICKS);
    }
}
#else
static void print(const char *text, uint64_t value)
{
    char digits[20];
    unsigned n = 0;

    while (*text) {
        UART = *text++;
    }
    do {
        digits[n++] = '0' + value % 10;
        value /= 10;
    } while (value);
    while (n) {
        UART = digits[--n];
    }
}

static void tell_how_late(void)
{
    enum { EACH = 9 };

    for (unsigned way = 0; way < TIMERS; way++) {
        uint64_t late[EACH];

        for (unsigned n = 0; n < EACH; n++) {
            uint64_t v = late_by(way, 1000 + n * 37), at;

            for (at = n; at > 0 && late[at - 1] > v; at--) {
                late[at] = late[at - 1];
            }
            late[at] = v;
        }
        print("# loop ", way);
        print(": timer late by, 100 ns: median ", late[EACH / 2]);
        print(", most ", late[EACH - 1]);
        UART = '\n';
    }
}
#endif

int main(void)
{
    csr_write("mie", 0);
    csr_set("0x30a", 1ul << 63); /* menvcfg.STCE */
    csr_write("0x14d", -1);
    first_mtvec = csr_read("mtvec");
    csr_write("mtvec", on_interrupt);
    csr_set("mstatus", MSTATUS_MIE);
    for (unsigned n = 0; n < 40; n++) {
        csr_write("mie", 1 << MSI);
        /* before the first round, in it, or at its jump back */
        check_here(posts[n % POSTS](1).rounds <= 1);
    }
#ifdef ICOUNT_SHIFT
    timers_are_exact();
#else
    tell_how_late();
#endif
    csr_write("mtvec", first_mtvec);
    return 0;
}
