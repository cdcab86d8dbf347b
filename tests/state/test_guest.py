#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Saves a Linux guest in the middle of work and goes on in a new process."""

import pathlib
import random
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp, QmpError  # pylint: disable=wrong-import-position

# Disk and network load that checks itself: each round writes, reads back
# past the cache and compares, and fetches from the host's gateway by ARP and
# ICMP. It runs until it is told on its console that this is enough.
LOAD = """set -e
mount -t ext4 /dev/vda /mnt
{net}
i=0
(read -r line < /dev/console; touch /tmp/enough) &
while [ ! -e /tmp/enough ]; do
    head -c {bytes} /dev/urandom > /tmp/data
    a=$(sha256sum < /tmp/data)
    cp /tmp/data /mnt/file; sync
    echo 3 > /proc/sys/vm/drop_caches
    b=$(sha256sum < /mnt/file)
    [ "$a" = "$b" ] || {{ echo "DIFFERENT $i"; exit 1; }}
    {ping}
    i=$((i + 1)); echo "ROUND $i"
done
umount /mnt
"""
NET = "ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0"
# Packets may be lost with the old process, as on a wire that is replugged, and
# the first answers after it: libslirp asks anew who the guest is, and drops
# what waits for that longer than a second of the host's. A network that is
# dead loses all of them.
PING = """n=0
    until ping -c 1 -W 5 10.0.2.2 > /dev/null; do
        n=$((n + 1)); [ $n -lt 20 ] || { echo "NO PING $i"; exit 2; }
    done"""
ROUNDS_AFTER = g.sized(10, 4, 2)
BYTES = g.sized(2000000, 2000000, 400000)


def devices(image, snapshot=""):
    """Disk and network over PCI, or what of them this build has."""
    disk = "virtio-blk-pci" if g.has_device("virtio-blk-pci") else \
        "virtio-blk-device"
    args = ["-drive", f"file={image},format=raw,if=none,id=d0{snapshot}",
            "-device", f"{disk},drive=d0"]
    if g.has_device("virtio-net-pci"):
        args += ["-netdev", "user,id=n0", "-device",
                 "virtio-net-pci,netdev=n0"]
    return args


def load():
    net = g.has_device("virtio-net-pci")
    return LOAD.format(bytes=BYTES, net=NET if net else "",
                       ping=PING if net else ":")


class Save(GuestTest):
    def machine(self, image, number, *args, smp, before=""):
        path = self.dir / f"qmp{number}"
        initrd = self.dir / "load.gz"
        if not initrd.exists():
            self.initrd("load.gz", load(),
                        "virtio_mmio,virtio_blk,virtio_net,ext4")
        guest = self.linux(
            initrd, *devices(image), "-qmp",
            f"unix:{path},server=on,wait=off", *args, smp=smp, memory=256,
            before=before)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        return guest, qmp

    def image(self):
        image = self.dir / "disk.img"
        with open(image, "wb") as f:
            f.truncate(48 << 20)
        subprocess.run([g.tool("mkfs.ext4", "e2fsprogs"), "-q", "-F", image],
                       check=True, capture_output=True)
        return image

    def end_load(self, guest, seen):
        """Some rounds after number @seen, then the end; all it printed."""
        guest.expect(rf"ROUND {seen + ROUNDS_AFTER}\r", 120)
        guest.send("enough\n")
        return self.finish(guest, 240)

    def save_and_restore(self, out, back, smp=1):
        rng = random.Random(g.ROUND)
        image = self.image()
        first, qmp = self.machine(image, 0, smp=smp)
        first.expect(r"ROUND 2\r", 180)
        time.sleep(rng.random())
        qmp.command("stop")
        self.assertEqual(qmp.command("query-status")["status"], "paused")
        qmp.migrate(out)
        self.assertEqual(qmp.command("query-status")["status"],
                         "postmigrate")
        qmp.command("quit")
        self.assertEqual(first.wait(20), 0)
        # The stop may have cut a line: what is left of it comes from the next.
        whole, _, cut = first.text.rpartition("\n")
        seen = int(re.findall(r"ROUND (\d+)\r", whole)[-1])

        second, qmp = self.machine(image, 1, "-incoming", back, smp=smp,
                                   before=cut)
        until = time.monotonic() + 60 * g.PATIENCE
        while qmp.command("query-status")["status"] == "inmigrate":
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        qmp.command("cont")
        now = int(second.expect(r"ROUND (\d+)\r", 60)[1])
        self.assertEqual(now, seen + 1, second.text)
        text = self.end_load(second, now)
        self.assertNotIn("OpenSBI", text)
        done = subprocess.run(
            [g.tool("e2fsck", "e2fsprogs"), "-f", "-n", image], text=True,
            capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_through_a_file(self):
        path = self.dir / "state"
        self.save_and_restore(f"file:{path}", f"file:{path}")

    def test_through_commands_four_cpus(self):
        path = self.dir / "state"
        self.save_and_restore(f"exec:cat > {path}", f"exec:cat {path}", smp=4)

    def live(self, uri):
        image = self.image()
        first, source = self.machine(image, 0, smp=1)
        first.expect(r"ROUND 2\r", 180)
        second, target = self.machine(image, 1, "-incoming", uri, smp=1)
        source.migrate(uri)
        source.command("quit")
        self.assertEqual(first.wait(20), 0)
        self.end_load(second, int(second.expect(r"ROUND (\d+)\r", 60)[1]))
        del target

    def test_live_to_another_process(self):
        self.live(f"tcp:127.0.0.1:{g.free_port()}")

    @unittest.skipUnless(g.SOAK, "scripts/soak: the same through a socket")
    def test_live_through_a_unix_socket(self):
        self.live(f"unix:{self.dir}/migrate")

    def test_broken_state_is_refused(self):
        """Cut and flipped files: an error, exit status 1, never a crash."""
        image = self.image()
        path = self.dir / "state"
        first, qmp = self.machine(image, 0, smp=1)
        first.expect(r"ROUND 1\r", 180)
        qmp.command("stop")
        qmp.migrate(f"file:{path}")
        qmp.command("quit")
        self.assertEqual(first.wait(20), 0)
        good = path.read_bytes()
        rng = random.Random(1000 + g.ROUND)
        broken = [good[:rng.randrange(len(good))] for _ in range(3)] + [b""]
        for _ in range(4):
            data = bytearray(good)
            data[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
            broken.append(bytes(data))
        for number, data in enumerate(broken):
            path.write_bytes(data)
            guest = self.start(
                "-M", "virt", "-m", 256, "-display", "none", "-S",
                *devices(image, ",snapshot=on"), "-incoming", f"file:{path}")
            self.assertEqual(guest.wait(60), 1, f"variant {number}")
            self.assertNotEqual(guest.text.strip(), "")

    def test_file_that_cannot_be_written(self):
        image = self.image()
        _, qmp = self.machine(image, 0, smp=1)
        with self.assertRaises(QmpError):
            qmp.migrate(f"file:{self.dir}/no/such/folder")
        self.assertEqual(qmp.command("query-status")["status"], "running")
        qmp.command("quit")


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
