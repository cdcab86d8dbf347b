#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-net-pci and the network between NICs, through the qtest protocol."""

import pathlib
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position
from test_virt import QTest  # pylint: disable=wrong-import-position
import virtio as v  # pylint: disable=wrong-import-position

CSUM, HOST_TSO4, MRG, STATUS, CTRL_VQ, CTRL_RX, CTRL_VLAN, MQ = (
    1 << n for n in (0, 11, 15, 16, 17, 18, 19, 22))
HEADER = 12  # VIRTIO 1.2, 5.1.6
MACS = [bytes.fromhex("52540000000" + d) for d in "12"]
HUB = ("-nodefaults",
       "-netdev", "hubport,id=p0,hubid=1", "-netdev", "hubport,id=p1,hubid=1",
       "-device", "virtio-net-pci,id=n0,netdev=p0,addr=4,mac=52:54:00:00:00:01",
       "-device", "virtio-net-pci,id=n1,netdev=p1,addr=5,mac=52:54:00:00:00:02")


def frame(to, n=60, source=MACS[0], kind=b"\x88\xb5"):
    return (to + source + kind).ljust(n, b"\x5a")


class NetTest(GuestTest):
    def setUp(self):
        super().setUp()
        self.heap = v.Heap()

    def machine(self, *args, prefix=()):
        path = self.dir / "qmp"
        q = QTest(*args, "-qmp", f"unix:{path},server=on,wait=off",
                  prefix=prefix)
        self.addCleanup(q.__exit__)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        return q, qmp

    def pair(self, features=0, queues=(0, 1)):
        q, self.qmp = self.machine(*HUB)
        return q, [self.nic(q, slot).start(queues, features, 64)
                   for slot in (4, 5)]

    def nic(self, q, slot, bus=0):
        return v.Driver(v.PciTransport(q, slot, bus).enable(), self.heap)

    def send(self, nic, data, header=bytes(HEADER)):
        tx = nic.queues[1]
        tx.post(header + data)
        tx.kick()
        self.assertEqual(tx.done(), 0)

    def receive(self, q, nic, room=1526):
        """Post a buffer and wait for what comes into it."""
        rx = nic.queues[0]
        at = rx.post(room=room)
        rx.kick()
        n = rx.done()
        return None if n is None else q.read_bytes(at, n)


class Nic(NetTest):
    """Two NICs of one machine, a hub between them."""

    def test_frames_pass_both_ways(self):
        q, nics = self.pair()
        for i, nic in enumerate(nics):
            self.assertEqual(
                bytes(nic.transport.config("b", n) for n in range(6)), MACS[i])
        for a, b in (nics, nics[::-1]):
            data = frame(b"\xff" * 6, 300)
            self.send(a, data)  # it waits for a buffer
            got = self.receive(q, b)
            self.assertEqual(got[:HEADER], bytes(10) + b"\1\0")
            self.assertEqual(got[HEADER:], data)
            self.assertEqual(b.transport.isr(), 1)
            self.assertEqual(b.transport.isr(), 0)

    def test_buffers_are_merged(self):
        q, nics = self.pair(MRG)
        rx = nics[1].queues[0]
        at = [rx.post(room=100) for _ in range(4)]
        rx.kick()
        self.send(nics[0], frame(MACS[1], 300))
        sizes = [rx.done() for _ in range(4)]
        self.assertEqual(sizes, [100, 100, 100, 12])
        self.assertEqual(q.read("w", at[0] + 10), 4)
        whole = b"".join(q.read_bytes(a, n) for a, n in zip(at, sizes))
        self.assertEqual(whole[HEADER:], frame(MACS[1], 300))

    def test_a_large_frame_arrives_in_segments(self):
        q, nics = self.pair(CSUM | HOST_TSO4)
        ip = bytes.fromhex("45000000000100004006000001010101020202020050"
                           "005100000000000000005010100000000000")
        data = frame(MACS[1], 14, kind=b"\x08\x00") + ip + bytes(1800)
        header = struct.pack("<BBHHHHH", 1, 1, 54, 1000, 34, 16, 0)
        rx = nics[1].queues[0]
        at = [rx.post(room=1526) for _ in range(2)]
        rx.kick()
        self.send(nics[0], data, header)
        self.assertEqual([rx.done() for _ in range(2)],
                         [HEADER + 1054, HEADER + 854])
        self.assertEqual(q.read_bytes(at[1] + HEADER + 38, 4),
                         struct.pack(">I", 1000))

    def control(self, q, nic, data, index=2):
        vq = nic.queues[index]
        ack = vq.post(data, 1)
        q.write("b", ack, 0x55)
        vq.kick()
        self.assertEqual(vq.done(), 1)
        return q.read("b", ack)

    def test_the_filter_is_the_drivers(self):
        q, nics = self.pair(CTRL_VQ | CTRL_RX | CTRL_VLAN, (0, 1, 2))
        ok = [self.control(q, nics[1], data) for data in (
            b"\0\0\0",                                    # not promiscuous
            b"\1\0" + struct.pack("<I", 1) + b"\2abcde"   # one address
            + struct.pack("<I", 1) + b"\3\0\0\0\0\7",     # and a group
            b"\2\0\7\0")]                                 # VLAN 7
        self.assertEqual(ok, [0, 0, 0])
        info = self.qmp.command("query-rx-filter", name="n1")[0]
        self.assertEqual(info["promiscuous"], False)
        self.assertEqual(info["unicast-table"], ["02:61:62:63:64:65"])
        self.assertEqual(info["multicast-table"], ["03:00:00:00:00:07"])
        self.assertEqual(info["vlan-table"], [7])
        tag = b"\x81\0\0"
        sent = [(b"\2abcde", b"\x88\xb5", True), (MACS[1], b"\x88\xb5", True),
                (b"\2zzzzz", b"\x88\xb5", False),
                (b"\3\0\0\0\0\7", b"\x88\xb5", True),
                (b"\3\0\0\0\0\x08", b"\x88\xb5", False),
                (b"\xff" * 6, b"\x88\xb5", True),
                (MACS[1], tag + b"\7", True), (MACS[1], tag + b"\6", False)]
        for to, kind, _ in sent:
            self.send(nics[0], frame(to, kind=kind))
        for to, kind, passes in sent:
            if passes:
                self.assertEqual(self.receive(q, nics[1])[HEADER:],
                                 frame(to, kind=kind))

    def test_commands_that_lie_are_refused(self):
        q, nics = self.pair(CTRL_VQ | CTRL_RX | CTRL_VLAN, (0, 1, 2))
        for data in (b"\x09\0\0",                      # no such class
                     b"\0\x09\1",                      # no such mode
                     b"\0\0",                          # no argument
                     b"\1\0" + b"\xff\xff\xff\xff",    # more than there are
                     b"\1\0" + struct.pack("<I", 2) + bytes(6),
                     b"\2\0\0\x10",                    # VLAN 4096
                     b"\4\0\2\0",                      # no MQ was taken
                     b"\5\0" + bytes(8)):              # nor offloads
            self.assertEqual(self.control(q, nics[0], data), 1, data)
        self.send(nics[0], frame(MACS[1]))
        self.assertEqual(len(self.receive(q, nics[1])), HEADER + 60)

    def test_a_frame_without_its_header_breaks_the_device(self):
        q, nics = self.pair()
        tx = nics[0].queues[1]
        tx.post(b"\0" * 11)
        tx.kick()
        self.assertIsNone(tx.done(0.2))
        self.assertEqual(nics[0].transport.status() & 64, 64)  # NEEDS_RESET
        nics[0].start((0, 1))
        self.send(nics[0], frame(MACS[1]))
        self.assertEqual(len(self.receive(q, nics[1])), HEADER + 60)

    def test_the_link_is_seen(self):
        q, nics = self.pair(STATUS)
        self.assertEqual(nics[1].transport.config("w", 6), 1)
        self.qmp.command("set_link", name="n1", up=False)
        self.assertEqual(nics[1].transport.isr(), 2)
        self.assertEqual(nics[1].transport.config("w", 6), 0)
        self.send(nics[0], frame(MACS[1]))  # lost
        self.qmp.command("set_link", name="n1", up=True)
        self.send(nics[0], frame(MACS[1], 99))
        self.assertEqual(len(self.receive(q, nics[1])), HEADER + 99)

    def test_a_back_end_comes_and_goes(self):
        q, qmp = self.machine("-nodefaults")
        del q
        for options in ({"type": "hubport", "hubid": 3},
                        {"type": "socket", "listen": "127.0.0.1:0"},
                        {"type": "user"}):
            qmp.command("netdev_add", id="x", **options)
            text = qmp.command("human-monitor-command",
                               command_line="info network")
            self.assertIn("x: ", text)
            self.assertIn(f"type={options['type']}", text)
            qmp.command("netdev_del", id="x")


class Tap(NetTest):
    """Several queues need a tap device: in a namespace of its own."""

    UNSHARE = ("unshare", "-rn")

    def setUp(self):
        super().setUp()
        done = subprocess.run(
            [*self.UNSHARE, "test", "-w", "/dev/net/tun"], check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            self.skipTest("no tap in a network namespace: " +
                          (done.stderr.strip() or "/dev/net/tun"))

    def test_two_pairs_of_queues(self):
        q, qmp = self.machine(
            "-nodefaults", "-netdev",
            "tap,id=t,ifname=mq0,script=no,downscript=no,queues=2,vhost=off",
            "-device", "virtio-net-pci,netdev=t,mq=on,vectors=6,addr=4",
            prefix=self.UNSHARE)
        nic = self.nic(q, 4)
        self.assertEqual(nic.transport.offered() & (MQ | CSUM), MQ | CSUM)
        self.assertEqual(nic.transport.config("w", 8), 2)
        nic.start((0, 1, 2, 3, 4), MQ | CTRL_VQ)
        for pairs, ack in ((2, 0), (3, 1), (0, 1), (1, 0), (2, 0)):
            self.assertEqual(
                Nic.control(self, q, nic,
                            b"\4\0" + struct.pack("<H", pairs), 4), ack)
        for index in (1, 3):
            nic.queues[index].post(bytes(HEADER) + frame(b"\xff" * 6))
            nic.queues[index].kick()
            self.assertEqual(nic.queues[index].done(), 0)
        self.assertIn("ifname=mq0,queues=2", qmp.command(
            "human-monitor-command", command_line="info network"))


class Unplug(NetTest):
    """Away and back with frames under way, through a PCIe root port."""

    ROUNDS = 200
    PORT = v.ECAM + (3 << 15)

    def port(self, q):
        """Numbers, a window, and where its PCI Express capability is."""
        q.write("l", self.PORT + 0x18, 0x00010100)
        q.write("l", self.PORT + 0x24, 0x48204820)  # prefetchable memory
        q.write("w", self.PORT + 4, 6)
        at = q.read("b", self.PORT + 0x34)
        while q.read("b", self.PORT + at) != 0x10:
            at = q.read("b", self.PORT + at + 1)
        return self.PORT + at

    def test_two_hundred_times(self):
        q, qmp = self.machine(
            "-nodefaults", "-device", "pcie-root-port,id=rp,addr=3",
            "-netdev", "hubport,id=p0,hubid=1",
            "-netdev", "hubport,id=p1,hubid=1", "-device",
            "virtio-net-pci,id=n0,netdev=p0,addr=4,mac=52:54:00:00:00:01")
        slot = self.port(q)
        other = self.nic(q, 4).start((0, 1))
        for i in range(self.ROUNDS):
            qmp.command("device_add", driver="virtio-net-pci", id="n1",
                        netdev="p1", bus="rp", mac="52:54:00:00:00:02")
            q.write("w", slot + 0x1a, 0x1f)
            q.write("w", slot + 0x18, 0x01e9)  # power and indicator on
            nic = self.nic(q, 0, bus=1).start((0, 1))
            if i % 20 == 0:  # it works each time; now and then we look
                self.send(other, frame(MACS[1], 77))
                self.assertEqual(len(self.receive(q, nic)), HEADER + 77)
            # one that waits for a buffer, one sent, buffers that wait
            other.queues[1].post(bytes(HEADER) + frame(MACS[1]))
            other.queues[1].kick()
            for _ in range(2):
                nic.queues[0].post(room=1526) if i & 1 else None
                nic.queues[1].post(bytes(HEADER) + frame(MACS[0]))
            nic.queues[0].kick()
            nic.queues[1].kick()
            qmp.command("device_del", id="n1")
            q.write("w", slot + 0x1a, 1)
            q.write("w", slot + 0x18, 0x07e9)  # power and indicator off
            while qmp.event("DEVICE_DELETED")["data"].get("device") != "n1":
                pass
            while other.queues[1].poll():
                pass  # sent, or lost with the other end
        self.assertEqual(qmp.command("query-status")["status"], "running")
        qmp.command("quit")
        self.assertEqual(q.wait(), 0)


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
