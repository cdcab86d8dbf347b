#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes trace code from `trace-events` files.

trace.py header FILE OUT      the inline functions of one folder
trace.py source OUT FILE...   every event, and trace_events_all[]

A line is `name(type arg, ...) "format"`; `#` starts a comment. A mistake
ends the build with FILE:LINE: and what is wrong.
"""

import re
import sys

LINE = re.compile(r'^(?P<name>[a-z][a-z0-9_]*)\((?P<args>[^)]*)\)\s*'
                  r'(?P<format>"(?:[^"\\]|\\.)*"(?:\s*PRI[a-zA-Z0-9]+\s*'
                  r'|\s*"(?:[^"\\]|\\.)*")*)\s*$')
ARG = re.compile(r'^(?P<type>.*[\s*])(?P<name>[a-zA-Z_]\w*)$')


class Event:
    """One line of a file: a name, its arguments and how to print them."""

    def __init__(self, where, match):
        self.where = where
        self.name = match["name"]
        self.args = match["args"].strip() or "void"
        self.format = match["format"].strip()
        self.names = []
        if self.args != "void":
            for arg in self.args.split(","):
                found = ARG.match(arg.strip())
                if not found:
                    fail(where, f"argument '{arg.strip()}' has no name")
                self.names.append(found["name"])
        if len(self.names) > 10:
            fail(where, "more than ten arguments")


def fail(where, text):
    sys.exit(f"{where}: {text}")


def read_events(path):
    events, seen = [], {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            where = f"{path}:{number}"
            if not line or line.startswith("#"):
                continue
            match = LINE.match(line)
            if not match:
                fail(where, 'expected name(type arg, ...) "format"')
            event = Event(where, match)
            if event.name in seen:
                fail(where, f"'{event.name}' is already at {seen[event.name]}")
            seen[event.name] = where
            events.append(event)
    return events


def write_header(events, out):
    print('#pragma once\n#include <inttypes.h>\n#include <stdatomic.h>\n'
          '#include "softmmu/base/trace.h"\n', file=out)
    for e in events:
        values = "".join(", " + n for n in e.names)
        print(f"extern TraceEvent trace_event_{e.name};\n"
              f"static inline void trace_{e.name}({e.args})\n{{\n"
              f"    if (__builtin_expect(atomic_load_explicit("
              f"&trace_event_{e.name}.on, memory_order_relaxed), 0)) {{\n"
              f"        trace_write(&trace_event_{e.name}, {e.format}{values});\n"
              f"    }}\n}}\n", file=out)


def write_source(events, out):
    print('#include <stddef.h>\n#include "softmmu/base/trace.h"\n', file=out)
    for e in events:
        print(f'extern TraceEvent trace_event_{e.name};\n'
              f'TraceEvent trace_event_{e.name} = '
              f'{{ "{e.name}", "{e.args}", 0 }};', file=out)
    print("\nTraceEvent *const trace_events_all[] = {", file=out)
    for e in events:
        print(f"    &trace_event_{e.name},", file=out)
    print("    NULL\n};", file=out)


def main(argv):
    if len(argv) >= 4 and argv[1] == "header":
        events = read_events(argv[2])
        with open(argv[3], "w", encoding="utf-8") as out:
            write_header(events, out)
    elif len(argv) >= 3 and argv[1] == "source":
        events, seen = [], {}
        for path in argv[3:]:
            for e in read_events(path):
                if e.name in seen:
                    fail(e.where, f"'{e.name}' is already at {seen[e.name]}")
                seen[e.name] = e.where
                events.append(e)
        with open(argv[2], "w", encoding="utf-8") as out:
            write_source(events, out)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
