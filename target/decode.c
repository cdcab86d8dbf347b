/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text and random instructions from the tables of scripts/decode.py. */
#include "tandem/base.h"
#include "target/decode.h"

typedef struct Out {
    char *at;
    unsigned left; /* the final NUL included */
} Out;

static void put_char(Out *o, char c)
{
    if (o->left > 1) {
        *o->at++ = c;
        o->left--;
    }
}

static void put_text(Out *o, const char *s)
{
    while (*s != '\0') {
        put_char(o, *s++);
    }
}

static int arg_index(const DecodeInsn *insn, const char *name, unsigned len)
{
    for (unsigned i = 0; i < insn->nargs; i++) {
        if (strlen(insn->args[i]) == len &&
            memcmp(insn->args[i], name, len) == 0) {
            return i;
        }
    }
    return -1;
}

static bool alias_fits(const DecodeAlias *alias, const int32_t *args)
{
    for (unsigned i = 0; i < alias->conds; i++) {
        const DecodeCond *c = &alias->cond[i];
        int32_t arg = args[c->arg];
        bool fits = c->kind == DECODE_COND_EQ   ? arg == c->value
                    : c->kind == DECODE_COND_NE ? arg != c->value
                                                : arg == args[c->value];
        if (!fits) {
            return false;
        }
    }
    return true;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One word of OPERANDS: "kind:field", "field", or text for itself. */
static const char *put_word(Out *o, const DecodeInsn *insn, const char *s,
                            const int32_t *args, DecodeShow *show, void *opaque)
{
    char kind = 0, text[48];
    unsigned len = 0;
    int arg;

    if (s[1] == ':') {
        kind = s[0];
        s += 2;
    }
    while (is_name_char(s[len])) {
        len++;
    }
    arg = arg_index(insn, s, len);
    if (arg < 0) {
        put_char(o, *s);
        return s + 1;
    }
    text[0] = '\0';
    show(text, sizeof(text), kind, insn->args[arg], args[arg], opaque);
    if (text[0] == '\0' && o->at[-1] == ',') {
        o->at--; /* an operand left out takes its comma along */
        o->left++;
    }
    put_text(o, text);
    return s + len;
}

void decode_text(const DecodeInsn *insn, const int32_t *args, DecodeShow *show,
                 void *opaque, const char *suffix, char *out, unsigned size)
{
    Out o = { out, size };
    const char *name = insn->name;
    const char *operands = insn->operands;

    if (size == 0) {
        return;
    }
    for (const DecodeAlias *a = insn->aliases; a && a->name; a++) {
        if (alias_fits(a, args)) {
            name = a->name;
            operands = a->operands;
            break;
        }
    }
    put_text(&o, name);
    put_text(&o, suffix);
    if (*operands != '\0') {
        put_char(&o, '\t');
    }
    while (*operands != '\0') {
        operands = put_word(&o, insn, operands, args, show, opaque);
    }
    *o.at = '\0';
}

uint32_t decode_set_field(const DecodeRow *row, uint32_t insn, const char *name,
                          uint32_t value)
{
    for (const DecodeField *f = row->fields; f->name != NULL; f++) {
        if (strcmp(f->name, name) != 0) {
            continue;
        }
        for (unsigned i = 0; i < f->pieces; i++) {
            const DecodePiece *p = &f->piece[i];

            insn = bits_set(insn, p->at, p->len, value >> p->to);
        }
    }
    return insn;
}
