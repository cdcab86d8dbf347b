/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CSRs: what is legal, what sticks, what it does. Numbers are the manual's.
 *
 * Spec: Priv 20240411 chapters 2, 3, 10; Unpriv 6, 7, 21.2; Sstc; Debug 5.
 */
#include "tandem/base.h"

#include "tests/unit/riscv-fake.h"
#include "target/riscv/trap.h"
#include "target/riscv/trigger.h"

#define FAKE(h, model) g_autofree FakeHart *h = fake_new(&(model), NULL)

static uint64_t rd(FakeHart *h, unsigned csr)
{
    uint64_t v = 0;

    g_assert_true(riscv_csr_access(&h->env, csr, &v, false, 0, 0));
    return v;
}

static void wr(FakeHart *h, unsigned csr, uint64_t value)
{
    g_assert_true(
        riscv_csr_access(&h->env, csr, NULL, true, value, UINT64_MAX));
}

static uint64_t wr_rd(FakeHart *h, unsigned csr, uint64_t value)
{
    wr(h, csr, value);
    return rd(h, csr);
}

static bool can_read(FakeHart *h, unsigned csr)
{
    uint64_t v;

    return riscv_csr_access(&h->env, csr, &v, false, 0, 0);
}

static bool can_write(FakeHart *h, unsigned csr)
{
    return riscv_csr_access(&h->env, csr, NULL, true, 0, UINT64_MAX);
}

static void numbers_say_who_may(void)
{
    FAKE(h, riscv_model_rv64);

    h->env.priv = PRV_U;
    g_assert_false(can_read(h, 0x100)); /* sstatus */
    g_assert_false(can_read(h, 0x300)); /* mstatus */
    h->env.priv = PRV_S;
    g_assert_true(can_read(h, 0x100));
    g_assert_false(can_read(h, 0x300));
    h->env.priv = PRV_M;
    g_assert_true(can_read(h, 0xf14)); /* mhartid is read-only... */
    g_assert_false(can_write(h, 0xf14));
    /* ...and CSRRS with a zero mask still writes, when rs1 is not x0 */
    uint64_t v;
    g_assert_false(riscv_csr_access(&h->env, 0xf14, &v, true, UINT64_MAX, 0));
    g_assert_false(can_read(h, 0x7c0)); /* custom: none */
    g_assert_false(can_read(h, 0x310)); /* mstatush is RV32's */
    g_assert_false(can_read(h, 0x312)); /* and so is medelegh */
}

static void mstatus_is_warl(void)
{
    FAKE(h, riscv_model_rv64);

    /* UXL = SXL = 2, SD from FS; UBE SBE MBE XS VS read as zero */
    g_assert_cmphex(wr_rd(h, 0x300, UINT64_MAX), ==, 0x8000000a007e79aa);
    /* MPP = 2 is reserved: the old MPP stays */
    g_assert_cmphex(wr_rd(h, 0x300, 2 << 11), ==, 0x0000000a00001800);
    g_assert_cmphex(wr_rd(h, 0x300, 1 << 11), ==, 0x0000000a00000800);
    /* sstatus shows its part alone, and writes no more */
    wr(h, 0x300, 0x79aa);
    g_assert_cmphex(rd(h, 0x100), ==, 0x8000000200006122);
    wr(h, 0x100, 0);
    g_assert_cmphex(rd(h, 0x300), ==, 0x0000000a00001888);
}

static void mstatus_without_s_and_u(void)
{
    const uint8_t off[] = { RISCV_EXT_S, RISCV_EXT_U, RISCV_EXT_F, 0 };
    g_autofree FakeHart *h = fake_new(&riscv_model_rv64, off);

    /* M alone: MPP is read-only 3, FS has nothing to track */
    g_assert_cmphex(wr_rd(h, 0x300, 0), ==, 0x1800);
    g_assert_cmphex(wr_rd(h, 0x300, UINT64_MAX), ==, 0x1888);
    g_assert_false(can_read(h, 0x100));
    g_assert_false(can_read(h, 0x306)); /* mcounteren needs U */
    g_assert_false(can_read(h, 0x302)); /* medeleg needs S */
    g_assert_false(can_read(h, 0x001)); /* fflags needs F */
}

static void rv32_splits_in_halves(void)
{
    FAKE(h, riscv_model_rv32);

    g_assert_cmphex(wr_rd(h, 0x300, UINT64_MAX), ==, 0x807e79aa);
    g_assert_cmphex(wr_rd(h, 0x310, UINT64_MAX), ==, 0);
    g_assert_cmphex(wr_rd(h, 0x312, UINT64_MAX), ==, 0); /* medelegh */
    h->cycles = 0;
    wr(h, 0xb00, 0xfffffffe);
    wr(h, 0xb80, 0x12345678);
    g_assert_cmphex(h->env.counter_base[0], ==, 0x12345678fffffffe);
    h->cycles = 3;
    g_assert_cmphex(rd(h, 0xb00), ==, 1);
    g_assert_cmphex(rd(h, 0xb80), ==, 0x12345679);
    wr(h, 0x14d, 0xdeadbeef);
    wr(h, 0x15d, 0x1);
    g_assert_cmphex(h->env.stimecmp, ==, 0x1deadbeef);
    /* misa: MXL = 1, and the letters A B? C D F I M S U */
    g_assert_cmphex(rd(h, 0x301), ==, 0x4014112d);
}

static void misa_names_the_letters(void)
{
    FAKE(h, riscv_model_rv64);

    g_assert_cmphex(rd(h, 0x301), ==, 0x800000000014112d);
    g_assert_cmphex(wr_rd(h, 0x301, 0), ==, 0x800000000014112d);
}

static void delegation_masks(void)
{
    FAKE(h, riscv_model_rv64);

    g_assert_cmphex(wr_rd(h, 0x302, UINT64_MAX), ==, 0xb3ff);
    g_assert_cmphex(wr_rd(h, 0x303, UINT64_MAX), ==, 0x222);
    g_assert_cmphex(wr_rd(h, 0x304, UINT64_MAX), ==, 0xaaa);
    g_assert_cmphex(rd(h, 0x104), ==, 0x222); /* sie = mie & mideleg */
    wr(h, 0x303, 0x200);
    g_assert_cmphex(rd(h, 0x104), ==, 0x200);
    wr(h, 0x104, 0); /* clears delegated bits only */
    g_assert_cmphex(rd(h, 0x304), ==, 0x8aa);
}

/* mip.SEIP reads line | software bit, and read-modify-write sees the latter
 * alone (Priv 3.1.9). */
static void seip_software_bit_is_apart(void)
{
    FAKE(h, riscv_model_rv64);
    uint64_t old;

    atomic_store(&h->env.irq_lines, BIT(9));
    g_assert_cmphex(rd(h, 0x344), ==, 0x200);
    g_assert_true(riscv_csr_access(&h->env, 0x344, &old, true, UINT64_MAX, 2));
    g_assert_cmphex(old, ==, 0x200);
    atomic_store(&h->env.irq_lines, 0);
    g_assert_cmphex(rd(h, 0x344), ==, 2); /* the line did not stick */
    wr(h, 0x344, 0x200);
    g_assert_cmphex(rd(h, 0x344), ==, 0x200);
    wr(h, 0x344, BIT(7) | BIT(11) | BIT(3)); /* MTIP MEIP MSIP: read-only */
    g_assert_cmphex(rd(h, 0x344), ==, 0);
    /* sip: only SSIP, and only when delegated */
    h->env.priv = PRV_S;
    wr(h, 0x144, 0x222);
    g_assert_cmphex(h->env.mip_sw, ==, 0);
    h->env.mideleg = 0x222;
    wr(h, 0x144, 0x222);
    g_assert_cmphex(h->env.mip_sw, ==, 2);
}

static void stip_is_the_compare_with_stce(void)
{
    FAKE(h, riscv_model_rv64);

    wr(h, 0x344, 0x20);
    g_assert_cmphex(rd(h, 0x344), ==, 0x20); /* software's while STCE is 0 */
    wr(h, 0x30a, BIT(63));
    h->time = 99;
    wr(h, 0x14d, 100);
    g_assert_cmphex(rd(h, 0x344), ==, 0);
    h->time = 100;
    g_assert_cmphex(rd(h, 0x344), ==, 0x20);
    wr(h, 0x344, 0); /* cannot be cleared by a write */
    g_assert_cmphex(rd(h, 0x344), ==, 0x20);
    h->env.priv = PRV_S;
    g_assert_false(can_read(h, 0x14d)); /* mcounteren.TM is 0 */
    h->env.mcounteren = 2;
    g_assert_true(can_read(h, 0x14d));
    h->env.menvcfg = 0;
    g_assert_false(can_read(h, 0x14d));
}

static void counters_need_their_enables(void)
{
    FAKE(h, riscv_model_rv64);

    h->env.priv = PRV_S;
    g_assert_false(can_read(h, 0xc00));
    h->env.mcounteren = 1;
    g_assert_true(can_read(h, 0xc00));
    g_assert_false(can_read(h, 0xc02));
    h->env.priv = PRV_U;
    g_assert_false(can_read(h, 0xc00));
    h->env.scounteren = 1;
    g_assert_true(can_read(h, 0xc00));
    h->env.priv = PRV_M;
    g_assert_true(can_read(h, 0xc01));
    h->have_time = false;
    g_assert_false(can_read(h, 0xc01)); /* no platform timer */
    g_assert_cmphex(wr_rd(h, 0x306, UINT64_MAX), ==, 0x1f); /* hpm 3 and 4 */
}

static void counters_count_and_stop(void)
{
    FAKE(h, riscv_model_rv64);

    h->cycles = 1000;
    wr(h, 0xb00, 5);
    h->cycles = 1010;
    g_assert_cmpuint(rd(h, 0xb00), ==, 15);
    g_assert_cmphex(wr_rd(h, 0x320, UINT64_MAX), ==, 0x1d); /* no TM */
    h->cycles = 2000;
    g_assert_cmpuint(rd(h, 0xb00), ==, 15);
    wr(h, 0x320, 0);
    h->cycles = 2003;
    g_assert_cmpuint(rd(h, 0xb00), ==, 18);
    /* hpm 3 counts instructions when told to; unknown events do not stick */
    wr(h, 0x323, 2);
    g_assert_cmpuint(wr_rd(h, 0x323, 77), ==, 2);
    wr(h, 0xb03, 0);
    h->instructions += 9;
    g_assert_cmpuint(rd(h, 0xb03), ==, 9);
    g_assert_cmpuint(wr_rd(h, 0xb1f, 7), ==, 0); /* not there: reads 0 */
}

/* What stood for the number of instructions goes on as a count of them, from
 * the first access to such a counter; others do not begin it. */
static void instructions_count_from_the_first_use(void)
{
    FAKE(h, riscv_model_rv64);

    h->instructions = 5000;                            /* an estimate */
    g_assert_false(counter_first_use(&h->env, 0xc00)); /* cycle */
    g_assert_false(counter_first_use(&h->env, 0xc01)); /* time */
    g_assert_false(counter_first_use(&h->env, 0xb03)); /* counts nothing */
    g_assert_false(counter_first_use(&h->env, 0x340));
    g_assert_false(h->env.count_insns);
    unsigned changes = h->ctx_changes;
    g_assert_true(counter_first_use(&h->env, 0xc02));
    g_assert_true(h->env.count_insns);
    g_assert_cmpuint(h->ctx_changes, ==, changes + 1);
    g_assert_cmpuint(rd(h, 0xb02), ==, 5000);
    g_assert_false(counter_first_use(&h->env, 0xb02)); /* once */
    /* a write comes after its own instruction was counted */
    wr(h, 0xb02, 7);
    counter_written(&h->env, 0xb02);
    h->instructions++;
    g_assert_cmpuint(rd(h, 0xb02), ==, 7);
    wr(h, 0x320, 4); /* it stands: nothing to take back */
    wr(h, 0xb02, 9);
    counter_written(&h->env, 0xb02);
    g_assert_cmpuint(rd(h, 0xb02), ==, 9);
}

static void a_selector_of_instructions_begins_the_count(void)
{
    FAKE(h, riscv_model_rv64);

    wr(h, 0x323, 1);
    g_assert_false(h->env.count_insns);
    wr(h, 0x323, 2);
    g_assert_true(h->env.count_insns);
}

static void an_engine_that_counts_always_is_not_asked(void)
{
    FAKE(h, riscv_model_rv64);

    h->counts_always = true;
    g_assert_false(counter_first_use(&h->env, 0xc02));
    g_assert_false(h->env.count_insns);
}

static void fcsr_needs_fs_and_dirties_it(void)
{
    FAKE(h, riscv_model_rv64);

    g_assert_false(can_read(h, 0x003));
    h->env.mstatus |= 1 << 13;
    g_assert_true(can_read(h, 0x003));
    g_assert_cmphex(h->env.mstatus & 0x6000, ==, 0x2000);
    g_assert_cmphex(wr_rd(h, 0x003, UINT64_MAX), ==, 0xff);
    g_assert_cmphex(h->env.mstatus & 0x6000, ==, 0x6000);
    g_assert_cmphex(rd(h, 0x001), ==, 0x1f);
    g_assert_cmphex(rd(h, 0x002), ==, 7);
    wr(h, 0x001, 0);
    g_assert_cmphex(rd(h, 0x003), ==, 0xe0);
}

static void tvec_and_epc_fields(void)
{
    FAKE(h, riscv_model_rv64);
    const uint8_t off[] = { RISCV_EXT_C, 0 };
    g_autofree FakeHart *no_c = fake_new(&riscv_model_rv64, off);

    g_assert_cmphex(wr_rd(h, 0x305, 0x80000001), ==, 0x80000001);
    g_assert_cmphex(wr_rd(h, 0x305, 0x90000002), ==, 0x80000001);
    g_assert_cmphex(wr_rd(h, 0x105, 0x90000003), ==, 0);
    g_assert_cmphex(wr_rd(h, 0x341, 0x1237), ==, 0x1236);
    g_assert_cmphex(wr_rd(no_c, 0x341, 0x1237), ==, 0x1234);
}

static void satp_takes_supported_modes_only(void)
{
    FAKE(h, riscv_model_rva22s64); /* Sv39 alone */
    uint64_t sv39 = (uint64_t)8 << 60 | (uint64_t)0xffff << 44 | 0x80000;

    g_assert_cmphex(wr_rd(h, 0x180, sv39), ==, sv39);
    g_assert_cmphex(wr_rd(h, 0x180, (uint64_t)9 << 60), ==, sv39);
    g_assert_cmpuint(h->space_changes, ==, 1);
    h->env.priv = PRV_S;
    g_assert_true(can_read(h, 0x180));
    h->env.mstatus |= 1 << 20; /* TVM */
    g_assert_false(can_read(h, 0x180));
}

static void envcfg_fields(void)
{
    FAKE(h, riscv_model_max);

    /* FIOM CBIE CBCFE CBZE, ADUE PBMTE STCE */
    g_assert_cmphex(wr_rd(h, 0x30a, UINT64_MAX), ==, 0xe0000000000000f1);
    g_assert_cmphex(wr_rd(h, 0x30a, 2 << 4), ==, 0x30); /* CBIE 2 reserved */
    g_assert_cmphex(wr_rd(h, 0x10a, UINT64_MAX), ==, 0xf1);
    /* Smstateen: S needs mstateen0.ENVCFG for senvcfg */
    h->env.priv = PRV_S;
    g_assert_false(can_read(h, 0x10a));
    h->env.mstateen[0] = BIT(62);
    g_assert_true(can_read(h, 0x10a));
    g_assert_false(can_read(h, 0x10c)); /* sstateen0 needs bit 63 */
}

static void triggers_select_and_match(void)
{
    FAKE(h, riscv_model_rv64);

    g_assert_cmpuint(wr_rd(h, 0x7a0, 1), ==, 1);
    g_assert_cmpuint(wr_rd(h, 0x7a0, 2), ==, 1); /* two triggers */
    /* dmode, match and the rest do not stick; an unknown type is off */
    g_assert_cmphex(wr_rd(h, 0x7a1, (uint64_t)6 << 60 | BIT(59) | 0xfff), ==,
                    (uint64_t)6 << 60 | 0x5f);
    wr(h, 0x7a2, 0x1004);
    g_assert_cmphex(rd(h, 0x7a4), ==, 0x1008044);
    h->env.priv = PRV_S;
    g_assert_true(trigger_matches(&h->env, ACC_R, 0x1000, 8));
    g_assert_false(trigger_matches(&h->env, ACC_R, 0x1000, 4));
    g_assert_true(trigger_matches(&h->env, ACC_X, 0x1004, 1));
    h->env.priv = PRV_M; /* only with MIE (Debug 5.4) */
    g_assert_false(trigger_matches(&h->env, ACC_X, 0x1004, 1));
    h->env.mstatus |= 8;
    g_assert_true(trigger_matches(&h->env, ACC_X, 0x1004, 1));
    g_assert_cmphex(wr_rd(h, 0x7a1, (uint64_t)3 << 60), ==, (uint64_t)15 << 60);
    g_assert_false(trigger_matches(&h->env, ACC_X, 0x1004, 1));
}

/* --- traps --- */

static void traps_go_where_delegated(void)
{
    FAKE(h, riscv_model_rv64);
    RiscvEnv *env = &h->env;

    env->mtvec = 0x80000001;
    env->stvec = 0x90000001;
    env->medeleg = BIT(12);
    env->priv = PRV_U;
    env->pc = 0x1000;
    env->mstatus = 1 << 1; /* SIE */
    riscv_record(env, EXC_INSN_PAGE, 0x1000);
    riscv_deliver(env);
    g_assert_cmphex(env->pc, ==, 0x90000000); /* exceptions: never vectored */
    g_assert_cmpuint(env->priv, ==, PRV_S);
    g_assert_cmphex(env->sepc, ==, 0x1000);
    g_assert_cmphex(env->stval, ==, 0x1000);
    g_assert_cmphex(env->scause, ==, 12);
    g_assert_cmphex(env->mstatus, ==, 1 << 5); /* SPIE, SPP = U */
    g_assert_true(riscv_sret(env));
    g_assert_cmphex(env->pc, ==, 0x1000);
    g_assert_cmpuint(env->priv, ==, PRV_U);
    g_assert_cmphex(env->mstatus, ==, 1 << 1 | 1 << 5);
    /* from M nothing is delegated */
    env->priv = PRV_M;
    riscv_record(env, EXC_INSN_PAGE, 0x1000);
    riscv_deliver(env);
    g_assert_cmphex(env->pc, ==, 0x80000000);
    g_assert_cmphex(env->mcause, ==, 12);
}

static void mret_drops_mprv(void)
{
    FAKE(h, riscv_model_rv64);

    h->env.mstatus = 1 << 17 | 1 << 11 | 1 << 7; /* MPRV, MPP = S, MPIE */
    h->env.mepc = 0x2000;
    g_assert_true(riscv_mret(&h->env));
    g_assert_cmphex(h->env.mstatus, ==, 1 << 3 | 1 << 7);
    g_assert_cmpuint(h->env.priv, ==, PRV_S);
    g_assert_false(riscv_mret(&h->env)); /* not from S */
    h->env.mstatus |= 1 << 22;           /* TSR */
    g_assert_false(riscv_sret(&h->env));
}

static void interrupts_by_priority_and_enable(void)
{
    FAKE(h, riscv_model_rv64);
    RiscvEnv *env = &h->env;

    env->mie = 0xaaa;
    atomic_store(&env->irq_lines, 0xaaa);
    env->priv = PRV_M;
    g_assert_cmpint(riscv_pending_interrupt(env), ==, -1); /* MIE is 0 */
    g_assert_true(riscv_wfi_over(env)); /* WFI does not care */
    env->mstatus = 8;
    static const uint8_t order[] = { 11, 3, 7, 9, 1, 5 };
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmpint(riscv_pending_interrupt(env), ==, order[i]);
        env->mie &= ~BIT(order[i]);
    }
    g_assert_false(riscv_wfi_over(env));
    /* delegated: not in M, in S by SIE, in U always */
    env->mie = 0xaaa;
    env->mideleg = 0x222;
    atomic_store(&env->irq_lines, 0x222);
    g_assert_cmpint(riscv_pending_interrupt(env), ==, -1);
    env->priv = PRV_S;
    g_assert_cmpint(riscv_pending_interrupt(env), ==, -1);
    env->mstatus = 2;
    g_assert_cmpint(riscv_pending_interrupt(env), ==, 9);
    env->mstatus = 0;
    env->priv = PRV_U;
    g_assert_cmpint(riscv_pending_interrupt(env), ==, 9);
    env->stvec = 0x90000001;
    env->pc = 0x44;
    riscv_take_interrupt(env, 9);
    g_assert_cmphex(env->pc, ==, 0x90000024);
    g_assert_cmphex(env->scause, ==, 0x8000000000000009);
}

static void wfi_and_sfence_obey_mstatus(void)
{
    FAKE(h, riscv_model_rv64);

    h->env.priv = PRV_S;
    g_assert_true(riscv_wfi_allowed(&h->env));
    g_assert_true(riscv_sfence_allowed(&h->env));
    h->env.mstatus = 1 << 21 | 1 << 20; /* TW, TVM */
    g_assert_false(riscv_wfi_allowed(&h->env));
    g_assert_false(riscv_sfence_allowed(&h->env));
    h->env.priv = PRV_M;
    g_assert_true(riscv_wfi_allowed(&h->env));
    h->env.priv = PRV_U;
    h->env.mstatus = 0;
    g_assert_false(riscv_wfi_allowed(&h->env)); /* there is an S-mode */
}

static void context_follows_mprv_and_sum(void)
{
    FAKE(h, riscv_model_rv64);

    g_assert_cmpuint(riscv_data_mmu(&h->env), ==, RISCV_MMU_M);
    h->env.mstatus = 1 << 17 | 1 << 11; /* MPRV, MPP = S */
    g_assert_cmpuint(riscv_data_mmu(&h->env), ==, RISCV_MMU_S);
    g_assert_cmpuint(riscv_fetch_mmu(&h->env), ==, RISCV_MMU_M);
    h->env.mstatus |= 1 << 18; /* SUM */
    g_assert_cmpuint(riscv_data_mmu(&h->env), ==, RISCV_MMU_S_SUM);
    h->env.mstatus = 3 << 13; /* FS = Dirty */
    uint64_t ctx = riscv_ctx_flags(&h->env);
    g_assert_cmpuint(bits_get(ctx, CTX_FS_SHIFT, 2), ==, CTX_FS_DIRTY);
    g_assert_cmpuint(bits_get(ctx, CTX_CBIE_SHIFT, 2), ==, CTX_CBIE_INVAL);
    /* in U both menvcfg and senvcfg must allow */
    h->env.priv = PRV_U;
    h->env.menvcfg = 0xf0;
    h->env.senvcfg = 0x50;
    ctx = riscv_ctx_flags(&h->env);
    g_assert_cmpuint(bits_get(ctx, CTX_CBIE_SHIFT, 2), ==, CTX_CBIE_FLUSH);
    g_assert_true(bits_get(ctx, CTX_CBCFE_SHIFT, 1));
    g_assert_false(bits_get(ctx, CTX_CBZE_SHIFT, 1));
}

/* Every CSR, in every mode, with hostile values: nothing may break, and what
 * was written reads back as something that can be written again (WARL). */
static void any_write_leaves_legal_values(void)
{
    const RiscvModel *models[] = { &riscv_model_max, &riscv_model_max32 };

    for (unsigned m = 0; m < 2; m++) {
        g_autofree FakeHart *h = fake_new(models[m], NULL);
        g_autoptr(GRand) rand = g_rand_new_with_seed(7 + m);

        for (unsigned i = 0; i < 300000; i++) {
            unsigned csr = g_rand_int(rand) & 0xfff;
            uint64_t v = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
            uint64_t got, again;

            if (!riscv_csr_poke(&h->env, csr, v) || csr == 0x344 ||
                csr == 0x144 || (csr & 0xf00) == 0xb00) {
                continue; /* live values */
            }
            g_assert_true(riscv_csr_peek(&h->env, csr, &got));
            riscv_csr_poke(&h->env, csr, got);
            g_assert_true(riscv_csr_peek(&h->env, csr, &again));
            g_assert_cmphex(got, ==, again);
            g_assert_cmphex(got & ~bit_mask(h->env.xlen), ==, 0);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/csr/access", numbers_say_who_may);
    g_test_add_func("/csr/mstatus", mstatus_is_warl);
    g_test_add_func("/csr/mstatus-m-only", mstatus_without_s_and_u);
    g_test_add_func("/csr/rv32", rv32_splits_in_halves);
    g_test_add_func("/csr/misa", misa_names_the_letters);
    g_test_add_func("/csr/delegation", delegation_masks);
    g_test_add_func("/csr/seip", seip_software_bit_is_apart);
    g_test_add_func("/csr/stip", stip_is_the_compare_with_stce);
    g_test_add_func("/csr/counteren", counters_need_their_enables);
    g_test_add_func("/csr/counters", counters_count_and_stop);
    g_test_add_func("/csr/counters/first-use",
                    instructions_count_from_the_first_use);
    g_test_add_func("/csr/counters/selector",
                    a_selector_of_instructions_begins_the_count);
    g_test_add_func("/csr/counters/always",
                    an_engine_that_counts_always_is_not_asked);
    g_test_add_func("/csr/fcsr", fcsr_needs_fs_and_dirties_it);
    g_test_add_func("/csr/tvec-epc", tvec_and_epc_fields);
    g_test_add_func("/csr/satp", satp_takes_supported_modes_only);
    g_test_add_func("/csr/envcfg", envcfg_fields);
    g_test_add_func("/csr/triggers", triggers_select_and_match);
    g_test_add_func("/csr/any-write", any_write_leaves_legal_values);
    g_test_add_func("/trap/delegation", traps_go_where_delegated);
    g_test_add_func("/trap/mret", mret_drops_mprv);
    g_test_add_func("/trap/interrupts", interrupts_by_priority_and_enable);
    g_test_add_func("/trap/wfi-sfence", wfi_and_sfence_obey_mstatus);
    g_test_add_func("/trap/context", context_follows_mprv_and_sum);
    return g_test_run();
}
