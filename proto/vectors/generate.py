#!/usr/bin/env python3
"""Writes the vectors (AREA/SECTION.json) and the session dumps (../sessions/*.txt, WIRE.md §15).

The bytes come from encoder.py, written from WIRE.md; the expectations were written by hand in
cases_*.py. With --check nothing is written: exit 1 if a file differs from what would be.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cases_frame, cases_fields, cases_daemon, cases_flow  # noqa: E401, F401  they fill dsl.ALL
import dsl
from sessions import SESSIONS, hex_dump

TITLES = {
    "frame/3.1": "Header", "frame/3.2": "Lengths", "frame/3.3": "The order of judgement",
    "frame/3.4": "Extensions", "hello/4.1": "HELLO", "data/4.2": "DATA", "control/4.3": "SEEN",
    "control/4.4": "BLOCKED", "control/4.5": "BACKLOG", "control/4.6": "RECLAIMED",
    "control/4.7": "PONG", "control/4.8": "BYE", "peer/4.9": "ORIGIN", "daemon/4.10": "WELCOME",
    "daemon/4.11": "WINDOW", "daemon/4.12": "RECEIPT", "daemon/4.13": "RECLAIM",
    "daemon/4.14": "PING", "daemon/4.15": "GOAWAY", "daemon/4.16": "ERROR",
    "credit/7.2": "Limits", "credit/7.3": "The example in numbers", "credit/7.5": "RECLAIM",
    "run/8.2": "Runs", "peer/10.1": "The peer link", "version/12.1": "Versions",
    "session/15": "Whole sessions",
}


def by_section():
    sections, seen = {}, set()
    for vector in dsl.ALL:
        if vector["id"] in seen:
            raise SystemExit(f"two vectors are {vector['id']}")
        seen.add(vector["id"])
        sections.setdefault(vector["id"].rpartition("/")[0], []).append(vector)
    return sections


def as_json(section, vectors):
    """One line a vector's part: long hex doesn't hide the rest, and a difference is readable."""
    head = {"$schema": "../schema.json", "section": section, "title": TITLES[section]}
    lines = [json.dumps(head)[:-1] + ', "vectors": [']
    blocks = []
    for vector in vectors:
        parts = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in vector.items()]
        blocks.append("{\n" + ",\n".join(parts) + "\n}")
    return "\n".join(lines) + "\n" + ",\n".join(blocks) + "\n]}\n"


def with_sessions(markdown):
    begin, end = "<!-- sessions: begin -->\n", "<!-- sessions: end -->"
    before, _, rest = markdown.partition(begin)
    _, _, after = rest.partition(end)
    text = ""
    for name, (title, steps) in SESSIONS.items():
        text += f"\n### {title} (`sessions/{name}.txt`)\n\n```\n{hex_dump(steps)}```\n"
    return before + begin + text + "\n" + end + after


def outputs():
    proto = HERE.parent
    for section, vectors in by_section().items():
        yield HERE / f"{section}.json", as_json(section, vectors)
    for name, (_, steps) in SESSIONS.items():
        yield proto / "sessions" / f"{name}.txt", hex_dump(steps)
    yield proto / "WIRE.md", with_sessions((proto / "WIRE.md").read_text())


def stale_files(wanted):
    there = set(HERE.glob("*/*.json")) | set((HERE.parent / "sessions").glob("*.txt"))
    return there - {path for path, _ in wanted}


def main(check):
    wanted = list(outputs())
    differing = [path for path, text in wanted if not path.exists() or path.read_text() != text]
    stale = sorted(stale_files(wanted))
    if check:
        for path in differing:
            print(f"{path.name} isn't what generate.py writes: run it", file=sys.stderr)
        for path in stale:
            print(f"{path.name} is written by nothing: delete it", file=sys.stderr)
        return 1 if differing or stale else 0
    for path, text in wanted:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for path in stale:
        path.unlink()
    print(f"generate: {len(dsl.ALL)} vectors in {len(by_section())} files")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
