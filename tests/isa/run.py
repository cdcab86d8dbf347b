#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs ISA programs in one mode and reports TAP.

  run.py MODE RUNNER PROGRAM-32.elf PROGRAM-64.elf ...

MODE interp, single, soft, jit, avx2 (the JIT without AVX-512), no-avx2: RUNNER
is the harness. MODE
machine[,OPTION...]: RUNNER is qemu-system-riscv64; each OPTION is one more
property of -accel tcg. A program's name ends in its XLEN.
"""
import os
import subprocess
import sys

FLAGS = {'interp': [], 'single': ['-1'], 'soft': ['-s'], 'jit': ['-j'],
         'jit-single': ['-j', '-1'], 'avx2': ['-j', '-2'],
         'no-avx2': ['-j', '-3']}
TIMEOUT_S = 600


def vlens(program):
    """What vector programs run with, one after the other."""
    return (128, 256, 512, 1024) if '/rvv' in program else (128,)


def harts(program):
    name = os.path.basename(program).rpartition('-')[0]
    return {'smp': '4', 'late_start': '2'}.get(name, '1')


def command(mode, runner, program, vlen):
    xlen = 'rv32' if program.endswith('-32.elf') else 'rv64'
    if mode in FLAGS:
        return [runner, *FLAGS[mode], '%s,vlen=%d' % (xlen, vlen), program]
    options = ''.join(',' + o for o in mode.split(',')[1:])
    runner = os.path.join(os.path.dirname(runner),
                          'qemu-system-riscv' + xlen[2:])
    cpu = 'max,c=off,zca=off' if '/noc-' in program else \
        'max,vlen=%d' % vlen
    return [runner, '-M', 'virt', '-cpu', cpu, '-accel', 'tcg' + options,
            '-m', '64', '-smp', harts(program),
            *(['-icount', 'shift=10'] if '/latency_icount-' in program else []),
            '-nodefaults', '-nographic', '-no-reboot', '-bios', program]


def main():
    mode, runner, programs = sys.argv[1], sys.argv[2], sys.argv[3:]
    runs = [(program, vlen) for program in programs for vlen in vlens(program)]
    print('1..%d' % len(runs))
    for n, (program, vlen) in enumerate(runs, 1):
        name = os.path.basename(program)[:-4]
        line = command(mode, runner, program, vlen)
        try:
            done = subprocess.run(line,
                                  stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True,
                                  timeout=TIMEOUT_S, check=False)
            status, said = done.returncode, done.stderr
        except subprocess.TimeoutExpired:
            status, said = 'no end in %d s' % TIMEOUT_S, ''
        if name.startswith('exit7-'):  # the one that must fail
            status = 0 if status == 7 else 'not 7 but %s' % status
        print('%sok %d - %s %s%s' % ('' if status == 0 else 'not ', n, mode,
                                     name, '' if len(vlens(program)) == 1
                                     else ' vlen %d' % vlen))
        if status != 0:
            print('# %s: status %s' % (' '.join(line), status))
            for text in said.splitlines()[-5:]:
                print('# ' + text)


main()
