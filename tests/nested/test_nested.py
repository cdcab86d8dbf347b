#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux under our -accel kvm with no KVM on this machine.

An outer emulator with AMD SVM (the peer, a test dependency only) boots
Debian's cloud kernel and loads kvm-amd; inside it our binary with -accel kvm
-M microvm -smp 2 boots the same kernel, with a disk and a network card. The
test starts programs by the outer guest's serial console; monitor and console
of each inner machine come back to it by TCP, so that nobody has to guess when
something listens. One outer guest serves all tests.

All of it is emulated twice on one CPU: what costs time is what the two kernels
do. So the outer guest waits for nobody by polling, a machine at work tells of its
rounds by itself, and one machine goes through all saves and then all migrations.
The log tells what each step took.

TANDEM_SOAK: 10 boots, 20 saves and 20 migrations instead of 3, 5 and 5.
"""

import functools
import hashlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position
from test_gdb import Rsp  # pylint: disable=wrong-import-position
from debugger import RDI, Debugger, symbols

OUTER = "qemu-system-x86_64"
PROGRAMS = pathlib.Path(os.environ.get("TANDEM_KVM_GUESTS", "."))
DISK_BYTES = 64 << 20
FETCHES = {"large": 20 << 20, "small": 1 << 20}
# Engine, board and bus of the devices, in turn.
KINDS = (("kvm", "microvm", "device"), ("kvm", "microvm,pcie=on", "pci"))
# Guards against other programs, and a level of page tables that few need, cost
# an emulator most.
QUICK = "quiet mitigations=off no5lvl"
LIMIT = 600  # seconds for anything; nothing takes a tenth of it when idle
# Runs what the console says, a line at a time, and echoes nothing.
OBEY = "stty -echo; echo READY\nwhile read -r line; do eval \"$line\"; done"
# Work for disk, memory and both CPUs until /tmp/enough exists: each round is
# compared with what it should be, and told.
LOAD = """
work() {
    n=0
    while [ ! -e /tmp/enough ]; do
        head -c 128000 /dev/urandom > /tmp/$1
        a=$(sha256sum < /tmp/$1)
        cp /tmp/$1 /mnt/$1
        sync
        echo 3 > /proc/sys/vm/drop_caches
        n=$((n + 1))
        if [ "$a" = "$(sha256sum < /mnt/$1)" ]; then
            echo "RIGHT $1 $n."
        else
            echo "WRONG $1 $n."
            touch /tmp/wrong.$1
        fi
        sleep 0.5
    done
}
fetch() {
    wget -q -O /mnt/fetched http://10.0.2.2:8000/$1
    sync
    echo 3 > /proc/sys/vm/drop_caches
    echo "FETCHED $(sha256sum < /mnt/fetched)"
}
pv() {
    for cpu in 0 1; do
        for msr in 1 2 3 4 6; do
            dd if=/dev/cpu/$cpu/msr iflag=skip_bytes skip=$((0x4b564d00 + msr)) \\
                bs=8 count=1 2> /dev/null
        done
    done > /tmp/msrs
    read -r cpu u n s i w q f stolen rest < /proc/stat
    echo "PV $(cat /sys/devices/system/clocksource/*0/current_clocksource)" \\
        $stolen $(od -An -v -t x8 /tmp/msrs) .
}
mount -t ext4 /dev/vda /mnt
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
"""
NET = """
ip link set lo up
ip link set eth0 up
ip addr add 10.9.0.15/24 dev eth0
httpd -p 127.0.0.1:8000 -h /t/www
export LD_LIBRARY_PATH=/t/lib
cd /t
"""


class Watch:
    """Says in the test's log what each step took, and how much of that the
    outer emulator had a CPU: the rest it slept, or the host was busy."""

    def __init__(self):
        self.last = time.monotonic()
        self.last_cpu = 0
        self.stat = None  # of the outer emulator

    def cpu(self):
        if not self.stat:
            return 0
        fields = self.stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def took(self, what):
        now, cpu = time.monotonic(), self.cpu()
        print(f"# {now - self.last:5.1f} s, {cpu - self.last_cpu:5.1f} s CPU: "
              f"{what}", flush=True)
        self.last, self.last_cpu = now, cpu


WATCH = Watch()


def libraries(binary):
    """[(file, name)] that @binary loads, but for its loader."""
    out = subprocess.run(["ldd", binary], text=True, check=True,
                         capture_output=True).stdout
    lines = (line.split() for line in out.splitlines())
    return [(os.path.realpath(words[2]), words[0]) for words in lines
            if "=>" in words and words[2].startswith("/")]


class Listener:
    """A TCP port of this host, which guests reach as 10.9.0.2."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(4)
        self.socket.settimeout(LIMIT * g.SLOW)
        self.where = f"tcp:10.9.0.2:{self.socket.getsockname()[1]}"

    def accept(self):
        return self.socket.accept()[0]


class Outer:
    """The guest with a KVM, and the files that the inner ones need."""

    def __init__(self, folder):
        self.dir = folder
        self.cloud = g.fetched("amd64-cloud-guest")
        binary = g.fetched("peer-qemu-10") / "bin" / OUTER
        if not binary.exists():
            raise unittest.SkipTest(f"{OUTER} of the peer is not fetched")
        self.kernel = os.path.realpath(self.cloud / "kernel")
        self.serial, self.monitor = Listener(), Listener()
        initrd = self.initrd()
        WATCH.took("files for the outer guest")
        self.guest = g.Guest(
            "-accel", "tcg", "-cpu", "max", "-M", "pc", "-m", "2G",
            "-display", "none", "-serial", "stdio", "-monitor", "none",
            "-no-reboot", "-kernel", self.kernel, "-initrd", initrd,
            "-append", f"console=ttyS0 {QUICK}", "-nic",
            "user,net=10.9.0.0/24,host=10.9.0.2,model=virtio-net-pci",
            binary=str(binary))
        WATCH.stat = pathlib.Path(f"/proc/{self.guest.process.pid}/stat")

    def files(self):
        """[(host's file, place)] of the outer initramfs, /t and loaders."""
        disk = self.dir / "disk.img"
        with open(disk, "wb") as f:
            f.truncate(DISK_BYTES)
        subprocess.run([g.tool("mkfs.ext4", "e2fsprogs"), "-q", disk],
                       check=True)
        self.sums = {}
        for name, size in FETCHES.items():
            data = g.random_bytes(size, name)
            (self.dir / name).write_bytes(data)
            self.sums[name] = hashlib.sha256(data).hexdigest()
        fsck = g.tool("e2fsck", "e2fsprogs")
        loader = "/lib64/ld-linux-x86-64.so.2"
        inner = self.mkinitramfs("inner.gz", LOAD + OBEY,
                                 "virtio_mmio,virtio_pci,virtio_blk,virtio_net,"
                                 "ext4,button,evdev,msr", [])
        return [(os.path.realpath(g.BINARY), "/t/qemu-system-x86_64"),
                (self.kernel, "/t/kernel"), (inner, "/t/initrd.gz"),
                (PROGRAMS / "state.elf", "/t/state.elf"),
                (PROGRAMS / "cpuid.elf", "/t/cpuid.elf"),
                (PROGRAMS / "debug.elf", "/t/debug.elf"),
                (PROGRAMS / "svm.elf", "/t/svm.elf"),
                (disk, "/t/disk.img"),
                *((self.dir / name, f"/t/www/{name}") for name in FETCHES),
                (fsck, "/t/e2fsck"), (os.path.realpath(loader), loader),
                *((path, f"/t/lib/{name}") for path, name in
                  {*libraries(g.BINARY), *libraries(fsck)})]

    def initrd(self):
        # not packed: that takes longer than to load it
        return self.mkinitramfs("outer.cpio", NET + OBEY,
                                "irqbypass,kvm,kvm_amd,virtio_net,virtio_pci",
                                self.files())

    def mkinitramfs(self, name, script, modules, add):
        argv = [sys.executable, g.SOURCE / "scripts/mkinitramfs", "--guest",
                self.cloud, "--modules", modules, "--run", script, "-o",
                self.dir / name]
        for source, place in add:
            argv += ["--add", f"{source}:{place}"]
        done = subprocess.run([str(a) for a in argv], text=True, check=False,
                              capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return self.dir / name

    def run(self, line, expected):
        self.guest.send(line + "\n")
        return self.guest.expect(expected, LIMIT)

    def close(self):
        self.guest.kill()
        self.serial.socket.close()
        self.monitor.socket.close()


@functools.lru_cache(None)
def outer():
    """The one of this run, up and obeying."""
    folder = tempfile.TemporaryDirectory(prefix="tandem-nested-")
    unittest.addModuleCleanup(folder.cleanup)
    made = Outer(pathlib.Path(folder.name))
    unittest.addModuleCleanup(made.close)
    made.guest.expect("READY", LIMIT)
    WATCH.took("the outer guest boots")
    return made


class Inner:
    """One process of ours in the outer guest."""

    def __init__(self, name, *args, kind=KINDS[0], append=""):
        self.name = name
        self.outer = outer()
        accel, machine, bus = kind
        # an iothread interrupts by descriptors, where there is MSI-X
        thread = ",iothread=io -object iothread,id=io" if bus == "pci" else ""
        self.outer.guest.send(
            f"(./qemu-system-x86_64 -accel {accel} -cpu host -M {machine} "
            "-smp 2 -m 128 -display none -no-reboot "
            f"-serial {self.outer.serial.where} "
            f"-qmp {self.outer.monitor.where} "
            "-kernel kernel -initrd initrd.gz "
            f"-append 'console=ttyS0 {QUICK} {append}' "
            "-drive file=d.img,format=raw,if=none,id=d "
            f"-device virtio-blk-{bus},drive=d{thread} -netdev user,id=n "
            f"-device virtio-net-{bus},netdev=n {' '.join(args)}; "
            f"echo \"ENDED-{name} $?\") &\n")
        self.console = g.SocketConsole(self.outer.serial.accept())
        self.console.about = f"inner {name}"
        self.qmp = Qmp(self.outer.monitor.accept(), LIMIT)
        # One pass while it works, then what is left: the work writes faster
        # than a busy host moves pages.
        self.qmp.command("migrate-set-parameters", downtime_limit=2000000)

    def ask(self, line, expected):
        self.console.send(line + "\n")
        return self.console.expect(expected, LIMIT)

    def fetch(self, name):
        """Over the network to the disk and from there: its checksum."""
        return self.ask(f"fetch {name}", r"FETCHED (\w{64})").group(1)

    def migrate(self, uri):
        """Until it is done, which an event tells: no asking meanwhile."""
        self.qmp.command("migrate-set-capabilities", capabilities=[
            {"capability": "events", "state": True}])
        self.qmp.command("migrate", uri=uri)
        status = ""
        while status not in ("completed", "failed"):
            status = self.qmp.event("MIGRATION")["data"]["status"]
        return self.qmp.command("query-migrate")

    def ended(self):
        """The process ended with status 0; all it said."""
        self.outer.guest.expect(f"ENDED-{self.name} 0\\b", LIMIT)
        return self.gone()

    def gone(self):
        self.qmp.close()
        self.console.close()
        return self.console.text


class Program:
    """One program of ours (prog/*.c) under our binary in the outer guest."""

    def __init__(self, name, program, cpu, *args):
        self.name = name
        self.outer = outer()
        self.outer.guest.send(
            f"(./qemu-system-x86_64 -accel kvm -cpu {cpu} -M microvm -smp 3 "
            f"-m 32 -display none -serial {self.outer.serial.where} "
            f"-qmp {self.outer.monitor.where} "
            "-device isa-debug-exit,iobase=0xf4,iosize=4 "
            f"-kernel {program}.elf -append 0 {' '.join(args)}; "
            f"echo \"ENDED-{name} $?\") &\n")
        self.console = g.SocketConsole(self.outer.serial.accept())
        self.console.about = f"program {name}"
        self.qmp = Qmp(self.outer.monitor.accept(), LIMIT)

    def ended(self, status):
        self.outer.guest.expect(f"ENDED-{self.name} {status}\\b", LIMIT)
        self.gone()

    def gone(self):
        self.qmp.close()
        self.console.close()


class Nested(unittest.TestCase):
    def setUp(self):
        outer().run("cp disk.img d.img; echo COPIED", "COPIED")
        self.said = ""
        self.number = 0
        WATCH.took("set up")
        self.addCleanup(self.tell_outer, len(outer().guest.text))

    @staticmethod
    def tell_outer(begin):
        """What the outer console said, for the test's log."""
        for line in outer().guest.text[begin:].splitlines():
            print(f"# outer: {line}", flush=True)

    def start(self, *args, **options):
        self.number += 1
        inner = Inner(f"{self.id().split('_')[-1]}{self.number}", *args,
                      **options)
        self.addCleanup(inner.gone)
        return inner

    def power_off(self, inner):
        """Unmounts and ends: a clean disk, and no complaint by the kernel."""
        inner.console.send("umount /mnt; poweroff -f\n")
        self.said += inner.ended()
        outer().run("./e2fsck -fn d.img; echo \"FSCK $?\"", r"FSCK 0\b")
        sick = g.SICK.search(self.said) or g.SICK.search(outer().guest.text)
        self.assertIsNone(sick, self.said[-2000:])

    # What a KVM with Hyper-V's interface has on an AMD CPU.
    HYPERV = ("hv-relaxed,hv-vapic,hv-vpindex,hv-runtime,hv-reset,hv-time,"
              "hv-crash,hv-synic,hv-stimer,hv-frequencies,hv-tlbflush,hv-ipi,"
              "hv-spinlocks=8191")

    def program(self, name, program, *args, cpu=None):
        made = Program(name, program, cpu or f"host,{self.HYPERV}", *args)
        self.addCleanup(made.gone)
        return made

    def test_registers_with_hyperv_in_another_process(self):
        one = self.program("state1", "state")
        one.console.expect("S", LIMIT)
        one.qmp.migrate("file:/t/registers")
        one.qmp.command("quit")
        one.ended(0)
        other = self.program("state2", "state", "-incoming", "defer")
        other.qmp.command("migrate-incoming", uri="file:/t/registers")
        other.qmp.event("RESUME")
        other.console.send("x")
        other.console.expect("ALL|BAD", LIMIT)
        other.ended(3)
        self.assertNotIn("-hv_", other.console.text)  # all were taken
        for name in ("tsc_aux", "ymm_high", "pkru", "async_pf_en"):
            self.assertNotIn(f"-{name}=", other.console.text)

    def test_a_guest_within_the_guest_in_other_processes(self):
        """prog/svm.c is saved while its own guest runs, and between."""
        here = self.program("svm1", "svm", cpu="host")
        here.console.expect("S", LIMIT)
        here.qmp.command("system_reset")  # leaves the guest within
        here.console.expect("S", LIMIT)
        for n in range(2, 5):
            here.qmp.migrate("file:/t/registers")
            here.qmp.command("quit")
            here.ended(0)
            here = self.program(f"svm{n}", "svm", "-incoming", "defer",
                                cpu="host")
            here.qmp.command("migrate-incoming", uri="file:/t/registers")
            here.qmp.event("RESUME")
            here.console.send("x")
            here.console.expect("S|ALL|BAD", LIMIT)
        self.assertRegex(here.console.text, "ALL")
        here.ended(3)

    def test_hyperv_and_capabilities_are_shown(self):
        shown = self.program("cpuid1", "cpuid",
                             cpu=f"host,{self.HYPERV},-mds-no")
        # the privileges: APIC to TIME_REF_COUNT, FREQUENCY, VP_INDEX, RESET
        shown.console.expect("40000003 00 00000aff", LIMIT)
        shown.console.expect("40000100 00 40000101 4b4d564b", LIMIT)
        caps = int(shown.console.expect(r"arch-capabilities (\w{16})", LIMIT)
                   .group(1), 16)
        self.assertEqual(caps & 0x29, 0x09)  # RDCL_NO, SKIP_L1DFL
        shown.ended(3)

    def test_boots_fetches_and_powers_off(self):
        for number in range(g.sized(10, 3, 1)):
            kind = KINDS[number % len(KINDS)]
            inner = self.start(kind=kind)
            inner.console.expect("READY", LIMIT)
            WATCH.took(f"{kind[1]} boots")
            inner.ask("echo CPUS $(grep -c ^processor /proc/cpuinfo)",
                      r"CPUS 2\b")
            self.assertEqual(inner.fetch("large"), outer().sums["large"])
            WATCH.took("fetch")
            self.press_button(inner)
            self.power_off(inner)
            WATCH.took("button, power-off, fsck")

    def press_button(self, inner):
        """ACPI's button reaches a program that reads input events."""
        inner.ask("exec 5< /dev/input/event0; echo OPEN", "OPEN")
        inner.qmp.command("system_powerdown")
        inner.ask("head -c 24 <&5 > /dev/null; echo PRESSED", "PRESSED")

    def test_watchpoints_stop_behind_the_access(self):
        port, at = Listener(), symbols(PROGRAMS / "debug.elf")
        self.addCleanup(port.socket.close)
        host, number = port.where.split(":")[1:]
        made = self.program(
            "debug1", "debug", "-S", "-gdb", "chardev:gdb", "-chardev",
            f"socket,id=gdb,host={host},port={number},nodelay=on", cpu="host")
        d = Debugger(Rsp(port.accept()), at)
        self.addCleanup(d.rsp.close)
        d.to_idle()
        words = at["words"]
        for size in (1, 2, 4, 8):
            place = f"at_store{'' if size == 4 else size}"
            for kind, name in ((2, "watch"), (4, "awatch")):
                self.assertEqual(
                    d.go_to(place, {RDI: words}, [(kind, words, size)]),
                    f"T05thread:01;{name}:{words:x};")
                self.assertEqual(d.word(words, size), 7)
        stop = (1, "idle")
        self.assertIn("awatch", d.go_to("at_load", {RDI: words},
                                        [stop, (4, words, 8)]))
        self.assertEqual(d.go_to("at_load", {RDI: words},
                                 [stop, (2, words, 8)]), "T05thread:01;")
        # not aligned, and over the edge of what is watched
        self.assertIn("watch", d.go_to("at_store", {RDI: words + 2},
                                       [stop, (2, words + 4, 4)]))
        # the guest's own exceptions, stepped over
        self.assertEqual([d.steps(p, 1) for p in ("at_int", "at_int3")],
                         [["at_int+3"], ["at_int3+2"]])
        self.assertEqual([d.seen(n) for n in (1, 3, 8)], [0, 1, 1])
        d.rsp.send("k")
        made.ended(0)

    def begin_work(self):
        """A machine of which both workers have done a round; their counts."""
        # what is free is zero: less to send
        inner = self.start(append="init_on_free=1")
        inner.console.expect("READY", LIMIT)
        inner.console.send("work a & work b &\n")
        return inner, self.progress(inner, {"a": 0, "b": 0})

    def paravirtual(self, inner):
        """Of both CPUs: kvmclock, asynchronous page faults, steal time, EOI,
        the vector of page faults. Two CPUs at work on one have time stolen."""
        clock, stolen, *msrs = inner.ask("pv", r"PV (.*) \.").group(1).split()
        self.assertEqual((clock, len(msrs)), ("kvm-clock", 10))
        self.assertTrue(all(int(m, 16) & 1 for m in msrs), msrs)
        self.assertGreater(int(stolen), 0)
        return msrs

    def progress(self, inner, before):
        """Both workers end a round beyond @before, right; where they are."""
        now = dict(before)
        while any(now[worker] <= before[worker] for worker in before):
            verdict, worker, number = inner.console.expect(
                r"(RIGHT|WRONG) ([ab]) (\d+)\.", LIMIT).groups()
            self.assertEqual(verdict, "RIGHT")
            self.assertGreater(int(number), now[worker])
            now[worker] = int(number)
        return now

    def end_work(self, inner):
        inner.ask("touch /tmp/enough; wait; rm -f /mnt/a /mnt/b; "
                  "echo \"$(ls /tmp | grep -c wrong) WERE BAD\"", r"\b0 WERE BAD")
        self.assertEqual(inner.fetch("small"), outer().sums["small"])
        self.power_off(inner)
        self.assertNotIn("WRONG", self.said)

    def hand_over(self, inner, uri):
        """To @uri; the old process ends, its console's text is kept."""
        info = inner.migrate(uri)
        self.assertEqual(info["status"], "completed", info)
        WATCH.took(f"sent {info['ram']['transferred'] >> 20} MiB in "
                   f"{info['ram']['dirty-sync-count']} passes, stood for "
                   f"{info['downtime']} ms")
        inner.qmp.command("quit")
        self.said += inner.ended()

    def save(self, inner):
        """By a file, to a process that begins when the old one is gone."""
        self.hand_over(inner, "file:/t/state")
        other = self.start("-incoming", "defer")
        other.qmp.command("migrate-incoming", uri="file:/t/state")
        other.qmp.event("RESUME")
        WATCH.took("restored")
        return other

    def migrate(self, inner):
        """By a socket, to a process that waits."""
        other = self.start("-incoming", "unix:/t/stream")
        WATCH.took("the other starts")
        self.hand_over(inner, "unix:/t/stream")
        return other

    def test_saves_and_migrates_at_work(self):
        """All saves, then all migrations, of one machine."""
        inner, count = self.begin_work()
        enabled = self.paravirtual(inner)
        WATCH.took("begin work")
        times = g.sized(20, 5, 1)
        for number, move in enumerate([self.save] * times +
                                      [self.migrate] * times):
            inner = move(inner)
            count = self.progress(inner, count)
            WATCH.took(f"both went on after move {number + 1}")
        self.assertEqual(self.paravirtual(inner), enabled)
        self.end_work(inner)
        WATCH.took("end work")


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
