/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors of three floats: lengths, reflections, roots, quadratic equations. */
#include "bench.h"

typedef struct V {
    float x, y, z;
} V;

static V add(V a, V b, float s)
{
    return (V){ a.x + b.x * s, a.y + b.y * s, a.z + b.z * s };
}

static float dot(V a, V b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static V norm(V a)
{
    float l = __builtin_sqrtf(dot(a, a));
    return (V){ a.x / l, a.y / l, a.z / l };
}

static __attribute__((noinline)) float hit(V at, V way, V middle, float radius)
{
    V d = add(at, middle, -1);
    float b = dot(d, way), c = dot(d, d) - radius * radius;
    float under = b * b - c;
    return under < 0 ? -1 : -b - __builtin_sqrtf(under);
}

static uint64_t unit(void)
{
    uint64_t sum = 0;
    V middle = { 0.3f, -0.2f, 5 };
    int hits = 0;

    for (int i = 0; i < 2500; i++) {
        V way = norm((V){ (float)(i % 50) * 0.02f - 0.5f,
                          (float)(i / 50) * 0.02f - 0.5f, 1 });
        float t = hit((V){ 0, 0, 0 }, way, middle, 1.5f);
        if (t > 0) {
            V at = add((V){ 0, 0, 0 }, way, t);
            V out = norm(add(at, middle, -1));
            V back = add(way, out, -2 * dot(way, out));
            sum = mix_double(sum, dot(back, out));
            hits++;
        }
    }
    return mix(sum, hits);
}

BENCH("vec3", 1050, 0x0df085e87e18cb0f)
