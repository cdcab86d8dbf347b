#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests of ours under -accel kvm on this machine: prog/*.S.

Where /dev/kvm is missing all are skipped (TANDEM_KVM_DEVICE names another
file, to test that). TANDEM_KVM_GUESTS is the folder with the programs and the
preloaded library, built by meson.
"""

import os
import pathlib
import re
import subprocess
import sys
import time
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp, QmpError  # pylint: disable=wrong-import-position

PROGRAMS = pathlib.Path(os.environ.get("TANDEM_KVM_GUESTS", "."))


DEVICE = os.environ.get("TANDEM_KVM_DEVICE", "/dev/kvm")
SHIM = PROGRAMS / "libkvm-fault.so"


class KvmTest(GuestTest):
    def setUp(self):
        super().setUp()
        if not os.access(DEVICE, os.R_OK | os.W_OK):
            raise unittest.SkipTest("no /dev/kvm")

    def run_guest(self, program, *args, accel="kvm"):
        return g.Guest(
            "-accel", accel, "-M", "microvm", "-cpu", "host", "-m", "32",
            "-display", "none", "-serial", "stdio", "-monitor", "none",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel",
            PROGRAMS / f"{program}.elf", *args)

    def program(self, name, *args, accel="kvm"):
        """(status, text) of a program that ends by itself."""
        guest = self.run_guest(name, *args, accel=accel)
        self.addCleanup(guest.kill)
        return guest.wait(60), guest.text


class Programs(KvmTest):
    def test_protected_real_and_long_mode(self):
        self.assertEqual(self.program("modes"), (15, "PRpL\n"))

    def test_interrupts_with_split_irqchip(self):
        self.assertEqual(
            self.program("irq", accel="kvm,kernel-irqchip=split"),
            (7, "ii\n"))

    def test_interrupts_with_irqchip_in_the_kernel(self):
        self.assertEqual(self.program("irq", accel="kvm,kernel-irqchip=on"),
                         (7, "ii\n"))

    def pic(self, mode, told, setting):
        return self.program("pic", "-append", told, "-machine",
                            f"pit=on,pic={setting}",
                            accel=f"kvm,kernel-irqchip={mode}")

    def test_interrupts_through_8259s(self):
        for mode in ("split", "on", "off"):
            self.assertEqual(self.pic(mode, "1", "on"), (19, "im\n"))

    def test_8259s_that_nobody_told_of_are_silent(self):
        for mode in ("split", "on", "off"):
            for setting in ("off", "on"):
                self.assertEqual(self.pic(mode, "0", setting), (19, "n\n"))

    def test_interrupts_with_nothing_in_the_kernel(self):
        self.assertEqual(self.program("irq", accel="kvm,kernel-irqchip=off"),
                         (7, "ii\n"))

    def test_other_cpus_start(self):
        for mode in ("split", "on", "off"):
            self.assertEqual(
                self.program("smp", "-smp", "4",
                             accel=f"kvm,kernel-irqchip={mode}"),
                (11, "3\n"))

    def test_a_cpu_starts_anew_amid_an_access(self):
        self.assertEqual(
            self.program("init", "-smp", "2", "-append", "6",
                         accel="kvm,kernel-irqchip=off"),
            (1, "starts 0008 right\n"))


class Features(KvmTest):
    """-cpu as the guest sees it (prog/cpuid.c), and as clients do."""

    def leaves(self, cpu, *args, which=0):
        """{(leaf, subleaf): [EAX, EBX, ECX, EDX]} of CPU @which; stderr goes
        into self.said."""
        status, text = self.program("cpuid", "-cpu", cpu, "-append", which,
                                    *args)
        lines = [line.split() for line in text.splitlines()]
        found = {(int(w[0], 16), int(w[1], 16)): [int(x, 16) for x in w[2:]]
                 for w in lines if len(w) == 6 and len(w[0]) == 8}
        self.said = text
        self.assertEqual(status, 3, text)
        return found

    @staticmethod
    def words(text, size):
        return [int.from_bytes(text[i:i + 4], "little")
                for i in range(0, size, 4)]

    def test_identity_and_limits(self):
        found = self.leaves("qemu64,check=off,vendor=GenuineIntel,family=6,"
                            "model=85,stepping=4,model-id=A guest's own CPU,"
                            "+invtsc,-pni,lahf_lm,min-xlevel=2147483674")
        self.assertEqual(found[0, 0][1:4],
                         [0x756e6547, 0x6c65746e, 0x49656e69])
        self.assertEqual(found[1, 0][0], 0x50654)
        self.assertEqual(found[0x80000002, 0],
                         self.words(b"A guest's own CPU", 16))
        self.assertEqual(found[0x80000000, 0][0], 0x8000001a)
        self.assertEqual(found[0x80000001, 0][2] & 1, 1)
        # an invariant TSC tells its pace
        self.assertEqual(found[0x40000000, 0][0], 0x40000010)
        self.assertGreater(found[0x40000010, 0][0], 0)

    def test_a_second_cpu_knows_its_place(self):
        found = self.leaves("qemu64,check=off,topoext=on", "-smp",
                            "4,sockets=1,cores=2,threads=2", which=3)
        self.assertEqual(found[1, 0][1], 3 << 24 | 4 << 16 | 8 << 8)
        self.assertEqual(found[0xb, 0], [1, 2, 0x100, 3])
        self.assertEqual(found[0xb, 1], [2, 4, 0x201, 3])
        self.assertEqual(found[0x80000008, 0][2], 0x2003)
        self.assertEqual(found[0x8000001e, 0][:2], [3, 0x101])

    def test_no_engine_is_shown_when_asked(self):
        found = self.leaves("qemu64,check=off,-kvm,-hypervisor")
        self.assertNotIn((0x40000000, 0), found)
        self.assertEqual(found[1, 0][2] >> 31, 0)

    def refused(self, cpu, why):
        status, text = self.program("cpuid", "-cpu", cpu)
        self.assertEqual(status, 1)
        self.assertIn(why, text)

    def test_what_cannot_be_had_is_said(self):
        self.leaves("qemu64,+vmx,+avx512f,check=on")
        self.assertRegex(self.said, r"host doesn't support requested feature: "
                         r"CPUID.07H:EBX.avx512f \[bit 16\]")
        self.refused("qemu64,+amx-tile,+avx512f,enforce",
                     "Host doesn't support requested features")
        self.refused("qemu64,+nosuch",
                     "Property 'qemu64-x86_64-cpu.nosuch' not found")
        self.refused("qemu64,vendor=abc", "exactly 12 characters")
        self.refused("host,hv-stimer", "hv-stimer needs hv-synic" if
                     self.has_hyperv() else "are not supported by the host's")

    def has_hyperv(self):
        status, _ = self.program("cpuid", "-cpu", "host,hv-relaxed",
                                 "-append", "0")
        return status == 3

    def test_clients_learn_what_models_are(self):
        guest = self.run_guest("loop", "-qmp",
                               f"unix:{self.dir / 'q'},server=on,wait=off",
                               "-cpu", "qemu64,check=off,+invtsc,+avx512f")
        self.addCleanup(guest.kill)
        guest.expect("S")
        qmp = Qmp(self.dir / "q")
        self.addCleanup(qmp.close)
        models = {m["name"]: m for m in qmp.command("query-cpu-definitions")}
        self.assertEqual(models["EPYC"]["alias-of"], "EPYC-v4")
        self.assertNotIn("alias-of", models["EPYC-v4"])
        self.assertEqual(models["host"]["unavailable-features"], [])
        self.assertFalse(models["host"]["migration-safe"])
        self.assertTrue(models["base"]["static"])
        self.assertIn("amx-tile",
                      models["SapphireRapids"]["unavailable-features"])
        full = qmp.command("query-cpu-model-expansion", type="full", model={
            "name": "EPYC-v4", "props": {"aes": False}})["model"]
        self.assertEqual(full["name"], "EPYC-v4")
        self.assertEqual([full["props"][p] for p in
                          ("aes", "sse4a", "svm", "family", "stepping")],
                         [False, True, False, 23, 2])
        static = qmp.command("query-cpu-model-expansion", type="static",
                             model={"name": "host"})["model"]
        self.assertEqual(static["name"], "base")
        # what came out goes in again
        again = qmp.command("query-cpu-model-expansion", type="static",
                            model=static)["model"]
        self.assertEqual(again, static)
        self.assertIn("avx512f", qmp.command(
            "qom-get", path=qmp.command("query-cpus-fast")[0]["qom-path"],
            property="unavailable-features"))
        blocked = ["State blocked by non-migratable CPU device (invtsc flag)"]
        self.assertEqual(qmp.command("query-migrate")["blocked-reasons"],
                         blocked)
        with self.assertRaisesRegex(QmpError, "invtsc flag"):
            qmp.command("migrate", uri=f"file:{self.dir / 'stream'}")


class State(KvmTest):
    """prog/state.c: a known value in every register, in another process."""

    def state(self, name, *args, accel="kvm"):
        guest = self.run_guest("state", "-smp", "3", "-qmp",
                               f"unix:{self.dir / name},server=on,wait=off",
                               *args, accel=accel)
        self.addCleanup(guest.kill)
        return guest

    def save(self, name, accel="kvm"):
        """File with the state of a machine that waits."""
        guest = self.state(name, accel=accel)
        guest.expect("S")
        qmp = Qmp(self.dir / name)
        qmp.migrate(f"file:{self.dir / 'stream'}")
        qmp.command("quit")
        qmp.close()
        self.assertEqual(guest.wait(), 0)
        return self.dir / "stream"

    # What is state everywhere, and where the kernel has the local APIC.
    STATE = ("pat", "star", "tsc_adjust", "mtrr_mask_0", "mc0_ctl", "clock",
             "wall_clock")
    BY_APIC = ("tsc_deadline", "async_pf_en")

    def goes_on(self, accel, names=STATE + BY_APIC):
        stream = self.save("a", accel)
        guest = self.state("b", "-incoming", "defer", accel=accel)
        qmp = Qmp(self.dir / "b")
        self.addCleanup(qmp.close)
        qmp.command("migrate-incoming", uri=f"file:{stream}")
        qmp.event("RESUME")  # a byte that came before would be loaded over
        guest.send("x")
        self.assertEqual(guest.wait(), 3, guest.text)
        for name in names:
            self.assertNotIn(f"-{name}=", guest.text)
        self.assertTrue(guest.text.endswith("ALL\n"), guest.text)

    def test_all_registers_survive_with_split_irqchip(self):
        self.goes_on("kvm,kernel-irqchip=split")

    def test_all_registers_survive_with_irqchip_in_the_kernel(self):
        self.goes_on("kvm,kernel-irqchip=on")

    def test_all_registers_survive_with_nothing_in_the_kernel(self):
        self.goes_on("kvm,kernel-irqchip=off", self.STATE)

    def damaged(self, good, begin, length, seed):
        """The stream with some bytes of a CPU's state changed, its checksum
        made right."""
        image, random = bytearray(good), g.random_bytes(64, f"state {seed}")
        section = begin
        data = good.index(b"x86_cpu", begin) + len("x86_cpu") + 8
        for i in range(1 + random[0] % 4):
            # every other edit where registers are, not in the FPU's zeros
            at = int.from_bytes(random[4 * i + 1:4 * i + 4], "little")
            image[data + at % (1200 if i % 2 else length)] = random[4 * i + 4]
        image[data + length:data + length + 4] = crc32c(
            image[section:data + length]).to_bytes(4, "big")
        return image

    def test_hostile_states_are_refused_or_run(self):
        good = self.save("a").read_bytes()
        path = b"/machine/"
        name = good.index(b"x86_cpu")
        begin = good.rindex(path, 0, name) - 3  # kind, length of the path
        length = int.from_bytes(good[name + 11:name + 15], "big")
        self.assertEqual(good[name + 15 + length:name + 19 + length],
                         crc32c(good[begin:name + 15 + length])
                         .to_bytes(4, "big"))
        for i in range(g.sized(300, 12, 4)):
            stream = self.dir / f"bad{i}"
            stream.write_bytes(self.damaged(good, begin, length,
                                            f"{g.ROUND} {i}"))
            guest = self.state(f"q{i}", "-incoming", "defer")
            self.load_and_run(guest, f"q{i}", stream)
            self.assertIn(guest.wait(), (0, 1, 3, 5), guest.text)
            self.assertNotIn("Sanitizer", guest.text)

    def load_and_run(self, guest, name, stream):
        """The process ends: at a refusal, by its guest, or told to."""
        qmp = Qmp(self.dir / name)
        self.addCleanup(qmp.close)
        try:
            qmp.command("migrate-incoming", uri=f"file:{stream}")
            while qmp.command("query-migrate").get("status") not in (
                    "completed", "failed"):
                time.sleep(0.01)
            qmp.command("human-monitor-command",
                        command_line="info registers")
            qmp.command("quit")
        except (ConnectionError, QmpError):
            pass  # refused: it has ended, or is about to

    def test_what_comes_while_it_stands_is_saved(self):
        """After the monitor has looked at registers, too."""
        for n, mode in enumerate(("split", "on", "off")):
            with self.subTest(mode=mode):
                self.stands(n, f"kvm,kernel-irqchip={mode}")

    def stands(self, n, accel):
        def start(name, *args):
            guest = self.run_guest(
                "event", "-append", "3", "-qmp",
                f"unix:{self.dir / name},server=on,wait=off", *args,
                accel=accel)
            self.addCleanup(guest.kill)
            return guest

        guest = start(f"a{n}")
        guest.expect("S")
        a = Qmp(self.dir / f"a{n}")
        self.addCleanup(a.close)
        a.command("stop")
        a.command("human-monitor-command", command_line="info registers")
        a.command("system_powerdown")
        a.event("POWERDOWN")
        a.command("inject-nmi")
        a.migrate(f"file:{self.dir}/event{n}")
        other = start(f"b{n}", "-S", "-incoming",
                      f"file:{self.dir}/event{n}")
        b = Qmp(self.dir / f"b{n}")
        self.addCleanup(b.close)
        while b.command("query-status")["status"] == "inmigrate":
            time.sleep(0.02)
        b.command("cont")
        self.assertEqual(other.wait(), 7)
        a.command("quit")
        guest.wait()

    def test_stop_and_cont_change_nothing(self):
        guest = self.state("a")
        guest.expect("S")
        qmp = Qmp(self.dir / "a")
        self.addCleanup(qmp.close)
        for _ in range(3):
            qmp.command("stop")
            qmp.command("human-monitor-command",
                        command_line="info registers")
            qmp.command("cont")
        guest.send("x")
        self.assertEqual(guest.wait(), 3, guest.text)


class Firmware(KvmTest):
    """prog/bzimage.S, by our loader and by firmware: a letter for each thing
    that boot.rst promises; R: it was entered in real mode."""

    def kernel(self, *args, change=None):
        """(status, text) of the kernel, whose bytes @change may alter."""
        image = bytearray((PROGRAMS / "bzimage").read_bytes())
        if change:
            change(image)
        kernel, initrd = self.dir / "kernel", self.dir / "initrd"
        kernel.write_bytes(image)
        initrd.write_bytes(b"nird!")
        guest = g.Guest(
            "-accel", "kvm", "-M", "microvm", "-cpu", "host", "-m", "32",
            "-display", "none", "-serial", "stdio", "-monitor", "none", "-device",
            "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", kernel,
            "-initrd", initrd, "-append", "note this", *args)
        self.addCleanup(guest.kill)
        return guest.wait(120), guest.text

    def firmware(self, name):
        found = g.fetched("peer-qemu-10") / "usr/share" / name
        if not found.exists():
            raise unittest.SkipTest(f"no {name}")
        return found

    def test_32_bit_protocol(self):
        self.assertEqual(self.kernel(), (43, "0PHCI\n"))

    def test_qboot_enters_the_set_up_code(self):
        status, text = self.kernel("-bios", self.firmware("qemu/qboot.rom"))
        self.assertEqual((status, text[-7:]), (43, "R0PHCI\n"))

    def test_seabios_enters_the_set_up_code(self):
        status, text = self.kernel(
            "-bios", self.firmware("seabios/bios-microvm.bin"))
        self.assertIn("SeaBIOS", text)
        self.assertEqual((status, text[-7:]), (43, "R0PHCI\n"))

    def refused(self, change, why):
        status, text = self.kernel(change=change)
        self.assertEqual(status, 1)
        self.assertIn(why, text)
        self.assertEqual(text.count("\n"), 1)

    def test_bad_images_say_what_is_wrong(self):
        def put(at, *values):
            def change(image):
                image[at:at + len(values)] = bytes(values)
            return change

        def cut(image):
            del image[0x300:]

        self.refused(put(0x206, 3, 2), "boot protocol 2.3 is too old")
        self.refused(put(0x211, 0), "too old")
        self.refused(put(0x214, 0, 0, 0, 2),
                     "entry 0x2000000 is outside of the kernel")
        self.refused(put(0x260, 0, 0, 0, 0x40),
                     "wants 1024 MiB of memory at 0x200000")
        self.refused(cut, "ends within its 1024 bytes of set-up code")
        self.refused(put(0x202, 0), "neither a bzImage nor an ELF file")


class Slots(KvmTest):
    def mmio_exits(self, writes):
        """How often `rom` left the guest for an MMIO access."""
        log, rom = self.dir / f"log{writes}", self.dir / "rom"
        rom.write_bytes(bytes.fromhex("3412a55a") + bytes(8188))
        guest = g.Guest(
            "-accel", "kvm", "-M", "microvm,pcie=on", "-cpu", "host", "-m",
            "32", "-display", "none", "-serial", "stdio", "-monitor", "none",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            "-device", f"virtio-rng-pci,romfile={rom}", "-append", writes,
            "-kernel", PROGRAMS / "rom.elf", "-trace", "kvm_exit", "-D", log)
        self.addCleanup(guest.kill)
        self.assertEqual((guest.wait(), guest.text), (13, "R\n"))
        return log.read_text().count(" reason 6\n")

    def test_read_only_memory_exits_at_writes_alone(self):
        before = self.mmio_exits(0)
        self.assertLess(before, 4096)  # reads do not
        self.assertEqual(self.mmio_exits(9) - before, 9)

    def test_ram_asks_for_huge_pages(self):
        path = self.dir / "qmp"
        guest = self.run_guest(
            "modes", "-S", "-qmp", f"unix:{path},server=on,wait=off",
            "-object", "memory-backend-ram,id=early,size=37M")
        self.addCleanup(guest.kill)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        qmp.command("object-add", **{"qom-type": "memory-backend-ram",
                                     "id": "late", "size": 39 << 20})
        for mib in (32, 37, 39):
            self.assertTrue(g.asks_huge(guest.process.pid, mib))


class Doorbell(KvmTest):
    def mmio_exits(self, setting):
        """How often `bell` left the guest for an MMIO access."""
        log = self.dir / setting
        self.assertEqual(
            self.program("bell", "-global", "virtio-mmio.force-legacy=off",
                         "-global", f"virtio-mmio.ioeventfd={setting}",
                         "-device", "virtio-rng-device", "-trace", "kvm_exit",
                         "-D", log), (5, "SER\n"))
        return log.read_text().count(" reason 6\n")

    def test_ringing_makes_no_exit(self):
        self.assertEqual(self.mmio_exits("off") - self.mmio_exits("on"), 1000)


class Coalesced(KvmTest):
    """Writes that make no exit until something else does (prog/queued.c)."""

    KINDS = {"io": 2, "mmio": 6}

    def exits(self, what, count, kind="io", *args, irqchip="split"):
        """How often `queued` left the guest for an access."""
        log = self.dir / f"{what}{count}"
        self.assertEqual(
            self.program("queued", "-append", f"{what}{count}", "-machine",
                         "rtc=on", *args, "-trace", "kvm_exit", "-D", log,
                         accel=f"kvm,kernel-irqchip={irqchip}"),
            (41, f"{what.upper()}\n"))
        return log.read_text().count(f" reason {self.KINDS[kind]}\n")

    def test_an_index_that_is_written_makes_no_exit(self):
        # what is read does; once the ring is full, one write does
        self.assertEqual(self.exits("r", 99) - self.exits("r", 0), 99)
        extra = self.exits("w", 1000) - self.exits("w", 0)
        self.assertIn(extra, range(1, 20))

    def test_in_memory_too(self):
        extra = self.exits("m", 1000, "mmio") - self.exits("m", 0, "mmio")
        self.assertLess(extra, 20)

    def test_the_kernels_own_io_apic_is_left_alone(self):
        self.assertEqual(self.exits("m", 1000, "mmio", irqchip="on"), 0)

    def test_selector_then_data(self):
        extra = self.exits("f", 100) - self.exits("f", 0)
        self.assertEqual(extra, 0)

    def test_another_cpus_write_is_seen_by_who_reads_later(self):
        self.exits("o", 300, "io", "-smp", "2")

    def test_without_the_capability_each_write_exits(self):
        asan = os.environ.get("ASAN_OPTIONS", "")
        extra = {"LD_PRELOAD": str(SHIM), "TANDEM_NO_CAPABILITY": "15",
                 "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"}
        with unittest.mock.patch.dict(os.environ, extra):
            self.assertEqual(self.exits("w", 100) - self.exits("w", 0), 101)

    def queued(self, name, *args):
        """Its monitor; the program's last write is not served by an exit."""
        guest = self.run_guest(
            "queued", "-append", "s", "-machine", "rtc=on", *args, "-qmp",
            f"unix:{self.dir / name},server=on,wait=off")
        self.addCleanup(guest.kill)
        qmp = Qmp(self.dir / name)
        self.addCleanup(qmp.close)
        return qmp

    def data(self, qmp):
        return qmp.command("human-monitor-command", command_line="i /b 0x71")

    def test_monitor_stop_and_saved_state_have_the_last_write(self):
        here = self.queued("a")
        until = time.monotonic() + 60 * g.PATIENCE
        word = self.dir / "word"
        while not word.exists() or word.read_bytes() != b"\1":
            self.assertLess(time.monotonic(), until)
            here.command("pmemsave", val=0x200000, size=1, filename=str(word))
        for change in (None, "stop"):
            if change:
                here.command(change)
            self.assertEqual(self.data(here), "portb[0x0071] = 0x10\n")
        stream = self.dir / "stream"
        here.migrate(f"file:{stream}")
        there = self.queued("b", "-incoming", f"file:{stream}")
        while there.command("query-status")["status"] == "inmigrate":
            time.sleep(0.02)
        self.assertEqual(self.data(there), "portb[0x0071] = 0x10\n")


class Irqfd(KvmTest):
    """MSI-X vectors of a queue: a descriptor in place of an ioctl."""

    def messages(self, mode, *args):
        """How many messages of `irqfd` took an ioctl."""
        log = self.dir / "log"
        guest = g.Guest(
            "-accel", f"kvm,kernel-irqchip={mode}", "-M", "microvm,pcie=on",
            "-cpu", "host", "-m", "32", "-display", "none", "-serial", "stdio",
            "-monitor", "none", "-device",
            "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel",
            PROGRAMS / "irqfd.elf", "-trace", "kvm_msi", "-D", log, *args)
        self.addCleanup(guest.kill)
        self.assertEqual((guest.wait(), guest.text), (15, "iPUC\n"))
        return log.read_text().count("kvm_msi") if log.exists() else 0

    def test_the_kernel_sends_all_but_what_was_pending(self):
        for mode in ("split", "on"):
            self.assertEqual(
                self.messages(mode, "-device", "virtio-rng-pci"), 1)

    def test_an_iothread_interrupts_without_the_main_loop(self):
        disk = self.dir / "disk"
        disk.write_bytes(bytes(512))
        self.assertEqual(
            self.messages("split", "-object", "iothread,id=io", "-drive",
                          f"file={disk},format=raw,if=none,id=d", "-device",
                          "virtio-blk-pci,drive=d,iothread=io"), 1)

    def test_without_the_capability_each_takes_an_ioctl(self):
        asan = os.environ.get("ASAN_OPTIONS", "")
        extra = {"LD_PRELOAD": str(SHIM), "TANDEM_NO_CAPABILITY": "32",
                 "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"}
        with unittest.mock.patch.dict(os.environ, extra):
            self.assertEqual(
                self.messages("split", "-device", "virtio-rng-pci"), 11)


class Line(KvmTest):
    """A virtio-mmio device's level line, by descriptor (prog/line.c)."""

    MODES = ("split", "on")

    def line(self, mode, name, *args, setting="on", count="20"):
        guest = self.run_guest(
            "line", "-append", count, "-global",
            "virtio-mmio.force-legacy=off", "-global",
            f"virtio-mmio.irqfd={setting}", *args, "-trace", "kvm_irqfd",
            "-trace", "kvm_msi", "-trace", "kvm_line", "-trace", "kvm_exit",
            "-D", self.dir / f"log-{name}", "-qmp",
            f"unix:{self.dir / name},server=on,wait=off",
            accel=f"kvm,kernel-irqchip={mode}")
        self.addCleanup(guest.kill)
        return guest

    def disk(self):
        disk = self.dir / "disk"
        disk.write_bytes(bytes(512))
        return ("-object", "iothread,id=io", "-drive",
                f"file={disk},format=raw,if=none,id=d", "-device",
                "virtio-blk-device,drive=d,iothread=io")

    def ends(self, guest, text):
        """It has said @text, and one more interrupt comes."""
        guest.expect("S")
        guest.send("x")
        self.assertEqual((guest.wait(), guest.text), (45, text + "S\nT\n"))

    def logged(self, name, what):
        return (self.dir / f"log-{name}").read_text().count(what)

    def test_a_descriptor_raises_it(self):
        for mode in self.MODES:
            for i, device in enumerate((("-device", "virtio-rng-device"),
                                        self.disk())):
                name = f"{mode}{i}"
                self.ends(self.line(mode, name, *device), "NMP")
                self.assertGreater(self.logged(name, " on 1"), 0)
                self.assertEqual(self.logged(name, "kvm_line"), 0)
                # what went out by an ioctl was found up at an end
                self.assertLessEqual(self.logged(name, "kvm_msi"),
                                     self.logged(name, " reason 26"))

    def test_an_end_without_acknowledgement_comes_again(self):
        for setting in ("on", "off"):
            self.ends(self.line("on", setting, "-device", "virtio-rng-device",
                                setting=setting, count="3 l"), "NMLP")

    def test_without_the_capability_the_main_loop_drives_it(self):
        asan = os.environ.get("ASAN_OPTIONS", "")
        for capability in ("32", "82"):
            extra = {"LD_PRELOAD": str(SHIM),
                     "TANDEM_NO_CAPABILITY": capability,
                     "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"}
            with unittest.mock.patch.dict(os.environ, extra):
                self.ends(self.line("on", capability, *self.disk()), "NMP")
            self.assertGreaterEqual(self.logged(capability, "kvm_line"), 20)

    def test_off_is_the_plain_line(self):
        self.ends(self.line("off", "a", *self.disk()), "NMP")

    def test_stop_reset_and_another_process_keep_what_is_up(self):
        for here, there in (("split", "on"), ("on", "split"),
                            ("split", "split"), ("on", "on")):
            guest = self.line(here, here + there, *self.disk())
            guest.expect("S\n")
            a = Qmp(self.dir / (here + there))
            self.addCleanup(a.close)
            a.command("system_reset")
            guest.expect("S\n")
            a.command("stop")
            a.command("cont")
            uri = f"unix:{self.dir}/s-{here}{there}"
            other = self.line(there, f"{there}-{here}", "-incoming", uri,
                              *self.disk())
            b = Qmp(self.dir / f"{there}-{here}")
            self.addCleanup(b.close)
            a.migrate(uri)
            b.event("RESUME")
            other.send("x")
            self.assertEqual((other.wait(), other.text), (45, "T\n"))
            a.command("quit")


class Statistics(KvmTest):
    def test_counters_by_target_and_filter(self):
        guest = self.run_guest("loop", "-smp", "2", "-qmp",
                               f"unix:{self.dir / 'q'},server=on,wait=off")
        self.addCleanup(guest.kill)
        guest.expect("S")
        qmp = Qmp(self.dir / "q")
        self.addCleanup(qmp.close)
        try:  # while it runs, without an exit
            schemas = qmp.command("query-stats-schemas", provider="kvm")
        except QmpError as old:
            self.assertIn("no binary statistics", str(old))
            raise unittest.SkipTest("this KVM has no statistics") from old
        for schema in schemas:
            one = [s["name"] for r in qmp.command(
                "query-stats", target=schema["target"])[:1]
                   for s in r["stats"]]
            self.assertEqual([s["name"] for s in schema["stats"]], one)
        self.assertEqual([s["target"] for s in schemas], ["vcpu", "vm"])
        paths = [c["qom-path"] for c in qmp.command("query-cpus-fast")]
        found = qmp.command("query-stats", target="vcpu", providers=[
            {"provider": "kvm", "names": ["user_space_exits", "nosuch"]}])
        self.assertEqual([r["qom-path"] for r in found], paths)
        # 'S' is one exit of the first CPU
        self.assertEqual([[s["name"] for s in r["stats"]] for r in found],
                         [["user_space_exits"]] * 2)
        self.assertGreaterEqual(found[0]["stats"][0]["value"], 1)
        self.assertEqual([r["qom-path"] for r in qmp.command(
            "query-stats", target="vcpu", vcpus=[paths[1], "/nosuch"])],
                         paths[1:])
        self.assertEqual(qmp.command("query-stats", target="vm", providers=[]),
                         [])
        with self.assertRaisesRegex(QmpError, "vcpus"):
            qmp.command("query-stats", target="vm", vcpus=paths)
        text = qmp.command("human-monitor-command",
                           command_line="info stats vcpu user_space_exits")
        self.assertRegex(text, r"user_space_exits \(cumulative\): \d+")


class Errors(KvmTest):
    """The guest cannot go on: a reason, its registers, STOP; never an abort."""

    def fault_guest(self, command_line, fault=None, *args):
        args = ["-append", command_line, "-qmp",
                f"unix:{self.dir / 'q'},server=on,wait=off", *args]
        if not fault:
            guest = self.run_guest("fault", *args)
        else:
            asan = os.environ.get("ASAN_OPTIONS", "")
            extra = {"LD_PRELOAD": str(SHIM), "TANDEM_FAULT": fault,
                     "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"}
            with unittest.mock.patch.dict(os.environ, extra):
                guest = self.run_guest("fault", *args)
        self.addCleanup(guest.kill)
        return guest

    def check_stopped(self, guest, reason):
        guest.expect(f"CPU 0: {reason}")
        guest.expect("RAX=[0-9a-f]{16} RBX=")
        guest.expect("EFER=")
        qmp = Qmp(self.dir / "q")
        self.addCleanup(qmp.close)
        # the report precedes the stop
        until = time.monotonic() + 60 * g.PATIENCE
        while qmp.command("query-status")["running"]:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        self.assertEqual(qmp.command("query-status"),
                         {"running": False, "status": "internal-error"})
        with self.assertRaisesRegex(QmpError, "Resetting .* is required"):
            qmp.command("cont")
        return qmp

    def test_kernel_without_interrupt_routes(self):
        asan = os.environ.get("ASAN_OPTIONS", "")
        extra = {"LD_PRELOAD": str(SHIM), "TANDEM_NO_CAPABILITY": "25",
                 "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"}
        with unittest.mock.patch.dict(os.environ, extra):
            for mode, count in (("split", 48), ("on", 24)):
                status, text = self.program(
                    "irq", accel=f"kvm,kernel-irqchip={mode}")
                self.assertEqual(status, 1)
                self.assertIn(f"KVM has 0 interrupt routes, and {count} are "
                              "needed", text)

    def test_code_where_no_memory_is(self):
        guest = self.fault_guest("x")
        qmp = self.check_stopped(
            guest, r"KVM left the guest by exit 17 \(internal-error\), "
                   r"suberror 1, data 0x")
        qmp.command("system_reset")
        qmp.event("RESET")
        qmp.command("cont")
        self.assertEqual(guest.wait(), 3)  # its second start ends by itself

    def test_stop_is_an_event(self):
        guest = self.run_guest("fault", "-append", "x", "-S", "-qmp",
                               f"unix:{self.dir / 'q'},server=on,wait=off")
        self.addCleanup(guest.kill)
        qmp = Qmp(self.dir / "q")
        self.addCleanup(qmp.close)
        qmp.command("cont")
        qmp.event("STOP")
        self.assertEqual(qmp.command("query-status")["status"],
                         "internal-error")
        qmp.command("quit")
        self.assertEqual(guest.wait(), 0)

    def test_exits_that_tell_of_an_error(self):
        for fault, reason in (
                ("2 9", r"KVM left the guest by exit 9 \(fail-entry\), "
                        "hardware reason 0x80000021"),
                ("2 17", r"KVM left the guest by exit 17 \(internal-error\), "
                         "suberror 1, data 0x1234"),
                ("2 77", r"KVM left the guest by exit 77 \(unknown to this "
                         r"program\)"),
                ("2 0", r"KVM left the guest by exit 0 \(unknown\)"),
                ("2 -22", "KVM_RUN failed: Invalid argument")):
            with self.subTest(fault):
                guest = self.fault_guest("n", fault)
                qmp = self.check_stopped(guest, reason)
                qmp.command("quit")
                self.assertEqual(guest.wait(), 0)

    def test_a_crash_does_what_is_asked_for(self):
        for action, status in (("none", 3), ("shutdown", 0),
                               ("exit-failure", 1)):
            with self.subTest(action):
                # exit 24: KVM_EXIT_SYSTEM_EVENT, in place of the line's end
                guest = self.fault_guest("n", "2 24", "-action",
                                         f"panic={action}")
                self.assertEqual((guest.wait(), guest.text), (status, "1"))

    def test_a_triple_fault_resets(self):
        guest = self.fault_guest("t")
        self.assertEqual((guest.wait(), guest.text), (3, "12\n"))

    def test_a_triple_fault_ends_with_no_reboot(self):
        guest = self.run_guest("fault", "-append", "t", "-no-reboot")
        self.addCleanup(guest.kill)
        self.assertEqual((guest.wait(), guest.text), (0, "1"))

    def test_a_shutdown_exit_resets(self):
        guest = self.fault_guest("n", "2 8")
        self.assertEqual((guest.wait(), guest.text), (3, "12\n"))


class Fuzz(KvmTest):
    """Random port and MMIO traffic; only the emulator may not come to harm."""

    def traffic(self, seed, count, irqchip):
        guest = self.run_guest(
            "traffic", "-append", f"{seed:08x} {count:08x}", "-no-reboot",
            "-machine", "rtc=on,pit=on,pic=on",
            "-global", "virtio-mmio.force-legacy=off",
            "-device", "virtio-rng-device",
            "-netdev", "hubport,id=n,hubid=0",
            "-device", "virtio-net-device,netdev=n",
            "-device", "virtio-balloon-device",
            "-qmp", f"unix:{self.dir / str(seed)},server=on,wait=off",
            accel=f"kvm,kernel-irqchip={irqchip}")
        self.addCleanup(guest.kill)
        qmp = Qmp(self.dir / str(seed))
        try:
            while qmp.event("STOP"):  # a dead guest: the connection ends, too
                qmp.command("quit")
        except (ConnectionError, QmpError):
            pass
        qmp.close()
        status = guest.wait()
        self.assertIn(status, (0, 9), f"seed {seed:08x}: {guest.text[-4000:]}")
        self.assertNotIn("Sanitizer", guest.text)
        self.assertNotIn("runtime error", guest.text)

    def test_random_traffic(self):
        rounds, count = (g.sized(40, 2, 1), g.sized(200000, 6000, 3000))
        for i in range(rounds):
            self.traffic(0x5eed0001 + 1000 * int(g.ROUND) + i, count,
                         ("off", "split", "on")[i % 3])


class Run(KvmTest):
    def test_run_picks_kvm(self):
        guest = g.Guest("run", PROGRAMS / "bzimage", "-append", "note",
                        "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                        binary=str(pathlib.Path(g.BINARY).parent / "tandem"))
        self.addCleanup(guest.kill)
        guest.expect("-accel kvm")
        guest.expect("0PHC")
        self.assertEqual(guest.wait(60), 43)

    def test_run_takes_the_engine_it_is_told(self):
        done = subprocess.run(
            [str(pathlib.Path(g.BINARY).parent / "tandem"), "run",
             str(PROGRAMS / "bzimage"), "-accel", "kvm,device=/nonexistent"],
            text=True, check=False, capture_output=True,
            stdin=subprocess.DEVNULL, timeout=60 * g.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("kvm needs /nonexistent", done.stderr)


class Control(KvmTest):
    """The machine from outside, while a program loops."""

    def qmp(self, name):
        return Qmp(self.dir / name)

    def loop(self, name, *args, accel="kvm", program="loop"):
        guest = self.run_guest(program, *args, "-qmp",
                               f"unix:{self.dir / name},server=on,wait=off",
                               accel=accel)
        self.addCleanup(guest.kill)
        return guest

    def counter(self, qmp):
        path = self.dir / "word"
        qmp.command("pmemsave", val=0x200000, size=4, filename=str(path))
        return int.from_bytes(path.read_bytes(), "little")

    def test_stop_stands_and_cont_goes_on(self):
        guest = self.loop("a")
        guest.expect("S")
        qmp = self.qmp("a")
        qmp.command("stop")
        first = self.counter(qmp)
        time.sleep(0.1)
        self.assertEqual(self.counter(qmp), first)
        qmp.command("cont")
        until = time.monotonic() + 20 * g.PATIENCE
        while self.counter(qmp) == first and time.monotonic() < until:
            time.sleep(0.05)
        self.assertGreater(self.counter(qmp), first)
        qmp.command("quit")
        self.assertEqual(guest.wait(), 0)
        qmp.close()

    def insns(self, qmp, line):
        """Text of each instruction that a monitor's @line shows."""
        text = qmp.command("human-monitor-command", command_line=line)
        if "this build has no disassembler" in text:
            raise unittest.SkipTest("this build has no capstone")
        rows = (row.partition(":  ")[2] for row in text.splitlines())
        return [re.sub(" +", " ", re.sub("^([0-9a-f]{2} )+", "", row)).strip()
                for row in rows]

    def test_insns_in_the_mode_that_the_cpu_is_in(self):
        code, rom = self.dir / "code", self.dir / "rom"
        code.write_bytes(bytes.fromhex("4889c8" "ebfd" "0f0b" "06"))
        rom.write_bytes(b"\xf4" * 65536)
        after = ["jmp 0x3002", "ud2"]
        for name, program, args, found in (
                ("16", "loop", ("-S", "-bios", rom, "-kernel",
                                PROGRAMS / "bzimage"),
                 ["decw %ax", "movw %cx, %ax", *after]),
                ("32", "loop", ("-S",),
                 ["decl %eax", "movl %ecx, %eax", *after]),
                ("64", "state", ("-smp", "3"), ["movq %rcx, %rax", *after])):
            guest = self.loop(name, "-device", "loader,force-raw=on,"
                              f"addr=0x3000,file={code}", *args,
                              program=program)
            if name == "64":
                guest.expect("S")
            qmp = self.qmp(name)
            self.addCleanup(qmp.close)
            for command in ("x", "xp"):
                line = f"{command}/{len(found)}i 0x3000"
                self.assertEqual(self.insns(qmp, line), found)
        # no insn in 64-bit mode; then where memory ends
        self.assertEqual(self.insns(qmp, "x/2i 0x3007")[0], ".byte 0x06")
        self.assertEqual(self.insns(qmp, "xp/2i 0x1fffffe"),
                         ["addb %al, (%rax)", "Cannot access memory"])

    def looked_at(self, mode, *args):
        """What prog/look.c printed, and `info` shows of it, by subject."""
        guest = self.loop(mode, *args, accel=f"kvm,kernel-irqchip={mode}",
                          program="look")
        guest.expect("S")
        qmp = self.qmp(mode)
        self.addCleanup(qmp.close)
        return guest.text, {
            what: qmp.command("human-monitor-command",
                              command_line=f"info {what}").splitlines()
            for what in ("lapic", "lapic 0", "lapic 9", "pic", "tlb")}

    LAPIC = (
        "LVT0\t 0x00018700 active-hi level masked                      "
        "ExtINT (vec 0)",
        "LVT1\t 0x00002400 active-lo edge                              NMI   ",
        "LVTT\t 0x000300ec active-hi edge  masked         periodic     "
        "Fixed  (vec 236)",
        "SPIV\t 0x000001ef APIC enabled, focus=off, spurious vec 239",
        "ICR\t 0x00040053 physical edge de-assert self",
        "IRR\t 82 83 ")
    PIC = (
        "pic0: irr=00 imr=fb isr=00 hprio=0 irq_base=20 rr_sel=0 elcr=20 "
        "fnm=0",
        "pic1: irr=00 imr=fe isr=00 hprio=0 irq_base=28 rr_sel=0 elcr=00 "
        "fnm=0",
        "  pin 5  0x030000000001a035 dest=3 vec=53  active-lo level masked "
        "fixed  physical",
        "  pin 9  0x0100000000000839 dest=1 vec=57  active-hi edge         "
        "fixed  logical",
        "  pin 11 0x0000000000000400 dest=0 vec=0   active-hi edge         "
        "NMI    physical",
        "  IRR      (none)", "  Remote IRR (none)")
    TLB = ("0000000040000000: 0000000000200000 -GP--C--W",
           "0000000040200000: 0000000000005000 ------TUW",
           "0000000040201000: 0000000000006000 X---A----",
           "0000000040203000: 0000000000007000 ---DA---W")

    def test_the_monitor_shows_controllers_and_pages(self):
        for mode, x2apic in (("split", 0), ("on", 1), ("off", 0)):
            # irq 0 of the 8259s is quiet, so that they have nothing to tell
            text, seen = self.looked_at(mode, "-append", x2apic, "-machine",
                                        "pit=off,rtc=off,pic=on")
            isr = "ISR\t 129 " if "sS" in text else "ISR\t (none)"
            ppr = "PPR 0x80" if "sS" in text else "PPR 0x20"
            for what, lines in (("lapic", self.LAPIC + (isr,)), ("pic", self.PIC),
                                ("tlb", self.TLB)):
                self.assertEqual([x for x in lines if x not in seen[what]],
                                 [], (mode, seen[what]))
            self.assertEqual(seen["lapic"][0], "local APIC state for CPU 0")
            self.assertIn("no CPU has that", seen["lapic 9"][0])
            # all but the timer's count stands still
            self.assertEqual(*([x for x in seen[what] if "Timer" not in x]
                               for what in ("lapic", "lapic 0")))
            self.assertIn(f"LDR 0x01 {ppr}" if x2apic else
                          f"TPR 0x20 DFR 0x0f LDR 0x02 {ppr}",
                          seen["lapic"][-1])

    def migrate_a_running_guest(self, accel):
        guest = self.loop("a", accel=accel)
        guest.expect("S")
        a = self.qmp("a")
        until = time.monotonic() + 20 * g.PATIENCE
        while self.counter(a) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        uri = f"unix:{self.dir / 'stream'}"
        other = self.loop("b", "-incoming", uri, accel=accel)
        b = self.qmp("b")
        a.migrate(uri)
        b.event("RESUME")
        first = self.counter(b)
        self.assertGreaterEqual(first, 3)
        until = time.monotonic() + 20 * g.PATIENCE
        while self.counter(b) < first + 2 and time.monotonic() < until:
            time.sleep(0.05)
        self.assertGreaterEqual(self.counter(b), first + 2)
        # each pass compares every page with the last one
        self.assertNotIn("X", other.text)
        for qmp in (a, b):
            qmp.command("quit")
            qmp.close()

    def test_8259s_go_on_in_another_process(self):
        """Those in the kernel and ours save the same state."""
        modes = (("on", "split"), ("split", "on"), ("off", "off"))
        for n, (here, there) in enumerate(modes):
            args = ["-append", "2", "-machine", "pit=on,pic=on"]
            uri = f"unix:{self.dir}/s{n}"
            self.loop(f"a{n}", *args, accel=f"kvm,kernel-irqchip={here}",
                      program="pic")
            a = self.qmp(f"a{n}")
            self.reach(a, 3)
            other = self.loop(f"b{n}", "-incoming", uri, *args, program="pic",
                              accel=f"kvm,kernel-irqchip={there}")
            b = self.qmp(f"b{n}")
            a.migrate(uri)
            b.event("RESUME")
            self.reach(b, self.counter(b) + 3)
            self.assertNotIn("X", other.text)
            for qmp in (a, b):
                qmp.command("quit")
                qmp.close()

    def reach(self, qmp, count):
        until = time.monotonic() + 60 * g.PATIENCE
        while self.counter(qmp) < count:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)

    def test_cpus_wait_for_start_up_in_another_process(self):
        """Those that came up sleep on, with their APICs outside the kernel."""
        args, accel = ["-smp", "4"], "kvm,kernel-irqchip=off"
        guest = self.loop("a", "-S", *args, accel=accel, program="smp")
        uri = f"unix:{self.dir / 'stream'}"
        other = self.loop("b", "-incoming", uri, *args, accel=accel,
                          program="smp")
        a, b = self.qmp("a"), self.qmp("b")
        a.migrate(uri)
        # the state says that the machine stands, whatever `cont` said before
        while b.command("query-status")["status"] == "inmigrate":
            time.sleep(0.02)
        b.command("cont")
        self.assertEqual((other.wait(), other.text), (11, "3\n"))
        a.command("quit")
        self.assertEqual((guest.wait(), guest.text), (0, ""))
        for qmp in (a, b):
            qmp.close()

    def test_migrates_while_it_writes_by_dirty_log(self):
        self.migrate_a_running_guest("kvm")

    def test_migrates_while_it_writes_by_dirty_ring(self):
        self.migrate_a_running_guest("kvm,dirty-ring-size=4096")

    def test_a_full_dirty_ring_exits_and_loses_nothing(self):
        """A pass writes 1024 pages: rings of 256 fill while RAM goes out
        slowly, and are emptied by exits."""
        log, accel = self.dir / "log", "kvm,dirty-ring-size=256"
        guest = self.loop("a", "-trace", "kvm_exit", "-D", log, accel=accel)
        guest.expect("S")
        uri = f"unix:{self.dir / 'stream'}"
        other = self.loop("b", "-incoming", uri, accel=accel)
        a, b = self.qmp("a"), self.qmp("b")
        a.command("migrate-set-parameters", max_bandwidth=1 << 20)
        a.command("migrate", uri=uri)
        until = time.monotonic() + 60 * g.PATIENCE
        while " reason 31\n" not in log.read_text():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        a.command("migrate-set-parameters", max_bandwidth=1 << 40,
                  downtime_limit=2000000)
        b.event("RESUME")
        first = self.counter(b)
        until = time.monotonic() + 20 * g.PATIENCE
        while self.counter(b) < first + 2 and time.monotonic() < until:
            time.sleep(0.05)
        self.assertGreaterEqual(self.counter(b), first + 2)
        self.assertNotIn("X", other.text)  # as in migrate_a_running_guest()
        for qmp in (a, b):
            qmp.command("quit")
            qmp.close()


def crc32c(data):
    """CRC-32C of a stream's section (RFC 3720, B.4)."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
