#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""prog/storm.c: four CPUs use every device of microvm at random, while clients
stop, reset, save, load, plug and look. Only the emulator may not come to harm;
whatever state the guest brought about can be saved, and loads.

A machine that stopped or makes no way is reset; a round ends when the CPUs
have done so many steps, which they count in memory.
"""

import os
import random
import re
import struct
import time
import unittest

import test_kvm as k  # also finds tests/boot
import guest as g  # pylint: disable=wrong-import-position
from guest import tap
from qmp import Qmp, QmpError

KEPT, CPU_LINE, CPUS, STEP_AT = 0x600000, 64, 4, 4
HMP = ("info mtree -f", "info qtree", "info registers -a", "info pic",
       "info lapic", "info irq", "info pci", "info network", "info block",
       "info chardev", "info qom-tree", "info stats vm", "info roms",
       "xp /16xb 0xfec00000", "xp /128xb 0xfeb00000", "xp /16xb 0xfea00000",
       "xp /64xw 0xe0008000", "xp /64xw 0xc0100000", "x /8i $rip")
# Plugged while the machine runs; the word {n} is the root port.
HOT = ("virtio-rng-pci,packed=on", "virtio-net-pci,netdev=hot{n}",
       "virtio-blk-pci,drive=hot{n}", "virtio-serial-pci")
SICK = re.compile(r"Sanitizer|runtime error|assertion|SUMMARY")


class Storm:
    """One machine, in a row of processes."""

    def __init__(self, folder, seed, irqchip):
        self.dir = folder
        self.random = random.Random(seed)
        self.seed = seed
        self.irqchip = irqchip
        self.balloon = self.random.choice(("device", "pci,bus=pcie.0"))
        self.options = self.random.choices(
            ("on", "off"), k=6)
        self.hot = {}  # root port: -device that was plugged
        self.seen = self.done = self.processes = 0
        self.moved = None  # when there was progress
        self.text = ""
        for name in ("com", "vcon", "vport", "dbg"):
            g.Echo(folder / name)
        for name in ("d0", "d1", "hot0", "hot1"):
            (folder / name).write_bytes(bytes(1 << 20))
        self.start()

    # --- processes ---

    def arguments(self):
        legacy, packed, events, ioapic2, indirect, ioeventfd = self.options
        if self.irqchip == "on":
            ioapic2 = "off"  # the kernel has one
        yield from (
            "-accel", f"kvm,kernel-irqchip={self.irqchip}", "-cpu", "host",
            "-M", "microvm,pcie=on,rtc=on,pit=on,pic=on,"
            f"ioapic2={ioapic2}", "-smp", CPUS, "-m", 32, "-nodefaults",
            "-display", "none", "-monitor", "none", "-no-shutdown",
            "-kernel", k.PROGRAMS / "storm.elf", "-append", self.seed,
            "-d", "guest_errors,unimp", "-D", "/dev/null",
            "-global", f"virtio-mmio.force-legacy={legacy}",
            "-global", f"virtio-mmio.ioeventfd={ioeventfd}",
            "-object", "iothread,id=io0")
        for name in ("com", "vcon", "vport", "dbg"):
            yield from ("-chardev", f"socket,id={name},path={self.dir / name}")
        for name in ("d0", "d1", "hot0", "hot1"):
            yield from ("-drive", f"if=none,id={name},format=raw,"
                        f"file={self.dir / name},discard=unmap")
        for name in ("n0", "n1", "hot0", "hot1"):
            yield from ("-netdev", f"hubport,id={name},hubid=0")
        yield from ("-serial", "chardev:com")
        devices = [
            "isa-debug-exit,iobase=0xf4,iosize=4", "pvpanic", "pvpanic-pci",
            "isa-debugcon,iobase=0x402,chardev=dbg",
            "virtio-rng-device", "virtio-blk-device,drive=d0",
            "virtio-net-device,netdev=n0,mac=52:54:00:12:34:01",
            "virtio-serial-device,id=vs0",
            "virtconsole,bus=vs0.0,chardev=vcon",
            f"virtio-balloon-{self.balloon},id=balloon",
            f"virtio-blk-pci,drive=d1,iothread=io0,packed={packed}",
            f"virtio-net-pci,netdev=n1,event_idx={events},id=nic,romfile=",
            f"virtio-rng-pci,packed={packed},indirect_desc={indirect}",
            f"virtio-serial-pci,id=vs1,packed={packed}",
            "virtserialport,bus=vs1.0,chardev=vport,name=p",
            "pcie-root-port,id=rp0,chassis=1,slot=1",
            "pcie-root-port,id=rp1,chassis=2,slot=2",
        ]
        for device in devices + list(self.hot.values()):
            yield from ("-device", device)

    def start(self, *args):
        path = self.dir / f"qmp{self.processes}"
        self.processes += 1
        self.guest = g.Guest(*self.arguments(), "-qmp",
                             f"unix:{path},server=on,wait=off", *args)
        while not path.exists():
            if self.guest.process.poll() is not None:
                self.fail("it did not start")
            time.sleep(0.01)
        self.qmp = Qmp(path)
        self.names = [c["name"] for c in self.qmp.command("query-commands")
                      if c["name"].startswith("query-")]

    def end(self):
        """Of this process; checks that it was well."""
        try:
            self.qmp.command("quit")
        except (ConnectionError, QmpError):
            pass
        self.qmp.close()
        status = self.guest.wait()
        self.guest.kill()
        if status or SICK.search(self.guest.text):
            self.fail(f"status {status}")

    def fail(self, why):
        self.guest.fail(f"seed {self.seed}, irqchip {self.irqchip}, process "
                        f"{self.processes}, {self.done} steps: {why}")

    # --- what is done beside ---

    def query(self):
        self.qmp.command(self.random.choice(self.names))

    def look(self):
        self.qmp.command("human-monitor-command",
                         command_line=self.random.choice(HMP))

    def stop(self):
        self.qmp.command("stop")
        self.look()
        self.qmp.command("cont")

    def reset(self):
        self.qmp.command("system_reset")
        self.qmp.command("cont")

    def button(self):
        self.qmp.command(self.random.choice(
            ("system_powerdown", "inject-nmi", "system_wakeup")))

    def link(self):
        self.qmp.command("set_link", name="nic",
                         up=self.random.random() < 0.6)

    def inflate(self):
        self.qmp.command("balloon",
                         value=self.random.randrange(1 << 20, 32 << 20))

    def resize(self):
        name = self.random.choice(("d0", "d1"))
        self.qmp.command("block_resize", device=name,
                         size=512 * self.random.randrange(1, 4096))

    def plug(self):
        n = self.random.randrange(2)
        text = self.random.choice(HOT).format(n=n) + \
            f",id=plug{n},bus=rp{n},addr=0"
        words = dict(w.split("=") for w in text.split(",")[1:])
        self.qmp.command("device_add", driver=text.split(",")[0], **words)
        self.hot[n] = text

    def unplug(self):
        self.qmp.command("device_del", id=f"plug{self.random.randrange(2)}")

    def unsaved(self):
        self.qmp.command("migrate", uri="exec:cat >/dev/null")
        self.query()
        self.qmp.command("migrate_cancel")

    def save(self):
        """Goes on here, or in another process."""
        path = self.dir / "stream"
        self.qmp.migrate(f"file:{path}")
        if self.random.random() < 0.3:
            self.qmp.command("cont")
            return
        found = {entry["name"] for entry in self.qmp.command(
            "qom-list", path="/machine/peripheral")}
        self.hot = {n: text for n, text in self.hot.items()
                    if f"plug{n}" in found}
        self.end()
        self.start("-incoming", f"file:{path}")
        while (state := self.qmp.command("query-migrate").get(
                "status")) not in ("completed", "failed"):
            time.sleep(0.01)
        if state != "completed":
            self.fail("the state does not load")

    def progress(self):
        """Steps of all CPUs; a machine that makes none is reset."""
        path = self.dir / "kept"
        self.qmp.command("pmemsave", val=KEPT, size=CPU_LINE * CPUS,
                         filename=str(path))
        data = path.read_bytes()
        done = [struct.unpack_from("<I", data, CPU_LINE * i + STEP_AT)[0]
                for i in range(CPUS)]
        now = time.monotonic()
        if sum(done) != self.seen or not self.moved:
            self.done += max(sum(done) - self.seen, 0)
            self.seen, self.moved = sum(done), now
        if not self.qmp.command("query-status")["running"] or \
                now - self.moved > g.PATIENCE / 5:
            self.moved = None
            self.reset()

    def act(self):
        kinds = {self.query: 8, self.look: 6, self.stop: 4, self.reset: 0.5,
                 self.button: 2, self.link: 2, self.inflate: 2,
                 self.resize: 2, self.plug: 3, self.unplug: 3,
                 self.unsaved: 1, self.save: 0.5, self.progress: 8}
        try:
            self.random.choices(list(kinds), list(kinds.values()))[0]()
        except QmpError:
            pass  # not now
        except ConnectionError:
            self.guest.wait()
            self.fail(f"it died, {self.guest.process.returncode}")


class Storms(k.KvmTest):
    def test_all_devices_by_all_cpus_while_clients_act(self):
        if not g.SOAK:
            raise unittest.SkipTest("random in time, too: scripts/soak "
                                    "kvm-storm runs it")
        rounds, steps = 12, 60000
        for i in range(rounds):
            seed = 1000 * int(g.ROUND) + i + int(os.environ.get(
                "TANDEM_SEED", "1"))
            started = time.monotonic()
            storm = Storm(self.dir, seed, ("off", "split", "on")[seed % 3])
            self.addCleanup(lambda s=storm: s.guest.kill())
            while storm.done < steps:
                storm.act()
            storm.end()
            for path in self.dir.iterdir():
                path.unlink()
            print(f"# seed {seed}: {storm.done} steps, {storm.processes} "
                  f"processes, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    tap.main()
