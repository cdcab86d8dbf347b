/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Side tables: what is recorded is restored, from every kind of place. */
#include "tandem/base.h"

#include "machine.h"

static TcgSideWriter *writer_with_base(uint8_t *buf, size_t size,
                                       const TcgSideBase *base)
{
    TcgSideWriter *w = g_new0(TcgSideWriter, 1);

    tcg_side_begin(w, buf, size, 0x80000000, base);
    return w;
}

static TcgSideWriter *writer_new(uint8_t *buf, size_t size)
{
    return writer_with_base(buf, size, NULL);
}

static bool restore(Machine *m, const TcgSideWriter *w, uint32_t off,
                    unsigned *done)
{
    return tcg_side_restore(&machine_frontend, w->buf, w->len, 0x80000000, off,
                            m->env, done);
}

static void values_come_from_every_place(void)
{
    static const TcgSlotLoc loc[] = {
        { .slot = SLOT_X + 1, .kind = TCG_LOC_GPR, .n = 12 },
        { .slot = SLOT_X + 2, .kind = TCG_LOC_SPILL, .n = 200 },
        { .slot = SLOT_X + 3,
          .kind = TCG_LOC_CONST,
          .value = UINT64_C(0xfedcba9876543210) },
        { .slot = SLOT_W + 1, .kind = TCG_LOC_GPR, .n = 3 },
        { .slot = SLOT_F + 4, .kind = TCG_LOC_VEC, .n = 15 },
        { .slot = SLOT_G + 2, .kind = TCG_LOC_VSPILL, .n = 9 },
    };
    uint8_t buf[256];
    TcgSideWriter *w = writer_new(buf, sizeof(buf));
    Machine *m = machine_new();
    TestEnv before = *m->env;
    uint64_t d = 0x4009000000000000;
    uint32_t s = 0x3f900000;
    unsigned done;

    tcg_side_record(w, 17, 0x80000010, 4, 0, loc, ARRAY_SIZE(loc));
    m->hot->save_gpr[12] = 1111;
    m->hot->save_gpr[3] = UINT64_C(0xaaaaaaaa00000007);
    m->hot->spill[200] = 2222;
    memcpy(m->hot->save_vec[15], &d, sizeof(d));
    memcpy(m->hot->vspill[9], &s, sizeof(s));
    g_assert_true(restore(m, w, 17, &done));
    g_assert_cmpuint(done, ==, 4);
    g_assert_cmphex(m->env->pc, ==, 0x80000010);
    g_assert_cmpuint(m->env->x[1], ==, 1111);
    g_assert_cmpuint(m->env->x[2], ==, 2222);
    g_assert_cmphex(m->env->x[3], ==, 0xfedcba9876543210);
    g_assert_cmphex(m->env->w[1], ==, 7);
    g_assert_cmphex(m->env->w[2], ==, before.w[2]); /* four bytes, no more */
    g_assert_cmphex(m->env->f[4], ==, d);
    g_assert_cmphex(m->env->g[2], ==, s);
    g_assert_cmphex(m->env->g[3], ==, before.g[3]);
    g_assert_cmphex(m->env->x[0], ==, before.x[0]);
    g_free(w);
    machine_free(m);
}

static void unknown_addresses_are_refused(void)
{
    uint8_t buf[64];
    TcgSideWriter *w = writer_new(buf, sizeof(buf));
    Machine *m = machine_new();

    g_assert_false(restore(m, w, 0, NULL));
    tcg_side_record(w, 10, 0x80000000, 0, 0, NULL, 0);
    tcg_side_record(w, 30, 0x80000004, 1, 0, NULL, 0);
    g_assert_false(restore(m, w, 9, NULL));
    g_assert_false(restore(m, w, 11, NULL));
    g_assert_false(restore(m, w, 31, NULL));
    g_assert_true(restore(m, w, 30, NULL));
    g_free(w);
    machine_free(m);
}

static void a_full_buffer_is_reported(void)
{
    uint8_t buf[8];
    TcgSideWriter *w = writer_new(buf, sizeof(buf));

    for (unsigned i = 0; i < 20; i++) {
        tcg_side_record(w, i * 40, 0x80000000 + i * 4, i, 0, NULL, 0);
    }
    g_assert_true(w->full);
    g_assert_cmpuint(w->len, <=, sizeof(buf));
    g_free(w);
}

/* Random records against a plain copy of each. */
/* With @base some of the slots that it has are there in each record. */
static void random_records(const TcgSideBase *base)
{
    enum { RECORDS = 60 };
    static TcgSlotLoc kept[RECORDS][16];
    unsigned count[RECORDS];
    uint32_t off[RECORDS];
    uint64_t pc[RECORDS], based[RECORDS], state = 31;
    uint8_t buf[8192];
    TcgSideWriter *w = writer_with_base(buf, sizeof(buf), base);
    Machine *m = machine_new();

    for (unsigned r = 0; r < RECORDS; r++) {
        off[r] = (r != 0 ? off[r - 1] : 0) + 1 + machine_random(&state) % 300;
        pc[r] = machine_special(&state);
        count[r] = 0;
        based[r] = base ? base->slots & machine_random(&state) : 0;
        for (unsigned slot = 0; slot < 16; slot++) {
            TcgSlotLoc *l = &kept[r][count[r]];

            if (based[r] >> slot & 1 ||
                (r != 0 && machine_random(&state) % 4 != 0)) {
                continue;
            }
            *l = (TcgSlotLoc){ .slot = slot,
                               .kind = machine_random(&state) % 5,
                               .n = machine_random(&state) % 16,
                               .value = machine_special(&state) };
            count[r] += l->kind != TCG_LOC_VEC && l->kind != TCG_LOC_VSPILL;
        }
        tcg_side_record(w, off[r], pc[r], r, based[r], kept[r], count[r]);
    }
    g_assert_false(w->full);
    for (unsigned i = 0; i < TCG_SAVE_GPRS; i++) {
        m->hot->save_gpr[i] = 1000 + i;
        m->hot->spill[i] = 2000 + i;
    }
    for (unsigned r = 0; r < RECORDS; r++) {
        TestEnv want;
        unsigned done;

        machine_reset(m, r + 1);
        want = *m->env;
        for (unsigned i = 0; i < count[r]; i++) {
            const TcgSlotLoc *l = &kept[r][i];

            want.x[l->slot] = l->kind == TCG_LOC_CONST ? l->value
                              : l->kind == TCG_LOC_GPR ? 1000 + l->n
                                                       : 2000 + l->n;
        }
        for (unsigned slot = 0; slot < 16; slot++) {
            if (based[r] >> slot & 1) {
                want.x[slot] = 1000 + base->gpr[slot];
            }
        }
        want.pc = pc[r];
        g_assert_true(restore(m, w, off[r], &done));
        g_assert_cmpuint(done, ==, r);
        g_assert_cmpmem(m->env, sizeof(want), &want, sizeof(want));
    }
    g_free(w);
    machine_free(m);
}

static void random_records_read_back(void)
{
    random_records(NULL);
}

static void slots_at_their_base_read_back(void)
{
    TcgSlotLoc loc[6];
    TcgSideBase base;

    for (unsigned i = 0; i < ARRAY_SIZE(loc); i++) {
        loc[i] = (TcgSlotLoc){ .slot = 2 * i, .kind = TCG_LOC_GPR, .n = 3 + i };
    }
    tcg_side_base(&base, loc, ARRAY_SIZE(loc));
    g_assert_cmphex(base.slots, ==, 0x555);
    random_records(&base);
}

/* TCG.md 3.7 hopes for 6-10 bytes: a load in a run of loads is the usual. */
static void usual_records_are_short(void)
{
    uint8_t buf[512];
    TcgSideWriter *w = writer_new(buf, sizeof(buf));
    TcgSlotLoc loc[16];

    for (unsigned i = 0; i < 16; i++) {
        loc[i] = (TcgSlotLoc){ .slot = i, .kind = TCG_LOC_GPR, .n = i };
        tcg_side_record(w, 60 + 50 * i, 0x80000000 + 4 * i, i, 0, loc, i + 1);
    }
    g_assert_cmpuint(w->len, <=, 16 * 7);
    g_free(w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcg/side/places", values_come_from_every_place);
    g_test_add_func("/tcg/side/unknown", unknown_addresses_are_refused);
    g_test_add_func("/tcg/side/full", a_full_buffer_is_reported);
    g_test_add_func("/tcg/side/random", random_records_read_back);
    g_test_add_func("/tcg/side/base", slots_at_their_base_read_back);
    g_test_add_func("/tcg/side/short", usual_records_are_short);
    return g_test_run();
}
