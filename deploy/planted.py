#!/usr/bin/env python3
"""Plants one bug after the other in the core and sees that the simulator finds each: `make planted`.

    deploy/planted.py [--seeds N] [--docs]

Fails if a bug isn't found within N seeds (1000), if seeds fail without any bug, or if the table in
docs/simulation.md names other bugs than Sources/ForebayCore/PlantedBugs.swift. With --docs it writes
that table.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUGS = ROOT / "Sources/ForebayCore/PlantedBugs.swift"
DOCS = ROOT / "docs/simulation.md"
BEGIN, END = "<!-- planted bugs: begin -->", "<!-- planted bugs: end -->"

# What the simulator says, and which of its rules that is. The first that matches counts.
RULES = [
    (r"broken invariant", "an `invariant` of the core, on in release too"),
    (r"counts|miscounts|promised more", "sums found again from the ground up"),
    (r"out of (link )?order|came after", "first in, first out in a session's lane"),
    (r"a client that behaves was closed", "an offence closes only its own connection"),
    (r"never ended|never opened", "in the end everything drains and reopens"),
    (r"delivered twice|delivered \d+ times", "nothing is delivered twice"),
    (r"ended as|was delivered:|was never delivered", "receipts say what the upstream took"),
    (r"nobody has it", "no receipt says `delivered` before the upstream took it"),
    (r"is \w+, then \w+", "one final outcome a message"),
    (r"resuming client wasn't told", "a resuming client is told all that is known of it"),
    (r"dropped without a word|a drain ended early", "a drain keeps its promises"),
    (r"went out while|connects while", "nothing goes out while it may not"),
    (r"probed|probes are out", "half-open, quota and floor are the limit"),
    (r"stale result", "a stale result moves nothing"),
    (r"the breaker closed", "only enough successes, and enough time, close the breaker"),
    (r"just after the closing", "the recovery starts low"),
    (r"retry was due", "nothing is tried again before its time"),
    (r"messages went out, the burst", "no more than the rate allows"),
    (r"are out$|a batch has", "no more in flight than the upstream allows"),
    (r"while others had", "no flow is passed over"),
    (r"an equal share is", "beside others of its user in want, nobody gets more than an equal share"),
    (r"its share is", "open + held stays within the user's share, when granting"),
    (r"was served before|has waited since", "who waits is served in turn"),
    (r"its window is|hasn't seen end|intake is stopped", "grants keep to the client's own limits"),
    (r"isn't told", "windows are told in time"),
    (r"is late with", "deadlines are absolute"),
    (r"GOAWAY", "after GOAWAY nothing is begun, and the link is left"),
    (r"the heap|segment|lost an unsettled|leaves its", "memory is what the messages take"),
    (r"received of .* sent|was lowered", "clients check what they are told"),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    bugs = dict(re.findall(r'case (\w+) =\s*"([^"]*)"', BUGS.read_text()))
    build()
    found, problems = plant(arguments.seeds)
    rows = table(bugs, found, problems)
    print("\n".join(rows))
    if arguments.docs:
        write(rows)
    else:
        compare(rows, problems)
    for problem in problems:
        print(f"planted: {problem}")
    worst = max((seed for seed, _ in found.values()), default=0)
    print(
        f"planted: {len(found)} of {len(bugs)} bugs found, the last after {worst} seeds, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if problems else 0


def build():
    done = subprocess.run(
        "swift build -c release --build-tests --traits PlantedBugs -Xswiftc -enable-testing"
        " -Xswiftc -enforce-exclusivity=unchecked --scratch-path .build-planted".split(),
        cwd=ROOT, env=os.environ | {"SIM_ONLY": "1"}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout)


def plant(seeds):
    """What each bug was found by, and what went wrong."""
    workers = os.cpu_count() or 1
    jobs = [start("everyPlantedBugIsFound", seeds, f"{n + 1}/{workers}") for n in range(workers)]
    jobs.append(start("withoutABugNothingIsFound", seeds))
    found, problems = {}, []
    for job in jobs:
        said, _ = job.communicate()
        for line in said.splitlines():
            if line.startswith("planted: "):
                name, seed, words = line.removeprefix("planted: ").split("\t")
                found[name] = (int(seed), words)
        if job.returncode:
            problems += re.findall(r"↳ (.*isn't found.*)", said) or [said]
    return found, problems


def start(test, seeds, part=""):
    return subprocess.Popen(
        [ROOT / ".build-planted/release/forebayPackageTests.xctest", "--testing-library",
         "swift-testing", "--filter", test],
        env=os.environ | {"PLANTED_SEEDS": str(seeds), "PLANTED_PART": part or "1/1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def table(bugs, found, problems):
    rows = ["| planted bug | what is wrong | found by | seeds |", "|---|---|---|---|"]
    for name, summary in bugs.items():
        seed, words = found.get(name, (None, ""))
        rule = next((rule for pattern, rule in RULES if re.search(pattern, words)), None)
        if seed and not rule:
            problems.append(f"name the rule by which {name} was found: {words}")
        rows.append(f"| `{name}` | {summary} | {rule or '–'} | {seed or 'not found'} |")
    return rows


def parts():
    before, rest = DOCS.read_text().split(BEGIN)
    old, after = rest.split(END)
    return before, old.strip().splitlines(), after


def write(rows):
    before, _, after = parts()
    DOCS.write_text(before + BEGIN + "\n" + "\n".join(rows) + "\n" + END + after)


def compare(rows, problems):
    """Which bugs there are must be right. By what and how soon a bug is found changes with every
    change of the simulator."""
    def named(rows):
        return [row.split(" | ")[:2] for row in rows]

    _, old, _ = parts()
    if named(old) != named(rows):
        problems.append("docs/simulation.md lists other bugs: make planted DOCS=1 writes them")


if __name__ == "__main__":
    sys.exit(main())
