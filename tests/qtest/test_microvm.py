#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices of the x86-64 microvm board, driven through the qtest protocol."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import test_virt as v  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position

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


if __name__ == "__main__":
    tap.main()
