/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the text form of dump.c. The text may come from outside (a bug
 * report), so every number is checked; at the end the verifier has its say.
 * Labels %N are names: they need not be the insn's index.
 */
#include "tandem/base.h"

#include "tcg/text.h"

typedef struct Parser {
    TcgBlock *tb;
    const TcgHelper *const *helpers;
    const char *at;  /* rest of the line */
    const char *end; /* of the line */
    unsigned line;
    char *why;                 /* first complaint */
    GHashTable *label;         /* number -> insn index + 1 */
    TcgRef map[TCG_MAX_SLOTS]; /* snapshot state so far */
    bool begun;
} Parser;

static void G_GNUC_PRINTF(2, 3) fail(Parser *p, const char *fmt, ...)
{
    va_list ap;
    char *text;

    if (p->why != NULL) {
        return;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    p->why = g_strdup_printf("line %u: %s", p->line, text);
    g_free(text);
}

/* ---- tokens ---- */

static void skip_space(Parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t')) {
        p->at++;
    }
}

static bool at_end(Parser *p)
{
    skip_space(p);
    return p->at == p->end || *p->at == '#';
}

static bool accept(Parser *p, const char *text)
{
    size_t n = strlen(text);

    skip_space(p);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n) != 0) {
        return false;
    }
    p->at += n;
    return true;
}

static void expect(Parser *p, const char *text)
{
    if (!accept(p, text)) {
        fail(p, "expected '%s'", text);
    }
}

static bool is_word_char(char c)
{
    return g_ascii_isalnum(c) || c == '_';
}

/* Next word into @buf; empty when there is none. */
static void word(Parser *p, char *buf, size_t size)
{
    size_t n = 0;

    skip_space(p);
    while (p->at < p->end && is_word_char(*p->at)) {
        if (n + 1 < size) {
            buf[n++] = *p->at;
        }
        p->at++;
    }
    buf[n] = '\0';
}

/* Is the next word @text? Takes it if so. */
static bool accept_word(Parser *p, const char *text)
{
    const char *start = p->at;
    char buf[64];

    word(p, buf, sizeof(buf));
    if (strcmp(buf, text) == 0) {
        return true;
    }
    p->at = start;
    return false;
}

/* Decimal or 0x number, at most @max. */
static uint64_t number(Parser *p, uint64_t max)
{
    unsigned base = accept(p, "0x") ? 16 : 10;
    uint64_t v = 0;
    bool any = false, over = false;

    while (p->at < p->end && g_ascii_isxdigit(*p->at) &&
           (base == 16 || g_ascii_isdigit(*p->at))) {
        unsigned digit = g_ascii_xdigit_value(*p->at++);

        over |= v > (UINT64_MAX - digit) / base;
        v = v * base + digit;
        any = true;
    }
    if (!any) {
        fail(p, "expected a number");
    } else if (over || v > max) {
        fail(p, "the number is too large");
        return 0;
    }
    return v;
}

/* Index of the next word in @names, -1 with a complaint about @what. */
static int named(Parser *p, const char *const *names, unsigned n,
                 const char *what)
{
    char buf[64];

    word(p, buf, sizeof(buf));
    for (unsigned i = 0; i < n && names[i] != NULL; i++) {
        if (strcmp(names[i], buf) == 0) {
            return (int)i;
        }
    }
    fail(p, "'%s' is not %s", buf, what);
    return -1;
}

static int slot_named(Parser *p)
{
    char buf[64];

    word(p, buf, sizeof(buf));
    for (unsigned i = 0; i < p->tb->fe->nslots; i++) {
        if (strcmp(p->tb->fe->slots[i].name, buf) == 0) {
            return (int)i;
        }
    }
    fail(p, "'%s' is not a slot", buf);
    return -1;
}

/* ---- values ---- */

static TcgRef value(Parser *p)
{
    char buf[64];
    gpointer found;
    int type;

    if (accept(p, "%")) {
        uint64_t n = number(p, UINT32_MAX);

        found = g_hash_table_lookup(p->label, GUINT_TO_POINTER(n));
        if (found == NULL) {
            fail(p, "%%%" PRIu64 " is not defined yet", n);
            return TCG_REF_NONE;
        }
        return GPOINTER_TO_UINT(found) - 1;
    }
    word(p, buf, sizeof(buf));
    expect(p, ":");
    if (p->why != NULL || p->tb->ncst >= TCG_MAX_CONSTS) {
        fail(p, "too many constants");
        return TCG_REF_NONE;
    }
    if (strcmp(buf, "pc") == 0) {
        return tcg_const_pc(p->tb, number(p, UINT64_MAX)).ref;
    }
    for (type = 0; type < TCG_TYPE_COUNT; type++) {
        if (strcmp(buf, tcg_type_name[type]) == 0) {
            break;
        }
    }
    if (type == TCG_TYPE_COUNT ||
        !(tcg_type_is_int((TcgType)type) || tcg_type_is_fp((TcgType)type))) {
        fail(p, "'%s' is not the type of a constant", buf);
        return TCG_REF_NONE;
    }
    return tcg_const_typed(
               p->tb, (TcgType)type,
               number(p, bit_mask(tcg_type_size((TcgType)type) * 8)))
        .ref;
}

/* ---- aux ---- */

static unsigned flag_list(Parser *p, const TcgFlagName *names, unsigned v)
{
    char buf[64];
    const TcgFlagName *f;

    do {
        word(p, buf, sizeof(buf));
        for (f = names; f->name != NULL && strcmp(f->name, buf) != 0; f++) {
        }
        if (f->name == NULL) {
            fail(p, "'%s' is not known here", buf);
            return 0;
        }
        v = (v & ~f->mask) | f->value;
    } while (accept(p, ","));
    return v;
}

static unsigned helper_named(Parser *p)
{
    TcgBlock *tb = p->tb;
    const TcgHelper *h = NULL;
    char buf[64];

    word(p, buf, sizeof(buf));
    for (unsigned i = 0; p->helpers != NULL && p->helpers[i] != NULL; i++) {
        if (strcmp(p->helpers[i]->name, buf) == 0) {
            h = p->helpers[i];
        }
    }
    if (h == NULL) {
        fail(p, "'%s' is not a helper", buf);
        return 0;
    }
    for (unsigned i = 0; i < tb->nhelper; i++) {
        if (tb->helper[i] == h) {
            return i;
        }
    }
    if (tb->nhelper == TCG_MAX_HELPERS) {
        fail(p, "too many helpers");
        return 0;
    }
    tb->helper[tb->nhelper] = h;
    tb->vec[tb->nhelper].fn = TCG_VEC_NONE;
    return tb->nhelper++;
}

static unsigned aux_of_kind(Parser *p, TcgAuxKind kind)
{
    unsigned pos;
    int i;

    switch (kind) {
    case TCG_AUX_COND:
        return (unsigned)named(p, tcg_cond_name, TCG_COND_COUNT, "a condition");
    case TCG_AUX_DIV:
        return (unsigned)named(p, tcg_div_name, 2, "a division rule");
    case TCG_AUX_FIELD:
        pos = number(p, 63);
        expect(p, ",");
        return TCG_FIELD(pos, number(p, 64));
    case TCG_AUX_SLOT:
        return (unsigned)slot_named(p);
    case TCG_AUX_FENCE:
        return flag_list(p, tcg_fence_flags, 0);
    case TCG_AUX_FCMP:
        i = named(p, tcg_fpcond_name, TCG_FPCOND_COUNT, "a comparison");
        if (i < 0) {
            return 0;
        }
        return accept(p, ",") ? flag_list(p, tcg_fp_flags_names, TCG_FP_COND(i))
                              : TCG_FP_COND(i);
    case TCG_AUX_FP:
        return flag_list(p, tcg_fp_flags_names, 0);
    case TCG_AUX_HELPER:
        return helper_named(p);
    default:
        return flag_list(p, tcg_memop_flags, 0);
    }
}

static unsigned parse_aux(Parser *p, TcgOp op)
{
    TcgAuxKind kind = tcg_aux_kind(op);
    unsigned aux = 0;

    if (kind != TCG_AUX_NONE) {
        expect(p, "<");
        if (p->why == NULL) {
            aux = aux_of_kind(p, kind);
            expect(p, ">");
        }
    }
    return p->why == NULL ? aux : 0;
}

/* ---- lines ---- */

static void parse_block(Parser *p)
{
    uint64_t pc = number(p, UINT64_MAX);

    if (p->begun) {
        fail(p, "a second block");
        return;
    }
    p->begun = true;
    expect(p, "flags");
    tcg_block_begin(p->tb->ctx, pc, number(p, 3));
    for (unsigned i = 0; i < TCG_MAX_SLOTS; i++) {
        p->map[i] = TCG_REF_ENV;
    }
}

static void parse_insn_line(Parser *p)
{
    uint64_t pc = number(p, UINT64_MAX);
    unsigned partial = accept_word(p, "partial");

    p->tb->ninsns++;
    tcg_push(p->tb, TCG_OP_insn, TCG_NONE, partial, (uint32_t)pc,
             (uint32_t)(pc >> 32), TCG_REF_NONE);
}

static void parse_snap(Parser *p)
{
    TcgBlock *tb = p->tb;
    TcgSnap snap = { .first = tb->ndelta };

    if (number(p, TCG_MAX_SNAPS) != tb->nsnap) {
        fail(p, "this is snapshot %u", tb->nsnap);
    } else if (tb->nsnap == TCG_MAX_SNAPS) {
        fail(p, "too many snapshots");
    }
    expect(p, "pc");
    snap.pc = number(p, UINT64_MAX);
    expect(p, "insn");
    snap.insn_index = number(p, UINT16_MAX);
    while (p->why == NULL && !at_end(p)) {
        int slot = slot_named(p);
        TcgRef now;

        expect(p, "=");
        now = accept_word(p, "env") ? TCG_REF_ENV : value(p);
        if (p->why != NULL) {
            return;
        }
        if (tb->ndelta == TCG_MAX_DELTAS || snap.n == UINT16_MAX) {
            fail(p, "too many slots in snapshots");
            return;
        }
        tb->delta[tb->ndelta++] = (TcgSnapDelta){ slot, p->map[slot], now };
        p->map[slot] = now;
        snap.n++;
    }
    if (p->why == NULL) {
        tb->snap[tb->nsnap++] = snap;
    }
}

/* "-> kind target flags done N" of the op at @ref. */
static void parse_exit(Parser *p, TcgRef ref)
{
    TcgBlock *tb = p->tb;
    TcgExit e = { .insn = ref };
    const TcgFlagName *f;

    expect(p, "->");
    e.kind = (uint8_t)named(p, tcg_exit_name, 4, "a kind of exit");
    if (p->why != NULL) {
        return;
    }
    if (e.kind == TCG_EXIT_DIRECT || e.kind == TCG_EXIT_LOOP) {
        e.target_pc = number(p, UINT64_MAX);
    } else if (e.kind == TCG_EXIT_TRAP) {
        e.code = number(p, UINT32_MAX);
    }
    do {
        for (f = tcg_exit_flags; f->name != NULL; f++) {
            if (accept_word(p, f->name)) {
                e.flags |= f->value;
                break;
            }
        }
    } while (f->name != NULL);
    if (accept_word(p, "back")) {
        e.ret_pc = number(p, UINT64_MAX);
    }
    expect(p, "done");
    e.insns_done = number(p, UINT16_MAX);
    if (tb->nexit == TCG_MAX_EXITS) {
        fail(p, "too many exits");
        return;
    }
    tb->insn[ref].c = tb->nexit;
    tb->exit[tb->nexit++] = e;
}

static void parse_operands(Parser *p, TcgRef ref)
{
    TcgBlock *tb = p->tb;
    TcgInsn *in = &tb->insn[ref];
    unsigned n = tcg_insn_noperands(tb, ref);

    for (unsigned k = 0; k < n && p->why == NULL; k++) {
        TcgRef v;

        if (k != 0) {
            expect(p, ",");
        }
        v = value(p);
        if (k != 0 && k % 3 == 0) {
            tcg_push(tb, TCG_OP_args, TCG_NONE, 0, TCG_REF_NONE, TCG_REF_NONE,
                     TCG_REF_NONE);
        }
        tb->insn[ref + k / 3].arg[k % 3] = v;
    }
    if (in->op == TCG_OP_env_ld) {
        in->a = number(p, UINT32_MAX);
    } else if (in->op == TCG_OP_env_st) {
        expect(p, ",");
        in->b = number(p, UINT32_MAX);
    } else if (in->op == TCG_OP_slot_st) {
        in->b = accept_word(p, "new");
        tb->has_slot_st = true;
    }
}

static int op_named(const char *name)
{
    for (int i = 0; i < TCG_OP_COUNT; i++) {
        if (strcmp(tcg_op_info[i].name, name) == 0 && i != TCG_OP_args &&
            i != TCG_OP_insn) {
            return i;
        }
    }
    return -1;
}

/* The op @name, after "%label =" when @label is not negative. */
static void parse_op(Parser *p, const char *name, int64_t label)
{
    TcgBlock *tb = p->tb;
    int op = op_named(name), type = TCG_NONE;
    TcgRef ref;
    unsigned aux;

    if (op < 0) {
        fail(p, "'%s' is not an op", name);
        return;
    }
    if (tb->n + 4 > TCG_MAX_INSNS) {
        fail(p, "too many ops");
        return;
    }
    if (accept(p, ".")) {
        type = named(p, tcg_type_name, TCG_TYPE_COUNT, "a type");
    }
    aux = parse_aux(p, (TcgOp)op);
    if (p->why != NULL) {
        return;
    }
    if ((label >= 0) != (type != TCG_NONE)) {
        fail(p,
             label >= 0 ? "a value needs a type" : "nothing takes the value");
        return;
    }
    ref = tcg_push(tb, (TcgOp)op, (TcgType)type, aux, TCG_REF_NONE,
                   TCG_REF_NONE, TCG_REF_NONE);
    parse_operands(p, ref);
    if (p->why == NULL && (tcg_op_info[op].flags & TCG_OPF_EXIT)) {
        parse_exit(p, ref);
    }
    if (p->why == NULL && tcg_insn_has_snap(tb, ref)) {
        expect(p, "@");
        tb->snap_of[ref] = (uint16_t)number(p, UINT16_MAX);
        if (tcg_op_info[op].flags & TCG_OPF_EXIT) {
            tb->exit[tb->insn[ref].c].snap = tb->snap_of[ref];
        }
    }
    if (label >= 0) {
        g_hash_table_insert(p->label, GUINT_TO_POINTER((unsigned)label),
                            GUINT_TO_POINTER(ref + 1));
    }
}

static void parse_line(Parser *p)
{
    int64_t label = -1;
    char name[64];

    if (at_end(p)) {
        return;
    }
    if (accept_word(p, "block")) {
        parse_block(p);
    } else if (!p->begun) {
        fail(p, "expected 'block'");
    } else if (p->tb->n + 4 > TCG_MAX_INSNS) {
        fail(p, "too many ops");
    } else if (accept_word(p, "insn")) {
        parse_insn_line(p);
    } else if (accept_word(p, "snap")) {
        parse_snap(p);
    } else {
        if (accept(p, "%")) {
            label = (int64_t)number(p, UINT32_MAX);
            expect(p, "=");
        }
        word(p, name, sizeof(name));
        parse_op(p, name, label);
    }
    if (p->why == NULL && !at_end(p)) {
        fail(p, "'%.*s' is left over", (int)MIN(p->end - p->at, 40), p->at);
    }
}

TcgBlock *tcg_parse(TcgContext *ctx, const char *text,
                    const TcgHelper *const *helpers, Error **errp)
{
    Parser p = { .tb = &ctx->block, .helpers = helpers, .end = text };

    p.label = g_hash_table_new(NULL, NULL);
    while (*text != '\0' && p.why == NULL) {
        p.line++;
        p.at = text;
        p.end = text + strcspn(text, "\n");
        parse_line(&p);
        text = *p.end != '\0' ? p.end + 1 : p.end;
    }
    g_hash_table_destroy(p.label);
    if (p.why == NULL && !p.begun) {
        p.why = g_strdup("there is no block");
    }
    if (p.why == NULL) {
        p.tb->b = NULL;
        p.tb->ended = true;
        p.why = tcg_verify(p.tb);
    }
    if (p.why != NULL) {
        error_set(errp, "%s", p.why);
        g_free(p.why);
        return NULL;
    }
    return p.tb;
}
