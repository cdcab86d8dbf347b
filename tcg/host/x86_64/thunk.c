/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code shared by all units: entry and exit, slow paths, calls. Emitted once
 * into the code cache, so that units reach it by rel32.
 *
 * Frame: enter() pushes the callee-saved registers and one pad word, so rsp is
 * a multiple of 16 in emitted code (System V x86-64 ABI 3.2.2). A thunk that
 * calls C first fills the save area (hot->save_gpr, save_vec) and ret_pc: from
 * there the engine restores guest state when C raises and never comes back.
 * It also stores MXCSR to mxcsr_guest, so that the engine need only load
 * mxcsr_host after such a jump.
 */
#include "tandem/base.h"

#include "backend.h"

static const uint8_t pushed[] = { RBX, RBP, R12, R13, R14, R15 };
static const uint8_t caller_saved[] = { RDX, RSI, RDI, R8, R9, R10, R11 };

typedef struct ThunkGen {
    X86Asm a;
    unsigned npin;
    X86Pin pin[MAX_PINS];
    const TcgFrontend *fe;
    const TcgRuntimeOps *ops;
    TcgThunks *out;
} ThunkGen;

static X86Mem hot(int32_t off)
{
    return x86_mem(RBP, off);
}

static X86Mem save_gpr(int reg)
{
    return hot(TCG_HOT_OFF(save_gpr) + 8 * reg);
}

static X86Mem save_vec(int reg)
{
    return hot(TCG_HOT_OFF(save_vec) + 64 * reg);
}

static void begin_thunk(ThunkGen *t, Thunk n)
{
    x86_nop(&t->a, -(uintptr_t)t->a.p & 15);
    t->out->priv[n] = t->a.p + t->a.delta;
}

static void mxcsr_to_guest_word(ThunkGen *t)
{
    x86_m(&t->a, X86_STMXCSR, 0, hot(TCG_HOT_OFF(mxcsr_guest)));
}

static void load_guest_mxcsr(ThunkGen *t)
{
    x86_m(&t->a, X86_LDMXCSR, 0, hot(TCG_HOT_OFF(mxcsr_guest)));
}

static void load_host_mxcsr(ThunkGen *t)
{
    x86_m(&t->a, X86_LDMXCSR, 0, hot(TCG_HOT_OFF(mxcsr_host)));
}

static void call_c(ThunkGen *t, const void *fn)
{
    x86_call_abs(&t->a, fn, RAX);
}

/* Pinned slots that are in one of @regs: to env, and back. */
static void pins(ThunkGen *t, X86Insn move, uint32_t regs)
{
    for (unsigned k = 0; k < t->npin; k++) {
        if (regs >> t->pin[k].reg & 1) {
            x86_rm(&t->a, move, 1, t->pin[k].reg,
                   x86_mem(RBP, t->fe->slots[t->pin[k].slot].offset));
        }
    }
}

/* ---- enter and leave ---- */

static void thunk_enter(ThunkGen *t)
{
    X86Asm *a = &t->a;

    begin_thunk(t, THUNK_ENTER);
    for (unsigned i = 0; i < ARRAY_SIZE(pushed); i++) {
        x86_push(a, pushed[i]);
    }
    x86_alu_ri(a, ALU_SUB, 1, RSP, 8);
    x86_rr(a, X86_MOV_RM, 1, RBP, RDI);
    x86_m(a, X86_STMXCSR, 0, hot(TCG_HOT_OFF(mxcsr_host)));
    load_guest_mxcsr(t);
    pins(t, X86_MOV_RM, GPR_ALLOC);
    x86_r(a, X86_JMP_M, 0, RSI);
}

static void thunk_leave(ThunkGen *t)
{
    X86Asm *a = &t->a;

    begin_thunk(t, THUNK_LEAVE);
    pins(t, X86_MOV_MR, GPR_ALLOC);
    mxcsr_to_guest_word(t);
    load_host_mxcsr(t);
    x86_mi32(a, X86_MOV_I, 1, hot(TCG_HOT_OFF(ret_pc)), 0);
    x86_alu_ri(a, ALU_ADD, 1, RSP, 8);
    for (unsigned i = ARRAY_SIZE(pushed); i-- > 0;) {
        x86_pop(a, pushed[i]);
    }
    x86_ret(a);
}

static void jump_to(ThunkGen *t, Thunk n)
{
    x86_jmp_abs(&t->a, t->out->priv[n]);
}

static void thunk_leave_exit(ThunkGen *t)
{
    X86Asm *a = &t->a;

    begin_thunk(t, THUNK_LEAVE_EXIT);
    x86_rm(a, X86_MOV_MR, 1, RCX, hot(TCG_HOT_OFF(leave_unit)));
    x86_rr(a, X86_MOV_RM, 0, RDX, RAX);
    x86_ri8(a, X86_SHR_I8, 0, RDX, 3);
    x86_rm(a, X86_MOV_MR, 0, RDX, hot(TCG_HOT_OFF(leave_exit)));
    x86_alu_ri(a, ALU_AND, 0, RAX, 7);
    jump_to(t, THUNK_LEAVE);
}

/* Leave with env's pc = rax. */
static void leave_at_rax(ThunkGen *t, TcgLeave why)
{
    x86_rm(&t->a, X86_MOV_MR, 1, RAX, x86_mem(RBP, t->fe->pc_offset));
    x86_mov_imm(&t->a, RAX, why, true);
    jump_to(t, THUNK_LEAVE);
}

static void thunk_poll_ind(ThunkGen *t)
{
    begin_thunk(t, THUNK_POLL_IND);
    x86_mi32(&t->a, X86_MOV_I, 1, hot(TCG_HOT_OFF(leave_unit)), 0);
    leave_at_rax(t, TCG_LEAVE_POLL);
}

static void thunk_leave_ind(ThunkGen *t)
{
    begin_thunk(t, THUNK_LEAVE_IND);
    leave_at_rax(t, TCG_LEAVE_INDIRECT);
}

/* An indirect jump that missed the jump cache; state is in env. */
static void thunk_lookup(ThunkGen *t)
{
    X86Asm *a = &t->a;
    uint32_t none;

    begin_thunk(t, THUNK_LOOKUP);
    x86_push(a, RAX);
    x86_alu_ri(a, ALU_SUB, 1, RSP, 8);
    pins(t, X86_MOV_MR, ~CALLEE_SAVED);
    mxcsr_to_guest_word(t);
    load_host_mxcsr(t);
    x86_rr(a, X86_MOV_RM, 1, RDI, RBP);
    x86_rr(a, X86_MOV_RM, 1, RSI, RAX);
    call_c(t, t->ops->lookup);
    load_guest_mxcsr(t);
    pins(t, X86_MOV_RM, ~CALLEE_SAVED);
    x86_alu_ri(a, ALU_ADD, 1, RSP, 8);
    x86_pop(a, RCX);
    x86_rr(a, X86_TEST_MR, 1, RAX, RAX);
    none = x86_jcc8(a, CC_E);
    x86_r(a, X86_JMP_M, 0, RAX);
    x86_bind8(a, none);
    x86_rr(a, X86_MOV_RM, 1, RAX, RCX);
    leave_at_rax(t, TCG_LEAVE_INDIRECT);
}

/* ---- slow paths of memory ops ---- */

static void save_all(ThunkGen *t, bool vec)
{
    for (int r = 0; r < X86_NGPR; r++) {
        if (GPR_ALLOC >> r & 1) {
            x86_rm(&t->a, X86_MOV_MR, 1, r, save_gpr(r));
        }
    }
    for (int r = 2; vec && r < 16; r++) {
        x86_rm(&t->a, X86_MOVUPS_MX, 0, r, save_vec(r));
    }
    mxcsr_to_guest_word(t);
}

static void restore_caller_saved(ThunkGen *t, bool vec)
{
    for (unsigned i = 0; i < ARRAY_SIZE(caller_saved); i++) {
        x86_rm(&t->a, X86_MOV_RM, 1, caller_saved[i],
               save_gpr(caller_saved[i]));
    }
    for (int r = 2; vec && r < 16; r++) {
        x86_rm(&t->a, X86_MOVUPS, 0, r, save_vec(r));
    }
}

/* hot->ret_pc = the return address at [rsp]; rdi = env. Loses rdi. */
static void set_ret_pc(ThunkGen *t)
{
    x86_rm(&t->a, X86_MOV_RM, 1, RDI, x86_mem(RSP, 0));
    x86_rm(&t->a, X86_MOV_MR, 1, RDI, hot(TCG_HOT_OFF(ret_pc)));
    x86_rr(&t->a, X86_MOV_RM, 1, RDI, RBP);
}

/* Entry: [rsp] return address, [rsp + 8] MemOp; rsp is a multiple of 16. */
static void thunk_ld(ThunkGen *t, bool vec)
{
    begin_thunk(t, THUNK_LD + vec);
    save_all(t, vec);
    set_ret_pc(t);
    x86_rr(&t->a, X86_MOV_RM, 1, RSI, RAX);
    x86_rm(&t->a, X86_MOV_RM, 0, RDX, x86_mem(RSP, 8));
    call_c(t, t->ops->ld);
    restore_caller_saved(t, vec);
    x86_ret_pop(&t->a, 8);
}

static void thunk_st(ThunkGen *t, bool vec)
{
    begin_thunk(t, THUNK_ST + vec);
    save_all(t, vec);
    set_ret_pc(t);
    x86_rr(&t->a, X86_MOV_RM, 1, RSI, RAX);
    x86_rr(&t->a, X86_MOV_RM, 1, RDX, RCX);
    x86_rm(&t->a, X86_MOV_RM, 0, RCX, x86_mem(RSP, 8));
    call_c(t, t->ops->st);
    restore_caller_saved(t, vec);
    x86_ret_pop(&t->a, 8);
}

/* [rsp + 8] MemOp, [rsp + 16] compare value, [rsp + 24] kind and holds. */
static void thunk_atomic(ThunkGen *t, bool vec)
{
    begin_thunk(t, THUNK_ATOMIC + vec);
    save_all(t, vec);
    set_ret_pc(t);
    x86_rr(&t->a, X86_MOV_RM, 1, RSI, RAX);
    x86_rr(&t->a, X86_MOV_RM, 1, RDX, RCX);
    x86_rm(&t->a, X86_MOV_RM, 1, RCX, x86_mem(RSP, 16));
    x86_rm(&t->a, X86_MOV_RM, 0, R8, x86_mem(RSP, 8));
    x86_rm(&t->a, X86_MOV_RM, 0, R9, x86_mem(RSP, 24));
    call_c(t, t->ops->atomic);
    restore_caller_saved(t, vec);
    x86_ret_pop(&t->a, 24);
}

/* [rsp + 8], [rsp + 16], [rsp + 24] arguments after env. */
static void thunk_vec(ThunkGen *t, bool vec)
{
    begin_thunk(t, THUNK_VEC + vec);
    save_all(t, vec);
    set_ret_pc(t);
    x86_rm(&t->a, X86_MOV_RM, 1, RSI, x86_mem(RSP, 8));
    x86_rm(&t->a, X86_MOV_RM, 1, RDX, x86_mem(RSP, 16));
    x86_rm(&t->a, X86_MOV_RM, 1, RCX, x86_mem(RSP, 24));
    x86_r(&t->a, X86_CALL_M, 0, RAX);
    restore_caller_saved(t, vec);
    x86_ret_pop(&t->a, 24);
}

static void thunk_trap(ThunkGen *t, bool vec)
{
    begin_thunk(t, THUNK_TRAP + vec);
    save_all(t, vec);
    set_ret_pc(t);
    x86_rr(&t->a, X86_MOV_RM, 0, RSI, RCX);
    x86_alu_ri(&t->a, ALU_SUB, 1, RSP, 8);
    call_c(t, t->ops->trap);
    x86_ud2(&t->a);
}

/* ---- helpers ---- */

/* Before a helper that may raise: registers that C would reuse. rdi = env. */
static void save_for_helper(ThunkGen *t)
{
    for (int r = 0; r < X86_NGPR; r++) {
        if (CALLEE_SAVED >> r & 1) {
            x86_rm(&t->a, X86_MOV_MR, 1, r, save_gpr(r));
        }
    }
    set_ret_pc(t);
    mxcsr_to_guest_word(t);
}

static void thunk_call(ThunkGen *t)
{
    begin_thunk(t, THUNK_CALL);
    save_for_helper(t);
    x86_r(&t->a, X86_JMP_M, 0, RAX);

    begin_thunk(t, THUNK_CALL_FP);
    save_for_helper(t);
    load_host_mxcsr(t);
    x86_alu_ri(&t->a, ALU_SUB, 1, RSP, 8);
    x86_r(&t->a, X86_CALL_M, 0, RAX);
    x86_alu_ri(&t->a, ALU_ADD, 1, RSP, 8);
    load_guest_mxcsr(t);
    x86_ret(&t->a);
}

/* An op in C: nothing but rax changes, and MXCSR gets its flags. */
static void thunk_soft(ThunkGen *t)
{
    X86Asm *a = &t->a;
    int frame = 8 * ARRAY_SIZE(caller_saved) + 8 + 16 * 16 + 8;

    begin_thunk(t, THUNK_SOFT);
    frame = (frame + 8 + 15) / 16 * 16 - 8; /* rsp is 8 off at entry */
    x86_alu_ri(a, ALU_SUB, 1, RSP, frame);
    for (unsigned i = 0; i < ARRAY_SIZE(caller_saved); i++) {
        x86_rm(a, X86_MOV_MR, 1, caller_saved[i], x86_mem(RSP, 256 + 8 * i));
    }
    x86_rm(a, X86_MOV_MR, 1, RCX,
           x86_mem(RSP, 256 + 8 * ARRAY_SIZE(caller_saved)));
    for (int r = 0; r < 16; r++) {
        x86_rm(a, X86_MOVUPS_MX, 0, r, x86_mem(RSP, 16 * r));
    }
    mxcsr_to_guest_word(t);
    load_host_mxcsr(t);
    x86_rr(a, X86_MOV_RM, 1, RDI, RBP);
    x86_rm(a, X86_LEA, 1, RSI, x86_mem(RSP, frame + 8));
    call_c(t, x86_soft_eval);
    load_guest_mxcsr(t);
    for (int r = 0; r < 16; r++) {
        x86_rm(a, X86_MOVUPS, 0, r, x86_mem(RSP, 16 * r));
    }
    x86_rm(a, X86_MOV_RM, 1, RCX,
           x86_mem(RSP, 256 + 8 * ARRAY_SIZE(caller_saved)));
    for (unsigned i = 0; i < ARRAY_SIZE(caller_saved); i++) {
        x86_rm(a, X86_MOV_RM, 1, caller_saved[i], x86_mem(RSP, 256 + 8 * i));
    }
    x86_alu_ri(a, ALU_ADD, 1, RSP, frame);
    x86_ret_pop(a, 32);
}

#define COUNT_4(n)  n, n + 1, n + 2, n + 3
#define COUNT_16(n) COUNT_4(n), COUNT_4(n + 4), COUNT_4(n + 8), COUNT_4(n + 12)
#define COUNT_64(n)                                                            \
    COUNT_16(n), COUNT_16(n + 16), COUNT_16(n + 32), COUNT_16(n + 48)
#define BITS_8_TIMES(n)                                                        \
    (n), 2 * (n), 4 * (n), 8 * (n), 16 * (n), 32 * (n), 64 * (n), 128 * (n)
#define BITS_8 BITS_8_TIMES(1)
#define GONE   0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80
#define LOW_8  0, 2, 4, 6, 8, 10, 12, 14, GONE
#define LOW_16 0, 1, 4, 5, 8, 9, 12, 13, GONE
/* tcg_fpflags_of_mxcsr() */
#define FFLAGS(i)                                                              \
    ((i) >> 5 & 1) | ((i) >> 3 & 2) | ((i) >> 1 & 4) | ((i) << 1 & 8) |        \
        ((i) << 4 & 16)
#define FFLAGS_4(i) FFLAGS(i), FFLAGS(i + 1), FFLAGS(i + 2), FFLAGS(i + 3)
#define FFLAGS_16(i)                                                           \
    FFLAGS_4(i), FFLAGS_4(i + 4), FFLAGS_4(i + 8), FFLAGS_4(i + 12)
static const ConstPool const_pool = {
    .fflags = { FFLAGS_16(0), FFLAGS_16(16), FFLAGS_16(32), FFLAGS_16(48) },
    .count = { COUNT_64(0), COUNT_64(64) },
    .sign64 = { UINT64_C(1) << 63, 0 },
    .abs64 = { INT64_MAX, 0 },
    .sign32 = { UINT64_C(1) << 31, 0 },
    .abs32 = { INT32_MAX, 0 },
    .box = { UINT64_C(0xffffffff) << 32, 0 },
    .nan64 = UINT64_C(0x7ff8000000000000),
    .nan32 = 0x7fc00000,
    .ones = UINT64_MAX,
    .bit8 = { BITS_8, BITS_8, BITS_8, BITS_8 },
    .byte_of = { [8 ... 15] = 1, [16 ... 23] = 2, [24 ... 31] = 3 },
    .low8 = { LOW_8, LOW_8 },
    .low16 = { LOW_16, LOW_16 },
    .edge = { [32 ... 63] = 0xff },
    .bit16 = { BITS_8, BITS_8_TIMES(256) },
    .bit32 = { BITS_8 },
    .even32 = { 0, 2, 4, 6, 0, 2, 4, 6 },
    .bit64 = { 1, 2, 4, 8 },
};

static void put_consts(ThunkGen *t)
{
    begin_thunk(t, THUNK_CONSTS);
    memcpy(t->a.p, &const_pool, sizeof(const_pool));
    t->a.p += sizeof(const_pool);
}

TcgResult tcg_thunks_emit(TcgContext *ctx, const TcgCodeBuf *buf,
                          TcgThunks *out)
{
    ThunkGen t = { .fe = tcg_context_frontend(ctx),
                   .ops = tcg_context_ops(ctx),
                   .out = out };

    if (buf->size < 8192) {
        return TCG_NO_SPACE;
    }
    t.npin = x86_pins(ctx, t.pin);
    memset(out, 0, sizeof(*out));
    x86_asm_init(&t.a, buf->rw, buf->size, buf->rx - buf->rw,
                 tcg_context_features(ctx) & TCG_HOST_AVX);
    put_consts(&t);
    thunk_enter(&t);
    thunk_leave(&t);
    thunk_leave_exit(&t);
    thunk_poll_ind(&t);
    thunk_leave_ind(&t);
    thunk_lookup(&t);
    for (int vec = 0; vec < 2; vec++) {
        thunk_ld(&t, vec);
        thunk_st(&t, vec);
        thunk_atomic(&t, vec);
        thunk_vec(&t, vec);
        thunk_trap(&t, vec);
    }
    thunk_call(&t);
    thunk_soft(&t);
    assert(!t.a.overflow);
    out->enter = (TcgLeave(*)(void *, const void *))out->priv[THUNK_ENTER];
    out->lookup = out->priv[THUNK_LOOKUP];
    out->size = x86_offset(&t.a);
    return TCG_OK;
}
