/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The peer's side of the random differential test: reads blocks from standard
 * input, runs each on the state that comes with it, writes the state after.
 * The formats are struct Block and struct Result of random.c.
 */
#include <stddef.h>
#include <stdint.h>

typedef unsigned long xlen_t;

#define CODE 0x80010000ul
#define AREA ((volatile uint64_t *)0x80020000ul)
enum { AREA_WORDS = 0x4000 / 8, CODE_BYTES = 256, MAX_VLENB = 128 };

struct state {
    uint64_t gpr[32], fpr[32];
    uint32_t fcsr, vcsr;
    uint32_t vl, pad;
    uint8_t v[32 * MAX_VLENB];
};

struct block {
    struct state in;
    uint32_t length, fill; /* fill: begin with the area made from this seed */
    uint32_t code_at, pad;
    uint8_t code[CODE_BYTES];
};

struct result {
    struct state out;
    uint64_t sum;
};

/* Registers in and out of run_block, as XLEN words and 64-bit doubles. */
xlen_t run_gpr[32];
uint64_t run_fpr[32];
xlen_t run_fcsr, run_pc, run_saved[14];
void run_block(void);

#if __riscv_xlen == 64
#define SXX "sd"
#define LXX "ld"
#define XB  "8"
#else
#define SXX "sw"
#define LXX "lw"
#define XB  "4"
#endif

#define EACH_X(f)                                                              \
    f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) \
        f(15) f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25)      \
            f(26) f(27) f(28) f(29) f(30)
#define EACH_F(f) f(0) EACH_X(f) f(31)
#define PUT_X(n)  SXX " x" #n ", " #n "*" XB "(x31)\n"
#define GET_X(n)  LXX " x" #n ", " #n "*" XB "(x31)\n"
#define PUT_F(n)  "fsd f" #n ", " #n "*8(x31)\n"
#define GET_F(n)  "fld f" #n ", " #n "*8(x31)\n"
#define SAVED(f)                                                               \
    f(1, 0) f(2, 1) f(8, 2) f(9, 3) f(18, 4) f(19, 5) f(20, 6) f(21, 7)        \
        f(22, 8) f(23, 9) f(24, 10) f(25, 11) f(26, 12) f(27, 13)
#define SAVE(n, at)    SXX " x" #n ", " #at "*" XB "(x31)\n"
#define RESTORE(n, at) LXX " x" #n ", " #at "*" XB "(x31)\n"

/* x31 is the way back while a block runs; gp and tp are not used by C here.
 * clang-format takes a macro between strings for a place to indent. */
/* clang-format off */
asm(".section .text.start\n"
    ".globl _start\n"
    "_start:\n"
    ".option push\n.option norelax\n"
    "    call main\n"
    ".option pop\n"
    ".balign 256\n" /* END in random.c is behind this jump */
    ".option push\n.option norvc\n"
    "block_enter:\n"
    "    jalr x31, 0(x31)\n"
    ".option pop\n"
    "    la x31, run_gpr\n" EACH_X(PUT_X)
    "    la x31, run_fpr\n" EACH_F(PUT_F)
    "    frcsr x1\n"
    "    la x31, run_fcsr\n"
    SXX " x1, 0(x31)\n"
    "    la x31, run_saved\n" SAVED(RESTORE)
    "    ret\n"
    ".globl run_block\n"
    "run_block:\n"
    "    la x31, run_saved\n" SAVED(SAVE)
    "    la x31, run_fpr\n" EACH_F(GET_F)
    "    la x31, run_fcsr\n"
    LXX " x1, 0(x31)\n"
    "    fscsr x1\n"
    "    la x31, run_gpr\n" EACH_X(GET_X)
    /* no reservation is left over */
    "    lr.w x31, (x8)\n    sc.w x31, x31, (x8)\n"
    "    la x31, run_pc\n"
    LXX " x31, 0(x31)\n"
    "    j block_enter\n");
/* clang-format on */

static long call3(long number, long a, long b, long c)
{
    register long a0 asm("a0") = a;
    register long a1 asm("a1") = b;
    register long a2 asm("a2") = c;
    register long a7 asm("a7") = number;

    asm volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

enum { SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93 };

static void finish(int code)
{
    for (;;) {
        call3(SYS_EXIT, code, 0, 0);
    }
}

static void transfer(int number, int fd, void *buf, size_t len)
{
    for (char *p = buf; len != 0;) {
        long n = call3(number, fd, (long)p, len);

        if (n <= 0) {
            finish(p == buf && number == SYS_READ ? 0 : 2);
        }
        p += n;
        len -= n;
    }
}

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static xlen_t vlenb(void)
{
    xlen_t v;

    asm volatile("csrr %0, vlenb" : "=r"(v));
    return v;
}

static struct block block;
static struct result result;

/* All vector registers from @p; vtype is illegal then, vl 0. */
static void vectors_in(const uint8_t *p, xlen_t vcsr)
{
    xlen_t step = vlenb() * 8;

    asm volatile("vl8re8.v v0, (%0)\nadd %0, %0, %1\n"
                 "vl8re8.v v8, (%0)\nadd %0, %0, %1\n"
                 "vl8re8.v v16, (%0)\nadd %0, %0, %1\n"
                 "vl8re8.v v24, (%0)\n"
                 "csrw vcsr, %2\nvsetvl x0, x0, %3\n"
                 : "+r"(p)
                 : "r"(step), "r"(vcsr), "r"((xlen_t)-1)
                 : "memory");
}

static void vectors_out(struct state *s)
{
    uint8_t *p = s->v;
    xlen_t step = vlenb() * 8, vl, vcsr;

    asm volatile("csrr %1, vl\ncsrr %2, vcsr\n"
                 "vs8r.v v0, (%0)\nadd %0, %0, %3\n"
                 "vs8r.v v8, (%0)\nadd %0, %0, %3\n"
                 "vs8r.v v16, (%0)\nadd %0, %0, %3\n"
                 "vs8r.v v24, (%0)\n"
                 : "+r"(p), "=&r"(vl), "=&r"(vcsr)
                 : "r"(step)
                 : "memory");
    s->vl = vl;
    s->vcsr = vcsr;
}

int main(void)
{
    for (;;) {
        transfer(SYS_READ, 0, &block, sizeof(block));
        if (block.fill != 0) {
            for (int i = 0; i < AREA_WORDS; i++) {
                AREA[i] = mix(block.fill + i);
            }
        }
        for (unsigned i = 0; i < block.length; i++) {
            ((volatile uint8_t *)CODE)[block.code_at + i] = block.code[i];
        }
        asm volatile("fence.i" ::: "memory");
        for (int i = 0; i < 32; i++) {
            run_gpr[i] = block.in.gpr[i];
            run_fpr[i] = block.in.fpr[i];
        }
        run_fcsr = block.in.fcsr;
        run_pc = CODE + block.code_at;
        vectors_in(block.in.v, block.in.vcsr);
        run_block();
        vectors_out(&result.out);
        for (int i = 0; i < 32; i++) {
            result.out.gpr[i] = i == 0 || i == 31 ? 0 : (long)run_gpr[i];
            result.out.fpr[i] = run_fpr[i];
        }
        result.out.fcsr = run_fcsr;
        result.sum = 0;
        for (int i = 0; i < AREA_WORDS; i++) {
            result.sum = (result.sum ^ AREA[i]) * 0x100000001b3ull;
        }
        transfer(SYS_WRITE, 1, &result, sizeof(result));
    }
}
