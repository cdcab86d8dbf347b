#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices of riscv's virt and spike boards, driven through the qtest protocol.

No guest code runs. Each test spells the numbers of the board's documentation
and of the devices' specifications. Devices and Flash run against the peer
too: TANDEM_BINARY=... QTEST_ACCEL=none.
"""

import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position

PLIC, UART, CLINT, TEST = 0xc000000, 0x10000000, 0x2000000, 0x100000
RTC, FW_CFG, FLASH, RAM = 0x101000, 0x10100000, 0x20000000, 0x80000000


class QTest:
    """One machine and its qtest socket, over the program's own stdio."""

    def __init__(self, *args, machine="virt", bios="none", prefix=(),
                 serial="null"):
        accel = os.environ.get("QTEST_ACCEL", "qtest")
        engine = ["-accel", accel] if accel != "none" else ["-S"]
        self.process = subprocess.Popen(
            [*prefix, g.BINARY, "-M", machine, *engine, "-bios", bios, "-display",
             "none", "-qtest", "stdio", "-qtest-log", "none", "-monitor",
             "none", "-serial", serial, *map(str, args)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(None if os.environ.get("QTEST_STDERR") else subprocess.DEVNULL))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def ask(self, *words):
        text = " ".join(w if isinstance(w, str) else hex(w) for w in words)
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise EOFError(text)
            if line.startswith("IRQ"):
                continue
            answer = line.split()
            if answer[0] != "OK":
                raise ValueError(f"{text}: {line}")
            return answer[1:]

    def read(self, size, addr):
        return int(self.ask("read" + size, addr)[0], 16)

    def write(self, size, addr, value):
        self.ask("write" + size, addr, value)

    def read_bytes(self, addr, size):
        return bytes.fromhex(self.ask("read", addr, size)[0][2:])

    def write_bytes(self, addr, data):
        self.ask("write", addr, len(data), "0x" + data.hex())

    def wait(self):
        return self.process.wait(timeout=20 * g.PATIENCE)


class Devices(GuestTest):
    """Registers and wires of each device on its board."""

    def test_uart_interrupt_reaches_plic_source_10(self):
        with QTest() as q:
            q.write("l", PLIC + 4 * 10, 1)
            q.write("l", PLIC + 0x2080, 1 << 10)
            q.write("b", UART + 1, 2)  # THR is empty
            self.assertEqual(q.read("l", PLIC + 0x1000), 1 << 10)
            self.assertEqual(q.read("l", PLIC + 0x201004), 10)
            self.assertEqual(q.read("b", UART + 2) & 0xf, 2)
            q.write("l", PLIC + 0x201004, 10)
            self.assertEqual(q.read("l", PLIC + 0x201004), 0)

    def test_uart_loops_back(self):
        with QTest() as q:
            q.write("b", UART + 2, 1)
            q.write("b", UART + 4, 0x10)
            for byte in b"tandem":
                q.write("b", UART, byte)
            self.assertEqual(bytes(q.read("b", UART) for _ in range(6)),
                             b"tandem")
            self.assertEqual(q.read("b", UART + 5) & 1, 0)

    def test_plic_prefers_priority_then_number(self):
        with QTest("-smp", 2) as q:
            for source, priority in ((10, 3), (11, 3), (1, 7)):
                q.write("l", PLIC + 4 * source, priority)
                self.assertEqual(q.read("l", PLIC + 4 * source), priority)
            q.write("l", PLIC + 0x2000 + 0x80 * 3, 0xfffffffe)  # hart 1, S
            self.assertEqual(q.read("l", PLIC + 0x2180), 0xfffffffe)
            q.write("b", UART + 1, 2)
            self.assertEqual(q.read("l", PLIC + 0x203004), 10)
            self.assertEqual(q.read("l", PLIC + 0x200004), 0)

    def test_software_interrupt_bits(self):
        with QTest("-smp", 2) as q:
            q.write("l", CLINT + 4, 0xffffffff)
            self.assertEqual(q.read("l", CLINT + 4), 1)
            self.assertEqual(q.read("l", CLINT), 0)

    def test_flash_answers_to_query_and_programs(self):
        with QTest() as q:
            for bank in (FLASH, FLASH + 0x2000000):
                q.write("l", bank + 0x55 * 4, 0x00980098)
                text = [q.read("l", bank + 4 * i) for i in range(0x10, 0x13)]
                self.assertEqual(text, [c * 0x10001 for c in b"QRY"])
                q.write("l", bank, 0x00ff00ff)
                q.write("l", bank, 0x00200020)
                q.write("l", bank, 0x00d000d0)
                self.assertEqual(q.read("l", bank) & 0x80, 0x80)
                q.write("l", bank + 8, 0x00400040)
                q.write("l", bank + 8, 0x12345678)
                q.write("l", bank, 0x00ff00ff)
                self.assertEqual(q.read("l", bank + 8), 0x12345678)
                self.assertEqual(q.read("l", bank + 12), 0xffffffff)

    def files(self, q):
        """The directory of fw_cfg: {name: (size, key)}."""
        directory = self.dma_read(q, 0x19, 4 + 64 * 40)
        count = struct.unpack(">I", directory[:4])[0]
        files = {}
        for i in range(count):
            size, key, _, name = struct.unpack_from(">IHH56s", directory,
                                                    4 + 64 * i)
            files[name.rstrip(b"\0").decode()] = (size, key)
        return files

    def test_boot_order_is_openfirmware_paths(self):
        with QTest("-device", "pcie-root-port,id=rp,addr=3",
                   "-netdev", "hubport,hubid=0,id=a",
                   "-netdev", "hubport,hubid=0,id=b",
                   "-netdev", "hubport,hubid=0,id=c",
                   "-device", "virtio-net-pci,netdev=a,addr=1.2,"
                   "multifunction=on,bootindex=7",
                   "-device", "virtio-net-pci,netdev=b,bus=rp,bootindex=0",
                   "-device", "virtio-net-device,netdev=c,bootindex=1",
                   "-boot", "strict=on,reboot-timeout=5,menu=on") as q:
            files = self.files(q)
            size, key = files["bootorder"]
            root = "/pci@ffffffffffffffff"
            self.assertEqual(
                self.dma_read(q, key, size).decode(),
                f"{root}/pci-bridge@3/ethernet@0/ethernet-phy@0\n"
                "/virtio-mmio@0000000010008000/ethernet-phy@0\n"
                f"{root}/ethernet@1,2/ethernet-phy@0\nHALT\0")
            self.assertEqual(
                self.dma_read(q, files["etc/boot-fail-wait"][1], 4),
                b"\5\0\0\0")
            self.assertEqual(self.dma_read(q, 0x0e, 2), b"\1\0")

    def smbios(self, *args):
        """{(type, handle): (formatted bytes, [string])} (DSP0134, 6.1)."""
        with QTest(*args) as q:
            files = self.files(q)
            size, key = files["etc/smbios/smbios-anchor"]
            anchor = self.dma_read(q, key, size)
            size, key = files["etc/smbios/smbios-tables"]
            data = self.dma_read(q, key, size)
        self.assertEqual(anchor, b"_SM3_\0\x18\3\0\0\1\0" +
                         struct.pack("<IQ", len(data), 0))
        found, at = {}, 0
        while at < len(data):
            kind, length, handle = struct.unpack_from("<BBH", data, at)
            body = data[at + 4:at + length]
            end = data.index(b"\0\0", at + length)
            text = data[at + length:end].decode()
            found[kind, handle] = (body.hex(), text.split("\0"))
            at = end + 2
        self.assertEqual(list(found)[-1], (127, 0x7f00))
        return found

    def test_smbios_by_default(self):
        """The bytes that the reference's board gives its firmware."""
        self.assertEqual(self.smbios("-m", "128", "-smp", "2,cores=2"), {
            (1, 0x100): ("01020300" + 32 * "0" + "060000",
                         ["QEMU", "QEMU Virtual Machine", "virt"]),
            (3, 0x300): ("010102000003030302" + 18 * "0", ["QEMU", "virt"]),
            (4, 0x400): ("0103fe02" + 16 * "0" + "03000000d007d0074101"
                         "ffffffffffff00000002020202000102020002000200",
                         ["CPU 0", "QEMU", "virt"]),
            (16, 0x1000): ("01030600000200feff0100" + 16 * "0", [""]),
            (17, 0x1100): ("0010feffffffffff80000900010007020000000200" +
                           30 * "0", ["DIMM 0", "QEMU"]),
            (19, 0x1300): ("00002000ffff2100001001" + 32 * "0", [""]),
            (32, 0x2000): (14 * "0", [""]),
            (127, 0x7f00): ("", [""])})

    def test_smbios_fields(self):
        structure = self.dir / "structure"
        structure.write_bytes(b"\x80\5\x34\x12\1text\0\0")
        found = self.smbios(
            "-m", "4G", "-smp", "2,sockets=2", "-uuid",
            "550e8400-e29b-41d4-a716-446655440000", "-smbios",
            "type=0,vendor=V,version=W,date=D,release=1.2,uefi=on",
            "-smbios", "type=1,manufacturer=M,product=P,version=1,serial=S,"
            "sku=K,family=F", "-smbios", "type=2,manufacturer=M2,product=P2,"
            "version=v2,serial=s2,asset=a2,location=l2", "-smbios",
            "type=3,manufacturer=m3,version=v3,serial=s3,asset=a3,sku=k3",
            "-smbios", "type=4,sock_pfx=SP,manufacturer=m4,version=v4,"
            "serial=s4,asset=a4,part=p4,max-speed=1000,current-speed=900,"
            "processor-family=0x201,processor-id=5", "-smbios",
            "type=11,value=one,value=two", "-smbios", "type=17,loc_pfx=LP,"
            "bank=B,manufacturer=m17,serial=s17,asset=a17,part=p17,"
            "speed=3200", "-smbios", f"file={structure}")
        for key, value in {
                (0, 0): ("010200e803000800000000000000001c0102ffff",
                         ["V", "W", "D"]),
                (1, 0x100): ("0102030400840e559be2d441a716446655440000060506",
                             ["M", "P", "1", "S", "K", "F"]),
                (2, 0x200): ("0102030405010600030a00",
                             ["M2", "P2", "v2", "s2", "a2", "l2"]),
                (3, 0x300): ("010102030403030302" + 16 * "0" + "05",
                             ["m3", "v3", "s3", "a3", "k3"]),
                (4, 0x401): ("0103fe02050000000000000003000000e80384034101"
                             "ffffffffffff04050601010102000102010001000100",
                             ["SP 1", "m4", "v4", "s4", "a4", "p4"]),
                (11, 0xe00): ("02", ["one", "two"]),
                (16, 0x1000): ("01030600004000feff0100" + 16 * "0", [""]),
                (17, 0x1100): ("0010feffffffffff001009000102070200800c030405"
                               "060000000000800c000000000000",
                               ["LP 0", "B", "m17", "s17", "a17", "p17"]),
                (19, 0x1300): ("00002000ffff5f00001001" + 32 * "0", [""]),
                (128, 0x1234): ("01", ["text"])}.items():
            self.assertEqual(found[key], value, key)

    def test_fw_cfg_file_by_dma(self):
        with QTest("-fw_cfg", "name=opt/x,string=hello") as q:
            files = self.files(q)
            self.assertEqual(files["opt/x"][0], 5)
            self.assertEqual(self.dma_read(q, files["opt/x"][1], 8),
                             b"hello\0\0\0")
            q.write("w", FW_CFG + 8, 0)
            self.assertEqual(bytes(q.read("b", FW_CFG) for _ in range(4)),
                             b"QEMU")

    def dma_read(self, q, key, size):
        request = struct.pack(">IIQ", key << 16 | 8 | 2, size, RAM + 0x1000)
        q.ask("write", RAM, len(request), "0x" + request.hex())
        q.write("l", FW_CFG + 16, 0)
        q.write("l", FW_CFG + 20, int.from_bytes(RAM.to_bytes(4, "little"),
                                                 "big"))
        for _ in range(1000):
            control = q.read("l", RAM)
            if control in (0, 0x01000000):
                break
        self.assertEqual(control, 0)
        return bytes.fromhex(q.ask("read", RAM + 0x1000, size)[0][2:])

    def test_finisher_ends_with_its_code(self):
        for value, status in ((0x5555, 0), (0x00073333, 7)):
            with QTest() as q:
                q.write("l", TEST, value)
                self.assertEqual(q.wait(), status)

    def test_memory_is_where_the_documentation_says(self):
        with QTest("-m", "256") as q:
            q.write("q", RAM, 0x1122334455667788)
            q.write("q", RAM + 0x0ffffff8, 0x99)
            self.assertEqual(q.read("q", RAM), 0x1122334455667788)
            self.assertEqual(q.read("b", RAM + 3), 0x55)
            self.assertEqual(q.read("q", RAM + 0x0ffffff8), 0x99)
            self.assertEqual(q.read("l", 0x1000), 0x00000297)  # auipc t0, 0

    def test_spike_has_htif_and_a_clint(self):
        with QTest(machine="spike") as q:
            q.write("l", CLINT, 1)
            self.assertEqual(q.read("l", CLINT), 1)
            q.write("q", 0x1000008, 5 << 1 | 1)
            self.assertEqual(q.wait(), 5)


    def test_loader_sets_a_cpu_and_the_machine_ends_well(self):
        with QTest("-device", "loader,addr=0x80000000,cpu-num=0",
                   "-device", "loader,addr=0x80000100,data=0x1234,data-len=2",
                   machine="spike") as q:
            self.assertEqual(q.read("w", RAM + 0x100), 0x1234)
            q.write("q", 0x1000008, 3 << 1 | 1)
            self.assertEqual(q.wait(), 3)


class Clock(GuestTest):
    """What the virtual clock drives: qtest's clock_step needs its engine."""

    def test_timer_follows_the_clock(self):
        with QTest() as q:
            q.ask("clock_step", "1000000")
            self.assertEqual(q.read("q", CLINT + 0xbff8), 10000)
            q.write("q", CLINT + 0xbff8, 0)
            q.ask("clock_step", "500")
            self.assertEqual(q.read("q", CLINT + 0xbff8), 5)

    def test_rtc_alarm_reaches_plic_source_11(self):
        with QTest("-rtc", "base=2020-01-01,clock=vm") as q:
            low = q.read("l", RTC)
            now = q.read("l", RTC + 4) << 32 | low
            self.assertEqual(now // 10**9, 1577836800)
            alarm = now + 10**9
            q.write("l", RTC + 0x10, 1)
            q.write("l", RTC + 0x0c, alarm >> 32)
            q.write("l", RTC + 0x08, alarm & 0xffffffff)
            q.ask("clock_step", "999999999")
            self.assertEqual(q.read("l", PLIC + 0x1000), 0)
            q.ask("clock_step", "1")
            self.assertEqual(q.read("l", PLIC + 0x1000), 1 << 11)

    def test_uart_receive_timeout(self):
        with QTest() as q:
            q.write("b", UART + 2, 0xc1)  # FIFO, trigger at 14
            q.write("b", UART + 3, 0x83)
            q.write("b", UART, 12)
            q.write("b", UART + 1, 0)
            q.write("b", UART + 3, 0x03)
            q.write("b", UART + 4, 0x10)
            q.write("b", UART + 1, 1)
            q.write("b", UART, 0x41)
            self.assertEqual(q.read("b", UART + 2) & 0xf, 1)
            # 230400 / 12 = 19200 baud: four characters of ten bits
            q.ask("clock_step", "2083334")
            self.assertEqual(q.read("b", UART + 2) & 0xf, 0xc)


class Flash(GuestTest):
    """Contents of flash: drives, node names, where firmware starts."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.image = self.folder / "flash"
        with open(self.image, "wb") as out:
            out.write(b"FIRMWARE")
            out.truncate(32 << 20)

    def drive(self, *more):
        return "-drive", ",".join(("if=pflash,unit=0,format=raw",
                                   f"file={self.image}", *more))

    def test_contents_are_read_and_written_back(self):
        with QTest(*self.drive()) as q:
            self.assertEqual(q.read("q", FLASH),
                             int.from_bytes(b"FIRMWARE", "little"))
            q.write("l", FLASH + 0x40000, 0x00200020)
            q.write("l", FLASH + 0x40000, 0x00d000d0)
            q.write("l", FLASH + 0x40010, 0x00400040)
            q.write("l", FLASH + 0x40010, 0x12345678)
            self.assertEqual(q.read("l", FLASH) & 0xb2, 0x80)
        with open(self.image, "rb") as image:
            self.assertEqual(image.read(8), b"FIRMWARE")
            image.seek(0x40010)
            self.assertEqual(image.read(6), b"\x78\x56\x34\x12\xff\xff")
            image.seek(0x80000)
            self.assertEqual(image.read(4), bytes(4))

    def test_read_only_drive_keeps_its_contents(self):
        with QTest(*self.drive("readonly=on")) as q:
            q.write("l", FLASH, 0x00200020)
            q.write("l", FLASH, 0x00d000d0)
            q.write("l", FLASH, 0x00ff00ff)
            self.assertEqual(q.read("q", FLASH),
                             int.from_bytes(b"FIRMWARE", "little"))
        self.assertEqual(self.image.read_bytes()[:8], b"FIRMWARE")

    def test_firmware_in_flash_starts_in_m_mode_without_bios(self):
        with QTest(*self.drive()) as q:
            self.assertEqual(q.read("q", 0x1018), FLASH)
            self.assertEqual(q.read("q", 0x1038), 0)

    def test_firmware_in_flash_follows_a_bios_in_s_mode(self):
        bios = self.folder / "bios"
        bios.write_bytes(b"BIOSBIOS")
        with QTest(*self.drive(), bios=bios) as q:
            self.assertEqual(q.read("q", 0x1018), RAM)
            self.assertEqual(q.read("q", 0x1038), FLASH)

    def test_kernel_for_firmware_in_flash_is_in_fw_cfg(self):
        bios = self.folder / "bios"
        bios.write_bytes(b"BIOSBIOS")
        with QTest(*self.drive(), "-kernel", bios, "-append", "quiet",
                   bios=bios) as q:
            q.write("w", FW_CFG + 8, 0x0800)  # kernel size
            self.assertEqual(q.read("l", FW_CFG), 8)
            q.write("w", FW_CFG + 8, 0x1100)  # kernel data
            self.assertEqual(bytes(q.read("b", FW_CFG) for _ in range(8)),
                             b"BIOSBIOS")
            q.write("w", FW_CFG + 8, 0x1500)  # command line
            self.assertEqual(bytes(q.read("b", FW_CFG) for _ in range(6)),
                             b"quiet\0")

    def test_machine_property_names_a_node(self):
        node = f"driver=file,node-name=p1,filename={self.image}"
        with QTest("-blockdev", node, machine="virt,pflash1=p1") as q:
            self.assertEqual(q.read("q", FLASH + 0x2000000),
                             int.from_bytes(b"FIRMWARE", "little"))

    def test_other_sizes_are_refused(self):
        with open(self.image, "wb") as out:
            out.truncate(1 << 20)
        done = subprocess.run([g.BINARY, "-M", "virt", "-display", "none",
                               "-accel", "qtest", *self.drive()], text=True,
                              check=False,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=20 * g.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("requires 33554432 bytes", done.stderr)


class Migration(GuestTest):
    """Every device of the board in the middle of something, in a new process.
    """

    def begin(self, q):
        q.write("l", PLIC + 4 * 10, 5)
        q.write("l", PLIC + 0x2080, 1 << 10)
        q.write("b", UART + 2, 1)
        q.write("b", UART + 4, 0x10)
        for byte in b"abc":
            q.write("b", UART, byte)
        q.write("b", UART + 1, 2)
        self.assertEqual(q.read("l", PLIC + 0x201004), 10)  # in service
        q.write("l", CLINT + 4, 1)
        q.write("q", CLINT + 0x4000, 0x123456789abc)
        q.write("q", CLINT + 0xbff8, 0x1000)
        q.write("l", RTC + 0x0c, 0x7fffffff)
        q.write("l", RTC + 0x08, 5)
        q.write("w", FW_CFG + 8, 0)
        self.assertEqual(q.read("w", FW_CFG), 0x4551)  # "QE" of "QEMU"
        q.write("l", FLASH, 0x00200020)
        q.write("l", FLASH, 0x00d000d0)
        q.write("l", FLASH, 0x00e800e8)  # a buffer of two words, one written
        q.write("l", FLASH, 0x00010001)
        q.write("l", FLASH + 0x40, 0x11111111)
        q.write("l", FLASH + 0x2000000, 0x00980098)

    def go_on(self, q):
        self.assertEqual(q.read("l", PLIC + 4 * 10), 5)
        self.assertEqual(q.read("l", PLIC + 0x1000), 0)
        q.write("l", PLIC + 0x201004, 10)  # complete: the line is still high
        self.assertEqual(q.read("l", PLIC + 0x1000), 1 << 10)
        self.assertEqual(bytes(q.read("b", UART) for _ in range(3)), b"abc")
        self.assertEqual(q.read("l", CLINT + 4), 1)
        self.assertEqual(q.read("q", CLINT + 0x4000), 0x123456789abc)
        self.assertGreaterEqual(q.read("q", CLINT + 0xbff8), 0x1000)
        self.assertEqual(q.read("l", RTC + 0x18), 1)
        self.assertEqual(q.read("w", FW_CFG), 0x554d)  # "MU"
        q.write("l", FLASH + 0x44, 0x22222222)
        q.write("l", FLASH, 0x00d000d0)
        q.write("l", FLASH, 0x00ff00ff)
        self.assertEqual(q.read("q", FLASH + 0x40), 0x2222222211111111)
        self.assertEqual(q.read("l", FLASH + 0x2000040), 0x00510051)

    def test_virt_goes_on_where_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            state, path = f"{folder}/state", f"{folder}/qmp"
            monitor = ("-qmp", f"unix:{path},server=on,wait=off")
            with QTest("-smp", 2, *monitor) as q:
                self.begin(q)
                qmp = Qmp(path)
                qmp.command("migrate", uri=f"file:{state}")
                self.until(qmp, "query-migrate", ("completed", "failed"))
                qmp.close()
            with QTest("-smp", 2, *monitor, "-incoming",
                       f"file:{state}") as q:
                qmp = Qmp(path)
                self.until(qmp, "query-status",
                           ("paused", "prelaunch", "running", "postmigrate"))
                self.go_on(q)
                qmp.close()

    def test_runs_on_as_it_ran_and_stays_stopped_as_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            state, path = f"{folder}/state", f"{folder}/qmp"
            monitor = ("-qmp", f"unix:{path},server=on,wait=off")
            for before, after in ((["stop"], "paused"),
                                  (["stop", "cont"], "running")):
                with QTest(*monitor):
                    qmp = Qmp(path)
                    for command in before:
                        qmp.command(command)
                    qmp.migrate(f"file:{state}")
                    qmp.close()
                with QTest(*monitor, "-incoming", f"file:{state}"):
                    qmp = Qmp(path)
                    self.until(qmp, "query-status", (after,))
                    qmp.close()
            # it ran, but somebody wants the new one to stand
            with QTest(*monitor, "-incoming", "defer"):
                qmp = Qmp(path)
                qmp.command("stop")
                self.until(qmp, "query-status", ("inmigrate",))
                qmp.command("migrate-incoming", uri=f"file:{state}")
                self.until(qmp, "query-status", ("paused",))
                qmp.close()

    def until(self, qmp, command, ends):
        for _ in range(10000):
            status = qmp.command(command).get("status")
            if status in ends:
                self.assertNotEqual(status, "failed")
                return
            time.sleep(0.02)
        self.fail(f"{command}: {status}")


    def test_input_waits_for_the_state_that_is_awaited(self):
        """What comes before would be overwritten."""
        state, path = self.dir / "state", self.dir / "serial"
        with QTest("-qmp", f"unix:{self.dir / 'a'},server=on,wait=off") as q:
            q.write("b", UART + 2, 1)
            qmp = Qmp(self.dir / "a")
            self.addCleanup(qmp.close)
            qmp.migrate(f"file:{state}")
        with QTest("-incoming", "defer", "-qmp",
                   f"unix:{self.dir / 'b'},server=on,wait=off",
                   serial=f"unix:{path},server=on,wait=off") as q:
            qmp = Qmp(self.dir / "b")
            self.addCleanup(qmp.close)
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(path))
                line.sendall(b"z")
                for _ in range(5):  # rounds of the loop that might read it
                    qmp.command("query-status")
                qmp.command("migrate-incoming", uri=f"file:{state}")
                qmp.event("RESUME")
                until = time.monotonic() + 20 * g.PATIENCE
                while not q.read("b", UART + 5) & 1:
                    self.assertLess(time.monotonic(), until)
                self.assertEqual(q.read("b", UART), ord("z"))


class Tree(GuestTest):
    """-machine dumpdtb writes the tree and ends at once."""

    def test_dumpdtb(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "dtb"
            done = subprocess.run([g.BINARY, "-M", f"virt,dumpdtb={path}",
                                   "-display", "none", "-smp", "3",
                                   "-accel", "qtest"],
                                  stdin=subprocess.DEVNULL, check=False,
                                  capture_output=True, timeout=20 * g.PATIENCE)
            self.assertEqual(done.returncode, 0)
            tree = path.read_bytes()
            self.assertEqual(tree[:4], b"\xd0\x0d\xfe\xed")
            self.assertEqual(len(tree), int.from_bytes(tree[4:8], "big"))
            for text in (b"riscv-virtio", b"cpu@2\0", b"ns16550a\0",
                         b"qemu,fw-cfg-mmio\0", b"cfi-flash\0"):
                self.assertIn(text, tree)


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
