#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Instruction tables (.isa) to C: decoder, argument structs, tables.

  decode.py tables ARCH OUTDIR FILE.isa...   ARCH-decode.h, ARCH-decode.c and
                                             ARCH-trans-STEM.h for each file
  decode.py macros ARCH OUT.inc EXT,EXT.. FILE.isa...
                                             assembler macros for instructions
                                             that the assembler does not know

A .isa file holds lines of these forms; '#' starts a comment:

  fields  i=imm:signed a=rs1 j=imm:signed[20|10:1|11|19:12] p=rs1:creg
          A letter names a field. Its bits in a pattern, from bit 31 down, are
          the field's bits from the top down, or those in [].  creg: add 8.
  needs   zba rv64          gate of the rows that follow: feature names, 'a+b'
          for both, 'a,b' for either; rv32 or rv64 restricts XLEN.
  class   load              kind of the rows that follow, for the generator.
  via     NAME              the rows that follow have one translate function,
          trans_via_NAME(dc, insn, a), and so one set of fields; '-' ends it.
  NAME PATTERN [where COND...] [= TARGET FIELD=VALUE...] [: OPERANDS]
          PATTERN: 16 or 32 of 0, 1, '-' (ignored) and letters, spaces free.
          COND: field!=N, field=N or field=even.
          '= TARGET' decodes as another row; VALUE is a number or a field.
          OPERANDS: text of the disassembler; see include/target/decode.h.
  { ... } rows between the braces may overlap; the first that fits wins.
  alias NAME TARGET COND... : OPERANDS
          a friendlier text for TARGET; COND: field=N, field!=N, field=field.
"""
import os
import re
import sys


class InputError(Exception):
    pass


ORDER = ['rd', 'rs1', 'rs2', 'rs3', 'imm', 'csr', 'rm', 'aq', 'rl', 'fm',
         'pred', 'succ']


class Field:
    """One letter: field name, its bits from the top down, how to widen."""

    def __init__(self, letter, name, signed, creg, pieces):
        self.letter, self.name = letter, name
        self.signed, self.creg, self.pieces = signed, creg, pieces


class Row:
    """One pattern; bits[n] is the character at instruction bit n."""

    def __init__(self, where, name, bits):
        self.where, self.name, self.bits = where, name, bits
        self.width = len(bits)
        self.mask = sum(1 << n for n, c in enumerate(bits) if c in '01')
        self.value = sum(1 << n for n, c in enumerate(bits) if c == '1')
        self.fields = {}    # name -> (Field, [(to, from, len)])
        self.conds, self.assigns = [], {}
        self.target_name = self.target = self.operands = None
        self.need_all, self.need_any = [], []
        self.xlens, self.klass, self.group, self.brace = {32, 64}, 'other', '', 0
        self.via = None

    def cname(self):
        return re.sub(r'[^a-z0-9]', '_', self.name)


class Alias:
    def __init__(self, where, name, target, conds, operands):
        self.where, self.name, self.target_name = where, name, target
        self.conds, self.operands = conds, operands
        self.target = None


def fail(where, text):
    raise InputError('%s:%d: %s' % (where[0], where[1], text))


class Reader:
    """Reads one file into rows and aliases."""

    def __init__(self, path):
        self.path, self.rows, self.aliases, self.letters = path, [], [], {}
        self.gate, self.klass, self.brace, self.braces = ([], [], {32, 64}), \
            'other', 0, 0
        self.via = None
        self.stem = os.path.splitext(os.path.basename(path))[0]

    def read(self):
        with open(self.path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                line = line.split('#')[0].strip()
                if line:
                    self.line((self.path, number), line)
        if self.brace:
            fail((self.path, number), "'{' is not closed")
        return self

    def line(self, where, line):
        word, _, rest = line.partition(' ')
        handlers = {'fields': self.do_fields, 'needs': self.do_needs,
                    'class': self.do_class, 'alias': self.do_alias,
                    'via': self.do_via}
        if line == '{':
            if self.brace:
                fail(where, "'{' inside '{'")
            self.braces += 1
            self.brace = self.braces
        elif line == '}':
            if not self.brace:
                fail(where, "'}' without '{'")
            self.brace = 0
        elif word in handlers:
            handlers[word](where, rest.strip())
        else:
            self.do_row(where, line)

    def do_fields(self, where, rest):
        for text in rest.split():
            m = re.fullmatch(r'([a-zA-Z])=([a-z][a-z0-9]*)((?::[a-z]+)*)'
                             r'(?:\[([0-9:|]+)\])?', text)
            if not m:
                fail(where, "bad field '%s'" % text)
            letter, name, flags, pieces = m.groups()
            flags = set(flags.split(':')) - {''}
            if flags - {'signed', 'creg'}:
                fail(where, "unknown flag in field '%s'" % text)
            if letter in self.letters:
                fail(where, "field letter '%s' is defined twice" % letter)
            self.letters[letter] = Field(
                letter, name, 'signed' in flags, 'creg' in flags,
                self.pieces(where, text, pieces) if pieces else None)

    @staticmethod
    def pieces(where, text, pieces):
        """The field's bit numbers from the top of the pattern down."""
        bits = []
        for piece in pieces.split('|'):
            m = re.fullmatch(r'(\d+)(?::(\d+))?', piece)
            if not m:
                fail(where, "bad bit list in field '%s'" % text)
            hi = int(m[1])
            lo = int(m[2]) if m[2] else hi
            if lo > hi or hi > 31:
                fail(where, "bad bit list in field '%s'" % text)
            bits += range(hi, lo - 1, -1)
        if len(set(bits)) != len(bits):
            fail(where, "a bit stands twice in field '%s'" % text)
        return bits

    def do_needs(self, where, rest):
        every, either, xlens = [], [], {32, 64}
        for word in rest.split():
            if word in ('rv32', 'rv64'):
                xlens = {int(word[2:])}
            elif re.fullmatch(r'[a-z0-9]+(\+[a-z0-9]+)*', word):
                every += word.split('+')
            elif re.fullmatch(r'[a-z0-9]+(,[a-z0-9]+)+', word):
                if either:
                    fail(where, 'two lists of alternatives')
                either = word.split(',')
            else:
                fail(where, "bad feature '%s'" % word)
        if not every and not either:
            fail(where, "'needs' without a feature")
        if max(len(every), len(either)) > 3:
            fail(where, 'more than three features')
        self.gate = (every, either, xlens)

    def do_class(self, where, rest):
        if not re.fullmatch(r'[a-z]+', rest):
            fail(where, "bad class '%s'" % rest)
        self.klass = rest

    def do_via(self, where, rest):
        if not re.fullmatch(r'-|[a-z][a-z0-9_]*', rest):
            fail(where, "bad function name '%s'" % rest)
        self.via = None if rest == '-' else rest

    def conds(self, where, text, links):
        out = []
        for word in text.split():
            m = re.fullmatch(r'([a-z][a-z0-9]*)(!?=)(-?\d+|even|[a-z]\w*)',
                             word)
            if not m or (m[3] == 'even' and m[2] == '!='):
                fail(where, "bad condition '%s'" % word)
            number = re.fullmatch(r'-?\d+', m[3])
            if not number and m[3] != 'even' and not links:
                fail(where, "bad condition '%s'" % word)
            out.append((m[1], m[2], int(m[3]) if number else m[3]))
        return out

    def do_alias(self, where, rest):
        head, colon, operands = rest.partition(':')
        words = head.split()
        if not colon or len(words) < 2:
            fail(where, 'alias needs NAME TARGET CONDITIONS : OPERANDS')
        self.aliases.append(Alias(where, words[0], words[1],
                                  self.conds(where, ' '.join(words[2:]), True),
                                  operands.strip()))

    def do_row(self, where, line):
        head, colon, operands = line.partition(' :')
        head, equal, target = head.partition(' = ')
        head, _, conds = head.partition(' where ')
        words = head.split()
        bits = ''.join(words[1:])
        if not re.fullmatch(r'[a-z][a-z0-9_.]*', words[0]):
            fail(where, "bad instruction name '%s'" % words[0])
        if len(bits) not in (16, 32):
            fail(where, "'%s' has %d bits, not 16 or 32"
                 % (words[0], len(bits)))
        row = Row(where, words[0], bits[::-1])
        self.check_length(row)
        row.need_all, row.need_any, row.xlens = self.gate
        if not row.need_all and not row.need_any:
            fail(where, "'%s' stands before any 'needs' line" % row.name)
        row.klass, row.group, row.brace = self.klass, self.stem, self.brace
        row.via = self.via
        self.collect_fields(row)
        row.conds = self.conds(where, conds, False)
        for name, _, _ in row.conds:
            if name not in row.fields:
                fail(where, "condition on '%s', which '%s' does not have"
                     % (name, row.name))
        if equal:
            self.do_target(row, target)
        row.operands = operands.strip() if colon else ''
        self.rows.append(row)

    @staticmethod
    def check_length(row):
        """Bits 1:0 are 11 for 32-bit instructions (Unprivileged 1.5)."""
        low = row.bits[1] + row.bits[0]
        if (row.width == 32) != (low == '11') or not set(low) <= set('01'):
            fail(row.where, "'%s': bits 1:0 do not agree with its length"
                 % row.name)

    def collect_fields(self, row):
        for letter in dict.fromkeys(reversed(row.bits)):
            if letter in '01-':
                continue
            if letter not in self.letters:
                fail(row.where, "'%s' uses the undefined field letter '%s'"
                     % (row.name, letter))
            field = self.letters[letter]
            if field.name in row.fields:
                fail(row.where, "'%s' has the field '%s' twice"
                     % (row.name, field.name))
            at = [n for n in range(row.width - 1, -1, -1)
                  if row.bits[n] == letter]
            to = field.pieces or list(range(len(at) - 1, -1, -1))
            if len(to) != len(at):
                fail(row.where, "'%s': field '%s' has %d bits here, %d in its "
                     "definition" % (row.name, field.name, len(at), len(to)))
            row.fields[field.name] = (field, self.runs(to, at))

    @staticmethod
    def runs(to, at):
        """Pairs of bit numbers, joined into (to, from, length) runs."""
        out = []
        for t, f in zip(to, at):
            if out and out[-1][0] == t + 1 and out[-1][1] == f + 1:
                out[-1] = (t, f, out[-1][2] + 1)
            else:
                out.append((t, f, 1))
        return out

    @staticmethod
    def do_target(row, text):
        words = text.split()
        if not words:
            fail(row.where, "'=' without a target")
        row.target_name = words[0]
        for word in words[1:]:
            m = re.fullmatch(r'([a-z][a-z0-9]*)=(-?\d+|[a-z][a-z0-9]*)', word)
            if not m:
                fail(row.where, "bad assignment '%s'" % word)
            value = m[2]
            if re.fullmatch(r'-?\d+', value):
                value = int(value)
            elif value not in row.fields:
                fail(row.where, "'%s' has no field '%s'" % (row.name, value))
            row.assigns[m[1]] = value


class Isa:
    """All files together: checked rows, targets resolved."""

    def __init__(self, paths):
        readers = [Reader(p).read() for p in paths]
        self.stems = [r.stem for r in readers]
        self.rows = [row for r in readers for row in r.rows]
        self.aliases = [a for r in readers for a in r.aliases]
        self.insns = {}      # name -> first row; one C identifier each
        self.resolve_names()
        self.resolve_targets()
        self.resolve_aliases()
        self.check_overlaps()
        self.shapes = sorted({self.shape(r) for r in self.insns.values()})

    @staticmethod
    def shape(row):
        names = row.fields.keys()
        return tuple([n for n in ORDER if n in names] +
                     sorted(n for n in names if n not in ORDER))

    def resolve_names(self):
        """One name is one instruction; RV32 and RV64 may spell it in two."""
        for row in self.rows:
            if row.target_name:
                continue
            first = self.insns.setdefault(row.name, row)
            if first is row:
                continue
            if first.xlens & row.xlens:
                fail(row.where, "'%s' is defined twice; first at %s:%d"
                     % (row.name, *first.where))
            if self.shape(first) != self.shape(row):
                fail(row.where, "'%s' has other fields than at %s:%d"
                     % (row.name, *first.where))

    def resolve_targets(self):
        for row in self.rows:
            name = row.target_name or row.name
            row.target = self.insns.get(name)
            if row.target is None:
                fail(row.where, "no instruction '%s' to decode as" % name)
            if not row.target_name:
                continue
            for field in row.assigns:
                if field not in row.target.fields:
                    fail(row.where, "'%s' has no field '%s'" % (name, field))
            for field in row.target.fields:
                if field not in row.assigns and field not in row.fields:
                    fail(row.where, "'%s' does not give the field '%s' of '%s'"
                         % (row.name, field, name))

    def resolve_aliases(self):
        for alias in self.aliases:
            alias.target = self.insns.get(alias.target_name)
            if alias.target is None:
                fail(alias.where, "no instruction '%s'" % alias.target_name)
            for a, _, b in alias.conds:
                for name in (a, b):
                    if isinstance(name, str) and name != 'even' and \
                            name not in alias.target.fields:
                        fail(alias.where, "'%s' has no field '%s'"
                             % (alias.target_name, name))

    def check_overlaps(self):
        for n, row in enumerate(self.rows):
            for other in self.rows[:n]:
                if row.width != other.width or not row.xlens & other.xlens or \
                        row.mask & other.mask & (row.value ^ other.value):
                    continue
                if not row.brace or (row.group, row.brace) != \
                        (other.group, other.brace):
                    fail(row.where, "'%s' overlaps '%s' at %s:%d"
                         % (row.name, other.name, *other.where))
                if other.mask & ~row.mask == 0 and not other.conds and \
                        set(other.need_all) <= set(row.need_all) and \
                        (not other.need_any or
                         other.need_any == row.need_any) and \
                        row.xlens <= other.xlens:
                    fail(row.where, "'%s' is never reached behind '%s' at "
                         "%s:%d" % (row.name, other.name, *other.where))


class CWriter:
    """The C files of one architecture."""

    def __init__(self, isa, arch):
        self.isa, self.arch = isa, arch
        self.camel, self.upper = arch.capitalize(), arch.upper()

    def feature(self, name):
        return '%s_EXT_%s' % (self.upper, name.upper())

    def groups(self):
        """Files with instructions of their own."""
        used = {r.group for r in self.isa.insns.values()}
        return [s for s in self.isa.stems if s in used]

    def group_id(self, stem):
        return '%s_GROUP_%s' % (self.upper, stem.upper())

    def has(self, name):
        return 'decode_has(ext, %s)' % self.feature(name)

    def insn_id(self, row):
        return '%s_INSN_%s' % (self.upper, row.cname().upper())

    @staticmethod
    def args_type(shape):
        return 'Args' + (''.join(n.capitalize() for n in shape) or 'None')

    @staticmethod
    def args_member(shape):
        return '_'.join(shape) or 'none'

    def banner(self):
        return '/* Generated by scripts/decode.py; edit the .isa files. */\n'

    def header(self):
        out = [self.banner()]
        guard = '%s_DECODE_H' % self.upper
        out.append('#ifndef %s\n#define %s\n\n#include "target/decode.h"\n'
                   % (guard, guard))
        out.append('typedef enum %sGroup {' % self.camel)
        out += ['    %s,' % self.group_id(stem) for stem in self.groups()]
        out.append('    %s_GROUP_COUNT,\n} %sGroup;\n'
                   % (self.upper, self.camel))
        out.append('typedef enum %sInsn {\n    %s_INSN_ILLEGAL,'
                   % (self.camel, self.upper))
        out += ['    %s,' % self.insn_id(r) for r in self.isa.insns.values()]
        out.append('    %s_INSN_COUNT,\n} %sInsn;\n' % (self.upper, self.camel))
        for shape in self.isa.shapes:
            body = ''.join('    int32_t %s;\n' % n for n in shape) or \
                '    int32_t unused;\n'
            out.append('typedef struct %s {\n%s} %s;\n'
                       % (self.args_type(shape), body, self.args_type(shape)))
        out.append('typedef union %sArgs {' % self.camel)
        out += ['    %s %s;' % (self.args_type(s), self.args_member(s))
                for s in self.isa.shapes]
        out.append('} %sArgs;\n' % self.camel)
        for width in (16, 32):
            out.append('%sInsn %s_decode%d(const uint64_t *ext, unsigned xlen, '
                       'uint32_t insn,\n    %sArgs *a);'
                       % (self.camel, self.arch, width, self.camel))
        out.append('\nextern const DecodeInsn %s_insns[%s_INSN_COUNT];'
                   % (self.arch, self.upper))
        out.append('extern const DecodeRow %s_rows[];' % self.arch)
        out.append('extern const unsigned %s_row_count;' % self.arch)
        out.append('extern const uint8_t %s_insn_group[%s_INSN_COUNT];\n'
                   % (self.arch, self.upper))
        out.append('/* Translate functions, by group: false when the insn is '
                   'illegal after all. */\n'
                   'typedef struct DisasContext DisasContext;')
        for stem in self.groups():
            out.append('bool %s_trans_%s(DisasContext *dc, %sInsn insn, '
                       'const %sArgs *a);'
                       % (self.arch, stem, self.camel, self.camel))
        out.append('\n#endif')
        return '\n'.join(out) + '\n'

    # the decoder

    def source(self):
        out = [self.banner()]
        out.append('#include "tandem/base.h"\n#include "target/%s/cpu.h"'
                   '\n#include "%s-decode.h"\n' % (self.arch, self.arch))
        for width in (16, 32):
            out.append('%sInsn %s_decode%d(const uint64_t *ext, unsigned xlen, '
                       'uint32_t insn,\n    %sArgs *a)\n{'
                       % (self.camel, self.arch, width, self.camel))
            rows = [r for r in self.isa.rows if r.width == width]
            self.tree(out, rows, 0, 1)
            out.append('    return %s_INSN_ILLEGAL;\n}\n' % self.upper)
        self.tables(out)
        return '\n'.join(out) + '\n'

    def tree(self, out, rows, done, depth):
        """Switch on the bits that all rows fix, then on what remains."""
        pad = '    ' * depth
        common = ~done
        for row in rows:
            common &= row.mask
        common &= 0xffffffff
        values = {}
        for row in rows:
            values.setdefault(row.value & common, []).append(row)
        if len(values) < 2:
            for row in rows:
                self.leaf(out, row, done, depth)
            return
        out.append('%sswitch (insn & 0x%x) {' % (pad, common))
        for value, some in sorted(values.items()):
            out.append('%scase 0x%x:' % (pad, value))
            self.tree(out, some, done | common, depth + 1)
            out.append('%s    break;' % pad)
        out.append('%s}' % pad)

    def leaf(self, out, row, done, depth):
        pad = '    ' * depth
        tests = []
        rest = row.mask & ~done
        if rest:
            tests.append('(insn & 0x%xu) == 0x%x' % (rest, row.value & rest))
        if row.xlens != {32, 64}:
            tests.append('xlen == %d' % next(iter(row.xlens)))
        tests += [self.has(f) for f in row.need_all]
        if row.need_any:
            tests.append('(%s)' % ' || '.join(map(self.has, row.need_any)))
        for name, op, value in row.conds:
            expr = self.extract(row, name)
            tests.append('(%s & 1) == 0' % expr if value == 'even' else
                         '%s %s %d' % (expr, '!=' if op == '!=' else '==',
                                       value))
        out.append('%sif (%s) {' % (pad, ' &&\n        '.join(tests) or '1'))
        shape = self.isa.shape(row.target)
        member = self.args_member(shape)
        for name in shape:
            source = row.assigns.get(name, name)
            expr = str(source) if isinstance(source, int) else \
                self.extract(row, source)
            out.append('%s    a->%s.%s = %s;' % (pad, member, name, expr))
        out.append('%s    return %s; /* %s */'
                   % (pad, self.insn_id(row.target), row.name))
        out.append('%s}' % pad)

    @staticmethod
    def extract(row, name):
        """C expression for a field of the pattern."""
        field, runs = row.fields[name]
        top = max(t + n for t, _, n in runs)
        parts = []
        for to, at, length in runs:
            part = '((insn >> %d) & 0x%x)' % (at, (1 << length) - 1)
            parts.append('(%s << %d)' % (part, to) if to else part)
        expr = ' | '.join(parts)
        if len(parts) > 1:
            expr = '(%s)' % expr
        if field.signed:
            return '(int32_t)((uint32_t)%s << %d) >> %d' % (
                expr, 32 - top, 32 - top) if top < 32 else '(int32_t)' + expr
        return '(%s + 8)' % expr if field.creg else '(int32_t)%s' % expr

    # the tables

    def tables(self, out):
        self.field_tables(out)
        self.alias_tables(out)
        out.append('const DecodeInsn %s_insns[%s_INSN_COUNT] = {'
                   % (self.arch, self.upper))
        by_target = {}
        for alias in self.isa.aliases:
            by_target.setdefault(alias.target.name, []).append(alias)
        for row in self.isa.insns.values():
            shape = self.isa.shape(row)
            names = ''.join('"%s", ' % n for n in shape)
            out.append('    [%s] = { "%s", "%s", "%s", "%s", %d, { %s}, %s },'
                       % (self.insn_id(row), row.name, row.group, row.klass,
                          row.operands, len(shape), names or '0 ',
                          'aliases_' + row.cname()
                          if row.name in by_target else 'NULL'))
        out.append('};\n')
        out.append('const uint8_t %s_insn_group[%s_INSN_COUNT] = {'
                   % (self.arch, self.upper))
        out += ['    [%s] = %s,' % (self.insn_id(r), self.group_id(r.group))
                for r in self.isa.insns.values()]
        out.append('};\n')
        out.append('const DecodeRow %s_rows[] = {' % self.arch)
        for n, row in enumerate(self.isa.rows):
            def features(names):
                return '{ %s-1 }' % ''.join(
                    self.feature(f) + ', ' for f in names)
            out.append('    { "%s", "%s", %s, 0x%x, 0x%x, %d, 0x%x, %s, %s, '
                       'fields_%d },'
                       % (row.name, row.klass, self.insn_id(row.target),
                          row.mask, row.value, row.width,
                          sum({32: 1, 64: 2}[x] for x in row.xlens),
                          features(row.need_all), features(row.need_any), n))
        out.append('};\nconst unsigned %s_row_count = %d;'
                   % (self.arch, len(self.isa.rows)))

    def field_tables(self, out):
        for n, row in enumerate(self.isa.rows):
            out.append('static const DecodeField fields_%d[] = {' % n)
            for name, (field, runs) in row.fields.items():
                pieces = ', '.join('{ %d, %d, %d }' % r for r in runs)
                out.append('    { "%s", %d, %d, { %s } },'
                           % (name, field.signed, len(runs), pieces))
            out.append('    { NULL },\n};')

    def alias_tables(self, out):
        by_target = {}
        for alias in self.isa.aliases:
            by_target.setdefault(alias.target.name, []).append(alias)
        for aliases in by_target.values():
            out.append('static const DecodeAlias aliases_%s[] = {'
                       % aliases[0].target.cname())
            for alias in aliases:
                shape = self.isa.shape(alias.target)
                conds = []
                for name, op, value in alias.conds:
                    kind = 'DECODE_COND_' + (
                        'FIELD' if isinstance(value, str) else
                        'NE' if op == '!=' else 'EQ')
                    number = shape.index(value) if isinstance(value, str) \
                        else value
                    conds.append('{ %s, %d, %d }'
                                 % (kind, shape.index(name), number))
                if len(conds) > 4:
                    fail(alias.where, 'more than four conditions')
                out.append('    { "%s", "%s", %d, { %s } },'
                           % (alias.name, alias.operands, len(conds),
                              ', '.join(conds) or '{ 0 }'))
            out.append('    { NULL },\n};')

    # one header for each file of translate functions

    def trans(self, stem):
        rows = [r for r in self.isa.insns.values() if r.group == stem]
        out = [self.banner()]
        if not rows:
            return out[0]
        shared = {}
        for row in rows:
            args = self.args_type(self.isa.shape(row))
            if row.via is None:
                out.append('static bool trans_%s(DisasContext *dc, const %s '
                           '*a);' % (row.cname(), args))
            elif shared.setdefault(row.via, args) != args:
                fail(row.where, "'%s' has other fields than the rows before "
                     "via '%s'" % (row.name, row.via))
        for via, args in shared.items():
            out.append('static bool trans_via_%s(DisasContext *dc, %sInsn '
                       'insn, const %s *a);' % (via, self.camel, args))
        out.append('\nbool %s_trans_%s(DisasContext *dc, %sInsn insn, '
                   'const %sArgs *a)\n{\n    switch (insn) {'
                   % (self.arch, stem, self.camel, self.camel))
        for row in rows:
            out.append('    case %s:\n        return trans_%s(dc, %s&a->%s);'
                       % (self.insn_id(row),
                          'via_' + row.via if row.via else row.cname(),
                          'insn, ' if row.via else '',
                          self.args_member(self.isa.shape(row))))
        out.append('    default:\n        return false;\n    }\n}')
        return '\n'.join(out) + '\n'


def macros(isa, extensions):
    """GNU as macros: NAME with the row's operands as plain arguments."""
    out = ['# Generated by scripts/decode.py; edit the .isa files.',
           '# Operands as in the manual, but an address register without ().']
    abi = ('zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 '
           's5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6').split()
    fabi = ('ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 '
            'fa6 fa7 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 '
            'ft11').split()
    for n in range(32):
        for name in ('x%d' % n, 'f%d' % n, abi[n], fabi[n]):
            out.append('.set reg_%s, %d' % (name, n))
    known = {}
    for row in isa.rows:
        if set(extensions) & set(row.need_all + row.need_any):
            first = known.setdefault(row.name, row)
            if first is row:
                out.append(macro(isa, row))
            elif (first.mask, first.value) != (row.mask, row.value):
                fail(row.where, "'%s': macros cannot tell RV32 from RV64"
                     % row.name)
    return '\n'.join(out) + '\n'


def macro(isa, row):
    text = row.operands or row.target.operands
    order = [n for n in re.findall(r'[a-z][a-z0-9]*', re.sub(r'\w+:', '', text))
             if n in row.fields]
    order += [n for n in row.fields if n not in order and n not in
              ('aq', 'rl')]
    params = order + [n + '=0' for n in ('aq', 'rl') if n in row.fields]
    value = '0x%x' % row.value
    for name, (field, runs) in row.fields.items():
        arg = ('reg_\\' if re.fullmatch(r'rd|rs\d', name) else '\\') + name
        if field.creg:
            arg = '(%s-8)' % arg
        for to, at, length in runs:
            value += ' | (((%s >> %d) & 0x%x) << %d)' % (
                arg, to, (1 << length) - 1, at)
    return '.macro %s %s\n.insn %d, %s\n.endm' % (
        row.name, ', '.join(params), row.width // 8, value)


def main(argv):
    if len(argv) < 2:
        sys.exit(__doc__)
    if argv[1] == 'tables':
        arch, outdir, paths = argv[2], argv[3], argv[4:]
        isa = Isa(paths)
        writer = CWriter(isa, arch)
        files = {'%s-decode.h' % arch: writer.header(),
                 '%s-decode.c' % arch: writer.source()}
        for stem in isa.stems:
            files['%s-trans-%s.h' % (arch, stem)] = writer.trans(stem)
        for name, text in files.items():
            with open(os.path.join(outdir, name), 'w', encoding='utf-8') as f:
                f.write(text)
    elif argv[1] == 'macros':
        with open(argv[3], 'w', encoding='utf-8') as f:
            f.write(macros(Isa(argv[5:]), argv[4].split(',')))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    try:
        main(sys.argv)
    except (InputError, OSError) as error:
        sys.exit(str(error))
