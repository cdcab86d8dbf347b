/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hart without C: targets must be multiples of 4 (Unprivileged 2.5); the
 * exception belongs to the jump, whose link register stays. */
#include "isa.h"

/* @insn at an address, with the link register watched; it must trap there. */
#define MISALIGNED(insn, offset)                                               \
    do {                                                                       \
        xlen_t at_, link_;                                                     \
        trap.cause = -1;                                                       \
        trap.armed = 1;                                                        \
        asm volatile("la t0, 1f\n"                                             \
                     "li ra, 77\n"                                             \
                     "1: " insn "\n"                                           \
                     "mv %0, t0\n"                                             \
                     "mv %1, ra\n"                                             \
                     : "=r"(at_), "=r"(link_)::"t0", "ra", "memory");          \
        check(trap.cause == EXC_INSN_MISALIGNED);                              \
        check(trap.epc == at_ && trap.tval == at_ + (offset));                 \
        check(link_ == 77);                                                    \
    } while (0)

int main(void)
{
    xlen_t x = 1;

    check(!(csr_read("misa") & 1 << 2));
    MISALIGNED(".4byte 0x006000ef", 6);         /* jal ra, . + 6 */
    MISALIGNED(".4byte 0x00000363", 6);         /* beq x0, x0, . + 6 */
    MISALIGNED(".4byte 0x006280e7", 6);         /* jalr ra, 6(t0) */
    asm volatile(".4byte 0x00001363" ::: "ra"); /* bne x0, x0: not taken */
    /* bit 0 of a jalr's target is dropped, not looked at */
    asm volatile("la t0, 1f + 1; jr t0; li %0, 2; 1:" : "+r"(x)::"t0");
    check(x == 1);
    csr_write("mepc", 0x08000002);
    check(csr_read("mepc") == 0x08000000);
    /* 16-bit instructions are illegal */
    trap.cause = -1;
    trap.armed = 1;
    asm volatile("la t0, 1f\n" SX_ " t0, %0\n"
                 ".4byte 0x00010001\n"
                 "1:" ::"m"(trap.resume)
                 : "t0", "memory");
    check(trap.cause == EXC_ILLEGAL);
    return 0;
}
