#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The device suite (guest/*.c) under each engine, and their transcripts.

The same program is built for riscv64, where tcg runs it on `virt`, and for
x86-64, where kvm runs it on `microvm`. It drives the devices by their
specifications and writes a line for each thing that it looked at; the host
does what it asks for and adds what it saw. Every line has to be right, and the
transcripts and disks equal.

TANDEM_BUILD is the folder with the binaries, TANDEM_SUITE the one with the
programs. To test the test, TANDEM_BUILD may have those of the peer.
"""

import functools
import os
import pathlib
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position

BUILD = pathlib.Path(os.environ.get("TANDEM_BUILD", g.SOURCE / "build"))
PROGRAMS = pathlib.Path(os.environ.get("TANDEM_SUITE", BUILD / "tests/suite"))
KVM = "/dev/kvm"
RAM = 64 << 20
SECTORS = 64
# Engine: its binary, its program, and the machine that differs.
ENGINES = {
    "tcg": ("qemu-system-riscv64", "suite-riscv.elf",
            ("-M", "virt", "-bios")),
    "kvm": ("qemu-system-x86_64", "suite-x86.elf",
            ("-M", "microvm,pcie=on", "-cpu", "host", "-device",
             "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel")),
}
BUSES = {"mmio": "device", "pci": "pci-non-transitional"}
DEVICES = (
    "virtio-rng-{bus},packed=on,in_order=on",
    "virtio-blk-{bus},drive=disk-{name},serial=suite",
    "virtio-serial-{bus},id=serial-{name}",
    "virtconsole,bus=serial-{name}.0,chardev=echo-{name}",
    "virtio-net-{bus},netdev=net-{name},mac=52:54:00:00:00:{mac},romfile=",
)


class Run:
    """One engine's run with the balloon, of which there is one, on @balloon:
    .lines, .status, .disks."""

    def __init__(self, engine, balloon, folder):
        self.dir = folder
        self.lines = []
        binary, program, machine = ENGINES[engine]
        self.paths = {name: folder / f"disk-{name}" for name in BUSES}
        args = ["-accel", engine, *machine, PROGRAMS / program, "-m", "64",
                "-nodefaults", "-display", "none", "-serial", "stdio",
                "-no-reboot", "-action", "panic=none", "-qmp",
                f"unix:{folder / 'qmp'},server=on,wait=off",
                "-fw_cfg", "name=opt/suite,string=configured",
                "-fw_cfg", f"name=opt/balloon,string={balloon}",
                "-device", f"virtio-balloon-{BUSES[balloon]}",
                "-global", "virtio-mmio.force-legacy=off",
                "-device", "pvpanic-pci"]
        for number, (name, path) in enumerate(self.paths.items()):
            args += self.devices(name, path, number)
        self.guest = g.Guest(*args, binary=str(BUILD / binary))
        try:
            self.qmp = Qmp(folder / "qmp")
            self.serve()
            self.status = self.guest.wait()
        finally:
            self.guest.kill()
        self.disks = {n: p.read_bytes() for n, p in self.paths.items()}

    def devices(self, name, path, number):
        path.write_bytes(b"".join(struct.pack("<Q504x", i)
                                  for i in range(SECTORS)))
        g.Echo(self.dir / f"echo-{name}")
        args = ["-drive", f"file={path},format=raw,if=none,id=disk-{name},"
                          "discard=unmap",
                "-netdev", f"hubport,id=net-{name},hubid=0",
                "-chardev",
                f"socket,id=echo-{name},path={self.dir / ('echo-' + name)}"]
        for device in DEVICES:
            text = device.format(bus=BUSES[name], name=name, mac=10 + number)
            if name == "mmio":
                text = text.replace(",romfile=", "")
            args += ["-device", text]
        return args

    def serve(self):
        """Read to the end, and do what the guest asks for."""
        while True:
            line = self.guest.expect(r"(?m)^(.*?)\r?\n", 120).group(1)
            if line == "END":
                break
            self.lines.append(line)
            if line.startswith("? "):
                word, *more = line[2:].split()
                self.lines.append(f"+ host {word} = "
                                  f"{getattr(self, 'do_' + word)(*more)}")
                self.guest.send("!")

    def do_balloon(self, less):
        self.qmp.command("balloon", value=RAM - int(less))
        return less

    def do_ballooned(self):
        return RAM - self.qmp.command("query-balloon")["actual"]

    def do_crash(self):
        return self.qmp.event("GUEST_CRASHLOADED")["data"]["action"]

    def do_panic(self):
        return self.qmp.event("GUEST_PANICKED")["data"]["action"]


@functools.lru_cache(None)
def run(engine, balloon):
    """A run, once for all tests of it."""
    program = PROGRAMS / ENGINES[engine][1]
    if engine == "kvm" and not os.access(KVM, os.R_OK | os.W_OK):
        raise unittest.SkipTest("no /dev/kvm")
    if not program.exists():
        raise unittest.SkipTest(f"no {program.name}: its engine is not built "
                                "or its compiler is not installed")
    with tempfile.TemporaryDirectory(prefix="tandem-suite-") as folder:
        return Run(engine, balloon, pathlib.Path(folder))


class Suite(unittest.TestCase):
    maxDiff = None

    def right(self, engine):
        for balloon in BUSES:
            done = run(engine, balloon)
            wrong = [s for s in done.lines if s[:2] not in ("+ ", "? ")]
            self.assertEqual(wrong, [], "\n".join(done.lines))
            self.assertGreater(len(done.lines), 300)
            self.assertEqual(done.status, {"tcg": 0, "kvm": 1}[engine])

    def test_every_line_is_right_under_tcg(self):
        self.right("tcg")

    def test_every_line_is_right_under_kvm(self):
        self.right("kvm")

    def test_transcripts_are_equal(self):
        for balloon in BUSES:
            self.assertEqual(run("kvm", balloon).lines,
                             run("tcg", balloon).lines)

    def test_disks_are_equal(self):
        kvm, tcg = run("kvm", "mmio").disks, run("tcg", "mmio").disks
        for name, disk in tcg.items():
            self.assertEqual(disk, kvm[name], name)
            self.assertEqual(disk[7 * 512:8 * 512], b"\x5a" * 512)


if __name__ == "__main__":
    tap.main()
