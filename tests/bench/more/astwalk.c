/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tree-walking evaluator of expressions: switch, recursion, pointers. */
#include "bench.h"

typedef struct Node {
    enum { NUM, VAR, PLUS, MINUS, TIMES, COND } kind;
    int32_t value;
    struct Node *a, *b, *c;
} Node;

static Node pool[4096];
static unsigned used;

static Node *grow(uint32_t *seed, int depth)
{
    Node *n = &pool[used++];
    uint32_t r = rng(seed);

    n->kind = depth == 0 ? r & 1 : PLUS + (r >> 4) % 4;
    n->value = r % 17;
    if (depth > 0) {
        n->a = grow(seed, depth - 1);
        n->b = grow(seed, depth - 1);
        n->c = n->kind == COND ? grow(seed, depth - 1) : NULL;
    }
    return n;
}

static int32_t eval(const Node *n, const int32_t *vars)
{
    switch (n->kind) {
    case NUM:
        return n->value;
    case VAR:
        return vars[n->value];
    case PLUS:
        return (uint32_t)eval(n->a, vars) + eval(n->b, vars);
    case MINUS:
        return (uint32_t)eval(n->a, vars) - eval(n->b, vars);
    case TIMES:
        return (uint32_t)eval(n->a, vars) * eval(n->b, vars);
    default:
        return eval(n->a, vars) & 1 ? eval(n->b, vars) : eval(n->c, vars);
    }
}

static uint64_t unit(void)
{
    uint32_t seed = 99;
    int32_t vars[17];
    uint64_t sum = 0;
    Node *root;

    used = 0;
    root = grow(&seed, 7);
    for (int i = 0; i < 60; i++) {
        for (int k = 0; k < 17; k++) {
            vars[k] = rng(&seed);
        }
        sum = mix(sum, (uint32_t)eval(root, vars));
    }
    return sum;
}

BENCH("astwalk", 150, 0xea112b3476e3d9c0)
