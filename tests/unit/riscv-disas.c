/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RISC-V disassembler against binutils' objdump: every row of the decode
 * tables that binutils 2.40 knows, fields drawn at random from a fixed seed.
 * Arguments: objdump and as of the cross binutils (skipped without them).
 */
#include "tandem/base.h"
#include "target/riscv/cpu.h"
#include "target/riscv/disas.h"
#include "target/riscv/riscv-decode.h"

enum { PER_ROW = 60 };

static const char *tool_as, *tool_objdump;

/*
 * Rows that the binutils of Debian 12 do not know are left out (DECISIONS 58),
 * CSR numbers too (csr.c names them). Explained differences of the text:
 *   - we write "addi a0,a1,1" where binutils 2.40 writes "add a0,a1,1";
 *   - we write targets with 0x;
 *   - hints of the C extension, rd = x0 or a shift or add of 0, stand there
 *     under their c. names: they are not drawn;
 *   - fcvt.d.s and the like are unknown to it with rm other than rne.
 */
static bool is_comparable(const DecodeRow *row)
{
    static const int16_t unknown[] = { RISCV_EXT_ZICOND, RISCV_EXT_ZACAS,
                                       RISCV_EXT_ZCB };

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
        for (unsigned k = 0; k < 4 && row->need_all[k] >= 0; k++) {
            if (row->need_all[k] == unknown[i]) {
                return false;
            }
        }
    }
    return strcmp(row->klass, "csr") != 0;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 32;
}

/* A legal instruction of @row: reserved field values are replaced. */
static uint32_t draw(const DecodeRow *row, uint64_t *state)
{
    uint32_t bits = decode_random(row, next_random(state));
    bool exact = strncmp(row->name, "fcvt.d.", 7) == 0 ||
                 strcmp(row->name, "fcvt.s.h") == 0;

    exact = exact && strncmp(row->name, "fcvt.d.l", 8) != 0;

    for (const DecodeField *f = row->fields; f->name != NULL; f++) {
        if (strcmp(f->name, "rm") == 0) {
            static const uint8_t modes[] = { 0, 1, 2, 3, 4, 7, 7, 7 };
            bits = decode_set_field(row, bits, "rm",
                                    exact ? 0 : modes[bits >> 29]);
        }
        if (strcmp(f->name, "vtype") == 0) { /* 31.3.4, lmul 4 is reserved */
            unsigned vtype = bits >> 20 & 0xdf;

            bits = decode_set_field(row, bits, "vtype",
                                    (vtype & 7) == 4 ? vtype - 1 : vtype);
        }
        if (strcmp(f->name, "rd") == 0 && row->width == 16) {
            bits |= 1u << 7;
        }
        if (strcmp(f->name, "imm") == 0 && strcmp(row->klass, "calu") == 0) {
            bits |= 1u << 3;
        }
    }
    if (strcmp(row->name, "fence") == 0) { /* the forms that have a name */
        bits = decode_set_field(row, bits, "fm", 0);
        bits = decode_set_field(row, bits, "rd", 0);
        bits = decode_set_field(row, bits, "rs1", 0);
        bits |= 1u << 20 | 1u << 24;
    } else if (strcmp(row->name, "fence.i") == 0) {
        bits = row->value;
    }
    return bits;
}

typedef struct Sample {
    const DecodeRow *row;
    uint32_t bits;
} Sample;

static GArray *draw_all(unsigned xlen, const uint64_t *ext)
{
    GArray *samples = g_array_new(FALSE, FALSE, sizeof(Sample));
    uint64_t state = 20261122;

    for (unsigned r = 0; r < riscv_row_count; r++) {
        const DecodeRow *row = &riscv_rows[r];

        if (!(row->xlens & (xlen == 64 ? 2 : 1)) || !is_comparable(row)) {
            continue;
        }
        unsigned n = row->klass[0] == 'v' ? PER_ROW / 10 : PER_ROW;

        for (unsigned i = 0; i < n; i++) {
            Sample s = { row, draw(row, &state) };
            RiscvArgs a;
            RiscvInsn id = row->width == 16
                               ? riscv_decode16(ext, xlen, s.bits, &a)
                               : riscv_decode32(ext, xlen, s.bits, &a);
            if (id == row->insn) { /* else a reserved or more special form */
                g_array_append_val(samples, s);
            }
        }
    }
    return samples;
}

/* The samples as .insn lines, assembled and disassembled by binutils. */
static char **objdump_lines(unsigned xlen, const GArray *samples,
                            const char *dir)
{
    g_autofree char *source = g_build_filename(dir, "in.s", NULL);
    g_autofree char *object = g_build_filename(dir, "in.o", NULL);
    g_autofree char *out = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    int status;

    g_string_append_printf(
        text,
        ".attribute arch, \"rv%uimafdcv_zicsr_zifencei_zihintpause_zfh_zba_zbb_"
        "zbc_zbs_zicbom_zicboz_zicbop_zawrs_svinval\"\n",
        xlen);
    for (unsigned i = 0; i < samples->len; i++) {
        const Sample *s = &g_array_index(samples, Sample, i);
        g_string_append_printf(text, ".insn 0x%0*x\n", s->row->width / 4,
                               s->bits);
    }
    g_assert_true(g_file_set_contents(source, text->str, -1, NULL));
    const char *as_argv[] = {
        tool_as, "-mno-relax", source, "-o", object, NULL
    };
    g_assert_true(g_spawn_sync(NULL, (char **)as_argv, NULL,
                               G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                               &status, NULL));
    g_assert_cmpint(status, ==, 0);
    const char *od_argv[] = { tool_objdump, "-d", "--no-show-raw-insn", object,
                              NULL };
    g_assert_true(g_spawn_sync(NULL, (char **)od_argv, NULL,
                               G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL,
                               &status, NULL));
    g_assert_cmpint(status, ==, 0);
    remove(source);
    remove(object);
    return g_strsplit(out, "\n", -1);
}

/* Drop " # comment" and " <symbol>", and join the blanks. */
static char *tidy(const char *line)
{
    GString *s = g_string_new(NULL);

    for (; *line != '\0' && *line != '#' && *line != '<'; line++) {
        if (!g_ascii_isspace(*line)) {
            g_string_append_c(s, *line);
        } else if (s->len > 0 && s->str[s->len - 1] != ' ') {
            g_string_append_c(s, ' ');
        }
    }
    return g_strchomp(g_string_free(s, FALSE));
}

/* Equal but for the explained differences? */
static bool same_text(const DecodeRow *row, const char *mine,
                      const char *theirs)
{
    g_autofree char *ours = g_strdup(mine);
    char *blank = strchr(ours, ' ');
    char *hex = strrchr(ours, 'x');

    if (strcmp(ours, theirs) == 0) {
        return true;
    }
    if (strstr(row->klass, "branch") || strstr(row->klass, "jump")) {
        if (hex != NULL && hex > ours && hex[-1] == '0') {
            memmove(hex - 1, hex + 1, strlen(hex)); /* drop 0x */
        }
    } else if (blank != NULL) {
        char *i = blank[-1] == 'w' ? blank - 2 : blank - 1;
        if (*i == 'i') {
            memmove(i, i + 1, strlen(i)); /* drop the i of addi, addiw */
        }
    }
    return strcmp(ours, theirs) == 0;
}

static void compare(unsigned xlen)
{
    uint64_t ext[RISCV_EXT_WORDS];
    RiscvDisas d = { ext, xlen, NULL };
    g_autofree char *dir = g_dir_make_tmp("riscv-disas-XXXXXX", NULL);
    g_auto(GStrv) lines = NULL;
    g_autoptr(GArray) samples = NULL;
    unsigned next = 0, bad = 0;
    uint64_t pc = 0;

    memset(ext, 0xff, sizeof(ext));
    samples = draw_all(xlen, ext);
    lines = objdump_lines(xlen, samples, dir);
    for (char **l = lines; *l != NULL && next < samples->len; l++) {
        char *end, ours[96];
        uint64_t at = strtoull(*l, &end, 16);
        const Sample *s = &g_array_index(samples, Sample, next);

        if (end == *l || *end != ':' || at != pc) {
            continue;
        }
        g_assert_cmpuint(riscv_disas(&d, pc, (const uint8_t *)&s->bits, 4, ours,
                                     sizeof(ours)),
                         ==, s->row->width / 8);
        g_autofree char *theirs = tidy(end + 1);
        g_autofree char *mine = tidy(ours);
        g_autofree char *bare = g_strdup(g_strchug(theirs));
        if (!same_text(s->row, mine, bare)) {
            g_test_message("%s %08x: ours '%s', objdump '%s'", s->row->name,
                           s->bits, mine, bare);
            bad++;
        }
        pc += s->row->width / 8;
        next++;
    }
    rmdir(dir);
    g_assert_cmpuint(next, ==, samples->len);
    g_assert_cmpuint(bad, ==, 0);
}

static void text_equals_objdump_rv64(void)
{
    compare(64);
}

static void text_equals_objdump_rv32(void)
{
    compare(32);
}

/* What binutils lacks: checked against the manuals by hand. */
static void new_extensions_have_text(void)
{
    static const struct {
        uint32_t bits;
        const char *text;
    } cases[] = {
        { 0x0ec5d533, "czero.eqz\ta0,a1,a2" },
        { 0x0ec5f533, "czero.nez\ta0,a1,a2" },
        { 0x28c5a52f, "amocas.w\ta0,a2,(a1)" },
        { 0x2ec5b52f, "amocas.d.aqrl\ta0,a2,(a1)" },
        { 0x2cc5c52f, "amocas.q.aq\ta0,a2,(a1)" },
        { 0x8008, "lbu\ta0,0(s0)" },
        { 0x9d75, "not\ta0,a0" },
        { 0x2cd5c52f, ".4byte\t0x2cd5c52f" }, /* odd pair: reserved */
        { 0xffffffff, ".4byte\t0xffffffff" },
        { 0x0000, ".2byte\t0x0" },
    };
    uint64_t ext[RISCV_EXT_WORDS];
    RiscvDisas d = { ext, 64, NULL };
    char text[96];

    memset(ext, 0xff, sizeof(ext));
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        riscv_disas(&d, 0, (const uint8_t *)&cases[i].bits, 4, text,
                    sizeof(text));
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

/* A row whose extension is off does not decode. */
static void extensions_gate_rows(void)
{
    uint64_t all[RISCV_EXT_WORDS], one[RISCV_EXT_WORDS];
    RiscvArgs a;

    memset(all, 0xff, sizeof(all));
    for (unsigned r = 0; r < riscv_row_count; r++) {
        const DecodeRow *row = &riscv_rows[r];

        for (unsigned k = 0; k < 4 && row->need_all[k] >= 0; k++) {
            unsigned off = row->need_all[k];
            RiscvInsn id;

            memcpy(one, all, sizeof(one));
            one[off / 64] &= ~BIT(off % 64);
            id = row->width == 16 ? riscv_decode16(one, 64, row->value, &a)
                                  : riscv_decode32(one, 64, row->value, &a);
            if (row->insn != RISCV_INSN_ORI && row->insn != RISCV_INSN_FENCE) {
                g_assert_cmpuint(id == row->insn, ==, 0);
            }
        }
    }
}

/* Too few bytes: nothing is read behind them. */
static void short_input_is_refused(void)
{
    uint64_t ext[RISCV_EXT_WORDS];
    RiscvDisas d = { ext, 64, NULL };
    static const uint8_t addi[2] = { 0x13, 0 };
    char text[8];

    memset(ext, 0xff, sizeof(ext));
    g_assert_cmpuint(riscv_disas(&d, 0, addi, 2, text, sizeof(text)), ==, 0);
    g_assert_cmpuint(riscv_disas(&d, 0, addi, 1, text, sizeof(text)), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (argc == 3) {
        tool_as = argv[1];
        tool_objdump = argv[2];
        g_test_add_func("/riscv/disas/objdump-rv64", text_equals_objdump_rv64);
        g_test_add_func("/riscv/disas/objdump-rv32", text_equals_objdump_rv32);
    }
    g_test_add_func("/riscv/disas/new-extensions", new_extensions_have_text);
    g_test_add_func("/riscv/disas/gates", extensions_gate_rows);
    g_test_add_func("/riscv/disas/short", short_input_is_refused);
    return g_test_run();
}
