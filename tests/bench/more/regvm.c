/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A register machine by computed goto: collatz and gcd in bytecode. */
#include "bench.h"

enum { LI, MOV, ADD, SUB, SHR, ANDI, MUL3P1, JZ, JNZ, JLT, JMP, INC, HALT };

static const int8_t code[] = {
    /* 0 */ LI,      0, 1,  0, /* r0 = n */
    /* 4 */ MOV,     1, 0,  0, /* r1 = x */
    /* 8 */ ANDI,    2, 1,  1,
    /* 12 */ JNZ,    2, 24, 0,
    /* 16 */ SHR,    1, 1,  1,
    /* 20 */ JMP,    0, 28, 0,
    /* 24 */ MUL3P1, 1, 1,  0,
    /* 28 */ INC,    3, 1,  0,
    /* 32 */ LI,     4, 2,  0,
    /* 36 */ JLT,    4, 1,  8, /* 2 <= x: again */
    /* 40 */ INC,    0, 1,  0,
    /* 44 */ JLT,    0, 5,  4,
    /* 48 */ HALT,   0, 0,  0,
};

static uint64_t unit(void)
{
    static const void *const go[] = { &&li,   &&mov, &&add, &&sub, &&shr,
                                      &&andi, &&mul, &&jz,  &&jnz, &&jlt,
                                      &&jmp,  &&inc, &&halt };
    uint64_t r[8] = { 0, 0, 0, 0, 0, 1500 };
    const int8_t *p = code;

#define NEXT goto *go[p[0]]
    NEXT;
li:
    r[p[1]] = p[2];
    p += 4;
    NEXT;
mov:
    r[p[1]] = r[p[2]];
    p += 4;
    NEXT;
add:
    r[p[1]] += r[p[2]];
    p += 4;
    NEXT;
sub:
    r[p[1]] -= r[p[2]];
    p += 4;
    NEXT;
shr:
    r[p[1]] = r[p[2]] >> p[3];
    p += 4;
    NEXT;
andi:
    r[p[1]] = r[p[2]] & p[3];
    p += 4;
    NEXT;
mul:
    r[p[1]] = 3 * r[p[2]] + 1;
    p += 4;
    NEXT;
jz:
    p = r[p[1]] == 0 ? code + p[2] : p + 4;
    NEXT;
jnz:
    p = r[p[1]] != 0 ? code + p[2] : p + 4;
    NEXT;
jlt:
    p = r[p[1]] < r[p[2]] ? code + p[3] : p + 4;
    NEXT;
jmp:
    p = code + p[2];
    NEXT;
inc:
    r[p[1]] += p[2];
    p += 4;
    NEXT;
halt:
    return r[3];
}

BENCH("regvm", 20, 0x0000000000016fd6)
