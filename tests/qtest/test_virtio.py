#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each VirtIO device by a driver of our own, over MMIO and over PCI.

Every device does a request with an interrupt, is reset with one under way,
exists twice in one machine (but for the balloon), and is saved and restored
in the middle of an operation that the driver then sees end.
"""

import json
import os
import pathlib
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position
from test_virt import QTest  # pylint: disable=wrong-import-position
import virtio as v  # pylint: disable=wrong-import-position


class Base(GuestTest):
    """One kind of device; subclasses say how it is used."""

    device_id = 0
    features = v.INDIRECT | v.EVENT_IDX

    def setUp(self):
        super().setUp()
        self.path = str(self.dir / "qmp")

    def args(self, suffix):
        """The options for the devices under test."""
        raise NotImplementedError

    def machine(self, kind, *more):
        q = QTest("-global", "virtio-mmio.force-legacy=false", "-m", 64,
                  "-qmp", f"unix:{self.path},server=on,wait=off",
                  *self.args("device" if kind == "mmio" else "pci"), *more)
        self.addCleanup(q.__exit__)
        return q

    def drivers(self, q, kind):
        found = v.find(q, kind, self.device_id, v.Heap())
        for d in found:
            self.start(d)
        return found

    def each_kind(self, test):
        for kind in ("mmio", "pci"):
            with self.subTest(kind=kind):
                q = self.machine(kind)
                test(q, self.drivers(q, kind))
                q.__exit__()

    def migrate(self, q, kind):
        """Save the machine, end it, and go on in a new process."""
        state = self.dir / "state"
        qmp = Qmp(self.path)
        qmp.migrate(f"file:{state}")
        qmp.close()
        q.__exit__()
        os.unlink(self.path)
        q = self.machine(kind, "-S", "-incoming", f"file:{state}")
        qmp = Qmp(self.path)
        v.wait(lambda: qmp.command("query-status")["status"] in
               ("paused", "prelaunch"), "the incoming side")
        self.qmp = qmp
        self.addCleanup(qmp.close)
        return q

    def saved_without_mastering(self, q, drivers):
        """While the devices hold buffers that they cannot reach any more."""
        for d in drivers:
            q.write("w", d.transport.cfg + 4, 2)
        q = self.migrate(q, "pci")
        self.qmp.command("cont")
        for d in drivers:
            d.move(q)
            self.assertEqual(d.transport.status(), 0x4f)  # needs a reset
            q.write("w", d.transport.cfg + 4, 6)
            self.start(d)

    def saved(self, begin, end):
        """@begin on one process, @end on the next, for each transport."""
        for kind in ("mmio", "pci"):
            with self.subTest(kind=kind):
                q = self.machine(kind)
                drivers = self.drivers(q, kind)
                begin(drivers)
                seen = [self.look(d) for d in drivers]
                q = self.migrate(q, kind)
                for d in drivers:
                    d.move(q)
                self.assertEqual([self.look(d) for d in drivers], seen)
                self.qmp.command("cont")
                end(drivers)
                self.qmp.close()
                q.__exit__()
                os.unlink(self.path)

    def look(self, d):
        """What a driver can read without a change."""
        return (d.transport.status(), d.transport.offered(),
                [vq.used_index() for vq in d.queues.values()])

    def interrupt(self, d, reason=1):
        self.assertEqual(d.interrupted() & reason, reason)


class Rng(Base):
    device_id = 4

    def args(self, suffix):
        # A quota, so that a request can be left under way.
        limited = "max-bytes=64,period=1000000"
        return ("-device", f"virtio-rng-{suffix},{limited}",
                "-device", f"virtio-rng-{suffix},{limited}")

    def start(self, d):
        d.start([0], self.features)

    def test_fills_buffers(self):
        def check(_, drivers):
            self.assertEqual(len(drivers), 2)
            bytes_of = [d.queues[0].ask(16, 8) for d in drivers]
            for d, data in zip(drivers, bytes_of):
                self.assertEqual(len(data), 24)
                self.interrupt(d)
            self.assertNotEqual(*bytes_of)
        self.each_kind(check)

    def test_reset_drops_requests(self):
        def check(q, drivers):
            for d in drivers:
                self.assertEqual(len(d.queues[0].ask(64)), 64)
                d.queues[0].add(32)  # over the quota: waits
                before = d.queues[0]
                self.start(d)
                self.assertEqual(len(d.queues[0].ask(32)), 32)
                self.assertEqual(before.used_index(), 1)
        self.each_kind(check)

    def test_saved_while_a_request_waits(self):
        def begin(drivers):
            for d in drivers:
                d.queues[0].ask(64)
                d.queues[0].add(32)

        def end(drivers):
            for d in drivers:
                self.assertIsNone(d.queues[0].poll())
            drivers[0].q.ask("clock_step", 1000 * 10**9)
            for d in drivers:
                self.assertEqual(len(d.queues[0].wait()), 32)
                self.interrupt(d)
        self.saved(begin, end)

    def test_saved_as_its_driver_ended_bus_mastering(self):
        q = self.machine("pci")
        drivers = self.drivers(q, "pci")
        for d in drivers:
            d.queues[0].ask(64)
            d.queues[0].add(32)  # over the quota: waits
        self.saved_without_mastering(q, drivers)
        for d in drivers:
            self.assertEqual(len(d.queues[0].ask(32)), 32)


class Blk(Base):
    device_id = 2
    SECTORS = 128

    def args(self, suffix):
        out = []
        for i in range(2):
            path = self.dir / f"disk{i}"
            if not path.exists():
                path.write_bytes(bytes([i]) * 512 * self.SECTORS)
            out += ["-drive", f"file={path},format=raw,if=none,id=d{i}",
                    "-device", f"virtio-blk-{suffix},drive=d{i},serial=S{i}"]
        return out

    def start(self, d):
        d.start([0], self.features)

    def request(self, kind, sector, *parts):
        return (struct.pack("<IIQ", kind, 0, sector), *parts, 1)

    def test_reads_and_writes(self):
        def check(_, drivers):
            self.assertEqual(len(drivers), 2)
            for i, d in enumerate(drivers):
                self.assertEqual(d.transport.config("l", 0), self.SECTORS)
                vq = d.queues[0]
                text = bytes([i + 0x40]) * 512
                self.assertEqual(vq.ask(*self.request(1, 3, text)), b"\0")
                self.interrupt(d)
                self.assertEqual(vq.ask(*self.request(0, 2, 1024)),
                                 bytes([i]) * 512 + text + b"\0")
                self.assertEqual(
                    vq.ask(*self.request(8, 0, 20))[:2], b"S%d" % i)
                self.assertEqual(  # beyond the end
                    vq.ask(*self.request(0, self.SECTORS, 512))[-1:], b"\1")
                self.assertEqual(vq.ask(*self.request(99, 0))[-1:], b"\2")
                vq.ask(*self.request(1, 3, bytes([i]) * 512))
        self.each_kind(check)

    def test_reset_in_flight(self):
        def check(_, drivers):
            for d in drivers:
                for sector in range(4):
                    d.queues[0].add(*self.request(0, sector, 512))
                self.start(d)
                self.assertEqual(
                    len(d.queues[0].ask(*self.request(0, 0, 512))), 513)
        self.each_kind(check)

    def test_saved_with_requests_in_the_ring(self):
        def begin(drivers):
            for i, d in enumerate(drivers):
                d.queues[0].ask(*self.request(1, 5, bytes([i + 7]) * 512))
                d.queues[0].add(*self.request(0, 5, 512), kick=False)

        def end(drivers):
            for i, d in enumerate(drivers):
                d.queues[0].kick()
                self.assertEqual(d.queues[0].wait(),
                                 bytes([i + 7]) * 512 + b"\0")
                self.interrupt(d)
        self.saved(begin, end)


class BlkErrors(Base):
    """A disk whose requests fail once: the machine stops, and goes on."""

    device_id = 2
    request = Blk.request
    start = Blk.start

    def args(self, suffix):
        rules = [{"event": "none", "iotype": t, "errno": e, "once": True}
                 for t, e in (("write", 28), ("read", 5))]
        node = {"driver": "blkdebug", "node-name": "n", "inject-error": rules,
                "image": {"driver": "null-co", "read-zeroes": True}}
        return ["-blockdev", json.dumps(node), "-device",
                f"virtio-blk-{suffix},drive=n,id=d,werror=stop,rerror=stop"]

    def stopped(self, qmp, operation, nospace):
        data = qmp.event("BLOCK_IO_ERROR")["data"]
        self.assertEqual((data["operation"], data["action"], data["nospace"]),
                         (operation, "stop", nospace))
        v.wait(lambda: qmp.command("query-status")["status"] == "io-error",
               "io-error")

    def test_stops_and_tries_again(self):
        def check(_, drivers):
            qmp = Qmp(self.path)
            vq = drivers[0].queues[0]
            vq.add(*self.request(1, 3, bytes(512)))
            self.stopped(qmp, "write", True)
            self.assertEqual(vq.used_index(), 0)
            qmp.command("cont")
            self.assertEqual(vq.wait(), b"\0")
            vq.add(*self.request(0, 3, 512))
            self.stopped(qmp, "read", False)
            drivers[0].transport.status(0)  # a reset forgets it
            qmp.command("cont")
            self.start(drivers[0])
            self.assertEqual(drivers[0].queues[0].ask(
                *self.request(0, 3, 512)), bytes(513))
            qmp.close()
            os.unlink(self.path)
        self.each_kind(check)

    def test_saved_as_its_driver_ended_bus_mastering(self):
        q = self.machine("pci")
        drivers = self.drivers(q, "pci")
        qmp = Qmp(self.path)
        drivers[0].queues[0].add(*self.request(1, 3, bytes(512)))
        self.stopped(qmp, "write", True)
        qmp.close()
        self.saved_without_mastering(q, drivers)
        self.assertEqual(
            drivers[0].queues[0].ask(*self.request(8, 0, 20))[-1:], b"\0")


class Net(Base):
    """Two cards on one hub hear each other."""

    device_id = 1
    HEADER = 12

    def args(self, suffix):
        out = []
        for i in range(2):
            out += ["-netdev", f"hubport,id=h{i},hubid=0", "-device",
                    f"virtio-net-{suffix},netdev=h{i},"
                    f"mac=52:54:00:00:00:0{i + 1}"]
        return out

    def start(self, d):
        d.start([0, 1], self.features)

    def frame(self, to, text):
        return (b"\x52\x54\0\0\0" + bytes([to]) + b"\x52\x54\0\0\0\x09"
                + b"\x88\xb5" + text).ljust(60, b".")

    def receive(self, d, data):
        """The next frame of ours: cards announce themselves after a move."""
        got = b""
        while got[12:14] != b"\x88\xb5":
            got = d.queues[0].wait()[self.HEADER:]
        self.assertEqual(got, data)
        self.interrupt(d)

    def test_frames_cross(self):
        def check(_, drivers):
            self.assertEqual(len(drivers), 2)
            for d in drivers:
                d.queues[0].add(1600)
                d.queues[0].add(1600)
            for i, d in enumerate(drivers):
                data = self.frame(2 - i, b"hello %d" % i)
                d.queues[1].ask(bytes(self.HEADER) + data)
                self.receive(drivers[1 - i], data)
        self.each_kind(check)

    def test_reset_forgets_buffers(self):
        def check(_, drivers):
            a, b = drivers
            a.queues[0].add(1600)
            old = a.queues[0]
            self.start(a)
            a.queues[0].add(1600)
            data = self.frame(1, b"after")
            b.queues[1].ask(bytes(self.HEADER) + data)
            self.receive(a, data)
            self.assertEqual(old.used_index(), 0)
        self.each_kind(check)

    def test_saved_with_buffers_out(self):
        data = self.frame(2, b"saved")

        def begin(drivers):
            for d in drivers:
                for _ in range(4):
                    d.queues[0].add(1600)
            drivers[0].queues[1].add(bytes(self.HEADER) + data, kick=False)

        def end(drivers):
            drivers[0].queues[1].kick()
            drivers[0].queues[1].wait()
            self.receive(drivers[1], data)
        self.saved(begin, end)


class Console(Base):
    """5.3: a console and a port on each of two devices."""

    device_id = 3
    features = v.INDIRECT | v.EVENT_IDX | 2 | 4
    READY, ADD, REMOVE, PORT_READY, IS_CONSOLE, _, OPEN, NAME = range(8)

    def args(self, suffix):
        out = []
        for i in range(2):
            out += ["-device", f"virtio-serial-{suffix},id=ser{i},max_ports=3"]
            for kind, n in (("virtconsole", 0), ("virtserialport", 1)):
                path = self.dir / f"{i}{n}"
                path.unlink(missing_ok=True)
                out += ["-chardev", f"socket,id=c{i}{n},path={path},"
                        "server=on,wait=off", "-device",
                        f"{kind},id=p{i}{n},chardev=c{i}{n},bus=ser{i}.0,"
                        f"name=port.{i}.{n}"]
        return out

    def connect(self, name):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10 * g.PATIENCE)
        s.connect(str(self.dir / name))
        self.addCleanup(s.close)
        return s

    def start(self, d):
        d.start(range(8), self.features)
        d.heard = []
        for _ in range(8):
            d.queues[2].add(64, kick=False)
        self.tell(d, 0, self.READY)

    def tell(self, d, port, event, value=1):
        d.queues[3].ask(struct.pack("<IHH", port, event, value))

    def hear(self, d, port, event):
        """Wait for such a control message; its value and what follows."""
        while True:
            for m in d.heard:
                if m[:2] == (port, event):
                    d.heard.remove(m)
                    return m[2:]
            data = d.queues[2].wait()
            d.queues[2].add(64)
            d.heard.append((*struct.unpack("<IHH", data[:8]), data[8:]))

    def set_up(self, d):
        for port in (0, 1):
            self.hear(d, port, self.ADD)
            self.tell(d, port, self.PORT_READY)
            self.tell(d, port, self.OPEN)

    def test_ports_are_introduced_and_carry_bytes(self):
        def check(_, drivers):
            self.assertEqual(len(drivers), 2)
            for i, d in enumerate(drivers):
                self.assertEqual(d.transport.config("l", 4), 3)
                self.set_up(d)
                self.assertEqual(self.hear(d, 0, self.IS_CONSOLE)[0], 1)
                for port in (0, 1):
                    self.assertEqual(self.hear(d, port, self.NAME)[1],
                                     b"port.%d.%d" % (i, port))
                    s = self.connect(f"{i}{port}")
                    self.hear(d, port, self.OPEN)
                    rx, tx = (d.queues[q + (4 if port else 0)] for q in (0, 1))
                    tx.ask(b"to ", b"the host")
                    self.assertEqual(s.recv(100), b"to the host")
                    s.sendall(b"to the guest")
                    rx.add(5, 3)
                    self.assertEqual(rx.wait(), b"to the g")
                    rx.add(100)
                    self.assertEqual(rx.wait(), b"uest")
                    self.interrupt(d)
                    s.close()
        self.each_kind(check)

    def test_emergency_write_needs_no_driver(self):
        for kind in ("mmio", "pci"):
            with self.subTest(kind=kind):
                q = self.machine(kind)
                d = v.find(q, kind, 3, v.Heap())[1]
                s = self.connect("10")
                # The connection is taken in the main loop, like this is.
                v.wait(lambda: Qmp(self.path).command("query-chardev"))
                d.transport.config("l", 8, ord("!"))
                self.assertEqual(s.recv(10), b"!")
                q.__exit__()

    def fill(self, d, i):
        """Send until the other side takes no more."""
        s = self.connect(f"{i}1")
        self.hear(d, 1, self.OPEN)
        sent = 0
        for n in range(64):
            d.queues[5].add(bytes([n]) * 32768)
            sent += 1
            until = time.monotonic() + 0.05 * g.SLOW
            while time.monotonic() < until:
                if d.queues[5].poll():
                    break
            else:
                return s, sent
        raise AssertionError("no back-pressure")

    def test_reset_with_a_blocked_writer(self):
        def check(_, drivers):
            d = drivers[0]
            self.set_up(d)
            s, _ = self.fill(d, 0)
            self.start(d)
            self.set_up(d)
            self.hear(d, 1, self.OPEN)
            d.queues[5].add(b"END")
            data = b""
            while not data.endswith(b"END"):
                data += s.recv(65536)
            d.queues[5].wait()
        self.each_kind(check)

    def test_saved_in_the_middle_of_a_message(self):
        def begin(drivers):
            for i, d in enumerate(drivers):
                self.set_up(d)
                self.s = self.fill(d, i)
                self.addCleanup(self.s[0].close)
                d.left = self.s

        def end(drivers):
            for i, d in enumerate(drivers):
                old, sent = d.left
                head = b""
                while True:
                    part = old.recv(65536)
                    if not part:
                        break
                    head += part
                # Nobody was connected on this side: the rest was discarded,
                # or it goes to who connects first.
                d.queues[5].wait()
                self.assertLess(len(head), 32768 * sent)
                self.assertEqual(
                    head, b"".join(bytes([n]) * 32768
                                   for n in range(sent))[:len(head)])
                s = self.connect(f"{i}1")
                self.hear(d, 1, self.OPEN)  # closed, with the old process
                self.hear(d, 1, self.OPEN)
                d.queues[4].add(16)
                s.sendall(b"back")
                self.assertEqual(d.queues[4].wait(), b"back")
        self.saved(begin, end)

    def test_saved_as_its_driver_ended_bus_mastering(self):
        q = self.machine("pci")
        drivers = self.drivers(q, "pci")[:1]
        self.set_up(drivers[0])
        s, _ = self.fill(drivers[0], 0)
        for _ in range(12):  # one is held, however slow the host was
            drivers[0].queues[5].add(bytes(32768))
        self.saved_without_mastering(q, drivers)
        s.close()
        self.set_up(drivers[0])

    def test_ports_come_and_go(self):
        def check(q, drivers):
            d = drivers[1]
            qmp = Qmp(self.path)
            self.set_up(d)
            self.assertEqual(qmp.event("VSERPORT_CHANGE")["data"],
                             {"id": "p10", "open": True})
            for _ in range(3):
                qmp.command("device_add", driver="virtserialport", id="hot",
                            bus="ser1.0", name="hot")
                self.hear(d, 2, self.ADD)
                self.tell(d, 2, self.PORT_READY)
                self.assertEqual(self.hear(d, 2, self.NAME)[1], b"hot")
                d.queues[6].add(8)
                d.queues[7].ask(b"x")
                qmp.command("device_del", id="hot")
                self.hear(d, 2, self.REMOVE)
            qmp.close()
        self.each_kind(check)


class Balloon(Base):
    device_id = 5

    def args(self, suffix):
        return ("-device", f"virtio-balloon-{suffix},id=b0,"
                "free-page-reporting=on,guest-stats-polling-interval=1")

    def start(self, d):
        d.start(range(4), self.features | 2 | 32)

    def page(self, d, fill):
        addr = d.heap.take(4096, 4096)
        v.put(d.q, addr, bytes([fill]) * 4096)
        return addr

    def test_pages_are_given_up(self):
        def check(_, drivers):
            d, = drivers
            qmp = Qmp(self.path)
            self.assertEqual(qmp.command("query-balloon"),
                             {"actual": 64 << 20})
            qmp.command("balloon", value=32 << 20)
            self.interrupt(d, 2)
            self.assertEqual(d.transport.config("l", 0), 8192)
            pages = [self.page(d, i) for i in range(1, 6)]
            kept = self.page(d, 99)
            d.queues[0].ask(struct.pack(
                "<7I", *(p >> 12 for p in pages), 0, 0xffffffff))
            self.interrupt(d)
            for p in pages:
                self.assertEqual(v.get(d.q, p, 4096), bytes(4096))
            self.assertEqual(v.get(d.q, kept, 4096), bytes([99]) * 4096)
            d.transport.config("l", 4, len(pages))
            self.assertEqual(qmp.event("BALLOON_CHANGE")["data"],
                             {"actual": (64 << 20) - 4096 * len(pages)})
            d.queues[1].ask(struct.pack("<I", pages[0] >> 12))
            at = d.heap.take(8192, 4096) - 4096  # a report: whole buffers
            v.put(d.q, at, b"y" * 8192)
            vq = d.queues[3]
            d.heap.at = at
            vq.add(4096)
            vq.wait()
            self.assertEqual(v.get(d.q, at, 4096), bytes(4096))
            self.assertEqual(v.get(d.q, at + 4096, 4096), b"y" * 4096)
            qmp.close()
        self.each_kind(check)

    def stats(self, free):
        return struct.pack("<HQHQ", 4, free, 5, 64 << 20)

    def told(self, qmp):
        return qmp.command("qom-get", path="/machine/peripheral/b0",
                           property="guest-stats")["stats"]

    def test_saved_while_it_holds_the_statistics_buffer(self):
        def begin(drivers):
            d, = drivers
            d.queues[2].add(self.stats(1000))
            qmp = Qmp(self.path)
            v.wait(lambda: self.told(qmp)["stat-free-memory"] == 1000)
            qmp.command("balloon", value=48 << 20)
            d.transport.config("l", 4, 77)
            qmp.close()

        def end(drivers):
            d, = drivers
            self.assertEqual(d.transport.config("l", 0), 4096)
            self.assertEqual(self.qmp.command("query-balloon"),
                             {"actual": (64 << 20) - 77 * 4096})
            self.assertEqual(self.told(self.qmp)["stat-free-memory"], 1000)
            self.assertEqual(self.told(self.qmp)["stat-swap-in"], 2**64 - 1)
            d.q.ask("clock_step", 10**9)
            d.queues[2].wait()  # comes back: it asks for new ones
            d.queues[2].add(self.stats(2000))
            v.wait(lambda: self.told(self.qmp)["stat-free-memory"] == 2000)
        self.saved(begin, end)

    def test_reset_gives_all_memory_back(self):
        def check(_, drivers):
            d, = drivers
            qmp = Qmp(self.path)
            d.queues[2].add(self.stats(1))
            d.transport.config("l", 4, 5)
            self.start(d)
            self.assertEqual(qmp.command("query-balloon"),
                             {"actual": 64 << 20})
            d.queues[0].ask(struct.pack("<I", self.page(d, 1) >> 12))
            qmp.close()
        self.each_kind(check)


del Base  # no tests of its own


class Hotplug(GuestTest):
    """Cards come and go in a root port's slot with requests under way."""

    ROUNDS = 4
    PORT = v.ECAM + (1 << 15)

    def open_bridge(self, q):
        q.write("l", self.PORT + 0x18, 0x010100)  # buses 0, 1 to 1
        q.write("l", self.PORT + 0x24, 0x48204820)  # prefetchable memory
        q.write("w", self.PORT + 4, 6)
        cap = q.read("b", self.PORT + 0x34)
        while q.read("b", self.PORT + cap) != 0x10:
            cap = q.read("b", self.PORT + cap + 1)
        self.slot = self.PORT + cap + 0x18

    def power(self, q, on):
        """PCI Express, 6.7: what the driver of the slot does."""
        q.write("w", self.slot, 0x100 if on else 0x700)
        q.write("w", self.slot + 2, 0x11f)

    def rng(self, d):
        d.start([0], Rng.features)
        d.queues[0].add(64)  # more than the quota: it stays there

    def blk(self, d):
        d.start([0], Blk.features)
        for sector in range(4):
            d.queues[0].add(struct.pack("<IIQ", 0, 0, sector), 4096, 1)

    def serial(self, d):
        d.start(range(4), 0)
        d.queues[0].add(64)
        d.queues[1].add(b"x" * 1000)

    def balloon(self, d):
        d.start(range(3), 2)
        d.queues[2].add(bytes(10))
        d.queues[0].add(bytes(4096))

    def net(self, d):
        d.start([0, 1], Net.features)
        d.queues[0].add(1600)
        d.queues[1].add(bytes(12 + 60))

    KINDS = {
        "rng": {"max-bytes": 32, "period": 1000000},
        "blk": {"drive": "d0"},
        "serial": {},
        "balloon": {"guest-stats-polling-interval": 1},
        "net": {"netdev": "h0"},
    }

    def plug(self, q, qmp, kind):
        qmp.command("device_add", driver=f"virtio-{kind}-pci", id="hot",
                    bus="rp0", **self.KINDS[kind])
        self.power(q, True)
        transport = v.PciTransport(q, 0, bus=1)
        self.assertNotEqual(transport.device_id(), 0, kind)
        getattr(self, kind)(v.Driver(transport.enable(), v.Heap()))

    def unplug(self, q, qmp):
        qmp.command("device_del", id="hot")
        self.power(q, False)
        while qmp.event("DEVICE_DELETED")["data"].get("device") != "hot":
            pass

    def test_cards_come_and_go_under_load(self):
        disk, path = self.dir / "disk", self.dir / "qmp"
        disk.write_bytes(bytes(65536))
        with QTest("-qmp", f"unix:{path},server=on,wait=off", "-m", 64,
                   "-device", "pcie-root-port,id=rp0,addr=1", "-netdev",
                   "hubport,id=h0,hubid=0", "-blockdev",
                   f"raw,node-name=d0,file.driver=file,file.filename={disk}"
                   ) as q:
            qmp = Qmp(path)
            self.open_bridge(q)
            for _ in range(self.ROUNDS):
                for kind in self.KINDS:
                    self.plug(q, qmp, kind)
                    self.unplug(q, qmp)
            qmp.command("quit")
            self.assertEqual(q.wait(), 0)
            qmp.close()

if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
