/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls by number.
 *
 * Spec:  Semihosting for AArch32 and AArch64 2.0, 3; RISC-V Semihosting 0.2
 *        (words of the block have the width of a register).
 * Locks: vCPU threads, none held.
 */
#include "tandem/base.h"

#include "hw/core/loader.h"
#include "internal.h"

enum { STOPPED_APPLICATION_EXIT = 0x20026 };
enum { TICKS_PER_SECOND = 1000000000, NS_PER_CENTISECOND = 10000000 };

/* --- results and guest memory --- */

SemiEnd semi_return(SemiCall *c, int64_t value)
{
    c->call->result = (uint64_t)value;
    return SEMI_DONE;
}

SemiEnd semi_fail(SemiCall *c, int error)
{
    atomic_store(&c->s->error, error);
    return semi_return(c, -1);
}

char *semi_text(SemiCall *c, uint64_t addr, uint64_t len)
{
    g_autofree char *text = NULL;

    if (len >= SEMI_PATH_MAX) {
        semi_fail(c, ENAMETOOLONG);
        return NULL;
    }
    text = g_malloc(len + 1);
    if (!cpu_debug_rw(c->cpu, addr, text, len, false)) {
        semi_fail(c, EFAULT);
        return NULL;
    }
    text[len] = '\0';
    if (strlen(text) != len) {
        semi_fail(c, EINVAL);
        return NULL;
    }
    return g_steal_pointer(&text);
}

static bool read_block(SemiCall *c, unsigned words)
{
    uint8_t raw[sizeof(c->word)];
    unsigned width = c->call->word;

    if (!cpu_debug_rw(c->cpu, c->call->arg, raw, (uint64_t)words * width,
                      false)) {
        return false;
    }
    for (unsigned i = 0; i < words; i++) {
        const uint8_t *p = raw + (size_t)i * width;

        c->word[i] = width == 8 ? ld64_le(p) : ld32_le(p);
    }
    return true;
}

static bool write_words(SemiCall *c, uint64_t addr, const uint64_t *word,
                        unsigned words)
{
    uint8_t raw[sizeof(c->word)];
    unsigned width = c->call->word;

    for (unsigned i = 0; i < words; i++) {
        uint8_t *p = raw + (size_t)i * width;

        if (width == 8) {
            st64_le(p, word[i]);
        } else {
            st32_le(p, (uint32_t)word[i]);
        }
    }
    return cpu_debug_rw(c->cpu, addr, raw, (uint64_t)words * width, true);
}

/* --- console --- */

static SemiEnd sys_writec(SemiCall *c)
{
    uint8_t byte;

    if (!cpu_debug_rw(c->cpu, c->call->arg, &byte, 1, false)) {
        return semi_fail(c, EFAULT);
    }
    semi_console_write(c->s, STDOUT_FILENO, &byte, 1);
    return semi_return(c, 0);
}

/* Up to a NUL; a piece ends with a page, the next may not be mapped. */
static SemiEnd sys_write0(SemiCall *c)
{
    uint64_t addr = c->call->arg, total = 0;
    uint8_t buf[256];

    while (total < SEMI_TRANSFER_MAX) {
        uint64_t n = MIN(sizeof(buf), 4096 - (addr & 4095));
        const uint8_t *nul;

        if (!cpu_debug_rw(c->cpu, addr, buf, n, false)) {
            return semi_fail(c, EFAULT);
        }
        nul = memchr(buf, 0, n);
        semi_console_write(c->s, STDOUT_FILENO, buf, nul ? nul - buf : n);
        if (nul) {
            return semi_return(c, 0);
        }
        addr += n;
        total += n;
    }
    return semi_fail(c, EINVAL);
}

static SemiEnd sys_readc(SemiCall *c)
{
    uint8_t byte;
    ssize_t n = semi_console_read(c->s, &byte, 1);

    return n < 0 ? SEMI_AGAIN : semi_return(c, n == 1 ? byte : -1);
}

/* --- names --- */

static SemiEnd sys_remove(SemiCall *c)
{
    g_autofree char *name = semi_text(c, c->word[0], c->word[1]);

    if (!name) {
        return SEMI_DONE;
    }
    return remove(name) < 0 ? semi_fail(c, errno) : semi_return(c, 0);
}

static SemiEnd sys_rename(SemiCall *c)
{
    g_autofree char *from = semi_text(c, c->word[0], c->word[1]);
    g_autofree char *to = from ? semi_text(c, c->word[2], c->word[3]) : NULL;

    if (!to) {
        return SEMI_DONE;
    }
    return rename(from, to) < 0 ? semi_fail(c, errno) : semi_return(c, 0);
}

/* {buffer, identifier 0..255, length}: one name for each identifier. */
static SemiEnd sys_tmpnam(SemiCall *c)
{
    g_autofree char *name =
        g_strdup_printf("%s/tandem-%ld-%02x", g_get_tmp_dir(), (long)getpid(),
                        (unsigned)(c->word[1] & 0xff));
    size_t len = strlen(name) + 1;

    if (c->word[1] > 255 || c->word[2] < len) {
        return semi_fail(c, EINVAL);
    }
    if (!cpu_debug_rw(c->cpu, c->word[0], name, len, true)) {
        return semi_fail(c, EFAULT);
    }
    return semi_return(c, 0);
}

/* --- time --- */

static int64_t clock_ns(SemiCall *c, ClockType clock)
{
    return event_clock_ns(c->s->m->gate, clock);
}

static SemiEnd sys_clock(SemiCall *c)
{
    return semi_return(c, clock_ns(c, CLOCK_VIRTUAL) / NS_PER_CENTISECOND);
}

static SemiEnd sys_time(SemiCall *c)
{
    return semi_return(c, clock_ns(c, CLOCK_HOST) / TICKS_PER_SECOND);
}

/* 64 bits: one word or two. */
static SemiEnd sys_elapsed(SemiCall *c)
{
    uint8_t raw[8];

    st64_le(raw, (uint64_t)clock_ns(c, CLOCK_VIRTUAL));
    if (!cpu_debug_rw(c->cpu, c->call->arg, raw, sizeof(raw), true)) {
        return semi_fail(c, EFAULT);
    }
    return semi_return(c, 0);
}

static SemiEnd sys_tickfreq(SemiCall *c)
{
    return semi_return(c, TICKS_PER_SECOND);
}

/* --- the program --- */

/* {status}: non-zero when it is an error. */
static SemiEnd sys_iserror(SemiCall *c)
{
    return semi_return(c,
                       (int64_t)(c->word[0] << (64 - 8 * c->call->word)) < 0);
}

static SemiEnd sys_errno(SemiCall *c)
{
    return semi_return(c, atomic_load(&c->s->error));
}

/* {buffer, length} -> the text, and its length in the block */
static SemiEnd sys_get_cmdline(SemiCall *c)
{
    const char *text = c->s->command_line;
    uint64_t len = strlen(text);

    if (c->word[1] < len + 1) {
        return semi_fail(c, E2BIG);
    }
    c->word[1] = len;
    if (!cpu_debug_rw(c->cpu, c->word[0], (void *)text, len + 1, true) ||
        !write_words(c, c->call->arg, c->word, 2)) {
        return semi_fail(c, EFAULT);
    }
    return semi_return(c, 0);
}

/* {pointer to heap base, heap limit, stack base, stack limit}: the largest
 * part of RAM that nothing is loaded into; the stack grows down in it. */
static SemiEnd sys_heapinfo(SemiCall *c)
{
    Machine *m = c->s->m;
    hwaddr low = 0, high = 0;

    machine_lock(m);
    if (m->ram && m->ram->parent == &m->system) {
        low = m->ram->addr;
        high = low + m->ram->size;
        if (c->call->word == 4) {
            high = MIN(high, 4 * GiB);
        }
        loader_largest_gap(m, &low, &high);
    }
    machine_unlock(m);
    low = align_up(low, 16);
    high = align_down(high, 16);
    if (!write_words(c, c->word[0], (const uint64_t[]){ low, high, high, low },
                     4)) {
        return semi_fail(c, EFAULT);
    }
    return semi_return(c, 0);
}

static SemiEnd exit_with(SemiCall *c, uint64_t reason, uint64_t code)
{
    int status = reason == STOPPED_APPLICATION_EXIT ? (int)(code & 0xff) : 1;

    machine_request_shutdown(c->s->m, CAUSE_GUEST_SHUTDOWN, status);
    g_usleep(SEMI_WAIT_MS * 1000);
    return SEMI_AGAIN; /* never comes back to the guest */
}

static SemiEnd sys_exit_extended(SemiCall *c)
{
    return exit_with(c, c->word[0], c->word[1]);
}

/* 32-bit guests give the reason itself, others {reason, code}. */
static SemiEnd sys_exit(SemiCall *c)
{
    if (c->call->word == 4) {
        return exit_with(c, c->call->arg, 0);
    }
    return read_block(c, 2) ? sys_exit_extended(c) : semi_fail(c, EFAULT);
}

/* --- the table --- */

static const struct {
    const char *name;
    unsigned words; /* of the parameter block that are read first */
    SemiEnd (*fn)(SemiCall *c);
} calls[SEMI_CALLS] = {
    [0x01] = { "SYS_OPEN", 3, semi_open },
    [0x02] = { "SYS_CLOSE", 1, semi_close },
    [0x03] = { "SYS_WRITEC", 0, sys_writec },
    [0x04] = { "SYS_WRITE0", 0, sys_write0 },
    [0x05] = { "SYS_WRITE", 3, semi_write },
    [0x06] = { "SYS_READ", 3, semi_read },
    [0x07] = { "SYS_READC", 0, sys_readc },
    [0x08] = { "SYS_ISERROR", 1, sys_iserror },
    [0x09] = { "SYS_ISTTY", 1, semi_istty },
    [0x0a] = { "SYS_SEEK", 2, semi_seek },
    [0x0c] = { "SYS_FLEN", 1, semi_flen },
    [0x0d] = { "SYS_TMPNAM", 3, sys_tmpnam },
    [0x0e] = { "SYS_REMOVE", 2, sys_remove },
    [0x0f] = { "SYS_RENAME", 4, sys_rename },
    [0x10] = { "SYS_CLOCK", 0, sys_clock },
    [0x11] = { "SYS_TIME", 0, sys_time },
    [0x12] = { "SYS_SYSTEM", 2, semi_system },
    [0x13] = { "SYS_ERRNO", 0, sys_errno },
    [0x15] = { "SYS_GET_CMDLINE", 2, sys_get_cmdline },
    [0x16] = { "SYS_HEAPINFO", 1, sys_heapinfo },
    [0x18] = { "SYS_EXIT", 0, sys_exit },
    [0x20] = { "SYS_EXIT_EXTENDED", 2, sys_exit_extended },
    [0x30] = { "SYS_ELAPSED", 0, sys_elapsed },
    [0x31] = { "SYS_TICKFREQ", 0, sys_tickfreq },
};

static SemiEnd dispatch(SemiCall *c)
{
    uint64_t op = c->call->op;
    SemiEnd end;

    if (op >= ARRAY_SIZE(calls) || !calls[op].fn) {
        if (log_on(LOG_GUEST_ERRORS)) {
            log_write(LOG_GUEST_ERRORS,
                      "semihosting: call 0x%" PRIx64 " is unknown\n", op);
        }
        return semi_fail(c, ENOSYS);
    }
    if (!read_block(c, calls[op].words)) {
        return semi_fail(c, EFAULT);
    }
    if (semi_gdb_serves(c, &end)) {
        return end;
    }
    return calls[op].fn(c);
}

static bool serve(void *opaque, CPUState *cpu, SemihostCall *call)
{
    SemiCall c = { opaque, cpu, call };

    if (dispatch(&c) == SEMI_AGAIN) {
        return false;
    }
    if (log_on(LOG_STRACE)) {
        const char *name =
            call->op < ARRAY_SIZE(calls) ? calls[call->op].name : NULL;

        log_write(LOG_STRACE, "CPU %d: %s(0x%" PRIx64 ") = 0x%" PRIx64 "\n",
                  cpu->index, name ? name : "?", call->arg, call->result);
    }
    return true;
}

Semihost *semihost_start(Machine *m, const SemihostConfig *config, Error **errp)
{
    Semihost *s = g_new0(Semihost, 1);

    s->m = m;
    s->target = config->target;
    s->deny_spawn = config->deny_spawn;
    s->command_line = g_strdup(config->command_line);
    lock_init(&s->lock);
    cond_init(&s->changed);
    if (!semi_console_init(s, config->chardev, errp)) {
        semihost_free(s);
        return NULL;
    }
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        if (!cpu->type->set_semihost) {
            error_set(errp, "CPU '%s' has no semihosting calls",
                      cpu->type->model);
            semihost_free(s);
            return NULL;
        }
        cpu->type->set_semihost(cpu, serve, s, config->userspace);
    }
    return s;
}

void semihost_set_gdb(Semihost *s, GdbServer *gdb)
{
    s->gdb = gdb;
}

void semihost_free(Semihost *s)
{
    cpus_pause_all(s->m); /* none is in a call from here on */
    if (s->gdb) {
        gdb_fileio_abandon(s->gdb);
    }
    semi_files_free(s);
    g_free(s->command_line);
    g_free(s->io.request);
    g_free(s->io.data);
    lock_destroy(&s->lock);
    cond_destroy(&s->changed);
    g_free(s);
}
