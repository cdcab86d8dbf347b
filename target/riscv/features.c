/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extensions: the table, and how choices become a consistent set.
 *
 * Spec: Unpriv 30 (names and dependencies), 20 (C: Zca, Zcf, Zcd); Priv 3.1.1.
 */
#include "tandem/base.h"

#include "target/riscv/csr.h"
#include "target/riscv/features.h"

#define FEATURE(id, text, flag_bits, ...)                                      \
    [RISCV_EXT_##id] = { text, flag_bits, { __VA_ARGS__ } },
#define UNAVAILABLE(text)
const RiscvFeature riscv_features[RISCV_EXT_COUNT] = {
#include "target/riscv/features.def"
};
#undef FEATURE
#undef UNAVAILABLE

static void set_ext(RiscvConfig *cfg, unsigned ext, bool on)
{
    uint64_t bit = BIT(ext % 64);

    cfg->ext[ext / 64] =
        on ? cfg->ext[ext / 64] | bit : cfg->ext[ext / 64] & ~bit;
}

static bool fits_xlen(const RiscvConfig *cfg, const RiscvFeature *f)
{
    return cfg->xlen == 32 ? !(f->flags & FEATURE_RV64)
                           : !(f->flags & FEATURE_RV32);
}

/* Can the user have what they asked for, by itself? */
static bool check_user(const RiscvConfig *cfg, unsigned ext, uint8_t choice,
                       Error **errp)
{
    const RiscvFeature *f = &riscv_features[ext];

    if (choice == EXT_ON && (f->flags & FEATURE_UNAVAILABLE)) {
        error_set(errp, "extension '%s' is not available", f->name);
        return false;
    }
    if (choice == EXT_ON && !fits_xlen(cfg, f)) {
        error_set(errp, "extension '%s' does not exist on RV%u", f->name,
                  cfg->xlen);
        return false;
    }
    if (choice == EXT_OFF && (f->flags & FEATURE_FIXED)) {
        error_set(errp, "extension '%s' cannot be turned off", f->name);
        return false;
    }
    return true;
}

/* The need of @ext that the user turned off, directly or further down; 0. */
static unsigned denied_need(const uint8_t *user, unsigned ext)
{
    const RiscvFeature *f = &riscv_features[ext];

    for (unsigned i = 0; i < ARRAY_SIZE(f->needs) && f->needs[i]; i++) {
        unsigned need = f->needs[i];

        if (user[need] == EXT_OFF) {
            return need;
        }
        need = denied_need(user, need);
        if (need != 0) {
            return need;
        }
    }
    return 0;
}

static void add_with_needs(RiscvConfig *cfg, unsigned ext)
{
    const RiscvFeature *f = &riscv_features[ext];

    set_ext(cfg, ext, true);
    for (unsigned i = 0; i < ARRAY_SIZE(f->needs) && f->needs[i]; i++) {
        add_with_needs(cfg, f->needs[i]);
    }
}

static bool needs_met(const RiscvConfig *cfg, const RiscvFeature *f)
{
    for (unsigned i = 0; i < ARRAY_SIZE(f->needs) && f->needs[i]; i++) {
        if (!riscv_has(cfg, f->needs[i])) {
            return false;
        }
    }
    return true;
}

/* What follows from the rest: C's parts (Unpriv 20.1) and named properties
 * of the platform that hold whenever their needs do. */
static void add_derived(RiscvConfig *cfg, const uint8_t *user)
{
    if (riscv_has(cfg, RISCV_EXT_C)) {
        if (riscv_has(cfg, RISCV_EXT_D) && user[RISCV_EXT_ZCD] != EXT_OFF) {
            set_ext(cfg, RISCV_EXT_ZCD, true);
        }
        if (riscv_has(cfg, RISCV_EXT_F) && cfg->xlen == 32 &&
            user[RISCV_EXT_ZCF] != EXT_OFF) {
            set_ext(cfg, RISCV_EXT_ZCF, true);
        }
    }
    for (unsigned ext = 0; ext < RISCV_EXT_COUNT; ext++) {
        const RiscvFeature *f = &riscv_features[ext];

        if ((f->flags & FEATURE_AUTO) && fits_xlen(cfg, f) &&
            needs_met(cfg, f)) {
            set_ext(cfg, ext, true);
        }
    }
    if (cfg->cbom_block != 64 || cfg->cbop_block != 64 ||
        cfg->cboz_block != 64) {
        set_ext(cfg, RISCV_EXT_ZIC64B, false);
    }
    if (!cfg->misaligned) {
        set_ext(cfg, RISCV_EXT_ZICCLSM, false);
    }
}

static bool add_user(RiscvConfig *cfg, const uint8_t *user, Error **errp)
{
    for (unsigned ext = 0; ext < RISCV_EXT_COUNT; ext++) {
        unsigned need = denied_need(user, ext);

        if (!check_user(cfg, ext, user[ext], errp)) {
            return false;
        }
        if (user[ext] == EXT_ON && need != 0) {
            error_set(errp, "extension '%s' needs '%s', which is off",
                      riscv_features[ext].name, riscv_features[need].name);
            return false;
        }
        if (user[ext] == EXT_ON) {
            add_with_needs(cfg, ext);
        }
    }
    return true;
}

bool riscv_features_resolve(RiscvConfig *cfg, const RiscvModel *model,
                            const uint8_t *user, Error **errp)
{
    cfg->xlen = model->xlen;
    memset(cfg->ext, 0, sizeof(cfg->ext));
    set_ext(cfg, RISCV_EXT_I, true);
    for (const uint8_t *e = model->ext; *e != 0; e++) {
        if (user[*e] != EXT_OFF && denied_need(user, *e) == 0 &&
            fits_xlen(cfg, &riscv_features[*e])) {
            add_with_needs(cfg, *e);
        }
    }
    if (!add_user(cfg, user, errp)) {
        return false;
    }
    add_derived(cfg, user);
    return true;
}

/* --- satp modes --- */

bool riscv_satp_resolve(RiscvConfig *cfg, uint8_t widest, bool mmu,
                        const uint8_t user[3], Error **errp)
{
    static const char *const names[] = { "sv39", "sv48", "sv57" };
    uint8_t asked = 0;

    cfg->satp_modes = BIT(SATP_BARE);
    for (unsigned i = 0; i < 3; i++) {
        if (user[i] != EXT_ON) {
            continue;
        }
        asked = SATP_SV39 + i;
        if (cfg->xlen == 32 || !mmu) {
            error_set(errp, "%s needs %s", names[i], mmu ? "RV64" : "mmu=on");
            return false;
        }
    }
    if (!mmu || !riscv_has(cfg, RISCV_EXT_S)) {
        return true;
    }
    if (cfg->xlen == 32) {
        cfg->satp_modes |= BIT(SATP_SV32);
        return true;
    }
    widest = asked != 0 ? asked : widest;
    for (uint8_t mode = SATP_SV39; mode <= widest; mode++) {
        unsigned i = mode - SATP_SV39;

        /* Sv48 implies Sv39, Sv57 implies Sv48 (Priv 10.5, 10.6) */
        if (user[i] == EXT_OFF) {
            if (asked > mode) {
                error_set(errp, "%s needs %s, which is off",
                          names[asked - SATP_SV39], names[i]);
                return false;
            }
            break;
        }
        cfg->satp_modes |= BIT(mode);
    }
    return true;
}

const char *riscv_mmu_type(const RiscvConfig *cfg)
{
    static const struct {
        unsigned mode;
        const char *name;
    } rows[] = {
        { SATP_SV57, "riscv,sv57" },
        { SATP_SV48, "riscv,sv48" },
        { SATP_SV39, "riscv,sv39" },
        { SATP_SV32, "riscv,sv32" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (cfg->satp_modes & BIT(rows[i].mode)) {
            return rows[i].name;
        }
    }
    return "riscv,none";
}

/* --- text --- */

static bool is_shown(const RiscvConfig *cfg, unsigned ext)
{
    return riscv_has(cfg, ext) && !(riscv_features[ext].flags & FEATURE_HIDDEN);
}

char *riscv_isa_string(const RiscvConfig *cfg)
{
    GString *s = g_string_new(NULL);

    g_string_printf(s, "rv%u", cfg->xlen);
    for (unsigned ext = 0; ext < RISCV_EXT_COUNT; ext++) {
        const char *name = riscv_features[ext].name;

        if (is_shown(cfg, ext)) {
            g_string_append_printf(s, "%s%s", name[1] != '\0' ? "_" : "", name);
        }
    }
    return g_string_free(s, FALSE);
}

GByteArray *riscv_isa_extensions(const RiscvConfig *cfg)
{
    GByteArray *out = g_byte_array_new();

    for (unsigned ext = 0; ext < RISCV_EXT_COUNT; ext++) {
        const char *name = riscv_features[ext].name;

        if (is_shown(cfg, ext)) {
            g_byte_array_append(out, (const guint8 *)name, strlen(name) + 1);
        }
    }
    return out;
}
