#!/usr/bin/env python3
"""Compares every list of numbers that travel on the wire with codes.json, which is the one list.

What is compared: Sources/ForebayWire/Codes.swift and WireLimits.swift (lowerCamelCase for
UPPER_SNAKE), the tables of forebay.lua, and the tables of WIRE.md. Standard library only.
Exit 0: all agree. Exit 1: each difference on a line of its own. Exit 2: can't be read.
"""

import json
import re
import sys
from pathlib import Path

PROTO = Path(__file__).resolve().parent
SOURCES = PROTO.parent / "Sources" / "ForebayWire"

# Section of codes.json: the Swift type that mirrors it. Names of FrameFlags carry their frame's.
SWIFT_TYPES = {
    "frame_types": "FrameType",
    "receipt_levels": "ReceiptLevel",
    "outcomes": "Outcome",
    "receipt_flags": "ReceiptFlags",
    "window_states": "WindowState",
    "window_reasons": "WindowReason",
    "message_codes": "MessageCode",
    "error_codes": "ErrorCode",
    "extensions": "ExtensionType",
}
FLAG_SECTIONS = {"data_flags": "DATA", "hello_flags": "HELLO", "welcome_flags": "WELCOME"}
# Bit masks and constants have no name to show in a dissector; the rest must all be there.
NOT_IN_LUA = {"data_flags", "hello_flags", "welcome_flags", "limits", "receipt_flags"}


def read_codes():
    raw = json.loads((PROTO / "codes.json").read_text())
    codes = {"limits": {"VERSION": raw["version"], "MAGIC": number(raw["magic"])}}
    for section, entries in raw.items():
        if isinstance(entries, dict):
            named = {k: number(v) for k, v in entries.items() if not k.startswith("$")}
            codes.setdefault(section, {}).update(named)
    return codes


def number(value):
    return value if isinstance(value, int) else int(value, 0)


def upper_snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip("`")).upper()


def swift_types(text):
    """Each top-level type of a Swift file with its named numbers."""
    found = {}
    for match in re.finditer(r"^package (?:enum|struct) (\w+).*?^}", text, re.M | re.S):
        body, named = match.group(0), {}
        for name, value in re.findall(r"^  case (`?\w+`?) = (\w+)$", body, re.M):
            named[upper_snake(name)] = int(value, 0)
        for name, value in re.findall(
            r"^  package static let (`?\w+`?)(?:: \w+)? = (?:\w+\()?(?:rawValue: )?(\w+)\)?$", body, re.M
        ):
            named[upper_snake(name)] = int(value, 0)
        for name, less in re.findall(
            r"^  package static let (\w+) = UInt64\.max - (\d+)$", body, re.M
        ):
            named[upper_snake(name)] = 2**64 - 1 - int(less)
        found[match.group(1)] = named
    return found


def lua_tables(text):
    tables = {}
    for match in re.finditer(r"^-- codes: (\w+)\n.*?{(.*?)^}", text, re.M | re.S):
        rows = re.findall(r'\[(\w+)\]\s*=\s*"(\w+)"', match.group(2))
        tables[match.group(1)] = {name: int(value, 0) for value, name in rows}
    return tables


def markdown_tables(text):
    tables = {}
    for match in re.finditer(r"<!-- codes: (\w+) -->\n+((?:\|.*\n)+)", text):
        rows = re.findall(r"^\| *`?(\w+)`? *\| *`(\w+)` *\|", match.group(2), re.M)
        tables[match.group(1)] = {name: int(value, 0) for value, name in rows}
    return tables


def differences(place, section, want, have):
    if have is None:
        return [f"{place}: has no list for {section}"]
    out = []
    for name in sorted(want.keys() | have.keys()):
        if want.get(name) != have.get(name):
            theirs, ours = have.get(name, "nothing"), want.get(name, "nothing")
            out.append(f"{place}: {section}.{name} is {theirs}, codes.json says {ours}")
    return out


def compare_swift(codes):
    types = swift_types((SOURCES / "Codes.swift").read_text())
    types.update(swift_types((SOURCES / "WireLimits.swift").read_text()))
    out = []
    for section, name in SWIFT_TYPES.items():
        out += differences(f"Codes.swift, {name}", section, codes[section], types.get(name))
    flags = {
        f"{frame}_{name}": value
        for section, frame in FLAG_SECTIONS.items()
        for name, value in codes[section].items()
    }
    out += differences("Codes.swift, FrameFlags", "*_flags", flags, types.get("FrameFlags"))
    return out + differences(
        "WireLimits.swift, WireLimits", "limits", codes["limits"], types.get("WireLimits")
    )


def main():
    codes = read_codes()
    out = compare_swift(codes)
    known = set(SWIFT_TYPES) | set(FLAG_SECTIONS) | {"limits"}
    out += [f"codes.json: nothing is compared with section {s}" for s in sorted(codes.keys() - known)]
    markdown = markdown_tables((PROTO / "WIRE.md").read_text())
    for section in codes:
        out += differences("WIRE.md", section, codes[section], markdown.get(section))
    lua = lua_tables((PROTO / "forebay.lua").read_text())
    for section in codes.keys() - NOT_IN_LUA:
        out += differences("forebay.lua", section, codes[section], lua.get(section))
    for line in out:
        print(line, file=sys.stderr)
    return 1 if out else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, KeyError) as problem:
        print(f"check_codes: {problem}", file=sys.stderr)
        sys.exit(2)
