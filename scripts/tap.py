# SPDX-License-Identifier: GPL-2.0-or-later
"""The Test Anything Protocol: counting points, and unittest that writes it.

Tests in Python end with `tap.main(__name__)`; scripts/check reads what all
tests wrote with `Count.of_testlog`.
"""

import json
import os
import re
import sys
import traceback
import unittest

POINT = re.compile(r"^(?P<failed>not )?ok\b\s*(?P<number>\d+)?\s*-?\s*"
                   r"(?P<name>[^#]*?)\s*(#\s*(?P<directive>\S+)\s*"
                   r"(?P<reason>.*))?$")
PLAN = re.compile(r"^1\.\.(?P<last>\d+)\s*(#\s*skip\S*\s*(?P<reason>.*))?$",
                  re.IGNORECASE)


class Count:
    """Points of many tests, with the names of what failed or was skipped."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips

    def add_output(self, test, text, good):
        """Add one test's output; @good: did the runner think it passed?"""
        seen, plan, failed = 0, None, 0
        for line in text.splitlines():
            found = PLAN.match(line)
            if found:
                plan = int(found["last"])
                if plan == 0:
                    self.skips.append((test, found["reason"] or "no reason"))
                continue
            found = POINT.match(line)
            if not found:
                continue
            seen += 1
            name = f"{test}: {found['name'] or found['number']}"
            directive = (found["directive"] or "").lower()
            if directive.startswith("skip"):
                self.skips.append((name, found["reason"] or "no reason"))
            elif found["failed"] and not directive.startswith("todo"):
                failed += 1
                self.failures.append(name)
            else:
                self.passed += 1
        if not failed and not good:
            self.failures.append(f"{test}: ended early or badly")
        elif not failed and plan is not None and seen < plan:
            self.failures.append(f"{test}: {seen} of {plan} points")
        elif seen == 0 and plan is None and good:
            self.passed += 1  # a test that only exits

    @classmethod
    def of_testlog(cls, path, prefix=""):
        """Points of a meson-logs/testlog.json."""
        total = cls()
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                test = json.loads(line)
                name = prefix + test["name"].split(" / ", 1)[-1]
                if test["result"] == "SKIP" and \
                        "1.." not in (test.get("stdout") or ""):
                    total.skips.append((name, "exit status 77"))
                    continue
                total.add_output(name, test.get("stdout") or "",
                                 test["result"] in ("OK", "SKIP",
                                                    "EXPECTEDFAIL"))
        return total

    def closing_line(self):
        return (f"{self.passed} passed, {len(self.failures)} failed, "
                f"{len(self.skips)} skipped")


class Result(unittest.TestResult):
    """Writes a point as soon as its test ends."""

    number = 0

    def point(self, test, ok, directive=""):
        Result.number += 1
        name = test.id().split(".", 1)[-1]
        print(f"{'ok' if ok else 'not ok'} {Result.number} - {name}"
              f"{directive}", flush=True)

    def explain(self, err):
        for line in "".join(traceback.format_exception(*err)).splitlines():
            print(f"# {line}", flush=True)

    def addSuccess(self, test):
        self.point(test, True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.point(test, True, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.explain(err)
        self.point(test, False)

    def addError(self, test, err):
        super().addError(test, err)
        self.explain(err)
        self.point(test, False)

    def addSubTest(self, test, subtest, err):
        """A part of a test: the first that fails is the test's point."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.explain(err)
            if test is not self.failed:
                self.failed = test
                self.point(subtest, False)

    failed = None


def main(module="__main__"):
    """Run the tests of a module: all, or those that match a word of sys.argv;
    with TANDEM_ONLY, which scripts/soak sets, of these what matches that."""
    loader = unittest.TestLoader()
    if len(sys.argv) > 1:
        loader.testNamePatterns = [f"*{word}*" for word in sys.argv[1:]]
    suite = loader.loadTestsFromModule(sys.modules[module])
    only = os.environ.get("TANDEM_ONLY", "")
    suite = unittest.TestSuite(t for group in suite for t in group
                               if only in t.id())
    print(f"1..{suite.countTestCases()}", flush=True)
    result = suite.run(Result())
    sys.exit(0 if result.wasSuccessful() else 1)
