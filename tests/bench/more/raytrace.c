/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spheres and rays in float: comparisons, square roots, structures. */
#include "bench.h"

#include <math.h>

typedef struct Vec {
    float x, y, z;
} Vec;

static float dot(Vec a, Vec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
static Vec sub(Vec a, Vec b)
{
    return (Vec){ a.x - b.x, a.y - b.y, a.z - b.z };
}
static Vec mad(Vec a, Vec d, float t)
{
    return (Vec){ a.x + d.x * t, a.y + d.y * t, a.z + d.z * t };
}

static uint64_t unit(void)
{
    static const struct {
        Vec c;
        float r;
    } ball[] = {
        { { 0, 0, 5 }, 1 },  { { 1, 1, 6 }, 1.5f }, { { -2, 0, 7 }, 2 },
        { { 0, -9, 6 }, 8 }, { { 2, -1, 4 }, .5f },
    };
    uint64_t sum = 0;

    for (int y = 0; y < 48; y++) {
        for (int x = 0; x < 64; x++) {
            Vec d = { (x - 32) / 40.0f, (24 - y) / 40.0f, 1 }, o = { 0, 0, 0 };
            float best = 1e9f, shade = 0;
            float n = 1 / sqrtf(dot(d, d));
            d = (Vec){ d.x * n, d.y * n, d.z * n };
            for (int k = 0; k < 5; k++) {
                Vec oc = sub(o, ball[k].c);
                float b = dot(oc, d);
                float disc = b * b - dot(oc, oc) + ball[k].r * ball[k].r;
                if (disc > 0) {
                    float t = -b - sqrtf(disc);
                    if (t > 0.001f && t < best) {
                        Vec p = mad(o, d, t);
                        best = t;
                        shade = (p.y - ball[k].c.y) / ball[k].r;
                    }
                }
            }
            sum = mix(sum, (uint32_t)(int)(shade * 255));
        }
    }
    return sum;
}

BENCH("raytrace", 60, 0x30345f26eb3336ab)
