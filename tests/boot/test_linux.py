#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots Debian's unmodified riscv64 kernel and uses its devices."""

import functools
import http.server
import pathlib
import re
import socket
import subprocess
import threading
import time
import unittest
import urllib.request

import guest as g
from guest import GuestTest, tap
from qmp import Qmp

DISK_MB = g.sized(200, 32, 3)
FETCH_MB = g.sized(100, 16, 4)


class Boot(GuestTest):
    """Through OpenSBI to a shell script and off again."""

    def boot(self, *args, smp=1, **options):
        script = ("uname -a; grep -c ^processor /proc/cpuinfo | "
                  "sed s/^/CPUS=/; cat /proc/cmdline")
        initrd = self.initrd("boot.gz", script)
        text = self.finish(self.linux(initrd, *args, smp=smp, **options))
        self.assertRegex(text, r"OpenSBI v\d")
        self.assertRegex(text, r"(?m)^Linux tandem 6\.\d+\.\d+\S* .*riscv64")
        self.assertRegex(text, rf"(?m)^CPUS={smp}\r?$")
        self.assertIn("reboot: Power down", text)
        return text

    def test_smp_1(self):
        self.boot()

    def test_smp_4(self):
        text = self.boot(smp=4)
        self.assertRegex(text, r"smp: Brought up 1 node, 4 CPUs")

    def test_newer_firmware(self):
        fw = g.fetched("opensbi-1.5") / "fw64/fw_dynamic.bin"
        self.assertIn("OpenSBI v1.5", self.boot("-bios", fw))

    def test_command_line_and_memory_reach_the_kernel(self):
        text = self.boot(memory=256, append="tandem.word=42")
        self.assertIn("tandem.word=42", text)
        found = re.search(r"Memory: \d+K/(\d+)K available", text)
        self.assertIsNotNone(found)
        self.assertLessEqual(int(found[1]), 256 * 1024)
        self.assertGreater(int(found[1]), 250 * 1024)

    def test_reset_under_no_reboot_ends_with_status_0(self):
        initrd = self.initrd("reset.gz", "reboot -f")
        guest = self.linux(initrd)
        guest.expect("reboot: Restarting system", 120)
        self.assertEqual(guest.wait(30), 0)

    def test_reboot_boots_again(self):
        initrd = self.initrd("again.gz", "reboot -f")
        kernel = g.fetched("riscv64-guest") / "kernel"
        guest = self.start("-M", "virt", "-m", 256, "-nographic", "-kernel",
                           kernel, "-initrd", initrd, "-append",
                           "console=ttyS0")
        for _ in range(2):
            guest.expect(r"OpenSBI v\d", 120)
            guest.expect("INIT-START", 120)
        guest.send("\x01x")
        self.assertEqual(guest.wait(30), 0)

    def test_console_input(self):
        initrd = self.initrd("tty.gz", "read line; echo \"got <$line>\"")
        guest = self.linux(initrd)
        guest.expect("INIT-START", 120)
        guest.send("hello 123\n")
        guest.expect("got <hello 123>", 30)
        self.finish(guest)

    def test_clock_runs_with_the_host(self):
        initrd = self.initrd("clock.gz", "date +T0=%s; sleep 3; date +T1=%s")
        begin = time.monotonic()
        text = self.finish(self.linux(initrd))
        took = time.monotonic() - begin
        t0 = int(re.search(r"T0=(\d+)", text)[1])
        t1 = int(re.search(r"T1=(\d+)", text)[1])
        self.assertIn(t1 - t0, range(3, int(took) + 2))


class Disk(GuestTest):
    """virtio-blk under load, with the file system checked on the host."""

    LOAD = """set -e
head -c {bytes} /dev/urandom > /mnt/a
sha256sum < /mnt/a > /tmp/sum
cp /mnt/a /mnt/b; rm /mnt/a; sync
echo 3 > /proc/sys/vm/drop_caches
sha256sum -c /tmp/sum < /mnt/b
echo DISK-OK
"""

    def image(self, megabytes):
        path = self.dir / "disk.img"
        with open(path, "wb") as f:
            f.truncate(megabytes << 20)
        subprocess.run([g.tool("mkfs.ext4", "e2fsprogs"), "-q", "-F", path],
                       check=True, capture_output=True)
        return path

    def fsck(self, path):
        done = subprocess.run(
            [g.tool("e2fsck", "e2fsprogs"), "-f", "-n", path], text=True,
            capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def load(self, device, modules, *args, smp=1, extra=""):
        image = self.image(3 * DISK_MB + 64)
        script = ("mount -t ext4 /dev/vda /mnt\n"
                  + self.LOAD.format(bytes=DISK_MB << 20)
                  + "umount /mnt\n")
        initrd = self.initrd("disk.gz", script, modules)
        guest = self.linux(
            initrd, *args, "-drive",
            f"file={image},format=raw,if=none,id=d0{extra}",
            "-device", f"{device},drive=d0", smp=smp)
        guest.expect("DISK-OK", g.sized(300, 120, 120))
        self.finish(guest)
        self.fsck(image)

    def test_pci(self):
        self.load("virtio-blk-pci", "virtio_blk,ext4")

    def test_mmio_and_four_cpus(self):
        self.load("virtio-blk-device", "virtio_mmio,virtio_blk,ext4", smp=4)

    @unittest.skipUnless(g.SOAK, "scripts/soak: a thread of its own, a ring")
    def test_iothread_and_ring(self):
        self.load("virtio-blk-pci,iothread=io", "virtio_blk,ext4", "-object",
                  "iothread,id=io", smp=4, extra=",cache=none,aio=io_uring")

    @unittest.skipUnless(g.SOAK, "scripts/soak: unit tests mirror null load")
    def test_mirror_under_load(self):
        """The disk moves to another file and back while the guest writes."""
        image = self.image(3 * DISK_MB + 64)
        other = self.dir / "other.img"
        path = self.dir / "qmp"
        script = ("mount -t ext4 /dev/vda /mnt; echo MOUNTED\n"
                  + self.LOAD.format(bytes=DISK_MB << 20)
                  + self.LOAD.format(bytes=DISK_MB << 20)
                  + "umount /mnt; echo UNMOUNTED; sleep 5\n")
        initrd = self.initrd("disk.gz", script, "virtio_blk,ext4")
        guest = self.linux(
            initrd, "-drive", f"file={image},format=raw,if=none,id=d0",
            "-device", "virtio-blk-pci,drive=d0", "-qmp",
            f"unix:{path},server=on,wait=off")
        qmp = Qmp(path)
        self.addCleanup(qmp.close)

        def wait_for(status):
            until = time.monotonic() + 120 * g.PATIENCE
            while True:
                jobs = qmp.command("query-jobs")
                if [j["status"] for j in jobs] == status:
                    return
                self.assertLess(time.monotonic(), until, jobs)
                time.sleep(0.1)

        guest.expect("MOUNTED", 120)
        qmp.command("drive-mirror", **{
            "job-id": "out", "device": "d0", "target": str(other),
            "sync": "full", "format": "raw"})
        wait_for(["ready"])
        qmp.command("job-complete", id="out")
        wait_for([])
        self.assertIn(str(other), qmp.command("query-block")[0]["inserted"]
                      ["file"])
        qmp.command("drive-mirror", **{
            "job-id": "back", "device": "d0", "target": str(image),
            "sync": "full", "format": "raw", "mode": "existing",
            "copy-mode": "write-blocking"})
        guest.expect("UNMOUNTED", 300)
        wait_for(["ready"])
        qmp.command("block-job-cancel", device="back")
        wait_for([])
        self.finish(guest)
        self.fsck(other)
        self.assertEqual(g.sha256(other.read_bytes()),
                         g.sha256(image.read_bytes()))

    def test_root_file_system(self):
        """The initramfs only loads modules; /sbin/init is on the disk, which
        a thread of its own serves."""
        guest_dir = g.fetched("riscv64-guest")
        tree = self.dir / "root"
        for name in ("bin", "sbin", "dev", "proc", "sys", "tmp"):
            (tree / name).mkdir(parents=True)
        (tree / "bin/busybox").write_bytes(
            (guest_dir / "busybox").read_bytes())
        (tree / "bin/busybox").chmod(0o755)
        (tree / "bin/sh").symlink_to("busybox")
        init = tree / "sbin/init"
        init.write_text(
            "#!/bin/sh\n/bin/busybox --install -s /bin\n"
            "export PATH=/bin\nmount -t proc proc /proc\n"
            "head -c 4000000 /dev/urandom > /tmp/file; sync\n"
            "grep ' / ' /proc/mounts\necho INIT-STATUS $?\n"
            "mount -o remount,ro /\npoweroff -f\n")
        init.chmod(0o755)
        image = self.dir / "root.img"
        with open(image, "wb") as f:
            f.truncate(64 << 20)
        subprocess.run([g.tool("mkfs.ext4", "e2fsprogs"), "-q", "-F", "-d",
                        tree, image], check=True, capture_output=True)
        switch = self.dir / "init"
        switch.write_text(
            "#!/bin/busybox sh\n/bin/busybox --install -s /bin\n"
            "export PATH=/bin\nmount -t devtmpfs dev /dev\n"
            "while read -r m; do insmod $m; done < /lib/modules/order\n"
            "mount -t ext4 /dev/vda /mnt\n"
            "mount -t devtmpfs dev /mnt/dev\n"
            "exec switch_root -c /dev/console /mnt /sbin/init\n")
        initrd = self.initrd("switch.gz", None, "virtio_blk,ext4",
                             init=switch)
        guest = self.linux(
            initrd, "-object", "iothread,id=io", "-drive",
            f"file={image},format=raw,if=none,id=d0",
            "-device", "virtio-blk-pci,drive=d0,iothread=io")
        text = self.finish(guest)
        self.assertRegex(text, r"/dev/(root|vda) / ext4 rw")
        self.fsck(image)

    def test_snapshot_leaves_the_image_alone(self):
        image = self.image(32)
        before = g.sha256(image.read_bytes())
        initrd = self.initrd(
            "snap.gz", "set -e; mount -t ext4 /dev/vda /mnt; "
            "head -c 3000000 /dev/urandom > /mnt/x; umount /mnt",
            "virtio_blk,ext4")
        guest = self.linux(
            initrd, "-snapshot", "-drive",
            f"file={image},format=raw,if=none,id=d0", "-device",
            "virtio-blk-pci,drive=d0")
        self.finish(guest)
        self.assertEqual(g.sha256(image.read_bytes()), before)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
        pass


class Net(GuestTest):
    """virtio-net over user networking, both ways, with checksums."""

    UP = """ip link set eth0 up
cat > /tmp/dhcp <<'END'
[ "$1" = bound ] || exit 0
ip addr add $ip/${mask:-24} dev eth0
ip route add default via $router
echo "DHCP $ip via $router dns $dns"
END
chmod +x /tmp/dhcp
udhcpc -i eth0 -q -n -t 10 -s /tmp/dhcp || exit 9
"""

    def serve(self, data):
        """A web server on the loopback with one file; returns its port."""
        folder = self.dir / "www"
        folder.mkdir()
        (folder / "file").write_bytes(data)
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0),
            functools.partial(QuietHandler, directory=str(folder)))
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]

    def fetch_from_host(self, device, modules, smp=1):
        data = g.random_bytes(FETCH_MB << 20, "net")
        port = self.serve(data)
        script = (self.UP + f"wget -q -O - http://10.0.2.2:{port}/file "
                  "| sha256sum | sed s/^/SUM=/")
        initrd = self.initrd("net.gz", script, modules)
        guest = self.linux(initrd, "-netdev", "user,id=n0", "-device",
                           f"{device},netdev=n0", smp=smp)
        guest.expect(r"DHCP 10\.0\.2\.15 via 10\.0\.2\.2 dns 10\.0\.2\.3", 120)
        found = guest.expect(r"SUM=([0-9a-f]{64})", g.sized(300, 90, 90))
        self.assertEqual(found[1], g.sha256(data))
        self.finish(guest)

    def test_fetch_from_host_pci(self):
        self.fetch_from_host("virtio-net-pci", "virtio_net")

    def test_fetch_from_host_mmio_four_cpus(self):
        self.fetch_from_host("virtio-net-device", "virtio_mmio,virtio_net",
                             smp=4)

    def test_host_fetches_from_guest(self):
        script = (self.UP + f"head -c {FETCH_MB << 20} /dev/urandom > "
                  "/tmp/file; sha256sum < /tmp/file | sed s/^/SUM=/; "
                  "httpd -h /tmp -p 80; echo SERVING; read done")
        port = g.free_port()
        initrd = self.initrd("httpd.gz", script, "virtio_net")
        guest = self.linux(
            initrd, "-netdev",
            f"user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:80", "-device",
            "virtio-net-pci,netdev=n0", memory=512)
        found = guest.expect(r"SUM=([0-9a-f]{64})", 180)
        guest.expect("SERVING", 60)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/file",
                                    timeout=g.sized(300, 90, 90) * g.PATIENCE) as reply:
            data = reply.read()
        self.assertEqual(len(data), FETCH_MB << 20)
        self.assertEqual(g.sha256(data), found[1])
        guest.send("done\n")
        self.finish(guest)

    def test_packet_capture(self):
        initrd = self.initrd("dump.gz", self.UP, "virtio_net")
        dump = self.dir / "dump.pcap"
        guest = self.linux(
            initrd, "-netdev", "user,id=n0", "-device",
            "virtio-net-pci,netdev=n0,mac=52:54:00:00:12:77", "-object",
            f"filter-dump,id=f0,netdev=n0,file={dump}")
        self.finish(guest)
        data = dump.read_bytes()
        # pcap magic, version 2.4, link type 1 (Ethernet).
        self.assertEqual(data[:8].hex(), "d4c3b2a102000400")
        self.assertEqual(data[20:24].hex(), "01000000")
        self.assertIn(bytes.fromhex("525400001277"), data)
        self.assertIn(b"\x63\x82\x53\x63", data)  # the DHCP cookie


class Others(GuestTest):
    def test_virtio_rng_and_balloon(self):
        initrd = self.initrd(
            "rng.gz", "cat /sys/class/misc/hw_random/rng_current; "
            "head -c 64 /dev/hwrng | wc -c | sed s/^/RNG=/",
            "virtio_rng,virtio_balloon")
        text = self.finish(self.linux(
            initrd, "-device", "virtio-rng-pci", "-device",
            "virtio-balloon-pci"))
        self.assertRegex(text, r"virtio_rng\.0")
        self.assertRegex(text, r"RNG=64\b")

    def test_balloon_takes_memory_and_gives_it_back(self):
        """query-balloon, the guest's view and the statistics follow the
        balloon command; pages that the guest frees are reported."""
        initrd = self.initrd(
            "bal.gz", "head -c 50000000 /dev/zero > /tmp/x; rm /tmp/x\n"
            "while read -r what; do [ $what != end ] || break; "
            "grep MemTotal /proc/meminfo; echo SHOWN; done", "virtio_balloon")
        path = self.dir / "qmp"
        guest = self.linux(
            initrd, "-device", "virtio-balloon-pci,id=b0,"
            "free-page-reporting=on,guest-stats-polling-interval=1",
            "-qmp", f"unix:{path},server=on,wait=off",
            "-trace", "virtio_balloon_free")
        guest.expect("INIT-START", 120)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        full = qmp.command("query-balloon")["actual"]
        self.assertEqual(full, 512 << 20)
        total = []
        for want in (full - (128 << 20), full):
            qmp.command("balloon", value=want)
            until = time.monotonic() + 60 * g.PATIENCE
            while qmp.command("query-balloon")["actual"] != want:
                self.assertLess(time.monotonic(), until)
                time.sleep(0.05)
            guest.send("go\n")
            total.append(int(guest.expect(r"MemTotal: +(\d+) kB")[1]))
        self.assertEqual(total[1] - total[0], 128 << 10)
        until = time.monotonic() + 60 * g.PATIENCE
        while True:
            told = qmp.command("qom-get", path="/machine/peripheral/b0",
                           property="guest-stats")
            # the first poll may meet the balloon half way
            if told["last-update"] and \
                    told["stats"]["stat-total-memory"] >> 10 in total:
                break
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        guest.expect(r"virtio_balloon_free 0x[0-9a-f]+ 0x", 60)
        guest.send("end\n")
        self.finish(guest)

    def test_virtio_console(self):
        out = self.dir / "port.txt"
        initrd = self.initrd(
            "con.gz", "ls /dev/vport*; "
            "for p in /sys/class/virtio-ports/*; do cat $p/name; "
            "echo from the guest > /dev/${p##*/}; done", "virtio_console")
        self.finish(self.linux(
            initrd, "-device", "virtio-serial-pci", "-chardev",
            f"file,id=c0,path={out}", "-device",
            "virtserialport,chardev=c0,name=org.tandem.test"))
        self.assertEqual(pathlib.Path(out).read_text(), "from the guest\n")

    def connect(self, path):
        """The client of a socket chardev, which stands once QMP would."""
        until = time.monotonic() + 30 * g.PATIENCE
        while True:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(30 * g.PATIENCE)
            try:
                s.connect(str(path))
                self.addCleanup(s.close)
                return s
            except OSError:
                s.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def until(self, s, pattern):
        """Read @s up to @pattern; what was read."""
        data = b""
        while not re.search(pattern, data):
            part = s.recv(65536)
            self.assertTrue(part, f"no {pattern!r} in {data[-500:]!r}")
            data += part
        return data

    def test_virtio_console_terminal_and_bulk_port(self):
        """A shell on hvc0, and a port that carries more than its buffers
        hold, both ways, while the host reads late."""
        initrd = self.initrd(
            "hvc.gz", "p=/dev/$(ls /sys/class/virtio-ports | grep p1)\n"
            "exec 3<>$p\n"
            "(head -c 1000000 <&3 | sha256sum; "
            "head -c 1000000 /dev/zero | tr '\\0' x; echo END) >&3 &\n"
            "setsid sh -i < /dev/hvc0 > /dev/hvc0 2>&1; true",
            "virtio_console")
        con, port = self.dir / "con", self.dir / "port"
        guest = self.linux(
            initrd, "-chardev", f"socket,id=c0,path={con},server=on,wait=off",
            "-chardev", f"socket,id=c1,path={port},server=on,wait=off",
            "-device", "virtio-serial-pci,id=ser0", "-device",
            "virtconsole,chardev=c0,bus=ser0.0", "-device",
            "virtserialport,chardev=c1,bus=ser0.0", append="console=hvc0")
        con, port = self.connect(con), self.connect(port)
        data = g.random_bytes(1000000, "port")
        port.sendall(data)
        self.until(con, rb"# ")
        con.sendall(b"uname -m; tty\n")
        text = self.until(con, rb"/dev/hvc0\r\n")
        self.assertIn(b"riscv64\r\n", text)
        text = self.until(port, rb"END\n")
        self.assertTrue(text.startswith(g.sha256(data).encode()))
        self.assertEqual(text.count(b"x"), 1000000)
        con.sendall(b"exit\n")
        self.until(con, rb"INIT-STATUS 0\r\n")  # init's console is hvc0
        self.assertEqual(guest.wait(30), 0, guest.text[-2000:])

    def test_goldfish_rtc_has_the_hosts_time(self):
        initrd = self.initrd("rtc.gz", "date +NOW=%s")
        text = self.finish(self.linux(initrd, "-rtc", "base=2001-02-03T04:05:06"))
        now = int(re.search(r"NOW=(\d+)", text)[1])
        base = 981173106  # date -u -d 2001-02-03T04:05:06 +%s
        self.assertIn(now - base, range(0, 24 * 3600))


class Vectors(GuestTest):
    """Processes and signal handlers keep their own vector registers."""

    def program(self):
        out = self.dir / "vectors"
        subprocess.run(
            [g.tool("riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"), "-O1",
             "-static", "-march=rv64gcv", "-o", out,
             g.SOURCE / "tests/boot/vectors.c"], check=True)
        return out

    def check(self, *args):
        initrd = self.initrd("vectors.gz", "vectors 5",
                             add=[f"{self.program()}:/bin/vectors"])
        text = self.finish(self.linux(initrd, *args, smp=2))
        self.assertIn("VECTORS GOOD", text)

    def test_vlen_128(self):
        self.check("-cpu", "max")

    def test_vlen_512_restored_everywhere(self):
        self.check("-cpu", "max,vlen=512", "-accel", "tcg,x-stress-restore=on")


if __name__ == "__main__":
    g.skip_without_binary()
    unittest.TestCase.maxDiff = None
    tap.main()
