/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual calls over a mixed array of objects. */
#include "bench.h"

typedef struct Shape Shape;
typedef struct ShapeOps {
    uint32_t (*area)(const Shape *s);
    void (*grow)(Shape *s, uint32_t by);
} ShapeOps;
struct Shape {
    const ShapeOps *ops;
    uint32_t w, h;
};

#define KIND(name, expr, wgrow, hgrow)                                         \
    static uint32_t name##_area(const Shape *s)                                \
    {                                                                          \
        return expr;                                                           \
    }                                                                          \
    static void name##_grow(Shape *s, uint32_t by)                             \
    {                                                                          \
        s->w += wgrow;                                                         \
        s->h ^= hgrow;                                                         \
    }                                                                          \
    static const ShapeOps name = { name##_area, name##_grow };
KIND(rect, s->w * s->h, by, by >> 1)
KIND(tri, s->w * s->h / 2, by + 1, by)
KIND(disc, s->w * s->w * 22 / 7, by * 3, 5)
KIND(line, s->w + s->h, 1, by)

static Shape shapes[512];

static uint64_t unit(void)
{
    static const ShapeOps *const kinds[] = { &rect, &tri, &disc, &line };
    uint32_t seed = 7;
    uint64_t sum = 0;

    for (int i = 0; i < 512; i++) {
        shapes[i] = (Shape){ kinds[rng(&seed) & 3], i, i * 3 };
    }
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 512; i++) {
            shapes[i].ops->grow(&shapes[i], round);
            sum += shapes[i].ops->area(&shapes[i]);
        }
    }
    return sum;
}

BENCH("vtable", 100, 0x00000006ccada1f1)
