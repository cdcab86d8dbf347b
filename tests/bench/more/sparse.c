/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conjugate gradients on a sparse matrix; steps of an ODE (Runge-Kutta). */
#include "bench.h"

#define N    400
#define EACH 7

static int column[N * EACH];
static double value[N * EACH], x[N], r[N], p[N], q[N];

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < N; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static double lorenz(int steps)
{
    double u[3] = { 1, 1, 1 }, k[4][3];
    const double h = 0.01, part[4] = { 0, 0.5, 0.5, 1 };

    for (int n = 0; n < steps; n++) {
        for (int s = 0; s < 4; s++) {
            double w[3];
            for (int i = 0; i < 3; i++) {
                w[i] = u[i] + (s ? h * part[s] * k[s - 1][i] : 0);
            }
            k[s][0] = 10 * (w[1] - w[0]);
            k[s][1] = w[0] * (28 - w[2]) - w[1];
            k[s][2] = w[0] * w[1] - 8.0 / 3 * w[2];
        }
        for (int i = 0; i < 3; i++) {
            u[i] += h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
        }
    }
    return u[0] + u[1] + u[2];
}

static uint64_t unit(void)
{
    uint32_t seed = 21;

    for (int i = 0; i < N; i++) {
        for (int k = 0; k < EACH; k++) {
            column[i * EACH + k] = k == 0 ? i : (int)(rng(&seed) % N);
            value[i * EACH + k] = k == 0 ? 9 : 0.01 * (rng(&seed) % 50);
        }
        x[i] = 0;
        r[i] = p[i] = 1 + i % 5;
    }
    double rr = dot(r, r);
    for (int n = 0; n < 10; n++) {
        for (int i = 0; i < N; i++) {
            double sum = 0;
            for (int k = i * EACH; k < (i + 1) * EACH; k++) {
                sum += value[k] * p[column[k]];
            }
            q[i] = sum;
        }
        double alpha = rr / dot(p, q);
        for (int i = 0; i < N; i++) {
            x[i] += alpha * p[i];
            r[i] -= alpha * q[i];
        }
        double next = dot(r, r), beta = next / rr;
        rr = next;
        for (int i = 0; i < N; i++) {
            p[i] = r[i] + beta * p[i];
        }
    }
    return mix_double(mix_double(mix_double(0, x[3]), rr), lorenz(300));
}

BENCH("sparse", 650, 0xa7d5791c47fdd138)
