#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices of the x86-64 microvm board, driven through the qtest protocol."""

import pathlib
import re
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import test_virt as v  # pylint: disable=wrong-import-position
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position

IOAPIC, IOAPIC2, GED, VIRTIO = 0xfec00000, 0xfec10000, 0xfea00000, 0xfeb00000


def machine(*args, options=""):
    return v.QTest(*args, machine="microvm" + options)


def port_in(q, size, port):
    return int(q.ask("in" + size, port)[0], 16)


class Devices(GuestTest):
    def test_com1_loops_back(self):
        with machine() as q:
            q.ask("outb", 0x3fa, 1)
            q.ask("outb", 0x3fc, 0x10)
            for byte in b"tandem":
                q.ask("outb", 0x3f8, byte)
            self.assertEqual(
                bytes(port_in(q, "b", 0x3f8) for _ in range(6)), b"tandem")

    def test_com1_can_be_left_out(self):
        with machine(options=",isa-serial=off") as q:
            self.assertEqual(port_in(q, "b", 0x3fd), 0xff)

    def test_ports_of_nobody_read_ones(self):
        with machine() as q:
            self.assertEqual(port_in(q, "l", 0x1230), 0xffffffff)
            q.ask("outl", 0x1230, 1)

    def ioapic(self, q, index, value=None, base=IOAPIC):
        q.write("l", base, index)
        if value is None:
            return q.read("l", base + 0x10)
        q.write("l", base + 0x10, value)
        return None

    def test_ioapic_registers(self):
        with machine() as q:
            self.assertEqual(self.ioapic(q, 1) >> 16 & 0xff, 23)
            self.assertEqual(self.ioapic(q, 0x10), 0x10000)  # masked
            self.ioapic(q, 0, 0xf000000)
            self.assertEqual(self.ioapic(q, 0), 0xf000000)
            # delivery status and remote IRR cannot be written (3.2.4)
            self.ioapic(q, 0x18, 0xffffffff)
            self.assertEqual(self.ioapic(q, 0x18), 0x1afff)
            self.ioapic(q, 0x19, 0xff000000)
            self.assertEqual(self.ioapic(q, 0x19), 0xff000000)
            self.assertEqual(self.ioapic(q, 0x40), 0)  # beyond entry 23

    def test_level_interrupt_waits_for_its_end(self):
        with machine() as q:
            self.ioapic(q, 0x18, 0x8040)  # pin 4, level, vector 0x40
            q.ask("outb", 0x3f9, 2)       # THR empty
            self.assertTrue(self.ioapic(q, 0x18) & 1 << 14)
            q.ask("outb", 0x3f9, 0)
            q.write("l", IOAPIC + 0x40, 0x40)
            self.assertFalse(self.ioapic(q, 0x18) & 1 << 14)

    def test_second_ioapic_has_virtio_slots(self):
        with machine(options=",ioapic2=on") as q:
            self.assertEqual(self.ioapic(q, 1, base=IOAPIC2) >> 16 & 0xff, 23)
            self.assertEqual(q.read("l", VIRTIO + 23 * 0x200), 0x74726976)
        with machine() as q:
            self.assertEqual(q.read("l", VIRTIO + 7 * 0x200), 0x74726976)
            self.assertNotEqual(q.read("l", VIRTIO + 8 * 0x200), 0x74726976)

    def test_fw_cfg_on_ports(self):
        with machine() as q:
            q.ask("outw", 0x510, 0)
            self.assertEqual(
                bytes(port_in(q, "b", 0x511) for _ in range(4)), b"QEMU")

    def test_fw_cfg_read_goes_on_in_another_process(self):
        request = struct.pack(">IIQ", 8 | 2, 24 << 20, 16 << 20)
        options = ("-m", 64, "-qmp")

        def monitor(name):
            return f"unix:{self.dir / name},server=on,wait=off"

        with machine(*options, monitor("a")) as q:
            q.write_bytes(0x1000, request)
            for at in (16, 40):  # MiB: its last bytes, and those behind
                q.write_bytes((at << 20) - 8, b"tandem!!" * 2)
            q.ask("outl", 0x514, 0)
            q.ask("outl", 0x518, 0x00100000)  # 0x1000, big-endian
            qmp = Qmp(self.dir / "a")
            qmp.migrate(f"file:{self.dir / 'state'}")
            qmp.close()
        with machine(*options, monitor("b"), "-incoming", "defer") as q:
            qmp = Qmp(self.dir / "b")
            self.addCleanup(qmp.close)
            qmp.command("migrate-incoming", uri=f"file:{self.dir / 'state'}")
            qmp.event("RESUME")
            while (control := q.read("l", 0x1000)) == 0x0a000000:
                pass
            self.assertEqual(control, 0)
            self.assertEqual(q.read_bytes((16 << 20) - 8, 16),
                             b"tandem!!QEMU\0\0\0\0")
            self.assertEqual(q.read_bytes((40 << 20) - 8, 16),
                             bytes(8) + b"tandem!!")

    def test_power_off_and_debug_exit(self):
        with machine() as q:
            q.write("b", GED + 0x200, 5 << 2 | 1 << 5)
            self.assertEqual(q.wait(), 0)
        with machine("-device", "isa-debug-exit,iobase=0xf4,iosize=4") as q:
            q.ask("outl", 0xf4, 21)
            self.assertEqual(q.wait(), 43)

    def test_pvpanic_tells_its_events(self):
        with machine("-device", "pvpanic") as q:
            self.assertEqual(port_in(q, "b", 0x505), 7)

    def test_debugcon_answers(self):
        with machine("-chardev", "null,id=c", "-device",
                     "isa-debugcon,chardev=c,iobase=0x402") as q:
            self.assertEqual(port_in(q, "b", 0x402), 0xe9)
            q.ask("outb", 0x402, 65)


class Clocks(GuestTest):
    """MC146818 and 8254, driven by the virtual clock."""

    BASE = ("-rtc", "base=2024-02-29T23:59:58,clock=vm")

    def cmos(self, q, index, value=None):
        q.ask("outb", 0x70, index)
        if value is not None:
            q.ask("outb", 0x71, value)
        return port_in(q, "b", 0x71)

    def time(self, q):
        """Year to second, as the registers say it."""
        return tuple(self.cmos(q, i) for i in (0x32, 9, 8, 7, 6, 4, 2, 0))

    def rtc(self, *args):
        return machine(*self.BASE, *args, options=",rtc=on")

    def interrupt(self, q, pin):
        """Is the line up? As level-triggered, it waits for its end."""
        q.write("l", IOAPIC, 0x10 + 2 * pin)
        q.write("l", IOAPIC + 0x10, 0x8040 + pin)
        q.write("l", IOAPIC + 0x40, 0x40 + pin)
        return bool(q.read("l", IOAPIC + 0x10) & 1 << 14)

    def test_rtc_tells_the_time_in_bcd_binary_and_halves(self):
        with self.rtc() as q:
            self.assertEqual(self.time(q), (0x20, 0x24, 2, 0x29, 5, 0x23,
                                            0x59, 0x58))
            self.cmos(q, 0xb, 4)  # binary, 12 hours
            self.assertEqual(self.time(q), (20, 24, 2, 29, 5, 0x8b, 59, 58))
            q.ask("clock_step", 2 * 10**9)
            self.assertEqual(self.time(q), (20, 24, 3, 1, 6, 12, 0, 0))
            self.assertEqual(self.cmos(q, 0xd), 0x80)

    def test_rtc_is_set_while_it_stands(self):
        with self.rtc() as q:
            self.cmos(q, 0xb, 0x82)
            for index, value in ((0, 0x56), (2, 0x34), (4, 0x12), (7, 0x31),
                                 (8, 0x12), (9, 0x99), (0x32, 0x19)):
                self.cmos(q, index, value)
            q.ask("clock_step", 5 * 10**9)
            self.assertEqual(self.cmos(q, 0), 0x56)
            self.cmos(q, 0xb, 2)
            q.ask("clock_step", 4 * 10**9)
            self.assertEqual(self.time(q), (0x19, 0x99, 0x12, 0x31, 6, 0x12,
                                            0x35, 0))

    def test_rtc_first_update_is_half_a_second_after_the_divider(self):
        with self.rtc() as q:
            q.ask("clock_step", 700_000_000)
            self.cmos(q, 0xa, 0x76)
            self.assertEqual(self.cmos(q, 0), 0x58)
            q.ask("clock_step", 3 * 10**9)
            self.cmos(q, 0xa, 0x26)
            q.ask("clock_step", 499_999_999)
            self.assertEqual(self.cmos(q, 0), 0x58)
            q.ask("clock_step", 1)
            self.assertEqual(self.cmos(q, 0), 0x59)

    def test_rtc_takes_any_century(self):
        with self.rtc() as q:
            for year in (0x9999, 0x2300, 0x0001):
                self.cmos(q, 0xb, 0x82)
                self.cmos(q, 9, year & 0xff)
                self.cmos(q, 0x32, year >> 8)
                self.cmos(q, 0xb, 2)
                self.assertEqual(self.time(q)[:2], (year >> 8, year & 0xff))

    def test_rtc_warns_of_an_update_and_flags_it(self):
        with self.rtc() as q:
            self.cmos(q, 0xc)
            q.ask("clock_step", 999_700_000)
            self.assertFalse(self.cmos(q, 0xa) & 0x80)
            q.ask("clock_step", 100_000)
            self.assertTrue(self.cmos(q, 0xa) & 0x80)
            self.assertFalse(self.cmos(q, 0xc) & 0x10)
            q.ask("clock_step", 200_000)
            self.assertFalse(self.cmos(q, 0xa) & 0x80)
            self.assertEqual(self.cmos(q, 0xc) & 0x90, 0x10)
            self.assertEqual(self.cmos(q, 0xc) & 0x10, 0)

    def test_rtc_alarm_interrupts(self):
        with self.rtc() as q:
            for index, value in ((1, 0x03), (3, 0xff), (5, 0xc0)):
                self.cmos(q, index, value)
            self.cmos(q, 0xb, 0x22)
            q.ask("clock_step", 4_999_999_999)
            self.assertFalse(self.interrupt(q, 8))
            q.ask("clock_step", 1)
            self.assertTrue(self.interrupt(q, 8))
            self.assertEqual(self.cmos(q, 0xc) & 0xb0, 0xb0)
            self.assertFalse(self.interrupt(q, 8))

    def test_rtc_periodic_interrupt(self):
        with self.rtc() as q:
            self.cmos(q, 0xb, 0x42)  # 1024 Hz
            q.ask("clock_step", 976_562)
            self.assertFalse(self.interrupt(q, 8))
            q.ask("clock_step", 1)
            self.assertTrue(self.interrupt(q, 8))
            self.assertEqual(self.cmos(q, 0xc), 0xc0)
            self.cmos(q, 0xb, 0xc2)  # the time stands, the divider does not
            q.ask("clock_step", 976_563)
            self.assertTrue(self.interrupt(q, 8))
            self.assertEqual(self.cmos(q, 0xc), 0xc0)

    def test_rtc_keeps_memory_sizes_and_bytes_through_reset(self):
        path = self.dir / "qmp"
        with self.rtc("-m", "64", "-qmp",
                      f"unix:{path},server=on,wait=off") as q:
            qmp = Qmp(path)
            self.addCleanup(qmp.close)
            self.cmos(q, 0x40, 0x5a)
            self.cmos(q, 0xb, 0x42)
            self.assertEqual(self.cmos(q, 0x34) | self.cmos(q, 0x35) << 8,
                             48 * 16)
            qmp.command("system_reset")
            qmp.event("RESET")
            self.assertEqual(self.cmos(q, 0x40), 0x5a)
            self.assertEqual(self.cmos(q, 0xb), 2)

    def pit(self, *args):
        return machine(*args, options=",pit=on")

    def load(self, q, counter, control, count):
        q.ask("outb", 0x43, counter << 6 | control)
        q.ask("outb", 0x40 + counter, count & 0xff)
        q.ask("outb", 0x40 + counter, count >> 8)

    def count(self, q, counter):
        """Latched by read-back: (output, count)."""
        q.ask("outb", 0x43, 0xc0 | 2 << counter)
        status, low, high = (port_in(q, "b", 0x40 + counter)
                             for _ in range(3))
        return status >> 7, low | high << 8

    @staticmethod
    def pulses(n):
        return (n * 10**9 + 1193181) // 1193182

    def test_pit_rate_generator(self):
        with self.pit() as q:
            self.load(q, 0, 0x34, 11932)
            q.ask("clock_step", self.pulses(5965))
            self.assertEqual(self.count(q, 0), (1, 11932 - 5965))
            q.ask("clock_step", self.pulses(11931) - self.pulses(5965))
            self.assertEqual(self.count(q, 0), (0, 1))
            q.ask("clock_step", self.pulses(11933) - self.pulses(11931))
            self.assertEqual(self.count(q, 0), (1, 11931))

    def test_pit_square_wave_and_bcd(self):
        with self.pit() as q:
            self.load(q, 0, 0x36, 1000)
            q.ask("clock_step", self.pulses(250))
            self.assertEqual(self.count(q, 0), (1, 500))
            q.ask("clock_step", self.pulses(750) - self.pulses(250))
            self.assertEqual(self.count(q, 0), (0, 500))
            self.load(q, 1, 0x35, 0x1000)
            q.ask("clock_step", self.pulses(100))
            self.assertEqual(self.count(q, 1), (1, 0x0900))

    def test_pit_illegal_period_of_one_has_no_edges(self):
        with self.pit() as q:
            for mode in 0x34, 0x36:
                self.load(q, 0, mode, 1)
                before = q.ask("clock_step", 1)
                self.assertEqual(q.ask("clock_step"), before)  # no timer

    def test_pit_terminal_count_interrupts(self):
        with self.pit() as q:
            self.load(q, 0, 0x30, 1000)
            q.ask("clock_step", self.pulses(1000) - 1)
            self.assertEqual(self.count(q, 0), (0, 1))
            self.assertFalse(self.interrupt(q, 0))
            q.ask("clock_step", 1)
            self.assertTrue(self.interrupt(q, 0))
            q.ask("clock_step", self.pulses(1010) - self.pulses(1000))
            self.assertEqual(self.count(q, 0), (1, 0x10000 - 10))

    def test_pit_latch_stands_until_read(self):
        with self.pit() as q:
            self.load(q, 0, 0x34, 5000)
            q.ask("clock_step", self.pulses(100))
            q.ask("outb", 0x43, 0x00)
            q.ask("clock_step", self.pulses(100))
            self.assertEqual(port_in(q, "b", 0x40) |
                             port_in(q, "b", 0x40) << 8, 4900)
            self.assertLessEqual(port_in(q, "b", 0x40) |
                                 port_in(q, "b", 0x40) << 8, 4801)

    def test_pit_gate_of_counter_2_holds_it(self):
        with self.pit() as q:
            self.load(q, 2, 0x30, 1000)
            q.ask("clock_step", self.pulses(5000))
            self.assertEqual(self.count(q, 2), (0, 1000))

    def saved(self, name, *args):
        path = self.dir / name
        q = machine(*self.BASE, "-qmp", f"unix:{path},server=on,wait=off",
                    *args, options=",rtc=on,pit=on")
        self.addCleanup(q.__exit__)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        return q, qmp

    def test_clocks_go_on_in_another_process(self):
        q, qmp = self.saved("a")
        self.load(q, 0, 0x34, 60000)
        self.load(q, 2, 0x30, 1000)
        for index, value in ((1, 0x03), (3, 0xff), (5, 0xff), (0xb, 0x22)):
            self.cmos(q, index, value)
        q.ask("clock_step", 4 * 10**9)
        before = self.count(q, 0)
        qmp.migrate(f"file:{self.dir / 'state'}")
        q, qmp = self.saved("b", "-incoming", "defer")
        q.ask("clock_set", 4 * 10**9)  # under qtest, time is the test's
        qmp.command("migrate-incoming", uri=f"file:{self.dir / 'state'}")
        qmp.event("RESUME")
        self.assertEqual(self.count(q, 0), before)
        self.assertEqual(self.count(q, 2), (0, 1000))
        self.assertEqual(self.cmos(q, 0), 2)
        self.assertFalse(self.interrupt(q, 8))
        q.ask("clock_step", 10**9)
        self.assertTrue(self.interrupt(q, 8))


class Pic(GuestTest):
    """The 8259s, whose poll command is an acknowledge without a CPU."""

    MASTER, SLAVE = 0x20, 0xa0

    def machine(self, *args):
        q = machine("-rtc", "base=2026-11-22T10:30:58,clock=vm", *args,
                    options=",rtc=on,pit=on,pic=on")
        self.addCleanup(q.__exit__)
        return q

    def ready(self, *args, icw4=1):
        """Set up as PCs do; nothing asks yet."""
        q = self.machine(*args)
        for chip, words in ((self.MASTER, (0x20, 4)), (self.SLAVE, (0x28, 2))):
            q.ask("outb", chip, 0x11)
            for word in (*words, icw4):
                q.ask("outb", chip + 1, word)
        return q

    def reads(self, q, chip, ocw3):
        q.ask("outb", chip, ocw3)
        return port_in(q, "b", chip)

    def poll(self, q, chip=MASTER):
        return self.reads(q, chip, 0x0c)

    def irr(self, q, chip=MASTER):
        return self.reads(q, chip, 0x0a)

    def isr(self, q, chip=MASTER):
        return self.reads(q, chip, 0x0b)

    def serial(self, q):
        """An edge on line 4."""
        q.ask("outb", 0x3f9, 0)
        q.ask("outb", 0x3f9, 2)

    def tick(self, q):
        """An edge on line 0: counter 0 of the 8254, mode 0, by two pulses."""
        q.ask("outb", 0x43, 0x30)
        q.ask("outb", 0x40, 1)
        q.ask("outb", 0x40, 0)
        q.ask("clock_step", 10000)

    def test_masks_are_kept_and_hold_back(self):
        q = self.ready()
        q.ask("outb", 0x21, 0x10)
        self.assertEqual(port_in(q, "b", 0x21), 0x10)
        self.serial(q)
        self.assertEqual(self.irr(q) & 0x10, 0x10)
        self.assertEqual(self.poll(q), 0)
        q.ask("outb", 0x21, 0)
        self.assertEqual(self.poll(q), 0x84)
        self.assertEqual((self.irr(q) & 0x10, self.isr(q)), (0, 0x10))

    def test_higher_lines_interrupt_lower_ones(self):
        q = self.ready()
        self.serial(q)
        self.assertEqual(self.poll(q), 0x84)
        self.serial(q)
        self.assertEqual(self.poll(q), 0)  # its own level is in service
        self.tick(q)
        self.assertEqual(self.poll(q), 0x80)
        self.assertEqual(self.isr(q), 0x11)
        q.ask("outb", 0x20, 0x20)  # the highest in service ends
        self.assertEqual(self.isr(q), 0x10)
        q.ask("outb", 0x20, 0x64)  # this one
        self.assertEqual(self.isr(q), 0)
        self.assertEqual(self.poll(q), 0x84)

    def test_priorities_rotate(self):
        q = self.ready()
        q.ask("outb", 0x20, 0xc0)  # line 0 is the lowest
        self.tick(q)
        self.serial(q)
        self.assertEqual(self.poll(q), 0x84)
        q.ask("outb", 0x20, 0xa0)  # ends, and is the lowest from now on
        self.serial(q)
        self.assertEqual(self.poll(q), 0x80)

    def test_special_mask_lets_lower_lines_in(self):
        q = self.ready()
        self.tick(q)
        self.assertEqual(self.poll(q), 0x80)
        self.serial(q)
        self.assertEqual(self.poll(q), 0)
        q.ask("outb", 0x21, 1)
        q.ask("outb", 0x20, 0x68)
        self.assertEqual(self.poll(q), 0x84)

    def test_automatic_end(self):
        q = self.ready(icw4=3)
        self.serial(q)
        self.assertEqual((self.poll(q), self.isr(q)), (0x84, 0))

    def rtc_interrupts(self, q):
        """Line 8: the update-ended interrupt."""
        for index, value in ((0xa, 0x26), (0xb, 0x12)):
            q.ask("outb", 0x70, index)
            q.ask("outb", 0x71, value)
        q.ask("clock_step", 2 * 10**9)

    def test_slave_asks_through_line_2(self):
        q = self.ready()
        self.rtc_interrupts(q)
        self.assertEqual(self.irr(q) & 4, 4)
        self.assertEqual(self.poll(q), 0x82)
        self.assertEqual(self.poll(q, self.SLAVE), 0x80)
        self.assertEqual(self.isr(q, self.SLAVE), 1)
        self.assertEqual(self.poll(q), 0)

    def test_level_lines_ask_as_long_as_they_are_up(self):
        q = self.ready()
        q.ask("outb", 0x4d0, 0xff)
        self.assertEqual(port_in(q, "b", 0x4d0), 0xf8)  # 0 to 2 are edges
        self.serial(q)
        self.assertEqual(self.poll(q), 0x84)
        q.ask("outb", 0x20, 0x20)
        self.assertEqual(self.poll(q), 0x84)
        q.ask("outb", 0x20, 0x20)
        q.ask("outb", 0x3f9, 0)
        self.assertEqual(self.poll(q), 0)

    def test_set_up_forgets_masks_and_service(self):
        q = self.ready()
        q.ask("outb", 0x21, 0xaa)
        self.serial(q)
        q.ask("outb", 0x21, 0)
        self.assertEqual(self.poll(q), 0x84)
        q.ask("outb", 0x20, 0x11)
        self.assertEqual(self.isr(q), 0)
        for word in (0x20, 4, 1):
            q.ask("outb", 0x21, word)
        self.assertEqual(port_in(q, "b", 0x21), 0)

    def test_goes_on_in_another_process(self):
        path = self.dir / "a"
        q = self.ready("-qmp", f"unix:{path},server=on,wait=off")
        q.ask("outb", 0x4d0, 0x20)
        self.serial(q)
        self.assertEqual(self.poll(q), 0x84)
        self.tick(q)
        q.ask("outb", 0xa1, 0x7f)
        qmp = Qmp(path)
        qmp.migrate(f"file:{self.dir / 'state'}")
        qmp.close()
        path = self.dir / "b"
        q = self.machine("-qmp", f"unix:{path},server=on,wait=off",
                         "-incoming", "defer")
        q.ask("clock_set", 10**9)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        qmp.command("migrate-incoming", uri=f"file:{self.dir / 'state'}")
        qmp.event("RESUME")
        self.assertEqual(self.isr(q), 0x10)
        self.assertEqual(self.poll(q), 0x80)
        self.assertEqual(port_in(q, "b", 0xa1), 0x7f)
        self.assertEqual(port_in(q, "b", 0x4d0), 0x20)


class Tables(GuestTest):
    """What a kernel that is started directly finds in memory: ACPI 6.4 and
    the MultiProcessor Specification 1.4; and that the registers which the
    tables name do what they say."""

    def kernel(self):
        """An ELF file of one insn with a PVH note (Xen, pvh.pandoc)."""
        note = struct.pack("<3I4sI", 4, 4, 18, b"Xen", 0x100000)
        elf = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1,
                          0x100000, 52, 0, 0, 52, 32, 2, 0, 0, 0)
        for kind, at, addr, size in ((1, 0x100, 0x100000, 16),
                                     (4, 0x80, 0, len(note))):
            elf += struct.pack("<8I", kind, at, addr, addr, size, size, 7, 4)
        path = self.dir / "kernel"
        path.write_bytes((elf.ljust(0x80, b"\0") + note).ljust(0x100, b"\0") +
                         b"\xf4" * 16)
        return path

    def start(self, *args, options=""):
        path = self.dir / "qmp"
        q = machine("-kernel", self.kernel(), "-qmp",
                    f"unix:{path},server=on,wait=off", *args, options=options)
        self.addCleanup(q.__exit__)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        return q, qmp

    def summed(self, data):
        self.assertEqual(sum(data) & 0xff, 0)
        return data

    def table(self, q, at):
        size = int.from_bytes(q.read_bytes(at + 4, 4), "little")
        return self.summed(q.read_bytes(at, size))

    def acpi(self, q):
        """{signature: table} of what the root pointer leads to."""
        rsdp = q.read_bytes(0xe0000, 36)
        self.assertEqual(rsdp[:8], b"RSD PTR ")
        self.summed(rsdp[:20])
        self.summed(rsdp)
        xsdt = self.table(q, struct.unpack_from("<Q", rsdp, 24)[0])
        found = {xsdt[:4]: xsdt}
        for at in struct.iter_unpack("<Q", xsdt[36:]):
            table = self.table(q, at[0])
            found[table[:4]] = table
        dsdt = self.table(q, struct.unpack_from("<Q", found[b"FACP"], 140)[0])
        return dict(found, DSDT=dsdt)

    def register(self, fadt, at):
        """Address of a generic address (5.2.3.2): memory, one byte."""
        space, bits, shift, access, addr = struct.unpack_from("<4BQ", fadt, at)
        self.assertEqual((space, bits, shift), (0, 8, 0))
        self.assertIn(access, (0, 1))
        return addr

    def test_reset_register_resets(self):
        q, qmp = self.start()
        fadt = self.acpi(q)[b"FACP"]
        flags, = struct.unpack_from("<I", fadt, 112)
        self.assertTrue(flags >> 20 & 1)  # HW_REDUCED_ACPI
        self.assertTrue(flags >> 10 & 1)  # RESET_REG_SUP
        at = self.register(fadt, 116)
        q.write("b", at, fadt[128] ^ 1)  # another value does nothing
        q.write("b", at, fadt[128])
        self.assertIs(qmp.event("RESET")["data"]["guest"], True)

    def test_reset_register_ends_with_no_reboot(self):
        q, _ = self.start("-no-reboot")
        fadt = self.acpi(q)[b"FACP"]
        q.write("b", self.register(fadt, 116), fadt[128])
        self.assertEqual(q.wait(), 0)

    def test_sleep_register_powers_off_by_what_s5_says(self):
        q, qmp = self.start()
        tables = self.acpi(q)
        control = self.register(tables[b"FACP"], 244)
        self.assertEqual(self.register(tables[b"FACP"], 256), control + 1)
        # Name (\\_S5, Package (4) { byte, ...: ACPI 20.2.5
        found = re.search(rb"\x08\\?_S5_\x12.\x04\x0a(.)", tables["DSDT"],
                          re.DOTALL)
        kind = found.group(1)[0]
        q.write("b", control, (kind ^ 1) << 2 | 1 << 5)  # no such sleep
        q.write("b", control, kind << 2)                 # not enabled
        self.assertEqual(qmp.command("query-status")["running"], True)
        q.write("b", control, kind << 2 | 1 << 5)
        self.assertIs(qmp.event("SHUTDOWN")["data"]["guest"], True)
        self.assertEqual(q.wait(), 0)

    def test_power_button_interrupts_and_is_told_once(self):
        q, qmp = self.start()
        dsdt = self.acpi(q)["DSDT"]
        for name in (b"ACPI0013", b"\x41\xd0\x0c\x0c", b"_EVT"):  # PNP0C0C
            self.assertIn(name, dsdt)
        # OperationRegion (EREG, SystemMemory, address, 4)
        at, = struct.unpack(
            "<I", re.search(rb"\x5b\x80EREG\x00\x0c(.{4})\x0a\x04", dsdt,
                            re.DOTALL).group(1))
        q.write("l", IOAPIC, 0x10 + 2 * 9)
        q.write("l", IOAPIC + 0x10, 0x8049)
        self.assertEqual(q.read("l", at), 0)
        qmp.command("system_powerdown")
        qmp.event("POWERDOWN")
        q.write("l", IOAPIC, 0x10 + 2 * 9)
        self.assertTrue(q.read("l", IOAPIC + 0x10) & 1 << 14)
        self.assertEqual(q.read("l", at), 2)
        self.assertEqual(q.read("l", at), 0)

    def test_madt_names_cpus_and_ioapics(self):
        q, _ = self.start("-smp", "3", options=",ioapic2=on")
        madt, found = self.acpi(q)[b"APIC"], []
        self.assertEqual(struct.unpack_from("<I", madt, 36)[0], 0xfee00000)
        at = 44
        while at < len(madt):
            found.append(madt[at:at + madt[at + 1]])
            at += madt[at + 1]
        self.assertEqual([e[3] for e in found if e[0] == 0], [0, 1, 2])
        self.assertEqual([struct.unpack_from("<II", e, 4) for e in found
                          if e[0] == 1], [(IOAPIC, 0), (IOAPIC2, 24)])

    def mp_table(self, q):
        """The entries of the configuration table, found as 4.1 says."""
        for base, size in ((0x9fc00, 0x400), (0xf0000, 0x10000)):
            memory = q.read_bytes(base, size)
            for at in range(0, size, 16):
                if memory[at:at + 4] == b"_MP_":
                    self.summed(memory[at:at + 16])
                    where, = struct.unpack_from("<I", memory, at + 4)
                    return self.mp_entries(q, where)
        return self.fail("no _MP_")

    def mp_entries(self, q, where):
        head = q.read_bytes(where, 44)
        self.assertEqual(head[:4], b"PCMP")
        size, count = (int.from_bytes(head[i:i + 2], "little")
                       for i in (4, 34))
        table = self.summed(q.read_bytes(where, size))
        at, entries = 44, []
        for _ in range(count):
            step = 20 if table[at] == 0 else 8
            entries.append(table[at:at + step])
            at += step
        self.assertEqual(at, size)
        return entries

    def test_mp_table(self):
        q, _ = self.start("-smp", "2", options=",acpi=off")
        entries = self.mp_table(q)
        cpus = [e for e in entries if e[0] == 0]
        self.assertEqual([(e[1], e[3]) for e in cpus], [(0, 3), (1, 1)])
        self.assertEqual([e[2:8] for e in entries if e[0] == 1], [b"ISA   "])
        self.assertEqual([struct.unpack_from("<I", e, 4)[0]
                          for e in entries if e[0] == 2], [IOAPIC])
        serial = [e for e in entries if e[0] == 3 and e[5] == 4]
        self.assertEqual([e[7] for e in serial], [4])
        self.assertEqual([e[1] for e in entries if e[0] == 4], [3, 1])

    def test_mp_table_of_many_cpus(self):
        q, _ = self.start("-smp", "64", options=",acpi=off")
        cpus = [e for e in self.mp_table(q) if e[0] == 0]
        self.assertEqual([e[1] for e in cpus], list(range(64)))


if __name__ == "__main__":
    tap.main()
