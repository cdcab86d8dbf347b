# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs whole guests for tests: start, expect text, type, wait, clean up.

TANDEM_BINARY is the emulator under test (meson sets it; any other program
with the same command line can be put there to test the tests). TANDEM_SLOW
multiplies waits and time limits: sanitizer builds set it. TANDEM_SOAK asks for the full
sizes that issues name, TANDEM_LEAN for small ones, TANDEM_ROUND numbers the round.
"""

import functools
import hashlib
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "scripts"))
import tap  # pylint: disable=wrong-import-position,unused-import

BINARY = os.environ.get("TANDEM_BINARY",
                        str(SOURCE / "build/qemu-system-riscv64"))
SLOW = float(os.environ.get("TANDEM_SLOW", "1"))
# For time limits: only what hangs meets one, however busy the host is.
PATIENCE = 10 * SLOW
SOAK = os.environ.get("TANDEM_SOAK") == "1"
LEAN = os.environ.get("TANDEM_LEAN") == "1"
ROUND = int(os.environ.get("TANDEM_ROUND", "0"))
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME")
                     or pathlib.Path.home() / ".cache") / "tandem"
# Lines of a kernel that is not well, whatever the test wanted from it.
SICK = re.compile(r"Kernel panic|\bOops\b|BUG:|WARNING: CPU|rcu: INFO: .*stall"
                  r"|soft lockup|Unable to handle|segfault at|I/O error")


def fetched(name):
    """The folder of what scripts/fetch got; the test is skipped without."""
    folder = CACHE / name
    if not folder.is_dir():
        raise unittest.SkipTest(f"not fetched: run scripts/fetch {name}")
    return folder


def tool(name, package):
    """A program of the host; the test is skipped without."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not found:
        raise unittest.SkipTest(f"'{name}' is not installed ({package})")
    return found


def free_port():
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def sized(soak, usual, lean):
    """How much work: what an issue asks for, what CI does, a sanitizer."""
    return soak if SOAK else lean if LEAN else usual


def asks_huge(pid, mib):
    """Does process @pid ask for transparent huge pages for its memory of @mib
    MiB? The test is skipped where the kernel has none."""
    if not os.path.isdir("/sys/kernel/mm/transparent_hugepage"):
        raise unittest.SkipTest("the kernel has no transparent huge pages")
    smaps = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    flags = re.findall(rf"(?m)^Size: +{mib << 10} kB\n(?:\w+: .*\n)*?"
                       r"VmFlags: (.*)$", smaps)
    if len(flags) != 1:
        raise AssertionError(f"not one mapping of {mib} MiB:\n{smaps}")
    return "hg" in flags[0].split()


def random_bytes(size, seed):
    return random.Random(f"{seed}-{ROUND}").randbytes(size)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@functools.lru_cache(None)
def answer(binary, *args):
    """What the binary prints on standard output."""
    done = subprocess.run([binary, *args], text=True, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60 * PATIENCE)
    return done.stdout


def has_device(name):
    return f'name "{name}"' in answer(BINARY, "-M", "virt", "-device", "help")


def require_built_in(argv):
    """Skip the test when this build lacks an option or a device of @argv."""
    binary, words = argv[0], argv[1:]
    for word, value in zip(words, words[1:] + [""]):
        if "nosuch" in word + value or value in ("help", "?"):
            continue  # a test of what happens then
        if re.fullmatch(r"-[a-z][a-z-]+", word) and not re.search(
                rf"(?m)^{word}\b", answer(binary, "-help")):
            raise unittest.SkipTest(f"this build has no option {word}")
        kind = value.split(",")[0]
        if word == "-device" and re.fullmatch(r"[\w-]+", kind) and \
                f'name "{kind}"' not in answer(binary, "-M", "virt",
                                               "-device", "help"):
            raise unittest.SkipTest(f"this build has no device {kind}")


class Console:
    """Text from somewhere, read by a thread; subclasses say what and where to
    send. Their `about` is the line that tells a failure's reader which.
    @before is what the console showed in an earlier process: a line that was
    cut there goes on here."""

    about = ""

    def __init__(self, read, before=""):
        self.text = before
        self.at = 0  # expect() looks from here on
        self.ended = False
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, args=(read,),
                                       daemon=True)
        self.reader.start()

    def _read(self, read):
        while True:
            try:
                data = read(65536)
            except OSError:
                data = b""
            with self.changed:
                if data:
                    self.text += data.decode(errors="replace")
                else:
                    self.ended = True
                self.changed.notify_all()
            if not data:
                return

    def kill(self):
        """What ends the other side."""

    def fail(self, why):
        """Raise with what the guest said since the last match, both ends."""
        self.kill()
        lines = self.text[self.at:].splitlines()
        if len(lines) > 150:
            lines[50:-100] = [f"... {len(lines) - 150} lines ..."]
        shown = "\n".join([self.text[:self.at].rpartition("\n")[2], *lines])
        raise AssertionError(f"{why}\n{self.about}\noutput from there:\n"
                             f"{shown}")

    def expect(self, pattern, timeout=60):
        """Wait for @pattern in new output; returns the match."""
        until = time.monotonic() + timeout * PATIENCE
        compiled = re.compile(pattern)
        with self.changed:
            while True:
                found = compiled.search(self.text, self.at)
                if found:
                    self.at = found.end()
                    return found
                left = until - time.monotonic()
                if left <= 0 or self.ended:
                    break
                self.changed.wait(left)
        return self.fail(f"no {pattern!r} "
                         + ("before the end" if self.ended
                            else f"in {timeout * PATIENCE:.0f} s"))


class SocketConsole(Console):
    """A serial console on a connected socket."""

    def __init__(self, sock):
        self.socket = sock
        super().__init__(sock.recv)

    def send(self, text):
        self.socket.sendall(text.encode())

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side did
        self.reader.join()
        self.socket.close()


class Echo(threading.Thread):
    """The other end of a console on a unix socket: sends back what comes, to
    one client after the other."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.start()

    def run(self):
        while True:
            try:
                with self.listener.accept()[0] as peer:
                    while data := peer.recv(4096):
                        peer.sendall(data)
            except OSError:
                pass  # the emulator is gone, and its test tells so


class Guest(Console):
    """One emulator process with its serial console on pipes."""

    def __init__(self, *args, binary=None, before=""):
        self.argv = [binary or BINARY, *map(str, args)]
        self.about = f"command: {' '.join(self.argv)}"
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        super().__init__(self.process.stdout.read1, before)

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait(self, timeout=60):
        """Exit status, after which all output is in .text."""
        try:
            status = self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.fail(f"still running after {timeout * PATIENCE:.0f} s")
        self.reader.join(10 * PATIENCE)
        return status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(10)
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:
                pass


class GuestTest(unittest.TestCase):
    """A scratch folder, and guests that end with the test."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="tandem-boot-")
        self.addCleanup(temporary.cleanup)
        self.dir = pathlib.Path(temporary.name)

    def start(self, *args, **options):
        require_built_in([options.get("binary") or BINARY, *map(str, args)])
        guest = Guest(*args, **options)
        self.addCleanup(guest.kill)
        return guest

    def initrd(self, name, script, modules="", add=(), init=None):
        """An initramfs that runs @script and powers off; or has @init."""
        out = self.dir / name
        argv = [sys.executable, SOURCE / "scripts/mkinitramfs", "--guest",
                fetched("riscv64-guest"), "--modules", modules, "-o", out]
        argv += ["--run", script] if init is None else ["--init", init]
        for item in add:
            argv += ["--add", item]
        done = subprocess.run([str(a) for a in argv], text=True, check=False,
                              capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return out

    def linux(self, initrd, *args, smp=1, memory=512, append="",
              **options):
        """Start Debian's kernel on `virt`."""
        kernel = fetched("riscv64-guest") / "kernel"
        return self.start(
            "-M", "virt", "-smp", smp, "-m", memory, "-nographic",
            "-no-reboot", "-kernel", kernel, "-initrd", initrd, "-append",
            f"console=ttyS0 {append}".strip(), *args, **options)

    def finish(self, guest, timeout=120):
        """The guest's script is done, all is well, and it powered off."""
        guest.expect(r"INIT-STATUS 0\b", timeout)
        status = guest.wait(30)
        self.assertEqual(status, 0, guest.text[-2000:])
        sick = SICK.search(guest.text)
        if sick:
            line = guest.text[:sick.end() + 200].splitlines()
            self.fail("the kernel complained: " + "\n".join(line[-4:]))
        return guest.text


def skip_without_binary():
    if not os.access(BINARY, os.X_OK):
        print(f"1..0 # SKIP {BINARY} is not built")
        sys.exit(0)
