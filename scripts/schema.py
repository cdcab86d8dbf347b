#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes code and documents from the QMP schema (DECISIONS 20, 21).

schema.py header OUT FILE...   C types, prototypes of the commands
schema.py source OUT FILE...   type tables, command and event tables, the
                               reply of query-qmp-schema
schema.py manual OUT FILE...   the reference, in Markdown

Files are strict JSON: a list of entries, each with one of the keys command,
event, struct, enum, union, alternate. A mistake ends with FILE: ENTRY: what.
"""

import json
import re
import sys

BUILTIN = {  # name: (C type, json type of query-qmp-schema, wire name)
    "str": ("char *", "string", "str"),
    "int": ("int64_t ", "int", "int"),
    "i8": ("int8_t ", "int", "int"), "i16": ("int16_t ", "int", "int"),
    "i32": ("int32_t ", "int", "int"), "i64": ("int64_t ", "int", "int"),
    "u8": ("uint8_t ", "int", "int"), "u16": ("uint16_t ", "int", "int"),
    "u32": ("uint32_t ", "int", "int"), "u64": ("uint64_t ", "int", "int"),
    "size": ("uint64_t ", "int", "int"),
    "number": ("double ", "number", "number"),
    "bool": ("bool ", "boolean", "bool"),
    "null": ("char ", "null", "null"),
    "any": ("json_object *", "value", "any"),
}
POINTERS = ("str", "any")
KINDS = ("command", "event", "struct", "enum", "union", "alternate")
KEYS = {
    "command": {"data", "returns", "doc", "features", "allow-oob", "since",
                "monitor", "open"},
    "event": {"data", "doc", "features", "since"},
    "struct": {"data", "base", "doc", "features", "since"},
    "enum": {"data", "doc", "since", "c-name"},
    "union": {"data", "base", "discriminator", "doc", "since"},
    "alternate": {"data", "doc", "since"},
}
RESERVED = {"default", "static", "switch", "auto", "register", "short",
            "long", "unix", "linux", "errno", "int", "char", "float"}


def c_name(text):
    name = re.sub(r"[^a-zA-Z0-9_]", "_", text)
    if name in RESERVED or name[0].isdigit():
        name = "q_" + name
    return name


def camel(text):
    return "".join(w[:1].upper() + w[1:]
                   for w in re.split(r"[^a-zA-Z0-9]+", text))


def snake(text):
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    return c_name(text).lower()


class Fault(Exception):
    """What is wrong with a schema, in one line."""


class Schema:
    """All entries of all files, by name, checked."""

    def __init__(self, files):
        self.entries, self.types = [], {}
        for path in files:
            with open(path, encoding="utf-8") as f:
                try:
                    items = json.load(f)
                except json.JSONDecodeError as e:
                    raise Fault(f"{path}:{e.lineno}: {e.msg}") from e
            for item in items:
                self.add(path, item)
        for e in self.entries:
            self.check(e)

    def add(self, path, item):
        kinds = [k for k in KINDS if k in item]
        if len(kinds) != 1:
            raise Fault(f"{path}: an entry needs one of {', '.join(KINDS)}")
        entry = dict(item, kind=kinds[0], name=item[kinds[0]], path=path)
        where = f"{path}: {entry['name']}"
        extra = set(item) - KEYS[kinds[0]] - {kinds[0]}
        if extra:
            raise Fault(f"{where}: unknown key '{sorted(extra)[0]}'")
        if entry["kind"] in ("struct", "enum", "union", "alternate"):
            if entry["name"] in self.types or entry["name"] in BUILTIN:
                raise Fault(f"{where}: defined twice")
            self.types[entry["name"]] = entry
        elif any(e["name"] == entry["name"] and e["kind"] == entry["kind"]
                 for e in self.entries):
            raise Fault(f"{where}: defined twice")
        self.entries.append(entry)

    def check(self, e):
        where = f"{e['path']}: {e['name']}"
        for t in self.used_types(e):
            base = t[0] if isinstance(t, list) else t
            if base not in BUILTIN and base not in self.types:
                raise Fault(f"{where}: type '{base}' is not defined")
        if e["kind"] == "union":
            tag = self.members(e).get(e.get("discriminator"))
            if tag is None or self.types.get(tag, {}).get("kind") != "enum":
                raise Fault(f"{where}: the discriminator is no enum member")
            for case in e["data"]:
                if case not in self.types[tag]["data"]:
                    raise Fault(f"{where}: '{case}' is no value of {tag}")

    def used_types(self, e):
        data = e.get("data", {})
        if e["kind"] == "enum":
            return []
        types = list(data.values()) if isinstance(data, dict) else [data]
        if "returns" in e:
            types.append(e["returns"])
        base = e.get("base", {})
        types += list(base.values()) if isinstance(base, dict) else [base]
        return types

    def members(self, e):
        """Own and base members of a struct, or base members of a union."""
        base = e.get("base", {})
        out = dict(self.members(self.types[base])) if isinstance(base, str) \
            else dict(base)
        if e["kind"] != "union":
            data = e.get("data", {})
            if isinstance(data, str):
                return self.members(self.types[data])
            out.update(data)
        return out

    def arrays(self):
        """Element types of all arrays, in order of first use."""
        seen = []
        for e in self.entries:
            for t in self.used_types(e):
                if isinstance(t, list) and t[0] not in seen:
                    seen.append(t[0])
        return seen

    def args_type(self, e):
        """C struct of a command's or an event's data, or None."""
        data = e.get("data")
        if not data:
            return None
        return data if isinstance(data, str) else camel(e["name"].lower()) + \
            ("Args" if e["kind"] == "command" else "Data")

    def c_type(self, t):
        if isinstance(t, list):
            return self.list_name(t[0]) + " *"
        if t in BUILTIN:
            return BUILTIN[t][0]
        if self.types[t]["kind"] == "enum":
            return self.types[t].get("c-name", t) + " "
        return t + " *"

    def is_pointer(self, t):
        return isinstance(t, list) or t in POINTERS or \
            (t in self.types and self.types[t]["kind"] != "enum")

    @staticmethod
    def list_name(element):
        return (camel(element) if element in BUILTIN else element) + "List"

    def desc(self, t):
        """The C name of a type's table."""
        if isinstance(t, list):
            return "qtype_list_" + snake(t[0]).removeprefix("q_")
        return "qtype_" + (t if t in BUILTIN else snake(t))


# --- header --------------------------------------------------------------------

def write_members(s, members, out):
    for name, t in members.items():
        optional = name.startswith("*")
        name = c_name(name.lstrip("*"))
        if optional and not s.is_pointer(t):
            print(f"    bool has_{name};", file=out)
        print(f"    {s.c_type(t)}{name};", file=out)


def write_struct(s, name, members, cases, out):
    print(f"struct {name} {{", file=out)
    write_members(s, members, out)
    if cases:
        print("    struct { /* the one that the tag names; NULL: none */",
              file=out)
        for case, t in cases.items():
            print(f"        {t} *{c_name(case)};", file=out)
        print("    } u;", file=out)
    if not members and not cases:
        print("    char empty;", file=out)
    print("};\n", file=out)


def write_header(s, out):
    print("/* Generated from the QMP schema. */\n#pragma once\n"
          '#include "softmmu/qmp/qtype.h"\n', file=out)
    print("typedef struct Machine Machine;\ntypedef struct Monitor Monitor;",
          file=out)
    for t in s.types.values():
        if t["kind"] == "enum":
            name = t.get("c-name", t["name"])
            print(f"\ntypedef enum {name} {{", file=out)
            prefix = snake(name).upper()
            for value in t["data"]:
                print(f"    {prefix}_{snake(value).upper()},", file=out)
            print(f"    {prefix}__MAX,\n}} {name};", file=out)
        else:
            print(f"typedef struct {t['name']} {t['name']};", file=out)
    print(file=out)
    for element in s.arrays():
        name = s.list_name(element)
        print(f"typedef struct {name} {{\n    size_t n;\n"
              f"    {s.c_type(element)}*items;\n}} {name};", file=out)
    print(file=out)
    for t in s.types.values():
        if t["kind"] == "struct":
            write_struct(s, t["name"], s.members(t), {}, out)
        elif t["kind"] == "union":
            write_struct(s, t["name"], s.members(t), t["data"], out)
        elif t["kind"] == "alternate":
            members = {"*" + k: v for k, v in t["data"].items()}
            write_struct(s, t["name"], members, {}, out)
    for t in list(s.types) + [[e] for e in s.arrays()]:
        print(f"extern const QType {s.desc(t)};", file=out)
    print(file=out)
    for e in s.entries:
        if e["kind"] == "command" or e["kind"] == "event":
            args = s.args_type(e)
            if args and not isinstance(e["data"], str):
                print(f"typedef struct {args} {args};", file=out)
                write_struct(s, args, e["data"], {}, out)
                print(f"extern const QType {s.desc(args)};", file=out)
    for e in s.entries:
        if e["kind"] == "command":
            print(prototype(s, e) + ";", file=out)


def prototype(s, e):
    args = s.args_type(e)
    ret = s.c_type(e["returns"]) if "returns" in e else "bool "
    who = "Monitor *mon" if e.get("monitor") else "Machine *m"
    second = f"const {args} *a, " if args else ""
    if e.get("open"):
        second = "json_object *a, "
    return f"{ret}qmp_{snake(e['name'])}({who}, {second}Error **errp)"


# --- source --------------------------------------------------------------------

def write_member_table(s, cname, struct, members, out):
    print(f"static const QMember {cname}_members[] = {{", file=out)
    for name, t in members.items():
        optional = name.startswith("*")
        wire = name.lstrip("*")
        field = c_name(wire)
        has = (f"offsetof({struct}, has_{field}) + 1"
               if optional and not s.is_pointer(t) else "0")
        print(f'    {{ "{wire}", &{s.desc(t)}, offsetof({struct}, {field}), '
              f"{has}, {'true' if optional else 'false'} }},", file=out)
    print("    { 0 }\n};", file=out)


def write_object(s, name, members, union, out):
    cname = s.desc(name)
    write_member_table(s, cname, name, members, out)
    extra = ""
    if union:
        tag = union["discriminator"]
        print(f"static const QCase {cname}_cases[] = {{", file=out)
        for case, t in union["data"].items():
            print(f'    {{ "{case}", &{s.desc(t)}, '
                  f"offsetof({name}, u.{c_name(case)}) }},", file=out)
        print("    { 0 }\n};", file=out)
        extra = f', .cases = {cname}_cases, .tag = "{tag}"'
    print(f'const QType {cname} = {{ .kind = QTYPE_OBJECT, .name = "{name}", '
          f".size = sizeof({name}), .members = {cname}_members{extra} }};\n",
          file=out)


def write_type(s, t, out):
    cname = s.desc(t["name"])
    if t["kind"] == "enum":
        print(f"static const char *const {cname}_names[] = {{", file=out)
        for value in t["data"]:
            print(f'    "{value}",', file=out)
        print("    NULL\n};", file=out)
        print(f'const QType {cname} = {{ .kind = QTYPE_ENUM, '
              f'.name = "{t["name"]}", '
              f'.size = sizeof({t.get("c-name", t["name"])}), '
              f".names = {cname}_names }};\n", file=out)
    elif t["kind"] == "alternate":
        members = {"*" + k: v for k, v in t["data"].items()}
        write_member_table(s, cname, t["name"], members, out)
        print(f'const QType {cname} = {{ .kind = QTYPE_ALTERNATE, '
              f'.name = "{t["name"]}", .size = sizeof({t["name"]}), '
              f".members = {cname}_members }};\n", file=out)
    else:
        write_object(s, t["name"], s.members(t),
                     t if t["kind"] == "union" else None, out)


def write_command(s, e, out):
    name = snake(e["name"])
    args = s.args_type(e)
    call = f"qmp_{name}({'mon' if e.get('monitor') else 'm'}, " + \
        ("a, " if args else "") + "errp)"
    if e.get("open"):  # any members: the function checks them
        call = call.replace("a, ", "*(json_object *const *)a, ")
    print(f"static bool call_{name}(Monitor *mon, Machine *m, const void *a, "
          "void *ret, Error **errp)\n{", file=out)
    if "returns" in e:
        c_type = s.c_type(e["returns"])
        print(f"    {c_type}*r = ret;\n    Error *err = NULL;\n"
              f"    *r = {call.replace('errp', '&err')};\n"
              "    if (err) {\n        error_move(errp, err);\n"
              "        return false;\n    }\n    return true;", file=out)
    else:
        print(f"    return {call};", file=out)
    print("}", file=out)


def argument_table(s, e):
    if e.get("open"):
        return "&qtype_any"
    return "&" + s.desc(s.args_type(e)) if s.args_type(e) else "NULL"


def write_source(s, out):
    print("/* Generated from the QMP schema. */\n"
          '#include "tandem/base.h"\n#include "qmp-schema.h"\n', file=out)
    for element in s.arrays():
        print(f'const QType {s.desc([element])} = {{ .kind = QTYPE_LIST, '
              f'.name = "[{element}]", .size = sizeof({s.list_name(element)}), '
              f".element = &{s.desc(element)} }};", file=out)
    for t in s.types.values():
        write_type(s, t, out)
    for e in s.entries:
        if e["kind"] in ("command", "event") and s.args_type(e) and \
                not isinstance(e["data"], str):
            write_object(s, s.args_type(e), e["data"], None, out)
    commands = sorted((e for e in s.entries if e["kind"] == "command"),
                      key=lambda e: e["name"])
    for e in commands:
        write_command(s, e, out)
    print("const QCommand qmp_commands[] = {", file=out)
    for e in commands:
        args, ret = s.args_type(e), e.get("returns")
        print(f'    {{ "{e["name"]}", '
              f"{argument_table(s, e)}, "
              f"{'&' + s.desc(ret) if ret else 'NULL'}, "
              f"call_{snake(e['name'])}, "
              f"{'true' if e.get('allow-oob') else 'false'} }},", file=out)
    print("    { 0 }\n};\nconst QEvent qmp_events[] = {", file=out)
    for e in s.entries:
        if e["kind"] == "event":
            args = s.args_type(e)
            print(f'    {{ "{e["name"]}", '
                  f"{'&' + s.desc(args) if args else 'NULL'} }},", file=out)
    print("    { 0 }\n};", file=out)
    text = json.dumps(introspection(s), separators=(",", ":"))
    print("const char qmp_schema_json[] =", file=out)
    for i in range(0, len(text), 1000):
        print("    " + json.dumps(text[i:i + 1000]), file=out)
    print("    ;", file=out)


# --- query-qmp-schema ------------------------------------------------------------

def wire_type(t):
    if isinstance(t, list):
        return "[" + wire_type(t[0]) + "]"
    return BUILTIN[t][2] if t in BUILTIN else t


def info_members(members):
    out = []
    for name, t in members.items():
        info = {"name": name.lstrip("*"), "type": wire_type(t)}
        if name.startswith("*"):
            info["default"] = None
        out.append(info)
    return out


def introspection(s):
    out = [{"name": "q_empty", "meta-type": "object", "members": []}]
    for name in sorted({b[2] for b in BUILTIN.values()}):
        json_type = next(b[1] for b in BUILTIN.values() if b[2] == name)
        out.append({"name": name, "meta-type": "builtin",
                    "json-type": json_type})
    seen = set()
    for element in s.arrays():
        w = wire_type(element)
        if w not in seen:
            seen.add(w)
            out.append({"name": f"[{w}]", "meta-type": "array",
                        "element-type": w})
    for t in s.types.values():
        info = {"name": t["name"]}
        if t["kind"] == "enum":
            info.update({"meta-type": "enum", "values": t["data"],
                         "members": [{"name": v} for v in t["data"]]})
        elif t["kind"] == "alternate":
            info.update({"meta-type": "alternate", "members": [
                {"type": wire_type(v)} for v in t["data"].values()]})
        else:
            info.update({"meta-type": "object",
                         "members": info_members(s.members(t))})
            if t["kind"] == "union":
                tag = s.types[s.members(t)[t["discriminator"]]]
                info["tag"] = t["discriminator"]
                info["variants"] = [
                    {"case": c, "type": t["data"].get(c, "q_empty")}
                    for c in tag["data"]]
        out.append(info)
    for e in s.entries:
        if e["kind"] not in ("command", "event"):
            continue
        args = s.args_type(e)
        if args and not isinstance(e["data"], str):
            out.append({"name": args, "meta-type": "object",
                        "members": info_members(e["data"])})
        info = {"name": e["name"], "meta-type": e["kind"],
                "arg-type": args or "q_empty"}
        if e["kind"] == "command":
            info["ret-type"] = wire_type(e["returns"]) if "returns" in e \
                else "q_empty"
            if e.get("allow-oob"):
                info["allow-oob"] = True
        if "features" in e:
            info["features"] = e["features"]
        out.append(info)
    return out


# --- manual ------------------------------------------------------------------------

def write_manual(s, out):
    print("# QMP reference\n\nGenerated from the schema. Optional members are "
          "marked with `?`.\n", file=out)
    for title, kinds in (("Commands", ("command",)), ("Events", ("event",)),
                         ("Types", ("struct", "union", "alternate", "enum"))):
        print(f"## {title}\n", file=out)
        for e in sorted((e for e in s.entries if e["kind"] in kinds),
                        key=lambda e: e["name"]):
            print(f"### {e['name']}\n\n{e.get('doc', '')}\n", file=out)
            if e["kind"] == "enum":
                print("Values: " + ", ".join(f"`{v}`" for v in e["data"])
                      + "\n", file=out)
                continue
            if isinstance(e.get("data"), str):
                print(f"Members: those of `{e['data']}`\n", file=out)
            else:
                members = dict(e.get("data", {})) if e["kind"] in (
                    "command", "event", "alternate") else s.members(e)
                for name, t in members.items():
                    mark = "?" if name.startswith("*") else ""
                    print(f"- `{name.lstrip('*')}`{mark}: {wire_type(t)}",
                          file=out)
            if e["kind"] == "union":
                for case, t in e["data"].items():
                    print(f"- when `{e['discriminator']}` is `{case}`: the "
                          f"members of `{t}`", file=out)
            if "returns" in e:
                print(f"\nReturns: {wire_type(e['returns'])}", file=out)
            print(file=out)


def main(argv):
    writers = {"header": write_header, "source": write_source,
               "manual": write_manual}
    if len(argv) < 4 or argv[1] not in writers:
        sys.exit(__doc__)
    try:
        schema = Schema(argv[3:])
    except Fault as fault:
        sys.exit(str(fault))
    with open(argv[2], "w", encoding="utf-8") as out:
        writers[argv[1]](schema, out)


if __name__ == "__main__":
    main(sys.argv)
