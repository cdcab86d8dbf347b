#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A debugger on a guest under -accel kvm: prog/debug.c by raw packets, and a
session with gdb itself. What this machine's KVM cannot do is skipped, or done by
fault.c (INT3); test_nested.py has what needs another one."""

import re
import subprocess
import time
import unittest
import unittest.mock

from test_kvm import PROGRAMS, SHIM, KvmTest
import guest as g
from guest import tap
from qmp import Qmp
from debugger import EFLAGS, RAX, RCX, RDI, RDX, RIP, Debugger, symbols
from test_gdb import Rsp

AT = {}


class DebugTest(KvmTest):
    ARGS = ()

    def setUp(self):
        super().setUp()
        AT.update(AT or symbols(PROGRAMS / "debug.elf"))
        self.started = 0
        self.start()

    def start(self, *args, program="debug", accel="kvm", ready=True):
        """A guest that `idle`s, with a debugger and a monitor."""
        self.started += 1
        self.gdb = self.dir / f"gdb{self.started}"
        with unittest.mock.patch.dict("os.environ", {
                "LD_PRELOAD": str(SHIM), "TANDEM_INT3": "1"}):
            self.guest = self.run_guest(
                program, "-S", "-gdb", f"unix:{self.gdb}", "-qmp",
                f"unix:{self.dir}/q{self.started},server=on,wait=off", *self.ARGS,
                *args, accel=accel)
        self.addCleanup(self.guest.kill)
        self.connect()
        if ready:
            self.d.to_idle()

    def connect(self):
        rsp = Rsp(self.gdb)
        self.addCleanup(rsp.close)
        self.d = Debugger(rsp, AT)

    def monitor(self):
        qmp = Qmp(f"{self.dir}/q{self.started}")
        self.addCleanup(qmp.close)
        return qmp

    @staticmethod
    def byte(qmp, where, offset=0):
        """A byte of the guest's memory by the human monitor."""
        text = qmp.command("human-monitor-command",
                           command_line=f"xp/1xb {AT[where] + offset:#x}")
        return int(text.split()[-1], 16)

    def until(self, done):
        end = time.monotonic() + 60 * g.PATIENCE
        while not done():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)


UNUSED = [(1, 0x180000 + 16 * i) for i in range(4)]


class Points(DebugTest):
    def test_a_fifth_register_is_an_error(self):
        for point in UNUSED:
            self.assertEqual(self.d.point(*point), "OK")
        self.assertEqual(self.d.point(1, 0x190000), "E22")
        self.assertEqual(self.d.point(2, "words", 4), "E22")
        # an insn has room; nothing is mapped at the other
        self.assertEqual(self.d.point(0, "idle"), "OK")
        self.assertEqual(self.d.point(0, 0x7fff00000000), "E22")
        self.d.point(*UNUSED[0], insert=False)
        self.assertEqual(self.d.point(0, 0x7fff00000000), "OK")
        # to a client that shows it, the reason
        self.d.ask("qSupported:error-message+")
        self.assertEqual(self.d.point(1, 0x190000),
                         "E.all 4 debug registers are in use")

    def test_watchpoints_that_cannot_be(self):
        words = AT["words"]
        for kind, addr, size in ((2, words + 1, 2), (4, words + 4, 8),
                                 (2, words, 3), (2, words, 16), (2, words, 0)):
            self.assertEqual(self.d.point(kind, addr, size), "E22")
        # reads alone: gdb watches accesses then
        self.assertEqual(self.d.point(3, words, 4), "")
        for size in (1, 2, 4, 8):
            self.assertEqual(self.d.point(2, words, size), "OK")

    def test_stops_at_a_register_and_again(self):
        self.assertEqual(self.d.point(1, "idle"), "OK")
        for _ in range(2):
            self.assertEqual(self.d.ask("c"), "T05thread:01;")
            self.assertEqual(self.d.place(), "idle")

    def test_stops_at_an_insn(self):
        reply = self.d.go_to("at_call", points=[*UNUSED, (0, "callee")])
        self.assertEqual((reply, self.d.place()), ("T05thread:01;", "callee"))
        self.assertEqual(self.d.word("callee", 1), 0x90)
        self.assertEqual(self.d.seen(3), 0)

    def test_the_guests_own_int3_is_its_own(self):
        idle = (1, "idle")
        for points in ([idle], [*UNUSED[1:], idle, (0, "callee")]):
            before = self.d.seen(3)
            self.d.go_to("at_int3", points=points)
            self.assertEqual((self.d.seen(3) - before, self.d.place()),
                             (1, "idle"))
        # over one of its own
        self.d.go_to("at_int3", points=[*UNUSED, (0, "at_int3")])
        self.assertEqual((self.d.seen(3), self.d.place()), (2, "at_int3"))

    def test_the_guests_own_debug_registers_work(self):
        self.d.point(0, "callee")
        self.d.point(1, "idle")
        self.assertEqual(self.d.go_to("at_dr"), "T05thread:01;")
        self.assertEqual((self.d.seen(1), self.d.word("debug_dr6") & 0xe00f),
                         (1, 1))
        self.assertEqual(self.d.go_to("at_popf"), "T05thread:01;")
        self.assertEqual((self.d.seen(1), self.d.word("debug_dr6") & 0xe00f),
                         (2, 0x4000))

    def test_an_insn_that_the_guest_writes_over(self):
        """What it wrote stays; its memory is its own whenever it stops."""
        points = [*UNUSED[1:], (1, "idle"), (0, "patched")]
        self.d.go_to("at_patch", {RAX: 0x90}, points=points)
        self.assertEqual(self.d.place(), "idle")
        self.assertEqual(self.d.word("patched", 1), 0x90)
        self.d.go_to("patched", points=[*UNUSED, (0, "patched")])
        self.assertEqual(self.d.place(), "patched")

    def test_insns_are_there_while_it_runs(self):
        """Through a reset, which loads the program anew, and until the
        debugger goes."""
        qmp = self.monitor()
        for point in (*UNUSED, (0, "callee")):
            self.assertEqual(self.d.point(*point), "OK")
        self.d.rsp.send("c")
        qmp.event("RESUME")
        self.until(lambda: self.byte(qmp, "callee") == 0xcc)
        qmp.command("system_reset")
        qmp.event("RESET")
        self.assertEqual(self.byte(qmp, "callee"), 0xcc)
        self.d.rsp.raw(b"\x03")
        self.assertEqual(self.d.rsp.reply(), "T02thread:01;")
        self.assertEqual(self.d.word("callee", 1), 0x90)
        self.d.rsp.send("c")
        self.until(lambda: self.byte(qmp, "callee") == 0xcc)
        self.d.rsp.close()
        self.until(lambda: self.byte(qmp, "callee") == 0x90)
        self.assertEqual(qmp.command("query-status")["status"], "running")

    def test_stops_behind_a_write(self):
        reply = self.d.go_to("at_store", {RDI: AT["words"]},
                             points=[(1, "idle"), (2, "words", 4)])
        if reply == "T05thread:01;" and self.d.place() == "idle":
            raise unittest.SkipTest("this software KVM does not watch data")
        self.assertEqual(reply, f"T05thread:01;watch:{AT['words']:x};")


class Steps(DebugTest):
    def follow(self, place, *expected, regs=()):
        self.assertEqual(self.d.steps(place, len(expected), regs),
                         list(expected))

    def test_insns_of_all_kinds(self):
        words = AT["words"]
        self.follow("at_sti", "at_sti+1", "at_sti+2", "at_sti+3")
        self.follow("at_cpuid", "at_cpuid+2", "at_cpuid+4")
        self.follow("at_call", "callee", "callee+1", "at_call+5")
        self.follow("at_in", "at_in+1", "at_in+2", regs={RDX: 0x3fd})
        for device in (0xfeb00000, 0xfee00030):  # ours, the kernel's
            self.follow("at_mmio", "at_mmio+2", "at_mmio+3",
                        regs={RDI: device})
        self.assertEqual(self.d.seen(1), 0)
        found = self.d.steps("at_rep", 6, {RCX: 3, RDI: words})
        self.assertIn("at_rep+2", found)
        self.assertEqual(self.d.reg(RCX), 0)

    def test_the_shadow_of_a_stack_segment(self):
        """A processor takes the insn behind in the same step."""
        found = self.d.steps("at_ss", 2)
        self.assertEqual(found[0], "at_ss+2")
        self.assertIn(found[1], ("at_ss+4", "at_ss+5"))

    def test_iret_and_a_fault(self):
        self.assertIn("at_iret+20", self.d.steps("at_iret", 9))
        found = self.d.steps("at_ud", 9)
        self.assertTrue({"at_ud+2", "at_ud+3", "idle"} & set(found), found)
        self.assertEqual((self.d.seen(6), self.d.seen(1)), (1, 0))

    def test_steps_set_no_flag(self):
        self.follow("at_call", "callee")
        self.assertEqual(self.d.reg(EFLAGS) & 0x100, 0)

    def halts(self, mode):
        self.start(accel=f"kvm,kernel-irqchip={mode}")
        self.follow("at_hlt", "hlt_on")
        self.d.rsp.send("c")  # it sleeps; the debugger can end that
        self.d.rsp.raw(b"\x03")
        self.assertEqual(self.d.rsp.reply(), "T02thread:01;")
        # a software KVM does one insn before it sleeps
        self.assertIn(self.d.place(), ("hlt_on", "hlt_on+1"))

    def test_halting_with_the_apic_in_the_kernel(self):
        self.halts("split")

    def test_halting_with_the_apic_outside(self):
        self.halts("off")


class Cpus(DebugTest):
    ARGS = ("-smp", "2", "-append", "1")

    def start(self, *args, **kwargs):
        super().start(*args, **kwargs)
        reply = self.d.go_to(None, points=[(1, "other")])
        self.assertEqual(reply, "T05thread:02;")

    def test_who_stopped_is_the_current_thread(self):
        self.assertEqual(self.d.ask("qC"), "QC02")
        self.assertEqual(self.d.place(), "other")
        self.assertEqual(self.d.ask("Hg1"), "OK")
        self.assertNotIn("other", self.d.place())

    def test_one_steps_while_all_others_stand(self):
        turns = self.d.word("turns", 4)
        self.assertEqual(self.d.ask("vCont;s:2"), "T05thread:02;")
        self.assertEqual(self.d.place(), "other_on")
        self.assertEqual(self.d.word("turns", 4), turns)
        self.assertEqual(self.d.ask("Hc2"), "OK")
        self.assertEqual(self.d.ask("s"), "T05thread:02;")
        self.assertEqual(self.d.word("turns", 4), turns)

    def test_one_steps_while_all_others_run(self):
        turns = self.d.word("turns", 4)

        def others_ran():
            self.assertEqual(self.d.ask("vCont;s:2;c"), "T05thread:02;")
            return self.d.word("turns", 4) != turns

        self.until(others_ran)

    def test_a_point_stops_any(self):
        for point in (*UNUSED[:2], (1, "idle")):
            self.assertEqual(self.d.point(*point), "OK")
        self.assertEqual(self.d.ask("vCont;c"), "T05thread:01;")
        self.assertEqual(self.d.place(), "idle")
        # no CPU has a slot for two more
        self.assertEqual(self.d.point(1, "other"), "OK")
        self.assertEqual(self.d.point(1, "other_on"), "E22")

    def test_threads_that_are_none(self):
        for packet in ("Hg3", "Hc9", "T3", "vCont;s:3"):
            self.assertEqual(self.d.ask(packet), "E22")


class Client(DebugTest):
    def test_registers_are_what_was_written(self):
        numbers = [n for n in range(17) if n != RIP]
        for n in numbers:
            self.assertEqual(self.d.set_reg(n, 0x1100 + n), "OK")
        vectors = range(40, 56)  # xmm0 to xmm15
        for n in vectors:
            self.assertEqual(self.d.set_reg(n, n << 100 | 7, 16), "OK")
        system = {57: 0xffff800000001234, 58: 0x7fff00005678,
                  59: 0xffff900000000000}  # bases of FS and GS, the other GS
        for n, value in system.items():
            self.assertEqual(self.d.set_reg(n, value), "OK")
        # DS with the descriptor of the 64-bit CS is refused, a flat one taken
        self.assertEqual(self.d.set_reg(20, 0x7000, 4), "E14")
        self.assertEqual(self.d.set_reg(20, 0x10, 4), "OK")
        cr4 = self.d.reg(63)
        self.assertEqual(self.d.set_reg(63, 1 << 40), "E14")
        self.d.steps("at_sti", 1)  # the kernel had it all
        self.assertEqual([self.d.reg(n) for n in numbers],
                         [0x1100 + n for n in numbers])
        self.assertEqual([self.d.reg(n) for n in vectors],
                         [n << 100 | 7 for n in vectors])
        self.assertEqual({n: self.d.reg(n) for n in system}, system)
        self.assertEqual((self.d.reg(20), self.d.reg(63)), (0x10, cr4))

    def test_a_jump_changes_no_other_register(self):
        self.assertEqual(self.d.set_reg(RAX, 1 << 40), "OK")
        self.assertEqual(self.d.point(1, "idle"), "OK")
        for place in ("at_cpuid", "at_call"):  # the guest has another RAX then
            self.assertEqual(self.d.ask(f"c{AT[place]:x}"), "T05thread:01;")
        self.assertLess(self.d.reg(RAX), 1 << 32)

    def test_memory_by_page_tables_and_without(self):
        self.assertEqual(self.d.ask("mffffffff80000000,4"), "E14")
        self.assertEqual(self.d.ask("M129000,4:11223344"), "OK")
        self.assertEqual(self.d.ask("Qqemu.PhyMemMode:1"), "OK")
        self.assertEqual(self.d.ask("m129000,4"), "11223344")
        self.assertEqual(self.d.ask("Qqemu.PhyMemMode:0"), "OK")
        self.assertEqual(self.d.ask("m129000,4"), "11223344")

    def test_attach_detach_attach_kill(self):
        qmp = self.monitor()
        self.d.point(0, "callee")
        self.assertEqual(self.d.ask("D"), "OK")
        self.d.rsp.close()
        self.assertEqual(qmp.command("query-status")["status"], "running")
        turns = self.byte(qmp, "turns")
        self.until(lambda: self.byte(qmp, "turns") != turns)
        self.connect()
        self.assertEqual(qmp.command("query-status")["status"], "paused")
        self.d.go_to("at_call", points=[(1, "idle")])  # not at callee
        self.assertEqual(self.d.place(), "idle")
        self.d.rsp.send("k")
        self.assertEqual(self.guest.wait(), 0)

    def test_packets_that_make_no_sense(self):
        for packet in ("Z0", "Z0,", "Z0,100000", "Z1,100000,1;X", "Z2,,4",
                       "Z4,ffffffffffffffff,8", "Z2,10000000000000000,1",
                       "z9,0,0", "P10", "P10=", "P10=00", "P3f=00", "Pfff=00",
                       "pfffffffff", "G00", "G", "mffffffffffffffff,8",
                       "X100000,5:a", "vCont;", "vCont;s:", "vCont;s:0:0",
                       "vContx", "Hz1", "s100000;", "C", "S05;zz"):
            self.assertRegex(self.d.ask(packet), r"^(E\d\d|)$", packet)
        self.assertEqual(self.d.place(), "idle")
        self.assertEqual(self.d.steps("at_call", 1), ["callee"])

    def test_the_monitor_shows_what_pages_are_mapped(self):
        qmp = self.monitor()

        def ask(line):
            return qmp.command("human-monitor-command", command_line=line)

        self.assertRegex(ask("info mem"), r"0{16} 0{16} 0{7}100000000 -rwx")
        self.assertIn("gpa: 0x129000", ask("gva2gpa 0x129000"))
        # a table that points to itself: the walk ends
        self.assertEqual(self.d.ask("M101000,8:0310100000000000"), "OK")
        self.assertIn("0000000000101000", ask("info mem"))
        core = self.dir / "core"
        qmp.command("dump-guest-memory", paging=True, protocol=f"file:{core}")
        self.assertEqual(core.read_bytes()[18:20], b"\x3e\0")  # EM_X86_64

    def test_the_nmi_button(self):
        for mode in ("split", "off"):
            self.start(accel=f"kvm,kernel-irqchip={mode}")
            qmp = self.monitor()
            self.d.ask("D")
            qmp.command("inject-nmi")
            self.until(lambda q=qmp: self.byte(q, "seen", 16) == 1)

    def test_gdb_itself(self):
        gdb = g.tool("gdb-multiarch", "gdb-multiarch")
        self.d.rsp.close()
        argv = [gdb, "-nx", "-batch", "-ex", "set confirm off", "-ex",
                f"target remote {self.gdb}"]
        for command in ("info registers rip cr0 efer fs_base", "x/i $rip",
                        f"hbreak *{AT['idle']:#x}", "continue", "delete",
                        f"break *{AT['at_call']:#x}",
                        f"jump *{AT['at_call']:#x}", "stepi", "x/i $rip",
                        "info threads", "p $xmm3.uint128 = 77",
                        "p $xmm3.uint128", "monitor info status", "detach"):
            argv += ["-ex", command]
        done = subprocess.run(argv, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT,
                              timeout=120 * g.PATIENCE)
        for expected in (r"cr0 .*\[ .*PE.*PG \]", r"efer .*\[ LME LMA \]",
                         r"Breakpoint 1, ", r"Breakpoint 2, ",
                         r"=> 0x\w+:\s+nop", r"\* 1 +Thread .*CPU#0",
                         r"(?s)= 77\n.*= 77\n", r"VM status: paused",
                         r"detached"):
            self.assertRegex(done.stdout, expected)


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
