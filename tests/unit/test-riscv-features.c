/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extensions of models and users: dependencies, errors, texts. */
#include "tandem/base.h"

#include "target/riscv/csr.h"
#include "target/riscv/features.h"

typedef struct Choice {
    uint8_t ext, choice;
} Choice;

static bool resolve(RiscvConfig *cfg, const RiscvModel *model,
                    const Choice *choices, Error **errp)
{
    uint8_t user[RISCV_EXT_COUNT] = { 0 };

    for (; choices != NULL && choices->choice != EXT_UNSET; choices++) {
        user[choices->ext] = choices->choice;
    }
    *cfg = (RiscvConfig){
        .cbom_block = 64, .cbop_block = 64, .cboz_block = 64, .misaligned = true
    };
    return riscv_features_resolve(cfg, model, user, errp);
}

static void assert_isa(const RiscvModel *model, const Choice *choices,
                       const char *want)
{
    RiscvConfig cfg;
    Error *err = NULL;

    g_assert_true(resolve(&cfg, model, choices, &err));
    g_autofree char *isa = riscv_isa_string(&cfg);
    g_assert_cmpstr(isa, ==, want);
}

static void assert_refused(const RiscvModel *model, const Choice *choices,
                           const char *want)
{
    RiscvConfig cfg;
    g_autoptr(Error) err = NULL;

    g_assert_false(resolve(&cfg, model, choices, &err));
    g_assert_cmpstr(error_text(err), ==, want);
}

static void models_have_their_strings(void)
{
    assert_isa(&riscv_model_rv64, NULL,
               "rv64imafdc_zic64b_zicbom_zicbop_zicboz_ziccamoa_ziccif_"
               "zicclsm_ziccrse_zicntr_zicsr_zifencei_zihintntl_zihintpause_"
               "zihpm_zmmul_za64rs_zaamo_zalrsc_zawrs_zca_zcd_zba_zbb_zbc_zbs_"
               "ssccptr_sscounterenw_sstc_sstvala_sstvecd_ssu64xl_svadu_"
               "svvptc");
    assert_isa(&riscv_model_rva22s64, NULL,
               "rv64imafdcb_zic64b_zicbom_zicbop_zicboz_ziccamoa_ziccif_"
               "zicclsm_ziccrse_zicntr_zicsr_zifencei_zihintpause_zihpm_zmmul_"
               "za64rs_zaamo_zalrsc_zfhmin_zca_zcd_zba_zbb_zbs_zkt_ssccptr_"
               "sscounterenw_sstvala_sstvecd_ssu64xl_svade_svinval_svpbmt");
}

static void rv32_has_zcf_and_no_napot(void)
{
    RiscvConfig cfg;

    g_assert_true(resolve(&cfg, &riscv_model_max32, NULL, NULL));
    g_assert_true(riscv_has(&cfg, RISCV_EXT_ZCF));
    g_assert_false(riscv_has(&cfg, RISCV_EXT_SVNAPOT));
    g_assert_true(resolve(&cfg, &riscv_model_max, NULL, NULL));
    g_assert_false(riscv_has(&cfg, RISCV_EXT_ZCF));
    g_assert_true(riscv_has(&cfg, RISCV_EXT_SVNAPOT));
}

static void turning_off_takes_dependents_along(void)
{
    RiscvConfig cfg;
    const Choice no_f[] = { { RISCV_EXT_F, EXT_OFF }, { 0 } };
    const Choice no_s[] = { { RISCV_EXT_S, EXT_OFF }, { 0 } };
    const Choice block[] = { { RISCV_EXT_ZBA, EXT_OFF }, { 0 } };

    g_assert_true(resolve(&cfg, &riscv_model_max, no_f, NULL));
    g_assert_false(riscv_has(&cfg, RISCV_EXT_D));
    g_assert_false(riscv_has(&cfg, RISCV_EXT_ZFHMIN));
    g_assert_false(riscv_has(&cfg, RISCV_EXT_ZCD));
    g_assert_true(riscv_has(&cfg, RISCV_EXT_C));
    g_assert_true(resolve(&cfg, &riscv_model_max, no_s, NULL));
    g_assert_false(riscv_has(&cfg, RISCV_EXT_SSTC));
    g_assert_true(riscv_has(&cfg, RISCV_EXT_U));
    g_assert_true(resolve(&cfg, &riscv_model_max, block, NULL));
    g_assert_false(riscv_has(&cfg, RISCV_EXT_B));
    g_assert_true(riscv_has(&cfg, RISCV_EXT_ZBB));
}

static void turning_on_brings_needs(void)
{
    RiscvConfig cfg;
    const Choice b[] = { { RISCV_EXT_B, EXT_ON },
                         { RISCV_EXT_ZFHMIN, EXT_ON },
                         { 0 } };

    g_assert_true(resolve(&cfg, &riscv_model_rv64, b, NULL));
    g_assert_true(riscv_has(&cfg, RISCV_EXT_B));
    g_assert_true(riscv_has(&cfg, RISCV_EXT_ZFHMIN));
}

static void contradictions_are_errors(void)
{
    const Choice d_without_f[] = { { RISCV_EXT_D, EXT_ON },
                                   { RISCV_EXT_F, EXT_OFF },
                                   { 0 } };
    const Choice b_without_zba[] = { { RISCV_EXT_B, EXT_ON },
                                     { RISCV_EXT_ZBA, EXT_OFF },
                                     { 0 } };
    const Choice v[] = { { RISCV_EXT_H, EXT_ON }, { 0 } };
    const Choice i[] = { { RISCV_EXT_I, EXT_OFF }, { 0 } };
    const Choice napot[] = { { RISCV_EXT_SVNAPOT, EXT_ON }, { 0 } };

    assert_refused(&riscv_model_rv64, d_without_f,
                   "extension 'd' needs 'f', which is off");
    assert_refused(&riscv_model_rv64, b_without_zba,
                   "extension 'b' needs 'zba', which is off");
    assert_refused(&riscv_model_rv64, v, "extension 'h' is not available");
    assert_refused(&riscv_model_rv64, i, "extension 'i' cannot be turned off");
    assert_refused(&riscv_model_rv32, napot,
                   "extension 'svnapot' does not exist on RV32");
}

static void satp_modes_follow_switches(void)
{
    static const struct {
        uint8_t user[3];
        bool mmu;
        const char *type; /* NULL: refused */
    } rows[] = {
        { { 0, 0, 0 }, true, "riscv,sv57" },
        { { 0, 0, EXT_OFF }, true, "riscv,sv48" },
        { { 0, EXT_OFF, 0 }, true, "riscv,sv39" },
        { { EXT_ON, 0, 0 }, true, "riscv,sv39" },
        { { EXT_OFF, 0, 0 }, true, "riscv,none" },
        { { 0, 0, 0 }, false, "riscv,none" },
        { { EXT_OFF, EXT_ON, 0 }, true, NULL },
        { { EXT_ON, 0, 0 }, false, NULL },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        RiscvConfig cfg;
        g_autoptr(Error) err = NULL;

        g_assert_true(resolve(&cfg, &riscv_model_rv64, NULL, NULL));
        bool ok = riscv_satp_resolve(&cfg, SATP_SV57, rows[i].mmu, rows[i].user,
                                     &err);
        g_assert_cmpint(ok, ==, rows[i].type != NULL);
        if (ok) {
            g_assert_cmpstr(riscv_mmu_type(&cfg), ==, rows[i].type);
        }
    }
}

static void isa_list_is_the_string_in_parts(void)
{
    RiscvConfig cfg;

    g_assert_true(resolve(&cfg, &riscv_model_rv64, NULL, NULL));
    g_autoptr(GByteArray) list = riscv_isa_extensions(&cfg);
    g_assert_cmpmem(list->data, 13, "i\0m\0a\0f\0d\0c\0z", 13);
    g_assert_cmpint(list->data[list->len - 1], ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/features/models", models_have_their_strings);
    g_test_add_func("/features/rv32", rv32_has_zcf_and_no_napot);
    g_test_add_func("/features/off", turning_off_takes_dependents_along);
    g_test_add_func("/features/on", turning_on_brings_needs);
    g_test_add_func("/features/errors", contradictions_are_errors);
    g_test_add_func("/features/satp", satp_modes_follow_switches);
    g_test_add_func("/features/list", isa_list_is_the_string_in_parts);
    return g_test_run();
}
