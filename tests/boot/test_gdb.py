#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb (Debian's gdb-multiarch) on a guest that runs OpenSBI and Linux."""

import socket
import subprocess
import time

import guest as g
from guest import GuestTest, tap


class Rsp:
    """The remote serial protocol by hand (gdb manual, appendix E)."""

    def __init__(self, where):
        """@where: a unix socket that appears, or a socket that is connected."""
        connected = isinstance(where, socket.socket)
        self.socket = where if connected else self.connect(str(where))
        if self.socket.family == socket.AF_INET:
            # acknowledgements are small packets before others
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.close = self.socket.close
        self.ask("?")

    @staticmethod
    def connect(path):
        until = time.monotonic() + 20 * g.PATIENCE
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(20 * g.PATIENCE)
        while True:
            try:
                made.connect(path)
                return made
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def raw(self, data):
        self.socket.sendall(data)

    def byte(self):
        data = self.socket.recv(1)
        if not data:
            raise AssertionError("the stub closed the connection")
        return data

    def send(self, text):
        self.raw(b"$%s#%02x" % (text.encode(), sum(text.encode()) & 0xff))
        while self.byte() != b"+":
            pass

    def reply(self):
        while self.byte() != b"$":
            pass
        data = b""
        while not data.endswith(b"#"):
            data += self.byte()
        self.byte(), self.byte()
        self.raw(b"+")
        return data[:-1].decode(errors="replace")

    def ask(self, text):
        self.send(text)
        return self.reply()


class Gdb(GuestTest):
    def setUp(self):
        super().setUp()
        self.gdb = g.tool("gdb-multiarch", "gdb-multiarch")
        self.port = g.free_port()

    def machine(self, *args, smp=1, where=None):
        initrd = self.initrd("gdb.gz", "echo RUNS; sleep 1")
        return self.linux(initrd, "-gdb", where or
                          f"tcp:127.0.0.1:{self.port}", "-S", *args, smp=smp)

    def by_hand(self):
        """Packets to a machine."""
        self.machine(where=f"unix:{self.dir}/gdb")
        rsp = Rsp(self.dir / "gdb")
        self.addCleanup(rsp.close)
        return rsp

    def run_gdb(self, *commands):
        argv = [self.gdb, "-nx", "-batch", "-ex", "set pagination off", "-ex",
                "set confirm off", "-ex", "set tcp connect-timeout 20", "-ex",
                "set architecture riscv:rv64", "-ex",
                f"target remote 127.0.0.1:{self.port}"]
        for command in commands:
            argv += ["-ex", command]
        done = subprocess.run(argv, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False,
                              timeout=120 * g.PATIENCE)
        return done.stdout

    def test_first_instruction_is_in_the_reset_rom(self):
        self.machine()
        text = self.run_gdb("info registers pc", "x/i $pc", "kill")
        self.assertRegex(text, r"pc +0x1000\b")

    def test_breakpoint_and_continue(self):
        self.machine()
        text = self.run_gdb("break *0x80000000", "continue",
                            "info registers pc", "stepi",
                            "info registers pc", "delete",
                            "hbreak *0x80200000", "continue",
                            "info registers pc a0", "kill")
        self.assertRegex(text, r"Breakpoint 1, 0x0+80000000")
        self.assertRegex(text, r"pc +0x80000000\b")
        self.assertRegex(text, r"pc +0x8000000[24]\b")
        self.assertRegex(text, r"Breakpoint 2, 0x0+80200000")
        self.assertRegex(text, r"a0 +0x0\b")

    def test_memory_and_registers_can_be_written(self):
        self.machine()
        text = self.run_gdb("set {long}0x80001000 = 0x1122334455667788",
                            "x/2xw 0x80001000", "set $t0 = 0x42",
                            "info registers t0", "kill")
        self.assertRegex(text, r"0x80001000:\s+0x55667788\s+0x11223344")
        self.assertRegex(text, r"t0 +0x42\b")

    # A store of t0 at t1, t0 + 1, a load from t1 + 8, and round again.
    LOOP = (0x00533023, 0x00128293, 0x00833383, 0xff5ff06f)

    def loop_commands(self):
        yield from (f"set {{int}}{0x80100000 + 4 * i:#x} = {word:#x}"
                    for i, word in enumerate(self.LOOP))
        yield from ("set $pc = 0x80100000", "set $t0 = 5",
                    "set $t1 = 0x80200800")

    def test_write_watchpoint(self):
        self.machine()
        text = self.run_gdb(*self.loop_commands(),
                            "set {long}0x80200800 = 0",
                            "watch *(long *)0x80200800", "continue",
                            "continue", "info registers pc", "kill")
        self.assertRegex(text, r"(?s)Old value = 0\s+New value = 5.*"
                         r"Old value = 5\s+New value = 6")
        self.assertRegex(text, r"pc +0x80100004\b")

    def test_read_watchpoint(self):
        self.machine()
        text = self.run_gdb(*self.loop_commands(),
                            "set {long}0x80200808 = 77",
                            "rwatch *(long *)0x80200808", "continue",
                            "info registers pc", "kill")
        self.assertRegex(text, r"Value = 77")
        self.assertRegex(text, r"pc +0x801000(08|0c)\b")

    def test_interrupt_of_a_running_guest(self):
        rsp = self.by_hand()
        for i, word in enumerate(self.LOOP):
            rsp.ask(f"M{0x80100000 + 4 * i:x},4:"
                    + word.to_bytes(4, "little").hex())
        rsp.ask("P20=" + (0x80100000).to_bytes(8, "little").hex())
        rsp.ask("P6=" + (0x80200800).to_bytes(8, "little").hex())
        rsp.send("vCont;c")
        time.sleep(0.5)
        rsp.raw(b"\x03")
        self.assertRegex(rsp.reply(), r"^T02")  # SIGINT
        pc = int.from_bytes(bytes.fromhex(rsp.ask("p20")), "little")
        self.assertIn(pc, range(0x80100000, 0x80100010))

    def test_malformed_packets_are_survived(self):
        rsp = self.by_hand()
        rsp.raw(b"$m0,4#00")  # a wrong checksum
        self.assertEqual(rsp.byte(), b"-")
        self.assertEqual(rsp.ask("qNoSuchThing"), "")
        self.assertEqual(rsp.ask("vNoSuchThing"), "")
        for bad in ("m", "mzz,4", "m0,fffffffffffffff", "M0,4:1", "P", "Pzz=1",
                    "Z9,0,4", "Z0", "Hgzz", "vCont;q"):
            self.assertRegex(rsp.ask(bad), r"^(E[0-9a-f]{2}.*|)$", bad)
        self.assertRegex(rsp.ask("?"), r"^[TS]05")

    def test_stepping_follows_the_program(self):
        self.machine()
        text = self.run_gdb(*self.loop_commands(), *["stepi"] * 5,
                            "info registers pc t0", "kill")
        self.assertRegex(text, r"pc +0x80100004\b")
        self.assertRegex(text, r"t0 +0x6\b")

    def test_threads_are_cpus(self):
        self.machine(smp=4)
        text = self.run_gdb("info threads", "thread 3", "info registers pc",
                            "kill")
        for number in range(1, 5):
            self.assertRegex(text, rf"Thread [\w.]*{number}\b.*(halted|running|CPU)"
                             if number == 1 else rf"Thread [\w.]*{number}\b")
        self.assertRegex(text, r"pc +0x1000\b")

    def test_detach_lets_the_guest_finish(self):
        guest = self.machine()
        self.run_gdb("break *0x80000000", "continue", "delete", "detach")
        guest.expect("RUNS", 120)
        self.finish(guest)

    def test_target_description_has_csrs(self):
        self.machine()
        text = self.run_gdb("info registers mstatus", "info registers satp",
                            "info registers fcsr", "kill")
        self.assertRegex(text, r"mstatus +0x")
        self.assertRegex(text, r"satp +0x0\b")
        self.assertRegex(text, r"fcsr +0x0\b")


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
