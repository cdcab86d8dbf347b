#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line as scripts see it: lists, versions, errors, exit status.

No guest code runs. The program may be any with this command line, so these
run against the peer too (TANDEM_BINARY), but for wording of our own.
"""

import functools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position
from guest import GuestTest, tap  # pylint: disable=wrong-import-position
from qmp import Qmp, QmpError  # pylint: disable=wrong-import-position


def run(*args, binary=None, known=True):
    """Exit status, standard output, standard error."""
    if known:
        g.require_built_in([g.BINARY, *map(str, args)])
    done = subprocess.run([binary or g.BINARY, *map(str, args)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          check=False, timeout=30 * g.PATIENCE)
    return done.returncode, done.stdout, done.stderr


class Lists(GuestTest):
    """What clients parse: on standard output, status 0, quiet stderr."""

    def listing(self, *args):
        status, out, err = run(*args)
        self.assertEqual((status, err), (0, ""), args)
        return out

    def test_version(self):
        out = self.listing("-version")
        self.assertRegex(out, r"^QEMU emulator version 10\.0\.\d+ \(")
        self.assertEqual(self.listing("--version"), out)

    def test_help_names_the_options(self):
        out = self.listing("-help")
        for option in ("-machine", "-cpu", "-accel", "-smp", "-m", "-kernel",
                       "-initrd", "-append", "-device", "-netdev",
                       "-chardev", "-serial", "-drive", "-blockdev", "-qmp",
                       "-gdb", "-d", "-D", "-trace", "-object", "-global",
                       "-rtc", "-icount", "-snapshot", "-incoming",
                       "-pidfile", "-daemonize", "-name", "-no-reboot"):
            self.assertRegex(out, rf"(?m)^{option}\b", option)

    def test_machines(self):
        out = self.listing("-machine", "help")
        self.assertRegex(out, r"(?m)^virt +\S")
        self.assertRegex(out, r"(?m)^spike +.*\(default\)")
        self.assertRegex(out, r"(?m)^none +\S")
        self.assertEqual(self.listing("-M", "?"), out)

    def test_cpus(self):
        out = self.listing("-cpu", "help")
        for model in ("rv64", "max", "rva22s64"):
            self.assertRegex(out, rf"(?m)^ *{model}\b")

    def names_or_skip(self, kind, have, wanted):
        """What this version does not have yet is a skip that names it."""
        missing = [name for name in wanted if name not in have]
        if missing:
            self.skipTest(f"this build has no {kind} {', '.join(missing)}")

    def test_devices(self):
        out = self.listing("-device", "help")
        have = set(re.findall(r'(?m)^name "([^"]+)"', out))
        self.assertLessEqual({"loader", "pcie-root-port", "virtio-rng-pci",
                              "virtio-rng-device", "virtio-blk-device"}, have)
        self.names_or_skip("device", have, (
            "virtio-blk-pci", "virtio-net-pci", "virtio-net-device",
            "virtio-balloon-pci", "virtio-serial-pci"))

    def test_device_properties(self):
        out = self.listing("-device", "virtio-blk-pci,help")
        for name in ("drive", "serial", "num-queues", "addr"):
            self.assertRegex(out, rf"(?m)^ +{name}=<")

    def test_device_boot_order(self):
        out = self.listing("-device", "virtio-blk-pci,help")
        if "bootindex" not in out:
            self.skipTest("this build has no boot order: bootindex=")
        self.assertRegex(out, r"(?m)^ +bootindex=<")

    def test_backends(self):
        out = self.listing("-chardev", "help")
        for name in ("file", "socket", "pty", "ringbuf", "null", "pipe",
                     "stdio"):
            self.assertRegex(out, rf"(?m)^ *{name}\b")
        out = self.listing("-object", "help")
        for name in ("memory-backend-ram", "memory-backend-file", "secret",
                     "iothread", "rng-random"):
            self.assertRegex(out, rf"(?m)^ *{name}\b")

    def test_net_backends(self):
        g.require_built_in([g.BINARY, "-netdev", ""])
        out = self.listing("-netdev", "help")
        have = set(out.split())
        self.assertLessEqual({"user", "hubport"}, have)
        have |= set(self.listing("-object", "help").split())
        self.names_or_skip("net back end", have, (
            "tap", "socket", "stream", "dgram", "filter-dump"))

    def test_engines_and_logs(self):
        self.assertRegex(self.listing("-accel", "help"), r"(?m)^tcg\b")
        out = self.listing("-d", "help")
        for name in ("in_asm", "out_asm", "int", "guest_errors", "unimp"):
            self.assertRegex(out, rf"(?m)^ *{name} ")


class Errors(GuestTest):
    """A mistake: status 1, one sentence that names it, and no more."""

    def refused(self, *args, names, lines=1, known=True):
        status, out, err = run("-nodefaults", "-nographic", *args,
                               known=known)
        self.assertEqual(status, 1, (args, err))
        self.assertEqual(out, "", args)
        self.assertIn(names, err, args)
        said = err.strip().splitlines()
        self.assertLessEqual(len(said), lines + 2, err)  # with hints
        program = os.path.basename(g.BINARY)
        self.assertTrue(said[0].startswith(f"{program}: "), err)
        return err

    def test_unknown_option(self):
        self.refused("-nosuchoption", names="nosuchoption", known=False)
        self.refused("-kernl", "x", names="kernl", known=False)

    def test_option_without_its_argument(self):
        self.refused("-kernel", names="-kernel")

    def test_unknown_names(self):
        self.refused("-M", "nosuch", names="nosuch")
        self.refused("-M", "virt", "-cpu", "nosuch", names="nosuch")
        self.refused("-M", "virt", "-device", "nosuch", names="nosuch")
        self.refused("-M", "virt", "-accel", "nosuch", names="nosuch")
        self.refused("-M", "virt", "-chardev", "nosuch,id=a", names="nosuch")
        self.refused("-M", "virt", "-object", "nosuch,id=a", names="nosuch")
        self.refused("-M", "virt", "-d", "nosuch", names="nosuch")

    def test_unknown_net_backend(self):
        g.require_built_in([g.BINARY, "-netdev", ""])
        self.refused("-M", "virt", "-netdev", "nosuch,id=a", names="nosuch")

    def test_unknown_properties(self):
        self.refused("-M", "virt,nosuch=1", names="nosuch")
        self.refused("-M", "virt", "-cpu", "rv64,nosuch=on", names="nosuch")
        self.refused("-M", "virt", "-device", "virtio-rng-pci,nosuch=1",
                     names="nosuch")
        self.refused("-M", "virt", "-object",
                     "memory-backend-ram,id=m,size=1M,nosuch=1",
                     names="nosuch")
        self.refused("-M", "virt", "-chardev", "null,id=c,nosuch=1",
                     names="nosuch")

    def test_values_of_the_wrong_kind(self):
        self.refused("-M", "virt", "-device",
                     "virtio-rng-pci,max-bytes=many", names="max-bytes")
        self.refused("-M", "virt", "-cpu", "rv64,zba=perhaps", names="zba")
        self.refused("-M", "virt", "-smp", "many", names="")
        self.refused("-M", "virt", "-m", "much", names="much")
        self.refused("-M", "virt", "-smp", "0", names="")
        self.refused("-M", "virt", "-smp", "100000", names="100000")

    def test_boot_options(self):
        for text, names in (("strct=on", "'strict'"), ("z", "'z'"),
                            ("once=cc", "twice"), ("menu=5", "menu"),
                            ("splash-time=70000", "splash-time"),
                            ("reboot-timeout=-2", "reboot-timeout"),
                            ("splash=/nosuch", "/nosuch")):
            self.refused("-M", "virt", "-boot", text, names=names)
        nic = "virtio-net-pci,netdev="
        self.refused("-M", "virt", "-netdev", "hubport,hubid=0,id=a",
                     "-netdev", "hubport,hubid=0,id=b", "-device",
                     f"{nic}a,bootindex=3", "-device", f"{nic}b,bootindex=3",
                     names="bootindex 3 has already been used")

    def test_options_of_the_reference_that_do_not_exist_here(self):
        """Refused by a sentence that names the closest there is."""
        for option in ("vnc", "spice", "usb", "fda", "sd", "virtfs", "numa",
                       "tpmdev", "preconfig", "loadvm", "plugin", "dfilter",
                       "echr", "writeconfig"):
            err = self.refused(f"-{option}", names=f"-{option}", known=False)
            self.assertIn("closest", err)

    def test_settings_that_are_refused(self):
        for option, text, names in (
                ("-k", "nosuch", "keymap"), ("-display", "gtk", "gtk"),
                ("-vga", "std", "VGA"), ("-parallel", "stdio", "parallel"),
                ("-smbios", "type=1,foo=1", "'foo'"),
                ("-smbios", "type=99", "type 99"),
                ("-smbios", "foo=1", "type="),
                ("-smbios", "type=1,uuid=z", "UUID"),
                ("-smbios", "type=4,max-speed=70000", "max-speed"),
                ("-smbios", "type=0,release=1.256", "release"),
                ("-smbios", "type=11,path=/nosuch", "/nosuch"),
                ("-smbios", "type=11,value=", "empty"),
                ("-smbios", "file=/etc/passwd", "/etc/passwd"),
                ("-audiodev", "alsa,id=a", "alsa"),
                ("-compat", "deprecated-input=maybe", "maybe"),
                ("-overcommit", "mem-lock=maybe", "mem-lock"),
                ("-overcommit", "cpu-pm=on", "kvm"),
                ("-watchdog-action", "bark", "bark"),
                ("-action", "reboot=never", "never"),
                ("-run-with", "async-teardown=on", "async-teardown"),
                ("-run-with", "usr=x", "'usr'"),
                ("-runas", "nosuch", "nosuch"),
                ("-chroot", "/nosuch", "/nosuch"),
                ("-sandbox", "on,spawn=maybe", "maybe"),
                ("-sandbox", "on,spwan=deny", "did you mean 'spawn'"),
                ("-msg", "timestamp=maybe", "timestamp"),
                ("-name", "a,proces=b", "did you mean 'process'"),
                ("-uuid", "123", "UUID"), ("-rtc", "base=never", "never"),
                ("-icount", "shift=99", "shift"),
                ("-cdrom", "/nosuch", "/nosuch"),
                ("-pflash", "/nosuch", "/nosuch"),
                ("-mem-path", "/nosuch/x", "/nosuch"),
                ("-trace", "events=/nosuch", "/nosuch"),
                ("-semihosting-config", "target=gdbx", "gdbx"),
                ("-semihosting-config", "chardev=nosuch", "nosuch"),
                ("-set", "device.x.y=1", '"x"'), ("-set", "x", "GROUP"),
                ("-set", "devise.x.y=1", "did you mean 'device'"),
                ("-readconfig", "/nosuch", "/nosuch")):
            with self.subTest(option=option, text=text):
                self.refused("-M", "virt", option, text, names=names)
        self.refused("-M", "virt,usb=on", names="USB")
        self.refused("-M", "spike", "-smbios", "type=1", names="SMBIOS")

    def test_configuration_files(self):
        path = self.dir / "config"
        for text, names in (("x = 1", "line 1"), ("[nosuch]", "nosuch"),
                            ('x = "1"', "no section"),
                            ('[device "a"]\n driver = "nosuch"', "nosuch"),
                            ('[rtc]\n#\n\n bse = "utc"\n', "'base'"),
                            ("[device", "line 1"), ("[a]\0", "config")):
            path.write_text(text)
            self.refused("-M", "virt", "-readconfig", path, names=names)

    def test_missing_references(self):
        self.refused("-M", "virt", "-device", "virtio-blk-pci,drive=nosuch",
                     names="nosuch")
        self.refused("-M", "virt", "-device", "virtio-net-pci,netdev=nosuch",
                     names="nosuch")
        self.refused("-M", "virt", "-serial", "chardev:nosuch",
                     names="nosuch")
        self.refused("-M", "virt", "-device", "virtio-rng-pci,bus=nosuch",
                     names="nosuch")
        self.refused("-M", "virt", "-device", "virtio-blk-pci",
                     names="drive")

    def test_same_name_twice(self):
        self.refused("-M", "virt", "-chardev", "null,id=c", "-chardev",
                     "null,id=c", names="'c'")
        self.refused("-M", "virt", "-device", "virtio-rng-pci,id=d",
                     "-device", "virtio-rng-pci,id=d", names="d")

    def test_character_devices_that_cannot_be(self):
        for options, words in (
                ("websocket=on,server=on", "'websocket' is not supported"),
                ("tls-creds=t", "'tls-creds' is not supported"),
                ("wait=off", "'wait' option is incompatible"),
                ("reconnect=1,reconnect-ms=1", "mutually exclusive"),
                ("server=on,reconnect=1", "'reconnect' option is")):
            self.refused("-M", "none", "-chardev",
                         f"socket,id=c,host=127.0.0.1,port=0,{options}",
                         names=words)
        self.refused("-M", "none", "-chardev", "stdio,id=a", "-chardev",
                     "stdio,id=b", names="multiple character devices")

    def test_drives_that_no_board_takes(self):
        for board, interface in (("virt", "ide"), ("none", "pflash")):
            self.refused("-M", board, "-drive",
                         f"file.driver=null-co,format=raw,if={interface}",
                         names=f"does not support if={interface}")
        status, out, err = run("-drive", "format=help")
        self.assertEqual((status, err), (0, ""))
        self.assertIn(" raw", out)

    def test_missing_files(self):
        for option in ("-kernel", "-dtb", "-bios"):
            path = self.dir / "nosuch.file"
            self.refused("-M", "virt", option, path, names="nosuch.file")

    def test_missing_disk(self):
        g.require_built_in([g.BINARY, "-drive", ""])
        self.refused("-M", "virt", "-drive",
                     f"file={self.dir}/nosuch.img,format=raw,if=none,id=d",
                     names="nosuch.img")

    def test_kernel_that_is_no_kernel(self):
        path = self.dir / "kernel"
        path.write_bytes(b"\x7fELF" + bytes(60))
        self.refused("-M", "virt", "-kernel", path, names="kernel")

    def test_broken_device_tree(self):
        path = self.dir / "dtb"
        path.write_bytes(bytes.fromhex("d00dfeed") + bytes(100))
        self.refused("-M", "virt", "-dtb", path, names="dtb")

    def test_broken_json(self):
        self.refused("-M", "virt", "-device", '{"driver": "virtio-rng-pci"',
                     names="JSON")
        self.refused("-M", "virt", "-object", '{"qom-type": 5}', names="")

    def test_memory_that_is_too_large(self):
        self.refused("-M", "virt", "-m", "16777216T", names="")


class Leniency(GuestTest):
    """DECISIONS 16: the only two things that warn and go on."""

    def quits(self, *args):
        path = self.dir / "qmp"
        argv = [g.BINARY, "-nodefaults", "-nographic", "-S", "-qmp",
                f"unix:{path},server=on,wait=off", *args]
        g.require_built_in(argv)
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        qmp = Qmp(path)
        qmp.command("quit")
        qmp.close()
        _, err = process.communicate(timeout=20 * g.PATIENCE)
        self.assertEqual(process.returncode, 0, err)
        return err

    def test_global_of_an_absent_type(self):
        err = self.quits("-M", "none", "-global", "nosuch.prop=1")
        self.assertIn("warning", err)
        self.assertIn("nosuch", err)

    def test_unknown_engine_with_another_after_it(self):
        err = self.quits("-M", "none", "-accel", "nosuch", "-accel", "tcg")
        self.assertIn("nosuch", err)
        err = self.quits("-M", "none,accel=nosuch:tcg")
        self.assertIn("nosuch", err)

    def test_settings_that_are_taken(self):
        for args in (("-display", "none"), ("-vga", "none"), ("-k", "en-us"),
                     ("-parallel", "none"), ("-audiodev", "none,id=a"),
                     ("-audiodev", '{"id":"audio1","driver":"none"}'),
                     ("-compat", "deprecated-input=reject"),
                     ("-overcommit", "mem-lock=off,cpu-pm=off"),
                     ("-watchdog-action", "pause"), ("-no-shutdown",),
                     ("-action", "panic=exit-failure,reboot=shutdown"),
                     ("-M", "virt,dump-guest-core=off,mem-merge=off,usb=off"),
                     ("-mem-prealloc", "-m", "8"), ("-mem-path", self.dir),
                     ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,"
                      "spawn=deny,resourcecontrol=deny")):
            with self.subTest(args=args):
                self.assertEqual(self.quits("-M", "virt", "-m", "16",
                                            *map(str, args)), "")

    def test_nothing_is_said_unasked(self):
        self.assertEqual(self.quits("-M", "none"), "")
        self.assertEqual(self.quits("-M", "virt"), "")


class Process(GuestTest):
    """Pid files, daemons, descriptors, signals."""

    def start_quiet(self, *args, **options):
        argv = [g.BINARY, "-M", "none", "-nodefaults", "-nographic", "-S",
                *map(str, args)]
        g.require_built_in(argv)
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_signals_end_it_with_status_0(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            path = self.dir / f"qmp{number}"
            process = self.start_quiet(
                "-qmp", f"unix:{path},server=on,wait=off",
                stderr=subprocess.DEVNULL)
            qmp = Qmp(path)
            process.send_signal(number)
            self.assertEqual(
                qmp.event("SHUTDOWN")["data"],
                {"guest": False, "reason": "host-signal"})
            self.assertEqual(process.wait(20 * g.PATIENCE), 0)
            qmp.close()

    def test_daemonize_returns_when_all_listens(self):
        path, pidfile = self.dir / "qmp", self.dir / "pid"
        status, out, err = run(
            "-M", "none", "-nodefaults", "-display", "none", "-S",
            "-daemonize", "-pidfile", pidfile, "-qmp",
            f"unix:{path},server=on,wait=off")
        self.assertEqual((status, out, err), (0, "", ""))
        pid = int(pidfile.read_text())
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(os.fspath(path))  # no waiting: it must listen
            os.kill(pid, 0)
            qmp = Qmp(path)
            qmp.command("quit")
            qmp.close()
        finally:
            for _ in range(200):
                try:
                    os.kill(pid, 0)
                except ProcessLookupError:
                    break
                time.sleep(0.05)
            else:
                os.kill(pid, signal.SIGKILL)
                self.fail("the daemon did not quit")
        self.assertFalse(pidfile.exists())

    def test_daemonize_reports_errors_to_the_caller(self):
        status, _, err = run("-M", "nosuch", "-daemonize", "-display",
                             "none")
        self.assertEqual(status, 1)
        self.assertIn("nosuch", err)

    def monitor(self, *args, **options):
        path = self.dir / f"qmp{len(list(self.dir.iterdir()))}"
        process = self.start_quiet(
            "-qmp", f"unix:{path},server=on,wait=off", *args, **options)
        qmp = Qmp(path)
        self.addCleanup(qmp.close)
        return process, qmp

    def test_configuration_file_and_set(self):
        path = self.dir / "config"
        path.write_text('# options\n[machine]\n  type = "virt"\n[device "d"]\n'
                        '  driver = "virtio-rng-pci"\n  addr = "5"\n'
                        '[name]\n  guest = "a,b"\n[memory]\nsize = "64"\n')
        _, qmp = self.monitor("-readconfig", path, "-set", "device.d.addr=7")
        self.assertEqual(qmp.command("query-name"), {"name": "a,b"})
        self.assertEqual(qmp.command("query-memory-size-summary")
                         ["base-memory"], 64 << 20)
        self.assertEqual(qmp.command("qom-get", path="/machine/peripheral/d",
                                     property="addr"), "07.0")

    def test_sandbox_stops_new_programs(self):
        made = self.dir / "made"
        for args, works in (((), True), (("-sandbox", "on"), True),
                            (("-sandbox", "on,spawn=deny"), False)):
            process, qmp = self.monitor("-M", "virt", "-m", "8", *args)
            uri = f"exec:cat >/dev/null; touch {made}"
            if works:
                qmp.command("migrate", uri=uri)
                until = time.monotonic() + 20 * g.PATIENCE
                while not made.exists() and time.monotonic() < until:
                    time.sleep(0.02)
                self.assertTrue(made.exists())
                made.unlink()
            else:
                with self.assertRaisesRegex(QmpError, "not permitted"):
                    qmp.command("migrate", uri=uri)
                status = pathlib.Path(f"/proc/{process.pid}/status")
                for task in pathlib.Path(
                        f"/proc/{process.pid}/task").iterdir():
                    status = (task / "status").read_text()
                    self.assertRegex(status, r"(?m)^Seccomp:\s+2$")
                self.assertFalse(made.exists())

    @unittest.skipIf(os.getuid() != 0, "only root can become another user")
    def test_another_user_and_root_folder(self):
        process, _ = self.monitor("-runas", "1234:2345", "-chroot", self.dir)
        proc = pathlib.Path(f"/proc/{process.pid}")
        status = (proc / "status").read_text()
        self.assertRegex(status, r"(?m)^Uid:\s+1234\s+1234\s+1234")
        self.assertRegex(status, r"(?m)^Gid:\s+2345\s+2345\s+2345")
        self.assertEqual(os.readlink(proc / "root"), os.fspath(self.dir))

    def test_name_of_the_process(self):
        process, _ = self.monitor("-name", "guest=x,process=other")
        name = pathlib.Path(f"/proc/{process.pid}/comm").read_text()
        self.assertEqual(name, "other\n")

    def test_libvirt_probes_as_a_daemon_without_graphics(self):
        path, pidfile = self.dir / "qmp", self.dir / "pid"
        status, out, err = run(
            "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine",
            "none,accel=kvm:tcg", "-qmp", f"unix:{path},server=on,wait=off",
            "-pidfile", pidfile, "-daemonize")
        self.assertEqual((status, out), (0, ""), err)
        qmp = Qmp(path)
        qmp.command("quit")
        qmp.close()

    def test_inherited_listening_socket(self):
        path = self.dir / "listening"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.fspath(path))
            s.listen()
            self.start_quiet(
                "-chardev", f"socket,id=c,fd={s.fileno()},server=on,"
                "wait=off", "-mon", "chardev=c,mode=control",
                pass_fds=[s.fileno()])
        qmp = Qmp(path)
        self.assertEqual(qmp.command("query-status")["status"], "prelaunch")
        qmp.command("quit")
        qmp.close()

    def test_old_form_of_not_waiting(self):
        path = self.dir / "old"
        self.start_quiet("-qmp", f"unix:{path},server,nowait")
        qmp = Qmp(path)
        qmp.command("quit")
        qmp.close()

    def test_inherited_connected_socket(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.start_quiet("-chardev", f"socket,id=c,fd={theirs.fileno()}",
                             "-mon", "chardev=c,mode=control",
                             pass_fds=[theirs.fileno()])
            theirs.close()
            ours.settimeout(20 * g.PATIENCE)
            self.assertIn("QMP", json.loads(
                ours.makefile().readline()))

    def test_a_terminal_tells_the_lines_typed_there(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.start_quiet("-chardev", f"socket,id=c,fd={theirs.fileno()}",
                             "-mon", "chardev=c,mode=readline",
                             pass_fds=[theirs.fileno()])
            theirs.close()
            ours.settimeout(20 * g.PATIENCE)
            ours.sendall(b"print 1\ninfo history\n")
            with ours.makefile("rb") as lines:
                self.assertIn(b"0: 'print 1'\r\n", lines)
                self.assertEqual(lines.readline(), b"1: 'info history'\r\n")

    def test_personality_follows_argv0(self):
        link = self.dir / "qemu-system-riscv64"
        target = pathlib.Path(g.BINARY).resolve()
        link.symlink_to(target)
        _, out, _ = run("-version", binary=link)
        self.assertTrue(out.startswith("QEMU emulator version"))


class Monitor(GuestTest):
    """QMP on a machine that does not run."""

    def setUp(self):
        super().setUp()
        path = self.dir / "qmp"
        self.guest = self.start(
            "-M", "virt", "-nodefaults", "-nographic", "-S", "-object",
            "iothread,id=io0", "-netdev", "hubport,hubid=1,id=net", "-device",
            "virtio-net-pci,netdev=net,id=n0", "-qmp",
            f"unix:{path},server=on,wait=off")
        self.qmp = Qmp(path)
        self.addCleanup(self.qmp.close)

    def raw(self, data):
        self.qmp.socket.sendall(data)
        return self.qmp.read()

    def test_greeting(self):
        version = self.qmp.greeting["version"]["qemu"]
        self.assertEqual((version["major"], version["minor"]), (10, 0))
        self.assertIsInstance(self.qmp.greeting["capabilities"], list)

    def test_command_line_options_are_those_that_are_taken(self):
        options = {o["option"]: o["parameters"] for o in
                   self.qmp.command("query-command-line-options")}
        self.assertLessEqual(
            {"machine", "boot-opts", "smp-opts", "memory", "chardev",
             "device", "object", "netdev", "drive", "mon", "rtc", "name",
             "msg", "overcommit", "action", "fw_cfg", "global"}, set(options))
        names = {p["name"] for p in options["boot-opts"]}
        self.assertIn("strict", names)
        self.assertIn("aclint", {p["name"] for p in options["machine"]})
        self.assertIn("reconnect-ms", {p["name"] for p in options["chardev"]})
        switches = {"boot-opts": "boot", "smp-opts": "smp", "memory": "m"}
        for group, parameters in options.items():
            option = "-" + switches.get(group, group)
            self.assertRegex(g.answer(g.BINARY, "-help"),
                             rf"(?m)^{option}\b", group)
            if group in ("device", "object", "netdev", "net", "nic", "accel",
                         "chardev", "machine", "drive", "global", "trace"):
                continue  # their phases know more than a list
            shown = run(option, "help")[1]
            self.assertEqual(set(re.findall(r"(?m)^  ([\w-]+)=<", shown)),
                             {p["name"] for p in parameters})
            _, _, err = run("-M", "none", option, "nosuchkey=1")
            self.assertIn("nosuchkey", err)
        one = self.qmp.command("query-command-line-options", option="rtc")
        self.assertEqual([o["option"] for o in one], ["rtc"])

    def test_malformed_input_gives_an_error_and_goes_on(self):
        for data in (b'{"execute": }\n', b"[]\n", b'"text"\n', b"{}\n",
                     b'{"execute": 5}\n', b'{"execute":"stop","x":1}\n',
                     b'{"execute":"stop","arguments":[]}\n', b"\xff\n"):
            reply = self.raw(data)
            self.assertEqual(reply["error"]["class"], "GenericError", data)
        self.assertIn("return", self.raw(b'{"execute":"query-status"}\n'))

    def test_id_comes_back(self):
        for value in (1, "a", None, {"x": [1, 2]}, 1.5):
            reply = self.raw(json.dumps({"execute": "query-name",
                                         "id": value}).encode())
            self.assertEqual(reply, {"return": {}, "id": value})

    def test_framing_does_not_matter(self):
        text = b'{"execute":"query-name","id":1}'
        self.qmp.socket.sendall(text + text)
        self.assertEqual([self.qmp.read()["id"] for _ in "ab"], [1, 1])
        for byte in text:
            self.qmp.socket.sendall(bytes([byte]))
        self.assertEqual(self.qmp.read()["id"], 1)

    def test_unknown_command(self):
        with self.assertRaises(QmpError) as caught:
            self.qmp.command("no-such-command")
        self.assertEqual(caught.exception.cls, "CommandNotFound")

    def test_bad_arguments(self):
        for arguments in ({}, {"path": 5, "property": "x"},
                          {"path": "/machine", "property": "type", "y": 1}):
            with self.assertRaises(QmpError) as caught:
                self.qmp.command("qom-get", **arguments)
            self.assertEqual(caught.exception.cls, "GenericError")

    def test_deep_nesting_is_refused(self):
        reply = self.raw(b"[" * 2000 + b"]" * 2000 + b"\n")
        self.assertEqual(reply["error"]["class"], "GenericError")
        reply = self.raw(b'{"execute":"query-status","id":"after"}\n')
        while "error" in reply and "id" not in reply:
            reply = self.qmp.read()  # more than one error for that is fine
        self.assertEqual(reply["id"], "after")

    def test_every_query_that_needs_no_arguments_answers(self):
        commands = {c["name"] for c in self.qmp.command("query-commands")}
        schema = {e["name"]: e for e in
                  self.qmp.command("query-qmp-schema")}
        asked = 0
        for name in sorted(commands):
            if not name.startswith("query-"):
                continue
            members = schema[schema[name]["arg-type"]].get("members", [])
            if any("default" not in m for m in members):
                continue
            try:
                self.qmp.command(name)
            except QmpError as error:
                self.assertIn(error.cls, ("GenericError",
                                          "DeviceNotActive"), name)
            asked += 1
        self.assertGreater(asked, 15)

    def test_events_carry_their_time(self):
        now = time.time()
        self.qmp.command("cont")
        event = self.qmp.event("RESUME")
        stamp = event["timestamp"]
        self.assertLess(abs(stamp["seconds"] - now), 30 * g.PATIENCE)
        self.assertIn(stamp["microseconds"], range(1000000))
        self.qmp.command("stop")
        self.qmp.event("STOP")
        self.assertEqual(self.qmp.command("query-status"),
                         {"running": False, "status": "paused"})

    def test_named_descriptor_is_a_migration_target(self):
        """virsh save: getfd, then migrate to it."""
        path = self.dir / "saved"
        with open(path, "wb") as out:
            message = json.dumps({"execute": "getfd",
                                  "arguments": {"fdname": "migrate"}})
            socket.send_fds(self.qmp.socket, [message.encode()],
                            [out.fileno()])
            self.assertEqual(self.qmp.read(), {"return": {}})
        self.qmp.command("migrate", uri="fd:migrate", detach=True)
        until = time.monotonic() + 60 * g.PATIENCE
        while self.qmp.command("query-migrate")["status"] != "completed":
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        self.assertGreater(path.stat().st_size, 1000)
        with self.assertRaises(QmpError):
            self.qmp.command("migrate", uri="fd:migrate")

    def test_link_of_a_nic_by_the_id_of_its_transport(self):
        self.qmp.command("netdev_add", type="hubport", id="h", hubid=0)
        with self.assertRaises(QmpError):
            self.qmp.command("set_link", name="nosuch", up=False)
        self.qmp.command("set_link", name="n0", up=False)
        self.assertEqual(
            [f["name"] for f in self.qmp.command("query-rx-filter")], ["n0"])

    def test_what_libvirt_asks_at_its_start(self):
        self.assertEqual([t["id"] for t in
                          self.qmp.command("query-iothreads")], ["io0"])
        self.assertEqual(self.qmp.command("query-memory-devices"), [])
        with self.assertRaisesRegex(QmpError, "hot-plugging"):
            self.qmp.command("query-hotpluggable-cpus")
        expand = functools.partial(self.qmp.command,
                                   "query-cpu-model-expansion")
        model = expand(type="full", model={
            "name": "rv64", "props": {"zba": False}})["model"]
        self.assertEqual(model["name"], "rv64")
        self.assertIs(model["props"]["zba"], False)
        self.assertIs(model["props"]["zbb"], True)
        for wrong in ({"type": "static", "model": {"name": "rv64"}},
                      {"type": "full", "model": {"name": "nosuch"}},
                      {"type": "full", "model": {"name": "rv64", "props":
                                                 {"nosuch": True}}},
                      {"type": "full", "model": {"name": "rv64",
                                                 "props": [1]}}):
            with self.assertRaises(QmpError):
                expand(**wrong)

    def test_trace_events_are_switched(self):
        state = self.qmp.command("trace-event-get-state", name="serial_*")
        self.assertGreater(len(state), 1)
        name = state[0]["name"]
        for on in (True, False):
            self.qmp.command("trace-event-set-state", name=name, enable=on)
            self.assertEqual(
                self.qmp.command("trace-event-get-state", name=name),
                [{"name": name, "state": "enabled" if on else "disabled"}])
        with self.assertRaises(QmpError):
            self.qmp.command("trace-event-set-state", name="nosuch",
                             enable=True)

    def test_human_monitor_command(self):
        text = self.qmp.command("human-monitor-command",
                                **{"command-line": "info status"})
        self.assertRegex(text, r"VM status: paused")
        text = self.qmp.command("human-monitor-command",
                                **{"command-line": "info mtree"})
        self.assertRegex(text, r"(?m)80000000-.*ram")

    def test_object_tree(self):
        names = {e["name"] for e in self.qmp.command("qom-list", path="/")}
        self.assertLessEqual({"machine", "objects", "chardevs", "backend"},
                             names)
        self.assertEqual(self.qmp.command("qom-get", path="/machine",
                                          property="type"), "virt-machine")

    def test_device_add_and_del(self):
        with self.assertRaises(QmpError):
            self.qmp.command("device_add", driver="nosuch", id="x")
        with self.assertRaises(QmpError) as caught:
            self.qmp.command("device_del", id="nosuch")
        self.assertEqual(caught.exception.cls, "DeviceNotFound")

    def test_object_add_and_del(self):
        self.qmp.command("object-add", **{"qom-type": "memory-backend-ram",
                                          "id": "m1", "size": 1 << 20})
        self.assertEqual(self.qmp.command("qom-get", path="/objects/m1",
                                          property="size"), 1 << 20)
        with self.assertRaises(QmpError):
            self.qmp.command("object-add",
                             **{"qom-type": "memory-backend-ram", "id": "m1",
                                "size": 1 << 20})
        self.qmp.command("object-del", id="m1")
        with self.assertRaises(QmpError):
            self.qmp.command("qom-get", path="/objects/m1", property="size")

    def memory(self, name, size, **args):
        self.qmp.command("object-add", **{"qom-type": "memory-backend-ram",
                                          "id": name, "size": size, **args})
        return [d for d in self.qmp.command("query-memdev")
                if d["id"] == name][0]

    def test_memory_backends_are_described(self):
        plain = {"id": "m0", "size": 3 << 20, "merge": True, "dump": True,
                 "prealloc": False, "share": False, "host-nodes": [],
                 "policy": "default"}
        self.assertEqual(self.memory("m0", 3 << 20), plain)
        args = {"prealloc": True, "merge": False, "share": True}
        self.assertEqual(self.memory("m1", 3 << 20, **args),
                         plain | {"id": "m1"} | args)

    def test_memory_of_a_host_node_is_described(self):
        try:
            found = self.memory("m0", 3 << 20, policy="preferred",
                                **{"host-nodes": [0]})
        except QmpError as error:
            self.assertIn("cannot bind memory", str(error))
            raise unittest.SkipTest(str(error)) from error
        self.assertEqual((found["host-nodes"], found["policy"]),
                         ([0], "preferred"))

    def test_huge_pages_are_for_memory_that_is_wanted_at_once(self):
        pid = self.guest.process.pid
        for name, mib, ready in (("plain", 37, False), ("ready", 39, True)):
            self.memory(name, mib << 20, prealloc=ready)
            self.assertEqual(g.asks_huge(pid, mib), ready)

    def test_reset_and_powerdown_events(self):
        self.qmp.command("cont")
        self.qmp.command("system_reset")
        self.assertEqual(self.qmp.event("RESET")["data"]["reason"],
                         "host-qmp-system-reset")
        self.qmp.command("system_powerdown")
        self.qmp.event("POWERDOWN")

    def test_quit_says_why(self):
        self.qmp.command("quit")
        self.assertEqual(self.qmp.event("SHUTDOWN")["data"],
                         {"guest": False, "reason": "host-qmp-quit"})


if __name__ == "__main__":
    g.skip_without_binary()
    tap.main()
