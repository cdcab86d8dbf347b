#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs ISA programs in one mode and reports TAP.

  run.py MODE RUNNER PROGRAM-32.elf PROGRAM-64.elf ...

MODE interp, single, soft, jit: RUNNER is the harness. MODE
machine[,OPTION...]: RUNNER is qemu-system-riscv64; each OPTION is one more
property of -accel tcg. A program's name ends in its XLEN.
"""
import os
import subprocess
import sys

FLAGS = {'interp': [], 'single': ['-1'], 'soft': ['-s'], 'jit': ['-j'],
         'jit-single': ['-j', '-1']}
TIMEOUT_S = 30


def command(mode, runner, program):
    xlen = 'rv32' if program.endswith('-32.elf') else 'rv64'
    if mode in FLAGS:
        return [runner, *FLAGS[mode], xlen, program]
    options = ''.join(',' + o for o in mode.split(',')[1:])
    runner = os.path.join(os.path.dirname(runner),
                          'qemu-system-riscv' + xlen[2:])
    cpu = 'max,c=off,zca=off' if '/noc-' in program else 'max'
    return [runner, '-M', 'virt', '-cpu', cpu, '-accel', 'tcg' + options,
            '-m', '64', '-smp', '4' if '/smp-' in program else '1', '-nodefaults', '-nographic', '-no-reboot',
            '-bios', program]


def main():
    mode, runner, programs = sys.argv[1], sys.argv[2], sys.argv[3:]
    print('1..%d' % len(programs))
    for n, program in enumerate(programs, 1):
        name = os.path.basename(program)[:-4]
        try:
            done = subprocess.run(command(mode, runner, program),
                                  stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True,
                                  timeout=TIMEOUT_S, check=False)
            status, said = done.returncode, done.stderr
        except subprocess.TimeoutExpired:
            status, said = 'no end in %d s' % TIMEOUT_S, ''
        if name.startswith('exit7-'):  # the one that must fail
            status = 0 if status == 7 else 'not 7 but %s' % status
        print('%sok %d - %s %s' % ('' if status == 0 else 'not ', n, mode,
                                   name))
        if status != 0:
            print('# %s: status %s' % (' '.join(command(mode, runner, program)),
                                       status))
            for line in said.splitlines()[-5:]:
                print('# ' + line)


main()
