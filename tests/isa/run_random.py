#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the random differential test for each XLEN and reports TAP.

  run_random.py RANDOM PEER-PROGRAM-64.elf PEER-PROGRAM-32.elf

The peer is qemu-riscv64 and qemu-riscv32 10.0 in ${TANDEM_PEER}, in the cache
of scripts/fetch (peer-qemu-10) or on PATH; without it the interpreter and the
JIT are compared, and the rest is skipped. TANDEM_ROUND gives the seed,
TANDEM_SOAK the full count of a million instructions.
"""
import os
import pathlib
import shutil
import subprocess
import sys

CACHE = pathlib.Path(os.environ.get('XDG_CACHE_HOME')
                     or pathlib.Path.home() / '.cache') / 'tandem'


def peer(xlen):
    name = 'qemu-riscv%s' % xlen
    folders = [os.environ.get('TANDEM_PEER', ''),
               str(CACHE / 'peer-qemu-10' / 'bin')]
    path = shutil.which(name, path=os.pathsep.join(filter(None, folders))) \
        or shutil.which(name)
    if path is None:
        return None
    said = subprocess.run([path, '-version'], capture_output=True, text=True,
                          check=False).stdout
    return path if 'version 10.0' in said else None


def main():
    program, programs = sys.argv[1], sys.argv[2:]
    count = '1000000' if 'TANDEM_SOAK' in os.environ else '40000'
    seed = str(1 + int(os.environ.get('TANDEM_ROUND', '0')))
    print('1..%d' % (4 * len(programs)))
    for n, elf in enumerate(programs):
        xlen = '32' if elf.endswith('-32.elf') else '64'
        path = peer(xlen)
        vlen = ('1024', '128', '256', '512')[(int(seed) + n) % 4]
        runs = [([], [], 'interpreter and JIT', True),
                (['-2'], [], 'without AVX-512', True),
                (['-3'], [], 'nor AVX2', True),
                ([], [path, elf], 'and the peer', path is not None)]
        for k, (less, more, name, possible) in enumerate(runs):
            number = 4 * n + k + 1
            if not possible:
                print('ok %d - rv%s %s # SKIP no qemu-riscv%s 10.0 '
                      '(scripts/fetch peer-qemu-10)'
                      % (number, xlen, name, xlen))
                continue
            done = subprocess.run([program, *less, xlen, vlen, count, seed,
                                   *more],
                                  stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False)
            lines = done.stdout.splitlines()
            good = any(line.startswith('ok 1 ') for line in lines)
            print('%sok %d - rv%s %s' % ('' if good else 'not ', number, xlen,
                                         name))
            for line in lines[1:60]:
                print(line if line.startswith('#') else '# ' + line)
            if done.returncode != 0:
                print('# status %d' % done.returncode)


main()
