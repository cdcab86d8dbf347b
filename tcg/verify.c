/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of a well-formed block: operand counts and types by signature,
 * definition before use, tables in range, snapshots in order and complete,
 * faulting ops before effects that cannot be undone. Also what tcg_parse()
 * relies on for text from outside: nothing here trusts an index.
 */
#include "tandem/base.h"

#include "tcg/internal.h"

typedef struct Verify {
    const TcgBlock *tb;
    unsigned at;      /* insn under test */
    char *why;        /* first complaint */
    TcgType yy, gg;   /* what the letters y and g stand for in this op */
    int snap;         /* last snapshot seen */
    bool in_insn;     /* after an `insn` */
    bool partial;     /* tcg_insn_partial() */
    const char *done; /* an effect of this guest insn that stays, or NULL */
    TcgSnapCursor cur;
} Verify;

static void G_GNUC_PRINTF(2, 3) complain(Verify *v, const char *fmt, ...)
{
    va_list ap;
    char *text;

    if (v->why != NULL) {
        return;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    v->why =
        g_strdup_printf("%%%u %s: %s", v->at,
                        v->at < v->tb->n && v->tb->insn[v->at].op < TCG_OP_COUNT
                            ? tcg_op_info[v->tb->insn[v->at].op].name
                            : "",
                        text);
    g_free(text);
}

/* Does @type fit signature letter @letter of an insn of type @own? */
static bool letter_fits(Verify *v, char letter, TcgType own, TcgType type)
{
    switch (letter) {
    case 'x':
        return type == own && tcg_type_is_int(type);
    case 'f':
        return type == own && tcg_type_is_fp(type);
    case 'v':
        return type == own && (tcg_type_is_int(type) || tcg_type_is_fp(type) ||
                               (type >= TCG_V128 && type <= TCG_V512));
    case '*':
        return type == own;
    case 'y':
        v->yy = v->yy == TCG_NONE ? type : v->yy;
        return type == v->yy && tcg_type_is_int(type);
    case 'g':
        v->gg = v->gg == TCG_NONE ? type : v->gg;
        return type == v->gg && tcg_type_is_fp(type);
    case 'i':
        return type == TCG_I32;
    case 'l':
        return type == TCG_I64;
    case 's':
        return type == TCG_F32;
    case 'd':
        return type == TCG_F64;
    case '?':
        return type != TCG_NONE;
    case '-':
        return type == TCG_NONE;
    default:
        return false;
    }
}

/* @ref as an operand of the op at hand: TCG_NONE when it is no value. */
static TcgType check_ref(Verify *v, TcgRef ref)
{
    const TcgBlock *tb = v->tb;

    if (tcg_ref_is_const(ref)) {
        if ((ref & ~TCG_REF_CONST) >= tb->ncst) {
            complain(v, "no such constant");
            return TCG_NONE;
        }
    } else if (ref >= v->at) {
        complain(v, ref == TCG_REF_NONE ? "an operand is missing"
                                        : "an operand is defined later");
        return TCG_NONE;
    }
    if (tcg_ref_type(tb, ref) == TCG_NONE) {
        complain(v, "an operand has no value");
    }
    return tcg_ref_type(tb, ref);
}

static void check_operands(Verify *v)
{
    const TcgInsn *in = &v->tb->insn[v->at];
    const char *sig = tcg_op_info[in->op].sig;
    unsigned n = tcg_insn_noperands(v->tb, v->at);
    unsigned need = n > 3 ? (n + 2) / 3 : 1;

    if (v->at + need > v->tb->n ||
        tcg_insn_next(v->tb, v->at) != v->at + need) {
        complain(v, "%u operands need %u args insns", n, need - 1);
        return;
    }
    v->yy = v->gg = TCG_NONE;
    if (in->type >= TCG_TYPE_COUNT ||
        !letter_fits(v, sig[0], (TcgType)in->type, (TcgType)in->type)) {
        complain(v, "its result has the wrong type");
    }
    if (sig[0] == 'y' || sig[0] == 'g') {
        v->yy = v->gg = TCG_NONE;
    }
    for (unsigned k = 0; k < n; k++) {
        TcgType type = check_ref(v, tcg_insn_operand(v->tb, v->at, k));

        if (v->why == NULL && in->op != TCG_OP_call &&
            !letter_fits(v, sig[2 + k], (TcgType)in->type, type)) {
            complain(v, "operand %u has the wrong type", k);
        }
    }
}

/* ---- aux and constants by op ---- */

static void check_memop(Verify *v)
{
    const TcgInsn *in = &v->tb->insn[v->at];
    TcgType type = (TcgType)in->type;
    unsigned size = memop_size(in->aux);

    if (in->op == TCG_OP_st || in->op == TCG_OP_env_st) {
        type = tcg_ref_type(v->tb, in->op == TCG_OP_st ? in->b : in->a);
    }
    if (size > tcg_type_size(type) ||
        (!tcg_type_is_int(type) && size != tcg_type_size(type))) {
        complain(v, "size does not fit the type");
    }
}

static void check_field(Verify *v)
{
    const TcgInsn *in = &v->tb->insn[v->at];
    unsigned w = tcg_type_size((TcgType)in->type) * 8;
    unsigned pos = TCG_FIELD_POS(in->aux), len = TCG_FIELD_LEN(in->aux);

    if (pos >= w || len < 1 || len > w - pos) {
        complain(v, "the field leaves the word");
    }
}

static void check_slot(Verify *v)
{
    const TcgInsn *in = &v->tb->insn[v->at];
    TcgType type;

    if (in->aux >= v->tb->fe->nslots) {
        complain(v, "no such slot");
        return;
    }
    type = in->op == TCG_OP_slot_get ? (TcgType)in->type
                                     : tcg_ref_type(v->tb, in->a);
    if (type != (TcgType)v->tb->fe->slots[in->aux].type) {
        complain(v, "the slot has another type");
    }
}

static void check_call(Verify *v)
{
    const TcgInsn *in = &v->tb->insn[v->at];
    const TcgHelper *h = v->tb->helper[in->aux];

    if ((TcgType)in->type != h->ret) {
        complain(v, "result type differs from the helper's");
    }
    for (unsigned k = 0; k < h->nargs; k++) {
        if (tcg_ref_type(v->tb, tcg_insn_operand(v->tb, v->at, k)) !=
            h->arg[k]) {
            complain(v, "argument %u has the wrong type", k);
        }
    }
}

static void check_bits(Verify *v)
{
    const TcgInsn *in = &v->tb->insn[v->at];

    if (tcg_type_size((TcgType)in->type) !=
        tcg_type_size(tcg_ref_type(v->tb, in->a))) {
        complain(v, "operand and result differ in width");
    }
}

static void check_aux(Verify *v)
{
    const TcgInsn *in = &v->tb->insn[v->at];

    switch (in->op) {
    case TCG_OP_setcc:
    case TCG_OP_select:
    case TCG_OP_side:
        if (in->aux >= TCG_COND_COUNT) {
            complain(v, "no such condition");
        }
        break;
    case TCG_OP_divs:
    case TCG_OP_divu:
    case TCG_OP_rems:
    case TCG_OP_remu:
        if (in->aux > TCG_DIV_ARM) {
            complain(v, "no such division rule");
        }
        break;
    case TCG_OP_extr:
    case TCG_OP_sextr:
    case TCG_OP_bfi:
        check_field(v);
        break;
    case TCG_OP_slot_get:
    case TCG_OP_slot_st:
        check_slot(v);
        break;
    case TCG_OP_ld:
    case TCG_OP_st:
    case TCG_OP_env_ld:
    case TCG_OP_env_st:
        check_memop(v);
        break;
    case TCG_OP_fcmp:
        if ((in->aux & TCG_FP_COND_MASK) >> TCG_FP_COND_SHIFT >=
            TCG_FPCOND_COUNT) {
            complain(v, "no such comparison");
        }
        break;
    case TCG_OP_bits_fi:
    case TCG_OP_bits_if:
        check_bits(v);
        break;
    case TCG_OP_call:
        check_call(v);
        break;
    default:
        if (in->op >= TCG_OP_at_xchg && in->op <= TCG_OP_at_sc) {
            check_memop(v);
        }
        break;
    }
}

/* ---- snapshots, exits ---- */

static void check_delta(Verify *v, const TcgSnapDelta *d)
{
    const TcgFrontend *fe = v->tb->fe;

    if (d->slot >= fe->nslots) {
        complain(v, "its snapshot names no slot");
    } else if (d->old != v->cur.map[d->slot]) {
        complain(v, "its snapshot forgets what %s was",
                 fe->slots[d->slot].name);
    } else if (d->now != TCG_REF_ENV) {
        TcgType type = check_ref(v, d->now);

        if (v->why == NULL && type != (TcgType)fe->slots[d->slot].type) {
            complain(v, "its snapshot gives %s another type",
                     fe->slots[d->slot].name);
        }
    }
}

static void check_snap(Verify *v)
{
    const TcgBlock *tb = v->tb;
    int snap = tb->snap_of[v->at];

    if (snap >= (int)tb->nsnap) {
        complain(v, "no such snapshot");
        return;
    }
    if (snap != v->snap && snap != v->snap + 1) {
        complain(v, "snapshots are out of order");
        return;
    }
    if (snap == v->snap) {
        return;
    }
    if (tb->snap[snap].first > tb->ndelta ||
        tb->snap[snap].n > tb->ndelta - tb->snap[snap].first) {
        complain(v, "its snapshot is out of range");
        return;
    }
    for (unsigned i = 0; i < tb->snap[snap].n && v->why == NULL; i++) {
        check_delta(v, &tb->delta[tb->snap[snap].first + i]);
    }
    if (v->why == NULL) {
        v->snap = snap;
        tcg_snap_cursor_seek(&v->cur, snap);
    }
}

static void check_exit(Verify *v)
{
    const TcgBlock *tb = v->tb;
    const TcgInsn *in = &tb->insn[v->at];
    const TcgExit *e;
    bool ok;

    if (in->c >= tb->nexit) {
        complain(v, "no such exit");
        return;
    }
    e = &tb->exit[in->c];
    if (e->insn != v->at || e->snap != tb->snap_of[v->at]) {
        complain(v, "the exit belongs to another op");
    }
    switch (in->op) {
    case TCG_OP_exit_ind:
        ok = e->kind == TCG_EXIT_INDIRECT;
        break;
    case TCG_OP_trap:
        ok = e->kind == TCG_EXIT_TRAP;
        break;
    case TCG_OP_exit:
        ok = e->kind == TCG_EXIT_DIRECT || e->kind == TCG_EXIT_LOOP;
        break;
    default:
        ok = e->kind == TCG_EXIT_DIRECT || e->kind == TCG_EXIT_LOOP ||
             e->kind == TCG_EXIT_TRAP;
        break;
    }
    if (!ok) {
        complain(v, "the exit is of another kind");
    }
    if (e->kind == TCG_EXIT_LOOP && !(e->flags & TCG_EXIT_POLL)) {
        complain(v, "a loop without POLL");
    }
}

/* ---- effects ---- */

static bool writes_slots(const TcgHelper *h)
{
    if (h->flags & TCG_H_PURE) {
        return false;
    }
    return h->writes == NULL || h->writes->w[0] != 0 || h->writes->w[1] != 0;
}

/* Can the op fault, so that the guest insn starts again? */
static bool restarts(const TcgBlock *tb, unsigned i)
{
    const TcgInsn *in = &tb->insn[i];

    if (tcg_op_info[in->op].flags & TCG_OPF_EXIT) {
        return tb->exit[in->c].kind == TCG_EXIT_TRAP;
    }
    if ((in->op == TCG_OP_ld || in->op == TCG_OP_st) &&
        (in->aux & MO_KIND_MASK) == MO_NOFAULT) {
        return false;
    }
    return tcg_insn_has_snap(tb, i);
}

static void check_effects(Verify *v)
{
    const TcgBlock *tb = v->tb;
    const TcgInsn *in = &tb->insn[v->at];

    if (in->op == TCG_OP_insn) {
        v->in_insn = true;
        v->partial = in->aux & 1;
        v->done = NULL;
        return;
    }
    if (restarts(tb, v->at) && v->done != NULL && !v->partial) {
        complain(v, "it may fault after %s in the same guest insn", v->done);
    }
    if (in->op == TCG_OP_env_st) {
        v->done = "env_st";
    } else if (in->op == TCG_OP_slot_st && in->b == 1) {
        v->done = "a slot of this insn was stored";
    } else if (in->op == TCG_OP_st ||
               (in->op >= TCG_OP_at_xchg && in->op <= TCG_OP_at_sc)) {
        v->done = "a guest store";
    } else if (in->op == TCG_OP_call && writes_slots(tb->helper[in->aux])) {
        v->done = "a helper that writes slots";
    }
}

static void check_insn(Verify *v)
{
    const TcgBlock *tb = v->tb;
    const TcgInsn *in = &tb->insn[v->at];

    if (in->op >= TCG_OP_COUNT || in->op == TCG_OP_args) {
        complain(v, "not an op");
        return;
    }
    if (in->op == TCG_OP_nop) {
        return;
    }
    if (in->op == TCG_OP_call && in->aux >= tb->nhelper) {
        complain(v, "no such helper");
        return;
    }
    check_operands(v);
    if (v->why == NULL) {
        check_aux(v);
    }
    if (v->why == NULL && tcg_insn_has_snap(tb, v->at)) {
        check_snap(v);
    }
    if (v->why == NULL && (tcg_op_info[in->op].flags & TCG_OPF_EXIT)) {
        check_exit(v);
    }
    if (v->why == NULL) {
        check_effects(v);
    }
    if ((tcg_op_info[in->op].flags & TCG_OPF_END) && v->at + 1 != tb->n) {
        complain(v, "the block goes on after it");
    }
}

char *tcg_verify(const TcgBlock *tb)
{
    Verify v = { .tb = tb, .snap = -1 };
    unsigned last = 0;

    tcg_snap_cursor_init(&v.cur, tb);
    for (v.at = 0; v.at < tb->n && v.why == NULL;
         v.at = tcg_insn_next(tb, v.at)) {
        check_insn(&v);
        last = v.at;
    }
    v.at = last;
    if (v.why == NULL &&
        (tb->n == 0 || !(tcg_op_info[tb->insn[last].op].flags & TCG_OPF_END))) {
        complain(&v, "the block does not end with an exit");
    }
    if (v.why == NULL && v.snap != (int)tb->nsnap - 1) {
        complain(&v, "a snapshot belongs to no op");
    }
    return v.why;
}
