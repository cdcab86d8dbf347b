/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets, one function each; the table at the end names them. An empty
 * reply means "not supported", E.. an error (GDB manual, E.2 to E.4).
 */
#include "tandem/base.h"

#include "accel/accel.h"
#include "internal.h"
#include "qmp-schema.h"
#include "softmmu/qmp/monitor.h"

enum { SIG_INT = 2, SIG_ABRT = 6, SIG_TRAP = 5 };

/* --- small parts --- */

/* Hex digits at *p, at least one; moves past them. */
static bool take_hex(const char **p, uint64_t *value)
{
    const char *start = *p;

    *value = 0;
    while (g_ascii_isxdigit(**p)) {
        *value = *value << 4 | g_ascii_xdigit_value(*(*p)++);
    }
    return *p != start && *p - start <= 16;
}

static bool take_char(const char **p, char c)
{
    if (**p != c) {
        return false;
    }
    (*p)++;
    return true;
}

/* "ADDR,LEN" and nothing but @end after it. */
static bool take_range(const char **p, uint64_t *addr, uint64_t *len, char end)
{
    return take_hex(p, addr) && take_char(p, ',') && take_hex(p, len) &&
           **p == end;
}

/* Threads are CPUs, numbered from 1; 0 and -1: any, all. */
static bool take_thread(GdbServer *g, const char **p, CPUState **cpu)
{
    uint64_t id;

    *cpu = NULL;
    if (take_char(p, '-')) {
        return take_hex(p, &id) && id == 1;
    }
    if (!take_hex(p, &id) || id > g->m->cpus->len) {
        return false;
    }
    *cpu = id ? cpu_by_index(g->m, id - 1) : NULL;
    return true;
}

static CPUState *current(GdbServer *g)
{
    if (!g->cpu) {
        g->cpu = cpu_by_index(g->m, 0);
    }
    return g->cpu;
}

/* Why not, to a client that shows it. */
static void send_error(GdbServer *g, const char *code, Error *err)
{
    g_autofree char *text =
        g_strdup_printf("E.%s", err ? error_text(err) : code);

    gdb_send(g, g->texts ? text : code);
    error_free(err);
}

/* --- stopping --- */

static void stop_reply(GdbServer *g, int signal, CPUState *cpu)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_printf(out, "T%02xthread:%02x;", signal, cpu->index + 1);
    if (cpu->debug_hit == CPU_HIT_WATCH) {
        const char *kind = "watch";

        for (guint i = 0; i < cpu->watchpoints->len; i++) {
            CpuWatchpoint *w =
                &g_array_index(cpu->watchpoints, CpuWatchpoint, i);

            if (cpu->watch_hit_addr - w->addr < w->len) {
                kind = w->on_read && w->on_write ? "awatch"
                       : w->on_read              ? "rwatch"
                                                 : "watch";
            }
        }
        g_string_append_printf(out, "%s:%" PRIx64 ";", kind,
                               cpu->watch_hit_addr);
    }
    gdb_send(g, out->str);
}

/* Stepping and holding back end with every stop. */
static void end_resume(GdbServer *g)
{
    for (guint i = 0; i < g->m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(g->m->cpus, i);

        if (cpu->single_step) {
            cpu->single_step = 0;
            accel_ops(g->m)->debug_changed(cpu, NULL);
        }
    }
    for (guint i = 0; i < g->held->len; i++) {
        CPUState *cpu = g_array_index(g->held, CPUState *, i);

        lock_acquire(&cpu->lock);
        cpu->hold--;
        cond_signal(&cpu->wake);
        lock_release(&cpu->lock);
    }
    g_array_set_size(g->held, 0);
}

static int stop_signal(GdbServer *g, RunState why)
{
    switch (why) {
    case RUN_STATE_DEBUG:
        return SIG_TRAP;
    case RUN_STATE_GUEST_PANICKED:
    case RUN_STATE_INTERNAL_ERROR:
    case RUN_STATE_IO_ERROR:
        return SIG_ABRT;
    default:
        return SIG_INT;
    }
}

void gdb_stopped(GdbServer *g, RunState why)
{
    CPUState *hit = current(g);

    end_resume(g);
    if (!g->connected || !g->running || !hit) {
        return;
    }
    g->running = false;
    for (guint i = 0; i < g->m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(g->m->cpus, i);

        if (why == RUN_STATE_DEBUG && cpu->debug_hit != CPU_HIT_NONE) {
            hit = cpu;
        }
    }
    g->cpu = g->cpu_c = hit;
    stop_reply(g, stop_signal(g, why), hit);
    for (guint i = 0; i < g->m->cpus->len; i++) {
        ((CPUState *)g_ptr_array_index(g->m->cpus, i))->debug_hit =
            CPU_HIT_NONE;
    }
}

void gdb_interrupt(GdbServer *g)
{
    if (machine_running(g->m)) {
        machine_stop(g->m, RUN_STATE_PAUSED);
    }
}

static void cmd_why(GdbServer *g, const char *p, size_t len)
{
    if (current(g)) {
        stop_reply(g, SIG_TRAP, current(g));
    } else {
        gdb_send(g, "E01"); /* a machine without CPUs */
    }
}

/* --- going on --- */

/* Where `cont` of a monitor may: not amid saving or loading, or a dump. */
static void resume(GdbServer *g)
{
    Error *err = NULL;

    g->running = true;
    if (!qmp_cont(g->m, &err)) {
        g->running = false;
        send_error(g, "E16", err);
        end_resume(g);
    }
}

static bool step_cpu(GdbServer *g, CPUState *cpu)
{
    cpu->single_step = CPU_STEP_ON | CPU_STEP_NOIRQ | CPU_STEP_NOTIMER;
    return accel_ops(g->m)->debug_changed(cpu, NULL);
}

static void hold_cpu(GdbServer *g, CPUState *cpu)
{
    lock_acquire(&cpu->lock);
    cpu->hold++;
    lock_release(&cpu->lock);
    g_array_append_val(g->held, cpu);
}

static void hold_others(GdbServer *g, CPUState *cpu)
{
    for (guint i = 0; i < g->m->cpus->len; i++) {
        if (g_ptr_array_index(g->m->cpus, i) != cpu) {
            hold_cpu(g, g_ptr_array_index(g->m->cpus, i));
        }
    }
}

/* What vCont asks of each CPU; 0: stay stopped. */
static void apply_actions(GdbServer *g, const char *actions)
{
    for (guint i = 0; i < g->m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(g->m->cpus, i);

        if (actions[i] == 's') {
            step_cpu(g, cpu);
        } else if (actions[i] == 0) {
            hold_cpu(g, cpu);
        }
    }
    resume(g);
}

/* ";c", ";s:THREAD", ";C05:THREAD", ...: the first that fits a CPU counts. */
static bool parse_actions(GdbServer *g, const char *p, char *actions)
{
    while (*p) {
        CPUState *cpu = NULL;
        uint64_t signal;
        char action;

        if (!take_char(&p, ';')) {
            return false;
        }
        action = g_ascii_tolower(*p);
        if (action != 'c' && action != 's') {
            return false;
        }
        if (g_ascii_isupper(*p++) && !take_hex(&p, &signal)) {
            return false;
        }
        if (take_char(&p, ':') && !take_thread(g, &p, &cpu)) {
            return false;
        }
        for (guint i = 0; i < g->m->cpus->len; i++) {
            if (!actions[i] && (!cpu || cpu->index == (int)i)) {
                actions[i] = action;
            }
        }
    }
    return true;
}

static void cmd_vcont(GdbServer *g, const char *p, size_t len)
{
    g_autofree char *actions = g_malloc0(g->m->cpus->len + 1);

    if (strcmp(p, "?") == 0) {
        gdb_send(g, "vCont;c;C;s;S");
    } else if (*p != ';' || !parse_actions(g, p, actions)) {
        gdb_send(g, "E22");
    } else {
        apply_actions(g, actions);
    }
}

/* c, s, C, S: an old client's ways; "[ADDR]" or "SIG[;ADDR]". */
static void resume_old(GdbServer *g, const char *p, bool with_signal, bool step)
{
    CPUState *cpu = g->cpu_c ? g->cpu_c : current(g);
    uint64_t addr, signal;
    bool jump;

    if (with_signal &&
        (!take_hex(&p, &signal) || (*p && !take_char(&p, ';')))) {
        gdb_send(g, "E22");
        return;
    }
    jump = *p != '\0';
    if (jump && (!take_hex(&p, &addr) || *p)) {
        gdb_send(g, "E22");
        return;
    }
    if (jump) {
        accel_ops(g->m)->regs_pull(cpu, REGS_ALL); /* all go back */
        cpu->type->pc_set(cpu, addr);
        cpu_env_changed(cpu);
    }
    if (step) {
        hold_others(g, cpu);
        step_cpu(g, cpu);
    }
    resume(g);
}

static void cmd_continue(GdbServer *g, const char *p, size_t len)
{
    resume_old(g, p, false, false);
}

static void cmd_continue_signal(GdbServer *g, const char *p, size_t len)
{
    resume_old(g, p, true, false);
}

static void cmd_step(GdbServer *g, const char *p, size_t len)
{
    resume_old(g, p, false, true);
}

static void cmd_step_signal(GdbServer *g, const char *p, size_t len)
{
    resume_old(g, p, true, true);
}

void gdb_fileio_over(GdbServer *g, CPUState *cpu, bool interrupt)
{
    if (interrupt) {
        stop_reply(g, SIG_INT, cpu);
        return;
    }
    if (g->fileio_step) {
        hold_others(g, cpu);
        step_cpu(g, cpu);
    }
    resume(g);
}

static void cmd_fileio(GdbServer *g, const char *p, size_t len)
{
    gdb_fileio_answer(g, p);
}

static void cmd_detach(GdbServer *g, const char *p, size_t len)
{
    gdb_forget_points(g);
    gdb_send(g, "OK");
    g->running = false;
    qmp_cont(g->m, NULL);
}

static void cmd_kill(GdbServer *g, const char *p, size_t len)
{
    machine_request_shutdown(g->m, CAUSE_HOST_UI, 0);
}

static void cmd_vkill(GdbServer *g, const char *p, size_t len)
{
    gdb_send(g, "OK");
    machine_request_shutdown(g->m, CAUSE_HOST_UI, 0);
}

/* --- registers --- */

static void cmd_read_regs(GdbServer *g, const char *p, size_t len)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GString) out = g_string_new(NULL);
    CPUState *cpu = current(g);

    accel_ops(g->m)->regs_pull(cpu, REGS_ALL);
    for (unsigned n = 0; n < gdb_core_regs(cpu); n++) {
        gdb_reg_read(cpu, n, bytes);
    }
    gdb_hex(out, bytes->data, bytes->len);
    gdb_send(g, out->str);
}

/* The engine may refuse what was written: then the old values stand. */
static bool take_registers(CPUState *cpu)
{
    Error *err = NULL;

    if (!cpu_env_loaded(cpu, &err)) {
        error_report(err);
        error_free(err);
        return false;
    }
    return true;
}

static void cmd_write_regs(GdbServer *g, const char *p, size_t len)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    CPUState *cpu = current(g);
    unsigned at = 0;

    if (len == 0 || !gdb_unhex(p, len, bytes)) {
        gdb_send(g, "E22");
        return;
    }
    accel_ops(g->m)->regs_pull(cpu, REGS_ALL);
    for (unsigned n = 0; n < gdb_core_regs(cpu) && at < bytes->len; n++) {
        unsigned used =
            gdb_reg_write(cpu, n, bytes->data + at, bytes->len - at);

        if (used == 0) {
            break;
        }
        at += used;
    }
    gdb_send(g, take_registers(cpu) && at == bytes->len ? "OK" : "E14");
}

static void cmd_read_reg(GdbServer *g, const char *p, size_t len)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GString) out = g_string_new(NULL);
    CPUState *cpu = current(g);
    uint64_t n;

    accel_ops(g->m)->regs_pull(cpu, REGS_ALL);
    if (!take_hex(&p, &n) || *p || n > UINT_MAX ||
        gdb_reg_read(cpu, n, bytes) == 0) {
        gdb_send(g, "E14");
        return;
    }
    gdb_hex(out, bytes->data, bytes->len);
    gdb_send(g, out->str);
}

static void cmd_write_reg(GdbServer *g, const char *p, size_t len)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    CPUState *cpu = current(g);
    uint64_t n;

    if (!take_hex(&p, &n) || n > UINT_MAX || !take_char(&p, '=') ||
        !gdb_unhex(p, strlen(p), bytes)) {
        gdb_send(g, "E22");
        return;
    }
    accel_ops(g->m)->regs_pull(cpu, REGS_ALL);
    if (gdb_reg_write(cpu, n, bytes->data, bytes->len) == 0) {
        gdb_send(g, "E14");
        return;
    }
    gdb_send(g, take_registers(cpu) ? "OK" : "E14");
}

/* --- memory --- */

static bool access_memory(GdbServer *g, uint64_t addr, void *buf, size_t len,
                          bool write)
{
    MemAttrs attrs = { .debug = true };

    if (gdb_fileio_memory(g, addr, buf, len, write)) {
        return true;
    }
    if (g->physical) {
        return address_space_rw(&g->m->memory, addr, attrs, buf, len, write) ==
               MEM_OK;
    }
    return cpu_debug_rw(current(g), addr, buf, len, write);
}

static void cmd_read_memory(GdbServer *g, const char *p, size_t len)
{
    g_autoptr(GString) out = g_string_new(NULL);
    uint8_t buf[GDB_PACKET_MAX / 2];
    uint64_t addr, n;

    if (!take_range(&p, &addr, &n, '\0')) {
        gdb_send(g, "E22");
        return;
    }
    n = MIN(n, sizeof(buf) - 8);
    if (!access_memory(g, addr, buf, n, false)) {
        gdb_send(g, "E14");
        return;
    }
    gdb_hex(out, buf, n);
    gdb_send(g, out->str);
}

static void write_memory(GdbServer *g, uint64_t addr, const uint8_t *data,
                         size_t len)
{
    bool ok = access_memory(g, addr, (void *)data, len, true);

    gdb_send(g, ok ? "OK" : "E14");
}

static void cmd_write_memory(GdbServer *g, const char *p, size_t len)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    uint64_t addr, n;

    if (!take_range(&p, &addr, &n, ':') ||
        !gdb_unhex(p + 1, strlen(p + 1), bytes) || bytes->len != n) {
        gdb_send(g, "E22");
        return;
    }
    write_memory(g, addr, bytes->data, n);
}

static void cmd_write_binary(GdbServer *g, const char *p, size_t len)
{
    const char *end = p + len;
    uint64_t addr, n;

    if (!take_range(&p, &addr, &n, ':') || n != (uint64_t)(end - (p + 1))) {
        gdb_send(g, "E22");
        return;
    }
    write_memory(g, addr, (const uint8_t *)p + 1, n);
}

/* --- breakpoints and watchpoints --- */

/* "TYPE,ADDR,KIND" with optional conditions, which are not supported. */
static bool take_point(const char *p, unsigned *type, uint64_t *addr,
                       uint64_t *kind)
{
    if (*p < '0' || *p > '4') {
        return false;
    }
    *type = *p++ - '0';
    return take_char(&p, ',') && take_range(&p, addr, kind, '\0');
}

static CpuWatchpoint watchpoint(unsigned type, uint64_t addr, uint64_t len)
{
    return (CpuWatchpoint){ .addr = addr,
                            .len = len,
                            .on_write = type == 2 || type == 4,
                            .on_read = type == 3 || type == 4,
                            .owner = CPU_BP_GDB };
}

static bool change_point(CPUState *cpu, unsigned type, uint64_t addr,
                         uint64_t len, bool insert, Error **errp)
{
    CpuWatchpoint w = watchpoint(type, addr, len);
    CpuBreakpoint b = { .pc = addr, .owner = CPU_BP_GDB, .hw = type == 1 };

    if (type <= 1) {
        return insert ? cpu_breakpoint_add(cpu, &b, errp)
                      : cpu_breakpoint_del(cpu, &b);
    }
    return insert ? cpu_watchpoint_add(cpu, &w, errp)
                  : cpu_watchpoint_del(cpu, &w);
}

/* Reads alone, where the engine watches accesses alone: gdb then does with
 * those, and compares values. */
static bool has_kind(CPUState *cpu, unsigned type, uint64_t addr, uint64_t len)
{
    bool (*can)(CPUState *, const CpuWatchpoint *) =
        accel_ops(cpu->parent.machine)->debug_can;
    CpuWatchpoint reads = watchpoint(3, addr, len);
    CpuWatchpoint both = watchpoint(4, addr, len);

    return type != 3 || !can || can(cpu, &reads) || !can(cpu, &both);
}

/* On all CPUs or on none. */
static void insert_point(GdbServer *g, unsigned type, uint64_t addr,
                         uint64_t kind)
{
    GPtrArray *cpus = g->m->cpus;
    Error *err = NULL;

    for (guint i = 0; i < cpus->len; i++) {
        if (change_point(g_ptr_array_index(cpus, i), type, addr, kind, true,
                         &err)) {
            continue;
        }
        while (i-- > 0) {
            change_point(g_ptr_array_index(cpus, i), type, addr, kind, false,
                         NULL);
        }
        send_error(g, "E22", err);
        return;
    }
    gdb_send(g, "OK");
}

static void change_points(GdbServer *g, const char *p, bool insert)
{
    uint64_t addr, kind;
    unsigned type;

    if (!take_point(p, &type, &addr, &kind)) {
        gdb_send(g, *p > '4' && *p <= '9' ? "" : "E22");
        return;
    }
    if (insert && !has_kind(current(g), type, addr, kind)) {
        gdb_send(g, "");
        return;
    }
    if (insert) {
        insert_point(g, type, addr, kind);
        return;
    }
    for (guint i = 0; i < g->m->cpus->len; i++) {
        change_point(g_ptr_array_index(g->m->cpus, i), type, addr, kind, false,
                     NULL);
    }
    gdb_send(g, "OK");
}

static void cmd_insert_point(GdbServer *g, const char *p, size_t len)
{
    change_points(g, p, true);
}

static void cmd_remove_point(GdbServer *g, const char *p, size_t len)
{
    change_points(g, p, false);
}

void gdb_forget_points(GdbServer *g)
{
    for (guint i = 0; i < g->m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(g->m->cpus, i);

        for (guint j = cpu->breakpoints->len; j-- > 0;) {
            CpuBreakpoint b = g_array_index(cpu->breakpoints, CpuBreakpoint, j);

            if (b.owner == CPU_BP_GDB) {
                cpu_breakpoint_del(cpu, &b);
            }
        }
        for (guint j = cpu->watchpoints->len; j-- > 0;) {
            CpuWatchpoint w = g_array_index(cpu->watchpoints, CpuWatchpoint, j);

            if (w.owner == CPU_BP_GDB) {
                cpu_watchpoint_del(cpu, &w);
            }
        }
    }
}

/* --- threads --- */

static void cmd_set_thread(GdbServer *g, const char *p, size_t len)
{
    char which = *p;
    CPUState *cpu;

    if (which != 'g' && which != 'c') {
        gdb_send(g, "E22");
        return;
    }
    p++;
    if (!take_thread(g, &p, &cpu) || *p) {
        gdb_send(g, "E22");
        return;
    }
    if (cpu) {
        *(which == 'g' ? &g->cpu : &g->cpu_c) = cpu;
    }
    gdb_send(g, "OK");
}

static void cmd_thread_alive(GdbServer *g, const char *p, size_t len)
{
    CPUState *cpu;

    gdb_send(g, take_thread(g, &p, &cpu) && cpu ? "OK" : "E22");
}

static void query_threads(GdbServer *g, const char *p)
{
    g_autoptr(GString) out = g_string_new("m");

    for (guint i = 0; i < g->m->cpus->len; i++) {
        g_string_append_printf(out, "%s%02x", i ? "," : "", i + 1);
    }
    gdb_send(g, out->str);
}

static void query_no_more_threads(GdbServer *g, const char *p)
{
    gdb_send(g, "l");
}

static void query_thread_info(GdbServer *g, const char *p)
{
    g_autofree char *text = NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    CPUState *cpu;

    if (!take_char(&p, ',') || !take_thread(g, &p, &cpu) || !cpu) {
        gdb_send(g, "E22");
        return;
    }
    text = g_strdup_printf("CPU#%d [%s]", cpu->index,
                           atomic_load(&cpu->halted) ? "halted " : "running");
    gdb_hex(out, (const uint8_t *)text, strlen(text));
    gdb_send(g, out->str);
}

static void query_current(GdbServer *g, const char *p)
{
    g_autofree char *text = g_strdup_printf("QC%02x", current(g)->index + 1);

    gdb_send(g, text);
}

/* --- queries --- */

static void query_supported(GdbServer *g, const char *p)
{
    g_autofree char *text =
        g_strdup_printf("PacketSize=%x;qXfer:features:read+;vContSupported+;"
                        "QStartNoAckMode+",
                        GDB_PACKET_MAX - 16);

    g->texts = strstr(p, "error-message+") != NULL;
    gdb_send(g, text);
}

/* ":NAME:OFFSET,LENGTH" */
static void query_features(GdbServer *g, const char *p)
{
    const char *colon = *p == ':' ? strchr(p + 1, ':') : NULL;
    g_autofree char *name = colon ? g_strndup(p + 1, colon - p - 1) : NULL;
    g_autofree char *xml = name ? gdb_target_file(current(g), name) : NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    uint64_t offset, n, size;

    if (!xml) {
        gdb_send(g, "E00");
        return;
    }
    p = colon + 1;
    size = strlen(xml);
    if (!take_range(&p, &offset, &n, '\0') || offset > size) {
        gdb_send(g, "E22");
        return;
    }
    n = MIN(n, GDB_PACKET_MAX / 2); /* escapes may double it */
    g_string_append_c(out, n < size - offset ? 'm' : 'l');
    g_string_append_len(out, xml + offset, MIN(n, size - offset));
    gdb_send_bytes(g, out->str, out->len);
}

static void query_attached(GdbServer *g, const char *p)
{
    gdb_send(g, "1");
}

/* "monitor LINE": a line of the human monitor, its text in O packets. */
static void query_command(GdbServer *g, const char *p)
{
    g_autoptr(GByteArray) line = g_byte_array_new();
    g_autofree char *text = NULL;

    if (!take_char(&p, ',') || !gdb_unhex(p, strlen(p), line)) {
        gdb_send(g, "E22");
        return;
    }
    g_byte_array_append(line, (const uint8_t *)"", 1);
    text = hmp_execute(g->m, (const char *)line->data);
    for (size_t at = 0, n = strlen(text); at < n; at += GDB_PACKET_MAX / 4) {
        g_autoptr(GString) out = g_string_new("O");

        gdb_hex(out, (const uint8_t *)text + at,
                MIN(n - at, GDB_PACKET_MAX / 4));
        gdb_send(g, out->str);
    }
    gdb_send(g, "OK");
}

static void query_physical(GdbServer *g, const char *p)
{
    gdb_send(g, g->physical ? "1" : "0");
}

static void set_physical(GdbServer *g, const char *p)
{
    if (strcmp(p, ":0") != 0 && strcmp(p, ":1") != 0) {
        gdb_send(g, "E22");
        return;
    }
    g->physical = p[1] == '1';
    gdb_send(g, "OK");
}

static void set_no_ack(GdbServer *g, const char *p)
{
    gdb_send(g, "OK");
    g->no_ack = true;
}

static const struct {
    const char *name;
    void (*fn)(GdbServer *g, const char *rest);
} queries[] = {
    { "qSupported", query_supported },
    { "qXfer:features:read", query_features },
    { "qfThreadInfo", query_threads },
    { "qsThreadInfo", query_no_more_threads },
    { "qThreadExtraInfo", query_thread_info },
    { "qC", query_current },
    { "qAttached", query_attached },
    { "qRcmd", query_command },
    { "qqemu.PhyMemMode", query_physical },
    { "Qqemu.PhyMemMode", set_physical },
    { "QStartNoAckMode", set_no_ack },
};

/* @p is the packet without its first letter. */
static void cmd_query(GdbServer *g, const char *p, size_t len)
{
    const char *packet = p - 1;

    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        size_t n = strlen(queries[i].name);

        if (strncmp(packet, queries[i].name, n) == 0 &&
            !g_ascii_isalnum(packet[n])) {
            queries[i].fn(g, packet + n);
            return;
        }
    }
    gdb_send(g, "");
}

/* --- the table --- */

/* Longer names first. All but "?", "H", "T", "q", "Q", "v", "D" and "k" need
 * a CPU. */
static const struct {
    const char *name;
    void (*fn)(GdbServer *g, const char *rest, size_t len);
    bool any; /* works on a machine without CPUs */
} commands[] = {
    { "vCont", cmd_vcont },       { "vKill", cmd_vkill, true },
    { "?", cmd_why, true },       { "c", cmd_continue },
    { "C", cmd_continue_signal }, { "s", cmd_step },
    { "S", cmd_step_signal },     { "D", cmd_detach, true },
    { "k", cmd_kill, true },      { "g", cmd_read_regs },
    { "G", cmd_write_regs },      { "p", cmd_read_reg },
    { "P", cmd_write_reg },       { "m", cmd_read_memory },
    { "M", cmd_write_memory },    { "X", cmd_write_binary },
    { "Z", cmd_insert_point },    { "z", cmd_remove_point },
    { "H", cmd_set_thread },      { "T", cmd_thread_alive },
    { "F", cmd_fileio },          { "q", cmd_query },
    { "Q", cmd_query },
};

void gdb_packet(GdbServer *g, const char *packet, size_t len)
{
    if (machine_running(g->m)) { /* it wants to look: hold still */
        g->running = false;
        machine_stop(g->m, RUN_STATE_PAUSED);
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        size_t n = strlen(commands[i].name);

        if (strncmp(packet, commands[i].name, n) != 0) {
            continue;
        }
        if (!commands[i].any && !current(g)) {
            gdb_send(g, "E01");
        } else {
            commands[i].fn(g, packet + n, len - n);
        }
        return;
    }
    gdb_send(g, "");
}
