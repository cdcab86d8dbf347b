# SPDX-License-Identifier: GPL-2.0-or-later
"""A VirtIO PCI driver that speaks through the qtest protocol.

VIRTIO 1.2: 3.1.1 (initialization), 4.1 (PCI, modern), 2.7 (split rings).
"""

import struct
import time

import guest as g

ECAM, PCI_MMIO, RAM = 0x30000000, 0x40000000, 0x80000000
F_VERSION_1 = 1 << 32
NEXT, WRITE = 1, 2


class Queue:
    """A split ring of @size at @base, of 4 KiB, with 256 KiB of buffers:
    2 KiB for each descriptor to write to, and to read from."""

    def __init__(self, device, index, size, base):
        self.device, self.q, self.index = device, device.q, index
        self.size, self.base = size, base
        self.avail, self.used = base + 0x400, base + 0x800
        self.buffers = base + 0x1000
        self.next, self.posted, self.seen = 0, 0, 0
        self.q.write_bytes(base, bytes(0x1000))

    def add(self, readable=b"", writable=0, chunk=1 << 20):
        """Make one chain available; returns where its writable part is."""
        inside = self.buffers + self.next * 0x800
        parts, at = [], inside + 0x20000
        for i in range(0, len(readable), chunk):
            parts.append((at, readable[i:i + chunk], 0))
            self.q.write_bytes(at, readable[i:i + chunk])
            at += len(parts[-1][1])
        if writable:
            parts.append((inside, bytes(writable), WRITE))
        head = self.next
        table = b""
        for i, (addr, data, flags) in enumerate(parts):
            more = i + 1 < len(parts)
            table += struct.pack("<QIHH", addr, len(data),
                                 flags | (NEXT if more else 0),
                                 (head + i + 1) % self.size)
        assert head + len(parts) <= self.size
        self.q.write_bytes(self.base + 16 * head, table)
        self.q.write("w", self.avail + 4 + 2 * (self.posted % self.size),
                     head)
        self.next = (head + len(parts)) % self.size
        self.posted += 1
        self.q.write("w", self.avail + 2, self.posted & 0xffff)
        return inside

    def kick(self):
        self.q.write("w", self.device.notify_addr(self.index), self.index)

    def done(self, seconds=None):
        """Wait for a used element, which comes when @seconds are not given;
        its bytes written, None when none comes."""
        until = time.monotonic() + (seconds * g.SLOW if seconds is not None
                                    else 5 * g.PATIENCE)
        while self.q.read("w", self.used + 2) == self.seen & 0xffff:
            if time.monotonic() > until:
                return None
        at = self.used + 4 + 8 * (self.seen % self.size)
        self.seen += 1
        return self.q.read("q", at) >> 32


class Device:
    """A modern device at @devfn of @bus, with its BAR at @window."""

    def __init__(self, q, devfn, window=PCI_MMIO, bus=0):
        self.q, self.window = q, window
        self.config = ECAM + (bus << 20) + (devfn << 12)
        self.caps = {}
        at = q.read("b", self.config + 0x34)
        while at:
            if q.read("b", self.config + at) == 9:
                kind = q.read("b", self.config + at + 3)
                bar = q.read("b", self.config + at + 4)
                self.caps[kind] = (bar, q.read("l", self.config + at + 8))
                if kind == 2:
                    self.multiplier = q.read("l", self.config + at + 16)
            at = q.read("b", self.config + at + 1)
        self.bar = self.caps[1][0]
        q.write("l", self.config + 0x10 + 4 * self.bar, window)
        q.write("l", self.config + 0x14 + 4 * self.bar, 0)
        q.write("w", self.config + 4, 6)
        self.common = window + self.caps[1][1]
        self.isr = window + self.caps[3][1]
        self.device = window + self.caps[4][1] if 4 in self.caps else None

    def status(self):
        return self.q.read("b", self.common + 0x14)

    def features(self):
        out = 0
        for word in range(2):
            self.q.write("l", self.common, word)
            out |= self.q.read("l", self.common + 4) << 32 * word
        return out

    def start(self, features, queues, memory, size=64):
        """Take @features and set up @queues; rings are at @memory."""
        q, c = self.q, self.common
        for status in (0, 1, 3):
            q.write("b", c + 0x14, status)
        for word in range(2):
            q.write("l", c + 8, word)
            q.write("l", c + 0xc,
                    (features | F_VERSION_1) >> 32 * word & 0xffffffff)
        q.write("b", c + 0x14, 11)
        assert self.status() == 11, "the features were refused"
        self.queues, self.notify = {}, {}
        for i, index in enumerate(queues):
            ring = Queue(self, index, size, memory + i * 0x41000)
            q.write("w", c + 0x16, index)
            q.write("w", c + 0x18, size)
            q.write("q", c + 0x20, ring.base)
            q.write("q", c + 0x28, ring.avail)
            q.write("q", c + 0x30, ring.used)
            q.write("w", c + 0x1c, 1)
            self.notify[index] = q.read("w", c + 0x1e)
            self.queues[index] = ring
        q.write("b", c + 0x14, 15)
        return [self.queues[index] for index in queues]

    def notify_addr(self, index):
        return self.window + self.caps[2][1] + \
            self.notify[index] * self.multiplier
