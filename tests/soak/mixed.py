#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hours of mixed work in one guest with four CPUs and a small code cache.

Each boot of the guest fetches a new C project from the host, compiles it with
make, runs it, unpacks a package with dpkg and with tar and xz, and
reboots. What must come out is known from elsewhere: the assembly from the
same compiler under the peer's user-mode binary, the program's answer and the
packages' sums from Python. TANDEM_MINUTES is how long it goes on;
TANDEM_ROUND seeds the programs; TANDEM_CACHE_MB bounds the code cache.
"""

import concurrent.futures
import functools
import hashlib
import http.server
import io
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp  # pylint: disable=wrong-import-position

MINUTES = float(os.environ.get("TANDEM_MINUTES", "5"))
CACHE_MB = int(os.environ.get("TANDEM_CACHE_MB", "16"))
FILES, FUNCTIONS = 4, 10    # of one project
# Memory of the process apart from the guest's RAM: what it may grow by after
# the warm-up. Freed memory that malloc keeps in its arenas comes and goes.
WARM_UP = 0.25              # part of the run
GROWTH_KIB = 24 << 10
CC1 = "usr/libexec/gcc/riscv64-linux-gnu/14/cc1"
CFLAGS = ("-quiet -O2 -march=rv64gc -mabi=lp64d -frandom-seed=1 "
          "-fno-asynchronous-unwind-tables")
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale",
            "usr/share/info", "usr/libexec/gcc/riscv64-linux-gnu/14/lto1")

INIT = """mount -t ext4 /dev/vda /mnt || exit 1
ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
for m in dev proc sys; do mount --bind /$m /mnt/$m; done
mount -t tmpfs none /mnt/tmp
chroot /mnt /bin/bash /soak.sh
umount /mnt/tmp /mnt/dev /mnt/proc /mnt/sys; umount /mnt; sync
[ -e /dev/shm/over ] || reboot -f
"""

# The host tells on the console what comes next, and reads what came out.
# The terminal does not echo: what the host sends never looks like an answer.
SOAK_SH = """export PATH=/usr/bin:/usr/sbin:/usr/local/bin LC_ALL=C
stty -echo < /dev/console
sums() { (cd $1 && find . -type f | sort | xargs sha256sum | sha256sum); }
result() { echo "RESULT $1 $2"; }
fetch() { # PORT NAME
    busybox wget -q -O /work/project.tar.xz http://10.0.2.2:$1/$2
    result fetch "$(sha256sum < /work/project.tar.xz)"
}
compile() {
    rm -rf /work/project; mkdir /work/project; cd /work/project
    tar -xJf ../project.tar.xz && make -s -r -j4 || echo "make failed"
    cd /; result assembly "$(cd /work/project; cat f?.s | sha256sum)"
    result answer "$(/work/project/program)"
}
unpack() {
    rm -rf /work/u; mkdir -p /work/u/dpkg /work/u/tar
    dpkg-deb -x /package.deb /work/u/dpkg &
    dpkg-deb --fsys-tarfile /package.deb | tar -x -C /work/u/tar
    wait; sync; echo 3 > /proc/sys/vm/drop_caches
    result dpkg "$(sums /work/u/dpkg)"
    result tar "$(sums /work/u/tar)"
}
mkdir -p /work
echo SOAK-READY
while read -r what one two; do
    case $what in
    fetch | compile | unpack) $what $one $two ;;
    reboot) break ;;
    over) touch /dev/shm/over; break ;;
    esac
    echo "SOAK-DONE $what"
done
"""

MAKEFILE = f"""program: $(patsubst %.c,%.o,$(wildcard f?.c)) main.o
\tgcc -o $@ $^
f%.s: f%.c
\t/{CC1} {CFLAGS} -o $@ $<
%.o: %.s
\tgcc -c -o $@ $<
main.o: main.c
\tgcc -O1 -c -o $@ $<
.SECONDARY:
"""


class Function:
    """A random function of one word with a loop, in C and in Python."""

    def __init__(self, rng, name):
        self.name = name
        self.steps = [(rng.choice(("+", "-", "*", "^", "<<", ">>", "/", "?")),
                       rng.getrandbits(32) | 1, rng.randrange(1, 31))
                      for _ in range(rng.randrange(6, 14))]
        self.loops = rng.randrange(3, 40)

    def c(self):
        lines = []
        for op, word, shift in self.steps:
            if op in "+-*^":
                lines.append(f"a = a {op} {word}u; b ^= a;")
            elif op in ("<<", ">>"):
                lines.append(f"b = b {op} {shift}; a += b;")
            elif op == "/":
                lines.append(f"a = a / ((b & 1023) + 1) + {word}u;")
            else:
                lines.append(f"if (a > b) a -= b; else b -= a + {shift};")
        body = "\n        ".join(lines)
        return (f"unsigned {self.name}(unsigned a)\n{{\n"
                f"    unsigned b = {self.loops};\n"
                f"    for (int i = 0; i < {self.loops}; i++) {{\n"
                f"        {body}\n    }}\n    return a ^ b;\n}}\n")

    def value(self, a):
        b, mask = self.loops, 0xffffffff
        simple = {"+": lambda x, y: x + y, "-": lambda x, y: x - y,
                  "*": lambda x, y: x * y, "^": lambda x, y: x ^ y}
        for _ in range(self.loops):
            for op, word, shift in self.steps:
                if op in simple:
                    a = simple[op](a, word) & mask
                    b ^= a
                elif op in ("<<", ">>"):
                    b = (b << shift if op == "<<" else b >> shift) & mask
                    a = (a + b) & mask
                elif op == "/":
                    a = (a // ((b & 1023) + 1) + word) & mask
                elif a > b:
                    a = (a - b) & mask
                else:
                    b = (b - a - shift) & mask
        return a ^ b


class Project:
    """A tar.xz with C files and a Makefile, and what must come of it."""

    def __init__(self, number, folder):
        rng = random.Random(f"{g.ROUND}-{number}")
        self.name = f"project-{number}.tar.xz"
        files = {"Makefile": MAKEFILE}
        names = [[f"f{i}_{j}" for j in range(FUNCTIONS)]
                 for i in range(FILES)]
        answer = number
        for i, row in enumerate(names):
            functions = [Function(rng, name) for name in row]
            files[f"f{i}.c"] = "".join(f.c() for f in functions)
            for f in functions:
                answer = f.value(answer)
        flat = sum(names, [])
        files["main.c"] = (
            "#include <stdio.h>\n"
            + "".join(f"unsigned {n}(unsigned);\n" for n in flat)
            + f"int main(void)\n{{\n    unsigned a = {number};\n"
            + "".join(f"    a = {n}(a);\n" for n in flat)
            + '    printf("%u\\n", a);\n    return 0;\n}\n')
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:xz", preset=1) as tar:
            for name, text in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
            # so that the network has something to carry
            info = tarfile.TarInfo("noise")
            info.size = 8 << 20
            tar.addfile(info, io.BytesIO(rng.randbytes(info.size)))
        (folder / self.name).write_bytes(packed.getvalue())
        self.expected = {
            "answer": str(answer), "fetch": g.sha256(packed.getvalue()),
            "assembly": hashlib.sha256(b"".join(
                assembly(folder, f"f{i}.c", files[f"f{i}.c"])
                for i in range(FILES))).hexdigest()}


def assembly(folder, name, text):
    """What the guest's compiler makes of a file, by the peer."""
    root = g.fetched("riscv64-build")
    user = g.fetched("peer-qemu-10") / "bin/qemu-riscv64"
    (folder / name).write_text(text)
    subprocess.run([user, "-L", root, root / CC1, *CFLAGS.split(), "-o",
                    "out.s", name], check=True, cwd=folder, timeout=600)
    return (folder / "out.s").read_bytes()


def tree_sum(folder):
    """sums() of SOAK_SH for a folder."""
    paths = sorted("./" + str(p.relative_to(folder))
                   for p in folder.rglob("*")
                   if p.is_file() and not p.is_symlink())
    return g.sha256("".join(
        f"{g.sha256((folder / p).read_bytes())}  {p}\n"
        for p in paths).encode())


class Memory:
    """Samples of a process: KiB of RSS apart from the guest's RAM."""

    def __init__(self, pid, ram_kib):
        self.pid, self.ram_kib = pid, ram_kib
        self.samples = []

    def sample(self):
        own = whole = 0
        size = 0
        for line in pathlib.Path(f"/proc/{self.pid}/smaps").read_text() \
                .splitlines():
            field, value = line.split(None, 1)
            if field == "Size:":
                size = int(value.split()[0])
            elif field == "Rss:":
                whole += int(value.split()[0])
                if size < self.ram_kib:
                    own += int(value.split()[0])
        self.samples.append((time.monotonic(), own, whole))

    def after(self, when):
        return [own for at, own, _ in self.samples if at >= when]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
        pass


class Mixed(GuestTest):
    """One emulator process from the first boot to the last."""

    RAM_MB = 512

    def root_disk(self):
        """Debian's user land, the package and soak.sh on ext4."""
        tree = self.dir / "root"
        shutil.copytree(
            g.fetched("riscv64-build"), tree, symlinks=True,
            ignore=lambda at, names: [
                n for n in names if os.path.join(at, n).endswith(LEFT_OUT)])
        for name in ("dev", "proc", "sys", "tmp", "work", "usr/local/bin"):
            (tree / name).mkdir(parents=True, exist_ok=True)
        busybox = tree / "usr/local/bin/busybox"
        shutil.copy(g.fetched("riscv64-guest") / "busybox", busybox)
        (tree / "soak.sh").write_text(SOAK_SH)
        (tree / "package.deb").write_bytes(self.package(tree))
        image = self.dir / "root.img"
        with open(image, "wb") as f:
            f.truncate(1200 << 20)
        subprocess.run([g.tool("mkfs.ext4", "e2fsprogs"), "-q", "-F", "-d",
                        tree, image], check=True, capture_output=True)
        shutil.rmtree(tree)
        return image

    def package(self, tree):
        """A .deb of the guest's headers and its perl-free programs."""
        source = self.dir / "package"
        shutil.copytree(tree / "usr/include", source / "data/include")
        shutil.copytree(tree / "usr/bin", source / "data/bin", symlinks=True)
        (source / "DEBIAN").mkdir()
        (source / "DEBIAN/control").write_text(
            "Package: tandem-soak\nVersion: 1\nArchitecture: all\n"
            "Maintainer: none <none@localhost>\nDescription: none\n")
        out = self.dir / "package.deb"
        subprocess.run([g.tool("dpkg-deb", "dpkg"), "-Zxz", "-z1", "--build",
                        "--root-owner-group", source, out], check=True,
                       capture_output=True)
        shutil.rmtree(source / "DEBIAN")
        self.package_sum = tree_sum(source)
        shutil.rmtree(source)
        return out.read_bytes()

    def serve(self):
        self.www = self.dir / "www"
        self.www.mkdir()
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0),
            functools.partial(Quiet, directory=str(self.www)))
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]

    def work(self, what, *words):
        """One job in the guest; what it printed as results."""
        start = self.guest.at
        self.guest.send(" ".join(map(str, (what, *words))) + "\n")
        self.guest.expect(rf"SOAK-DONE {what}\b", 1800)
        text = self.guest.text[start:self.guest.at]
        sick = g.SICK.search(text)
        if sick:
            self.guest.fail(f"the kernel complained: {sick[0]}")
        return dict(re.findall(r"RESULT (\S+) ([0-9a-f]+)", text))

    def check(self, what, expected, *words):
        got = self.work(what, *words)
        for name, value in expected.items():
            if got.get(name) != value:
                self.guest.fail(f"boot {self.boots}: '{name}' is "
                                f"{got.get(name)}, not {value}")
            self.checks += 1
        self.memory.sample()

    def one_boot(self, project):
        self.guest.expect("SOAK-READY", 600)
        self.boots += 1
        e = project.expected
        self.check("fetch", {"fetch": e["fetch"]}, self.port, project.name)
        self.check("compile", {k: e[k] for k in ("assembly", "answer")})
        self.check("unpack", {"dpkg": self.package_sum,
                              "tar": self.package_sum})
        (self.www / project.name).unlink()

    def test_hours_of_mixed_work(self):
        image = self.root_disk()
        self.port = self.serve()
        path = self.dir / "qmp"
        initrd = self.initrd("soak.gz", INIT, "virtio_blk,virtio_net,ext4")
        kernel = g.fetched("riscv64-guest") / "kernel"
        self.guest = self.start(
            "-M", "virt", "-smp", 4, "-m", self.RAM_MB, "-nographic",
            "-accel", f"tcg,tb-size={CACHE_MB}", "-kernel", kernel,
            "-initrd", initrd, "-append", "console=ttyS0",
            "-drive", f"file={image},format=raw,if=none,id=d0", "-device",
            "virtio-blk-pci,drive=d0", "-netdev", "user,id=n0", "-device",
            "virtio-net-pci,netdev=n0", "-qmp",
            f"unix:{path},server=on,wait=off")
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        self.memory = Memory(self.guest.process.pid, self.RAM_MB << 10)
        self.boots = self.checks = 0
        begin = time.monotonic()
        end = begin + MINUTES * 60
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            after = pool.submit(Project, 1, self.www)
            while True:
                project = after.result()
                last = time.monotonic() >= end and self.boots >= 3
                if not last:
                    after = pool.submit(Project, self.boots + 2, self.www)
                self.one_boot(project)
                print(f"# {(time.monotonic() - begin) / 60:.1f} min: boot "
                      f"{self.boots}, {self.checks} checks, "
                      f"{self.memory.samples[-1][1] >> 10} MiB own, "
                      f"{self.memory.samples[-1][2] >> 10} MiB in all, "
                      f"{self.evictions(qmp)} evictions",
                      flush=True)
                with self.guest.changed:
                    self.guest.text, self.guest.at = "", 0
                if last:
                    break
                self.guest.send("reboot\n")
        took = time.monotonic() - begin
        evictions = self.evictions(qmp)
        self.guest.send("over\n")
        self.guest.expect(r"INIT-STATUS 0\b", 600)
        self.assertEqual(self.guest.wait(120), 0, self.guest.text[-2000:])
        done = subprocess.run([g.tool("e2fsck", "e2fsprogs"), "-f", "-n",
                               image], text=True, capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

        warm = self.memory.after(begin + WARM_UP * took)
        first = self.memory.after(0)[:-len(warm)]
        self.assertTrue(first, "nothing was measured in the warm-up")
        growth = max(warm[len(warm) // 2:]) - max(first + warm[:1])
        print(f"# mixed: {took / 60:.0f} minutes, {self.boots} boots, "
              f"{self.checks} checks right, {evictions} evictions, own memory "
              f"{min(warm) >> 10} to {max(warm) >> 10} MiB after the warm-up",
              flush=True)
        self.assertGreater(evictions, 0, "the code cache was never full")
        self.assertLess(growth, GROWTH_KIB, self.memory.samples)

    def evictions(self, qmp):
        """Of the code cache, so far; `info jit`."""
        text = qmp.command("human-monitor-command",
                           **{"command-line": "info jit"})
        found = re.search(r"(?m)^.*evict\D*(\d+)", text)
        self.assertIsNotNone(found, text)
        return int(found[1])


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
