/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump-guest-memory: guest RAM and the CPUs' registers as an ELF core.
 *
 * Spec:  System V ABI, chapters 4 and 5 (ELF; PN_XNUM); a note for each CPU is
 *        Linux' NT_PRSTATUS of its architecture (core(5), <sys/procfs.h>).
 * Threads: the machine stands still from the command to the end. The file is
 *        written in the main thread, or with detach in one of its own, which
 *        sees only what was put into the Dump before it began.
 */
#include "tandem/base.h"

#include <elf.h>
#include <fcntl.h>

#include "accel/accel.h"
#include "hmp.h"
#include "softmmu/backend/socket.h"
#include "softmmu/base/rcu.h"
#include "softmmu/memory/memory.h"

enum {
    PIECE = 1 << 20,        /* bytes written at a time */
    SEGMENTS_MAX = 1 << 20, /* of page tables; the rest is physical */
    PRSTATUS_PID_64 = 32,   /* offsets of struct elf_prstatus */
    PRSTATUS_PID_32 = 24,
    PRSTATUS_REGS_64 = 112,
    PRSTATUS_REGS_32 = 72,
};

/* RAM that is in the file. */
typedef struct DumpBlock {
    hwaddr pa;
    uint64_t size;
    const uint8_t *host;
    uint64_t offset; /* in the file */
} DumpBlock;

typedef struct DumpSegment {
    vaddr va;
    hwaddr pa;
    uint64_t size;
    uint64_t offset; /* in the file's memory part */
} DumpSegment;

struct Dump {
    /* constant while the thread runs */
    Machine *m;
    int fd;
    bool detached, resume;
    GByteArray *head; /* headers and notes */
    GArray *blocks;   /* DumpBlock, by address */
    GArray *segments; /* DumpSegment */
    Thread thread;
    /* any thread */
    _Atomic uint64_t completed;
    _Atomic bool cancel;
    uint64_t total;
    /* the thread's until it has ended, then the main loop's */
    bool ok;
    Error *err;
    /* machine lock */
    DumpStatus status;
};

/* --- what is dumped --- */

/* Only [begin, begin + length) if that is set. */
static void add_block(Dump *d, const FlatRange *r, const DumpGuestMemoryArgs *a)
{
    DumpBlock b = { .pa = r->addr, .size = r->size };
    uint64_t skip = 0;

    if (a->has_length) {
        uint64_t end = (uint64_t)a->begin + a->length;

        skip = (uint64_t)a->begin > b.pa ? (uint64_t)a->begin - b.pa : 0;
        if (skip >= b.size || b.pa >= end) {
            return;
        }
        b.pa += skip;
        b.size = MIN(b.size - skip, end - b.pa);
    }
    b.host = (uint8_t *)memory_region_ram_ptr(r->mr) + r->offset + skip;
    b.offset = d->total;
    d->total += b.size;
    g_array_append_val(d->blocks, b);
}

static void add_blocks(Dump *d, const DumpGuestMemoryArgs *a)
{
    const FlatView *view;

    rcu_lock();
    view = address_space_view(&d->m->memory);
    for (size_t i = 0; i < view->count; i++) {
        const FlatRange *r = &view->ranges[i];

        if (r->mr->kind == MEMORY_RAM || r->mr->kind == MEMORY_ROM) {
            add_block(d, r, a);
        }
    }
    rcu_unlock();
}

/* A stretch of virtual addresses: a segment for each block that it touches. */
static bool add_mapping(void *opaque, const CpuMapping *map)
{
    Dump *d = opaque;

    for (guint i = 0; i < d->blocks->len; i++) {
        const DumpBlock *b = &g_array_index(d->blocks, DumpBlock, i);
        hwaddr from = MAX(b->pa, map->pa);
        hwaddr end = MIN(b->pa + b->size, map->pa + map->size);
        DumpSegment s;

        if (from >= end || map->pa + map->size < map->pa) {
            continue;
        }
        s = (DumpSegment){ map->va + (from - map->pa), from, end - from,
                           b->offset + (from - b->pa) };
        g_array_append_val(d->segments, s);
    }
    return d->segments->len < SEGMENTS_MAX;
}

static gint by_physical(gconstpointer a, gconstpointer b)
{
    const DumpSegment *x = a, *y = b;

    return x->pa < y->pa ? -1 : x->pa > y->pa;
}

static void add_physical(Dump *d, const DumpBlock *b, hwaddr from, hwaddr end)
{
    DumpSegment s = { from, from, end - from, b->offset + (from - b->pa) };

    if (from < end) {
        g_array_append_val(d->segments, s);
    }
}

/* What no mapping reaches, by its physical address. */
static void add_rest(Dump *d)
{
    g_autoptr(GArray) mapped = g_array_copy(d->segments);
    guint next = 0;

    g_array_sort(mapped, by_physical);
    for (guint i = 0; i < d->blocks->len; i++) {
        const DumpBlock *b = &g_array_index(d->blocks, DumpBlock, i);
        hwaddr at = b->pa;

        for (; next < mapped->len; next++) {
            const DumpSegment *s = &g_array_index(mapped, DumpSegment, next);

            if (s->pa >= b->pa + b->size) {
                break;
            }
            add_physical(d, b, at, s->pa);
            at = MAX(at, s->pa + s->size);
        }
        add_physical(d, b, at, b->pa + b->size);
    }
}

/* By the page tables of the first CPU that has some. */
static void add_segments(Dump *d, bool paging)
{
    bool mapped = false;

    for (guint i = 0; paging && !mapped && i < d->m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(d->m->cpus, i);

        mapped = cpu->type->each_mapping &&
                 cpu->type->each_mapping(cpu, false, add_mapping, d);
    }
    add_rest(d);
}

/* --- ELF --- */

/* What cores of an architecture look like: user_regs_struct of Linux by the
 * names that gdb knows. */
typedef struct CoreArch {
    const char *arch;
    uint16_t machine;
    bool is64;
    const char *regs; /* a space between */
} CoreArch;

#define RISCV_REGS                                                             \
    "pc ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 "    \
    "s7 s8 s9 s10 s11 t3 t4 t5 t6"

static const CoreArch core_arches[] = {
    { "riscv64", EM_RISCV, true, RISCV_REGS },
    { "riscv32", EM_RISCV, false, RISCV_REGS },
    { "x86_64", EM_X86_64, true,
      "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi - rip cs "
      "eflags rsp ss fs_base gs_base ds es fs gs" },
};

static const CoreArch *core_arch(const Machine *m)
{
    for (size_t i = 0; i < ARRAY_SIZE(core_arches); i++) {
        if (strcmp(core_arches[i].arch, m->view.arch) == 0) {
            return &core_arches[i];
        }
    }
    return NULL;
}

static void put(GByteArray *out, const void *data, size_t len)
{
    g_byte_array_append(out, data, len);
}

static void pad4(GByteArray *out)
{
    while (out->len % 4 != 0) {
        put(out, "", 1);
    }
}

/* struct elf_prstatus: only the process id and the registers are set. */
static void put_prstatus(GByteArray *out, CPUState *cpu, const CoreArch *arch)
{
    g_auto(GStrv) regs = g_strsplit(arch->regs, " ", -1);
    unsigned word = arch->is64 ? 8 : 4;
    unsigned at = arch->is64 ? PRSTATUS_REGS_64 : PRSTATUS_REGS_32;
    g_autofree uint8_t *desc = NULL;
    Elf64_Nhdr note = { .n_namesz = 5, .n_type = NT_PRSTATUS };

    note.n_descsz = at + (g_strv_length(regs) + 1) * word; /* pr_fpvalid */
    desc = g_malloc0(note.n_descsz);
    st32_le(desc + (arch->is64 ? PRSTATUS_PID_64 : PRSTATUS_PID_32),
            cpu->index + 1);
    for (char **r = regs; *r; r++, at += word) {
        uint8_t raw[8] = { 0 };
        uint64_t value;

        if (hmp_register(cpu, *r, &value)) { /* "-": no such, zero */
            st64_le(raw, value);
        }
        memcpy(desc + at, raw, word);
    }
    put(out, &note, sizeof(note));
    put(out, "CORE", 5);
    pad4(out);
    put(out, desc, note.n_descsz);
    pad4(out);
}

static GByteArray *make_notes(Machine *m, const CoreArch *arch)
{
    GByteArray *out = g_byte_array_new();

    for (guint i = 0; i < m->cpus->len; i++) {
        put_prstatus(out, g_ptr_array_index(m->cpus, i), arch);
    }
    return out;
}

/* Where things are in the file. */
typedef struct Layout {
    uint64_t phdrs, notes, memory;
    uint32_t phnum;
    bool xnum;
} Layout;

static Layout make_layout(const Dump *d, bool is64, uint64_t notes_len)
{
    Layout l = { .phnum = d->segments->len + 1 };

    l.xnum = l.phnum >= PN_XNUM;
    l.phdrs = is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    if (l.xnum) { /* one section header, which has the number */
        l.phdrs += is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    }
    l.notes = l.phdrs + (uint64_t)l.phnum *
                            (is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
    l.memory = align_up(l.notes + notes_len, 4096);
    return l;
}

#define ELF_IDENT(class)                                                       \
    {                                                                          \
        ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, class, ELFDATA2LSB, EV_CURRENT     \
    }

/* Both classes have the same fields, in other widths and places. */
#define DEFINE_PUT_HEADERS(bits)                                               \
    static void put_headers_##bits(GByteArray *out, const Dump *d,             \
                                   const Layout *l, uint16_t machine,          \
                                   uint32_t notes_len)                         \
    {                                                                          \
        Elf##bits##_Ehdr h = {                                                 \
            .e_ident = ELF_IDENT(ELFCLASS##bits),                              \
            .e_type = ET_CORE,                                                 \
            .e_machine = machine,                                              \
            .e_version = EV_CURRENT,                                           \
            .e_phoff = l->phdrs,                                               \
            .e_ehsize = sizeof(h),                                             \
            .e_phentsize = sizeof(Elf##bits##_Phdr),                           \
            .e_phnum = l->xnum ? PN_XNUM : l->phnum,                           \
        };                                                                     \
        Elf##bits##_Shdr s = { .sh_type = SHT_NULL, .sh_info = l->phnum };     \
        Elf##bits##_Phdr p = { .p_type = PT_NOTE,                              \
                               .p_offset = l->notes,                           \
                               .p_filesz = notes_len,                          \
                               .p_memsz = notes_len };                         \
                                                                               \
        if (l->xnum) {                                                         \
            h.e_shoff = sizeof(h);                                             \
            h.e_shentsize = sizeof(s);                                         \
            h.e_shnum = 1;                                                     \
        }                                                                      \
        put(out, &h, sizeof(h));                                               \
        put(out, &s, l->xnum ? sizeof(s) : 0);                                 \
        put(out, &p, sizeof(p));                                               \
        for (guint i = 0; i < d->segments->len; i++) {                         \
            const DumpSegment *seg =                                           \
                &g_array_index(d->segments, DumpSegment, i);                   \
                                                                               \
            p = (Elf##bits##_Phdr){ .p_type = PT_LOAD,                         \
                                    .p_offset = l->memory + seg->offset,       \
                                    .p_vaddr = seg->va,                        \
                                    .p_paddr = seg->pa,                        \
                                    .p_filesz = seg->size,                     \
                                    .p_memsz = seg->size };                    \
            put(out, &p, sizeof(p));                                           \
        }                                                                      \
    }
DEFINE_PUT_HEADERS(32)
DEFINE_PUT_HEADERS(64)

static void make_head(Dump *d)
{
    const CoreArch *arch = core_arch(d->m);
    g_autoptr(GByteArray) notes = make_notes(d->m, arch);
    Layout l = make_layout(d, arch->is64, notes->len);

    if (arch->is64) {
        put_headers_64(d->head, d, &l, arch->machine, notes->len);
    } else {
        put_headers_32(d->head, d, &l, arch->machine, notes->len);
    }
    put(d->head, notes->data, notes->len);
    while (d->head->len < l.memory) {
        put(d->head, "", 1);
    }
}

/* --- writing --- */

static bool write_all(int fd, const void *data, size_t len, Error **errp)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            error_set_errno(errp, errno, "dump: failed to save memory");
            return false;
        }
        p += n;
        len -= n;
    }
    return true;
}

static bool write_block(Dump *d, const DumpBlock *b, Error **errp)
{
    for (uint64_t at = 0; at < b->size; at += PIECE) {
        uint64_t n = MIN(b->size - at, PIECE);

        if (atomic_load(&d->cancel)) {
            error_set(errp, "dump: the program ends");
            return false;
        }
        if (!write_all(d->fd, b->host + at, n, errp)) {
            return false;
        }
        atomic_fetch_add(&d->completed, n);
    }
    return true;
}

static bool write_file(Dump *d, Error **errp)
{
    if (!write_all(d->fd, d->head->data, d->head->len, errp)) {
        return false;
    }
    for (guint i = 0; i < d->blocks->len; i++) {
        if (!write_block(d, &g_array_index(d->blocks, DumpBlock, i), errp)) {
            return false;
        }
    }
    return true;
}

/* --- its course --- */

static DumpQueryResult *result_of(const Dump *d)
{
    DumpQueryResult *r = g_new0(DumpQueryResult, 1);

    if (d) {
        *r = (DumpQueryResult){ d->status, (int64_t)d->completed,
                                (int64_t)d->total };
    }
    return r;
}

/* Main loop, machine lock: the file is there, or is not. */
static void dump_over(Dump *d)
{
    json_object *data = json_object_new_object();
    DumpQueryResult *r;

    close(d->fd);
    d->fd = -1;
    d->status = d->ok ? DUMP_STATUS_COMPLETED : DUMP_STATUS_FAILED;
    g_byte_array_set_size(d->head, 0);
    g_array_set_size(d->blocks, 0);
    g_array_set_size(d->segments, 0);
    r = result_of(d);
    json_object_object_add(data, "result",
                           qtype_to_json(&qtype_dump_query_result, &r));
    qtype_free(&qtype_dump_query_result, &r);
    if (!d->ok) {
        json_object_object_add(data, "error",
                               json_object_new_string(error_text(d->err)));
    }
    machine_event(d->m, "DUMP_COMPLETED", data);
    /* Not when it was stopped or migrated away meanwhile. */
    if (d->resume && d->m->state == RUN_STATE_SAVE_VM) {
        machine_cont(d->m);
    }
}

static void dump_joined(void *opaque)
{
    Dump *d = opaque;

    thread_join(&d->thread);
    d->detached = false;
    dump_over(d);
}

static void *dump_thread(void *opaque)
{
    Dump *d = opaque;

    d->ok = write_file(d, &d->err);
    loop_post(d->m->loop, dump_joined, d);
    return NULL;
}

void dump_free(Dump *d)
{
    if (!d) {
        return;
    }
    if (d->detached) {
        atomic_store(&d->cancel, true);
        thread_join(&d->thread);
    }
    if (d->fd >= 0) {
        close(d->fd);
    }
    g_byte_array_unref(d->head);
    g_array_unref(d->blocks);
    g_array_unref(d->segments);
    error_free(d->err);
    g_free(d);
}

bool dump_active(const Dump *d)
{
    return d && d->status == DUMP_STATUS_ACTIVE;
}

/* --- QMP --- */

static bool check_args(Machine *m, const DumpGuestMemoryArgs *a, Error **errp)
{
    if (m->monitors && dump_active(m->monitors->dump)) {
        error_set(errp, "There is a dump in process, please wait.");
    } else if (m->state == RUN_STATE_INMIGRATE) {
        error_set(errp, "Dump not allowed during incoming migration.");
    } else if (a->has_begin != a->has_length) {
        error_set(errp, "Parameter '%s' is missing",
                  a->has_begin ? "length" : "begin");
    } else if (a->has_length && a->length <= 0) {
        error_set(errp, "parameter 'length' expects a non-zero size");
    } else if (a->has_begin &&
               (a->begin < 0 || (uint64_t)a->begin + a->length > INT64_MAX)) {
        error_set(errp, "parameter 'begin' is out of range");
    } else if (a->has_format && a->format != DUMP_GUEST_MEMORY_FORMAT_ELF) {
        error_set(errp, "format '%s' is not supported, only 'elf' is",
                  qtype_dump_guest_memory_format.names[a->format]);
    } else if (!m->monitors || m->cpus->len == 0 || !core_arch(m)) {
        error_set(errp, "dump: this machine has no CPUs with a core format");
    } else {
        return true;
    }
    return false;
}

static int open_target(Machine *m, const char *protocol, Error **errp)
{
    int fd;

    if (g_str_has_prefix(protocol, "fd:")) {
        return monitor_take_named_fd(m, NULL, protocol + 3, errp);
    }
    if (!g_str_has_prefix(protocol, "file:")) {
        error_set(errp,
                  "parameter 'protocol' must start with 'file:' or 'fd:'");
        return -1;
    }
    fd = path_open(m, protocol + 5, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        error_set_errno(errp, errno, "Could not open '%s'", protocol + 5);
    }
    return fd;
}

static Dump *dump_new(Machine *m, const DumpGuestMemoryArgs *a)
{
    Dump *d = g_new0(Dump, 1);

    d->m = m;
    d->fd = -1;
    d->head = g_byte_array_new();
    d->blocks = g_array_new(FALSE, FALSE, sizeof(DumpBlock));
    d->segments = g_array_new(FALSE, FALSE, sizeof(DumpSegment));
    add_blocks(d, a);
    return d;
}

/* The machine stands still: all that the file needs of it. */
static void describe(Dump *d, bool paging)
{
    for (guint i = 0; i < d->m->cpus->len; i++) {
        accel_ops(d->m)->regs_pull(g_ptr_array_index(d->m->cpus, i), REGS_ALL);
    }
    add_segments(d, paging);
    make_head(d);
}

bool qmp_dump_guest_memory(Machine *m, const DumpGuestMemoryArgs *a,
                           Error **errp)
{
    Dump *d;

    if (!check_args(m, a, errp)) {
        return false;
    }
    d = dump_new(m, a);
    if (d->blocks->len == 0) {
        error_set(errp, "dump: no guest memory to dump");
    } else {
        d->fd = open_target(m, a->protocol, errp);
    }
    if (d->fd < 0) {
        dump_free(d);
        return false;
    }
    dump_free(m->monitors->dump);
    m->monitors->dump = d;
    d->status = DUMP_STATUS_ACTIVE;
    d->resume = machine_running(m);
    if (d->resume) {
        machine_stop(m, RUN_STATE_SAVE_VM);
    }
    describe(d, a->paging);
    if (a->has_detach && a->detach) {
        d->detached = true;
        thread_start(&d->thread, "dump", dump_thread, d);
        return true;
    }
    d->ok = write_file(d, &d->err);
    dump_over(d);
    if (!d->ok) {
        error_set(errp, "%s", error_text(d->err));
    }
    return d->ok;
}

DumpQueryResult *qmp_query_dump(Machine *m, Error **errp)
{
    return result_of(m->monitors ? m->monitors->dump : NULL);
}

DumpGuestMemoryCapability *qmp_query_dump_guest_memory_capability(Machine *m,
                                                                  Error **errp)
{
    DumpGuestMemoryCapability *c = g_new0(DumpGuestMemoryCapability, 1);
    DumpGuestMemoryFormat elf = DUMP_GUEST_MEMORY_FORMAT_ELF;

    qlist_append(&qtype_list_dump_guest_memory_format, &c->formats, &elf);
    return c;
}
