#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's firmware, unmodified: OpenSBI on `virt` and `spike`, U-Boot."""

import pathlib
import re
import subprocess
import unittest
import zlib

import guest as g
from guest import GuestTest, tap

OPENSBI = pathlib.Path("/usr/lib/riscv64-linux-gnu/opensbi/generic")
UBOOT = pathlib.Path("/usr/lib/u-boot")


def firmware(path, package):
    if not path.exists():
        raise unittest.SkipTest(f"{path} is missing (package {package})")
    return path


class OpenSbi(GuestTest):
    def banner(self, guest, platform, harts):
        guest.expect(rf"Platform Name\s*: {platform}", 30)
        guest.expect(rf"Platform HART Count\s*: {harts}\b", 30)
        guest.expect(r"Boot HART (MEDELEG|MIDELEG)", 30)

    def test_virt_finds_its_devices(self):
        guest = self.start("-M", "virt", "-smp", 2, "-m", 128, "-nographic",
                           "-bios", firmware(OPENSBI / "fw_jump.bin",
                                             "opensbi"))
        self.banner(guest, "riscv-virtio,qemu", 2)
        text = guest.text
        self.assertRegex(text, r"Platform IPI Device\s*: aclint-mswi")
        self.assertRegex(text, r"Platform Timer Device\s*: aclint-mtimer")
        self.assertRegex(text, r"Platform Console Device\s*: uart8250")

    def test_spike_speaks_through_htif(self):
        guest = self.start("-M", "spike", "-m", 128, "-nographic", "-bios",
                           firmware(OPENSBI / "fw_dynamic.bin", "opensbi"))
        self.banner(guest, "(ucbbar,spike|spike|riscv-spike).*", 1)
        self.assertRegex(guest.text, r"Platform Console Device\s*: htif")

    def test_spike_runs_linux(self):
        """Debian's kernel has no HVC driver: only its messages are seen.

        OpenSBI 1.1 has no console call that earlycon could use here, and 1.5
        never asks HTIF to switch off; both are so under the peer as well.
        """
        fw = g.fetched("opensbi-1.5") / "fw64/fw_dynamic.bin"
        kernel = g.fetched("riscv64-guest") / "kernel"
        initrd = self.initrd("spike.gz", "uname -a > /dev/kmsg")
        guest = self.start("-M", "spike", "-cpu", "rv64,sstc=off", "-m", 512,
                           "-nographic", "-bios", fw, "-kernel", kernel,
                           "-initrd", initrd, "-append",
                           "earlycon=sbi keep_bootcon")
        guest.expect(r"Linux tandem 6\.", 120)
        guest.expect(r"reboot: Power down", 60)

    def test_rv32(self):
        fw = g.fetched("opensbi-1.5") / "fw32/fw_dynamic.bin"
        binary = g.BINARY.replace("riscv64", "riscv32")
        guest = self.start("-M", "virt", "-m", 128, "-nographic", "-bios", fw,
                           binary=binary)
        self.banner(guest, "riscv-virtio,qemu", 1)
        self.assertRegex(guest.text, r"Boot HART Base ISA\s*: rv32ima")

    def test_missing_firmware_is_one_sentence(self):
        guest = self.start("-M", "virt", "-nographic", "-bios",
                           self.dir / "nosuch.bin")
        self.assertEqual(guest.wait(10), 1)
        self.assertEqual(len(guest.text.strip().splitlines()), 1, guest.text)
        self.assertIn("nosuch.bin", guest.text)


class UBoot(GuestTest):
    """To the prompt, and a file from a virtio disk."""

    def prompt(self, *args):
        guest = self.start("-M", "virt", "-m", 256, "-nographic", *args)
        guest.expect(r"U-Boot 20\d\d\.\d\d", 60)
        guest.expect(r"Hit any key to stop autoboot", 60)
        guest.send("\n")
        guest.expect(r"=> ", 30)
        return guest

    def command(self, guest, text, pattern, timeout=30):
        guest.send(text + "\n")
        found = guest.expect(pattern, timeout)
        guest.expect("=> ", timeout)
        return found

    def m_mode(self):
        return "-bios", firmware(UBOOT / "qemu-riscv64/u-boot.bin",
                                 "u-boot-qemu")

    def s_mode(self):
        return "-kernel", firmware(UBOOT / "qemu-riscv64_smode/u-boot.bin",
                                   "u-boot-qemu")

    def disk(self):
        """An ext4 image with one file; returns image and the file's CRC."""
        tree = self.dir / "tree"
        tree.mkdir()
        data = g.random_bytes(300_000, "u-boot")
        (tree / "file").write_bytes(data)
        image = self.dir / "disk.img"
        with open(image, "wb") as f:
            f.truncate(16 << 20)
        # U-Boot of Debian 12 reads neither 64bit nor checksummed metadata.
        subprocess.run([g.tool("mkfs.ext4", "e2fsprogs"), "-q", "-F", "-O",
                        "^64bit,^metadata_csum", "-d", tree, image],
                       check=True, capture_output=True)
        return image, zlib.crc32(data)

    def load_from_disk(self, device, mode):
        image, crc = self.disk()
        guest = self.prompt(*mode, "-drive",
                            f"file={image},format=raw,if=none,id=d0",
                            "-device", f"{device},drive=d0")
        self.command(guest, "virtio scan", "virtio scan")
        self.command(guest, "load virtio 0 0x84000000 file",
                     r"300000 bytes read", 60)
        found = self.command(guest, "crc32 0x84000000 0x493e0",
                             r"==> ([0-9a-f]{8})")
        self.assertEqual(int(found[1], 16), crc)

    def test_m_mode_prompt(self):
        guest = self.prompt(*self.m_mode())
        self.command(guest, "version", r"riscv64-linux-gnu-gcc")

    def test_s_mode_prompt(self):
        guest = self.prompt(*self.s_mode())
        self.assertRegex(guest.text, r"OpenSBI v\d")
        self.command(guest, "sbi", r"SBI \d\.\d")

    def test_m_mode_loads_over_mmio(self):
        self.load_from_disk("virtio-blk-device", self.m_mode())

    def test_s_mode_loads_over_pci(self):
        self.load_from_disk("virtio-blk-pci", self.s_mode())

    def test_environment_is_kept_in_flash(self):
        image = self.dir / "flash.img"
        with open(image, "wb") as f:
            f.truncate(32 << 20)
        args = ("-drive", f"if=pflash,unit=1,format=raw,file={image}")
        guest = self.prompt(*self.s_mode(), *args)
        found = self.command(guest, "flinfo", r"Bank # 1")
        self.assertTrue(found)
        self.command(guest, "erase 0x22000000 +0x40000", r"done|Erased")
        self.command(guest, "cp.b 0x80200000 0x22000000 0x100", r"done")
        guest.send("\x01x")
        self.assertEqual(guest.wait(20), 0)
        with open(image, "rb") as f:
            data = f.read(0x40000)
        self.assertNotEqual(data[:0x100], bytes(0x100))
        self.assertEqual(set(data[0x100:]), {0xff})

    def test_power_off_ends_the_process(self):
        guest = self.prompt(*self.s_mode())
        guest.send("poweroff\n")
        self.assertEqual(guest.wait(20), 0)
        self.assertIsNone(re.search("not found|Unknown command", guest.text))


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
