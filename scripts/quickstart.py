#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""From a fresh clone to a shell in a booted Debian riscv64 kernel.

quickstart          install what is missing, build, fetch a kernel, boot to
                    an interactive shell (leave it by C-a x)
quickstart --check  the same unattended: the guest prints `uname -a`, powers
                    itself off, and its status is this one's; this is also
                    what happens with /dev/null for a terminal
"""

import concurrent.futures
import os
import pathlib
import stat
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = SOURCE / "build"
BOOT_SECONDS = 300


def step(text, *argv, show=False):
    """Output of a command, of which only failures are told; with @show a
    terminal sees it all."""
    print(f"quickstart: {text}", file=sys.stderr, flush=True)
    begin = time.monotonic()
    show = show and sys.stderr.isatty()
    done = subprocess.run([str(a) for a in argv], cwd=SOURCE, text=True,
                          stdin=subprocess.DEVNULL, check=False,
                          stdout=sys.stderr if show else subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{(done.stdout or '').rstrip()}\n"
                 f"quickstart: {text}: failed")
    print(f"quickstart: {text}: {time.monotonic() - begin:.0f} s",
          file=sys.stderr, flush=True)
    return (done.stdout or "").strip()


def command(kernel, initrd):
    return [str(BUILD / "qemu-system-riscv64"), "-M", "virt", "-m", "512",
            "-nographic", "-no-reboot", "-kernel", str(kernel), "-initrd",
            str(initrd), "-append", "console=ttyS0 quiet"]


def check(kernel, guest):
    """Boot with a script as its only job; returns the exit status."""
    initrd = BUILD / "quickstart-check.gz"
    step("packing a file system", SOURCE / "scripts/mkinitramfs", "--guest",
         guest, "--run", "uname -a", "-o", initrd)
    argv = command(kernel, initrd)
    print(f"quickstart: {' '.join(argv)}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=BOOT_SECONDS,
                              stdout=subprocess.PIPE, check=False)
    except subprocess.TimeoutExpired as late:
        sys.stdout.write((late.stdout or b"").decode(errors="replace"))
        sys.exit(f"quickstart: the guest was not done in {BOOT_SECONDS} s")
    text = done.stdout.decode(errors="replace")
    sys.stdout.write(text)
    if done.returncode == 0 and "INIT-STATUS 0" not in text:
        sys.exit("quickstart: the guest never reached its test")
    return done.returncode


def unattended():
    """Nobody can type and nothing was piped in, so a shell would wait for
    ever."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return True
    return stat.S_ISCHR(mode) and not os.isatty(0)


def main(argv):
    if argv not in ([], ["--check"]):
        sys.exit(__doc__.strip())
    # It may ask for a password, and says itself what it does.
    if subprocess.run([SOURCE / "scripts/install-deps", "build", "boot",
                       "optional"], check=False).returncode != 0:
        sys.exit("quickstart: installing packages: failed")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        fetch = pool.submit(step, "fetching Debian's kernel and busybox for "
                            "riscv64", "scripts/fetch", "riscv64-guest")
        if not (BUILD / "build.ninja").exists():
            step("configuring", "./configure")
        step("building", "ninja", "-C", BUILD, "qemu-system-riscv64",
             show=True)
        guest = pathlib.Path(fetch.result().splitlines()[-1])
    kernel = (guest / "kernel").resolve()
    if argv or unattended():
        return check(kernel, guest)
    line = command(kernel, guest / "initrd.gz")
    print(f"quickstart: {' '.join(line)}\n"
          "quickstart: leave by C-a x", file=sys.stderr, flush=True)
    os.execv(line[0], line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
