#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Counted time: runs with one seed and one clock are equal, byte for byte."""

import hashlib
import unittest

import guest as g
from guest import GuestTest, tap
from qmp import Qmp

RUNS = g.sized(20, 2, 2)


class Icount(GuestTest):
    """Under load of the host too: what it does never shows in the guest."""

    def run_once(self, initrd, number, smp):
        """SHA-256 of all RAM at power-off, and the console's text."""
        ram = self.dir / f"ram{number}"
        guest = self.linux(
            initrd, "-icount", "shift=5,sleep=off", "-seed", 1, "-rtc",
            "base=2026-01-01,clock=vm", "-object",
            f"memory-backend-file,id=ram,size=192M,mem-path={ram},share=on",
            "-machine", "memory-backend=ram", smp=smp, memory=192)
        text = self.finish(guest, 180)
        digest = hashlib.sha256(ram.read_bytes()).hexdigest()
        ram.unlink()
        return digest, text

    def equal_runs(self, smp):
        initrd = self.initrd("count.gz", "cat /proc/interrupts; sleep 1; "
                             "head -c 100000 /dev/urandom | sha256sum")
        first = self.run_once(initrd, 0, smp)
        for number in range(1, RUNS):
            digest, text = self.run_once(initrd, number, smp)
            self.assertEqual(text, first[1], f"run {number}")
            self.assertEqual(digest, first[0], f"RAM of run {number}")

    @unittest.skipUnless(g.SOAK, "one CPU: by scripts/soak boot-icount")
    def test_one_cpu(self):
        self.equal_runs(1)

    def test_two_cpus(self):
        self.equal_runs(2)

    def test_monitor_and_stop_of_a_sleeping_guest(self):
        """A stop and queued work while all CPUs sleep do not stop its time."""
        initrd = self.initrd("sleep.gz", "echo ASLEEP; sleep 5; echo AWAKE")
        path = self.dir / "qmp"
        guest = self.linux(
            initrd, "-icount", "shift=5,sleep=on", "-qmp",
            f"unix:{path},server=on,wait=off", smp=2, memory=192)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        guest.expect("ASLEEP", 120)
        for _ in range(3):
            qmp.command("human-monitor-command",
                        **{"command-line": "info registers -a"})
            qmp.command("stop")
            qmp.command("cont")
        guest.expect("AWAKE", 60)
        self.finish(guest)


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
