/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vector.c and loops.c share. Their frame is bench.h of the shared
 * benchmark set: a program repeats unit(), checks what it gives, and prints
 * how long units take.
 */
#ifndef TESTS_BENCH_KERNEL_H
#define TESTS_BENCH_KERNEL_H

#include "bench.h"

/* A mix of the @len / 8 words at @p. */
static uint64_t sum_of(const void *p, size_t len)
{
    const uint64_t *q = p;
    uint64_t sum = 0;

    for (size_t i = 0; i < len / 8; i++) {
        sum = mix(sum, q[i]);
    }
    return sum;
}

#endif
