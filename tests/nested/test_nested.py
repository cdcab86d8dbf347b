#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux under our -accel kvm with no KVM on this machine.

An outer emulator with AMD SVM (the peer, a test dependency only) boots
Debian's cloud kernel and loads kvm-amd; inside it our binary with -accel kvm
-M microvm -smp 2 boots the same kernel, which uses a virtio disk and powers
off. TANDEM_SOAK: 10 boots instead of 1.
"""

import hashlib
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position

OUTER = "qemu-system-x86_64"
DISK_BYTES = 4 << 20
# What the inner guest does: a checksum of its disk, and one byte written.
INNER = """
test -b /dev/vda
sha256sum /dev/vda | cut -d' ' -f1 | sed 's/^/DISK /'
printf Z | dd of=/dev/vda bs=1 seek=1000 conv=notrunc 2>/dev/null
sync
grep -c ^processor /proc/cpuinfo | sed 's/^/CPUS /'
"""
# What the outer one does, for each round; the disk is a file in its memory.
ROUND = """
cp /t/disk.img /t/d.img
cd /t
LD_LIBRARY_PATH=/t/lib ./qemu-system-x86_64 -accel kvm -cpu host \\
  -M microvm -smp 2 -m 192 -display none -no-reboot -serial stdio \\
  -monitor none -kernel /t/kernel -initrd /t/initrd.gz \\
  -append 'console=ttyS0 quiet' -drive file=/t/d.img,format=raw,if=none,id=d \\
  -device virtio-blk-device,drive=d < /dev/null
echo "INNER-STATUS $?"
dd if=/t/d.img bs=1 skip=1000 count=1 2>/dev/null | sed 's/^/BYTE /'
echo
"""


def outer_binary():
    binary = g.fetched("peer-qemu-10") / "bin" / OUTER
    if not binary.exists():
        raise unittest.SkipTest(f"{OUTER} of the peer is not fetched")
    return binary


def libraries(binary):
    """[(file, name)] that @binary loads, its loader as the last one."""
    out = subprocess.run(["ldd", binary], text=True, check=True,
                         capture_output=True).stdout
    found = []
    for line in out.splitlines():
        words = line.split()
        if "=>" in words and words[2].startswith("/"):
            found.append((os.path.realpath(words[2]), words[0]))
    return found


class Boot(GuestTest):
    def mkinitramfs(self, out, script, modules, add):
        argv = [sys.executable, g.SOURCE / "scripts/mkinitramfs", "--guest",
                self.cloud, "--modules", modules, "--run", script, "-o", out]
        for source, place in add:
            argv += ["--add", f"{source}:{place}"]
        done = subprocess.run([str(a) for a in argv], text=True, check=False,
                              capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return out

    def test_linux_boots_uses_its_disk_and_powers_off(self):
        self.cloud = g.fetched("amd64-cloud-guest")
        outer = outer_binary()
        rounds = g.sized(10, 1, 1)
        disk = self.dir / "disk.img"
        disk.write_bytes(g.random_bytes(DISK_BYTES, "nested"))
        kernel = os.path.realpath(self.cloud / "kernel")
        inner = self.mkinitramfs(self.dir / "inner.gz", INNER,
                                 "virtio_mmio,virtio_blk", [])
        add = [(os.path.realpath(g.BINARY), "/t/qemu-system-x86_64"),
               (kernel, "/t/kernel"), (inner, "/t/initrd.gz"),
               (disk, "/t/disk.img"),
               (os.path.realpath("/lib64/ld-linux-x86-64.so.2"),
                "/lib64/ld-linux-x86-64.so.2")]
        add += [(path, f"/t/lib/{name}") for path, name in
                libraries(g.BINARY)]
        initrd = self.mkinitramfs(self.dir / "outer.gz", ROUND * rounds,
                                  "irqbypass,kvm,kvm_amd", add)
        guest = g.Guest("-accel", "tcg", "-cpu", "max", "-M", "pc", "-m", "2G",
                        "-display", "none", "-serial", "stdio", "-monitor",
                        "none", "-no-reboot", "-kernel", kernel, "-initrd",
                        initrd, "-append", "console=ttyS0 quiet",
                        binary=str(outer))
        self.addCleanup(guest.kill)
        for _ in range(rounds):
            text = guest.expect(r"DISK (\w{64})\b", 300).group(1)
            self.assertEqual(text,
                             hashlib.sha256(disk.read_bytes()).hexdigest())
            guest.expect(r"CPUS 2\b", 60)
            guest.expect(r"INNER-STATUS 0\b", 60)
            guest.expect(r"BYTE Z", 30)
        guest.expect(r"INIT-STATUS 0", 60)
        sick = g.SICK.search(guest.text)
        self.assertIsNone(sick, guest.text[-2000:])


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
