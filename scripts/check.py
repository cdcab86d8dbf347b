#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Installs what is missing, builds, and runs every test at a CI size.

check [--no-install] [--keep] [STEP]...

Steps, in order: release (GCC, warnings as errors, all tiers), engines (builds
without tcg and without kvm: qtest, and no symbol of theirs), fuzz (Clang,
each fuzzer for 20 s), asan (AddressSanitizer and UBSan: unit, qtest, fuzz
corpus, lean boots), tsan (ThreadSanitizer: unit, qtest, lean boots). Each
builds in build-check/STEP, which --keep leaves as the last run left it. The
last line is `N passed, N failed, N skipped`; the status is 0 when none failed.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import tap

SOURCE = pathlib.Path(__file__).resolve().parent.parent
JOBS = 2                 # guests and compilers at a time (DECISIONS 55)
FUZZ_SECONDS = 20
FETCHED = ("riscv64-guest", "amd64-cloud-guest", "opensbi-1.5", "peer-qemu-10")
SANITIZER = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:"
                    "detect_stack_use_after_return=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:suppressions="
                    + str(SOURCE / "tests/tsan.supp"),
}


def say(text):
    print(f"check: {text}", file=sys.stderr, flush=True)


def call(argv, log=None, timeout=3600, **env):
    """Exit status of a command; its output goes to @log or nowhere."""
    with open(log or os.devnull, "w", encoding="utf-8") as out:
        try:
            return subprocess.run(
                [str(a) for a in argv], cwd=SOURCE, stdout=out,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                timeout=timeout, env=dict(os.environ, **env),
                check=False).returncode
        except subprocess.TimeoutExpired:
            return 124


def tail(path, lines=60):
    text = path.read_text(errors="replace").splitlines()
    errors = [line for line in text if re.search(r"\berror\b|FAILED", line)]
    for line in (errors or text)[-lines:]:
        print(f"  {line}", file=sys.stderr)


def build(name, *options, compiler="gcc", targets=()):
    """The build folder of a step, or None after telling why it failed."""
    folder = SOURCE / "build-check" / name
    folder.parent.mkdir(exist_ok=True)
    log = folder.parent / f"{name}-build.log"
    cc = f"ccache {compiler}" if shutil.which("ccache") else compiler
    if call([SOURCE / "configure", f"--build-dir={folder}", f"--cc={cc}",
             "--enable-werror", *options], log) != 0 or \
            call(["ninja", "-C", folder, f"-j{JOBS}", *targets], log) != 0:
        say(f"{name}: the build failed; {log}:")
        tail(log)
        return None
    return folder


def run_suites(name, folder, suites=(), scale=1):
    """Points of the suites of one build; all suites without names."""
    # A limit ends what hangs; the host may be busy with other things.
    argv = ["meson", "test", "-C", folder, "--no-rebuild", "--logbase", name,
            "--num-processes", JOBS, "-t", 4 * scale]
    for suite in suites:
        argv += ["--suite", suite]
    log = SOURCE / "build-check" / f"{name}-test.log"
    json = folder / "meson-logs" / f"{name}.json"
    json.unlink(missing_ok=True)
    status = call(argv, log, TANDEM_SLOW=str(scale), **SANITIZER)
    total = tap.Count.of_testlog(json, f"{name}: ") if json.exists() else \
        tap.Count()
    if status != 0 and not total.failures:  # the rest did not run
        say(f"{name}: meson test ended with status {status}; {log}:")
        tail(log)
        total.add(failure(f"{name}: tests"))
    return total


def failure(text):
    count = tap.Count()
    count.failures.append(text)
    return count


def release():
    folder = build("release")
    return run_suites("release", folder) if folder else \
        failure("release: build")


LINKS = [f"qemu-system-{a}" for a in ("riscv64", "riscv32", "x86_64")]


# Not optimized: it is what is in the program that counts, and the minute.
def without(engine, full):
    name = f"no-{engine}"
    folder = build(name, f"--disable-{engine}", "--extra-cflags=-O0 -g0",
                   targets=["tandem", *LINKS])
    if folder is None:
        return failure(f"{name}: build")
    done = subprocess.run([SOURCE / "scripts/engine-symbols", engine, full,
                           folder], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    count = tap.Count()
    count.add_output(f"{name}: symbols", done.stdout, done.returncode == 0)
    for line in done.stdout.splitlines() if done.returncode else ():
        say(f"{name}: {line}")
    count.add(run_suites(name, folder, ("qtest",)))
    return count


def engines():
    full = SOURCE / "build-check/release"
    if not (full / "tandem").exists():
        full = build("release", targets=["tandem"])
    if full is None:
        return failure("engines: build")
    total = tap.Count()
    for engine in ("tcg", "kvm"):
        total.add(without(engine, full))
    return total


def sanitizer(name, suites, scale, *options):
    folder = build(name, *options)
    return run_suites(name, folder, suites, scale) if folder else \
        failure(f"{name}: build")


# The suite "lean" (tests/boot/meson.build) has each kind of boot once. The
# scale stretches time limits; JIT code, where guests spend their time, is not
# instrumented, so a factor of 3 is ample for ASan.
def asan():
    return sanitizer("asan", ("unit", "qtest", "fuzz", "lean"), 3,
                     "--enable-asan", "--enable-ubsan")


def tsan():
    return sanitizer("tsan", ("unit", "qtest", "lean"), 6, "--enable-tsan")


def run_fuzzer(program, seconds, keep_found):
    """One fuzzer on a copy of its corpus; a finding is kept and named, and
    what was found for the corpus too when that is asked for."""
    name = program.name[len("fuzz-"):-len("-live")]
    corpus = SOURCE / "tests/fuzz/corpus" / name
    keep = SOURCE / "build-check" / f"crash-{name}-"
    log = SOURCE / "build-check" / f"fuzz-{name}.log"
    found = SOURCE / "build-check" / f"found-{name}"
    count = tap.Count()
    with tempfile.TemporaryDirectory(prefix="tandem-fuzz-") as fresh:
        if keep_found:
            found.mkdir(exist_ok=True)
            fresh = found
        argv = [program, fresh, f"-max_total_time={seconds}", "-timeout=10",
                "-rss_limit_mb=3000", f"-artifact_prefix={keep}",
                "-print_final_stats=1"]
        if corpus.is_dir():
            argv.insert(2, corpus)
        status = call(argv, log, seconds + 300, **SANITIZER)
    if status == 0:
        count.passed += 1
    else:
        count.failures.append(f"fuzz: {name}")
        say(f"fuzz: {name}: status {status}; {log}:")
        tail(log, 30)
    return count


def fuzz(seconds=FUZZ_SECONDS, names=(), keep_found=False):
    if shutil.which("clang") is None:
        count = tap.Count()
        count.skips.append(("fuzz", "clang is not installed"))
        return count
    folder = build("fuzz", "--enable-fuzzing", compiler="clang")
    if folder is None:
        return failure("fuzz: build with clang")
    programs = [p for p in sorted((folder / "tests/fuzz").glob("fuzz-*-live"))
                if not names or p.name[len("fuzz-"):-len("-live")] in names]
    total = tap.Count()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for count in pool.map(
                lambda p: run_fuzzer(p, seconds, keep_found), programs):
            total.add(count)
    return total


STEPS = {"release": release, "engines": engines, "fuzz": fuzz, "asan": asan,
         "tsan": tsan}


def install():
    """Packages, then guests and the peer; False when packages are not."""
    if subprocess.run([SOURCE / "scripts/install-deps", "build", "boot",
                       "optional", "test"], check=False,
                      stdin=subprocess.DEVNULL).returncode != 0:
        return False
    for name in FETCHED:
        done = subprocess.run([SOURCE / "scripts/fetch", name], text=True,
                              capture_output=True, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            # Tests that need it will say so and be counted as skipped.
            say(f"no {name}: {done.stderr.strip()}")
    return True


def report(total, seconds):
    reasons = {}
    for name, reason in total.skips:
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        print(f"skipped: {reason}: {len(names)} ({names[0]}"
              f"{', ...' if len(names) > 1 else ''})")
    for name in total.failures:
        print(f"failed: {name}")
    print(f"check took {seconds / 60:.1f} minutes")
    print(total.closing_line(), flush=True)


def main(argv):
    flags = [a for a in argv if a.startswith("-")]
    names = [a for a in argv if not a.startswith("-")] or list(STEPS)
    if set(flags) - {"--no-install", "--keep"} or set(names) - set(STEPS):
        sys.exit(__doc__.strip())
    begin = time.monotonic()
    if "--keep" not in flags:
        shutil.rmtree(SOURCE / "build-check", ignore_errors=True)
    if "--no-install" not in flags and not install():
        print(failure("install").closing_line())
        return 1
    total = tap.Count()
    for name in names:
        started = time.monotonic()
        count = STEPS[name]()
        total.add(count)
        say(f"{name}: {count.closing_line()} in "
            f"{time.monotonic() - started:.0f} s")
    report(total, time.monotonic() - begin)
    return 1 if total.failures or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
