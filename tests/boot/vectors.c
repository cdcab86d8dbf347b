/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vectors N: N processes at once, each with its own values in v0 to v31, vl,
 * vtype and vcsr, that others and its own signal handler overwrite. What a
 * Linux guest does with mstatus.VS on switches, signals and returns from them
 * (Linux, Documentation/arch/riscv/vector.rst). Prints VECTORS GOOD or BAD.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_VLENB = 128, ROUNDS = 60, SIGNALS = 6, LOOPS = 20000 };

static unsigned char in[32 * MAX_VLENB], out[32 * MAX_VLENB];
static volatile int signals;

static void spoil(int signal)
{
    asm volatile("csrwi vcsr, 2\n"
                 "vsetvli t0, x0, e8, m8, ta, ma\n"
                 "vmv.v.i v0, -1\nvmv.v.i v8, -1\n"
                 "vmv.v.i v16, -1\nvmv.v.i v24, -1" ::
                     : "t0", "memory");
    signals++;
}

/* Load all, wait, store all; true when vl, vtype and vcsr stayed. */
static int hold(unsigned long vlenb)
{
    unsigned long vl, type, vl_after, type_after, vcsr, count = LOOPS;
    unsigned char *from = in, *to = out;

    asm volatile("vl8re8.v v0, (%[from])\nadd %[from], %[from], %[step]\n"
                 "vl8re8.v v8, (%[from])\nadd %[from], %[from], %[step]\n"
                 "vl8re8.v v16, (%[from])\nadd %[from], %[from], %[step]\n"
                 "vl8re8.v v24, (%[from])\ncsrwi vcsr, 5\n"
                 "vsetivli %[vl], 5, e16, m2, tu, mu\ncsrr %[type], vtype\n"
                 "1: addi %[count], %[count], -1\nbnez %[count], 1b\n"
                 "csrr %[vl_after], vl\ncsrr %[type_after], vtype\n"
                 "csrr %[vcsr], vcsr\n"
                 "vs8r.v v0, (%[to])\nadd %[to], %[to], %[step]\n"
                 "vs8r.v v8, (%[to])\nadd %[to], %[to], %[step]\n"
                 "vs8r.v v16, (%[to])\nadd %[to], %[to], %[step]\n"
                 "vs8r.v v24, (%[to])"
                 : [from] "+&r"(from), [to] "+&r"(to), [vl] "=&r"(vl),
                   [type] "=&r"(type), [vl_after] "=&r"(vl_after),
                   [type_after] "=&r"(type_after), [vcsr] "=&r"(vcsr),
                   [count] "+&r"(count)
                 : [step] "r"(8 * vlenb)
                 : "memory");
    return vl == vl_after && type == type_after && vcsr == 5;
}

/* Exit status of one process. */
static int run(int which)
{
    struct sigaction action = { .sa_handler = spoil };
    struct itimerval timer = { { 0, 2000 + 137 * which }, { 0, 2000 } };
    unsigned long vlenb;

    asm volatile("csrr %0, vlenb" : "=r"(vlenb));
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int r = 0; r < ROUNDS || signals < SIGNALS; r++) {
        for (unsigned i = 0; i < 32 * vlenb; i++) {
            in[i] = i * 7 + r * 3 + which * 51;
        }
        if (!hold(vlenb) || memcmp(in, out, 32 * vlenb) != 0) {
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    int n = argc == 2 ? atoi(argv[1]) : 1, bad = 0, status;

    for (int i = 0; i < n; i++) {
        if (fork() == 0) {
            _exit(run(i));
        }
    }
    for (int i = 0; i < n; i++) {
        bad |= wait(&status) < 0 || status != 0;
    }
    printf("VECTORS %s\n", bad ? "BAD" : "GOOD");
    return bad;
}
