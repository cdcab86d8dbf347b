/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text form of the compiler's IR: a block or one error; a block passes the
 * verifier before and after the passes, and its dump reads back the same.
 */
#include "tests/fuzz/fuzz.h"

#include "tcg/internal.h"

static const TcgSlotDesc slots[] = {
    { "a", 0, TCG_I64, TCG_SLOT_GPR },    { "b", 8, TCG_I64, TCG_SLOT_GPR },
    { "w", 16, TCG_I32, TCG_SLOT_OTHER }, { "f", 24, TCG_F64, TCG_SLOT_FPR },
    { "g", 32, TCG_F32, TCG_SLOT_FPR },
};

static const TcgFrontend frontend = {
    .name = "fuzz",
    .slots = slots,
    .nslots = ARRAY_SIZE(slots),
    .pc_offset = 40,
    .page_bits = 12,
};

static const TcgHelper any = {
    .name = "any",
    .ret = TCG_I64,
    .nargs = 4,
    .arg = { TCG_I64, TCG_I32, TCG_F64, TCG_I64 },
};
static const TcgHelper pure = {
    .name = "pure",
    .ret = TCG_F32,
    .flags = TCG_H_PURE,
    .reads = &tcg_slots_none,
    .writes = &tcg_slots_none,
};
static const TcgHelper *const helpers[] = { &any, &pure, NULL };

static void check_round_trip(TcgContext *ctx, const TcgBlock *tb)
{
    g_autofree char *first = tcg_dump(tb);
    g_autofree char *second = NULL;
    Error *err = NULL;
    TcgBlock *again = tcg_parse(ctx, first, helpers, &err);

    if (again == NULL) {
        g_error("its dump: %s\n%s", error_text(err), first);
    }
    second = tcg_dump(again);
    g_assert_cmpstr(first, ==, second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    TcgContext *ctx = tcg_context_new(&frontend, NULL, NULL);
    Error *err = NULL;
    TcgBlock *tb = tcg_parse(ctx, text, helpers, &err);

    g_assert_true((tb == NULL) == (err != NULL));
    if (tb != NULL) {
        check_round_trip(ctx, tb);
        tcg_pass_dead_state(tb);
        tcg_pass_liveness(tb);
        g_assert_null(tcg_verify(tb));
        check_round_trip(ctx, tb);
    } else {
        g_assert_cmpstr(error_text(err), !=, "");
    }
    error_free(err);
    tcg_context_free(ctx);
    return 0;
}
