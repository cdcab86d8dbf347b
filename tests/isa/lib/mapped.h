/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A few pages at VA under Sv32 or Sv39 (Priv 10.3, 10.4): map() them, then
 * translate(). The program runs in M-mode and reaches them by MPRV, with
 * MPP = U.
 */
#ifndef MAPPED_H
#define MAPPED_H

#include "isa.h"

#define TABLE __attribute__((aligned(4096)))
#define PAGE  4096ul
#define VA    0x40000000ul

/* bits of a PTE */
enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128 };

static volatile xlen_t root[1024] TABLE, mid[1024] TABLE, low[1024] TABLE;

static inline void fence(void)
{
    asm volatile("sfence.vma" ::: "memory");
}

/* The @n-th page from VA on is @page, with the PTE's low bits @flags. */
static inline void map_page(unsigned n, const volatile void *page, xlen_t flags)
{
    low[n] = (xlen_t)page >> 12 << 10 | flags;
    fence();
}

static inline void translate(void)
{
#if __riscv_xlen == 32
    root[VA >> 22] = (xlen_t)low >> 12 << 10 | V;
    csr_write("satp", 1ul << 31 | (xlen_t)root >> 12);
#else
    root[VA >> 30] = (xlen_t)mid >> 12 << 10 | V;
    mid[0] = (xlen_t)low >> 12 << 10 | V;
    csr_write("satp", 8ul << 60 | (xlen_t)root >> 12);
#endif
    csr_clear("mstatus", MSTATUS_MPP);
    fence();
}

#endif
