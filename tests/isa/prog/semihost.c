/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Semihosting 2.0, 3: every call, and pointers that lead nowhere. The script
 * run_semihost.py gives console and files, and looks at what came of it. Ends
 * by SYS_EXIT_EXTENDED with 42; with the line that failed, otherwise.
 */
typedef unsigned long word;

enum {
    OPEN = 1,
    CLOSE,
    WRITEC,
    WRITE0,
    WRITE,
    READ,
    READC,
    ISERROR,
    ISTTY,
    SEEK,
    FLEN = 12,
    TMPNAM,
    REMOVE,
    RENAME,
    CLOCK,
    TIME,
    SYSTEM,
    ERRNO,
    GET_CMDLINE = 0x15,
    HEAPINFO,
    EXIT_EXTENDED = 0x20,
    ELAPSED = 0x30,
    TICKFREQ,
};

word semihost(word op, word arg); /* below */
__asm__(".section .text\n.balign 16\n.globl semihost\nsemihost:\n"
        ".option push\n.option norvc\n"
        "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n"
        ".option pop\nret\n");

static word call(word op, word a, word b, word c, word d)
{
    volatile word block[4] = { a, b, c, d };

    return semihost(op, (word)block);
}

static void leave(word status)
{
    call(EXIT_EXTENDED, 0x20026, status, 0, 0);
}

#define CHECK(x)                                                               \
    do {                                                                       \
        if (!(x)) {                                                            \
            leave(__LINE__ & 0xff);                                            \
        }                                                                      \
    } while (0)

static word length(const char *s)
{
    word n = 0;

    while (s[n]) {
        n++;
    }
    return n;
}

static word open_file(const char *name, word mode)
{
    return call(OPEN, (word)name, mode, length(name), 0);
}

static char buf[256];

static int same(const char *a, const char *b, word n)
{
    for (word i = 0; i < n; i++) {
        if (a[i] != b[i]) {
            return 0;
        }
    }
    return 1;
}

static void files(void)
{
    word f = open_file("file", 6), g; /* w+ */

    CHECK(f != (word)-1);
    CHECK(call(WRITE, f, (word) "0123456789", 10, 0) == 0);
    CHECK(call(FLEN, f, 0, 0, 0) == 10);
    CHECK(call(ISTTY, f, 0, 0, 0) == 0);
    CHECK(call(SEEK, f, 4, 0, 0) == 0);
    CHECK(call(READ, f, (word)buf, 20, 0) == 14); /* six were left */
    CHECK(same(buf, "456789", 6));
    CHECK(call(READ, f, (word)buf, 20, 0) == 20); /* the end */
    CHECK(call(CLOSE, f, 0, 0, 0) == 0);
    CHECK(call(CLOSE, f, 0, 0, 0) == (word)-1);
    CHECK(semihost(ERRNO, 0) == 9); /* EBADF */
    g = open_file("file", 8);       /* a */
    CHECK(g == f);                  /* handles are used again */
    CHECK(call(WRITE, g, (word) "ab", 2, 0) == 0);
    CHECK(call(CLOSE, g, 0, 0, 0) == 0);
    CHECK(call(RENAME, (word) "file", 4, (word) "kept", 4) == 0);
    CHECK(open_file("file", 0) == (word)-1);
    CHECK(semihost(ERRNO, 0) == 2); /* ENOENT */
    CHECK(open_file("gone", 4) != (word)-1);
    CHECK(call(REMOVE, (word) "gone", 4, 0, 0) == 0);
    CHECK(call(REMOVE, (word) "gone", 4, 0, 0) == (word)-1);
    CHECK(open_file("x", 12) == (word)-1); /* no such mode */
}

static void the_features(void)
{
    word f = open_file(":semihosting-features", 0);

    CHECK(call(FLEN, f, 0, 0, 0) == 5);
    CHECK(call(READ, f, (word)buf, 5, 0) == 0);
    CHECK(same(buf, "SHFB\3", 5));
    CHECK(call(SEEK, f, 4, 0, 0) == 0);
    CHECK(call(READ, f, (word)buf, 5, 0) == 4 && buf[0] == 3);
    CHECK(call(WRITE, f, (word)buf, 1, 0) == 1);
}

static void console(void)
{
    word in = open_file(":tt", 0), out = open_file(":tt", 4);
    word err = open_file(":tt", 8);

    semihost(WRITE0, (word) "zero ");
    semihost(WRITEC, (word) "c");
    CHECK(call(WRITE, out, (word) " out ", 5, 0) == 0);
    CHECK(call(WRITE, err, (word) "err\n", 4, 0) == 0);
    CHECK(semihost(READC, 0) == 'i');
    CHECK(call(READ, in, (word)buf, 2, 0) == 0 && same(buf, "np", 2));
}

static void time_and_place(void)
{
    volatile unsigned long long a = 0, b = 0;
    word info[4] = { 0 };
    volatile word block[2] = { (word)buf, sizeof(buf) };

    CHECK(semihost(TICKFREQ, 0) == 1000000000);
    CHECK(semihost(ELAPSED, (word)&a) == 0 && semihost(ELAPSED, (word)&b) == 0);
    CHECK(b > a && b - a < 10000000000ull);
    CHECK(semihost(TIME, 0) > 1700000000);
    CHECK(semihost(CLOCK, 0) < 10000);
    CHECK(call(HEAPINFO, (word)info, 0, 0, 0) == 0);
    CHECK(info[0] > (word)&call && info[1] > info[0] + 0x100000);
    CHECK(info[2] <= info[1] && info[3] >= info[0]);
    ((volatile char *)info[0])[0] = 1; /* it is memory */
    ((volatile char *)info[1])[-1] = 1;
    CHECK(semihost(GET_CMDLINE, (word)block) == 0);
    CHECK(block[1] == 7 && same(buf, "one two", 8));
    block[1] = 7;
    CHECK(semihost(GET_CMDLINE, (word)block) == (word)-1);
    CHECK(call(TMPNAM, (word)buf, 3, sizeof(buf), 0) == 0 && buf[0] == '/');
    CHECK(call(TMPNAM, (word)buf, 3, 2, 0) == (word)-1);
    CHECK(call(ISERROR, -1, 0, 0, 0) != 0 && call(ISERROR, 5, 0, 0, 0) == 0);
}

/* The command is refused under -sandbox spawn=deny. */
static void commands(void)
{
    word r = call(SYSTEM, (word) "echo made >made; exit 3", 23, 0, 0);

    CHECK(r == 3 || (r == (word)-1 && semihost(ERRNO, 0) == 1));
}

/* Nothing of this may harm the host, or hang. */
static void hostile(void)
{
    word nowhere = 0x123, f = open_file("kept", 0);

    for (word op = 0; op < 0x40; op++) {
        if (op != 0x18 && op != EXIT_EXTENDED && op != READC) {
            semihost(op, nowhere);
            semihost(op, -8);
        }
    }
    CHECK(call(READ, f, nowhere, 5, 0) == 5);
    CHECK(call(WRITE, f, nowhere, 5, 0) == 5);
    CHECK(call(WRITE, f, (word)buf, -1, 0) != 0);
    CHECK(call(OPEN, (word)buf, 0, -1, 0) == (word)-1);
    CHECK(call(OPEN, (word) "a\0b", 0, 3, 0) == (word)-1);
    CHECK(call(READ, -1, (word)buf, 1, 0) == (word)-1);
    CHECK(call(SEEK, f, -1, 0, 0) == (word)-1 || sizeof(word) == 4);
    CHECK(semihost(0x1000, 0) == (word)-1);
}

int main(void)
{
    files();
    the_features();
    console();
    time_and_place();
    commands();
    hostile();
    leave(42);
    return 1;
}
