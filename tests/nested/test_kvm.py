#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests of ours under -accel kvm on this machine: prog/*.S.

Where /dev/kvm is missing all are skipped. TANDEM_KVM_GUESTS is the folder
with the programs, built by meson.
"""

import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position
from test_gdb import Rsp  # pylint: disable=wrong-import-position

PROGRAMS = pathlib.Path(os.environ.get("TANDEM_KVM_GUESTS", "."))


class KvmTest(GuestTest):
    def setUp(self):
        super().setUp()
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            raise unittest.SkipTest("no /dev/kvm")

    def run_guest(self, program, *args, accel="kvm"):
        return g.Guest(
            "-accel", accel, "-M", "microvm", "-cpu", "host", "-m", "32",
            "-display", "none", "-serial", "stdio", "-monitor", "none",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel",
            PROGRAMS / f"{program}.elf", *args)

    def program(self, name, *args, accel="kvm"):
        """(status, text) of a program that ends by itself."""
        guest = self.run_guest(name, *args, accel=accel)
        self.addCleanup(guest.kill)
        return guest.wait(60), guest.text


class Programs(KvmTest):
    def test_protected_real_and_long_mode(self):
        self.assertEqual(self.program("modes"), (15, "PRpL\n"))

    def test_interrupts_with_split_irqchip(self):
        self.assertEqual(
            self.program("irq", accel="kvm,kernel-irqchip=split"),
            (7, "ii\n"))

    def test_interrupts_with_irqchip_in_the_kernel(self):
        self.assertEqual(self.program("irq", accel="kvm,kernel-irqchip=on"),
                         (7, "ii\n"))

    def test_other_cpus_start(self):
        for mode in ("split", "on"):
            self.assertEqual(
                self.program("smp", "-smp", "4",
                             accel=f"kvm,kernel-irqchip={mode}"),
                (11, "3\n"))


class Firmware(KvmTest):
    """prog/bzimage.S, by our loader and by firmware: a letter for each thing
    that boot.rst promises; R: it was entered in real mode."""

    def kernel(self, *args, change=None):
        """(status, text) of the kernel, whose bytes @change may alter."""
        image = bytearray((PROGRAMS / "bzimage").read_bytes())
        if change:
            change(image)
        kernel, initrd = self.dir / "kernel", self.dir / "initrd"
        kernel.write_bytes(image)
        initrd.write_bytes(b"nird!")
        guest = g.Guest(
            "-accel", "kvm", "-M", "microvm", "-cpu", "host", "-m", "32",
            "-display", "none", "-serial", "stdio", "-monitor", "none", "-device",
            "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", kernel,
            "-initrd", initrd, "-append", "note this", *args)
        self.addCleanup(guest.kill)
        return guest.wait(120), guest.text

    def firmware(self, name):
        found = g.fetched("peer-qemu-10") / "usr/share" / name
        if not found.exists():
            raise unittest.SkipTest(f"no {name}")
        return found

    def test_32_bit_protocol(self):
        self.assertEqual(self.kernel(), (43, "0PHCI\n"))

    def test_qboot_enters_the_set_up_code(self):
        status, text = self.kernel("-bios", self.firmware("qemu/qboot.rom"))
        self.assertEqual((status, text[-7:]), (43, "R0PHCI\n"))

    def test_seabios_enters_the_set_up_code(self):
        status, text = self.kernel(
            "-bios", self.firmware("seabios/bios-microvm.bin"))
        self.assertIn("SeaBIOS", text)
        self.assertEqual((status, text[-7:]), (43, "R0PHCI\n"))

    def refused(self, change, why):
        status, text = self.kernel(change=change)
        self.assertEqual(status, 1)
        self.assertIn(why, text)
        self.assertEqual(text.count("\n"), 1)

    def test_bad_images_say_what_is_wrong(self):
        def put(at, *values):
            def change(image):
                image[at:at + len(values)] = bytes(values)
            return change

        def cut(image):
            del image[0x300:]

        self.refused(put(0x206, 3, 2), "boot protocol 2.3 is too old")
        self.refused(put(0x211, 0), "too old")
        self.refused(put(0x214, 0, 0, 0, 2),
                     "entry 0x2000000 is outside of the kernel")
        self.refused(put(0x260, 0, 0, 0, 0x40),
                     "wants 1024 MiB of memory at 0x200000")
        self.refused(cut, "ends within its 1024 bytes of set-up code")
        self.refused(put(0x202, 0), "neither a bzImage nor an ELF file")


class Control(KvmTest):
    """The machine from outside, while a program loops."""

    def qmp(self, name):
        return Qmp(self.dir / name)

    def loop(self, name, *args, accel="kvm"):
        guest = self.run_guest("loop", *args, "-qmp",
                               f"unix:{self.dir / name},server=on,wait=off",
                               accel=accel)
        self.addCleanup(guest.kill)
        return guest

    def counter(self, qmp):
        path = self.dir / "word"
        qmp.command("pmemsave", val=0x200000, size=4, filename=str(path))
        return int.from_bytes(path.read_bytes(), "little")

    def test_stop_stands_and_cont_goes_on(self):
        guest = self.loop("a")
        guest.expect("S")
        qmp = self.qmp("a")
        qmp.command("stop")
        first = self.counter(qmp)
        time.sleep(0.1)
        self.assertEqual(self.counter(qmp), first)
        qmp.command("cont")
        until = time.monotonic() + 20 * g.SLOW
        while self.counter(qmp) == first and time.monotonic() < until:
            time.sleep(0.05)
        self.assertGreater(self.counter(qmp), first)
        qmp.command("quit")
        self.assertEqual(guest.wait(), 0)
        qmp.close()

    def migrate_a_running_guest(self, accel):
        guest = self.loop("a", accel=accel)
        guest.expect("S")
        a = self.qmp("a")
        until = time.monotonic() + 20 * g.SLOW
        while self.counter(a) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        uri = f"unix:{self.dir / 'stream'}"
        other = self.loop("b", "-incoming", uri, accel=accel)
        b = self.qmp("b")
        a.migrate(uri)
        b.event("RESUME")
        first = self.counter(b)
        self.assertGreaterEqual(first, 3)
        until = time.monotonic() + 20 * g.SLOW
        while self.counter(b) < first + 2 and time.monotonic() < until:
            time.sleep(0.05)
        self.assertGreaterEqual(self.counter(b), first + 2)
        # each pass compares every page with the last one
        self.assertNotIn("X", other.text)
        for qmp in (a, b):
            qmp.command("quit")
            qmp.close()

    def test_migrates_while_it_writes_by_dirty_log(self):
        self.migrate_a_running_guest("kvm")

    def test_migrates_while_it_writes_by_dirty_ring(self):
        self.migrate_a_running_guest("kvm,dirty-ring-size=4096")


class Debug(KvmTest):
    def setUp(self):
        super().setUp()
        port = g.free_port()
        self.guest = self.run_guest("loop", "-S", "-gdb",
                                    f"tcp:127.0.0.1:{port}")
        self.addCleanup(self.guest.kill)
        self.rsp = Rsp(port)
        self.addCleanup(self.rsp.close)
        self.counted = symbol(PROGRAMS / "loop.elf", "counted")

    def rip(self):
        return int.from_bytes(bytes.fromhex(self.rsp.ask("p10")), "little")

    def word(self, addr):
        return int.from_bytes(bytes.fromhex(self.rsp.ask(f"m{addr:x},4")),
                              "little")

    def go_to_counted(self, points):
        """Set @points, go on, and stop at `counted`; the reply to c."""
        for p in points:
            self.assertEqual(self.rsp.ask(f"Z0,{p:x},1"), "OK")
        reply = self.rsp.ask("c")
        for p in points:
            self.assertEqual(self.rsp.ask(f"z0,{p:x},1"), "OK")
        return reply

    def test_breakpoint_then_single_step(self):
        self.assertEqual(self.go_to_counted([self.counted])[:3], "T05")
        self.assertEqual(self.rip(), self.counted)
        self.assertEqual(self.rsp.ask("s")[:3], "T05")
        self.assertEqual(self.rip(), self.counted + 1)  # inc %ebx

    def test_fifth_breakpoint_is_an_insn(self):
        unused = [0x300000 + 16 * i for i in range(4)]
        before = self.rsp.ask(f"m{self.counted:x},1")
        reply = self.go_to_counted(unused + [self.counted])
        if reply.startswith("T06") and "internal-error" in self.guest.text:
            raise unittest.SkipTest("this software KVM has no INT3")
        self.assertEqual(reply[:3], "T05")
        self.assertEqual(self.rip(), self.counted)
        self.assertEqual(self.rsp.ask(f"m{self.counted:x},1"), before)

    def test_watchpoint_stops_behind_the_write(self):
        self.assertEqual(self.rsp.ask("Z2,200000,4"), "OK")
        self.rsp.socket.settimeout(4 * g.SLOW)
        try:
            reply = self.rsp.ask("c")
        except TimeoutError as late:
            raise unittest.SkipTest(
                "this software KVM does not watch data") from late
        self.assertIn("watch:200000", reply)
        self.assertEqual(self.word(0x200000), 1)
        self.assertEqual(self.rip(), self.counted)


def symbol(path, name):
    """Value of a symbol of a 32-bit ELF file."""
    nm = g.tool("nm", "binutils")
    for line in g.answer(nm, str(path)).splitlines():
        if line.split()[-1] == name:
            return int(line.split()[0], 16)
    raise ValueError(name)


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
