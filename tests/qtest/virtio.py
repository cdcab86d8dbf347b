# SPDX-License-Identifier: GPL-2.0-or-later
"""A small VirtIO driver over qtest: MMIO and PCI transports, split rings.

Written to VIRTIO 1.2; section numbers are its. Guest RAM from HEAP on is the
drivers' own. A driver outlives its machine: after a migration .q is the new
process, and nothing else changes.
"""

import struct
import time

import guest as g
from test_virt import PLIC, RAM

HEAP = RAM + 0x200000
MMIO, ECAM = 0x10001000, 0x30000000
PCI_MEMORY, PCI_PREFETCH = 0x41000000, 0x48000000

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET = 1, 2, 4, 8, 64
INDIRECT, EVENT_IDX, VERSION_1 = 1 << 28, 1 << 29, 1 << 32
NEXT, WRITE = 1, 2


class Heap:
    """Hands out guest RAM and never takes it back."""

    def __init__(self, at=HEAP):
        self.at = at

    def take(self, size, align=16):
        at = -(-self.at // align) * align
        self.at = at + size
        return at


def put(q, addr, data):
    if data:
        q.ask("write", addr, len(data), "0x" + data.hex())


def get(q, addr, size):
    return bytes.fromhex(q.ask("read", addr, size)[0][2:])


def wait(done, what="the device", seconds=10):
    """Poll until done() is true; its value."""
    until = time.monotonic() + seconds * g.PATIENCE
    while True:
        value = done()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"nothing from {what}")
        time.sleep(0.0005)


def interrupted(q, source):
    """Take the interrupt of a PLIC source for hart 0's M mode, if there."""
    q.write("l", PLIC + 4 * source, 1)
    word = PLIC + 0x2000 + 4 * (source // 32)
    q.write("l", word, 1 << source % 32)
    claimed = q.read("l", PLIC + 0x200004)
    if claimed:
        q.write("l", PLIC + 0x200004, claimed)
    q.write("l", word, 0)
    return claimed == source


class MmioTransport:
    """4.2, version 2: start the machine with force-legacy=off."""

    def __init__(self, q, slot):
        self.q, self.base, self.irq = q, MMIO + 0x1000 * slot, slot + 1

    def read(self, reg):
        return self.q.read("l", self.base + reg)

    def write(self, reg, value):
        self.q.write("l", self.base + reg, value)

    def device_id(self):
        return self.read(8)

    def status(self, value=None):
        if value is None:
            return self.read(0x70)
        return self.write(0x70, value)

    def offered(self):
        words = []
        for i in (0, 1):
            self.write(0x14, i)
            words.append(self.read(0x10))
        return words[0] | words[1] << 32

    def accept(self, features):
        for i in (0, 1):
            self.write(0x24, i)
            self.write(0x20, features >> 32 * i & 0xffffffff)

    def setup(self, index, size, desc, driver, device):
        self.write(0x30, index)
        self.write(0x38, min(size, self.read(0x34)))
        for reg, value in ((0x80, desc), (0x90, driver), (0xa0, device)):
            self.write(reg, value & 0xffffffff)
            self.write(reg + 4, value >> 32)
        self.write(0x44, 1)

    def notify(self, index):
        self.write(0x50, index)

    def isr(self):
        """Pending reasons, acknowledged."""
        value = self.read(0x60)
        self.write(0x64, value)
        return value

    def config(self, size, off, value=None):
        if value is None:
            return self.q.read(size, self.base + 0x100 + off)
        return self.q.write(size, self.base + 0x100 + off, value)


class PciTransport:
    """4.1, modern, pin A."""

    def __init__(self, q, device, bus=0):
        self.q, self.bus, self.device = q, bus, device
        self.cfg = ECAM + (bus << 20) + (device << 15)
        # 4.1.2 of the bridge specification: pins are swizzled by device
        self.irq = 32 + (device if bus == 0 else 1) % 4
        index = device if bus == 0 else 0x20 + bus
        self.bar = PCI_PREFETCH + index * 0x10000
        self.caps = {}

    def enable(self):
        """Give it addresses and let it be a master; find its structures."""
        q, cap = self.q, self.q.read("b", self.cfg + 0x34)
        q.write("l", self.cfg + 0x20, self.bar & 0xffffffff)
        q.write("l", self.cfg + 0x24, self.bar >> 32)
        q.write("w", self.cfg + 4, 6)
        while cap:
            kind, after, _, what = struct.unpack(
                "<4B", q.read("l", self.cfg + cap).to_bytes(4, "little"))
            if kind == 9 and q.read("b", self.cfg + cap + 4) == 4:
                self.caps[what] = self.bar + q.read("l", self.cfg + cap + 8)
                if what == 2:
                    self.multiplier = q.read("l", self.cfg + cap + 16)
            cap = after
        return self

    def common(self, size, off, value=None):
        if value is None:
            return self.q.read(size, self.caps[1] + off)
        return self.q.write(size, self.caps[1] + off, value)

    def device_id(self):
        vendor, device = struct.unpack(
            "<HH", self.q.read("l", self.cfg).to_bytes(4, "little"))
        if vendor != 0x1af4:
            return 0
        return device - 0x1040 if device >= 0x1040 else \
            {0x1000: 1, 0x1001: 2, 0x1002: 5, 0x1003: 3, 0x1005: 4}[device]

    def status(self, value=None):
        return self.common("b", 0x14, value)

    def offered(self):
        words = []
        for i in (0, 1):
            self.common("l", 0, i)
            words.append(self.common("l", 4))
        return words[0] | words[1] << 32

    def accept(self, features):
        for i in (0, 1):
            self.common("l", 8, i)
            self.common("l", 12, features >> 32 * i & 0xffffffff)

    def setup(self, index, size, desc, driver, device):
        self.common("w", 0x16, index)
        self.common("w", 0x18, min(size, self.common("w", 0x18)))
        for reg, value in ((0x20, desc), (0x28, driver), (0x30, device)):
            self.common("l", reg, value & 0xffffffff)
            self.common("l", reg + 4, value >> 32)
        self.common("w", 0x1c, 1)

    def notify(self, index):
        self.common("w", 0x16, index)
        off = self.common("w", 0x1e)
        self.q.write("w", self.caps[2] + off * self.multiplier, index)

    def isr(self):
        return self.q.read("b", self.caps[3])

    def config(self, size, off, value=None):
        if value is None:
            return self.q.read(size, self.caps[4] + off)
        return self.q.write(size, self.caps[4] + off, value)


class Queue:
    """A split ring (2.7) and the chains that are under way in it."""

    def __init__(self, driver, index, size=16):
        heap = driver.heap
        self.driver, self.index, self.size = driver, index, size
        self.desc = heap.take(16 * size, 16)
        self.avail = heap.take(6 + 2 * size, 2)
        self.used = heap.take(6 + 8 * size, 4)
        self.free, self.chains = list(range(size)), {}
        self.put_at = self.seen = 0
        put(self.q, self.avail, bytes(6 + 2 * size))
        put(self.q, self.used, bytes(6 + 8 * size))

    @property
    def q(self):
        return self.driver.q

    def add(self, *parts, kick=True):
        """A chain of bytes (to read) and ints (sizes to write); its head."""
        slots = [self.free.pop(0) for _ in parts]
        buffers = []
        for i, part in enumerate(parts):
            size = part if isinstance(part, int) else len(part)
            addr = self.driver.heap.take(size)
            flags = WRITE if isinstance(part, int) else 0
            put(self.q, addr, bytes(size) if flags else part)
            link = slots[i + 1] if i + 1 < len(slots) else 0
            put(self.q, self.desc + 16 * slots[i], struct.pack(
                "<QIHH", addr, size,
                flags | (NEXT if i + 1 < len(slots) else 0), link))
            buffers.append((addr, size, flags))
        self.chains[slots[0]] = (slots, buffers)
        put(self.q, self.avail + 4 + 2 * (self.put_at % self.size),
            struct.pack("<H", slots[0]))
        self.put_at += 1
        put(self.q, self.avail + 2, struct.pack("<H", self.put_at & 0xffff))
        if kick:
            self.driver.transport.notify(self.index)
        return slots[0]

    def kick(self):
        self.driver.transport.notify(self.index)

    def used_index(self):
        return struct.unpack("<H", get(self.q, self.used + 2, 2))[0]

    def poll(self):
        """(head, what was written) of the next used chain, or None."""
        if self.used_index() == self.seen & 0xffff:
            return None
        head, size = struct.unpack(
            "<II", get(self.q, self.used + 4 + 8 * (self.seen % self.size),
                       8))
        self.seen += 1
        slots, buffers = self.chains.pop(head)
        self.free += slots
        data = b"".join(get(self.q, a, n) for a, n, f in buffers if f)
        return head, data[:size]

    def wait(self):
        return wait(self.poll, f"queue {self.index}")[1]

    def ask(self, *parts):
        self.add(*parts)
        return self.wait()

    def post(self, data=b"", room=0):
        """Make @data and @room bytes to write to available, without telling
        the device; where these are."""
        head = self.add(*([data] if data else []), *([room] if room else []),
                        kick=False)
        return self.chains[head][1][-1][0]

    def done(self, seconds=None):
        """How much was written to the next used chain, which has to come;
        with @seconds, None when none came until then."""
        if seconds is None:
            return len(self.wait())
        until = time.monotonic() + seconds * g.SLOW
        while time.monotonic() < until:
            used = self.poll()
            if used:
                return len(used[1])
        return None


class Driver:
    """3.1.1, the usual way to bring a device up."""

    def __init__(self, transport, heap):
        self.transport, self.heap, self.queues = transport, heap, []

    @property
    def q(self):
        return self.transport.q

    def move(self, q):
        """The machine goes on in another process."""
        self.transport.q = q

    def start(self, queues, want=0, size=16):
        """Reset, negotiate @want of what is offered, set up @queues."""
        t = self.transport
        t.status(0)
        assert t.status() == 0
        t.status(ACKNOWLEDGE)
        t.status(ACKNOWLEDGE | DRIVER)
        self.features = t.offered() & (want | VERSION_1)
        assert self.features & VERSION_1
        t.accept(self.features)
        t.status(ACKNOWLEDGE | DRIVER | FEATURES_OK)
        assert t.status() & FEATURES_OK
        self.queues = {}
        for index in queues:
            vq = self.queues[index] = Queue(self, index, size)
            t.setup(index, size, vq.desc, vq.avail, vq.used)
        t.status(ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)
        return self

    def interrupted(self):
        """An interrupt for a used buffer or a change came in; what for."""
        wait(lambda: interrupted(self.q, self.transport.irq), "the line")
        return self.transport.isr()


def find(q, kind, device_id, heap, bus=0):
    """Drivers of all devices of one id, not started, in slot order."""
    if kind == "mmio":
        all_of_them = [MmioTransport(q, i) for i in reversed(range(8))]
    else:
        all_of_them = [PciTransport(q, i, bus) for i in range(16)]
    found = [t for t in all_of_them if t.device_id() == device_id]
    for t in found:
        if kind == "pci":
            t.enable()
    return [Driver(t, heap) for t in found]
