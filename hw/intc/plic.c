/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Platform-level interrupt controller.
 *
 * Spec:  RISC-V Platform-Level Interrupt Controller Specification 1.0.0;
 *        layout and WARL priorities as in the SiFive FU540-C000 manual,
 *        chapter 10.
 * Guest: one window of 32-bit registers; inputs are sources 1..N, outputs
 *        one level line a context (hart and privilege).
 * Locks: every function runs under the machine lock and none blocks.
 */
#include "tandem/base.h"

#include "hw/intc/plic.h"
#include "trace_hw_intc.h"

enum {
    PLIC_MAX_SOURCES = 1024,   /* source 0 included: PLIC 3 */
    PLIC_MAX_CONTEXTS = 15872, /* PLIC 3 */
    PLIC_WORDS = PLIC_MAX_SOURCES / 32,
    CTX_THRESHOLD = 0, /* offsets in a context's page: PLIC 3 */
    CTX_CLAIM = 4,
};

typedef struct PlicContext {
    IrqLine irq;
    char mode; /* 'M' or 'S' */
    unsigned hart;
} PlicContext;

typedef struct Plic {
    DeviceState parent;
    /* properties: constant after realize */
    char *hart_config;
    char *edge_sources; /* "3,5-7": gateways of edge-triggered sources */
    uint32_t hartid_base, num_sources, num_priorities;
    uint32_t priority_base, pending_base, enable_base, enable_stride,
        context_base, context_stride, aperture_size;
    /* guest state: saved */
    uint32_t priority[PLIC_MAX_SOURCES];
    uint32_t level[PLIC_WORDS];   /* input lines, as last driven */
    uint32_t pending[PLIC_WORDS]; /* IP bits of the core */
    uint32_t claimed[PLIC_WORDS]; /* gateway waits for completion */
    uint32_t again[PLIC_WORDS];   /* edge came while claimed or pending */
    uint32_t n_contexts;
    uint32_t *threshold; /* [n_contexts] */
    uint32_t n_enable;   /* n_contexts * PLIC_WORDS */
    uint32_t *enable;    /* [n_enable] */
    /* derived from properties */
    uint32_t edge[PLIC_WORDS];
    unsigned words;   /* in use of PLIC_WORDS */
    PlicContext *ctx; /* [n_contexts] */
    MemoryRegion mmio;
} Plic;

static bool bit_on(const uint32_t *map, unsigned n)
{
    return (map[n / 32] >> (n % 32)) & 1;
}

static void bit_set(uint32_t *map, unsigned n, bool on)
{
    map[n / 32] = (uint32_t)bits_set(map[n / 32], n % 32, 1, on);
}

/*
 * The pending, enabled source of highest priority, the lowest number among
 * equals (PLIC 5); 0 when none is above the threshold of @c.
 */
static unsigned plic_best(const Plic *s, unsigned c, uint32_t above)
{
    const uint32_t *enable = &s->enable[(size_t)c * PLIC_WORDS];
    unsigned best = 0;

    for (unsigned w = 0; w < s->words; w++) {
        uint32_t on = s->pending[w] & enable[w];

        while (on) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(on);

            on &= on - 1;
            if (s->priority[n] > above) {
                above = s->priority[n];
                best = n;
            }
        }
    }
    return best;
}

static void plic_update(Plic *s)
{
    for (unsigned c = 0; c < s->n_contexts; c++) {
        irq_set(&s->ctx[c].irq, plic_best(s, c, s->threshold[c]) != 0);
    }
}

/* The gateway of @n may forward a request: none in flight (PLIC 1.2). */
static void gateway_forward(Plic *s, unsigned n)
{
    bool request =
        bit_on(s->edge, n) ? bit_on(s->again, n) : bit_on(s->level, n);

    if (request && !bit_on(s->claimed, n) && !bit_on(s->pending, n)) {
        bit_set(s->pending, n, true);
        bit_set(s->again, n, false);
    }
}

/* A level that falls after its request was accepted withdraws nothing
 * (PLIC 4); an edge while one is in flight is kept, once. */
static void plic_irq_input(void *opaque, int n, bool level)
{
    Plic *s = object_cast(opaque, &plic_type);
    unsigned source = (unsigned)n;

    if (source == 0 || source >= s->num_sources) {
        return; /* source 0 means "no interrupt" */
    }
    trace_plic_irq(source, level);
    if (level && bit_on(s->edge, source) && !bit_on(s->level, source)) {
        bit_set(s->again, source, true);
    }
    bit_set(s->level, source, level);
    gateway_forward(s, source);
    if (level) {
        plic_update(s);
    }
}

/* PLIC 6: a claim does not look at the threshold. */
static uint32_t plic_claim(Plic *s, unsigned c)
{
    unsigned n = plic_best(s, c, 0);

    if (n) {
        bit_set(s->pending, n, false);
        bit_set(s->claimed, n, true);
        plic_update(s);
    }
    trace_plic_claim(c, n);
    return n;
}

/* PLIC 7: a completion of what is not enabled for the context is ignored. */
static void plic_complete(Plic *s, unsigned c, uint32_t n)
{
    trace_plic_complete(c, n);
    if (n == 0 || n >= s->num_sources ||
        !bit_on(&s->enable[(size_t)c * PLIC_WORDS], n)) {
        guest_error(&s->parent, "context %u completes source %u", c, n);
        return;
    }
    if (bit_on(s->claimed, n)) {
        bit_set(s->claimed, n, false);
        gateway_forward(s, n);
        plic_update(s);
    }
}

/* --- registers --- */

/* Bits of word @w of a bit map that stand for sources; 0 is no source. */
static uint32_t plic_word_mask(const Plic *s, unsigned w)
{
    uint32_t mask = UINT32_MAX;

    if (w == s->words - 1 && s->num_sources % 32) {
        mask = (uint32_t)bit_mask(s->num_sources % 32);
    }
    return w == 0 ? mask & ~1u : mask;
}

typedef enum PlicRegKind {
    PLIC_NONE,
    PLIC_PRIORITY, /* index: source */
    PLIC_PENDING,  /* index: word */
    PLIC_ENABLE,   /* index: word of context ctx */
    PLIC_THRESHOLD,
    PLIC_CLAIM,
} PlicRegKind;

typedef struct PlicReg {
    PlicRegKind kind;
    unsigned index, ctx;
} PlicReg;

static PlicReg plic_decode(const Plic *s, hwaddr off)
{
    hwaddr o = off - s->priority_base;

    if (off >= s->priority_base && o < 4ull * s->num_sources) {
        return (PlicReg){ PLIC_PRIORITY, (unsigned)(o / 4), 0 };
    }
    o = off - s->pending_base;
    if (off >= s->pending_base && o < 4ull * s->words) {
        return (PlicReg){ PLIC_PENDING, (unsigned)(o / 4), 0 };
    }
    o = off - s->enable_base;
    if (off >= s->enable_base && o < (hwaddr)s->enable_stride * s->n_contexts) {
        unsigned word = (unsigned)(o % s->enable_stride / 4);

        return (PlicReg){ word < s->words ? PLIC_ENABLE : PLIC_NONE, word,
                          (unsigned)(o / s->enable_stride) };
    }
    o = off - s->context_base;
    if (off >= s->context_base &&
        o < (hwaddr)s->context_stride * s->n_contexts) {
        hwaddr reg = o % s->context_stride;

        return (PlicReg){ reg == CTX_THRESHOLD ? PLIC_THRESHOLD
                          : reg == CTX_CLAIM   ? PLIC_CLAIM
                                               : PLIC_NONE,
                          0, (unsigned)(o / s->context_stride) };
    }
    return (PlicReg){ PLIC_NONE, 0, 0 };
}

static MemResult plic_read(void *opaque, hwaddr off, unsigned size,
                           uint64_t *value, MemAttrs attrs)
{
    Plic *s = opaque;
    PlicReg r = plic_decode(s, off);

    *value = 0;
    switch (r.kind) {
    case PLIC_PRIORITY:
        *value = s->priority[r.index];
        break;
    case PLIC_PENDING:
        *value = s->pending[r.index];
        break;
    case PLIC_ENABLE:
        *value = s->enable[(size_t)r.ctx * PLIC_WORDS + r.index];
        break;
    case PLIC_THRESHOLD:
        *value = s->threshold[r.ctx];
        break;
    case PLIC_CLAIM:
        *value = attrs.debug ? 0 : plic_claim(s, r.ctx);
        break;
    case PLIC_NONE:
        guest_error(&s->parent, "read of no register at 0x%" PRIx64, off);
        break;
    }
    return MEM_OK;
}

/* WARL: a width of priority bits when there are 2^n - 1 priorities, else
 * values that are too high are not taken (PLIC 3). */
static uint32_t plic_legal_priority(const Plic *s, uint64_t value, uint32_t old)
{
    if (is_power_of_2((uint64_t)s->num_priorities + 1)) {
        return (uint32_t)value & s->num_priorities;
    }
    return value <= s->num_priorities ? (uint32_t)value : old;
}

static MemResult plic_write(void *opaque, hwaddr off, unsigned size,
                            uint64_t value, MemAttrs attrs)
{
    Plic *s = opaque;
    PlicReg r = plic_decode(s, off);
    uint32_t *field;

    switch (r.kind) {
    case PLIC_PRIORITY:
        field = &s->priority[r.index];
        *field = r.index ? plic_legal_priority(s, value, *field) : 0;
        break;
    case PLIC_ENABLE:
        field = &s->enable[(size_t)r.ctx * PLIC_WORDS + r.index];
        *field = (uint32_t)value & plic_word_mask(s, r.index);
        break;
    case PLIC_THRESHOLD:
        field = &s->threshold[r.ctx];
        *field = plic_legal_priority(s, value, *field);
        break;
    case PLIC_CLAIM:
        plic_complete(s, r.ctx, (uint32_t)value);
        return MEM_OK;
    case PLIC_PENDING: /* read-only: PLIC 4 */
    case PLIC_NONE:
        guest_error(&s->parent, "write of no register at 0x%" PRIx64, off);
        return MEM_OK;
    }
    plic_update(s);
    return MEM_OK;
}

static const MemoryOps plic_ops = {
    .read = plic_read,
    .write = plic_write,
    .endian = MEM_LITTLE,
    .valid_min = 4,
    .valid_max = 4,
};

/* --- reset and saved state --- */

static void plic_reset_enter(DeviceState *dev)
{
    Plic *s = object_cast(dev, &plic_type);

    /* Lines stay as they are driven; their owners drive them in hold. */
    memset(s->priority, 0, sizeof(s->priority));
    memset(s->pending, 0, sizeof(s->pending));
    memset(s->claimed, 0, sizeof(s->claimed));
    memset(s->again, 0, sizeof(s->again));
    memset(s->threshold, 0, s->n_contexts * sizeof(*s->threshold));
    memset(s->enable, 0, s->n_enable * sizeof(*s->enable));
}

static void plic_reset_hold(DeviceState *dev)
{
    plic_update(object_cast(dev, &plic_type));
}

/* Lines that are still high after all devices are reset ask again. */
static void plic_reset_exit(DeviceState *dev)
{
    Plic *s = object_cast(dev, &plic_type);

    for (unsigned n = 1; n < s->num_sources; n++) {
        gateway_forward(s, n);
    }
    plic_update(s);
}

static bool plic_post_load(void *obj, int version, Error **errp)
{
    Plic *s = obj;

    for (unsigned n = 0; n < s->num_sources; n++) {
        if (s->priority[n] > s->num_priorities) {
            error_set(errp,
                      "riscv.sifive.plic: priority of source %u is "
                      "too high",
                      n);
            return false;
        }
    }
    for (unsigned w = 0; w < PLIC_WORDS; w++) {
        uint32_t mask = w < s->words ? plic_word_mask(s, w) : 0;

        if ((s->pending[w] | s->claimed[w] | s->level[w] | s->again[w]) &
            ~mask) {
            error_set(errp, "riscv.sifive.plic: state of a source that does "
                            "not exist");
            return false;
        }
        for (unsigned c = 0; c < s->n_contexts; c++) {
            s->enable[(size_t)c * PLIC_WORDS + w] &= mask;
        }
    }
    plic_update(s);
    return true;
}

static const VmField plic_fields[] = {
    VM_U32_ARRAY(Plic, priority),
    VM_U32_ARRAY(Plic, level),
    VM_U32_ARRAY(Plic, pending),
    VM_U32_ARRAY(Plic, claimed),
    VM_U32_ARRAY(Plic, again),
    VM_VARRAY(Plic, threshold, n_contexts, PLIC_MAX_CONTEXTS),
    VM_VARRAY(Plic, enable, n_enable, PLIC_MAX_CONTEXTS *PLIC_WORDS),
    { 0 },
};

static const VmState plic_vmstate = {
    .name = "riscv.sifive.plic",
    .version = 1,
    .fields = plic_fields,
    .post_load = plic_post_load,
};

/* --- properties and realize --- */

static const Property plic_props[] = {
    PROP(str, Plic, hart_config, "hart-config", NULL,
         "modes of each hart, such as MS,MS"),
    PROP(str, Plic, edge_sources, "edge-sources", NULL,
         "edge-triggered sources, such as 3,5-7"),
    PROP(u32, Plic, hartid_base, "hartid-base", "0", "id of the first hart"),
    PROP(u32, Plic, num_sources, "num-sources", "96", "sources, with number 0"),
    PROP(u32, Plic, num_priorities, "num-priorities", "7", "highest priority"),
    PROP(u32, Plic, priority_base, "priority-base", "0", "offset"),
    PROP(u32, Plic, pending_base, "pending-base", "0x1000", "offset"),
    PROP(u32, Plic, enable_base, "enable-base", "0x2000", "offset"),
    PROP(u32, Plic, enable_stride, "enable-stride", "0x80", "bytes"),
    PROP(u32, Plic, context_base, "context-base", "0x200000", "offset"),
    PROP(u32, Plic, context_stride, "context-stride", "0x1000", "bytes"),
    PROP(u32, Plic, aperture_size, "aperture-size", "0x600000",
         "size of the window in bytes"),
    { 0 },
};

/* Contexts from "MS,M,S": one a letter, harts separated by commas. */
static bool plic_parse_harts(Plic *s, Error **errp)
{
    g_autoptr(GArray) ctx = g_array_new(FALSE, TRUE, sizeof(PlicContext));
    unsigned hart = s->hartid_base;

    for (const char *p = s->hart_config ? s->hart_config : ""; *p; p++) {
        PlicContext c = { .mode = *p, .hart = hart };

        if (*p == ',') {
            hart++;
        } else if (*p == 'M' || *p == 'S' || *p == 'U') {
            g_array_append_val(ctx, c);
        } else {
            error_set(errp, "hart-config '%s' has a mode other than M, S, U",
                      s->hart_config);
            return false;
        }
    }
    if (ctx->len == 0 || ctx->len > PLIC_MAX_CONTEXTS) {
        error_set(errp, "hart-config must name 1 to %d contexts",
                  PLIC_MAX_CONTEXTS);
        return false;
    }
    s->n_contexts = ctx->len;
    s->ctx = (PlicContext *)g_array_free(g_steal_pointer(&ctx), FALSE);
    return true;
}

static bool plic_parse_edges(Plic *s, Error **errp)
{
    g_auto(GStrv) parts =
        g_strsplit(s->edge_sources ? s->edge_sources : "", ",", -1);

    for (char **p = parts; *p && **p; p++) {
        char *end = NULL;
        uint64_t first = g_ascii_strtoull(*p, &end, 10), last = first;

        if (*end == '-') {
            last = g_ascii_strtoull(end + 1, &end, 10);
        }
        if (*end || first == 0 || first > last || last >= s->num_sources) {
            error_set(errp, "edge-sources: '%s' is no range of sources", *p);
            return false;
        }
        for (uint64_t n = first; n <= last; n++) {
            bit_set(s->edge, (unsigned)n, true);
        }
    }
    return true;
}

static bool plic_check(Plic *s, Error **errp)
{
    if (s->num_sources < 2 || s->num_sources > PLIC_MAX_SOURCES) {
        error_set(errp, "num-sources must be 2 to %d", PLIC_MAX_SOURCES);
        return false;
    }
    if (s->num_priorities == 0) {
        error_set(errp, "num-priorities must not be 0");
        return false;
    }
    s->words = (s->num_sources + 31) / 32;
    if (s->enable_stride < 4 * s->words || s->context_stride < 8) {
        error_set(errp, "enable-stride or context-stride is too small");
        return false;
    }
    return plic_parse_harts(s, errp) && plic_parse_edges(s, errp);
}

static bool plic_layout_fits(const Plic *s, Error **errp)
{
    if (!range_fits(s->priority_base, 4ull * s->num_sources,
                    s->aperture_size) ||
        !range_fits(s->pending_base, 4ull * s->words, s->aperture_size) ||
        !range_fits(s->enable_base, (uint64_t)s->enable_stride * s->n_contexts,
                    s->aperture_size) ||
        !range_fits(s->context_base,
                    (uint64_t)s->context_stride * s->n_contexts,
                    s->aperture_size)) {
        error_set(errp, "%u contexts do not fit in the aperture",
                  s->n_contexts);
        return false;
    }
    return true;
}

static bool plic_realize(DeviceState *dev, Error **errp)
{
    Plic *s = object_cast(dev, &plic_type);

    if (!plic_check(s, errp) || !plic_layout_fits(s, errp)) {
        g_clear_pointer(&s->ctx, g_free);
        return false;
    }
    s->n_enable = s->n_contexts * PLIC_WORDS;
    s->threshold = g_new0(uint32_t, s->n_contexts);
    s->enable = g_new0(uint32_t, s->n_enable);
    memory_region_init_io(&s->mmio, dev, &plic_ops, s, "riscv.sifive.plic",
                          s->aperture_size);
    device_add_mmio(dev, &s->mmio);
    device_add_irq_inputs(dev, plic_irq_input, (int)s->num_sources);
    for (unsigned c = 0; c < s->n_contexts; c++) {
        device_add_irq(dev, &s->ctx[c].irq);
    }
    return true;
}

static void plic_unrealize(DeviceState *dev)
{
    Plic *s = object_cast(dev, &plic_type);

    memory_region_destroy(&s->mmio);
    g_clear_pointer(&s->ctx, g_free);
    g_clear_pointer(&s->threshold, g_free);
    g_clear_pointer(&s->enable, g_free);
}

/* Sources that say something, and who is to hear of them. */
static void plic_describe_source(const Plic *s, unsigned n, GString *out)
{
    g_autoptr(GString) who = g_string_new(NULL);

    for (unsigned c = 0; c < s->n_contexts; c++) {
        if (bit_on(&s->enable[(size_t)c * PLIC_WORDS], n)) {
            g_string_append_printf(who, "%s%u", who->len ? "," : "", c);
        }
    }
    if (s->priority[n] || who->len || bit_on(s->level, n) ||
        bit_on(s->pending, n) || bit_on(s->claimed, n)) {
        g_string_append_printf(out,
                               "  source %u: priority=%u contexts=%s%s%s%s\n",
                               n, s->priority[n], who->len ? who->str : "none",
                               bit_on(s->level, n) ? " high" : "",
                               bit_on(s->pending, n) ? " pending" : "",
                               bit_on(s->claimed, n) ? " claimed" : "");
    }
}

static void plic_describe(DeviceState *dev, GString *out)
{
    const Plic *s = object_cast(dev, &plic_type);

    g_string_append_printf(out, "plic: sources=%u contexts=%u\n",
                           s->num_sources, s->n_contexts);
    for (unsigned c = 0; c < s->n_contexts; c++) {
        g_string_append_printf(
            out, "  context %u: hart=%u mode=%c threshold=%u\n", c,
            s->ctx[c].hart, s->ctx[c].mode, s->threshold[c]);
    }
    for (unsigned n = 1; n < s->num_sources; n++) {
        plic_describe_source(s, n, out);
    }
}

const DeviceType plic_type = {
    .name = "riscv.sifive.plic",
    .parent = TYPE(device_type),
    .description = "RISC-V platform-level interrupt controller",
    .size = sizeof(Plic),
    .props = plic_props,
    .realize = plic_realize,
    .unrealize = plic_unrealize,
    .reset_enter = plic_reset_enter,
    .reset_hold = plic_reset_hold,
    .reset_exit = plic_reset_exit,
    .vmstate = &plic_vmstate,
    .describe = plic_describe,
};
