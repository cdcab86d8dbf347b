/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector loops for the V extension 1.0, any VLEN. KERNEL picks one.
 */
#include "kernel.h"

enum { N = 4096 };

static uint8_t bytes[N * 4] __attribute__((aligned(64)));
static uint8_t other[N * 4] __attribute__((aligned(64)));
static float fx[N], fy[N];
static double dx[N], dy[N];
static uint16_t hx[N], hy[N];

static void prepare(void)
{
    static int done;
    uint32_t state = 1;

    if (done) {
        return;
    }
    done = 1;
    for (int i = 0; i < N * 4; i++) {
        bytes[i] = rng(&state) % 255 + 1;
    }
    for (int i = 0; i < N; i++) {
        fx[i] = (int)(rng(&state) % 2000 - 1000) / 16.0f;
        dx[i] = fx[i];
        dy[i] = (int)(rng(&state) % 2000 - 1000) / 16.0;
        hx[i] = 0x3c00 + rng(&state) % 1024;
    }
}

#if KERNEL == 0 /* copy 16 KiB, m8 */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes);
    const void *a = bytes;
    void *d = other;

    prepare();
    asm volatile("1: vsetvli t0, %[n], e8, m8, ta, ma\n"
                 "vle8.v v0, (%[a])\nadd %[a], %[a], t0\n"
                 "vse8.v v0, (%[d])\nadd %[d], %[d], t0\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)::"t0", "memory");
    return other[77];
}
BENCH("v_memcpy", 20000, 0xe8)

#elif KERNEL == 1 /* y = a x + y in single precision */
static uint64_t unit(void)
{
    size_t n = N;
    const float *x = fx;
    float *y = fy, a = 0.5f;

    prepare();
    memset(fy, 0, sizeof(fy));
    asm volatile("1: vsetvli t0, %[n], e32, m8, ta, ma\n"
                 "vle32.v v0, (%[x])\nslli t1, t0, 2\nadd %[x], %[x], t1\n"
                 "vle32.v v8, (%[y])\nvfmacc.vf v8, %[c], v0\n"
                 "vse32.v v8, (%[y])\nadd %[y], %[y], t1\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [x] "+r"(x), [y] "+r"(y)
                 : [c] "f"(a)
                 : "t0", "t1", "memory");
    return sum_of(fy, 64);
}
BENCH("v_saxpy", 10000, 0x2eee2c5193c9d1b6)

#elif KERNEL == 2 /* dot product in double precision */
static uint64_t unit(void)
{
    size_t n = N;
    const double *x = dx, *y = dy;
    double r;

    prepare();
    asm volatile("vsetvli t0, x0, e64, m4, ta, ma\nvmv.v.i v16, 0\n"
                 "1: vsetvli t0, %[n], e64, m4, tu, ma\n"
                 "vle64.v v0, (%[x])\nslli t1, t0, 3\nadd %[x], %[x], t1\n"
                 "vle64.v v8, (%[y])\nadd %[y], %[y], t1\n"
                 "vfmacc.vv v16, v0, v8\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 "vsetvli t0, x0, e64, m4, ta, ma\nvmv.s.x v8, x0\n"
                 "vfredusum.vs v8, v16, v8\nvfmv.f.s %[r], v8\n"
                 : [n] "+r"(n), [x] "+r"(x), [y] "+r"(y), [r] "=f"(r)::"t0",
                   "t1", "memory");
    return mix_double(0, r);
}
BENCH("v_ddot", 6000, 0x7d367b36c0000000)

#elif KERNEL == 3 /* saturating sum of signed bytes */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes);
    const uint8_t *a = bytes;
    uint8_t *d = other;

    prepare();
    asm volatile("1: vsetvli t0, %[n], e8, m4, ta, ma\n"
                 "vle8.v v0, (%[a])\nvrsub.vi v8, v0, 7\n"
                 "vsadd.vv v8, v8, v0\nadd %[a], %[a], t0\n"
                 "vse8.v v8, (%[d])\nadd %[d], %[d], t0\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)::"t0", "memory");
    return sum_of(other, 256);
}
BENCH("v_sadd8", 6000, 0x5edc498b432859a1)

#elif KERNEL == 4 /* strlen by fault-only-first loads */
static uint64_t unit(void)
{
    const uint8_t *a = bytes;
    long found, vl;

    prepare();
    bytes[sizeof(bytes) - 1] = 0;
    asm volatile("1: vsetvli t0, x0, e8, m8, ta, ma\n"
                 "vle8ff.v v8, (%[a])\ncsrr %[vl], vl\n"
                 "vmseq.vi v0, v8, 0\nvfirst.m %[f], v0\n"
                 "add %[a], %[a], %[vl]\nbltz %[f], 1b\n"
                 : [a] "+r"(a), [f] "=&r"(found), [vl] "=&r"(vl)::"t0",
                   "memory");
    return a - vl + found - bytes;
}
BENCH("v_strlen", 20000, 0x3fff)

#elif KERNEL == 5 /* RGB to grey: segment loads, widening products */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes) / 3;
    const uint8_t *a = bytes;
    uint8_t *d = other;

    prepare();
    asm volatile("1: vsetvli t0, %[n], e8, m2, ta, ma\n"
                 "vlseg3e8.v v0, (%[a])\nadd %[a], %[a], t0\n"
                 "add %[a], %[a], t0\nadd %[a], %[a], t0\n"
                 "vwmulu.vx v8, v0, %[r]\nvwmaccu.vx v8, %[g], v2\n"
                 "vwmaccu.vx v8, %[b], v4\nvnsrl.wi v12, v8, 8\n"
                 "vse8.v v12, (%[d])\nadd %[d], %[d], t0\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)
                 : [r] "r"(77l), [g] "r"(150l), [b] "r"(29l)
                 : "t0", "memory");
    return sum_of(other, 256);
}
BENCH("v_grey", 4000, 0xc4ca79d72df42d49)

#elif KERNEL == 6 /* 64 x 64 single-precision matrix product */
static uint64_t unit(void)
{
    const long size = 64;

    prepare();
    for (long i = 0; i < size; i++) {
        const float *b = fx, *a = fx + i * size;
        long k = size;
        float t;

        asm volatile("vsetvli t0, %[s], e32, m8, ta, ma\nvmv.v.i v0, 0\n"
                     "vmv.v.i v8, 0\n"
                     "1: flw %[t], 0(%[a])\naddi %[a], %[a], 4\n"
                     "vle32.v v16, (%[b])\nvfmacc.vf v0, %[t], v16\n"
                     "addi t1, %[b], 128\nvle32.v v24, (t1)\n"
                     "vfmacc.vf v8, %[t], v24\naddi %[b], %[b], 256\n"
                     "addi %[k], %[k], -1\nbnez %[k], 1b\n"
                     "vse32.v v0, (%[d])\naddi t1, %[d], 128\n"
                     "vse32.v v8, (t1)\n"
                     : [a] "+r"(a), [b] "+r"(b), [k] "+r"(k), [t] "=&f"(t)
                     : [s] "r"(32l), [d] "r"(fy + i * size)
                     : "t0", "t1", "memory");
    }
    return sum_of(fy, sizeof(fy));
}
BENCH("v_matmul", 500, 0x42df3160d1512e70)

#elif KERNEL == 7 /* sum of the words above a limit, masked */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes) / 4;
    const uint8_t *a = bytes;
    uint64_t r;

    prepare();
    asm volatile("vsetvli t0, x0, e32, m4, ta, ma\nvmv.v.i v16, 0\n"
                 "1: vsetvli t0, %[n], e32, m4, tu, mu\n"
                 "vle32.v v8, (%[a])\nslli t1, t0, 2\nadd %[a], %[a], t1\n"
                 "vmsgt.vx v0, v8, x0\nvadd.vv v16, v16, v8, v0.t\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 "vsetvli t0, x0, e32, m4, ta, ma\nvmv.s.x v8, x0\n"
                 "vredsum.vs v8, v16, v8\nvmv.x.s %[r], v8\n"
                 : [n] "+r"(n), [a] "+r"(a), [r] "=r"(r)::"t0", "t1", "memory");
    return r;
}
BENCH("v_condsum", 6000, 0x62ca48a1)

#elif KERNEL == 8 /* y = a x + y in half precision */
static uint64_t unit(void)
{
    size_t n = N;
    const uint16_t *x = hx;
    uint16_t *y = hy;

    prepare();
    memset(hy, 0, sizeof(hy));
    asm volatile("fmv.w.x ft0, %[c]\n"
                 "1: vsetvli t0, %[n], e16, m4, ta, ma\n"
                 "vle16.v v0, (%[x])\nslli t1, t0, 1\nadd %[x], %[x], t1\n"
                 "vle16.v v8, (%[y])\nvfmacc.vf v8, ft0, v0\n"
                 "vse16.v v8, (%[y])\nadd %[y], %[y], t1\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [x] "+r"(x), [y] "+r"(y)
                 : [c] "r"(0xffff3800)
                 : "t0", "t1", "ft0", "memory");
    return sum_of(hy, 256);
}
BENCH("v_haxpy", 2000, 0x728607fd6854fc51)
#elif KERNEL == 9 /* many short copies: vl below VLMAX */
static uint64_t unit(void)
{
    prepare();
    for (long len = 1; len < 120; len++) {
        const uint8_t *a = bytes + 3 * len;
        uint8_t *d = other + 120 * len;
        size_t n = len;

        asm volatile("1: vsetvli t0, %[n], e8, m8, ta, ma\n"
                     "vle8.v v0, (%[a])\nadd %[a], %[a], t0\n"
                     "vse8.v v0, (%[d])\nadd %[d], %[d], t0\n"
                     "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                     : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)::"t0", "memory");
    }
    return sum_of(other, 120 * 120);
}
BENCH("v_short", 40000, 0x5d9a37fe8dfb54d5)

#elif KERNEL == 10 /* strcmp of equal strings */
static uint64_t unit(void)
{
    const uint8_t *a = bytes, *b = other;
    long found, vl;

    prepare();
    if (other[0] != bytes[0]) {
        bytes[sizeof(bytes) - 1] = 0;
        memcpy(other, bytes, sizeof(bytes));
    }
    asm volatile(
        "1: vsetvli t0, x0, e8, m4, ta, ma\n"
        "vle8ff.v v8, (%[a])\nvle8ff.v v16, (%[b])\n"
        "vmseq.vi v0, v8, 0\nvmsne.vv v1, v8, v16\n"
        "vmor.mm v0, v0, v1\nvfirst.m %[f], v0\ncsrr %[vl], vl\n"
        "add %[a], %[a], %[vl]\nadd %[b], %[b], %[vl]\n"
        "bltz %[f], 1b\n"
        : [a] "+r"(a), [b] "+r"(b), [f] "=&r"(found), [vl] "=&r"(vl)::"t0",
          "memory");
    return a - vl + found - bytes;
}
BENCH("v_strcmp", 10000, 0x3fff)

#elif KERNEL == 11 /* dot product of bytes, sums of 32 bits */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes) / 2;
    const uint8_t *a = bytes, *b = bytes + n;
    uint64_t r;

    prepare();
    asm volatile("vsetvli t0, x0, e32, m8, ta, ma\nvmv.v.i v24, 0\n"
                 "1: vsetvli t0, %[n], e8, m2, ta, ma\n"
                 "vle8.v v0, (%[a])\nvle8.v v2, (%[b])\n"
                 "vwmul.vv v8, v0, v2\nadd %[a], %[a], t0\n"
                 "vsetvli x0, x0, e16, m4, tu, ma\nadd %[b], %[b], t0\n"
                 "vwadd.wv v24, v24, v8\nsub %[n], %[n], t0\n"
                 "bnez %[n], 1b\n"
                 "vsetvli t0, x0, e32, m8, ta, ma\nvmv.s.x v8, x0\n"
                 "vredsum.vs v8, v24, v8\nvmv.x.s %[r], v8\n"
                 : [n] "+r"(n), [a] "+r"(a), [b] "+r"(b), [r] "=r"(r)::"t0",
                   "memory");
    return r;
}
BENCH("v_dot8", 20000, 0x5b141)

#elif KERNEL == 12 /* 64 x 64 words turned by strided loads */
static uint64_t unit(void)
{
    const long size = 64;

    prepare();
    for (long i = 0; i < size; i++) {
        const float *a = fx + i;
        float *d = fy + i * size;
        size_t n = size;

        asm volatile("1: vsetvli t0, %[n], e32, m4, ta, ma\n"
                     "vlse32.v v8, (%[a]), %[s]\nslli t1, t0, 8\n"
                     "add %[a], %[a], t1\nslli t1, t0, 2\n"
                     "vse32.v v8, (%[d])\nadd %[d], %[d], t1\n"
                     "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                     : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)
                     : [s] "r"(size * 4)
                     : "t0", "t1", "memory");
    }
    return sum_of(fy, sizeof(fy));
}
BENCH("v_turn", 8000, 0xc7337015605133e9)

#elif KERNEL == 13 /* words from a table by indexes */
static uint64_t unit(void)
{
    size_t n = N;
    const uint8_t *a = bytes;
    uint32_t *d = (uint32_t *)fy;

    prepare();
    asm volatile("1: vsetvli t0, %[n], e32, m4, ta, ma\n"
                 "vle8.v v0, (%[a])\nadd %[a], %[a], t0\n"
                 "vzext.vf4 v8, v0\nvsll.vi v8, v8, 2\n"
                 "vluxei32.v v16, (%[t]), v8\nslli t1, t0, 2\n"
                 "vse32.v v16, (%[d])\nadd %[d], %[d], t1\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)
                 : [t] "r"(fx)
                 : "t0", "t1", "memory");
    return sum_of(fy, sizeof(fy));
}
BENCH("v_lookup", 12000, 0xd62c3f3feebbac88)

#elif KERNEL == 14 /* running sums by slides */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes) / 4;
    const uint8_t *a = bytes;
    uint8_t *d = other;
    uint64_t sum = 0;

    prepare();
    asm volatile("1: vsetvli t0, %[n], e32, m1, ta, ma\n"
                 "vle32.v v8, (%[a])\nadd %[a], %[a], 16\n"
                 "vmv.v.i v9, 0\nvslideup.vi v9, v8, 1\nvadd.vv v8, v8, v9\n"
                 "vmv.v.i v9, 0\nvslideup.vi v9, v8, 2\nvadd.vv v8, v8, v9\n"
                 "vadd.vx v8, v8, %[s]\nvse32.v v8, (%[d])\n"
                 "vslidedown.vi v9, v8, 3\nvmv.x.s %[s], v9\n"
                 "add %[d], %[d], 16\nsub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d), [s] "+r"(sum)::"t0",
                   "memory");
    return sum_of(other, sizeof(other));
}
BENCH("v_prefix", 9000, 0x9b6fc08c96063b43)

#elif KERNEL == 15 /* a filter of three taps, rounded and cut to bytes */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes) - 64;
    const uint8_t *a = bytes;
    uint8_t *d = other;

    prepare();
    asm volatile("csrwi vxrm, 0\n"
                 "1: vsetvli t0, %[n], e8, m2, ta, ma\n"
                 "vle8.v v0, (%[a])\nlbu t1, 32(%[a])\n"
                 "lbu t2, 33(%[a])\nvslide1down.vx v2, v0, t1\n"
                 "vslide1down.vx v4, v2, t2\nvwmulu.vx v8, v0, %[p]\n"
                 "vwmaccu.vx v8, %[q], v2\nvwmaccu.vx v8, %[p], v4\n"
                 "vnclipu.wi v0, v8, 7\nadd %[a], %[a], t0\n"
                 "vse8.v v0, (%[d])\nadd %[d], %[d], t0\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)
                 : [p] "r"(40l), [q] "r"(60l)
                 : "t0", "t1", "t2", "memory");
    return sum_of(other, sizeof(other) - 64);
}
BENCH("v_filter", 4000, 0xd982b9ed1020e6fc)

#elif KERNEL == 16 /* cut to a range, scale the negative ones, to integers */
static uint64_t unit(void)
{
    size_t n = N;
    const float *x = fx;
    float *y = fy, low = -50, high = 60, scale = 0.125f;

    prepare();
    asm volatile("1: vsetvli t0, %[n], e32, m4, ta, mu\n"
                 "vle32.v v8, (%[x])\nslli t1, t0, 2\nadd %[x], %[x], t1\n"
                 "vfmax.vf v8, v8, %[l]\nvfmin.vf v8, v8, %[h]\n"
                 "vmflt.vf v0, v8, %[z]\nvfmul.vf v8, v8, %[s], v0.t\n"
                 "vfcvt.x.f.v v12, v8\nvfsub.vv v8, v8, v8\n"
                 "vmerge.vim v12, v12, 5, v0\nvse32.v v12, (%[y])\n"
                 "add %[y], %[y], t1\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [x] "+r"(x), [y] "+r"(y)
                 : [l] "f"(low), [h] "f"(high), [s] "f"(scale), [z] "f"(0.0f)
                 : "t0", "t1", "memory");
    return sum_of(fy, sizeof(fy));
}
BENCH("v_clamp", 2000, 0xe9b6f2448220aeb5)

#elif KERNEL == 17 /* red and blue change places: segments in and out */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes) / 3;
    const uint8_t *a = bytes;
    uint8_t *d = other;

    prepare();
    asm volatile("1: vsetvli t0, %[n], e8, m2, ta, ma\n"
                 "vlseg3e8.v v0, (%[a])\nslli t1, t0, 1\nadd t1, t1, t0\n"
                 "add %[a], %[a], t1\nvmv2r.v v6, v0\nvmv2r.v v8, v2\n"
                 "vmv2r.v v10, v4\nvmv2r.v v2, v8\nvmv2r.v v0, v10\n"
                 "vmv2r.v v4, v6\nvsseg3e8.v v0, (%[d])\n"
                 "add %[d], %[d], t1\nsub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)::"t0", "t1", "memory");
    return sum_of(other, sizeof(other) / 3 * 3);
}
BENCH("v_bgr", 12000, 0xd1b2751f816f91d7)

#elif KERNEL == 18 /* complex products: segments of doubles */
static uint64_t unit(void)
{
    size_t n = N / 2;
    const double *x = dx, *y = dy;
    double *d = (double *)bytes;

    prepare();
    n = 1024;
    asm volatile("1: vsetvli t0, %[n], e64, m2, ta, ma\n"
                 "vlseg2e64.v v0, (%[x])\nvlseg2e64.v v4, (%[y])\n"
                 "slli t1, t0, 4\nadd %[x], %[x], t1\nadd %[y], %[y], t1\n"
                 "vfmul.vv v8, v0, v4\nvfmul.vv v10, v0, v6\n"
                 "vfnmsac.vv v8, v2, v6\nvfmacc.vv v10, v2, v4\n"
                 "vsseg2e64.v v8, (%[d])\nadd %[d], %[d], t1\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [x] "+r"(x), [y] "+r"(y), [d] "+r"(d)::"t0",
                   "t1", "memory");
    return sum_of(bytes, 16384);
}
BENCH("v_cmul", 12000, 0x65b6cb1ac370eb0c)

#elif KERNEL == 19 /* bytes kept where a table says so */
static uint64_t unit(void)
{
    size_t n = sizeof(bytes);
    const uint8_t *a = bytes;
    uint8_t *d = other;

    prepare();
    asm volatile("1: vsetvli t0, %[n], e8, m1, ta, ma\n"
                 "vle8.v v8, (%[a])\nadd %[a], %[a], t0\n"
                 "vand.vi v9, v8, 15\nvrgather.vv v10, v8, v9\n"
                 "vmsgtu.vi v0, v10, 15\nvcompress.vm v11, v10, v0\n"
                 "vcpop.m t1, v0\nvse8.v v11, (%[d])\nadd %[d], %[d], t1\n"
                 "sub %[n], %[n], t0\nbnez %[n], 1b\n"
                 : [n] "+r"(n), [a] "+r"(a), [d] "+r"(d)::"t0", "t1", "memory");
    return d - other;
}
BENCH("v_pack", 6000, 0x3c75)
#endif
