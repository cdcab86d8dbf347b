# SPDX-License-Identifier: GPL-2.0-or-later
"""A debugger of prog/debug.c by raw packets, wherever the guest runs."""

import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
import guest as g  # pylint: disable=wrong-import-position

RAX, RBX, RCX, RDX, RSI, RDI = range(6)
RIP, EFLAGS = 16, 17


def symbols(path):
    """{name: value} of an ELF file."""
    nm = g.tool("nm", "binutils")
    return {line.split()[-1]: int(line.split()[0], 16)
            for line in g.answer(nm, str(path)).splitlines()
            if len(line.split()) == 3}


class Debugger:
    """@rsp is a connection (test_gdb.Rsp), @at the program's symbols."""

    def __init__(self, rsp, at):
        self.rsp, self.at, self.ask = rsp, at, rsp.ask

    def reg(self, n):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{n:x}")), "little")

    def set_reg(self, n, value, size=8):
        return self.ask(f"P{n:x}={value.to_bytes(size, 'little').hex()}")

    def word(self, where, size=8):
        addr = self.at[where] if isinstance(where, str) else where
        return int.from_bytes(bytes.fromhex(self.ask(f"m{addr:x},{size:x}")),
                              "little")

    def seen(self, vector):
        """How often the guest's own handler ran."""
        return self.word(self.at["seen"] + 8 * vector)

    def place(self):
        """"NAME+OFFSET" of the next insn."""
        rip = self.reg(RIP)
        name = max((value, name) for name, value in self.at.items()
                   if value <= rip)[1]
        offset = rip - self.at[name]
        return f"{name}+{offset}" if offset else name

    def point(self, kind, where, size=1, insert=True):
        addr = self.at[where] if isinstance(where, str) else where
        return self.ask(f"{'Z' if insert else 'z'}{kind},{addr:x},{size:x}")

    def go_to(self, place, regs=(), points=(), how="c"):
        """Send the CPU to @place with @points set, go on; the stop."""
        for register, value in dict(regs).items():
            self.set_reg(register, value)
        if place:
            self.set_reg(RIP, self.at[place])
        for point in points:
            assert self.point(*point) == "OK", point
        reply = self.ask(how)
        for point in points:
            self.point(*point, insert=False)
        return reply

    def to_idle(self):
        """The program has done its setup, and waits."""
        return self.go_to(None, points=[(1, "idle")])

    def steps(self, place, count, regs=()):
        """Where @count steps from @place lead."""
        found = []
        for _ in range(count):
            if not self.go_to(place, regs, how="s").startswith("T05"):
                found.append("no stop")
                break
            found.append(self.place())
            place, regs = None, ()
        return found
