#!/usr/bin/env python3
"""Checks deploy/forebay.schema.json: with the sample, and with files that must and mustn't fit.

Reads YAML and validates with other people's libraries, so that what an editor makes of the schema is
what is checked. Exit 1 if anything disagrees.
"""

import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml

HERE = Path(__file__).resolve().parent

GOOD = [
    "log_level: debug",
    "limits:",
    "limits: {frame_bytes_max: 64KiB, heartbeat: 5s, connections_max: 7}",
    "routes: [{name: a, upstream: 'journal:/j', rate: 500/s, burst: 5}]",
    "routes: [{name: a, upstream: 'forebay+tcp:h:1', rate: 0, buffer_bytes: 67108864}]",
    "routes: [{name: a, upstream: 'journal:/j', breaker: {slow_threshold: none, quota_percent: 5}}]",
    "routes: [{name: a, upstream: 'journal:/j', lane_weights: [4, 1, 1, 1, 1, 1, 1, 1]}]",
    "sockets: [{path: /a, mode: 0660}, {path: /b, mode: '0600', class: none}]",
    "classes: [{name: a, uids: [1, 2], lanes: [0], routes: [b]}]",
    "admin: {operate: {uids: [1000]}}",
]

BAD = [
    "log_levl: debug",
    "log_level: loud",
    "drain_timeout: 30",
    "drain_timeout: 30 s",
    "limits: {frame_bytes_max: 1GB}",
    "limits: {connections_max: 0}",
    "limits: {connections_max: '7'}",
    "routes: []",
    "routes: [{name: a}]",
    "routes: [{name: a b, upstream: 'journal:/j'}]",
    "routes: [{name: a, upstream: 'pigeon:x'}]",
    "routes: [{name: a, upstream: 'journal:/j', rate: fast}]",
    "routes: [{name: a, upstream: 'journal:/j', breaker: {quota_percent: 6}}]",
    "routes: [{name: a, upstream: 'journal:/j', ordered: 'true'}]",
    "sockets: [{path: /a, mode: rw}]",
    "sockets: [{mode: 0660}]",
    "classes: [{name: a, lanes: [8]}]",
    "classes: [{name: a, uids: 5}]",
    "admin: {operate: {uid: [1000]}}",
    "5",
]


def switched_on(sample):
    """The sample with every setting that stands behind a '#'."""
    return re.sub(r"(?m)^( *)#(?! \S)", r"\1", sample)


def main():
    schema = json.loads((HERE / "forebay.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    sample = (HERE / "forebay.yaml").read_text()
    failures = []
    for text in [*GOOD, sample, switched_on(sample)]:
        for error in validator.iter_errors(yaml.safe_load(text)):
            failures.append(f"refused: {text[:80]!r}: {error.message[:200]}")
    for text in BAD:
        if validator.is_valid(yaml.safe_load(text)):
            failures.append(f"let through: {text!r}")
    for failure in failures:
        print(f"check_schema: {failure}", file=sys.stderr)
    print(f"check_schema: {len(GOOD) + 2} files fit, {len(BAD)} don't: {len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
