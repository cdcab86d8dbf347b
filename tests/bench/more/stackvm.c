/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stack machine by switch, and the same program by labels as values. */
#include "bench.h"

enum { PUSH, LOAD, STORE, ADD, SUB, MUL, LESS, JZ, JMP, DUP, XOR, SHR, HALT };

/* for (i = 0, s = 1; i < 4000; i++) { s = (s * 3 + i) ^ (s >> 5); } */
static const int32_t program[] = {
    PUSH, 0,    STORE, 0,    PUSH, 1,   STORE, 1,    LOAD, 0,   PUSH,
    4000, LESS, JZ,    43,   LOAD, 1,   DUP,   PUSH, 3,    MUL, LOAD,
    0,    ADD,  STORE, 2,    PUSH, 5,   SHR,   LOAD, 2,    XOR, STORE,
    1,    LOAD, 0,     PUSH, 1,    ADD, STORE, 0,    JMP,  8,   HALT,
};

static uint32_t by_switch(void)
{
    uint32_t stack[16], var[4] = { 0 };
    const int32_t *pc = program;
    uint32_t *sp = stack;

    for (;;) {
        switch (*pc++) {
        case PUSH:
            *sp++ = *pc++;
            break;
        case LOAD:
            *sp++ = var[*pc++];
            break;
        case STORE:
            var[*pc++] = *--sp;
            break;
        case ADD:
            sp--;
            sp[-1] += *sp;
            break;
        case SUB:
            sp--;
            sp[-1] -= *sp;
            break;
        case MUL:
            sp--;
            sp[-1] *= *sp;
            break;
        case LESS:
            sp--;
            sp[-1] = sp[-1] < *sp;
            break;
        case XOR:
            sp--;
            sp[-1] ^= *sp;
            break;
        case SHR:
            sp--;
            sp[-1] >>= *sp;
            break;
        case DUP:
            *sp = sp[-1];
            sp++;
            break;
        case JZ:
            pc = *--sp ? pc + 1 : program + *pc;
            break;
        case JMP:
            pc = program + *pc;
            break;
        default:
            return var[1];
        }
    }
}

static uint32_t by_label(void)
{
    static const void *const at[] = {
        &&push, &&load, &&store, &&plus, &&minus, &&times, &&less,
        &&jz,   &&jmp,  &&dup,   &&xor,  &&shr,   &&halt,
    };
    uint32_t stack[16], var[4] = { 0 };
    const int32_t *pc = program;
    uint32_t *sp = stack;

#define NEXT goto *at[*pc++]
    NEXT;
push:
    *sp++ = *pc++;
    NEXT;
load:
    *sp++ = var[*pc++];
    NEXT;
store:
    var[*pc++] = *--sp;
    NEXT;
plus:
    sp--;
    sp[-1] += *sp;
    NEXT;
minus:
    sp--;
    sp[-1] -= *sp;
    NEXT;
times:
    sp--;
    sp[-1] *= *sp;
    NEXT;
less:
    sp--;
    sp[-1] = sp[-1] < *sp;
    NEXT;
    xor : sp--;
    sp[-1] ^= *sp;
    NEXT;
shr:
    sp--;
    sp[-1] >>= *sp;
    NEXT;
dup:
    *sp = sp[-1];
    sp++;
    NEXT;
jz:
    pc = *--sp ? pc + 1 : program + *pc;
    NEXT;
jmp:
    pc = program + *pc;
    NEXT;
halt:
    return var[1];
}

static uint64_t unit(void)
{
    return (uint64_t)by_switch() << 32 | by_label();
}

BENCH("stackvm", 120, 0xf3f0f676f3f0f676)
