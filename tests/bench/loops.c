/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain C loops for a compiler that vectorises (clang-19 -O3 for rv64gcv_zvfh):
 * what it makes of them is its own choice of LMUL, strips and tails. KERNEL
 * picks one.
 */
#include "kernel.h"

enum { N = 4096, W = 128, SIZE = 48 };
#define NOINLINE __attribute__((noinline))

static uint8_t bytes[N * 4], other[N * 4];
static int16_t halves[N];
static uint32_t words[N], out[N], index_of[N];
static int32_t ints[N], more[N];
static uint64_t longs[N];
static float fx[N * 2], fy[N * 2], fz[N * 2];
static double dx[N], dy[N];
static _Float16 hx[N], hy[N];

static void prepare(void)
{
    static int done;
    uint32_t state = 1;

    if (done) {
        return;
    }
    done = 1;
    for (int i = 0; i < N * 4; i++) {
        bytes[i] = rng(&state);
    }
    for (int i = 0; i < N; i++) {
        halves[i] = rng(&state);
        words[i] = rng(&state);
        index_of[i] = rng(&state) % N;
        ints[i] = rng(&state);
        more[i] = rng(&state) % 1000 + 1;
        longs[i] = rng(&state) * 0x100000001u;
        dx[i] = (int)(rng(&state) % 2000 - 1000) / 16.0;
        dy[i] = (int)(rng(&state) % 2000 - 1000) / 16.0;
        hx[i] = (int)(rng(&state) % 64) / 8.0f;
        hy[i] = (int)(rng(&state) % 64) / 8.0f;
    }
    for (int i = 0; i < N * 2; i++) {
        fx[i] = (int)(rng(&state) % 2000 - 1000) / 16.0f;
        fy[i] = (int)(rng(&state) % 2000 - 1000) / 16.0f;
    }
}

#if KERNEL == 0
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        fz[i] = 0.5f * fx[i] + fy[i];
    }
    return sum_of(fz, 64);
}
BENCH("c_saxpy", 12000, 0x11def5a151ba8d3e)

#elif KERNEL == 1 /* in order: the compiler may not change the sum */
static uint64_t NOINLINE unit(void)
{
    double sum = 0;

    prepare();
    for (int i = 0; i < N; i++) {
        sum += dx[i] * dy[i];
    }
    return mix_double(0, sum);
}
BENCH("c_ddot", 7200, 0x38cd116640000000)

#elif KERNEL == 2
static uint64_t NOINLINE unit(void)
{
    uint32_t sum = 0;

    prepare();
    for (int i = 0; i < N * 4; i++) {
        sum += bytes[i];
    }
    return sum;
}
BENCH("c_sum8", 8000, 0x1fc48d)

#elif KERNEL == 3
static uint64_t NOINLINE unit(void)
{
    int16_t low = INT16_MAX, high = INT16_MIN;

    prepare();
    for (int i = 0; i < N; i++) {
        low = halves[i] < low ? halves[i] : low;
        high = halves[i] > high ? halves[i] : high;
    }
    return (uint64_t)(high - low);
}
BENCH("c_minmax", 174000, 0xfff5)

#elif KERNEL == 4 /* nine neighbours of a picture of 128 x 128 */
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int y = 1; y < W - 1; y++) {
        const uint8_t *a = bytes + y * W;
        uint8_t *d = other + y * W;

        for (int x = 1; x < W - 1; x++) {
            unsigned sum = a[x - W - 1] + 2 * a[x - W] + a[x - W + 1] +
                           2 * a[x - 1] + 4 * a[x] + 2 * a[x + 1] +
                           a[x + W - 1] + 2 * a[x + W] + a[x + W + 1];

            d[x] = (sum + 8) >> 4;
        }
    }
    return sum_of(other + W, W * 8);
}
BENCH("c_blur", 800, 0x26ace7975cc3cc3a)

#elif KERNEL == 5
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        other[i] = (77 * bytes[3 * i] + 150 * bytes[3 * i + 1] +
                    29 * bytes[3 * i + 2]) >>
                   8;
    }
    return sum_of(other, N);
}
BENCH("c_grey", 23000, 0xb9ea9de21ce19390)

#elif KERNEL == 6 /* bytes to sums of 32 bits, 48 x 48 */
static uint64_t NOINLINE unit(void)
{
    const int8_t *a = (const int8_t *)bytes, *b = a + SIZE * SIZE;

    prepare();
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            int32_t sum = 0;

            for (int k = 0; k < SIZE; k++) {
                sum += a[i * SIZE + k] * b[j * SIZE + k];
            }
            ints[i * SIZE + j] = sum;
        }
    }
    return sum_of(ints, SIZE * SIZE * 4);
}
BENCH("c_matmul8", 800, 0x69b8c6077b98ad83)

#elif KERNEL == 7
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        float ar = fx[2 * i], ai = fx[2 * i + 1];
        float br = fy[2 * i], bi = fy[2 * i + 1];

        fz[2 * i] = ar * br - ai * bi;
        fz[2 * i + 1] = ar * bi + ai * br;
    }
    return sum_of(fz, 4096);
}
BENCH("c_cmul", 3300, 0xf2f640cc687c5f5)

#elif KERNEL == 8
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N * 4; i++) {
        other[i] = bytes[i] ^ 0x5a;
    }
    return sum_of(other, 4096);
}
BENCH("c_xor", 55000, 0xa26b626d69da7396)

#elif KERNEL == 9
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        out[i] = words[index_of[i]];
    }
    return sum_of(out, 4096);
}
BENCH("c_gather", 9000, 0xce1151dbe1fb7a72)

#elif KERNEL == 10
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        float v = fx[i] * 1.5f;

        v = v < -50 ? -50 : v;
        fz[i] = v > 60 ? 60 : v;
    }
    return sum_of(fz, 4096);
}
BENCH("c_clamp", 11000, 0xd0d605435bf50a52)

#elif KERNEL == 11
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        out[i] = ints[i] / more[i];
    }
    return sum_of(out, 4096);
}
BENCH("c_div", 28000, 0x33e976b168b141a6)

#elif KERNEL == 12
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N * 2; i++) {
        other[i] = (bytes[i] + bytes[i + N * 2] + 1) >> 1;
    }
    return sum_of(other, 4096);
}
BENCH("c_average", 20000, 0x7c387559256a058e)

#elif KERNEL == 13
static uint64_t NOINLINE unit(void)
{
    uint64_t sum = 0;

    prepare();
    for (int i = 0; i < N; i++) {
        sum += (uint64_t)__builtin_popcountll(longs[i]);
    }
    return sum;
}
BENCH("c_popcount", 40000, 0x200ec)

#elif KERNEL == 14
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < 64; i++) {
        for (int j = 0; j < 64; j++) {
            fz[i * 64 + j] = fx[j * 64 + i];
        }
    }
    return sum_of(fz, N * 4);
}
BENCH("c_turn", 11000, 0x6476f917845d89bb)

#elif KERNEL == 15
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        if (ints[i] > more[i]) {
            out[i] = ints[i] * 3;
        }
    }
    return sum_of(out, 4096);
}
BENCH("c_where", 14000, 0x3a29ebc585225a5f)

#elif KERNEL == 16
static uint64_t NOINLINE unit(void)
{
    uint64_t sum = 0;

    prepare();
    for (int i = 0; i < N; i++) {
        uint64_t v = longs[i] * 0x9e3779b97f4a7c15u;

        v ^= v >> 29;
        sum += v << 7;
    }
    return sum;
}
BENCH("c_hash64", 51000, 0xc47d5ddc87d2fa80)

#elif KERNEL == 17
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        ints[i] = (int32_t)(dx[i] * 7.25);
        fz[i] = (float)more[i];
    }
    return sum_of(ints, 4096) ^ sum_of(fz, 4096);
}
BENCH("c_convert", 5000, 0xbc0b7353ff1ee5c)

#elif KERNEL == 18
static uint64_t NOINLINE unit(void)
{
    static _Float16 hz[N];

    prepare();
    for (int i = 0; i < N; i++) {
        hz[i] = (_Float16)0.5f * hx[i] + hy[i];
    }
    return sum_of(hz, 4096);
}
BENCH("c_haxpy", 4700, 0x6c537186328631a6)

#elif KERNEL == 19
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        fz[i] = __builtin_sqrtf(fx[i] * fx[i] + fy[i] * fy[i]);
    }
    return sum_of(fz, 4096);
}
BENCH("c_sqrt", 14000, 0x5f1aece0760e7922)

#elif KERNEL == 20 /* short loops: the rest is scalar, or below VLMAX */
static void NOINLINE add_all(int32_t *d, const int32_t *a, int n)
{
    for (int i = 0; i < n; i++) {
        d[i] += a[i];
    }
}

static uint64_t NOINLINE unit(void)
{
    prepare();
    memset(out, 0, sizeof(out));
    for (int n = 1; n < 100; n++) {
        add_all((int32_t *)out + 3 * n, more + n, n);
    }
    return sum_of(out, 1024);
}
BENCH("c_short", 23000, 0x59f616d3d395f7ca)

#elif KERNEL == 21
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        out[i] = words[N - 1 - i];
    }
    return sum_of(out, 4096);
}
BENCH("c_reverse", 33000, 0x7fbce92aa399406b)

#elif KERNEL == 22
static uint64_t NOINLINE unit(void)
{
    int n = 0;

    prepare();
    for (int i = 0; i < N * 4; i++) {
        n += bytes[i] == 10;
    }
    return (uint64_t)n;
}
BENCH("c_count", 5300, 0x41)

#elif KERNEL ==                                                                \
    23 /* prices of options: a polynomial in floats, with division */
static uint64_t NOINLINE unit(void)
{
    prepare();
    for (int i = 0; i < N; i++) {
        float x = fx[i] * 0.01f, t = 1.0f / (1.0f + 0.33f * x * x);

        fz[i] = t * (0.31f + t * (-0.35f + t * (1.78f + t * -1.82f)));
    }
    return sum_of(fz, 4096);
}
BENCH("c_poly", 6200, 0xcfd10fdca361ece6)
#endif
