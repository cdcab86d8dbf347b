/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block as text, and the names both it and parse.c use. One line an op:
 *
 *   block 0x80000000 flags 0x0
 *   insn 0x80000000
 *     %1 = slot_get.i64 <a0>
 *     %2 = add.i64 %1, i64:0x5
 *     snap 0 pc 0x80000000 insn 0 a0=%2 a1=env
 *     %3 = ld.i64 <32,s,mmu1> %2 @0
 *     side <ne> %3, i64:0x0 -> direct 0x80000010 poll done 1 @1
 *     exit -> loop 0x80000000 poll done 2 @1
 *
 * Between < and > stands what aux means for the op. A snapshot is written as
 * its changes, before the first op that carries it.
 */
#include "tandem/base.h"

#include "tcg/text.h"

const char *const tcg_type_name[TCG_TYPE_COUNT] = {
    "none", "i32", "i64", "i128", "f32", "f64", "v128", "v256", "v512", "flg",
};

const char *const tcg_cond_name[TCG_COND_COUNT] = {
    "eq",  "ne",  "lt",  "ge",  "le",    "gt",
    "ltu", "geu", "leu", "gtu", "tsteq", "tstne",
};

const char *const tcg_fpcond_name[TCG_FPCOND_COUNT] = {
    "feq", "flt", "fle", "fltq", "fleq", "funord",
};

const char *const tcg_div_name[] = { "riscv", "arm", NULL };

const char *const tcg_exit_name[] = { "direct", "loop", "indirect", "trap",
                                      NULL };

/* name, mask, value: written when (aux & mask) == value. */
const TcgFlagName tcg_memop_flags[] = {
    { "8", MO_SIZE, MO_8 },
    { "16", MO_SIZE, MO_16 },
    { "32", MO_SIZE, MO_32 },
    { "64", MO_SIZE, MO_64 },
    { "128", MO_SIZE, MO_128 },
    { "256", MO_SIZE, MO_256 },
    { "512", MO_SIZE, MO_512 },
    { "s", MO_SIGN, MO_SIGN },
    { "swap", MO_SWAP, MO_SWAP },
    { "align", MO_ALIGN_MASK, MO_ALIGN },
    { "align4", MO_ALIGN_MASK, MO_ALIGN_4 },
    { "align16", MO_ALIGN_MASK, MO_ALIGN_16 },
    { "atom", MO_ATOM_MASK, MO_ATOM_ALIGNED },
    { "atom16", MO_ATOM_MASK, MO_ATOM_WITHIN16 },
    { "atomfull", MO_ATOM_MASK, MO_ATOM_FULL },
    { "acq", MO_ORDER_MASK, MO_ACQUIRE },
    { "rel", MO_ORDER_MASK, MO_RELEASE },
    { "seq", MO_ORDER_MASK, MO_SEQ },
    { "unpriv", MO_KIND_MASK, MO_UNPRIV },
    { "nofault", MO_KIND_MASK, MO_NOFAULT },
    { "code", MO_KIND_MASK, MO_CODE },
    { "mmu1", MO_MMU_MASK, MO_MMU(1) },
    { "mmu2", MO_MMU_MASK, MO_MMU(2) },
    { "mmu3", MO_MMU_MASK, MO_MMU(3) },
    { "mmu4", MO_MMU_MASK, MO_MMU(4) },
    { "mmu5", MO_MMU_MASK, MO_MMU(5) },
    { "mmu6", MO_MMU_MASK, MO_MMU(6) },
    { "mmu7", MO_MMU_MASK, MO_MMU(7) },
    { NULL, 0, 0 },
};

const TcgFlagName tcg_fp_flags_names[] = {
    { "rne", TCG_FP_ROUND, TCG_FP_RNE },
    { "rtz", TCG_FP_ROUND, TCG_FP_RTZ },
    { "rdn", TCG_FP_ROUND, TCG_FP_RDN },
    { "rup", TCG_FP_ROUND, TCG_FP_RUP },
    { "rmm", TCG_FP_ROUND, TCG_FP_RMM },
    { "dyn", TCG_FP_ROUND, TCG_FP_DYN },
    { "x86", TCG_FP_NAN_MASK, TCG_FP_NAN_X86 },
    { "negp", TCG_FP_NEG_PROD, TCG_FP_NEG_PROD },
    { "nega", TCG_FP_NEG_ADD, TCG_FP_NEG_ADD },
    { NULL, 0, 0 },
};

const TcgFlagName tcg_fence_flags[] = {
    { "rr", TCG_FENCE_RR, TCG_FENCE_RR },
    { "rw", TCG_FENCE_RW, TCG_FENCE_RW },
    { "wr", TCG_FENCE_WR, TCG_FENCE_WR },
    { "ww", TCG_FENCE_WW, TCG_FENCE_WW },
    { NULL, 0, 0 },
};

const TcgFlagName tcg_exit_flags[] = {
    { "poll", TCG_EXIT_POLL, TCG_EXIT_POLL },
    { "cross", TCG_EXIT_CROSS_PAGE, TCG_EXIT_CROSS_PAGE },
    { "ctx", TCG_EXIT_CTX_CHANGED, TCG_EXIT_CTX_CHANGED },
    { "call", TCG_EXIT_CALL, TCG_EXIT_CALL },
    { "ret", TCG_EXIT_RET, TCG_EXIT_RET },
    { "leave", TCG_EXIT_TO_LOOP, TCG_EXIT_TO_LOOP },
    { NULL, 0, 0 },
};

TcgAuxKind tcg_aux_kind(TcgOp op)
{
    switch (op) {
    case TCG_OP_setcc:
    case TCG_OP_select:
    case TCG_OP_side:
        return TCG_AUX_COND;
    case TCG_OP_divs:
    case TCG_OP_divu:
    case TCG_OP_rems:
    case TCG_OP_remu:
        return TCG_AUX_DIV;
    case TCG_OP_extr:
    case TCG_OP_sextr:
    case TCG_OP_bfi:
        return TCG_AUX_FIELD;
    case TCG_OP_slot_get:
    case TCG_OP_slot_st:
        return TCG_AUX_SLOT;
    case TCG_OP_fence:
        return TCG_AUX_FENCE;
    case TCG_OP_fcmp:
        return TCG_AUX_FCMP;
    case TCG_OP_call:
        return TCG_AUX_HELPER;
    case TCG_OP_env_ld:
    case TCG_OP_env_st:
        return TCG_AUX_MEMOP;
    case TCG_OP_fp_flags:
        return TCG_AUX_NONE;
    default:
        if (op >= TCG_OP_ld && op <= TCG_OP_at_sc) {
            return TCG_AUX_MEMOP;
        }
        return tcg_op_info[op].flags & TCG_OPF_FP ? TCG_AUX_FP : TCG_AUX_NONE;
    }
}

static void put_flags(GString *s, const TcgFlagName *names, unsigned v,
                      const char *before, const char *sep)
{
    for (; names->name != NULL; names++) {
        if ((v & names->mask) == names->value) {
            g_string_append(s, before);
            g_string_append(s, names->name);
            before = sep;
        }
    }
}

static void put_aux(GString *s, const TcgBlock *tb, const TcgInsn *in)
{
    TcgAuxKind kind = tcg_aux_kind((TcgOp)in->op);

    if (kind == TCG_AUX_NONE) {
        return;
    }
    g_string_append(s, " <");
    switch (kind) {
    case TCG_AUX_COND:
        g_string_append(s, tcg_cond_name[in->aux]);
        break;
    case TCG_AUX_DIV:
        g_string_append(s, tcg_div_name[in->aux]);
        break;
    case TCG_AUX_FIELD:
        g_string_append_printf(s, "%u,%u", TCG_FIELD_POS(in->aux),
                               TCG_FIELD_LEN(in->aux));
        break;
    case TCG_AUX_SLOT:
        g_string_append(s, tb->fe->slots[in->aux].name);
        break;
    case TCG_AUX_FENCE:
        put_flags(s, tcg_fence_flags, in->aux, "", ",");
        break;
    case TCG_AUX_FCMP:
        g_string_append(
            s,
            tcg_fpcond_name[(in->aux & TCG_FP_COND_MASK) >> TCG_FP_COND_SHIFT]);
        put_flags(s, tcg_fp_flags_names, in->aux, ",", ",");
        break;
    case TCG_AUX_FP:
        put_flags(s, tcg_fp_flags_names, in->aux, "", ",");
        break;
    case TCG_AUX_HELPER:
        g_string_append(s, tb->helper[in->aux]->name);
        break;
    default:
        put_flags(s, tcg_memop_flags, in->aux, "", ",");
        break;
    }
    g_string_append_c(s, '>');
}

static void put_ref(GString *s, const TcgBlock *tb, TcgRef ref)
{
    const TcgConst *c;

    if (!tcg_ref_is_const(ref)) {
        g_string_append_printf(s, "%%%u", ref);
        return;
    }
    c = &tb->cst[ref & ~TCG_REF_CONST];
    g_string_append_printf(
        s, "%s:0x%" PRIx64,
        c->kind == TCG_CONST_PC ? "pc" : tcg_type_name[c->type], c->value);
}

static void put_snap(GString *s, const TcgBlock *tb, unsigned n)
{
    const TcgSnap *snap = &tb->snap[n];

    g_string_append_printf(s, "  snap %u pc 0x%" PRIx64 " insn %u", n, snap->pc,
                           snap->insn_index);
    for (unsigned i = 0; i < snap->n; i++) {
        const TcgSnapDelta *d = &tb->delta[snap->first + i];

        g_string_append_printf(s, " %s=", tb->fe->slots[d->slot].name);
        if (d->now == TCG_REF_ENV) {
            g_string_append(s, "env");
        } else {
            put_ref(s, tb, d->now);
        }
    }
    g_string_append_c(s, '\n');
}

static void put_exit(GString *s, const TcgExit *e)
{
    g_string_append_printf(s, " -> %s", tcg_exit_name[e->kind]);
    if (e->kind == TCG_EXIT_DIRECT || e->kind == TCG_EXIT_LOOP) {
        g_string_append_printf(s, " 0x%" PRIx64, e->target_pc);
    } else if (e->kind == TCG_EXIT_TRAP) {
        g_string_append_printf(s, " 0x%" PRIx32, e->code);
    }
    put_flags(s, tcg_exit_flags, e->flags, " ", " ");
    if (e->flags & TCG_EXIT_CALL) {
        g_string_append_printf(s, " back 0x%" PRIx64, e->ret_pc);
    }
    g_string_append_printf(s, " done %u", e->insns_done);
}

static void put_operands(GString *s, const TcgBlock *tb, unsigned i)
{
    const TcgInsn *in = &tb->insn[i];
    unsigned n = tcg_insn_noperands(tb, i);

    for (unsigned k = 0; k < n; k++) {
        g_string_append(s, k == 0 ? " " : ", ");
        put_ref(s, tb, tcg_insn_operand(tb, i, k));
    }
    if (in->op == TCG_OP_env_ld) {
        g_string_append_printf(s, " 0x%x", in->a);
    } else if (in->op == TCG_OP_env_st) {
        g_string_append_printf(s, ", 0x%x", in->b);
    } else if (in->op == TCG_OP_slot_st && in->b == 1) {
        g_string_append(s, " new");
    }
}

static void put_insn(GString *s, const TcgBlock *tb, unsigned i)
{
    const TcgInsn *in = &tb->insn[i];
    const TcgOpInfo *info = &tcg_op_info[in->op];

    if (in->op == TCG_OP_insn) {
        g_string_append_printf(s, "insn 0x%" PRIx64 "%s\n",
                               in->a | (uint64_t)in->b << 32,
                               in->aux & 1 ? " partial" : "");
        return;
    }
    g_string_append(s, "  ");
    if (in->type != TCG_NONE) {
        g_string_append_printf(s, "%%%u = ", i);
    }
    g_string_append(s, info->name);
    if (in->type != TCG_NONE) {
        g_string_append_printf(s, ".%s", tcg_type_name[in->type]);
    }
    put_aux(s, tb, in);
    put_operands(s, tb, i);
    if (info->flags & TCG_OPF_EXIT) {
        put_exit(s, &tb->exit[in->c]);
    }
    if (tcg_insn_has_snap(tb, i)) {
        g_string_append_printf(s, " @%u", tb->snap_of[i]);
    }
    g_string_append_c(s, '\n');
}

char *tcg_dump(const TcgBlock *tb)
{
    GString *s = g_string_new(NULL);
    unsigned snaps = 0;

    g_string_append_printf(s, "block 0x%" PRIx64 " flags 0x%x\n", tb->pc,
                           tb->flags);
    for (unsigned i = 0; i < tb->n; i++) {
        if (tb->insn[i].op == TCG_OP_args) {
            continue;
        }
        if (tb->insn[i].op != TCG_OP_nop && tcg_insn_has_snap(tb, i)) {
            for (; snaps < tb->nsnap && snaps <= tb->snap_of[i]; snaps++) {
                put_snap(s, tb, snaps);
            }
        }
        put_insn(s, tb, i);
    }
    return g_string_free(s, FALSE);
}
