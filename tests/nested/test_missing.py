#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A host without /dev/kvm: what the tests say, and what -accel kvm says."""

import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position


def run(*args, binary=None):
    """(status, standard error) of a start that fails, or is told to quit."""
    done = subprocess.run([binary or g.BINARY, *map(str, args)], text=True,
                          check=False, input="quit\n", capture_output=True,
                          timeout=60 * g.PATIENCE)
    return done.returncode, done.stderr


class Missing(GuestTest):
    MICROVM = ("-M", "microvm", "-display", "none", "-nodefaults")

    def test_the_tests_are_skipped(self):
        done = subprocess.run(
            [sys.executable, HERE / "test_kvm.py"], text=True, check=False,
            capture_output=True, timeout=120 * g.PATIENCE,
            env=dict(os.environ, TANDEM_KVM_DEVICE=str(self.dir / "none")))
        points = [line for line in done.stdout.splitlines()
                  if line.startswith(("ok", "not ok"))]
        self.assertGreater(len(points), 10)
        for line in points:
            self.assertRegex(line, "^ok .*# SKIP no /dev/kvm$")

    def test_one_sentence_with_the_next_step(self):
        path = self.dir / "none"
        status, err = run("-accel", f"kvm,device={path}", *self.MICROVM)
        self.assertEqual(status, 1)
        self.assertRegex(
            err, rf"^[\w-]+: kvm needs {path}, which this host "
                 r"has not: load the module kvm_intel or kvm_amd, or use "
                 r"-accel tcg\n$")

    def test_a_file_that_is_no_kvm(self):
        path = self.dir / "file"
        path.touch()
        status, err = run("-accel", f"kvm,device={path}", *self.MICROVM)
        self.assertEqual(status, 1)
        self.assertRegex(err, rf"{path} speaks version -1 of the KVM interface")
        self.assertEqual(err.count("\n"), 1)

    @unittest.skipIf(os.getuid() == 0, "root may open everything")
    def test_a_device_of_others(self):
        path = self.dir / "closed"
        path.touch(0)
        status, err = run("-accel", f"kvm,device={path}", *self.MICROVM)
        self.assertEqual(status, 1)
        self.assertIn("join the group kvm, or use -accel tcg", err)

    def falls_back(self, *accel):
        """TCG runs a RISC-V guest; one line says why KVM did not."""
        other = pathlib.Path(g.BINARY).parent / "qemu-system-riscv64"
        status, err = run(*accel, "-M", "virt", "-display", "none", "-S",
                          "-bios", "none", "-serial", "none", "-monitor",
                          "stdio", binary=other)
        self.assertEqual(status, 0, err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("kvm", err)

    def test_falls_back_in_order(self):
        self.falls_back("-accel", f"kvm,device={self.dir / 'none'}",
                        "-accel", "tcg")
        self.falls_back("-accel", "kvm", "-accel", "tcg")
        self.falls_back("-machine", "accel=kvm:tcg")


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
