#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""VirtIO devices saved in the middle of their work, and loaded elsewhere."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import tap  # pylint: disable=wrong-import-position
import test_net  # pylint: disable=wrong-import-position
from test_net import HEADER, HUB, MACS, frame


class Saved(test_net.NetTest):
    """Rings, filters and requests go on in another process."""

    count = 0

    def machine(self, *args, prefix=()):
        self.count += 1
        folder, self.dir = self.dir, self.dir / str(self.count)
        self.dir.mkdir()
        try:
            return super().machine(*args, prefix=prefix)
        finally:
            self.dir = folder

    def move(self, qmp, args, devices):
        """Save, load the same machine, and point @devices at it."""
        state = f"file:{self.dir}/state{self.count}"
        qmp.migrate(state)
        q, qmp = self.machine(*args, "-incoming", state)
        while qmp.command("query-status")["status"] == "inmigrate":
            pass
        self.assertEqual(qmp.command("query-status")["status"], "running")
        for device in devices:
            device.move(q)
        return q, qmp

    def test_nics_go_on(self):
        q, nics = self.pair(test_net.CTRL_VQ | test_net.CTRL_RX
                            | test_net.CTRL_VLAN, (0, 1, 2))
        for data in (b"\0\0\0", b"\2\0\7\0"):
            self.assertEqual(
                test_net.Nic.control(self, q, nics[1], data), 0)
        self.send(nics[0], frame(MACS[1]))
        self.assertEqual(len(self.receive(q, nics[1])), HEADER + 60)
        rx = nics[1].queues[0]
        at = rx.post(room=1526)  # taken after the move
        rx.kick()
        q, qmp = self.move(self.qmp, HUB, nics)
        self.assertEqual([n.transport.status() for n in nics], [15, 15])
        info = qmp.command("query-rx-filter", name="n1")[0]
        self.assertFalse(info["promiscuous"])
        self.assertEqual(info["vlan-table"], [7])
        # the other announces where it is now, RFC 903
        self.assertEqual(rx.done(), HEADER + 60)
        self.assertEqual(q.read_bytes(at + HEADER, 14),
                         b"\xff" * 6 + MACS[0] + b"\x80\x35")
        self.send(nics[0], frame(b"\2other"))  # not for it
        self.send(nics[0], frame(MACS[1], 99))
        for _ in range(6):  # it does so five times
            got = self.receive(q, nics[1])[HEADER:]
            if got[12:14] != b"\x80\x35":
                break
        self.assertEqual(got, frame(MACS[1], 99))

    def test_a_request_that_waits_is_answered_there(self):
        args = ("-nodefaults", "-object", "rng-builtin,id=r", "-device",
                "virtio-rng-pci,rng=r,addr=4,max-bytes=16,period=1500")
        q, qmp = self.machine(*args)
        rng = self.nic(q, 4).start((0,))
        vq = rng.queues[0]
        vq.post(room=16)
        vq.kick()
        self.assertEqual(vq.done(), 16)
        vq.post(room=16)  # beyond what the period allows
        vq.kick()
        self.assertIsNone(vq.done(0.05))
        q, _ = self.move(qmp, args, [rng])
        q.ask("clock_step", "2000000000")
        self.assertEqual(vq.done(), 16)


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
