/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ISA programs share. A program is main(): 0 passes, else the exit code.
 * check(cond) ends the program with its line number.
 *
 * Traps go to M-mode. TRAPS(insn, cause) runs @insn, which must trap with
 * @cause, and goes on behind it; any other trap ends the program with
 * 1000 + cause. call_in(mode, fn, arg) runs a function in S- or U-mode.
 */
#ifndef ISA_H
#define ISA_H

/* ecall requests, in a7 */
#define CALL_EXIT   0x1e1
#define CALL_RETURN 0x1e2

/* offsets in struct trap, in words of XLEN */
#define TRAP_ARMED  0
#define TRAP_CAUSE  1
#define TRAP_EPC    2
#define TRAP_TVAL   3
#define TRAP_STATUS 4
#define TRAP_RESUME 5
#define TRAP_COUNT  6
#define TRAP_SAVE   7 /* three words */

#define SIFIVE_TEST 0x100000

#if __riscv_xlen == 64
#define LX     ld
#define SX     sd
#define XBYTES 8
#else
#define LX     lw
#define SX     sw
#define XBYTES 4
#endif

#ifdef __ASSEMBLER__

/* clang-format off */
/* Check that a register holds a constant; uses t6. */
.macro check_eq reg, value
    .set case_number, case_number + 1
    li t6, \value
    beq \reg, t6, 1f
    li a0, case_number
    j fail
1:
.endm
.set case_number, 0

.macro pass
    li a0, 0
    ret
.endm
/* clang-format on */

#else

/* the same in asm() */
#if __riscv_xlen == 64
#define LX_ "ld"
#define SX_ "sd"
#else
#define LX_ "lw"
#define SX_ "sw"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned long xlen_t;

enum { PRV_U = 0, PRV_S = 1, PRV_M = 3 };

enum {
    EXC_INSN_MISALIGNED = 0,
    EXC_INSN_ACCESS = 1,
    EXC_ILLEGAL = 2,
    EXC_BREAKPOINT = 3,
    EXC_LOAD_MISALIGNED = 4,
    EXC_LOAD_ACCESS = 5,
    EXC_STORE_MISALIGNED = 6,
    EXC_STORE_ACCESS = 7,
    EXC_ECALL_U = 8,
    EXC_ECALL_S = 9,
    EXC_ECALL_M = 11,
    EXC_INSN_PAGE = 12,
    EXC_LOAD_PAGE = 13,
    EXC_STORE_PAGE = 15,
};

struct trap {
    xlen_t armed, cause, epc, tval, status, resume, count, save[3];
};
extern volatile struct trap trap;  /* of M-mode */
extern volatile struct trap strap; /* of S-mode, when delegated */

void exit_with(xlen_t code) __attribute__((noreturn));
/* Run fn(arg) in @mode with the same stack; gives what it returns. */
xlen_t call_in(int mode, xlen_t (*fn)(xlen_t), xlen_t arg);
/* stvec for delegated traps: as the M-mode handler, in strap. */
void strap_entry(void);

#define check(cond)                                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            exit_with(__LINE__);                                               \
        }                                                                      \
    } while (0)

#define csr_read(csr)                                                          \
    ({                                                                         \
        xlen_t v_;                                                             \
        asm volatile("csrr %0, " csr : "=r"(v_)::"memory");                    \
        v_;                                                                    \
    })
#define csr_write(csr, v)                                                      \
    asm volatile("csrw " csr ", %0" ::"rK"((xlen_t)(v)) : "memory")
#define csr_set(csr, v)                                                        \
    asm volatile("csrs " csr ", %0" ::"rK"((xlen_t)(v)) : "memory")
#define csr_clear(csr, v)                                                      \
    asm volatile("csrc " csr ", %0" ::"rK"((xlen_t)(v)) : "memory")

/* The statement must raise @expected; handled in M-mode (trap). */
#define TRAPS(stmt, expected)                                                  \
    do {                                                                       \
        trap.cause = -1;                                                       \
        trap.armed = 1;                                                        \
        stmt;                                                                  \
        asm volatile("" ::: "memory");                                         \
        check(trap.armed == 0 && trap.cause == (xlen_t)(expected));            \
    } while (0)
/* The same where the trap is delegated to S-mode (strap). */
#define STRAPS(stmt, expected)                                                 \
    do {                                                                       \
        strap.cause = -1;                                                      \
        strap.armed = 1;                                                       \
        stmt;                                                                  \
        asm volatile("" ::: "memory");                                         \
        check(strap.armed == 0 && strap.cause == (xlen_t)(expected));          \
    } while (0)

static inline uint8_t load8(xlen_t a)
{
    uint8_t v;
    asm volatile("lbu %0, 0(%1)" : "=r"(v) : "r"(a) : "memory");
    return v;
}
static inline xlen_t loadx(xlen_t a)
{
    xlen_t v = 0;
#if __riscv_xlen == 64
    asm volatile("ld %0, 0(%1)" : "+r"(v) : "r"(a) : "memory");
#else
    asm volatile("lw %0, 0(%1)" : "+r"(v) : "r"(a) : "memory");
#endif
    return v;
}
static inline void storex(xlen_t a, xlen_t v)
{
#if __riscv_xlen == 64
    asm volatile("sd %0, 0(%1)" ::"r"(v), "r"(a) : "memory");
#else
    asm volatile("sw %0, 0(%1)" ::"r"(v), "r"(a) : "memory");
#endif
}

#define MSTATUS_SIE  (1ul << 1)
#define MSTATUS_MIE  (1ul << 3)
#define MSTATUS_SPIE (1ul << 5)
#define MSTATUS_MPIE (1ul << 7)
#define MSTATUS_SPP  (1ul << 8)
#define MSTATUS_MPP  (3ul << 11)
#define MSTATUS_FS   (3ul << 13)
#define MSTATUS_MPRV (1ul << 17)
#define MSTATUS_SUM  (1ul << 18)
#define MSTATUS_MXR  (1ul << 19)
#define MSTATUS_TVM  (1ul << 20)
#define MSTATUS_TW   (1ul << 21)
#define MSTATUS_TSR  (1ul << 22)

#endif
#endif
