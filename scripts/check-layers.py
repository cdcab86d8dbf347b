#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the tree against STYLE 1 and writes TAP.

check-layers.py [--root DIR] [CHECK]...

Checks: includes (who may include whom), config (CONFIG_ switches only where
DECISIONS 2 lets them), licence (an SPDX line in every source file), time
(host clocks and random bytes only behind the event gate, DECISIONS 31),
readme (one in every folder of sources), docs (files, folders and functions
that docs and READMEs name are there), self (each header compiles after
tandem/base.h alone), tests (no two have one name). Without names all run; the
last two need a build folder: --build DIR.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

# Folder -> part; the longest match wins (STYLE 1, the table of layers).
PARTS = {
    "softmmu/base": "base", "include/softmmu/base": "base",
    "include/tandem": "base",
    "softmmu/object": "object", "include/softmmu/object": "object",
    "softmmu/memory": "fabric", "include/softmmu/memory": "fabric",
    "softmmu/loop": "fabric", "include/softmmu/loop": "fabric",
    "softmmu/machine": "fabric", "include/softmmu/machine": "fabric",
    "softmmu/backend": "fabric", "include/softmmu/backend": "fabric",
    "include/accel": "engine-api", "include/target": "target-api",
    "tcg": "tcg", "include/tcg": "tcg",
    "hw": "hw", "include/hw": "hw", "include/hw/intc": "hw-intc",
    "accel": "accel", "accel/tcg": "accel-tcg",
    "target": "target",
    "softmmu": "control", "include/softmmu": "control",
    "tests": "tests",
}
LOW = {"base", "object", "fabric", "engine-api", "target-api"}
MAY_USE = {
    "base": {"base"},
    "object": {"base", "object"},
    "fabric": LOW,
    "engine-api": LOW,
    "target-api": LOW | {"hw-intc"},
    "tcg": {"base", "tcg"},
    "hw": LOW | {"hw", "hw-intc"},
    "hw-intc": LOW | {"hw-intc"},
    "accel": LOW | {"accel"},
    "accel-tcg": LOW | {"accel", "accel-tcg", "tcg"},
    "target": LOW | {"target", "tcg", "hw-intc"},
    "control": LOW | {"control", "hw", "hw-intc", "accel", "target", "tcg"},
    "tests": LOW | {"control", "hw", "hw-intc", "accel", "accel-tcg",
                    "target", "tcg", "tests"},
}
ROOTS = ("accel", "hw", "include", "softmmu", "target", "tcg", "tests")

# Headers that a script writes into the build folder.
GENERATED = re.compile(
    r"^(config\.h|trace_\w+\.h|(\w+/)*[\w-]*\b(decode|trans|schema|gen|aml)"
    r"\b[\w-]*\.h|(\w+/)*[\w-]+\.inc)$")

# Files that may read a host clock or random bytes themselves, and why.
TIME_ALLOWED = {
    "softmmu/loop/": "the gate and the clocks behind it",
    "softmmu/base/lock.c": "a deadline for pthread_cond_timedwait",
    "softmmu/base/log.c": "the rate limit of guest errors",
    "softmmu/base/trace.c": "the stamp of a trace line",
    "tcg/context.c": "how long a unit took to compile; no guest sees it",
    "accel/tcg/translate.c": "the same, for info jit",
    "accel/tcg/perf.c": "stamps that perf wants in a jitdump",
    "accel/tcg/tcg.c": "the key of the content hash; no guest sees it",
    "accel/tcg/doze.c": "the host's time that a thread has had: who goes first",
    "softmmu/migration/": "bandwidth and progress, told to the host only",
    "accel/qtest/server.c": "time stamps of -qtest-log",
    "softmmu/base/error.c": "the stamp of -msg timestamp=on",
    "softmmu/qmp/monitor.c": "the host's time in QMP events",
    "tests/": "tests time the host, not a guest",
}
# Folders whose headers serve their siblings without standing in include/.
SHARED_FOLDERS = {"target/softfloat": "target"}

TIME_CALL = re.compile(
    r"\b(clock_gettime|gettimeofday|getrandom|getentropy|g_get_monotonic_time"
    r"|g_get_real_time|g_date_time_new_now\w*|g_random_\w+|g_rand_new"
    r"|random|rand|rand_r|drand48|time(?=\s*\(\s*(?:NULL|0|&)))\s*\(")

# Files that may test a CONFIG_ switch themselves, and why.
CONFIG_ALLOWED = {
    "include/tandem/base.h": "where IF_TCG() and its like are made",
    "accel/accel.c": "a list that ends at NULL cannot hold IF_TCG()",
    "accel/tcg/stats.c": "capstone is a library's calls, not a value",
}
# Programs that run in a guest have no libc and none of our headers.
GUEST_PROGRAM = re.compile(r"tests/(isa/(prog|lib)|suite/guest|boot|nested|bench)/")
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
SOURCE = re.compile(
    r"(\.(c|h|S|s|py|sh|build|def|isa|asl|ld|inc|txt|in)|/trace-events"
    r"|/meson_options\.txt)$")
DATA = re.compile(r"(^|/)(corpus|data|golden)/|\.(json|md|png|bin|txt)$")
# Files that docs name and that are not in the tree, and why.
DOC_FILES_ELSEWHERE = {
    "linux/kvm.h": "the host's",
    "fenv.h": "the host's",
    "bench.h": "of the shared benchmark set",
    "riscv-insns.inc": "made by scripts/decode.py",
    "TCG.md": "the design, beside the tree",
}
TEXT_WITH_SPDX = {"scripts/deps-debian.txt", "meson_options.txt"}


class Tree:
    """The source files below a root, as git or the disk lists them."""

    def __init__(self, root):
        self.root = root
        self.files = self.listing()

    def listing(self):
        done = subprocess.run(
            ["git", "-C", str(self.root), "ls-files", "--cached", "--others",
             "--exclude-standard"], text=True, capture_output=True,
            check=False)
        top = subprocess.run(
            ["git", "-C", str(self.root), "rev-parse", "--show-toplevel"],
            text=True, capture_output=True, check=False)
        if done.returncode == 0 and \
                pathlib.Path(top.stdout.strip()) == self.root:
            names = done.stdout.splitlines()
        else:
            names = [str(p.relative_to(self.root))
                     for p in self.root.rglob("*") if p.is_file()]
        return sorted(n for n in names if (self.root / n).is_file()
                      and not n.startswith(("build", ".git/")))

    def code(self, suffixes=(".c", ".h", ".S")):
        return [n for n in self.files
                if n.endswith(suffixes) and n.startswith(
                    tuple(r + "/" for r in ROOTS))]

    def lines(self, name):
        text = (self.root / name).read_text(encoding="utf-8",
                                            errors="replace")
        return text.splitlines()


def part_of(name):
    """The part that a file or include path belongs to."""
    folder = os.path.dirname(name)
    while folder:
        if folder in PARTS:
            return PARTS[folder]
        folder = os.path.dirname(folder)
    return None


def resolve(tree, name, include):
    """The file that an include names: beside it, in include/, or None."""
    beside = os.path.normpath(os.path.join(os.path.dirname(name), include))
    if (tree.root / beside).is_file():
        return beside
    public = "include/" + include
    if (tree.root / public).is_file():
        return public
    if (tree.root / include).is_file():
        return include
    return None


def include_error(tree, name, include):
    """Why @name may not include @include; None when it may."""
    target = resolve(tree, name, include)
    if target is None:
        if include == "config.h" and name != "include/tandem/base.h":
            return "only tandem/base.h includes config.h"
        if GENERATED.match(include):
            own = "trace_" + os.path.dirname(name).replace("/", "_") + ".h"
            if include.startswith("trace_") and include != own and \
                    not name.startswith("tests/"):
                return f"'{include}' belongs to another folder (own: {own})"
            return None
        return f"'{include}' is neither in the tree nor a generated header"
    mine, theirs = part_of(name), part_of(target)
    if theirs not in MAY_USE.get(mine, set()):
        return f"{mine} may not use {theirs} ('{include}')"
    if target.startswith("include/") or mine == "tests":
        return None
    home, folder = os.path.dirname(target), os.path.dirname(name)
    for reach in (home, SHARED_FOLDERS.get(home, home)):
        if folder == reach or folder.startswith(reach + "/"):
            return None
    if name == "softmmu/main.c" and theirs == "control":
        return None  # the process and its start-up phases are one part
    return f"'{include}' is private to {home}"


def starts_with_base(tree, name, quoted):
    """Is the first include base.h, or a header beside it that begins so?"""
    for _ in range(5):
        if not quoted or quoted[0] == "tandem/base.h":
            return bool(quoted)
        header = resolve(tree, name, quoted[0])
        if header is None or \
                os.path.dirname(header) != os.path.dirname(name):
            return False
        quoted = re.findall(r'(?m)^\s*#\s*include\s+"([^"]+)"',
                            "\n".join(tree.lines(header)))
    return False


def without_comments(text):
    """Text with comments and strings blanked, line ends kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"',
                         re.DOTALL)
    return pattern.sub(
        lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def check_includes(tree):
    errors = []
    for name in tree.code():
        quoted = []
        if GUEST_PROGRAM.match(name):
            continue
        for number, line in enumerate(tree.lines(name), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            quoted.append(found[1])
            error = include_error(tree, name, found[1])
            if error:
                errors.append(f"{name}:{number}: {error}")
        if name.endswith(".c") and not starts_with_base(tree, name, quoted):
            errors.append(f"{name}:1: the first include is not "
                          '"tandem/base.h"')
    return errors


def check_config(tree):
    errors = []
    for name in tree.code():
        if name in CONFIG_ALLOWED or name.startswith("tests/"):
            continue
        for number, line in enumerate(tree.lines(name), 1):
            if re.match(r"\s*#\s*(if|ifdef|ifndef|elif).*\bCONFIG_", line):
                errors.append(f"{name}:{number}: a CONFIG_ switch outside "
                              "tables: use IF_TCG() and its like")
            if re.match(r"\s*#\s*(if|elif).*\bTARGET_(?!\w+_H\b)", line) or \
                    re.search(r"\btarget_u?long\b", line):
                errors.append(f"{name}:{number}: one build serves all "
                              "targets: no TARGET_ macro, no target_ulong")
    return errors


def is_source(tree, name):
    if name in TEXT_WITH_SPDX:
        return True
    if DATA.search(name):
        return False
    if SOURCE.search("/" + name):
        return True
    first = (tree.root / name).open("rb").read(2)
    return first == b"#!"


def check_licence(tree):
    errors = []
    for name in tree.files:
        if is_source(tree, name) and \
                not any(SPDX in line for line in tree.lines(name)[:3]):
            errors.append(f"{name}:1: no line '{SPDX}'")
    return errors


def check_time(tree):
    errors = []
    for name in tree.code((".c", ".h")):
        if any(name.startswith(prefix) for prefix in TIME_ALLOWED):
            continue
        text = (tree.root / name).read_text(encoding="utf-8",
                                            errors="replace")
        for number, line in enumerate(without_comments(text).splitlines(), 1):
            found = TIME_CALL.search(line)
            if found:
                errors.append(
                    f"{name}:{number}: {found[1]}() goes round the event "
                    "gate (softmmu/loop/event.h)")
    return errors


def check_readme(tree):
    folders = {os.path.dirname(n) for n in tree.code((".c", ".S"))
               if not DATA.search(n)}
    folders |= {"include", "scripts", "tests", "docs"} & \
        {n.split("/")[0] for n in tree.files}
    have = {os.path.dirname(n) for n in tree.files
            if os.path.basename(n) in ("README", "README.md", "index.md")}
    return [f"{folder}:1: no README" for folder in sorted(folders - have)]


def named_files(tree, folder, line):
    """Files and folders that a line of a doc in @folder names."""
    ends = r"\.(?:c|h|py|S|isa|def|json|md|inc|ld|build)\b"
    roots = "|".join((*ROOTS, "docs", "scripts"))
    for found in re.finditer(
            rf"(?<![\w/.~$-])((?:[\w.-]+/)*[\w.-]+(?:{ends})"
            rf"|(?:{roots})/[\w/.-]*\w)(?![\w*{{<-]|/[\w*{{<-])", line):
        name = found[1]
        if not re.search(r"NAME|^build/", name):
            yield os.path.normpath(os.path.join(folder, name)) \
                if name.startswith("../") else name


def is_there(tree, folders, name):
    if name in DOC_FILES_ELSEWHERE or name in folders or \
            "include/" + name in folders:
        return True
    return any(("/" + n).endswith("/" + name) for n in tree.files)


def words_of_code(tree):
    """{file: its words}, without comments and strings where it is C."""
    words = {}
    for name in tree.files:
        if DATA.search(name) and not name.endswith(".json") or \
                os.path.basename(name) == "README":
            continue
        text = (tree.root / name).read_text(encoding="utf-8",
                                            errors="replace")
        if name.endswith((".c", ".h")):
            text = without_comments(text)
        words[name] = set(re.findall(r"\w+", text))
    return words


def function_errors(text, words, everywhere):
    """(offset, error) of functions and tables that are not, or not where
    @text says: `f()` (`file.c`), or `t[]`, `file.c`."""
    for found in re.finditer(
            r"`(\w+)(\(\)|\[\])`(?:(?:\s*\(|,\s+)`([^`]+\.[chS])`)?", text):
        name, kind, file = found.groups()
        if name not in everywhere:
            yield found.start(), f"no {name}{kind}"
        elif file and not any(name in words[n] for n in words
                              if ("/" + n).endswith("/" + file)):
            yield found.start(), f"{name}{kind} is not in {file}"


def check_docs(tree):
    errors = []
    folders = {str(p) for n in tree.files for p in pathlib.Path(n).parents}
    words = words_of_code(tree)
    everywhere = set().union(*words.values())
    for doc in tree.files:
        if not doc.endswith(".md") and os.path.basename(doc) != "README":
            continue
        lines = tree.lines(doc)
        folder = os.path.dirname(doc)
        for number, line in enumerate(lines, 1):
            errors += [f"{doc}:{number}: no '{name}'"
                       for name in named_files(tree, folder, line)
                       if not is_there(tree, folders, name)]
            for found in re.finditer(r"\]\(([^):#]+)(#[^)]*)?\)", line):
                target = os.path.normpath(os.path.join(folder, found[1]))
                if target not in folders and target not in tree.files:
                    errors.append(f"{doc}:{number}: no '{target}'")
        text = "\n".join(lines)
        errors += [f"{doc}:{text.count(chr(10), 0, at) + 1}: {error}"
                   for at, error in function_errors(text, words, everywhere)]
    return errors


def compile_command(build):
    """The compiler and flags of some file of the base layer."""
    with open(build / "compile_commands.json", encoding="utf-8") as text:
        for entry in json.load(text):
            if entry["file"].endswith("softmmu/base/error.c"):
                words = shlex.split(entry["command"])
                break
        else:
            sys.exit("check-layers.py: softmmu/base/error.c is not compiled")
    drop = {"-c", "-o", "-MD", "-MQ", "-MF"}
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MQ", "-MF"):
            skip = True
        elif word not in drop and not word.endswith("error.c"):
            kept.append(word)
    return kept


def check_self(tree, build):
    command = compile_command(build) + ["-fsyntax-only", "-x", "c", "-"]
    # Generated headers lie in the build folder of who makes them.
    command[-3:-3] = [f"-I{p.parent}" for p in sorted(build.glob("**/*.h"))
                      if not p.parent.name.endswith(".p")]
    headers = [n for n in tree.code((".h",)) if not n.startswith("tests/")]

    def compile_one(name):
        include = name[len("include/"):] if name.startswith("include/") \
            else str(tree.root / name)
        done = subprocess.run(
            command, cwd=build, text=True, capture_output=True, check=False,
            input=f'#include "tandem/base.h"\n#include "{include}"\n')
        if done.returncode == 0:
            return None
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        return f"{name}:1: does not compile alone: {(lines or ['?'])[0]}"

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [e for e in pool.map(compile_one, headers) if e]


def check_tests(_tree, build):
    """meson 1.0 ends half way at the second of two tests of one name."""
    with open(build / "meson-info/intro-tests.json", encoding="utf-8") as text:
        count = collections.Counter(t["name"] for t in json.load(text))
    return [f"{name}: {number} tests have this name"
            for name, number in sorted(count.items()) if number > 1]


CHECKS = {
    "includes": check_includes,
    "config": check_config,
    "licence": check_licence,
    "time": check_time,
    "readme": check_readme,
    "docs": check_docs,
    "self": check_self,
    "tests": check_tests,
}
NEED_BUILD = {"self", "tests"}


def main(argv):
    p = argparse.ArgumentParser(prog="check-layers.py",
                                description=__doc__.splitlines()[0])
    p.add_argument("--root", type=pathlib.Path,
                   default=pathlib.Path(__file__).resolve().parent.parent)
    p.add_argument("--build", type=pathlib.Path)
    p.add_argument("checks", nargs="*", metavar="CHECK",
                   help=", ".join(CHECKS))
    args = p.parse_args(argv)
    for name in args.checks:
        if name not in CHECKS:
            p.error(f"no check '{name}'; there are: {', '.join(CHECKS)}")
    names = args.checks or [n for n in CHECKS
                            if n not in NEED_BUILD or args.build]
    for name in NEED_BUILD.intersection(names):
        if not args.build:
            p.error(f"'{name}' needs --build")
    tree = Tree(args.root.resolve())
    if args.build:
        args.build = args.build.resolve()
    print(f"1..{len(names)}")
    failed = 0
    for number, name in enumerate(names, 1):
        errors = CHECKS[name](tree, args.build) if name in NEED_BUILD \
            else CHECKS[name](tree)
        failed += bool(errors)
        print(f"{'not ' if errors else ''}ok {number} - {name}", flush=True)
        for error in errors:
            print(f"# {error}", file=sys.stdout, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
