#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The human monitor's commands, and what QMP has beside run control.

One machine that does not run, made once; what a test changes it puts back.
"""

import base64
import pathlib
import random
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp, QmpError  # pylint: disable=wrong-import-position
from test_gdb import Rsp  # pylint: disable=wrong-import-position

RAM = 0x80000000
DATA = bytes(range(0x41, 0x61)) + b"it's\n\0" + bytes(26)
# lui t0, 0x100; lui t1, 5; addi t1, t1, 0x555; sw t1, 0(t0); j .
POWER_OFF = struct.pack("<5I", 0x001002b7, 0x00005337, 0x55530313, 0x0062a023,
                        0x0000006f)
UUID = "550e8400-e29b-41d4-a716-446655440000"


class Monitor(GuestTest):
    """A stopped machine with DATA in its memory."""

    def setUp(self):
        super().setUp()
        (self.dir / "data").write_bytes(DATA)
        self.start("-M", "virt", "-nodefaults", "-nographic", "-S", "-m", "64",
                   "-smp", "2", "-bios", "none", "-uuid", UUID, "-name", "foo",
                   "-device", f"loader,file={self.dir}/data,addr={RAM},"
                   "force-raw=on", "-chardev", "ringbuf,id=rb,size=64",
                   "-chardev", "null,id=n0", "-qmp",
                   f"unix:{self.dir}/qmp,server=on,wait=off",
                   "-gdb", f"unix:{self.dir}/gdb")
        self.qmp = Qmp(self.dir / "qmp")
        self.addCleanup(self.qmp.close)

    def hmp(self, line, cpu=0):
        return self.qmp.command("human-monitor-command",
                                **{"command-line": line, "cpu-index": cpu})

    def says(self, rows):
        for line, text in rows:
            with self.subTest(line=line):
                self.assertEqual(self.hmp(line).strip(), text)


class Memory(Monitor):
    """x, xp, print, addresses, files, ports."""

    def test_formats(self):
        self.says((
            ("xp/4xw 0x80000000", "0000000080000000: 0x44434241 0x48474645 "
             "0x4c4b4a49 0x504f4e4d"),
            ("x/2xg 0x80000000", "0000000080000000: 0x4847464544434241 "
             "0x504f4e4d4c4b4a49"),
            ("xp/3xb 0x80000000+1", "0000000080000001: 0x42 0x43 0x44"),
            ("xp/2uh 0x80000000", "0000000080000000: 16961 17475"),
            ("xp /2oh 0x80000000", "0000000080000000: 041101 042103"),
            ("xp/2dw 0x80000000", "0000000080000000: 1145258561 1212630597"),
            ("xp/2 0x80000000", "0000000080000000: 1145258561 1212630597"),
            ("xp/7cb 0x80000020", "0000000080000020: 'i' 't' '\\'' 's' '\\n'"
             " '\\x00' '\\x00'"),
            ("xp/1s 0x80000020", '0000000080000020: "it\'s\\n"'),
            ("xp/0x 0x80000000", ""),
        ))
        # more than a line
        self.assertEqual(len(self.hmp("xp/8xw 0x80000000").splitlines()), 2)

    def test_instructions(self):
        text = self.hmp("x/2i $pc")  # the reset vector
        self.assertRegex(text, r"(?m)^0x00001000:  00000297 +auipc\s+t0")
        self.assertRegex(text, r"(?m)^0x00001004:  ")
        self.assertEqual(len(text.splitlines()), 2)

    def test_expressions(self):
        self.says((
            ("p 1+2*3", "0x7"), ("p/x (1+2)*3", "0x9"), ("p/d -1", "-1"),
            ("p/u -1", str(2**64 - 1)), ("p/o 8", "010"), ("p/c 65", "'A'"),
            ("p/x 0x10 & 3 | 8 ^ 1", "0x9"), ("p 1+2&4", "0x1"),
            ("p 'a'", "0x61"), ("p ~0", "0x" + "f" * 16),
            ("p/d -5/2", "-2"), ("p/d 5%3", "2"),
            ("p/d 0x8000000000000000/-1", str(-2**63)),
            ("p/d 0x8000000000000000%-1", "0"),
            ("p/x $pc+4", "0x1004"), ("p $a0", "0"),
        ))
        self.assertEqual(self.hmp("p $mhartid").strip(), "0")
        self.assertEqual(self.hmp("p $mhartid", cpu=1).strip(), "0x1")

    def test_mistakes(self):
        for line, names in (
                ("p", "unexpected end"), ("p 1/0", "division by zero"),
                ("p 1%0", "division by zero"), ("p (1", "')' expected"),
                ("p $nosuch", "nosuch"), ("p 1 2", "extraneous"),
                ("p 18446744073709551616", "too large"), ("p !0", "'!'"),
                ("p " + "(" * 4000, "too deep"), ("p 'ab'", "missing"),
                ("x/q 0x1000", "'q'"), ("x/99999999999xw 0", "beyond"),
                ("i/b 0x60", "no I/O ports"), ("o/b 0x60 1", "no I/O ports"),
                ("memsave 0x1000", "unexpected end"),
                ("memsave 0x1000 16", "filename"),
                ("sum 0xfffffffffffff000 16", "access"),
                ("gpa2hva 0x10000000", "not RAM"),
                ("gpa2hva 0x40", "No memory is mapped"),
                ("cpu 5", "CPU index"), ("log nosuch", "nosuch"),
                ("logfile /nosuch/x", "/nosuch"), ("nmi", "NMI"),
                ("trace-event nosuch on", "nosuch"),
                ("info registers 7", "7")):
            with self.subTest(line=line[:40]):
                text = self.hmp(line)
                self.assertTrue(text.startswith("Error: "), text)
                self.assertIn(names, text)
        for line in ("xp 0xfffffffffffff000", "x 0xfffffffffffffff0",
                     "x/1i 0xfffffffffffffff0", "x/1s 0xfffffffffffffff0"):
            self.assertIn("Cannot access memory", self.hmp(line))
        self.assertIn("unknown command", self.hmp("nosuch/x"))

    def test_addresses(self):
        self.assertRegex(self.hmp(f"gpa2hva {RAM}"),
                         rf"for 0x{RAM:x} \(.*\) is 0x[0-9a-f]+\n")
        self.assertEqual(self.hmp("gva2gpa 0x1000"), "gpa: 0x1000\n")
        for what in ("mem", "tlb"):
            self.assertIn("No translation", self.hmp(f"info {what}"))

    def test_files(self):
        for command in ("memsave", "pmemsave"):
            path = self.dir / command
            self.assertEqual(self.hmp(f'{command} {RAM}+1 8 "{path}"'), "")
            self.assertEqual(path.read_bytes(), DATA[1:9])
        self.assertIn("Invalid addr", self.hmp(
            f'memsave 0xfffffffffffff000 16 "{self.dir}/x"'))
        with self.assertRaises(QmpError):
            self.qmp.command("pmemsave", val=2**64 - 8, size=16,
                             filename=str(self.dir / "x"))

    def test_sum(self):
        total = 0
        for byte in DATA[:32]:
            total = ((total >> 1 | total << 15) + byte) & 0xffff
        self.assertEqual(self.hmp(f"sum {RAM} 32"), f"{total:05}\n")


class Control(Monitor):
    """Logs, character devices, migration, info."""

    def test_nothing_runs_while_its_state_is_saved(self):
        self.qmp.command("migrate-set-capabilities", capabilities=[
            {"capability": "pause-before-switchover", "state": True}])
        self.qmp.command("cont")
        self.qmp.command("migrate", uri=f"file:{self.dir}/saved")
        while self.qmp.command("query-migrate")["status"] != "pre-switchover":
            pass
        gdb = Rsp(self.dir / "gdb")
        self.addCleanup(gdb.close)
        for _ in range(2):
            with self.assertRaisesRegex(QmpError, "not finalized"):
                self.qmp.command("cont")
            self.assertEqual(gdb.ask("vCont;c"), "E16")
            self.assertEqual(self.qmp.command("query-status")["status"],
                             "finish-migrate")
            self.qmp.command("stop")  # changes nothing
        self.qmp.command("migrate_cancel")
        while self.qmp.command("query-migrate")["status"] != "cancelled":
            pass
        self.assertTrue(self.qmp.command("query-status")["running"])

    def test_stop_ends_nothing_but_running(self):
        """A machine that stands has a reason, which `cont` asks for."""
        self.qmp.command("stop")
        self.assertEqual(self.qmp.command("query-status")["status"],
                         "prelaunch")
        gdb = Rsp(self.dir / "gdb")
        self.assertEqual(gdb.ask(f"M{RAM:x},{len(POWER_OFF):x}:"
                                 + POWER_OFF.hex()), "OK")
        gdb.close()
        self.qmp.command("set-action", shutdown="pause")
        self.qmp.command("cont")
        self.qmp.event("STOP")
        self.qmp.command("stop")
        self.assertEqual(self.qmp.command("query-status")["status"],
                         "shutdown")
        with self.assertRaisesRegex(QmpError, "Resetting .* is required"):
            self.qmp.command("cont")

    def test_logs(self):
        path = self.dir / "log"
        self.says((("log int,mmu", ""), (f"logfile {path}", ""),
                   ("log none", ""), ("trace-event serial_* on", ""),
                   ("trace-event serial_* off", "")))
        self.assertTrue(path.exists())
        self.assertIn("guest_errors", self.hmp("log help"))
        self.assertRegex(self.hmp("info trace-events serial_*"),
                         r"(?m)^serial_\w+ : state 0$")

    def test_ring_buffers(self):
        self.says((("ringbuf_write rb 'a b\\'", ""),
                   ("ringbuf_read rb 3", "a b"),
                   ("ringbuf_read rb 9", "\\\\"),
                   ("ringbuf_read n0 9", "Error: n0 is not a ringbuf device")))
        data = base64.b64encode(b"\x01\xff").decode()
        self.qmp.command("ringbuf-write", device="rb", data=data,
                         format="base64")
        self.assertEqual(self.hmp("ringbuf_read rb 9"), "\\u0001\\u00ff\n")

    def test_character_devices_change(self):
        self.says((("chardev-add ringbuf,id=c,size=16", ""),
                   ("chardev-change c null", ""),
                   ("ringbuf_write c x",
                    "Error: c is not a ringbuf device"),
                   ("chardev-send-break c", ""), ("chardev-remove c", ""),
                   ("chardev-change c null",
                    "Error: Chardev 'c' does not exist")))
        self.qmp.command("chardev-change", id="n0", backend={
            "type": "ringbuf", "data": {"size": 64}})
        self.qmp.command("ringbuf-write", device="n0", data="x")
        with self.assertRaises(QmpError):  # the old one stays
            self.qmp.command("chardev-change", id="n0", backend={
                "type": "file", "data": {"out": "/nosuch/x"}})
        self.assertEqual(self.qmp.command("ringbuf-read", device="n0",
                                          size=9), "x")

    def test_migration(self):
        self.says((("migrate_set_capability events on", ""),
                   ("migrate_set_parameter max-bandwidth 3", ""),
                   ("migrate_set_parameter downtime-limit 77", ""),
                   ("info migrate_parameters",
                    f"max-bandwidth: {3 << 20} bytes/second\n"
                    "downtime-limit: 77 ms")))
        self.assertIn("events: on", self.hmp("info migrate_capabilities"))
        for line in ("migrate_set_capability nosuch on",
                     "migrate_set_capability events maybe",
                     "migrate_set_parameter nosuch 1",
                     "migrate_set_parameter max-bandwidth x",
                     "migrate_continue pre-switchover", "migrate_pause",
                     "migrate_recover tcp:0:1", "migrate_incoming defer",
                     "migrate nosuch:x"):
            self.assertTrue(self.hmp(line).startswith("Error: "), line)
        self.hmp("migrate_set_parameter max-bandwidth 0")
        self.hmp(f"migrate -d file:{self.dir}/saved")
        while self.qmp.event("MIGRATION")["data"]["status"] != "completed":
            pass
        self.assertIn("Migration status: completed", self.hmp("info migrate"))
        self.assertGreater((self.dir / "saved").stat().st_size, 1000)

    def test_info(self):
        self.says((("info uuid", UUID), ("info name", "foo"),
                   ("info memory_size_summary", f"base memory: {64 << 20}"),
                   ("info numa", "0 nodes"), ("info stats vm", "")))
        for line, pattern in (
                ("info cpus", r"(?m)^\* CPU #0: thread_id="),
                ("info memdev", r"memory backend: .*\n  size:  67108864\n"),
                ("info roms", r'(?m)^addr=0*80000000 size=0x0+40 mem=ram'),
                ("info ramblock", r"(?m)\bPSize\b"),
                ("info kvm", r"^kvm support: "),
                ("info registers", r"CPU#0\n pc "),
                ("info registers -a", r"(?s)CPU#0\n.*CPU#1\n"),
                ("info hotpluggable-cpus", "does not support"),
                ("info lapic", "CPU 0 shows no local interrupt controller"),
                ("info lapic 7", "no CPU has that APIC id"),
                ("info nosuch", "nosuch"), ("info", r"(?m)^info uuid -- "),
                ("help info mem", r"^info mem -- "),
                ("help x", "/FMT"), ("help", r"(?m)^xp /FMT ADDR -- ")):
            self.assertRegex(self.hmp(line), pattern, line)
        self.assertRegex(self.hmp("info cpus", cpu=1), r"(?m)^\* CPU #1:")

    def test_texts_of_qmp(self):
        for name in ("roms", "ramblock", "numa", "jit"):
            self.assertTrue(self.qmp.command(f"x-query-{name}")
                            ["human-readable-text"], name)
        self.assertEqual(self.qmp.command("query-stats", target="vm"), [])
        self.assertEqual(self.qmp.command("query-stats-schemas"), [])


def core(path):
    """Class, machine, [(type, offset, va, pa, size)] of an ELF core."""
    data = path.read_bytes()
    assert data[:4] == b"\x7fELF" and data[5:7] == b"\x01\x01"
    wide = data[4] == 2
    kind, machine = struct.unpack_from("<HH", data, 16)
    assert kind == 4, "ET_CORE"
    if wide:
        (start,) = struct.unpack_from("<Q", data, 32)
        size, number = struct.unpack_from("<HH", data, 54)
    else:
        (start,) = struct.unpack_from("<I", data, 28)
        size, number = struct.unpack_from("<HH", data, 42)
    rows = []
    for at in range(start, start + number * size, size):
        if wide:
            what, _, offset, va, pa, length = struct.unpack_from(
                "<IIQQQQ", data, at)
        else:
            what, offset, va, pa, length = struct.unpack_from(
                "<IIIII", data, at)
        rows.append((what, offset, va, pa, length))
    return wide, machine, rows, data


class Dump(Monitor):
    """dump-guest-memory: a core that says what memory and CPUs held."""

    def dump(self, **arguments):
        path = self.dir / "core"
        self.qmp.command("dump-guest-memory",
                         **{"paging": False, "protocol": f"file:{path}",
                            **arguments})
        return path

    def check_notes(self, rows, data, width):
        """A NT_PRSTATUS for each CPU: its number, and pc first."""
        self.assertEqual([r[0] for r in rows].count(4), 1)
        _, at, _, _, length = rows[0]
        end = at + length
        for cpu in range(2):
            sizes = struct.unpack_from("<III", data, at)
            self.assertEqual(sizes[0::2], (5, 1))
            self.assertEqual(data[at + 12:at + 17], b"CORE\0")
            desc = at + 20
            self.assertEqual(sizes[1], 376 if width == 8 else 204)
            pid = 32 if width == 8 else 24
            self.assertEqual(data[desc + pid], cpu + 1)
            regs = desc + (112 if width == 8 else 72)
            self.assertEqual(int.from_bytes(data[regs:regs + width],
                                            "little"), 0x1000)
            at = desc + sizes[1]
        self.assertEqual(at, end)

    def test_whole_memory(self):
        path = self.dump()
        wide, machine, rows, data = core(path)
        self.assertEqual((wide, machine), (True, 243))
        self.check_notes(rows, data, 8)
        by_address = {r[3]: r for r in rows if r[0] == 1}
        _, offset, va, _, length = by_address[RAM]
        self.assertEqual((va, length), (RAM, 64 << 20))
        self.assertEqual(data[offset:offset + len(DATA)], DATA)
        self.assertIn(0x1000, by_address)  # the reset vector
        total = sum(r[4] for r in by_address.values())
        self.assertEqual(self.qmp.command("query-dump"), {
            "status": "completed", "completed": total, "total": total})

    def test_a_part(self):
        _, _, rows, data = core(self.dump(begin=RAM + 1, length=4))
        self.assertEqual([r[2:] for r in rows if r[0] == 1],
                         [(RAM + 1, RAM + 1, 4)])
        offset = rows[1][1]
        self.assertEqual(data[offset:], DATA[1:5])

    def test_paging_without_page_tables_is_physical(self):
        _, _, rows, _ = core(self.dump(paging=True))
        self.assertIn((RAM, RAM, 64 << 20), [r[2:] for r in rows])

    def test_detached(self):
        self.qmp.command("cont")
        self.dump(detach=True)
        event = self.qmp.event("DUMP_COMPLETED")["data"]
        self.assertEqual(event["result"]["status"], "completed")
        self.assertNotIn("error", event)
        self.qmp.event("RESUME")
        self.assertTrue(self.qmp.command("query-status")["running"])
        self.assertEqual(self.hmp("info dump"), "Status: completed\n")
        self.qmp.command("stop")

    def test_mistakes(self):
        self.assertEqual(self.qmp.command("query-dump")["status"], "none")
        self.assertEqual(
            self.qmp.command("query-dump-guest-memory-capability"),
            {"formats": ["elf"]})
        for arguments, names in (
                ({"protocol": "x:y"}, "protocol"),
                ({"protocol": "file:/nosuch/x"}, "/nosuch/x"),
                ({"protocol": "fd:nosuch"}, "nosuch"),
                ({"begin": RAM}, "length"), ({"length": 1}, "begin"),
                ({"begin": RAM, "length": 0}, "non-zero"),
                ({"begin": RAM, "length": -1}, "length"),
                ({"begin": -1, "length": 1}, "begin"),
                ({"begin": 2**63 - 1, "length": 2**63 - 1}, "begin"),
                ({"begin": 0x40000000, "length": 4096}, "no guest memory"),
                ({"format": "kdump-zlib"}, "kdump-zlib"),
                ({"format": "nosuch"}, "nosuch")):
            with self.assertRaisesRegex(QmpError, names):
                self.dump(**arguments)
        self.assertFalse((self.dir / "core").exists())
        for line in ("dump-guest-memory", "dump-guest-memory -q x",
                     "dump-guest-memory -z x", "dump-guest-memory -w x",
                     "dump-guest-memory x 1", "dump-guest-memory x 1 z"):
            self.assertTrue(self.hmp(line).startswith("Error: "), line)

    def test_a_full_disk(self):
        with self.assertRaisesRegex(QmpError, "No space"):
            self.qmp.command("dump-guest-memory", paging=False,
                             protocol="file:/dev/full")
        self.assertEqual(self.qmp.command("query-dump")["status"], "failed")
        self.assertIn("No space",
                      self.qmp.event("DUMP_COMPLETED")["data"]["error"])


class Transaction(GuestTest):
    """Several backups at one moment, or none."""

    def setUp(self):
        super().setUp()
        self.images = [bytes([i + 1]) * 65536 for i in range(2)]
        args = []
        for i, data in enumerate(self.images):
            (self.dir / f"disk{i}").write_bytes(data)
            args += ["-drive", f"file={self.dir}/disk{i},format=raw,if=none,"
                     f"id=d{i}", "-device", f"virtio-blk-device,drive=d{i}"]
        self.start("-M", "virt", "-nodefaults", "-nographic", "-S", "-bios",
                   "none", *args, "-qmp",
                   f"unix:{self.dir}/qmp,server=on,wait=off",
                   "-gdb", f"unix:{self.dir}/gdb")
        self.qmp = Qmp(self.dir / "qmp")
        self.addCleanup(self.qmp.close)

    def backup(self, i, **more):
        return {"type": "drive-backup", "data": {
            "device": f"d{i}", "target": str(self.dir / f"copy{i}"),
            "format": "raw", "sync": "full", **more}}

    def test_both_disks_are_copied(self):
        self.qmp.command("transaction",
                         actions=[self.backup(0), self.backup(1)])
        for _ in self.images:
            self.qmp.event("BLOCK_JOB_COMPLETED")
        for i, data in enumerate(self.images):
            self.assertEqual((self.dir / f"copy{i}").read_bytes(), data)

    def test_none_when_one_fails(self):
        for last in ({"type": "abort", "data": {}},
                     self.backup(1, device="nosuch"),
                     self.backup(1, target="/nosuch/x")):
            with self.assertRaises(QmpError):
                self.qmp.command("transaction",
                                 actions=[self.backup(0, speed=1), last])
            self.qmp.event("BLOCK_JOB_CANCELLED")
            self.assertEqual(self.qmp.command("query-block-jobs"), [])

    def bitmaps(self):
        """Those of disk 0: name, recording, dirty bytes."""
        disk = next(d for d in self.qmp.command("query-block")
                    if d["device"] == "d0")
        return sorted((b["name"], b["recording"], b["count"])
                      for b in disk["inserted"].get("dirty-bitmaps", []))

    def bitmap(self, verb, name, **more):
        return {"type": f"block-dirty-bitmap-{verb}",
                "data": {"node": "d0", **({"name": name} if name else {}),
                         **more}}

    def test_bitmaps_change_together_or_not_at_all(self):
        change = [self.bitmap("clear", "a"), self.bitmap("disable", "a"),
                  self.bitmap("remove", "b"), self.bitmap("add", "c"),
                  self.bitmap("merge", None, target="c", bitmaps=["a"])]
        self.qmp.command("transaction", actions=[
            self.bitmap("add", "a"), self.bitmap("add", "b", disabled=True),
            self.bitmap("enable", "b"), self.backup(0)])
        self.qmp.event("BLOCK_JOB_COMPLETED")
        before = [("a", True, 0), ("b", True, 0)]
        self.assertEqual(self.bitmaps(), before)
        for last in ({"type": "abort", "data": {}},
                     self.bitmap("clear", "nosuch"),
                     self.bitmap("merge", None, target="c", bitmaps=[
                         {"node": "d1", "name": "nosuch"}])):
            with self.assertRaises(QmpError):
                self.qmp.command("transaction", actions=change + [last])
            self.assertEqual(self.bitmaps(), before)
        self.qmp.command("transaction", actions=change)
        self.assertEqual(self.bitmaps(), [("a", False, 0), ("c", True, 0)])

    def test_sync_and_bitmap_go_together(self):
        self.qmp.command("block-dirty-bitmap-add", node="d0", name="a")
        for arguments in ({"sync": "incremental"}, {"sync": "bitmap"},
                          {"sync": "bitmap", "bitmap": "a"},
                          {"sync": "full", "bitmap": "a"},
                          {"sync": "full", "bitmap-mode": "never"},
                          {"sync": "full", "bitmap": "a",
                           "bitmap-mode": "never"},
                          {"sync": "none", "bitmap": "a",
                           "bitmap-mode": "always"},
                          {"sync": "incremental", "bitmap": "a",
                           "bitmap-mode": "always"},
                          {"sync": "incremental", "bitmap": "nosuch"}):
            with self.assertRaises(QmpError):
                self.qmp.command("drive-backup", **{
                    **self.backup(0)["data"], **arguments})
        self.qmp.command("drive-backup", **{
            **self.backup(0)["data"], "sync": "incremental", "bitmap": "a"})
        self.qmp.event("BLOCK_JOB_COMPLETED")
        with self.assertRaises(QmpError):
            self.qmp.command("drive-mirror", **{
                **self.backup(0)["data"], "sync": "incremental"})

    def test_mistakes(self):
        self.assertEqual(self.qmp.command("transaction", actions=[]), {})
        for arguments in ({"actions": [{"type": "nosuch", "data": {}}]},
                          {"actions": [{"type": "drive-backup", "data": 5}]},
                          {"actions": [{"type": "drive-backup"}]},
                          {"actions": 5}, {},
                          {"actions": [], "properties":
                           {"completion-mode": "grouped"}}):
            with self.assertRaises(QmpError):
                self.qmp.command("transaction", **arguments)


class Yank(GuestTest):
    """Connections that hang are cut; who waits for them goes on."""

    def setUp(self):
        super().setUp()
        # more than a socket holds, for a migration
        (self.dir / "noise").write_bytes(random.Random(1).randbytes(4 << 20))
        self.start("-M", "virt", "-nodefaults", "-nographic", "-S", "-m", "64",
                   "-bios", "none", "-kernel", str(self.dir / "noise"),
                   "-chardev",
                   f"socket,id=c,path={self.dir}/c,server=on,wait=off",
                   "-serial", "chardev:c",
                   "-qmp", f"unix:{self.dir}/qmp,server=on,wait=off")
        self.qmp = Qmp(self.dir / "qmp")
        self.addCleanup(self.qmp.close)

    def client(self):
        """One connected to the serial port."""
        peer = socket.socket(socket.AF_UNIX)
        self.addCleanup(peer.close)
        peer.settimeout(self.qmp.timeout)
        peer.connect(str(self.dir / "c"))
        self.wait_for_peer(True)
        return peer

    def wait_for_peer(self, there):
        while there == any(c["label"] == "c" and
                           "disconnected" in c["filename"]
                           for c in self.qmp.command("query-chardev")):
            pass

    def kinds(self):
        return [y["type"] for y in self.qmp.command("query-yank")
                if y.get("id", "c") == "c"]

    def test_a_character_device_loses_its_peer(self):
        self.assertEqual(self.kinds(), ["chardev"])
        for _ in range(2):  # and takes the next
            peer = self.client()
            self.qmp.command("yank", instances=[{"type": "chardev",
                                                 "id": "c"}])
            self.assertEqual(peer.recv(1), b"")
            self.wait_for_peer(False)  # else the next takes it for its own

    def test_nothing_is_cut_unless_all_are_there(self):
        peer = self.client()
        for more in ({"type": "chardev", "id": "nosuch"},
                     {"type": "migration"}):
            with self.assertRaises(QmpError) as caught:
                self.qmp.command("yank", instances=[
                    {"type": "chardev", "id": "c"}, more])
            self.assertEqual(caught.exception.cls, "DeviceNotFound")
        peer.setblocking(False)
        with self.assertRaises(BlockingIOError):
            peer.recv(1)
        self.assertEqual(self.qmp.command("yank", instances=[]), {})

    def test_a_changed_device_is_found_by_its_name(self):
        self.qmp.command("chardev-change", id="c", backend={
            "type": "socket", "data": {"server": True, "wait": False, "addr": {
                "type": "unix", "data": {"path": str(self.dir / "d")}}}})
        self.assertEqual(self.kinds(), ["chardev"])
        self.qmp.command("chardev-change", id="c", backend={
            "type": "null", "data": {}})
        self.assertEqual(self.kinds(), [])

    def test_a_migration_that_hangs_fails(self):
        target = socket.socket(socket.AF_UNIX)
        self.addCleanup(target.close)
        target.bind(str(self.dir / "target"))
        target.listen()
        self.qmp.command("migrate", uri=f"unix:{self.dir}/target")
        self.assertIn("migration", self.kinds())  # nobody reads at the target
        self.qmp.command("yank", instances=[{"type": "migration"}])
        while self.qmp.command("query-migrate")["status"] != "failed":
            pass
        self.assertNotIn("migration", self.kinds())
        with self.assertRaises(QmpError):
            self.qmp.command("yank", instances=[{"type": "migration"}])


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
