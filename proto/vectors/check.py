#!/usr/bin/env python3
"""Checks the vectors: against their schema, against WIRE.md, and against an independent decoder.

Every vector is run whole, cut in two at every byte, byte by byte, and behind another one. Needs
nothing but the standard library. Exit 1 if anything disagrees.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import json_schema  # noqa: E402
from decoder import Receiver, Sender  # noqa: E402

LONG = 3000  # inputs above this are cut at some places only, near the frames' edges


def load():
    files = sorted(HERE.glob("*/*.json"))
    return [(path, json.loads(path.read_text())) for path in files]


def input_bytes(vector):
    return b"".join(
        bytes.fromhex(part) if isinstance(part, str) else bytes.fromhex(part["hex"]) * part["repeat"]
        for part in vector["input"]
    )


def normal(events, joined):
    """Events in a form that can be compared; with `joined`, runs that only cuts divide are one."""
    out = []
    for event in events:
        event = dict(event)
        if event["event"] == "receipt":
            event["ranges"] = [
                {key: value for key, value in one.items() if key != "times"}
                for one in event["ranges"] for _ in range(one.get("times", 1))
            ]
        before = out[-1] if out else None
        if joined and before and continues(before, event):
            before["count"] += event["count"]
            before["bytes"] += event["bytes"]
            before["messages"] = (before.get("messages") or []) + (event.get("messages") or [])
        else:
            out.append(event)
    return out


def continues(before, event):
    if before["event"] != "run" or event["event"] != "run":
        return False
    same = all(before[key] == event[key] for key in ("lane", "ttl", "level"))
    return same and int(before["first"]) + before["count"] == int(event["first"])


def same_events(expected, found, joined):
    expected, found = normal(expected, joined), normal(found, joined)
    if len(expected) != len(found):
        return False
    for want, have in zip(expected, found):
        have = dict(have)
        if not want.get("messages"):
            have.pop("messages", None)
            want = {key: value for key, value in want.items() if key != "messages"}
        if want != have:
            return False
    return True


def run(setup, chunks):
    receiver = Receiver(setup)
    for chunk in chunks:
        receiver.feed(chunk)
    return receiver


def problem(receiver, expect, joined, shift=0, before=()):
    error, rest = expect.get("error"), expect.get("incomplete")
    want = (error["code"], error["offset"] + shift) if error else None
    if receiver.mistake != want:
        return f"mistake {receiver.mistake}, expected {want}"
    want = (rest["offset"] + shift, rest["frame_bytes"]) if rest else None
    if receiver.rest() != want:
        return f"rest {receiver.rest()}, expected {want}"
    if not same_events([*before, *expect["events"]], receiver.events, joined):
        return f"events {receiver.events}"
    counted = expect.get("counted")
    if counted and not before:
        have = {"bytes": str(receiver.counted_bytes), "messages": str(receiver.counted_messages)}
        if have != counted:
            return f"counted {have}"
    return None


def cuts(raw):
    if len(raw) <= LONG:
        return range(1, len(raw))
    return sorted({*range(1, 64), *range(64, len(raw), 997), *range(len(raw) - 64, len(raw))})


def check_bytes(vector):
    raw, setup, expect = input_bytes(vector), vector["setup"], vector["expect"]
    yield "whole", problem(run(setup, [raw]), expect, False)
    for at in cuts(raw):
        yield f"cut at {at}", problem(run(setup, [raw[:at], raw[at:]]), expect, True)
    if len(raw) <= LONG:
        yield "byte by byte", problem(run(setup, [raw[i:i + 1] for i in range(len(raw))]), expect, True)
    known = expect.get("error", {}).get("known_after")
    if known is not None:
        early = run(setup, [raw[:known]])
        yield "known early", None if early.mistake else f"no mistake after {known} bytes"


def check_steps(vector):
    sender = Sender(vector["setup"]["overhead"])
    for index, step in enumerate(vector["steps"]):
        if "recv" in step:
            receiver = run(vector["setup"], [bytes.fromhex(step["recv"])])
            if receiver.mistake or receiver.rest():
                yield f"step {index}", f"not a good frame: {receiver.mistake}"
            for event in receiver.events:
                sender.hear(event)
        elif sender.may_send(step["send"]) != step["allowed"]:
            yield f"step {index}", f"allowed is {not step['allowed']}"


def needs_history(vector):
    return any(e["event"] in ("hello", "run", "unsupported", "origin", "bye")
               for e in vector["expect"]["events"]) or "counted" in vector["expect"]


def check_pairs(vectors):
    """One vector behind another, where the second doesn't depend on what came before."""
    quiet = [v for v in vectors if "input" in v and not needs_history(v)
             and v["setup"].get("state", "greeted") == "greeted"
             and not {"last_sequence", "last_link_sequence"} & v["setup"].keys()
             and not touches_data(v)]
    for first in vectors:
        if "input" not in first or {"error", "incomplete"} & first["expect"].keys():
            continue
        if first["expect"]["events"][-1:] == [] or first["expect"]["events"][-1]["event"] == "bye":
            continue
        raw = input_bytes(first)
        if len(raw) > LONG:
            continue
        for second in quiet:
            behind = input_bytes(second)
            if second["setup"] == first["setup"] and len(behind) <= LONG:
                joined = run(first["setup"], [raw + behind])
                what = problem(joined, second["expect"], False, len(raw), first["expect"]["events"])
                yield first["id"], f"followed by {second['id']}", what


def touches_data(vector):
    """Whether the input has a DATA or ORIGIN frame, or a HELLO, that isn't among its events."""
    raw, at = input_bytes(vector), 0
    while at + 8 <= len(raw):
        if raw[at + 4] in (1, 2, 9):
            return True
        at += int.from_bytes(raw[at:at + 4], "big") + 4
    return False


def check_schema(files):
    schema = json.loads((HERE / "schema.json").read_text())
    for path, content in files:
        for fault in json_schema.faults(content, schema, schema):
            yield f"{path.parent.name}/{path.name} at {fault}"


def check_coverage(vectors):
    text = (HERE.parent / "WIRE.md").read_text()
    stated = re.findall(r"^\*\*(W-\d+\.\d+\.\d+)(†?)\*\*", text, re.M)
    names = [name for name, _ in stated]
    for name in {n for n in names if names.count(n) > 1}:
        yield f"WIRE.md has two sentences {name}"
    covered = {name for vector in vectors for name in vector["covers"]}
    for name in sorted(covered - set(names)):
        yield f"a vector covers {name}, which WIRE.md doesn't have"
    for name, dagger in stated:
        if not dagger and name not in covered:
            yield f"{name} has no vector"
        if dagger and name in covered:
            yield f"{name} has a dagger and a vector"
    for name in set(re.findall(r"W-\d+\.\d+\.\d+", text)) - set(names):
        yield f"WIRE.md refers to {name}, which it doesn't have"


def main():
    files = load()
    vectors = [vector for _, content in files for vector in content["vectors"]]
    failures = [*check_schema(files), *check_coverage(vectors)]
    for path, content in files:
        for vector in content["vectors"]:
            if not vector["id"].startswith(content["section"] + "/"):
                failures.append(f"{vector['id']} is in {path.name}")
    runs = 0
    for vector in vectors:
        for how, what in check_bytes(vector) if "input" in vector else check_steps(vector):
            runs += 1
            if what:
                failures.append(f"{vector['id']}, {how}: {what}")
    for name, how, what in check_pairs(vectors):
        runs += 1
        if what:
            failures.append(f"{name}, {how}: {what}")
    if subprocess.run([sys.executable, HERE / "generate.py", "--check"]).returncode != 0:
        failures.append("the files differ from what generate.py writes")
    for failure in failures[:50]:
        print(failure[:600], file=sys.stderr)
    print(f"vectors: {len(vectors)} in {len(files)} files, {runs} runs, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
