#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the scripts that builds and tests stand on."""

import gzip
import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "scripts"))
import tap  # pylint: disable=wrong-import-position


def run(*argv, **env):
    """Exit status, standard output and error of a script of the tree."""
    shell = argv[0] in ("scripts/install-deps", "scripts/quickstart")
    done = subprocess.run(
        ["/bin/sh" if shell else sys.executable, str(SOURCE / argv[0]),
         *map(str, argv[1:])],
        text=True, capture_output=True, check=False, timeout=1200,
        stdin=subprocess.DEVNULL, env=dict(os.environ, **env))
    return done.returncode, done.stdout, done.stderr


class Scratch(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="tandem-scripts-")
        self.addCleanup(temporary.cleanup)
        self.dir = pathlib.Path(temporary.name)

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, encoding="utf-8")
        return path


class Trace(Scratch):
    """scripts/trace.py names the line of every mistake."""

    def header(self, text):
        path = self.write("trace-events", text)
        status, _, err = run("scripts/trace.py", "header", path,
                             self.dir / "out.h")
        return status, err

    def refuses(self, text, line, words):
        status, err = self.header(text)
        self.assertEqual(status, 1)
        self.assertIn(f"trace-events:{line}: ", err)
        self.assertIn(words, err)

    def test_good_file(self):
        status, err = self.header(
            '# comment\n\nuart_tx(uint8_t b, const char *why) "b 0x%02x %s"\n'
            'uart_reset() "reset"\n'
            'dma(uint64_t a) "at 0x%" PRIx64 " now"\n')
        self.assertEqual((status, err), (0, ""))
        text = (self.dir / "out.h").read_text()
        self.assertIn("trace_uart_tx(uint8_t b, const char *why)", text)
        self.assertIn("trace_uart_reset(void)", text)

    def test_header_compiles(self):
        self.header('uart_tx(uint8_t b, const char *why) "b 0x%02x %s"\n'
                    'dma(uint64_t a) "at 0x%" PRIx64\n')
        compiler = os.environ.get("TANDEM_CC")
        if not compiler:
            self.skipTest("TANDEM_CC is not set; meson sets it")
        source = self.write("x.c", '#include "tandem/base.h"\n'
                            '#include "out.h"\nvoid f(void);\nvoid f(void)\n'
                            '{\n    trace_uart_tx(1, "x");\n'
                            '    trace_dma(2);\n}\n')
        done = subprocess.run(
            [*compiler.split(), "-std=gnu11", "-Wall", "-Werror",
             "-fsyntax-only", f"-I{SOURCE}/include", f"-I{self.dir}",
             f"-I{os.environ['TANDEM_BUILD']}",
             *subprocess.check_output(["pkg-config", "--cflags", "glib-2.0"],
                                      text=True).split(), str(source)],
            text=True, capture_output=True, check=False)
        self.assertEqual(done.stderr, "")

    def test_missing_format(self):
        self.refuses("a() \"ok\"\nb(int x)\n", 2, "expected name(type arg")

    def test_argument_without_name(self):
        self.refuses('a(int) "x %d"\n', 1, "has no name")

    def test_name_twice(self):
        self.refuses('a() "x"\n\na() "y"\n', 3, "'a' is already at")

    def test_too_many_arguments(self):
        args = ", ".join(f"int a{i}" for i in range(11))
        self.refuses(f'a({args}) "x"\n', 1, "more than ten")

    def test_name_twice_in_two_folders(self):
        one = self.write("one/trace-events", 'a() "x"\n')
        two = self.write("two/trace-events", '\na() "x"\n')
        status, _, err = run("scripts/trace.py", "source",
                             self.dir / "out.c", one, two)
        self.assertEqual(status, 1)
        self.assertIn("two/trace-events:2: 'a' is already at", err)

    def test_wrong_use(self):
        status, _, err = run("scripts/trace.py", "nosuch")
        self.assertEqual(status, 1)
        self.assertIn("trace.py header FILE OUT", err)


class Layers(Scratch):
    """scripts/check-layers.py finds each kind of breach in a bad tree."""

    BASE = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"

    def setUp(self):
        super().setUp()
        self.write("include/tandem/base.h", self.BASE)

    def c(self, name, *lines):
        self.write(name, self.BASE + '#include "tandem/base.h"\n'
                   + "".join(line + "\n" for line in lines))

    def check(self, name, *more):
        status, out, _ = run("scripts/check-layers.py", "--root", self.dir,
                             *more, name)
        errors = [line[2:] for line in out.splitlines()
                  if line.startswith("# ")]
        self.assertEqual(status, 1 if errors else 0, out)
        return errors

    def test_lower_layer_may_not_use_higher(self):
        self.write("include/hw/char/uart.h", self.BASE)
        self.c("softmmu/memory/ram.c", '#include "hw/char/uart.h"')
        self.assertEqual(self.check("includes"),
                         ["softmmu/memory/ram.c:3: fabric may not use hw "
                          "('hw/char/uart.h')"])

    def test_device_may_not_use_target(self):
        self.write("target/riscv/cpu.h", self.BASE)
        self.c("hw/intc/plic.c", '#include "target/riscv/cpu.h"')
        self.assertIn("hw may not use target", self.check("includes")[0])

    def test_only_accel_tcg_sees_the_code_generator(self):
        self.write("include/tcg/ir.h", self.BASE)
        self.c("accel/tcg/run.c", '#include "tcg/ir.h"')
        self.c("accel/qtest/qtest.c", '#include "tcg/ir.h"')
        errors = self.check("includes")
        self.assertEqual(len(errors), 1)
        self.assertIn("accel/qtest/qtest.c:3: accel may not use tcg",
                      errors[0])

    def test_private_header_of_another_folder(self):
        self.write("hw/block/ring.h", self.BASE)
        self.c("hw/net/nic.c", '#include "hw/block/ring.h"')
        self.assertIn("is private to hw/block", self.check("includes")[0])

    def test_target_may_use_interrupt_controller_ops(self):
        self.write("include/hw/intc/aclint.h", self.BASE)
        self.c("target/riscv/csr.c", '#include "hw/intc/aclint.h"')
        self.assertEqual(self.check("includes"), [])

    def test_unknown_header(self):
        self.c("hw/net/nic.c", '#include "hw/net/nosuch.h"')
        self.assertIn("neither in the tree", self.check("includes")[0])

    def test_trace_header_of_another_folder(self):
        self.c("hw/net/nic.c", '#include "trace_hw_net.h"',
               '#include "trace_hw_char.h"')
        errors = self.check("includes")
        self.assertEqual(len(errors), 1)
        self.assertIn("nic.c:4: 'trace_hw_char.h' belongs to another",
                      errors[0])

    def test_base_header_comes_first(self):
        self.write("hw/net/nic.c", self.BASE + "#include <stdio.h>\n")
        self.assertIn("first include", self.check("includes")[0])

    def test_missing_licence(self):
        self.write("hw/net/nic.c", '#include "tandem/base.h"\n')
        self.write("scripts/tool", "#!/bin/sh\n")
        self.assertEqual([e.split(":")[0] for e in self.check("licence")],
                         ["hw/net/nic.c", "scripts/tool"])

    def test_host_clock_outside_the_gate(self):
        self.c("hw/timer/rtc.c", "/* not clock_gettime() here */",
               'int f(void) { puts("time(0)"); return clock_gettime(0, 0); }')
        self.c("softmmu/loop/clock.c", "int f(void) { return time(0); }")
        self.assertEqual(self.check("time"),
                         ["hw/timer/rtc.c:4: clock_gettime() goes round the "
                          "event gate (softmmu/loop/event.h)"])

    def test_config_switch_outside_base(self):
        self.c("hw/net/nic.c", "#ifdef CONFIG_SLIRP", "#endif",
               "#ifdef TARGET_RISCV", "#endif")
        self.assertEqual(len(self.check("config")), 2)

    def test_folder_without_readme(self):
        self.c("hw/net/nic.c")
        self.c("hw/char/uart.c")
        self.write("hw/char/README", "text\n")
        self.assertEqual([e for e in self.check("readme")
                          if e.startswith("hw/")], ["hw/net:1: no README"])

    def test_docs_name_what_is_there(self):
        self.write("hw/net/README", "rx() is in nic.c; see hw/net, nic.h.\n")
        self.c("hw/net/nic.c", "void rx(void) {}", "/* gone() */")
        self.write("include/hw/net/nic.h", self.BASE)
        self.write("docs/a.md", "# A\n\n`rx()` (`nic.c`), `gone()` [b](b.md)\n"
                   "hw/net/old.c, hw/nothing/ and `rx()`\n(`nic.h`), "
                   "`build/x.h`, hw/net/NAME.c, [a](a.md#A)\n")
        self.assertEqual(self.check("docs"), [
            "docs/a.md:3: no 'b.md'", "docs/a.md:3: no 'docs/b.md'",
            "docs/a.md:4: no 'hw/net/old.c'", "docs/a.md:4: no 'hw/nothing'",
            "docs/a.md:3: no gone()",
            "docs/a.md:4: rx() is not in nic.h"])

    def test_two_tests_of_one_name(self):
        self.write("meson-info/intro-tests.json", json.dumps(
            [{"name": n, "suite": [s]} for n, s in
             (("a", "unit"), ("b", "unit"), ("a", "qtest"))]))
        self.assertEqual(self.check("tests", "--build", self.dir),
                         ["a: 2 tests have this name"])

    def test_unknown_check(self):
        status, _, err = run("scripts/check-layers.py", "nosuch")
        self.assertEqual(status, 2)
        self.assertIn("no check 'nosuch'", err)


class Configure(Scratch):
    def test_help_lists_every_option_of_meson(self):
        status, out, _ = run("configure", "--help")
        self.assertEqual(status, 0)
        text = (SOURCE / "meson_options.txt").read_text()
        names = [line.split("'")[1] for line in text.splitlines()
                 if line.startswith("option(")]
        self.assertGreater(len(names), 0)
        for name in names:
            self.assertRegex(out, rf"(?m)^  {name} ")

    def test_unknown_option_names_the_closest(self):
        status, _, err = run("configure", "--enable-slrip")
        self.assertEqual(status, 1)
        self.assertEqual(err, "configure: unknown option '--enable-slrip'; "
                         "did you mean '--enable-slirp'?\n")

    def test_unknown_option_without_a_relative(self):
        status, _, err = run("configure", "--zzzzzz")
        self.assertEqual(status, 1)
        self.assertEqual(err, "configure: unknown option '--zzzzzz'\n")

    def test_value_is_missing(self):
        status, _, err = run("configure", "--prefix")
        self.assertEqual((status, err),
                         (1, "configure: '--prefix' needs a value\n"))

    def test_two_sanitizers_that_exclude_each_other(self):
        status, _, err = run("configure", "--enable-asan", "--enable-tsan")
        self.assertEqual(status, 1)
        self.assertIn("tsan and asan", err)

    def test_missing_compiler_says_what_to_install(self):
        status, _, err = run("configure", "--cc=no-such-cc",
                             f"--build-dir={self.dir}/b")
        self.assertEqual(status, 1)
        self.assertIn("not installed: no-such-cc", err)
        self.assertIn("scripts/install-deps build", err)


class InstallDeps(unittest.TestCase):
    def test_groups_of_the_list(self):
        status, out, _ = run("scripts/install-deps", "--print", "build")
        self.assertEqual(status, 0)
        self.assertIn("liburcu-dev", out.split())

    def test_unknown_group(self):
        status, _, err = run("scripts/install-deps", "biuld")
        self.assertEqual(status, 1)
        self.assertIn("no group 'biuld'; there are: build", err)

    def test_no_package_stands_twice(self):
        _, out, _ = run("scripts/install-deps", "--print", "build", "boot",
                        "optional", "test", "bench")
        names = out.split()
        self.assertEqual(sorted(set(names)), sorted(names))


    def test_tools_of_tests_are_listed(self):
        _, out, _ = run("scripts/install-deps", "--print", "build", "boot",
                        "optional", "test")
        wanted = set()
        for path in (SOURCE / "tests").glob("*/*.py"):
            wanted.update(re.findall(r'\btool\("[^"]+",\s*"([^"]+)"\)',
                                     path.read_text()))
        self.assertIn("e2fsprogs", wanted)
        self.assertEqual(wanted - set(out.split()) - {"dpkg"}, set())


class FreshMachine(Scratch):
    """No Python, no sudo, package lists that are not there yet."""

    def tools(self, apt_get, user=0):
        for name in ("awk", "cat", "dirname", "mktemp", "rm", "tr"):
            self.write(f"bin/{name}", "")
            (self.dir / "bin" / name).unlink()
            (self.dir / "bin" / name).symlink_to(shutil.which(name))
        for name, body in (("id", f"echo {user}"), ("dpkg-query", "exit 1"),
                           ("apt-get", apt_get)):
            self.write(f"bin/{name}", f"#!/bin/sh\n{body}\n").chmod(0o755)
        return {"PATH": str(self.dir / "bin"), "TMPDIR": str(self.dir)}

    def test_python_is_installed_first(self):
        env = self.tools(
            'echo "$1" >>"$TMPDIR/log"\n'
            'case $1 in\n'
            'update) echo >"$TMPDIR/lists" ;;\n'
            'install) [ -e "$TMPDIR/lists" ] || exit 100\n'
            """    printf '#!/bin/sh\\necho "python $*"\\n' >"$PATH/python3"\n"""
            f'    {shutil.which("chmod")} +x "$PATH/python3" ;;\n'
            'esac')
        status, out, err = run("scripts/quickstart", "--check", **env)
        self.assertEqual((status, out), (
            0, f"python {SOURCE}/scripts/quickstart.py --check\n"), err)
        self.assertRegex(err, r"\Ainstalling: .*\bpython3\b.*\n\Z")
        self.assertEqual((self.dir / "log").read_text().split(),
                         ["install", "update", "install"])

    def test_failure_shows_what_apt_said(self):
        env = self.tools('echo "E: $1: no network"\nexit 100')
        status, _, err = run("scripts/install-deps", "boot", **env)
        self.assertEqual(status, 1)
        self.assertEqual(err, "installing: opensbi\n"
                         "E: update: no network\nE: install: no network\n"
                         "install-deps: apt-get failed\n")

    def test_no_root_says_what_to_run(self):
        env = self.tools("exit 100", 1000)
        status, _, err = run("scripts/install-deps", "boot", **env)
        self.assertEqual(status, 1)
        self.assertEqual(err, (
            "install-deps: not root, and no sudo without a password; run "
            "this once as root:\n  apt-get update && apt-get install -y -qq "
            "--no-install-recommends opensbi\n"))

    def test_no_dpkg(self):
        env = self.tools("exit 100")
        (self.dir / "bin/dpkg-query").unlink()
        status, _, err = run("scripts/install-deps", "boot", **env)
        self.assertEqual(status, 1)
        self.assertIn("dpkg is missing", err)


class Fetch(Scratch):
    def test_unknown_name_names_the_closest(self):
        status, _, err = run("scripts/fetch", "riscv64-gest")
        self.assertEqual(status, 1)
        self.assertIn("nothing is called 'riscv64-gest'; did you mean "
                      "'riscv64-guest'?", err)

    def test_unknown_option(self):
        status, _, err = run("scripts/fetch", "--lst")
        self.assertEqual(status, 1)
        self.assertIn("did you mean '--list'?", err)

    def test_path_of_what_is_not_there(self):
        status, out, _ = run("scripts/fetch", "--path", "riscv64-guest",
                             XDG_CACHE_HOME=str(self.dir))
        self.assertEqual((status, out), (1, ""))

    def test_path_of_what_is_there(self):
        (self.dir / "tandem/riscv64-guest").mkdir(parents=True)
        status, out, _ = run("scripts/fetch", "--path", "riscv64-guest",
                             XDG_CACHE_HOME=str(self.dir))
        self.assertEqual(status, 0)
        self.assertEqual(out.strip(), f"{self.dir}/tandem/riscv64-guest")

    def test_fetched_is_not_fetched_again(self):
        (self.dir / "tandem/riscv64-guest").mkdir(parents=True)
        status, out, _ = run("scripts/fetch", "riscv64-guest",
                             XDG_CACHE_HOME=str(self.dir), PATH="/nonexistent")
        self.assertEqual(status, 0)
        self.assertEqual(out.strip(), f"{self.dir}/tandem/riscv64-guest")


def read_cpio(data):
    """{name: (mode, data)} of a newc archive, the trailer checked."""
    entries, at = {}, 0
    while True:
        if data[at:at + 6] != b"070701":
            raise ValueError(f"no header at {at}")
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16)
                  for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        at = (at + 110 + fields[11] + 3) & ~3
        if name == "TRAILER!!!":
            return entries
        entries[name] = (fields[1], data[at:at + fields[6]])
        at = (at + fields[6] + 3) & ~3


class Mkinitramfs(Scratch):
    def guest(self):
        self.write("guest/busybox", b"\x7fELF")
        for name, depends in (("virtio", ""), ("virtio_ring", "virtio"),
                              ("virtio-blk", "virtio,virtio-ring"),
                              ("other", "")):
            self.write(f"guest/modules/kernel/{name}.ko",
                       b"\x7fELF\0license=GPL\0depends=" + depends.encode()
                       + b"\0name=" + name.encode() + b"\0")
        self.write("guest/modules/modules.builtin",
                   "kernel/drivers/net/builtin-thing.ko\n")
        return self.dir / "guest"

    def make(self, *argv):
        out = self.dir / "out.gz"
        status, _, err = run("scripts/mkinitramfs", "--guest", self.guest(),
                             *argv, "-o", out)
        self.assertEqual((status, err), (0, ""))
        return read_cpio(gzip.decompress(out.read_bytes()))

    def test_modules_come_after_what_they_need(self):
        entries = self.make("--modules", "virtio_blk,builtin_thing")
        order = entries["lib/modules/order"][1].decode().split()
        self.assertEqual([os.path.basename(n) for n in order],
                         ["virtio.ko", "virtio_ring.ko", "virtio_blk.ko"])
        for path in order:
            self.assertIn(path.lstrip("/"), entries)

    def test_unknown_module(self):
        status, _, err = run("scripts/mkinitramfs", "--guest", self.guest(),
                             "--modules", "nosuch", "-o", self.dir / "x.gz")
        self.assertEqual(status, 1)
        self.assertIn("no module 'nosuch'", err)

    def test_init_is_executable_and_runs_the_test(self):
        entries = self.make("--run", "echo hi")
        self.assertEqual(entries["init"][0], 0o100755)
        self.assertIn(b"sh /test", entries["init"][1])
        self.assertEqual(entries["test"][1], b"echo hi")

    def test_folders_come_before_their_files(self):
        self.write("tree/a/b", "text")
        entries = list(self.make("--add", f"{self.dir}/tree:/srv/www"))
        for name in entries:
            folder = os.path.dirname(name)
            if folder:
                self.assertLess(entries.index(folder), entries.index(name))
        self.assertIn("srv/www/a/b", entries)

    def test_equal_input_gives_an_equal_file(self):
        guest = self.guest()
        for out in ("1.gz", "2.gz"):
            run("scripts/mkinitramfs", "--guest", guest, "--run", "true",
                "-o", self.dir / out)
        self.assertEqual((self.dir / "1.gz").read_bytes(),
                         (self.dir / "2.gz").read_bytes())


class Check(Scratch):
    """scripts/check believes meson's status, and not its log alone."""

    def suites(self, result, status):
        check = importlib.reload(importlib.import_module("check"))
        log = self.write("build/meson-logs/new", '{"name": "s / a", '
                         f'"result": "{result}", "stdout": "ok 1 - b"}}\n')
        (self.dir / "build-check").mkdir()

        def call(*_args, **_env):
            log.rename(log.with_name("own.json"))
            return status

        check.SOURCE, check.call = self.dir, call
        check.say = check.tail = lambda text: None
        return check.run_suites("own", self.dir / "build")

    def test_all_well(self):
        self.assertEqual(self.suites("OK", 0).closing_line(),
                         "1 passed, 0 failed, 0 skipped")

    def test_meson_that_dies_after_good_tests(self):
        self.assertEqual(self.suites("OK", 1).failures, ["own: tests"])

    def test_failed_test_is_counted_once(self):
        self.assertEqual(self.suites("FAIL", 1).failures,
                         ["own: a: ended early or badly"])


    def test_fetches_what_tests_want(self):
        check = importlib.import_module("check")
        wanted = set()
        for path in (SOURCE / "tests").glob("*/*.py"):
            if path.parent.name != "soak":
                wanted.update(re.findall(r'\bfetched\("([^"]+)"\)',
                                         path.read_text()))
        self.assertEqual(wanted, set(check.FETCHED))


class TapCount(unittest.TestCase):
    """The last line of scripts/check counts every point, and crashes."""

    def count(self, text, good=True):
        total = tap.Count()
        total.add_output("t", text, good)
        return total.passed, len(total.failures), len(total.skips)

    def test_points(self):
        self.assertEqual(self.count(
            "1..4\nok 1 /a\nnot ok 2 - b\nok 3 - c # SKIP no such thing\n"
            "# ok 9 in a comment\nok 4 d\n", False), (2, 1, 1))

    def test_test_that_is_skipped_whole(self):
        self.assertEqual(self.count("1..0 # SKIP no peer\n"), (0, 0, 1))

    def test_crash_after_good_points_is_a_failure(self):
        self.assertEqual(self.count("1..3\nok 1 a\n", False), (1, 1, 0))

    def test_fewer_points_than_planned_is_a_failure(self):
        self.assertEqual(self.count("1..3\nok 1 a\nok 2 b\n"), (2, 1, 0))

    def test_plain_program(self):
        self.assertEqual(self.count("some text\n"), (1, 0, 0))
        self.assertEqual(self.count("some text\n", False), (0, 1, 0))

    def test_todo_is_no_failure(self):
        self.assertEqual(self.count("1..1\nnot ok 1 a # TODO later\n"),
                         (1, 0, 0))


if __name__ == "__main__":
    tap.main()
