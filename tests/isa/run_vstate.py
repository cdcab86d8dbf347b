#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Vector state through saved state and gdb: prog/vstate.c in the machine.

  run_vstate.py BUILD PROGRAM-64.elf PROGRAM-32.elf
"""
import pathlib
import re
import socket
import sys
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
PROGRAMS = {path.stem.rsplit("-", 1)[1]: path.resolve()
            for path in map(pathlib.Path, sys.argv[2:])}
SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position
from test_gdb import Rsp  # pylint: disable=wrong-import-position

NAMES = ["vstart", "vxsat", "vxrm", "vcsr", "vl", "vtype", "vlenb"]
VECTORS = [f"v{n}" for n in range(32)]


class Gdb(Rsp):
    """Registers by name, as the target description numbers them."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60 * g.PATIENCE)
        self.socket.connect(str(path))
        self.ask("?")
        self.number, self.bits, number = {}, {}, 0
        for name in re.findall(r'include href="([^"]+)"',
                               self.annex("target.xml")):
            text = self.annex(name)
            if name == "riscv-vector.xml":
                self.vector = text
            for attributes in re.findall(r"<reg ([^>]*)/>", text):
                reg = dict(re.findall(r'(\w+)="([^"]*)"', attributes))
                number = int(reg.get("regnum", number))
                self.number[reg["name"]] = number
                self.bits[reg["name"]] = int(reg["bitsize"])
                number += 1

    def annex(self, name):
        text, more = "", "m"
        while more == "m":
            part = self.ask(f"qXfer:features:read:{name}:{len(text):x},400")
            more, text = part[0], text + part[1:]
        return text

    def read(self, name):
        return bytes.fromhex(self.ask(f"p{self.number[name]:x}"))

    def value(self, name):
        return int.from_bytes(self.read(name), "little")

    def write(self, name, data):
        return self.ask(f"P{self.number[name]:x}={data.hex()}")

    def state(self):
        return {name: self.read(name) for name in NAMES + VECTORS}

    def end(self):
        self.socket.close()


class VectorState(GuestTest):
    """What gdb shows is what is saved, restored and used."""

    def machine(self, number, xlen, vlen, engine, *args):
        qmp = self.dir / f"qmp{number}"
        guest = self.start(
            "-M", "virt", "-cpu", f"max,vlen={vlen}", "-accel",
            "tcg" + engine, "-m", "64", "-display", "none", "-serial", "stdio",
            "-monitor", "none", "-bios", PROGRAMS[xlen], "-qmp",
            f"unix:{qmp},server=on,wait=off", "-gdb",
            f"unix:{self.dir}/gdb{number},server=on,wait=off", *args,
            binary=str(BUILD / f"qemu-system-riscv{xlen}"))
        client = Qmp(qmp)
        self.addCleanup(client.close)
        return guest, client

    def gdb(self, number):
        gdb = Gdb(self.dir / f"gdb{number}")
        self.addCleanup(gdb.end)
        return gdb

    def check(self, xlen, vlen, engine):
        first, qmp = self.machine(0, xlen, vlen, engine)
        first.expect(r"\.\.", 60)
        qmp.command("stop")
        gdb = self.gdb(0)
        before = gdb.state()
        self.assertEqual(gdb.value("vlenb"), vlen // 8)
        self.assertEqual({gdb.bits[name] for name in VECTORS}, {vlen})
        self.assertIn(f'type="uint32" count="{vlen // 32}"', gdb.vector)
        self.assertEqual(gdb.value("vcsr"),
                         gdb.value("vxrm") << 1 | gdb.value("vxsat"))
        # one register and one CSR are changed and put back
        other = bytes(255 - b for b in before["v9"])
        self.assertEqual(gdb.write("v9", other), "OK")
        self.assertEqual(gdb.read("v9"), other)
        self.assertEqual(gdb.read("v8"), before["v8"])
        self.assertEqual(gdb.read("v10"), before["v10"])
        self.assertEqual(gdb.write("v9", before["v9"]), "OK")
        wide = len(before["vxrm"])
        self.assertEqual(gdb.write("vxrm", bytes([2]) + bytes(wide - 1)), "OK")
        self.assertEqual(gdb.value("vcsr") >> 1, 2)
        gdb.write("vxrm", before["vxrm"])
        self.assertEqual(gdb.state(), before)
        gdb.end()
        state = self.dir / "state"
        qmp.migrate(f"file:{state}")
        qmp.command("quit")
        self.assertEqual(first.wait(), 0)

        second, qmp = self.machine(1, xlen, vlen, engine, "-S", "-incoming",
                                   "defer")
        qmp.command("migrate-incoming", uri=f"file:{state}")
        while qmp.command("query-status")["status"] == "inmigrate":
            time.sleep(0.02)
        gdb = self.gdb(1)
        self.assertEqual(gdb.state(), before)
        gdb.end()
        qmp.command("cont")
        second.expect(r"\.\.\.", 60)
        second.send("x")
        self.assertEqual(second.wait(), 0, "the program found a difference")

    def test_rv64_vlen_128(self):
        self.check("64", 128, "")

    def test_rv64_vlen_1024(self):
        self.check("64", 1024, "")

    def test_rv32_vlen_256(self):
        self.check("32", 256, "")

    def test_rv32_vlen_512_interpreter(self):
        self.check("32", 512, ",interp=on")


if __name__ == "__main__":
    del sys.argv[1:]
    tap.main()
