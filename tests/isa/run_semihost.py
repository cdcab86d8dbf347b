#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Semihosting: prog/semihost.c in the machine, with what it reads and makes.

  run_semihost.py BUILD PROGRAM-64.elf PROGRAM-32.elf
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "scripts"))
import tap  # pylint: disable=wrong-import-position

SLOW = float(os.environ.get("TANDEM_SLOW", "1"))
BUILD = pathlib.Path(sys.argv[1]).resolve()
PROGRAMS = {path.stem.rsplit("-", 1)[1]: path.resolve()
            for path in map(pathlib.Path, sys.argv[2:])}
CONFIG = "enable=on,arg=one,arg=two"


class Semihosting(unittest.TestCase):
    """Both widths, each console, and refusals."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="tandem-semi-")
        self.addCleanup(temporary.cleanup)
        self.dir = pathlib.Path(temporary.name)

    def run_program(self, *args, xlen="64", data="input", status=42):
        done = subprocess.run(
            [BUILD / f"qemu-system-riscv{xlen}", "-M", "virt", "-m", "64",
             "-display", "none", "-serial", "null", "-monitor", "none",
             "-bios", "none", "-kernel", PROGRAMS[xlen], *args],
            input=data, text=True, capture_output=True, cwd=self.dir,
            timeout=600 * SLOW, check=False)
        self.assertEqual(done.returncode, status, done)
        return done

    def check(self, done, made=True):
        self.assertEqual((done.stdout, done.stderr), ("zero c out ", "err\n"))
        self.assertEqual((self.dir / "kept").read_bytes()[10:12], b"ab")
        self.assertEqual((self.dir / "made").exists(), made)
        self.assertFalse((self.dir / "gone").exists())

    def test_every_call_on_rv64(self):
        self.check(self.run_program("-semihosting-config", CONFIG))

    def test_every_call_on_rv32(self):
        self.check(self.run_program("-semihosting-config", CONFIG, xlen="32"))

    def test_interpreter_checks_nothing_else(self):
        self.check(self.run_program("-semihosting-config", CONFIG, "-accel",
                                    "tcg,interp=on"))

    def test_console_on_a_character_device(self):
        (self.dir / "in").write_text("input")
        self.run_program(
            "-chardev", "file,id=c,path=out,input-path=in",
            "-semihosting-config", CONFIG + ",chardev=c", data="")
        self.assertEqual((self.dir / "out").read_text(), "zero c out err\n")

    def test_a_debugger_serves_the_calls(self):
        """Files, console and input are those of gdb, by File-I/O."""
        gdb = shutil.which("gdb-multiarch")
        if not gdb:
            self.skipTest("needs gdb-multiarch")
        theirs = self.dir / "theirs"
        theirs.mkdir()
        machine = subprocess.Popen(
            [BUILD / "qemu-system-riscv64", "-M", "virt", "-m", "64",
             "-display", "none", "-serial", "null", "-monitor", "none",
             "-bios", "none", "-kernel", PROGRAMS["64"], "-S",
             "-gdb", f"unix:{self.dir}/gdb", "-semihosting-config",
             CONFIG + ",target=gdb"], cwd=self.dir, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(machine.kill)
        until = time.monotonic() + 600 * SLOW
        while not (self.dir / "gdb").exists():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        done = subprocess.run(
            [gdb, "-nx", "-batch", "-ex", "set architecture riscv:rv64",
             "-ex", "set remote system-call-allowed 1", "-ex",
             f"target remote {self.dir}/gdb", "-ex", "continue"],
            input="input", text=True, capture_output=True, cwd=theirs,
            timeout=600 * SLOW, check=False)
        said, _ = machine.communicate(timeout=600 * SLOW)
        self.assertEqual((machine.returncode, said), (42, ""), done)
        self.assertIn("zero c out err\n", done.stdout + done.stderr)
        self.assertEqual((theirs / "kept").read_bytes()[10:12], b"ab")
        self.assertFalse((self.dir / "kept").exists())

    def test_off_it_is_a_breakpoint(self):
        """The program's own trap handler gets it and ends the run."""
        done = subprocess.run(
            [BUILD / "qemu-system-riscv64", "-M", "virt", "-m", "64",
             "-display", "none", "-serial", "null", "-monitor", "none",
             "-bios", "none", "-kernel", PROGRAMS["64"]], cwd=self.dir,
            stdin=subprocess.DEVNULL, timeout=600 * SLOW, check=False)
        self.assertNotIn(done.returncode, (0, 42))
        self.assertEqual(list(self.dir.iterdir()), [])


if __name__ == "__main__":
    del sys.argv[1:]
    tap.main()
