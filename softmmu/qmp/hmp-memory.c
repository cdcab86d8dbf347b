/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory and registers in the human monitor: dumps, expressions, ports,
 * addresses. Addresses are the client's and may be anything: all of memory
 * is reached through calls that say whether something is there.
 */
#include "tandem/base.h"

#include <fcntl.h>

#include "accel/accel.h"
#include "hmp.h"
#include "softmmu/base/rcu.h"
#include "softmmu/memory/memory.h"

enum {
    LINE_BYTES = 16,
    DUMP_MAX = 4 << 20, /* bytes of one dump */
    INSN_MAX = 16,      /* bytes */
    STRING_MAX = 4096,
};

typedef struct Format {
    uint64_t count;
    char letter;   /* d u o x c i s */
    unsigned size; /* bytes: 1, 2, 4, 8 */
} Format;

/* Where a dump reads. */
typedef struct Source {
    Machine *m;
    CPUState *cpu; /* for instructions; NULL: none */
    bool physical;
} Source;

/* --- formats --- */

static unsigned size_of_letter(char c)
{
    static const char letters[] = "bhwg";
    const char *p = c ? strchr(letters, c) : NULL;

    return p ? 1u << (p - letters) : 0;
}

/* "/4xw", or nothing; what is not given is as it was the last time. */
static bool parse_format(Machine *m, const char **text, Format *f,
                         unsigned first_size, Error **errp)
{
    HmpTurn *turn = m->monitors ? &m->monitors->turn : NULL;
    const char *p = *text + strspn(*text, " \t");

    *f = (Format){ 1, turn && turn->format ? turn->format : 'x',
                   turn && turn->size ? turn->size : first_size };
    if (*p == '/') {
        p++;
        if (g_ascii_isdigit(*p)) {
            f->count = g_ascii_strtoull(p, (char **)&p, 10);
        }
        for (; *p && !g_ascii_isspace(*p); p++) {
            if (strchr("duoxcis", *p)) {
                f->letter = *p;
            } else if (size_of_letter(*p)) {
                f->size = size_of_letter(*p);
            } else {
                error_set(errp, "invalid char in format: '%c'", *p);
                return false;
            }
        }
    }
    if (f->count > DUMP_MAX / f->size) {
        error_set(errp, "count %" PRIu64 " is beyond %u bytes", f->count,
                  DUMP_MAX);
        return false;
    }
    if (turn) {
        turn->format = f->letter;
        turn->size = f->size;
    }
    *text = p;
    return true;
}

static void show_char(uint64_t value, GString *out)
{
    static const struct {
        char c;
        const char *text;
    } escapes[] = {
        { '\'', "\\'" }, { '\\', "\\\\" }, { '\n', "\\n" }, { '\r', "\\r" }
    };

    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
        if (value == (uint8_t)escapes[i].c) {
            g_string_append_printf(out, "'%s'", escapes[i].text);
            return;
        }
    }
    if (value >= 0x20 && value < 0x7f) {
        g_string_append_printf(out, "'%c'", (char)value);
    } else {
        g_string_append_printf(out, "'\\x%02" PRIx64 "'", value);
    }
}

/* Widths of a column, by log2 of the size. */
static const int octal_digits[] = { 3, 6, 11, 22 };
static const int decimal_digits[] = { 3, 5, 10, 20 };

static void show_value(const Format *f, uint64_t value, GString *out)
{
    unsigned log2 = __builtin_ctz(f->size);

    switch (f->letter) {
    case 'o':
        g_string_append_printf(out, "%#*" PRIo64, octal_digits[log2], value);
        break;
    case 'u':
        g_string_append_printf(out, "%*" PRIu64, decimal_digits[log2], value);
        break;
    case 'd':
        g_string_append_printf(out, "%*" PRId64, decimal_digits[log2],
                               bits_sext(value, f->size * 8));
        break;
    case 'c':
        show_char(value, out);
        break;
    default:
        g_string_append_printf(out, "0x%0*" PRIx64, (int)f->size * 2, value);
        break;
    }
}

/* --- dumps --- */

static bool read_memory(const Source *s, uint64_t addr, void *buf, uint64_t len)
{
    MemAttrs attrs = { .debug = true };

    return s->physical ? address_space_read(&s->m->memory, addr, attrs, buf,
                                            len) == MEM_OK
                       : cpu_debug_rw(s->cpu, addr, buf, len, false);
}

/* Little-endian, as all guests are. */
static uint64_t unit_at(const uint8_t *p, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)p[i] << (8 * i);
    }
    return value;
}

/* One unit; where no memory is, a device's register is read as a CPU would. */
static bool read_unit(const Source *s, uint64_t addr, unsigned size,
                      uint8_t *buf)
{
    MemAttrs attrs = MEM_ATTRS_CPU;
    uint64_t value;
    hwaddr pa = addr;

    if (read_memory(s, addr, buf, size)) {
        return true;
    }
    if (!s->physical &&
        !s->cpu->type->debug_translate(s->cpu, addr, &pa, &attrs)) {
        return false;
    }
    if (address_space_ld(&s->m->memory, pa, size, MEM_LITTLE, &value,
                         MEM_ATTRS_CPU) != MEM_OK) {
        return false;
    }
    st64_le(buf, value);
    return true;
}

static void dump_units(const Source *s, Format f, uint64_t addr, GString *out)
{
    if (f.letter == 'c') { /* a byte each */
        f.count *= f.size;
        f.size = 1;
    }
    for (uint64_t i = 0; i < f.count; i++, addr += f.size) {
        bool first = i * f.size % LINE_BYTES == 0;
        uint8_t unit[8];

        if (first) {
            g_string_append_printf(out, "%s%016" PRIx64 ":", i ? "\n" : "",
                                   addr);
        }
        if (!read_unit(s, addr, f.size, unit)) {
            g_string_append(out, " Cannot access memory\n");
            return;
        }
        g_string_append_c(out, ' ');
        show_value(&f, unit_at(unit, f.size), out);
    }
    if (f.count) {
        g_string_append_c(out, '\n');
    }
}

/* As many bytes as can be read at @addr, up to @max. */
static unsigned read_up_to(const Source *s, uint64_t addr, uint8_t *buf,
                           unsigned max)
{
    unsigned n = 0;

    while (n < max && read_memory(s, addr + n, buf + n, 1)) {
        n++;
    }
    return n;
}

static void dump_insns(const Source *s, const Format *f, uint64_t addr,
                       GString *out)
{
    for (uint64_t i = 0; i < f->count; i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        uint8_t bytes[INSN_MAX];
        unsigned avail = read_up_to(s, addr, bytes, sizeof(bytes));
        unsigned n =
            avail ? s->cpu->type->disas(s->cpu, addr, bytes, avail, text) : 0;

        g_string_append_printf(out, "0x%08" PRIx64 ":  ", addr);
        if (n == 0) {
            g_string_append(out, "Cannot access memory\n");
            return;
        }
        if (s->cpu->type->insn_words && (n == 2 || n == 4)) {
            g_string_append_printf(out, "%0*" PRIx64 "%*s", (int)n * 2,
                                   unit_at(bytes, n), 18 - 2 * (int)n, "");
        } else {
            for (unsigned j = 0; j < n; j++) {
                g_string_append_printf(out, "%02x ", bytes[j]);
            }
            g_string_append_printf(out, "%*s", n < 8 ? 24 - 3 * (int)n : 0, "");
        }
        g_string_append_printf(out, "%s\n", text->str);
        addr += n;
    }
}

/* The string at @addr, its NUL too if there is one within @max bytes. */
static unsigned read_string(const Source *s, uint64_t addr, uint8_t *buf,
                            unsigned max)
{
    unsigned n = 0;

    while (n < max && read_memory(s, addr + n, buf + n, 1)) {
        if (buf[n++] == 0) {
            break;
        }
    }
    return n;
}

static void dump_strings(const Source *s, const Format *f, uint64_t addr,
                         GString *out)
{
    uint64_t left = DUMP_MAX;

    for (uint64_t i = 0; i < f->count && left >= STRING_MAX; i++) {
        uint8_t bytes[STRING_MAX];
        unsigned n = read_string(s, addr, bytes, sizeof(bytes));
        bool whole = n > 0 && bytes[n - 1] == 0;
        g_autofree char *raw = g_strndup((char *)bytes, n);
        g_autofree char *text = g_strescape(raw, NULL);

        g_string_append_printf(out, "%016" PRIx64 ": ", addr);
        if (n == 0) {
            g_string_append(out, "Cannot access memory\n");
            return;
        }
        g_string_append_printf(out, "\"%s\"%s\n", text, whole ? "" : "...");
        addr += n;
        left -= n;
    }
}

static void dump(Machine *m, bool physical, const char *text, GString *out,
                 Error **errp)
{
    Source s = { m, hmp_cpu(m), physical };
    uint64_t addr;
    Format f;

    if (!parse_format(m, &text, &f, 4, errp) ||
        !hmp_expr(s.cpu, &text, &addr, errp) || !hmp_end(text, errp)) {
        return;
    }
    if (!s.cpu && !physical) {
        error_set(errp, "this machine has no CPU");
    } else if (f.letter == 'i' && (!s.cpu || !s.cpu->type->disas)) {
        error_set(errp, "this build has no disassembler for this CPU");
    } else if (f.letter == 'i') {
        dump_insns(&s, &f, addr, out);
    } else if (f.letter == 's') {
        dump_strings(&s, &f, addr, out);
    } else {
        dump_units(&s, f, addr, out);
    }
}

void hmp_x(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    dump(m, false, argv[0], out, errp);
}

void hmp_xp(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    dump(m, true, argv[0], out, errp);
}

void hmp_print(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    static const struct {
        char letter;
        const char *format;
    } formats[] = { { 'o', "%#" PRIo64 "\n" },
                    { 'u', "%" PRIu64 "\n" },
                    { 'd', "%" PRId64 "\n" },
                    { 'i', "%" PRId64 "\n" },
                    { 's', "%" PRIu64 "\n" } };
    const char *text = argv[0];
    const char *format = "%#" PRIx64 "\n";
    uint64_t value;
    Format f;

    if (!parse_format(m, &text, &f, 4, errp) ||
        !hmp_expr(hmp_cpu(m), &text, &value, errp) || !hmp_end(text, errp)) {
        return;
    }
    if (f.letter == 'c') {
        show_char(value, out);
        g_string_append_c(out, '\n');
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].letter == f.letter) {
            format = formats[i].format;
        }
    }
    g_string_append_printf(out, format, value);
}

/* --- I/O ports --- */

/* The format's size and the port at *@text; false without ports. */
static bool parse_port(Machine *m, const char **text, Format *f, uint64_t *port,
                       Error **errp)
{
    if (!m->io.children || m->io.children->len == 0) {
        error_set(errp, "this machine has no I/O ports");
        return false;
    }
    if (!parse_format(m, text, f, 1, errp) ||
        !hmp_expr(hmp_cpu(m), text, port, errp)) {
        return false;
    }
    if (f->size == 8 || *port > 0x10000 - f->size) {
        error_set(errp, "no port 0x%" PRIx64 " of %u bytes", *port, f->size);
        return false;
    }
    return true;
}

static char size_letter(unsigned size)
{
    return size == 1 ? 'b' : size == 2 ? 'w' : 'l';
}

/* What CPUs wrote is older than the monitor's access. */
static void flush_writes(Machine *m)
{
    if (accel_ops(m)->flush_writes) {
        accel_ops(m)->flush_writes(m->accel);
    }
}

void hmp_port_in(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    const char *text = argv[0];
    uint64_t port, value = 0;
    Format f;

    if (parse_port(m, &text, &f, &port, errp) && hmp_end(text, errp)) {
        flush_writes(m);
        if (address_space_ld(&m->io_space, port, f.size, MEM_LITTLE, &value,
                             (MemAttrs){ 0 }) != MEM_OK) {
            value = bit_mask(f.size * 8); /* nobody drives the bus */
        }
        g_string_append_printf(out, "port%c[0x%04x] = 0x%0*" PRIx64 "\n",
                               size_letter(f.size), (unsigned)port,
                               (int)f.size * 2, value);
    }
}

void hmp_port_out(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    const char *text = argv[0];
    uint64_t port, value;
    Format f;

    if (parse_port(m, &text, &f, &port, errp) &&
        hmp_expr(hmp_cpu(m), &text, &value, errp) && hmp_end(text, errp)) {
        flush_writes(m);
        address_space_st(&m->io_space, port, f.size, MEM_LITTLE, value,
                         (MemAttrs){ 0 });
    }
}

/* --- pieces of memory --- */

/* The sum that BSD's sum(1) makes: 16 bits, rotated right before each byte. */
void hmp_sum(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    Source s = { m, NULL, true };
    const char *text = argv[0];
    uint64_t addr, size;
    uint16_t sum = 0;

    if (!hmp_expr(hmp_cpu(m), &text, &addr, errp) ||
        !hmp_expr(hmp_cpu(m), &text, &size, errp) || !hmp_end(text, errp)) {
        return;
    }
    while (size > 0) {
        uint8_t buf[4096];
        uint64_t n = MIN(size, sizeof(buf));

        if (!read_memory(&s, addr, buf, n)) {
            error_set(errp, "Cannot access memory at 0x%" PRIx64, addr);
            return;
        }
        for (uint64_t i = 0; i < n; i++) {
            sum = (uint16_t)((sum >> 1) | (sum << 15)) + buf[i];
        }
        addr += n;
        size -= n;
    }
    g_string_append_printf(out, "%05d\n", sum);
}

static void save(Machine *m, const char *command, const char *text,
                 json_object *args, Error **errp)
{
    CPUState *cpu = hmp_cpu(m);
    g_autofree char *file = NULL;
    uint64_t addr, size;

    if (hmp_expr(cpu, &text, &addr, errp) &&
        hmp_expr(cpu, &text, &size, errp) &&
        (file = hmp_word(&text, "filename", errp)) && hmp_end(text, errp)) {
        json_object_object_add(args, "val", json_object_new_uint64(addr));
        json_object_object_add(args, "size", json_object_new_uint64(size));
        hmp_add_text(args, "filename", file);
        hmp_run_qmp(m, command, json_object_get(args), errp);
    }
    json_object_put(args);
}

void hmp_memsave(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    json_object *args = json_object_new_object();
    CPUState *cpu = hmp_cpu(m);

    json_object_object_add(args, "cpu-index",
                           json_object_new_int(cpu ? cpu->index : 0));
    save(m, "memsave", argv[0], args, errp);
}

void hmp_pmemsave(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    save(m, "pmemsave", argv[0], json_object_new_object(), errp);
}

/* --- addresses --- */

static bool one_address(Machine *m, const char *text, uint64_t *addr,
                        Error **errp)
{
    return hmp_expr(hmp_cpu(m), &text, addr, errp) && hmp_end(text, errp);
}

/* Host memory behind @addr, or NULL with *errp; it stays while the machine
 * lock is held. */
static void *host_address(Machine *m, uint64_t addr, const char **name,
                          Error **errp)
{
    const FlatRange *r;
    void *host = NULL;

    rcu_lock();
    r = flat_view_find(address_space_view(&m->memory), addr);
    if (!r) {
        error_set(errp, "No memory is mapped at address 0x%" PRIx64, addr);
    } else if (!flat_range_is_direct(r, false)) {
        error_set(errp, "Memory at address 0x%" PRIx64 " is not RAM", addr);
    } else {
        host = (uint8_t *)memory_region_ram_ptr(r->mr) + r->offset +
               (addr - r->addr);
        *name = r->mr->name;
    }
    rcu_unlock();
    return host;
}

void hmp_gpa2hva(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    const char *name;
    uint64_t addr;
    void *host;

    if (one_address(m, argv[0], &addr, errp) &&
        (host = host_address(m, addr, &name, errp))) {
        g_string_append_printf(
            out, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", addr,
            name, host);
    }
}

/* Frame of @host by proc_pid_pagemap(5): bit 63 present, 54:0 its number. */
static bool host_frame(const void *host, uint64_t *frame, Error **errp)
{
    uint64_t size = sysconf(_SC_PAGESIZE), entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 &&
              pread(fd, &entry, sizeof(entry),
                    (uintptr_t)host / size * sizeof(entry)) == sizeof(entry);

    if (!ok) {
        error_set_errno(errp, errno, "Cannot read /proc/self/pagemap");
    } else if (!(entry & BIT(63))) {
        error_set(errp, "Page not present");
        ok = false;
    } else if (!(entry & bit_mask(55))) {
        error_set(errp, "Host physical addresses need CAP_SYS_ADMIN");
        ok = false;
    }
    if (fd >= 0) {
        close(fd);
    }
    *frame = (entry & bit_mask(55)) * size;
    return ok;
}

void hmp_gpa2hpa(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    uint64_t addr, frame, size = sysconf(_SC_PAGESIZE);
    const char *name;
    void *host;

    if (one_address(m, argv[0], &addr, errp) &&
        (host = host_address(m, addr, &name, errp)) &&
        host_frame(host, &frame, errp)) {
        g_string_append_printf(
            out,
            "Host physical address for 0x%" PRIx64 " (%s) is 0x%" PRIx64 "\n",
            addr, name, frame + ((uintptr_t)host & (size - 1)));
    }
}

void hmp_gva2gpa(Machine *m, int argc, char **argv, GString *out, Error **errp)
{
    CPUState *cpu = hmp_cpu(m);
    MemAttrs attrs = MEM_ATTRS_CPU;
    uint64_t addr;
    hwaddr pa;

    if (!one_address(m, argv[0], &addr, errp)) {
        return;
    }
    if (!cpu) {
        error_set(errp, "this machine has no CPU");
    } else if (!cpu->type->debug_translate(cpu, addr, &pa, &attrs)) {
        g_string_append(out, "Unmapped\n");
    } else {
        g_string_append_printf(out, "gpa: 0x%" PRIx64 "\n", pa);
    }
}
