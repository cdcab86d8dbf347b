/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86-64 encoder against a disassembler: every row of insn.def with many
 * registers, addressing forms, widths and immediates must read back as
 * written, byte length included.
 */
#include "tandem/base.h"

#include <capstone/capstone.h>

#include "tcg/host/x86_64/asm.h"

enum Form {
    RM,
    MR,
    M,
    MI8,
    MI,
    RMI8,
    RMI,
    MRI8,
    VRM,
    VMR,
    XX,
    XXI8,
    MX,
    XR,
    RX,
    XM,
    RXI8,
    XRI8,
    I,
    MEM,
    MXR,
    RXI8X,
    VXX,
};

typedef struct Row {
    const char *name;
    const char *text;
    enum Form form;
    X86Insn insn;
} Row;

static const Row rows[] = {
#define X86_INSN(name, text, form, enc) { #name, text, form, X86_##name },
#include "tcg/host/x86_64/insn.def"
#undef X86_INSN
};

static const int regs[] = {
    RAX, RCX, RBX, RSP, RBP, RSI, RDI, R8, R12, R13, R15
};

static const X86Mem mems[] = {
    { RAX, X86_NONE, 0, 0 },   { RBP, X86_NONE, 0, 0 },
    { RSP, X86_NONE, 0, 8 },   { R12, X86_NONE, 0, 0 },
    { R13, X86_NONE, 0, 0 },   { RBP, X86_NONE, 0, -128 },
    { RBP, X86_NONE, 0, 128 }, { R9, X86_NONE, 0, -0x12345678 },
    { RBP, RAX, 3, 0x1234 },   { RBX, R12, 0, -8 },
    { R13, RBP, 1, 0 },        { R8, R15, 2, 0x7fffffff },
    { RSP, RCX, 3, 0 },        { RDI, RSI, 0, 0 },
};

typedef struct Ctx {
    csh cs;
    cs_insn *insn;
    X86Asm as;
    uint8_t buf[256];
    size_t checked;
} Ctx;

static const x86_reg gpr64[] = {
    X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX,
    X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
    X86_REG_R8,  X86_REG_R9,  X86_REG_R10, X86_REG_R11,
    X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15,
};
static const x86_reg gpr32[] = {
    X86_REG_EAX,  X86_REG_ECX,  X86_REG_EDX,  X86_REG_EBX,
    X86_REG_ESP,  X86_REG_EBP,  X86_REG_ESI,  X86_REG_EDI,
    X86_REG_R8D,  X86_REG_R9D,  X86_REG_R10D, X86_REG_R11D,
    X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D,
};
static const x86_reg gpr16[] = {
    X86_REG_AX,   X86_REG_CX,   X86_REG_DX,   X86_REG_BX,
    X86_REG_SP,   X86_REG_BP,   X86_REG_SI,   X86_REG_DI,
    X86_REG_R8W,  X86_REG_R9W,  X86_REG_R10W, X86_REG_R11W,
    X86_REG_R12W, X86_REG_R13W, X86_REG_R14W, X86_REG_R15W,
};
static const x86_reg gpr8[] = {
    X86_REG_AL,   X86_REG_CL,   X86_REG_DL,   X86_REG_BL,
    X86_REG_SPL,  X86_REG_BPL,  X86_REG_SIL,  X86_REG_DIL,
    X86_REG_R8B,  X86_REG_R9B,  X86_REG_R10B, X86_REG_R11B,
    X86_REG_R12B, X86_REG_R13B, X86_REG_R14B, X86_REG_R15B,
};

/* An expected operand. */
typedef struct Want {
    enum { W_END, W_GPR, W_XMM, W_MEM, W_IMM } kind;
    int reg;
    int width; /* bytes, of a general register */
    X86Mem mem;
    int64_t imm;
} Want;

static x86_reg want_reg(const Want *w)
{
    if (w->kind == W_XMM) {
        return X86_REG_XMM0 + w->reg;
    }
    return (w->width == 8   ? gpr64
            : w->width == 4 ? gpr32
            : w->width == 2 ? gpr16
                            : gpr8)[w->reg];
}

static bool operand_matches(const Want *w, const cs_x86_op *op)
{
    switch (w->kind) {
    case W_GPR:
    case W_XMM:
        return op->type == X86_OP_REG && op->reg == want_reg(w);
    case W_MEM:
        return op->type == X86_OP_MEM && op->mem.base == gpr64[w->mem.base] &&
               op->mem.index == (w->mem.index == X86_NONE
                                     ? X86_REG_INVALID
                                     : gpr64[w->mem.index]) &&
               op->mem.scale == 1 << w->mem.shift &&
               op->mem.disp == w->mem.disp;
    case W_IMM:
        /* Some immediates are shown zero-extended from the operand size. */
        return op->type == X86_OP_IMM &&
               ((op->imm ^ w->imm) & (op->size == 1 ? 0xff : UINT32_MAX)) == 0;
    default:
        return false;
    }
}

/* Disassemble what was emitted; compare mnemonic, operands, length. */
static void check(Ctx *c, const Row *row, const char *mnemonic,
                  const Want *want)
{
    const uint8_t *code = c->buf;
    size_t len = x86_offset(&c->as), left = len, n = 0;
    uint64_t addr = 0;
    bool ok = cs_disasm_iter(c->cs, &code, &left, &addr, c->insn);
    const cs_x86 *x = ok ? &c->insn->detail->x86 : NULL;

    ok = ok && left == 0 && g_str_equal(c->insn->mnemonic, mnemonic);
    for (; ok && want[n].kind != W_END; n++) {
        ok = n < x->op_count && operand_matches(&want[n], &x->operands[n]);
    }
    if (!ok || n != x->op_count) {
        g_autoptr(GString) hex = g_string_new(NULL);

        for (size_t i = 0; i < len; i++) {
            g_string_append_printf(hex, "%02x ", c->buf[i]);
        }
        g_error("%s: want %s, got [%s] %s %s (operand %zu)", row->name,
                mnemonic, hex->str, c->insn->mnemonic, c->insn->op_str, n);
    }
    c->checked++;
}

static void restart(Ctx *c)
{
    x86_asm_init(&c->as, c->buf, sizeof(c->buf), 0, c->as.avx);
}

static Want gpr(int reg, int width)
{
    return (Want){ W_GPR, reg, width };
}

static Want xmm(int reg)
{
    return (Want){ W_XMM, reg };
}

static Want mem(X86Mem m)
{
    return (Want){ W_MEM, .mem = m };
}

static Want imm(int64_t v)
{
    return (Want){ W_IMM, .imm = v };
}

/* Compares without the operands whose order or presence the form decides. */
static void mnemonic_of(const Row *row, const Ctx *c, int w, char *out)
{
    static const struct {
        const char *w0, *w1;
    } wide[] = {
        { "movd", "movq" },
        { "pinsrd", "pinsrq" },
        { "pextrd", "pextrq" },
    };
    const char *text = row->text;
    bool vex = (row->insn & X86_SSE) && c->as.avx;

    for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
        if (w != 0 && g_str_equal(text, wide[i].w0)) {
            text = wide[i].w1;
        }
    }
    snprintf(out, 32, "%s%s", vex ? "v" : "", text);
    if (row->form == VXX && w != 0) {
        out[strlen(out) - 1] = 'd';
    }
}

/* The width of the register operands of general instructions. */
static int gpr_width(const Row *row, int w, bool is_rm)
{
    uint32_t in = row->insn;

    if (in & X86_D64) {
        return 8;
    }
    if ((in & X86_W16) || (is_rm && (in & X86_M16))) {
        return 2;
    }
    if (is_rm && (in & X86_M32)) {
        return 4;
    }
    if (in & (is_rm ? X86_B8M : X86_B8R)) {
        return 1;
    }
    return w || (in & X86_REXW) ? 8 : 4;
}

typedef struct Case {
    const Row *row;
    int w, reg, third, rm;
    const X86Mem *m; /* instead of rm */
    int imm;
} Case;

/* crc32 r64, r/m8 exists, and so on; these do not. */
static bool valid(const Case *k)
{
    uint32_t in = k->row->insn;

    if (k->m == NULL && (in & (X86_MEMONLY | X86_LOCK))) {
        return false;
    }
    if (k->m != NULL && (in & X86_REGONLY)) {
        return false;
    }
    switch (k->row->form) {
    case MX:
    case XM:
    case MEM:
        return k->m != NULL;
    default:
        return true;
    }
}

static Want rm_operand(const Case *k, bool vec)
{
    if (k->m != NULL) {
        return mem(*k->m);
    }
    return vec ? xmm(k->rm) : gpr(k->rm, gpr_width(k->row, k->w, true));
}

static void emit(Ctx *c, const Case *k)
{
    X86Asm *a = &c->as;
    X86Insn in = k->row->insn;

    switch (k->row->form) {
    case M:
    case MEM:
        k->m ? x86_m(a, in, k->w, *k->m) : x86_r(a, in, k->w, k->rm);
        break;
    case I:
        x86_i32(a, in, k->imm);
        break;
    case MI8:
        k->m ? x86_mi8(a, in, k->w, *k->m, k->imm)
             : x86_ri8(a, in, k->w, k->rm, k->imm);
        break;
    case MI:
        k->m ? x86_mi32(a, in, k->w, *k->m, k->imm)
             : x86_ri32(a, in, k->w, k->rm, k->imm);
        break;
    case RMI:
        k->m ? x86_rmi32(a, in, k->w, k->reg, *k->m, k->imm)
             : x86_rri32(a, in, k->w, k->reg, k->rm, k->imm);
        break;
    case RMI8:
    case MRI8:
    case XXI8:
    case RXI8:
    case XRI8:
    case RXI8X:
        k->m ? x86_rmi(a, in, k->w, k->reg, *k->m, k->imm)
             : x86_rri(a, in, k->w, k->reg, k->rm, k->imm);
        break;
    case VRM:
    case VMR:
    case VXX:
        k->m ? x86_vrm(a, in, k->w, k->reg, k->third, *k->m)
             : x86_vrr(a, in, k->w, k->reg, k->third, k->rm);
        break;
    default:
        k->m ? x86_rm(a, in, k->w, k->reg, *k->m)
             : x86_rr(a, in, k->w, k->reg, k->rm);
        break;
    }
}

/* Operands as the manual orders them. */
static void expect(const Ctx *c, const Case *k, Want *out)
{
    int w = k->w;
    Want r = gpr(k->reg, gpr_width(k->row, w, false));
    bool three = (k->row->insn & X86_NDS) && c->as.avx;
    Want *o = out;

    switch (k->row->form) {
    case RM:
        *o++ = r, *o++ = rm_operand(k, false);
        break;
    case MR:
        *o++ = rm_operand(k, false), *o++ = r;
        break;
    case M:
    case MEM:
        *o++ = rm_operand(k, false);
        break;
    case I:
        *o++ = imm(k->imm);
        break;
    case MI8:
    case MI:
        *o++ = rm_operand(k, false), *o++ = imm(k->imm);
        break;
    case RMI8:
    case RMI:
        *o++ = r, *o++ = rm_operand(k, false), *o++ = imm(k->imm);
        break;
    case MRI8:
        *o++ = rm_operand(k, false), *o++ = r, *o++ = imm(k->imm);
        break;
    case VRM:
        *o++ = r, *o++ = gpr(k->third, r.width), *o++ = rm_operand(k, false);
        break;
    case VMR:
        *o++ = r, *o++ = rm_operand(k, false), *o++ = gpr(k->third, r.width);
        break;
    case VXX:
        *o++ = xmm(k->reg), *o++ = xmm(k->third), *o++ = rm_operand(k, true);
        break;
    case XX:
    case XM:
    case XXI8:
    case XR:
    case XRI8:
        *o++ = xmm(k->reg);
        if (three) {
            *o++ = xmm(k->reg);
        }
        *o++ = rm_operand(k, k->row->form == XX || k->row->form == XXI8);
        if (k->row->form == XXI8 || k->row->form == XRI8) {
            *o++ = imm(k->imm);
        }
        break;
    case MX:
        *o++ = mem(*k->m), *o++ = xmm(k->reg);
        break;
    case MXR:
        *o++ = rm_operand(k, false), *o++ = xmm(k->reg);
        break;
    case RX:
        *o++ = r, *o++ = rm_operand(k, true);
        break;
    case RXI8:
    case RXI8X:
        *o++ = rm_operand(k, k->row->form == RXI8X);
        *o++ = xmm(k->reg), *o++ = imm(k->imm);
        break;
    }
    if (k->row->insn & X86_CL) {
        *o++ = gpr(RCX, 1);
    }
    o->kind = W_END;
}

static void run_case(Ctx *c, const Case *k)
{
    Want want[6];
    char mnemonic[32];

    if (!valid(k)) {
        return;
    }
    restart(c);
    emit(c, k);
    expect(c, k, want);
    mnemonic_of(k->row, c, k->w, mnemonic);
    check(c, k->row, mnemonic, want);
}

static bool fixed_width(const Row *row)
{
    if (row->insn & (X86_W16 | X86_REXW | X86_D64)) {
        return true;
    }
    switch (row->form) {
    case XX:
    case XXI8:
    case MX:
    case XM:
    case MEM:
    case RXI8X:
        return true;
    case M:
    case MI8:
    case MR:
        return (row->insn & X86_B8M) != 0;
    default:
        return (row->insn & (X86_B8R | X86_B8M)) == (X86_B8R | X86_B8M);
    }
}

static void run_row(Ctx *c, const Row *row)
{
    static const int imms[] = { 0, 1, 31, -1, -128, 127 };
    Case k = { row };

    for (k.w = 0; k.w <= !fixed_width(row); k.w++) {
        for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
            k.reg = regs[i];
            k.third = regs[(i * 7 + 3) % ARRAY_SIZE(regs)];
            k.imm = imms[i % ARRAY_SIZE(imms)];
            if (row->form == MI || row->form == RMI) {
                k.imm = k.imm * 0x1234567;
            } else if (row->form != MI8 || strchr(row->text, 'h') != NULL ||
                       row->text[0] == 'r' || row->text[0] == 'b') {
                k.imm &= row->form == RMI8 && row->insn != X86_RORX ? -1 : 7;
            }
            for (size_t j = 0; j < ARRAY_SIZE(regs); j++) {
                k.rm = regs[j];
                k.m = NULL;
                run_case(c, &k);
            }
            for (size_t j = 0; j < ARRAY_SIZE(mems); j++) {
                k.m = &mems[j];
                run_case(c, &k);
            }
        }
    }
}

static void walk(bool avx)
{
    Ctx c = { .as = { .avx = avx } };

    g_assert_cmpint(cs_open(CS_ARCH_X86, CS_MODE_64, &c.cs), ==, CS_ERR_OK);
    cs_option(c.cs, CS_OPT_DETAIL, CS_OPT_ON);
    c.insn = cs_malloc(c.cs);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        run_row(&c, &rows[i]);
    }
    g_test_message("%zu encodings", c.checked);
    g_assert_cmpuint(c.checked, >, 30000);
    cs_free(c.insn, 1);
    cs_close(&c.cs);
}

static void legacy_encodings_read_back(void)
{
    walk(false);
}

static void vex_encodings_read_back(void)
{
    walk(true);
}

/* Text of the instructions in @buf, separated by '|'. */
static char *listing(const X86Asm *a)
{
    GString *s = g_string_new(NULL);
    cs_insn *insn;
    csh cs;
    size_t n;

    cs_open(CS_ARCH_X86, CS_MODE_64, &cs);
    n = cs_disasm(cs, a->start, x86_offset(a), 0x1000, 0, &insn);
    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(s, "%s%s %s", i ? "|" : "", insn[i].mnemonic,
                               insn[i].op_str);
    }
    cs_free(insn, n);
    cs_close(&cs);
    return g_string_free(s, false);
}

static void assert_listing(const X86Asm *a, const char *want)
{
    g_autofree char *got = listing(a);

    g_assert_cmpstr(got, ==, want);
}

static void constants_take_the_shortest_form(void)
{
    uint8_t buf[256];
    X86Asm a;

    x86_asm_init(&a, buf, sizeof(buf), 0, false);
    x86_mov_imm(&a, R9, 0, true);
    x86_mov_imm(&a, R9, 0, false);
    x86_mov_imm(&a, RSI, 0xffffffff, true);
    x86_mov_imm(&a, R10, -5, true);
    x86_mov_imm(&a, R11, 0x123456789a, true);
    assert_listing(&a, "xor r9d, r9d|mov r9d, 0|mov esi, 0xffffffff|"
                       "mov r10, -5|movabs r11, 0x123456789a");
    g_assert_cmpuint(x86_offset(&a), ==, 3 + 6 + 5 + 7 + 10);
}

static void fixed_forms_read_back(void)
{
    uint8_t buf[256];
    X86Asm a;

    x86_asm_init(&a, buf, sizeof(buf), 0, false);
    x86_push(&a, R12);
    x86_pop(&a, RBX);
    x86_cdq(&a, 0);
    x86_cdq(&a, 1);
    x86_bswap(&a, 1, R9);
    x86_bswap(&a, 0, RCX);
    x86_vzeroupper(&a);
    x86_pause(&a);
    x86_cmov(&a, CC_NE, 1, RAX, R8);
    x86_setcc(&a, CC_G, RSI);
    x86_alu_ri(&a, ALU_SUB, 1, RSP, 0x1000);
    x86_alu_mi(&a, ALU_CMP, 0, x86_mem(RBP, -16), 0);
    x86_ud2(&a);
    x86_ret(&a);
    assert_listing(&a, "push r12|pop rbx|cdq |cqo |bswap r9|bswap ecx|"
                       "vzeroupper |pause |cmovne rax, r8|setg sil|"
                       "sub rsp, 0x1000|cmp dword ptr [rbp - 0x10], 0|ud2 |"
                       "ret ");
}

/* EVEX: registers 0 to 31, lengths, masks, W; opmask moves, those of 8 and 16
 * bits, as capstone 4 knows no others. */
static void avx512_encodings_read_back(void)
{
    uint8_t buf[512];
    X86Asm a;
    const X86Insn paddd = X86_E(1, 1, 0xfe), movdqu64 = X86_E(2, 1, 0x6f);
    const X86Insn fmadd = X86_E(1, 2, 0xb8), bcast = X86_E(1, 2, 0x7c);

    x86_asm_init(&a, buf, sizeof(buf), 0, true);
    x86_ev_rr(&a, paddd, (X86Ev){ 0, 2, 4 }, 17, 18, 31);
    x86_ev_rr(&a, paddd, (X86Ev){ 0, 0, 3 }, 25, 1, 8);
    x86_ev_rr(&a, fmadd, (X86Ev){ 1, 1, 1 }, 16, 29, 15);
    x86_ev_rm(&a, movdqu64, (X86Ev){ 1, 2, 0 }, 30, 0, x86_mem(RBP, 0x1240));
    x86_ev_rm(&a, movdqu64, (X86Ev){ 1, 1, 0 }, 9, 0,
              x86_mem_index(R13, RAX, 0, 32));
    x86_ev_rm(&a, movdqu64, (X86Ev){ 1, 0, 0 }, 18, 0, x86_mem(R12, 16));
    x86_ev_rr(&a, bcast, (X86Ev){ 1, 2, 2 }, 24, 0, R11);
    assert_listing(&a, "vpaddd zmm17 {k4}, zmm18, zmm31|"
                       "vpaddd xmm25 {k3}, xmm1, xmm8|"
                       "vfmadd231pd ymm16 {k1}, ymm29, ymm15|"
                       "vmovdqu64 zmm30, zmmword ptr [rbp + 0x1240]|"
                       "vmovdqu64 ymm9, ymmword ptr [r13 + rax + 0x20]|"
                       "vmovdqu64 xmm18, xmmword ptr [r12 + 0x10]|"
                       "vpbroadcastq zmm24 {k2}, r11");
    x86_asm_init(&a, buf, sizeof(buf), 0, true);
    x86_kmov_km(&a, 0, 1, x86_mem(RBP, 8));
    x86_kmov_km(&a, 1, 2, x86_mem(R9, 8));
    x86_kmov_mk(&a, 1, x86_mem(RBP, 8), 3);
    x86_kmov_kr(&a, 1, 5, RCX);
    x86_kmov_rk(&a, 0, RAX, 7);
    assert_listing(&a, "kmovb k1, byte ptr [rbp + 8]|"
                       "kmovw k2, word ptr [r9 + 8]|"
                       "kmovw word ptr [rbp + 8], k3|"
                       "kmovw k5, ecx|kmovb eax, k7");
}

static void jumps_reach_their_labels(void)
{
    uint8_t buf[512];
    X86Asm a;
    uint32_t j8, j32, top;

    x86_asm_init(&a, buf, sizeof(buf), 0, false);
    top = x86_offset(&a);
    j8 = x86_jcc8(&a, CC_E);   /* 0x1000 */
    j32 = x86_jcc32(&a, CC_A); /* 0x1002 */
    x86_nop(&a, 3);            /* 0x1008 */
    x86_bind8(&a, j8);         /* 0x100b */
    x86_jmp_back(&a, top);
    x86_bind32(&a, j32); /* 0x100d */
    x86_jcc_back(&a, CC_NE, top);
    assert_listing(&a, "je 0x100b|ja 0x100d|nop dword ptr [rax]|jmp 0x1000|"
                       "jne 0x1000");
}

static void patchable_displacements_are_aligned(void)
{
    uint8_t buf[512];
    X86Asm a;

    for (int pad = 0; pad < 8; pad++) {
        x86_asm_init(&a, buf, sizeof(buf), 0, false);
        x86_nop(&a, pad);
        g_assert_cmpuint((uintptr_t)(a.start + x86_jmp32_aligned(&a)) & 3, ==,
                         0);
        g_assert_cmpuint((uintptr_t)(a.start + x86_jcc32_aligned(&a, CC_E)) & 3,
                         ==, 0);
    }
}

static void a_full_buffer_is_flagged_and_never_overrun(void)
{
    uint8_t buf[160];
    X86Asm a;

    memset(buf, 0x5a, sizeof(buf));
    x86_asm_init(&a, buf, 128, 0, false);
    for (int i = 0; i < 1000; i++) {
        x86_mov_imm(&a, R9, 0x123456789abcdefull, false);
        x86_rmi32(&a, X86_IMUL_I, 1, R9, x86_mem_index(R8, R9, 3, 1 << 20),
                  1 << 20);
    }
    g_assert_true(a.overflow);
    for (size_t i = 128; i < sizeof(buf); i++) {
        g_assert_cmphex(buf[i], ==, 0x5a);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/asm/legacy", legacy_encodings_read_back);
    g_test_add_func("/x86/asm/vex", vex_encodings_read_back);
    g_test_add_func("/x86/asm/constants", constants_take_the_shortest_form);
    g_test_add_func("/x86/asm/fixed", fixed_forms_read_back);
    g_test_add_func("/x86/asm/avx512", avx512_encodings_read_back);
    g_test_add_func("/x86/asm/jumps", jumps_reach_their_labels);
    g_test_add_func("/x86/asm/aligned", patchable_displacements_are_aligned);
    g_test_add_func("/x86/asm/overflow",
                    a_full_buffer_is_flagged_and_never_overrun);
    return g_test_run();
}
