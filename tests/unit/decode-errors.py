#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/decode.py names file, line and cause of each error in its input."""
import subprocess
import sys
import tempfile

GOOD = 'fields a=rs1 d=rd i=imm:signed\nneeds i\n'
ADDI = 'addi iiiiiiiiiiii aaaaa 000 ddddd 0010011 : rd,rs1,imm\n'

# input, line of the error, its message
CASES = [
    ('fields a=rs1 a=rs2\n', 1, "field letter 'a' is defined twice"),
    ('fields 1=rs1\n', 1, "bad field '1=rs1'"),
    ('fields a=imm:odd\n', 1, "unknown flag in field 'a=imm:odd'"),
    ('fields a=imm[3|3]\n', 1, "a bit stands twice in field 'a=imm[3|3]'"),
    ('fields a=imm[1:4]\n', 1, "bad bit list in field 'a=imm[1:4]'"),
    ('needs rv64\n', 1, "'needs' without a feature"),
    ('needs a,b c,d\n', 1, 'two lists of alternatives'),
    ('needs A\n', 1, "bad feature 'A'"),
    ('class 3\n', 1, "bad class '3'"),
    ('fields a=rs1 d=rd i=imm\n' + ADDI, 2,
     "'addi' stands before any 'needs' line"),
    (GOOD + 'addi 010 ddddd\n', 3, "'addi' has 8 bits, not 16 or 32"),
    (GOOD + 'addi iiiiiiiiiiii aaaaa 000 ddddd 0010010\n', 3,
     "'addi': bits 1:0 do not agree with its length"),
    (GOOD + 'addi iiiiiiiiiiii xxxxx 000 ddddd 0010011\n', 3,
     "'addi' uses the undefined field letter 'x'"),
    ('fields a=rs1 d=rs1\nneeds i\n'
     'x 000000000000 aaaaa 000 ddddd 0010011\n', 3,
     "'x' has the field 'rs1' twice"),
    ('fields b=imm[3:0]\nneeds i\nx 0000000 bbbbb 0000000000000 0010011\n', 3,
     "'x': field 'imm' has 5 bits here, 4 in its definition"),
    (GOOD + ADDI + 'x 000000000000 aaaaa 000 00000 0010011\n', 4,
     "'x' overlaps 'addi' at FILE:3"),
    (GOOD + '{\n' + ADDI + 'x 000000000000 aaaaa 000 00000 0010011\n}\n', 5,
     "'x' is never reached behind 'addi' at FILE:4"),
    (GOOD + ADDI + 'addi iiiiiiiiiiii aaaaa 001 ddddd 0010011\n', 4,
     "'addi' is defined twice; first at FILE:3"),
    ('fields a=rs1 d=rd i=imm\nneeds i rv32\n'
     'x iiiiiiiiiiii aaaaa 000 ddddd 0010011\nneeds i rv64\n'
     'x 000000000000 aaaaa 000 ddddd 0010011\n', 5,
     "'x' has other fields than at FILE:3"),
    (GOOD + '{\n', 3, "'{' is not closed"),
    (GOOD + '}\n', 3, "'}' without '{'"),
    (GOOD + '{\n{\n', 4, "'{' inside '{'"),
    (GOOD + 'c.x 000 0 ddddd 00000 01 = addi rs1=rd\n', 3,
     "no instruction 'addi' to decode as"),
    (GOOD + ADDI + 'c.x 000 0 ddddd 00000 01 = addi rs1=rd\n', 4,
     "'c.x' does not give the field 'imm' of 'addi'"),
    (GOOD + ADDI + 'c.x 000 0 ddddd 00000 01 = addi rs1=rs2 imm=0\n', 4,
     "'c.x' has no field 'rs2'"),
    (GOOD + ADDI + 'c.x 000 0 ddddd 00000 01 = addi rs1=rd imm=0 rm=1\n', 4,
     "'addi' has no field 'rm'"),
    (GOOD + 'x iiiiiiiiiiii aaaaa 000 ddddd 0010011 where rs2!=0\n', 3,
     "condition on 'rs2', which 'x' does not have"),
    (GOOD + 'x iiiiiiiiiiii aaaaa 000 ddddd 0010011 where rs1>0\n', 3,
     "bad condition 'rs1>0'"),
    (GOOD + ADDI + 'alias nop addi rs2=0 :\n', 4, "'addi' has no field 'rs2'"),
    (GOOD + ADDI + 'alias nop subi rs2=0 :\n', 4, "no instruction 'subi'"),
    (GOOD + ADDI + 'alias nop\n', 4,
     'alias needs NAME TARGET CONDITIONS : OPERANDS'),
]


def run(script, text):
    """Messages of the script for this input, FILE for its name."""
    with tempfile.TemporaryDirectory() as out:
        path = out + '/in.isa'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        done = subprocess.run(
            [sys.executable, script, 'tables', 'test', out, path],
            capture_output=True, text=True, check=False)
        return done.returncode, done.stderr.strip().replace(path, 'FILE')


def main():
    script = sys.argv[1]
    print('1..%d' % (len(CASES) + 1))
    for n, (text, line, message) in enumerate(CASES, 1):
        code, said = run(script, text)
        good = code == 1 and said == 'FILE:%d: %s' % (line, message)
        print('%sok %d - %s' % ('' if good else 'not ', n, message))
        if not good:
            print('# got: %s (status %d)' % (said, code))
    code, said = run(script, GOOD + ADDI)
    print('%sok %d - good input has no error'
          % ('' if code == 0 and not said else 'not ', len(CASES) + 1))


main()
