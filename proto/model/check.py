#!/usr/bin/env python3
"""Checks the models of credit and breaker with spin, and that each weakened one fails.

A model that holds says little until it is seen to fail: every rule that a model's head names is taken
out in turn, and spin must then find the kind of fault that is written here.

Usage: check.py [--full]     --full also checks credit with all mischief at once (some minutes)
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

HOLDS = "holds"
ASSERTION = "assertion violated"  # a bound is broken
CYCLE = "acceptance cycle"  # somebody waits for ever

# Each: model, macros, what spin must find. Mischief in pairs covers what all at once would, and is
# checked in a tenth of the time.
RUNS = [
    ("credit", ["CUTS=0"], HOLDS),
    ("credit", ["LOSSES=0"], HOLDS),
    ("credit", ["EARLY=0"], HOLDS),
    ("credit", ["NO_READVERTISE"], CYCLE),
    ("credit", ["ONE_SIDED"], ASSERTION),
    ("credit", ["NO_RECLAIM"], CYCLE),
    ("credit", ["LEAK"], CYCLE),
    ("breaker", [], HOLDS),
    ("breaker", ["NO_FLOOR"], CYCLE),
    ("breaker", ["NO_GENERATION"], ASSERTION),
    ("breaker", ["ONE_SUCCESS"], ASSERTION),
    ("breaker", ["FREE_AT_SEND"], ASSERTION),
]
FULL = [("credit", [], HOLDS)]

DEPTH = 1_000_000
MEGABYTES = 6_000


def command(arguments, folder):
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def verify(model, macros, folder):
    """What spin found (HOLDS, ASSERTION, CYCLE or its own words), and how many states it saw."""
    defines = [f"-D{macro}" for macro in macros]
    status, said = command(["spin", *defines, "-a", str(HERE / f"{model}.pml")], folder)
    if status != 0:
        return said.strip(), 0
    # spin's output isn't free of warnings; nothing of it is ours.
    build = ["gcc", "-O2", "-w", "-DNFAIR=3", f"-DMEMLIM={MEGABYTES}", "-o", "pan", "pan.c"]
    status, said = command(build, folder)
    if status != 0:
        return said.strip(), 0
    _, said = command(["./pan", "-a", "-f", f"-m{DEPTH}", "-w22"], folder)
    states = re.search(r"(\d+) states, stored", said)
    errors = re.search(r"errors: (\d+)", said)
    if "max search depth too small" in said or "out of memory" in said or not errors:
        return "the search wasn't complete: " + said.strip()[-300:], 0
    found = HOLDS if errors[1] == "0" else next((k for k in (ASSERTION, CYCLE) if k in said), said)
    return found, int(states[1]) if states else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    runs = RUNS + (FULL if parser.parse_args().full else [])
    wrong = 0
    for model, macros, expected in runs:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found, states = verify(model, macros, folder)
        mark = "ok" if found == expected else f"WRONG, expected: {expected}"
        wrong += found != expected
        name = " ".join([model, *macros])
        seconds = time.monotonic() - began
        print(f"{name:24} {found:20} {states:>9} states {seconds:5.1f} s  {mark}", flush=True)
    weakened = sum(expected != HOLDS for _, _, expected in runs)
    print(f"{len(runs)} models checked, {weakened} of them weakened: {wrong} not as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
